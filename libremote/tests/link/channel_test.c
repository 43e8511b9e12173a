/* One channel: opening, the reader's cursor, acknowledgement, credit, SYNCED, closing. */
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
#define COMMANDS remote_v1_Log_LOG_COMMANDS
#define WINDOW LRM_CREDIT_WINDOW_BYTES

static peer p;

static void live(lrm_link_side side) {
  memset(&p, 0, sizeof p);
  peer_live(&p, side);
}

/* A reader on the connecting side, at `next`. */
static uint32_t reader(uint64_t next) {
  live(LRM_SIDE_CONNECTING);
  return peer_open(&p, SUBSCRIBE, EVENTS, next, next, 0);
}

/* The relay that serves a reader at `next`; the log ends at `end`. */
static uint32_t served(uint64_t next, uint64_t end, uint64_t credit) {
  live(LRM_SIDE_ACCEPTING);
  uint32_t channel = peer_open(&p, SUBSCRIBE, EVENTS, next, end, credit);
  assert_int_equal(lrm_link_extend(p.link, channel, end, 0, 0, p.now_ns), 0);
  return channel;
}

static int send_block(uint32_t channel, uint64_t offset, uint32_t count, size_t bytes) {
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  lrm_frame frame = a_block(channel, offset, count, bytes);
  return lrm_link_block(p.link, channel, &frame, header, &header_bytes, p.now_ns);
}

static lrm_link_channel facts(uint32_t channel) {
  lrm_link_channel out;
  assert_int_equal(lrm_link_channel_facts(p.link, channel, &out), 0);
  return out;
}

static void open_and_opened_carry_the_cursor_and_the_credit(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 5);
  uint32_t channel = 0;
  assert_int_equal(lrm_link_open(p.link, &open, 100, &channel, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "OPEN ch=1 credit=524188 next=5");
  remote_v1_Opened opened = an_opened(5, 9);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPENED, .channel = 1}, &opened);
  assert_string_equal(peer_events(&p), "OPENED ch=1 next=5 watermark=9 outcome=1");
  peer_end(&p);

  live(LRM_SIDE_ACCEPTING);
  open = an_open(PUBLISH, EVENTS, 5);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1}, &open);
  assert_string_equal(peer_events(&p), "OPEN ch=1");
  assert_int_equal(lrm_link_opened(p.link, 1, &opened, 100, p.now_ns), 0);
  assert_int_equal(lrm_link_opened(p.link, 1, &opened, 100, p.now_ns), LRM_ERR_STATE);
  assert_int_equal(lrm_link_opened(p.link, 2, &opened, 100, p.now_ns), LRM_ERR_NOT_FOUND);
  assert_string_equal(peer_frames(&p), "OPENED ch=1 credit=524188 next=5 watermark=9 outcome=1");
  peer_end(&p);
}

static void an_illegal_open_ends_the_carrier(void **state) {
  (void)state;
  for (int i = 0; i < 6; i++) {
    live(LRM_SIDE_ACCEPTING);
    remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 5);
    if (i == 0) open.direction = remote_v1_Direction_DIRECTION_UNSPECIFIED;
    if (i == 1) open.log = remote_v1_Log_LOG_UNSPECIFIED;
    if (i == 2) open.session_id.size = 15;
    if (i == 3) open.epoch.size = 1;
    if (i == 4) open.next = LRM_OFFSET_MAX + 1;
    if (i == 5) open.until = LRM_OFFSET_MAX + 1;
    peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1}, &open);
    assert_int_equal(p.result, LRM_ERR_PROTOCOL);
    peer_end(&p);
  }
}

static void channel_numbers_are_used_once(void **state) {
  (void)state;
  uint32_t channel = served(0, 3, WINDOW);
  remote_v1_Problem problem = a_problem(0);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_CLOSE, .channel = channel}, &problem);
  assert_string_equal(peer_events(&p), "CLOSED ch=1 code=0");
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 0);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = channel}, &open);
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
}

