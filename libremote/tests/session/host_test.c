/* The host's rules, one by one, without a link: prompts, asks, refusals, attachments. */
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

/* Judged in time, but the disk stood still until its time was over: the agent never hears of it. */
static void what_expires_while_it_is_written_is_not_begun(void **state) {
  (void)state;
  kit.host->relay_ms = kit.wall_ms;
  kit.host->relay_said_ns = kit.now_ns;
  kit_prompt(&kit, "one");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  prompt.text = lrm__text("left");
  prompt.delivery = DELIVERY(STEER);
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  lrm_id steer = kit_command(&kit, &command, 60000);
  kit.now_ns += UINT64_C(61000000000);
  assert_false(kit_act(&kit));
  expect_outcome(&steer, OUTCOME(EXPIRED), 0);
  kit_turn_ended(&kit, "end_turn");
  /* A prompt whose turn had begun for it: the next one has its turn all the same. */
  kit.host->relay_ms = kit.wall_ms;
  kit.host->relay_said_ns = kit.now_ns;
  prompt.delivery = DELIVERY(START_OR_QUEUE);
  lrm_id late = kit_command(&kit, &command, 60000), next = kit_prompt(&kit, "next");
  kit.now_ns += UINT64_C(61000000000);
  assert_true(kit_act(&kit));
  expect_outcome(&late, OUTCOME(EXPIRED), 0);
  assert_int_equal(kit.action.type, LRM_ACTION_PROMPT);
  assert_string_equal(kit.action.text, "next");
  finish(0, NULL);
  expect_outcome(&next, OUTCOME(APPLIED), 0);
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

/* All of Unicode's White_Space, and U+FEFF; then what only looks like it. */
static void blanks_in_front_of_a_prompt_hide_nothing(void **state) {
  (void)state;
  static const char *const blanks[] = {
      "\t",           "\n",           "\v",
      "\f",           "\r",           " ",
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
      "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
      "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
      "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
      "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8",
      "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
      "\xe3\x80\x80", "\xef\xbb\xbf",
  };
  static const char *const others[] = {"\x1f", "\xc2\xa1", "\xe1\xa0\x8e", "\xe2\x80\x8b",
                                       "\xc3\x85"};
  char text[64];
  for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
    lrm_id id = kit_prompt(&kit, blanks[i]);
    expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
    snprintf(text, sizeof text, "%s%s!make", blanks[i], blanks[0]);
    id = kit_prompt(&kit, text);
    expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_INVALID);
    snprintf(text, sizeof text, "%s/login%snow", blanks[i], blanks[i]);
    id = kit_prompt(&kit, text);
    expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
  }
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    snprintf(text, sizeof text, "%s!make", others[i]);
    lrm_id id = kit_prompt(&kit, text);
    assert_int_equal(kit_outcome(&kit, &id), 0);
  }
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
  kit.host->relay_ms = kit.wall_ms + 500;
  kit.host->relay_said_ns = kit.now_ns;
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

/* As LOG_STATUS does it. */
static void ceiling_falls(uint32_t layer) {
  kit.host->ceiling_view = true;
  kit.host->ceiling_layer = layer;
  lrm__host_enter(kit.host, kit.wall_ms, kit.now_ns);
  assert_int_equal(lrm__host_leave(kit.host, lrm__host_limit_queued(kit.host)), 0);
}

