/* What people at clients ask for: every kind of command, sensible or not. */
#include <string.h>

#include "sim.h"

#include "remote/sha256.h"

typedef struct saying {
  sim_client *c;
  sim_view *view;
  const Remote__V1__SessionState *state;
  uint64_t ttl_ms;
  lrm_id target;
  sim_count count;
} saying;

static bool submit(saying *s, const Remote__V1__Command *command) {
  sim_world *w = s->c->w;
  lrm_id id, epoch = lrm_client_position(s->view->client).epoch;
  if (w->commands_count == SIM_COMMANDS_MAX) return false;
  int result = lrm_client_submit(s->view->client, command, s->ttl_ms, &id, sim_now(w, &s->c->part));
  sim_end_dirty(&s->c->end);
  if (result != 0) {
    SIM_CHECK(w,
              result == LRM_ERR_BUSY || result == LRM_ERR_STATE ||
                  (result == LRM_ERR_NO_MEMORY && s->c->part.memory.failed),
              "c%u: submit is %d", s->c->part.index, result);
    return false;
  }
  SIM_CHECK(w, sim_command_of(w, &id) == NULL, "a command id was made twice");
  sim_command *known = sim_command_add(w, &id);
  known->epoch = epoch;
  known->client = s->c->part.index;
  known->process = s->c->process;
  known->session = s->view->session;
  known->kind = (uint32_t)command->body_case;
  known->ttl_ms = s->ttl_ms;
  known->target = s->target;
  known->state = LRM_COMMAND_COMPOSED;
  sim_reach(w, s->count);
  SIM_STEP(w, "cmd_sent c=%u id=%x kind=%u", sim_number(s->c->part.index), sim_id(&id),
           sim_number(known->kind));
  return true;
}

static void say_prompt(saying *s, bool steer) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  static const char *const texts[] = {
      "do something", "do something else", "and now this", "/undo", "/init", "!ls"};
  uint64_t which = sim_below(&s->c->w->random, sim_once_in(&s->c->w->random, 6) ? 6 : 3);
  prompt.text = lrm__text(texts[which]);
  prompt.delivery =
      steer ? REMOTE__V1__DELIVERY__DELIVERY_STEER : REMOTE__V1__DELIVERY__DELIVERY_START_OR_QUEUE;
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  s->count = steer ? SIM_COMMAND_STEER : SIM_COMMAND_PROMPT;
  if (!steer && sim_once_in(&s->c->w->random, 6)) s->ttl_ms = 200;
  submit(s, &command);
}

static void say_answer(saying *s) {
  sim_world *w = s->c->w;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  static const char *const options[] = {"yes", "no", "always", "never offered"};
  uint64_t which = sim_below(&w->random, sim_once_in(&w->random, 8) ? 4 : 2);
  const Remote__V1__Ask *ask = NULL;
  if (s->state->n_asks != 0) {
    ask = s->state->asks[sim_below(&w->random, s->state->n_asks)];
    s->target = lrm__id_of(&ask->ask_id);
  } else if (w->asks_count != 0) {
    s->target = w->asks[sim_below(&w->random, w->asks_count)].id; /* late, or of another session */
  } else {
    return;
  }
  if (ask != NULL && ask->kind_case == REMOTE__V1__ASK__KIND_FORM)
    content.json = lrm__text("{\"a\": 1}");
  else if (ask != NULL && ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL)
    content.declined = true;
  else if (ask != NULL && ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION &&
           sim_once_in(&w->random, 2))
    content.text = lrm__text("in words");
  else
    content.option_id = lrm__text(options[which]);
  answer.ask_id = lrm__id_data(&s->target);
  answer.answer = &content;
  command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
  command.answer_ask = &answer;
  s->count = SIM_COMMAND_ANSWER;
  submit(s, &command);
}

static void say_cancel(saying *s) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__CancelTurn cancel = REMOTE__V1__CANCEL_TURN__INIT;
  char turn[256];
  snprintf(turn, sizeof turn, "%s", s->state->turn_id);
  if (sim_once_in(&s->c->w->random, 2)) cancel.turn_id = turn;
  if (sim_once_in(&s->c->w->random, 4)) s->ttl_ms = 100;
  command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  command.cancel_turn = &cancel;
  s->count = SIM_COMMAND_CANCEL;
  submit(s, &command);
}

/* A command of the same session, most often a fresh prompt. */
static const sim_command *some_command(saying *s) {
  sim_world *w = s->c->w;
  for (unsigned tries = 0; tries < 8 && w->commands_count != 0; tries++) {
    size_t back = sim_below(&w->random, w->commands_count < 12 ? w->commands_count : 12);
    const sim_command *command = &w->commands[w->commands_count - 1 - back];
    if (command->session == s->view->session) return command;
  }
  return NULL;
}

static void say_withdraw(saying *s) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__WithdrawCommand withdraw = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  const sim_command *target = some_command(s);
  if (target == NULL) return;
  s->target = target->id;
  withdraw.command_id = lrm__id_data(&s->target);
  command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
  command.withdraw_command = &withdraw;
  s->count = SIM_COMMAND_WITHDRAW;
  submit(s, &command);
}

static void say_query(saying *s) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__QueryOutcome query = REMOTE__V1__QUERY_OUTCOME__INIT;
  const sim_command *target = some_command(s);
  if (target == NULL) return;
  lrm_id id = target->id;
  ProtobufCBinaryData ids[] = {lrm__id_data(&id)};
  query.command_ids = ids;
  query.n_command_ids = 1;
  command.body_case = REMOTE__V1__COMMAND__BODY_QUERY_OUTCOME;
  command.query_outcome = &query;
  s->count = SIM_COMMAND_QUERY;
  submit(s, &command);
}

