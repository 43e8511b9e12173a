#include "digest.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct digest {
  EVP_MD_CTX *running;
  EVP_MD_CTX *copy;
  uint64_t first;
  uint64_t count;
};

digest *digest_create(void) {
  digest *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->running = EVP_MD_CTX_new();
  d->copy = EVP_MD_CTX_new();
  if (!d->running || !d->copy || !EVP_DigestInit_ex(d->running, EVP_sha256(), NULL)) {
    digest_destroy(d);
    return NULL;
  }
  return d;
}

void digest_destroy(digest *d) {
  if (!d) return;
  EVP_MD_CTX_free(d->running);
  EVP_MD_CTX_free(d->copy);
  free(d);
}

void digest_restart(digest *d) {
  EVP_DigestInit_ex(d->running, EVP_sha256(), NULL);
  d->first = d->count = 0;
}

bool digest_add(digest *d, uint64_t offset, lrm_slice message) {
  uint8_t head[8];
  bool follows = d->count == 0 || offset == d->first + d->count;
  if (!follows) digest_restart(d);
  if (d->count == 0) d->first = offset;
  for (size_t i = 0; i < sizeof head; i++) head[i] = (uint8_t)(offset >> (8 * i));
  EVP_DigestUpdate(d->running, head, sizeof head);
  EVP_DigestUpdate(d->running, message.data, message.bytes);
  d->count++;
  return follows;
}

void digest_read(const digest *d, uint64_t *first, uint64_t *count, char hex[65]) {
  uint8_t bytes[32] = {0};
  EVP_MD_CTX_copy_ex(d->copy, d->running);
  EVP_DigestFinal_ex(d->copy, bytes, NULL);
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
  *first = d->first;
  *count = d->count;
}
