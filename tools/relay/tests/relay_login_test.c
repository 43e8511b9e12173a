/* Devices, tokens, pairing, identity tokens: docs/spec.md sections 9.5 to 9.7, in virtual time. */
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

#define REPLIES(p) peer_count(p, LRM_LINK_EVENT_REPLY, 0)

/* ---- asking ---- */

static uint32_t last_request;

static remote_v1_Request *request_of(pb_size_t which) {
  static remote_v1_Request request;
  memset(&request, 0, sizeof request);
  request.id = ++last_request;
  request.which_call = which;
  return &request;
}

static remote_v1_Reply *newest_reply(const peer *p) {
  static remote_v1_Reply reply;
  const seen *s = peer_seen(p, LRM_LINK_EVENT_REPLY, 0, -1);
  assert_non_null(s);
  memset(&reply, 0, sizeof reply);
  pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
  assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
  return &reply;
}

static void assert_problem(const peer *p, uint32_t code) {
  remote_v1_Reply *reply = newest_reply(p);
  assert_int_equal(reply->which_result, remote_v1_Reply_problem_tag);
  assert_int_equal(reply->result.problem.code, code);
  assert_false(reply->more);
}

static void assert_done(const peer *p) {
  remote_v1_Reply *reply = newest_reply(p);
  assert_int_equal(reply->which_result, remote_v1_Reply_done_tag);
  assert_false(reply->more);
}

static void ask_pairing(peer *p, const char *name, uint8_t secret) {
  remote_v1_Request *request = request_of(remote_v1_Request_pair_device_tag);
  snprintf(request->call.pair_device.device, sizeof request->call.pair_device.device, "%s", name);
  request->call.pair_device.secret.size = 32;
  memset(request->call.pair_device.secret.bytes, secret, 32);
  peer_request(p, request);
}

static const char *code_shown(const peer *p) {
  static char code[24];
  remote_v1_Reply *reply = newest_reply(p);
  assert_int_equal(reply->which_result, remote_v1_Reply_pairing_code_tag);
  assert_true(reply->more);
  snprintf(code, sizeof code, "%s", reply->result.pairing_code.code);
  return code;
}

static const char *token_said(const peer *p) {
  static char token[RELAY_TOKEN_BYTES_MAX + 1];
  remote_v1_Reply *reply = newest_reply(p);
  assert_int_equal(reply->which_result, remote_v1_Reply_signed_in_tag);
  assert_false(reply->more);
  snprintf(token, sizeof token, "%s", reply->result.signed_in.token);
  return token;
}

static void describe(peer *p, const char *code) {
  remote_v1_Request *request = request_of(remote_v1_Request_describe_pairing_tag);
  snprintf(request->call.describe_pairing.code, sizeof request->call.describe_pairing.code, "%s",
           code);
  peer_request(p, request);
}

static void decide(peer *p, const char *code, bool deny) {
  remote_v1_Request *request = request_of(remote_v1_Request_confirm_pairing_tag);
  snprintf(request->call.confirm_pairing.code, sizeof request->call.confirm_pairing.code, "%s",
           code);
  request->call.confirm_pairing.deny = deny;
  peer_request(p, request);
}

/* Time passes, and nobody is silent for too long. */
static void wait_seconds(testbed *bed, unsigned seconds) {
  for (unsigned i = 0; i < seconds; i++) testbed_pass(bed, 1000);
}

static bool gone(const peer *p) { return p->connection == NULL; }

/* ---- pairing ---- */

