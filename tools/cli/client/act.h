/* One command, from its flags to its outcome: what all acting sub-commands share. */
#ifndef REMOTE_CLI_ACT_H
#define REMOTE_CLI_ACT_H

#include "outcome.h"
#include "remote_session.h"

/* Flags that every acting command takes besides CONNECTION_OPTIONS. */
#define ACT_OPTIONS(a)                                                        \
  {"session",                                                                 \
   OPTION_VALUE,                                                              \
   &(a).session_word,                                                         \
   "SESSION",                                                                 \
   "which session: an id or title, or "                                       \
   "the beginning of one",                                                    \
   NULL},                                                                     \
      {"json", OPTION_FLAG, &(a).json, NULL, "one JSON object a line", NULL}, \
      CONNECTION_OPTIONS((a).flags)

typedef struct act {
  connection_flags flags;
  const char *session_word; /* NULL: the only live one */
  bool json;
  connection connection;
  remote_session session;
  lrm_command command; /* what is known of the last one */
  bool quiet;          /* no line for each state on the way */
  bool id_printed;
  bool delivered_printed;
} act;

/* Takes words[0] as SESSION when there is one more than `others`, and --session is not given.
 * Returns how many words were taken (0 or 1), or -1: too many words (printed). */
int act_take_session(act *a, const option_usage *usage, const option_words *words, size_t others);

/* Connects, opens the session and reads its view. On success act_close. */
exit_code act_open(act *a);
/* The same on a connection that is open, with its list of sessions. On failure the session is
 * closed, the connection is not. */
exit_code act_open_listed(act *a, const session_list *list);
void act_close(act *a);

/* Sends a command and waits until it is stored: prints its id. Says so when the host is away. */
exit_code act_send(act *a, const Remote__V1__Command *command, uint64_t ttl_ms);
/* Waits for its outcome, for at most the timeout (`forever`: unless --timeout was given), and
 * prints it. The exit code says what it was; without one in time UNREACHABLE, with what is known.
 */
exit_code act_finish(act *a, bool forever);
/* Both, without a line for the id when all goes well: `done` is printed for APPLIED. */
exit_code act_run(act *a, const Remote__V1__Command *command, const char *done);

/* "3 min", "2 h", "5 s": how long ago that was by the relay's clock. */
void ago_text(const connection *c, uint64_t then_ms, char *out, size_t capacity);
/* Says on standard error how long the host has been away. */
void act_print_away(const act *a);

#endif
