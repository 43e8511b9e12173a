/* An allocator that counts what is out and fails when it is told to. */
#ifndef FUZZ_FAILING_H
#define FUZZ_FAILING_H

#include "remote/types.h"
#include "target.h"

typedef struct failing {
  size_t blocks;      /* allocated and not freed */
  unsigned countdown; /* the allocation that fails, counted from now; 0: none */
  unsigned row;       /* how many fail in a row from there */
  unsigned failed;    /* how many have */
} failing;

static inline void *failing_alloc(void *user, size_t bytes) {
  failing *f = user;
  if (f->countdown > 1) {
    f->countdown--;
  } else if (f->countdown == 1) {
    f->failed++;
    if (f->row-- <= 1) f->countdown = 0;
    return NULL;
  }
  void *memory = malloc(bytes);
  if (memory == NULL) abort();
  f->blocks++;
  return memory;
}

static inline void failing_free(void *user, void *memory) {
  if (memory == NULL) return;
  ((failing *)user)->blocks--;
  free(memory);
}

/* The `nth` allocation from now fails, and `row` - 1 behind it. 0: none does. */
static inline void failing_plan(failing *f, unsigned nth, unsigned row) {
  f->countdown = nth;
  f->row = row;
}

static inline lrm_allocator failing_allocator(failing *f) {
  return (lrm_allocator){failing_alloc, failing_free, f};
}

#endif
