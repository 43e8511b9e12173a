/* Which proxy the environment names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "carrier_ws/carrier_ws_internal.h"

/* "NAME=value" ended by NULL. */
static const char *const *environment;

static const char *get(const char *name) {
  size_t bytes = strlen(name);
  for (const char *const *e = environment; *e != NULL; e++) {
    if (strncmp(*e, name, bytes) == 0 && (*e)[bytes] == '=') return *e + bytes + 1;
  }
  return NULL;
}

typedef struct proxy_case {
  const char *url;
  const char *variables[4];
  const char *wanted; /* "host:port", NULL: none, "!text": refused with it in the message */
} proxy_case;

static void check(const proxy_case *c) {
  lrm_url url;
  ws_proxy proxy;
  char error[300] = "", got[300];
  environment = c->variables;
  assert_int_equal(lrm_url_parse(c->url, &url, error, sizeof error), 0);
  int result = lrm__ws_proxy_of(&url, get, &proxy, error, sizeof error);
  if (c->wanted != NULL && c->wanted[0] == '!') {
    if (result == 0 || strstr(error, c->wanted + 1) == NULL) fail_msg("%s: %s", c->url, error);
    assert_null(strstr(error, "secret"));
    return;
  }
  assert_int_equal(result, 0);
  snprintf(got, sizeof got, "%s%s:%u", proxy.encrypted ? "https:" : "", proxy.host,
           (unsigned)proxy.port);
  if (proxy.used != (c->wanted != NULL) || (proxy.used && strcmp(got, c->wanted) != 0)) {
    fail_msg("%s with %s: %s", c->url, c->variables[0], proxy.used ? got : "none");
  }
}

