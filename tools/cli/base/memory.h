/* Memory for a program that cannot go on without it. */
#ifndef REMOTE_CLI_MEMORY_H
#define REMOTE_CLI_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *memory_checked(void *memory) {
  if (memory == NULL) {
    fputs("remote: out of memory\n", stderr);
    exit(1);
  }
  return memory;
}
static inline void *memory_zero(size_t bytes) {
  return memory_checked(calloc(1, bytes > 0 ? bytes : 1));
}
static inline void *memory_grow(void *memory, size_t bytes) {
  return memory_checked(realloc(memory, bytes > 0 ? bytes : 1));
}
static inline char *memory_text(const char *text, size_t bytes) {
  char *copy = memory_zero(bytes + 1);
  if (bytes > 0) memcpy(copy, text, bytes);
  return copy;
}
static inline char *memory_string(const char *text) { return memory_text(text, strlen(text)); }

#endif
