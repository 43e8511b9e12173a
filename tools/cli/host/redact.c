#include "redact.h"

#include <ctype.h>
#include <regex.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory.h"

/* Longest piece of a stream that is held back for a word that may become a secret. */
#define HELD_BYTES_MAX 4096u
#define PATTERNS_MAX 64u

struct redactor {
  bool defaults;
  regex_t patterns[PATTERNS_MAX];
  size_t count;
};

redactor *redactor_create(bool defaults, const char *const *patterns, size_t count, char *error,
                          size_t error_bytes) {
  redactor *r = memory_zero(sizeof *r);
  r->defaults = defaults;
  for (size_t i = 0; i < count && i < PATTERNS_MAX; i++) {
    int bad = regcomp(&r->patterns[r->count], patterns[i], REG_EXTENDED);
    if (bad != 0) {
      char why[128];
      regerror(bad, NULL, why, sizeof why);
      snprintf(error, error_bytes, "redact = %s: %s", patterns[i], why);
      redactor_destroy(r);
      return NULL;
    }
    r->count++;
  }
  return r;
}

void redactor_destroy(redactor *r) {
  if (r == NULL) return;
  for (size_t i = 0; i < r->count; i++) regfree(&r->patterns[i]);
  free(r);
}

/* ---- shapes ---- */

typedef bool (*letter_test)(char c);
static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_' || c == '-'; }
static bool is_token(char c) {
  return is_word(c) || c == '.' || c == '+' || c == '/' || c == '=' || c == '~';
}
static bool is_upper(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

/* A secret is its prefix and then at least `least` letters of its alphabet. */
typedef struct shape {
  const char *prefix;
  size_t least;
  letter_test letter;
  const char *kind;
  size_t keep; /* bytes of the prefix that are shown */
} shape;

static const shape shapes[] = {
    {"ghp_", 30, is_word, "GitHub token", 0},     {"gho_", 30, is_word, "GitHub token", 0},
    {"ghu_", 30, is_word, "GitHub token", 0},     {"ghs_", 30, is_word, "GitHub token", 0},
    {"ghr_", 30, is_word, "GitHub token", 0},     {"github_pat_", 40, is_word, "GitHub token", 0},
    {"glpat-", 20, is_word, "GitLab token", 0},   {"sk-ant-", 20, is_word, "API key", 0},
    {"sk-", 20, is_word, "API key", 0},           {"sk_live_", 16, is_word, "API key", 0},
    {"rk_live_", 16, is_word, "API key", 0},      {"AIza", 35, is_word, "API key", 0},
    {"AKIA", 16, is_upper, "AWS key", 0},         {"ASIA", 16, is_upper, "AWS key", 0},
    {"xoxb-", 20, is_word, "Slack token", 0},     {"xoxp-", 20, is_word, "Slack token", 0},
    {"xoxa-", 20, is_word, "Slack token", 0},     {"xoxr-", 20, is_word, "Slack token", 0},
    {"xoxs-", 20, is_word, "Slack token", 0},     {"npm_", 30, is_word, "npm token", 0},
    {"pypi-", 40, is_word, "PyPI token", 0},      {"hf_", 30, is_word, "API key", 0},
    {"ya29.", 30, is_token, "OAuth token", 0},    {"dop_v1_", 40, is_word, "API key", 0},
    {"SG.", 50, is_token, "API key", 0},          {"Bearer ", 20, is_token, "bearer token", 7},
    {"bearer ", 20, is_token, "bearer token", 7},
};

static bool starts(const char *text, size_t bytes, const char *with) {
  size_t n = strlen(with);
  return bytes >= n && memcmp(text, with, n) == 0;
}

/* "eyJ….eyJ….signature" */
static size_t web_token(const char *text, size_t bytes) {
  if (!starts(text, bytes, "eyJ")) return 0;
  size_t n = 0, dots = 0;
  while (n < bytes && (is_word(text[n]) || text[n] == '.')) dots += text[n++] == '.';
  return dots == 2 && n > 40 ? n : 0;
}

/* "-----BEGIN … PRIVATE KEY-----" up to its END line; 0: none begins here. *open: no end yet. */
static size_t key_block(const char *text, size_t bytes, bool *open) {
  static const char begin[] = "-----BEGIN ", end[] = "-----END ", key[] = "PRIVATE KEY";
  *open = false;
  if (!starts(text, bytes, begin)) return 0;
  size_t head = bytes < 100 ? bytes : 100;
  if (memmem(text, head, key, sizeof key - 1) == NULL) return 0;
  const char *stop = memmem(text, bytes, end, sizeof end - 1);
  const char *close = stop != NULL
                          ? memmem(stop + sizeof end - 1,
                                   bytes - (size_t)(stop - text) - (sizeof end - 1), "-----", 5)
                          : NULL;
  *open = close == NULL;
  return close != NULL ? (size_t)(close - text) + 5 : bytes;
}

/* A secret that begins at text[at]: its length, or 0. */
static size_t secret_at(const char *text, size_t bytes, size_t at, const char **kind, size_t *keep,
                        bool *open) {
  const char *here = text + at;
  size_t left = bytes - at;
  *keep = 0;
  *open = false;
  size_t n = key_block(here, left, open);
  *kind = "private key";
  if (n > 0) return n;
  if (at > 0 && is_word(text[at - 1])) return 0; /* inside a word */
  n = web_token(here, left);
  *kind = "web token";
  if (n > 0) return n;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    const shape *s = &shapes[i];
    if (here[0] != s->prefix[0] || !starts(here, left, s->prefix)) continue;
    size_t prefix = strlen(s->prefix);
    n = prefix;
    while (n < left && s->letter(here[n])) n++;
    if (n - prefix < s->least) continue;
    *kind = s->kind;
    *keep = s->keep;
    return n;
  }
  return 0;
}

