/* Pages that sign in without a link: cookies' tokens, pairing, invitations, in virtual time. */
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

#define PEER "192.0.2.9:7"
static relay_visitor visitor;
static relay_page_pairing pairing;
static char token[RELAY_TOKEN_BYTES_MAX + 1];
static uint8_t secret[RELAY_SECRET_BYTES];

static const uint8_t *secret_of(uint8_t of) {
  memset(secret, of, sizeof secret);
  return secret;
}

static uint32_t pair(testbed *bed, uint8_t of, const char *device) {
  relay_page_pair(bed->relay, secret_of(of), device, PEER, bed->wall_ms, &pairing);
  testbed_run(bed);
  return pairing.visitor.code;
}

static uint32_t look(testbed *bed, const char *text) {
  relay_page_look(bed->relay, text, PEER, true, bed->now_ns, bed->wall_ms, &visitor);
  return visitor.code;
}

static uint32_t accept_invitation(testbed *bed, const char *text, uint8_t of, const char *device) {
  relay_page_accept(bed->relay, text, secret_of(of), device, PEER, bed->now_ns, bed->wall_ms,
                    &visitor, token);
  testbed_run(bed);
  return visitor.code;
}

static uint32_t invited(testbed *bed, const char *text) {
  uint64_t valid_ms = 0;
  relay_page_invited(bed->relay, text, NULL, PEER, bed->now_ns, bed->wall_ms, &visitor, &valid_ms);
  if (visitor.code == 0) assert_in_range(valid_ms, 1, 600000);
  return visitor.code;
}

/* As time passes in the program: second by second. */
static void pass_seconds(testbed *bed, unsigned seconds) {
  for (unsigned i = 0; i < seconds; i++) {
    testbed_pass(bed, 1000);
    relay_second(bed->relay, bed->now_ns, bed->wall_ms);
  }
  testbed_run(bed);
}

static const char *make(testbed *bed, const char *account) {
  static char text[RELAY_INVITATION_BYTES];
  assert_int_equal(relay_invite(bed->relay, account, bed->wall_ms, text), 0);
  testbed_run(bed);
  assert_int_equal(strlen(text), 36);
  return text;
}

static uint32_t last_request;
static remote_v1_Reply *ask(peer *p, remote_v1_Request *request) {
  static remote_v1_Reply reply;
  request->id = ++last_request;
  peer_request(p, request);
  const seen *s = peer_seen(p, LRM_LINK_EVENT_REPLY, 0, -1);
  assert_non_null(s);
  memset(&reply, 0, sizeof reply);
  pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
  assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
  assert_int_equal(reply.id, request->id);
  return &reply;
}

static remote_v1_Reply *ask_plain(peer *p, pb_size_t which) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = which;
  return ask(p, &request);
}

/* ---- tests ---- */

static void a_carrier_brings_a_token(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  assert_int_equal(look(bed, token_alice), 0);
  assert_string_equal(visitor.account, "alice");
  assert_string_equal(visitor.device, "laptop");
  assert_int_equal(look(bed, "nobody was given this token, nobody at all"),
                   LRM_CODE_UNAUTHENTICATED);
  relay_connection *c; /* one that goes before HELLO takes its token with it */
  assert_int_equal(relay_connect(bed->relay, bed, PEER, bed->now_ns, &c), 0);
  relay_connection_carries(c, token_alice);
  relay_disconnect(c, bed->now_ns, bed->wall_ms);
  /* Out: the device, then all of the account. */
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  assert_int_equal(relay_page_sign_out(bed->relay, token_alice, false, bed->now_ns, bed->wall_ms),
                   0);
  testbed_run(bed);
  assert_int_equal(look(bed, token_alice), LRM_CODE_REVOKED);
  assert_int_equal(look(bed, token_alice_phone), 0);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_GOAWAY, 0), 0);
  assert_int_equal(relay_page_sign_out(bed->relay, token_alice, true, bed->now_ns, bed->wall_ms),
                   LRM_CODE_REVOKED); /* who is out signs nobody out */
  assert_int_equal(
      relay_page_sign_out(bed->relay, token_alice_phone, true, bed->now_ns, bed->wall_ms), 0);
  testbed_run(bed);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_REVOKED);
  assert_int_equal(look(bed, token_bob), 0);
  testbed_free(bed);
}

