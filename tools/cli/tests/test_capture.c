/* What a capture keeps: whole frames however the bytes come, all lengths, and no credential. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <pb_encode.h>

#include "capture.h"
#include "remote/frame.h"
#include "remote/v1/link.pb.h"
#include "remote/v1/relay.pb.h"

#define TOKEN "rrt_9dc72c380b7e2ed135e1386c843de88590bd5169c8e0f52504d97fe856052272"

static struct {
  uint8_t stream[4096]; /* what passes */
  size_t bytes;
  uint8_t kept[2][4096]; /* of the connecting and the accepting side */
  size_t kept_bytes[2], records;
  bool whole; /* every record was one frame */
} t;

static void take(void *user, const capture_record *record) {
  (void)user;
  if (record->kind != CAPTURE_CONNECTING && record->kind != CAPTURE_ACCEPTING) return;
  int side = record->kind == CAPTURE_ACCEPTING;
  lrm_frame frame;
  size_t consumed = 0, wanted = 0;
  int result = lrm_frame_decode(record->data.data, record->data.bytes, LRM_FRAME_PAYLOAD_BYTES_MAX,
                                &frame, &consumed, &wanted);
  t.whole = t.whole && result == 0 && consumed == record->data.bytes;
  assert_true(t.kept_bytes[side] + record->data.bytes <= sizeof t.kept[0]);
  memcpy(t.kept[side] + t.kept_bytes[side], record->data.data, record->data.bytes);
  t.kept_bytes[side] += record->data.bytes;
  t.records++;
}

static void add(uint32_t type, const void *payload, size_t bytes) {
  lrm_frame frame = {.type = type, .payload = {payload, bytes}};
  size_t written = 0;
  assert_int_equal(
      lrm_frame_encode(&frame, t.stream + t.bytes, sizeof t.stream - t.bytes, &written), 0);
  t.bytes += written;
}

static void add_message(uint32_t type, const pb_msgdesc_t *fields, const void *message) {
  uint8_t packed[1024];
  pb_ostream_t stream = pb_ostream_from_buffer(packed, sizeof packed);
  assert_true(pb_encode(&stream, fields, message));
  add(type, packed, stream.bytes_written);
}

static void add_hello(void) {
  remote_v1_Hello hello = remote_v1_Hello_init_zero;
  hello.version_min = hello.version_max = 1;
  hello.link_id.size = 16;
  memcpy(hello.token, TOKEN, sizeof TOKEN);
  add_message(LRM_FRAME_HELLO, remote_v1_Hello_fields, &hello);
}

static bool holds(const uint8_t *data, size_t bytes, const char *text) {
  size_t length = strlen(text);
  for (size_t i = 0; i + length <= bytes; i++)
    if (memcmp(data + i, text, length) == 0) return true;
  return false;
}

/* The stream in pieces of `piece` bytes, then the carrier ends. */
static void pass(lrm_uv_tap_kind kind, size_t piece) {
  capture *c = capture_create(take, NULL);
  assert_non_null(c);
  t.kept_bytes[0] = t.kept_bytes[1] = t.records = 0;
  t.whole = true;
  capture_tap(c, LRM_UV_TAP_UP, (lrm_slice){(const uint8_t *)"here", 4});
  for (size_t at = 0; at < t.bytes; at += piece)
    capture_tap(c, kind, (lrm_slice){t.stream + at, t.bytes - at < piece ? t.bytes - at : piece});
  capture_tap(c, LRM_UV_TAP_DOWN, (lrm_slice){NULL, 0});
  capture_close(c);
}

static int start(void **state) {
  (void)state;
  memset(&t, 0, sizeof t);
  return 0;
}

/* ---- tests ---- */

static void whole_frames_without_the_token(void **state) {
  (void)state;
  static const char text[] = "the token is " TOKEN ", said in a prompt";
  add_hello();
  add(LRM_FRAME_PING, "12345678", 8);
  add(LRM_FRAME_BLOCK, text, sizeof text);
  for (size_t piece = 1; piece <= t.bytes; piece++) {
    pass(LRM_UV_TAP_SENT, piece);
    assert_true(t.whole);
    assert_int_equal(t.records, 3);
    assert_int_equal(t.kept_bytes[0], t.bytes);
    assert_false(holds(t.kept[0], t.kept_bytes[0], &TOKEN[4]));
    assert_true(holds(t.kept[0], t.kept_bytes[0], "12345678"));
    assert_true(holds(t.kept[0], t.kept_bytes[0], "the token is rrt_****"));
  }
}

