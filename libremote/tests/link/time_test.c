/* Heartbeat, probes, sleep, goodbyes and the times of reconnecting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "peer.h"

static peer p;
static const uint8_t eight[8] = {1, 2, 3, 4, 5, 6, 7, 8};

static void live(lrm_link_side side) {
  memset(&p, 0, sizeof p);
  peer_live(&p, side);
}

static void hear(void) {
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_PONG, .payload = {eight, 8}});
}

/* Moves on in small steps, writing what is due; how many PINGs there were. */
static int pings_within(uint64_t ns, bool answered) {
  int pings = 0;
  for (uint64_t t = 0; t < ns; t += 100 * MS) {
    peer_advance(&p, 100 * MS);
    if (strcmp(peer_frames(&p), "PING") == 0) {
      pings++;
      if (answered) hear();
    }
  }
  return pings;
}

static void ping_is_echoed(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_PING, .payload = {eight, 8}});
  assert_string_equal(peer_frames(&p), "PONG payload=0102030405060708");
  for (int i = 0; i < 50; i++)
    peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_PING, .payload = {eight, 8}});
  const char *frames = peer_frames(&p);
  int lines = 1;
  for (const char *at = frames; *at != '\0'; at++) lines += *at == '\n';
  assert_int_equal(lines, 4); /* the newest four */
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_PONG, .payload = {eight, 8}});
  assert_int_equal(p.result, 0);
  peer_feed_frame(&p, (lrm_frame){.type = LRM_FRAME_PING, .payload = {eight, 7}});
  assert_int_equal(p.result, LRM_ERR_PROTOCOL);
  peer_end(&p);
}

static void an_idle_link_pings_every_10_s(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  uint64_t due = lrm_link_deadline(p.link);
  assert_in_range(due, START_NS + 9 * SECOND, START_NS + 11 * SECOND);
  assert_in_range(pings_within(100 * SECOND, true), 9, 11);
  peer_end(&p);
}

static void silence_of_25_s_is_death(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  assert_int_equal(pings_within(24900 * MS, false), 2);
  assert_string_equal(peer_events(&p), "");
  peer_advance(&p, 100 * MS);
  assert_string_equal(peer_events(&p), "SILENT");
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_CLOSING);
  assert_string_equal(peer_frames(&p), "");
  assert_int_equal(lrm_link_deadline(p.link), UINT64_MAX);
  lrm_link_detach(p.link, p.now_ns);
  assert_int_equal(lrm_link_attempt_ns(p.link), p.now_ns); /* at once the first time */
  peer_end(&p);
}

static void half_a_frame_is_life_and_the_same_bytes_again_are_not(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  peer_advance(&p, 9 * SECOND);
  static const uint8_t half[] = {0x0a, 0x0c, 8};
  peer_feed(&p, half, 3);
  assert_int_equal(lrm_link_heard_ns(p.link), p.now_ns);
  uint64_t heard = p.now_ns;
  peer_advance(&p, SECOND / 2);
  peer_feed(&p, NULL, 0);
  assert_int_equal(lrm_link_heard_ns(p.link), heard);
  peer_end(&p);
}

static void a_watched_link_pings_every_4_s_and_dies_after_10(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  lrm_link_watch(p.link, true, p.now_ns);
  assert_in_range(pings_within(40 * SECOND, true), 9, 10);
  hear();
  uint64_t heard = p.now_ns;
  while (lrm_link_state_now(p.link) == LRM_LINK_LIVE) (void)pings_within(100 * MS, false);
  assert_string_equal(peer_events(&p), "SILENT");
  assert_int_equal(p.now_ns - heard, 10 * SECOND);
  peer_end(&p);
}

static void watching_a_link_that_was_quiet_gives_it_time_to_answer(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  (void)pings_within(15 * SECOND, false);
  lrm_link_watch(p.link, true, p.now_ns);
  assert_string_equal(peer_frames(&p), "PING");
  peer_advance(&p, 4 * SECOND - 1);
  assert_string_equal(peer_events(&p), "");
  peer_advance(&p, 1);
  assert_string_equal(peer_events(&p), "SILENT");
  peer_end(&p);
}

/* A phone that comes and goes must not keep a dead host "attached". */
static void watchers_that_come_and_go_do_not_put_off_death(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  lrm_link_watch(p.link, true, p.now_ns);
  hear();
  uint64_t heard = p.now_ns;
  for (unsigned i = 0; lrm_link_state_now(p.link) == LRM_LINK_LIVE; i++) {
    (void)pings_within(SECOND, false);
    if (i != 7) continue;
    lrm_link_watch(p.link, false, p.now_ns);
    lrm_link_watch(p.link, true, p.now_ns);
  }
  assert_string_equal(peer_events(&p), "SILENT");
  assert_int_equal(p.now_ns - heard, 10 * SECOND);
  peer_end(&p);
}

