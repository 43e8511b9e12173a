/* What carrier_uv.c and listener_uv.c share: the carrier on a libuv stream. */
#ifndef LRM_CARRIER_UV_INTERNAL_H
#define LRM_CARRIER_UV_INTERNAL_H

#include "remote/carrier_uv.h"

typedef struct uv_carrier uv_carrier;

/* Only while connecting or closing: kept apart so that an idle carrier costs no memory for it. */
typedef struct uv_carrier_timer {
  uv_timer_t handle;
  uv_carrier *carrier;
} uv_carrier_timer;

typedef struct uv_carrier_dial {
  uv_connect_t connect;
  uv_getaddrinfo_t resolve;
  struct addrinfo *found; /* all addresses of the host */
  struct addrinfo *next;  /* the one to try next */
  bool resolving;
} uv_carrier_dial;

struct uv_carrier {
  lrm_carrier base;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } u;
  uv_carrier_timer *timer;
  uv_carrier_dial *dial;
  uv_shutdown_t *shutdown;
  uint8_t *rest; /* a partial frame; NULL when there is none */
  size_t rest_bytes;
  size_t rest_capacity;
  size_t queued_bytes; /* written by the owner, not yet taken by the system */
  bool handle_open;    /* the stream handle exists and is not being closed */
  bool reopening;      /* the handle is being closed to be made anew: connect_uv.c */
  bool up;
  bool starved;  /* room was 0: tell the owner when it is not any more */
  bool draining; /* closed by the owner, flushing; nothing is given to it any more */
  bool ending;   /* uv_close was called; `down` follows */
  int error;     /* what `down` will say */
  char error_text[160];
  char *target; /* connecting: the URL, for messages */
};

/* lrm_uv_connect and lrm_uv_listen for tcp and unix: a stream of bytes as it is. */
int lrm__uv_stream_connect(uv_loop_t *loop, const lrm_url *url, const lrm_carrier_owner *owner,
                           void *owner_user, lrm_carrier **out);
int lrm__uv_stream_listen(uv_loop_t *loop, const lrm_url *url,
                          void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                          lrm_uv_listener **out, char *error, size_t error_bytes);

/* Makes a carrier with its handle initialised (pipe: unix). NULL: out of memory. */
uv_carrier *lrm__uv_carrier_new(uv_loop_t *loop, bool pipe);
/* The stream is connected: names the peer, sets options. */
void lrm__uv_carrier_connected(uv_carrier *carrier);
/* Begins to read. */
void lrm__uv_carrier_start(uv_carrier *carrier);
/* A timer for a carrier that is connecting or flushing; it goes with the carrier. */
bool lrm__uv_carrier_timer(uv_carrier *carrier, uv_timer_cb expired, uint64_t delay_ms);
/* Stops that timer. */
void lrm__uv_carrier_timer_stop(uv_carrier *carrier);
/* An ended carrier calls `down` as soon as nothing else can call back. */
void lrm__uv_carrier_settle(uv_carrier *carrier);
/* The handle is closed; calls `down` when nothing else is left. */
void lrm__uv_carrier_handle_closed(uv_carrier *carrier);
/* Ends it with an error text for `down`. */
void lrm__uv_carrier_fail(uv_carrier *carrier, const char *what, int uv_error);

#endif
