/* Markdown as a stream: set lightly, for a terminal. Takes clean text in pieces that may be cut
 * anywhere, and gives the same for every way of cutting it. What is no Markdown comes out as it was
 * written: an opening mark whose partner does not follow on the same line, within
 * MARKDOWN_HELD_BYTES_MAX, is a character like any other.
 *
 * Set are: headings, bold, italic, code, links ("text (url)", so that a link never hides where it
 * leads), lists and quotes (later lines are indented), fenced code (cut by nobody but the terminal,
 * so that it can be copied), tables (as they are). */
#ifndef REMOTE_CLI_MARKDOWN_TEXT_H
#define REMOTE_CLI_MARKDOWN_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wrap_text.h"

#define MARKDOWN_HELD_BYTES_MAX 400
#define MARKDOWN_LEAD_BYTES_MAX 48

typedef struct markdown_text {
  uint8_t base;    /* style of plain text */
  bool marks;      /* marks are shown too: there is no style to say the same */
  bool words;      /* headings and code are announced in words */
  uint8_t place;   /* where in a line; see markdown_text.c */
  uint8_t line;    /* style of this line, with base */
  char fence;      /* '`' or '~' while in fenced code; 0 */
  uint8_t fences;  /* how many began it */
  uint32_t before; /* the character in front of what is held; 0: the line's beginning */
  size_t lead_bytes, held_bytes;
  char lead[MARKDOWN_LEAD_BYTES_MAX]; /* beginning of a line, until it is known what it is */
  char held[MARKDOWN_HELD_BYTES_MAX]; /* from an opening mark on */
} markdown_text;

void markdown_init(markdown_text *m, unsigned base, bool marks, bool words);
void markdown_put(markdown_text *m, wrap_text *out, const char *text, size_t bytes);
/* The text ends here, or something else is shown in between: nothing is held back. */
void markdown_flush(markdown_text *m, wrap_text *out);

#endif
