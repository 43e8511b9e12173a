/* The same cases over every implementation of the store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/store_kit.h"

#define SPACE 9u

static const lrm_id none = {{0}};

static lrm_log *started(store_kit *kit, unsigned session, uint32_t kind) {
  lrm_log *log = kit_log(kit, session, kind);
  lrm_id epoch = kit_id(100 + session);
  assert_ok(lrm_log_restart(log, &epoch));
  return log;
}

static uint64_t end_of(lrm_log *log) { return lrm_log_facts_now(log).end; }

/* ---- logs ---- */

static void finds_and_makes_logs(void **state) {
  store_kit *kit = *state;
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  lrm_log *log = NULL, *same = NULL;
  assert_int_equal(lrm_store_log(kit->store, &key, false, &log), LRM_ERR_NOT_FOUND);
  assert_null(log);
  assert_false(lrm_store_dirty(kit->store));
  assert_ok(lrm_store_log(kit->store, &key, true, &log));
  assert_ok(lrm_store_log(kit->store, &key, false, &same));
  assert_ptr_equal(log, same);
  lrm_log_facts facts = lrm_log_facts_now(log);
  assert_memory_equal(&facts.epoch, &none, sizeof none);
  assert_int_equal(facts.end, 0);
  assert_true(facts.snapshot == LRM_OFFSET_NONE && facts.clears_tail == LRM_OFFSET_NONE);
  kit_commit(kit);
  kit_reopen(kit);
  assert_ok(lrm_store_log(kit->store, &key, false, &log));
}

static void keeps_logs_apart(void **state) {
  store_kit *kit = *state;
  lrm_log *events = started(kit, 1, KIT_EVENTS);
  lrm_log *commands = started(kit, 1, KIT_COMMANDS);
  lrm_log *other = started(kit, 2, KIT_EVENTS);
  lrm_log_key foreign = kit_key(1, KIT_EVENTS);
  foreign.account = UINT64_MAX;
  lrm_log *far = NULL;
  assert_ok(lrm_store_log(kit->store, &foreign, true, &far));
  assert_ok(kit_append(events, 0, 3, 5));
  assert_ok(kit_append(commands, 0, 1, 0));
  kit_commit(kit);
  assert_int_equal(end_of(events), 3);
  assert_int_equal(end_of(commands), 1);
  assert_int_equal(end_of(other), 0);
  assert_int_equal(end_of(far), 0);
}

typedef struct listed {
  unsigned sessions[16];
  unsigned count, stop_at;
} listed;

static bool list(void *user, const lrm_log_key *key) {
  listed *all = user;
  all->sessions[all->count++] = key->session_id.bytes[15];
  return all->count != all->stop_at;
}

static bool lists(const listed *all, unsigned session) {
  for (unsigned i = 0; i < all->count; i++)
    if (all->sessions[i] == session) return true;
  return false;
}

static void lists_logs(void **state) {
  store_kit *kit = *state;
  for (unsigned i = 1; i <= 3; i++) started(kit, i, KIT_EVENTS);
  kit_commit(kit);
  started(kit, 4, KIT_EVENTS);
  lrm_log_key gone = kit_key(2, KIT_EVENTS);
  assert_ok(lrm_store_delete_log(kit->store, &gone));
  listed all = {.stop_at = 0};
  assert_ok(lrm_store_each_log(kit->store, list, &all));
  assert_int_equal(all.count, 3);
  assert_true(lists(&all, 1) && lists(&all, 3) && lists(&all, 4));
  listed one = {.stop_at = 1};
  assert_ok(lrm_store_each_log(kit->store, list, &one));
  assert_int_equal(one.count, 1);
}

static void deletes_logs(void **state) {
  store_kit *kit = *state;
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 3, 5));
  kit_commit(kit);
  assert_ok(lrm_store_delete_log(kit->store, &key));
  assert_int_equal(lrm_store_log(kit->store, &key, false, &log), LRM_ERR_NOT_FOUND);
  assert_int_equal(lrm_store_delete_log(kit->store, &key), LRM_ERR_NOT_FOUND);
  kit_reopen(kit); /* not committed: it is still there */
  log = kit_log(kit, 1, KIT_EVENTS);
  kit_expect_range(log, 0, 3);
  assert_ok(lrm_store_delete_log(kit->store, &key));
  log = started(kit, 1, KIT_EVENTS); /* the same key again, in the same batch */
  assert_ok(kit_append(log, 0, 1, 6));
  kit_commit(kit);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), 1);
  assert_false(lrm_log_knows_writer(log, 5));
  assert_ok(lrm_store_delete_log(kit->store, &key));
  kit_commit(kit);
  kit_reopen(kit);
  assert_int_equal(lrm_store_log(kit->store, &key, false, &log), LRM_ERR_NOT_FOUND);
}

