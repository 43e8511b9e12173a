/* What is a secret because of the name in front of it: password = …, "api_key": "…", --token …,
 * Authorization: … The value must look like one, or every declaration in source code would go. */
#include "redact_shapes_internal.h"

#include <string.h>
#include <strings.h>

#define NAME_BYTES_MAX 64u
#define VALUE_BYTES_MAX 512u
#define VALUE_BYTES_LEAST 4u
#define BLANKS_MAX 8u

/* ---- names ---- */

typedef enum name_class {
  NAME_NONE = 0,
  NAME_PASSWORD = 1,
  NAME_KEY = 2,
  NAME_TOKEN = 3,         /* counts and types have such names too: numbers stay */
  NAME_PHRASE = 4,        /* may hold blanks */
  NAME_AUTHORIZATION = 5, /* "SCHEME credentials" */
  NAME_COOKIE = 6
} name_class;

typedef struct name_end {
  const char *end; /* lower case, without _ - . */
  name_class class;
  const char *kind;
} name_end;

/* What the name ends with; exceptions first. */
static const name_end name_ends[] = {
    {"nexttoken", NAME_NONE, NULL},
    {"pagetoken", NAME_NONE, NULL},
    {"continuationtoken", NAME_NONE, NULL},
    {"cancellationtoken", NAME_NONE, NULL},
    {"eostoken", NAME_NONE, NULL},
    {"bostoken", NAME_NONE, NULL},
    {"padtoken", NAME_NONE, NULL},
    {"unktoken", NAME_NONE, NULL},
    {"septoken", NAME_NONE, NULL},
    {"clstoken", NAME_NONE, NULL},
    {"masktoken", NAME_NONE, NULL},
    {"stoptoken", NAME_NONE, NULL},
    {"synctoken", NAME_NONE, NULL},
    {"proxyauthorization", NAME_AUTHORIZATION, "credentials"},
    {"authorization", NAME_AUTHORIZATION, "credentials"},
    {"setcookie", NAME_COOKIE, "cookie"},
    {"cookie", NAME_COOKIE, "cookie"},
    {"password", NAME_PASSWORD, "password"},
    {"passwd", NAME_PASSWORD, "password"},
    {"passwort", NAME_PASSWORD, "password"},
    {"pwd", NAME_PASSWORD, "password"},
    {"passphrase", NAME_PHRASE, "password"},
    {"apikey", NAME_KEY, "key"},
    {"accesskey", NAME_KEY, "key"},
    {"secretkey", NAME_KEY, "key"},
    {"privatekey", NAME_KEY, "key"},
    {"authkey", NAME_KEY, "key"},
    {"signingkey", NAME_KEY, "key"},
    {"encryptionkey", NAME_KEY, "key"},
    {"masterkey", NAME_KEY, "key"},
    {"accountkey", NAME_KEY, "key"},
    {"secret", NAME_KEY, "secret"},
    {"token", NAME_TOKEN, "token"},
    {"credential", NAME_TOKEN, "credentials"},
    {"credentials", NAME_TOKEN, "credentials"},
};

bool shape_named_kind(const char *text, size_t bytes) {
  for (size_t i = 0; i < sizeof name_ends / sizeof *name_ends; i++) {
    const char *kind = name_ends[i].kind;
    if (kind != NULL && strlen(kind) == bytes && memcmp(kind, text, bytes) == 0) return true;
  }
  return false;
}