static void a_hello_that_is_cut(void **state) {
  (void)state;
  add_hello();
  for (t.bytes--; t.bytes > 0; t.bytes--) {
    pass(LRM_UV_TAP_SENT, t.bytes);
    assert_int_equal(t.kept_bytes[0], t.bytes);
    for (size_t i = 0; i + 4 <= t.bytes; i++) assert_true(memcmp(t.kept[0] + i, TOKEN, 4) != 0);
  }
}

static void signing_in(void **state) {
  (void)state;
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = 1;
  reply.which_result = remote_v1_Reply_signed_in_tag;
  memcpy(reply.result.signed_in.token, "a token of another shape", 25);
  add_message(LRM_FRAME_REPLY, remote_v1_Reply_fields, &reply);
  reply.which_result = remote_v1_Reply_pairing_code_tag;
  reply.result.pairing_code = (remote_v1_PairingCode)remote_v1_PairingCode_init_zero;
  memcpy(reply.result.pairing_code.code, "BCDF-GHJK", 10);
  add_message(LRM_FRAME_REPLY, remote_v1_Reply_fields, &reply);
  pass(LRM_UV_TAP_RECEIVED, 7);
  assert_int_equal(t.kept_bytes[1], t.bytes);
  assert_false(holds(t.kept[1], t.bytes, "another shape"));
  assert_false(holds(t.kept[1], t.bytes, "BCDF"));
}

static void a_payload_that_is_none(void **state) {
  (void)state;
  static const char secret[] = "\x32\xff\x01 secret words";
  add(LRM_FRAME_HELLO, secret, sizeof secret);
  pass(LRM_UV_TAP_SENT, 100);
  assert_false(holds(t.kept[0], t.kept_bytes[0], "secret"));
}

static void bytes_that_are_no_frame(void **state) {
  (void)state;
  add(LRM_FRAME_PING, "12345678", 8);
  memcpy(t.stream + t.bytes, "\xff\xff\xff" TOKEN " more", sizeof TOKEN + 8);
  t.bytes += sizeof TOKEN + 7;
  for (size_t piece = 1; piece <= t.bytes; piece++) {
    pass(LRM_UV_TAP_RECEIVED, piece);
    assert_int_equal(t.kept_bytes[1], t.bytes);
    assert_memory_equal(t.kept[1], t.stream, 8);
    assert_false(holds(t.kept[1], t.kept_bytes[1], "rrt_9dc72c380b7e2ed1")); /* or more */
  }
}

static void headers(void **state) {
  (void)state;
  uint8_t bytes[CAPTURE_HEADER_BYTES];
  capture_record in = {CAPTURE_DOWN, 0x01020304, UINT64_C(0x0a0b0c0d0e0f), {NULL, 77}}, out;
  capture_header(&in, bytes);
  assert_true(capture_parse(bytes, &out));
  assert_int_equal(out.kind, in.kind);
  assert_int_equal(out.carrier, in.carrier);
  assert_true(out.at_us == in.at_us);
  assert_int_equal(out.data.bytes, 77);
  for (size_t at = 5; at < 8; at++) {
    bytes[at] = 1;
    assert_false(capture_parse(bytes, &out));
    bytes[at] = 0;
  }
  bytes[4] = 6;
  assert_false(capture_parse(bytes, &out));
  bytes[4] = 0;
  assert_false(capture_parse(bytes, &out));
  in.data.bytes = CAPTURE_RECORD_BYTES_MAX + 1;
  capture_header(&in, bytes);
  assert_false(capture_parse(bytes, &out));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(whole_frames_without_the_token, start),
      cmocka_unit_test_setup(a_hello_that_is_cut, start),
      cmocka_unit_test_setup(signing_in, start),
      cmocka_unit_test_setup(a_payload_that_is_none, start),
      cmocka_unit_test_setup(bytes_that_are_no_frame, start),
      cmocka_unit_test_setup(headers, start),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
