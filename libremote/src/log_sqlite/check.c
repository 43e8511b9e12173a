/* Verifies a file against what log.c promises of it. Reads one snapshot of the committed state. */
#include <string.h>

#include "log_sqlite/sqlite_store.h"
#include "remote/frame.h"

typedef struct checking {
  sqlite_store *self;
  void (*report)(void *user, const char *text);
  void *user;
  int faults;
  uint64_t log;
  lrm__log_meta meta;
  uint64_t next;  /* where the next block must start */
  uint64_t bytes; /* of the blocks seen */
  uint64_t blocks;
  uint64_t snapshot, snapshot_end; /* newest complete set seen */
  uint64_t set_start;
  uint32_t set_next; /* 0: not in a set */
  uint32_t set_parts;
} checking;

static void fault(checking *check, const char *what, uint64_t at) {
  char text[SQLITE_STORE_ERROR_BYTES];
  sqlite3_snprintf((int)sizeof text, text, "log %llu: %s (%llu)", (unsigned long long)check->log,
                   what, (unsigned long long)at);
  check->faults++;
  if (check->report != NULL) check->report(check->user, text);
}

static void expect(checking *check, bool holds, const char *what, uint64_t at) {
  if (!holds) fault(check, what, at);
}

static void failed(checking *check, const char *doing) {
  int code = sqlite3_extended_errcode(check->self->reader);
  (void)lrm__sqlite_failed(check->self, check->self->reader, code, doing);
  check->faults++;
  if (check->report != NULL) check->report(check->user, check->self->error);
}

static sqlite3_stmt *statement_of(checking *check, const char *text, uint64_t log) {
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(check->self->reader, text, -1, &statement, NULL) != SQLITE_OK) {
    failed(check, text);
    return NULL;
  }
  if (sqlite3_bind_parameter_count(statement) > 0) lrm__sqlite_bind(statement, 1, log);
  return statement;
}

static bool next_row(checking *check, sqlite3_stmt *statement, const char *doing) {
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) failed(check, doing);
  return false;
}

/* ---- parts ---- */

static void check_file(checking *check) {
  sqlite3_stmt *statement = statement_of(check, "PRAGMA integrity_check(20)", 0);
  while (statement != NULL && next_row(check, statement, "checking the file")) {
    const char *text = (const char *)sqlite3_column_text(statement, 0);
    if (text == NULL || strcmp(text, "ok") == 0) continue;
    check->faults++;
    if (check->report != NULL) check->report(check->user, text);
  }
  sqlite3_finalize(statement);
}

static void check_orphans(checking *check) {
  static const char *const texts[] = {
      ("SELECT place FROM block WHERE place NOT IN (SELECT place FROM log) AND place NOT IN"
       " (SELECT place FROM garbage) LIMIT 20"),
      "SELECT log FROM writer WHERE log NOT IN (SELECT id FROM log) LIMIT 20",
      "SELECT log FROM former WHERE log NOT IN (SELECT id FROM log) LIMIT 20"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    sqlite3_stmt *statement = statement_of(check, texts[i], 0);
    while (statement != NULL && next_row(check, statement, "looking for orphans")) {
      check->log = lrm__sqlite_column(statement, 0);
      fault(check, "rows of a log that does not exist", check->log);
    }
    sqlite3_finalize(statement);
  }
}

static void follow_set(checking *check, const lrm_block *block) {
  bool snapshot = (block->flags & LRM_FLAG_SNAPSHOT) != 0;
  if (snapshot && block->part == 1) {
    check->set_start = block->offset;
    check->set_parts = block->parts;
    check->set_next = 1;
  }
  bool fits = snapshot && block->part == check->set_next && block->parts == check->set_parts;
  check->set_next = fits && block->part < block->parts ? check->set_next + 1 : 0;
  if (!fits || block->part < block->parts) return;
  check->snapshot = check->set_start;
  check->snapshot_end = block->offset + block->count;
}