/* ---- whole texts ---- */

typedef struct buffer {
  char *data;
  size_t bytes, room;
} buffer;

static void put(buffer *b, const char *data, size_t bytes) {
  if (b->bytes + bytes + 1 > b->room) {
    b->room = (b->bytes + bytes + 1) * 2;
    b->data = memory_grow(b->data, b->room);
  }
  memcpy(b->data + b->bytes, data, bytes);
  b->bytes += bytes;
  b->data[b->bytes] = '\0';
}

static void put_mark(buffer *b, const char *kind) {
  char mark[64];
  put(b, mark, (size_t)snprintf(mark, sizeof mark, "[redacted: %s]", kind));
}

/* First letters of all shapes, so that most bytes are passed quickly. */
static bool may_begin(char c) { return strchr("gsrAxnphydSBbe-", c) != NULL && c != '\0'; }

static bool redact_shapes(const char *text, size_t bytes, buffer *out) {
  bool found = false;
  size_t copied = 0;
  for (size_t i = 0; i < bytes; i++) {
    const char *kind;
    size_t keep;
    bool open;
    if (!may_begin(text[i])) continue;
    size_t n = secret_at(text, bytes, i, &kind, &keep, &open);
    if (n == 0) continue;
    found = true;
    put(out, text + copied, i + keep - copied);
    put_mark(out, kind);
    copied = i + n;
    i = copied - 1;
  }
  if (found) put(out, text + copied, bytes - copied);
  return found;
}

static bool redact_pattern(const regex_t *pattern, const char *text, size_t bytes, buffer *out) {
  bool found = false;
  size_t at = 0;
  while (at < bytes) {
    regmatch_t match = {.rm_so = (regoff_t)at, .rm_eo = (regoff_t)bytes};
    if (regexec(pattern, text, 1, &match, REG_STARTEND) != 0) break;
    if (match.rm_eo == match.rm_so) break; /* a pattern that matches nothing */
    put(out, text + at, (size_t)match.rm_so - at);
    put_mark(out, "configured pattern");
    at = (size_t)match.rm_eo;
    found = true;
  }
  if (found) put(out, text + at, bytes - at);
  return found;
}

char *redact_text(const redactor *r, const char *text, size_t bytes, size_t *out_bytes) {
  buffer now = {0};
  if (r == NULL) return NULL;
  if (r->defaults && redact_shapes(text, bytes, &now)) {
    text = now.data;
    bytes = now.bytes;
  }
  for (size_t i = 0; i < r->count; i++) {
    buffer next = {0};
    if (!redact_pattern(&r->patterns[i], text, bytes, &next)) continue;
    free(now.data);
    now = next;
    text = now.data;
    bytes = now.bytes;
  }
  *out_bytes = now.bytes;
  return now.data;
}

