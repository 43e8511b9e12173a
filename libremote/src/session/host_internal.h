/* What the files of the host share. Read in the order of the flow:
 *   host.c            life, time, the end of each call
 *   host_events.c     emit: redact, check, encode, fold
 *   host_streams.c    deltas, tails, CLEARS_TAIL
 *   host_blocks.c     blocks, snapshots, epochs, trimming, what happens when the store fails
 *   host_commands.c   receive, judge, outcome
 *   host_kinds.c      what each kind of command does
 *   host_prompts.c    one prompt at a time: queue, turn, steering
 *   host_turn.c       the end of a turn, and of the agent
 *   host_asks.c       asks and answers
 *   host_attachments.c
 *   host_actions.c    what the application is to do, once it is durable
 *   host_link.c       channels, forks, acknowledgements
 *   host_info.c       SessionInfo and who is attached
 *   host_replay.c     a journal with a past */
#ifndef LRM_SESSION_HOST_INTERNAL_H
#define LRM_SESSION_HOST_INTERNAL_H

#include "remote/arbiter.h"
#include "remote/block.h"
#include "remote/envelope.h"
#include "remote/host.h"
#include "remote/limits.h"
#include "remote/log.h"
#include "remote/message.h"
#include "remote/sha256.h"
#include "remote/tail.h"
#include "remote/view.h"

#include "remote/v1/command.pb-c.h"
#include "remote/v1/event.pb-c.h"
#include "schema.h"

#include "session/host_tools.h"
#include "session/inbox.h"

#define NS_PER_MS UINT64_C(1000000)

/* Spaces of the journal's records. */
enum {
  LRM__SPACE_META = 1,       /* "commands": where in the relay's COMMANDS we are */
  LRM__SPACE_COMMANDS = 2,   /* command id: inbox record */
  LRM__SPACE_ASKS = 3,       /* ask id: order (8, big-endian), AskResolved */
  LRM__SPACE_ATTACHMENTS = 4 /* attachment id: what it is; id, position: bytes of a chunk */
};

#define LRM__BLOCK_EVENTS_MAX 64u
#define LRM__BLOCK_BYTES_MAX (32u * 1024u)
#define LRM__QUEUE_MAX 64u
#define LRM__ACTIONS_MAX 256u
#define LRM__ACTIONS_REMOTE_MAX 192u /* the rest is kept for the local person */
#define LRM__STREAMS_MAX 128u
#define LRM__STREAM_BYTES_MAX (1024u * 1024u)
#define LRM__STREAM_PIECE_BYTES (16u * 1024u)
#define LRM__TEXT_PIECE_BYTES (60u * 1024u) /* of a whole message; AssistantMessage.text 65536 */
#define LRM__RESOLUTIONS_MAX 4096u
#define LRM__ACKS_MAX 64u
#define LRM__TAIL_GATES_MAX 64u
#define LRM__ATTACHMENTS_MAX 32u /* one bit of lrm_inbox_item.attachments each */
#define LRM__ATTACHMENTS_BYTES_MAX (64u * 1024u * 1024u)
#define LRM__DEVICES_MAX 8u
#define LRM__DEVICE_GONE_NS (10 * 1000 * NS_PER_MS) /* a reconnect within it is no news */
#define LRM__INFO_INTERVAL_NS (100 * NS_PER_MS)
#define LRM__REOPEN_NS_MIN (250 * NS_PER_MS)
#define LRM__REOPEN_NS_MAX (30 * 1000 * NS_PER_MS)
#define LRM__TURN_SNAPSHOT_EVENTS 100u /* at the end of a turn only when this much has happened */
#define LRM__TURN_SNAPSHOT_BYTES (64u * 1024u)
#define LRM__SNAPSHOT_BLOCK_BYTES (96u * 1024u)

#define LRM__TURN_ID_BYTES 128