static void say_mode(saying *s) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__SetMode mode = REMOTE__V1__SET_MODE__INIT;
  Remote__V1__SetConfigOption option = REMOTE__V1__SET_CONFIG_OPTION__INIT;
  s->count = SIM_COMMAND_MODE;
  if (sim_once_in(&s->c->w->random, 2)) {
    mode.mode_id = lrm__text(sim_once_in(&s->c->w->random, 3) ? "yolo" : "ask");
    command.body_case = REMOTE__V1__COMMAND__BODY_SET_MODE;
    command.set_mode = &mode;
  } else {
    option.option_id = lrm__text("colour");
    option.value = lrm__text("blue");
    command.body_case = REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION;
    command.set_config_option = &option;
  }
  submit(s, &command);
}

static void say_title(saying *s) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__SetTitle title = REMOTE__V1__SET_TITLE__INIT;
  title.title = lrm__text("another title");
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_TITLE;
  command.set_title = &title;
  s->count = SIM_COMMAND_TITLE;
  submit(s, &command);
}

static void say_slash(saying *s) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__RunSlashCommand slash = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  slash.name = lrm__text(sim_once_in(&s->c->w->random, 2) ? "init" : "undo");
  command.body_case = REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND;
  command.run_slash_command = &slash;
  s->count = SIM_COMMAND_SLASH;
  submit(s, &command);
}

/* Two chunks, then the prompt that names what they make; now and then one chunk is missing. */
static void say_attachment(saying *s) {
  sim_world *w = s->c->w;
  static uint8_t data[600];
  lrm_id id = sim_make_id(w);
  uint8_t sha256[LRM_SHA256_BYTES];
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  for (unsigned i = 0; i < 2; i++) lrm_sha256_add(&sum, data, sizeof data);
  lrm_sha256_end(&sum, sha256);
  s->count = SIM_COMMAND_ATTACHMENT;
  for (unsigned i = 0; i < (sim_once_in(&w->random, 5) ? 1u : 2u); i++) {
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    Remote__V1__AttachmentChunk chunk = REMOTE__V1__ATTACHMENT_CHUNK__INIT;
    chunk.attachment_id = lrm__id_data(&id);
    chunk.position = i * 600u;
    chunk.total = 1200;
    chunk.name = lrm__text("notes");
    chunk.media_type = lrm__text("text/plain");
    chunk.data = (ProtobufCBinaryData){sizeof data, data};
    chunk.sha256 = (ProtobufCBinaryData){sizeof sha256, sha256};
    command.body_case = REMOTE__V1__COMMAND__BODY_ATTACHMENT_CHUNK;
    command.attachment_chunk = &chunk;
    if (!submit(s, &command)) return;
  }
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  ProtobufCBinaryData ids[] = {lrm__id_data(&id)};
  prompt.text = lrm__text("look at this");
  prompt.attachment_ids = ids;
  prompt.n_attachment_ids = 1;
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  submit(s, &command);
}

static void say_small(saying *s, unsigned what) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__RequestSnapshot snapshot = REMOTE__V1__REQUEST_SNAPSHOT__INIT;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__EndRemote end = REMOTE__V1__END_REMOTE__INIT;
  if (what == 0) {
    s->count = SIM_COMMAND_SNAPSHOT;
    command.body_case = REMOTE__V1__COMMAND__BODY_REQUEST_SNAPSHOT;
    command.request_snapshot = &snapshot;
  } else if (what == 1) {
    s->count = SIM_COMMAND_PROBE;
    command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
    command.probe = &probe;
  } else {
    s->count = SIM_COMMAND_END_REMOTE;
    command.body_case = REMOTE__V1__COMMAND__BODY_END_REMOTE;
    command.end_remote = &end;
  }
  submit(s, &command);
}

void sim_client_say(sim_client *c, sim_view *view, unsigned what) {
  if (!c->running || view->client == NULL || view->foreign || !sim_awake(c->w, &c->part)) return;
  saying s = {c, view, lrm_view_state(lrm_client_view(view->client)), 0, {{0}}, SIM_COMMAND_PROBE};
  if (s.state->n_asks != 0 && what % 3 != 0) {
    say_answer(&s);
    return;
  }
  switch (what % SIM_SAYINGS) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
      say_prompt(&s, false);
      break;
    case 6:
      say_prompt(&s, true);
      break;
    case 7:
    case 8:
      say_answer(&s);
      break;
    case 9:
    case 10:
      say_cancel(&s);
      break;
    case 11:
    case 12:
      say_withdraw(&s);
      break;
    case 13:
      say_query(&s);
      break;
    case 14:
      say_mode(&s);
      break;
    case 15:
      say_title(&s);
      break;
    case 16:
      say_slash(&s);
      break;
    case 17:
      say_attachment(&s);
      break;
    case 18:
      say_small(&s, 0);
      break;
    default:
      say_small(&s, 1);
      break;
  }
}

void sim_client_end_remote(sim_client *c, sim_view *view) {
  if (!c->running || view->client == NULL || view->foreign || !sim_awake(c->w, &c->part)) return;
  saying s = {c, view, lrm_view_state(lrm_client_view(view->client)), 0, {{0}}, SIM_COMMAND_PROBE};
  say_small(&s, 2);
}
