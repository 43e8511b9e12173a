/* Links that do nothing: what each costs the relay; and links that read a whole session. */
#ifndef BENCH_IDLE_H
#define BENCH_IDLE_H

#include "world.h"

typedef struct bench_crowd bench_crowd;

/* So many clients, connected one after the other and welcomed. NULL: it did not come to that. */
bench_crowd *bench_crowd_open(bench_world *world, unsigned count);
/* Each opens the session's events: where they end now, or (whole) from the beginning. True: all
 * have been told that they have everything. */
bool bench_crowd_subscribe(bench_crowd *crowd, bool whole);
/* Messages that the first has read. */
uint64_t bench_crowd_read(const bench_crowd *crowd);
void bench_crowd_close(bench_crowd *crowd);

/* KiB of memory that are the relay's own and touched (private and dirty): the kernel's share, of
 * sockets and the like, is not in it. 0: cannot be told. */
double bench_relay_kib(const bench_relay *relay);

#endif
