/* Numbers that are the same in every run. */
#ifndef REMOTE_CLI_SURFACE_TESTS_RANDOM_H
#define REMOTE_CLI_SURFACE_TESTS_RANDOM_H

#include <stdint.h>

static uint64_t random_state = 1;

static inline void random_seed(uint64_t seed) {
  random_state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
}

/* 0 to 2^31-1. */
static inline int random_next(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  random_state ^= random_state << 17;
  return (int)(random_state >> 33);
}

#endif
