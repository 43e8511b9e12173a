/* What may stand at the cursor, for the shells: `remote __complete WORD...`, the last word being
 * the one that is written. completion_words.c: the command line; completion_live.c: what only the
 * relay knows. Nothing is said about failures, and it is over within a second. */
#ifndef REMOTE_CLI_COMPLETION_H
#define REMOTE_CLI_COMPLETION_H

#include <stdbool.h>
#include <stddef.h>

#include "relay_trust.h"

#define COMPLETION_MS_MAX 900u         /* of the whole program */
#define COMPLETION_RELAY_SECONDS "0.6" /* for the relay */

typedef struct completion {
  const char *verb;      /* NULL: the verb itself is being written */
  const char *current;   /* unquoted */
  const char *words[64]; /* behind the verb, flags left out, unquoted; without `current` */
  size_t words_count;
  const char *session;                     /* --session */
  const char *relay, *token_file, *config; /* as given */
  trust_flags trust;                       /* as given */
  bool tap;                                /* inspect --tap */
} completion;

/* Prints a candidate when it fits what is written (case does not matter): a value and, behind a
 * tab, what it is. */
void completion_offer(const completion *c, const char *value, const char *text);

/* What live things may stand at a place. */
typedef enum completion_live {
  LIVE_SESSIONS = 1, /* those whose host is attached */
  LIVE_ALL_SESSIONS = 2,
  LIVE_ASKS = 4,
  LIVE_ANSWERS = 8, /* options of the ask that the last word names */
  LIVE_MODES = 16,
  LIVE_KEYS = 32,
  LIVE_VALUES = 64, /* of the key that the last word names */
  LIVE_SLASH = 128,
  LIVE_COMMANDS = 256, /* prompts in the queue */
  LIVE_DEVICES = 512
} completion_live;
void completion_from_relay(const completion *c, unsigned live);

#endif
