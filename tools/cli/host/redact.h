/* Keeps secrets from leaving the machine: known shapes of tokens and private key blocks become
 * "[redacted: KIND]". A whole text, or a stream whose pieces may cut a secret anywhere. */
#ifndef REMOTE_CLI_REDACT_H
#define REMOTE_CLI_REDACT_H

#include <stdbool.h>
#include <stddef.h>

typedef struct redactor redactor;

/* `defaults`: the built-in shapes; `patterns`: further extended regular expressions. NULL: one of
 * them cannot be read; `error` says which. */
redactor *redactor_create(bool defaults, const char *const *patterns, size_t count, char *error,
                          size_t error_bytes);
void redactor_destroy(redactor *redactor);

/* NULL: nothing to redact (or no redactor). Else a new text, terminated, to be freed. */
char *redact_text(const redactor *redactor, const char *text, size_t bytes, size_t *out_bytes);

/* A stream: what may be the beginning of a secret is held back until it is decided. */
typedef struct redact_stream {
  char *held;
  size_t bytes, room;
  bool in_key; /* inside a private key block: nothing comes out until its end */
  bool redacted;
} redact_stream;

/* Takes a piece; what can go out is in *out (borrowed until the next call) and *out_bytes. `end`:
 * nothing follows, all of it goes out. */
void redact_stream_feed(redact_stream *stream, const redactor *redactor, const char *data,
                        size_t bytes, bool end, char **out, size_t *out_bytes);
void redact_stream_free(redact_stream *stream);

#endif
