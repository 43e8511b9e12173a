/* Reading on the owner's thread. Every statement is reset before its function returns, so that no
 * read transaction stays open: it would show an old state and hold up the checkpoint. */
#include <string.h>

#include "log_sqlite/sqlite_store.h"

/* The end of a statement: `code` is what its last step returned. */
static int finish(sqlite_store *self, sqlite3_stmt *statement, int code, const char *doing) {
  int error = code == SQLITE_DONE || code == SQLITE_ROW
                  ? 0
                  : lrm__sqlite_failed(self, self->reader, code, doing);
  sqlite3_reset(statement);
  return error;
}

static int read_next_log(void *user, uint64_t *number) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_NEXT_LOG];
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) *number = lrm__sqlite_column(statement, 0);
  return finish(self, statement, code, "counting logs");
}

static int read_find(void *user, const lrm_log_key *key, lrm__log_row *row) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_FIND];
  lrm__sqlite_bind(statement, 1, key->account);
  lrm__sqlite_bind_blob(statement, 2, key->session_id.bytes, sizeof key->session_id.bytes);
  lrm__sqlite_bind(statement, 3, key->kind);
  int code = sqlite3_step(statement);
  int error = code == SQLITE_DONE ? LRM_ERR_NOT_FOUND : 0;
  if (code == SQLITE_ROW) {
    row->number = lrm__sqlite_column(statement, 0);
    row->version = lrm__sqlite_column(statement, 1);
    if (!lrm__sqlite_column_meta(statement, 2, &row->meta)) error = LRM_ERR_CORRUPT;
  }
  int failed = finish(self, statement, code, "finding a log");
  return failed != 0 ? failed : error;
}

static int read_writers(void *user, uint64_t log, uint64_t line,
                        int (*visit)(void *user, const lrm__writer *writer), void *visitor) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_WRITERS];
  lrm__sqlite_bind(statement, 1, log);
  lrm__sqlite_bind(statement, 2, line);
  int code, error = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW && error == 0) {
    lrm__writer writer = {lrm__sqlite_column(statement, 0), lrm__sqlite_column(statement, 1)};
    error = visit(visitor, &writer);
  }
  int failed = finish(self, statement, code, "reading writers");
  return failed != 0 ? failed : error;
}

static int read_formers(void *user, uint64_t log, int (*visit)(void *user, const lrm_id *epoch),
                        void *visitor) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_FORMERS];
  lrm__sqlite_bind(statement, 1, log);
  int code, error = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW && error == 0) {
    lrm_id epoch;
    error = lrm__sqlite_column_id(statement, 0, &epoch) ? visit(visitor, &epoch) : LRM_ERR_CORRUPT;
  }
  int failed = finish(self, statement, code, "reading former epochs");
  return failed != 0 ? failed : error;
}

static int read_each_log(void *user,
                         int (*visit)(void *user, const lrm_log_key *key, uint64_t number),
                         void *visitor) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_LOGS];
  int code, error = 0;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW && error == 0) {
    lrm_log_key key = {.account = lrm__sqlite_column(statement, 0),
                       .kind = (uint32_t)lrm__sqlite_column(statement, 2)};
    if (!lrm__sqlite_column_id(statement, 1, &key.session_id)) error = LRM_ERR_CORRUPT;
    if (error == 0) error = visit(visitor, &key, lrm__sqlite_column(statement, 3));
  }
  int failed = finish(self, statement, code, "listing logs");
  return failed != 0 ? failed : error;
}

static int read_blocks(void *user, uint64_t log, uint64_t line, uint64_t offset,
                       lrm__take_block take, void *taker) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_BLOCKS];
  lrm__sqlite_bind(statement, 1, log);
  lrm__sqlite_bind(statement, 2, offset);
  int code, error = LRM_ERR_NOT_FOUND;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    lrm_block block;
    bool sound = lrm__sqlite_column_block(statement, 0, &block);
    if (sound && !lrm__sqlite_column_whole(statement, 0, &block)) {
      sound = false;
      sqlite3_snprintf(SQLITE_STORE_ERROR_BYTES, self->error,
                       "the block at offset %llu is not what was written",
                       (unsigned long long)block.offset);
    }
    lrm__kept_block *kept = sound ? lrm__block_make(&self->allocator, log, line, &block) : NULL;
    /* What was read ahead is a gift: only the first block can fail. */
    if (kept == NULL && error == LRM_ERR_NOT_FOUND)
      error = sound ? LRM_ERR_NO_MEMORY : LRM_ERR_CORRUPT;
    if (kept == NULL) break;
    error = 0;
    if (!take(taker, kept)) break;
  }
  int failed = finish(self, statement, code, "reading a block");
  return error == 0 ? 0 : failed != 0 ? failed : error;
}

