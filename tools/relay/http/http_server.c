/* The HTTP side on the relay's loop. */
#include "http_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site.h"

enum { TICK_MS = 1000 };

typedef struct http_server http_server;

struct http_server {
  server *server;
  http_site site;
  http_place places[LISTENS_MAX]; /* connections point here, so they outlive their listeners */
  size_t places_count;
  uv_timer_t tick;
};

typedef struct http_listener {
  lrm_uv_listener base;
  http_server *http;
  const http_place *place;
  lrm_uv_settings settings;
  lrm_uv_listener *inner;
} http_listener;

bool http_server_serves(const lrm_url *url) {
  static const char *const schemes[] = {"http", "https", "ws", "wss", "poll", "polls"};
  for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
    if (strcmp(url->scheme, schemes[i]) == 0) return true;
  }
  return false;
}

/* ---- what the site asks ---- */

static uint64_t now_ns(void *user) { return server_now(user); }

static const char *unready(void *user) {
  server *s = user;
  if (s->draining != DRAIN_NONE) return "the relay is stopping";
  return relay_store_fault(s->state.relay) == 0 ? NULL : "the store fails: nothing is stored now";
}

static size_t all_metrics(void *user, char *out, size_t out_bytes) {
  return metrics_text(user, out, out_bytes);
}

static void refused(void *user, const char *peer, int status, const char *why) {
  char number[8];
  (void)user;
  snprintf(number, sizeof number, "%d", status);
  const relay_field fields[] = {{"peer", peer}, {"status", number}, {"detail", why}};
  log_lines_write(NULL, RELAY_DEBUG, "http.refused", fields, 3);
}

static const http_site_ops ops = {.accepted = server_accepted_with,
                                  .unready = unready,
                                  .refused = refused,
                                  .metrics = all_metrics,
                                  .poll = http_poll,
                                  .page = http_page_ask};

static void on_tick(uv_timer_t *timer) {
  http_server *http = timer->data;
  http_site_tick(&http->site);
}

/* ---- opening ---- */

static bool read_config(http_config *config, const program_options *options) {
  char error[400];
  for (size_t i = 0; i < options->origins_count; i++) {
    if (!http_config_origin(config, options->origins[i], error, sizeof error)) {
      return server_complain(error);
    }
  }
  for (size_t i = 0; i < options->proxies_count; i++) {
    if (!http_config_proxy(config, options->proxies[i], error, sizeof error)) {
      return server_complain(error);
    }
  }
  config->public_metrics = options->public_metrics;
  return true;
}

bool http_server_open(server *s) {
  char error[700];
  http_server *http = calloc(1, sizeof *http);
  if (http == NULL) return server_complain("out of memory");
  s->http = http;
  http->server = s;
  http->site.ops = &ops;
  http->site.user = s;
  http->site.now_ns = now_ns;
  if (!read_config(&http->site.config, s->options)) return false;
  if (s->options->web != NULL) {
    http->site.files = http_files_read(s->options->web, error, sizeof error);
    if (http->site.files == NULL) return server_complain(error);
  }
  (void)uv_timer_init(&s->loop, &http->tick);
  http->tick.data = http;
  uv_unref((uv_handle_t *)&http->tick);
  (void)uv_timer_start(&http->tick, on_tick, TICK_MS, TICK_MS);
  return true;
}

bool http_server_reload(server *s, char *error, size_t error_bytes) {
  if (s->http == NULL || s->options->web == NULL) return true;
  http_files *files = http_files_read(s->options->web, error, error_bytes);
  if (files == NULL) return false;
  http_files_free(s->http->site.files); /* answers under way keep what they need */
  s->http->site.files = files;
  return true;
}

/* ---- listening ---- */

static void on_accepted(void *user, lrm_carrier *carrier) {
  http_listener *listener = user;
  http_connection_begin(&listener->http->site, listener->place, carrier);
}

static void listener_close(lrm_uv_listener *base) {
  http_listener *listener = (http_listener *)base;
  lrm_uv_listener_close(listener->inner);
  listener->inner = NULL;
}

