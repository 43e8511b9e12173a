/* What the files of the link share. The flow: link_receive.c takes bytes and hands frames to the
 * handlers that the table in link_state.c names; link_channel.c keeps the cursors; link_send.c
 * writes what is due; link_timers.c owns every interval; link_messages.c encodes and decodes. */
#ifndef LRM_LINK_INTERNAL_H
#define LRM_LINK_INTERNAL_H

#include "base/assert.h"
#include "remote/link.h"

#define LRM__PONGS_MAX 4u
#define LRM__QUEUE_FIRST_BYTES 512u
#define LRM__CHANNELS_FIRST 4u /* room of an accepting link for its first channels */
#define LRM__CONTROL_BYTES_DEFAULT (16u * 1024u)
#define LRM__CONTROL_BYTES_ACCEPTING (8u * 1024u)
#define LRM__CONTROL_BYTES_MIN (4u * 1024u)
#define LRM__MESSAGE_BYTES_MAX 2048u /* largest encoded link message: Open, 1411 */

typedef enum lrm__channel_state {
  LRM__CHANNEL_FREE = 0,
  LRM__CHANNEL_OPENING = 1, /* OPEN is out or with the caller; no OPENED yet */
  LRM__CHANNEL_OPEN = 2,
  LRM__CHANNEL_CLOSING = 3 /* closed by this side; CLOSE is not written or not reported yet */
} lrm__channel_state;

/* What a channel owes. The DUE ones are frames derived from the channel's numbers when there is
 * room to write them, so that none is ever lost for want of room. */
enum {
  LRM__OPENED_DUE = 1,
  LRM__ACK_DUE = 2,
  LRM__SYNCED_DUE = 4,
  LRM__CLOSE_DUE = 8,
  LRM__DUE = LRM__OPENED_DUE | LRM__ACK_DUE | LRM__SYNCED_DUE | LRM__CLOSE_DUE,
  LRM__CLOSE_QUEUED = 16, /* its CLOSE, with a reason, is in the queue */
  LRM__SYNCED = 32,       /* publisher: SYNCED is written; subscriber: it has come */
  LRM__ACKED = 64,        /* an ACK went out or came in */
  LRM__TAIL_KNOWN = 128,  /* subscriber: tail_base is set */
  LRM__TAIL_LOST = 256,   /* subscriber: an index was missed */
  LRM__REPORT = 512       /* closed by the link itself; event CLOSED is owed */
};

typedef struct lrm__publisher {
  uint64_t end;   /* messages below may be sent */
  uint64_t acked; /* by the peer */
  uint64_t tail_offset;
  uint32_t tail_count;
  uint32_t tail_index; /* next to send */
} lrm__publisher;

typedef struct lrm__subscriber {
  uint64_t own;            /* everything below is made the caller's own */
  uint64_t acked;          /* last ACK written */
  uint64_t held_bytes;     /* held from earlier channels of the log at OPEN */
  uint64_t consumed_bytes; /* of those and of what was received */
  uint64_t ack_since_ns;   /* first block not acknowledged came; 0: none */
  uint64_t tail_base;      /* end of the last CLEARS_TAIL block */
  uint32_t tail_index;     /* next wanted */
  uint32_t ack_blocks;     /* received since the last ACK */
  uint32_t ack_bytes;
} lrm__subscriber;

/* One channel. Small: an accepting link has channels_max of them. */
typedef struct lrm__channel {
  uint32_t number;
  uint8_t state;
  uint8_t publishes; /* this side sends the blocks */
  uint8_t log;
  uint8_t outcome; /* of the OPENED that is due, with the three below */
  uint8_t ceiling, ceiling_layer;
  uint8_t epoch_bytes;
  uint16_t flags;
  uint32_t close_code;
  uint64_t next;      /* cursor: next to send or to receive */
  uint64_t open_next; /* what OPEN said; CLOSING: the offset that CLOSE will say */
  uint64_t watermark;
  uint64_t until;       /* 0: none */
  uint64_t credit;      /* limit, payload bytes since OPENED */
  uint64_t moved_bytes; /* payload sent or received since OPENED */
  uint64_t last_writer_generation;
  uint8_t epoch[16];
  union {
    lrm__publisher pub;
    lrm__subscriber sub;
  };
} lrm__channel;

