/* Tails: who takes which index, and who sends them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "peer.h"

#define PUBLISH remote_v1_Direction_DIRECTION_PUBLISH
#define SUBSCRIBE remote_v1_Direction_DIRECTION_SUBSCRIBE
#define EVENTS remote_v1_Log_LOG_EVENTS
#define WINDOW LRM_CREDIT_WINDOW_BYTES

static peer p;

/* What a reader at offset 5 is given, and whether it takes it: B block of one, C block that clears
 * the tail, J snapshot jump by ten, T tail (offset, index). */
typedef struct step {
  char kind;
  uint64_t offset;
  uint32_t index;
  bool taken;
} step;

typedef struct reading {
  const char *what;
  step steps[10];
} reading;

static const reading readings[] = {
    {"adopts index 0 when it has seen no clearing block",
     {{'T', 5, 0, true}, {'T', 5, 1, true}, {'T', 5, 1, false}, {'T', 5, 2, true}}},
    {"adopts one that lies below its next", {{'T', 3, 0, true}, {'T', 3, 1, true}}},
    {"adopts none above its next", {{'T', 6, 0, false}, {'T', 6, 1, false}}},
    {"adopts none in the middle", {{'T', 5, 1, false}, {'T', 5, 0, true}, {'T', 5, 1, true}}},
    {"ignores all behind a missing index",
     {{'T', 5, 0, true}, {'T', 5, 2, false}, {'T', 5, 1, false}, {'T', 5, 2, false}}},
    {"goes on after the next clearing block",
     {{'T', 5, 0, true}, {'T', 5, 2, false}, {'C', 5, 0, true}, {'T', 6, 0, true}}},
    {"knows a clearing block, so another offset is not its",
     {{'C', 5, 0, true}, {'T', 5, 0, false}, {'T', 6, 1, false}, {'T', 6, 0, false}}},
    {"keeps the place over a block that does not clear",
     {{'C', 5, 0, true}, {'T', 6, 0, true}, {'B', 6, 0, true}, {'T', 6, 1, true}}},
    {"forgets it at a jump",
     {{'C', 5, 0, true},
      {'T', 6, 0, true},
      {'J', 16, 0, true},
      {'T', 6, 1, false},
      {'T', 17, 0, true}}},
};

static void feed_step(uint32_t channel, const step *s) {
  lrm_frame frame = a_block(channel, s->offset, 1, 5);
  if (s->kind == 'C') frame.flags = LRM_FLAG_CLEARS_TAIL;
  if (s->kind == 'J') frame.flags = LRM_FLAG_SNAPSHOT, frame.part = frame.parts = 1;
  if (s->kind == 'T') frame.type = LRM_FRAME_TAIL, frame.count = s->index;
  peer_feed_frame(&p, frame);
}

static void a_reader_takes_only_the_next_index(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
    memset(&p, 0, sizeof p);
    peer_live(&p, LRM_SIDE_CONNECTING);
    uint32_t channel = peer_open(&p, SUBSCRIBE, EVENTS, 5, 5, 0);
    for (const step *s = readings[i].steps; s->kind != 0; s++) {
      feed_step(channel, s);
      if ((peer_events(&p)[0] != '\0') != s->taken)
        fail_msg("%s: step %d", readings[i].what, (int)(s - readings[i].steps));
    }
    assert_int_equal(p.result, 0);
    peer_end(&p);
  }
}

static int send_tail(uint32_t channel, uint64_t offset, uint32_t index, size_t bytes) {
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  lrm_frame frame = a_block(channel, offset, index, bytes);
  frame.type = LRM_FRAME_TAIL;
  return lrm_link_block(p.link, channel, &frame, header, &header_bytes, p.now_ns);
}

static bool wants(lrm_want_kind kind, uint64_t offset, uint32_t index) {
  lrm_link_want want;
  return lrm_link_wanted(p.link, &want) && want.kind == kind && want.offset == offset &&
         want.index == index;
}

