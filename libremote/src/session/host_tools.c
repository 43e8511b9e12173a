#include "session/host_tools.h"

#include <string.h>

#include "base/assert.h"

/* ---- ids ---- */

static uint64_t mix(uint64_t value) {
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

uint64_t lrm__random_number(lrm__random *random) {
  random->counter++;
  return mix(mix(random->seed[0] + random->counter * UINT64_C(0x9e3779b97f4a7c15)) ^
             random->seed[1]);
}

lrm_id lrm__random_id(lrm__random *random) {
  lrm_id id;
  do {
    uint64_t high = lrm__random_number(random), low = lrm__random_number(random);
    memcpy(id.bytes, &high, 8);
    memcpy(id.bytes + 8, &low, 8);
  } while (lrm_id_none(&id));
  return id;
}

/* ---- memory ---- */

void *lrm__zalloc(const lrm_allocator *allocator, size_t bytes) {
  void *memory = allocator->alloc(allocator->user, bytes);
  if (memory != NULL) memset(memory, 0, bytes);
  return memory;
}

void lrm__release(const lrm_allocator *allocator, void *memory) {
  if (memory != NULL) allocator->free(allocator->user, memory);
}

int lrm__buffer_reserve(lrm__buffer *buffer, const lrm_allocator *allocator, size_t bytes) {
  if (bytes <= buffer->capacity) return 0;
  size_t capacity = buffer->capacity == 0 ? 1024 : buffer->capacity;
  while (capacity < bytes) capacity *= 2;
  uint8_t *data = allocator->alloc(allocator->user, capacity);
  if (data == NULL) return LRM_ERR_NO_MEMORY;
  lrm__release(allocator, buffer->data);
  *buffer = (lrm__buffer){data, capacity};
  return 0;
}

void lrm__buffer_free(lrm__buffer *buffer, const lrm_allocator *allocator) {
  lrm__release(allocator, buffer->data);
  *buffer = (lrm__buffer){NULL, 0};
}

int lrm__buffer_pack(lrm__buffer *buffer, const lrm_allocator *allocator,
                     const ProtobufCMessage *message, lrm_slice *out) {
  size_t bytes = protobuf_c_message_get_packed_size(message);
  int result = lrm__buffer_reserve(buffer, allocator, bytes == 0 ? 1 : bytes);
  if (result != 0) return result;
  size_t written = protobuf_c_message_pack(message, buffer->data);
  LRM_ASSERT(written == bytes);
  *out = (lrm_slice){buffer->data, written};
  return 0;
}

static void *protobuf_alloc(void *user, size_t bytes) {
  lrm_allocator *allocator = user;
  return allocator->alloc(allocator->user, bytes);
}

static void protobuf_free(void *user, void *memory) {
  lrm_allocator *allocator = user;
  lrm__release(allocator, memory);
}

ProtobufCAllocator lrm__protobuf_allocator(lrm_allocator *allocator) {
  return (ProtobufCAllocator){protobuf_alloc, protobuf_free, allocator};
}

ProtobufCMessage *lrm__message_copy(const ProtobufCMessage *message, lrm_allocator *allocator,
                                    lrm__buffer *buffer) {
  lrm_slice packed;
  if (lrm__buffer_pack(buffer, allocator, message, &packed) != 0) return NULL;
  ProtobufCAllocator memory = lrm__protobuf_allocator(allocator);
  return protobuf_c_message_unpack(message->descriptor, &memory, packed.bytes, packed.data);
}

/* ---- text ---- */

char *lrm__text(const char *text) { return (char *)(uintptr_t)(text == NULL ? "" : text); }

uint8_t *lrm__bytes(const uint8_t *bytes) { return (uint8_t *)(uintptr_t)bytes; }

ProtobufCBinaryData lrm__id_data(const lrm_id *id) {
  if (id == NULL || lrm_id_none(id)) return (ProtobufCBinaryData){0, NULL};
  return (ProtobufCBinaryData){sizeof id->bytes, lrm__bytes(id->bytes)};
}

lrm_id lrm__id_of(const ProtobufCBinaryData *data) {
  lrm_id id;
  if (lrm_id_from(data->data, data->len, &id) != 0) memset(&id, 0, sizeof id);
  return id;
}

size_t lrm__text_fit(const char *text, size_t bytes, size_t bytes_max) {
  if (bytes <= bytes_max) return bytes;
  size_t fit = bytes_max;
  while (fit > 0 && ((unsigned char)text[fit] & 0xC0) == 0x80) fit--;
  return fit;
}

void lrm__text_cut(char *out, size_t capacity, const char *text) {
  size_t bytes = text == NULL ? 0 : strlen(text);
  size_t fit = bytes == 0 ? 0 : lrm__text_fit(text, bytes, capacity - 1);
  if (fit != 0) memcpy(out, text, fit);
  out[fit] = '\0';
}

bool lrm__text_empty(const char *text) { return text == NULL || text[0] == '\0'; }
