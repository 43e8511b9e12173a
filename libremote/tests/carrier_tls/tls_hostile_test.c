/* A listener and a client against what is not ours: other TLS, no TLS, garbage, silence, floods.
 * The stranger is OpenSSL or a bare socket in a thread of its own. */
#include "tls_kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

typedef struct stranger {
  kit *kit;
  void (*act)(struct stranger *s);
  unsigned port;
  int fd;
  uv_async_t over;
  bool done;
  int version; /* TLS at most; 0: any */
  const unsigned char *alpn;
  unsigned alpn_bytes;
  char cert[160], key[160];
  int result;     /* of SSL_connect */
  char said[256]; /* OpenSSL's reason; "" */
} stranger;

static int dial(unsigned port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct timeval patience = {.tv_sec = 60};
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
      connect(fd, (const struct sockaddr *)&to, sizeof to) != 0) {
    return -1;
  }
  return fd;
}

static void on_over(uv_async_t *handle) {
  stranger *s = handle->data;
  s->done = true;
  uv_close((uv_handle_t *)handle, NULL);
}

static void thread(void *user) {
  stranger *s = user;
  s->fd = dial(s->port);
  if (s->fd >= 0) s->act(s);
  if (s->fd >= 0) close(s->fd);
  uv_async_send(&s->over);
}

/* Runs the stranger beside the loop, to its end. */
static void visit(kit *k, stranger *s) {
  uv_thread_t id;
  s->kit = k;
  if (s->port == 0) s->port = k->url.port;
  s->over.data = s;
  assert_int_equal(uv_async_init(&k->loop, &s->over, on_over), 0);
  assert_int_equal(uv_thread_create(&id, thread, s), 0);
  kit_until(k, &s->done);
  uv_thread_join(&id);
  assert_true(s->fd >= 0);
}

static SSL *hello(stranger *s) {
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (s->version != 0) {
    SSL_CTX_set_min_proto_version(context, 0);
    SSL_CTX_set_max_proto_version(context, s->version);
    SSL_CTX_set_cipher_list(context, "DEFAULT@SECLEVEL=0");
  }
  if (s->alpn != NULL) SSL_CTX_set_alpn_protos(context, s->alpn, s->alpn_bytes);
  if (s->cert[0] != '\0') {
    SSL_CTX_use_certificate_file(context, s->cert, SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context, s->key, SSL_FILETYPE_PEM);
  }
  SSL *ssl = SSL_new(context);
  SSL_CTX_free(context);
  SSL_set_fd(ssl, s->fd);
  ERR_clear_error();
  s->result = SSL_connect(ssl);
  const char *reason = ERR_reason_error_string(ERR_peek_error());
  snprintf(s->said, sizeof s->said, "%s", reason != NULL ? reason : "");
  return ssl;
}

/* Says something, reads until the server ends it. */
static void just_connect(stranger *s) {
  char byte;
  SSL *ssl = hello(s);
  if (s->result == 1) {
    SSL_write(ssl, "hi", 2);
    while (SSL_read(ssl, &byte, 1) > 0) continue;
    if (s->said[0] == '\0') {
      const char *reason = ERR_reason_error_string(ERR_peek_error());
      snprintf(s->said, sizeof s->said, "%s", reason != NULL ? reason : "");
    }
  }
  SSL_free(ssl);
}

static void accept_and_close(kit *k, stranger *s) {
  /* The loop ends a good visit: the server hangs up when it has heard "hi". */
  uv_thread_t id;
  s->kit = k;
  s->port = k->url.port;
  s->over.data = s;
  assert_int_equal(uv_async_init(&k->loop, &s->over, on_over), 0);
  assert_int_equal(uv_thread_create(&id, thread, s), 0);
  for (unsigned i = 0; i < 2000000 && !s->done; i++) {
    uv_run(&k->loop, UV_RUN_ONCE);
    if (k->server.carrier != NULL && k->server.seen_bytes >= 2) {
      lrm_carrier_close(k->server.carrier, true);
      k->server.seen_bytes = 0;
    }
  }
  assert_true(s->done);
  uv_thread_join(&id);
}

