#include "wrap_text.h"

#include <stdio.h>
#include <string.h>

#include "terminal_text.h"
#include "unicode_text.h"

#define TAB_COLUMNS 8
#define ZERO_WIDTH_JOINER 0x200Du
#define EMOJI_STYLE 0xFE0Fu

void wrap_init(wrap_text *w, void (*write)(void *user, const char *text, size_t bytes), void *user,
               unsigned width, bool colour) {
  *w = (wrap_text){.write = write, .user = user, .width = width, .colour = colour};
}

/* ---- styles ---- */

void wrap_style_text(unsigned style, char *out) {
  static const unsigned codes[] = {1, 2, 3, 4, 7};
  size_t used = 0;
  out[0] = 0;
  if (style == STYLE_PLAIN) return;
  used += (size_t)snprintf(out, 24, "\x1b[0");
  for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
    if (style & 1u << i) used += (size_t)snprintf(out + used, 24 - used, ";%u", codes[i]);
  if (style >> 5) used += (size_t)snprintf(out + used, 24 - used, ";3%u", style >> 5 & 7);
  snprintf(out + used, 24 - used, "m");
}

static void set_style(wrap_text *w, unsigned style) {
  char text[24];
  if (!w->colour || w->style == style) return;
  w->style = (uint8_t)style;
  if (style == STYLE_PLAIN) {
    w->write(w->user, "\x1b[0m", 4);
    return;
  }
  wrap_style_text(style, text);
  w->write(w->user, text, strlen(text));
}

/* ---- lines ---- */

void wrap_gutter(wrap_text *w, const char *text, unsigned style) {
  snprintf(w->gutter, sizeof w->gutter, "%s", text);
  w->gutter_style = (uint8_t)style;
  w->gutter_columns = (unsigned)terminal_text_columns(w->gutter);
  if (w->width && w->gutter_columns > w->width / 2)
    w->gutter_columns = (unsigned)terminal_text_fit(w->gutter, w->width / 2);
}

void wrap_lead(wrap_text *w, const char *text, unsigned style) {
  snprintf(w->lead, sizeof w->lead, "%s", text);
  w->lead_style = (uint8_t)style;
  if (w->width) terminal_text_fit(w->lead, w->width / 2);
}

void wrap_hang(wrap_text *w, unsigned columns) {
  unsigned most = w->width > w->gutter_columns ? (w->width - w->gutter_columns) / 2 : 0;
  w->hang = columns < most ? columns : most;
}

size_t wrap_room(const wrap_text *w) {
  if (!w->width) return SIZE_MAX;
  return w->width > w->gutter_columns + 1 ? w->width - w->gutter_columns : 1;
}

/* Spaces look the same in every style that draws no line and fills nothing: no need to change it.
 */
static void put_spaces(wrap_text *w, unsigned style, unsigned count) {
  static const char spaces[] = "                ";
  const unsigned seen = STYLE_UNDERLINE | STYLE_REVERSE;
  if (!count) return;
  if ((w->style | style) & seen) set_style(w, style);
  w->column += count;
  while (count) {
    unsigned n = count < sizeof spaces - 1 ? count : (unsigned)(sizeof spaces - 1);
    w->write(w->user, spaces, n);
    count -= n;
  }
}

static void open_line(wrap_text *w) {
  if (w->open) return;
  w->open = true;
  w->column = 0;
  const char *text = w->lead[0] ? w->lead : w->gutter;
  if (!text[0]) return;
  set_style(w, w->lead[0] ? w->lead_style : w->gutter_style);
  w->write(w->user, text, strlen(text));
  w->column = w->lead[0] ? (unsigned)terminal_text_columns(text) : w->gutter_columns;
  w->lead[0] = 0;
}

static void end_line(wrap_text *w) {
  set_style(w, STYLE_PLAIN);
  w->write(w->user, "\n", 1);
  w->open = false;
  w->column = 0;
}

/* The line is full: it goes on in the next one. */
static void turn_line(wrap_text *w) {
  end_line(w);
  open_line(w);
  put_spaces(w, STYLE_PLAIN, w->hang);
}

static bool fits(const wrap_text *w, unsigned columns) {
  return !w->width || w->free_run || w->column + columns <= w->width;
}

