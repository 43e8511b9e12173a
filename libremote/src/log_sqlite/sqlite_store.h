/* The SQLite backend: two connections on one file. The writer's belongs to whoever runs
 * lrm_batch_write (the owner's thread for claim, when no batch is out); the reader's to the owner's
 * thread. In WAL mode neither waits for the other. */
#ifndef LRM_LOG_SQLITE_SQLITE_STORE_H
#define LRM_LOG_SQLITE_SQLITE_STORE_H

#include <sqlite3.h>

#include "log/store.h"
#include "remote/log_sqlite.h"

#define SQLITE_STORE_APPLICATION_ID 0x6c726d31 /* "lrm1" */
#define SQLITE_STORE_VERSION 2
#define SQLITE_STORE_BUSY_MS 5000
#define SQLITE_STORE_ERROR_BYTES 256u

typedef enum sqlite_write {
  WRITE_BEGIN,
  WRITE_COMMIT,
  WRITE_ROLLBACK,
  WRITE_GENERATION,
  WRITE_CLAIM,
  WRITE_LOG_INSERT,
  WRITE_LOG_UPDATE,
  WRITE_LOG_DELETE,
  WRITE_BLOCK_INSERT,
  WRITE_GARBAGE_ADD,
  WRITE_GARBAGE_NEXT,
  WRITE_GARBAGE_SWEEP,
  WRITE_GARBAGE_REMOVE,
  WRITE_PLACE_NEXT,
  WRITE_PLACE_SET,
  WRITE_PAGES_FREE,
  WRITE_PAGES_ALL,
  WRITE_PAGES_RETURN,
  WRITE_WRITER_INSERT,
  WRITE_WRITERS_DELETE,
  WRITE_FORMER_INSERT,
  WRITE_FORMERS_DELETE,
  WRITE_RECORD_PUT,
  WRITE_RECORD_REMOVE,
  WRITE_COUNT
} sqlite_write;

typedef enum sqlite_read {
  READ_NEXT_LOG,
  READ_FIND,
  READ_WRITERS,
  READ_FORMERS,
  READ_LOGS,
  READ_BLOCKS,
  READ_MEASURE,
  READ_NEXT_SET,
  READ_RECORD,
  READ_RECORDS,
  READ_COUNT
} sqlite_read;

typedef struct sqlite_store {
  lrm_allocator allocator;
  sqlite3 *writer;
  sqlite3 *reader;
  sqlite3_stmt *writes[WRITE_COUNT];
  sqlite3_stmt *reads[READ_COUNT];
  uint64_t generation; /* the file must still have it when a batch is written */
  int (*fault)(void *user, lrm_fault_point point);
  void *fault_user;
  bool untidy;     /* the writer's: there may be garbage, or pages to give back */
  bool gives_back; /* the file can be made smaller while it is in use */
  int wal_pages;   /* used, as of this connection's last commit */
  uint8_t *lent;   /* value of the last get */
  size_t lent_bytes;
  char error[SQLITE_STORE_ERROR_BYTES]; /* of what failed last; the owner's */
  /* Of the writer, which may run elsewhere; the owner takes it over when it is told. */
  char write_error[SQLITE_STORE_ERROR_BYTES];
  int write_errno; /* of the statement that it ran last; 0: none */
} sqlite_store;

extern const char *const lrm__sqlite_write_texts[WRITE_COUNT];
extern const char *const lrm__sqlite_read_texts[READ_COUNT];
extern const char lrm__sqlite_schema[];
extern const char lrm__sqlite_from_1[];
extern const lrm__backend lrm__sqlite_backend;

/* LRM_ERR_* for what just failed on this connection; its text is kept. */
int lrm__sqlite_failed(sqlite_store *self, sqlite3 *connection, int code, const char *doing);
/* On the owner's thread, while no batch is being written. */
void lrm__sqlite_take_write_error(sqlite_store *self);
int lrm__sqlite_fault(sqlite_store *self, lrm_fault_point point);

/* Unsigned numbers are kept as the signed ones with the same bits. */
void lrm__sqlite_bind(sqlite3_stmt *statement, int at, uint64_t value);
uint64_t lrm__sqlite_column(sqlite3_stmt *statement, int at);
void lrm__sqlite_bind_blob(sqlite3_stmt *statement, int at, const void *data, size_t bytes);
bool lrm__sqlite_column_id(sqlite3_stmt *statement, int at, lrm_id *id);
/* Columns from `at` on, in the order of the table. False: no such row can have been written. */
bool lrm__sqlite_column_block(sqlite3_stmt *statement, int at, lrm_block *block);
bool lrm__sqlite_column_meta(sqlite3_stmt *statement, int at, lrm__log_meta *meta);
/* The block that was taken from these columns is the one that was written. */
bool lrm__sqlite_column_whole(sqlite3_stmt *statement, int at, const lrm_block *block);
uint32_t lrm__sqlite_crc(const lrm_block *block);

/* open.c */
/* 0: the file is ours and of a version that is read here, or empty (*version 0). */
int lrm__sqlite_judge(sqlite_store *self, sqlite3 *connection, int64_t *version);

/* check.c */
int lrm__sqlite_check(sqlite_store *self, void (*report)(void *user, const char *text), void *user);

/* tidy.c: what is not needed any more goes in small parts, each with a commit. */
/* In a transaction: blocks of this log that start below `before` are garbage. */
int lrm__sqlite_discard(sqlite_store *self, uint64_t log, uint64_t before);
/* In a transaction: a place that was never used. */
int lrm__sqlite_next_place(sqlite_store *self, uint64_t *place);
/* In a transaction: all blocks of this log are garbage, and it goes on at a fresh place. */
int lrm__sqlite_move(sqlite_store *self, uint64_t log);
/* In a transaction, at its end: a bounded part of what there is to do. */
int lrm__sqlite_tidy(sqlite_store *self);

/* wal.c */
/* Takes over checkpoints from SQLite's own hook. */
void lrm__sqlite_wal_watch(sqlite_store *self);
/* In a transaction, before anything is written: keeps room in the WAL's file. */
void lrm__sqlite_wal_grow(sqlite_store *self);

/* write.c */
int lrm__sqlite_run(sqlite_store *self, sqlite_write which, const char *doing);
int lrm__sqlite_write(void *user, const lrm__op *ops, uint64_t bytes, bool *committed);
int lrm__sqlite_claim(void *user, uint64_t wall_ms, uint64_t *generation, bool *changed);

#endif
