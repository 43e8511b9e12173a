/* Preflight, then a decoder. What passes the first cannot fail in the second but for memory. */
#include <pb_decode.h>
#include <protobuf-c/protobuf-c.h>

#include "schema.h"
#include "schema/arena.h"

static void *arena_alloc(void *user, size_t bytes) { return lrm_arena_alloc(user, bytes); }

/* The arena gives all back at once. */
static void arena_free(void *user, void *memory) {
  (void)user;
  (void)memory;
}

int lrm_message_decode(const lrm_schema_message *type, const uint8_t *data, size_t bytes,
                       lrm_arena *arena, void **out, lrm_preflight_report *report) {
  lrm_preflight_report own;
  if (!report) report = &own;
  *out = NULL;
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  int error = lrm_preflight(type, data, bytes, &limits, report);
  if (error) return error;

  /* One chunk for all of it: one allocation a message, and none when the arena kept one. */
  if (report->decode_bytes > SIZE_MAX / 2) return LRM_ERR_NO_MEMORY;
  size_t needed = (size_t)report->decode_bytes;
  if (needed > SIZE_MAX - arena->used_bytes) return LRM_ERR_NO_MEMORY;
  if (arena->quota_bytes < arena->used_bytes + needed)
    arena->quota_bytes = arena->used_bytes + needed;
  if (!lrm__arena_reserve(arena, needed)) return LRM_ERR_NO_MEMORY;

  ProtobufCAllocator allocator = {
      .alloc = arena_alloc, .free = arena_free, .allocator_data = arena};
  *out = protobuf_c_message_unpack(lrm_schema_descriptors[type->index], &allocator, bytes, data);
  return *out ? 0 : LRM_ERR_DECODE;
}

int lrm_message_decode_static(const lrm_schema_message *type, const struct pb_msgdesc_s *fields,
                              const uint8_t *data, size_t bytes, void *out) {
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  int error = lrm_preflight(type, data, bytes, &limits, NULL);
  if (error) return error;
  pb_istream_t stream = pb_istream_from_buffer(data, bytes);
  return pb_decode(&stream, fields, out) ? 0 : LRM_ERR_DECODE;
}
