/* The relay's rules, one test each: docs/spec.md sections 3, 4, 9, 10 and 14. */
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

#define CLOSED(p, ch) peer_seen(p, LRM_LINK_EVENT_CLOSED, ch, -1)
#define OPENED(p, ch) peer_seen(p, LRM_LINK_EVENT_OPENED, ch, -1)
#define ACKED(p, ch) peer_seen(p, LRM_LINK_EVENT_ACKED, ch, -1)
#define STATUS(p, ch) peer_seen(p, LRM_LINK_EVENT_LOG_STATUS, ch, -1)

static void assert_closed(const peer *p, uint32_t channel, uint32_t code) {
  const seen *closed = CLOSED(p, channel);
  assert_non_null(closed);
  assert_int_equal(closed->code, code);
}

static void assert_open(const peer *p, uint32_t channel) {
  assert_null(CLOSED(p, channel));
  assert_non_null(OPENED(p, channel));
}

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

/* ---- events ---- */

static void delivers_before_the_commit_and_acknowledges_after(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  bed->commits = false;
  peer_publish(host, events, 0, 3, LRM_FLAG_CLEARS_TAIL, "block one");
  peer_publish(host, events, 3, 1, LRM_FLAG_COMPRESSED, "not really deflated");
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, reader), 2);
  const seen *second = peer_seen(phone, LRM_LINK_EVENT_BLOCK, reader, 1);
  assert_int_equal(second->offset, 3);
  assert_int_equal(second->flags, LRM_FLAG_COMPRESSED);
  assert_string_equal((const char *)second->payload, "not really deflated"); /* never decoded */
  testbed_pass(bed, 100);
  assert_null(ACKED(host, events));
  bed->commits = true;
  testbed_run(bed);
  testbed_pass(bed, 30);
  assert_int_equal(ACKED(host, events)->offset, 4);
  testbed_free(bed);
}

static void a_failing_disk_acknowledges_nothing_and_recovers(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  lrm_store_memory_fail(bed->store, LRM_ERR_DISK_FULL, 3);
  peer_publish(host, events, 0, 1, 0, "a");
  peer_command(phone, outbox, 0, "c1", 2, "e1");
  testbed_run(bed);
  assert_int_equal(relay_store_fault(bed->relay), LRM_ERR_DISK_FULL);
  assert_non_null(host->connection);
  assert_null(ACKED(host, events));
  assert_null(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 0));
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, reader), 1);
  for (int i = 0; i < 4; i++) testbed_pass(bed, 100);
  assert_int_equal(relay_store_fault(bed->relay), 0);
  assert_int_equal(ACKED(host, events)->offset, 1);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), 1);
  testbed_free(bed);
}

static void a_restart_goes_on_where_the_commit_was(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  peer_publish(host, events, 0, 1, 0, "a");
  testbed_run(bed);
  bed->commits = false;
  peer_publish(host, events, 1, 1, 0, "b");
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, reader), 2);
  testbed_restart(bed, true);
  bed->commits = true;
  /* The reader is ahead of the relay: it is never set back. */
  peer_reconnect(phone);
  remote_v1_Open open = remote_v1_Open_init_zero;
  lrm_id session = id_of("s1"), epoch = id_of("e1");
  open.session_id.size = open.epoch.size = 16;
  memcpy(open.session_id.bytes, session.bytes, 16);
  memcpy(open.epoch.bytes, epoch.bytes, 16);
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.start = remote_v1_Start_START_RESUME;
  open.next = 2;
  reader = peer_open(phone, &open);
  assert_int_equal(OPENED(phone, reader)->opened.next, 2);
  assert_int_equal(OPENED(phone, reader)->opened.outcome,
                   remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED);
  peer_reconnect(host);
  events = open_publish(host, "s1", "e1", 2, 10);
  assert_int_equal(OPENED(host, events)->opened.next, 1);
  assert_int_equal(OPENED(host, events)->opened.last_writer_generation, 10);
  peer_publish(host, events, 1, 1, 0, "b");
  peer_publish(host, events, 2, 1, 0, "c");
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, reader), 1);
  assert_string_equal((const char *)peer_seen(phone, LRM_LINK_EVENT_BLOCK, reader, 0)->payload,
                      "c");
  testbed_free(bed);
}