/* What only a connecting link needs. */
typedef struct lrm__hello {
  lrm_id link_id;
  uint32_t role;
  char token[129];
} lrm__hello;

struct lrm_link {
  lrm_allocator allocator;
  lrm_link_side side;
  lrm_link_state state;
  uint64_t random;
  uint32_t channels_max;
  uint32_t channels_room; /* slots that there are; fewer than channels_max on the accepting side */
  uint32_t control_bytes;
  uint32_t frame_bytes_max;
  uint32_t window_bytes;
  uint32_t control_frames_rate; /* 0: no limit */
  uint64_t control_full_ns;     /* when the bucket of control frames is full again */
  bool grease;
  char agent[64];
  char (*features)[24];
  uint32_t features_count;
  lrm__hello *hello; /* NULL on the accepting side */
  uint64_t generation;

  /* Time. */
  uint64_t now_ns; /* the latest that any call has said */
  uint64_t heard_ns;
  uint64_t sent_ns;
  uint64_t pinged_ns;
  uint64_t unwatched_ns; /* when nobody watched any more */
  uint64_t ping_idle_ns; /* 10 s with its jitter */
  uint64_t ping_limit_ns;
  uint64_t greeting_deadline_ns;
  uint64_t sign_in_deadline_ns; /* 0: signed in */
  uint64_t probe_deadline_ns;   /* 0: no probe */
  uint64_t ack_deadline_ns;     /* earliest delayed ACK; 0: none */
  uint64_t live_since_ns;
  uint64_t attempt_ns;
  uint64_t retry_after_ns;
  uint32_t attempts_failed;
  bool slow_down; /* 1004: the next attempt is not at once */
  bool watched;
  bool probe_reports; /* HEARD is owed when a byte comes */
  bool final;         /* what ended the carrier allows no further attempt */

  /* Receiving. */
  uint32_t unconsumed_bytes; /* of the last offer */
  uint32_t early_bytes;      /* consumed before WELCOME */
  const char *error_detail;
  bool has_event;
  bool heard_owed;
  bool silent_owed;
  bool farewell_owed;
  uint32_t reports_owed; /* channels with REPORT */
  lrm_link_event event;
  remote_v1_Problem report; /* of a CLOSED that this side caused */
  union {
    remote_v1_Hello hello;
    remote_v1_Welcome welcome;
    remote_v1_Open open;
    remote_v1_Opened opened;
    remote_v1_Problem problem;
    remote_v1_LogStatus log_status;
    remote_v1_Receipt receipt;
  } decoded;

  /* Sending. */
  bool hello_due;
  bool ping_due;
  bool grease_due;
  bool was_live; /* CLOSING: what is due goes out before the farewell */
  uint32_t pongs_count;
  uint8_t pongs[LRM__PONGS_MAX][8];
  uint32_t flight_bytes; /* written before WELCOME */
  uint32_t farewell_type;
  remote_v1_Problem farewell;
  uint32_t peer_frame_bytes_max;
  uint32_t peer_channels_max;
  uint32_t queue_head;
  uint32_t queue_tail;
  uint32_t queue_bytes; /* room in it; at most control_bytes */
  uint8_t *queue;       /* accepting: NULL while nothing waits */

  /* Channels and calls. */
  uint32_t channel_last; /* highest number used on this carrier */
  uint32_t channels_used;
  uint32_t channels_due; /* with a DUE flag */
  uint32_t turn;         /* slot that is asked first for data */
  uint32_t requests_mask;
  uint32_t requests[LRM_REQUESTS_OPEN_MAX];
  lrm__channel *channels;
};

