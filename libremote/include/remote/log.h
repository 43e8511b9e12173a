/* The log: numbered blocks, and the store that commits them. Interface with two
 * implementations: memory (log_memory.h, part of the core) and SQLite (log_sqlite.h, an archive
 * of its own). The same store serves a relay and a host's journal.
 *
 * Group commit in three steps, so that no loop waits for a disk: what is appended or put is
 * readable at once and lies in the open batch; lrm_store_freeze takes the batch;
 * lrm_batch_write commits it in ONE transaction, on any thread; lrm_store_settle, back on the
 * owner's thread, moves `durable`. Whatever is appended and put between two freezes is committed
 * together or not at all: that is how an answer and its outcome, or an event and the command
 * that caused it, are one transaction.
 *
 * Only what is durable may be acknowledged, and only what is durable in a journal may be sent.
 * Threads: one owner; lrm_batch_write alone may run elsewhere. */
#ifndef REMOTE_LOG_H
#define REMOTE_LOG_H

#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_store lrm_store;
typedef struct lrm_log lrm_log;
typedef struct lrm_batch lrm_batch;

/* A block as stored and as sent. */
typedef struct lrm_block {
  uint64_t offset; /* of its first message */
  uint32_t count;  /* messages, >= 1 */
  uint32_t flags;  /* LRM_FLAG_* */
  uint32_t inflated_bytes;
  uint32_t part, parts;       /* SNAPSHOT */
  uint64_t writer_generation; /* process that published it; 0 in COMMANDS */
  lrm_slice payload;
} lrm_block;

/* Which log. account and session_id all zero are allowed for a host's own journal. */
typedef struct lrm_log_key {
  uint64_t account; /* relay: row of the account; host: 0 */
  lrm_id session_id;
  uint32_t kind; /* Log: 1 EVENTS, 2 COMMANDS */
} lrm_log_key;

typedef struct lrm_log_facts {
  lrm_id epoch;                    /* none: nothing was ever appended */
  uint64_t first;                  /* lowest offset that is kept */
  uint64_t end;                    /* next offset to append */
  uint64_t durable;                /* everything below is committed */
  uint64_t snapshot;               /* start of the newest complete snapshot set; LRM_OFFSET_NONE */
  uint64_t snapshot_end;           /* offset after it */
  uint64_t clears_tail;            /* end of the newest CLEARS_TAIL block; LRM_OFFSET_NONE */
  uint64_t last_writer_generation; /* of message end-1; 0: none */
  uint64_t bytes;                  /* payload bytes kept */
} lrm_log_facts;

/* ---- store ---- */

void lrm_store_close(lrm_store *store); /* drops the open batch; settle first */

/* Finds or makes a log; it belongs to the store. LRM_ERR_NOT_FOUND: no such log and !create. */
int lrm_store_log(lrm_store *store, const lrm_log_key *key, bool create,
                  lrm_log **out) LRM_MUST_USE;
/* Forgets a log and its blocks (in the open batch). The lrm_log is void afterwards. */
int lrm_store_delete_log(lrm_store *store, const lrm_log_key *key) LRM_MUST_USE;
/* Calls visit for each log; stops when it returns false. */
int lrm_store_each_log(lrm_store *store, bool (*visit)(void *user, const lrm_log_key *key),
                       void *user) LRM_MUST_USE;

/* Records: small values beside the logs, in the same transactions. `space` is the caller's
 * numbering. Keys up to 1 KiB, values up to 4 MiB (LRM_ERR_TOO_LARGE). LRM_ERR_BUSY: half as much
 * again as the limit for what is not committed waits already. get: borrowed until the next call
 * on the store; LRM_ERR_NOT_FOUND. */
int lrm_store_put(lrm_store *store, uint32_t space, lrm_slice key, lrm_slice value) LRM_MUST_USE;
int lrm_store_remove(lrm_store *store, uint32_t space, lrm_slice key) LRM_MUST_USE;
int lrm_store_get(lrm_store *store, uint32_t space, lrm_slice key, lrm_slice *value) LRM_MUST_USE;
/* In ascending order of keys (memcmp); stops when visit returns false. The store may not be
 * changed inside visit. */
int lrm_store_each(lrm_store *store, uint32_t space,
                   bool (*visit)(void *user, lrm_slice key, lrm_slice value),
                   void *user) LRM_MUST_USE;

