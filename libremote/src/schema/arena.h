/* How the arena rounds: the preflight's estimate counts with the same numbers. */
#ifndef LRM_SCHEMA_ARENA_H
#define LRM_SCHEMA_ARENA_H

#include "remote/message.h"

/* What one allocation of `bytes` takes from the quota. At least one unit, so that every
 * address is its own. */
#define LRM__ARENA_UNIT_BYTES 16u
static inline uint64_t lrm__arena_cost(uint64_t bytes) {
  return bytes == 0 ? LRM__ARENA_UNIT_BYTES
                    : (bytes + LRM__ARENA_UNIT_BYTES - 1) & ~(uint64_t)(LRM__ARENA_UNIT_BYTES - 1);
}

/* Makes the next allocations, `bytes` together, come from one chunk. False: the allocator
 * failed. Takes nothing from the quota. */
bool lrm__arena_reserve(lrm_arena *arena, size_t bytes);

#endif
