/* Memory runs out: every allocation of every call of the host fails once. The call says so and
 * nothing leaks; the process may go on, and the next one finds a whole journal in which each
 * command gets the outcome that it would have had, or UNKNOWN when it had been begun. */
#include "host_kit.h"

#include <string.h>

#include "failing.h"

static host_kit kit;
static failing memory;
static lrm_id made, ask_id; /* what the scene's last command was, and its ask */
static lrm_id target;       /* of a withdrawal */
static lrm_id epoch_before;
static unsigned read_later; /* commands */

/* ---- pieces of scenes ---- */

static int emit(Remote__V1__Event *event) {
  return lrm_host_emit(kit.host, event, kit.wall_ms, kit.now_ns);
}

static int title(const char *text) {
  Remote__V1__TitleChanged changed = REMOTE__V1__TITLE_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  changed.title = lrm__text(text);
  event.body_case = EVENT_BODY(TITLE_CHANGED);
  event.title_changed = &changed;
  return emit(&event);
}

static int modes(void) {
  Remote__V1__Mode ask = REMOTE__V1__MODE__INIT, plan = REMOTE__V1__MODE__INIT;
  Remote__V1__Mode *list[] = {&ask, &plan};
  Remote__V1__ModesChanged changed = REMOTE__V1__MODES_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  ask.mode_id = lrm__text("ask");
  plan.mode_id = lrm__text("plan");
  changed.modes = list;
  changed.n_modes = 2;
  changed.current_mode_id = lrm__text("ask");
  event.body_case = EVENT_BODY(MODES_CHANGED);
  event.modes_changed = &changed;
  return emit(&event);
}

static int options(void) {
  Remote__V1__ConfigValue all = REMOTE__V1__CONFIG_VALUE__INIT, some = all, risky = all;
  Remote__V1__ConfigValue *values[] = {&all, &some, &risky};
  Remote__V1__ConfigOption choice = REMOTE__V1__CONFIG_OPTION__INIT, yes_no = choice;
  Remote__V1__ConfigOption *list[] = {&choice, &yes_no};
  Remote__V1__ConfigOptionsChanged changed = REMOTE__V1__CONFIG_OPTIONS_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  all.value = lrm__text("all");
  some.value = lrm__text("some");
  risky.value = lrm__text("risky");
  risky.elevating = true;
  choice.option_id = lrm__text("approve");
  choice.values = values;
  choice.n_values = 3;
  choice.current_value = lrm__text("some");
  yes_no.option_id = lrm__text("quiet");
  yes_no.boolean = true;
  yes_no.current_value = lrm__text("false");
  changed.options = list;
  changed.n_options = 2;
  event.body_case = EVENT_BODY(CONFIG_OPTIONS_CHANGED);
  event.config_options_changed = &changed;
  return emit(&event);
}

static int tool_started(const char *id) {
  Remote__V1__ToolState tool = REMOTE__V1__TOOL_STATE__INIT;
  Remote__V1__ToolStarted started = REMOTE__V1__TOOL_STARTED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  tool.tool_call_id = lrm__text(id);
  tool.title = lrm__text("make");
  tool.status = TOOL_STATUS(RUNNING);
  started.tool = &tool;
  event.body_case = EVENT_BODY(TOOL_STARTED);
  event.tool_started = &started;
  return emit(&event);
}

static int tool_ended(void) {
  Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  ended.tool_call_id = lrm__text("call");
  ended.status = TOOL_STATUS(COMPLETED);
  event.body_case = EVENT_BODY(TOOL_ENDED);
  event.tool_ended = &ended;
  return emit(&event);
}

static int tool_output(const char *text) {
  Remote__V1__ToolOutput output = REMOTE__V1__TOOL_OUTPUT__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  output.tool_call_id = lrm__text("call");
  output.data = (ProtobufCBinaryData){strlen(text), (uint8_t *)lrm__text(text)};
  event.body_case = EVENT_BODY(TOOL_OUTPUT);
  event.tool_output = &output;
  return lrm_host_delta(kit.host, &event, kit.wall_ms, kit.now_ns);
}

