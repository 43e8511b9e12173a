/* The transport: POSTs with libcurl's multi interface on a libuv loop. */
#include "remote/carrier_poll.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "carrier_poll/exchanges.h"

enum {
  POSTS_MAX = 2,
  CONNECT_MS_MAX = 10000,
  ANSWER_MS_MAX = 40000, /* a relay answers after 25 s at the latest */
  ANSWER_BYTES_MAX = LRM_BATCH_BYTES_MAX + 1024,
  FLUSH_MS = 1000,
  URL_BYTES = 512
};

typedef struct poll_carrier poll_carrier;

/* One POST under way. */
typedef struct post {
  poll_carrier *carrier;
  CURL *easy; /* NULL: a free slot */
  uint64_t number;
  uint8_t *body;
  size_t body_bytes;
  uint8_t *answer;
  size_t answer_bytes, capacity;
  bool too_large;
  char error[CURL_ERROR_SIZE];
} post;

/* A socket of libcurl's. */
typedef struct watch {
  uv_poll_t handle;
  poll_carrier *carrier;
  curl_socket_t socket;
} watch;

struct poll_carrier {
  lrm_carrier base;
  uv_loop_t *loop;
  lrm__exchanges *exchanges;
  CURLM *multi;
  struct curl_slist *headers;
  uv_timer_t turn_timer; /* what is due of the exchanges; the flush while draining */
  uv_timer_t curl_timer;
  unsigned handles; /* that are not closed yet */
  post posts[POSTS_MAX];
  char url[URL_BYTES];
  char target[URL_BYTES]; /* for people */
  char *ca_file, *cert_file, *key_file;
  bool local, encrypted;
  bool up;
  bool draining; /* closed by the owner; the goodbye may still go out */
  bool ending;
  bool inside; /* in a call of libcurl's: it ends afterwards */
  uint64_t flush_ns;
  int error;
  char error_text[200];
};

static void turn(poll_carrier *c);
static void on_turn(uv_timer_t *timer);

/* ---- the end ---- */

static void carrier_free(poll_carrier *c) {
  lrm__exchanges_destroy(c->exchanges);
  curl_slist_free_all(c->headers);
  free(c->ca_file);
  free(c->cert_file);
  free(c->key_file);
  free(c);
}

static void handle_closed(poll_carrier *c) {
  if (--c->handles > 0) return;
  if (c->base.owner.down != NULL) {
    c->base.owner.down(c->base.owner_user, &c->base, c->error,
                       c->error_text[0] != '\0' ? c->error_text : NULL);
  }
  carrier_free(c);
}

static void on_timer_closed(uv_handle_t *handle) { handle_closed(handle->data); }

static void on_watch_closed(uv_handle_t *handle) {
  watch *w = handle->data;
  poll_carrier *c = w->carrier;
  free(w);
  handle_closed(c);
}

static void post_free(post *p) {
  if (p->easy == NULL) return;
  (void)curl_multi_remove_handle(p->carrier->multi, p->easy);
  curl_easy_cleanup(p->easy);
  if (p->body != NULL) lrm__wipe(p->body, p->body_bytes);
  free(p->body);
  free(p->answer);
  memset(p, 0, sizeof *p);
}

static void close_all(poll_carrier *c) {
  for (size_t i = 0; i < POSTS_MAX; i++) post_free(&c->posts[i]);
  curl_multi_cleanup(c->multi); /* closes the watches, by on_socket */
  c->multi = NULL;
  uv_close((uv_handle_t *)&c->curl_timer, on_timer_closed);
  uv_close((uv_handle_t *)&c->turn_timer, on_timer_closed);
}

/* `down` follows when all handles are closed. */
static void end(poll_carrier *c) {
  if (c->ending) return;
  c->ending = true;
  if (!c->inside) close_all(c);
}

static void fail(poll_carrier *c, const char *text) {
  if (c->ending) return;
  c->error = LRM_ERR_CARRIER;
  snprintf(c->error_text, sizeof c->error_text, "%s", text);
  end(c);
}

/* ---- sockets and times of libcurl ---- */

static void after_curl(poll_carrier *c);

static void act(poll_carrier *c, curl_socket_t socket, int events) {
  int running = 0;
  if (c->ending) return;
  c->inside = true;
  (void)curl_multi_socket_action(c->multi, socket, events, &running);
  c->inside = false;
  after_curl(c);
}

static void on_ready(uv_poll_t *handle, int status, int events) {
  watch *w = handle->data;
  int flags = status < 0 ? CURL_CSELECT_ERR : 0;
  if ((events & UV_READABLE) != 0) flags |= CURL_CSELECT_IN;
  if ((events & UV_WRITABLE) != 0) flags |= CURL_CSELECT_OUT;
  act(w->carrier, w->socket, flags);
}

