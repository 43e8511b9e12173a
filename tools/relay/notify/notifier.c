#include "notifier.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "program.h"
#include "remote/carrier_uv.h"
#include "request.h"
#include "wording.h"

enum {
  SECRET_BYTES_MAX = 512,
  PUSH_TTL_S = 24 * 3600,
  PUSH_WITHDRAWN_TTL_S = 24 * 3600, /* it replaces what lies there for a device that is off */
  JWT_S = 12 * 3600,
  PADDED_BYTES = 256
};

typedef struct watch {
  notifier *notifier;
  uv_poll_t handle;
  curl_socket_t socket;
} watch;

struct notifier {
  uv_loop_t *loop;
  notifier_settings settings;
  relay *relay;
  address hooks[RELAY_HOOKS_MAX];
  relay_hook told[RELAY_HOOKS_MAX]; /* the same for the core */
  size_t hooks_count;
  uint8_t secret[SECRET_BYTES_MAX];
  size_t secret_bytes;
  char token[SECRET_BYTES_MAX]; /* "": none */
  web_push_key *key;
  uint8_t point[WEB_PUSH_POINT_BYTES];
  CURLM *multi;
  uv_timer_t timer;
  request requests[RELAY_MESSAGES_OUT_MAX];
  unsigned busy;
};

/* ---- libcurl on the loop ---- */

static void finish_all(notifier *n);

static void act(notifier *n, curl_socket_t socket, int events) {
  int running = 0;
  (void)curl_multi_socket_action(n->multi, socket, events, &running);
  finish_all(n);
}

static void on_ready(uv_poll_t *handle, int status, int events) {
  watch *w = handle->data;
  int flags = status < 0 ? CURL_CSELECT_ERR : 0;
  if ((events & UV_READABLE) != 0) flags |= CURL_CSELECT_IN;
  if ((events & UV_WRITABLE) != 0) flags |= CURL_CSELECT_OUT;
  act(w->notifier, w->socket, flags);
}

static void on_watch_closed(uv_handle_t *handle) { free(handle->data); }

static watch *watch_open(notifier *n, curl_socket_t socket) {
  watch *w = calloc(1, sizeof *w);
  if (w == NULL) return NULL;
  w->notifier = n;
  w->socket = socket;
  if (uv_poll_init_socket(n->loop, &w->handle, socket) != 0) {
    free(w);
    return NULL;
  }
  w->handle.data = w;
  (void)curl_multi_assign(n->multi, socket, w);
  return w;
}

static int on_socket(CURL *easy, curl_socket_t socket, int what, void *user, void *socket_user) {
  notifier *n = user;
  watch *w = socket_user;
  (void)easy;
  if (what == CURL_POLL_REMOVE) {
    if (w == NULL) return 0;
    (void)curl_multi_assign(n->multi, socket, NULL);
    (void)uv_poll_stop(&w->handle);
    uv_close((uv_handle_t *)&w->handle, on_watch_closed);
    return 0;
  }
  if (w == NULL) w = watch_open(n, socket);
  if (w == NULL) return -1;
  int events = 0;
  if (what != CURL_POLL_IN) events |= UV_WRITABLE;
  if (what != CURL_POLL_OUT) events |= UV_READABLE;
  return uv_poll_start(&w->handle, events, on_ready) == 0 ? 0 : -1;
}

static void on_curl_time(uv_timer_t *timer) { act(timer->data, CURL_SOCKET_TIMEOUT, 0); }

static int on_timeout(CURLM *multi, long ms, void *user) {
  notifier *n = user;
  (void)multi;
  if (ms < 0) return uv_timer_stop(&n->timer);
  return uv_timer_start(&n->timer, on_curl_time, (uint64_t)ms, 0);
}

/* ---- how it went ---- */

