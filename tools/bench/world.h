/* A relay in a process of its own, a host and a client in this one, joined by tcp on loopback. The
 * host journals in SQLite and answers prompts at once: what is measured is the way, not an agent.
 */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include <sys/types.h>

#include "bench.h"
#include "remote/carrier_uv.h"
#include "remote/client.h"
#include "remote/host.h"
#include "remote/log_sqlite.h"

typedef struct bench_relay {
  pid_t pid;
  char folder[1100];
  char url[320];
  char cert[1100], key[1100]; /* made for this run; "": none */
  lrm_uv_settings settings;   /* of who connects to it */
  char token[256];
} bench_relay;

/* Starts it on a free port and waits until it listens. */
bool bench_relay_start(bench_relay *relay, const bench_options *options);
void bench_relay_stop(bench_relay *relay);

/* One end: its link and what drives it. */
typedef struct bench_end {
  lrm_link *link;
  lrm_uv_drive *drive;
  lrm_id link_id;
  bool stopping, stopped;
} bench_end;

typedef struct bench_world {
  bench_relay relay;
  uv_loop_t loop;
  uv_timer_t timer; /* the host's deadlines; also wakes who waits */
  lrm_store *store;
  lrm_uv_committer *committer;
  lrm_host *host;
  lrm_client *client;
  bench_end host_end, client_end;
  lrm_id session_id;
  bool synced;     /* the client has read all there was */
  bool answered;   /* the host was told to answer its agent */
  lrm_id open_ask; /* the newest the client has seen; none: resolved since */
  bool broken;
} bench_world;

/* Random bytes for ids and seeds. */
void bench_random(void *out, size_t bytes);
/* A probe, there and back: seconds; below 0: failed. */
double bench_trip_probe_s(bench_world *world);

bool bench_world_open(bench_world *world, const bench_options *options);
void bench_world_close(bench_world *world);
uint64_t bench_world_now_ns(const bench_world *world);
/* Runs the loop until `done` or for 10 s. False: it did not come to that. */
bool bench_world_wait(bench_world *world, bool (*done)(void *user), void *user);
/* Something was done to the host outside a callback. */
void bench_world_host_changed(bench_world *world);

#endif
