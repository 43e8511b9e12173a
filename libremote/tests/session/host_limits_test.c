/* What the host refuses: too many, too long, not offered, not of this turn, and a journal that
 * cannot be read. */
#include "host_kit.h"

#include <stdio.h>
#include <string.h>

#include "remote/asset.h"

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

static int emit(Remote__V1__Event *event) {
  return lrm_host_emit(kit.host, event, kit.wall_ms, kit.now_ns);
}

static void begin_turn(void) {
  kit_prompt(&kit, "go");
  assert_true(kit_act(&kit));
  assert_int_equal(
      lrm_host_finish(kit.host, &kit.action.command_id, 0, "", kit.wall_ms, kit.now_ns), 0);
}

/* ---- creation ---- */

static void what_makes_no_host(void **state) {
  (void)state;
  lrm_host *host;
  assert_int_equal(lrm_host_create(NULL, kit.wall_ms, kit.now_ns, &host), LRM_ERR_USAGE);
  lrm_host_config configs[5];
  for (size_t i = 0; i < 5; i++) configs[i] = kit.config;
  configs[0].struct_bytes = 0;
  configs[1].allocator.alloc = NULL;
  configs[2].store = NULL;
  configs[3].session = NULL;
  memset(&configs[4].session_id, 0, sizeof configs[4].session_id);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(lrm_host_create(&configs[i], kit.wall_ms, kit.now_ns, &host), LRM_ERR_USAGE);
    assert_null(host);
  }
}

/* Of what other versions write only the known part counts; what is missing has its default. */
static void a_shorter_configuration_means_defaults(void **state) {
  (void)state;
  lrm_host_destroy(kit.host);
  assert_int_equal(lrm_store_commit(kit.store), 0);
  kit.config.struct_bytes = offsetof(lrm_host_config, remote_mode);
  assert_int_equal(lrm_host_create(&kit.config, kit.wall_ms, kit.now_ns, &kit.host), 0);
  assert_int_equal(lrm_host_state(kit.host)->remote_mode, MODE(OFF));
  assert_int_equal(kit.host->config.journal_bytes_max, LRM_JOURNAL_BYTES_MAX);
}

/* ---- asks ---- */

static int ask_with(size_t options, lrm_id *id) {
  static Remote__V1__AskOption option[40];
  static Remote__V1__AskOption *list[40];
  static char names[40][8];
  Remote__V1__PlanAsk plan = REMOTE__V1__PLAN_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  for (size_t i = 0; i < options; i++) {
    remote__v1__ask_option__init(&option[i]);
    snprintf(names[i], sizeof names[i], "%zu", i);
    option[i].option_id = i == 1 ? lrm__text("yolo") : names[i];
    list[i] = &option[i];
  }
  ask.options = list;
  ask.n_options = options;
  ask.kind_case = REMOTE__V1__ASK__KIND_PLAN;
  ask.plan = &plan;
  return lrm_host_ask(kit.host, &ask, id, kit.wall_ms, kit.now_ns);
}

static void asks_are_limited(void **state) {
  (void)state;
  lrm_id id;
  assert_int_equal(ask_with(33, &id), LRM_ERR_TOO_LARGE);
  assert_true(lrm_id_none(&id));
  for (unsigned i = 0; i < LRM_ASKS_OPEN_MAX; i++) assert_int_equal(ask_with(2, &id), 0);
  assert_int_equal(ask_with(2, &id), LRM_ERR_BUSY);
  assert_int_equal(lrm_host_state(kit.host)->n_asks, LRM_ASKS_OPEN_MAX);
  kit_end_session(&kit);
  assert_int_equal(lrm_host_state(kit.host)->n_asks, 0);
  assert_int_equal(ask_with(2, &id), LRM_ERR_STATE);
}

