/* Blocks: what is built can be read; what cannot be trusted is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zlib.h>

#include "remote/block.h"
#include "remote/frame.h"

#define SEED UINT64_C(20240917)

static uint64_t random_state;

static uint64_t random_next(void) {
  uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

static void fill_random(uint8_t *data, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) data[i] = (uint8_t)random_next();
}

/* ---- memory that can be counted and can fail ---- */

static size_t live, calls, fail_at;

static void *counted_alloc(void *user, size_t bytes) {
  (void)user;
  if (++calls == fail_at) return NULL;
  live++;
  return malloc(bytes);
}

static void counted_free(void *user, void *memory) {
  (void)user;
  live--;
  free(memory);
}

static const lrm_allocator memory = {counted_alloc, counted_free, NULL};

struct fixture {
  lrm_block_builder *builder;
  lrm_block_reader *reader;
};

static int setup(void **state) {
  struct fixture *f = malloc(sizeof *f);
  fail_at = calls = live = 0;
  random_state = SEED;
  assert_int_equal(lrm_block_builder_create(&memory, &f->builder), 0);
  assert_int_equal(lrm_block_reader_create(&memory, LRM_BLOCK_INFLATED_BYTES_MAX, &f->reader), 0);
  *state = f;
  return 0;
}

static int teardown(void **state) {
  struct fixture *f = *state;
  lrm_block_builder_destroy(f->builder);
  lrm_block_reader_destroy(f->reader);
  free(f);
  assert_int_equal(live, 0);
  return 0;
}

static int begin(struct fixture *f, const lrm_block *block) {
  return lrm_block_reader_begin(f->reader, block->flags, block->count, block->inflated_bytes,
                                block->payload);
}

/* ---- there and back ---- */

static void round_trip(struct fixture *f, size_t count, size_t bytes_max, bool noise,
                       bool compress) {
  uint8_t *messages = malloc(count * bytes_max + 1);
  size_t *lengths = malloc(count * sizeof *lengths);
  lrm_block_builder_reset(f->builder);
  for (size_t i = 0; i < count; i++) {
    lengths[i] = (size_t)(random_next() % (bytes_max + 1));
    uint8_t *message = messages + i * bytes_max;
    if (noise)
      fill_random(message, lengths[i]);
    else
      memset(message, (int)('a' + i % 26), lengths[i]);
    assert_int_equal(lrm_block_builder_add(f->builder, message, lengths[i]), 0);
  }
  lrm_block block;
  assert_int_equal(lrm_block_builder_finish(f->builder, compress, &block), 0);
  assert_int_equal(block.count, count);
  assert_int_equal(begin(f, &block), 0);
  lrm_slice message;
  for (size_t i = 0; i < count; i++) {
    assert_true(lrm_block_reader_next(f->reader, &message));
    assert_int_equal(message.bytes, lengths[i]);
    assert_memory_equal(message.data, messages + i * bytes_max, lengths[i]);
  }
  assert_false(lrm_block_reader_next(f->reader, &message));
  free(messages);
  free(lengths);
}

static void blocks_come_back_as_they_were(void **state) {
  for (int i = 0; i < 200; i++)
    round_trip(*state, 1 + random_next() % 40, 1 + random_next() % 3000, random_next() % 2,
               random_next() % 2);
}

static void empty_messages_are_messages(void **state) { round_trip(*state, 5, 0, false, true); }

static lrm_block build(struct fixture *f, const uint8_t *data, size_t bytes, bool compress) {
  lrm_block block;
  lrm_block_builder_reset(f->builder);
  assert_int_equal(lrm_block_builder_add(f->builder, data, bytes), 0);
  assert_int_equal(lrm_block_builder_finish(f->builder, compress, &block), 0);
  return block;
}