static void late_frames_are_ignored_and_frames_on_no_channel_are_not(void **state) {
  (void)state;
  static const uint32_t types[] = {LRM_FRAME_BLOCK, LRM_FRAME_TAIL, LRM_FRAME_ACK, LRM_FRAME_CLOSE,
                                   LRM_FRAME_INFO};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    uint32_t channel = served(0, 3, WINDOW);
    remote_v1_Problem problem = a_problem(2001);
    assert_int_equal(lrm_link_close(p.link, channel, &problem, 0, p.now_ns), 0);
    lrm_frame frame = a_block(channel, 0, 1, 1);
    frame.type = types[i];
    peer_feed_frame(&p, frame); /* before our CLOSE is written */
    assert_string_equal(peer_frames(&p), "CLOSE ch=1 code=2001");
    peer_feed_frame(&p, frame); /* and after */
    assert_int_equal(p.result, 0);
    assert_string_equal(peer_events(&p), "");
    assert_int_equal(lrm_link_channels(p.link), 0);
    frame.channel = channel + 1;
    peer_feed_frame(&p, frame);
    assert_int_equal(p.result, LRM_ERR_PROTOCOL);
    peer_end(&p);
  }
}

static void link_frames_stay_on_channel_0(void **state) {
  (void)state;
  uint32_t channel = reader(0);
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_PING,
                                  .channel = channel,
                                  .payload = {(const uint8_t *)"12345678", 8}});
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
  (void)reader(0);
  peer_feed_frame(&p, a_block(0, 0, 1, 1));
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
}

static void a_block_before_opened_is_a_protocol_error(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  remote_v1_Open open = an_open(PUBLISH, EVENTS, 5);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1}, &open);
  peer_feed_frame(&p, a_block(1, 5, 1, 1));
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  assert_string_equal(peer_frames(&p), "GOAWAY code=4001");
  peer_end(&p);

  live(LRM_SIDE_CONNECTING);
  uint32_t channel = 0;
  open = an_open(SUBSCRIBE, EVENTS, 5);
  assert_int_equal(lrm_link_open(p.link, &open, 0, &channel, p.now_ns), 0);
  peer_feed_frame(&p, a_block(1, 5, 1, 1));
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
}

static void an_ack_before_opened_is_ignored(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  remote_v1_Open open = an_open(PUBLISH, EVENTS, 5);
  uint32_t channel = 0;
  assert_int_equal(lrm_link_open(p.link, &open, 0, &channel, p.now_ns), 0);
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = 1, .offset = 999, .credit = 7});
  assert_int_equal(p.result, 0);
  assert_string_equal(peer_events(&p), "");
  remote_v1_Opened opened = an_opened(5, 5);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPENED, .channel = 1, .credit = 100},
                    &opened);
  assert_int_equal(facts(1).credit, 100);
  peer_end(&p);
}