static void a_new_epoch_closes_readers_before_it_is_announced(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer_publish(host, events, 0, 1, 0, "old");
  testbed_run(bed);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  bed->commits = false;
  uint32_t again = open_publish(host, "s1", "e2", 0, 10);
  assert_closed(phone, reader, LRM_CODE_EPOCH);
  assert_null(OPENED(host, again)); /* not before it is committed */
  uint32_t early = open_read(phone, "s1");
  assert_null(OPENED(phone, early));
  bed->commits = true;
  testbed_run(bed);
  assert_int_equal(OPENED(host, again)->opened.next, 0);
  lrm_id epoch = id_of("e2");
  assert_memory_equal(OPENED(phone, early)->opened.epoch.bytes, epoch.bytes, 16);
  /* The old one is a former one now. */
  uint32_t former = open_publish(host, "s1", "e1", 1, 10);
  assert_int_equal(OPENED(host, former)->opened.outcome, remote_v1_OpenOutcome_OPEN_OUTCOME_RESET);
  peer_publish(host, former, 1, 1, 0, "must not be spliced");
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, early), 0);
  uint32_t fresh = open_publish(host, "s1", "e3", 0, 10);
  peer_publish(host, fresh, 0, 1, 0, "new");
  testbed_run(bed);
  assert_open(host, fresh);
  assert_int_equal(ACKED(host, fresh)->offset, 1);
  testbed_free(bed);
}

static void a_restored_store_makes_hosts_begin_anew(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer_publish(host, events, 0, 1, 0, "kept");
  testbed_run(bed);
  testbed_restart(bed, false);
  assert_int_equal(relay_restored(bed->relay), 0);
  testbed_restart(bed, false); /* it stays so */
  peer_reconnect(host);
  events = open_publish(host, "s1", "e1", 1, 10);
  assert_int_equal(OPENED(host, events)->opened.outcome, remote_v1_OpenOutcome_OPEN_OUTCOME_RESET);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, reader), 1); /* readable until then */
  uint32_t fresh = open_publish(host, "s1", "e2", 0, 10);
  assert_int_equal(OPENED(host, fresh)->opened.outcome, remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY);
  assert_closed(phone, reader, LRM_CODE_EPOCH);
  testbed_free(bed);
}

static void tails_reach_readers_and_go_with_the_next_clear(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer_publish(host, events, 0, 1, LRM_FLAG_CLEARS_TAIL, "first");
  testbed_run(bed);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  /* The testbed's peers send blocks only: a tail is written by hand. */
  static const char *const texts[] = {"he", "llo", " there"};
  for (uint32_t i = 0; i < 3; i++) {
    assert_int_equal(lrm_link_extend(host->link, events, 1, 1, i + 1, bed->now_ns), 0);
    lrm_link_want want;
    assert_true(lrm_link_wanted(host->link, &want));
    assert_int_equal(want.kind, LRM_WANT_TAIL);
    lrm_frame frame = {.type = LRM_FRAME_TAIL,
                       .offset = 1,
                       .count = i,
                       .payload = {(const uint8_t *)texts[i], strlen(texts[i])}};
    uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
    size_t header_bytes = 0;
    assert_int_equal(lrm_link_block(host->link, events, &frame, header, &header_bytes, bed->now_ns),
                     0);
    memcpy(host->to_relay + host->to_relay_bytes, header, header_bytes);
    host->to_relay_bytes += header_bytes;
    memcpy(host->to_relay + host->to_relay_bytes, texts[i], strlen(texts[i]));
    host->to_relay_bytes += strlen(texts[i]);
    testbed_run(bed);
  }
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_TAIL, reader), 3);
  /* A late reader gets them too. */
  peer *late = peer_connect(bed, token_alice_phone, "late", 1, false);
  uint32_t late_reader = open_read(late, "s1");
  assert_int_equal(peer_count(late, LRM_LINK_EVENT_TAIL, late_reader), 3);
  peer_publish(host, events, 1, 1, LRM_FLAG_CLEARS_TAIL, "hello there");
  testbed_run(bed);
  peer *later = peer_connect(bed, token_alice_phone, "later", 1, false);
  uint32_t later_reader = open_read(later, "s1");
  assert_int_equal(peer_count(later, LRM_LINK_EVENT_TAIL, later_reader), 0);
  assert_int_equal(peer_count(later, LRM_LINK_EVENT_BLOCK, later_reader), 2);
  testbed_free(bed);
}

