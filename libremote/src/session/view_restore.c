/* SessionState events: the view from a snapshot set. */
#include "session/view_internal.h"

#include <string.h>

#include "session/view_copy.h"

/* Single values come with the set's first message. */
static int restore_values(lrm_view *view, const Remote__V1__SessionState *from) {
  Remote__V1__SessionState *to = &view->state;
  const struct {
    char **member;
    const char *text;
    size_t most;
  } texts[] = {
      {&to->title, from->title, 127},
      {&to->activity, from->activity, 255},
      {&to->turn_id, from->turn_id, 127},
      {&to->current_mode_id, from->current_mode_id, 255},
      {&to->keep_alive, from->keep_alive, 63},
      {&to->plan_document, from->plan_document, 65536},
      {&to->permission_mode, from->permission_mode, 127},
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    int result = lrm__view_text(view, texts[i].member, texts[i].text, texts[i].most);
    if (result != 0) return result;
  }
  to->status = from->status;
  to->status_since_ms = from->status_since_ms;
  to->remote_mode = from->remote_mode;
  to->ended = from->ended != 0;
  view->history_cut = from->history_cut != 0;
  Remote__V1__Usage usage = REMOTE__V1__USAGE__INIT;
  usage.context_tokens = from->context_tokens;
  usage.context_size = from->context_size;
  usage.cost_micros = from->cost_micros;
  usage.currency = from->cost_currency;
  lrm__usage_merge(&view->usage, &usage);
  if (from->session == NULL) return 0;
  void *session;
  int result = lrm__view_bounded(view, &from->session->base, &session);
  to->session = session;
  return result;
}

static int join(lrm_view *view, lrm__list *list, size_t count, const void *messages) {
  const void *const *from = messages;
  for (size_t i = 0; i < count; i++) {
    int result = lrm__list_append(view, list, from[i]);
    if (result != 0) return result;
  }
  return 0;
}

/* Each through the event that would have brought it, so that ids stay unique and limits hold. */
static int restore_by_event(lrm_view *view, const Remote__V1__SessionState *from) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__AskOpened opened = REMOTE__V1__ASK_OPENED__INIT;
  Remote__V1__SubagentStarted started = REMOTE__V1__SUBAGENT_STARTED__INIT;
  int result = 0;
  event.body_case = REMOTE__V1__EVENT__BODY_ASK_OPENED;
  event.ask_opened = &opened;
  for (size_t i = 0; result == 0 && i < from->n_asks; i++) {
    opened.ask = from->asks[i];
    result = lrm__view_fold(view, &event);
  }
  event.body_case = REMOTE__V1__EVENT__BODY_SUBAGENT_STARTED;
  event.subagent_started = &started;
  for (size_t i = 0; result == 0 && i < from->n_subagents; i++) {
    started.agent_id = from->subagents[i];
    result = lrm__view_fold(view, &event);
  }
  return result;
}

static int restore_outcomes(lrm_view *view, const Remote__V1__SessionState *from) {
  for (size_t i = 0; i < from->n_outcomes; i++) {
    int result = lrm__outcome_put(view, from->outcomes[i]);
    if (result != 0) return result;
  }
  return 0;
}

static int restore_history(lrm_view *view, const Remote__V1__SessionState *from) {
  for (size_t i = 0; i < from->n_history; i++) {
    int result = lrm__history_add(view, from->history[i]);
    if (result != 0) return result;
    lrm__history_bound(view);
  }
  return 0;
}

static int restore_tools(lrm_view *view, const Remote__V1__SessionState *from) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  for (size_t i = 0; i < from->n_tools; i++) {
    int result = lrm__tool_upsert(view, &event, from->tools[i], true);
    if (result != 0) return result;
    lrm__history_bound(view);
  }
  return 0;
}

int lrm__view_restore(lrm_view *view, const Remote__V1__SessionState *from, bool begins) {
  int result = begins ? restore_values(view, from) : 0;
  if (result == 0) result = join(view, &view->modes, from->n_modes, from->modes);
  if (result == 0) result = join(view, &view->options, from->n_options, from->options);
  if (result == 0) result = join(view, &view->slash, from->n_slash_commands, from->slash_commands);
  if (result == 0) result = join(view, &view->plan, from->n_plan, from->plan);
  if (result == 0) result = join(view, &view->queue, from->n_queue, from->queue);
  if (result == 0) result = restore_by_event(view, from);
  if (result == 0) result = restore_history(view, from);
  if (result == 0) result = restore_tools(view, from);
  if (result == 0) result = restore_outcomes(view, from);
  return result;
}
