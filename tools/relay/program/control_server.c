/* Requests of the operator over the unix socket in the data directory: a line in, an answer out
 * once what it changed is durable. */
#include <stdlib.h>
#include <string.h>

#include "server.h"

static void send_reply(control *request) {
  lrm_slice slice = {(const uint8_t *)request->reply, strlen(request->reply)};
  (void)(lrm_carrier_write(request->carrier, &slice, 1) == 0);
  lrm_carrier_close(request->carrier, true);
  explicit_bzero(request->reply, slice.bytes); /* it may hold a token */
  free(request->reply);
  request->reply = NULL;
}

static size_t on_control_received(void *user, lrm_carrier *carrier, const uint8_t *data,
                                  size_t bytes, size_t *wanted) {
  control *request = user;
  server *s = request->server;
  char line[600];
  const uint8_t *end = memchr(data, '\n', bytes);
  *wanted = bytes + 1;
  if (end == NULL && bytes < sizeof line) return 0;
  size_t line_bytes = end == NULL ? sizeof line : (size_t)(end - data);
  if (line_bytes >= sizeof line || request->reply != NULL) {
    lrm_carrier_close(carrier, false);
    return bytes;
  }
  memcpy(line, data, line_bytes);
  line[line_bytes] = '\0';
  request->reply = malloc(REPLY_BYTES);
  if (request->reply == NULL) {
    lrm_carrier_close(carrier, false);
    return bytes;
  }
  if (strcmp(line, "metrics") == 0) {
    int head = snprintf(request->reply, REPLY_BYTES, "ok\n");
    (void)metrics_text(s, request->reply + head, REPLY_BYTES - (size_t)head);
    request->ticket = 0;
    return bytes;
  }
  bool changed = admin_answer(&s->state, line, request->reply, REPLY_BYTES, server_now(s));
  request->ticket = changed ? relay_commit_ticket(s->state.relay) : 0;
  return bytes;
}

static void on_control_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  control *request = user;
  (void)carrier;
  (void)error;
  (void)text;
  request->carrier = NULL;
  free(request->reply);
  request->reply = NULL;
}

static void on_control_up(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

static const lrm_carrier_owner control_owner = {on_control_up, on_control_received, on_control_up,
                                                on_control_down};

static void on_control_accepted(void *user, lrm_carrier *carrier) {
  server *s = user;
  for (size_t i = 0; i < CONTROLS_MAX; i++) {
    if (s->controls[i].carrier != NULL) continue;
    s->controls[i] = (control){.server = s, .carrier = carrier};
    carrier->owner = control_owner;
    carrier->owner_user = &s->controls[i];
    return;
  }
}

/* What was asked is durable: now it may be said. */
void server_answer_controls(server *s) {
  for (size_t i = 0; i < CONTROLS_MAX; i++) {
    control *request = &s->controls[i];
    if (request->carrier != NULL && request->reply != NULL &&
        relay_committed(s->state.relay, request->ticket)) {
      send_reply(request);
    }
  }
}

void server_listen_control(server *s) {
  char path[PATH_TEXT_BYTES + 64], text[PATH_TEXT_BYTES + 80], error[600];
  lrm_url url;
  if (!data_dir_path(&s->dir, "control", path, sizeof path)) return;
  snprintf(text, sizeof text, "unix://%s", path);
  if (lrm_url_parse(text, &url, error, sizeof error) != 0 ||
      lrm_uv_listen(&s->loop, &url, NULL, on_control_accepted, s, &s->control_listener, error,
                    sizeof error) != 0) {
    s->control_listener = NULL;
    log_line(RELAY_WARNING, "control.unavailable", "error", error);
  }
}
