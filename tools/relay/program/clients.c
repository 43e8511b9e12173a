/* Accepted carriers: each with its link, its driver and its connection in the core. */
#include <stdlib.h>

#include "server.h"

/* One accepted carrier. */
typedef struct client {
  server *server;
  relay_connection *connection;
  lrm_uv_drive *drive;
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
  free(c);
}

static const lrm_uv_drive_ops drive_ops = {
    .event = on_event, .fetch = on_fetch, .down = on_down, .drained = on_drained};

void server_kick(void *user, void *connection_user) {
  client *c = connection_user;
  (void)user;
  if (c->drive != NULL) lrm_uv_drive_kick(c->drive);
}

void server_accepted(void *user, lrm_carrier *carrier) {
  server *s = user;
  client *c = calloc(1, sizeof *c);
  if (c == NULL || s->draining != DRAIN_NONE) {
    free(c);
    return; /* without an owner it is closed */
  }
  c->server = s;
  if (relay_connect(s->state.relay, c, carrier->peer, server_now(s), &c->connection) != 0) {
    free(c);
    return;
  }
  if (lrm_uv_drive_accept(&s->loop, carrier, relay_connection_link(c->connection), &drive_ops, c,
                          &c->drive) != 0) {
    relay_disconnect(c->connection, server_now(s), lrm_uv_wall_ms());
    free(c);
    return;
  }
  s->clients++;
}