static int said(const char *id, const char *text) {
  Remote__V1__AssistantDelta delta = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  delta.message_id = lrm__text(id);
  delta.text = lrm__text(text);
  event.body_case = EVENT_BODY(ASSISTANT_DELTA);
  event.assistant_delta = &delta;
  return lrm_host_delta(kit.host, &event, kit.wall_ms, kit.now_ns);
}

static int command(Remote__V1__Command__BodyCase body, void *message) {
  Remote__V1__Command said_to_do = REMOTE__V1__COMMAND__INIT;
  said_to_do.body_case = body;
  said_to_do.submit_prompt = message; /* all of the oneof are pointers */
  kit.may_fail = true;
  made = kit_command(&kit, &said_to_do, 0);
  kit.may_fail = false;
  return kit.last_result;
}

static int prompt(const char *text) {
  Remote__V1__SubmitPrompt message = REMOTE__V1__SUBMIT_PROMPT__INIT;
  message.text = lrm__text(text);
  return command(REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT, &message);
}

static int finish(void) {
  return lrm_host_finish(kit.host, &kit.action.command_id, 0, "", kit.wall_ms, kit.now_ns);
}

/* ---- scenes: what was before, without trouble ---- */

static void nothing(void) {}

static void a_turn(void) {
  assert_int_equal(prompt("go"), 0);
  assert_true(kit_act(&kit));
  assert_int_equal(finish(), 0);
}

static void an_ask(void) {
  a_turn();
  assert_int_equal(said("m", "I would like to"), 0);
  ask_id = kit_ask(&kit, "yes", "no");
}

static void a_busy_turn(void) {
  an_ask();
  assert_int_equal(tool_started("call"), 0);
  assert_int_equal(tool_output("gcc -c a.c\n"), 0);
  assert_int_equal(said("n", "and then "), 0);
  assert_int_equal(prompt("next"), 0);
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
}

static void a_past(void) {
  assert_int_equal(modes(), 0);
  assert_int_equal(options(), 0);
  a_busy_turn();
}

static void settings(void) {
  assert_int_equal(modes(), 0);
  assert_int_equal(options(), 0);
}

static void half_an_attachment(void);

static void a_prompt_given(void) {
  assert_int_equal(prompt("go"), 0);
  assert_true(kit_act(&kit));
}

static void a_mode_given(void) {
  settings();
  Remote__V1__SetMode message = REMOTE__V1__SET_MODE__INIT;
  message.mode_id = lrm__text("plan");
  assert_int_equal(command(REMOTE__V1__COMMAND__BODY_SET_MODE, &message), 0);
  assert_true(kit_act(&kit));
}

static void an_option_given(void) {
  settings();
  Remote__V1__SetConfigOption message = REMOTE__V1__SET_CONFIG_OPTION__INIT;
  message.option_id = lrm__text("quiet");
  message.value = lrm__text("true");
  assert_int_equal(command(REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION, &message), 0);
  assert_true(kit_act(&kit));
}

static void an_ask_with_an_end(void) {
  Remote__V1__QuestionAsk question = REMOTE__V1__QUESTION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  question.text = lrm__text("still there?");
  question.free_text = true;
  ask.kind_case = REMOTE__V1__ASK__KIND_QUESTION;
  ask.question = &question;
  ask.expires_ms = kit.wall_ms + 5000;
  assert_int_equal(lrm_host_ask(kit.host, &ask, &ask_id, kit.wall_ms, kit.now_ns), 0);
  kit.wall_ms += 5000;
  kit.now_ns += 5000 * NS_PER_MS;
}

static void a_pause(void) {
  a_busy_turn();
  kit.wall_ms += 2000;
  kit.now_ns += 2000 * NS_PER_MS;
}

static void a_full_disk(void) {
  a_busy_turn();
  kit_commit(&kit);
  assert_int_equal(title("on its way"), 0);
  lrm_store_memory_fail(kit.store, LRM_ERR_DISK_FULL, 1);
  kit_commit(&kit);
}

