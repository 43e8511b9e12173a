/* The screen on a terminal emulator that is not ours: whatever is written and drawn, in whatever
 * pieces, the terminal shows the text, then the area, and nothing else. And it is cheap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <vterm.h>

#include "screen.h"
#include "random.h"

#define ROWS_MAX 4000
#define ROW_BYTES 1024

typedef struct emulator {
  VTerm *vt;
  VTermScreen *cells;
  int columns, rows;
  char (*gone)[ROW_BYTES]; /* rows that have scrolled out */
  size_t gone_count;
  size_t bytes; /* that were written */
} emulator;

static emulator em;
static screen s;

/* ---- the emulator ---- */

static void put_cell(char *out, size_t *used, const VTermScreenCell *cell) {
  for (size_t i = 0; i < VTERM_MAX_CHARS_PER_CELL && cell->chars[i]; i++) {
    uint32_t c = cell->chars[i];
    if (c == (uint32_t)-1) continue; /* the second half of a wide one */
    if (c < 0x80) {
      out[(*used)++] = (char)c;
    } else if (c < 0x800) {
      out[(*used)++] = (char)(0xC0 | c >> 6);
      out[(*used)++] = (char)(0x80 | (c & 0x3F));
    } else {
      out[(*used)++] = (char)(0xE0 | c >> 12);
      out[(*used)++] = (char)(0x80 | (c >> 6 & 0x3F));
      out[(*used)++] = (char)(0x80 | (c & 0x3F));
    }
  }
  if (cell->chars[0] == 0) out[(*used)++] = ' ';
}

static void finish_row(char *out, size_t used) {
  while (used > 0 && out[used - 1] == ' ') used--;
  out[used] = '\0';
}

static int on_gone(int columns, const VTermScreenCell *cells, void *user) {
  (void)user;
  if (em.gone_count == ROWS_MAX) return 1;
  char *out = em.gone[em.gone_count++];
  size_t used = 0;
  for (int i = 0; i < columns; i++) put_cell(out, &used, &cells[i]);
  finish_row(out, used);
  return 1;
}

static void row_text(int row, char *out) {
  size_t used = 0;
  for (int column = 0; column < em.columns; column++) {
    VTermScreenCell cell;
    vterm_screen_get_cell(em.cells, (VTermPos){row, column}, &cell);
    put_cell(out, &used, &cell);
  }
  finish_row(out, used);
}

/* Every byte is printable, a newline, or one of the sequences that a screen may use. */
static void check_grammar(const char *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if ((uint8_t)bytes[i] >= 0x20 && bytes[i] != 0x7F) continue;
    if (bytes[i] == '\r' || bytes[i] == '\n') continue;
    assert_int_equal(bytes[i], '\x1b');
    assert_true(i + 2 < count && bytes[i + 1] == '[');
    size_t at = i + 2;
    bool private = bytes[at] == '?';
    at += private;
    size_t digits = strspn(bytes + at, "0123456789;");
    char final = bytes[at + digits];
    if (private)
      assert_true((final == 'h' || final == 'l') && !strncmp(bytes + at, "2026", 4));
    else
      assert_non_null(strchr("ABGJKHm", final));
    /* Rows are erased from their beginning only: see NEXT_ROW. */
    if (final == 'K') assert_true(i > 0 && (bytes[i - 1] == '\r' || bytes[i - 1] == '\n'));
    i = at + digits;
  }
}

static void on_write(void *user, const char *bytes, size_t count) {
  (void)user;
  static char copy[1 << 24];
  assert_true(count < sizeof copy);
  memcpy(copy, bytes, count);
  copy[count] = '\0';
  check_grammar(copy, count);
  em.bytes += count;
  /* The emulator takes room on the stack for a whole piece. */
  for (size_t at = 0; at < count; at += 4096)
    vterm_input_write(em.vt, bytes + at, count - at < 4096 ? count - at : 4096);
}

