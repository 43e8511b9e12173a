/* Which path is what. */
#include <stdio.h>
#include <string.h>

#include "site.h"

enum { METRICS_BYTES_MAX = 256 * 1024 };

enum { GET = 1, HEAD = 2, POST = 4, OPTIONS = 8 };

typedef void (*route_handler)(http_connection *c, http_site *site, const http_place *place,
                              const http_request *request);

typedef struct route {
  const char *path; /* NULL: all others */
  unsigned methods;
  const char *allow;
  route_handler handle;
} route;

static unsigned method_of(const lrm_http_head *head) {
  static const struct {
    const char *name;
    unsigned method;
  } methods[] = {{"GET", GET}, {"HEAD", HEAD}, {"POST", POST}, {"OPTIONS", OPTIONS}};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    size_t bytes = strlen(methods[i].name);
    if (head->method.bytes == bytes && memcmp(head->method.data, methods[i].name, bytes) == 0) {
      return methods[i].method;
    }
  }
  return 0;
}

/* ---- /v1/link ---- */

/* RFC 6455 4.2.1; the subprotocol is ours. 0, or the status of the refusal. */
static int judge_upgrade(const lrm_http_head *head, char accept[LRM_WS_ACCEPT_BYTES],
                         const char **fields, const char **why) {
  lrm_slice value;
  *fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n";
  *why = "this is the place for a WebSocket with the subprotocol remote.v1";
  if (!lrm_http_lists(head, "upgrade", "websocket") ||
      !lrm_http_lists(head, "connection", "upgrade") || head->minor == 0) {
    return 426;
  }
  *fields = "Sec-WebSocket-Version: 13\r\n";
  *why = "WebSocket is spoken in version 13";
  if (lrm_http_field_count(head, "sec-websocket-version", &value) != 1 ||
      !lrm_http_is(value, "13")) {
    return 426;
  }
  *fields = NULL;
  *why = "Sec-WebSocket-Key is the base64 of 16 bytes";
  if (lrm_http_field_count(head, "sec-websocket-key", &value) != 1 ||
      !lrm_ws_accept_key(value, accept)) {
    return 400;
  }
  *why = "the subprotocol is remote.v1";
  return lrm_http_lists(head, "sec-websocket-protocol", LRM_WS_PROTOCOL) ? 0 : 400;
}

/* The token in the cookie of a page that is known to be ours: a request without an Origin could be
 * anybody's who made a browser ask. */
static void page_token(const http_site *site, const http_place *place, const http_request *request,
                       char out[HTTP_COOKIE_BYTES_MAX + 1]) {
  http_cookies cookies;
  http_cookies_judge(&site->config, place, request, &cookies);
  out[0] = '\0';
  if (cookies.has_origin)
    (void)http_cookie_read(&cookies, HTTP_COOKIE_TOKEN, request->head, out,
                           HTTP_COOKIE_BYTES_MAX + 1);
}

static void link_route(http_connection *c, http_site *site, const http_place *place,
                       const http_request *request) {
  char accept[LRM_WS_ACCEPT_BYTES], token[HTTP_COOKIE_BYTES_MAX + 1];
  const char *fields, *why;
  int status = judge_upgrade(request->head, accept, &fields, &why);
  if (status != 0) {
    http_respond_text(c, status, fields, why);
  } else if (site->leaving) {
    http_respond_text(c, 503, "Retry-After: 1\r\n", "the relay is stopping");
  } else {
    page_token(site, place, request, token);
    http_upgrade(c, accept, request->peer, token);
    explicit_bzero(token, sizeof token);
  }
}

/* ---- /v1/poll ---- */

/* Tells a browser that a page from elsewhere may read the answer. */
static void foreign_fields(const http_site *site, const http_place *place,
                           const http_request *request, char *out, size_t out_bytes) {
  lrm_slice value;
  char origin[300], host[280];
  bool foreign = false;
  out[0] = '\0';
  if (lrm_http_field_count(request->head, "origin", &value) != 1 ||
      !lrm_http_copy(value, origin, sizeof origin)) {
    return;
  }
  (void)(lrm_http_field_count(request->head, "host", &value) == 1 &&
         lrm_http_copy(value, host, sizeof host) &&
         http_origin_allowed(&site->config, place, origin, host, &foreign));
  if (foreign) {
    snprintf(out, out_bytes, "Access-Control-Allow-Origin: %s\r\nVary: Origin\r\n", origin);
  }
}

static void content_type(const lrm_http_head *head, char *out, size_t out_bytes) {
  lrm_slice value;
  out[0] = '\0';
  if (lrm_http_field_count(head, "content-type", &value) != 1) return;
  size_t bytes = 0;
  while (bytes < value.bytes && value.data[bytes] != ';' && value.data[bytes] != ' ') bytes++;
  if (bytes >= out_bytes) return;
  for (size_t i = 0; i < bytes; i++) {
    uint8_t letter = value.data[i];
    out[i] = (char)(letter >= 'A' && letter <= 'Z' ? letter - 'A' + 'a' : letter);
  }
  out[bytes] = '\0';
}

