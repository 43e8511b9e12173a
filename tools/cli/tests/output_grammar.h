/* What may reach a terminal: characters that are shown as they are, newlines, and our own SGR
 * sequences, all of them off at the end of a line. Used by tests and by the fuzz target. */
#ifndef TEST_CLI_OUTPUT_GRAMMAR_H
#define TEST_CLI_OUTPUT_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct output_grammar {
  bool colour; /* SGR sequences are allowed */
  bool tabs;
  bool styled; /* one is on */
  uint8_t pending[32];
  size_t bytes;    /* of a character or a sequence that is not whole */
  size_t marks;    /* on the last character */
  const char *why; /* what is wrong; NULL: nothing */
} output_grammar;

static inline bool grammar_sgr(output_grammar *g) {
  const char *text = (const char *)g->pending;
  static const char *const codes[] = {"1", "2", "3", "4", "7", "31", "32", "33", "34", "35", "36"};
  if (g->bytes < 4 || memcmp(text, "\x1b[0", 3)) return false;
  size_t at = 3;
  while (text[at] == ';') {
    bool found = false;
    at++;
    for (size_t i = sizeof codes / sizeof *codes; !found && i-- > 0;) {
      size_t n = strlen(codes[i]);
      if (memcmp(text + at, codes[i], n) || (text[at + n] != ';' && text[at + n] != 'm')) continue;
      at += n;
      found = true;
    }
    if (!found) return false;
  }
  g->styled = at != 3;
  return at + 1 == g->bytes;
}

static inline bool grammar_hides(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x34F || c == 0x61C || c == 0x115F ||
         c == 0x1160 || c == 0x17B4 || c == 0x17B5 || c == 0x180E || c == 0x200B || c == 0x200E ||
         c == 0x200F || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
         c == 0x3164 || c == 0xFEFF || c == 0xFFA0 || (c >= 0xFFF9 && c <= 0xFFFB) ||
         (c >= 0xE0000 && c <= 0xE0FFF);
}

static inline void grammar_character(output_grammar *g, uint32_t c, size_t bytes) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c == '\n') {
    if (g->styled) g->why = "a style is on at the end of a line";
  } else if (c == '\t') {
    if (!g->tabs) g->why = "a tab";
  } else if (bytes > 4 || c < least[bytes] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) {
    g->why = "no UTF-8";
  } else if (grammar_hides(c)) {
    g->why = "a character that hides or controls";
  }
  bool mark = (c >= 0x300 && c <= 0x36F) || c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F);
  g->marks = mark ? g->marks + 1 : 0;
  if (g->marks > 8) g->why = "a heap of marks";
}

static inline void grammar_take(output_grammar *g, const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes && !g->why; i++) {
    uint8_t byte = (uint8_t)text[i];
    if (g->bytes == sizeof g->pending) g->why = "a long sequence";
    g->pending[g->bytes < sizeof g->pending ? g->bytes++ : 0] = byte;
    if (g->pending[0] == 0x1B) {
      if (!g->colour) g->why = "an escape sequence without colour";
      if (byte == 'm') {
        if (!grammar_sgr(g)) g->why = "a sequence that is not ours";
        g->bytes = 0;
      }
      continue;
    }
    uint8_t first = g->pending[0];
    size_t whole = first < 0x80 ? 1 : first < 0xC0 ? 9 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (whole == 9 || (g->bytes > 1 && (byte & 0xC0) != 0x80)) g->why = "no UTF-8";
    if (g->bytes < whole) continue;
    uint32_t c = whole == 1 ? first : first & (0x3Fu >> (whole - 1));
    for (size_t k = 1; k < whole && k < sizeof g->pending; k++) c = c << 6 | (g->pending[k] & 0x3F);
    grammar_character(g, c, whole);
    g->bytes = 0;
  }
}

#endif
