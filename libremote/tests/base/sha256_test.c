/* SHA-256 against the examples of FIPS 180-4 and, split anywhere, against itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "remote/sha256.h"

static void hex_of(const void *data, size_t bytes, size_t split, char out[65]) {
  uint8_t sum[LRM_SHA256_BYTES];
  lrm_sha256 state;
  lrm_sha256_begin(&state);
  lrm_sha256_add(&state, data, split);
  lrm_sha256_add(&state, (const uint8_t *)data + split, bytes - split);
  lrm_sha256_end(&state, sum);
  for (size_t i = 0; i < sizeof sum; i++) snprintf(out + 2 * i, 3, "%02x", sum[i]);
}

static void the_standards_examples(void **state) {
  (void)state;
  static const struct {
    const char *text, *hex;
  } known[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmn"
       "o"
       "pqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
  };
  char hex[65];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    hex_of(known[i].text, strlen(known[i].text), 0, hex);
    assert_string_equal(hex, known[i].hex);
  }
}

static void a_million_letters(void **state) {
  (void)state;
  uint8_t piece[1000], sum[LRM_SHA256_BYTES];
  char hex[65];
  lrm_sha256 all;
  memset(piece, 'a', sizeof piece);
  lrm_sha256_begin(&all);
  for (int i = 0; i < 1000; i++) lrm_sha256_add(&all, piece, sizeof piece);
  lrm_sha256_end(&all, sum);
  for (size_t i = 0; i < sizeof sum; i++) snprintf(hex + 2 * i, 3, "%02x", sum[i]);
  assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void where_it_is_split_does_not_matter(void **state) {
  (void)state;
  uint8_t data[200];
  char whole[65], split[65];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7);
  for (size_t bytes = 0; bytes <= sizeof data; bytes++) {
    hex_of(data, bytes, 0, whole);
    for (size_t at = 0; at <= bytes; at++) {
      hex_of(data, bytes, at, split);
      assert_string_equal(split, whole);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_standards_examples),
      cmocka_unit_test(a_million_letters),
      cmocka_unit_test(where_it_is_split_does_not_matter),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