static bool is_name(char c) { return shape_is_alnum(c) || c == '_' || c == '-' || c == '.'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool ends_with(const char *text, size_t bytes, const char *end) {
  size_t n = strlen(end);
  return bytes >= n && memcmp(text + bytes - n, end, n) == 0;
}

/* "pass" ends many words: it counts as a word of its own ("DB_PASS", "dbPass", "pass"). */
static bool is_pass(const char *name, size_t bytes) {
  if (bytes < 4 || strncasecmp(name + bytes - 4, "pass", 4) != 0) return false;
  if (bytes == 4) return true;
  char before = name[bytes - 5], first = name[bytes - 4];
  return before == '_' || before == '-' || before == '.' ||
         (first == 'P' && before >= 'a' && before <= 'z');
}

static const name_end *classify(const char *name, size_t bytes) {
  static const name_end pass = {"pass", NAME_PASSWORD, "password"};
  char plain[NAME_BYTES_MAX];
  size_t n = 0;
  if (bytes > NAME_BYTES_MAX) {
    name += bytes - NAME_BYTES_MAX;
    bytes = NAME_BYTES_MAX;
  }
  for (size_t i = 0; i < bytes; i++)
    if (shape_is_alnum(name[i])) plain[n++] = lower(name[i]);
  if (n < 3) return NULL;
  for (size_t i = 0; i < sizeof name_ends / sizeof *name_ends; i++)
    if (ends_with(plain, n, name_ends[i].end))
      return name_ends[i].class != NAME_NONE ? &name_ends[i] : NULL;
  return is_pass(name, bytes) ? &pass : NULL;
}

/* ---- values ---- */

static bool is_word_of(const char *value, size_t bytes, const char *const *words) {
  for (; *words != NULL; words++)
    if (strlen(*words) == bytes && strncasecmp(*words, value, bytes) == 0) return true;
  return false;
}

bool shape_placeholder(const char *t, size_t n) {
  static const char *const words[] = {
      "none",     "null",   "true",    "false",    "undefined", "string", "required",  "optional",
      "default",  "passwd", "secret",  "password", "token",     "value",  "example",   "hidden",
      "redacted", "masked", "changed", "unset",    "empty",     "apikey", "yourtoken", "unknown",
      "user",     "pass",   "nil",     "text",     "bearer",    "basic",  NULL};
  if (n == 0) return true;
  if (memmem(t, n, "[redacted:", 10) != NULL) return true;
  if (is_word_of(t, n, words)) return true;
  char first = t[0], last = t[n - 1];
  char second = n > 1 ? t[1] : '\0';
  bool letter = shape_is_alnum(second) || second == '_';
  if (first == '$' && (letter || second == '{' || second == '(')) return true;
  if (first == '%' && ((letter && last == '%') || second == '(' || n <= 3)) return true;
  if (first == '<' && last == '>') return true;
  /* "{token}" and "Bearer {token}": templates. */
  const char *brace = memchr(t, '{', n);
  if (brace != NULL && memchr(brace, '}', n - (size_t)(brace - t)) != NULL) return true;
  if ((first == '@' || first == '#') && second == '{') return true;
  /* "****", "....", "xxxxxx", "•••" (any one letter over and over) */
  size_t same = 1;
  while (same < n && (t[same] == first || (unsigned char)t[same] >= 0x80)) same++;
  if (same == n && (first == '*' || first == '.' || first == 'x' || first == 'X' || first == '-' ||
                    first == '_' || (unsigned char)first >= 0x80))
    return true;
  return (n > 5 && strncasecmp(t, "your", 4) == 0 && strchr("_- ", t[4]) != NULL);
}

typedef struct letters {
  size_t digits, letters, capitals, marks, blanks, slashes;
  bool code; /* ( [ or :: or -> */
} letters;

static letters count_letters(const char *t, size_t n) {
  letters l = {0};
  for (size_t i = 0; i < n; i++) {
    char c = t[i];
    if (c >= 'A' && c <= 'Z') l.capitals++;
    if (shape_is_digit(c))
      l.digits++;
    else if (shape_is_alnum(c) || (unsigned char)c >= 0x80)
      l.letters++;
    else if (c == ' ' || c == '\t')
      l.blanks++;
    else if (c == '/')
      l.slashes++;
    else if (strchr("!@#$%^+=~?*&", c) != NULL)
      l.marks++;
    if (c == '(' || c == '[') l.code = true;
    if (i + 1 < n && ((c == ':' && t[i + 1] == ':') || (c == '-' && t[i + 1] == '>')))
      l.code = true;
  }
  return l;
}

/* /run/secrets/db, ./token, https://example.com/token: where a secret is, not what it is. */
static bool is_place(const char *t, size_t n, const letters *l) {
  if (n > 8 && (strncasecmp(t, "https://", 8) == 0 || strncasecmp(t, "http://", 7) == 0))
    return memchr(t, '@', n) == NULL && memchr(t, '?', n) == NULL;
  if (t[0] == '~' && n > 1 && t[1] == '/') return true;
  if (t[0] == '.' && n > 1 && (t[1] == '/' || t[1] == '.')) return true;
  return t[0] == '/' && l->slashes >= 2 && l->marks == 0 && n != 40;
}

/* uint32, sha256, base64 … */
static bool is_type(const char *t, size_t n) {
  static const char *const stems[] = {"uint", "int",  "u",   "i",    "f",  "float", "sha",
                                      "sha-", "base", "utf", "utf-", "md", "es",    NULL};
  size_t digits = 0;
  while (digits < n && shape_is_digit(t[n - 1 - digits])) digits++;
  return digits > 0 && is_word_of(t, n - digits, stems);
}

/* How a value is written: a member of JSON has no other name, a text may be anything. */
typedef enum written { BARE = 0, SHELL_LINE = 1, QUOTED = 2, JSON_MEMBER = 3 } written;
#define JSON_BLANKS_MAX 3u /* more of them: a sentence */

static bool plausible(const name_end *name, const char *t, size_t n, written how) {
  if (n < VALUE_BYTES_LEAST || shape_placeholder(t, n)) return false;
  letters l = count_letters(t, n);
  if (l.letters == 0 && l.digits == 0) return false;
  if (is_place(t, n, &l)) return false;
  if (name->class == NAME_TOKEN && l.digits == n) return false;
  if (l.blanks > (how == JSON_MEMBER ? JSON_BLANKS_MAX : 0) && name->class != NAME_PHRASE)
    return false;
  if (how != BARE) return true;
  /* Bare words are code more often than secrets. */
  if (l.code || is_type(t, n)) return false;
  return (l.digits > 0 && (l.letters > 0 || n >= 6)) || (l.marks > 0 && n >= 6);
}

const char *shape_named(const char *name, size_t name_bytes, const char *value, size_t bytes) {
  const name_end *found = classify(name, name_bytes);
  if (found == NULL) return NULL;
  if (found->class == NAME_COOKIE)
    return bytes >= 8 && memchr(value, '=', bytes) != NULL && !shape_placeholder(value, bytes)
               ? found->kind
               : NULL;
  if (found->class == NAME_AUTHORIZATION) {
    /* "Bearer TOKEN" is looked at as a text, where the scheme stays. */
    if (bytes < 8 || shape_placeholder(value, bytes) || memchr(value, ' ', bytes) != NULL)
      return NULL;
    return found->kind;
  }
  return plausible(found, value, bytes, JSON_MEMBER) ? found->kind : NULL;
}

const char *shape_asked(const char *text) {
  while (*text != '\0') {
    size_t n = 0;
    while (is_name(text[n])) n++;
    const name_end *name = n >= 3 ? classify(text, n) : NULL;
    if (name != NULL) return name->kind;
    text += n > 0 ? n : 1;
  }
  return NULL;
}

bool shape_ends_value(char c) {
  return (unsigned char)c <= ' ' || c == 0x7f || strchr("\"'`,;)}]<>&|", c) != NULL;
}

int shape_closes(const shape_view *v, size_t at, char quote, bool escaped, size_t *past) {
  char c = v->text[at];
  *past = 0;
  if (c == '\n') return 1; /* no text of one line: what follows is looked at again */
  if (c == '\\') {
    if (shape_out(v, at + 1)) return -1;
    if (at + 1 >= v->bytes) return 0;
    if (escaped) return v->text[at + 1] == quote;
    *past = v->text[at + 1] != '\n' ? 1 : 0;
    return 0;
  }
  return c == quote;
}

/* ---- reading backwards: the name ---- */

typedef struct named {
  const name_end *name;
  size_t begin;
  bool quoted, blanks;
  bool shell; /* NAME at the beginning of a line, as in .env files */
} name_found;

static bool is_shell_name(const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; i++)
    if ((text[i] < 'A' || text[i] > 'Z') && !shape_is_digit(text[i]) && text[i] != '_')
      return false;
  return true;
}

