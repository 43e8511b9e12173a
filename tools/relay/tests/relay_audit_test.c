/* The audit log: docs/audit.md, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed.h"

/* ---- what the tests share ---- */

typedef struct kept {
  uint64_t number;
  char what[64], by[64], account[64], organization[64], detail[256];
  uint32_t code;
} kept;

typedef struct records {
  kept at[4096];
  size_t count;
} records;

static bool keep(void *user, const relay_audit_facts *f) {
  records *all = user;
  assert_true(all->count < 4096);
  kept *k = &all->at[all->count++];
  k->number = f->number;
  k->code = f->code;
  snprintf(k->what, sizeof k->what, "%s", f->what);
  snprintf(k->by, sizeof k->by, "%s", f->by_account);
  snprintf(k->account, sizeof k->account, "%s", f->account);
  snprintf(k->organization, sizeof k->organization, "%s", f->organization);
  snprintf(k->detail, sizeof k->detail, "%s", f->detail);
  return true;
}

static records *all_of(testbed *bed) {
  static records all;
  all.count = 0;
  assert_int_equal(relay_each_audit(bed->relay, 0, keep, &all), 0);
  for (size_t i = 1; i < all.count; i++) {
    assert_true(all.at[i].number > all.at[i - 1].number);
  }
  return &all;
}

static size_t count_of(testbed *bed, const char *what) {
  const records *all = all_of(bed);
  size_t count = 0;
  for (size_t i = 0; i < all->count; i++) count += strcmp(all->at[i].what, what) == 0;
  return count;
}

static const kept *newest(testbed *bed, const char *what) {
  const records *all = all_of(bed);
  for (size_t i = all->count; i-- > 0;) {
    if (strcmp(all->at[i].what, what) == 0) return &all->at[i];
  }
  return NULL;
}

static remote_v1_Reply *reply_at(const peer *p, int n) {
  static remote_v1_Reply reply;
  const seen *s = peer_seen(p, LRM_LINK_EVENT_REPLY, 0, n);
  assert_non_null(s);
  memset(&reply, 0, sizeof reply);
  pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
  assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
  return &reply;
}

/* How many records it is told, which must all be of that account. */
static size_t exported(peer *p, uint32_t id, uint64_t from, uint32_t limit, const char *account) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = id;
  request.which_call = remote_v1_Request_export_audit_tag;
  request.call.export_audit.from = from;
  request.call.export_audit.limit = limit;
  peer_forget(p);
  peer_request(p, &request);
  for (int i = 0; i < 50 && reply_at(p, -1)->more; i++) testbed_pass(p->bed, 10);
  size_t replies = peer_count(p, LRM_LINK_EVENT_REPLY, 0);
  assert_int_equal(reply_at(p, -1)->which_result, remote_v1_Reply_done_tag);
  for (size_t i = 0; i + 1 < replies; i++) {
    const remote_v1_Reply *reply = reply_at(p, (int)i);
    assert_int_equal(reply->which_result, remote_v1_Reply_audit_tag);
    if (account != NULL) assert_string_equal(reply->result.audit.account, account);
  }
  return replies - 1;
}

typedef struct stage {
  testbed *bed;
  peer *host, *phone;
  uint32_t events, outbox;
} stage;

static stage stage_open(testbed *bed) {
  stage s = {.bed = bed};
  s.host = peer_connect(bed, token_alice, "host", 1, true);
  s.events = open_publish(s.host, "s1", "e1", 0, 10);
  s.phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  s.outbox = open_outbox(s.phone, "s1", "phone", 0, 0);
  return s;
}

static uint32_t command(const stage *s, uint64_t offset) {
  char id[16];
  snprintf(id, sizeof id, "c%llu", (unsigned long long)offset);
  peer_command(s->phone, s->outbox, offset, id, 2, "e1");
  testbed_run(s->bed);
  const seen *receipt = peer_seen(s->phone, LRM_LINK_EVENT_RECEIPT, s->outbox, -1);
  assert_non_null(receipt);
  return receipt->receipt.which_result == remote_v1_Receipt_problem_tag
             ? receipt->receipt.result.problem.code
             : 0;
}