static void versions_and_protocols(void **state) {
  (void)state;
  static const unsigned char ours[] = "\x08remote/1", http[] = "\x02h2\x08http/1.1",
                             among[] = "\x02h2\x08remote/1";
  static const struct {
    int version;
    const unsigned char *alpn;
    unsigned alpn_bytes;
    bool good;
    const char *words;
  } cases[] = {
      {0, ours, sizeof ours - 1, true, NULL},
      {0, among, sizeof among - 1, true, NULL},
      {0, NULL, 0, true, NULL}, /* a client without ALPN may come */
      {TLS1_2_VERSION, ours, sizeof ours - 1, true, NULL},
      {0, http, sizeof http - 1, false, "other protocols"},
      {TLS1_2_VERSION, http, sizeof http - 1, false, "other protocols"},
      {TLS1_1_VERSION, ours, sizeof ours - 1, false, "neither TLS 1.2 nor 1.3"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    kit k;
    kit_begin(&k);
    kit_listen(&k);
    stranger s = {.act = just_connect,
                  .version = cases[i].version,
                  .alpn = cases[i].alpn,
                  .alpn_bytes = cases[i].alpn_bytes};
    accept_and_close(&k, &s);
    assert_int_equal(s.result == 1, cases[i].good);
    assert_int_equal(k.server.accepted, cases[i].good);
    if (!cases[i].good) {
      kit_until_count(&k, &k.refused, 1);
      if (strstr(k.notice, cases[i].words) == NULL) print_error("got: %s\n", k.notice);
      assert_non_null(strstr(k.notice, cases[i].words));
    }
    kit_end(&k);
  }
}

/* In TLS 1.2 the server tells a client without a certificate only that it failed. */
static void certificates_in_tls_1_2(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_end(&k);
  cert_make("old-device", &(cert_wish){.client = true});
  for (int with = 0; with < 2; with++) {
    kit_begin(&k);
    k.server_settings.trust.ca_file = k.client_settings.trust.ca_file;
    kit_listen(&k);
    stranger s = {.act = just_connect, .version = TLS1_2_VERSION};
    if (with) {
      snprintf(s.cert, sizeof s.cert, "%s", cert_path("old-device.pem"));
      snprintf(s.key, sizeof s.key, "%s", cert_path("old-device.key"));
    }
    accept_and_close(&k, &s);
    assert_int_equal(k.server.accepted, with);
    if (!with) assert_non_null(strstr(k.notice, "has no certificate"));
    kit_end(&k);
  }
}

static void renegotiate(stranger *s) {
  char byte;
  SSL *ssl = hello(s);
  SSL_renegotiate(ssl);
  s->result = SSL_do_handshake(ssl);
  if (s->result == 1) s->result = SSL_read(ssl, &byte, 1);
  SSL_free(ssl);
}

static void no_renegotiation(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  stranger s = {.act = renegotiate, .version = TLS1_2_VERSION};
  visit(&k, &s);
  assert_true(s.result <= 0);
  assert_int_equal(k.server.accepted, 1);
  kit_until(&k, &k.server.is_down);
  kit_end(&k);
}

/* Asks for new keys without end, and reads no answer. */
static void rekey(stranger *s) {
  SSL *ssl = hello(s);
  for (int i = 0; i < 1000000 && s->result == 1; i++) {
    SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED);
    s->result = SSL_do_handshake(ssl);
  }
  SSL_free(ssl);
}

static void answers_that_nobody_reads(void **state) {
  (void)state;
  static uint8_t block[16384];
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  stranger s = {.act = rekey, .port = k.url.port, .kit = &k};
  uv_thread_t id;
  s.over.data = &s;
  assert_int_equal(uv_async_init(&k.loop, &s.over, on_over), 0);
  assert_int_equal(uv_thread_create(&id, thread, &s), 0);
  kit_until_count(&k, &k.server.accepted, 1);
  while (lrm_carrier_room(k.server.carrier) > 0) {
    assert_true(end_send(&k.server, block, sizeof block));
  }
  kit_expect_down(&k, &k.server, "does not read the answers");
  kit_until(&k, &s.done);
  uv_thread_join(&id);
  assert_true(s.result <= 0);
  kit_end(&k);
}

/* ---- bytes that are no TLS ---- */

static const struct {
  const char *bytes;
  size_t count;
} noises[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27},
    {"\x0a\x02\x08\x01", 4},
    {"\x00", 1},
    {"\xff\xff\xff\xff\xff\xff\xff\xff", 8},
    {"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10},         /* a ClientHello of one byte */
    {"\x16\x03\x01\xff\xff\x01\x00\xff\xff", 9},              /* a record that is too long */
    {"\x17\x03\x03\x00\x10qqqqqqqqqqqqqqqq", 21},             /* data before a handshake */
    {"\x15\x03\x03\x00\x02\x02\x28", 7},                      /* an alert first */
    {"\x14\x03\x03\x00\x01\x01\x14\x03\x03\x00\x01\x01", 12}, /* changes of cipher */
    {"\x80\x2e\x01\x00\x02", 5},                              /* SSL 2 */
    {"CONNECT relay:443 HTTP/1.1\r\n\r\n", 30},
};

static void make_noise(stranger *s) {
  char byte[64];
  size_t which = (size_t)s->result;
  if (send(s->fd, noises[which].bytes, noises[which].count, MSG_NOSIGNAL) < 0) return;
  shutdown(s->fd, SHUT_WR);
  while (recv(s->fd, byte, sizeof byte, 0) > 0) continue;
}

static void garbage_is_refused(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  for (size_t i = 0; i < sizeof noises / sizeof noises[0]; i++) {
    stranger s = {.act = make_noise, .result = (int)i};
    visit(&k, &s);
    assert_int_equal(k.server.accepted, 0);
  }
  kit_connect(&k, "localhost", 0); /* somebody honest still gets in */
  kit_until(&k, &k.client.is_up);
  kit_end(&k);
}

