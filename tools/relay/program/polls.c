/* Long-poll exchanges: each with its object in the core and a timer. */
#include <stdlib.h>

#include "polls.h"

struct server_poll {
  server_kicked kicked; /* first: what the core kicks */
  server *server;
  relay_poll *poll; /* NULL: it is over, the timer is closing */
  uv_timer_t timer;
  server_poll_answered answered;
  void *user;
};

static void on_closed(uv_handle_t *handle) { free(handle->data); }

static void on_timer(uv_timer_t *timer);

static void finish(server_poll *p, bool answered) {
  relay_poll *poll = p->poll;
  p->poll = NULL;
  relay_poll_end(poll, answered, server_now(p->server), lrm_uv_wall_ms());
  p->server->clients--;
  uv_close((uv_handle_t *)&p->timer, on_closed);
}

/* At the end of the turn in which something happened, or when it is time. */
static void arm(server_poll *p) {
  uint64_t now_ns = server_now(p->server), due_ns = relay_poll_due_ns(p->poll);
  uint64_t delay_ms = due_ns > now_ns ? (due_ns - now_ns + 999999) / 1000000 : 1;
  (void)uv_timer_start(&p->timer, on_timer, delay_ms, 0);
}

static void on_timer(uv_timer_t *timer) {
  server_poll *p = timer->data;
  server *s = p->server;
  relay_poll_turn(p->poll, server_now(s), lrm_uv_wall_ms());
  if (!relay_poll_done(p->poll, server_now(s))) {
    arm(p);
    return;
  }
  p->answered(p->user, relay_poll_answer(p->poll), relay_poll_refused(p->poll));
  finish(p, true);
}

static void on_kick(server_kicked *kicked) {
  server_poll *p = (server_poll *)kicked;
  if (p->poll != NULL) (void)uv_timer_start(&p->timer, on_timer, 0, 0);
}

server_poll *server_poll_begin(server *s, const char *peer, const uint8_t *body, size_t bytes,
                               server_poll_answered answered, void *user) {
  if (s->draining != DRAIN_NONE) return NULL;
  server_poll *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  *p = (server_poll){.kicked = {on_kick}, .server = s, .answered = answered, .user = user};
  if (relay_poll_begin(s->state.relay, p, peer, body, bytes, server_now(s), &p->poll) != 0) {
    free(p);
    return NULL;
  }
  (void)uv_timer_init(&s->loop, &p->timer);
  p->timer.data = p;
  (void)uv_timer_start(&p->timer, on_timer, 0, 0);
  s->clients++;
  return p;
}

void server_poll_carries(server_poll *poll, const char *token) {
  relay_poll_carries(poll->poll, token);
}

void server_poll_gone(server_poll *poll) {
  if (poll->poll != NULL) finish(poll, false);
}