/* Behind "export ", or only a diff's sign and blanks stand in front of it on its line. */
static bool begins_line(const shape_view *v, size_t at, size_t least) {
  while (at > least && v->text[at - 1] == ' ') at--;
  if (at >= least + 6 && memcmp(v->text + at - 6, "export", 6) == 0) return true;
  while (at > least && strchr(" +-", v->text[at - 1]) != NULL) at--;
  return at == 0 || (at > least && v->text[at - 1] == '\n');
}

static bool name_before(const shape_view *v, size_t at, name_found *out) {
  const char *t = v->text;
  size_t least = at > SHAPE_CONTEXT_BYTES ? at - SHAPE_CONTEXT_BYTES : 0, j = at;
  memset(out, 0, sizeof *out);
  while (j > least && at - j < BLANKS_MAX && (t[j - 1] == ' ' || t[j - 1] == '\t')) j--;
  out->blanks = j != at;
  bool bracket = j > least && t[j - 1] == ']';
  if (bracket) j--;
  if (j > least && strchr("\"'`", t[j - 1]) != NULL) {
    out->quoted = true;
    j--;
    while (j > least && t[j - 1] == '\\') j--;
  } else if (bracket) {
    return false;
  }
  size_t end = j;
  while (j > least && is_name(t[j - 1])) j--;
  if (end - j < 3) return false;
  out->begin = j;
  out->name = classify(t + j, end - j);
  if (out->name == NULL) return false;
  out->shell = !out->quoted && !out->blanks && t[at] == '=' && is_shell_name(t + j, end - j) &&
               begins_line(v, j, least);
  return true;
}

