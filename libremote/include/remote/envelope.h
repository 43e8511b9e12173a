/* CommandEnvelope, read and written in place: what a relay reads of a command. The body is a
 * slice. Source: docs/spec.md section 12; proto link.proto. */
#ifndef REMOTE_ENVELOPE_H
#define REMOTE_ENVELOPE_H

#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_origin {
  char account[64]; /* UTF-8, terminated */
  lrm_id device_id;
  char device[64];
  char surface[24];
} lrm_origin;

typedef struct lrm_envelope {
  lrm_id command_id;
  uint32_t command_class; /* CommandClass; 0 counts as CONTROL (2) */
  uint64_t ttl_ms;        /* 0: for ever */
  lrm_id event_epoch;
  lrm_slice command; /* borrowed */
  bool has_origin;
  lrm_origin origin;
  uint64_t received_ms; /* Unix milliseconds of the relay */
} lrm_envelope;

/* Reads an envelope. LRM_ERR_DECODE: malformed, duplicate fields, an id that is not 16 bytes,
 * bad UTF-8, a NUL in a string, or no command_id. Unknown fields are skipped. */
int lrm_envelope_decode(const uint8_t *data, size_t bytes, lrm_envelope *out) LRM_MUST_USE;

/* Bytes lrm_envelope_encode needs. */
size_t lrm_envelope_bytes(const lrm_envelope *envelope);

/* Writes the canonical form. LRM_ERR_TOO_LARGE: capacity is too small. */
int lrm_envelope_encode(const lrm_envelope *envelope, uint8_t *out, size_t capacity,
                        size_t *written) LRM_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