/* ---- append and read ---- */

static void appends_and_reads(void **state) {
  store_kit *kit = *state;
  lrm_log *log = kit_log(kit, 1, KIT_EVENTS);
  lrm_block block = kit_block(0, 1, 10);
  assert_int_equal(lrm_log_append(log, &block), LRM_ERR_STATE);
  log = started(kit, 1, KIT_EVENTS);
  block = kit_block(0, 4, 1000);
  block.flags = LRM_FLAG_COMPRESSED | LRM_FLAG_CLEARS_TAIL;
  block.inflated_bytes = 4000;
  block.writer_generation = 77;
  assert_ok(lrm_log_append(log, &block));
  for (int round = 0; round < 3; round++) { /* not durable, durable, opened again */
    lrm_block read;
    for (uint64_t at = 0; at < 4; at++) {
      assert_ok(lrm_log_read(log, at, &read));
      assert_int_equal(read.offset, 0);
      assert_int_equal(read.count, 4);
      assert_int_equal(read.flags, LRM_FLAG_COMPRESSED | LRM_FLAG_CLEARS_TAIL);
      assert_int_equal(read.inflated_bytes, 4000);
      assert_int_equal(read.writer_generation, 77);
      assert_int_equal(read.payload.bytes, 1000);
      block = kit_block(0, 4, 1000);
      assert_memory_equal(read.payload.data, block.payload.data, 1000);
    }
    assert_int_equal(lrm_log_read(log, 4, &read), LRM_ERR_NOT_FOUND);
    lrm_log_facts facts = lrm_log_facts_now(log);
    assert_int_equal(facts.first, 0);
    assert_int_equal(facts.end, 4);
    assert_int_equal(facts.durable, round == 0 ? 0 : 4);
    assert_int_equal(facts.clears_tail, 4);
    assert_int_equal(facts.bytes, 1000);
    assert_int_equal(facts.last_writer_generation, 77);
    if (round == 0) kit_commit(kit);
    if (round == 1) kit_reopen(kit);
    log = kit_log(kit, 1, KIT_EVENTS);
  }
}

static void refuses_wrong_blocks(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 10, 2, 1)); /* nothing kept: any offset */
  assert_int_equal(lrm_log_facts_now(log).first, 10);
  static const struct {
    uint64_t offset;
    uint32_t count, flags, part, parts;
    size_t bytes;
    int error;
  } cases[] = {
      {11, 1, 0, 0, 0, 1, LRM_ERR_POSITION},
      {13, 1, 0, 0, 0, 1, LRM_ERR_POSITION},
      {0, 1, 0, 0, 0, 1, LRM_ERR_POSITION},
      {12, 0, 0, 0, 0, 1, LRM_ERR_USAGE},
      {12, 1, LRM_FLAG_SNAPSHOT, 0, 0, 1, LRM_ERR_USAGE},
      {12, 1, LRM_FLAG_SNAPSHOT, 2, 1, 1, LRM_ERR_USAGE},
      {12, 1, 0, 0, 0, 256 * 1024, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lrm_block block = kit_block(cases[i].offset, cases[i].count, cases[i].bytes);
    block.flags = cases[i].flags;
    block.part = cases[i].part;
    block.parts = cases[i].parts;
    assert_int_equal(lrm_log_append(log, &block), cases[i].error);
  }
  lrm_block block = kit_block(13, 1, 1);
  block.payload.bytes = 256 * 1024 + 1;
  assert_int_equal(lrm_log_append(log, &block), LRM_ERR_TOO_LARGE);
  assert_int_equal(end_of(log), 13);
  lrm_log *edge = started(kit, 2, KIT_EVENTS);
  block = kit_block(LRM_OFFSET_MAX - 1, 2, 1);
  assert_int_equal(lrm_log_append(edge, &block), LRM_ERR_POSITION);
  block = kit_block(LRM_OFFSET_MAX - 1, 1, 1);
  assert_ok(lrm_log_append(edge, &block));
  kit_commit(kit);
}

static void reads_long_logs(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  uint64_t end = 0;
  for (unsigned i = 0; i < 400; i++) {
    uint32_t count = 1 + i % 7;
    assert_ok(kit_append(log, end, count, 1));
    end += count;
    if (i % 50 == 49) kit_commit(kit);
  }
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), end);
  kit_expect_range(log, 0, end);
  /* Two readers in turns, and one that jumps. */
  for (uint64_t at = 0; at < end / 2; at += 3) {
    kit_expect_range(log, at, at + 1);
    kit_expect_range(log, end / 2 + at, end / 2 + at + 1);
    kit_expect_range(log, at * 7919 % end, at * 7919 % end + 1);
  }
}

