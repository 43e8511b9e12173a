#include "keys.h"

#include <stdlib.h>
#include <string.h>

void keys_init(keys *k) { memset(k, 0, sizeof *k); }

static void tell_name(key_name name, keys_tell tell, void *user) {
  key_press told = {.name = name};
  tell(user, &told);
}

static void tell_letter(key_name name, char letter, keys_tell tell, void *user) {
  key_press told = {.name = name, .letter = letter};
  tell(user, &told);
}

/* ---- text ---- */

static void tell_text(keys *k, keys_tell tell, void *user) {
  if (k->text_bytes == 0) return;
  key_press told = {
      .name = k->pasting ? KEY_PASTE : KEY_TEXT, .text = k->text, .bytes = k->text_bytes};
  k->text_bytes = 0;
  tell(user, &told);
}

static void add_text(keys *k, const void *bytes, size_t count, keys_tell tell, void *user) {
  if (k->text_bytes + count > sizeof k->text) tell_text(k, tell, user);
  memcpy(k->text + k->text_bytes, bytes, count);
  k->text_bytes += count;
}

static size_t character_bytes(uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return 2;
  if (first >= 0xE0 && first <= 0xEF) return 3;
  if (first >= 0xF0 && first <= 0xF4) return 4;
  return 0;
}

/* Over-long forms, surrogates and too large ones are no characters. */
static bool continues(const uint8_t *pending, size_t bytes, uint8_t byte) {
  if ((byte & 0xC0) != 0x80) return false;
  if (bytes != 1) return true;
  if (pending[0] == 0xE0) return byte >= 0xA0;
  if (pending[0] == 0xED) return byte < 0xA0;
  if (pending[0] == 0xF0) return byte >= 0x90;
  if (pending[0] == 0xF4) return byte < 0x90;
  return true;
}

/* Control characters of 8 bits are not text. */
static bool printable(const uint8_t *c, size_t bytes) {
  return !(bytes == 2 && c[0] == 0xC2 && c[1] < 0xA0);
}

static void take_text(keys *k, uint8_t byte, keys_tell tell, void *user) {
  if (k->pending_bytes > 0 && !continues(k->pending, k->pending_bytes, byte)) k->pending_bytes = 0;
  if (k->pending_bytes == 0 && character_bytes(byte) == 0) return;
  k->pending[k->pending_bytes++] = byte;
  if (k->pending_bytes < character_bytes(k->pending[0])) return;
  if (printable(k->pending, k->pending_bytes))
    add_text(k, k->pending, k->pending_bytes, tell, user);
  k->pending_bytes = 0;
}

/* ---- control characters ---- */

static void take_control(keys *k, uint8_t byte, keys_tell tell, void *user) {
  k->pending_bytes = 0;
  if (k->pasting) {
    bool again = k->return_seen && byte == '\n';
    k->return_seen = byte == '\r';
    if (again) return;
    if (byte == '\r' || byte == '\n') add_text(k, "\n", 1, tell, user);
    if (byte == '\t') add_text(k, "\t", 1, tell, user);
    return;
  }
  tell_text(k, tell, user);
  switch (byte) {
    case '\r':
      tell_name(KEY_ENTER, tell, user);
      break;
    case '\n':
      tell_name(KEY_NEWLINE, tell, user);
      break;
    case '\t':
      tell_name(KEY_TAB, tell, user);
      break;
    case 0x08:
    case 0x7F:
      tell_name(KEY_BACKSPACE, tell, user);
      break;
    case 0x1C:
      tell_letter(KEY_CONTROL, '\\', tell, user);
      break;
    case 0x1F:
      tell_letter(KEY_CONTROL, '_', tell, user);
      break;
    default:
      if (byte >= 1 && byte <= 26) tell_letter(KEY_CONTROL, (char)('a' + byte - 1), tell, user);
      break;
  }
}

/* ---- escape sequences ---- */

