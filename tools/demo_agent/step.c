/* The script: one step a line, a word in capitals first. Anything else plays a friendly scene. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "demo.h"

static const char *const scene[] = {
    "THINK The person said something that is not a script. I will show what I can do.",
    ("SAY Hello! I am the demo agent: I have no model, my prompts are scripts (try /help). "
     "Here is what a turn can look like."),
    "PLAN Look at the system|Write a note|Say goodbye",
    "RUN uname -s",
    "EDIT remote-demo-note.txt =>a line from the demo agent\\n",
    "SAY That was all. Everything you saw was also sent to whoever watches this session.",
};

static const char help[] =
    "My prompts are scripts, one step a line:\n"
    "SAY text · THINK text · BIG KiB · RUN command · EDIT path old=>new · ASK question|a|b · "
    "FILES (what came with the prompt) · SHOW [tool] image|audio|blob|text|link MEDIA-TYPE PATH ·\n"
    "PLAN a|b|c · MODE id · TITLE text · SLOW n [ms] · MIX n [ms] · FAIL text · CRASH · HANG "
    "[hard] · NONSENSE "
    "·\n"
    "REVIEW plan · OPEN url · FORM text|name:type[!][=default]|… · TASK name|task · PRINT code "
    "text ·\n"
    "STOP reason · FLOOD n · LINE KiB · CALL method [json] · UPDATE json · RAW line\n"
    "Any other text plays a small scene.";

void demo_say(demo_session *session, const char *text, bool thought) {
  const char *kind = thought ? "agent_thought_chunk" : "agent_message_chunk";
  char id[32];
  snprintf(id, sizeof id, "msg-%u", ++session->counter);
  size_t all = strlen(text), at = 0;
  while (at < all || at == 0) {
    size_t n = all - at > 24 && all < 400 ? 24 : all - at;
    while (at + n < all && ((unsigned char)text[at + n] & 0xC0) == 0x80) n++;
    demo_send_update(session, json_pack("{s:s,s:s,s:o}", "sessionUpdate", kind, "messageId", id,
                                        "content", demo_text_block(text + at, n)));
    at += n;
    if (n == 0) break;
  }
  json_t *whole = json_pack("{s:s,s:s,s:o}", "sessionUpdate", kind, "messageId", id, "content",
                            demo_text_block(text, all));
  demo_session_remember(session, whole);
  json_decref(whole);
}

/* ---- steps; each gets what follows its word ---- */

static void step_say(demo_session *session, const char *text) { demo_say(session, text, false); }
static void step_think(demo_session *session, const char *text) { demo_say(session, text, true); }

static void step_big(demo_session *session, const char *text) {
  size_t bytes = strtoul(text, NULL, 10) * 1024;
  if (bytes > 16u * 1024 * 1024) bytes = 16u * 1024 * 1024;
  char *big = malloc(bytes + 1);
  if (big == NULL) return;
  for (size_t i = 0; i < bytes; i++) big[i] = i % 64 == 63 ? '\n' : (char)('a' + i % 26);
  big[bytes] = '\0';
  demo_say(session, big, false);
  free(big);
}

static void plan_send(demo_session *session) {
  demo_turn *turn = &session->turn;
  size_t i;
  json_t *entry;
  json_array_foreach(turn->entries, i, entry) {
    const char *status = i < turn->done ? "completed" : i == turn->done ? "in_progress" : "pending";
    json_object_set_new(entry, "status", json_string(status));
  }
  demo_send_update(session, json_pack("{s:s,s:o}", "sessionUpdate", "plan", "entries",
                                      json_deep_copy(turn->entries)));
}

static void plan_tick(demo_session *session) {
  demo_turn *turn = &session->turn;
  turn->done++;
  plan_send(session);
  turn->due_ms = demo_now_ms() + turn->pause_ms;
  if (turn->done < turn->total) return;
  json_decref(turn->entries);
  turn->entries = NULL;
  turn->wait = DEMO_WAIT_NOTHING;
}

