#include "session/inbox.h"

#include <string.h>

#include "base/assert.h"
#include "session/host_tools.h"

#define BUCKETS_FIRST 64u
#define RECORD_VERSION 1u
#define RECORD_HEAD_BYTES 25u /* version, state, flags, kind, outcome, code, order, at_ms */

enum { FLAG_LOCAL = 1, FLAG_QUEUED = 2 };

typedef struct item_list {
  lrm_inbox_item *first, *last;
  size_t count;
} item_list;

struct lrm_inbox {
  lrm_allocator allocator;
  lrm_inbox_item **buckets;
  size_t buckets_count; /* a power of two */
  item_list pending;    /* by order */
  item_list done;       /* by age */
  size_t pending_bytes;
  uint64_t order_next;
};

int lrm__inbox_create(const lrm_allocator *allocator, lrm_inbox **out) {
  lrm_inbox *inbox = lrm__zalloc(allocator, sizeof *inbox);
  if (inbox == NULL) return LRM_ERR_NO_MEMORY;
  inbox->allocator = *allocator;
  inbox->buckets_count = BUCKETS_FIRST;
  inbox->buckets = lrm__zalloc(allocator, BUCKETS_FIRST * sizeof *inbox->buckets);
  if (inbox->buckets == NULL) {
    lrm__release(allocator, inbox);
    return LRM_ERR_NO_MEMORY;
  }
  inbox->order_next = 1;
  *out = inbox;
  return 0;
}

static void item_free(lrm_inbox *inbox, lrm_inbox_item *item) {
  lrm__release(&inbox->allocator, item->envelope);
  lrm__release(&inbox->allocator, item);
}

void lrm__inbox_destroy(lrm_inbox *inbox) {
  if (inbox == NULL) return;
  item_list *lists[] = {&inbox->pending, &inbox->done};
  for (size_t i = 0; i < 2; i++) {
    for (lrm_inbox_item *item = lists[i]->first; item != NULL;) {
      lrm_inbox_item *next = item->next;
      item_free(inbox, item);
      item = next;
    }
  }
  lrm__release(&inbox->allocator, inbox->buckets);
  lrm_allocator allocator = inbox->allocator;
  lrm__release(&allocator, inbox);
}

/* ---- index ---- */

static size_t bucket_of(const lrm_inbox *inbox, const lrm_id *id) {
  uint64_t word;
  memcpy(&word, id->bytes, sizeof word);
  /* A sender chooses its ids: mixing keeps chosen ones from sharing a bucket too cheaply. */
  word ^= word >> 29;
  word *= UINT64_C(0xbf58476d1ce4e5b9);
  uint64_t rest;
  memcpy(&rest, id->bytes + 8, sizeof rest);
  word ^= rest * UINT64_C(0x9e3779b97f4a7c15);
  word ^= word >> 32;
  return (size_t)word & (inbox->buckets_count - 1);
}

lrm_inbox_item *lrm__inbox_find(const lrm_inbox *inbox, const lrm_id *id) {
  lrm_inbox_item *item = inbox->buckets[bucket_of(inbox, id)];
  while (item != NULL && !lrm_id_equal(&item->id, id)) item = item->chain;
  return item;
}

/* A larger table is a convenience: without memory for it the chains only get longer. */
static void grow(lrm_inbox *inbox) {
  size_t old_count = inbox->buckets_count;
  if (inbox->pending.count + inbox->done.count < old_count) return;
  lrm_inbox_item **larger = lrm__zalloc(&inbox->allocator, 2 * old_count * sizeof *inbox->buckets);
  if (larger == NULL) return;
  lrm_inbox_item **old = inbox->buckets;
  inbox->buckets = larger;
  inbox->buckets_count = 2 * old_count;
  for (size_t i = 0; i < old_count; i++) {
    for (lrm_inbox_item *item = old[i]; item != NULL;) {
      lrm_inbox_item *next = item->chain;
      size_t bucket = bucket_of(inbox, &item->id);
      item->chain = inbox->buckets[bucket];
      inbox->buckets[bucket] = item;
      item = next;
    }
  }
  lrm__release(&inbox->allocator, old);
}

static void index_add(lrm_inbox *inbox, lrm_inbox_item *item) {
  grow(inbox);
  size_t bucket = bucket_of(inbox, &item->id);
  item->chain = inbox->buckets[bucket];
  inbox->buckets[bucket] = item;
}

static void index_remove(lrm_inbox *inbox, lrm_inbox_item *item) {
  lrm_inbox_item **at = &inbox->buckets[bucket_of(inbox, &item->id)];
  while (*at != item) at = &(*at)->chain;
  *at = item->chain;
}

