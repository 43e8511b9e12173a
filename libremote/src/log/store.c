#include "log/store.h"

#include <string.h>

#include "base/assert.h"

void *lrm__alloc(const lrm_allocator *allocator, size_t bytes) {
  return allocator->alloc(allocator->user, bytes);
}

void lrm__free(const lrm_allocator *allocator, void *memory) {
  if (memory != NULL) allocator->free(allocator->user, memory);
}

int lrm__reserve(const lrm_allocator *allocator, void **array, size_t *room, size_t count,
                 size_t element_bytes) {
  if (count < *room) return 0;
  size_t larger_room = *room == 0 ? 4 : *room * 2;
  void *larger = lrm__alloc(allocator, larger_room * element_bytes);
  if (larger == NULL) return LRM_ERR_NO_MEMORY;
  if (count > 0) memcpy(larger, *array, count * element_bytes);
  lrm__free(allocator, *array);
  *array = larger;
  *room = larger_room;
  return 0;
}

bool lrm__key_equal(const lrm_log_key *a, const lrm_log_key *b) {
  return a->account == b->account && a->kind == b->kind &&
         lrm_id_equal(&a->session_id, &b->session_id);
}

static uint64_t key_hash(const lrm_log_key *key) {
  return lrm__hash(key->account * 4 + key->kind, key->session_id.bytes,
                   sizeof key->session_id.bytes);
}

static lrm_log *loaded(const lrm_store *store, const lrm_log_key *key) {
  lrm__node *node = lrm__index_first(&store->logs, key_hash(key));
  for (; node != NULL; node = lrm__index_next(node)) {
    lrm_log *log = (lrm_log *)(void *)node;
    if (lrm__key_equal(&log->key, key)) return log;
  }
  return NULL;
}

bool lrm__store_deleting(const lrm_store *store, uint64_t number) {
  for (const lrm__op *op = store->deletes; op != NULL; op = op->next_delete)
    if (op->log == number) return true;
  return false;
}

/* ---- open and close ---- */

int lrm__store_open(const lrm_allocator *allocator, const lrm__backend *backend, void *self,
                    uint64_t pending_bytes_max, uint64_t cache_bytes_max, lrm_store **out) {
  *out = NULL;
  lrm_store *store = lrm__alloc(allocator, sizeof *store);
  if (store == NULL) {
    backend->close(self);
    return LRM_ERR_NO_MEMORY;
  }
  memset(store, 0, sizeof *store);
  store->allocator = *allocator;
  store->backend = backend;
  store->self = self;
  store->pending_bytes_max = pending_bytes_max;
  lrm__batch_init(&store->open, store);
  lrm__batch_init(&store->frozen, store);
  int error = lrm__index_init(&store->logs, allocator);
  if (error == 0) error = lrm__index_init(&store->records, allocator);
  if (error == 0) error = lrm__block_cache_init(&store->cache, allocator, cache_bytes_max);
  if (error == 0) error = backend->next_log(self, &store->next_log);
  if (error != 0) {
    lrm_store_close(store);
    return error;
  }
  *out = store;
  return 0;
}

void lrm_store_close(lrm_store *store) {
  if (store == NULL) return;
  lrm__batch_drop(&store->frozen);
  lrm__batch_drop(&store->open);
  for (size_t i = 0; i < store->logs.bucket_count; i++) {
    lrm__node *node = store->logs.buckets[i];
    while (node != NULL) {
      lrm__node *next = node->next;
      lrm__log_free((lrm_log *)(void *)node);
      node = next;
    }
  }
  const lrm_allocator allocator = store->allocator;
  lrm__index_free(&store->logs, &allocator);
  lrm__index_free(&store->records, &allocator);
  if (store->cache.index.buckets != NULL) lrm__block_cache_free(&store->cache);
  store->backend->close(store->self);
  lrm__free(&allocator, store);
}

int lrm__store_reload(lrm_store *store) {
  lrm__batch_drop(&store->frozen);
  lrm__batch_drop(&store->open);
  store->out = false;
  lrm__block_cache_clear(&store->cache);
  uint64_t next_log;
  int error = store->backend->next_log(store->self, &next_log);
  if (error != 0) return error;
  /* Numbers of logs that were handed out and never committed stay taken. */
  if (next_log > store->next_log) store->next_log = next_log;
  for (size_t i = 0; i < store->logs.bucket_count; i++) {
    for (lrm__node *node = store->logs.buckets[i]; node != NULL; node = node->next) {
      error = lrm__log_load((lrm_log *)(void *)node);
      if (error != 0 && error != LRM_ERR_NOT_FOUND) return error;
    }
  }
  return 0;
}