static void a_probe_wants_a_byte_within_4_s(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  lrm_link_probe(p.link, p.now_ns);
  assert_string_equal(peer_frames(&p), "PING");
  peer_advance(&p, 3 * SECOND);
  hear();
  assert_string_equal(peer_events(&p), "HEARD");
  hear();
  assert_string_equal(peer_events(&p), "");
  peer_advance(&p, 5 * SECOND); /* answered: no deadline any more */
  assert_string_equal(peer_events(&p), "");
  hear();
  lrm_link_probe(p.link, p.now_ns);
  peer_advance(&p, 4 * SECOND);
  assert_string_equal(peer_events(&p), "SILENT");
  peer_end(&p);
}

static void after_sleep_it_probes_first(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  p.now_ns += 3600 * SECOND;
  lrm_link_expire(p.link, p.now_ns);
  assert_string_equal(peer_events(&p), "");
  assert_string_equal(peer_frames(&p), "PING");
  peer_advance(&p, 3 * SECOND);
  hear();
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_LIVE);
  p.now_ns += 3600 * SECOND;
  lrm_link_expire(p.link, p.now_ns);
  (void)peer_frames(&p);
  peer_advance(&p, 4 * SECOND);
  assert_string_equal(peer_events(&p), "SILENT");
  peer_end(&p);
}

/* ---- goodbyes ---- */

static void goodbye(uint32_t type, uint32_t code, uint64_t retry_after_ms) {
  remote_v1_Problem problem = a_problem(code);
  problem.retry_after_ms = retry_after_ms;
  peer_feed_message(&p, (lrm_frame){.type = type}, &problem);
}

/* Bytes that lay in the socket while the machine slept are read in the turn that notices the sleep.
 */
static void what_lay_unread_during_a_sleep_is_no_answer(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  p.now_ns += 3600 * SECOND;
  hear();
  hear();
  assert_string_equal(peer_frames(&p), "PING");
  peer_advance(&p, 4 * SECOND);
  assert_string_equal(peer_events(&p), "SILENT");
  peer_end(&p);
  live(LRM_SIDE_CONNECTING);
  p.now_ns += 3600 * SECOND;
  hear();
  peer_advance(&p, 1 * SECOND); /* PING waits for room, the other direction goes on */
  hear();
  assert_string_equal(peer_frames(&p), "PING");
  peer_advance(&p, 5 * SECOND);
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_LIVE);
  peer_end(&p);
}

static void the_thousand_of_the_code_says_whether_to_come_back(void **state) {
  (void)state;
  static const struct {
    uint32_t code;
    lrm_link_state then;
  } cases[] = {{0, LRM_LINK_DOWN},    {1001, LRM_LINK_DOWN}, {1999, LRM_LINK_DOWN},
               {2001, LRM_LINK_DOWN}, {2999, LRM_LINK_DOWN}, {3001, LRM_LINK_DEAD},
               {3004, LRM_LINK_DEAD}, {3999, LRM_LINK_DEAD}, {4001, LRM_LINK_DEAD},
               {4999, LRM_LINK_DEAD}, {9000, LRM_LINK_DEAD}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    for (int refused = 0; refused < 2; refused++) {
      if (refused) {
        peer_start(&p, LRM_SIDE_CONNECTING);
        (void)peer_frames(&p);
        goodbye(LRM_FRAME_REFUSE, cases[i].code, 0);
      } else {
        live(LRM_SIDE_CONNECTING);
        goodbye(LRM_FRAME_GOAWAY, cases[i].code, 0);
      }
      char expected[64];
      snprintf(expected, sizeof expected, "%s code=%u", refused ? "REFUSED" : "GOAWAY",
               cases[i].code);
      assert_string_equal(peer_events(&p), expected);
      assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_CLOSING);
      assert_string_equal(peer_frames(&p), "");
      lrm_link_detach(p.link, p.now_ns);
      assert_int_equal(lrm_link_state_now(p.link), cases[i].then);
      bool dead = cases[i].then == LRM_LINK_DEAD;
      assert_int_equal(lrm_link_attempt_ns(p.link) == UINT64_MAX, dead);
      assert_int_equal(lrm_link_attach(p.link, p.now_ns), dead ? LRM_ERR_STATE : 0);
      peer_end(&p);
    }
  }
}

