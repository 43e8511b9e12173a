/* Organizations, the enterprise, administrators and the end of an account: docs/spec.md section 10,
 * on live links and after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pb_decode.h>
#include <stdio.h>
#include <string.h>

#include "testbed.h"

/* ---- what the tests share ---- */

static remote_v1_Reply *reply_at(const peer *p, int n) {
  static remote_v1_Reply reply;
  const seen *s = peer_seen(p, LRM_LINK_EVENT_REPLY, 0, n);
  if (s == NULL) return NULL;
  memset(&reply, 0, sizeof reply);
  pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
  assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
  return &reply;
}

static uint32_t problem_of(const peer *p) {
  const remote_v1_Reply *reply = reply_at(p, -1);
  return reply->which_result == remote_v1_Reply_problem_tag ? reply->result.problem.code : 0;
}

static void organization(testbed *bed, const char *name, relay_policy value) {
  assert_int_equal(relay_organization_add(bed->relay, name, bed->wall_ms), 0);
  assert_int_equal(relay_organization_set(bed->relay, name, value, bed->now_ns, bed->wall_ms), 0);
  testbed_run(bed);
}

static void join(testbed *bed, const char *account, const char *name) {
  assert_int_equal(relay_account_join(bed->relay, account, name, bed->now_ns, bed->wall_ms), 0);
  testbed_run(bed);
}

static void enterprise(testbed *bed, bool enforces, relay_policy value) {
  assert_int_equal(
      relay_enterprise_set(bed->relay, "all", enforces, value, bed->now_ns, bed->wall_ms), 0);
  testbed_run(bed);
}

static void set_rule(peer *p, uint32_t id, remote_v1_Layer layer, const char *name,
                     remote_v1_PolicyValue value, remote_v1_EnterpriseMode mode) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = id;
  request.which_call = remote_v1_Request_set_policy_tag;
  remote_v1_PolicyRule *rule = &request.call.set_policy.rule;
  request.call.set_policy.has_rule = true;
  rule->layer = layer;
  rule->value = value;
  rule->mode = mode;
  snprintf(rule->name, sizeof rule->name, "%s", name);
  peer_request(p, &request);
}

#define ORGANIZATION remote_v1_Layer_LAYER_ORGANIZATION
#define ENTERPRISE remote_v1_Layer_LAYER_ENTERPRISE
#define VIEW remote_v1_PolicyValue_POLICY_VALUE_VIEW
#define CONTROL remote_v1_PolicyValue_POLICY_VALUE_VIEW_AND_CONTROL
#define DISABLED remote_v1_PolicyValue_POLICY_VALUE_DISABLED

typedef struct stage {
  testbed *bed;
  peer *host, *phone;
  uint32_t events, commands, reader, outbox;
} stage;

static stage stage_open(void) {
  stage s = {.bed = testbed_open()};
  s.host = peer_connect(s.bed, token_alice, "host", 1, true);
  s.events = open_publish(s.host, "s1", "e1", 0, 10);
  s.commands = open_commands(s.host, "s1", "", 0, 10);
  s.phone = peer_connect(s.bed, token_alice_phone, "phone", 1, false);
  s.reader = open_read(s.phone, "s1");
  s.outbox = open_outbox(s.phone, "s1", "phone", 0, 0);
  return s;
}

static const remote_v1_Problem *refusal(const peer *p, uint32_t outbox) {
  const seen *s = peer_seen(p, LRM_LINK_EVENT_RECEIPT, outbox, -1);
  assert_non_null(s);
  return s->receipt.which_result == remote_v1_Receipt_problem_tag ? &s->receipt.result.problem
                                                                  : NULL;
}

/* ---- tests ---- */

