#include "terminal_text.h"

#include <stdio.h>
#include <string.h>

#include "unicode_text.h"

/* Longest escape sequence that is dropped; beyond it the text is shown again. */
#define SEQUENCE_BYTES_MAX 4096

enum { IN_TEXT = 0, AFTER_ESCAPE = 1, IN_CSI = 2, IN_STRING = 3, IN_STRING_ESCAPE = 4 };

/* Marks on one character; more of them would grow over the lines around. */
#define MARKS_MAX 8

#define REPLACEMENT UNICODE_REPLACEMENT

/* Characters that change how others are shown, or are not shown at all: they can make one text
 * look like another. */
static bool deceives(uint32_t c) {
  if (c == 0x34F || c == 0x115F || c == 0x1160 || c == 0x17B4 || c == 0x17B5 || c == 0x180E ||
      c == 0x3164 || c == 0xFFA0)
    return true;
  return (c >= 0x80 && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x200B ||
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

/* Harmless in prose, where scripts and emoji need them; in a command they hide a difference. */
static bool looks_like_another(uint32_t c) {
  return c == 0x2028 || c == 0x2029 || c == 0xA0 || c == 0xAD || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200D) || c == 0x202F || c == 0x205F || c == 0x2800 || c == 0x3000 ||
         (c >= 0x180B && c <= 0x180F) || (c >= 0xFE00 && c <= 0xFE0F);
}

static void emit(uint32_t c, terminal_text_write write, void *user) {
  char out[4];
  write(user, out, unicode_encode(c, out));
}

/* A character that is not to be shown as it is. */
static void emit_hidden(const terminal_text *text, uint32_t c, terminal_text_write write,
                        void *user) {
  char name[16];
  if (!(text->flags & TERMINAL_TEXT_NAMED)) {
    emit(REPLACEMENT, write, user);
    return;
  }
  int bytes = snprintf(name, sizeof name, "<U+%04X>", (unsigned)c);
  write(user, name, (size_t)bytes);
}

static void emit_printable(terminal_text *text, uint32_t c, terminal_text_write write, void *user) {
  bool mark = c >= 0x300 && c != 0x200D && unicode_columns(c) == 0;
  if (deceives(c) || (text->flags & TERMINAL_TEXT_NAMED && looks_like_another(c))) {
    text->marks = 0;
    emit_hidden(text, c, write, user);
  } else if (!mark) {
    if (c != 0x200D || ++text->marks <= MARKS_MAX) emit(c, write, user);
    if (c != 0x200D) text->marks = 0;
  } else if (text->marks < MARKS_MAX) {
    text->marks++;
    emit(c, write, user);
  } else if (text->marks == MARKS_MAX) {
    text->marks++; /* said once; the rest of the heap is left out */
    emit(REPLACEMENT, write, user);
  }
}

static void emit_break(const terminal_text *text, char c, terminal_text_write write, void *user) {
  char out = text->flags & TERMINAL_TEXT_ONE_LINE ? ' ' : c;
  write(user, &out, 1);
}

/* A character outside any escape sequence. */
static void take_plain(terminal_text *text, uint32_t c, terminal_text_write write, void *user) {
  if (text->return_seen) {
    text->return_seen = false;
    bool kept = text->flags & TERMINAL_TEXT_RETURNS && c != '\n';
    if (text->flags & TERMINAL_TEXT_NAMED && c != '\n') emit(0x240D, write, user);
    emit_break(text, kept ? '\r' : '\n', write, user);
    if (c == '\n') return;
  }
  if (c < 0x20) text->marks = 0;
  if (c == '\r') {
    text->return_seen = true;
  } else if (c == '\n' || c == '\t') {
    emit_break(text, (char)c, write, user);
  } else if ((c == 0x2028 || c == 0x2029) && !(text->flags & TERMINAL_TEXT_NAMED)) {
    emit_break(text, '\n', write, user);
  } else if (c == 0x1B && text->flags & TERMINAL_TEXT_STRIP) {
    text->sequence = AFTER_ESCAPE;
    text->sequence_bytes = 0;
  } else if (c < 0x20) {
    if (!(text->flags & TERMINAL_TEXT_STRIP)) emit(0x2400 + c, write, user); /* control pictures */
  } else if (c == 0x7F) {
    if (!(text->flags & TERMINAL_TEXT_STRIP)) emit(0x2421, write, user);
  } else {
    emit_printable(text, c, write, user);
  }
}

/* A character inside an escape sequence: where the sequence goes on. */
static uint8_t sequence_next(uint8_t sequence, uint32_t c) {
  switch (sequence) {
    case AFTER_ESCAPE:
      if (c == '[') return IN_CSI;
      if (c == ']' || c == 'P' || c == 'X' || c == '^' || c == '_') return IN_STRING;
      return c >= 0x20 && c < 0x30 ? AFTER_ESCAPE : IN_TEXT;
    case IN_CSI:
      return c >= 0x20 && c < 0x40 ? IN_CSI : IN_TEXT;
    case IN_STRING:
      return c == 0x07 || c == 0x18 || c == 0x1A ? IN_TEXT
             : c == 0x1B                         ? IN_STRING_ESCAPE
                                                 : IN_STRING;
    default: /* IN_STRING_ESCAPE */
      return c == '\\' ? IN_TEXT : AFTER_ESCAPE;
  }
}

static void take(terminal_text *text, uint32_t c, terminal_text_write write, void *user) {
  if (text->sequence == IN_TEXT) {
    take_plain(text, c, write, user);
    return;
  }
  /* A newline ends a broken sequence: output goes on to be shown. */
  if (c == '\n' || c == '\r' || ++text->sequence_bytes > SEQUENCE_BYTES_MAX) {
    text->sequence = IN_TEXT;
    take_plain(text, c, write, user);
    return;
  }
  if (text->sequence == IN_STRING_ESCAPE && c != '\\') {
    text->sequence = sequence_next(AFTER_ESCAPE, c);
    return;
  }
  if (c == 0x1B && text->sequence != IN_STRING) {
    text->sequence = AFTER_ESCAPE;
    return;
  }
  text->sequence = sequence_next(text->sequence, c);
}

void terminal_text_init(terminal_text *text, unsigned flags) {
  *text = (terminal_text){.flags = flags};
}

void terminal_text_feed(terminal_text *text, const void *data, size_t bytes,
                        terminal_text_write write, void *user) {
  const uint8_t *at = data;
  for (size_t i = 0; i < bytes; i++) {
    if (text->pending_bytes && !unicode_continues(text->pending, text->pending_bytes, at[i])) {
      text->pending_bytes = 0;
      take(text, REPLACEMENT, write, user);
    }
    if (!text->pending_bytes && !unicode_bytes(at[i])) {
      take(text, REPLACEMENT, write, user);
      continue;
    }
    text->pending[text->pending_bytes++] = at[i];
    if (text->pending_bytes == unicode_bytes(text->pending[0])) {
      uint32_t c = unicode_decode(text->pending, text->pending_bytes);
      text->pending_bytes = 0;
      take(text, c, write, user);
    }
  }
}

void terminal_text_end(terminal_text *text, terminal_text_write write, void *user) {
  if (text->pending_bytes) {
    text->pending_bytes = 0;
    take(text, REPLACEMENT, write, user);
  }
  if (text->return_seen) {
    text->return_seen = false;
    emit_break(text, '\n', write, user);
  }
}

typedef struct bounded {
  char *out;
  size_t capacity; /* with the terminator and room for the ellipsis */
  size_t used;
  bool cut;
} bounded;

static void write_bounded(void *user, const char *text, size_t bytes) {
  bounded *b = user;
  if (b->cut || b->used + bytes >= b->capacity) {
    b->cut = true;
    return;
  }
  memcpy(b->out + b->used, text, bytes);
  b->used += bytes;
}

size_t terminal_text_copy(char *out, size_t capacity, const void *data, size_t bytes,
                          unsigned flags) {
  static const char ellipsis[] = "\xE2\x80\xA6";
  terminal_text text;
  bounded b = {.out = out, .capacity = capacity};
  terminal_text_init(&text, flags);
  terminal_text_feed(&text, data, bytes, write_bounded, &b);
  terminal_text_end(&text, write_bounded, &b);
  if (b.cut) {
    while (b.used + sizeof ellipsis > capacity && b.used) {
      do b.used--;
      while (b.used && ((uint8_t)out[b.used] & 0xC0) == 0x80);
    }
    memcpy(out + b.used, ellipsis, sizeof ellipsis - 1);
    b.used += sizeof ellipsis - 1;
  }
  out[b.used] = 0;
  return b.used;
}

static void write_file(void *user, const char *text, size_t bytes) { fwrite(text, 1, bytes, user); }

void terminal_text_print(FILE *to, const void *data, size_t bytes, unsigned flags) {
  terminal_text text;
  terminal_text_init(&text, flags);
  terminal_text_feed(&text, data, bytes, write_file, to);
  terminal_text_end(&text, write_file, to);
}

void terminal_text_puts(FILE *to, const char *text, unsigned flags) {
  terminal_text_print(to, text, strlen(text), flags);
}

size_t terminal_text_columns(const char *text) {
  size_t columns = 0, bytes = strlen(text);
  for (uint32_t c; bytes;) {
    size_t n = unicode_next(text, bytes, &c);
    columns += unicode_columns(c);
    text += n;
    bytes -= n;
  }
  return columns;
}

size_t terminal_text_fit(char *text, size_t columns) {
  size_t total = terminal_text_columns(text);
  if (total <= columns) return total;
  size_t used = 0, at = 0, all = strlen(text);
  if (columns == 0) {
    text[0] = 0;
    return 0;
  }
  for (uint32_t c;;) {
    size_t bytes = unicode_next(text + at, all - at, &c);
    if (used + unicode_columns(c) > columns - 1) break;
    used += unicode_columns(c);
    at += bytes;
  }
  /* The ellipsis takes three bytes; what is cut off may have had fewer. */
  if (all - at >= 3)
    memcpy(text + at, "\xE2\x80\xA6", 4);
  else
    memcpy(text + at, ".", 2);
  return used + 1;
}
