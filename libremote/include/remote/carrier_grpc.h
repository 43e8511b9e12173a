/* gRPC as a carrier, and a gRPC server for what a relay offers beside it. The only part of
 * libremote that needs gRPC C core; an archive of its own (remote_carrier_grpc), left out of builds
 * without it (REMOTE_WITH_GRPC). Service remote.v1.Relay in proto/remote/v1/relay.proto: one Attach
 * is one carrier, each gRPC message one Batch (spec A.7).
 *
 * gRPC runs threads of its own; what they finish is handed to the loop, and everything here is
 * called, and calls, on the loop's thread. They end when the last carrier and listener of the loop
 * is gone. gRPC does not survive a fork that goes on without exec; fork and exec is fine. */
#ifndef REMOTE_CARRIER_GRPC_H
#define REMOTE_CARRIER_GRPC_H

#include "remote/carrier_uv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* grpc:// and grpcs://. What is listened on with it offers Attach and nothing else. */
extern const lrm_uv_kind lrm_grpc_kind;

/* The largest message, in bytes, either way. */
#define LRM_GRPC_MESSAGE_BYTES_MAX LRM_BATCH_BYTES_MAX
/* The longest bearer token that a call can say. */
#define LRM_GRPC_TOKEN_BYTES_MAX 512

/* Status codes of gRPC that this side gives (grpc/doc/statuscodes.md). */
typedef enum lrm_grpc_status {
  LRM_GRPC_OK = 0,
  LRM_GRPC_CANCELLED = 1,
  LRM_GRPC_INVALID_ARGUMENT = 3,
  LRM_GRPC_NOT_FOUND = 5,
  LRM_GRPC_PERMISSION_DENIED = 7,
  LRM_GRPC_RESOURCE_EXHAUSTED = 8,
  LRM_GRPC_FAILED_PRECONDITION = 9,
  LRM_GRPC_ABORTED = 10,
  LRM_GRPC_OUT_OF_RANGE = 11,
  LRM_GRPC_UNIMPLEMENTED = 12,
  LRM_GRPC_INTERNAL = 13,
  LRM_GRPC_UNAVAILABLE = 14,
  LRM_GRPC_UNAUTHENTICATED = 16
} lrm_grpc_status;

/* A call of another method than Attach, while it is served. */
typedef struct lrm_grpc_call lrm_grpc_call;

typedef struct lrm_grpc_call_owner {
  /* One message that lrm_grpc_call_read asked for, borrowed; `data` NULL: the caller sends no more.
   */
  void (*message)(void *user, lrm_grpc_call *call, const uint8_t *data, size_t bytes);
  /* There is room again after lrm_grpc_call_room was 0. May be NULL. */
  void (*writable)(void *user, lrm_grpc_call *call);
  /* It is over, finished or cancelled: once, the last call. */
  void (*gone)(void *user, lrm_grpc_call *call);
} lrm_grpc_call_owner;

/* "/package.Service/Method", the other side's address, its bearer token ("": none). Borrowed, for
 * the call's life. The token must not be logged. */
const char *lrm_grpc_call_method(const lrm_grpc_call *call);
const char *lrm_grpc_call_peer(const lrm_grpc_call *call);
const char *lrm_grpc_call_token(const lrm_grpc_call *call);
/* Who serves it. To be said inside `called`, else the answer is UNIMPLEMENTED. */
void lrm_grpc_call_own(lrm_grpc_call *call, const lrm_grpc_call_owner *owner, void *user);
/* Asks for the next message. Nothing more is read from the network before. */
void lrm_grpc_call_read(lrm_grpc_call *call);
/* Bytes that may be sent now; a message may be while this is above 0. */
size_t lrm_grpc_call_room(const lrm_grpc_call *call);
/* Sends one message; copied. LRM_ERR_NO_MEMORY; LRM_ERR_STATE: it is finished. */
int lrm_grpc_call_send(lrm_grpc_call *call, lrm_slice message) LRM_MUST_USE;
/* Ends it after what was sent, for at most 10 s. `text` is for people; `problem`, an encoded
 * Problem or nothing, goes into the trailing metadata "remote-problem-bin". `gone` follows. */
void lrm_grpc_call_finish(lrm_grpc_call *call, lrm_grpc_status status, const char *text,
                          lrm_slice problem);

typedef struct lrm_grpc_listener_ops {
  /* As in lrm_uv_listen: one Attach. */
  void (*accepted)(void *user, lrm_carrier *carrier);
  /* Any other method. NULL: there is none. */
  void (*called)(void *user, lrm_grpc_call *call);
  /* Closed, and all its carriers and calls are gone: the last call, the listener does not exist any
   * more. May be NULL. */
  void (*closed)(void *user);
} lrm_grpc_listener_ops;

/* Listens on grpc:// or grpcs://; the latter needs settings->trust.cert_file and key_file, and with
 * ca_file asks clients for certificates that it signed. Errors as lrm_uv_listen.
 * lrm_uv_listener_close says GOAWAY to every connection; carriers and calls live on until they end.
 */
int lrm_grpc_listen(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                    const lrm_grpc_listener_ops *ops, void *user, lrm_uv_listener **out,
                    char *error, size_t error_bytes) LRM_MUST_USE;
/* Between lrm_uv_listener_close and `closed`: ends everything that is left of it at once. */
void lrm_grpc_listener_cancel(lrm_uv_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
