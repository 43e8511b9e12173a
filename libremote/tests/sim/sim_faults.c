/* What an operation of a script does to the world: people, agents, and every fault. */
#include <string.h>

#include "session/host_internal.h"
#include "sim.h"

/* ---- who ---- */

static sim_host *host_at(sim_world *w, uint8_t who) {
  sim_host *h = NULL;
  for (unsigned i = 0; i < SIM_HOSTS_MAX && h == NULL; i++) {
    sim_host *at = &w->hosts[(who + i) % SIM_HOSTS_MAX];
    if (at->used && at->host != NULL && sim_awake(w, &at->part)) h = at;
  }
  return h;
}

static sim_client *client_at(sim_world *w, uint8_t who) {
  for (unsigned i = 0; i < SIM_CLIENTS_MAX; i++) {
    sim_client *at = &w->clients[(who + i) % SIM_CLIENTS_MAX];
    if (at->used && at->running && sim_awake(w, &at->part)) return at;
  }
  return NULL;
}

static sim_carrier *carrier_at(sim_world *w, uint8_t who) {
  for (unsigned i = 0; i < SIM_CARRIERS_MAX; i++) {
    sim_carrier *at = &w->carriers[(who + i) % SIM_CARRIERS_MAX];
    if (at->used) return at;
  }
  return NULL;
}

static sim_part *part_at(sim_world *w, uint8_t who, sim_count *slept) {
  sim_host *h = host_at(w, who);
  sim_client *c = client_at(w, who);
  if (who % 3 == 0 || (h == NULL && c == NULL)) {
    *slept = SIM_SUSPEND_RELAY;
    return &w->relay.part;
  }
  *slept = who % 3 == 1 && h != NULL ? SIM_SUSPEND_HOST : SIM_SUSPEND_CLIENT;
  if (*slept == SIM_SUSPEND_HOST) return &h->part;
  return c != NULL ? &c->part : &h->part;
}

/* Milliseconds out of a byte: most of them short. */
static uint64_t span_ms(uint8_t argument) {
  static const uint64_t scale[] = {1, 4, 20, 100, 400, 1500, 5000, 15000};
  return scale[argument & 7] * (1 + (argument >> 3) % 4);
}

/* ---- people ---- */

static void wait(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  sim_world_run(w, span_ms(argument) * SIM_MS);
}

static void client_says(sim_world *w, uint8_t who, uint8_t argument) {
  sim_client *c = client_at(w, who);
  if (c != NULL) sim_client_say(c, &c->views[(who >> 4) % c->views_count], argument);
}

/* Everybody who can answers the same ask at once, the local person among them. */
static void race(sim_world *w, uint8_t who, uint8_t argument) {
  for (unsigned i = 0; i < SIM_CLIENTS_MAX; i++) {
    sim_client *c = &w->clients[i];
    if (c->used && c->running) sim_client_say(c, &c->views[0], 7);
  }
  sim_host *h = host_at(w, who);
  if (h != NULL && (argument & 1) != 0) sim_agent_answer_here(h);
}

static void local_answers(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  (void)argument;
  if (h != NULL) sim_agent_answer_here(h);
}

static void local_prompts(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  if (h == NULL) return;
  SIM_SAID(h,
           lrm_host_submit_local(h->host, "do it here", (argument & 7) == 0, sim_host_wall(h),
                                 sim_host_now(h)),
           LRM_ERR_BUSY, 0);
}

static void local_does(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  if (h == NULL) return;
  uint64_t wall_ms = sim_host_wall(h), now_ns = sim_host_now(h);
  const Remote__V1__SessionState *state = lrm_host_state(h->host);
  char prompt[256] = "";
  switch (argument & 3) {
    case 0:
      SIM_SAID(h, lrm_host_cancel_local(h->host, wall_ms, now_ns), LRM_ERR_STATE, 0);
      break;
    case 1:
      if (state->n_queue != 0) snprintf(prompt, sizeof prompt, "%s", state->queue[0]->prompt_id);
      SIM_SAID(h, lrm_host_withdraw_local(h->host, prompt, wall_ms, now_ns), LRM_ERR_NOT_FOUND, 0);
      break;
    case 2:
      SIM_SAID(h, lrm_host_set_mode_local(h->host, "ask", wall_ms, now_ns), LRM_ERR_BUSY,
               LRM_ERR_STATE);
      break;
    default:
      lrm_host_local_input(h->host, wall_ms);
      h->touched = true;
      break;
  }
}