static void a_full_log_is_trimmed_to_its_snapshot(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  bed->config.log_bytes_max = 100000;
  testbed_restart(bed, false);
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  for (uint64_t i = 0; i < 9; i++) {
    peer_publish_bytes(host, events, i, i == 6 ? LRM_FLAG_SNAPSHOT : 0, 10000);
  }
  testbed_run(bed);
  peer *slow = peer_connect(bed, token_alice_phone, "slow", 1, false);
  slow->deaf = true;
  uint32_t reader = open_read(slow, "s1");
  for (uint64_t i = 9; i < 13; i++) peer_publish_bytes(host, events, i, 0, 10000);
  testbed_run(bed);
  assert_null(CLOSED(host, events));
  peer *fresh = peer_connect(bed, token_alice_phone, "fresh", 1, false);
  uint32_t at = open_read(fresh, "s1");
  assert_int_equal(OPENED(fresh, at)->opened.next, 6);
  assert_int_equal(STATUS(fresh, at)->status.events_first, 6);
  (void)reader;
  testbed_free(bed);
}

static void a_reader_below_the_trimmed_part_is_told(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  bed->config.log_bytes_max = 400000;
  testbed_restart(bed, false);
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer *slow = peer_connect(bed, token_alice_phone, "slow", 1, false);
  uint32_t reader = open_read(slow, "s1");
  slow->deaf = true;
  for (uint64_t i = 0; i < 40; i++) {
    peer_publish_bytes(host, events, i, i == 36 ? LRM_FLAG_SNAPSHOT : 0, 20000);
    testbed_run(bed);
  }
  slow->deaf = false;
  testbed_run(bed);
  assert_closed(slow, reader, LRM_CODE_TRIMMED);
  assert_non_null(slow->connection);
  testbed_free(bed);
}

/* ---- commands ---- */

static lrm_id known_id(const seen *block, lrm_envelope *envelope) {
  size_t at = (block->payload[0] & 0x80) != 0 ? 2 : 1;
  assert_int_equal(lrm_envelope_decode(block->payload + at, block->payload_bytes - at, envelope),
                   0);
  return envelope->command_id;
}

static void a_command_is_committed_receipted_delivered_once(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  bed->commits = false;
  uint64_t sent_ms = bed->wall_ms;
  peer_command(phone, outbox, 0, "command-one", 2, "e1");
  testbed_run(bed);
  testbed_pass(bed, 50);
  assert_null(peer_seen(host, LRM_LINK_EVENT_BLOCK, commands, 0));
  assert_null(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 0));
  assert_null(ACKED(phone, outbox));
  bed->commits = true;
  testbed_run(bed);
  const seen *block = peer_seen(host, LRM_LINK_EVENT_BLOCK, commands, 0);
  assert_non_null(block);
  lrm_envelope envelope;
  lrm_id expected = id_of("command-one");
  lrm_id command_id = known_id(block, &envelope);
  assert_true(lrm_id_equal(&command_id, &expected));
  /* The relay says who sent it, whatever the client wrote. */
  assert_string_equal(envelope.origin.account, "alice");
  assert_string_equal(envelope.origin.device, "phone");
  assert_string_equal(envelope.origin.surface, "test");
  assert_true(lrm_id_equal(&envelope.origin.device_id, &device_alice_phone));
  assert_int_equal(envelope.received_ms, sent_ms);
  const seen *receipt = peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 0);
  assert_int_equal(receipt->receipt.which_result, remote_v1_Receipt_stored_tag);
  assert_int_equal(receipt->receipt.result.stored.offset, 0);
  assert_true(receipt < ACKED(phone, outbox)); /* the RECEIPT stands before the ACK */
  assert_int_equal(ACKED(phone, outbox)->offset, 1);
  assert_int_equal(STATUS(phone, reader)->status.commands_stored, 1);
  assert_int_equal(STATUS(phone, reader)->status.commands_delivered, 0);
  assert_int_equal(lrm_link_ack(host->link, commands, 1, bed->now_ns), 0);
  testbed_run(bed);
  assert_int_equal(STATUS(phone, reader)->status.commands_delivered, 1);
  /* The same id again, at another place of another outbox: receipted, and adds nothing. */
  peer *other = peer_connect(bed, token_alice, "other", 1, false);
  uint32_t others = open_outbox(other, "s1", "other", 7, 7);
  assert_int_equal(OPENED(other, others)->opened.next, 7);
  peer_command(other, others, 7, "command-one", 2, "e1");
  testbed_run(bed);
  receipt = peer_seen(other, LRM_LINK_EVENT_RECEIPT, others, 0);
  assert_int_equal(receipt->offset, 7);
  assert_int_equal(receipt->receipt.result.stored.offset, 0);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 1);
  testbed_free(bed);
}