static void a_superseded_link_stays_away_until_told(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  goodbye(LRM_FRAME_GOAWAY, 3004, 0);
  lrm_link_detach(p.link, p.now_ns);
  lrm_link_probe(p.link, p.now_ns);
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_DEAD);
  assert_int_equal(lrm_link_set_token(p.link, "another", p.now_ns), 0);
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_DOWN);
  assert_int_equal(lrm_link_attempt_ns(p.link), p.now_ns);
  peer_end(&p);
}

static void a_superseded_on_an_abandoned_carrier_is_ignored(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  peer_advance(&p, 25 * SECOND); /* SILENT */
  (void)peer_events(&p);
  goodbye(LRM_FRAME_GOAWAY, 3004, 0);
  assert_string_equal(peer_events(&p), "");
  lrm_link_detach(p.link, p.now_ns);
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_DOWN);
  uint8_t byte = 0x0a;
  size_t consumed = 0, wanted = 0;
  assert_int_equal(lrm_link_recv(p.link, &byte, 1, &consumed, &wanted, p.now_ns), LRM_ERR_STATE);
  peer_end(&p);
}

static void nothing_follows_our_goaway(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  uint32_t channel =
      peer_open(&p, remote_v1_Direction_DIRECTION_PUBLISH, remote_v1_Log_LOG_EVENTS, 5, 5, 0);
  peer_feed_frame(&p, a_block(channel, 5, 1, 10));
  peer_feed_frame(&p, a_block(channel, 6, 1, 10));
  (void)peer_events(&p);
  assert_int_equal(lrm_link_ack(p.link, channel, 6, p.now_ns), 0);
  remote_v1_Problem problem = a_problem(1001);
  problem.retry_after_ms = 700;
  assert_int_equal(lrm_link_goaway(p.link, &problem, p.now_ns), 0);
  assert_int_equal(lrm_link_goaway(p.link, &problem, p.now_ns), LRM_ERR_STATE);
  assert_string_equal(peer_events(&p), "GOAWAY_SENT code=1001 retry_after_ms=700");
  assert_string_equal(peer_frames(&p), "ACK ch=1 offset=6\nGOAWAY code=1001 retry_after_ms=700");
  assert_int_equal(lrm_link_ack(p.link, channel, 7, p.now_ns), 0);
  assert_string_equal(peer_frames(&p), "");
  peer_feed_frame(&p, a_block(channel, 7, 1, 10));
  assert_int_equal(p.in_bytes, 0); /* swallowed */
  assert_string_equal(peer_events(&p), "");
  peer_end(&p);
}

/* ---- coming back ---- */

static void attempts_are_spread_by_full_jitter_up_to_30_s(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 200; seed++) {
    lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
    config.seed = seed;
    peer_start_with(&p, &config);
    uint64_t most = 0;
    for (int attempt = 0; attempt < 12; attempt++) {
      lrm_link_detach(p.link, p.now_ns);
      uint64_t delay = lrm_link_attempt_ns(p.link) - p.now_ns;
      uint64_t limit = attempt == 0 ? 0 : attempt > 7 ? 30 * SECOND : (250 * MS) << (attempt - 1);
      if (limit > 30 * SECOND) limit = 30 * SECOND;
      assert_in_range(delay, 0, limit);
      if (delay > most) most = delay;
      p.now_ns += delay;
      assert_int_equal(lrm_link_attach(p.link, p.now_ns), 0);
    }
    assert_true(most > 0);
    peer_end(&p);
  }
}

static void retry_after_is_obeyed_and_60_s_live_forget_failures(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  goodbye(LRM_FRAME_GOAWAY, 1001, 5000);
  lrm_link_detach(p.link, p.now_ns);
  assert_true(lrm_link_attempt_ns(p.link) >= p.now_ns + 5 * SECOND);
  lrm_link_probe(p.link, p.now_ns); /* a person acts */
  assert_int_equal(lrm_link_attempt_ns(p.link), p.now_ns);
  for (int i = 0; i < 10; i++) lrm_link_detach(p.link, p.now_ns); /* attempts that failed */
  assert_int_equal(lrm_link_attach(p.link, p.now_ns), 0);
  peer_live(&p, LRM_SIDE_CONNECTING);
  for (int i = 0; i < 7; i++) {
    peer_advance(&p, 9 * SECOND);
    hear();
    (void)peer_frames(&p);
  }
  lrm_link_detach(p.link, p.now_ns);
  assert_int_equal(lrm_link_attempt_ns(p.link), p.now_ns);
  peer_end(&p);
}

