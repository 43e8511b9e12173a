/* One session behind a connection: its view, its events, and commands followed to their end. */
#ifndef REMOTE_CLI_REMOTE_SESSION_H
#define REMOTE_CLI_REMOTE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "remote/client.h"
#include "remote/history.h"

#include "connection.h"
#include "session_list.h"

typedef struct remote_session remote_session;

/* All members may be NULL. Called from inside the loop. */
typedef struct remote_session_ops {
  void (*event)(void *user, remote_session *s, const lrm_client_event *event);
  /* A block of events as it came, before its events are told: payload borrowed, also snapshots that
   * say what is known already. */
  void (*block)(void *user, remote_session *s, const lrm_link_event *block);
  /* What remote_session_page asked for: events in order, then DONE or FAILED. */
  void (*page)(void *user, remote_session *s, const lrm_history_event *event);
  void (*up)(void *user, remote_session *s); /* the link is live (again) */
  void (*down)(void *user, remote_session *s, const char *text, uint64_t retry_ns);
} remote_session_ops;

typedef struct remote_session_config {
  uint32_t start;    /* Start; 0: the newest snapshot, then on */
  lrm_position from; /* for RESUME */
  bool watch_only;   /* no commands will be sent */
  const remote_session_ops *ops;
  void *user;
} remote_session_config;

struct remote_session {
  connection *connection;
  remote_v1_SessionEntry entry;
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  char title[128];
  lrm_client *client;
  lrm_history *history; /* made when the first page is asked for */
  uv_timer_t timer;     /* for channels that are to be opened again */
  bool synced;          /* at least once */
  bool closed;          /* it is not to be had any more: `problem` */
  remote_v1_Problem problem;
  const remote_session_ops *ops;
  void *user;
};

/* Opens `entry`. A failure has been printed. The session must not be moved while it is open. */
exit_code remote_session_open(remote_session *s, connection *c, const remote_v1_SessionEntry *entry,
                              const remote_session_config *config);
/* connection_close must follow before the memory goes. */
void remote_session_close(remote_session *s);

/* Waits until all that was there has been read: the view is complete. */
exit_code remote_session_wait_synced(remote_session *s);

/* Puts a command into the outbox. A failure has been printed. */
exit_code remote_session_submit(remote_session *s, const Remote__V1__Command *command,
                                uint64_t ttl_ms, lrm_id *id);

/* Waits until the command command->command_id has reached `state` (or is done). command->state is
 * what the caller knows already, 0 at first; `changed` (may be NULL) is called with each higher
 * one. EXIT_CODE_DONE also when it ended differently: look at *command. EXIT_CODE_UNREACHABLE: not
 * within `timeout_ms`; prints nothing then, *command is what is known. */
exit_code remote_session_follow(remote_session *s, lrm_command_state state, uint64_t timeout_ms,
                                void (*changed)(void *user, const lrm_command *command), void *user,
                                lrm_command *command);

/* Why a wait on the session did not succeed: prints it, returns the exit code. */
exit_code remote_session_explain(remote_session *s);

/* Pages back: asks for at most `count` offsets that lie before `before`; ops->page gets them in
 * order, never from inside this call, while live events go on. The first page lies before
 * lrm_client_position at the time of the snapshot (LRM_CLIENT_SNAPSHOT's `offset`, in the epoch of
 * lrm_client_position), each next one before DONE's `offset`. One at a time. A failure has been
 * printed: EXIT_CODE_USAGE (one is being read, or there is no epoch yet), EXIT_CODE_FAILURE. */
exit_code remote_session_page(remote_session *s, lrm_position before, uint64_t count);
bool remote_session_paging(const remote_session *s);

const Remote__V1__SessionState *remote_session_state(const remote_session *s);

/* Connects, finds the session that `word` means (NULL: the only live one) and opens it.
 * On success both are to be closed. */
exit_code remote_session_connect(connection *c, remote_session *s, const connection_flags *flags,
                                 const char *word, const remote_session_config *config);

#endif