/* ---- streams ---- */

static void hold(redact_stream *s, const char *data, size_t bytes) {
  if (s->bytes + bytes + 1 > s->room) {
    s->room = (s->bytes + bytes + 1) * 2;
    s->held = memory_grow(s->held, s->room);
  }
  memcpy(s->held + s->bytes, data, bytes);
  s->bytes += bytes;
  s->held[s->bytes] = '\0';
}

/* How much of what is held is decided: up to the end of the last line, or, when a line is long,
 * of the last word. ("Bearer " holds a blank: the word behind it decides.) */
static size_t decided(const redact_stream *s) {
  const char *newline = memrchr(s->held, '\n', s->bytes);
  if (newline != NULL) return (size_t)(newline - s->held) + 1;
  size_t n = s->bytes;
  while (n > 0 && !isspace((unsigned char)s->held[n - 1])) n--;
  if (n >= 7 && strncasecmp(s->held + n - 7, "bearer ", 7) == 0) n -= 7;
  /* "-----BEGIN RSA PRIVATE KEY-----" has blanks too. */
  const char *dashes = n > 0 ? memmem(s->held, n, "-----BEGIN", 10) : NULL;
  if (dashes != NULL) n = (size_t)(dashes - s->held);
  return s->bytes - n > HELD_BYTES_MAX ? s->bytes : n;
}

/* A key block that is still open at the end of text[0..bytes): where it begins, or `bytes`. */
static size_t open_key(const char *text, size_t bytes) {
  const char *at = text;
  size_t left = bytes;
  while ((at = memmem(at, left, "-----BEGIN ", 11)) != NULL) {
    bool open;
    size_t n = key_block(at, bytes - (size_t)(at - text), &open);
    if (n > 0 && open) return (size_t)(at - text);
    at += n > 0 ? n : 11;
    left = bytes - (size_t)(at - text);
  }
  return bytes;
}

void redact_stream_feed(redact_stream *s, const redactor *r, const char *data, size_t bytes,
                        bool end, char **out, size_t *out_bytes) {
  static const char gone[] = "[redacted: private key]\n";
  static char nothing[1];
  *out = nothing;
  *out_bytes = 0;
  hold(s, data, bytes);
  buffer go = {0};
  if (s->in_key) {
    const char *stop = memmem(s->held, s->bytes, "-----END ", 9);
    const char *line =
        stop != NULL ? memchr(stop, '\n', s->bytes - (size_t)(stop - s->held)) : NULL;
    if (line == NULL && !end) {
      /* Nothing of the block is kept but what may be the beginning of its last line. */
      if (stop == NULL && s->bytes > 128) {
        memmove(s->held, s->held + s->bytes - 128, 128);
        s->bytes = 128;
      }
      return;
    }
    size_t drop = line != NULL ? (size_t)(line - s->held) + 1 : s->bytes;
    memmove(s->held, s->held + drop, s->bytes - drop);
    s->bytes -= drop;
    s->in_key = false;
    put(&go, gone, sizeof gone - 1);
  }
  size_t n = end || r == NULL ? s->bytes : decided(s);
  if (r != NULL && r->defaults && !end) {
    size_t key = open_key(s->held, n);
    if (key < n) {
      s->in_key = true;
      n = key;
    }
  }
  size_t clean_bytes;
  char *clean = redact_text(r, s->held, n, &clean_bytes);
  if (clean != NULL) {
    s->redacted = true;
    put(&go, clean, clean_bytes);
    free(clean);
  } else {
    put(&go, s->held != NULL ? s->held : "", n);
  }
  if (s->in_key) s->redacted = true;
  /* What went out is kept behind what is held, so that the caller need not free it. */
  memmove(s->held, s->held + n, s->bytes - n);
  s->bytes -= n;
  if (s->bytes + go.bytes + 1 > s->room) {
    s->room = s->bytes + go.bytes + 1;
    s->held = memory_grow(s->held, s->room);
  }
  memcpy(s->held + s->bytes, go.data, go.bytes);
  *out = s->held + s->bytes;
  *out_bytes = go.bytes;
  free(go.data);
}

void redact_stream_free(redact_stream *s) {
  free(s->held);
  memset(s, 0, sizeof *s);
}
