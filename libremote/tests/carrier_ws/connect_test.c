/* Connecting to a WebSocket on loopback: what answers the relay or a proxy may give and what people
 * are told, proxies, TLS's absence, deadlines, closing at each step, and a thousand times over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier_ws/carrier_ws_internal.h"
#include "remote/http_head.h"

enum { REQUEST_BYTES = 2048 };

/* A peer that answers heads by a script: "%s" is the right Sec-WebSocket-Accept. NULL: it closes;
 * "": it says nothing. */
typedef struct peer {
  uv_loop_t *loop;
  lrm_uv_listener *listener;
  lrm_url url;
  const char *answers[3]; /* to the first head of a connection, to the second */
  size_t heads;
  char requests[3][REQUEST_BYTES];
  lrm_carrier *socket; /* accepted as a WebSocket */
  bool leaving;
  size_t open, messages;
} peer;

typedef struct client {
  lrm_carrier *carrier;
  size_t up, down, got, writable;
  int error;
  bool close_when_up, no_relay;
  char text[200];
} client;

/* ---- the peer ---- */

static void answer(peer *p, lrm_carrier *carrier, const lrm_http_head *head) {
  char text[1024], accept[LRM_WS_ACCEPT_BYTES] = "";
  lrm_slice key;
  const char *script = p->answers[p->heads - 1];
  if (script == NULL) {
    lrm_carrier_close(carrier, true);
    return;
  }
  if (lrm_http_field_count(head, "sec-websocket-key", &key) == 1) {
    assert_true(lrm_ws_accept_key(key, accept));
  }
  const char *mark = strstr(script, "%s");
  int bytes = mark == NULL ? snprintf(text, sizeof text, "%s", script)
                           : snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - script), script,
                                      accept, mark + 2);
  lrm_slice part = {(const uint8_t *)text, (size_t)bytes};
  assert_int_equal(lrm_carrier_write(carrier, &part, 1), 0);
}

static size_t socket_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                              size_t *wanted) {
  peer *p = user;
  *wanted = 0;
  p->messages++;
  lrm_slice part = {data, bytes}; /* echo */
  (void)(lrm_carrier_write(carrier, &part, 1) == 0);
  return bytes;
}

static void nothing(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

static void peer_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  peer *p = user;
  (void)carrier;
  (void)error;
  (void)text;
  p->open--;
  p->socket = NULL;
}

static size_t peer_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                            size_t *wanted) {
  static const lrm_carrier_owner socket_owner = {nothing, socket_received, nothing, peer_down};
  peer *p = user;
  lrm_http_head head;
  size_t consumed = 0;
  *wanted = 0;
  if (lrm_http_request_parse(data, bytes, &head, &consumed) != 0) {
    lrm_carrier_close(carrier, false);
    return bytes;
  }
  if (consumed == 0) return 0;
  assert_true(consumed < REQUEST_BYTES && p->heads < 3);
  memcpy(p->requests[p->heads], data, consumed);
  p->requests[p->heads++][consumed] = '\0';
  answer(p, carrier, &head);
  const char *said = p->answers[p->heads - 1];
  if (said != NULL && strstr(said, "%s") != NULL && strncmp(said, "HTTP/1.1 101", 12) == 0) {
    p->socket = lrm_ws_accept(carrier, &p->leaving);
    assert_non_null(p->socket);
    p->socket->owner = socket_owner;
    p->socket->owner_user = p;
  }
  return consumed;
}

static void peer_accepted(void *user, lrm_carrier *carrier) {
  static const lrm_carrier_owner owner = {nothing, peer_received, nothing, peer_down};
  peer *p = user;
  p->heads = 0;
  p->open++;
  carrier->owner = owner;
  carrier->owner_user = p;
}

