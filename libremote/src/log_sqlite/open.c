/* Opening a file: whose it is, which version, and both connections. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log_sqlite/sqlite_store.h"

#define PENDING_BYTES_MAX_DEFAULT (8u * 1024u * 1024u)
#define CACHE_BYTES_MAX (16u * 1024u * 1024u)

/* ---- errors and faults ---- */

static int error_of(int code, int system_error) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return LRM_ERR_DISK_FULL;
    case SQLITE_IOERR:
      /* EFBIG: a limit on the size of files, of the process or of the file system. */
      return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG
                 ? LRM_ERR_DISK_FULL
                 : LRM_ERR_STORE;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return LRM_ERR_CORRUPT;
    case SQLITE_NOMEM:
      return LRM_ERR_NO_MEMORY;
    case SQLITE_CONSTRAINT: /* somebody else numbered this log or message */
      return LRM_ERR_FENCED;
    default:
      return LRM_ERR_STORE;
  }
}

int lrm__sqlite_failed(sqlite_store *self, sqlite3 *connection, int code, const char *doing) {
  bool writing = connection != NULL && connection == self->writer;
  sqlite3_snprintf(SQLITE_STORE_ERROR_BYTES, writing ? self->write_error : self->error, "%s: %s",
                   doing, connection != NULL ? sqlite3_errmsg(connection) : sqlite3_errstr(code));
  int system_error = connection != NULL ? sqlite3_system_errno(connection) : 0;
  /* SQLite does not keep it when it is the COMMIT that fails. */
  if (writing && self->write_errno != 0) system_error = self->write_errno;
  return error_of(code, system_error);
}

void lrm__sqlite_take_write_error(sqlite_store *self) {
  if (self->write_error[0] == '\0') return;
  memcpy(self->error, self->write_error, sizeof self->error);
  self->write_error[0] = '\0';
}

int lrm__sqlite_fault(sqlite_store *self, lrm_fault_point point) {
  return self->fault == NULL ? 0 : self->fault(self->fault_user, point);
}

static int say(sqlite_store *self, int error, const char *text) {
  sqlite3_snprintf((int)sizeof self->error, self->error, "%s", text);
  return error;
}

/* ---- the file ---- */

static int sync_directory(const char *path) {
  char directory[4096];
  const char *slash = strrchr(path, '/');
  size_t bytes = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
  if (bytes >= sizeof directory) return -1;
  memcpy(directory, slash == NULL ? "." : path, bytes);
  directory[bytes] = '\0';
  int descriptor = open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (descriptor < 0) return -1;
  int result = fsync(descriptor);
  close(descriptor);
  return result;
}

/* Never opens a file that exists: closing the descriptor would drop the locks that another
 * connection of this process holds on it. */
static int make_file(sqlite_store *self, const char *path) {
  struct stat status;
  if (stat(path, &status) == 0) {
    if (!S_ISREG(status.st_mode)) return say(self, LRM_ERR_STORE, "not a regular file");
    if ((status.st_mode & 077) != 0 && chmod(path, 0600) != 0)
      return say(self, LRM_ERR_STORE, "the file is open to others, and its mode cannot be changed");
    return 0;
  }
  int descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0 && errno == EEXIST) return 0;
  if (descriptor < 0)
    return say(self, errno == ENOSPC ? LRM_ERR_DISK_FULL : LRM_ERR_STORE, strerror(errno));
  close(descriptor);
  if (sync_directory(path) != 0) return say(self, LRM_ERR_STORE, strerror(errno));
  return 0;
}

static int pragma_number(sqlite_store *self, sqlite3 *connection, const char *text,
                         int64_t *value) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(connection, text, -1, &statement, NULL);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  if (code == SQLITE_ROW) *value = sqlite3_column_int64(statement, 0);
  int error =
      code == SQLITE_ROW ? 0 : lrm__sqlite_failed(self, connection, code, "reading the file");
  sqlite3_finalize(statement);
  return error;
}

static int run_text(sqlite_store *self, sqlite3 *connection, const char *text) {
  int code = sqlite3_exec(connection, text, NULL, NULL, NULL);
  return code == SQLITE_OK ? 0 : lrm__sqlite_failed(self, connection, code, "preparing the file");
}

