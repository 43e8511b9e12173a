/* Carriers that are long-poll exchanges: POSTs that are lost, come twice, overtake each other or
 * lose their answers. The two ends write to and read from their sides of the pipe as ever; between
 * them lie the adapter of the connecting side (libremote/src/carrier_poll) and the relay's
 * exchanges.
 */
#include <stdlib.h>
#include <string.h>

#include "carrier_poll/exchanges.h"
#include "long_poll.h"
#include "sim.h"

enum { POSTS_MAX = 12, GIVE_UP_SECONDS = 40 };

typedef enum post_phase { POST_UP = 1, POST_THERE = 2, POST_DOWN = 3, POST_LOST = 4 } post_phase;

typedef struct sim_post {
  post_phase phase; /* 0: free */
  uint64_t number;
  uint64_t due_ns;
  bool echo;   /* a copy that the network made: nobody waits for its answer */
  bool orphan; /* who sent it is gone */
  uint8_t *body;
  size_t bytes;
  relay_poll *poll;
  uint8_t *answer;
  size_t answer_bytes;
} sim_post;

struct sim_poll {
  lrm__exchanges *exchanges;
  sim_post posts[POSTS_MAX];
};

static void *must_copy(const void *data, size_t bytes) {
  void *copy = malloc(bytes + 1);
  if (copy == NULL) abort();
  if (bytes > 0) memcpy(copy, data, bytes);
  return copy;
}

static void post_free(sim_post *p) {
  free(p->body);
  free(p->answer);
  memset(p, 0, sizeof *p);
}

static uint64_t relay_now(sim_world *w) { return sim_now(w, &w->relay.part); }

static void post_leaves_relay(sim_world *w, sim_post *p, bool answered) {
  if (p->poll == NULL) return;
  relay_poll_end(p->poll, answered, relay_now(w), sim_wall_ms(w, &w->relay.part));
  p->poll = NULL;
}

/* ---- life ---- */

struct sim_poll *sim_poll_begin(void) {
  struct sim_poll *poll = calloc(1, sizeof *poll);
  if (poll == NULL || lrm__exchanges_create(&poll->exchanges) != 0) abort();
  return poll;
}

static sim_post *free_post(sim_post *posts) {
  for (size_t i = 0; i < POSTS_MAX; i++) {
    if (posts[i].phase == 0) return &posts[i];
  }
  return NULL;
}

static uint64_t delay_ns(sim_world *w, const sim_carrier *c) {
  uint64_t spread = w->calm ? SIM_MS : c->latency_ns + SIM_MS;
  return w->now_ns + c->latency_ns + sim_below(&w->random, spread);
}

static void post_begin(sim_world *w, sim_carrier *c, uint64_t number, lrm_slice body) {
  sim_post *p = free_post(c->poll->posts);
  SIM_CHECK(w, p != NULL, "too many POSTs are under way");
  *p = (sim_post){.phase = POST_UP,
                  .number = number,
                  .due_ns = delay_ns(w, c),
                  .body = must_copy(body.data, body.bytes),
                  .bytes = body.bytes};
  bool dead = c->pipe.up.stalled_ns == SIM_NEVER;
  if (w->calm && !dead) return;
  if (dead || sim_once_in(&w->random, 150)) {
    p->phase = POST_LOST;
    p->due_ns = w->now_ns + sim_below(&w->random, GIVE_UP_SECONDS * SIM_SECOND);
    return;
  }
  if (c->pipe.up.stalled_ns > p->due_ns) p->due_ns = c->pipe.up.stalled_ns;
  sim_post *echo = sim_once_in(&w->random, 60) ? free_post(c->poll->posts) : NULL;
  if (echo == NULL) return;
  *echo = *p;
  echo->echo = true;
  echo->due_ns += sim_below(&w->random, SIM_SECOND);
  echo->body = must_copy(p->body, p->bytes);
}

/* The POSTs of a process that is gone live on in the network and at the relay. */
static void keep_orphans(sim_world *w, sim_post *posts) {
  for (size_t i = 0; i < POSTS_MAX; i++) {
    sim_post *p = &posts[i];
    sim_post *kept = p->phase == POST_UP || p->phase == POST_THERE ? free_post(w->orphans) : NULL;
    if (kept == NULL || sim_once_in(&w->random, 2)) {
      post_leaves_relay(w, p, false);
      post_free(p);
      continue;
    }
    *kept = *p;
    kept->orphan = true;
    memset(p, 0, sizeof *p);
  }
}