static void blocks_come_in_order_and_once(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  peer_feed_frame(&p, a_block(channel, 5, 2, 10));
  peer_feed_frame(&p, a_block(channel, 7, 1, 10));
  assert_string_equal(peer_events(&p), "BLOCK ch=1 offset=5 count=2\nBLOCK ch=1 offset=7 count=1");
  assert_string_equal(peer_frames(&p), ""); /* nothing is made our own yet */
  assert_int_equal(lrm_link_ack(p.link, channel, 8, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=8");
  peer_feed_frame(&p, a_block(channel, 5, 2, 10));
  peer_feed_frame(&p, a_block(channel, 7, 1, 10));
  assert_string_equal(peer_events(&p), "");
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=8"); /* a duplicate is acknowledged again */
  peer_end(&p);
}

static void a_duplicate_is_acknowledged_only_as_far_as_it_is_our_own(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  peer_feed_frame(&p, a_block(channel, 5, 2, 10));
  peer_feed_frame(&p, a_block(channel, 5, 2, 10));
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=5");
  peer_end(&p);
}

static void a_straddling_block_is_taken_from_next_on(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  peer_feed_frame(&p, a_block(channel, 3, 4, 10));
  assert_string_equal(peer_events(&p), "BLOCK ch=1 offset=3 count=4 skip=2");
  peer_end(&p);

  live(LRM_SIDE_ACCEPTING);
  channel = peer_open(&p, PUBLISH, EVENTS, 5, 5, 0);
  peer_feed_frame(&p, a_block(channel, 3, 4, 10));
  assert_int_equal(p.result, 0);
  assert_string_equal(peer_events(&p), "CLOSED ch=1 code=2003");
  assert_string_equal(peer_frames(&p), "CLOSE ch=1 code=2003");
  assert_int_equal(lrm_link_channels(p.link), 0);
  peer_end(&p);
}

static void a_gap_is_a_protocol_error_unless_a_snapshot_begins(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  lrm_frame frame = a_block(channel, 9, 1, 10);
  frame.flags = LRM_FLAG_SNAPSHOT;
  frame.part = 1;
  frame.parts = 2;
  peer_feed_frame(&p, frame);
  assert_string_equal(peer_events(&p), "BLOCK ch=1 offset=9 count=1");
  frame.offset = 12;
  frame.part = 2;
  peer_feed_frame(&p, frame);
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);

  channel = reader(5);
  peer_feed_frame(&p, a_block(channel, 6, 1, 10));
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  assert_string_equal(peer_frames(&p), "GOAWAY code=4001");
  peer_end(&p);
}

static void faulty_blocks_are_refused(void **state) {
  (void)state;
  for (int i = 0; i < 7; i++) {
    uint32_t channel = reader(5);
    lrm_frame frame = a_block(channel, 5, 1, 10);
    if (i == 0) frame.count = 0;
    if (i == 1) frame.payload.bytes = 0;
    if (i == 2) frame.dictionary = 1;
    if (i == 3) frame.flags = LRM_FLAG_SNAPSHOT;
    if (i == 4) frame.flags = LRM_FLAG_SNAPSHOT, frame.part = 3, frame.parts = 2;
    if (i == 5) frame.offset = LRM_OFFSET_MAX, frame.count = 1;
    if (i == 6) frame.type = LRM_FRAME_TAIL, frame.flags = LRM_FLAG_COMPRESSED;
    peer_feed_frame(&p, frame);
    assert_int_equal(p.result, LRM_ERR_PROTOCOL);
    peer_end(&p);
  }
}

static void frames_against_the_direction_are_refused(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = channel, .offset = 5});
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
  channel = served(5, 5, WINDOW);
  peer_feed_frame(&p, a_block(channel, 5, 1, 1));
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
  live(LRM_SIDE_CONNECTING);
  channel = peer_open(&p, PUBLISH, COMMANDS, 0, 0, WINDOW);
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_LOG_STATUS, .channel = channel});
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
}

/* ---- acknowledgement ---- */

