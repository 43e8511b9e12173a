/* The link: an endpoint's logical connection that outlives carriers. Both roles, sans-I/O:
 * bytes and `now` in, frames and events out; no clock, socket, thread, entropy or global
 * allocator inside. It knows handshake, generations, channels with cursors, receipts, acks,
 * credit, tails, heartbeat, reconnect times, limits and codes. It does not know what a message
 * means and stores nothing: blocks wait in their log and are pulled when they may be sent.
 * Source: docs/spec.md sections 2 to 5 and 7.
 *
 * One turn of a driver:
 *   carrier readable        lrm_link_recv until all is consumed; after each call drain
 *                           lrm_link_next_event
 *   something changed       while the carrier has room: lrm_link_outgoing until it writes nothing,
 *                           then lrm_link_wanted and lrm_link_block, and again from the start
 *   lrm_link_deadline       lrm_link_expire, then drain events and send as above
 *
 * What may be lost and what may not: ACK, credit, SYNCED, OPENED, PONG, WELCOME, GOAWAY and the
 * code of a CLOSE are made from flags when there is room, so they never are. OPEN, INFO,
 * LOG_STATUS, RECEIPT, REQUEST, REPLY and the reason of a CLOSE wait in a queue of control_bytes;
 * when it is full the call that adds to it returns LRM_ERR_BUSY and changes nothing: call it again
 * after lrm_link_outgoing. INFO and LOG_STATUS replace an older one of their channel that still
 * waits.
 *
 * Threads: one at a time. Memory: from `allocator`. A connecting link allocates everything in
 * lrm_link_create and nothing later. An accepting one, of which there are many, takes room for
 * channels as they are opened and for its queue while something waits in it; when there is none its
 * carrier ends with 1003, and the other side comes back to where it was. Time: `now_ns` is
 * monotonic, any origin, never 0; it may not go backwards. */
#ifndef REMOTE_LINK_H
#define REMOTE_LINK_H

#include "remote/frame.h"
#include "remote/limits.h"
#include "remote/types.h"

#include "remote/v1/link.pb.h" /* generated, nanopb: remote_v1_Hello and the like */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_link lrm_link;

typedef enum lrm_link_side {
  LRM_SIDE_CONNECTING = 1, /* host or client */
  LRM_SIDE_ACCEPTING = 2   /* relay; one lrm_link per accepted carrier */
} lrm_link_side;

/* The states; one function writes them, the table in link_state.c draws their diagram. */
typedef enum lrm_link_state {
  LRM_LINK_DOWN = 0,     /* no carrier; a connecting link waits for its next attempt */
  LRM_LINK_GREETING = 1, /* carrier up; HELLO sent or awaited */
  LRM_LINK_JUDGING = 2,  /* accepting: HELLO received, the caller authenticates */
  LRM_LINK_LIVE = 3,     /* WELCOME sent or received */
  LRM_LINK_CLOSING = 4,  /* GOAWAY or REFUSE queued or received; carrier to be closed */
  LRM_LINK_DEAD = 5      /* a code of class 3 or 4: no attempt by itself any more */
} lrm_link_state;

typedef struct lrm_link_config {
  size_t struct_bytes; /* sizeof(lrm_link_config) */
  lrm_link_side side;
  lrm_allocator allocator;
  uint64_t seed;                /* entropy for jitter, PING payloads and GREASE; any value */
  uint32_t channels_max;        /* 0: 64 connecting, 256 accepting */
  uint32_t control_bytes;       /* queue of control frames; 0: 8 KiB accepting, 16 KiB connecting;
                                   at least 4 KiB. Full: BUSY */
  uint32_t frame_bytes_max;     /* largest payload accepted; 0: 256 KiB */
  uint32_t credit_window_bytes; /* 0: LRM_CREDIT_WINDOW_BYTES */
  uint32_t control_frames_rate; /* frames other than BLOCK that are taken a second, four times that
                                   at once; above it GOAWAY 1004. 0: no limit */
  bool grease;                  /* now and then an ignorable frame and a reserved feature name */

  /* Connecting side: what HELLO says. Copied. */
  lrm_id link_id;
  uint32_t role;               /* Role */
  const char *token;           /* may be NULL or empty: sign in first */
  const char *agent;           /* e.g. "remote/0.1.0" */
  const char *const *features; /* both sides; WELCOME names those that both speak. At most 15 */
  size_t features_count;
  uint64_t generation; /* the first attempt uses generation + 1; below 2^53-1 */
} lrm_link_config;

/* LRM_ERR_USAGE: struct_bytes, side or allocator; LRM_ERR_TOO_LARGE: a string, a list or a number
 * over its limit; LRM_ERR_NO_MEMORY. */
