#include "host_kit.h"

#include <stdlib.h>
#include <string.h>

static void seen(void *user, const Remote__V1__Event *event, bool tail) {
  host_kit *kit = user;
  if (tail) {
    kit->tails++;
    return;
  }
  if (kit->seen_count < KIT_SEEN_MAX) kit->seen[kit->seen_count++] = (uint32_t)event->body_case;
  lrm_allocator memory = lrm_allocator_default();
  lrm__buffer buffer = {NULL, 0};
  if (event->body_case == EVENT_BODY(COMMAND_OUTCOME)) {
    if (kit->outcome != NULL) remote__v1__command_outcome__free_unpacked(kit->outcome, NULL);
    kit->outcome = (Remote__V1__CommandOutcome *)lrm__message_copy(&event->command_outcome->base,
                                                                   &memory, &buffer);
    kit->outcomes++;
  } else if (event->body_case == EVENT_BODY(ASK_RESOLVED)) {
    if (kit->resolved != NULL) remote__v1__ask_resolved__free_unpacked(kit->resolved, NULL);
    kit->resolved =
        (Remote__V1__AskResolved *)lrm__message_copy(&event->ask_resolved->base, &memory, &buffer);
  } else if (event->body_case == EVENT_BODY(USER_MESSAGE)) {
    if (kit->said != NULL) remote__v1__user_message__free_unpacked(kit->said, NULL);
    kit->said =
        (Remote__V1__UserMessage *)lrm__message_copy(&event->user_message->base, &memory, &buffer);
  } else if (event->body_case == EVENT_BODY(TURN_ENDED)) {
    if (kit->ended != NULL) remote__v1__turn_ended__free_unpacked(kit->ended, NULL);
    kit->ended =
        (Remote__V1__TurnEnded *)lrm__message_copy(&event->turn_ended->base, &memory, &buffer);
  }
  lrm__buffer_free(&buffer, &memory);
}

lrm_id kit_id(uint8_t last) {
  lrm_id id = {{0x5e, 0x55}};
  id.bytes[15] = last;
  return id;
}

static bool elevates_mode(void *user, const char *mode_id) {
  (void)user;
  return strcmp(mode_id, "yolo") == 0;
}

static bool elevates_option(void *user, const char *option_id, const char *value) {
  (void)user;
  return strcmp(option_id, "approve") == 0 && strcmp(value, "all") == 0;
}

static bool slash_known(void *user, const char *name) {
  (void)user;
  return strcmp(name, "plan") == 0 || strcmp(name, "login") == 0;
}

static bool slash_allowed(void *user, const char *name) {
  (void)user;
  return strcmp(name, "plan") == 0;
}

static void open_host(host_kit *kit) {
  kit->processes++;
  kit->config.seed[0] = 77 + kit->processes;
  assert_int_equal(lrm_store_claim(kit->store, kit->wall_ms, &kit->config.writer_generation), 0);
  assert_int_equal(lrm_host_create(&kit->config, kit->wall_ms, kit->now_ns, &kit->host), 0);
  lrm_host_on_event(kit->host, seen, kit);
  kit_commit(kit);
}

void kit_start(host_kit *kit, uint32_t mode) { kit_start_on(kit, mode, lrm_allocator_default()); }

void kit_start_on(host_kit *kit, uint32_t mode, lrm_allocator allocator) {
  memset(kit, 0, sizeof *kit);
  lrm_store_memory_config store = {.struct_bytes = sizeof store, .allocator = allocator};
  assert_int_equal(lrm_store_memory_open(&store, &kit->store), 0);
  remote__v1__session_started__init(&kit->session);
  kit->session.interactive = true;
  kit->session.can_steer = true;
  kit->session.title = lrm__text("a test");
  kit->wall_ms = 1700000000000;
  kit->now_ns = 1000000000;
  kit->config = (lrm_host_config){.struct_bytes = sizeof kit->config,
                                  .allocator = allocator,
                                  .store = kit->store,
                                  .session_id = kit_id(0),
                                  .session = &kit->session,
                                  .remote_mode = mode,
                                  .elevates_mode = elevates_mode,
                                  .elevates_option = elevates_option,
                                  .slash_known = slash_known,
                                  .slash_allowed = slash_allowed};
  open_host(kit);
  assert_int_equal(lrm_host_set_agent_ready(kit->host, true, kit->wall_ms, kit->now_ns), 0);
}

void kit_end(host_kit *kit) {
  lrm_host_destroy(kit->host);
  lrm_store_close(kit->store);
  if (kit->outcome != NULL) remote__v1__command_outcome__free_unpacked(kit->outcome, NULL);
  if (kit->resolved != NULL) remote__v1__ask_resolved__free_unpacked(kit->resolved, NULL);
  if (kit->said != NULL) remote__v1__user_message__free_unpacked(kit->said, NULL);
  if (kit->ended != NULL) remote__v1__turn_ended__free_unpacked(kit->ended, NULL);
}

void kit_restart(host_kit *kit, bool crash) {
  lrm_host_destroy(kit->host);
  if (crash)
    lrm_store_memory_crash(kit->store);
  else
    assert_int_equal(lrm_store_commit(kit->store), 0);
  kit->config.resume = true;
  kit->wall_ms += 1000;
  open_host(kit);
}

void kit_commit(host_kit *kit) {
  while (lrm_store_dirty(kit->store)) {
    int result = lrm_store_commit(kit->store);
    if (result != 0) {
      lrm_host_store_failed(kit->host, result);
      return;
    }
    assert_int_equal(lrm_host_settled(kit->host, kit->wall_ms, kit->now_ns), 0);
  }
}

