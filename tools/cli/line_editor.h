/* A line that a person writes: bytes of the keyboard in, lines and keys out. No I/O. */
#ifndef REMOTE_CLI_LINE_EDITOR_H
#define REMOTE_CLI_LINE_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES_MAX 16384
#define LINE_HISTORY_MAX 64

typedef enum line_key {
  LINE_ENTERED = 1,   /* `line` was finished with Enter */
  LINE_END = 2,       /* ^D on an empty line */
  LINE_INTERRUPT = 3, /* ^C: the line was given up (`line` is what it was) */
  LINE_SUSPEND = 4,   /* ^Z */
  LINE_REDRAW = 5     /* ^L */
} line_key;

typedef struct line_editor {
  char text[LINE_BYTES_MAX];
  size_t bytes;
  size_t cursor; /* byte offset, at a character's beginning */
  char *history[LINE_HISTORY_MAX];
  size_t history_count;
  size_t history_at; /* history_count: the line that is being written */
  char sequence[16]; /* an escape sequence that is not complete */
  size_t sequence_bytes;
  bool pasting; /* between the marks of a bracketed paste */
  bool full;    /* bytes were dropped: the line is at its limit */
} line_editor;

void line_editor_init(line_editor *e);
void line_editor_free(line_editor *e);
/* Calls `key` for each key that is not editing; `line` is terminated and borrowed. */
void line_editor_feed(line_editor *e, const char *data, size_t bytes,
                      void (*key)(void *user, line_key key, const char *line), void *user);
/* Prompt and as much of the line around the cursor as fits into `columns` - 1; *column is where
 * the cursor stands, from 0. Returns the bytes; terminated. */
size_t line_editor_render(const line_editor *e, const char *prompt, size_t columns, char *out,
                          size_t capacity, size_t *column);

#endif
