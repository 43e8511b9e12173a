/* What only a store in a file can do or suffer. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/store_kit.h"

#define SPACE 3u

static void run_sql(const char *path, const char *text) {
  sqlite3 *connection = NULL;
  char *error = NULL;
  assert_int_equal(sqlite3_open(path, &connection), SQLITE_OK);
  if (sqlite3_exec(connection, text, NULL, NULL, &error) != SQLITE_OK) fail_msg("%s", error);
  sqlite3_close(connection);
}

static int try_open(const char *path, lrm_store **store, char *text, size_t text_bytes) {
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = path};
  return lrm_store_sqlite_open(&config, store, text, text_bytes);
}

static void refuse(const char *path, int error, const char *why) {
  lrm_store *store = NULL;
  char text[300];
  assert_int_equal(try_open(path, &store, text, sizeof text), error);
  assert_null(store);
  if (strstr(text, why) == NULL) fail_msg("\"%s\" does not say \"%s\"", text, why);
}

static unsigned mode_of(const char *path, const char *ending) {
  char name[128];
  struct stat status;
  snprintf(name, sizeof name, "%s%s", path, ending);
  assert_int_equal(stat(name, &status), 0);
  return status.st_mode & 0777;
}

static lrm_log *started(store_kit *kit, unsigned session, uint32_t kind) {
  lrm_log *log = kit_log(kit, session, kind);
  lrm_id epoch = kit_id(100 + session);
  assert_ok(lrm_log_restart(log, &epoch));
  return log;
}

/* ---- the file ---- */

static void keeps_the_file_private(void **state) {
  store_kit *kit = *state;
  started(kit, 1, KIT_EVENTS);
  kit_commit(kit);
  assert_int_equal(mode_of(kit->path, ""), 0600);
  assert_int_equal(mode_of(kit->path, "-wal"), 0600);
  assert_int_equal(mode_of(kit->path, "-shm"), 0600);
  kit_close(kit);
  assert_int_equal(chmod(kit->path, 0644), 0);
  kit->store = NULL;
  assert_ok(try_open(kit->path, &kit->store, NULL, 0));
  assert_int_equal(mode_of(kit->path, ""), 0600);
}

static void refuses_a_newer_version(void **state) {
  store_kit *kit = *state;
  kit_close(kit);
  run_sql(kit->path, "PRAGMA user_version = 3");
  refuse(kit->path, LRM_ERR_CORRUPT, "upgrade the program");
  run_sql(kit->path, "PRAGMA user_version = 2");
  assert_ok(try_open(kit->path, &kit->store, NULL, 0));
}

static void refuses_other_files(void **state) {
  store_kit *kit = *state;
  char path[128];
  kit_close(kit);
  snprintf(path, sizeof path, "%s/other", kit->folder);
  run_sql(path, "CREATE TABLE t(x)");
  refuse(path, LRM_ERR_CORRUPT, "another program");
  unlink(path);
  int file = open(path, O_WRONLY | O_CREAT, 0600);
  for (int i = 0; i < 100; i++) assert_int_equal(write(file, "not a database, really. ", 24), 24);
  close(file);
  refuse(path, LRM_ERR_CORRUPT, "not a database");
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_size, 2400);
  unlink(path);
  refuse(kit->folder, LRM_ERR_STORE, "not a regular file");
  refuse("/tmp/no/such/folder/store", LRM_ERR_STORE, "No such file");
  lrm_store *store;
  char text[8];
  assert_int_equal(try_open("", &store, text, sizeof text), LRM_ERR_USAGE);
  assert_int_equal(try_open(":memory:", &store, text, sizeof text), LRM_ERR_USAGE);
}

/* ---- damage ---- */

static void count_fault(void *user, const char *text) {
  (void)text;
  ++*(int *)user;
}

static void fill(store_kit *kit) {
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  for (uint64_t at = 0; at < 20; at++) assert_ok(kit_append(log, at, 1, 10 + at / 8));
  assert_ok(kit_append_part(log, 20, 1, 1));
  assert_ok(kit_append_part(log, 21, 1, 2));
  assert_ok(lrm_store_put(kit->store, SPACE, kit_text("a"), kit_text("1")));
  kit_commit(kit);
}

