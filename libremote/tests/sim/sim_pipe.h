/* A carrier of the simulation: two byte queues with every fault a network knows. */
#ifndef TESTS_SIM_PIPE_H
#define TESTS_SIM_PIPE_H

#include <stddef.h>
#include <stdint.h>

#include "sim_random.h"

typedef struct sim_queue {
  uint8_t *data;
  size_t bytes;
  size_t capacity;
} sim_queue;

/* One direction. */
typedef struct sim_way {
  sim_queue wire;      /* sent, not yet arrived */
  sim_queue arrived;   /* not yet taken by the receiver */
  uint64_t stalled_ns; /* nothing moves before; UINT64_MAX: never again, nor does the end */
  uint64_t ready_ns;   /* when the first of `wire` is there at the earliest */
  size_t chunk_max;    /* bytes that arrive at once */
  uint64_t cut_after;  /* bytes until the carrier is cut; UINT64_MAX: never */
  bool lost;           /* half open: what is sent disappears */
  bool sender_gone;    /* the rest still arrives, then the end does */
  bool receiver_gone;
} sim_way;

typedef struct sim_pipe {
  sim_way up;   /* connecting to accepting */
  sim_way down; /* and back */
  bool cut;     /* both ends see it close */
} sim_pipe;

void sim_pipe_init(sim_pipe *pipe);
void sim_pipe_free(sim_pipe *pipe);
/* Bytes that may still be written, as a carrier's own buffer would allow. */
size_t sim_way_room(const sim_way *way);
void sim_way_send(sim_way *way, const void *data, size_t bytes);
/* Moves a chunk along; true when something moved. */
bool sim_way_move(sim_pipe *pipe, sim_way *way, sim_random *random, uint64_t now_ns);
/* Bytes are there at once. */
void sim_way_arrive(sim_way *way, const void *data, size_t bytes);
/* The receiver took bytes from the front of `arrived`. */
void sim_way_take(sim_way *way, size_t bytes);
/* The receiver can see that the other side is gone. */
bool sim_way_ended(const sim_pipe *pipe, const sim_way *way);

#endif
