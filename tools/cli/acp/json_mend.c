#include "json_mend.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

#define REPLACEMENT "\xEF\xBF\xBD"
/* No number that matters is longer: it is cut there for reading, never in the copy. */
#define NUMBER_BYTES_MAX 400

typedef struct mending {
  const char *text;
  size_t bytes, at;
  char *out;
  size_t used, room;
} mending;

static void put(mending *m, const char *text, size_t bytes) {
  if (m->used + bytes > m->room) {
    m->room = (m->used + bytes) * 2 + 64;
    m->out = memory_grow(m->out, m->room);
  }
  memcpy(m->out + m->used, text, bytes);
  m->used += bytes;
}

static bool is_number_byte(char c) {
  return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

static void mend_number(mending *m) {
  char number[NUMBER_BYTES_MAX + 1];
  size_t bytes = 0;
  bool whole = true;
  while (m->at + bytes < m->bytes && is_number_byte(m->text[m->at + bytes])) {
    char c = m->text[m->at + bytes];
    if (c == '.' || c == 'e' || c == 'E') whole = false;
    bytes++;
  }
  size_t read = bytes < NUMBER_BYTES_MAX ? bytes : NUMBER_BYTES_MAX;
  memcpy(number, m->text + m->at, read);
  number[read] = '\0';
  errno = 0;
  if (whole) (void)strtoll(number, NULL, 10);
  bool too_long = whole && errno == ERANGE;
  double value = strtod(number, NULL);
  if (isinf(value) || bytes > NUMBER_BYTES_MAX)
    put(m, value < 0 ? "-1.7976931348623157e308" : "1.7976931348623157e308", value < 0 ? 23 : 22);
  else
    put(m, number, read);
  if (too_long && !isinf(value)) put(m, ".0", 2);
  m->at += bytes;
}

/* The four digits behind \u; -1: there are none. */
static int unit(const mending *m, size_t at) {
  int value = 0;
  if (at + 4 > m->bytes) return -1;
  for (size_t i = at; i < at + 4; i++) {
    char c = m->text[i];
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/* At a backslash inside a string. */
static void mend_escape(mending *m) {
  int first = m->at + 1 < m->bytes && m->text[m->at + 1] == 'u' ? unit(m, m->at + 2) : -1;
  size_t bytes = first >= 0 ? 6 : 2;
  if (m->at + bytes > m->bytes) bytes = m->bytes - m->at;
  if (first >= 0xD800 && first <= 0xDFFF) {
    bool paired = first < 0xDC00 && m->at + 12 <= m->bytes && m->text[m->at + 6] == '\\' &&
                  m->text[m->at + 7] == 'u' && unit(m, m->at + 8) >= 0xDC00 &&
                  unit(m, m->at + 8) <= 0xDFFF;
    if (paired)
      bytes = 12;
    else
      put(m, REPLACEMENT, 3);
    if (!paired) {
      m->at += bytes;
      return;
    }
  }
  put(m, m->text + m->at, bytes);
  m->at += bytes;
}

/* Bytes of the UTF-8 character here; 0: it is none. */
static size_t character(const mending *m) {
  const uint8_t *c = (const uint8_t *)m->text + m->at;
  size_t left = m->bytes - m->at;
  if (c[0] < 0x80) return 1;
  if (c[0] >= 0xC2 && c[0] <= 0xDF) return left >= 2 && (c[1] & 0xC0) == 0x80 ? 2 : 0;
  if (c[0] >= 0xE0 && c[0] <= 0xEF) {
    if (left < 3 || (c[1] & 0xC0) != 0x80 || (c[2] & 0xC0) != 0x80) return 0;
    if ((c[0] == 0xE0 && c[1] < 0xA0) || (c[0] == 0xED && c[1] > 0x9F)) return 0;
    return 3;
  }
  if (c[0] >= 0xF0 && c[0] <= 0xF4) {
    if (left < 4 || (c[1] & 0xC0) != 0x80 || (c[2] & 0xC0) != 0x80 || (c[3] & 0xC0) != 0x80)
      return 0;
    if ((c[0] == 0xF0 && c[1] < 0x90) || (c[0] == 0xF4 && c[1] > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

static void mend_string(mending *m) {
  put(m, "\"", 1);
  m->at++;
  while (m->at < m->bytes && m->text[m->at] != '"') {
    uint8_t c = (uint8_t)m->text[m->at];
    if (c == '\\') {
      mend_escape(m);
    } else if (c < 0x20) {
      static const char digits[] = "0123456789abcdef";
      char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
      put(m, escape, sizeof escape);
      m->at++;
    } else {
      size_t bytes = character(m);
      put(m, bytes > 0 ? m->text + m->at : REPLACEMENT, bytes > 0 ? bytes : 3);
      m->at += bytes > 0 ? bytes : 1;
    }
  }
  if (m->at < m->bytes) {
    put(m, "\"", 1);
    m->at++;
  }
}

char *json_mend(const char *text, size_t bytes, size_t *out_bytes) {
  mending m = {.text = text, .bytes = bytes};
  while (m.at < bytes) {
    char c = text[m.at];
    if (c == '"') {
      mend_string(&m);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
      mend_number(&m);
    } else {
      put(&m, &text[m.at], 1);
      m.at++;
    }
  }
  put(&m, "", 1);
  *out_bytes = m.used - 1;
  return m.out;
}