static void stored_commands_survive_the_relay_and_are_renumbered(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  peer_command(phone, outbox, 0, "c0", 2, "e1");
  peer_command(phone, outbox, 1, "c1", 2, "e1");
  peer_command(phone, outbox, 2, "c2", 2, "e1");
  testbed_run(bed);
  assert_int_equal(lrm_link_ack(host->link, commands, 1, bed->now_ns), 0);
  testbed_pass(bed, 30); /* ACKs are delayed */
  testbed_restart(bed, true);
  /* What the host acknowledged is not sent again; the rest has numbers from 0 in a new epoch. */
  peer_reconnect(host);
  commands = open_commands(host, "s1", "commands-1", 1, 10);
  assert_int_equal(OPENED(host, commands)->opened.outcome,
                   remote_v1_OpenOutcome_OPEN_OUTCOME_RESET);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 2);
  lrm_envelope envelope;
  const seen *first = peer_seen(host, LRM_LINK_EVENT_BLOCK, commands, 0);
  lrm_id command_id = known_id(first, &envelope), expected = id_of("c1");
  assert_int_equal(first->offset, 0);
  assert_true(lrm_id_equal(&command_id, &expected));
  /* The client publishes from first_retained again: all is known, receipts are repeated. */
  peer_reconnect(phone);
  uint32_t reader = open_read(phone, "s1");
  outbox = open_outbox(phone, "s1", "phone", 0, 3);
  assert_int_equal(OPENED(phone, outbox)->opened.next, 3);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), 3);
  const seen *receipt = peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 1);
  lrm_id epoch = id_of("commands-2");
  assert_int_equal(receipt->offset, 1);
  assert_memory_equal(receipt->receipt.result.stored.epoch.bytes, epoch.bytes, 16);
  assert_int_equal(receipt->receipt.result.stored.offset, 0);
  assert_memory_equal(STATUS(phone, reader)->status.commands_epoch.bytes, epoch.bytes, 16);
  assert_int_equal(STATUS(phone, reader)->status.commands_stored, 2);
  /* Trimmed receipts are not repeated. */
  peer_cut(phone);
  peer_reconnect(phone);
  outbox = open_outbox(phone, "s1", "phone", 2, 3);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), 1);
  testbed_free(bed);
}

static void a_lost_store_takes_the_outbox_again(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  bed->commits = false;
  peer_command(phone, outbox, 0, "c0", 2, "e1");
  testbed_run(bed);
  testbed_restart(bed, true);
  bed->commits = true;
  peer_reconnect(phone);
  outbox = open_outbox(phone, "s1", "phone", 0, 1);
  assert_int_equal(OPENED(phone, outbox)->opened.next, 0);
  peer_command(phone, outbox, 0, "c0", 2, "e1");
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), 1);
  testbed_free(bed);
}

