/* Blocks: consecutive messages made into one payload, deflated when that pays, and back.
 * Source: docs/spec.md sections 1 and 6 (compression). */
#ifndef REMOTE_BLOCK_H
#define REMOTE_BLOCK_H

#include "remote/limits.h"
#include "remote/log.h"
#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Collects messages into one block. Memory from the allocator, at creation and when a block
 * grows; the deflate context is kept. */
typedef struct lrm_block_builder lrm_block_builder;

int lrm_block_builder_create(const lrm_allocator *allocator, lrm_block_builder **out) LRM_MUST_USE;
void lrm_block_builder_destroy(lrm_block_builder *builder);
void lrm_block_builder_reset(lrm_block_builder *builder);
/* Copied. LRM_ERR_TOO_LARGE: the message is over LRM_MESSAGE_BYTES_MAX; LRM_ERR_BUSY: the block
 * would exceed LRM_FRAME_PAYLOAD_BYTES_MAX before compression (finish it first);
 * LRM_ERR_NO_MEMORY. Lengths are written as varints in front of each message. */
int lrm_block_builder_add(lrm_block_builder *builder, const uint8_t *message,
                          size_t bytes) LRM_MUST_USE;
uint32_t lrm_block_builder_count(const lrm_block_builder *builder);
size_t lrm_block_builder_bytes(const lrm_block_builder *builder);
/* Fills out->count, flags (COMPRESSED when >= 512 bytes and at least 10 % are saved),
 * inflated_bytes, payload (borrowed until the builder's next use). offset, part, parts,
 * writer_generation and further flags are the caller's. The messages stay in the builder until
 * reset. LRM_ERR_STATE: there are none; LRM_ERR_NO_MEMORY. */
int lrm_block_builder_finish(lrm_block_builder *builder, bool compress,
                             lrm_block *out) LRM_MUST_USE;

/* Takes a block apart. Memory for the largest inflated block so far, at most inflated_bytes_max
 * (<= LRM_BLOCK_INFLATED_BYTES_MAX, else LRM_ERR_USAGE). */
typedef struct lrm_block_reader lrm_block_reader;

int lrm_block_reader_create(const lrm_allocator *allocator, size_t inflated_bytes_max,
                            lrm_block_reader **out) LRM_MUST_USE;
void lrm_block_reader_destroy(lrm_block_reader *reader);
/* Inflates into exactly inflated_bytes and checks that it is `count` messages, no more and no
 * less, each within LRM_MESSAGE_BYTES_MAX. The payload is borrowed until the next begin.
 * inflated_bytes means nothing without COMPRESSED. LRM_ERR_INFLATE (4004); LRM_ERR_DECODE (4003):
 * not so many messages, or SEALED, which only its reader opens; LRM_ERR_LIMIT; LRM_ERR_NO_MEMORY.
 * After an error there are no messages, and the reader can be used again. */
int lrm_block_reader_begin(lrm_block_reader *reader, uint32_t flags, uint32_t count,
                           uint32_t inflated_bytes, lrm_slice payload) LRM_MUST_USE;
/* The next message; borrowed until the next begin. False: there are no more. */
bool lrm_block_reader_next(lrm_block_reader *reader, lrm_slice *message);

#ifdef __cplusplus
}
#endif
#endif
