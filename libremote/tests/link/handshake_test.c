#define _GNU_SOURCE /* memmem */
/* From the first byte to WELCOME, on both sides; and the ends of a carrier. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "peer.h"

static peer p;

static void start(lrm_link_side side) { peer_start(&p, side); }

static void hello_leads_to_welcome(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(9);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  assert_string_equal(peer_events(&p), "HELLO");
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_JUDGING);
  assert_int_equal(lrm_link_generation(p.link), 9);
  assert_string_equal(peer_frames(&p), "");
  remote_v1_Principal principal = a_principal();
  assert_int_equal(lrm_link_accept(p.link, &principal, 5, "relay/1", p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "WELCOME version=1 principal=1");
  assert_int_equal(lrm_link_accept(p.link, &principal, 5, "relay/1", p.now_ns), LRM_ERR_STATE);
  peer_end(&p);
}

static void attach_says_hello_with_a_higher_generation_each_time(void **state) {
  (void)state;
  start(LRM_SIDE_CONNECTING);
  assert_string_equal(peer_frames(&p), "HELLO generation=1");
  assert_int_equal(lrm_link_attach(p.link, p.now_ns), LRM_ERR_STATE);
  lrm_link_detach(p.link, p.now_ns);
  assert_int_equal(lrm_link_attach(p.link, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "HELLO generation=2");
  remote_v1_Welcome welcome = a_welcome();
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_WELCOME}, &welcome);
  assert_string_equal(peer_events(&p), "WELCOME");
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_LIVE);
  peer_end(&p);
}

static void versions_that_do_not_meet_are_refused(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(1);
  hello.version_min = 2;
  hello.version_max = 3;
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  assert_int_equal(lrm_link_accept(p.link, NULL, 5, "relay/1", p.now_ns), LRM_ERR_PROTOCOL);
  assert_string_equal(peer_frames(&p), "REFUSE code=3006");
  assert_string_equal(peer_events(&p), "HELLO\nGOAWAY_SENT code=3006");
  assert_false(lrm_link_has_outgoing(p.link));
  peer_end(&p);

  start(LRM_SIDE_CONNECTING);
  (void)peer_frames(&p);
  remote_v1_Welcome welcome = a_welcome();
  welcome.version = 2;
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_WELCOME}, &welcome);
  assert_string_equal(peer_frames(&p), "GOAWAY code=4001");
  peer_end(&p);
}

static void a_hello_that_cannot_be_understood_is_refused(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(1);
  hello.link_id.size = 5;
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  assert_int_equal(p.result, LRM_ERR_DECODE);
  assert_string_equal(peer_frames(&p), "REFUSE code=4001");
  assert_true(strlen(lrm_link_error_detail(p.link)) > 0);
  peer_end(&p);
}

static void refuse_by_the_caller_ends_the_attempt(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(1);
  remote_v1_Problem problem = a_problem(LRM_CODE_REVOKED);
  assert_int_equal(lrm_link_refuse(p.link, &problem, p.now_ns), LRM_ERR_STATE);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  assert_int_equal(lrm_link_refuse(p.link, &problem, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "REFUSE code=3003");
  peer_end(&p);
}

static void nothing_but_hello_may_come_first(void **state) {
  (void)state;
  for (uint32_t type = 2; type < 64; type++) {
    if (type == LRM_FRAME_GOAWAY) continue;
    start(LRM_SIDE_ACCEPTING);
    peer_feed_frame(&p, (lrm_frame){.type = type, .channel = type >= 8 && type < 18 ? 1 : 0});
    assert_int_equal(p.result, LRM_ERR_PROTOCOL);
    assert_string_equal(peer_frames(&p), "GOAWAY code=4001");
    assert_string_equal(peer_events(&p), "GOAWAY_SENT code=4001");
    peer_end(&p);
  }
}

static void unknown_types_from_64_on_are_skipped(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  uint8_t payload[4] = {1, 2, 3, 4};
  peer_feed_frame(&p, (lrm_frame){.type = 64, .payload = {payload, 4}});
  peer_feed_frame(&p, (lrm_frame){.type = INT32_MAX, .channel = 77});
  assert_int_equal(p.result, 0);
  peer_live(&p, LRM_SIDE_ACCEPTING);
  peer_feed_frame(&p, (lrm_frame){.type = 64});
  assert_int_equal(p.result, 0);
  peer_feed_frame(&p, (lrm_frame){.type = 63});
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
}

static void sixteen_kib_may_come_before_welcome(void **state) {
  (void)state;
  static uint8_t zeros[LRM_BEFORE_WELCOME_BYTES_MAX];
  /* Offered at once, while the caller still judges. */
  for (size_t over = 0; over < 3; over++) {
    start(LRM_SIDE_ACCEPTING);
    static uint8_t data[LRM_BEFORE_WELCOME_BYTES_MAX + 64];
    remote_v1_Hello hello = a_hello(1);
    size_t bytes = put_message(data, 0, sizeof data, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
    size_t rest = LRM_BEFORE_WELCOME_BYTES_MAX - 1 + over - bytes;
    lrm_frame filler = {.type = 99, .payload = {zeros, rest - 10}};
    size_t end = put_frame(data, bytes, sizeof data, &filler);
    while (end < LRM_BEFORE_WELCOME_BYTES_MAX - 1 + over) {
      filler.payload.bytes++;
      end = put_frame(data, bytes, sizeof data, &filler);
    }
    assert_int_equal(end, LRM_BEFORE_WELCOME_BYTES_MAX - 1 + over);
    for (size_t at = 0; at < end; at += 1000)
      peer_feed(&p, data + at, end - at < 1000 ? end - at : 1000);
    assert_int_equal(p.result, over == 2 ? LRM_ERR_LIMIT : 0);
    if (over == 2) assert_string_equal(peer_frames(&p), "GOAWAY code=4002");
    peer_end(&p);
  }
  /* In small frames, one after the other, never a HELLO. */
  start(LRM_SIDE_ACCEPTING);
  for (int i = 0; i < 200 && p.result == 0; i++)
    peer_feed_frame(&p, (lrm_frame){.type = 99, .payload = {zeros, 100}});
  assert_int_equal(p.result, LRM_ERR_LIMIT);
  peer_end(&p);
  /* A frame that claims more is refused at its length. */
  start(LRM_SIDE_ACCEPTING);
  static const uint8_t claim[] = {0x0a, 0x80, 0x80, 0x08};
  peer_feed(&p, claim, sizeof claim);
  assert_int_equal(p.result, LRM_ERR_LIMIT);
  peer_end(&p);
}

