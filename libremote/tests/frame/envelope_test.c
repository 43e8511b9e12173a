/* CommandEnvelope in place: the same bytes as protobuf-c, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "remote/envelope.h"
#include "remote/limits.h"
#include "remote/v1/link.pb-c.h"

static void fill(lrm_envelope *e) {
  memset(e, 0, sizeof *e);
  memset(e->command_id.bytes, 7, 16);
  memset(e->event_epoch.bytes, 9, 16);
  e->command_class = 1;
  e->ttl_ms = 60000;
  e->command = (lrm_slice){(const uint8_t *)"body", 4};
  e->has_origin = true;
  (void)snprintf(e->origin.account, sizeof e->origin.account, "%s", "ana");
  memset(e->origin.device_id.bytes, 3, 16);
  (void)snprintf(e->origin.device, sizeof e->origin.device, "%s", "t\xc3\xa9l\xc3\xa9phone");
  (void)snprintf(e->origin.surface, sizeof e->origin.surface, "%s", "web");
  e->received_ms = UINT64_C(1718000000000);
}

static ProtobufCBinaryData binary(const void *data, size_t bytes) {
  return (ProtobufCBinaryData){bytes, (uint8_t *)(uintptr_t)data};
}

static void writes_the_same_bytes_as_protobuf_c(void **state) {
  (void)state;
  lrm_envelope e, back;
  fill(&e);
  uint8_t ours[512], theirs[512];
  size_t bytes = 0;
  assert_int_equal(lrm_envelope_encode(&e, ours, sizeof ours, &bytes), 0);
  assert_int_equal(bytes, lrm_envelope_bytes(&e));
  Remote__V1__Origin origin = REMOTE__V1__ORIGIN__INIT;
  origin.account = e.origin.account;
  origin.device_id = binary(e.origin.device_id.bytes, 16);
  origin.device = e.origin.device;
  origin.surface = e.origin.surface;
  Remote__V1__CommandEnvelope message = REMOTE__V1__COMMAND_ENVELOPE__INIT;
  message.command_id = binary(e.command_id.bytes, 16);
  message.class_ = (Remote__V1__CommandClass)e.command_class;
  message.ttl_ms = e.ttl_ms;
  message.event_epoch = binary(e.event_epoch.bytes, 16);
  message.command = binary(e.command.data, e.command.bytes);
  message.origin = &origin;
  message.received_ms = e.received_ms;
  assert_int_equal(remote__v1__command_envelope__pack(&message, theirs), bytes);
  assert_memory_equal(ours, theirs, bytes);
  assert_int_equal(lrm_envelope_decode(ours, bytes, &back), 0);
  assert_memory_equal(&back.command_id, &e.command_id, 16);
  assert_int_equal(back.command_class, 1);
  assert_int_equal(back.ttl_ms, e.ttl_ms);
  assert_int_equal(back.command.bytes, 4);
  assert_true(back.has_origin);
  assert_string_equal(back.origin.device, e.origin.device);
  assert_int_equal(back.received_ms, e.received_ms);
}

static void refuses_every_cut_but_those_between_fields(void **state) {
  (void)state;
  lrm_envelope e, back;
  fill(&e);
  uint8_t data[512];
  size_t bytes = 0;
  assert_int_equal(lrm_envelope_encode(&e, data, sizeof data, &bytes), 0);
  size_t good = 0;
  for (size_t n = 0; n <= bytes; n++) {
    uint8_t *copy = malloc(n + 1);
    assert_non_null(copy);
    memcpy(copy, data, n);
    if (lrm_envelope_decode(copy, n, &back) == 0) good++;
    free(copy);
  }
  assert_int_equal(good, 7);
  assert_int_equal(lrm_envelope_encode(&e, data, bytes - 1, &good), LRM_ERR_TOO_LARGE);
}

typedef struct refusal {
  const char *what;
  uint8_t tail[16];
  size_t bytes;
  int verdict;
} refusal;

#define TAIL(...) {__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})

/* Each after a good command_id. */
static const refusal refusals[] = {
    {"unknown field", TAIL(0x40, 1), 0},
    {"unknown class", TAIL(0x10, 99), 0},
    {"command_id twice", TAIL(0x0a, 0), LRM_ERR_DECODE},
    {"class twice", TAIL(0x10, 1, 0x10, 1), LRM_ERR_DECODE},
    {"class as bytes", TAIL(0x12, 1, 1), LRM_ERR_DECODE},
    {"negative class", TAIL(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
     LRM_ERR_DECODE},
    {"class 2^31", TAIL(0x10, 0x80, 0x80, 0x80, 0x80, 8), LRM_ERR_DECODE},
    {"epoch of 3 bytes", TAIL(0x22, 3, 1, 2, 3), LRM_ERR_DECODE},
    {"a group", TAIL(0x43, 0x44), LRM_ERR_DECODE},
    {"field 0", TAIL(0, 1), LRM_ERR_DECODE},
    {"empty origin", TAIL(0x32, 0), 0},
    {"origin with account", TAIL(0x32, 3, 0x0a, 1, 'a'), 0},
    {"NUL in a string", TAIL(0x32, 3, 0x0a, 1, 0), LRM_ERR_DECODE},
    {"bad UTF-8", TAIL(0x32, 4, 0x0a, 2, 0xc0, 0x80), LRM_ERR_DECODE},
    {"a surrogate", TAIL(0x32, 5, 0x0a, 3, 0xed, 0xa0, 0x80), LRM_ERR_DECODE},
    {"cut UTF-8", TAIL(0x32, 4, 0x0a, 2, 0xe2, 0x82), LRM_ERR_DECODE},
    {"beyond U+10FFFF", TAIL(0x32, 6, 0x0a, 4, 0xf4, 0x90, 0x80, 0x80), LRM_ERR_DECODE},
    {"account twice", TAIL(0x32, 6, 0x0a, 1, 'a', 0x0a, 1, 'a'), LRM_ERR_DECODE},
    {"origin cut", TAIL(0x32, 2, 0x0a, 1), LRM_ERR_DECODE},
};

static void refuses_what_decoders_disagree_on(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    uint8_t data[64] = {0x0a, 16, 1, 2, 3};
    memcpy(data + 18, refusals[i].tail, refusals[i].bytes);
    lrm_envelope out;
    int verdict = lrm_envelope_decode(data, 18 + refusals[i].bytes, &out);
    if (verdict != refusals[i].verdict) fail_msg("%s: %d", refusals[i].what, verdict);
  }
  lrm_envelope out;
  static const uint8_t without_id[] = {0x10, 1};
  assert_int_equal(lrm_envelope_decode(without_id, 2, &out), LRM_ERR_DECODE);
  assert_int_equal(lrm_envelope_decode(NULL, 0, &out), LRM_ERR_DECODE);
}

