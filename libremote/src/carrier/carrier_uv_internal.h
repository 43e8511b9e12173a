/* What carrier_uv.c and listener_uv.c share: the carrier on a libuv stream. */
#ifndef LRM_CARRIER_UV_INTERNAL_H
#define LRM_CARRIER_UV_INTERNAL_H

#include "remote/carrier_uv.h"

typedef struct uv_carrier uv_carrier;

/* What a carrier of bytes keeps of its input while a frame is incomplete; nothing else. Zeroed at
 * the start. rest_uv.c */
typedef struct lrm__uv_rest {
  uint8_t *data; /* NULL: nothing */
  size_t bytes;
  size_t capacity;
} lrm__uv_rest;

/* What is given to the owner: the remainder with what has arrived behind it. */
typedef struct lrm__uv_rest_offer {
  const uint8_t *data;
  size_t bytes;
  size_t wanted; /* for the owner to set */
} lrm__uv_rest_offer;

/* Where the next bytes are to be read to: behind the remainder; `room`, a buffer that is anybody's,
 * stays as it is when there is none. */
void lrm__uv_rest_room(const lrm__uv_rest *rest, uv_buf_t *room);
/* `bytes` were read to where _room said. */
lrm__uv_rest_offer lrm__uv_rest_add(lrm__uv_rest *rest, const uv_buf_t *room, size_t bytes);
/* The owner took `consumed` of it; what is left is kept. False: out of memory. */
bool lrm__uv_rest_keep(lrm__uv_rest *rest, const lrm__uv_rest_offer *offer, size_t consumed);
void lrm__uv_rest_free(lrm__uv_rest *rest);

/* The text with which a carrier ends when its peer ended it in order. */
extern const char lrm__uv_text_closed[];

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
  lrm__uv_rest rest;
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
