/* Randomness of a simulation: one seed, one run. */
#ifndef TESTS_SIM_RANDOM_H
#define TESTS_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct sim_random {
  uint64_t state;
} sim_random;

static inline uint64_t sim_mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static inline uint64_t sim_next(sim_random *r) {
  r->state += UINT64_C(0x9e3779b97f4a7c15);
  return sim_mix(r->state);
}

/* 0 .. n-1 */
static inline uint64_t sim_below(sim_random *r, uint64_t n) { return sim_next(r) % n; }
/* True once in n times. */
static inline bool sim_once_in(sim_random *r, uint64_t n) { return sim_below(r, n) == 0; }

#endif