static void compression_is_used_when_it_pays(void **state) {
  struct fixture *f = *state;
  static uint8_t data[100000];
  memset(data, 'x', sizeof data);
  /* With its length a message of 510 bytes makes a block of 512. */
  assert_int_equal(build(f, data, 509, true).flags, 0);
  assert_int_equal(build(f, data, 510, true).flags, LRM_FLAG_COMPRESSED);
  assert_int_equal(build(f, data, 511, true).flags, LRM_FLAG_COMPRESSED);
  assert_int_equal(build(f, data, sizeof data, false).flags, 0);
  lrm_block block = build(f, data, sizeof data, true);
  assert_int_equal(block.inflated_bytes, sizeof data + 3);
  assert_true(block.payload.bytes < 2000);
  fill_random(data, sizeof data);
  block = build(f, data, sizeof data, true);
  assert_int_equal(block.flags, 0);
  assert_int_equal(block.inflated_bytes, 0);
  assert_int_equal(block.payload.bytes, sizeof data + 3);
  /* A twelfth of it can be saved: not enough. A seventh: enough. */
  memset(data, 'x', sizeof data / 12);
  assert_int_equal(build(f, data, sizeof data, true).flags, 0);
  memset(data, 'x', sizeof data / 7);
  assert_int_equal(build(f, data, sizeof data, true).flags, LRM_FLAG_COMPRESSED);
}

static void messages_and_blocks_have_limits(void **state) {
  struct fixture *f = *state;
  uint8_t *data = calloc(1, LRM_MESSAGE_BYTES_MAX + 1);
  lrm_block block;
  assert_int_equal(lrm_block_builder_finish(f->builder, true, &block), LRM_ERR_STATE);
  assert_int_equal(lrm_block_builder_add(f->builder, data, LRM_MESSAGE_BYTES_MAX + 1),
                   LRM_ERR_TOO_LARGE);
  assert_int_equal(lrm_block_builder_add(f->builder, data, LRM_MESSAGE_BYTES_MAX), 0);
  size_t room = LRM_FRAME_PAYLOAD_BYTES_MAX - lrm_block_builder_bytes(f->builder);
  assert_int_equal(lrm_block_builder_add(f->builder, data, room - 2), LRM_ERR_BUSY);
  assert_int_equal(lrm_block_builder_count(f->builder), 1);
  assert_int_equal(lrm_block_builder_add(f->builder, data, room - 3), 0);
  assert_int_equal(lrm_block_builder_bytes(f->builder), LRM_FRAME_PAYLOAD_BYTES_MAX);
  assert_int_equal(lrm_block_builder_add(f->builder, data, 0), LRM_ERR_BUSY);
  assert_int_equal(lrm_block_builder_finish(f->builder, false, &block), 0);
  assert_int_equal(begin(f, &block), 0);
  assert_int_equal(lrm_block_builder_finish(f->builder, true, &block), 0);
  assert_int_equal(block.flags, LRM_FLAG_COMPRESSED);
  assert_int_equal(begin(f, &block), 0);
  free(data);
}

/* ---- hostile ---- */

static int read_plain(struct fixture *f, uint32_t count, const char *bytes, size_t n) {
  return lrm_block_reader_begin(f->reader, 0, count, 0, (lrm_slice){(const uint8_t *)bytes, n});
}

static void counts_and_lengths_are_checked(void **state) {
  static const struct {
    const char *what;
    uint32_t count;
    const char *bytes;
    size_t n;
    int result;
  } cases[] = {
      {"right", 2, "\1a\1b", 4, 0},
      {"count too low", 1, "\1a\1b", 4, LRM_ERR_DECODE},
      {"count too high", 3, "\1a\1b", 4, LRM_ERR_DECODE},
      {"count zero", 0, "\1a", 2, LRM_ERR_DECODE},
      {"count zero of nothing", 0, "", 0, LRM_ERR_DECODE},
      {"nothing", 1, "", 0, LRM_ERR_DECODE},
      {"largest count", UINT32_MAX, "\0\0", 2, LRM_ERR_DECODE},
      {"cut message", 1, "\3ab", 3, LRM_ERR_DECODE},
      {"cut length", 1, "\x80", 1, LRM_ERR_DECODE},
      {"over-long length", 1, "\x81\0a", 3, LRM_ERR_DECODE},
      {"over-long zero", 1, "\x80\0", 2, LRM_ERR_DECODE},
      {"long zero", 1, "\x80\x80\x80\x80\0", 5, LRM_ERR_DECODE},
      {"length of six bytes", 1, "\x80\x80\x80\x80\x80\1", 6, LRM_ERR_DECODE},
      {"length over 2^32", 1, "\xff\xff\xff\xff\x7f", 5, LRM_ERR_LIMIT},
      {"length over a message", 1, "\x81\x80\x0c", 3, LRM_ERR_LIMIT},
      {"length of the largest message", 1, "\x80\x80\x0c", 3, LRM_ERR_DECODE},
      {"trailing byte", 1, "\1ab", 3, LRM_ERR_DECODE},
  };
  lrm_slice message;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    int result = read_plain(*state, cases[i].count, cases[i].bytes, cases[i].n);
    if (result != cases[i].result) fail_msg("%s: %d", cases[i].what, result);
    if (result != 0)
      assert_false(lrm_block_reader_next(((struct fixture *)*state)->reader, &message));
  }
}

