/* The text that a person writes, of one or more lines: keys in, text out. No I/O. */
#ifndef REMOTE_CLI_SURFACE_LINE_EDITOR_H
#define REMOTE_CLI_SURFACE_LINE_EDITOR_H

#include "keys.h"

#define LINE_BYTES_MAX 131072             /* what a prompt may have */
#define LINE_UNDO_MAX 64                  /* states that can be gone back to … */
#define LINE_UNDO_BYTES_MAX (1024 * 1024) /* … and what they may take together */

typedef enum line_result {
  LINE_IGNORED = 0, /* not a key of the editor, or there is nothing for it to do */
  LINE_DONE = 1,    /* taken; the text or the cursor may have changed */
  LINE_ENTERED = 2, /* Enter: the text is finished */
  LINE_FULL = 3     /* it does not fit: nothing was taken */
} line_result;

typedef struct line_state {
  char *text;
  size_t bytes, cursor;
} line_state;

typedef struct line_editor {
  char *text; /* terminated */
  size_t bytes, room;
  size_t cursor;  /* byte offset, at a character's beginning */
  size_t columns; /* of the rows it is shown in, for moving up and down */
  size_t goal;    /* column that up and down aim at; SIZE_MAX: none */
  char *killed;
  size_t killed_bytes;
  int last; /* kind of the last edit, so that like ones are undone together */
  line_state undo[LINE_UNDO_MAX];
  size_t undo_count, undo_bytes;
} line_editor;

/* A row of the text as it is shown. */
typedef struct line_row {
  size_t from, to; /* bytes; the newline or the space of the wrap is not in it */
} line_row;

void line_editor_init(line_editor *e);
void line_editor_free(line_editor *e);
/* The columns that a row has for text; at least 1. */
void line_editor_width(line_editor *e, size_t columns);

line_result line_editor_key(line_editor *e, const key_press *key);
/* False: it would not fit, and nothing is changed. */
bool line_editor_insert(line_editor *e, const char *text, size_t bytes);
/* The text is now this, the cursor at its end; can be undone. */
void line_editor_set(line_editor *e, const char *text);
/* Replaces the bytes [from, cursor) by `text`. */
void line_editor_replace(line_editor *e, size_t from, const char *text);
/* Empty, and nothing to undo. */
void line_editor_clear(line_editor *e);
/* Empty, but undo brings it back. */
void line_editor_give_up(line_editor *e);

/* The rows around the cursor, at most `max`; returns how many. *cursor_row is an index into them,
 * *cursor_column counts from 0; *above and *below say how many rows there are besides. */
size_t line_editor_rows(const line_editor *e, line_row *rows, size_t max, size_t *cursor_row,
                        size_t *cursor_column, size_t *above, size_t *below);
/* The bytes [from, to) as they are shown: tabs as spaces, what deceives made visible. Returns the
 * columns; terminated. */
size_t line_editor_show(const line_editor *e, size_t from, size_t to, char *out, size_t capacity);

#endif
