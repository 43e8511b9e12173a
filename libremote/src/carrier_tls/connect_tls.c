/* The connecting side. */
#include <stdlib.h>
#include <string.h>

#include "carrier_tls/tls_internal.h"

static const char *const schemes[] = {"tls", NULL};

/* The files are read with each attempt, so that renewed ones are used; one that cannot be is a
 * failed attempt with a text, not an error of this call: the next attempt may find it mended. */
static SSL_CTX *read_context(const lrm_uv_settings *settings, char *error, size_t error_bytes) {
  char warning[512];
  SSL_CTX *context = NULL;
  int result = lrm_tls_context(&settings->trust, false, lrm__tls_alpn(settings), &context, warning,
                               sizeof warning, error, error_bytes);
  return result == 0 ? context : NULL;
}

static tls_carrier *make(uv_loop_t *loop, const char *host, const lrm_uv_settings *settings,
                         const lrm_carrier_owner *owner, void *owner_user, char *error,
                         size_t error_bytes) {
  SSL_CTX *context = read_context(settings, error, error_bytes);
  tls_carrier *carrier = lrm__tls_carrier_new(loop, context);
  SSL_CTX_free(context);
  if (carrier == NULL) return NULL;
  carrier->base.owner = *owner;
  carrier->base.owner_user = owner_user;
  carrier->settings = settings;
  carrier->host = strdup(host);
  if (carrier->host != NULL) return carrier;
  lrm__tls_handshake_over(carrier);
  free(carrier);
  return NULL;
}

int lrm__tls_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                     const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out) {
  char error[1024] = "";
  tls_carrier *carrier = make(loop, url->host, settings, owner, owner_user, error, sizeof error);
  if (carrier == NULL) return LRM_ERR_NO_MEMORY;
  if (lrm__uv_stream_connect(loop, url, &lrm__tls_stream_owner, carrier, &carrier->inner) != 0) {
    lrm__tls_handshake_over(carrier);
    free(carrier->host);
    free(carrier);
    return LRM_ERR_NO_MEMORY;
  }
  *out = &carrier->base;
  if (error[0] != '\0') lrm__tls_fail(carrier, "%s", error); /* `down` follows */
  return 0;
}

int lrm_tls_connect_over(uv_loop_t *loop, lrm_carrier *inner, const char *host,
                         const lrm_uv_settings *settings, const lrm_carrier_owner *owner,
                         void *owner_user, lrm_carrier **out) {
  char error[1024] = "";
  tls_carrier *carrier = make(loop, host, settings, owner, owner_user, error, sizeof error);
  if (carrier == NULL) return LRM_ERR_NO_MEMORY;
  carrier->inner = inner;
  inner->owner = lrm__tls_stream_owner;
  inner->owner_user = carrier;
  *out = &carrier->base;
  if (error[0] != '\0') {
    lrm__tls_fail(carrier, "%s", error);
  } else {
    lrm__tls_begin_connecting(carrier);
  }
  return 0;
}

const lrm_uv_kind lrm_uv_tls_kind = {schemes, lrm__tls_connect, lrm__tls_listen};