static size_t deflate_raw(const uint8_t *data, size_t bytes, uint8_t *out, size_t most, int level) {
  z_stream stream = {0};
  assert_int_equal(deflateInit2(&stream, level, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = (Bytef *)(uintptr_t)data;
  stream.avail_in = (uInt)bytes;
  stream.next_out = out;
  stream.avail_out = (uInt)most;
  assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
  deflateEnd(&stream);
  return most - stream.avail_out;
}

static int read_deflated(struct fixture *f, uint32_t count, uint32_t claim, const uint8_t *data,
                         size_t bytes) {
  return lrm_block_reader_begin(f->reader, LRM_FLAG_COMPRESSED, count, claim,
                                (lrm_slice){data, bytes});
}

static void inflation_must_be_exact(void **state) {
  struct fixture *f = *state;
  uint8_t plain[600], deflated[1000];
  memset(plain, 'x', sizeof plain);
  plain[0] = 0xd6; /* 598 as a varint */
  plain[1] = 0x04;
  size_t n = deflate_raw(plain, sizeof plain, deflated, 900, 6);
  assert_int_equal(read_deflated(f, 1, 600, deflated, n), 0);
  assert_int_equal(read_deflated(f, 1, 599, deflated, n), LRM_ERR_INFLATE);
  assert_int_equal(read_deflated(f, 1, 601, deflated, n), LRM_ERR_INFLATE);
  assert_int_equal(read_deflated(f, 1, 0, deflated, n), LRM_ERR_INFLATE);
  assert_int_equal(read_deflated(f, 2, 600, deflated, n), LRM_ERR_DECODE);
  for (size_t cut = 0; cut < n; cut++)
    assert_int_equal(read_deflated(f, 1, 600, deflated, cut), LRM_ERR_INFLATE);
  deflated[n] = 0;
  assert_int_equal(read_deflated(f, 1, 600, deflated, n + 1), LRM_ERR_INFLATE);
  memcpy(deflated + n, deflated, n); /* a second stream behind the first */
  assert_int_equal(read_deflated(f, 1, 600, deflated, 2 * n), LRM_ERR_INFLATE);
  assert_int_equal(read_deflated(f, 1, 600, deflated, n), 0);
  assert_int_equal(
      lrm_block_reader_begin(f->reader, LRM_FLAG_SEALED, 1, 0, (lrm_slice){plain, 600}),
      LRM_ERR_DECODE);
}

static void bombs_are_refused_before_they_grow(void **state) {
  struct fixture *f = *state;
  const size_t large = 8u << 20;
  uint8_t *plain = calloc(1, large), *deflated = malloc(large);
  size_t n = deflate_raw(plain, large, deflated, large, 9);
  assert_true(n < 10000); /* 8 MiB in less than 10 KB */
  size_t calls_before = calls;
  assert_int_equal(read_deflated(f, 1, UINT32_MAX, deflated, n), LRM_ERR_LIMIT);
  assert_int_equal(read_deflated(f, 1, LRM_BLOCK_INFLATED_BYTES_MAX + 1, deflated, n),
                   LRM_ERR_LIMIT);
  assert_int_equal(read_deflated(f, 1, LRM_BLOCK_INFLATED_BYTES_MAX, deflated, 10),
                   LRM_ERR_INFLATE);
  assert_int_equal(calls, calls_before); /* no memory was taken for the claims */
  assert_int_equal(read_deflated(f, 1, LRM_BLOCK_INFLATED_BYTES_MAX, deflated, n), LRM_ERR_INFLATE);
  /* Exactly the limit is taken: a million empty messages. */
  n = deflate_raw(plain, LRM_BLOCK_INFLATED_BYTES_MAX, deflated, large, 9);
  assert_int_equal(
      read_deflated(f, LRM_BLOCK_INFLATED_BYTES_MAX, LRM_BLOCK_INFLATED_BYTES_MAX, deflated, n), 0);
  assert_int_equal(
      read_deflated(f, LRM_BLOCK_INFLATED_BYTES_MAX - 1, LRM_BLOCK_INFLATED_BYTES_MAX, deflated, n),
      LRM_ERR_DECODE);
  free(plain);
  free(deflated);
}

static void a_small_reader_has_a_small_limit(void **state) {
  (void)state;
  lrm_block_reader *reader;
  uint8_t plain[1001] = {0};
  assert_int_equal(lrm_block_reader_create(&memory, LRM_BLOCK_INFLATED_BYTES_MAX + 1, &reader),
                   LRM_ERR_USAGE);
  assert_int_equal(lrm_block_reader_create(&memory, 1000, &reader), 0);
  for (uint32_t n = 999; n <= 1001; n++)
    assert_int_equal(lrm_block_reader_begin(reader, 0, n, 0, (lrm_slice){plain, n}),
                     n <= 1000 ? 0 : LRM_ERR_LIMIT);
  lrm_block_reader_destroy(reader);
}

/* Whatever comes in, the reader answers, and reads a good block afterwards. */
static void noise_is_refused(void **state) {
  struct fixture *f = *state;
  uint8_t noise[300], good[] = {1, 'a'};
  for (int i = 0; i < 20000; i++) {
    size_t n = random_next() % sizeof noise;
    fill_random(noise, n);
    if (random_next() % 2 && n > 0) noise[0] &= 0x07; /* a plausible deflate header */
    lrm_slice message;
    uint32_t flags = random_next() % 2 ? LRM_FLAG_COMPRESSED : 0;
    if (lrm_block_reader_begin(f->reader, flags, (uint32_t)(random_next() % 5),
                               (uint32_t)(random_next() % 400), (lrm_slice){noise, n}) == 0)
      while (lrm_block_reader_next(f->reader, &message)) assert_true(message.bytes <= 400);
    assert_int_equal(lrm_block_reader_begin(f->reader, 0, 1, 0, (lrm_slice){good, 2}), 0);
  }
}

static void missing_memory_is_told(void **state) {
  (void)state;
  uint8_t data[5000] = {0};
  for (fail_at = 1;; fail_at++) {
    lrm_block_builder *builder = NULL;
    lrm_block_reader *reader = NULL;
    lrm_block block;
    size_t before = live;
    calls = 0;
    int result = lrm_block_builder_create(&memory, &builder);
    if (result == 0) result = lrm_block_reader_create(&memory, 10000, &reader);
    if (result == 0) result = lrm_block_builder_add(builder, data, sizeof data);
    if (result == 0) result = lrm_block_builder_finish(builder, true, &block);
    if (result == 0)
      result = lrm_block_reader_begin(reader, block.flags, block.count, block.inflated_bytes,
                                      block.payload);
    lrm_block_builder_destroy(builder);
    lrm_block_reader_destroy(reader);
    assert_int_equal(live, before);
    if (result == 0) break;
    assert_int_equal(result, LRM_ERR_NO_MEMORY);
  }
  fail_at = 0;
}

int main(void) {
  print_message("seed %llu\n", (unsigned long long)SEED);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
  const struct CMUnitTest tests[] = {
      TEST(blocks_come_back_as_they_were),
      TEST(empty_messages_are_messages),
      TEST(compression_is_used_when_it_pays),
      TEST(messages_and_blocks_have_limits),
      TEST(counts_and_lengths_are_checked),
      TEST(inflation_must_be_exact),
      TEST(bombs_are_refused_before_they_grow),
      TEST(a_small_reader_has_a_small_limit),
      TEST(noise_is_refused),
      TEST(missing_memory_is_told),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