static void begin(int columns, int rows) {
  static const VTermScreenCallbacks callbacks = {.sb_pushline = on_gone};
  em.columns = columns;
  em.rows = rows;
  em.gone = calloc(ROWS_MAX, ROW_BYTES);
  em.gone_count = em.bytes = 0;
  em.vt = vterm_new(rows, columns);
  vterm_set_utf8(em.vt, 1);
  em.cells = vterm_obtain_screen(em.vt);
  vterm_screen_set_callbacks(em.cells, &callbacks, NULL);
  vterm_screen_reset(em.cells, 1);
  screen_init(&s, on_write, NULL, (size_t)columns, (size_t)rows);
}

static void end(void) {
  screen_free(&s);
  vterm_free(em.vt);
  free(em.gone);
}

/* ---- what is expected ---- */

typedef struct expected {
  char (*rows)[ROW_BYTES];
  size_t count, column;
  char area[8][64];
  size_t area_count, cursor_row, cursor_column;
} expected;

static expected want;

static void want_text(const char *text, size_t columns) {
  for (; *text; text++) {
    if (*text == '\n') {
      want.count++;
      want.column = 0;
      continue;
    }
    if (want.column == columns) {
      want.count++;
      want.column = 0;
    }
    want.rows[want.count][want.column++] = *text;
    want.rows[want.count][want.column] = '\0';
  }
}

static void set_area(size_t count, unsigned seed) {
  screen_area_begin(&s);
  want.area_count = count;
  for (size_t i = 0; i < count; i++) {
    snprintf(want.area[i], sizeof want.area[i], "[%zu:%u]", i, seed % 3 + (unsigned)i);
    screen_area_row(&s, want.area[i], strlen(want.area[i]));
  }
  want.cursor_row = seed % count;
  want.cursor_column = seed % 5;
  screen_area_cursor(&s, want.cursor_row, want.cursor_column);
}

/* The last rows that were ever shown are the text's, then the area's, and the cursor is in it. */
static void check_shown(void) {
  static char all[ROWS_MAX][ROW_BYTES];
  VTermPos cursor;
  size_t count = 0, last = 0;
  for (size_t i = 0; i < em.gone_count; i++) memcpy(all[count++], em.gone[i], ROW_BYTES);
  for (int row = 0; row < em.rows; row++) {
    row_text(row, all[count]);
    if (all[count++][0] != '\0') last = count;
  }
  size_t text_rows = want.count + (want.column > 0 ? 1 : 0);
  for (size_t i = 0; i < text_rows; i++) {
    char trimmed[ROW_BYTES];
    memcpy(trimmed, want.rows[i], ROW_BYTES);
    finish_row(trimmed, strlen(trimmed));
    assert_string_equal(all[i], trimmed);
  }
  for (size_t i = 0; i < want.area_count; i++)
    assert_string_equal(all[text_rows + i], want.area[i]);
  assert_true(last <= text_rows + want.area_count);
  vterm_state_get_cursorpos(vterm_obtain_state(em.vt), &cursor);
  assert_int_equal((size_t)cursor.row + em.gone_count, text_rows + want.cursor_row);
  assert_int_equal(cursor.col, want.cursor_column);
}

/* ---- tests ---- */

static void random_text(char *out, size_t bytes) {
  size_t used = 0;
  while (used < bytes) {
    int kind = random_next() % 12;
    out[used++] = kind == 0 ? '\n' : kind == 1 ? ' ' : (char)('a' + random_next() % 26);
  }
  out[used] = '\0';
}

