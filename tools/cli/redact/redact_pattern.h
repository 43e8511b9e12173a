/* Configured patterns: regular expressions in time linear in the text (times the size of the
 * patterns), whatever they are, and on streams. All bytes that lie in some match go; a match lies
 * within one line. Syntax: docs/redaction.md. */
#ifndef REMOTE_CLI_REDACT_PATTERN_H
#define REMOTE_CLI_REDACT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERNS_MAX 64u
#define PATTERN_STATES_MAX 4096u      /* of all patterns together, repetitions written out */
#define PATTERN_MATCH_BYTES_MAX 4096u /* how far the beginning of a match is remembered */

typedef struct patterns patterns;

patterns *patterns_create(void);
void patterns_destroy(patterns *all);
/* False: it cannot be read; `error` says why and where. */
bool patterns_add(patterns *all, const char *text, char *error, size_t error_bytes);
size_t patterns_count(const patterns *all);
/* One of them matches all of the text. */
bool patterns_whole(const patterns *all, const char *text, size_t bytes);

/* What comes out of a stream: text that stays, and places where something went. */
typedef struct pattern_sink {
  void (*text)(void *user, const char *text, size_t bytes);
  void (*secret)(void *user, const char *text, size_t bytes); /* its first bytes, at most 4096 */
  void *user;
} pattern_sink;

typedef struct pattern_stream pattern_stream;
pattern_stream *pattern_stream_create(const patterns *all);
void pattern_stream_destroy(pattern_stream *stream);
/* `end`: nothing follows; the stream begins anew. */
void pattern_stream_feed(pattern_stream *stream, const char *text, size_t bytes, bool end,
                         const pattern_sink *sink);
/* Steps of the machine so far, for the test that holds the time against the size. */
uint64_t pattern_stream_steps(const pattern_stream *stream);

#endif