/* Short names of generated constants. */
#define EVENT_BODY(name) REMOTE__V1__EVENT__BODY_##name
#define OUTCOME(name) REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_##name
#define KIND(name) REMOTE__V1__COMMAND_KIND__COMMAND_KIND_##name
#define ASK_OUTCOME(name) REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_##name
#define STATUS(name) REMOTE__V1__STATUS__STATUS_##name
#define MODE(name) REMOTE__V1__REMOTE_MODE__REMOTE_MODE_##name
#define DELIVERY(name) REMOTE__V1__DELIVERY__DELIVERY_##name
#define DELIVERED(name) REMOTE__V1__MESSAGE_DELIVERY__MESSAGE_DELIVERY_##name
#define TOOL_STATUS(name) REMOTE__V1__TOOL_STATUS__TOOL_STATUS_##name

/* Who does something, as a message. */
typedef struct lrm__actor {
  Remote__V1__Actor actor;
  Remote__V1__Origin origin;
} lrm__actor;

/* A message that is still being written, or the output of a running tool. */
typedef struct lrm__stream {
  Remote__V1__Event__BodyCase body; /* ASSISTANT_DELTA, THOUGHT_DELTA, TOOL_OUTPUT; 0: free */
  uint32_t output_stream;
  char id[128];
  char turn_id[LRM__TURN_ID_BYTES];
  char agent_id[LRM__TURN_ID_BYTES];
  uint64_t position; /* bytes so far */
  uint64_t durable;  /* bytes that lie in blocks */
  uint64_t base;     /* messages: position of the first byte kept in `text` */
  uint8_t *text;     /* messages: everything from base on; tools: from `durable` on */
  size_t bytes, capacity;
  uint64_t used; /* for finding the one not used for longest */
} lrm__stream;

typedef struct lrm__turn {
  bool running; /* handed to the agent, or about to be */
  bool begun;   /* TurnStarted is emitted */
  bool cancelling;
  char id[LRM__TURN_ID_BYTES];
  lrm_id command_id; /* none: local */
  Remote__V1__MessageDelivery delivery;
  bool cancelled_local;
  lrm_origin cancelled_by;
} lrm__turn;

typedef struct lrm__attachment {
  lrm_id id;
  bool used;
  uint64_t bytes, total; /* bytes of `total` are in the journal */
  uint64_t begun_ms;     /* wall clock, for the next process */
  uint64_t expires_ns;   /* for this one */
  lrm_sha256 sum;        /* of `bytes` */
  char media_type[128];
  char name[256];
  uint8_t sha256[LRM_SHA256_BYTES];
} lrm__attachment;

typedef struct lrm__host_action lrm__host_action; /* host_actions.c */

typedef struct lrm__device {
  lrm_id id;
  char name[64];
  uint64_t since_ms;
  uint64_t gone_ns; /* 0: attached */
  bool seen;
} lrm__device;

/* One of the two channels. */
typedef struct lrm__host_channel {
  uint32_t number; /* 0: not open */
  bool opened;
  uint64_t reopen_ns; /* 0: at the next occasion; UINT64_MAX: not by itself */
  uint64_t backoff_ns;
  uint64_t offered; /* EVENTS: first_retained of the OPEN */
} lrm__host_channel;

struct lrm_host {
  lrm_allocator allocator;
  lrm_host_config config; /* `session` is void after create */
  lrm_store *store;
  lrm_log *events;
  /* One tiny block for each transaction that something waits for: its `durable` says exactly
   * which records are committed, which the store does not tell of records. */
  lrm_log *steps;
  lrm_view *view;
  lrm_arbiter *arbiter;
  lrm_inbox *inbox;
  lrm_block_builder *builder;
  lrm_block_builder *cutter; /* a block that begins before what the relay has */
  lrm_block_reader *reader;
  lrm_arena redacted;      /* one event at a time */
  lrm_arena decoded;       /* one command at a time */
  lrm_arena action_memory; /* the action handed out */
  lrm__buffer packed;      /* an event */
  lrm__buffer packed_more; /* records, resolutions, envelopes */
  lrm__random random;
  uint64_t wall_ms, now_ns;
  /* What the relay's clock said, and when that was on the clock that is never set. */
  uint64_t relay_ms, relay_said_ns;

