/* The view: one reducer, events in, SessionState out. The same cases (conformance/view) test
 * this one and every other client's. Property: snapshot(at n) + events n.. gives the same view
 * as events 0.., for every n. Source: docs/spec.md section 15. */
#ifndef REMOTE_VIEW_H
#define REMOTE_VIEW_H

#include "remote/types.h"

#include "remote/v1/event.pb-c.h" /* generated, protobuf-c */

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_view lrm_view;

int lrm_view_create(const lrm_allocator *allocator, lrm_view **out) LRM_MUST_USE;
void lrm_view_destroy(lrm_view *view);
void lrm_view_reset(lrm_view *view);

/* Folds one durable event. The event is copied as needed; unknown bodies change nothing. Lists
 * and texts are bounded as the schema says, the history to 64 items within 256 KiB (encoded), each
 * running tool's output to its last 16 KiB, each ended tool's to 4 KiB; nothing is cut within a
 * character. SessionState events of a snapshot set:
 * `part` 1's first message replaces the view, the rest of the set is joined to it; a view that is
 * already at that place ignores the set (the caller says so by not applying it).
 * LRM_ERR_NO_MEMORY: only reset or destroy it. */
int lrm_view_apply(lrm_view *view, const Remote__V1__Event *event,
                   bool snapshot_begins) LRM_MUST_USE;
/* Folds one ephemeral event (deltas, tool output, usage; others change nothing); what it added is
 * dropped by the next lrm_view_clear_tail, and lies over the durable state until then. Deltas
 * whose position leaves a hole are ignored until the durable message comes; of one that begins
 * below the end only the new part is taken. After LRM_TAIL_BYTES_MAX nothing more is taken.
 * LRM_ERR_NO_MEMORY as above. */
int lrm_view_apply_tail(lrm_view *view, const Remote__V1__Event *event) LRM_MUST_USE;
/* A CLEARS_TAIL block begins, or the reader jumped: what tails had added is taken back. */
void lrm_view_clear_tail(lrm_view *view);

/* The folded state, tails included. Borrowed until the next call that changes the view. */
const Remote__V1__SessionState *lrm_view_state(const lrm_view *view);

/* The durable state (no tails) as messages for a snapshot set, at least one: calls emit for each
 * SessionState event, encoded, each at most LRM_MESSAGE_BYTES_MAX; stops on a negative result and
 * returns it. emit may not use the view. LRM_ERR_NO_MEMORY: nothing has changed. */
int lrm_view_snapshot(const lrm_view *view, uint64_t at_ms,
                      int (*emit)(void *user, const uint8_t *event, size_t bytes),
                      void *user) LRM_MUST_USE;

/* Finders in the state: open asks, running tools, outcomes; NULL when there is none. Borrowed as
 * the state is. */
const Remote__V1__Ask *lrm_view_ask(const lrm_view *view, const lrm_id *ask_id);
const Remote__V1__ToolState *lrm_view_tool(const lrm_view *view, const char *tool_call_id);
const Remote__V1__KnownOutcome *lrm_view_outcome(const lrm_view *view, const lrm_id *command_id);

#ifdef __cplusplus
}
#endif
#endif
