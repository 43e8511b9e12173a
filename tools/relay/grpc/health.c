/* The standard health service (grpc.health.v1): Check, and Watch, which tells every change. */
#include <stdlib.h>
#include <string.h>

#include "grpc_calls.h"

typedef enum health {
  HEALTH_NONE = 0,
  HEALTH_SERVING = 1,
  HEALTH_NOT_SERVING = 2,
  HEALTH_SERVICE_UNKNOWN = 3
} health;

typedef struct served {
  grpc_open open; /* first */
  grpc_server *grpc;
  bool watches, listed, asked, known;
  health said;
} served;

static health health_now(const grpc_server *g) {
  const server *s = g->server;
  bool serving = s->draining == DRAIN_NONE && relay_store_fault(s->state.relay) == 0;
  return serving ? HEALTH_SERVING : HEALTH_NOT_SERVING;
}

static bool say(served *h, health now) {
  uint8_t data[4];
  grpc_writer w = {.data = data, .capacity = sizeof data};
  grpc_put_number(&w, 1, now);
  h->said = now;
  return lrm_grpc_call_send(h->open.call, (lrm_slice){data, w.bytes}) == 0;
}

static void on_changed(grpc_open *open) {
  served *h = (served *)open;
  if (!h->asked || !h->known) return;
  health now = health_now(h->grpc);
  /* Who does not read misses states in between, and hears the newest with the next change. */
  if (now != h->said && lrm_grpc_call_room(open->call) > 0) (void)say(h, now);
}

/* "", or the service that is here. */
static bool knows(const uint8_t *data, size_t bytes, bool *good) {
  static const char service[] = "remote.v1.Relay";
  lrm_slice left = {data, bytes}, name = {NULL, 0};
  grpc_field field;
  while (grpc_next_field(&left, &field)) {
    if (field.number == 1 && field.type == 2) name = field.bytes;
  }
  *good = left.bytes == 0;
  return name.bytes == 0 ||
         (name.bytes == sizeof service - 1 && memcmp(name.data, service, name.bytes) == 0);
}

static void on_message(void *user, lrm_grpc_call *call, const uint8_t *data, size_t bytes) {
  served *h = user;
  bool good = false;
  if (h->asked) return;
  h->asked = true;
  h->known = data != NULL && knows(data, bytes, &good);
  if (!good) {
    grpc_finish(call, LRM_GRPC_INVALID_ARGUMENT, "this is not a HealthCheckRequest");
  } else if (!h->known && !h->watches) {
    grpc_finish(call, LRM_GRPC_NOT_FOUND, "there is no such service here");
  } else {
    bool said = say(h, h->known ? health_now(h->grpc) : HEALTH_SERVICE_UNKNOWN);
    if (!said) grpc_finish(call, LRM_GRPC_RESOURCE_EXHAUSTED, "the relay is out of memory");
    if (!h->watches) grpc_finish(call, LRM_GRPC_OK, "");
  }
}

static void on_writable(void *user, lrm_grpc_call *call) {
  (void)call;
  on_changed(user);
}

static void on_gone(void *user, lrm_grpc_call *call) {
  served *h = user;
  (void)call;
  if (h->listed) grpc_open_remove(&h->open);
  free(h);
}

static const lrm_grpc_call_owner owner = {on_message, on_writable, on_gone};

static void serve(grpc_server *g, lrm_grpc_call *call, bool watches) {
  served *h = calloc(1, sizeof *h);
  if (h == NULL) return;
  h->grpc = g;
  h->watches = watches;
  h->open.call = call;
  h->open.changed = on_changed;
  if (watches) {
    grpc_open_add(g, &h->open, call);
    h->listed = true;
  }
  lrm_grpc_call_own(call, &owner, h);
  lrm_grpc_call_read(call);
}

void grpc_serve_health_check(grpc_server *g, lrm_grpc_call *call) { serve(g, call, false); }
void grpc_serve_health_watch(grpc_server *g, lrm_grpc_call *call) { serve(g, call, true); }
