/* The arena: alignment, quota, reuse, failing allocation. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "schema.h"
#include "schema/arena.h"

typedef struct heap {
  int blocks;    /* not yet freed */
  int allocated; /* ever */
  int fail_at;   /* this one and later ones fail; -1: none */
} heap;

static void *heap_alloc(void *user, size_t bytes) {
  heap *h = user;
  if (h->fail_at >= 0 && h->allocated >= h->fail_at) return NULL;
  h->allocated++;
  h->blocks++;
  return malloc(bytes);
}

static void heap_free(void *user, void *memory) {
  ((heap *)user)->blocks--;
  free(memory);
}

static lrm_arena arena_on(heap *h, size_t quota_bytes) {
  lrm_allocator allocator = {heap_alloc, heap_free, h};
  lrm_arena arena;
  lrm_arena_init(&arena, &allocator, quota_bytes);
  return arena;
}

static void aligned_and_apart(void **state) {
  (void)state;
  heap h = {.fail_at = -1};
  lrm_arena arena = arena_on(&h, SIZE_MAX);
  uint8_t *last = NULL;
  for (size_t bytes = 0; bytes < 300; bytes++) {
    uint8_t *memory = lrm_arena_alloc(&arena, bytes);
    assert_non_null(memory);
    assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
    assert_true(memory != last);
    memset(memory, 0xA5, bytes);
    last = memory;
  }
  lrm_arena_free(&arena);
  assert_int_equal(h.blocks, 0);
}

static void quota_is_exact(void **state) {
  (void)state;
  heap h = {.fail_at = -1};
  lrm_arena arena = arena_on(&h, 64);
  assert_non_null(lrm_arena_alloc(&arena, 1));  /* 16 */
  assert_non_null(lrm_arena_alloc(&arena, 17)); /* 48 */
  assert_null(lrm_arena_alloc(&arena, 17));
  assert_non_null(lrm_arena_alloc(&arena, 16)); /* 64 */
  assert_int_equal(arena.used_bytes, 64);
  assert_null(lrm_arena_alloc(&arena, 0));
  assert_null(lrm_arena_alloc(&arena, SIZE_MAX));
  assert_null(lrm_arena_alloc(&arena, SIZE_MAX - 15));
  lrm_arena_reset(&arena);
  assert_int_equal(arena.used_bytes, 0);
  assert_non_null(lrm_arena_alloc(&arena, 64));
  arena.quota_bytes = 0; /* lowered below what is used */
  assert_null(lrm_arena_alloc(&arena, 1));
  lrm_arena_free(&arena);
  assert_int_equal(h.blocks, 0);
}

static void reset_keeps_one_chunk_of_bounded_size(void **state) {
  (void)state;
  heap h = {.fail_at = -1};
  lrm_arena arena = arena_on(&h, SIZE_MAX);
  assert_non_null(lrm_arena_alloc(&arena, 100));
  assert_non_null(lrm_arena_alloc(&arena, 20000));
  assert_non_null(lrm_arena_alloc(&arena, 1000000));
  assert_int_equal(h.blocks, 3);
  lrm_arena_reset(&arena);
  assert_int_equal(h.blocks, 1);
  int before = h.allocated;
  assert_non_null(lrm_arena_alloc(&arena, 20000)); /* the one that was kept */
  assert_int_equal(h.allocated, before);
  lrm_arena_reset(&arena);
  lrm_arena_reset(&arena);
  assert_int_equal(h.blocks, 1);
  lrm_arena_free(&arena);
  assert_int_equal(h.blocks, 0);
  lrm_arena_reset(&arena); /* of nothing */
  lrm_arena_free(&arena);
}

static void copies_are_terminated(void **state) {
  (void)state;
  heap h = {.fail_at = -1};
  lrm_arena arena = arena_on(&h, SIZE_MAX);
  assert_string_equal(lrm_arena_copy(&arena, "abcdef", 3), "abc");
  assert_string_equal(lrm_arena_copy(&arena, NULL, 0), "");
  assert_null(lrm_arena_copy(&arena, "", SIZE_MAX));
  arena.quota_bytes = arena.used_bytes + 16;
  assert_null(lrm_arena_copy(&arena, "0123456789abcdef", 16)); /* 17 with the terminator */
  assert_non_null(lrm_arena_copy(&arena, "0123456789abcde", 15));
  lrm_arena_free(&arena);
}

static void decoding_allocates_once(void **state) {
  (void)state;
  static const uint8_t status[] = {0x5A, 2, 0x18, 1, 0x5A, 2, 0x18, 2, 0x5A, 4, 0x12, 2, 'a', 'b'};
  heap h = {.fail_at = -1};
  lrm_arena arena = arena_on(&h, 0);
  for (int i = 0; i < 10; i++) {
    void *out;
    assert_int_equal(
        lrm_message_decode(&lrm_schema_LogStatus, status, sizeof status, &arena, &out, NULL), 0);
    lrm_arena_reset(&arena);
  }
  assert_int_equal(h.allocated, 1);
  lrm_arena_free(&arena);
  assert_int_equal(h.blocks, 0);
}

static void no_memory_is_said(void **state) {
  (void)state;
  static const uint8_t text[] = {0x12, 1, 'a'};
  heap h = {.fail_at = 0};
  lrm_arena arena = arena_on(&h, 0);
  void *out = &h;
  assert_int_equal(lrm_message_decode(&lrm_schema_Problem, text, sizeof text, &arena, &out, NULL),
                   LRM_ERR_NO_MEMORY);
  assert_null(out);
  assert_null(lrm_arena_alloc(&arena, 1));
  lrm_arena_free(&arena);
  assert_int_equal(h.blocks, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(aligned_and_apart),
      cmocka_unit_test(quota_is_exact),
      cmocka_unit_test(reset_keeps_one_chunk_of_bounded_size),
      cmocka_unit_test(copies_are_terminated),
      cmocka_unit_test(decoding_allocates_once),
      cmocka_unit_test(no_memory_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