static void whatever_is_drawn(void **state) {
  (void)state;
  for (unsigned seed = 1; seed <= 60; seed++) {
    random_seed(seed);
    int columns = 8 + random_next() % 40, rows = 9 + random_next() % 16;
    print_message("seed %u: %d x %d\n", seed, columns, rows);
    begin(columns, rows);
    memset(&want, 0, sizeof want);
    want.rows = calloc(ROWS_MAX, ROW_BYTES);
    set_area(1, 0);
    for (int step = 0; step < 120; step++) {
      char text[200];
      if (random_next() % 3 > 0) {
        random_text(text, (size_t)(random_next() % (random_next() % 4 == 0 ? 150 : 12)));
        screen_text(&s, text, strlen(text));
        want_text(text, (size_t)columns);
      }
      if (random_next() % 2 == 0)
        set_area(1 + (size_t)(random_next() % 6), (unsigned)random_next());
      if (random_next() % 4 > 0) {
        screen_flush(&s);
        check_shown();
        assert_true(screen_clean(&s));
      }
    }
    free(want.rows);
    end();
  }
}

static void nothing_changed_is_nothing_written(void **state) {
  (void)state;
  begin(40, 10);
  memset(&want, 0, sizeof want);
  set_area(3, 1);
  screen_flush(&s);
  size_t before = em.bytes;
  set_area(3, 1);
  screen_flush(&s);
  assert_int_equal(em.bytes, before);
  /* A key in the last row costs that row alone. */
  screen_area_begin(&s);
  screen_area_row(&s, want.area[0], 5);
  screen_area_row(&s, want.area[1], 5);
  screen_area_row(&s, "xyz", 3);
  screen_area_cursor(&s, 2, 3);
  screen_flush(&s);
  assert_in_range(em.bytes - before, 1, 60);
  end();
}

/* A stream of small deltas, as an agent writes: bytes written for bytes shown. */
static void deltas_are_cheap(void **state) {
  (void)state;
  size_t shown = 0;
  begin(80, 24);
  memset(&want, 0, sizeof want);
  set_area(3, 1);
  screen_flush(&s);
  size_t before = em.bytes;
  random_seed(3);
  for (int i = 0; i < 2000; i++) {
    char text[32];
    int n = snprintf(text, sizeof text, "%s", i % 12 == 11 ? "words\n" : "words ");
    screen_text(&s, text, (size_t)n);
    screen_flush(&s);
    shown += (size_t)n;
  }
  size_t written = em.bytes - before;
  print_message("%zu bytes written for %zu shown\n", written, shown);
  assert_true(written < shown * 6); /* of six bytes each: there, the text, back */
  end();
}

static void a_terminal_that_stands_still(void **state) {
  (void)state;
  char line[128];
  begin(80, 24);
  memset(&want, 0, sizeof want);
  set_area(1, 1);
  for (int i = 0; i < 200000; i++) {
    snprintf(line, sizeof line, "line %d of a terminal that nobody reads\n", i);
    screen_text(&s, line, strlen(line));
  }
  assert_true(s.text_bytes <= SCREEN_TEXT_BYTES_MAX && s.text_room <= 4 * SCREEN_TEXT_BYTES_MAX);
  screen_text(&s, "\x1b[31mred", 8); /* left out too: no style may stay on */
  screen_flush(&s);
  screen_text(&s, "and on it goes\n", 15);
  screen_flush(&s);
  bool said = false, on = false;
  for (int row = 0; row < em.rows; row++) {
    char text[ROW_BYTES];
    row_text(row, text);
    said |= strstr(text, "were left out") != NULL;
    on |= strcmp(text, "and on it goes") == 0;
  }
  assert_true(said && on);
  end();
}

/* A terminal of another size: the area is there once, whole, at the end. */
static void a_storm_of_sizes(void **state) {
  (void)state;
  begin(80, 24);
  memset(&want, 0, sizeof want);
  random_seed(11);
  for (int i = 0; i < 300; i++) {
    char text[64];
    em.columns = 6 + random_next() % 120;
    em.rows = 3 + random_next() % 60;
    vterm_set_size(em.vt, em.rows, em.columns);
    screen_resize(&s, (size_t)em.columns, (size_t)em.rows);
    snprintf(text, sizeof text, "t%d%s", i, i % 2 ? "\n" : " ");
    screen_text(&s, text, strlen(text));
    screen_area_begin(&s);
    screen_area_row(&s, "#state#", 7);
    screen_area_row(&s, "# >", 3);
    screen_area_cursor(&s, 1, 3);
    screen_flush(&s);
    int seen = 0;
    for (int row = 0; row < em.rows; row++) {
      char shown[ROW_BYTES];
      row_text(row, shown);
      seen += shown[0] == '#' && strchr(shown, '>') != NULL;
    }
    assert_int_equal(seen, 1);
  }
  end();
}

