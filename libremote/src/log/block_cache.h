/* Blocks in memory: counted references, and a bounded store-wide cache of recent ones, so that
 * live readers are served without asking the disk. Owner's thread only: a batch that is being
 * written elsewhere reads its blocks and changes no count. */
#ifndef LRM_LOG_BLOCK_CACHE_H
#define LRM_LOG_BLOCK_CACHE_H

#include "log/index.h"
#include "remote/log.h"

typedef struct lrm__kept_block {
  lrm__node node; /* in the cache */
  struct lrm__kept_block *newer, *older;
  uint64_t log; /* number of the log, and its number line */
  uint64_t line;
  lrm_block block; /* payload lies behind this struct */
  uint32_t refs;
  bool cached;
} lrm__kept_block;

/* A copy with one reference; NULL: out of memory. */
lrm__kept_block *lrm__block_make(const lrm_allocator *allocator, uint64_t log, uint64_t line,
                                 const lrm_block *block);
lrm__kept_block *lrm__block_hold(lrm__kept_block *block);
void lrm__block_drop(const lrm_allocator *allocator, lrm__kept_block *block); /* NULL allowed */
uint64_t lrm__block_end(const lrm__kept_block *block);

typedef struct lrm__block_cache {
  lrm_allocator allocator;
  lrm__index index;
  lrm__kept_block *newest, *oldest;
  uint64_t bytes, bytes_max;
} lrm__block_cache;

int lrm__block_cache_init(lrm__block_cache *cache, const lrm_allocator *allocator,
                          uint64_t bytes_max) LRM_MUST_USE;
void lrm__block_cache_free(lrm__block_cache *cache);
void lrm__block_cache_clear(lrm__block_cache *cache);
/* Takes a reference of its own; the oldest ones leave when it is full. */
void lrm__block_cache_add(lrm__block_cache *cache, lrm__kept_block *block);
/* The block that starts at `offset`, borrowed; NULL. */
lrm__kept_block *lrm__block_cache_find(lrm__block_cache *cache, uint64_t log, uint64_t line,
                                       uint64_t offset);

#endif