int lrm_link_create(const lrm_link_config *config, lrm_link **out) LRM_MUST_USE;
void lrm_link_destroy(lrm_link *link);

/* Replaces the token for the next attempt (after signing in). A DEAD link goes DOWN and tries
 * again at once. LRM_ERR_TOO_LARGE. */
int lrm_link_set_token(lrm_link *link, const char *token, uint64_t now_ns) LRM_MUST_USE;

lrm_link_state lrm_link_state_now(const lrm_link *link);
const char *lrm_link_state_name(lrm_link_state state);
/* Connecting: of the present or last attempt. Accepting: what HELLO said. */
uint64_t lrm_link_generation(const lrm_link *link);
/* When the last byte was heard on the present carrier; 0: never. */
uint64_t lrm_link_heard_ns(const lrm_link *link);

/* Connecting, state DOWN: when the next attempt is due (now or earlier: at once). UINT64_MAX:
 * in another state. */
uint64_t lrm_link_attempt_ns(const lrm_link *link);

/* A carrier is up. Connecting: the generation grows and HELLO is queued; OPENs may follow at
 * once, in the first flight (spec: at most 16 KiB before WELCOME; the rest, and REQUESTs, are held
 * back until it). Channel numbers begin at 1 again.
 * LRM_ERR_STATE: a carrier is up already or the link is DEAD. */
int lrm_link_attach(lrm_link *link, uint64_t now_ns) LRM_MUST_USE;

/* The carrier is gone, or an attempt failed (connecting, DOWN). All channels and requests, and
 * events not taken, are gone without a word; what they were is for the caller to open again.
 * Bytes of the old carrier that come later must not be fed: so a SUPERSEDED on an abandoned
 * carrier is ignored. After a code of class 3 or 4, said or heard, a connecting link is DEAD.
 * Connecting: the time of the next attempt is set: at once the first time and after a carrier that
 * was live for 2 s, else full jitter from 250 ms doubling to 30 s, which begins anew after 60 s
 * live; retry_after_ms is obeyed. */
void lrm_link_detach(lrm_link *link, uint64_t now_ns);

/* Takes bytes from the carrier; stops after the first frame that makes an event, so that its
 * payload can be borrowed from `data`. Call again with the rest after draining events. What is
 * not consumed is a partial frame: offer it again with more behind it; *wanted says how many
 * bytes are needed at least. While an event waits nothing is consumed, and in JUDGING nothing is
 * either (*wanted is 0): after _accept offer the same bytes again, without waiting for more.
 * In CLOSING everything is consumed unread.
 * Returns 0. Otherwise the peer broke the protocol: GOAWAY is queued, the state is CLOSING, and
 * an event GOAWAY_SENT follows; flush outgoing, then close the carrier.
 * LRM_ERR_PROTOCOL, LRM_ERR_LIMIT, LRM_ERR_DECODE; LRM_ERR_STATE: no carrier. */
int lrm_link_recv(lrm_link *link, const uint8_t *data, size_t bytes, size_t *consumed,
                  size_t *wanted, uint64_t now_ns) LRM_MUST_USE;

typedef enum lrm_link_event_type {
  LRM_LINK_EVENT_HELLO = 1,       /* accepting: authenticate, then _accept or _refuse */
  LRM_LINK_EVENT_WELCOME = 2,     /* connecting: live */
  LRM_LINK_EVENT_REFUSED = 3,     /* connecting: `problem`; close the carrier, then _detach */
  LRM_LINK_EVENT_GOAWAY = 4,      /* peer says goodbye: `problem`; close, then _detach */
  LRM_LINK_EVENT_GOAWAY_SENT = 5, /* we do: `problem`; flush, close, then _detach */
  LRM_LINK_EVENT_OPEN = 6,        /* accepting: `open` on `channel`; answer _opened or _close */
  LRM_LINK_EVENT_OPENED = 7,      /* connecting: `opened` on `channel` */
  LRM_LINK_EVENT_CLOSED = 8,      /* `channel` is gone: the peer closed it (`problem`,
                                     `frame.offset`), or the link did: 2003 for an ACK beyond the end
                                     or a publisher's straddling block, 0 at the end of `until` */
  LRM_LINK_EVENT_BLOCK = 9,       /* subscriber: `frame`; in order, once; make it your own, then
                                     _ack and _consumed. A duplicate is dropped and acknowledged
                                     inside the link. Connecting side: a straddling block is given
                                     whole, `skip_messages` say how many are known already. With
                                     SNAPSHOT part 1 `frame.offset` may lie above what was expected:
                                     a jump; who cannot take it closes the channel with 2003 */
  LRM_LINK_EVENT_TAIL = 10,       /* subscriber: `frame`; index in order, gaps already dropped */
  LRM_LINK_EVENT_ACKED = 11,      /* publisher: peer owns everything below `frame.offset` */
  LRM_LINK_EVENT_SYNCED = 12,     /* subscriber: watermark `frame.offset` reached */
  LRM_LINK_EVENT_INFO = 13,       /* raw payload in `frame` */
  LRM_LINK_EVENT_LOG_STATUS = 14, /* `log_status` */
  LRM_LINK_EVENT_RECEIPT = 15,    /* `receipt`, outbox offset in `frame.offset` */
  LRM_LINK_EVENT_REQUEST = 16,    /* accepting: raw payload in `frame`, request id checked */
  LRM_LINK_EVENT_REPLY = 17,      /* connecting: raw payload in `frame` */
  LRM_LINK_EVENT_HEARD = 18,      /* the answer to lrm_link_probe: a byte within 4 s */
  LRM_LINK_EVENT_SILENT = 19      /* nothing heard for too long: the carrier is dead (1002) */
} lrm_link_event_type;

