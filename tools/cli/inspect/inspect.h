/* `remote inspect`: bytes of carriers taken apart. inspect_source.c: captures and raw streams into
 * records; inspect_flow.c: records into frames, with what the protocol's clauses say of each;
 * inspect_payload.c: what a frame carries; inspect_print.c: lines for people or JSON.
 * Everything that is read is hostile: all memory is bounded, and nothing that is wrong with the
 * bytes ends the program. */
#ifndef REMOTE_CLI_INSPECT_H
#define REMOTE_CLI_INSPECT_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "remote/block.h"
#include "remote/frame.h"
#include "remote/message.h"
#include "remote/types.h"

#include "capture_format.h"

#define INSPECT_PROBLEMS_MAX 8u
#define INSPECT_CARRIERS_MAX 32u
#define INSPECT_CHANNELS_MAX 256u

/* ---- inspect_payload.c ---- */

/* What is wrong with a frame, by the clause of docs/spec.md that says so. */
typedef struct inspect_problem {
  const char *clause; /* "2.1.1"; static */
  uint32_t code;      /* how the other side answers; 0: no clause says */
  char text[160];     /* for people; may hold what a peer wrote */
} inspect_problem;

typedef struct inspect_channel inspect_channel;

typedef struct inspect_frame {
  uint64_t at_us;
  unsigned carrier; /* counted from 1 */
  bool connecting;  /* from the connecting side */
  const char *type; /* name; "GREASE" or "UNKNOWN" */
  const lrm_frame *frame;
  size_t wire_bytes;
  uint32_t log;   /* of its channel; 0: none, or not known */
  lrm_id session; /* of its channel; none: not known */
  bool late;      /* its channel is closed: ignored, whatever it holds (clause 2.4.3) */
  inspect_problem problems[INSPECT_PROBLEMS_MAX];
  size_t problems_count;
  const ProtobufCMessage *payload; /* control frames; NULL: none, or it cannot be read */
} inspect_frame;

void inspect_blame(inspect_frame *f, const char *clause, uint32_t code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

typedef struct inspect_decoder {
  lrm_arena arena;   /* of f->payload */
  lrm_arena message; /* of a block's message */
  lrm_arena body;    /* of a command inside an envelope */
  lrm_block_reader *blocks;
} inspect_decoder;

/* 0, or LRM_ERR_NO_MEMORY. */
int inspect_decoder_open(inspect_decoder *d);
void inspect_decoder_close(inspect_decoder *d);
/* Name of a frame's type. Static. */
const char *inspect_type_name(uint32_t type);
/* Reads a control frame's payload into f->payload; blames it when it cannot be read. */
void inspect_read_payload(inspect_decoder *d, inspect_frame *f);
/* The messages of a BLOCK or TAIL: one object each ({"offset", "message"[, "command"]}); what
 * cannot be read is blamed. `each` owns the object; it may be NULL, to find problems only. */
void inspect_read_messages(inspect_decoder *d, inspect_frame *f,
                           void (*each)(void *user, json_t *object), void *user);

/* ---- inspect_flow.c ---- */

typedef struct inspect_ops {
  void (*frame)(void *user, inspect_frame *frame);
  /* A carrier came or went, or bytes are no frame; `problem` may be NULL. */
  void (*event)(void *user, uint64_t at_us, unsigned carrier, const char *what, lrm_slice text,
                const inspect_problem *problem);
} inspect_ops;

typedef struct inspect_flow inspect_flow;
/* NULL: no memory. */
inspect_flow *inspect_flow_create(const inspect_ops *ops, void *user);
void inspect_flow_destroy(inspect_flow *flow);
void inspect_flow_record(inspect_flow *flow, const capture_record *record);
/* Everything has been read: tells of frames that were not complete. */
void inspect_flow_end(inspect_flow *flow);
inspect_decoder *inspect_flow_decoder(inspect_flow *flow);

/* ---- inspect_source.c ---- */

typedef struct inspect_source inspect_source;
/* A capture by its magic; anything else is a raw stream of frames of one side. */
inspect_source *inspect_source_create(inspect_flow *flow);
void inspect_source_destroy(inspect_source *source);
/* False: it is a damaged capture (said through `event`): nothing more is read. */
bool inspect_source_feed(inspect_source *source, const uint8_t *data, size_t bytes);
/* False: it ended inside of a record. */
bool inspect_source_end(inspect_source *source);

/* ---- inspect_print.c ---- */

typedef struct inspect_filter {
  uint32_t channel; /* with has_channel */
  bool has_channel;
  const char *types;   /* names, separated by commas; NULL: all */
  const char *session; /* beginning of an id; NULL: all */
  bool problems_only;
} inspect_filter;

typedef struct inspect_printer {
  FILE *to;
  bool json;
  bool full;      /* whole messages, however long */
  size_t columns; /* of the terminal; 0: no limit */
  inspect_filter filter;
  inspect_flow *flow;
  uint64_t frames, problems, shown;
} inspect_printer;

extern const inspect_ops inspect_printer_ops; /* user: inspect_printer */
/* Every name of the list is one of a frame type. */
bool inspect_types_known(const char *types);

#endif
