/* Streams are written once, however deltas are cut, doubled or lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_each_byte_once),
      cmocka_unit_test(says_when_text_was_replaced),
      cmocka_unit_test(goes_on_after_a_note),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
