/* JSON: texts are redacted one by one, so that what comes out is JSON; a name says that its value
 * is a secret. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "redact.h"

#define BLOB_BYTES_LEAST 512u

/* Images and the like in base64: no shape has a meaning in there. */
static bool is_blob(const char *text, size_t bytes) {
  size_t i = 0;
  if (bytes < BLOB_BYTES_LEAST) return false;
  if (bytes > 5 && memcmp(text, "data:", 5) == 0) {
    const char *comma = memchr(text, ',', 100);
    i = comma != NULL ? (size_t)(comma - text) + 1 : 0;
  }
  for (; i < bytes; i++) {
    char c = text[i];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && strchr("+/=\r\n", c) == NULL) return false;
    if (c == '\0') return false;
  }
  return true;
}

static json_t *mark_of(const char *kind) {
  char mark[64];
  size_t bytes = shape_mark(kind, mark);
  return json_stringn(mark, bytes);
}

static json_t *redact_string(const redactor *r, const json_t *value) {
  const char *text = json_string_value(value);
  size_t bytes = json_string_length(value), clean_bytes;
  if (is_blob(text, bytes)) return NULL;
  char *clean = redact_text(r, text, bytes, &clean_bytes);
  if (clean == NULL) return NULL;
  json_t *out = json_stringn(clean, clean_bytes);
  free(clean);
  return out;
}

static json_t *redact_array(const redactor *r, const json_t *value) {
  json_t *out = NULL;
  for (size_t i = 0; i < json_array_size(value); i++) {
    json_t *clean = redact_json(r, json_array_get(value, i));
    if (clean == NULL) continue;
    if (out == NULL) out = json_copy((json_t *)(uintptr_t)value);
    json_array_set_new(out, i, clean);
  }
  return out;
}

/* {"name": "API_KEY", "value": "…"}: variables of the environment and headers come like this. */
static const char *paired_name(const json_t *object) {
  static const char *const names[] = {"name", "key", "header"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const char *name = json_string_value(json_object_get(object, names[i]));
    if (name != NULL) return name;
  }
  return NULL;
}

static json_t *redact_member(const redactor *r, const json_t *object, const char *key,
                             const json_t *value) {
  if (!json_is_string(value)) return redact_json(r, value);
  const char *text = json_string_value(value);
  size_t bytes = json_string_length(value);
  const char *pair = strcmp(key, "value") == 0 ? paired_name(object) : NULL;
  json_t *clean = redact_string(r, value);
  const char *known = json_string_value(clean);
  if (known != NULL && strncmp(known, "[redacted: ", 11) == 0) return clean;
  const char *kind = redactor_named(r, key, strlen(key), text, bytes);
  if (kind == NULL && pair != NULL) kind = redactor_named(r, pair, strlen(pair), text, bytes);
  if (kind == NULL) return clean;
  json_decref(clean);
  return mark_of(kind);
}

static json_t *redact_object(const redactor *r, const json_t *value) {
  json_t *object = (json_t *)(uintptr_t)value, *member, *out = NULL;
  const char *key;
  bool changed = false;
  json_object_foreach(object, key, member) {
    size_t key_bytes;
    char *name = redact_text(r, key, strlen(key), &key_bytes);
    json_t *clean = redact_member(r, object, key, member);
    if ((name != NULL || clean != NULL) && !changed) {
      changed = true;
      out = json_copy(object);
    }
    if (clean != NULL) json_object_set(out, key, clean);
    if (name != NULL) { /* stands under the redacted name, behind the others */
      json_object_set(out, name, clean != NULL ? clean : member);
      json_object_del(out, key);
    }
    json_decref(clean);
    free(name);
  }
  return out;
}

json_t *redact_json(const redactor *r, const json_t *value) {
  if (r == NULL || value == NULL) return NULL;
  switch (json_typeof(value)) {
    case JSON_STRING:
      return redact_string(r, value);
    case JSON_ARRAY:
      return redact_array(r, value);
    case JSON_OBJECT:
      return redact_object(r, value);
    default:
      return NULL;
  }
}

char *redact_json_text(const redactor *r, const char *text, size_t bytes, size_t *out_bytes) {
  if (r == NULL || bytes == 0) return NULL;
  json_t *value = json_loadb(text, bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (value == NULL) return redact_text(r, text, bytes, out_bytes);
  json_t *clean = redact_json(r, value);
  char *out = clean != NULL ? json_dumps(clean, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
  json_decref(clean);
  json_decref(value);
  if (out != NULL) *out_bytes = strlen(out);
  return out;
}

char *redact_asset(const redactor *r, const void *data, size_t bytes, const char *media_type,
                   size_t *out_bytes) {
  static const char *const texts[] = {"text/", "xml", "yaml", "toml", "javascript", "x-sh", "sql"};
  if (strcasestr(media_type, "json") != NULL) return redact_json_text(r, data, bytes, out_bytes);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (strcasestr(media_type, texts[i]) != NULL) return redact_text(r, data, bytes, out_bytes);
  return NULL;
}
