/* Long-poll: a link over exchanges with the relay's core, and what an exchange may hold.
 * docs/spec.md 3.26. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed.h"

/* ---- a link over exchanges ---- */

static void a_host_publishes_and_a_client_reads(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_poll(bed, token_alice, "host", 1, true);
  assert_int_equal(lrm_link_state_now(host->link), LRM_LINK_LIVE);
  uint32_t events = open_publish(host, "s1", "epoch", 0, 7);
  assert_open(host, events);
  peer_publish(host, events, 0, 2, LRM_FLAG_SNAPSHOT | LRM_FLAG_CLEARS_TAIL, "first");
  testbed_pass(bed, 30);
  assert_int_equal(ACKED(host, events)->offset, 2);
  peer *client = peer_poll(bed, token_alice_phone, "client", 1, false);
  uint32_t reads = open_read(client, "s1");
  testbed_pass(bed, 30);
  assert_int_equal(OPENED(client, reads)->opened.next, 0);
  assert_int_equal(peer_count(client, LRM_LINK_EVENT_BLOCK, reads), 1);
  assert_int_equal(peer_count(client, LRM_LINK_EVENT_SYNCED, reads), 1);
  assert_true(STATUS(client, reads)->status.host_attached);
  for (unsigned i = 0; i < 20; i++) {
    peer_publish(host, events, 2 + i, 1, 0, "another");
    testbed_pass(bed, 30);
    testbed_pass(bed, 30);
    assert_int_equal(peer_count(client, LRM_LINK_EVENT_BLOCK, reads), 2 + i);
    assert_int_equal(ACKED(host, events)->offset, 3 + i);
  }
  testbed_free(bed);
}

static void a_command_goes_through_and_is_delivered_once(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_poll(bed, token_alice, "host", 1, true);
  host->self_acks = true;
  uint32_t events = open_publish(host, "s1", "epoch", 0, 7);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 7);
  assert_open(host, commands);
  peer *client = peer_poll(bed, token_alice_phone, "client", 1, false);
  uint32_t reads = open_read(client, "s1");
  uint32_t outbox = open_outbox(client, "s1", "client", 0, 0);
  assert_open(client, outbox);
  for (unsigned i = 0; i < 5; i++) {
    char name[32];
    snprintf(name, sizeof name, "command %u", i);
    peer_command(client, outbox, i, name, remote_v1_CommandClass_COMMAND_CLASS_CONTROL, "epoch");
    for (unsigned pass = 0; pass < 5; pass++) testbed_pass(bed, 30);
    assert_int_equal(peer_count(client, LRM_LINK_EVENT_RECEIPT, outbox), i + 1);
    assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), i + 1);
    assert_int_equal(STATUS(client, reads)->status.commands_delivered, i + 1);
  }
  (void)events;
  testbed_free(bed);
}

static unsigned under_way(const peer *p) {
  return (unsigned)(p->posts[0].number != 0) + (unsigned)(p->posts[1].number != 0);
}

static void who_waits_costs_one_exchange_at_a_time(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_poll(bed, token_alice, "host", 1, true);
  peer *client = peer_poll(bed, token_alice_phone, "client", 1, false);
  peer *other = peer_connect(bed, token_alice_phone, "other", 1, false);
  uint32_t events = open_publish(host, "s1", "epoch", 0, 7);
  peer_publish(host, events, 0, 1, LRM_FLAG_SNAPSHOT | LRM_FLAG_CLEARS_TAIL, "first");
  uint32_t reads = open_read(client, "s1");
  uint32_t watches = open_read(other, "s1");
  testbed_pass(bed, 100);
  testbed_pass(bed, 100);
  size_t statuses = peer_count(other, LRM_LINK_EVENT_LOG_STATUS, watches);
  unsigned posted = client->posted, posted_host = host->posted;
  for (unsigned i = 0; i < 600; i++) testbed_pass(bed, 100); /* a minute */
  assert_int_equal(under_way(client), 1);
  assert_int_equal(under_way(host), 1);
  /* Heartbeats; nothing else. */
  assert_true(client->posted - posted < 20);
  assert_true(host->posted - posted_host < 20);
  /* Nobody came and nobody went. */
  assert_int_equal(peer_count(other, LRM_LINK_EVENT_LOG_STATUS, watches), statuses);
  assert_true(STATUS(other, watches)->status.host_attached);
  (void)reads;
  testbed_free(bed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_host_publishes_and_a_client_reads),
      cmocka_unit_test(a_command_goes_through_and_is_delivered_once),
      cmocka_unit_test(who_waits_costs_one_exchange_at_a_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
