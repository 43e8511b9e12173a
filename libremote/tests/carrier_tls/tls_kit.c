#include "tls_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- ends ---- */

static void on_up(void *user, lrm_carrier *carrier) {
  end *e = user;
  assert_false(e->is_down);
  assert_false(e->is_up);
  e->is_up = true;
  e->carrier = carrier;
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  end *e = user;
  assert_true(e->is_up);
  assert_true(bytes > 0);
  if (e->ignore) return bytes;
  size_t take = e->chunk != 0 ? bytes - bytes % e->chunk : bytes;
  *wanted = e->chunk;
  e->seen = realloc(e->seen, e->seen_bytes + take + 1);
  assert_non_null(e->seen);
  memcpy(e->seen + e->seen_bytes, data, take);
  e->seen_bytes += take;
  lrm_slice slice = {data, take};
  if (e->echo && take > 0) assert_int_equal(lrm_carrier_write(carrier, &slice, 1), 0);
  return take;
}

static void on_writable(void *user, lrm_carrier *carrier) {
  end *e = user;
  assert_true(lrm_carrier_room(carrier) > 0);
  e->writable++;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  end *e = user;
  (void)carrier;
  assert_false(e->is_down);
  assert_non_null(text);
  e->is_down = true;
  e->carrier = NULL;
  e->error = error;
  snprintf(e->text, sizeof e->text, "%s", text);
}

const lrm_carrier_owner end_owner = {on_up, on_received, on_writable, on_down};

void end_clear(end *e) {
  assert_null(e->carrier);
  free(e->seen);
  *e = (end){0};
}

bool end_send(end *e, const void *data, size_t bytes) {
  lrm_slice slice = {data, bytes};
  return lrm_carrier_write(e->carrier, &slice, 1) == 0;
}

/* ---- the kit ---- */

static void on_accepted(void *user, lrm_carrier *carrier) {
  kit *k = user;
  k->server.accepted++;
  if (k->server.carrier != NULL) return; /* a second one is not wanted */
  unsigned accepted = k->server.accepted;
  end kept = k->server;
  free(kept.seen);
  k->server = (end){.accepted = accepted,
                    .carrier = carrier,
                    .is_up = true,
                    .echo = kept.echo,
                    .ignore = kept.ignore,
                    .chunk = kept.chunk};
  carrier->owner = end_owner;
  carrier->owner_user = &k->server;
}

static void on_notice(void *user, lrm_uv_notice kind, const char *about, const char *text) {
  kit *k = user;
  assert_true(strlen(about) > 0);
  if (kind == LRM_UV_NOTICE_REFUSED) k->refused++;
  if (kind == LRM_UV_NOTICE_WARNING) k->warned++;
  if (kind == LRM_UV_NOTICE_UNTRUSTED) k->untrusted++;
  snprintf(k->notice, sizeof k->notice, "%s", text);
}

static const char *keep(const char *name) { return strdup(cert_path(name)); }

void kit_begin(kit *k) {
  static const lrm_uv_kind *const kinds[] = {&lrm_uv_tls_kind, NULL};
  static const char *ca, *cert, *key;
  if (ca == NULL) {
    cert_make("ca", &(cert_wish){.authority = true, .issuer = "ca"});
    cert_make("server", &(cert_wish){0});
    ca = keep("ca.pem");
    cert = keep("server.pem");
    key = keep("server.key");
  }
  *k = (kit){0};
  assert_int_equal(uv_loop_init(&k->loop), 0);
  k->server_settings = (lrm_uv_settings){.struct_bytes = sizeof(lrm_uv_settings),
                                         .trust = {NULL, cert, key},
                                         .kinds = kinds,
                                         .notice = on_notice,
                                         .notice_user = k};
  k->client_settings = k->server_settings;
  k->client_settings.trust = (lrm_uv_trust){ca, NULL, NULL};
}

void kit_end(kit *k) {
  if (k->client.carrier != NULL) lrm_carrier_close(k->client.carrier, false);
  if (k->server.carrier != NULL) lrm_carrier_close(k->server.carrier, false);
  if (k->listener != NULL) lrm_uv_listener_close(k->listener);
  uv_run(&k->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&k->loop), 0);
  end_clear(&k->client);
  end_clear(&k->server);
}

void kit_listen(kit *k) {
  char error[1024] = "";
  lrm_url url;
  assert_int_equal(lrm_url_parse("tls://127.0.0.1:0", &url, error, sizeof error), 0);
  int result = lrm_uv_listen(&k->loop, &url, &k->server_settings, on_accepted, k, &k->listener,
                             error, sizeof error);
  if (result != 0) print_error("%s\n", error);
  assert_int_equal(result, 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(k->listener), &k->url, error, sizeof error),
                   0);
  assert_string_equal(k->url.scheme, "tls");
}

int kit_listen_plain(kit *k, const lrm_url *url, lrm_uv_listener **out) {
  char error[300];
  return lrm_uv_listen(&k->loop, url, NULL, on_accepted, k, out, error, sizeof error);
}

