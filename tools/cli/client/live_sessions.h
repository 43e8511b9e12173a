/* Looking into every session whose host is connected, one after the other. */
#ifndef REMOTE_CLI_LIVE_SESSIONS_H
#define REMOTE_CLI_LIVE_SESSIONS_H

#include "remote_session.h"

/* Calls `visit` with each, its state read; nothing may be kept. One that went away since it was
 * listed, or does not answer in time, is passed over, and said so. */
void live_sessions_each(connection *c, const session_list *list,
                        void (*visit)(void *user, const remote_session *s, size_t index),
                        void *user);

/* Who has an open ask whose id begins with `word`: read from the sessions themselves, because what
 * lists say of asks is a moment old and holds three of a session. */
typedef struct ask_owners {
  size_t asks;  /* that fit, in all */
  size_t index; /* of the last session that has one */
} ask_owners;
/* A word that is no beginning of an id fits nothing, and nobody is asked. */
ask_owners live_sessions_find_ask(connection *c, const session_list *list, const char *word);

#endif
