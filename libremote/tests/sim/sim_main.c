/*   sim [--seed N] [--count N] [--first M] [--seeds FILE] [--report] [--must] [--verbose]
 *       [--trace FILE] [--twice] [--script FILE] [--save FILE]
 * Exit: 0 all passed, 1 a seed failed, 2 wrong use, 3 something that must be reached never was. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"

typedef struct arguments {
  uint64_t first, count;
  const char *seeds_file, *script_file, *save_file;
  bool report, must, twice;
  sim_options options;
} arguments;

static int usage(void) {
  fprintf(
      stderr,
      "usage: sim [--seed N] [--count N] [--first M] [--seeds FILE] [--report] [--must]\n"
      "           [--polls] [--verbose] [--trace FILE] [--twice] [--script FILE] [--save FILE]\n"
      "  --seed N      one seed, again\n"
      "  --count N     so many seeds (100), from --first (1) on\n"
      "  --seeds FILE  the seeds of a list: a number and a reason a line\n"
      "  --report      what was reached, as a table\n"
      "  --must        exit 3 when something that must be reached never was\n"
      "  --polls       every other carrier is long-poll\n"
      "  --trace FILE  one line for each step of the protocol (README.md)\n"
      "  --save FILE   with --seed: its script into a file, and nothing else\n"
      "  --script FILE runs a script, of --save or of the fuzzer (fuzz/system.c)\n"
      "  --twice       each seed twice: both runs must be the same\n");
  return 2;
}

static bool parse(int argc, char **argv, arguments *a) {
  for (int i = 1; i < argc; i++) {
    bool more = i + 1 < argc;
    if (strcmp(argv[i], "--verbose") == 0) {
      a->options.verbose = true;
    } else if (strcmp(argv[i], "--polls") == 0) {
      a->options.polls = true;
    } else if (strcmp(argv[i], "--report") == 0) {
      a->report = true;
    } else if (strcmp(argv[i], "--must") == 0) {
      a->must = true;
    } else if (strcmp(argv[i], "--twice") == 0) {
      a->twice = true;
    } else if (more && strcmp(argv[i], "--seed") == 0) {
      a->first = strtoull(argv[++i], NULL, 10);
      a->count = 1;
    } else if (more && strcmp(argv[i], "--first") == 0) {
      a->first = strtoull(argv[++i], NULL, 10);
    } else if (more && strcmp(argv[i], "--count") == 0) {
      a->count = strtoull(argv[++i], NULL, 10);
    } else if (more && strcmp(argv[i], "--seeds") == 0) {
      a->seeds_file = argv[++i];
    } else if (more && strcmp(argv[i], "--script") == 0) {
      a->script_file = argv[++i];
    } else if (more && strcmp(argv[i], "--save") == 0) {
      a->save_file = argv[++i];
    } else if (more && strcmp(argv[i], "--trace") == 0) {
      a->options.trace = fopen(argv[++i], "w");
      if (a->options.trace == NULL) {
        perror(argv[i]);
        return false;
      }
    } else {
      return false;
    }
  }
  return true;
}

static void run_seed(const arguments *a, uint64_t seed, uint64_t counts[SIM_COUNTS]) {
  uint8_t script[SIM_SCRIPT_MAX];
  size_t bytes = sim_script_make(seed, script);
  uint64_t hash = sim_script_run(seed, script, bytes, &a->options, counts);
  if (!a->twice) return;
  uint64_t unused[SIM_COUNTS] = {0};
  if (sim_script_run(seed, script, bytes, &a->options, unused) == hash) return;
  fprintf(stderr, "sim: FAILED seed %llu: two runs differ\n", (unsigned long long)seed);
  exit(1);
}

/* A number at the beginning of each line; the rest says why. */
static bool run_list(const arguments *a, uint64_t counts[SIM_COUNTS], uint64_t *runs) {
  char line[400];
  FILE *in = fopen(a->seeds_file, "r");
  if (in == NULL) {
    perror(a->seeds_file);
    return false;
  }
  while (fgets(line, sizeof line, in) != NULL) {
    if (line[0] < '0' || line[0] > '9') continue;
    run_seed(a, strtoull(line, NULL, 10), counts);
    (*runs)++;
  }
  fclose(in);
  return true;
}

static int save_script(const arguments *a) {
  uint8_t script[SIM_SCRIPT_MAX];
  size_t bytes = sim_script_make(a->first, script);
  FILE *out = fopen(a->save_file, "wb");
  bool good = out != NULL && fwrite(script, 1, bytes, out) == bytes;
  if (out != NULL && fclose(out) != 0) good = false;
  if (!good) perror(a->save_file);
  return good ? 0 : 2;
}

static bool run_script(const arguments *a, uint64_t counts[SIM_COUNTS]) {
  uint8_t script[SIM_SCRIPT_MAX];
  FILE *in = fopen(a->script_file, "rb");
  if (in == NULL) {
    perror(a->script_file);
    return false;
  }
  size_t bytes = fread(script, 1, sizeof script, in);
  fclose(in);
  (void)sim_script_run(0, script, bytes, &a->options, counts);
  return true;
}

int main(int argc, char **argv) {
  arguments a = {.first = 1, .count = 100};
  static uint64_t counts[SIM_COUNTS];
  uint64_t runs = 0;
  if (!parse(argc, argv, &a)) return usage();
  if (a.save_file != NULL) return save_script(&a);
  if (a.script_file != NULL) {
    if (!run_script(&a, counts)) return 2;
    runs = 1;
  } else if (a.seeds_file != NULL) {
    if (!run_list(&a, counts, &runs)) return 2;
  } else {
    for (; runs < a.count; runs++) run_seed(&a, a.first + runs, counts);
  }
  bool all = true;
  if (a.report || a.must) all = sim_report_print(counts, runs, stdout);
  if (a.options.trace != NULL) fclose(a.options.trace);
  if (a.must && !all) return 3;
  if (a.script_file != NULL)
    printf("sim: %s passed\n", a.script_file);
  else if (a.seeds_file != NULL)
    printf("sim: %llu seeds of %s passed\n", (unsigned long long)runs, a.seeds_file);
  else
    printf("sim: seeds %llu to %llu passed\n", (unsigned long long)a.first,
           (unsigned long long)(a.first + runs - 1));
  return 0;
}
