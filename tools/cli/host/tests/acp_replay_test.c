/* Real conversations, replayed: the agent's side is fed line by line, the client's side makes the
 * adapter do what the recorded client did. Nothing that the agent said may be dropped, and its
 * requests must be answered with the option that was chosen then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "recorder.h"

#define BODY(x) REMOTE__V1__EVENT__BODY_##x
#define KINDS_MAX 16

typedef struct counted {
  char kind[64];
  size_t updates, silent;
} counted;

typedef struct replay {
  recorder rec;
  acp_history *history;
  json_t *ids;  /* transcript id -> id of our request, for responses */
  json_t *asks; /* transcript id of a request -> index of its ask */
  size_t prompts;
  json_t *main_id; /* our session's id in the transcript */
  bool loading;
  counted kinds[KINDS_MAX];
  size_t answered;
  char *text; /* what the agent wrote, joined */
  size_t text_bytes;
  FILE *text_file;
} replay;

static char *key_of(const json_t *id) { return json_dumps(id, JSON_COMPACT | JSON_ENCODE_ANY); }

static counted *kind_of(replay *p, const char *kind) {
  for (size_t i = 0; i < KINDS_MAX; i++) {
    if (p->kinds[i].kind[0] == '\0') snprintf(p->kinds[i].kind, 64, "%s", kind);
    if (strcmp(p->kinds[i].kind, kind) == 0) return &p->kinds[i];
  }
  fail_msg("too many kinds of updates");
  return NULL;
}

/* Our last request with this method stands for the transcript's. */
static void pair(replay *p, const json_t *id, const char *method) {
  json_t *request = sent_method(&p->rec, method);
  assert_non_null(request);
  char *key = key_of(id);
  json_object_set(p->ids, key, json_object_get(request, "id"));
  free(key);
}

static bool is_main(const replay *p, const json_t *params) {
  json_t *id = json_object_get(params, "sessionId");
  return p->main_id == NULL || json_equal(id, p->main_id);
}

/* ---- what the recorded client did ---- */

/* A host gives no prompt before the session is ready: it waits for a replay that comes late. */
static void become_ready(replay *p) {
  if (p->rec.ready || !p->loading) return;
  p->rec.now_ns += 1100000000;
  acp_session_expire(p->rec.session, p->rec.now_ns);
  p->loading = !p->rec.ready;
}

static void client_prompt(replay *p, const json_t *message, const json_t *params) {
  const char *text = json_string_value(
      json_object_get(json_array_get(json_object_get(params, "prompt"), 0), "text"));
  char turn[32];
  become_ready(p);
  snprintf(turn, sizeof turn, "turn-%zu", p->prompts++);
  acp_history_add(p->history, ACP_ROLE_USER, turn, 0, text, strlen(text));
  /* One at a time: a second prompt during a turn waits in the host. */
  if (acp_session_prompt(p->rec.session, turn, text, NULL, 0, NULL, p->rec.now_ns))
    pair(p, json_object_get(message, "id"), "session/prompt");
}

static void client_request(replay *p, const json_t *message) {
  const char *method = json_string_value(json_object_get(message, "method"));
  const json_t *params = json_object_get(message, "params"), *id = json_object_get(message, "id");
  const json_t *value = json_object_get(params, "value");
  bool first = p->main_id == NULL;
  if (strcmp(method, "initialize") == 0) {
    pair(p, id, method);
  } else if (first && (strcmp(method, "session/new") == 0 || strcmp(method, "session/load") == 0 ||
                       strcmp(method, "session/resume") == 0)) {
    /* The adapter loads where the recorded client resumed: to the agent's words it is the same. */
    pair(p, id, sent_count(&p->rec, "session/load") > 0 ? "session/load" : method);
    if (json_object_get(params, "sessionId") != NULL)
      p->main_id = json_incref(json_object_get(params, "sessionId"));
    p->loading = strcmp(method, "session/new") != 0;
  } else if (!is_main(p, params)) {
    return;
  } else if (strcmp(method, "session/prompt") == 0) {
    client_prompt(p, message, params);
  } else if (strcmp(method, "session/cancel") == 0) {
    acp_session_cancel(p->rec.session, NULL, p->rec.now_ns);
  } else if (strcmp(method, "session/set_mode") == 0) {
    size_t before = json_array_size(p->rec.sent);
    acp_session_set_mode(p->rec.session, json_string_value(json_object_get(params, "modeId")), NULL,
                         NULL, p->rec.now_ns);
    if (json_array_size(p->rec.sent) > before &&
        json_equal(json_object_get(sent_method(&p->rec, "session/set_mode"), "id"),
                   json_object_get(json_array_get(p->rec.sent, before), "id")))
      pair(p, id, "session/set_mode");
  } else if (strcmp(method, "session/set_config_option") == 0 && json_is_string(value)) {
    size_t before = sent_count(&p->rec, method);
    acp_session_set_option(p->rec.session, json_string_value(json_object_get(params, "configId")),
                           json_string_value(value), NULL, NULL, p->rec.now_ns);
    if (sent_count(&p->rec, method) > before) pair(p, id, method);
  }
}

