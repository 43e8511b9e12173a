/* The power fails: of each file only what was synced is left. A layer under SQLite keeps a copy of
 * every file as of its last sync; the copies are what is opened afterwards. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/store_kit.h"

typedef struct layered_file {
  sqlite3_file base;
  sqlite3_file *real; /* lies behind this struct */
  char copy[160];     /* empty: not a file that counts */
} layered_file;

static sqlite3_vfs *real_vfs;
static sqlite3_vfs layer;
static unsigned syncs;
static unsigned full;           /* commits that failed for want of room */
static unsigned calls, fail_at; /* the failing write, sync or truncation; 0: none */
static int fail_code;

static bool fails(void) { return ++calls == fail_at; }

static layered_file *layered(sqlite3_file *file) { return (layered_file *)(void *)file; }

static int layer_sync(sqlite3_file *file, int flags) {
  layered_file *self = layered(file);
  if (fails()) return fail_code == SQLITE_FULL ? SQLITE_IOERR_FSYNC : fail_code;
  (void)flags; /* the real file is not synced: the copy is what will be left */
  sqlite3_int64 bytes = 0;
  syncs++;
  if (self->copy[0] == '\0' || fail_at != 0) return SQLITE_OK;
  if (self->real->pMethods->xFileSize(self->real, &bytes) != SQLITE_OK) return SQLITE_IOERR;
  uint8_t *data = malloc((size_t)bytes + 1);
  if (bytes > 0 && self->real->pMethods->xRead(self->real, data, (int)bytes, 0) != SQLITE_OK)
    return SQLITE_IOERR;
  FILE *copy = fopen(self->copy, "wb");
  if (copy == NULL || fwrite(data, 1, (size_t)bytes, copy) != (size_t)bytes) return SQLITE_IOERR;
  fclose(copy);
  free(data);
  return SQLITE_OK;
}

/* clang-format off */
static int layer_close(sqlite3_file *f) { return layered(f)->real->pMethods->xClose(layered(f)->real); }
static int layer_read(sqlite3_file *f, void *d, int n, sqlite3_int64 at) { return layered(f)->real->pMethods->xRead(layered(f)->real, d, n, at); }
static int layer_write(sqlite3_file *f, const void *d, int n, sqlite3_int64 at) { return fails() ? fail_code : layered(f)->real->pMethods->xWrite(layered(f)->real, d, n, at); }
static int layer_truncate(sqlite3_file *f, sqlite3_int64 n) { return fails() ? SQLITE_IOERR_TRUNCATE : layered(f)->real->pMethods->xTruncate(layered(f)->real, n); }
static int layer_size(sqlite3_file *f, sqlite3_int64 *n) { return layered(f)->real->pMethods->xFileSize(layered(f)->real, n); }
static int layer_lock(sqlite3_file *f, int l) { return layered(f)->real->pMethods->xLock(layered(f)->real, l); }
static int layer_unlock(sqlite3_file *f, int l) { return layered(f)->real->pMethods->xUnlock(layered(f)->real, l); }
static int layer_reserved(sqlite3_file *f, int *out) { return layered(f)->real->pMethods->xCheckReservedLock(layered(f)->real, out); }
static int layer_control(sqlite3_file *f, int op, void *arg) { return layered(f)->real->pMethods->xFileControl(layered(f)->real, op, arg); }
static int layer_sector(sqlite3_file *f) { return layered(f)->real->pMethods->xSectorSize(layered(f)->real); }
static int layer_device(sqlite3_file *f) { return layered(f)->real->pMethods->xDeviceCharacteristics(layered(f)->real); }
static int layer_shm_map(sqlite3_file *f, int page, int n, int extend, void volatile **out) { return layered(f)->real->pMethods->xShmMap(layered(f)->real, page, n, extend, out); }
static int layer_shm_lock(sqlite3_file *f, int at, int n, int flags) { return layered(f)->real->pMethods->xShmLock(layered(f)->real, at, n, flags); }
static void layer_shm_barrier(sqlite3_file *f) { layered(f)->real->pMethods->xShmBarrier(layered(f)->real); }
static int layer_shm_unmap(sqlite3_file *f, int drop) { return layered(f)->real->pMethods->xShmUnmap(layered(f)->real, drop); }
/* clang-format on */

