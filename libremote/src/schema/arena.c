#include "schema/arena.h"

#include <stdalign.h>
#include <string.h>

/* Small enough for a relay with many links, large enough for most messages. */
enum { CHUNK_BYTES_MIN = 4096, CHUNK_BYTES_KEPT_MAX = 64 * 1024 };

struct lrm_arena_chunk {
  lrm_arena_chunk *older;
  size_t capacity; /* bytes behind this header */
  size_t used;
};

#define HEADER_BYTES \
  ((sizeof(lrm_arena_chunk) + LRM__ARENA_UNIT_BYTES - 1) & ~(size_t)(LRM__ARENA_UNIT_BYTES - 1))

_Static_assert(LRM__ARENA_UNIT_BYTES % alignof(max_align_t) == 0, "units keep the alignment");

void lrm_arena_init(lrm_arena *arena, const lrm_allocator *allocator, size_t quota_bytes) {
  *arena = (lrm_arena){.allocator = *allocator, .quota_bytes = quota_bytes};
}

static bool add_chunk(lrm_arena *arena, size_t bytes) {
  size_t capacity = bytes < CHUNK_BYTES_MIN - HEADER_BYTES ? CHUNK_BYTES_MIN - HEADER_BYTES : bytes;
  if (capacity > SIZE_MAX - HEADER_BYTES) return false;
  lrm_arena_chunk *chunk = arena->allocator.alloc(arena->allocator.user, HEADER_BYTES + capacity);
  if (!chunk) return false;
  *chunk = (lrm_arena_chunk){.older = arena->chunks, .capacity = capacity};
  arena->chunks = chunk;
  return true;
}

static bool has_room(const lrm_arena *arena, size_t bytes) {
  return arena->chunks && arena->chunks->capacity - arena->chunks->used >= bytes;
}

bool lrm__arena_reserve(lrm_arena *arena, size_t bytes) {
  return has_room(arena, bytes) || add_chunk(arena, bytes);
}

void *lrm_arena_alloc(lrm_arena *arena, size_t bytes) {
  if (bytes > SIZE_MAX / 2) return NULL;
  size_t cost = (size_t)lrm__arena_cost(bytes);
  if (arena->used_bytes > arena->quota_bytes || cost > arena->quota_bytes - arena->used_bytes)
    return NULL;
  if (!lrm__arena_reserve(arena, cost)) return NULL;
  lrm_arena_chunk *chunk = arena->chunks;
  void *memory = (uint8_t *)chunk + HEADER_BYTES + chunk->used;
  chunk->used += cost;
  arena->used_bytes += cost;
  return memory;
}

char *lrm_arena_copy(lrm_arena *arena, const void *data, size_t bytes) {
  if (bytes == SIZE_MAX) return NULL;
  char *copy = lrm_arena_alloc(arena, bytes + 1);
  if (!copy) return NULL;
  if (bytes) memcpy(copy, data, bytes);
  copy[bytes] = '\0';
  return copy;
}

/* Of the chunks that are not too large to keep, the largest. */
static lrm_arena_chunk *chunk_to_keep(const lrm_arena *arena) {
  lrm_arena_chunk *best = NULL;
  for (lrm_arena_chunk *c = arena->chunks; c; c = c->older)
    if (c->capacity <= CHUNK_BYTES_KEPT_MAX && (!best || c->capacity > best->capacity)) best = c;
  return best;
}

static void free_chunks_but(lrm_arena *arena, lrm_arena_chunk *kept) {
  for (lrm_arena_chunk *chunk = arena->chunks; chunk;) {
    lrm_arena_chunk *older = chunk->older;
    if (chunk != kept) arena->allocator.free(arena->allocator.user, chunk);
    chunk = older;
  }
  if (kept) {
    kept->older = NULL;
    kept->used = 0;
  }
  arena->chunks = kept;
  arena->used_bytes = 0;
}

void lrm_arena_reset(lrm_arena *arena) { free_chunks_but(arena, chunk_to_keep(arena)); }

void lrm_arena_free(lrm_arena *arena) { free_chunks_but(arena, NULL); }
