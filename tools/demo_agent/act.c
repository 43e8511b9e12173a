/* Steps that show what agents do besides talking and working: forms, sub-agents, output by pieces,
 * other ends of a turn, and messages of any kind, well made or not. README.md lists them all. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

static void say_json(demo_session *session, const char *before, const json_t *value) {
  char *json = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
  char *text;
  if (asprintf(&text, "%s%s", before, json != NULL ? json : "nothing") < 0) exit(1);
  demo_say(session, text, false);
  free(text);
  free(json);
}

static void wait_for_answer(demo_session *session, const char *method, json_t *params,
                            void (*answered)(demo_session *, const json_t *, const json_t *)) {
  session->turn.answered = answered;
  session->turn.request_id = demo_send_request(method, params);
  session->turn.wait = DEMO_WAIT_ANSWER;
}

/* ---- FORM text|name:type[!][=default]|… ---- */

static json_t *choices(const char *words, const char *separators) {
  json_t *list = json_array();
  char *copy = strdup(words), *rest = copy, *word;
  while ((word = strsep(&rest, separators)) != NULL) json_array_append_new(list, json_string(word));
  free(copy);
  return list;
}

/* string, number, integer, boolean, email, date, uri; a,b,c: one of them; a+b+c: some of them. */
static json_t *field_of(const char *type) {
  static const char *const formats[] = {"email", "date", "uri", "date-time"};
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (strcmp(type, formats[i]) == 0)
      return json_pack("{s:s,s:s}", "type", "string", "format", formats[i]);
  if (strchr(type, '+') != NULL)
    return json_pack("{s:s,s:{s:s,s:o}}", "type", "array", "items", "type", "string", "enum",
                     choices(type, "+"));
  if (strchr(type, ',') != NULL)
    return json_pack("{s:s,s:o}", "type", "string", "enum", choices(type, ","));
  return json_pack("{s:s}", "type", type);
}

static void add_field(json_t *properties, json_t *required, char *words) {
  char *type = strchr(words, ':');
  if (type == NULL) return;
  *type++ = '\0';
  char *preset = strchr(type, '=');
  if (preset != NULL) *preset++ = '\0';
  size_t n = strlen(type);
  if (n > 0 && type[n - 1] == '!') {
    type[n - 1] = '\0';
    json_array_append_new(required, json_string(words));
  }
  json_t *field = field_of(type);
  if (preset != NULL) {
    json_t *value = json_loads(preset, JSON_DECODE_ANY, NULL);
    json_object_set_new(field, "default", value != NULL ? value : json_string(preset));
  }
  json_object_set_new(properties, words, field);
}

static void form_answered(demo_session *session, const json_t *result, const json_t *error) {
  say_json(session,
           error != NULL ? "The form was refused: " : "The form: ", error != NULL ? error : result);
}

void demo_form(demo_session *session, const char *text) {
  char *copy = strdup(text), *rest = copy, *part;
  const char *message = strsep(&rest, "|");
  json_t *properties = json_object(), *required = json_array();
  while ((part = strsep(&rest, "|")) != NULL) add_field(properties, required, part);
  wait_for_answer(session, "elicitation/create",
                  json_pack("{s:s,s:s,s:s,s:{s:s,s:o,s:o}}", "sessionId", session->id, "mode",
                            "form", "message", message, "requestedSchema", "type", "object",
                            "properties", properties, "required", required),
                  form_answered);
  free(copy);
}

/* ---- TASK name|task: a sub-agent with a session of its own, which asks for something ---- */

static void child_update(const demo_session *session, json_t *update) {
  demo_session child = *session;
  snprintf(child.id, sizeof child.id, "%.40s-child-%u", session->id, session->turn.total);
  demo_send_update(&child, update);
}

static void task_tool(demo_session *session, const char *status, const char *text) {
  json_t *update = json_pack("{s:s,s:s,s:s}", "sessionUpdate", "tool_call_update", "toolCallId",
                             session->turn.task_id, "status", status);
  json_object_set_new(
      update, "content",
      json_pack("[{s:s,s:o}]", "type", "content", "content", demo_text_block(text, strlen(text))));
  demo_send_update(session, update);
}

static void task_answered(demo_session *session, const json_t *result, const json_t *error) {
  const char *option =
      json_string_value(json_object_get(json_object_get(result, "outcome"), "optionId"));
  bool yes = error == NULL && option != NULL && strcmp(option, "once") == 0;
  child_update(session,
               json_pack("{s:s,s:s,s:s}", "sessionUpdate", "tool_call_update", "toolCallId",
                         "child-look", "status", yes ? "completed" : "failed"));
  task_tool(session, yes ? "completed" : "failed",
            yes ? "The sub-agent has looked." : "The sub-agent was not allowed to look.");
}

