#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "remote/message.h"
#include "schema.h"

static void keep(recorder *r, recorded_way way, const Remote__V1__Event *event) {
  size_t bytes = remote__v1__event__get_packed_size(event);
  uint8_t *packed = memory_zero(bytes);
  remote__v1__event__pack(event, packed);
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  lrm_preflight_report report;
  int result = lrm_preflight(&lrm_schema_Event, packed, bytes, &limits, &report);
  if (result != 0 || bytes > LRM_MESSAGE_BYTES_MAX) {
    r->bad++;
    print_error("event body %d of %zu bytes is refused: %s in %s\n", (int)event->body_case, bytes,
                report.error_text != NULL ? report.error_text : "too large",
                report.error_field != NULL ? report.error_field : "?");
  }
  if (!r->initialized) { /* nobody would hear it */
    r->bad++;
    print_error("event body %d before the session is described\n", (int)event->body_case);
  }
  if (r->count == r->room) {
    r->room = r->room * 2 + 256;
    r->events = memory_grow(r->events, r->room * sizeof *r->events);
  }
  r->events[r->count++] = (recorded_event){way, remote__v1__event__unpack(NULL, bytes, packed)};
  free(packed);
}

static void on_emit(void *user, const Remote__V1__Event *event) { keep(user, WAY_EMIT, event); }
static void on_delta(void *user, const Remote__V1__Event *event) { keep(user, WAY_DELTA, event); }
static void on_tail(void *user, const Remote__V1__Event *event) { keep(user, WAY_TAIL, event); }

static void on_complete(void *user, const char *message_id) {
  recorder *r = user;
  snprintf(r->completed[r->completed_count++ % 64], 128, "%.127s", message_id);
}

/* The ask goes through the event that the host would make of it. */
static bool on_ask(void *user, const Remote__V1__Ask *ask, lrm_id *ask_id) {
  recorder *r = user;
  if (r->refuse_asks || r->ask_count == RECORDED_ASKS_MAX) return false;
  recorded_ask *slot = &r->asks[r->ask_count++];
  Remote__V1__AskOpened opened = REMOTE__V1__ASK_OPENED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__Ask with_id = *ask;
  memset(slot, 0, sizeof *slot);
  slot->id.bytes[0] = 0xA5;
  memcpy(slot->id.bytes + 8, &r->ask_count, sizeof r->ask_count);
  with_id.ask_id.data = slot->id.bytes;
  with_id.ask_id.len = sizeof slot->id.bytes;
  opened.ask = &with_id;
  event.body_case = REMOTE__V1__EVENT__BODY_ASK_OPENED;
  event.ask_opened = &opened;
  keep(r, WAY_EMIT, &event);
  slot->ask = r->events[r->count - 1].event->ask_opened->ask;
  slot->open = true;
  *ask_id = slot->id;
  return true;
}

static recorded_ask *find_ask(recorder *r, const lrm_id *id) {
  for (size_t i = 0; i < r->ask_count; i++)
    if (lrm_id_equal(&r->asks[i].id, id)) return &r->asks[i];
  return NULL;
}

static void on_end_ask(void *user, const lrm_id *id, Remote__V1__AskOutcome outcome,
                       const char *reason) {
  recorder *r = user;
  recorded_ask *ask = find_ask(r, id);
  (void)reason;
  assert_non_null(ask);
  if (!ask->open) return;
  ask->open = false;
  ask->outcome = outcome;
}

static void on_turn_ended(void *user, const Remote__V1__TurnEnded *ended) {
  recorder *r = user;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  union {
    const Remote__V1__TurnEnded *in;
    Remote__V1__TurnEnded *out;
  } body = {.in = ended};
  event.body_case = REMOTE__V1__EVENT__BODY_TURN_ENDED;
  event.turn_ended = body.out;
  keep(r, WAY_EMIT, &event);
  r->turns++;
  snprintf(r->stop_reason, sizeof r->stop_reason, "%s", ended->stop_reason);
  snprintf(r->turn_error, sizeof r->turn_error, "%s", ended->error);
}

static void on_finish(void *user, const lrm_id *command_id, uint32_t code, const char *reason) {
  recorder *r = user;
  (void)command_id;
  (void)reason;
  r->finish_code = code;
  r->finishes++;
}

