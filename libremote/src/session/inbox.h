/* The host's table of commands: which ids it has, how far each is, and what became of the last
 * ones. A pure object: it neither journals nor acts; host_commands.c does, and keeps the records
 * in step. Source: docs/spec.md section 6; model docs/model/commands.pml (R5, R7). */
#ifndef LRM_SESSION_INBOX_H
#define LRM_SESSION_INBOX_H

#include "remote/limits.h"
#include "remote/types.h"

/* Pending at most; what comes beyond is refused (TOO_MANY). */
#define LRM__INBOX_PENDING_MAX 1024u
#define LRM__INBOX_PENDING_BYTES_MAX (8u * 1024u * 1024u)
/* Remembered at most, even within 24 hours: the oldest go first. */
#define LRM__INBOX_DONE_MAX 262144u

typedef enum lrm_inbox_state {
  LRM_INBOX_RECEIVED = 1, /* journalled, not begun */
  LRM_INBOX_STARTED = 2,  /* journalled as begun: without an outcome at start-up it is UNKNOWN */
  LRM_INBOX_DONE = 3      /* it has its outcome */
} lrm_inbox_state;

typedef struct lrm_inbox_item {
  lrm_id id;
  lrm_inbox_state state;
  uint32_t kind;    /* CommandKind; 0: not known */
  uint32_t outcome; /* CommandOutcomeKind, once DONE */
  uint32_t code;
  bool local;           /* a prompt of the local person: no outcome event, no memory of its id */
  bool queued;          /* a prompt that waits for the agent */
  bool held;            /* queued by a former process: waits until its epoch is confirmed */
  bool judged;          /* this process has decided about it */
  bool unsaved;         /* its record could not be journalled */
  uint64_t order;       /* of receipt, grows */
  uint64_t at_ms;       /* of receipt; once DONE: of the outcome */
  uint32_t attachments; /* that a waiting or started prompt names, a bit for each */
  uint8_t *envelope;    /* as received; NULL once DONE */
  size_t envelope_bytes;
  struct lrm_inbox_item *next, *previous; /* pending by order, or done by age */
  struct lrm_inbox_item *chain;
} lrm_inbox_item;

typedef struct lrm_inbox lrm_inbox;

int lrm__inbox_create(const lrm_allocator *allocator, lrm_inbox **out) LRM_MUST_USE;
void lrm__inbox_destroy(lrm_inbox *inbox);

lrm_inbox_item *lrm__inbox_find(const lrm_inbox *inbox, const lrm_id *id);
/* A new pending item at the end. LRM_ERR_STATE: the id is known. */
int lrm__inbox_receive(lrm_inbox *inbox, const lrm_id *id, lrm_slice envelope, uint64_t at_ms,
                       lrm_inbox_item **out) LRM_MUST_USE;
/* Another pending command of that size may be taken. */
bool lrm__inbox_has_room(const lrm_inbox *inbox, size_t envelope_bytes);
/* The outcome is known: the item goes to the end of the done ones, its envelope is freed. */
void lrm__inbox_done(lrm_inbox *inbox, lrm_inbox_item *item, uint32_t outcome, uint32_t code,
                     uint64_t at_ms);
void lrm__inbox_remove(lrm_inbox *inbox, lrm_inbox_item *item);
/* The pending item with the lowest order from `order` on; NULL: none. */
lrm_inbox_item *lrm__inbox_from(const lrm_inbox *inbox, uint64_t order);
/* The oldest done item, if it need not be remembered any longer; the caller removes it. */
lrm_inbox_item *lrm__inbox_forgettable(const lrm_inbox *inbox, uint64_t now_ms);
size_t lrm__inbox_pending(const lrm_inbox *inbox);
/* Every item, pending ones first. */
lrm_inbox_item *lrm__inbox_each(const lrm_inbox *inbox, lrm_inbox_item *after);

/* The journal's record of an item. */
size_t lrm__inbox_record_bytes(const lrm_inbox_item *item);
void lrm__inbox_record_write(const lrm_inbox_item *item, uint8_t *out);
/* Restores an item; records may come in any order of ids. LRM_ERR_CORRUPT. */
int lrm__inbox_record_read(lrm_inbox *inbox, const lrm_id *id, lrm_slice record) LRM_MUST_USE;
/* After the last record: puts them in order. */
void lrm__inbox_loaded(lrm_inbox *inbox);

#endif
