/* One HTTP connection: requests in, one after the other; answers out as there is room. Everything
 * that comes is kept in one buffer until its request is complete; what comes while an answer is
 * made waits there, and too much of it ends the connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "site.h"

enum {
  INPUT_BYTES_MIN = 1024,
  AHEAD_BYTES_MAX = 16 * 1024, /* of requests behind the one that is being answered */
  CHUNK_BYTES_MAX = 64 * 1024,
  BODY_BYTES_PER_SECOND = 4096, /* slower than that is too slow */
  HEAD_OUT_BYTES_MAX = 3072
};

typedef enum connection_state {
  READING = 0, /* a request */
  HANDLING,    /* it was given to its handler */
  WAITING,     /* the handler answers later */
  WRITING,     /* the answer */
  CLOSING      /* nothing is read or written any more */
} connection_state;

struct http_exchange {
  http_site *site;
  const http_place *place;
  lrm_carrier *inner; /* NULL: it went over to a WebSocket */
  http_connection *older, *newer;
  connection_state state;
  uint64_t deadline_ns; /* 0: none */
  uint8_t *in;
  size_t in_bytes, in_capacity;
  size_t head_bytes; /* of the request whose body is read; 0: its head is not there yet */
  size_t body_bytes;
  http_blob *out_head, *out_body;
  size_t out_at;       /* in both */
  bool head_only;      /* the request was HEAD */
  bool last;           /* the connection ends after this answer */
  bool busy;           /* in `advance` */
  bool receiving;      /* in on_received */
  char *answer_fields; /* of http_answer; NULL: none */
  void (*gone)(void *user);
  void *gone_user;
};

static void advance(http_connection *c);

/* ---- life ---- */

static void set_deadline(http_connection *c, uint64_t seconds) {
  c->deadline_ns =
      seconds == 0 ? 0 : c->site->now_ns(c->site->user) + seconds * UINT64_C(1000000000);
}

static void unlink_connection(http_connection *c) {
  http_site *site = c->site;
  *(c->older != NULL ? &c->older->newer : &site->first) = c->newer;
  *(c->newer != NULL ? &c->newer->older : &site->last) = c->older;
  site->count--;
}

static void free_connection(http_connection *c) {
  unlink_connection(c);
  http_blob_release(c->out_head);
  http_blob_release(c->out_body);
  free(c->answer_fields);
  free(c->in);
  free(c);
}

/* Whoever waits with an answer hears that nobody wants it any more. */
static void tell_gone(http_connection *c) {
  void (*gone)(void *) = c->gone;
  c->gone = NULL;
  if (gone != NULL) gone(c->gone_user);
}

static void close_connection(http_connection *c, bool flush) {
  if (c->state == CLOSING) return;
  c->state = CLOSING;
  c->deadline_ns = 0;
  tell_gone(c);
  lrm_carrier_close(c->inner, flush);
}

/* ---- answers ---- */

