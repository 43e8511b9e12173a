/* Paging back, on a live link whose other side the test plays as docs/spec.md 3.17 and 3.18 say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "failing.h"
#include "pair_wire.h"
#include "remote/block.h"
#include "remote/history.h"

uint64_t pair_seed;
void pair_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  abort();
}

#define LOG_MAX 400
#define TOLD_MAX 512

static failing memory; /* of the history */

/* The log: events whose activity text is their offset, in blocks of several. */
typedef struct stored_block {
  lrm_frame frame;
  uint8_t payload[1024];
} stored_block;

static struct {
  lrm_allocator allocator;
  lrm_link *link, *relay;
  lrm_history *history;
  pair_wire wire;
  uint64_t now_ns;
  stored_block blocks[LOG_MAX];
  size_t blocks_count;
  uint64_t log_first, log_end;
  lrm_id epoch;
  uint32_t channel;
  remote_v1_Open open;
  unsigned opens;
  uint32_t refuse;       /* the next OPEN is closed with this code */
  uint64_t extend_limit; /* the relay sends below this only */
  lrm_history_event told[TOLD_MAX];
  char text[TOLD_MAX][24];
  size_t told_count;
  uint32_t problem;
} t;

static lrm_id id_of(uint8_t last) {
  lrm_id id = {{7}};
  id.bytes[15] = last;
  return id;
}

/* ---- the relay ---- */

static void add_block(uint32_t count, uint32_t flags) {
  lrm_block_builder *builder;
  lrm_block block;
  assert_int_equal(lrm_block_builder_create(&t.allocator, &builder), 0);
  for (uint32_t i = 0; i < count; i++) {
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    Remote__V1__SessionState state = REMOTE__V1__SESSION_STATE__INIT;
    Remote__V1__TitleChanged title = REMOTE__V1__TITLE_CHANGED__INIT;
    char text[24];
    uint8_t packed[128];
    snprintf(text, sizeof text, "%u", (unsigned)(t.log_end + i));
    title.title = text;
    if ((flags & LRM_FLAG_SNAPSHOT) != 0) {
      event.body_case = REMOTE__V1__EVENT__BODY_SESSION_STATE;
      event.session_state = &state;
    } else {
      event.body_case = REMOTE__V1__EVENT__BODY_TITLE_CHANGED;
      event.title_changed = &title;
    }
    assert_int_equal(
        lrm_block_builder_add(builder, packed, remote__v1__event__pack(&event, packed)), 0);
  }
  assert_int_equal(lrm_block_builder_finish(builder, false, &block), 0);
  assert_true(t.blocks_count < LOG_MAX && block.payload.bytes <= sizeof t.blocks[0].payload);
  stored_block *stored = &t.blocks[t.blocks_count++];
  memcpy(stored->payload, block.payload.data, block.payload.bytes);
  stored->frame = (lrm_frame){.type = LRM_FRAME_BLOCK,
                              .offset = t.log_end,
                              .count = count,
                              .flags = flags,
                              .payload = {stored->payload, block.payload.bytes}};
  if ((flags & LRM_FLAG_SNAPSHOT) != 0) stored->frame.part = stored->frame.parts = 1;
  t.log_end += count;
  lrm_block_builder_destroy(builder);
}

static void close_with(uint32_t code) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  assert_int_equal(lrm_link_close(t.relay, t.channel, &problem, 0, t.now_ns), 0);
}

/* The rows of 3.17 that a bounded RESUME can meet. */
static void answer_open(void) {
  bool same = memcmp(t.open.epoch.bytes, t.epoch.bytes, 16) == 0;
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  assert_true(t.open.start == remote_v1_Start_START_RESUME && t.open.until != 0);
  if (t.refuse != 0 || !same || (t.open.next < t.log_first && t.open.until <= t.log_first)) {
    close_with(t.refuse != 0 ? t.refuse : !same ? LRM_CODE_EPOCH : LRM_CODE_TRIMMED);
    t.refuse = 0;
    return;
  }
  opened.epoch.size = 16;
  memcpy(opened.epoch.bytes, t.epoch.bytes, 16);
  opened.next = t.open.next < t.log_first ? t.log_first : t.open.next;
  opened.watermark = t.log_end;
  opened.outcome = t.open.next < t.log_first ? remote_v1_OpenOutcome_OPEN_OUTCOME_SNAPSHOT
                                             : remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  assert_int_equal(lrm_link_opened(t.relay, t.channel, &opened, 0, t.now_ns), 0);
  uint64_t end = t.log_end < t.extend_limit ? t.log_end : t.extend_limit;
  int result = lrm_link_extend(t.relay, t.channel, end, 0, 0, t.now_ns);
  assert_true(result == 0 || result == LRM_ERR_NOT_FOUND); /* the page may be empty */
}

