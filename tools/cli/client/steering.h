/* What the commands that steer a session share: words, an open session, and the way back. */
#ifndef REMOTE_CLI_STEERING_H
#define REMOTE_CLI_STEERING_H

#include "act.h"

typedef struct steering {
  act act;
  option_words words;
  int taken; /* words that were SESSION */
} steering;

typedef struct steering_form {
  const char *synopsis;
  const char *text;
  size_t least;  /* words that must be there */
  size_t others; /* words besides SESSION */
} steering_form;

/* Parses, takes SESSION when there are more than `others` words, connects. Negative: go on;
 * else the exit code of the program. */
int steering_begin(steering *w, int argc, char **argv, const steering_form *form);
/* Parses only: words and flags. As above. */
int steering_parse(steering *w, int argc, char **argv, const steering_form *form);
/* As steering_begin behind steering_parse, when a first word may be a SESSION or something else: it
 * is a SESSION if it names one. `whether` says how many words there may be besides SESSION. */
int steering_open_either(steering *w, const steering_form *form, size_t others);
/* The index-th word behind SESSION; NULL: there is none. */
const char *steering_word(const steering *w, size_t index);

/* Sends a command; everything in it must stay valid while it runs: not borrowed from the view. */
exit_code steering_run(steering *w, const Remote__V1__Command *command, const char *done);

#endif