static void remote_off(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  if (h == NULL) return;
  sim_reach(w, SIM_REMOTE_OFF);
  SIM_SAID(h,
           lrm_host_set_remote_mode(h->host,
                                    (argument & 1) != 0 ? REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF
                                                        : REMOTE__V1__REMOTE_MODE__REMOTE_MODE_VIEW,
                                    "for a while", sim_host_wall(h), sim_host_now(h)),
           0, 0);
  h->agent.remote_on_ns = w->now_ns + span_ms(argument) * SIM_MS;
}

static void end_remote(sim_world *w, uint8_t who, uint8_t argument) {
  sim_client *c = client_at(w, who);
  (void)argument;
  if (c != NULL) sim_client_end_remote(c, &c->views[0]);
}

static void agent_dies(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  (void)argument;
  if (h != NULL && h->agent.ready) sim_agent_die(h);
}

static void new_history(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  (void)argument;
  if (h == NULL) return;
  sim_reach(w, SIM_NEW_HISTORY);
  SIM_SAID(h,
           lrm_host_restart_history(h->host, "the agent loaded another", sim_host_wall(h),
                                    sim_host_now(h)),
           0, 0);
}

/* ---- the network ---- */

static sim_way *way_of(sim_carrier *c, uint8_t argument) {
  return (argument & 1) != 0 ? &c->pipe.up : &c->pipe.down;
}

static void cut(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  (void)argument;
  if (c == NULL) return;
  sim_reach(w, SIM_FAULT_CUT);
  SIM_STEP(w, "cut carrier=%u", sim_number((uint64_t)(c - w->carriers)));
  c->pipe.cut = true;
}

static void cut_at(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  if (c == NULL) return;
  sim_reach(w, SIM_FAULT_CUT_AT);
  way_of(c, argument)->cut_after = 1 + sim_below(&w->random, 1 + (argument >> 1) * 12u);
}

static void half_open(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  if (c == NULL || c->end == NULL || c->connection == NULL) return;
  sim_reach(w, SIM_FAULT_HALF_OPEN);
  if ((argument & 1) != 0)
    sim_carrier_leave_end(w, c, false);
  else
    sim_carrier_leave_relay(w, c, false);
}

static void dead(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  if (c == NULL) return;
  sim_reach(w, SIM_FAULT_DEAD);
  if ((argument & 3) != 1) c->pipe.up.stalled_ns = SIM_NEVER;
  if ((argument & 3) != 2) c->pipe.down.stalled_ns = SIM_NEVER;
  c->dead = true;
}

static void stall(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  if (c == NULL) return;
  sim_way *way = way_of(c, argument);
  sim_reach(w, SIM_FAULT_STALL);
  if (way->stalled_ns != SIM_NEVER) way->stalled_ns = w->now_ns + span_ms(argument) * SIM_MS;
}

static void slow_reader(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  if (c == NULL) return;
  sim_reach(w, SIM_FAULT_SLOW_READER);
  uint64_t until_ns = w->now_ns + span_ms(argument) * SIM_MS;
  *((argument & 1) != 0 ? &c->end_reads_ns : &c->relay_reads_ns) = until_ns;
}

static void few_bytes(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  if (c == NULL) return;
  sim_reach(w, SIM_FAULT_BYTES);
  way_of(c, argument)->chunk_max = (argument & 2) != 0 ? 1 + (argument >> 2) : 65536;
}

static void no_network(sim_world *w, uint8_t who, uint8_t argument) {
  sim_carrier *c = carrier_at(w, who);
  if (c == NULL || c->end == NULL) return;
  sim_reach(w, SIM_FAULT_NO_NETWORK);
  c->end->blocked_ns = w->now_ns + span_ms(argument) * SIM_MS;
  c->pipe.cut = true;
}

static void storm(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  (void)argument;
  sim_reach(w, SIM_FAULT_STORM);
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++)
    if (w->carriers[i].used) w->carriers[i].pipe.cut = true;
}

