/* WebSocket (RFC 6455) on a carrier of bytes. An archive of its own (remote_carrier_ws). Each
 * binary message is one Batch. Extensions are neither offered nor taken: what is worth it is
 * compressed in blocks already, and credentials never are.
 *
 * Threads: the loop's. Memory of a carrier that is idle: its struct; a message is kept only while
 * it is incomplete, in memory that grows with what has arrived. */
#ifndef REMOTE_CARRIER_WS_H
#define REMOTE_CARRIER_WS_H

#include "remote/carrier_uv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ws, wss, http, https: connecting only. Proxies are those of the environment (HTTP_PROXY,
 * HTTPS_PROXY, ALL_PROXY, NO_PROXY, in either case). wss needs the kind "tls" in the settings. */
extern const lrm_uv_kind lrm_ws_kind;

#define LRM_WS_PATH "/v1/link"
#define LRM_WS_PROTOCOL "remote.v1"

/* Sec-WebSocket-Accept of a key: 28 letters and a terminator. False: it is not the base64 of 16
 * bytes. */
enum { LRM_WS_ACCEPT_BYTES = 29 };
bool lrm_ws_accept_key(lrm_slice key, char out[LRM_WS_ACCEPT_BYTES]);

/* The accepting side of an upgrade that was answered with 101: takes over `inner`, which is up.
 * `leaving`: borrowed for the carrier's life; closes in order are told with 1001 (going away) while
 * it is true, else with 1000. NULL: out of memory. What follows the upgrade's head in the same
 * bytes goes to the owner's `received` of `inner`, which has changed. */
lrm_carrier *lrm_ws_accept(lrm_carrier *inner, const bool *leaving);
/* Ends a carrier that nobody took: 1013, try again later. */
void lrm_ws_refuse(lrm_carrier *carrier);

#ifdef __cplusplus
}
#endif
#endif