/* ---- restart, former epochs, writers ---- */

static void restarts(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  lrm_id first = kit_id(101), second = kit_id(500), third = kit_id(501);
  assert_ok(kit_append(log, 0, 3, 5));
  assert_ok(kit_append_part(log, 3, 1, 1));
  kit_commit(kit);
  assert_ok(lrm_log_restart(log, &second));
  assert_true(lrm_log_former(log, &first));
  assert_false(lrm_log_former(log, &second));
  lrm_log_facts facts = lrm_log_facts_now(log);
  assert_true(lrm_id_equal(&facts.epoch, &second));
  assert_int_equal(facts.end, 0);
  assert_int_equal(facts.durable, 0);
  assert_int_equal(facts.bytes, 0);
  assert_true(facts.snapshot == LRM_OFFSET_NONE);
  assert_int_equal(facts.last_writer_generation, 0);
  assert_int_equal(lrm_log_restart(log, &first), LRM_ERR_USAGE);
  assert_int_equal(lrm_log_restart(log, &second), LRM_ERR_USAGE);
  assert_int_equal(lrm_log_restart(log, &none), LRM_ERR_USAGE);
  assert_ok(kit_append(log, 0, 2, 6));
  kit_commit(kit);
  assert_ok(lrm_log_restart(log, &third));
  kit_reopen(kit); /* the third epoch was not committed */
  log = kit_log(kit, 1, KIT_EVENTS);
  facts = lrm_log_facts_now(log);
  assert_true(lrm_id_equal(&facts.epoch, &second));
  assert_int_equal(facts.end, 2);
  kit_expect_range(log, 0, 2);
  assert_true(lrm_log_former(log, &first));
  assert_false(lrm_log_former(log, &second) || lrm_log_former(log, &third));
  assert_int_equal(lrm_log_writer_of(log, 1), 6);
  assert_false(lrm_log_knows_writer(log, 5));
}

static void restarts_with_a_batch_out(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 3, 5));
  lrm_batch *batch;
  assert_ok(lrm_store_freeze(kit->store, &batch));
  lrm_id second = kit_id(500);
  assert_ok(lrm_log_restart(log, &second));
  assert_ok(kit_append(log, 0, 2, 6));
  assert_ok(lrm_store_settle(kit->store, batch, lrm_batch_write(batch)));
  lrm_log_facts facts = lrm_log_facts_now(log);
  assert_int_equal(facts.durable, 0); /* what was committed lies on the old line */
  assert_int_equal(facts.end, 2);
  kit_expect_range(log, 0, 2);
  kit_commit(kit);
  assert_int_equal(lrm_log_facts_now(log).durable, 2);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  kit_expect_range(log, 0, 2);
  assert_int_equal(end_of(log), 2);
}

static void remembers_writers(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 2, 10));
  assert_ok(kit_append(log, 2, 2, 10));
  assert_ok(kit_append(log, 4, 3, 20));
  assert_ok(kit_append_part(log, 7, 1, 1)); /* generation 0 */
  assert_ok(kit_append(log, 8, 1, 30));
  kit_commit(kit);
  assert_ok(lrm_log_trim(log, 7));
  kit_commit(kit);
  for (int round = 0; round < 2; round++) {
    static const uint64_t writers[] = {10, 10, 10, 10, 20, 20, 20, 0, 30, 0};
    for (uint64_t at = 0; at < 10; at++) assert_int_equal(lrm_log_writer_of(log, at), writers[at]);
    assert_true(lrm_log_knows_writer(log, 10) && lrm_log_knows_writer(log, 20));
    assert_false(lrm_log_knows_writer(log, 11) || lrm_log_knows_writer(log, 0));
    assert_int_equal(lrm_log_facts_now(log).last_writer_generation, 30);
    kit_reopen(kit);
    log = kit_log(kit, 1, KIT_EVENTS);
  }
}

static void skips(void **state) {
  store_kit *kit = *state;
  lrm_log *log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(lrm_log_skip(log, 5), LRM_ERR_STATE);
  log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 5, 10));
  kit_commit(kit);
  assert_int_equal(lrm_log_skip(log, 5), LRM_ERR_POSITION);
  assert_ok(lrm_log_skip(log, 50));
  lrm_log_facts facts = lrm_log_facts_now(log);
  assert_int_equal(facts.first, 50);
  assert_int_equal(facts.end, 50);
  assert_int_equal(facts.bytes, 0);
  assert_int_equal(facts.last_writer_generation, 0); /* nobody here knows who wrote 49 */
  lrm_block block;
  assert_int_equal(lrm_log_read(log, 4, &block), LRM_ERR_TRIMMED);
  assert_int_equal(lrm_log_read(log, 50, &block), LRM_ERR_NOT_FOUND);
  assert_int_equal(kit_append(log, 49, 1, 10), LRM_ERR_POSITION);
  assert_ok(kit_append_part(log, 50, 1, 1));
  assert_ok(kit_append(log, 51, 2, 10));
  kit_commit(kit);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  facts = lrm_log_facts_now(log);
  assert_int_equal(facts.first, 50);
  assert_int_equal(facts.durable, 53);
  assert_int_equal(facts.snapshot, 50);
  assert_int_equal(facts.last_writer_generation, 10);
  assert_int_equal(lrm_log_writer_of(log, 20), 0);
  kit_expect_range(log, 50, 53);
}

