/* The pure parts: elevation, ids, framing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "elevation.h"
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

static void open_calls_are_bounded(void **state) {
  static const rpc_owner owner = {on_send, on_request, on_notification, on_malformed};
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(elevating_modes),
      cmocka_unit_test(elevating_options),
      cmocka_unit_test(open_calls_are_bounded),
  };
  return cmocka_run_group_tests_name("cli_host_pure", tests, NULL, NULL);
}
