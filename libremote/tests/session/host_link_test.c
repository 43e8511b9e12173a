/* A host on a live link whose other side, the relay, the test plays. */
#include "host_kit.h"

#include <string.h>

#include "pair_wire.h"
#include "remote/block.h"

uint64_t pair_seed;
void pair_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  abort();
}

#define MESSAGES_MAX 256

typedef struct message {
  uint8_t data[4096];
  size_t bytes;
} message;

static host_kit kit;
static struct {
  lrm_link *link, *relay;
  pair_wire wire;
  uint32_t events, commands; /* channels as opened last */
  unsigned opens;
  remote_v1_Open open; /* the last one */
  lrm_block_reader *reader;
  message got[MESSAGES_MAX]; /* by offset */
  uint64_t from, end;        /* what came on this link */
} t;

static void take_block(const lrm_frame *frame) {
  lrm_slice each;
  assert_int_equal(lrm_block_reader_begin(t.reader, frame->flags, frame->count,
                                          frame->inflated_bytes, frame->payload),
                   0);
  if (t.end == UINT64_MAX) t.from = t.end = frame->offset;
  assert_int_equal(frame->offset, t.end);
  while (lrm_block_reader_next(t.reader, &each)) {
    assert_true(t.end < MESSAGES_MAX && each.bytes <= sizeof t.got[0].data);
    memcpy(t.got[t.end].data, each.data, each.bytes);
    t.got[t.end++].bytes = each.bytes;
  }
  assert_int_equal(t.end, frame->offset + frame->count);
}

static void relay_event(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  if (event->type == LRM_LINK_EVENT_HELLO) {
    remote_v1_Principal principal = remote_v1_Principal_init_zero;
    memcpy(principal.account, "ada", sizeof "ada");
    assert_int_equal(lrm_link_accept(link, &principal, kit.wall_ms, "test", kit.now_ns), 0);
  } else if (event->type == LRM_LINK_EVENT_OPEN) {
    bool events = event->open->log == remote_v1_Log_LOG_EVENTS;
    *(events ? &t.events : &t.commands) = event->channel;
    t.opens += events;
    t.open = *event->open;
  } else if (event->type == LRM_LINK_EVENT_BLOCK) {
    take_block(&event->frame);
  }
}

static void host_event(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  (void)link;
  assert_int_equal(lrm_host_link_event(kit.host, event, kit.wall_ms, kit.now_ns), 0);
}

static int host_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)user;
  (void)link;
  return lrm_host_fetch(kit.host, want, frame);
}

static int nothing_to_fetch(void *user, lrm_link *link, const lrm_link_want *want,
                            lrm_frame *frame) {
  (void)user;
  (void)link;
  (void)want;
  (void)frame;
  return LRM_ERR_NOT_FOUND;
}

static void move(pair_bytes *from, pair_bytes *to) {
  pair_bytes empty = *to;
  assert_int_equal(to->bytes, 0);
  *to = *from;
  *from = empty;
  from->bytes = 0;
}

static void exchange(void) {
  pair_driver host = {host_event, host_fetch, NULL};
  pair_driver relay = {relay_event, nothing_to_fetch, NULL};
  for (int i = 0; i < 8; i++) {
    pair_drive(t.link, &t.wire.down_here, &t.wire.up, &host, kit.now_ns);
    if (t.wire.up_here.bytes == 0) move(&t.wire.up, &t.wire.up_here);
    pair_drive(t.relay, &t.wire.up_here, &t.wire.down, &relay, kit.now_ns);
    if (t.wire.down_here.bytes == 0) move(&t.wire.down, &t.wire.down_here);
    kit_commit(&kit);
    kit.now_ns += MS;
  }
}

static void connect_links(void) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_ACCEPTING,
                            .allocator = lrm_allocator_default()};
  if (t.relay != NULL) {
    lrm_link_detach(t.link, kit.now_ns);
    lrm_host_link_down(kit.host);
    lrm_link_destroy(t.relay);
    pair_wire_clear(&t.wire);
    kit.now_ns += SECOND;
  }
  t.events = t.commands = 0;
  t.end = UINT64_MAX;
  assert_int_equal(lrm_link_create(&config, &t.relay), 0);
  assert_int_equal(lrm_link_attach(t.relay, kit.now_ns), 0);
  assert_int_equal(lrm_link_attach(t.link, kit.now_ns), 0);
  exchange();
}

