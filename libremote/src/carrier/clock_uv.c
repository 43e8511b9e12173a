/* The two clocks that programs hand to the core. */
#include <time.h>

#include "remote/carrier_uv.h"

uint64_t lrm_uv_now_ns(const uv_loop_t *loop) {
  (void)loop;
  /* CLOCK_BOOTTIME counts while the machine sleeps, libuv's clock does not: the link must see the
   * jump, because after one it probes first instead of trusting its timers. */
  struct timespec now;
  if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + 1;
}

uint64_t lrm_uv_wall_ms(void) {
  struct timespec now;
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}
