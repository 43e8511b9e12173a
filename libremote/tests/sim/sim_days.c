/* Days of it, in compressed time: one host process that is never restarted, the relay, two clients,
 * and what a week brings: cuts, dead networks, sleeps of hours, relays that are stopped and come
 * back, calendars that are set by a day or a year. Nothing may be lost or doubled (the oracles of
 * the simulation watch), memory may not grow from day to day, nobody may take ever longer to come
 * back, and no counter may wrap: the world begins three days before its monotonic clocks pass 2^32
 * ms.
 *
 *     sim_days [--seed N] [--days N] [--verbose] */
#include <stdlib.h>
#include <string.h>

#include "session/host_internal.h"
#include "sim.h"

enum {
  ROUNDS_A_DAY = 40,
  SAYINGS_A_ROUND = 2,
  DAYS_MAX = 60,
  BACK_MS_MAX = 150 * 1000, /* a dead carrier is noticed after 25 s, the wait is at most 30 s */
  /* What is remembered of a command and of its asks, at all parties together, up to 4096 of each;
   * and rings and histories that fill in the first days. */
  COMMAND_BYTES = 1000,
  MEMORY_BYTES_SLACK = 256 * 1024
};

#define DAY_MS (UINT64_C(24) * 3600 * 1000)
#define MINUTE_NS (60 * SIM_SECOND)
/* Operations of sim_faults.c by their place in its table. */
enum {
  CLIENT_SAYS = 1,
  LOCAL_ANSWERS = 3,
  LOCAL_PROMPTS = 4,
  CUT = 10,
  DEAD = 13,
  NO_NETWORK = 17,
  STORM = 18,
  CRASH_RELAY = 20,
  CRASH_CLIENT = 21,
  DRAIN_RELAY = 23,
  PRUNE_RELAY = 24
};

typedef struct week {
  sim_world *w;
  sim_random random;
  uint64_t memory[DAYS_MAX]; /* of all processes, at the end of each day */
  uint64_t commands[DAYS_MAX];
  uint64_t back_ms[DAYS_MAX]; /* the longest that anybody needed to come back */
  unsigned reconnects, steps, sleeps, restarts;
  bool verbose;
} week;

static uint64_t memory_of(const sim_world *w) {
  uint64_t bytes = w->relay.part.memory.bytes;
  for (unsigned i = 0; i < SIM_HOSTS_MAX; i++) bytes += w->hosts[i].part.memory.bytes;
  for (unsigned i = 0; i < SIM_CLIENTS_MAX; i++) bytes += w->clients[i].part.memory.bytes;
  return bytes;
}

static bool is_back(const sim_end *end) {
  return end->link != NULL && lrm_link_state_now(end->link) == LRM_LINK_LIVE;
}

static bool all_back(const sim_world *w) {
  if (w->relay.core == NULL) return false;
  for (unsigned i = 0; i < SIM_HOSTS_MAX; i++)
    if (w->hosts[i].used && (w->hosts[i].host == NULL || !is_back(&w->hosts[i].end))) return false;
  for (unsigned i = 0; i < SIM_CLIENTS_MAX; i++)
    if (w->clients[i].used && (!w->clients[i].running || !is_back(&w->clients[i].end)))
      return false;
  return true;
}

/* ---- what a week brings ---- */

static sim_part *some_part(week *k) {
  sim_world *w = k->w;
  switch (sim_below(&k->random, 3)) {
    case 0:
      return &w->relay.part;
    case 1:
      return &w->hosts[0].part;
    default:
      return &w->clients[sim_below(&k->random, 2)].part;
  }
}

/* A laptop is closed for hours; its monotonic clock stands still, or goes on. */
static void sleep_for_hours(week *k) {
  sim_world *w = k->w;
  sim_part *part = some_part(k);
  if (!sim_awake(w, part)) return;
  uint64_t ns = (20 + sim_below(&k->random, 400)) * MINUTE_NS;
  part->stands_at_ns = sim_now(w, part);
  part->asleep_until_ns = w->now_ns + ns;
  part->stands = sim_once_in(&k->random, 2);
  if (part->stands) part->lag_ns += ns;
  if (part->kind == 'r') w->relay.awake_ns = part->asleep_until_ns;
  k->sleeps++;
  sim_world_run(w, ns);
}

static void set_calendar(week *k) {
  sim_world *w = k->w;
  sim_part *part = some_part(k);
  int64_t step_ms = (int64_t)(sim_once_in(&k->random, 3) ? 365 * DAY_MS : DAY_MS);
  /* There and back again; a host's never lies behind what it once said (clause 3.6). */
  part->wall_offset_ms =
      part->wall_offset_ms == 0
          ? (sim_once_in(&k->random, 2) && part->kind != 'h' ? -step_ms : step_ms)
          : 0;
  sim_session *s = &w->sessions[0];
  if (part->kind == 'h' && part->wall_offset_ms > s->wall_offset_ms)
    s->wall_offset_ms = part->wall_offset_ms;
  k->steps++;
}

static void fault(week *k) {
  sim_world *w = k->w;
  uint8_t who = (uint8_t)sim_next(&k->random), how = (uint8_t)sim_next(&k->random);
  switch (sim_below(&k->random, 10)) {
    case 0:
    case 1:
      sim_operate(w, CUT, who, how);
      break;
    case 2:
      sim_operate(w, DEAD, who, how);
      break;
    case 3:
      sim_operate(w, NO_NETWORK, who, how);
      break;
    case 4:
      sim_operate(w, STORM, who, how);
      break;
    case 5:
      k->restarts++;
      sim_operate(w, sim_once_in(&k->random, 2) ? CRASH_RELAY : DRAIN_RELAY, who, how);
      break;
    case 6:
      sim_operate(w, CRASH_CLIENT, who, how);
      break;
    case 7:
    case 8:
      sleep_for_hours(k);
      break;
    default:
      set_calendar(k);
      break;
  }
}

