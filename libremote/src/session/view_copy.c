#include "session/view_copy.h"

#include <string.h>

#include "base/assert.h"

#define COPY_ALIGN 8u
#define CUTS_MAX 8u

/* The same walk runs twice: first with memory NULL, to measure. */
struct copier {
  uint8_t *memory;
  size_t used;
  const lrm__cut *cuts;
  size_t left[CUTS_MAX]; /* of each cut's budget */
  size_t *budget;        /* the one in force; NULL: none */
};

size_t lrm__utf8_floor(const uint8_t *text, size_t bytes, size_t most) {
  if (most >= bytes) return bytes;
  while (most > 0 && (text[most] & 0xc0) == 0x80) most--;
  return most;
}

size_t lrm__utf8_ceil(const uint8_t *text, size_t bytes, size_t from) {
  size_t at = from;
  while (at < bytes && at < from + 3 && (text[at] & 0xc0) == 0x80) at++;
  return at;
}

static size_t take(struct copier *copier, size_t bytes) {
  size_t at = (copier->used + COPY_ALIGN - 1) / COPY_ALIGN * COPY_ALIGN;
  copier->used = at + bytes;
  return at;
}

/* Bytes that may be copied of `bytes`, at the cost of the budget in force. */
static size_t allowed(struct copier *copier, const uint8_t *data, size_t bytes) {
  if (copier->budget == NULL || bytes <= LRM__CUT_FREE_BYTES) return bytes;
  size_t kept = lrm__utf8_floor(data, bytes, *copier->budget);
  *copier->budget -= kept;
  return kept;
}

static uint8_t *copy_bytes(struct copier *copier, const uint8_t *data, size_t bytes) {
  size_t at = take(copier, bytes + 1);
  if (copier->memory == NULL) return NULL;
  if (bytes != 0) memcpy(copier->memory + at, data, bytes);
  copier->memory[at + bytes] = 0;
  return copier->memory + at;
}

static ProtobufCMessage *copy_message(struct copier *copier, const ProtobufCMessage *message);

/* One value; `from` and `to` point at the member or list element. */
static void copy_value(struct copier *copier, const ProtobufCFieldDescriptor *field,
                       const void *from, void *to) {
  if (field->type == PROTOBUF_C_TYPE_STRING) {
    const uint8_t *text = *(const uint8_t *const *)from;
    size_t bytes = text == NULL ? 0 : strlen((const char *)text);
    uint8_t *copy = copy_bytes(copier, text, allowed(copier, text, bytes));
    if (to != NULL) memcpy(to, &copy, sizeof copy);
  } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
    const ProtobufCBinaryData *data = from;
    ProtobufCBinaryData copy = {.len = allowed(copier, data->data, data->len)};
    if (copy.len != 0) copy.data = copy_bytes(copier, data->data, copy.len);
    if (to != NULL) memcpy(to, &copy, sizeof copy);
  } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
    const ProtobufCMessage *child = *(const ProtobufCMessage *const *)from;
    ProtobufCMessage *copy = child == NULL ? NULL : copy_message(copier, child);
    if (to != NULL) memcpy(to, &copy, sizeof copy);
  }
}

static size_t element_bytes(const ProtobufCFieldDescriptor *field) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
      return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
      return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
      return 8;
    case PROTOBUF_C_TYPE_BOOL:
      return sizeof(protobuf_c_boolean);
    default:
      return 4;
  }
}

static void copy_list(struct copier *copier, const ProtobufCFieldDescriptor *field,
                      const uint8_t *from, uint8_t *to) {
  size_t count = *(const size_t *)(const void *)(from + field->quantifier_offset);
  const uint8_t *elements = *(const uint8_t *const *)(const void *)(from + field->offset);
  size_t each = element_bytes(field);
  uint8_t *copy = NULL;
  if (count != 0) {
    size_t at = take(copier, count * each);
    if (copier->memory != NULL) {
      copy = copier->memory + at;
      memcpy(copy, elements, count * each);
    }
    for (size_t i = 0; i < count; i++)
      copy_value(copier, field, elements + i * each, copy == NULL ? NULL : copy + i * each);
  }
  if (to != NULL) memcpy(to + field->offset, &copy, sizeof copy);
}

/* A member of a oneof is there only when its case says so. */
static bool chosen(const ProtobufCFieldDescriptor *field, const uint8_t *from) {
  if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)) return true;
  return *(const uint32_t *)(const void *)(from + field->quantifier_offset) == field->id;
}

static ProtobufCMessage *copy_message(struct copier *copier, const ProtobufCMessage *message) {
  const ProtobufCMessageDescriptor *type = message->descriptor;
  const uint8_t *from = (const uint8_t *)message;
  size_t at = take(copier, type->sizeof_message);
  uint8_t *to = copier->memory == NULL ? NULL : copier->memory + at;
  if (to != NULL) {
    memcpy(to, from, type->sizeof_message);
    ((ProtobufCMessage *)(void *)to)->n_unknown_fields = 0;
    ((ProtobufCMessage *)(void *)to)->unknown_fields = NULL;
  }
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];
    if (!chosen(field, from)) continue;
    if (at == 0 && copier->cuts != NULL) {
      size_t cut = 0;
      while (copier->cuts[cut].field != 0 && copier->cuts[cut].field != field->id) cut++;
      bool none = copier->cuts[cut].field == 0 && copier->cuts[cut].budget_bytes == 0;
      copier->budget = none ? NULL : &copier->left[cut];
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
      copy_list(copier, field, from, to);
    else
      copy_value(copier, field, from + field->offset, to == NULL ? NULL : to + field->offset);
  }
  return (ProtobufCMessage *)(void *)to;
}

static void walk(struct copier *copier, const ProtobufCMessage *message, uint8_t *memory) {
  copier->memory = memory;
  copier->used = 0;
  copier->budget = NULL;
  if (copier->cuts != NULL) {
    size_t i = 0;
    do {
      LRM_ASSERT(i < CUTS_MAX);
      copier->left[i] = copier->cuts[i].budget_bytes;
    } while (copier->cuts[i++].field != 0);
  }
  copy_message(copier, message);
}

void *lrm__copy(const lrm_allocator *allocator, const ProtobufCMessage *message,
                const lrm__cut *cuts) {
  struct copier copier = {.cuts = cuts};
  walk(&copier, message, NULL);
  size_t bytes = copier.used;
  uint8_t *memory = allocator->alloc(allocator->user, bytes);
  if (memory == NULL) return NULL;
  walk(&copier, message, memory);
  LRM_ASSERT(copier.used == bytes);
  return memory;
}
