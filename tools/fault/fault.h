/* Faults for tests of the real programs, from the environment (REMOTE_RELAY_FAULT,
 * REMOTE_HOST_FAULT): "POINT:N:ACTION[,...]", at most 8.
 *
 *   POINT   received, before_commit, after_commit, before_settle (log_sqlite.h)
 *   N       the N-th time that point is passed, from 1; *: every time
 *   ACTION  kill        the process dies as by kill -9
 *           hold=MS     the step waits, on the store's thread, so that the loop goes on; at
 *                       before_settle, which is on the loop's thread, the result is taken over
 *                       MS later
 *           full=COUNT  the disk is full, COUNT times
 *
 * Without the variable nothing here runs. One process, one set of faults. */
#ifndef FAULT_H
#define FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* Takes the wish. NULL and "" set nothing. False: not understood; `error` says why. */
bool fault_parse(const char *text, char *error, size_t error_bytes);
/* A fault was set. */
bool fault_set(void);
/* For lrm_store_sqlite_config.fault (the point is an lrm_fault_point); does nothing when no fault
 * was set. */
int fault_point(void *user, int point);

#endif
