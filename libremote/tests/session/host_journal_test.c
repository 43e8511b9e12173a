/* The host and its journal: restarts, forks, streams and tails, trouble with the store. */
#include "host_kit.h"

#include <stdio.h>
#include <string.h>

static host_kit kit;

static int start(void **state) {
  (void)state;
  kit_start(&kit, MODE(CONTROL));
  kit_confirm(&kit);
  kit_forget(&kit);
  return 0;
}

static int end(void **state) {
  (void)state;
  kit_end(&kit);
  return 0;
}

static void finish(uint32_t code, const char *reason) {
  assert_int_equal(
      lrm_host_finish(kit.host, &kit.action.command_id, code, reason, kit.wall_ms, kit.now_ns), 0);
}

static void expect_outcome(const lrm_id *id, uint32_t outcome, uint32_t code) {
  assert_int_equal(kit_outcome(&kit, id), outcome);
  assert_int_equal(lrm__inbox_find(kit.host->inbox, id)->code, code);
}

/* ---- restarts ---- */

static void a_restart_closes_what_a_dead_process_left(void **state) {
  (void)state;
  lrm_id running = kit_prompt(&kit, "runs"), waiting = kit_prompt(&kit, "waits");
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
  assert_true(kit_act(&kit)); /* given, and then the host dies */
  lrm_id ask = kit_ask(&kit, "yes", "no");
  Remote__V1__ToolState tool = REMOTE__V1__TOOL_STATE__INIT;
  Remote__V1__ToolStarted started = REMOTE__V1__TOOL_STARTED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  tool.tool_call_id = lrm__text("call");
  tool.status = TOOL_STATUS(RUNNING);
  started.tool = &tool;
  event.body_case = EVENT_BODY(TOOL_STARTED);
  event.tool_started = &started;
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  lrm_id epoch = lrm_host_position(kit.host).epoch, after = lrm_host_position(kit.host).epoch;
  kit_restart(&kit, true);
  after = lrm_host_position(kit.host).epoch;
  assert_true(lrm_id_equal(&epoch, &after));
  expect_outcome(&running, OUTCOME(UNKNOWN), 0);
  assert_int_equal(kit_outcome(&kit, &waiting), 0);
  assert_int_equal(lrm_host_resolution(kit.host, &ask)->outcome, ASK_OUTCOME(ORPHANED));
  const Remote__V1__SessionState *now = lrm_host_state(kit.host);
  assert_int_equal(now->n_asks, 0);
  assert_int_equal(now->n_tools, 0);
  assert_int_equal(now->n_queue, 2);
  assert_string_equal(now->turn_id, "");
  /* The local one goes on at once, the remote one when the relay has confirmed the epoch. */
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  assert_true(kit_act(&kit));
  assert_string_equal(kit.action.text, "mine");
  kit_turn_ended(&kit, "end_turn");
  assert_false(kit_act(&kit));
  kit_confirm(&kit);
  assert_true(kit_act(&kit));
  assert_true(lrm_id_equal(&kit.action.command_id, &waiting));
}

/* Nobody else would ever say that they have ended. */
static void subagents_of_a_dead_process_have_ended(void **state) {
  (void)state;
  Remote__V1__SubagentStarted started = REMOTE__V1__SUBAGENT_STARTED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(SUBAGENT_STARTED);
  event.subagent_started = &started;
  started.agent_id = lrm__text("one");
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  started.agent_id = lrm__text("two");
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_state(kit.host)->n_subagents, 2);
  kit_commit(&kit);
  kit_restart(&kit, true);
  assert_int_equal(lrm_host_state(kit.host)->n_subagents, 0);
}

static void journalled_answers_learn_that_their_ask_is_orphaned(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  kit.host->synced = false; /* received, not acted on */
  lrm_id answer = kit_answer(&kit, &ask, "yes");
  assert_int_equal(kit_outcome(&kit, &answer), 0);
  kit_commit(&kit);
  kit_restart(&kit, true);
  /* The journal may be an older copy: what the answer did is told when the relay knows no better.
   */
  assert_int_equal(kit_outcome(&kit, &answer), 0);
  kit_confirm(&kit);
  expect_outcome(&answer, OUTCOME(SUPERSEDED), 0);
  /* And answers that come later learn it too. */
  lrm_id late = kit_answer(&kit, &ask, "yes");
  expect_outcome(&late, OUTCOME(SUPERSEDED), 0);
  assert_int_equal(kit.outcome->resolution->outcome, ASK_OUTCOME(ORPHANED));
  assert_false(kit_act(&kit));
}

