/* The open ask that a person means. */
#include <string.h>

#include "ask_text.h"
#include "session_list.h"
#include "terminal_text.h"

static void print_asks(const Remote__V1__SessionState *state, const char *word) {
  for (size_t i = 0; i < state->n_asks; i++) {
    char title[160], id[9];
    if (word && !id_has_prefix(state->asks[i]->ask_id.data, state->asks[i]->ask_id.len, word))
      continue;
    ask_title(state->asks[i], title, sizeof title);
    ask_short_id(state->asks[i], id);
    fprintf(stderr, "  %s  %s: %s\n", id, ask_kind_words(state->asks[i]), title);
  }
}

exit_code ask_choose(const Remote__V1__SessionState *state, const char *word,
                     const Remote__V1__Ask **out) {
  size_t found = 0;
  char shown[64] = "";
  for (size_t i = 0; i < state->n_asks; i++) {
    const Remote__V1__Ask *ask = state->asks[i];
    if (word && !id_has_prefix(ask->ask_id.data, ask->ask_id.len, word)) continue;
    found++;
    *out = ask;
  }
  if (found == 1) return EXIT_CODE_DONE;
  if (word) terminal_text_copy(shown, sizeof shown, word, strlen(word), TERMINAL_TEXT_ONE_LINE);
  if (found == 0 && word)
    fprintf(stderr, "remote: no open ask has an id that begins with \"%s\"%s\n", shown,
            state->n_asks ? "; these are open:" : "; none is open");
  else if (found == 0)
    fputs("remote: nothing waits for an answer\n", stderr);
  else
    fputs("remote: more than one ask is meant; name one:\n", stderr);
  print_asks(state, found ? word : NULL);
  return found ? EXIT_CODE_USAGE : EXIT_CODE_NOT_FOUND;
}
