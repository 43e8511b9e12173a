/* What the files of the TLS carrier share. */
#ifndef LRM_TLS_INTERNAL_H
#define LRM_TLS_INTERNAL_H

#include <openssl/ssl.h>

#include "carrier/carrier_uv_internal.h"
#include "remote/carrier_tls.h"

static inline const char *lrm__tls_alpn(const lrm_uv_settings *settings) {
  return settings->alpn != NULL ? settings->alpn : "remote/1";
}

/* Where words for people go. */
typedef struct lrm__tls_says {
  char *warning;
  size_t warning_bytes;
  char *error;
  size_t error_bytes;
} lrm__tls_says;

/* ---- trust.c, explain.c ---- */
/* Gives the context what the files say. As lrm_tls_trust_check. */
int lrm__tls_trust(SSL_CTX *context, const lrm_uv_trust *trust, bool listening,
                   lrm__tls_says *says);
/* "2026-11-23". */
void lrm__tls_date(const ASN1_TIME *time, char *out, size_t out_bytes);

/* The other side's certificate that was not accepted; borrowed. NULL: none. */
X509 *lrm__tls_refused_certificate(const SSL *ssl);

/* ---- carrier_tls.c ---- */
typedef struct tls_carrier tls_carrier;
typedef struct tls_listener tls_listener;

/* Only while the handshake lasts, kept apart so that an idle carrier costs no memory for it. Lives
 * until its timer is closed. */
typedef struct tls_handshake {
  uv_timer_t timer;
  tls_carrier *carrier;
  tls_listener *listener;              /* accepting side; NULL: connecting, or it was closed */
  struct tls_handshake *older, *newer; /* those of the listener */
  SSL_CTX *context;
  size_t bytes; /* received so far */
} tls_handshake;

struct tls_carrier {
  lrm_carrier base;
  lrm_carrier *inner;              /* the stream of bytes */
  const lrm_uv_settings *settings; /* connecting */
  SSL *ssl;                        /* NULL: not begun; accepting side: nothing has come */
  tls_handshake *handshake;        /* NULL: it is over */
  lrm__uv_rest rest;
  const uint8_t *input; /* what came and OpenSSL has not taken yet; inside one call only */
  size_t input_bytes;
  char *host;             /* connecting: whom the certificate must name; NULL: accepting */
  char *error_text;       /* `failed`: what `down` will say; NULL: there was no memory for it */
  uint8_t unread_answers; /* written since there was room, by OpenSSL itself */
  bool writing;           /* inside carrier_write */
  bool up;
  bool failed;
  bool untrusted; /* and trying again changes nothing */
  bool ended;     /* closed by either side: nothing is given or taken any more */
};

/* A carrier without a stream and an owner; `context` is shared, and may be NULL for one that will
 * only fail. NULL: out of memory. */
tls_carrier *lrm__tls_carrier_new(uv_loop_t *loop, SSL_CTX *context);
/* Owner of the stream. */
extern const lrm_carrier_owner lrm__tls_stream_owner;
/* From now on the handshake has 10 s. False: out of memory. */
bool lrm__tls_deadline(tls_carrier *carrier);
/* The stream is up: the client's side of the handshake begins. */
void lrm__tls_begin_connecting(tls_carrier *carrier);
/* Ends it with a text for `down`; what OpenSSL has to say to the peer (an alert) is sent first. */
void lrm__tls_fail(tls_carrier *carrier, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Frees what is there only for the handshake. */
void lrm__tls_handshake_over(tls_carrier *carrier);

/* ---- connect_tls.c, listener_tls.c ---- */
int lrm__tls_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                     const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out);
int lrm__tls_listen(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                    void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                    lrm_uv_listener **out, char *error, size_t error_bytes);
/* The handshake of an accepted carrier is done: it is given to whoever listens. */
void lrm__tls_accepted(tls_carrier *carrier);
/* It failed. */
void lrm__tls_refused(const tls_listener *listener, const char *peer, const char *text);
/* It is over, whichever way. */
void lrm__tls_forget(tls_handshake *handshake);

#endif
