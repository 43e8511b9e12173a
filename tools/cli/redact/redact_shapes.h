/* The built-in shapes of secrets. Every decision about a place depends on at most
 * SHAPE_CONTEXT_BYTES before it and SHAPE_AHEAD_BYTES_MAX behind it, never on how the text was cut:
 * where the bytes at hand do not decide, the answer is SHAPE_MORE. docs/redaction.md lists the
 * shapes. */
#ifndef REMOTE_CLI_REDACT_SHAPES_H
#define REMOTE_CLI_REDACT_SHAPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAPE_CONTEXT_BYTES 128u
#define SHAPE_AHEAD_BYTES_MAX 4096u

typedef struct shape_view {
  const char *text;
  size_t bytes;
  bool end; /* nothing follows */
} shape_view;

typedef enum shape_verdict { SHAPE_NO = 0, SHAPE_YES = 1, SHAPE_MORE = 2 } shape_verdict;

/* What is dropped behind a secret that is longer than what was looked at. */
typedef enum shape_rest_kind {
  SHAPE_REST_NONE = 0,
  SHAPE_REST_TOKEN = 1, /* letters of a token, dots too */
  SHAPE_REST_VALUE = 2, /* up to a blank or what ends a value */
  SHAPE_REST_QUOTE = 3, /* up to the closing quote */
  SHAPE_REST_LINE = 4,  /* up to the end of the line, or a quote */
  SHAPE_REST_KEY = 5    /* up to the end line of a private key */
} shape_rest_kind;

typedef struct shape_rest {
  shape_rest_kind kind;
  char quote;
  bool escaped; /* the quote is written \" */
  size_t dropped, word_bytes;
  unsigned short_words;
} shape_rest;

typedef struct shape_found {
  const char *kind; /* static; NULL: a mark of an earlier redaction, `keep` bytes long */
  size_t keep;      /* bytes from the place on that stay */
  size_t secret;    /* bytes behind them that go */
  shape_rest rest;
} shape_found;

/* Does a secret begin at text[at]? `shapes` false: marks only. */
shape_verdict shape_at(const shape_view *view, size_t at, bool shapes, shape_found *out);
/* Text at which nothing can begin: how many bytes from `at` on may be passed at once. */
size_t shape_skip(const shape_view *view, size_t at);
/* Goes on dropping from text[at]: the bytes dropped. rest->kind is NONE when it is over; when it is
 * not, what is left undropped needs more text. */
size_t shape_drop(const shape_view *view, size_t at, shape_rest *rest);

/* Is `value` a secret because of the name it is given to (a member of a JSON object)? NULL, or the
 * kind. */
const char *shape_named(const char *name, size_t name_bytes, const char *value, size_t bytes);

/* A question asks for a secret: one of its words is a name of one. NULL, or the kind. */
const char *shape_asked(const char *text);

/* The mark of a kind, e.g. "[redacted: password]". Returns its length. */
size_t shape_mark(const char *kind, char out[64]);
#define SHAPE_CONFIGURED "configured pattern"

#endif