static void watch_close(watch *w) {
  (void)uv_poll_stop(&w->handle);
  uv_close((uv_handle_t *)&w->handle, on_watch_closed);
}

static watch *watch_open(poll_carrier *c, curl_socket_t socket) {
  watch *w = calloc(1, sizeof *w);
  if (w == NULL) return NULL;
  w->carrier = c;
  w->socket = socket;
  if (uv_poll_init_socket(c->loop, &w->handle, socket) != 0) {
    free(w);
    return NULL;
  }
  w->handle.data = w;
  c->handles++;
  (void)curl_multi_assign(c->multi, socket, w);
  return w;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *socket_user) {
  poll_carrier *c = user;
  watch *w = socket_user;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (w != NULL) {
      (void)curl_multi_assign(c->multi, socket, NULL);
      watch_close(w);
    }
    return 0;
  }
  if (w == NULL) w = watch_open(c, socket);
  if (w == NULL) return -1;
  int events = 0;
  if (what != CURL_POLL_IN) events |= UV_WRITABLE;
  if (what != CURL_POLL_OUT) events |= UV_READABLE;
  return uv_poll_start(&w->handle, events, on_ready) == 0 ? 0 : -1;
}

static void on_curl_time(uv_timer_t *timer) { act(timer->data, CURL_SOCKET_TIMEOUT, 0); }

static int on_timeout(CURLM *multi, long ms, void *user) {
  poll_carrier *c = user;
  (void)multi;
  if (c->ending) return 0;
  if (ms < 0) return uv_timer_stop(&c->curl_timer);
  return uv_timer_start(&c->curl_timer, on_curl_time, (uint64_t)ms, 0);
}

/* ---- a POST ---- */

static size_t on_body(char *data, size_t size, size_t count, void *user) {
  post *p = user;
  size_t bytes = size * count;
  if (p->answer_bytes + bytes > ANSWER_BYTES_MAX) {
    p->too_large = true;
    return 0; /* libcurl ends it */
  }
  if (p->answer_bytes + bytes > p->capacity) {
    size_t capacity = (p->answer_bytes + bytes) * 2;
    uint8_t *wider = realloc(p->answer, capacity);
    if (wider == NULL) return 0;
    p->answer = wider;
    p->capacity = capacity;
  }
  memcpy(p->answer + p->answer_bytes, data, bytes);
  p->answer_bytes += bytes;
  return bytes;
}

/* libcurl leaves HTTP_PROXY alone because of CGI programs; this is none. */
static const char *plain_proxy(void) {
  const char *proxy = getenv("http_proxy");
  return proxy == NULL ? getenv("HTTP_PROXY") : NULL;
}

static void set_security(CURL *easy, const poll_carrier *c) {
  (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  if (c->ca_file != NULL) {
    (void)curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
    (void)curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
  }
  if (c->cert_file != NULL) (void)curl_easy_setopt(easy, CURLOPT_SSLCERT, c->cert_file);
  if (c->key_file != NULL) (void)curl_easy_setopt(easy, CURLOPT_SSLKEY, c->key_file);
}

static bool start(poll_carrier *c, post *p, uint64_t number, lrm_slice body) {
  p->carrier = c;
  p->number = number;
  p->body = malloc(body.bytes + 1);
  p->easy = curl_easy_init();
  if (p->body == NULL || p->easy == NULL) return false;
  memcpy(p->body, body.data, body.bytes);
  p->body_bytes = body.bytes;
  CURL *easy = p->easy;
  (void)curl_easy_setopt(easy, CURLOPT_URL, c->url);
  (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, c->encrypted ? "https" : "http");
  (void)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  (void)curl_easy_setopt(easy, CURLOPT_POST, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, p->body);
  (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body.bytes);
  (void)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, c->headers);
  (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  (void)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS_MAX);
  (void)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)ANSWER_MS_MAX);
  (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, p);
  (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, p->error);
  (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, p);
  if (!c->encrypted && plain_proxy() != NULL)
    (void)curl_easy_setopt(easy, CURLOPT_PROXY, plain_proxy());
  set_security(easy, c);
  c->inside = true;
  CURLMcode result = curl_multi_add_handle(c->multi, easy);
  c->inside = false;
  return result == CURLM_OK;
}

static post *free_post(poll_carrier *c) {
  for (size_t i = 0; i < POSTS_MAX; i++) {
    if (c->posts[i].easy == NULL) return &c->posts[i];
  }
  return NULL;
}

