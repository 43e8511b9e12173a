/* What is done to a store's file beside the process that has it open, or without one: verifying,
 * measuring, copying, making it smaller. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_sqlite/sqlite_store.h"

#define BACKUP_PAGES_A_STEP 256 /* 1 MiB, then somebody else may have the disk */
#define BACKUP_PAUSE_MS 2

/* A connection of its own, in the place of the reader's. Not read-only to SQLite: such a connection
 * leaves the WAL's files behind when it is the last one. */
static int open_beside(sqlite_store *self, const char *path, bool writes) {
  memset(self, 0, sizeof *self);
  int code =
      sqlite3_open_v2(path, &self->reader,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (code != SQLITE_OK) return lrm__sqlite_failed(self, self->reader, code, "opening the file");
  sqlite3_busy_timeout(self->reader, SQLITE_STORE_BUSY_MS);
  if (writes) return 0;
  code = sqlite3_exec(self->reader, "PRAGMA query_only = 1", NULL, NULL, NULL);
  return code == SQLITE_OK ? 0 : lrm__sqlite_failed(self, self->reader, code, "opening the file");
}

/* Whose format may be an older one. */
static int judge_any(sqlite_store *self, int64_t *version) {
  int error = lrm__sqlite_judge(self, self->reader, version);
  if (error != 0 || *version != 0) return error;
  sqlite3_snprintf((int)sizeof self->error, self->error, "there is nothing in it");
  return LRM_ERR_CORRUPT;
}

static int judge_beside(sqlite_store *self) {
  int64_t version = 0;
  int error = lrm__sqlite_judge(self, self->reader, &version);
  if (error != 0 || version == SQLITE_STORE_VERSION) return error;
  sqlite3_snprintf((int)sizeof self->error, self->error, "%s",
                   version == 0
                       ? "there is nothing in it"
                       : "it is of an older format; whoever opens it to write brings it up "
                         "to date");
  return LRM_ERR_CORRUPT;
}

static int end_beside(sqlite_store *self, int error, const char *path, char *text, size_t bytes) {
  if (error < 0 && bytes > 0) sqlite3_snprintf((int)bytes, text, "%s: %s", path, self->error);
  sqlite3_close(self->reader);
  self->reader = NULL;
  return error;
}

int lrm_store_sqlite_check_file(const char *path, void (*report)(void *user, const char *text),
                                void *user, char *error_text, size_t error_text_bytes) {
  sqlite_store self;
  if (error_text_bytes > 0) error_text[0] = '\0';
  int error = open_beside(&self, path, false);
  if (error == 0) error = judge_beside(&self);
  if (error == 0) error = lrm__sqlite_check(&self, report, user);
  return end_beside(&self, error, path, error_text, error_text_bytes);
}

/* ---- measuring ---- */

static int number_of(sqlite_store *self, const char *text, uint64_t *value) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(self->reader, text, -1, &statement, NULL);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  if (code == SQLITE_ROW) *value = lrm__sqlite_column(statement, 0);
  int error =
      code == SQLITE_ROW ? 0 : lrm__sqlite_failed(self, self->reader, code, "measuring the file");
  sqlite3_finalize(statement);
  return error;
}

int lrm_store_sqlite_measure(const char *path, lrm_store_sqlite_facts *out, char *error_text,
                             size_t error_text_bytes) {
  sqlite_store self;
  memset(out, 0, sizeof *out);
  if (error_text_bytes > 0) error_text[0] = '\0';
  int error = open_beside(&self, path, false);
  if (error == 0) error = judge_beside(&self);
  uint64_t vacuum = 0;
  const struct {
    const char *text;
    uint64_t *value;
  } all[] = {{"PRAGMA page_size", &out->page_bytes},
             {"PRAGMA page_count", &out->pages},
             {"PRAGMA freelist_count", &out->pages_free},
             {"PRAGMA user_version", &out->format},
             {"PRAGMA auto_vacuum", &vacuum},
             {"SELECT count(*) FROM log", &out->logs},
             {"SELECT count(*) FROM garbage", &out->places_to_sweep},
             {"SELECT count(*) FROM record", &out->records}};
  for (size_t i = 0; error == 0 && i < sizeof all / sizeof *all; i++)
    error = number_of(&self, all[i].text, all[i].value);
  out->gives_back = vacuum == 2;
  struct stat status;
  char wal[4096];
  if (stat(path, &status) == 0) out->file_bytes = (uint64_t)status.st_size;
  sqlite3_snprintf((int)sizeof wal, wal, "%s-wal", path);
  if (stat(wal, &status) == 0) out->wal_bytes = (uint64_t)status.st_size;
  return end_beside(&self, error, path, error_text, error_text_bytes);
}

/* ---- copying ---- */