static void acks_wait_for_32_blocks_64_kib_or_20_ms(void **state) {
  (void)state;
  uint32_t channel = reader(0);
  for (uint64_t i = 0; i < 33; i++) {
    peer_feed_frame(&p, a_block(channel, i, 1, 10));
    /* The newest block is always still being committed. */
    if (i > 0) assert_int_equal(lrm_link_ack(p.link, channel, i, p.now_ns), 0);
    const char *frames = peer_frames(&p);
    if (i < 31)
      assert_string_equal(frames, "");
    else if (i == 31)
      assert_string_equal(frames, "ACK ch=1 offset=31");
    else
      assert_string_equal(frames, "");
  }
  peer_end(&p);

  channel = reader(0);
  for (uint64_t i = 0; i < 3; i++) {
    peer_feed_frame(&p, a_block(channel, i, 1, 22000));
    if (i > 0) assert_int_equal(lrm_link_ack(p.link, channel, i, p.now_ns), 0);
    assert_string_equal(peer_frames(&p), i == 2 ? "ACK ch=1 offset=2" : "");
  }
  peer_end(&p);

  channel = reader(0);
  peer_feed_frame(&p, a_block(channel, 0, 1, 10));
  peer_feed_frame(&p, a_block(channel, 1, 1, 10));
  assert_int_equal(lrm_link_ack(p.link, channel, 1, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "");
  assert_int_equal(lrm_link_deadline(p.link), p.now_ns + 20 * MS);
  peer_advance(&p, 20 * MS - 1);
  assert_string_equal(peer_frames(&p), "");
  peer_advance(&p, 1);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=1");
  assert_int_equal(lrm_link_ack(p.link, channel, 2, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=2"); /* nothing else is pending */
  peer_end(&p);
}

static void acks_never_go_back_nor_ahead(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  peer_feed_frame(&p, a_block(channel, 5, 5, 10));
  assert_int_equal(lrm_link_ack(p.link, channel, 11, p.now_ns), LRM_ERR_USAGE);
  assert_int_equal(lrm_link_ack(p.link, channel, 10, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=10");
  assert_int_equal(lrm_link_ack(p.link, channel, 7, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "");
  peer_feed_frame(&p, a_block(channel, 5, 5, 10));
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=10"); /* what was said stays said */
  assert_int_equal(lrm_link_ack(p.link, 99, 7, p.now_ns), LRM_ERR_NOT_FOUND);
  peer_end(&p);
}

static void the_position_of_opened_can_be_made_an_acknowledgement(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  assert_int_equal(lrm_link_ack(p.link, channel, 5, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=5");
  assert_int_equal(lrm_link_ack(p.link, channel, 5, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "");
  peer_end(&p);
}

static void a_publisher_takes_rising_acks_within_its_end(void **state) {
  (void)state;
  uint32_t channel = served(5, 9, WINDOW);
  assert_int_equal(send_block(channel, 5, 4, 10), 0);
  (void)peer_frames(&p);
  static const struct {
    uint64_t offset;
    const char *events;
  } acks[] = {{5, "ACKED ch=1 offset=5"},   {5, ""}, {9, "ACKED ch=1 offset=9"}, {7, ""}, {9, ""},
              {10, "CLOSED ch=1 code=2003"}};
  for (size_t i = 0; i < sizeof acks / sizeof *acks; i++) {
    peer_feed_frame(
        &p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = channel, .offset = acks[i].offset});
    assert_string_equal(peer_events(&p), acks[i].events);
  }
  assert_string_equal(peer_frames(&p), "CLOSE ch=1 code=2003");
  peer_end(&p);
}

static void an_ack_may_repeat_what_open_said(void **state) {
  (void)state;
  /* A reader ahead of a relay that lost its last blocks. */
  live(LRM_SIDE_ACCEPTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 20);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1, .credit = WINDOW}, &open);
  remote_v1_Opened opened = an_opened(20, 12);
  assert_int_equal(lrm_link_opened(p.link, 1, &opened, 0, p.now_ns), 0);
  assert_int_equal(lrm_link_extend(p.link, 1, 12, 0, 0, p.now_ns), 0);
  assert_string_equal(peer_frames(&p),
                      "OPENED ch=1 next=20 watermark=12 outcome=1\nSYNCED ch=1 offset=12");
  lrm_link_want want;
  assert_false(lrm_link_wanted(p.link, &want));
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = 1, .offset = 20});
  assert_string_equal(peer_events(&p), "OPEN ch=1\nACKED ch=1 offset=20");
  assert_int_equal(lrm_link_extend(p.link, 1, 22, 0, 0, p.now_ns), 0);
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(want.offset, 20);
  peer_end(&p);
}

/* ---- credit ---- */

static void one_frame_may_overshoot_the_credit_and_no_more(void **state) {
  (void)state;
  lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
  config.credit_window_bytes = 1000;
  peer_start_with(&p, &config);
  peer_live(&p, LRM_SIDE_CONNECTING);
  uint32_t channel = peer_open(&p, SUBSCRIBE, EVENTS, 0, 0, 0);
  peer_feed_frame(&p, a_block(channel, 0, 1, 999));
  peer_feed_frame(&p, a_block(channel, 1, 1, 5000));
  assert_int_equal(p.result, 0);
  peer_feed_frame(&p, a_block(channel, 2, 1, 1));
  assert_int_equal(p.result, LRM_ERR_LIMIT);
  assert_string_equal(peer_frames(&p), "GOAWAY code=4002");
  peer_end(&p);

  channel = served(0, 9, 1000);
  lrm_link_want want;
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(send_block(channel, 0, 1, 999), 0);
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(send_block(channel, 1, 1, 5000), 0);
  assert_false(lrm_link_wanted(p.link, &want));
  assert_int_equal(send_block(channel, 2, 1, 1), LRM_ERR_STATE);
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = channel, .credit = 5999});
  assert_false(lrm_link_wanted(p.link, &want));
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = channel, .credit = 6000});
  assert_true(lrm_link_wanted(p.link, &want));
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_ACK, .channel = channel, .credit = 500});
  assert_int_equal(facts(channel).credit, 6000); /* monotone */
  peer_end(&p);
}