static void ten_seconds_may_pass_before_welcome(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  peer_advance(&p, 10 * SECOND - 1);
  assert_string_equal(peer_frames(&p), "");
  peer_advance(&p, 1);
  assert_string_equal(peer_frames(&p), "GOAWAY code=1002");
  assert_string_equal(peer_events(&p), "GOAWAY_SENT code=1002");
  peer_end(&p);

  start(LRM_SIDE_CONNECTING);
  (void)peer_frames(&p);
  peer_advance(&p, 10 * SECOND - 1);
  assert_string_equal(peer_events(&p), "");
  peer_advance(&p, 1);
  assert_string_equal(peer_events(&p), "SILENT");
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_CLOSING);
  assert_string_equal(peer_frames(&p), "");
  peer_end(&p);

  start(LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(1);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  peer_advance(&p, 10 * SECOND);
  assert_string_equal(peer_frames(&p), "GOAWAY code=1003");
  peer_end(&p);
}

static size_t outgoing_bytes(void) {
  static uint8_t data[64 * 1024];
  size_t bytes = 0;
  while (lrm_link_has_outgoing(p.link)) {
    size_t written = 0;
    assert_int_equal(lrm_link_outgoing(p.link, data, sizeof data, &written, p.now_ns), 0);
    bytes += written;
  }
  return bytes;
}

