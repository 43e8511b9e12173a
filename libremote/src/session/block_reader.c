/* One block in, messages out. Everything here may come from a stranger. */
#include "remote/block.h"

#include <string.h>

#include "base/assert.h"
#include "remote/frame.h"
#include "session/block_zlib.h"

struct lrm_block_reader {
  lrm_allocator allocator;
  z_stream inflate;
  uint8_t *inflated;
  size_t capacity, inflated_bytes_max;
  lrm_slice rest; /* messages not yet handed out; checked */
};

int lrm_block_reader_create(const lrm_allocator *allocator, size_t inflated_bytes_max,
                            lrm_block_reader **out) {
  if (inflated_bytes_max > LRM_BLOCK_INFLATED_BYTES_MAX) return LRM_ERR_USAGE;
  lrm_block_reader *reader = allocator->alloc(allocator->user, sizeof *reader);
  if (reader == NULL) return LRM_ERR_NO_MEMORY;
  memset(reader, 0, sizeof *reader);
  reader->allocator = *allocator;
  reader->inflated_bytes_max = inflated_bytes_max;
  lrm__zlib_bind(&reader->inflate, &reader->allocator);
  if (inflateInit2(&reader->inflate, -LRM__INFLATE_WINDOW_BITS) != Z_OK) {
    allocator->free(allocator->user, reader);
    return LRM_ERR_NO_MEMORY;
  }
  *out = reader;
  return 0;
}

void lrm_block_reader_destroy(lrm_block_reader *reader) {
  if (reader == NULL) return;
  lrm_allocator allocator = reader->allocator;
  inflateEnd(&reader->inflate);
  if (reader->inflated != NULL) allocator.free(allocator.user, reader->inflated);
  allocator.free(allocator.user, reader);
}

static int room(lrm_block_reader *reader, size_t bytes) {
  if (bytes <= reader->capacity) return 0;
  uint8_t *larger = reader->allocator.alloc(reader->allocator.user, bytes);
  if (larger == NULL) return LRM_ERR_NO_MEMORY;
  if (reader->inflated != NULL) reader->allocator.free(reader->allocator.user, reader->inflated);
  reader->inflated = larger;
  reader->capacity = bytes;
  return 0;
}

/* Stream end, all of the output and no input left over, or it is refused. */
static int inflate_exactly(lrm_block_reader *reader, lrm_slice payload, size_t bytes) {
  if (payload.bytes > LRM_FRAME_PAYLOAD_BYTES_MAX || bytes > reader->inflated_bytes_max)
    return LRM_ERR_LIMIT;
  if (bytes == 0 || bytes > payload.bytes * LRM__INFLATE_RATIO_MAX) return LRM_ERR_INFLATE;
  int result = room(reader, bytes);
  if (result != 0) return result;
  z_stream *stream = &reader->inflate;
  inflateReset(stream);
  stream->next_in = payload.data;
  stream->avail_in = (uInt)payload.bytes;
  stream->next_out = reader->inflated;
  stream->avail_out = (uInt)bytes;
  int done = inflate(stream, Z_FINISH);
  if (done == Z_MEM_ERROR) return LRM_ERR_NO_MEMORY;
  if (done != Z_STREAM_END || stream->avail_out != 0 || stream->avail_in != 0)
    return LRM_ERR_INFLATE;
  return 0;
}

/* Takes one message off the front. LRM_ERR_DECODE: cut short, or an over-long varint. */
static int take(lrm_slice *rest, lrm_slice *message) {
  uint64_t length = 0;
  for (unsigned i = 0;; i++) {
    if (i == rest->bytes || i == 5) return LRM_ERR_DECODE;
    uint8_t byte = rest->data[i];
    length |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    if (byte == 0 && i != 0) return LRM_ERR_DECODE;
    rest->data += i + 1;
    rest->bytes -= i + 1;
    break;
  }
  if (length > LRM_MESSAGE_BYTES_MAX) return LRM_ERR_LIMIT;
  if (length > rest->bytes) return LRM_ERR_DECODE;
  *message = (lrm_slice){rest->data, (size_t)length};
  rest->data += length;
  rest->bytes -= (size_t)length;
  return 0;
}

static int check_count(lrm_slice all, uint32_t count) {
  lrm_slice message;
  if (count == 0 || count > all.bytes) return LRM_ERR_DECODE;
  for (uint32_t i = 0; i < count; i++) {
    int result = take(&all, &message);
    if (result != 0) return result;
  }
  return all.bytes == 0 ? 0 : LRM_ERR_DECODE;
}

int lrm_block_reader_begin(lrm_block_reader *reader, uint32_t flags, uint32_t count,
                           uint32_t inflated_bytes, lrm_slice payload) {
  reader->rest = (lrm_slice){NULL, 0};
  if (flags & LRM_FLAG_SEALED) return LRM_ERR_DECODE;
  lrm_slice all = payload;
  if (flags & LRM_FLAG_COMPRESSED) {
    int result = inflate_exactly(reader, payload, inflated_bytes);
    if (result != 0) return result;
    all = (lrm_slice){reader->inflated, inflated_bytes};
  } else if (payload.bytes > reader->inflated_bytes_max) {
    return LRM_ERR_LIMIT;
  }
  int result = check_count(all, count);
  if (result == 0) reader->rest = all;
  return result;
}

bool lrm_block_reader_next(lrm_block_reader *reader, lrm_slice *message) {
  if (reader->rest.bytes == 0) return false;
  int result = take(&reader->rest, message);
  LRM_ASSERT(result == 0);
  return result == 0;
}
