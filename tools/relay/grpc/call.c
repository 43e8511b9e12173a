/* Call: one REQUEST with its replies, without a carrier of one's own. Each call is a short
 * connection like any other: a carrier in memory says HELLO with the token of the metadata, then
 * the REQUEST, and what the link answers becomes messages and a status. So every rule of the relay
 * (limits, policy, audit, slow-down) holds as it does for frames. */
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

#include "grpc_calls.h"
#include "remote/frame.h"
#include "remote/message.h"
#include "remote/v1/relay.pb.h"

#include "schema.h"

enum { INPUT_BYTES_MAX = LRM_REQUEST_BYTES_MAX + 4096, HELLO_BYTES_MAX = 512 };

typedef struct served {
  lrm_carrier base;
  grpc_server *grpc;
  lrm_grpc_call *call;            /* NULL: gone */
  uv_timer_t timer;               /* what may not be done inside the link's own call */
  uint8_t input[INPUT_BYTES_MAX]; /* frames for the link */
  size_t input_bytes;
  bool asked;       /* the request has come */
  bool ended;       /* its status was said */
  bool leaving;     /* `down` is due */
  bool down;        /* and was said, or there never was a link */
  bool ends_itself; /* its success is the end of this very device */
  bool timer_closed;
} served;

static void on_timer_closed(uv_handle_t *handle);

static void finish(served *c, lrm_grpc_status status, const char *text) {
  if (c->ended || c->call == NULL) return;
  c->ended = true;
  grpc_finish(c->call, status, text);
}

static void finish_problem(served *c, lrm_slice problem) {
  if (c->ended || c->call == NULL) return;
  c->ended = true;
  grpc_finish_problem(c->call, problem);
}

static void settle(served *c) {
  if (c->call != NULL || !c->down) return;
  if (c->timer_closed) {
    free(c);
  } else if (!uv_is_closing((uv_handle_t *)&c->timer)) {
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
  }
}

static void on_timer_closed(uv_handle_t *handle) {
  served *c = handle->data;
  c->timer_closed = true;
  settle(c);
}

static void say_down(served *c) {
  if (c->down) return;
  c->down = true;
  if (c->base.owner.down != NULL) c->base.owner.down(c->base.owner_user, &c->base, 0, "");
}

static void on_timer(uv_timer_t *timer) {
  served *c = timer->data;
  if (c->leaving) {
    say_down(c);
    settle(c);
    return;
  }
  if (c->down || c->input_bytes == 0) return;
  size_t wanted = 0;
  size_t taken =
      c->base.owner.received(c->base.owner_user, &c->base, c->input, c->input_bytes, &wanted);
  if (taken > c->input_bytes) taken = c->input_bytes;
  memmove(c->input, c->input + taken, c->input_bytes - taken);
  c->input_bytes -= taken;
  /* A HELLO that is still being judged: what follows it is offered again. */
  if (c->input_bytes > 0 && !c->leaving) (void)uv_timer_start(&c->timer, on_timer, 5, 0);
}

static void later(served *c) {
  if (!uv_is_closing((uv_handle_t *)&c->timer)) (void)uv_timer_start(&c->timer, on_timer, 0, 0);
}

static bool push(served *c, uint32_t type, lrm_slice payload) {
  lrm_frame frame = {.type = type, .payload = payload};
  size_t written = 0;
  if (lrm_frame_encode(&frame, c->input + c->input_bytes, sizeof c->input - c->input_bytes,
                       &written) != 0)
    return false;
  c->input_bytes += written;
  later(c);
  return true;
}

/* ---- what the link says ---- */

static void on_reply(served *c, lrm_slice payload) {
  lrm_slice left = payload, problem = {NULL, 0};
  grpc_field field;
  bool more = false;
  while (grpc_next_field(&left, &field)) {
    if (field.number == 2 && field.type == 0) more = field.value != 0;
    if (field.number == 3 && field.type == 2) problem = field.bytes;
  }
  if (c->ended || c->call == NULL) return;
  if (problem.data != NULL) {
    finish_problem(c, problem);
  } else {
    if (lrm_grpc_call_send(c->call, payload) != 0) {
      finish(c, LRM_GRPC_RESOURCE_EXHAUSTED, "the relay is out of memory");
    } else if (!more) {
      finish(c, LRM_GRPC_OK, "");
    }
  }
  if (c->ended) {
    c->leaving = true;
    later(c);
  }
}

static void on_goodbye(served *c, lrm_slice payload) {
  lrm_slice left = payload;
  grpc_field field;
  uint64_t code = 0;
  while (grpc_next_field(&left, &field)) {
    if (field.number == 1 && field.type == 0) code = field.value;
  }
  if (c->ends_itself && code == LRM_CODE_REVOKED) {
    finish(c, LRM_GRPC_OK, "");
  } else if (code == LRM_CODE_NORMAL) {
    finish(c, LRM_GRPC_UNAVAILABLE, "the relay ended the connection");
  } else {
    finish_problem(c, payload);
  }
}

static void on_frame(served *c, const lrm_frame *frame) {
  switch (frame->type) {
    case LRM_FRAME_REPLY:
      on_reply(c, frame->payload);
      break;
    case LRM_FRAME_REFUSE:
    case LRM_FRAME_GOAWAY:
      on_goodbye(c, frame->payload);
      break;
    case LRM_FRAME_PING:
      if (!push(c, LRM_FRAME_PONG, frame->payload)) c->leaving = true;
      break;
    default:
      break; /* WELCOME, and what else there may be one day */
  }
}

/* ---- the carrier ---- */

