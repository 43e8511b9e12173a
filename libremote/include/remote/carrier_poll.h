/* poll://host[:80]/prefix and polls://host[:443]/prefix: long-poll over HTTP and HTTPS, one POST of
 * PREFIX/v1/poll after the other, for networks that let nothing else through. With libcurl: proxies
 * by the environment (http_proxy, https_proxy, all_proxy, no_proxy; capitals too), TLS 1.2 or later
 * with chain and name verified, no redirects. The link on it believes in one carrier.
 * An archive of its own (remote_carrier_poll). Source: docs/spec.md 3.26.
 * Threads: the loop's; libcurl resolves names in threads of its own. */
#ifndef REMOTE_CARRIER_POLL_H
#define REMOTE_CARRIER_POLL_H

#include "remote/carrier_uv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* For the `kinds` of lrm_uv_settings. It connects; http listeners take what it says. */
extern const lrm_uv_kind lrm_uv_poll_kind;

#ifdef __cplusplus
}
#endif
#endif