static int start(void **state) {
  (void)state;
  memset(&t, 0, sizeof t);
  kit_start(&kit, MODE(CONTROL));
  lrm_allocator allocator = lrm_allocator_default();
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = allocator,
                            .link_id = kit_id(1),
                            .role = remote_v1_Role_ROLE_HOST,
                            .token = "t"};
  assert_int_equal(lrm_link_create(&config, &t.link), 0);
  assert_int_equal(lrm_block_reader_create(&allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &t.reader), 0);
  return 0;
}

static int end(void **state) {
  (void)state;
  kit_end(&kit);
  lrm_link_destroy(t.link);
  lrm_link_destroy(t.relay);
  lrm_block_reader_destroy(t.reader);
  pair_wire_free(&t.wire);
  return 0;
}

static void opened(uint64_t next) {
  remote_v1_Opened answer = remote_v1_Opened_init_zero;
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  answer.epoch.size = 16;
  memcpy(answer.epoch.bytes, epoch.bytes, 16);
  answer.next = next;
  answer.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  answer.ceiling = remote_v1_Ceiling_CEILING_CONTROL;
  answer.last_writer_generation = next == 0 ? 0 : kit.config.writer_generation;
  assert_int_equal(lrm_link_opened(t.relay, t.events, &answer, 0, kit.now_ns), 0);
  exchange();
}

static void close_events(uint32_t code, uint64_t retry_after_ms) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  problem.retry_after_ms = retry_after_ms;
  assert_int_equal(lrm_link_close(t.relay, t.events, &problem, 0, kit.now_ns), 0);
  exchange();
}

/* ---- tests ---- */

static void a_link_that_is_live_already_is_used_at_once(void **state) {
  (void)state;
  connect_links();
  assert_int_equal(lrm_link_state_now(t.link), LRM_LINK_LIVE);
  assert_int_equal(t.opens, 0);
  lrm_host_attach_link(kit.host, t.link);
  exchange();
  assert_int_equal(t.opens, 1);
  assert_int_not_equal(t.events, 0);
  opened(0);
  assert_int_equal(t.from, 0);
  assert_int_equal(t.end, lrm_host_position(kit.host).offset);
}

/* A relay may end within a block of the journal, one that gathered while a commit was out: it gets
 * the rest of that block, and the very same messages. */
static void a_relay_may_have_any_beginning(void **state) {
  (void)state;
  static message whole[MESSAGES_MAX];
  for (int i = 0; i < 3; i++) {
    kit_prompt(&kit, "a prompt");
    assert_int_equal(lrm_host_submit_local(kit.host, "go", false, kit.wall_ms, kit.now_ns), 0);
    kit_delta(&kit, "m", "an answer");
    assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
    assert_true(kit_act(&kit));
    kit_turn_ended(&kit, "end_turn");
  }
  kit_commit(&kit);
  lrm_host_attach_link(kit.host, t.link);
  connect_links();
  opened(0);
  uint64_t all = lrm_host_position(kit.host).offset;
  assert_int_equal(t.end, all);
  assert_true(all > 20);
  memcpy(whole, t.got, sizeof whole);
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  for (uint64_t next = 1; next < all; next++) {
    memset(t.got, 0, sizeof t.got);
    connect_links();
    opened(next);
    lrm_id now = lrm_host_position(kit.host).epoch;
    assert_true(lrm_id_equal(&now, &epoch));
    assert_int_equal(t.from, next);
    assert_true(t.end >= all);
    for (uint64_t at = next; at < all; at++) {
      assert_int_equal(t.got[at].bytes, whole[at].bytes);
      assert_memory_equal(t.got[at].data, whole[at].data, whole[at].bytes);
    }
  }
}

