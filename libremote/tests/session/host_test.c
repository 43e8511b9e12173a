/* The host's rules, one by one, without a link: prompts, asks, refusals, restarts, streams,
 * trouble with the store. */
#include "host_kit.h"

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

/* ---- prompts ---- */

static void a_prompt_is_begun_once_durable_and_applied_when_given(void **state) {
  (void)state;
  lrm_id id = kit_prompt(&kit, "hello");
  assert_false(lrm_host_next_action(kit.host, &kit.action)); /* not committed */
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_PROMPT);
  assert_string_equal(kit.action.text, "hello");
  assert_string_equal(kit.action.by->origin->device, "phone");
  assert_int_equal(kit_outcome(&kit, &id), 0);
  finish(0, NULL);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  assert_int_equal(kit_seen(&kit, EVENT_BODY(USER_MESSAGE)), 1);
  assert_int_equal(kit_seen(&kit, EVENT_BODY(TURN_STARTED)), 1);
  assert_int_equal(kit.said->delivery, DELIVERED(STARTED));
  assert_int_equal(lrm_host_state(kit.host)->status, STATUS(WORKING));
  assert_int_equal(lrm_host_finish(kit.host, &id, 0, NULL, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  kit_turn_ended(&kit, "end_turn");
  assert_int_equal(lrm_host_state(kit.host)->status, STATUS(IDLE));
  assert_int_equal(kit.outcomes, 1);
}

static void prompts_wait_for_the_turn_and_can_be_withdrawn(void **state) {
  (void)state;
  kit_prompt(&kit, "one");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  lrm_id two = kit_prompt(&kit, "two"), three = kit_prompt(&kit, "three");
  assert_int_equal(lrm_host_submit_local(kit.host, "four", false, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_state(kit.host)->n_queue, 3);
  assert_string_equal(lrm_host_state(kit.host)->queue[0]->text, "two");
  Remote__V1__WithdrawCommand withdraw = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  withdraw.command_id = lrm__id_data(&two);
  command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
  command.withdraw_command = &withdraw;
  lrm_id taken_back = kit_command(&kit, &command, 0);
  expect_outcome(&two, OUTCOME(WITHDRAWN), 0);
  expect_outcome(&taken_back, OUTCOME(APPLIED), 0);
  lrm_id again = kit_command(&kit, &command, 0);
  expect_outcome(&again, OUTCOME(REJECTED), LRM_CODE_TOO_LATE);
  assert_int_equal(lrm_host_state(kit.host)->n_queue, 2);
  kit_turn_ended(&kit, "end_turn");
  assert_true(kit_act(&kit));
  assert_string_equal(kit.action.text, "three");
  assert_true(lrm_id_equal(&kit.action.command_id, &three));
  finish(0, NULL);
  assert_int_equal(kit.said->delivery, DELIVERED(QUEUED));
  kit_turn_ended(&kit, "end_turn");
  assert_true(kit_act(&kit));
  assert_string_equal(kit.action.text, "four");
  assert_true(lrm_id_none(&kit.action.command_id));
  assert_true(kit.action.by->local);
  assert_int_equal(lrm_host_state(kit.host)->n_queue, 0);
  assert_false(kit_act(&kit));
}

static void a_local_person_takes_prompts_back(void **state) {
  (void)state;
  kit_prompt(&kit, "one");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  lrm_id two = kit_prompt(&kit, "two");
  char prompt_id[128];
  lrm__text_cut(prompt_id, sizeof prompt_id, lrm_host_state(kit.host)->queue[0]->prompt_id);
  assert_int_equal(lrm_host_withdraw_local(kit.host, prompt_id, kit.wall_ms, kit.now_ns), 0);
  expect_outcome(&two, OUTCOME(WITHDRAWN), 0);
  assert_int_equal(lrm_host_withdraw_local(kit.host, prompt_id, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  assert_int_equal(lrm_host_state(kit.host)->n_queue, 0);
}

static void steering_goes_into_the_turn(void **state) {
  (void)state;
  kit_prompt(&kit, "one");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  prompt.text = lrm__text("left");
  prompt.delivery = DELIVERY(STEER);
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  lrm_id id = kit_command(&kit, &command, 0);
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_STEER);
  finish(0, NULL);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  assert_int_equal(kit.said->delivery, DELIVERED(STEERED));
  kit.host->session->can_steer = false;
  kit_command(&kit, &command, 0);
  assert_int_equal(lrm_host_state(kit.host)->n_queue, 1);
}

static void the_agent_may_refuse(void **state) {
  (void)state;
  lrm_id one = kit_prompt(&kit, "one"), two = kit_prompt(&kit, "two");
  assert_true(kit_act(&kit));
  finish(LRM_CODE_AGENT_ERROR, "no");
  expect_outcome(&one, OUTCOME(REJECTED), LRM_CODE_AGENT_ERROR);
  assert_int_equal(kit_seen(&kit, EVENT_BODY(TURN_STARTED)), 0);
  assert_true(kit_act(&kit));
  assert_true(lrm_id_equal(&kit.action.command_id, &two));
}

static void a_prompt_the_dead_agent_never_had_waits_for_the_next(void **state) {
  (void)state;
  lrm_id id = kit_prompt(&kit, "hello");
  assert_int_equal(lrm_host_set_agent_ready(kit.host, false, kit.wall_ms, kit.now_ns), 0);
  assert_false(kit_act(&kit));
  assert_int_equal(kit_outcome(&kit, &id), 0);
  assert_int_equal(lrm_host_state(kit.host)->n_queue, 1);
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  assert_int_equal(lrm_host_turn_ended(kit.host, &ended, kit.wall_ms, kit.now_ns), LRM_ERR_STATE);
  assert_true(kit_act(&kit));
  assert_true(lrm_id_equal(&kit.action.command_id, &id));
  assert_false(kit_act(&kit));
}

static void the_queue_has_an_end(void **state) {
  (void)state;
  kit_prompt(&kit, "runs");
  for (int i = 0; i < 64; i++) {
    lrm_id id = kit_prompt(&kit, "waits");
    assert_int_equal(kit_outcome(&kit, &id), 0);
  }
  lrm_id id = kit_prompt(&kit, "one too many");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
  assert_int_equal(lrm_host_submit_local(kit.host, "too", false, kit.wall_ms, kit.now_ns),
                   LRM_ERR_BUSY);
}

static void long_prompts_travel_as_assets(void **state) {
  (void)state;
  static char text[100001];
  memset(text, 'x', sizeof text - 1);
  kit_prompt(&kit, text);
  assert_true(kit_act(&kit));
  assert_int_equal(strlen(kit.action.text), 100000);
  finish(0, NULL);
  assert_int_equal(strlen(kit.said->text), 65536);
  assert_int_equal(kit_seen(&kit, EVENT_BODY(ASSET)), 1);
  assert_string_not_equal(kit.said->asset_id, "");
}

/* ---- refusals ---- */

static void what_is_refused(void **state) {
  (void)state;
  lrm_id id = kit_prompt(&kit, "  ");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  id = kit_prompt(&kit, " !rm -rf /");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  id = kit_prompt(&kit, "/login now");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
  id = kit_prompt(&kit, "/etc is a directory");
  assert_int_equal(kit_outcome(&kit, &id), 0);
  id = kit_prompt(&kit, "/plan it");
  assert_int_equal(kit_outcome(&kit, &id), 0);

  Remote__V1__SetMode mode = REMOTE__V1__SET_MODE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  mode.mode_id = lrm__text("nowhere");
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_MODE;
  command.set_mode = &mode;
  id = kit_command(&kit, &command, 0);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);

  Remote__V1__CancelTurn cancel = REMOTE__V1__CANCEL_TURN__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  command.cancel_turn = &cancel;
  while (kit_act(&kit)) finish(LRM_CODE_AGENT_ERROR, "gone");
  id = kit_command(&kit, &command, 0);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_TOO_LATE);
}

static void class_epoch_time_and_mode_are_checked(void **state) {
  (void)state;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  lrm_id epoch = lrm_host_position(kit.host).epoch, other = kit_id(200);
  probe.nonce = 42;
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &probe;
  lrm_id id = kit_command_as(&kit, &command, 2, &epoch, 0, kit.wall_ms);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
  id = kit_command_as(&kit, &command, 1, &other, 0, kit.wall_ms);
  expect_outcome(&id, OUTCOME(UNKNOWN), 0);
  id = kit_command_as(&kit, &command, 1, &epoch, 1000, kit.wall_ms - 1001);
  expect_outcome(&id, OUTCOME(EXPIRED), 0);
  id = kit_command_as(&kit, &command, 1, &epoch, 1000, kit.wall_ms - 1000);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  assert_int_equal(kit.outcome->nonce, 42);
  kit.host->clock_offset_ms = 500;
  id = kit_command_as(&kit, &command, 1, &epoch, 1000, kit.wall_ms - 501);
  expect_outcome(&id, OUTCOME(EXPIRED), 0);
  assert_int_equal(lrm_host_set_remote_mode(kit.host, MODE(VIEW), "", kit.wall_ms, kit.now_ns), 0);
  id = kit_command_as(&kit, &command, 1, &epoch, 0, kit.wall_ms);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  id = kit_prompt(&kit, "steer");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_VIEW_ONLY);
  kit.host->mode = MODE(CONTROL);
  kit.host->ceiling_view = true;
  id = kit_prompt(&kit, "steer");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_COMMAND_POLICY);
}

