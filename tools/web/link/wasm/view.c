/* libremote's own view for JavaScript: alone, or a session's. A page folds with a view of its own
 * (link/src/view); this one is what that one is held against, and where it goes on after a jump. */
#include <protobuf-c/protobuf-c.h>
#include <string.h>

#include "endpoint.h"
#include "remote/message.h"
#include "schema.h"

/* NULL: no memory. */
EXPORT(view_create) lrm_view *remote_view_create(void) {
  lrm_allocator allocator = lrm_allocator_default();
  lrm_view *view;
  return lrm_view_create(&allocator, &view) == 0 ? view : NULL;
}
EXPORT(view_destroy) void remote_view_destroy(lrm_view *view) { lrm_view_destroy(view); }
EXPORT(view_clear) void remote_view_clear(lrm_view *view) { lrm_view_clear_tail(view); }

enum { APPLY_DURABLE = 0, APPLY_BEGINS = 1, APPLY_TAIL = 2 };

/* Folds an encoded Event: a durable one, the first of a snapshot set, or a tail. LRM_ERR_DECODE,
 * LRM_ERR_LIMIT: not an event that a client would take. */
EXPORT(view_apply)
int remote_view_apply(lrm_view *view, const uint8_t *event, uint32_t bytes, uint32_t how) {
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  lrm_arena_init(&arena, &allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  void *decoded;
  int result = lrm_message_decode(&lrm_schema_Event, event, bytes, &arena, &decoded, NULL);
  if (result == 0)
    result = how == APPLY_TAIL ? lrm_view_apply_tail(view, decoded)
                               : lrm_view_apply(view, decoded, how == APPLY_BEGINS);
  lrm_arena_free(&arena);
  return result;
}

/* The folded state, an encoded SessionState: its bytes; written when `capacity` has room. */
EXPORT(view_state)
uint32_t remote_view_state(const lrm_view *view, uint8_t *out, uint32_t capacity) {
  const ProtobufCMessage *state = &lrm_view_state(view)->base;
  size_t bytes = protobuf_c_message_get_packed_size(state);
  if (bytes <= capacity) protobuf_c_message_pack(state, out);
  return (uint32_t)bytes;
}

typedef struct pieces {
  uint8_t *out;
  size_t bytes, capacity;
} pieces;

static int add_piece(void *user, const uint8_t *event, size_t bytes) {
  pieces *all = user;
  uint32_t length = (uint32_t)bytes;
  if (all->capacity >= all->bytes + sizeof length + bytes) {
    memcpy(all->out + all->bytes, &length, sizeof length);
    memcpy(all->out + all->bytes + sizeof length, event, bytes);
  }
  all->bytes += sizeof length + bytes;
  return 0;
}

/* The durable state as the messages of a set: each its length (4 bytes) and an encoded Event. How
 * many bytes that is; written as far as `capacity` has room. 0: no memory. */
EXPORT(view_snapshot)
uint32_t remote_view_snapshot(const lrm_view *view, double at_ms, uint8_t *out, uint32_t capacity) {
  pieces all = {out, 0, capacity};
  return lrm_view_snapshot(view, (uint64_t)at_ms, add_piece, &all) == 0 ? (uint32_t)all.bytes : 0;
}

/* A session's, lent until the next call that changes it; NULL: no such handle. */
EXPORT(client_view) const lrm_view *remote_client_view(endpoint *e, uint32_t handle) {
  part *p = endpoint__part(e, handle, PART_CLIENT);
  return p != NULL ? lrm_client_view(p->client) : NULL;
}
