/* What a target tells the frame mutator: where in its input a stream of frames lies. */
#ifndef FUZZ_MUTATOR_H
#define FUZZ_MUTATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct fuzz_region {
  size_t at;        /* of the stream's first byte */
  size_t bytes;     /* its length */
  size_t bytes_max; /* the longest that can stand there */
} fuzz_region;

/* Finds a stream (one of several: by `seed`). False: there is none. */
bool fuzz_find_region(const uint8_t *data, size_t size, unsigned seed, fuzz_region *region);
/* The region holds `bytes` now: repairs whatever says so. */
void fuzz_repair_region(uint8_t *data, const fuzz_region *region, size_t bytes);

#endif
