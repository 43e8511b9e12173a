/* The client's rules, one by one, on a live link whose other side the test plays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "failing.h"
#include "pair_wire.h"
#include "remote/block.h"
#include "remote/client.h"
#include "session/host_tools.h"

uint64_t pair_seed;
void pair_fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  abort();
}

#define OUTCOME(name) REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_##name

/* ---- both sides ---- */

typedef struct opened_channel {
  uint32_t number;
  remote_v1_Open open;
} opened_channel;

static failing memory; /* the client's */

static struct {
  lrm_allocator allocator;
  lrm_link *link, *relay;
  lrm_client *client;
  pair_wire wire;
  uint64_t now_ns;
  opened_channel events, commands; /* the last OPEN of each */
  unsigned events_opened, commands_opened, events_answered, commands_answered;
  uint32_t closed_code; /* what the client closed a channel with */
  uint64_t closed_offset;
  lrm_envelope sent[16]; /* command blocks */
  uint64_t sent_at[16];
  Remote__V1__Command *bodies[16];
  size_t sent_count;
  /* what the client told */
  lrm_client_event_type told[64];
  uint64_t told_offset[64];
  size_t told_count;
  bool reset;
  uint32_t problem;
  uint64_t unreadable, unreadable_at; /* how many, from where on */
} t;

static void relay_event(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  if (event->type == LRM_LINK_EVENT_HELLO) {
    remote_v1_Principal principal = remote_v1_Principal_init_zero;
    memcpy(principal.account, "ada", sizeof "ada");
    assert_int_equal(lrm_link_accept(link, &principal, 1700000000000, "test", t.now_ns), 0);
  } else if (event->type == LRM_LINK_EVENT_OPEN) {
    bool events = event->open->log == remote_v1_Log_LOG_EVENTS;
    opened_channel *channel = events ? &t.events : &t.commands;
    channel->number = event->channel;
    channel->open = *event->open;
    if (events)
      t.events_opened++;
    else
      t.commands_opened++;
  } else if (event->type == LRM_LINK_EVENT_CLOSED) {
    t.closed_code = event->problem->code;
    t.closed_offset = event->frame.offset;
  } else if (event->type == LRM_LINK_EVENT_BLOCK) {
    const uint8_t *data = event->frame.payload.data;
    size_t head = data[0] < 0x80 ? 1 : 2;
    assert_true(t.sent_count < 16);
    lrm_envelope *envelope = &t.sent[t.sent_count];
    assert_int_equal(lrm_envelope_decode(data + head, event->frame.payload.bytes - head, envelope),
                     0);
    t.bodies[t.sent_count] =
        remote__v1__command__unpack(NULL, envelope->command.bytes, envelope->command.data);
    t.sent_at[t.sent_count++] = event->frame.offset;
  }
}

static int relay_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame);

static void drain(void) {
  lrm_client_event event;
  while (lrm_client_next_event(t.client, &event)) {
    assert_true(t.told_count < 64);
    t.told[t.told_count] = event.type;
    t.told_offset[t.told_count++] = event.offset;
    if (event.type == LRM_CLIENT_SNAPSHOT || event.type == LRM_CLIENT_EVENT) t.reset = event.reset;
    if (event.type == LRM_CLIENT_CLOSED) t.problem = event.problem->code;
    if (event.type != LRM_CLIENT_UNREADABLE) continue;
    assert_int_equal(event.code, LRM_CODE_DECODE);
    t.unreadable += event.count;
    t.unreadable_at = event.offset;
  }
}

static void client_event(void *user, lrm_link *link, const lrm_link_event *event) {
  (void)user;
  (void)link;
  (void)lrm_client_link_event(t.client, event, t.now_ns);
  drain();
}

static int client_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)user;
  (void)link;
  return lrm_client_fetch(t.client, want, frame);
}

static void move(pair_bytes *from, pair_bytes *to) {
  pair_bytes empty = *to;
  assert_int_equal(to->bytes, 0);
  *to = *from;
  *from = empty;
  from->bytes = 0;
}

static void exchange(void) {
  pair_driver client = {client_event, client_fetch, NULL};
  pair_driver relay = {relay_event, relay_fetch, NULL};
  for (int i = 0; i < 12; i++) {
    pair_drive(t.link, &t.wire.down_here, &t.wire.up, &client, t.now_ns);
    if (t.wire.up_here.bytes == 0) move(&t.wire.up, &t.wire.up_here);
    pair_drive(t.relay, &t.wire.up_here, &t.wire.down, &relay, t.now_ns);
    if (t.wire.down_here.bytes == 0) move(&t.wire.down, &t.wire.down_here);
    t.now_ns += MS;
  }
  drain();
}

/* ---- what the relay has: blocks by offset ---- */

