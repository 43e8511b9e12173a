/* What is said to people who are not looking: which message, to whom, when, and what becomes of it.
 * No I/O and no words: the program sends what relay_message_take gives, and says how it went.
 *
 *   notifications.c  what is to be said, from the INFO that hosts write
 *   messages.c       the queue: one message for each target, retries, the end of them
 *   push.c           browsers that want to be told (Web Push), and their calls
 *
 * Rules (docs/notifications.md): one message an ask and target; it waits while the session is used
 * at its terminal or by a client, and is never sent when the ask is answered meanwhile; what was
 * said is withdrawn when it is over. What was said is kept in the store in the commit that queues
 * it, and a message leaves after that commit: a relay that starts again says nothing twice, and
 * goes on with what it had not said. */
#ifndef RELAY_NOTIFICATIONS_H
#define RELAY_NOTIFICATIONS_H

#include "relay.h"

/* Kept in records: never renumbered. */
typedef enum relay_notice_kind {
  RELAY_NOTICE_ASK = 1,
  RELAY_NOTICE_DONE = 2,  /* a turn has ended, or the session, after work */
  RELAY_NOTICE_ERROR = 3, /* the agent has failed */
  RELAY_NOTICE_MANY = 4,  /* instead of more asks than an account is told of in a minute */
  RELAY_NOTICE_TEST = 5   /* a person wants to see one */
} relay_notice_kind;

enum {
  RELAY_HOOKS_MAX = 8,
  RELAY_ENDPOINT_BYTES_MAX = 1024,
  RELAY_PUSH_KEY_BYTES = 65, /* an uncompressed point of P-256 */
  RELAY_PUSH_AUTH_BYTES = 16,
  RELAY_PUSH_DEVICE_MAX = 4,   /* subscriptions of a device */
  RELAY_PUSH_ACCOUNT_MAX = 32, /* of an account */
  RELAY_TARGET_BYTES = 32,
  RELAY_MESSAGES_ACCOUNT_MAX = 128, /* that wait, of one account */
  RELAY_MESSAGES_MAX = 8192,        /* in all */
  RELAY_MESSAGES_OUT_MAX = 16,      /* being sent at a time */
  RELAY_TARGET_OUT_MAX = 4,         /* to one target */
  RELAY_NOTICES_MINUTE = 6,         /* of an account, then they are counted together */
  RELAY_TAG_BYTES = 40
};

/* What a target wants to hear of. */
enum { RELAY_WANTS_ASKS = 1, RELAY_WANTS_DONE = 2, RELAY_WANTS_ERRORS = 4, RELAY_WANTS_TEXT = 8 };

/* A place that is told about every account, named by the operator. */
typedef struct relay_hook {
  uint8_t key[RELAY_TARGET_BYTES]; /* what its messages are kept under: a hash of the address */
  uint8_t wants;
} relay_hook;

/* One message that is to be sent now. Texts are borrowed until the next call on the relay. */
typedef struct relay_message {
  uint64_t ticket;
  relay_notice_kind kind;
  bool withdrawn;            /* what was said under this tag is over */
  char tag[RELAY_TAG_BYTES]; /* the same for what replaces or withdraws it */
  const char *account;
  lrm_id session, ask; /* none: it is about neither */
  uint32_t count;      /* MANY: sessions with open asks */
  uint64_t created_ms; /* Unix */
  bool with_text;      /* the target wants the following ones, which may be "" */
  char title[128], text[121];
  int hook;             /* index of the hook; -1: a browser */
  const char *endpoint; /* of a browser, as its key and secret */
  uint8_t key[RELAY_PUSH_KEY_BYTES], auth[RELAY_PUSH_AUTH_BYTES];
} relay_message;

typedef enum relay_message_end {
  RELAY_MESSAGE_SENT = 0,
  RELAY_MESSAGE_LATER = 1,   /* it may work later: 429, 5xx, nothing came */
  RELAY_MESSAGE_REFUSED = 2, /* it will not work: another 4xx */
  RELAY_MESSAGE_GONE = 3     /* a browser's subscription is over: 404, 410 */
} relay_message_end;

/* The next message that may go; false: none now. Each is answered by relay_message_done, once. */
bool relay_message_take(relay *r, uint64_t now_ns, uint64_t wall_ms, relay_message *out);
/* `retry_after_ms`: what the other side asked for; 0: nothing. */
void relay_message_done(relay *r, uint64_t ticket, relay_message_end end, uint64_t retry_after_ms,
                        uint64_t now_ns, uint64_t wall_ms);

typedef struct relay_notice_counts {
  uint64_t sent_hook, sent_push; /* messages that were taken */
  uint64_t failed;               /* attempts that failed */
  uint64_t dropped;              /* messages given up: too late, too many, refused */
  uint64_t held;                 /* asks that were over before anything was to be said */
  uint64_t counted;              /* asks that were told together with others */
  uint64_t waiting;              /* messages that wait or are being sent, now */
  uint64_t subscriptions;        /* browsers, now */
} relay_notice_counts;
relay_notice_counts relay_notices_now(const relay *r);

#endif
