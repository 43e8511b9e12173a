/* tls:// between our own two ends: bytes, order, pieces, room, and how a connection ends. */
#include "tls_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 1.2 MB there and back, in writes of all sizes, with consumers that take whole chunks only. */
static void exchange(kit *k, size_t total) {
  uint8_t *data = malloc(total);
  assert_non_null(data);
  for (size_t i = 0; i < total; i++) data[i] = (uint8_t)(i * 7 + i / 251);
  size_t sent = 0;
  while (k->client.seen_bytes < total) {
    while (sent < total && lrm_carrier_room(k->client.carrier) > 0) {
      size_t step = 1 + (sent * 31) % 9000;
      if (step > total - sent) step = total - sent;
      lrm_slice parts[3] = {{data + sent, step / 2}, {NULL, 0}, {data + sent + step / 2, 0}};
      parts[2].bytes = step - step / 2;
      assert_int_equal(lrm_carrier_write(k->client.carrier, parts, 3), 0);
      sent += step;
    }
    uv_run(&k->loop, UV_RUN_ONCE);
    if (k->client.is_down) print_error("client: %s, server: %s\n", k->client.text, k->server.text);
    assert_false(k->client.is_down);
  }
  assert_int_equal(k->client.seen_bytes, total);
  assert_memory_equal(k->client.seen, data, total);
  free(data);
}

static void echoes(void **state) {
  (void)state;
  static const size_t chunks[][2] = {{0, 0}, {1000, 0}, {0, 30000}, {48, 400}};
  for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
    kit k;
    kit_begin(&k);
    kit_listen(&k);
    k.server.echo = true;
    k.server.chunk = chunks[i][0];
    k.client.chunk = chunks[i][1];
    kit_connect(&k, "localhost", 0);
    k.client.chunk = chunks[i][1];
    kit_until(&k, &k.client.is_up);
    assert_true(strncmp(k.client.carrier->peer, "127.0.0.1:", 10) == 0);
    exchange(&k, 1200000);
    kit_end(&k);
  }
}

static void one_byte_pieces(void **state) {
  (void)state;
  kit k;
  proxy p = {.step = 1};
  kit_begin(&k);
  kit_listen(&k);
  proxy_begin(&k, &p);
  k.server.echo = true;
  kit_connect(&k, "127.0.0.1", p.port);
  kit_until(&k, &k.client.is_up);
  exchange(&k, 30000);
  proxy_end(&p);
  kit_end(&k);
}

static void orderly_end(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  kit_pair(&k);
  /* What was written before the end arrives, and the end is told as one. */
  assert_true(end_send(&k.client, "last words", 10));
  lrm_carrier_close(k.client.carrier, true);
  assert_int_equal(lrm_carrier_room(k.client.carrier), 0);
  assert_false(end_send(&k.client, "x", 1));
  kit_until(&k, &k.client.is_down);
  assert_int_equal(k.client.error, 0);
  kit_expect_down(&k, &k.server, "the other side closed the connection");
  assert_int_equal(k.server.error, LRM_ERR_CARRIER);
  assert_int_equal(k.server.seen_bytes, 10);
  assert_memory_equal(k.server.seen, "last words", 10);
  kit_end(&k);
}

static void cut_is_told_from_the_end(void **state) {
  (void)state;
  kit k;
  proxy p = {0};
  kit_begin(&k);
  kit_listen(&k);
  proxy_begin(&k, &p);
  kit_connect(&k, "127.0.0.1", p.port);
  kit_until(&k, &k.client.is_up);
  kit_until(&k, &k.server.is_up);
  assert_true(end_send(&k.client, "x", 1));
  while (k.server.seen_bytes < 1) uv_run(&k.loop, UV_RUN_ONCE);
  proxy_cut(&p);
  kit_expect_down(&k, &k.client, "without TLS's goodbye");
  kit_expect_down(&k, &k.server, "without TLS's goodbye");
  proxy_end(&p);
  kit_end(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(echoes), cmocka_unit_test(one_byte_pieces),
                                     cmocka_unit_test(orderly_end),
                                     cmocka_unit_test(cut_is_told_from_the_end)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