static struct {
  lrm_frame frame;
  uint8_t payload[4096];
} blocks[32];
static size_t blocks_count;
static uint64_t blocks_end;

static int relay_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  (void)user;
  (void)link;
  for (size_t i = 0; i < blocks_count; i++) {
    lrm_frame *block = &blocks[i].frame;
    if (want->offset < block->offset || want->offset >= block->offset + block->count) continue;
    *frame = *block;
    return 0;
  }
  return LRM_ERR_NOT_FOUND;
}

static void extend(void) {
  assert_int_equal(lrm_link_extend(t.relay, t.events.number, blocks_end, 0, 0, t.now_ns), 0);
  exchange();
}

static void add_block(const Remote__V1__Event *event, uint64_t offset, uint32_t flags) {
  uint8_t packed[4000];
  lrm_block_builder *builder;
  lrm_block block;
  assert_int_equal(lrm_block_builder_create(&t.allocator, &builder), 0);
  size_t bytes = remote__v1__event__pack(event, packed);
  assert_int_equal(lrm_block_builder_add(builder, packed, bytes), 0);
  assert_int_equal(lrm_block_builder_finish(builder, false, &block), 0);
  lrm_frame *frame = &blocks[blocks_count].frame;
  *frame = (lrm_frame){.type = LRM_FRAME_BLOCK, .offset = offset, .count = 1, .flags = flags};
  if ((flags & LRM_FLAG_SNAPSHOT) != 0) frame->part = frame->parts = 1;
  memcpy(blocks[blocks_count].payload, block.payload.data, block.payload.bytes);
  frame->payload = (lrm_slice){blocks[blocks_count].payload, block.payload.bytes};
  lrm_block_builder_destroy(builder);
  blocks_count++;
  blocks_end = offset + 1;
}

static void add_title(uint64_t offset, const char *title) {
  Remote__V1__TitleChanged changed = REMOTE__V1__TITLE_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  changed.title = lrm__text(title);
  event.body_case = REMOTE__V1__EVENT__BODY_TITLE_CHANGED;
  event.title_changed = &changed;
  add_block(&event, offset, 0);
}

/* A state with a title and, if `id` is given, one outcome. */
static void add_snapshot(uint64_t offset, const char *title, const lrm_id *id, uint32_t outcome) {
  Remote__V1__KnownOutcome known = REMOTE__V1__KNOWN_OUTCOME__INIT;
  Remote__V1__KnownOutcome *list[] = {&known};
  Remote__V1__SessionState state = REMOTE__V1__SESSION_STATE__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  state.title = lrm__text(title);
  if (id != NULL) {
    known.command_id = lrm__id_data(id);
    known.outcome = (Remote__V1__CommandOutcomeKind)outcome;
    state.outcomes = list;
    state.n_outcomes = 1;
  }
  event.body_case = REMOTE__V1__EVENT__BODY_SESSION_STATE;
  event.session_state = &state;
  add_block(&event, offset, LRM_FLAG_SNAPSHOT | LRM_FLAG_CLEARS_TAIL);
}

static void add_outcome(uint64_t offset, const Remote__V1__CommandOutcome *outcome) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  union {
    const Remote__V1__CommandOutcome *in;
    Remote__V1__CommandOutcome *out;
  } body = {.in = outcome};
  event.body_case = REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME;
  event.command_outcome = body.out;
  add_block(&event, offset, 0);
}

/* ---- scripts ---- */

static lrm_id id_of(uint8_t last) {
  lrm_id id = {{9}};
  id.bytes[15] = last;
  return id;
}

static void attach(void) {
  lrm_link_config config = {
      .struct_bytes = sizeof config, .side = LRM_SIDE_ACCEPTING, .allocator = t.allocator};
  if (t.relay != NULL) {
    lrm_link_detach(t.link, t.now_ns);
    lrm_client_link_down(t.client);
    lrm_link_destroy(t.relay);
    pair_wire_clear(&t.wire);
    t.now_ns += SECOND;
  }
  assert_int_equal(lrm_link_create(&config, &t.relay), 0);
  assert_int_equal(lrm_link_attach(t.relay, t.now_ns), 0);
  assert_int_equal(lrm_link_attach(t.link, t.now_ns), 0);
  exchange();
}

static void start_with(uint32_t start, uint64_t until) {
  memset(&t, 0, sizeof t);
  memset(&memory, 0, sizeof memory);
  blocks_count = 0;
  blocks_end = 0;
  t.allocator = lrm_allocator_default();
  t.now_ns = 100 * SECOND;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = t.allocator,
                            .link_id = id_of(1),
                            .role = 2,
                            .token = "t"};
  assert_int_equal(lrm_link_create(&config, &t.link), 0);
  lrm_client_config client = {.struct_bytes = sizeof client,
                              .allocator = failing_allocator(&memory),
                              .link = t.link,
                              .link_id = id_of(1),
                              .session_id = id_of(2),
                              .seed = {1, 2},
                              .start = start,
                              .until = until,
                              .publish = until == 0};
  if (until != 0) client.from = (lrm_position){id_of(20), 0};
  assert_int_equal(lrm_client_create(&client, &t.client), 0);
  attach();
}