static void a_device_is_paired_by_another_one(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  bed->from = "192.0.2.7:4711";
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  bed->from = NULL;
  ask_pairing(fresh, "new phone", 1);
  assert_int_equal(REPLIES(fresh), 1);
  const char *code = code_shown(fresh);
  assert_int_equal(strlen(code), 9);
  assert_int_equal(code[4], '-');
  assert_int_equal(strspn(code, "BCDFGHJKLMNPQRSTVWXZ-"), 9);
  assert_int_equal(newest_reply(fresh)->result.pairing_code.expires_in_ms, 600000);
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  testbed_pass(bed, 5000);
  describe(laptop, code);
  remote_v1_Reply *reply = newest_reply(laptop);
  assert_int_equal(reply->which_result, remote_v1_Reply_pairing_tag);
  assert_string_equal(reply->result.pairing.device, "new phone");
  assert_string_equal(reply->result.pairing.address, "192.0.2.7");
  assert_string_equal(reply->result.pairing.surface, "test");
  assert_int_equal(reply->result.pairing.asked_ms, bed->wall_ms - 5000);
  assert_int_equal(reply->result.pairing.expires_in_ms, 595000);
  assert_false(reply->result.pairing.confirmed);
  assert_int_equal(REPLIES(fresh), 1); /* looking at it does nothing */
  /* As people type it. */
  char typed[16];
  snprintf(typed, sizeof typed, "%.4s%s", code, code + 5);
  for (char *at = typed; *at != '\0'; at++) *at = (char)(*at - 'A' + 'a');
  decide(laptop, typed, false);
  assert_done(laptop);
  assert_int_equal(REPLIES(fresh), 2);
  const char *token = token_said(fresh);
  assert_int_equal(strncmp(token, "rrt_", 4), 0);
  assert_int_equal(strlen(token), 68);
  assert_string_equal(newest_reply(fresh)->result.signed_in.principal.account, "alice");
  /* It signs in with it, and everything of the account is there. */
  peer *again = peer_connect(bed, token, "fresh", 2, false);
  assert_int_equal(peer_count(again, LRM_LINK_EVENT_WELCOME, 0), 1);
  peer_request(again, request_of(remote_v1_Request_list_devices_tag));
  assert_int_equal(REPLIES(again), 4);
  /* The pairing is over: the same secret begins another one, with another code. */
  char before[16];
  snprintf(before, sizeof before, "%s", code);
  describe(laptop, before);
  assert_problem(laptop, LRM_CODE_NOT_FOUND);
  ask_pairing(fresh, "new phone", 1);
  assert_string_not_equal(code_shown(fresh), before);
  testbed_free(bed);
}

static void it_goes_on_after_cuts_and_restarts(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "phone", 9);
  char code[24];
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  peer_cut(fresh);
  peer_reconnect(fresh);
  ask_pairing(fresh, "phone", 9);
  assert_string_equal(code_shown(fresh), code);
  testbed_restart(bed, true);
  peer_reconnect(fresh);
  peer_reconnect(laptop);
  ask_pairing(fresh, "phone", 9);
  assert_string_equal(code_shown(fresh), code);
  /* Another secret gets another pairing, and never this one's token. */
  peer *thief = peer_connect(bed, "", "thief", 1, false);
  ask_pairing(thief, "phone", 10);
  assert_string_not_equal(code_shown(thief), code);
  /* Confirmed while the device is away, over a crash of the relay. */
  peer_cut(fresh);
  decide(laptop, code, false);
  assert_done(laptop);
  testbed_restart(bed, true);
  peer_reconnect(fresh);
  peer_reconnect(thief);
  ask_pairing(fresh, "phone", 9);
  assert_int_equal(REPLIES(fresh), 2); /* the code, then the token */
  char token[RELAY_TOKEN_BYTES_MAX + 1];
  snprintf(token, sizeof token, "%s", token_said(fresh));
  assert_int_equal(REPLIES(thief), 0);
  /* SignedIn was lost on its way: the same again, and still one device. */
  uint64_t devices = relay_stats_now(bed->relay).devices;
  testbed_restart(bed, true);
  peer_reconnect(fresh);
  ask_pairing(fresh, "phone", 9);
  assert_string_equal(token_said(fresh), token);
  assert_int_equal(relay_stats_now(bed->relay).devices, devices);
  peer *in = peer_connect(bed, token, "in", 1, false);
  assert_int_equal(peer_count(in, LRM_LINK_EVENT_WELCOME, 0), 1);
  testbed_free(bed);
}

