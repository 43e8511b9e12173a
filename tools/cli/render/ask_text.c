#include "ask_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "terminal_text.h"
#include "transcript.h"

const char *ask_kind_name(const Remote__V1__Ask *ask) {
  switch (ask->kind_case) {
    case REMOTE__V1__ASK__KIND_PERMISSION:
      return "permission";
    case REMOTE__V1__ASK__KIND_QUESTION:
      return "question";
    case REMOTE__V1__ASK__KIND_PLAN:
      return "plan";
    case REMOTE__V1__ASK__KIND_FORM:
      return "form";
    case REMOTE__V1__ASK__KIND_OPEN_URL:
      return "open_url";
    case REMOTE__V1__ASK__KIND_LIMIT:
      return "limit";
    default:
      return "unknown";
  }
}

const char *ask_kind_words(const Remote__V1__Ask *ask) {
  bool page = ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL;
  return page ? "page to open" : ask_kind_name(ask);
}

const char *ask_option_kind_name(Remote__V1__AskOptionKind kind) {
  static const char *const names[] = {"other",          "allow_once",   "allow_session",
                                      "allow_location", "allow_always", "reject_once",
                                      "reject_always",  "other"};
  size_t at = (size_t)kind;
  return at < sizeof names / sizeof *names ? names[at] : names[0];
}

const char *ask_plain_title(const Remote__V1__Ask *ask) {
  switch (ask->kind_case) {
    case REMOTE__V1__ASK__KIND_PERMISSION:
      return ask->permission->title[0] ? ask->permission->title : ask->permission->command;
    case REMOTE__V1__ASK__KIND_QUESTION:
      return ask->question->text;
    case REMOTE__V1__ASK__KIND_PLAN:
      return ask->plan->summary[0] ? ask->plan->summary : "Review the plan";
    case REMOTE__V1__ASK__KIND_FORM:
      return ask->form->text;
    case REMOTE__V1__ASK__KIND_OPEN_URL:
      return ask->open_url->text;
    case REMOTE__V1__ASK__KIND_LIMIT:
      return ask->limit->text;
    default:
      return "something this program does not know; answer it on another surface";
  }
}

void ask_title(const Remote__V1__Ask *ask, char *out, size_t capacity) {
  const char *title = ask_plain_title(ask);
  terminal_text_copy(out, capacity, title, strlen(title), TERMINAL_TEXT_ONE_LINE);
}

void ask_short_id(const Remote__V1__Ask *ask, char out[9]) {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  if (lrm_id_from(ask->ask_id.data, ask->ask_id.len, &id)) memset(&id, 0, sizeof id);
  lrm_id_hex(&id, hex);
  memcpy(out, hex, 8);
  out[8] = 0;
}

void ask_print_options(FILE *to, const Remote__V1__Ask *ask) {
  for (size_t i = 0; i < ask->n_options; i++) {
    const Remote__V1__AskOption *option = ask->options[i];
    fprintf(to, "   [%zu] ", i + 1);
    terminal_text_puts(to, option->label[0] ? option->label : option->option_id,
                       TERMINAL_TEXT_ONE_LINE | TERMINAL_TEXT_NAMED);
    if (option->kind && option->kind != REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_OTHER)
      fprintf(to, "  (%s)", ask_option_kind_name(option->kind));
    fputs("  id ", to);
    terminal_text_puts(to, option->option_id, TERMINAL_TEXT_ONE_LINE | TERMINAL_TEXT_NAMED);
    fputc('\n', to);
  }
}

static void write_file(void *user, const char *text, size_t bytes) { fwrite(text, 1, bytes, user); }

void ask_print(FILE *to, const Remote__V1__Ask *ask, unsigned number) {
  transcript *t = calloc(1, sizeof *t);
  transcript_options look = transcript_options_for(0, false, false);
  if (!t) {
    fputs("remote: out of memory\n", stderr);
    return;
  }
  transcript_init(t, write_file, to, &look);
  transcript_ask_as(t, ask, number);
  transcript_free(t);
  free(t);
}

const Remote__V1__AskOption *ask_once_option(const Remote__V1__Ask *ask, int yes) {
  Remote__V1__AskOptionKind kind = yes ? REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE
                                       : REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE;
  const Remote__V1__AskOption *found = NULL;
  for (size_t i = 0; i < ask->n_options; i++) {
    if (ask->options[i]->kind != kind) continue;
    if (found) return NULL;
    found = ask->options[i];
  }
  return found;
}

const Remote__V1__AskOption *ask_find_option(const Remote__V1__Ask *ask, const char *word,
                                             int numbers) {
  const Remote__V1__AskOption *found = NULL;
  size_t bytes = strlen(word), matches = 0;
  for (size_t i = 0; i < ask->n_options; i++)
    if (!strcmp(ask->options[i]->option_id, word)) return ask->options[i];
  char *end = NULL;
  unsigned long number = strtoul(word, &end, 10);
  if (numbers && word[0] >= '0' && word[0] <= '9' && !*end)
    return number >= 1 && number <= ask->n_options ? ask->options[number - 1] : NULL;
  for (size_t i = 0; bytes && i < ask->n_options; i++) {
    if (strncasecmp(ask->options[i]->label, word, bytes)) continue;
    if (!strcasecmp(ask->options[i]->label, word)) return ask->options[i];
    found = ask->options[i];
    matches++;
  }
  return matches == 1 ? found : NULL;
}
