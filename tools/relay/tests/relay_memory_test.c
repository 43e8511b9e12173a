/* Each allocation of a scene fails, one at a time: nobody is told of what is not stored, nothing is
 * stored twice, nothing leaks, and with memory again everybody comes to the same end. Then the same
 * with several in a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "testbed.h"

enum { BLOCKS = 5, COMMANDS = 3, SCENE_ALLOCATIONS_MAX = 20000 };

/* Fails from the nth allocation on, `row` times. */
typedef struct failing {
  size_t out; /* allocated and not freed */
  unsigned countdown, row, failed;
} failing;

static void *failing_alloc(void *user, size_t bytes) {
  failing *f = user;
  if (f->countdown > 1) {
    f->countdown--;
  } else if (f->countdown == 1) {
    f->failed++;
    if (--f->row == 0) f->countdown = 0;
    return NULL;
  }
  f->out++;
  return malloc(bytes == 0 ? 1 : bytes);
}

static void failing_free(void *user, void *memory) {
  if (memory == NULL) return;
  ((failing *)user)->out--;
  free(memory);
}

/* What was promised before the crash. */
typedef struct promised {
  uint64_t events;       /* acknowledged to the host */
  bool stored[COMMANDS]; /* a receipt said so */
} promised;

static void note_promises(promised *out, const peer *host, const peer *phone) {
  for (size_t i = 0; i < host->seen_count; i++)
    if (host->seen[i].type == LRM_LINK_EVENT_ACKED && host->seen[i].offset > out->events)
      out->events = host->seen[i].offset;
  for (size_t i = 0; i < phone->seen_count; i++) {
    const seen *s = &phone->seen[i];
    if (s->type != LRM_LINK_EVENT_RECEIPT || s->code != 0) continue;
    assert_in_range(s->offset, 0, COMMANDS - 1);
    out->stored[s->offset] = true;
  }
}

static void publish_all(peer *host, uint32_t events, uint64_t from) {
  for (uint64_t i = from; i < BLOCKS; i++) {
    char text[32];
    snprintf(text, sizeof text, "block %u", (unsigned)i);
    peer_publish(host, events, i, 1, i == 2 ? LRM_FLAG_SNAPSHOT : 0, text);
  }
}

static void send_all(peer *phone, uint32_t outbox) {
  static const char *const ids[COMMANDS] = {"c0", "c1", "c2"};
  for (uint64_t i = 0; i < COMMANDS; i++) peer_command(phone, outbox, i, ids[i], 2, "e1");
}

/* One after the other, whatever goes wrong on the way. */
static void play(testbed *bed, peer *host, peer *phone) {
  if (host->connection == NULL) peer_reconnect(host);
  if (phone->connection == NULL) peer_reconnect(phone);
  if (host->connection != NULL) publish_all(host, open_publish(host, "s1", "e1", 0, 10), 0);
  testbed_run(bed);
  if (phone->connection != NULL) (void)open_read(phone, "s1");
  if (phone->connection != NULL) send_all(phone, open_outbox(phone, "s1", "phone", 0, 0));
  testbed_run(bed);
  if (host->connection != NULL) (void)open_commands(host, "s1", "", 0, 10);
  if (phone->connection != NULL) {
    remote_v1_Request list = remote_v1_Request_init_zero;
    list.id = 1;
    list.which_call = remote_v1_Request_list_sessions_tag;
    peer_request(phone, &list);
  }
  testbed_pass(bed, 100);
}

/* With memory again, on what was committed: the end is the same for everybody. */
static void settle(testbed *bed, peer *host, peer *phone, const promised *before) {
  peer_reconnect(host);
  peer_reconnect(phone);
  uint32_t events = open_publish(host, "s1", "e1", BLOCKS, 10);
  assert_open(host, events);
  uint64_t next = OPENED(host, events)->opened.next;
  assert_true(next >= before->events); /* an acknowledgement means stored */
  publish_all(host, events, next);
  testbed_run(bed);
  uint32_t commands = open_commands(host, "s1", "", 0, 10);
  size_t kept = peer_count(host, LRM_LINK_EVENT_BLOCK, commands);
  size_t told = 0;
  for (size_t i = 0; i < COMMANDS; i++) told += before->stored[i];
  assert_true(kept >= told); /* a receipt means stored */
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  send_all(phone, outbox);
  testbed_run(bed);
  testbed_pass(bed, 100);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_RECEIPT, outbox), COMMANDS);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), COMMANDS); /* none twice */
  uint32_t reader = open_read(phone, "s1");
  testbed_run(bed);
  assert_int_equal(peer_count(phone, LRM_LINK_EVENT_BLOCK, reader), BLOCKS);
  for (int i = 0; i < BLOCKS; i++) {
    char text[32];
    snprintf(text, sizeof text, "block %d", i);
    const seen *block = peer_seen(phone, LRM_LINK_EVENT_BLOCK, reader, i);
    assert_int_equal(block->offset, i);
    assert_string_equal((const char *)block->payload, text);
  }
}

/* The scene with `row` failures from the nth allocation on. False: it has fewer allocations. */
static bool fails_at(unsigned nth, unsigned row) {
  failing memory = {0};
  testbed *bed = testbed_open_on((lrm_allocator){failing_alloc, failing_free, &memory});
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  peer_cut(host); /* signing in is part of the scene, too */
  peer_cut(phone);
  memory.countdown = nth;
  memory.row = row;
  promised before = {0};
  play(bed, host, phone);
  bool failed = memory.failed > 0;
  memory.countdown = 0;
  note_promises(&before, host, phone);
  testbed_restart(bed, true);
  settle(bed, host, phone, &before);
  testbed_free(bed);
  assert_int_equal(memory.out, 0);
  return failed;
}

static void each(unsigned row) {
  unsigned nth = 1;
  while (fails_at(nth, row)) {
    nth++;
    assert_true(nth < SCENE_ALLOCATIONS_MAX);
  }
  print_message("%u allocations, %u failing in a row from each\n", nth - 1, row);
  assert_true(nth > 50);
}

static void each_allocation_fails_once(void **state) {
  (void)state;
  each(1);
}

static void several_fail_in_a_row(void **state) {
  (void)state;
  each(7);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_allocation_fails_once),
      cmocka_unit_test(several_fail_in_a_row),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
