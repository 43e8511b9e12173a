/* One asset put together from its chunks: an image, sound, file or long text that a session's
 * events name by `asset_id`. Chunks may come in any order and more than once, so that the log can
 * be read back page by page (remote/history.h) from the event that names it. Pure memory, no I/O;
 * it grows with what has come, not with what is claimed. Source: docs/spec.md section 11.4. */
#ifndef REMOTE_ASSET_H
#define REMOTE_ASSET_H

#include "remote/sha256.h"
#include "remote/types.h"

#include "remote/v1/event.pb-c.h" /* generated, protobuf-c */

#ifdef __cplusplus
extern "C" {
#endif

#define LRM_ASSET_BYTES_MAX (64u * 1024u * 1024u)

typedef struct lrm_asset lrm_asset;

/* bytes_max 0: LRM_ASSET_BYTES_MAX. LRM_ERR_USAGE: no allocator, or no id; LRM_ERR_NO_MEMORY. */
int lrm_asset_create(const lrm_allocator *allocator, const char *asset_id, uint64_t bytes_max,
                     lrm_asset **out) LRM_MUST_USE;
void lrm_asset_destroy(lrm_asset *asset);

/* Takes a chunk; one of another asset changes nothing. LRM_ERR_DECODE: it contradicts what came
 * before (another total, other bytes at the same place); LRM_ERR_TOO_LARGE: the asset is over its
 * limit; LRM_ERR_NO_MEMORY. Nothing has changed then. */
int lrm_asset_add(lrm_asset *asset, const Remote__V1__Asset *chunk) LRM_MUST_USE;

typedef enum lrm_asset_state {
  LRM_ASSET_UNKNOWN = 0, /* no chunk of it has come */
  LRM_ASSET_INCOMPLETE = 1,
  LRM_ASSET_WHOLE = 2,    /* all bytes are there, and nothing told their digest */
  LRM_ASSET_VERIFIED = 3, /* all bytes are there, and have the digest they should */
  LRM_ASSET_DAMAGED = 4   /* all bytes are there, and have another one */
} lrm_asset_state;

typedef struct lrm_asset_info {
  lrm_asset_state state;
  const char *media_type;           /* borrowed, as `name`; may be "" */
  const char *name;                 /* file name or URI, for people; may be "" */
  uint64_t total;                   /* bytes of the whole; 0: not known yet */
  uint64_t have;                    /* bytes that have come */
  uint8_t sha256[LRM_SHA256_BYTES]; /* of the whole: WHOLE, VERIFIED, DAMAGED */
} lrm_asset_info;
lrm_asset_info lrm_asset_info_now(const lrm_asset *asset);

/* The index-th piece in order of position, borrowed; false: there are no more. Together they are
 * the asset when it is WHOLE or VERIFIED. */
bool lrm_asset_piece(const lrm_asset *asset, size_t index, lrm_slice *out);

#ifdef __cplusplus
}
#endif
#endif
