/* An HTTP request whose answer comes later: what a long-poll is made of. The server reads the whole
 * request first (a body of at most 1 MiB, arrived within its deadline), then calls the handler of
 * its path; from then on the exchange waits for http_answer, for as long as the handler likes, and
 * tells it when the other side goes away meanwhile.
 *
 * Threads: the loop's. */
#ifndef RELAY_HTTP_EXCHANGE_H
#define RELAY_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct http_exchange http_exchange;
typedef struct server server;

/* What was asked. All of it is borrowed until the handler returns. */
typedef struct http_post {
  const char *content_type; /* without parameters, in small letters; "": none was given */
  const char *peer;         /* "192.0.2.7:4711", or who a trusted proxy says it is */
  const uint8_t *body;
  size_t bytes;      /* at most HTTP_BODY_BYTES_MAX */
  const char *token; /* of the page's cookie; "": none */
} http_post;

enum {
  HTTP_BODY_BYTES_MAX = 1024 * 1024,
  HTTP_PAGE_BODY_BYTES_MAX = 16 * 1024,
  HTTP_COOKIE_BYTES_MAX = 128,
  HTTP_FIELDS_BYTES_MAX = 1200 /* of http_answer_fields */
};

/* The device's token; the secret of a page that waits to be paired. */
typedef enum http_cookie { HTTP_COOKIE_TOKEN = 0, HTTP_COOKIE_PAIRING = 1 } http_cookie;

/* Where the cookies of a page belong. */
typedef struct http_cookies {
  bool secure;     /* the page came over https */
  bool has_origin; /* the request said from which page it is, and that page is ours */
  char port[6];    /* as the page sees it; "": the usual one */
  char prefix[128];
} http_cookies;

/* What the relay's own page asks. Borrowed until the handler returns. */
typedef struct http_page {
  const char *path; /* "/v1/sign-in" */
  const char *peer; /* as in http_post */
  const uint8_t *body;
  size_t bytes; /* at most HTTP_PAGE_BODY_BYTES_MAX */
  /* Of its cookies; "": none, or they do not count, because nothing says that it is our page. */
  const char *token, *pairing;
  http_cookies cookies;
} http_page;

/* Handles what the relay's own page asks, as http_post_handler. */
typedef void (*http_page_handler)(server *s, http_exchange *exchange, const http_page *page);

/* It has only what a cookie may hold. */
bool http_cookie_good(const char *value);
/* Writes the field that sets the cookie for so long; 0 and an empty value: takes it away. */
void http_cookie_write(const http_cookies *cookies, http_cookie which, const char *value,
                       uint64_t seconds, char *out, size_t out_bytes);
/* Fields that http_answer is to send with its answer; each with its CRLF. */
void http_answer_fields(http_exchange *exchange, const char *fields);

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
/* tools/relay/http/page_http.c: signing in and out. */
void http_page_ask(server *s, http_exchange *exchange, const http_page *page);
/* Answers what waited for a commit, or for a person; once a turn. */
void http_page_turn(server *s);

#endif