/* The store has refused an event: history with a hole. */
static void a_gap(void) {
  a_busy_turn();
  kit_commit(&kit);
  epoch_before = lrm_host_position(kit.host).epoch;
  kit.host->gap = true;
  kit.host->store_error = LRM_ERR_DISK_FULL;
  assert_int_equal(title("never journalled"), 0);
}

/* ---- calls ---- */

static int call_title(void) { return title("another"); }
static int call_settings(void) {
  int result = modes();
  return result != 0 ? result : options();
}
static int call_tool_ended(void) { return tool_ended(); }
static int call_tool_output(void) { return tool_output("more\n"); }
static int call_said(void) { return said("n", "this"); }
static int call_complete(void) {
  return lrm_host_complete_stream(kit.host, "n", kit.wall_ms, kit.now_ns);
}
static int call_usage(void) {
  Remote__V1__Usage used = REMOTE__V1__USAGE__INIT;
  Remote__V1__UsageUpdated usage = REMOTE__V1__USAGE_UPDATED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  usage.usage = &used;
  event.body_case = EVENT_BODY(USAGE_UPDATED);
  event.usage_updated = &usage;
  return lrm_host_tail(kit.host, &event, kit.wall_ms, kit.now_ns);
}
static int call_ask(void) {
  Remote__V1__AskOption yes = REMOTE__V1__ASK_OPTION__INIT;
  Remote__V1__AskOption *list[] = {&yes};
  Remote__V1__PlanAsk plan = REMOTE__V1__PLAN_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  yes.option_id = lrm__text("yes");
  ask.options = list;
  ask.n_options = 1;
  ask.kind_case = REMOTE__V1__ASK__KIND_PLAN;
  ask.plan = &plan;
  return lrm_host_ask(kit.host, &ask, &ask_id, kit.wall_ms, kit.now_ns);
}
static int call_answer(void) {
  kit.may_fail = true;
  made = kit_answer(&kit, &ask_id, "yes");
  kit.may_fail = false;
  return kit.last_result;
}
static int call_answer_local(void) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = lrm__text("no");
  return lrm_host_answer_local(kit.host, &ask_id, &content, kit.wall_ms, kit.now_ns);
}
static int call_end_ask(void) {
  return lrm_host_end_ask(kit.host, &ask_id, ASK_OUTCOME(WITHDRAWN), "over", kit.wall_ms,
                          kit.now_ns);
}
static int call_expire(void) { return lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns); }
static int call_prompt(void) { return prompt("go"); }
static int call_local(void) {
  return lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns);
}
static int call_steer(void) {
  return lrm_host_submit_local(kit.host, "left", true, kit.wall_ms, kit.now_ns);
}
static int call_steer_from_afar(void) {
  Remote__V1__SubmitPrompt message = REMOTE__V1__SUBMIT_PROMPT__INIT;
  message.text = lrm__text("left");
  message.delivery = DELIVERY(STEER);
  return command(REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT, &message);
}
static int call_cancel_local(void) {
  return lrm_host_cancel_local(kit.host, kit.wall_ms, kit.now_ns);
}
static int call_withdraw_local(void) {
  char id[128];
  lrm__text_cut(id, sizeof id, lrm_host_state(kit.host)->queue[0]->prompt_id);
  return lrm_host_withdraw_local(kit.host, id, kit.wall_ms, kit.now_ns);
}
static int call_mode_local(void) {
  return lrm_host_set_mode_local(kit.host, "plan", kit.wall_ms, kit.now_ns);
}
static int call_option_local(void) {
  return lrm_host_set_option_local(kit.host, "quiet", "true", kit.wall_ms, kit.now_ns);
}
static int call_turn_ended(void) {
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  ended.stop_reason = lrm__text("end_turn");
  return lrm_host_turn_ended(kit.host, &ended, kit.wall_ms, kit.now_ns);
}
static int call_agent_gone(void) {
  return lrm_host_set_agent_ready(kit.host, false, kit.wall_ms, kit.now_ns);
}
static int call_end(void) {
  Remote__V1__SessionEnded ended = REMOTE__V1__SESSION_ENDED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(SESSION_ENDED);
  event.session_ended = &ended;
  return emit(&event);
}
static int call_view_only(void) {
  return lrm_host_set_remote_mode(kit.host, MODE(VIEW), "a guest", kit.wall_ms, kit.now_ns);
}
static int call_restart(void) {
  return lrm_host_restart_history(kit.host, "another history", kit.wall_ms, kit.now_ns);
}
static int call_back(void) {
  int result = lrm_store_commit(kit.store);
  return result != 0 ? result : lrm_host_settled(kit.host, kit.wall_ms, kit.now_ns);
}
static int call_settled(void) { return lrm_host_settled(kit.host, kit.wall_ms, kit.now_ns); }

