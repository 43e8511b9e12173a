/* The store in memory: an image of what is committed, behind the same list of operations as any
 * other backend. A write only judges; the image changes on the owner's thread, at settle (or at a
 * crash, when the batch was written but not settled: it was committed). */
#include "remote/log_memory.h"

#include <string.h>

#include "base/assert.h"
#include "log/store.h"

#define BYTES_MAX_DEFAULT (64u * 1024u * 1024u)

typedef struct image_writer {
  uint64_t line;
  lrm__writer writer;
} image_writer;

typedef struct image_log {
  uint64_t number;
  uint64_t version;
  lrm_log_key key;
  lrm__log_meta meta;
  lrm__kept_block **blocks; /* ascending: [head, tail) */
  size_t head, tail, room;
  image_writer *writers;
  size_t writers_count, writers_room;
  lrm_id *formers;
  size_t formers_count, formers_room;
} image_log;

typedef struct image_record {
  uint32_t space;
  uint8_t *key;
  size_t key_bytes;
  lrm_slice value;
} image_record;

typedef struct memory {
  lrm_allocator allocator;
  uint64_t bytes, bytes_max;
  uint64_t generation;
  uint64_t next_log;
  image_log **logs; /* ascending by number */
  size_t logs_count, logs_room;
  image_record *records; /* ascending by space and key */
  size_t records_count, records_room;
  lrm__op *applied; /* last operation of the batch that is in the image already */
  int fail_error;
  unsigned fail_count;
} memory;

/* ---- the image ---- */

static int compare_bytes(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes) {
  size_t shorter = a_bytes < b_bytes ? a_bytes : b_bytes;
  int order = shorter == 0 ? 0 : memcmp(a, b, shorter);
  if (order != 0) return order;
  return a_bytes < b_bytes ? -1 : a_bytes > b_bytes;
}