static void peer_open(peer *p, uv_loop_t *loop) {
  char error[300];
  memset(p, 0, sizeof *p);
  p->loop = loop;
  assert_int_equal(lrm_url_parse("tcp://127.0.0.1:0", &p->url, error, sizeof error), 0);
  assert_int_equal(
      lrm_uv_listen(loop, &p->url, NULL, peer_accepted, p, &p->listener, error, sizeof error), 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(p->listener), &p->url, error, sizeof error),
                   0);
}

/* ---- the client ---- */

static void client_up(void *user, lrm_carrier *carrier) {
  client *c = user;
  c->up++;
  if (c->close_when_up) lrm_carrier_close(carrier, true);
}

static size_t client_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                              size_t *wanted) {
  client *c = user;
  (void)carrier;
  (void)data;
  *wanted = 0;
  c->got += bytes;
  return bytes;
}

static void client_writable(void *user, lrm_carrier *carrier) {
  (void)carrier;
  ((client *)user)->writable++;
}

static void client_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  client *c = user;
  (void)carrier;
  c->down++;
  c->error = error;
  snprintf(c->text, sizeof c->text, "%s", text);
}

static const lrm_carrier_owner client_owner = {client_up, client_received, client_writable,
                                               client_down};

static void client_notice(void *user, lrm_uv_notice kind, const char *about, const char *text) {
  client *c = user;
  assert_int_equal(kind, LRM_UV_NOTICE_NO_RELAY);
  assert_non_null(strstr(about, "://"));
  assert_true(text[0] != '\0');
  c->no_relay = true;
}

static void client_open(client *c, uv_loop_t *loop, const char *text) {
  lrm_uv_settings settings = {
      .struct_bytes = sizeof settings, .notice = client_notice, .notice_user = c};
  lrm_url url;
  char error[300];
  memset(c, 0, sizeof *c);
  assert_int_equal(lrm_url_parse(text, &url, error, sizeof error), 0);
  assert_int_equal(lrm_ws_kind.connect(loop, &url, &settings, &client_owner, c, &c->carrier), 0);
  assert_int_equal(c->up + c->down, 0);
}

/* A test that hangs is ended by ctest. */
static void run_until(uv_loop_t *loop, const size_t *counter, size_t wanted) {
  while (*counter < wanted) (void)uv_run(loop, UV_RUN_ONCE);
}

static void finish(uv_loop_t *loop, peer *p) {
  lrm_uv_listener_close(p->listener);
  while (uv_run(loop, UV_RUN_NOWAIT) != 0) {
  }
  assert_int_equal(p->open, 0);
  assert_int_equal(uv_loop_close(loop), 0); /* nothing is left on it */
}

#define SWITCHED                                                                      \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nconnection: upgrade\r\n" \
  "Sec-WebSocket-Accept: %s\r\n"
#define GOOD SWITCHED "Sec-WebSocket-Protocol: remote.v1\r\n\r\n"

/* ---- tests ---- */

