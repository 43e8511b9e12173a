/* How large the relay becomes: caps on sessions, accounts and the store, age, tombstones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "testbed.h"

enum { BLOCK = 10000, SET_EVERY = 10 };

static const uint64_t DAY_MS = UINT64_C(24) * 3600 * 1000;

typedef struct facts {
  const char *session;
  relay_session_facts found;
  bool is_there;
} facts;

static void visit(void *user, const relay_session_facts *one) {
  facts *f = user;
  lrm_id id = id_of(f->session);
  if (!lrm_id_equal(&one->id, &id)) return;
  f->found = *one;
  f->is_there = true;
}

static facts facts_of(testbed *bed, const char *session) {
  facts f = {.session = session};
  relay_each_session(bed->relay, visit, &f);
  return f;
}

/* Blocks from `from` to `to`; every SET_EVERY-th is a set when `sets` says so. */
static void publish(peer *host, uint32_t channel, uint64_t from, uint64_t to, bool sets) {
  for (uint64_t i = from; i < to; i++) {
    bool set = sets && i % SET_EVERY == 0;
    peer_publish_bytes(host, channel, i, set ? LRM_FLAG_SNAPSHOT : 0, BLOCK);
    testbed_run(host->bed);
  }
}

static peer *start(testbed *bed, const char *session, uint32_t *events) {
  peer *host = peer_connect(bed, token_alice, session, 1, true);
  *events = open_publish(host, session, "e1", 0, 10);
  return host;
}

static testbed *open_with(void (*set)(relay_config *config)) {
  testbed *bed = testbed_open();
  set(&bed->config);
  testbed_restart(bed, false);
  return bed;
}

/* ---- a session ---- */

static void cap_session(relay_config *config) { config->log_bytes_max = 55 * BLOCK; }

static void a_log_keeps_as_much_as_its_cap_allows(void **state) {
  (void)state;
  testbed *bed = open_with(cap_session);
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  for (uint64_t at = 0; at < 300; at += 20) {
    publish(host, events, at, at + 20, true);
    facts f = facts_of(bed, "s1");
    assert_true(f.found.bytes <= 56 * BLOCK);
    assert_int_equal(f.found.first % SET_EVERY, 0); /* begins with a set */
    assert_true(at < 60 || f.found.end - f.found.first >= 45);
  }
  assert_null(CLOSED(host, events));
  assert_int_equal(relay_stats_now(bed->relay).log_bytes, facts_of(bed, "s1").found.bytes);
  testbed_free(bed);
}

static void cap_events(relay_config *config) { config->log_events_max = 40; }

static void events_are_counted_too(void **state) {
  (void)state;
  testbed *bed = open_with(cap_events);
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  publish(host, events, 0, 200, true);
  facts f = facts_of(bed, "s1");
  assert_in_range(f.found.end - f.found.first, 30, 41);
  testbed_free(bed);
}

/* Without a set to trim to, the host is asked for one; it comes back with it. */
static void a_host_is_asked_for_a_snapshot(void **state) {
  (void)state;
  testbed *bed = open_with(cap_session);
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  publish(host, events, 0, 55, false);
  publish(host, events, 55, 82, false);
  assert_null(CLOSED(host, events)); /* it may come by itself */
  publish(host, events, 82, 83, false);
  assert_closed(host, events, LRM_CODE_TRIMMED);
  uint32_t again = open_publish(host, "s1", "e1", 83, 10);
  assert_int_equal(OPENED(host, again)->opened.next, 83);
  /* Not again for every block that comes before it. */
  publish(host, again, 83, 85, false);
  assert_null(CLOSED(host, again));
  peer_publish_bytes(host, again, 85, LRM_FLAG_SNAPSHOT, BLOCK);
  testbed_run(bed);
  assert_int_equal(facts_of(bed, "s1").found.first, 85);
  assert_null(CLOSED(host, again));
  testbed_free(bed);
}

static void a_host_that_never_writes_one_is_stopped(void **state) {
  (void)state;
  testbed *bed = open_with(cap_session);
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  uint64_t at = 0;
  unsigned asked = 0;
  for (; at < 200; at++) {
    publish(host, events, at, at + 1, false);
    const seen *closed = CLOSED(host, events);
    if (closed == NULL) continue;
    if (closed->code == LRM_CODE_LIMIT) break;
    assert_int_equal(closed->code, LRM_CODE_TRIMMED);
    asked++;
    events = open_publish(host, "s1", "e1", at + 1, 10);
  }
  assert_in_range(at, 109, 112); /* twice the cap */
  assert_in_range(asked, 2, 12);
  testbed_free(bed);
}

