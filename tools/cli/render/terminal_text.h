/* Foreign text on its way to a terminal. Whatever an agent, a tool or another person wrote may hold
 * escape sequences that move the cursor, answer back, set the clipboard or hide text. Nothing but
 * printable characters, newlines and tabs leaves this file.
 *
 * A character carries at most 8 marks; the rest of a heap of them is one U+FFFD.
 *
 * By default what is removed is made visible, so that nobody approves a command whose text was
 * partly hidden. TERMINAL_TEXT_STRIP drops whole escape sequences silently: for tool output, where
 * colours are common and nothing is decided by it. */
#ifndef REMOTE_CLI_TERMINAL_TEXT_H
#define REMOTE_CLI_TERMINAL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define TERMINAL_TEXT_ONE_LINE 1u /* newlines and tabs become a space */
#define TERMINAL_TEXT_STRIP 2u    /* drop escape sequences instead of showing them */
/* What is hidden, or looks like another character, is shown by name: <U+202E>. For what is decided
 * on.
 */
#define TERMINAL_TEXT_NAMED 4u
/* A carriage return that begins its line anew comes out as it is, instead of as a newline: for a
 * caller that knows lines. */
#define TERMINAL_TEXT_RETURNS 8u

/* A stream that is cleaned piece by piece: characters and sequences may be cut anywhere. */
typedef struct terminal_text {
  unsigned flags;
  uint8_t pending[4]; /* beginning of a UTF-8 character */
  uint8_t pending_bytes;
  uint8_t sequence;        /* where in an escape sequence we are; 0: in none */
  uint16_t sequence_bytes; /* how long it is; bounded, so that nothing is swallowed for ever */
  uint8_t marks;           /* on the last character */
  bool return_seen;        /* a carriage return that may belong to a newline */
} terminal_text;

typedef void (*terminal_text_write)(void *user, const char *text, size_t bytes);

void terminal_text_init(terminal_text *text, unsigned flags);
/* Cleans `bytes` of `data`; valid UTF-8 comes out through `write`. */
void terminal_text_feed(terminal_text *text, const void *data, size_t bytes,
                        terminal_text_write write, void *user);
/* The stream is at its end: a character that was cut becomes U+FFFD. */
void terminal_text_end(terminal_text *text, terminal_text_write write, void *user);

/* A whole text: cleaned into `out`, always terminated, cut at a character's end with "…" when it
 * does not fit. Returns the bytes written without the terminator. capacity >= 4. */
size_t terminal_text_copy(char *out, size_t capacity, const void *data, size_t bytes,
                          unsigned flags);
/* A whole text to a stdio stream. */
void terminal_text_print(FILE *to, const void *data, size_t bytes, unsigned flags);
void terminal_text_puts(FILE *to, const char *text, unsigned flags);

/* Columns of clean UTF-8 text on one line. */
size_t terminal_text_columns(const char *text);
/* Cuts clean one-line text in place to at most `columns`, the last one being "…" when something
 * was cut. Returns the columns it takes. */
size_t terminal_text_fit(char *text, size_t columns);

#endif