/* ---- lists ---- */

static void list_append(item_list *list, lrm_inbox_item *item) {
  item->previous = list->last;
  item->next = NULL;
  if (list->last != NULL)
    list->last->next = item;
  else
    list->first = item;
  list->last = item;
  list->count++;
}

static uint64_t rank(const lrm_inbox_item *item) {
  return item->state == LRM_INBOX_DONE ? item->at_ms : item->order;
}

static lrm_inbox_item *merge(lrm_inbox_item *a, lrm_inbox_item *b) {
  lrm_inbox_item *first = NULL, **at = &first;
  while (a != NULL && b != NULL) {
    lrm_inbox_item **lower = rank(a) <= rank(b) ? &a : &b;
    *at = *lower;
    *lower = (*lower)->next;
    at = &(*at)->next;
  }
  *at = a != NULL ? a : b;
  return first;
}

/* Merge sort with runs in slots: slot n holds 2^n items. No recursion, no memory. */
static void list_sort(item_list *list) {
  lrm_inbox_item *slots[64] = {NULL};
  for (lrm_inbox_item *item = list->first; item != NULL;) {
    lrm_inbox_item *next = item->next;
    item->next = NULL;
    size_t slot = 0;
    for (; slots[slot] != NULL; slot++) {
      item = merge(slots[slot], item);
      slots[slot] = NULL;
    }
    slots[slot] = item;
    item = next;
  }
  lrm_inbox_item *sorted = NULL;
  for (size_t slot = 0; slot < 64; slot++) sorted = merge(slots[slot], sorted);
  *list = (item_list){NULL, NULL, 0};
  while (sorted != NULL) {
    lrm_inbox_item *next = sorted->next;
    list_append(list, sorted);
    sorted = next;
  }
}

static void list_remove(item_list *list, lrm_inbox_item *item) {
  if (item->previous != NULL)
    item->previous->next = item->next;
  else
    list->first = item->next;
  if (item->next != NULL)
    item->next->previous = item->previous;
  else
    list->last = item->previous;
  item->next = item->previous = NULL;
  list->count--;
}

/* ---- commands ---- */

static int item_new(lrm_inbox *inbox, const lrm_id *id, lrm_slice envelope, lrm_inbox_item **out) {
  lrm_inbox_item *item = lrm__zalloc(&inbox->allocator, sizeof *item);
  if (item == NULL) return LRM_ERR_NO_MEMORY;
  item->id = *id;
  if (envelope.bytes != 0) {
    item->envelope = lrm__zalloc(&inbox->allocator, envelope.bytes);
    if (item->envelope == NULL) {
      lrm__release(&inbox->allocator, item);
      return LRM_ERR_NO_MEMORY;
    }
    memcpy(item->envelope, envelope.data, envelope.bytes);
    item->envelope_bytes = envelope.bytes;
  }
  *out = item;
  return 0;
}

int lrm__inbox_receive(lrm_inbox *inbox, const lrm_id *id, lrm_slice envelope, uint64_t at_ms,
                       lrm_inbox_item **out) {
  if (lrm__inbox_find(inbox, id) != NULL) return LRM_ERR_STATE;
  lrm_inbox_item *item;
  int result = item_new(inbox, id, envelope, &item);
  if (result != 0) return result;
  item->state = LRM_INBOX_RECEIVED;
  item->order = inbox->order_next++;
  item->at_ms = at_ms;
  index_add(inbox, item);
  list_append(&inbox->pending, item);
  inbox->pending_bytes += item->envelope_bytes;
  *out = item;
  return 0;
}

bool lrm__inbox_has_room(const lrm_inbox *inbox, size_t envelope_bytes) {
  return inbox->pending.count < LRM__INBOX_PENDING_MAX &&
         inbox->pending_bytes + envelope_bytes <= LRM__INBOX_PENDING_BYTES_MAX;
}

static void leave_list(lrm_inbox *inbox, lrm_inbox_item *item) {
  if (item->state == LRM_INBOX_DONE) {
    list_remove(&inbox->done, item);
    return;
  }
  inbox->pending_bytes -= item->envelope_bytes;
  list_remove(&inbox->pending, item);
}

void lrm__inbox_done(lrm_inbox *inbox, lrm_inbox_item *item, uint32_t outcome, uint32_t code,
                     uint64_t at_ms) {
  LRM_ASSERT(item->state != LRM_INBOX_DONE); /* exactly one outcome */
  leave_list(inbox, item);
  lrm__release(&inbox->allocator, item->envelope);
  item->envelope = NULL;
  item->envelope_bytes = 0;
  item->attachments = 0;
  item->state = LRM_INBOX_DONE;
  item->outcome = outcome;
  item->code = code;
  /* By age, also when the clock was set back. */
  lrm_inbox_item *newest = inbox->done.last;
  item->at_ms = newest != NULL && newest->at_ms > at_ms ? newest->at_ms : at_ms;
  item->queued = item->held = false;
  list_append(&inbox->done, item);
}

