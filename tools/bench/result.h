/* What was measured: gathered, printed as a table, written as JSON. */
#ifndef BENCH_RESULT_H
#define BENCH_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#define BENCH_RESULTS_MAX 128
#define BENCH_SAMPLES_MAX 4096

typedef struct bench_result {
  char name[64];
  char unit[16];
  double value, low, high; /* of the samples: what `value` is says the settings */
  char peer[64];           /* measured in the same run; empty: none */
  double peer_value;
  double target; /* the ratio asked for; 0: none */
  bool at_most;  /* the target is an upper bound */
  char settings[160];
} bench_result;

typedef struct bench_results {
  bench_result all[BENCH_RESULTS_MAX];
  size_t count;
} bench_results;

typedef struct bench_samples {
  double values[BENCH_SAMPLES_MAX];
  size_t count;
} bench_samples;

void bench_sample(bench_samples *samples, double value);
/* Sorts. 0 <= part <= 1. */
double bench_percentile(bench_samples *samples, double part);

/* A new result; its value, low and high are the median and the extremes of the samples. */
bench_result *bench_add(bench_results *results, const char *name, const char *unit,
                        bench_samples *samples);
/* A new result of one number. */
bench_result *bench_add_value(bench_results *results, const char *name, const char *unit,
                              double value, double low, double high);
double bench_ratio(const bench_result *result); /* 0: no peer */

void bench_print(const bench_results *results);
/* All folders above a file. */
bool bench_make_folders(const char *path);
bool bench_write(const bench_results *results, const char *path);

double bench_now_s(void);

#endif