static void check_blocks(checking *check) {
  static const char text[] =
      "SELECT offset, count, flags, inflated_bytes, part, parts, writer_generation, payload, crc,"
      " (SELECT generation FROM writer WHERE writer.log = ?1 AND line ="
      "  (SELECT line FROM log WHERE log.id = ?1) AND first <= offset"
      "  ORDER BY first DESC LIMIT 1)"
      " FROM block WHERE place = (SELECT place FROM log WHERE id = ?1) AND offset >="
      " (SELECT ifnull(max(before), 0) FROM garbage WHERE garbage.place = block.place)"
      " ORDER BY offset";
  check->next = check->meta.first;
  check->bytes = check->blocks = 0;
  check->snapshot = check->snapshot_end = LRM_OFFSET_NONE;
  check->set_next = 0;
  sqlite3_stmt *statement = statement_of(check, text, check->log);
  while (statement != NULL && next_row(check, statement, "reading blocks")) {
    lrm_block block;
    if (!lrm__sqlite_column_block(statement, 0, &block)) {
      fault(check, "a block that cannot have been written", check->next);
      break;
    }
    expect(check, block.offset == check->next, "a gap or an overlap before offset", block.offset);
    expect(check, lrm__sqlite_column(statement, 9) == block.writer_generation,
           "the list of writers names another process at offset", block.offset);
    expect(check, lrm__sqlite_column_whole(statement, 0, &block),
           "the checksum does not fit the block at offset", block.offset);
    follow_set(check, &block);
    check->next = block.offset + block.count;
    check->bytes += block.payload.bytes;
    check->blocks++;
  }
  sqlite3_finalize(statement);
}

static void check_meta(checking *check) {
  const lrm__log_meta *meta = &check->meta;
  check_blocks(check);
  expect(check, check->next == meta->end, "blocks end elsewhere than the log", check->next);
  expect(check, (check->blocks == 0) == (meta->first == meta->end), "first is not the first block",
         meta->first);
  expect(check, check->bytes == meta->bytes, "the count of bytes is wrong", meta->bytes);
  expect(check, check->snapshot == meta->snapshot, "snapshot index: start", meta->snapshot);
  expect(check, check->snapshot_end == meta->snapshot_end, "snapshot index: end",
         meta->snapshot_end);
  expect(check, check->set_next == meta->set_next, "snapshot index: unfinished set",
         meta->set_next);
}

static void check_logs(checking *check) {
  static const char text[] =
      "SELECT id, epoch, line, first, end, snapshot, snapshot_end, clears_tail, bytes, set_start,"
      " set_parts, set_next, (SELECT count(*) FROM former WHERE former.log = log.id AND"
      " former.epoch = log.epoch) FROM log ORDER BY id";
  sqlite3_stmt *statement = statement_of(check, text, 0);
  while (statement != NULL && next_row(check, statement, "reading logs")) {
    check->log = lrm__sqlite_column(statement, 0);
    if (!lrm__sqlite_column_meta(statement, 1, &check->meta)) {
      fault(check, "a row that cannot have been written", check->log);
      continue;
    }
    expect(check, lrm__sqlite_column(statement, 12) == 0, "its epoch is also a former one",
           check->log);
    check_meta(check);
  }
  sqlite3_finalize(statement);
}

int lrm__sqlite_check(sqlite_store *self, void (*report)(void *user, const char *text),
                      void *user) {
  checking check = {.self = self, .report = report, .user = user};
  sqlite3 *reader = check.self->reader;
  if (sqlite3_exec(reader, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
    failed(&check, "beginning to check");
    return check.faults;
  }
  check_file(&check);
  check_orphans(&check);
  check_logs(&check);
  sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL);
  return check.faults;
}

int lrm_store_sqlite_check(lrm_store *store, void (*report)(void *user, const char *text),
                           void *user) {
  if (store->backend != &lrm__sqlite_backend) return LRM_ERR_USAGE;
  return lrm__sqlite_check(store->self, report, user);
}
