#include "parts_json.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- bytes ---- */

json_t *json_of_bytes(const uint8_t *data, size_t bytes) {
  static const char digits[] = "0123456789abcdef";
  char *text = malloc(2 * bytes + 1);
  if (text == NULL) return NULL;
  for (size_t i = 0; i < bytes; i++) {
    text[2 * i] = digits[data[i] >> 4];
    text[2 * i + 1] = digits[data[i] & 15];
  }
  json_t *json = json_stringn(text, 2 * bytes);
  free(text);
  return json;
}

static int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)tolower((unsigned char)c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

uint8_t *json_hex(const char *text, size_t *bytes) {
  size_t length = strlen(text);
  if (length % 2 != 0) return NULL;
  uint8_t *data = malloc(length / 2 + 1);
  if (data == NULL) return NULL;
  for (size_t i = 0; i < length / 2; i++) {
    int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      free(data);
      return NULL;
    }
    data[i] = (uint8_t)(high << 4 | low);
  }
  *bytes = length / 2;
  return data;
}

/* ---- enums: AskOptionKind has the values ASK_OPTION_KIND_... ---- */

static size_t enum_prefix(const ProtobufCEnumDescriptor *type, char *out, size_t capacity) {
  size_t used = 0;
  for (const char *c = type->short_name; *c != '\0' && used + 3 < capacity; c++) {
    if (isupper((unsigned char)*c) && c != type->short_name) out[used++] = '_';
    out[used++] = (char)toupper((unsigned char)*c);
  }
  out[used++] = '_';
  out[used] = '\0';
  return used;
}

static json_t *enum_json(const ProtobufCEnumDescriptor *type, int value) {
  char prefix[128];
  size_t bytes = enum_prefix(type, prefix, sizeof prefix);
  const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(type, value);
  if (found == NULL) return json_integer(value);
  bool has = strncmp(found->name, prefix, bytes) == 0;
  return json_string(found->name + (has ? bytes : 0));
}

int json_enum(const ProtobufCEnumDescriptor *type, json_t *json) {
  if (json_is_integer(json)) return (int)json_integer_value(json);
  if (!json_is_string(json)) return -1;
  char name[192];
  size_t used = enum_prefix(type, name, sizeof name);
  snprintf(name + used, sizeof name - used, "%s", json_string_value(json));
  const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value_by_name(type, name);
  return found == NULL ? -1 : found->value;
}

/* ---- message to JSON ---- */

static bool is_default(const ProtobufCFieldDescriptor *field, const void *at) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
      const char *text = *(const char *const *)at;
      return text == NULL || text[0] == '\0';
    }
    case PROTOBUF_C_TYPE_BYTES:
      return ((const ProtobufCBinaryData *)at)->len == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
      return *(const ProtobufCMessage *const *)at == NULL;
    case PROTOBUF_C_TYPE_BOOL:
      return !*(const protobuf_c_boolean *)at;
    case PROTOBUF_C_TYPE_DOUBLE:
      return *(const double *)at == 0;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
      return *(const uint64_t *)at == 0;
    default:
      return *(const uint32_t *)at == 0;
  }
}

static json_t *value_json(const ProtobufCFieldDescriptor *field, const void *at) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
      const char *text = *(const char *const *)at;
      return json_string(text == NULL ? "" : text);
    }
    case PROTOBUF_C_TYPE_BYTES: {
      const ProtobufCBinaryData *data = at;
      return json_of_bytes(data->data, data->len);
    }
    case PROTOBUF_C_TYPE_MESSAGE:
      return json_of_message(*(const ProtobufCMessage *const *)at);
    case PROTOBUF_C_TYPE_BOOL:
      return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_DOUBLE:
      return json_real(*(const double *)at);
    case PROTOBUF_C_TYPE_ENUM:
      return enum_json(field->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
      return json_integer(*(const int32_t *)at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
      return json_integer(*(const int64_t *)at);
    default:
      return json_integer(*(const uint32_t *)at);
  }
}

static size_t element_bytes(const ProtobufCFieldDescriptor *field) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
      return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
      return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
      return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
      return 8;
    default:
      return 4;
  }
}

json_t *json_of_message(const ProtobufCMessage *message) {
  json_t *object = json_object();
  const uint8_t *base = (const uint8_t *)message;
  for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
    const uint8_t *at = base + field->offset;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
      size_t count = *(const size_t *)(const void *)(base + field->quantifier_offset);
      const uint8_t *elements = *(const uint8_t *const *)(const void *)at;
      if (count == 0) continue;
      json_t *list = json_array();
      for (size_t k = 0; k < count; k++)
        json_array_append_new(list, value_json(field, elements + k * element_bytes(field)));
      json_object_set_new(object, field->name, list);
    } else if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
      if (*(const uint32_t *)(const void *)(base + field->quantifier_offset) == field->id)
        json_object_set_new(object, field->name, value_json(field, at));
    } else if (!is_default(field, at)) {
      json_object_set_new(object, field->name, value_json(field, at));
    }
  }
  return object;
}

