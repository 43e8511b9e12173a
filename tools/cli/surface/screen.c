#include "screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "terminal_text.h"

#define TAB_COLUMNS 8u
#define SYNC_BEGIN "\x1b[?2026h"
#define SYNC_END "\x1b[?2026l"

void screen_init(screen *s, screen_write_fn write, void *user, size_t columns, size_t rows) {
  memset(s, 0, sizeof *s);
  s->write = write;
  s->user = user;
  s->columns = columns > 0 ? columns : 80;
  s->rows = rows > 0 ? rows : 24;
}

static void area_free(screen_area *area) {
  for (size_t i = 0; i < area->count; i++) free(area->rows[i].text);
  memset(area, 0, sizeof *area);
}

void screen_free(screen *s) {
  area_free(&s->shown);
  area_free(&s->wanted);
  free(s->text);
  free(s->out);
  memset(s, 0, sizeof *s);
}

/* ---- what is being written ---- */

static void put(screen *s, const char *bytes, size_t count) {
  if (s->out_bytes + count > s->out_room) {
    s->out_room = (s->out_bytes + count) * 2 + 256;
    s->out = memory_grow(s->out, s->out_room);
  }
  memcpy(s->out + s->out_bytes, bytes, count);
  s->out_bytes += count;
}

static void puts_out(screen *s, const char *text) { put(s, text, strlen(text)); }

static void move(screen *s, char direction, size_t count) {
  char text[32];
  if (count == 0) return;
  snprintf(text, sizeof text, "\x1b[%zu%c", count, direction);
  puts_out(s, text);
}

static void to_column(screen *s, size_t column) {
  char text[32];
  if (column == 0) {
    puts_out(s, "\r");
    return;
  }
  snprintf(text, sizeof text, "\x1b[%zuG", column + 1);
  puts_out(s, text);
}

/* ---- characters ---- */

static size_t character_bytes(const char *text, size_t bytes) {
  size_t n = 1;
  while (n < bytes && ((uint8_t)text[n] & 0xC0) == 0x80) n++;
  return n;
}

static size_t character_columns(const char *text, size_t bytes) {
  char one[8];
  if (bytes == 1) return 1;
  if (bytes >= sizeof one) return 1;
  memcpy(one, text, bytes);
  one[bytes] = '\0';
  return terminal_text_columns(one);
}

/* An SGR sequence at `text`: its bytes; 0: none, or not a whole one. */
static size_t style_bytes(const char *text, size_t bytes) {
  if (bytes < 3 || text[0] != '\x1b' || text[1] != '[') return 0;
  for (size_t i = 2; i < bytes && i < 32; i++) {
    if (text[i] == 'm') return i + 1;
    if (text[i] != ';' && (text[i] < '0' || text[i] > '9')) return 0;
  }
  return 0;
}

static void note_style(screen *s, const char *sequence, size_t bytes) {
  bool off = bytes == 3 || (bytes == 4 && sequence[2] == '0');
  size_t have = strlen(s->style);
  if (off) s->style[0] = '\0';
  if (off || have + bytes >= sizeof s->style) return;
  memcpy(s->style + have, sequence, bytes);
  s->style[have + bytes] = '\0';
}

/* ---- text ---- */

/* Where a text of this many bytes stops, when it must not reach beyond the row it stands in: a
 * newline, or the character that would wrap, is where the rows below have to move. */
static bool stays_in_row(const screen *s) {
  size_t column = s->column;
  for (size_t at = 0; at < s->text_bytes;) {
    size_t style = style_bytes(s->text + at, s->text_bytes - at);
    if (style > 0) {
      at += style;
      continue;
    }
    if (s->text[at] == '\n' || s->text[at] == '\t') return false;
    size_t n = character_bytes(s->text + at, s->text_bytes - at);
    column += character_columns(s->text + at, n);
    if (column > s->columns) return false;
    at += n;
  }
  return true;
}

