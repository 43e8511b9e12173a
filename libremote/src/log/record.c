/* Records: what is pending lies over what is committed. */
#include <string.h>

#include "log/store.h"

static uint64_t record_hash(uint32_t space, lrm_slice key) {
  return lrm__hash(space, key.data, key.bytes);
}

static bool same_key(const lrm__record_op *record, uint32_t space, lrm_slice key) {
  return record->space == space && record->key.bytes == key.bytes &&
         (key.bytes == 0 || memcmp(record->key.data, key.data, key.bytes) == 0);
}

static lrm__record_op *record_of(lrm__node *node) { return (lrm__record_op *)(void *)node; }

static lrm__record_op *pending(const lrm_store *store, uint32_t space, lrm_slice key) {
  lrm__node *node = lrm__index_first(&store->records, record_hash(space, key));
  for (; node != NULL; node = lrm__index_next(node))
    if (same_key(record_of(node), space, key)) return record_of(node);
  return NULL;
}

void lrm__record_settled(lrm_store *store, lrm__op *op) {
  lrm__index_remove(&store->records, &op->u.record.node);
}

/* ---- changing ---- */

static int copy_value(lrm_store *store, lrm_slice value, lrm_slice *out) {
  *out = (lrm_slice){0};
  if (value.bytes == 0) return 0;
  uint8_t *copy = lrm__alloc(&store->allocator, value.bytes);
  if (copy == NULL) return LRM_ERR_NO_MEMORY;
  memcpy(copy, value.data, value.bytes);
  *out = (lrm_slice){copy, value.bytes};
  return 0;
}

static void free_value(lrm_store *store, lrm_slice value) {
  if (value.data != NULL)
    store->allocator.free(store->allocator.user, (void *)(uintptr_t)value.data);
}

/* A key that changes again within one open batch is written once. */
static void replace(lrm_store *store, lrm__record_op *record, lrm_slice value, bool removed) {
  store->open.bytes -= record->value.bytes;
  store->open.bytes += value.bytes;
  free_value(store, record->value);
  record->value = value;
  record->removed = removed;
}

static int add(lrm_store *store, uint32_t space, lrm_slice key, lrm_slice value, bool removed) {
  lrm__op *op = lrm__op_make(store, LRM__OP_RECORD, key.bytes);
  if (op == NULL) return LRM_ERR_NO_MEMORY;
  if (key.bytes > 0) memcpy(op + 1, key.data, key.bytes);
  op->u.record = (lrm__record_op){.node = {.hash = record_hash(space, key)},
                                  .round = store->round,
                                  .space = space,
                                  .removed = removed,
                                  .key = {(const uint8_t *)(op + 1), key.bytes},
                                  .value = value};
  lrm__record_op *older = pending(store, space, key);
  if (older != NULL) lrm__index_remove(&store->records, &older->node);
  lrm__index_add(&store->records, &store->allocator, &op->u.record.node);
  lrm__op_add(store, op, sizeof *op + key.bytes + value.bytes);
  return 0;
}

static int change(lrm_store *store, uint32_t space, lrm_slice key, lrm_slice value, bool removed) {
  if (key.bytes > LRM__RECORD_KEY_BYTES_MAX || value.bytes > LRM__RECORD_VALUE_BYTES_MAX)
    return LRM_ERR_TOO_LARGE;
  /* Blocks are refused first, so that a transaction that could begin can be finished. */
  uint64_t waiting = store->open.bytes + store->frozen.bytes;
  if (waiting > store->pending_bytes_max + store->pending_bytes_max / 2) return LRM_ERR_BUSY;
  lrm_slice copy;
  int error = copy_value(store, value, &copy);
  if (error != 0) return error;
  lrm__record_op *record = pending(store, space, key);
  if (record != NULL && record->round == store->round) {
    replace(store, record, copy, removed);
    return 0;
  }
  error = add(store, space, key, copy, removed);
  if (error != 0) free_value(store, copy);
  return error;
}

int lrm_store_put(lrm_store *store, uint32_t space, lrm_slice key, lrm_slice value) {
  return change(store, space, key, value, false);
}

int lrm_store_remove(lrm_store *store, uint32_t space, lrm_slice key) {
  return change(store, space, key, (lrm_slice){0}, true);
}

/* ---- reading ---- */

int lrm_store_get(lrm_store *store, uint32_t space, lrm_slice key, lrm_slice *value) {
  *value = (lrm_slice){0};
  const lrm__record_op *record = pending(store, space, key);
  if (record == NULL) return store->backend->get(store->self, space, key, value);
  if (record->removed) return LRM_ERR_NOT_FOUND;
  *value = record->value;
  return 0;
}

static int compare(lrm_slice a, lrm_slice b) {
  size_t shorter = a.bytes < b.bytes ? a.bytes : b.bytes;
  int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
  if (order != 0) return order;
  return a.bytes < b.bytes ? -1 : a.bytes > b.bytes;
}

typedef struct merging {
  lrm__record_op **pending; /* of one space, ascending */
  size_t count, at;
  bool (*visit)(void *user, lrm_slice key, lrm_slice value);
  void *user;
  bool stopped;
} merging;

static void sort_records(lrm__record_op **records, size_t count) {
  size_t gap = 1;
  while (gap < count / 3) gap = gap * 3 + 1;
  for (; gap > 0; gap /= 3) {
    for (size_t i = gap; i < count; i++) {
      lrm__record_op *record = records[i];
      size_t at = i;
      for (; at >= gap && compare(record->key, records[at - gap]->key) < 0; at -= gap)
        records[at] = records[at - gap];
      records[at] = record;
    }
  }
}

static int gather_pending(lrm_store *store, uint32_t space, merging *merge) {
  size_t room = 0;
  for (size_t i = 0; i < store->records.bucket_count; i++) {
    for (lrm__node *node = store->records.buckets[i]; node != NULL; node = node->next) {
      if (record_of(node)->space != space) continue;
      void *array = merge->pending;
      int error =
          lrm__reserve(&store->allocator, &array, &room, merge->count, sizeof *merge->pending);
      merge->pending = array;
      if (error != 0) return error;
      merge->pending[merge->count++] = record_of(node);
    }
  }
  sort_records(merge->pending, merge->count);
  return 0;
}

static bool emit(merging *merge, const lrm__record_op *record) {
  if (!record->removed && !merge->visit(merge->user, record->key, record->value))
    merge->stopped = true;
  return !merge->stopped;
}

static bool merge_committed(void *user, lrm_slice key, lrm_slice value) {
  merging *merge = user;
  while (merge->at < merge->count) {
    const lrm__record_op *record = merge->pending[merge->at];
    int order = compare(record->key, key);
    if (order > 0) break;
    merge->at++;
    if (!emit(merge, record)) return false;
    if (order == 0) return true;
  }
  merge->stopped = !merge->visit(merge->user, key, value);
  return !merge->stopped;
}

int lrm_store_each(lrm_store *store, uint32_t space,
                   bool (*visit)(void *user, lrm_slice key, lrm_slice value), void *user) {
  merging merge = {.visit = visit, .user = user};
  int error = gather_pending(store, space, &merge);
  if (error == 0) error = store->backend->each(store->self, space, merge_committed, &merge);
  while (error == 0 && !merge.stopped && merge.at < merge.count)
    if (!emit(&merge, merge.pending[merge.at++])) break;
  lrm__free(&store->allocator, merge.pending);
  return error;
}