static void poll_route(http_connection *c, http_site *site, const http_place *place,
                       const http_request *request) {
  char fields[400], type[80], token[HTTP_COOKIE_BYTES_MAX + 1];
  foreign_fields(site, place, request, fields, sizeof fields);
  if (method_of(request->head) == OPTIONS) {
    size_t used = strlen(fields);
    snprintf(fields + used, sizeof fields - used, "Allow: POST, OPTIONS\r\n%s",
             used == 0 ? ""
                       : "Access-Control-Allow-Methods: POST\r\n"
                         "Access-Control-Allow-Headers: content-type\r\n"
                         "Access-Control-Max-Age: 600\r\n");
    http_respond(c, 204, NULL, fields, NULL);
    return;
  }
  content_type(request->head, type, sizeof type);
  page_token(site, place, request, token);
  http_post post = {.content_type = type,
                    .peer = request->peer,
                    .body = request->body,
                    .bytes = request->body_bytes,
                    .token = token};
  http_answer_fields(c, fields);
  site->ops->poll(site->user, c, &post);
  explicit_bzero(token, sizeof token);
}

/* ---- what the relay's own page asks ---- */

/* A POST changes something: it says what it is, which no form of another page can, and from which
 * page it comes before cookies count. Reading does not need that: no other page gets the answer. */
static void page_route(http_connection *c, http_site *site, const http_place *place,
                       const http_request *request) {
  char type[80], token[HTTP_COOKIE_BYTES_MAX + 1] = "", pairing[HTTP_COOKIE_BYTES_MAX + 1] = "";
  bool post = method_of(request->head) == POST;
  content_type(request->head, type, sizeof type);
  if (post && strcmp(type, "application/json") != 0) {
    http_respond_text(c, 415, NULL, "send application/json");
    return;
  }
  if (request->body_bytes > HTTP_PAGE_BODY_BYTES_MAX) {
    http_respond_text(c, 413, NULL, "this body has at most 16 KiB");
    return;
  }
  http_page page = {.path = request->path,
                    .peer = request->peer,
                    .body = request->body,
                    .bytes = request->body_bytes,
                    .token = token,
                    .pairing = pairing};
  http_cookies_judge(&site->config, place, request, &page.cookies);
  if (page.cookies.has_origin || !post) {
    (void)http_cookie_read(&page.cookies, HTTP_COOKIE_TOKEN, request->head, token, sizeof token);
    (void)http_cookie_read(&page.cookies, HTTP_COOKIE_PAIRING, request->head, pairing,
                           sizeof pairing);
  }
  site->ops->page(site->user, c, &page);
  explicit_bzero(token, sizeof token);
  explicit_bzero(pairing, sizeof pairing);
}

/* ---- what operators ask ---- */

static void health_route(http_connection *c, http_site *site, const http_place *place,
                         const http_request *request) {
  (void)site;
  (void)place;
  (void)request;
  http_respond_text(c, 200, NULL, "ok");
}

static void ready_route(http_connection *c, http_site *site, const http_place *place,
                        const http_request *request) {
  (void)place;
  (void)request;
  const char *why = site->leaving ? "the relay is stopping" : site->ops->unready(site->user);
  http_respond_text(c, why == NULL ? 200 : 503, NULL, why == NULL ? "ready" : why);
}

static void metrics_route(http_connection *c, http_site *site, const http_place *place,
                          const http_request *request) {
  (void)place;
  if (!site->config.public_metrics && !http_from_here(request->peer, request->head)) {
    http_respond_text(c, 403, NULL,
                      "only for this machine; for others, serve with --public-metrics");
    return;
  }
  http_blob *body = http_blob_new(METRICS_BYTES_MAX);
  if (body == NULL) {
    http_respond_text(c, 503, NULL, "out of memory");
    return;
  }
  body->bytes = site->ops->metrics(site->user, (char *)body->data, METRICS_BYTES_MAX);
  http_respond(c, 200, "text/plain; version=0.0.4; charset=utf-8", "Cache-Control: no-store\r\n",
               body);
}

/* ---- the web client ---- */

/* What a page may do: nothing from elsewhere, no code but its own files; WebAssembly is compiled.
 */
#define PAGE_FIELDS                                                                       \
  "Content-Security-Policy: default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "   \
  "style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "         \
  "manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "         \
  "frame-ancestors 'none'\r\nCross-Origin-Opener-Policy: same-origin\r\n"                 \
  "Permissions-Policy: accelerometer=(), camera=(), display-capture=(), geolocation=(), " \
  "gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()\r\n"