static void the_newest_carrier_of_a_pairing_waits(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *one = peer_connect(bed, "", "one", 1, false), *two = peer_connect(bed, "", "two", 1, false);
  ask_pairing(one, "phone", 9);
  ask_pairing(two, "phone", 9);
  assert_problem(one, LRM_CODE_SUPERSEDED);
  decide(laptop, code_shown(two), false);
  (void)token_said(two);
  assert_int_equal(REPLIES(one), 2);
  testbed_free(bed);
}

static void nothing_is_said_before_it_is_stored(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  bed->commits = false;
  ask_pairing(fresh, "phone", 9);
  assert_int_equal(REPLIES(fresh), 0);
  testbed_commit(bed);
  testbed_run(bed);
  char code[24];
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  decide(laptop, code, false);
  assert_int_equal(REPLIES(laptop), 0);
  assert_int_equal(REPLIES(fresh), 1);
  testbed_commit(bed);
  testbed_run(bed);
  assert_done(laptop);
  assert_int_equal(REPLIES(fresh), 1); /* its device is not durable yet */
  testbed_commit(bed);
  testbed_run(bed);
  (void)token_said(fresh);
  testbed_free(bed);
}

static void a_code_lives_ten_minutes_and_its_carrier_with_it(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *idle = peer_connect(bed, "", "idle", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "phone", 9);
  char code[24];
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  wait_seconds(bed, 70);
  assert_true(gone(idle)); /* who asks for nothing has 60 s */
  assert_false(gone(fresh));
  wait_seconds(bed, 525);
  describe(laptop, code);
  assert_int_equal(newest_reply(laptop)->which_result, remote_v1_Reply_pairing_tag);
  wait_seconds(bed, 10);
  assert_false(gone(fresh));
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  decide(laptop, code, false);
  assert_problem(laptop, LRM_CODE_NOT_FOUND);
  /* It may ask again on the same carrier. */
  ask_pairing(fresh, "phone", 9);
  assert_string_not_equal(code_shown(fresh), code);
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  decide(laptop, code, false);
  (void)token_said(fresh);
  wait_seconds(bed, 70);
  assert_true(gone(fresh));
  testbed_free(bed);
}

static void a_clock_that_is_set_back_lengthens_nothing(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "phone", 9);
  char code[24];
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  bed->wall_ms -= 3600 * 1000;
  testbed_pass(bed, 1000);
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  decide(laptop, code, false);
  assert_problem(laptop, LRM_CODE_NOT_FOUND);
  testbed_free(bed);
}

static void one_person_decides_once(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  char code[24];
  /* No. */
  ask_pairing(fresh, "phone", 1);
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  decide(laptop, code, true);
  assert_done(laptop);
  assert_problem(fresh, LRM_CODE_FORBIDDEN);
  decide(laptop, code, false);
  assert_problem(laptop, LRM_CODE_NOT_FOUND);
  /* Yes, twice; to others it is not there any more, before and after the device came for it. */
  ask_pairing(fresh, "phone", 2);
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  peer_cut(fresh);
  decide(laptop, code, false);
  assert_done(laptop);
  decide(laptop, code, false);
  assert_done(laptop);
  describe(laptop, code);
  assert_true(newest_reply(laptop)->result.pairing.confirmed);
  describe(bob, code);
  assert_problem(bob, LRM_CODE_NOT_FOUND);
  decide(bob, code, false);
  assert_problem(bob, LRM_CODE_NOT_FOUND);
  decide(bob, code, true);
  assert_problem(bob, LRM_CODE_NOT_FOUND);
  peer_reconnect(fresh);
  ask_pairing(fresh, "phone", 2);
  assert_string_equal(newest_reply(fresh)->result.signed_in.principal.account, "alice");
  /* It is too late to refuse it. */
  decide(laptop, code, true);
  assert_problem(laptop, LRM_CODE_NOT_FOUND);
  testbed_free(bed);
}