/* A batch is at the disk while more arrives: what it does not hold stays unsaid. */
static void only_what_was_in_the_batch_is_set_free(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  bed->commits = false;
  peer_publish(host, events, 0, 1, 0, "a");
  peer_command(phone, outbox, 0, "c0", 2, "e1");
  testbed_run(bed);
  uint64_t first = relay_commit_ticket(bed->relay);
  lrm_batch *batch = testbed_freeze(bed);
  peer_publish(host, events, 1, 1, 0, "b");
  peer_command(phone, outbox, 1, "c1", 2, "e1");
  peer_command(phone, outbox, 2, "c2", 1, NULL); /* refused: its receipt waits all the same */
  testbed_run(bed);
  uint64_t second = relay_commit_ticket(bed->relay);
  assert_false(relay_committed(bed->relay, first));
  testbed_settle(bed, batch);
  testbed_pass(bed, 30);
  assert_true(relay_committed(bed->relay, first));
  assert_false(relay_committed(bed->relay, second));
  assert_int_equal(ACKED(host, events)->offset, 1);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), 1);
  assert_int_equal(ACKED(phone, outbox)->offset, 1);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 1);
  /* Its sender goes before the commit: the command is delivered all the same. */
  peer_cut(phone);
  testbed_commit(bed);
  testbed_pass(bed, 30);
  assert_int_equal(ACKED(host, events)->offset, 2);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 2);
  /* A commit that fails sets nothing free, and what it held is in the next one. */
  peer_publish(host, events, 2, 1, 0, "c");
  testbed_run(bed);
  lrm_store_memory_fail(bed->store, LRM_ERR_DISK_FULL, 1);
  batch = testbed_freeze(bed);
  peer_publish(host, events, 3, 1, 0, "d");
  testbed_run(bed);
  testbed_settle(bed, batch);
  testbed_pass(bed, 30);
  assert_int_equal(ACKED(host, events)->offset, 2);
  testbed_commit(bed);
  testbed_pass(bed, 30);
  assert_int_equal(ACKED(host, events)->offset, 4);
  testbed_free(bed);
}

static void refusals_are_receipts_and_stay_refusals(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  assert_int_equal(
      relay_account_set_ceiling(bed->relay, "alice", RELAY_CEILING_VIEW, bed->now_ns, bed->wall_ms),
      0);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  assert_int_equal(OPENED(phone, outbox)->opened.ceiling, remote_v1_Ceiling_CEILING_VIEW);
  peer_command(phone, outbox, 0, "control", 2, "e1");
  peer_command(phone, outbox, 1, "unspecified", 0, "e1");
  peer_command(phone, outbox, 2, "view", 1, "e1");
  peer_command(phone, outbox, 3, "no-epoch", 1, NULL);
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), 4);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 0)->code,
                   LRM_CODE_COMMAND_POLICY);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 0)->layer,
                   remote_v1_Layer_LAYER_ACCOUNT);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 1)->code,
                   LRM_CODE_COMMAND_POLICY);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 2)->code, 0);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 3)->code, LRM_CODE_INVALID);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 1);
  assert_int_equal(ACKED(phone, outbox)->offset, 4);
  /* The policy changes: what was refused stays refused under its id. */
  assert_int_equal(relay_account_set_ceiling(bed->relay, "alice", RELAY_CEILING_CONTROL,
                                             bed->now_ns, bed->wall_ms),
                   0);
  peer_command(phone, outbox, 4, "control", 2, "e1");
  peer_command(phone, outbox, 5, "control-two", 2, "e1");
  testbed_run(bed);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 4)->code,
                   LRM_CODE_COMMAND_POLICY);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 5)->code, 0);
  /* Disabled: channels close, and nothing opens. */
  assert_int_equal(relay_account_set_ceiling(bed->relay, "alice", RELAY_CEILING_DISABLED,
                                             bed->now_ns, bed->wall_ms),
                   0);
  testbed_run(bed);
  assert_closed(phone, outbox, LRM_CODE_POLICY);
  assert_closed(phone, open_read(phone, "s1"), LRM_CODE_POLICY);
  testbed_free(bed);
}

static void too_many_waiting_commands_are_refused(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  for (uint64_t i = 0; i < 66; i++) {
    char id[17];
    snprintf(id, sizeof id, "command-%u", (unsigned)i);
    peer_command(phone, outbox, i, id, 2, "e1");
    testbed_run(bed);
  }
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 63)->code, 0);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 64)->code, LRM_CODE_TOO_MANY);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 65)->code, LRM_CODE_TOO_MANY);
  assert_int_equal(ACKED(phone, outbox)->offset, 66);
  /* The host reads some: there is room again. */
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 64);
  assert_int_equal(lrm_link_ack(host->link, commands, 10, bed->now_ns), 0);
  testbed_run(bed);
  peer_command(phone, outbox, 66, "one-more", 2, "e1");
  testbed_run(bed);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 66)->code, 0);
  testbed_free(bed);
}