static void nothing_is_acted_on_before_it_is_confirmed(void **state) {
  (void)state;
  kit.host->confirmed = false;
  lrm_id id = kit_prompt(&kit, "wait");
  assert_false(kit_act(&kit));
  kit.host->synced = false;
  kit.host->confirmed = true;
  assert_int_equal(lrm_host_settled(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_false(kit_act(&kit));
  assert_int_equal(kit_outcome(&kit, &id), 0);
  kit_confirm(&kit);
  assert_true(kit_act(&kit));
}

static void withdrawals_and_expiries_come_first(void **state) {
  (void)state;
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  kit.host->synced = false;
  lrm_id taken_back = kit_prompt(&kit, "never");
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__WithdrawCommand withdraw = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  prompt.text = lrm__text("too old");
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  lrm_id old = kit_command_as(&kit, &command, 2, &epoch, 100, kit.wall_ms - 200);
  lrm_id good = kit_prompt(&kit, "this one");
  withdraw.command_id = lrm__id_data(&taken_back);
  command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
  command.withdraw_command = &withdraw;
  lrm_id taking = kit_command(&kit, &command, 0);
  assert_int_equal(kit.outcomes, 0);
  kit_confirm(&kit);
  expect_outcome(&taken_back, OUTCOME(WITHDRAWN), 0);
  expect_outcome(&taking, OUTCOME(APPLIED), 0);
  expect_outcome(&old, OUTCOME(EXPIRED), 0);
  assert_true(kit_act(&kit));
  assert_true(lrm_id_equal(&kit.action.command_id, &good));
}

static void late_answers_learn_who_won_also_after_a_restart(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  kit_answer(&kit, &ask, "yes");
  kit_commit(&kit);
  for (int i = 0; i < 3; i++) {
    kit_restart(&kit, true);
    kit_confirm(&kit);
    lrm_id late = kit_answer(&kit, &ask, "no");
    expect_outcome(&late, OUTCOME(SUPERSEDED), 0);
    assert_string_equal(kit.outcome->resolution->answer->option_id, "yes");
    kit_commit(&kit);
  }
}

static void the_first_block_of_each_process_clears_tails(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    kit_delta(&kit, "m", "half a sentence");
    kit_commit(&kit);
    uint64_t end = lrm_log_facts_now(kit.host->events).end;
    kit_restart(&kit, true);
    lrm_block block;
    assert_int_equal(lrm_log_read(kit.host->events, end, &block), 0);
    assert_int_equal(block.offset, end);
    assert_true((block.flags & LRM_FLAG_CLEARS_TAIL) != 0);
    assert_int_equal(lrm_log_writer_of(kit.host->events, end), kit.config.writer_generation);
  }
}

static void an_uncommitted_answer_never_was(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  kit_commit(&kit);
  kit_answer(&kit, &ask, "yes");
  kit_restart(&kit, true); /* neither resolution nor outcome, nor did the agent hear of it */
  assert_int_equal(lrm_host_resolution(kit.host, &ask)->outcome, ASK_OUTCOME(ORPHANED));
}

static void expect_the_same_view_after_a_restart(void) {
  static uint8_t before[4 << 20], after[4 << 20];
  size_t before_bytes = remote__v1__session_state__get_packed_size(lrm_host_state(kit.host));
  assert_true(before_bytes < sizeof before);
  remote__v1__session_state__pack(lrm_host_state(kit.host), before);
  kit_restart(&kit, true);
  size_t after_bytes = remote__v1__session_state__get_packed_size(lrm_host_state(kit.host));
  assert_true(after_bytes < sizeof after);
  remote__v1__session_state__pack(lrm_host_state(kit.host), after);
  assert_int_equal(before_bytes, after_bytes);
  assert_memory_equal(before, after, before_bytes);
}

/* Each part says a part of the lists: only the first one begins anew. */
static void a_set_of_several_parts_is_one_state(void **state) {
  (void)state;
  static char text[4001];
  memset(text, 'x', sizeof text - 1);
  for (int i = 0; i < 64; i++) {
    char id[8];
    snprintf(id, sizeof id, "m%d", i);
    Remote__V1__AssistantMessage message = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
    message.message_id = id;
    message.text = text;
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE;
    event.assistant_message = &message;
    assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  }
  Remote__V1__RequestSnapshot request = REMOTE__V1__REQUEST_SNAPSHOT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_REQUEST_SNAPSHOT;
  command.request_snapshot = &request;
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  kit_command_as(&kit, &command, remote_v1_CommandClass_COMMAND_CLASS_VIEW, &epoch, 0, kit.wall_ms);
  kit_commit(&kit);
  lrm_log_facts facts = lrm_log_facts_now(kit.host->events);
  lrm_block block;
  assert_int_equal(lrm_log_read(kit.host->events, facts.snapshot, &block), 0);
  assert_int_equal(block.parts, 2);
  expect_the_same_view_after_a_restart();
  assert_true(lrm_host_state(kit.host)->n_history > 60);
}

static void restarts_give_the_same_view(void **state) {
  (void)state;
  for (int i = 0; i < 40; i++) {
    kit_prompt(&kit, "again");
    assert_true(kit_act(&kit));
    finish(0, NULL);
    for (int j = 0; j < 40; j++) kit_delta(&kit, "m", "some words of an answer ");
    kit_turn_ended(&kit, "end_turn");
  }
  kit_commit(&kit);
  lrm_log_facts facts = lrm_log_facts_now(kit.host->events);
  assert_true(facts.snapshot != LRM_OFFSET_NONE && facts.snapshot > 100);
  expect_the_same_view_after_a_restart();
}

static void a_new_history_makes_what_is_pending_unknown(void **state) {
  (void)state;
  lrm_id running = kit_prompt(&kit, "runs");
  assert_true(kit_act(&kit));
  lrm_id waiting = kit_prompt(&kit, "waits");
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  lrm_id before = lrm_host_position(kit.host).epoch;
  assert_int_equal(lrm_host_restart_history(kit.host, "again", kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  lrm_id after = lrm_host_position(kit.host).epoch;
  assert_false(lrm_id_equal(&before, &after));
  expect_outcome(&running, OUTCOME(UNKNOWN), 0);
  expect_outcome(&waiting, OUTCOME(UNKNOWN), 0);
  lrm_block block;
  assert_int_equal(lrm_log_read(kit.host->events, 0, &block), 0);
  assert_int_equal(block.flags & (LRM_FLAG_SNAPSHOT | LRM_FLAG_CLEARS_TAIL),
                   LRM_FLAG_SNAPSHOT | LRM_FLAG_CLEARS_TAIL);
  /* The agent has the prompt: its turn goes on. */
  assert_int_equal(lrm_host_finish(kit.host, &running, 0, NULL, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  kit_turn_ended(&kit, "end_turn");
  assert_true(kit_act(&kit));
  assert_string_equal(kit.action.text, "mine");
}

/* ---- forks ---- */

/* What the relay says to our OPEN. True: our epoch was confirmed; false: it was replaced. */
static bool opened(const lrm_id *epoch, uint64_t next, uint64_t writer,
                   remote_v1_OpenOutcome outcome) {
  lrm_id before = lrm_host_position(kit.host).epoch;
  remote_v1_Opened answer = remote_v1_Opened_init_zero;
  answer.epoch.size = 16;
  memcpy(answer.epoch.bytes, epoch->bytes, 16);
  answer.next = next;
  answer.last_writer_generation = writer;
  answer.outcome = outcome;
  answer.ceiling = remote_v1_Ceiling_CEILING_CONTROL;
  lrm_link_event event = {.type = LRM_LINK_EVENT_OPENED, .channel = 7, .opened = &answer};
  kit.host->publish.number = 7;
  kit.host->publish.opened = kit.host->confirmed = false;
  assert_int_equal(lrm_host_link_event(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  lrm_id after = lrm_host_position(kit.host).epoch;
  assert_int_equal(kit.host->confirmed, lrm_id_equal(&before, &after));
  return kit.host->confirmed;
}

static void a_forked_history_is_noticed(void **state) {
  (void)state;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .link_id = kit_id(90),
                            .role = 1};
  lrm_link *link;
  assert_int_equal(lrm_link_create(&config, &link), 0);
  lrm_host_attach_link(kit.host, link);
  const remote_v1_OpenOutcome continued = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  lrm_id epoch = lrm_host_position(kit.host).epoch, other = kit_id(91);
  uint64_t first = kit.config.writer_generation, end = lrm_host_position(kit.host).offset;
  assert_true(opened(&epoch, 0, 0, remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY));
  assert_true(opened(&epoch, end, first, continued));
  kit_restart(&kit, false);
  lrm_host_attach_link(kit.host, link);
  uint64_t second = kit.config.writer_generation, later = lrm_host_position(kit.host).offset;
  assert_true(later > end && second > first);
  assert_true(opened(&epoch, end, first, continued));
  assert_true(opened(&epoch, end, second, continued)); /* published by a later process: the same */
  assert_true(opened(&epoch, later, second, continued));
  /* Beyond our end; by somebody we do not know; by somebody before the one who journalled it. */
  assert_false(opened(&epoch, later + 1, second, continued));
  epoch = lrm_host_position(kit.host).epoch;
  assert_true(opened(&epoch, 1, second, continued));
  assert_false(opened(&epoch, 1, second + 1, continued));
  epoch = lrm_host_position(kit.host).epoch;
  assert_false(opened(&epoch, 1, first, continued));
  /* A former epoch; another one. */
  epoch = lrm_host_position(kit.host).epoch;
  assert_false(opened(&epoch, 0, 0, remote_v1_OpenOutcome_OPEN_OUTCOME_RESET));
  assert_false(opened(&other, 0, 0, continued));
  /* A relay that has only the place we offered. */
  epoch = lrm_host_position(kit.host).epoch;
  kit.host->publish.offered = 1;
  assert_true(opened(&epoch, 1, 0, remote_v1_OpenOutcome_OPEN_OUTCOME_SNAPSHOT));
  kit.host->publish.offered = 0;
  assert_false(opened(&epoch, 1, 0, continued));
  lrm_host_attach_link(kit.host, NULL);
  lrm_link_destroy(link);
}

static void a_fenced_host_goes_on_alone(void **state) {
  (void)state;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .link_id = kit_id(90),
                            .role = 1};
  lrm_link *link;
  assert_int_equal(lrm_link_create(&config, &link), 0);
  lrm_host_attach_link(kit.host, link);
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = LRM_CODE_FENCED;
  kit.host->publish.number = 7;
  lrm_link_event event = {.type = LRM_LINK_EVENT_CLOSED, .channel = 7, .problem = &problem};
  assert_int_equal(lrm_host_link_event(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_RESTART_LINK);
  assert_int_equal(kit.action.code, LRM_CODE_FENCED);
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_PROMPT);
  lrm_host_attach_link(kit.host, NULL);
  lrm_link_destroy(link);
}

static void ending_from_afar_waits_until_all_is_published(void **state) {
  (void)state;
  Remote__V1__EndRemote over = REMOTE__V1__END_REMOTE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_END_REMOTE;
  command.end_remote = &over;
  lrm_id id = kit_command(&kit, &command, 0);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  assert_int_equal(lrm_host_state(kit.host)->remote_mode, MODE(OFF));
  assert_false(kit_act(&kit));
  assert_false(lrm_host_published(kit.host));
  lrm_id later = kit_prompt(&kit, "too late");
  assert_int_equal(kit_outcome(&kit, &later), 0); /* stays until it is on again */
  kit.host->acknowledged = kit.host->off_end;
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_END_REMOTE);
  assert_false(kit_act(&kit));
  assert_int_equal(lrm_host_set_remote_mode(kit.host, MODE(CONTROL), "", kit.wall_ms, kit.now_ns),
                   0);
  kit_confirm(&kit);
  assert_true(kit_act(&kit));
  assert_true(lrm_id_equal(&kit.action.command_id, &later));
}

/* ---- streams ---- */

static void deltas_are_tails_then_durable_then_whole(void **state) {
  (void)state;
  uint64_t end = lrm_host_position(kit.host).offset;
  kit_delta(&kit, "m", "Hello ");
  kit_delta(&kit, "m", "world");
  assert_int_equal(lrm_host_position(kit.host).offset, end);
  assert_int_equal(kit.host->tail.count, 2);
  assert_int_equal(kit.tails, 2);
  assert_int_equal(lrm_host_deadline(kit.host), kit.now_ns + LRM_TAIL_CLEAR_PAUSE_NS);
  kit.now_ns += LRM_TAIL_CLEAR_PAUSE_NS;
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_position(kit.host).offset, end + 1);
  assert_int_equal(kit.host->tail.count, 0);
  assert_int_equal(lrm_log_facts_now(kit.host->events).clears_tail, end + 1);
  kit_delta(&kit, "m", "!");
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(kit_seen(&kit, EVENT_BODY(ASSISTANT_MESSAGE)), 1);
  const Remote__V1__SessionState *now = lrm_host_state(kit.host);
  assert_string_equal(now->history[now->n_history - 1]->assistant->text, "Hello world!");
  assert_false(now->history[now->n_history - 1]->open);
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
}

static void tails_overtake_nothing(void **state) {
  (void)state;
  kit_delta(&kit, "m", "at once");
  assert_int_equal(kit.host->tail_sendable, 1);
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  notice.text = lrm__text("first");
  event.body_case = EVENT_BODY(NOTICE);
  event.notice = &notice;
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  kit_delta(&kit, "m", "then");
  assert_int_equal(kit.host->tail.count, 2);
  assert_int_equal(kit.host->tail_sendable, 1);
  kit_commit(&kit);
  lrm__host_tail_settled(kit.host, lrm__host_durable(kit.host));
  assert_int_equal(kit.host->tail_sendable, 2);
}

static void long_streams_are_cleared_and_split(void **state) {
  (void)state;
  static char text[20001];
  memset(text, 'y', sizeof text - 1);
  for (int i = 0; i < 120; i++) {
    kit_delta(&kit, "m", text);
    assert_true(kit.host->tail.used_bytes <= LRM_TAIL_CLEAR_BYTES);
    assert_true(kit.host->pending_bytes <= 2 * LRM_TAIL_CLEAR_BYTES);
  }
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
  const Remote__V1__SessionState *now = lrm_host_state(kit.host);
  uint64_t end = 0;
  for (size_t i = 0; i < now->n_history; i++) {
    const Remote__V1__HistoryItem *item = now->history[i];
    if (item->item_case != REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT) continue;
    assert_false(item->open);
    end = item->assistant->position + strlen(item->assistant->text);
  }
  assert_int_equal(end, 120 * 20000);
}

static void an_ask_makes_the_text_before_it_durable(void **state) {
  (void)state;
  kit_delta(&kit, "m", "May I?");
  kit_ask(&kit, "yes", "no");
  assert_int_equal(kit.host->pending_bytes, 0);
  lrm_log_facts facts = lrm_log_facts_now(kit.host->events);
  assert_int_equal(facts.clears_tail, facts.end);
}

static void only_tails_are_cleared_too(void **state) {
  (void)state;
  Remote__V1__Usage usage = REMOTE__V1__USAGE__INIT;
  Remote__V1__UsageUpdated updated = REMOTE__V1__USAGE_UPDATED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  usage.context_tokens = 1 << 20;
  updated.usage = &usage;
  event.body_case = EVENT_BODY(USAGE_UPDATED);
  event.usage_updated = &updated;
  for (int i = 0; i < 5000; i++) {
    assert_int_equal(lrm_host_tail(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
    assert_false(kit.host->tail.overflowed);
  }
  assert_true(kit.host->tail.count > 0);
}

static void bad_events_change_nothing(void **state) {
  (void)state;
  static char text[70001];
  memset(text, 'z', sizeof text - 1);
  Remote__V1__AssistantMessage message = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  message.message_id = lrm__text("m");
  message.text = text;
  event.body_case = EVENT_BODY(ASSISTANT_MESSAGE);
  event.assistant_message = &message;
  uint64_t end = lrm_host_position(kit.host).offset;
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), LRM_ERR_TOO_LARGE);
  message.text = lrm__text("\xff");
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), LRM_ERR_USAGE);
  event.body_case = EVENT_BODY(TURN_STARTED);
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), LRM_ERR_USAGE);
  assert_int_equal(lrm_host_position(kit.host).offset, end);
}

