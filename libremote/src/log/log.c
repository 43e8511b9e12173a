#include "remote/log.h"

#include <string.h>

#include "base/assert.h"
#include "log/store.h"
#include "remote/frame.h"
#include "remote/limits.h"

#define READ_AHEAD_BLOCKS_MAX 64u
#define READ_AHEAD_BYTES_MAX (256u * 1024u)

/* ---- life of the object ---- */

static void drop_fresh(lrm_log *log) {
  for (size_t i = log->fresh_head; i < log->fresh_tail; i++)
    lrm__block_drop(&log->store->allocator, log->fresh[i]);
  log->fresh_head = log->fresh_tail = 0;
}

void lrm__log_free(lrm_log *log) {
  const lrm_allocator *allocator = &log->store->allocator;
  drop_fresh(log);
  lrm__block_drop(allocator, log->lent);
  lrm__free(allocator, log->fresh);
  lrm__free(allocator, log->writers);
  lrm__free(allocator, log->formers);
  lrm__free(allocator, log);
}

static void blank(lrm_log *log) {
  drop_fresh(log);
  memset(&log->meta, 0, sizeof log->meta);
  log->meta.snapshot = log->meta.snapshot_end = log->meta.clears_tail = LRM_OFFSET_NONE;
  log->durable = 0;
  log->version = 0;
  log->stored = false;
  log->writers_count = log->formers_count = 0;
  log->open_row = log->frozen_row = NULL;
  log->read_end = LRM_OFFSET_NONE;
  log->read_ahead = 1;
}

static int add_writer(void *user, const lrm__writer *writer) {
  lrm_log *log = user;
  void *writers = log->writers;
  int error = lrm__reserve(&log->store->allocator, &writers, &log->writers_room, log->writers_count,
                           sizeof *log->writers);
  log->writers = writers;
  if (error == 0) log->writers[log->writers_count++] = *writer;
  return error;
}

static int add_former(void *user, const lrm_id *epoch) {
  lrm_log *log = user;
  void *formers = log->formers;
  int error = lrm__reserve(&log->store->allocator, &formers, &log->formers_room, log->formers_count,
                           sizeof *log->formers);
  log->formers = formers;
  if (error == 0) log->formers[log->formers_count++] = *epoch;
  return error;
}

static bool sound(const lrm__log_meta *meta) {
  if (meta->first > meta->end || meta->end > LRM_OFFSET_MAX) return false;
  if (meta->snapshot == LRM_OFFSET_NONE) return meta->snapshot_end == LRM_OFFSET_NONE;
  return meta->snapshot < meta->snapshot_end && meta->snapshot_end <= meta->end;
}

int lrm__log_load(lrm_log *log) {
  lrm_store *store = log->store;
  lrm__log_row row;
  blank(log);
  int error = store->backend->find(store->self, &log->key, &row);
  if (error != 0) return error;
  if (lrm__store_deleting(store, row.number)) return LRM_ERR_NOT_FOUND;
  if (!sound(&row.meta)) return LRM_ERR_CORRUPT;
  log->number = row.number;
  log->version = row.version;
  log->meta = row.meta;
  log->durable = row.meta.end;
  log->stored = true;
  error = store->backend->writers(store->self, log->number, row.meta.line, add_writer, log);
  if (error == 0) error = store->backend->formers(store->self, log->number, add_former, log);
  return error;
}

/* The row will be written with the open batch. */
int lrm__log_touch(lrm_log *log) {
  if (log->open_row == NULL) {
    lrm__op *op = lrm__op_make(log->store, LRM__OP_LOG, 0);
    if (op == NULL) return LRM_ERR_NO_MEMORY;
    op->log = log->number;
    op->u.row.owner = log;
    op->u.row.key = log->key;
    op->u.row.version = log->version++;
    op->u.row.create = !log->stored;
    log->stored = true;
    log->open_row = op;
    lrm__op_add(log->store, op, 0);
  }
  log->open_row->line = log->meta.line;
  log->open_row->u.row.meta = log->meta;
  return 0;
}

/* After a change that cannot fail any more: the row is in the open batch already. */
static void changed(lrm_log *log) {
  LRM_ASSERT(log->open_row != NULL);
  log->open_row->line = log->meta.line;
  log->open_row->u.row.meta = log->meta;
}

