/* The host's side of a session: numbers and journals events, keeps the view, makes blocks,
 * tails and snapshots, takes commands, and arbitrates asks. Sans-I/O: a store to journal in, an
 * optional link to publish through, actions out. It works the same with remote control off: then
 * nothing is attached and only the journal is written.
 *
 * What the caller does in a turn of its loop:
 *   - agent said something       lrm_host_emit / lrm_host_delta / lrm_host_ask
 *   - person at the terminal     lrm_host_submit_local / lrm_host_answer_local / ...
 *   - link event                 lrm_host_link_event
 *   - store dirty                freeze, write (any thread), settle, then lrm_host_settled
 *   - lrm_host_next_action       until it returns false, and does what it says
 *   - lrm_host_deadline          call lrm_host_expire then
 *
 * An action is handed out only when everything it rests on is durable. Threads: one. */
#ifndef REMOTE_HOST_H
#define REMOTE_HOST_H

#include "remote/link.h"
#include "remote/log.h"
#include "remote/message.h"
#include "remote/view.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_host lrm_host;

typedef struct lrm_host_config {
  size_t struct_bytes;
  lrm_allocator allocator;
  lrm_store *store;           /* journal, already claimed; one session a store */
  uint64_t writer_generation; /* from lrm_store_claim */
  lrm_id session_id; /* of the journal, and of the session at the relay until lrm_host_renew */
  uint64_t seed[2];  /* entropy for epochs and ask ids; fresh for every process */
  const Remote__V1__SessionStarted *session; /* copied; description of the session */
  uint64_t created_ms;
  uint32_t remote_mode; /* RemoteMode at start */
  bool resume;          /* the journal holds a past of this session */
  /* The rules of this machine allow watching only: commands of class CONTROL are refused with 5002,
   * layer DEVICE, whatever the relay says. */
  bool watch_only;
  /* May a remote person choose this mode, value or slash command? Of a plan's options each is asked
   * about as a mode. NULL: nothing elevates, no slash command is allowed. */
  bool (*elevates_mode)(void *user, const char *mode_id);
  bool (*elevates_option)(void *user, const char *option_id, const char *value);
  bool (*slash_known)(void *user, const char *name);
  bool (*slash_allowed)(void *user, const char *name);
  /* Redaction: may change the event before it is journalled. A prompt that a UserMessage cannot
   * hold comes whole, as the one chunk of an Asset whose id begins with "prompt-": only its `data`
   * may change then. NULL: none. */
  void (*redact)(void *user, Remote__V1__Event *event, lrm_arena *arena);
  void *user;
  /* Journal over this: what the relay has acknowledged and the newest complete snapshot does not
   * need goes; when that is not enough, a snapshot is written, all before it goes, and a Notice
   * says so. 0: LRM_JOURNAL_BYTES_MAX */
  uint64_t journal_bytes_max;
  /* Does an answer that is otherwise good fit what is known of its ask (a form's rules)? False: it
   * is refused as INVALID, for the `reason` written (text of at most reason_bytes with its end),
   * and the ask stays open. Asked of local answers too. NULL: every answer fits. */
  bool (*answer_fits)(void *user, const Remote__V1__Ask *ask,
                      const Remote__V1__AnswerContent *answer, char *reason, size_t reason_bytes);
} lrm_host_config;

/* Opens the journal: replays it into the view (lrm_host_state is then what it was), closes what a
 * dead process left (asks orphaned, running tools cancelled, sub-agents ended, started commands
 * UNKNOWN, running turn ended), and emits SessionStarted or SessionResumed, and a snapshot. The
 * first block is CLEARS_TAIL. A journal with a past is resumed whatever `resume` says; one without
 * is begun. Commit the store afterwards, as after every call. LRM_ERR_USAGE: no allocator, store,
 * session id or session; session over its limits. LRM_ERR_CORRUPT: the journal cannot be read. */
