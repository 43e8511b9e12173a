#include "page_json.h"

#include <stdio.h>
#include <string.h>

/* ---- reading ---- */

typedef struct reader {
  const uint8_t *at, *end;
} reader;

static void skip_blanks(reader *r) {
  while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
    r->at++;
}

static bool take(reader *r, char wanted) {
  skip_blanks(r);
  if (r->at == r->end || *r->at != (uint8_t)wanted) return false;
  r->at++;
  return true;
}

static bool take_word(reader *r, const char *word) {
  size_t bytes = strlen(word);
  if ((size_t)(r->end - r->at) < bytes || memcmp(r->at, word, bytes) != 0) return false;
  r->at += bytes;
  return true;
}

static bool hex_four(reader *r, uint32_t *out) {
  *out = 0;
  if (r->end - r->at < 4) return false;
  for (int i = 0; i < 4; i++) {
    uint8_t c = *r->at++;
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : 16;
    if (digit == 16) return false;
    *out = *out << 4 | (uint32_t)digit;
  }
  return true;
}

static bool put(char *out, size_t out_bytes, size_t *used, uint8_t byte) {
  if (out == NULL) return true;
  if (*used + 1 >= out_bytes) return false;
  out[(*used)++] = (char)byte;
  return true;
}

static bool put_point(char *out, size_t out_bytes, size_t *used, uint32_t point) {
  uint8_t bytes[4];
  size_t count = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  if (count == 1) bytes[0] = (uint8_t)point;
  for (size_t i = count; count > 1 && i-- > 1; point >>= 6)
    bytes[i] = (uint8_t)(0x80 | (point & 63));
  if (count > 1) bytes[0] = (uint8_t)((0xf00 >> count) | point);
  for (size_t i = 0; i < count; i++) {
    if (!put(out, out_bytes, used, bytes[i])) return false;
  }
  return true;
}

/* Behind "\u". No text holds a zero byte, and halves of a pair belong together. */
static bool take_point(reader *r, uint32_t *point) {
  uint32_t low;
  if (!hex_four(r, point) || *point == 0 || (*point >= 0xdc00 && *point < 0xe000)) return false;
  if (*point < 0xd800 || *point >= 0xe000) return true;
  if (!take_word(r, "\\u") || !hex_four(r, &low) || low < 0xdc00 || low >= 0xe000) return false;
  *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
  return true;
}

static bool take_escape(reader *r, char *out, size_t out_bytes, size_t *used) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  uint32_t point;
  if (r->at == r->end) return false;
  uint8_t c = *r->at++;
  if (c == 'u') return take_point(r, &point) && put_point(out, out_bytes, used, point);
  const char *known = c != '\0' ? strchr(from, c) : NULL;
  return known != NULL && put(out, out_bytes, used, (uint8_t)to[known - from]);
}

/* One whole character of UTF-8 beyond ASCII, whose first byte is at r->at. */
static size_t character_bytes(const reader *r) {
  uint8_t c = *r->at;
  size_t count = c >= 0xc2 && c < 0xe0   ? 2
                 : c >= 0xe0 && c < 0xf0 ? 3
                 : c >= 0xf0 && c < 0xf5 ? 4
                                         : 0;
  if (count == 0 || (size_t)(r->end - r->at) < count) return 0;
  for (size_t i = 1; i < count; i++) {
    if ((r->at[i] & 0xc0) != 0x80) return 0;
  }
  bool bad = (c == 0xe0 && r->at[1] < 0xa0) || (c == 0xed && r->at[1] >= 0xa0) ||
             (c == 0xf0 && r->at[1] < 0x90) || (c == 0xf4 && r->at[1] >= 0x90);
  return bad ? 0 : count;
}