/* ---- answers ---- */

static void fail_post(poll_carrier *c, const post *p, CURLcode code) {
  char text[200];
  const char *why = p->error[0] != '\0' ? p->error : curl_easy_strerror(code);
  if (code == CURLE_GOT_NOTHING)
    why = "no answer: is HTTP served there, or only with TLS (polls://)?";
  if (p->too_large) why = "its answer is larger than an answer may be";
  if (code == CURLE_PEER_FAILED_VERIFICATION) {
    snprintf(text, sizeof text, "%.60s: the certificate is not trusted: %.110s", c->target, why);
  } else {
    snprintf(text, sizeof text, "%.60s: %.130s", c->target, why);
  }
  fail(c, text);
}

static void fail_status(poll_carrier *c, long status) {
  char text[200];
  const char *hint = "";
  if (status == 404 || status == 405) hint = ": is the path right, and does it offer long-poll?";
  if (status >= 300 && status < 400) hint = ": say the address that it sends others to";
  if (status == 407) hint = ": the proxy wants a password";
  if (status >= 502 && status <= 504) hint = ": the relay behind it does not answer";
  snprintf(text, sizeof text, "%.60s answered %ld%s", c->target, status, hint);
  fail(c, text);
}

static bool is_batch(CURL *easy) {
  const char *type = NULL;
  (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type);
  return type != NULL && (strncmp(type, "application/x-protobuf", 22) == 0 ||
                          strncmp(type, "application/octet-stream", 24) == 0);
}

static void read_all(poll_carrier *c) {
  while (!c->ending && !c->draining) {
    lrm_slice bytes = lrm__exchanges_readable(c->exchanges);
    if (bytes.bytes == 0) return;
    size_t wanted = 0;
    size_t consumed =
        c->base.owner.received(c->base.owner_user, &c->base, bytes.data, bytes.bytes, &wanted);
    if (c->ending || consumed == 0) return;
    lrm__exchanges_consumed(c->exchanges, consumed < bytes.bytes ? consumed : bytes.bytes);
  }
}

static void finished(poll_carrier *c, post *p, CURLcode code) {
  long status = 0;
  (void)curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK) {
    fail_post(c, p, code);
    return;
  }
  if (!is_batch(p->easy) && !(status == 200 && p->answer_bytes == 0)) {
    fail_status(c, status);
    return;
  }
  int result = lrm__exchanges_answer(c->exchanges, p->number, p->answer, p->answer_bytes,
                                     lrm_uv_now_ns(c->loop));
  post_free(p);
  /* What came before a fault is still read. */
  read_all(c);
  if (result != 0) fail(c, lrm__exchanges_error(c->exchanges));
}

static void after_curl(poll_carrier *c) {
  CURLMsg *message;
  int left = 0;
  if (c->ending) {
    if (c->multi != NULL) close_all(c);
    return;
  }
  while (!c->ending && (message = curl_multi_info_read(c->multi, &left)) != NULL) {
    post *p = NULL;
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&p);
    finished(c, p, code);
  }
  if (!c->ending) turn(c);
}

/* ---- a turn ---- */

static bool idle(const poll_carrier *c) {
  for (size_t i = 0; i < POSTS_MAX; i++) {
    if (c->posts[i].easy != NULL) return false;
  }
  return true;
}

static void turn(poll_carrier *c) {
  uint64_t now_ns = lrm_uv_now_ns(c->loop), number;
  lrm_slice body;
  while (!c->ending && lrm__exchanges_next(c->exchanges, now_ns, &number, &body)) {
    post *p = free_post(c);
    if (p == NULL || !start(c, p, number, body)) {
      fail(c, "out of memory");
      return;
    }
  }
  if (c->ending) return;
  uint64_t due_ns = lrm__exchanges_due_ns(c->exchanges);
  if (c->draining) {
    bool said = lrm__exchanges_over(c->exchanges) || (due_ns > now_ns && idle(c));
    if (said || now_ns >= c->flush_ns) {
      end(c);
      return;
    }
    if (c->flush_ns < due_ns) due_ns = c->flush_ns;
  }
  if (due_ns == UINT64_MAX) {
    (void)uv_timer_stop(&c->turn_timer);
    return;
  }
  uint64_t delay_ms = due_ns > now_ns ? (due_ns - now_ns + 999999) / 1000000 : 0;
  (void)uv_timer_start(&c->turn_timer, on_turn, delay_ms, 0);
}