/* All steps see one state, that of the first: another process that commits meanwhile does not make
 * it begin anew, as it would without the transaction. Until it is done the WAL cannot begin anew.
 */
static int copy_pages(sqlite_store *self, sqlite3 *to,
                      bool (*goes_on)(void *user, uint64_t done, uint64_t pages), void *user) {
  int code = sqlite3_exec(self->reader, "BEGIN; SELECT count(*) FROM log", NULL, NULL, NULL);
  sqlite3_backup *backup =
      code == SQLITE_OK ? sqlite3_backup_init(to, "main", self->reader, "main") : NULL;
  if (code != SQLITE_OK || backup == NULL)
    return lrm__sqlite_failed(self, backup == NULL && code == SQLITE_OK ? to : self->reader, code,
                              "beginning to copy");
  int stopped = 0;
  do {
    code = sqlite3_backup_step(backup, BACKUP_PAGES_A_STEP);
    uint64_t pages = (uint64_t)sqlite3_backup_pagecount(backup);
    uint64_t left = (uint64_t)sqlite3_backup_remaining(backup);
    if (goes_on != NULL && !goes_on(user, pages - left, pages)) stopped = LRM_ERR_STATE;
    if (code != SQLITE_DONE) sqlite3_sleep(BACKUP_PAUSE_MS);
  } while (stopped == 0 && (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED));
  int finished = sqlite3_backup_finish(backup);
  sqlite3_exec(self->reader, "COMMIT", NULL, NULL, NULL);
  if (stopped != 0) {
    sqlite3_snprintf((int)sizeof self->error, self->error, "stopped");
    return stopped;
  }
  if (code == SQLITE_DONE) return 0;
  return lrm__sqlite_failed(self, to, finished, "copying");
}

static int sync_file(sqlite_store *self, const char *path) {
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  int result = descriptor < 0 ? -1 : fsync(descriptor);
  int fault = errno;
  if (descriptor >= 0) close(descriptor);
  if (result == 0) return 0;
  sqlite3_snprintf((int)sizeof self->error, self->error, "%s", strerror(fault));
  return fault == ENOSPC || fault == EDQUOT ? LRM_ERR_DISK_FULL : LRM_ERR_STORE;
}

int lrm_store_sqlite_format(const char *path, uint64_t *format, uint64_t *newest, char *error_text,
                            size_t error_text_bytes) {
  sqlite_store self;
  int64_t version = 0;
  if (error_text_bytes > 0) error_text[0] = '\0';
  int error = open_beside(&self, path, false);
  if (error == 0) error = judge_any(&self, &version);
  *format = (uint64_t)version;
  *newest = SQLITE_STORE_VERSION;
  return end_beside(&self, error, path, error_text, error_text_bytes);
}

int lrm_store_sqlite_copy(const char *path, const char *to_path,
                          bool (*goes_on)(void *user, uint64_t done, uint64_t pages), void *user,
                          char *error_text, size_t error_text_bytes) {
  sqlite_store self;
  sqlite3 *to = NULL;
  if (error_text_bytes > 0) error_text[0] = '\0';
  int64_t version = 0;
  int error = open_beside(&self, path, false);
  if (error == 0) error = judge_any(&self, &version);
  if (error == 0) {
    int code = sqlite3_open_v2(to_path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) error = lrm__sqlite_failed(&self, to, code, "opening the copy");
  }
  if (error == 0) error = copy_pages(&self, to, goes_on, user);
  /* One file, whole in itself: no WAL belongs to it. */
  if (error == 0) {
    int code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
    if (code != SQLITE_OK) error = lrm__sqlite_failed(&self, to, code, "finishing the copy");
  }
  sqlite3_close(to);
  if (error == 0) error = sync_file(&self, to_path);
  return end_beside(&self, error, path, error_text, error_text_bytes);
}

/* ---- making it smaller ---- */

int lrm_store_sqlite_compact(const char *path, char *error_text, size_t error_text_bytes) {
  sqlite_store self;
  if (error_text_bytes > 0) error_text[0] = '\0';
  int error = open_beside(&self, path, true);
  if (error == 0) error = judge_beside(&self);
  /* The setting counts from the next VACUUM on. */
  static const char text[] =
      "DELETE FROM block WHERE EXISTS(SELECT 1 FROM garbage WHERE garbage.place = block.place AND"
      " block.offset < garbage.before);"
      "DELETE FROM garbage; PRAGMA auto_vacuum = INCREMENTAL; VACUUM;"
      "PRAGMA wal_checkpoint(TRUNCATE)";
  if (error == 0) {
    int code = sqlite3_exec(self.reader, text, NULL, NULL, NULL);
    if (code != SQLITE_OK) error = lrm__sqlite_failed(&self, self.reader, code, "compacting");
  }
  return end_beside(&self, error, path, error_text, error_text_bytes);
}
