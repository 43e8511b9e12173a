#include "json_event.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXACT_INTEGER_MAX ((INT64_C(1) << 53) - 1) /* of a JavaScript number */
#define ID_BYTES 16u

/* ---- single values ---- */

static json_t *json_from_integer(int64_t value) {
  char decimal[24];
  if (value <= EXACT_INTEGER_MAX && value >= -EXACT_INTEGER_MAX) return json_integer(value);
  snprintf(decimal, sizeof decimal, "%" PRId64, value);
  return json_string(decimal);
}

static json_t *json_from_unsigned(uint64_t value) {
  char decimal[24];
  if (value <= (uint64_t)EXACT_INTEGER_MAX) return json_integer((json_int_t)value);
  snprintf(decimal, sizeof decimal, "%" PRIu64, value);
  return json_string(decimal);
}

/* "ASK_OPTION_KIND_ALLOW_ONCE" is "allow_once": every enum of the schema has a value 0 that ends
 * in UNSPECIFIED, and what stands before that is the prefix of all. */
static size_t prefix_bytes(const ProtobufCEnumDescriptor *type) {
  static const char zero_end[] = "UNSPECIFIED";
  const ProtobufCEnumValue *zero = protobuf_c_enum_descriptor_get_value(type, 0);
  if (zero == NULL) return 0;
  size_t bytes = strlen(zero->name), end = strlen(zero_end);
  return bytes > end && strcmp(zero->name + bytes - end, zero_end) == 0 ? bytes - end : 0;
}

static json_t *json_from_enum(const ProtobufCEnumDescriptor *type, int value) {
  char name[128];
  size_t bytes = 0;
  const ProtobufCEnumValue *known = protobuf_c_enum_descriptor_get_value(type, value);
  if (known == NULL) return json_integer(value);
  const char *from = known->name + prefix_bytes(type);
  for (; from[bytes] != '\0' && bytes < sizeof name; bytes++)
    name[bytes] = from[bytes] >= 'A' && from[bytes] <= 'Z' ? (char)(from[bytes] + 32) : from[bytes];
  return json_stringn(name, bytes);
}

static json_t *json_from_hex(const uint8_t *data, size_t bytes) {
  static const char digits[] = "0123456789abcdef";
  char text[2 * ID_BYTES];
  for (size_t i = 0; i < bytes; i++) {
    text[2 * i] = digits[data[i] >> 4];
    text[2 * i + 1] = digits[data[i] & 15];
  }
  return json_stringn(text, 2 * bytes);
}

static json_t *json_from_base64(const uint8_t *data, size_t bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char *text = malloc((bytes + 2) / 3 * 4 + 1), *to = text;
  if (text == NULL) return NULL;
  for (size_t i = 0; i < bytes; i += 3) {
    size_t left = bytes - i;
    uint32_t group = (uint32_t)data[i] << 16 | (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
                     (left > 2 ? data[i + 2] : 0);
    *to++ = digits[group >> 18];
    *to++ = digits[group >> 12 & 63];
    *to++ = left > 1 ? digits[group >> 6 & 63] : '=';
    *to++ = left > 2 ? digits[group & 63] : '=';
  }
  json_t *value = json_pack("{s:s#}", "base64", text, (int)(to - text));
  free(text);
  return value;
}

static bool ends_with(const char *name, const char *end) {
  size_t n = strlen(name), e = strlen(end);
  return n >= e && strcmp(name + n - e, end) == 0;
}

static bool is_id(const char *field) {
  return ends_with(field, "_id") || ends_with(field, "_ids") || ends_with(field, "epoch");
}

static json_t *json_from_bytes(const char *field, const uint8_t *data, size_t bytes) {
  if (bytes == ID_BYTES && is_id(field)) return json_from_hex(data, bytes);
  /* jansson refuses what is not UTF-8 */
  json_t *text = json_stringn(bytes == 0 ? "" : (const char *)data, bytes);
  return text != NULL ? text : json_from_base64(data, bytes);
}

/* ---- fields ---- */

/* One value; `at` points to the member or the element of a list. */
static json_t *json_from_value(const ProtobufCFieldDescriptor *field, const void *at) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
      const char *text = *(const char *const *)at;
      return text == NULL ? json_string("")
                          : json_from_bytes("", (const uint8_t *)text, strlen(text));
    }
    case PROTOBUF_C_TYPE_BYTES: {
      const ProtobufCBinaryData *data = at;
      return json_from_bytes(field->name, data->data, data->len);
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
      const ProtobufCMessage *child = *(const ProtobufCMessage *const *)at;
      return child == NULL ? json_object() : json_from_message(child);
    }
    case PROTOBUF_C_TYPE_BOOL:
      return json_boolean(*(const protobuf_c_boolean *)at);
    case PROTOBUF_C_TYPE_ENUM:
      return json_from_enum(field->descriptor, *(const int *)at);
    case PROTOBUF_C_TYPE_FLOAT:
      return json_real((double)*(const float *)at);
    case PROTOBUF_C_TYPE_DOUBLE:
      return json_real(*(const double *)at);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
      return json_from_unsigned(*(const uint32_t *)at);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
      return json_from_integer(*(const int32_t *)at);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
      return json_from_unsigned(*(const uint64_t *)at);
    default:
      return json_from_integer(*(const int64_t *)at);
  }
}

