/* Varints and tags of protobuf, read and written in place. Shared by the hand-written codecs
 * (frame, envelope) and by the link, which looks for a request's id. */
#ifndef LRM_FRAME_WIRE_H
#define LRM_FRAME_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum { LRM__WIRE_VARINT = 0, LRM__WIRE_FIXED64 = 1, LRM__WIRE_BYTES = 2, LRM__WIRE_FIXED32 = 5 };

/* Tags and lengths longer than this are refused: decoders disagree on them. */
#define LRM__TAG_BYTES_MAX 5u
#define LRM__VARINT_BYTES_MAX 10u

/* Reads a varint of at most `bytes_max` bytes. Returns the bytes read; 0: more input is needed;
 * -1: over-long, or bits beyond 64. */
static inline int lrm__varint_read(const uint8_t *data, size_t bytes, size_t bytes_max,
                                   uint64_t *value) {
  uint64_t result = 0;
  for (size_t i = 0; i < bytes_max; i++) {
    if (i == bytes) return 0;
    uint8_t byte = data[i];
    if (i == LRM__VARINT_BYTES_MAX - 1 && byte > 1) return -1;
    result |= (uint64_t)(byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      *value = result;
      return (int)(i + 1);
    }
  }
  return -1;
}

/* Reads a tag: as above; also -1 for field number 0, numbers above 2^29-1, groups and the wire
 * types that do not exist. */
static inline int lrm__tag_read(const uint8_t *data, size_t bytes, uint32_t *number,
                                uint32_t *wire_type) {
  uint64_t value = 0;
  int read = lrm__varint_read(data, bytes, LRM__TAG_BYTES_MAX, &value);
  if (read <= 0) return read;
  if (value > UINT32_MAX || value >> 3 == 0) return -1;
  *number = (uint32_t)(value >> 3);
  *wire_type = (uint32_t)(value & 7);
  if (*wire_type > LRM__WIRE_FIXED32 || *wire_type == 3 || *wire_type == 4) return -1;
  return read;
}

static inline size_t lrm__varint_bytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) bytes++;
  return bytes;
}

static inline uint8_t *lrm__varint_write(uint8_t *out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out++ = (uint8_t)(value | 0x80);
  *out++ = (uint8_t)value;
  return out;
}

#endif
