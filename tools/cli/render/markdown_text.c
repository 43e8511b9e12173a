#include "markdown_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "unicode_text.h"

/* Where in a line. */
enum {
  AT_START = 0, /* what it is is not known yet: lead */
  IN_TEXT = 1,
  IN_RAW = 2 /* no marks in here: code, a fence's line, a table */
};

#define DEPTH_MAX 4 /* of styles in styles */

void markdown_init(markdown_text *m, unsigned base, bool marks, bool words) {
  *m =
      (markdown_text){.base = (uint8_t)base, .line = (uint8_t)base, .marks = marks, .words = words};
}

/* ---- inside a line ---- */

typedef struct span {
  markdown_text *m;
  wrap_text *out;
  unsigned depth;
} span;

static void put(const span *s, unsigned style, const char *text, size_t bytes) {
  if (bytes == 0) return;
  wrap_put(s->out, style, text, bytes);
  size_t at = bytes - 1;
  while (at && ((unsigned char)text[at] & 0xC0) == 0x80) at--;
  unicode_next(text + at, bytes - at, &s->m->before);
}

static bool is_space(uint32_t c) { return c == 0 || c == ' ' || c == '\t' || c == 0xA0; }
static bool is_word(uint32_t c) { return c >= 0x80 || isalnum((int)c); }

static size_t run(const char *text, size_t bytes, char c) {
  size_t n = 0;
  while (n < bytes && text[n] == c) n++;
  return n;
}

static void take_all(const span *s, unsigned style, const char *text, size_t bytes);

/* What a mark at the beginning of `text` makes of it. */
typedef enum reading { READ_MORE, READ_PLAIN, READ_DONE } reading;

static reading read_code(const span *s, unsigned style, const char *text, size_t bytes, bool over,
                         size_t *taken) {
  size_t ticks = run(text, bytes, '`');
  if (ticks == bytes && !over) return READ_MORE;
  *taken = ticks;
  for (size_t at = ticks; at < bytes;) {
    size_t found = run(text + at, bytes - at, '`');
    if (at + found == bytes && found && !over) return READ_MORE;
    if (found == ticks) {
      size_t cut = s->m->marks ? ticks : 0;
      put(s, style | STYLE_CYAN, text + ticks - cut, at - ticks + 2 * cut);
      *taken = at + found;
      return READ_DONE;
    }
    at += found ? found : 1;
  }
  return over ? READ_PLAIN : READ_MORE;
}

/* The character before `at`. */
static uint32_t character_before(const char *text, size_t at) {
  uint32_t c;
  size_t begin = at - 1;
  while (begin && ((unsigned char)text[begin] & 0xC0) == 0x80) begin--;
  unicode_next(text + begin, at - begin, &c);
  return c;
}

/* A run of `marks` that ends emphasis. MORE: what follows it is not known yet. */
static reading find_end(const char *text, size_t bytes, size_t marks, bool tight, bool over,
                        size_t *end) {
  char mark = text[0];
  for (size_t at = marks; at < bytes;) {
    size_t found = run(text + at, bytes - at, mark);
    if (text[at] == '\\') {
      at += 2;
      continue;
    }
    if (at + found == bytes && found && !over) return READ_MORE;
    if (found == marks && at > marks && !is_space(character_before(text, at))) {
      uint32_t after = 0;
      if (at + found < bytes) unicode_next(text + at + found, bytes - at - found, &after);
      if (!tight || !is_word(after)) {
        *end = at;
        return READ_DONE;
      }
    }
    at += found ? found : 1;
  }
  return over ? READ_PLAIN : READ_MORE;
}