/* ---- crashes ---- */

static void crash_host(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  if (h != NULL) sim_host_crash(h, (argument & 3) != 0);
}

static void crash_relay(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  sim_relay_crash(w, (argument & 3) != 0);
}

static void crash_client(sim_world *w, uint8_t who, uint8_t argument) {
  sim_client *c = client_at(w, who);
  if (c != NULL) sim_client_stop(c, (argument & 3) != 0);
}

static void set_trap(sim_world *w, uint8_t who, uint8_t argument) {
  static const sim_count steps[] = {SIM_ACK_OF_RELAY, SIM_ACK_OF_HOST, SIM_RECEIPT_STORED,
                                    SIM_RECEIPT_REFUSED};
  static const char kinds[] = {'r', 'h', 'r', 'c'};
  w->trap = (sim_trap){.on = steps[argument & 3],
                       .armed = true,
                       .kind = kinds[(argument >> 2) & 3],
                       .index = who % (w->sessions_count + 1),
                       .loses = (argument & 0x70) == 0x70};
}

static void drain_relay(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  (void)argument;
  if (w->relay.core == NULL || !sim_awake(w, &w->relay.part)) return;
  sim_reach(w, SIM_DRAIN);
  relay_drain(w->relay.core, sim_now(w, &w->relay.part));
  sim_world_run(w, 300 * SIM_MS);
  sim_relay_crash(w, true);
}

static void prune_relay(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  (void)argument;
  if (w->relay.core == NULL || !sim_awake(w, &w->relay.part)) return;
  sim_reach(w, SIM_PRUNE);
  int result =
      relay_prune(w->relay.core, sim_now(w, &w->relay.part), sim_wall_ms(w, &w->relay.part));
  SIM_CHECK(w, result == 0 || w->relay.part.memory.failed, "prune is %d", result);
}

static void set_ceiling(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  if (w->relay.core == NULL || !sim_awake(w, &w->relay.part)) return;
  relay_ceiling ceiling = (relay_ceiling)(argument % 3);
  if (ceiling != RELAY_CEILING_CONTROL) sim_reach(w, SIM_CEILING);
  SIM_MUST(w, relay_account_set_ceiling(w->relay.core, "alice", ceiling, sim_now(w, &w->relay.part),
                                        sim_wall_ms(w, &w->relay.part)));
}

/* ---- stores ---- */

/* What is on the disk now is not what the session's process had. */
static void journal_is_another(sim_world *w, unsigned session, const sim_disk *disk) {
  w->sessions[session].journal_losses++;
  for (size_t i = 0; i < w->commands_count; i++) {
    sim_command *command = &w->commands[i];
    lrm_slice value, key = {command->id.bytes, sizeof command->id.bytes};
    if (command->session == session &&
        lrm_store_get(disk->store, LRM__SPACE_COMMANDS, key, &value) == 0)
      command->copied = true;
  }
}

static void relay_store_is_another(sim_world *w) {
  for (unsigned i = 0; i < w->sessions_count; i++) {
    sim_session *s = &w->sessions[i];
    s->relay_losses++;
    s->relay_read = 0;
    memset(&s->relay_epoch, 0, sizeof s->relay_epoch);
    memset(&s->acked_epoch, 0, sizeof s->acked_epoch);
    s->acked_next = 0;
  }
  for (size_t i = 0; i < w->commands_count; i++)
    w->commands[i].stored_here = w->commands[i].acked = false;
  for (size_t i = 0; i < w->epochs_count; i++) w->epochs[i].relay_durable = 0;
}

void sim_relay_lose(sim_world *w, bool heard, bool strict) {
  sim_relay_crash(w, heard);
  sim_disk_lose(w, &w->relay.disk);
  w->relay.restored = false;
  w->relay.strict = strict;
  relay_store_is_another(w);
  sim_reach(w, SIM_RELAY_LOST);
  SIM_STEP(w, "lost store=%s", sim_text("r"));
}

static void lose_relay(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  sim_relay_lose(w, (argument & 1) != 0, (argument & 8) != 0);
}

static void keep_relay(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  (void)argument;
  sim_disk_keep(w, &w->relay.disk);
}