/* ---- trouble with the store ---- */

static void a_full_disk_stops_the_remote_and_not_the_local_person(void **state) {
  (void)state;
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  lrm_store_memory_fail(kit.store, LRM_ERR_DISK_FULL, 3);
  lrm_id remote = kit_prompt(&kit, "from afar");
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  assert_int_equal(kit_seen(&kit, EVENT_BODY(NOTICE)), 1);
  assert_false(lrm_host_next_action(kit.host, &kit.action)); /* the remote one is first */
  kit_commit(&kit);
  kit_commit(&kit);
  kit_commit(&kit);
  assert_true(kit_act(&kit));
  assert_true(lrm_id_equal(&kit.action.command_id, &remote));
  lrm_id after = lrm_host_position(kit.host).epoch;
  assert_true(lrm_id_equal(&epoch, &after));
  lrm_store_memory_fail(kit.store, LRM_ERR_DISK_FULL, 1);
  finish(0, NULL);
  kit_turn_ended(&kit, "end_turn");
  kit_commit(&kit);
  assert_true(lrm_host_next_action(kit.host, &kit.action));
  assert_string_equal(kit.action.text, "mine");
}

static void what_could_not_be_journalled_begins_a_new_epoch(void **state) {
  (void)state;
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  lrm_id done = kit_prompt(&kit, "runs");
  assert_true(kit_act(&kit));
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  lrm_store_memory_fail(kit.store, LRM_ERR_DISK_FULL, 1000);
  kit_prompt(&kit, "waits");
  kit_commit(&kit);
  static char text[16001];
  memset(text, 'q', sizeof text - 1);
  for (int i = 0; !kit.host->gap; i++) {
    assert_true(i < 100000);
    char id[16] = {(char)('a' + i % 26), (char)('a' + i / 26 % 26), (char)('a' + i / 676 % 26), 0};
    for (size_t j = 0; j < sizeof text - 1; j++)
      text[j] = (char)(32 + (lrm__random_number(&kit.host->random) >> 32) % 90);
    kit_delta(&kit, id, text);
    assert_int_equal(lrm_host_complete_stream(kit.host, id, kit.wall_ms, kit.now_ns), 0);
  }
  assert_int_equal(lrm_host_finish(kit.host, &done, 0, NULL, kit.wall_ms, kit.now_ns), 0);
  kit_turn_ended(&kit, "end_turn");
  assert_true(lrm_host_next_action(kit.host, &kit.action)); /* the local person is not held up */
  assert_string_equal(kit.action.text, "mine");
  lrm_store_memory_fail(kit.store, 0, 0);
  kit_commit(&kit);
  lrm_id after = lrm_host_position(kit.host).epoch;
  assert_false(lrm_id_equal(&epoch, &after));
  expect_outcome(&done, OUTCOME(APPLIED), 0);
  kit_restart(&kit, true);
  expect_outcome(&done, OUTCOME(APPLIED), 0);
  assert_int_equal(lrm_host_state(kit.host)->n_queue, 0);
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  kit_confirm(&kit);
  assert_false(kit_act(&kit)); /* what was given is not given again */
}

