/* SHA-256 (FIPS 180-4), piece by piece: names the whole of an attachment or asset, so that what
 * arrives can be held against what was meant. A pure object; threads: one. */
#ifndef REMOTE_SHA256_H
#define REMOTE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LRM_SHA256_BYTES 32

typedef struct lrm_sha256 {
  uint32_t state[8];
  uint64_t bytes;    /* taken so far */
  uint8_t block[64]; /* of which bytes % 64 are filled */
} lrm_sha256;

void lrm_sha256_begin(lrm_sha256 *sum);
void lrm_sha256_add(lrm_sha256 *sum, const uint8_t *data, size_t bytes);
/* `sum` must be begun anew afterwards. */
void lrm_sha256_end(lrm_sha256 *sum, uint8_t out[LRM_SHA256_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
