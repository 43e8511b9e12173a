#include "log/index.h"

#include <string.h>

#define BUCKETS_FIRST 64u

static lrm__node **bucket_of(const lrm__index *index, uint64_t hash) {
  return &index->buckets[hash & (index->bucket_count - 1)];
}

int lrm__index_init(lrm__index *index, const lrm_allocator *allocator) {
  memset(index, 0, sizeof *index);
  index->buckets = allocator->alloc(allocator->user, BUCKETS_FIRST * sizeof *index->buckets);
  if (index->buckets == NULL) return LRM_ERR_NO_MEMORY;
  memset(index->buckets, 0, BUCKETS_FIRST * sizeof *index->buckets);
  index->bucket_count = BUCKETS_FIRST;
  return 0;
}

void lrm__index_free(lrm__index *index, const lrm_allocator *allocator) {
  if (index->buckets != NULL) allocator->free(allocator->user, index->buckets);
  memset(index, 0, sizeof *index);
}

static void grow(lrm__index *index, const lrm_allocator *allocator) {
  lrm__index larger = {.bucket_count = index->bucket_count * 2, .count = index->count};
  larger.buckets = allocator->alloc(allocator->user, larger.bucket_count * sizeof *larger.buckets);
  if (larger.buckets == NULL) return;
  memset(larger.buckets, 0, larger.bucket_count * sizeof *larger.buckets);
  for (size_t i = 0; i < index->bucket_count; i++) {
    lrm__node *node = index->buckets[i];
    while (node != NULL) {
      lrm__node *next = node->next;
      lrm__node **bucket = bucket_of(&larger, node->hash);
      node->next = *bucket;
      *bucket = node;
      node = next;
    }
  }
  allocator->free(allocator->user, index->buckets);
  *index = larger;
}

void lrm__index_add(lrm__index *index, const lrm_allocator *allocator, lrm__node *node) {
  if (index->count >= index->bucket_count) grow(index, allocator);
  lrm__node **bucket = bucket_of(index, node->hash);
  node->next = *bucket;
  *bucket = node;
  index->count++;
}

void lrm__index_remove(lrm__index *index, lrm__node *node) {
  for (lrm__node **at = bucket_of(index, node->hash); *at != NULL; at = &(*at)->next) {
    if (*at != node) continue;
    *at = node->next;
    node->next = NULL;
    index->count--;
    return;
  }
}

static lrm__node *with_hash(lrm__node *node, uint64_t hash) {
  while (node != NULL && node->hash != hash) node = node->next;
  return node;
}

lrm__node *lrm__index_first(const lrm__index *index, uint64_t hash) {
  return with_hash(*bucket_of(index, hash), hash);
}

lrm__node *lrm__index_next(const lrm__node *node) { return with_hash(node->next, node->hash); }

/* FNV-1a, finished with a mixing step because buckets are taken from the low bits. */
uint64_t lrm__hash(uint64_t seed, const void *data, size_t bytes) {
  const uint8_t *at = data;
  uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (seed * UINT64_C(0x9e3779b97f4a7c15));
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
  hash ^= hash >> 32;
  hash *= UINT64_C(0xd6e8feb86659fd93);
  return hash ^ hash >> 32;
}
