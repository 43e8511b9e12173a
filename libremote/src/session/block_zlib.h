/* zlib's memory through an lrm_allocator, and the window that blocks are deflated with. */
#ifndef LRM_SESSION_BLOCK_ZLIB_H
#define LRM_SESSION_BLOCK_ZLIB_H

#define ZLIB_CONST
#include <zlib.h>

#include "remote/types.h"

/* Measured on event blocks of 4 to 256 KiB (tests/session/block_measure.c): level 1 with a 32 KiB
 * window and memLevel 8. Higher levels save 5 to 10 % more for three times the time, and a
 * smaller window loses more on tool output than the memory is worth: a host has one context. */
#define LRM__DEFLATE_LEVEL 1
#define LRM__DEFLATE_WINDOW_BITS 15
#define LRM__DEFLATE_MEM_LEVEL 8
/* Readers take what any sender may have used. */
#define LRM__INFLATE_WINDOW_BITS 15

/* Most that a byte of deflated input can become: a claim above it is refused before memory is
 * taken for it. */
#define LRM__INFLATE_RATIO_MAX 1032u

/* Binds the stream's zalloc and zfree; `allocator` must outlive the stream. */
void lrm__zlib_bind(z_stream *stream, lrm_allocator *allocator);

#endif
