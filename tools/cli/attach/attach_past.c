/* Paging back: what happened before the part that was read. A terminal that scrolls cannot be
 * written to above, so an earlier part is shown below, between two lines that say what it is. */
#include "attach.h"

void attach_begin_past(attaching *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  a->past = lrm_client_position(a->session.client);
  a->past_ms = state->n_history > 0 ? state->history[0]->at_ms : UINT64_MAX;
}

static void read_page(attaching *a) {
  if (remote_session_page(&a->session, a->past, ATTACH_PAGE_OFFSETS) != EXIT_CODE_DONE)
    surface_say(a->surface, "the earlier part cannot be read");
}

void attach_page_back(void *user) {
  attaching *a = user;
  if (!a->greeted) return;
  a->past_shown = false;
  if (remote_session_paging(&a->session))
    surface_say(a->surface, "an earlier part is being read");
  else if (lrm_id_none(&a->past.epoch) || a->past.offset == 0)
    surface_say(a->surface, "nothing lies before what is shown");
  else if (!a->connection.live)
    surface_say(a->surface, "there is no connection now");
  else
    read_page(a);
}

static void take_event(attaching *a, const Remote__V1__Event *event) {
  if (event->at_ms >= a->past_ms || event->body_case == REMOTE__V1__EVENT__BODY_SESSION_STATE)
    return;
  if (!a->past_shown) surface_past_begin(a->surface, "---- earlier ----");
  a->past_shown = true;
  surface_past_event(a->surface, event);
}

static void end_page(attaching *a, const char *text) {
  if (!a->past_shown)
    surface_say(a->surface, "%s", text);
  else
    surface_past_end(a->surface, text);
}

void attach_take_page(attaching *a, const lrm_history_event *event) {
  char text[256];
  switch (event->type) {
    case LRM_HISTORY_EVENT:
      take_event(a, event->event);
      break;
    case LRM_HISTORY_DONE:
      a->past.offset = event->first ? 0 : event->offset;
      if (!event->first && !a->past_shown)
        read_page(a); /* all of that page is shown already */
      else
        end_page(a, event->trimmed  ? "---- what lies before that is no longer kept ----"
                    : !event->first ? "---- so far the earlier part; /more goes on ----"
                    : a->past_shown ? "---- so far the earlier part; the session began with it ----"
                                    : "nothing lies before what is shown");
      break;
    case LRM_HISTORY_FAILED:
      snprintf(text, sizeof text, "---- the earlier part cannot be read: %s %.150s ----",
               lrm_code_name(event->problem->code), event->problem->reason);
      end_page(a, text);
      break;
    default:
      break;
  }
  attach_touch(a);
}