/* ---- JSON to message: encoded first, then unpacked ---- */

typedef struct encoder {
  uint8_t *data;
  size_t bytes, capacity;
  char *error;
  size_t error_bytes;
} encoder;

static void put(encoder *e, const void *data, size_t bytes) {
  if (e->bytes + bytes > e->capacity) {
    e->capacity = 2 * (e->bytes + bytes);
    e->data = realloc(e->data, e->capacity);
    if (e->data == NULL) abort();
  }
  if (bytes > 0) memcpy(e->data + e->bytes, data, bytes);
  e->bytes += bytes;
}

static void put_varint(encoder *e, uint64_t value) {
  uint8_t out[10];
  size_t used = 0;
  for (; value > 0x7f; value >>= 7) out[used++] = (uint8_t)(value | 0x80);
  out[used++] = (uint8_t)value;
  put(e, out, used);
}

static void put_text(encoder *e, uint32_t field, const void *data, size_t bytes) {
  put_varint(e, (uint64_t)field << 3 | 2);
  put_varint(e, bytes);
  put(e, data, bytes);
}

static bool bad(encoder *e, const char *name, const char *why) {
  snprintf(e->error, e->error_bytes, "%s: %s", name, why);
  return false;
}

static bool encode(encoder *e, const ProtobufCMessageDescriptor *type, json_t *json);

static bool encode_value(encoder *e, const ProtobufCFieldDescriptor *field, json_t *json) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
      if (!json_is_string(json)) return bad(e, field->name, "not a string");
      put_text(e, field->id, json_string_value(json), json_string_length(json));
      return true;
    case PROTOBUF_C_TYPE_BYTES: {
      size_t bytes = 0;
      uint8_t *data = json_is_string(json) ? json_hex(json_string_value(json), &bytes) : NULL;
      if (data == NULL) return bad(e, field->name, "not hex");
      put_text(e, field->id, data, bytes);
      free(data);
      return true;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
      encoder inner = {.error = e->error, .error_bytes = e->error_bytes};
      bool good = encode(&inner, field->descriptor, json);
      if (good) put_text(e, field->id, inner.data, inner.bytes);
      free(inner.data);
      return good;
    }
    case PROTOBUF_C_TYPE_BOOL:
      put_varint(e, (uint64_t)field->id << 3);
      put_varint(e, json_is_true(json) ? 1 : 0);
      return true;
    case PROTOBUF_C_TYPE_ENUM: {
      int value = json_enum(field->descriptor, json);
      if (value < 0) return bad(e, field->name, "no such name in the enum");
      put_varint(e, (uint64_t)field->id << 3);
      put_varint(e, (uint64_t)value);
      return true;
    }
    case PROTOBUF_C_TYPE_DOUBLE: {
      double value = json_number_value(json);
      put_varint(e, (uint64_t)field->id << 3 | 1);
      put(e, &value, sizeof value); /* little-endian, as all machines this runs on */
      return true;
    }
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_INT64:
      if (!json_is_integer(json)) return bad(e, field->name, "not a whole number");
      put_varint(e, (uint64_t)field->id << 3);
      put_varint(e, (uint64_t)json_integer_value(json));
      return true;
    default:
      return bad(e, field->name, "a type that the protocol does not use");
  }
}

static bool encode(encoder *e, const ProtobufCMessageDescriptor *type, json_t *json) {
  const char *name;
  json_t *value;
  if (!json_is_object(json)) return bad(e, type->short_name, "not an object");
  json_object_foreach(json, name, value) {
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(type, name);
    if (field == NULL) return bad(e, name, "no such field");
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
      if (!encode_value(e, field, value)) return false;
      continue;
    }
    if (!json_is_array(value)) return bad(e, name, "not a list");
    for (size_t i = 0; i < json_array_size(value); i++)
      if (!encode_value(e, field, json_array_get(value, i))) return false;
  }
  return true;
}

ProtobufCMessage *json_to_message(const ProtobufCMessageDescriptor *type, json_t *json, char *error,
                                  size_t error_bytes) {
  encoder e = {.error = error, .error_bytes = error_bytes};
  ProtobufCMessage *message = NULL;
  if (encode(&e, type, json)) {
    message = protobuf_c_message_unpack(type, NULL, e.bytes, e.data);
    if (message == NULL) snprintf(error, error_bytes, "%s cannot be encoded", type->short_name);
  }
  free(e.data);
  return message;
}
