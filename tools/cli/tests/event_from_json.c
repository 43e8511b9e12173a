/* JSON to the wire, by the message's descriptor, and from there as everything else is decoded. */
#include "event_from_json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct wire {
  uint8_t *data;
  size_t bytes;
  bool failed;
} wire;

static void add(wire *w, const void *data, size_t bytes) {
  uint8_t *more = realloc(w->data, w->bytes + bytes + 1);
  if (more == NULL) abort();
  w->data = more;
  memcpy(w->data + w->bytes, data, bytes);
  w->bytes += bytes;
}

static void add_varint(wire *w, uint64_t value) {
  do {
    uint8_t byte = (uint8_t)(value & 0x7F) | (value > 0x7F ? 0x80 : 0);
    add(w, &byte, 1);
    value >>= 7;
  } while (value);
}

static void add_slice(wire *w, uint32_t id, const void *data, size_t bytes) {
  add_varint(w, (uint64_t)id << 3 | 2);
  add_varint(w, bytes);
  add(w, data, bytes);
}

static bool is_hex(const char *text) {
  return strlen(text) == 32 && strspn(text, "0123456789abcdef") == 32;
}

static void add_bytes(wire *w, uint32_t id, const char *field, const json_t *value) {
  uint8_t raw[16];
  const char *text = json_string_value(value);
  size_t bytes = json_string_length(value), name = strlen(field);
  if (text == NULL || name < 3 || strcmp(field + name - 3, "_id") || !is_hex(text)) {
    add_slice(w, id, text ? text : "", bytes);
    return;
  }
  for (size_t i = 0; i < 16; i++) {
    char pair[3] = {text[2 * i], text[2 * i + 1], 0};
    raw[i] = (uint8_t)strtoul(pair, NULL, 16);
  }
  add_slice(w, id, raw, 16);
}

static int64_t enum_value(wire *w, const ProtobufCEnumDescriptor *type, const json_t *value) {
  const char *text = json_string_value(value);
  if (text == NULL) return json_integer_value(value);
  for (unsigned i = 0; i < type->n_values; i++) {
    const char *name = type->values[i].name;
    size_t all = strlen(name), end = strlen(text);
    if (all > end && name[all - end - 1] == '_' && strcasecmp(name + all - end, text) == 0)
      return type->values[i].value;
  }
  fprintf(stderr, "no value %s of %s\n", text, type->name);
  w->failed = true;
  return 0;
}

static void add_message(wire *w, const ProtobufCMessageDescriptor *type, const json_t *object);

static void add_value(wire *w, const ProtobufCFieldDescriptor *f, const json_t *value) {
  switch (f->type) {
    case PROTOBUF_C_TYPE_STRING:
      add_slice(w, f->id, json_string_value(value) ? json_string_value(value) : "",
                json_string_length(value));
      break;
    case PROTOBUF_C_TYPE_BYTES:
      add_bytes(w, f->id, f->name, value);
      break;
    case PROTOBUF_C_TYPE_MESSAGE: {
      wire inner = {0};
      add_message(&inner, f->descriptor, value);
      add_slice(w, f->id, inner.bytes ? inner.data : (const uint8_t *)"", inner.bytes);
      w->failed = w->failed || inner.failed;
      free(inner.data);
      break;
    }
    case PROTOBUF_C_TYPE_ENUM:
      add_varint(w, (uint64_t)f->id << 3);
      add_varint(w, (uint64_t)enum_value(w, f->descriptor, value));
      break;
    case PROTOBUF_C_TYPE_BOOL:
      add_varint(w, (uint64_t)f->id << 3);
      add_varint(w, json_is_true(value));
      break;
    default:
      add_varint(w, (uint64_t)f->id << 3);
      add_varint(w, (uint64_t)json_integer_value(value));
      break;
  }
}

static void add_message(wire *w, const ProtobufCMessageDescriptor *type, const json_t *object) {
  const char *name;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)object, name, value) {
    const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field_by_name(type, name);
    if (f == NULL) {
      fprintf(stderr, "no field %s in %s\n", name, type->name);
      w->failed = true;
    } else if (f->label == PROTOBUF_C_LABEL_REPEATED) {
      for (size_t i = 0; i < json_array_size(value); i++) add_value(w, f, json_array_get(value, i));
    } else {
      add_value(w, f, value);
    }
  }
}

ProtobufCMessage *message_from_json(const ProtobufCMessageDescriptor *type, const json_t *object) {
  wire w = {0};
  ProtobufCMessage *message = NULL;
  add_message(&w, type, object);
  if (!w.failed)
    message =
        protobuf_c_message_unpack(type, NULL, w.bytes, w.bytes ? w.data : (const uint8_t *)"");
  free(w.data);
  return message;
}
