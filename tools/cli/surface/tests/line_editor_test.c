/* What keys do to a text, and how it is laid out in rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "line_editor.h"
#include "random.h"

static line_editor e;
static int entered;

static void on_key(void *user, const key_press *key) {
  (void)user;
  if (line_editor_key(&e, key) == LINE_ENTERED) entered++;
}

static void type(const char *bytes) {
  keys k;
  keys_init(&k);
  keys_feed(&k, bytes, strlen(bytes), on_key, NULL);
  keys_flush(&k, on_key, NULL);
}

static int begin(void **state) {
  (void)state;
  line_editor_init(&e);
  entered = 0;
  return 0;
}
static int end(void **state) {
  (void)state;
  line_editor_free(&e);
  return 0;
}

/* The text with ‸ where the cursor stands. */
static const char *shown(void) {
  static char out[4096];
  snprintf(out, sizeof out, "%.*s^%s", (int)e.cursor, e.text, e.text + e.cursor);
  return out;
}

static void moves(void **state) {
  (void)state;
  type("one two-three");
  type(
      "\x1b"
      "b");
  assert_string_equal(shown(), "one two-^three");
  type(
      "\x1b"
      "b\x1b"
      "b");
  assert_string_equal(shown(), "^one two-three");
  type(
      "\x1b"
      "f");
  assert_string_equal(shown(), "one^ two-three");
  type("\x05!\x01?");
  assert_string_equal(shown(), "?^one two-three!");
}

static void kills_and_yanks(void **state) {
  (void)state;
  type("alpha beta gamma");
  type("\x17\x17");
  assert_string_equal(shown(), "alpha ^");
  type("\x01\x19"); /* kills in a row are one text */
  assert_string_equal(shown(), "beta gamma^alpha ");
  type("\x0b");
  assert_string_equal(shown(), "beta gamma^");
  type("\x15");
  assert_string_equal(shown(), "^");
  type("\x19");
  assert_string_equal(shown(), "beta gammaalpha ^");
}

static void characters_are_whole(void **state) {
  (void)state;
  type(
      "a\xc3\xbc\xe6\x97\xa5"
      "e\xcc\x81"); /* e with an accent of its own */
  type("\x7f");
  assert_string_equal(shown(), "a\xc3\xbc\xe6\x97\xa5^");
  type("\x02\x02x");
  assert_string_equal(shown(), "ax^\xc3\xbc\xe6\x97\xa5");
  type("\x04");
  assert_string_equal(shown(), "ax^\xe6\x97\xa5");
}

static void undo(void **state) {
  (void)state;
  type("one");
  type("\x17");
  type("two");
  type("\x1f");
  assert_string_equal(shown(), "^");
  type("\x1f");
  assert_string_equal(shown(), "one^");
  type("\x1f");
  assert_string_equal(shown(), "^");
  type("\x1f");
  type("\x1b[200~a\nb\x1b[201~");
  type("c\x1f");
  assert_string_equal(shown(), "a\nb^");
  type("\x1f");
  assert_string_equal(shown(), "^");
  type("gone");
  line_editor_give_up(&e);
  type("\x1f");
  assert_string_equal(shown(), "gone^");
}

static void several_lines(void **state) {
  (void)state;
  type("one\ntwo \x1b\rthree");
  assert_string_equal(e.text, "one\ntwo \nthree");
  assert_int_equal(entered, 0);
  type("\x1b[A\x1b[A");
  assert_string_equal(shown(), "one^\ntwo \nthree"); /* aims at column 5 */
  type("\x1b[B\x1b[B");
  assert_string_equal(shown(), "one\ntwo \nthree^");
  type("\x01\x0b\x0b");
  assert_string_equal(shown(), "one\ntwo \n^");
  type("x\r");
  assert_int_equal(entered, 1);
}

static void a_backslash_goes_on(void **state) {
  (void)state;
  type("one\\\rtwo");
  assert_string_equal(e.text, "one\ntwo");
  type("\\\\\r");
  assert_int_equal(entered, 1); /* an escaped one does not */
}