/* ---- snapshots and trim ---- */

static void follows_snapshot_sets(void **state) {
  store_kit *kit = *state;
  /* part 0: an ordinary block. Each step: what the newest complete set is after it. */
  static const struct {
    uint32_t part, parts;
    uint64_t snapshot, snapshot_end;
  } steps[] = {
      {0, 0, LRM_OFFSET_NONE, LRM_OFFSET_NONE},
      {1, 2, LRM_OFFSET_NONE, LRM_OFFSET_NONE},
      {2, 2, 1, 3},
      {0, 0, 1, 3},
      {2, 2, 1, 3}, /* no part 1 */
      {1, 3, 1, 3},
      {2, 3, 1, 3},
      {1, 2, 1, 3}, /* voids the unfinished set */
      {3, 3, 1, 3},
      {1, 2, 1, 3},
      {2, 3, 1, 3}, /* another set's part */
      {1, 2, 1, 3},
      {0, 0, 1, 3}, /* parts are consecutive */
      {2, 2, 1, 3},
      {1, 1, 14, 15},
      {1, 2, 14, 15},
      {2, 2, 15, 17},
      {0, 0, 15, 17},
  };
  for (int reopening = 0; reopening < 2; reopening++) {
    lrm_log *log = started(kit, 1 + (unsigned)reopening, KIT_EVENTS);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
      if (steps[i].part == 0)
        assert_ok(kit_append(log, i, 1, 0));
      else
        assert_ok(kit_append_part(log, i, steps[i].part, steps[i].parts));
      if (reopening) {
        kit_commit(kit);
        kit_reopen(kit);
        log = kit_log(kit, 2, KIT_EVENTS);
      }
      lrm_log_facts facts = lrm_log_facts_now(log);
      assert_int_equal(facts.snapshot, steps[i].snapshot);
      assert_int_equal(facts.snapshot_end, steps[i].snapshot_end);
    }
  }
}

static void trims_events_to_complete_sets(void **state) {
  store_kit *kit = *state;
  for (int committed = 0; committed < 2; committed++) {
    lrm_log *log = started(kit, 1 + (unsigned)committed, KIT_EVENTS);
    assert_ok(kit_append(log, 0, 3, 1));
    assert_int_equal(lrm_log_trim(log, 3), LRM_ERR_POSITION);
    assert_ok(kit_append_part(log, 3, 1, 2));
    assert_ok(kit_append_part(log, 4, 2, 2));
    assert_ok(kit_append_part(log, 5, 1, 2)); /* voided */
    assert_ok(kit_append_part(log, 6, 1, 1));
    assert_ok(kit_append(log, 7, 5, 1));
    assert_ok(kit_append_part(log, 12, 1, 2)); /* unfinished */
    if (committed) kit_commit(kit);
    static const uint64_t never[] = {1, 2, 4, 5, 7, 8, 12, 13, 14};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
      assert_int_equal(lrm_log_trim(log, never[i]), LRM_ERR_POSITION);
    assert_int_equal(lrm_log_facts_now(log).first, 0);
    uint64_t bytes = lrm_log_facts_now(log).bytes;
    assert_ok(lrm_log_trim(log, 0));
    assert_ok(lrm_log_trim(log, 3)); /* an older complete set */
    lrm_log_facts facts = lrm_log_facts_now(log);
    assert_int_equal(facts.first, 3);
    assert_int_equal(facts.bytes, bytes - 0);
    assert_ok(lrm_log_trim(log, 6));
    facts = lrm_log_facts_now(log);
    assert_int_equal(facts.first, 6);
    assert_int_equal(facts.bytes, bytes - 3 * 977 - 4 * 977 - 5 * 977);
    lrm_block block;
    assert_int_equal(lrm_log_read(log, 5, &block), LRM_ERR_TRIMMED);
    kit_expect_range(log, 6, 13);
    kit_commit(kit);
    kit_expect_range(log, 6, 13);
    kit_reopen(kit);
    log = kit_log(kit, 1 + (unsigned)committed, KIT_EVENTS);
    kit_expect_range(log, 6, 13);
    assert_int_equal(lrm_log_facts_now(log).first, 6);
    assert_int_equal(lrm_log_facts_now(log).snapshot, 6);
  }
}