static void credit_is_renewed_at_half_a_window_consumed(void **state) {
  (void)state;
  uint32_t channel = reader(0);
  peer_feed_frame(&p, a_block(channel, 0, 1, 200000));
  peer_feed_frame(&p, a_block(channel, 1, 1, 200000));
  assert_string_equal(peer_frames(&p), ""); /* received is not consumed */
  assert_int_equal(lrm_link_consumed(p.link, channel, WINDOW / 2 - 1, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "");
  assert_int_equal(lrm_link_consumed(p.link, channel, 1, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=0 credit=786432");
  assert_int_equal(lrm_link_consumed(p.link, channel, 400000, p.now_ns), LRM_ERR_USAGE);
  peer_end(&p);
}

static void what_is_held_from_earlier_channels_lessens_the_credit(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 0);
  uint32_t channel = 0;
  assert_int_equal(lrm_link_open(p.link, &open, WINDOW + 7, &channel, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "OPEN ch=1 next=0");
  assert_int_equal(lrm_link_consumed(p.link, channel, WINDOW, p.now_ns), 0); /* before OPENED */
  assert_string_equal(peer_frames(&p), "");
  remote_v1_Opened opened = an_opened(0, 0);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPENED, .channel = 1}, &opened);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=0 credit=524281");
  peer_end(&p);
}

static void dropped_duplicates_cost_no_credit_for_ever(void **state) {
  (void)state;
  lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
  config.credit_window_bytes = 1000;
  peer_start_with(&p, &config);
  peer_live(&p, LRM_SIDE_CONNECTING);
  uint32_t channel = peer_open(&p, SUBSCRIBE, EVENTS, 5, 5, 0);
  peer_feed_frame(&p, a_block(channel, 0, 5, 600));
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=5 credit=1600");
  peer_end(&p);
}

/* ---- SYNCED and until ---- */

static void synced_comes_at_once_when_nothing_is_to_be_sent(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 5);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1}, &open);
  remote_v1_Opened opened = an_opened(5, 5);
  assert_int_equal(lrm_link_opened(p.link, 1, &opened, 0, p.now_ns), 0);
  assert_string_equal(peer_frames(&p),
                      "OPENED ch=1 next=5 watermark=5 outcome=1\nSYNCED ch=1 offset=5");
  peer_end(&p);
}

static void synced_comes_after_the_block_that_reaches_the_watermark(void **state) {
  (void)state;
  uint32_t channel = served(5, 9, WINDOW);
  assert_int_equal(lrm_link_extend(p.link, channel, 20, 0, 0, p.now_ns), 0); /* the log grew */
  assert_int_equal(send_block(channel, 5, 3, 10), 0);
  assert_string_equal(peer_frames(&p), "");
  assert_int_equal(send_block(channel, 8, 4, 10), 0);
  lrm_link_want want;
  assert_false(lrm_link_wanted(p.link, &want)); /* SYNCED goes before the next block */
  assert_string_equal(peer_frames(&p), "SYNCED ch=1 offset=9");
  assert_true(lrm_link_wanted(p.link, &want));
  assert_true(facts(channel).synced);
  peer_end(&p);
}

static void a_bounded_range_ends_with_synced_and_close(void **state) {
  (void)state;
  static const struct {
    uint64_t until, watermark, end;
  } cases[] = {{8, 20, 8}, {30, 9, 9}, {5, 20, 5}};
  for (size_t i = 0; i < 3; i++) {
    live(LRM_SIDE_ACCEPTING);
    remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 5);
    open.until = cases[i].until;
    lrm_frame frame = {.type = LRM_FRAME_OPEN, .channel = 1, .credit = WINDOW};
    peer_feed_message(&p, frame, &open);
    remote_v1_Opened opened = an_opened(5, cases[i].watermark);
    assert_int_equal(lrm_link_opened(p.link, 1, &opened, 0, p.now_ns), 0);
    assert_int_equal(lrm_link_extend(p.link, 1, 40, 0, 0, p.now_ns), 0);
    (void)peer_events(&p);
    char expected[128];
    snprintf(expected, sizeof expected, "SYNCED ch=1 offset=%d\nCLOSE ch=1 code=0",
             (int)cases[i].end);
    const char *frames = peer_frames(&p);
    if (cases[i].end > 5) {
      assert_int_equal(send_block(1, 5, (uint32_t)(cases[i].end - 5), 10), 0);
      frames = peer_frames(&p);
    } else {
      frames = strchr(frames, '\n') + 1;
    }
    assert_string_equal(frames, expected);
    assert_string_equal(peer_events(&p), "CLOSED ch=1 code=0");
    assert_int_equal(lrm_link_channels(p.link), 0);
    peer_end(&p);
  }
}

