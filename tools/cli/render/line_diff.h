/* The lines in which two texts differ. */
#ifndef REMOTE_CLI_LINE_DIFF_H
#define REMOTE_CLI_LINE_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#define LINE_DIFF_LINES_MAX 20000 /* of a text; what follows is not compared */
#define LINE_DIFF_EDITS_MAX 400   /* that are looked for; beyond it a whole block is replaced */

typedef struct diff_line {
  const char *text;
  size_t bytes; /* without the newline */
} diff_line;

/* One line of the result: of the old text, of the new, or of both. Numbers count from 0. */
typedef struct diff_edit {
  char sign; /* ' ', '-', '+' */
  unsigned old_line, new_line;
} diff_edit;

typedef struct line_diff {
  diff_line *old_lines, *new_lines;
  size_t old_count, new_count;
  diff_edit *edits;
  size_t edits_count;
  size_t added, removed;
  bool cut;                      /* a text has more lines than are compared */
  bool old_newline, new_newline; /* the text ends with one, or is empty */
} line_diff;

/* Borrows both texts until line_diff_free. False: out of memory; nothing is to be freed. */
bool line_diff_make(line_diff *d, const char *old_text, const char *new_text);
void line_diff_free(line_diff *d);

#endif
