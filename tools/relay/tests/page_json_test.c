/* The JSON that the relay's page sends: what is read, what is refused, and what is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "page_json.h"

static char a[8], b[8];
static bool truth;

static bool reads(const char *text) {
  const page_member members[] = {{.name = "a", .text = a, .text_bytes = sizeof a},
                                 {.name = "b", .text = b, .text_bytes = sizeof b},
                                 {.name = "t", .truth = &truth}};
  a[0] = b[0] = '\0';
  truth = false;
  return page_json_read((const uint8_t *)text, strlen(text), members, 3) == NULL;
}

static void reads_objects(void **state) {
  (void)state;
  assert_true(reads("{}"));
  assert_true(reads(" {\n} "));
  assert_true(reads("{\"a\":\"x\"}"));
  assert_string_equal(a, "x");
  assert_true(
      reads("{\"b\" : \"1234567\" , \"c\":null,\"d\":-1.5e3,\"e\":false,\"t\":true,\"f\":\""
            "long text of nobody\"}"));
  assert_string_equal(b, "1234567");
  assert_true(truth);
  assert_true(reads("{\"a\":\"\\u00e4\\ud83d\\ude00\\n\"}"));
  assert_string_equal(a, "\xc3\xa4\xf0\x9f\x98\x80\n");
  assert_true(reads("{\"a\":\"\\\"\\\\\\/\"}"));
  assert_string_equal(a, "\"\\/");
  assert_true(reads("{\"a\":7,\"t\":\"true\"}"));
  assert_string_equal(a, "");
  assert_false(truth);
}

static void refuses_the_rest(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "{",
                                    "}",
                                    "[]",
                                    "\"a\"",
                                    "{\"a\"}",
                                    "{\"a\":}",
                                    "{\"a\":\"x\",}",
                                    "{\"a\":\"x\"}}",
                                    "{\"a\":\"x\"} x",
                                    "{a:\"x\"}",
                                    "{\"a\":\"x}",
                                    "{\"a\":\"12345678\"}",
                                    "{\"a\":{}}",
                                    "{\"a\":[]}",
                                    "{\"a\":\"\\x\"}",
                                    "{\"a\":\"\\u00\"}",
                                    "{\"a\":\"\\u0000\"}",
                                    "{\"a\":\"\\ud800\"}",
                                    "{\"a\":\"\\ude00\"}",
                                    "{\"a\":\"\\ud800\\u0041\"}",
                                    "{\"a\":\"\n\"}",
                                    "{\"a\":\"\xff\"}",
                                    "{\"a\":\"\xc0\x80\"}",
                                    "{\"a\":\"\xed\xa0\x80\"}",
                                    "{\"a\":\"\xe2\x82\"}",
                                    "{\"a\":tru}",
                                    "{\"a\" \"x\"}",
                                    "{,}",
                                    "{\"a name that is longer than any of ours\":1}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (reads(bad[i])) fail_msg("read: %s", bad[i]);
  }
}

static void writes_objects(void **state) {
  (void)state;
  page_json json;
  page_json_begin(&json);
  page_json_end(&json);
  assert_string_equal(json.text, "{}");
  page_json_begin(&json);
  page_json_text(&json, "a", "x\"\\\n\xc3\xa4");
  page_json_number(&json, "n", UINT64_MAX);
  page_json_truth(&json, "t", true);
  page_json_end(&json);
  assert_string_equal(
      json.text,
      "{\"a\":\"x\\u0022\\u005c\\u000a\xc3\xa4\",\"n\":18446744073709551615,\"t\":true}");
  assert_int_equal(json.bytes, strlen(json.text));
  /* What does not fit is left out whole. */
  char large[3000];
  memset(large, 'x', sizeof large - 1);
  large[sizeof large - 1] = '\0';
  page_json_begin(&json);
  page_json_text(&json, "a", large);
  page_json_truth(&json, "t", true);
  page_json_end(&json);
  assert_string_equal(json.text, "{}");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reads_objects),
                                     cmocka_unit_test(refuses_the_rest),
                                     cmocka_unit_test(writes_objects)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
