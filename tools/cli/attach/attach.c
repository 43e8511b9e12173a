/* What an attached terminal is told: the session, the connection, who is there. */
#include "attach.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "event_words.h"

/* ---- presence ---- */

void attach_touch(attaching *a) {
  if (a->surface != NULL)
    surface_touch(a->surface, a->down || !a->greeted || a->host_attached == 0);
}

static const char *view_only_text(remote_v1_Layer layer) {
  switch (layer) {
    case remote_v1_Layer_LAYER_ENTERPRISE:
      return "the enterprise's policy allows this account to view, not to steer";
    case remote_v1_Layer_LAYER_ORGANIZATION:
      return "the organization's policy allows this account to view, not to steer";
    default:
      return "policy allows this account to view, not to steer";
  }
}

const char *attach_view_only(attaching *a) {
  const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  if (state->ended) return NULL; /* the host says so, if it is there */
  if (state->remote_mode == REMOTE__V1__REMOTE_MODE__REMOTE_MODE_VIEW)
    return "the session was shared for viewing (/remote on at the host allows more)";
  if (status != NULL && status->ceiling == remote_v1_Ceiling_CEILING_VIEW)
    return view_only_text(status->ceiling_layer);
  return NULL;
}

static bool remote_off(const attaching *a) {
  return remote_session_state(&a->session)->remote_mode == REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
}

static void take_steering(attaching *a) {
  const char *why = attach_view_only(a);
  int may = why == NULL;
  if (!a->greeted || may == a->may_steer || remote_off(a)) return;
  bool first = a->may_steer < 0;
  a->may_steer = may;
  if (!may)
    surface_say(a->surface, "you can only watch: %s", why);
  else if (!first)
    surface_say(a->surface, "you can steer now");
}

static void take_status(attaching *a, const remote_v1_LogStatus *status) {
  char ago[32];
  take_steering(a);
  if (a->host_attached == (int)status->host_attached) return;
  bool first = a->host_attached < 0;
  a->host_attached = status->host_attached;
  if (!a->greeted && first) return; /* part of the greeting */
  ago_text(&a->connection, status->host_heard_ms, ago, sizeof ago);
  if (status->host_attached)
    surface_say(a->surface, "the host is connected");
  else if (remote_off(a))
    surface_say(a->surface,
                "the host shares nothing now; what you send is stored and delivered when remote "
                "control is on again");
  else
    surface_say(a->surface,
                "the host is not connected (last heard %s ago); what you send is stored and "
                "delivered when it is back",
                ago);
}

static void show_attached(attaching *a, const remote_v1_LogStatus *status) {
  char since[32], name[80];
  for (size_t i = 0; i < status->attached_count; i++) {
    const remote_v1_AttachedDevice *device = &status->attached[i];
    terminal_text_copy(name, sizeof name, device->name, strlen(device->name),
                       TERMINAL_TEXT_ONE_LINE);
    ago_text(&a->connection, device->since_ms, since, sizeof since);
    surface_say(a->surface, "attached: %s%s, since %s", name,
                device->role == remote_v1_Role_ROLE_HOST ? " (host)" : "", since);
  }
  if (status->attached_total > status->attached_count)
    surface_say(a->surface, "attached: %u more",
                (unsigned)(status->attached_total - status->attached_count));
}

static void show_connection(attaching *a) {
  uint64_t now_ns = connection_now_ns(&a->connection);
  if (a->connection.live) {
    surface_say(a->surface, "relay %s, connected", a->connection.url_text);
    return;
  }
  uint64_t seconds = a->retry_ns > now_ns ? (a->retry_ns - now_ns + 999999999) / 1000000000 : 0;
  surface_say(a->surface,
              "relay %s, NOT connected (%s), next try in %" PRIu64 " s; /retry tries now",
              a->connection.url_text, a->down_text, seconds);
}

void attach_show_status(attaching *a) {
  const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  char since[32], heard[32];
  surface_say(a->surface, "session %s  %s", a->session.hex, a->session.title);
  show_connection(a);
  if (status != NULL) {
    ago_text(&a->connection, status->host_since_ms, since, sizeof since);
    ago_text(&a->connection, status->host_heard_ms, heard, sizeof heard);
    surface_say(a->surface, "host %s since %s, last heard %s ago",
                status->host_attached ? "connected" : "not connected", since, heard);
    surface_say(a->surface,
                "events %" PRIu64 ", commands stored %" PRIu64 ", delivered %" PRIu64
                ", you may %s",
                status->events_next, status->commands_stored, status->commands_delivered,
                attach_view_only(a) == NULL ? "steer" : "only watch");
    show_attached(a, status);
  }
  surface_say(a->surface, "agent %s%s%s, mode %s, %zu open asks, %zu queued",
              session_status_name((uint32_t)state->status), state->activity[0] ? ": " : "",
              state->activity, state->current_mode_id[0] ? state->current_mode_id : "-",
              state->n_asks, state->n_queue);
  if (a->commands_count > 0)
    surface_say(a->surface, "%zu of your commands have no outcome yet", a->commands_count);
}

static size_t watchers(const remote_v1_LogStatus *status) {
  size_t hosts = 0;
  for (size_t i = 0; i < status->attached_count; i++)
    hosts += status->attached[i].role == remote_v1_Role_ROLE_HOST;
  return status->attached_total > hosts ? status->attached_total - hosts : 0;
}

