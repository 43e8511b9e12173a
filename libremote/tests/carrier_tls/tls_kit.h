/* Two ends of a tls:// connection on loopback, and a proxy between them that splits, changes and
 * cuts. */
#ifndef TLS_KIT_H
#define TLS_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>

#include "remote/carrier_tls.h"
#include "remote/limits.h"
#include "tls_certs.h"

/* One end of a carrier: counts what happens to it. */
typedef struct end {
  lrm_carrier *carrier; /* NULL: none (any more) */
  uint8_t *seen;
  size_t seen_bytes;
  size_t chunk; /* consumes multiples of this only; 0: everything */
  bool echo, ignore;
  bool is_up, is_down;
  unsigned writable, accepted;
  int error;
  char text[1024];
} end;

typedef struct kit {
  uv_loop_t loop;
  lrm_uv_settings server_settings, client_settings;
  lrm_uv_listener *listener;
  lrm_url url; /* where it listens */
  end server, client;
  unsigned refused, warned, untrusted;
  char notice[1024];
} kit;

extern const lrm_carrier_owner end_owner;

/* A loop, settings with trust in "ca", and server certificate "server"; makes both when missing. */
void kit_begin(kit *k);
void kit_end(kit *k);
void kit_listen(kit *k);
/* The server also on an address without TLS. */
int kit_listen_plain(kit *k, const lrm_url *url, lrm_uv_listener **out);
/* Connects the client by this name and port (0: the listener's). */
void kit_connect(kit *k, const char *host, unsigned port);
/* Runs the loop until it is true. */
void kit_until(kit *k, const bool *condition);
void kit_until_count(kit *k, const unsigned *count, unsigned least);
/* Both ends are up. */
void kit_pair(kit *k);
/* The client's way down, with this in its text. */
void kit_expect_down(kit *k, end *e, const char *words);
void end_clear(end *e);
bool end_send(end *e, const void *data, size_t bytes);

/* Between a client and the listener. */
typedef struct proxy {
  lrm_uv_listener *listener;
  unsigned port;
  lrm_carrier *outside, *inside; /* to the client, to the server */
  bool inside_up;
  uint8_t *waiting; /* for inside to be up */
  size_t waiting_bytes;
  size_t step;        /* pieces of this size; 0: as it comes */
  size_t flip_at;     /* turns a bit of this byte (from 1) of what the server says; 0: none */
  size_t from_server; /* bytes so far */
  bool half;          /* an end of one side is not told to the other */
  bool closed;
} proxy;
void proxy_begin(kit *k, proxy *p);
/* Ends both connections without a word. */
void proxy_cut(proxy *p);
void proxy_end(proxy *p);

#endif
