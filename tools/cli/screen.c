#include "screen.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal_text.h"

void screen_resize(screen *s) {
  struct winsize size;
  s->columns = 80;
  if (s->terminal && !ioctl(fileno(s->to), TIOCGWINSZ, &size) && size.ws_col >= 8)
    s->columns = size.ws_col;
}

void screen_init(screen *s, FILE *to) {
  *s = (screen){.to = to, .terminal = isatty(fileno(to))};
  screen_resize(s);
}

void screen_hide(screen *s) {
  if (!s->shown) return;
  fputs("\r\x1b[K", s->to);
  if (s->below) fprintf(s->to, "\x1b[A\x1b[%zuG", s->column + 1);
  s->shown = s->below = false;
}

/* Counts columns over text that has no newline; wraps as terminals do. */
static void advance(screen *s, const char *text, size_t bytes) {
  char part[256];
  while (bytes) {
    size_t n = bytes < sizeof part - 1 ? bytes : sizeof part - 1;
    while (n < bytes && n > 1 && ((unsigned char)text[n] & 0xC0) == 0x80) n--;
    memcpy(part, text, n);
    part[n] = 0;
    s->column += terminal_text_columns(part);
    text += n;
    bytes -= n;
  }
  /* A full line has wrapped, or will with the next character. */
  s->column %= s->columns;
}

static void count(screen *s, const char *text, size_t bytes) {
  const char *end = text + bytes;
  while (text < end) {
    size_t plain = 0;
    while (text + plain < end && text[plain] != '\n' && text[plain] != '\x1b' &&
           text[plain] != '\t')
      plain++;
    advance(s, text, plain);
    text += plain;
    if (text == end) break;
    if (*text == '\n') {
      s->column = 0;
      text++;
    } else if (*text == '\t') {
      s->column = (s->column + 8) / 8 * 8 % s->columns;
      text++;
    } else {
      while (text < end && *text != 'm') text++;
      text += text < end;
    }
  }
}

void screen_write(screen *s, const char *text, size_t bytes) {
  if (!s->terminal) {
    fwrite(text, 1, bytes, s->to);
    return;
  }
  screen_hide(s);
  /* Raw mode: a newline does not return by itself. */
  for (size_t at = 0; at < bytes;) {
    const char *newline = memchr(text + at, '\n', bytes - at);
    size_t plain = newline ? (size_t)(newline - text) - at : bytes - at;
    fwrite(text + at, 1, plain, s->to);
    if (newline) fputs("\r\n", s->to);
    at += plain + (newline != NULL);
  }
  count(s, text, bytes);
}

void screen_prompt(screen *s, const char *line, size_t column) {
  if (!s->terminal) return;
  if (s->shown) {
    fputs("\r\x1b[K", s->to);
  } else if (s->column) {
    fputs("\r\n", s->to);
    s->below = true;
  }
  fputs(line, s->to);
  fprintf(s->to, "\x1b[%zuG", column + 1);
  s->shown = true;
  fflush(s->to);
}