int lrm_store_claim(lrm_store *store, uint64_t wall_ms, uint64_t *generation) {
  if (store->out) return LRM_ERR_STATE;
  bool changed = false;
  int error = store->backend->claim(store->self, wall_ms, generation, &changed);
  if (error != 0) return error;
  /* Nobody else can commit from here on, so what is read now stays true. */
  if (lrm_store_dirty(store)) return changed ? LRM_ERR_FENCED : 0;
  return lrm__store_reload(store);
}

int lrm_store_tidy(lrm_store *store, bool *more) {
  *more = false;
  if (store->out || !store->backend->untidy(store->self)) return 0;
  *more = true;
  if (lrm_store_dirty(store)) return 0;
  lrm__op *op = lrm__op_make(store, LRM__OP_TIDY, 0);
  if (op == NULL) return LRM_ERR_NO_MEMORY;
  lrm__op_add(store, op, 0);
  return 0;
}

/* ---- logs ---- */

int lrm_store_log(lrm_store *store, const lrm_log_key *key, bool create, lrm_log **out) {
  *out = loaded(store, key);
  if (*out != NULL) return 0;
  lrm_log *log = lrm__alloc(&store->allocator, sizeof *log);
  if (log == NULL) return LRM_ERR_NO_MEMORY;
  memset(log, 0, sizeof *log);
  log->store = store;
  log->key = *key;
  log->node.hash = key_hash(key);
  int error = lrm__log_load(log);
  if (error == LRM_ERR_NOT_FOUND && create) {
    log->number = store->next_log++;
    error = lrm__log_touch(log);
  }
  if (error != 0) {
    lrm__log_free(log);
    return error;
  }
  lrm__index_add(&store->logs, &store->allocator, &log->node);
  *out = log;
  return 0;
}

int lrm_store_delete_log(lrm_store *store, const lrm_log_key *key) {
  lrm_log *log;
  int error = lrm_store_log(store, key, false, &log);
  if (error != 0) return error;
  lrm__op *op = lrm__op_make(store, LRM__OP_DELETE_LOG, 0);
  if (op == NULL) return LRM_ERR_NO_MEMORY;
  op->log = log->number;
  op->next_delete = store->deletes;
  store->deletes = op;
  lrm__op_add(store, op, 0);
  if (log->open_row != NULL) log->open_row->u.row.owner = NULL;
  if (log->frozen_row != NULL) log->frozen_row->u.row.owner = NULL;
  lrm__index_remove(&store->logs, &log->node);
  lrm__log_free(log);
  return 0;
}

/* Keys are gathered first, so that visit may open the logs it is told of. */
typedef struct gathering {
  lrm_store *store;
  lrm_log_key *keys;
  size_t count, room;
} gathering;

static int gather(gathering *all, const lrm_log_key *key) {
  void *keys = all->keys;
  int error =
      lrm__reserve(&all->store->allocator, &keys, &all->room, all->count, sizeof *all->keys);
  all->keys = keys;
  if (error == 0) all->keys[all->count++] = *key;
  return error;
}

static int gather_stored(void *user, const lrm_log_key *key, uint64_t number) {
  gathering *all = user;
  if (loaded(all->store, key) != NULL || lrm__store_deleting(all->store, number)) return 0;
  return gather(all, key);
}

static int gather_all(gathering *all) {
  const lrm__index *logs = &all->store->logs;
  for (size_t i = 0; i < logs->bucket_count; i++) {
    for (lrm__node *node = logs->buckets[i]; node != NULL; node = node->next) {
      const lrm_log *log = (const lrm_log *)(const void *)node;
      int error = log->stored ? gather(all, &log->key) : 0;
      if (error != 0) return error;
    }
  }
  return all->store->backend->each_log(all->store->self, gather_stored, all);
}

int lrm_store_each_log(lrm_store *store, bool (*visit)(void *user, const lrm_log_key *key),
                       void *user) {
  gathering all = {.store = store};
  int error = gather_all(&all);
  for (size_t i = 0; error == 0 && i < all.count; i++)
    if (!visit(user, &all.keys[i])) break;
  lrm__free(&store->allocator, all.keys);
  return error;
}
