/* What was reached, so that an idle simulation cannot look green. */
#include <inttypes.h>

#include "sim.h"

typedef struct row {
  const char *text;
  bool must;
} row;

static const row rows[SIM_COUNTS] = {
#define SIM_COUNT_ROW(name, must, text) [SIM_##name] = {text, must},
    SIM_COUNT_LIST(SIM_COUNT_ROW)
#undef SIM_COUNT_ROW
};

bool sim_report_print(const uint64_t counts[SIM_COUNTS], uint64_t runs, FILE *out) {
  bool all = true;
  fprintf(out, "%-66s %12s\n", "reached", "times");
  for (size_t i = 0; i < SIM_COUNTS; i++) {
    bool missing = rows[i].must && counts[i] == 0;
    fprintf(out, "%-66s %12" PRIu64 "%s\n", rows[i].text, counts[i],
            missing ? "  NEVER, but must be" : "");
    all = all && !missing;
  }
  fprintf(out, "%-66s %12" PRIu64 "\n", "seeds", runs);
  return all;
}
