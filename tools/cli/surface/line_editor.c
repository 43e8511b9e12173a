#include "line_editor.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "terminal_text.h"

#define TAB_COLUMNS 4u

enum {
  EDIT_NONE = 0,
  EDIT_INSERT = 1,
  EDIT_PASTE = 2,
  EDIT_ERASE = 3,
  EDIT_KILL = 4,
  EDIT_OTHER = 5
};

void line_editor_init(line_editor *e) {
  memset(e, 0, sizeof *e);
  e->room = 256;
  e->text = memory_zero(e->room);
  e->columns = 80;
  e->goal = SIZE_MAX;
}

static void forget_undo(line_editor *e) {
  for (size_t i = 0; i < e->undo_count; i++) free(e->undo[i].text);
  e->undo_count = e->undo_bytes = 0;
}

void line_editor_free(line_editor *e) {
  forget_undo(e);
  free(e->text);
  free(e->killed);
  memset(e, 0, sizeof *e);
}

void line_editor_width(line_editor *e, size_t columns) { e->columns = columns > 0 ? columns : 1; }

/* ---- characters ---- */

static bool continuation(char c) { return ((uint8_t)c & 0xC0) == 0x80; }

static size_t next_byte(const line_editor *e, size_t at) {
  do at++;
  while (at < e->bytes && continuation(e->text[at]));
  return at;
}

/* Columns of the character at `at`; a newline has none, and a tab is fixed. */
static size_t width_at(const line_editor *e, size_t at) {
  char one[8], clean[16];
  size_t n = next_byte(e, at) - at;
  if (e->text[at] == '\n') return 0;
  if (e->text[at] == '\t') return TAB_COLUMNS;
  if ((uint8_t)e->text[at] < 0x80) return 1;
  memcpy(one, e->text + at, n);
  terminal_text_copy(clean, sizeof clean, one, n, TERMINAL_TEXT_ONE_LINE);
  return terminal_text_columns(clean);
}

/* A mark that stands on the character before it. */
static bool combines(const line_editor *e, size_t at) {
  return at < e->bytes && e->text[at] != '\n' && width_at(e, at) == 0;
}

static size_t after(const line_editor *e, size_t at) {
  if (at >= e->bytes) return e->bytes;
  bool newline = e->text[at] == '\n';
  at = next_byte(e, at);
  while (!newline && combines(e, at)) at = next_byte(e, at);
  return at;
}

static size_t before(const line_editor *e, size_t at) {
  while (at > 0) {
    do at--;
    while (at > 0 && continuation(e->text[at]));
    if (!combines(e, at)) break;
  }
  return at;
}

/* Letters, digits and everything beyond ASCII make words. */
static bool in_word(const line_editor *e, size_t at) {
  char c = e->text[at];
  return (uint8_t)c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || c == '_';
}

static size_t word_left(const line_editor *e, size_t at) {
  while (at > 0 && !in_word(e, before(e, at))) at = before(e, at);
  while (at > 0 && in_word(e, before(e, at))) at = before(e, at);
  return at;
}

static size_t word_right(const line_editor *e, size_t at) {
  while (at < e->bytes && !in_word(e, at)) at = after(e, at);
  while (at < e->bytes && in_word(e, at)) at = after(e, at);
  return at;
}

static size_t blank_left(const line_editor *e, size_t at) {
  while (at > 0 && (e->text[at - 1] == ' ' || e->text[at - 1] == '\n')) at--;
  while (at > 0 && e->text[at - 1] != ' ' && e->text[at - 1] != '\n') at--;
  return at;
}

static size_t line_start(const line_editor *e, size_t at) {
  while (at > 0 && e->text[at - 1] != '\n') at--;
  return at;
}

static size_t line_end(const line_editor *e, size_t at) {
  while (at < e->bytes && e->text[at] != '\n') at++;
  return at;
}

/* ---- undo ---- */

static void remember(line_editor *e) {
  if (e->bytes > LINE_UNDO_BYTES_MAX / 2) return;
  while (e->undo_count > 0 &&
         (e->undo_count == LINE_UNDO_MAX || e->undo_bytes + e->bytes > LINE_UNDO_BYTES_MAX)) {
    e->undo_bytes -= e->undo[0].bytes;
    free(e->undo[0].text);
    memmove(e->undo, e->undo + 1, --e->undo_count * sizeof *e->undo);
  }
  e->undo[e->undo_count++] = (line_state){memory_text(e->text, e->bytes), e->bytes, e->cursor};
  e->undo_bytes += e->bytes;
}