static void write_up(sim_world *w, sim_carrier *c) {
  sim_queue *wire = &c->pipe.up.wire;
  lrm_slice part = {wire->data, wire->bytes};
  if (wire->bytes == 0) return;
  SIM_MUST(w, lrm__exchanges_write(c->poll->exchanges, &part, 1));
  wire->bytes = 0;
}

void sim_poll_end(sim_world *w, sim_carrier *c, bool heard) {
  uint64_t number;
  lrm_slice body;
  if (heard) { /* its last words */
    write_up(w, c);
    if (lrm__exchanges_next(c->poll->exchanges, w->now_ns, &number, &body))
      post_begin(w, c, number, body);
  }
  keep_orphans(w, c->poll->posts);
  lrm__exchanges_destroy(c->poll->exchanges);
  free(c->poll);
  c->poll = NULL;
}

/* The relay is gone, or lets this carrier go. `heard`: its end sees that. */
void sim_poll_relay_left(sim_world *w, sim_carrier *c, bool heard) {
  for (size_t i = 0; i < POSTS_MAX; i++) {
    sim_post *p = &c->poll->posts[i];
    if (p->phase != POST_THERE) continue;
    post_leaves_relay(w, p, false);
    p->phase = POST_LOST;
    p->due_ns = w->now_ns + (heard ? 0 : sim_below(&w->random, GIVE_UP_SECONDS * SIM_SECOND));
  }
}

void sim_poll_orphans_end(sim_world *w) {
  for (size_t i = 0; i < POSTS_MAX; i++) {
    if (w->orphans[i].phase == 0) continue;
    post_leaves_relay(w, &w->orphans[i], false);
    post_free(&w->orphans[i]);
  }
}

void sim_poll_world_begin(sim_world *w) {
  w->orphans = calloc(POSTS_MAX, sizeof *w->orphans);
  if (w->orphans == NULL) abort();
}

void sim_poll_world_end(sim_world *w) {
  sim_poll_orphans_end(w);
  free(w->orphans);
}

/* ---- a step ---- */

static bool reach(sim_world *w, void *user, sim_post *p) {
  sim_relay *r = &w->relay;
  bool there = r->core != NULL && relay_poll_begin(r->core, user, "sim", p->body, p->bytes,
                                                   relay_now(w), &p->poll) == 0;
  if (there) {
    p->phase = POST_THERE;
  } else {
    p->poll = NULL;
    p->phase = POST_LOST;
    p->due_ns = w->now_ns;
  }
  return true;
}

static uint64_t delivered(sim_world *w, unsigned session) {
  const relay_session *s = sim_relay_session(w, session);
  return s != NULL && s->commands != NULL ? s->delivered : 0;
}

/* An exchange hands out no events: what it acknowledged is seen by what it changed. */
static void turn_and_judge(sim_world *w, sim_post *p, unsigned host) {
  uint64_t before[SIM_SESSIONS_MAX];
  for (unsigned i = 0; i < w->sessions_count; i++) before[i] = delivered(w, i);
  relay_poll_turn(p->poll, relay_now(w), sim_wall_ms(w, &w->relay.part));
  for (unsigned i = 0; i < w->sessions_count; i++) {
    uint64_t now = delivered(w, i);
    if (now > before[i]) sim_judge_delivered(w, i, now, host);
  }
}

/* What happens at the relay. */
static bool relay_step(sim_world *w, uint64_t latency_ns, bool lossy, unsigned host, void *user,
                       sim_post *p) {
  if (!sim_awake(w, &w->relay.part)) return false;
  if (p->phase == POST_UP && p->due_ns <= w->now_ns) return reach(w, user, p);
  if (p->phase != POST_THERE) return false;
  turn_and_judge(w, p, host);
  if (!relay_poll_done(p->poll, relay_now(w))) return false;
  lrm_slice answer = relay_poll_answer(p->poll);
  p->answer = must_copy(answer.data, answer.bytes);
  p->answer_bytes = answer.bytes;
  p->phase = POST_DOWN;
  p->due_ns = w->now_ns + latency_ns;
  if (lossy) {
    p->phase = POST_LOST;
    p->due_ns = w->now_ns + sim_below(&w->random, GIVE_UP_SECONDS * SIM_SECOND);
  }
  post_leaves_relay(w, p, true);
  return true;
}