static void rows_are_wrapped(void **state) {
  (void)state;
  line_row rows[10];
  size_t row, column, above, below;
  line_editor_width(&e, 10);
  type(
      "hello wide world \xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e.");
  size_t count = line_editor_rows(&e, rows, 10, &row, &column, &above, &below);
  assert_int_equal(count, 4);
  assert_int_equal(rows[1].from, 11);              /* breaks stand behind spaces */
  assert_int_equal(rows[2].to - rows[2].from, 15); /* five wide ones */
  assert_int_equal(row, 3);
  assert_int_equal(column, 3);
  assert_int_equal(above + below, 0);
  count = line_editor_rows(&e, rows, 2, &row, &column, &above, &below);
  assert_int_equal(count, 2);
  assert_int_equal(above, 2);
  assert_int_equal(row, 1);
  /* The cursor is at home in exactly one row, wherever it is. */
  for (e.cursor = 0; e.cursor <= e.bytes; e.cursor++) {
    if (e.cursor < e.bytes && ((uint8_t)e.text[e.cursor] & 0xC0) == 0x80) continue;
    count = line_editor_rows(&e, rows, 10, &row, &column, &above, &below);
    assert_true(row < count && rows[row].from <= e.cursor && e.cursor <= rows[row].to);
    assert_in_range(column, 0, 10);
  }
}

static void what_deceives_is_shown(void **state) {
  char out[64];
  (void)state;
  type(
      "\x1b[200~a\tb\xe2\x80\xae"
      "c\x1b[201~");
  line_editor_show(&e, 0, e.bytes, out, sizeof out);
  assert_string_equal(out,
                      "a    b\xef\xbf\xbd"
                      "c");
}

static void full(void **state) {
  (void)state;
  static char big[LINE_BYTES_MAX + 1];
  memset(big, 'x', LINE_BYTES_MAX);
  line_editor_set(&e, big);
  assert_int_equal(e.bytes, LINE_BYTES_MAX);
  assert_int_equal(line_editor_key(&e, &(key_press){.name = KEY_TEXT, .text = "y", .bytes = 1}),
                   LINE_FULL);
  assert_int_equal(e.bytes, LINE_BYTES_MAX);
  type("\x7f\x7fyz");
  assert_int_equal(e.bytes, LINE_BYTES_MAX);
  assert_string_equal(e.text + LINE_BYTES_MAX - 3, "xyz");
}

/* Any keys: the text stays terminated, whole and within its limit, the cursor at a character. */
static void random_keys(void **state) {
  static const char *const keys_[] = {"a",
                                      " ",
                                      "\xc3\xbc",
                                      "\xe6\x97\xa5",
                                      "\xcc\x81",
                                      "\n",
                                      "\x7f",
                                      "\x01",
                                      "\x02",
                                      "\x04",
                                      "\x05",
                                      "\x06",
                                      "\x0b",
                                      "\x14",
                                      "\x15",
                                      "\x17",
                                      "\x19",
                                      "\x1f",
                                      "\x1b[A",
                                      "\x1b[B",
                                      "\x1b[C",
                                      "\x1b[D",
                                      "\x1b"
                                      "b",
                                      "\x1b"
                                      "f",
                                      "\x1b"
                                      "d",
                                      "\x1b\x7f",
                                      "\x1b<",
                                      "\x1b>",
                                      "\x1b[200~p\tq\x1b[201~"};
  (void)state;
  random_seed(7);
  for (int i = 0; i < 20000; i++) {
    type(keys_[(size_t)random_next() % (sizeof keys_ / sizeof *keys_)]);
    assert_int_equal(strlen(e.text), e.bytes);
    assert_true(e.cursor <= e.bytes && ((uint8_t)e.text[e.cursor] & 0xC0) != 0x80);
    assert_true(e.undo_count <= LINE_UNDO_MAX && e.undo_bytes <= LINE_UNDO_BYTES_MAX);
    if (e.bytes > 300) line_editor_clear(&e);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void) {
  const struct CMUnitTest tests[] = {TEST(moves),
                                     TEST(kills_and_yanks),
                                     TEST(characters_are_whole),
                                     TEST(undo),
                                     TEST(several_lines),
                                     TEST(a_backslash_goes_on),
                                     TEST(rows_are_wrapped),
                                     TEST(what_deceives_is_shown),
                                     TEST(full),
                                     TEST(random_keys)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