static void the_operator_confirms_too(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "phone", 1);
  const char *code = code_shown(fresh);
  relay_pairing_facts facts;
  assert_int_equal(relay_pairing_look(bed->relay, "BBBB-BBBB", bed->wall_ms, &facts),
                   LRM_ERR_NOT_FOUND);
  assert_int_equal(relay_pairing_look(bed->relay, code, bed->wall_ms, &facts), 0);
  assert_string_equal(facts.device, "phone");
  assert_int_equal(relay_pairing_confirm(bed->relay, code, "nobody", bed->wall_ms), LRM_ERR_USAGE);
  assert_int_equal(relay_pairing_confirm(bed->relay, code, "bob", bed->wall_ms), 0);
  testbed_run(bed);
  assert_string_equal(newest_reply(fresh)->result.signed_in.principal.account, "bob");
  testbed_free(bed);
}

static void who_guesses_waits(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "phone", 1);
  char code[24];
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  bed->from = "192.0.2.9:1";
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  bed->from = "192.0.2.8:1";
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  unsigned judged = 0;
  static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";
  for (unsigned i = 0; i < 1000; i++) {
    char guess[10];
    snprintf(guess, sizeof guess, "BBBB-%c%c%c%c", letters[i % 20], letters[i / 20 % 20],
             letters[i / 400 % 20], letters[0]);
    if (strcmp(guess, code) == 0) continue;
    if (i % 2 == 0) {
      describe(bob, guess);
    } else {
      decide(bob, guess, false);
    }
    remote_v1_Problem problem = newest_reply(bob)->result.problem;
    judged += problem.code == LRM_CODE_NOT_FOUND;
    if (problem.code != LRM_CODE_NOT_FOUND) {
      assert_int_equal(problem.code, LRM_CODE_SLOW_DOWN);
      assert_in_range(problem.retry_after_ms, 1, 900000);
    }
    peer_forget(bob);
    if (i % 10 == 0) testbed_pass(bed, 1000);
  }
  assert_in_range(judged, 4, 16); /* in 100 s */
  /* Not even the right one is looked at now; from elsewhere it works. */
  describe(bob, code);
  assert_problem(bob, LRM_CODE_SLOW_DOWN);
  decide(laptop, code, false);
  assert_done(laptop);
  testbed_free(bed);
}

static void what_waits_is_bounded(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  /* A carrier has 16 calls; so has an address pairings. */
  for (uint8_t i = 1; i <= 15; i++) ask_pairing(fresh, "phone", i);
  assert_int_equal(newest_reply(fresh)->which_result, remote_v1_Reply_pairing_code_tag);
  peer *second = peer_connect(bed, "", "second", 1, false);
  ask_pairing(second, "phone", 16);
  (void)code_shown(second);
  ask_pairing(second, "phone", 17);
  assert_problem(second, LRM_CODE_SLOW_DOWN);
  assert_true(newest_reply(second)->result.problem.retry_after_ms > 0);
  bed->from = "192.0.2.1:1";
  peer *elsewhere = peer_connect(bed, "", "elsewhere", 1, false);
  ask_pairing(elsewhere, "phone", 18);
  (void)code_shown(elsewhere);
  testbed_free(bed);
}

static void what_makes_no_sense_is_refused(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "", 1);
  assert_problem(fresh, LRM_CODE_PROTOCOL);
  ask_pairing(fresh, "a\nb", 1);
  assert_problem(fresh, LRM_CODE_PROTOCOL);
  remote_v1_Request *request = request_of(remote_v1_Request_pair_device_tag);
  snprintf(request->call.pair_device.device, 8, "phone");
  request->call.pair_device.secret.size = 31;
  peer_request(fresh, request);
  assert_problem(fresh, LRM_CODE_PROTOCOL);
  ask_pairing(laptop, "phone", 1);
  assert_problem(laptop, LRM_CODE_FORBIDDEN); /* signed in already */
  describe(fresh, "BBBB-BBBB");
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  decide(fresh, "BBBB-BBBB", false);
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  static const char *const codes[] = {"",          "-",         "BBBB",    "BBBB-BBBBB",
                                      "AAAA-AAAA", "BBBB_BBBB", "01234567"};
  for (size_t i = 0; i < 3; i++) {
    describe(laptop, codes[i]);
    assert_problem(laptop, LRM_CODE_NOT_FOUND);
  }
  testbed_free(bed);
}

