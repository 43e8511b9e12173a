/* The two tables of commands, by themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "session/inbox.h"
#include "session/outbox.h"

static const lrm_slice envelope = {(const uint8_t *)"envelope", 8};

static lrm_id id_of(uint32_t n) {
  lrm_id id = {{1}};
  memcpy(id.bytes + 12, &n, sizeof n);
  return id;
}

/* ---- inbox ---- */

static lrm_inbox *inbox;

static int make_inbox(void **state) {
  (void)state;
  lrm_allocator allocator = lrm_allocator_default();
  return lrm__inbox_create(&allocator, &inbox);
}

static int end_inbox(void **state) {
  (void)state;
  lrm__inbox_destroy(inbox);
  return 0;
}

static lrm_inbox_item *receive(uint32_t n, uint64_t at_ms) {
  lrm_id id = id_of(n);
  lrm_inbox_item *item;
  assert_int_equal(lrm__inbox_receive(inbox, &id, envelope, at_ms, &item), 0);
  return item;
}

static void ids_are_taken_once(void **state) {
  (void)state;
  lrm_inbox_item *item = receive(1, 10);
  lrm_id id = id_of(1);
  assert_int_equal(lrm__inbox_receive(inbox, &id, envelope, 11, &item), LRM_ERR_STATE);
  assert_ptr_equal(lrm__inbox_find(inbox, &id), item);
  lrm__inbox_done(inbox, item, 1, 0, 12);
  assert_int_equal(lrm__inbox_receive(inbox, &id, envelope, 13, &item), LRM_ERR_STATE);
  assert_null(lrm__inbox_find(inbox, &id)->envelope);
}

static void pending_ones_come_in_order(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 100; i++) receive(i, i);
  lrm_id middle = id_of(50);
  lrm__inbox_done(inbox, lrm__inbox_find(inbox, &middle), 1, 0, 1);
  uint64_t order = 0;
  for (uint32_t i = 0; i < 100; i++) {
    if (i == 50) continue;
    lrm_inbox_item *item = lrm__inbox_from(inbox, order);
    lrm_id id = id_of(i);
    assert_true(lrm_id_equal(&item->id, &id));
    order = item->order + 1;
  }
  assert_null(lrm__inbox_from(inbox, order));
  assert_int_equal(lrm__inbox_pending(inbox), 99);
}

static void there_is_a_limit_of_pending_ones(void **state) {
  (void)state;
  for (uint32_t i = 0; i < LRM__INBOX_PENDING_MAX; i++) {
    assert_true(lrm__inbox_has_room(inbox, 8));
    receive(i, 0);
  }
  assert_false(lrm__inbox_has_room(inbox, 8));
  lrm__inbox_remove(inbox, lrm__inbox_from(inbox, 0));
  assert_true(lrm__inbox_has_room(inbox, 8));
  assert_false(lrm__inbox_has_room(inbox, LRM__INBOX_PENDING_BYTES_MAX));
}

static void ids_are_kept_a_day_or_4096(void **state) {
  (void)state;
  const uint64_t day = LRM_COMMAND_IDS_KEPT_MS;
  for (uint32_t i = 0; i < 5000; i++) lrm__inbox_done(inbox, receive(i, 0), 1, 0, 1000 + i);
  assert_null(lrm__inbox_forgettable(inbox, 999 + day));
  assert_non_null(lrm__inbox_forgettable(inbox, 1000 + day));
  size_t forgotten = 0;
  lrm_inbox_item *item;
  while ((item = lrm__inbox_forgettable(inbox, 100000 + day)) != NULL) {
    lrm_id id = id_of((uint32_t)forgotten++);
    assert_true(lrm_id_equal(&item->id, &id));
    lrm__inbox_remove(inbox, item);
  }
  assert_int_equal(forgotten, 5000 - LRM_COMMAND_IDS_KEPT_MIN);
}

static void records_restore_all(void **state) {
  (void)state;
  uint8_t *records[300];
  size_t sizes[300];
  for (uint32_t i = 0; i < 300; i++) {
    lrm_inbox_item *item = receive(i, 10 + i);
    item->kind = i % 14;
    if (i % 3 == 1) item->state = LRM_INBOX_STARTED;
    item->queued = i % 6 == 0;
    item->local = i % 12 == 0;
    if (i % 3 == 2) lrm__inbox_done(inbox, item, 1 + i % 6, i, 1000 + i);
    sizes[i] = lrm__inbox_record_bytes(item);
    records[i] = malloc(sizes[i]);
    lrm__inbox_record_write(item, records[i]);
  }
  lrm_inbox *before = inbox;
  make_inbox(NULL);
  for (uint32_t i = 0; i < 300; i++) {
    uint32_t n = (i * 7919 + 13) % 300; /* any order */
    lrm_id id = id_of(n);
    lrm_slice record = {records[n], sizes[n]};
    assert_int_equal(lrm__inbox_record_read(inbox, &id, record), 0);
    assert_int_equal(lrm__inbox_record_read(inbox, &id, record), LRM_ERR_CORRUPT);
  }
  lrm__inbox_loaded(inbox);
  lrm_inbox_item *a = NULL, *b = NULL;
  do {
    a = lrm__inbox_each(before, a);
    b = lrm__inbox_each(inbox, b);
    assert_int_equal(a == NULL, b == NULL);
    if (a == NULL) break;
    assert_true(lrm_id_equal(&a->id, &b->id));
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->at_ms, b->at_ms);
    assert_int_equal(a->queued, b->queued);
    assert_int_equal(a->local, b->local);
    assert_int_equal(a->envelope_bytes, b->envelope_bytes);
  } while (true);
  lrm_id fresh = id_of(1000);
  assert_int_equal(lrm__inbox_receive(inbox, &fresh, envelope, 0, &b), 0);
  assert_int_equal(b->order, 301);
  for (size_t cut = 0; cut < 25; cut++) {
    lrm_id other = id_of(2000);
    assert_int_equal(lrm__inbox_record_read(inbox, &other, (lrm_slice){records[0], cut}),
                     LRM_ERR_CORRUPT);
  }
  for (uint32_t i = 0; i < 300; i++) free(records[i]);
  lrm__inbox_destroy(before);
}

