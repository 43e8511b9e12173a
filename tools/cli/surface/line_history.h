/* What a person wrote before, kept in a file of mode 0600 that several programs of this person
 * append to. Bounded: LINE_HISTORY_ENTRIES_MAX, each at most LINE_HISTORY_ENTRY_BYTES_MAX.
 * A text that is written again moves to the end. */
#ifndef REMOTE_CLI_SURFACE_LINE_HISTORY_H
#define REMOTE_CLI_SURFACE_LINE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_HISTORY_ENTRIES_MAX 1000
#define LINE_HISTORY_ENTRY_BYTES_MAX 8192

typedef struct line_history {
  char *entries[LINE_HISTORY_ENTRIES_MAX]; /* the oldest first */
  size_t count;
  char path[1024]; /* "": kept in memory only */
} line_history;

/* Reads `path` (NULL: none). A file that cannot be read is as an empty one. */
void line_history_open(line_history *h, const char *path);
void line_history_close(line_history *h);
/* Nothing is kept of empty texts, of those that begin with a space, and of too long ones. */
void line_history_add(line_history *h, const char *text);
/* The newest entry before `at` (of h->count: the end) that begins with `prefix`; SIZE_MAX: none. */
size_t line_history_before(const line_history *h, size_t at, const char *prefix, size_t bytes);
/* The oldest one after `at`. */
size_t line_history_after(const line_history *h, size_t at, const char *prefix, size_t bytes);
/* The newest entry before `at` that has `words` in it, of any case. */
size_t line_history_find(const line_history *h, size_t at, const char *words);

#endif