static void relay_event(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  if (event->type == LRM_LINK_EVENT_HELLO) {
    remote_v1_Principal principal = remote_v1_Principal_init_zero;
    memcpy(principal.account, "ada", sizeof "ada");
    assert_int_equal(lrm_link_accept(link, &principal, 1700000000000, "test", t.now_ns), 0);
  } else if (event->type == LRM_LINK_EVENT_OPEN) {
    t.channel = event->channel;
    t.open = *event->open;
    t.opens++;
    answer_open();
  }
}

static int relay_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)user;
  (void)link;
  for (size_t i = 0; i < t.blocks_count; i++) {
    const lrm_frame *block = &t.blocks[i].frame;
    if (want->offset < block->offset || want->offset >= block->offset + block->count) continue;
    *frame = *block;
    return 0;
  }
  return LRM_ERR_NOT_FOUND;
}

/* ---- the reader ---- */

static void drain(void) {
  lrm_history_event event;
  while (lrm_history_next_event(t.history, &event)) {
    assert_true(t.told_count < TOLD_MAX);
    if (event.type == LRM_HISTORY_EVENT)
      snprintf(t.text[t.told_count], sizeof t.text[0], "%s", event.event->title_changed->title);
    if (event.type == LRM_HISTORY_FAILED) t.problem = event.problem->code;
    t.told[t.told_count++] = event;
  }
}

static void reader_event(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  (void)link;
  (void)lrm_history_link_event(t.history, event, t.now_ns);
  drain();
}

static void move(pair_bytes *from, pair_bytes *to) {
  pair_bytes empty = *to;
  *to = *from;
  *from = empty;
  from->bytes = 0;
}

static void exchange(void) {
  pair_driver reader = {reader_event, NULL, NULL};
  pair_driver relay = {relay_event, relay_fetch, NULL};
  drain();
  for (int i = 0; i < 24; i++) {
    pair_drive(t.link, &t.wire.down_here, &t.wire.up, &reader, t.now_ns);
    if (t.wire.up_here.bytes == 0) move(&t.wire.up, &t.wire.up_here);
    pair_drive(t.relay, &t.wire.up_here, &t.wire.down, &relay, t.now_ns);
    if (t.wire.down_here.bytes == 0) move(&t.wire.down, &t.wire.down_here);
    t.now_ns += MS;
  }
  drain();
}

static void attach(void) {
  lrm_link_config config = {
      .struct_bytes = sizeof config, .side = LRM_SIDE_ACCEPTING, .allocator = t.allocator};
  if (t.relay != NULL) {
    lrm_link_detach(t.link, t.now_ns);
    lrm_history_link_down(t.history);
    lrm_link_destroy(t.relay);
    pair_wire_clear(&t.wire);
    t.now_ns += SECOND;
  }
  assert_int_equal(lrm_link_create(&config, &t.relay), 0);
  assert_int_equal(lrm_link_attach(t.relay, t.now_ns), 0);
  assert_int_equal(lrm_link_attach(t.link, t.now_ns), 0);
  exchange();
}

static int start(void **state) {
  (void)state;
  memset(&t, 0, sizeof t);
  memset(&memory, 0, sizeof memory);
  t.allocator = lrm_allocator_default();
  t.now_ns = 100 * SECOND;
  t.epoch = id_of(20);
  t.extend_limit = UINT64_MAX;
  lrm_link_config link = {.struct_bytes = sizeof link,
                          .side = LRM_SIDE_CONNECTING,
                          .allocator = t.allocator,
                          .credit_window_bytes = 256, /* a page is many windows */
                          .link_id = id_of(1),
                          .role = 2,
                          .token = "t"};
  assert_int_equal(lrm_link_create(&link, &t.link), 0);
  lrm_history_config config = {.struct_bytes = sizeof config,
                               .allocator = failing_allocator(&memory),
                               .link = t.link,
                               .session_id = id_of(2)};
  assert_int_equal(lrm_history_create(&config, &t.history), 0);
  attach();
  return 0;
}