/* ---- reading forwards: the value ---- */

static void found_value(shape_found *out, const name_end *name, size_t keep, size_t secret) {
  out->kind = name->kind;
  out->keep = keep;
  out->secret = secret;
}

/* "SCHEME credentials" or "credentials", behind an opening quote or none. */
static shape_verdict authorization(const shape_view *v, size_t at, size_t from,
                                   const name_end *name, shape_found *out) {
  const char *t = v->text;
  size_t n = from, word;
  while (n < v->bytes && n - from < 20 && shape_is_alnum(t[n])) n++;
  if (n - from < 20 && shape_out(v, n)) return SHAPE_MORE;
  word = n;
  if (n > from && n < v->bytes && t[n] == ' ') {
    while (n < v->bytes && t[n] == ' ' && n - word < BLANKS_MAX) n++;
    if (shape_out(v, n)) return SHAPE_MORE;
    from = n;
  } else {
    n = from;
  }
  while (n < v->bytes && n - from < VALUE_BYTES_MAX && !shape_ends_value(t[n])) n++;
  if (n - from < VALUE_BYTES_MAX && shape_out(v, n)) return SHAPE_MORE;
  if (n - from < 8 || shape_placeholder(t + from, n - from)) return SHAPE_NO;
  letters l = count_letters(t + from, n - from);
  bool mixed = l.capitals > 0 && l.capitals < l.letters;
  if (l.code || (l.digits + l.marks == 0 && !mixed)) return SHAPE_NO;
  found_value(out, name, from - at, n - from);
  if (n - from == VALUE_BYTES_MAX) out->rest.kind = SHAPE_REST_VALUE;
  return SHAPE_YES;
}

static shape_verdict cookie(const shape_view *v, size_t at, size_t from, const name_end *name,
                            shape_found *out) {
  size_t n = from;
  while (n < v->bytes && n - from < VALUE_BYTES_MAX && v->text[n] != '\n' && v->text[n] != '"' &&
         v->text[n] != '\'')
    n++;
  if (n - from < VALUE_BYTES_MAX && shape_out(v, n)) return SHAPE_MORE;
  if (n - from < 8 || memchr(v->text + from, '=', n - from) == NULL ||
      shape_placeholder(v->text + from, n - from))
    return SHAPE_NO;
  found_value(out, name, from - at, n - from);
  if (n - from == VALUE_BYTES_MAX) out->rest.kind = SHAPE_REST_LINE;
  return SHAPE_YES;
}

