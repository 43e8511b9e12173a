/* Group commits in the thread pool: when, in which order, and what happens when one fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "remote/carrier_uv.h"
#include "remote/log_memory.h"

typedef struct recorder {
  uv_loop_t loop;
  lrm_store *store;
  lrm_uv_committer *committer;
  unsigned frozen, settled, failed;
  int last;
  uint64_t last_ns;
} recorder;

static recorder r;

static void on_frozen(void *user) {
  assert_ptr_equal(user, &r);
  r.frozen++;
  assert_int_equal(r.frozen, r.settled + 1); /* one batch is out at a time */
}

static void on_settled(void *user, int result) {
  assert_ptr_equal(user, &r);
  r.settled++;
  if (result != 0) r.failed++;
  r.last = result;
  r.last_ns = uv_hrtime();
}

static void put(uint8_t key) {
  assert_int_equal(lrm_store_put(r.store, 1, (lrm_slice){&key, 1}, (lrm_slice){&key, 1}), 0);
  lrm_uv_committer_kick(r.committer);
}

static bool has(uint8_t key) {
  lrm_slice value;
  return lrm_store_get(r.store, 1, (lrm_slice){&key, 1}, &value) == 0;
}

static int set_up(void **state) {
  (void)state;
  r = (recorder){.last = 1};
  uv_loop_init(&r.loop);
  lrm_store_memory_config config = {.struct_bytes = sizeof config,
                                    .allocator = lrm_allocator_default()};
  assert_int_equal(lrm_store_memory_open(&config, &r.store), 0);
  assert_int_equal(lrm_uv_committer_create(&r.loop, r.store, on_settled, &r, &r.committer), 0);
  lrm_uv_committer_on_frozen(r.committer, on_frozen);
  return 0;
}

static void finish(void) {
  if (r.committer != NULL) lrm_uv_committer_destroy(r.committer);
  uv_run(&r.loop, UV_RUN_DEFAULT);
  lrm_store_close(r.store);
  assert_int_equal(uv_loop_close(&r.loop), 0);
}

static void run_until_idle(void) {
  while (!lrm_uv_committer_idle(r.committer)) uv_run(&r.loop, UV_RUN_ONCE);
}

static void one_turn_is_one_transaction(void **state) {
  (void)state;
  for (uint8_t i = 0; i < 10; i++) put(i);
  assert_int_equal(r.frozen, 0); /* not from inside the call */
  run_until_idle();
  assert_int_equal(r.settled, 1);
  assert_int_equal(r.last, 0);
  lrm_store_memory_crash(r.store);
  for (uint8_t i = 0; i < 10; i++) assert_true(has(i));
  finish();
}

static void what_comes_meanwhile_is_the_next_one(void **state) {
  (void)state;
  put(1);
  while (r.frozen == 0) uv_run(&r.loop, UV_RUN_NOWAIT);
  put(2);
  run_until_idle();
  assert_int_equal(r.settled, 2);
  finish();
}

static void a_full_disk_is_tried_again_and_reported(void **state) {
  (void)state;
  lrm_store_memory_fail(r.store, LRM_ERR_DISK_FULL, 2);
  put(1);
  uint64_t before_ns = uv_hrtime();
  while (r.settled < 1) uv_run(&r.loop, UV_RUN_ONCE);
  assert_int_equal(r.last, LRM_ERR_DISK_FULL);
  put(2); /* a kick does not shorten the wait */
  run_until_idle();
  assert_int_equal(r.settled, 3);
  assert_int_equal(r.failed, 2);
  assert_int_equal(r.last, 0);
  assert_in_range((r.last_ns - before_ns) / 1000000, 900, 2500);
  lrm_store_memory_crash(r.store);
  assert_true(has(1) && has(2));
  finish();
}

static void a_fenced_store_is_left_alone(void **state) {
  (void)state;
  lrm_store_memory_fail(r.store, LRM_ERR_FENCED, 1);
  put(1);
  while (r.settled < 1) uv_run(&r.loop, UV_RUN_ONCE);
  assert_int_equal(r.last, LRM_ERR_FENCED);
  put(2);
  for (int i = 0; i < 100; i++) uv_run(&r.loop, UV_RUN_NOWAIT);
  assert_int_equal(r.settled, 1);
  finish();
  assert_int_equal(r.settled, 1);
}

static void destroying_commits_what_is_left(void **state) {
  (void)state;
  put(1);
  while (r.frozen == 0) uv_run(&r.loop, UV_RUN_NOWAIT); /* in the pool's hands */
  put(2);
  lrm_uv_committer_destroy(r.committer);
  r.committer = NULL;
  assert_int_equal(r.settled, 2);
  lrm_store_memory_crash(r.store);
  assert_true(has(1) && has(2));
  finish();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(one_turn_is_one_transaction, set_up),
      cmocka_unit_test_setup(what_comes_meanwhile_is_the_next_one, set_up),
      cmocka_unit_test_setup(a_full_disk_is_tried_again_and_reported, set_up),
      cmocka_unit_test_setup(a_fenced_store_is_left_alone, set_up),
      cmocka_unit_test_setup(destroying_commits_what_is_left, set_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
