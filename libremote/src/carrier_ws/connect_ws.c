/* The connecting side until the WebSocket is up: to the relay or to a proxy, through the proxy's
 * CONNECT, TLS, the upgrade; 10 s in all.
 *
 * Each step has an inner carrier: tcp, or tls over it. Whoever is asked answers with the head of
 * an HTTP response; nothing else of HTTP is spoken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "carrier_ws/carrier_ws_internal.h"
#include "remote/carrier_tls.h"
#include "remote/http_head.h"

enum { CONNECT_MS_MAX = 10000, REQUEST_BYTES_MAX = 1536, TARGET_BYTES_MAX = 420 };

typedef enum dial_step {
  DIAL_CONNECTING = 0, /* tcp or tls, to the relay or the proxy */
  DIAL_TUNNEL = 1,     /* CONNECT was said */
  DIAL_SECURING = 2,   /* TLS inside the tunnel */
  DIAL_UPGRADE = 3     /* GET was said */
} dial_step;

struct ws_dial {
  uv_timer_t timer;
  uv_loop_t *loop;
  ws_carrier *ws; /* NULL: it is over, the timer is being closed */
  dial_step step;
  lrm_url url;
  ws_proxy proxy;
  char key[25];
  char target[TARGET_BYTES_MAX]; /* for messages */
  char fault[160];               /* known before anything was begun; "": none */
};

static const lrm_carrier_owner dial_owner;

/* ---- ending ---- */

static void on_timer_closed(uv_handle_t *handle) {
  ws_dial *dial = handle->data;
  explicit_bzero(&dial->proxy, sizeof dial->proxy);
  free(dial);
}

/* The dial is over; the carrier goes on or ends without it. */
static void dial_over(ws_carrier *ws) {
  ws_dial *dial = ws->dial;
  ws->dial = NULL;
  dial->ws = NULL;
  uv_close((uv_handle_t *)&dial->timer, on_timer_closed);
}

static void dial_end(ws_carrier *ws) {
  dial_over(ws);
  ws->ending = true;
  if (ws->inner == NULL) {
    lrm__ws_finish(ws);
    return;
  }
  ws->inner->owner = lrm__ws_inner_owner; /* `down` follows */
  lrm_carrier_close(ws->inner, false);
}

/* "cannot connect to wss://host: why" */
static void dial_fail(ws_carrier *ws, const char *why) {
  char text[sizeof ws->error_text];
  snprintf(text, sizeof text, "cannot connect to %.70s: %s", ws->dial->target, why);
  lrm__ws_blame(ws, text);
  dial_end(ws);
}

/* The same, when trying again changes nothing. */
static void dial_refused(ws_carrier *ws, const char *why) {
  const lrm_uv_settings *settings = ws->settings;
  if (settings->notice != NULL) {
    settings->notice(settings->notice_user, LRM_UV_NOTICE_NO_RELAY, ws->dial->target, why);
  }
  dial_fail(ws, why);
}

static void on_timer(uv_timer_t *timer) {
  ws_dial *dial = timer->data;
  static const char *const late[] = {
      [DIAL_CONNECTING] = "no answer within 10 s",
      [DIAL_TUNNEL] = "the proxy did not connect within 10 s",
      [DIAL_SECURING] = "no TLS within 10 s",
      [DIAL_UPGRADE] = "connected, but no answer within 10 s: is a relay there?"};
  if (dial->ws == NULL) return;
  if (dial->ws->ending) { /* cancelled before there was anything */
    dial_end(dial->ws);
    return;
  }
  if (dial->fault[0] != '\0') {
    dial_refused(dial->ws, dial->fault);
  } else {
    dial_fail(dial->ws, late[dial->step]);
  }
}

void lrm__ws_dial_cancel(ws_carrier *ws) {
  if (ws->ending) return;
  ws->ending = true;
  if (ws->inner != NULL) {
    dial_end(ws);
  } else {
    (void)uv_timer_start(&ws->dial->timer, on_timer, 0, 0); /* `down` is told outside this call */
  }
}

/* ---- asking ---- */

static void ask(ws_carrier *ws, dial_step step, const char *request, int bytes) {
  lrm_slice part = {(const uint8_t *)request, (size_t)bytes};
  ws->dial->step = step;
  if (bytes < 0 || bytes >= REQUEST_BYTES_MAX || lrm_carrier_write(ws->inner, &part, 1) != 0) {
    dial_fail(ws, "the connection was lost");
  }
}

