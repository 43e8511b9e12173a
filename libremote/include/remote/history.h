/* Paging back: a part of a session's events that lies behind, read through a bounded OPEN on a link
 * that goes on serving everything else. It keeps no events: each is handed out as it comes, the
 * oldest of the page first, and memory is one block and one message however long the history is.
 * Sans-I/O. Source: docs/spec.md sections 3.4 (`until`), 3.15 and 3.17. */
#ifndef REMOTE_HISTORY_H
#define REMOTE_HISTORY_H

#include "remote/link.h"

#include "remote/v1/event.pb-c.h" /* generated, protobuf-c */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_history lrm_history;

typedef struct lrm_history_config {
  size_t struct_bytes;
  lrm_allocator allocator;
  lrm_link *link; /* must outlive it */
  lrm_id session_id;
} lrm_history_config;

/* LRM_ERR_USAGE: no allocator, link or session id; LRM_ERR_NO_MEMORY. */
int lrm_history_create(const lrm_history_config *config, lrm_history **out) LRM_MUST_USE;
/* Does not touch the link: lrm_history_cancel first when the link goes on. */
void lrm_history_destroy(lrm_history *history);

/* Asks for the page of at most `count` offsets that ends before `before`: from
 * max(0, before.offset - count). Offsets, not lines: parts of snapshot sets have theirs too. Where
 * the log has been trimmed the page begins at what is left. When the link is down, or goes down
 * half-way, it goes on by itself behind what it has told already. before.offset 0 is DONE at once.
 * LRM_ERR_STATE: a page is being read; LRM_ERR_USAGE: no epoch, `count` 0, or an offset of 2^53 or
 * more. */
int lrm_history_read(lrm_history *history, lrm_position before, uint64_t count,
                     uint64_t now_ns) LRM_MUST_USE;
/* Gives the page up without a word; another may be asked for. */
void lrm_history_cancel(lrm_history *history);
bool lrm_history_reading(const lrm_history *history);

typedef enum lrm_history_event_type {
  LRM_HISTORY_EVENT = 1, /* a durable event at `offset`, in order, once */
  /* `count` offsets from `offset` on are no events: a part of a snapshot set, or (`unreadable`) a
   * block that cannot be read. */
  LRM_HISTORY_PASSED = 2,
  /* The page is complete. `offset`: where it really began; what lies before it is the next page.
   * `first`: nothing lies before it any more, the log begins (`trimmed`: what is left of it). */
  LRM_HISTORY_DONE = 3,
  /* It is not to be had: `problem`. 2001: another epoch has begun, so what the caller shows no
   * longer belongs to this log; 2002: the page was trimmed away; else as for a client. */
  LRM_HISTORY_FAILED = 4
} lrm_history_event_type;

typedef struct lrm_history_event {
  lrm_history_event_type type;
  uint64_t offset;
  uint32_t count;
  bool unreadable;
  bool first;
  bool trimmed;
  const Remote__V1__Event *event; /* EVENT: borrowed until the next call */
  lrm_slice raw;                  /* EVENT: the message as it came */
  const remote_v1_Problem *problem;
} lrm_history_event;

/* Every event of the link comes here; true when it belonged to this page. Afterwards drain
 * lrm_history_next_event before the next lrm_link_recv (payloads are borrowed). */
bool lrm_history_link_event(lrm_history *history, const lrm_link_event *event, uint64_t now_ns);
bool lrm_history_next_event(lrm_history *history, lrm_history_event *out);
void lrm_history_link_down(lrm_history *history);
/* When the channel is to be opened again (the relay asked for a pause), monotonic ns; UINT64_MAX:
 * never. */
uint64_t lrm_history_deadline(const lrm_history *history);
void lrm_history_expire(lrm_history *history, uint64_t now_ns);

/* How far the page is: offsets told and offsets asked for. */
void lrm_history_progress(const lrm_history *history, uint64_t *told, uint64_t *wanted);

#ifdef __cplusplus
}
#endif
#endif