int lrm_host_create(const lrm_host_config *config, uint64_t wall_ms, uint64_t now_ns,
                    lrm_host **out) LRM_MUST_USE;
void lrm_host_destroy(lrm_host *host);

const Remote__V1__SessionState *lrm_host_state(const lrm_host *host);
lrm_position lrm_host_position(const lrm_host *host); /* epoch and end of the events */

/* ---- what the agent says ---- */

/* A durable event. at_ms 0 is replaced by wall_ms; an empty turn_id of conversation, tool and plan
 * events by the running turn. SessionEnded closes the turn, orphans the asks and refuses what is
 * queued. ToolEnded makes the tool's output durable first.
 * LRM_ERR_USAGE: bodies that the host makes itself (asks, turns, queue, outcomes, remote mode,
 * resumption, snapshots), deltas (lrm_host_delta), tails (lrm_host_tail), text that is not UTF-8;
 * LRM_ERR_TOO_LARGE: over a limit of the schema: cut or split it. Nothing changed then. */
int lrm_host_emit(lrm_host *host, const Remote__V1__Event *event, uint64_t wall_ms,
                  uint64_t now_ns) LRM_MUST_USE;
/* A delta (AssistantDelta, ThoughtDelta, ToolOutput): goes out as a tail at once and becomes
 * durable at the next CLEARS_TAIL block (after 32 KiB, 2 s of pause, when an ask opens, when a
 * stream or the turn ends). `position` is filled in by the host. Long ones are split.
 * LRM_ERR_USAGE: another body; LRM_ERR_BUSY: 128 streams are open. */
int lrm_host_delta(lrm_host *host, const Remote__V1__Event *event, uint64_t wall_ms,
                   uint64_t now_ns) LRM_MUST_USE;
/* An ephemeral event that need not survive (UsageUpdated, AgentExtension).
 * LRM_ERR_TOO_LARGE: over 48 KiB. */
int lrm_host_tail(lrm_host *host, const Remote__V1__Event *event, uint64_t wall_ms,
                  uint64_t now_ns) LRM_MUST_USE;
/* The stream `message_id` is complete: its whole text is written as AssistantMessage or Thought
 * (several when long). Streams still open are completed by TurnEnded. */
int lrm_host_complete_stream(lrm_host *host, const char *message_id, uint64_t wall_ms,
                             uint64_t now_ns) LRM_MUST_USE;
/* Opens an ask; ask->ask_id is ignored, the id made comes out. opened_ms is filled in, turn_id
 * when it is empty. Of a permission that is one_time_only the lasting options are taken away.
 * LRM_ERR_BUSY: 64 are open; LRM_ERR_STATE: the session has ended. */
int lrm_host_ask(lrm_host *host, const Remote__V1__Ask *ask, lrm_id *ask_id, uint64_t wall_ms,
                 uint64_t now_ns) LRM_MUST_USE;
/* The agent took an ask back, or its turn was cancelled. No action follows; LRM_ERR_NOT_FOUND:
 * it is not open (any more). */