static void on_initialized(void *user, const acp_agent_facts *facts) {
  recorder *r = user;
  assert_false(r->initialized); /* once */
  r->initialized = true;
  if (facts->agent_session_id != NULL)
    snprintf(r->described_id, sizeof r->described_id, "%s", facts->agent_session_id);
  snprintf(r->agent, sizeof r->agent, "%s", facts->name);
}

static void on_ready(void *user, const char *agent_session_id, bool loaded) {
  recorder *r = user;
  r->ready = true;
  r->loaded = loaded;
  snprintf(r->session_id, sizeof r->session_id, "%s", agent_session_id);
}

static void on_failed(void *user, acp_failure failure, const char *text) {
  recorder *r = user;
  r->failure = failure;
  snprintf(r->failure_text, sizeof r->failure_text, "%s", text);
}

static bool on_sign_in(void *user, const char *why) {
  recorder *r = user;
  r->sign_ins++;
  snprintf(r->sign_in_why, sizeof r->sign_in_why, "%s", why);
  return r->person;
}

const acp_sink recorder_sink = {.emit = on_emit,
                                .delta = on_delta,
                                .tail = on_tail,
                                .complete_stream = on_complete,
                                .ask = on_ask,
                                .end_ask = on_end_ask,
                                .turn_ended = on_turn_ended,
                                .finish = on_finish,
                                .sign_in = on_sign_in,
                                .initialized = on_initialized,
                                .ready = on_ready,
                                .failed = on_failed};

/* ---- life ---- */

static void on_send(void *user, const char *line, size_t bytes) {
  recorder *r = user;
  assert_int_equal(line[bytes - 1], '\n');
  assert_null(memchr(line, '\n', bytes - 1)); /* one message a line */
  json_t *message = json_loadb(line, bytes, JSON_ALLOW_NUL, NULL);
  assert_non_null(message);
  json_array_append_new(r->sent, message);
}

void recorder_init(recorder *r) {
  memset(r, 0, sizeof *r);
  r->sent = json_array();
  r->now_ns = 1000000000;
}

void recorder_free(recorder *r) {
  for (size_t i = 0; i < r->count; i++) remote__v1__event__free_unpacked(r->events[i].event, NULL);
  free(r->events);
  json_decref(r->sent);
  acp_session_destroy(r->session);
}

void recorder_start_with(recorder *r, const acp_session_config *given) {
  acp_session_config config = *given;
  config.sink = &recorder_sink;
  config.sink_user = r;
  config.send = on_send;
  config.send_user = r;
  if (config.cwd == NULL) config.cwd = "/home/user/project";
  if (config.id_token == NULL) config.id_token = "t1";
  config.version = "0.0.1";
  r->session = acp_session_create(&config, r->now_ns);
}

void recorder_start(recorder *r, const char *resume_id, acp_history *history) {
  acp_session_config config = {.resume_id = resume_id, .history = history};
  recorder_start_with(r, &config);
}

void recorder_ready(recorder *r) {
  agent_answers(r, "initialize",
                "{'protocolVersion':1,'agentInfo':{'name':'fake','version':'1'},"
                "'agentCapabilities':{'loadSession':true}}");
  agent_answers(r, "session/new", "{'sessionId':'s1'}");
  assert_true(r->ready);
}

/* ---- the agent's side ---- */

void agent_says_raw(recorder *r, const char *line) {
  acp_session_feed(r->session, line, strlen(line), r->now_ns);
  acp_session_feed(r->session, "\n", 1, r->now_ns);
}

__attribute__((format(printf, 1, 0))) static char *format_quoted(const char *format,
                                                                 va_list arguments) {
  char *text;
  assert_true(vasprintf(&text, format, arguments) >= 0);
  for (char *p = text; *p != '\0'; p++)
    if (*p == '\'') *p = '"';
  return text;
}

void agent_says(recorder *r, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = format_quoted(format, arguments);
  va_end(arguments);
  agent_says_raw(r, text);
  free(text);
}

void agent_updates(recorder *r, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  char *text = format_quoted(format, arguments);
  va_end(arguments);
  char *line;
  assert_true(asprintf(&line,
                       "{\"jsonrpc\":\"2.0\",\"method\":\"session/update\",\"params\":{"
                       "\"sessionId\":\"s1\",\"update\":%s}}",
                       text) >= 0);
  agent_says_raw(r, line);
  free(line);
  free(text);
}

json_t *sent_method(const recorder *r, const char *method) {
  for (size_t i = json_array_size(r->sent); i-- > 0;) {
    json_t *message = json_array_get(r->sent, i);
    const char *name = json_string_value(json_object_get(message, "method"));
    if (name != NULL && strcmp(name, method) == 0) return message;
  }
  return NULL;
}