static int start(void **state) {
  (void)state;
  start_with(0, 0);
  return 0;
}

static int end(void **state) {
  (void)state;
  lrm_client_destroy(t.client);
  assert_int_equal(memory.blocks, 0);
  lrm_link_destroy(t.link);
  lrm_link_destroy(t.relay);
  pair_wire_free(&t.wire);
  for (size_t i = 0; i < t.sent_count; i++) remote__v1__command__free_unpacked(t.bodies[i], NULL);
  return 0;
}

static void opened(opened_channel *channel, const lrm_id *epoch, uint64_t next, uint64_t watermark,
                   remote_v1_OpenOutcome outcome) {
  remote_v1_Opened answer = remote_v1_Opened_init_zero;
  answer.epoch.size = lrm_id_none(epoch) ? 0 : 16;
  memcpy(answer.epoch.bytes, epoch->bytes, 16);
  answer.next = next;
  answer.watermark = watermark;
  answer.outcome = outcome;
  answer.ceiling = remote_v1_Ceiling_CEILING_CONTROL;
  assert_int_equal(lrm_link_opened(t.relay, channel->number, &answer, 0, t.now_ns), 0);
  exchange();
}

#define CONTINUED remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED
#define SNAPSHOT remote_v1_OpenOutcome_OPEN_OUTCOME_SNAPSHOT
#define RESET remote_v1_OpenOutcome_OPEN_OUTCOME_RESET

/* Reads two titles of epoch 20 and is in sync; commands may be published. */
static void begin(void) {
  lrm_id epoch = id_of(20), outbox = id_of(1);
  add_title(0, "one");
  add_title(1, "two");
  opened(&t.events, &epoch, 0, 2, CONTINUED);
  extend();
  opened(&t.commands, &outbox, 0, 0, CONTINUED);
}

static void status(uint8_t commands_epoch, uint64_t delivered) {
  remote_v1_LogStatus said = remote_v1_LogStatus_init_zero;
  lrm_id epoch = id_of(commands_epoch);
  said.commands_epoch.size = 16;
  memcpy(said.commands_epoch.bytes, epoch.bytes, 16);
  said.commands_delivered = delivered;
  assert_int_equal(lrm_link_send_log_status(t.relay, t.events.number, &said, t.now_ns), 0);
  exchange();
}

static void receipt(uint64_t offset, const lrm_id *id, uint8_t commands_epoch, uint64_t stored_at,
                    uint32_t refused) {
  remote_v1_Receipt said = remote_v1_Receipt_init_zero;
  lrm_id epoch = id_of(commands_epoch);
  said.command_id.size = 16;
  memcpy(said.command_id.bytes, id->bytes, 16);
  if (refused != 0) {
    said.which_result = remote_v1_Receipt_problem_tag;
    said.result.problem.code = refused;
    said.result.problem.layer = remote_v1_Layer_LAYER_ORGANIZATION;
  } else {
    said.which_result = remote_v1_Receipt_stored_tag;
    said.result.stored.epoch.size = 16;
    memcpy(said.result.stored.epoch.bytes, epoch.bytes, 16);
    said.result.stored.offset = stored_at;
  }
  assert_int_equal(lrm_link_send_receipt(t.relay, t.commands.number, offset, &said, t.now_ns), 0);
  exchange();
}

static void close_channel(const opened_channel *channel, uint32_t code) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  assert_int_equal(lrm_link_close(t.relay, channel->number, &problem, 0, t.now_ns), 0);
  exchange();
}

static lrm_id prompt(void) {
  Remote__V1__SubmitPrompt body = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  lrm_id id;
  body.text = lrm__text("go");
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &body;
  assert_int_equal(lrm_client_submit(t.client, &command, 0, &id, t.now_ns), 0);
  exchange();
  return id;
}

static lrm_command command_of(const lrm_id *id) {
  lrm_command command;
  assert_int_equal(lrm_client_command(t.client, id, &command), 0);
  return command;
}

static bool told(lrm_client_event_type type) {
  for (size_t i = 0; i < t.told_count; i++)
    if (t.told[i] == type) return true;
  return false;
}

static const char *title(void) { return lrm_view_state(lrm_client_view(t.client))->title; }

/* ---- commands ---- */

