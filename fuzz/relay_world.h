/* The relay's core on a store in memory, with an honest host and client of account alice and one
 * carrier that belongs to somebody else. On virtual time; for targets. */
#ifndef FUZZ_RELAY_WORLD_H
#define FUZZ_RELAY_WORLD_H

#include "failing.h"
#include "honest.h"
#include "relay.h"
#include "remote/log_memory.h"

enum { WORLD_HOST = 0, WORLD_CLIENT = 1, WORLD_STRANGER = 2, WORLD_CARRIERS = 3 };

typedef struct world_carrier {
  relay_connection *connection; /* NULL: down */
  honest *who;                  /* NULL: the stranger's */
  bytes to_relay, to_peer;
} world_carrier;

typedef struct relay_world {
  relay *relay;
  lrm_store *store;
  failing memory; /* the relay's */
  honest host, client;
  world_carrier carriers[WORLD_CARRIERS];
  uint64_t now_ns, wall_ms;
  unsigned openings;
  lrm_batch *out;   /* frozen, not yet written */
  uint64_t heard;   /* bytes that the stranger was sent */
  bool told_secret; /* a message of the honest ones was among them */
  bool deaf;        /* the stranger reads nothing */
} relay_world;

extern const char world_token_alice[], world_token_bob[], world_token_phone[];

/* Accounts and devices, committed; both honest ones are connected, and the session exists. */
void world_begin(relay_world *w, uint32_t window_bytes);
void world_end(relay_world *w);
/* LRM_ERR_NO_MEMORY: the relay could not make a connection. */
int world_connect(relay_world *w, int carrier);
void world_cut(relay_world *w, int carrier, uint64_t more);
/* Moves bytes and events until nothing moves. Nothing is committed by it. */
void world_run(relay_world *w);
/* A relay that says it is broken dies instead of committing. */
void world_commit(relay_world *w);
/* The same in two steps; world_settle does nothing when nothing is frozen. */
void world_freeze(relay_world *w);
void world_settle(relay_world *w);
void world_pass(relay_world *w, uint64_t ms);
/* The relay dies with what it had not committed, and is started again, with memory enough. All
 * carriers are down. */
void world_crash(relay_world *w);
/* The honest ones are connected again and time passes: all that was said arrives, once. */
void world_converge(relay_world *w);

#endif
