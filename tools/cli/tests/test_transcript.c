/* Streams are written once, however deltas are cut, doubled or lost; cards are what they seem. */
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

/* ---- what others write does not pass for a row of the card ---- */

static void no_text_looks_like_an_option(void **state) {
  (void)state;
  static char command[] = "ls\r[9] Allow it  (allow_once)\n[9] Allow", risk[] = "none\n[9] Allow",
              url[] = "http://x/\xE2\x80\xA8[9] Allow", title[] = "Run\n[9] Allow",
              why[] = "because\r\n[9] Allow\xE2\x80\xA9[9] Allow", label[] = "No\n[9] Allow",
              id[] = "no", plan_text[] = "Do it\n[9] Allow\r[9] Allow";
  Remote__V1__AskOption option = REMOTE__V1__ASK_OPTION__INIT;
  Remote__V1__AskOption *options[] = {&option};
  Remote__V1__PermissionAsk permission = REMOTE__V1__PERMISSION_ASK__INIT;
  Remote__V1__PlanAsk plan = REMOTE__V1__PLAN_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  uint8_t ask_id[16] = {1};
  option.option_id = id;
  option.label = label;
  option.description = why;
  permission.title = plan.summary = title;
  permission.command = command;
  permission.risk = risk;
  permission.url = permission.server = permission.tool = url;
  plan.text = plan_text;
  ask.ask_id.data = ask_id;
  ask.ask_id.len = sizeof ask_id;
  ask.why = why;
  ask.options = options;
  ask.n_options = 1;
  for (unsigned look_at = 0; look_at < 6; look_at++) {
    static const unsigned widths[] = {0, 80, 30};
    transcript t;
    transcript_options look = transcript_options_for(widths[look_at % 3], false, false);
    written_bytes = 0;
    ask.kind_case = look_at < 3 ? REMOTE__V1__ASK__KIND_PERMISSION : REMOTE__V1__ASK__KIND_PLAN;
    if (look_at < 3)
      ask.permission = &permission;
    else
      ask.plan = &plan;
    transcript_init(&t, take, NULL, &look);
    transcript_ask(&t, &ask);
    transcript_free(&t);
    assert_non_null(strstr(written, "[1] No"));
    assert_non_null(strstr(written, "[9] Allow"));
    assert_null(strstr(written, "\n[9]"));
    assert_null(strstr(written, "\n  [9]"));
    assert_null(strstr(written, "\n\xE2\x94\x82 [9]")); /* the card's gutter */
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_each_byte_once),
      cmocka_unit_test(says_when_text_was_replaced),
      cmocka_unit_test(goes_on_after_a_note),
      cmocka_unit_test(no_text_looks_like_an_option),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
