/* The stream of fuzz/frame.c is everything behind the first byte. */
#include "mutator.h"

bool fuzz_find_region(const uint8_t *data, size_t size, unsigned seed, fuzz_region *region) {
  (void)data;
  (void)seed;
  if (size < 1) return false;
  *region = (fuzz_region){1, size - 1, 65536};
  return true;
}

void fuzz_repair_region(uint8_t *data, const fuzz_region *region, size_t bytes) {
  (void)data;
  (void)region;
  (void)bytes;
}
