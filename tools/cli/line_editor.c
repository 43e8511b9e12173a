#include "line_editor.h"

#include <stdlib.h>
#include <string.h>

#include "terminal_text.h"

void line_editor_init(line_editor *e) { memset(e, 0, sizeof *e); }

void line_editor_free(line_editor *e) {
  for (size_t i = 0; i < e->history_count; i++) free(e->history[i]);
  e->history_count = 0;
}

/* ---- the text ---- */

static bool continuation(char c) { return ((uint8_t)c & 0xC0) == 0x80; }

static size_t before(const line_editor *e, size_t at) {
  if (at == 0) return 0;
  do at--;
  while (at > 0 && continuation(e->text[at]));
  return at;
}

static size_t after(const line_editor *e, size_t at) {
  if (at == e->bytes) return at;
  do at++;
  while (at < e->bytes && continuation(e->text[at]));
  return at;
}

static void erase(line_editor *e, size_t from, size_t to) {
  memmove(e->text + from, e->text + to, e->bytes - to);
  e->bytes -= to - from;
  e->cursor = from;
}

static void insert(line_editor *e, char c) {
  if (e->bytes + 1 >= LINE_BYTES_MAX) {
    e->full = true;
    return;
  }
  memmove(e->text + e->cursor + 1, e->text + e->cursor, e->bytes - e->cursor);
  e->text[e->cursor++] = c;
  e->bytes++;
}

static size_t word_before(const line_editor *e) {
  size_t at = e->cursor;
  while (at > 0 && e->text[at - 1] == ' ') at--;
  while (at > 0 && e->text[at - 1] != ' ') at--;
  return at;
}

/* ---- history ---- */

static void remember(line_editor *e) {
  if (e->bytes == 0) return;
  if (e->history_count && !strcmp(e->history[e->history_count - 1], e->text)) return;
  char *copy = strdup(e->text);
  if (!copy) return;
  if (e->history_count == LINE_HISTORY_MAX) {
    free(e->history[0]);
    memmove(e->history, e->history + 1, sizeof *e->history * --e->history_count);
  }
  e->history[e->history_count++] = copy;
}

static void recall(line_editor *e, int step) {
  size_t at = e->history_at;
  if (step < 0 ? at == 0 : at >= e->history_count) return;
  e->history_at = step < 0 ? at - 1 : at + 1;
  const char *text = e->history_at < e->history_count ? e->history[e->history_at] : "";
  e->bytes = strlen(text);
  memcpy(e->text, text, e->bytes);
  e->cursor = e->bytes;
}

/* ---- keys ---- */

static void finish(line_editor *e, line_key key,
                   void (*tell)(void *user, line_key key, const char *line), void *user) {
  e->text[e->bytes] = 0;
  if (key == LINE_ENTERED) remember(e);
  tell(user, key, e->text);
  e->bytes = e->cursor = 0;
  e->history_at = e->history_count;
  e->full = false;
}

static void take_control(line_editor *e, char c,
                         void (*tell)(void *user, line_key key, const char *line), void *user) {
  switch (c) {
    case '\r':
    case '\n':
      if (e->pasting)
        insert(e, '\n');
      else
        finish(e, LINE_ENTERED, tell, user);
      break;
    case 0x01:
      e->cursor = 0;
      break;
    case 0x02:
      e->cursor = before(e, e->cursor);
      break;
    case 0x03:
      finish(e, LINE_INTERRUPT, tell, user);
      break;
    case 0x04:
      if (e->bytes == 0)
        tell(user, LINE_END, "");
      else
        erase(e, e->cursor, after(e, e->cursor));
      break;
    case 0x05:
      e->cursor = e->bytes;
      break;
    case 0x06:
      e->cursor = after(e, e->cursor);
      break;
    case 0x08:
    case 0x7F:
      erase(e, before(e, e->cursor), e->cursor);
      break;
    case 0x0B:
      e->bytes = e->cursor;
      break;
    case 0x0C:
      tell(user, LINE_REDRAW, "");
      break;
    case 0x0E:
      recall(e, 1);
      break;
    case 0x10:
      recall(e, -1);
      break;
    case 0x15:
      erase(e, 0, e->cursor);
      break;
    case 0x17:
      erase(e, word_before(e), e->cursor);
      break;
    case 0x1A:
      tell(user, LINE_SUSPEND, "");
      break;
    case '\t':
      if (e->pasting) insert(e, c);
      break;
    default:
      break;
  }
}