/* A row is erased as a whole when it is begun, not behind what is written: terminals that wrap rows
 * again when the size changes count what was only erased to its end as written. */
#define NEXT_ROW "\r\n\x1b[K"
#define THIS_ROW "\r\x1b[K"

static void new_row(screen *s) {
  puts_out(s, NEXT_ROW);
  s->column = 0;
}

/* A style that can be seen on a space: underlined, reversed, struck through, or of a background. */
static bool shows_on_space(const char *style) {
  for (const char *at = style; *at != '\0'; at++) {
    if (*at != '[' && *at != ';') continue;
    unsigned long n = strtoul(at + 1, NULL, 10);
    if (n == 4 || n == 7 || n == 9 || n == 21 || (n >= 40 && n <= 49) || (n >= 100 && n <= 107))
      return true;
  }
  return false;
}

/* Styles are put when a character needs them: words of one style with plain spaces between them
 * cost one sequence, not one a word. */
static void put_style(screen *s, bool space) {
  if (strcmp(s->style, s->styled) == 0) return;
  if (space && !shows_on_space(s->style) && !shows_on_space(s->styled)) return;
  if (s->styled[0] != '\0') puts_out(s, "\x1b[0m");
  puts_out(s, s->style);
  memcpy(s->styled, s->style, sizeof s->styled);
}

static void put_character(screen *s, const char *text, size_t bytes) {
  put_style(s, bytes == 1 && *text == ' ');
  size_t columns = character_columns(text, bytes);
  if (s->column + columns > s->columns) new_row(s);
  put(s, text, bytes);
  s->column += columns;
}

static void put_text(screen *s) {
  for (size_t at = 0; at < s->text_bytes;) {
    const char *text = s->text + at;
    size_t style = style_bytes(text, s->text_bytes - at);
    if (style > 0) {
      note_style(s, text, style);
      at += style;
    } else if (*text == '\n') {
      new_row(s);
      at++;
    } else if (*text == '\t') {
      do put_character(s, " ", 1);
      while (s->column % TAB_COLUMNS != 0 && s->column < s->columns);
      at++;
    } else {
      size_t n = character_bytes(text, s->text_bytes - at);
      /* Nothing but what was cleaned comes here; this is the last door. */
      if ((uint8_t)*text >= 0x20 && *text != 0x7F) put_character(s, text, n);
      at += n;
    }
  }
  if (s->styled[0] != '\0') puts_out(s, "\x1b[0m"); /* the area has its own */
  s->styled[0] = '\0';
  s->text_bytes = 0;
}

static void add(screen *s, const char *text, size_t bytes) {
  if (s->text_bytes + bytes > s->text_room) {
    s->text_room = (s->text_bytes + bytes) * 2 + 1024;
    s->text = memory_grow(s->text, s->text_room);
  }
  memcpy(s->text + s->text_bytes, text, bytes);
  s->text_bytes += bytes;
}

void screen_text(screen *s, const char *text, size_t bytes) {
  if (bytes == 0) return;
  if (s->left_out > 0 || s->text_bytes + bytes > SCREEN_TEXT_BYTES_MAX) {
    s->left_out += bytes; /* nobody reads: the session does not wait for the terminal */
    return;
  }
  add(s, text, bytes);
}

static void add_gap(screen *s) {
  char text[128];
  if (s->left_out == 0) return;
  snprintf(text, sizeof text,
           "\x1b[0m\n[%llu KiB of output were left out: the terminal did not keep up]\n",
           (unsigned long long)(s->left_out + 1023) / 1024);
  s->left_out = 0;
  add(s, text, strlen(text));
}

/* ---- area ---- */

void screen_area_begin(screen *s) {
  area_free(&s->wanted);
  s->present = true;
}