static void finds_damage(void **state) {
  static const char *const damages[] = {
      "DELETE FROM block WHERE offset = 7",
      "DELETE FROM block WHERE offset = 21",
      "DELETE FROM block WHERE offset = 0",
      "UPDATE block SET offset = 1000 WHERE offset = 21",
      "UPDATE block SET count = 2 WHERE offset = 3",
      "UPDATE block SET count = 0 WHERE offset = 3",
      "UPDATE block SET writer_generation = 99 WHERE offset = 3",
      "UPDATE block SET payload = x'00' WHERE offset = 3",
      "UPDATE block SET flags = 0 WHERE offset = 20",
      "UPDATE log SET snapshot = 3, snapshot_end = 4",
      "UPDATE log SET end = end + 1",
      "UPDATE log SET first = 1",
      "UPDATE log SET bytes = bytes - 1",
      "UPDATE log SET epoch = x'00'",
      "UPDATE log SET set_next = 0",
      "DELETE FROM writer WHERE generation = 10",
      ("INSERT INTO block(place, offset, count, flags, inflated_bytes, part, parts,"
       " writer_generation, payload) VALUES(99, 0, 1, 0, 0, 0, 0, 0, x'')"),
      "INSERT INTO writer VALUES(99, 0, 0, 1)",
      "INSERT INTO former VALUES(99, x'00')",
      "INSERT INTO former SELECT id, epoch FROM log",
  };
  store_kit *kit = *state;
  fill(kit);
  assert_int_equal(lrm_store_sqlite_check(kit->store, NULL, NULL), 0);
  for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
    store_kit hurt = {.kind = KIT_SQLITE};
    kit_open(&hurt);
    fill(&hurt);
    run_sql(hurt.path, damages[i]);
    int reported = 0;
    int faults = lrm_store_sqlite_check(hurt.store, count_fault, &reported);
    assert_int_equal(faults, reported);
    if (faults == 0) fail_msg("not found: %s", damages[i]);
    kit_remove(&hurt);
  }
}

/* Bytes of the file are overwritten. Whatever happens is an error code, and is found by check. */
static void survives_overwritten_pages(void **state) {
  store_kit *kit = *state;
  fill(kit);
  kit_close(kit);
  struct stat status;
  assert_int_equal(stat(kit->path, &status), 0);
  int found = 0, tried = 0;
  for (off_t at = 4096; at < status.st_size; at += 4096, tried++) {
    static const char *const endings[] = {"", "-wal", "-shm"};
    char copy[128], name[140];
    snprintf(copy, sizeof copy, "%s/copy", kit->folder);
    kit_copy_file(kit->path, copy);
    int file = open(copy, O_WRONLY);
    static const uint8_t noise[64] = {0xa5, 0xff, 0x13, 0x77};
    assert_int_equal(pwrite(file, noise, sizeof noise, at), sizeof noise);
    close(file);
    lrm_store *store = NULL;
    int error = try_open(copy, &store, NULL, 0);
    if (error != 0) {
      assert_int_equal(error, LRM_ERR_CORRUPT);
      found++;
    } else {
      lrm_log_key key = kit_key(1, KIT_EVENTS);
      lrm_log *log;
      error = lrm_store_log(store, &key, false, &log);
      for (uint64_t offset = 0; error == 0 && offset < 22; offset++) {
        lrm_block block;
        error = lrm_log_read(log, offset, &block);
      }
      if (lrm_store_sqlite_check(store, NULL, NULL) > 0) found++;
      lrm_store_close(store);
    }
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
      snprintf(name, sizeof name, "%s%s", copy, endings[i]);
      unlink(name);
    }
  }
  print_message("%d pages overwritten, %d noticed\n", tried, found);
  assert_true(found >= tried / 2); /* payload bytes are the sender's business */
}

/* A limit on the size of files is a full disk: told so, and over when it is lifted. */
static void a_limit_on_files_is_a_full_disk(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 1, 1));
  kit_commit(kit);
  struct rlimit limit, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
  small = limit;
  small.rlim_cur = 4096;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_ok(kit_append(log, 1, 1, 1));
  int small_result = lrm_store_commit(kit->store);
  int again = lrm_store_commit(kit->store);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
  assert_int_equal(small_result, LRM_ERR_DISK_FULL);
  assert_int_equal(again, LRM_ERR_DISK_FULL);
  kit_commit(kit);
  assert_int_equal(lrm_log_facts_now(log).durable, 2);
}

