/* What leaves a store: trims, new number lines and deletions of large logs are a note at once and
 * go from the disk a part with each commit; the file stops growing, and gives space back. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/store_kit.h"
#include "remote/limits.h"

enum { BLOCK_BYTES = 2000, SETS_EACH = 50 };

static int setup(void **state) {
  static store_kit kit;
  kit = (store_kit){.kind = KIT_SQLITE};
  kit_open(&kit);
  *state = &kit;
  return 0;
}

static int setup_memory(void **state) {
  static store_kit kit;
  kit = (store_kit){.kind = KIT_MEMORY};
  kit_open(&kit);
  *state = &kit;
  return 0;
}

static int teardown(void **state) {
  kit_remove(*state);
  return 0;
}

static lrm_log *started(store_kit *kit, unsigned session, unsigned epoch) {
  lrm_log *log = kit_log(kit, session, KIT_EVENTS);
  lrm_id id = kit_id(epoch);
  assert_ok(lrm_log_restart(log, &id));
  return log;
}

/* `count` blocks, every SETS_EACH-th a complete set; committed a hundred at a time. */
static void grow(store_kit *kit, lrm_log *log, unsigned count) {
  static uint8_t bytes[BLOCK_BYTES];
  for (unsigned i = 0; i < count; i++) {
    uint64_t offset = lrm_log_facts_now(log).end;
    bool set = offset % SETS_EACH == 0;
    memset(bytes, (int)(offset & 0xff), sizeof bytes);
    lrm_block block = {.offset = offset,
                       .count = 1,
                       .flags = set ? LRM_FLAG_SNAPSHOT : 0,
                       .part = set,
                       .parts = set,
                       .payload = {bytes, sizeof bytes}};
    assert_ok(lrm_log_append(log, &block));
    if (i % 100 == 99) kit_commit(kit);
  }
  kit_commit(kit);
}

static sqlite3_int64 number_of(const store_kit *kit, const char *sql) {
  sqlite3 *db;
  sqlite3_stmt *statement;
  assert_int_equal(sqlite3_open(kit->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  sqlite3_int64 value = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return value;
}

static void say(void *user, const char *text) {
  (void)user;
  print_message("%s\n", text);
}

static void expect_sound(store_kit *kit) {
  assert_int_equal(lrm_store_sqlite_check(kit->store, say, NULL), 0);
}

/* Commits that have nothing else to do, until all is done; returns how many there were. */
static unsigned tidy_all(store_kit *kit) {
  for (unsigned commits = 0;; commits++) {
    bool more;
    assert_true(commits < 100000);
    assert_ok(lrm_store_tidy(kit->store, &more));
    if (!more) return commits;
    kit_commit(kit);
  }
}

static void a_trim_goes_in_parts(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, 1);
  grow(kit, log, 4001);
  assert_ok(lrm_log_trim(log, 4000));
  assert_int_equal(lrm_log_facts_now(log).bytes, BLOCK_BYTES);
  kit_commit(kit);
  sqlite3_int64 left = number_of(kit, "SELECT count(*) FROM block");
  assert_in_range(left, 3000, 4000); /* one part of it, no more */
  expect_sound(kit);
  /* A process that dies meanwhile leaves it to the next one. */
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  assert_in_range(tidy_all(kit), 6, 1000);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM block"), 1);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM garbage"), 0);
  assert_int_equal(lrm_log_facts_now(log).first, 4000);
  expect_sound(kit);
}

static void a_new_line_does_not_wait_for_the_old_one(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, 1);
  grow(kit, log, 3000);
  lrm_id second = kit_id(2);
  assert_ok(lrm_log_restart(log, &second));
  grow(kit, log, 60); /* the same offsets, while the old ones are still there */
  assert_true(number_of(kit, "SELECT count(*) FROM block") > 60);
  expect_sound(kit);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  lrm_block block;
  for (uint64_t at = 0; at < 60; at++) {
    assert_ok(lrm_log_read(log, at, &block));
    assert_int_equal(block.offset, at);
  }
  (void)tidy_all(kit);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM block"), 60);
  expect_sound(kit);
}

static void a_deleted_log_goes_and_its_key_is_free(void **state) {
  store_kit *kit = *state;
  grow(kit, started(kit, 1, 1), 3000);
  grow(kit, started(kit, 2, 2), 10);
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  assert_ok(lrm_store_delete_log(kit->store, &key));
  kit_commit(kit);
  grow(kit, started(kit, 1, 3), 20);
  expect_sound(kit);
  (void)tidy_all(kit);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM block"), 30);
  expect_sound(kit);
}

static void a_skip_goes_in_parts(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, 1);
  grow(kit, log, 2000);
  assert_ok(lrm_log_skip(log, 5000));
  assert_int_equal(lrm_log_facts_now(log).bytes, 0);
  grow(kit, log, 10);
  expect_sound(kit);
  (void)tidy_all(kit);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM block"), 10);
  expect_sound(kit);
}

