/* harness.proto by hand: a testee in any language needs no more than this of protobuf. */
#ifndef CONFORMANCE_PARTS_HARNESS_H
#define CONFORMANCE_PARTS_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/types.h"

/* Numbers of Request.ask. */
typedef enum harness_ask {
  HARNESS_NONE = 0,
  HARNESS_DESCRIBE = 2,
  HARNESS_START = 3,
  HARNESS_DECODE = 4,
  HARNESS_JUDGE = 5,
  HARNESS_FOLD = 6,
  HARNESS_CONNECTED = 7,
  HARNESS_BYTES = 8,
  HARNESS_CUT = 9,
  HARNESS_ADVANCE = 10,
  HARNESS_ACT = 11,
  HARNESS_LOOK = 12,
  HARNESS_RESTART = 13,
  HARNESS_COPY = 14,
  HARNESS_STEP_CLOCK = 15,
  HARNESS_ROOM = 16
} harness_ask;

/* A Request; every message that is asked for here has at most three fields. `number` and `text`
 * are indexed by field number: what is not in the request is 0 or empty. Borrowed. */
typedef struct harness_request {
  uint64_t id;
  harness_ask ask;
  uint64_t number[4];
  lrm_slice text[4];
} harness_request;

/* Reads the next request from standard input. False: it has ended. */
bool harness_read(harness_request *request);

/* What goes into the next response: Outputs, in order, encoded already. */
typedef struct harness_out {
  uint8_t *data;
  size_t bytes, capacity;
} harness_out;

void harness_dial(harness_out *out, uint32_t carrier);
void harness_bytes(harness_out *out, uint32_t carrier, const uint8_t *data, size_t bytes);
void harness_closed(harness_out *out, uint32_t carrier);
void harness_told(harness_out *out, const char *json);

typedef struct harness_description {
  const char *name, *version;
  const uint32_t *roles;
  size_t roles_count;
  bool virtual_clock;
  const char *const *features;
  size_t features_count;
} harness_description;

/* Each writes one response with the outputs gathered so far, and empties them. */
void harness_reply_description(uint64_t id, const harness_description *description);
void harness_reply_done(uint64_t id, harness_out *out);
void harness_reply_unsupported(uint64_t id, const char *why, harness_out *out);
void harness_reply_broken(uint64_t id, const char *why, harness_out *out);

#endif