/* Nothing is acknowledged that would be gone with the process. */
static void notices_that_its_file_is_gone(void **state) {
  store_kit *kit = *state;
  char aside[128];
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 1, 1));
  kit_commit(kit);
  snprintf(aside, sizeof aside, "%s.aside", kit->path);
  assert_int_equal(rename(kit->path, aside), 0);
  assert_ok(kit_append(log, 1, 1, 1));
  assert_int_equal(lrm_store_commit(kit->store), LRM_ERR_STORE);
  assert_non_null(strstr(lrm_store_sqlite_error(kit->store), "put it back"));
  assert_int_equal(lrm_log_facts_now(log).durable, 1);
  assert_int_equal(rename(aside, kit->path), 0);
  kit_commit(kit);
  assert_int_equal(lrm_log_facts_now(log).durable, 2);
}

/* ---- two processes on one file ---- */

static void fences_the_older_process(void **state) {
  store_kit *kit = *state;
  uint64_t older, newer;
  lrm_store *other = NULL;
  assert_ok(try_open(kit->path, &other, NULL, 0));
  assert_ok(lrm_store_claim(kit->store, 100, &older));
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 2, older));
  kit_commit(kit);
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  lrm_log *seen = NULL;
  assert_ok(lrm_store_log(other, &key, false, &seen)); /* loaded before the other writes on */
  assert_ok(kit_append(log, 2, 2, older));
  kit_commit(kit);
  assert_int_equal(lrm_log_facts_now(seen).end, 2);
  assert_ok(lrm_store_claim(other, 100, &newer));
  assert_true(newer > older);
  assert_int_equal(lrm_log_facts_now(seen).end, 4); /* read in the transaction that claims */
  assert_ok(kit_append(log, 4, 1, older));
  assert_ok(lrm_store_put(kit->store, SPACE, kit_text("a"), kit_text("older")));
  for (int i = 0; i < 3; i++) assert_int_equal(lrm_store_commit(kit->store), LRM_ERR_FENCED);
  assert_non_null(strstr(lrm_store_sqlite_error(kit->store), "another process"));
  assert_int_equal(lrm_log_facts_now(log).durable, 4);
  assert_ok(kit_append(seen, 4, 3, newer));
  assert_ok(lrm_store_commit(other));
  kit_expect_range(seen, 0, 7);
  kit_expect_record(other, SPACE, "a", NULL);
  assert_int_equal(lrm_store_claim(kit->store, 0, &older), LRM_ERR_FENCED);
  assert_int_equal(lrm_store_sqlite_check(other, NULL, NULL), 0);
  lrm_store_close(other);
}

/* Also who never claimed cannot number what another process numbered. */
static void fences_who_read_before(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 2, 1));
  kit_commit(kit);
  lrm_store *other = NULL;
  assert_ok(try_open(kit->path, &other, NULL, 0));
  lrm_log_key key = kit_key(1, KIT_EVENTS), fresh = kit_key(2, KIT_EVENTS);
  lrm_log *seen = NULL, *mine = NULL, *theirs = NULL;
  assert_ok(lrm_store_log(other, &key, false, &seen));
  assert_ok(kit_append(log, 2, 1, 1));
  kit_commit(kit);
  assert_ok(kit_append(seen, 2, 1, 1));
  assert_int_equal(lrm_store_commit(other), LRM_ERR_FENCED);
  lrm_store_close(other);
  assert_ok(try_open(kit->path, &other, NULL, 0));
  assert_ok(lrm_store_log(kit->store, &fresh, true, &mine));
  assert_ok(lrm_store_log(other, &fresh, true, &theirs));
  kit_commit(kit);
  assert_int_equal(lrm_store_commit(other), LRM_ERR_FENCED);
  lrm_store_close(other);
  /* Nor can it trim by what it knew. */
  lrm_log *commands = started(kit, 3, KIT_COMMANDS);
  for (uint64_t at = 0; at < 4; at++) assert_ok(kit_append(commands, at, 1, 0));
  kit_commit(kit);
  lrm_log_key third = kit_key(3, KIT_COMMANDS);
  assert_ok(try_open(kit->path, &other, NULL, 0));
  assert_ok(lrm_store_log(other, &third, false, &theirs));
  assert_ok(kit_append(commands, 4, 1, 0));
  kit_commit(kit);
  assert_ok(lrm_log_trim(theirs, 4));
  assert_int_equal(lrm_store_commit(other), LRM_ERR_FENCED);
  lrm_store_close(other);
  assert_int_equal(lrm_store_sqlite_check(kit->store, NULL, NULL), 0);
}

