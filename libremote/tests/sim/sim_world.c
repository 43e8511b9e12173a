/* Begin, time, the calm after the faults, the end. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* ---- begin ---- */

static void begin_host(sim_world *w, unsigned index, unsigned session) {
  sim_host *h = &w->hosts[index];
  h->w = w;
  h->used = true;
  h->session = session;
  h->disk.latency_ns_max = 4 * SIM_MS;
  h->disk.bytes_max = 16 * 1024 * 1024;
  static const uint64_t caps[] = {0, 0, 8000, 24000, 60000};
  h->journal_bytes_max = caps[sim_below(&w->random, w->large ? 2 : 5)];
  sim_disk_open(w, &h->disk);
}

static void begin_client(sim_world *w, unsigned index) {
  sim_client *c = &w->clients[index];
  bool foreign = index == SIM_CLIENTS_MAX - 1;
  c->w = w;
  c->used = true;
  c->device = index;
  c->views_count = 1;
  c->views[0].session = foreign ? 0 : index % w->sessions_count;
  c->views[0].foreign = foreign;
  bool another = w->sessions_count > 1 && !foreign && sim_once_in(&w->random, 3);
  if (!another) return;
  c->views_count = 2;
  c->views[1].session = (c->views[0].session + 1) % w->sessions_count;
}

sim_world *sim_world_begin(uint64_t seed, const sim_script *script, const sim_options *options) {
  sim_world *w = calloc(1, sizeof *w);
  if (w == NULL) abort();
  uint8_t head[8] = {0};
  for (size_t i = 0; i < sizeof head && i < script->count; i++) head[i] = script->bytes[i];
  w->seed = seed;
  w->options = options;
  for (size_t i = 0; i < 8; i++) w->random.state = w->random.state << 8 | head[i];
  w->now_ns = 5 * SIM_SECOND;
  sim_poll_world_begin(w);
  static const uint32_t windows[] = {0, 0, 2000, 9000};
  static const uint64_t logs[] = {0, 0, 30000, 120000};
  w->window_bytes = windows[head[0] & 3];
  w->relay_log_bytes_max = logs[head[0] >> 2 & 3];
  w->large = (head[0] >> 4) == 0;
  w->relay_waiting_max = (head[1] & 7) == 0 ? 3 : 0;
  w->sessions_count = 1 + (head[1] >> 3) % SIM_SESSIONS_MAX;
  if (w->sessions_count > 1 && (head[1] & 128) != 0) w->sessions_count = 1;
  for (unsigned i = 0; i < SIM_HOSTS_MAX; i++)
    w->hosts[i].part = (sim_part){.kind = 'h', .index = i};
  for (unsigned i = 0; i < SIM_CLIENTS_MAX; i++)
    w->clients[i].part = (sim_part){.kind = 'c', .index = i};
  w->relay.part = (sim_part){.kind = 'r'};
  for (unsigned i = 0; i < w->sessions_count; i++) w->sessions[i].id = sim_make_id(w);
  sim_oracle_begin(w);
  w->relay.disk.latency_ns_max = 4 * SIM_MS;
  w->relay.disk.bytes_max = 64 * 1024 * 1024;
  sim_disk_open(w, &w->relay.disk);
  for (unsigned i = 0; i < w->sessions_count; i++) begin_host(w, i, i);
  unsigned clients = 1 + head[2] % 4;
  for (unsigned i = 0; i < clients; i++) begin_client(w, i);
  if ((head[2] & 64) != 0) begin_client(w, SIM_CLIENTS_MAX - 1);
  return w;
}

/* ---- traps: death right after a step ---- */

void sim_reach_trap(sim_world *w, sim_count what) {
  sim_reach(w, what);
  if (!w->trap.armed || w->trap.on != what || w->calm) return;
  w->trap.armed = false;
  sim_reach(w, SIM_TRAP_SPRUNG);
  if (w->trap.kind == 'h') w->due_to_die_h[w->trap.index % SIM_HOSTS_MAX] = true;
  if (w->trap.kind == 'c') w->due_to_die_c[w->trap.index % SIM_CLIENTS_MAX] = true;
  if (w->trap.kind == 'r') w->due_to_die_r = true;
  if (w->trap.kind == 'r') w->due_to_lose_r = w->trap.loses;
}

