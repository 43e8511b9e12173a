/* zlib's memory through an lrm_allocator, and the window that blocks are deflated with. */
#ifndef LRM_SESSION_BLOCK_ZLIB_H
#define LRM_SESSION_BLOCK_ZLIB_H

#define ZLIB_CONST
#include <zlib.h>

#include "remote/types.h"

/* Measured on what two agents said, as blocks of 8 / 32 / 128 KiB: level 3 with a 32 KiB window
 * and memLevel 8 makes 5.1 / 8.1 / 9.5 of 1 at 8.5 / 4.5 / 4.8 us a KiB. Level 1 saves less (5.0 /
 * 7.5 / 8.8) in hardly less time, level 6 more (5.5 / 9.1 / 11.6) in 1.5 to 2.5 times the time. A
 * window of 4 KiB (39 instead of 268 KB of memory) loses a third to a half of it from 32 KiB on,
 * and is slower: a host has one context, so the memory is no reason. */
#define LRM__DEFLATE_LEVEL 3
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
