/* The benchmarks. Each measures itself and its peer in turns, so that both see the same machine at
 * the same time, and returns false, with a word on stderr, when it cannot run. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "result.h"

/* By which carrier the relay is reached. */
typedef struct bench_carrier {
  const char *client; /* scheme that hosts and clients are given */
  const char *listen; /* scheme that the relay listens on */
  bool encrypted;
} bench_carrier;

typedef struct bench_options {
  const char *folder;           /* on the disk to be measured; exists, and is removed by main */
  const char *relay;            /* the program remote-relay */
  unsigned rounds;              /* of each repeated measurement */
  unsigned trips;               /* round trips of each kind */
  unsigned idle;                /* idle connections whose memory is measured */
  const bench_carrier *carrier; /* NULL: tcp */
} bench_options;

/* One write and fdatasync, appended to a file: seconds. */
typedef struct bench_disk {
  int file;
} bench_disk;

bool bench_disk_open(bench_disk *disk, const bench_options *options);
double bench_disk_sync_s(bench_disk *disk);
void bench_disk_close(bench_disk *disk);

bool bench_run_disk(const bench_options *options, bench_results *results);
bool bench_run_store(const bench_options *options, bench_results *results);
bool bench_run_trips(const bench_options *options, bench_results *results);
bool bench_run_carriers(const bench_options *options, bench_results *results);

#endif