static int end(void **state) {
  (void)state;
  lrm_history_destroy(t.history);
  assert_int_equal(memory.blocks, 0);
  lrm_link_destroy(t.link);
  lrm_link_destroy(t.relay);
  pair_wire_free(&t.wire);
  return 0;
}

static void read_page(uint64_t before, uint64_t count) {
  t.told_count = 0;
  assert_int_equal(lrm_history_read(t.history, (lrm_position){id_of(20), before}, count, t.now_ns),
                   0);
  exchange();
}

/* told[] from `at` on are the events first..last. Returns the index behind. */
static size_t expect_events(size_t at, uint64_t first, uint64_t last) {
  char text[24];
  for (uint64_t offset = first; offset <= last; offset++, at++) {
    assert_true(at < t.told_count);
    assert_int_equal(t.told[at].type, LRM_HISTORY_EVENT);
    assert_int_equal(t.told[at].offset, offset);
    snprintf(text, sizeof text, "%u", (unsigned)offset);
    assert_string_equal(t.text[at], text);
  }
  return at;
}

static void expect_done(size_t at, uint64_t offset, bool first, bool trimmed) {
  assert_int_equal(t.told_count, at + 1);
  assert_int_equal(t.told[at].type, LRM_HISTORY_DONE);
  assert_int_equal(t.told[at].offset, offset);
  assert_int_equal(t.told[at].first, first);
  assert_int_equal(t.told[at].trimmed, trimmed);
  assert_false(lrm_history_reading(t.history));
}

/* ---- tests ---- */

static void pages_meet_without_gap_or_overlap(void **state) {
  (void)state;
  for (int i = 0; i < 9; i++) add_block(5, 0); /* pages begin and end inside of blocks */
  read_page(45, 20);
  expect_done(expect_events(0, 25, 44), 25, false, false);
  read_page(25, 20);
  expect_done(expect_events(0, 5, 24), 5, false, false);
  read_page(5, 20);
  expect_done(expect_events(0, 0, 4), 0, true, false);
  read_page(0, 20);
  expect_done(0, 0, true, false);
  assert_int_equal(t.opens, 3);
  assert_int_equal(lrm_link_channels(t.link), 0);
}

static void sets_and_bad_blocks_are_passed(void **state) {
  (void)state;
  add_block(2, 0);
  add_block(1, LRM_FLAG_SNAPSHOT);
  add_block(2, 0);
  add_block(3, 0);
  t.blocks[3].payload[0] = 0xff; /* not so many messages */
  add_block(1, 0);
  t.blocks[4].payload[t.blocks[4].frame.payload.bytes - 1] = 0; /* a NUL in a string */
  add_block(1, 0);
  read_page(10, 10);
  size_t at = expect_events(0, 0, 1);
  assert_int_equal(t.told[at].type, LRM_HISTORY_PASSED);
  assert_int_equal(t.told[at].offset, 2);
  assert_int_equal(t.told[at++].unreadable, false);
  at = expect_events(at, 3, 4);
  assert_int_equal(t.told[at].type, LRM_HISTORY_PASSED);
  assert_int_equal(t.told[at].offset, 5);
  assert_int_equal(t.told[at].count, 3);
  assert_true(t.told[at++].unreadable);
  assert_int_equal(t.told[at].offset, 8);
  assert_true(t.told[at++].unreadable);
  at = expect_events(at, 9, 9);
  expect_done(at, 0, true, false);
}

static void what_is_left_of_a_trimmed_page(void **state) {
  (void)state;
  for (int i = 0; i < 6; i++) add_block(5, 0);
  t.log_first = 10;
  read_page(20, 15);
  expect_done(expect_events(0, 10, 19), 10, true, true);
  read_page(8, 5);
  assert_int_equal(t.told_count, 1);
  assert_int_equal(t.told[0].type, LRM_HISTORY_FAILED);
  assert_int_equal(t.problem, LRM_CODE_TRIMMED);
}

static void another_epoch_is_said(void **state) {
  (void)state;
  add_block(5, 0);
  t.epoch = id_of(21);
  read_page(5, 5);
  assert_int_equal(t.told_count, 1);
  assert_int_equal(t.told[0].type, LRM_HISTORY_FAILED);
  assert_int_equal(t.problem, LRM_CODE_EPOCH);
  assert_false(lrm_history_reading(t.history));
}

