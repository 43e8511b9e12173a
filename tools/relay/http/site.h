/* The relay's HTTP side, without knowledge of the relay: what it serves, whom it answers, and its
 * connections. Byte carriers go in (tcp or tls), WebSocket carriers and exchanges come out.
 *
 * connection.c one connection: reading requests, writing answers; routes.c which path is what;
 * checks.c Host, Origin, proxies; cookies.c what the relay's own page carries; files.c the web
 * client's files; packed.c the same in fewer bytes; http_server.c the relay's use.
 *
 * Threads: the loop's. Memory: an idle connection is its struct; input is kept as it arrives, at
 * most a head or a body; an answer is sent as there is room for it. */
#ifndef RELAY_HTTP_SITE_H
#define RELAY_HTTP_SITE_H

#include "exchange.h"
#include "remote/carrier_ws.h"
#include "remote/http_head.h"

enum {
  HTTP_ORIGINS_MAX = 16,
  HTTP_PROXIES_MAX = 16,
  /* That are not a WebSocket. At the first the oldest goes that waits for a request or its rest. */
  HTTP_CONNECTIONS_MAX = 2048,
  HTTP_ADDRESS_CONNECTIONS_MAX = 128, /* of one address; loopback and trusted proxies excepted */
  HTTP_HEAD_SECONDS = 10,             /* until a request's head is there */
  HTTP_IDLE_SECONDS = 75,             /* between requests */
  HTTP_WRITE_SECONDS = 30             /* without a byte of the answer being taken */
};

/* ---- checks.c ---- */

typedef struct http_network {
  uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
  unsigned bits;
} http_network;

/* Whom it answers. */
typedef struct http_config {
  /* "https://host[:port]", in small letters: pages that may talk to it beside its own, and names
   * by which it is reached. */
  char origins[HTTP_ORIGINS_MAX][280];
  size_t origins_count;
  http_network proxies[HTTP_PROXIES_MAX]; /* whose X-Forwarded-For is believed */
  size_t proxies_count;
  bool public_metrics; /* /metrics for everybody, not only for this machine */
} http_config;

/* False: not an origin, or too many; `error` says what to write. */
bool http_config_origin(http_config *config, const char *text, char *error, size_t error_bytes);
/* The same of "10.0.0.1" or "10.0.0.0/8". */
bool http_config_proxy(http_config *config, const char *text, char *error, size_t error_bytes);

/* One listener. */
typedef struct http_place {
  char prefix[128]; /* of all paths */
  bool encrypted;
  bool local; /* on loopback: Host is checked */
} http_place;

/* Whether the Host of a request is one that is served here: on loopback a page of anybody may have
 * made its own name point at this machine (DNS rebinding). */
bool http_host_served(const http_config *config, const http_place *place, const char *host);
/* Whether a page of this origin may ask; `host` is the request's. *foreign: it is not of the same
 * host, so the browser wants to be told. */
bool http_origin_allowed(const http_config *config, const http_place *place, const char *origin,
                         const char *host, bool *foreign);
/* Whose request it is: the peer, or by a trusted proxy's word who asked it. */
void http_real_peer(const http_config *config, const char *peer, const lrm_http_head *head,
                    char *out, size_t out_bytes);
/* Both are of one address, which is neither loopback nor a trusted proxy. */
bool http_same_stranger(const http_config *config, const char *peer, const char *other);
/* It is one of the trusted proxies. */
bool http_is_proxy(const http_config *config, const char *peer);
/* The request comes from this machine, and nothing says that a proxy passed it on. */
bool http_from_here(const char *peer, const lrm_http_head *head);

/* ---- files.c ---- */

/* Bytes that several answers share. */
typedef struct http_blob {
  size_t references;
  size_t bytes;
  uint8_t data[];
} http_blob;
http_blob *http_blob_new(size_t bytes); /* one reference; NULL: out of memory */
http_blob *http_blob_use(http_blob *blob);
void http_blob_release(http_blob *blob); /* NULL: nothing */

/* How a file may go out, by what is preferred. */
typedef enum http_coding { HTTP_BROTLI, HTTP_GZIP, HTTP_CODINGS } http_coding;
extern const char *const http_coding_names[HTTP_CODINGS]; /* as in Accept-Encoding */

typedef struct http_packed {
  http_blob *body; /* NULL: there is none, or it would not be smaller */
  char etag[42];   /* another representation has another one */
} http_packed;

typedef struct http_file {
  char *path; /* "/assets/app.js" */
  const char *type;
  char etag[36]; /* with quotes */
  bool forever;  /* its name changes with its content */
  http_blob *body;
  http_packed packed[HTTP_CODINGS];
} http_file;