static void view_rejects_control_and_names_the_layer(void **state) {
  (void)state;
  stage s = stage_open();
  organization(s.bed, "acme", RELAY_POLICY_VIEW);
  assert_int_equal(STATUS(s.phone, s.reader)->status.ceiling, remote_v1_Ceiling_CEILING_CONTROL);
  join(s.bed, "alice", "acme");
  const remote_v1_LogStatus *status = &STATUS(s.phone, s.reader)->status;
  assert_int_equal(status->ceiling, remote_v1_Ceiling_CEILING_VIEW);
  assert_int_equal(status->ceiling_layer, ORGANIZATION);
  assert_int_equal(STATUS(s.host, s.events)->status.ceiling, remote_v1_Ceiling_CEILING_VIEW);
  peer_command(s.phone, s.outbox, 0, "c1", 2, "e1");
  testbed_run(s.bed);
  assert_int_equal(refusal(s.phone, s.outbox)->code, LRM_CODE_COMMAND_POLICY);
  assert_int_equal(refusal(s.phone, s.outbox)->layer, ORGANIZATION);
  assert_false(refusal(s.phone, s.outbox)->retry_helps);
  /* A class that is none is CONTROL; one that says VIEW goes through. */
  peer_command(s.phone, s.outbox, 1, "c2", 0, "e1");
  testbed_run(s.bed);
  assert_int_equal(refusal(s.phone, s.outbox)->code, LRM_CODE_COMMAND_POLICY);
  peer_command(s.phone, s.outbox, 2, "c3", 1, "e1");
  testbed_run(s.bed);
  assert_null(refusal(s.phone, s.outbox));
  /* The enterprise overrides, both ways. */
  enterprise(s.bed, true, RELAY_POLICY_CONTROL);
  assert_int_equal(STATUS(s.phone, s.reader)->status.ceiling, remote_v1_Ceiling_CEILING_CONTROL);
  peer_command(s.phone, s.outbox, 3, "c4", 2, "e1");
  testbed_run(s.bed);
  assert_null(refusal(s.phone, s.outbox));
  enterprise(s.bed, true, RELAY_POLICY_VIEW);
  assert_int_equal(STATUS(s.phone, s.reader)->status.ceiling_layer, ENTERPRISE);
  /* What was refused stays refused under its id. */
  enterprise(s.bed, false, RELAY_POLICY_UNSET);
  assert_int_equal(relay_organization_set(s.bed->relay, "acme", RELAY_POLICY_CONTROL, s.bed->now_ns,
                                          s.bed->wall_ms),
                   0);
  testbed_run(s.bed);
  peer_command(s.phone, s.outbox, 4, "c1", 2, "e1");
  testbed_run(s.bed);
  assert_int_equal(refusal(s.phone, s.outbox)->code, LRM_CODE_COMMAND_POLICY);
  testbed_free(s.bed);
}

static void disabled_closes_and_comes_back(void **state) {
  (void)state;
  stage s = stage_open();
  organization(s.bed, "acme", RELAY_POLICY_UNSET);
  join(s.bed, "alice", "acme");
  const peer *peers[] = {s.host, s.host, s.phone, s.phone};
  const uint32_t channels[] = {s.events, s.commands, s.reader, s.outbox};
  for (int i = 0; i < 4; i++) {
    assert_closed(peers[i], channels[i], LRM_CODE_POLICY);
    assert_int_equal(CLOSED(peers[i], channels[i])->layer, ORGANIZATION);
  }
  uint32_t again = open_read(s.phone, "s1");
  assert_closed(s.phone, again, LRM_CODE_POLICY);
  again = open_read(s.phone, "never");
  assert_closed(s.phone, again, LRM_CODE_POLICY); /* nor can it be told what exists */
  /* Somebody whom policy took nothing from is left in peace when it is back. */
  peer *list = peer_connect(s.bed, token_alice_phone, "list", 1, false);
  peer *bob = peer_connect(s.bed, token_bob, "bob", 1, false);
  assert_int_equal(relay_organization_set(s.bed->relay, "acme", RELAY_POLICY_CONTROL, s.bed->now_ns,
                                          s.bed->wall_ms),
                   0);
  testbed_run(s.bed);
  const seen *goodbye = peer_seen(s.host, LRM_LINK_EVENT_GOAWAY, 0, -1);
  assert_non_null(goodbye);
  assert_int_equal(goodbye->code, LRM_CODE_NORMAL);
  assert_non_null(peer_seen(s.phone, LRM_LINK_EVENT_GOAWAY, 0, -1));
  assert_null(peer_seen(list, LRM_LINK_EVENT_GOAWAY, 0, -1));
  assert_null(peer_seen(bob, LRM_LINK_EVENT_GOAWAY, 0, -1));
  peer_reconnect(s.host);
  assert_open(s.host, open_publish(s.host, "s1", "e1", 0, 10));
  testbed_free(s.bed);
}

