/* A script: eight bytes of head (the world's shape and its randomness), then operations of three
 * bytes. A seed makes one; a fuzzer brings its own. */
#include <string.h>

#include "sim.h"

enum { HEAD_BYTES = 8, OPERATION_BYTES = 3, ALWAYS = 10 };

/* How often each operation comes, of the order in sim_faults.c; the first ALWAYS are people and
 * agents, the rest faults, of which each seed has only some. */
static const uint8_t weights[] = {30, 40, 4, 3, 6, 3, 1, 1, 1, 1, /* wait .. new_history */
                                  8,  6,  5, 4, 6, 5, 4, 3, 2,    /* cut .. storm */
                                  5,  4,  3, 5, 1, 1, 2,          /* crash_host .. set_ceiling */
                                  1,  4,  2, 1, 5, 2, 2, 3, 2,    /* lose_relay .. slow_disk */
                                  3,  2,  3, 2};                  /* suspend .. duplicate */

size_t sim_script_make(uint64_t seed, uint8_t out[SIM_SCRIPT_MAX]) {
  sim_random random = {sim_mix(seed * 2 + 1)};
  uint8_t chosen[sizeof weights];
  unsigned total = 0;
  for (size_t i = 0; i < HEAD_BYTES; i++) out[i] = (uint8_t)sim_next(&random);
  /* Swarm: a seed with few kinds of faults goes deeper than one with all. */
  uint64_t one_in = 1 + sim_below(&random, 4);
  for (size_t i = 0; i < sizeof weights; i++) {
    chosen[i] = i < ALWAYS || sim_once_in(&random, one_in) ? weights[i] : 0;
    total += chosen[i];
  }
  size_t count = 30 + sim_below(&random, 110), at = HEAD_BYTES;
  for (size_t i = 0; i < count; i++) {
    unsigned pick = (unsigned)sim_below(&random, total), which = 0;
    while (pick >= chosen[which]) pick -= chosen[which++];
    out[at++] = (uint8_t)which;
    out[at++] = (uint8_t)sim_next(&random);
    out[at++] = (uint8_t)sim_next(&random);
  }
  return at;
}

uint64_t sim_script_run(uint64_t seed, const uint8_t *bytes, size_t count,
                        const sim_options *options, uint64_t counts[SIM_COUNTS]) {
  sim_script script = {bytes, count, HEAD_BYTES};
  sim_world *w = sim_world_begin(seed, &script, options);
  sim_world_run(w, 400 * SIM_MS);
  while (script.at + OPERATION_BYTES <= script.count) {
    const uint8_t *at = script.bytes + script.at;
    sim_operate(w, at[0], at[1], at[2]);
    sim_world_run(w, sim_below(&w->random, 40 * SIM_MS));
    script.at += OPERATION_BYTES;
  }
  sim_world_calm(w);
  uint64_t hash = w->hash;
  if (options->verbose)
    printf("seed %llu: hash %016llx, %llu steps, %zu commands, %zu asks, %zu epochs, %llu ms\n",
           (unsigned long long)seed, (unsigned long long)hash, (unsigned long long)w->steps_count,
           w->commands_count, w->asks_count, w->epochs_count,
           (unsigned long long)(w->now_ns / SIM_MS));
  for (size_t i = 0; i < SIM_COUNTS; i++) counts[i] += w->counts[i];
  sim_world_end(w);
  return hash;
}