/* ---- devices ---- */

static void a_token_ends_when_its_time_is_over(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  assert_int_equal(
      relay_device_set_expiry(bed->relay, &device_alice_phone, bed->wall_ms + 60 * 1000), 0);
  testbed_run(bed);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  wait_seconds(bed, 58);
  assert_false(gone(phone));
  wait_seconds(bed, 3);
  assert_true(gone(phone));
  assert_false(gone(laptop));
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_UNAUTHENTICATED);
  testbed_restart(bed, true);
  peer *again = peer_connect(bed, token_alice_phone, "again", 1, false);
  assert_int_equal(peer_seen(again, LRM_LINK_EVENT_REFUSED, 0, -1)->code, LRM_CODE_UNAUTHENTICATED);
  testbed_free(bed);
}

static void devices_say_where_they_came_from(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  bed->from = "[2001:db8::7]:99";
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  remote_v1_Request *request = request_of(remote_v1_Request_rename_device_tag);
  request->call.rename_device.device_id.size = 16;
  memcpy(request->call.rename_device.device_id.bytes, device_alice.bytes, 16);
  snprintf(request->call.rename_device.name, 32, "workstation");
  peer_request(laptop, request);
  assert_done(laptop);
  memcpy(request->call.rename_device.device_id.bytes, device_bob.bytes, 16);
  request->id = ++last_request;
  peer_request(laptop, request);
  assert_problem(laptop, LRM_CODE_NOT_FOUND);
  memcpy(request->call.rename_device.device_id.bytes, device_alice.bytes, 16);
  snprintf(request->call.rename_device.name, 32, "\033[2J");
  request->id = ++last_request;
  peer_request(laptop, request);
  assert_problem(laptop, LRM_CODE_PROTOCOL);
  testbed_restart(bed, true);
  peer_reconnect(laptop);
  peer_forget(laptop);
  peer_request(laptop, request_of(remote_v1_Request_list_devices_tag));
  bool found = false;
  for (int i = 0; i < 2; i++) {
    const seen *s = peer_seen(laptop, LRM_LINK_EVENT_REPLY, 0, i);
    remote_v1_Reply reply = remote_v1_Reply_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
    assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
    const remote_v1_DeviceEntry *device = &reply.result.device;
    if (!device->current) continue;
    found = true;
    assert_string_equal(device->name, "workstation");
    assert_string_equal(device->address, "[2001:db8::7]");
    assert_string_equal(device->surface, "test");
  }
  assert_true(found);
  testbed_free(bed);
}

static void count_revoked(void *user, const lrm_id *device_id) {
  testbed *bed = user;
  (void)device_id;
  bed->logged += 1000;
}

static void one_signs_out_everywhere(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  relay_on_revoked(bed->relay, count_revoked);
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "tablet", 1);
  char code[24];
  snprintf(code, sizeof code, "%s", code_shown(fresh));
  peer_cut(fresh);
  decide(phone, code, false);
  bed->logged = 0;
  remote_v1_Request *request = request_of(remote_v1_Request_logout_tag);
  request->call.logout.everywhere = true;
  peer_request(laptop, request);
  assert_true(gone(laptop) && gone(phone));
  assert_false(gone(bob));
  assert_int_equal(bed->logged / 1000, 2);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_REVOKED);
  /* What was confirmed and not picked up is worth nothing either. */
  peer_reconnect(fresh);
  ask_pairing(fresh, "tablet", 1);
  assert_string_not_equal(code_shown(fresh), code);
  testbed_free(bed);
}

