#include "pick.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "options.h"
#include "terminal_text.h"

enum { NEAR_MAX = 64, SHOWN_MAX = 32 };

/* 0: does not fit; the higher the better. */
static int fit(const pick_list *list, size_t index, const char *word) {
  const char *id = list->id(list->items, index);
  const char *label = list->label ? list->label(list->items, index) : NULL;
  size_t bytes = strlen(word);
  if (bytes == 0) return 0;
  if (!strcmp(id, word)) return 3;
  if (!strcasecmp(id, word) || (label && !strcasecmp(label, word))) return 2;
  return !strncasecmp(id, word, bytes) || (label && !strncasecmp(label, word, bytes)) ? 1 : 0;
}

static int best_fit(const pick_list *list, const char *word) {
  int best = 0;
  for (size_t i = 0; i < list->count; i++) {
    int now = fit(list, i, word);
    if (now > best) best = now;
  }
  return best;
}

exit_code pick_find(const pick_list *list, const char *word, size_t *index) {
  int best = best_fit(list, word);
  size_t matches = 0;
  for (size_t i = 0; best && i < list->count; i++) {
    if (fit(list, i, word) != best) continue;
    *index = i;
    matches++;
  }
  if (matches == 1) return EXIT_CODE_DONE;
  return matches ? EXIT_CODE_USAGE : EXIT_CODE_NOT_FOUND;
}

static void print_item(const pick_list *list, size_t index) {
  const char *id = list->id(list->items, index);
  const char *label = list->label ? list->label(list->items, index) : NULL;
  fputs("  ", stderr);
  terminal_text_puts(stderr, id, TERMINAL_TEXT_ONE_LINE);
  if (label && label[0] && strcmp(label, id)) {
    fputs("  ", stderr);
    terminal_text_puts(stderr, label, TERMINAL_TEXT_ONE_LINE);
  }
  fputc('\n', stderr);
}

exit_code pick_choose(const pick_list *list, const char *word, size_t *index) {
  char shown[128];
  exit_code result = pick_find(list, word, index);
  if (!result) return result;
  terminal_text_copy(shown, sizeof shown, word, strlen(word), TERMINAL_TEXT_ONE_LINE);
  if (result == EXIT_CODE_USAGE) {
    fprintf(stderr, "remote: \"%s\" fits more than one %s; write more of it:\n", shown, list->what);
  } else if (!list->count) {
    fprintf(stderr, "remote: there is no %s here\n", list->what);
  } else {
    const char *names[NEAR_MAX];
    size_t count = 0;
    for (; count < list->count && count < NEAR_MAX; count++)
      names[count] = list->id(list->items, count);
    const char *near = options_nearest(word, names, count);
    fprintf(stderr, "remote: there is no single %s \"%s\" here", list->what, shown);
    if (near) {
      fputs("; did you mean \"", stderr);
      terminal_text_puts(stderr, near, TERMINAL_TEXT_ONE_LINE);
      fputs("\"?", stderr);
    } else {
      fputc('.', stderr);
    }
    fputs(" There are:\n", stderr);
  }
  int best = best_fit(list, word);
  size_t printed = 0, left = 0;
  for (size_t i = 0; i < list->count; i++) {
    if (result == EXIT_CODE_USAGE && fit(list, i, word) != best) continue;
    if (printed++ < SHOWN_MAX)
      print_item(list, i);
    else
      left++;
  }
  if (left) fprintf(stderr, "  and %zu more\n", left);
  return result;
}

bool pick_confirm(const char *question) {
  char line[16];
  if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) return false;
  fprintf(stderr, "%s [y/N] ", question);
  fflush(stderr);
  if (!fgets(line, sizeof line, stdin)) return false;
  return line[0] == 'y' || line[0] == 'Y';
}