static size_t value_bytes(const ProtobufCFieldDescriptor *field) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
      return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
      return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
      return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
      return 8;
    default:
      return 4;
  }
}

static json_t *json_from_list(const ProtobufCFieldDescriptor *field, const uint8_t *elements,
                              size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; list != NULL && i < count; i++)
    if (json_array_append_new(list, json_from_value(field, elements + i * value_bytes(field))) !=
        0) {
      json_decref(list);
      return NULL;
    }
  return list;
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *at) {
  static const uint8_t zeros[8];
  if (field->type == PROTOBUF_C_TYPE_STRING) {
    const char *text = *(const char *const *)at;
    return text == NULL || text[0] == '\0';
  }
  if (field->type == PROTOBUF_C_TYPE_BYTES) return ((const ProtobufCBinaryData *)at)->len == 0;
  return memcmp(at, zeros, value_bytes(field)) == 0;
}

/* True: the field is to be shown, as *value (NULL: no memory). */
static bool show_field(const ProtobufCFieldDescriptor *field, const uint8_t *message,
                       json_t **value) {
  const uint8_t *at = message + field->offset;
  const void *quantifier = message + field->quantifier_offset;
  if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
    if (*(const uint32_t *)quantifier != field->id) return false;
  } else if (field->label == PROTOBUF_C_LABEL_REPEATED) {
    size_t count = *(const size_t *)quantifier;
    if (count == 0) return false;
    *value = json_from_list(field, *(const uint8_t *const *)(const void *)at, count);
    return true;
  } else if (is_default(field, at)) {
    return false;
  }
  *value = json_from_value(field, at);
  return true;
}

json_t *json_from_message(const ProtobufCMessage *message) {
  const ProtobufCMessageDescriptor *type = message->descriptor;
  json_t *object = json_object();
  for (unsigned i = 0; object != NULL && i < type->n_fields; i++) {
    json_t *value = NULL;
    if (!show_field(&type->fields[i], (const uint8_t *)message, &value)) continue;
    if (json_object_set_new(object, type->fields[i].name, value) != 0) {
      json_decref(object);
      return NULL;
    }
  }
  return object;
}

void json_print_line(FILE *to, json_t *object) {
  /* jansson escapes what is below 0x20; on a terminal nothing but ASCII is safe. */
  size_t flags = JSON_COMPACT | (isatty(fileno(to)) ? JSON_ENSURE_ASCII : 0);
  char *text = object ? json_dumps(object, flags) : NULL;
  if (text) {
    fputs(text, to);
    fputc('\n', to);
    fflush(to);
  } else {
    fputs("remote: a line of JSON could not be written: out of memory\n", stderr);
  }
  free(text);
  json_decref(object);
}