static const sqlite3_io_methods layer_methods = {.iVersion = 2,
                                                 .xClose = layer_close,
                                                 .xRead = layer_read,
                                                 .xWrite = layer_write,
                                                 .xTruncate = layer_truncate,
                                                 .xSync = layer_sync,
                                                 .xFileSize = layer_size,
                                                 .xLock = layer_lock,
                                                 .xUnlock = layer_unlock,
                                                 .xCheckReservedLock = layer_reserved,
                                                 .xFileControl = layer_control,
                                                 .xSectorSize = layer_sector,
                                                 .xDeviceCharacteristics = layer_device,
                                                 .xShmMap = layer_shm_map,
                                                 .xShmLock = layer_shm_lock,
                                                 .xShmBarrier = layer_shm_barrier,
                                                 .xShmUnmap = layer_shm_unmap};

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out) {
  (void)vfs;
  layered_file *self = layered(file);
  memset(self, 0, sizeof *self);
  self->real = (sqlite3_file *)(void *)(self + 1);
  int code = real_vfs->xOpen(real_vfs, name, self->real, flags, out);
  if (code != SQLITE_OK) return code;
  self->base.pMethods = &layer_methods;
  if (name != NULL && (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL)) != 0) {
    /* The copy lies in a folder beside the file. */
    const char *slash = strrchr(name, '/');
    snprintf(self->copy, sizeof self->copy, "%.*s/synced%s", (int)(slash - name), name, slash);
  }
  return SQLITE_OK;
}

static void check_copies(const char *folder, uint64_t durable) {
  static const char *const names[] = {"store", "store-wal"};
  char after[100], path[160], from[160], text[200];
  snprintf(after, sizeof after, "%s/after", folder);
  kit_remove_tree(after);
  assert_int_equal(mkdir(after, 0700), 0);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(from, sizeof from, "%s/synced/%s", folder, names[i]);
    snprintf(path, sizeof path, "%s/%s", after, names[i]);
    if (access(from, F_OK) == 0) kit_copy_file(from, path);
  }
  snprintf(path, sizeof path, "%s/store", after);
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = path};
  lrm_store *store;
  lrm_log *log;
  lrm_log_key key = kit_key(1, KIT_COMMANDS);
  if (lrm_store_sqlite_open(&config, &store, text, sizeof text) != 0) fail_msg("%s", text);
  assert_ok(lrm_store_log(store, &key, false, &log));
  assert_true(lrm_log_facts_now(log).end >= durable);
  kit_expect_range(log, lrm_log_facts_now(log).first, lrm_log_facts_now(log).end);
  assert_int_equal(lrm_store_sqlite_check(store, NULL, NULL), 0);
  lrm_store_close(store);
}

static void lay(void) {
  real_vfs = sqlite3_vfs_find(NULL);
  layer = *real_vfs;
  layer.szOsFile = (int)sizeof(layered_file) + real_vfs->szOsFile;
  layer.zName = "layer";
  layer.xOpen = layer_open;
}

static void loses_nothing_without_power(void **state) {
  (void)state;
  store_kit kit = {.kind = KIT_SQLITE};
  char synced[128], text[200];
  lay();
  kit_open(&kit);
  kit_close(&kit);
  /* Begin again above the layer. */
  assert_int_equal(unlink(kit.path), 0);
  snprintf(synced, sizeof synced, "%s/synced", kit.folder);
  assert_int_equal(mkdir(synced, 0700), 0);
  assert_int_equal(sqlite3_vfs_register(&layer, 1), SQLITE_OK);
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = kit.path};
  assert_ok(lrm_store_sqlite_open(&config, &kit.store, text, sizeof text));
  uint64_t generation;
  assert_ok(lrm_store_claim(kit.store, 1, &generation));
  lrm_log *log = kit_log(&kit, 1, KIT_COMMANDS);
  lrm_id epoch = kit_id(1);
  assert_ok(lrm_log_restart(log, &epoch));
  for (uint64_t at = 0; at < 60; at++) {
    unsigned before = syncs;
    assert_ok(kit_append(log, at, 1, 0));
    if (at % 10 == 9) assert_ok(lrm_log_trim(log, at - 3));
    kit_commit(&kit);
    assert_true(syncs > before); /* each commit reaches the disk */
    sqlite3_vfs_register(real_vfs, 1);
    check_copies(kit.folder, lrm_log_facts_now(log).durable);
    sqlite3_vfs_register(&layer, 1);
  }
  kit_close(&kit);
  sqlite3_vfs_register(real_vfs, 1);
  sqlite3_vfs_unregister(&layer);
  kit_remove(&kit);
}

