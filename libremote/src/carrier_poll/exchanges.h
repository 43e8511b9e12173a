/* The client's side of long-poll without I/O: frames of a long-lived link in, bodies of POSTs out;
 * answers in, the bytes that the link would have read from one carrier out (spec 3.26). The link
 * believes in one carrier; there is none. What it says is kept until the relay has it, and every
 * exchange begins again where the last one that was answered ended.
 *
 *   the link writes          lrm__exchanges_write
 *   after anything happened  while lrm__exchanges_next: POST it; and again at lrm__exchanges_due_ns
 *   an answer                lrm__exchanges_answer, then give the link lrm__exchanges_readable
 *
 * Up to two exchanges are under way: one that waits, and one that has something to say and ends it.
 * An error is the end of the carrier: what had no answer may have been processed, and the link's
 * own positions say so when it comes again.
 *
 * Threads: one at a time. Memory: malloc; bounded by the link's credit, the tails and calls there
 * may be, and one answer. */
#ifndef LRM_CARRIER_POLL_EXCHANGES_H
#define LRM_CARRIER_POLL_EXCHANGES_H

#include "remote/frame.h"
#include "remote/types.h"

typedef struct lrm__exchanges lrm__exchanges;

int lrm__exchanges_create(lrm__exchanges **out) LRM_MUST_USE;
void lrm__exchanges_destroy(lrm__exchanges *x);

/* Whole frames, in any pieces. LRM_ERR_PROTOCOL: not frames of a connecting link;
 * LRM_ERR_NO_MEMORY.
 */
int lrm__exchanges_write(lrm__exchanges *x, const lrm_slice *parts, size_t count) LRM_MUST_USE;

/* True: an exchange is to begin now, with this number and body (borrowed until the next call). */
bool lrm__exchanges_next(lrm__exchanges *x, uint64_t now_ns, uint64_t *number, lrm_slice *body);
/* When _next may become true without anything else happening; UINT64_MAX: it does not. */
uint64_t lrm__exchanges_due_ns(const lrm__exchanges *x);
/* The answer to an exchange; an empty one too. LRM_ERR_PROTOCOL, LRM_ERR_CARRIER (the relay is
 * another than before), LRM_ERR_NO_MEMORY: the carrier ends, lrm__exchanges_error says why. */
int lrm__exchanges_answer(lrm__exchanges *x, uint64_t number, const uint8_t *data, size_t bytes,
                          uint64_t now_ns) LRM_MUST_USE;

/* What the link may read now; borrowed until the next call. */
lrm_slice lrm__exchanges_readable(const lrm__exchanges *x);
void lrm__exchanges_consumed(lrm__exchanges *x, size_t bytes);
/* The link has said goodbye, and the relay has heard it. */
bool lrm__exchanges_over(const lrm__exchanges *x);
const char *lrm__exchanges_error(const lrm__exchanges *x);

#endif
