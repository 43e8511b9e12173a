/* Small things that host and client share: made-up ids, a buffer that messages are packed into,
 * text cut to a limit, and protobuf-c on our allocators. */
#ifndef LRM_SESSION_HOST_TOOLS_H
#define LRM_SESSION_HOST_TOOLS_H

#include <protobuf-c/protobuf-c.h>

#include "remote/message.h"
#include "remote/types.h"

/* A stream of ids from 128 bits of entropy: splitmix64 over a counter, twice. Ids are not secrets
 * (every attach is authenticated), they only must never collide. */
typedef struct lrm__random {
  uint64_t seed[2];
  uint64_t counter;
} lrm__random;

lrm_id lrm__random_id(lrm__random *random);
uint64_t lrm__random_number(lrm__random *random);

/* Memory that grows to the largest message and is used again. */
typedef struct lrm__buffer {
  uint8_t *data;
  size_t capacity;
} lrm__buffer;

int lrm__buffer_reserve(lrm__buffer *buffer, const lrm_allocator *allocator,
                        size_t bytes) LRM_MUST_USE;
void lrm__buffer_free(lrm__buffer *buffer, const lrm_allocator *allocator);
/* Packs a message; *out is borrowed until the buffer's next use. */
int lrm__buffer_pack(lrm__buffer *buffer, const lrm_allocator *allocator,
                     const ProtobufCMessage *message, lrm_slice *out) LRM_MUST_USE;

/* protobuf-c's allocator on one of ours; `allocator` must outlive it. */
ProtobufCAllocator lrm__protobuf_allocator(lrm_allocator *allocator);
/* A deep copy on `allocator`; free with protobuf_c_message_free_unpacked. NULL: no memory. */
ProtobufCMessage *lrm__message_copy(const ProtobufCMessage *message, lrm_allocator *allocator,
                                    lrm__buffer *buffer);

void *lrm__zalloc(const lrm_allocator *allocator, size_t bytes);
void lrm__release(const lrm_allocator *allocator, void *memory);

/* protobuf-c's structs hold char *, though packing never writes. */
char *lrm__text(const char *text);
uint8_t *lrm__bytes(const uint8_t *bytes);
ProtobufCBinaryData lrm__id_data(const lrm_id *id);
lrm_id lrm__id_of(const ProtobufCBinaryData *data);

/* Bytes of the longest beginning of `text` that is at most `bytes_max` and does not end inside a
 * UTF-8 sequence. */
size_t lrm__text_fit(const char *text, size_t bytes, size_t bytes_max);
/* Copies as much as fits, terminated. */
void lrm__text_cut(char *out, size_t capacity, const char *text);
bool lrm__text_empty(const char *text);

#endif