size_t sent_count(const recorder *r, const char *method) {
  size_t count = 0;
  for (size_t i = 0; i < json_array_size(r->sent); i++) {
    const char *name = json_string_value(json_object_get(json_array_get(r->sent, i), "method"));
    count += name != NULL && strcmp(name, method) == 0;
  }
  return count;
}

static void answer_with(recorder *r, const char *method, const char *key, json_t *value) {
  json_t *request = sent_method(r, method);
  assert_non_null(request);
  assert_non_null(value);
  json_t *message = json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id",
                              json_object_get(request, "id"), key, value);
  char *line = json_dumps(message, JSON_COMPACT);
  agent_says_raw(r, line);
  free(line);
  json_decref(message);
}

void agent_answers(recorder *r, const char *method, const char *result) {
  char *text = memory_string(result);
  for (char *p = text; *p != '\0'; p++)
    if (*p == '\'') *p = '"';
  answer_with(r, method, "result", json_loads(text, JSON_DECODE_ANY, NULL));
  free(text);
}

void agent_fails(recorder *r, const char *method, int code, const char *text) {
  answer_with(r, method, "error", json_pack("{s:i,s:s}", "code", code, "message", text));
}

json_t *sent_answer(const recorder *r, const char *id) {
  json_t *wanted = json_loads(id, JSON_DECODE_ANY, NULL);
  json_t *found = NULL;
  for (size_t i = 0; i < json_array_size(r->sent); i++) {
    json_t *message = json_array_get(r->sent, i);
    if (json_object_get(message, "method") == NULL &&
        json_equal(json_object_get(message, "id"), wanted))
      found = message;
  }
  json_decref(wanted);
  return found;
}

/* ---- looking ---- */

size_t count_body(const recorder *r, int body_case) {
  size_t count = 0;
  for (size_t i = 0; i < r->count; i++) count += (int)r->events[i].event->body_case == body_case;
  return count;
}

const Remote__V1__Event *last_body(const recorder *r, int body_case) {
  for (size_t i = r->count; i-- > 0;)
    if ((int)r->events[i].event->body_case == body_case) return r->events[i].event;
  return NULL;
}

const Remote__V1__AgentExtension *last_extension(const recorder *r, const char *name) {
  for (size_t i = r->count; i-- > 0;) {
    const Remote__V1__Event *event = r->events[i].event;
    if (event->body_case == REMOTE__V1__EVENT__BODY_AGENT_EXTENSION &&
        strcmp(event->agent_extension->name, name) == 0)
      return event->agent_extension;
  }
  return NULL;
}

char *all_text(const recorder *r) {
  char *out = NULL;
  size_t bytes;
  FILE *memory = open_memstream(&out, &bytes);
  for (size_t i = 0; i < r->count; i++) {
    const Remote__V1__Event *event = r->events[i].event;
    if (event->body_case == REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA)
      fputs(event->assistant_delta->text, memory);
    if (event->body_case == REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE)
      fputs(event->assistant_message->text, memory);
  }
  fclose(memory);
  return out;
}

char *tool_output_text(const recorder *r, const char *tool_call_id) {
  char *out = NULL;
  size_t bytes;
  FILE *memory = open_memstream(&out, &bytes);
  for (size_t i = 0; i < r->count; i++) {
    const Remote__V1__Event *event = r->events[i].event;
    if (event->body_case == REMOTE__V1__EVENT__BODY_TOOL_OUTPUT &&
        strcmp(event->tool_output->tool_call_id, tool_call_id) == 0)
      fwrite(event->tool_output->data.data, 1, event->tool_output->data.len, memory);
  }
  fclose(memory);
  return out;
}

static void give_answer(recorder *r, size_t ask, Remote__V1__AnswerContent *content) {
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  assert_true(ask < r->ask_count);
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  resolved.answer = content;
  r->asks[ask].open = false;
  acp_session_answer(r->session, &r->asks[ask].id, &resolved, r->now_ns);
}

void person_answers(recorder *r, size_t ask, const char *option_id) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.option_id = memory_string(option_id);
  give_answer(r, ask, &content);
  free(content.option_id);
}

void person_fills(recorder *r, size_t ask, const char *json) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  content.declined = json == NULL;
  content.json = memory_string(json != NULL ? json : "");
  give_answer(r, ask, &content);
  free(content.json);
}