typedef struct lrm_link_event {
  lrm_link_event_type type;
  uint32_t channel;
  lrm_frame frame;        /* payload borrowed until the next recv, attach or detach */
  uint32_t skip_messages; /* BLOCK: leading messages that the reader has already */
  /* Decoded payloads; borrowed as above. Only the one of the type is set. */
  const remote_v1_Hello *hello;
  const remote_v1_Welcome *welcome;
  const remote_v1_Open *open;
  const remote_v1_Opened *opened;
  const remote_v1_Problem *problem;
  const remote_v1_LogStatus *log_status;
  const remote_v1_Receipt *receipt;
} lrm_link_event;

/* Takes the next event: true, or false when there is none. */
bool lrm_link_next_event(lrm_link *link, lrm_link_event *event);

/* ---- accepting side ---- */

/* HELLO is good: WELCOME goes out. `principal` NULL: not signed in; OPENs are closed with 3001
 * inside the link, only REQUESTs are taken, and after 60 s GOAWAY 3001 is queued.
 * LRM_ERR_STATE: not JUDGING. LRM_ERR_PROTOCOL: no common version (REFUSE UPGRADE_REQUIRED is
 * queued). */
int lrm_link_accept(lrm_link *link, const remote_v1_Principal *principal, uint64_t wall_ms,
                    const char *agent, uint64_t now_ns) LRM_MUST_USE;
/* Not signed in yet, but about to be (a pairing that waits for a person): the time for it ends at
 * `deadline_ns` instead. Without effect on a link that is signed in or not LIVE. */
void lrm_link_signing_in(lrm_link *link, uint64_t deadline_ns);
/* HELLO is refused: REFUSE goes out and the state is CLOSING. */
int lrm_link_refuse(lrm_link *link, const remote_v1_Problem *problem, uint64_t now_ns) LRM_MUST_USE;
/* Answers OPEN. For a subscriber's channel blocks flow from opened->next on as _extend allows,
 * and SYNCED is sent by the link at the watermark. For a publisher's channel blocks are taken
 * from opened->next on; credit is granted from the window minus `held_bytes`, what earlier
 * channels of the log still hold. `until` of the OPEN is obeyed by the link: SYNCED, CLOSE 0 and
 * event CLOSED at the smaller of watermark and `until`. Never BUSY.
 * LRM_ERR_NOT_FOUND: the peer has closed it meanwhile; LRM_ERR_STATE: answered already;
 * LRM_ERR_USAGE: a number of 2^53 or more, or an epoch that is not 16 bytes. */
int lrm_link_opened(lrm_link *link, uint32_t channel, const remote_v1_Opened *opened,
                    uint64_t held_bytes, uint64_t now_ns) LRM_MUST_USE;
/* On an EVENTS channel that _opened was called for. LRM_ERR_BUSY, LRM_ERR_NOT_FOUND,
 * LRM_ERR_STATE; LRM_ERR_TOO_LARGE: over 1 KiB. */
int lrm_link_send_log_status(lrm_link *link, uint32_t channel, const remote_v1_LogStatus *status,
                             uint64_t now_ns) LRM_MUST_USE;
/* To a publisher of COMMANDS; leaves before any ACK that is due then. Errors as above. */
int lrm_link_send_receipt(lrm_link *link, uint32_t channel, uint64_t outbox_offset,
                          const remote_v1_Receipt *receipt, uint64_t now_ns) LRM_MUST_USE;
