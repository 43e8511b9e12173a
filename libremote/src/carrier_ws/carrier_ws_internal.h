/* What carrier_ws.c and connect_ws.c share: the carrier after and before its upgrade. */
#ifndef LRM_CARRIER_WS_INTERNAL_H
#define LRM_CARRIER_WS_INTERNAL_H

#include "carrier_ws/ws_frame.h"
#include "remote/carrier_ws.h"
#include "remote/limits.h"

typedef struct ws_dial ws_dial; /* connect_ws.c: while it is not up yet */

typedef struct ws_carrier {
  lrm_carrier base;
  lrm_carrier *inner;
  ws_dial *dial;             /* connecting; NULL: up, or accepted */
  lrm_uv_settings *settings; /* connecting side: of the inner carrier */
  const bool *leaving;       /* accepting side */
  /* The message that is being received: what its owner left of former ones, then its bytes. */
  uint8_t *message;
  size_t message_bytes;    /* with what was left */
  size_t message_capacity; /* grows with what arrives */
  size_t left_bytes;       /* of message_bytes */
  ws_head head;            /* of the frame that is being received */
  uint64_t position;       /* in its payload */
  uint8_t *control;   /* payload of a control frame that arrives in parts, or a pong that waits */
  uint8_t pong_bytes; /* of a pong that waits for room, 1 above its length; 0: none */
  bool client;
  bool up;
  bool in_frame;   /* `head` counts */
  bool in_message; /* a frame of it came that was not the last */
  bool answered;   /* something was written */
  bool ending;     /* closed by its owner, or failed: nothing is given to it any more */
  int error;       /* what `down` will say */
  char error_text[160];
} ws_carrier;

/* The owner's callbacks of the inner carrier once the WebSocket is up. */
extern const lrm_carrier_owner lrm__ws_inner_owner;

ws_carrier *lrm__ws_new(bool client);
/* The inner carrier is there and the upgrade done: begins. */
void lrm__ws_begin(ws_carrier *ws, lrm_carrier *inner);
/* Sets what `down` will say, if nothing is set yet. */
void lrm__ws_blame(ws_carrier *ws, const char *text);
/* Calls `down` and frees it. */
void lrm__ws_finish(ws_carrier *ws);

/* ---- connect_ws.c ---- */
/* Its owner closes it while it connects. */
void lrm__ws_dial_cancel(ws_carrier *ws);

/* ---- proxy.c ---- */
typedef struct ws_proxy {
  bool used;
  bool encrypted; /* https:// */
  char host[256];
  uint16_t port;
  char authorization[400]; /* base64 of user:password; "": none */
} ws_proxy;
/* Which proxy the environment names for this URL. LRM_ERR_USAGE: one that cannot be used; `error`
 * says why, without what is secret in it. `get` is getenv, but for tests. */
int lrm__ws_proxy_of(const lrm_url *url, const char *(*get)(const char *name), ws_proxy *out,
                     char *error, size_t error_bytes);

/* ---- text.c ---- */
/* Base64 with a terminator; `out` has room for (bytes + 2) / 3 * 4 + 1. */
void lrm__ws_base64(const uint8_t *data, size_t bytes, char *out);

#endif
