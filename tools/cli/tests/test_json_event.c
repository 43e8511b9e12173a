/* Messages as JSON, each compared with a line of text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_event.h"
#include "remote/v1/event.pb-c.h"

static void expect(const ProtobufCMessage *message, const char *text) {
  json_t *json = json_from_message(message);
  assert_non_null(json);
  char *dumped = json_dumps(json, JSON_COMPACT);
  assert_string_equal(dumped, text);
  free(dumped);
  json_decref(json);
}

static Remote__V1__Event event_with(Remote__V1__Event__BodyCase body, void *message) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.at_ms = 1700000000123;
  event.body_case = body;
  event.session_started = message; /* members of a oneof share their place */
  return event;
}

static void defaults_are_left_out(void **state) {
  (void)state;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__TitleChanged title = REMOTE__V1__TITLE_CHANGED__INIT;
  expect(&event.base, "{}");
  event = event_with(REMOTE__V1__EVENT__BODY_TITLE_CHANGED, &title);
  expect(&event.base, "{\"at_ms\":1700000000123,\"title_changed\":{}}");
  Remote__V1__ToolContent content = REMOTE__V1__TOOL_CONTENT__INIT;
  char empty[] = "";
  content.content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_TEXT;
  content.text = empty;
  expect(&content.base, "{\"text\":\"\"}");
}

static void enums_are_names(void **state) {
  (void)state;
  Remote__V1__AskOption option = REMOTE__V1__ASK_OPTION__INIT;
  option.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE;
  expect(&option.base, "{\"kind\":\"allow_once\"}");
  int later = 99;
  memcpy(&option.kind, &later, sizeof later);
  expect(&option.base, "{\"kind\":99}");
  Remote__V1__StatusChanged status = REMOTE__V1__STATUS_CHANGED__INIT;
  status.status = REMOTE__V1__STATUS__STATUS_NEEDS_INPUT;
  expect(&status.base, "{\"status\":\"needs_input\"}");
}

static void bytes_are_ids_text_or_base64(void **state) {
  (void)state;
  uint8_t id[16] = {0xab, 1, 0xff};
  Remote__V1__ToolAuthorized authorized = REMOTE__V1__TOOL_AUTHORIZED__INIT;
  authorized.ask_id = (ProtobufCBinaryData){16, id};
  expect(&authorized.base, "{\"ask_id\":\"ab01ff00000000000000000000000000\"}");
  Remote__V1__Location location = REMOTE__V1__LOCATION__INIT;
  uint8_t path[] = "/tmp/0123456789\xc3\xa9";
  location.path = (ProtobufCBinaryData){17, path};
  location.line = 3;
  expect(&location.base, "{\"path\":\"/tmp/0123456789\xc3\xa9\",\"line\":3}");
  location.line = 0;
  location.path.len = 16; /* a character is cut: 16 bytes, but not an id */
  expect(&location.base, "{\"path\":{\"base64\":\"L3RtcC8wMTIzNDU2Nzg5ww==\"}}");
  uint8_t raw[] = {0xff, 0xfe, 0xfd, 0xfc, 0xfb};
  static const char *const encoded[] = {"/w==", "//4=", "//79", "//79/A==", "//79/Ps="};
  for (size_t n = 1; n <= 5; n++) {
    char line[64];
    location.path = (ProtobufCBinaryData){n, raw};
    snprintf(line, sizeof line, "{\"path\":{\"base64\":\"%s\"}}", encoded[n - 1]);
    expect(&location.base, line);
  }
  uint8_t nul[] = {'a', 0, 'b'};
  location.path = (ProtobufCBinaryData){3, nul};
  expect(&location.base, "{\"path\":\"a\\u0000b\"}");
}

static void numbers_stay_exact(void **state) {
  (void)state;
  Remote__V1__Usage usage = REMOTE__V1__USAGE__INIT;
  usage.context_tokens = (UINT64_C(1) << 53) - 1;
  usage.context_size = UINT64_C(1) << 53;
  usage.cost_micros = UINT64_MAX;
  expect(&usage.base,
         "{\"context_tokens\":9007199254740991,\"context_size\":\"9007199254740992\","
         "\"cost_micros\":\"18446744073709551615\"}");
  Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
  ended.exit_code = -1;
  ended.exit_known = 1;
  expect(&ended.base, "{\"exit_code\":-1,\"exit_known\":true}");
}

static void lists_and_members_nest(void **state) {
  (void)state;
  char more[] = "b", text[] = "line\n\"quoted\"";
  char *ids[] = {more, more};
  Remote__V1__AnswerContent answer = REMOTE__V1__ANSWER_CONTENT__INIT;
  answer.n_more_option_ids = 2;
  answer.more_option_ids = ids;
  answer.text = text;
  Remote__V1__AskResolved resolved = REMOTE__V1__ASK_RESOLVED__INIT;
  resolved.answer = &answer;
  resolved.outcome = REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED;
  Remote__V1__Event event = event_with(REMOTE__V1__EVENT__BODY_ASK_RESOLVED, &resolved);
  expect(&event.base,
         "{\"at_ms\":1700000000123,\"ask_resolved\":{\"outcome\":\"answered\",\"answer\":"
         "{\"more_option_ids\":[\"b\",\"b\"],\"text\":\"line\\n\\\"quoted\\\"\"}}}");
  uint8_t id[16] = {1};
  ProtobufCBinaryData list[2] = {{16, id}, {16, id}};
  Remote__V1__QueryOutcome query = REMOTE__V1__QUERY_OUTCOME__INIT;
  query.n_command_ids = 2;
  query.command_ids = list;
  expect(&query.base,
         "{\"command_ids\":[\"01000000000000000000000000000000\","
         "\"01000000000000000000000000000000\"]}");
  Remote__V1__PlanEntry entry = REMOTE__V1__PLAN_ENTRY__INIT, *entries[] = {&entry};
  Remote__V1__PlanUpdated plan = REMOTE__V1__PLAN_UPDATED__INIT;
  plan.n_entries = 1;
  plan.entries = entries;
  expect(&plan.base, "{\"entries\":[{}]}");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(defaults_are_left_out),        cmocka_unit_test(enums_are_names),
      cmocka_unit_test(bytes_are_ids_text_or_base64), cmocka_unit_test(numbers_stay_exact),
      cmocka_unit_test(lists_and_members_nest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
