/* Which kind of carrier a scheme means: tcp and unix are always there, the others come with the
 * settings. */
#include <stdio.h>
#include <string.h>

#include "carrier/carrier_uv_internal.h"

static bool is_stream(const lrm_url *url) {
  return strcmp(url->scheme, "tcp") == 0 || strcmp(url->scheme, "unix") == 0;
}

static const lrm_uv_kind *kind_of(const lrm_url *url, const lrm_uv_settings *settings) {
  if (settings == NULL || settings->kinds == NULL) return NULL;
  for (const lrm_uv_kind *const *kind = settings->kinds; *kind != NULL; kind++) {
    for (const char *const *scheme = (*kind)->schemes; *scheme != NULL; scheme++) {
      if (strcmp(*scheme, url->scheme) == 0) return *kind;
    }
  }
  return NULL;
}

bool lrm_uv_can_connect(const lrm_url *url, const lrm_uv_settings *settings) {
  return is_stream(url) || kind_of(url, settings) != NULL;
}

int lrm_uv_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                   const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out) {
  if (is_stream(url)) return lrm__uv_stream_connect(loop, url, owner, owner_user, out);
  const lrm_uv_kind *kind = kind_of(url, settings);
  if (kind == NULL) return LRM_ERR_USAGE;
  return kind->connect(loop, url, settings, owner, owner_user, out);
}

int lrm_uv_listen(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                  void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                  lrm_uv_listener **out, char *error, size_t error_bytes) {
  if (is_stream(url)) {
    return lrm__uv_stream_listen(loop, url, accepted, user, out, error, error_bytes);
  }
  const lrm_uv_kind *kind = kind_of(url, settings);
  if (kind == NULL || kind->listen == NULL) {
    if (error != NULL && error_bytes > 0) {
      snprintf(error, error_bytes, "this build cannot listen on %s://", url->scheme);
    }
    return LRM_ERR_USAGE;
  }
  return kind->listen(loop, url, settings, accepted, user, out, error, error_bytes);
}

const char *lrm_uv_listener_url(const lrm_uv_listener *listener) { return listener->url; }

int lrm_uv_listener_reload(lrm_uv_listener *listener, char *error, size_t error_bytes) {
  return listener->ops->reload == NULL ? 0 : listener->ops->reload(listener, error, error_bytes);
}

void lrm_uv_listener_close(lrm_uv_listener *listener) { listener->ops->close(listener); }
