#include "remote/asset.h"

#include <string.h>

#include "remote/limits.h"
#include "session/host_tools.h"

typedef struct piece {
  uint64_t position;
  size_t bytes;
  uint8_t *data;
} piece;

struct lrm_asset {
  lrm_allocator allocator;
  char id[128];
  uint64_t bytes_max;
  bool begun; /* a chunk has come */
  bool has_sha256;
  uint64_t total, have;
  uint8_t expected[LRM_SHA256_BYTES], sha256[LRM_SHA256_BYTES];
  lrm_asset_state state;
  char media_type[128];
  char name[1025];
  piece *pieces; /* ascending, without overlap */
  size_t count, room;
};

int lrm_asset_create(const lrm_allocator *allocator, const char *asset_id, uint64_t bytes_max,
                     lrm_asset **out) {
  *out = NULL;
  if (allocator == NULL || allocator->alloc == NULL || lrm__text_empty(asset_id) ||
      strlen(asset_id) >= sizeof((lrm_asset *)0)->id)
    return LRM_ERR_USAGE;
  lrm_asset *asset = lrm__zalloc(allocator, sizeof *asset);
  if (asset == NULL) return LRM_ERR_NO_MEMORY;
  asset->allocator = *allocator;
  asset->bytes_max = bytes_max == 0 ? LRM_ASSET_BYTES_MAX : bytes_max;
  memcpy(asset->id, asset_id, strlen(asset_id) + 1);
  *out = asset;
  return 0;
}

void lrm_asset_destroy(lrm_asset *asset) {
  if (asset == NULL) return;
  for (size_t i = 0; i < asset->count; i++) lrm__release(&asset->allocator, asset->pieces[i].data);
  lrm__release(&asset->allocator, asset->pieces);
  lrm_allocator allocator = asset->allocator;
  lrm__release(&allocator, asset);
}

/* ---- taking a chunk ---- */

/* What must be the same in every chunk. */
static bool fits(const lrm_asset *asset, const Remote__V1__Asset *chunk) {
  if (chunk->position > chunk->total || chunk->data.len > chunk->total - chunk->position)
    return false;
  /* Of something only an empty whole has empty chunks. */
  if (chunk->data.len == 0 && chunk->total != 0) return false;
  if (!asset->begun) return true;
  bool digest = chunk->sha256.len == LRM_SHA256_BYTES;
  return chunk->total == asset->total && digest == asset->has_sha256 &&
         (!digest || memcmp(chunk->sha256.data, asset->expected, LRM_SHA256_BYTES) == 0);
}

/* Where it belongs. LRM_ERR_STATE: it is there already. */
static int place_of(const lrm_asset *asset, const Remote__V1__Asset *chunk, size_t *at) {
  size_t i = asset->count;
  while (i > 0 && asset->pieces[i - 1].position >= chunk->position) i--;
  *at = i;
  if (i < asset->count) {
    const piece *next = &asset->pieces[i];
    if (next->position == chunk->position && next->bytes == chunk->data.len)
      return memcmp(next->data, chunk->data.data, next->bytes) == 0 ? LRM_ERR_STATE
                                                                    : LRM_ERR_DECODE;
    if (next->position < chunk->position + chunk->data.len) return LRM_ERR_DECODE;
  }
  if (i > 0) {
    const piece *before = &asset->pieces[i - 1];
    if (before->position + before->bytes > chunk->position) return LRM_ERR_DECODE;
  }
  return 0;
}

static int grow(lrm_asset *asset) {
  if (asset->count < asset->room) return 0;
  size_t room = asset->room == 0 ? 16 : asset->room * 2;
  piece *larger = lrm__zalloc(&asset->allocator, room * sizeof *larger);
  if (larger == NULL) return LRM_ERR_NO_MEMORY;
  if (asset->count != 0) memcpy(larger, asset->pieces, asset->count * sizeof *larger);
  lrm__release(&asset->allocator, asset->pieces);
  asset->pieces = larger;
  asset->room = room;
  return 0;
}

static int insert(lrm_asset *asset, size_t at, const Remote__V1__Asset *chunk) {
  size_t bytes = chunk->data.len;
  int result = grow(asset);
  if (result != 0) return result;
  uint8_t *data = asset->allocator.alloc(asset->allocator.user, bytes == 0 ? 1 : bytes);
  if (data == NULL) return LRM_ERR_NO_MEMORY;
  if (bytes != 0) memcpy(data, chunk->data.data, bytes);
  memmove(asset->pieces + at + 1, asset->pieces + at, (asset->count - at) * sizeof *asset->pieces);
  asset->pieces[at] = (piece){chunk->position, bytes, data};
  asset->count++;
  asset->have += bytes;
  return 0;
}

static void begin(lrm_asset *asset, const Remote__V1__Asset *chunk) {
  asset->begun = true;
  asset->total = chunk->total;
  asset->has_sha256 = chunk->sha256.len == LRM_SHA256_BYTES;
  if (asset->has_sha256) memcpy(asset->expected, chunk->sha256.data, LRM_SHA256_BYTES);
  lrm__text_cut(asset->media_type, sizeof asset->media_type, chunk->media_type);
  lrm__text_cut(asset->name, sizeof asset->name, chunk->name);
}

static void judge(lrm_asset *asset) {
  asset->state = LRM_ASSET_INCOMPLETE;
  if (asset->have != asset->total) return;
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  for (size_t i = 0; i < asset->count; i++)
    lrm_sha256_add(&sum, asset->pieces[i].data, asset->pieces[i].bytes);
  lrm_sha256_end(&sum, asset->sha256);
  bool same = memcmp(asset->sha256, asset->expected, sizeof asset->sha256) == 0;
  asset->state = !asset->has_sha256 ? LRM_ASSET_WHOLE
                 : same             ? LRM_ASSET_VERIFIED
                                    : LRM_ASSET_DAMAGED;
}

int lrm_asset_add(lrm_asset *asset, const Remote__V1__Asset *chunk) {
  size_t at;
  if (strcmp(chunk->asset_id, asset->id) != 0) return 0;
  if (chunk->total > asset->bytes_max) return LRM_ERR_TOO_LARGE;
  if (!fits(asset, chunk)) return LRM_ERR_DECODE;
  int result = place_of(asset, chunk, &at);
  if (result != 0) return result == LRM_ERR_STATE ? 0 : result;
  result = insert(asset, at, chunk);
  if (result != 0) return result;
  if (!asset->begun) begin(asset, chunk);
  judge(asset);
  return 0;
}

/* ---- what there is ---- */

lrm_asset_info lrm_asset_info_now(const lrm_asset *asset) {
  lrm_asset_info info = {.state = asset->state,
                         .media_type = asset->media_type,
                         .name = asset->name,
                         .total = asset->total,
                         .have = asset->have};
  memcpy(info.sha256, asset->sha256, sizeof info.sha256);
  return info;
}

bool lrm_asset_piece(const lrm_asset *asset, size_t index, lrm_slice *out) {
  *out = (lrm_slice){NULL, 0};
  if (index >= asset->count) return false;
  *out = (lrm_slice){asset->pieces[index].data, asset->pieces[index].bytes};
  return true;
}
