#include "terminal_text.h"

#include <string.h>

/* Longest escape sequence that is dropped; beyond it the text is shown again. */
#define SEQUENCE_BYTES_MAX 4096

enum { IN_TEXT = 0, AFTER_ESCAPE = 1, IN_CSI = 2, IN_STRING = 3, IN_STRING_ESCAPE = 4 };

#define REPLACEMENT 0xFFFDu

static size_t encode(uint32_t c, char out[4]) {
  if (c < 0x80) {
    out[0] = (char)c;
    return 1;
  }
  if (c < 0x800) {
    out[0] = (char)(0xC0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3F));
    return 2;
  }
  if (c < 0x10000) {
    out[0] = (char)(0xE0 | c >> 12);
    out[1] = (char)(0x80 | (c >> 6 & 0x3F));
    out[2] = (char)(0x80 | (c & 0x3F));
    return 3;
  }
  out[0] = (char)(0xF0 | c >> 18);
  out[1] = (char)(0x80 | (c >> 12 & 0x3F));
  out[2] = (char)(0x80 | (c >> 6 & 0x3F));
  out[3] = (char)(0x80 | (c & 0x3F));
  return 4;
}

/* Characters that change how others are shown, or are not shown at all: they can make one text
 * look like another. */
static bool deceives(uint32_t c) {
  return (c >= 0x80 && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x200B ||
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

static void emit(uint32_t c, terminal_text_write write, void *user) {
  char out[4];
  write(user, out, encode(c, out));
}

static void emit_break(const terminal_text *text, char c, terminal_text_write write, void *user) {
  char out = text->flags & TERMINAL_TEXT_ONE_LINE ? ' ' : c;
  write(user, &out, 1);
}

/* A character outside any escape sequence. */
static void take_plain(terminal_text *text, uint32_t c, terminal_text_write write, void *user) {
  if (text->return_seen) {
    text->return_seen = false;
    emit_break(text, '\n', write, user);
    if (c == '\n') return;
  }
  if (c == '\r') {
    text->return_seen = true;
  } else if (c == '\n' || c == '\t') {
    emit_break(text, (char)c, write, user);
  } else if (c == 0x2028 || c == 0x2029) {
    emit_break(text, '\n', write, user);
  } else if (c == 0x1B && text->flags & TERMINAL_TEXT_STRIP) {
    text->sequence = AFTER_ESCAPE;
    text->sequence_bytes = 0;
  } else if (c < 0x20) {
    if (!(text->flags & TERMINAL_TEXT_STRIP)) emit(0x2400 + c, write, user); /* control pictures */
  } else if (c == 0x7F) {
    if (!(text->flags & TERMINAL_TEXT_STRIP)) emit(0x2421, write, user);
  } else {
    emit(deceives(c) ? REPLACEMENT : c, write, user);
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

/* Bytes of the character that `first` begins; 0: none does. */
static size_t character_bytes(uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

/* `byte` may follow what is pending: excludes over-long forms, surrogates and too large ones. */
static bool continues(const uint8_t *pending, size_t bytes, uint8_t byte) {
  if ((byte & 0xC0) != 0x80) return false;
  if (bytes != 1) return true;
  switch (pending[0]) {
    case 0xE0:
      return byte >= 0xA0;
    case 0xED:
      return byte < 0xA0;
    case 0xF0:
      return byte >= 0x90;
    case 0xF4:
      return byte < 0x90;
    default:
      return true;
  }
}

static uint32_t decode(const uint8_t *b, size_t bytes) {
  switch (bytes) {
    case 1:
      return b[0];
    case 2:
      return (uint32_t)(b[0] & 0x1F) << 6 | (b[1] & 0x3F);
    case 3:
      return (uint32_t)(b[0] & 0x0F) << 12 | (uint32_t)(b[1] & 0x3F) << 6 | (b[2] & 0x3F);
    default:
      return (uint32_t)(b[0] & 0x07) << 18 | (uint32_t)(b[1] & 0x3F) << 12 |
             (uint32_t)(b[2] & 0x3F) << 6 | (b[3] & 0x3F);
  }
}

void terminal_text_feed(terminal_text *text, const void *data, size_t bytes,
                        terminal_text_write write, void *user) {
  const uint8_t *at = data;
  for (size_t i = 0; i < bytes; i++) {
    if (text->pending_bytes && !continues(text->pending, text->pending_bytes, at[i])) {
      text->pending_bytes = 0;
      take(text, REPLACEMENT, write, user);
    }
    if (!text->pending_bytes && !character_bytes(at[i])) {
      take(text, REPLACEMENT, write, user);
      continue;
    }
    text->pending[text->pending_bytes++] = at[i];
    if (text->pending_bytes == character_bytes(text->pending[0])) {
      uint32_t c = decode(text->pending, text->pending_bytes);
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

/* Enough of Unicode's widths for lists and prompts; a wrong guess costs an alignment. */
static size_t width(uint32_t c) {
  if (c < 0x20 || (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) ||
      (c >= 0xFE00 && c <= 0xFE0F) || (c >= 0x20D0 && c <= 0x20FF))
    return 0;
  if ((c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0x303E) ||
      (c >= 0x3041 && c <= 0xA4CF) || (c >= 0xAC00 && c <= 0xD7A3) ||
      (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFE30 && c <= 0xFE6F) ||
      (c >= 0xFF00 && c <= 0xFF60) || (c >= 0xFFE0 && c <= 0xFFE6) ||
      (c >= 0x1F300 && c <= 0x1F64F) || (c >= 0x1F680 && c <= 0x1F6FF) ||
      (c >= 0x1F900 && c <= 0x1FAFF) || (c >= 0x20000 && c <= 0x3FFFD))
    return 2;
  return 1;
}

static size_t next_character(const char *text, uint32_t *c) {
  size_t bytes = character_bytes((uint8_t)text[0]);
  if (!bytes || strnlen(text, bytes) < bytes) {
    *c = REPLACEMENT;
    return 1;
  }
  *c = decode((const uint8_t *)text, bytes);
  return bytes;
}

size_t terminal_text_columns(const char *text) {
  size_t columns = 0;
  for (uint32_t c; *text;) {
    text += next_character(text, &c);
    columns += width(c);
  }
  return columns;
}

size_t terminal_text_fit(char *text, size_t columns) {
  size_t total = terminal_text_columns(text);
  if (total <= columns) return total;
  size_t used = 0, at = 0;
  if (columns == 0) {
    text[0] = 0;
    return 0;
  }
  for (uint32_t c;;) {
    size_t bytes = next_character(text + at, &c);
    if (used + width(c) > columns - 1) break;
    used += width(c);
    at += bytes;
  }
  /* The ellipsis takes three bytes; what is cut off may have had fewer. */
  if (strlen(text + at) >= 3)
    memcpy(text + at, "\xE2\x80\xA6", 4);
  else
    memcpy(text + at, ".", 2);
  return used + 1;
}