/* Takes the right to write: generation = max(last + 1, wall_ms), committed (and synced) before
 * this returns; logs handed out are read again, so facts taken before are void. Every later batch
 * is conditional on it: LRM_ERR_FENCED when another process has taken it since. LRM_ERR_STATE: a
 * batch is out; LRM_ERR_FENCED: there are uncommitted changes and another process has written. */
int lrm_store_claim(lrm_store *store, uint64_t wall_ms, uint64_t *generation) LRM_MUST_USE;

/* There is something to commit. */
bool lrm_store_dirty(const lrm_store *store);
/* Takes the open batch. LRM_ERR_STATE: one is out already; LRM_ERR_NOT_FOUND: nothing to do. */
int lrm_store_freeze(lrm_store *store, lrm_batch **out) LRM_MUST_USE;
/* Commits and syncs, on any thread. LRM_ERR_DISK_FULL, LRM_ERR_FENCED, LRM_ERR_STORE: nothing of
 * it is stored, and it may be tried again. */
int lrm_batch_write(lrm_batch *batch) LRM_MUST_USE;
/* The result is taken over: after 0 the batch is freed and `durable` moves; after an error the
 * batch becomes the head of the open batch again. `result` is what lrm_batch_write returned. */
int lrm_store_settle(lrm_store *store, lrm_batch *batch, int result) LRM_MUST_USE;
/* freeze, write, settle. 0 too when there was nothing to do. */
int lrm_store_commit(lrm_store *store) LRM_MUST_USE;

/* What was trimmed or deleted leaves the disk in small parts, one with each commit. When nothing is
 * being committed this makes the store dirty, so that the next commit does a part. *more: there was
 * something to do; call it again after that commit. For whoever has the time: nothing depends on it
 * but the size of the file. */
int lrm_store_tidy(lrm_store *store, bool *more) LRM_MUST_USE;

/* ---- log ---- */

lrm_log_facts lrm_log_facts_now(const lrm_log *log);
/* Begins a number line: the present epoch becomes a former one, its blocks are dropped, offset 0
 * is next. In the open batch. */
int lrm_log_restart(lrm_log *log, const lrm_id *epoch) LRM_MUST_USE;
/* This epoch was this log's once. Never forgotten. Of EVENTS only. */
bool lrm_log_former(lrm_log *log, const lrm_id *epoch);
/* block->offset must be `end`, or, in a log that holds nothing, anything from `end` on (adoption of
 * first_retained). The payload is copied. LRM_ERR_USAGE: count 0, or a SNAPSHOT block without
 * 1 <= part <= parts; LRM_ERR_TOO_LARGE: payload over LRM_FRAME_PAYLOAD_BYTES_MAX.
 * LRM_ERR_POSITION; LRM_ERR_STATE: no epoch; LRM_ERR_BUSY: the memory limit for what is not
 * committed is reached. */
int lrm_log_append(lrm_log *log, const lrm_block *block) LRM_MUST_USE;
/* The block that holds `offset`; borrowed until the next call on the log. LRM_ERR_TRIMMED: below
 * first; LRM_ERR_NOT_FOUND: at or above end. */
int lrm_log_read(lrm_log *log, uint64_t offset, lrm_block *out) LRM_MUST_USE;
/* Same epoch, but the log goes on at `offset` (above `end`): the publisher can no longer send what
 * lies between. What is kept is dropped; `first` and `end` become `offset`, where the writer's
 * complete snapshot set comes next. In the open batch. LRM_ERR_POSITION: not above `end`;
 * LRM_ERR_STATE: no epoch. */
int lrm_log_skip(lrm_log *log, uint64_t offset) LRM_MUST_USE;
/* The start of the first complete snapshot set that begins at or above `from`; LRM_OFFSET_NONE:
 * there is none. */
int lrm_log_next_set(lrm_log *log, uint64_t from, uint64_t *offset) LRM_MUST_USE;
/* Drops blocks that lie wholly below `before`. An EVENTS log is only trimmed up to the start of
 * a complete snapshot set (LRM_ERR_POSITION). */
int lrm_log_trim(lrm_log *log, uint64_t before) LRM_MUST_USE;
/* The writer generation that published the message at `offset`; 0: not known (never trimmed from
 * the list of generations). */
uint64_t lrm_log_writer_of(lrm_log *log, uint64_t offset);
/* True: `generation` is in the log's list of writers. */
bool lrm_log_knows_writer(lrm_log *log, uint64_t generation);

#ifdef __cplusplus
}
#endif
#endif
