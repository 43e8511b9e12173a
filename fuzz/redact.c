/* Redaction: however a text is cut, the same comes out; valid UTF-8 and JSON stay so, also in a
 * second pass (which may find more: what a mark replaced no longer hides a key around it); little
 * is held back; configured patterns take steps in proportion. The first line of the input, when it
 * begins with '~', is a pattern. */
#include <string.h>

#include "memory.h"
#include "redact.h"
#include "target.h"

#define TEXT_BYTES_MAX 32768u

typedef struct text {
  char *data;
  size_t bytes;
} text;

static text in_pieces(const redactor *r, const char *data, size_t bytes, uint32_t random) {
  redact_stream stream = {0};
  text all = {memory_zero(1), 0};
  for (size_t at = 0;;) {
    random = random * 1664525u + 1013904223u;
    size_t n = 1 + (random >> 16) % (random % 3 == 0 ? 3 : 200), out_bytes;
    char *out;
    bool end = at == bytes;
    if (n > bytes - at) n = bytes - at;
    redact_stream_feed(&stream, r, data + at, n, end, &out, &out_bytes);
    at += n;
    all.data = memory_grow(all.data, all.bytes + out_bytes + 1);
    memcpy(all.data + all.bytes, out, out_bytes);
    all.bytes += out_bytes;
    FUZZ_CHECK(stream.bytes - stream.at <= SHAPE_AHEAD_BYTES_MAX);
    if (end) break;
  }
  redact_stream_free(&stream);
  return all;
}

static text whole(const redactor *r, const char *data, size_t bytes) {
  text out;
  out.data = redact_text(r, data, bytes, &out.bytes);
  return out.data != NULL ? out : (text){memory_text(data, bytes), bytes};
}

static bool same(text a, text b) {
  return a.bytes == b.bytes && memcmp(a.data, b.data, a.bytes) == 0;
}

static bool is_json_text(const char *data, size_t bytes) {
  json_t *value = json_loadb(data, bytes, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  json_decref(value);
  return value != NULL;
}

/* jansson takes valid UTF-8 only. */
static bool is_utf8(const char *data, size_t bytes) {
  json_t *value = json_stringn(data, bytes);
  json_decref(value);
  return value != NULL;
}

static void check_text(const redactor *r, const char *data, size_t bytes) {
  text once = whole(r, data, bytes);
  text pieces = in_pieces(r, data, bytes, (uint32_t)bytes);
  FUZZ_CHECK(same(once, pieces));
  text twice = whole(r, once.data, once.bytes);
  if (is_utf8(data, bytes))
    FUZZ_CHECK(is_utf8(once.data, once.bytes) && is_utf8(twice.data, twice.bytes));
  free(twice.data);
  free(pieces.data);
  free(once.data);
}

static void check_json(const redactor *r, const char *data, size_t bytes) {
  size_t out_bytes;
  if (!is_json_text(data, bytes)) return;
  char *out = redact_json_text(r, data, bytes, &out_bytes);
  if (out != NULL) FUZZ_CHECK(is_json_text(out, out_bytes));
  free(out);
}

/* At most a step for each byte, state and direction, however the pattern is made. */
static void check_steps(const redactor *r, const char *data, size_t bytes) {
  redact_stream stream = {0};
  char *out;
  size_t out_bytes;
  redact_stream_feed(&stream, r, data, bytes, false, &out, &out_bytes);
  if (stream.patterns != NULL)
    FUZZ_CHECK(pattern_stream_steps(stream.patterns) <=
               (uint64_t)(bytes + 1) * 2 * PATTERN_STATES_MAX);
  redact_stream_free(&stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size) {
  static redactor *plain;
  char error[512], line[256];
  const char *data = (const char *)input, *pattern = line;
  redactor *configured = NULL;
  if (size > TEXT_BYTES_MAX) size = TEXT_BYTES_MAX;
  if (plain == NULL) {
    const redact_config defaults = {.defaults = true};
    plain = redactor_create(&defaults, error, sizeof error);
  }
  const char *newline = size > 0 && data[0] == '~' ? memchr(data, '\n', size) : NULL;
  if (newline != NULL && (size_t)(newline - data) < sizeof line) {
    size_t n = (size_t)(newline - data) - 1;
    memcpy(line, data + 1, n);
    line[n] = '\0';
    data += n + 2;
    size -= n + 2;
    const redact_config config = {.defaults = true, .patterns = &pattern, .patterns_count = 1};
    configured = redactor_create(&config, error, sizeof error);
  }
  check_text(plain, data, size);
  check_json(plain, data, size);
  if (configured != NULL) {
    check_text(configured, data, size);
    check_json(configured, data, size);
    check_steps(configured, data, size);
  }
  redactor_destroy(configured);
  return 0;
}