static void a_command_goes_through_its_states(void **state) {
  (void)state;
  lrm_id early;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &probe;
  assert_int_equal(lrm_client_submit(t.client, &command, 0, &early, t.now_ns), LRM_ERR_STATE);
  begin();
  lrm_id id = prompt();
  assert_int_equal(command_of(&id).state, LRM_COMMAND_SENT);
  assert_int_equal(t.sent_count, 1);
  lrm_id epoch = id_of(20);
  assert_true(lrm_id_equal(&t.sent[0].event_epoch, &epoch));
  assert_int_equal(t.sent[0].command_class, remote_v1_CommandClass_COMMAND_CLASS_CONTROL);
  status(30, 5);
  receipt(0, &id, 30, 5, 0);
  assert_int_equal(command_of(&id).state, LRM_COMMAND_STORED);
  status(30, 6);
  assert_int_equal(command_of(&id).state, LRM_COMMAND_DELIVERED);
  assert_int_equal(lrm_client_pending(t.client), 1);
  Remote__V1__CommandOutcome outcome = REMOTE__V1__COMMAND_OUTCOME__INIT;
  outcome.command_id = lrm__id_data(&id);
  outcome.outcome = OUTCOME(REJECTED);
  outcome.code = LRM_CODE_AGENT_ERROR;
  outcome.reason = lrm__text("it would not");
  add_outcome(2, &outcome);
  extend();
  assert_int_equal(command_of(&id).state, LRM_COMMAND_DONE);
  assert_int_equal(command_of(&id).code, LRM_CODE_AGENT_ERROR);
  assert_string_equal(command_of(&id).full->reason, "it would not");
  assert_int_equal(lrm_client_pending(t.client), 0);
  assert_true(told(LRM_CLIENT_COMMAND));
}

static void cancel_and_steer_grow_stale(void **state) {
  (void)state;
  begin();
  Remote__V1__CancelTurn cancel = REMOTE__V1__CANCEL_TURN__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  lrm_id id;
  command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  command.cancel_turn = &cancel;
  assert_int_equal(lrm_client_submit(t.client, &command, 0, &id, t.now_ns), 0);
  prompt();
  assert_int_equal(t.sent[0].ttl_ms, 60000);
  assert_int_equal(t.sent[1].ttl_ms, 0);
}

static void a_refusal_by_receipt_is_the_outcome(void **state) {
  (void)state;
  begin();
  lrm_id id = prompt();
  lrm_id nobody = id_of(77);
  lrm_command none;
  assert_int_equal(lrm_client_command(t.client, &nobody, &none), LRM_ERR_NOT_FOUND);
  receipt(0, &id, 0, 0, LRM_CODE_COMMAND_POLICY);
  lrm_command command = command_of(&id);
  assert_int_equal(command.outcome, OUTCOME(REJECTED));
  assert_int_equal(command.code, LRM_CODE_COMMAND_POLICY);
  assert_int_equal(command.layer, remote_v1_Layer_LAYER_ORGANIZATION);
  assert_null(command.full);
}

static void another_commands_epoch_is_published_to_again(void **state) {
  (void)state;
  begin();
  status(30, 0);
  lrm_id first = prompt(), second = prompt();
  receipt(0, &first, 30, 0, 0);
  receipt(1, &second, 30, 1, 0);
  assert_int_equal(t.commands_opened, 1);
  status(31, 0);
  assert_int_equal(t.commands_opened, 2);
  assert_int_equal(t.commands.open.first_retained, 0);
  assert_int_equal(t.commands.open.next, 2);
  lrm_id outbox = id_of(1);
  opened(&t.commands, &outbox, 0, 0, CONTINUED);
  assert_int_equal(t.sent_count, 4);
  assert_int_equal(t.sent_at[2], 0);
  assert_true(lrm_id_equal(&t.sent[2].command_id, &first));
  assert_true(lrm_id_equal(&t.sent[3].command_id, &second));
}

/* A relay that gives receipts of commands that nobody sent is not asked in a loop. */
static void numbers_taken_by_others_are_left_with_patience(void **state) {
  (void)state;
  begin();
  lrm_id outbox = id_of(1), nobody = id_of(99);
  prompt();
  receipt(0, &nobody, 30, 0, 0);
  assert_int_equal(t.commands_opened, 2); /* the first time at once */
  uint64_t began_ns = t.now_ns;
  for (unsigned i = 1; i < 6; i++) {
    opened(&t.commands, &outbox, t.commands.open.next - 1, 0, CONTINUED);
    receipt(t.commands.open.next - 1, &nobody, 30, i, 0);
    assert_int_equal(t.commands_opened, 1 + i);
    uint64_t deadline_ns = lrm_client_deadline(t.client);
    assert_true(deadline_ns > t.now_ns && deadline_ns != UINT64_MAX);
    t.now_ns = deadline_ns;
    lrm_client_expire(t.client, t.now_ns);
    exchange();
    assert_int_equal(t.commands_opened, 2 + i);
  }
  assert_true(t.now_ns - began_ns > 5 * SECOND);
}