void attach_status_text(attaching *a, char *out, size_t capacity) {
  const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
  uint64_t now_ns = connection_now_ns(&a->connection);
  char ago[32];
  if (a->down) {
    uint64_t seconds = a->retry_ns > now_ns ? (a->retry_ns - now_ns + 999999999) / 1000000000 : 0;
    snprintf(out, capacity, "reconnecting in %" PRIu64 " s (%.60s)", seconds, a->down_text);
  } else if (!a->greeted) {
    snprintf(out, capacity, "reading, %" PRIu64 " events", a->read_events);
  } else if (status != NULL && !status->host_attached) {
    ago_text(&a->connection, status->host_since_ms, ago, sizeof ago);
    snprintf(out, capacity, "%s %s", remote_off(a) ? "remote off" : "host away", ago);
  } else {
    size_t count = status != NULL ? watchers(status) : 0;
    int n = snprintf(out, capacity, "%s", attach_view_only(a) != NULL ? "view only" : "");
    if (count > 1 && n >= 0 && (size_t)n < capacity)
      snprintf(out + n, capacity - (size_t)n, "%s%zu watching", n > 0 ? ", " : "", count);
  }
}

/* ---- events of the session ---- */

static void greet(attaching *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  const Remote__V1__SessionStarted *s = state->session;
  a->greeted = true;
  surface_state(a->surface, state);
  attach_begin_past(a);
  if (s != NULL)
    surface_say(a->surface, "%s: %s %s on %s", a->session.title, s->agent, s->agent_version,
                s->host);
  if (state->ended) surface_say(a->surface, "the session has ended");
  if (a->host_attached == 0) {
    a->host_attached = -1;
    const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
    if (status != NULL) take_status(a, status);
    if (a->host_attached == 0 || a->host_attached == 1)
      a->host_attached = (int)status->host_attached;
  }
  take_steering(a);
  surface_say(a->surface, "/help lists what can be written here");
  surface_ready(a->surface);
}

static void take_event(attaching *a, const Remote__V1__Event *event) {
  if (event->body_case == REMOTE__V1__EVENT__BODY_SESSION_STATE) return;
  surface_event(a->surface, event);
  if (event->body_case == REMOTE__V1__EVENT__BODY_TITLE_CHANGED)
    terminal_text_copy(a->session.title, sizeof a->session.title, event->title_changed->title,
                       strlen(event->title_changed->title), TERMINAL_TEXT_ONE_LINE);
  if (event->body_case == REMOTE__V1__EVENT__BODY_REMOTE_MODE_CHANGED) take_steering(a);
}

static void on_event(void *user, remote_session *s, const lrm_client_event *event) {
  attaching *a = user;
  switch (event->type) {
    case LRM_CLIENT_EVENT:
    case LRM_CLIENT_TAIL:
      if (a->greeted)
        take_event(a, event->event);
      else
        a->read_events++;
      break;
    case LRM_CLIENT_SNAPSHOT:
      if (!a->greeted) break;
      surface_say(a->surface, event->reset ? "(the log began anew)" : "(jumped ahead)");
      surface_state(a->surface, remote_session_state(s));
      attach_begin_past(a);
      break;
    case LRM_CLIENT_SYNCED:
      if (!a->greeted) {
        lrm_link_watch(s->connection->link, true, connection_now_ns(s->connection));
        greet(a);
      }
      break;
    case LRM_CLIENT_STATUS:
      if (event->status != NULL) take_status(a, event->status);
      break;
    case LRM_CLIENT_COMMAND:
      attach_take_command(a, &event->command_id);
      break;
    case LRM_CLIENT_UNREADABLE:
      surface_say(a->surface,
                  "%" PRIu64 " event%s cannot be read (%s): what the host sent is broken",
                  event->count, event->count == 1 ? "" : "s", lrm_code_name(event->code));
      break;
    case LRM_CLIENT_CLOSED:
      if (event->problem != NULL)
        surface_say(a->surface, "the relay closed the session: %s %s",
                    lrm_code_name(event->problem->code), event->problem->reason);
      break;
    default:
      break;
  }
  attach_work_on_files(a);
  attach_touch(a);
}

static void on_page(void *user, remote_session *s, const lrm_history_event *event) {
  (void)s;
  attach_take_page(user, event);
}

static void on_up(void *user, remote_session *s) {
  attaching *a = user;
  /* Somebody looks at the screen: silence is to be noticed soon. */
  lrm_link_watch(s->connection->link, true, connection_now_ns(s->connection));
  if (a->down) surface_say(a->surface, "connected again");
  a->down = false;
  a->retry_ns = 0;
  attach_touch(a);
}

static void on_down(void *user, remote_session *s, const char *text, uint64_t retry_ns) {
  attaching *a = user;
  if (!a->down && !s->connection->failed)
    surface_say(a->surface, "connection lost (%s); it comes back by itself", text);
  a->down = true;
  a->retry_ns = retry_ns;
  snprintf(a->down_text, sizeof a->down_text, "%s", text != NULL && text[0] ? text : "closed");
  attach_touch(a);
}

const remote_session_ops attach_session_ops = {
    .event = on_event, .page = on_page, .up = on_up, .down = on_down};
