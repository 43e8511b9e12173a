/* What is ephemeral: tails are kept, laid over the durable state, taken off before anything
 * durable is folded and laid over again afterwards. So a tail can never change what the log
 * says, in whatever order the two arrive. */
#include "session/view_internal.h"

#include <string.h>

#include "session/view_copy.h"

static lrm__usage shown_usage(const lrm_view *view) {
  lrm__usage usage = view->usage;
  for (const lrm__tail_event *kept = view->tail_first; kept != NULL; kept = kept->next)
    if (kept->event->body_case == REMOTE__V1__EVENT__BODY_USAGE_UPDATED)
      lrm__usage_merge(&usage, kept->event->usage_updated->usage);
  return usage;
}

static int show_usage(lrm_view *view) {
  lrm__usage usage = shown_usage(view);
  view->state.context_tokens = usage.context_tokens;
  view->state.context_size = usage.context_size;
  view->state.cost_micros = usage.cost_micros;
  return lrm__view_text(view, &view->state.cost_currency, usage.currency,
                        sizeof usage.currency - 1);
}

static int lay_over_one(lrm_view *view, const Remote__V1__Event *event) {
  const Remote__V1__AssistantDelta *said = event->assistant_delta;
  const Remote__V1__ThoughtDelta *thought = event->thought_delta;
  lrm__stream delta;
  switch (event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA:
      delta = (lrm__stream){REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT, said->message_id,
                            said->position, said->text};
      return lrm__stream_delta(view, event, &delta, true);
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA:
      delta = (lrm__stream){REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT, thought->message_id,
                            thought->position, thought->text};
      return lrm__stream_delta(view, event, &delta, true);
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
      return lrm__tool_output(view, event->tool_output, true);
    default:
      return 0;
  }
}

void lrm__tail_take_off(lrm_view *view) {
  if (view->tail_first == NULL) return;
  for (size_t i = view->item_count; i-- > 0;) {
    lrm__item *item = &view->items[i];
    if (item->from_tail) {
      lrm__item_remove(view, i);
      continue;
    }
    if (item->text == NULL) continue;
    item->bytes = item->durable_bytes;
    item->text[item->bytes] = '\0';
    lrm__stream_flags(item, item->durable_open, item->durable_more);
  }
  for (size_t i = 0; i < view->tool_count; i++) {
    lrm__tool *tool = &view->tools[i];
    tool->bytes = tool->durable_bytes;
    memcpy(tool->stream_bytes, tool->durable_stream, sizeof tool->stream_bytes);
  }
}

int lrm__tail_lay_over(lrm_view *view) {
  int result = show_usage(view);
  for (const lrm__tail_event *kept = view->tail_first; result == 0 && kept != NULL;
       kept = kept->next)
    result = lay_over_one(view, kept->event);
  return result;
}

void lrm__tail_forget(lrm_view *view) {
  while (view->tail_first != NULL) {
    lrm__tail_event *kept = view->tail_first;
    view->tail_first = kept->next;
    lrm__view_free(view, kept->event);
    lrm__view_free(view, kept);
  }
  view->tail_last = NULL;
  view->tail_bytes = 0;
  view->tail_full = false;
}

/* ---- public ---- */

static bool concerns_view(const Remote__V1__Event *event) {
  switch (event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA:
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA:
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
      return event->assistant_delta != NULL; /* members of a oneof share their place */
    case REMOTE__V1__EVENT__BODY_USAGE_UPDATED:
      return event->usage_updated != NULL && event->usage_updated->usage != NULL;
    default:
      return false;
  }
}

static int keep(lrm_view *view, const Remote__V1__Event *event, size_t bytes) {
  lrm__tail_event *kept = view->allocator.alloc(view->allocator.user, sizeof *kept);
  if (kept == NULL) return LRM_ERR_NO_MEMORY;
  kept->next = NULL;
  kept->event = lrm__copy(&view->allocator, &event->base, NULL);
  if (kept->event == NULL) {
    lrm__view_free(view, kept);
    return LRM_ERR_NO_MEMORY;
  }
  if (view->tail_last != NULL)
    view->tail_last->next = kept;
  else
    view->tail_first = kept;
  view->tail_last = kept;
  view->tail_bytes += bytes;
  return 0;
}

int lrm_view_apply_tail(lrm_view *view, const Remote__V1__Event *event) {
  if (view->tail_full || !concerns_view(event)) return 0;
  size_t bytes = protobuf_c_message_get_packed_size(&event->base);
  if (view->tail_bytes + bytes > LRM_TAIL_BYTES_MAX) {
    view->tail_full = true; /* no more until it is clear again: a hole would follow anyway */
    return 0;
  }
  int result = keep(view, event, bytes);
  if (result == 0) result = lay_over_one(view, view->tail_last->event);
  if (result == 0 && event->body_case == REMOTE__V1__EVENT__BODY_USAGE_UPDATED)
    result = show_usage(view);
  lrm__view_show(view);
  return result;
}

void lrm_view_clear_tail(lrm_view *view) {
  lrm__tail_take_off(view);
  lrm__tail_forget(view);
  /* Only the currency can need memory, and then the newer one stays until the next event. */
  (void)!show_usage(view);
  lrm__view_show(view);
}
