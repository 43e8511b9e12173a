/* A terminal that scrolls, with an area of a few rows at the end of the text: what the person
 * writes, and what the state is. Text may stop in the middle of a row and go on later; the area is
 * drawn below it. No I/O and no absolute positions: everything is relative to where the cursor is,
 * so that text scrolls into the terminal's own history and the person can scroll, search and copy.
 *
 * Work is collected and written by screen_flush, once in a turn of the loop: text that stays within
 * its row is written in place and the area is not touched; of an area whose rows change only those
 * are written. Each flush is one synchronized update (terminals that do not know it ignore it). */
#ifndef REMOTE_CLI_SURFACE_SCREEN_H
#define REMOTE_CLI_SURFACE_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCREEN_AREA_ROWS_MAX 32
#define SCREEN_ROW_BYTES_MAX 2048
#define SCREEN_TEXT_BYTES_MAX \
  (4 * 1024 * 1024) /* that waits for a terminal that does not keep up */

typedef void (*screen_write_fn)(void *user, const char *bytes, size_t count);

typedef struct screen_row {
  char *text;     /* clean, with SGR styles that are off again at its end */
  size_t columns; /* that it takes */
} screen_row;

typedef struct screen_area {
  screen_row rows[SCREEN_AREA_ROWS_MAX];
  size_t count;
  size_t cursor_row, cursor_column;
} screen_area;

typedef struct screen {
  screen_write_fn write;
  void *user;
  size_t columns, rows;
  /* text */
  char *text; /* not written yet */
  size_t text_bytes, text_room;
  uint64_t left_out; /* bytes that did not fit */
  size_t column;     /* of the text; 0: at a row's beginning */
  char style[64];    /* SGR sequences that are on where the text stands … */
  char styled[64];   /* … and those that the terminal has been told */
  /* area */
  screen_area shown, wanted;
  bool drawn;   /* `shown` is on the terminal, and the cursor in it */
  bool below;   /* … one row below text that stands in the middle of its row */
  bool present; /* an area is wanted at all */
  /* what is being written */
  char *out;
  size_t out_bytes, out_room;
} screen;

void screen_init(screen *s, screen_write_fn write, void *user, size_t columns, size_t rows);
void screen_free(screen *s);
/* Clean text; newlines, tabs and SGR sequences may be in it. What does not fit while the terminal
 * does not keep up is left out, and said so where it is missing. */
void screen_text(screen *s, const char *text, size_t bytes);
/* The area from now on: begin, then rows, then the cursor. Rows are cut to the columns. */
void screen_area_begin(screen *s);
void screen_area_row(screen *s, const char *text, size_t columns);
void screen_area_cursor(screen *s, size_t row, size_t column);
/* Nothing waits to be written. */
bool screen_clean(const screen *s);
void screen_flush(screen *s);
/* Takes the area away; the cursor stands where the text goes on, or below it. */
void screen_hide(screen *s);
/* The terminal has another size. It has wrapped the rows again already, or will. */
void screen_resize(screen *s, size_t columns, size_t rows);
/* Nobody knows what is on the terminal (^L, fg): everything is drawn anew, the text's last row is
 * ended. `clear`: the terminal is cleared first. */
void screen_redraw(screen *s, bool clear);

#endif