static void step_plan(demo_session *session, const char *text) {
  demo_turn *turn = &session->turn;
  char *copy = strdup(text), *rest = copy, *part;
  turn->entries = json_array();
  while ((part = strsep(&rest, "|")) != NULL)
    json_array_append_new(
        turn->entries,
        json_pack("{s:s,s:s,s:s}", "content", part, "priority",
                  json_array_size(turn->entries) == 0 ? "high" : "medium", "status", "pending"));
  free(copy);
  turn->done = 0;
  turn->total = (uint32_t)json_array_size(turn->entries);
  turn->pause_ms = 20;
  turn->tick = plan_tick;
  plan_send(session);
  turn->wait = DEMO_WAIT_TIME;
  turn->due_ms = demo_now_ms() + turn->pause_ms;
}

static void step_ask(demo_session *session, const char *text) {
  demo_turn *turn = &session->turn;
  char *copy = strdup(text), *rest = copy, *part;
  const char *question = strsep(&rest, "|");
  json_t *names = json_array(), *options = json_array();
  while ((part = strsep(&rest, "|")) != NULL) {
    json_array_append_new(names, json_string(part));
    json_array_append_new(
        options, json_pack("{s:s,s:s,s:s}", "optionId", part, "name", part, "kind", "allow_once"));
  }
  json_t *params;
  const char *method = "elicitation/create";
  if (demo.client_has_forms) {
    json_t *field = json_pack("{s:s,s:s}", "type", "string", "title", "Answer");
    if (json_array_size(names) > 0) json_object_set(field, "enum", names);
    params = json_pack("{s:s,s:s,s:s,s:{s:s,s:{s:o},s:[s]}}", "sessionId", session->id, "mode",
                       "form", "message", question, "requestedSchema", "type", "object",
                       "properties", "answer", field, "required", "answer");
    json_decref(options);
  } else {
    char id[32];
    snprintf(id, sizeof id, "ask-%u", ++session->counter);
    params = json_pack("{s:s,s:{s:s,s:s,s:s},s:o}", "sessionId", session->id, "toolCall",
                       "toolCallId", id, "title", question, "kind", "other", "options", options);
    method = "session/request_permission";
  }
  json_decref(names);
  turn->request_id = demo_send_request(method, params);
  turn->wait = DEMO_WAIT_ANSWER;
  free(copy);
}

/* A plan to be approved: agents ask for it as a permission to switch the mode. */
static void step_review(demo_session *session, const char *text) {
  char id[32];
  snprintf(id, sizeof id, "review-%u", ++session->counter);
  json_t *params = json_pack(
      "{s:s,s:{s:s,s:s,s:s,s:[{s:s,s:o}]},s:[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}]}",
      "sessionId", session->id, "toolCall", "toolCallId", id, "title", "Ready to begin?", "kind",
      "switch_mode", "content", "type", "content", "content", demo_text_block(text, strlen(text)),
      "options", "optionId", "bypassPermissions", "name", "Begin, and never ask", "kind",
      "allow_always", "optionId", "begin", "name", "Begin", "kind", "allow_once", "optionId",
      "refine", "name", "Keep planning", "kind", "reject_once");
  session->turn.request_id = demo_send_request("session/request_permission", params);
  session->turn.wait = DEMO_WAIT_ANSWER;
}

/* A page that a person has to open. */
static void step_open(demo_session *session, const char *url) {
  char id[32];
  snprintf(id, sizeof id, "open-%u", ++session->counter);
  session->turn.request_id = demo_send_request(
      "elicitation/create",
      json_pack("{s:s,s:s,s:s,s:s,s:s}", "sessionId", session->id, "mode", "url", "message",
                "Please open this page.", "url", url, "elicitationId", id));
  session->turn.wait = DEMO_WAIT_ANSWER;
}

static void step_mode(demo_session *session, const char *text) {
  if (!demo_session_set_mode(session, text)) {
    demo_say(session, "There is no such mode.", false);
    return;
  }
  demo_send_update(session, json_pack("{s:s,s:s}", "sessionUpdate", "current_mode_update",
                                      "currentModeId", session->mode));
  demo_send_update(session, json_pack("{s:s,s:o}", "sessionUpdate", "config_option_update",
                                      "configOptions", demo_session_options(session)));
}

static void step_title(demo_session *session, const char *text) {
  free(session->title);
  session->title = strdup(text);
  json_t *update = json_pack("{s:s,s:s}", "sessionUpdate", "session_info_update", "title", text);
  demo_session_remember(session, update);
  demo_send_update(session, update);
}