static void answers_and_what_people_are_told(void **state) {
  (void)state;
  static const struct {
    const char *answer, *wanted;
  } cases[] = {
      {"HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope", "404: is the path right?"},
      {"HTTP/1.1 200 OK\r\n\r\n", "not as a relay"},
      {"HTTP/1.1 421 x\r\n\r\n", "--origin"},
      {"HTTP/1.1 401 x\r\n\r\n", "sign-in"},
      {"HTTP/1.1 429 x\r\n\r\n", "too many"},
      {"HTTP/1.1 502 x\r\n\r\n", "does not reach its relay"},
      {"HTTP/1.1 503 x\r\n\r\n", "tried again"},
      {"HTTP/1.1 418 x\r\n\r\n", "418"},
      {"HTTP/1.1 301 x\r\nLocation: https://other.example/\r\n\r\n", "https://other.example/"},
      {"HTTP/1.1 301 x\r\nLocation: https://u:p@other.example/\r\n\r\n", "301: is this"},
      {"HTTP/1.1 301 x\r\n\r\n", "301: is this"},
      {"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"},
      {"\x15\x03\x01\x00\x02\x02\x46", "wants TLS: write wss://"},
      {NULL, "without an answer"},
      {SWITCHED "\r\n", "not as a relay"},
      {SWITCHED "Sec-WebSocket-Protocol: chat\r\n\r\n", "not as a relay"},
      {SWITCHED "Sec-WebSocket-Protocol: remote.v1\r\nSec-WebSocket-Extensions: x\r\n\r\n",
       "extension"},
      {"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
       "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
       "Sec-WebSocket-Protocol: remote.v1\r\n\r\n",
       "answered wrongly"},
      {"HTTP/1.1 101 x\r\nSec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: remote.v1\r\n\r\n",
       "answered wrongly"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uv_loop_t loop;
    peer p;
    client c;
    char url[100];
    assert_int_equal(uv_loop_init(&loop), 0);
    peer_open(&p, &loop);
    p.answers[0] = cases[i].answer;
    snprintf(url, sizeof url, "ws://127.0.0.1:%u/relay", (unsigned)p.url.port);
    client_open(&c, &loop, url);
    run_until(&loop, &c.down, 1);
    assert_int_equal(c.up, 0);
    assert_int_equal(c.error, LRM_ERR_CARRIER);
    if (strstr(c.text, cases[i].wanted) == NULL || strstr(c.text, url) == NULL) {
      fail_msg("wanted '%s', got '%s'", cases[i].wanted, c.text);
    }
    bool heals = cases[i].answer == NULL || strstr(cases[i].answer, " 5") != NULL ||
                 strstr(cases[i].answer, " 429") != NULL;
    assert_int_equal(c.no_relay, !heals);
    assert_non_null(strstr(p.requests[0], "GET /relay/v1/link HTTP/1.1\r\n"));
    finish(&loop, &p);
  }
}

static void connects_and_echoes(void **state) {
  (void)state;
  uv_loop_t loop;
  peer p;
  client c;
  char url[100];
  assert_int_equal(uv_loop_init(&loop), 0);
  peer_open(&p, &loop);
  p.answers[0] = GOOD;
  snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)p.url.port);
  client_open(&c, &loop, url);
  run_until(&loop, &c.up, 1);
  snprintf(url, sizeof url, "Host: 127.0.0.1:%u\r\n", (unsigned)p.url.port);
  assert_non_null(strstr(p.requests[0], url));
  assert_non_null(strstr(p.requests[0], "GET /v1/link HTTP/1.1\r\n"));
  assert_null(strstr(p.requests[0], "Origin"));
  assert_null(strstr(p.requests[0], "Extensions"));
  static uint8_t large[1000000];
  lrm_slice hello = {large, 5}, part = {large, sizeof large};
  assert_int_equal(lrm_carrier_write(c.carrier, &hello, 1), 0);
  run_until(&loop, &c.got, 5);
  assert_int_equal(lrm_carrier_room(c.carrier), LRM_CARRIER_BUFFER_BYTES_MAX);
  assert_int_equal(lrm_carrier_write(c.carrier, &part, 1), 0);
  run_until(&loop, &c.got, 5 + sizeof large);
  assert_int_equal(p.messages, 2);
  p.leaving = true;
  lrm_carrier_close(p.socket, true);
  run_until(&loop, &c.down, 1);
  assert_int_equal(c.error, LRM_ERR_CARRIER);
  assert_non_null(strstr(c.text, "1001: it is going away"));
  finish(&loop, &p);
}