static void the_first_flight_is_at_most_16_kib(void **state) {
  (void)state;
  lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
  config.control_bytes = 60000;
  peer_start_with(&p, &config);
  remote_v1_Open open = an_open(remote_v1_Direction_DIRECTION_PUBLISH, remote_v1_Log_LOG_EVENTS, 3);
  open.has_description = true;
  memset(open.description.title, 't', 127);
  memset(open.description.repository, 'r', 127);
  open.description.cwd.size = 256;
  uint32_t channel = 0;
  for (uint32_t i = 1; i <= 60; i++) {
    assert_int_equal(lrm_link_open(p.link, &open, 0, &channel, p.now_ns), 0);
    assert_int_equal(channel, i);
  }
  assert_int_equal(lrm_link_send_request(p.link, (const uint8_t *)"\x08\x05", 2, 5, p.now_ns), 0);
  size_t first = outgoing_bytes();
  assert_in_range(first, LRM_BEFORE_WELCOME_BYTES_MAX - 700, LRM_BEFORE_WELCOME_BYTES_MAX);
  remote_v1_Welcome welcome = a_welcome();
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_WELCOME}, &welcome);
  assert_true(outgoing_bytes() > 10000);
  peer_end(&p);
}

static void open_is_taken_after_welcome_from_the_first_flight(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  uint8_t data[2048];
  remote_v1_Hello hello = a_hello(1);
  remote_v1_Open open =
      an_open(remote_v1_Direction_DIRECTION_SUBSCRIBE, remote_v1_Log_LOG_EVENTS, 3);
  size_t bytes = put_message(data, 0, sizeof data, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  bytes = put_message(data, bytes, sizeof data, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1},
                      &open);
  peer_feed(&p, data, bytes);
  assert_string_equal(peer_events(&p), "HELLO");
  assert_true(p.in_bytes > 0);
  remote_v1_Principal principal = a_principal();
  assert_int_equal(lrm_link_accept(p.link, &principal, 5, "relay/1", p.now_ns), 0);
  peer_feed(&p, NULL, 0);
  assert_string_equal(peer_events(&p), "OPEN ch=1");
  peer_end(&p);
}

static void without_a_principal_only_requests_are_taken_for_60_s(void **state) {
  (void)state;
  start(LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(1);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  assert_int_equal(lrm_link_accept(p.link, NULL, 5, "relay/1", p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "WELCOME version=1 principal=0");
  remote_v1_Open open =
      an_open(remote_v1_Direction_DIRECTION_SUBSCRIBE, remote_v1_Log_LOG_EVENTS, 3);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1}, &open);
  assert_string_equal(peer_events(&p), "HELLO");
  assert_string_equal(peer_frames(&p), "CLOSE ch=1 code=3001");
  peer_feed_frame(
      &p, (lrm_frame){.type = LRM_FRAME_REQUEST, .payload = {(const uint8_t *)"\x08\x05", 2}});
  assert_string_equal(peer_events(&p), "REQUEST");
  for (int i = 0; i < 6; i++) {
    assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_LIVE);
    peer_feed_frame(
        &p, (lrm_frame){.type = LRM_FRAME_PONG, .payload = {(const uint8_t *)"12345678", 8}});
    peer_advance(&p, 10 * SECOND);
    if (i < 5) (void)peer_frames(&p);
  }
  assert_string_equal(peer_frames(&p), "PING\nGOAWAY code=3001");
  peer_end(&p);
}

static void requests_are_counted_and_unique(void **state) {
  (void)state;
  memset(&p, 0, sizeof p);
  peer_live(&p, LRM_SIDE_ACCEPTING);
  for (uint8_t id = 1; id <= 16; id++) {
    uint8_t request[2] = {8, id};
    peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_REQUEST, .payload = {request, 2}});
    assert_string_equal(peer_events(&p), "REQUEST");
  }
  uint8_t reply[2] = {8, 3};
  assert_int_equal(lrm_link_send_reply(p.link, reply, 2, 3, true, p.now_ns), 0);
  assert_int_equal(lrm_link_send_reply(p.link, reply, 2, 3, false, p.now_ns), 0);
  assert_int_equal(lrm_link_send_reply(p.link, reply, 2, 3, false, p.now_ns), LRM_ERR_NOT_FOUND);
  assert_string_equal(peer_frames(&p), "REPLY bytes=2\nREPLY bytes=2");
  uint8_t request[2] = {8, 3};
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_REQUEST, .payload = {request, 2}});
  assert_string_equal(peer_events(&p), "REQUEST");
  request[1] = 17;
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_REQUEST, .payload = {request, 2}});
  assert_int_equal(p.result, LRM_ERR_LIMIT);
  peer_end(&p);

  memset(&p, 0, sizeof p);
  peer_live(&p, LRM_SIDE_ACCEPTING);
  for (int i = 0; i < 2; i++)
    peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_REQUEST, .payload = {request, 2}});
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);

  memset(&p, 0, sizeof p);
  peer_live(&p, LRM_SIDE_CONNECTING);
  for (uint8_t id = 1; id <= 17; id++) {
    request[1] = id;
    int result = lrm_link_send_request(p.link, request, 2, id, p.now_ns);
    assert_int_equal(result, id == 17 ? LRM_ERR_BUSY : 0);
  }
  assert_int_equal(lrm_link_send_request(p.link, request, 2, 3, p.now_ns), LRM_ERR_USAGE);
  (void)peer_frames(&p);
  static const uint8_t more[] = {8, 3, 16, 1};
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_REPLY, .payload = {more, 4}});
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_REPLY, .payload = {more, 2}});
  assert_string_equal(peer_events(&p), "REPLY\nREPLY");
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_REPLY, .payload = {more, 2}});
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
}