static void an_envelope_that_cannot_be_read_closes_the_channel(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  peer_publish(phone, outbox, 0, 1, 0, "\x03zzz");
  testbed_run(bed);
  assert_closed(phone, outbox, LRM_CODE_DECODE);
  assert_non_null(phone->connection);
  outbox = open_outbox(phone, "s1", "phone", 0, 0);
  peer_publish(phone, outbox, 0, 2, 0,
               "\x01"
               "a\x01"
               "b");
  testbed_run(bed);
  assert_closed(phone, outbox, LRM_CODE_DECODE);
  /* An outbox that is not this link's. */
  assert_closed(phone, open_outbox(phone, "s1", "somebody", 0, 0), LRM_CODE_PROTOCOL);
  testbed_free(bed);
}

/* ---- presence, INFO, lists ---- */

static void presence_states_facts(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  uint64_t attached_ms = bed->wall_ms;
  testbed_pass(bed, 5000);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  const remote_v1_LogStatus *status = &STATUS(phone, reader)->status;
  assert_true(status->host_attached);
  assert_int_equal(status->host_since_ms, attached_ms);
  assert_true(status->host_heard_ms <= bed->wall_ms && status->host_heard_ms >= attached_ms);
  assert_int_equal(status->attached_total, 2);
  assert_int_equal(status->ceiling, remote_v1_Ceiling_CEILING_CONTROL);
  /* The host sees who watches. */
  assert_int_equal(STATUS(host, events)->status.attached_total, 2);
  bool found = false;
  for (pb_size_t i = 0; i < STATUS(host, events)->status.attached_count; i++) {
    const remote_v1_AttachedDevice *device = &STATUS(host, events)->status.attached[i];
    if (strcmp(device->name, "phone") == 0) {
      found = true;
      assert_int_equal(device->role, remote_v1_Role_ROLE_CLIENT);
    }
  }
  assert_true(found);
  peer_forget(phone);
  testbed_pass(bed, 1000);
  uint64_t left_ms = bed->wall_ms;
  peer_cut(host);
  testbed_run(bed);
  assert_false(STATUS(phone, reader)->status.host_attached);
  assert_int_equal(STATUS(phone, reader)->status.host_since_ms, left_ms);
  assert_int_equal(STATUS(phone, reader)->status.attached_total, 1);
  testbed_free(bed);
}

static void a_silent_host_is_found_out_sooner_while_watched(void **state) {
  (void)state;
  for (int watched = 0; watched < 2; watched++) {
    testbed *bed = testbed_open();
    peer *host = peer_connect(bed, token_alice, "host", 1, true);
    open_publish(host, "s1", "e1", 0, 10);
    if (watched != 0) {
      peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
      open_read(phone, "s1");
    }
    /* Its bytes do not arrive any more, in either direction. */
    lrm_link *link = relay_connection_link(host->connection);
    unsigned seconds = 0;
    for (bool silent = false; !silent && seconds < 60; seconds++) {
      bed->now_ns += 1000000000;
      bed->wall_ms += 1000;
      lrm_link_expire(link, bed->now_ns);
      uint8_t sink[8192];
      size_t written = 0;
      assert_int_equal(lrm_link_outgoing(link, sink, sizeof sink, &written, bed->now_ns), 0);
      lrm_link_event event;
      while (lrm_link_next_event(link, &event)) {
        silent = silent || event.type == LRM_LINK_EVENT_SILENT;
        relay_event(host->connection, &event, bed->now_ns, bed->wall_ms);
      }
    }
    assert_in_range(seconds, watched != 0 ? 9 : 24, watched != 0 ? 12 : 28);
    testbed_free(bed);
  }
}

static lrm_slice send_info(peer *host, uint32_t channel, const char *title) {
  static uint8_t info[64];
  info[0] = 0x0a;
  info[1] = (uint8_t)strlen(title);
  memcpy(info + 2, title, strlen(title));
  lrm_slice slice = {info, 2 + strlen(title)};
  assert_int_equal(
      lrm_link_send_info(host->link, channel, slice.data, slice.bytes, host->bed->now_ns), 0);
  testbed_run(host->bed);
  return slice;
}

