/* A carrier: one connection that moves bytes. The interface behind which tcp, unix, TLS,
 * WebSocket, gRPC and long-poll live. A carrier knows nothing of frames, but on a carrier of
 * messages each write is one message, and so one Batch: writes always end at a frame's end. */
#ifndef REMOTE_CARRIER_H
#define REMOTE_CARRIER_H

#include "remote/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_carrier lrm_carrier;

/* What a carrier tells its owner. All on the loop's thread; never from inside a call of the
 * owner. */
typedef struct lrm_carrier_owner {
  /* Connected (connecting side). */
  void (*up)(void *user, lrm_carrier *carrier);
  /* Bytes arrived. The owner returns how many it consumed; the rest is offered again with more
   * behind it. *wanted: bytes needed at least (a hint for the buffer). */
  size_t (*received)(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                     size_t *wanted);
  /* There is room again after lrm_carrier_room was 0. */
  void (*writable)(void *user, lrm_carrier *carrier);
  /* It is gone: once, the last call. `error` 0: closed in order; else LRM_ERR_CARRIER, with a
   * text for people. */
  void (*down)(void *user, lrm_carrier *carrier, int error, const char *text);
} lrm_carrier_owner;

/* One kind of carrier. */
typedef struct lrm_carrier_ops {
  const char *scheme;
  size_t (*room)(const lrm_carrier *carrier);
  int (*write)(lrm_carrier *carrier, const lrm_slice *parts, size_t count);
  void (*close)(lrm_carrier *carrier, bool flush);
  /* Each write is one message, and `received` gets whole messages: what it does not consume of one
   * is offered again as it is. The driver ends a link whose peer cuts a frame at a message's end,
   * or sends a message over LRM_BATCH_BYTES_MAX, with 4001. */
  bool messages;
} lrm_carrier_ops;

struct lrm_carrier {
  const lrm_carrier_ops *ops;
  lrm_carrier_owner owner;
  void *owner_user;
  char peer[64]; /* address of the other side, for logs */
};

/* Bytes that may be written now: LRM_CARRIER_BUFFER_BYTES_MAX minus what is not yet taken by the
 * system. A frame may be written while this is above 0. */
static inline size_t lrm_carrier_room(const lrm_carrier *c) { return c->ops->room(c); }
/* Queues bytes (copied as far as the system does not take them at once). */
static inline int lrm_carrier_write(lrm_carrier *c, const lrm_slice *parts, size_t count) {
  return c->ops->write(c, parts, count);
}
/* Ends it; `down` follows. flush: what is queued is sent first, for at most 1 s. */
static inline void lrm_carrier_close(lrm_carrier *c, bool flush) { c->ops->close(c, flush); }

/* A URL of --relay and --listen, taken apart:
 *   tcp://host:port  tls://host:port  unix:///path
 *   ws://host[:80]/prefix  wss://host[:443]/prefix  http and https mean the same as ws and wss
 *   poll://host[:80]/prefix  polls://host[:443]/prefix  (long-poll over http and https)
 *   grpc://host:port  grpcs://host[:443] */
typedef struct lrm_url {
  char scheme[16];
  char host[256]; /* or path, for unix */
  uint16_t port;
  char prefix[128]; /* of paths behind a proxy: "" or "/relay"; never ends with a slash */
} lrm_url;
/* LRM_ERR_USAGE: not a URL, an unknown scheme, no or a bad port, a prefix where there can be none;
 * `error` says what to do. */
int lrm_url_parse(const char *text, lrm_url *out, char *error, size_t error_bytes) LRM_MUST_USE;
/* Room for any URL as text. */
#define LRM_URL_TEXT_BYTES_MAX 448
/* Writes it as text, as short as it can be read again: default ports are left out. */
void lrm_url_text(const lrm_url *url, char *out, size_t out_bytes);
/* The address is loopback (127.0.0.0/8, ::1, "localhost") or unix. */
bool lrm_url_local(const lrm_url *url);
/* The scheme says TLS. */
bool lrm_url_encrypted(const lrm_url *url);

#ifdef __cplusplus
}
#endif
#endif