void lrm__log_settled(lrm_log *log, const lrm__op *row) {
  if (log->frozen_row == row) log->frozen_row = NULL;
  if (row->line != log->meta.line) return;
  log->durable = row->u.row.meta.end;
  while (log->fresh_head < log->fresh_tail &&
         lrm__block_end(log->fresh[log->fresh_head]) <= log->durable) {
    lrm__kept_block *block = log->fresh[log->fresh_head++];
    lrm__block_cache_add(&log->store->cache, block);
    lrm__block_drop(&log->store->allocator, block);
  }
  if (log->fresh_head == log->fresh_tail) log->fresh_head = log->fresh_tail = 0;
}

/* ---- facts ---- */

static uint64_t writer_before(const lrm_log *log, uint64_t end) {
  if (end == 0) return 0;
  for (size_t i = log->writers_count; i > 0; i--)
    if (log->writers[i - 1].first < end) return log->writers[i - 1].generation;
  return 0;
}

lrm_log_facts lrm_log_facts_now(const lrm_log *log) {
  const lrm__log_meta *meta = &log->meta;
  return (lrm_log_facts){.epoch = meta->epoch,
                         .first = meta->first,
                         .end = meta->end,
                         .durable = log->durable,
                         .snapshot = meta->snapshot,
                         .snapshot_end = meta->snapshot_end,
                         .clears_tail = meta->clears_tail,
                         .last_writer_generation = writer_before(log, meta->end),
                         .bytes = meta->bytes};
}

bool lrm_log_former(lrm_log *log, const lrm_id *epoch) {
  for (size_t i = log->formers_count; i > 0; i--)
    if (lrm_id_equal(&log->formers[i - 1], epoch)) return true;
  return false;
}

uint64_t lrm_log_writer_of(lrm_log *log, uint64_t offset) {
  if (offset >= log->meta.end) return 0;
  return writer_before(log, offset + 1);
}

bool lrm_log_knows_writer(lrm_log *log, uint64_t generation) {
  if (generation == 0) return false;
  for (size_t i = log->writers_count; i > 0; i--)
    if (log->writers[i - 1].generation == generation) return true;
  return false;
}

/* ---- restart and skip ---- */

static lrm__op *make_op(lrm_log *log, lrm__op_kind kind) {
  lrm__op *op = lrm__op_make(log->store, kind, 0);
  if (op == NULL) return NULL;
  op->log = log->number;
  op->line = log->meta.line;
  return op;
}

static void drop_blocks(lrm_log *log) {
  drop_fresh(log);
  log->meta.bytes = 0;
  log->meta.snapshot = log->meta.snapshot_end = log->meta.clears_tail = LRM_OFFSET_NONE;
  log->meta.set_next = 0;
}

int lrm_log_restart(lrm_log *log, const lrm_id *epoch) {
  if (lrm_id_none(epoch)) return LRM_ERR_USAGE;
  if (lrm_id_equal(epoch, &log->meta.epoch) || lrm_log_former(log, epoch)) return LRM_ERR_USAGE;
  /* Nobody may publish events under a former epoch again; that a command epoch is one, nobody asks,
   * and each opening of a relay gives every session another. */
  bool had_epoch = log->key.kind == LRM__KIND_EVENTS && !lrm_id_none(&log->meta.epoch);
  lrm__op *clear = make_op(log, LRM__OP_CLEAR);
  lrm__op *former = had_epoch ? make_op(log, LRM__OP_FORMER) : NULL;
  int error = clear == NULL || (had_epoch && former == NULL) ? LRM_ERR_NO_MEMORY : 0;
  if (error == 0) error = lrm__log_touch(log);
  if (error == 0 && had_epoch) error = add_former(log, &log->meta.epoch);
  if (error != 0) {
    lrm__op_free(log->store, clear);
    lrm__op_free(log->store, former);
    return error;
  }
  lrm__op_add(log->store, clear, 0);
  if (had_epoch) {
    former->u.former = log->meta.epoch;
    lrm__op_add(log->store, former, sizeof *former);
  }
  drop_blocks(log);
  log->meta.epoch = *epoch;
  log->meta.line++;
  log->meta.first = log->meta.end = log->durable = 0;
  log->writers_count = 0;
  changed(log);
  return 0;
}

/* Messages from here on, not stored, were published by somebody unknown. */
static int forget_writer(lrm_log *log, uint64_t from) {
  if (log->writers_count == 0) return 0;
  lrm__op *op = make_op(log, LRM__OP_WRITER);
  if (op == NULL) return LRM_ERR_NO_MEMORY;
  op->u.writer = (lrm__writer){.first = from, .generation = 0};
  int error = add_writer(log, &op->u.writer);
  if (error != 0) {
    lrm__op_free(log->store, op);
    return error;
  }
  lrm__op_add(log->store, op, sizeof *op);
  return 0;
}