static void bury(sim_world *w) {
  for (unsigned i = 0; i < SIM_HOSTS_MAX; i++) {
    if (w->due_to_die_h[i] && w->hosts[i].host != NULL) sim_host_crash(&w->hosts[i], true);
    w->due_to_die_h[i] = false;
  }
  for (unsigned i = 0; i < SIM_CLIENTS_MAX; i++) {
    if (w->due_to_die_c[i]) sim_client_stop(&w->clients[i], true);
    w->due_to_die_c[i] = false;
  }
  if (w->due_to_lose_r)
    sim_relay_lose(w, true, true);
  else if (w->due_to_die_r)
    sim_relay_crash(w, true);
  w->due_to_die_r = w->due_to_lose_r = false;
}

/* ---- time ---- */

static bool step_all(sim_world *w) {
  bool any = sim_relay_step(w);
  for (size_t i = 0; i < SIM_HOSTS_MAX; i++)
    if (w->hosts[i].used) any = sim_host_step(&w->hosts[i]) || any;
  for (size_t i = 0; i < SIM_CLIENTS_MAX; i++)
    if (w->clients[i].used) any = sim_client_step(&w->clients[i]) || any;
  any = sim_network_step(w) || any;
  bury(w);
  return any;
}

/* Everything that is due now. */
static void tick(sim_world *w) {
  unsigned rounds = 0;
  while (step_all(w)) SIM_CHECK(w, ++rounds < 5000, "the same moment goes on for ever");
  sim_judge_step(w);
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

static uint64_t due(sim_world *w) {
  uint64_t at = earlier(sim_relay_due(w), sim_network_due(w));
  for (size_t i = 0; i < SIM_HOSTS_MAX; i++)
    if (w->hosts[i].used) at = earlier(at, sim_host_due(&w->hosts[i]));
  for (size_t i = 0; i < SIM_CLIENTS_MAX; i++)
    if (w->clients[i].used) at = earlier(at, sim_client_due(&w->clients[i]));
  return at;
}

void sim_world_run(sim_world *w, uint64_t ns) {
  uint64_t end_ns = w->now_ns + ns;
  unsigned idle = 0;
  tick(w);
  for (;;) {
    uint64_t next_ns = due(w);
    if (next_ns > end_ns) break;
    /* A deadline that has passed and at which nothing happens would turn a loop for ever. */
    idle = next_ns <= w->now_ns ? idle + 1 : 0;
    SIM_CHECK(
        w, idle < 200,
        "a deadline stays due, and nothing happens (relay %lld, network %lld, h0 %lld, c0 %lld)",
        (long long)(sim_relay_due(w) - w->now_ns), (long long)(sim_network_due(w) - w->now_ns),
        (long long)(sim_host_due(&w->hosts[0]) - w->now_ns),
        (long long)(sim_client_due(&w->clients[0]) - w->now_ns));
    w->now_ns = next_ns > w->now_ns ? next_ns : w->now_ns + SIM_MS;
    tick(w);
  }
  w->now_ns = end_ns;
  tick(w);
}

/* ---- the calm ---- */

static void heal_part(sim_world *w, sim_part *part) {
  if (part->asleep_until_ns > w->now_ns) {
    /* It wakes early, and its clock has stood still for less. */
    if (part->stands) part->lag_ns -= part->asleep_until_ns - w->now_ns;
    part->asleep_until_ns = w->now_ns;
  }
  part->memory.fail_at = 0;
  part->fail_at_next = 0;
}

static void turn_on(sim_host *h) {
  uint32_t mode = lrm_host_state(h->host)->remote_mode;
  h->agent.remote_on_ns = 0;
  if (mode == REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF || !h->remote_over)
    SIM_SAID(h,
             lrm_host_set_remote_mode(h->host, REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL, "on",
                                      sim_host_wall(h), sim_host_now(h)),
             0, 0);
}

/* No more faults: what is stalled goes on, who is down comes back, people look after what was
 * closed for good. A dead network is not announced: it must be noticed. */
static void calm_down(sim_world *w) {
  w->calm = true;
  w->trap.armed = false;
  heal_part(w, &w->relay.part);
  lrm_store_memory_fail(w->relay.disk.store, 0, 0);
  w->relay.disk.latency_ns_max = 4 * SIM_MS;
  sim_network_heal(w);
  if (w->relay.core == NULL)
    w->relay.starts_ns = earlier(w->relay.starts_ns, w->now_ns + SIM_SECOND);
  sim_relay_lift_ceilings(w);
  for (size_t i = 0; i < SIM_HOSTS_MAX; i++) {
    sim_host *h = &w->hosts[i];
    if (!h->used) continue;
    heal_part(w, &h->part);
    lrm_store_memory_fail(h->disk.store, 0, 0);
    h->disk.latency_ns_max = 4 * SIM_MS;
    h->end.blocked_ns = 0;
    h->starts_ns = earlier(h->starts_ns, w->now_ns + SIM_SECOND);
    if (h->host != NULL) turn_on(h);
  }
  for (size_t i = 0; i < SIM_CLIENTS_MAX; i++) {
    if (!w->clients[i].used) continue;
    heal_part(w, &w->clients[i].part);
    w->clients[i].end.blocked_ns = 0;
    w->clients[i].starts_ns = earlier(w->clients[i].starts_ns, w->now_ns + SIM_SECOND);
  }
}

void sim_world_calm(sim_world *w) {
  calm_down(w);
  uint64_t begin_ns = w->now_ns, step_ns = 250 * SIM_MS;
  sim_world_run(w, step_ns);
  while (!sim_judge_quiet(w, false)) {
    if (w->now_ns - begin_ns > 60 * SIM_SECOND) {
      (void)sim_judge_quiet(w, true);
      sim_fail(w, "no convergence within 60 s after the faults");
    }
    sim_world_run(w, step_ns);
  }
  sim_reach(w, SIM_CONVERGED);
  if (w->now_ns - begin_ns > 30 * SIM_SECOND) sim_reach(w, SIM_CONVERGED_SLOW);
  /* Tails, infos and receipts that are still on their way; and nothing begins anew for longer than
   * a link waits between two attempts (30 s). */
  begin_ns = w->now_ns;
  sim_world_run(w, 3 * SIM_SECOND);
  while (!sim_judge_quiet(w, false)) {
    if (w->now_ns - begin_ns > 40 * SIM_SECOND) {
      (void)sim_judge_quiet(w, true);
      sim_fail(w, "not quiet any more");
    }
    sim_world_run(w, step_ns);
  }
  sim_judge_end(w);
}

/* ---- end ---- */

void sim_world_end(sim_world *w) {
  w->calm = true;
  for (size_t i = 0; i < SIM_CLIENTS_MAX; i++)
    if (w->clients[i].used) sim_client_stop(&w->clients[i], true);
  for (size_t i = 0; i < SIM_HOSTS_MAX; i++)
    if (w->hosts[i].used && w->hosts[i].host != NULL) sim_host_crash(&w->hosts[i], true);
  sim_relay_crash(w, true);
  for (size_t i = 0; i < SIM_HOSTS_MAX; i++) {
    if (!w->hosts[i].used) continue;
    sim_disk_close(&w->hosts[i].disk);
    SIM_CHECK(w, w->hosts[i].disk.memory.bytes == 0, "a journal leaks %llu bytes",
              (unsigned long long)w->hosts[i].disk.memory.bytes);
  }
  sim_disk_close(&w->relay.disk);
  SIM_CHECK(w, w->relay.disk.memory.bytes == 0, "the relay's store leaks %llu bytes",
            (unsigned long long)w->relay.disk.memory.bytes);
  sim_network_free(w);
  sim_poll_world_end(w);
  sim_oracle_end(w);
  free(w);
}
