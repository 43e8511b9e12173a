/* A small strict parser for one command's flags. --name, --name VALUE, --name=VALUE; `--` ends the
 * flags; --help prints the usage. An unknown flag is an error with a suggestion, never a guess. */
#ifndef REMOTE_CLI_OPTIONS_H
#define REMOTE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define OPTIONS_WORDS_MAX 64
#define OPTIONS_LIST_MAX 16

typedef enum option_kind {
  OPTION_FLAG = 1,     /* target: bool */
  OPTION_VALUE = 2,    /* target: const char *; --name VALUE or --name=VALUE */
  OPTION_OPTIONAL = 3, /* target: const char *; --name (gives `alone`) or --name=VALUE */
  OPTION_MAYBE = 4,    /* as OPTIONAL; also --name VALUE when the next word is no flag */
  OPTION_LIST = 5      /* target: option_list; may be repeated */
} option_kind;

typedef struct option_list {
  const char *items[OPTIONS_LIST_MAX];
  size_t count;
} option_list;

typedef struct option {
  const char *name; /* without the dashes */
  option_kind kind;
  void *target;
  const char *value; /* what the usage calls the value; NULL for flags */
  const char *help;
  const char *alone; /* OPTIONAL, MAYBE: value when none is given */
} option;

typedef struct option_usage {
  const char *synopsis; /* "remote send [SESSION] TEXT|-" */
  const char *text;     /* what it does; may be NULL */
  const option *options;
  size_t count;
  bool command_follows; /* `--` begins a foreign command: it is left in `rest` */
} option_usage;

typedef struct option_words {
  const char *words[OPTIONS_WORDS_MAX]; /* what is no flag; also what follows `--`, unless
                                           command_follows */
  size_t count;
  char **rest; /* behind `--`, NULL-terminated as argv is; NULL: there was no `--` */
  int rest_count;
} option_words;

typedef enum option_result {
  OPTION_OK = 0,
  OPTION_HELP = 1,  /* the usage has been printed to standard output: exit 0 */
  OPTION_WRONG = 2, /* what is wrong has been printed to standard error: exit 2 */
} option_result;

/* Parses argv[1..]. argv and the words are borrowed. */
option_result options_parse(const option_usage *usage, int argc, char **argv, option_words *out);

/* Until it is called with NULL, options_parse only tells the flags there are, and returns
 * OPTION_HELP: the tables of the commands are the one list of flags, for completion too. */
void options_list_to(void (*take)(void *user, const option *option), void *user);

/* Prints synopsis, text and flags. */
void options_print(const option_usage *usage, FILE *to);
/* "remote: TEXT" and a pointer to --help, on standard error; returns 2 (EXIT_CODE_USAGE). */
int options_wrong(const option_usage *usage, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The candidate nearest to `word`, or NULL when none is near. */
const char *options_nearest(const char *word, const char *const *candidates, size_t count);

/* A duration in seconds: "10", "0.5". 0, or -1. */
int options_seconds(const char *text, unsigned long long *milliseconds);

#endif
