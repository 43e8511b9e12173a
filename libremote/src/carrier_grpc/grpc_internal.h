/* What the files of the gRPC carrier share. */
#ifndef LRM_GRPC_INTERNAL_H
#define LRM_GRPC_INTERNAL_H

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

#include "remote/carrier_grpc.h"
#include "remote/limits.h"

/* ---- trust.c: certificates, as texts ---- */

/* A certificate and its key, as a listener shows them. gRPC's threads look at it. */
typedef struct grpc_identity {
  struct grpc_identity *next;
  uv_mutex_t lock;
  char *ca, *cert, *key; /* PEM; NULL: none */
  unsigned version, fetched;
} grpc_identity;

/* What trust names, read and judged; a text is NULL where nothing was named. False: `error` says
 * why. */
bool lrm__grpc_read_trust(const lrm_uv_trust *trust, bool listening, char **ca, char **cert,
                          char **key, char *error, size_t error_bytes);
/* Frees those texts; no key stays in memory. */
void lrm__grpc_free_trust(char *ca, char *cert, char *key);
grpc_identity *lrm__grpc_identity_new(void);
void lrm__grpc_identity_free(grpc_identity *id);

/* ---- runtime.c: what is finished comes back to the loop ---- */

/* One operation; its address is the tag. */
typedef struct grpc_tag {
  struct grpc_tag *next;
  void (*done)(struct grpc_tag *op, bool ok);
  void *owner;
  bool ok, pending;
} grpc_tag;

typedef struct grpc_runtime {
  struct grpc_runtime *next;
  uv_loop_t *loop;
  unsigned references;
  grpc_completion_queue *queue;
  uv_thread_t thread;
  uv_async_t wake;
  uv_mutex_t lock;
  grpc_tag *first, *last; /* under the lock */
  grpc_identity *spent;   /* gRPC's threads may still look at them */
} grpc_runtime;

/* The loop's runtime, with one more reference. NULL: out of memory or threads. */
grpc_runtime *lrm__grpc_runtime_of(uv_loop_t *loop);
void lrm__grpc_runtime_release(grpc_runtime *rt);

/* ---- stream.c ---- */

/* Bytes on their way out; gRPC gets them as they lie. */
typedef struct grpc_message {
  struct grpc_message *next;
  size_t bytes, capacity;
  uint8_t data[];
} grpc_message;

enum { GRPC_METHOD_BYTES_MAX = 128, GRPC_CALL_FINISH_MS = 10000 };

typedef struct grpc_listener grpc_listener;

/* A carrier, or a call that is served. */
typedef struct lrm_grpc_call grpc_stream;
struct lrm_grpc_call {
  lrm_carrier base; /* Attach */
  grpc_runtime *rt;
  grpc_listener *from;   /* NULL: connecting */
  grpc_channel *channel; /* connecting */
  grpc_call *call;       /* NULL: never begun */
  grpc_tag opened, headers, reading, writing, finished, ended;
  uv_timer_t timer;
  /* incoming */
  grpc_byte_buffer *incoming;
  grpc_slice rest; /* a message that its owner has not consumed, from rest_at on */
  size_t rest_at;
  bool has_rest;
  /* outgoing */
  grpc_message *first, *last; /* not yet given to gRPC */
  size_t waiting_bytes;       /* of those */
  size_t moving_bytes;        /* given to gRPC, not done */
  bool starved;               /* there was no room: say when there is */
  /* life */
  bool attach;    /* else a call with `call_owner` */
  bool up;        /* things may be written */
  bool draining;  /* its owner closed or finished it; what waits is sent first */
  bool finishing; /* the end was said, or is being said */
  bool over;      /* gRPC said how it ended */
  bool timer_closed;
  int error;
  char error_text[200];
  char target[320]; /* connecting: the URL */
  /* how gRPC says that it ended */
  grpc_metadata_array head, trail;
  grpc_status_code status;
  grpc_slice details;
  int cancelled;
  /* calls */
  const lrm_grpc_call_owner *call_owner;
  void *call_user;
  bool wants; /* lrm_grpc_call_read was called */
  char method[GRPC_METHOD_BYTES_MAX];
  char token[LRM_GRPC_TOKEN_BYTES_MAX + 1];
  lrm_grpc_status say_status; /* how a server's stream ends */
  char say_text[300];
  uint8_t say_problem[LRM_CONTROL_BYTES_MAX];
  size_t say_problem_bytes;
};

/* With a reference on the runtime; the caller fills in what kind it is. */
grpc_stream *lrm__grpc_stream_new(grpc_runtime *rt);
/* Before its first operation is started; `opened` is for when it is up. */
void lrm__grpc_stream_tags(grpc_stream *s, void (*opened)(grpc_tag *tag, bool ok));
/* Starts one operation; the tag says when it is done. False: it was not started. */
bool lrm__grpc_start(grpc_stream *s, grpc_tag *tag, const grpc_op *operation);
/* Reads one more message. */
void lrm__grpc_read(grpc_stream *s);
/* Sends what waits, then says the end; at the latest after this time it is cancelled. */
void lrm__grpc_drain(grpc_stream *s, uint64_t at_most_ms);
/* Queues one message, or for a carrier more of one. LRM_ERR_NO_MEMORY. */
int lrm__grpc_queue(grpc_stream *s, const lrm_slice *parts, size_t count);
size_t lrm__grpc_room(grpc_stream *s);
/* What a server's stream ends with. */
void lrm__grpc_say(grpc_stream *s, lrm_grpc_status status, const char *text);
/* Ends it at once. */
void lrm__grpc_cancel(grpc_stream *s);
/* It is over, or never began: `down` or `gone` follows when nothing can call back any more. */
void lrm__grpc_over(grpc_stream *s);
/* When nothing can call back any more, it goes. */
void lrm__grpc_settle(grpc_stream *s);
/* Why it ends; the first text counts. */
void lrm__grpc_fault(grpc_stream *s, const char *text);
void lrm__grpc_name_peer(grpc_stream *s);

/* ---- connect.c ---- */

int lrm__grpc_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                      const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out);
/* A connecting side's call ended: says why, for people. */
void lrm__grpc_describe(grpc_stream *s);
/* Arguments that both sides have. */
enum { GRPC_COMMON_ARGS = 9 };
size_t lrm__grpc_common_args(grpc_arg *args);
grpc_arg lrm__grpc_int(const char *key, int value);

/* ---- listen.c ---- */

void lrm__grpc_listener_unref(grpc_listener *l);
/* It is closing: nothing new comes. */
bool lrm__grpc_closing(const grpc_listener *l);
/* One served call less. */
void lrm__grpc_call_ended(grpc_listener *l);

#endif
