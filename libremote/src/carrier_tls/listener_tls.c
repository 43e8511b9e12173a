/* The accepting side. Handshakes are work and memory for strangers, so only so many may be under
 * way: the oldest makes room for the next. An honest one is done within two round trips; who wants
 * to keep it out has to come faster than that, all the time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier_tls/tls_internal.h"

enum { HANDSHAKES_MAX = 512 };

struct tls_listener {
  lrm_uv_listener base;
  uv_loop_t *loop;
  lrm_uv_listener *inner; /* the socket */
  SSL_CTX *context;       /* of handshakes that begin now */
  const lrm_uv_settings *settings;
  tls_handshake *oldest, *newest;
  size_t handshakes;
  void (*accepted)(void *user, lrm_carrier *carrier);
  void *user;
};

/* ---- handshakes under way ---- */

static void remember(tls_listener *listener, tls_handshake *handshake) {
  handshake->listener = listener;
  handshake->older = listener->newest;
  if (listener->newest != NULL) {
    listener->newest->newer = handshake;
  } else {
    listener->oldest = handshake;
  }
  listener->newest = handshake;
  listener->handshakes++;
}

void lrm__tls_forget(tls_handshake *handshake) {
  tls_listener *listener = handshake->listener;
  if (listener == NULL) return;
  if (handshake->older != NULL) {
    handshake->older->newer = handshake->newer;
  } else {
    listener->oldest = handshake->newer;
  }
  if (handshake->newer != NULL) {
    handshake->newer->older = handshake->older;
  } else {
    listener->newest = handshake->older;
  }
  listener->handshakes--;
  handshake->listener = NULL;
  handshake->older = handshake->newer = NULL;
}

void lrm__tls_refused(const tls_listener *listener, const char *peer, const char *text) {
  const lrm_uv_settings *settings = listener->settings;
  if (settings->notice == NULL) return;
  settings->notice(settings->notice_user, LRM_UV_NOTICE_REFUSED, peer, text);
}

void lrm__tls_accepted(tls_carrier *carrier) {
  tls_listener *listener = carrier->handshake->listener;
  lrm__tls_handshake_over(carrier);
  listener->accepted(listener->user, &carrier->base);
  if (carrier->base.owner.received == NULL) lrm_carrier_close(&carrier->base, false);
}

static void on_stream(void *user, lrm_carrier *inner) {
  tls_listener *listener = user;
  tls_carrier *carrier = lrm__tls_carrier_new(listener->loop, listener->context);
  if (carrier == NULL) return; /* a stream without an owner is closed */
  carrier->inner = inner;
  inner->owner = lrm__tls_stream_owner;
  inner->owner_user = carrier;
  remember(listener, carrier->handshake);
  if (!lrm__tls_deadline(carrier)) lrm__tls_fail(carrier, "out of memory");
  if (listener->handshakes > HANDSHAKES_MAX) {
    lrm__tls_fail(listener->oldest->carrier, "too many TLS handshakes at once");
  }
}

/* ---- the listener ---- */

static void warn(const tls_listener *listener, const char *warning) {
  const lrm_uv_settings *settings = listener->settings;
  if (warning[0] == '\0' || settings->notice == NULL) return;
  settings->notice(settings->notice_user, LRM_UV_NOTICE_WARNING, listener->base.url, warning);
}

static int reload(lrm_uv_listener *base, char *error, size_t error_bytes) {
  tls_listener *listener = (tls_listener *)base;
  char warning[512];
  SSL_CTX *context = NULL;
  int result = lrm_tls_context(&listener->settings->trust, true, lrm__tls_alpn(listener->settings),
                               &context, warning, sizeof warning, error, error_bytes);
  if (result != 0) return result;
  SSL_CTX_free(listener->context); /* connections hold it as long as they need it */
  listener->context = context;
  warn(listener, warning);
  return 0;
}

static void listener_close(lrm_uv_listener *base) {
  tls_listener *listener = (tls_listener *)base;
  while (listener->oldest != NULL) {
    /* Not accepted yet; and nobody is told of it: the listener is going. */
    tls_carrier *carrier = listener->oldest->carrier;
    lrm__tls_forget(carrier->handshake);
    lrm_carrier_close(&carrier->base, false);
  }
  lrm_uv_listener_close(listener->inner);
  SSL_CTX_free(listener->context);
  free(listener);
}

static const lrm_uv_listener_ops ops = {listener_close, reload};

int lrm__tls_listen(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                    void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                    lrm_uv_listener **out, char *error, size_t error_bytes) {
  char why[700], warning[512], name[320];
  SSL_CTX *context = NULL;
  int result = lrm_tls_context(&settings->trust, true, lrm__tls_alpn(settings), &context, warning,
                               sizeof warning, why, sizeof why);
  if (result != 0) {
    lrm_url_text(url, name, sizeof name);
    if (error != NULL) snprintf(error, error_bytes, "cannot listen on %s: %s", name, why);
    return result;
  }
  tls_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) {
    SSL_CTX_free(context);
    return LRM_ERR_NO_MEMORY;
  }
  *listener = (tls_listener){.base = {.ops = &ops},
                             .loop = loop,
                             .context = context,
                             .settings = settings,
                             .accepted = accepted,
                             .user = user};
  result =
      lrm__uv_stream_listen(loop, url, on_stream, listener, &listener->inner, error, error_bytes);
  if (result != 0) {
    SSL_CTX_free(context);
    free(listener);
    return result;
  }
  snprintf(listener->base.url, sizeof listener->base.url, "%s", listener->inner->url);
  warn(listener, warning);
  *out = &listener->base;
  return 0;
}
