/* Styled text into lines of a terminal: words are kept whole, later lines are indented, every line
 * may have a gutter. Takes clean text (terminal_text) only; writes it with SGR sequences of its
 * own, which are off at the end of every line. A word is held back until it is known to be whole,
 * so what is written never depends on where the text was cut. */
#ifndef REMOTE_CLI_WRAP_TEXT_H
#define REMOTE_CLI_WRAP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRAP_WORD_BYTES_MAX 512 /* a longer word is cut where the line ends */
#define WRAP_GUTTER_BYTES_MAX 160

/* A style: attributes, and one colour. */
enum {
  STYLE_PLAIN = 0,
  STYLE_BOLD = 1,
  STYLE_DIM = 2,
  STYLE_ITALIC = 4,
  STYLE_UNDERLINE = 8,
  STYLE_REVERSE = 16,
  STYLE_RED = 1 << 5,
  STYLE_GREEN = 2 << 5,
  STYLE_YELLOW = 3 << 5,
  STYLE_BLUE = 4 << 5,
  STYLE_MAGENTA = 5 << 5,
  STYLE_CYAN = 6 << 5
};

typedef struct wrap_text {
  void (*write)(void *user, const char *text, size_t bytes);
  void *user;
  unsigned width; /* columns; 0: lines end where the text says so */
  bool colour;
  bool hard;     /* cut at the last column, not between words: code, output, diffs */
  bool free_run; /* do not cut at all: the terminal does it, and copying gives whole lines */
  /* state of the line */
  bool open;           /* something was written on it */
  bool after_zwj;      /* the next character joins the one before */
  uint8_t style;       /* that is on */
  uint8_t space_style; /* of the spaces that wait */
  uint8_t gutter_style, lead_style;
  unsigned column;
  unsigned spaces;       /* that wait for the next word */
  unsigned hang;         /* columns in front of lines that go on */
  unsigned word_columns; /* of the word that waits */
  size_t word_bytes;
  unsigned gutter_columns;
  char gutter[WRAP_GUTTER_BYTES_MAX];
  char lead[WRAP_GUTTER_BYTES_MAX]; /* in front of the next line, instead of the gutter; empty: none
                                     */
  char word[WRAP_WORD_BYTES_MAX];
  uint8_t word_styles[WRAP_WORD_BYTES_MAX];
} wrap_text;

void wrap_init(wrap_text *w, void (*write)(void *user, const char *text, size_t bytes), void *user,
               unsigned width, bool colour);
/* In front of each line from the next one on; cut when it takes more than half of the width. */
void wrap_gutter(wrap_text *w, const char *text, unsigned style);
/* In front of the next line only, instead of the gutter. */
void wrap_lead(wrap_text *w, const char *text, unsigned style);
/* Columns in front of the parts of a line that is wrapped; until the next newline. */
void wrap_hang(wrap_text *w, unsigned columns);
void wrap_put(wrap_text *w, unsigned style, const char *text, size_t bytes);
/* Writes the word that waits. */
void wrap_flush(wrap_text *w);
/* Ends the line, if there is one. */
void wrap_break(wrap_text *w);
/* Columns that a line has behind the gutter; SIZE_MAX: as many as it likes. */
size_t wrap_room(const wrap_text *w);
/* The sequence that turns `style` on from nothing; "" for STYLE_PLAIN. `out`: 24 bytes. */
void wrap_style_text(unsigned style, char *out);

#endif