static reading read_emphasis(const span *s, unsigned style, const char *text, size_t bytes,
                             bool over, size_t *taken) {
  static const unsigned styles[] = {0, STYLE_ITALIC, STYLE_BOLD, STYLE_BOLD | STYLE_ITALIC};
  size_t marks = run(text, bytes, text[0]), end = 0;
  uint32_t after = 0;
  if (marks == bytes && !over) return READ_MORE;
  *taken = marks;
  if (marks < bytes) unicode_next(text + marks, bytes - marks, &after);
  /* "2 * 3", "a*b", "snake_case": no emphasis. */
  bool tight = marks == 1 || text[0] == '_';
  if (marks > 3 || is_space(after) || s->depth == DEPTH_MAX || (tight && is_word(s->m->before)))
    return READ_PLAIN;
  reading found = find_end(text, bytes, marks, tight, over, &end);
  if (found != READ_DONE) return found;
  span inner = {s->m, s->out, s->depth + 1};
  if (s->m->marks) put(s, style, text, marks);
  s->m->before = 0;
  take_all(&inner, style | styles[marks], text + marks, end - marks);
  if (s->m->marks) put(s, style, text + end, marks);
  *taken = end + marks;
  return READ_DONE;
}

static reading read_link(const span *s, unsigned style, const char *text, size_t bytes, bool over,
                         size_t *taken) {
  reading unknown = over ? READ_PLAIN : READ_MORE;
  *taken = 1;
  const char *close = memchr(text, ']', bytes);
  if (!close) return unknown;
  size_t label = (size_t)(close - text) - 1, at = label + 2;
  if (at == bytes) return unknown;
  if (text[at] != '(' || label == 0 || s->depth == DEPTH_MAX) return READ_PLAIN;
  const char *end = memchr(text + at, ')', bytes - at);
  const char *space = memchr(text + at, ' ', bytes - at);
  if (space && (!end || space < end)) return READ_PLAIN;
  if (!end) return unknown;
  size_t url = (size_t)(end - text) - at - 1;
  *taken = (size_t)(end - text) + 1;
  if (s->m->marks) {
    put(s, style, text, *taken);
    return READ_DONE;
  }
  span inner = {s->m, s->out, s->depth + 1};
  s->m->before = 0;
  take_all(&inner, style | STYLE_UNDERLINE, text + 1, label);
  if (url && (url != label || memcmp(text + 1, text + at + 1, url))) {
    put(s, style, " ", 1);
    put(s, style | STYLE_DIM, text + at, url + 2);
  }
  return READ_DONE;
}

/* Takes something from the beginning of `text`; 0: more must be known. */
static size_t take_some(const span *s, unsigned style, const char *text, size_t bytes, bool over) {
  size_t taken = 1;
  reading found = READ_PLAIN;
  if (text[0] == '`') {
    found = read_code(s, style, text, bytes, over, &taken);
  } else if (text[0] == '*' || text[0] == '_') {
    found = read_emphasis(s, style, text, bytes, over, &taken);
  } else if (text[0] == '[') {
    found = read_link(s, style, text, bytes, over, &taken);
  } else if (text[0] == '\\') {
    if (bytes == 1 && !over) return 0;
    if (bytes > 1 && ispunct((unsigned char)text[1])) taken = 2;
  } else {
    while (taken < bytes && !strchr("`*_[\\", text[taken])) taken++;
  }
  if (found == READ_MORE) return 0;
  if (found == READ_PLAIN) put(s, style, text, taken);
  return taken;
}

/* A text that is whole. */
static void take_all(const span *s, unsigned style, const char *text, size_t bytes) {
  while (bytes) {
    size_t taken = take_some(s, style, text, bytes, true);
    text += taken;
    bytes -= taken;
  }
}

/* Takes what can be taken of what is held. */
static void take_held(markdown_text *m, wrap_text *out, bool over) {
  span s = {m, out, 0};
  while (m->held_bytes) {
    bool full = over || m->held_bytes + 4 > sizeof m->held; /* room for one more character */
    size_t taken = take_some(&s, m->line, m->held, m->held_bytes, full);
    if (taken == 0) return;
    m->held_bytes -= taken;
    memmove(m->held, m->held + taken, m->held_bytes);
  }
}

/* ---- the beginning of a line ---- */

typedef struct line_kind {
  enum { LINE_UNKNOWN, LINE_TEXT, LINE_HEADING, LINE_ITEM, LINE_QUOTE, LINE_FENCE, LINE_RAW } kind;
  size_t mark; /* bytes of the lead up to the text */
  unsigned level;
} line_kind;

