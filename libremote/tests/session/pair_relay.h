/* The smallest relay that keeps the rules of docs/spec.md section 3 for one session: logs in a
 * store in memory, group commit, fencing, receipts, renumbered COMMANDS at each start. */
#ifndef TESTS_PAIR_RELAY_H
#define TESTS_PAIR_RELAY_H

#include "pair_wire.h"
#include "remote/cursor.h"
#include "remote/envelope.h"
#include "remote/log_memory.h"
#include "remote/tail.h"

#define PAIR_CONNECTIONS 3

typedef struct pair_channel {
  uint32_t number; /* 0: free */
  bool publish;
  uint32_t log;
} pair_channel;

typedef struct pair_connection {
  lrm_link *link; /* NULL: none */
  lrm_id link_id;
  pair_channel channels[16];
} pair_connection;

typedef struct pair_receipt {
  size_t connection;
  uint32_t channel;
  uint64_t offset;
  lrm_link *link;
  bool frozen;
} pair_receipt;

typedef struct pair_relay {
  lrm_store *store;
  lrm_log *events, *commands;
  lrm_id session_id;
  pair_random random;
  uint64_t epochs; /* made so far */
  uint64_t writer_generation;
  uint64_t delivered; /* acknowledged by the host */
  lrm_tail tail;
  uint8_t tail_memory[LRM_TAIL_BYTES_MAX];
  pair_connection connections[PAIR_CONNECTIONS];
  pair_receipt receipts[512];
  size_t receipts_count;
  lrm_batch *batch;
  uint64_t batch_due_ns;
  uint64_t now_ns, wall_ms;
  bool refuse_some; /* commands, by policy */
  bool trims;       /* to the newest set, now and then */
  unsigned restarts_of_events;
} pair_relay;

void pair_relay_start(pair_relay *relay, uint64_t seed);
/* Everything uncommitted is lost; `lose`: the store too. Connections are gone. */
void pair_relay_crash(pair_relay *relay, bool lose);
void pair_relay_end(pair_relay *relay);
void pair_relay_attach(pair_relay *relay, size_t connection);
void pair_relay_detach(pair_relay *relay, size_t connection);
void pair_relay_turn(pair_relay *relay, pair_wire wires[PAIR_CONNECTIONS], uint64_t wall_ms,
                     uint64_t now_ns);

#endif