/* Enter with a modifier, as terminals say it that tell modifiers of every key. */
static key_name modified_enter(unsigned modifier) { return modifier > 1 ? KEY_NEWLINE : KEY_ENTER; }

/* Arrow keys move by words with Ctrl or Alt. */
static key_name arrow(char final, unsigned modifier) {
  bool word = modifier == 3 || modifier == 5 || modifier == 7;
  switch (final) {
    case 'A':
      return KEY_UP;
    case 'B':
      return KEY_DOWN;
    case 'C':
      return word ? KEY_WORD_RIGHT : KEY_RIGHT;
    case 'D':
      return word ? KEY_WORD_LEFT : KEY_LEFT;
    case 'H':
      return KEY_HOME;
    case 'F':
      return KEY_END;
    case 'Z':
      return KEY_BACK_TAB;
    default:
      return 0;
  }
}

static key_name numbered(unsigned number, unsigned modifier) {
  switch (number) {
    case 1:
    case 7:
      return KEY_HOME;
    case 3:
      return modifier == 5 || modifier == 3 ? KEY_KILL_WORD_RIGHT : KEY_DELETE;
    case 4:
    case 8:
      return KEY_END;
    case 5:
      return KEY_PAGE_UP;
    case 6:
      return KEY_PAGE_DOWN;
    default:
      return 0;
  }
}

/* A key that a terminal tells by its character and modifier (CSI 13;2u, CSI 27;2;13~). */
static void tell_coded(unsigned code, unsigned modifier, keys_tell tell, void *user) {
  bool control = modifier > 0 && ((modifier - 1) & 4);
  if (code == 13)
    tell_name(modified_enter(modifier), tell, user);
  else if (code == 27)
    tell_name(KEY_ESCAPE, tell, user);
  else if (code == 9)
    tell_name(modifier == 2 ? KEY_BACK_TAB : KEY_TAB, tell, user);
  else if (code == 127)
    tell_name(modifier > 1 ? KEY_KILL_WORD_LEFT : KEY_BACKSPACE, tell, user);
  else if (control && code >= 'a' && code <= 'z')
    tell_letter(KEY_CONTROL, (char)code, tell, user);
}

static void take_csi(const char *parameters, char final, keys_tell tell, void *user) {
  unsigned number[3] = {0};
  size_t count = 0;
  for (const char *at = parameters; *at != '\0' && count < 3; count++) {
    char *end;
    unsigned long n = strtoul(at, &end, 10);
    number[count] = n < 100000 ? (unsigned)n : 0;
    at = end;
    while (*at != '\0' && *at != ';') at++;
    if (*at == ';') at++;
  }
  key_name name = 0;
  if (final == '~' && number[0] == 27)
    tell_coded(number[2], number[1], tell, user);
  else if (final == 'u')
    tell_coded(number[0], number[1], tell, user);
  else if (final == '~')
    name = numbered(number[0], number[1]);
  else
    name = arrow(final, number[1]);
  if (name != 0) tell_name(name, tell, user);
}

static void end_sequence(keys *k, keys_tell tell, void *user) {
  size_t bytes = k->sequence_bytes;
  char final = (char)k->sequence[bytes - 1];
  char parameters[KEYS_SEQUENCE_BYTES_MAX];
  bool drop = k->too_long;
  k->sequence_bytes = 0;
  k->too_long = false;
  if (drop || bytes < 3) return;
  memcpy(parameters, k->sequence + 2, bytes - 3);
  parameters[bytes - 3] = '\0';
  if (k->sequence[1] == '[' && final == '~' && strcmp(parameters, "200") == 0) {
    k->pasting = true;
    k->return_seen = false;
  } else if (k->sequence[1] == '[' && final == '~' && strcmp(parameters, "201") == 0) {
    k->pasting = false;
  } else {
    take_csi(parameters, final, tell, user);
  }
}

