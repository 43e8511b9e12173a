/* What is wished and whether it needs the machine awake, on a clock of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "keep_alive.h"

#define S UINT64_C(1000000000)

static void values(void **state) {
  static const struct {
    const char *text, *word;
    keep_alive_mode mode;
    uint64_t ms;
  } good[] = {{"off", "off", KEEP_ALIVE_OFF, 0},
              {"on", "on", KEEP_ALIVE_ON, 0},
              {"busy", "busy", KEEP_ALIVE_BUSY, 0},
              {"45", "45m", KEEP_ALIVE_FOR, 2700000},
              {"30m", "30m", KEEP_ALIVE_FOR, 1800000},
              {"90s", "90s", KEEP_ALIVE_FOR, 90000},
              {"8h", "8h", KEEP_ALIVE_FOR, 28800000},
              {"1d", "1d", KEEP_ALIVE_FOR, 86400000},
              {"365d", "365d", KEEP_ALIVE_FOR, KEEP_ALIVE_MS_MAX}};
  static const char *const bad[] = {"",     "0",          "0m",  "-1",   "1w",
                                    "1.5h", "8 h",        "ON",  "366d", "m",
                                    "h8",   "999999999d", "8hh", "on ",  "99999999999999"};
  keep_alive_wish wish;
  (void)state;
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    assert_true(keep_alive_parse(good[i].text, &wish));
    assert_int_equal(wish.mode, good[i].mode);
    assert_int_equal(wish.ms, good[i].ms);
    assert_string_equal(wish.word, good[i].word);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (keep_alive_parse(bad[i], &wish)) fail_msg("taken: %s", bad[i]);
}

static keep_alive_run begun(const char *text, uint64_t now) {
  keep_alive_run k = {0};
  keep_alive_wish wish;
  assert_true(keep_alive_parse(text, &wish));
  keep_alive_set(&k, &wish, now);
  return k;
}

static void busy_is_a_turn_and_a_little_more(void **state) {
  keep_alive_run k = begun("busy", 0);
  (void)state;
  assert_false(keep_alive_wants(&k, 0));
  assert_true(keep_alive_due_ns(&k, 0) == UINT64_MAX);
  keep_alive_busy(&k, true, 10 * S);
  assert_true(keep_alive_wants(&k, 10 * S));
  assert_true(keep_alive_wants(&k, 100000 * S));
  assert_true(keep_alive_due_ns(&k, 100 * S) == UINT64_MAX);
  keep_alive_busy(&k, false, 200 * S);
  assert_true(keep_alive_wants(&k, 202 * S));
  assert_int_equal(keep_alive_due_ns(&k, 202 * S), 200 * S + KEEP_ALIVE_LINGER_NS);
  keep_alive_busy(&k, false, 202 * S); /* said again: no longer for it */
  assert_false(keep_alive_wants(&k, 203 * S));
  assert_true(keep_alive_due_ns(&k, 203 * S) == UINT64_MAX);
  keep_alive_busy(&k, true, 204 * S);
  keep_alive_busy(&k, false, 205 * S);
  keep_alive_busy(&k, true, 206 * S); /* the next turn within what lingers */
  assert_true(keep_alive_wants(&k, 210 * S));
}

/* Time that the machine slept counts: the clock has jumped when it is back. */
static void a_duration_counts_sleep(void **state) {
  char text[48];
  keep_alive_run k = begun("8h", 1000 * S);
  (void)state;
  assert_true(keep_alive_wants(&k, 1000 * S));
  assert_int_equal(keep_alive_left_ms(&k, 1060 * S), 28800000 - 60000);
  keep_alive_time(keep_alive_left_ms(&k, 1060 * S), text);
  assert_string_equal(text, "7 h 59 min");
  assert_false(keep_alive_expire(&k, 1000 * S + 28800 * S - 1));
  assert_true(keep_alive_expire(&k, 900000 * S));
  assert_int_equal(k.wish.mode, KEEP_ALIVE_OFF);
  assert_string_equal(k.wish.word, "off");
  assert_false(keep_alive_wants(&k, 900000 * S));
  assert_false(keep_alive_expire(&k, 900001 * S));
  assert_int_equal(keep_alive_left_ms(&k, 900000 * S), 0);
}

static void times(void **state) {
  char text[48];
  (void)state;
  keep_alive_time(59999, text);
  assert_string_equal(text, "under a minute");
  keep_alive_time(UINT64_C(61) * 60000, text);
  assert_string_equal(text, "1 h 1 min");
  keep_alive_time(UINT64_C(1500) * 60000, text);
  assert_string_equal(text, "1 d 1 h");
  keep_alive_time(60000, text);
  assert_string_equal(text, "1 min");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values),
      cmocka_unit_test(busy_is_a_turn_and_a_little_more),
      cmocka_unit_test(a_duration_counts_sleep),
      cmocka_unit_test(times),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
