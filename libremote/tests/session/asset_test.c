/* Assets put together: in any order, twice, with holes, contradictions and missing memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "failing.h"
#include "remote/asset.h"
#include "session/host_tools.h"

#define TOTAL 1000u

static uint8_t bytes[TOTAL + 1];
static uint8_t digest[LRM_SHA256_BYTES];
static failing memory;
static lrm_asset *asset;

static int begin(void **state) {
  (void)state;
  memset(&memory, 0, sizeof memory);
  lrm_allocator allocator = failing_allocator(&memory);
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 11 + i / 256);
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, bytes, TOTAL);
  lrm_sha256_end(&sum, digest);
  return lrm_asset_create(&allocator, "a1", 0, &asset);
}

static int end(void **state) {
  (void)state;
  lrm_asset_destroy(asset);
  return memory.blocks == 0 ? 0 : -1;
}

static Remote__V1__Asset chunk_of(uint64_t position, size_t size) {
  Remote__V1__Asset chunk = REMOTE__V1__ASSET__INIT;
  chunk.asset_id = lrm__text("a1");
  chunk.position = position;
  chunk.total = TOTAL;
  chunk.media_type = lrm__text("image/png");
  chunk.name = lrm__text("a.png");
  chunk.sha256 = (ProtobufCBinaryData){sizeof digest, digest};
  chunk.data = (ProtobufCBinaryData){size, bytes + (position < sizeof bytes ? position : 0)};
  return chunk;
}

static int add(uint64_t position, size_t size) {
  Remote__V1__Asset chunk = chunk_of(position, size);
  return lrm_asset_add(asset, &chunk);
}

static void is_the_whole(void) {
  lrm_asset_info info = lrm_asset_info_now(asset);
  assert_int_equal(info.state, LRM_ASSET_VERIFIED);
  assert_int_equal(info.total, TOTAL);
  assert_string_equal(info.media_type, "image/png");
  assert_string_equal(info.name, "a.png");
  assert_memory_equal(info.sha256, digest, sizeof digest);
  lrm_slice piece;
  size_t at = 0;
  for (size_t i = 0; lrm_asset_piece(asset, i, &piece); i++) {
    assert_memory_equal(piece.data, bytes + at, piece.bytes);
    at += piece.bytes;
  }
  assert_int_equal(at, TOTAL);
}

static void backwards_and_twice(void **state) {
  (void)state;
  assert_int_equal(lrm_asset_info_now(asset).state, LRM_ASSET_UNKNOWN);
  assert_int_equal(add(900, 100), 0);
  assert_int_equal(add(0, 300), 0);
  assert_int_equal(add(900, 100), 0);
  assert_int_equal(lrm_asset_info_now(asset).have, 400);
  assert_int_equal(lrm_asset_info_now(asset).state, LRM_ASSET_INCOMPLETE);
  assert_int_equal(add(600, 300), 0);
  assert_int_equal(add(300, 300), 0);
  is_the_whole();
}

static void contradictions_change_nothing(void **state) {
  (void)state;
  Remote__V1__Asset chunk;
  assert_int_equal(add(300, 300), 0);
  assert_int_equal(add(200, 101), LRM_ERR_DECODE); /* overlaps what follows */
  assert_int_equal(add(599, 10), LRM_ERR_DECODE);  /* and what is before */
  assert_int_equal(add(300, 299), LRM_ERR_DECODE);
  assert_int_equal(add(400, 0), LRM_ERR_DECODE);
  chunk = chunk_of(0, 300);
  chunk.total = TOTAL + 1;
  assert_int_equal(lrm_asset_add(asset, &chunk), LRM_ERR_DECODE);
  chunk = chunk_of(900, 100);
  chunk.data.len = 101;
  assert_int_equal(lrm_asset_add(asset, &chunk), LRM_ERR_DECODE);
  chunk = chunk_of(0, 300);
  chunk.sha256.len = 0;
  assert_int_equal(lrm_asset_add(asset, &chunk), LRM_ERR_DECODE);
  chunk = chunk_of(UINT64_MAX, 1);
  assert_int_equal(lrm_asset_add(asset, &chunk), LRM_ERR_DECODE);
  chunk = chunk_of(300, 300);
  chunk.data.data = bytes;
  assert_int_equal(lrm_asset_add(asset, &chunk), LRM_ERR_DECODE);
  chunk = chunk_of(0, 300);
  chunk.asset_id = lrm__text("a2");
  assert_int_equal(lrm_asset_add(asset, &chunk), 0);
  assert_int_equal(lrm_asset_info_now(asset).have, 300);
  assert_int_equal(add(0, 300), 0);
  assert_int_equal(add(600, 400), 0);
  is_the_whole();
}

static void other_bytes_are_seen(void **state) {
  (void)state;
  digest[0]++;
  assert_int_equal(add(0, TOTAL), 0);
  assert_int_equal(lrm_asset_info_now(asset).state, LRM_ASSET_DAMAGED);
}

static void one_without_a_digest_is_only_whole(void **state) {
  (void)state;
  Remote__V1__Asset chunk = chunk_of(0, TOTAL);
  chunk.sha256.len = 0;
  assert_int_equal(lrm_asset_add(asset, &chunk), 0);
  assert_int_equal(lrm_asset_info_now(asset).state, LRM_ASSET_WHOLE);
}

static void an_empty_one_is_whole_at_once(void **state) {
  (void)state;
  Remote__V1__Asset chunk = chunk_of(0, 0);
  chunk.total = 0;
  chunk.sha256.len = 0;
  assert_int_equal(lrm_asset_add(asset, &chunk), 0);
  assert_int_equal(lrm_asset_info_now(asset).state, LRM_ASSET_WHOLE);
}

static void limits(void **state) {
  (void)state;
  lrm_asset *small;
  lrm_allocator allocator = failing_allocator(&memory), none = {0};
  char id[200];
  memset(id, 'i', sizeof id);
  id[199] = '\0';
  assert_int_equal(lrm_asset_create(&none, "a", 0, &small), LRM_ERR_USAGE);
  assert_int_equal(lrm_asset_create(&allocator, "", 0, &small), LRM_ERR_USAGE);
  assert_int_equal(lrm_asset_create(&allocator, id, 0, &small), LRM_ERR_USAGE);
  assert_int_equal(lrm_asset_create(&allocator, "a1", TOTAL - 1, &small), 0);
  Remote__V1__Asset chunk = chunk_of(0, 10);
  assert_int_equal(lrm_asset_add(small, &chunk), LRM_ERR_TOO_LARGE);
  lrm_asset_destroy(small);
}

static void without_memory_nothing_changes(void **state) {
  (void)state;
  for (unsigned nth = 1; nth <= 2; nth++) {
    failing_plan(&memory, nth, false);
    int result = add(0, 500);
    if (memory.failed == 0) break;
    assert_int_equal(result, LRM_ERR_NO_MEMORY);
    assert_int_equal(lrm_asset_info_now(asset).have, 0);
  }
  failing_plan(&memory, 0, false);
  for (size_t at = 0; at < TOTAL; at += 10) {
    failing_plan(&memory, 1, false);
    if (add(at, 10) != 0) assert_int_equal(add(at, 10), 0);
  }
  is_the_whole();
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
  const struct CMUnitTest tests[] = {
      TEST(backwards_and_twice),
      TEST(contradictions_change_nothing),
      TEST(other_bytes_are_seen),
      TEST(one_without_a_digest_is_only_whole),
      TEST(an_empty_one_is_whole_at_once),
      TEST(limits),
      TEST(without_memory_nothing_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