static void queued_prompts_and_a_ceiling_that_falls(void **state) {
  (void)state;
  (void)kit_prompt(&kit, "runs");
  assert_true(kit_act(&kit));
  finish(0, NULL);
  lrm_id waits = kit_prompt(&kit, "waits");
  assert_int_equal(kit_outcome(&kit, &waits), 0);
  ceiling_falls(REMOTE__V1__LAYER__LAYER_ORGANIZATION);
  expect_outcome(&waits, OUTCOME(REJECTED), LRM_CODE_COMMAND_POLICY);
  assert_int_equal(kit.outcome->layer, REMOTE__V1__LAYER__LAYER_ORGANIZATION);
  assert_non_null(strstr(kit.outcome->reason, "organization"));
  kit.host->ceiling_view = false;
  waits = kit_prompt(&kit, "waits again");
  assert_int_equal(lrm_host_set_remote_mode(kit.host, MODE(VIEW), "", kit.wall_ms, kit.now_ns), 0);
  expect_outcome(&waits, OUTCOME(REJECTED), LRM_CODE_VIEW_ONLY);
  assert_int_equal(kit.outcome->layer, REMOTE__V1__LAYER__LAYER_SESSION);
  /* What the local person has said waits on, and is given. */
  kit_turn_ended(&kit, "end_turn");
  assert_false(kit_act(&kit));
}

static void commands_of_another_account(void **state) {
  (void)state;
  memcpy(kit.host->account, "bob", sizeof "bob");
  lrm_id id = kit_prompt(&kit, "from ada");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_COMMAND_POLICY);
  assert_int_equal(kit.outcome->layer, REMOTE__V1__LAYER__LAYER_ACCOUNT);
  memcpy(kit.host->account, "ada", sizeof "ada");
  (void)kit_prompt(&kit, "from ada");
  assert_true(kit_act(&kit));
}