static void it_is_kept(void **state) {
  (void)state;
  stage s = stage_open();
  organization(s.bed, "acme", RELAY_POLICY_VIEW);
  join(s.bed, "alice", "acme");
  enterprise(s.bed, true, RELAY_POLICY_DISABLED);
  assert_int_equal(relay_administrator_set(s.bed->relay, "bob", "acme", true, s.bed->wall_ms), 0);
  testbed_run(s.bed);
  testbed_restart(s.bed, false);
  relay_account_facts facts;
  assert_int_equal(relay_account_policy(s.bed->relay, "alice", &facts), 0);
  assert_string_equal(facts.organization, "acme");
  assert_string_equal(facts.value, "disabled");
  assert_string_equal(facts.layer, "enterprise");
  peer_reconnect(s.phone);
  assert_closed(s.phone, open_read(s.phone, "s1"), LRM_CODE_POLICY);
  assert_int_equal(relay_account_policy(s.bed->relay, "bob", &facts), 0);
  assert_null(facts.organization);
  assert_string_equal(facts.value, "view_and_control");
  peer *bob = peer_connect(s.bed, token_bob, "bob", 1, false);
  set_rule(bob, 1, ORGANIZATION, "acme", CONTROL, 0);
  assert_int_equal(problem_of(bob), 0);
  testbed_free(s.bed);
}