static void on_turn(uv_timer_t *timer) {
  poll_carrier *c = timer->data;
  if (c->ending) return;
  if (!c->up && !c->draining) {
    c->up = true;
    c->base.owner.up(c->base.owner_user, &c->base);
    if (c->ending) return;
  }
  turn(c);
}

static void turn_soon(poll_carrier *c) {
  if (!c->ending) (void)uv_timer_start(&c->turn_timer, on_turn, 0, 0);
}

/* ---- the carrier ---- */

/* What the link writes is kept until the relay has it; its credit bounds that. */
static size_t carrier_room(const lrm_carrier *base) {
  const poll_carrier *c = (const poll_carrier *)base;
  return c->up && !c->ending && !c->draining ? LRM_CARRIER_BUFFER_BYTES_MAX : 0;
}

static int carrier_write(lrm_carrier *base, const lrm_slice *parts, size_t count) {
  poll_carrier *c = (poll_carrier *)base;
  if (!c->up || c->ending || c->draining) return LRM_ERR_CARRIER;
  int result = lrm__exchanges_write(c->exchanges, parts, count);
  if (result != 0) {
    fail(c, lrm__exchanges_error(c->exchanges));
    return result;
  }
  turn_soon(c);
  return 0;
}

static void carrier_close(lrm_carrier *base, bool flush) {
  poll_carrier *c = (poll_carrier *)base;
  if (c->ending || c->draining) return;
  if (!flush || !c->up) {
    end(c);
    return;
  }
  c->draining = true;
  c->flush_ns = lrm_uv_now_ns(c->loop) + (uint64_t)FLUSH_MS * 1000000;
  turn_soon(c);
}

static const lrm_carrier_ops plain_ops = {"poll", carrier_room, carrier_write, carrier_close};
static const lrm_carrier_ops tls_ops = {"polls", carrier_room, carrier_write, carrier_close};

/* ---- connecting ---- */

static void global_init(void) { (void)curl_global_init(CURL_GLOBAL_DEFAULT); }

static char *copy_of(const char *text, bool *failed) {
  if (text == NULL) return NULL;
  char *copy = strdup(text);
  if (copy == NULL) *failed = true;
  return copy;
}

static bool set_up(poll_carrier *c, const lrm_url *url, const lrm_uv_settings *settings) {
  bool failed = false, v6 = strchr(url->host, ':') != NULL;
  lrm_url_text(url, c->target, sizeof c->target);
  c->encrypted = lrm_url_encrypted(url);
  snprintf(c->url, sizeof c->url, "%s://%s%s%s:%u%s/v1/poll", c->encrypted ? "https" : "http",
           v6 ? "[" : "", url->host, v6 ? "]" : "", (unsigned)url->port, url->prefix);
  snprintf(c->base.peer, sizeof c->base.peer, "%.60s", c->target);
  if (settings != NULL) {
    c->ca_file = copy_of(settings->trust.ca_file, &failed);
    c->cert_file = copy_of(settings->trust.cert_file, &failed);
    c->key_file = copy_of(settings->trust.key_file, &failed);
  }
  static const char *const headers[] = {"Content-Type: application/x-protobuf",
                                        "Accept: application/x-protobuf",
                                        "Expect:", "User-Agent: remote"};
  for (size_t i = 0; i < sizeof headers / sizeof headers[0] && !failed; i++) {
    struct curl_slist *longer = curl_slist_append(c->headers, headers[i]);
    failed = longer == NULL;
    if (longer != NULL) c->headers = longer;
  }
  if (failed || lrm__exchanges_create(&c->exchanges) != 0) return false;
  c->multi = curl_multi_init();
  return c->multi != NULL;
}

static int connect_poll(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                        const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out) {
  static uv_once_t once = UV_ONCE_INIT;
  uv_once(&once, global_init);
  poll_carrier *c = calloc(1, sizeof *c);
  if (c == NULL) return LRM_ERR_NO_MEMORY;
  c->loop = loop;
  if (!set_up(c, url, settings)) {
    carrier_free(c);
    return LRM_ERR_NO_MEMORY;
  }
  c->base.ops = c->encrypted ? &tls_ops : &plain_ops;
  c->base.owner = *owner;
  c->base.owner_user = owner_user;
  (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  (void)curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
  (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  (void)curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
  (void)uv_timer_init(loop, &c->turn_timer);
  (void)uv_timer_init(loop, &c->curl_timer);
  c->turn_timer.data = c->curl_timer.data = c;
  c->handles = 2;
  turn_soon(c);
  *out = &c->base;
  return 0;
}

static const char *const schemes[] = {"poll", "polls", NULL};
const lrm_uv_kind lrm_uv_poll_kind = {.schemes = schemes, .connect = connect_poll};
