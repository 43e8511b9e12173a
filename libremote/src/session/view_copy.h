/* Deep copies of protobuf-c messages: one allocation each, so that one free gives all of it back.
 * With cuts, long texts are shortened on the way. */
#ifndef LRM_SESSION_VIEW_COPY_H
#define LRM_SESSION_VIEW_COPY_H

#include <protobuf-c/protobuf-c.h>

#include "remote/types.h"

/* Texts and bytes up to this length (ids, names) are never cut and cost nothing of a budget. */
#define LRM__CUT_FREE_BYTES 127u

/* How many bytes the long texts and bytes below one field of the outermost message may have in
 * all, in ascending order of field numbers; what is over is cut at a character. `field` 0: every
 * field without an entry of its own. A list of cuts ends with budget_bytes 0 and field 0. */
typedef struct lrm__cut {
  uint32_t field;
  size_t budget_bytes;
} lrm__cut;

/* NULL: no memory. Unknown fields are left out. `cuts` NULL: nothing is cut. NULL strings become
 * empty ones. Free with the allocator. */
void *lrm__copy(const lrm_allocator *allocator, const ProtobufCMessage *message,
                const lrm__cut *cuts);

/* The largest length <= most that does not part a character of `text`. */
size_t lrm__utf8_floor(const uint8_t *text, size_t bytes, size_t most);
/* The smallest start >= from that does not part a character; skips at most 3 bytes. */
size_t lrm__utf8_ceil(const uint8_t *text, size_t bytes, size_t from);

#endif