/* Cuts a row to `columns`; styles are kept whole. */
static size_t cut_row(const char *text, size_t columns, size_t *bytes) {
  size_t used = 0, at = 0, all = strlen(text);
  while (at < all) {
    size_t style = style_bytes(text + at, all - at);
    if (style > 0) {
      at += style;
      continue;
    }
    size_t n = character_bytes(text + at, all - at), w = character_columns(text + at, n);
    if (used + w > columns) break;
    used += w;
    at += n;
  }
  *bytes = at;
  return used;
}

void screen_area_row(screen *s, const char *text, size_t columns) {
  screen_area *area = &s->wanted;
  size_t bytes, room = s->columns > 1 ? s->columns - 1 : 1;
  if (area->count == SCREEN_AREA_ROWS_MAX) return;
  columns = cut_row(text, room, &bytes);
  bool styled = memchr(text, '\x1b', bytes) != NULL && bytes < strlen(text);
  char *row = memory_zero(bytes + 5);
  memcpy(row, text, bytes);
  if (styled) memcpy(row + bytes, "\x1b[0m", 4); /* what was cut off may have ended it */
  area->rows[area->count++] = (screen_row){row, columns};
}

void screen_area_cursor(screen *s, size_t row, size_t column) {
  s->wanted.cursor_row = row;
  s->wanted.cursor_column = column < s->columns ? column : s->columns - 1;
}

static bool same_row(const screen *s, size_t i) {
  return i < s->shown.count && strcmp(s->shown.rows[i].text, s->wanted.rows[i].text) == 0;
}

static bool same_area(const screen *s) {
  if (s->shown.count != s->wanted.count || s->shown.cursor_row != s->wanted.cursor_row ||
      s->shown.cursor_column != s->wanted.cursor_column)
    return false;
  for (size_t i = 0; i < s->wanted.count; i++)
    if (!same_row(s, i)) return false;
  return true;
}

/* `wanted` is now what is shown. */
static void keep_area(screen *s) {
  area_free(&s->shown);
  s->shown.count = s->wanted.count;
  s->shown.cursor_row = s->wanted.cursor_row;
  s->shown.cursor_column = s->wanted.cursor_column;
  for (size_t i = 0; i < s->wanted.count; i++)
    s->shown.rows[i] =
        (screen_row){memory_string(s->wanted.rows[i].text), s->wanted.rows[i].columns};
}

/* From the end of the text. */
static void draw_area(screen *s) {
  size_t count = s->wanted.count;
  s->below = s->column > 0;
  puts_out(s, s->below ? NEXT_ROW : THIS_ROW);
  for (size_t i = 0; i < count; i++) {
    if (i > 0) puts_out(s, NEXT_ROW);
    puts_out(s, s->wanted.rows[i].text);
  }
  puts_out(s, "\x1b[J");
  if (count > 0) move(s, 'A', count - 1 - s->wanted.cursor_row);
  to_column(s, s->wanted.cursor_column);
  s->drawn = true;
  keep_area(s);
}

/* Only the rows that differ. */
static void update_area(screen *s) {
  size_t row = s->shown.cursor_row, first = 0;
  while (first < s->wanted.count && same_row(s, first)) first++;
  if (s->wanted.count == s->shown.count) {
    for (size_t i = first; i < s->wanted.count; i++) {
      if (same_row(s, i)) continue;
      move(s, i < row ? 'A' : 'B', i < row ? row - i : i - row);
      puts_out(s, THIS_ROW);
      puts_out(s, s->wanted.rows[i].text);
      row = i;
    }
  } else {
    if (first > 0) first--; /* new rows come behind one that is there */
    if (first >= s->shown.count) first = s->shown.count > 0 ? s->shown.count - 1 : 0;
    move(s, first < row ? 'A' : 'B', first < row ? row - first : first - row);
    puts_out(s, THIS_ROW);
    for (size_t i = first; i < s->wanted.count; i++) {
      if (i > first) puts_out(s, NEXT_ROW);
      puts_out(s, s->wanted.rows[i].text);
    }
    puts_out(s, "\x1b[J");
    row = s->wanted.count > 0 ? s->wanted.count - 1 : 0;
  }
  size_t to = s->wanted.cursor_row;
  move(s, to < row ? 'A' : 'B', to < row ? row - to : to - row);
  to_column(s, s->wanted.cursor_column);
  keep_area(s);
}

