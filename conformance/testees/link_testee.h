/* testee-protobuf-c, testee-nanopb: this library's codec, link and view as testees of the
 * conformance suite, on a virtual clock. See conformance/README.md and harness.proto.
 *
 *   link_main.c              requests in, responses out
 *   link_codec.c             Decode, Judge
 *   link_owner.c             ACCEPTING and CONNECTING: the carrier and the time of one link
 *   link_acts.c              what its owner does when a case says so
 *   link_view.c              Fold
 *   binding_protobuf_c.c     frames and messages with protobuf-c
 *   binding_nanopb.c         frames and messages with nanopb, as a small client has them
 */
#ifndef CONFORMANCE_LINK_TESTEE_H
#define CONFORMANCE_LINK_TESTEE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "harness.pb-c.h"
#include "remote/frame.h"
#include "remote/link.h"

typedef Remote__Conformance__V1__Request harness_request;
typedef Remote__Conformance__V1__Response harness_response;
typedef Remote__Conformance__V1__Output harness_output;

/* ---- responses ---- */

/* Outputs since the last response, in order; link_main.c sends and empties them. */
void tell_dial(uint32_t carrier);
void tell_bytes(uint32_t carrier, const uint8_t *data, size_t bytes);
void tell_closed(uint32_t carrier);
void tell_event(const char *line);
/* The answer to this request is `unsupported` or `broken`; the first one counts. */
void say_unsupported(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_broken(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool has_said(void);

/* Memory or death. */
void *must_alloc(size_t bytes);
/* A copy of exactly these bytes, so that reading beyond them is noticed; free it. */
uint8_t *exact_copy(const uint8_t *data, size_t bytes);

/* ---- the binding: which protobuf library reads and writes ---- */

extern const char *const binding_name;
/* It can say what it makes of bytes without the preflight (feature `plain`). */
extern const bool binding_plain;
/* It has the messages of events, so that there is a view. */
extern const bool binding_view;

/* `batch` is one Batch field that lrm_frame_decode took as `frame`: reads it again into `frame`,
 * payload borrowed from `batch`. False: it does not take it, which is a defect; what it does not
 * take because its profile is smaller is left as it is. */
bool binding_read(lrm_slice batch, lrm_frame *frame);
/* Writes a frame, with tag and length. 0: it is larger than the profile, or there is a defect. */
size_t binding_write(const lrm_frame *frame, uint8_t *out, size_t capacity);
/* A message of `type` ("remote.v1.Event") through preflight and decoder, and encoded again into
 * *encoded (free it). 1: taken; 0: refused; -1: it has no such type; -2: a defect. */
int binding_judge(const char *type, lrm_slice message, uint8_t **encoded, size_t *encoded_bytes);
/* What the decoder makes of a Batch without the preflight. */
bool binding_takes_plain(lrm_slice batch);

/* ---- what is asked ---- */

void codec_decode(const Remote__Conformance__V1__Decode *ask, harness_response *response);
void codec_judge(const Remote__Conformance__V1__Judge *ask, harness_response *response);
/* Frees what codec_decode put into the response. */
void codec_decoded_free(Remote__Conformance__V1__Decoded *decoded);

/* False: this binding has no view. *state is to be freed. */
bool view_fold(const Remote__Conformance__V1__Fold *ask, uint8_t **state, size_t *bytes);

void owner_start(lrm_link_side side, const char *config_json);
void owner_stop(void);
void owner_connected(uint32_t carrier, bool refused);
void owner_bytes(uint32_t carrier, const uint8_t *data, size_t bytes);
void owner_cut(uint32_t carrier, bool half_open);
void owner_advance(uint64_t ms);
void owner_room(uint32_t carrier, uint64_t bytes);
void owner_act(const char *json);

/* ---- between link_owner.c and link_acts.c ---- */

/* Messages that the owner has for a channel: a block, or a tail. */
typedef struct stock {
  struct stock *next;
  uint32_t channel;
  bool tail;
  lrm_frame frame;
  uint8_t *payload;
} stock;

typedef struct owner {
  lrm_link *link; /* NULL: none was started, or no carrier has come yet */
  lrm_link_side side;
  uint64_t now_ns;
  uint32_t carrier; /* 0: none */
  uint32_t dials;
  bool dialling;
  bool half_open; /* bytes vanish both ways */
  uint64_t room;  /* bytes that may still be written; UINT64_MAX: no bound */
  uint8_t *in;    /* not consumed */
  size_t in_bytes, in_capacity;
  uint8_t *out; /* written by the link, without room on the carrier */
  size_t out_bytes, out_capacity;
  stock *stocks;
} owner;

extern owner the_owner;

/* Does what can be done now: events are told, bytes read and written, carriers closed and asked
 * for. */
void owner_turn(void);
/* A link for the next carrier. Accepting: each carrier has its own. */
bool owner_make_link(void);
void owner_config(json_t *config);
/* One act; its result is one of the library's. */
void act_do(const char *name, json_t *members);

#endif