/* ---- sending ---- */

static void nothing_is_wanted_before_extend(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  uint32_t channel = peer_open(&p, SUBSCRIBE, COMMANDS, 0, 9, WINDOW);
  lrm_link_want want;
  assert_false(lrm_link_wanted(p.link, &want));
  assert_int_equal(lrm_link_extend(p.link, channel, 1, 0, 0, p.now_ns), 0);
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(want.kind, LRM_WANT_BLOCK);
  assert_int_equal(want.offset, 0);
  peer_end(&p);
}

static void a_block_must_hold_what_is_wanted(void **state) {
  (void)state;
  uint32_t channel = served(5, 20, WINDOW);
  assert_int_equal(send_block(channel, 6, 2, 10), LRM_ERR_POSITION);
  assert_int_equal(send_block(channel, 3, 2, 10), LRM_ERR_POSITION);
  assert_int_equal(send_block(channel, 3, 0, 10), LRM_ERR_USAGE);
  assert_int_equal(send_block(99, 3, 2, 10), LRM_ERR_NOT_FOUND);
  assert_int_equal(send_block(channel, 3, 4, 10), 0); /* begins below: the reader takes the rest */
  assert_int_equal(facts(channel).next, 7);
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  lrm_frame frame = a_block(0, 12, 2, 10); /* 7 was trimmed: on to a snapshot */
  frame.flags = LRM_FLAG_SNAPSHOT;
  frame.part = frame.parts = 1;
  assert_int_equal(lrm_link_block(p.link, channel, &frame, header, &header_bytes, p.now_ns), 0);
  assert_int_equal(frame.channel, channel);
  assert_int_equal(facts(channel).next, 14);
  peer_end(&p);
}

static void channels_take_turns(void **state) {
  (void)state;
  uint32_t a = served(0, 9, WINDOW);
  uint32_t b = peer_open(&p, SUBSCRIBE, EVENTS, 0, 9, WINDOW);
  assert_int_equal(lrm_link_extend(p.link, b, 9, 0, 0, p.now_ns), 0);
  uint32_t turns[2] = {0, 0};
  for (uint64_t i = 0; i < 8; i++) {
    lrm_link_want want;
    assert_true(lrm_link_wanted(p.link, &want));
    assert_int_equal(send_block(want.channel, want.offset, 1, 10), 0);
    turns[want.channel == b]++;
  }
  assert_int_equal(turns[0], turns[1]);
  assert_int_not_equal(a, b);
  peer_end(&p);
}

