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

/* Generated tables: one lrm_schema_message per message type, named lrm_schema_<Message>, e.g.
 * lrm_schema_Event; declared in "schema.h" (gen/tables, by target remote_gen). */
typedef struct lrm_schema_message lrm_schema_message;

typedef struct lrm_preflight_limits {
  uint32_t depth_max;         /* nesting of messages; the outermost is 1 */
  uint32_t unknown_bytes_max; /* bytes of unknown fields, in all */
  uint64_t decode_bytes_max;  /* estimate of memory a decoder would need */
} lrm_preflight_limits;

/* Defaults for a message of `bytes` wire bytes (spec section 7). */
lrm_preflight_limits lrm_preflight_defaults(size_t bytes);

typedef struct lrm_preflight_report {
  uint64_t decode_bytes; /* memory that protobuf-c will ask for */
  uint32_t unknown_bytes;
  size_t error_at;         /* byte offset of the first fault */
  const char *error_text;  /* static; NULL when there is none */
  const char *error_field; /* name of the field it is in, static; NULL when not known */
} lrm_preflight_report;

/* Scans a message without recursion and without allocation; one pass.
 * LRM_ERR_LIMIT: depth, memory estimate or unknown bytes above `limits`; a list or a value longer
 *   than the schema allows.
 * LRM_ERR_DECODE: bad UTF-8 or NUL in a string; a singular field given twice (two members of one
 *   oneof too); a wrong wire type; a group; field number 0; a varint of more than 10 bytes or 64
 *   bits, a tag or length of more than 5 bytes; truncation; a 32-bit field above 2^32-1; an int32
 *   or enum outside 32 bits, a negative enum; a bool other than 0 and 1; -0.0.
 * Allowed: any order of fields, values longer than their shortest form, explicit defaults, lists
 * of numbers packed or not, unknown fields, numbers of enums not known.
 * What passes means the same to protobuf-c, nanopb and the other runtimes, and protobuf-c asks
 * for exactly report->decode_bytes (rounded as lrm_arena does). Where both faults are there, the
 * one met first in the bytes is reported. report may be NULL. Threads: any. Returns 0 or these. */
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
/* Everything handed out is void; keeps at most one chunk, of 64 KiB at most, for reuse. */
void lrm_arena_reset(lrm_arena *arena);
/* Returns all memory. */
void lrm_arena_free(lrm_arena *arena);

/* Preflight with default limits, then protobuf-c into the arena. The result (a Remote__V1__X *)
 * lives until the arena is reset. Raises the arena's quota so that the message fits; takes one
 * chunk for all of it.
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