/* A reader that stands still costs the writer 128 KiB and what the kernels hold, not more. */
static void stops_at_its_room(void **state) {
  (void)state;
  uv_loop_t loop;
  peer p;
  client c;
  char url[100];
  static uint8_t block[16 * 1024];
  assert_int_equal(uv_loop_init(&loop), 0);
  peer_open(&p, &loop);
  p.answers[0] = GOOD;
  snprintf(url, sizeof url, "ws://127.0.0.1:%u", (unsigned)p.url.port);
  client_open(&c, &loop, url);
  run_until(&loop, &c.up, 1);
  size_t written = 0;
  lrm_slice part = {block, sizeof block};
  while (lrm_carrier_room(p.socket) > 0) { /* nobody reads: the loop does not run */
    assert_int_equal(lrm_carrier_write(p.socket, &part, 1), 0);
    written += sizeof block;
    assert_true(written < 64u * 1024 * 1024);
  }
  run_until(&loop, &c.got, written);
  assert_true(lrm_carrier_room(p.socket) == LRM_CARRIER_BUFFER_BYTES_MAX);
  lrm_carrier_close(c.carrier, true);
  run_until(&loop, &c.down, 1);
  assert_int_equal(c.error, 0);
  finish(&loop, &p);
}

/* Proxies: CONNECT with whom and as whom, then the upgrade inside. */
static void through_a_proxy(void **state) {
  (void)state;
  static const struct {
    const char *answers[2], *wanted;
  } cases[] = {{{"HTTP/1.1 200 Connection established\r\n\r\n", GOOD}, NULL},
               {{"HTTP/1.0 200 OK\r\nProxy-agent: tinyproxy\r\n\r\n", GOOD}, NULL},
               {{"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n", NULL}, "a user and a pass"},
               {{"HTTP/1.1 403 x\r\n\r\n", NULL}, "it answered 403"},
               {{"HTTP/1.1 200 OK\r\n\r\nmore", NULL}, "said more"},
               {{"garbage garbage\r\n", NULL}, "does not speak HTTP"},
               {{NULL, NULL}, "the proxy 127.0.0.1"},
               {{"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 404 x\r\n\r\n"}, "404: is the path"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uv_loop_t loop;
    peer p;
    client c;
    char proxy[100];
    assert_int_equal(uv_loop_init(&loop), 0);
    peer_open(&p, &loop);
    p.answers[0] = cases[i].answers[0];
    p.answers[1] = cases[i].answers[1];
    snprintf(proxy, sizeof proxy, "http://me:secret@127.0.0.1:%u", (unsigned)p.url.port);
    assert_int_equal(setenv("http_proxy", proxy, 1), 0);
    client_open(&c, &loop, "ws://relay.test:4711/x");
    run_until(&loop, cases[i].wanted == NULL ? &c.up : &c.down, 1);
    if (cases[i].wanted != NULL && strstr(c.text, cases[i].wanted) == NULL) fail_msg("%s", c.text);
    assert_null(strstr(c.text, "secret"));
    assert_non_null(strstr(p.requests[0], "CONNECT relay.test:4711 HTTP/1.1\r\n"));
    assert_non_null(strstr(p.requests[0], "Proxy-Authorization: Basic bWU6c2VjcmV0\r\n"));
    if (cases[i].wanted == NULL) {
      assert_non_null(
          strstr(p.requests[1], "GET /x/v1/link HTTP/1.1\r\nHost: relay.test:4711\r\n"));
      assert_null(strstr(p.requests[1], "Proxy-Authorization"));
      lrm_carrier_close(c.carrier, true);
      run_until(&loop, &c.down, 1);
    }
    assert_int_equal(unsetenv("http_proxy"), 0);
    finish(&loop, &p);
  }
}

static void a_proxy_that_cannot_be(void **state) {
  (void)state;
  uv_loop_t loop;
  peer p;
  client c;
  assert_int_equal(uv_loop_init(&loop), 0);
  peer_open(&p, &loop);
  assert_int_equal(setenv("ALL_PROXY", "socks5://u:secret@h:1", 1), 0);
  client_open(&c, &loop, "ws://relay.test");
  run_until(&loop, &c.down, 1);
  assert_non_null(strstr(c.text, "ALL_PROXY: only http"));
  assert_null(strstr(c.text, "secret"));
  client_open(&c, &loop, "ws://relay.test");
  lrm_carrier_close(c.carrier, false); /* at once */
  run_until(&loop, &c.down, 1);
  assert_int_equal(unsetenv("ALL_PROXY"), 0);
  finish(&loop, &p);
}

/* Closed by its owner at each step; `down` comes once, later, and nothing is left. */
static void closes_at_each_step(void **state) {
  (void)state;
  static const char *const scripts[][2] = {{"", ""}, {"HTTP/1.1 200 OK\r\n\r\n", ""}, {GOOD, ""}};
  for (size_t turns = 0; turns < 12; turns++) {
    for (size_t i = 0; i < 3; i++) {
      uv_loop_t loop;
      peer p;
      client c;
      char url[100];
      assert_int_equal(uv_loop_init(&loop), 0);
      peer_open(&p, &loop);
      p.answers[0] = scripts[i][0];
      p.answers[1] = scripts[i][1];
      snprintf(url, sizeof url, "http://127.0.0.1:%u", (unsigned)p.url.port);
      if (i == 1) assert_int_equal(setenv("http_proxy", url, 1), 0);
      client_open(&c, &loop, i == 1 ? "ws://relay.test" : url);
      c.close_when_up = turns == 11;
      for (size_t t = 0; t < turns && c.down == 0; t++) (void)uv_run(&loop, UV_RUN_NOWAIT);
      size_t before = c.down;
      if (c.down == 0) lrm_carrier_close(c.carrier, turns % 2 == 0);
      assert_int_equal(c.down, before);
      run_until(&loop, &c.down, 1);
      assert_int_equal(unsetenv("http_proxy"), 0);
      finish(&loop, &p);
      assert_int_equal(c.down, 1);
    }
  }
}

static size_t descriptors(void) {
  DIR *folder = opendir("/proc/self/fd");
  size_t count = 0;
  assert_non_null(folder);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

/* Days of reconnecting: neither memory nor descriptors grow. */
static void a_thousand_times(void **state) {
  (void)state;
  uv_loop_t loop;
  peer p;
  client c;
  char url[100];
  size_t memory = 0, files = 0;
  assert_int_equal(uv_loop_init(&loop), 0);
  peer_open(&p, &loop);
  snprintf(url, sizeof url, "ws://127.0.0.1:%u", (unsigned)p.url.port);
  for (int i = 0; i < 1000; i++) {
    p.answers[0] = i % 4 == 3 ? "HTTP/1.1 503 x\r\n\r\n" : GOOD;
    client_open(&c, &loop, url);
    if (i % 4 == 3) {
      run_until(&loop, &c.down, 1);
    } else {
      run_until(&loop, &c.up, 1);
      lrm_slice part = {(const uint8_t *)"hello", 5};
      assert_int_equal(lrm_carrier_write(c.carrier, &part, 1), 0);
      run_until(&loop, &c.got, 5);
      lrm_carrier_close(i % 4 == 0 ? p.socket : c.carrier, i % 4 != 2);
      run_until(&loop, &c.down, 1);
    }
    while (p.open > 0) (void)uv_run(&loop, UV_RUN_ONCE);
    if (i == 99) {
      memory = mallinfo2().uordblks;
      files = descriptors();
    }
  }
  assert_int_equal(descriptors(), files);
  assert_true(mallinfo2().uordblks < memory + 4096);
  finish(&loop, &p);
}

int main(void) {
  static const char *const names[] = {"http_proxy", "HTTP_PROXY", "all_proxy",   "ALL_PROXY",
                                      "no_proxy",   "NO_PROXY",   "https_proxy", "HTTPS_PROXY"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) unsetenv(names[i]);
  const struct CMUnitTest tests[] = {cmocka_unit_test(answers_and_what_people_are_told),
                                     cmocka_unit_test(connects_and_echoes),
                                     cmocka_unit_test(stops_at_its_room),
                                     cmocka_unit_test(through_a_proxy),
                                     cmocka_unit_test(a_proxy_that_cannot_be),
                                     cmocka_unit_test(closes_at_each_step),
                                     cmocka_unit_test(a_thousand_times)};
  return cmocka_run_group_tests_name("ws_connect", tests, NULL, NULL);
}