static int call_set_title(void) {
  Remote__V1__SetTitle message = REMOTE__V1__SET_TITLE__INIT;
  message.title = lrm__text("better");
  return command(REMOTE__V1__COMMAND__BODY_SET_TITLE, &message);
}
static int call_set_mode(void) {
  Remote__V1__SetMode message = REMOTE__V1__SET_MODE__INIT;
  message.mode_id = lrm__text("plan");
  return command(REMOTE__V1__COMMAND__BODY_SET_MODE, &message);
}
static int call_set_option(void) {
  Remote__V1__SetConfigOption message = REMOTE__V1__SET_CONFIG_OPTION__INIT;
  message.option_id = lrm__text("quiet");
  message.value = lrm__text("true");
  return command(REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION, &message);
}
static int call_cancel(void) {
  Remote__V1__CancelTurn message = REMOTE__V1__CANCEL_TURN__INIT;
  return command(REMOTE__V1__COMMAND__BODY_CANCEL_TURN, &message);
}
static int call_withdraw(void) {
  target = made;
  Remote__V1__WithdrawCommand message = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  message.command_id = lrm__id_data(&target);
  return command(REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND, &message);
}
static int call_query(void) {
  lrm_id about = made;
  ProtobufCBinaryData ids[] = {lrm__id_data(&about)};
  Remote__V1__QueryOutcome message = REMOTE__V1__QUERY_OUTCOME__INIT;
  message.command_ids = ids;
  message.n_command_ids = 1;
  return command(REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME, &message);
}
static int call_slash(void) {
  Remote__V1__RunSlashCommand message = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  message.name = lrm__text("plan");
  message.arguments = lrm__text("it");
  return command(REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND, &message);
}
static int call_snapshot(void) {
  Remote__V1__RequestSnapshot message = REMOTE__V1__REQUEST_SNAPSHOT__INIT;
  return command(REMOTE__V1__COMMAND__BODY_REQUEST_SNAPSHOT, &message);
}
static int call_probe(void) {
  Remote__V1__Probe message = REMOTE__V1__PROBE__INIT;
  message.nonce = 7;
  return command(REMOTE__V1__COMMAND__BODY_PROBE, &message);
}
static int call_end_remote(void) {
  Remote__V1__EndRemote message = REMOTE__V1__END_REMOTE__INIT;
  return command(REMOTE__V1__COMMAND__BODY_END_REMOTE, &message);
}
static int chunk(uint64_t position) {
  static uint8_t data[20000];
  lrm_id id = kit_id(222);
  Remote__V1__AttachmentChunk message = REMOTE__V1__ATTACHMENT_CHUNK__INIT;
  message.attachment_id = lrm__id_data(&id);
  message.position = position;
  message.total = 2 * sizeof data;
  message.name = lrm__text("a.png");
  message.data = (ProtobufCBinaryData){sizeof data, data};
  uint8_t sha256[LRM_SHA256_BYTES];
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, data, sizeof data);
  lrm_sha256_add(&sum, data, sizeof data);
  lrm_sha256_end(&sum, sha256);
  message.sha256 = (ProtobufCBinaryData){sizeof sha256, sha256};
  return command(REMOTE__V1__COMMAND__BODY_ATTACHMENT_CHUNK, &message);
}
static int call_chunk(void) { return chunk(20000); }
static void half_an_attachment(void) { assert_int_equal(chunk(0), 0); }
static int call_attached(void) {
  lrm_id id = kit_id(222);
  ProtobufCBinaryData ids[] = {lrm__id_data(&id)};
  Remote__V1__SubmitPrompt message = REMOTE__V1__SUBMIT_PROMPT__INIT;
  message.text = lrm__text("look");
  message.attachment_ids = ids;
  message.n_attachment_ids = 1;
  return command(REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT, &message);
}
static void an_attachment(void) {
  half_an_attachment();
  assert_int_equal(chunk(20000), 0);
}
static void an_attachment_given(void) {
  an_attachment();
  assert_int_equal(call_attached(), 0);
  assert_true(kit_act(&kit));
}