static void a_page_is_paired(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  assert_int_equal(pair(bed, 1, NULL), LRM_CODE_UNAUTHENTICATED); /* nothing began */
  assert_int_equal(pair(bed, 1, "my browser"), 0);
  assert_true(pairing.waits && pairing.left_ms == 600000);
  char code[RELAY_INVITATION_BYTES];
  snprintf(code, sizeof code, "%s", pairing.shown);
  testbed_restart(bed, true);
  assert_int_equal(pair(bed, 1, NULL), 0);
  assert_string_equal(pairing.shown, code);
  uint64_t news = relay_page_news(bed->relay);
  assert_int_equal(relay_pairing_confirm(bed->relay, code, "bob", bed->wall_ms), 0);
  assert_true(relay_page_news(bed->relay) != news);
  testbed_run(bed);
  assert_int_equal(pair(bed, 1, NULL), 0);
  assert_false(pairing.waits);
  assert_string_equal(pairing.visitor.account, "bob");
  snprintf(token, sizeof token, "%s", pairing.token);
  testbed_restart(bed, true); /* the answer was lost: the same again */
  assert_int_equal(pair(bed, 1, NULL), 0);
  assert_string_equal(pairing.token, token);
  assert_int_equal(look(bed, token), 0);
  assert_string_equal(visitor.device, "my browser");
  /* Refused, cancelled, over. */
  assert_int_equal(pair(bed, 2, "two"), 0);
  assert_int_equal(relay_pairing_deny(bed->relay, pairing.shown, bed->now_ns, bed->wall_ms), 0);
  assert_int_equal(pair(bed, 2, NULL), LRM_CODE_FORBIDDEN);
  assert_int_equal(pair(bed, 3, "three"), 0);
  snprintf(code, sizeof code, "%s", pairing.shown);
  relay_page_unpair(bed->relay, secret_of(3), bed->now_ns, bed->wall_ms);
  assert_int_equal(relay_pairing_confirm(bed->relay, code, "bob", bed->wall_ms), LRM_ERR_NOT_FOUND);
  assert_int_equal(pair(bed, 4, "four"), 0);
  pass_seconds(bed, 599);
  assert_int_equal(pair(bed, 4, NULL), 0);
  pass_seconds(bed, 2);
  assert_int_equal(pair(bed, 4, NULL), LRM_CODE_UNAUTHENTICATED);
  assert_int_equal(pair(bed, 5, ""), LRM_CODE_PROTOCOL);
  for (uint8_t i = 10; i < 26; i++) assert_int_equal(pair(bed, i, "many"), 0);
  assert_int_equal(pair(bed, 26, "many"), LRM_CODE_SLOW_DOWN);
  testbed_free(bed);
}

static void an_invitation_signs_in_once(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  char text[RELAY_INVITATION_BYTES];
  assert_int_equal(relay_invite(bed->relay, "nobody", bed->wall_ms, text), LRM_ERR_NOT_FOUND);
  snprintf(text, sizeof text, "%s", make(bed, "alice"));
  for (int i = 0; i < 3; i++) assert_int_equal(invited(bed, text), 0); /* looking uses nothing up */
  assert_string_equal(visitor.account, "alice");
  assert_string_equal(visitor.device, "");
  testbed_restart(bed, true);
  assert_int_equal(accept_invitation(bed, text, 1, ""), LRM_CODE_PROTOCOL);
  assert_int_equal(accept_invitation(bed, text, 1, "tablet"), 0);
  char first[RELAY_TOKEN_BYTES_MAX + 1];
  snprintf(first, sizeof first, "%s", token);
  uint64_t devices = relay_stats_now(bed->relay).devices;
  assert_int_equal(look(bed, first), 0);
  assert_string_equal(visitor.device, "tablet");
  /* Its browser lost the answer, over a crash; another one is too late. */
  testbed_restart(bed, true);
  assert_int_equal(accept_invitation(bed, text, 1, "tablet"), 0);
  assert_string_equal(token, first);
  assert_int_equal(accept_invitation(bed, text, 2, "thief"), LRM_CODE_UNAUTHENTICATED);
  assert_int_equal(relay_stats_now(bed->relay).devices, devices);
  /* Revoked, it does not come back by its invitation. */
  assert_int_equal(look(bed, first), 0);
  lrm_id id = visitor.device_id;
  assert_int_equal(relay_device_revoke(bed->relay, &id, bed->now_ns, bed->wall_ms), 0);
  assert_int_equal(accept_invitation(bed, text, 1, "tablet"), LRM_CODE_UNAUTHENTICATED);
  /* Ten minutes; a clock that is set back lengthens nothing. */
  snprintf(text, sizeof text, "%s", make(bed, "alice"));
  pass_seconds(bed, 599);
  assert_int_equal(invited(bed, text), 0);
  pass_seconds(bed, 2);
  assert_int_equal(accept_invitation(bed, text, 3, "late"), LRM_CODE_UNAUTHENTICATED);
  snprintf(text, sizeof text, "%s", make(bed, "alice"));
  bed->wall_ms -= 120000;
  assert_int_equal(invited(bed, text), LRM_CODE_UNAUTHENTICATED);
  bed->wall_ms += 120000;
  /* Guesses are slowed as wrong tokens are, and never make a right one wait. */
  snprintf(text, sizeof text, "%s", make(bed, "alice"));
  for (int i = 0; i < 12; i++) {
    char guess[RELAY_INVITATION_BYTES];
    snprintf(guess, sizeof guess, "rri_%032d", i);
    assert_int_equal(invited(bed, guess), LRM_CODE_UNAUTHENTICATED);
  }
  assert_true(visitor.retry_after_ms > 0);
  assert_int_equal(invited(bed, text), 0);
  testbed_free(bed);
}

