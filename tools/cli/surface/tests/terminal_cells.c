/* What a terminal shows after these bytes: `terminal_cells COLUMNSxROWS [AT:COLUMNSxROWS]… < BYTES`
 * prints the rows, those that have scrolled out first, then a row of dashes, then the screen, and
 * last "cursor ROW COLUMN". AT is an offset into the bytes at which the size changes. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vterm.h>

static int columns, rows;
static VTermScreen *cells;

static void print_character(uint32_t c) {
  if (c < 0x80)
    putchar((int)c);
  else if (c < 0x800)
    printf("%c%c", (int)(0xC0 | c >> 6), (int)(0x80 | (c & 0x3F)));
  else if (c < 0x10000)
    printf("%c%c%c", (int)(0xE0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3F)),
           (int)(0x80 | (c & 0x3F)));
  else
    printf("%c%c%c%c", (int)(0xF0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3F)),
           (int)(0x80 | (c >> 6 & 0x3F)), (int)(0x80 | (c & 0x3F)));
}

static void print_row(const VTermScreenCell *row, int count) {
  int last = 0;
  for (int i = 0; i < count; i++)
    if (row[i].chars[0] != 0 && row[i].chars[0] != ' ') last = i + 1;
  for (int i = 0; i < last; i++) {
    if (row[i].chars[0] == (uint32_t)-1) continue;
    if (row[i].chars[0] == 0) putchar(' ');
    for (int k = 0; k < VTERM_MAX_CHARS_PER_CELL && row[i].chars[k] != 0; k++)
      print_character(row[i].chars[k]);
  }
  putchar('\n');
}

static int on_gone(int count, const VTermScreenCell *row, void *user) {
  (void)user;
  print_row(row, count);
  return 1;
}

static void feed(VTerm *vt, const char *bytes, size_t count) {
  /* The emulator takes room on the stack for a whole piece. */
  for (size_t at = 0; at < count; at += 4096)
    vterm_input_write(vt, bytes + at, count - at < 4096 ? count - at : 4096);
}

/* "AT:COLUMNSxROWS", or "COLUMNSxROWS" when `at` is NULL. */
static bool read_size(const char *text, size_t *at) {
  char *end;
  unsigned long number = strtoul(text, &end, 10);
  if (at != NULL) {
    *at = number;
    if (*end != ':') return false;
    number = strtoul(end + 1, &end, 10);
  }
  columns = number <= 1024 ? (int)number : 0;
  if (*end != 'x') return false;
  number = strtoul(end + 1, &end, 10);
  rows = number <= 1024 ? (int)number : 0;
  return columns > 0 && rows > 0 && *end == '\0';
}

int main(int argc, char **argv) {
  static const VTermScreenCallbacks callbacks = {.sb_pushline = on_gone};
  static char bytes[16 << 20];
  size_t count = fread(bytes, 1, sizeof bytes, stdin), at = 0;
  if (argc < 2 || !read_size(argv[1], NULL)) return 2;
  VTerm *vt = vterm_new(rows, columns);
  vterm_set_utf8(vt, 1);
  cells = vterm_obtain_screen(vt);
  vterm_screen_set_callbacks(cells, &callbacks, NULL);
  vterm_screen_enable_altscreen(cells, 1);
  vterm_screen_reset(cells, 1);
  for (int i = 2; i < argc; i++) {
    size_t where;
    if (!read_size(argv[i], &where)) return 2;
    if (where > count) where = count;
    feed(vt, bytes + at, where - at);
    at = where;
    vterm_set_size(vt, rows, columns);
  }
  feed(vt, bytes + at, count - at);
  puts("--------");
  for (int row = 0; row < rows; row++) {
    VTermScreenCell line[1024];
    for (int column = 0; column < columns && column < 1024; column++)
      vterm_screen_get_cell(cells, (VTermPos){row, column}, &line[column]);
    print_row(line, columns);
  }
  VTermPos cursor;
  vterm_state_get_cursorpos(vterm_obtain_state(vt), &cursor);
  printf("cursor %d %d\n", cursor.row, cursor.col);
  vterm_free(vt);
  return 0;
}
