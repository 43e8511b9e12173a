/* The payloads of control frames: nanopb behind the preflight, into the link's one union. */
#include <pb_decode.h>
#include <pb_encode.h>

#include "frame/wire.h"
#include "link/link_internal.h"
#include "remote/message.h"
#include "schema.h"

typedef struct codec {
  const lrm_schema_message *schema;
  const pb_msgdesc_t *fields;
} codec;

static const codec problem_codec = {&lrm_schema_Problem, remote_v1_Problem_fields};

static const codec *find_codec(uint32_t type) {
  static const codec codecs[] = {
      [LRM_FRAME_HELLO] = {&lrm_schema_Hello, remote_v1_Hello_fields},
      [LRM_FRAME_WELCOME] = {&lrm_schema_Welcome, remote_v1_Welcome_fields},
      [LRM_FRAME_OPEN] = {&lrm_schema_Open, remote_v1_Open_fields},
      [LRM_FRAME_OPENED] = {&lrm_schema_Opened, remote_v1_Opened_fields},
      [LRM_FRAME_LOG_STATUS] = {&lrm_schema_LogStatus, remote_v1_LogStatus_fields},
      [LRM_FRAME_RECEIPT] = {&lrm_schema_Receipt, remote_v1_Receipt_fields},
  };
  if (type == LRM_FRAME_REFUSE || type == LRM_FRAME_GOAWAY || type == LRM_FRAME_CLOSE)
    return &problem_codec;
  LRM_ASSERT(type < sizeof codecs / sizeof *codecs && codecs[type].fields != NULL);
  return &codecs[type];
}

int lrm__message_read(lrm_link *link, const lrm_frame *frame) {
  const codec *c = find_codec(frame->type);
  return lrm_message_decode_static(c->schema, c->fields, frame->payload.data, frame->payload.bytes,
                                   &link->decoded);
}

int lrm__message_write(uint32_t type, const void *message, uint8_t *out, size_t capacity,
                       size_t *bytes) {
  pb_ostream_t stream = pb_ostream_from_buffer(out, capacity);
  *bytes = 0;
  if (!pb_encode(&stream, find_codec(type)->fields, message)) return LRM_ERR_TOO_LARGE;
  *bytes = stream.bytes_written;
  return 0;
}

int lrm__message_peek_call(lrm_slice payload, uint32_t *id, bool *more) {
  const uint8_t *at = payload.data;
  const uint8_t *end = at + payload.bytes;
  uint32_t seen = 0;
  *id = 0;
  *more = false;
  while (at < end) {
    uint32_t number = 0, wire_type = 0;
    uint64_t value = 0;
    int read = lrm__tag_read(at, (size_t)(end - at), &number, &wire_type);
    if (read <= 0) return LRM_ERR_DECODE;
    at += read;
    uint64_t skip = wire_type == LRM__WIRE_FIXED64 ? 8 : wire_type == LRM__WIRE_FIXED32 ? 4 : 0;
    if (wire_type == LRM__WIRE_VARINT || wire_type == LRM__WIRE_BYTES) {
      size_t most = wire_type == LRM__WIRE_VARINT ? LRM__VARINT_BYTES_MAX : LRM__TAG_BYTES_MAX;
      read = lrm__varint_read(at, (size_t)(end - at), most, &value);
      if (read <= 0) return LRM_ERR_DECODE;
      at += read;
      if (wire_type == LRM__WIRE_BYTES) skip = value;
    }
    if (skip > (uint64_t)(end - at)) return LRM_ERR_DECODE;
    at += skip;
    if (number > 2 || (number == 2 && wire_type != LRM__WIRE_VARINT)) continue;
    if (wire_type != LRM__WIRE_VARINT || seen >> number & 1) return LRM_ERR_DECODE;
    seen |= 1u << number;
    if (number == 1 && value > UINT32_MAX) return LRM_ERR_DECODE;
    if (number == 1) *id = (uint32_t)value;
    if (number == 2) *more = value != 0;
  }
  return 0;
}