/* From the area's cursor to where the text goes on. */
static void to_text(screen *s) {
  move(s, 'A', s->shown.cursor_row + (s->below ? 1 : 0));
  if (s->below)
    to_column(s, s->column < s->columns ? s->column : s->columns - 1);
  else
    puts_out(s, THIS_ROW); /* the area stood where the text goes on */
  s->drawn = false;
}

/* ---- flush ---- */

bool screen_clean(const screen *s) {
  return s->text_bytes == 0 && s->left_out == 0 && (!s->present || (s->drawn && same_area(s)));
}

static void write_out(screen *s) {
  if (s->out_bytes > 0) s->write(s->user, s->out, s->out_bytes);
  s->out_bytes = 0;
}

/* Text that only grows its row, with an area below that stays as it is. */
static void append_in_place(screen *s) {
  size_t up = s->shown.cursor_row + 1;
  move(s, 'A', up);
  to_column(s, s->column);
  put_text(s);
  move(s, 'B', up);
  to_column(s, s->shown.cursor_column);
}

void screen_flush(screen *s) {
  add_gap(s);
  if (screen_clean(s)) return;
  bool full = s->column >= s->columns;
  bool in_place = s->text_bytes > 0 && s->drawn && s->below && !full && stays_in_row(s);
  if (in_place && same_area(s)) { /* one row, written once: nothing that could be seen torn */
    append_in_place(s);
    write_out(s);
    return;
  }
  puts_out(s, SYNC_BEGIN);
  if (in_place) {
    append_in_place(s);
    update_area(s);
  } else if (s->text_bytes > 0 || (s->present && !s->drawn)) {
    if (s->drawn) to_text(s);
    put_text(s);
    if (s->present) draw_area(s);
  } else {
    update_area(s);
  }
  puts_out(s, SYNC_END);
  write_out(s);
}

void screen_hide(screen *s) {
  s->present = false;
  if (s->drawn) {
    to_text(s);
    /* Below the text, or in its row when that has just begun. */
    if (s->below) puts_out(s, "\r\n");
    puts_out(s, "\x1b[J");
    s->column = 0;
  }
  s->drawn = s->below = false;
  area_free(&s->shown);
  write_out(s);
}

/* Rows that something of this many columns takes. */
static size_t rows_of(size_t columns, size_t width) {
  return columns == 0 ? 1 : (columns + width - 1) / width;
}

/* Terminals wrap what stands there again to the new width, each row for itself. The cursor is then
 * so many rows below the area's first one. Terminals that do not wrap again lose a few rows of text
 * on getting narrower: the other way round pieces of the area would stay for ever. */
void screen_resize(screen *s, size_t columns, size_t rows) {
  if (columns == 0) columns = 80;
  if (rows == 0) rows = 24;
  if (columns == s->columns && rows == s->rows) return;
  size_t up = 0;
  for (size_t i = 0; s->drawn && i < s->shown.cursor_row; i++)
    up += rows_of(s->shown.rows[i].columns, columns);
  if (s->drawn) {
    up += s->shown.cursor_column / columns;
    move(s, 'A', up < rows ? up : rows - 1);
    puts_out(s, "\r\x1b[J");
    /* The text's row is ended: where it stands now is the terminal's business. */
    s->drawn = s->below = false;
    area_free(&s->shown);
    s->column = 0;
    write_out(s);
  }
  s->columns = columns;
  s->rows = rows;
}

void screen_redraw(screen *s, bool clear) {
  puts_out(s, clear ? "\x1b[H\x1b[2J" : "\r\x1b[J");
  s->drawn = s->below = false;
  s->column = 0;
  area_free(&s->shown);
  write_out(s);
}