/* Before an edit: edits of one kind in a row are one step. */
static void edit(line_editor *e, int kind) {
  if (kind != e->last || kind == EDIT_OTHER) remember(e);
  e->last = kind;
  e->goal = SIZE_MAX;
}

static bool undo(line_editor *e) {
  if (e->undo_count == 0) return false;
  line_state *state = &e->undo[--e->undo_count];
  e->undo_bytes -= state->bytes;
  free(e->text);
  e->text = state->text;
  e->bytes = state->bytes;
  e->room = state->bytes + 1;
  e->cursor = state->cursor;
  e->last = EDIT_NONE;
  e->goal = SIZE_MAX;
  return true;
}

/* ---- the text ---- */

static void make_room(line_editor *e, size_t bytes) {
  if (bytes + 1 <= e->room) return;
  e->room = bytes * 2 + 256;
  e->text = memory_grow(e->text, e->room);
}

static void put(line_editor *e, const char *text, size_t bytes) {
  make_room(e, e->bytes + bytes);
  memmove(e->text + e->cursor + bytes, e->text + e->cursor, e->bytes - e->cursor);
  memcpy(e->text + e->cursor, text, bytes);
  e->bytes += bytes;
  e->cursor += bytes;
  e->text[e->bytes] = '\0';
}

static void take_out(line_editor *e, size_t from, size_t to) {
  memmove(e->text + from, e->text + to, e->bytes - to);
  e->bytes -= to - from;
  e->text[e->bytes] = '\0';
  e->cursor = from;
}

static line_result insert(line_editor *e, int kind, const char *text, size_t bytes) {
  if (e->bytes + bytes > LINE_BYTES_MAX) return LINE_FULL;
  edit(e, kind);
  put(e, text, bytes);
  return LINE_DONE;
}

bool line_editor_insert(line_editor *e, const char *text, size_t bytes) {
  return insert(e, EDIT_OTHER, text, bytes) == LINE_DONE;
}

static line_result erase(line_editor *e, size_t from, size_t to) {
  if (from >= to) return LINE_IGNORED;
  edit(e, EDIT_ERASE);
  take_out(e, from, to);
  return LINE_DONE;
}

/* What is killed can be yanked; kills in a row are one text. */
static line_result kill_range(line_editor *e, size_t from, size_t to, bool backwards) {
  if (from >= to) return LINE_IGNORED;
  bool more = e->last == EDIT_KILL;
  size_t bytes = to - from, kept = more ? e->killed_bytes : 0;
  edit(e, EDIT_KILL);
  if (kept + bytes > LINE_BYTES_MAX) kept = 0;
  char *all = memory_zero(kept + bytes + 1);
  memcpy(all + (backwards ? bytes : 0), e->killed != NULL ? e->killed : "", kept);
  memcpy(all + (backwards ? 0 : kept), e->text + from, bytes);
  free(e->killed);
  e->killed = all;
  e->killed_bytes = kept + bytes;
  take_out(e, from, to);
  return LINE_DONE;
}

static line_result yank(line_editor *e) {
  if (e->killed_bytes == 0) return LINE_IGNORED;
  return insert(e, EDIT_OTHER, e->killed, e->killed_bytes);
}

void line_editor_set(line_editor *e, const char *text) {
  size_t bytes = strnlen(text, LINE_BYTES_MAX);
  while (bytes > 0 && continuation(text[bytes])) bytes--;
  edit(e, EDIT_OTHER);
  e->bytes = e->cursor = 0;
  put(e, text, bytes);
}

void line_editor_replace(line_editor *e, size_t from, const char *text) {
  size_t bytes = strlen(text);
  if (from > e->cursor || e->bytes - (e->cursor - from) + bytes > LINE_BYTES_MAX) return;
  edit(e, EDIT_OTHER);
  take_out(e, from, e->cursor);
  put(e, text, bytes);
}

void line_editor_clear(line_editor *e) {
  forget_undo(e);
  e->bytes = e->cursor = 0;
  e->text[0] = '\0';
  e->last = EDIT_NONE;
  e->goal = SIZE_MAX;
}

void line_editor_give_up(line_editor *e) {
  edit(e, EDIT_OTHER);
  e->bytes = e->cursor = 0;
  e->text[0] = '\0';
}