int lrm_log_skip(lrm_log *log, uint64_t offset) {
  if (lrm_id_none(&log->meta.epoch)) return LRM_ERR_STATE;
  if (offset <= log->meta.end || offset > LRM_OFFSET_MAX) return LRM_ERR_POSITION;
  lrm__op *trim = make_op(log, LRM__OP_TRIM);
  int error = trim == NULL ? LRM_ERR_NO_MEMORY : lrm__log_touch(log);
  if (error == 0) error = forget_writer(log, log->meta.end);
  if (error != 0) {
    lrm__op_free(log->store, trim);
    return error;
  }
  trim->u.before = offset;
  lrm__op_add(log->store, trim, 0);
  drop_blocks(log);
  log->meta.first = log->meta.end = offset;
  changed(log);
  return 0;
}

/* ---- append ---- */

static int judge(const lrm_log *log, const lrm_block *block) {
  const lrm__log_meta *meta = &log->meta;
  bool snapshot = (block->flags & LRM_FLAG_SNAPSHOT) != 0;
  if (block->count == 0) return LRM_ERR_USAGE;
  if (snapshot && (block->part == 0 || block->part > block->parts)) return LRM_ERR_USAGE;
  if (block->payload.bytes > LRM_FRAME_PAYLOAD_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  if (lrm_id_none(&meta->epoch)) return LRM_ERR_STATE;
  bool empty = meta->first == meta->end;
  if (block->offset < meta->end || (block->offset > meta->end && !empty)) return LRM_ERR_POSITION;
  if (block->offset > LRM_OFFSET_MAX - block->count) return LRM_ERR_POSITION;
  uint64_t waiting = log->store->open.bytes + log->store->frozen.bytes;
  if (waiting > 0 && waiting + block->payload.bytes > log->store->pending_bytes_max)
    return LRM_ERR_BUSY;
  return 0;
}

/* Part 1 voids an unfinished set, and so does anything that is not its next part. */
static void follow_set(lrm__log_meta *meta, const lrm_block *block) {
  bool snapshot = (block->flags & LRM_FLAG_SNAPSHOT) != 0;
  if (snapshot && block->part == 1) {
    meta->set_start = block->offset;
    meta->set_parts = block->parts;
    meta->set_next = 1;
  }
  if (!snapshot || block->part != meta->set_next || block->parts != meta->set_parts) {
    meta->set_next = 0;
    return;
  }
  meta->set_next++;
  if (block->part < block->parts) return;
  meta->snapshot = meta->set_start;
  meta->snapshot_end = block->offset + block->count;
  meta->set_next = 0;
}

static int add_fresh(lrm_log *log, lrm__kept_block *block) {
  if (log->fresh_tail == log->fresh_room && log->fresh_head > 0) {
    size_t count = log->fresh_tail - log->fresh_head;
    memmove(log->fresh, log->fresh + log->fresh_head, count * sizeof *log->fresh);
    log->fresh_head = 0;
    log->fresh_tail = count;
  }
  void *fresh = log->fresh;
  int error = lrm__reserve(&log->store->allocator, &fresh, &log->fresh_room, log->fresh_tail,
                           sizeof *log->fresh);
  log->fresh = fresh;
  if (error == 0) log->fresh[log->fresh_tail++] = lrm__block_hold(block);
  return error;
}

typedef struct appending {
  lrm__op *block;
  lrm__op *writer; /* NULL: the same process as before */
} appending;

static int prepare(lrm_log *log, const lrm_block *block, appending *parts) {
  lrm_store *store = log->store;
  bool jumps = block->offset > log->meta.end;
  uint64_t last = jumps ? 0 : writer_before(log, UINT64_MAX);
  *parts = (appending){.block = make_op(log, LRM__OP_BLOCK)};
  if (parts->block == NULL) return LRM_ERR_NO_MEMORY;
  parts->block->u.block = lrm__block_make(&store->allocator, log->number, log->meta.line, block);
  if (parts->block->u.block == NULL) return LRM_ERR_NO_MEMORY;
  if (block->writer_generation != last) {
    parts->writer = make_op(log, LRM__OP_WRITER);
    if (parts->writer == NULL) return LRM_ERR_NO_MEMORY;
    parts->writer->u.writer = (lrm__writer){block->offset, block->writer_generation};
  }
  int error = lrm__log_touch(log);
  if (error == 0 && jumps) error = forget_writer(log, log->meta.end);
  if (error == 0 && parts->writer != NULL) error = add_writer(log, &parts->writer->u.writer);
  if (error != 0) return error;
  error = add_fresh(log, parts->block->u.block);
  if (error != 0 && parts->writer != NULL) log->writers_count--;
  return error;
}

int lrm_log_append(lrm_log *log, const lrm_block *block) {
  int error = judge(log, block);
  if (error != 0) return error;
  appending parts;
  error = prepare(log, block, &parts);
  if (error != 0) {
    lrm__op_free(log->store, parts.block);
    lrm__op_free(log->store, parts.writer);
    return error;
  }
  if (parts.writer != NULL) lrm__op_add(log->store, parts.writer, sizeof *parts.writer);
  lrm__op_add(log->store, parts.block, sizeof *parts.block + block->payload.bytes);
  lrm__log_meta *meta = &log->meta;
  if (meta->first == meta->end) meta->first = block->offset;
  meta->end = block->offset + block->count;
  meta->bytes += block->payload.bytes;
  follow_set(meta, block);
  if ((block->flags & LRM_FLAG_CLEARS_TAIL) != 0) meta->clears_tail = meta->end;
  changed(log);
  return 0;
}

/* ---- read ---- */

static lrm__kept_block *find_fresh(const lrm_log *log, uint64_t offset) {
  size_t low = log->fresh_head, high = log->fresh_tail;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (lrm__block_end(log->fresh[middle]) <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low < log->fresh_tail && log->fresh[low]->block.offset <= offset ? log->fresh[low] : NULL;
}

typedef struct reading {
  lrm_log *log;
  lrm__kept_block *found;
  uint32_t blocks_left;
  uint64_t bytes;
} reading;

static bool take_read(void *user, lrm__kept_block *block) {
  reading *read = user;
  lrm_log *log = read->log;
  if (read->found == NULL) read->found = lrm__block_hold(block);
  log->read_end = lrm__block_end(block);
  read->bytes += block->block.payload.bytes;
  lrm__block_cache_add(&log->store->cache, block);
  lrm__block_drop(&log->store->allocator, block);
  return --read->blocks_left > 0 && read->bytes < READ_AHEAD_BYTES_MAX;
}

/* Reads ahead only where somebody reads on, so that interleaved readers of one log do not make
 * each other fetch what nobody wants. */
static int read_committed(lrm_log *log, uint64_t offset, lrm__kept_block **out) {
  lrm_store *store = log->store;
  bool reads_on = offset == log->read_end;
  log->read_ahead = reads_on ? log->read_ahead * 2 : 1;
  if (log->read_ahead > READ_AHEAD_BLOCKS_MAX) log->read_ahead = READ_AHEAD_BLOCKS_MAX;
  if (store->cache.bytes_max == 0) log->read_ahead = 1;
  reading read = {.log = log, .blocks_left = log->read_ahead};
  int error =
      store->backend->read(store->self, log->number, log->meta.line, offset, take_read, &read);
  if (error == LRM_ERR_NOT_FOUND) error = LRM_ERR_CORRUPT;
  if (error == 0 && lrm__block_end(read.found) <= offset) error = LRM_ERR_CORRUPT;
  if (error != 0) {
    lrm__block_drop(&store->allocator, read.found);
    return error;
  }
  *out = read.found;
  return 0;
}

static int fetch(lrm_log *log, uint64_t offset, lrm__kept_block **out) {
  if (offset < log->meta.first) return LRM_ERR_TRIMMED;
  if (offset >= log->meta.end) return LRM_ERR_NOT_FOUND;
  lrm__kept_block *block = find_fresh(log, offset);
  if (block == NULL)
    block = lrm__block_cache_find(&log->store->cache, log->number, log->meta.line, offset);
  if (block == NULL) return read_committed(log, offset, out);
  *out = lrm__block_hold(block);
  return 0;
}

int lrm_log_read(lrm_log *log, uint64_t offset, lrm_block *out) {
  lrm__kept_block *block;
  int error = fetch(log, offset, &block);
  if (error != 0) return error;
  lrm__block_drop(&log->store->allocator, log->lent);
  log->lent = block;
  *out = block->block;
  return 0;
}

/* ---- trim ---- */

/* A complete set starts at `offset`. */
static int set_at(lrm_log *log, uint64_t offset, bool *complete) {
  *complete = offset == log->meta.snapshot;
  if (*complete || log->meta.snapshot == LRM_OFFSET_NONE || offset > log->meta.snapshot) return 0;
  uint32_t part = 1, parts = 0;
  do {
    lrm__kept_block *kept;
    int error = fetch(log, offset, &kept);
    if (error != 0) return error;
    lrm_block block = kept->block;
    lrm__block_drop(&log->store->allocator, kept);
    if (part == 1) parts = block.parts;
    if (block.offset != offset || (block.flags & LRM_FLAG_SNAPSHOT) == 0 || block.part != part ||
        block.parts != parts)
      return 0;
    offset += block.count;
  } while (part++ < parts && offset < log->meta.end);
  *complete = part > parts;
  return 0;
}

/* Payload bytes of the blocks that start in [from, to). */
static int measure_range(lrm_log *log, uint64_t from, uint64_t to, uint64_t *bytes) {
  uint64_t committed_end = to;
  *bytes = 0;
  for (size_t i = log->fresh_head; i < log->fresh_tail; i++) {
    const lrm_block *block = &log->fresh[i]->block;
    if (block->offset < committed_end) committed_end = block->offset;
    if (block->offset >= from && block->offset < to) *bytes += block->payload.bytes;
  }
  if (from >= committed_end) return 0;
  uint64_t committed;
  int error =
      log->store->backend->measure(log->store->self, log->number, from, committed_end, &committed);
  if (error == 0) *bytes += committed;
  return error;
}

/* Payload bytes that stay. Measured is the part with fewer messages, so that a large log is not
 * read for a small trim, nor for one that leaves little. */
static int measure_kept(lrm_log *log, uint64_t before, uint64_t *kept) {
  const lrm__log_meta *meta = &log->meta;
  if (meta->end - before <= before - meta->first)
    return measure_range(log, before, meta->end, kept);
  uint64_t dropped;
  int error = measure_range(log, meta->first, before, &dropped);
  *kept = meta->bytes - dropped;
  return error;
}

static void drop_fresh_below(lrm_log *log, uint64_t before) {
  while (log->fresh_head < log->fresh_tail && log->fresh[log->fresh_head]->block.offset < before)
    lrm__block_drop(&log->store->allocator, log->fresh[log->fresh_head++]);
}

/* Where a set seems to begin, at or above `from`. */
static int next_part_one(lrm_log *log, uint64_t from, uint64_t *offset) {
  uint64_t fresh_first =
      log->fresh_head < log->fresh_tail ? log->fresh[log->fresh_head]->block.offset : log->meta.end;
  *offset = LRM_OFFSET_NONE;
  if (from < fresh_first) {
    int error = log->store->backend->next_set(log->store->self, log->number, from, offset);
    if (error != 0) return error;
    if (*offset != LRM_OFFSET_NONE && *offset < fresh_first) return 0;
  }
  *offset = LRM_OFFSET_NONE;
  for (size_t i = log->fresh_head; i < log->fresh_tail; i++) {
    const lrm_block *block = &log->fresh[i]->block;
    if (block->offset < from || block->part != 1) continue;
    *offset = block->offset;
    return 0;
  }
  return 0;
}

int lrm_log_next_set(lrm_log *log, uint64_t from, uint64_t *offset) {
  *offset = LRM_OFFSET_NONE;
  if (log->meta.snapshot == LRM_OFFSET_NONE || from > log->meta.snapshot) return 0;
  if (from < log->meta.first) from = log->meta.first;
  for (;;) {
    uint64_t at;
    bool complete;
    int error = next_part_one(log, from, &at);
    if (error != 0 || at == LRM_OFFSET_NONE) return error;
    error = set_at(log, at, &complete);
    if (error != 0) return error;
    if (complete) {
      *offset = at;
      return 0;
    }
    from = at + 1;
  }
}

int lrm_log_trim(lrm_log *log, uint64_t before) {
  lrm__log_meta *meta = &log->meta;
  if (before <= meta->first) return 0;
  if (before > meta->end) return LRM_ERR_POSITION;
  if (log->key.kind == LRM__KIND_EVENTS) {
    bool complete;
    int error = set_at(log, before, &complete);
    if (error != 0) return error;
    if (!complete) return LRM_ERR_POSITION;
  }
  if (before < meta->end) {
    lrm__kept_block *straddling;
    int error = fetch(log, before, &straddling);
    if (error != 0) return error;
    before = straddling->block.offset;
    lrm__block_drop(&log->store->allocator, straddling);
    if (before <= meta->first) return 0;
  }
  uint64_t kept;
  int error = measure_kept(log, before, &kept);
  if (error != 0) return error;
  lrm__op *op = make_op(log, LRM__OP_TRIM);
  error = op == NULL ? LRM_ERR_NO_MEMORY : lrm__log_touch(log);
  if (error != 0) {
    lrm__op_free(log->store, op);
    return error;
  }
  op->u.before = before;
  lrm__op_add(log->store, op, 0);
  drop_fresh_below(log, before);
  meta->first = before;
  meta->bytes = kept;
  changed(log);
  return 0;
}
