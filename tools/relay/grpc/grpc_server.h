/* The relay's gRPC side on its loop: listeners for grpc and grpcs, with Attach, Poll and Call of
 * remote.v1.Relay, the standard health service, and reflection. Nothing here touches gRPC C core;
 * remote/carrier_grpc.h does. */
#ifndef RELAY_GRPC_SERVER_H
#define RELAY_GRPC_SERVER_H

#include "server.h"

/* A build without gRPC has none of this. */
#ifdef REMOTE_WITH_GRPC

/* The scheme is one of those. */
bool grpc_server_serves(const lrm_url *url);
int grpc_server_listen(server *s, const lrm_url *url, lrm_uv_listener **out, char *error,
                       size_t error_bytes);
/* Whether it serves has changed: who watches its health hears it. */
void grpc_server_health(server *s);
/* Calls that wait for something are ended; the listeners were closed before. */
void grpc_server_leave(server *s);
/* Listeners are not gone yet. */
bool grpc_server_busy(const server *s);
/* What is left of closed listeners ends at once. */
void grpc_server_cancel(server *s);

#else

static inline bool grpc_server_serves(const lrm_url *url) {
  (void)url;
  return false;
}
static inline int grpc_server_listen(server *s, const lrm_url *url, lrm_uv_listener **out,
                                     char *error, size_t error_bytes) {
  (void)s, (void)url, (void)out, (void)error, (void)error_bytes;
  return LRM_ERR_USAGE;
}
static inline void grpc_server_health(server *s) { (void)s; }
static inline void grpc_server_leave(server *s) { (void)s; }
static inline bool grpc_server_busy(const server *s) {
  (void)s;
  return false;
}
static inline void grpc_server_cancel(server *s) { (void)s; }

#endif
#endif