static void machines_that_are_only_watched(void **state) {
  (void)state;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  assert_int_equal(lrm_host_set_watch_only(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  lrm_id id = kit_prompt(&kit, "no");
  expect_outcome(&id, OUTCOME(REJECTED), LRM_CODE_COMMAND_POLICY);
  assert_int_equal(kit.outcome->layer, REMOTE__V1__LAYER__LAYER_DEVICE);
  id = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_PROBE, &probe);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  assert_int_equal(lrm_host_set_watch_only(kit.host, false, kit.wall_ms, kit.now_ns), 0);
  (void)kit_prompt(&kit, "yes");
  assert_true(kit_act(&kit));
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

static bool no_fits(void *user, const Remote__V1__Ask *ask, const Remote__V1__AnswerContent *answer,
                    char *reason, size_t reason_bytes) {
  (void)user;
  if (strcmp(answer->option_id, "no") != 0) return true;
  snprintf(reason, reason_bytes, "of %zu options not this one", ask->n_options);
  return false;
}

static void an_answer_that_does_not_fit_leaves_its_ask_open(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  kit.host->config.answer_fits = no_fits;
  lrm_id wrong = kit_answer(&kit, &ask, "maybe"), first = kit_answer(&kit, &ask, "no");
  expect_outcome(&wrong, OUTCOME(REJECTED), LRM_CODE_OPTION_NOT_OFFERED);
  expect_outcome(&first, OUTCOME(REJECTED), LRM_CODE_INVALID);
  assert_string_equal(kit.outcome->reason, "of 2 options not this one");
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = lrm__text("no");
  assert_int_equal(lrm_host_answer_local(kit.host, &ask, &content, kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  assert_null(lrm_host_resolution(kit.host, &ask));
  lrm_id second = kit_answer(&kit, &ask, "yes"), third = kit_answer(&kit, &ask, "no");
  expect_outcome(&second, OUTCOME(APPLIED), 0);
  expect_outcome(&third, OUTCOME(SUPERSEDED), 0);
}

/* "yolo" is no mode that the agent has listed. */
static void a_plans_option_may_be_a_mode_that_is_not_listed(void **state) {
  (void)state;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  Remote__V1__PlanAsk plan = REMOTE__V1__PLAN_ASK__INIT;
  Remote__V1__AskOption yolo = REMOTE__V1__ASK_OPTION__INIT, go = REMOTE__V1__ASK_OPTION__INIT;
  Remote__V1__AskOption *options[] = {&yolo, &go};
  lrm_id id;
  yolo.option_id = lrm__text("yolo");
  go.option_id = lrm__text("go");
  ask.options = options;
  ask.n_options = 2;
  ask.kind_case = REMOTE__V1__ASK__KIND_PLAN;
  ask.plan = &plan;
  assert_int_equal(lrm_host_ask(kit.host, &ask, &id, kit.wall_ms, kit.now_ns), 0);
  lrm_id first = kit_answer(&kit, &id, "yolo");
  expect_outcome(&first, OUTCOME(REJECTED), LRM_CODE_ELEVATION);
  lrm_id second = kit_answer(&kit, &id, "go");
  expect_outcome(&second, OUTCOME(APPLIED), 0);
}

static void late_answers_learn_who_won_even_when_expired(void **state) {
  (void)state;
  lrm_id ask = kit_ask(&kit, "yes", "no");
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = lrm__text("no");
  assert_int_equal(lrm_host_answer_local(kit.host, &ask, &content, kit.wall_ms, kit.now_ns), 0);
  kit.host->relay_ms = kit.wall_ms + 5000;
  kit.host->relay_said_ns = kit.now_ns;
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

/* A clock that is set makes no command older or younger. */
static void a_stepped_clock_expires_nothing(void **state) {
  (void)state;
  const uint64_t relay_ms = kit.wall_ms;
  kit.host->relay_ms = relay_ms;
  kit.host->relay_said_ns = kit.now_ns;
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &probe;
  kit.wall_ms += 86400000;
  lrm_id id = kit_command_as(&kit, &command, 1, &epoch, 60000, relay_ms);
  expect_outcome(&id, OUTCOME(APPLIED), 0);
  kit.wall_ms -= 2 * 86400000;
  kit.now_ns += UINT64_C(61000000000);
  id = kit_command_as(&kit, &command, 1, &epoch, 60000, relay_ms);
  expect_outcome(&id, OUTCOME(EXPIRED), 0);
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
  assert_non_null(kit.ended->cancelled_by);
  assert_false(kit.ended->cancelled_by->local);
  assert_string_equal(kit.ended->cancelled_by->origin->account, "ada");
  assert_string_equal(kit.ended->cancelled_by->origin->device, "phone");
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
  uint8_t sha256[LRM_SHA256_BYTES];
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  for (uint64_t at = 0; at < total && total <= LRM_ATTACHMENT_BYTES_MAX; at += 50000)
    lrm_sha256_add(&sum, data, total - at < 50000 ? (size_t)(total - at) : 50000);
  lrm_sha256_end(&sum, sha256);
  piece.sha256 = (ProtobufCBinaryData){sizeof sha256, sha256};
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
  assert_int_equal(info.bytes, 100000);
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
      TEST(what_expires_while_it_is_written_is_not_begun),
      TEST(the_agent_may_refuse),
      TEST(a_prompt_the_dead_agent_never_had_waits_for_the_next),
      TEST(the_queue_has_an_end),
      TEST(long_prompts_travel_as_assets),
      TEST(what_is_refused),
      TEST(blanks_in_front_of_a_prompt_hide_nothing),
      TEST(class_epoch_time_and_mode_are_checked),
      TEST(queued_prompts_and_a_ceiling_that_falls),
      TEST(commands_of_another_account),
      TEST(machines_that_are_only_watched),
      TEST(known_ids_add_nothing),
      TEST(modes_that_ask_less_are_for_the_local_person),
      TEST(the_first_answer_wins),
      TEST(an_answer_that_does_not_fit_leaves_its_ask_open),
      TEST(a_plans_option_may_be_a_mode_that_is_not_listed),
      TEST(late_answers_learn_who_won_even_when_expired),
      TEST(a_stepped_clock_expires_nothing),
      TEST(cancelling_cancels_the_asks),
      TEST(asks_expire),
      TEST(lasting_options_vanish_under_managed_policy),
      TEST(attachments_are_collected),
      TEST(the_end_refuses_what_waits),
      TEST(questions_are_answered),
  };
  return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
