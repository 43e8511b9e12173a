/* Records of the store: little-endian numbers, ids and short texts behind a version byte. Values
 * come from a disk: a reader goes bad on what cannot be and yields zeros from there on. */
#include <string.h>

#include "core.h"

void relay_write_number(relay_writer *w, uint64_t value, unsigned bytes) {
  if (w->used + bytes > sizeof w->data) return;
  for (unsigned i = 0; i < bytes; i++) w->data[w->used++] = (uint8_t)(value >> (8 * i));
}

void relay_write_id(relay_writer *w, const lrm_id *id) {
  if (w->used + sizeof id->bytes > sizeof w->data) return;
  memcpy(w->data + w->used, id->bytes, sizeof id->bytes);
  w->used += sizeof id->bytes;
}

void relay_write_text(relay_writer *w, const char *text) {
  size_t bytes = strnlen(text, 255);
  if (w->used + 1 + bytes > sizeof w->data) return;
  w->data[w->used++] = (uint8_t)bytes;
  memcpy(w->data + w->used, text, bytes);
  w->used += bytes;
}

lrm_slice relay_written(const relay_writer *w) { return (lrm_slice){w->data, w->used}; }

relay_reader relay_read(lrm_slice value) {
  return (relay_reader){.data = value.data, .bytes = value.bytes};
}

uint64_t relay_read_number(relay_reader *r, unsigned bytes) {
  if (r->bad || r->bytes - r->at < bytes) {
    r->bad = true;
    return 0;
  }
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)r->data[r->at++] << (8 * i);
  return value;
}

lrm_id relay_read_id(relay_reader *r) {
  lrm_id id = {{0}};
  if (r->bad || r->bytes - r->at < sizeof id.bytes) {
    r->bad = true;
    return id;
  }
  memcpy(id.bytes, r->data + r->at, sizeof id.bytes);
  r->at += sizeof id.bytes;
  return id;
}

void relay_read_text(relay_reader *r, char *out, size_t out_bytes) {
  size_t bytes = (size_t)relay_read_number(r, 1);
  out[0] = '\0';
  if (r->bad || bytes >= out_bytes || r->bytes - r->at < bytes) {
    r->bad = true;
    return;
  }
  memcpy(out, r->data + r->at, bytes);
  out[bytes] = '\0';
  r->at += bytes;
}

/* A record that cannot be put is missing in the commit that its event, its command or its receipt
 * is part of: such a commit must not be made. */
void relay_lose(relay *r, int result, const char *event) {
  r->store_fault = result;
  r->broken = true;
  relay_log(r, RELAY_ERROR, event, "error", lrm_error_text(result), NULL);
}

void relay_put(relay *r, enum relay_space space, lrm_slice key, lrm_slice value) {
  int result = lrm_store_put(r->config.store, (uint32_t)space, key, value);
  if (result != 0) relay_lose(r, result, "store.put");
}

void relay_remove(relay *r, enum relay_space space, lrm_slice key) {
  int result = lrm_store_remove(r->config.store, (uint32_t)space, key);
  if (result != 0 && result != LRM_ERR_NOT_FOUND) relay_lose(r, result, "store.remove");
}
