/* Accepted carriers: each with its link, its driver and its connection in the core. */
#include <stdlib.h>

#include "server.h"

/* One accepted carrier. */
typedef struct client {
  server_kicked kicked; /* first: what the core kicks */
  server *server;
  relay_connection *connection;
  lrm_uv_drive *drive;
  metrics_carrier *counted;
} client;

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  client *c = user;
  (void)link;
  relay_event(c->connection, event, server_now(c->server), lrm_uv_wall_ms());
}

static int on_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  client *c = user;
  (void)link;
  return relay_fetch(c->connection, want, frame, server_now(c->server));
}

static void on_drained(void *user, lrm_link *link) {
  client *c = user;
  (void)link;
  relay_drained(c->connection, server_now(c->server), lrm_uv_wall_ms());
}

static void on_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  client *c = user;
  (void)link;
  (void)text;
  (void)retry_ns;
  relay_disconnect(c->connection, server_now(c->server), lrm_uv_wall_ms());
  lrm_uv_drive_destroy(c->drive);
  c->server->clients--;
  c->counted->open--;
  free(c);
}

static void on_moved(void *user, lrm_uv_tap_kind kind, lrm_slice data) {
  client *c = user;
  if (kind == LRM_UV_TAP_SENT) c->counted->sent_bytes += data.bytes;
  if (kind == LRM_UV_TAP_RECEIVED) c->counted->received_bytes += data.bytes;
}

static const lrm_uv_drive_ops drive_ops = {
    .event = on_event, .fetch = on_fetch, .down = on_down, .drained = on_drained};

static void on_kick(server_kicked *kicked) {
  client *c = (client *)kicked;
  if (c->drive != NULL) lrm_uv_drive_kick(c->drive);
}

void server_kick(void *user, void *connection_user) {
  server_kicked *kicked = connection_user;
  (void)user;
  kicked->kick(kicked);
}

/* ---- carriers for which there is no connection ---- */

static size_t on_turned_received(void *user, lrm_carrier *carrier, const uint8_t *data,
                                 size_t bytes, size_t *wanted) {
  (void)user;
  (void)carrier;
  (void)data;
  *wanted = 1;
  return bytes;
}

static void on_turned_moved(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

static void on_turned_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  server *s = user;
  (void)carrier;
  (void)error;
  (void)text;
  s->turned_away--;
}

static const lrm_carrier_owner turned_owner = {on_turned_moved, on_turned_received, on_turned_moved,
                                               on_turned_down};

/* It hears when to come back, and goes. When too many are on their way out it hears nothing. */
static void turn_away(server *s, lrm_carrier *carrier) {
  uint8_t frames[LRM_CONTROL_BYTES_MAX];
  size_t bytes = relay_busy_frames(frames, sizeof frames);
  if (s->turned_away >= TURNED_AWAY_MAX || bytes == 0) return;
  carrier->owner = turned_owner;
  carrier->owner_user = s;
  s->turned_away++;
  lrm_slice slice = {frames, bytes};
  (void)(lrm_carrier_write(carrier, &slice, 1) == 0);
  lrm_carrier_close(carrier, true);
}

void server_accepted(void *user, lrm_carrier *carrier) { server_accepted_with(user, carrier, ""); }

void server_accepted_with(void *user, lrm_carrier *carrier, const char *token) {
  server *s = user;
  client *c = calloc(1, sizeof *c);
  if (c == NULL || s->draining != DRAIN_NONE) {
    free(c);
    return; /* without an owner it is closed */
  }
  c->kicked.kick = on_kick;
  c->server = s;
  c->counted = metrics_carrier_of(&s->metrics, carrier->ops->scheme);
  int result = relay_connect(s->state.relay, c, carrier->peer, server_now(s), &c->connection);
  if (result != 0) {
    c->counted->turned_away++;
    free(c);
    if (result == LRM_ERR_BUSY) turn_away(s, carrier);
    return;
  }
  relay_connection_carries(c->connection, token);
  if (lrm_uv_drive_accept(&s->loop, carrier, relay_connection_link(c->connection), &drive_ops, c,
                          &c->drive) != 0) {
    relay_disconnect(c->connection, server_now(s), lrm_uv_wall_ms());
    free(c);
    return;
  }
  lrm_uv_drive_tap(c->drive, on_moved, c);
  c->counted->open++;
  c->counted->accepted++;
  s->clients++;
}