/* True: the carrier is over. */
static bool answer_end(sim_world *w, sim_carrier *c, sim_post *p) {
  if (p->echo) {
    post_free(p);
    return false;
  }
  bool failed = p->phase == POST_LOST;
  if (!failed) {
    uint64_t now_ns = sim_now(w, c->end->part);
    failed = lrm__exchanges_answer(c->poll->exchanges, p->number, p->answer, p->answer_bytes,
                                   now_ns) != 0;
  }
  post_free(p);
  lrm_slice bytes = lrm__exchanges_readable(c->poll->exchanges);
  sim_way_arrive(&c->pipe.down, bytes.data, bytes.bytes);
  lrm__exchanges_consumed(c->poll->exchanges, bytes.bytes);
  return failed;
}

static bool orphans_step(sim_world *w) {
  bool any = false;
  for (size_t i = 0; i < POSTS_MAX; i++) {
    sim_post *p = &w->orphans[i];
    any = (p->phase != 0 && relay_step(w, 0, false, SIM_HOSTS_MAX, w->orphans, p)) || any;
    if (p->phase == POST_DOWN || p->phase == POST_LOST) post_free(p);
  }
  return any;
}

bool sim_poll_orphans_step(sim_world *w) { return orphans_step(w); }

/* True: something happened. The end's own side is driven by sim_network.c. */
bool sim_poll_step(sim_world *w, sim_carrier *c) {
  bool any = false, over = false;
  bool awake = sim_awake(w, c->end->part);
  if (awake && c->pipe.up.wire.bytes > 0) {
    write_up(w, c);
    any = true;
  }
  uint64_t number;
  lrm_slice body;
  while (awake &&
         lrm__exchanges_next(c->poll->exchanges, sim_now(w, c->end->part), &number, &body)) {
    post_begin(w, c, number, body);
    any = true;
  }
  for (size_t i = 0; i < POSTS_MAX && !over; i++) {
    sim_post *p = &c->poll->posts[i];
    if (p->phase == 0) continue;
    bool dead = c->pipe.down.stalled_ns == SIM_NEVER;
    bool lossy = dead || (!w->calm && sim_once_in(&w->random, 150));
    any = relay_step(w, c->latency_ns, lossy, c->end->part->index, c, p) || any;
    bool comes = p->phase == POST_DOWN || p->phase == POST_LOST;
    if (p->phase == POST_DOWN && c->pipe.down.stalled_ns == SIM_NEVER) p->phase = POST_LOST;
    if (!awake || !comes || p->due_ns > w->now_ns) continue;
    if (c->pipe.down.stalled_ns != SIM_NEVER && c->pipe.down.stalled_ns > w->now_ns) continue;
    over = answer_end(w, c, p);
    any = true;
  }
  if (over) c->pipe.cut = true;
  return any;
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t posts_due(sim_world *w, const sim_post *posts, uint64_t end_asleep_ns) {
  uint64_t due_ns = SIM_NEVER;
  for (size_t i = 0; i < POSTS_MAX; i++) {
    const sim_post *p = &posts[i];
    if (p->phase == 0) continue;
    uint64_t at_ns = p->due_ns, asleep_ns = 0;
    if (p->phase == POST_UP) asleep_ns = w->relay.part.asleep_until_ns;
    if (p->phase == POST_DOWN || p->phase == POST_LOST) asleep_ns = end_asleep_ns;
    if (p->phase == POST_THERE) at_ns = sim_world_time(&w->relay.part, relay_poll_due_ns(p->poll));
    due_ns = earlier(due_ns, at_ns > asleep_ns ? at_ns : asleep_ns);
  }
  return due_ns;
}

uint64_t sim_poll_orphans_due(sim_world *w) { return posts_due(w, w->orphans, 0); }

uint64_t sim_poll_due(sim_world *w, const sim_carrier *c) {
  uint64_t due_ns = posts_due(w, c->poll->posts, c->end->part->asleep_until_ns);
  if (c->pipe.down.stalled_ns != SIM_NEVER && c->pipe.down.stalled_ns > w->now_ns)
    due_ns = due_ns > w->now_ns ? due_ns : c->pipe.down.stalled_ns;
  return earlier(due_ns, sim_world_time(c->end->part, lrm__exchanges_due_ns(c->poll->exchanges)));
}
