/* A client's side of one session: reads events into a view, keeps an outbox of commands until
 * their outcome is known. Sans-I/O, on a link that may carry several sessions.
 * Source: docs/spec.md sections 3 and 12; model docs/model/outbox.pml. */
#ifndef REMOTE_CLIENT_H
#define REMOTE_CLIENT_H

#include "remote/envelope.h"
#include "remote/link.h"
#include "remote/view.h"

#include "remote/v1/command.pb-c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_client lrm_client;

typedef struct lrm_client_config {
  size_t struct_bytes;
  lrm_allocator allocator;
  lrm_link *link;
  lrm_id link_id; /* epoch of the outbox */
  lrm_id session_id;
  uint64_t seed[2];  /* entropy for command ids; fresh for every process */
  uint32_t start;    /* Start; 0: SNAPSHOT the first time, then RESUME */
  lrm_position from; /* start RESUME: where */
  uint64_t until;    /* a bounded range; 0: follow */
  bool publish;      /* open the COMMANDS channel too */
} lrm_client_config;

/* On a link that is LIVE already the channels are opened at once, else at WELCOME, and again after
 * each. The link must outlive the client. LRM_ERR_USAGE: no allocator, link or session id, or no
 * link id although it is to publish. */
int lrm_client_create(const lrm_client_config *config, lrm_client **out) LRM_MUST_USE;
/* Does not touch the link: call lrm_client_detach first when the link goes on. */
void lrm_client_destroy(lrm_client *client);
/* Closes the channels. Commands without an outcome stay in the outbox and go with the object. */
void lrm_client_detach(lrm_client *client);

typedef enum lrm_client_event_type {
  /* A durable event at `offset`. `reset`: the reader was moved to where no snapshot is; the view
   * was emptied before this one was folded, and is the whole state again at the next snapshot. */
  LRM_CLIENT_EVENT = 1,
  LRM_CLIENT_TAIL = 2, /* an ephemeral event; `reset` likewise */
  /* The view was replaced. `reset`: another epoch begins, at `offset`; what was read before no
   * longer counts, and the view is empty until events or a snapshot come. Without: the view is now
   * the snapshot that begins at `offset`; events between the last one told and it are not to be
   * had here (page back with remote/history.h). */
  LRM_CLIENT_SNAPSHOT = 3,
  LRM_CLIENT_SYNCED = 4,  /* all that was there at OPEN has been read */
  LRM_CLIENT_STATUS = 5,  /* `status`: new facts */
  LRM_CLIENT_COMMAND = 6, /* the state of `command_id` changed: lrm_client_command */
  LRM_CLIENT_CLOSED = 7,  /* the session is not to be had: `problem`; final when its class says
                             so (lrm_code_reconnects; for a bounded range 2xxx too), else the
                             client opens again by itself */
  LRM_CLIENT_INFO = 8,    /* `info`: raw SessionInfo */
  LRM_CLIENT_DONE = 9,    /* `until` was reached */
  /* What tails had added is taken back: the durable events that follow say it again. For readers
   * with a view of their own. */
  LRM_CLIENT_TAIL_CLEARED = 10,
  /* `count` events from `offset` cannot be read (`code`: 4003 or 4004): the client goes on at the
   * next snapshot, or behind them, by itself. */
  LRM_CLIENT_UNREADABLE = 11
} lrm_client_event_type;

typedef struct lrm_client_event {
  lrm_client_event_type type;
  uint64_t offset;
  bool reset;
  const Remote__V1__Event *event;
  lrm_slice raw; /* EVENT, TAIL: the message as it came */
  const remote_v1_LogStatus *status;
  const remote_v1_Problem *problem;
  lrm_id command_id;
  lrm_slice info;
  uint64_t count;
  uint32_t code;
} lrm_client_event;

/* Every event of the link comes here; true when it belonged to this client. Afterwards drain
 * lrm_client_next_event before the next lrm_link_recv: payloads are borrowed, and what the client
 * lends is void with the next call. Outcomes missed by a jump are looked up in the snapshot, then
 * asked for (QueryOutcome) by the client itself. */
bool lrm_client_link_event(lrm_client *client, const lrm_link_event *event, uint64_t now_ns);
bool lrm_client_next_event(lrm_client *client, lrm_client_event *event);
void lrm_client_link_down(lrm_client *client);
/* When a channel is to be opened again, monotonic ns; UINT64_MAX: never. Any link event later than
 * that does it too. */
uint64_t lrm_client_deadline(const lrm_client *client);
void lrm_client_expire(lrm_client *client, uint64_t now_ns);
/* Serves lrm_link_wanted for this client's channels. LRM_ERR_NOT_FOUND: not its channel. */
int lrm_client_fetch(lrm_client *client, const lrm_link_want *want, lrm_frame *frame) LRM_MUST_USE;

const lrm_view *lrm_client_view(const lrm_client *client);
lrm_position lrm_client_position(const lrm_client *client);
/* The newest facts; NULL: none yet. */
const remote_v1_LogStatus *lrm_client_status(const lrm_client *client);

typedef enum lrm_command_state {
  LRM_COMMAND_COMPOSED = 1, /* in the outbox */
  LRM_COMMAND_SENT = 2,
  LRM_COMMAND_STORED = 3,    /* RECEIPT */
  LRM_COMMAND_DELIVERED = 4, /* the host has it */
  LRM_COMMAND_DONE = 5       /* outcome known */
} lrm_command_state;

typedef struct lrm_command {
  lrm_id command_id;
  lrm_command_state state;
  uint32_t outcome; /* CommandOutcomeKind; 0: none yet */
  uint32_t code;
  uint32_t layer;
  const char *reason;                     /* borrowed until the next call; may be "" */
  const Remote__V1__CommandOutcome *full; /* the outcome event; NULL when the relay refused it,
                                             or it was learnt from a snapshot */
} lrm_command;

/* Puts a command into the outbox. ttl_ms 0: for ever (cancel and steer: 60 s by default). Its
 * class follows from its body. LRM_ERR_BUSY: 64 have no outcome yet; LRM_ERR_STATE: no epoch of
 * the session is known yet (wait for SYNCED), or the client does not publish; LRM_ERR_TOO_LARGE:
 * over a limit of the schema; LRM_ERR_USAGE: no body, or text that is not UTF-8. */
int lrm_client_submit(lrm_client *client, const Remote__V1__Command *command, uint64_t ttl_ms,
                      lrm_id *command_id, uint64_t now_ns) LRM_MUST_USE;
/* LRM_ERR_NOT_FOUND: not one of this client's. The last 256 done ones are remembered. */
int lrm_client_command(const lrm_client *client, const lrm_id *command_id,
                       lrm_command *out) LRM_MUST_USE;
/* Commands without an outcome. */
size_t lrm_client_pending(const lrm_client *client);

#ifdef __cplusplus
}
#endif
#endif