static relay_message_end judge(const request *q, CURLcode code, long status) {
  bool answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && status != 0);
  if (q->elsewhere && !answered) return RELAY_MESSAGE_REFUSED;
  if (!answered || status < 100) return RELAY_MESSAGE_LATER;
  if (status >= 200 && status < 300) return RELAY_MESSAGE_SENT;
  if (q->push && (status == 404 || status == 410)) return RELAY_MESSAGE_GONE;
  if (status == 408 || status == 425 || status == 429 || status >= 500) return RELAY_MESSAGE_LATER;
  return RELAY_MESSAGE_REFUSED;
}

static void tell_fault(const request *q, relay_message_end end, CURLcode code, long status) {
  char number[16], detail[200];
  if (end == RELAY_MESSAGE_SENT) return;
  snprintf(number, sizeof number, "%ld", status);
  snprintf(detail, sizeof detail, "%s",
           q->elsewhere       ? "its name leads to an address that is not of the public internet"
           : code == CURLE_OK ? (end == RELAY_MESSAGE_LATER ? "tried again" : "not tried again")
                              : curl_easy_strerror(code));
  const relay_field fields[] = {{"address", q->host}, {"status", number}, {"detail", detail}};
  log_lines_write(NULL, q->push ? RELAY_INFO : RELAY_WARNING, "notify.failed", fields, 3);
}

static void finish(notifier *n, request *q, CURLcode code) {
  long status = 0;
  curl_off_t retry_s = 0;
  uint64_t ticket = q->ticket;
  (void)curl_easy_getinfo(q->easy, CURLINFO_RESPONSE_CODE, &status);
  (void)curl_easy_getinfo(q->easy, CURLINFO_RETRY_AFTER, &retry_s);
  relay_message_end end = judge(q, code, status);
  tell_fault(q, end, code, status);
  request_end(q, n->multi);
  n->busy--;
  if (retry_s < 0 || retry_s > 24 * 3600) retry_s = 24 * 3600;
  relay_message_done(n->relay, ticket, end, (uint64_t)retry_s * 1000, lrm_uv_now_ns(n->loop),
                     lrm_uv_wall_ms());
}

static void finish_all(notifier *n) {
  CURLMsg *message;
  int left = 0;
  while ((message = curl_multi_info_read(n->multi, &left)) != NULL) {
    char *q = NULL;
    CURLcode code = message->data.result;
    if (message->msg != CURLMSG_DONE) continue;
    (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &q);
    if (q != NULL) finish(n, (request *)(void *)q, code);
  }
}

/* ---- webhooks ---- */

static bool put_body(request *q, const char *text, size_t bytes) {
  if (bytes == 0 || bytes > sizeof q->body) return false;
  memcpy(q->body, text, bytes);
  q->body_bytes = bytes;
  return true;
}

/* Headers as of Standard Webhooks, so that its libraries verify it. */
static bool start_webhook(notifier *n, request *q, const relay_message *m, const address *to) {
  char body[WORDING_JSON_BYTES_MAX], delivery[120], seconds[24], signature[120];
  uint64_t at_s = lrm_uv_wall_ms() / 1000;
  size_t bytes = wording_webhook(m, n->settings.page, body, sizeof body);
  request_rules rules = {.ca_file = n->settings.ca_file};
  wording_delivery(m, delivery, sizeof delivery);
  snprintf(seconds, sizeof seconds, "%llu", (unsigned long long)at_s);
  if (!put_body(q, body, bytes) || !request_header(q, "Content-Type", "application/json") ||
      !request_header(q, "webhook-id", delivery) ||
      !request_header(q, "webhook-timestamp", seconds)) {
    return false;
  }
  if (n->secret_bytes > 0 && (!wording_sign(n->secret, n->secret_bytes, delivery, at_s, body,
                                            signature, sizeof signature) ||
                              !request_header(q, "webhook-signature", signature))) {
    return false;
  }
  return request_start(q, n->multi, "POST", to->url, &rules);
}