/* A relay that lost its store may have handed the command on: the host is asked. */
static void a_refusal_of_something_sent_again_is_checked(void **state) {
  (void)state;
  another_commands_epoch_is_published_to_again(state);
  lrm_id first = t.sent[0].command_id;
  receipt(0, &first, 0, 0, LRM_CODE_COMMAND_POLICY);
  assert_int_equal(command_of(&first).state, LRM_COMMAND_STORED);
  assert_int_equal(t.sent_count, 5);
  assert_int_equal(t.bodies[4]->body_case, REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME);
  Remote__V1__KnownOutcome known = REMOTE__V1__KNOWN_OUTCOME__INIT;
  Remote__V1__KnownOutcome *list[] = {&known};
  Remote__V1__CommandOutcome answer = REMOTE__V1__COMMAND_OUTCOME__INIT;
  known.command_id = lrm__id_data(&first);
  answer.command_id = lrm__id_data(&t.sent[4].command_id);
  answer.outcome = OUTCOME(APPLIED);
  answer.known = list;
  answer.n_known = 1;
  add_outcome(2, &answer);
  extend();
  assert_int_equal(command_of(&first).outcome, OUTCOME(REJECTED));
  assert_int_equal(command_of(&first).code, LRM_CODE_COMMAND_POLICY);
  assert_int_equal(lrm_client_pending(t.client), 1);
}

/* Between the question and its answer the command went out again: a relay without its store may
 * take it this time, and what the host said before says nothing about that. */
static void a_refusal_counts_no_longer_when_sent_again(void **state) {
  (void)state;
  another_commands_epoch_is_published_to_again(state);
  lrm_id first = t.sent[0].command_id, outbox = id_of(1);
  receipt(0, &first, 0, 0, LRM_CODE_COMMAND_POLICY);
  lrm_id question = t.sent[4].command_id;
  status(32, 0);
  opened(&t.commands, &outbox, 0, 0, CONTINUED);
  Remote__V1__KnownOutcome known = REMOTE__V1__KNOWN_OUTCOME__INIT;
  Remote__V1__KnownOutcome *list[] = {&known};
  Remote__V1__CommandOutcome answer = REMOTE__V1__COMMAND_OUTCOME__INIT;
  known.command_id = lrm__id_data(&first);
  answer.command_id = lrm__id_data(&question);
  answer.outcome = OUTCOME(APPLIED);
  answer.known = list;
  answer.n_known = 1;
  add_outcome(2, &answer);
  extend();
  assert_int_not_equal(command_of(&first).state, LRM_COMMAND_DONE);
  receipt(0, &first, 0, 0, LRM_CODE_COMMAND_POLICY); /* refused again: asked again */
  assert_int_equal(t.bodies[t.sent_count - 1]->body_case, REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME);
}

static void there_is_a_limit(void **state) {
  (void)state;
  lrm_id epoch = id_of(20), id;
  opened(&t.events, &epoch, 0, 0, CONTINUED);
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &probe;
  for (int i = 0; i < 64; i++)
    assert_int_equal(lrm_client_submit(t.client, &command, 0, &id, t.now_ns), 0);
  assert_int_equal(lrm_client_submit(t.client, &command, 0, &id, t.now_ns), LRM_ERR_BUSY);
  assert_int_equal(lrm_client_pending(t.client), 64);
}

/* ---- reading ---- */

/* The relay's blocks may be others than before: this one begins below what is wanted. */
static void a_straddling_block_is_taken_from_where_it_is_new(void **state) {
  (void)state;
  lrm_id epoch = id_of(20);
  add_title(0, "one");
  opened(&t.events, &epoch, 0, 1, CONTINUED);
  extend();
  attach();
  add_title(1, "two");
  size_t first = blocks[0].frame.payload.bytes, second = blocks[1].frame.payload.bytes;
  memcpy(blocks[0].payload + first, blocks[1].payload, second);
  blocks[0].frame.payload.bytes = first + second;
  blocks[0].frame.count = 2;
  blocks_count = 1;
  t.told_count = 0;
  opened(&t.events, &epoch, 1, 2, CONTINUED);
  extend();
  assert_int_equal(t.told[0], LRM_CLIENT_EVENT);
  assert_int_equal(t.told_offset[0], 1);
  assert_int_not_equal(t.told[1], LRM_CLIENT_EVENT);
  assert_string_equal(title(), "two");
}

