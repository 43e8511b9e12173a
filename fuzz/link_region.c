/* The streams of fuzz/link.c are the pieces that its peer sends. */
#include "mutator.h"

enum { PIECE_MAX = 4095 };

bool fuzz_find_region(const uint8_t *data, size_t size, unsigned seed, fuzz_region *region) {
  bool found = false;
  unsigned seen = 0;
  for (size_t at = 1; at + 1 < size;) {
    uint8_t first = data[at];
    size_t bytes = (size_t)(first & 15) << 8 | data[at + 1];
    at += 2;
    if (first < 0xf0) continue;
    if (bytes > size - at) bytes = size - at;
    /* Any of them with the same chance, in one pass. */
    seen++;
    if ((seed >> (seen % 16)) % seen == 0) {
      *region = (fuzz_region){at, bytes, PIECE_MAX};
      found = true;
    }
    at += bytes;
  }
  return found;
}

void fuzz_repair_region(uint8_t *data, const fuzz_region *region, size_t bytes) {
  data[region->at - 2] = (uint8_t)(0xf0 | bytes >> 8);
  data[region->at - 1] = (uint8_t)bytes;
}