/* ---- the sweep ---- */

#define SENT_ON UINT32_MAX /* given to the agent: no outcome yet, or UNKNOWN after a restart */

typedef struct scene {
  const char *name;
  void (*before)(void);
  int (*call)(void);
  uint32_t outcome; /* of the command that the call brings; 0: it brings none */
} scene;

static const scene scenes[] = {
    {"title", nothing, call_title, 0},
    {"settings", nothing, call_settings, 0},
    {"tool ended", a_busy_turn, call_tool_ended, 0},
    {"tool output", a_busy_turn, call_tool_output, 0},
    {"said", a_busy_turn, call_said, 0},
    {"complete stream", a_busy_turn, call_complete, 0},
    {"usage", a_busy_turn, call_usage, 0},
    {"ask", a_busy_turn, call_ask, 0},
    {"answer", an_ask, call_answer, OUTCOME(APPLIED)},
    {"answer locally", an_ask, call_answer_local, 0},
    {"end ask", an_ask, call_end_ask, 0},
    {"expire", an_ask_with_an_end, call_expire, 0},
    {"clear by time", a_pause, call_expire, 0},
    {"prompt", nothing, call_prompt, SENT_ON},
    {"prompt that waits", a_turn, call_prompt, SENT_ON},
    {"prompt with an attachment", an_attachment, call_attached, SENT_ON},
    {"local prompt", nothing, call_local, 0},
    {"local prompt that waits", a_turn, call_local, 0},
    {"steer locally", a_turn, call_steer, 0},
    {"steer", a_turn, call_steer_from_afar, SENT_ON},
    {"cancel locally", a_busy_turn, call_cancel_local, 0},
    {"withdraw locally", a_busy_turn, call_withdraw_local, 0},
    {"mode locally", settings, call_mode_local, 0},
    {"option locally", settings, call_option_local, 0},
    {"prompt given", a_prompt_given, finish, SENT_ON},
    {"attachment given", an_attachment_given, finish, SENT_ON},
    {"mode given", a_mode_given, finish, SENT_ON},
    {"option given", an_option_given, finish, SENT_ON},
    {"turn ended", a_busy_turn, call_turn_ended, 0},
    {"agent gone", a_busy_turn, call_agent_gone, 0},
    {"agent gone early", a_prompt_given, call_agent_gone, 0},
    {"session ended", a_busy_turn, call_end, 0},
    {"view only", a_busy_turn, call_view_only, 0},
    {"restart of history", a_past, call_restart, 0},
    {"store is back", a_full_disk, call_back, 0},
    {"store is back after a gap", a_gap, call_settled, 0},
    {"set title", nothing, call_set_title, OUTCOME(APPLIED)},
    {"set mode", settings, call_set_mode, SENT_ON},
    {"set option", settings, call_set_option, SENT_ON},
    {"cancel", a_busy_turn, call_cancel, SENT_ON},
    {"withdraw", a_busy_turn, call_withdraw, OUTCOME(APPLIED)},
    {"query", a_busy_turn, call_query, OUTCOME(APPLIED)},
    {"slash", nothing, call_slash, SENT_ON},
    {"snapshot", a_past, call_snapshot, OUTCOME(APPLIED)},
    {"probe", nothing, call_probe, OUTCOME(APPLIED)},
    {"end remote", a_busy_turn, call_end_remote, OUTCOME(APPLIED)},
    {"chunk", half_an_attachment, call_chunk, OUTCOME(APPLIED)},
};

