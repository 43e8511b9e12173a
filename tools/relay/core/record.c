/* Records of the store: little-endian numbers, ids and short texts behind a version byte. Values
 * come from a disk: a reader goes bad on what cannot be and yields zeros from there on. */
#include <string.h>

#include "core.h"

void relay_write_number(relay_writer *w, uint64_t value, unsigned bytes) {
  if (w->used + bytes > sizeof w->data) return;
  for (unsigned i = 0; i < bytes; i++) w->data[w->used++] = (uint8_t)(value >> (8 * i));
}

void relay_write_bytes(relay_writer *w, const void *data, size_t bytes) {
  if (bytes > sizeof w->data - w->used) return;
  memcpy(w->data + w->used, data, bytes);
  w->used += bytes;
}

void relay_write_id(relay_writer *w, const lrm_id *id) {
  relay_write_bytes(w, id->bytes, sizeof id->bytes);
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

void relay_read_bytes(relay_reader *r, void *out, size_t bytes) {
  if (r->bad || r->bytes - r->at < bytes) {
    r->bad = true;
    memset(out, 0, bytes);
    return;
  }
  memcpy(out, r->data + r->at, bytes);
  r->at += bytes;
}

lrm_id relay_read_id(relay_reader *r) {
  lrm_id id;
  relay_read_bytes(r, id.bytes, sizeof id.bytes);
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

lrm_slice relay_number_key(uint64_t number, uint8_t key[8]) {
  for (unsigned i = 0; i < 8; i++) key[i] = (uint8_t)(number >> (56 - 8 * i));
  return (lrm_slice){key, 8};
}

uint64_t relay_number_of_key(const uint8_t *key) {
  uint64_t number = 0;
  for (unsigned i = 0; i < 8; i++) number = number << 8 | key[i];
  return number;
}

typedef struct loading {
  relay *r;
  const relay_record_kind *kind;
  int result;
} loading;

static bool load(void *user, lrm_slice key, lrm_slice value) {
  loading *l = user;
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  bool known = key.bytes == l->kind->key_bytes && version >= 1 && version <= l->kind->version;
  l->result = known ? l->kind->take(l->r, key.data, version, &reader) : LRM_ERR_CORRUPT;
  return l->result == 0;
}

int relay_records_load(relay *r, const relay_record_kind *kind) {
  loading l = {r, kind, 0};
  int result = lrm_store_each(r->config.store, kind->space, load, &l);
  return result != 0 ? result : l.result;
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
