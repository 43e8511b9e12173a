/* The relay's process: its core on a disk of its own. It starts, crashes, loses its store, finds an
 * older copy of it. Its accounts and devices are made by hand, as an operator does. */
#include <string.h>

#include "sim.h"

static const char *const accounts[] = {"alice", "bob"};

/* Devices: 0.. of the sessions' hosts, SIM_DEVICE_CLIENTS.. of the clients; odd sessions' hosts and
 * the last client are bob's when there are two accounts. */
const char *sim_token(unsigned device) {
  static const char *const tokens[SIM_DEVICES] = {
      "the-token-of-a-host-of-the-simulation-0000", "the-token-of-a-host-of-the-simulation-0001",
      "the-token-of-a-host-of-the-simulation-0002", "the-token-of-a-host-of-the-simulation-0003",
      "the-token-of-a-host-of-the-simulation-0004", "the-token-of-a-host-of-the-simulation-0005",
      "the-token-of-a-host-of-the-simulation-0006", "the-token-of-a-host-of-the-simulation-0007",
      "the-token-of-a-client-in-the-simulation-00", "the-token-of-a-client-in-the-simulation-01",
      "the-token-of-a-client-in-the-simulation-02", "the-token-of-a-client-in-the-simulation-03",
      "the-token-of-a-client-in-the-simulation-04", "the-token-of-a-client-in-the-simulation-05",
      "the-token-of-a-client-in-the-simulation-06", "the-token-of-a-client-in-the-simulation-07"};
  return tokens[device];
}

static lrm_id device_id(unsigned device) {
  lrm_id id = {{0xd0, (uint8_t)device, 1}};
  return id;
}

static unsigned account_of(const sim_world *w, unsigned device) {
  if (device < SIM_DEVICE_CLIENTS)
    return device < w->sessions_count ? w->sessions[device].account : 0;
  return device == SIM_DEVICE_CLIENTS + SIM_CLIENTS_MAX - 1 ? 1 : 0;
}

static void add_devices(sim_world *w) {
  relay *core = w->relay.core;
  uint64_t wall_ms = sim_wall_ms(w, &w->relay.part);
  if (relay_stats_now(core).devices > 0) return;
  w->relay.part.memory.fail_at = 0; /* an operator would do it again */
  for (size_t i = 0; i < 2; i++) SIM_MUST(w, relay_account_add(core, accounts[i], wall_ms));
  for (unsigned i = 0; i < SIM_DEVICES; i++) {
    lrm_id id = device_id(i);
    SIM_MUST(w, relay_device_add(core, accounts[account_of(w, i)], "device", &id, sim_token(i),
                                 wall_ms));
  }
}

/* Whoever makes the accounts anew after a loss may be stricter: what is sent again is refused then,
 * though a host may have it. */
static void set_up(sim_world *w) {
  bool first = relay_stats_now(w->relay.core).devices == 0;
  add_devices(w);
  if (!first || !w->relay.strict || w->calm) return;
  sim_reach(w, SIM_CEILING);
  SIM_MUST(w,
           relay_account_set_ceiling(w->relay.core, accounts[0], RELAY_CEILING_VIEW,
                                     sim_now(w, &w->relay.part), sim_wall_ms(w, &w->relay.part)));
}

/* In the end everybody may do everything again. */
void sim_relay_lift_ceilings(sim_world *w) {
  for (size_t i = 0; i < 2 && w->relay.core != NULL; i++)
    SIM_MUST(w,
             relay_account_set_ceiling(w->relay.core, accounts[i], RELAY_CEILING_CONTROL,
                                       sim_now(w, &w->relay.part), sim_wall_ms(w, &w->relay.part)));
}

static void commit_start(sim_world *w) {
  lrm_batch *batch;
  sim_relay *r = &w->relay;
  if (lrm_store_freeze(r->disk.store, &batch) != 0) return;
  relay_frozen(r->core);
  int result = lrm_batch_write(batch);
  SIM_MUST(w, result);
  SIM_MUST(w, lrm_store_settle(r->disk.store, batch, result));
  relay_settled(r->core, 0, sim_now(w, &r->part), sim_wall_ms(w, &r->part));
}

