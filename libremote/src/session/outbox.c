#include "session/outbox.h"

#include <string.h>

#include "base/assert.h"

void lrm__outbox_init(lrm_outbox *outbox, const lrm_allocator *allocator) {
  memset(outbox, 0, sizeof *outbox);
  outbox->allocator = *allocator;
}

static void entry_free(lrm_outbox *outbox, lrm_outbox_entry *entry) {
  if (entry == NULL) return;
  lrm__release(&outbox->allocator, entry->payload);
  if (entry->full != NULL) {
    ProtobufCAllocator memory = lrm__protobuf_allocator(&outbox->allocator);
    protobuf_c_message_free_unpacked(&entry->full->base, &memory);
  }
  lrm__release(&outbox->allocator, entry);
}

void lrm__outbox_free(lrm_outbox *outbox) {
  for (uint64_t i = outbox->first; i < outbox->next; i++)
    entry_free(outbox, outbox->kept[i % LRM__OUTBOX_KEPT_MAX]);
  for (size_t i = 0; i < outbox->done_count; i++)
    entry_free(outbox, outbox->done[(outbox->done_at + i) % LRM__OUTBOX_DONE_MAX]);
  lrm__buffer_free(&outbox->buffer, &outbox->allocator);
}

/* ---- entries ---- */

static size_t put_varint(uint8_t *out, size_t value) {
  size_t bytes = 0;
  while (value >= 0x80) {
    out[bytes++] = (uint8_t)(value | 0x80);
    value >>= 7;
  }
  out[bytes++] = (uint8_t)value;
  return bytes;
}

/* A block's payload: the message behind its length. */
static int make_payload(lrm_outbox *outbox, lrm_slice envelope, uint8_t **payload, size_t *bytes) {
  *payload = lrm__zalloc(&outbox->allocator, envelope.bytes + 10);
  if (*payload == NULL) return LRM_ERR_NO_MEMORY;
  size_t head = put_varint(*payload, envelope.bytes);
  memcpy(*payload + head, envelope.data, envelope.bytes);
  *bytes = head + envelope.bytes;
  return 0;
}

int lrm__outbox_replace(lrm_outbox *outbox, lrm_outbox_entry *entry, lrm_slice envelope) {
  uint8_t *payload;
  size_t bytes;
  int result = make_payload(outbox, envelope, &payload, &bytes);
  if (result != 0) return result;
  lrm__release(&outbox->allocator, entry->payload);
  outbox->bytes += bytes - entry->payload_bytes;
  entry->payload = payload;
  entry->payload_bytes = bytes;
  return 0;
}

int lrm__outbox_add(lrm_outbox *outbox, const lrm_id *id, const lrm_id *epoch, lrm_slice envelope,
                    bool own, lrm_outbox_entry **out) {
  if (outbox->next - outbox->first >= LRM__OUTBOX_KEPT_MAX) return LRM_ERR_BUSY;
  if (!own && outbox->pending >= LRM__OUTBOX_PENDING_MAX) return LRM_ERR_BUSY;
  if (outbox->bytes + envelope.bytes > LRM__OUTBOX_BYTES_MAX) return LRM_ERR_BUSY;
  lrm_outbox_entry *entry = lrm__zalloc(&outbox->allocator, sizeof *entry);
  if (entry == NULL) return LRM_ERR_NO_MEMORY;
  int result = make_payload(outbox, envelope, &entry->payload, &entry->payload_bytes);
  if (result != 0) {
    lrm__release(&outbox->allocator, entry);
    return result;
  }
  entry->offset = outbox->next++;
  entry->id = *id;
  entry->epoch = *epoch;
  entry->own = own;
  entry->state = LRM_COMMAND_COMPOSED;
  outbox->kept[entry->offset % LRM__OUTBOX_KEPT_MAX] = entry;
  outbox->bytes += entry->payload_bytes;
  if (!own) outbox->pending++;
  *out = entry;
  return 0;
}

lrm_outbox_entry *lrm__outbox_at(const lrm_outbox *outbox, uint64_t offset) {
  if (offset < outbox->first || offset >= outbox->next) return NULL;
  return outbox->kept[offset % LRM__OUTBOX_KEPT_MAX];
}

lrm_outbox_entry *lrm__outbox_find(const lrm_outbox *outbox, const lrm_id *id) {
  for (uint64_t i = outbox->first; i < outbox->next; i++) {
    lrm_outbox_entry *entry = outbox->kept[i % LRM__OUTBOX_KEPT_MAX];
    if (lrm_id_equal(&entry->id, id)) return entry;
  }
  for (size_t i = 0; i < outbox->done_count; i++) {
    lrm_outbox_entry *entry = outbox->done[(outbox->done_at + i) % LRM__OUTBOX_DONE_MAX];
    if (lrm_id_equal(&entry->id, id)) return entry;
  }
  return NULL;
}

/* ---- states: they only go forward ---- */

static void reach(lrm_outbox_entry *entry, lrm_command_state state) {
  if (entry->state >= state) return;
  entry->state = state;
  entry->changed = true;
}

