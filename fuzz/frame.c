/* The frame codec. First byte: how the stream is split; rest: the stream. Any split gives the
 * same frames and the same fault at the same byte; what is taken, protobuf-c takes with the same
 * values; what was decoded and encoded again decodes to the same, and is canonical. */
#include <string.h>

#include "layout.h"
#include "remote/frame.h"
#include "remote/v1/frame.pb-c.h"
#include "target.h"

const fuzz_layout fuzz_layout_here = {.head = 1};

/* A small limit, so that inputs reach both sides of it. */
enum { FRAMES_MAX = 256, PAYLOAD_MAX = 1024 };

typedef struct reading {
  lrm_frame frames[FRAMES_MAX]; /* payloads point into the whole input */
  size_t ends[FRAMES_MAX];
  size_t count;
  int error;
} reading;

/* Reads with `step` more bytes each time; 0: all at once. */
static void read_all(const uint8_t *data, size_t size, size_t step, reading *out) {
  out->count = 0;
  out->error = 0;
  size_t at = 0, have = step == 0 ? size : 0;
  while (out->count < FRAMES_MAX) {
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    out->error = lrm_frame_decode(data + at, have - at, PAYLOAD_MAX, &frame, &consumed, &wanted);
    if (out->error != 0) return;
    if (consumed > 0) {
      FUZZ_CHECK(consumed <= have - at);
      FUZZ_CHECK(frame.type != 0 && frame.payload.bytes <= PAYLOAD_MAX);
      at += consumed;
      out->ends[out->count] = at;
      out->frames[out->count++] = frame;
      continue;
    }
    FUZZ_CHECK(wanted > have - at);
    FUZZ_CHECK(wanted <= PAYLOAD_MAX + LRM_FRAME_HEADER_BYTES_MAX + LRM_UNKNOWN_BYTES_MAX);
    if (have == size) return;
    have = have + step < size ? have + step : size;
  }
}

static bool same_header(const lrm_frame *a, const lrm_frame *b) {
  return a->type == b->type && a->channel == b->channel && a->offset == b->offset &&
         a->count == b->count && a->flags == b->flags && a->inflated_bytes == b->inflated_bytes &&
         a->dictionary == b->dictionary && a->credit == b->credit && a->part == b->part &&
         a->parts == b->parts && a->payload.bytes == b->payload.bytes;
}

static bool same_payload(const uint8_t *a, const uint8_t *b, size_t bytes) {
  return bytes == 0 || memcmp(a, b, bytes) == 0;
}

/* Encoding again gives the canonical form, which decodes to the same frame. */
static void check_again(const lrm_frame *frame) {
  static uint8_t first[PAYLOAD_MAX + 256], second[PAYLOAD_MAX + 256];
  size_t bytes = 0, again = 0, consumed = 0, wanted = 0;
  lrm_frame back;
  FUZZ_CHECK(lrm_frame_encode(frame, first, sizeof first, &bytes) == 0);
  FUZZ_CHECK(lrm_frame_decode(first, bytes, PAYLOAD_MAX, &back, &consumed, &wanted) == 0);
  FUZZ_CHECK(consumed == bytes && same_header(frame, &back));
  FUZZ_CHECK(same_payload(frame->payload.data, back.payload.data, back.payload.bytes));
  FUZZ_CHECK(lrm_frame_encode(&back, second, sizeof second, &again) == 0);
  FUZZ_CHECK(again == bytes && memcmp(first, second, bytes) == 0);
}

static void check_protobuf_c(const uint8_t *data, size_t bytes, const lrm_frame *frame) {
  Remote__V1__Batch *batch = remote__v1__batch__unpack(NULL, bytes, data);
  FUZZ_CHECK(batch != NULL && batch->n_frame == 1);
  const Remote__V1__Frame *f = batch->frame[0];
  FUZZ_CHECK((uint32_t)f->type == frame->type && f->channel == frame->channel);
  FUZZ_CHECK(f->offset == frame->offset && f->count == frame->count && f->flags == frame->flags);
  FUZZ_CHECK(f->inflated_bytes == frame->inflated_bytes && f->dictionary == frame->dictionary);
  FUZZ_CHECK(f->credit == frame->credit && f->part == frame->part && f->parts == frame->parts);
  FUZZ_CHECK(f->payload.len == frame->payload.bytes);
  FUZZ_CHECK(same_payload(f->payload.data, frame->payload.data, f->payload.len));
  remote__v1__batch__free_unpacked(batch, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static reading whole, split;
  if (size < 1) return 0;
  size_t step = 1 + data[0] % 32;
  data++;
  size--;
  read_all(data, size, 0, &whole);
  read_all(data, size, step, &split);
  FUZZ_CHECK(whole.count == split.count && whole.error == split.error);
  size_t at = 0;
  for (size_t i = 0; i < whole.count; i++) {
    FUZZ_CHECK(whole.ends[i] == split.ends[i]);
    FUZZ_CHECK(same_header(&whole.frames[i], &split.frames[i]));
    check_again(&whole.frames[i]);
    check_protobuf_c(data + at, whole.ends[i] - at, &whole.frames[i]);
    at = whole.ends[i];
  }
  return 0;
}
