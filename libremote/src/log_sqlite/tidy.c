/* What is not needed any more goes in small parts. A log of a gigabyte that is deleted in one
 * transaction would hold up every other commit for seconds; so a trim, a new number line and a
 * deletion only note what is garbage, and each commit sweeps a little. Pages that become free are
 * used again; those beyond what is of use soon go back to the file system. */
#include "log_sqlite/sqlite_store.h"
#include "remote/limits.h"

/* With 2 KiB a block, a sweep frees up to 1 MiB. */
#define SWEEP_BLOCKS 512
#define FREE_PAGES_KEPT 1024 /* and an eighth of the file */

int lrm__sqlite_next_place(sqlite_store *self, uint64_t *place) {
  sqlite3_stmt *statement = self->writes[WRITE_PLACE_NEXT];
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) *place = lrm__sqlite_column(statement, 0);
  int error =
      code == SQLITE_ROW ? 0 : lrm__sqlite_failed(self, self->writer, code, "finding a place");
  sqlite3_reset(statement);
  return error;
}

int lrm__sqlite_discard(sqlite_store *self, uint64_t log, uint64_t before) {
  lrm__sqlite_bind(self->writes[WRITE_GARBAGE_ADD], 1, log);
  lrm__sqlite_bind(self->writes[WRITE_GARBAGE_ADD], 2, before);
  self->untidy = true;
  return lrm__sqlite_run(self, WRITE_GARBAGE_ADD, "discarding blocks");
}

int lrm__sqlite_move(sqlite_store *self, uint64_t log) {
  uint64_t place;
  int error = lrm__sqlite_discard(self, log, LRM_OFFSET_MAX);
  if (error == 0) error = lrm__sqlite_next_place(self, &place);
  if (error != 0) return error;
  lrm__sqlite_bind(self->writes[WRITE_PLACE_SET], 1, log);
  lrm__sqlite_bind(self->writes[WRITE_PLACE_SET], 2, place);
  return lrm__sqlite_run(self, WRITE_PLACE_SET, "moving a log");
}

/* ---- sweeping ---- */

static int read_number(sqlite_store *self, sqlite_write which, uint64_t *value) {
  sqlite3_stmt *statement = self->writes[which];
  int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) *value = lrm__sqlite_column(statement, 0);
  int error =
      code == SQLITE_ROW ? 0 : lrm__sqlite_failed(self, self->writer, code, "counting pages");
  sqlite3_reset(statement);
  return error;
}

static int next_garbage(sqlite_store *self, uint64_t *place, uint64_t *before, bool *found) {
  sqlite3_stmt *statement = self->writes[WRITE_GARBAGE_NEXT];
  int code = sqlite3_step(statement);
  *found = code == SQLITE_ROW;
  if (*found) {
    *place = lrm__sqlite_column(statement, 0);
    *before = lrm__sqlite_column(statement, 1);
  }
  int error = code == SQLITE_ROW || code == SQLITE_DONE
                  ? 0
                  : lrm__sqlite_failed(self, self->writer, code, "looking for garbage");
  sqlite3_reset(statement);
  return error;
}

static int sweep(sqlite_store *self, uint64_t place, uint64_t before, int *blocks_left) {
  sqlite3_stmt *statement = self->writes[WRITE_GARBAGE_SWEEP];
  lrm__sqlite_bind(statement, 1, place);
  lrm__sqlite_bind(statement, 2, before);
  lrm__sqlite_bind(statement, 3, (uint64_t)*blocks_left);
  int error = lrm__sqlite_run(self, WRITE_GARBAGE_SWEEP, "removing blocks");
  if (error != 0) return error;
  int removed = sqlite3_changes(self->writer);
  bool done = removed < *blocks_left;
  *blocks_left -= removed;
  if (!done) return 0;
  lrm__sqlite_bind(self->writes[WRITE_GARBAGE_REMOVE], 1, place);
  return lrm__sqlite_run(self, WRITE_GARBAGE_REMOVE, "removing blocks");
}

/* Moves pages from the end of the file into free ones; without garbage only. */
static int give_back(sqlite_store *self, bool *more) {
  uint64_t free_pages = 0, pages = 0;
  int error = read_number(self, WRITE_PAGES_FREE, &free_pages);
  if (error == 0) error = read_number(self, WRITE_PAGES_ALL, &pages);
  *more = error == 0 && self->gives_back && free_pages > FREE_PAGES_KEPT + pages / 8;
  if (!*more) return error;
  sqlite3_stmt *statement = self->writes[WRITE_PAGES_RETURN];
  int code;
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) continue;
  error =
      code == SQLITE_DONE ? 0 : lrm__sqlite_failed(self, self->writer, code, "giving pages back");
  sqlite3_reset(statement);
  return error;
}

int lrm__sqlite_tidy(sqlite_store *self) {
  if (!self->untidy) return 0;
  int blocks_left = SWEEP_BLOCKS;
  for (;;) {
    uint64_t place = 0, before = 0;
    bool found = false;
    int error = next_garbage(self, &place, &before, &found);
    if (error == 0 && !found) return give_back(self, &self->untidy);
    if (error == 0) error = sweep(self, place, before, &blocks_left);
    if (error != 0 || blocks_left == 0) return error;
  }
}