/* ---- rows ---- */

/* The row that begins at `from`: where it ends and the next one begins. Rows break at a space when
 * there is one; one column stays free for the cursor. */
static line_row row_at(const line_editor *e, size_t from, size_t *next) {
  size_t used = 0, space = 0, at = from;
  while (at < e->bytes && e->text[at] != '\n') {
    size_t w = width_at(e, at);
    if (used + w > e->columns && at > from && e->text[at] == ' ') {
      *next = at + 1; /* a space may stand in the margin */
      return (line_row){from, at + 1};
    }
    if (used + w > e->columns && at > from) {
      size_t to = space > from ? space : at;
      *next = to;
      return (line_row){from, to};
    }
    used += w;
    at = next_byte(e, at);
    if (e->text[at - 1] == ' ') space = at;
  }
  *next = at < e->bytes ? at + 1 : SIZE_MAX;
  return (line_row){from, at};
}

static size_t columns_of(const line_editor *e, size_t from, size_t to) {
  size_t columns = 0;
  for (size_t at = from; at < to; at = next_byte(e, at)) columns += width_at(e, at);
  return columns;
}

/* The cursor at a soft break belongs to the row that begins there. */
static bool holds(const line_row *row, size_t next, size_t cursor) {
  return cursor >= row->from && (cursor < row->to || (cursor == row->to && next != row->to));
}

size_t line_editor_rows(const line_editor *e, line_row *rows, size_t max, size_t *cursor_row,
                        size_t *cursor_column, size_t *above, size_t *below) {
  size_t total = 0, at = 0, next, cursor_at = 0, first, count = 0;
  for (bool more = true; more; at = next) {
    line_row row = row_at(e, at, &next);
    if (holds(&row, next, e->cursor)) {
      cursor_at = total;
      *cursor_column = columns_of(e, row.from, e->cursor);
    }
    total++;
    more = next != SIZE_MAX;
  }
  first = cursor_at >= max ? cursor_at - max + 1 : 0;
  /* When all fits behind the cursor the last rows are shown. */
  if (total <= max) first = 0;
  at = 0;
  for (size_t i = 0; i < total; i++, at = next) {
    line_row row = row_at(e, at, &next);
    if (i >= first && count < max) rows[count++] = row;
  }
  *cursor_row = cursor_at - first;
  *above = first;
  *below = total - first - count;
  return count;
}

size_t line_editor_show(const line_editor *e, size_t from, size_t to, char *out, size_t capacity) {
  size_t used = 0, columns = 0;
  out[0] = '\0';
  for (size_t at = from, next; at < to; at = next) {
    char clean[16] = "    ";
    next = next_byte(e, at);
    if (e->text[at] != '\t')
      terminal_text_copy(clean, sizeof clean, e->text + at, next - at, TERMINAL_TEXT_ONE_LINE);
    size_t bytes = strlen(clean);
    if (used + bytes >= capacity) break;
    memcpy(out + used, clean, bytes + 1);
    used += bytes;
    columns += width_at(e, at);
  }
  return columns;
}

/* The place in a row that is nearest to a column. */
static size_t place_in(const line_editor *e, const line_row *row, size_t next, size_t goal) {
  size_t at = row->from, used = 0;
  while (at < row->to) {
    size_t w = width_at(e, at);
    if (used + w > goal) break;
    used += w;
    at = after(e, at);
  }
  /* The end of a row that was broken softly is the beginning of the next one. */
  if (at == row->to && next == row->to && at > row->from) at = before(e, at);
  return at;
}

static line_result move_vertically(line_editor *e, bool up) {
  line_row row, previous = {0, 0};
  size_t at = 0, next = 0, previous_next = 0;
  bool first = true;
  for (;; at = next) {
    row = row_at(e, at, &next);
    if (holds(&row, next, e->cursor)) break;
    previous = row;
    previous_next = next;
    first = false;
    if (next == SIZE_MAX) return LINE_IGNORED;
  }
  size_t goal = e->goal != SIZE_MAX ? e->goal : columns_of(e, row.from, e->cursor);
  if (up ? first : next == SIZE_MAX) return LINE_IGNORED;
  if (up) {
    e->cursor = place_in(e, &previous, previous_next, goal);
  } else {
    size_t after_next;
    line_row below = row_at(e, next, &after_next);
    e->cursor = place_in(e, &below, after_next, goal);
  }
  e->goal = goal;
  e->last = EDIT_NONE;
  return LINE_DONE;
}