/* "host:port", as Host and CONNECT want it. */
static void authority(const lrm_url *url, bool always_port, char *out, size_t out_bytes) {
  bool standard = url->port == (lrm_url_encrypted(url) ? 443 : 80);
  bool v6 = strchr(url->host, ':') != NULL;
  char port[8] = "";
  if (always_port || !standard) snprintf(port, sizeof port, ":%u", (unsigned)url->port);
  snprintf(out, out_bytes, "%s%s%s%s", v6 ? "[" : "", url->host, v6 ? "]" : "", port);
}

static void ask_tunnel(ws_carrier *ws) {
  char request[REQUEST_BYTES_MAX], host[300];
  const ws_proxy *proxy = &ws->dial->proxy;
  authority(&ws->dial->url, true, host, sizeof host);
  bool known = proxy->authorization[0] != '\0';
  int bytes = snprintf(request, sizeof request, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n",
                       host, host, known ? "Proxy-Authorization: Basic " : "", proxy->authorization,
                       known ? "\r\n" : "");
  ask(ws, DIAL_TUNNEL, request, bytes);
  explicit_bzero(request, sizeof request);
}

static void ask_upgrade(ws_carrier *ws) {
  char request[REQUEST_BYTES_MAX], host[300];
  uint8_t key[16];
  ws_dial *dial = ws->dial;
  if (getrandom(key, sizeof key, 0) != sizeof key) {
    dial_fail(ws, "no random numbers");
    return;
  }
  lrm__ws_base64(key, sizeof key, dial->key);
  authority(&dial->url, false, host, sizeof host);
  int bytes = snprintf(request, sizeof request,
                       "GET %s" LRM_WS_PATH
                       " HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
                       "Sec-WebSocket-Version: 13\r\n"
                       "Sec-WebSocket-Protocol: " LRM_WS_PROTOCOL "\r\n\r\n",
                       dial->url.prefix, host, dial->key);
  ask(ws, DIAL_UPGRADE, request, bytes);
}

static void on_inner_up(void *user, lrm_carrier *inner) {
  ws_carrier *ws = user;
  (void)inner;
  if (ws->dial->step == DIAL_CONNECTING && ws->dial->proxy.used) {
    ask_tunnel(ws);
  } else {
    ask_upgrade(ws);
  }
}

/* ---- answers ---- */

static const struct {
  unsigned status;
  const char *why;
} refusals[] = {{200, "it answers, but not as a relay: is the path right?"},
                {400, "the relay answered 400: it does not understand the request"},
                {401, "the answer is 401: something in front of the relay wants a sign-in"},
                {403, "the relay answered 403: it does not serve this host name (--origin there)"},
                {404, "the relay answered 404: is the path right?"},
                {407, "the answer is 407: a proxy wants a user and a password"},
                {421, "the relay answered 421: it does not serve this host name (--origin there)"},
                {426, "the answer is 426: something in between does not let WebSocket through"},
                {429, "the relay answered 429: too many connections; it is tried again"},
                {502, "the answer is 502: the proxy in front does not reach its relay"},
                {503, "the relay answered 503: it is busy or stopping; it is tried again"},
                {504, "the answer is 504: the relay does not answer the proxy in front of it"}};

static const char *known_refusal(unsigned status) {
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
    if (refusals[i].status == status) return refusals[i].why;
  }
  return NULL;
}

/* It may be otherwise in a while. */
static bool heals(unsigned status) { return status >= 500 || status == 429 || status == 408; }

static void explain_status(const lrm_http_head *head, char *out, size_t out_bytes) {
  lrm_slice location;
  char place[64];
  const char *known = known_refusal(head->status);
  if (known != NULL) {
    snprintf(out, out_bytes, "%s", known);
  } else if (head->status >= 300 && head->status < 400 &&
             lrm_http_field_count(head, "location", &location) == 1 &&
             lrm_http_copy(location, place, sizeof place) && strpbrk(place, "?@#\t ") == NULL) {
    snprintf(out, out_bytes, "it is elsewhere (%u): %s", head->status, place);
  } else {
    snprintf(out, out_bytes, "the answer is %u: is this the address of a relay?", head->status);
  }
}

