#include "acp_history.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

typedef struct known {
  acp_role role;
  uint64_t id; /* hash of the message id */
  uint64_t text;
  uint64_t bytes;
  bool used;
} known;

struct acp_history {
  known *items;
  size_t count, room;
  size_t cursor[4]; /* per role: where the replay is */
  uint64_t *tools;
  size_t tool_count, tool_room;
};

uint64_t acp_hash(uint64_t hash, const void *data, size_t bytes) {
  const unsigned char *p = data;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
  return hash;
}

static uint64_t hash_of(const char *text) { return acp_hash(ACP_HASH_BEGIN, text, strlen(text)); }

acp_history *acp_history_create(void) { return memory_zero(sizeof(acp_history)); }

void acp_history_destroy(acp_history *h) {
  if (h == NULL) return;
  free(h->items);
  free(h->tools);
  free(h);
}

bool acp_history_empty(const acp_history *h) {
  return h == NULL || (h->count == 0 && h->tool_count == 0);
}

static known *find_id(const acp_history *h, acp_role role, uint64_t id) {
  for (size_t i = h->count; i-- > 0;)
    if (h->items[i].role == role && h->items[i].id == id) return &h->items[i];
  return NULL;
}

void acp_history_add(acp_history *h, acp_role role, const char *message_id, uint64_t position,
                     const char *text, size_t bytes) {
  uint64_t id = hash_of(message_id);
  known *item = message_id[0] != '\0' ? find_id(h, role, id) : NULL;
  if (item != NULL && position > 0) {
    if (position != item->bytes) return; /* a delta that the whole message holds already */
    item->text = acp_hash(item->text, text, bytes);
    item->bytes += bytes;
    return;
  }
  if (item == NULL) {
    if (h->count == h->room) {
      h->room = h->room * 2 + 64;
      h->items = memory_grow(h->items, h->room * sizeof *h->items);
    }
    item = &h->items[h->count++];
  }
  *item = (known){role, id, acp_hash(ACP_HASH_BEGIN, text, bytes), bytes, false};
}

void acp_history_add_tool(acp_history *h, const char *tool_call_id) {
  if (h->tool_count == h->tool_room) {
    h->tool_room = h->tool_room * 2 + 64;
    h->tools = memory_grow(h->tools, h->tool_room * sizeof *h->tools);
  }
  h->tools[h->tool_count++] = hash_of(tool_call_id);
}

bool acp_history_knows_tool(const acp_history *h, const char *tool_call_id) {
  uint64_t id = hash_of(tool_call_id);
  for (size_t i = 0; h != NULL && i < h->tool_count; i++)
    if (h->tools[i] == id) return true;
  return false;
}

/* The known message from the cursor on whose text begins at `text`: whole, or, for `prefix`,
 * as its beginning. */
static known *find_text(acp_history *h, acp_role role, const char *text, size_t bytes,
                        bool prefix) {
  for (size_t i = h->cursor[role]; i < h->count; i++) {
    known *item = &h->items[i];
    if (item->role != role || item->used || item->bytes > bytes) continue;
    if (!prefix && item->bytes != bytes) continue;
    if (prefix && item->bytes == 0) continue;
    if (acp_hash(ACP_HASH_BEGIN, text, item->bytes) == item->text) return item;
  }
  return NULL;
}

static void use(acp_history *h, known *item) {
  item->used = true;
  h->cursor[item->role] = (size_t)(item - h->items) + 1;
}

/* Several known messages in a row, joined: an agent without message ids replays them so. */
static bool match_joined(acp_history *h, acp_role role, const char *text, size_t bytes) {
  size_t at = 0, cursor = h->cursor[role];
  while (at < bytes) {
    known *item = find_text(h, role, text + at, bytes - at, true);
    if (item == NULL) {
      h->cursor[role] = cursor;
      return false;
    }
    at += item->bytes;
    h->cursor[role] = (size_t)(item - h->items) + 1;
  }
  return true;
}

bool acp_history_match(acp_history *h, acp_role role, const char *message_id, const char *text,
                       size_t bytes, size_t *known_bytes) {
  *known_bytes = bytes;
  if (h == NULL) return false;
  known *item = message_id[0] != '\0' ? find_id(h, role, hash_of(message_id)) : NULL;
  if (item != NULL) {
    use(h, item);
    if (item->bytes < bytes && acp_hash(ACP_HASH_BEGIN, text, item->bytes) == item->text)
      *known_bytes = item->bytes; /* the host died while it was written: the rest is new */
    return true;
  }
  item = find_text(h, role, text, bytes, false);
  if (item != NULL) {
    use(h, item);
    return true;
  }
  return bytes > 0 && match_joined(h, role, text, bytes);
}