static void a_cut_is_gone_over(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) add_block(5, 0);
  t.extend_limit = 12;
  read_page(20, 20);
  (void)expect_events(0, 0, 11);
  uint64_t told, wanted;
  lrm_history_progress(t.history, &told, &wanted);
  assert_true(told >= 12 && wanted == 20);
  size_t before = t.told_count;
  assert_true(lrm_history_reading(t.history));
  t.extend_limit = UINT64_MAX;
  attach();
  assert_int_equal(t.opens, 2);
  assert_int_equal(t.open.next, before);
  expect_done(expect_events(0, 0, 19), 0, true, false);
}

static void a_relay_that_is_busy_or_behind_is_asked_again(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) add_block(5, 0);
  t.refuse = LRM_CODE_SLOW_DOWN;
  read_page(15, 15);
  assert_int_equal(t.told_count, 0);
  assert_true(lrm_history_deadline(t.history) != UINT64_MAX);
  t.now_ns += SECOND;
  lrm_history_expire(t.history, t.now_ns);
  exchange(); /* it ends at 10: the host has not brought the rest yet */
  size_t at = expect_events(0, 0, 9);
  assert_int_equal(t.told_count, at);
  add_block(5, 0);
  t.now_ns += SECOND;
  lrm_history_expire(t.history, t.now_ns);
  exchange();
  expect_done(expect_events(0, 0, 14), 0, true, false);
}

static void one_at_a_time_and_given_up(void **state) {
  (void)state;
  add_block(5, 0);
  t.extend_limit = 0;
  read_page(5, 5);
  lrm_position place = {id_of(20), 5};
  assert_int_equal(lrm_history_read(t.history, place, 5, t.now_ns), LRM_ERR_STATE);
  lrm_history_cancel(t.history);
  exchange();
  assert_int_equal(t.told_count, 0);
  assert_int_equal(lrm_link_channels(t.link), 0);
  assert_int_equal(lrm_history_read(t.history, place, 0, t.now_ns), LRM_ERR_USAGE);
  assert_int_equal(lrm_history_read(t.history, (lrm_position){{{0}}, 5}, 5, t.now_ns),
                   LRM_ERR_USAGE);
  t.extend_limit = UINT64_MAX;
  read_page(5, 2);
  expect_done(expect_events(0, 3, 4), 3, false, false);
}

static void any_log_in_any_pages(void **state) {
  (void)state;
  pair_random random = {1};
  for (int round = 0; round < 40; round++) {
    bool event[LOG_MAX * 8] = {false}, seen[LOG_MAX * 8] = {false};
    t.blocks_count = 0;
    t.log_end = 0;
    size_t blocks = 1 + pair_below(&random, 60);
    for (size_t i = 0; i < blocks; i++) {
      uint32_t count = 1 + (uint32_t)pair_below(&random, 6);
      bool set = pair_once_in(&random, 7);
      for (uint64_t k = t.log_end; k < t.log_end + count; k++) event[k] = !set;
      add_block(count, set ? LRM_FLAG_SNAPSHOT : 0);
    }
    for (uint64_t before = t.log_end; before > 0;) {
      read_page(before, 1 + pair_below(&random, 40));
      assert_true(t.told_count > 0);
      const lrm_history_event *done = &t.told[t.told_count - 1];
      assert_int_equal(done->type, LRM_HISTORY_DONE);
      for (size_t i = 0; i + 1 < t.told_count; i++) {
        if (t.told[i].type != LRM_HISTORY_EVENT) continue;
        assert_true(t.told[i].offset >= done->offset && t.told[i].offset < before);
        assert_false(seen[t.told[i].offset]);
        seen[t.told[i].offset] = true;
      }
      before = done->offset;
    }
    assert_memory_equal(event, seen, sizeof seen);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(pages_meet_without_gap_or_overlap, start, end),
      cmocka_unit_test_setup_teardown(sets_and_bad_blocks_are_passed, start, end),
      cmocka_unit_test_setup_teardown(what_is_left_of_a_trimmed_page, start, end),
      cmocka_unit_test_setup_teardown(another_epoch_is_said, start, end),
      cmocka_unit_test_setup_teardown(a_cut_is_gone_over, start, end),
      cmocka_unit_test_setup_teardown(a_relay_that_is_busy_or_behind_is_asked_again, start, end),
      cmocka_unit_test_setup_teardown(one_at_a_time_and_given_up, start, end),
      cmocka_unit_test_setup_teardown(any_log_in_any_pages, start, end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