/* ---- a disk that fails once ---- */

static int open_again(store_kit *kit) {
  char text[200];
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = kit->path};
  return lrm_store_sqlite_open(&config, &kit->store, text, sizeof text);
}

/* Whatever fails is said, nothing of it is kept, and it goes through the second time. */
static unsigned write_through(store_kit *kit) {
  unsigned felt = 0;
  int error = open_again(kit);
  if (error != 0) felt++, error = open_again(kit);
  assert_ok(error);
  uint64_t generation;
  error = lrm_store_claim(kit->store, 1, &generation);
  if (error != 0) felt++, error = lrm_store_claim(kit->store, 1, &generation);
  assert_ok(error);
  lrm_log *log = kit_log(kit, 1, KIT_COMMANDS);
  lrm_id epoch = kit_id(1);
  assert_ok(lrm_log_restart(log, &epoch));
  for (uint64_t at = 0; at < 6; at++) {
    assert_ok(kit_append(log, at, 1, 0));
    if (at == 4) assert_ok(lrm_log_trim(log, 2));
    uint64_t durable = lrm_log_facts_now(log).durable;
    error = lrm_store_commit(kit->store);
    if (error == 0) continue;
    felt++;
    full += error == LRM_ERR_DISK_FULL;
    if (error != LRM_ERR_DISK_FULL) assert_int_equal(error, LRM_ERR_STORE);
    assert_true(lrm_store_sqlite_error(kit->store)[0] != '\0');
    assert_int_equal(lrm_log_facts_now(log).durable, durable);
    kit_expect_range(log, lrm_log_facts_now(log).first, at + 1);
    kit_commit(kit);
  }
  kit_close(kit);
  return felt;
}

static void expect_written(store_kit *kit) {
  assert_ok(open_again(kit));
  lrm_log *log = kit_log(kit, 1, KIT_COMMANDS);
  assert_int_equal(lrm_log_facts_now(log).end, 6);
  kit_expect_range(log, 2, 6);
  assert_int_equal(lrm_store_sqlite_check(kit->store, NULL, NULL), 0);
}

static void stands_failing_disk(int code) {
  unsigned felt = full = 0;
  lay();
  fail_code = code;
  for (fail_at = 1;; fail_at++) {
    store_kit kit = {.kind = KIT_SQLITE};
    /* In memory where there is such a place: nothing here depends on a real disk. */
    snprintf(kit.folder, sizeof kit.folder, "%s/lrm-log-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(kit.folder));
    snprintf(kit.path, sizeof kit.path, "%s/store", kit.folder);
    sqlite3_vfs_register(&layer, 1);
    calls = 0;
    felt += write_through(&kit);
    bool over = calls < fail_at;
    sqlite3_vfs_register(real_vfs, 1);
    sqlite3_vfs_unregister(&layer);
    expect_written(&kit);
    kit_remove(&kit);
    if (over) break;
  }
  print_message("%u writes and syncs failed, %u were felt\n", fail_at - 1, felt);
  assert_true(felt > 20);
  assert_true((full > 0) == (code == SQLITE_FULL));
  fail_at = 0;
}

static void stands_write_errors(void **state) {
  (void)state;
  stands_failing_disk(SQLITE_IOERR_WRITE);
}

static void stands_a_full_disk(void **state) {
  (void)state;
  stands_failing_disk(SQLITE_FULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(loses_nothing_without_power),
                                     cmocka_unit_test(stands_write_errors),
                                     cmocka_unit_test(stands_a_full_disk)};
  return cmocka_run_group_tests_name("power", tests, NULL, NULL);
}