/* In a transaction: another process may be making the schema.
 * 0: the file is ours, of a version that is read here, or empty (*version 0). Nothing has been
 * changed when this fails. */
int lrm__sqlite_judge(sqlite_store *self, sqlite3 *connection, int64_t *version) {
  int64_t application = 0, tables = 0;
  int error = pragma_number(self, connection, "PRAGMA application_id", &application);
  if (error == 0) error = pragma_number(self, connection, "PRAGMA user_version", version);
  if (error == 0)
    error = pragma_number(self, connection, "SELECT count(*) FROM sqlite_master", &tables);
  if (error != 0) return error;
  if (application == 0 && *version == 0 && tables == 0) return 0;
  if (application != SQLITE_STORE_APPLICATION_ID)
    return say(self, LRM_ERR_CORRUPT,
               "this is a SQLite file of another program; name another path");
  if (*version > SQLITE_STORE_VERSION) {
    sqlite3_snprintf((int)sizeof self->error, self->error,
                     "the store has format %lld and this program reads up to %d; upgrade the "
                     "program, or move the file away to begin a new store",
                     (long long)*version, SQLITE_STORE_VERSION);
    return LRM_ERR_CORRUPT;
  }
  return 0;
}

static int judge_alone(sqlite_store *self, int64_t *version) {
  int error = run_text(self, self->writer, "BEGIN");
  if (error == 0) error = lrm__sqlite_judge(self, self->writer, version);
  if (sqlite3_get_autocommit(self->writer) == 0)
    sqlite3_exec(self->writer, "COMMIT", NULL, NULL, NULL);
  return error;
}

/* SQLITE_OK, SQLITE_BUSY, or another error; *in_wal says what came of it. */
static int try_wal(sqlite_store *self, bool *in_wal) {
  sqlite3_stmt *statement = NULL;
  int code = sqlite3_prepare_v2(self->writer, "PRAGMA journal_mode = WAL", -1, &statement, NULL);
  if (code == SQLITE_OK) code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    const char *mode = (const char *)sqlite3_column_text(statement, 0);
    *in_wal = mode != NULL && strcmp(mode, "wal") == 0;
    code = SQLITE_OK;
  }
  sqlite3_finalize(statement);
  return code;
}

/* Switching to WAL needs the file for itself and does not wait by itself. */
static int set_wal(sqlite_store *self) {
  bool in_wal = false;
  int code = try_wal(self, &in_wal);
  for (int waited_ms = 0; (code & 0xff) == SQLITE_BUSY && waited_ms < SQLITE_STORE_BUSY_MS;
       waited_ms += 10) {
    sqlite3_sleep(10);
    code = try_wal(self, &in_wal);
  }
  if (code != SQLITE_OK) return lrm__sqlite_failed(self, self->writer, code, "turning on the WAL");
  if (!in_wal)
    return say(self, LRM_ERR_STORE,
               "the file cannot be put into WAL mode; network file systems do not do");
  return 0;
}

/* A file without tables is made, one of a former format is brought up to date. */
static int make_schema(sqlite_store *self) {
  int error = run_text(self, self->writer, "BEGIN IMMEDIATE");
  if (error != 0) return error;
  int64_t version = 0;
  error = lrm__sqlite_judge(self, self->writer, &version);
  if (error == 0 && version < SQLITE_STORE_VERSION) {
    char header[96];
    sqlite3_snprintf((int)sizeof header, header,
                     "PRAGMA application_id = %d; PRAGMA user_version = %d",
                     SQLITE_STORE_APPLICATION_ID, SQLITE_STORE_VERSION);
    error = run_text(self, self->writer, version == 0 ? lrm__sqlite_schema : lrm__sqlite_from_1);
    if (error == 0) error = run_text(self, self->writer, header);
  }
  if (error == 0) error = run_text(self, self->writer, "COMMIT");
  if (error != 0 && sqlite3_get_autocommit(self->writer) == 0)
    sqlite3_exec(self->writer, "ROLLBACK", NULL, NULL, NULL);
  return error;
}

/* ---- connections ---- */

