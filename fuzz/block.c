/* Blocks: a stranger's payload is taken apart, and the verdict is compared with zlib's own and a
 * parser of ours; then the input's messages are made into a block and read back, whole and
 * damaged. Eight bytes of settings, then the payload:
 *   0  bit 0 COMPRESSED, 1 SEALED, 2 deflate the payload first, 3 claim its true size, 4 its true
 *      count, 5 a small limit
 *   1  what is done to a payload that was deflated here: 0 nothing, 1 bytes behind it, 2 cut, else
 *      a bit flipped
 *   2  how many or which; 3-4 count; 5-7 inflated_bytes (with bit 3 or 4: added to the truth) */
#define ZLIB_CONST
#include <string.h>
#include <zlib.h>

#include "remote/block.h"
#include "remote/frame.h"
#include "target.h"

enum { SETTINGS = 8, SMALL_LIMIT = 300, ROOM = 1 << 20, MESSAGES_MAX = 4096 };

typedef struct memory {
  size_t bytes, most;
} memory;

static void *count_alloc(void *user, size_t bytes) {
  memory *m = user;
  size_t *at = malloc(bytes + 16);
  if (at == NULL) abort();
  *at = bytes;
  m->bytes += bytes;
  if (m->bytes > m->most) m->most = m->bytes;
  return (uint8_t *)at + 16;
}

static void count_free(void *user, void *pointer) {
  if (pointer == NULL) return;
  size_t *at = (size_t *)((uint8_t *)pointer - 16);
  ((memory *)user)->bytes -= *at;
  free(at);
}

/* ---- the judge ---- */

/* Inflates piece by piece; false: not exactly one stream of at most `room` bytes. */
static bool judge_inflate(lrm_slice in, uint8_t *out, size_t room, size_t *bytes) {
  z_stream z;
  memset(&z, 0, sizeof z);
  if (inflateInit2(&z, -15) != Z_OK) abort();
  int result = Z_OK;
  size_t at = 0;
  while (result == Z_OK || result == Z_BUF_ERROR) {
    size_t step = in.bytes - at < 7 ? in.bytes - at : 7;
    z.next_in = in.data + at;
    z.avail_in = (uInt)step;
    z.next_out = out + z.total_out;
    z.avail_out = (uInt)(room - z.total_out);
    result = inflate(&z, Z_NO_FLUSH);
    at += step - z.avail_in;
    if (result == Z_BUF_ERROR && (at == in.bytes || z.avail_out == 0)) break;
    if (result == Z_OK && step == 0) break;
  }
  *bytes = z.total_out;
  inflateEnd(&z);
  return result == Z_STREAM_END && at == in.bytes;
}

/* How many messages; -1: it is not messages. */
static int judge_messages(const uint8_t *data, size_t bytes, lrm_slice *messages) {
  int count = 0;
  for (size_t at = 0; at < bytes; count++) {
    uint64_t length = 0;
    unsigned i = 0;
    for (;; i++) {
      if (at + i >= bytes || i == 5) return -1;
      length |= (uint64_t)(data[at + i] & 0x7f) << (7 * i);
      if (data[at + i] < 0x80) break;
    }
    if (i > 0 && data[at + i] == 0) return -1;
    at += i + 1;
    if (length > LRM_MESSAGE_BYTES_MAX || length > bytes - at) return -1;
    if (count < MESSAGES_MAX) messages[count] = (lrm_slice){data + at, (size_t)length};
    at += (size_t)length;
  }
  return count;
}

/* ---- taking apart ---- */

typedef struct question {
  uint32_t flags, count, inflated_bytes;
  size_t limit;
  lrm_slice payload;
} question;

static size_t deflate_whole(const uint8_t *data, size_t bytes, uint8_t *out, size_t room) {
  z_stream z;
  memset(&z, 0, sizeof z);
  if (deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) abort();
  z.next_in = data;
  z.avail_in = (uInt)bytes;
  z.next_out = out;
  z.avail_out = (uInt)room;
  if (deflate(&z, Z_FINISH) != Z_STREAM_END) abort();
  size_t written = z.total_out;
  deflateEnd(&z);
  return written;
}