/* "## ": level and where the text begins. */
static line_kind read_heading(const char *text, size_t at, size_t bytes) {
  size_t level = run(text + at, bytes - at, '#');
  if (level > 6) return (line_kind){LINE_TEXT, 0, 0};
  if (at + level == bytes) return (line_kind){LINE_UNKNOWN, 0, 0};
  if (text[at + level] != ' ') return (line_kind){LINE_TEXT, 0, 0};
  return (line_kind){LINE_HEADING, at + level + 1, (unsigned)level};
}

/* "- ", "* ", "+ ", "12. ", "3) ". "**bold" is no item. */
static line_kind read_item(const char *text, size_t at, size_t bytes) {
  size_t mark = at;
  if (isdigit((unsigned char)text[at])) {
    while (mark < bytes && isdigit((unsigned char)text[mark])) mark++;
    if (mark - at > 9) return (line_kind){LINE_TEXT, 0, 0};
    if (mark == bytes) return (line_kind){LINE_UNKNOWN, 0, 0};
    if (text[mark] != '.' && text[mark] != ')') return (line_kind){LINE_TEXT, 0, 0};
  }
  mark++;
  if (mark == bytes) return (line_kind){LINE_UNKNOWN, 0, 0};
  if (text[mark] != ' ') return (line_kind){LINE_TEXT, 0, 0};
  return (line_kind){LINE_ITEM, mark + 1, 0};
}

/* A line inside fenced code: only its end is of interest. It may be indented, as in lists. */
static line_kind read_code_line(const markdown_text *m, const char *text, size_t bytes, bool over) {
  size_t at = run(text, bytes, ' ');
  size_t fences = run(text + at, bytes - at, m->fence);
  if (at + fences == bytes && !over) return (line_kind){LINE_UNKNOWN, 0, 0};
  size_t rest = run(text + at + fences, bytes - at - fences, ' ');
  if (fences < m->fences || at + fences + rest < bytes) return (line_kind){LINE_RAW, 0, 0};
  return (line_kind){over ? LINE_FENCE : LINE_UNKNOWN, 0, 0};
}

static line_kind read_line(const markdown_text *m, bool over) {
  const char *text = m->lead;
  size_t bytes = m->lead_bytes, at;
  over = over || bytes + 4 > sizeof m->lead;
  line_kind kind = {LINE_TEXT, 0, 0};
  if (m->fence) {
    kind = read_code_line(m, text, bytes, over);
    return kind.kind == LINE_UNKNOWN && over ? (line_kind){LINE_RAW, 0, 0} : kind;
  }
  at = run(text, bytes, ' ');
  if (at == bytes) return (line_kind){over ? LINE_TEXT : LINE_UNKNOWN, 0, 0};
  size_t same = run(text + at, bytes - at, text[at]);
  switch (text[at]) {
    case '#':
      kind = read_heading(text, at, bytes);
      break;
    case '`':
    case '~':
      if (same >= 3)
        kind.kind = at + same == bytes && !over ? LINE_UNKNOWN : LINE_FENCE;
      else
        kind.kind = at + same == bytes ? LINE_UNKNOWN : LINE_TEXT;
      break;
    case '>':
      kind = (line_kind){LINE_QUOTE, at + 1, 0};
      break;
    case '|':
      kind.kind = LINE_RAW;
      break;
    case '-':
    case '*':
    case '_':
      if (same >= 3 && at + same == bytes) /* a rule, if nothing else follows */
        kind.kind = over ? LINE_RAW : LINE_UNKNOWN;
      else if (text[at] != '_' && same == 1)
        kind = read_item(text, at, bytes);
      else if (at + same == bytes)
        kind.kind = LINE_UNKNOWN;
      break;
    case '+':
      kind = read_item(text, at, bytes);
      break;
    default:
      if (isdigit((unsigned char)text[at])) kind = read_item(text, at, bytes);
      break;
  }
  if (kind.kind == LINE_UNKNOWN && over) kind = (line_kind){LINE_TEXT, 0, 0};
  return kind;
}

static void put_words(wrap_text *out, unsigned style, const char *words) {
  wrap_put(out, style, words, strlen(words));
}