static void trims_commands_anywhere(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_COMMANDS);
  for (uint64_t at = 0; at < 12; at += 3) assert_ok(kit_append(log, at, 3, 0));
  kit_commit(kit);
  for (uint64_t at = 12; at < 18; at += 3) assert_ok(kit_append(log, at, 3, 0));
  assert_ok(lrm_log_trim(log, 5)); /* inside a block: the block stays */
  assert_int_equal(lrm_log_facts_now(log).first, 3);
  kit_expect_range(log, 3, 18);
  assert_ok(lrm_log_trim(log, 15)); /* committed ones and pending ones */
  lrm_log_facts facts = lrm_log_facts_now(log);
  assert_int_equal(facts.first, 15);
  assert_int_equal(facts.bytes, 15 * 977 % 9001);
  assert_int_equal(lrm_log_trim(log, 19), LRM_ERR_POSITION);
  assert_ok(lrm_log_trim(log, 18));
  facts = lrm_log_facts_now(log);
  assert_int_equal(facts.first, 18);
  assert_int_equal(facts.end, 18);
  assert_int_equal(facts.bytes, 0);
  kit_commit(kit);
  assert_int_equal(lrm_log_facts_now(log).durable, 18);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_COMMANDS);
  assert_int_equal(end_of(log), 18);
  assert_int_equal(kit_append(log, 17, 1, 0), LRM_ERR_POSITION); /* a number that was used */
  assert_ok(kit_append(log, 18, 1, 0));
  kit_commit(kit);
}

/* ---- records ---- */

typedef struct seen {
  char text[256];
  unsigned left;
} seen;

static bool see(void *user, lrm_slice key, lrm_slice value) {
  seen *all = user;
  size_t at = strlen(all->text);
  snprintf(all->text + at, sizeof all->text - at, "%.*s=%.*s ", (int)key.bytes,
           (const char *)key.data, (int)value.bytes, (const char *)value.data);
  return --all->left > 0;
}

static void expect_all(store_kit *kit, const char *text) {
  seen all = {.left = 100};
  assert_ok(lrm_store_each(kit->store, SPACE, see, &all));
  assert_string_equal(all.text, text);
}

static void put(store_kit *kit, const char *key, const char *value) {
  assert_ok(lrm_store_put(kit->store, SPACE, kit_text(key), kit_text(value)));
}

static void drop(store_kit *kit, const char *key) {
  assert_ok(lrm_store_remove(kit->store, SPACE, kit_text(key)));
}

static void keeps_records(void **state) {
  store_kit *kit = *state;
  kit_expect_record(kit->store, SPACE, "a", NULL);
  put(kit, "b", "2");
  put(kit, "a", "1");
  put(kit, "ab", "");
  assert_ok(lrm_store_put(kit->store, SPACE + 1, kit_text("a"), kit_text("other")));
  expect_all(kit, "a=1 ab= b=2 ");
  kit_commit(kit);
  expect_all(kit, "a=1 ab= b=2 ");
  put(kit, "b", "3");
  put(kit, "c", "4");
  put(kit, "b", "5");
  drop(kit, "a");
  put(kit, "a0", "6");
  drop(kit, "never");
  expect_all(kit, "a0=6 ab= b=5 c=4 ");
  kit_expect_record(kit->store, SPACE, "a", NULL);
  kit_expect_record(kit->store, SPACE + 1, "a", "other");
  seen some = {.left = 2};
  assert_ok(lrm_store_each(kit->store, SPACE, see, &some));
  assert_string_equal(some.text, "a0=6 ab= ");
  kit_commit(kit);
  drop(kit, "b");
  put(kit, "a", "lost");
  kit_reopen(kit);
  expect_all(kit, "a0=6 ab= b=5 c=4 ");
  kit_expect_record(kit->store, SPACE, "b", "5");
}

static void keeps_binary_records(void **state) {
  store_kit *kit = *state;
  uint8_t key[3] = {0, 255, 0};
  static uint8_t value[70000];
  memset(value, 0x5a, sizeof value);
  assert_ok(
      lrm_store_put(kit->store, SPACE, (lrm_slice){key, 3}, (lrm_slice){value, sizeof value}));
  assert_ok(lrm_store_put(kit->store, SPACE, (lrm_slice){key, 2}, (lrm_slice){NULL, 0}));
  kit_commit(kit);
  kit_reopen(kit);
  lrm_slice found;
  assert_ok(lrm_store_get(kit->store, SPACE, (lrm_slice){key, 3}, &found));
  assert_int_equal(found.bytes, sizeof value);
  assert_memory_equal(found.data, value, sizeof value);
  assert_ok(lrm_store_get(kit->store, SPACE, (lrm_slice){key, 2}, &found));
  assert_int_equal(found.bytes, 0);
  static uint8_t large[1025];
  assert_int_equal(
      lrm_store_put(kit->store, SPACE, (lrm_slice){large, sizeof large}, (lrm_slice){NULL, 0}),
      LRM_ERR_TOO_LARGE);
}