/* A log under its cap for ever: the file reaches a size and stays there. */
static void the_file_stops_growing(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, 1);
  sqlite3_int64 pages = 0;
  for (unsigned round = 0; round < 12; round++) {
    grow(kit, log, 1000);
    lrm_log_facts facts = lrm_log_facts_now(log);
    assert_ok(lrm_log_trim(log, facts.snapshot));
    (void)tidy_all(kit);
    if (round == 3) pages = number_of(kit, "PRAGMA page_count");
  }
  sqlite3_int64 last = number_of(kit, "PRAGMA page_count");
  print_message("pages after 4 rounds %lld, after 12 %lld\n", (long long)pages, (long long)last);
  assert_true(last <= pages + pages / 10);
}

static void the_file_becomes_smaller(void **state) {
  store_kit *kit = *state;
  grow(kit, started(kit, 1, 1), 10000);
  sqlite3_int64 before = number_of(kit, "PRAGMA page_count");
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  assert_ok(lrm_store_delete_log(kit->store, &key));
  kit_commit(kit);
  (void)tidy_all(kit);
  sqlite3_int64 after = number_of(kit, "PRAGMA page_count");
  print_message("pages %lld, then %lld\n", (long long)before, (long long)after);
  assert_true(after < before / 2);
  expect_sound(kit);
  kit_close(kit); /* the last connection writes the WAL back and cuts the file */
  struct stat status;
  assert_int_equal(stat(kit->path, &status), 0);
  assert_true(status.st_size <= after * 4096);
  kit_reopen(kit);
}

/* A commit that fails has tidied nothing, and the next one does. */
static void a_failed_commit_tidies_nothing(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, 1);
  grow(kit, log, 1501);
  assert_ok(lrm_log_trim(log, 1500));
  kit_fail(kit, LRM_ERR_DISK_FULL, 1);
  assert_int_equal(lrm_store_commit(kit->store), LRM_ERR_DISK_FULL);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM block"), 1501);
  kit_commit(kit);
  (void)tidy_all(kit);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM block"), 1);
  expect_sound(kit);
}

/* ---- sets ---- */

static void expect_set(lrm_log *log, uint64_t from, uint64_t expected) {
  uint64_t offset;
  assert_ok(lrm_log_next_set(log, from, &offset));
  assert_int_equal(offset, expected);
}

static void finds_the_next_complete_set(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, 1);
  expect_set(log, 0, LRM_OFFSET_NONE);
  for (uint64_t at = 0; at < 10; at++) assert_ok(kit_append(log, at, 1, 0));
  assert_ok(kit_append_part(log, 10, 1, 2)); /* never completed */
  assert_ok(kit_append(log, 11, 1, 0));
  assert_ok(kit_append_part(log, 12, 1, 2));
  assert_ok(kit_append_part(log, 13, 2, 2));
  kit_commit(kit);
  assert_ok(kit_append(log, 14, 1, 0));
  assert_ok(kit_append_part(log, 15, 1, 1));
  assert_ok(kit_append_part(log, 16, 1, 2)); /* unfinished */
  for (int committed = 0; committed < 2; committed++) {
    expect_set(log, 0, 12);
    expect_set(log, 12, 12);
    expect_set(log, 13, 15);
    expect_set(log, 16, LRM_OFFSET_NONE);
    expect_set(log, 100, LRM_OFFSET_NONE);
    kit_commit(kit);
  }
  assert_ok(lrm_log_trim(log, 12));
  expect_set(log, 0, 12);
}

/* ---- formats ---- */

static void run_sql(const char *path, const char *sql) {
  sqlite3 *db;
  char *text = NULL;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK) fail_msg("%s: %s", sql, text);
  sqlite3_close(db);
}