static void a_relay_says_when_to_come_again(void **state) {
  (void)state;
  lrm_host_attach_link(kit.host, t.link);
  connect_links();
  opened(0);
  close_events(LRM_CODE_SLOW_DOWN, 5000);
  assert_int_equal(t.opens, 1);
  uint64_t due = lrm_host_deadline(kit.host);
  assert_true(due > kit.now_ns + 4900 * MS && due <= kit.now_ns + 5000 * MS);
  kit.now_ns = due;
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  exchange();
  assert_int_equal(t.opens, 2);
  /* Closed again and again, without a word about time: ever later, but it goes on. */
  uint64_t wait = 0;
  for (unsigned i = 0; i < 12; i++) {
    close_events(LRM_CODE_SLOW_DOWN, 0);
    assert_int_equal(t.opens, 2 + i);
    due = lrm_host_deadline(kit.host);
    assert_true(due != UINT64_MAX && due + 8 * MS >= kit.now_ns + wait / 2);
    wait = due - kit.now_ns;
    kit.now_ns = due;
    assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
    exchange();
    assert_int_equal(t.opens, 3 + i);
  }
  assert_true(wait >= SECOND && wait <= 120 * SECOND);
}

/* A relay whose log holds no set to trim it to asks for one by CLOSE 2002. */
static void a_relay_asks_for_a_snapshot(void **state) {
  (void)state;
  lrm_host_attach_link(kit.host, t.link);
  connect_links();
  opened(0);
  uint64_t set = lrm_log_facts_now(kit.host->events).snapshot;
  kit_delta(&kit, "m", "an answer");
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
  exchange();
  uint64_t had = t.end;
  close_events(LRM_CODE_TRIMMED, 0);
  assert_true(lrm_log_facts_now(kit.host->events).snapshot > set);
  kit.now_ns = lrm_host_deadline(kit.host);
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  exchange();
  assert_int_equal(t.opens, 2);
  opened(had);
  assert_true(t.end >= lrm_log_facts_now(kit.host->events).snapshot_end);
}

static void expect_open_of(const lrm_id *session) {
  assert_int_equal(t.open.session_id.size, 16);
  assert_memory_equal(t.open.session_id.bytes, session->bytes, 16);
}

/* Deleted at the relay: nothing is opened under that id any more; under a new one all of the
 * history goes there, and the next process knows that id. */
static void a_deleted_session_goes_on_as_another(void **state) {
  (void)state;
  lrm_host_attach_link(kit.host, t.link);
  connect_links();
  lrm_id first = lrm_host_session_id(kit.host), second = kit_id(77);
  expect_open_of(&first);
  opened(0);
  lrm_id waiting = kit_prompt(&kit, "never to be run");
  (void)waiting;
  close_events(LRM_CODE_NOT_FOUND, 0);
  assert_true(lrm_host_deleted(kit.host));
  assert_true(kit_act(&kit));
  while (kit.action.type != LRM_ACTION_RESTART_LINK) assert_true(kit_act(&kit));
  assert_int_equal(kit.action.code, LRM_CODE_NOT_FOUND);
  unsigned opens = t.opens;
  connect_links();
  lrm_host_attach_link(kit.host, t.link);
  exchange();
  assert_int_equal(t.opens, opens);
  assert_int_equal(lrm_host_renew(kit.host, &first, kit.wall_ms, kit.now_ns), LRM_ERR_USAGE);
  assert_int_equal(lrm_host_renew(kit.host, &second, kit.wall_ms, kit.now_ns), 0);
  assert_false(lrm_host_deleted(kit.host));
  assert_int_equal(
      lrm_host_set_remote_mode(kit.host, (uint32_t)MODE(CONTROL), "", kit.wall_ms, kit.now_ns), 0);
  exchange();
  assert_int_equal(t.opens, opens + 1);
  expect_open_of(&second);
  t.end = UINT64_MAX;
  opened(0);
  assert_int_equal(t.from, 0); /* all of it */
  assert_int_equal(t.end, lrm_host_position(kit.host).offset);
  kit_commit(&kit);
  kit_restart(&kit, false);
  lrm_id after = lrm_host_session_id(kit.host);
  assert_true(lrm_id_equal(&after, &second));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_link_that_is_live_already_is_used_at_once),
      TEST(a_relay_may_have_any_beginning),
      TEST(a_relay_says_when_to_come_again),
      TEST(a_relay_asks_for_a_snapshot),
      TEST(a_deleted_session_goes_on_as_another),
  };
  return cmocka_run_group_tests_name("host_link", tests, NULL, NULL);
}
