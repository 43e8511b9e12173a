/* Heads of HTTP messages: what is one, what is not, and that the verdict does not depend on how the
 * bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/http_head.h"

typedef int (*parser)(const uint8_t *, size_t, lrm_http_head *, size_t *);

/* Every prefix asks for more or refuses for good; the whole gives `wanted`. */
static int parse_growing(parser parse, const char *text, lrm_http_head *head, size_t *consumed) {
  size_t bytes = strlen(text);
  int final = parse((const uint8_t *)text, bytes, head, consumed);
  size_t total = *consumed;
  for (size_t n = 0; n < bytes; n++) {
    uint8_t *part = malloc(n + 1);
    assert_non_null(part);
    memcpy(part, text, n);
    lrm_http_head other;
    size_t used = 0;
    int result = parse(part, n, &other, &used);
    free(part);
    if (result != 0) {
      assert_int_equal(result, final);
      break;
    }
    if (used > 0) {
      assert_int_equal(final, 0);
      assert_int_equal(used, total);
    } else if (final == 0 && total > 0) {
      assert_true(n < total);
    }
  }
  return parse((const uint8_t *)text, bytes, head, consumed);
}

static void takes_requests(void **state) {
  (void)state;
  lrm_http_head head;
  lrm_slice value;
  size_t consumed;
  static const char text[] =
      "GET /a?b HTTP/1.1\r\nHost: x\r\nEmpty:\r\nList: a, B ,c\r\nlist:\td\t\r\n\r\nmore";
  assert_int_equal(parse_growing(lrm_http_request_parse, text, &head, &consumed), 0);
  assert_int_equal(consumed, sizeof text - 1 - 4);
  assert_true(head.method.bytes == 3 && memcmp(head.method.data, "GET", 3) == 0);
  assert_true(lrm_http_is(head.target, "/a?b"));
  assert_int_equal(head.minor, 1);
  assert_int_equal(lrm_http_field_count(&head, "host", &value), 1);
  assert_true(lrm_http_is(value, "x"));
  assert_int_equal(lrm_http_field_count(&head, "empty", &value), 1);
  assert_int_equal(value.bytes, 0);
  assert_int_equal(lrm_http_field_count(&head, "list", &value), 2);
  assert_true(lrm_http_lists(&head, "list", "b") && lrm_http_lists(&head, "list", "d"));
  assert_false(lrm_http_lists(&head, "list", "a, b"));
  assert_int_equal(lrm_http_field_count(&head, "absent", &value), 0);
}

static void takes_responses(void **state) {
  (void)state;
  lrm_http_head head;
  size_t consumed;
  static const char *const good[] = {"HTTP/1.1 101 Switching Protocols\r\n\r\n",
                                     "HTTP/1.0 404 \r\nA: b\r\n\r\n", "HTTP/1.1 502\r\n\r\n"};
  static const unsigned status[] = {101, 404, 502};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(parse_growing(lrm_http_response_parse, good[i], &head, &consumed), 0);
    assert_int_equal(consumed, strlen(good[i]));
    assert_int_equal(head.status, status[i]);
  }
  static const char *const bad[] = {"HTTP/2 200\r\n\r\n",      "HTTP/1.1 20\r\n\r\n",
                                    "HTTP/1.1 2000 x\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n",
                                    "HTTP/1.1 099 x\r\n\r\n",  "SSH-2.0-x\r\n\r\n",
                                    "HTTP/1.1 600 OK\r\n\r\n", "\x15\x03\x01"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    assert_int_equal(parse_growing(lrm_http_response_parse, bad[i], &head, &consumed),
                     LRM_ERR_PROTOCOL);
  }
}

static void refuses_what_two_may_read_differently(void **state) {
  (void)state;
  static const char *const bad[] = {
      "GET / HTTP/1.1\nHost: x\n\n",          /* bare LF */
      "GET / HTTP/1.1\r\nHost: x\n\r\n",      /* once */
      "GET / HTTP/1.1\r\rHost: x\r\n\r\n",    /* bare CR */
      "GET / HTTP/1.1\r\nHost : x\r\n\r\n",   /* blank before the colon */
      "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", /* folded */
      "GET / HTTP/1.1\r\nA b\r\n\r\n",        /* no colon */
      "GET / HTTP/1.1\r\n: b\r\n\r\n",        /* no name */
      "GET / HTTP/1.1\r\nA: b\x01\r\n\r\n",   /* control */
      "GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n",   /* control */
      "GET  / HTTP/1.1\r\n\r\n",              /* two blanks */
      "GET / HTTP/1.1 \r\n\r\n",              /* blank at the end */
      "GET /\r\n\r\n",                        /* 0.9 */
      "GET / HTTP/2.0\r\n\r\n",               /* version */
      "GET / http/1.1\r\n\r\n",               /* version */
      "G(T / HTTP/1.1\r\n\r\n",               /* method */
      "GET /\t HTTP/1.1\r\n\r\n",             /* target */
      "GET /\xc3\xa4 HTTP/1.1\r\n\r\n",       /* target */
      "\r\nGET / HTTP/1.1\r\n\r\n",           /* empty line in front */
      "\x16\x03\x01\x02",                     /* TLS */
      " GET / HTTP/1.1\r\n\r\n"};
  lrm_http_head head;
  size_t consumed;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int result = parse_growing(lrm_http_request_parse, bad[i], &head, &consumed);
    if (result != LRM_ERR_PROTOCOL) fail_msg("taken: %s", bad[i]);
  }
}