/* A file as the first format had it, with one log of two number lines. */
static const char format_1[] =
    "PRAGMA application_id = 1819438385; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"
    "CREATE TABLE store(id INTEGER PRIMARY KEY CHECK(id = 1), generation INTEGER NOT NULL);"
    "INSERT INTO store VALUES(1, 7);"
    "CREATE TABLE log(id INTEGER PRIMARY KEY, account INTEGER NOT NULL, session BLOB NOT NULL,"
    " kind INTEGER NOT NULL, version INTEGER NOT NULL, epoch BLOB NOT NULL, line INTEGER NOT NULL,"
    " first INTEGER NOT NULL, end INTEGER NOT NULL, snapshot INTEGER NOT NULL,"
    " snapshot_end INTEGER NOT NULL, clears_tail INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " set_start INTEGER NOT NULL, set_parts INTEGER NOT NULL, set_next INTEGER NOT NULL,"
    " UNIQUE(account, session, kind));"
    "CREATE TABLE block(id INTEGER PRIMARY KEY, log INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " count INTEGER NOT NULL, flags INTEGER NOT NULL, inflated_bytes INTEGER NOT NULL,"
    " part INTEGER NOT NULL, parts INTEGER NOT NULL, writer_generation INTEGER NOT NULL,"
    " payload BLOB NOT NULL);"
    "CREATE UNIQUE INDEX block_place ON block(log, offset);"
    "CREATE TABLE writer(log INTEGER NOT NULL, line INTEGER NOT NULL, first INTEGER NOT NULL,"
    " generation INTEGER NOT NULL, PRIMARY KEY(log, line, first)) WITHOUT ROWID;"
    "CREATE TABLE former(log INTEGER NOT NULL, epoch BLOB NOT NULL,"
    " PRIMARY KEY(log, epoch)) WITHOUT ROWID;"
    "CREATE TABLE record(space INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY(space, key)) WITHOUT ROWID;"
    "INSERT INTO log VALUES(3, 1, x'%s', 1, 5, x'0102030405060708090a0b0c0d0e0f10', 2, 0, 3,"
    " 1, 2, -1, 3, 1, 1, 0);"
    "INSERT INTO block VALUES(1, 3, 0, 1, 0, 0, 0, 0, 9, x'61');"
    "INSERT INTO block VALUES(2, 3, 1, 1, 4, 0, 1, 1, 9, x'62');"
    "INSERT INTO block VALUES(3, 3, 2, 1, 0, 0, 0, 0, 9, x'63');"
    "INSERT INTO writer VALUES(3, 1, 0, 4); INSERT INTO writer VALUES(3, 2, 0, 9);"
    "INSERT INTO former VALUES(3, x'aa02030405060708090a0b0c0d0e0f10');"
    "INSERT INTO record VALUES(1, x'61', x'62');";

static void brings_a_former_format_up_to_date(void **state) {
  store_kit *kit = *state;
  char hex[33], sql[4096];
  kit_close(kit);
  static const char *const endings[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < 3; i++) {
    char name[140];
    snprintf(name, sizeof name, "%s%s", kit->path, endings[i]);
    unlink(name);
  }
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  lrm_id_hex(&key.session_id, hex);
  snprintf(sql, sizeof sql, format_1, hex);
  run_sql(kit->path, sql);
  char account[64];
  snprintf(account, sizeof account, "UPDATE log SET account = %llu",
           (unsigned long long)key.account);
  run_sql(kit->path, account);
  kit_reopen(kit);
  lrm_log *log = kit_log(kit, 1, KIT_EVENTS);
  lrm_log_facts facts = lrm_log_facts_now(log);
  assert_int_equal(facts.end, 3);
  assert_int_equal(facts.last_writer_generation, 9);
  lrm_block block;
  assert_ok(lrm_log_read(log, 2, &block));
  assert_memory_equal(block.payload.data, "c", 1);
  assert_ok(lrm_log_trim(log, 1));
  assert_ok(kit_append(log, 3, 1, 9));
  kit_commit(kit);
  expect_sound(kit);
  assert_int_equal(number_of(kit, "PRAGMA user_version"), 2);
  kit_expect_record(kit->store, 1, "a", "b");
  (void)tidy_all(kit);
  assert_int_equal(number_of(kit, "SELECT count(*) FROM block"), 3);
}

/* A bit that turned on the disk reaches no reader. */
static void a_block_that_changed_is_not_read(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, 1);
  grow(kit, log, 3);
  kit_close(kit);
  run_sql(kit->path, "UPDATE block SET payload = zeroblob(2000) WHERE offset = 1");
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  lrm_block block;
  assert_ok(lrm_log_read(log, 0, &block));
  assert_int_equal(lrm_log_read(log, 1, &block), LRM_ERR_CORRUPT);
  assert_non_null(strstr(lrm_store_sqlite_error(kit->store), "offset 1"));
  assert_ok(lrm_log_read(log, 2, &block));
  assert_int_equal(lrm_store_sqlite_check(kit->store, NULL, NULL), 1);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(a_trim_goes_in_parts),
      CASE(a_new_line_does_not_wait_for_the_old_one),
      CASE(a_deleted_log_goes_and_its_key_is_free),
      CASE(a_skip_goes_in_parts),
      CASE(the_file_stops_growing),
      CASE(the_file_becomes_smaller),
      CASE(a_failed_commit_tidies_nothing),
      CASE(finds_the_next_complete_set),
      cmocka_unit_test_setup_teardown(finds_the_next_complete_set, setup_memory, teardown),
      CASE(brings_a_former_format_up_to_date),
      CASE(a_block_that_changed_is_not_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
