/* What the relay takes from one account, one address, one connection, and what it says when that is
 * too much: virtual time, the core alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slow.h"
#include "testbed.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);

/* ---- addresses ---- */

static void an_address_is_what_one_person_has(void **state) {
  (void)state;
  static const struct {
    const char *peer, *address;
  } rows[] = {{"192.0.2.1:4711", "192.0.2.1"},
              {"192.0.2.1", "192.0.2.1"},
              {"[2001:db8:0:1:aaaa::1]:99", "2001:db8:0:1::/64"},
              {"2001:db8:0:1:bbbb::2", "2001:db8:0:1::/64"},
              {"[fe80::1%eth0]:80", "fe80::/64"},
              {"[::ffff:192.0.2.7]:80", "192.0.2.7"},
              {"[::ffff:127.0.0.1]:80", "loopback"},
              {"127.3.2.1:80", "loopback"},
              {"[::1]:80", "loopback"},
              {"unix:pid=1,uid=0", "unix"},
              {"", ""},
              {"a pipe", "a pipe"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char address[RELAY_ADDRESS_BYTES];
    relay_address_of(rows[i].peer, address);
    assert_string_equal(address, rows[i].address);
  }
}

/* ---- guessing ---- */

static void failures_cost_ever_longer_waits_up_to_a_bound(void **state) {
  (void)state;
  relay_slow *slow = calloc(1, sizeof *slow);
  relay_slow_init(slow, 7);
  uint64_t now_ns = SECOND_NS, longest = 0;
  const char *from = "192.0.2.1:1";
  for (unsigned i = 0; i < 8; i++)
    assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
  for (unsigned i = 0; i < 12; i++) {
    uint64_t wait_ms = relay_slow_failed(slow, RELAY_SLOW_ADDRESS, "192.0.2.1:2", now_ns);
    uint64_t expected = 1000u << (i < 5 ? i : 5);
    assert_int_equal(wait_ms, expected > 30000 ? 30000 : expected);
    assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, from, now_ns), wait_ms);
    /* What is tried meanwhile does not lengthen it; other addresses wait for nothing. */
    assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns + 1), wait_ms);
    assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, "192.0.2.2:1", now_ns), 0);
    now_ns += wait_ms * 1000000;
    assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
    longest = wait_ms > longest ? wait_ms : longest;
  }
  assert_int_equal(longest, 30000);
  /* A quarter of an hour later it is nobody. */
  now_ns += 900 * SECOND_NS;
  assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
  free(slow);
}

static void a_code_waits_longer_and_can_be_forgotten(void **state) {
  (void)state;
  relay_slow *slow = calloc(1, sizeof *slow);
  relay_slow_init(slow, 7);
  uint64_t now_ns = SECOND_NS, wait_ms = 0;
  for (unsigned i = 0; i < 40; i++) {
    wait_ms = relay_slow_failed(slow, RELAY_SLOW_CODE, "ABCD-EFGH", now_ns);
    now_ns += wait_ms * 1000000;
  }
  assert_int_equal(wait_ms, 900000);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_CODE, "ABCD-EFGX", now_ns - 1), 0);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ACCOUNT, "ABCD-EFGH", now_ns - 1), 0);
  relay_slow_forget(slow, RELAY_SLOW_CODE, "ABCD-EFGH");
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_CODE, "ABCD-EFGH", now_ns - 1), 0);
  /* Tokens are told apart by their beginning. */
  for (unsigned i = 0; i < 4; i++)
    wait_ms = relay_slow_failed(slow, RELAY_SLOW_TOKEN, "rrt_00112233aaaa", now_ns);
  assert_int_equal(wait_ms, 1000);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_TOKEN, "rrt_00112233bbbb", now_ns), 1000);
  free(slow);
}

static void the_table_of_guessers_is_bounded(void **state) {
  (void)state;
  relay_slow *slow = calloc(1, sizeof *slow);
  relay_slow_init(slow, 7);
  uint64_t now_ns = SECOND_NS;
  for (unsigned i = 0; i < 100000; i++) {
    char from[32];
    snprintf(from, sizeof from, "10.%u.%u.%u:1", i >> 16, (i >> 8) & 255, i & 255);
    now_ns += 1000;
    assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
  }
  /* The newest is still known. */
  for (unsigned i = 0; i < 8; i++)
    (void)relay_slow_failed(slow, RELAY_SLOW_ADDRESS, "10.1.134.159:1", now_ns);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, "10.1.134.159:2", now_ns), 1000);
  free(slow);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_address_is_what_one_person_has),
      cmocka_unit_test(failures_cost_ever_longer_waits_up_to_a_bound),
      cmocka_unit_test(a_code_waits_longer_and_can_be_forgotten),
      cmocka_unit_test(the_table_of_guessers_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