static void open_scene(const scene *at) {
  memset(&memory, 0, sizeof memory);
  kit_start_on(&kit, MODE(CONTROL), failing_allocator(&memory));
  kit_confirm(&kit);
  at->before();
}

/* What the relay has not been told of comes again; everything is decided then. */
static void expect_decided(const scene *at, const char *when, unsigned nth) {
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  kit_confirm(&kit);
  assert_int_equal(kit_deliver(&kit), 0);
  kit_commit(&kit);
  uint32_t outcome = kit_outcome(&kit, &made);
  bool good = at->outcome == SENT_ON || outcome == at->outcome;
  /* An answer that had not been decided finds that its ask ended with the process. */
  if (at->call == call_answer && outcome == OUTCOME(SUPERSEDED))
    good = lrm_host_resolution(kit.host, &ask_id)->outcome == ASK_OUTCOME(ORPHANED);
  if (at->call == call_withdraw && outcome == OUTCOME(REJECTED))
    good = kit_outcome(&kit, &target) == OUTCOME(WITHDRAWN);
  /* Journalled without its outcome it does not continue itself: its sender begins anew. */
  if (at->call == call_chunk && outcome == OUTCOME(REJECTED))
    good = strcmp(when, "next process") == 0;
  if (!good) fail_msg("%s, allocation %u, %s: outcome %u", at->name, nth, when, outcome);
}

/* The command is journalled, and could not even be read. */
static bool is_unread(const scene *at) {
  const lrm_inbox_item *item = at->outcome == 0 ? NULL : lrm__inbox_find(kit.host->inbox, &made);
  return item != NULL && item->state == LRM_INBOX_RECEIVED && !item->judged;
}

/* It has been when there was memory again, by the same process. */
static void expect_read(const scene *at, unsigned nth) {
  const lrm_inbox_item *item = lrm__inbox_find(kit.host->inbox, &made);
  uint32_t outcome = kit_outcome(&kit, &made);
  if (!item->judged || (at->outcome != SENT_ON && outcome != at->outcome))
    fail_msg("%s, allocation %u: outcome %u", at->name, nth, outcome);
  read_later++;
}

/* True: the nth allocation of the call failed. */
static bool fail_once(const scene *at, unsigned nth, bool all, bool crash) {
  open_scene(at);
  failing_plan(&memory, nth, all);
  int result = at->call();
  unsigned failed = memory.failed;
  failing_plan(&memory, 0, false);
  bool unread = is_unread(at);
  bool good = result == 0 || (failed != 0 && result == LRM_ERR_NO_MEMORY);
  if (!good) fail_msg("%s, allocation %u: %d", at->name, nth, result);
  /* The process may go on: what it says next is journalled and seen. */
  assert_int_equal(title("goes on"), 0);
  assert_string_equal(lrm_host_state(kit.host)->title, "goes on");
  assert_int_equal(call_back(), 0); /* finishes a commit that failed half-way, too */
  kit_commit(&kit);
  if (unread) expect_read(at, nth);
  if (failed == 0 && at->outcome != 0) expect_decided(at, "no failure", nth);
  if (at->before == a_gap) {
    lrm_id now = lrm_host_position(kit.host).epoch;
    assert_false(lrm_id_equal(&now, &epoch_before));
  }
  if (crash) assert_int_equal(title("never committed"), 0);
  lrm_id epoch = lrm_host_position(kit.host).epoch;
  uint64_t durable = lrm__host_durable(kit.host);
  kit_restart(&kit, crash);
  lrm_position now = lrm_host_position(kit.host);
  assert_true(lrm_id_equal(&now.epoch, &epoch));
  assert_true(now.offset >= durable);
  if (at->call != call_set_title) assert_string_equal(lrm_host_state(kit.host)->title, "goes on");
  if (at->outcome != 0) expect_decided(at, "next process", nth);
  assert_int_equal(lrm_host_state(kit.host)->n_asks, 0);
  kit_end(&kit);
  if (memory.blocks != 0) fail_msg("%s, allocation %u: %zu leak", at->name, nth, memory.blocks);
  return failed != 0;
}