void demo_task(demo_session *session, const char *text) {
  demo_turn *turn = &session->turn;
  char *copy = strdup(text), *rest = copy;
  const char *name = strsep(&rest, "|");
  const char *task = rest != NULL ? rest : "Look around";
  turn->total = ++session->counter;
  snprintf(turn->task_id, sizeof turn->task_id, "task-%u", turn->total);
  demo_send_update(session, json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s,s:s,s:s}}", "sessionUpdate",
                                      "tool_call", "toolCallId", turn->task_id, "title", task,
                                      "kind", "think", "status", "in_progress", "rawInput",
                                      "subagent_type", name, "description", task, "prompt", task));
  static const char words[] = "I am the sub-agent, and I begin.";
  child_update(session, json_pack("{s:s,s:o}", "sessionUpdate", "agent_message_chunk", "content",
                                  demo_text_block(words, sizeof words - 1)));
  char child[64];
  snprintf(child, sizeof child, "%.40s-child-%u", session->id, turn->total);
  wait_for_answer(session, "session/request_permission",
                  json_pack("{s:s,s:{s:s,s:s,s:s,s:{s:s}},s:[{s:s,s:s,s:s},{s:s,s:s,s:s}]}",
                            "sessionId", child, "toolCall", "toolCallId", "child-look", "title",
                            "ls", "kind", "execute", "rawInput", "command", "ls", "options",
                            "optionId", "once", "name", "Allow once", "kind", "allow_once",
                            "optionId", "reject", "name", "Reject", "kind", "reject_once"),
                  task_answered);
  free(copy);
}

/* ---- PRINT code text: output in _meta, piece by piece, as for a terminal of the agent's ---- */

void demo_print(demo_session *session, const char *text) {
  char id[32], *rest = NULL;
  long code = strtol(text, &rest, 10);
  while (*rest == ' ') rest++;
  snprintf(id, sizeof id, "print-%u", ++session->counter);
  demo_send_update(
      session, json_pack("{s:s,s:s,s:s,s:s,s:s,s:[{s:s,s:s}],s:{s:{s:s,s:s}}}", "sessionUpdate",
                         "tool_call", "toolCallId", id, "title", "print", "kind", "execute",
                         "status", "in_progress", "content", "type", "terminal", "terminalId", id,
                         "_meta", "terminal_info", "terminal_id", id, "cwd", session->cwd));
  while (*rest != '\0') {
    size_t n = strcspn(rest, "\n");
    n += rest[n] == '\n';
    json_t *piece = json_stringn(rest, n);
    if (piece != NULL)
      demo_send_update(session, json_pack("{s:s,s:s,s:{s:{s:s,s:o}}}", "sessionUpdate",
                                          "tool_call_update", "toolCallId", id, "_meta",
                                          "terminal_output", "terminal_id", id, "data", piece));
    rest += n;
  }
  demo_send_update(
      session, json_pack("{s:s,s:s,s:s,s:{s:{s:s,s:i,s:n}}}", "sessionUpdate", "tool_call_update",
                         "toolCallId", id, "status", code == 0 ? "completed" : "failed", "_meta",
                         "terminal_exit", "terminal_id", id, "exit_code", (int)code, "signal"));
}

/* ---- any message ---- */

static void call_answered(demo_session *session, const json_t *result, const json_t *error) {
  say_json(session, error != NULL ? "The client refused: " : "The client answered: ",
           error != NULL ? error : result);
}

void demo_call(demo_session *session, const char *text) {
  size_t n = strcspn(text, " ");
  char *method = strndup(text, n);
  json_t *params = json_loads(text[n] != '\0' ? text + n : "{}", 0, NULL);
  if (params == NULL) params = json_object();
  if (json_object_get(params, "sessionId") == NULL)
    json_object_set_new(params, "sessionId", json_string(session->id));
  wait_for_answer(session, method, params, call_answered);
  free(method);
}

void demo_update(demo_session *session, const char *text) {
  json_t *update = json_loads(text, 0, NULL);
  if (json_is_object(update)) {
    demo_send_update(session, update);
    return;
  }
  json_decref(update);
  demo_say(session, "UPDATE needs an object of JSON, such as {\"sessionUpdate\":\"notice\"}",
           false);
}

void demo_raw(demo_session *session, const char *text) {
  (void)session;
  demo_send_raw(text);
}

void demo_line(demo_session *session, const char *text) {
  size_t bytes = strtoul(text, NULL, 10) * 1024;
  if (bytes > 80u * 1024 * 1024) bytes = 80u * 1024 * 1024;
  char *words = malloc(bytes + 1);
  if (words == NULL) return;
  memset(words, 'x', bytes);
  demo_send_update(session, json_pack("{s:s,s:o}", "sessionUpdate", "agent_message_chunk",
                                      "content", demo_text_block(words, bytes)));
  free(words);
}

void demo_flood(demo_session *session, const char *text) {
  unsigned long count = strtoul(text, NULL, 10);
  char words[64];
  for (unsigned long i = 0; i < count && i < 10000000; i++) {
    snprintf(words, sizeof words, "flood %lu\n", i);
    demo_send_update(session, json_pack("{s:s,s:o}", "sessionUpdate", "agent_message_chunk",
                                        "content", demo_text_block(words, strlen(words))));
  }
}
