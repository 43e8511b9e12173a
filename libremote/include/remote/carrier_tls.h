/* tls://host:port: the bytes of tcp:// inside TLS 1.2 or 1.3, with OpenSSL. An archive of its own
 * (remote_carrier_tls). Also what other kinds that speak TLS share: the files of lrm_uv_trust,
 * judged with words for people.
 *
 * What a connection is: ALPN "remote/1" is offered, and an offer without it is refused; no
 * resumption (every attach is a full handshake and so a full judgement of certificates), no early
 * data, no renegotiation, no compression. A connecting side verifies chain and name, always. The
 * end is told by close_notify, so that a cut connection is told from one that was closed.
 * Source: RFC 8446, RFC 5246, RFC 7301 (ALPN), RFC 6066 section 3 (SNI), RFC 9525 (names),
 * RFC 9325 (what to turn off); docs/spec.md section 13.
 * Threads: the loop's. */
#ifndef REMOTE_CARRIER_TLS_H
#define REMOTE_CARRIER_TLS_H

#include "remote/carrier_uv.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct ssl_st;     /* and SSL */

/* For the `kinds` of lrm_uv_settings. */
extern const lrm_uv_kind lrm_uv_tls_kind;

/* TLS inside a carrier of bytes that is up already, such as one that a proxy's CONNECT has opened;
 * connecting side. `inner` gets another owner and is closed and freed with the new carrier. `host`:
 * whom the certificate must name. `up` or `down` follows, never from inside this call.
 * LRM_ERR_NO_MEMORY: `inner` is as it was. */
int lrm_tls_connect_over(uv_loop_t *loop, lrm_carrier *inner, const char *host,
                         const lrm_uv_settings *settings, const lrm_carrier_owner *owner,
                         void *owner_user, lrm_carrier **out) LRM_MUST_USE;

/* Reads the files of `trust` as a listener or a connecting side would, and judges them: that they
 * are there, are PEM, that the key is not encrypted, not readable by others, and the certificate's
 * own. 0; LRM_ERR_USAGE: they cannot be used, LRM_ERR_NO_MEMORY; `error` says what to do.
 * `warning`: "" or what will not work soon, such as a certificate that has expired. */
int lrm_tls_trust_check(const lrm_uv_trust *trust, bool listening, char *warning,
                        size_t warning_bytes, char *error, size_t error_bytes) LRM_MUST_USE;

/* The same, and what came out as a context with all of the above set but ALPN, which is `alpn`: one
 * name such as "remote/1", static; NULL: none. The caller's, to be freed with SSL_CTX_free. */
int lrm_tls_context(const lrm_uv_trust *trust, bool listening, const char *alpn,
                    struct ssl_ctx_st **out, char *warning, size_t warning_bytes, char *error,
                    size_t error_bytes) LRM_MUST_USE;

/* Whom a connection is to: SNI, and the name or address that the certificate must have. Before the
 * handshake. LRM_ERR_NO_MEMORY. */
int lrm_tls_expect(struct ssl_st *ssl, const char *host) LRM_MUST_USE;

/* Why the last call on `ssl` failed, by OpenSSL's queue of errors (which it empties), the verdict
 * on the certificate and the peer's alert; in words for people, with what to do. `host`: the name
 * that was wanted; NULL: accepting side. True: trying
 * again changes nothing: a certificate was refused, by either side, or the other one speaks no TLS.
 */
bool lrm_tls_explain(struct ssl_st *ssl, const char *host, char *out, size_t out_bytes);

#ifdef __cplusplus
}
#endif
#endif
