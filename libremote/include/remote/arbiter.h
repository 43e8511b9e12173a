/* The ask arbiter: who answers first wins, and everybody learns who won. No I/O, no clock: what
 * it decides is for the caller to journal (resolution and outcome in one transaction) before the
 * agent is told. Source: docs/spec.md section 13; model docs/model/asks.pml. */
#ifndef REMOTE_ARBITER_H
#define REMOTE_ARBITER_H

#include "remote/limits.h"
#include "remote/types.h"

#include "remote/v1/ask.pb-c.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_arbiter lrm_arbiter;

int lrm_arbiter_create(const lrm_allocator *allocator, lrm_arbiter **out) LRM_MUST_USE;
void lrm_arbiter_destroy(lrm_arbiter *arbiter);

typedef enum lrm_verdict {
  LRM_VERDICT_WON = 1,        /* `resolution` is new: journal it, then tell the agent */
  LRM_VERDICT_SUPERSEDED = 2, /* `resolution` is the one that won */
  LRM_VERDICT_NO_SUCH_ASK = 3,
  LRM_VERDICT_NOT_OFFERED = 4, /* option id not offered, or form content missing */
  LRM_VERDICT_INVALID = 5,     /* answer does not fit the kind of ask */
  LRM_VERDICT_NO_MEMORY = 6    /* nothing changed: the ask is still open */
} lrm_verdict;

/* Opens an ask (copied). Under one_time_only the copy is without the lasting options: publish
 * what lrm_arbiter_find gives, not what was passed in. LRM_ERR_USAGE: its id was used before, or
 * it has no id; LRM_ERR_BUSY: LRM_ASKS_OPEN_MAX are open; LRM_ERR_NO_MEMORY. An id is never to be
 * used again, also not when its resolution is too old to be remembered here: make it of 16 random
 * bytes. */
int lrm_arbiter_open(lrm_arbiter *arbiter, const Remote__V1__Ask *ask) LRM_MUST_USE;
/* An answer, local or remote. Checked: options were offered, several only when the question says
 * so and none twice; words only where free text is taken; a form's content is a JSON object by RFC
 * 8259 (its names and required fields are left to who tells the agent); declining only questions,
 * forms and URLs, and with nothing else but a comment. `by`, `command_id` (NULL: local) and `at_ms`
 * go into the resolution. *resolution is borrowed: until the next call for WON, for SUPERSEDED too.
 * SUPERSEDED beats expiry: a resolved ask always answers with its resolution. */
lrm_verdict lrm_arbiter_answer(lrm_arbiter *arbiter, const lrm_id *ask_id,
                               const Remote__V1__AnswerContent *answer, const Remote__V1__Actor *by,
                               const lrm_id *command_id, uint64_t at_ms,
                               const Remote__V1__AskResolved **resolution);
/* The agent took it back / its turn was cancelled / it is orphaned: same verdicts. INVALID: the
 * outcome is not one of those or EXPIRED. `reason` and `by` may be NULL. */
lrm_verdict lrm_arbiter_end(lrm_arbiter *arbiter, const lrm_id *ask_id,
                            Remote__V1__AskOutcome outcome, const char *reason,
                            const Remote__V1__Actor *by, uint64_t at_ms,
                            const Remote__V1__AskResolved **resolution);
/* The next open ask that has expired at `at_ms` is resolved as EXPIRED: true and its
 * resolution; false: none, or no memory. With on_expiry REJECT, answer.option_id and option_kind
 * of the resolution name the reject_once option, if one was offered. */
bool lrm_arbiter_expire(lrm_arbiter *arbiter, uint64_t at_ms,
                        const Remote__V1__AskResolved **resolution);
/* When the next ask expires, Unix milliseconds; UINT64_MAX: never. */
uint64_t lrm_arbiter_deadline_ms(const lrm_arbiter *arbiter);
/* Rebuilds from the journal, in any order: an ask that was opened / a resolution that was
 * journalled. What is known already is passed over. LRM_ERR_USAGE: no id; LRM_ERR_BUSY,
 * LRM_ERR_NO_MEMORY as above. */
int lrm_arbiter_restore_open(lrm_arbiter *arbiter, const Remote__V1__Ask *ask) LRM_MUST_USE;
int lrm_arbiter_restore_resolved(lrm_arbiter *arbiter,
                                 const Remote__V1__AskResolved *resolved) LRM_MUST_USE;
/* Open asks, the oldest first; index from 0; NULL: no more. Borrowed. */
const Remote__V1__Ask *lrm_arbiter_open_ask(const lrm_arbiter *arbiter, size_t index);
const Remote__V1__Ask *lrm_arbiter_find(const lrm_arbiter *arbiter, const lrm_id *ask_id);
/* The resolution of an ask; NULL: still open, or not known. The last 4096 are kept; when they take
 * more than 4 MiB, words, forms and comments of the older ones are let go, options and actors
 * stay. Borrowed until the next call that resolves. */
const Remote__V1__AskResolved *lrm_arbiter_resolution(const lrm_arbiter *arbiter,
                                                      const lrm_id *ask_id);

#ifdef __cplusplus
}
#endif
#endif
