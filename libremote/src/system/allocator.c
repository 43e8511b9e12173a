/* malloc and free as an lrm_allocator: outside the core, which names no global allocator. */
#include <stdlib.h>

#include "remote/types.h"

static void *system_alloc(void *user, size_t bytes) {
  (void)user;
  return malloc(bytes);
}

static void system_free(void *user, void *memory) {
  (void)user;
  free(memory);
}

lrm_allocator lrm_allocator_default(void) {
  return (lrm_allocator){.alloc = system_alloc, .free = system_free, .user = NULL};
}