static bool below_new_cap(testbed *bed) { return facts_of(bed, "s1").found.bytes <= 56 * BLOCK; }

static void a_lower_cap_is_reached_in_small_steps(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  publish(host, events, 0, 400, true);
  assert_int_equal(facts_of(bed, "s1").found.first, 0);
  cap_session(&bed->config);
  testbed_restart(bed, false);
  bed->commits = false;
  peer *any = peer_connect(bed, token_bob, "bob", 1, false);
  (void)open_publish(any, "other", "e1", 0, 10); /* something to commit */
  uint64_t first = 0;
  for (unsigned steps = 0; !below_new_cap(bed) && steps < 100; steps++) {
    testbed_commit(bed);
    uint64_t now = facts_of(bed, "s1").found.first;
    assert_true(now - first <= 4 * SET_EVERY);
    first = now;
  }
  assert_true(below_new_cap(bed));
  testbed_free(bed);
}

/* ---- an account, the store ---- */

static void cap_account(relay_config *config) { config->account_bytes_max = 100 * BLOCK; }
static void cap_store(relay_config *config) { config->store_bytes_max = 100 * BLOCK; }

static void the_least_recent_session_gives_way(void **state) {
  (void)state;
  testbed *bed = open_with(cap_account);
  uint32_t old_events, new_events;
  peer *old = start(bed, "old", &old_events);
  publish(old, old_events, 0, 60, true);
  testbed_pass(bed, 60000);
  peer *new = start(bed, "new", &new_events);
  publish(new, new_events, 0, 80, true);
  assert_null(CLOSED(new, new_events));
  assert_int_equal(facts_of(bed, "new").found.first, 0);
  facts f = facts_of(bed, "old");
  assert_true(f.is_there && f.found.bytes <= 30 * BLOCK && f.found.first % SET_EVERY == 0);
  assert_true(relay_stats_now(bed->relay).log_bytes <= 101 * BLOCK);
  testbed_free(bed);
}

static void delete_session(peer *p, const char *session) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  lrm_id id = id_of(session);
  request.id = 77;
  request.which_call = remote_v1_Request_delete_session_tag;
  request.call.delete_session.session_id.size = sizeof id.bytes;
  memcpy(request.call.delete_session.session_id.bytes, id.bytes, sizeof id.bytes);
  peer_request(p, &request);
  testbed_run(p->bed);
}

static void refused_when_nothing_can_go(testbed *bed) {
  uint32_t a_events, b_events;
  peer *a = start(bed, "a", &a_events);
  publish(a, a_events, 0, 80, false);
  peer *b = start(bed, "b", &b_events);
  uint64_t at = 0;
  while (CLOSED(b, b_events) == NULL && at < 60) {
    publish(b, b_events, at, at + 1, false);
    at++;
  }
  assert_in_range(at, 20, 40);
  assert_closed(b, b_events, LRM_CODE_POLICY);
  delete_session(b, "a");
  assert_closed(a, a_events, LRM_CODE_NOT_FOUND);
  uint64_t end = facts_of(bed, "b").found.end;
  uint32_t again = open_publish(b, "b", "e1", end, 10);
  publish(b, again, end, end + 20, false);
  assert_null(CLOSED(b, again));
  testbed_free(bed);
}

static void a_full_account_is_told_to_delete(void **state) {
  (void)state;
  refused_when_nothing_can_go(open_with(cap_account));
}

static void a_full_store_is_told(void **state) {
  (void)state;
  refused_when_nothing_can_go(open_with(cap_store));
}

static void sizes_are_known_again_after_a_restart(void **state) {
  (void)state;
  testbed *bed = open_with(cap_account);
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  publish(host, events, 0, 20, true);
  uint64_t bytes = relay_stats_now(bed->relay).log_bytes;
  assert_true(bytes >= 20 * BLOCK);
  testbed_restart(bed, false);
  assert_int_equal(relay_stats_now(bed->relay).log_bytes, bytes);
  testbed_free(bed);
}

