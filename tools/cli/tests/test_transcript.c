/* Streams are written once, however deltas are cut, doubled or lost; and the line editor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "line_editor.h"
#include "transcript.h"

static char written[65536];
static size_t written_bytes;

static void take(void *user, const char *text, size_t bytes) {
  (void)user;
  assert_true(written_bytes + bytes < sizeof written);
  memcpy(written + written_bytes, text, bytes);
  written_bytes += bytes;
  written[written_bytes] = 0;
}

static void begin(transcript *t) {
  written_bytes = 0;
  written[0] = 0;
  transcript_options look = transcript_options_for(0, false, false);
  transcript_init(t, take, NULL, &look);
}

static char message_id[] = "m1";

static void delta(transcript *t, const char *text, size_t from, size_t to) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__AssistantDelta body = REMOTE__V1__ASSISTANT_DELTA__INIT;
  char part[512];
  memcpy(part, text + from, to - from);
  part[to - from] = 0;
  body.message_id = message_id;
  body.position = from;
  body.text = part;
  event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA;
  event.assistant_delta = &body;
  transcript_event(t, &event);
}

static void whole(transcript *t, const char *text) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__AssistantMessage body = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
  char *copy = strdup(text);
  body.message_id = message_id;
  body.text = copy;
  event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE;
  event.assistant_message = &body;
  transcript_event(t, &event);
  free(copy);
}

static void writes_each_byte_once(void **state) {
  (void)state;
  static const char text[] = "The quick brown fox jumps over the lazy dog, 0123456789 times.";
  size_t bytes = sizeof text - 1;
  unsigned seed = (unsigned)time(NULL);
  print_message("seed %u\n", seed);
  for (int round = 0; round < 500; round++) {
    transcript t;
    begin(&t);
    size_t at = 0;
    for (int i = 0; i < 20 && at < bytes; i++) {
      size_t from = at, to = at + (size_t)rand_r(&seed) % (bytes - at + 1);
      if (rand_r(&seed) % 3 == 0) from = (size_t)rand_r(&seed) % (at + 1); /* some of it twice */
      if (rand_r(&seed) % 5 == 0 && at) from += (size_t)rand_r(&seed) % (bytes - from); /* a hole */
      if (to < from) to = from;
      delta(&t, text, from, to);
      if (from <= at && to > at) at = to;
    }
    whole(&t, text);
    whole(&t, text); /* a second time: nothing */
    assert_int_equal(bytes + 1, written_bytes);
    assert_memory_equal(text, written, bytes);
    assert_int_equal('\n', written[bytes]);
  }
}

static void says_when_text_was_replaced(void **state) {
  (void)state;
  transcript t;
  begin(&t);
  delta(&t, "lost text", 0, 9);
  whole(&t, "other text that is longer");
  assert_string_equal(
      "lost text\n(the text above was replaced by this:)\n"
      "other text that is longer\n",
      written);
}

static void goes_on_after_a_note(void **state) {
  (void)state;
  transcript t;
  begin(&t);
  delta(&t, "one two", 0, 3);
  transcript_note(&t, "a %s", "note\x1b[2J");
  delta(&t, "one two", 3, 7);
  assert_string_equal("one\na note\xE2\x90\x9B[2J\n two", written);
}

/* ---- the line editor ---- */

static char entered[512];
static int last_key;

static void on_key(void *user, line_key key, const char *line) {
  (void)user;
  last_key = (int)key;
  snprintf(entered, sizeof entered, "%s", line);
}

static void type(line_editor *e, const char *keys, int key, const char *line) {
  last_key = 0;
  entered[0] = 0;
  line_editor_feed(e, keys, strlen(keys), on_key, NULL);
  assert_int_equal(key, last_key);
  assert_string_equal(line, entered);
}

static void edits_a_line(void **state) {
  (void)state;
  static line_editor e;
  line_editor_init(&e);
  type(&e, "hello\r", LINE_ENTERED, "hello");
  type(&e, "hällo\x7f\x7f\x7f\x7fx\r", LINE_ENTERED, "hx");
  type(&e,
       "bc\x01"
       "a\x05"
       "d\r",
       LINE_ENTERED, "abcd");
  type(&e, "ac\x1b[Db\r", LINE_ENTERED, "abc");
  type(&e, "one two\x17three\r", LINE_ENTERED, "one three");
  type(&e, "x\x15y\r", LINE_ENTERED, "y");
  type(&e, "\x1b[A\x1b[A\r", LINE_ENTERED, "one three");
  type(&e, "ab\x1b[3~\x1b[D\x1b[3~\r", LINE_ENTERED, "a");
  type(&e, "abc\x03", LINE_INTERRUPT, "abc");
  type(&e, "\x04", LINE_END, "");
  type(&e, "\x1b[200~a\rb\x1b[201~\r", LINE_ENTERED, "a\nb");
  type(&e, "\x1b[999;999;999;999;999Rz\r", LINE_ENTERED, "z");
  line_editor_free(&e);
}

static void stays_within_its_limit(void **state) {
  (void)state;
  static line_editor e;
  line_editor_init(&e);
  for (int i = 0; i < LINE_BYTES_MAX + 10; i++) line_editor_feed(&e, "x", 1, on_key, NULL);
  assert_true(e.full);
  assert_int_equal(LINE_BYTES_MAX - 1, e.bytes);
  line_editor_free(&e);
}

static void draws_around_the_cursor(void **state) {
  (void)state;
  static line_editor e;
  char out[256];
  size_t column;
  line_editor_init(&e);
  line_editor_feed(&e, "0123456789abcdef", 16, on_key, NULL);
  line_editor_render(&e, "> ", 10, out, sizeof out, &column);
  assert_string_equal("> 9abcdef", out);
  assert_int_equal(9, column);
  line_editor_feed(&e, "\x01", 1, on_key, NULL);
  line_editor_render(&e, "> ", 10, out, sizeof out, &column);
  assert_int_equal(2, column);
  assert_string_equal("> 012345…", out);
  line_editor_free(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_each_byte_once),  cmocka_unit_test(says_when_text_was_replaced),
      cmocka_unit_test(goes_on_after_a_note),   cmocka_unit_test(edits_a_line),
      cmocka_unit_test(stays_within_its_limit), cmocka_unit_test(draws_around_the_cursor),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