/* ---- packed.c ---- */

/* Packs a file in gzip (RFC 1952), when it is of a kind that gets smaller. Out of memory: it goes
 * as it is. */
void http_pack_gzip(http_file *file);
/* Takes `packed` as the file's Brotli form (RFC 7932); a reference to it is taken. False: it is
 * not that file. */
bool http_pack_brotli(http_file *file, http_blob *packed);

/* ---- files.c, again ---- */

/* A folder as it was when it was read: an answer is a look-up in a table, so that no path leads
 * outside, nothing waits for a disk, and a page never mixes two versions. */
typedef struct http_files {
  http_file *files; /* sorted by path */
  size_t count, bytes;
} http_files;
/* Reads the regular files of a folder, at most 64 MiB and 2,000; hidden ones and symbolic links
 * are left out. FILE.br beside FILE is FILE in Brotli, and must be. NULL: `error` says why. */
http_files *http_files_read(const char *folder, char *error, size_t error_bytes);
void http_files_free(http_files *files);
/* `path` without a query; one that ends with a slash means index.html there. NULL: none. */
const http_file *http_files_find(const http_files *files, const char *path);

/* ---- connection.c, routes.c ---- */

typedef struct http_exchange http_connection;

/* What the site asks of the relay; `user` first. */
typedef struct http_site_ops {
  /* A WebSocket: sets its owner, or leaves it, and it is refused. `token`: of the page's cookie,
   * borrowed; "": none. */
  void (*accepted)(void *user, lrm_carrier *carrier, const char *token);
  const char *(*unready)(void *user); /* why it cannot serve now; NULL: it can */
  size_t (*metrics)(void *user, char *out, size_t out_bytes);
  /* A request was refused: 4xx or 5xx, and why. For logs; NULL: nobody wants to know. */
  void (*refused)(void *user, const char *peer, int status, const char *why);
  http_post_handler poll; /* its server is `user`; NULL: there is no /v1/poll */
  http_page_handler page; /* the same of what the relay's own page asks */
} http_site_ops;

typedef struct http_site {
  const http_site_ops *ops;
  void *user;
  http_config config;
  http_files *files; /* NULL: none */
  bool leaving;      /* nothing new; WebSockets are closed with 1001 */
  uint64_t (*now_ns)(void *user);
  http_connection *first, *last; /* those that are not a WebSocket yet */
  size_t count;
} http_site;

/* Takes over an accepted carrier of bytes that is up; `place` outlives it. */
void http_connection_begin(http_site *site, const http_place *place, lrm_carrier *inner);
/* Ends what is too slow; once a second or so. */
void http_site_tick(http_site *site);
/* Ends those that wait for a request, and the others after their answer. */
void http_site_leave(http_site *site);

/* Answers the request that is being handled. `fields`: more header fields, each with its CRLF. The
 * reference to `body` (NULL: empty) is taken. */
void http_respond(http_connection *connection, int status, const char *type, const char *fields,
                  http_blob *body);
/* The same with a line of text; `fields` NULL: none. */
void http_respond_text(http_connection *connection, int status, const char *fields,
                       const char *text);
/* The connection ends after the next answer. */
void http_close_after(http_connection *connection);
/* Answers 101 and goes on as a WebSocket of `peer`, whose page has this token. */
void http_upgrade(http_connection *connection, const char accept[LRM_WS_ACCEPT_BYTES],
                  const char *peer, const char *token);

/* A request whose body is there. Borrowed. */
typedef struct http_request {
  const lrm_http_head *head;
  const char *path; /* behind the prefix, without the query */
  const char *peer; /* who asks, in truth */
  const char *from; /* the other side of the connection: may be a proxy */
  const uint8_t *body;
  size_t body_bytes;
} http_request;

/* ---- cookies.c ---- */

/* Which cookies are meant, and whether they are only for https: judges a request. */
void http_cookies_judge(const http_config *config, const http_place *place,
                        const http_request *request, http_cookies *out);
/* False: it is not there, or holds what no cookie of ours does. */
bool http_cookie_read(http_cookies *cookies, http_cookie which, const lrm_http_head *head,
                      char *out, size_t out_bytes);

/* Whether a request with this head may send a body, and so large. 0, or the status to refuse it
 * with; *why is its text. Before the body. */
int http_judge_body(const lrm_http_head *head, uint64_t bytes, const char **why);
/* Answers, or leaves it waiting. */
void http_route(http_connection *connection, http_site *site, const http_place *place,
                const http_request *request);

#endif
