/* How long this disk takes to make 4 KiB durable: what every latency is compared with. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define SYNCS 400u
#define SYNC_BYTES 4096u

bool bench_disk_open(bench_disk *disk, const bench_options *options) {
  char path[1024];
  snprintf(path, sizeof path, "%s/disk", options->folder);
  disk->file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (disk->file < 0) perror(path);
  return disk->file >= 0;
}

double bench_disk_sync_s(bench_disk *disk) {
  static uint8_t bytes[SYNC_BYTES];
  double start = bench_now_s();
  bytes[0]++;
  if (write(disk->file, bytes, sizeof bytes) != (ssize_t)sizeof bytes) return -1;
  if (fdatasync(disk->file) != 0) return -1;
  return bench_now_s() - start;
}

void bench_disk_close(bench_disk *disk) { close(disk->file); }

bool bench_run_disk(const bench_options *options, bench_results *results) {
  bench_disk disk;
  static bench_samples samples;
  samples.count = 0;
  if (!bench_disk_open(&disk, options)) return false;
  for (unsigned i = 0; i < SYNCS; i++) {
    double took_s = bench_disk_sync_s(&disk);
    if (took_s < 0) {
      perror("fdatasync");
      return false;
    }
    bench_sample(&samples, took_s * 1e6);
  }
  bench_disk_close(&disk);
  static const struct {
    const char *name;
    double part;
  } parts[] = {{"fdatasync p50", 0.5}, {"fdatasync p99", 0.99}};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    bench_result *result =
        bench_add_value(results, parts[i].name, "us", bench_percentile(&samples, parts[i].part),
                        bench_percentile(&samples, 0), bench_percentile(&samples, 1));
    snprintf(result->settings, sizeof result->settings, "%u appends of %u bytes, each synced",
             SYNCS, SYNC_BYTES);
  }
  return true;
}
