/* What was written before: kept, bounded, private, looked up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "line_history.h"

static char folder[] = "/tmp/remote-line-history-XXXXXX";
static char path[64];

static int begin(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/remote-line-history-XXXXXX");
  if (mkdtemp(folder) == NULL) return -1;
  snprintf(path, sizeof path, "%s/history", folder);
  return 0;
}
static int end(void **state) {
  (void)state;
  unlink(path);
  rmdir(folder);
  return 0;
}

static void is_kept(void **state) {
  line_history h;
  struct stat status;
  (void)state;
  line_history_open(&h, path);
  line_history_add(&h, "first");
  line_history_add(&h, "two\nlines and a \\n that is none");
  line_history_add(&h, " a space in front: not kept");
  line_history_add(&h, "first");
  line_history_close(&h);
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  line_history_open(&h, path);
  assert_int_equal(h.count, 2);
  assert_string_equal(h.entries[0], "two\nlines and a \\n that is none");
  assert_string_equal(h.entries[1], "first");
  line_history_close(&h);
}

static void is_bounded(void **state) {
  line_history h;
  char text[64];
  static char big[LINE_HISTORY_ENTRY_BYTES_MAX + 2];
  (void)state;
  line_history_open(&h, path);
  for (unsigned i = 0; i < LINE_HISTORY_ENTRIES_MAX + 50; i++) {
    snprintf(text, sizeof text, "entry %u", i);
    line_history_add(&h, text);
  }
  assert_int_equal(h.count, LINE_HISTORY_ENTRIES_MAX);
  assert_string_equal(h.entries[0], "entry 50");
  memset(big, 'x', sizeof big - 1);
  line_history_add(&h, big);
  assert_int_equal(h.count, LINE_HISTORY_ENTRIES_MAX);
  assert_string_equal(h.entries[h.count - 1], "entry 1049");
  line_history_close(&h);
}

static void the_file_is_bounded(void **state) {
  line_history h;
  struct stat status;
  static char text[8000];
  (void)state;
  line_history_open(&h, path);
  for (unsigned i = 0; i < 400; i++) {
    memset(text, 'a', sizeof text - 1);
    snprintf(text, 16, "%u ", i);
    text[strlen(text)] = 'b';
    line_history_add(&h, text);
  }
  assert_int_equal(stat(path, &status), 0);
  assert_in_range(status.st_size, 1, 1024 * 1024 + 8192);
  assert_int_equal(status.st_mode & 0777, 0600);
  line_history_close(&h);
}

static void a_strange_file_is_left_alone(void **state) {
  line_history h;
  char target[80];
  (void)state;
  snprintf(target, sizeof target, "%s/target", folder);
  assert_int_equal(symlink(target, path), 0);
  line_history_open(&h, path);
  line_history_add(&h, "not through a link");
  assert_int_not_equal(access(target, F_OK), 0);
  assert_int_equal(h.count, 1);
  line_history_close(&h);
}

static void is_looked_up(void **state) {
  line_history h;
  (void)state;
  line_history_open(&h, NULL);
  line_history_add(&h, "git status");
  line_history_add(&h, "make test");
  line_history_add(&h, "git Push");
  assert_int_equal(line_history_before(&h, SIZE_MAX, "git", 3), 2);
  assert_int_equal(line_history_before(&h, 2, "git", 3), 0);
  assert_int_equal(line_history_before(&h, 0, "git", 3), SIZE_MAX);
  assert_int_equal(line_history_after(&h, 0, "git", 3), 2);
  assert_int_equal(line_history_after(&h, 2, "", 0), SIZE_MAX);
  assert_int_equal(line_history_find(&h, SIZE_MAX, "push"), 2);
  assert_int_equal(line_history_find(&h, 2, "t"), 1);
  assert_int_equal(line_history_find(&h, SIZE_MAX, "nothing"), SIZE_MAX);
  line_history_close(&h);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
  const struct CMUnitTest tests[] = {TEST(is_kept), TEST(is_bounded), TEST(the_file_is_bounded),
                                     TEST(a_strange_file_is_left_alone), TEST(is_looked_up)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