/* A form that was filled in: its content, as a person writes it. NULL: it was none. */
static char *filled(const json_t *result) {
  const json_t *content = json_object_get(result, "content");
  if (content == NULL) content = json_object_get(result, "answers");
  return content != NULL ? json_dumps(content, JSON_COMPACT) : NULL;
}

static void client_response(replay *p, const json_t *message) {
  char *key = key_of(json_object_get(message, "id"));
  json_t *index = json_object_get(p->asks, key), *result = json_object_get(message, "result");
  const char *option =
      json_string_value(json_object_get(json_object_get(result, "outcome"), "optionId"));
  char *json = filled(result);
  if (index != NULL && (option != NULL || json != NULL)) {
    size_t ask = (size_t)json_integer_value(index);
    assert_true(p->rec.asks[ask].open);
    if (json != NULL)
      person_fills(&p->rec, ask, json);
    else
      person_answers(&p->rec, ask, option);
    json_t *reply = sent_answer(&p->rec, key); /* the id as the agent wrote it */
    assert_non_null(reply);
    assert_true(json_equal(json_object_get(reply, "result"), result));
    p->answered++;
  }
  free(json);
  free(key);
}

/* ---- what the agent said ---- */

static void feed(replay *p, const json_t *message) {
  char *line = json_dumps(message, JSON_COMPACT);
  agent_says_raw(&p->rec, line);
  free(line);
}

static void agent_response(replay *p, const json_t *message) {
  char *key = key_of(json_object_get(message, "id"));
  json_t *ours = json_object_get(p->ids, key);
  if (ours != NULL) {
    json_t *copy = json_deep_copy(message);
    json_object_set(copy, "id", ours);
    json_t *id = json_object_get(json_object_get(message, "result"), "sessionId");
    if (p->main_id == NULL && id != NULL) p->main_id = json_incref(id);
    feed(p, copy);
    json_decref(copy);
    json_object_del(p->ids, key);
    if (p->rec.ready) p->loading = false;
  }
  free(key);
}

static void note_text(replay *p, const json_t *params, const char *kind) {
  const json_t *update = json_object_get(params, "update");
  const char *text = json_string_value(json_object_get(json_object_get(update, "content"), "text"));
  if (strcmp(kind, "agent_message_chunk") == 0 && text != NULL && !p->loading)
    fputs(text, p->text_file);
}

static void agent_message(replay *p, const json_t *message) {
  const char *method = json_string_value(json_object_get(message, "method"));
  const json_t *params = json_object_get(message, "params");
  if (method == NULL) {
    agent_response(p, message);
    return;
  }
  const char *kind =
      json_string_value(json_object_get(json_object_get(params, "update"), "sessionUpdate"));
  size_t before = p->rec.count, asks = p->rec.ask_count;
  feed(p, message);
  bool user = kind != NULL && strcmp(kind, "user_message_chunk") == 0;
  const char *text = json_string_value(
      json_object_get(json_object_get(json_object_get(params, "update"), "content"), "text"));
  bool empty = text != NULL && text[0] == '\0';
  if (kind != NULL) {
    counted *c = kind_of(p, kind);
    c->updates++;
    c->silent += p->rec.count == before && p->rec.ready && !empty;
    note_text(p, params, kind);
  }
  if (strcmp(method, "$/cancel_request") != 0 && !p->loading && !user && !empty)
    /* Every word of it is an event; what came before the session could be described, later. */
    assert_true(p->rec.count > before || !p->rec.ready);
  if (strcmp(method, "session/request_permission") == 0 ||
      strcmp(method, "elicitation/create") == 0) {
    assert_int_equal(p->rec.ask_count, asks + 1);
    char *key = key_of(json_object_get(message, "id"));
    json_object_set_new(p->asks, key, json_integer((json_int_t)asks));
    free(key);
  }
}

/* ---- a whole process of the transcript ---- */

static void replay_free(replay *p) {
  recorder_free(&p->rec);
  json_decref(p->ids);
  json_decref(p->asks);
  json_decref(p->main_id);
  if (p->text_file != NULL) fclose(p->text_file);
  free(p->text);
}

static void run(replay *p, const char *path, int process, acp_history *history,
                const char *resume_id) {
  char *line = NULL;
  size_t room = 0;
  memset(p, 0, sizeof *p);
  recorder_init(&p->rec);
  p->history = history;
  p->ids = json_object();
  p->asks = json_object();
  p->text_file = open_memstream(&p->text, &p->text_bytes);
  recorder_start(&p->rec, resume_id, history);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  while (getline(&line, &room, file) > 0) {
    json_t *entry = json_loads(line, 0, NULL);
    const char *dir = json_string_value(json_object_get(entry, "dir"));
    json_t *message = json_object_get(entry, "msg");
    p->rec.now_ns += 1000000;
    if (json_integer_value(json_object_get(entry, "p")) == process && json_is_object(message)) {
      if (strcmp(dir, "a2c") == 0)
        agent_message(p, message);
      else if (strcmp(dir, "c2a") == 0 && json_object_get(message, "method") != NULL)
        client_request(p, message);
      else if (strcmp(dir, "c2a") == 0)
        client_response(p, message);
    }
    json_decref(entry);
  }
  become_ready(p);
  free(line);
  fclose(file);
  fflush(p->text_file);
  assert_int_equal(p->rec.bad, 0);
}