/* ---- age ---- */

static void keep_30_days(relay_config *config) { config->retention_ms = 30 * DAY_MS; }

static void pass_hours(testbed *bed, unsigned hours, int64_t step_ms) {
  bed->wall_ms += (uint64_t)step_ms;
  for (unsigned i = 0; i < hours; i++) {
    testbed_pass(bed, 3600 * 1000);
    assert_int_equal(relay_prune(bed->relay, bed->now_ns, bed->wall_ms), 0);
    testbed_run(bed);
  }
}

static void old_events_and_sessions_go(void **state) {
  (void)state;
  testbed *bed = open_with(keep_30_days);
  uint32_t events, quiet_events;
  peer *quiet = start(bed, "quiet", &quiet_events);
  publish(quiet, quiet_events, 0, 5, true);
  peer_cut(quiet);
  peer *host = peer_connect(bed, token_alice, "busy", 1, true);
  uint64_t at = 0;
  for (unsigned day = 0; day < 50; day++, at += 10) {
    if (day > 0) host = peer_connect(bed, token_alice, "busy", 1 + day, true);
    events = open_publish(host, "busy", "e1", at, 10);
    publish(host, events, at, at + 10, true);
    peer_cut(host);
    pass_hours(bed, 24, 0);
    assert_int_equal(facts_of(bed, "quiet").is_there, day < 30);
  }
  facts f = facts_of(bed, "busy");
  assert_true(f.is_there);
  /* The marks are an eighth of the time apart. */
  assert_in_range(f.found.first, 100, 250);
  assert_int_equal(f.found.first % SET_EVERY, 0);
  testbed_free(bed);
}

/* A clock that is a year ahead deletes nothing: it is not believed for a day. */
static void a_clock_that_was_set_deletes_nothing(void **state) {
  (void)state;
  testbed *bed = open_with(keep_30_days);
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  publish(host, events, 0, 30, true);
  peer_cut(host);
  pass_hours(bed, 3, 0);
  pass_hours(bed, 12, (int64_t)(365 * DAY_MS));
  assert_true(facts_of(bed, "s1").is_there);
  pass_hours(bed, 30, -(int64_t)(365 * DAY_MS));
  assert_true(facts_of(bed, "s1").is_there);
  assert_int_equal(facts_of(bed, "s1").found.first, 0);
  testbed_free(bed);
}

static void tombstones_last_a_year(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  uint32_t events;
  peer *host = start(bed, "s1", &events);
  publish(host, events, 0, 3, true);
  delete_session(host, "s1");
  uint64_t memory = relay_stats_now(bed->relay).memory_bytes;
  assert_int_equal(relay_stats_now(bed->relay).tombstones, 1);
  uint32_t late = open_publish(host, "s1", "e1", 3, 10);
  assert_closed(host, late, LRM_CODE_NOT_FOUND);
  peer_cut(host);
  for (unsigned month = 0; month < 11; month++) pass_hours(bed, 30, (int64_t)(30 * DAY_MS));
  testbed_restart(bed, false);
  assert_int_equal(relay_stats_now(bed->relay).tombstones, 1);
  for (unsigned month = 0; month < 3; month++) pass_hours(bed, 30, (int64_t)(30 * DAY_MS));
  assert_int_equal(relay_stats_now(bed->relay).tombstones, 0);
  assert_true(relay_stats_now(bed->relay).memory_bytes < memory);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_log_keeps_as_much_as_its_cap_allows),
      cmocka_unit_test(events_are_counted_too),
      cmocka_unit_test(a_host_is_asked_for_a_snapshot),
      cmocka_unit_test(a_host_that_never_writes_one_is_stopped),
      cmocka_unit_test(a_lower_cap_is_reached_in_small_steps),
      cmocka_unit_test(the_least_recent_session_gives_way),
      cmocka_unit_test(a_full_account_is_told_to_delete),
      cmocka_unit_test(a_full_store_is_told),
      cmocka_unit_test(sizes_are_known_again_after_a_restart),
      cmocka_unit_test(old_events_and_sessions_go),
      cmocka_unit_test(a_clock_that_was_set_deletes_nothing),
      cmocka_unit_test(tombstones_last_a_year),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
