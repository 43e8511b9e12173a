/* One transaction a batch. */
#include <errno.h>

#include "log_sqlite/sqlite_store.h"

int lrm__sqlite_run(sqlite_store *self, sqlite_write which, const char *doing) {
  sqlite3_stmt *statement = self->writes[which];
  errno = 0;
  int code = sqlite3_step(statement);
  self->write_errno = errno;
  int error = code == SQLITE_DONE || code == SQLITE_ROW
                  ? 0
                  : lrm__sqlite_failed(self, self->writer, code, doing);
  sqlite3_reset(statement);
  return error;
}

static void roll_back(sqlite_store *self) {
  /* SQLite may have rolled back by itself already (full disk, I/O error). */
  if (sqlite3_get_autocommit(self->writer) != 0) return;
  sqlite3_step(self->writes[WRITE_ROLLBACK]);
  sqlite3_reset(self->writes[WRITE_ROLLBACK]);
}

static int fenced(sqlite_store *self, const char *what) {
  sqlite3_snprintf((int)sizeof self->write_error, self->write_error, "another process has %s",
                   what);
  return LRM_ERR_FENCED;
}

static int read_generation(sqlite_store *self, uint64_t *generation) {
  sqlite3_stmt *statement = self->writes[WRITE_GENERATION];
  int code = sqlite3_step(statement);
  int error = 0;
  if (code == SQLITE_ROW)
    *generation = lrm__sqlite_column(statement, 0);
  else if (code == SQLITE_DONE)
    error = LRM_ERR_CORRUPT;
  else
    error = lrm__sqlite_failed(self, self->writer, code, "reading the generation");
  sqlite3_reset(statement);
  return error;
}

/* ---- operations ---- */

/* The row is compared and set: whoever read it before somebody else wrote it is fenced. */
static int write_log(sqlite_store *self, const lrm__op *op) {
  const lrm__log_op *row = &op->u.row;
  const lrm__log_meta *meta = &row->meta;
  sqlite_write which = row->create ? WRITE_LOG_INSERT : WRITE_LOG_UPDATE;
  sqlite3_stmt *statement = self->writes[which];
  const uint64_t numbers[] = {meta->line,         meta->first,       meta->end,   meta->snapshot,
                              meta->snapshot_end, meta->clears_tail, meta->bytes, meta->set_start,
                              meta->set_parts,    meta->set_next};
  lrm__sqlite_bind(statement, 1, op->log);
  lrm__sqlite_bind(statement, 2, row->version);
  lrm__sqlite_bind_blob(statement, 3, meta->epoch.bytes, sizeof meta->epoch.bytes);
  for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
    lrm__sqlite_bind(statement, 4 + i, numbers[i]);
  if (row->create) {
    lrm__sqlite_bind(statement, 14, row->key.account);
    lrm__sqlite_bind_blob(statement, 15, row->key.session_id.bytes, sizeof row->key.session_id);
    lrm__sqlite_bind(statement, 16, row->key.kind);
    uint64_t place;
    int taken = lrm__sqlite_next_place(self, &place);
    if (taken != 0) return taken;
    lrm__sqlite_bind(statement, 17, place);
  }
  int error = lrm__sqlite_run(self, which, "writing a log");
  if (error == 0 && sqlite3_changes(self->writer) != 1) return fenced(self, "changed this log");
  return error;
}

static int delete_log(sqlite_store *self, const lrm__op *op) {
  static const sqlite_write parts[] = {WRITE_WRITERS_DELETE, WRITE_FORMERS_DELETE,
                                       WRITE_LOG_DELETE};
  int error = lrm__sqlite_discard(self, op->log, LRM_OFFSET_MAX);
  for (size_t i = 0; error == 0 && i < sizeof parts / sizeof *parts; i++) {
    lrm__sqlite_bind(self->writes[parts[i]], 1, op->log);
    error = lrm__sqlite_run(self, parts[i], "deleting a log");
  }
  return error;
}

static int write_block(sqlite_store *self, const lrm__op *op) {
  sqlite3_stmt *statement = self->writes[WRITE_BLOCK_INSERT];
  const lrm_block *block = &op->u.block->block;
  const uint64_t numbers[] = {op->log,      block->offset,           block->count,
                              block->flags, block->inflated_bytes,   block->part,
                              block->parts, block->writer_generation};
  for (int i = 0; i < (int)(sizeof numbers / sizeof *numbers); i++)
    lrm__sqlite_bind(statement, 1 + i, numbers[i]);
  lrm__sqlite_bind_blob(statement, 9, block->payload.data, block->payload.bytes);
  lrm__sqlite_bind(statement, 10, lrm__sqlite_crc(block));
  return lrm__sqlite_run(self, WRITE_BLOCK_INSERT, "writing a block");
}

/* A number line ends: who wrote it is of no more use. */
static int clear_log(sqlite_store *self, const lrm__op *op) {
  lrm__sqlite_bind(self->writes[WRITE_WRITERS_DELETE], 1, op->log);
  int error = lrm__sqlite_run(self, WRITE_WRITERS_DELETE, "forgetting writers");
  return error != 0 ? error : lrm__sqlite_move(self, op->log);
}