void sim_relay_start(sim_world *w) {
  sim_relay *r = &w->relay;
  uint64_t generation;
  lrm_store_memory_fail(r->disk.store, 0, 0);
  SIM_MUST(w, lrm_store_claim(r->disk.store, sim_wall_ms(w, &r->part), &generation));
  r->config = (relay_config){.struct_bytes = sizeof r->config,
                             .allocator = sim_memory_allocator(&r->part.memory),
                             .store = r->disk.store,
                             .commands_epoch = sim_make_id(w),
                             .seed = sim_next(&w->random),
                             .wall_ms = sim_wall_ms(w, &r->part),
                             .agent = "relay/sim",
                             .log_bytes_max = w->relay_log_bytes_max,
                             .commands_waiting_max = w->relay_waiting_max,
                             .kick = sim_network_kick,
                             .user = w};
  r->part.memory.failed = false;
  int result = relay_open(&r->config, &r->core);
  if (result == LRM_ERR_NO_MEMORY && r->part.memory.failed) {
    r->core = NULL;
    r->starts_ns = w->now_ns + SIM_SECOND; /* it is started again */
    sim_disk_crash(w, &r->disk);
    return;
  }
  SIM_MUST(w, result);
  if (r->restored) SIM_MUST(w, relay_restored(r->core));
  r->restored = false;
  r->openings++;
  set_up(w);
  if (w->calm) sim_relay_lift_ceilings(w);
  commit_start(w);
  if (r->part.fail_at_next != 0) {
    r->part.memory.fail_at = r->part.memory.calls + r->part.fail_at_next;
    r->part.fail_at_next = 0;
  }
  SIM_STEP(w, "restart part=r cepoch=%x", sim_id(&r->config.commands_epoch));
  sim_oracle_relay_opened(w);
}

void sim_relay_crash(sim_world *w, bool heard) {
  sim_relay *r = &w->relay;
  if (r->core == NULL) return;
  SIM_STEP(w, "crash part=%s", sim_text("r"));
  sim_reach(w, SIM_CRASH_RELAY);
  if (!heard) sim_reach(w, SIM_CRASH_SILENT);
  r->part.memory.fail_at = 0;
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++)
    if (w->carriers[i].used) sim_carrier_leave_relay(w, &w->carriers[i], heard);
  sim_poll_orphans_end(w);
  relay_close(r->core);
  r->core = NULL;
  SIM_CHECK(w, r->part.memory.bytes == 0, "the relay leaks %llu bytes",
            (unsigned long long)r->part.memory.bytes);
  sim_disk_crash(w, &r->disk);
  for (unsigned i = 0; i < w->sessions_count; i++) w->sessions[i].relay_crashes++;
  r->starts_ns = w->now_ns + sim_below(&w->random, w->calm ? SIM_SECOND : 8 * SIM_SECOND);
}

relay_session *sim_relay_session(sim_world *w, unsigned session) {
  if (w->relay.core == NULL) return NULL;
  const sim_session *s = &w->sessions[session];
  relay_account *account = relay_account_find(w->relay.core, accounts[s->account]);
  return account != NULL ? relay_session_find(w->relay.core, account, &s->id) : NULL;
}

bool sim_relay_step(sim_world *w) {
  sim_relay *r = &w->relay;
  if (r->core == NULL) {
    if (w->now_ns < r->starts_ns || !sim_awake(w, &r->part)) return false;
    sim_relay_start(w);
    return true;
  }
  if (!sim_awake(w, &r->part)) return false;
  uint64_t now_ns = sim_now(w, &r->part), wall_ms = sim_wall_ms(w, &r->part);
  bool any = relay_turn(r->core, now_ns, wall_ms);
  SIM_CHECK(w, !relay_broken(r->core) || r->part.memory.failed, "the relay says it is broken");
  if (relay_broken(r->core)) {
    sim_relay_crash(w, true);
    return true;
  }
  switch (sim_disk_step(w, &r->disk)) {
    case SIM_DISK_FROZEN:
      relay_frozen(r->core);
      return true;
    case SIM_DISK_SETTLED:
      relay_settled(r->core, r->disk.result, now_ns, wall_ms);
      if (r->disk.result == 0) sim_oracle_relay(w);
      (void)relay_turn(r->core, now_ns, wall_ms);
      return true;
    case SIM_DISK_NOTHING:
      break;
  }
  return any;
}

uint64_t sim_relay_due(const sim_world *w) {
  const sim_relay *r = &w->relay;
  uint64_t due = r->core == NULL ? r->starts_ns : sim_disk_due(w, &r->disk);
  if (r->core != NULL) {
    uint64_t core_ns = sim_world_time(&r->part, relay_due_ns(r->core));
    if (core_ns < due) due = core_ns;
  }
  if (due == SIM_NEVER) return due;
  return due > r->part.asleep_until_ns ? due : r->part.asleep_until_ns;
}
