/* The sanitizer: nothing but printable text, newlines and tabs comes out, however the input is
 * cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "terminal_text.h"

static void check(const char *in, const char *shown, const char *stripped) {
  char out[256];
  terminal_text_copy(out, sizeof out, in, strlen(in), 0);
  assert_string_equal(shown, out);
  terminal_text_copy(out, sizeof out, in, strlen(in), TERMINAL_TEXT_STRIP);
  assert_string_equal(stripped, out);
}

static void shows_or_strips(void **state) {
  (void)state;
  check("plain ü 漢 😀\n\ttab", "plain ü 漢 😀\n\ttab", "plain ü 漢 😀\n\ttab");
  check("\x1b[31mred\x1b[0m", "␛[31mred␛[0m", "red");
  check("\x1b]0;title\x07x", "␛]0;title␇x", "x");
  check("\x1b]8;;http://h\x1b\\link", "␛]8;;http://h␛\\link", "link");
  check("\x1bPq#0\x1b\\x", "␛Pq#0␛\\x", "x");
  check("\x1b(Bx\x1b=y", "␛(Bx␛=y", "xy");
  check("a\rb\r\nc\r", "a\nb\nc\n", "a\nb\nc\n");
  check("a\bb\x7f", "a␈b␡", "ab");
  check(
      "\xc2\x9b"
      "31m",
      "\xEF\xBF\xBD"
      "31m",
      "\xEF\xBF\xBD"
      "31m");
  check("\xe2\x80\xaetxt", "\xEF\xBF\xBDtxt", "\xEF\xBF\xBDtxt");
  check("a\xff\xc0\xaf\xed\xa0\x80z",
        "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
        "\xEF\xBF\xBD\xEF\xBF\xBDz",
        "a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
  check("\x1b[31\nnext", "␛[31\nnext", "\nnext");
}

/* Over-long forms, surrogates and numbers beyond Unicode are no characters: each byte is replaced.
 */
static void refuses_false_utf8(void **state) {
  (void)state;
  static const char *const bad[] = {"\xe0\x9f\xbf",     "\xed\xa0\x80",     "\xf0\x8f\xbf\xbf",
                                    "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc1\xbf"};
  static const char *const good[] = {"\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80",
                                     "\xf4\x8f\xbf\xbf", "\xc2\xa0"};
  char out[64];
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t bytes = terminal_text_copy(out, sizeof out, bad[i], strlen(bad[i]), 0);
    assert_int_equal(3 * strlen(bad[i]), bytes);
    for (size_t k = 0; k < bytes; k += 3) assert_memory_equal("\xEF\xBF\xBD", out + k, 3);
  }
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    terminal_text_copy(out, sizeof out, good[i], strlen(good[i]), 0);
    assert_string_equal(good[i], out);
  }
}

static void swallows_no_more_than_its_limit(void **state) {
  (void)state;
  char in[8192], out[8192];
  memset(in, 'x', sizeof in);
  in[0] = '\x1b';
  in[1] = ']';
  size_t bytes = terminal_text_copy(out, sizeof out, in, sizeof in, TERMINAL_TEXT_STRIP);
  assert_in_range(bytes, 8192 - 4096 - 8, 8192 - 4096 + 8);
}

static void keeps_to_one_line(void **state) {
  (void)state;
  char out[64];
  terminal_text_copy(out, sizeof out, "a\nb\tc\r\nd", 8, TERMINAL_TEXT_ONE_LINE);
  assert_string_equal("a b c d", out);
}

static void cuts_at_characters(void **state) {
  (void)state;
  char out[8];
  assert_int_equal(7, terminal_text_copy(out, sizeof out, "1234567", 7, 0));
  assert_int_equal(7, terminal_text_copy(out, sizeof out, "12345678", 8, 0));
  assert_string_equal("1234…", out);
  terminal_text_copy(out, sizeof out, "123ü678", 8, 0);
  assert_string_equal("123…", out);
  char text[32] = "漢字 und mehr";
  assert_int_equal(13, terminal_text_columns(text));
  assert_int_equal(5, terminal_text_fit(text, 5));
  assert_string_equal("漢字…", text);
  assert_int_equal(3, terminal_text_fit(text, 4));
  assert_string_equal("漢…", text);
  char shorter[8] = "abc";
  assert_int_equal(3, terminal_text_fit(shorter, 3));
  assert_string_equal("abc", shorter);
  assert_int_equal(2, terminal_text_fit(shorter, 2));
  assert_string_equal("a.", shorter);
}

typedef struct sink {
  char text[8192];
  size_t used;
} sink;

static void collect(void *user, const char *text, size_t bytes) {
  sink *s = user;
  assert_true(s->used + bytes < sizeof s->text);
  memcpy(s->text + s->used, text, bytes);
  s->used += bytes;
}

/* Any bytes, cut anywhere: the same text comes out, and no control character in it. */
static void is_the_same_in_pieces(void **state) {
  (void)state;
  unsigned seed = (unsigned)time(NULL);
  print_message("seed %u\n", seed);
  static const char *const parts[] = {
      "\x1b", "[",  "]",  "31m", "\x07",     "\\",           "ü",    "漢", "\xf0",
      "\x9f", "\r", "\n", "a",   "\xc2\x9b", "\xe2\x80\xae", "\x1bP"};
  for (int round = 0; round < 2000; round++) {
    char in[256];
    size_t bytes = 0;
    for (int i = rand_r(&seed) % 40; i > 0; i--) {
      const char *part = parts[(size_t)rand_r(&seed) % (sizeof parts / sizeof *parts)];
      memcpy(in + bytes, part, strlen(part));
      bytes += strlen(part);
    }
    for (unsigned mode = 0; mode < 2; mode++) {
      unsigned flag = mode ? TERMINAL_TEXT_STRIP : 0;
      static sink whole, pieces;
      terminal_text text;
      whole.used = pieces.used = 0;
      terminal_text_init(&text, flag);
      terminal_text_feed(&text, in, bytes, collect, &whole);
      terminal_text_end(&text, collect, &whole);
      terminal_text_init(&text, flag);
      for (size_t i = 0; i < bytes;) {
        size_t n = 1 + (size_t)rand_r(&seed) % 3;
        n = n < bytes - i ? n : bytes - i;
        terminal_text_feed(&text, in + i, n, collect, &pieces);
        i += n;
      }
      terminal_text_end(&text, collect, &pieces);
      assert_int_equal(whole.used, pieces.used);
      assert_memory_equal(whole.text, pieces.text, whole.used);
      for (size_t i = 0; i < whole.used; i++) {
        uint8_t c = (uint8_t)whole.text[i];
        assert_true((c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t');
        assert_false(c == 0xc2 && (uint8_t)whole.text[i + 1] < 0xa0);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shows_or_strips),
      cmocka_unit_test(refuses_false_utf8),
      cmocka_unit_test(swallows_no_more_than_its_limit),
      cmocka_unit_test(keeps_to_one_line),
      cmocka_unit_test(cuts_at_characters),
      cmocka_unit_test(is_the_same_in_pieces),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
