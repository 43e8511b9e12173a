/* Messages in, one block out. A block is limited to a frame's payload before compression: so one
 * that cannot be deflated still fits its frame, and nothing ever has to be split afterwards. */
#include "remote/block.h"

#include <string.h>

#include "base/assert.h"
#include "remote/frame.h"
#include "session/block_zlib.h"

#define BLOCK_BYTES_MAX LRM_FRAME_PAYLOAD_BYTES_MAX
#define BLOCK_BYTES_FIRST 4096u
#define LENGTH_BYTES_MAX 3u /* of a message up to LRM_MESSAGE_BYTES_MAX */

struct lrm_block_builder {
  lrm_allocator allocator;
  z_stream deflate;
  uint8_t *bytes; /* varint length, message, ... */
  size_t used, capacity;
  uint8_t *deflated;
  size_t deflated_capacity;
  uint32_t count;
};

int lrm_block_builder_create(const lrm_allocator *allocator, lrm_block_builder **out) {
  lrm_block_builder *builder = allocator->alloc(allocator->user, sizeof *builder);
  if (builder == NULL) return LRM_ERR_NO_MEMORY;
  memset(builder, 0, sizeof *builder);
  builder->allocator = *allocator;
  lrm__zlib_bind(&builder->deflate, &builder->allocator);
  if (deflateInit2(&builder->deflate, LRM__DEFLATE_LEVEL, Z_DEFLATED, -LRM__DEFLATE_WINDOW_BITS,
                   LRM__DEFLATE_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
    allocator->free(allocator->user, builder);
    return LRM_ERR_NO_MEMORY;
  }
  *out = builder;
  return 0;
}

void lrm_block_builder_destroy(lrm_block_builder *builder) {
  if (builder == NULL) return;
  lrm_allocator allocator = builder->allocator;
  deflateEnd(&builder->deflate);
  if (builder->bytes != NULL) allocator.free(allocator.user, builder->bytes);
  if (builder->deflated != NULL) allocator.free(allocator.user, builder->deflated);
  allocator.free(allocator.user, builder);
}

void lrm_block_builder_reset(lrm_block_builder *builder) {
  builder->used = 0;
  builder->count = 0;
}

static size_t varint_bytes(size_t value) {
  size_t bytes = 1;
  while (value >= 0x80) {
    value >>= 7;
    bytes++;
  }
  return bytes;
}

/* Doubles up to the limit; what is in it is kept. */
static int grow(const lrm_allocator *allocator, uint8_t **memory, size_t *capacity, size_t kept,
                size_t wanted) {
  if (wanted <= *capacity) return 0;
  size_t next = *capacity == 0 ? BLOCK_BYTES_FIRST : *capacity;
  while (next < wanted) next *= 2;
  uint8_t *larger = allocator->alloc(allocator->user, next);
  if (larger == NULL) return LRM_ERR_NO_MEMORY;
  if (kept != 0) memcpy(larger, *memory, kept);
  if (*memory != NULL) allocator->free(allocator->user, *memory);
  *memory = larger;
  *capacity = next;
  return 0;
}

int lrm_block_builder_add(lrm_block_builder *builder, const uint8_t *message, size_t bytes) {
  if (bytes > LRM_MESSAGE_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  size_t wanted = builder->used + varint_bytes(bytes) + bytes;
  if (wanted > BLOCK_BYTES_MAX) return LRM_ERR_BUSY;
  int result =
      grow(&builder->allocator, &builder->bytes, &builder->capacity, builder->used, wanted);
  if (result != 0) return result;
  uint8_t *at = builder->bytes + builder->used;
  size_t length = bytes;
  while (length >= 0x80) {
    *at++ = (uint8_t)(length | 0x80);
    length >>= 7;
  }
  *at++ = (uint8_t)length;
  if (bytes != 0) memcpy(at, message, bytes);
  builder->used = wanted;
  builder->count++;
  return 0;
}

uint32_t lrm_block_builder_count(const lrm_block_builder *builder) { return builder->count; }

size_t lrm_block_builder_bytes(const lrm_block_builder *builder) { return builder->used; }

/* Deflates into `most` bytes. False: it does not fit, so it does not pay. */
static bool deflate_into(lrm_block_builder *builder, size_t most, size_t *bytes) {
  z_stream *stream = &builder->deflate;
  deflateReset(stream);
  stream->next_in = builder->bytes;
  stream->avail_in = (uInt)builder->used;
  stream->next_out = builder->deflated;
  stream->avail_out = (uInt)most;
  bool fits = deflate(stream, Z_FINISH) == Z_STREAM_END;
  *bytes = most - stream->avail_out;
  return fits;
}

int lrm_block_builder_finish(lrm_block_builder *builder, bool compress, lrm_block *out) {
  if (builder->count == 0) return LRM_ERR_STATE;
  LRM_ASSERT(builder->used <= BLOCK_BYTES_MAX);
  memset(out, 0, sizeof *out);
  out->count = builder->count;
  out->payload = (lrm_slice){builder->bytes, builder->used};
  if (!compress || builder->used < LRM_COMPRESS_BYTES_MIN) return 0;
  /* At least 10 % must be saved: zlib stops by itself when it would not. */
  size_t most = builder->used - (builder->used + 9) / 10;
  int result = grow(&builder->allocator, &builder->deflated, &builder->deflated_capacity, 0, most);
  if (result != 0) return result;
  size_t bytes = 0;
  if (!deflate_into(builder, most, &bytes)) return 0;
  out->flags = LRM_FLAG_COMPRESSED;
  out->inflated_bytes = (uint32_t)builder->used;
  out->payload = (lrm_slice){builder->deflated, bytes};
  return 0;
}
