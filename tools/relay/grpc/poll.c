/* Poll: one long-poll exchange, as POST /v1/poll is (docs/spec.md 3.26). */
#include <stdlib.h>

#include "grpc_calls.h"
#include "polls.h"

typedef struct served {
  grpc_server *grpc;
  lrm_grpc_call *call;
  server_poll *poll; /* NULL: not begun, or answered */
  bool asked;
} served;

/* What was refused is in the answer, and a client of the link reads it there: the status is OK. */
static void on_answered(void *user, lrm_slice answer, uint32_t refused) {
  served *p = user;
  (void)refused;
  p->poll = NULL;
  if (lrm_grpc_call_send(p->call, answer) != 0) {
    grpc_finish(p->call, LRM_GRPC_RESOURCE_EXHAUSTED, "the relay is out of memory");
  } else {
    grpc_finish(p->call, LRM_GRPC_OK, "");
  }
}

static void on_message(void *user, lrm_grpc_call *call, const uint8_t *data, size_t bytes) {
  served *p = user;
  if (p->asked) return;
  p->asked = true;
  if (data == NULL) {
    grpc_finish(call, LRM_GRPC_INVALID_ARGUMENT, "a Poll has one Batch");
    return;
  }
  p->poll =
      server_poll_begin(p->grpc->server, lrm_grpc_call_peer(call), data, bytes, on_answered, p);
  if (p->poll != NULL) return;
  grpc_finish(call, bytes > LRM_BATCH_BYTES_MAX ? LRM_GRPC_INVALID_ARGUMENT : LRM_GRPC_UNAVAILABLE,
              bytes > LRM_BATCH_BYTES_MAX ? "a Batch is at most 1 MiB"
                                          : "the relay is full or going away; come back later");
}

static void on_gone(void *user, lrm_grpc_call *call) {
  served *p = user;
  (void)call;
  if (p->poll != NULL) server_poll_gone(p->poll);
  free(p);
}

static const lrm_grpc_call_owner owner = {on_message, NULL, on_gone};

void grpc_serve_poll(grpc_server *g, lrm_grpc_call *call) {
  served *p = calloc(1, sizeof *p);
  if (p == NULL) return;
  p->grpc = g;
  p->call = call;
  lrm_grpc_call_own(call, &owner, p);
  lrm_grpc_call_read(call);
}
