/* Where the relay listens: what --listen says, judged first, and the listeners. */
#include "grpc_server.h"
#include "http_server.h"
#include "server.h"

#include "remote/carrier_tls.h"

static bool parse_listen(const char *text, bool insecure, lrm_url *url) {
  char error[200], message[600];
  if (lrm_url_parse(text, url, error, sizeof error) != 0) {
    snprintf(message, sizeof message, "--listen %s: %s", text, error);
    return server_complain(message);
  }
  if (!lrm_url_local(url) && !lrm_url_encrypted(url) && !insecure) {
    snprintf(message, sizeof message,
             "--listen %s: this address is not loopback and the connection is not encrypted; "
             "tokens and sessions could be read on the way. Listen on tls://, https:// or grpcs:// "
             "with --tls-cert and --tls-key; or on 127.0.0.1 or a unix socket and let others come "
             "through a proxy or a tunnel that encrypts; or say --insecure",
             text);
    return server_complain(message);
  }
  return true;
}

/* So that a bad file is told before anything else happens. */
static bool check_trust(const program_options *options, const lrm_url *urls, size_t count) {
  const lrm_uv_trust *trust = &options->trust;
  char warning[512], error[1024];
  bool encrypted = false;
  for (size_t i = 0; i < count; i++) encrypted = encrypted || lrm_url_encrypted(&urls[i]);
  if (!encrypted) {
    if (trust->ca_file == NULL && trust->cert_file == NULL && trust->key_file == NULL) return true;
    return server_complain(
        "a certificate is given, but no --listen address is encrypted: write one that begins with "
        "tls://, https:// or grpcs://");
  }
  if (lrm_tls_trust_check(trust, true, warning, sizeof warning, error, sizeof error) == 0)
    return true;
  return server_complain(error);
}

bool server_parse_listens(const program_options *options, lrm_url *urls, size_t *count) {
  static const char standard[] = "tcp://127.0.0.1:7443";
  *count = options->listen_count > 0 ? options->listen_count : 1;
  for (size_t i = 0; i < *count; i++) {
    const char *text = options->listen_count > 0 ? options->listen[i] : standard;
    if (!parse_listen(text, options->insecure, &urls[i])) return false;
  }
  return check_trust(options, urls, *count);
}

static int listen_on(server *s, const lrm_url *url, lrm_uv_listener **out, char *error,
                     size_t error_bytes) {
  if (http_server_serves(url)) return http_server_listen(s, url, out, error, error_bytes);
  if (grpc_server_serves(url)) return grpc_server_listen(s, url, out, error, error_bytes);
  return lrm_uv_listen(&s->loop, url, &s->settings, server_accepted, s, out, error, error_bytes);
}

bool server_listen(server *s, const lrm_url *urls, size_t count) {
  char addresses[LISTENS_MAX * 330] = "", error[600];
  size_t used = 0;
  if (!http_server_open(s)) return false;
  for (size_t i = 0; i < count; i++) {
    if (listen_on(s, &urls[i], &s->listeners[s->listeners_count], error, sizeof error) != 0) {
      return server_complain(error);
    }
    const char *where = lrm_uv_listener_url(s->listeners[s->listeners_count++]);
    used += (size_t)snprintf(addresses + used, sizeof addresses - used, "%s\n", where);
  }
  if (!data_dir_write(&s->dir, "address", addresses, error, sizeof error))
    return server_complain(error);
  return true;
}

static void log_about(relay_level level, const char *event, const char *key, const char *about,
                      const char *detail, const char *text) {
  const relay_field fields[] = {{key, about}, {detail, text}};
  log_lines_write(NULL, level, event, fields, 2);
}

void server_reload(server *s) {
  for (size_t i = 0; i < s->listeners_count; i++) {
    char error[1024] = "";
    const char *url = lrm_uv_listener_url(s->listeners[i]);
    if (s->listeners[i]->ops->reload == NULL) continue;
    if (lrm_uv_listener_reload(s->listeners[i], error, sizeof error) == 0) {
      log_about(RELAY_INFO, "listener.reloaded", "url", url, NULL, NULL);
    } else {
      log_about(RELAY_ERROR, "listener.reload_failed", "url", url, "error", error);
    }
  }
  char fault[1024] = "";
  if (s->options->web == NULL) return;
  if (http_server_reload(s, fault, sizeof fault)) {
    log_about(RELAY_INFO, "web.reloaded", "folder", s->options->web, NULL, NULL);
  } else {
    log_about(RELAY_ERROR, "web.reload_failed", "folder", s->options->web, "error", fault);
  }
}

void server_notice(void *user, lrm_uv_notice kind, const char *about, const char *text) {
  (void)user;
  if (kind == LRM_UV_NOTICE_WARNING) {
    log_about(RELAY_WARNING, "listener.warning", "url", about, "detail", text);
  } else {
    log_about(RELAY_DEBUG, "carrier.refused", "peer", about, "detail", text);
  }
}

void server_stop_listening(server *s) {
  for (size_t i = 0; i < s->listeners_count; i++) lrm_uv_listener_close(s->listeners[i]);
  s->listeners_count = 0;
  if (s->control_listener != NULL) lrm_uv_listener_close(s->control_listener);
  s->control_listener = NULL;
}
