/* The store against the disk it stands on: the same payload bytes in the same portions, appended
 * and committed by the store, and written and synced by nobody but the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "remote/frame.h"
#include "remote/log.h"
#include "remote/log_sqlite.h"

#define MESSAGE_BYTES 120u
#define ROUND_S 0.4

typedef struct portion {
  const char *name;
  uint32_t messages; /* a block */
  uint32_t blocks;   /* a commit */
  double target;
} portion;

static const portion portions[] = {
    {"append 1 x 1", 1, 1, 0}, {"append 64 x 1", 64, 1, 0}, {"append 64 x 16", 64, 16, 0}};

typedef struct bench_store {
  lrm_store *store;
  lrm_log *log;
  char path[1024];
  uint8_t payload[(MESSAGE_BYTES + 1) * 64];
} bench_store;

static bool failed(const char *what, int error) {
  fprintf(stderr, "bench: %s: %s\n", what, lrm_error_text(error));
  return false;
}

/* Text that looks like a delta's: nothing here compresses. */
static void fill(uint8_t *payload, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) payload[i] = (uint8_t)(' ' + (i * 7919 + i / 64) % 90);
}

static bool open_store(bench_store *self) {
  char text[300];
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = self->path};
  int error = lrm_store_sqlite_open(&config, &self->store, text, sizeof text);
  if (error != 0) {
    fprintf(stderr, "bench: %s\n", text);
    return false;
  }
  lrm_log_key key = {.session_id = {{1}}, .kind = 2};
  lrm_id epoch = {{2}}, now;
  error = lrm_store_log(self->store, &key, true, &self->log);
  if (error != 0) return failed("log", error);
  now = lrm_log_facts_now(self->log).epoch;
  if (lrm_id_none(&now)) error = lrm_log_restart(self->log, &epoch);
  return error == 0 || failed("restart", error);
}

/* Messages a second; 0: failed. */
static double append_to_store(bench_store *self, const portion *how) {
  lrm_block block = {.offset = lrm_log_facts_now(self->log).end,
                     .count = how->messages,
                     .payload = {self->payload, (MESSAGE_BYTES + 1) * how->messages}};
  uint64_t messages = 0;
  double start = bench_now_s(), now = start;
  for (; now - start < ROUND_S; now = bench_now_s()) {
    for (uint32_t i = 0; i < how->blocks; i++) {
      int error = lrm_log_append(self->log, &block);
      if (error != 0) return failed("append", error);
      block.offset += how->messages;
      messages += how->messages;
    }
    int error = lrm_store_commit(self->store);
    if (error != 0) return failed("commit", error);
  }
  return (double)messages / (now - start);
}

static double append_to_file(int file, const uint8_t *payload, const portion *how) {
  size_t bytes = (MESSAGE_BYTES + 1) * how->messages;
  uint64_t messages = 0;
  double start = bench_now_s(), now = start;
  for (; now - start < ROUND_S; now = bench_now_s()) {
    for (uint32_t i = 0; i < how->blocks; i++) {
      if (write(file, payload, bytes) != (ssize_t)bytes) return 0;
      messages += how->messages;
    }
    if (fdatasync(file) != 0) return 0;
  }
  return (double)messages / (now - start);
}

static bool measure_appends(bench_store *self, int file, const bench_options *options,
                            bench_results *results, const portion *how) {
  static bench_samples ours, theirs;
  ours.count = theirs.count = 0;
  for (unsigned round = 0; round < options->rounds; round++) {
    double rate = append_to_store(self, how), raw = append_to_file(file, self->payload, how);
    if (rate == 0 || raw == 0) return false;
    bench_sample(&ours, rate);
    bench_sample(&theirs, raw);
  }
  bench_result *result = bench_add(results, how->name, "msg/s", &ours);
  snprintf(result->peer, sizeof result->peer, "write + fdatasync");
  result->peer_value = bench_percentile(&theirs, 0.5);
  snprintf(
      result->settings, sizeof result->settings,
      "SQLite store, synchronous FULL; %u-byte messages, %u a block, %u blocks a commit; median "
      "of %u rounds of %.1f s",
      MESSAGE_BYTES, how->messages, how->blocks, options->rounds, ROUND_S);
  return true;
}

