/* wss: straight, through a proxy's CONNECT, and through a proxy that itself wants TLS; whom it
 * trusts and what people are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier_tls/tls_certs.h"
#include "remote/carrier_tls.h"
#include "remote/carrier_ws.h"
#include "remote/http_head.h"

static const lrm_uv_kind *const kinds[] = {&lrm_uv_tls_kind, &lrm_ws_kind, NULL};

/* A relay that echoes, and in front of it a proxy that knows CONNECT. */
typedef struct world {
  uv_loop_t loop;
  lrm_uv_settings server_settings, client_settings;
  lrm_uv_listener *relay, *proxy;
  lrm_url relay_url, proxy_url;
  bool leaving;
  size_t tunnels, open;
} world;

typedef struct client {
  lrm_carrier *carrier;
  size_t up, down, got;
  int error;
  char text[300];
} client;

static void nothing(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

/* ---- the relay ---- */

static void relay_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  (void)carrier;
  (void)error;
  (void)text;
  ((world *)user)->open--;
}

static size_t echo(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                   size_t *wanted) {
  (void)user;
  *wanted = 0;
  lrm_slice part = {data, bytes};
  (void)(lrm_carrier_write(carrier, &part, 1) == 0);
  return bytes;
}

static size_t upgrade(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                      size_t *wanted) {
  static const lrm_carrier_owner owner = {nothing, echo, nothing, relay_down};
  world *w = user;
  lrm_http_head head;
  lrm_slice key;
  char accept[LRM_WS_ACCEPT_BYTES], text[400];
  size_t consumed = 0;
  *wanted = 0;
  assert_int_equal(lrm_http_request_parse(data, bytes, &head, &consumed), 0);
  if (consumed == 0) return 0;
  assert_int_equal(lrm_http_field_count(&head, "sec-websocket-key", &key), 1);
  assert_true(lrm_ws_accept_key(key, accept));
  int length = snprintf(text, sizeof text,
                        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: remote.v1\r\n\r\n",
                        accept);
  lrm_slice part = {(const uint8_t *)text, (size_t)length};
  assert_int_equal(lrm_carrier_write(carrier, &part, 1), 0);
  lrm_carrier *ws = lrm_ws_accept(carrier, &w->leaving);
  assert_non_null(ws);
  ws->owner = owner;
  ws->owner_user = w;
  return consumed;
}

static void relay_accepted(void *user, lrm_carrier *carrier) {
  static const lrm_carrier_owner owner = {nothing, upgrade, nothing, relay_down};
  ((world *)user)->open++;
  carrier->owner = owner;
  carrier->owner_user = user;
}

/* ---- the proxy ---- */

typedef struct tunnel {
  world *world;
  lrm_carrier *outside, *inside; /* NULL: not there, or gone */
} tunnel;

static size_t pass(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                   size_t *wanted) {
  tunnel *t = user;
  lrm_carrier *to = carrier == t->outside ? t->inside : t->outside;
  lrm_slice part = {data, bytes};
  *wanted = 0;
  if (to != NULL) (void)(lrm_carrier_write(to, &part, 1) == 0);
  return bytes;
}

static void tunnel_up(void *user, lrm_carrier *carrier) {
  static const char said[] = "HTTP/1.1 200 Connection established\r\n\r\n";
  tunnel *t = user;
  lrm_slice part = {(const uint8_t *)said, sizeof said - 1};
  (void)carrier;
  if (t->outside != NULL) (void)(lrm_carrier_write(t->outside, &part, 1) == 0);
}

static void tunnel_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  tunnel *t = user;
  lrm_carrier *other = carrier == t->outside ? t->inside : t->outside;
  (void)error;
  (void)text;
  *(carrier == t->outside ? &t->outside : &t->inside) = NULL;
  if (other != NULL) {
    lrm_carrier_close(other, true);
    return;
  }
  t->world->open--;
  free(t);
}

static size_t connect_asked(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                            size_t *wanted);
static const lrm_carrier_owner asked_owner = {nothing, connect_asked, nothing, tunnel_down};
static const lrm_carrier_owner tunnel_owner = {tunnel_up, pass, nothing, tunnel_down};

static size_t connect_asked(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                            size_t *wanted) {
  tunnel *t = user;
  world *w = t->world;
  lrm_http_head head;
  size_t consumed = 0;
  *wanted = 0;
  assert_int_equal(lrm_http_request_parse(data, bytes, &head, &consumed), 0);
  if (consumed == 0) return 0;
  assert_true(lrm_http_is(head.method, "connect") && consumed == bytes);
  lrm_url to = w->relay_url; /* whatever its name is */
  snprintf(to.scheme, sizeof to.scheme, "tcp");
  w->tunnels++;
  carrier->owner = tunnel_owner;
  assert_int_equal(lrm_uv_connect(&w->loop, &to, NULL, &tunnel_owner, t, &t->inside), 0);
  return consumed;
}

static void proxy_accepted(void *user, lrm_carrier *carrier) {
  tunnel *t = calloc(1, sizeof *t);
  assert_non_null(t);
  t->world = user;
  t->world->open++;
  t->outside = carrier;
  carrier->owner = asked_owner;
  carrier->owner_user = t;
}

/* ---- the client ---- */