  /* events */
  lrm_id epoch;
  uint64_t epoch_step;  /* the epoch is durable when this step is */
  bool first_block;     /* of this process and epoch: CLEARS_TAIL */
  bool set_first;       /* of an epoch that goes on from another: SNAPSHOT */
  bool clear_wanted;    /* the block closed at the end of this call is CLEARS_TAIL */
  bool snapshot_wanted; /* at the end of this call */
  bool writing_snapshot;
  uint64_t events_since_snapshot;
  uint64_t bytes_since_snapshot;
  uint64_t last_event_ms;
  uint64_t acknowledged; /* by the relay, in this epoch */
  void (*seen)(void *user, const Remote__V1__Event *event, bool tail);
  void *seen_user;

  /* tails */
  lrm_tail tail;
  uint8_t *tail_memory;
  struct {
    uint64_t end;   /* when everything below is durable ... */
    uint32_t count; /* ... this many tails may be sent */
  } tail_gates[LRM__TAIL_GATES_MAX];
  uint32_t tail_gates_count;
  uint32_t tail_sendable;
  lrm__stream *streams; /* LRM__STREAMS_MAX */
  uint64_t streams_used;
  size_t pending_bytes;   /* of all streams, not yet in a block */
  uint64_t last_delta_ns; /* 0: nothing pending */

  /* the transaction in the making */
  bool step_wanted; /* something waits for this call's records */
  bool put_done;    /* a record was put in this call */
  bool out;         /* a commit is under way */

  /* store trouble */
  int unsaid;      /* what went wrong in a call that returns nothing: every later one says it */
  int store_error; /* the last commit failed with this; 0: none */
  bool fenced;     /* another process has the journal */
  bool gap;        /* something could not be journalled: a new epoch when the store is back */

  /* session */
  Remote__V1__SessionStarted *session;
  uint32_t mode; /* RemoteMode */
  bool ended;
  bool agent_ready;
  uint32_t status;
  bool ending_remote; /* EndRemote: END_REMOTE when all is published */
  uint64_t off_end;   /* mode OFF: nothing from here on is published; 0: never was on */
  bool info_final;    /* mode OFF: the last INFO has been sent */
  bool info_blocked;  /* the link did not take the newest INFO */
  uint64_t local_input_ms;
  lrm__turn turn;
  bool queue_changed;
  lrm_id resolutions[LRM__RESOLUTIONS_MAX]; /* ring of journalled resolutions, the oldest first */
  uint32_t resolutions_at, resolutions_count;
  uint64_t resolution_order;
  lrm__attachment attachments[LRM__ATTACHMENTS_MAX];

  /* actions */
  lrm__host_action *actions, **actions_end;
  lrm__host_action *handed; /* the one the application looks at */
  size_t actions_count;
  lrm__actor handed_by;

  /* link */
  lrm_link *link;
  bool welcome;
  uint32_t stopped; /* the relay closed the session with this code; 0: no */
  lrm__host_channel publish, commands;
  bool confirmed; /* OPENED of EVENTS has confirmed the epoch on this link */
  bool synced;    /* COMMANDS */
  bool ceiling_view;
  uint32_t ceiling_layer;   /* of the relay, that decided it */
  char account[64];         /* whose session it is, as the relay said last */
  lrm_position commands_at; /* journalled: next of the relay's COMMANDS */
  struct {
    uint64_t next, step;
  } acks[LRM__ACKS_MAX];
  uint32_t acks_count;
  uint64_t told_end, told_tail_offset; /* last lrm_link_extend */
  uint32_t told_tail_count;
  bool told;

  /* info */
  bool info_changed;
  uint64_t info_sent_ns; /* 0: never on this channel */
  uint8_t info[LRM_INFO_BYTES_MAX];
  size_t info_bytes;
  lrm__device devices[LRM__DEVICES_MAX];
};

/* ---- host.c ---- */

void lrm__host_enter(lrm_host *host, uint64_t wall_ms, uint64_t now_ns);
/* The end of each call: snapshot, block, step, link. Returns `result`, or its own error when
 * that is 0. */
int lrm__host_leave(lrm_host *host, int result) LRM_MUST_USE;
lrm__actor *lrm__actor_local(lrm__actor *actor);
lrm__actor *lrm__actor_origin(lrm__actor *actor, const lrm_origin *origin);
/* Notice, durable. */
int lrm__host_notice(lrm_host *host, Remote__V1__NoticeLevel level, const char *topic,
                     const char *text) LRM_MUST_USE;