static void invitations_are_the_accounts_own(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  char text[RELAY_INVITATION_BYTES], by_operator[RELAY_INVITATION_BYTES];
  relay_set_page_url(bed->relay, "https://relay.example/");
  bed->commits = false;
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_invite_tag;
  request.id = ++last_request;
  peer_request(laptop, &request);
  assert_int_equal(peer_count(laptop, LRM_LINK_EVENT_REPLY, 0), 0); /* it is not stored yet */
  bed->commits = true;
  testbed_commit(bed);
  testbed_run(bed);
  remote_v1_Reply *reply = ask_plain(laptop, remote_v1_Request_invite_tag);
  assert_int_equal(reply->which_result, remote_v1_Reply_invitation_tag);
  assert_false(reply->more);
  const remote_v1_Invitation *made = &reply->result.invitation;
  assert_string_equal(made->page, "https://relay.example/");
  assert_string_equal(made->device, "laptop");
  assert_int_equal(made->expires_in_ms, 600000);
  snprintf(text, sizeof text, "%s", made->secret);
  remote_v1_Request end = remote_v1_Request_init_zero;
  end.which_call = remote_v1_Request_end_invitation_tag;
  end.call.end_invitation.invitation_id.size = 16;
  memcpy(end.call.end_invitation.invitation_id.bytes, made->invitation_id.bytes, 16);
  assert_int_equal(invited(bed, text), 0);
  /* Nobody else lists or ends them. */
  assert_int_equal(ask_plain(bob, remote_v1_Request_list_invitations_tag)->which_result,
                   remote_v1_Reply_done_tag);
  assert_int_equal(peer_count(bob, LRM_LINK_EVENT_REPLY, 0), 1);
  assert_int_equal(ask(bob, &end)->result.problem.code, LRM_CODE_NOT_FOUND);
  size_t before = peer_count(laptop, LRM_LINK_EVENT_REPLY, 0);
  (void)ask_plain(laptop, remote_v1_Request_list_invitations_tag);
  assert_int_equal(peer_count(laptop, LRM_LINK_EVENT_REPLY, 0), before + 3);
  assert_int_equal(ask(laptop, &end)->which_result, remote_v1_Reply_done_tag);
  assert_int_equal(ask(laptop, &end)->result.problem.code, LRM_CODE_NOT_FOUND);
  assert_int_equal(invited(bed, text), LRM_CODE_UNAUTHENTICATED);
  /* At most 16 are open. */
  for (int i = 0; i < 15; i++) (void)ask_plain(laptop, remote_v1_Request_invite_tag);
  assert_int_equal(ask_plain(laptop, remote_v1_Request_invite_tag)->result.problem.code,
                   LRM_CODE_LIMIT);
  assert_int_equal(relay_invite(bed->relay, "alice", bed->wall_ms, text), LRM_ERR_BUSY);
  /* They go with the device that made them; the operator's go with a sign-out everywhere. */
  assert_int_equal(relay_device_revoke(bed->relay, &device_alice, bed->now_ns, bed->wall_ms), 0);
  snprintf(by_operator, sizeof by_operator, "%s", make(bed, "alice"));
  assert_int_equal(invited(bed, by_operator), 0);
  assert_int_equal(
      relay_page_sign_out(bed->relay, token_alice_phone, true, bed->now_ns, bed->wall_ms), 0);
  assert_int_equal(invited(bed, by_operator), LRM_CODE_UNAUTHENTICATED);
  /* And with the account. */
  snprintf(by_operator, sizeof by_operator, "%s", make(bed, "bob"));
  assert_int_equal(relay_account_delete(bed->relay, "bob", bed->now_ns, bed->wall_ms), 0);
  assert_int_equal(invited(bed, by_operator), LRM_CODE_UNAUTHENTICATED);
  testbed_run(bed);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_carrier_brings_a_token),
      cmocka_unit_test(a_page_is_paired),
      cmocka_unit_test(an_invitation_signs_in_once),
      cmocka_unit_test(invitations_are_the_accounts_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
