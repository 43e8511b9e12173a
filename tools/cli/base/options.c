#include "options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "terminal_text.h"

/* Number of edits from a to b; words are short, longer ones are not near anything. */
static size_t edits(const char *a, const char *b) {
  enum { LONGEST = 32 };
  size_t m = strlen(a), n = strlen(b), row[LONGEST + 1];
  if (m > LONGEST || n > LONGEST) return LONGEST;
  for (size_t j = 0; j <= n; j++) row[j] = j;
  for (size_t i = 1; i <= m; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= n; j++) {
      size_t best = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      if (row[j] + 1 < best) best = row[j] + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      row[j] = best;
    }
  }
  return row[n];
}

const char *options_nearest(const char *word, const char *const *candidates, size_t count) {
  const char *best = NULL;
  size_t least = strlen(word) / 3 + 2;
  for (size_t i = 0; i < count; i++) {
    size_t distance = edits(word, candidates[i]);
    if (distance < least) {
      least = distance;
      best = candidates[i];
    }
  }
  return best;
}

/* Words, broken so that lines of 79 columns begin at column `from` (0-based). */
static void print_wrapped(const char *text, int from, FILE *to) {
  int at = from;
  while (*text) {
    int bytes = (int)strcspn(text, " ");
    if (at > from && at + 1 + bytes > 79) {
      fprintf(to, "\n%-*s", from, "");
      at = from;
    } else if (at > from) {
      fputc(' ', to);
      at++;
    }
    fprintf(to, "%.*s", bytes, text);
    at += bytes;
    text += bytes + (text[bytes] == ' ');
  }
  fputc('\n', to);
}

static void print_option(const option *o, FILE *to) {
  char left[80];
  const char *form = o->kind == OPTION_FLAG       ? "  --%s"
                     : o->kind == OPTION_OPTIONAL ? "  --%s[=%s]"
                     : o->kind == OPTION_MAYBE    ? "  --%s [%s]"
                                                  : "  --%s %s";
  /* The forms above are the only ones. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(left, sizeof left, form, o->name, o->value ? o->value : "VALUE");
#pragma GCC diagnostic pop
  if (strlen(left) > 26)
    fprintf(to, "%s\n%-28s", left, "");
  else
    fprintf(to, "%-28s", left);
  print_wrapped(o->help, 28, to);
}

void options_print(const option_usage *usage, FILE *to) {
  fprintf(to, "usage: %s\n", usage->synopsis);
  if (usage->text) fprintf(to, "\n%s\n", usage->text);
  if (usage->count) fputc('\n', to);
  for (size_t i = 0; i < usage->count; i++) print_option(&usage->options[i], to);
}

int options_wrong(const option_usage *usage, const char *format, ...) {
  char text[1024], shown[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  terminal_text_copy(shown, sizeof shown, text, strlen(text), 0);
  fprintf(stderr, "remote: %s\nusage: %s\nTry --help.\n", shown, usage->synopsis);
  return 2;
}

static const option *find_option(const option_usage *usage, const char *name, size_t bytes) {
  for (size_t i = 0; i < usage->count; i++)
    if (strlen(usage->options[i].name) == bytes && !memcmp(usage->options[i].name, name, bytes))
      return &usage->options[i];
  return NULL;
}

static option_result unknown_option(const option_usage *usage, const char *word) {
  const char *names[OPTIONS_WORDS_MAX];
  size_t count = 0;
  char name[64];
  for (; count < usage->count && count < OPTIONS_WORDS_MAX; count++)
    names[count] = usage->options[count].name;
  snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
  const char *near = word[1] == '-' ? options_nearest(name, names, count) : NULL;
  if (near)
    options_wrong(usage, "unknown flag %s; did you mean --%s?", word, near);
  else
    options_wrong(usage, "unknown flag %s (use -- before words that begin with a dash)", word);
  return OPTION_WRONG;
}

static option_result store(const option_usage *usage, const option *o, const char *value) {
  if (o->kind == OPTION_FLAG) {
    *(bool *)o->target = true;
  } else if (o->kind == OPTION_LIST) {
    option_list *list = o->target;
    if (list->count == OPTIONS_LIST_MAX) {
      options_wrong(usage, "--%s is given more than %d times", o->name, OPTIONS_LIST_MAX);
      return OPTION_WRONG;
    }
    list->items[list->count++] = value;
  } else {
    *(const char **)o->target = value;
  }
  return OPTION_OK;
}

/* One flag at argv[*at]; moves *at over a value that is a word of its own. */
static option_result take_flag(const option_usage *usage, int argc, char **argv, int *at) {
  const char *word = argv[*at];
  const char *equals = strchr(word, '=');
  size_t bytes = equals ? (size_t)(equals - word) - 2 : strlen(word + 2);
  const option *o = word[1] == '-' ? find_option(usage, word + 2, bytes) : NULL;
  if (!o) return unknown_option(usage, word);
  if (equals && o->kind == OPTION_FLAG) {
    options_wrong(usage, "--%s takes no value", o->name);
    return OPTION_WRONG;
  }
  if (equals) return store(usage, o, equals + 1);
  if (o->kind == OPTION_FLAG) return store(usage, o, NULL);
  if (o->kind == OPTION_OPTIONAL) return store(usage, o, o->alone);
  bool next = *at + 1 < argc && strcmp(argv[*at + 1], "--") != 0;
  if (o->kind == OPTION_MAYBE && (!next || argv[*at + 1][0] == '-'))
    return store(usage, o, o->alone);
  if (!next) {
    options_wrong(usage, "--%s needs a value", o->name);
    return OPTION_WRONG;
  }
  return store(usage, o, argv[++*at]);
}

static option_result take_word(const option_usage *usage, option_words *out, const char *word) {
  if (out->count == OPTIONS_WORDS_MAX) {
    options_wrong(usage, "too many words");
    return OPTION_WRONG;
  }
  out->words[out->count++] = word;
  return OPTION_OK;
}

static struct {
  void (*take)(void *user, const option *option);
  void *user;
} listing;

void options_list_to(void (*take)(void *user, const option *option), void *user) {
  listing.take = take;
  listing.user = user;
}

option_result options_parse(const option_usage *usage, int argc, char **argv, option_words *out) {
  *out = (option_words){0};
  if (listing.take) {
    for (size_t i = 0; i < usage->count; i++) listing.take(listing.user, &usage->options[i]);
    return OPTION_HELP;
  }
  for (int i = 1; i < argc; i++) {
    option_result result = OPTION_OK;
    if (out->rest && !usage->command_follows) {
      result = take_word(usage, out, argv[i]);
    } else if (!strcmp(argv[i], "--")) {
      out->rest = argv + i + 1;
      out->rest_count = argc - i - 1;
      if (usage->command_follows) return OPTION_OK;
    } else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
      options_print(usage, stdout);
      return OPTION_HELP;
    } else if (argv[i][0] == '-' && argv[i][1]) {
      result = take_flag(usage, argc, argv, &i);
    } else {
      result = take_word(usage, out, argv[i]);
    }
    if (result) return result;
  }
  return OPTION_OK;
}

int options_seconds(const char *text, unsigned long long *milliseconds) {
  char *end = NULL;
  if (!text || ((*text < '0' || *text > '9') && *text != '.')) return -1;
  double seconds = strtod(text, &end);
  if (!end || *end || !(seconds >= 0) || seconds > 1e9) return -1;
  *milliseconds = (unsigned long long)(seconds * 1000.0);
  return 0;
}