static void slow_down_is_not_answered_at_once(void **state) {
  (void)state;
  bool any = false;
  for (uint64_t seed = 1; seed < 20 && !any; seed++) {
    lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
    config.seed = seed;
    peer_start_with(&p, &config);
    peer_live(&p, LRM_SIDE_CONNECTING);
    goodbye(LRM_FRAME_GOAWAY, 1004, 0);
    lrm_link_detach(p.link, p.now_ns);
    any = lrm_link_attempt_ns(p.link) > p.now_ns;
    peer_end(&p);
  }
  assert_true(any);
}

/* Attempts fail, then a carrier is live for so long and is lost. */
static uint64_t delay_after(uint64_t seed, uint64_t live_ns, uint32_t code) {
  lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
  config.seed = seed;
  peer_start_with(&p, &config);
  for (int i = 0; i < 10; i++) lrm_link_detach(p.link, p.now_ns);
  assert_int_equal(lrm_link_attach(p.link, p.now_ns), 0);
  peer_live(&p, LRM_SIDE_CONNECTING);
  for (uint64_t t = 0; t < live_ns; t += SECOND) {
    peer_advance(&p, live_ns - t < SECOND ? live_ns - t : SECOND);
    hear();
    (void)peer_frames(&p);
  }
  if (code != 0) goodbye(LRM_FRAME_GOAWAY, code, 0);
  lrm_link_detach(p.link, p.now_ns);
  uint64_t delay_ns = lrm_link_attempt_ns(p.link) - p.now_ns;
  peer_end(&p);
  return delay_ns;
}

/* Ten carriers that were live for 2 s are cut; then one attempt fails. */
static uint64_t delay_after_cuts(uint64_t seed) {
  lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
  config.seed = seed;
  peer_start_with(&p, &config);
  for (int i = 0; i < 10; i++) {
    if (i > 0) assert_int_equal(lrm_link_attach(p.link, p.now_ns), 0);
    peer_live(&p, LRM_SIDE_CONNECTING);
    peer_advance(&p, 2 * SECOND);
    lrm_link_detach(p.link, p.now_ns);
    assert_int_equal(lrm_link_attempt_ns(p.link), p.now_ns);
  }
  lrm_link_detach(p.link, p.now_ns);
  uint64_t delay_ns = lrm_link_attempt_ns(p.link) - p.now_ns;
  peer_end(&p);
  return delay_ns;
}

/* A tunnel every half minute: each time back at once, however many attempts failed in the last. */
static void what_was_live_for_2_s_is_tried_at_once(void **state) {
  (void)state;
  uint64_t flicker_ns = 0, told_ns = 0, rested_ns = 0;
  for (uint64_t seed = 1; seed < 20; seed++) {
    assert_int_equal(delay_after(seed, 2 * SECOND, 0), 0);
    assert_int_equal(delay_after(seed, 30 * SECOND, 1001), 0);
    flicker_ns += delay_after(seed, 2 * SECOND - MS, 0);
    told_ns += delay_after(seed, 30 * SECOND, 1004);
    rested_ns += delay_after(seed, 61 * SECOND, 1004);
  }
  assert_true(flicker_ns > 20 * SECOND);
  assert_true(told_ns > 20 * SECOND);
  for (uint64_t seed = 1; seed < 20; seed++) assert_in_range(delay_after_cuts(seed), 0, 250 * MS);
  assert_true(rested_ns > 0); /* slow down is not answered at once after a long rest either */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(ping_is_echoed),
      cmocka_unit_test(an_idle_link_pings_every_10_s),
      cmocka_unit_test(silence_of_25_s_is_death),
      cmocka_unit_test(half_a_frame_is_life_and_the_same_bytes_again_are_not),
      cmocka_unit_test(a_watched_link_pings_every_4_s_and_dies_after_10),
      cmocka_unit_test(watching_a_link_that_was_quiet_gives_it_time_to_answer),
      cmocka_unit_test(watchers_that_come_and_go_do_not_put_off_death),
      cmocka_unit_test(a_probe_wants_a_byte_within_4_s),
      cmocka_unit_test(after_sleep_it_probes_first),
      cmocka_unit_test(what_lay_unread_during_a_sleep_is_no_answer),
      cmocka_unit_test(the_thousand_of_the_code_says_whether_to_come_back),
      cmocka_unit_test(a_superseded_link_stays_away_until_told),
      cmocka_unit_test(a_superseded_on_an_abandoned_carrier_is_ignored),
      cmocka_unit_test(nothing_follows_our_goaway),
      cmocka_unit_test(attempts_are_spread_by_full_jitter_up_to_30_s),
      cmocka_unit_test(retry_after_is_obeyed_and_60_s_live_forget_failures),
      cmocka_unit_test(slow_down_is_not_answered_at_once),
      cmocka_unit_test(what_was_live_for_2_s_is_tried_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
