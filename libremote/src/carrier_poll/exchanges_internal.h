/* What the files of the long-poll adapter share: exchanges.c what the link says, and when an
 * exchange begins; exchanges_body.c its body; exchanges_answer.c what comes back. */
#ifndef LRM_CARRIER_POLL_EXCHANGES_INTERNAL_H
#define LRM_CARRIER_POLL_EXCHANGES_INTERNAL_H

#include "carrier_poll/exchanges.h"
#include "remote/limits.h"

#include "remote/v1/link.pb.h"

enum {
  LRM__EXCHANGES_MAX = 2, /* under way */
  LRM__POLL_CALLS_MAX = LRM_REQUESTS_OPEN_MAX,
  LRM__POLL_CHANNELS_MAX = LRM_CHANNELS_CLIENT_MAX,
  LRM__POLL_PINGS_MAX = 4,
  LRM__POLL_REFUSED_MAX = 4 /* exchanges in a row that were not the newest */
};
/* A busy exchange is answered at once; one that is not for so long does not hold up the next. */
#define LRM__POLL_BUSY_NS (2ull * 1000000000ull)
/* A call whose answers go on is asked again after so long. */
#define LRM__POLL_CALL_NS (2ull * 1000000000ull)
/* Waits between exchanges that bring nothing although they could have waited. */
#define LRM__POLL_IDLE_NS_MIN (50ull * 1000000ull)
#define LRM__POLL_IDLE_NS_MAX (5ull * 1000000000ull)

typedef struct lrm__bytes {
  uint8_t *data;
  size_t bytes, capacity;
} lrm__bytes;

/* False: no memory. */
bool lrm__bytes_add(lrm__bytes *b, const void *data, size_t bytes);
void lrm__bytes_drop(lrm__bytes *b, size_t bytes);
bool lrm__bytes_add_frame(lrm__bytes *b, const lrm_frame *frame);

/* A channel on which the link reads. */
typedef struct lrm__poll_reader {
  uint64_t next;   /* what was given to the link ends here */
  uint64_t acked;  /* by the link */
  uint64_t credit; /* limit that the link gave, payload bytes since OPENED */
  uint64_t passed; /* payload bytes given to it */
  bool ack_said, synced;
  bool starved; /* the last exchange asked for nothing, for want of credit */
  bool skips;   /* this answer: what follows on it is asked for again */
  bool tail_known;
  uint64_t tail_base;
  uint32_t tail_index;
} lrm__poll_reader;

/* A channel on which the link writes. */
typedef struct lrm__poll_writer {
  lrm__bytes blocks; /* frames that the relay has not acknowledged, in order */
  uint64_t sent;     /* end of the last block of the link, or where OPENED stood */
  uint64_t acked;    /* by the relay */
  uint64_t receipted;
  uint64_t window, credit, consumed; /* payload bytes: what the link may have under way */
  bool ack_said;
  lrm__bytes tails; /* frames since the last CLEARS_TAIL block */
  bool tails_lost;
  lrm__bytes info; /* the newest, as a frame */
  bool info_due;
  uint64_t info_version;
} lrm__poll_writer;

typedef struct lrm__poll_channel {
  uint32_t number;
  bool used, publishes, events;
  bool opened; /* the link has OPENED */
  remote_v1_Open open;
  lrm_id epoch; /* of OPENED; zeros: none */
  lrm__poll_reader reader;
  lrm__poll_writer writer;
  lrm__bytes status, info; /* payloads last given to the link */
} lrm__poll_channel;

typedef struct lrm__poll_call {
  bool used;
  bool due;
  uint32_t id;
  uint64_t repeat_ns; /* asked again then; 0: not by time */
  uint64_t asked;     /* exchange */
  lrm__bytes frame;
} lrm__poll_call;

/* What an exchange asked of a channel. */
typedef struct lrm__poll_asked {
  uint32_t number;
  uint64_t next;
  uint64_t info_version;
} lrm__poll_asked;

typedef struct lrm__exchange {
  uint64_t number; /* 0: none */
  uint64_t began_ns;
  bool busy;
  bool goodbye;
  uint32_t asked_count;
  lrm__poll_asked asked[LRM__POLL_CHANNELS_MAX];
} lrm__exchange;

struct lrm__exchanges {
  bool has_hello, welcomed, goodbye, over;
  bool urgent; /* the link has said something that is in no body yet */
  remote_v1_Hello hello;
  uint64_t number;   /* of the newest exchange */
  uint64_t answered; /* the newest that was */
  uint32_t refused;  /* in a row */
  uint32_t idle;     /* answers in a row that brought nothing */
  uint64_t not_before_ns;
  lrm__exchange under_way[LRM__EXCHANGES_MAX];
  lrm__poll_channel channels[LRM__POLL_CHANNELS_MAX]; /* numbers rise */
  uint32_t channels_count;
  lrm__poll_call calls[LRM__POLL_CALLS_MAX];
  lrm__bytes pings; /* frames of the link */
  lrm__bytes farewell;
  lrm__bytes body, readable, partial;
  const char *error;
};

lrm__poll_channel *lrm__poll_channel_find(lrm__exchanges *x, uint32_t number);
void lrm__poll_channel_free(lrm__poll_channel *ch);
/* Makes the body of `e`, in x->body; notes in `e` what it asks. False: no memory. */
bool lrm__poll_body(lrm__exchanges *x, lrm__exchange *e);
/* Request.id, or Reply.id and Reply.more. False: not one. */
bool lrm__poll_peek_call(lrm_slice payload, uint32_t *id, bool *more);

#endif