static void known_ids_add_nothing(void **state) {
  (void)state;
  lrm_id first = kit_prompt(&kit, "once");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  kit.next_id--; /* the same id again */
  lrm_id second = kit_prompt(&kit, "twice");
  assert_true(lrm_id_equal(&first, &second));
  assert_int_equal(kit.outcomes, 1);
  assert_false(kit_act(&kit));
}

static void modes_that_ask_less_are_for_the_local_person(void **state) {
  (void)state;
  Remote__V1__Mode ask = REMOTE__V1__MODE__INIT, yolo = REMOTE__V1__MODE__INIT;
  Remote__V1__Mode *modes[] = {&ask, &yolo};
  Remote__V1__ModesChanged changed = REMOTE__V1__MODES_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  ask.mode_id = lrm__text("ask");
  yolo.mode_id = lrm__text("yolo");
  changed.modes = modes;
  changed.n_modes = 2;
  changed.current_mode_id = lrm__text("yolo");
  event.body_case = EVENT_BODY(MODES_CHANGED);
  event.modes_changed = &changed;
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  Remote__V1__SetMode set = REMOTE__V1__SET_MODE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_MODE;
  command.set_mode = &set;
  set.mode_id = lrm__text("yolo");
  lrm_id id = kit_command(&kit, &command, 0);
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_ELEVATION);
  set.mode_id = lrm__text("ask");
  id = kit_command(&kit, &command, 0);
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_SET_MODE);
  assert_string_equal(kit.action.text, "ask");
  finish(0, NULL);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  assert_string_equal(lrm_host_state(kit.host)->current_mode_id, "ask");
}

