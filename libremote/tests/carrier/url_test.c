/* URLs: a table of what is taken and what is refused, and why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "remote/carrier.h"

typedef struct good_url {
  const char *text, *scheme, *host;
  uint16_t port;
  bool local;
} good_url;

static const good_url good[] = {
    {"tcp://127.0.0.1:7443", "tcp", "127.0.0.1", 7443, true},
    {"tcp://127.0.0.1:7443/", "tcp", "127.0.0.1", 7443, true},
    {"tcp://127.255.0.9:1", "tcp", "127.255.0.9", 1, true},
    {"tcp://localhost:0", "tcp", "localhost", 0, true},
    {"tcp://[::1]:65535", "tcp", "::1", 65535, true},
    {"tcp://[fe80::1%eth0]:99", "tcp", "fe80::1%eth0", 99, false},
    {"tcp://relay.example:443", "tcp", "relay.example", 443, false},
    {"tcp://127.evil.example:443", "tcp", "127.evil.example", 443, false},
    {"tcp://127.0.0.1.example:443", "tcp", "127.0.0.1.example", 443, false},
    {"tcp://127.0.0.999:443", "tcp", "127.0.0.999", 443, false},
    {"tcp://0.0.0.0:443", "tcp", "0.0.0.0", 443, false},
    {"unix:///run/relay.sock", "unix", "/run/relay.sock", 0, true},
    {"tls://relay.example:7443", "tls", "relay.example", 7443, false},
    {"ws://localhost", "ws", "localhost", 80, true},
    {"wss://relay.example", "wss", "relay.example", 443, false},
    {"wss://relay.example/", "wss", "relay.example", 443, false},
    {"https://relay.example:8443/a/b.c-d_e~f/", "https", "relay.example", 8443, false},
    {"http://[::1]", "http", "::1", 80, true},
    {"poll://127.0.0.1:8080", "poll", "127.0.0.1", 8080, true},
    {"polls://relay.example/relay", "polls", "relay.example", 443, false},
    {"grpc://127.0.0.1:50051", "grpc", "127.0.0.1", 50051, true},
    {"grpcs://relay.example", "grpcs", "relay.example", 443, false},
};

static const struct {
  const char *text, *says;
} bad[] = {
    {"", "not a URL"},
    {"relay", "not a URL"},
    {"://host:1", "not a URL"},
    {"gopher://host:1", "unknown kind"},
    {"TCP://host:1", "unknown kind"},
    {"tcp://", "host is missing"},
    {"tcp://:1", "host is missing"},
    {"tcp://host", "port is missing"},
    {"tcp://host:", "port is not"},
    {"tcp://host:65536", "port is not"},
    {"tcp://host:99999999999999999999", "port is not"},
    {"tcp://host:-1", "port is not"},
    {"tcp://host:1x", "port is not"},
    {"tcp://host:1/path", "follow the port"},
    {"grpcs://host/path", "follow the port"},
    {"ws://user@host", "a name or password never"},
    {"https://user:word@host:1", "a name or password never"},
    {"ws://host/a?token=x", "character"},
    {"ws://host/a//b", "character"},
    {"ws://host/../b", "character"},
    {"wss://[::1]x", "port may follow"},
    {"grpc://host", "port is missing"},
    {"tls://host", "port is missing"},
    {"tcp://::1:80", "brackets"},
    {"tcp://[::1", "]"},
    {"tcp://[::1]", "port is missing"},
    {"tcp://token@host:1", "a name or password never"},
    {"tcp://ho st:1", "character"},
    {"tcp://ho\nst:1", "character"},
    {"tcp://h\xc3\xb6st:1", "character"},
    {"unix://relay.sock", "absolute"},
    {"unix://", "absolute"},
    {"unix:///a\nb", "control"},
};

static void takes_good_urls(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    lrm_url url;
    char error[160];
    assert_int_equal(lrm_url_parse(good[i].text, &url, error, sizeof error), 0);
    assert_string_equal(url.scheme, good[i].scheme);
    assert_string_equal(url.host, good[i].host);
    assert_int_equal(url.port, good[i].port);
    assert_int_equal(lrm_url_local(&url), good[i].local);
  }
}

static void refuses_bad_urls_with_a_reason(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    lrm_url url;
    char error[160];
    assert_int_equal(lrm_url_parse(bad[i].text, &url, error, sizeof error), LRM_ERR_USAGE);
    if (strstr(error, bad[i].says) == NULL) {
      print_error("%s: \"%s\" does not say \"%s\"\n", bad[i].text, error, bad[i].says);
      fail();
    }
  }
}

static void bounds_lengths(void **state) {
  (void)state;
  char text[2048], error[160];
  lrm_url url;
  for (size_t path = 106; path <= 109; path++) {
    memcpy(text, "unix://", 7);
    memset(text + 7, 'a', path);
    text[7] = '/';
    text[7 + path] = '\0';
    assert_int_equal(lrm_url_parse(text, &url, error, sizeof error),
                     path <= 107 ? 0 : LRM_ERR_USAGE);
  }
  for (size_t host = 254; host <= 257; host++) {
    memcpy(text, "tcp://", 6);
    memset(text + 6, 'a', host);
    memcpy(text + 6 + host, ":1", 3);
    assert_int_equal(lrm_url_parse(text, &url, error, sizeof error),
                     host <= 255 ? 0 : LRM_ERR_USAGE);
  }
  memset(text, 'a', sizeof text);
  text[sizeof text - 1] = '\0';
  assert_int_equal(lrm_url_parse(text, &url, NULL, 0), LRM_ERR_USAGE);
  assert_int_equal(lrm_url_parse(NULL, &url, NULL, 0), LRM_ERR_USAGE);
}

/* What is printed can be read again, and is the same then. */
static void writes_what_it_reads(void **state) {
  (void)state;
  static const struct {
    const char *text, *again, *prefix;
    bool encrypted;
  } urls[] = {{"tcp://[::1]:9/", "tcp://[::1]:9", "", false},
              {"wss://relay.example:443/", "wss://relay.example", "", true},
              {"ws://h:8080/a/b/", "ws://h:8080/a/b", "/a/b", false},
              {"polls://[fe80::1%eth0]/r", "polls://[fe80::1%eth0]/r", "/r", true},
              {"grpcs://h", "grpcs://h", "", true},
              {"unix:///run/x", "unix:///run/x", "", false}};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    lrm_url url, second;
    char text[420];
    assert_int_equal(lrm_url_parse(urls[i].text, &url, NULL, 0), 0);
    assert_string_equal(url.prefix, urls[i].prefix);
    assert_int_equal(lrm_url_encrypted(&url), urls[i].encrypted);
    lrm_url_text(&url, text, sizeof text);
    assert_string_equal(text, urls[i].again);
    assert_int_equal(lrm_url_parse(text, &second, NULL, 0), 0);
    assert_memory_equal(&url, &second, sizeof url);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_good_urls),
      cmocka_unit_test(refuses_bad_urls_with_a_reason),
      cmocka_unit_test(writes_what_it_reads),
      cmocka_unit_test(bounds_lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
