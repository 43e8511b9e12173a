/* The frame codec: one endless protobuf Batch, read and written by hand so that payloads are
 * slices and nothing is copied. Source: docs/spec.md sections 1 and 2; proto frame.proto. */
#ifndef REMOTE_FRAME_H
#define REMOTE_FRAME_H

#include "remote/limits.h"
#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Values of Frame.type; the same numbers as FrameType in frame.proto. */
typedef enum lrm_frame_type {
  LRM_FRAME_HELLO = 1,
  LRM_FRAME_WELCOME = 2,
  LRM_FRAME_REFUSE = 3,
  LRM_FRAME_GOAWAY = 4,
  LRM_FRAME_PING = 5,
  LRM_FRAME_PONG = 6,
  LRM_FRAME_OPEN = 8,
  LRM_FRAME_OPENED = 9,
  LRM_FRAME_CLOSE = 10,
  LRM_FRAME_INFO = 11,
  LRM_FRAME_BLOCK = 12,
  LRM_FRAME_TAIL = 13,
  LRM_FRAME_ACK = 14,
  LRM_FRAME_SYNCED = 15,
  LRM_FRAME_LOG_STATUS = 16,
  LRM_FRAME_RECEIPT = 17,
  LRM_FRAME_REQUEST = 20,
  LRM_FRAME_REPLY = 21,
  LRM_FRAME_TYPE_SKIPPED_MIN = 64 /* unknown types from here on are skipped */
} lrm_frame_type;

enum {
  LRM_FLAG_COMPRESSED = 1,
  LRM_FLAG_SEALED = 2,
  LRM_FLAG_SNAPSHOT = 4,
  LRM_FLAG_CLEARS_TAIL = 8
};

/* One frame. Fields as in frame.proto; payload is borrowed. */
typedef struct lrm_frame {
  uint32_t type;
  uint32_t channel;
  uint64_t offset;
  uint32_t count;
  uint32_t flags;
  uint32_t inflated_bytes;
  uint32_t dictionary;
  uint64_t credit;
  uint32_t part;
  uint32_t parts;
  lrm_slice payload;
} lrm_frame;

/* Reads the next frame of a byte stream.
 *   data, bytes       what has arrived and is not consumed; borrowed
 *   payload_bytes_max largest payload accepted, bytes (also bounds the whole frame)
 *   frame             the frame; its payload points into data, also when it is empty
 *   consumed          bytes of the frame; 0: more input is needed (not an error)
 *   wanted            with consumed 0: read on until at least this many bytes are there;
 *                     never more than payload_bytes_max + LRM_FRAME_HEADER_BYTES_MAX + 16 KiB
 *                     of unknown fields
 * State: none. Threads: any. No allocation.
 * Returns 0; LRM_ERR_PROTOCOL: not a frame (duplicate field, wrong wire type, over-long varint,
 * 32-bit field above 2^32-1, group, field 0, a Batch field other than 1, type 0, an offset or
 * credit above 2^53-1); LRM_ERR_LIMIT: larger than the limits. Decided as early as the bytes
 * allow, and the same for every way of splitting the input. */
int lrm_frame_decode(const uint8_t *data, size_t bytes, size_t payload_bytes_max, lrm_frame *frame,
                     size_t *consumed, size_t *wanted) LRM_MUST_USE;

/* Writes everything of a frame that stands before its payload bytes: Batch tag, length, the
 * fields in canonical form, payload tag and length. The caller sends the payload after it.
 * An empty payload is left out. `out` has room for LRM_FRAME_HEADER_BYTES_MAX. Returns the
 * bytes written; never fails for a frame with a payload of at most 2^31 bytes. */
size_t lrm_frame_encode_header(const lrm_frame *frame, uint8_t *out);

/* Header and payload into one buffer. LRM_ERR_TOO_LARGE: capacity is too small (nothing is
 * written that counts). */
int lrm_frame_encode(const lrm_frame *frame, uint8_t *out, size_t capacity,
                     size_t *written) LRM_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
