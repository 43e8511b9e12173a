/* An HTTP request whose answer comes later: what a long-poll is made of. The server reads the whole
 * request first (a body of at most 1 MiB, arrived within its deadline), then calls the handler of
 * its path; from then on the exchange waits for http_answer, for as long as the handler likes, and
 * tells it when the other side goes away meanwhile.
 *
 * Threads: the loop's. */
#ifndef RELAY_HTTP_EXCHANGE_H
#define RELAY_HTTP_EXCHANGE_H

#include <stddef.h>
#include <stdint.h>

typedef struct http_exchange http_exchange;
typedef struct server server;

/* What was asked. All of it is borrowed until the handler returns. */
typedef struct http_post {
  const char *content_type; /* without parameters, in small letters; "": none was given */
  const char *peer;         /* "192.0.2.7:4711", or who a trusted proxy says it is */
  const uint8_t *body;
  size_t bytes; /* at most HTTP_BODY_BYTES_MAX */
} http_post;

enum { HTTP_BODY_BYTES_MAX = 1024 * 1024 };

/* Handles a POST. It may answer at once. If it does not, it calls http_on_gone before it returns.
 */
typedef void (*http_post_handler)(server *s, http_exchange *exchange, const http_post *post);

/* `gone` is called when the exchange ends before it was answered: the other side closed, or the
 * server is stopped. It is the last that is heard of the exchange; it may not be answered then. */
void http_on_gone(http_exchange *exchange, void (*gone)(void *user), void *user);

/* Answers: the body is copied, or sent at once. The exchange is over with it, whatever becomes of
 * the bytes: `gone` is not called, and the pointer is not to be used again. `content_type` is a
 * literal; NULL with an empty body. */
void http_answer(http_exchange *exchange, int status, const char *content_type, const void *body,
                 size_t bytes);

/* tools/relay/http/poll_http.c: POST /v1/poll. */
void http_poll(server *s, http_exchange *exchange, const http_post *post);

#endif
