/* From the text of a pattern to a machine without loops that take nothing: a tree, then its states,
 * repetitions written out. */
#include "redact_pattern_internal.h"

#include <stdio.h>
#include <string.h>

#include "memory.h"

#define DEPTH_MAX 50u
#define NODES_MAX 8192u
#define REPEAT_MAX 1000u

typedef enum node_kind {
  NODE_EMPTY = 0,
  NODE_SET = 1,
  NODE_JOIN = 2,   /* a then b */
  NODE_EITHER = 3, /* a or b */
  NODE_REPEAT = 4, /* a, `least` to `most` times */
  NODE_ASSERT = 5
} node_kind;

typedef struct node {
  node_kind kind;
  uint32_t a, b;
  unsigned least, most; /* most: UINT32_MAX without a limit */
  pattern_op op;
  byte_set set;
} node;

typedef struct parser {
  const char *begin, *at;
  bool any_case;
  unsigned depth;
  node *nodes;
  uint32_t count;
  const char *wrong; /* the first mistake */
  const char *wrong_at;
} parser;

static uint32_t fail(parser *p, const char *why) {
  if (p->wrong == NULL) {
    p->wrong = why;
    p->wrong_at = p->at;
  }
  return 0;
}

static uint32_t add_node(parser *p, node_kind kind) {
  if (p->count == NODES_MAX) return fail(p, "it is too long");
  p->nodes[p->count] = (node){.kind = kind};
  return p->count++;
}

static uint32_t pair(parser *p, node_kind kind, uint32_t a, uint32_t b) {
  uint32_t n = add_node(p, kind);
  p->nodes[n].a = a;
  p->nodes[n].b = b;
  return n;
}

/* ---- sets of bytes ---- */

static void set_add(byte_set *set, unsigned from, unsigned to) {
  for (unsigned c = from; c <= to; c++) set->bits[c / 64] |= UINT64_C(1) << (c % 64);
}

static void set_join(byte_set *set, const byte_set *more) {
  for (unsigned i = 0; i < 4; i++) set->bits[i] |= more->bits[i];
}

static void set_fold(byte_set *set) {
  for (unsigned c = 'a'; c <= 'z'; c++) {
    bool either = set_has(set, (unsigned char)c) || set_has(set, (unsigned char)(c - 32));
    if (!either) continue;
    set_add(set, c, c);
    set_add(set, c - 32, c - 32);
  }
}

/* All of ASCII but the set and the newline. */
static void set_invert(byte_set *set) {
  for (unsigned i = 0; i < 2; i++) set->bits[i] = ~set->bits[i];
  set->bits[2] = set->bits[3] = 0;
  set->bits[0] &= ~(UINT64_C(1) << '\n');
}

static uint32_t set_node(parser *p, const byte_set *set) {
  uint32_t n = add_node(p, NODE_SET);
  p->nodes[n].set = *set;
  if (p->any_case) set_fold(&p->nodes[n].set);
  return n;
}

static uint32_t range_node(parser *p, unsigned from, unsigned to) {
  byte_set set = {{0}};
  set_add(&set, from, to);
  return set_node(p, &set);
}

/* A letter beyond ASCII: a leading byte and one to three more. */
static uint32_t wide_letter(parser *p) {
  uint32_t two = range_node(p, 0x80, 0xBF);
  uint32_t maybe = add_node(p, NODE_REPEAT);
  p->nodes[maybe] = (node){.kind = NODE_REPEAT, .a = two, .least = 1, .most = 3};
  return pair(p, NODE_JOIN, range_node(p, 0xC2, 0xF4), maybe);
}

/* What a negated set stands for: ASCII without it, and every letter beyond. */
static uint32_t inverted(parser *p, byte_set set) {
  if (p->any_case) set_fold(&set);
  set_invert(&set);
  uint32_t n = add_node(p, NODE_SET);
  p->nodes[n].set = set;
  return pair(p, NODE_EITHER, n, wide_letter(p));
}

