/* Features that readers of a session must have (OPEN.needs): a host says them, readers that did not
 * name them in HELLO are kept out (spec 3.4), or they would show what they do not understand. */
#include <string.h>

#include "core.h"

enum { RECORD_VERSION = 1 };

/* Without memory it counts as one that has none. */
void relay_features_take(relay_connection *c, const remote_v1_Hello *hello) {
  if (hello->features_count == 0 || c->features != NULL) return;
  c->features = relay_alloc(c->relay, hello->features_count * sizeof *c->features);
  if (c->features == NULL) return;
  memcpy(c->features, hello->features, hello->features_count * sizeof *c->features);
  c->features_count = (uint32_t)hello->features_count;
}

static bool has_feature(const relay_connection *c, const char *name) {
  for (uint32_t i = 0; i < c->features_count; i++) {
    if (strcmp(c->features[i], name) == 0) return true;
  }
  return false;
}

void relay_needs_save(relay_session *s, relay *r, const remote_v1_Open *open) {
  relay_writer w = {.used = 0};
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  lrm_slice value;
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, open->needs_count, 1);
  for (pb_size_t i = 0; i < open->needs_count; i++) relay_write_text(&w, open->needs[i]);
  lrm_slice fresh = relay_written(&w);
  int result = lrm_store_get(r->config.store, SPACE_NEEDS, (lrm_slice){key, key_bytes}, &value);
  bool there = result == 0;
  if (open->needs_count == 0) {
    if (there) relay_remove(r, SPACE_NEEDS, (lrm_slice){key, key_bytes});
    return;
  }
  if (there && value.bytes == fresh.bytes && memcmp(value.data, fresh.data, fresh.bytes) == 0)
    return;
  relay_put(r, SPACE_NEEDS, (lrm_slice){key, key_bytes}, fresh);
}

bool relay_needs_met(const relay_session *s, const relay_connection *c) {
  uint8_t key[48];
  char name[24];
  size_t key_bytes = relay_session_key(s, key);
  lrm_slice value;
  int result =
      lrm_store_get(c->relay->config.store, SPACE_NEEDS, (lrm_slice){key, key_bytes}, &value);
  if (result != 0) return result == LRM_ERR_NOT_FOUND;
  relay_reader reader = relay_read(value);
  if (relay_read_number(&reader, 1) != RECORD_VERSION) return false;
  for (uint64_t left = relay_read_number(&reader, 1); left > 0 && !reader.bad; left--) {
    relay_read_text(&reader, name, sizeof name);
    if (!reader.bad && !has_feature(c, name)) return false;
  }
  return !reader.bad;
}
