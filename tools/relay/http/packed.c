/* The web client's files in fewer bytes: gzip is made here, Brotli at build time, because it takes
 * a second at its best, and SIGHUP finds a relay at work. */
#include <brotli/decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "site.h"

#define PACKED_BYTES_MAX ((size_t)8 * 1024 * 1024)

const char *const http_coding_names[HTTP_CODINGS] = {[HTTP_BROTLI] = "br", [HTTP_GZIP] = "gzip"};

static bool packs(const char *type) {
  return strncmp(type, "text/", 5) == 0 || strncmp(type, "image/svg", 9) == 0 ||
         (strncmp(type, "application/", 12) == 0 && strcmp(type + 12, "octet-stream") != 0);
}

/* Takes over the reference to `body`. */
static void keep(http_file *file, http_coding coding, http_blob *body) {
  http_packed *packed = &file->packed[coding];
  packed->body = body;
  snprintf(packed->etag, sizeof packed->etag, "%.33s-%s\"", file->etag, http_coding_names[coding]);
}

void http_pack_gzip(http_file *file) {
  const http_blob *body = file->body;
  z_stream z = {0};
  if (!packs(file->type) || body->bytes > PACKED_BYTES_MAX) return;
  http_blob *packed = http_blob_new(body->bytes);
  if (packed == NULL) return;
  if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) == Z_OK) {
    z.next_in = file->body->data;
    z.avail_in = (uInt)body->bytes;
    z.next_out = packed->data;
    z.avail_out = (uInt)packed->bytes;
    bool whole = deflate(&z, Z_FINISH) == Z_STREAM_END;
    size_t bytes = packed->bytes - z.avail_out;
    deflateEnd(&z);
    http_blob *kept = whole && bytes < body->bytes ? http_blob_new(bytes) : NULL;
    if (kept != NULL) {
      memcpy(kept->data, packed->data, bytes);
      keep(file, HTTP_GZIP, kept);
    }
  }
  http_blob_release(packed);
}

bool http_pack_brotli(http_file *file, http_blob *packed) {
  const http_blob *body = file->body;
  size_t bytes = body->bytes;
  uint8_t *plain = malloc(bytes + 1); /* never of no bytes */
  bool same = plain != NULL &&
              BrotliDecoderDecompress(packed->bytes, packed->data, &bytes, plain) ==
                  BROTLI_DECODER_RESULT_SUCCESS &&
              bytes == body->bytes && memcmp(plain, body->data, bytes) == 0;
  free(plain);
  if (same && packed->bytes < bytes) keep(file, HTTP_BROTLI, http_blob_use(packed));
  return same;
}
