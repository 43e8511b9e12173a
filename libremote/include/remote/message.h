/* From untrusted bytes to C structs: the preflight scanner, the arena, and the decode that
 * joins them. Every protobuf message that comes from outside passes here first, because the
 * decoders behind it do not bound depth or memory and do not agree on malformed input
 * (ARCHITECTURE.md, "Preflight"). */
#ifndef REMOTE_MESSAGE_H
#define REMOTE_MESSAGE_H

#include "remote/limits.h"
#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Generated tables (gen/tables): one lrm_schema_message per message type, named
 * lrm_schema_<Message>, e.g. lrm_schema_Event. */
typedef struct lrm_schema_message lrm_schema_message;

typedef struct lrm_preflight_limits {
  uint32_t depth_max;         /* nesting of messages; the outermost is 1 */
  uint32_t unknown_bytes_max; /* bytes of unknown fields, in all */
  uint64_t decode_bytes_max;  /* estimate of memory a decoder would need */
} lrm_preflight_limits;

/* Defaults for a message of `bytes` wire bytes (spec section 7). */
lrm_preflight_limits lrm_preflight_defaults(size_t bytes);

typedef struct lrm_preflight_report {
  uint64_t decode_bytes; /* estimate of the memory that protobuf-c needs */
  uint32_t unknown_bytes;
  size_t error_at;         /* byte offset of the first fault */
  const char *error_text;  /* static; NULL when there is none */
  const char *error_field; /* name of the field it is in, static; NULL when not known */
} lrm_preflight_report;

/* Scans a message without recursion and without allocation. Refuses: depth, memory estimate or
 * unknown bytes over the limits; list counts and lengths over the schema's; bad UTF-8 or NUL in
 * strings; singular fields given twice (two members of one oneof too); wrong wire types; groups;
 * field number 0; over-long varints; truncation; 32-bit fields above 2^32-1, int32 and enums
 * outside their range; bools other than 0 and 1; numbers of enums not known are allowed.
 * report may be NULL. Returns 0, LRM_ERR_DECODE or LRM_ERR_LIMIT. */
int lrm_preflight(const lrm_schema_message *type, const uint8_t *data, size_t bytes,
                  const lrm_preflight_limits *limits, lrm_preflight_report *report) LRM_MUST_USE;

/* A bump arena with a quota: memory comes in chunks from an allocator, reset returns it at
 * once. Also a ProtobufCAllocator whose free does nothing. */
typedef struct lrm_arena_chunk lrm_arena_chunk;
typedef struct lrm_arena {
  lrm_allocator allocator;
  lrm_arena_chunk *chunks; /* newest first */
  size_t quota_bytes;      /* most that alloc hands out until reset */
  size_t used_bytes;
} lrm_arena;

void lrm_arena_init(lrm_arena *arena, const lrm_allocator *allocator, size_t quota_bytes);
/* Aligned for any type. NULL: over the quota, or the allocator failed. */
void *lrm_arena_alloc(lrm_arena *arena, size_t bytes);
/* Copies with a terminator behind. NULL as above. */
char *lrm_arena_copy(lrm_arena *arena, const void *data, size_t bytes);
/* Everything handed out is void; keeps at most one chunk for reuse. */
void lrm_arena_reset(lrm_arena *arena);
/* Returns all memory. */
void lrm_arena_free(lrm_arena *arena);

/* Preflight with default limits, then protobuf-c into the arena. The result (a Remote__V1__X *)
 * lives until the arena is reset. Raises the arena's quota to what the preflight allows.
 * LRM_ERR_DECODE, LRM_ERR_LIMIT, LRM_ERR_NO_MEMORY. */
int lrm_message_decode(const lrm_schema_message *type, const uint8_t *data, size_t bytes,
                       lrm_arena *arena, void **out, lrm_preflight_report *report) LRM_MUST_USE;

/* Preflight with default limits, then nanopb into a static struct (fields is X_fields). */
struct pb_msgdesc_s;
int lrm_message_decode_static(const lrm_schema_message *type, const struct pb_msgdesc_s *fields,
                              const uint8_t *data, size_t bytes, void *out) LRM_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
