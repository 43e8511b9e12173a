/* Group commit: operations gather in the open batch, are frozen, written and settled. */
#include <string.h>

#include "base/assert.h"
#include "log/store.h"

/* ---- operations ---- */

lrm__op *lrm__op_make(lrm_store *store, lrm__op_kind kind, size_t extra_bytes) {
  lrm__op *op = lrm__alloc(&store->allocator, sizeof *op + extra_bytes);
  if (op == NULL) return NULL;
  memset(op, 0, sizeof *op);
  op->kind = kind;
  return op;
}

void lrm__op_free(lrm_store *store, lrm__op *op) {
  if (op == NULL) return;
  if (op->kind == LRM__OP_BLOCK) lrm__block_drop(&store->allocator, op->u.block);
  if (op->kind == LRM__OP_RECORD && op->u.record.value.data != NULL)
    store->allocator.free(store->allocator.user, (void *)(uintptr_t)op->u.record.value.data);
  lrm__free(&store->allocator, op);
}

void lrm__op_add(lrm_store *store, lrm__op *op, uint64_t bytes) {
  op->next = NULL;
  *store->open.tail = op;
  store->open.tail = &op->next;
  store->open.bytes += bytes;
}

/* ---- batches ---- */

void lrm__batch_init(lrm_batch *batch, lrm_store *store) {
  *batch = (lrm_batch){.store = store};
  batch->tail = &batch->head;
}

static void forget_delete(lrm_store *store, const lrm__op *op) {
  for (lrm__op **at = &store->deletes; *at != NULL; at = &(*at)->next_delete) {
    if (*at != op) continue;
    *at = op->next_delete;
    return;
  }
}

/* Nothing refers to the operation any more. */
static void let_go(lrm_store *store, lrm__op *op) {
  if (op->kind == LRM__OP_DELETE_LOG) forget_delete(store, op);
  if (op->kind == LRM__OP_RECORD) lrm__record_settled(store, op);
  lrm__op_free(store, op);
}

void lrm__batch_drop(lrm_batch *batch) {
  lrm__op *op = batch->head;
  while (op != NULL) {
    lrm__op *next = op->next;
    let_go(batch->store, op);
    op = next;
  }
  lrm__batch_init(batch, batch->store);
}

bool lrm_store_dirty(const lrm_store *store) { return store->open.head != NULL; }

int lrm_store_freeze(lrm_store *store, lrm_batch **out) {
  *out = NULL;
  if (store->out) return LRM_ERR_STATE;
  if (store->open.head == NULL) return LRM_ERR_NOT_FOUND;
  store->frozen = store->open;
  lrm__batch_init(&store->open, store);
  for (lrm__op *op = store->frozen.head; op != NULL; op = op->next) {
    if (op->kind != LRM__OP_LOG || op->u.row.owner == NULL) continue;
    op->u.row.owner->frozen_row = op;
    op->u.row.owner->open_row = NULL;
  }
  store->round++;
  store->out = true;
  *out = &store->frozen;
  return 0;
}

int lrm_batch_write(lrm_batch *batch) {
  if (batch->committed) return 0;
  lrm_store *store = batch->store;
  return store->backend->write(store->self, batch->head, batch->bytes, &batch->committed);
}

static void settle_committed(lrm_store *store, lrm_batch *batch) {
  lrm__op *op = batch->head;
  while (op != NULL) {
    lrm__op *next = op->next;
    if (op->kind == LRM__OP_LOG && op->u.row.owner != NULL) lrm__log_settled(op->u.row.owner, op);
    let_go(store, op);
    op = next;
  }
  lrm__batch_init(batch, store);
}

/* The failed batch goes in front of what came meanwhile: the order of operations is kept. */
static void settle_failed(lrm_store *store, lrm_batch *batch) {
  for (lrm__op *op = batch->head; op != NULL; op = op->next) {
    if (op->kind == LRM__OP_RECORD) op->u.record.round = store->round;
    if (op->kind != LRM__OP_LOG || op->u.row.owner == NULL) continue;
    op->u.row.owner->frozen_row = NULL;
    /* One LOG operation speaks for a log: the newer one, when there are two in the batch now. */
    if (op->u.row.owner->open_row == NULL)
      op->u.row.owner->open_row = op;
    else
      op->u.row.owner = NULL;
  }
  *batch->tail = store->open.head;
  if (store->open.head == NULL) store->open.tail = batch->tail;
  store->open.head = batch->head;
  store->open.bytes += batch->bytes;
  lrm__batch_init(batch, store);
}

int lrm_store_settle(lrm_store *store, lrm_batch *batch, int result) {
  if (!store->out || batch != &store->frozen) return LRM_ERR_STATE;
  if (result == 0 && !batch->committed) return LRM_ERR_STATE;
  int error = store->backend->before_settle(store->self);
  if (error == 0 && batch->committed) error = store->backend->settled(store->self, batch->head);
  if (error != 0) return error;
  store->out = false;
  store->committing = false;
  if (batch->committed)
    settle_committed(store, batch);
  else
    settle_failed(store, batch);
  return 0;
}

int lrm_store_commit(lrm_store *store) {
  lrm_batch *batch = &store->frozen;
  if (!store->committing) {
    int error = lrm_store_freeze(store, &batch);
    if (error == LRM_ERR_NOT_FOUND) return 0;
    if (error != 0) return error;
    store->committing = true;
  }
  int result = lrm_batch_write(batch);
  int error = lrm_store_settle(store, batch, result);
  return result != 0 ? result : error;
}