/* ---- group commit ---- */

static void freezes_writes_settles(void **state) {
  store_kit *kit = *state;
  lrm_batch *batch, *second;
  assert_int_equal(lrm_store_freeze(kit->store, &batch), LRM_ERR_NOT_FOUND);
  assert_ok(lrm_store_commit(kit->store));
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 2, 1));
  put(kit, "a", "1");
  assert_true(lrm_store_dirty(kit->store));
  assert_ok(lrm_store_freeze(kit->store, &batch));
  assert_false(lrm_store_dirty(kit->store));
  assert_int_equal(lrm_store_freeze(kit->store, &second), LRM_ERR_STATE);
  assert_ok(kit_append(log, 2, 2, 1)); /* while the batch is out */
  put(kit, "a", "2");
  put(kit, "b", "2");
  kit_expect_range(log, 0, 4);
  assert_ok(lrm_batch_write(batch));
  assert_int_equal(lrm_log_facts_now(log).durable, 0); /* committed, but not settled */
  kit_expect_range(log, 0, 4);
  kit_expect_record(kit->store, SPACE, "a", "2");
  assert_ok(lrm_store_settle(kit->store, batch, 0));
  assert_int_equal(lrm_log_facts_now(log).durable, 2);
  assert_int_equal(end_of(log), 4);
  kit_expect_range(log, 0, 4);
  expect_all(kit, "a=2 b=2 ");
  assert_int_equal(lrm_store_settle(kit->store, batch, 0), LRM_ERR_STATE);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), 2);
  expect_all(kit, "a=1 ");
}

static void forgets_a_frozen_batch(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  kit_commit(kit);
  assert_ok(kit_append(log, 0, 2, 1));
  lrm_batch *batch;
  assert_ok(lrm_store_freeze(kit->store, &batch));
  kit_reopen(kit); /* not written: lost */
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), 0);
  assert_ok(kit_append(log, 0, 3, 1));
  assert_ok(lrm_store_freeze(kit->store, &batch));
  assert_ok(lrm_batch_write(batch));
  kit_reopen(kit); /* written: kept, though nobody was told */
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), 3);
  kit_expect_range(log, 0, 3);
}

static void tries_failed_commits_again(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 2, 1));
  put(kit, "a", "1");
  put(kit, "gone", "1");
  kit_fail(kit, LRM_ERR_DISK_FULL, 2);
  lrm_batch *batch;
  assert_ok(lrm_store_freeze(kit->store, &batch));
  assert_ok(kit_append(log, 2, 1, 2));
  put(kit, "a", "2");
  drop(kit, "gone");
  assert_int_equal(lrm_batch_write(batch), LRM_ERR_DISK_FULL);
  assert_ok(lrm_store_settle(kit->store, batch, LRM_ERR_DISK_FULL));
  assert_int_equal(lrm_log_facts_now(log).durable, 0);
  assert_int_equal(end_of(log), 3);
  kit_expect_range(log, 0, 3);
  expect_all(kit, "a=2 ");
  put(kit, "a", "3");
  assert_int_equal(lrm_store_commit(kit->store), LRM_ERR_DISK_FULL);
  assert_true(lrm_store_dirty(kit->store));
  expect_all(kit, "a=3 ");
  assert_ok(kit_append(log, 3, 1, 2));
  kit_commit(kit);
  assert_int_equal(lrm_log_facts_now(log).durable, 4);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  kit_expect_range(log, 0, 4);
  assert_int_equal(end_of(log), 4);
  assert_int_equal(lrm_log_writer_of(log, 1), 1);
  assert_int_equal(lrm_log_writer_of(log, 2), 2);
  expect_all(kit, "a=3 ");
}

static void stores_nothing_of_a_failed_commit(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 1, 1));
  put(kit, "a", "1");
  kit_commit(kit);
  assert_ok(kit_append(log, 1, 1, 1));
  put(kit, "a", "2");
  lrm_id epoch = kit_id(900);
  assert_ok(lrm_log_restart(log, &epoch));
  kit_fail(kit, LRM_ERR_STORE, 1);
  assert_int_equal(lrm_store_commit(kit->store), LRM_ERR_STORE);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), 1);
  assert_false(lrm_log_former(log, &epoch));
  kit_expect_record(kit->store, SPACE, "a", "1");
  kit_expect_range(log, 0, 1);
}

