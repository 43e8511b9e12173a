/* Reading frames. The parser runs strictly from left to right and each verdict depends only on
 * the bytes before it, so every way of splitting the input gives the same answer, and gives it
 * at the same byte. docs/spec.md 1.1 to 1.5. */
#include <string.h>

#include "frame/wire.h"
#include "remote/frame.h"

enum { FIELD_PAYLOAD = 15 };

/* What parsing a part of the input came to. */
typedef enum verdict { VERDICT_DONE, VERDICT_MORE, VERDICT_PROTOCOL, VERDICT_LIMIT } verdict;

typedef struct parser {
  const uint8_t *data;
  size_t bytes; /* arrived */
  size_t at;
  size_t end; /* of the frame; bytes beyond are another frame's */
  size_t payload_bytes_max;
  size_t unknown_bytes;
  uint32_t seen; /* bit n: field n was there */
  lrm_frame *frame;
} parser;

static verdict parse_varint(parser *p, size_t bytes_max, uint64_t *value) {
  size_t end = p->end < p->bytes ? p->end : p->bytes;
  int read = lrm__varint_read(p->data + p->at, end - p->at, bytes_max, value);
  if (read > 0) {
    p->at += (size_t)read;
    return VERDICT_DONE;
  }
  if (read < 0) return VERDICT_PROTOCOL;
  return end == p->end ? VERDICT_PROTOCOL : VERDICT_MORE; /* cut by the frame's own end */
}

static verdict parse_tag(parser *p, uint32_t *number, uint32_t *wire_type) {
  size_t end = p->end < p->bytes ? p->end : p->bytes;
  int read = lrm__tag_read(p->data + p->at, end - p->at, number, wire_type);
  if (read > 0) {
    p->at += (size_t)read;
    return VERDICT_DONE;
  }
  if (read < 0) return VERDICT_PROTOCOL;
  return end == p->end ? VERDICT_PROTOCOL : VERDICT_MORE;
}

/* Steps over bytes that belong to the frame; they may not have arrived yet. */
static verdict step_over(parser *p, uint64_t bytes) {
  if (bytes > p->end - p->at) return VERDICT_PROTOCOL;
  p->at += (size_t)bytes;
  return p->at > p->bytes ? VERDICT_MORE : VERDICT_DONE;
}

static verdict skip_unknown(parser *p, size_t tag_at, uint32_t wire_type) {
  uint64_t value = 0;
  uint64_t bytes = 0;
  if (wire_type == LRM__WIRE_VARINT) {
    verdict v = parse_varint(p, LRM__VARINT_BYTES_MAX, &value);
    if (v != VERDICT_DONE) return v;
  } else if (wire_type == LRM__WIRE_BYTES) {
    verdict v = parse_varint(p, LRM__TAG_BYTES_MAX, &bytes);
    if (v != VERDICT_DONE) return v;
  } else {
    bytes = wire_type == LRM__WIRE_FIXED64 ? 8 : 4;
  }
  if (bytes > LRM_UNKNOWN_BYTES_MAX) return VERDICT_LIMIT;
  p->unknown_bytes += p->at - tag_at + (size_t)bytes;
  if (p->unknown_bytes > LRM_UNKNOWN_BYTES_MAX) return VERDICT_LIMIT;
  return step_over(p, bytes);
}

static verdict parse_payload(parser *p) {
  uint64_t bytes = 0;
  verdict v = parse_varint(p, LRM__TAG_BYTES_MAX, &bytes);
  if (v != VERDICT_DONE) return v;
  if (bytes > p->payload_bytes_max) return VERDICT_LIMIT;
  p->frame->payload.data = p->data + p->at;
  p->frame->payload.bytes = (size_t)bytes;
  return step_over(p, bytes);
}

static uint32_t *field32(lrm_frame *frame, uint32_t number) {
  switch (number) {
    case 1:
      return &frame->type;
    case 2:
      return &frame->channel;
    case 4:
      return &frame->count;
    case 5:
      return &frame->flags;
    case 6:
      return &frame->inflated_bytes;
    case 7:
      return &frame->dictionary;
    case 9:
      return &frame->part;
    case 10:
      return &frame->parts;
    default:
      return NULL;
  }
}