static int write_writer(sqlite_store *self, const lrm__op *op) {
  sqlite3_stmt *statement = self->writes[WRITE_WRITER_INSERT];
  lrm__sqlite_bind(statement, 1, op->log);
  lrm__sqlite_bind(statement, 2, op->line);
  lrm__sqlite_bind(statement, 3, op->u.writer.first);
  lrm__sqlite_bind(statement, 4, op->u.writer.generation);
  return lrm__sqlite_run(self, WRITE_WRITER_INSERT, "writing a writer");
}

static int write_former(sqlite_store *self, const lrm__op *op) {
  sqlite3_stmt *statement = self->writes[WRITE_FORMER_INSERT];
  lrm__sqlite_bind(statement, 1, op->log);
  lrm__sqlite_bind_blob(statement, 2, op->u.former.bytes, sizeof op->u.former.bytes);
  return lrm__sqlite_run(self, WRITE_FORMER_INSERT, "writing a former epoch");
}

static int write_record(sqlite_store *self, const lrm__op *op) {
  const lrm__record_op *record = &op->u.record;
  sqlite_write which = record->removed ? WRITE_RECORD_REMOVE : WRITE_RECORD_PUT;
  sqlite3_stmt *statement = self->writes[which];
  lrm__sqlite_bind(statement, 1, record->space);
  lrm__sqlite_bind_blob(statement, 2, record->key.data, record->key.bytes);
  if (!record->removed)
    lrm__sqlite_bind_blob(statement, 3, record->value.data, record->value.bytes);
  return lrm__sqlite_run(self, which, "writing a record");
}

static int write_op(sqlite_store *self, const lrm__op *op) {
  switch (op->kind) {
    case LRM__OP_LOG:
      return write_log(self, op);
    case LRM__OP_DELETE_LOG:
      return delete_log(self, op);
    case LRM__OP_BLOCK:
      return write_block(self, op);
    case LRM__OP_TRIM:
      return lrm__sqlite_discard(self, op->log, op->u.before);
    case LRM__OP_CLEAR:
      return clear_log(self, op);
    case LRM__OP_WRITER:
      return write_writer(self, op);
    case LRM__OP_FORMER:
      return write_former(self, op);
    case LRM__OP_RECORD:
      return write_record(self, op);
    case LRM__OP_TIDY:
      return 0;
  }
  return LRM_ERR_STATE;
}

/* ---- transactions ---- */

static int write_all(sqlite_store *self, const lrm__op *ops) {
  uint64_t generation = 0;
  int error = read_generation(self, &generation);
  if (error != 0) return error;
  if (generation != self->generation) return fenced(self, "taken this store");
  for (const lrm__op *op = ops; op != NULL; op = op->next) {
    error = write_op(self, op);
    if (error != 0) return error;
  }
  error = lrm__sqlite_tidy(self);
  if (error == 0) error = lrm__sqlite_fault(self, LRM_FAULT_BEFORE_COMMIT);
  return error != 0 ? error : lrm__sqlite_run(self, WRITE_COMMIT, "committing");
}

/* A file that was removed, or put aside for another, can be written to for ever, and all of it is
 * lost when the process ends. */
static int still_there(sqlite_store *self) {
  int moved = 0;
  int code = sqlite3_file_control(self->writer, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  if (code != SQLITE_OK || !moved) return 0;
  sqlite3_snprintf((int)sizeof self->write_error, self->write_error,
                   "the file was removed or replaced; put it back, or start again");
  return LRM_ERR_STORE;
}

int lrm__sqlite_write(void *user, const lrm__op *ops, uint64_t bytes, bool *committed) {
  sqlite_store *self = user;
  (void)bytes;
  int error = lrm__sqlite_fault(self, LRM_FAULT_RECEIVED);
  if (error == 0) error = still_there(self);
  if (error != 0) return error;
  error = lrm__sqlite_run(self, WRITE_BEGIN, "beginning a transaction");
  if (error != 0) return error;
  lrm__sqlite_wal_grow(self);
  error = write_all(self, ops);
  if (error != 0) {
    roll_back(self);
    self->untidy = true; /* what was found done is not */
    return error;
  }
  *committed = true;
  return lrm__sqlite_fault(self, LRM_FAULT_AFTER_COMMIT);
}

static int raise_generation(sqlite_store *self, uint64_t wall_ms, uint64_t *last, uint64_t *next) {
  int error = read_generation(self, last);
  if (error != 0) return error;
  *next = *last + 1 > wall_ms ? *last + 1 : wall_ms;
  if (*next > LRM_OFFSET_MAX) return LRM_ERR_USAGE;
  lrm__sqlite_bind(self->writes[WRITE_CLAIM], 1, *next);
  error = lrm__sqlite_run(self, WRITE_CLAIM, "raising the generation");
  return error != 0 ? error : lrm__sqlite_run(self, WRITE_COMMIT, "committing the generation");
}

int lrm__sqlite_claim(void *user, uint64_t wall_ms, uint64_t *generation, bool *changed) {
  sqlite_store *self = user;
  uint64_t last = 0, next = 0;
  int error = lrm__sqlite_run(self, WRITE_BEGIN, "beginning to claim");
  if (error == 0) error = raise_generation(self, wall_ms, &last, &next);
  if (error != 0) {
    roll_back(self);
    lrm__sqlite_take_write_error(self);
    return error;
  }
  *changed = last != self->generation;
  *generation = self->generation = next;
  return 0;
}