/* \d \w \s and \D \W \S; false: another letter. */
static bool class_letter(char c, byte_set *set, bool *negated) {
  *negated = c == 'D' || c == 'W' || c == 'S';
  switch (c) {
    case 'd':
    case 'D':
      set_add(set, '0', '9');
      return true;
    case 'w':
    case 'W':
      set_add(set, '0', '9');
      set_add(set, 'a', 'z');
      set_add(set, 'A', 'Z');
      set_add(set, '_', '_');
      return true;
    case 's':
    case 'S':
      set_add(set, ' ', ' ');
      set_add(set, '\t', '\t');
      set_add(set, '\r', '\r');
      set_add(set, 0x0B, 0x0C);
      return true;
    default:
      return false;
  }
}

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte of an escape whose backslash has been read; -1: it is none (said). */
static int escaped_byte(parser *p) {
  char c = *p->at;
  if (c == '\0') return (int)fail(p, "a backslash at the end") - 1;
  p->at++;
  if (c == 't') return '\t';
  if (c == 'r') return '\r';
  if (c == 'f') return '\f';
  if (c == 'v') return '\v';
  if (c == 'e') return 0x1B;
  if (c == 'x') {
    int high = hex_value(p->at[0]), low = high >= 0 ? hex_value(p->at[1]) : -1;
    if (low < 0 || high > 7) return (int)fail(p, "\\x takes two hexadecimal digits, 00 to 7f") - 1;
    p->at += 2;
    return high * 16 + low;
  }
  bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  if (letter) {
    p->at--;
    fail(p, c == 'n'               ? "a match lies within one line: \\n is not possible"
            : c >= '1' && c <= '9' ? "references back are not possible"
                                   : "this escape is not known");
    return -1;
  }
  return (unsigned char)c;
}

/* "[:alpha:]" inside brackets; true: it was one. */
static bool named_class(parser *p, byte_set *set) {
  static const struct {
    const char *name;
    const char *ranges; /* pairs */
  } classes[] = {{"[:alpha:]", "azAZ"},   {"[:digit:]", "09"},         {"[:alnum:]", "azAZ09"},
                 {"[:upper:]", "AZ"},     {"[:lower:]", "az"},         {"[:xdigit:]", "09afAF"},
                 {"[:blank:]", "  \t\t"}, {"[:space:]", "  \t\t\r\r"}, {"[:punct:]", "!/:@[`{~"}};
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
    size_t n = strlen(classes[i].name);
    if (strncmp(p->at, classes[i].name, n) != 0) continue;
    p->at += n;
    for (const char *r = classes[i].ranges; *r != '\0'; r += 2)
      set_add(set, (unsigned char)r[0], (unsigned char)r[1]);
    return true;
  }
  return false;
}

/* One byte inside brackets; -1: a class was added to the set, or a mistake. */
static int bracket_byte(parser *p, byte_set *set) {
  if (*p->at == '[' && p->at[1] == ':') {
    if (!named_class(p, set)) fail(p, "this class is not known");
    return -1;
  }
  if (*p->at == '\\') {
    byte_set class = {{0}};
    bool negated;
    p->at++;
    if (class_letter(*p->at, &class, &negated)) {
      p->at++;
      if (negated) set_invert(&class);
      set_join(set, &class);
      return -1;
    }
    return escaped_byte(p);
  }
  if ((unsigned char)*p->at >= 0x80) {
    fail(p, "brackets hold ASCII letters only; use (a|b)");
    return -1;
  }
  return (unsigned char)*p->at++;
}

static uint32_t bracket(parser *p) {
  byte_set set = {{0}};
  bool negated = *p->at == '^', first = true;
  if (negated) p->at++;
  while (p->wrong == NULL && (*p->at != ']' || first)) {
    if (*p->at == '\0') return fail(p, "a [ without its ]");
    first = false;
    int from = bracket_byte(p, &set);
    if (from < 0) continue;
    int to = from;
    if (p->at[0] == '-' && p->at[1] != ']' && p->at[1] != '\0') {
      p->at++;
      to = bracket_byte(p, &set);
      if (to < from) return fail(p, "a range whose end lies before its beginning");
    }
    set_add(&set, (unsigned)from, (unsigned)to);
  }
  p->at++;
  set.bits[0] &= ~(UINT64_C(1) << '\n');
  return negated ? inverted(p, set) : set_node(p, &set);
}

/* ---- the grammar ---- */

static uint32_t either(parser *p);