/* ---- asks ---- */

static void the_first_answer_wins(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  assert_int_equal(lrm_host_state(kit.host)->status, STATUS(NEEDS_INPUT));
  lrm_id wrong = kit_answer(&kit, &ask, "maybe");
  expect_outcome(&wrong, OUTCOME(REJECTED), LRM_CODE_OPTION_NOT_OFFERED);
  lrm_id first = kit_answer(&kit, &ask, "yes"), second = kit_answer(&kit, &ask, "no");
  expect_outcome(&first, OUTCOME(APPLIED), 0);
  expect_outcome(&second, OUTCOME(SUPERSEDED), 0);
  assert_string_equal(kit.outcome->resolution->answer->option_id, "yes");
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = lrm__text("no");
  assert_int_equal(lrm_host_answer_local(kit.host, &ask, &content, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  assert_string_equal(lrm_host_resolution(kit.host, &ask)->answer->option_id, "yes");
  assert_false(lrm_host_next_action(kit.host, &kit.action));
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_ANSWER);
  assert_string_equal(kit.action.resolution->answer->option_id, "yes");
  assert_false(kit_act(&kit));
  assert_int_equal(kit_seen(&kit, EVENT_BODY(ASK_RESOLVED)), 1);
  lrm_id nowhere = kit_id(250);
  lrm_id lost = kit_answer(&kit, &nowhere, "yes");
  expect_outcome(&lost, OUTCOME(REJECTED), LRM_CODE_NO_SUCH_ASK);
}

static void late_answers_learn_who_won_even_when_expired(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = lrm__text("no");
  assert_int_equal(lrm_host_answer_local(kit.host, &ask, &content, kit.wall_ms, kit.now_ns), 0);
  kit.host->clock_offset_ms = 5000;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  answer.ask_id = lrm__id_data(&ask);
  answer.answer = &content;
  command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
  command.answer_ask = &answer;
  lrm_id late = kit_command(&kit, &command, 10);
  expect_outcome(&late, OUTCOME(SUPERSEDED), 0);
  assert_true(kit.outcome->resolution->by->local);
  lrm_id other = kit_ask(&kit, "yes", "no");
  answer.ask_id = lrm__id_data(&other);
  late = kit_command(&kit, &command, 10);
  expect_outcome(&late, OUTCOME(EXPIRED), 0);
}

static void cancelling_cancels_the_asks(void **state) {
  (void)state;
  kit_prompt(&kit, "go");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  lrm_id ask = kit_ask(&kit, "yes", "no");
  Remote__V1__CancelTurn cancel = REMOTE__V1__CANCEL_TURN__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  cancel.turn_id = lrm__text("another");
  command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  command.cancel_turn = &cancel;
  lrm_id wrong = kit_command(&kit, &command, 0);
  expect_outcome(&wrong, OUTCOME(SUPERSEDED), 0);
  assert_string_equal(kit.outcome->turn_id, kit.host->turn.id);
  cancel.turn_id = kit.host->turn.id;
  kit_command(&kit, &command, 0);
  assert_int_equal(lrm_host_resolution(kit.host, &ask)->outcome, ASK_OUTCOME(CANCELLED));
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_CANCEL);
  finish(0, NULL);
  kit_turn_ended(&kit, "cancelled");
  assert_int_equal(lrm_host_state(kit.host)->status, STATUS(IDLE));
}