static shape_verdict quoted_value(const shape_view *v, size_t at, size_t from, char quote,
                                  bool escaped, const name_end *name, shape_found *out) {
  size_t n = from, past;
  int closes = 0;
  while (n < v->bytes && n - from < VALUE_BYTES_MAX) {
    closes = shape_closes(v, n, quote, escaped, &past);
    if (closes != 0) break;
    n += 1 + past;
  }
  bool long_one = n - from >= VALUE_BYTES_MAX;
  if (!long_one && (closes < 0 || (closes == 0 && shape_out(v, n)))) return SHAPE_MORE;
  if (n > v->bytes) n = v->bytes;
  if (!long_one && closes > 0 && v->text[n] == '\n') return SHAPE_NO;
  if (!plausible(name, v->text + from, n - from, QUOTED)) return SHAPE_NO;
  found_value(out, name, from - at, n - from);
  if (long_one) {
    out->rest.kind = SHAPE_REST_QUOTE;
    out->rest.quote = quote;
    out->rest.escaped = escaped;
  }
  return SHAPE_YES;
}

static bool is_quote(char c) { return c == '"' || c == '\'' || c == '`'; }

static shape_verdict bare_value(const shape_view *v, size_t at, size_t from, bool line,
                                const name_end *name, shape_found *out) {
  const char *t = v->text;
  size_t n = from;
  for (; n < v->bytes && n - from < VALUE_BYTES_MAX; n++) {
    bool ends = line ? (unsigned char)t[n] <= ' ' || is_quote(t[n]) : shape_ends_value(t[n]);
    if (ends) break;
    /* "\n" and "\"" of a text that is written inside another */
    if (t[n] == '\\') {
      if (shape_out(v, n + 1)) return SHAPE_MORE;
      if (n + 1 < v->bytes && strchr("nrt\"'", t[n + 1]) != NULL) break;
    }
  }
  if (n - from < VALUE_BYTES_MAX && shape_out(v, n)) return SHAPE_MORE;
  if (!plausible(name, t + from, n - from, line ? SHELL_LINE : BARE)) return SHAPE_NO;
  found_value(out, name, from - at, n - from);
  if (n - from == VALUE_BYTES_MAX) out->rest.kind = SHAPE_REST_VALUE;
  return SHAPE_YES;
}

/* The value at `from`: its quotes, then what is between them. */
static shape_verdict value_at(const shape_view *v, size_t at, size_t from, const name_found *named,
                              bool bare, shape_found *out) {
  const char *t = v->text;
  size_t i = from;
  bool escaped = false;
  if (shape_out(v, i + 3)) {
    /* A prefix, a backslash and a quote are at most three letters. */
    size_t ready = i;
    while (ready < v->bytes && !shape_ends_value(t[ready])) ready++;
    if (ready >= v->bytes || is_quote(t[ready])) return SHAPE_MORE;
  }
  if (i + 1 < v->bytes && strchr("bBrRuUfF@", t[i]) != NULL && is_quote(t[i + 1])) i++;
  size_t slashes = i;
  while (slashes < v->bytes && t[slashes] == '\\' && slashes - i < 2) slashes++;
  if (slashes > i && slashes < v->bytes && is_quote(t[slashes])) {
    escaped = true;
    i = slashes;
  }
  if (i >= v->bytes) return SHAPE_NO;
  char quote = is_quote(t[i]) ? t[i] : '\0';
  if (quote != '\0') i++;
  if (i < v->bytes) { /* what is known by itself is called by its own name */
    shape_verdict itself = shape_by_itself(v, i, out);
    if (itself != SHAPE_NO) return itself == SHAPE_YES ? SHAPE_NO : SHAPE_MORE;
  } else if (shape_out(v, i)) {
    return SHAPE_MORE;
  }
  name_class class = named->name->class;
  if (class == NAME_AUTHORIZATION) return authorization(v, at, i, named->name, out);
  if (class == NAME_COOKIE) return t[at] == ':' ? cookie(v, at, i, named->name, out) : SHAPE_NO;
  if (quote != '\0') return quoted_value(v, at, i, quote, escaped, named->name, out);
  return bare ? bare_value(v, at, i, named->shell, named->name, out) : SHAPE_NO;
}