static uint32_t assertion(parser *p, pattern_op op) {
  uint32_t n = add_node(p, NODE_ASSERT);
  p->nodes[n].op = op;
  return n;
}

static uint32_t group(parser *p) {
  if (p->at[0] == '?') {
    if (p->at[1] != ':') return fail(p, "only (?:…), and (?i) at the beginning, may begin with (?");
    p->at += 2;
  }
  if (++p->depth > DEPTH_MAX) return fail(p, "too many groups in one another");
  uint32_t n = either(p);
  p->depth--;
  if (*p->at != ')') return fail(p, "a ( without its )");
  p->at++;
  return n;
}

static uint32_t escape(parser *p) {
  byte_set set = {{0}};
  bool negated;
  if (*p->at == 'b' || *p->at == 'B')
    return assertion(p, *p->at++ == 'b' ? PATTERN_WORD_EDGE : PATTERN_NO_EDGE);
  if (class_letter(*p->at, &set, &negated)) {
    p->at++;
    return negated ? inverted(p, set) : set_node(p, &set);
  }
  int byte = escaped_byte(p);
  return byte < 0 ? 0 : range_node(p, (unsigned)byte, (unsigned)byte);
}

/* A letter as it is, with all its bytes. */
static uint32_t plain(parser *p) {
  unsigned char c = (unsigned char)*p->at++;
  uint32_t n = range_node(p, c, c);
  while (c >= 0xC0 && ((unsigned char)*p->at & 0xC0) == 0x80) {
    unsigned more = (unsigned char)*p->at++;
    n = pair(p, NODE_JOIN, n, range_node(p, more, more));
  }
  return n;
}

static uint32_t atom(parser *p) {
  char c = *p->at;
  if (strchr("*+?", c) != NULL) return fail(p, "nothing in front of it can be repeated");
  if (c == '{') return fail(p, "nothing in front of it can be repeated; \\{ is the letter");
  if (strchr("([.^$\\", c) == NULL) return plain(p);
  p->at++;
  switch (c) {
    case '(':
      return group(p);
    case '[':
      return bracket(p);
    case '.':
      return inverted(p, (byte_set){{0}});
    case '^':
      return assertion(p, PATTERN_LINE_BEGIN);
    case '$':
      return assertion(p, PATTERN_LINE_END);
    default:
      return escape(p);
  }
}

static unsigned number(parser *p) {
  unsigned n = 0;
  while (*p->at >= '0' && *p->at <= '9' && n <= REPEAT_MAX) n = n * 10 + (unsigned)(*p->at++ - '0');
  if (n > REPEAT_MAX) fail(p, "at most 1000 repetitions");
  return n;
}

static bool counts(parser *p, unsigned *least, unsigned *most) {
  switch (*p->at++) {
    case '*':
      *least = 0;
      *most = UINT32_MAX;
      return true;
    case '+':
      *least = 1;
      *most = UINT32_MAX;
      return true;
    case '?':
      *least = 0;
      *most = 1;
      return true;
    default:
      break;
  }
  if (*p->at < '0' || *p->at > '9') return fail(p, "{ takes numbers: {3}, {3,} or {3,5}") != 0;
  *least = *most = number(p);
  if (*p->at == ',') {
    p->at++;
    *most = *p->at == '}' ? UINT32_MAX : number(p);
  }
  if (*p->at != '}') return fail(p, "a { without its }") != 0;
  p->at++;
  if (*most < *least) return fail(p, "more at least than at most") != 0;
  return true;
}

static uint32_t repeated(parser *p) {
  uint32_t n = atom(p);
  while (p->wrong == NULL && *p->at != '\0' && strchr("*+?{", *p->at) != NULL) {
    unsigned least, most;
    if (!counts(p, &least, &most)) return 0;
    if (*p->at == '?') p->at++; /* "lazy": the same bytes match */
    uint32_t r = add_node(p, NODE_REPEAT);
    p->nodes[r] = (node){.kind = NODE_REPEAT, .a = n, .least = least, .most = most};
    n = r;
  }
  return n;
}

static uint32_t join(parser *p) {
  uint32_t n = add_node(p, NODE_EMPTY);
  while (p->wrong == NULL && *p->at != '\0' && *p->at != '|' && *p->at != ')')
    n = pair(p, NODE_JOIN, n, repeated(p));
  return n;
}

