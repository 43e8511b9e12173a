/* The store in SQLite: one file, block rows, group commit. An archive of its own
 * (remote_store_sqlite); the core does not include it. */
#ifndef REMOTE_LOG_SQLITE_H
#define REMOTE_LOG_SQLITE_H

#include "remote/log.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Places at which a test may make the store fail, stop or die. */
typedef enum lrm_fault_point {
  LRM_FAULT_RECEIVED = 1,      /* appended, not yet in a transaction */
  LRM_FAULT_BEFORE_COMMIT = 2, /* transaction written, not committed */
  LRM_FAULT_AFTER_COMMIT = 3,  /* committed, owner not told */
  LRM_FAULT_BEFORE_SETTLE = 4  /* owner's thread, about to move `durable` */
} lrm_fault_point;

typedef struct lrm_store_sqlite_config {
  size_t struct_bytes;
  lrm_allocator allocator;
  const char *path;           /* made with mode 0600 if it does not exist */
  uint64_t pending_bytes_max; /* not yet committed; 0: 8 MiB. Full: LRM_ERR_BUSY at append */
  /* Called at each fault point, on the thread that is there; a negative LRM_ERR_* makes the
   * step fail with it. May be NULL. */
  int (*fault)(void *user, lrm_fault_point point);
  void *fault_user;
} lrm_store_sqlite_config;

/* Opens or makes a store. LRM_ERR_STORE: cannot be opened (see lrm_store_sqlite_error);
 * LRM_ERR_CORRUPT: damaged, or written by a newer version. */
int lrm_store_sqlite_open(const lrm_store_sqlite_config *config, lrm_store **out, char *error_text,
                          size_t error_text_bytes) LRM_MUST_USE;
/* What failed last, for people; borrowed until the next call on the store. Not while a batch is
 * being written elsewhere. Never NULL. */
const char *lrm_store_sqlite_error(const lrm_store *store);
/* Verifies the file: SQLite's own check, blocks without gaps, snapshot index, writer list. Calls
 * report for each fault found; returns how many. */
int lrm_store_sqlite_check(lrm_store *store, void (*report)(void *user, const char *text),
                           void *user);

/* ---- beside the process that has the store open, or without one ---- */
/* Errors: LRM_ERR_CORRUPT, LRM_ERR_DISK_FULL, LRM_ERR_STORE, with a text. Threads: any; each call
 * opens the file for itself. The file must be of this version's format, but for _format and _copy,
 * which take older ones too. */

/* lrm_store_sqlite_check without opening it to write: while another process writes, one state of
 * it is looked at; the WAL grows meanwhile. Returns how many faults there are. */
int lrm_store_sqlite_check_file(const char *path, void (*report)(void *user, const char *text),
                                void *user, char *error_text, size_t error_text_bytes) LRM_MUST_USE;

typedef struct lrm_store_sqlite_facts {
  uint64_t file_bytes, wal_bytes;
  uint64_t page_bytes, pages, pages_free;
  uint64_t format;
  uint64_t logs, records;
  uint64_t places_to_sweep; /* number lines and trims of which blocks are still to be removed */
  bool gives_back;          /* free pages go back to the file system by themselves */
} lrm_store_sqlite_facts;
int lrm_store_sqlite_measure(const char *path, lrm_store_sqlite_facts *out, char *error_text,
                             size_t error_text_bytes) LRM_MUST_USE;

/* The format of the file, and the newest that this library knows: lrm_store_sqlite_open brings an
 * older one up to date. */
int lrm_store_sqlite_format(const char *path, uint64_t *format, uint64_t *newest, char *error_text,
                            size_t error_text_bytes) LRM_MUST_USE;

/* Copies one state of the store to `to_path`, an empty file that the caller has made, in small
 * steps; synced when this returns 0. `goes_on` is asked between steps and may be NULL; when it says
 * no: LRM_ERR_STATE. After an error the copy is of no use. */
int lrm_store_sqlite_copy(const char *path, const char *to_path,
                          bool (*goes_on)(void *user, uint64_t done, uint64_t pages), void *user,
                          char *error_text, size_t error_text_bytes) LRM_MUST_USE;

/* Writes the file anew without free pages. Nobody else may have it open; needs room for a second
 * copy of it. */
int lrm_store_sqlite_compact(const char *path, char *error_text,
                             size_t error_text_bytes) LRM_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
