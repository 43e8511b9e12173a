/* The view as an object: made, fed, asked. What each event does is in view_fold.c. */
#include "remote/view.h"

#include <string.h>

#include "session/view_internal.h"

static void set_lists(lrm_view *view) {
  view->modes = (lrm__list){view->mode_items, 0, LRM__MODES_MAX};
  view->options = (lrm__list){view->option_items, 0, LRM__OPTIONS_MAX};
  view->slash = (lrm__list){view->slash_items, 0, LRM__SLASH_MAX};
  view->plan = (lrm__list){view->plan_items, 0, LRM__PLAN_MAX};
  view->queue = (lrm__list){view->queue_items, 0, LRM__QUEUE_MAX};
  view->asks = (lrm__list){view->ask_items, 0, LRM_ASKS_OPEN_MAX};
  view->outcomes = (lrm__list){view->outcome_items, 0, LRM_OUTCOMES_IN_STATE};
  view->subagents = (lrm__list){view->subagent_items, 0, LRM__SUBAGENTS_MAX};
}

int lrm_view_create(const lrm_allocator *allocator, lrm_view **out) {
  lrm_view *view = allocator->alloc(allocator->user, sizeof *view);
  if (view == NULL) return LRM_ERR_NO_MEMORY;
  memset(view, 0, sizeof *view);
  view->allocator = *allocator;
  remote__v1__session_state__init(&view->state);
  set_lists(view);
  lrm__view_show(view);
  *out = view;
  return 0;
}

void lrm_view_reset(lrm_view *view) {
  Remote__V1__SessionState *state = &view->state;
  char **texts[] = {&state->title,         &state->activity,       &state->turn_id,
                    &state->keep_alive,    &state->plan_document,  &state->current_mode_id,
                    &state->cost_currency, &state->permission_mode};
  lrm__list *lists[] = {&view->modes, &view->options, &view->slash,    &view->plan,
                        &view->queue, &view->asks,    &view->outcomes, &view->subagents};
  lrm__tail_take_off(view);
  lrm__tail_forget(view);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) lrm__view_text_clear(view, texts[i]);
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) lrm__list_clear(view, lists[i]);
  lrm__tools_clear(view);
  lrm__history_clear(view);
  view->history_cut = false;
  memset(&view->usage, 0, sizeof view->usage);
  lrm__view_free(view, state->session);
  remote__v1__session_state__init(state);
  lrm__view_show(view);
}

void lrm_view_destroy(lrm_view *view) {
  if (view == NULL) return;
  lrm_allocator allocator = view->allocator;
  lrm_view_reset(view);
  allocator.free(allocator.user, view);
}

void lrm__view_show(lrm_view *view) {
  Remote__V1__SessionState *state = &view->state;
#define SHOW(member, list)              \
  state->n_##member = view->list.count; \
  state->member = (void *)view->list.items
  SHOW(modes, modes);
  SHOW(options, options);
  SHOW(slash_commands, slash);
  SHOW(plan, plan);
  SHOW(queue, queue);
  SHOW(asks, asks);
  SHOW(outcomes, outcomes);
  SHOW(subagents, subagents);
#undef SHOW
  lrm__tools_show(view);
  lrm__history_show(view);
}

int lrm_view_apply(lrm_view *view, const Remote__V1__Event *event, bool snapshot_begins) {
  bool restores = event->body_case == REMOTE__V1__EVENT__BODY_SESSION_STATE;
  int result = 0;
  if (restores && snapshot_begins) lrm_view_reset(view);
  lrm__tail_take_off(view);
  if (!restores)
    result = lrm__view_fold(view, event);
  else if (event->session_state != NULL)
    result = lrm__view_restore(view, event->session_state, snapshot_begins);
  if (result == 0) lrm__history_bound(view);
  if (result == 0) result = lrm__tail_lay_over(view);
  lrm__view_show(view);
  return result;
}

const Remote__V1__SessionState *lrm_view_state(const lrm_view *view) { return &view->state; }

/* ---- finders ---- */

static bool same_id(ProtobufCBinaryData have, const lrm_id *id) {
  return have.len == sizeof id->bytes && memcmp(have.data, id->bytes, sizeof id->bytes) == 0;
}

const Remote__V1__Ask *lrm_view_ask(const lrm_view *view, const lrm_id *ask_id) {
  for (size_t i = 0; i < view->state.n_asks; i++)
    if (same_id(view->state.asks[i]->ask_id, ask_id)) return view->state.asks[i];
  return NULL;
}

const Remote__V1__ToolState *lrm_view_tool(const lrm_view *view, const char *tool_call_id) {
  const lrm__tool *tool = lrm__tool_find(view, tool_call_id);
  return tool == NULL ? NULL : tool->message;
}

const Remote__V1__KnownOutcome *lrm_view_outcome(const lrm_view *view, const lrm_id *command_id) {
  for (size_t i = view->state.n_outcomes; i-- > 0;)
    if (same_id(view->state.outcomes[i]->command_id, command_id)) return view->state.outcomes[i];
  return NULL;
}