static void begin_heading(markdown_text *m, wrap_text *out, const line_kind *kind) {
  char words[32];
  m->place = IN_TEXT;
  m->line = (uint8_t)(m->base | STYLE_BOLD | (kind->level == 1 ? STYLE_UNDERLINE : 0));
  if (m->words) {
    snprintf(words, sizeof words, "Heading %u: ", kind->level);
    put_words(out, m->line, words);
  } else if (m->marks) {
    wrap_put(out, m->line, m->lead, kind->mark);
  }
}

static void begin_fence(markdown_text *m, wrap_text *out) {
  size_t at = run(m->lead, m->lead_bytes, ' ');
  bool ends = m->fence != 0;
  m->place = IN_RAW;
  m->line = (uint8_t)(m->base | STYLE_DIM);
  if (!ends) {
    m->fence = m->lead[at];
    m->fences = (uint8_t)run(m->lead + at, m->lead_bytes - at, m->fence);
  } else {
    m->fence = 0;
  }
  if (m->words)
    put_words(out, m->line, ends ? "End of code." : "Code: ");
  else
    wrap_put(out, m->line, m->lead, m->lead_bytes);
  m->lead_bytes = 0;
}

/* Gives what is behind the mark to the rest of the line. */
static void rest_of_lead(markdown_text *m, wrap_text *out, size_t mark) {
  char rest[sizeof m->lead];
  size_t bytes = m->lead_bytes - mark;
  memcpy(rest, m->lead + mark, bytes);
  m->lead_bytes = 0;
  if (bytes) markdown_put(m, out, rest, bytes);
}

static void begin_line(markdown_text *m, wrap_text *out, const line_kind *kind) {
  m->before = 0;
  m->line = m->base;
  m->place = IN_TEXT;
  out->hard = out->free_run = false;
  switch (kind->kind) {
    case LINE_HEADING:
      begin_heading(m, out, kind);
      break;
    case LINE_FENCE:
      out->free_run = out->hard = true;
      begin_fence(m, out);
      return;
    case LINE_ITEM:
    case LINE_QUOTE:
      if (kind->kind == LINE_QUOTE) m->line |= STYLE_DIM;
      wrap_put(out, m->line, m->lead, kind->mark);
      wrap_hang(out, (unsigned)kind->mark + (kind->kind == LINE_QUOTE));
      break;
    case LINE_RAW:
      m->place = IN_RAW;
      out->hard = true;
      out->free_run = m->fence != 0;
      break;
    default:
      wrap_hang(out, (unsigned)run(m->lead, m->lead_bytes, ' '));
      break;
  }
  rest_of_lead(m, out, kind->mark);
}

static void end_of_line(markdown_text *m, wrap_text *out) {
  if (m->place == AT_START) {
    line_kind kind = read_line(m, true);
    begin_line(m, out, &kind);
  }
  take_held(m, out, true);
  wrap_put(out, m->base, "\n", 1);
  m->place = AT_START;
  out->hard = out->free_run = false;
}

void markdown_put(markdown_text *m, wrap_text *out, const char *text, size_t bytes) {
  while (bytes) {
    uint32_t c;
    size_t n = unicode_next(text, bytes, &c);
    if (c == '\n') {
      end_of_line(m, out);
    } else if (m->place == AT_START) {
      memcpy(m->lead + m->lead_bytes, text, n);
      m->lead_bytes += n;
      line_kind kind = read_line(m, false);
      if (kind.kind != LINE_UNKNOWN) begin_line(m, out, &kind);
    } else if (m->place == IN_RAW) {
      out->hard = true;
      out->free_run = m->fence != 0 || m->line != m->base;
      wrap_put(out, m->line, text, n);
    } else {
      memcpy(m->held + m->held_bytes, text, n);
      m->held_bytes += n;
      take_held(m, out, false);
    }
    text += n;
    bytes -= n;
  }
}

void markdown_flush(markdown_text *m, wrap_text *out) {
  if (m->place == AT_START && m->lead_bytes) {
    line_kind kind = read_line(m, true);
    begin_line(m, out, &kind);
  }
  take_held(m, out, true);
  wrap_flush(out);
}