static VTermScreenCell cell_at(int row, int column) {
  VTermScreenCell cell;
  vterm_screen_get_cell(em.cells, (VTermPos){row, column}, &cell);
  return cell;
}

/* Each character has the style it was written in, also when it comes in pieces; it is cheap. */
static void styles_are_kept(void **state) {
  static const char text[] =
      "\x1b[1mone\x1b[0m \x1b[1mtwo\x1b[0m \x1b[1mthree\x1b[0m plain "
      "\x1b[1m\x1b[4mu v\x1b[0m w\n\x1b[0;7mr r\x1b[0m \n";
  (void)state;
  for (size_t piece = 1; piece < sizeof text; piece += 3) {
    begin(60, 10);
    memset(&want, 0, sizeof want);
    set_area(1, 1);
    for (size_t at = 0; at < sizeof text - 1;) {
      size_t n = piece < sizeof text - 1 - at ? piece : sizeof text - 1 - at;
      while (at + n < sizeof text - 1 && memchr(text + at, '\x1b', n) != NULL &&
             text[at + n - 1] != 'm')
        n++; /* a sequence is never cut */
      screen_text(&s, text + at, n);
      screen_flush(&s);
      at += n;
    }
    static const char bold[] = "1110111011111000000011100";
    for (int i = 0; bold[i] != '\0'; i++) {
      VTermScreenCell cell = cell_at(0, i);
      if (cell.chars[0] != ' ') assert_int_equal(cell.attrs.bold, bold[i] == '1');
      assert_int_equal(cell.attrs.underline != 0, i >= 20 && i <= 22);
    }
    for (int i = 0; i < 4; i++) assert_int_equal(cell_at(1, i).attrs.reverse, i < 3);
    assert_false(cell_at(2, 0).attrs.bold || cell_at(2, 0).attrs.reverse);
    end();
  }
}

static void hidden_and_back(void **state) {
  (void)state;
  char row[ROW_BYTES];
  begin(40, 10);
  memset(&want, 0, sizeof want);
  screen_text(&s, "half a line", 11);
  set_area(2, 1);
  screen_flush(&s);
  screen_hide(&s);
  row_text(0, row);
  assert_string_equal(row, "half a line");
  row_text(1, row);
  assert_string_equal(row, "");
  VTermPos cursor;
  vterm_state_get_cursorpos(vterm_obtain_state(em.vt), &cursor);
  assert_true(cursor.row == 1 && cursor.col == 0);
  end();
}

static void only_clean_text_gets_through(void **state) {
  (void)state;
  begin(40, 10);
  memset(&want, 0, sizeof want);
  static const char hostile[] =
      "a\x1b[2Jb\x1b]0;t\x07"
      "c\x08\x0e\x7f"
      "d\x1b[31me\x1b[0m\n";
  screen_text(&s, hostile, sizeof hostile - 1);
  set_area(1, 1);
  screen_flush(&s); /* check_grammar judges */
  char row[ROW_BYTES];
  row_text(0, row);
  assert_string_equal(row, "a[2Jb]0;tcde");
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(whatever_is_drawn), cmocka_unit_test(nothing_changed_is_nothing_written),
      cmocka_unit_test(deltas_are_cheap),  cmocka_unit_test(a_terminal_that_stands_still),
      cmocka_unit_test(a_storm_of_sizes),  cmocka_unit_test(styles_are_kept),
      cmocka_unit_test(hidden_and_back),   cmocka_unit_test(only_clean_text_gets_through)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
