#include "session/json_object.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A level takes two bytes at least, and `json` of an answer 32768 at most. */
enum { DEPTH_MAX = 16384 };

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

static const char *escape(const char *at) {
  if (*at == '\0' || strchr("\"\\/bfnrtu", *at) == NULL) return NULL;
  if (*at++ != 'u') return at;
  for (int i = 0; i < 4; i++)
    if (!is_hex(*at++)) return NULL;
  return at;
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

static const char *number(const char *at) {
  if (*at == '-') at++;
  at = *at == '0' ? at + 1 : digits(at);
  if (at != NULL && *at == '.') at = digits(at + 1);
  if (at == NULL || (*at != 'e' && *at != 'E')) return at;
  at++;
  return digits(*at == '+' || *at == '-' ? at + 1 : at);
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