/* A message of ntfy is withdrawn under the name that it was given (sequence id). */
static bool ntfy_url(const address *to, const char *name, char *out, size_t out_bytes) {
  size_t path = strcspn(to->url, "?#");
  bool slash = path > 0 && to->url[path - 1] == '/';
  int bytes = snprintf(out, out_bytes, "%.*s%s%s%s", (int)path, to->url, slash ? "" : "/", name,
                       to->url + path);
  return bytes > 0 && (size_t)bytes < out_bytes;
}

static bool start_ntfy(notifier *n, request *q, const relay_message *m, const address *to) {
  char text[200], header[WORDING_HEADER_BYTES_MAX], url[ADDRESS_BYTES_MAX + 64];
  request_rules rules = {.ca_file = n->settings.ca_file};
  if (n->token[0] != '\0') {
    snprintf(header, sizeof header, "Bearer %s", n->token);
    if (!request_header(q, "Authorization", header)) return false;
  }
  if (m->withdrawn)
    return ntfy_url(to, m->tag, url, sizeof url) &&
           request_start(q, n->multi, "DELETE", url, &rules);
  wording_title(m, text, sizeof text);
  wording_header(text, header, sizeof header);
  if (!request_header(q, "Title", header) || !request_header(q, "X-Sequence-ID", m->tag) ||
      !request_header(q, "Tags",
                      m->kind == RELAY_NOTICE_DONE    ? "white_check_mark"
                      : m->kind == RELAY_NOTICE_ERROR ? "warning"
                                                      : "raised_hand") ||
      !request_header(q, "Priority", m->kind == RELAY_NOTICE_DONE ? "default" : "high")) {
    return false;
  }
  if (wording_link(m, n->settings.page, header, sizeof header) &&
      !request_header(q, "Click", header))
    return false;
  wording_text(m, text, sizeof text);
  return request_header(q, "Content-Type", "text/plain; charset=utf-8") &&
         put_body(q, text, strlen(text)) && request_start(q, n->multi, "POST", to->url, &rules);
}

/* ---- browsers ---- */

/* A withdrawal has the topic of what it withdraws: a push service keeps only the newest of a topic
 * for a device that is away. */
static bool push_topic(const relay_message *m, char out[33]) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  return EVP_Digest(m->tag, strlen(m->tag), digest, NULL, EVP_sha256(), NULL) == 1 &&
         web_push_base64url(digest, 24, out, 33);
}

static bool encrypt(request *q, const relay_message *m) {
  char text[WORDING_JSON_BYTES_MAX];
  uint8_t salt[WEB_PUSH_SALT_BYTES];
  size_t bytes = wording_push(m, text, sizeof text);
  web_push_key *own = bytes > 0 && RAND_bytes(salt, sizeof salt) == 1 ? web_push_key_make() : NULL;
  bool good =
      own != NULL && web_push_encrypt(m->key, m->auth, own, salt, text, bytes,
                                      (bytes + PADDED_BYTES - 1) / PADDED_BYTES * PADDED_BYTES,
                                      q->body, &q->body_bytes);
  web_push_key_free(own);
  OPENSSL_cleanse(text, sizeof text);
  return good;
}

static bool start_push(notifier *n, request *q, const relay_message *m) {
  char authorization[WEB_PUSH_JWT_BYTES_MAX + 300], topic[33], ttl[16];
  address to;
  bool urgent = m->kind != RELAY_NOTICE_DONE && !m->withdrawn;
  request_rules rules = {.ca_file = n->settings.ca_file, .public_only = !n->settings.push_here};
  q->push = true;
  snprintf(ttl, sizeof ttl, "%d", m->withdrawn ? PUSH_WITHDRAWN_TTL_S : PUSH_TTL_S);
  if (!address_of_push(m->endpoint, n->settings.push_here, &to)) return false;
  memcpy(q->host, to.host, sizeof q->host);
  return encrypt(q, m) && push_topic(m, topic) &&
         web_push_authorization(n->key, to.origin, n->settings.contact,
                                lrm_uv_wall_ms() / 1000 + JWT_S, authorization,
                                sizeof authorization) &&
         request_header(q, "Authorization", authorization) &&
         request_header(q, "Content-Type", "application/octet-stream") &&
         request_header(q, "Content-Encoding", "aes128gcm") && request_header(q, "TTL", ttl) &&
         request_header(q, "Urgency", urgent ? "high" : "normal") &&
         request_header(q, "Topic", topic) && request_start(q, n->multi, "POST", to.url, &rules);
}