/* NULL: the answer is the wanted one. */
static const char *judge_upgrade(const ws_dial *dial, const lrm_http_head *head) {
  char wanted[LRM_WS_ACCEPT_BYTES];
  lrm_slice key = {(const uint8_t *)dial->key, strlen(dial->key)}, value;
  bool upgraded = lrm_http_lists(head, "upgrade", "websocket") &&
                  lrm_http_lists(head, "connection", "upgrade") && lrm_ws_accept_key(key, wanted) &&
                  lrm_http_field_count(head, "sec-websocket-accept", &value) == 1 &&
                  value.bytes == LRM_WS_ACCEPT_BYTES - 1 &&
                  memcmp(value.data, wanted, value.bytes) == 0;
  if (!upgraded) return "the upgrade to WebSocket was answered wrongly";
  if (lrm_http_field_count(head, "sec-websocket-protocol", &value) != 1 ||
      !lrm_http_is(value, LRM_WS_PROTOCOL)) {
    return "it speaks WebSocket, but not as a relay does";
  }
  if (lrm_http_field_count(head, "sec-websocket-extensions", &value) != 0) {
    return "it wants an extension of WebSocket that nobody asked for";
  }
  return NULL;
}

static void tunnel_answered(ws_carrier *ws, const lrm_http_head *head, size_t more) {
  char why[120];
  ws_dial *dial = ws->dial;
  if (head->status / 100 != 2) {
    snprintf(why, sizeof why,
             head->status == 407 ? "the proxy wants a user and a password (%u)"
                                 : "the proxy does not connect to it: it answered %u",
             head->status);
    if (heals(head->status)) {
      dial_fail(ws, why);
    } else {
      dial_refused(ws, why);
    }
  } else if (more > 0) {
    dial_refused(ws, "the proxy said more than that it is connected");
  } else if (lrm_url_encrypted(&dial->url)) {
    dial->step = DIAL_SECURING;
    if (lrm_tls_connect_over(dial->loop, ws->inner, dial->url.host, ws->settings, &dial_owner, ws,
                             &ws->inner) != 0) {
      dial_fail(ws, "out of memory");
    }
  } else {
    ask_upgrade(ws);
  }
}

static void upgrade_answered(ws_carrier *ws, const lrm_http_head *head) {
  char why[120];
  if (head->status != 101) {
    explain_status(head, why, sizeof why);
    if (heals(head->status)) {
      dial_fail(ws, why);
    } else {
      dial_refused(ws, why);
    }
    return;
  }
  const char *fault = judge_upgrade(ws->dial, head);
  if (fault != NULL) {
    dial_refused(ws, fault);
    return;
  }
  dial_over(ws);
  lrm__ws_begin(ws, ws->inner);
  ws->base.owner.up(ws->base.owner_user, &ws->base);
}

/* Something that is not HTTP. */
static void explain_noise(ws_carrier *ws, const uint8_t *data) {
  bool alert = data[0] == 0x15 && !lrm_url_encrypted(&ws->dial->url) && !ws->dial->proxy.used;
  dial_refused(ws, alert ? "the other side wants TLS: write wss://"
                         : "what answers there does not speak HTTP: is the port right?");
}

static size_t on_inner_received(void *user, lrm_carrier *inner, const uint8_t *data, size_t bytes,
                                size_t *wanted) {
  ws_carrier *ws = user;
  lrm_http_head head;
  size_t head_bytes = 0;
  dial_step step = ws->dial->step;
  *wanted = 0;
  if (step != DIAL_TUNNEL && step != DIAL_UPGRADE) return bytes; /* nobody was asked */
  if (lrm_http_response_parse(data, bytes, &head, &head_bytes) != 0) {
    explain_noise(ws, data);
    return bytes;
  }
  if (head_bytes == 0) return 0;
  if (head.status >= 100 && head.status < 200 && head.status != 101) return head_bytes;
  if (step == DIAL_TUNNEL) {
    tunnel_answered(ws, &head, bytes - head_bytes);
    return bytes;
  }
  upgrade_answered(ws, &head);
  if (!ws->up || ws->ending || head_bytes == bytes) return bytes;
  return head_bytes + inner->owner.received(inner->owner_user, inner, data + head_bytes,
                                            bytes - head_bytes, wanted);
}