static void events_are_told_in_order(void **state) {
  (void)state;
  assert_int_equal(t.events.open.start, remote_v1_Start_START_SNAPSHOT);
  begin();
  assert_string_equal(title(), "two");
  assert_int_equal(t.told[0], LRM_CLIENT_EVENT);
  assert_int_equal(t.told_offset[0], 0);
  assert_int_equal(t.told_offset[1], 1);
  assert_true(told(LRM_CLIENT_SYNCED));
  attach();
  assert_int_equal(t.events.open.start, remote_v1_Start_START_RESUME);
  assert_int_equal(t.events.open.next, 2);
  lrm_id epoch = id_of(20);
  opened(&t.events, &epoch, 2, 2, CONTINUED);
  assert_string_equal(title(), "two");
}

static void a_set_that_is_there_already_is_skipped(void **state) {
  (void)state;
  begin();
  add_snapshot(2, "from the set", NULL, 0);
  add_title(3, "three");
  t.told_count = 0;
  blocks_end = 3;
  extend();
  assert_string_equal(title(), "two");
  assert_false(told(LRM_CLIENT_SNAPSHOT));
  blocks_end = 4;
  extend();
  assert_string_equal(title(), "three");
}

static void a_jump_learns_outcomes_and_asks_for_the_rest(void **state) {
  (void)state;
  begin();
  lrm_id known = prompt(), missed = prompt();
  receipt(0, &known, 30, 0, 0);
  receipt(1, &missed, 30, 1, 0);
  attach();
  add_snapshot(100, "later", &known, OUTCOME(APPLIED));
  lrm_id epoch = id_of(20), outbox = id_of(1);
  opened(&t.events, &epoch, 100, 101, SNAPSHOT);
  t.told_count = 0;
  extend();
  assert_true(told(LRM_CLIENT_SNAPSHOT));
  assert_false(t.reset);
  assert_string_equal(title(), "later");
  assert_int_equal(command_of(&known).outcome, OUTCOME(APPLIED));
  assert_int_equal(command_of(&missed).outcome, 0);
  t.sent_count = 2;
  opened(&t.commands, &outbox, 2, 2, CONTINUED);
  assert_int_equal(t.sent_count, 3);
  assert_int_equal(t.bodies[2]->body_case, REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME);
  assert_int_equal(t.bodies[2]->query_outcome->n_command_ids, 1);
  assert_memory_equal(t.bodies[2]->query_outcome->command_ids[0].data, missed.bytes, 16);
  Remote__V1__KnownOutcome answer_known = REMOTE__V1__KNOWN_OUTCOME__INIT;
  Remote__V1__KnownOutcome *list[] = {&answer_known};
  Remote__V1__CommandOutcome answer = REMOTE__V1__COMMAND_OUTCOME__INIT;
  answer_known.command_id = lrm__id_data(&missed);
  answer_known.outcome = OUTCOME(EXPIRED);
  answer.command_id = lrm__id_data(&t.sent[2].command_id);
  answer.outcome = OUTCOME(APPLIED);
  answer.known = list;
  answer.n_known = 1;
  add_outcome(101, &answer);
  extend();
  assert_int_equal(command_of(&missed).outcome, OUTCOME(EXPIRED));
}

/* Readers with a view of their own learn that this one was emptied, although no set says so. */
static void a_jump_without_a_set_is_told_with_what_comes_next(void **state) {
  (void)state;
  begin();
  assert_false(t.reset);
  attach();
  blocks_count = 0;
  add_title(100, "elsewhere");
  add_title(101, "and on");
  lrm_id epoch = id_of(20);
  t.told_count = 0;
  opened(&t.events, &epoch, 100, 102, CONTINUED);
  blocks_end = 101;
  extend();
  assert_int_equal(t.told[0], LRM_CLIENT_EVENT);
  assert_int_equal(t.told_offset[0], 100);
  assert_true(t.reset);
  assert_string_equal(title(), "elsewhere");
  t.told_count = 0;
  blocks_end = 102;
  extend();
  assert_int_equal(t.told[0], LRM_CLIENT_EVENT);
  assert_false(t.reset);
}

static void a_new_epoch_makes_the_rest_unknown(void **state) {
  (void)state;
  begin();
  lrm_id known = prompt(), lost = prompt();
  close_channel(&t.events, LRM_CODE_EPOCH);
  assert_int_equal(t.events_opened, 2);
  lrm_id epoch = id_of(21);
  blocks_count = 0;
  add_snapshot(0, "anew", &known, OUTCOME(WITHDRAWN));
  t.told_count = 0;
  opened(&t.events, &epoch, 0, 1, RESET);
  assert_true(told(LRM_CLIENT_SNAPSHOT));
  assert_true(t.reset);
  assert_int_equal(command_of(&lost).outcome, 0);
  extend();
  assert_string_equal(title(), "anew");
  assert_int_equal(command_of(&known).outcome, OUTCOME(WITHDRAWN));
  assert_int_equal(command_of(&lost).outcome, OUTCOME(UNKNOWN));
}

