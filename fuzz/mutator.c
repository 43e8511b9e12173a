/* Edits whole frames and writes them anew, so that every length is right again: a mutator that
 * flips bytes hardly ever gets past a header. libFuzzer only. */
#include "mutator.h"

#include <string.h>

#include "remote/frame.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

enum { FRAMES_MAX = 64, STREAM_MAX = 65536, PAYLOAD_MAX = 4096 };

typedef struct stream {
  lrm_frame frames[FRAMES_MAX];
  size_t count;
  lrm_slice rest; /* what is no frame */
} stream;

static uint32_t random_state;

static unsigned pick(unsigned n) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % n;
}

static void parse(const uint8_t *data, size_t bytes, stream *out) {
  out->count = 0;
  size_t at = 0;
  while (out->count < FRAMES_MAX) {
    size_t consumed = 0, wanted = 0;
    lrm_frame *frame = &out->frames[out->count];
    if (lrm_frame_decode(data + at, bytes - at, PAYLOAD_MAX, frame, &consumed, &wanted) != 0 ||
        consumed == 0)
      break;
    at += consumed;
    out->count++;
  }
  out->rest = (lrm_slice){data + at, bytes - at};
}

static uint64_t interesting(void) {
  static const uint64_t values[] = {0,  1,   2,    3,     5,     8,          15,
                                    32, 127, 1024, 16384, 65536, 0xffffffff, LRM_OFFSET_MAX};
  return values[pick(sizeof values / sizeof *values)];
}

static void edit_number(lrm_frame *f) {
  uint64_t value = pick(3) ? interesting() : (uint64_t)pick(64);
  switch (pick(9)) {
    case 0:
      f->type = 1 + pick(24);
      break;
    case 1:
      f->channel = (uint32_t)value & 7;
      break;
    case 2:
      f->offset = value;
      break;
    case 3:
      f->offset += pick(5);
      break;
    case 4:
      f->count = (uint32_t)value;
      break;
    case 5:
      f->flags ^= 1u << pick(5);
      break;
    case 6:
      f->credit = value;
      break;
    case 7:
      f->part = pick(4);
      f->parts = pick(4);
      break;
    default:
      f->inflated_bytes = (uint32_t)value;
  }
  if (f->offset > LRM_OFFSET_MAX) f->offset = LRM_OFFSET_MAX;
}

static void edit_payload(lrm_frame *f) {
  static uint8_t room[PAYLOAD_MAX];
  size_t bytes = f->payload.bytes;
  if (bytes > 0) memcpy(room, f->payload.data, bytes);
  f->payload = (lrm_slice){room, LLVMFuzzerMutate(room, bytes, sizeof room)};
}

/* A frame that fits in somewhere. */
static lrm_frame invent(void) {
  static const uint8_t zeros[512];
  static const uint32_t types[] = {LRM_FRAME_PING,
                                   LRM_FRAME_PONG,
                                   LRM_FRAME_CLOSE,
                                   LRM_FRAME_BLOCK,
                                   LRM_FRAME_BLOCK,
                                   LRM_FRAME_TAIL,
                                   LRM_FRAME_ACK,
                                   LRM_FRAME_SYNCED,
                                   LRM_FRAME_OPENED,
                                   LRM_FRAME_INFO,
                                   64};
  lrm_frame f = {.type = types[pick(sizeof types / sizeof *types)]};
  bool link = f.type == LRM_FRAME_PING || f.type == LRM_FRAME_PONG;
  f.channel = link ? 0 : 1 + pick(3);
  f.payload = (lrm_slice){zeros, link ? 8 : pick(300)};
  if (f.type == LRM_FRAME_CLOSE || f.type == LRM_FRAME_OPENED || f.type == LRM_FRAME_ACK ||
      f.type == LRM_FRAME_SYNCED)
    f.payload.bytes = 0;
  f.offset = pick(20);
  f.count = f.type == LRM_FRAME_BLOCK ? 1 + pick(4) : f.type == LRM_FRAME_TAIL ? pick(4) : 0;
  if (f.type == LRM_FRAME_BLOCK && pick(3) == 0) f.flags = LRM_FLAG_CLEARS_TAIL;
  if (f.type == LRM_FRAME_ACK && pick(2)) f.credit = pick(2000);
  return f;
}

static void insert(stream *s, size_t at, lrm_frame frame) {
  if (s->count == FRAMES_MAX) return;
  memmove(&s->frames[at + 1], &s->frames[at], (s->count - at) * sizeof frame);
  s->frames[at] = frame;
  s->count++;
}

static void edit(stream *s) {
  size_t at = s->count == 0 ? 0 : pick((unsigned)s->count);
  unsigned what = pick(7);
  if (s->count == 0 || what == 0) {
    insert(s, at, invent());
  } else if (what == 1) {
    memmove(&s->frames[at], &s->frames[at + 1], (s->count - at - 1) * sizeof s->frames[0]);
    s->count--;
  } else if (what == 2) {
    insert(s, at, s->frames[at]);
  } else if (what == 3) {
    size_t other = pick((unsigned)s->count);
    lrm_frame swap = s->frames[at];
    s->frames[at] = s->frames[other];
    s->frames[other] = swap;
  } else if (what == 4) {
    edit_payload(&s->frames[at]);
  } else {
    edit_number(&s->frames[at]);
  }
}

/* Writes the stream; 0: it does not fit. */
static size_t render(const stream *s, uint8_t *out, size_t capacity) {
  size_t at = 0;
  for (size_t i = 0; i < s->count; i++) {
    size_t written = 0;
    if (s->frames[i].type == 0) continue;
    if (lrm_frame_encode(&s->frames[i], out + at, capacity - at, &written) != 0) return 0;
    at += written;
  }
  if (s->rest.bytes > capacity - at) return 0;
  if (s->rest.bytes > 0) memcpy(out + at, s->rest.data, s->rest.bytes);
  return at + s->rest.bytes;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  static uint8_t out[STREAM_MAX];
  static stream s;
  fuzz_region region;
  random_state = seed;
  if (pick(3) == 0 || !fuzz_find_region(data, size, seed / 7, &region))
    return LLVMFuzzerMutate(data, size, max_size);
  parse(data + region.at, region.bytes, &s);
  for (unsigned edits = 1 + pick(3); edits > 0; edits--) edit(&s);
  size_t room = max_size - (size - region.bytes);
  if (room > region.bytes_max) room = region.bytes_max;
  size_t bytes = render(&s, out, room < sizeof out ? room : sizeof out);
  if (bytes == 0) return LLVMFuzzerMutate(data, size, max_size);
  size_t behind = region.at + region.bytes;
  memmove(data + region.at + bytes, data + behind, size - behind);
  memcpy(data + region.at, out, bytes);
  fuzz_repair_region(data, &region, bytes);
  return size - region.bytes + bytes;
}
