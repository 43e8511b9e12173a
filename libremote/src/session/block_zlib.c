#include "session/block_zlib.h"

#include <string.h>

static voidpf zlib_alloc(voidpf opaque, uInt items, uInt size) {
  lrm_allocator *allocator = opaque;
  if (size != 0 && items > SIZE_MAX / size) return Z_NULL;
  return allocator->alloc(allocator->user, (size_t)items * size);
}

static void zlib_free(voidpf opaque, voidpf address) {
  lrm_allocator *allocator = opaque;
  allocator->free(allocator->user, address);
}

void lrm__zlib_bind(z_stream *stream, lrm_allocator *allocator) {
  memset(stream, 0, sizeof *stream);
  stream->zalloc = zlib_alloc;
  stream->zfree = zlib_free;
  stream->opaque = allocator;
}
