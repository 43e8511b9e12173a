/* remote-bench: measures, prints a table, writes build/bench/bench.json. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "bench.h"

static const char usage[] =
    "usage: remote-bench [--out FILE] [--folder FOLDER] [--relay PROGRAM] [--quick] [PART...]\n"
    "Measures the parts named (disk, store, trips, carriers), or all; every figure and its\n"
    "peer in the same run. Writes FILE (build/bench/bench.json).\n"
    "  --folder FOLDER  work there, on the disk to be measured (build/bench)\n"
    "  --relay PROGRAM  the relay to measure (beside this program: ../relay/remote-relay)\n"
    "  --idle N         idle connections whose memory is measured (1000)\n"
    "  --quick          fewer rounds\n";

static const struct {
  const char *name;
  bool (*run)(const bench_options *options, bench_results *results);
} parts[] = {{"disk", bench_run_disk},
             {"store", bench_run_store},
             {"trips", bench_run_trips},
             {"carriers", bench_run_carriers}};

#define PARTS (sizeof parts / sizeof *parts)

typedef struct choice {
  const char *out;
  const char *parent;
  bool wanted[PARTS];
  bool any;
} choice;

static bool choose_part(choice *chosen, const char *name) {
  for (size_t i = 0; i < PARTS; i++) {
    if (strcmp(parts[i].name, name) != 0) continue;
    chosen->wanted[i] = chosen->any = true;
    return true;
  }
  fprintf(stderr, "remote-bench: \"%s\" is neither an option nor a part\n", name);
  return false;
}

static bool parse(int argc, char **argv, bench_options *options, choice *chosen) {
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (strcmp(argv[i], "--quick") == 0) {
      options->rounds = 3;
      options->trips = 60;
      options->idle = 200;
    } else if (strcmp(argv[i], "--idle") == 0 && value != NULL) {
      options->idle = (unsigned)strtoul(argv[++i], NULL, 10);
      if (options->idle == 0 || options->idle > 20000) return false;
    } else if (strcmp(argv[i], "--out") == 0 && value != NULL) {
      chosen->out = argv[++i];
    } else if (strcmp(argv[i], "--folder") == 0 && value != NULL) {
      chosen->parent = argv[++i];
    } else if (strcmp(argv[i], "--relay") == 0 && value != NULL) {
      options->relay = argv[++i];
    } else if (!choose_part(chosen, argv[i])) {
      return false;
    }
  }
  return true;
}

/* Where the build puts it: build/X/tools/bench/remote-bench, build/X/tools/relay/remote-relay. */
static const char *relay_beside(const char *self) {
  static char path[1024];
  const char *slash = strrchr(self, '/');
  int bytes = slash == NULL ? 1 : (int)(slash - self);
  snprintf(path, sizeof path, "%.*s/../relay/remote-relay", bytes, slash == NULL ? "." : self);
  return path;
}

static bool run(const bench_options *options, const choice *chosen, bench_results *results) {
  bool good = true;
  for (size_t i = 0; i < PARTS; i++) {
    if (chosen->any && !chosen->wanted[i]) continue;
    fprintf(stderr, "bench: %s\n", parts[i].name);
    if (parts[i].run(options, results)) continue;
    fprintf(stderr, "bench: %s failed\n", parts[i].name);
    good = false;
  }
  return good;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at) {
  (void)status;
  (void)type;
  (void)at;
  return remove(path);
}

int main(int argc, char **argv) {
  static bench_results results;
  bench_options options = {.rounds = 5, .trips = 200, .idle = 1000, .relay = relay_beside(argv[0])};
  choice chosen = {.out = "build/bench/bench.json", .parent = "build/bench"};
  if (!parse(argc, argv, &options, &chosen)) {
    fputs(usage, stderr);
    return 2;
  }
  char folder[1024];
  snprintf(folder, sizeof folder, "%s/work-XXXXXX", chosen.parent);
  if (!bench_make_folders(folder) || mkdtemp(folder) == NULL) {
    perror(folder);
    return 1;
  }
  options.folder = folder;
  bool good = run(&options, &chosen, &results);
  if (nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
    fprintf(stderr, "bench: %s is left behind\n", folder);
  bench_print(&results);
  if (!bench_write(&results, chosen.out)) {
    perror(chosen.out);
    return 1;
  }
  printf("written: %s\n", chosen.out);
  return good ? 0 : 1;
}
