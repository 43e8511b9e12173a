#include "schema/utf8.h"

#include <stdbool.h>
#include <string.h>

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Eight bytes at a time: none has its high bit and none is zero. Most text is ASCII. */
static bool plain(const uint8_t *text) {
  uint64_t word;
  memcpy(&word, text, sizeof word);
  return ((word | (word - EACH_BYTE(0x01))) & EACH_BYTE(0x80)) == 0;
}

/* Well-formed sequences by first byte (Unicode, table 3-7): the range of the second byte is
 * what keeps out overlong forms, surrogates and codes above U+10FFFF. */
static const struct sequence {
  uint8_t first_min, first_max, second_min, second_max, bytes;
} sequences[] = {
    {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
    {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
    {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
};

/* Bytes of the sequence that begins here; 0: there is none. */
static size_t sequence_bytes(const uint8_t *text, size_t bytes) {
  if (text[0] < 0x80) return text[0] != 0;
  for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
    const struct sequence *s = &sequences[i];
    if (text[0] < s->first_min || text[0] > s->first_max) continue;
    if (s->bytes > bytes || text[1] < s->second_min || text[1] > s->second_max) return 0;
    for (size_t k = 2; k < s->bytes; k++)
      if ((text[k] & 0xC0) != 0x80) return 0;
    return s->bytes;
  }
  return 0;
}

size_t lrm__utf8_fault(const uint8_t *text, size_t bytes) {
  size_t at = 0;
  while (at < bytes) {
    if (bytes - at >= 8 && plain(text + at)) {
      at += 8;
      continue;
    }
    size_t step = sequence_bytes(text + at, bytes - at);
    if (step == 0) return at;
    at += step;
  }
  return bytes;
}