/* ---- host_events.c ---- */

/* Journals and folds an event. `event` is changed (at_ms). */
int lrm__host_emit(lrm_host *host, Remote__V1__Event *event) LRM_MUST_USE;
/* The same of what is redacted already. */
int lrm__host_emit_clean(lrm_host *host, Remote__V1__Event *event) LRM_MUST_USE;
/* The same, not shown to the local surface (it has seen the tails). */
int lrm__host_emit_quietly(lrm_host *host, Remote__V1__Event *event) LRM_MUST_USE;
/* A copy in host->redacted after the application's redaction; `event` itself without one. */
int lrm__host_redact(lrm_host *host, Remote__V1__Event *event,
                     Remote__V1__Event **out) LRM_MUST_USE;
/* Checks a packed event against the schema's limits. LRM_ERR_TOO_LARGE, LRM_ERR_USAGE. */
int lrm__host_check_event(lrm_slice packed) LRM_MUST_USE;
/* StatusChanged if the status that follows from turn and asks is another one. */
int lrm__host_update_status(lrm_host *host) LRM_MUST_USE;
/* No more: turn closed, asks orphaned, queue refused. */
int lrm__host_end_session(lrm_host *host) LRM_MUST_USE;

/* ---- host_streams.c ---- */

/* Everything streamed so far becomes durable, and the block closed next is CLEARS_TAIL. */
int lrm__host_clear(lrm_host *host) LRM_MUST_USE;
/* A clear is due by time. */
uint64_t lrm__host_clear_deadline(const lrm_host *host);
/* The tail begins anew behind a CLEARS_TAIL block that ends at `end`. */
void lrm__host_tail_cleared(lrm_host *host, uint64_t end);
/* Tails that may be sent, given what is durable. */
void lrm__host_tail_settled(lrm_host *host, uint64_t durable);
/* Completes all open messages. */
int lrm__host_complete_all(lrm_host *host) LRM_MUST_USE;
void lrm__host_streams_free(lrm_host *host);

/* ---- host_blocks.c ---- */

int lrm__host_add_event(lrm_host *host, lrm_slice packed) LRM_MUST_USE;
int lrm__host_close_block(lrm_host *host, bool clears) LRM_MUST_USE;
int lrm__host_write_snapshot(lrm_host *host) LRM_MUST_USE;
/* A new number line that begins with a snapshot; commands without outcome become UNKNOWN. */
int lrm__host_new_epoch(lrm_host *host, const char *why) LRM_MUST_USE;
/* What came from afar and has no outcome gets UNKNOWN, and is not begun any more. */
int lrm__host_give_up(lrm_host *host, const char *why) LRM_MUST_USE;
int lrm__host_trim(lrm_host *host) LRM_MUST_USE;
uint64_t lrm__host_end(const lrm_host *host); /* next offset, the open block counted in */
uint64_t lrm__host_durable(const lrm_host *host);
int lrm__host_put(lrm_host *host, uint32_t space, lrm_slice key, lrm_slice value) LRM_MUST_USE;
int lrm__host_remove(lrm_host *host, uint32_t space, lrm_slice key) LRM_MUST_USE;
/* The step that makes this call's records durable. */
uint64_t lrm__host_step(lrm_host *host);
bool lrm__host_step_durable(const lrm_host *host, uint64_t step);
int lrm__host_append_step(lrm_host *host) LRM_MUST_USE;

/* ---- host_commands.c ---- */

typedef struct lrm__judgement {
  Remote__V1__CommandOutcomeKind outcome;
  uint32_t code;
  const char *reason;
  const Remote__V1__AskResolved *resolution;
  const char *turn_id;
  Remote__V1__KnownOutcome **known;
  size_t known_count;
  uint64_t nonce;
  uint32_t layer; /* 5001, 5002: that decided */
} lrm__judgement;

/* A journalled command with its envelope and body taken apart; borrowed from host->decoded. */
typedef struct lrm__request {
  lrm_inbox_item *item;
  lrm_envelope envelope;
  Remote__V1__Command *command; /* NULL: cannot be decoded */
  lrm__actor by;
} lrm__request;