static void features_are_those_of_both_sides(void **state) {
  (void)state;
  static const char *const ours[] = {"alpha", "beta"};
  lrm_link_config config = peer_config(&p, LRM_SIDE_ACCEPTING);
  config.features = ours;
  config.features_count = 2;
  peer_start_with(&p, &config);
  remote_v1_Hello hello = a_hello(1);
  (void)snprintf(hello.features[hello.features_count++], sizeof hello.features[0], "%s", "beta");
  (void)snprintf(hello.features[hello.features_count++], sizeof hello.features[0], "%s", "gamma");
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  assert_int_equal(lrm_link_accept(p.link, NULL, 5, "relay/1", p.now_ns), 0);
  uint8_t out[4096];
  size_t written = 0;
  assert_int_equal(lrm_link_outgoing(p.link, out, sizeof out, &written, p.now_ns), 0);
  assert_non_null(memmem(out, written, "beta", 4));
  assert_null(memmem(out, written, "alpha", 5));
  assert_null(memmem(out, written, "gamma", 5));
  peer_end(&p);
}

static void grease_is_sent_and_ignored(void **state) {
  (void)state;
  lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
  config.grease = true;
  peer_start_with(&p, &config);
  uint8_t out[8192];
  size_t written = 0;
  assert_int_equal(lrm_link_outgoing(p.link, out, sizeof out, &written, p.now_ns), 0);
  assert_non_null(memmem(out, written, "grease.", 7));
  remote_v1_Welcome welcome = a_welcome();
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_WELCOME}, &welcome);
  assert_int_equal(lrm_link_outgoing(p.link, out, sizeof out, &written, p.now_ns), 0);
  lrm_frame frame;
  size_t consumed = 0, wanted = 0;
  assert_int_equal(lrm_frame_decode(out, written, 1024, &frame, &consumed, &wanted), 0);
  assert_true(frame.type >= LRM_FRAME_TYPE_SKIPPED_MIN);
  peer_end(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(hello_leads_to_welcome),
      cmocka_unit_test(attach_says_hello_with_a_higher_generation_each_time),
      cmocka_unit_test(versions_that_do_not_meet_are_refused),
      cmocka_unit_test(a_hello_that_cannot_be_understood_is_refused),
      cmocka_unit_test(refuse_by_the_caller_ends_the_attempt),
      cmocka_unit_test(nothing_but_hello_may_come_first),
      cmocka_unit_test(unknown_types_from_64_on_are_skipped),
      cmocka_unit_test(sixteen_kib_may_come_before_welcome),
      cmocka_unit_test(ten_seconds_may_pass_before_welcome),
      cmocka_unit_test(the_first_flight_is_at_most_16_kib),
      cmocka_unit_test(open_is_taken_after_welcome_from_the_first_flight),
      cmocka_unit_test(without_a_principal_only_requests_are_taken_for_60_s),
      cmocka_unit_test(requests_are_counted_and_unique),
      cmocka_unit_test(features_are_those_of_both_sides),
      cmocka_unit_test(grease_is_sent_and_ignored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