void kit_forget(host_kit *kit) {
  kit->seen_count = 0;
  kit->outcomes = kit->tails = 0;
}

size_t kit_seen(const host_kit *kit, uint32_t body) {
  size_t count = 0;
  for (size_t i = 0; i < kit->seen_count; i++) count += kit->seen[i] == body;
  return count;
}

void kit_confirm(host_kit *kit) {
  kit->host->confirmed = kit->host->synced = true;
  lrm__host_enter(kit->host, kit->wall_ms, kit->now_ns);
  assert_int_equal(lrm__host_leave(kit->host, lrm__host_process(kit->host)), 0);
}

static uint8_t encoded[256 * 1024]; /* the last command */
static size_t encoded_bytes;

lrm_id kit_command_as(host_kit *kit, Remote__V1__Command *command, uint32_t command_class,
                      const lrm_id *epoch, uint64_t ttl_ms, uint64_t received_ms) {
  static uint8_t packed[256 * 1024];
  uint16_t number = ++kit->next_id;
  lrm_envelope envelope = {.command_id = kit_id((uint8_t)number),
                           .command_class = command_class,
                           .ttl_ms = ttl_ms,
                           .event_epoch = *epoch,
                           .has_origin = true,
                           .received_ms = received_ms};
  envelope.command_id.bytes[14] = (uint8_t)(number >> 8);
  memcpy(envelope.origin.account, "ada", sizeof "ada");
  memcpy(envelope.origin.device, "phone", sizeof "phone");
  envelope.command = (lrm_slice){packed, remote__v1__command__pack(command, packed)};
  assert_int_equal(lrm_envelope_encode(&envelope, encoded, sizeof encoded, &encoded_bytes), 0);
  kit->last_result = kit_deliver(kit);
  if (!kit->may_fail) assert_int_equal(kit->last_result, 0);
  return envelope.command_id;
}

int kit_deliver(host_kit *kit) {
  lrm__host_enter(kit->host, kit->wall_ms, kit->now_ns);
  int result = lrm__host_receive(kit->host, encoded, encoded_bytes);
  if (result == 0) result = lrm__host_process(kit->host);
  return lrm__host_leave(kit->host, result);
}

lrm_id kit_command(host_kit *kit, Remote__V1__Command *command, uint64_t ttl_ms) {
  lrm_id epoch = lrm_host_position(kit->host).epoch;
  return kit_command_as(kit, command, lrm__command_class((uint32_t)command->body_case), &epoch,
                        ttl_ms, kit->wall_ms);
}

lrm_id kit_prompt(host_kit *kit, const char *text) {
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  prompt.text = lrm__text(text);
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  return kit_command(kit, &command, 0);
}

lrm_id kit_answer(host_kit *kit, const lrm_id *ask, const char *option) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  content.option_id = lrm__text(option);
  answer.ask_id = lrm__id_data(ask);
  answer.answer = &content;
  command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
  command.answer_ask = &answer;
  return kit_command(kit, &command, 0);
}

bool kit_act(host_kit *kit) {
  kit_commit(kit);
  return lrm_host_next_action(kit->host, &kit->action);
}

lrm_id kit_ask(host_kit *kit, const char *option_a, const char *option_b) {
  Remote__V1__AskOption a = REMOTE__V1__ASK_OPTION__INIT, b = REMOTE__V1__ASK_OPTION__INIT;
  Remote__V1__AskOption *options[] = {&a, &b};
  Remote__V1__PermissionAsk permission = REMOTE__V1__PERMISSION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  a.option_id = lrm__text(option_a);
  a.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE;
  b.option_id = lrm__text(option_b);
  b.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE;
  permission.title = lrm__text("run it?");
  ask.options = options;
  ask.n_options = 2;
  ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
  ask.permission = &permission;
  lrm_id id;
  assert_int_equal(lrm_host_ask(kit->host, &ask, &id, kit->wall_ms, kit->now_ns), 0);
  return id;
}

void kit_turn_ended(host_kit *kit, const char *reason) {
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  ended.stop_reason = lrm__text(reason);
  assert_int_equal(lrm_host_turn_ended(kit->host, &ended, kit->wall_ms, kit->now_ns), 0);
}

void kit_delta(host_kit *kit, const char *id, const char *text) {
  Remote__V1__AssistantDelta delta = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  delta.message_id = lrm__text(id);
  delta.text = lrm__text(text);
  event.body_case = EVENT_BODY(ASSISTANT_DELTA);
  event.assistant_delta = &delta;
  assert_int_equal(lrm_host_delta(kit->host, &event, kit->wall_ms, kit->now_ns), 0);
}

uint32_t kit_outcome(const host_kit *kit, const lrm_id *id) {
  const lrm_inbox_item *item = lrm__inbox_find(kit->host->inbox, id);
  return item == NULL || item->state != LRM_INBOX_DONE ? 0 : item->outcome;
}

void kit_expect_outcome(host_kit *kit, const lrm_id *id, uint32_t outcome, uint32_t code) {
  assert_int_equal(kit_outcome(kit, id), outcome);
  assert_int_equal(lrm__inbox_find(kit->host->inbox, id)->code, code);
}

lrm_id kit_command_of(host_kit *kit, Remote__V1__Command__BodyCase body, void *message) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = body;
  command.submit_prompt = message; /* all of the oneof are pointers */
  return kit_command(kit, &command, 0);
}

void kit_end_session(host_kit *kit) {
  Remote__V1__SessionEnded ended = REMOTE__V1__SESSION_ENDED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(SESSION_ENDED);
  event.session_ended = &ended;
  assert_int_equal(lrm_host_emit(kit->host, &event, kit->wall_ms, kit->now_ns), 0);
}
