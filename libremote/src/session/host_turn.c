/* The end of a turn, and what ends with it. */
#include <string.h>

#include "session/host_internal.h"

/* Tools that the agent left open: closed here, without a claim that what they started stopped. */
int lrm__host_close_tools(lrm_host *host, const char *reason) {
  for (;;) {
    const Remote__V1__SessionState *state = lrm_view_state(host->view);
    if (state->n_tools == 0) return 0;
    char id[128];
    lrm__text_cut(id, sizeof id, state->tools[0]->tool_call_id);
    Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
    ended.tool_call_id = id;
    ended.status = TOOL_STATUS(CANCELLED);
    ended.reason = lrm__text(reason);
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.turn_id = host->turn.id;
    event.body_case = EVENT_BODY(TOOL_ENDED);
    event.tool_ended = &ended;
    size_t before = state->n_tools;
    int result = lrm__host_emit(host, &event);
    if (result != 0) return result;
    /* One that the view does not let go must not keep us here. */
    if (lrm_view_state(host->view)->n_tools >= before) return 0;
  }
}

int lrm__host_close_subagents(lrm_host *host, const char *reason) {
  for (;;) {
    const Remote__V1__SessionState *state = lrm_view_state(host->view);
    if (state->n_subagents == 0) return 0;
    char id[128];
    lrm__text_cut(id, sizeof id, state->subagents[0]);
    Remote__V1__SubagentEnded ended = REMOTE__V1__SUBAGENT_ENDED__INIT;
    ended.agent_id = id;
    ended.failed = true;
    ended.text = lrm__text(reason);
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.turn_id = host->turn.id;
    event.body_case = EVENT_BODY(SUBAGENT_ENDED);
    event.subagent_ended = &ended;
    size_t before = state->n_subagents;
    int result = lrm__host_emit(host, &event);
    if (result != 0) return result;
    if (lrm_view_state(host->view)->n_subagents >= before) return 0;
  }
}

int lrm__host_cancel_turn(lrm_host *host, const lrm__actor *by) {
  host->turn.cancelling = true;
  host->turn.cancelled_local = by->actor.local;
  if (!by->actor.local) {
    lrm_origin *origin = &host->turn.cancelled_by;
    lrm__text_cut(origin->account, sizeof origin->account, by->origin.account);
    lrm__text_cut(origin->device, sizeof origin->device, by->origin.device);
    lrm__text_cut(origin->surface, sizeof origin->surface, by->origin.surface);
    origin->device_id = lrm__id_of(&by->origin.device_id);
  }
  return lrm__host_end_asks(host, host->turn.id, ASK_OUTCOME(CANCELLED), "the turn was cancelled",
                            by);
}

static bool worth_a_snapshot(const lrm_host *host) {
  return host->events_since_snapshot >= LRM__TURN_SNAPSHOT_EVENTS ||
         host->bytes_since_snapshot >= LRM__TURN_SNAPSHOT_BYTES;
}

/* The turn's own prompt, if the application has not said that the agent has it: it has. */
static int settle_prompt(lrm_host *host) {
  if (host->turn.begun || lrm_id_none(&host->turn.command_id)) return 0;
  lrm_inbox_item *item = lrm__inbox_find(host->inbox, &host->turn.command_id);
  if (item == NULL || item->state != LRM_INBOX_STARTED) return 0;
  lrm__request request;
  int result = lrm__host_request(host, item, &request);
  if (result == 0) result = lrm__host_prompt_given(host, &request);
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED)};
  return result != 0 ? result : lrm__host_give(host, item, &judgement);
}

static int ended_event(lrm_host *host, const Remote__V1__TurnEnded *ended) {
  Remote__V1__TurnEnded copy = *ended;
  char stop_reason[64], error[4097];
  lrm__actor by;
  /* The agent's words, cut: the turn ends whatever they are. */
  lrm__text_cut(stop_reason, sizeof stop_reason, ended->stop_reason);
  lrm__text_cut(error, sizeof error, ended->error);
  copy.stop_reason = stop_reason;
  copy.error = error;
  copy.turn_id = host->turn.id;
  if (host->turn.cancelling)
    copy.cancelled_by =
        &(host->turn.cancelled_local ? lrm__actor_local(&by)
                                     : lrm__actor_origin(&by, &host->turn.cancelled_by))
             ->actor;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.turn_id = host->turn.id;
  event.body_case = EVENT_BODY(TURN_ENDED);
  event.turn_ended = &copy;
  return lrm__host_emit(host, &event);
}

/* The agent never had the prompt: from afar it waits again, as if it had not been begun. */
static int requeue_prompt(lrm_host *host) {
  lrm_inbox_item *item = lrm__inbox_find(host->inbox, &host->turn.command_id);
  lrm__host_turn_clear(host);
  if (item == NULL || item->state != LRM_INBOX_STARTED) return 0;
  item->state = LRM_INBOX_RECEIVED;
  item->queued = true;
  host->queue_changed = true;
  return lrm__host_save(host, item);
}

int lrm__host_close_turn(lrm_host *host, const Remote__V1__TurnEnded *ended) {
  bool never_given = lrm__host_prompt_take_back(host);
  if (never_given && !host->turn.begun) return requeue_prompt(host);
  int result = settle_prompt(host);
  if (result == 0) result = lrm__host_complete_all(host);
  if (result == 0) result = lrm__host_clear(host);
  if (result == 0) result = lrm__host_close_tools(host, "the turn ended");
  bool cancelled = host->turn.cancelling;
  lrm__actor by;
  if (result == 0 && cancelled && host->turn.cancelled_local)
    lrm__actor_local(&by);
  else if (cancelled)
    lrm__actor_origin(&by, &host->turn.cancelled_by);
  if (result == 0)
    result = lrm__host_end_asks(host, host->turn.id,
                                cancelled ? ASK_OUTCOME(CANCELLED) : ASK_OUTCOME(WITHDRAWN),
                                "the turn ended", cancelled ? &by : NULL);
  if (result == 0) result = ended_event(host, ended);
  if (result != 0) return result;
  lrm__host_turn_clear(host);
  if (worth_a_snapshot(host)) host->snapshot_wanted = true;
  return lrm__host_update_status(host);
}

static int turn_ended(lrm_host *host, const Remote__V1__TurnEnded *ended) {
  if (!host->turn.running || lrm__host_prompt_waits(host)) return LRM_ERR_STATE;
  if (!lrm__text_empty(ended->turn_id) && strcmp(ended->turn_id, host->turn.id) != 0)
    return LRM_ERR_STATE;
  int result = lrm__host_close_turn(host, ended);
  return result != 0 ? result : lrm__host_process(host);
}

int lrm_host_turn_ended(lrm_host *host, const Remote__V1__TurnEnded *ended, uint64_t wall_ms,
                        uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, turn_ended(host, ended));
}

static int agent_gone(lrm_host *host) {
  int result = 0;
  if (host->turn.running) {
    Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
    ended.stop_reason = lrm__text("agent_failed");
    result = lrm__host_close_turn(host, &ended);
  }
  if (result == 0)
    result = lrm__host_end_asks(host, NULL, ASK_OUTCOME(ORPHANED), "the agent is gone", NULL);
  return result;
}

int lrm_host_set_agent_ready(lrm_host *host, bool is_ready, uint64_t wall_ms, uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  bool was = host->agent_ready;
  host->agent_ready = is_ready;
  int result = was && !is_ready ? agent_gone(host) : 0;
  return lrm__host_leave(host, result != 0 ? result : lrm__host_process(host));
}
