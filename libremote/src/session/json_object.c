#include "session/json_object.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* docs/spec.md 13.1: what every parser takes, and takes alike. */
enum { DEPTH_MAX = 64, NUMBER_BYTES_MAX = 32, EXPONENT_MAX = 250 };

enum expected {
  NAME_OR_END,  /* behind { */
  NAME,         /* behind , in an object */
  VALUE_OR_END, /* behind [ */
  VALUE,        /* behind : and , */
  COMMA_OR_END  /* behind a value */
};

typedef struct scan {
  const char *at;
  enum expected expected;
  size_t depth;
  uint8_t objects[DEPTH_MAX / 8]; /* a bit a level: an object, not an array */
} scan;

static const char *skip_blanks(const char *at) {
  while (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n') at++;
  return at;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- what has no levels: behind it, or NULL ---- */

/* The four digits at `at`; -1: they are none. */
static long hex4(const char *at) {
  long value = 0;
  for (int i = 0; i < 4; i++) {
    char c = at[i];
    if (!is_hex(c)) return -1;
    value = value * 16 + (is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return value;
}

/* Behind the `u` of an escape: no NUL, and surrogates in pairs only. */
static const char *code_point(const char *at) {
  long first = hex4(at);
  if (first <= 0 || (first >= 0xDC00 && first <= 0xDFFF)) return NULL;
  at += 4;
  if (first < 0xD800 || first > 0xDBFF) return at;
  if (at[0] != '\\' || at[1] != 'u') return NULL;
  long second = hex4(at + 2);
  return second >= 0xDC00 && second <= 0xDFFF ? at + 6 : NULL;
}

static const char *escape(const char *at) {
  if (*at == '\0' || strchr("\"\\/bfnrtu", *at) == NULL) return NULL;
  return *at == 'u' ? code_point(at + 1) : at + 1;
}

static const char *string(const char *at) {
  if (*at++ != '"') return NULL;
  while (*at != '"') {
    if ((uint8_t)*at < 0x20) return NULL; /* the end of the text, too */
    if (*at++ == '\\' && (at = escape(at)) == NULL) return NULL;
  }
  return at + 1;
}

static const char *digits(const char *at) {
  if (!is_digit(*at)) return NULL;
  while (is_digit(*at)) at++;
  return at;
}

/* A whole number as two's complement of 64 bits can hold it. */
static bool is_int64(const char *at, const char *end) {
  uint64_t limit = (uint64_t)INT64_MAX, value = 0;
  if (*at == '-') {
    limit++;
    at++;
  }
  for (; at < end; at++) {
    uint64_t digit = (uint64_t)(*at - '0');
    if (value > (limit - digit) / 10) return false;
    value = value * 10 + digit;
  }
  return true;
}

static const char *exponent(const char *at) {
  if (*at == '+' || *at == '-') at++;
  const char *end = digits(at);
  int value = 0;
  for (; end != NULL && at < end; at++)
    if ((value = value * 10 + (*at - '0')) > EXPONENT_MAX) return NULL;
  return end;
}

static const char *number(const char *at) {
  const char *start = at;
  if (*at == '-') at++;
  at = *at == '0' ? at + 1 : digits(at);
  if (at == NULL) return NULL;
  if (*at != '.' && *at != 'e' && *at != 'E') return is_int64(start, at) ? at : NULL;
  if (*at == '.') at = digits(at + 1);
  if (at != NULL && (*at == 'e' || *at == 'E')) at = exponent(at + 1);
  return at != NULL && at - start <= NUMBER_BYTES_MAX ? at : NULL;
}

static const char *literal(const char *at) {
  static const char *const words[] = {"true", "false", "null"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strncmp(at, words[i], strlen(words[i])) == 0) return at + strlen(words[i]);
  return NULL;
}

static const char *scalar(const char *at) {
  if (*at == '"') return string(at);
  return *at == '-' || is_digit(*at) ? number(at) : literal(at);
}

/* ---- levels ---- */

static bool in_object(const scan *s) {
  size_t level = s->depth - 1;
  return (s->objects[level / 8] >> level % 8 & 1) != 0;
}

static bool enter(scan *s) {
  if (s->depth == DEPTH_MAX) return false;
  bool object = *s->at++ == '{';
  uint8_t bit = (uint8_t)(1u << s->depth % 8), *bits = &s->objects[s->depth / 8];
  *bits = (uint8_t)(object ? *bits | bit : *bits & ~bit);
  s->depth++;
  s->expected = object ? NAME_OR_END : VALUE_OR_END;
  return true;
}

static bool leave(scan *s) {
  s->at++;
  s->depth--;
  s->expected = COMMA_OR_END;
  return true;
}

static bool name(scan *s) {
  const char *behind = string(s->at);
  if (behind == NULL) return false;
  behind = skip_blanks(behind);
  if (*behind != ':') return false;
  s->at = behind + 1;
  s->expected = VALUE;
  return true;
}

static bool value(scan *s) {
  if (*s->at == '{' || *s->at == '[') return enter(s);
  s->at = scalar(s->at);
  s->expected = COMMA_OR_END;
  return s->at != NULL;
}

/* Takes a byte at least, or says no. */
static bool step(scan *s) {
  s->at = skip_blanks(s->at);
  if (s->expected == NAME_OR_END && *s->at == '}') return leave(s);
  if (s->expected == VALUE_OR_END && *s->at == ']') return leave(s);
  if (s->expected == NAME || s->expected == NAME_OR_END) return name(s);
  if (s->expected == VALUE || s->expected == VALUE_OR_END) return value(s);
  if (*s->at == (in_object(s) ? '}' : ']')) return leave(s);
  if (*s->at++ != ',') return false;
  s->expected = in_object(s) ? NAME : VALUE;
  return true;
}

bool lrm__json_is_object(const char *text) {
  scan s = {.at = skip_blanks(text)};
  if (*s.at != '{' || !enter(&s)) return false;
  while (s.depth > 0)
    if (!step(&s)) return false;
  return *skip_blanks(s.at) == '\0';
}