/* At the beginning of its line: a turn would win nothing. */
static bool is_fresh(const wrap_text *w) { return w->column <= w->gutter_columns + w->hang; }

static void put_character(wrap_text *w, unsigned style, const char *text, size_t bytes,
                          unsigned columns) {
  if (!fits(w, columns) && !is_fresh(w)) turn_line(w);
  set_style(w, style);
  w->write(w->user, text, bytes);
  w->column += columns;
}

/* ---- words ---- */

/* The selector of emoji style makes some characters wide on some terminals: never too few. */
static unsigned columns_of(uint32_t c) { return c == EMOJI_STYLE ? 1 : unicode_columns(c); }

void wrap_flush(wrap_text *w) {
  if (!w->word_bytes) return;
  open_line(w);
  if (!w->hard && !fits(w, w->spaces + w->word_columns) && !is_fresh(w) &&
      w->hang + w->gutter_columns + w->word_columns <= w->width) {
    turn_line(w);
    w->spaces = 0;
  }
  if (!fits(w, w->spaces) && !is_fresh(w)) {
    turn_line(w);
    w->spaces = 0;
  }
  put_spaces(w, w->space_style, w->spaces);
  w->spaces = 0;
  /* Marks travel with the character that carries them. */
  for (size_t at = 0; at < w->word_bytes;) {
    uint32_t c;
    size_t bytes = unicode_next(w->word + at, w->word_bytes - at, &c);
    put_character(w, w->word_styles[at], w->word + at, bytes, columns_of(c));
    at += bytes;
  }
  w->word_bytes = 0;
  w->word_columns = 0;
}

static void take_space(wrap_text *w, unsigned style, unsigned count) {
  wrap_flush(w);
  if (!w->width) { /* nothing is left out */
    open_line(w);
    put_spaces(w, style, count);
    return;
  }
  if (w->spaces < 4 * w->width) w->spaces += count;
  w->space_style = (uint8_t)style;
}

static void take_newline(wrap_text *w) {
  wrap_flush(w);
  open_line(w);
  w->spaces = 0;
  w->hang = 0;
  end_line(w);
}

/* Nothing else gets through, whoever was to clean it. */
static bool is_printable(uint32_t c) { return c >= 0x20 && !(c >= 0x7F && c < 0xA0); }

static void take_visible(wrap_text *w, unsigned style, const char *text, size_t bytes, uint32_t c) {
  unsigned columns = unicode_columns(c);
  bool joins = columns == 0 || w->after_zwj;
  /* Between ideographs a line may end anywhere. */
  if (!joins && (columns == 2 || w->hard || !w->width)) wrap_flush(w);
  if (w->word_bytes + bytes > sizeof w->word) wrap_flush(w);
  memcpy(w->word + w->word_bytes, text, bytes);
  memset(w->word_styles + w->word_bytes, (int)style, bytes);
  w->word_bytes += bytes;
  w->word_columns += columns_of(c);
  w->after_zwj = c == ZERO_WIDTH_JOINER;
}

void wrap_put(wrap_text *w, unsigned style, const char *text, size_t bytes) {
  while (bytes) {
    uint32_t c;
    size_t n = unicode_next(text, bytes, &c);
    if (c == '\n') {
      take_newline(w);
    } else if (c == '\t' && w->width) {
      wrap_flush(w);
      unsigned at = (w->open ? w->column - w->gutter_columns : 0) + w->spaces;
      take_space(w, style, TAB_COLUMNS - at % TAB_COLUMNS);
    } else if (c == ' ') {
      take_space(w, style, 1);
    } else if ((c == UNICODE_REPLACEMENT && n == 1) || (c != '\t' && !is_printable(c))) {
      take_visible(w, style, "\xEF\xBF\xBD", 3, UNICODE_REPLACEMENT);
    } else {
      take_visible(w, style, text, n, c);
    }
    if (c == '\n' || c == ' ' || c == '\t') w->after_zwj = false;
    text += n;
    bytes -= n;
  }
}

void wrap_break(wrap_text *w) {
  wrap_flush(w);
  w->spaces = 0;
  w->hang = 0;
  if (w->open) end_line(w);
}
