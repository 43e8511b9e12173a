/* The grammar of RFC 9112 2 to 5, without what it only tolerates: obsolete folding, bare LF. */
#include "remote/http_head.h"

#include <string.h>

#include "remote/error.h"

/* token of RFC 9110 5.6.2 */
static bool is_token(uint8_t c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }
/* What may stand in a field's value: visible, blank, or above ASCII. */
static bool is_text(uint8_t c) { return is_blank(c) || (c > ' ' && c != 0x7f); }
/* What may stand in a target. */
static bool is_visible(uint8_t c) { return c > ' ' && c < 0x7f; }

static char lower(uint8_t c) { return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

bool lrm_http_is(lrm_slice value, const char *text) {
  size_t bytes = strlen(text);
  if (value.bytes != bytes) return false;
  for (size_t i = 0; i < bytes; i++) {
    if (lower(value.data[i]) != text[i]) return false;
  }
  return true;
}

bool lrm_http_copy(lrm_slice value, char *out, size_t out_bytes) {
  if (value.bytes >= out_bytes) return false;
  if (value.bytes > 0) memcpy(out, value.data, value.bytes);
  out[value.bytes] = '\0';
  return true;
}

/* ---- lines ---- */

typedef struct reader {
  const uint8_t *at, *end;
} reader;

/* Takes the next line without its CRLF. 1: a line; 0: it is not complete; negative: a fault. */
static int take_line(reader *r, lrm_slice *line) {
  const uint8_t *c = r->at;
  for (; c < r->end; c++) {
    if (*c == '\n') return LRM_ERR_PROTOCOL;
    if (*c == '\r') break;
    if (!is_text(*c)) return LRM_ERR_PROTOCOL;
  }
  if (c + 1 >= r->end) return 0;
  if (c[1] != '\n') return LRM_ERR_PROTOCOL;
  *line = (lrm_slice){r->at, (size_t)(c - r->at)};
  r->at = c + 2;
  return 1;
}

/* The part of a line before the next space, which is taken with it. */
static bool take_word(lrm_slice *line, lrm_slice *word) {
  const uint8_t *space = line->bytes > 0 ? memchr(line->data, ' ', line->bytes) : NULL;
  if (space == NULL || space == line->data) return false;
  *word = (lrm_slice){line->data, (size_t)(space - line->data)};
  line->data += word->bytes + 1;
  line->bytes -= word->bytes + 1;
  return true;
}

static bool take_version(lrm_slice text, unsigned *minor) {
  if (text.bytes != 8 || memcmp(text.data, "HTTP/1.", 7) != 0) return false;
  if (text.data[7] != '0' && text.data[7] != '1') return false;
  *minor = (unsigned)(text.data[7] - '0');
  return true;
}

static bool request_line(lrm_slice line, lrm_http_head *out) {
  if (!take_word(&line, &out->method) || !take_word(&line, &out->target)) return false;
  for (size_t i = 0; i < out->method.bytes; i++) {
    if (!is_token(out->method.data[i])) return false;
  }
  for (size_t i = 0; i < out->target.bytes; i++) {
    if (!is_visible(out->target.data[i])) return false;
  }
  return take_version(line, &out->minor);
}

static bool status_line(lrm_slice line, lrm_http_head *out) {
  lrm_slice version;
  if (!take_word(&line, &version) || !take_version(version, &out->minor)) return false;
  if (line.bytes < 3 || (line.bytes > 3 && line.data[3] != ' ')) return false;
  out->status = 0;
  for (size_t i = 0; i < 3; i++) {
    if (line.data[i] < '0' || line.data[i] > '9') return false;
    out->status = out->status * 10 + (unsigned)(line.data[i] - '0');
  }
  return out->status >= 100 && out->status <= 599;
}

static bool field_line(lrm_slice line, lrm_http_field *out) {
  size_t name_bytes = 0;
  while (name_bytes < line.bytes && is_token(line.data[name_bytes])) name_bytes++;
  if (name_bytes == 0 || name_bytes == line.bytes || line.data[name_bytes] != ':') return false;
  out->name = (lrm_slice){line.data, name_bytes};
  lrm_slice value = {line.data + name_bytes + 1, line.bytes - name_bytes - 1};
  while (value.bytes > 0 && is_blank(value.data[0])) {
    value.data++;
    value.bytes--;
  }
  while (value.bytes > 0 && is_blank(value.data[value.bytes - 1])) value.bytes--;
  out->value = value;
  return true;
}

/* ---- heads ---- */

static int parse(const uint8_t *data, size_t bytes, bool (*first)(lrm_slice, lrm_http_head *),
                 lrm_http_head *out, size_t *consumed) {
  size_t looked = bytes < LRM_HTTP_HEAD_BYTES_MAX ? bytes : LRM_HTTP_HEAD_BYTES_MAX;
  reader r = {data, data + looked};
  lrm_slice line;
  memset(out, 0, sizeof *out);
  *consumed = 0;
  if (bytes > 0 && !is_token(data[0])) return LRM_ERR_PROTOCOL; /* TLS, say */
  int result = take_line(&r, &line);
  if (result > 0 && !first(line, out)) return LRM_ERR_PROTOCOL;
  while (result > 0) {
    result = take_line(&r, &line);
    if (result <= 0) break;
    if (line.bytes == 0) {
      *consumed = (size_t)(r.at - data);
      return 0;
    }
    if (out->fields_count == LRM_HTTP_FIELDS_MAX) return LRM_ERR_LIMIT;
    if (!field_line(line, &out->fields[out->fields_count++])) return LRM_ERR_PROTOCOL;
  }
  if (result == 0 && looked == LRM_HTTP_HEAD_BYTES_MAX) return LRM_ERR_LIMIT;
  return result;
}

int lrm_http_request_parse(const uint8_t *data, size_t bytes, lrm_http_head *out,
                           size_t *consumed) {
  return parse(data, bytes, request_line, out, consumed);
}

int lrm_http_response_parse(const uint8_t *data, size_t bytes, lrm_http_head *out,
                            size_t *consumed) {
  return parse(data, bytes, status_line, out, consumed);
}

/* ---- fields ---- */

size_t lrm_http_field_count(const lrm_http_head *head, const char *name, lrm_slice *value) {
  size_t count = 0;
  *value = (lrm_slice){NULL, 0};
  for (size_t i = 0; i < head->fields_count; i++) {
    if (!lrm_http_is(head->fields[i].name, name)) continue;
    if (count++ == 0) *value = head->fields[i].value;
  }
  return count;
}

static bool list_holds(lrm_slice list, const char *word) {
  while (list.bytes > 0) {
    const uint8_t *comma = memchr(list.data, ',', list.bytes);
    size_t bytes = comma != NULL ? (size_t)(comma - list.data) : list.bytes;
    lrm_slice item = {list.data, bytes};
    while (item.bytes > 0 && is_blank(item.data[0])) {
      item.data++;
      item.bytes--;
    }
    while (item.bytes > 0 && is_blank(item.data[item.bytes - 1])) item.bytes--;
    if (lrm_http_is(item, word)) return true;
    if (comma == NULL) return false;
    list.data += bytes + 1;
    list.bytes -= bytes + 1;
  }
  return false;
}

bool lrm_http_lists(const lrm_http_head *head, const char *name, const char *word) {
  for (size_t i = 0; i < head->fields_count; i++) {
    if (lrm_http_is(head->fields[i].name, name) && list_holds(head->fields[i].value, word)) {
      return true;
    }
  }
  return false;
}

int lrm_http_content_length(const lrm_http_head *head, uint64_t *out, bool *given) {
  lrm_slice value, coding;
  size_t count = lrm_http_field_count(head, "content-length", &value);
  size_t codings = lrm_http_field_count(head, "transfer-encoding", &coding);
  *out = 0;
  *given = count > 0;
  if (codings > 0) return count > 0 ? LRM_ERR_PROTOCOL : LRM_ERR_LIMIT;
  if (count == 0) return 0;
  if (count > 1 || value.bytes == 0 || value.bytes > 15) return LRM_ERR_PROTOCOL;
  for (size_t i = 0; i < value.bytes; i++) {
    if (value.data[i] < '0' || value.data[i] > '9') return LRM_ERR_PROTOCOL;
    *out = *out * 10 + (uint64_t)(value.data[i] - '0');
  }
  return 0;
}
