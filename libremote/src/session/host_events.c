/* Events: redacted, checked against the schema, encoded, folded into the view, journalled. */
#include <string.h>

#include "session/host_internal.h"

/* ---- one event ---- */

int lrm__host_check_event(lrm_slice packed) {
  if (packed.bytes > LRM_MESSAGE_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  lrm_preflight_limits limits = lrm_preflight_defaults(packed.bytes);
  /* Readers refuse what does not pass: it must never get a number. */
  int result = lrm_preflight(&lrm_schema_Event, packed.data, packed.bytes, &limits, NULL);
  if (result == LRM_ERR_LIMIT) return LRM_ERR_TOO_LARGE;
  return result == LRM_ERR_DECODE ? LRM_ERR_USAGE : result;
}

int lrm__host_redact(lrm_host *host, Remote__V1__Event *event, Remote__V1__Event **out) {
  *out = event;
  if (host->config.redact == NULL) return 0;
  lrm_slice packed;
  int result = lrm__buffer_pack(&host->packed, &host->allocator, &event->base, &packed);
  if (result == 0) result = lrm__host_check_event(packed);
  if (result != 0) return result;
  lrm_arena_reset(&host->redacted);
  void *copy;
  result = lrm_message_decode(&lrm_schema_Event, packed.data, packed.bytes, &host->redacted, &copy,
                              NULL);
  if (result != 0) return result == LRM_ERR_NO_MEMORY ? result : LRM_ERR_USAGE;
  *out = copy;
  host->config.redact(host->config.user, *out, &host->redacted);
  return 0;
}

static int emit(lrm_host *host, Remote__V1__Event *event, bool redact, bool show) {
  if (event->at_ms == 0) event->at_ms = host->wall_ms;
  Remote__V1__Event *out = event;
  int result = redact ? lrm__host_redact(host, event, &out) : 0;
  if (result != 0) return result;
  lrm_slice packed;
  result = lrm__buffer_pack(&host->packed, &host->allocator, &out->base, &packed);
  if (result == 0) result = lrm__host_check_event(packed);
  if (result == 0) result = lrm__host_add_event(host, packed);
  if (result == 0) result = lrm_view_apply(host->view, out, false);
  if (result != 0) return result;
  host->events_since_snapshot++;
  host->last_event_ms = out->at_ms;
  host->info_changed = true;
  if (show && host->seen != NULL) host->seen(host->seen_user, out, false);
  return 0;
}

int lrm__host_emit(lrm_host *host, Remote__V1__Event *event) {
  return emit(host, event, true, true);
}

int lrm__host_emit_clean(lrm_host *host, Remote__V1__Event *event) {
  return emit(host, event, false, true);
}

/* What was streamed has been redacted when it came; its positions must not move. */
int lrm__host_emit_quietly(lrm_host *host, Remote__V1__Event *event) {
  return emit(host, event, false, false);
}

/* ---- status ---- */

static uint32_t status_now(const lrm_host *host) {
  if (host->ended) return STATUS(ENDED);
  if (lrm__host_asks_open(host) != 0) return STATUS(NEEDS_INPUT);
  if (host->turn.begun) return STATUS(WORKING);
  return host->status == STATUS(ERROR) ? STATUS(ERROR) : STATUS(IDLE);
}

int lrm__host_update_status(lrm_host *host) {
  uint32_t status = status_now(host);
  if (status == host->status) return 0;
  Remote__V1__StatusChanged changed = REMOTE__V1__STATUS_CHANGED__INIT;
  changed.status = (Remote__V1__Status)status;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(STATUS_CHANGED);
  event.status_changed = &changed;
  int result = lrm__host_emit(host, &event);
  if (result == 0) host->status = status;
  return result;
}

/* ---- the application's events ---- */

/* Events that only the host makes, or that are not durable by themselves. */
static bool belongs_to_host(Remote__V1__Event__BodyCase body) {
  switch (body) {
    case EVENT_BODY(_NOT_SET):
    case EVENT_BODY(SESSION_RESUMED):
    case EVENT_BODY(REMOTE_MODE_CHANGED):
    case EVENT_BODY(SESSION_STATE):
    case EVENT_BODY(ASSISTANT_DELTA):
    case EVENT_BODY(THOUGHT_DELTA):
    case EVENT_BODY(TURN_STARTED):
    case EVENT_BODY(TURN_ENDED):
    case EVENT_BODY(QUEUE_CHANGED):
    case EVENT_BODY(TOOL_OUTPUT):
    case EVENT_BODY(ASK_OPENED):
    case EVENT_BODY(ASK_RESOLVED):
    case EVENT_BODY(USAGE_UPDATED):
    case EVENT_BODY(DEVICE_ATTACHED):
    case EVENT_BODY(DEVICE_DETACHED):
    case EVENT_BODY(COMMAND_OUTCOME):
      return true;
    default:
      return false;
  }
}

static bool belongs_to_turn(Remote__V1__Event__BodyCase body) {
  switch (body) {
    case EVENT_BODY(ASSISTANT_MESSAGE):
    case EVENT_BODY(THOUGHT):
    case EVENT_BODY(TOOL_STARTED):
    case EVENT_BODY(TOOL_UPDATED):
    case EVENT_BODY(TOOL_ENDED):
    case EVENT_BODY(ASSET):
    case EVENT_BODY(TOOL_AUTHORIZED):
    case EVENT_BODY(PLAN_UPDATED):
    case EVENT_BODY(PLAN_DOCUMENT_CHANGED):
    case EVENT_BODY(SUBAGENT_STARTED):
    case EVENT_BODY(SUBAGENT_ENDED):
    case EVENT_BODY(COMPACTION_STARTED):
    case EVENT_BODY(COMPACTION_ENDED):
      return true;
    default:
      return false;
  }
}

int lrm__host_end_session(lrm_host *host) {
  int result = 0;
  if (host->turn.running) {
    Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
    ended.stop_reason = lrm__text("session_ended");
    result = lrm__host_close_turn(host, &ended);
  }
  if (result == 0)
    result = lrm__host_end_asks(host, NULL, ASK_OUTCOME(ORPHANED), "the session ended", NULL);
  if (result == 0)
    result = lrm__host_refuse_queue(host, LRM_CODE_SESSION_ENDED, "the session has ended");
  if (result == 0) result = lrm__host_drop_attachments(host, UINT32_MAX);
  host->ended = true;
  return result;
}

/* What must lie in the log before the event. */
static int before(lrm_host *host, const Remote__V1__Event *event) {
  switch (event->body_case) {
    case EVENT_BODY(SESSION_ENDED):
      return lrm__host_end_session(host);
    case EVENT_BODY(TOOL_ENDED):
    case EVENT_BODY(ASSISTANT_MESSAGE):
    case EVENT_BODY(THOUGHT):
    case EVENT_BODY(HISTORY_REWOUND):
    case EVENT_BODY(CONTEXT_CLEARED):
      return lrm__host_clear(host);
    default:
      return 0;
  }
}

static int after(lrm_host *host, const Remote__V1__Event *event) {
  switch (event->body_case) {
    case EVENT_BODY(SESSION_ENDED):
      host->snapshot_wanted = true;
      return lrm__host_update_status(host);
    case EVENT_BODY(STATUS_CHANGED):
      host->status = event->status_changed->status;
      return 0;
    case EVENT_BODY(SESSION_STARTED):
      host->session->can_steer = event->session_started->can_steer;
      return 0;
    default:
      return 0;
  }
}

/* Nothing may have changed when the event is refused: so it is checked before what it entails. */
static int check(lrm_host *host, const Remote__V1__Event *event) {
  lrm_slice packed;
  int result = lrm__buffer_pack(&host->packed, &host->allocator, &event->base, &packed);
  return result != 0 ? result : lrm__host_check_event(packed);
}

static int emit_public(lrm_host *host, const Remote__V1__Event *event) {
  if (belongs_to_host(event->body_case)) return LRM_ERR_USAGE;
  Remote__V1__Event copy = *event;
  if (lrm__text_empty(copy.turn_id) && host->turn.begun && belongs_to_turn(copy.body_case))
    copy.turn_id = host->turn.id;
  int result = check(host, &copy);
  if (result == 0) result = before(host, event);
  if (result == 0) result = lrm__host_emit(host, &copy);
  return result != 0 ? result : after(host, event);
}

int lrm_host_emit(lrm_host *host, const Remote__V1__Event *event, uint64_t wall_ms,
                  uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, emit_public(host, event));
}
