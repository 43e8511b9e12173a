#define ZLIB_CONST
#include "frame_edit.h"

#include <zlib.h>

#include "message_edit.h"
#include "remote/frame.h"
#include "schema/random_message.h"

enum { FRAMES_MAX = 64, PAYLOAD_MAX = 65536 };

typedef struct stream {
  lrm_frame frames[FRAMES_MAX]; /* payloads are borrowed */
  size_t count;
  lrm_slice rest; /* what is no frame */
  random_state random;
  bytes made; /* the payload that was edited */
} stream;

static unsigned pick(stream *s, unsigned n) { return (unsigned)random_below(&s->random, n); }

static void parse(const uint8_t *data, size_t size, stream *out) {
  size_t at = 0;
  while (out->count < FRAMES_MAX && size > 0) {
    size_t consumed = 0, wanted = 0;
    lrm_frame *frame = &out->frames[out->count];
    if (lrm_frame_decode(data + at, size - at, PAYLOAD_MAX, frame, &consumed, &wanted) != 0 ||
        consumed == 0)
      break;
    at += consumed;
    out->count++;
  }
  out->rest = (lrm_slice){data + at, size - at};
}

/* ---- payloads ---- */

/* What stands in a payload of this type; NULL: no single message. */
static const lrm_schema_message *message_of(uint32_t type) {
  switch (type) {
    case LRM_FRAME_HELLO:
      return &lrm_schema_Hello;
    case LRM_FRAME_WELCOME:
      return &lrm_schema_Welcome;
    case LRM_FRAME_REFUSE:
    case LRM_FRAME_GOAWAY:
    case LRM_FRAME_CLOSE:
      return &lrm_schema_Problem;
    case LRM_FRAME_OPEN:
      return &lrm_schema_Open;
    case LRM_FRAME_OPENED:
      return &lrm_schema_Opened;
    case LRM_FRAME_INFO:
      return &lrm_schema_SessionInfo;
    case LRM_FRAME_TAIL:
      return &lrm_schema_Event;
    case LRM_FRAME_LOG_STATUS:
      return &lrm_schema_LogStatus;
    case LRM_FRAME_RECEIPT:
      return &lrm_schema_Receipt;
    case LRM_FRAME_REQUEST:
      return &lrm_schema_Request;
    case LRM_FRAME_REPLY:
      return &lrm_schema_Reply;
    default:
      return NULL;
  }
}

static bool inflate_payload(const lrm_frame *f, bytes *out) {
  static uint8_t room[PAYLOAD_MAX];
  z_stream z;
  memset(&z, 0, sizeof z);
  if (inflateInit2(&z, -15) != Z_OK) return false;
  z.next_in = f->payload.data;
  z.avail_in = (uInt)f->payload.bytes;
  z.next_out = room;
  z.avail_out = sizeof room;
  bool whole = inflate(&z, Z_FINISH) == Z_STREAM_END;
  bytes_put(out, room, whole ? z.total_out : 0);
  inflateEnd(&z);
  return whole;
}