static void take_sequence(line_editor *e) {
  const char *s = e->sequence;
  char final = s[e->sequence_bytes - 1];
  if (!strcmp(s, "[200~"))
    e->pasting = true;
  else if (!strcmp(s, "[201~"))
    e->pasting = false;
  else if (final == 'A')
    recall(e, -1);
  else if (final == 'B')
    recall(e, 1);
  else if (final == 'C')
    e->cursor = after(e, e->cursor);
  else if (final == 'D')
    e->cursor = before(e, e->cursor);
  else if (final == 'H' || !strcmp(s, "[1~"))
    e->cursor = 0;
  else if (final == 'F' || !strcmp(s, "[4~"))
    e->cursor = e->bytes;
  else if (!strcmp(s, "[3~"))
    erase(e, e->cursor, after(e, e->cursor));
}

/* True: the byte belonged to an escape sequence. sequence_bytes counts the escape itself too while
 * it is being collected: 1 is the escape alone. */
static bool take_escape(line_editor *e, char c) {
  if (e->sequence_bytes == 0) {
    if (c != 0x1B) return false;
    e->sequence_bytes = 1;
    return true;
  }
  size_t at = e->sequence_bytes - 1;
  if (at == 0 && c != '[' && c != 'O') {
    e->sequence_bytes = 0; /* a key with Alt: nothing here uses it */
    return true;
  }
  if (at < sizeof e->sequence - 1) e->sequence[at] = c;
  e->sequence_bytes++;
  if (at == 0 || c < 0x40 || c > 0x7E) return true;
  if (at < sizeof e->sequence - 1) {
    e->sequence[at + 1] = 0;
    e->sequence_bytes = at + 1;
    take_sequence(e);
  }
  e->sequence_bytes = 0;
  return true;
}

void line_editor_feed(line_editor *e, const char *data, size_t bytes,
                      void (*key)(void *user, line_key key, const char *line), void *user) {
  for (size_t i = 0; i < bytes; i++) {
    if (take_escape(e, data[i])) continue;
    if ((uint8_t)data[i] < 0x20 || data[i] == 0x7F)
      take_control(e, data[i], key, user);
    else
      insert(e, data[i]);
  }
}

/* ---- drawing ---- */

size_t line_editor_render(const line_editor *e, const char *prompt, size_t columns, char *out,
                          size_t capacity, size_t *column) {
  char left[LINE_BYTES_MAX * 3], right[512];
  char cut[256];
  size_t used = 0;
  if (columns < 8) columns = 8;
  terminal_text_copy(cut, sizeof cut, prompt, strlen(prompt), TERMINAL_TEXT_ONE_LINE);
  size_t prompt_columns = terminal_text_fit(cut, columns / 2);
  size_t room = columns - 1 - prompt_columns;
  /* Newlines of a paste are shown, so that the line stays one. */
  terminal_text_copy(left, sizeof left, e->text, e->cursor, TERMINAL_TEXT_ONE_LINE);
  size_t rest = e->bytes - e->cursor;
  terminal_text_copy(right, sizeof right, e->text + e->cursor, rest < 120 ? rest : 120,
                     TERMINAL_TEXT_ONE_LINE);
  const char *from = left;
  size_t width = terminal_text_columns(from);
  while (width > room && *from) { /* scroll: the cursor stays in sight */
    do from++;
    while (*from && continuation(*from));
    width = terminal_text_columns(from);
  }
  terminal_text_fit(right, room - width);
  *column = prompt_columns + width;
  const char *parts[] = {cut, from, right};
  for (size_t i = 0; i < 3; i++) {
    size_t part = strlen(parts[i]);
    if (used + part >= capacity) break;
    memcpy(out + used, parts[i], part);
    used += part;
  }
  out[used] = 0;
  return used;
}