void lrm__outbox_sent(lrm_outbox *outbox, uint64_t offset) {
  lrm_outbox_entry *entry = lrm__outbox_at(outbox, offset);
  if (entry == NULL) return;
  /* It is judged and stored anew. */
  if (entry->sends++ > 0) entry->refused = entry->stored = false;
  reach(entry, LRM_COMMAND_SENT);
}

void lrm__outbox_stored(lrm_outbox *outbox, lrm_outbox_entry *entry, lrm_position at) {
  (void)outbox;
  entry->stored = true;
  entry->stored_at = at;
  reach(entry, LRM_COMMAND_STORED);
}

void lrm__outbox_delivered(lrm_outbox *outbox, lrm_position at) {
  for (uint64_t i = outbox->first; i < outbox->next; i++) {
    lrm_outbox_entry *entry = outbox->kept[i % LRM__OUTBOX_KEPT_MAX];
    if (entry->stored && lrm_id_equal(&entry->stored_at.epoch, &at.epoch) &&
        entry->stored_at.offset < at.offset)
      reach(entry, LRM_COMMAND_DELIVERED);
  }
}

/* Done ones are remembered, but no longer sent again. */
static void remember(lrm_outbox *outbox, lrm_outbox_entry *entry) {
  outbox->bytes -= entry->payload_bytes;
  lrm__release(&outbox->allocator, entry->payload);
  entry->payload = NULL;
  entry->payload_bytes = 0;
  if (entry->own) {
    entry_free(outbox, entry);
    return;
  }
  if (outbox->done_count == LRM__OUTBOX_DONE_MAX) {
    entry_free(outbox, outbox->done[outbox->done_at]);
    outbox->done_at = (outbox->done_at + 1) % LRM__OUTBOX_DONE_MAX;
    outbox->done_count--;
  }
  outbox->done[(outbox->done_at + outbox->done_count++) % LRM__OUTBOX_DONE_MAX] = entry;
}

/* Only a prefix: a relay without memory takes commands from first_retained on, in order. */
static void trim(lrm_outbox *outbox) {
  while (outbox->first < outbox->next) {
    lrm_outbox_entry *entry = outbox->kept[outbox->first % LRM__OUTBOX_KEPT_MAX];
    if (entry->state != LRM_COMMAND_DONE) return;
    outbox->first++;
    remember(outbox, entry);
  }
}

void lrm__outbox_outcome(lrm_outbox *outbox, lrm_outbox_entry *entry, uint32_t outcome,
                         uint32_t code, uint32_t layer, const char *reason,
                         const Remote__V1__CommandOutcome *full) {
  if (entry->state == LRM_COMMAND_DONE) return;
  entry->outcome = outcome;
  entry->code = code;
  entry->layer = layer;
  lrm__text_cut(entry->reason, sizeof entry->reason, reason);
  /* Without memory for the whole, what counts is here all the same. */
  if (full != NULL && !entry->own)
    entry->full = (Remote__V1__CommandOutcome *)lrm__message_copy(&full->base, &outbox->allocator,
                                                                  &outbox->buffer);
  if (!entry->own) outbox->pending--;
  reach(entry, LRM_COMMAND_DONE);
  trim(outbox);
}

#define OUTCOME_REJECTED 2u /* CommandOutcomeKind */

bool lrm__outbox_refused(lrm_outbox_entry *entry, uint32_t code, uint32_t layer,
                         const char *reason) {
  entry->refused = true;
  entry->code = code;
  entry->layer = layer;
  lrm__text_cut(entry->reason, sizeof entry->reason, reason);
  return entry->sends <= 1 && !entry->stored;
}

void lrm__outbox_refusal_stands(lrm_outbox *outbox, lrm_outbox_entry *entry) {
  char reason[256];
  lrm__text_cut(reason, sizeof reason, entry->reason);
  lrm__outbox_outcome(outbox, entry, OUTCOME_REJECTED, entry->code, entry->layer, reason, NULL);
}

void lrm__outbox_renumber(lrm_outbox *outbox, uint64_t next) {
  lrm_outbox_entry *moved[LRM__OUTBOX_KEPT_MAX];
  size_t count = 0;
  for (uint64_t i = outbox->first; i < outbox->next; i++)
    moved[count++] = outbox->kept[i % LRM__OUTBOX_KEPT_MAX];
  outbox->first = next;
  outbox->next = next + count;
  for (size_t i = 0; i < count; i++) {
    moved[i]->offset = next + i;
    outbox->kept[(next + i) % LRM__OUTBOX_KEPT_MAX] = moved[i];
  }
}

static bool take_change(lrm_outbox_entry *entry) {
  if (!entry->changed) return false;
  entry->changed = false;
  return !entry->own;
}

lrm_outbox_entry *lrm__outbox_changed(lrm_outbox *outbox) {
  for (size_t i = outbox->done_count; i > 0; i--) {
    lrm_outbox_entry *entry = outbox->done[(outbox->done_at + i - 1) % LRM__OUTBOX_DONE_MAX];
    if (take_change(entry)) return entry;
  }
  for (uint64_t i = outbox->first; i < outbox->next; i++) {
    lrm_outbox_entry *entry = outbox->kept[i % LRM__OUTBOX_KEPT_MAX];
    if (take_change(entry)) return entry;
  }
  return NULL;
}