static size_t carrier_room(const lrm_carrier *base) {
  const served *c = (const served *)base;
  if (c->leaving) return 0;
  if (c->ended || c->call == NULL) return LRM_CARRIER_BUFFER_BYTES_MAX;
  return lrm_grpc_call_room(c->call);
}

/* Frames are whole in a write, and their payloads, if in a part of their own, follow at once. */
static int carrier_write(lrm_carrier *base, const lrm_slice *parts, size_t count) {
  served *c = (served *)base;
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += parts[i].bytes;
  uint8_t *all = malloc(bytes + 1);
  if (all == NULL) return LRM_ERR_NO_MEMORY;
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].bytes > 0) memcpy(all + used, parts[i].data, parts[i].bytes);
    used += parts[i].bytes;
  }
  lrm_frame frame;
  size_t consumed = 0, wanted;
  for (size_t at = 0; at < bytes; at += consumed) {
    if (lrm_frame_decode(all + at, bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &consumed,
                         &wanted) != 0 ||
        consumed == 0)
      break;
    on_frame(c, &frame);
  }
  free(all);
  return 0;
}

static void carrier_close(lrm_carrier *base, bool flush) {
  served *c = (served *)base;
  (void)flush;
  finish(c, LRM_GRPC_UNAVAILABLE, "the relay ended the connection");
  c->leaving = true;
  later(c);
}

static const lrm_carrier_ops carrier_ops = {"grpc", carrier_room, carrier_write, carrier_close,
                                            true};

/* ---- the call ---- */

static bool push_hello(served *c, const char *token) {
  static remote_v1_Hello hello; /* large, and there is one loop */
  uint8_t data[HELLO_BYTES_MAX];
  memset(&hello, 0, sizeof hello);
  hello.version_min = hello.version_max = 1;
  hello.generation = 1;
  hello.role = remote_v1_Role_ROLE_CLIENT;
  hello.link_id.size = sizeof hello.link_id.bytes;
  if (uv_random(NULL, NULL, hello.link_id.bytes, sizeof hello.link_id.bytes, 0, NULL) != 0) {
    return false;
  }
  snprintf(hello.token, sizeof hello.token, "%s", token);
  snprintf(hello.agent, sizeof hello.agent, "grpc");
  pb_ostream_t stream = pb_ostream_from_buffer(data, sizeof data);
  bool pushed = pb_encode(&stream, remote_v1_Hello_fields, &hello) &&
                push(c, LRM_FRAME_HELLO, (lrm_slice){data, stream.bytes_written});
  explicit_bzero(&hello, sizeof hello);
  explicit_bzero(data, sizeof data);
  return pushed;
}

/* Why it is refused at once; NULL: it is a request. */
static const char *judge(served *c, const uint8_t *data, size_t bytes) {
  static remote_v1_Request request;
  if (data == NULL) return "a Call begins with a Request";
  if (bytes > LRM_REQUEST_BYTES_MAX ||
      lrm_message_decode_static(&lrm_schema_Request, remote_v1_Request_fields, data, bytes,
                                &request) != 0)
    return "this is not a Request";
  c->ends_itself = request.which_call == remote_v1_Request_logout_tag ||
                   request.which_call == remote_v1_Request_revoke_device_tag;
  bool cancels = request.which_call == remote_v1_Request_cancel_tag;
  explicit_bzero(&request, sizeof request);
  return cancels ? "a Call is cancelled as gRPC does it" : NULL;
}

static void on_message(void *user, lrm_grpc_call *call, const uint8_t *data, size_t bytes) {
  served *c = user;
  if (c->asked) return;
  c->asked = true;
  const char *fault = judge(c, data, bytes);
  const char *token = lrm_grpc_call_token(call);
  if (fault == NULL && strlen(token) > RELAY_TOKEN_BYTES_MAX) {
    finish(c, LRM_GRPC_UNAUTHENTICATED, "this is not a token of this relay");
  } else if (fault != NULL) {
    finish(c, LRM_GRPC_INVALID_ARGUMENT, fault);
  } else if (!push_hello(c, token) || !push(c, LRM_FRAME_REQUEST, (lrm_slice){data, bytes})) {
    finish(c, LRM_GRPC_INTERNAL, "the relay cannot serve this call");
  }
  if (c->ended) return;
  c->down = false;
  server_accepted(c->grpc->server, &c->base);
  if (c->base.owner.received != NULL) return;
  c->down = true;
  finish(c, LRM_GRPC_UNAVAILABLE, "the relay is full or going away; come back later");
}

static void on_writable(void *user, lrm_grpc_call *call) {
  served *c = user;
  (void)call;
  if (!c->down && !c->leaving) c->base.owner.writable(c->base.owner_user, &c->base);
}

static void on_gone(void *user, lrm_grpc_call *call) {
  served *c = user;
  (void)call;
  c->call = NULL;
  if (!c->down) {
    c->leaving = true;
    later(c);
  }
  settle(c);
}

static const lrm_grpc_call_owner call_owner = {on_message, on_writable, on_gone};

void grpc_serve_call(grpc_server *g, lrm_grpc_call *call) {
  served *c = calloc(1, sizeof *c);
  if (c == NULL) return;
  if (uv_timer_init(&g->server->loop, &c->timer) != 0) {
    free(c);
    return;
  }
  c->base.ops = &carrier_ops;
  snprintf(c->base.peer, sizeof c->base.peer, "%s", lrm_grpc_call_peer(call));
  c->timer.data = c;
  c->grpc = g;
  c->call = call;
  c->down = true;
  lrm_grpc_call_own(call, &call_owner, c);
  lrm_grpc_call_read(call);
}