int lrm_host_end_ask(lrm_host *host, const lrm_id *ask_id, Remote__V1__AskOutcome outcome,
                     const char *reason, uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;
/* A turn ended: TurnEnded; open tools of the turn are closed as CANCELLED, its open asks are
 * withdrawn, streams completed, status idle, snapshot when due; the next queued prompt becomes an
 * action. turn_id may be empty (the running one); cancelled_by is filled in by the host.
 * LRM_ERR_STATE: no turn runs, or another one, or its
 * prompt has not been taken yet. */
int lrm_host_turn_ended(lrm_host *host, const Remote__V1__TurnEnded *ended, uint64_t wall_ms,
                        uint64_t now_ns) LRM_MUST_USE;
/* The agent can be given prompts now (started, resumed), or no longer (dead: a running turn is
 * ended, open asks are orphaned). Initially not. */
int lrm_host_set_agent_ready(lrm_host *host, bool ready, uint64_t wall_ms,
                             uint64_t now_ns) LRM_MUST_USE;

/* The rules of this machine have changed (watch_only of the configuration). */
int lrm_host_set_watch_only(lrm_host *host, bool watch_only, uint64_t wall_ms,
                            uint64_t now_ns) LRM_MUST_USE;

/* ---- what the local person does: the same path as remote commands, journal then act ---- */

/* LRM_ERR_USAGE: empty; LRM_ERR_TOO_LARGE: over 128 KiB; LRM_ERR_BUSY: 64 prompts wait;
 * LRM_ERR_STATE: the session has ended. `steer` where that is not possible: queued. Slash commands
 * and shell text are the local person's business. */
int lrm_host_submit_local(lrm_host *host, const char *text, bool steer, uint64_t wall_ms,
                          uint64_t now_ns) LRM_MUST_USE;
/* A file for a prompt: journalled, kept as those from afar are (lrm_host_attachment). `data` is
 * copied. Its id comes out. LRM_ERR_USAGE: no bytes or no name; LRM_ERR_TOO_LARGE: over
 * LRM_ATTACHMENT_BYTES_MAX; LRM_ERR_BUSY: 32 files or 64 MiB are kept; LRM_ERR_STATE: the session
 * has ended, or the journal takes nothing. */
typedef struct lrm_host_local_attachment {
  const char *name;       /* a path's last part is taken */
  const char *media_type; /* may be NULL */
  lrm_slice data;
} lrm_host_local_attachment;
int lrm_host_attach_local(lrm_host *host, const lrm_host_local_attachment *local, lrm_id *id,
                          uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;
/* As lrm_host_submit_local, with attachments. LRM_ERR_NOT_FOUND: one of them is not there (any
 * more) or not complete; LRM_ERR_TOO_LARGE: more than 16, too. */
typedef struct lrm_host_local_prompt {
  const char *text;
  bool steer;
  const lrm_id *attachment_ids;
  size_t attachments_count;
} lrm_host_local_prompt;
int lrm_host_prompt_local(lrm_host *host, const lrm_host_local_prompt *local, uint64_t wall_ms,
                          uint64_t now_ns) LRM_MUST_USE;
/* LRM_ERR_NOT_FOUND: no such ask, or already resolved (lrm_host_resolution tells by whom);
 * LRM_ERR_USAGE: option not offered. */
int lrm_host_answer_local(lrm_host *host, const lrm_id *ask_id,
                          const Remote__V1__AnswerContent *answer, uint64_t wall_ms,
                          uint64_t now_ns) LRM_MUST_USE;
int lrm_host_set_mode_local(lrm_host *host, const char *mode_id, uint64_t wall_ms,
                            uint64_t now_ns) LRM_MUST_USE;
int lrm_host_set_option_local(lrm_host *host, const char *option_id, const char *value,
                              uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;
/* Cancels the open asks of the turn (no ANSWER actions: the agent is cancelled as a whole), then
 * the action CANCEL. LRM_ERR_STATE: no turn runs. */
int lrm_host_cancel_local(lrm_host *host, uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;
/* Takes a queued prompt back by its prompt_id, a remote one too. LRM_ERR_NOT_FOUND. */
int lrm_host_withdraw_local(lrm_host *host, const char *prompt_id, uint64_t wall_ms,
                            uint64_t now_ns) LRM_MUST_USE;
const Remote__V1__AskResolved *lrm_host_resolution(const lrm_host *host, const lrm_id *ask_id);

/* ---- actions: what is to be done now ---- */

typedef enum lrm_host_action_type {
  LRM_ACTION_PROMPT = 1,     /* give the agent `text` and attachments; a turn begins: `turn_id` */
  LRM_ACTION_STEER = 2,      /* put `text` into the running turn */
  LRM_ACTION_ANSWER = 3,     /* tell the agent: `resolution` of `ask_id` (answered, expired) */
  LRM_ACTION_CANCEL = 4,     /* cancel the running turn */
  LRM_ACTION_SET_MODE = 5,   /* `text` is the mode id */
  LRM_ACTION_SET_OPTION = 6, /* `text` the option id, `value` */
  LRM_ACTION_SET_TITLE = 7,  /* for information; already emitted */
  LRM_ACTION_SLASH = 8,      /* `text` the name, `value` the arguments */
  LRM_ACTION_END_REMOTE = 9, /* detach from the relay; everything is published */
  /* The relay closed the session for this host (`code`, `reason`): 3005 another process has
   * it, 3009 it was deleted (remote control may go on under a new session id), 3007 policy, other
   * codes of class 3 and 4. The host publishes no more on this link: tell the person, and close
   * it unless it carries something else. The local session goes on. After 3007 and the like the
   * host tries again at the next WELCOME. code 0: the journal itself belongs to another process. */
  LRM_ACTION_RESTART_LINK = 10
} lrm_host_action_type;

typedef struct lrm_host_action {
  lrm_host_action_type type;
  lrm_id command_id; /* none: local */
  lrm_id ask_id;
  const char *text;
  const char *value;
  const char *turn_id;
  const char *reason;
  const Remote__V1__AskResolved *resolution;
  const Remote__V1__Actor *by;
  uint32_t code;                /* RESTART_LINK: of the Problem */
  const lrm_id *attachment_ids; /* PROMPT, STEER: complete ones, for lrm_host_attachment */
  size_t attachments_count;
} lrm_host_action;

/* True: an action, its strings borrowed until the next lrm_host_next_action. Text that is NULL
 * in it is "". Remote PROMPT, STEER, SLASH,
 * SET_MODE, SET_OPTION and CANCEL are recorded as started (durably) before they are handed out. */
bool lrm_host_next_action(lrm_host *host, lrm_host_action *action);
/* The result of a remote action, journalled as its outcome. code 0: APPLIED, else REJECTED with
 * code and reason. PROMPT and STEER: when the agent has it (the message and TurnStarted are
 * emitted then). SET_MODE and SET_OPTION: the change is emitted with it. Local actions (no id):
 * ignored; a local prompt the agent did not take is ended by lrm_host_turn_ended.
 * LRM_ERR_NOT_FOUND: not started, or it has an outcome already (its epoch ended meanwhile). */
int lrm_host_finish(lrm_host *host, const lrm_id *command_id, uint32_t code, const char *reason,
                    uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;

/* A complete attachment: from its last chunk until a prompt that named it is APPLIED (a local one:
 * until the next lrm_host_next_action), an hour after its first chunk (unless a prompt that waits
 * names it), or the session ends. LRM_ERR_NOT_FOUND. */
typedef struct lrm_host_attachment_info {
  const char *name;       /* a name without folders, controls and marks of direction; never "".
                             Borrowed until the next call on the host, as media_type */
  const char *media_type; /* as its sender said; may be "" */
  uint64_t bytes;         /* 1 to LRM_ATTACHMENT_BYTES_MAX */
} lrm_host_attachment_info;
int lrm_host_attachment(const lrm_host *host, const lrm_id *attachment_id,
                        lrm_host_attachment_info *out) LRM_MUST_USE;
/* Its bytes, piece by piece: `position` is 0, then where the last piece ended; at its end a piece
 * of 0 bytes. Borrowed until the next call on host or store. LRM_ERR_NOT_FOUND: it is not there,
 * or no piece begins there; LRM_ERR_USAGE: beyond its end; errors of the store. */
int lrm_host_attachment_read(lrm_host *host, const lrm_id *attachment_id, uint64_t position,
                             lrm_slice *out) LRM_MUST_USE;

/* ---- remote control ---- */

/* Mode changes (RemoteModeChanged by the local person). OFF: lrm_host_published tells when all is
 * out; then close the link. Commands that come after OFF stay with the relay until it is on
 * again. */
int lrm_host_set_remote_mode(lrm_host *host, uint32_t remote_mode, const char *reason,
                             uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;
/* The relay said that the session was deleted there (RESTART_LINK, 3009). It opens nothing any more
 * until lrm_host_renew. */
bool lrm_host_deleted(const lrm_host *host);
/* The id under which the session is published: of the config, or of the newest lrm_host_renew,
 * which the journal remembers. */
lrm_id lrm_host_session_id(const lrm_host *host);
/* After a deletion: the session goes on at the relay as another one, with all of the history that
 * the journal still has, under an id of the caller's (random). The journal stays where it is: to
 * lrm_host_create its id is the first one. Commands from afar that have no outcome become UNKNOWN.
 * LRM_ERR_USAGE: no id, or the same; LRM_ERR_STATE: another process has the session. */
int lrm_host_renew(lrm_host *host, const lrm_id *session_id, uint64_t wall_ms,
                   uint64_t now_ns) LRM_MUST_USE;
/* Hands the host its link (NULL: takes it away; its channels are not closed). The host opens its
 * channels when the link is WELCOME (at once when it is LIVE already), and again after each. The
 * link must outlive its stay here. */
void lrm_host_attach_link(lrm_host *host, lrm_link *link);
/* Every event of the link comes here; what the host does not know is ignored. */
int lrm_host_link_event(lrm_host *host, const lrm_link_event *event, uint64_t wall_ms,
                        uint64_t now_ns) LRM_MUST_USE;
/* Serves lrm_link_wanted: the block or tail to send. *frame gets header fields and a borrowed
 * payload, valid until the next call on the host. */
int lrm_host_fetch(lrm_host *host, const lrm_link_want *want, lrm_frame *frame) LRM_MUST_USE;
/* The carrier is gone. */
void lrm_host_link_down(lrm_host *host);
/* All events are journalled and acknowledged by the relay. */
bool lrm_host_published(const lrm_host *host);

/* ---- store and time ---- */

/* After lrm_store_settle: what became durable is published, acknowledged and acted on. */
int lrm_host_settled(lrm_host *host, uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;
/* A commit failed: disk full or store error. Remote control pauses (nothing is acknowledged,
 * published or acted on), the local session goes on from memory: its actions no longer wait for
 * the journal. Cleared by the next lrm_host_settled; what could not even wait for it is lost to
 * the journal, then a new epoch begins with a snapshot and a Notice. LRM_ERR_FENCED: another
 * process has the journal; remote control ends for good (RESTART_LINK). */
void lrm_host_store_failed(lrm_host *host, int error);
uint64_t lrm_host_deadline(const lrm_host *host); /* monotonic ns */
int lrm_host_expire(lrm_host *host, uint64_t wall_ms, uint64_t now_ns) LRM_MUST_USE;

/* ---- for the local surface ---- */

/* Durable and ephemeral events in the order they were emitted, for the local terminal; called
 * synchronously from inside emit and the others (the host may not be called from it). Deltas come
 * as tails only, not again when they become durable. Events of lrm_host_create come before it can
 * be set: read lrm_host_state. Set once. */
void lrm_host_on_event(lrm_host *host,
                       void (*seen)(void *user, const Remote__V1__Event *event, bool tail),
                       void *user);
/* The agent has loaded another history: a new epoch that begins with a snapshot of the present
 * state. Commands without an outcome become UNKNOWN. */
int lrm_host_restart_history(lrm_host *host, const char *why, uint64_t wall_ms,
                             uint64_t now_ns) LRM_MUST_USE;

/* A local key was pressed: goes into INFO, so that notifications can be held back. */
void lrm_host_local_input(lrm_host *host, uint64_t wall_ms);

#ifdef __cplusplus
}
#endif
#endif