/* What is told by the witness file of the real program: hosts begin new histories. */
static void put_back_relay(sim_world *w, uint8_t who, uint8_t argument) {
  (void)who;
  if (w->relay.disk.copy == NULL) return;
  sim_relay_crash(w, (argument & 1) != 0);
  if (!sim_disk_put_back(w, &w->relay.disk)) return;
  w->relay.restored = true;
  relay_store_is_another(w);
  sim_reach(w, SIM_RELAY_PUT_BACK);
  SIM_STEP(w, "lost store=%s", sim_text("r-older"));
}

/* A journal without its last generation counts on the calendar (clause 3.6): it must not lie before
 * what the relay has seen of this session, which a person would have to see to. */
static void right_clock(sim_world *w, sim_host *h) {
  for (unsigned i = 0; i < SIM_HOSTS_MAX; i++) {
    const sim_host *other = &w->hosts[i];
    if (other->used && other->session == h->session &&
        other->part.wall_offset_ms > h->part.wall_offset_ms)
      h->part.wall_offset_ms = other->part.wall_offset_ms;
  }
  if (h->part.wall_offset_ms < w->sessions[h->session].wall_offset_ms)
    h->part.wall_offset_ms = w->sessions[h->session].wall_offset_ms;
}

static void lose_journal(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  if (h == NULL) return;
  sim_host_crash(h, (argument & 1) != 0);
  sim_disk_lose(w, &h->disk);
  right_clock(w, h);
  h->processes = 0;
  memset(&h->journal_epoch, 0, sizeof h->journal_epoch);
  journal_is_another(w, h->session, &h->disk);
  sim_reach(w, SIM_JOURNAL_LOST);
  SIM_STEP(w, "lost store=%s h=%u", sim_text("h"), sim_number(h->part.index));
}

static void keep_journal(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  (void)argument;
  if (h != NULL) sim_disk_keep(w, &h->disk);
}

static void put_back_journal(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  if (h == NULL || h->disk.copy == NULL) return;
  sim_host_crash(h, (argument & 1) != 0);
  if (!sim_disk_put_back(w, &h->disk)) return;
  right_clock(w, h);
  memset(&h->journal_epoch, 0, sizeof h->journal_epoch);
  journal_is_another(w, h->session, &h->disk);
  sim_reach(w, SIM_JOURNAL_PUT_BACK);
  SIM_STEP(w, "lost store=%s h=%u", sim_text("h-older"), sim_number(h->part.index));
}

/* A second process claims the session, from a copy of the journal. */
static void second_process(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *from = host_at(w, who);
  (void)argument;
  if (from == NULL) return;
  for (unsigned i = w->sessions_count; i < SIM_HOSTS_MAX; i++) {
    sim_host *h = &w->hosts[i];
    if (h->used) continue;
    h->w = w;
    h->used = h->copied = true;
    h->session = from->session;
    h->processes = from->processes;
    h->disk.latency_ns_max = 4 * SIM_MS;
    h->disk.bytes_max = from->disk.bytes_max;
    h->journal_bytes_max = from->journal_bytes_max;
    sim_disk_clone(w, &from->disk, &h->disk);
    h->starts_ns = w->now_ns + sim_below(&w->random, SIM_SECOND);
    right_clock(w, h);
    journal_is_another(w, h->session, &h->disk);
    w->sessions[h->session].copies++;
    sim_reach(w, SIM_SECOND_PROCESS);
    return;
  }
}

static void full_disk(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  int error = (argument & 1) != 0 ? LRM_ERR_DISK_FULL : LRM_ERR_STORE;
  unsigned count = 1 + (argument >> 1) % 12;
  if (who % 3 == 0 && w->relay.core != NULL) {
    sim_reach(w, SIM_DISK_FULL_RELAY);
    lrm_store_memory_fail(w->relay.disk.store, error, count);
  } else if (h != NULL) {
    sim_reach(w, SIM_DISK_FULL_HOST);
    lrm_store_memory_fail(h->disk.store, error, count);
  }
}

