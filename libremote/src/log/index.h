/* A hash index of nodes that live inside their owners: it allocates only its buckets. */
#ifndef LRM_LOG_INDEX_H
#define LRM_LOG_INDEX_H

#include "remote/types.h"

typedef struct lrm__node {
  struct lrm__node *next;
  uint64_t hash;
} lrm__node;

typedef struct lrm__index {
  lrm__node **buckets;
  size_t bucket_count; /* power of two */
  size_t count;
} lrm__index;

int lrm__index_init(lrm__index *index, const lrm_allocator *allocator) LRM_MUST_USE;
void lrm__index_free(lrm__index *index, const lrm_allocator *allocator);
/* Never fails: without memory to grow, chains get longer. node->hash is set by the caller. */
void lrm__index_add(lrm__index *index, const lrm_allocator *allocator, lrm__node *node);
void lrm__index_remove(lrm__index *index, lrm__node *node);
/* Nodes with this hash: first, then next until NULL. */
lrm__node *lrm__index_first(const lrm__index *index, uint64_t hash);
lrm__node *lrm__index_next(const lrm__node *node);

uint64_t lrm__hash(uint64_t seed, const void *data, size_t bytes);

#endif
