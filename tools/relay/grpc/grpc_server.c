/* gRPC listeners, and which method is served by what. */
#include "grpc_calls.h"

#include <stdlib.h>
#include <string.h>

static const struct {
  const char *method;
  void (*serve)(grpc_server *g, lrm_grpc_call *call);
} methods[] = {
    {"/remote.v1.Relay/Call", grpc_serve_call},
    {"/remote.v1.Relay/Poll", grpc_serve_poll},
    {"/grpc.health.v1.Health/Check", grpc_serve_health_check},
    {"/grpc.health.v1.Health/Watch", grpc_serve_health_watch},
    {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", grpc_serve_reflection},
    {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", grpc_serve_reflection},
};

static void on_accepted(void *user, lrm_carrier *carrier) {
  grpc_place *place = user;
  server_accepted(place->grpc->server, carrier);
}

static void on_called(void *user, lrm_grpc_call *call) {
  grpc_server *g = ((grpc_place *)user)->grpc;
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(methods[i].method, lrm_grpc_call_method(call)) == 0) methods[i].serve(g, call);
  }
}

static void on_listener_gone(void *user) {
  grpc_place *place = user;
  place->listener = NULL;
  place->grpc->alive--;
}

static const lrm_grpc_listener_ops listener_ops = {on_accepted, on_called, on_listener_gone};

bool grpc_server_serves(const lrm_url *url) {
  return strcmp(url->scheme, "grpc") == 0 || strcmp(url->scheme, "grpcs") == 0;
}

int grpc_server_listen(server *s, const lrm_url *url, lrm_uv_listener **out, char *error,
                       size_t error_bytes) {
  if (s->grpc == NULL) s->grpc = calloc(1, sizeof *s->grpc);
  grpc_server *g = s->grpc;
  if (g == NULL || g->places_count == LISTENS_MAX) return LRM_ERR_NO_MEMORY;
  g->server = s;
  grpc_place *place = &g->places[g->places_count];
  place->grpc = g;
  int result =
      lrm_grpc_listen(&s->loop, url, &s->settings, &listener_ops, place, out, error, error_bytes);
  if (result != 0) return result;
  place->listener = *out;
  g->places_count++;
  g->alive++;
  return 0;
}

/* ---- calls that stay open ---- */

void grpc_open_add(grpc_server *g, grpc_open *open, lrm_grpc_call *call) {
  open->call = call;
  open->next = g->open;
  open->at = &g->open;
  if (open->next != NULL) open->next->at = &open->next;
  g->open = open;
}

void grpc_open_remove(grpc_open *open) {
  *open->at = open->next;
  if (open->next != NULL) open->next->at = open->at;
}

void grpc_server_health(server *s) {
  if (s->grpc == NULL) return;
  for (grpc_open *open = s->grpc->open; open != NULL; open = open->next) {
    if (open->changed != NULL) open->changed(open);
  }
}

void grpc_server_leave(server *s) {
  if (s->grpc == NULL) return;
  for (grpc_open *open = s->grpc->open; open != NULL; open = open->next) {
    grpc_finish(open->call, LRM_GRPC_UNAVAILABLE, "the relay is going away");
  }
}

bool grpc_server_busy(const server *s) { return s->grpc != NULL && s->grpc->alive > 0; }

void grpc_server_cancel(server *s) {
  if (!grpc_server_busy(s)) return;
  for (size_t i = 0; i < s->grpc->places_count; i++) {
    lrm_uv_listener *listener = s->grpc->places[i].listener;
    if (listener != NULL) lrm_grpc_listener_cancel(listener);
  }
}