static bool has_etag(const lrm_http_head *head, const char *etag) {
  char weak[48];
  snprintf(weak, sizeof weak, "w/%s", etag); /* what a proxy that compresses makes of it */
  return lrm_http_lists(head, "if-none-match", etag) ||
         lrm_http_lists(head, "if-none-match", weak) || lrm_http_lists(head, "if-none-match", "*");
}

/* It has one of the file's forms. */
static bool knows(const lrm_http_head *head, const http_file *file) {
  for (size_t i = 0; i < HTTP_CODINGS; i++)
    if (file->packed[i].body != NULL && has_etag(head, file->packed[i].etag)) return true;
  return has_etag(head, file->etag);
}

static bool has_packed(const http_file *file) {
  for (size_t i = 0; i < HTTP_CODINGS; i++)
    if (file->packed[i].body != NULL) return true;
  return false;
}

/* NULL: it goes as it is. A weight such as gzip;q=0 is not the bare word: as it is, too. */
static const http_packed *packed_for(const http_file *file, const lrm_http_head *head) {
  for (size_t i = 0; i < HTTP_CODINGS; i++)
    if (file->packed[i].body != NULL &&
        lrm_http_lists(head, "accept-encoding", http_coding_names[i]))
      return &file->packed[i];
  return NULL;
}

static void file_route(http_connection *c, http_site *site, const http_place *place,
                       const http_request *request) {
  char fields[1400];
  const http_file *file = http_files_find(site->files, request->path);
  if (request->path[0] == '\0' && place->prefix[0] != '\0' && site->files != NULL) {
    /* Relative names in the page need the slash. */
    snprintf(fields, sizeof fields, "Location: %s/\r\n", place->prefix);
    http_respond_text(c, 308, fields, "the page has a slash at its end");
    return;
  }
  if (file == NULL) {
    http_respond_text(c, 404, NULL, "there is nothing here");
    return;
  }
  const http_packed *packed = packed_for(file, request->head);
  snprintf(fields, sizeof fields, PAGE_FIELDS "ETag: %s\r\nCache-Control: %s\r\n%s",
           packed != NULL ? packed->etag : file->etag,
           file->forever ? "public, max-age=31536000, immutable" : "no-cache",
           has_packed(file) ? "Vary: Accept-Encoding\r\n" : "");
  if (knows(request->head, file)) {
    http_respond(c, 304, NULL, fields, NULL);
    return;
  }
  if (packed != NULL) {
    size_t at = strlen(fields);
    snprintf(fields + at, sizeof fields - at, "Content-Encoding: %s\r\n",
             http_coding_names[packed - file->packed]);
  }
  http_respond(c, 200, file->type, fields,
               http_blob_use(packed != NULL ? packed->body : file->body));
}

/* ---- the table ---- */

static const route routes[] = {{LRM_WS_PATH, GET, "Allow: GET\r\n", link_route},
                               {"/v1/poll", POST | OPTIONS, "Allow: POST, OPTIONS\r\n", poll_route},
                               {"/v1/who", GET, "Allow: GET\r\n", page_route},
                               {"/v1/sign-in", POST, "Allow: POST\r\n", page_route},
                               {"/v1/sign-out", POST, "Allow: POST\r\n", page_route},
                               {"/v1/invitation", POST, "Allow: POST\r\n", page_route},
                               {"/v1/pair", POST, "Allow: POST\r\n", page_route},
                               {"/v1/pair/wait", POST, "Allow: POST\r\n", page_route},
                               {"/v1/pair/end", POST, "Allow: POST\r\n", page_route},
                               {"/healthz", GET | HEAD, "Allow: GET, HEAD\r\n", health_route},
                               {"/readyz", GET | HEAD, "Allow: GET, HEAD\r\n", ready_route},
                               {"/metrics", GET | HEAD, "Allow: GET, HEAD\r\n", metrics_route},
                               {NULL, GET | HEAD, "Allow: GET, HEAD\r\n", file_route}};

static const route *find_route(const http_site *site, const char *path) {
  const route *r = routes;
  for (; r->path != NULL; r++) {
    if (strcmp(r->path, path) != 0) continue;
    if ((r->handle != poll_route || site->ops->poll != NULL) &&
        (r->handle != page_route || site->ops->page != NULL))
      break;
  }
  return r;
}

int http_judge_body(const lrm_http_head *head, uint64_t bytes, const char **why) {
  *why = "this request has no body";
  if (method_of(head) != POST) return 413;
  *why = "a body has at most 1 MiB";
  return bytes <= HTTP_BODY_BYTES_MAX ? 0 : 413;
}

void http_route(http_connection *c, http_site *site, const http_place *place,
                const http_request *request) {
  const route *r = find_route(site, request->path);
  unsigned method = method_of(request->head);
  if ((r->methods & method) != 0) {
    r->handle(c, site, place, request);
  } else {
    http_respond_text(c, method == 0 ? 501 : 405, r->allow,
                      method == 0 ? "this method is not known" : "not with this method");
  }
}