static const char *status_text(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 421:
      return "Misdirected Request";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

static void date_text(char out[40]) {
  time_t now = time(NULL);
  struct tm parts;
  if (gmtime_r(&now, &parts) == NULL ||
      strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0) {
    snprintf(out, 40, "Thu, 01 Jan 1970 00:00:00 GMT");
  }
}

static void fail_connection(http_connection *c, http_blob *body) {
  http_blob_release(body);
  close_connection(c, false);
}

void http_respond(http_connection *c, int status, const char *type, const char *fields,
                  http_blob *body) {
  char date[40], length[48] = "";
  size_t body_bytes = body != NULL ? body->bytes : 0;
  http_blob *head = http_blob_new(HEAD_OUT_BYTES_MAX);
  if (head == NULL) {
    fail_connection(c, body);
    return;
  }
  date_text(date);
  if (status != 204 && status != 304) {
    snprintf(length, sizeof length, "Content-Length: %zu\r\n", body_bytes);
  }
  int bytes =
      snprintf((char *)head->data, HEAD_OUT_BYTES_MAX,
               "HTTP/1.1 %d %s\r\nServer: libremote\r\nDate: %s\r\n%s%s%s%s"
               "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
               "Cross-Origin-Resource-Policy: same-origin\r\n%s%s\r\n",
               status, status_text(status), date, length, type != NULL ? "Content-Type: " : "",
               type != NULL ? type : "", type != NULL ? "\r\n" : "", fields != NULL ? fields : "",
               c->last ? "Connection: close\r\n" : "");
  if (bytes < 0 || bytes >= HEAD_OUT_BYTES_MAX) {
    http_blob_release(head);
    fail_connection(c, body);
    return;
  }
  head->bytes = (size_t)bytes;
  if (c->head_only || status == 204 || status == 304) {
    http_blob_release(body);
    body = NULL;
  }
  c->out_head = head;
  c->out_body = body;
  c->out_at = 0;
  c->gone = NULL;
  c->state = WRITING;
  set_deadline(c, HTTP_WRITE_SECONDS);
  advance(c);
}

void http_respond_text(http_connection *c, int status, const char *fields, const char *text) {
  char all[400];
  size_t text_bytes = strlen(text);
  http_blob *body = http_blob_new(text_bytes + 1);
  if (body == NULL) {
    fail_connection(c, NULL);
    return;
  }
  memcpy(body->data, text, text_bytes);
  body->data[text_bytes] = '\n';
  if (status >= 400 && c->site->ops->refused != NULL) {
    c->site->ops->refused(c->site->user, c->inner->peer, status, text);
  }
  snprintf(all, sizeof all, "Cache-Control: no-store\r\n%s", fields != NULL ? fields : "");
  http_respond(c, status, "text/plain; charset=utf-8", all, body);
}

void http_close_after(http_connection *c) { c->last = true; }

void http_on_gone(http_exchange *c, void (*gone)(void *user), void *user) {
  c->gone = gone;
  c->gone_user = user;
  if (c->state == HANDLING) c->state = WAITING;
}

/* They may hold a cookie: nothing of them stays in memory. */
void http_answer_fields(http_exchange *c, const char *fields) {
  if (c->answer_fields != NULL) explicit_bzero(c->answer_fields, strlen(c->answer_fields));
  free(c->answer_fields);
  c->answer_fields = fields[0] != '\0' ? strdup(fields) : NULL;
}

void http_answer(http_exchange *c, int status, const char *content_type, const void *body,
                 size_t bytes) {
  c->gone = NULL;
  if (c->state == CLOSING) return;
  http_blob *blob = bytes > 0 ? http_blob_new(bytes) : NULL;
  if (bytes > 0 && blob == NULL) {
    close_connection(c, false);
    return;
  }
  if (blob != NULL) memcpy(blob->data, body, bytes);
  char fields[HTTP_FIELDS_BYTES_MAX + 40];
  snprintf(fields, sizeof fields, "Cache-Control: no-store\r\n%s",
           c->answer_fields != NULL ? c->answer_fields : "");
  http_answer_fields(c, "");
  http_respond(c, status, bytes > 0 ? content_type : NULL, fields, blob);
  explicit_bzero(fields, sizeof fields);
}

/* A piece of the answer at out_at. */
static lrm_slice next_piece(const http_connection *c) {
  size_t at = c->out_at;
  const http_blob *blob = c->out_head;
  if (at >= blob->bytes) {
    at -= blob->bytes;
    blob = c->out_body;
  }
  if (blob == NULL || at >= blob->bytes) return (lrm_slice){NULL, 0};
  size_t left = blob->bytes - at;
  return (lrm_slice){blob->data + at, left < CHUNK_BYTES_MAX ? left : CHUNK_BYTES_MAX};
}

static void answered(http_connection *c) {
  explicit_bzero(c->out_head->data, c->out_head->bytes);
  http_blob_release(c->out_head);
  http_blob_release(c->out_body);
  c->out_head = c->out_body = NULL;
  if (c->last || c->site->leaving) {
    close_connection(c, true);
    return;
  }
  c->state = READING;
  c->head_only = false;
  set_deadline(c, c->in_bytes > 0 ? HTTP_HEAD_SECONDS : HTTP_IDLE_SECONDS);
}

/* False: there is no room, or it is over. */
static bool write_more(http_connection *c) {
  lrm_slice piece = next_piece(c);
  if (piece.bytes == 0) {
    answered(c);
    return c->state == READING;
  }
  size_t room = lrm_carrier_room(c->inner);
  if (room == 0) return false;
  if (piece.bytes > room) piece.bytes = room;
  if (lrm_carrier_write(c->inner, &piece, 1) != 0) {
    close_connection(c, false);
    return false;
  }
  c->out_at += piece.bytes;
  set_deadline(c, HTTP_WRITE_SECONDS);
  return true;
}

/* ---- requests ---- */

static void refuse(http_connection *c, int status, const char *text) {
  c->last = true;
  http_respond_text(c, status, NULL, text);
}

/* Takes bytes off the front of what has come. */
static void take_input(http_connection *c, size_t bytes) {
  c->in_bytes -= bytes;
  if (c->in_bytes > 0) {
    memmove(c->in, c->in + bytes, c->in_bytes);
    explicit_bzero(c->in + c->in_bytes, bytes); /* cookies, tokens */
    return;
  }
  explicit_bzero(c->in, bytes);
  free(c->in);
  c->in = NULL;
  c->in_capacity = 0;
}

/* Something that no proxy and no browser sends. */
static void refuse_head(http_connection *c, int result) {
  if (result == LRM_ERR_LIMIT) {
    refuse(c, 431, "the head of a request has at most 8 KiB and 64 fields");
  } else {
    refuse(c, 400, c->in[0] == 0x16 ? "this port speaks HTTP without TLS" : "this is not HTTP/1.1");
  }
}

/* The head is there: how much follows, and may it? */
static bool head_arrived(http_connection *c, const lrm_http_head *head, size_t head_bytes) {
  static const char ready[] = "HTTP/1.1 100 Continue\r\n\r\n";
  uint64_t length;
  bool given;
  const char *why = "";
  int result = lrm_http_content_length(head, &length, &given);
  bool post = head->method.bytes == 4 && memcmp(head->method.data, "POST", 4) == 0;
  bool connection_ends = head->minor == 0 || lrm_http_lists(head, "connection", "close");
  if (connection_ends) c->last = true;
  c->head_only = head->method.bytes == 4 && memcmp(head->method.data, "HEAD", 4) == 0;
  if (result != 0) {
    refuse(c, result == LRM_ERR_LIMIT ? 501 : 400,
           result == LRM_ERR_LIMIT ? "send a Content-Length; Transfer-Encoding is not taken"
                                   : "the length of the body is not clear");
    return false;
  }
  if (post && !given) {
    refuse(c, 411, "say how long the body is (Content-Length)");
    return false;
  }
  int status = length > 0 ? http_judge_body(head, length, &why) : 0;
  if (status != 0) {
    refuse(c, status, why);
    return false;
  }
  c->head_bytes = head_bytes;
  c->body_bytes = (size_t)length;
  if (c->in_bytes - head_bytes >= length) return true;
  set_deadline(c, HTTP_HEAD_SECONDS + length / BODY_BYTES_PER_SECOND);
  if (lrm_http_lists(head, "expect", "100-continue") && c->in_bytes == head_bytes) {
    lrm_slice part = {(const uint8_t *)ready, sizeof ready - 1};
    if (lrm_carrier_write(c->inner, &part, 1) != 0) close_connection(c, false);
  }
  return false;
}

/* "/relay/v1/link?x" becomes "/v1/link". False: not below the prefix. */
static bool path_of(const http_connection *c, lrm_slice target, char *out, size_t out_bytes) {
  const char *prefix = c->place->prefix;
  size_t prefix_bytes = strlen(prefix);
  const uint8_t *query = memchr(target.data, '?', target.bytes);
  if (query != NULL) target.bytes = (size_t)(query - target.data);
  if (target.bytes < prefix_bytes || memcmp(target.data, prefix, prefix_bytes) != 0) return false;
  target.data += prefix_bytes;
  target.bytes -= prefix_bytes;
  if (target.bytes > 0 && target.data[0] != '/') return false;
  return lrm_http_copy(target, out, out_bytes);
}

/* An absolute target (RFC 9112 3.2.2) is one for its path; its authority counts as Host. */
static bool split_target(lrm_slice *target, lrm_slice *host) {
  size_t scheme = 0;
  if (target->bytes > 7 && memcmp(target->data, "http://", 7) == 0) scheme = 7;
  if (target->bytes > 8 && memcmp(target->data, "https://", 8) == 0) scheme = 8;
  if (scheme == 0) return target->data[0] == '/';
  lrm_slice rest = {target->data + scheme, target->bytes - scheme};
  const uint8_t *slash = memchr(rest.data, '/', rest.bytes);
  if (slash == NULL) return false;
  *host = (lrm_slice){rest.data, (size_t)(slash - rest.data)};
  *target = (lrm_slice){slash, rest.bytes - host->bytes};
  return true;
}

/* What every request has to be. 0, or the status of the refusal. */
static int judge(http_connection *c, const lrm_http_head *head, char *path, size_t path_bytes,
                 const char **why) {
  lrm_slice host, origin, target = head->target;
  char host_text[280], origin_text[300];
  size_t hosts = lrm_http_field_count(head, "host", &host);
  bool foreign;
  *why = "a request has one Host";
  if (hosts > 1 || (hosts == 0 && head->minor > 0)) return 400;
  *why = "the target of a request is a path";
  if (!split_target(&target, &host)) return 400;
  *why = "this Host is not served here; if it is meant, serve with --origin https://HOST";
  if (!lrm_http_copy(host, host_text, sizeof host_text)) return 421;
  if ((hosts > 0 || host.bytes > 0) && !http_host_served(&c->site->config, c->place, host_text))
    return 421;
  *why = "pages from there may not ask; if they are meant to, serve with --origin ORIGIN";
  size_t origins = lrm_http_field_count(head, "origin", &origin);
  if (origins > 1) return 403;
  if (origins == 1 &&
      (!lrm_http_copy(origin, origin_text, sizeof origin_text) ||
       !http_origin_allowed(&c->site->config, c->place, origin_text, host_text, &foreign))) {
    return 403;
  }
  *why = "there is nothing here";
  return path_of(c, target, path, path_bytes) ? 0 : 404;
}

/* The request is complete: handles it, and takes it off the input. */
static void handle(http_connection *c, const lrm_http_head *head) {
  char path[LRM_HTTP_HEAD_BYTES_MAX], peer[sizeof c->inner->peer];
  const char *why;
  size_t request_bytes = c->head_bytes + c->body_bytes;
  c->state = HANDLING;
  c->deadline_ns = 0;
  int status = judge(c, head, path, sizeof path, &why);
  if (status != 0) {
    if (status == 400) c->last = true;
    http_respond_text(c, status, NULL, why);
  } else {
    http_real_peer(&c->site->config, c->inner->peer, head, peer, sizeof peer);
    http_request request = {.head = head,
                            .path = path,
                            .peer = peer,
                            .from = c->inner->peer,
                            .body = c->in + c->head_bytes,
                            .body_bytes = c->body_bytes};
    http_route(c, c->site, c->place, &request);
  }
  if (c->inner == NULL) return; /* it is a WebSocket now */
  c->head_bytes = c->body_bytes = 0;
  take_input(c, request_bytes);
}

/* False: nothing can be done before more has come. */
static bool read_request(http_connection *c) {
  lrm_http_head head;
  size_t head_bytes = 0;
  if (c->in_bytes == 0) return false;
  if (c->head_bytes > 0 && c->in_bytes - c->head_bytes < c->body_bytes) return false;
  int result = lrm_http_request_parse(c->in, c->in_bytes, &head, &head_bytes);
  if (result != 0) {
    refuse_head(c, result);
    return true;
  }
  if (head_bytes == 0) return false;
  if (c->head_bytes == 0 && !head_arrived(c, &head, head_bytes)) return c->state != READING;
  handle(c, &head);
  return true;
}

/* Does what can be done; answers that are given meanwhile do not come in here again. */
static void advance(http_connection *c) {
  if (c->busy) return;
  c->busy = true;
  bool more = true;
  while (more && c->inner != NULL) {
    if (c->state == READING) {
      more = read_request(c);
    } else {
      more = c->state == WRITING && write_more(c);
    }
  }
  c->busy = false;
}

/* ---- the carrier's words ---- */

static bool keep_input(http_connection *c, const uint8_t *data, size_t bytes) {
  size_t needed = c->in_bytes + bytes;
  if (bytes == 0) return true;
  if (needed > c->in_capacity) {
    size_t capacity = c->in_capacity * 2;
    if (capacity < needed) capacity = needed;
    if (capacity < INPUT_BYTES_MIN) capacity = INPUT_BYTES_MIN;
    uint8_t *in = realloc(c->in, capacity);
    if (in == NULL) return false;
    c->in = in;
    c->in_capacity = capacity;
  }
  memcpy(c->in + c->in_bytes, data, bytes);
  c->in_bytes = needed;
  return true;
}

static void on_up(void *user, lrm_carrier *inner) {
  (void)user;
  (void)inner;
}

static size_t on_received(void *user, lrm_carrier *inner, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  http_connection *c = user;
  *wanted = 0;
  if (c->state == CLOSING) return bytes;
  if (c->in_bytes == 0 && c->state == READING) set_deadline(c, HTTP_HEAD_SECONDS);
  if (!keep_input(c, data, bytes) || (c->state != READING && c->in_bytes > AHEAD_BYTES_MAX)) {
    close_connection(c, false);
    return bytes;
  }
  c->receiving = true;
  advance(c);
  c->receiving = false;
  if (c->inner != NULL) return bytes;
  /* It is a WebSocket: what came behind the request is its. What it does not take is offered to it
   * again by the inner carrier, as the last bytes of what that has given. */
  size_t rest = c->in_bytes, taken = rest;
  if (rest > 0) taken = inner->owner.received(inner->owner_user, inner, c->in, rest, wanted);
  free_connection(c);
  return rest - taken < bytes ? bytes - (rest - taken) : 0;
}

static void on_writable(void *user, lrm_carrier *inner) {
  (void)inner;
  advance(user);
}

static void on_down(void *user, lrm_carrier *inner, int error, const char *text) {
  http_connection *c = user;
  (void)inner;
  (void)error;
  (void)text;
  c->state = CLOSING;
  tell_gone(c);
  free_connection(c);
}

static const lrm_carrier_owner owner = {
    .up = on_up, .received = on_received, .writable = on_writable, .down = on_down};

/* The oldest that waits for a request or its rest goes, for a new one. False: all are at work. */
static bool make_room(http_site *site) {
  for (http_connection *c = site->first; c != NULL; c = c->newer) {
    if (c->state == READING) {
      close_connection(c, false);
      return true;
    }
  }
  return false;
}

static bool too_many_of(const http_site *site, const char *peer) {
  size_t count = 0;
  if (site->count < HTTP_ADDRESS_CONNECTIONS_MAX) return false;
  for (const http_connection *c = site->first; c != NULL; c = c->newer) {
    if (c->inner != NULL && http_same_stranger(&site->config, peer, c->inner->peer)) count++;
  }
  return count >= HTTP_ADDRESS_CONNECTIONS_MAX;
}

void http_connection_begin(http_site *site, const http_place *place, lrm_carrier *inner) {
  if (site->leaving || too_many_of(site, inner->peer)) return;
  if (site->count >= HTTP_CONNECTIONS_MAX && !make_room(site)) return;
  http_connection *c = calloc(1, sizeof *c);
  if (c == NULL) return; /* without an owner it is closed */
  c->site = site;
  c->place = place;
  c->inner = inner;
  c->older = site->last;
  *(site->last != NULL ? &site->last->newer : &site->first) = c;
  site->last = c;
  site->count++;
  set_deadline(c, HTTP_HEAD_SECONDS);
  inner->owner = owner;
  inner->owner_user = c;
}

void http_upgrade(http_connection *c, const char accept[LRM_WS_ACCEPT_BYTES], const char *peer,
                  const char *token) {
  char head[400];
  http_site *site = c->site;
  if (!c->receiving) { /* nobody sends it behind a request that is not answered yet */
    refuse(c, 400, "an upgrade is not sent ahead");
    return;
  }
  int bytes = snprintf(head, sizeof head,
                       "HTTP/1.1 101 Switching Protocols\r\nServer: libremote\r\n"
                       "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                       "Sec-WebSocket-Protocol: " LRM_WS_PROTOCOL "\r\n\r\n",
                       accept);
  lrm_slice part = {(const uint8_t *)head, (size_t)bytes};
  lrm_carrier *ws = NULL;
  if (lrm_carrier_write(c->inner, &part, 1) == 0) ws = lrm_ws_accept(c->inner, &site->leaving);
  if (ws == NULL) {
    close_connection(c, false);
    return;
  }
  snprintf(ws->peer, sizeof ws->peer, "%s", peer);
  c->inner = NULL; /* freed by on_received, which has the rest of the input */
  take_input(c, c->head_bytes);
  site->ops->accepted(site->user, ws, token);
  if (ws->owner.received == NULL) lrm_ws_refuse(ws);
}

/* ---- the site ---- */

void http_site_tick(http_site *site) {
  uint64_t now_ns = site->now_ns(site->user);
  for (http_connection *c = site->first, *next; c != NULL; c = next) {
    next = c->newer;
    if (c->deadline_ns == 0 || c->deadline_ns > now_ns) continue;
    if (c->state == READING && c->in_bytes > 0) {
      refuse(c, 408, "the request did not arrive in time");
    } else {
      close_connection(c, false);
    }
  }
}

void http_site_leave(http_site *site) {
  site->leaving = true;
  for (http_connection *c = site->first, *next; c != NULL; c = next) {
    next = c->newer;
    if (c->state == READING) close_connection(c, false);
  }
}
