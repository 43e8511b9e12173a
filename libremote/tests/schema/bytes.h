/* A growing buffer of wire bytes, for tests. Aborts when memory runs out. */
#ifndef TEST_SCHEMA_BYTES_H
#define TEST_SCHEMA_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct bytes {
  uint8_t *data;
  size_t count;
  size_t capacity;
} bytes;

static inline void bytes_put(bytes *b, const void *data, size_t count) {
  if (b->capacity - b->count < count || !b->data) {
    b->capacity = 2 * (b->count + count) + 64;
    b->data = realloc(b->data, b->capacity);
    if (!b->data) abort();
  }
  if (count) memcpy(b->data + b->count, data, count);
  b->count += count;
}

static inline void bytes_byte(bytes *b, unsigned value) {
  uint8_t byte = (uint8_t)value;
  bytes_put(b, &byte, 1);
}

static inline void bytes_varint(bytes *b, uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_byte(b, (unsigned)(value & 0x7F) | 0x80);
  bytes_byte(b, (unsigned)value);
}

static inline void bytes_tag(bytes *b, uint32_t number, unsigned wire) {
  bytes_varint(b, (uint64_t)number << 3 | wire);
}

/* A field of length-delimited bytes; `data` NULL: that many letters. */
static inline void bytes_field(bytes *b, uint32_t number, const void *data, size_t count) {
  bytes_tag(b, number, 2);
  bytes_varint(b, count);
  if (data)
    bytes_put(b, data, count);
  else
    for (size_t i = 0; i < count; i++) bytes_byte(b, 'a');
}

/* Hex digits; anything else is skipped. */
static inline bytes bytes_hex(const char *text) {
  bytes b = {0};
  static const char digits[] = "0123456789abcdef";
  int high = -1;
  for (; *text; text++) {
    const char *found = strchr(digits, *text);
    if (!found) continue;
    int digit = (int)(found - digits);
    if (high < 0) {
      high = digit;
    } else {
      bytes_byte(&b, (unsigned)(high << 4 | digit));
      high = -1;
    }
  }
  bytes_put(&b, "", 0);
  return b;
}

static inline void bytes_free(bytes *b) {
  free(b->data);
  *b = (bytes){0};
}

#endif