/* ---- tests ---- */

static void what_is_recorded(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  stage s = stage_open(bed);
  assert_int_equal(command(&s, 0), 0);
  const kept *stored = newest(bed, "command.stored");
  assert_string_equal(stored->by, "alice");
  assert_string_equal(stored->account, "alice");
  assert_string_equal(stored->detail, "class control");
  assert_int_equal(count_of(bed, "session.created"), 1);
  assert_int_equal(count_of(bed, "device.signed_in"), 2);
  peer_cut(s.phone);
  testbed_run(bed);
  peer_reconnect(s.phone); /* the same process */
  assert_int_equal(count_of(bed, "device.signed_in"), 2);
  s.outbox = open_outbox(s.phone, "s1", "phone", 0, 1);
  peer_command(s.phone, s.outbox, 0, "c0", 2, "e1"); /* known: it adds nothing */
  testbed_run(bed);
  assert_int_equal(count_of(bed, "command.stored"), 1);
  assert_int_equal(
      relay_account_set_ceiling(bed->relay, "alice", RELAY_CEILING_VIEW, bed->now_ns, bed->wall_ms),
      0);
  testbed_run(bed);
  assert_int_equal(command(&s, 1), LRM_CODE_COMMAND_POLICY);
  assert_int_equal(newest(bed, "command.refused")->code, LRM_CODE_COMMAND_POLICY);
  assert_string_equal(newest(bed, "policy.account")->by, ""); /* the operator */
  testbed_free(bed);
}

/* INFO: the newest outcome first; each is told once, and those of unknown commands never. */
static void outcomes_that_info_tells(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  stage s = stage_open(bed);
  assert_int_equal(command(&s, 0), 0);
  uint8_t info[64] = {0x4a, 22, 0x0a, 16};
  lrm_id id = id_of("c0");
  memcpy(info + 4, id.bytes, 16);
  const uint8_t outcome[] = {0x10, 2, 0x18, 0x8a};
  memcpy(info + 20, outcome, sizeof outcome);
  info[24] = 0x27; /* 5002 */
  info[1] = 23;
  for (int i = 0; i < 2; i++) {
    assert_int_equal(lrm_link_send_info(s.host->link, s.events, info, 25, bed->now_ns), 0);
    testbed_run(bed);
  }
  assert_int_equal(count_of(bed, "command.outcome"), 1);
  assert_int_equal(newest(bed, "command.outcome")->code, 5002);
  assert_string_equal(newest(bed, "command.outcome")->detail, "rejected");
  testbed_restart(bed, false);
  assert_int_equal(count_of(bed, "command.outcome"), 1);
  info[5] ^= 0xff;
  peer_reconnect(s.host);
  s.events = open_publish(s.host, "s1", "e1", 0, 10);
  assert_int_equal(lrm_link_send_info(s.host->link, s.events, info, 25, bed->now_ns), 0);
  testbed_run(bed);
  assert_int_equal(count_of(bed, "command.outcome"), 1);
  testbed_free(bed);
}

