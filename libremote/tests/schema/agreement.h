/* The properties that make the preflight worth its name, checked on one input. Shared by the
 * tests and by the fuzz target. */
#ifndef TEST_SCHEMA_AGREEMENT_H
#define TEST_SCHEMA_AGREEMENT_H

#include <pb.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/message.h"
#include "schema.h"

/* A message type and the two decoders' words for it. */
typedef struct subject {
  const lrm_schema_message *type;
  const ProtobufCMessageDescriptor *descriptor;
  const pb_msgdesc_t *fields; /* nanopb; NULL: it has no static struct */
  size_t static_bytes;
} subject;

/* Every message of the protocol; LRM_SCHEMA_MESSAGES of them. */
subject subject_at(size_t index);

typedef struct agreement {
  int verdict; /* of the preflight */
  lrm_preflight_report report;
  uint64_t asked_bytes; /* what protobuf-c asked its allocator for, rounded as the arena does */
  uint8_t *canonical;   /* accepted: protobuf-c's encoding without unknown fields */
  size_t canonical_bytes;
} agreement;

/* Runs the preflight with default limits and, when it accepts, every decoder. NULL: all
 * properties hold; else what does not. Properties of an accepted input:
 *   - protobuf-c decodes it and asks for no more memory than was estimated;
 *   - it fits an arena with the estimate as its quota, and lrm_message_decode decodes it;
 *   - encoding and decoding again gives the same bytes;
 *   - nanopb decodes it and encodes to protobuf-c's bytes. nanopb drops unknown fields, which
 *     protobuf-c keeps: they are taken out before comparing.
 * Of a refused one: a place inside the input and a text. */
const char *agreement_check(const subject *s, const uint8_t *data, size_t bytes, agreement *out);

void agreement_free(agreement *a);

/* nanopb alone: does it decode this? */
bool agreement_static_decodes(const subject *s, const uint8_t *data, size_t bytes);

#endif
