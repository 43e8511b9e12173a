/* A page has no files: what the libraries would print is dropped, and a failed assertion of theirs
 * traps. Without these, libc's streams would be linked in and ask the page for WASI. */
#include <stdio.h>

int fprintf(FILE *restrict stream, const char *restrict format, ...) {
  (void)stream;
  (void)format;
  return 0;
}
int printf(const char *restrict format, ...) {
  (void)format;
  return 0;
}
size_t fwrite(const void *restrict data, size_t size, size_t count, FILE *restrict stream) {
  (void)data;
  (void)size;
  (void)stream;
  return count;
}
int fputc(int c, FILE *stream) {
  (void)stream;
  return c;
}
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function);
_Noreturn void __assert_fail(const char *what, const char *file, int line, const char *function) {
  (void)what;
  (void)file;
  (void)line;
  (void)function;
  __builtin_trap();
}
