/* The frame codec: every split, every refusal, limits at n-1, n, n+1, and the same bytes as
 * protobuf-c on random frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "remote/frame.h"
#include "remote/v1/frame.pb-c.h"

#define SEED 20240611u

static uint64_t random_state;

static uint64_t random_next(void) {
  random_state += UINT64_C(0x9e3779b97f4a7c15);
  uint64_t z = random_state;
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* A number of a random size: small ones are as likely as large ones. */
static uint64_t random_number(unsigned bits_max) {
  unsigned bits = (unsigned)(random_next() % (bits_max + 1));
  return bits == 0 ? 0 : random_next() >> (64 - bits);
}

static int decode(const uint8_t *data, size_t bytes, size_t payload_max, lrm_frame *frame,
                  size_t *consumed) {
  size_t wanted = 0;
  int result = lrm_frame_decode(data, bytes, payload_max, frame, consumed, &wanted);
  if (result == 0 && *consumed == 0) {
    assert_true(wanted > bytes);
    assert_true(wanted <= payload_max + LRM_FRAME_HEADER_BYTES_MAX + LRM_UNKNOWN_BYTES_MAX);
  }
  return result;
}

/* Offers every prefix. The verdict must come at one byte and stay. Returns the verdict. */
static int decode_every_prefix(const uint8_t *data, size_t bytes, size_t payload_max,
                               size_t *decided_at) {
  int verdict = 0;
  bool decided = false;
  for (size_t n = 0; n <= bytes; n++) {
    /* A copy of exactly n bytes, so that a sanitizer sees a read beyond. */
    uint8_t *copy = malloc(n + 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    lrm_frame frame;
    size_t consumed = 0;
    int result = decode(copy, n, payload_max, &frame, &consumed);
    free(copy);
    if (decided) {
      assert_int_equal(result, verdict);
    } else if (result != 0 || consumed > 0) {
      decided = true;
      verdict = result;
      *decided_at = n;
    }
  }
  if (!decided) *decided_at = SIZE_MAX;
  return verdict;
}

static void reads_the_examples_of_the_specification(void **state) {
  (void)state;
  static const uint8_t ping[] = {0x0a, 0x0c, 8, 5, 0x7a, 8, 1, 2, 3, 4, 5, 6, 7, 8};
  static const uint8_t ack[] = {0x0a, 7, 8, 14, 16, 1, 24, 0xac, 2};
  lrm_frame frame;
  size_t consumed = 0;
  assert_int_equal(decode(ping, sizeof ping, 1024, &frame, &consumed), 0);
  assert_int_equal(consumed, sizeof ping);
  assert_int_equal(frame.type, LRM_FRAME_PING);
  assert_int_equal(frame.payload.bytes, 8);
  assert_ptr_equal(frame.payload.data, ping + 6);
  assert_int_equal(decode(ack, sizeof ack, 1024, &frame, &consumed), 0);
  assert_int_equal(frame.type, LRM_FRAME_ACK);
  assert_int_equal(frame.channel, 1);
  assert_int_equal(frame.offset, 300);
}

/* Bytes as a C array, what must come of them, and the prefix at which it must be known. */
typedef struct refusal {
  const char *what;
  uint8_t bytes[24];
  size_t count;
  int verdict;
  size_t decided_at;
} refusal;

#define BYTES(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

static const refusal refusals[] = {
    {"smallest frame", BYTES(0x0a, 2, 8, 5), 0, 4},
    {"any order of fields", BYTES(0x0a, 6, 16, 1, 8, 14, 24, 3), 0, 8},
    {"an unknown varint field", BYTES(0x0a, 5, 8, 5, 0x60, 0x80, 1), 0, 7},
    {"an unknown fixed32 field", BYTES(0x0a, 7, 8, 5, 0x65, 1, 2, 3, 4), 0, 9},
    {"an unknown bytes field", BYTES(0x0a, 5, 8, 5, 0x62, 1, 9), 0, 7},
    {"unknown field twice", BYTES(0x0a, 6, 8, 5, 0x60, 1, 0x60, 1), 0, 8},
    {"a padded varint", BYTES(0x0a, 3, 8, 0x85, 0), 0, 5},
    {"a padded tag of the batch", BYTES(0x8a, 0, 2, 8, 5), 0, 5},
    {"an empty payload stated", BYTES(0x0a, 4, 8, 5, 0x7a, 0), 0, 6},
    {"largest 32-bit number", BYTES(0x0a, 8, 8, 5, 16, 0xff, 0xff, 0xff, 0xff, 15), 0, 10},
    {"32-bit field of 2^32", BYTES(0x0a, 8, 8, 5, 16, 0x80, 0x80, 0x80, 0x80, 16), LRM_ERR_PROTOCOL,
     10},
    {"a field twice", BYTES(0x0a, 4, 8, 5, 8, 5), LRM_ERR_PROTOCOL, 5},
    {"a payload twice", BYTES(0x0a, 6, 8, 5, 0x7a, 0, 0x7a, 0), LRM_ERR_PROTOCOL, 7},
    {"type as fixed32", BYTES(0x0a, 5, 13, 5, 0, 0, 0), LRM_ERR_PROTOCOL, 3},
    {"type as bytes", BYTES(0x0a, 3, 10, 1, 5), LRM_ERR_PROTOCOL, 3},
    {"payload as a varint", BYTES(0x0a, 4, 8, 5, 0x78, 1), LRM_ERR_PROTOCOL, 5},
    {"a group begins", BYTES(0x0a, 4, 8, 5, 0x63, 0x64), LRM_ERR_PROTOCOL, 5},
    {"a group ends", BYTES(0x0a, 4, 8, 5, 0x64, 0x63), LRM_ERR_PROTOCOL, 5},
    {"wire type 6", BYTES(0x0a, 4, 8, 5, 0x66, 0), LRM_ERR_PROTOCOL, 5},
    {"wire type 7", BYTES(0x0a, 4, 8, 5, 0x67, 0), LRM_ERR_PROTOCOL, 5},
    {"field number 0", BYTES(0x0a, 4, 8, 5, 0, 1), LRM_ERR_PROTOCOL, 5},
    {"field number 0 in the batch", BYTES(2, 2, 8, 5), LRM_ERR_PROTOCOL, 1},
    {"batch field 2", BYTES(0x12, 2, 8, 5), LRM_ERR_PROTOCOL, 1},
    {"batch field 1 as a varint", BYTES(8, 2), LRM_ERR_PROTOCOL, 1},
    {"batch tag over-long", BYTES(0x8a, 0x80, 0x80, 0x80, 0x80, 0), LRM_ERR_PROTOCOL, 5},
    {"length over-long", BYTES(0x0a, 0x82, 0x80, 0x80, 0x80, 0x80, 0), LRM_ERR_PROTOCOL, 6},
    {"type 0 stated", BYTES(0x0a, 4, 8, 0, 16, 1), LRM_ERR_PROTOCOL, 4},
    {"no type", BYTES(0x0a, 2, 16, 1), LRM_ERR_PROTOCOL, 4},
    {"an empty frame", BYTES(0x0a, 0), LRM_ERR_PROTOCOL, 2},
    {"eleven bytes of varint",
     BYTES(0x0a, 13, 8, 5, 24, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0),
     LRM_ERR_PROTOCOL, 15},
    {"bits beyond 64",
     BYTES(0x0a, 13, 8, 5, 24, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2),
     LRM_ERR_PROTOCOL, 15},
    {"largest offset", BYTES(0x0a, 11, 8, 14, 24, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f),
     0, 13},
    {"offset 2^53", BYTES(0x0a, 11, 8, 14, 24, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
     LRM_ERR_PROTOCOL, 13},
    {"credit 2^53", BYTES(0x0a, 11, 8, 14, 64, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10),
     LRM_ERR_PROTOCOL, 13},
    {"varint cut by the frame's end", BYTES(0x0a, 2, 8, 0x85, 0), LRM_ERR_PROTOCOL, 4},
    {"payload beyond the frame's end", BYTES(0x0a, 4, 8, 5, 0x7a, 1), LRM_ERR_PROTOCOL, 6},
    {"unknown field beyond the end", BYTES(0x0a, 4, 8, 5, 0x62, 1), LRM_ERR_PROTOCOL, 6},
    {"fixed64 beyond the end", BYTES(0x0a, 4, 8, 5, 0x61, 1), LRM_ERR_PROTOCOL, 5},
};

static void refuses_what_decoders_disagree_on(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    const refusal *r = &refusals[i];
    size_t decided_at = 0;
    int verdict = decode_every_prefix(r->bytes, r->count, 1024, &decided_at);
    if (verdict != r->verdict || decided_at != r->decided_at)
      fail_msg("%s: verdict %d at byte %zu, expected %d at %zu", r->what, verdict, decided_at,
               r->verdict, r->decided_at);
  }
}

static uint8_t *write_varint(uint8_t *at, size_t value) {
  for (; value >= 0x80; value >>= 7) *at++ = (uint8_t)(value | 0x80);
  *at++ = (uint8_t)value;
  return at;
}

/* A BLOCK with unknown fields in front of the payload; each of the two takes its tag and length
 * out of `unknown_bytes`. */
static size_t write_frame(uint8_t *out, size_t payload_bytes, size_t unknown_bytes) {
  static uint8_t body[LRM_FRAME_PAYLOAD_BYTES_MAX + 32 * 1024];
  uint8_t *at = body;
  *at++ = 8;
  *at++ = 12;
  for (int part = 0; part < 2 && unknown_bytes > 0; part++) {
    size_t value = (part == 0 ? 8000 : unknown_bytes - 8000) - 3;
    *at++ = 0x62;
    at = write_varint(at, value);
    memset(at, 'u', value);
    at += value;
  }
  *at++ = 0x7a;
  at = write_varint(at, payload_bytes);
  memset(at, 'p', payload_bytes);
  at += payload_bytes;
  size_t bytes = (size_t)(at - body);
  *out = 0x0a;
  at = write_varint(out + 1, bytes);
  memcpy(at, body, bytes);
  return (size_t)(at - out) + bytes;
}

static void holds_the_limits(void **state) {
  (void)state;
  uint8_t *data = malloc(LRM_FRAME_PAYLOAD_BYTES_MAX + 64 * 1024);
  assert_non_null(data);
  for (size_t over = 0; over < 3; over++) {
    size_t payload_bytes = LRM_FRAME_PAYLOAD_BYTES_MAX - 1 + over;
    size_t bytes = write_frame(data, payload_bytes, 0);
    lrm_frame frame;
    size_t consumed = 0;
    int result = decode(data, bytes, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &consumed);
    assert_int_equal(result, over == 2 ? LRM_ERR_LIMIT : 0);
    if (over < 2) assert_int_equal(frame.payload.bytes, payload_bytes);
    /* Refused before the payload has arrived. */
    result = decode(data, 12, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &consumed);
    assert_int_equal(result, over == 2 ? LRM_ERR_LIMIT : 0);
  }
  for (size_t over = 0; over < 3; over++) {
    size_t bytes = write_frame(data, 1024, LRM_UNKNOWN_BYTES_MAX - 1 + over);
    lrm_frame frame;
    size_t consumed = 0;
    int result = decode(data, bytes, 1024, &frame, &consumed);
    assert_int_equal(result, over == 2 ? LRM_ERR_LIMIT : 0);
  }
  /* A length that no frame can have is refused at the length. */
  static const uint8_t huge[] = {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f};
  lrm_frame frame;
  size_t consumed = 0;
  assert_int_equal(decode(huge, sizeof huge, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &consumed),
                   LRM_ERR_LIMIT);
  free(data);
}

static void random_frame(lrm_frame *frame, uint8_t *payload, size_t payload_max) {
  memset(frame, 0, sizeof *frame);
  frame->type = (uint32_t)random_number(7) + 1;
  frame->channel = (uint32_t)random_number(32);
  frame->offset = random_number(53);
  frame->count = (uint32_t)random_number(32);
  frame->flags = (uint32_t)random_number(32);
  frame->inflated_bytes = (uint32_t)random_number(32);
  frame->dictionary = (uint32_t)random_number(32);
  frame->credit = random_number(53);
  frame->part = (uint32_t)random_number(32);
  frame->parts = (uint32_t)random_number(32);
  frame->payload.bytes = (size_t)(random_number(16) % (payload_max + 1));
  frame->payload.data = payload;
  for (size_t i = 0; i < frame->payload.bytes; i++) payload[i] = (uint8_t)random_next();
}

static void to_protobuf_c(const lrm_frame *from, Remote__V1__Frame *to) {
  remote__v1__frame__init(to);
  to->type = (Remote__V1__FrameType)from->type;
  to->channel = from->channel;
  to->offset = from->offset;
  to->count = from->count;
  to->flags = from->flags;
  to->inflated_bytes = from->inflated_bytes;
  to->dictionary = from->dictionary;
  to->credit = from->credit;
  to->part = from->part;
  to->parts = from->parts;
  to->payload.len = from->payload.bytes;
  to->payload.data = (uint8_t *)(uintptr_t)from->payload.data;
}

static void assert_frames_equal(const lrm_frame *a, const lrm_frame *b) {
  assert_int_equal(a->type, b->type);
  assert_int_equal(a->channel, b->channel);
  assert_int_equal(a->offset, b->offset);
  assert_int_equal(a->count, b->count);
  assert_int_equal(a->flags, b->flags);
  assert_int_equal(a->inflated_bytes, b->inflated_bytes);
  assert_int_equal(a->dictionary, b->dictionary);
  assert_int_equal(a->credit, b->credit);
  assert_int_equal(a->part, b->part);
  assert_int_equal(a->parts, b->parts);
  assert_int_equal(a->payload.bytes, b->payload.bytes);
  if (a->payload.bytes > 0) assert_memory_equal(a->payload.data, b->payload.data, a->payload.bytes);
}

static void writes_the_same_bytes_as_protobuf_c(void **state) {
  (void)state;
  random_state = SEED;
  print_message("seed %u\n", SEED);
  static uint8_t payload[2000], ours[4096], theirs[4096];
  for (int i = 0; i < 20000; i++) {
    lrm_frame frame, back;
    random_frame(&frame, payload, sizeof payload);
    size_t bytes = 0;
    assert_int_equal(lrm_frame_encode(&frame, ours, sizeof ours, &bytes), 0);
    Remote__V1__Frame message;
    to_protobuf_c(&frame, &message);
    Remote__V1__Frame *list[] = {&message};
    Remote__V1__Batch batch = REMOTE__V1__BATCH__INIT;
    batch.n_frame = 1;
    batch.frame = list;
    assert_int_equal(remote__v1__batch__pack(&batch, theirs), bytes);
    assert_memory_equal(ours, theirs, bytes);
    size_t consumed = 0;
    assert_int_equal(decode(ours, bytes, sizeof payload, &back, &consumed), 0);
    assert_int_equal(consumed, bytes);
    assert_frames_equal(&frame, &back);
  }
}

static void finds_the_same_frames_for_every_split(void **state) {
  (void)state;
  random_state = SEED + 1;
  static uint8_t payload[300], stream[1200];
  for (int i = 0; i < 200; i++) {
    lrm_frame frames[3];
    size_t end[3], bytes = 0;
    for (int k = 0; k < 3; k++) {
      random_frame(&frames[k], payload, 100);
      size_t written = 0;
      assert_int_equal(
          lrm_frame_encode(&frames[k], stream + bytes, sizeof stream - bytes, &written), 0);
      bytes += written;
      end[k] = bytes;
    }
    size_t at = 0, have = 0;
    int found = 0;
    while (at < bytes) {
      lrm_frame frame;
      size_t consumed = 0;
      assert_int_equal(decode(stream + at, have - at, 1024, &frame, &consumed), 0);
      if (consumed == 0) {
        have += 1 + (size_t)(random_next() % 40);
        if (have > bytes) have = bytes;
        continue;
      }
      at += consumed;
      assert_int_equal(at, end[found]);
      assert_int_equal(frame.type, frames[found].type);
      found++;
    }
    assert_int_equal(found, 3);
  }
}

static void says_when_the_buffer_is_too_small(void **state) {
  (void)state;
  uint8_t payload[10] = {0}, out[64];
  lrm_frame frame = {.type = LRM_FRAME_BLOCK, .channel = 1, .count = 1};
  frame.payload = (lrm_slice){payload, sizeof payload};
  size_t bytes = 0, written = 0;
  assert_int_equal(lrm_frame_encode(&frame, out, sizeof out, &bytes), 0);
  assert_int_equal(lrm_frame_encode(&frame, out, bytes, &written), 0);
  assert_int_equal(lrm_frame_encode(&frame, out, bytes - 1, &written), LRM_ERR_TOO_LARGE);
  assert_int_equal(written, 0);
}

static void writes_the_largest_header_within_its_room(void **state) {
  (void)state;
  lrm_frame frame = {UINT32_MAX, UINT32_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX,       UINT32_MAX,
                     UINT32_MAX, UINT64_MAX, UINT32_MAX, UINT32_MAX, {NULL, INT32_MAX}};
  uint8_t out[LRM_FRAME_HEADER_BYTES_MAX];
  assert_true(lrm_frame_encode_header(&frame, out) <= sizeof out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(reads_the_examples_of_the_specification),
      cmocka_unit_test(refuses_what_decoders_disagree_on),
      cmocka_unit_test(holds_the_limits),
      cmocka_unit_test(writes_the_same_bytes_as_protobuf_c),
      cmocka_unit_test(finds_the_same_frames_for_every_split),
      cmocka_unit_test(says_when_the_buffer_is_too_small),
      cmocka_unit_test(writes_the_largest_header_within_its_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