static void on_up(void *user, lrm_carrier *carrier) {
  client *c = user;
  lrm_slice hello = {(const uint8_t *)"hello", 5};
  c->up++;
  assert_int_equal(lrm_carrier_write(carrier, &hello, 1), 0);
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  client *c = user;
  (void)data;
  *wanted = 0;
  c->got += bytes;
  if (c->got == 5) lrm_carrier_close(carrier, true);
  return bytes;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  client *c = user;
  (void)carrier;
  c->down++;
  c->error = error;
  snprintf(c->text, sizeof c->text, "%s", text);
}

/* ---- tests ---- */

static lrm_uv_listener *listen_on(world *w, const char *text, lrm_url *url,
                                  void (*accepted)(void *, lrm_carrier *)) {
  char error[600];
  lrm_uv_listener *listener = NULL;
  assert_int_equal(lrm_url_parse(text, url, error, sizeof error), 0);
  if (lrm_uv_listen(&w->loop, url, &w->server_settings, accepted, w, &listener, error,
                    sizeof error) != 0) {
    fail_msg("%s", error);
  }
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(listener), url, error, sizeof error), 0);
  return listener;
}

typedef struct secure_case {
  const char *host;
  const char *proxy; /* scheme; NULL: none */
  const char *ca;
  const char *wanted; /* in the text of `down`; NULL: it works */
} secure_case;

static void check(const secure_case *s) {
  static world w;
  client c = {0};
  char text[200], error[300], cert[300], key[300], ca[300];
  lrm_url url;
  static const lrm_carrier_owner owner = {on_up, on_received, nothing, on_down};
  memset(&w, 0, sizeof w);
  snprintf(cert, sizeof cert, "%s", cert_path("server.pem"));
  snprintf(key, sizeof key, "%s", cert_path("server.key"));
  snprintf(ca, sizeof ca, "%s", cert_path(s->ca));
  assert_int_equal(uv_loop_init(&w.loop), 0);
  w.server_settings = (lrm_uv_settings){.struct_bytes = sizeof w.server_settings,
                                        .trust = {.cert_file = cert, .key_file = key},
                                        .kinds = kinds,
                                        .alpn = "http/1.1"};
  w.client_settings = (lrm_uv_settings){
      .struct_bytes = sizeof w.client_settings, .trust = {.ca_file = ca}, .kinds = kinds};
  w.relay = listen_on(&w, "tls://127.0.0.1:0", &w.relay_url, relay_accepted);
  w.proxy = listen_on(&w,
                      s->proxy != NULL && strcmp(s->proxy, "https") == 0 ? "tls://127.0.0.1:0"
                                                                         : "tcp://127.0.0.1:0",
                      &w.proxy_url, proxy_accepted);
  snprintf(text, sizeof text, "%s://127.0.0.1:%u", s->proxy != NULL ? s->proxy : "http",
           (unsigned)w.proxy_url.port);
  if (s->proxy != NULL) assert_int_equal(setenv("https_proxy", text, 1), 0);
  assert_int_equal(setenv("no_proxy", "", 1), 0);
  snprintf(text, sizeof text, "wss://%s:%u", s->host, (unsigned)w.relay_url.port);
  assert_int_equal(lrm_url_parse(text, &url, error, sizeof error), 0);
  assert_int_equal(lrm_uv_connect(&w.loop, &url, &w.client_settings, &owner, &c, &c.carrier), 0);
  while (c.down == 0) (void)uv_run(&w.loop, UV_RUN_ONCE);
  assert_int_equal(unsetenv("https_proxy"), 0);
  if (s->wanted == NULL) {
    if (c.error != 0) fail_msg("%s by %s: %s", s->host, s->proxy, c.text);
    assert_int_equal(c.got, 5);
    assert_int_equal(w.tunnels, s->proxy != NULL);
  } else if (c.error == 0 || strstr(c.text, s->wanted) == NULL) {
    fail_msg("wanted '%s', got '%s'", s->wanted, c.text);
  }
  lrm_uv_listener_close(w.relay);
  lrm_uv_listener_close(w.proxy);
  while (uv_run(&w.loop, UV_RUN_NOWAIT) != 0) {
  }
  assert_int_equal(w.open, 0);
  assert_int_equal(uv_loop_close(&w.loop), 0);
}

static void ways(void **state) {
  (void)state;
  static const secure_case cases[] = {
      {"localhost", NULL, "ca.pem", NULL},
      {"127.0.0.1", NULL, "ca.pem", NULL},
      {"localhost", "http", "ca.pem", NULL},
      {"localhost", "https", "ca.pem", NULL},
      {"localhost", NULL, "other.pem", "certificate"},
      {"localhost", "http", "other.pem", "certificate"},
      {"localhost", "https", "other.pem", "certificate"},
      {"relay.test", "http", "ca.pem", "relay.test"}}; /* the certificate names another */
  cert_make("ca", &(cert_wish){.issuer = "ca", .authority = true});
  cert_make("other", &(cert_wish){.issuer = "other", .authority = true});
  cert_make("server", &(cert_wish){0});
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

int main(void) {
  static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy",   "ALL_PROXY",
                                      "no_proxy",   "NO_PROXY",   "https_proxy", "HTTPS_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
  const struct CMUnitTest tests[] = {cmocka_unit_test(ways)};
  return cmocka_run_group_tests_name("ws_secure", tests, NULL, NULL);
}