static void waits_for_another_process(void **state) {
  store_kit *kit = *state;
  sqlite3 *holder = NULL;
  assert_int_equal(sqlite3_open(kit->path, &holder), SQLITE_OK);
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  assert_ok(kit_append(log, 0, 2, 1));
  kit_commit(kit);
  assert_int_equal(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  kit_reopen(kit); /* opening and reading do not wait */
  log = kit_log(kit, 1, KIT_EVENTS);
  kit_expect_range(log, 0, 2);
  sqlite3_exec(holder, "COMMIT", NULL, NULL, NULL);
  sqlite3_close(holder);
  assert_ok(kit_append(log, 2, 2, 1));
  kit_commit(kit);
}

/* ---- a full disk ---- */

static void stands_a_full_disk(void **state) {
  store_kit *kit = *state;
  char folder[80];
  snprintf(folder, sizeof folder, "%s/small", kit->folder);
  assert_int_equal(mkdir(folder, 0700), 0);
  if (mount("tmpfs", folder, "tmpfs", 0, "size=2m") != 0) {
    print_message("mounting is not permitted here (%s): skipped\n", strerror(errno));
    rmdir(folder);
    skip();
  }
  store_kit full = {.kind = KIT_SQLITE};
  snprintf(full.path, sizeof full.path, "%s/store", folder);
  assert_ok(try_open(full.path, &full.store, NULL, 0));
  lrm_log *log = started(&full, 1, KIT_EVENTS);
  kit_commit(&full);
  uint64_t end = 0, committed = 0;
  int error = 0;
  for (; error == 0 && end < 4000; end += 4) {
    for (uint64_t at = end; at < end + 4; at++) assert_ok(kit_append(log, at, 1, 1));
    char value[32];
    snprintf(value, sizeof value, "%llu", (unsigned long long)end + 4);
    assert_ok(lrm_store_put(full.store, SPACE, kit_text("end"), kit_text(value)));
    error = lrm_store_commit(full.store);
    if (error == 0) committed = end + 4;
  }
  assert_int_equal(error, LRM_ERR_DISK_FULL);
  assert_int_equal(lrm_store_commit(full.store), LRM_ERR_DISK_FULL);
  assert_int_equal(lrm_log_facts_now(log).durable, committed);
  kit_expect_range(log, 0, end);
  /* Another process sees all that was committed and nothing else. */
  lrm_store *other = NULL;
  assert_ok(try_open(full.path, &other, NULL, 0));
  lrm_log_key key = kit_key(1, KIT_EVENTS);
  lrm_log *seen = NULL;
  char value[32];
  snprintf(value, sizeof value, "%llu", (unsigned long long)committed);
  assert_ok(lrm_store_log(other, &key, false, &seen));
  assert_int_equal(lrm_log_facts_now(seen).end, committed);
  kit_expect_range(seen, 0, committed);
  kit_expect_record(other, SPACE, "end", value);
  lrm_store_close(other);
  assert_int_equal(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=32m"), 0);
  kit_commit(&full); /* there is room again */
  assert_int_equal(lrm_log_facts_now(log).durable, end);
  assert_int_equal(lrm_store_sqlite_check(full.store, NULL, NULL), 0);
  lrm_store_close(full.store);
  assert_int_equal(umount(folder), 0);
  rmdir(folder);
}

static void refuses_when_too_much_waits(void **state) {
  store_kit *kit = *state;
  kit_close(kit);
  lrm_store_sqlite_config config = {.struct_bytes = sizeof config,
                                    .allocator = lrm_allocator_default(),
                                    .path = kit->path,
                                    .pending_bytes_max = 100000};
  char text[100];
  assert_ok(lrm_store_sqlite_open(&config, &kit->store, text, sizeof text));
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  kit_commit(kit);
  lrm_block block = kit_block(0, 1, 200000);
  assert_ok(lrm_log_append(log, &block)); /* one always fits */
  block = kit_block(1, 1, 1);
  assert_int_equal(lrm_log_append(log, &block), LRM_ERR_BUSY);
  assert_int_equal(lrm_store_put(kit->store, SPACE, kit_text("a"), kit_text("1")), LRM_ERR_BUSY);
  kit_commit(kit);
  block = kit_block(1, 1, 95000);
  assert_ok(lrm_log_append(log, &block));
  lrm_batch *batch;
  assert_ok(lrm_store_freeze(kit->store, &batch)); /* what is out counts, too */
  block = kit_block(2, 1, 10000);
  assert_int_equal(lrm_log_append(log, &block), LRM_ERR_BUSY);
  assert_ok(lrm_store_put(kit->store, SPACE, kit_text("a"), kit_text("1"))); /* its outcome fits */
  assert_ok(lrm_store_settle(kit->store, batch, lrm_batch_write(batch)));
  assert_ok(lrm_log_append(log, &block));
  kit_commit(kit);
}

/* ---- fault points ---- */

static void fails_at_each_point(void **state) {
  store_kit *kit = *state;
  lrm_log *log = started(kit, 1, KIT_EVENTS);
  kit_commit(kit);
  uint64_t end = 0;
  for (int point = LRM_FAULT_RECEIVED; point <= LRM_FAULT_BEFORE_SETTLE; point++) {
    assert_ok(kit_append(log, end++, 1, 1));
    kit_fail(kit, LRM_ERR_STORE, 1);
    kit->fail_point = (lrm_fault_point)point;
    assert_int_equal(lrm_store_commit(kit->store), LRM_ERR_STORE);
    /* The truth is kept, whatever was answered: after the commit it is durable. */
    uint64_t durable = point == LRM_FAULT_AFTER_COMMIT ? end : end - 1;
    assert_int_equal(lrm_log_facts_now(log).durable, durable);
    assert_ok(lrm_store_commit(kit->store));
    assert_int_equal(lrm_log_facts_now(log).durable, end);
  }
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_EVENTS);
  kit_expect_range(log, 0, 4);
}

/* ---- size ---- */

typedef struct counting {
  size_t calls;
} counting;

static void *count_alloc(void *user, size_t bytes) {
  ((counting *)user)->calls++;
  return malloc(bytes);
}

static void count_free(void *user, void *memory) {
  (void)user;
  free(memory);
}

static void opens_without_loading(void **state) {
  store_kit *kit = *state;
  for (unsigned i = 0; i < 2000; i++) {
    lrm_log *log = started(kit, i, KIT_EVENTS);
    assert_ok(kit_append(log, 0, 1, 1));
    assert_ok(kit_append(log, 1, 1, 1));
    if (i % 500 == 499) kit_commit(kit);
  }
  kit_close(kit);
  counting counts = {0};
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config,
      .allocator = {.alloc = count_alloc, .free = count_free, .user = &counts},
      .path = kit->path};
  char text[100];
  assert_ok(lrm_store_sqlite_open(&config, &kit->store, text, sizeof text));
  assert_true(counts.calls < 10);
  lrm_log *log = kit_log(kit, 1234, KIT_EVENTS);
  kit_expect_range(log, 0, 2);
  assert_true(counts.calls < 30);
  assert_int_equal(lrm_store_sqlite_check(kit->store, NULL, NULL), 0);
}