/* Takes an item apart. The arena is reset: earlier requests are void. */
int lrm__host_request(lrm_host *host, lrm_inbox_item *item, lrm__request *out) LRM_MUST_USE;
/* Prompts from afar that wait for their turn are refused when nobody may steer any more. */
int lrm__host_limit_queued(lrm_host *host) LRM_MUST_USE;
int lrm__host_receive(lrm_host *host, const uint8_t *message, size_t bytes) LRM_MUST_USE;
/* Judges what is there: withdrawals and expiries first, then in order. */
int lrm__host_process(lrm_host *host) LRM_MUST_USE;
int lrm__host_give(lrm_host *host, lrm_inbox_item *item,
                   const lrm__judgement *judgement) LRM_MUST_USE;
int lrm__host_reject(lrm_host *host, lrm_inbox_item *item, uint32_t code,
                     const char *reason) LRM_MUST_USE;
int lrm__host_save(lrm_host *host, lrm_inbox_item *item) LRM_MUST_USE;
int lrm__host_start(lrm_host *host, lrm_inbox_item *item) LRM_MUST_USE;
bool lrm__host_expired(const lrm_host *host, const lrm_envelope *envelope);
int lrm__host_forget(lrm_host *host) LRM_MUST_USE;
int lrm__host_save_position(lrm_host *host) LRM_MUST_USE;

/* ---- host_kinds.c ---- */

/* Class (CommandClass) of a kind. */
uint32_t lrm__command_class(uint32_t kind);
int lrm__host_perform(lrm_host *host, lrm__request *request) LRM_MUST_USE;
/* The events that belong to an outcome APPLIED of a started command. */
int lrm__host_performed(lrm_host *host, lrm__request *request) LRM_MUST_USE;

/* ---- host_prompts.c ---- */

int lrm__host_submit(lrm_host *host, lrm__request *request) LRM_MUST_USE;
int lrm__host_prompt_given(lrm_host *host, lrm__request *request) LRM_MUST_USE;
int lrm__host_prompt_refused(lrm_host *host, const lrm_id *command_id) LRM_MUST_USE;
/* Hands the next prompt over when the agent is free, and tells everybody about the queue. */
int lrm__host_pump(lrm_host *host) LRM_MUST_USE;
int lrm__host_close_turn(lrm_host *host, const Remote__V1__TurnEnded *ended) LRM_MUST_USE;
int lrm__host_close_tools(lrm_host *host, const char *reason) LRM_MUST_USE;
/* Likewise the sub-agents that still run. */
int lrm__host_close_subagents(lrm_host *host, const char *reason) LRM_MUST_USE;
int lrm__host_cancel_turn(lrm_host *host, const lrm__actor *by) LRM_MUST_USE;
int lrm__host_refuse_queue(lrm_host *host, uint32_t code, const char *reason) LRM_MUST_USE;
int lrm__host_queue_event(lrm_host *host) LRM_MUST_USE;
void lrm__host_turn_clear(lrm_host *host);
/* The command that began the turn loses its claim to an outcome other than UNKNOWN: a turn the
 * agent does not have yet is forgotten, another one goes on. */
int lrm__host_turn_unclaimed(lrm_host *host) LRM_MUST_USE;

/* ---- host_asks.c ---- */

/* The id is one of the agent's modes (`known`), and it asks less. */
bool lrm__host_mode_elevates(const lrm_host *host, const char *id, bool *known);
int lrm__host_answer(lrm_host *host, lrm__request *request) LRM_MUST_USE;
/* Ends the open asks of a turn (NULL: all). */
int lrm__host_end_asks(lrm_host *host, const char *turn_id, Remote__V1__AskOutcome outcome,
                       const char *reason, const lrm__actor *by) LRM_MUST_USE;
int lrm__host_expire_asks(lrm_host *host) LRM_MUST_USE;
uint64_t lrm__host_asks_deadline(const lrm_host *host);
size_t lrm__host_asks_open(const lrm_host *host);
int lrm__host_restore_asks(lrm_host *host) LRM_MUST_USE;
/* The resolutions of asks that readers still see open. */
int lrm__host_repeat_resolved(lrm_host *host) LRM_MUST_USE;

