/* Kept tails: ephemeral messages since the last CLEARS_TAIL block, at most 64 KiB, so that
 * a late reader sees the running text at once. */
#ifndef REMOTE_TAIL_H
#define REMOTE_TAIL_H

#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_tail {
  uint8_t *memory;
  uint32_t capacity_bytes;
  uint32_t used_bytes;
  uint32_t count;
  uint64_t offset; /* end of the CLEARS_TAIL block; LRM_OFFSET_NONE: none seen yet */
  bool overflowed; /* a message did not fit: nothing more is kept until the next clear */
} lrm_tail;

/* `memory` stays the caller's. */
void lrm_tail_init(lrm_tail *tail, uint8_t *memory, uint32_t capacity_bytes);
/* A CLEARS_TAIL block that ends at `offset` was appended. */
void lrm_tail_clear(lrm_tail *tail, uint64_t offset);
/* Keeps the message with the next index. LRM_ERR_BUSY: full; it and all later ones are dropped
 * until the next clear. LRM_ERR_STATE: no CLEARS_TAIL block seen yet. */
int lrm_tail_push(lrm_tail *tail, const uint8_t *message, size_t bytes) LRM_MUST_USE;
/* LRM_ERR_NOT_FOUND. Borrowed until the next clear. */
int lrm_tail_get(const lrm_tail *tail, uint32_t index, lrm_slice *message) LRM_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