/* Where the record is, or where it belongs. */
static size_t record_place(const memory *self, uint32_t space, lrm_slice key, bool *found) {
  size_t low = 0, high = self->records_count;
  *found = false;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const image_record *record = &self->records[middle];
    int order = record->space != space
                    ? (record->space < space ? -1 : 1)
                    : compare_bytes(record->key, record->key_bytes, key.data, key.bytes);
    if (order == 0) *found = true;
    if (order == 0) return middle;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static size_t log_place(const memory *self, uint64_t number) {
  size_t low = 0, high = self->logs_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (self->logs[middle]->number < number)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static image_log *log_at(const memory *self, uint64_t number) {
  size_t place = log_place(self, number);
  if (place == self->logs_count || self->logs[place]->number != number) return NULL;
  return self->logs[place];
}

static void drop_blocks(memory *self, image_log *log, uint64_t before) {
  while (log->head < log->tail && log->blocks[log->head]->block.offset < before) {
    lrm__kept_block *block = log->blocks[log->head++];
    self->bytes -= block->block.payload.bytes;
    lrm__block_drop(&self->allocator, block);
  }
  if (log->head == log->tail) log->head = log->tail = 0;
}

static void free_log(memory *self, image_log *log) {
  drop_blocks(self, log, UINT64_MAX);
  lrm__free(&self->allocator, log->blocks);
  lrm__free(&self->allocator, log->writers);
  lrm__free(&self->allocator, log->formers);
  lrm__free(&self->allocator, log);
}

static void free_record(memory *self, image_record *record) {
  self->bytes -= record->key_bytes + record->value.bytes;
  lrm__free(&self->allocator, record->key);
  if (record->value.data != NULL)
    self->allocator.free(self->allocator.user, (void *)(uintptr_t)record->value.data);
}

/* ---- operations into the image; each happens wholly or not at all ---- */

static int put_log(memory *self, const lrm__op *op) {
  image_log *log = log_at(self, op->log);
  if (log == NULL) {
    void *logs = self->logs;
    int error = lrm__reserve(&self->allocator, &logs, &self->logs_room, self->logs_count,
                             sizeof *self->logs);
    self->logs = logs;
    if (error != 0) return error;
    log = lrm__alloc(&self->allocator, sizeof *log);
    if (log == NULL) return LRM_ERR_NO_MEMORY;
    memset(log, 0, sizeof *log);
    log->number = op->log;
    log->key = op->u.row.key;
    size_t place = log_place(self, op->log);
    memmove(self->logs + place + 1, self->logs + place,
            (self->logs_count - place) * sizeof *self->logs);
    self->logs[place] = log;
    self->logs_count++;
    if (self->next_log <= op->log) self->next_log = op->log + 1;
  }
  log->meta = op->u.row.meta;
  log->version = op->u.row.version + 1;
  return 0;
}

static int delete_log(memory *self, const lrm__op *op) {
  size_t place = log_place(self, op->log);
  if (place == self->logs_count || self->logs[place]->number != op->log) return 0;
  free_log(self, self->logs[place]);
  self->logs_count--;
  memmove(self->logs + place, self->logs + place + 1,
          (self->logs_count - place) * sizeof *self->logs);
  return 0;
}

static int put_block(memory *self, lrm__op *op) {
  image_log *log = log_at(self, op->log);
  LRM_ASSERT(log != NULL);
  if (log->tail == log->room && log->head > 0) {
    memmove(log->blocks, log->blocks + log->head, (log->tail - log->head) * sizeof *log->blocks);
    log->tail -= log->head;
    log->head = 0;
  }
  void *blocks = log->blocks;
  int error = lrm__reserve(&self->allocator, &blocks, &log->room, log->tail, sizeof *log->blocks);
  log->blocks = blocks;
  if (error != 0) return error;
  log->blocks[log->tail++] = lrm__block_hold(op->u.block);
  self->bytes += op->u.block->block.payload.bytes;
  return 0;
}

static int put_writer(memory *self, const lrm__op *op) {
  image_log *log = log_at(self, op->log);
  LRM_ASSERT(log != NULL);
  void *writers = log->writers;
  int error = lrm__reserve(&self->allocator, &writers, &log->writers_room, log->writers_count,
                           sizeof *log->writers);
  log->writers = writers;
  if (error != 0) return error;
  log->writers[log->writers_count++] = (image_writer){op->line, op->u.writer};
  return 0;
}

static int put_former(memory *self, const lrm__op *op) {
  image_log *log = log_at(self, op->log);
  LRM_ASSERT(log != NULL);
  void *formers = log->formers;
  int error = lrm__reserve(&self->allocator, &formers, &log->formers_room, log->formers_count,
                           sizeof *log->formers);
  log->formers = formers;
  if (error != 0) return error;
  log->formers[log->formers_count++] = op->u.former;
  return 0;
}

static int put_record(memory *self, lrm__op *op) {
  lrm__record_op *record = &op->u.record;
  bool found;
  size_t place = record_place(self, record->space, record->key, &found);
  if (found && record->removed) {
    free_record(self, &self->records[place]);
    self->records_count--;
    memmove(self->records + place, self->records + place + 1,
            (self->records_count - place) * sizeof *self->records);
    return 0;
  }
  if (record->removed) return 0;
  if (!found) {
    void *records = self->records;
    int error = lrm__reserve(&self->allocator, &records, &self->records_room, self->records_count,
                             sizeof *self->records);
    self->records = records;
    if (error != 0) return error;
    uint8_t *key = lrm__alloc(&self->allocator, record->key.bytes + 1);
    if (key == NULL) return LRM_ERR_NO_MEMORY;
    if (record->key.bytes > 0) memcpy(key, record->key.data, record->key.bytes);
    memmove(self->records + place + 1, self->records + place,
            (self->records_count - place) * sizeof *self->records);
    self->records[place] =
        (image_record){.space = record->space, .key = key, .key_bytes = record->key.bytes};
    self->records_count++;
    self->bytes += record->key.bytes;
  }
  image_record *kept = &self->records[place];
  if (kept->value.data != NULL)
    self->allocator.free(self->allocator.user, (void *)(uintptr_t)kept->value.data);
  self->bytes -= kept->value.bytes;
  self->bytes += record->value.bytes;
  kept->value = record->value;
  record->value = (lrm_slice){0};
  return 0;
}

static int apply(memory *self, lrm__op *op) {
  image_log *log = log_at(self, op->log);
  switch (op->kind) {
    case LRM__OP_LOG:
      return put_log(self, op);
    case LRM__OP_DELETE_LOG:
      return delete_log(self, op);
    case LRM__OP_BLOCK:
      return put_block(self, op);
    case LRM__OP_TRIM:
      LRM_ASSERT(log != NULL);
      drop_blocks(self, log, op->u.before);
      return 0;
    case LRM__OP_CLEAR:
      LRM_ASSERT(log != NULL);
      drop_blocks(self, log, UINT64_MAX);
      log->writers_count = 0;
      return 0;
    case LRM__OP_WRITER:
      return put_writer(self, op);
    case LRM__OP_FORMER:
      return put_former(self, op);
    case LRM__OP_RECORD:
      return put_record(self, op);
    case LRM__OP_TIDY:
      return 0;
  }
  return LRM_ERR_STATE;
}

/* ---- backend ---- */

static int memory_write(void *user, const lrm__op *ops, uint64_t bytes, bool *committed) {
  memory *self = user;
  if (self->fail_count > 0) {
    self->fail_count--;
    return self->fail_error;
  }
  if (bytes > 0) {
    uint64_t added = 0;
    for (const lrm__op *op = ops; op != NULL; op = op->next) {
      if (op->kind == LRM__OP_BLOCK) added += op->u.block->block.payload.bytes;
      if (op->kind == LRM__OP_RECORD) added += op->u.record.key.bytes + op->u.record.value.bytes;
    }
    if (added > 0 && self->bytes + added > self->bytes_max) return LRM_ERR_DISK_FULL;
  }
  *committed = true;
  return 0;
}

static int memory_settled(void *user, lrm__op *ops) {
  memory *self = user;
  for (lrm__op *op = self->applied != NULL ? self->applied->next : ops; op != NULL; op = op->next) {
    int error = apply(self, op);
    if (error != 0) return error;
    self->applied = op;
  }
  self->applied = NULL;
  return 0;
}

static int memory_claim(void *user, uint64_t wall_ms, uint64_t *generation, bool *changed) {
  memory *self = user;
  uint64_t next = self->generation + 1 > wall_ms ? self->generation + 1 : wall_ms;
  if (next > LRM_OFFSET_MAX) return LRM_ERR_USAGE;
  *generation = self->generation = next;
  *changed = false;
  return 0;
}

static int memory_next_log(void *user, uint64_t *number) {
  const memory *self = user;
  *number = self->next_log;
  return 0;
}

static int memory_find(void *user, const lrm_log_key *key, lrm__log_row *row) {
  const memory *self = user;
  for (size_t i = 0; i < self->logs_count; i++) {
    const image_log *log = self->logs[i];
    if (!lrm__key_equal(&log->key, key)) continue;
    *row = (lrm__log_row){.number = log->number, .version = log->version, .meta = log->meta};
    return 0;
  }
  return LRM_ERR_NOT_FOUND;
}

static int memory_writers(void *user, uint64_t number, uint64_t line,
                          int (*visit)(void *user, const lrm__writer *writer), void *visitor) {
  const image_log *log = log_at(user, number);
  for (size_t i = 0; log != NULL && i < log->writers_count; i++) {
    if (log->writers[i].line != line) continue;
    int error = visit(visitor, &log->writers[i].writer);
    if (error != 0) return error;
  }
  return 0;
}

static int memory_formers(void *user, uint64_t number,
                          int (*visit)(void *user, const lrm_id *epoch), void *visitor) {
  const image_log *log = log_at(user, number);
  for (size_t i = 0; log != NULL && i < log->formers_count; i++) {
    int error = visit(visitor, &log->formers[i]);
    if (error != 0) return error;
  }
  return 0;
}

static int memory_each_log(void *user,
                           int (*visit)(void *user, const lrm_log_key *key, uint64_t number),
                           void *visitor) {
  const memory *self = user;
  for (size_t i = 0; i < self->logs_count; i++) {
    int error = visit(visitor, &self->logs[i]->key, self->logs[i]->number);
    if (error != 0) return error;
  }
  return 0;
}

/* The first block that ends above `offset`. */
static size_t block_place(const image_log *log, uint64_t offset) {
  size_t low = log->head, high = log->tail;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (lrm__block_end(log->blocks[middle]) <= offset)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int memory_read(void *user, uint64_t number, uint64_t line, uint64_t offset,
                       lrm__take_block take, void *taker) {
  (void)line;
  const image_log *log = log_at(user, number);
  if (log == NULL) return LRM_ERR_NOT_FOUND;
  size_t at = block_place(log, offset);
  if (at == log->tail || log->blocks[at]->block.offset > offset) return LRM_ERR_NOT_FOUND;
  while (at < log->tail && take(taker, lrm__block_hold(log->blocks[at]))) at++;
  return 0;
}

static int memory_measure(void *user, uint64_t number, uint64_t from, uint64_t to,
                          uint64_t *bytes) {
  const image_log *log = log_at(user, number);
  *bytes = 0;
  if (log == NULL) return 0;
  for (size_t at = block_place(log, from); at < log->tail; at++) {
    const lrm_block *block = &log->blocks[at]->block;
    if (block->offset >= to) break;
    if (block->offset >= from) *bytes += block->payload.bytes;
  }
  return 0;
}

static int memory_next_set(void *user, uint64_t number, uint64_t from, uint64_t *offset) {
  const image_log *log = log_at(user, number);
  *offset = LRM_OFFSET_NONE;
  if (log == NULL) return 0;
  for (size_t at = block_place(log, from); at < log->tail; at++) {
    const lrm_block *block = &log->blocks[at]->block;
    if (block->part != 1 || block->offset < from) continue;
    *offset = block->offset;
    break;
  }
  return 0;
}

static bool memory_untidy(void *user) {
  (void)user;
  return false;
}

static int memory_get(void *user, uint32_t space, lrm_slice key, lrm_slice *value) {
  const memory *self = user;
  bool found;
  size_t place = record_place(self, space, key, &found);
  if (!found) return LRM_ERR_NOT_FOUND;
  *value = self->records[place].value;
  return 0;
}

static int memory_each(void *user, uint32_t space,
                       bool (*visit)(void *user, lrm_slice key, lrm_slice value), void *visitor) {
  const memory *self = user;
  bool found;
  for (size_t i = record_place(self, space, (lrm_slice){0}, &found); i < self->records_count; i++) {
    const image_record *record = &self->records[i];
    if (record->space != space) break;
    if (!visit(visitor, (lrm_slice){record->key, record->key_bytes}, record->value)) break;
  }
  return 0;
}

static int memory_before_settle(void *user) {
  (void)user;
  return 0;
}

static void memory_close(void *user) {
  memory *self = user;
  for (size_t i = 0; i < self->logs_count; i++) free_log(self, self->logs[i]);
  for (size_t i = 0; i < self->records_count; i++) free_record(self, &self->records[i]);
  lrm__free(&self->allocator, self->logs);
  lrm__free(&self->allocator, self->records);
  lrm__free(&self->allocator, self);
}

static const lrm__backend memory_backend = {.write = memory_write,
                                            .settled = memory_settled,
                                            .claim = memory_claim,
                                            .next_log = memory_next_log,
                                            .find = memory_find,
                                            .writers = memory_writers,
                                            .formers = memory_formers,
                                            .each_log = memory_each_log,
                                            .read = memory_read,
                                            .measure = memory_measure,
                                            .next_set = memory_next_set,
                                            .untidy = memory_untidy,
                                            .get = memory_get,
                                            .each = memory_each,
                                            .before_settle = memory_before_settle,
                                            .close = memory_close};

/* ---- public ---- */

int lrm_store_memory_open(const lrm_store_memory_config *config, lrm_store **out) {
  *out = NULL;
  if (config == NULL || config->struct_bytes != sizeof *config) return LRM_ERR_USAGE;
  if (config->allocator.alloc == NULL || config->allocator.free == NULL) return LRM_ERR_USAGE;
  memory *self = lrm__alloc(&config->allocator, sizeof *self);
  if (self == NULL) return LRM_ERR_NO_MEMORY;
  memset(self, 0, sizeof *self);
  self->allocator = config->allocator;
  self->bytes_max = config->bytes_max == 0 ? BYTES_MAX_DEFAULT : config->bytes_max;
  self->next_log = 1;
  return lrm__store_open(&config->allocator, &memory_backend, self, self->bytes_max, 0, out);
}

/* ---- a copy of the image ---- */

static void *copy_array(const lrm_allocator *allocator, const void *from, size_t count,
                        size_t element_bytes) {
  void *to = lrm__alloc(allocator, (count + 1) * element_bytes);
  if (to != NULL && count > 0) memcpy(to, from, count * element_bytes);
  return to;
}

static int copy_log(memory *to, const image_log *from) {
  image_log *log = lrm__alloc(&to->allocator, sizeof *log);
  if (log == NULL) return LRM_ERR_NO_MEMORY;
  *log = *from;
  log->head = log->tail = 0;
  log->room = from->tail - from->head + 1;
  log->writers_room = from->writers_count + 1;
  log->formers_room = from->formers_count + 1;
  log->blocks = lrm__alloc(&to->allocator, log->room * sizeof *log->blocks);
  log->writers =
      copy_array(&to->allocator, from->writers, from->writers_count, sizeof *from->writers);
  log->formers =
      copy_array(&to->allocator, from->formers, from->formers_count, sizeof *from->formers);
  to->logs[to->logs_count++] = log;
  if (log->blocks == NULL || log->writers == NULL || log->formers == NULL) return LRM_ERR_NO_MEMORY;
  for (size_t i = from->head; i < from->tail; i++) {
    const lrm__kept_block *kept = from->blocks[i];
    log->blocks[log->tail] = lrm__block_make(&to->allocator, kept->log, kept->line, &kept->block);
    if (log->blocks[log->tail] == NULL) return LRM_ERR_NO_MEMORY;
    to->bytes += log->blocks[log->tail++]->block.payload.bytes;
  }
  return 0;
}

static int copy_record(memory *to, const image_record *from) {
  image_record *record = &to->records[to->records_count];
  uint8_t *value = NULL;
  *record = *from;
  record->key = copy_array(&to->allocator, from->key, from->key_bytes, 1);
  record->value.data = NULL;
  if (from->value.data != NULL) {
    record->value.data = value = copy_array(&to->allocator, from->value.data, from->value.bytes, 1);
  }
  to->records_count++;
  to->bytes += record->key_bytes + record->value.bytes;
  return record->key == NULL || (from->value.data != NULL && value == NULL) ? LRM_ERR_NO_MEMORY : 0;
}

static int copy_image(memory *to, const memory *from) {
  to->generation = from->generation;
  to->next_log = from->next_log;
  to->logs_room = from->logs_count + 1;
  to->records_room = from->records_count + 1;
  to->logs = lrm__alloc(&to->allocator, to->logs_room * sizeof *to->logs);
  to->records = lrm__alloc(&to->allocator, to->records_room * sizeof *to->records);
  int error = to->logs == NULL || to->records == NULL ? LRM_ERR_NO_MEMORY : 0;
  for (size_t i = 0; error == 0 && i < from->logs_count; i++) error = copy_log(to, from->logs[i]);
  for (size_t i = 0; error == 0 && i < from->records_count; i++)
    error = copy_record(to, &from->records[i]);
  return error;
}

int lrm_store_memory_copy(const lrm_store *store, const lrm_store_memory_config *config,
                          lrm_store **out) {
  int error = lrm_store_memory_open(config, out);
  if (error != 0) return error;
  LRM_ASSERT(store->backend == &memory_backend);
  memory *to = (*out)->self;
  error = copy_image(to, store->self);
  if (error != 0) {
    lrm_store_close(*out);
    *out = NULL;
    return error;
  }
  (*out)->next_log = to->next_log;
  return 0;
}

void lrm_store_memory_crash(lrm_store *store) {
  LRM_ASSERT(store->backend == &memory_backend);
  int error = 0;
  /* What was written is committed, told or not. */
  if (store->out && store->frozen.committed)
    error = memory_settled(store->self, store->frozen.head);
  if (error == 0) error = lrm__store_reload(store);
  LRM_ASSERT(error == 0);
  (void)error;
}

void lrm_store_memory_fail(lrm_store *store, int error, unsigned count) {
  LRM_ASSERT(store->backend == &memory_backend);
  memory *self = store->self;
  self->fail_error = error;
  self->fail_count = count;
}
