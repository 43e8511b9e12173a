/* The relay's HTTP side without sockets and in virtual time: requests and what they are answered,
 * who may ask, what is too slow or too much, exchanges that wait, files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <brotli/encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "carrier_ws/fake_carrier.h"
#include "site.h"

#define SECOND UINT64_C(1000000000)

/* What the site asks. */
static uint64_t clock_ns;
static const char *unready_text;
static lrm_carrier *accepted;
static bool take_accepted;
static size_t got_bytes, downs;
static http_exchange *waiting;
static size_t gone;
static char post_text[300];
static bool answer_at_once;

static uint64_t now_ns(void *user) {
  (void)user;
  return clock_ns;
}

static const char *unready(void *user) {
  (void)user;
  return unready_text;
}

static size_t metrics(void *user, char *out, size_t out_bytes) {
  (void)user;
  return (size_t)snprintf(out, out_bytes, "up 1\n");
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  (void)user;
  (void)carrier;
  (void)data;
  *wanted = 0;
  got_bytes += bytes;
  return bytes;
}

static void on_moved(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  (void)user;
  (void)carrier;
  (void)error;
  (void)text;
  downs++;
}

static char accepted_token[200];
static void on_accepted(void *user, lrm_carrier *carrier, const char *token) {
  snprintf(accepted_token, sizeof accepted_token, "%s", token);
  static const lrm_carrier_owner owner = {on_moved, on_received, on_moved, on_down};
  (void)user;
  accepted = carrier;
  if (take_accepted) carrier->owner = owner;
}

static void on_gone(void *user) {
  (void)user;
  gone++;
  waiting = NULL;
}

static void on_poll(server *s, http_exchange *exchange, const http_post *post) {
  (void)s;
  snprintf(post_text, sizeof post_text, "%s %s %zu", post->content_type, post->peer, post->bytes);
  if (answer_at_once) {
    http_answer(exchange, 200, "application/x-protobuf", "now", 3);
    return;
  }
  waiting = exchange;
  http_on_gone(exchange, on_gone, NULL);
}

/* What the page's handler was given. */
static char page_text[500];
static http_cookies page_cookies;
static const char *page_token; /* set as cookie when the answer is given; NULL: none */
static void on_page(server *s, http_exchange *exchange, const http_page *page) {
  char fields[HTTP_FIELDS_BYTES_MAX];
  (void)s;
  snprintf(page_text, sizeof page_text, "%s [%s] [%s] %zu", page->path, page->token, page->pairing,
           page->bytes);
  page_cookies = page->cookies;
  if (page_token != NULL) {
    http_cookie_write(&page->cookies, HTTP_COOKIE_TOKEN, page_token, 60, fields, sizeof fields);
    http_answer_fields(exchange, fields);
  }
  http_answer(exchange, 204, NULL, NULL, 0);
}

static int refused_status;
static void on_refused(void *user, const char *peer, int status, const char *why) {
  (void)user;
  assert_true(peer[0] != '\0' && why[0] != '\0');
  refused_status = status;
}

static const http_site_ops ops = {.refused = on_refused,
                                  .accepted = on_accepted,
                                  .unready = unready,
                                  .metrics = metrics,
                                  .poll = on_poll,
                                  .page = on_page};

static http_site site;
static http_place place;

static int reset(void **state) {
  (void)state;
  memset(&site, 0, sizeof site);
  place = (http_place){.local = true};
  site.ops = &ops;
  site.now_ns = now_ns;
  clock_ns = SECOND;
  unready_text = NULL;
  accepted = NULL;
  take_accepted = true;
  waiting = NULL;
  gone = got_bytes = downs = 0;
  answer_at_once = false;
  return 0;
}

static fake_carrier *open_from(const char *peer) {
  fake_carrier *inner = fake_new(peer);
  http_connection_begin(&site, &place, &inner->base);
  assert_non_null(inner->base.owner.received);
  return inner;
}

static fake_carrier *open_one(void) { return open_from("127.0.0.1:5"); }

static void give(fake_carrier *inner, const char *text) { fake_give(inner, text, strlen(text)); }

static void assert_answer(fake_carrier *inner, const char *status, const char *part) {
  if (strncmp((char *)inner->out + 9, status, strlen(status)) != 0 ||
      (part != NULL && strstr((char *)inner->out, part) == NULL)) {
    fail_msg("wanted %s with %s, got: %s", status, part, (char *)inner->out);
  }
}

/* One request on a connection of its own. */
static void ask(const char *request, const char *status, const char *part, bool ends) {
  for (int whole = 0; whole < 2; whole++) {
    fake_carrier *inner = open_one();
    fake_give_in(inner, request, strlen(request), whole ? strlen(request) : 1);
    assert_answer(inner, status, part);
    if (inner->closed != ends) fail_msg("%s: closed %d", request, inner->closed);
    fake_free(inner);
    assert_int_equal(site.count, 0);
  }
}

#define H "Host: localhost\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" H "\r\n"