static void chooses(void **state) {
  (void)state;
  static const proxy_case cases[] = {
      {"wss://h", {NULL}, NULL},
      {"wss://h", {"https_proxy=http://p:1"}, "p:1"},
      {"wss://h", {"HTTPS_PROXY=http://p:1"}, "p:1"},
      {"wss://h", {"HTTPS_PROXY=http://P:1", "https_proxy=http://p:2"}, "p:2"},
      {"wss://h", {"https_proxy=", "HTTPS_PROXY=http://p:1"}, NULL}, /* set to nothing: none */
      {"wss://h", {"http_proxy=http://p:1"}, NULL},
      {"ws://h", {"http_proxy=http://p:1"}, "p:1"},
      {"http://h", {"HTTP_PROXY=http://p:1"}, "p:1"},
      {"ws://h", {"HTTP_PROXY=http://p:1", "REQUEST_METHOD=GET"}, NULL}, /* CGI */
      {"ws://h", {"https_proxy=http://p:1"}, NULL},
      {"ws://h", {"ALL_PROXY=http://p:1"}, "p:1"},
      {"wss://h", {"all_proxy=p:1"}, "p:1"},
      {"wss://h", {"all_proxy=p"}, "p:80"},
      {"wss://h", {"all_proxy=https://p"}, "https:p:443"},
      {"wss://h", {"all_proxy=HTTP://p/"}, "p:80"},
      {"wss://h", {"all_proxy=http://[::1]:8"}, "::1:8"},
      {"ws://127.0.0.1:1", {"ALL_PROXY=http://p:1"}, NULL}, /* this machine */
      {"ws://localhost:1", {"ALL_PROXY=http://p:1"}, NULL},
      {"ws://127.0.0.1:1", {"ALL_PROXY=http://p:1", "NO_PROXY=x"}, NULL},
      {"ws://127.0.0.1:1", {"ALL_PROXY=http://p:1", "NO_PROXY="}, "p:1"}, /* even that */
      {"ws://127.0.0.1:1", {"ALL_PROXY=http://p:1", "no_proxy=", "NO_PROXY=x"}, "p:1"},
      {"wss://h", {"all_proxy=socks5://p:1"}, "!only http"},
      {"wss://h", {"all_proxy=http://u:secret@"}, "!not the URL"},
      {"wss://h", {"all_proxy=http://u:secret@p:x"}, "!not the URL"},
      {"wss://h", {"all_proxy=http://u:%4secret@p"}, "!user or password"},
      {"wss://h", {"all_proxy=http://p:1", "no_proxy=h"}, NULL},
      {"wss://h", {"all_proxy=http://p:1", "NO_PROXY=*"}, NULL},
      {"wss://h", {"all_proxy=http://p:1", "no_proxy=x, h"}, NULL},
      {"wss://a.h", {"all_proxy=http://p:1", "no_proxy=h"}, NULL},
      {"wss://a.h", {"all_proxy=http://p:1", "no_proxy=.H"}, NULL},
      {"wss://a.h", {"all_proxy=http://p:1", "no_proxy=*.h"}, NULL},
      {"wss://ah", {"all_proxy=http://p:1", "no_proxy=h"}, "p:1"},
      {"wss://h", {"all_proxy=http://p:1", "no_proxy=a.h"}, "p:1"},
      {"wss://h", {"all_proxy=http://p:1", "no_proxy=h:443"}, NULL},
      {"wss://h", {"all_proxy=http://p:1", "no_proxy=h:444"}, "p:1"},
      {"wss://10.1.2.3", {"all_proxy=http://p:1", "no_proxy=10.0.0.0/8"}, NULL},
      {"wss://11.1.2.3", {"all_proxy=http://p:1", "no_proxy=10.0.0.0/8"}, "p:1"},
      {"wss://10.1.2.3", {"all_proxy=http://p:1", "no_proxy=10.1.2.3"}, NULL},
      {"wss://10.1.2.3", {"all_proxy=http://p:1", "no_proxy=1.2.3"}, "p:1"},
      {"wss://[fd00::1]", {"all_proxy=http://p:1", "no_proxy=fd00::/16"}, NULL},
      {"wss://[fd00::1]", {"all_proxy=http://p:1", "no_proxy=[fd00::1]:443"}, NULL},
      {"wss://[fd01::1]", {"all_proxy=http://p:1", "no_proxy=fd00::/16"}, "p:1"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(&cases[i]);
}

static void takes_user_and_password(void **state) {
  (void)state;
  static const char *const variables[] = {"all_proxy=http://us%20er:p%40ss:w@p:1", NULL};
  lrm_url url;
  ws_proxy proxy;
  char error[300];
  environment = variables;
  assert_int_equal(lrm_url_parse("wss://h", &url, error, sizeof error), 0);
  assert_int_equal(lrm__ws_proxy_of(&url, get, &proxy, error, sizeof error), 0);
  assert_string_equal(proxy.authorization, "dXMgZXI6cEBzczp3"); /* us er:p@ss:w */
  assert_string_equal(proxy.host, "p");
}

static void base64_is_padded(void **state) {
  (void)state;
  static const char *const wanted[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE="};
  for (size_t i = 0; i < 6; i++) {
    char out[16];
    lrm__ws_base64((const uint8_t *)"fooba", i, out);
    assert_string_equal(out, wanted[i]);
  }
}

static void key_of_the_rfc(void **state) {
  (void)state;
  char out[LRM_WS_ACCEPT_BYTES];
  lrm_slice key = {(const uint8_t *)"dGhlIHNhbXBsZSBub25jZQ==", 24};
  assert_true(lrm_ws_accept_key(key, out)); /* RFC 6455 1.3 */
  assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  static const char *const bad[] = {"", "AAAA", "dGhlIHNhbXBsZSBub25jZQ=",
                                    "dGhlIHNhbXBsZSBub25j!Q==", "dGhlIHNhbXBsZSBub25jZQ==="};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    key = (lrm_slice){(const uint8_t *)bad[i], strlen(bad[i])};
    assert_false(lrm_ws_accept_key(key, out));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(chooses), cmocka_unit_test(takes_user_and_password),
      cmocka_unit_test(base64_is_padded), cmocka_unit_test(key_of_the_rfc)};
  return cmocka_run_group_tests_name("ws_proxy", tests, NULL, NULL);
}