static uint32_t either(parser *p) {
  uint32_t n = join(p);
  while (p->wrong == NULL && *p->at == '|') {
    p->at++;
    n = pair(p, NODE_EITHER, n, join(p));
  }
  return n;
}

/* ---- states ---- */

static uint32_t put_state(patterns *all, pattern_state state) {
  if (all->count == PATTERN_STATES_MAX) {
    all->full = true;
    return 0;
  }
  all->states[all->count] = state;
  return all->count++;
}

static void write_node(patterns *all, const node *nodes, uint32_t at, unsigned depth);

static void write_repeat(patterns *all, const node *nodes, const node *n, unsigned depth) {
  for (unsigned i = 0; i < n->least && !all->full; i++) write_node(all, nodes, n->a, depth);
  if (n->most == UINT32_MAX) {
    uint32_t split = put_state(all, (pattern_state){.op = PATTERN_SPLIT});
    write_node(all, nodes, n->a, depth);
    put_state(all, (pattern_state){.op = PATTERN_JUMP, .a = split});
    all->states[split].a = split + 1;
    all->states[split].b = all->count;
    return;
  }
  for (unsigned i = n->least; i < n->most && !all->full; i++) {
    /* a?a?a?: each may be the last; what is left out leaves all that follow out. */
    uint32_t split = put_state(all, (pattern_state){.op = PATTERN_SPLIT});
    write_node(all, nodes, n->a, depth);
    all->states[split].a = split + 1;
    all->states[split].b = all->count;
  }
}

static void write_node(patterns *all, const node *nodes, uint32_t at, unsigned depth) {
  const node *n = &nodes[at];
  if (all->full) return;
  switch (n->kind) {
    case NODE_EMPTY:
      return;
    case NODE_SET:
      put_state(all, (pattern_state){.op = PATTERN_SET, .set = n->set});
      return;
    case NODE_ASSERT:
      put_state(all, (pattern_state){.op = n->op});
      return;
    case NODE_JOIN:
      write_node(all, nodes, n->a, depth + 1);
      write_node(all, nodes, n->b, depth + 1);
      return;
    case NODE_EITHER: {
      uint32_t split = put_state(all, (pattern_state){.op = PATTERN_SPLIT});
      write_node(all, nodes, n->a, depth + 1);
      uint32_t jump = put_state(all, (pattern_state){.op = PATTERN_JUMP});
      all->states[split].a = split + 1;
      all->states[split].b = all->count;
      write_node(all, nodes, n->b, depth + 1);
      all->states[jump].a = all->count;
      return;
    }
    case NODE_REPEAT:
      write_repeat(all, nodes, n, depth + 1);
      return;
  }
}

bool patterns_add(patterns *all, const char *text, char *error, size_t error_bytes) {
  parser p = {.begin = text, .at = text};
  if (all->starts_count == PATTERNS_MAX) {
    snprintf(error, error_bytes, "more than %u patterns", PATTERNS_MAX);
    return false;
  }
  if (strncmp(text, "(?i)", 4) == 0) {
    p.any_case = true;
    p.at += 4;
  }
  if (*p.at == '\0') {
    snprintf(error, error_bytes, "an empty pattern");
    return false;
  }
  p.nodes = memory_zero(NODES_MAX * sizeof *p.nodes);
  add_node(&p, NODE_EMPTY); /* 0: what mistakes return */
  uint32_t root = either(&p);
  if (p.wrong == NULL && *p.at == ')') fail(&p, "a ) without its (");
  uint32_t before = all->count;
  if (p.wrong == NULL) {
    write_node(all, p.nodes, root, 0);
    put_state(all, (pattern_state){.op = PATTERN_MATCH});
  }
  bool good = p.wrong == NULL && !all->full;
  if (good) {
    all->starts[all->starts_count++] = before;
  } else {
    snprintf(error, error_bytes, "at letter %u of %.100s: %s",
             (unsigned)((p.wrong != NULL ? p.wrong_at : p.at) - text + 1), text,
             p.wrong != NULL ? p.wrong : "all patterns together are too large");
    all->count = before;
    all->full = false;
  }
  free(p.nodes);
  return good;
}