/* A key with Alt. */
static void take_alt(uint8_t byte, keys_tell tell, void *user) {
  if (byte == '\r' || byte == '\n')
    tell_name(KEY_NEWLINE, tell, user);
  else if (byte == 0x7F || byte == 0x08)
    tell_name(KEY_KILL_WORD_LEFT, tell, user);
  else if (byte == 'b')
    tell_name(KEY_WORD_LEFT, tell, user);
  else if (byte == 'f')
    tell_name(KEY_WORD_RIGHT, tell, user);
  else if (byte == 'd')
    tell_name(KEY_KILL_WORD_RIGHT, tell, user);
  else if (byte > 0x20 && byte < 0x7F)
    tell_letter(KEY_ALT, (char)byte, tell, user);
}

/* In a paste only its end mark is a sequence; an escape in the text itself is dropped. */
static const char paste_end[] = "\x1b[201~";

static void take_paste_escape(keys *k, uint8_t byte, keys_tell tell, void *user) {
  size_t at = k->sequence_bytes;
  if (byte == (uint8_t)paste_end[at]) {
    k->sequence[k->sequence_bytes++] = byte;
    if (k->sequence_bytes < sizeof paste_end - 1) return;
    k->sequence_bytes = 0;
    tell_text(k, tell, user);
    k->pasting = false;
    tell_name(KEY_PASTE_END, tell, user);
    return;
  }
  k->sequence_bytes = 0;
  add_text(k, paste_end + 1, at - 1, tell, user);
  if (byte == 0x1B) {
    k->sequence[0] = byte;
    k->sequence_bytes = 1;
  } else if (byte < 0x20 || byte == 0x7F) {
    take_control(k, byte, tell, user);
  } else {
    take_text(k, byte, tell, user);
  }
}

static void take_escape(keys *k, uint8_t byte, keys_tell tell, void *user) {
  if (k->pasting) {
    take_paste_escape(k, byte, tell, user);
    return;
  }
  if (k->sequence_bytes == 1 && byte != '[' && byte != 'O') {
    k->sequence_bytes = byte == 0x1B ? 1 : 0;
    if (byte == 0x1B)
      tell_name(KEY_ESCAPE, tell, user);
    else
      take_alt(byte, tell, user);
    return;
  }
  /* A control character ends a broken sequence and counts for itself. */
  if (k->sequence_bytes > 1 && (byte < 0x20 || byte >= 0x7F)) {
    k->sequence_bytes = 0;
    k->too_long = false;
    if (byte == 0x1B)
      k->sequence[k->sequence_bytes++] = byte;
    else if (byte < 0x20)
      take_control(k, byte, tell, user);
    return;
  }
  if (k->sequence_bytes < sizeof k->sequence)
    k->sequence[k->sequence_bytes++] = byte;
  else
    k->too_long = true;
  bool final = k->sequence_bytes > 2 && byte >= 0x40;
  if (final) {
    if (k->too_long) k->sequence_bytes = sizeof k->sequence;
    end_sequence(k, tell, user);
  }
}

void keys_feed(keys *k, const char *data, size_t bytes, keys_tell tell, void *user) {
  for (size_t i = 0; i < bytes; i++) {
    uint8_t byte = (uint8_t)data[i];
    if (k->sequence_bytes > 0) {
      take_escape(k, byte, tell, user);
    } else if (byte == 0x1B) {
      if (!k->pasting) tell_text(k, tell, user);
      k->pending_bytes = 0;
      k->sequence[0] = byte;
      k->sequence_bytes = 1;
    } else if (byte < 0x20 || byte == 0x7F) {
      take_control(k, byte, tell, user);
    } else {
      k->return_seen = false;
      take_text(k, byte, tell, user);
    }
  }
  tell_text(k, tell, user);
}

bool keys_waiting(const keys *k) { return k->sequence_bytes > 0 && !k->pasting; }

void keys_flush(keys *k, keys_tell tell, void *user) {
  bool alone = k->sequence_bytes == 1;
  if (k->sequence_bytes == 0 || k->pasting) return;
  k->sequence_bytes = 0;
  k->too_long = false;
  if (alone) tell_name(KEY_ESCAPE, tell, user);
}
