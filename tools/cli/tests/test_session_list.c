/* Finding the session and the ask that a person means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session_list.h"

static remote_v1_SessionEntry entries[4];
static session_list list = {entries, 4, 4, false};

static void entry(size_t at, const char *hex, const char *title, bool attached, uint64_t ms) {
  remote_v1_SessionEntry *e = &entries[at];
  lrm_id id;
  memset(e, 0, sizeof *e);
  assert_int_equal(0, lrm_id_parse(hex, 32, &id));
  memcpy(e->session_id.bytes, id.bytes, 16);
  e->session_id.size = 16;
  e->has_description = e->has_info = e->has_status = true;
  snprintf(e->description.title, sizeof e->description.title, "%s", title);
  e->status.host_attached = attached;
  e->activity_ms = ms;
}

static int fill(void **state) {
  (void)state;
  entry(0, "abcdef00000000000000000000000001", "Fix the parser", true, 10);
  entry(1, "abcd1100000000000000000000000002", "Fix", false, 30);
  entry(2, "12340000000000000000000000000003", "abc", false, 20);
  entry(3, "12350000000000000000000000000004", "", false, 20);
  return 0;
}

static void expect(const char *word, exit_code result, size_t at) {
  size_t index = 99;
  assert_int_equal(result, session_list_find(&list, word, &index));
  if (!result) assert_int_equal(at, index);
}

static void finds_by_prefix(void **state) {
  fill(state);
  expect("abcde", EXIT_CODE_DONE, 0);
  expect("ABCDE", EXIT_CODE_DONE, 0);
  expect("abcd", EXIT_CODE_USAGE, 0);
  expect("1234", EXIT_CODE_DONE, 2);
  expect("123", EXIT_CODE_USAGE, 0);
  expect("fix the", EXIT_CODE_DONE, 0);
  expect("f", EXIT_CODE_USAGE, 0);
  expect("fIx", EXIT_CODE_DONE, 1); /* a whole title beats the beginning of another */
  expect("abc", EXIT_CODE_DONE, 2); /* … and the beginning of ids */
  expect("abcdef00000000000000000000000001", EXIT_CODE_DONE, 0);
  expect("abcdef000000000000000000000000011", EXIT_CODE_NOT_FOUND, 0);
  expect("x", EXIT_CODE_NOT_FOUND, 0);
  expect("", EXIT_CODE_NOT_FOUND, 0);
}

static void finds_the_only_live_one(void **state) {
  fill(state);
  expect(NULL, EXIT_CODE_DONE, 0);
  entries[2].status.host_attached = true;
  expect(NULL, EXIT_CODE_USAGE, 0);
  entries[0].status.host_attached = entries[2].status.host_attached = false;
  expect(NULL, EXIT_CODE_NOT_FOUND, 0);
}

static void sorts_newest_first(void **state) {
  fill(state);
  session_list_sort(&list);
  assert_int_equal(30, entries[0].activity_ms);
  assert_string_equal("abc", entries[1].description.title); /* equal times: by id */
  assert_int_equal(10, entries[3].activity_ms);
}

static void compares_prefixes_of_ids(void **state) {
  (void)state;
  static const uint8_t id[] = {0x12, 0xAB, 0xC0}; /* the third is not part of it */
  assert_true(id_has_prefix(id, 2, "1"));
  assert_true(id_has_prefix(id, 2, "12a"));
  assert_true(id_has_prefix(id, 2, "12aB"));
  assert_false(id_has_prefix(id, 2, "12abc"));
  assert_false(id_has_prefix(id, 2, "2"));
  assert_false(id_has_prefix(id, 2, ""));
  assert_false(id_has_prefix(id, 0, "1"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finds_by_prefix),
      cmocka_unit_test(finds_the_only_live_one),
      cmocka_unit_test(sorts_newest_first),
      cmocka_unit_test(compares_prefixes_of_ids),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