static void who_revokes_a_device_ends_its_pairing(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  ask_pairing(fresh, "tablet", 1);
  decide(laptop, code_shown(fresh), false);
  remote_v1_Reply *reply = newest_reply(fresh);
  remote_v1_Request *request = request_of(remote_v1_Request_revoke_device_tag);
  request->call.revoke_device.device_id.size = 16;
  memcpy(request->call.revoke_device.device_id.bytes,
         reply->result.signed_in.principal.device_id.bytes, 16);
  char token[RELAY_TOKEN_BYTES_MAX + 1];
  snprintf(token, sizeof token, "%s", token_said(fresh));
  peer_request(laptop, request);
  assert_done(laptop);
  ask_pairing(fresh, "tablet", 1);
  assert_int_equal(newest_reply(fresh)->which_result, remote_v1_Reply_pairing_code_tag);
  peer *in = peer_connect(bed, token, "in", 1, false);
  assert_int_equal(peer_seen(in, LRM_LINK_EVENT_REFUSED, 0, -1)->code, LRM_CODE_REVOKED);
  testbed_free(bed);
}

/* ---- identity tokens ---- */

static relay_identity verdict;
static bool judge_later;
static uint64_t ticket_asked;

/* The bytes of the "token" are its nonce. */
static bool verify(void *user, uint64_t ticket, lrm_slice token) {
  testbed *bed = user;
  static char nonce[256];
  snprintf(nonce, sizeof nonce, "%.*s", (int)token.bytes, (const char *)token.data);
  ticket_asked = ticket;
  verdict.nonce = nonce;
  if (!judge_later) relay_identity_judged(bed->relay, ticket, &verdict, bed->now_ns, bed->wall_ms);
  return true;
}

static testbed *open_with_issuer(void) {
  testbed *bed = testbed_open();
  bed->config.oidc_issuer = "https://issuer.example";
  bed->config.oidc_client_id = "remote";
  bed->config.oidc_verify = verify;
  judge_later = false;
  verdict = (relay_identity){.account = "alice"};
  testbed_restart(bed, false);
  return bed;
}

static void login(peer *p, const char *nonce) {
  remote_v1_Request *request = request_of(remote_v1_Request_login_oidc_tag);
  request->call.login_oidc.id_token.size = (pb_size_t)strlen(nonce);
  memcpy(request->call.login_oidc.id_token.bytes, nonce, strlen(nonce));
  snprintf(request->call.login_oidc.device, 32, "tablet");
  peer_request(p, request);
}

static const char *challenge(peer *p) {
  static char nonce[128];
  peer_request(p, request_of(remote_v1_Request_begin_oidc_tag));
  remote_v1_Reply *reply = newest_reply(p);
  assert_int_equal(reply->which_result, remote_v1_Reply_oidc_challenge_tag);
  assert_string_equal(reply->result.oidc_challenge.issuer, "https://issuer.example");
  assert_string_equal(reply->result.oidc_challenge.client_id, "remote");
  snprintf(nonce, sizeof nonce, "%s", reply->result.oidc_challenge.nonce);
  return nonce;
}

static void an_identity_token_signs_in_once(void **state) {
  (void)state;
  testbed *bed = open_with_issuer();
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  const char *nonce = challenge(fresh);
  login(fresh, nonce);
  const char *token = token_said(fresh);
  peer *in = peer_connect(bed, token, "in", 1, false);
  assert_int_equal(peer_count(in, LRM_LINK_EVENT_WELCOME, 0), 1);
  login(fresh, nonce);
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  /* Later, on another carrier; the program takes its time. */
  judge_later = true;
  nonce = challenge(fresh);
  peer_cut(fresh);
  peer_reconnect(fresh);
  login(fresh, nonce);
  assert_int_equal(REPLIES(fresh), 0);
  relay_identity_judged(bed->relay, ticket_asked, &verdict, bed->now_ns, bed->wall_ms);
  testbed_run(bed);
  (void)token_said(fresh);
  /* Its carrier is gone when the program is done. */
  login(fresh, challenge(fresh));
  peer_cut(fresh);
  relay_identity_judged(bed->relay, ticket_asked, &verdict, bed->now_ns, bed->wall_ms);
  testbed_free(bed);
}

