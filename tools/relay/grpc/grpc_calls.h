/* What the files of the relay's gRPC side share. */
#ifndef RELAY_GRPC_CALLS_H
#define RELAY_GRPC_CALLS_H

#include "remote/carrier_grpc.h"

#include "grpc_server.h"

typedef struct grpc_open grpc_open;

typedef struct grpc_server grpc_server;

/* One place where it listens. */
typedef struct grpc_place {
  grpc_server *grpc;
  lrm_uv_listener *listener; /* NULL: gone */
} grpc_place;

/* The relay's side of all gRPC listeners. */
struct grpc_server {
  server *server;
  grpc_place places[LISTENS_MAX];
  size_t places_count;
  size_t alive;    /* places that are not gone */
  grpc_open *open; /* calls that wait for changes: health, reflection */
};

/* A call that stays open; the first member of what serves it. */
struct grpc_open {
  grpc_open *next, **at;
  lrm_grpc_call *call;
  void (*changed)(grpc_open *open); /* health may have changed; NULL: it does not care */
};
void grpc_open_add(grpc_server *g, grpc_open *open, lrm_grpc_call *call);
void grpc_open_remove(grpc_open *open);

/* One for each method. It sets the call's owner, and reads. */
void grpc_serve_call(grpc_server *g, lrm_grpc_call *call);
void grpc_serve_poll(grpc_server *g, lrm_grpc_call *call);
void grpc_serve_health_check(grpc_server *g, lrm_grpc_call *call);
void grpc_serve_health_watch(grpc_server *g, lrm_grpc_call *call);
void grpc_serve_reflection(grpc_server *g, lrm_grpc_call *call);

/* gRPC's word for a code of docs/spec.md section 8. */
lrm_grpc_status grpc_status_of(uint32_t code);
/* Ends a call with a Problem: its code as a status, its reason as text, all of it in the trailing
 * metadata. */
void grpc_finish_problem(lrm_grpc_call *call, lrm_slice problem);
/* Ends it well, or with a text. */
void grpc_finish(lrm_grpc_call *call, lrm_grpc_status status, const char *text);

/* A field of a protobuf message, top level. False: the end, or not protobuf (then `left` is not
 * empty). */
typedef struct grpc_field {
  uint32_t number;
  uint32_t type; /* wire type */
  uint64_t value;
  lrm_slice bytes;
} grpc_field;
bool grpc_next_field(lrm_slice *left, grpc_field *field);

/* Writes protobuf into a bounded buffer; `full` when it did not fit. */
typedef struct grpc_writer {
  uint8_t *data;
  size_t bytes, capacity;
  bool full;
} grpc_writer;
void grpc_put_number(grpc_writer *w, uint32_t field, uint64_t value);
void grpc_put_bytes(grpc_writer *w, uint32_t field, const void *data, size_t bytes);

#endif