/* link_state.c */
typedef int (*lrm__handler)(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
void lrm__link_enter(lrm_link *link, lrm_link_state state);
/* The handler of a frame; NULL: it is not expected. *on_channel: it belongs to a channel. */
lrm__handler lrm__link_handler(const lrm_link *link, uint32_t type, bool *on_channel);
/* The table of moves between states has this one. */
bool lrm__link_may_enter(lrm_link_state from, lrm_link_state to);
const char *lrm__link_cell(lrm_link_side side, lrm_link_state state, uint32_t type);
uint64_t lrm__link_random(lrm_link *link);
/* Copies as much of a text as fits; always terminated. */
void lrm__text_copy(char *out, size_t capacity, const char *text);
/* The peer broke the protocol: GOAWAY (or REFUSE) with `code` is due. Returns the LRM_ERR that
 * goes with the code. `detail` is static. */
int lrm__link_fail(lrm_link *link, uint32_t code, const char *detail);
void lrm__link_farewell(lrm_link *link, uint32_t type, const remote_v1_Problem *problem);
void lrm__link_forget_carrier(lrm_link *link);

/* link_receive.c: the handlers. */
int lrm__receive_hello(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_welcome(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_refuse(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_goaway(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_ping(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_pong(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_request(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_reply(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
lrm_link_event *lrm__link_event(lrm_link *link, lrm_link_event_type type, const lrm_frame *frame);

/* link_channel_receive.c: handlers of frames on channels. */
int lrm__receive_open(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_opened(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_close(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_info(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_block(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_tail(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_ack(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_synced(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_log_status(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);
int lrm__receive_receipt(lrm_link *link, const lrm_frame *frame, uint64_t now_ns);

/* link_channel.c */
lrm__channel *lrm__channel_find(const lrm_link *link, uint32_t number);
/* NULL: there are channels_max of them, or no memory for more (accepting side). Pointers to other
 * channels are void afterwards. */
lrm__channel *lrm__channel_take(lrm_link *link, uint32_t number);
void lrm__channel_free(lrm_link *link, lrm__channel *ch);
void lrm__channel_owe(lrm_link *link, lrm__channel *ch, uint16_t due);
void lrm__channel_settle(lrm_link *link, lrm__channel *ch, uint16_t due);
/* Closes from inside the link: CLOSE with `code` is due and event CLOSED follows. */
void lrm__channel_close(lrm_link *link, lrm__channel *ch, uint32_t code);
/* Frees a CLOSING channel once its CLOSE is written and reported. */
void lrm__channel_retire(lrm_link *link, lrm__channel *ch);
/* Subscriber: decides whether an ACK is due now or later. */
void lrm__channel_judge_ack(lrm_link *link, lrm__channel *ch, uint64_t now_ns);
/* Subscriber: raises the limit it would grant to what may be granted now. */
uint64_t lrm__channel_grant(const lrm_link *link, const lrm__channel *ch);
void lrm__channel_judge_credit(lrm_link *link, lrm__channel *ch);
/* Accepting publisher: owes SYNCED once the cursor has reached it. */
void lrm__channel_judge_synced(lrm_link *link, lrm__channel *ch);

/* link_send.c */
/* Appends a frame to the control queue; LRM_ERR_BUSY: no room. `replaces`: a queued frame of the
 * same type and channel is dropped first. */
int lrm__queue_push(lrm_link *link, const lrm_frame *frame, bool replaces) LRM_MUST_USE;

/* Gives the memory of an accepting link's queue back. */
void lrm__queue_release(lrm_link *link);

/* link_timers.c */
/* Every entry point with a time passes here; returns a time that never goes back. */
uint64_t lrm__link_tick(lrm_link *link, uint64_t now_ns);
void lrm__timers_attached(lrm_link *link, uint64_t now_ns);
void lrm__timers_live(lrm_link *link, uint32_t heartbeat_ms, uint64_t now_ns);
void lrm__timers_heard(lrm_link *link, uint64_t now_ns);
void lrm__timers_sent(lrm_link *link, uint64_t now_ns);
void lrm__timers_detached(lrm_link *link, uint64_t now_ns);

/* link_messages.c */
int lrm__message_read(lrm_link *link, const lrm_frame *frame);
/* Encodes the payload of a frame type. LRM_ERR_TOO_LARGE: a string is not terminated or the
 * message is larger than `capacity`. */
int lrm__message_write(uint32_t type, const void *message, uint8_t *out, size_t capacity,
                       size_t *bytes) LRM_MUST_USE;
/* Looks for Request.id, or Reply.id and Reply.more (both are fields 1 and 2). */
int lrm__message_peek_call(lrm_slice payload, uint32_t *id, bool *more) LRM_MUST_USE;

#endif