/* A relay without this log says nothing about the epoch: its host will bring it again. */
static void an_empty_relay_ends_no_epoch(void **state) {
  (void)state;
  begin();
  lrm_id id = prompt();
  attach();
  lrm_id none = {{0}};
  opened(&t.events, &none, 0, 0, remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY);
  assert_int_equal(lrm_client_position(t.client).offset, 2);
  assert_string_equal(title(), "two");
  assert_int_equal(command_of(&id).outcome, 0);
}

static void one_bad_block_does_not_end_it(void **state) {
  (void)state;
  begin();
  add_title(2, "bad");
  memset(blocks[2].payload, 0xff, blocks[2].frame.payload.bytes);
  extend();
  assert_int_equal(t.closed_code, LRM_CODE_DECODE);
  assert_int_equal(t.closed_offset, 2);
  assert_int_equal(t.unreadable, 1);
  assert_int_equal(t.unreadable_at, 2);
  assert_int_equal(t.events_opened, 2);
  assert_int_equal(t.events.open.start, remote_v1_Start_START_SNAPSHOT);
  /* There is no newer snapshot: the block is met again, and passed over. */
  lrm_id epoch = id_of(20);
  opened(&t.events, &epoch, 0, 3, CONTINUED);
  extend();
  assert_int_equal(t.events_opened, 3);
  assert_int_equal(t.events.open.start, remote_v1_Start_START_RESUME);
  assert_int_equal(t.events.open.next, 3);
  assert_int_equal(t.bodies[0]->body_case, REMOTE__V1__COMMAND__BODY_REQUEST_SNAPSHOT);
  assert_int_equal(t.unreadable, 1); /* it is said once */
  opened(&t.events, &epoch, 3, 3, CONTINUED);
  add_snapshot(3, "whole again", NULL, 0);
  extend();
  assert_string_equal(title(), "whole again");
}

static void some_codes_are_final(void **state) {
  (void)state;
  begin();
  close_channel(&t.events, LRM_CODE_NOT_FOUND);
  assert_int_equal(t.problem, LRM_CODE_NOT_FOUND);
  t.now_ns += 100 * SECOND;
  lrm_client_expire(t.client, t.now_ns);
  assert_int_equal(t.events_opened, 1);
  close_channel(&t.commands, LRM_CODE_SLOW_DOWN);
  assert_int_equal(t.commands_opened, 2);
  close_channel(&t.commands, LRM_CODE_SLOW_DOWN);
  assert_int_equal(t.commands_opened, 2);
  assert_true(lrm_client_deadline(t.client) > t.now_ns - SECOND);
  t.now_ns = lrm_client_deadline(t.client);
  lrm_client_expire(t.client, t.now_ns);
  exchange();
  assert_int_equal(t.commands_opened, 3);
}

static void a_range_ends(void **state) {
  (void)state;
  start_with(remote_v1_Start_START_RESUME, 2);
  assert_int_equal(t.events.open.until, 2);
  assert_int_equal(t.commands_opened, 0);
  lrm_id epoch = id_of(20);
  add_title(0, "one");
  add_title(1, "two");
  opened(&t.events, &epoch, 0, 5, CONTINUED);
  extend();
  assert_true(told(LRM_CLIENT_DONE));
  assert_int_equal(t.events_opened, 1);
}

/* ---- missing memory ---- */

/* A relay that answers each OPEN and has what was added: a snapshot at 3, once it is there. */
static void serve(void) {
  static const remote_v1_OpenOutcome as[] = {CONTINUED, SNAPSHOT};
  lrm_id epoch = id_of(20), outbox = id_of(1);
  for (int i = 0; i < 12; i++) {
    if (t.events_opened != t.events_answered) {
      t.events_answered = t.events_opened;
      bool anew = t.events.open.start == remote_v1_Start_START_SNAPSHOT;
      bool set = anew && blocks_end > 3;
      opened(&t.events, &epoch, set ? 3 : anew ? 0 : t.events.open.next, blocks_end, as[set]);
    }
    if (t.commands_opened != t.commands_answered) {
      t.commands_answered = t.commands_opened;
      opened(&t.commands, &outbox, 0, 0, CONTINUED);
    }
    (void)!lrm_link_extend(t.relay, t.events.number, blocks_end, 0, 0, t.now_ns);
    exchange();
    if (lrm_client_deadline(t.client) != UINT64_MAX) {
      if (lrm_client_deadline(t.client) > t.now_ns) t.now_ns = lrm_client_deadline(t.client);
      lrm_client_expire(t.client, t.now_ns);
    }
    exchange();
  }
}