static void every_allocation_of_every_call_may_fail(void **state) {
  (void)state;
  read_later = 0;
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
    unsigned nth = 1;
    while (fail_once(&scenes[i], nth, false, nth % 2 == 0)) nth++;
    if (nth == 1) fail_msg("%s allocates nothing", scenes[i].name);
  }
  assert_true(read_later > 0);
}

static void a_command_is_decoded_when_there_is_memory_again(void **state) {
  (void)state;
  static const scene probe = {"probe", nothing, call_probe, OUTCOME(APPLIED)};
  open_scene(&probe);
  kit.host->synced = false;
  assert_int_equal(call_probe(), 0);
  kit.host->synced = true;
  failing_plan(&memory, 1, false);
  lrm__host_enter(kit.host, kit.wall_ms, kit.now_ns);
  assert_int_equal(lrm__host_leave(kit.host, lrm__host_process(kit.host)), LRM_ERR_NO_MEMORY);
  assert_int_equal(memory.failed, 1);
  assert_int_equal(kit_outcome(&kit, &made), 0);
  assert_int_equal(lrm_host_settled(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(kit_outcome(&kit, &made), OUTCOME(APPLIED));
  kit_end(&kit);
  assert_int_equal(memory.blocks, 0);
}

static void memory_may_stay_away(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++)
    for (unsigned nth = 1; fail_once(&scenes[i], nth, true, nth % 2 != 0); nth += 2) continue;
}

/* ---- a process begins ---- */

static void create_with_failures(bool past) {
  bool failed = true;
  for (unsigned nth = 1; failed; nth++) {
    memset(&memory, 0, sizeof memory);
    kit_start_on(&kit, MODE(CONTROL), failing_allocator(&memory));
    kit_confirm(&kit);
    if (past) a_past();
    kit_commit(&kit);
    lrm_host_destroy(kit.host);
    kit.host = NULL;
    if (!past) { /* a store that never had a host */
      lrm_store_close(kit.store);
      lrm_store_memory_config store = {.struct_bytes = sizeof store,
                                       .allocator = failing_allocator(&memory)};
      assert_int_equal(lrm_store_memory_open(&store, &kit.store), 0);
      kit.config.store = kit.store;
    }
    assert_int_equal(lrm_store_claim(kit.store, kit.wall_ms, &kit.config.writer_generation), 0);
    lrm_host *host = NULL;
    kit.config.resume = past;
    failing_plan(&memory, nth, false);
    int result = lrm_host_create(&kit.config, kit.wall_ms, kit.now_ns, &host);
    failed = memory.failed != 0;
    failing_plan(&memory, 0, false);
    if (result != 0 && !(failed && result == LRM_ERR_NO_MEMORY && host == NULL))
      fail_msg("create, allocation %u: %d", nth, result);
    lrm_host_destroy(host);
    kit_restart(&kit, nth % 2 == 0); /* half a beginning is committed, or not */
    assert_string_equal(lrm_host_state(kit.host)->current_mode_id, past ? "ask" : "");
    assert_int_equal(lrm_host_state(kit.host)->n_asks, 0);
    if (past) {
      assert_int_equal(lrm_host_resolution(kit.host, &ask_id)->outcome, ASK_OUTCOME(ORPHANED));
      assert_int_equal(lrm_host_state(kit.host)->n_queue, 2);
    }
    kit_end(&kit);
    if (memory.blocks != 0) fail_msg("create, allocation %u: %zu leak", nth, memory.blocks);
  }
}

static void a_first_process_may_fail_to_begin(void **state) {
  (void)state;
  create_with_failures(false);
}

static void a_process_with_a_past_may_fail_to_begin(void **state) {
  (void)state;
  create_with_failures(true);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_allocation_of_every_call_may_fail),
      cmocka_unit_test(a_command_is_decoded_when_there_is_memory_again),
      cmocka_unit_test(memory_may_stay_away),
      cmocka_unit_test(a_first_process_may_fail_to_begin),
      cmocka_unit_test(a_process_with_a_past_may_fail_to_begin),
  };
  return cmocka_run_group_tests_name("host_memory", tests, NULL, NULL);
}
