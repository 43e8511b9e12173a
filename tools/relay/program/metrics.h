/* What is counted beside the core: carriers, commits; and all of it as Prometheus text (exposition
 * format 0.0.4). docs/operations.md has a row for each name. */
#ifndef RELAY_METRICS_H
#define RELAY_METRICS_H

#include <stddef.h>
#include <stdint.h>

struct server;

enum { METRICS_CARRIERS = 12, METRICS_COMMIT_BUCKETS = 13, METRICS_TEXT_BYTES = 64 * 1024 };

typedef struct metrics_carrier {
  char scheme[16]; /* "": free */
  uint64_t open, accepted, turned_away;
  uint64_t received_bytes, sent_bytes;
} metrics_carrier;

typedef struct metrics {
  metrics_carrier carriers[METRICS_CARRIERS];
  uint64_t started_ms;                          /* Unix */
  uint64_t frozen_ns;                           /* of the commit that is being written; 0: none */
  uint64_t commits[METRICS_COMMIT_BUCKETS + 1]; /* by how long they took; the last is the rest */
  uint64_t commits_count, commits_ns;
} metrics;

/* The counters of a carrier's kind. Never NULL: the last one holds those that have no place. */
metrics_carrier *metrics_carrier_of(metrics *m, const char *scheme);
void metrics_frozen(metrics *m, uint64_t now_ns);
void metrics_settled(metrics *m, int result, uint64_t now_ns);

/* Writes the text, ended by NUL. Returns its bytes; 0: `out` is too small (METRICS_TEXT_BYTES
 * never is). */
size_t metrics_text(struct server *s, char *out, size_t out_bytes);

#endif
