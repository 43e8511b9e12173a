/* Writing frames in canonical form: ascending fields, defaults left out, shortest varints.
 * docs/spec.md 1.3. */
#include <string.h>

#include "base/assert.h"
#include "frame/wire.h"
#include "remote/frame.h"

/* Batch tag and the longest length: the fields are written behind this room, then moved up. */
enum { PREFIX_BYTES_MAX = 1 + 5 };

static uint8_t *put(uint8_t *out, uint32_t number, uint64_t value) {
  if (value == 0) return out;
  *out++ = (uint8_t)(number << 3 | LRM__WIRE_VARINT);
  return lrm__varint_write(out, value);
}

static uint8_t *put_fields(const lrm_frame *frame, uint8_t *out) {
  out = put(out, 1, frame->type);
  out = put(out, 2, frame->channel);
  out = put(out, 3, frame->offset);
  out = put(out, 4, frame->count);
  out = put(out, 5, frame->flags);
  out = put(out, 6, frame->inflated_bytes);
  out = put(out, 7, frame->dictionary);
  out = put(out, 8, frame->credit);
  out = put(out, 9, frame->part);
  out = put(out, 10, frame->parts);
  if (frame->payload.bytes == 0) return out;
  *out++ = 15 << 3 | LRM__WIRE_BYTES;
  return lrm__varint_write(out, frame->payload.bytes);
}

size_t lrm_frame_encode_header(const lrm_frame *frame, uint8_t *out) {
  LRM_ASSERT(frame->type != 0);
  LRM_ASSERT(frame->payload.bytes <= INT32_MAX);
  uint8_t fields[LRM_FRAME_HEADER_BYTES_MAX - PREFIX_BYTES_MAX];
  size_t bytes = (size_t)(put_fields(frame, fields) - fields);
  uint8_t *at = out;
  *at++ = 1 << 3 | LRM__WIRE_BYTES;
  at = lrm__varint_write(at, bytes + frame->payload.bytes);
  memcpy(at, fields, bytes);
  return (size_t)(at - out) + bytes;
}

int lrm_frame_encode(const lrm_frame *frame, uint8_t *out, size_t capacity, size_t *written) {
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = lrm_frame_encode_header(frame, header);
  *written = 0;
  if (capacity < header_bytes || capacity - header_bytes < frame->payload.bytes)
    return LRM_ERR_TOO_LARGE;
  memcpy(out, header, header_bytes);
  if (frame->payload.bytes > 0)
    memcpy(out + header_bytes, frame->payload.data, frame->payload.bytes);
  *written = header_bytes + frame->payload.bytes;
  return 0;
}