static void a_frame_over_what_the_peer_takes_is_not_sent(void **state) {
  (void)state;
  peer_start(&p, LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(1);
  hello.has_limits = true;
  hello.limits.frame_bytes = 1024;
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  remote_v1_Principal principal = a_principal();
  assert_int_equal(lrm_link_accept(p.link, &principal, 5, "relay/1", p.now_ns), 0);
  (void)peer_frames(&p);
  uint32_t channel = peer_open(&p, SUBSCRIBE, EVENTS, 0, 9, WINDOW);
  uint32_t other = peer_open(&p, SUBSCRIBE, EVENTS, 0, 9, WINDOW);
  assert_int_equal(lrm_link_extend(p.link, channel, 9, 0, 0, p.now_ns), 0);
  assert_int_equal(lrm_link_extend(p.link, other, 2, 2, 3, p.now_ns), 0);
  assert_int_equal(send_block(channel, 0, 1, 1024), 0);
  assert_int_equal(send_block(channel, 1, 1, 1025), LRM_ERR_TOO_LARGE);
  /* It can never read on: its channel ends, at that block. The other one goes on. */
  assert_string_equal(peer_frames(&p), "CLOSE ch=1 offset=1 code=4002");
  peer_feed(&p, NULL, 0);
  assert_string_equal(peer_events(&p), "CLOSED ch=1 code=4002");
  lrm_link_want want;
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(want.channel, other);
  assert_int_equal(send_block(other, 0, 2, 1024), 0);
  (void)peer_frames(&p); /* SYNCED, perhaps */
  assert_int_equal(lrm_link_extend(p.link, other, 9, 9, 3, p.now_ns), 0);
  assert_int_equal(send_block(other, 2, 7, 1024), 0);
  (void)peer_frames(&p);
  /* A tail is dropped, and those behind it, until the next place. */
  lrm_frame tail = a_block(other, 9, 0, 1025);
  tail.type = LRM_FRAME_TAIL;
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(want.kind, LRM_WANT_TAIL);
  assert_int_equal(lrm_link_block(p.link, other, &tail, header, &header_bytes, p.now_ns),
                   LRM_ERR_TOO_LARGE);
  assert_false(lrm_link_wanted(p.link, &want));
  assert_int_equal(lrm_link_extend(p.link, other, 10, 10, 1, p.now_ns), 0);
  assert_int_equal(send_block(other, 9, 1, 10), 0);
  (void)peer_frames(&p);
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(want.kind, LRM_WANT_TAIL);
  peer_end(&p);
}

/* Who cannot serve one channel serves the others. */
static void a_want_may_be_passed_over(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  uint32_t a = peer_open(&p, SUBSCRIBE, EVENTS, 0, 9, WINDOW);
  uint32_t b = peer_open(&p, SUBSCRIBE, EVENTS, 0, 9, WINDOW);
  assert_int_equal(lrm_link_extend(p.link, a, 9, 0, 0, p.now_ns), 0);
  assert_int_equal(lrm_link_extend(p.link, b, 9, 0, 0, p.now_ns), 0);
  lrm_link_want want;
  assert_true(lrm_link_wanted(p.link, &want));
  uint32_t first = want.channel;
  lrm_link_pass(p.link, first);
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(want.channel, first == a ? b : a);
  lrm_link_pass(p.link, want.channel);
  assert_true(lrm_link_wanted(p.link, &want));
  assert_int_equal(want.channel, first);
  peer_end(&p);
}

/* ---- closing, and what the caller says ---- */

static void close_comes_after_what_is_due(void **state) {
  (void)state;
  uint32_t channel = reader(5);
  peer_feed_frame(&p, a_block(channel, 5, 1, 10));
  peer_feed_frame(&p, a_block(channel, 6, 1, 10));
  assert_int_equal(lrm_link_ack(p.link, channel, 6, p.now_ns), 0);
  remote_v1_Problem problem = a_problem(LRM_CODE_DECODE);
  (void)snprintf(problem.reason, sizeof problem.reason, "%s", "block 6 cannot be read");
  assert_int_equal(lrm_link_close(p.link, channel, &problem, 6, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=6\nCLOSE ch=1 offset=6 code=4003");
  assert_int_equal(lrm_link_close(p.link, channel, &problem, 6, p.now_ns), LRM_ERR_NOT_FOUND);
  peer_end(&p);
}

static void close_instead_of_opened(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 5);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1}, &open);
  remote_v1_Problem problem = a_problem(LRM_CODE_NOT_FOUND);
  assert_int_equal(lrm_link_close(p.link, 1, &problem, 0, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "CLOSE ch=1 code=3009");
  peer_end(&p);

  live(LRM_SIDE_CONNECTING);
  uint32_t channel = 0;
  assert_int_equal(lrm_link_open(p.link, &open, 0, &channel, p.now_ns), 0);
  (void)peer_frames(&p);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_CLOSE, .channel = channel}, &problem);
  assert_string_equal(peer_events(&p), "CLOSED ch=1 code=3009");
  assert_int_equal(lrm_link_channels(p.link), 0);
  peer_end(&p);
}