static void who_sees_what(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  relay *r = bed->relay;
  assert_int_equal(relay_organization_add(r, "acme", bed->wall_ms), 0);
  assert_int_equal(
      relay_organization_set(r, "acme", RELAY_POLICY_CONTROL, bed->now_ns, bed->wall_ms), 0);
  stage s = stage_open(bed);
  assert_int_equal(command(&s, 0), 0); /* before she joined */
  assert_int_equal(relay_account_join(r, "alice", "acme", bed->now_ns, bed->wall_ms), 0);
  testbed_run(bed);
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  size_t own = exported(bob, 1, 0, 0, "bob");
  assert_true(own > 0);
  assert_int_equal(relay_administrator_set(r, "bob", "acme", true, bed->wall_ms), 0);
  testbed_run(bed);
  size_t before = exported(bob, 2, 0, 0, NULL);
  assert_true(before > own);
  assert_int_equal(command(&s, 1), 0);
  assert_int_equal(exported(bob, 3, 0, 0, NULL), before + 1); /* not what was before */
  /* Another organization of that name is another one. */
  assert_int_equal(relay_account_join(r, "alice", NULL, bed->now_ns, bed->wall_ms), 0);
  assert_int_equal(relay_organization_delete(r, "acme", bed->wall_ms), 0);
  assert_int_equal(relay_organization_add(r, "acme", bed->wall_ms), 0);
  assert_int_equal(relay_administrator_set(r, "bob", "acme", true, bed->wall_ms), 0);
  testbed_run(bed);
  size_t alice = 0;
  (void)exported(bob, 4, 0, 0, NULL);
  for (size_t i = 0; i + 1 < peer_count(bob, LRM_LINK_EVENT_REPLY, 0); i++)
    alice += strcmp(reply_at(bob, (int)i)->result.audit.account, "alice") == 0;
  assert_int_equal(alice, 0);
  /* In parts. */
  assert_int_equal(exported(s.phone, 1, 0, 2, "alice"), 2);
  uint64_t next = reply_at(s.phone, 1)->result.audit.number + 1;
  assert_int_equal(exported(s.phone, 2, next, 1, "alice"), 1);
  assert_true(reply_at(s.phone, 0)->result.audit.number >= next);
  testbed_free(bed);
}

static void a_flood_of_wrong_tokens_is_told_once_a_minute(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  for (int i = 0; i < 30; i++) {
    char token[80];
    snprintf(token, sizeof token, "rrt_%064d", i);
    (void)peer_connect(bed, token, "wrong", 1, false);
    testbed_run(bed);
  }
  assert_int_equal(count_of(bed, "sign_in.refused"), 1);
  testbed_pass(bed, 61000);
  (void)relay_turn(bed->relay, bed->now_ns, bed->wall_ms);
  testbed_run(bed);
  assert_int_equal(count_of(bed, "sign_in.refused"), 2);
  assert_non_null(strstr(newest(bed, "sign_in.refused")->detail, "29 more"));
  testbed_free(bed);
}

/* A small one, opened anew with it. */
static void limit(testbed *bed, uint64_t bytes, uint64_t retention_ms) {
  bed->config.audit_bytes_max = bytes;
  bed->config.audit_retention_ms = retention_ms;
  testbed_restart(bed, false);
}

static void full_it_refuses(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  limit(bed, 8192, 0);
  stage s = stage_open(bed);
  uint64_t offset = 0;
  while (offset < 200 && command(&s, offset) == 0) offset++;
  assert_in_range(offset, 5, 100);
  size_t stored = count_of(bed, "command.stored");
  assert_int_equal(stored, offset);
  assert_int_equal(command(&s, offset + 1), LRM_CODE_COMMAND_BUSY);
  const seen *receipt = peer_seen(s.phone, LRM_LINK_EVENT_RECEIPT, s.outbox, -1);
  assert_true(receipt->receipt.result.problem.retry_helps);
  assert_int_equal(count_of(bed, "command.stored"), stored);
  assert_closed(s.host, open_publish(s.host, "s2", "e2", 0, 10), LRM_CODE_SLOW_DOWN);
  assert_open(s.phone, open_read(s.phone, "s1")); /* watching goes on */
  /* A higher limit, and everything is as before. */
  limit(bed, 65536, 0);
  peer_reconnect(s.phone);
  s.outbox = open_outbox(s.phone, "s1", "phone", offset + 2, offset + 2);
  assert_int_equal(command(&s, offset + 2), 0);
  testbed_free(bed);
}