/* True: the nth allocation of a conversation failed. */
static bool converse(unsigned nth, bool all) {
  Remote__V1__SubmitPrompt body = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  lrm_id id;
  body.text = lrm__text("go");
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &body;
  start_with(0, 0);
  add_title(0, "one");
  serve();
  failing_plan(&memory, nth, all);
  int result = lrm_client_submit(t.client, &command, 0, &id, t.now_ns);
  if (result != 0) { /* it says so, and has not taken it */
    assert_int_equal(result, LRM_ERR_NO_MEMORY);
    assert_true(memory.failed != 0);
    assert_int_equal(lrm_client_pending(t.client), 0);
    if (all) memory.countdown = 0;
    assert_int_equal(lrm_client_submit(t.client, &command, 0, &id, t.now_ns), 0);
  }
  exchange();
  Remote__V1__CommandOutcome outcome = REMOTE__V1__COMMAND_OUTCOME__INIT;
  outcome.command_id = lrm__id_data(&id);
  outcome.outcome = OUTCOME(APPLIED);
  outcome.reason = lrm__text("done");
  add_title(1, "two");
  add_outcome(2, &outcome);
  (void)!lrm_link_extend(t.relay, t.events.number, blocks_end, 0, 0, t.now_ns);
  exchange();
  memory.countdown = 0;
  add_snapshot(3, "three", &id, OUTCOME(APPLIED));
  add_title(4, "last");
  serve();
  assert_string_equal(title(), "last");
  assert_int_equal(lrm_client_position(t.client).offset, 5);
  assert_int_equal(command_of(&id).outcome, OUTCOME(APPLIED));
  bool failed = memory.failed != 0;
  end(NULL);
  return failed;
}

/* Whatever could not be read for want of memory is read again, and all commands are sent. */
static void missing_memory_loses_nothing(void **state) {
  (void)state;
  for (unsigned nth = 1; converse(nth, false); nth++) continue;
  for (unsigned nth = 1; converse(nth, true); nth++) continue;
}

static void missing_memory_makes_no_client(void **state) {
  (void)state;
  lrm_client_config config = {.struct_bytes = sizeof config,
                              .allocator = failing_allocator(&memory),
                              .link = t.link,
                              .link_id = id_of(1),
                              .session_id = id_of(3),
                              .publish = true};
  size_t before = memory.blocks;
  int result = LRM_ERR_NO_MEMORY;
  for (unsigned nth = 1; result != 0; nth++) {
    lrm_client *client;
    failing_plan(&memory, nth, false);
    result = lrm_client_create(&config, &client);
    assert_int_equal(result, memory.failed != 0 ? LRM_ERR_NO_MEMORY : 0);
    assert_int_equal(client == NULL, result != 0);
    if (client != NULL) lrm_client_detach(client);
    lrm_client_destroy(client);
    assert_int_equal(memory.blocks, before);
  }
  lrm_client *client;
  memset(&config.link_id, 0, sizeof config.link_id);
  assert_int_equal(lrm_client_create(&config, &client), LRM_ERR_USAGE);
  config.link_id = id_of(1);
  memset(&config.session_id, 0, sizeof config.session_id);
  assert_int_equal(lrm_client_create(&config, &client), LRM_ERR_USAGE);
  config.session_id = id_of(3);
  config.link = NULL;
  assert_int_equal(lrm_client_create(&config, &client), LRM_ERR_USAGE);
  assert_int_equal(lrm_client_create(NULL, &client), LRM_ERR_USAGE);
  assert_null(client);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_command_goes_through_its_states),
      TEST(cancel_and_steer_grow_stale),
      TEST(numbers_taken_by_others_are_left_with_patience),
      TEST(a_refusal_by_receipt_is_the_outcome),
      TEST(another_commands_epoch_is_published_to_again),
      TEST(a_refusal_of_something_sent_again_is_checked),
      TEST(a_refusal_counts_no_longer_when_sent_again),
      TEST(there_is_a_limit),
      TEST(a_straddling_block_is_taken_from_where_it_is_new),
      TEST(events_are_told_in_order),
      TEST(a_set_that_is_there_already_is_skipped),
      TEST(a_jump_learns_outcomes_and_asks_for_the_rest),
      TEST(a_jump_without_a_set_is_told_with_what_comes_next),
      TEST(a_new_epoch_makes_the_rest_unknown),
      TEST(an_empty_relay_ends_no_epoch),
      TEST(one_bad_block_does_not_end_it),
      TEST(some_codes_are_final),
      cmocka_unit_test_teardown(a_range_ends, end),
      cmocka_unit_test(missing_memory_loses_nothing),
      TEST(missing_memory_makes_no_client),
  };
  return cmocka_run_group_tests_name("client", tests, NULL, NULL);
}