/* A string; `out` NULL: passed over. */
static bool take_string(reader *r, char *out, size_t out_bytes) {
  size_t used = 0;
  if (!take(r, '"')) return false;
  while (r->at < r->end && *r->at != '"') {
    size_t count = 1;
    if (*r->at < ' ') return false;
    if (*r->at == '\\') {
      r->at++;
      if (!take_escape(r, out, out_bytes, &used)) return false;
      continue;
    }
    if (*r->at >= 0x80) count = character_bytes(r);
    if (count == 0) return false;
    for (size_t i = 0; i < count; i++) {
      if (!put(out, out_bytes, &used, *r->at++)) return false;
    }
  }
  if (out != NULL) out[used] = '\0';
  return take(r, '"');
}

static bool take_number(reader *r) {
  const uint8_t *begin = r->at;
  while (r->at < r->end && *r->at != '\0' && strchr("+-.0123456789eE", *r->at) != NULL) r->at++;
  return r->at > begin;
}

static bool take_value(reader *r, const page_member *member) {
  skip_blanks(r);
  if (r->at == r->end) return false;
  if (*r->at == '"') {
    bool wanted = member != NULL && member->text != NULL;
    return take_string(r, wanted ? member->text : NULL, wanted ? member->text_bytes : 0);
  }
  if (take_word(r, "true")) {
    if (member != NULL && member->truth != NULL) *member->truth = true;
    return true;
  }
  return take_word(r, "false") || take_word(r, "null") || take_number(r);
}

const char *page_json_read(const uint8_t *data, size_t bytes, const page_member *members,
                           size_t count) {
  static const char wrong[] = "send a JSON object of strings that are not too long";
  reader r = {data, data + bytes};
  if (!take(&r, '{')) return wrong;
  bool more = !take(&r, '}');
  while (more) {
    char name[32];
    const page_member *member = NULL;
    if (!take_string(&r, name, sizeof name) || !take(&r, ':')) return wrong;
    for (size_t i = 0; i < count && member == NULL; i++) {
      if (strcmp(members[i].name, name) == 0) member = &members[i];
    }
    if (!take_value(&r, member)) return wrong;
    more = take(&r, ',');
    if (!more && !take(&r, '}')) return wrong;
  }
  skip_blanks(&r);
  return r.at == r.end ? NULL : wrong;
}

/* ---- writing ---- */

/* What does not fit is left out whole by page_json_end. */
static void add(page_json *json, const char *text) {
  size_t bytes = strlen(text);
  if (bytes > sizeof json->text - json->bytes - 1) {
    json->bytes = sizeof json->text; /* too much */
    return;
  }
  memcpy(json->text + json->bytes, text, bytes + 1);
  json->bytes += bytes;
}

static void add_name(page_json *json, const char *name) {
  if (json->bytes == sizeof json->text) return;
  if (json->bytes > 1) add(json, ",");
  add(json, "\"");
  add(json, name);
  add(json, "\":");
}

void page_json_begin(page_json *json) {
  json->bytes = 0;
  add(json, "{");
}

void page_json_text(page_json *json, const char *name, const char *value) {
  add_name(json, name);
  add(json, "\"");
  for (; *value != '\0' && json->bytes < sizeof json->text; value++) {
    char piece[8];
    bool escaped = (unsigned char)*value < ' ' || *value == '"' || *value == '\\' || *value == 0x7f;
    snprintf(piece, sizeof piece, escaped ? "\\u%04x" : "%c", (unsigned char)*value);
    add(json, piece);
  }
  if (json->bytes < sizeof json->text) add(json, "\"");
}

void page_json_number(page_json *json, const char *name, uint64_t value) {
  char text[24];
  add_name(json, name);
  snprintf(text, sizeof text, "%llu", (unsigned long long)value);
  if (json->bytes < sizeof json->text) add(json, text);
}

void page_json_truth(page_json *json, const char *name, bool value) {
  add_name(json, name);
  if (json->bytes < sizeof json->text) add(json, value ? "true" : "false");
}

void page_json_end(page_json *json) {
  if (json->bytes < sizeof json->text) add(json, "}");
  if (json->bytes >= sizeof json->text) page_json_begin(json), add(json, "}");
}