static void answers_must_fit(void **state) {
  (void)state;
  lrm_id id = kit_ask(&kit, "yes", "no");
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  answer.ask_id = lrm__id_data(&id);
  lrm_id empty = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_ANSWER_ASK, &answer);
  assert_int_equal(kit_outcome(&kit, &empty), OUTCOME(REJECTED));
  answer.answer = &content;
  content.option_id = lrm__text("yes");
  content.text = lrm__text("and more");
  lrm_id words = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_ANSWER_ASK, &answer);
  kit_expect_outcome(&kit, &words, OUTCOME(REJECTED), LRM_CODE_INVALID);
  assert_int_equal(lrm_host_answer_local(kit.host, &id, &content, kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  content.text = lrm__text("");
  assert_int_equal(lrm_host_answer_local(kit.host, &id, &content, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(
      lrm_host_end_ask(kit.host, &id, ASK_OUTCOME(WITHDRAWN), "late", kit.wall_ms, kit.now_ns),
      LRM_ERR_NOT_FOUND);
}

static void a_plan_is_accepted_with_a_mode_that_asks_less_only_here(void **state) {
  (void)state;
  Remote__V1__Mode yolo = REMOTE__V1__MODE__INIT;
  Remote__V1__Mode *modes[] = {&yolo};
  Remote__V1__ModesChanged changed = REMOTE__V1__MODES_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  yolo.mode_id = lrm__text("yolo");
  changed.modes = modes;
  changed.n_modes = 1;
  event.body_case = EVENT_BODY(MODES_CHANGED);
  event.modes_changed = &changed;
  assert_int_equal(emit(&event), 0);
  lrm_id id;
  assert_int_equal(ask_with(2, &id), 0);
  lrm_id afar = kit_answer(&kit, &id, "yolo");
  kit_expect_outcome(&kit, &afar, OUTCOME(REJECTED), LRM_CODE_ELEVATION);
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = lrm__text("yolo");
  assert_int_equal(lrm_host_answer_local(kit.host, &id, &content, kit.wall_ms, kit.now_ns), 0);
}

static void the_end_of_a_turn_ends_its_asks_and_no_other(void **state) {
  (void)state;
  lrm_id before, during;
  assert_int_equal(ask_with(2, &before), 0);
  begin_turn();
  assert_int_equal(ask_with(2, &during), 0);
  kit_turn_ended(&kit, "end_turn");
  assert_int_equal(lrm_host_resolution(kit.host, &during)->outcome, ASK_OUTCOME(WITHDRAWN));
  assert_null(lrm_host_resolution(kit.host, &before));
  assert_int_equal(lrm_host_state(kit.host)->n_asks, 1);
}

static void the_last_4096_resolutions_are_remembered(void **state) {
  (void)state;
  static lrm_id ids[LRM__RESOLUTIONS_MAX + 2];
  for (size_t i = 0; i < LRM__RESOLUTIONS_MAX + 2; i++) {
    assert_int_equal(ask_with(2, &ids[i]), 0);
    assert_int_equal(
        lrm_host_end_ask(kit.host, &ids[i], ASK_OUTCOME(WITHDRAWN), "", kit.wall_ms, kit.now_ns),
        0);
    if (i % 64 == 0) kit_commit(&kit);
  }
  kit_commit(&kit);
  kit_restart(&kit, true);
  assert_int_equal(kit.host->resolutions_count, LRM__RESOLUTIONS_MAX);
  assert_null(lrm_host_resolution(kit.host, &ids[1]));
  assert_non_null(lrm_host_resolution(kit.host, &ids[2]));
  assert_non_null(lrm_host_resolution(kit.host, &ids[LRM__RESOLUTIONS_MAX + 1]));
  /* The next one lets go of the oldest: the order was kept. */
  lrm_id next;
  assert_int_equal(ask_with(2, &next), 0);
  assert_int_equal(
      lrm_host_end_ask(kit.host, &next, ASK_OUTCOME(WITHDRAWN), "", kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  kit_restart(&kit, true);
  assert_null(lrm_host_resolution(kit.host, &ids[2]));
  assert_non_null(lrm_host_resolution(kit.host, &ids[3]));
  assert_non_null(lrm_host_resolution(kit.host, &next));
}

/* ---- commands ---- */

static void no_more_commands_wait_than_there_is_room_for(void **state) {
  (void)state;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command message = REMOTE__V1__COMMAND__INIT;
  lrm_id epoch = lrm_host_position(kit.host).epoch, id;
  message.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  message.probe = &probe;
  id = kit_command_as(&kit, &message, 1, &epoch, 0, kit.wall_ms);
  kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  kit.host->synced = false;
  lrm_inbox_item *item;
  static const uint8_t data[1]; /* what it says does not matter */
  for (uint32_t i = 0; i < LRM__INBOX_PENDING_MAX; i++) {
    lrm_id waits = {{7, (uint8_t)(i >> 8), (uint8_t)i}};
    assert_int_equal(
        lrm__inbox_receive(kit.host->inbox, &waits, (lrm_slice){data, 1}, kit.wall_ms, &item), 0);
  }
  id = kit_command_as(&kit, &message, 1, &epoch, 0, kit.wall_ms);
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_TOO_MANY);
}

static void settings_are_checked(void **state) {
  (void)state;
  Remote__V1__ConfigValue all = REMOTE__V1__CONFIG_VALUE__INIT, some = all, risky = all;
  Remote__V1__ConfigValue *values[] = {&all, &some, &risky};
  Remote__V1__ConfigOption approve = REMOTE__V1__CONFIG_OPTION__INIT, quiet = approve;
  Remote__V1__ConfigOption *list[] = {&approve, &quiet};
  Remote__V1__ConfigOptionsChanged changed = REMOTE__V1__CONFIG_OPTIONS_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  all.value = lrm__text("all");
  some.value = lrm__text("some");
  risky.value = lrm__text("risky");
  risky.elevating = true;
  approve.option_id = lrm__text("approve");
  approve.values = values;
  approve.n_values = 3;
  quiet.option_id = lrm__text("quiet");
  quiet.boolean = true;
  changed.options = list;
  changed.n_options = 2;
  event.body_case = EVENT_BODY(CONFIG_OPTIONS_CHANGED);
  event.config_options_changed = &changed;
  assert_int_equal(emit(&event), 0);
  const struct {
    const char *option, *value;
    uint32_t code; /* 0: the application gets it */
  } cases[] = {{"approve", "all", LRM_CODE_ELEVATION},
               {"approve", "risky", LRM_CODE_ELEVATION},
               {"approve", "none", LRM_CODE_INVALID},
               {"loud", "true", LRM_CODE_INVALID},
               {"quiet", "maybe", LRM_CODE_INVALID},
               {"quiet", "true", 0},
               {"quiet", "false", 0},
               {"approve", "some", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    Remote__V1__SetConfigOption set = REMOTE__V1__SET_CONFIG_OPTION__INIT;
    set.option_id = lrm__text(cases[i].option);
    set.value = lrm__text(cases[i].value);
    lrm_id id = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION, &set);
    if (cases[i].code != 0) {
      kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), cases[i].code);
      continue;
    }
    assert_true(kit_act(&kit));
    assert_int_equal(kit.action.type, LRM_ACTION_SET_OPTION);
    assert_string_equal(kit.action.value, cases[i].value);
    assert_int_equal(
        lrm_host_finish(kit.host, &kit.action.command_id, 0, "", kit.wall_ms, kit.now_ns), 0);
    kit_expect_outcome(&kit, &id, OUTCOME(APPLIED), 0);
  }
  assert_string_equal(lrm_host_state(kit.host)->options[0]->current_value, "some");
  assert_string_equal(lrm_host_state(kit.host)->options[1]->current_value, "false");
  assert_int_equal(lrm_host_set_option_local(kit.host, "approve", "all", kit.wall_ms, kit.now_ns),
                   0);
  assert_true(kit_act(&kit));
  assert_string_equal(kit.action.value, "all"); /* at the host everything may be chosen */
  assert_true(lrm_id_none(&kit.action.command_id));
}

static void slash_commands_are_checked(void **state) {
  (void)state;
  static const char *refused[] = {"", "login", "nowhere"};
  Remote__V1__RunSlashCommand run = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  for (size_t i = 0; i < 3; i++) {
    run.name = lrm__text(refused[i]);
    lrm_id id = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND, &run);
    kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
  }
  kit_commit(&kit);
  kit.config.slash_allowed = NULL;
  kit_restart(&kit, false);
  kit_confirm(&kit);
  run.name = lrm__text("plan");
  lrm_id id = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND, &run);
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
  id = kit_prompt(&kit, "/plan\tit");
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_SLASH_NOT_ALLOWED);
}