static void deflate_payload(const bytes *in, bytes *out) {
  static uint8_t room[2 * PAYLOAD_MAX];
  z_stream z;
  memset(&z, 0, sizeof z);
  if (deflateInit2(&z, 3, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  z.next_in = in->data;
  z.avail_in = (uInt)(in->count < PAYLOAD_MAX ? in->count : PAYLOAD_MAX);
  z.next_out = room;
  z.avail_out = sizeof room;
  if (deflate(&z, Z_FINISH) == Z_STREAM_END) bytes_put(out, room, z.total_out);
  deflateEnd(&z);
}

/* A block holds messages, each behind its length. One of them is edited, or one is added. */
static uint32_t edit_messages(stream *s, const bytes *in, bytes *out) {
  const lrm_schema_message *type = pick(s, 2) ? &lrm_schema_Event : &lrm_schema_CommandEnvelope;
  uint32_t count = 0;
  unsigned chosen = pick(s, 4);
  for (size_t at = 0; at < in->count || count == 0;) {
    uint64_t length = 0;
    for (unsigned shift = 0; at < in->count && shift < 28; shift += 7) {
      length |= (uint64_t)(in->data[at] & 0x7f) << shift;
      if (in->data[at++] < 0x80) break;
    }
    if (length > in->count - at) length = in->count - at;
    bytes message = {0};
    if (count == chosen || in->count == 0)
      fuzz_message_edit(random_next(&s->random), type, in->data + at, (size_t)length, &message);
    else
      bytes_put(&message, in->data + at, (size_t)length);
    bytes_varint(out, message.count);
    bytes_put(out, message.data, message.count);
    bytes_free(&message);
    at += (size_t)length;
    count++;
  }
  return count;
}

static void edit_block(stream *s, lrm_frame *f) {
  bytes in = {0}, out = {0};
  bool packed = f->flags & LRM_FLAG_COMPRESSED && inflate_payload(f, &in);
  bytes_put(&in, packed ? NULL : f->payload.data, packed ? 0 : f->payload.bytes);
  f->count = edit_messages(s, &in, &out);
  if (packed) {
    f->inflated_bytes = (uint32_t)out.count;
    deflate_payload(&out, &s->made);
    if (pick(s, 8) == 0) bytes_put(&s->made, "\0", 1); /* something behind it */
  } else {
    bytes_put(&s->made, out.data, out.count);
  }
  bytes_free(&in);
  bytes_free(&out);
}

static void edit_payload(stream *s, lrm_frame *f) {
  const lrm_schema_message *type = message_of(f->type);
  s->made.count = 0;
  bytes_put(&s->made, "", 0);
  if (f->type == LRM_FRAME_BLOCK) {
    edit_block(s, f);
  } else if (type != NULL && pick(s, 8) != 0) {
    fuzz_message_edit(random_next(&s->random), type, f->payload.data, f->payload.bytes, &s->made);
  } else if (pick(s, 2)) { /* limits are mostly powers of two */
    size_t wanted = ((size_t)1 << pick(s, 13)) + pick(s, 3);
    bytes_put(&s->made, f->payload.data, f->payload.bytes < wanted ? f->payload.bytes : wanted - 1);
    while (s->made.count + 1 < wanted) bytes_byte(&s->made, pick(s, 256));
  } else {
    size_t keep = pick(s, (unsigned)f->payload.bytes + 1);
    bytes_put(&s->made, f->payload.data, keep);
    for (unsigned more = pick(s, 12); more > 0; more--) bytes_byte(&s->made, pick(s, 256));
  }
  if (s->made.count > PAYLOAD_MAX) s->made.count = PAYLOAD_MAX;
  f->payload = (lrm_slice){s->made.data, s->made.count};
}

/* ---- frames ---- */

static uint64_t number(stream *s) {
  static const uint64_t values[] = {0,  1,   2,    3,     5,     8,          15,
                                    32, 127, 1024, 16384, 65536, 0xffffffff, LRM_OFFSET_MAX};
  return pick(s, 3) ? values[pick(s, sizeof values / sizeof *values)] : pick(s, 64);
}

static void edit_number(stream *s, lrm_frame *f) {
  uint64_t value = number(s);
  switch (pick(s, 9)) {
    case 0:
      f->type = 1 + pick(s, 24);
      break;
    case 1:
      f->channel = (uint32_t)value & 7;
      break;
    case 2:
      f->offset = value;
      break;
    case 3:
      f->offset += pick(s, 5);
      break;
    case 4:
      f->count = (uint32_t)value;
      break;
    case 5:
      f->flags ^= 1u << pick(s, 5);
      break;
    case 6:
      f->credit = value;
      break;
    case 7:
      f->part = pick(s, 4);
      f->parts = pick(s, 4);
      break;
    default:
      f->inflated_bytes = (uint32_t)value;
  }
  if (f->offset > LRM_OFFSET_MAX) f->offset = LRM_OFFSET_MAX;
}

/* A frame that fits in somewhere. */
static lrm_frame invent(stream *s) {
  static const uint8_t zeros[512];
  static const uint32_t types[] = {
      LRM_FRAME_PING,  LRM_FRAME_PONG,   LRM_FRAME_CLOSE,   LRM_FRAME_BLOCK,      LRM_FRAME_BLOCK,
      LRM_FRAME_TAIL,  LRM_FRAME_ACK,    LRM_FRAME_SYNCED,  LRM_FRAME_OPENED,     LRM_FRAME_INFO,
      LRM_FRAME_OPEN,  LRM_FRAME_OPEN,   LRM_FRAME_HELLO,   LRM_FRAME_WELCOME,    LRM_FRAME_REQUEST,
      LRM_FRAME_REPLY, LRM_FRAME_GOAWAY, LRM_FRAME_RECEIPT, LRM_FRAME_LOG_STATUS, 64};
  lrm_frame f = {.type = types[pick(s, sizeof types / sizeof *types)]};
  bool link = f.type <= LRM_FRAME_PONG;
  f.channel = link ? 0 : 1 + pick(s, 3);
  f.payload = (lrm_slice){zeros, f.type == LRM_FRAME_PING || f.type == LRM_FRAME_PONG ? 8 : 0};
  f.offset = pick(s, 20);
  f.count = f.type == LRM_FRAME_BLOCK ? 1 + pick(s, 4) : f.type == LRM_FRAME_TAIL ? pick(s, 4) : 0;
  if (f.type == LRM_FRAME_BLOCK && pick(s, 3) == 0) f.flags = LRM_FLAG_CLEARS_TAIL;
  if (f.type == LRM_FRAME_ACK && pick(s, 2)) f.credit = pick(s, 2000);
  if (f.type == LRM_FRAME_BLOCK && pick(s, 2)) /* its insides do not matter */
    f.payload.bytes = 1 + pick(s, 300);
  else if (f.payload.bytes == 0 && f.type != LRM_FRAME_ACK && f.type != LRM_FRAME_SYNCED &&
           pick(s, 6))
    edit_payload(s, &f);
  return f;
}

static void insert(stream *s, size_t at, lrm_frame frame) {
  if (s->count == FRAMES_MAX) return;
  memmove(&s->frames[at + 1], &s->frames[at], (s->count - at) * sizeof frame);
  s->frames[at] = frame;
  s->count++;
}

static void edit(stream *s) {
  size_t at = s->count == 0 ? 0 : pick(s, (unsigned)s->count);
  unsigned what = pick(s, 9);
  if (s->count == 0 || what == 0) {
    insert(s, at, invent(s));
  } else if (what == 1) {
    memmove(&s->frames[at], &s->frames[at + 1], (s->count - at - 1) * sizeof s->frames[0]);
    s->count--;
  } else if (what == 2) {
    insert(s, at, s->frames[at]);
  } else if (what == 3) {
    size_t other = pick(s, (unsigned)s->count);
    lrm_frame swap = s->frames[at];
    s->frames[at] = s->frames[other];
    s->frames[other] = swap;
  } else if (what <= 6) {
    edit_payload(s, &s->frames[at]);
  } else {
    edit_number(s, &s->frames[at]);
  }
}

void fuzz_frames_edit(uint64_t seed, const uint8_t *data, size_t size, bytes *out) {
  stream *s = calloc(1, sizeof *s);
  if (s == NULL) abort();
  s->random.state = seed * 2 + 1;
  if (size == 0) data = (const uint8_t *)"";
  parse(data, size, s);
  edit(s);
  for (size_t i = 0; i < s->count; i++) {
    uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
    const lrm_frame *f = &s->frames[i];
    if (f->type == 0) continue;
    bytes_put(out, header, lrm_frame_encode_header(f, header));
    bytes_put(out, f->payload.data, f->payload.bytes);
  }
  bytes_put(out, s->rest.data, s->rest.bytes);
  bytes_free(&s->made);
  free(s);
}