/* `reply` is an encoded Reply of at most LRM_REPLY_BYTES_MAX; `more`, as in the Reply, false frees
 * the request's slot. LRM_ERR_BUSY; LRM_ERR_NOT_FOUND: no such request; LRM_ERR_TOO_LARGE. */
int lrm_link_send_reply(lrm_link *link, const uint8_t *reply, size_t bytes, uint32_t request_id,
                        bool more, uint64_t now_ns) LRM_MUST_USE;
/* Somebody watches what this link's host publishes: ping after 4 s without a byte, dead after
 * 10 s. Also for a client while it is visible. Off again with each carrier. */
void lrm_link_watch(lrm_link *link, bool watched, uint64_t now_ns);

/* ---- connecting side ---- */

/* Attaches a channel; its number comes out. Before WELCOME it leaves in the first flight while
 * 16 KiB are not exceeded. LRM_ERR_STATE: no carrier; LRM_ERR_BUSY: no channel or room free;
 * LRM_ERR_TOO_LARGE: a string is over its limit; LRM_ERR_USAGE: an id that is not 16 bytes, a
 * number of 2^53 or more, no log or direction. `held_bytes` as for _opened, for subscribers:
 * payload of earlier channels of the log that is not consumed yet; lrm_link_consumed on the new
 * channel says when it is. */
int lrm_link_open(lrm_link *link, const remote_v1_Open *open, uint64_t held_bytes,
                  uint32_t *channel, uint64_t now_ns) LRM_MUST_USE;
/* `request` is an encoded Request whose id is request_id, at most LRM_REQUEST_BYTES_MAX. Leaves
 * after WELCOME. LRM_ERR_BUSY: 16 are open, or no room; LRM_ERR_USAGE: the id is open;
 * LRM_ERR_TOO_LARGE. */
int lrm_link_send_request(lrm_link *link, const uint8_t *request, size_t bytes, uint32_t request_id,
                          uint64_t now_ns) LRM_MUST_USE;
/* A person acts, the machine woke, the tab returned: PING at once, any byte within 4 s will do;
 * else SILENT. In DOWN: the next attempt is due at once. */
void lrm_link_probe(lrm_link *link, uint64_t now_ns);

/* ---- both sides ---- */

/* INFO on an open EVENTS channel that this side publishes on (host to relay, relay to watchers);
 * `info` is encoded, <= 1 KiB. A newer one replaces one that is still queued. Errors as for
 * _send_log_status. */
int lrm_link_send_info(lrm_link *link, uint32_t channel, const uint8_t *info, size_t bytes,
                       uint64_t now_ns) LRM_MUST_USE;
/* Detaches a channel with a code; `offset` for a bad block. What is due on it leaves first; late
 * frames on it are ignored. No event. Never BUSY: without room only the code travels. */
int lrm_link_close(lrm_link *link, uint32_t channel, const remote_v1_Problem *problem,
                   uint64_t offset, uint64_t now_ns) LRM_MUST_USE;
/* Says goodbye: what is due leaves, acknowledgements too, then GOAWAY, and nothing follows it.
 * Event GOAWAY_SENT. The code's class says whether a connecting link comes back. */
int lrm_link_goaway(lrm_link *link, const remote_v1_Problem *problem, uint64_t now_ns) LRM_MUST_USE;

/* Publisher: messages below `end` may be sent (host: what is journalled; relay: what it has);
 * nothing is sent before the first call. `tail_offset` and `tail_count` say which tails exist:
 * those after the newest CLEARS_TAIL block, which ends at tail_offset, `tail_count` of them (0:
 * none). A new tail_offset begins again at index 0. Tails are asked for only when the cursor stands
 * at `end`, and on the accepting side after SYNCED. Cheap; call whenever the log grew. `end` never
 * goes back. LRM_ERR_NOT_FOUND: closed meanwhile; LRM_ERR_STATE: not a publisher's channel. */
int lrm_link_extend(lrm_link *link, uint32_t channel, uint64_t end, uint64_t tail_offset,
                    uint32_t tail_count, uint64_t now_ns) LRM_MUST_USE;

typedef enum lrm_want_kind { LRM_WANT_BLOCK = 1, LRM_WANT_TAIL = 2 } lrm_want_kind;
typedef struct lrm_link_want {
  lrm_want_kind kind;
  uint32_t channel;
  uint64_t offset; /* BLOCK: the block that holds this offset; TAIL: end of the CLEARS_TAIL block */
  uint32_t index;  /* TAIL: which */
} lrm_link_want;