/* Everybody is there again, within the time that silence and waits explain; returns how long. */
static uint64_t come_back(week *k) {
  sim_world *w = k->w;
  uint64_t began_ns = w->now_ns;
  while (!all_back(w)) {
    sim_world_run(w, 100 * SIM_MS);
    uint64_t ms = (w->now_ns - began_ns) / SIM_MS;
    SIM_CHECK(w, ms < BACK_MS_MAX, "somebody is not back after %u ms", (unsigned)ms);
  }
  return (w->now_ns - began_ns) / SIM_MS;
}

static void round_of(week *k, unsigned day) {
  sim_world *w = k->w;
  for (unsigned i = 0; i < SAYINGS_A_ROUND; i++) {
    /* Prompts, titles, probes, answers: nothing that ends the session or its remote control. */
    static const uint8_t sayings[] = {0, 0, 1, 7, 8, 12, 13, 15, 18, 19};
    uint8_t what = sayings[sim_below(&k->random, sizeof sayings)];
    sim_operate(w, CLIENT_SAYS, (uint8_t)sim_below(&k->random, 2), what);
    if (sim_once_in(&k->random, 3)) sim_operate(w, LOCAL_ANSWERS, 0, 0);
    if (sim_once_in(&k->random, 6)) sim_operate(w, LOCAL_PROMPTS, 0, 0);
    sim_world_run(w, sim_below(&k->random, 5 * SIM_SECOND));
  }
  fault(k);
  uint64_t ms = come_back(k);
  k->reconnects++;
  if (ms > k->back_ms[day]) k->back_ms[day] = ms;
  sim_operate(w, PRUNE_RELAY, 0, 0);
}

static void day_of(week *k, unsigned day) {
  sim_world *w = k->w;
  uint64_t end_ns = w->now_ns + DAY_MS * SIM_MS;
  for (unsigned i = 0; i < ROUNDS_A_DAY && w->now_ns < end_ns; i++) {
    round_of(k, day);
    uint64_t left = end_ns > w->now_ns ? end_ns - w->now_ns : 0;
    sim_world_run(w, left / (ROUNDS_A_DAY - i));
  }
  if (w->now_ns < end_ns) sim_world_run(w, end_ns - w->now_ns);
  (void)come_back(k);
  sim_world_run(w, 5 * MINUTE_NS);
  k->memory[day] = memory_of(w);
  k->commands[day] = w->commands_count;
  printf(
      "day %2u: %6llu KiB (host %llu, clients %llu and %llu, relay %llu), %llu commands, longest "
      "way "
      "back %llu ms\n",
      day + 1, (unsigned long long)(k->memory[day] / 1024),
      (unsigned long long)(w->hosts[0].part.memory.bytes / 1024),
      (unsigned long long)(w->clients[0].part.memory.bytes / 1024),
      (unsigned long long)(w->clients[1].part.memory.bytes / 1024),
      (unsigned long long)(w->relay.part.memory.bytes / 1024), (unsigned long long)k->commands[day],
      (unsigned long long)k->back_ms[day]);
  fflush(stdout);
}

static void judge(week *k, unsigned days) {
  for (unsigned day = 2; day < days; day++) {
    uint64_t remembered = (k->commands[day] - k->commands[1]) * COMMAND_BYTES;
    SIM_CHECK(k->w, k->memory[day] <= k->memory[1] + remembered + MEMORY_BYTES_SLACK,
              "day %u: %llu bytes, day 2: %llu", day + 1, (unsigned long long)k->memory[day],
              (unsigned long long)k->memory[1]);
  }
}

static sim_world *begin(uint64_t seed, const sim_options *options) {
  sim_random random = {sim_mix(seed)};
  uint8_t head[8];
  for (size_t i = 0; i < sizeof head; i++) head[i] = (uint8_t)sim_next(&random);
  head[0] = 0x10 | (head[0] & 0x0c); /* usual windows; any cap of logs; no long messages */
  head[1] = 0x01;                    /* one session */
  head[2] = 1;                       /* two clients */
  sim_script script = {head, sizeof head, sizeof head};
  sim_world *w = sim_world_begin(seed, &script, options);
  w->now_ns = ((UINT64_C(1) << 32) - 3 * DAY_MS) * SIM_MS;
  return w;
}

int main(int argc, char **argv) {
  uint64_t seed = 1;
  unsigned days = 7;
  sim_options options = {0};
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--verbose") == 0)
      options.verbose = true;
    else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
      seed = strtoull(argv[++i], NULL, 10);
    else if (strcmp(argv[i], "--days") == 0 && i + 1 < argc)
      days = (unsigned)strtoul(argv[++i], NULL, 10);
    else
      return fprintf(stderr, "usage: sim_days [--seed N] [--days N] [--verbose]\n"), 2;
  }
  if (days < 1 || days > DAYS_MAX) return fprintf(stderr, "1 to %d days\n", DAYS_MAX), 2;
  printf("seed %llu\n", (unsigned long long)seed);
  week k = {.w = begin(seed, &options), .random = {sim_mix(seed + 1000)}};
  sim_world_run(k.w, MINUTE_NS);
  for (unsigned day = 0; day < days; day++) day_of(&k, day);
  judge(&k, days);
  for (unsigned i = 0; i < SIM_HOSTS_MAX; i++) k.w->hosts[i].part.wall_offset_ms = 0;
  sim_world_calm(k.w);
  printf("%u days, %u times back, %u relays stopped, %u sleeps, %u calendars set: nothing lost\n",
         days, k.reconnects, k.restarts, k.sleeps, k.steps);
  sim_world_end(k.w);
  return 0;
}
