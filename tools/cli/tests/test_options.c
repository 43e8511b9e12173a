/* The flag parser: forms of flags, errors, suggestions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "options.h"

static bool steer;
static const char *wait_for, *from, *resume;
static option_list files;
static const option flags[] = {
    {"steer", OPTION_FLAG, &steer, NULL, "h", NULL},
    {"wait", OPTION_OPTIONAL, &wait_for, "UNTIL", "h", "outcome"},
    {"from", OPTION_VALUE, &from, "OFFSET", "h", NULL},
    {"resume", OPTION_MAYBE, &resume, "ID", "h", ""},
    {"attach", OPTION_LIST, &files, "FILE", "h", NULL},
};
static option_usage usage = {"remote test", NULL, flags, 5, false};

static option_result parse(option_words *words, const char *a, const char *b, const char *c,
                           const char *d) {
  static char storage[5][64];
  static char *argv[6]; /* the words point into it */
  const char *given[] = {"test", a, b, c, d};
  int argc = 0;
  for (; argc < 5 && given[argc]; argc++) {
    snprintf(storage[argc], sizeof storage[argc], "%s", given[argc]);
    argv[argc] = storage[argc];
  }
  argv[argc] = NULL;
  steer = false;
  wait_for = from = resume = NULL;
  files = (option_list){0};
  return options_parse(&usage, argc, argv, words);
}

static void takes_every_form(void **state) {
  (void)state;
  option_words w;
  assert_int_equal(OPTION_OK, parse(&w, "--steer", "--wait", "--from=3", "text"));
  assert_true(steer);
  assert_string_equal("outcome", wait_for);
  assert_string_equal("3", from);
  assert_int_equal(1, w.count);
  assert_string_equal("text", w.words[0]);
  assert_int_equal(OPTION_OK, parse(&w, "--from", "-4", "--wait=idle", "-"));
  assert_string_equal("-4", from);
  assert_string_equal("idle", wait_for);
  assert_string_equal("-", w.words[0]);
  assert_int_equal(OPTION_OK, parse(&w, "--resume", "abc", "--resume", NULL));
  assert_string_equal("", resume);
  assert_int_equal(OPTION_OK, parse(&w, "--resume", "abc", NULL, NULL));
  assert_string_equal("abc", resume);
  assert_int_equal(OPTION_OK, parse(&w, "--attach", "a", "--attach=b", NULL));
  assert_int_equal(2, files.count);
  assert_string_equal("b", files.items[1]);
}

static void ends_flags_at_two_dashes(void **state) {
  (void)state;
  option_words w;
  assert_int_equal(OPTION_OK, parse(&w, "a", "--", "--steer", NULL));
  assert_int_equal(2, w.count);
  assert_string_equal("--steer", w.words[1]);
  assert_false(steer);
  usage.command_follows = true;
  assert_int_equal(OPTION_OK, parse(&w, "a", "--", "agent", "--flag"));
  usage.command_follows = false;
  assert_int_equal(1, w.count);
  assert_int_equal(2, w.rest_count);
  assert_string_equal("--flag", w.rest[1]);
  assert_null(w.rest[2]);
  assert_int_equal(OPTION_WRONG, parse(&w, "--from", "--", NULL, NULL));
}

static void refuses_what_it_does_not_know(void **state) {
  (void)state;
  option_words w;
  assert_int_equal(OPTION_WRONG, parse(&w, "--stear", NULL, NULL, NULL));
  assert_int_equal(OPTION_WRONG, parse(&w, "-s", NULL, NULL, NULL));
  assert_int_equal(OPTION_WRONG, parse(&w, "--steer=1", NULL, NULL, NULL));
  assert_int_equal(OPTION_WRONG, parse(&w, "--from", NULL, NULL, NULL));
  assert_int_equal(OPTION_HELP, parse(&w, "--help", NULL, NULL, NULL));
}

static void suggests(void **state) {
  (void)state;
  static const char *const names[] = {"attach", "approve", "asks", "watch"};
  assert_string_equal("attach", options_nearest("atach", names, 4));
  assert_string_equal("approve", options_nearest("aprove", names, 4));
  assert_null(options_nearest("zzzzz", names, 4));
}

static void reads_seconds(void **state) {
  (void)state;
  unsigned long long ms;
  assert_int_equal(0, options_seconds("1.5", &ms));
  assert_int_equal(1500, ms);
  assert_int_equal(0, options_seconds("0", &ms));
  static const char *const bad[] = {"", "-1", "x", "1x", "inf", "nan", "1e99", " 1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(-1, options_seconds(bad[i], &ms));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_every_form),
      cmocka_unit_test(ends_flags_at_two_dashes),
      cmocka_unit_test(refuses_what_it_does_not_know),
      cmocka_unit_test(suggests),
      cmocka_unit_test(reads_seconds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