/* What could be sent now, given state, cursors and credit; control frames first, then channels
 * in turn. False: nothing (or control frames wait: call lrm_link_outgoing first). Who cannot serve
 * it closes the channel (2002: trimmed), else it is asked for again. */
bool lrm_link_wanted(lrm_link *link, lrm_link_want *want);

/* The caller has the wanted block (or tail): writes its frame header to `header` and moves the
 * cursor; the caller sends header and payload, in this order and whole. frame->channel is
 * filled in, and frame->type when it is 0. A block may start below the cursor (the reader takes the
 * rest), or above it when it is part 1 of a complete snapshot set (a jump).
 * LRM_ERR_POSITION: it does not hold the wanted offset, or is another tail; LRM_ERR_STATE: not
 * wanted; LRM_ERR_TOO_LARGE: over the peer's limits.frame_bytes: a block's channel is closed with
 * 4002 (CLOSED follows), a tail and those after it are dropped; the other channels go on;
 * LRM_ERR_USAGE: no messages or no payload; LRM_ERR_NOT_FOUND. */
int lrm_link_block(lrm_link *link, uint32_t channel, lrm_frame *frame,
                   uint8_t header[LRM_FRAME_HEADER_BYTES_MAX], size_t *header_bytes,
                   uint64_t now_ns) LRM_MUST_USE;

/* The caller cannot serve what this channel wants now: lrm_link_wanted asks the others first. */
void lrm_link_pass(lrm_link *link, uint32_t channel);

/* Subscriber: everything below `next` has been made its own (committed). The link sends ACK
 * after 32 blocks, 64 KiB, 20 ms, or at once when everything received is acknowledged; never lower.
 * OPENED.next is no acknowledgement: repeating it here makes it one. LRM_ERR_USAGE: beyond
 * what was received; LRM_ERR_NOT_FOUND: closed meanwhile; LRM_ERR_STATE: not a subscriber's. */
int lrm_link_ack(lrm_link *link, uint32_t channel, uint64_t next, uint64_t now_ns) LRM_MUST_USE;
/* Subscriber: `bytes` of received payload (of BLOCK and TAIL events, and of held_bytes) are no
 * longer held; credit is renewed when half a window has been. What the link drops itself it counts
 * itself. LRM_ERR_USAGE: more than is held; else as above. */
int lrm_link_consumed(lrm_link *link, uint32_t channel, uint64_t bytes,
                      uint64_t now_ns) LRM_MUST_USE;

/* Writes whole control frames that are due into `out`, as many as fit; *written may be 0.
 * `capacity` at least 5 KiB, and LRM_REQUEST_BYTES_MAX + 96 where such large requests are sent.
 * LRM_ERR_TOO_LARGE: the next frame alone does not fit. */
int lrm_link_outgoing(lrm_link *link, uint8_t *out, size_t capacity, size_t *written,
                      uint64_t now_ns) LRM_MUST_USE;
/* lrm_link_outgoing would write something. */
bool lrm_link_has_outgoing(const lrm_link *link);

/* The next time at which lrm_link_expire has something to do; UINT64_MAX: never. */
uint64_t lrm_link_deadline(const lrm_link *link);
/* Timers: handshake deadline, PING, silence (event SILENT, state CLOSING; close the carrier and
 * _detach), delayed ACKs. A jump of `now` over two ping intervals, seen at any call, means the
 * machine slept: it probes before it calls the carrier dead. */
void lrm_link_expire(lrm_link *link, uint64_t now_ns);

/* What a channel stands at; for tests, tools and status lines. */
typedef struct lrm_link_channel {
  bool open;      /* OPENED was said or heard */
  bool publishes; /* this side sends the blocks */
  bool synced;    /* publisher: SYNCED was written; subscriber: it has come */
  uint32_t log;   /* Log */
  uint64_t next;  /* cursor: next offset to send or to receive */
  uint64_t end;   /* publisher: may send below; subscriber: made its own below */
  uint64_t acked; /* last ACK heard (publisher) or written (subscriber) */
  uint64_t watermark;
  uint64_t credit;      /* limit of payload bytes since OPENED */
  uint64_t moved_bytes; /* payload bytes sent or received since OPENED */
} lrm_link_channel;
/* LRM_ERR_NOT_FOUND: no such channel (any more). */
int lrm_link_channel_facts(const lrm_link *link, uint32_t channel,
                           lrm_link_channel *out) LRM_MUST_USE;
/* Channels in use. */
size_t lrm_link_channels(const lrm_link *link);

/* Text of the first error on this carrier; empty when there is none. Borrowed. */
const char *lrm_link_error_detail(const lrm_link *link);

#ifdef __cplusplus
}
#endif
#endif