static void holds_the_limits_of_strings_and_body(void **state) {
  (void)state;
  for (size_t bytes = 62; bytes <= 64; bytes++) {
    uint8_t data[128] = {0x0a, 16, 1};
    data[18] = 0x32;
    data[19] = (uint8_t)(bytes + 2);
    data[20] = 0x1a;
    data[21] = (uint8_t)bytes;
    memset(data + 22, 'd', bytes);
    lrm_envelope out;
    assert_int_equal(lrm_envelope_decode(data, 22 + bytes, &out), bytes > 63 ? LRM_ERR_DECODE : 0);
  }
  uint8_t *large = calloc(1, LRM_MESSAGE_BYTES_MAX + 64);
  assert_non_null(large);
  for (size_t over = 0; over < 3; over++) {
    lrm_envelope e, out;
    memset(&e, 0, sizeof e);
    e.command_id.bytes[0] = 1;
    uint8_t *body = calloc(1, LRM_MESSAGE_BYTES_MAX + 2);
    assert_non_null(body);
    e.command = (lrm_slice){body, LRM_MESSAGE_BYTES_MAX - 1 + over};
    size_t bytes = 0;
    assert_int_equal(lrm_envelope_encode(&e, large, LRM_MESSAGE_BYTES_MAX + 64, &bytes), 0);
    assert_int_equal(lrm_envelope_decode(large, bytes, &out), over == 2 ? LRM_ERR_DECODE : 0);
    free(body);
  }
  free(large);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_the_same_bytes_as_protobuf_c),
      cmocka_unit_test(refuses_every_cut_but_those_between_fields),
      cmocka_unit_test(refuses_what_decoders_disagree_on),
      cmocka_unit_test(holds_the_limits_of_strings_and_body),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
