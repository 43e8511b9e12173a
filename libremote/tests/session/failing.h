/* An allocator whose nth allocation from now fails, and that counts what is out. */
#ifndef TESTS_FAILING_H
#define TESTS_FAILING_H

#include <stdlib.h>

#include "remote/types.h"

typedef struct failing {
  size_t blocks;      /* allocated and not freed */
  unsigned countdown; /* the allocation that fails, counted from now; 0: none */
  bool all;           /* that one and all behind it */
  unsigned failed;    /* how many have, since failing_plan */
} failing;

static inline void *failing_alloc(void *user, size_t bytes) {
  failing *f = user;
  if (f->countdown == 1) {
    if (!f->all) f->countdown = 0;
    f->failed++;
    return NULL;
  }
  if (f->countdown > 1) f->countdown--;
  f->blocks++;
  return malloc(bytes == 0 ? 1 : bytes);
}

static inline void failing_free(void *user, void *memory) {
  if (memory == NULL) return;
  ((failing *)user)->blocks--;
  free(memory);
}

static inline void failing_plan(failing *f, unsigned nth, bool all) {
  f->countdown = nth;
  f->all = all;
  f->failed = 0;
}

static inline lrm_allocator failing_allocator(failing *f) {
  return (lrm_allocator){failing_alloc, failing_free, f};
}

#endif