static void a_nonce_is_the_relays_own_and_soon_over(void **state) {
  (void)state;
  testbed *bed = open_with_issuer();
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  char nonce[128];
  static const char *const wrong[] = {"x", "00", "zz"};
  for (size_t i = 0; i < 3; i++) {
    login(fresh, wrong[i]);
    assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  }
  snprintf(nonce, sizeof nonce, "%s", challenge(fresh));
  nonce[3] = nonce[3] == '0' ? '1' : '0'; /* another time */
  login(fresh, nonce);
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  snprintf(nonce, sizeof nonce, "%s", challenge(fresh));
  wait_seconds(bed, 601);
  fresh = peer_connect(bed, "", "another", 1, false);
  login(fresh, nonce);
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  snprintf(nonce, sizeof nonce, "%s", challenge(fresh));
  testbed_restart(bed, false);
  peer_reconnect(fresh);
  login(fresh, nonce);
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  testbed_free(bed);
}

static void accounts_are_made_only_where_that_is_wanted(void **state) {
  (void)state;
  testbed *bed = open_with_issuer();
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  verdict.account = "carol@example.org";
  login(fresh, challenge(fresh));
  assert_problem(fresh, LRM_CODE_FORBIDDEN);
  verdict.create = true;
  login(fresh, challenge(fresh));
  assert_string_equal(newest_reply(fresh)->result.signed_in.principal.account, "carol@example.org");
  verdict.code = LRM_CODE_UNAUTHENTICATED;
  verdict.reason = "expired";
  for (unsigned i = 0; i < 9; i++) login(fresh, challenge(fresh));
  assert_problem(fresh, LRM_CODE_UNAUTHENTICATED);
  login(fresh, challenge(fresh));
  assert_problem(fresh, LRM_CODE_SLOW_DOWN);
  verdict = (relay_identity){0};
  testbed_free(bed);
}

static void without_an_issuer_nothing_is_offered(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *fresh = peer_connect(bed, "", "fresh", 1, false);
  peer_request(fresh, request_of(remote_v1_Request_begin_oidc_tag));
  assert_problem(fresh, LRM_CODE_FORBIDDEN);
  login(fresh, "x");
  assert_problem(fresh, LRM_CODE_FORBIDDEN);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_device_is_paired_by_another_one),
      cmocka_unit_test(it_goes_on_after_cuts_and_restarts),
      cmocka_unit_test(the_newest_carrier_of_a_pairing_waits),
      cmocka_unit_test(nothing_is_said_before_it_is_stored),
      cmocka_unit_test(a_code_lives_ten_minutes_and_its_carrier_with_it),
      cmocka_unit_test(a_clock_that_is_set_back_lengthens_nothing),
      cmocka_unit_test(one_person_decides_once),
      cmocka_unit_test(the_operator_confirms_too),
      cmocka_unit_test(who_guesses_waits),
      cmocka_unit_test(what_waits_is_bounded),
      cmocka_unit_test(what_makes_no_sense_is_refused),
      cmocka_unit_test(a_token_ends_when_its_time_is_over),
      cmocka_unit_test(devices_say_where_they_came_from),
      cmocka_unit_test(one_signs_out_everywhere),
      cmocka_unit_test(who_revokes_a_device_ends_its_pairing),
      cmocka_unit_test(an_identity_token_signs_in_once),
      cmocka_unit_test(a_nonce_is_the_relays_own_and_soon_over),
      cmocka_unit_test(accounts_are_made_only_where_that_is_wanted),
      cmocka_unit_test(without_an_issuer_nothing_is_offered),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