/* A handshake that never ends, in well-formed records: bounded. */
static void flood(stranger *s) {
  uint8_t record[5 + 16000] = {0x16, 3, 1, 16000 >> 8, 16000 & 0xff, 1, 1, 0xf0, 0};
  char byte;
  for (int i = 0; i < 64; i++) {
    if (send(s->fd, record, sizeof record, MSG_NOSIGNAL) < 0) break;
    s->result = i;
    memset(record + 5, 0, 16000);
  }
  while (recv(s->fd, &byte, 1, 0) > 0) continue;
}

static void a_handshake_is_bounded(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  stranger s = {.act = flood};
  visit(&k, &s);
  assert_int_equal(k.server.accepted, 0);
  assert_int_equal(k.refused, 1);
  kit_end(&k);
}

/* ---- silence ---- */

static void silence_has_a_deadline(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  char buffer[8];
  int fd = dial(k.url.port);
  assert_true(fd >= 0);
  /* Our client against a port that accepts and says nothing. */
  int mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct sockaddr_in at = {.sin_family = AF_INET};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof at;
  assert_int_equal(bind(mute, (const struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(listen(mute, 4), 0);
  assert_int_equal(getsockname(mute, (struct sockaddr *)&at, &bytes), 0);
  kit_connect(&k, "localhost", ntohs(at.sin_port));
  kit_expect_down(&k, &k.client, "longer than 10 s");
  kit_until_count(&k, &k.refused, 1);
  assert_non_null(strstr(k.notice, "longer than 10 s"));
  kit_end(&k);
  assert_int_equal(recv(fd, buffer, sizeof buffer, 0), 0);
  close(fd);
  close(mute);
}

/* However many say nothing, the next honest one gets in: the oldest has to go. */
static void silent_ones_make_room(void **state) {
  (void)state;
  enum { SILENT = 600 };
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  static int fds[SILENT];
  for (int i = 0; i < SILENT; i++) {
    fds[i] = dial(k.url.port);
    assert_true(fds[i] >= 0);
    uv_run(&k.loop, UV_RUN_NOWAIT);
  }
  kit_until_count(&k, &k.refused, SILENT - 512);
  assert_non_null(strstr(k.notice, "too many TLS handshakes"));
  kit_connect(&k, "localhost", 0);
  kit_until(&k, &k.client.is_up);
  kit_until_count(&k, &k.server.accepted, 1);
  for (int i = 0; i < SILENT; i++) close(fds[i]);
  kit_end(&k);
}

/* ---- a changed byte, a client among strangers ---- */

static void a_changed_byte_ends_it(void **state) {
  (void)state;
  /* Kind of the first record, hello, key, certificate, signature. */
  static const size_t places[] = {1, 20, 60, 200, 500};
  for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
    kit k;
    proxy p = {.flip_at = places[i]};
    kit_begin(&k);
    kit_listen(&k);
    proxy_begin(&k, &p);
    kit_connect(&k, "127.0.0.1", p.port);
    kit_until(&k, &k.client.is_down);
    assert_false(k.client.is_up);
    assert_int_equal(k.client.error, LRM_ERR_CARRIER);
    proxy_end(&p);
    kit_end(&k);
  }
  kit k;
  proxy p = {0};
  kit_begin(&k);
  kit_listen(&k);
  proxy_begin(&k, &p);
  kit_connect(&k, "127.0.0.1", p.port);
  kit_until(&k, &k.client.is_up);
  kit_until(&k, &k.server.is_up);
  p.flip_at = p.from_server + 12;
  assert_true(end_send(&k.server, "important", 9));
  kit_until(&k, &k.client.is_down);
  assert_int_equal(k.client.seen_bytes, 0);
  kit_until(&k, &k.server.is_down);
  proxy_end(&p);
  kit_end(&k);
}

static void plain_ports_are_told(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  /* A server that speaks first, and not TLS. */
  lrm_uv_listener *plain = NULL;
  lrm_url url;
  char error[300];
  assert_int_equal(lrm_url_parse("tcp://127.0.0.1:0", &url, error, sizeof error), 0);
  k.server.echo = true; /* our own ClientHello comes back */
  assert_int_equal(kit_listen_plain(&k, &url, &plain), 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(plain), &url, error, sizeof error), 0);
  kit_connect(&k, "127.0.0.1", url.port);
  kit_until(&k, &k.client.is_down);
  assert_int_equal(k.client.error, LRM_ERR_CARRIER);
  lrm_uv_listener_close(plain);
  kit_end(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(versions_and_protocols), cmocka_unit_test(certificates_in_tls_1_2),
      cmocka_unit_test(no_renegotiation),       cmocka_unit_test(answers_that_nobody_reads),
      cmocka_unit_test(garbage_is_refused),     cmocka_unit_test(a_handshake_is_bounded),
      cmocka_unit_test(silence_has_a_deadline), cmocka_unit_test(silent_ones_make_room),
      cmocka_unit_test(a_changed_byte_ends_it), cmocka_unit_test(plain_ports_are_told)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