/* ---- keys ---- */

static line_result move(line_editor *e, size_t to) {
  e->last = EDIT_NONE;
  e->goal = SIZE_MAX;
  if (to == e->cursor) return LINE_IGNORED;
  e->cursor = to;
  return LINE_DONE;
}

static line_result transpose(line_editor *e) {
  size_t at = e->cursor == e->bytes ? before(e, e->cursor) : e->cursor;
  size_t left = before(e, at), right = after(e, at);
  char swapped[64];
  if (at == 0 || left == at || right - left > sizeof swapped) return LINE_IGNORED;
  edit(e, EDIT_OTHER);
  memcpy(swapped, e->text + at, right - at);
  memcpy(swapped + (right - at), e->text + left, at - left);
  memcpy(e->text + left, swapped, right - left);
  e->cursor = right;
  return LINE_DONE;
}

static line_result take_control(line_editor *e, char letter) {
  switch (letter) {
    case 'a':
      return move(e, line_start(e, e->cursor));
    case 'b':
      return move(e, before(e, e->cursor));
    case 'd':
      return erase(e, e->cursor, after(e, e->cursor));
    case 'e':
      return move(e, line_end(e, e->cursor));
    case 'f':
      return move(e, after(e, e->cursor));
    case 'k': {
      size_t end = line_end(e, e->cursor);
      return kill_range(e, e->cursor, end > e->cursor ? end : after(e, end), false);
    }
    case 't':
      return transpose(e);
    case 'u':
      return kill_range(e, line_start(e, e->cursor), e->cursor, true);
    case 'w':
      return kill_range(e, blank_left(e, e->cursor), e->cursor, true);
    case 'y':
      return yank(e);
    case '_':
      return undo(e) ? LINE_DONE : LINE_IGNORED;
    default:
      return LINE_IGNORED;
  }
}

/* A backslash at the end of the text, not itself escaped: the text goes on. */
static bool goes_on(const line_editor *e) {
  size_t count = 0;
  while (count < e->bytes && e->text[e->bytes - 1 - count] == '\\') count++;
  return e->cursor == e->bytes && count % 2 == 1;
}

static line_result enter(line_editor *e) {
  if (!goes_on(e)) return LINE_ENTERED;
  edit(e, EDIT_OTHER);
  take_out(e, e->bytes - 1, e->bytes);
  put(e, "\n", 1);
  return LINE_DONE;
}

line_result line_editor_key(line_editor *e, const key_press *key) {
  switch (key->name) {
    case KEY_TEXT:
      return insert(e, EDIT_INSERT, key->text, key->bytes);
    case KEY_PASTE:
      return insert(e, EDIT_PASTE, key->text, key->bytes);
    case KEY_PASTE_END:
      e->last = EDIT_NONE;
      return LINE_DONE;
    case KEY_ENTER:
      return enter(e);
    case KEY_NEWLINE:
      return insert(e, EDIT_OTHER, "\n", 1);
    case KEY_BACKSPACE:
      return erase(e, before(e, e->cursor), e->cursor);
    case KEY_DELETE:
      return erase(e, e->cursor, after(e, e->cursor));
    case KEY_LEFT:
      return move(e, before(e, e->cursor));
    case KEY_RIGHT:
      return move(e, after(e, e->cursor));
    case KEY_UP:
      return move_vertically(e, true);
    case KEY_DOWN:
      return move_vertically(e, false);
    case KEY_HOME:
      return move(e, line_start(e, e->cursor));
    case KEY_END:
      return move(e, line_end(e, e->cursor));
    case KEY_WORD_LEFT:
      return move(e, word_left(e, e->cursor));
    case KEY_WORD_RIGHT:
      return move(e, word_right(e, e->cursor));
    case KEY_KILL_WORD_LEFT:
      return kill_range(e, word_left(e, e->cursor), e->cursor, true);
    case KEY_KILL_WORD_RIGHT:
      return kill_range(e, e->cursor, word_right(e, e->cursor), false);
    case KEY_CONTROL:
      return take_control(e, key->letter);
    case KEY_ALT:
      return key->letter == '<'   ? move(e, 0)
             : key->letter == '>' ? move(e, e->bytes)
                                  : LINE_IGNORED;
    default:
      return LINE_IGNORED;
  }
}