static void tails_follow_the_last_block_from_index_0(void **state) {
  (void)state;
  memset(&p, 0, sizeof p);
  peer_live(&p, LRM_SIDE_CONNECTING);
  uint32_t channel = peer_open(&p, PUBLISH, EVENTS, 5, 5, WINDOW);
  assert_int_equal(lrm_link_extend(p.link, channel, 6, 4, 2, p.now_ns), 0);
  assert_true(wants(LRM_WANT_BLOCK, 5, 0));
  assert_int_equal(send_tail(channel, 4, 0, 5), LRM_ERR_STATE); /* blocks first */
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  lrm_frame block = a_block(channel, 5, 1, 5);
  assert_int_equal(lrm_link_block(p.link, channel, &block, header, &header_bytes, p.now_ns), 0);
  assert_true(wants(LRM_WANT_TAIL, 4, 0));
  assert_int_equal(send_tail(channel, 4, 1, 5), LRM_ERR_POSITION);
  assert_int_equal(send_tail(channel, 4, 0, 5), 0);
  assert_true(wants(LRM_WANT_TAIL, 4, 1));
  assert_int_equal(send_tail(channel, 4, 1, 5), 0);
  lrm_link_want want;
  assert_false(lrm_link_wanted(p.link, &want));
  /* A clearing block came: index 0 again. */
  assert_int_equal(lrm_link_extend(p.link, channel, 7, 7, 0, p.now_ns), 0);
  assert_true(wants(LRM_WANT_BLOCK, 6, 0));
  block = a_block(channel, 6, 1, 5);
  assert_int_equal(lrm_link_block(p.link, channel, &block, header, &header_bytes, p.now_ns), 0);
  assert_int_equal(lrm_link_extend(p.link, channel, 7, 7, 1, p.now_ns), 0);
  assert_true(wants(LRM_WANT_TAIL, 7, 0));
  peer_end(&p);
}

static void a_relay_sends_tails_only_after_synced(void **state) {
  (void)state;
  memset(&p, 0, sizeof p);
  peer_live(&p, LRM_SIDE_ACCEPTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 5);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1, .credit = 10}, &open);
  remote_v1_Opened opened = an_opened(5, 5);
  assert_int_equal(lrm_link_opened(p.link, 1, &opened, 0, p.now_ns), 0);
  assert_int_equal(lrm_link_extend(p.link, 1, 5, 5, 4, p.now_ns), 0);
  lrm_link_want want;
  assert_false(lrm_link_wanted(p.link, &want));
  (void)peer_frames(&p); /* OPENED, SYNCED */
  assert_true(wants(LRM_WANT_TAIL, 5, 0));
  assert_int_equal(send_tail(1, 5, 0, 9), 0);
  assert_int_equal(send_tail(1, 5, 1, 9), 0); /* overshoots by one frame */
  assert_false(lrm_link_wanted(p.link, &want));
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = 1, .offset = 5, .credit = 50});
  assert_true(wants(LRM_WANT_TAIL, 5, 2));
  peer_end(&p);
}

static void a_reader_ahead_of_the_log_gets_no_stale_tail(void **state) {
  (void)state;
  memset(&p, 0, sizeof p);
  peer_live(&p, LRM_SIDE_ACCEPTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 9);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1, .credit = 99}, &open);
  remote_v1_Opened opened = an_opened(9, 5);
  assert_int_equal(lrm_link_opened(p.link, 1, &opened, 0, p.now_ns), 0);
  assert_int_equal(lrm_link_extend(p.link, 1, 5, 5, 4, p.now_ns), 0);
  (void)peer_frames(&p);
  lrm_link_want want;
  assert_false(lrm_link_wanted(p.link, &want));
  peer_end(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_reader_takes_only_the_next_index),
      cmocka_unit_test(tails_follow_the_last_block_from_index_0),
      cmocka_unit_test(a_relay_sends_tails_only_after_synced),
      cmocka_unit_test(a_reader_ahead_of_the_log_gets_no_stale_tail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