/* ---- the inner carrier goes ---- */

static void on_inner_writable(void *user, lrm_carrier *inner) {
  (void)user;
  (void)inner;
}

/* "cannot connect to tcp://host:port: why": only the reason, for the rest names the inner carrier.
 */
static const char *reason_of(const char *text) {
  static const char start[] = "cannot connect to ";
  if (strncmp(text, start, sizeof start - 1) != 0) return text;
  const char *why = strstr(text, ": ");
  return why != NULL ? why + 2 : text;
}

static void on_inner_down(void *user, lrm_carrier *inner, int error, const char *text) {
  ws_carrier *ws = user;
  ws_dial *dial = ws->dial;
  char why[160];
  (void)inner;
  (void)error;
  ws->inner = NULL;
  text = text == NULL || text[0] == '\0' ? "the connection was closed" : text;
  bool to_proxy = dial->proxy.used && dial->step <= DIAL_TUNNEL;
  if (to_proxy) {
    snprintf(why, sizeof why, "the proxy %.60s: %s", dial->proxy.host, reason_of(text));
  } else if (dial->step == DIAL_UPGRADE) {
    snprintf(why, sizeof why, "%s, without an answer: is this the port of a relay?", text);
  } else {
    snprintf(why, sizeof why, "%s", reason_of(text));
  }
  dial_fail(ws, why);
}

static const lrm_carrier_owner dial_owner = {.up = on_inner_up,
                                             .received = on_inner_received,
                                             .writable = on_inner_writable,
                                             .down = on_inner_down};

/* ---- beginning ---- */

static const char *environment(const char *name) { return getenv(name); }

/* Whom the first connection is to. */
static lrm_url first_url(const ws_dial *dial) {
  lrm_url url = {.port = dial->proxy.used ? dial->proxy.port : dial->url.port};
  bool encrypted = dial->proxy.used ? dial->proxy.encrypted : lrm_url_encrypted(&dial->url);
  snprintf(url.scheme, sizeof url.scheme, "%s", encrypted ? "tls" : "tcp");
  memcpy(url.host, dial->proxy.used ? dial->proxy.host : dial->url.host, sizeof url.host);
  return url;
}

static ws_carrier *make(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings) {
  ws_carrier *ws = lrm__ws_new(true);
  if (ws == NULL) return NULL;
  ws->dial = calloc(1, sizeof *ws->dial);
  ws->settings = calloc(1, sizeof *ws->settings);
  if (ws->dial == NULL || ws->settings == NULL || uv_timer_init(loop, &ws->dial->timer) != 0) {
    free(ws->dial);
    free(ws->settings);
    free(ws);
    return NULL;
  }
  if (settings != NULL) *ws->settings = *settings;
  ws->settings->struct_bytes = sizeof *ws->settings;
  ws->settings->alpn = "http/1.1";
  ws->dial->timer.data = ws->dial;
  ws->dial->loop = loop;
  ws->dial->ws = ws;
  ws->dial->url = *url;
  lrm_url_text(url, ws->dial->target, sizeof ws->dial->target);
  return ws;
}

static int ws_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                      const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out) {
  ws_carrier *ws = make(loop, url, settings);
  if (ws == NULL) return LRM_ERR_NO_MEMORY;
  ws_dial *dial = ws->dial;
  int result = lrm__ws_proxy_of(url, environment, &dial->proxy, dial->fault, sizeof dial->fault);
  bool known_fault = result != 0; /* told by `down` */
  if (!known_fault) {
    lrm_url first = first_url(dial);
    result = lrm_uv_connect(loop, &first, ws->settings, &dial_owner, ws, &ws->inner);
    if (result != 0) {
      ws->inner = NULL;
      dial_end(ws); /* without an owner: the return value tells */
      return result;
    }
  }
  ws->base.owner = *owner;
  ws->base.owner_user = owner_user;
  (void)uv_timer_start(&dial->timer, on_timer, known_fault ? 0 : CONNECT_MS_MAX, 0);
  *out = &ws->base;
  return 0;
}

static const char *const schemes[] = {"ws", "wss", "http", "https", NULL};

const lrm_uv_kind lrm_ws_kind = {schemes, ws_connect, NULL};
