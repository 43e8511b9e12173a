#include "result.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

double bench_now_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- samples ---- */

void bench_sample(bench_samples *samples, double value) {
  if (samples->count < BENCH_SAMPLES_MAX) samples->values[samples->count++] = value;
}

static int ascending(const void *a, const void *b) {
  double left = *(const double *)a, right = *(const double *)b;
  return left < right ? -1 : left > right;
}

double bench_percentile(bench_samples *samples, double part) {
  if (samples->count == 0) return 0;
  qsort(samples->values, samples->count, sizeof *samples->values, ascending);
  return samples->values[(size_t)((double)(samples->count - 1) * part + 0.5)];
}

/* ---- results ---- */

bench_result *bench_add_value(bench_results *results, const char *name, const char *unit,
                              double value, double low, double high) {
  static bench_result overflow;
  bench_result *result =
      results->count < BENCH_RESULTS_MAX ? &results->all[results->count++] : &overflow;
  *result = (bench_result){.value = value, .low = low, .high = high};
  snprintf(result->name, sizeof result->name, "%s", name);
  snprintf(result->unit, sizeof result->unit, "%s", unit);
  return result;
}

bench_result *bench_add(bench_results *results, const char *name, const char *unit,
                        bench_samples *samples) {
  return bench_add_value(results, name, unit, bench_percentile(samples, 0.5),
                         bench_percentile(samples, 0), bench_percentile(samples, 1));
}

double bench_ratio(const bench_result *result) {
  return result->peer[0] == '\0' || result->peer_value == 0 ? 0
                                                            : result->value / result->peer_value;
}

/* ---- output ---- */

static const char *verdict(const bench_result *result) {
  double ratio = bench_ratio(result);
  if (result->target == 0 || ratio == 0) return "";
  bool met = result->at_most ? ratio <= result->target : ratio >= result->target;
  return met ? "met" : "missed";
}

static void number(char *text, size_t bytes, double value) {
  if (value >= 1e6)
    snprintf(text, bytes, "%.2f M", value / 1e6);
  else if (value >= 1e4)
    snprintf(text, bytes, "%.1f k", value / 1e3);
  else
    snprintf(text, bytes, value >= 100 ? "%.0f" : "%.3g", value);
}

void bench_print(const bench_results *results) {
  printf("%-34s %9s %-7s %9s %9s  %-24s %9s %7s %s\n", "measured", "value", "unit", "low", "high",
         "peer", "its value", "ratio", "target");
  for (size_t i = 0; i < results->count; i++) {
    const bench_result *r = &results->all[i];
    char value[24], low[24], high[24], peer[24] = "", ratio[24] = "", target[48] = "";
    number(value, sizeof value, r->value);
    number(low, sizeof low, r->low);
    number(high, sizeof high, r->high);
    if (r->peer[0] != '\0') number(peer, sizeof peer, r->peer_value);
    if (bench_ratio(r) != 0) snprintf(ratio, sizeof ratio, "%.2f", bench_ratio(r));
    if (r->target != 0)
      snprintf(target, sizeof target, "%s %g %s", r->at_most ? "<=" : ">=", r->target, verdict(r));
    printf("%-34s %9s %-7s %9s %9s  %-24s %9s %7s %s\n", r->name, value, r->unit, low, high,
           r->peer, peer, ratio, target);
  }
}

bool bench_make_folders(const char *path) {
  char folder[1024];
  snprintf(folder, sizeof folder, "%s", path);
  for (char *at = strchr(folder + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
    *at = '\0';
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) return false;
    *at = '/';
  }
  return true;
}

bool bench_write(const bench_results *results, const char *path) {
  json_t *list = json_array();
  for (size_t i = 0; i < results->count; i++) {
    const bench_result *r = &results->all[i];
    json_t *row =
        json_pack("{s:s, s:f, s:s, s:f, s:f, s:s}", "name", r->name, "value", r->value, "unit",
                  r->unit, "low", r->low, "high", r->high, "settings", r->settings);
    bool peer = r->peer[0] != '\0';
    json_object_set_new(row, "peer", peer ? json_string(r->peer) : json_null());
    json_object_set_new(row, "peer_value", peer ? json_real(r->peer_value) : json_null());
    json_object_set_new(row, "ratio",
                        bench_ratio(r) != 0 ? json_real(bench_ratio(r)) : json_null());
    if (r->target != 0) {
      json_object_set_new(row, r->at_most ? "ratio_at_most" : "ratio_at_least",
                          json_real(r->target));
    }
    json_array_append_new(list, row);
  }
  bool written = bench_make_folders(path) && json_dump_file(list, path, JSON_INDENT(2)) == 0;
  json_decref(list);
  return written;
}