static void deletes_with_a_batch_out(void **state) {
  store_kit *kit = *state;
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 2, 1));
  lrm_batch *batch;
  assert_ok(lrm_store_freeze(kit->store, &batch));
  assert_ok(kit_append(log, 2, 2, 1));
  assert_ok(lrm_store_delete_log(kit->store, &key));
  log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 1, 9));
  kit_fail(kit, LRM_ERR_STORE, 1);
  int result = lrm_batch_write(batch);
  assert_int_equal(result, LRM_ERR_STORE);
  assert_ok(lrm_store_settle(kit->store, batch, result));
  kit_commit(kit);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), 1);
  assert_int_equal(lrm_log_writer_of(log, 0), 9);
}

static void claims(void **state) {
  store_kit *kit = *state;
  uint64_t generation;
  assert_ok(lrm_store_claim(kit->store, 1000, &generation));
  assert_int_equal(generation, 1000);
  assert_ok(lrm_store_claim(kit->store, 500, &generation)); /* a clock that went back */
  assert_int_equal(generation, 1001);
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  lrm_batch *batch;
  assert_ok(lrm_store_freeze(kit->store, &batch));
  assert_int_equal(lrm_store_claim(kit->store, 500, &generation), LRM_ERR_STATE);
  assert_ok(lrm_store_settle(kit->store, batch, lrm_batch_write(batch)));
  assert_ok(kit_append(log, 0, 1, 1));
  assert_ok(lrm_store_claim(kit->store, 2000, &generation)); /* what waits is kept */
  assert_int_equal(generation, 2000);
  kit_commit(kit);
  kit_reopen(kit);
  assert_ok(lrm_store_claim(kit->store, 0, &generation));
  assert_int_equal(generation, 2001);
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_int_equal(end_of(log), 1);
}

/* ---- random operations against a plain model ---- */

enum { MODEL_BLOCKS = 4096, MODEL_KEYS = 8 };

typedef struct model {
  uint64_t starts[MODEL_BLOCKS]; /* of blocks; count follows from the next */
  unsigned blocks;
  uint64_t first, end;
  unsigned epoch;
  unsigned values[MODEL_KEYS]; /* 0: none */
} model;

static void model_check(store_kit *kit, lrm_log *log, const model *now) {
  lrm_log_facts facts = lrm_log_facts_now(log);
  lrm_id epoch = kit_id(now->epoch);
  assert_int_equal(facts.first, now->first);
  assert_int_equal(facts.end, now->end);
  assert_true(lrm_id_equal(&facts.epoch, &epoch));
  kit_expect_range(log, now->first, now->end);
  for (unsigned i = 0; i < MODEL_KEYS; i++) {
    char key[8], value[16];
    snprintf(key, sizeof key, "k%u", i);
    snprintf(value, sizeof value, "%u", now->values[i]);
    kit_expect_record(kit->store, SPACE, key, now->values[i] == 0 ? NULL : value);
  }
}

static void model_append(lrm_log *log, model *now, uint64_t random) {
  uint32_t count = 1 + (uint32_t)(random % 4);
  if (now->blocks == MODEL_BLOCKS) return;
  assert_ok(kit_append(log, now->end, count, 0));
  now->starts[now->blocks++] = now->end;
  now->end += count;
}

static void model_trim(lrm_log *log, model *now, uint64_t random) {
  uint64_t before = now->first + random % (now->end - now->first + 1);
  assert_ok(lrm_log_trim(log, before));
  uint64_t first = before == now->end ? now->end : now->first;
  for (unsigned i = 0; before < now->end && i < now->blocks; i++)
    if (now->starts[i] <= before && now->starts[i] > first) first = now->starts[i];
  now->first = first;
}

static void model_record(store_kit *kit, model *now, uint64_t random) {
  unsigned which = (unsigned)(random % MODEL_KEYS);
  unsigned number = random >> 8 & 3 ? (unsigned)(random >> 16 & 0xffff) + 1 : 0;
  char key[8], value[16];
  snprintf(key, sizeof key, "k%u", which);
  snprintf(value, sizeof value, "%u", number);
  if (number == 0)
    drop(kit, key);
  else
    put(kit, key, value);
  now->values[which] = number;
}

static void model_restart(lrm_log *log, model *now, unsigned step) {
  lrm_id epoch = kit_id(1000 + step);
  assert_ok(lrm_log_restart(log, &epoch));
  now->epoch = 1000 + step;
  now->first = now->end = 0;
  now->blocks = 0;
}

/* Two logs are not needed: what interleaves is the model of what is committed, of what the batch
 * that is out would make of it, and of what is seen now. */