static void the_newest_info_and_status_replace_queued_ones(void **state) {
  (void)state;
  uint32_t channel = served(0, 0, WINDOW);
  uint8_t info[LRM_INFO_BYTES_MAX + 1] = {0};
  remote_v1_LogStatus status = remote_v1_LogStatus_init_zero;
  for (uint64_t i = 0; i < 50; i++) {
    assert_int_equal(lrm_link_send_info(p.link, channel, info, 900 + i, p.now_ns), 0);
    status.events_next = 1 + i * 1000;
    assert_int_equal(lrm_link_send_log_status(p.link, channel, &status, p.now_ns), 0);
  }
  assert_string_equal(peer_frames(&p), "INFO ch=1 bytes=949\nLOG_STATUS ch=1 bytes=4");
  assert_int_equal(lrm_link_send_info(p.link, channel, info, 1024, p.now_ns), 0);
  assert_int_equal(lrm_link_send_info(p.link, channel, info, 1025, p.now_ns), LRM_ERR_TOO_LARGE);
  peer_end(&p);

  for (size_t over = 0; over < 2; over++) {
    channel = reader(0);
    lrm_frame frame = {.type = LRM_FRAME_INFO, .channel = channel, .payload = {info, 1024 + over}};
    peer_feed_frame(&p, frame);
    assert_int_equal(p.result, over ? LRM_ERR_LIMIT : 0);
    peer_end(&p);
  }
}

static void a_receipt_comes_before_the_ack_that_passes_it(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  uint32_t channel = peer_open(&p, PUBLISH, COMMANDS, 0, 0, 0);
  peer_feed_frame(&p, a_block(channel, 0, 1, 10));
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = 16;
  assert_int_equal(lrm_link_ack(p.link, channel, 1, p.now_ns), 0);
  assert_int_equal(lrm_link_send_receipt(p.link, channel, 0, &receipt, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "RECEIPT ch=1 offset=0 bytes=18\nACK ch=1 offset=1");
  peer_end(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(open_and_opened_carry_the_cursor_and_the_credit),
      cmocka_unit_test(an_illegal_open_ends_the_carrier),
      cmocka_unit_test(channel_numbers_are_used_once),
      cmocka_unit_test(late_frames_are_ignored_and_frames_on_no_channel_are_not),
      cmocka_unit_test(link_frames_stay_on_channel_0),
      cmocka_unit_test(a_block_before_opened_is_a_protocol_error),
      cmocka_unit_test(an_ack_before_opened_is_ignored),
      cmocka_unit_test(blocks_come_in_order_and_once),
      cmocka_unit_test(a_duplicate_is_acknowledged_only_as_far_as_it_is_our_own),
      cmocka_unit_test(a_straddling_block_is_taken_from_next_on),
      cmocka_unit_test(a_gap_is_a_protocol_error_unless_a_snapshot_begins),
      cmocka_unit_test(faulty_blocks_are_refused),
      cmocka_unit_test(frames_against_the_direction_are_refused),
      cmocka_unit_test(acks_wait_for_32_blocks_64_kib_or_20_ms),
      cmocka_unit_test(acks_never_go_back_nor_ahead),
      cmocka_unit_test(the_position_of_opened_can_be_made_an_acknowledgement),
      cmocka_unit_test(a_publisher_takes_rising_acks_within_its_end),
      cmocka_unit_test(an_ack_may_repeat_what_open_said),
      cmocka_unit_test(one_frame_may_overshoot_the_credit_and_no_more),
      cmocka_unit_test(credit_is_renewed_at_half_a_window_consumed),
      cmocka_unit_test(what_is_held_from_earlier_channels_lessens_the_credit),
      cmocka_unit_test(dropped_duplicates_cost_no_credit_for_ever),
      cmocka_unit_test(synced_comes_at_once_when_nothing_is_to_be_sent),
      cmocka_unit_test(synced_comes_after_the_block_that_reaches_the_watermark),
      cmocka_unit_test(a_bounded_range_ends_with_synced_and_close),
      cmocka_unit_test(nothing_is_wanted_before_extend),
      cmocka_unit_test(a_block_must_hold_what_is_wanted),
      cmocka_unit_test(channels_take_turns),
      cmocka_unit_test(a_frame_over_what_the_peer_takes_is_not_sent),
      cmocka_unit_test(a_want_may_be_passed_over),
      cmocka_unit_test(close_comes_after_what_is_due),
      cmocka_unit_test(close_instead_of_opened),
      cmocka_unit_test(the_newest_info_and_status_replace_queued_ones),
      cmocka_unit_test(a_receipt_comes_before_the_ack_that_passes_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