shape_verdict shape_assignment(const shape_view *v, size_t at, shape_found *out) {
  const char *t = v->text;
  name_found named;
  if (!name_before(v, at, &named)) return SHAPE_NO;
  if (shape_out(v, at + 1)) return SHAPE_MORE;
  if (at + 1 >= v->bytes) return SHAPE_NO;
  char next = t[at + 1];
  bool colon = t[at] == ':';
  size_t from = at + 1;
  if (colon && (next == ':' || next == '/')) return SHAPE_NO;
  if (!colon && next == '~') return SHAPE_NO;
  bool compared = !colon && next == '=';
  if (next == '=' || (!colon && next == '>')) from++; /* := == => */
  size_t blanks = from;
  while (from < v->bytes && from - blanks < BLANKS_MAX && (t[from] == ' ' || t[from] == '\t'))
    from++;
  if (shape_out(v, from)) return SHAPE_MORE;
  if (from >= v->bytes || t[from] == '\n' || t[from] == '\r') return SHAPE_NO;
  if (from != blanks) named.shell = false;
  shape_verdict verdict = value_at(v, at, from, &named, !compared, out);
  /* if (token == "root") */
  if (verdict == SHAPE_YES && compared &&
      count_letters(t + at + out->keep, out->secret).digits == 0)
    return SHAPE_NO;
  return verdict;
}

/* "-u user:password", as curl has it. */
static shape_verdict user_password(const shape_view *v, size_t at, shape_found *out) {
  static const name_end name = {"", NAME_PASSWORD, "password"};
  const char *t = v->text;
  size_t n = at + 1;
  if (n < v->bytes && is_quote(t[n])) n++;
  size_t from = n;
  if (shape_out(v, from)) return SHAPE_MORE;
  if (from >= v->bytes) return SHAPE_NO;
  shape_verdict itself = shape_by_itself(v, from, out); /* a token in place of the user */
  if (itself != SHAPE_NO) return itself == SHAPE_YES ? SHAPE_NO : SHAPE_MORE;
  while (n < v->bytes && n - from < 64 && t[n] != ':' && !shape_ends_value(t[n])) n++;
  if (n - from < 64 && shape_out(v, n)) return SHAPE_MORE;
  if (n == from || n >= v->bytes || t[n] != ':') return SHAPE_NO;
  size_t secret = ++n;
  while (n < v->bytes && n - secret < VALUE_BYTES_MAX && !shape_ends_value(t[n])) n++;
  if (n - secret < VALUE_BYTES_MAX && shape_out(v, n)) return SHAPE_MORE;
  if (n - secret < VALUE_BYTES_LEAST || shape_placeholder(t + secret, n - secret)) return SHAPE_NO;
  letters l = count_letters(t + secret, n - secret);
  if (l.digits + l.marks == 0 || l.digits == n - secret) return SHAPE_NO;
  found_value(out, &name, secret - at, n - secret);
  if (n - secret == VALUE_BYTES_MAX) out->rest.kind = SHAPE_REST_VALUE;
  return SHAPE_YES;
}

shape_verdict shape_argument(const shape_view *v, size_t at, shape_found *out) {
  const char *t = v->text;
  if (at < 2 || !is_name(t[at - 1])) return SHAPE_NO;
  size_t least = at > SHAPE_CONTEXT_BYTES ? at - SHAPE_CONTEXT_BYTES : 0, j = at;
  while (j > least && is_name(t[j - 1])) j--;
  size_t bytes = at - j;
  const char *word = t + j;
  bool user = (bytes == 2 && memcmp(word, "-u", 2) == 0) ||
              (bytes == 6 && memcmp(word, "--user", 6) == 0) ||
              (bytes == 12 && memcmp(word, "--proxy-user", 12) == 0);
  if (user) return user_password(v, at, out);
  if (bytes < 5 || memcmp(word, "--", 2) != 0) return SHAPE_NO;
  name_found named = {.name = classify(word, bytes)};
  if (named.name == NULL || named.name->class == NAME_COOKIE ||
      named.name->class == NAME_AUTHORIZATION)
    return SHAPE_NO;
  if (shape_out(v, at + 1)) return SHAPE_MORE;
  if (at + 1 >= v->bytes || t[at + 1] == '-' || (unsigned char)t[at + 1] <= ' ') return SHAPE_NO;
  return value_at(v, at, at + 1, &named, true, out);
}
