/* Judging an OPEN against a log: where a reader or a writer goes on. Pure functions, no I/O;
 * used by relays, simulators and tests. Source: docs/spec.md section 3. */
#ifndef REMOTE_CURSOR_H
#define REMOTE_CURSOR_H

#include "remote/log.h"
#include "remote/types.h"

#include "remote/v1/link.pb.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A reader's OPEN (SUBSCRIBE, either log). Fills *opened except ceiling. Returns 0, or a code
 * (LRM_CODE_*) to close the channel with. `first`/`end`/`snapshot` come from facts. A reader
 * that is ahead of the log in the same epoch is never set back. */
uint32_t lrm_cursor_subscribe(const lrm_log_facts *facts, const remote_v1_Open *open,
                              remote_v1_Opened *opened);

typedef enum lrm_cursor_action {
  LRM_CURSOR_CONTINUE = 0, /* the log goes on as it is */
  LRM_CURSOR_RESTART = 1,  /* commit lrm_log_restart with open's epoch (readers closed with 2001
                              first), then OPENED at first_retained */
  LRM_CURSOR_SKIP = 2      /* same epoch, the log jumps to first_retained, the start of a set */
} lrm_cursor_action;

/* The host's OPEN (PUBLISH, EVENTS). `former`: lrm_log_former of open's epoch. Writer generations
 * are judged by the caller. Fills *opened except ceiling. Returns 0 or a code. */
uint32_t lrm_cursor_publish_events(const lrm_log_facts *facts, bool former,
                                   const remote_v1_Open *open, remote_v1_Opened *opened,
                                   lrm_cursor_action *action);

/* A client's OPEN (PUBLISH, COMMANDS). `outbox_known`, `outbox_next`: what the relay remembers of
 * the outbox of this (link, session). */
uint32_t lrm_cursor_publish_commands(bool outbox_known, uint64_t outbox_next,
                                     const remote_v1_Open *open, remote_v1_Opened *opened);

#ifdef __cplusplus
}
#endif
#endif