static int connect_to(sqlite_store *self, const char *path, sqlite3 **connection) {
  int code = sqlite3_open_v2(
      path, connection, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
  if (code != SQLITE_OK) return lrm__sqlite_failed(self, *connection, code, "opening the file");
  sqlite3_busy_timeout(*connection, SQLITE_STORE_BUSY_MS);
  return 0;
}

static int prepare_all(sqlite_store *self, sqlite3 *connection, const char *const *texts, int count,
                       sqlite3_stmt **statements) {
  for (int i = 0; i < count; i++) {
    int code = sqlite3_prepare_v3(connection, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &statements[i], NULL);
    if (code != SQLITE_OK) {
      int error = lrm__sqlite_failed(self, connection, code, "reading the schema");
      return error == LRM_ERR_STORE ? LRM_ERR_CORRUPT : error;
    }
  }
  return 0;
}

static int open_writer(sqlite_store *self, const char *path) {
  int error = connect_to(self, path, &self->writer);
  int64_t version = 0;
  if (error == 0) error = judge_alone(self, &version);
  /* Only a file without pages takes it; in another one free pages are used again, and that is all
   * until it is compacted. */
  if (error == 0 && version == 0)
    error = run_text(self, self->writer, "PRAGMA auto_vacuum = INCREMENTAL");
  if (error == 0) error = set_wal(self);
  if (error == 0)
    error = run_text(self, self->writer,
                     "PRAGMA synchronous = FULL;"
                     "PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST;"
                     "PRAGMA temp_store = MEMORY");
  if (error == 0) lrm__sqlite_wal_watch(self);
  if (error == 0 && version < SQLITE_STORE_VERSION) error = make_schema(self);
  if (error == 0)
    error = prepare_all(self, self->writer, lrm__sqlite_write_texts, WRITE_COUNT, self->writes);
  int64_t generation = 0, vacuum = 0;
  if (error == 0)
    error =
        pragma_number(self, self->writer, lrm__sqlite_write_texts[WRITE_GENERATION], &generation);
  if (error == 0) error = pragma_number(self, self->writer, "PRAGMA auto_vacuum", &vacuum);
  self->generation = (uint64_t)generation;
  self->gives_back = vacuum == 2; /* INCREMENTAL */
  self->untidy = true;            /* what a former process left */
  return error;
}

static int open_reader(sqlite_store *self, const char *path) {
  int error = connect_to(self, path, &self->reader);
  if (error == 0) error = run_text(self, self->reader, "PRAGMA query_only = 1");
  if (error != 0) return error;
  return prepare_all(self, self->reader, lrm__sqlite_read_texts, READ_COUNT, self->reads);
}

/* ---- public ---- */

static bool usable(const lrm_store_sqlite_config *config) {
  if (config == NULL || config->struct_bytes != sizeof *config) return false;
  if (config->allocator.alloc == NULL || config->allocator.free == NULL) return false;
  /* SQLite gives these two names another meaning. */
  return config->path != NULL && config->path[0] != '\0' && config->path[0] != ':';
}

int lrm_store_sqlite_open(const lrm_store_sqlite_config *config, lrm_store **out, char *error_text,
                          size_t error_text_bytes) {
  *out = NULL;
  if (error_text_bytes > 0) error_text[0] = '\0';
  if (!usable(config)) return LRM_ERR_USAGE;
  sqlite_store *self = lrm__alloc(&config->allocator, sizeof *self);
  if (self == NULL) return LRM_ERR_NO_MEMORY;
  memset(self, 0, sizeof *self);
  self->allocator = config->allocator;
  self->fault = config->fault;
  self->fault_user = config->fault_user;
  int error = make_file(self, config->path);
  if (error == 0) error = open_writer(self, config->path);
  if (error == 0) error = open_reader(self, config->path);
  lrm__sqlite_take_write_error(self);
  if (error != 0) {
    if (error_text_bytes > 0)
      sqlite3_snprintf((int)error_text_bytes, error_text, "%s: %s", config->path, self->error);
    lrm__sqlite_backend.close(self);
    return error;
  }
  uint64_t pending =
      config->pending_bytes_max == 0 ? PENDING_BYTES_MAX_DEFAULT : config->pending_bytes_max;
  return lrm__store_open(&config->allocator, &lrm__sqlite_backend, self, pending, CACHE_BYTES_MAX,
                         out);
}

const char *lrm_store_sqlite_error(const lrm_store *store) {
  if (store->backend != &lrm__sqlite_backend) return "";
  sqlite_store *self = store->self;
  lrm__sqlite_take_write_error(self);
  return self->error;
}