/* ---- host_attachments.c ---- */

int lrm__host_attach_chunk(lrm_host *host, lrm__request *request) LRM_MUST_USE;
/* NULL: not there, or not complete. */
lrm__attachment *lrm__host_attachment(lrm_host *host, const ProtobufCBinaryData *id);
/* The complete ones that a prompt names, as bits for lrm_inbox_item.attachments. */
uint32_t lrm__host_attachments_of(lrm_host *host, const Remote__V1__SubmitPrompt *prompt);
/* Those that no other prompt waits with. */
int lrm__host_drop_attachments(lrm_host *host, uint32_t bits) LRM_MUST_USE;
int lrm__host_drop_handed(lrm_host *host, const lrm_id *ids, size_t count) LRM_MUST_USE;
int lrm__host_expire_attachments(lrm_host *host) LRM_MUST_USE;
uint64_t lrm__host_attachments_deadline(const lrm_host *host);
int lrm__host_restore_attachments(lrm_host *host) LRM_MUST_USE;

/* ---- host_actions.c ---- */

typedef struct lrm__action_spec {
  lrm_host_action_type type;
  const lrm_id *command_id; /* NULL: local */
  const lrm_id *ask_id;
  const char *text, *value, *turn_id, *reason;
  uint32_t code;
  const ProtobufCBinaryData *attachments;
  size_t attachments_count;
  const lrm__actor *by;
} lrm__action_spec;

/* LRM_ERR_BUSY: the application takes none (local ones only; see LRM__ACTIONS_REMOTE_MAX). */
int lrm__host_act(lrm_host *host, const lrm__action_spec *spec) LRM_MUST_USE;
bool lrm__host_actions_room(const lrm_host *host);
/* The action of this command has not been handed out. */
bool lrm__host_action_waits(const lrm_host *host, const lrm_id *command_id);
/* The running turn's prompt has not been handed out. There is never more than one. */
bool lrm__host_prompt_waits(const lrm_host *host);
/* Takes it back; false: it was handed out. */
bool lrm__host_prompt_take_back(lrm_host *host);
/* A local prompt that has not been handed out, or is being looked at, names it. */
bool lrm__host_actions_name(const lrm_host *host, const lrm_id *attachment_id);
/* Remote ones are forgotten, but for answers that have won and cancels. */
void lrm__host_actions_drop_remote(lrm_host *host);
/* Those whose command has expired while they were being made durable: EXPIRED, not handed out. */
int lrm__host_actions_expire(lrm_host *host) LRM_MUST_USE;
void lrm__host_actions_free(lrm_host *host);

/* ---- host_link.c ---- */

int lrm__host_open_channels(lrm_host *host) LRM_MUST_USE;
void lrm__host_extend(lrm_host *host);
int lrm__host_acknowledge(lrm_host *host) LRM_MUST_USE;
void lrm__host_close_channel(lrm_host *host, lrm__host_channel *channel, uint32_t code,
                             const char *reason);
uint64_t lrm__host_link_deadline(const lrm_host *host);
/* Remote control cannot go on with this link: RESTART_LINK. */
int lrm__host_stop(lrm_host *host, uint32_t code, const char *reason) LRM_MUST_USE;
int lrm__host_change_mode(lrm_host *host, uint32_t mode, const lrm__actor *by,
                          const char *reason) LRM_MUST_USE;

/* ---- host_info.c ---- */

void lrm__host_send_info(lrm_host *host);
uint64_t lrm__host_info_deadline(const lrm_host *host);
int lrm__host_devices(lrm_host *host, const remote_v1_LogStatus *status) LRM_MUST_USE;
int lrm__host_expire_devices(lrm_host *host) LRM_MUST_USE;
uint64_t lrm__host_devices_deadline(const lrm_host *host);

/* ---- host_replay.c ---- */

int lrm__host_replay(lrm_host *host) LRM_MUST_USE;
/* What a dead process left behind. */
int lrm__host_recover(lrm_host *host) LRM_MUST_USE;

#endif
