#include <string.h>

#include "log/store_kit.h"
#include "remote/tail.h"

static lrm_tail tail_of(uint8_t *memory, uint32_t bytes) {
  lrm_tail tail;
  lrm_tail_init(&tail, memory, bytes);
  return tail;
}

static int push(lrm_tail *tail, const char *text) {
  return lrm_tail_push(tail, (const uint8_t *)text, strlen(text));
}

static void expect(const lrm_tail *tail, uint32_t index, const char *text) {
  lrm_slice message;
  int error = lrm_tail_get(tail, index, &message);
  assert_int_equal(error, text == NULL ? LRM_ERR_NOT_FOUND : 0);
  if (text == NULL) return;
  assert_int_equal(message.bytes, strlen(text));
  assert_memory_equal(message.data, text, message.bytes);
}

static void begins_at_a_clearing_block(void **state) {
  (void)state;
  uint8_t memory[64];
  lrm_tail tail = tail_of(memory, sizeof memory);
  assert_int_equal(push(&tail, "early"), LRM_ERR_STATE);
  expect(&tail, 0, NULL);
  lrm_tail_clear(&tail, 7);
  assert_int_equal(tail.offset, 7);
  assert_ok(push(&tail, "one"));
  assert_ok(push(&tail, ""));
  assert_ok(push(&tail, "three"));
  expect(&tail, 0, "one");
  expect(&tail, 1, "");
  expect(&tail, 2, "three");
  expect(&tail, 3, NULL);
  lrm_tail_clear(&tail, 9);
  expect(&tail, 0, NULL);
  assert_ok(push(&tail, "again"));
  expect(&tail, 0, "again");
}

/* Whoever drops one drops all until the next clearing block. */
static void drops_all_after_one(void **state) {
  (void)state;
  uint8_t memory[32];
  lrm_tail tail = tail_of(memory, sizeof memory);
  lrm_tail_clear(&tail, 0);
  assert_ok(push(&tail, "0123456789"));
  assert_int_equal(push(&tail, "0123456789abcdef"), LRM_ERR_BUSY);
  assert_true(tail.overflowed);
  assert_int_equal(push(&tail, "x"), LRM_ERR_BUSY);
  expect(&tail, 0, "0123456789");
  expect(&tail, 1, NULL);
  lrm_tail_clear(&tail, 5);
  assert_ok(push(&tail, "x"));
}

static void fills_to_the_last_byte(void **state) {
  (void)state;
  for (uint32_t spare = 0; spare < 3; spare++) {
    uint8_t memory[28];
    lrm_tail tail = tail_of(memory, sizeof memory - 2 + spare);
    lrm_tail_clear(&tail, 0);
    assert_ok(push(&tail, "0123456789"));
    assert_int_equal(push(&tail, "012345678"), spare == 0 ? LRM_ERR_BUSY : 0);
    expect(&tail, 0, "0123456789");
    expect(&tail, 1, spare == 0 ? NULL : "012345678");
  }
  lrm_tail none = tail_of(NULL, 0);
  lrm_tail_clear(&none, 0);
  assert_int_equal(push(&none, ""), LRM_ERR_BUSY);
  uint8_t memory[16];
  lrm_tail small = tail_of(memory, sizeof memory);
  lrm_tail_clear(&small, 0);
  assert_int_equal(lrm_tail_push(&small, memory, SIZE_MAX), LRM_ERR_BUSY);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(begins_at_a_clearing_block),
                                     cmocka_unit_test(drops_all_after_one),
                                     cmocka_unit_test(fills_to_the_last_byte)};
  return cmocka_run_group_tests_name("tail", tests, NULL, NULL);
}