static void the_reserve_is_bounded_too(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  limit(bed, 16384, 0);
  for (int i = 0; i < 200; i++) {
    char name[16];
    snprintf(name, sizeof name, "filler %d", i);
    assert_int_equal(relay_account_add(bed->relay, name, bed->wall_ms), 0);
  }
  testbed_run(bed);
  peer *late = peer_connect(bed, token_alice, "late", 1, false);
  const seen *refused = peer_seen(late, LRM_LINK_EVENT_REFUSED, 0, -1);
  assert_non_null(refused);
  assert_int_equal(refused->code, LRM_CODE_SLOW_DOWN);
  testbed_free(bed);
}

static void old_ones_go_from_the_old_end(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  const uint64_t day_ms = UINT64_C(24) * 3600 * 1000;
  limit(bed, 0, 2 * day_ms);
  stage s = stage_open(bed);
  assert_int_equal(command(&s, 0), 0);
  uint64_t last = all_of(bed)->at[all_of(bed)->count - 1].number;
  /* The clock counts as steady after a day of looking at it. */
  for (int hour = 0; hour < 24 * 4; hour++) {
    bed->now_ns += UINT64_C(3600) * 1000000000;
    bed->wall_ms += 3600 * 1000;
    assert_int_equal(relay_prune(bed->relay, bed->now_ns, bed->wall_ms), 0);
    assert_int_equal(lrm_store_commit(bed->store), 0);
  }
  const records *all = all_of(bed);
  assert_int_equal(all->count, 1);
  assert_string_equal(all->at[0].what, "audit.trimmed");
  assert_int_equal(all->at[0].number, last + 1);
  testbed_restart(bed, false);
  assert_int_equal(relay_account_add(bed->relay, "new", bed->wall_ms), 0);
  assert_true(newest(bed, "account.added")->number == last + 2);
  testbed_free(bed);
}

static void numbers_jump_over_what_a_copy_forgot(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  uint64_t before = all_of(bed)->at[all_of(bed)->count - 1].number;
  assert_int_equal(relay_restored(bed->relay), 0);
  testbed_run(bed);
  uint64_t number = newest(bed, "store.restored")->number;
  assert_true(number > before + 1000000);
  testbed_restart(bed, false);
  assert_int_equal(relay_account_add(bed->relay, "new", bed->wall_ms), 0);
  assert_int_equal(newest(bed, "account.added")->number, number + 1);
  assert_true(number < UINT64_C(1) << 53);
  testbed_free(bed);
}

static void it_is_durable_with_what_it_tells_of(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  stage s = stage_open(bed);
  bed->commits = false;
  peer_command(s.phone, s.outbox, 0, "c0", 2, "e1");
  testbed_run(bed);
  assert_int_equal(count_of(bed, "command.stored"), 1);
  assert_null(peer_seen(s.phone, LRM_LINK_EVENT_RECEIPT, s.outbox, -1));
  size_t told = exported(s.phone, 1, 0, 0, "alice");
  testbed_commit(bed);
  testbed_run(bed);
  assert_int_equal(exported(s.phone, 2, 0, 0, "alice"), told + 1);
  bed->commits = true;
  peer_command(s.phone, s.outbox, 1, "c1", 2, "e1");
  bed->commits = false;
  testbed_restart(bed, true);
  assert_in_range(count_of(bed, "command.stored"), 1, 2);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_recorded),
      cmocka_unit_test(outcomes_that_info_tells),
      cmocka_unit_test(who_sees_what),
      cmocka_unit_test(a_flood_of_wrong_tokens_is_told_once_a_minute),
      cmocka_unit_test(full_it_refuses),
      cmocka_unit_test(the_reserve_is_bounded_too),
      cmocka_unit_test(old_ones_go_from_the_old_end),
      cmocka_unit_test(numbers_jump_over_what_a_copy_forgot),
      cmocka_unit_test(it_is_durable_with_what_it_tells_of)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
