#include "log/store_kit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int kit_fault(void *user, lrm_fault_point point) {
  store_kit *self = user;
  if (self->fail_count == 0 || point != self->fail_point) return 0;
  self->fail_count--;
  return self->fail_error;
}

static void open_sqlite(store_kit *kit) {
  char text[256];
  lrm_store_sqlite_config config = {.struct_bytes = sizeof config,
                                    .allocator = lrm_allocator_default(),
                                    .path = kit->path,
                                    .fault = kit_fault,
                                    .fault_user = kit};
  int error = lrm_store_sqlite_open(&config, &kit->store, text, sizeof text);
  if (error != 0) fail_msg("%s", text);
}

void kit_open(store_kit *kit) {
  if (kit->kind == KIT_MEMORY) {
    lrm_store_memory_config config = {.struct_bytes = sizeof config,
                                      .allocator = lrm_allocator_default()};
    assert_ok(lrm_store_memory_open(&config, &kit->store));
    return;
  }
  snprintf(kit->folder, sizeof kit->folder, "/tmp/lrm-log-XXXXXX");
  assert_non_null(mkdtemp(kit->folder));
  snprintf(kit->path, sizeof kit->path, "%s/store", kit->folder);
  open_sqlite(kit);
}

void kit_close(store_kit *kit) {
  lrm_store_close(kit->store);
  kit->store = NULL;
}

void kit_reopen(store_kit *kit) {
  if (kit->kind == KIT_MEMORY) {
    lrm_store_memory_crash(kit->store);
    return;
  }
  kit_close(kit);
  open_sqlite(kit);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at) {
  (void)status;
  (void)type;
  (void)at;
  return remove(path);
}

void kit_remove_tree(const char *folder) {
  (void)nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void kit_copy_file(const char *from, const char *to) {
  static uint8_t buffer[64 * 1024];
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  assert_true(in != NULL && out != NULL);
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, in)) > 0;)
    assert_int_equal(fwrite(buffer, 1, got, out), got);
  fclose(in);
  assert_int_equal(fclose(out), 0);
}

void kit_remove(store_kit *kit) {
  if (kit->store != NULL) kit_close(kit);
  if (kit->kind == KIT_SQLITE) kit_remove_tree(kit->folder);
}

void kit_fail(store_kit *kit, int error, unsigned count) {
  if (kit->kind == KIT_MEMORY) lrm_store_memory_fail(kit->store, error, count);
  kit->fail_error = error;
  kit->fail_count = count;
  kit->fail_point = LRM_FAULT_BEFORE_COMMIT;
}

lrm_id kit_id(unsigned number) {
  lrm_id id = {{0}};
  id.bytes[0] = 0x1d;
  id.bytes[14] = (uint8_t)(number >> 8);
  id.bytes[15] = (uint8_t)number;
  return id;
}

lrm_log_key kit_key(unsigned session, uint32_t kind) {
  return (lrm_log_key){.account = 7, .session_id = kit_id(session), .kind = kind};
}

lrm_log *kit_log(store_kit *kit, unsigned session, uint32_t kind) {
  lrm_log_key key = kit_key(session, kind);
  lrm_log *log = NULL;
  assert_ok(lrm_store_log(kit->store, &key, true, &log));
  return log;
}

lrm_slice kit_text(const char *text) { return (lrm_slice){(const uint8_t *)text, strlen(text)}; }

lrm_block kit_block(uint64_t offset, uint32_t count, size_t bytes) {
  static uint8_t payload[256 * 1024];
  assert_true(bytes <= sizeof payload);
  for (size_t i = 0; i < bytes; i++) payload[i] = (uint8_t)(offset * 31 + count * 7 + i);
  return (lrm_block){.offset = offset, .count = count, .payload = {payload, bytes}};
}

/* Sizes vary with the offset, from 0 to a few pages. */
static size_t bytes_at(uint64_t offset) { return (size_t)(offset * 977 % 9001); }

int kit_append(lrm_log *log, uint64_t offset, uint32_t count, uint64_t writer) {
  lrm_block block = kit_block(offset, count, bytes_at(offset));
  block.writer_generation = writer;
  return lrm_log_append(log, &block);
}

int kit_append_part(lrm_log *log, uint64_t offset, uint32_t part, uint32_t parts) {
  lrm_block block = kit_block(offset, 1, bytes_at(offset));
  block.flags = LRM_FLAG_SNAPSHOT;
  block.part = part;
  block.parts = parts;
  return lrm_log_append(log, &block);
}

void kit_expect_range(lrm_log *log, uint64_t from, uint64_t to) {
  for (uint64_t at = from; at < to;) {
    lrm_block block;
    assert_ok(lrm_log_read(log, at, &block));
    assert_true(block.offset <= at && at < block.offset + block.count);
    lrm_block made = kit_block(block.offset, block.count, bytes_at(block.offset));
    assert_int_equal(block.payload.bytes, made.payload.bytes);
    assert_memory_equal(block.payload.data, made.payload.data, made.payload.bytes);
    at = block.offset + block.count;
  }
}

void kit_expect_record(lrm_store *store, uint32_t space, const char *key, const char *value) {
  lrm_slice found;
  int error = lrm_store_get(store, space, kit_text(key), &found);
  if (value == NULL) {
    assert_int_equal(error, LRM_ERR_NOT_FOUND);
    return;
  }
  assert_ok(error);
  assert_int_equal(found.bytes, strlen(value));
  assert_memory_equal(found.data, value, found.bytes);
}

void kit_commit(store_kit *kit) {
  assert_ok(lrm_store_commit(kit->store));
  assert_false(lrm_store_dirty(kit->store));
}

uint64_t kit_random(uint64_t *state) {
  uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));
  x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}