static remote_v1_Reply *reply_of(const seen *s) {
  static remote_v1_Reply reply;
  memset(&reply, 0, sizeof reply);
  pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
  assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
  return &reply;
}

static void info_is_kept_and_forwarded(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_INFO, reader), 0);
  lrm_slice info = send_info(host, events, "first");
  info = send_info(host, events, "second");
  const seen *got = peer_seen(phone, LRM_LINK_EVENT_INFO, reader, -1);
  assert_int_equal(got->payload_bytes, info.bytes);
  assert_memory_equal(got->payload, info.data, info.bytes);
  testbed_restart(bed, true);
  peer_reconnect(phone);
  reader = open_read(phone, "s1");
  assert_memory_equal(peer_seen(phone, LRM_LINK_EVENT_INFO, reader, 0)->payload, info.data,
                      info.bytes);
  testbed_free(bed);
}

static void lists_newest_activity_first_and_watches(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  static const char *const names[] = {"s1", "s2", "s3"};
  uint32_t channels[3];
  for (int i = 0; i < 3; i++) {
    channels[i] = open_publish(host, names[i], "e1", 0, 10);
    testbed_pass(bed, 10000);
  }
  peer_publish(host, channels[0], 0, 1, 0, "activity");
  testbed_run(bed);
  peer *bobs = peer_connect(bed, token_bob, "bobs", 1, true);
  open_publish(bobs, "b1", "e1", 0, 1);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 5;
  request.which_call = remote_v1_Request_list_sessions_tag;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 4);
  static const char *const order[] = {"s1", "s3", "s2"};
  for (int i = 0; i < 3; i++) {
    remote_v1_Reply *reply = reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, i));
    lrm_id id = id_of(order[i]);
    assert_true(reply->more);
    assert_memory_equal(reply->result.session.session_id.bytes, id.bytes, 16);
    assert_true(reply->result.session.has_description);
    assert_true(reply->result.session.status.host_attached);
  }
  assert_false(reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 3))->more);
  /* A watch goes on. */
  peer_forget(phone);
  request.id = 6;
  request.which_call = remote_v1_Request_watch_sessions_tag;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 4);
  remote_v1_Reply *reply = reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 3));
  assert_int_equal(reply->which_result, remote_v1_Reply_done_tag);
  assert_true(reply->more);
  send_info(host, channels[1], "a new title");
  reply = reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, -1));
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 5);
  assert_string_equal(reply->result.session.info.title, "a new title");
  peer_cut(host);
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 8);
  assert_false(
      reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, -1))->result.session.status.host_attached);
  /* A new session of bob's is none of her business. */
  open_publish(bobs, "b2", "e1", 0, 1);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 8);
  request.id = 7;
  request.which_call = remote_v1_Request_cancel_tag;
  request.call.cancel.request_id = 6;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 10);
  testbed_free(bed);
}

static void long_lists_wait_for_room(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  for (int i = 0; i < 60; i++) {
    char name[16];
    snprintf(name, sizeof name, "session-%d", i);
    open_publish(host, name, "e1", 0, 10);
    testbed_pass(bed, 1000);
  }
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 1;
  request.which_call = remote_v1_Request_list_sessions_tag;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 61);
  request.id = 2;
  request.call.list_sessions.limit = 10;
  peer_request(phone, &request);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_REPLY, 0), 72);
  testbed_free(bed);
}

