/* Events and commands through commits, restarts and faults: docs/spec.md sections 3 and 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed.h"

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

/* What was read after the copy was made is not in it: the lost epoch is the older one to whoever
 * reads another that this store has never seen. It waits for the host, as with an empty store. */
static void a_restored_store_moves_no_reader_back(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  (void)open_publish(host, "s1", "e0", 0, 10);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  peer_publish(host, events, 0, 1, 0, "kept");
  testbed_run(bed);
  testbed_restart(bed, false);
  assert_int_equal(relay_restored(bed->relay), 0);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t newer = open_read_at(phone, "s1", "e2", 5);
  assert_int_equal(OPENED(phone, newer)->opened.outcome, remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY);
  assert_int_equal(OPENED(phone, newer)->opened.epoch.size, 0);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, newer), 0);
  uint32_t older = open_read_at(phone, "s1", "e0", 0);
  assert_int_equal(OPENED(phone, older)->opened.outcome, remote_v1_OpenOutcome_OPEN_OUTCOME_RESET);
  peer_reconnect(host);
  uint32_t again = open_publish(host, "s1", "e2", 0, 10);
  assert_int_equal(OPENED(host, again)->opened.outcome, remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY);
  assert_closed(phone, newer, LRM_CODE_EPOCH);
  newer = open_read_at(phone, "s1", "e2", 5);
  assert_int_equal(OPENED(phone, newer)->opened.outcome,
                   remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED);
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

/* LOG_STATUS has the epoch of COMMANDS from the beginning, also when nobody reads. */
static void a_lone_host_knows_the_epoch_of_commands(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  testbed_run(bed);
  assert_non_null(STATUS(host, events));
  assert_int_equal(STATUS(host, events)->status.commands_epoch.size, 16);
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
    peer_publish_bytes(host, events, i, i % 12 == 0 ? LRM_FLAG_SNAPSHOT : 0, 20000);
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

/* The relay adds an origin: what it stores may be a longer message than what it got, and a host
 * that cannot read a message has no id to answer to. */
static void a_command_that_no_host_could_read_is_refused(void **state) {
  (void)state;
  static uint8_t data[LRM_MESSAGE_BYTES_MAX + 1024];
  static uint8_t body[LRM_MESSAGE_BYTES_MAX];
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  lrm_envelope envelope = {.command_id = id_of("large"),
                           .command_class = remote_v1_CommandClass_COMMAND_CLASS_CONTROL,
                           .event_epoch = id_of("e1"),
                           .command = {body, sizeof body - 64}};
  size_t written = 0;
  assert_int_equal(lrm_envelope_encode(&envelope, data + 3, sizeof data - 3, &written), 0);
  assert_in_range(written, 1, LRM_MESSAGE_BYTES_MAX); /* as it was sent it was no longer */
  data[0] = (uint8_t)(written | 0x80);
  data[1] = (uint8_t)(written >> 7 | 0x80);
  data[2] = (uint8_t)(written >> 14);
  peer_publish_data(phone, outbox, 0, (lrm_slice){data, written + 3});
  testbed_run(bed);
  assert_int_equal(peer_seen(phone, LRM_LINK_EVENT_RECEIPT, outbox, 0)->code, LRM_CODE_INVALID);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 0);
  peer_command(phone, outbox, 1, "next", 2, "e1");
  testbed_run(bed);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 1);
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(delivers_before_the_commit_and_acknowledges_after),
      cmocka_unit_test(a_failing_disk_acknowledges_nothing_and_recovers),
      cmocka_unit_test(a_restart_goes_on_where_the_commit_was),
      cmocka_unit_test(a_new_epoch_closes_readers_before_it_is_announced),
      cmocka_unit_test(a_restored_store_makes_hosts_begin_anew),
      cmocka_unit_test(a_restored_store_moves_no_reader_back),
      cmocka_unit_test(tails_reach_readers_and_go_with_the_next_clear),
      cmocka_unit_test(a_full_log_is_trimmed_to_its_snapshot),
      cmocka_unit_test(a_reader_below_the_trimmed_part_is_told),
      cmocka_unit_test(a_lone_host_knows_the_epoch_of_commands),
      cmocka_unit_test(a_command_is_committed_receipted_delivered_once),
      cmocka_unit_test(stored_commands_survive_the_relay_and_are_renumbered),
      cmocka_unit_test(a_lost_store_takes_the_outbox_again),
      cmocka_unit_test(only_what_was_in_the_batch_is_set_free),
      cmocka_unit_test(refusals_are_receipts_and_stay_refusals),
      cmocka_unit_test(too_many_waiting_commands_are_refused),
      cmocka_unit_test(an_envelope_that_cannot_be_read_closes_the_channel),
      cmocka_unit_test(a_command_that_no_host_could_read_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