void kit_connect(kit *k, const char *host, unsigned port) {
  lrm_url url = k->url;
  if (url.scheme[0] == '\0') snprintf(url.scheme, sizeof url.scheme, "tls");
  snprintf(url.host, sizeof url.host, "%s", host);
  if (port != 0) url.port = (uint16_t)port;
  end_clear(&k->client);
  assert_int_equal(lrm_uv_connect(&k->loop, &url, &k->client_settings, &end_owner, &k->client,
                                  &k->client.carrier),
                   0);
  assert_false(k->client.is_up || k->client.is_down); /* never from inside the call */
}

void kit_until(kit *k, const bool *condition) {
  for (unsigned i = 0; i < 2000000 && !*condition; i++) uv_run(&k->loop, UV_RUN_ONCE);
  assert_true(*condition);
}

void kit_until_count(kit *k, const unsigned *count, unsigned least) {
  for (unsigned i = 0; i < 2000000 && *count < least; i++) uv_run(&k->loop, UV_RUN_ONCE);
  assert_true(*count >= least);
}

void kit_pair(kit *k) {
  kit_connect(k, "127.0.0.1", 0);
  kit_until(k, &k->client.is_up);
  kit_until(k, &k->server.is_up);
}

void kit_expect_down(kit *k, end *e, const char *words) {
  kit_until(k, &e->is_down);
  if (strstr(e->text, words) == NULL) print_error("got: %s\n", e->text);
  assert_non_null(strstr(e->text, words));
}

/* ---- the proxy ---- */

static void forward(lrm_carrier *to, const uint8_t *data, size_t bytes, size_t step) {
  for (size_t at = 0; at < bytes;) {
    size_t now = step != 0 && step < bytes - at ? step : bytes - at;
    lrm_slice slice = {data + at, now};
    (void)!lrm_carrier_write(to, &slice, 1);
    at += now;
  }
}

static size_t from_client(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  proxy *p = user;
  (void)carrier;
  (void)wanted;
  if (p->inside_up && p->inside != NULL) {
    forward(p->inside, data, bytes, p->step);
    return bytes;
  }
  p->waiting = realloc(p->waiting, p->waiting_bytes + bytes);
  assert_non_null(p->waiting);
  memcpy(p->waiting + p->waiting_bytes, data, bytes);
  p->waiting_bytes += bytes;
  return bytes;
}

static size_t from_server(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  proxy *p = user;
  (void)carrier;
  (void)wanted;
  if (p->outside == NULL) return bytes;
  uint8_t *copy = malloc(bytes);
  assert_non_null(copy);
  memcpy(copy, data, bytes);
  if (p->flip_at > p->from_server && p->flip_at <= p->from_server + bytes) {
    copy[p->flip_at - p->from_server - 1] ^= 0x10;
  }
  p->from_server += bytes;
  forward(p->outside, copy, bytes, p->step);
  free(copy);
  return bytes;
}

static void inside_up(void *user, lrm_carrier *carrier) {
  proxy *p = user;
  p->inside_up = true;
  forward(carrier, p->waiting, p->waiting_bytes, p->step);
  p->waiting_bytes = 0;
}

static void proxy_writable(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

static void outside_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  proxy *p = user;
  (void)carrier;
  (void)error;
  (void)text;
  p->outside = NULL;
  if (p->inside != NULL && !p->half) lrm_carrier_close(p->inside, true);
}

static void inside_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  proxy *p = user;
  (void)carrier;
  (void)error;
  (void)text;
  p->inside = NULL;
  if (p->outside != NULL && !p->half) lrm_carrier_close(p->outside, true);
}

static const lrm_carrier_owner outside_owner = {NULL, from_client, proxy_writable, outside_down};
static const lrm_carrier_owner inside_owner = {inside_up, from_server, proxy_writable, inside_down};

typedef struct proxy_site {
  kit *kit;
  proxy *proxy;
} proxy_site;

static void on_outside(void *user, lrm_carrier *carrier) {
  proxy_site *site = user;
  proxy *p = site->proxy;
  if (p->outside != NULL) return;
  p->outside = carrier;
  carrier->owner = outside_owner;
  carrier->owner_user = p;
  lrm_url url = site->kit->url;
  snprintf(url.scheme, sizeof url.scheme, "tcp");
  p->inside_up = false;
  p->from_server = 0;
  assert_int_equal(lrm_uv_connect(&site->kit->loop, &url, NULL, &inside_owner, p, &p->inside), 0);
}

void proxy_begin(kit *k, proxy *p) {
  static proxy_site site;
  char error[300];
  lrm_url url;
  site = (proxy_site){k, p};
  assert_int_equal(lrm_url_parse("tcp://127.0.0.1:0", &url, error, sizeof error), 0);
  assert_int_equal(
      lrm_uv_listen(&k->loop, &url, NULL, on_outside, &site, &p->listener, error, sizeof error), 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(p->listener), &url, error, sizeof error), 0);
  p->port = url.port;
}

void proxy_cut(proxy *p) {
  p->half = true;
  if (p->outside != NULL) lrm_carrier_close(p->outside, false);
  if (p->inside != NULL) lrm_carrier_close(p->inside, false);
}

void proxy_end(proxy *p) {
  proxy_cut(p);
  lrm_uv_listener_close(p->listener);
  free(p->waiting);
  p->waiting = NULL;
}