static void deleting_leaves_a_tombstone(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer_publish(host, events, 0, 1, 0, "a");
  testbed_run(bed);
  remote_v1_Request request = remote_v1_Request_init_zero;
  lrm_id id = id_of("s1");
  request.id = 1;
  request.which_call = remote_v1_Request_delete_session_tag;
  request.call.delete_session.session_id.size = 16;
  memcpy(request.call.delete_session.session_id.bytes, id.bytes, 16);
  /* Not by another account. */
  peer *bob = peer_connect(bed, token_bob, "bob", 1, false);
  peer_request(bob, &request);
  assert_int_equal(reply_of(peer_seen(bob, LRM_LINK_EVENT_REPLY, 0, 0))->result.problem.code,
                   LRM_CODE_NOT_FOUND);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t reader = open_read(phone, "s1");
  bed->commits = false;
  peer_request(phone, &request);
  assert_closed(host, events, LRM_CODE_NOT_FOUND);
  assert_closed(phone, reader, LRM_CODE_NOT_FOUND);
  assert_null(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 0)); /* not before it is committed */
  bed->commits = true;
  testbed_run(bed);
  assert_int_equal(reply_of(peer_seen(phone, LRM_LINK_EVENT_REPLY, 0, 0))->which_result,
                   remote_v1_Reply_done_tag);
  assert_closed(host, open_publish(host, "s1", "e1", 1, 11), LRM_CODE_NOT_FOUND);
  testbed_restart(bed, true);
  peer_reconnect(host);
  assert_closed(host, open_publish(host, "s1", "e1", 1, 11), LRM_CODE_NOT_FOUND);
  assert_open(host, open_publish(host, "s2", "e1", 0, 11));
  testbed_free(bed);
}

static void devices_are_listed_and_revoked_by_call(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *laptop = peer_connect(bed, token_alice, "laptop", 1, false);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.id = 1;
  request.which_call = remote_v1_Request_list_devices_tag;
  peer_request(laptop, &request);
  assert_int_equal(peer_count(laptop, LRM_LINK_EVENT_REPLY, 0), 3);
  request.id = 2;
  request.which_call = remote_v1_Request_revoke_device_tag;
  request.call.revoke_device.device_id.size = 16;
  memcpy(request.call.revoke_device.device_id.bytes, device_bob.bytes, 16);
  peer_request(laptop, &request); /* not hers */
  assert_int_equal(reply_of(peer_seen(laptop, LRM_LINK_EVENT_REPLY, 0, -1))->result.problem.code,
                   LRM_CODE_NOT_FOUND);
  request.id = 3;
  memcpy(request.call.revoke_device.device_id.bytes, device_alice_phone.bytes, 16);
  peer_request(laptop, &request);
  assert_null(phone->connection);
  assert_int_equal(reply_of(peer_seen(laptop, LRM_LINK_EVENT_REPLY, 0, -1))->which_result,
                   remote_v1_Reply_done_tag);
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
  assert_int_equal(relay_prune(bed->relay, bed->wall_ms), 0);
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
      cmocka_unit_test(delivers_before_the_commit_and_acknowledges_after),
      cmocka_unit_test(a_failing_disk_acknowledges_nothing_and_recovers),
      cmocka_unit_test(a_restart_goes_on_where_the_commit_was),
      cmocka_unit_test(a_new_epoch_closes_readers_before_it_is_announced),
      cmocka_unit_test(a_restored_store_makes_hosts_begin_anew),
      cmocka_unit_test(tails_reach_readers_and_go_with_the_next_clear),
      cmocka_unit_test(a_full_log_is_trimmed_to_its_snapshot),
      cmocka_unit_test(a_reader_below_the_trimmed_part_is_told),
      cmocka_unit_test(a_command_is_committed_receipted_delivered_once),
      cmocka_unit_test(stored_commands_survive_the_relay_and_are_renumbered),
      cmocka_unit_test(a_lost_store_takes_the_outbox_again),
      cmocka_unit_test(only_what_was_in_the_batch_is_set_free),
      cmocka_unit_test(refusals_are_receipts_and_stay_refusals),
      cmocka_unit_test(too_many_waiting_commands_are_refused),
      cmocka_unit_test(an_envelope_that_cannot_be_read_closes_the_channel),
      cmocka_unit_test(presence_states_facts),
      cmocka_unit_test(a_silent_host_is_found_out_sooner_while_watched),
      cmocka_unit_test(info_is_kept_and_forwarded),
      cmocka_unit_test(lists_newest_activity_first_and_watches),
      cmocka_unit_test(long_lists_wait_for_room),
      cmocka_unit_test(deleting_leaves_a_tombstone),
      cmocka_unit_test(devices_are_listed_and_revoked_by_call),
      cmocka_unit_test(a_client_that_stops_reading_costs_no_more),
      cmocka_unit_test(connections_and_sessions_are_limited),
      cmocka_unit_test(draining_spreads_the_return),
      cmocka_unit_test(forgets_what_is_old),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