static verdict parse_number(parser *p, uint32_t number) {
  uint64_t value = 0;
  verdict v = parse_varint(p, LRM__VARINT_BYTES_MAX, &value);
  if (v != VERDICT_DONE) return v;
  uint32_t *narrow = field32(p->frame, number);
  if (narrow != NULL) {
    if (value > UINT32_MAX) return VERDICT_PROTOCOL;
    /* An enum is an int32: to other decoders a greater type is negative. */
    if (number == 1 && (value == 0 || value > INT32_MAX)) return VERDICT_PROTOCOL;
    *narrow = (uint32_t)value;
    return VERDICT_DONE;
  }
  if (value > LRM_OFFSET_MAX) return VERDICT_PROTOCOL;
  *(number == 3 ? &p->frame->offset : &p->frame->credit) = value;
  return VERDICT_DONE;
}

static verdict parse_field(parser *p) {
  size_t tag_at = p->at;
  uint32_t number = 0, wire_type = 0;
  verdict v = parse_tag(p, &number, &wire_type);
  if (v != VERDICT_DONE) return v;
  if (number > 10 && number != FIELD_PAYLOAD) return skip_unknown(p, tag_at, wire_type);
  if (p->seen >> number & 1) return VERDICT_PROTOCOL;
  p->seen |= 1u << number;
  if (number == FIELD_PAYLOAD)
    return wire_type == LRM__WIRE_BYTES ? parse_payload(p) : VERDICT_PROTOCOL;
  return wire_type == LRM__WIRE_VARINT ? parse_number(p, number) : VERDICT_PROTOCOL;
}

/* Batch tag and length: sets `end`. */
static verdict parse_prefix(parser *p) {
  uint32_t number = 0, wire_type = 0;
  uint64_t bytes = 0;
  verdict v = parse_tag(p, &number, &wire_type);
  if (v != VERDICT_DONE) return v;
  if (number != 1 || wire_type != LRM__WIRE_BYTES) return VERDICT_PROTOCOL;
  v = parse_varint(p, LRM__TAG_BYTES_MAX, &bytes);
  if (v != VERDICT_DONE) return v;
  if (bytes == 0) return VERDICT_PROTOCOL; /* type 0 */
  uint64_t most =
      (uint64_t)p->payload_bytes_max + LRM_FRAME_HEADER_BYTES_MAX + LRM_UNKNOWN_BYTES_MAX;
  if (p->at + bytes > most) return VERDICT_LIMIT;
  p->end = p->at + (size_t)bytes;
  return VERDICT_DONE;
}

int lrm_frame_decode(const uint8_t *data, size_t bytes, size_t payload_bytes_max, lrm_frame *frame,
                     size_t *consumed, size_t *wanted) {
  parser p = {.data = data, .bytes = bytes, .end = SIZE_MAX, .frame = frame};
  p.payload_bytes_max = payload_bytes_max;
  memset(frame, 0, sizeof *frame);
  frame->payload.data = data; /* of no bytes, but never NULL: readers need not ask */
  *consumed = 0;
  *wanted = bytes + 1;
  verdict v = bytes == 0 ? VERDICT_MORE : parse_prefix(&p);
  if (v == VERDICT_DONE) *wanted = p.end;
  while (v == VERDICT_DONE && p.at < p.end) v = p.at < bytes ? parse_field(&p) : VERDICT_MORE;
  if (v == VERDICT_DONE && frame->type == 0) v = VERDICT_PROTOCOL;
  switch (v) {
    case VERDICT_DONE:
      *consumed = p.end;
      *wanted = 0;
      return 0;
    case VERDICT_MORE:
      return 0;
    case VERDICT_LIMIT:
      return LRM_ERR_LIMIT;
    case VERDICT_PROTOCOL:
      break;
  }
  return LRM_ERR_PROTOCOL;
}
