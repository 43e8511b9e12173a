/* The whole system (libremote/tests/sim): the input is a script as a seed makes it, eight bytes
 * that choose the world and then operations of three bytes: what, who, how much. All oracles of the
 * simulation hold, and in the end everybody must have converged. An input runs again with
 * `sim --script FILE --verbose`; a seed becomes an input with `sim --seed N --save FILE`. */
#include "sim.h"
#include "target.h"

enum { HEAD_BYTES = 8, OPERATION_BYTES = 3, OPERATIONS_MAX = 120 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static uint64_t counts[SIM_COUNTS];
  const sim_options options = {.abort = true};
  if (size < HEAD_BYTES + OPERATION_BYTES) return 0;
  if (size > HEAD_BYTES + OPERATION_BYTES * OPERATIONS_MAX)
    size = HEAD_BYTES + OPERATION_BYTES * OPERATIONS_MAX;
  (void)sim_script_run(0, data, size, &options, counts);
  return 0;
}
