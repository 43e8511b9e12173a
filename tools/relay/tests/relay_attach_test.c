/* Who may sign in, who may attach to what, and what the limits are: docs/spec.md sections 3 and 9.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed.h"

/* ---- who may sign in ---- */

static void signs_in_by_token_only(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *good = peer_connect(bed, token_alice, "good", 1, true);
  assert_int_equal(lrm_link_state_now(good->link), LRM_LINK_LIVE);
  peer *bad = peer_connect(bed, "a token that nobody has ever been given", "bad", 1, true);
  assert_int_equal(peer_seen(bad, LRM_LINK_EVENT_REFUSED, 0, 0)->code, LRM_CODE_UNAUTHENTICATED);
  assert_null(bad->connection);
  peer *none = peer_connect(bed, "", "none", 1, true);
  assert_non_null(peer_seen(none, LRM_LINK_EVENT_WELCOME, 0, 0));
  uint32_t channel = open_read(none, "s1");
  assert_closed(none, channel, LRM_CODE_UNAUTHENTICATED);
  testbed_pass(bed, 20000);
  testbed_pass(bed, 20000);
  testbed_pass(bed, 21000);
  assert_null(none->connection); /* nobody signed in for a minute */
  testbed_free(bed);
}

static void a_revoked_device_is_out_at_once_and_stays_out(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *p = peer_connect(bed, token_alice_phone, "phone", 1, false);
  assert_int_equal(relay_device_revoke(bed->relay, &device_alice_phone, bed->now_ns, bed->wall_ms),
                   0);
  testbed_run(bed);
  assert_int_equal(peer_seen(p, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_REVOKED);
  assert_null(p->connection);
  testbed_restart(bed, false);
  peer *again = peer_connect(bed, token_alice_phone, "phone2", 1, false);
  assert_int_equal(peer_seen(again, LRM_LINK_EVENT_REFUSED, 0, 0)->code, LRM_CODE_REVOKED);
  testbed_free(bed);
}

static void only_a_higher_generation_replaces_a_link(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *first = peer_connect(bed, token_alice, "link", 5, true);
  peer *late = peer_connect(bed, token_alice, "link", 5, true);
  assert_int_equal(peer_seen(late, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_SUPERSEDED);
  assert_int_equal(peer_seen(late, LRM_LINK_EVENT_GOAWAY, 0, -1)->stored_generation, 5);
  assert_non_null(first->connection);
  peer *newer = peer_connect(bed, token_alice, "link", 6, true);
  assert_non_null(newer->connection);
  assert_int_equal(peer_seen(first, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_SUPERSEDED);
  assert_null(first->connection);
  /* Remembered when its carrier is gone, too; another device's link of that id is another link. */
  peer_cut(newer);
  peer *later = peer_connect(bed, token_alice, "link", 4, true);
  assert_int_equal(peer_seen(later, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_SUPERSEDED);
  peer *phone = peer_connect(bed, token_alice_phone, "link", 1, false);
  assert_non_null(phone->connection);
  testbed_free(bed);
}

/* ---- who may attach to what ---- */

static void a_session_belongs_to_its_device_and_its_account(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  assert_open(host, events);
  assert_open(host, open_commands(host, "s1", NULL, 0, 10));
  /* The same account, another device: reads and commands, but does not publish. */
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  assert_open(phone, open_read(phone, "s1"));
  assert_open(phone, open_outbox(phone, "s1", "phone", 0, 0));
  assert_closed(phone, open_publish(phone, "s1", "e1", 0, 11), LRM_CODE_FORBIDDEN);
  assert_closed(phone, open_commands(phone, "s1", NULL, 0, 11), LRM_CODE_FORBIDDEN);
  /* Another account cannot tell it from one that never was. */
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  assert_closed(bob, open_read(bob, "s1"), LRM_CODE_NOT_FOUND);
  assert_closed(bob, open_read(bob, "never"), LRM_CODE_NOT_FOUND);
  assert_closed(bob, open_outbox(bob, "s1", "bob", 0, 0), LRM_CODE_NOT_FOUND);
  assert_closed(bob, open_commands(bob, "s1", NULL, 0, 10), LRM_CODE_NOT_FOUND);
  /* An id of his own that happens to be the same is his own session. */
  peer *bobs = peer_connect(bed, token_bob, "bobs", 1, true);
  assert_open(bobs, open_publish(bobs, "s1", "e9", 0, 1));
  assert_non_null(host->connection);
  assert_null(CLOSED(host, events));
  testbed_free(bed);
}

static void a_lower_writer_is_fenced_for_both_logs(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *old = peer_connect(bed, token_alice, "old", 1, true);
  uint32_t old_events = open_publish(old, "s1", "e1", 0, 10);
  uint32_t old_commands = open_commands(old, "s1", NULL, 0, 10);
  peer *fresh = peer_connect(bed, token_alice, "fresh", 1, true);
  /* The same generation from another link, and a lower one. */
  assert_closed(fresh, open_publish(fresh, "s1", "e1", 0, 10), LRM_CODE_FENCED);
  assert_closed(fresh, open_commands(fresh, "s1", NULL, 0, 9), LRM_CODE_FENCED);
  assert_int_equal(CLOSED(fresh, 2)->stored_generation, 10);
  assert_null(CLOSED(old, old_events));
  /* A higher one takes over both at once. */
  assert_open(fresh, open_commands(fresh, "s1", NULL, 0, 11));
  assert_closed(old, old_events, LRM_CODE_FENCED);
  assert_closed(old, old_commands, LRM_CODE_FENCED);
  assert_int_equal(CLOSED(old, old_events)->stored_generation, 11);
  assert_open(fresh, open_publish(fresh, "s1", "e1", 0, 11));
  assert_closed(old, open_publish(old, "s1", "e1", 0, 10), LRM_CODE_FENCED);
  /* Remembered across a restart. */
  testbed_restart(bed, true);
  peer_reconnect(old);
  assert_closed(old, open_publish(old, "s1", "e1", 0, 10), LRM_CODE_FENCED);
  testbed_free(bed);
}

/* ---- limits ---- */

static void a_client_that_stops_reading_costs_no_more(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer *deaf = peer_connect(bed, token_alice_phone, "deaf", 1, false);
  uint32_t reader = open_read(deaf, "s1");
  deaf->deaf = true;
  uint64_t before = relay_stats_now(bed->relay).memory_bytes;
  for (uint64_t i = 0; i < 300; i++) {
    peer_publish_bytes(host, events, i, 0, 100000);
    testbed_run(bed);
    for (size_t k = 0; k < host->blocks_count; k++) free(host->blocks[k].payload);
    host->blocks_count = 0;
  }
  uint64_t after = relay_stats_now(bed->relay).memory_bytes;
  assert_true(deaf->to_peer_bytes < 300000);
  assert_true(after - before < 64 * 1024); /* 30 MB went by */
  /* It reads on from the log when it comes back to life. */
  deaf->deaf = false;
  testbed_run(bed);
  assert_int_equal(peer_count(deaf, LRM_LINK_EVENT_BLOCK, reader), 300);
  testbed_free(bed);
}

static void connections_and_sessions_are_limited(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  bed->config.connections_per_account_max = 3;
  bed->config.sessions_per_account_max = 2;
  testbed_restart(bed, false);
  peer *host = peer_connect(bed, token_alice, "l1", 1, true);
  peer_connect(bed, token_alice, "l2", 1, true);
  peer_connect(bed, token_alice_phone, "l3", 1, true);
  peer *fourth = peer_connect(bed, token_alice, "l4", 1, true);
  assert_int_equal(peer_seen(fourth, LRM_LINK_EVENT_REFUSED, 0, 0)->code, LRM_CODE_SLOW_DOWN);
  assert_true(peer_seen(fourth, LRM_LINK_EVENT_REFUSED, 0, 0)->retry_after_ms > 0);
  assert_non_null(peer_connect(bed, token_bob, "l5", 1, true)->connection);
  assert_open(host, open_publish(host, "s1", "e1", 0, 1));
  assert_open(host, open_publish(host, "s2", "e1", 0, 1));
  assert_closed(host, open_publish(host, "s3", "e1", 0, 1), LRM_CODE_POLICY);
  testbed_free(bed);
}

static void draining_spreads_the_return(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *p[6];
  for (int i = 0; i < 6; i++) {
    char link[8];
    snprintf(link, sizeof link, "l%d", i);
    p[i] = peer_connect(bed, token_alice, link, 1, false);
  }
  relay_drain(bed->relay, bed->now_ns);
  testbed_run(bed);
  uint64_t low = UINT64_MAX, high = 0;
  for (int i = 0; i < 6; i++) {
    const seen *goaway = peer_seen(p[i], LRM_LINK_EVENT_GOAWAY, 0, 0);
    assert_int_equal(goaway->code, LRM_CODE_DRAIN);
    if (goaway->retry_after_ms < low) low = goaway->retry_after_ms;
    if (goaway->retry_after_ms > high) high = goaway->retry_after_ms;
    assert_null(p[i]->connection);
  }
  assert_true(low > 0 && high > low);
  testbed_free(bed);
}

static void forgets_what_is_old(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  host->self_acks = true;
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  peer_command(phone, outbox, 0, "c0", 2, "e1");
  testbed_run(bed);
  peer_cut(phone);
  bed->wall_ms += UINT64_C(25) * 3600 * 1000;
  assert_int_equal(relay_prune(bed->relay, bed->now_ns, bed->wall_ms), 0);
  testbed_run(bed);
  /* The outbox is unknown again; the command's id is not, for there are few. */
  peer_reconnect(phone);
  outbox = open_outbox(phone, "s1", "phone", 0, 1);
  assert_int_equal(OPENED(phone, outbox)->opened.next, 0);
  peer_command(phone, outbox, 0, "c0", 2, "e1");
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), 1);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 1);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(signs_in_by_token_only),
      cmocka_unit_test(a_revoked_device_is_out_at_once_and_stays_out),
      cmocka_unit_test(only_a_higher_generation_replaces_a_link),
      cmocka_unit_test(a_session_belongs_to_its_device_and_its_account),
      cmocka_unit_test(a_lower_writer_is_fenced_for_both_logs),
      cmocka_unit_test(a_client_that_stops_reading_costs_no_more),
      cmocka_unit_test(connections_and_sessions_are_limited),
      cmocka_unit_test(draining_spreads_the_return),
      cmocka_unit_test(forgets_what_is_old),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