/* ---- a turn ---- */

static request *free_request(notifier *n) {
  for (unsigned i = 0; i < RELAY_MESSAGES_OUT_MAX; i++)
    if (n->requests[i].easy == NULL) return &n->requests[i];
  return NULL;
}

static bool start(notifier *n, request *q, const relay_message *m) {
  memset(q, 0, sizeof *q);
  q->ticket = m->ticket;
  if (m->hook < 0) return start_push(n, q, m);
  const address *to = &n->hooks[m->hook];
  memcpy(q->host, to->host, sizeof q->host);
  return to->ntfy ? start_ntfy(n, q, m, to) : start_webhook(n, q, m, to);
}

void notifier_pump(notifier *n) {
  relay_message m;
  request *q;
  while ((q = free_request(n)) != NULL &&
         relay_message_take(n->relay, lrm_uv_now_ns(n->loop), lrm_uv_wall_ms(), &m)) {
    if (start(n, q, &m)) {
      n->busy++;
      continue;
    }
    /* No memory, or a browser's key that is no point: the first passes. */
    request_end(q, n->multi);
    relay_message_done(n->relay, m.ticket, m.hook < 0 ? RELAY_MESSAGE_REFUSED : RELAY_MESSAGE_LATER,
                       0, lrm_uv_now_ns(n->loop), lrm_uv_wall_ms());
  }
}

bool notifier_busy(const notifier *n) { return n->busy > 0; }

/* ---- opening ---- */

static bool fail(char *error, size_t error_bytes, const char *text, const char *about) {
  snprintf(error, error_bytes, "%s%.300s", text, about);
  return false;
}

static bool add_hook(notifier *n, const char *text, char *error, size_t error_bytes) {
  if (n->hooks_count == RELAY_HOOKS_MAX)
    return fail(error, error_bytes, "too many --notify-url", "");
  address *to = &n->hooks[n->hooks_count];
  relay_hook *hook = &n->told[n->hooks_count];
  if (!address_parse(text, n->settings.ntfy, n->settings.insecure, to, error, error_bytes))
    return false;
  for (size_t i = 0; i < n->hooks_count; i++)
    if (strcmp(n->hooks[i].url, to->url) == 0) return true;
  hook->wants = n->settings.wants;
  if (EVP_Digest(to->url, strlen(to->url), hook->key, NULL, EVP_sha256(), NULL) != 1) return false;
  hook->key[0] = 0xff; /* those of browsers begin with a device; kept apart by more than chance */
  n->hooks_count++;
  return true;
}

/* The first line of a file that nobody else can read, or all its lines. */
static bool read_lines(const char *path, bool first, char *out, size_t out_bytes, notifier *n,
                       char *error, size_t error_bytes) {
  char line[ADDRESS_BYTES_MAX + 16];
  FILE *file = fopen(path, "re");
  bool good = true;
  if (file == NULL) return fail(error, error_bytes, "cannot read ", path);
  while (good && fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0' || (!first && line[0] == '#')) continue;
    if (!first) {
      good = add_hook(n, line, error, error_bytes);
      continue;
    }
    good = strlen(line) < out_bytes || fail(error, error_bytes, "the line is too long in ", path);
    if (good) snprintf(out, out_bytes, "%s", line);
    break;
  }
  fclose(file);
  explicit_bzero(line, sizeof line);
  return good;
}