static void only_what_waits_can_be_taken_back(void **state) {
  (void)state;
  Remote__V1__WithdrawCommand withdraw = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  lrm_id self = kit_id((uint8_t)(kit.next_id + 1)), nobody = kit_id(250);
  withdraw.command_id = lrm__id_data(&self);
  lrm_id id = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND, &withdraw);
  assert_true(lrm_id_equal(&id, &self));
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_TOO_LATE);
  withdraw.command_id = lrm__id_data(&nobody);
  id = kit_command_of(&kit, REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND, &withdraw);
  kit_expect_outcome(&kit, &id, OUTCOME(REJECTED), LRM_CODE_TOO_LATE);
  assert_int_equal(lrm_host_withdraw_local(kit.host, "no id", kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  assert_int_equal(lrm_host_withdraw_local(kit.host, NULL, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
  char text[LRM_ID_HEX_BYTES];
  lrm_id_hex(&nobody, text);
  assert_int_equal(lrm_host_withdraw_local(kit.host, text, kit.wall_ms, kit.now_ns),
                   LRM_ERR_NOT_FOUND);
}

static void local_prompts_are_checked(void **state) {
  (void)state;
  static char text[128 * 1024 + 2];
  memset(text, 'x', sizeof text - 1);
  const char *bad[] = {NULL, "", " \t\r\n "};
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(lrm_host_submit_local(kit.host, bad[i], false, kit.wall_ms, kit.now_ns),
                     LRM_ERR_USAGE);
  assert_int_equal(lrm_host_submit_local(kit.host, "\xff", false, kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  assert_int_equal(lrm_host_submit_local(kit.host, text, false, kit.wall_ms, kit.now_ns),
                   LRM_ERR_TOO_LARGE);
  text[128 * 1024] = '\0';
  assert_int_equal(lrm_host_submit_local(kit.host, text, false, kit.wall_ms, kit.now_ns), 0);
  kit_end_session(&kit);
  assert_int_equal(lrm_host_submit_local(kit.host, "late", false, kit.wall_ms, kit.now_ns),
                   LRM_ERR_STATE);
}

/* ---- what the agent says ---- */

static int output(const char *id) {
  Remote__V1__ToolOutput tool = REMOTE__V1__TOOL_OUTPUT__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  tool.tool_call_id = lrm__text(id);
  tool.data = (ProtobufCBinaryData){1, (uint8_t *)lrm__text("x")};
  event.body_case = EVENT_BODY(TOOL_OUTPUT);
  event.tool_output = &tool;
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

/* Outputs that are durable give way; messages never do. */
static void streams_are_limited(void **state) {
  (void)state;
  char id[16];
  for (unsigned i = 0; i < LRM__STREAMS_MAX; i++) {
    snprintf(id, sizeof id, "tool%u", i);
    assert_int_equal(output(id), 0);
  }
  assert_int_equal(said("m", "too many"), LRM_ERR_BUSY);
  kit.now_ns += 60 * 1000 * NS_PER_MS;
  assert_int_equal(lrm_host_expire(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(kit.host->pending_bytes, 0);
  for (unsigned i = 0; i < LRM__STREAMS_MAX; i++) {
    snprintf(id, sizeof id, "message%u", i);
    assert_int_equal(said(id, "word"), 0);
  }
  assert_int_equal(output("tool0"), LRM_ERR_BUSY);
  assert_int_equal(said("more", "word"), LRM_ERR_BUSY);
  assert_int_equal(lrm_host_complete_stream(kit.host, "message7", kit.wall_ms, kit.now_ns), 0);
  assert_int_equal(said("more", "word"), 0);
}

static void what_is_no_delta(void **state) {
  (void)state;
  Remote__V1__TitleChanged title = REMOTE__V1__TITLE_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(TITLE_CHANGED);
  event.title_changed = &title;
  lrm_position before = lrm_host_position(kit.host);
  assert_int_equal(lrm_host_delta(kit.host, &event, kit.wall_ms, kit.now_ns), LRM_ERR_USAGE);
  assert_int_equal(lrm_host_tail(kit.host, &event, kit.wall_ms, kit.now_ns), LRM_ERR_USAGE);
  assert_int_equal(said("", "nameless"), LRM_ERR_USAGE);
  assert_int_equal(said("m", "\xc3"), LRM_ERR_USAGE);
  assert_int_equal(said("m", ""), 0); /* says nothing */
  assert_int_equal(lrm_host_position(kit.host).offset, before.offset);
  assert_int_equal(kit.tails, 0);
  assert_int_equal(lrm_host_set_remote_mode(kit.host, 0, "", kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
  assert_int_equal(lrm_host_set_remote_mode(kit.host, 4, "", kit.wall_ms, kit.now_ns),
                   LRM_ERR_USAGE);
}

static void hide(void *user, Remote__V1__Event *event, lrm_arena *arena) {
  (void)user;
  (void)arena;
  char *text = event->body_case == EVENT_BODY(ASSISTANT_DELTA) ? event->assistant_delta->text
               : event->body_case == EVENT_BODY(TITLE_CHANGED) ? event->title_changed->title
                                                               : NULL;
  char *at = text == NULL ? NULL : strstr(text, "secret");
  if (at != NULL) memcpy(at, "......", 6);
  if (event->body_case != EVENT_BODY(ASSET)) return;
  /* Of a long prompt the text gets shorter. */
  ProtobufCBinaryData *all = &event->asset->data;
  for (size_t i = 0; i + 6 <= all->len; i++) {
    if (memcmp(all->data + i, "secret", 6) != 0) continue;
    all->len -= 3;
    memcpy(all->data + i, "...", 3);
    memmove(all->data + i + 3, all->data + i + 6, all->len - i - 3);
  }
}

/* The only asset in the journal, whole; how many chunks it has comes out. */
static size_t find_asset(lrm_asset *asset) {
  lrm_log_facts facts = lrm_log_facts_now(kit.host->events);
  size_t chunks = 0;
  for (uint64_t at = facts.first; at < facts.end;) {
    lrm_block block;
    lrm_slice message;
    assert_int_equal(lrm_log_read(kit.host->events, at, &block), 0);
    assert_int_equal(lrm_block_reader_begin(kit.host->reader, block.flags, block.count,
                                            block.inflated_bytes, block.payload),
                     0);
    while (lrm_block_reader_next(kit.host->reader, &message)) {
      Remote__V1__Event *event = remote__v1__event__unpack(NULL, message.bytes, message.data);
      if (event->body_case == EVENT_BODY(ASSET)) {
        assert_int_equal(lrm_asset_add(asset, event->asset), 0);
        chunks++;
      }
      remote__v1__event__free_unpacked(event, NULL);
    }
    at = block.offset + block.count;
  }
  return chunks;
}

/* Also where the message is cut, and in what follows it. */
static void a_long_prompt_is_hidden_whole(void **state) {
  (void)state;
  char id[LRM_ID_HEX_BYTES + 8];
  static char text[100001];
  lrm_allocator allocator = lrm_allocator_default();
  lrm_asset *asset;
  lrm_slice whole;
  kit_commit(&kit);
  kit.config.redact = hide;
  kit_restart(&kit, false);
  assert_int_equal(lrm_host_set_agent_ready(kit.host, true, kit.wall_ms, kit.now_ns), 0);
  memset(text, 'a', 100000);
  memcpy(text + 65533, "secret", 6);
  memcpy(text + 99990, "secret", 6);
  assert_int_equal(lrm_host_submit_local(kit.host, text, false, kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  assert_null(strstr(kit.said->text, "sec"));
  assert_int_equal(strlen(kit.said->text), 65536);
  snprintf(id, sizeof id, "%s", kit.said->asset_id);
  assert_int_equal(lrm_asset_create(&allocator, id, 0, &asset), 0);
  assert_int_equal(find_asset(asset), 1);
  lrm_asset_info info = lrm_asset_info_now(asset);
  assert_int_equal(info.state, LRM_ASSET_VERIFIED);
  assert_int_equal(info.total, 100000 - 6);
  assert_true(lrm_asset_piece(asset, 0, &whole));
  for (size_t i = 0; i + 6 <= whole.bytes; i++)
    assert_int_not_equal(memcmp(whole.data + i, "secret", 6), 0);
  assert_memory_equal(whole.data, kit.said->text, 65536);
  lrm_asset_destroy(asset);
}

static void secrets_are_hidden_before_anybody_sees_them(void **state) {
  (void)state;
  kit_commit(&kit);
  kit.config.redact = hide;
  kit_restart(&kit, false);
  Remote__V1__TitleChanged title = REMOTE__V1__TITLE_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  title.title = lrm__text("my secret plan");
  event.body_case = EVENT_BODY(TITLE_CHANGED);
  event.title_changed = &title;
  assert_int_equal(emit(&event), 0);
  assert_string_equal(lrm_host_state(kit.host)->title, "my ...... plan");
  assert_string_equal(title.title, "my secret plan"); /* the caller's is its own */
  assert_int_equal(said("m", "the secret is"), 0);
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
  kit_commit(&kit);
  kit_restart(&kit, true);
  const Remote__V1__SessionState *now = lrm_host_state(kit.host);
  assert_string_equal(now->title, "my ...... plan");
  assert_int_equal(now->n_history, 1);
  assert_string_equal(now->history[0]->assistant->text, "the ...... is");
  title.title = lrm__text("\xff");
  assert_int_equal(emit(&event), LRM_ERR_USAGE);
}

/* ---- the store ---- */

static void another_process_ends_remote_control(void **state) {
  (void)state;
  kit_prompt(&kit, "go");
  lrm_host_store_failed(kit.host, LRM_ERR_FENCED);
  lrm_host_store_failed(kit.host, LRM_ERR_FENCED); /* said once */
  assert_true(lrm_host_next_action(kit.host, &kit.action));
  assert_int_equal(kit.action.type, LRM_ACTION_RESTART_LINK);
  assert_int_equal(kit.action.code, 0);
  assert_int_equal(lrm_host_settled(kit.host, kit.wall_ms, kit.now_ns), 0);
  assert_false(lrm_host_next_action(kit.host, &kit.action)); /* the remote prompt is not begun */
  assert_int_equal(lrm_host_submit_local(kit.host, "mine", false, kit.wall_ms, kit.now_ns), 0);
}

static void all_is_published_when_the_relay_has_all(void **state) {
  (void)state;
  kit_commit(&kit);
  assert_false(lrm_host_published(kit.host));
  kit.host->acknowledged = lrm_host_position(kit.host).offset;
  assert_true(lrm_host_published(kit.host));
  assert_int_equal(said("m", "more"), 0);
  assert_int_equal(lrm_host_complete_stream(kit.host, "m", kit.wall_ms, kit.now_ns), 0);
  assert_false(lrm_host_published(kit.host));
  lrm_host_local_input(kit.host, 5);
  assert_int_equal(kit.host->local_input_ms, 5);
}

static void a_journal_that_cannot_be_read_is_told(void **state) {
  (void)state;
  static const uint8_t id[16] = {1}, junk[40] = {0xff};
  const struct {
    uint32_t space;
    lrm_slice key, value;
  } bad[] = {{LRM__SPACE_ASKS, {id, 15}, {junk, 40}},
             {LRM__SPACE_ASKS, {id, 16}, {junk, 7}},
             {LRM__SPACE_ASKS, {id, 16}, {junk, 40}},
             {LRM__SPACE_COMMANDS, {id, 15}, {junk, 40}},
             {LRM__SPACE_COMMANDS, {id, 16}, {junk, 3}},
             {LRM__SPACE_COMMANDS, {id, 16}, {junk, 40}},
             {LRM__SPACE_META, {(const uint8_t *)"commands", 8}, {junk, 23}}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    kit_end(&kit);
    kit_start(&kit, MODE(CONTROL));
    assert_int_equal(lrm_store_put(kit.store, bad[i].space, bad[i].key, bad[i].value), 0);
    kit_commit(&kit);
    lrm_host_destroy(kit.host);
    kit.host = NULL;
    int result = lrm_host_create(&kit.config, kit.wall_ms, kit.now_ns, &kit.host);
    if (result != LRM_ERR_CORRUPT) fail_msg("record %zu: %d", i, result);
    assert_null(kit.host);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(what_makes_no_host),
      TEST(a_shorter_configuration_means_defaults),
      TEST(asks_are_limited),
      TEST(answers_must_fit),
      TEST(a_plan_is_accepted_with_a_mode_that_asks_less_only_here),
      TEST(the_end_of_a_turn_ends_its_asks_and_no_other),
      TEST(the_last_4096_resolutions_are_remembered),
      TEST(no_more_commands_wait_than_there_is_room_for),
      TEST(settings_are_checked),
      TEST(slash_commands_are_checked),
      TEST(only_what_waits_can_be_taken_back),
      TEST(local_prompts_are_checked),
      TEST(streams_are_limited),
      TEST(what_is_no_delta),
      TEST(secrets_are_hidden_before_anybody_sees_them),
      TEST(a_long_prompt_is_hidden_whole),
      TEST(another_process_ends_remote_control),
      TEST(all_is_published_when_the_relay_has_all),
      TEST(a_journal_that_cannot_be_read_is_told),
  };
  return cmocka_run_group_tests_name("host_limits", tests, NULL, NULL);
}