static void step_crash(demo_session *session, const char *text) {
  (void)text;
  struct rlimit none = {0, 0};
  demo_child_kill(session);
  setrlimit(RLIMIT_CORE, &none);
  raise(SIGABRT);
  _exit(70);
}

static void step_hang(demo_session *session, const char *text) {
  session->turn.wait = DEMO_WAIT_EVER;
  session->turn.total = strcmp(text, "hard") == 0; /* 1: a cancel does not help either */
}

static void step_nonsense(demo_session *session, const char *text) {
  (void)session;
  (void)text;
  demo_send_raw("{this is not JSON \x01\x1b[31m");
}

static void step_fail(demo_session *session, const char *text) {
  demo_turn_fail(session, *text != '\0' ? text : "scripted failure");
}

static const struct {
  const char *word;
  void (*run)(demo_session *session, const char *text);
} steps[] = {
    {"SAY", step_say},        {"THINK", step_think},       {"BIG", step_big},
    {"RUN", demo_run_begin},  {"EDIT", demo_edit_begin},   {"ASK", step_ask},
    {"PLAN", step_plan},      {"MODE", step_mode},         {"TITLE", step_title},
    {"SLOW", demo_slow},      {"FAIL", step_fail},         {"CRASH", step_crash},
    {"HANG", step_hang},      {"NONSENSE", step_nonsense}, {"REVIEW", step_review},
    {"OPEN", step_open},      {"FILES", demo_files_say},   {"SHOW", demo_show},
    {"FORM", demo_form},      {"TASK", demo_task},         {"PRINT", demo_print},
    {"STOP", demo_turn_stop}, {"CALL", demo_call},         {"UPDATE", demo_update},
    {"RAW", demo_raw},        {"LINE", demo_line},         {"FLOOD", demo_flood},
    {"MIX", demo_mix},
};

static int step_of(const char *line) {
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    size_t n = strlen(steps[i].word);
    if (strncmp(line, steps[i].word, n) == 0 && (line[n] == ' ' || line[n] == '\0')) return (int)i;
  }
  return -1;
}

/* ---- the turn ---- */

static void turn_free(demo_turn *turn) {
  for (size_t i = 0; i < turn->count; i++) free(turn->steps[i]);
  free(turn->steps);
  free(turn->files);
  json_decref(turn->prompt_id);
  json_decref(turn->entries);
  memset(turn, 0, sizeof *turn);
  turn->child_fd = -1;
}

static void turn_end(demo_session *session, const char *stop_reason) {
  demo_turn *turn = &session->turn;
  demo_send_update(session,
                   json_pack("{s:s,s:i,s:i,s:{s:f,s:s}}", "sessionUpdate", "usage_update", "used",
                             (int)(1000 + session->counter * 37), "size", 100000, "cost", "amount",
                             0.001 * session->counter, "currency", "USD"));
  demo_send_result(turn->prompt_id,
                   json_pack("{s:s,s:{s:i,s:i,s:i}}", "stopReason", stop_reason, "usage",
                             "inputTokens", 10, "outputTokens", 20, "totalTokens", 30));
  turn_free(turn);
}

void demo_turn_stop(demo_session *session, const char *stop_reason) {
  turn_end(session, *stop_reason != '\0' ? stop_reason : "end_turn");
}

void demo_turn_fail(demo_session *session, const char *text) {
  demo_tool_close(session, "failed", text);
  demo_send_error(session->turn.prompt_id, -32603, text);
  turn_free(&session->turn);
}

static void step_add(demo_turn *turn, const char *line) {
  if (turn->count >= DEMO_STEPS_MAX) return;
  turn->steps[turn->count++] = strdup(line);
}

static void script_read(demo_turn *turn, const char *script) {
  turn->steps = calloc(DEMO_STEPS_MAX, sizeof *turn->steps);
  if (turn->steps == NULL) exit(1);
  char *copy = strdup(script), *rest = copy, *line;
  bool known = false;
  while ((line = strsep(&rest, "\n")) != NULL)
    if (step_of(line) >= 0) known = true;
  free(copy);
  if (strncmp(script, "/help", 5) == 0) {
    char *text;
    if (asprintf(&text, "SAY %s", help) < 0) exit(1);
    step_add(turn, text);
    free(text);
  } else if (strncmp(script, "/compact", 8) == 0) {
    step_add(turn, "SAY There is nothing to compact.");
  } else if (!known) {
    for (size_t i = 0; i < sizeof scene / sizeof *scene; i++) step_add(turn, scene[i]);
  } else {
    rest = copy = strdup(script);
    while ((line = strsep(&rest, "\n")) != NULL)
      if (*line != '\0') step_add(turn, line);
    free(copy);
  }
}

