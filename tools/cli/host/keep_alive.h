/* Keeping the machine awake: what is wished, and whether that needs it awake now. No I/O and no
 * clock: `boot_ns` counts while the machine sleeps, so that a duration ends when it says. */
#ifndef REMOTE_CLI_KEEP_ALIVE_H
#define REMOTE_CLI_KEEP_ALIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEEP_ALIVE_MS_MAX (365ull * 24 * 3600 * 1000)
/* Behind a turn: the next one often follows at once. */
#define KEEP_ALIVE_LINGER_NS (3ull * 1000000000ull)
#define KEEP_ALIVE_WORD_BYTES 24

typedef enum keep_alive_mode {
  KEEP_ALIVE_OFF = 0,
  KEEP_ALIVE_ON = 1,
  KEEP_ALIVE_BUSY = 2, /* while a turn runs or somebody is asked */
  KEEP_ALIVE_FOR = 3   /* for a duration */
} keep_alive_mode;

typedef struct keep_alive_wish {
  keep_alive_mode mode;
  uint64_t ms;                      /* FOR: how long */
  char word[KEEP_ALIVE_WORD_BYTES]; /* as it is shown: "busy", "30m" */
} keep_alive_wish;

/* on, off, busy, 90s, 30m, 8h, 1d, or minutes alone; at most a year. False: none of them. */
bool keep_alive_parse(const char *text, keep_alive_wish *out);
/* What a wrong value is answered with. */
#define KEEP_ALIVE_VALUES "off, on, busy, or how long: 30m, 8h, 1d, or minutes"

typedef struct keep_alive_run {
  keep_alive_wish wish;
  uint64_t end_ns; /* FOR */
  bool busy;
  uint64_t busy_until_ns; /* BUSY: the end of what lingers */
} keep_alive_run;

void keep_alive_set(keep_alive_run *k, const keep_alive_wish *wish, uint64_t boot_ns);
void keep_alive_busy(keep_alive_run *k, bool busy, uint64_t boot_ns);
/* The machine is to be awake now. */
bool keep_alive_wants(const keep_alive_run *k, uint64_t boot_ns);
/* A duration is over: the wish is off from here on. */
bool keep_alive_expire(keep_alive_run *k, uint64_t boot_ns);
/* When to look again; UINT64_MAX: nothing is due. */
uint64_t keep_alive_due_ns(const keep_alive_run *k, uint64_t boot_ns);
uint64_t keep_alive_left_ms(const keep_alive_run *k, uint64_t boot_ns);
/* "7 h 59 min", "under a minute" */
void keep_alive_time(uint64_t ms, char out[48]);

#endif