static bool visit_inside(void *user, lrm_slice key, lrm_slice value) {
  (void)key;
  (void)value;
  ++*(int *)user;
  return true;
}

typedef struct nesting {
  lrm_store *store;
  int inner;
} nesting;

static bool visit_outside(void *user, lrm_slice key, lrm_slice value) {
  nesting *both = user;
  (void)key;
  (void)value;
  assert_ok(lrm_store_each(both->store, SPACE + 1, visit_inside, &both->inner));
  return true;
}

static void visits_inside_a_visit(void **state) {
  store_kit *kit = *state;
  for (unsigned i = 0; i < 6; i++) {
    char key[8];
    snprintf(key, sizeof key, "%u", i);
    assert_ok(lrm_store_put(kit->store, SPACE + i % 2, kit_text(key), kit_text("x")));
  }
  kit_commit(kit);
  nesting both = {.store = kit->store};
  assert_ok(lrm_store_each(kit->store, SPACE, visit_outside, &both));
  assert_int_equal(both.inner, 9);
}

static int set_up(void **state) {
  store_kit *self = calloc(1, sizeof *self);
  self->kind = KIT_SQLITE;
  kit_open(self);
  *state = self;
  return 0;
}

static int tear_down(void **state) {
  store_kit *self = *state;
  char folder[80];
  snprintf(folder, sizeof folder, "%s/small", self->folder);
  (void)umount2(folder, MNT_DETACH); /* left there by a case that failed */
  kit_remove(self);
  free(self);
  return 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {CASE(keeps_the_file_private),
                                     CASE(refuses_a_newer_version),
                                     CASE(notices_that_its_file_is_gone),
                                     CASE(a_limit_on_files_is_a_full_disk),
                                     CASE(refuses_other_files),
                                     CASE(finds_damage),
                                     CASE(survives_overwritten_pages),
                                     CASE(fences_the_older_process),
                                     CASE(fences_who_read_before),
                                     CASE(waits_for_another_process),
                                     CASE(stands_a_full_disk),
                                     CASE(refuses_when_too_much_waits),
                                     CASE(fails_at_each_point),
                                     CASE(opens_without_loading),
                                     CASE(visits_inside_a_visit)};
  return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