void lrm__inbox_remove(lrm_inbox *inbox, lrm_inbox_item *item) {
  leave_list(inbox, item);
  index_remove(inbox, item);
  item_free(inbox, item);
}

lrm_inbox_item *lrm__inbox_from(const lrm_inbox *inbox, uint64_t order) {
  lrm_inbox_item *item = inbox->pending.first;
  while (item != NULL && item->order < order) item = item->next;
  return item;
}

lrm_inbox_item *lrm__inbox_forgettable(const lrm_inbox *inbox, uint64_t now_ms) {
  lrm_inbox_item *oldest = inbox->done.first;
  if (oldest == NULL || inbox->done.count <= LRM_COMMAND_IDS_KEPT_MIN) return NULL;
  bool young = oldest->at_ms + LRM_COMMAND_IDS_KEPT_MS > now_ms;
  return young && inbox->done.count <= LRM__INBOX_DONE_MAX ? NULL : oldest;
}

size_t lrm__inbox_pending(const lrm_inbox *inbox) { return inbox->pending.count; }

lrm_inbox_item *lrm__inbox_each(const lrm_inbox *inbox, lrm_inbox_item *after) {
  if (after == NULL) return inbox->pending.first != NULL ? inbox->pending.first : inbox->done.first;
  if (after->next != NULL) return after->next;
  return after->state == LRM_INBOX_DONE ? NULL : inbox->done.first;
}

/* ---- records ---- */

static void put_number(uint8_t *out, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_number(const uint8_t *data, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)data[i] << (8 * i);
  return value;
}

size_t lrm__inbox_record_bytes(const lrm_inbox_item *item) {
  return RECORD_HEAD_BYTES + item->envelope_bytes;
}

void lrm__inbox_record_write(const lrm_inbox_item *item, uint8_t *out) {
  out[0] = RECORD_VERSION;
  out[1] = (uint8_t)item->state;
  out[2] = (uint8_t)((item->local ? FLAG_LOCAL : 0) | (item->queued ? FLAG_QUEUED : 0));
  out[3] = (uint8_t)item->kind;
  out[4] = (uint8_t)item->outcome;
  put_number(out + 5, item->code, 4);
  put_number(out + 9, item->order, 8);
  put_number(out + 17, item->at_ms, 8);
  if (item->envelope_bytes != 0)
    memcpy(out + RECORD_HEAD_BYTES, item->envelope, item->envelope_bytes);
}

int lrm__inbox_record_read(lrm_inbox *inbox, const lrm_id *id, lrm_slice record) {
  if (record.bytes < RECORD_HEAD_BYTES || record.data[0] != RECORD_VERSION) return LRM_ERR_CORRUPT;
  uint8_t state = record.data[1];
  if (state < LRM_INBOX_RECEIVED || state > LRM_INBOX_DONE) return LRM_ERR_CORRUPT;
  if (lrm__inbox_find(inbox, id) != NULL) return LRM_ERR_CORRUPT;
  lrm_slice envelope = {record.data + RECORD_HEAD_BYTES, record.bytes - RECORD_HEAD_BYTES};
  if ((envelope.bytes == 0) != (state == LRM_INBOX_DONE)) return LRM_ERR_CORRUPT;
  lrm_inbox_item *item;
  int result = item_new(inbox, id, envelope, &item);
  if (result != 0) return result;
  item->state = (lrm_inbox_state)state;
  item->local = (record.data[2] & FLAG_LOCAL) != 0;
  item->queued = (record.data[2] & FLAG_QUEUED) != 0;
  item->kind = record.data[3];
  item->outcome = record.data[4];
  item->code = (uint32_t)get_number(record.data + 5, 4);
  item->order = get_number(record.data + 9, 8);
  item->at_ms = get_number(record.data + 17, 8);
  if (item->order >= inbox->order_next) inbox->order_next = item->order + 1;
  index_add(inbox, item);
  list_append(item->state == LRM_INBOX_DONE ? &inbox->done : &inbox->pending, item);
  if (item->state != LRM_INBOX_DONE) inbox->pending_bytes += item->envelope_bytes;
  return 0;
}

void lrm__inbox_loaded(lrm_inbox *inbox) {
  list_sort(&inbox->pending);
  list_sort(&inbox->done);
}