static void is_bounded(void **state) {
  (void)state;
  lrm_http_head head;
  size_t consumed, at = 0;
  static char text[LRM_HTTP_HEAD_BYTES_MAX + 100];
  at = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\n");
  for (size_t i = 0; i < LRM_HTTP_FIELDS_MAX; i++) {
    at += (size_t)snprintf(text + at, sizeof text - at, "A%zu: b\r\n", i);
  }
  size_t fields_end = at;
  snprintf(text + at, sizeof text - at, "\r\n");
  assert_int_equal(lrm_http_request_parse((uint8_t *)text, strlen(text), &head, &consumed), 0);
  assert_int_equal(head.fields_count, LRM_HTTP_FIELDS_MAX);
  snprintf(text + fields_end, sizeof text - fields_end, "B: c\r\n\r\n");
  assert_int_equal(lrm_http_request_parse((uint8_t *)text, strlen(text), &head, &consumed),
                   LRM_ERR_LIMIT);
  /* exactly 8 KiB are taken, one more is not */
  for (size_t extra = 0; extra < 2; extra++) {
    at = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nA: ");
    memset(text + at, 'x', LRM_HTTP_HEAD_BYTES_MAX + extra - 4 - at);
    memcpy(text + LRM_HTTP_HEAD_BYTES_MAX + extra - 4, "\r\n\r\n", 5);
    assert_int_equal(
        lrm_http_request_parse((uint8_t *)text, LRM_HTTP_HEAD_BYTES_MAX + extra, &head, &consumed),
        extra == 0 ? 0 : LRM_ERR_LIMIT);
  }
}

static void knows_the_length_of_a_body(void **state) {
  (void)state;
  static const struct {
    const char *fields;
    int result;
    bool given;
    uint64_t length;
  } cases[] = {{"", 0, false, 0},
               {"Content-Length: 12\r\n", 0, true, 12},
               {"Content-Length: 0\r\n", 0, true, 0},
               {"Content-Length: 999999999999999\r\n", 0, true, 999999999999999},
               {"Content-Length: 1000000000000000\r\n", LRM_ERR_PROTOCOL, true, 0},
               {"Content-Length: 12, 12\r\n", LRM_ERR_PROTOCOL, true, 0},
               {"Content-Length: 12\r\nContent-Length: 12\r\n", LRM_ERR_PROTOCOL, true, 0},
               {"Content-Length: +1\r\n", LRM_ERR_PROTOCOL, true, 0},
               {"Content-Length: -1\r\n", LRM_ERR_PROTOCOL, true, 0},
               {"Content-Length: 0x1\r\n", LRM_ERR_PROTOCOL, true, 0},
               {"Content-Length:\r\n", LRM_ERR_PROTOCOL, true, 0},
               {"Transfer-Encoding: chunked\r\n", LRM_ERR_LIMIT, false, 0},
               {"Transfer-Encoding: identity\r\n", LRM_ERR_LIMIT, false, 0},
               {"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", LRM_ERR_PROTOCOL, true, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[300];
    lrm_http_head head;
    size_t consumed;
    uint64_t length;
    bool given;
    snprintf(text, sizeof text, "POST / HTTP/1.1\r\n%s\r\n", cases[i].fields);
    assert_int_equal(lrm_http_request_parse((uint8_t *)text, strlen(text), &head, &consumed), 0);
    int result = lrm_http_content_length(&head, &length, &given);
    if (result != cases[i].result) fail_msg("%s: %d", cases[i].fields, result);
    assert_int_equal(given, cases[i].given);
    if (result == 0) assert_true(length == cases[i].length);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(takes_requests), cmocka_unit_test(takes_responses),
      cmocka_unit_test(refuses_what_two_may_read_differently), cmocka_unit_test(is_bounded),
      cmocka_unit_test(knows_the_length_of_a_body)};
  return cmocka_run_group_tests_name("http_head", tests, NULL, NULL);
}
