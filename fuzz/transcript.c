/* Wild events on their way to a terminal. First byte: the look (bits 0-2 the width, 3 colour, 4 a
 * screen reader, 5 answers, 6 nothing is folded, 7 terse). Then a script (script.h): its pieces are
 * Event messages, those that the preflight refuses are left out; actions are 0  /expand argument 1
 * the terminal is argument columns wide 2  what is going on, in argument columns 3  a line of the
 * surface's own Holds: nothing but printable text, newlines and our own styles is written, and no
 * style is left on. */
#include <stdlib.h>
#include <string.h>

#include "../tools/cli/tests/output_grammar.h"
#include "layout.h"
#include "remote/message.h"
#include "script.h"
#include "target.h"
#include "transcript.h"

static const lrm_schema_message *message(const uint8_t *data, size_t size) {
  (void)data;
  (void)size;
  return &lrm_schema_Event;
}

const fuzz_layout fuzz_layout_here = {
    .head = 1, .is_script = true, .actions = 4, .message = message};

static void check_written(void *user, const char *text, size_t bytes) {
  output_grammar *g = user;
  grammar_take(g, text, bytes);
  if (g->why) fprintf(stderr, "%s: %.*s\n", g->why, (int)bytes, text);
  FUZZ_CHECK(g->why == NULL);
}

static transcript_options look_of(uint8_t byte) {
  static const unsigned widths[] = {0, 1, 8, 20, 40, 80, 200, 1000};
  transcript_options look = transcript_options_for(widths[byte & 7], byte & 8, byte & 16);
  look.answers = byte & 32;
  if (byte & 64) look.fold = 0;
  look.terse = byte & 128;
  return look;
}

static void take_event(transcript *t, const uint8_t *data, size_t bytes) {
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  if (lrm_preflight(&lrm_schema_Event, data, bytes, &limits, NULL) != 0) return;
  Remote__V1__Event *event = remote__v1__event__unpack(NULL, bytes, data);
  FUZZ_CHECK(event != NULL);
  if (event->body_case == REMOTE__V1__EVENT__BODY_SESSION_STATE)
    transcript_state(t, event->session_state);
  else
    transcript_event(t, event);
  remote__v1__event__free_unpacked(event, NULL);
}

static void act(transcript *t, const fuzz_step *step) {
  output_grammar g = {.colour = t->options.colour};
  char text[2000];
  switch (step->action % 4) {
    case 0:
      transcript_expand(t, step->argument);
      break;
    case 1:
      transcript_resize(t, step->argument);
      break;
    case 2:
      FUZZ_CHECK(transcript_live(t, step->argument, 3, text, sizeof text) <= 3);
      check_written(&g, text, strlen(text));
      break;
    default:
      transcript_note(t, "note %d", step->argument);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static transcript t;
  if (size < 1) return 0;
  transcript_options look = look_of(data[0]);
  output_grammar g = {.colour = look.colour, .tabs = look.width == 0};
  transcript_init(&t, check_written, &g, &look);
  fuzz_script script = {data, size, 1};
  for (fuzz_step step; fuzz_script_next(&script, &step);) {
    if (step.is_piece)
      take_event(&t, step.piece, step.piece_bytes);
    else
      act(&t, &step);
  }
  transcript_break(&t);
  FUZZ_CHECK(g.bytes == 0 && !g.styled);
  transcript_free(&t);
  return 0;
}
