/* The pure parts: elevation, ids, framing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "elevation.h"
#include "json_mend.h"
#include "jsonrpc.h"
#include "memory.h"

static bool extra(void *user, const char *word) { return strcmp(word, user) == 0; }

static void elevating_modes(void **state) {
  static const struct {
    const char *agent, *mode;
    bool elevates;
  } cases[] = {
      {NULL, "default", false},
      {NULL, "plan", false},
      {NULL, "bypassPermissions", true},
      {NULL, "acceptEdits", true},
      {NULL, "yolo", true},
      {NULL, "danger-full-access", true},
      {NULL, "dontAsk", true},
      {NULL, "https://agentclientprotocol.com/protocol/session-modes#autopilot", true},
      {NULL, "https://agentclientprotocol.com/protocol/session-modes#plan", false},
      {NULL, "something", false},
      {"claude-agent-acp", "something", true}, /* unknown mode of a known agent */
      {"claude-agent-acp", "plan", false},
      {"@agentclientprotocol/codex-acp", "read-only", false},
      {"@agentclientprotocol/codex-acp", "agent-full-access", true},
      {"OpenCode", "build", false},
      {"OpenCode", "turbo-mine", true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    elevation e = {cases[i].agent, NULL, NULL};
    if (elevation_mode(&e, cases[i].mode) != cases[i].elevates)
      fail_msg("%s of %s", cases[i].mode, cases[i].agent);
  }
  char word[] = "something";
  elevation e = {NULL, extra, word};
  assert_true(elevation_mode(&e, "something"));
}

static void elevating_options(void **state) {
  elevation e = {NULL, NULL, NULL};
  (void)state;
  assert_false(elevation_option(&e, "model", "model", "auto"));
  assert_false(elevation_option(&e, "effort", "thought_level", "high"));
  assert_false(elevation_option(&e, "fast-mode", "model_config", "on"));
  assert_true(elevation_option(&e, "anything", "mode", "bypassPermissions"));
  assert_true(elevation_option(&e, "approval_policy", NULL, "never"));
  assert_false(elevation_option(&e, "approval_policy", NULL, "on-request"));
  assert_true(elevation_option(&e, "approval_policy", NULL, "whatever"));
  assert_true(elevation_option(&e, "sandbox_mode", NULL, "danger-full-access"));
  assert_true(elevation_option(&e, "yolo", NULL, "true"));
  assert_false(elevation_option(&e, "yolo", NULL, "false"));
}

/* ---- framing ---- */

static size_t answered;
static void on_send(void *user, const char *line, size_t bytes) {
  (void)line;
  (void)bytes;
  ++*(size_t *)user;
}
static void on_request(void *user, json_t *id, const char *method, json_t *params) {
  (void)user;
  (void)id;
  (void)method;
  (void)params;
}
static void on_notification(void *user, const char *method, json_t *params) {
  (void)user;
  (void)method;
  (void)params;
}
static void on_malformed(void *user, const char *line, size_t bytes, const char *why) {
  (void)user;
  (void)line;
  (void)bytes;
  (void)why;
}
static void on_answer(void *user, uint64_t context, json_t *result, json_t *error) {
  (void)user;
  (void)context;
  assert_true((result == NULL) != (error == NULL));
  answered++;
}

static const rpc_owner owner = {on_send, on_request, on_notification, on_malformed};

static void open_calls_are_bounded(void **state) {
  size_t sent = 0;
  (void)state;
  rpc *r = rpc_create(&owner, &sent);
  for (size_t i = 0; i < RPC_CALLS_MAX; i++)
    assert_true(rpc_call(r, "x", json_object(), on_answer, i));
  assert_false(rpc_call(r, "x", json_object(), on_answer, 0));
  assert_int_equal(sent, RPC_CALLS_MAX);
  static const char reply[] = "{\"jsonrpc\":\"2.0\",\"id\":5,\"result\":null}";
  rpc_feed(r, reply, sizeof reply - 1);
  assert_int_equal(answered, 0); /* no newline yet */
  rpc_end(r);
  assert_int_equal(answered, 1);
  rpc_feed(r, reply, sizeof reply - 1);
  rpc_feed(r, "\n", 1);
  assert_int_equal(answered, 1); /* nobody waits for that any more */
  assert_int_equal(rpc_malformed_count(r), 1);
  assert_true(rpc_call(r, "x", json_object(), on_answer, 0));
  rpc_abandon(r, "gone");
  assert_int_equal(answered, 1 + RPC_CALLS_MAX);
  rpc_destroy(r);
}

/* Ids that come back in another form are still ours. */
static void ids_in_other_forms(void **state) {
  (void)state;
  static const struct {
    const char *id;
    size_t answers;
  } cases[] = {{"0", 1},    {"0.0", 1},    {"\"0\"", 1},
               {"\"\"", 0}, {"\"0x\"", 0}, {"0.5", 0},
               {"-1", 0},   {"null", 0},   {"99999999999999999999", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char line[128];
    size_t sent = 0;
    answered = 0;
    rpc *r = rpc_create(&owner, &sent);
    assert_true(rpc_call(r, "x", json_object(), on_answer, 0));
    int bytes = snprintf(line, sizeof line, "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":null}\n",
                         cases[i].id);
    rpc_feed(r, line, (size_t)bytes);
    if (answered != cases[i].answers) fail_msg("id %s: %zu answers", cases[i].id, answered);
    rpc_destroy(r);
  }
}

static void mends_what_others_take(void **state) {
  (void)state;
  static const struct {
    const char *text, *mended;
  } cases[] = {
      {"{\"a\":1,\"b\":[true,null,-2.5e3]}", "{\"a\":1,\"b\":[true,null,-2.5e3]}"},
      {"9223372036854775807", "9223372036854775807"},
      {"9223372036854775808", "9223372036854775808.0"},
      {"-9223372036854775809", "-9223372036854775809.0"},
      {"[1e999,-1e999]", "[1.7976931348623157e308,-1.7976931348623157e308]"},
      {"\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""},
      {"\"\\ud83dx\"", "\"\xEF\xBF\xBDx\""},
      {"\"\\ude00\\ud83d\"", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\"\\\\ud83d\\\"\"", "\"\\\\ud83d\\\"\""},
      {"\"a\tb\x01\"", "\"a\\u0009b\\u0001\""},
      {"\"\xff\xc3(\xed\xa0\x80\"",
       "\"\xEF\xBF\xBD\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\"cut \\u12", "\"cut \\u12"},
      {"\"cut \\", "\"cut \\"},
      {"not json", "not json"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t bytes = 0;
    char *mended = json_mend(cases[i].text, strlen(cases[i].text), &bytes);
    assert_string_equal(mended, cases[i].mended);
    assert_int_equal(bytes, strlen(cases[i].mended));
    free(mended);
  }
  char *digits = malloc(5000);
  memset(digits, '9', 5000);
  size_t bytes = 0;
  char *mended = json_mend(digits, 5000, &bytes);
  assert_string_equal(mended, "1.7976931348623157e308");
  free(mended);
  free(digits);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elevating_modes),        cmocka_unit_test(elevating_options),
      cmocka_unit_test(open_calls_are_bounded), cmocka_unit_test(ids_in_other_forms),
      cmocka_unit_test(mends_what_others_take),
  };
  return cmocka_run_group_tests_name("cli_host_pure", tests, NULL, NULL);
}