static void who_may_set_what(void **state) {
  (void)state;
  stage s = stage_open();
  organization(s.bed, "acme", RELAY_POLICY_CONTROL);
  organization(s.bed, "other", RELAY_POLICY_CONTROL);
  join(s.bed, "alice", "acme");
  enterprise(s.bed, false, RELAY_POLICY_UNSET);
  peer *bob = peer_connect(s.bed, token_bob, "bob", 1, false);
  set_rule(bob, 1, ORGANIZATION, "acme", VIEW, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  assert_int_equal(reply_at(bob, -1)->result.problem.layer, ORGANIZATION);
  set_rule(s.phone, 1, ORGANIZATION, "acme", VIEW, 0); /* a member is no administrator */
  assert_int_equal(problem_of(s.phone), LRM_CODE_FORBIDDEN);
  assert_int_equal(relay_administrator_set(s.bed->relay, "bob", "acme", true, s.bed->wall_ms), 0);
  set_rule(bob, 2, ORGANIZATION, "acme", VIEW, 0);
  assert_int_equal(reply_at(bob, -1)->which_result, remote_v1_Reply_done_tag);
  assert_int_equal(STATUS(s.phone, s.reader)->status.ceiling, remote_v1_Ceiling_CEILING_VIEW);
  set_rule(bob, 3, ORGANIZATION, "other", VIEW, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  set_rule(bob, 4, ORGANIZATION, "none", VIEW, 0); /* told like one of others */
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  const remote_v1_EnterpriseMode enforce = remote_v1_EnterpriseMode_ENTERPRISE_MODE_ENFORCE;
  set_rule(bob, 5, ENTERPRISE, "", DISABLED, enforce);
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  assert_int_equal(relay_administrator_set(s.bed->relay, "bob", NULL, true, s.bed->wall_ms), 0);
  set_rule(bob, 6, ENTERPRISE, "", 0, enforce);
  assert_int_equal(problem_of(bob), LRM_CODE_PROTOCOL);
  set_rule(bob, 7, ENTERPRISE, "", DISABLED, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_PROTOCOL);
  set_rule(bob, 8, ENTERPRISE, "", DISABLED, enforce);
  assert_int_equal(problem_of(bob), 0);
  assert_closed(s.phone, s.reader, LRM_CODE_POLICY);
  assert_int_equal(CLOSED(s.phone, s.reader)->layer, ENTERPRISE);
  /* An administrator of the enterprise is none of its organizations. */
  set_rule(bob, 9, ORGANIZATION, "other", VIEW, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  set_rule(bob, 10, remote_v1_Layer_LAYER_ACCOUNT, "alice", VIEW, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  set_rule(bob, 11, remote_v1_Layer_LAYER_DEVICE, "alice", VIEW, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  set_rule(bob, 12, 0, "", VIEW, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_PROTOCOL);
  set_rule(bob, 13, ORGANIZATION, "acme", (remote_v1_PolicyValue)9, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_PROTOCOL);
  /* No longer. */
  assert_int_equal(relay_administrator_set(s.bed->relay, "bob", "acme", false, s.bed->wall_ms), 0);
  set_rule(bob, 14, ORGANIZATION, "acme", CONTROL, 0);
  assert_int_equal(problem_of(bob), LRM_CODE_FORBIDDEN);
  testbed_free(s.bed);
}

static void rules_are_listed(void **state) {
  (void)state;
  stage s = stage_open();
  organization(s.bed, "acme", RELAY_POLICY_VIEW);
  organization(s.bed, "other", RELAY_POLICY_CONTROL);
  join(s.bed, "alice", "acme");
  enterprise(s.bed, false, RELAY_POLICY_UNSET);
  assert_int_equal(relay_administrator_set(s.bed->relay, "alice", "other", true, s.bed->wall_ms),
                   0);
  assert_int_equal(relay_administrator_set(s.bed->relay, "alice", NULL, true, s.bed->wall_ms), 0);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 1;
  request.which_call = remote_v1_Request_get_policy_tag;
  peer_request(s.phone, &request);
  static const remote_v1_Layer layers[] = {ENTERPRISE, ORGANIZATION, remote_v1_Layer_LAYER_ACCOUNT};
  assert_int_equal(peer_count(s.phone, LRM_LINK_EVENT_REPLY, 0), 4);
  for (int i = 0; i < 3; i++) {
    assert_true(reply_at(s.phone, i)->more);
    assert_int_equal(reply_at(s.phone, i)->result.policy.rule.layer, layers[i]);
  }
  const remote_v1_Reply *last = reply_at(s.phone, 3);
  assert_false(last->more);
  assert_int_equal(last->result.policy.effective.value, VIEW);
  assert_int_equal(last->result.policy.effective.decided_by, ORGANIZATION);
  assert_non_null(strstr(last->result.policy.effective.explanation, "acme"));
  peer_forget(s.phone);
  request.id = 2;
  request.call.get_policy.administered = true;
  peer_request(s.phone, &request);
  assert_int_equal(peer_count(s.phone, LRM_LINK_EVENT_REPLY, 0), 3);
  assert_int_equal(reply_at(s.phone, 0)->result.policy.rule.layer, ENTERPRISE);
  assert_string_equal(reply_at(s.phone, 1)->result.policy.rule.name, "other");
  assert_string_equal(reply_at(s.phone, 1)->result.policy.rule.changed_by, "operator");
  assert_int_equal(reply_at(s.phone, 2)->which_result, remote_v1_Reply_done_tag);
  peer *bob = peer_connect(s.bed, token_bob, "bob", 1, false);
  request.id = 1;
  request.call.get_policy.administered = false;
  peer_request(bob, &request);
  assert_int_equal(peer_count(bob, LRM_LINK_EVENT_REPLY, 0), 2); /* the account, and the whole */
  assert_int_equal(reply_at(bob, 1)->result.policy.effective.value, CONTROL);
  testbed_free(s.bed);
}

/* Policy is all that an administrator gets. */
static void administrators_see_no_sessions(void **state) {
  (void)state;
  stage s = stage_open();
  organization(s.bed, "acme", RELAY_POLICY_CONTROL);
  join(s.bed, "alice", "acme");
  join(s.bed, "bob", "acme");
  enterprise(s.bed, true, RELAY_POLICY_CONTROL);
  assert_int_equal(relay_administrator_set(s.bed->relay, "bob", "acme", true, s.bed->wall_ms), 0);
  assert_int_equal(relay_administrator_set(s.bed->relay, "bob", NULL, true, s.bed->wall_ms), 0);
  peer *bob = peer_connect(s.bed, token_bob, "bob", 1, false);
  assert_closed(bob, open_read(bob, "s1"), LRM_CODE_NOT_FOUND);
  assert_closed(bob, open_outbox(bob, "s1", "bob", 0, 0), LRM_CODE_NOT_FOUND);
  assert_closed(bob, open_commands(bob, "s1", "", 0, 99), LRM_CODE_NOT_FOUND);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 1;
  request.which_call = remote_v1_Request_list_sessions_tag;
  peer_request(bob, &request);
  assert_int_equal(reply_at(bob, -1)->which_result, remote_v1_Reply_done_tag);
  assert_int_equal(peer_count(bob, LRM_LINK_EVENT_REPLY, 0), 1);
  request.id = 2;
  request.which_call = remote_v1_Request_delete_session_tag;
  lrm_id id = id_of("s1");
  request.call.delete_session.session_id.size = 16;
  memcpy(request.call.delete_session.session_id.bytes, id.bytes, 16);
  peer_request(bob, &request);
  assert_int_equal(problem_of(bob), LRM_CODE_NOT_FOUND);
  assert_int_equal(STATUS(s.host, s.events)->status.attached_total, 2);
  testbed_free(s.bed);
}

static void an_account_is_deleted(void **state) {
  (void)state;
  stage s = stage_open();
  organization(s.bed, "acme", RELAY_POLICY_CONTROL);
  join(s.bed, "alice", "acme");
  assert_int_equal(relay_organization_delete(s.bed->relay, "acme", s.bed->wall_ms), LRM_ERR_STATE);
  assert_int_equal(relay_administrator_set(s.bed->relay, "alice", "acme", true, s.bed->wall_ms), 0);
  peer_publish(s.host, s.events, 0, 1, 0, "secret");
  testbed_run(s.bed);
  peer_command(s.phone, s.outbox, 0, "c1", 2, "e1");
  assert_int_equal(relay_account_delete(s.bed->relay, "alice", s.bed->now_ns, s.bed->wall_ms), 0);
  testbed_run(s.bed);
  assert_int_equal(peer_seen(s.host, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_REVOKED);
  assert_int_equal(peer_seen(s.phone, LRM_LINK_EVENT_GOAWAY, 0, -1)->code, LRM_CODE_REVOKED);
  assert_int_equal(relay_account_delete(s.bed->relay, "alice", s.bed->now_ns, s.bed->wall_ms),
                   LRM_ERR_NOT_FOUND);
  assert_int_equal(relay_organization_delete(s.bed->relay, "acme", s.bed->wall_ms), 0);
  assert_int_equal(relay_stats_now(s.bed->relay).sessions, 0);
  assert_int_equal(relay_stats_now(s.bed->relay).log_bytes, 0);
  assert_int_equal(relay_stats_now(s.bed->relay).devices, 1);
  testbed_restart(s.bed, false);
  peer *again = peer_connect(s.bed, token_alice, "again", 1, false);
  assert_int_equal(peer_seen(again, LRM_LINK_EVENT_REFUSED, 0, -1)->code, LRM_CODE_UNAUTHENTICATED);
  /* Another account of the same name is another account. */
  assert_int_equal(relay_account_add(s.bed->relay, "alice", s.bed->wall_ms), 0);
  assert_int_equal(
      relay_device_add(s.bed->relay, "alice", "new", &device_alice, token_alice, s.bed->wall_ms),
      0);
  testbed_run(s.bed);
  peer *fresh = peer_connect(s.bed, token_alice, "fresh", 1, false);
  assert_closed(fresh, open_read(fresh, "s1"), LRM_CODE_NOT_FOUND);
  testbed_free(s.bed);
}

static void wrong_names(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  relay *r = bed->relay;
  assert_int_equal(relay_organization_add(r, "", 1), LRM_ERR_USAGE);
  assert_int_equal(relay_organization_add(r, "a\tb", 1), LRM_ERR_USAGE);
  assert_int_equal(relay_organization_set(r, "none", RELAY_POLICY_VIEW, 1, 1), LRM_ERR_NOT_FOUND);
  assert_int_equal(relay_organization_delete(r, "none", 1), LRM_ERR_NOT_FOUND);
  assert_int_equal(relay_enterprise_set(r, NULL, true, RELAY_POLICY_VIEW, 1, 1), LRM_ERR_USAGE);
  assert_int_equal(relay_enterprise_set(r, "e", true, RELAY_POLICY_UNSET, 1, 1), LRM_ERR_USAGE);
  assert_int_equal(relay_account_join(r, "alice", "none", 1, 1), LRM_ERR_NOT_FOUND);
  assert_int_equal(relay_account_join(r, "nobody", NULL, 1, 1), LRM_ERR_NOT_FOUND);
  assert_int_equal(relay_administrator_set(r, "alice", NULL, true, 1), LRM_ERR_NOT_FOUND);
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(view_rejects_control_and_names_the_layer),
                                     cmocka_unit_test(disabled_closes_and_comes_back),
                                     cmocka_unit_test(it_is_kept),
                                     cmocka_unit_test(who_may_set_what),
                                     cmocka_unit_test(rules_are_listed),
                                     cmocka_unit_test(administrators_see_no_sessions),
                                     cmocka_unit_test(an_account_is_deleted),
                                     cmocka_unit_test(wrong_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
