#include "log/block_cache.h"

#include <string.h>

#include "base/assert.h"

lrm__kept_block *lrm__block_make(const lrm_allocator *allocator, uint64_t log, uint64_t line,
                                 const lrm_block *block) {
  lrm__kept_block *kept = allocator->alloc(allocator->user, sizeof *kept + block->payload.bytes);
  if (kept == NULL) return NULL;
  uint8_t *payload = (uint8_t *)(kept + 1);
  memset(kept, 0, sizeof *kept);
  kept->log = log;
  kept->line = line;
  kept->block = *block;
  kept->block.payload.data = payload;
  kept->refs = 1;
  if (block->payload.bytes > 0) memcpy(payload, block->payload.data, block->payload.bytes);
  return kept;
}

lrm__kept_block *lrm__block_hold(lrm__kept_block *block) {
  block->refs++;
  return block;
}

void lrm__block_drop(const lrm_allocator *allocator, lrm__kept_block *block) {
  if (block == NULL) return;
  LRM_ASSERT(block->refs > 0);
  if (--block->refs == 0) allocator->free(allocator->user, block);
}

uint64_t lrm__block_end(const lrm__kept_block *block) {
  return block->block.offset + block->block.count;
}

/* ---- cache ---- */

static uint64_t place_hash(uint64_t log, uint64_t line, uint64_t offset) {
  const uint64_t place[3] = {log, line, offset};
  return lrm__hash(0, place, sizeof place);
}

static uint64_t cost(const lrm__kept_block *block) {
  return sizeof *block + block->block.payload.bytes;
}

static void unlink_block(lrm__block_cache *cache, lrm__kept_block *block) {
  if (block->newer != NULL)
    block->newer->older = block->older;
  else
    cache->newest = block->older;
  if (block->older != NULL)
    block->older->newer = block->newer;
  else
    cache->oldest = block->newer;
  block->newer = block->older = NULL;
}

static void link_newest(lrm__block_cache *cache, lrm__kept_block *block) {
  block->older = cache->newest;
  if (cache->newest != NULL)
    cache->newest->newer = block;
  else
    cache->oldest = block;
  cache->newest = block;
}

static void evict(lrm__block_cache *cache, lrm__kept_block *block) {
  unlink_block(cache, block);
  lrm__index_remove(&cache->index, &block->node);
  cache->bytes -= cost(block);
  block->cached = false;
  lrm__block_drop(&cache->allocator, block);
}

int lrm__block_cache_init(lrm__block_cache *cache, const lrm_allocator *allocator,
                          uint64_t bytes_max) {
  memset(cache, 0, sizeof *cache);
  cache->allocator = *allocator;
  cache->bytes_max = bytes_max;
  return lrm__index_init(&cache->index, allocator);
}

void lrm__block_cache_clear(lrm__block_cache *cache) {
  while (cache->oldest != NULL) evict(cache, cache->oldest);
}

void lrm__block_cache_free(lrm__block_cache *cache) {
  lrm__block_cache_clear(cache);
  lrm__index_free(&cache->index, &cache->allocator);
}

void lrm__block_cache_add(lrm__block_cache *cache, lrm__kept_block *block) {
  if (block->cached || cost(block) > cache->bytes_max) return;
  while (cache->bytes + cost(block) > cache->bytes_max) evict(cache, cache->oldest);
  block->node.hash = place_hash(block->log, block->line, block->block.offset);
  block->cached = true;
  cache->bytes += cost(block);
  link_newest(cache, lrm__block_hold(block));
  lrm__index_add(&cache->index, &cache->allocator, &block->node);
}

lrm__kept_block *lrm__block_cache_find(lrm__block_cache *cache, uint64_t log, uint64_t line,
                                       uint64_t offset) {
  lrm__node *node = lrm__index_first(&cache->index, place_hash(log, line, offset));
  for (; node != NULL; node = lrm__index_next(node)) {
    lrm__kept_block *block = (lrm__kept_block *)(void *)node;
    if (block->log != log || block->line != line || block->block.offset != offset) continue;
    unlink_block(cache, block);
    link_newest(cache, block);
    return block;
  }
  return NULL;
}