/* ---- reading back ---- */

static double read_store(bench_store *self, uint64_t *bytes) {
  lrm_log_facts facts = lrm_log_facts_now(self->log);
  uint64_t messages = 0;
  *bytes = 0;
  double start = bench_now_s();
  for (uint64_t at = facts.first; at < facts.end;) {
    lrm_block block;
    int error = lrm_log_read(self->log, at, &block);
    if (error != 0) return failed("read", error);
    at = block.offset + block.count;
    messages += block.count;
    *bytes += block.payload.bytes;
  }
  return (double)messages / (bench_now_s() - start);
}

static double read_file(const char *path, uint64_t bytes, uint64_t messages) {
  static uint8_t buffer[64 * 1024];
  int file = open(path, O_RDONLY | O_CLOEXEC);
  double start = bench_now_s();
  for (uint64_t left = bytes; file >= 0 && left > 0;) {
    ssize_t got = read(file, buffer, left < sizeof buffer ? left : sizeof buffer);
    if (got <= 0) break;
    left -= (uint64_t)got;
  }
  double took_s = bench_now_s() - start;
  if (file >= 0) close(file);
  return (double)messages / took_s;
}

static bool write_long_log(bench_store *self, const char *file_path) {
  lrm_id epoch = {{3}};
  int error = lrm_log_restart(self->log, &epoch);
  lrm_block block = {.count = 64, .payload = {self->payload, sizeof self->payload}};
  FILE *file = fopen(file_path, "wb");
  if (file == NULL) return failed("raw file", LRM_ERR_STORE);
  for (unsigned i = 0; error == 0 && i < 8000; i++) {
    error = lrm_log_append(self->log, &block);
    block.offset += block.count;
    fwrite(self->payload, 1, sizeof self->payload, file);
    if (error == 0 && i % 64 == 63) error = lrm_store_commit(self->store);
  }
  if (error == 0) error = lrm_store_commit(self->store);
  if (fclose(file) != 0 || error != 0) return failed("writing a long log", error);
  return true;
}

static bool measure_reading(bench_store *self, const bench_options *options,
                            bench_results *results) {
  static bench_samples ours, theirs;
  char path[1100];
  snprintf(path, sizeof path, "%s/long", options->folder);
  ours.count = theirs.count = 0;
  if (!write_long_log(self, path)) return false;
  for (unsigned round = 0; round < options->rounds; round++) {
    lrm_store_close(self->store); /* nothing is left in its memory */
    if (!open_store(self)) return false;
    uint64_t bytes;
    double rate = read_store(self, &bytes);
    if (rate == 0) return false;
    bench_sample(&ours, rate);
    bench_sample(&theirs, read_file(path, bytes, lrm_log_facts_now(self->log).end));
  }
  bench_result *result = bench_add(results, "read back", "msg/s", &ours);
  snprintf(result->peer, sizeof result->peer, "read of a file");
  result->peer_value = bench_percentile(&theirs, 0.5);
  snprintf(
      result->settings, sizeof result->settings,
      "SQLite store opened again; 8000 blocks of 64 %u-byte messages, in the page cache; median "
      "of %u",
      MESSAGE_BYTES, options->rounds);
  return true;
}

bool bench_run_store(const bench_options *options, bench_results *results) {
  static bench_store self;
  char path[1100];
  snprintf(self.path, sizeof self.path, "%s/store", options->folder);
  snprintf(path, sizeof path, "%s/raw", options->folder);
  fill(self.payload, sizeof self.payload);
  if (!open_store(&self)) return false;
  int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  bool good = file >= 0;
  if (!good) perror(path);
  for (size_t i = 0; good && i < sizeof portions / sizeof *portions; i++)
    good = measure_appends(&self, file, options, results, &portions[i]);
  if (file >= 0) close(file);
  if (good) good = measure_reading(&self, options, results);
  lrm_store_close(self.store);
  return good;
}
