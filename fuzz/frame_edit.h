/* Edits a stream of frames, also inside the payloads, and writes it anew. */
#ifndef FUZZ_FRAME_EDIT_H
#define FUZZ_FRAME_EDIT_H

#include "schema/bytes.h"

/* One edit, written behind what `out` holds. The same seed makes the same edit. */
void fuzz_frames_edit(uint64_t seed, const uint8_t *data, size_t size, bytes *out);

#endif