static void slow_disk(sim_world *w, uint8_t who, uint8_t argument) {
  sim_host *h = host_at(w, who);
  sim_disk *disk = who % 3 == 0 || h == NULL ? &w->relay.disk : &h->disk;
  sim_reach(w, SIM_DISK_SLOW);
  disk->latency_ns_max = (1 + (argument & 7) * 120) * SIM_MS;
}

/* ---- clocks and memory ---- */

static void suspend(sim_world *w, uint8_t who, uint8_t argument) {
  sim_count slept;
  sim_part *part = part_at(w, who, &slept);
  uint64_t ns = span_ms(argument) * 4 * SIM_MS;
  if (!sim_awake(w, part)) return;
  part->stands_at_ns = sim_now(w, part);
  part->asleep_until_ns = w->now_ns + ns;
  sim_reach(w, slept);
  SIM_STEP(w, "clock part=%s%u asleep_ms=%u",
           sim_text(part->kind == 'h'   ? "h"
                    : part->kind == 'c' ? "c"
                                        : "r"),
           sim_number(part->index), sim_number(ns / SIM_MS));
  part->stands = (argument & 128) != 0;
  if (part->stands) {
    part->lag_ns += ns; /* this system's monotonic clock does not count sleep */
    sim_reach(w, SIM_CLOCK_STOOD);
  }
  if (part->kind == 'r') w->relay.awake_ns = part->asleep_until_ns;
}

static void set_clock(sim_world *w, uint8_t who, uint8_t argument) {
  sim_count slept;
  sim_part *part = part_at(w, who, &slept);
  int64_t step_ms = (int64_t)span_ms(argument) * 200;
  sim_reach(w, SIM_CLOCK_STEP);
  part->wall_offset_ms += (argument & 64) != 0 ? -step_ms : step_ms;
  for (unsigned i = 0; i < SIM_HOSTS_MAX; i++) {
    const sim_host *h = &w->hosts[i];
    sim_session *s = &w->sessions[h->session];
    if (&h->part == part && part->wall_offset_ms > s->wall_offset_ms)
      s->wall_offset_ms = part->wall_offset_ms;
  }
  SIM_STEP(w, "clock part=%s step_ms=%u", sim_text("any"), sim_number((uint64_t)step_ms));
}

static void no_memory(sim_world *w, uint8_t who, uint8_t argument) {
  sim_count slept;
  sim_part *part = part_at(w, who, &slept);
  if (part->memory.fail_at != 0) return;
  part->memory.fail_at = part->memory.calls + 1 + argument % 64;
  if (part->kind == 'r') sim_reach(w, SIM_NO_MEMORY_RELAY);
}

static void duplicate(sim_world *w, uint8_t who, uint8_t argument) {
  sim_client *c = client_at(w, who);
  if (c == NULL || c->device == SIM_CLIENTS_MAX - 1) return;
  for (unsigned i = 0; i < SIM_CLIENTS_MAX - 1; i++) {
    sim_client *copy = &w->clients[i];
    if (copy->used) continue;
    copy->w = w;
    copy->used = true;
    copy->device = c->device; /* the same machine */
    copy->views_count = 1;
    copy->views[0].session = c->views[0].session;
    sim_reach(w, SIM_DUPLICATE_CLIENT);
    sim_client_start(copy, &c->link_id, lrm_link_generation(c->end.link) + (argument & 1));
    return;
  }
}

/* ---- the table: the order is the script's format ---- */

typedef void operation(sim_world *w, uint8_t who, uint8_t argument);

static operation *const operations[] = {
    wait,         client_says,      race,           local_answers,  local_prompts,
    local_does,   remote_off,       end_remote,     agent_dies,     new_history,
    cut,          cut_at,           half_open,      dead,           stall,
    slow_reader,  few_bytes,        no_network,     storm,          crash_host,
    crash_relay,  crash_client,     set_trap,       drain_relay,    prune_relay,
    set_ceiling,  lose_relay,       keep_relay,     put_back_relay, lose_journal,
    keep_journal, put_back_journal, second_process, full_disk,      slow_disk,
    suspend,      set_clock,        no_memory,      duplicate};

const unsigned sim_operations_count = sizeof operations / sizeof *operations;

void sim_operate(sim_world *w, uint8_t which, uint8_t who, uint8_t argument) {
  operations[which % sim_operations_count](w, who, argument);
}