static void print_kinds(const replay *p, const char *path) {
  print_message("%s\n", path);
  for (size_t i = 0; i < KINDS_MAX && p->kinds[i].kind[0] != '\0'; i++)
    print_message("  %-28s %3zu updates, %zu without an event of their own\n", p->kinds[i].kind,
                  p->kinds[i].updates, p->kinds[i].silent);
}

/* What the journal of the first process would hold. */
static void remember(acp_history *h, const recorder *r) {
  for (size_t i = 0; i < r->count; i++) {
    const Remote__V1__Event *e = r->events[i].event;
    if (e->body_case == BODY(ASSISTANT_DELTA)) {
      /* The host fills in positions; here pieces come in order. */
      const char *id = e->assistant_delta->message_id;
      static char last[128];
      static uint64_t position;
      if (strcmp(last, id) != 0) position = 0;
      snprintf(last, sizeof last, "%s", id);
      acp_history_add(h, ACP_ROLE_ASSISTANT, id, position, e->assistant_delta->text,
                      strlen(e->assistant_delta->text));
      position += strlen(e->assistant_delta->text);
    } else if (e->body_case == BODY(THOUGHT_DELTA)) {
      const char *id = e->thought_delta->message_id;
      static char last[128];
      static uint64_t position;
      if (strcmp(last, id) != 0) position = 0;
      snprintf(last, sizeof last, "%s", id);
      acp_history_add(h, ACP_ROLE_THOUGHT, id, position, e->thought_delta->text,
                      strlen(e->thought_delta->text));
      position += strlen(e->thought_delta->text);
    } else if (e->body_case == BODY(TOOL_STARTED)) {
      acp_history_add_tool(h, e->tool_started->tool->tool_call_id);
    }
  }
}

static void conversation(const char *path, size_t asks, size_t resume_conversation,
                         bool resumed_too) {
  acp_history *history = acp_history_create();
  replay live, loaded;
  run(&live, path, 1, history, NULL);
  print_kinds(&live, path);
  for (size_t i = 0; i < KINDS_MAX; i++) assert_int_equal(live.kinds[i].silent, 0);
  char *said = all_text(&live.rec);
  assert_string_equal(said, live.text);
  free(said);
  assert_int_equal(live.rec.ask_count, asks);
  assert_true(live.answered >= asks - 1); /* one turn was cancelled with its ask open */
  for (size_t i = 0; i < live.rec.ask_count; i++) assert_false(live.rec.asks[i].open);
  remember(history, &live.rec);
  char *id = memory_string(json_string_value(live.main_id));
  replay_free(&live);
  /* The same session, loaded by a new process: known, all of it. */
  run(&loaded, path, 2, history, id);
  print_kinds(&loaded, "  loaded:");
  assert_true(loaded.rec.ready);
  assert_true(loaded.rec.loaded);
  size_t new_words = count_body(&loaded.rec, BODY(USER_MESSAGE)) +
                     count_body(&loaded.rec, BODY(ASSISTANT_MESSAGE)) +
                     count_body(&loaded.rec, BODY(THOUGHT)) +
                     count_body(&loaded.rec, BODY(TOOL_STARTED));
  assert_int_equal(new_words, resume_conversation);
  replay_free(&loaded);
  if (!resumed_too) {
    free(id);
    acp_history_destroy(history);
    return;
  }
  replay resumed;
  run(&resumed, path, 3, history, id);
  assert_true(resumed.rec.ready);
  said = all_text(&resumed.rec);
  assert_string_equal(said, resumed.text);
  free(said);
  replay_free(&resumed);
  free(id);
  acp_history_destroy(history);
}

static void opencode(void **state) {
  (void)state;
  conversation("tests/fixtures/acp/opencode.ndjson", 8, 0, true);
}

static void codex(void **state) {
  (void)state;
  /* It says something new while it loads: a warning about its configuration. */
  conversation("tests/fixtures/acp/codex.ndjson", 8, 1, true);
}

/* These were recorded through this adapter (tools/agents): what it answered then, it answers now.
 */
static void claude(void **state) {
  (void)state;
  conversation("tests/fixtures/acp/claude.ndjson", 8, 0, false);
}

static void gemini(void **state) {
  (void)state;
  conversation("tests/fixtures/acp/gemini.ndjson", 7, 0, false);
}

static void qwen(void **state) {
  (void)state;
  conversation("tests/fixtures/acp/qwen.ndjson", 8, 0, false);
}

static void copilot(void **state) {
  (void)state;
  conversation("tests/fixtures/acp/copilot.ndjson", 7, 0, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(opencode), cmocka_unit_test(codex),
                                     cmocka_unit_test(claude),   cmocka_unit_test(gemini),
                                     cmocka_unit_test(qwen),     cmocka_unit_test(copilot)};
  return cmocka_run_group_tests_name("acp_replay", tests, NULL, NULL);
}