static int listener_reload(lrm_uv_listener *base, char *error, size_t error_bytes) {
  http_listener *listener = (http_listener *)base;
  return lrm_uv_listener_reload(listener->inner, error, error_bytes);
}

static const lrm_uv_listener_ops plain_ops = {listener_close, NULL};
static const lrm_uv_listener_ops encrypted_ops = {listener_close, listener_reload};

/* "tcp://127.0.0.1:4711" of the inner one, under the scheme that was asked for. */
static void name_listener(http_listener *listener, const lrm_url *url) {
  char ignored[100];
  lrm_url inner, named = *url;
  if (lrm_url_parse(lrm_uv_listener_url(listener->inner), &inner, ignored, sizeof ignored) == 0) {
    named.port = inner.port;
  }
  lrm_url_text(&named, listener->base.url, sizeof listener->base.url);
}

int http_server_listen(server *s, const lrm_url *url, lrm_uv_listener **out, char *error,
                       size_t error_bytes) {
  http_server *http = s->http;
  http_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL || http->places_count == LISTENS_MAX) {
    free(listener);
    snprintf(error, error_bytes, "out of memory");
    return LRM_ERR_NO_MEMORY;
  }
  http_place *place = &http->places[http->places_count];
  *place = (http_place){.encrypted = lrm_url_encrypted(url), .local = lrm_url_local(url)};
  memcpy(place->prefix, url->prefix, sizeof place->prefix);
  lrm_url inner = *url;
  snprintf(inner.scheme, sizeof inner.scheme, "%s", place->encrypted ? "tls" : "tcp");
  inner.prefix[0] = '\0';
  listener->base.ops = place->encrypted ? &encrypted_ops : &plain_ops;
  listener->http = http;
  listener->place = place;
  listener->settings = s->settings;
  listener->settings.alpn = "http/1.1";
  int result = lrm_uv_listen(&s->loop, &inner, &listener->settings, on_accepted, listener,
                             &listener->inner, error, error_bytes);
  if (result != 0) {
    free(listener);
    return result;
  }
  http->places_count++;
  name_listener(listener, url);
  *out = &listener->base;
  return 0;
}

/* A page that is listened for on every address is found by this machine's name. */
static void name_host(lrm_url *url) {
  if (strcmp(url->host, "0.0.0.0") != 0 && strcmp(url->host, "::") != 0) return;
  char name[sizeof url->host] = "";
  if (gethostname(name, sizeof name - 1) == 0 && name[0] != '\0')
    snprintf(url->host, sizeof url->host, "%s", name);
}

bool http_server_page(const server *s, char *out, size_t out_bytes) {
  char error[200];
  lrm_url url;
  if (s->http == NULL || s->options->web == NULL) return false;
  for (size_t i = 0; i < s->listeners_count; i++) {
    if (lrm_url_parse(lrm_uv_listener_url(s->listeners[i]), &url, error, sizeof error) != 0 ||
        !http_server_serves(&url))
      continue;
    if (s->http->site.config.origins_count > 0) {
      snprintf(out, out_bytes, "%s%s/", s->http->site.config.origins[0], url.prefix);
      return true;
    }
    name_host(&url);
    snprintf(url.scheme, sizeof url.scheme, "%s", lrm_url_encrypted(&url) ? "https" : "http");
    char text[LRM_URL_TEXT_BYTES_MAX];
    lrm_url_text(&url, text, sizeof text);
    snprintf(out, out_bytes, "%s/", text);
    return true;
  }
  return false;
}

/* ---- leaving ---- */

void http_server_leave(server *s) {
  if (s->http != NULL) http_site_leave(&s->http->site);
}

bool http_server_busy(const server *s) { return s->http != NULL && s->http->site.count > 0; }

void http_server_close(server *s) {
  if (s->http == NULL) return;
  http_files_free(s->http->site.files);
  s->http->site.files = NULL;
}
