#include "unicode_text.h"

typedef struct unicode_range {
  uint32_t first, last;
} unicode_range;

#include "unicode_widths.h"

size_t unicode_bytes(uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

bool unicode_continues(const uint8_t *pending, size_t bytes, uint8_t byte) {
  if ((byte & 0xC0) != 0x80) return false;
  if (bytes != 1) return true;
  switch (pending[0]) {
    case 0xE0:
      return byte >= 0xA0;
    case 0xED:
      return byte < 0xA0;
    case 0xF0:
      return byte >= 0x90;
    case 0xF4:
      return byte < 0x90;
    default:
      return true;
  }
}

uint32_t unicode_decode(const uint8_t *b, size_t bytes) {
  switch (bytes) {
    case 1:
      return b[0];
    case 2:
      return (uint32_t)(b[0] & 0x1F) << 6 | (b[1] & 0x3F);
    case 3:
      return (uint32_t)(b[0] & 0x0F) << 12 | (uint32_t)(b[1] & 0x3F) << 6 | (b[2] & 0x3F);
    default:
      return (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3F) << 12 |
             (uint32_t)(b[2] & 0x3F) << 6 | (b[3] & 0x3F);
  }
}

size_t unicode_encode(uint32_t c, char out[4]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xC0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xE0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3F));
    out[2] = (char)(0x80 | (c & 0x3F));
    return 3;
  }
  out[0] = (char)(0xF0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 0x3F));
  out[2] = (char)(0x80 | (c >> 6 & 0x3F));
  out[3] = (char)(0x80 | (c & 0x3F));
  return 4;
}

size_t unicode_next(const char *text, size_t bytes, uint32_t *c) {
  const uint8_t *b = (const uint8_t *)text;
  size_t all = unicode_bytes(b[0]), have = 1;
  while (have < all && have < bytes && unicode_continues(b, have, b[have])) have++;
  if (all == 0 || have < all) {
    *c = UNICODE_REPLACEMENT;
    return 1;
  }
  *c = unicode_decode(b, all);
  return all;
}

static bool is_in(const unicode_range *ranges, size_t count, uint32_t c) {
  size_t low = 0, high = count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (c > ranges[middle].last)
      low = middle + 1;
    else if (c < ranges[middle].first)
      high = middle;
    else
      return true;
  }
  return false;
}

unsigned unicode_columns(uint32_t c) {
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return 0;
  if (c < 0x300) return 1;
  if (is_in(zero_width, sizeof zero_width / sizeof *zero_width, c)) return 0;
  return is_in(double_width, sizeof double_width / sizeof *double_width, c) ? 2 : 1;
}