void demo_turn_start(demo_session *session, json_t *prompt_id, const char *script) {
  demo_turn *turn = &session->turn;
  turn->running = true;
  turn->prompt_id = json_incref(prompt_id);
  script_read(turn, script);
  char id[32];
  snprintf(id, sizeof id, "msg-%u", ++session->counter);
  json_t *update = json_pack("{s:s,s:s,s:o}", "sessionUpdate", "user_message_chunk", "messageId",
                             id, "content", demo_text_block(script, strlen(script)));
  demo_session_remember(session, update); /* remembered only: the client knows what it sent */
  json_decref(update);
  demo_turn_run(session);
}

/* "\n" in a step means a new line. */
static void unescape(char *text) {
  char *to = text;
  for (; *text != '\0'; text++) {
    if (text[0] == '\\' && text[1] == 'n') {
      *to++ = '\n';
      text++;
    } else {
      *to++ = *text;
    }
  }
  *to = '\0';
}

static void step_run(demo_session *session, char *line) {
  int which = step_of(line);
  if (which < 0) {
    demo_say(session, line, false);
    return;
  }
  char *text = line + strlen(steps[which].word);
  if (*text == ' ') text++;
  bool exact = steps[which].run == demo_run_begin || steps[which].run == demo_update ||
               steps[which].run == demo_raw || steps[which].run == demo_call;
  if (!exact) unescape(text);
  steps[which].run(session, text);
}

void demo_turn_run(demo_session *session) {
  demo_turn *turn = &session->turn;
  if (turn->wait == DEMO_WAIT_TIME && demo_now_ms() >= turn->due_ms) turn->tick(session);
  while (turn->running && turn->wait == DEMO_WAIT_NOTHING) {
    if (turn->cancelled) {
      demo_tool_close(session, "failed", "Cancelled.");
      turn_end(session, "cancelled");
    } else if (turn->next == turn->count) {
      turn_end(session, "end_turn");
    } else {
      char *line = turn->steps[turn->next];
      turn->steps[turn->next++] = NULL;
      step_run(session, line);
      free(line);
    }
  }
}

void demo_turn_cancel(demo_session *session) {
  demo_turn *turn = &session->turn;
  if (!turn->running || (turn->wait == DEMO_WAIT_EVER && turn->total == 1)) return;
  turn->cancelled = true;
  demo_child_kill(session);
  turn->wait = DEMO_WAIT_NOTHING;
  demo_turn_run(session);
}

static void question_answered(demo_session *session, const json_t *result) {
  const char *action = json_string_value(json_object_get(result, "action"));
  const char *answer =
      json_string_value(json_object_get(json_object_get(result, "content"), "answer"));
  if (action == NULL) { /* asked as a permission */
    answer = json_string_value(json_object_get(json_object_get(result, "outcome"), "optionId"));
    action = answer != NULL ? "accept" : "cancel";
  }
  char *text;
  int n = strcmp(action, "accept") == 0
              ? asprintf(&text, "You answered: %s", answer != NULL ? answer : "(nothing)")
              : asprintf(&text, "You did not answer (%s).", action);
  if (n < 0) exit(1);
  demo_say(session, text, false);
  free(text);
}

void demo_turn_answer(demo_session *session, const json_t *result, const json_t *error) {
  demo_turn *turn = &session->turn;
  void (*answered)(demo_session *, const json_t *, const json_t *) = turn->answered;
  turn->wait = DEMO_WAIT_NOTHING;
  turn->answered = NULL;
  if (answered != NULL) {
    answered(session, result, error);
  } else if (turn->tool_id[0] != '\0') {
    const json_t *outcome = json_object_get(result, "outcome");
    demo_tool_decided(session, json_string_value(json_object_get(outcome, "optionId")));
  } else {
    question_answered(session, result);
  }
  demo_turn_run(session);
}