static int read_measure(void *user, uint64_t log, uint64_t from, uint64_t to, uint64_t *bytes) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_MEASURE];
  lrm__sqlite_bind(statement, 1, log);
  lrm__sqlite_bind(statement, 2, from);
  lrm__sqlite_bind(statement, 3, to);
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) *bytes = lrm__sqlite_column(statement, 0);
  return finish(self, statement, code, "measuring a log");
}

static int read_next_set(void *user, uint64_t log, uint64_t from, uint64_t *offset) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_NEXT_SET];
  lrm__sqlite_bind(statement, 1, log);
  lrm__sqlite_bind(statement, 2, from);
  int code = sqlite3_step(statement);
  *offset = code == SQLITE_ROW ? lrm__sqlite_column(statement, 0) : LRM_OFFSET_NONE;
  return finish(self, statement, code, "finding a snapshot");
}

/* No batch is out: the writer rests. */
static bool untidy(void *user) { return ((const sqlite_store *)user)->untidy; }

static int lend(sqlite_store *self, sqlite3_stmt *statement, lrm_slice *value) {
  const void *data = sqlite3_column_blob(statement, 0);
  size_t bytes = (size_t)sqlite3_column_bytes(statement, 0);
  if (bytes > 0 && data == NULL) return LRM_ERR_NO_MEMORY;
  if (bytes > self->lent_bytes) {
    uint8_t *larger = lrm__alloc(&self->allocator, bytes);
    if (larger == NULL) return LRM_ERR_NO_MEMORY;
    lrm__free(&self->allocator, self->lent);
    self->lent = larger;
    self->lent_bytes = bytes;
  }
  if (bytes > 0) memcpy(self->lent, data, bytes);
  *value = (lrm_slice){self->lent, bytes};
  return 0;
}

static int read_get(void *user, uint32_t space, lrm_slice key, lrm_slice *value) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_RECORD];
  lrm__sqlite_bind(statement, 1, space);
  lrm__sqlite_bind_blob(statement, 2, key.data, key.bytes);
  int code = sqlite3_step(statement);
  int error = code == SQLITE_ROW ? lend(self, statement, value) : LRM_ERR_NOT_FOUND;
  int failed = finish(self, statement, code, "reading a record");
  return failed != 0 ? failed : error;
}

static int read_each(void *user, uint32_t space,
                     bool (*visit)(void *user, lrm_slice key, lrm_slice value), void *visitor) {
  sqlite_store *self = user;
  sqlite3_stmt *statement = self->reads[READ_RECORDS];
  sqlite3_stmt *own = NULL;
  int code = SQLITE_OK;
  if (sqlite3_stmt_busy(statement)) { /* called from inside a visit */
    code = sqlite3_prepare_v2(self->reader, lrm__sqlite_read_texts[READ_RECORDS], -1, &own, NULL);
    statement = own;
  }
  if (code == SQLITE_OK) lrm__sqlite_bind(statement, 1, space);
  while (code == SQLITE_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    lrm_slice key = {sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0)};
    lrm_slice value = {sqlite3_column_blob(statement, 1),
                       (size_t)sqlite3_column_bytes(statement, 1)};
    if (!visit(visitor, key, value)) break;
    code = SQLITE_OK;
  }
  int error = finish(self, statement, code, "reading records");
  sqlite3_finalize(own);
  return error;
}

static int settled(void *user, lrm__op *ops) {
  (void)user;
  (void)ops;
  return 0;
}

static int before_settle(void *user) {
  lrm__sqlite_take_write_error(user);
  return lrm__sqlite_fault(user, LRM_FAULT_BEFORE_SETTLE);
}

static void close_store(void *user) {
  sqlite_store *self = user;
  for (int i = 0; i < READ_COUNT; i++) sqlite3_finalize(self->reads[i]);
  for (int i = 0; i < WRITE_COUNT; i++) sqlite3_finalize(self->writes[i]);
  sqlite3_close(self->reader);
  sqlite3_close(self->writer);
  lrm__free(&self->allocator, self->lent);
  lrm__free(&self->allocator, self);
}

const lrm__backend lrm__sqlite_backend = {.write = lrm__sqlite_write,
                                          .settled = settled,
                                          .claim = lrm__sqlite_claim,
                                          .next_log = read_next_log,
                                          .find = read_find,
                                          .writers = read_writers,
                                          .formers = read_formers,
                                          .each_log = read_each_log,
                                          .read = read_blocks,
                                          .measure = read_measure,
                                          .next_set = read_next_set,
                                          .untidy = untidy,
                                          .get = read_get,
                                          .each = read_each,
                                          .before_settle = before_settle,
                                          .close = close_store};
