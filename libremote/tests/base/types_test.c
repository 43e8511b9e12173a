/* Ids, error list, codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "remote/types.h"

static void id_round_trip(void **state) {
  (void)state;
  lrm_id id;
  for (int i = 0; i < 16; i++) id.bytes[i] = (uint8_t)(i * 17);
  char hex[LRM_ID_HEX_BYTES];
  lrm_id_hex(&id, hex);
  assert_string_equal(hex, "00112233445566778899aabbccddeeff");
  lrm_id back;
  assert_int_equal(lrm_id_parse("00112233445566778899AABBCCDDEEFF", 32, &back), 0);
  assert_true(lrm_id_equal(&id, &back));
}

static void id_refusals(void **state) {
  (void)state;
  lrm_id id;
  assert_int_equal(lrm_id_parse("00", 2, &id), LRM_ERR_USAGE);
  assert_int_equal(lrm_id_parse("g0112233445566778899aabbccddeeff", 32, &id), LRM_ERR_USAGE);
  assert_int_equal(lrm_id_parse("00112233445566778899aabbccddeef ", 32, &id), LRM_ERR_USAGE);
  uint8_t wire[17] = {1};
  assert_int_equal(lrm_id_from(wire, 15, &id), LRM_ERR_DECODE);
  assert_int_equal(lrm_id_from(wire, 17, &id), LRM_ERR_DECODE);
  assert_int_equal(lrm_id_from(wire, 0, &id), 0);
  assert_true(lrm_id_none(&id));
  assert_int_equal(lrm_id_from(wire, 16, &id), 0);
  assert_false(lrm_id_none(&id));
}

static void every_error_has_a_class(void **state) {
  (void)state;
#define CHECK(name, value, kind, text)                                 \
  assert_int_equal(lrm_error_class(LRM_ERR_##name), LRM_ERROR_##kind); \
  assert_string_equal(lrm_error_text(LRM_ERR_##name), text);           \
  assert_true(LRM_ERR_##name < 0);
  LRM_ERRORS(CHECK)
#undef CHECK
  assert_int_equal(lrm_error_class(0), LRM_ERROR_NONE);
  assert_int_equal(lrm_error_class(-9999), LRM_ERROR_FATAL);
}

static void the_thousand_is_the_policy(void **state) {
  (void)state;
  assert_true(lrm_code_reconnects(0));
  assert_true(lrm_code_reconnects(1999));
  assert_true(lrm_code_reconnects(LRM_CODE_EPOCH));
  assert_false(lrm_code_reconnects(LRM_CODE_UNAUTHENTICATED));
  assert_false(lrm_code_reconnects(4999));
  assert_string_equal(lrm_code_name(LRM_CODE_SUPERSEDED), "SUPERSEDED");
  assert_string_equal(lrm_code_name(77), "CODE");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(id_round_trip),
      cmocka_unit_test(id_refusals),
      cmocka_unit_test(every_error_has_a_class),
      cmocka_unit_test(the_thousand_is_the_policy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