static void routes(void **state) {
  (void)state;
  ask(GET("/healthz"), "200", "\r\n\r\nok\n", false);
  ask("HEAD /healthz HTTP/1.1\r\n" H "\r\n", "200", "Content-Length: 3\r\n", false);
  ask(GET("/healthz?x=y"), "200", "ok\n", false);
  ask(GET("http://localhost/healthz"), "200", "ok\n", false);
  ask("GET /healthz HTTP/1.0\r\n\r\n", "200", "ok\n", true);
  ask("GET /healthz HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "200", "Connection: close", true);
  ask(GET("/readyz"), "200", "ready\n", false);
  unready_text = "the disk is full";
  ask(GET("/readyz"), "503", "the disk is full", false);
  ask(GET("/metrics"), "200", "up 1\n", false);
  refused_status = 0;
  ask(GET("/healthz"), "200", "ok\n", false);
  assert_int_equal(refused_status, 0);
  ask(GET("/nothing"), "404", "nothing here", false);
  assert_int_equal(refused_status, 404);
  ask(GET("/../etc/passwd"), "404", NULL, false);
  ask(GET("/%2e%2e/etc/passwd"), "404", NULL, false);
  ask(GET("//healthz"), "404", NULL, false);
  ask("DELETE /healthz HTTP/1.1\r\n" H "\r\n", "501", NULL, false);
  ask("POST /healthz HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "405", "Allow: GET, HEAD", false);
  ask(GET("/v1/poll"), "405", "Allow: POST", false);
  ask("POST /v1/link HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "405", "Allow: GET\r\n", false);
  ask("HEAD /nothing HTTP/1.1\r\n" H "\r\n", "404", NULL, false);
  ask("OPTIONS * HTTP/1.1\r\n" H "\r\n", "400", NULL, true);
  ask("GET healthz HTTP/1.1\r\n" H "\r\n", "400", NULL, true);
}

static void what_is_no_request(void **state) {
  (void)state;
  ask("GET / HTTP/1.1\r\n\r\n", "400", "one Host", true);
  ask("GET / HTTP/1.1\r\n" H H "\r\n", "400", "one Host", true);
  ask("\x16\x03\x01", "400", "without TLS", true);
  ask("SSH-2.0-OpenSSH\r\n", "400", "not HTTP", true);
  ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", NULL, true);
  ask("GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400", NULL, true);
  ask("POST /v1/poll HTTP/1.1\r\n" H "\r\n", "411", NULL, true);
  ask("POST /v1/poll HTTP/1.1\r\n" H "Content-Length: 1048577\r\n\r\n", "413", "1 MiB", true);
  ask("POST /v1/poll HTTP/1.1\r\n" H "Content-Length: x\r\n\r\n", "400", NULL, true);
  ask("POST /v1/poll HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", "501", NULL, true);
  ask("POST /v1/poll HTTP/1.1\r\n" H "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "400", NULL, true);
  ask("GET /healthz HTTP/1.1\r\n" H "Content-Length: 1\r\n\r\nx", "413", "no body", true);
  char *large = malloc(9000);
  assert_non_null(large);
  snprintf(large, 9000, "GET / HTTP/1.1\r\nA: %08500d", 0);
  fake_carrier *inner = open_one();
  give(inner, large);
  assert_answer(inner, "431", "8 KiB");
  assert_true(inner->closed);
  fake_free(inner);
  free(large);
}

static void keeps_alive_and_pipelines(void **state) {
  (void)state;
  fake_carrier *inner = open_one();
  give(inner, GET("/healthz") GET("/readyz") "GET /hea");
  assert_non_null(strstr((char *)inner->out, "ok\n"));
  assert_non_null(strstr((char *)inner->out, "ready\n"));
  fake_take(inner);
  give(inner, "lthz HTTP/1.1\r\n" H "\r\n");
  assert_answer(inner, "200", "ok\n");
  fake_take(inner);
  give(inner, GET("/nothing"));
  assert_answer(inner, "404", NULL);
  fake_take(inner);
  give(inner, GET("/healthz"));
  assert_answer(inner, "200", NULL);
  fake_free(inner);
}

/* ---- who may ask ---- */

static void ask_as(const char *fields, const char *status) {
  char request[600];
  snprintf(request, sizeof request, "GET /healthz HTTP/1.1\r\n%s\r\n", fields);
  ask(request, status, NULL, false);
}

static void host_and_origin(void **state) {
  (void)state;
  char error[300];
  static const char *const here[] = {"localhost", "LOCALHOST:80", "127.0.0.1:8080",
                                     "[::1]",     "[::1]:8080",   "127.9.9.9"};
  char fields[300];
  for (size_t i = 0; i < sizeof here / sizeof *here; i++) {
    snprintf(fields, sizeof fields, "Host: %s\r\n", here[i]);
    ask_as(fields, "200");
  }
  static const char *const elsewhere[] = {"evil.example",     "localhost.evil.example",
                                          "127.0.0.1.evil",   "evil@localhost",
                                          "10.0.0.1",         "",
                                          "localhost/x",      "[::2]",
                                          "relay.example:80", "127.0.0.1 evil"};
  for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++) {
    snprintf(fields, sizeof fields, "Host: %s\r\n", elsewhere[i]);
    ask_as(fields, "421");
  }
  ask_as("Host: localhost:8080\r\nOrigin: http://localhost:8080\r\n", "200");
  ask_as("Host: localhost\r\nOrigin: http://localhost:80\r\n", "200");
  ask_as("Host: localhost:8080\r\nOrigin: http://localhost:8081\r\n", "403");
  ask_as("Host: localhost:8080\r\nOrigin: https://localhost:8080\r\n", "403");
  ask_as("Host: localhost\r\nOrigin: null\r\n", "403");
  ask_as("Host: localhost\r\nOrigin: http://evil.example\r\n", "403");
  ask_as("Host: localhost\r\nOrigin: http://localhost.evil.example\r\n", "403");
  ask_as("Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://localhost\r\n", "403");
  assert_true(http_config_origin(&site.config, "https://Relay.example/", error, sizeof error));
  ask_as("Host: relay.example\r\n", "200");
  ask_as("Host: relay.example:8080\r\nOrigin: https://relay.example\r\n", "200");
  ask_as("Host: localhost\r\nOrigin: https://relay.example\r\n", "200");
  ask_as("Host: localhost\r\nOrigin: https://relay.example:443\r\n", "200");
  ask_as("Host: localhost\r\nOrigin: http://relay.example\r\n", "403");
  ask_as("Host: relay.example\r\nOrigin: http://relay.example\r\n", "200"); /* its own host */
  place.local = false;
  ask_as("Host: any.example\r\n", "200");
  ask_as("Host: any.example\r\nOrigin: http://any.example\r\n", "200");
  ask_as("Host: any.example\r\nOrigin: http://other.example\r\n", "403");
  static const char *const bad[] = {
      "relay.example", "https://", "https://a/b", "ftp://a", "https://u@a", "*", ""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(http_config_origin(&site.config, bad[i], error, sizeof error));
    assert_non_null(strstr(error, "--origin"));
  }
}

static void peer_as_seen(const char *peer, const char *fields, const char *wanted) {
  char request[700], expected[200];
  answer_at_once = true;
  fake_carrier *inner = open_from(peer);
  snprintf(request, sizeof request, "POST /v1/poll HTTP/1.1\r\n" H "Content-Length: 2\r\n%s\r\nab",
           fields);
  give(inner, request);
  assert_answer(inner, "200", "now");
  snprintf(expected, sizeof expected, " %s 2", wanted);
  assert_string_equal(post_text, expected);
  fake_free(inner);
}

static void proxies_are_believed_when_trusted(void **state) {
  (void)state;
  char error[300];
  peer_as_seen("10.0.0.1:9", "X-Forwarded-For: 1.2.3.4\r\n", "10.0.0.1:9");
  assert_true(http_config_proxy(&site.config, "10.0.0.0/8", error, sizeof error));
  assert_true(http_config_proxy(&site.config, "fd00::1", error, sizeof error));
  peer_as_seen("10.0.0.1:9", "", "10.0.0.1:9");
  peer_as_seen("10.0.0.1:9", "X-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4");
  peer_as_seen("[fd00::1]:9", "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1");
  peer_as_seen("10.0.0.1:9", "X-Forwarded-For: 6.6.6.6, 1.2.3.4, 10.0.0.2\r\n", "1.2.3.4");
  peer_as_seen("10.0.0.1:9", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 1.2.3.4\r\n", "1.2.3.4");
  peer_as_seen("10.0.0.1:9", "X-Forwarded-For: evil\r\n", "10.0.0.1:9");
  peer_as_seen("10.0.0.1:9", "X-Forwarded-For: 6.6.6.6, evil\r\n", "10.0.0.1:9");
  peer_as_seen("11.0.0.1:9", "X-Forwarded-For: 1.2.3.4\r\n", "11.0.0.1:9");
  static const char *const bad[] = {
      "", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "fd00::/129", "10.0.0.0/8x", "/8"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_false(http_config_proxy(&site.config, bad[i], error, sizeof error));
  }
}

static void metrics_are_for_this_machine(void **state) {
  (void)state;
  static const struct {
    const char *peer, *fields, *status;
  } cases[] = {{"127.0.0.1:5", "", "200"},
               {"[::1]:5", "", "200"},
               {"127.0.0.1:5", "X-Forwarded-For: 127.0.0.1\r\n", "403"},
               {"127.0.0.1:5", "Via: 1.1 x\r\n", "403"},
               {"127.0.0.1:5", "Forwarded: for=1.2.3.4\r\n", "403"},
               {"10.0.0.1:5", "", "403"}};
  for (int public = 0; public < 2; public ++) {
    site.config.public_metrics = public;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      char request[300];
      fake_carrier *inner = open_from(cases[i].peer);
      snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\n" H "%s\r\n", cases[i].fields);
      give(inner, request);
      assert_answer(inner, public ? "200" : cases[i].status, NULL);
      fake_free(inner);
    }
  }
}

/* ---- WebSocket ---- */

#define UP "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13 "Sec-WebSocket-Version: 13\r\n"
#define SUB "Sec-WebSocket-Protocol: x, remote.v1\r\n"

static void upgrades(void **state) {
  (void)state;
  fake_carrier *inner = open_one();
  /* its first message comes right behind, in the same bytes */
  static const char request[] = "GET /v1/link HTTP/1.1\r\n" H UP KEY V13 SUB
                                "Sec-WebSocket-Extensions: permessage-deflate\r\n"
                                "\r\n\x82\x81\0\0\0\0a\x82\x82\0\0";
  fake_give(inner, request, sizeof request - 1);
  assert_answer(inner, "101", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n");
  assert_non_null(strstr((char *)inner->out, "Sec-WebSocket-Protocol: remote.v1\r\n"));
  assert_null(strstr((char *)inner->out, "Extensions"));
  assert_non_null(accepted);
  assert_string_equal(accepted->peer, "127.0.0.1:5");
  assert_int_equal(site.count, 0);
  assert_int_equal(got_bytes, 1);
  fake_give(inner, "\0\0bc", 4); /* the rest of the second */
  assert_int_equal(got_bytes, 3);
  fake_free(inner);
  assert_int_equal(downs, 1);
}

static void refuses_upgrades(void **state) {
  (void)state;
#define LINK "GET /v1/link HTTP/1.1\r\n" H
  ask(LINK "\r\n", "426", "Upgrade: websocket", false);
  ask(LINK UP KEY SUB "\r\n", "426", "Sec-WebSocket-Version: 13", false);
  ask(LINK UP KEY SUB "Sec-WebSocket-Version: 12\r\n\r\n", "426", "Sec-WebSocket-Version: 13",
      false);
  ask(LINK UP V13 SUB "\r\n", "400", "Sec-WebSocket-Key", false);
  ask(LINK UP V13 SUB "Sec-WebSocket-Key: AAAA\r\n\r\n", "400", "Sec-WebSocket-Key", false);
  ask(LINK UP V13 SUB KEY KEY "\r\n", "400", "Sec-WebSocket-Key", false);
  ask(LINK UP V13 KEY "\r\n", "400", "remote.v1", false);
  ask(LINK UP V13 KEY "Sec-WebSocket-Protocol: remote.v2\r\n\r\n", "400", "remote.v1", false);
  ask("GET /v1/other HTTP/1.1\r\n" H UP V13 KEY SUB "\r\n", "404", NULL, false);
  ask("GET / HTTP/1.1\r\n" H UP V13 KEY SUB "\r\n", "404", NULL, false);
  ask(LINK "Upgrade: websocket\r\n" V13 KEY SUB "\r\n", "426", NULL, false);
  ask(LINK UP V13 KEY SUB "Origin: http://evil.example\r\n\r\n", "403", NULL, false);
  assert_null(accepted);
  site.leaving = true;
  fake_carrier *inner = fake_new("127.0.0.1:5");
  http_connection_begin(&site, &place, &inner->base);
  assert_null(inner->base.owner.received); /* nothing new */
  fake_free(inner);
  site.leaving = false;
  take_accepted = false; /* nobody takes it */
  inner = open_one();
  give(inner, LINK UP V13 KEY SUB "\r\n");
  assert_true(inner->closed);
  assert_non_null(memmem(inner->out, inner->out_bytes, "\x88\x1a\x03\xf5", 4)); /* 1013 */
  fake_free(inner);
  /* behind a request that waits */
  take_accepted = true;
  accepted = NULL;
  inner = open_one();
  give(inner, "POST /v1/poll HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n");
  give(inner, LINK UP V13 KEY SUB "\r\n");
  http_answer(waiting, 200, NULL, NULL, 0);
  assert_non_null(strstr((char *)inner->out, "not sent ahead"));
  assert_null(accepted);
  fake_free(inner);
}

/* ---- the page's own requests, and its cookies ---- */

#define JSON "Content-Type: application/json\r\n"
#define OWN "Origin: http://localhost:81\r\n"
#define AT81 "Host: localhost:81\r\n"

static void pages_ask(void **state) {
  (void)state;
  page_token = NULL;
  ask("POST /v1/sign-in HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n{}", "415", "application/json",
      false);
  ask("POST /v1/sign-in HTTP/1.1\r\n" H JSON
      "Origin: http://evil.example\r\nContent-Length: 2\r\n"
      "\r\n{}",
      "403", NULL, false);
  ask(GET("/v1/sign-in"), "405", "Allow: POST", false);
  ask("POST /v1/who HTTP/1.1\r\n" H JSON "Content-Length: 0\r\n\r\n", "405", "Allow: GET", false);
  char *large = malloc(20000);
  assert_non_null(large);
  int head = snprintf(large, 20000,
                      "POST /v1/sign-in HTTP/1.1\r\n" H JSON "Content-Length: 16385\r\n\r\n");
  memset(large + head, 'x', 16385);
  large[head + 16385] = '\0';
  ask(large, "413", "16 KiB", false);
  free(large);
  page_text[0] = '\0';
  /* Cookies count with an Origin; those of other ports and paths, and what is none of ours, do not.
   */
  static const struct {
    const char *fields, *seen;
  } cases[] = {{OWN "Cookie: remote-81=abc\r\n", "[abc] []"},
               {"Cookie: remote-81=abc\r\n", "[] []"},
               {OWN "Cookie: a=b; remote-81=abc;remote-pairing-81=12\r\n", "[abc] [12]"},
               {OWN "Cookie: remote-80=abc; remote-82=x; remote-81.relay=y\r\n", "[] []"},
               {OWN "Cookie: xremote-81=abc; remote-81x=y; remote-81\r\n", "[] []"},
               {OWN "Cookie: a=b\r\ncookie: remote-81=abc\r\n", "[abc] []"},
               {OWN "Cookie: remote-81=a b\r\n", "[] []"},
               {OWN "Cookie: remote-81=\r\n", "[] []"},
               {OWN "Cookie: remote-81=\"abc\"\r\n", "[] []"},
               {OWN "Cookie: remote-81=abc; remote-81=def\r\n", "[abc] []"},
               {OWN "Cookie: ;;; ; =;remote-81=abc\r\n", "[abc] []"},
               {OWN "Cookie: __Host-remote-81=s; remote-81=abc\r\n", "[s] []"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char request[600], wanted[100];
    snprintf(request, sizeof request,
             "POST /v1/sign-out HTTP/1.1\r\n" AT81 JSON "%sContent-Length: 2\r\n\r\n{}",
             cases[i].fields);
    ask(request, "204", NULL, false);
    snprintf(wanted, sizeof wanted, "/v1/sign-out %s 2", cases[i].seen);
    assert_string_equal(page_text, wanted);
  }
  /* Reading needs no Origin: no other page gets the answer. */
  ask("GET /v1/who HTTP/1.1\r\n" AT81 "Cookie: remote-81=abc\r\n\r\n", "204", NULL, false);
  assert_string_equal(page_text, "/v1/who [abc] [] 0");
  ask("GET /v1/who HTTP/1.1\r\n" AT81 "\r\n", "204",
      "Cross-Origin-Resource-Policy: same-origin\r\n", false);
}

static void set_cookie_as(const char *peer, const char *fields, const char *wanted) {
  char request[600];
  fake_carrier *inner = open_from(peer);
  page_token = "tok";
  snprintf(request, sizeof request,
           "POST /v1/sign-in HTTP/1.1\r\n" JSON "%sContent-Length: 0\r\n\r\n", fields);
  give(inner, request);
  page_token = NULL;
  assert_answer(inner, "204", wanted);
  fake_free(inner);
}

static void cookies_are_named_for_their_place(void **state) {
  (void)state;
  char error[300];
  const char *here = "127.0.0.1:5";
  set_cookie_as(here, AT81 OWN,
                "\r\nSet-Cookie: remote-81=tok; Path=/; Max-Age=60; HttpOnly; SameSite=Strict\r\n");
  set_cookie_as(here, "Host: localhost\r\n", "\r\nSet-Cookie: remote-80=tok; Path=/;");
  set_cookie_as(here, "Host: [::1]:82\r\n", "\r\nSet-Cookie: remote-82=tok; Path=/;");
  set_cookie_as(here, "Host: [::1]\r\n", "\r\nSet-Cookie: remote-80=tok; Path=/;");
  /* What a stranger says of https does not count; a trusted proxy's word does, and the page's. */
  set_cookie_as(here, AT81 "X-Forwarded-Proto: https\r\n", "\r\nSet-Cookie: remote-81=tok;");
  assert_true(http_config_proxy(&site.config, "127.0.0.1", error, sizeof error));
  set_cookie_as(here, AT81 "X-Forwarded-Proto: https\r\n",
                "\r\nSet-Cookie: __Host-remote-81=tok; Path=/; Max-Age=60; HttpOnly; "
                "SameSite=Strict; Secure\r\n");
  set_cookie_as(here, AT81 "X-Forwarded-Proto: http\r\n", "\r\nSet-Cookie: remote-81=tok;");
  set_cookie_as(here, AT81 "X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n",
                "\r\nSet-Cookie: remote-81=tok;");
  assert_true(http_config_origin(&site.config, "https://relay.example", error, sizeof error));
  set_cookie_as(here, "Host: relay.example\r\nOrigin: https://relay.example\r\n",
                "\r\nSet-Cookie: __Host-remote-443=tok; Path=/; ");
  place.encrypted = true;
  set_cookie_as(here, AT81, "\r\nSet-Cookie: __Host-remote-81=tok; Path=/;");
  snprintf(place.prefix, sizeof place.prefix, "/re_lay/b");
  fake_carrier *inner = open_one();
  page_token = "tok";
  give(inner, "POST /re_lay/b/v1/sign-in HTTP/1.1\r\n" AT81 JSON "Content-Length: 0\r\n\r\n");
  assert_answer(inner, "204",
                "\r\nSet-Cookie: __Secure-remote-81.re.lay.b=tok; Path=/re_lay/b/; Max-Age=60; "
                "HttpOnly; SameSite=Strict; Secure\r\n");
  page_token = NULL;
  fake_free(inner);
  /* A page with TLS does not believe what one without could plant. */
  ask("GET /re_lay/b/v1/who HTTP/1.1\r\n" AT81 "Cookie: remote-81.re.lay.b=abc\r\n\r\n", "204",
      NULL, false);
  assert_string_equal(page_text, "/v1/who [] [] 0");
}

static void links_carry_the_token(void **state) {
  (void)state;
  static const struct {
    const char *fields, *seen;
  } cases[] = {{OWN "Cookie: remote-81=abc\r\n", "abc"},
               {"Cookie: remote-81=abc\r\n", ""},
               {OWN, ""},
               {OWN "Cookie: remote-80=abc\r\n", ""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char request[600];
    fake_carrier *inner = open_one();
    accepted = NULL;
    snprintf(request, sizeof request, "GET /v1/link HTTP/1.1\r\n" AT81 UP KEY V13 SUB "%s\r\n",
             cases[i].fields);
    give(inner, request);
    assert_non_null(accepted);
    assert_string_equal(accepted_token, cases[i].seen);
    fake_free(inner);
  }
}

/* ---- exchanges ---- */

#define POST(bytes)              \
  "POST /v1/poll HTTP/1.1\r\n" H \
  "Content-Type: Application/X-Protobuf; a=b\r\nContent-Length: " bytes "\r\n\r\n"

static void exchanges_wait(void **state) {
  (void)state;
  fake_carrier *inner = open_one();
  give(inner, POST("5") "ab");
  assert_null(waiting);
  give(inner, "cde" GET("/healthz"));
  assert_non_null(waiting);
  assert_string_equal(post_text, "application/x-protobuf 127.0.0.1:5 5");
  clock_ns += 100 * SECOND;
  http_site_tick(&site); /* it may wait for as long as its handler likes */
  assert_false(inner->closed);
  assert_int_equal(inner->out_bytes, 0);
  http_answer(waiting, 200, "application/x-protobuf", "answer", 6);
  assert_answer(inner, "200", "Content-Length: 6\r\n");
  assert_non_null(strstr((char *)inner->out, "answer"));
  assert_non_null(strstr((char *)inner->out, "ok\n")); /* and the request behind it */
  assert_int_equal(gone, 0);
  fake_take(inner);
  give(inner, POST("0"));
  assert_non_null(waiting);
  fake_drop(inner, "lost");
  assert_int_equal(gone, 1);
  assert_null(waiting);
  fake_free(inner);
  assert_int_equal(site.count, 0);
}

static void floods_behind_an_exchange_end_it(void **state) {
  (void)state;
  fake_carrier *inner = open_one();
  give(inner, POST("0"));
  char flood[1000];
  memset(flood, 'x', sizeof flood);
  for (int i = 0; i < 30; i++) fake_give(inner, flood, sizeof flood);
  assert_true(inner->closed);
  assert_int_equal(gone, 1);
  fake_free(inner);
}

static void asks_to_go_on(void **state) {
  (void)state;
  fake_carrier *inner = open_one();
  give(inner, "POST /v1/poll HTTP/1.1\r\n" H "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  assert_string_equal((char *)inner->out, "HTTP/1.1 100 Continue\r\n\r\n");
  give(inner, "abc");
  assert_non_null(waiting);
  fake_free(inner);
}

static void pages_from_elsewhere(void **state) {
  (void)state;
  char error[200];
  assert_true(http_config_origin(&site.config, "https://page.example", error, sizeof error));
  ask("OPTIONS /v1/poll HTTP/1.1\r\n" H "Origin: https://page.example\r\n\r\n", "204",
      "Access-Control-Allow-Origin: https://page.example\r\nVary: Origin\r\n", false);
  ask("OPTIONS /v1/poll HTTP/1.1\r\n" H "Origin: https://evil.example\r\n\r\n", "403", NULL, false);
  answer_at_once = true;
  ask("POST /v1/poll HTTP/1.1\r\n" H "Origin: https://page.example\r\nContent-Length: 0\r\n\r\n",
      "200", "Access-Control-Allow-Origin: https://page.example\r\n", false);
  fake_carrier *inner = open_one();
  give(inner, POST("0"));
  assert_null(strstr((char *)inner->out, "Access-Control"));
  fake_free(inner);
}

/* ---- too slow, too many ---- */

static void slow_ones_end(void **state) {
  (void)state;
  fake_carrier *silent = open_one(), *slow = open_one(), *idle = open_one(), *stuck = open_one();
  fake_carrier *body = open_one();
  give(idle, GET("/healthz"));
  stuck->room = 10;
  give(stuck, GET("/healthz"));
  give(body, POST("100000"));
  for (int i = 0; i < 9; i++) {
    clock_ns += SECOND;
    http_site_tick(&site);
    give(slow, "G");
    fake_give(body, "x", 1);
  }
  assert_false(silent->closed || slow->closed || idle->closed || stuck->closed || body->closed);
  clock_ns += 2 * SECOND;
  http_site_tick(&site);
  assert_true(silent->closed);
  assert_true(slow->closed);
  assert_answer(slow, "408", NULL);
  assert_false(idle->closed || stuck->closed || body->closed);
  clock_ns += 25 * SECOND;
  http_site_tick(&site);
  assert_true(stuck->closed);
  assert_true(body->closed);
  assert_false(idle->closed);
  clock_ns += 60 * SECOND;
  http_site_tick(&site);
  assert_true(idle->closed);
  fake_free(silent);
  fake_free(slow);
  fake_free(idle);
  fake_free(stuck);
  fake_free(body);
  assert_int_equal(site.count, 0);
}

static void as_many_as_there_may_be(void **state) {
  (void)state;
  static fake_carrier *all[HTTP_CONNECTIONS_MAX + 2];
  for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
    all[i] = open_one();
    if (i != 7) give(all[i], POST("0"));
  }
  all[HTTP_CONNECTIONS_MAX] = open_one(); /* in place of the one that waits for a request */
  assert_true(all[7]->closed);
  fake_turn(all[7]);
  give(all[HTTP_CONNECTIONS_MAX], POST("0"));
  all[HTTP_CONNECTIONS_MAX + 1] = fake_new("127.0.0.1:5");
  http_connection_begin(&site, &place, &all[HTTP_CONNECTIONS_MAX + 1]->base);
  assert_null(all[HTTP_CONNECTIONS_MAX + 1]->base.owner.received);
  for (size_t i = 0; i < HTTP_CONNECTIONS_MAX + 2; i++) fake_free(all[i]);
  assert_int_equal(site.count, 0);
}

static void as_many_of_one_address(void **state) {
  (void)state;
  static fake_carrier *all[HTTP_ADDRESS_CONNECTIONS_MAX + 3];
  char error[200];
  size_t count = 0;
  for (size_t i = 0; i < HTTP_ADDRESS_CONNECTIONS_MAX; i++) {
    char peer[40];
    snprintf(peer, sizeof peer, "192.0.2.1:%zu", 1000 + i);
    all[count++] = open_from(peer);
  }
  fake_carrier *refused = fake_new("192.0.2.1:9");
  http_connection_begin(&site, &place, &refused->base);
  assert_null(refused->base.owner.received);
  fake_free(refused);
  all[count++] = open_from("192.0.2.2:9"); /* others are */
  assert_true(http_config_proxy(&site.config, "192.0.2.1", error, sizeof error));
  all[count++] = open_from("192.0.2.1:9"); /* a proxy speaks for many */
  for (size_t i = 0; i < count; i++) fake_free(all[i]);
}

static void leaves(void **state) {
  (void)state;
  fake_carrier *idle = open_one(), *busy = open_one();
  give(busy, POST("0"));
  http_site_leave(&site);
  assert_true(idle->closed);
  assert_false(busy->closed);
  http_answer(waiting, 200, NULL, "last", 4);
  assert_answer(busy, "200", "last");
  assert_true(busy->closed && busy->flushed);
  fake_free(idle);
  fake_free(busy);
}

/* ---- files ---- */

static void put_file(const char *folder, const char *name, size_t bytes) {
  char path[300];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "wb");
  assert_non_null(file);
  for (size_t i = 0; i < bytes; i++) fputc((int)('a' + i % 26), file);
  assert_int_equal(fclose(file), 0);
}

/* In gzip for who takes it, when that is smaller: another representation, with a tag of its own. */
static void packs_files(void) {
  const http_file *index = http_files_find(site.files, "/");
  const http_file *wasm = http_files_find(site.files, "/assets/a-1.wasm");
  char request[300], part[60];
  const http_packed *gzip = &wasm->packed[HTTP_GZIP];
  assert_null(index->packed[HTTP_GZIP].body); /* five letters */
  assert_non_null(gzip->body);
  ask("GET / HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n", "200", "\r\n\r\nabcde", false);
  snprintf(part, sizeof part, "Content-Length: %zu\r\n", gzip->body->bytes);
  static const char *const taken[] = {"gzip", "deflate, gzip, br, zstd", "GZIP"};
  for (size_t i = 0; i < 3; i++) {
    snprintf(request, sizeof request,
             "HEAD /assets/a-1.wasm HTTP/1.1\r\n" H "Accept-Encoding: %s\r\n\r\n", taken[i]);
    ask(request, "200", part, false);
    ask(request, "200", "Content-Encoding: gzip\r\n", false);
    ask(request, "200", "Vary: Accept-Encoding\r\n", false);
    ask(request, "200", gzip->etag, false);
  }
  static const char *const refused[] = {"gzip;q=0", "br", "identity", "x-gzip"};
  for (size_t i = 0; i < 4; i++) {
    snprintf(request, sizeof request,
             "HEAD /assets/a-1.wasm HTTP/1.1\r\n" H "Accept-Encoding: %s\r\n\r\n", refused[i]);
    ask(request, "200", "Content-Length: 300000\r\n", false);
    ask(request, "200", "Vary: Accept-Encoding\r\n", false);
  }
  const char *const tags[] = {wasm->etag, gzip->etag};
  for (size_t i = 0; i < 2; i++) {
    snprintf(request, sizeof request,
             "GET /assets/a-1.wasm HTTP/1.1\r\n" H
             "Accept-Encoding: gzip\r\nIf-None-Match: W/%s\r\n\r\n",
             tags[i]);
    ask(request, "304", gzip->etag, false);
  }
  fake_carrier *inner = open_one();
  give(inner, "GET /assets/a-1.wasm HTTP/1.1\r\n" H "Accept-Encoding: gzip\r\n\r\n");
  uint8_t *body = (uint8_t *)strstr((char *)inner->out, "\r\n\r\n") + 4, *whole = malloc(300001);
  z_stream z = {.next_in = body,
                .avail_in = (uInt)(inner->out_bytes - (size_t)(body - inner->out)),
                .next_out = whole,
                .avail_out = 300001};
  assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(z.total_out, 300000);
  assert_memory_equal(whole, wasm->body->data, 300000);
  inflateEnd(&z);
  free(whole);
  fake_free(inner);
}

/* FILE.br beside FILE: before gzip for who takes it, never a file of its own, and never another's.
 */
static void takes_brotli(void **state) {
  (void)state;
  char folder[] = "/tmp/remote-http-XXXXXX", path[300], error[300], part[60];
  uint8_t plain[4000], packed[4000];
  size_t bytes = sizeof packed;
  assert_non_null(mkdtemp(folder));
  put_file(folder, "index.html", sizeof plain);
  put_file(folder, "alone.br", 7);
  for (size_t i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)('a' + i % 26);
  assert_true(BrotliEncoderCompress(11, 22, BROTLI_MODE_TEXT, sizeof plain, plain, &bytes, packed));
  snprintf(path, sizeof path, "%s/index.html.br", folder);
  FILE *file = fopen(path, "wb");
  assert_int_equal(fwrite(packed, 1, bytes, file), bytes);
  fclose(file);
  site.files = http_files_read(folder, error, sizeof error);
  assert_non_null(site.files);
  assert_int_equal(site.files->count, 2);
  assert_null(http_files_find(site.files, "/index.html.br"));
  assert_non_null(http_files_find(site.files, "/alone.br"));
  const http_file *index = http_files_find(site.files, "/");
  snprintf(part, sizeof part, "Content-Length: %zu\r\n", bytes);
  static const char *const taken[] = {"gzip, deflate, br, zstd", "br"};
  for (size_t i = 0; i < 2; i++) {
    char request[300];
    snprintf(request, sizeof request, "HEAD / HTTP/1.1\r\n" H "Accept-Encoding: %s\r\n\r\n",
             taken[i]);
    ask(request, "200", part, false);
    ask(request, "200", "Content-Encoding: br\r\n", false);
    ask(request, "200", "Vary: Accept-Encoding\r\n", false);
    ask(request, "200", index->packed[HTTP_BROTLI].etag, false);
  }
  ask("HEAD / HTTP/1.1\r\n" H "Accept-Encoding: gzip, br;q=0\r\n\r\n", "200",
      "Content-Encoding: gzip\r\n", false);
  ask("HEAD / HTTP/1.1\r\n" H "\r\n", "200", "Content-Length: 4000\r\n", false);
  for (size_t i = 0; i < HTTP_CODINGS; i++) {
    char request[300];
    snprintf(request, sizeof request,
             "GET / HTTP/1.1\r\n" H "Accept-Encoding: br\r\nIf-None-Match: W/%s\r\n\r\n",
             index->packed[i].etag);
    ask(request, "304", index->packed[HTTP_BROTLI].etag, false);
  }
  http_files_free(site.files);
  site.files = NULL;
  /* Of another build, too long for the file, or no Brotli at all. */
  plain[0] = 'x';
  size_t other = sizeof packed;
  assert_true(BrotliEncoderCompress(5, 22, BROTLI_MODE_TEXT, sizeof plain, plain, &other, packed));
  for (int i = 0; i < 3; i++) {
    file = fopen(path, "wb");
    fwrite(i == 2 ? plain : packed, 1, i == 2 ? 100 : other, file);
    fclose(file);
    if (i == 1) put_file(folder, "index.html", 300);
    assert_null(http_files_read(folder, error, sizeof error));
    assert_non_null(strstr(error, "index.html.br"));
    assert_non_null(strstr(error, "build them again"));
  }
  unlink(path);
  snprintf(path, sizeof path, "%s/index.html", folder);
  unlink(path);
  snprintf(path, sizeof path, "%s/alone.br", folder);
  unlink(path);
  rmdir(folder);
}

static void serves_files(void **state) {
  (void)state;
  char folder[] = "/tmp/remote-http-XXXXXX", path[300], error[300], request[300];
  assert_non_null(mkdtemp(folder));
  assert_null(http_files_read(folder, error, sizeof error));
  assert_non_null(strstr(error, "index.html"));
  snprintf(path, sizeof path, "%s/assets", folder);
  assert_int_equal(mkdir(path, 0700), 0);
  put_file(folder, "index.html", 5);
  put_file(folder, "app.webmanifest", 7);
  put_file(folder, ".hidden", 7);
  put_file(folder, "assets/a-1.wasm", 300000);
  snprintf(path, sizeof path, "%s/passwd", folder);
  assert_int_equal(symlink("/etc/passwd", path), 0);
  site.files = http_files_read(folder, error, sizeof error);
  assert_non_null(site.files);
  assert_int_equal(site.files->count, 3);
  ask(GET("/"), "200", "Content-Type: text/html; charset=utf-8\r\n", false);
  ask(GET("/"), "200", "script-src 'self' 'wasm-unsafe-eval'", false);
  ask(GET("/"), "200", "Cache-Control: no-cache\r\n", false);
  ask(GET("/index.html?a"), "200", "\r\n\r\nabcde", false);
  ask(GET("/app.webmanifest"), "200", "application/manifest+json", false);
  ask("HEAD /assets/a-1.wasm HTTP/1.1\r\n" H "\r\n", "200", "Content-Length: 300000\r\n", false);
  ask("HEAD /assets/a-1.wasm HTTP/1.1\r\n" H "\r\n", "200", "immutable", false);
  ask(GET("/assets/"), "404", NULL, false);
  ask(GET("/assets"), "404", NULL, false);
  ask(GET("/.hidden"), "404", NULL, false);
  ask(GET("/passwd"), "404", NULL, false);
  ask("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", "405", NULL, false);
  const http_file *index = http_files_find(site.files, "/");
  static const char *const before[] = {"", "W/", "\"x\", ", "*, "};
  for (size_t i = 0; i < 4; i++) {
    snprintf(request, sizeof request, "GET / HTTP/1.1\r\n" H "If-None-Match: %s%s\r\n\r\n",
             before[i], index->etag);
    ask(request, "304", index->etag, false);
  }
  ask("GET / HTTP/1.1\r\n" H "If-None-Match: \"x\"\r\n\r\n", "200", NULL, false);
  packs_files();
  snprintf(place.prefix, sizeof place.prefix, "/relay");
  ask(GET("/relay"), "308", "Location: /relay/\r\n", false);
  ask(GET("/relay/"), "200", "abcde", false);
  ask(GET("/relay/healthz"), "200", "ok", false);
  ask(GET("/"), "404", NULL, false);
  ask(GET("/relayx/"), "404", NULL, false);
  place.prefix[0] = '\0';
  /* a large one leaves as there is room, and outlives its table */
  fake_carrier *inner = open_one();
  give(inner, GET("/assets/a-1.wasm"));
  assert_in_range(inner->out_bytes, 100 * 1024, 130 * 1024);
  http_files_free(site.files);
  site.files = NULL;
  for (int i = 0; i < 40; i++) fake_make_room(inner, 10000);
  assert_in_range(inner->out_bytes, 300000, 302000);
  fake_free(inner);
  static const char *const names[] = {
      "assets/a-1.wasm", "assets", "index.html", "app.webmanifest", ".hidden", "passwd", ""};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    assert_int_equal(remove(path), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(routes, reset),
      cmocka_unit_test_setup(what_is_no_request, reset),
      cmocka_unit_test_setup(keeps_alive_and_pipelines, reset),
      cmocka_unit_test_setup(host_and_origin, reset),
      cmocka_unit_test_setup(proxies_are_believed_when_trusted, reset),
      cmocka_unit_test_setup(metrics_are_for_this_machine, reset),
      cmocka_unit_test_setup(upgrades, reset),
      cmocka_unit_test_setup(refuses_upgrades, reset),
      cmocka_unit_test_setup(exchanges_wait, reset),
      cmocka_unit_test_setup(floods_behind_an_exchange_end_it, reset),
      cmocka_unit_test_setup(asks_to_go_on, reset),
      cmocka_unit_test_setup(pages_from_elsewhere, reset),
      cmocka_unit_test_setup(slow_ones_end, reset),
      cmocka_unit_test_setup(as_many_as_there_may_be, reset),
      cmocka_unit_test_setup(as_many_of_one_address, reset),
      cmocka_unit_test_setup(leaves, reset),
      cmocka_unit_test_setup(pages_ask, reset),
      cmocka_unit_test_setup(cookies_are_named_for_their_place, reset),
      cmocka_unit_test_setup(links_carry_the_token, reset),
      cmocka_unit_test_setup(takes_brotli, reset),
      cmocka_unit_test_setup(serves_files, reset)};
  return cmocka_run_group_tests_name("http_site", tests, NULL, NULL);
}
