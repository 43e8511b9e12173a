#include "capture_format.h"

#include <string.h>

static void put(uint8_t *out, uint64_t value, unsigned bytes) {
  for (unsigned i = 0; i < bytes; i++) out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t *in, unsigned bytes) {
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; i++) value |= (uint64_t)in[i] << (8 * i);
  return value;
}

void capture_header(const capture_record *record, uint8_t out[CAPTURE_HEADER_BYTES]) {
  memset(out, 0, CAPTURE_HEADER_BYTES);
  put(out, record->data.bytes, 4);
  out[4] = (uint8_t)record->kind;
  put(out + 8, record->at_us, 8);
  put(out + 16, record->carrier, 4);
}

bool capture_parse(const uint8_t in[CAPTURE_HEADER_BYTES], capture_record *record) {
  static const uint8_t zeros[4];
  uint64_t bytes = get(in, 4);
  *record = (capture_record){.kind = (capture_kind)in[4],
                             .carrier = (uint32_t)get(in + 16, 4),
                             .at_us = get(in + 8, 8),
                             .data = {NULL, (size_t)bytes}};
  return in[4] >= CAPTURE_NOTE && in[4] <= CAPTURE_ACCEPTING && bytes <= CAPTURE_RECORD_BYTES_MAX &&
         memcmp(in + 5, zeros, 3) == 0 && memcmp(in + 20, zeros, 4) == 0;
}
