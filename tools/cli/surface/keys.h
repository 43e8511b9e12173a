/* Bytes of a keyboard in, keys out. Sequences and characters may be cut anywhere; whatever comes is
 * bounded. What no terminal sends is dropped. No I/O, no clock. */
#ifndef REMOTE_CLI_SURFACE_KEYS_H
#define REMOTE_CLI_SURFACE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_SEQUENCE_BYTES_MAX 32
#define KEYS_TEXT_BYTES_MAX 512

typedef enum key_name {
  KEY_TEXT = 1,      /* `text`: one or more whole characters, printable */
  KEY_PASTE = 2,     /* `text`: a piece of a paste; newlines and tabs are in it */
  KEY_PASTE_END = 3, /* the paste is over */
  KEY_ENTER = 4,
  KEY_NEWLINE = 5, /* ^J, Alt-Enter, Shift-Enter: a newline in the text */
  KEY_TAB = 6,
  KEY_BACK_TAB = 7,
  KEY_ESCAPE = 8,
  KEY_BACKSPACE = 9,
  KEY_DELETE = 10,
  KEY_LEFT = 11,
  KEY_RIGHT = 12,
  KEY_UP = 13,
  KEY_DOWN = 14,
  KEY_HOME = 15,
  KEY_END = 16,
  KEY_PAGE_UP = 17,
  KEY_PAGE_DOWN = 18,
  KEY_WORD_LEFT = 19,
  KEY_WORD_RIGHT = 20,
  KEY_KILL_WORD_LEFT = 21,
  KEY_KILL_WORD_RIGHT = 22,
  KEY_CONTROL = 23, /* `letter`: 'a' for ^A …; '\\', '_' */
  KEY_ALT = 24      /* `letter` with Alt */
} key_name;

typedef struct key_press {
  key_name name;
  char letter;
  const char *text; /* borrowed for the call */
  size_t bytes;
} key_press;

typedef struct keys {
  uint8_t sequence[KEYS_SEQUENCE_BYTES_MAX]; /* from the escape on */
  size_t sequence_bytes;                     /* 0: in none */
  bool too_long;                             /* of the sequence: dropped to its end */
  bool pasting;
  bool return_seen; /* in a paste: a newline after it is the same one */
  uint8_t pending[4];
  size_t pending_bytes; /* beginning of a UTF-8 character */
  char text[KEYS_TEXT_BYTES_MAX];
  size_t text_bytes;
} keys;

typedef void (*keys_tell)(void *user, const key_press *key);

void keys_init(keys *k);
void keys_feed(keys *k, const char *data, size_t bytes, keys_tell tell, void *user);
/* An escape has come that may be a key of its own or the beginning of a sequence: when nothing
 * follows within a moment, call keys_flush. */
bool keys_waiting(const keys *k);
void keys_flush(keys *k, keys_tell tell, void *user);

#endif
