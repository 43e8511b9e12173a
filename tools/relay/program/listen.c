/* Where the relay listens: what --listen says, judged first, and the listeners. */
#include "http_server.h"
#include "server.h"

static bool parse_listen(const char *text, bool insecure, lrm_url *url) {
  char error[200], message[600];
  if (lrm_url_parse(text, url, error, sizeof error) != 0) {
    snprintf(message, sizeof message, "--listen %s: %s", text, error);
    return server_complain(message);
  }
  if (!lrm_url_local(url) && !lrm_url_encrypted(url) && !insecure) {
    snprintf(message, sizeof message,
             "--listen %s: this address is not loopback and the connection is not encrypted; "
             "tokens and sessions could be read on the way. Listen on 127.0.0.1 or a unix socket "
             "and let others come through a tunnel (ssh -L, WireGuard), or say --insecure",
             text);
    return server_complain(message);
  }
  return true;
}

bool server_parse_listens(const program_options *options, lrm_url *urls, size_t *count) {
  static const char standard[] = "tcp://127.0.0.1:7443";
  *count = options->listen_count > 0 ? options->listen_count : 1;
  for (size_t i = 0; i < *count; i++) {
    const char *text = options->listen_count > 0 ? options->listen[i] : standard;
    if (!parse_listen(text, options->insecure, &urls[i])) return false;
  }
  return true;
}

static int listen_on(server *s, const lrm_url *url, lrm_uv_listener **out, char *error,
                     size_t error_bytes) {
  if (http_server_serves(url)) return http_server_listen(s, url, out, error, error_bytes);
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

void server_stop_listening(server *s) {
  for (size_t i = 0; i < s->listeners_count; i++) lrm_uv_listener_close(s->listeners[i]);
  s->listeners_count = 0;
  if (s->control_listener != NULL) lrm_uv_listener_close(s->control_listener);
  s->control_listener = NULL;
}
