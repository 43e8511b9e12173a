#include "sim_pipe.h"

#include <stdlib.h>
#include <string.h>

#include "remote/limits.h"

static void queue_push(sim_queue *q, const void *data, size_t bytes) {
  if (bytes == 0) return;
  if (q->bytes + bytes > q->capacity) {
    q->capacity = (q->bytes + bytes) * 2;
    q->data = realloc(q->data, q->capacity);
    if (q->data == NULL) abort();
  }
  memcpy(q->data + q->bytes, data, bytes);
  q->bytes += bytes;
}

static void queue_drop(sim_queue *q, size_t bytes) {
  if (bytes == 0) return;
  memmove(q->data, q->data + bytes, q->bytes - bytes);
  q->bytes -= bytes;
}

static void way_init(sim_way *way) {
  memset(way, 0, sizeof *way);
  way->chunk_max = 65536;
  way->cut_after = UINT64_MAX;
}

void sim_pipe_init(sim_pipe *pipe) {
  way_init(&pipe->up);
  way_init(&pipe->down);
  pipe->cut = false;
}

static void way_free(sim_way *way) {
  free(way->wire.data);
  free(way->arrived.data);
}

void sim_pipe_free(sim_pipe *pipe) {
  way_free(&pipe->up);
  way_free(&pipe->down);
  memset(pipe, 0, sizeof *pipe);
}

size_t sim_way_room(const sim_way *way) {
  size_t waiting = way->wire.bytes;
  return waiting >= LRM_CARRIER_BUFFER_BYTES_MAX ? 0 : LRM_CARRIER_BUFFER_BYTES_MAX - waiting;
}

void sim_way_send(sim_way *way, const void *data, size_t bytes) {
  if (!way->lost && !way->receiver_gone) queue_push(&way->wire, data, bytes);
}

bool sim_way_move(sim_pipe *pipe, sim_way *way, sim_random *random, uint64_t now_ns) {
  if (pipe->cut || way->wire.bytes == 0 || now_ns < way->stalled_ns || now_ns < way->ready_ns)
    return false;
  size_t bytes = 1 + (size_t)sim_below(random, way->chunk_max);
  if (bytes > way->wire.bytes) bytes = way->wire.bytes;
  if (bytes >= way->cut_after) {
    bytes = (size_t)way->cut_after;
    pipe->cut = true;
  } else if (way->cut_after != UINT64_MAX) {
    way->cut_after -= bytes;
  }
  if (!way->receiver_gone) queue_push(&way->arrived, way->wire.data, bytes);
  queue_drop(&way->wire, bytes);
  return true;
}

void sim_way_arrive(sim_way *way, const void *data, size_t bytes) {
  queue_push(&way->arrived, data, bytes);
}

void sim_way_take(sim_way *way, size_t bytes) { queue_drop(&way->arrived, bytes); }

bool sim_way_ended(const sim_pipe *pipe, const sim_way *way) {
  return pipe->cut ||
         (way->sender_gone && way->wire.bytes == 0 && !way->lost && way->stalled_ns != UINT64_MAX);
}