static void asks_expire(void **state) {
  (void)state;
  Remote__V1__QuestionAsk question = REMOTE__V1__QUESTION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  question.text = lrm__text("still there?");
  question.free_text = true;
  ask.kind_case = REMOTE__V1__ASK__KIND_QUESTION;
  ask.question = &question;
  ask.expires_ms = kit.wall_ms + 5000;
  lrm_id id;
  assert_int_equal(lrm_host_ask(kit.host, &ask, &id, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_deadline(kit.host), kit.now_ns + 5000 * NS_PER_MS);
  kit.wall_ms += 5000;
  kit.now_ns += 5000 * NS_PER_MS;
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.type, LRM_ACTION_ANSWER);
  assert_int_equal(kit.action.resolution->outcome, ASK_OUTCOME(EXPIRED));
}

static void lasting_options_vanish_under_managed_policy(void **state) {
  (void)state;
  Remote__V1__AskOption once = REMOTE__V1__ASK_OPTION__INIT, always = once;
  Remote__V1__AskOption *options[] = {&always, &once};
  Remote__V1__PermissionAsk permission = REMOTE__V1__PERMISSION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  once.option_id = lrm__text("once");
  once.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE;
  always.option_id = lrm__text("always");
  always.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ALWAYS;
  permission.one_time_only = true;
  ask.options = options;
  ask.n_options = 2;
  ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
  ask.permission = &permission;
  lrm_id id;
  assert_int_equal(lrm_host_ask(kit.host, &ask, &id, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(lrm_host_state(kit.host)->asks[0]->n_options, 1);
  lrm_id no = kit_answer(&kit, &id, "always");
  expect_outcome(&no, OUTCOME(REJECTED), LRM_CODE_OPTION_NOT_OFFERED);
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

static void journalled_answers_learn_that_their_ask_is_orphaned(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  kit.host->synced = false; /* received, not acted on */
  lrm_id answer = kit_answer(&kit, &ask, "yes");
  assert_int_equal(kit_outcome(&kit, &answer), 0);
  kit_commit(&kit);
  kit_restart(&kit, true);
  expect_outcome(&answer, OUTCOME(SUPERSEDED), 0);
  /* And answers that come later learn it too. */
  kit_confirm(&kit);
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
  static uint8_t before[4 << 20], after[4 << 20];
  size_t before_bytes = remote__v1__session_state__get_packed_size(lrm_host_state(kit.host));
  assert_true(before_bytes < sizeof before);
  remote__v1__session_state__pack(lrm_host_state(kit.host), before);
  lrm_log_facts facts = lrm_log_facts_now(kit.host->events);
  assert_true(facts.snapshot != LRM_OFFSET_NONE && facts.snapshot > 100);
  kit_restart(&kit, true);
  size_t after_bytes = remote__v1__session_state__get_packed_size(lrm_host_state(kit.host));
  assert_true(after_bytes < sizeof after);
  remote__v1__session_state__pack(lrm_host_state(kit.host), after);
  assert_int_equal(before_bytes, after_bytes);
  assert_memory_equal(before, after, before_bytes);
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

/* ---- attachments ---- */

static lrm_id chunk(const lrm_id *id, uint64_t position, uint64_t total, size_t bytes) {
  static uint8_t data[65536];
  Remote__V1__AttachmentChunk piece = REMOTE__V1__ATTACHMENT_CHUNK__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  piece.attachment_id = lrm__id_data(id);
  piece.position = position;
  piece.total = total;
  piece.name = lrm__text("a.png");
  piece.data = (ProtobufCBinaryData){bytes, data};
  command.body_case = REMOTE__V1__COMMAND__BODY_ATTACHMENT_CHUNK;
  command.attachment_chunk = &piece;
  return kit_command(&kit, &command, 0);
}

static void attachments_are_collected(void **state) {
  (void)state;
  lrm_id id = kit_id(222), other = kit_id(223);
  lrm_id first = chunk(&id, 0, 100000, 60000);
  expect_outcome(&first, OUTCOME(APPLIED), 0);
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  ProtobufCBinaryData ids[] = {lrm__id_data(&id)};
  prompt.text = lrm__text("look");
  prompt.attachment_ids = ids;
  prompt.n_attachment_ids = 1;
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  lrm_id early = kit_command(&kit, &command, 0);
  expect_outcome(&early, OUTCOME(REJECTED), LRM_CODE_INVALID);
  lrm_id hole = chunk(&id, 70000, 100000, 30000);
  expect_outcome(&hole, OUTCOME(REJECTED), LRM_CODE_INVALID);
  lrm_id huge = chunk(&other, 0, LRM_ATTACHMENT_BYTES_MAX + 1, 10);
  expect_outcome(&huge, OUTCOME(REJECTED), LRM_CODE_INVALID);
  kit_commit(&kit);
  kit_restart(&kit, true);
  kit_confirm(&kit);
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  lrm_id second = chunk(&id, 60000, 100000, 40000);
  expect_outcome(&second, OUTCOME(APPLIED), 0);
  kit_command(&kit, &command, 0);
  assert_true(kit_act(&kit));
  assert_int_equal(kit.action.attachments_count, 1);
  lrm_host_attachment_info info;
  assert_int_equal(lrm_host_attachment(kit.host, &kit.action.attachment_ids[0], &info), 0);
  assert_int_equal(info.data.bytes, 100000);
  finish(0, NULL);
  assert_int_equal(kit.said->n_attachments, 1);
  assert_string_equal(kit.said->attachments[0]->name, "a.png");
  assert_int_equal(lrm_host_attachment(kit.host, &id, &info), LRM_ERR_NOT_FOUND);
}

static void the_end_refuses_what_waits(void **state) {
  (void)state;
  kit_prompt(&kit, "runs");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  lrm_id waiting = kit_prompt(&kit, "waits");
  Remote__V1__SessionEnded ended = REMOTE__V1__SESSION_ENDED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(SESSION_ENDED);
  event.session_ended = &ended;
  assert_int_equal(lrm_host_emit(kit.host, &event, kit.wall_ms, kit.now_ns), 0);
  expect_outcome(&waiting, OUTCOME(REJECTED), LRM_CODE_SESSION_ENDED);
  lrm_id late = kit_prompt(&kit, "late");
  expect_outcome(&late, OUTCOME(REJECTED), LRM_CODE_SESSION_ENDED);
  assert_int_equal(lrm_host_state(kit.host)->status, STATUS(ENDED));
  kit_commit(&kit);
  kit_restart(&kit, false);
  assert_false(lrm_host_state(kit.host)->ended);
}

static void questions_are_answered(void **state) {
  (void)state;
  lrm_id refused = kit_prompt(&kit, ""), running = kit_prompt(&kit, "runs"), never = kit_id(199);
  Remote__V1__QueryOutcome query = REMOTE__V1__QUERY_OUTCOME__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  ProtobufCBinaryData ids[] = {lrm__id_data(&refused), lrm__id_data(&running),
                               lrm__id_data(&never)};
  query.command_ids = ids;
  query.n_command_ids = 3;
  command.body_case = REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME;
  command.query_outcome = &query;
  kit_command(&kit, &command, 0);
  assert_int_equal(kit.outcome->n_known, 3);
  assert_int_equal(kit.outcome->known[0]->outcome, OUTCOME(REJECTED));
  assert_int_equal(kit.outcome->known[0]->code, LRM_CODE_INVALID);
  assert_true(kit.outcome->known[1]->pending);
  assert_false(kit.outcome->known[2]->pending);
  assert_int_equal(kit.outcome->known[2]->outcome, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(a_prompt_is_begun_once_durable_and_applied_when_given),
      TEST(prompts_wait_for_the_turn_and_can_be_withdrawn),
      TEST(a_local_person_takes_prompts_back),
      TEST(steering_goes_into_the_turn),
      TEST(the_agent_may_refuse),
      TEST(a_prompt_the_dead_agent_never_had_waits_for_the_next),
      TEST(the_queue_has_an_end),
      TEST(long_prompts_travel_as_assets),
      TEST(what_is_refused),
      TEST(class_epoch_time_and_mode_are_checked),
      TEST(known_ids_add_nothing),
      TEST(modes_that_ask_less_are_for_the_local_person),
      TEST(the_first_answer_wins),
      TEST(late_answers_learn_who_won_even_when_expired),
      TEST(cancelling_cancels_the_asks),
      TEST(asks_expire),
      TEST(lasting_options_vanish_under_managed_policy),
      TEST(a_restart_closes_what_a_dead_process_left),
      TEST(journalled_answers_learn_that_their_ask_is_orphaned),
      TEST(nothing_is_acted_on_before_it_is_confirmed),
      TEST(withdrawals_and_expiries_come_first),
      TEST(late_answers_learn_who_won_also_after_a_restart),
      TEST(the_first_block_of_each_process_clears_tails),
      TEST(an_uncommitted_answer_never_was),
      TEST(restarts_give_the_same_view),
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
      TEST(attachments_are_collected),
      TEST(the_end_refuses_what_waits),
      TEST(questions_are_answered),
  };
  return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
