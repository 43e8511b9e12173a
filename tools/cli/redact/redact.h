/* Keeps secrets from leaving the machine: built-in shapes (redact_shapes.h) and configured patterns
 * (redact_pattern.h) become "[redacted: KIND]". A whole text, a JSON value, an event, or a stream
 * whose pieces may cut a secret anywhere: what comes out never depends on the cuts. */
#ifndef REMOTE_CLI_REDACT_H
#define REMOTE_CLI_REDACT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "redact_pattern.h"
#include "redact_shapes.h"

typedef struct redactor redactor;

typedef struct redact_config {
  bool defaults;               /* the built-in shapes */
  const char *const *patterns; /* further ones; syntax in docs/redaction.md */
  size_t patterns_count;
  const char *const *allowed; /* a secret that one of these matches as a whole stays */
  size_t allowed_count;
} redact_config;

/* NULL: a pattern cannot be read; `error` says which and why. */
redactor *redactor_create(const redact_config *config, char *error, size_t error_bytes);
void redactor_destroy(redactor *redactor);

/* How many secrets were removed so far, all kinds together. */
size_t redactor_count(const redactor *redactor);
/* The index-th kind that was removed and how often; NULL: no more. */
const char *redactor_kind(const redactor *redactor, size_t index, size_t *count);

/* NULL: nothing to redact (or no redactor). Else a new text, terminated, to be freed. */
char *redact_text(const redactor *redactor, const char *text, size_t bytes, size_t *out_bytes);

/* The same of a text that was cut at its end: what may be the beginning of a secret goes too. */
char *redact_cut_text(const redactor *redactor, const char *text, size_t bytes, size_t *out_bytes);

/* A JSON value whose texts are redacted, those too whose name says that they are secret. NULL:
 * nothing to redact; else a new reference. Long base64 (images) is left alone. */
json_t *redact_json(const redactor *redactor, const json_t *value);
/* The same of JSON text. What cannot be parsed is redacted as a text. */
char *redact_json_text(const redactor *redactor, const char *text, size_t bytes, size_t *out_bytes);

/* A file: text and JSON as above, told by its media type; what is no text is left alone. */
char *redact_asset(const redactor *redactor, const void *data, size_t bytes, const char *media_type,
                   size_t *out_bytes);

/* The kind when `value` is a secret because of its name (and counts it); NULL: it is none. */
const char *redactor_named(const redactor *redactor, const char *name, size_t name_bytes,
                           const char *value, size_t bytes);

/* The kind when `question` asks for a secret, so that its answer is one; NULL: it does not. */
const char *redactor_asked(const redactor *redactor, const char *question);

/* A stream: only what may be the beginning of a secret is held back, at most
 * SHAPE_AHEAD_BYTES_MAX + PATTERN_MATCH_BYTES_MAX bytes. Begins as {0}. */
typedef struct redact_stream {
  char *raw; /* what is decided and still looked back at, then what is held */
  size_t bytes, room, at;
  shape_rest rest;
  pattern_stream *patterns;
  char *out;
  size_t out_bytes, out_room;
  bool redacted;
} redact_stream;

/* Takes a piece; what can go out is in *out (borrowed until the next call) and *out_bytes. `end`:
 * nothing follows, all of it goes out, and the stream begins anew. */
void redact_stream_feed(redact_stream *stream, const redactor *redactor, const char *data,
                        size_t bytes, bool end, char **out, size_t *out_bytes);
void redact_stream_free(redact_stream *stream);

#endif
