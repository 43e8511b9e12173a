/* What store.c, batch.c, record.c and log.c share, and what a backend gives them.
 *
 * A store is what is committed (the backend) under what is not yet (a list of operations: the
 * frozen batch, then the open one). Everything that decides, positions, snapshot index, writers,
 * former epochs, durable, is in log.c and lives once; a backend only commits a list of operations
 * at once and reads rows. */
#ifndef LRM_LOG_STORE_H
#define LRM_LOG_STORE_H

#include "log/block_cache.h"
#include "log/index.h"
#include "remote/log.h"

#define LRM__KIND_EVENTS 1u
#define LRM__RECORD_KEY_BYTES_MAX 1024u
#define LRM__RECORD_VALUE_BYTES_MAX (4u * 1024u * 1024u)

/* The row of a log. */
typedef struct lrm__log_meta {
  lrm_id epoch;
  uint64_t line; /* grows with each restart; numbers of one line mean nothing in another */
  uint64_t first, end;
  uint64_t snapshot, snapshot_end; /* newest complete set; LRM_OFFSET_NONE */
  uint64_t clears_tail;
  uint64_t bytes;
  uint64_t set_start; /* unfinished set: where it starts, its parts, the part that comes next */
  uint32_t set_parts;
  uint32_t set_next; /* 0: no unfinished set */
} lrm__log_meta;

typedef struct lrm__writer {
  uint64_t first; /* offset of its first message */
  uint64_t generation;
} lrm__writer;

typedef enum lrm__op_kind {
  LRM__OP_LOG = 1,        /* the row of a log, as it is at the end of the batch */
  LRM__OP_DELETE_LOG = 2, /* everything of a log */
  LRM__OP_BLOCK = 3,
  LRM__OP_TRIM = 4,  /* blocks that start below `before` */
  LRM__OP_CLEAR = 5, /* all blocks, and the writers: a number line ends */
  LRM__OP_WRITER = 6,
  LRM__OP_FORMER = 7,
  LRM__OP_RECORD = 8,
  LRM__OP_TIDY = 9 /* nothing: a batch in which the backend may tidy up */
} lrm__op_kind;

typedef struct lrm__log_op {
  lrm_log *owner; /* NULL: deleted since */
  lrm_log_key key;
  lrm__log_meta meta;
  uint64_t version; /* the row must have this version, and gets the next */
  bool create;      /* there must be no such row */
} lrm__log_op;

typedef struct lrm__record_op {
  lrm__node node; /* in the store's index of pending records while it is the newest of its key */
  uint64_t round; /* which open batch it belongs to */
  uint32_t space;
  bool removed;
  lrm_slice key; /* behind the op */
  lrm_slice value;
} lrm__record_op;

typedef struct lrm__op {
  struct lrm__op *next;
  struct lrm__op *next_delete; /* DELETE_LOG: the store's list of them */
  uint64_t log;                /* number */
  uint64_t line;
  lrm__op_kind kind;
  union {
    lrm__log_op row;
    lrm__kept_block *block;
    uint64_t before;
    lrm__writer writer;
    lrm_id former;
    lrm__record_op record;
  } u;
} lrm__op;

struct lrm_batch {
  lrm_store *store;
  lrm__op *head;
  lrm__op **tail;
  uint64_t bytes; /* payloads and records */
  bool committed; /* set by lrm_batch_write */
};

typedef struct lrm__log_row {
  uint64_t number;
  uint64_t version;
  lrm__log_meta meta;
} lrm__log_row;

/* Takes over the reference; false: enough. */
typedef bool (*lrm__take_block)(void *user, lrm__kept_block *block);

/* What stores rows. `write` runs on any thread, the others on the owner's; both may run at once.
 * What is read may or may not include a batch that is being written: the store covers it with its
 * list of operations either way. */
