/* The sessions of the account, and finding the one that a person means. */
#ifndef REMOTE_CLI_SESSION_LIST_H
#define REMOTE_CLI_SESSION_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "remote/types.h"
#include "remote/v1/relay.pb.h"

#include "event_words.h"
#include "exit_code.h"

typedef struct session_list {
  remote_v1_SessionEntry *entries;
  size_t count;
  size_t capacity;
  bool failed; /* out of memory while it was read */
} session_list;

struct connection;
/* Asks the relay; newest activity first. What went wrong has been printed. */
exit_code session_list_fetch(struct connection *c, session_list *out);
void session_list_free(session_list *list);
/* Newest activity first; equal ones by id, so that the order is always the same. */
void session_list_sort(session_list *list);

/* How a word fits a session: its whole id or title beats the beginning of one. */
typedef enum session_fit {
  SESSION_FIT_NONE = 0,
  SESSION_FIT_PREFIX = 1,
  SESSION_FIT_WHOLE = 2
} session_fit;
session_fit session_fits(const remote_v1_SessionEntry *entry, const char *word);

/* The session that `word` means: the beginning of an id (hex) or of a title (case does not
 * matter). NULL: the only one whose host is attached. EXIT_CODE_DONE and *index; NOT_FOUND; USAGE:
 * several fit. Prints nothing. */
exit_code session_list_find(const session_list *list, const char *word, size_t *index);
/* As above; what is wrong is printed, with the sessions that fit. */
exit_code session_list_choose(const session_list *list, const char *word, size_t *index);

/* `word` is the beginning of an id of 16 bytes, in hex. */
bool id_has_prefix(const uint8_t *id, size_t bytes, const char *word);
lrm_id session_entry_id(const remote_v1_SessionEntry *entry);
/* Title, or what stands for it; cleaned for a terminal. */
void session_entry_title(const remote_v1_SessionEntry *entry, char *out, size_t capacity);

#endif
