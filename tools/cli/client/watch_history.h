/* What `remote watch` needs of the past: where the last events begin, and how far reading is. */
#ifndef REMOTE_CLI_WATCH_HISTORY_H
#define REMOTE_CLI_WATCH_HISTORY_H

#include "remote_session.h"

#define WATCH_LAST_MAX 100000u

/* Finds the place from which the newest `count` events are read, paging back: parts of snapshots
 * have offsets too, but are no events. What there is, when there are fewer. A failure has been
 * printed. */
exit_code watch_find_last(connection *c, const remote_v1_SessionEntry *entry, uint64_t count,
                          lrm_position *out);

/* A line on standard error while a long past is read, when that is a terminal and the events go
 * elsewhere. */
typedef struct watch_progress {
  bool wanted;
  bool shown;
  uint64_t first, end; /* of what is read; end 0: not known yet */
  uint64_t said_ns;
} watch_progress;

void watch_progress_start(watch_progress *p);
void watch_progress_at(watch_progress *p, uint64_t offset, uint64_t now_ns);
/* Takes the line away: it is over, or something else is to be written. */
void watch_progress_clear(watch_progress *p);

#endif