typedef struct lrm__backend {
  /* *committed says what is true whatever is returned: a test may lose the answer. */
  int (*write)(void *self, const lrm__op *ops, uint64_t bytes, bool *committed);
  /* The batch is committed and the owner knows: may move references out of the operations. May
   * fail for want of memory, and is then called again with the same list. */
  int (*settled)(void *self, lrm__op *ops);
  /* *changed: another process has written since this one read. */
  int (*claim)(void *self, uint64_t wall_ms, uint64_t *generation, bool *changed);
  int (*next_log)(void *self, uint64_t *number);
  int (*find)(void *self, const lrm_log_key *key, lrm__log_row *row);
  int (*writers)(void *self, uint64_t log, uint64_t line,
                 int (*visit)(void *user, const lrm__writer *writer), void *user);
  int (*formers)(void *self, uint64_t log, int (*visit)(void *user, const lrm_id *epoch),
                 void *user);
  int (*each_log)(void *self, int (*visit)(void *user, const lrm_log_key *key, uint64_t number),
                  void *user);
  /* The block that holds `offset` and the ones after it, in order, until take says false.
   * LRM_ERR_NOT_FOUND: there is none. */
  int (*read)(void *self, uint64_t log, uint64_t line, uint64_t offset, lrm__take_block take,
              void *user);
  /* Payload bytes of the blocks that start in [from, to). */
  int (*measure)(void *self, uint64_t log, uint64_t from, uint64_t to, uint64_t *bytes);
  /* The first block with part 1 that starts at or above `from`; LRM_OFFSET_NONE. */
  int (*next_set)(void *self, uint64_t log, uint64_t from, uint64_t *offset);
  /* There is something to do that a commit would do a part of. */
  bool (*untidy)(void *self);
  int (*get)(void *self, uint32_t space, lrm_slice key, lrm_slice *value);
  int (*each)(void *self, uint32_t space, bool (*visit)(void *user, lrm_slice key, lrm_slice value),
              void *user);
  int (*before_settle)(void *self);
  void (*close)(void *self);
} lrm__backend;

struct lrm_log {
  lrm__node node;
  lrm_store *store;
  lrm_log_key key;
  uint64_t number;
  uint64_t version; /* of the next LOG operation */
  bool stored;      /* the backend has the row, or a LOG operation with create is on its way */
  lrm__log_meta meta;
  uint64_t durable;
  lrm__writer *writers; /* of this line, ascending */
  size_t writers_count, writers_room;
  lrm_id *formers;
  size_t formers_count, formers_room;
  lrm__kept_block **fresh; /* not settled, ascending: [fresh_head, fresh_tail) */
  size_t fresh_head, fresh_tail, fresh_room;
  lrm__kept_block *lent;
  lrm__op *open_row, *frozen_row; /* its LOG operation in each batch */
  uint64_t read_end;              /* end of what was last read from the backend */
  uint32_t read_ahead;
};

struct lrm_store {
  lrm_allocator allocator;
  const lrm__backend *backend;
  void *self;
  uint64_t pending_bytes_max;
  lrm__index logs;    /* by key */
  lrm__index records; /* pending, newest of each key */
  lrm__block_cache cache;
  lrm_batch open, frozen;
  bool out;        /* `frozen` is with the caller */
  bool committing; /* ... of lrm_store_commit, whose settle failed */
  uint64_t round;
  uint64_t next_log;
  lrm__op *deletes; /* DELETE_LOG operations not settled */
};

/* `self` is closed by lrm_store_close, and also when this fails. */
int lrm__store_open(const lrm_allocator *allocator, const lrm__backend *backend, void *self,
                    uint64_t pending_bytes_max, uint64_t cache_bytes_max,
                    lrm_store **out) LRM_MUST_USE;
/* Forgets everything that is not committed and reads every log again. */
int lrm__store_reload(lrm_store *store) LRM_MUST_USE;

/* A DELETE_LOG of this number waits to be settled. */
bool lrm__store_deleting(const lrm_store *store, uint64_t number);

void *lrm__alloc(const lrm_allocator *allocator, size_t bytes);
void lrm__free(const lrm_allocator *allocator, void *memory); /* NULL allowed */
/* Room for one more element; the array may move. */
int lrm__reserve(const lrm_allocator *allocator, void **array, size_t *room, size_t count,
                 size_t element_bytes) LRM_MUST_USE;
bool lrm__key_equal(const lrm_log_key *a, const lrm_log_key *b);

/* Operations: made first, so that nothing has changed when there is no memory; then added. */
lrm__op *lrm__op_make(lrm_store *store, lrm__op_kind kind, size_t extra_bytes);
void lrm__op_free(lrm_store *store, lrm__op *op);
void lrm__op_add(lrm_store *store, lrm__op *op, uint64_t bytes);
void lrm__batch_init(lrm_batch *batch, lrm_store *store);
/* Frees the operations and takes them out of what refers to them. */
void lrm__batch_drop(lrm_batch *batch);

/* log.c */
int lrm__log_load(lrm_log *log) LRM_MUST_USE; /* LRM_ERR_NOT_FOUND: blank now */
int lrm__log_touch(lrm_log *log) LRM_MUST_USE;
void lrm__log_settled(lrm_log *log, const lrm__op *row);
void lrm__log_free(lrm_log *log);

/* record.c */
void lrm__record_settled(lrm_store *store, lrm__op *op);

#endif