static void damage(uint8_t how, uint8_t argument, uint8_t *data, size_t *bytes) {
  switch (how & 3) {
    case 0:
      break;
    case 1:
      memset(data + *bytes, argument, 1 + argument % 9);
      *bytes += 1 + argument % 9;
      break;
    case 2:
      *bytes -= argument % *bytes;
      break;
    default:
      data[argument % *bytes] ^= (uint8_t)(1u << (argument & 7));
  }
}

static int32_t add_to_truth(uint32_t truth, uint32_t delta, unsigned bits) {
  int32_t sign = (int32_t)(delta << (32 - bits)) >> (32 - bits);
  return (int32_t)truth + (sign > 32 || sign < -32 ? 0 : sign);
}

static void ask(const uint8_t *s, const uint8_t *data, size_t size, question *q) {
  static uint8_t deflated[ROOM];
  static lrm_slice messages[MESSAGES_MAX];
  static uint8_t inflated[ROOM];
  *q = (question){.flags = s[0] & 3u,
                  .limit = s[0] & 32 ? SMALL_LIMIT : LRM_BLOCK_INFLATED_BYTES_MAX,
                  .payload = {data, size}};
  q->count = (uint32_t)(s[3] | s[4] << 8);
  q->inflated_bytes = (uint32_t)(s[5] | s[6] << 8 | s[7] << 16);
  if (s[0] & 4) {
    size_t bytes = deflate_whole(data, size, deflated, sizeof deflated - 16);
    damage(s[1], s[2], deflated, &bytes);
    q->payload = (lrm_slice){deflated, bytes};
  }
  size_t bytes = size;
  const uint8_t *all = data;
  if (q->flags & LRM_FLAG_COMPRESSED) {
    (void)judge_inflate(q->payload, inflated, sizeof inflated, &bytes);
    all = inflated;
  }
  if (s[0] & 8) q->inflated_bytes = (uint32_t)add_to_truth((uint32_t)bytes, q->inflated_bytes, 24);
  int count = judge_messages(all, bytes, messages);
  if (s[0] & 16 && count >= 0) q->count = (uint32_t)add_to_truth((uint32_t)count, q->count, 16);
}

/* What is right: how many messages, or -1. */
static int judge(const question *q, lrm_slice *messages) {
  static uint8_t inflated[ROOM + 1];
  lrm_slice all = q->payload;
  if (q->flags & LRM_FLAG_SEALED) return -1;
  if (q->flags & LRM_FLAG_COMPRESSED) {
    size_t bytes = 0;
    if (q->payload.bytes > LRM_FRAME_PAYLOAD_BYTES_MAX || q->inflated_bytes > q->limit) return -1;
    if (!judge_inflate(q->payload, inflated, sizeof inflated, &bytes)) return -1;
    if (bytes != q->inflated_bytes) return -1;
    all = (lrm_slice){inflated, bytes};
  } else if (all.bytes > q->limit) {
    return -1;
  }
  int count = judge_messages(all.data, all.bytes, messages);
  return count > 0 && (uint32_t)count == q->count ? count : -1;
}

static int read_block(lrm_block_reader *reader, const question *q) {
  return lrm_block_reader_begin(reader, q->flags, q->count, q->inflated_bytes, q->payload);
}

static void check_reading(lrm_block_reader *reader, const question *q) {
  static lrm_slice messages[MESSAGES_MAX];
  int expected = judge(q, messages);
  int result = read_block(reader, q);
  lrm_slice message;
  FUZZ_CHECK((result == 0) == (expected > 0));
  if (result != 0) {
    FUZZ_CHECK(lrm_error_class(result) == LRM_ERROR_PEER);
    FUZZ_CHECK(!lrm_block_reader_next(reader, &message));
    return;
  }
  for (int i = 0; i < expected; i++) {
    FUZZ_CHECK(lrm_block_reader_next(reader, &message));
    if (i >= MESSAGES_MAX) continue;
    FUZZ_CHECK(message.bytes == messages[i].bytes);
    FUZZ_CHECK(message.bytes == 0 || memcmp(message.data, messages[i].data, message.bytes) == 0);
  }
  FUZZ_CHECK(!lrm_block_reader_next(reader, &message));
}