/* ---- outbox ---- */

static lrm_outbox outbox;

static int make_outbox(void **state) {
  (void)state;
  lrm_allocator allocator = lrm_allocator_default();
  lrm__outbox_init(&outbox, &allocator);
  return 0;
}

static int end_outbox(void **state) {
  (void)state;
  lrm__outbox_free(&outbox);
  return 0;
}

static lrm_outbox_entry *add(uint32_t n) {
  lrm_id id = id_of(n), epoch = id_of(900);
  lrm_outbox_entry *entry;
  assert_int_equal(lrm__outbox_add(&outbox, &id, &epoch, envelope, false, &entry), 0);
  return entry;
}

static void done(lrm_outbox_entry *entry) {
  lrm__outbox_outcome(&outbox, entry, 1, 0, 0, NULL, NULL);
}

static void only_a_prefix_is_trimmed(void **state) {
  (void)state;
  lrm_outbox_entry *a = add(0), *b = add(1), *c = add(2);
  done(b);
  assert_int_equal(outbox.first, 0);
  assert_non_null(lrm__outbox_at(&outbox, 1)->payload); /* may have to be sent again */
  done(a);
  assert_int_equal(outbox.first, 2);
  assert_null(lrm__outbox_at(&outbox, 1));
  lrm_id id = id_of(1);
  assert_int_equal(lrm__outbox_find(&outbox, &id)->state, LRM_COMMAND_DONE);
  done(c);
  assert_int_equal(outbox.first, outbox.next);
  assert_int_equal(outbox.pending, 0);
}

static void states_only_go_forward(void **state) {
  (void)state;
  lrm_outbox_entry *entry = add(0);
  lrm_position at = {id_of(5), 7};
  lrm__outbox_sent(&outbox, 0);
  lrm__outbox_stored(&outbox, entry, at);
  lrm__outbox_sent(&outbox, 0);
  assert_int_equal(entry->state, LRM_COMMAND_STORED);
  /* Where it was stored counts no more: it is stored anew, and may be elsewhere. */
  lrm__outbox_delivered(&outbox, (lrm_position){id_of(5), 8});
  assert_int_equal(entry->state, LRM_COMMAND_STORED);
  lrm__outbox_stored(&outbox, entry, at);
  lrm__outbox_delivered(&outbox, at); /* below 7 */
  assert_int_equal(entry->state, LRM_COMMAND_STORED);
  lrm__outbox_delivered(&outbox, (lrm_position){id_of(6), 8});
  assert_int_equal(entry->state, LRM_COMMAND_STORED);
  lrm__outbox_delivered(&outbox, (lrm_position){id_of(5), 8});
  assert_int_equal(entry->state, LRM_COMMAND_DELIVERED);
  done(entry);
  lrm__outbox_outcome(&outbox, entry, 2, 5001, 0, "later", NULL);
  assert_int_equal(entry->outcome, 1);
}

static void the_last_256_are_remembered(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 300; i++) done(add(i));
  lrm_id old = id_of(43), kept = id_of(44);
  assert_null(lrm__outbox_find(&outbox, &old));
  assert_non_null(lrm__outbox_find(&outbox, &kept));
}

static void a_stuck_first_one_stops_at_a_limit(void **state) {
  (void)state;
  add(0);
  for (uint32_t i = 1; i < LRM__OUTBOX_KEPT_MAX; i++) done(add(i));
  lrm_id id = id_of(9999);
  lrm_outbox_entry *entry;
  assert_int_equal(lrm__outbox_add(&outbox, &id, &id, envelope, false, &entry), LRM_ERR_BUSY);
  done(lrm__outbox_at(&outbox, 0));
  assert_int_equal(lrm__outbox_add(&outbox, &id, &id, envelope, false, &entry), 0);
}

static void a_relay_that_is_ahead_moves_the_numbers(void **state) {
  (void)state;
  add(0);
  add(1);
  lrm__outbox_renumber(&outbox, 300);
  assert_int_equal(outbox.first, 300);
  assert_int_equal(outbox.next, 302);
  lrm_id id = id_of(1);
  assert_true(lrm_id_equal(&lrm__outbox_at(&outbox, 301)->id, &id));
}

#define INBOX(name) cmocka_unit_test_setup_teardown(name, make_inbox, end_inbox)
#define OUTBOX(name) cmocka_unit_test_setup_teardown(name, make_outbox, end_outbox)

int main(void) {
  const struct CMUnitTest tests[] = {
      INBOX(ids_are_taken_once),
      INBOX(pending_ones_come_in_order),
      INBOX(there_is_a_limit_of_pending_ones),
      INBOX(ids_are_kept_a_day_or_4096),
      INBOX(records_restore_all),
      OUTBOX(only_a_prefix_is_trimmed),
      OUTBOX(states_only_go_forward),
      OUTBOX(the_last_256_are_remembered),
      OUTBOX(a_stuck_first_one_stops_at_a_limit),
      OUTBOX(a_relay_that_is_ahead_moves_the_numbers),
  };
  return cmocka_run_group_tests_name("inbox", tests, NULL, NULL);
}