/* "whsec_BASE64", as others write it, or any text. */
static bool take_secret(notifier *n, char *error, size_t error_bytes) {
  static const char prefix[] = "whsec_";
  char text[SECRET_BYTES_MAX] = "";
  if (!read_lines(n->settings.secret_file, true, text, sizeof text, n, error, error_bytes))
    return false;
  size_t bytes = strlen(text);
  bool coded = strncmp(text, prefix, sizeof prefix - 1) == 0;
  if (bytes < 16)
    return fail(error, error_bytes, "the secret is shorter than 16 letters in ",
                n->settings.secret_file);
  if (coded) {
    const char *value = text + sizeof prefix - 1;
    size_t value_bytes = strlen(value), padding = 0;
    while (padding < 2 && padding < value_bytes && value[value_bytes - 1 - padding] == '=')
      padding++;
    int decoded = EVP_DecodeBlock(n->secret, (const uint8_t *)value, (int)value_bytes);
    if (decoded < (int)padding + 16)
      return fail(error, error_bytes, "whsec_ is not followed by base64 of 16 bytes or more in ",
                  n->settings.secret_file);
    n->secret_bytes = (size_t)decoded - padding;
  } else {
    memcpy(n->secret, text, bytes);
    n->secret_bytes = bytes;
  }
  explicit_bzero(text, sizeof text);
  return true;
}

static bool take_token(notifier *n, char *error, size_t error_bytes) {
  if (!read_lines(n->settings.token_file, true, n->token, sizeof n->token, n, error, error_bytes))
    return false;
  for (const char *at = n->token; *at != '\0'; at++)
    if (*at <= ' ' || *at > '~')
      return fail(error, error_bytes, "that is not a token in ", n->settings.token_file);
  return true;
}

static bool take_settings(notifier *n, char *error, size_t error_bytes) {
  const notifier_settings *s = &n->settings;
  for (size_t i = 0; i < s->urls_count; i++)
    if (!add_hook(n, s->urls[i], error, error_bytes)) return false;
  if (s->url_file != NULL && !read_lines(s->url_file, false, NULL, 0, n, error, error_bytes))
    return false;
  if (s->secret_file != NULL && !take_secret(n, error, error_bytes)) return false;
  return s->token_file == NULL || take_token(n, error, error_bytes);
}

bool notifier_open(notifier **out, uv_loop_t *loop, const notifier_settings *settings,
                   web_push_key *key, char *error, size_t error_bytes) {
  notifier *n = calloc(1, sizeof *n);
  if (n == NULL) return fail(error, error_bytes, "out of memory", "");
  n->loop = loop;
  n->settings = *settings;
  n->key = key;
  web_push_key_public(key, n->point);
  (void)curl_global_init(CURL_GLOBAL_DEFAULT);
  n->multi = curl_multi_init();
  if (n->multi == NULL || !take_settings(n, error, error_bytes)) {
    if (n->multi == NULL) (void)fail(error, error_bytes, "out of memory", "");
    explicit_bzero(n, sizeof *n);
    free(n);
    return false;
  }
  (void)curl_multi_setopt(n->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  (void)curl_multi_setopt(n->multi, CURLMOPT_SOCKETDATA, n);
  (void)curl_multi_setopt(n->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
  (void)curl_multi_setopt(n->multi, CURLMOPT_TIMERDATA, n);
  (void)curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, (long)RELAY_MESSAGES_OUT_MAX);
  (void)uv_timer_init(loop, &n->timer);
  n->timer.data = n;
  *out = n;
  return true;
}

void notifier_configure(const notifier *n, relay_config *config) {
  config->hooks = n->told;
  config->hooks_count = n->hooks_count;
  config->push_key = n->point;
}

void notifier_serve(notifier *n, relay *r) { n->relay = r; }

bool notifier_may_push(const notifier *n, const char *endpoint) {
  address to;
  return address_of_push(endpoint, n->settings.push_here, &to);
}

void notifier_close(notifier *n) {
  if (n == NULL) return;
  for (unsigned i = 0; i < RELAY_MESSAGES_OUT_MAX; i++)
    if (n->requests[i].easy != NULL) request_end(&n->requests[i], n->multi);
  explicit_bzero(n->secret, sizeof n->secret);
  explicit_bzero(n->token, sizeof n->token);
}