static void the_journal_stays_below_its_cap(void **state) {
  (void)state;
  kit_end(&kit);
  kit_start(&kit, MODE(CONTROL));
  kit.config.journal_bytes_max = 300000;
  kit_restart(&kit, false);
  static char text[4001];
  for (int i = 0; i < 1000; i++) {
    for (size_t j = 0; j < sizeof text - 1; j++)
      text[j] = (char)(32 + (lrm__random_number(&kit.host->random) >> 32) % 90);
    kit_delta(&kit, "m", text);
    assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
    kit_commit(&kit);
    lrm_log_facts facts = lrm_log_facts_now(kit.host->events);
    assert_true(facts.bytes < 700000);
    assert_true(facts.first == 0 || facts.first <= facts.snapshot);
    if (i == 500) kit.host->acknowledged = lrm_host_position(kit.host).offset;
  }
  assert_true(lrm_log_facts_now(kit.host->events).first > 0);
  assert_true(kit_seen(&kit, EVENT_BODY(NOTICE)) > 0);
  kit_restart(&kit, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_restart_closes_what_a_dead_process_left),
      TEST(journalled_answers_learn_that_their_ask_is_orphaned),
      TEST(subagents_of_a_dead_process_have_ended),
      TEST(nothing_is_acted_on_before_it_is_confirmed),
      TEST(withdrawals_and_expiries_come_first),
      TEST(late_answers_learn_who_won_also_after_a_restart),
      TEST(the_first_block_of_each_process_clears_tails),
      TEST(an_uncommitted_answer_never_was),
      TEST(restarts_give_the_same_view),
      TEST(a_set_of_several_parts_is_one_state),
      TEST(a_new_history_makes_what_is_pending_unknown),
      TEST(a_forked_history_is_noticed),
      TEST(a_fenced_host_goes_on_alone),
      TEST(ending_from_afar_waits_until_all_is_published),
      TEST(deltas_are_tails_then_durable_then_whole),
      TEST(tails_overtake_nothing),
      TEST(long_streams_are_cleared_and_split),
      TEST(an_ask_makes_the_text_before_it_durable),
      TEST(only_tails_are_cleared_too),
      TEST(bad_events_change_nothing),
      TEST(a_full_disk_stops_the_remote_and_not_the_local_person),
      TEST(what_could_not_be_journalled_begins_a_new_epoch),
      TEST(the_journal_stays_below_its_cap),
  };
  return cmocka_run_group_tests_name("host_journal", tests, NULL, NULL);
}