/* Whatever came before, a good block is taken. */
static void check_still_reads(lrm_block_reader *reader) {
  static const uint8_t good[] = {1, 'a', 0, 2, 'b', 'c'};
  question q = {.count = 3, .payload = {good, sizeof good}};
  FUZZ_CHECK(read_block(reader, &q) == 0);
}

/* ---- making ---- */

/* The input cut into messages: a length, then that many bytes, up to 64 times over. */
static void fill(lrm_block_builder *builder, const uint8_t *data, size_t size) {
  static uint8_t message[64 * 256];
  for (size_t at = 0; at + 2 <= size;) {
    size_t bytes = data[at], times = 1 + data[at + 1] % 64, used = 0;
    at += 2;
    if (bytes > size - at) bytes = size - at;
    for (size_t i = 0; i < times; i++, used += bytes) memcpy(message + used, data + at, bytes);
    at += bytes;
    int result = lrm_block_builder_add(builder, message, used);
    FUZZ_CHECK(result == 0 || result == LRM_ERR_BUSY);
    if (result != 0) return;
  }
}

static void check_making(const lrm_allocator *allocator, const uint8_t *s, const uint8_t *data,
                         size_t size) {
  lrm_block_builder *builder;
  lrm_block_reader *reader;
  lrm_block block;
  memset(&block, 0, sizeof block);
  FUZZ_CHECK(lrm_block_builder_create(allocator, &builder) == 0);
  FUZZ_CHECK(lrm_block_reader_create(allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &reader) == 0);
  fill(builder, data, size);
  size_t plain = lrm_block_builder_bytes(builder);
  int result = lrm_block_builder_finish(builder, s[0] & 1, &block);
  FUZZ_CHECK(result == (lrm_block_builder_count(builder) == 0 ? LRM_ERR_STATE : 0));
  if (result == 0) {
    bool packed = block.flags & LRM_FLAG_COMPRESSED;
    FUZZ_CHECK(!packed || (plain >= LRM_COMPRESS_BYTES_MIN && block.inflated_bytes == plain &&
                           block.payload.bytes * 10 <= plain * 9));
    FUZZ_CHECK(packed || block.payload.bytes == plain);
    question q = {block.flags, block.count, block.inflated_bytes, LRM_BLOCK_INFLATED_BYTES_MAX,
                  block.payload};
    check_reading(reader, &q);
    FUZZ_CHECK(read_block(reader, &q) == 0);
    q.count++;
    FUZZ_CHECK(read_block(reader, &q) != 0);
    q.count -= 2;
    FUZZ_CHECK(read_block(reader, &q) != 0);
    q.count++;
    for (unsigned i = 0; packed && i < 2; i++) {
      q.inflated_bytes = block.inflated_bytes + (i == 0 ? 1 : -1u);
      FUZZ_CHECK(read_block(reader, &q) == LRM_ERR_INFLATE);
    }
    check_still_reads(reader);
  }
  lrm_block_reader_destroy(reader);
  lrm_block_builder_destroy(builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  memory m = {0, 0};
  lrm_allocator allocator = {count_alloc, count_free, &m};
  lrm_block_reader *reader;
  question q;
  if (size <= SETTINGS) return 0;
  ask(data, data + SETTINGS, size - SETTINGS, &q);
  FUZZ_CHECK(lrm_block_reader_create(&allocator, q.limit, &reader) == 0);
  size_t before = m.bytes;
  check_reading(reader, &q);
  FUZZ_CHECK(m.most <= before + q.limit + 64 * 1024); /* zlib takes its window late */
  check_still_reads(reader);
  lrm_block_reader_destroy(reader);
  check_making(&allocator, data, data + SETTINGS, size - SETTINGS);
  FUZZ_CHECK(m.bytes == 0);
  return 0;
}
