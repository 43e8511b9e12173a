/* OpenSSL's contexts: what every connection of a side has in common. */
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "carrier_tls/tls_internal.h"

/* A chain of client certificates longer than this is nobody's. */
enum { CERT_LIST_BYTES_MAX = 32 * 1024 };

/* An offer without our name is for another service (RFC 7301 3.2; it also stops a browser from
 * being led here as to a web server). Who offers nothing at all may come. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_bytes,
                   const unsigned char *in, unsigned int in_bytes, void *user) {
  const char *wanted = user;
  size_t wanted_bytes = strlen(wanted);
  (void)ssl;
  for (unsigned at = 0; at < in_bytes; at += 1u + in[at]) {
    if (in[at] != wanted_bytes || at + 1u + in[at] > in_bytes) continue;
    if (memcmp(in + at + 1, wanted, wanted_bytes) != 0) continue;
    *out = in + at + 1;
    *out_bytes = in[at];
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool offer_alpn(SSL_CTX *context, const char *name) {
  unsigned char wire[64];
  size_t bytes = strlen(name);
  if (bytes + 1 > sizeof wire) return false;
  wire[0] = (unsigned char)bytes;
  memcpy(wire + 1, name, bytes);
  return SSL_CTX_set_alpn_protos(context, wire, (unsigned)bytes + 1) == 0;
}

/* TLS 1.2 with forward secrecy and AEAD only (RFC 9325 4.2); all of TLS 1.3 is. Resumption is off:
 * it would skip the judgement of certificates that were revoked or renewed meanwhile and keep
 * secrets in memory, to save nothing that counts where connections live for hours. */
static bool harden(SSL_CTX *context) {
  uint64_t options = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                     SSL_OP_CIPHER_SERVER_PREFERENCE;
  (void)SSL_CTX_set_options(context, options);
  (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  (void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_max_cert_list(context, CERT_LIST_BYTES_MAX);
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

/* OpenSSL forgets a certificate that it refuses; what to say about it is in it. */
static int refused_index;

static void free_refused(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number,
                         void *pointer) {
  (void)parent;
  (void)data;
  (void)index;
  (void)number;
  (void)pointer;
  X509_free(value);
}

static void make_index(void) {
  refused_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, free_refused);
}

static int on_verified(int good, X509_STORE_CTX *store) {
  SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  X509 *certificate = X509_STORE_CTX_get0_cert(store);
  if (good || ssl == NULL || certificate == NULL || lrm__tls_refused_certificate(ssl) != NULL) {
    return good;
  }
  if (X509_up_ref(certificate) == 1 && SSL_set_ex_data(ssl, refused_index, certificate) != 1) {
    X509_free(certificate);
  }
  return 0;
}

X509 *lrm__tls_refused_certificate(const SSL *ssl) {
  return refused_index > 0 ? SSL_get_ex_data(ssl, refused_index) : NULL;
}

static int build(SSL_CTX *context, const lrm_uv_trust *trust, bool listening, const char *alpn,
                 lrm__tls_says *says) {
  if (!harden(context)) {
    snprintf(says->error, says->error_bytes,
             "OpenSSL refuses our settings: is its configuration "
             "file (openssl.cnf) one that forbids TLS 1.2 and 1.3?");
    return LRM_ERR_USAGE;
  }
  if (alpn != NULL && listening) {
    union {
      const char *in;
      void *out;
    } name = {.in = alpn}; /* handed back to us as it is */
    SSL_CTX_set_alpn_select_cb(context, on_alpn, name.out);
  }
  if (alpn != NULL && !listening && !offer_alpn(context, alpn)) return LRM_ERR_NO_MEMORY;
  int verify = SSL_VERIFY_PEER;
  if (listening) verify = trust->ca_file != NULL ? verify | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
  SSL_CTX_set_verify(context, verify, on_verified);
  return lrm__tls_trust(context, trust, listening, says);
}

int lrm_tls_context(const lrm_uv_trust *trust, bool listening, const char *alpn, SSL_CTX **out,
                    char *warning, size_t warning_bytes, char *error, size_t error_bytes) {
  static const lrm_uv_trust nothing = {0};
  static uv_once_t once = UV_ONCE_INIT;
  uv_once(&once, make_index);
  lrm__tls_says says = {warning, warning_bytes, error, error_bytes};
  warning[0] = error[0] = '\0';
  SSL_CTX *context = SSL_CTX_new(listening ? TLS_server_method() : TLS_client_method());
  if (context == NULL) {
    snprintf(error, error_bytes, "out of memory");
    return LRM_ERR_NO_MEMORY;
  }
  int result = build(context, trust != NULL ? trust : &nothing, listening, alpn, &says);
  ERR_clear_error();
  if (result != 0) {
    SSL_CTX_free(context);
    return result;
  }
  *out = context;
  return 0;
}

int lrm_tls_trust_check(const lrm_uv_trust *trust, bool listening, char *warning,
                        size_t warning_bytes, char *error, size_t error_bytes) {
  SSL_CTX *context = NULL;
  int result =
      lrm_tls_context(trust, listening, NULL, &context, warning, warning_bytes, error, error_bytes);
  if (result == 0) SSL_CTX_free(context);
  return result;
}

/* Addresses are compared with addresses of the certificate and are not told in SNI, which takes
 * names only (RFC 6066 section 3). */
int lrm_tls_expect(SSL *ssl, const char *host) {
  X509_VERIFY_PARAM *rules = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1) return 0;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  bool set =
      X509_VERIFY_PARAM_set1_host(rules, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
  return set ? 0 : LRM_ERR_NO_MEMORY;
}
