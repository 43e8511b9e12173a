/* The write-ahead log's file. A sync that makes a file longer costs about twice one that overwrites
 * (the file system commits its new size, too), so the file is made longer ahead of time, by zeros:
 * to SQLite they are frames that were never written. */
#include "log_sqlite/sqlite_store.h"

#define CHECKPOINT_PAGES 16000
#define FRAME_BYTES (4096 + 24)
#define ROOM_BYTES (128 * 1024)     /* grow when less is left */
#define GROW_BYTES_MIN (512 * 1024) /* and by a half of what is used, within these */
#define GROW_BYTES_MAX (4 * 1024 * 1024)

static int after_commit(void *user, sqlite3 *connection, const char *name, int pages) {
  sqlite_store *self = user;
  self->wal_pages = pages;
  /* What could not be done now is done after the next commit: an error here must not look like a
   * failed commit. */
  if (pages >= CHECKPOINT_PAGES)
    (void)sqlite3_wal_checkpoint_v2(connection, name, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  return SQLITE_OK;
}

void lrm__sqlite_wal_watch(sqlite_store *self) {
  sqlite3_wal_hook(self->writer, after_commit, self);
}

/* Only beyond the end of the file, and only under the writer's lock: nobody else's frame is there.
 * Without room on the disk the commit itself will say so, if it needs any. */
void lrm__sqlite_wal_grow(sqlite_store *self) {
  static const uint8_t zeros[64 * 1024];
  sqlite3_file *wal = NULL;
  sqlite3_int64 bytes = 0, used = (sqlite3_int64)self->wal_pages * FRAME_BYTES;
  int code = sqlite3_file_control(self->writer, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
  if (code != SQLITE_OK || wal == NULL || wal->pMethods == NULL) return;
  if (wal->pMethods->xFileSize(wal, &bytes) != SQLITE_OK || bytes - used > ROOM_BYTES) return;
  sqlite3_int64 more = used / 2 < GROW_BYTES_MIN ? GROW_BYTES_MIN : used / 2;
  if (more > GROW_BYTES_MAX) more = GROW_BYTES_MAX;
  for (sqlite3_int64 end = bytes + more; bytes < end; bytes += (sqlite3_int64)sizeof zeros)
    if (wal->pMethods->xWrite(wal, zeros, (int)sizeof zeros, bytes) != SQLITE_OK) return;
}