static void behaves_like_the_model(void **state) {
  store_kit *kit = *state;
  const char *given = getenv("LRM_SEED");
  uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20240611, random = seed;
  print_message("seed %llu\n", (unsigned long long)seed);
  static model now, frozen, committed;
  memset(&now, 0, sizeof now);
  lrm_log *log = kit_log(kit, 1, KIT_COMMANDS);
  model_restart(log, &now, 0);
  kit_commit(kit);
  committed = now;
  lrm_batch *batch = NULL;
  int written = 1; /* 1: not yet */
  for (unsigned step = 1; step < 3000; step++) {
    uint64_t r = kit_random(&random);
    unsigned what = (unsigned)(r >> 56) % 32;
    r &= UINT64_C(0xffffffffffff);
    if (what < 12) {
      model_append(log, &now, r);
    } else if (what < 17) {
      model_record(kit, &now, r);
    } else if (what < 19) {
      model_trim(log, &now, r);
    } else if (what == 19 && r % 4 == 0) {
      model_restart(log, &now, step);
    } else if (what < 23 && batch == NULL) {
      int error = lrm_store_freeze(kit->store, &batch);
      if (error == LRM_ERR_NOT_FOUND) continue;
      assert_ok(error);
      frozen = now;
      written = 1;
    } else if (what < 26 && batch != NULL && written == 1) {
      if (r % 3 == 0) kit_fail(kit, LRM_ERR_DISK_FULL, 1);
      written = lrm_batch_write(batch);
      if (written == 0) committed = frozen;
    } else if (what < 29 && batch != NULL && written != 1) {
      assert_ok(lrm_store_settle(kit->store, batch, written));
      batch = NULL;
    } else if (what == 29 && r % 8 == 0) {
      kit_reopen(kit);
      log = kit_log(kit, 1, KIT_COMMANDS);
      now = committed;
      batch = NULL;
    } else if (what == 30) {
      model_check(kit, log, &now);
    }
    uint64_t durable = lrm_log_facts_now(log).durable;
    assert_true(durable <= now.end);
  }
  model_check(kit, log, &now);
}

/* ---- table ---- */

static int set_up(void **state) {
  store_kit *self = calloc(1, sizeof *self);
  self->kind = *state == NULL ? KIT_MEMORY : KIT_SQLITE;
  kit_open(self);
  *state = self;
  return 0;
}

static void no_fault(void *user, const char *text) {
  (void)user;
  print_message("check: %s\n", text);
}

/* Every case leaves a file in which the checker finds nothing. */
static int tear_down(void **state) {
  store_kit *self = *state;
  int faults = self->kind == KIT_SQLITE ? lrm_store_sqlite_check(self->store, no_fault, NULL) : 0;
  kit_remove(self);
  free(self);
  return faults == 0 ? 0 : -1;
}

static const struct {
  const char *name;
  CMUnitTestFunction run;
} cases[] = {
    {"finds and makes logs", finds_and_makes_logs},
    {"keeps logs apart", keeps_logs_apart},
    {"lists logs", lists_logs},
    {"deletes logs", deletes_logs},
    {"appends and reads", appends_and_reads},
    {"refuses wrong blocks", refuses_wrong_blocks},
    {"reads long logs", reads_long_logs},
    {"restarts", restarts},
    {"restarts with a batch out", restarts_with_a_batch_out},
    {"remembers writers", remembers_writers},
    {"skips", skips},
    {"follows snapshot sets", follows_snapshot_sets},
    {"trims events to complete sets", trims_events_to_complete_sets},
    {"trims commands anywhere", trims_commands_anywhere},
    {"keeps records", keeps_records},
    {"keeps binary records", keeps_binary_records},
    {"freezes, writes, settles", freezes_writes_settles},
    {"forgets a frozen batch", forgets_a_frozen_batch},
    {"tries failed commits again", tries_failed_commits_again},
    {"stores nothing of a failed commit", stores_nothing_of_a_failed_commit},
    {"deletes with a batch out", deletes_with_a_batch_out},
    {"claims", claims},
    {"behaves like the model", behaves_like_the_model},
};

int main(void) {
  enum { COUNT = sizeof cases / sizeof *cases };
  static struct CMUnitTest tests[2 * COUNT];
  static char names[2 * COUNT][64];
  static int sqlite = KIT_SQLITE;
  for (size_t i = 0; i < 2 * COUNT; i++) {
    bool memory = i < COUNT;
    snprintf(names[i], sizeof names[i], "%s: %s", memory ? "memory" : "sqlite",
             cases[i % COUNT].name);
    tests[i] = (struct CMUnitTest){.name = names[i],
                                   .test_func = cases[i % COUNT].run,
                                   .setup_func = set_up,
                                   .teardown_func = tear_down,
                                   .initial_state = memory ? NULL : &sqlite};
  }
  return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
