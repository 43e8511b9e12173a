/* What an attached terminal shows: the transcript, the states of our commands, who is there. */
#include "attach.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ask_text.h"

void attach_write(void *user, const char *text, size_t bytes) {
  attaching *a = user;
  screen_write(&a->screen, text, bytes);
}

/* ---- asks and their numbers ---- */

static unsigned number_of(attaching *a, const Remote__V1__Ask *ask) {
  return transcript_ask_number(&a->transcript, ask);
}

const Remote__V1__Ask *attach_only_ask(attaching *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  return state->n_asks == 1 ? state->asks[0] : NULL;
}

const Remote__V1__Ask *attach_ask_by_number(attaching *a, unsigned number) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < state->n_asks; i++)
    if (number_of(a, state->asks[i]) == number) return state->asks[i];
  return NULL;
}

static void show_ask(attaching *a, const Remote__V1__Ask *ask) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *memory = open_memstream(&text, &bytes);
  unsigned number = number_of(a, ask);
  if (!memory) return;
  ask_print(memory, ask, number);
  fprintf(memory, "   answer with #%u and the option's number%s\n", number,
          attach_only_ask(a) ? ", or with the number alone" : "");
  fclose(memory);
  transcript_note(&a->transcript, "%s", "");
  screen_write(&a->screen, text, bytes);
  free(text);
}

void attach_show_asks(attaching *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < state->n_asks; i++) show_ask(a, state->asks[i]);
}

/* ---- presence ---- */

static void take_status(attaching *a, const remote_v1_LogStatus *status) {
  char ago[32];
  if (a->host_attached == (int)status->host_attached) return;
  bool first = a->host_attached < 0;
  a->host_attached = status->host_attached;
  if (!a->session.synced && first) return; /* part of the greeting */
  ago_text(&a->connection, status->host_heard_ms, ago, sizeof ago);
  if (status->host_attached)
    transcript_note(&a->transcript, "the host is connected");
  else
    transcript_note(&a->transcript,
                    "the host is not connected (last heard %s ago); what you send is stored and "
                    "delivered when it is back",
                    ago);
}

void attach_show_status(attaching *a) {
  const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  char since[32], heard[32];
  transcript *t = &a->transcript;
  transcript_note(t, "session %s  %s", a->session.hex, a->session.title);
  transcript_note(t, "relay %s, %s", a->connection.url_text,
                  a->connection.live ? "connected" : "NOT connected");
  if (status) {
    ago_text(&a->connection, status->host_since_ms, since, sizeof since);
    ago_text(&a->connection, status->host_heard_ms, heard, sizeof heard);
    transcript_note(t, "host %s since %s, last heard %s ago",
                    status->host_attached ? "connected" : "not connected", since, heard);
    transcript_note(
        t, "events %" PRIu64 ", commands stored %" PRIu64 ", delivered %" PRIu64 ", you may %s",
        status->events_next, status->commands_stored, status->commands_delivered,
        status->ceiling == remote_v1_Ceiling_CEILING_CONTROL ? "steer" : "only watch");
    for (size_t i = 0; i < status->attached_count; i++)
      transcript_note(t, "attached: %s%s", status->attached[i].name,
                      status->attached[i].role == remote_v1_Role_ROLE_HOST ? " (host)" : "");
  }
  transcript_note(t, "agent %s%s%s, mode %s, %zu open asks, %zu queued",
                  session_status_name((uint32_t)state->status), state->activity[0] ? ": " : "",
                  state->activity, state->current_mode_id[0] ? state->current_mode_id : "-",
                  state->n_asks, state->n_queue);
}

/* ---- our commands ---- */

static void take_command(attaching *a, const lrm_id *id) {
  lrm_command command;
  if (lrm_client_command(a->session.client, id, &command)) return;
  for (size_t i = 0; i < a->commands_count; i++) {
    attach_command *c = &a->commands[i];
    if (!lrm_id_equal(&c->id, id) || command.state <= c->seen) continue;
    c->seen = command.state;
    if (command.state < LRM_COMMAND_STORED) return;
    char hex[LRM_ID_HEX_BYTES], *text = NULL;
    size_t bytes = 0;
    lrm_id_hex(id, hex);
    if (command.state != LRM_COMMAND_DONE) {
      transcript_note(&a->transcript, "%s %.8s: %s", c->what, hex,
                      command_state_name(command.state));
      return;
    }
    FILE *memory = open_memstream(&text, &bytes);
    if (!memory) return;
    outcome_print(memory, &command);
    fclose(memory);
    transcript_note(&a->transcript, "%s %.8s: %s", c->what, hex, text);
    free(text);
    return;
  }
}

/* ---- events of the session ---- */

static void greet(attaching *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  const Remote__V1__SessionStarted *s = state->session;
  transcript *t = &a->transcript;
  if (s)
    transcript_note(t, "%s: %s %s on %s", a->session.title, s->agent, s->agent_version, s->host);
  transcript_state(t, state);
  if (state->ended) transcript_note(t, "the session has ended");
  if (a->host_attached == 0) {
    a->host_attached = -1;
    a->session.synced = true;
    const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
    if (status) take_status(a, status);
  }
  transcript_note(t, "/help lists what can be written here");
}

static void take_event(attaching *a, const Remote__V1__Event *event) {
  if (event->body_case == REMOTE__V1__EVENT__BODY_SESSION_STATE) return;
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASK_OPENED && event->ask_opened->ask)
    show_ask(a, event->ask_opened->ask);
  else
    transcript_event(&a->transcript, event);
  if (event->body_case == REMOTE__V1__EVENT__BODY_TITLE_CHANGED)
    terminal_text_copy(a->session.title, sizeof a->session.title, event->title_changed->title,
                       strlen(event->title_changed->title), TERMINAL_TEXT_ONE_LINE);
}

static void on_event(void *user, remote_session *s, const lrm_client_event *event) {
  attaching *a = user;
  bool greeted = a->begun_ns == 0;
  switch (event->type) {
    case LRM_CLIENT_EVENT:
    case LRM_CLIENT_TAIL:
      if (greeted)
        take_event(a, event->event);
      else
        a->read_events++;
      break;
    case LRM_CLIENT_SNAPSHOT:
      if (!greeted) break;
      transcript_note(&a->transcript, event->reset ? "(the log began anew)" : "(jumped ahead)");
      transcript_state(&a->transcript, remote_session_state(s));
      break;
    case LRM_CLIENT_SYNCED:
      if (!greeted) {
        lrm_link_watch(s->connection->link, true, connection_now_ns(s->connection));
        a->begun_ns = 0;
        greet(a);
      }
      break;
    case LRM_CLIENT_STATUS:
      if (event->status) take_status(a, event->status);
      break;
    case LRM_CLIENT_COMMAND:
      take_command(a, &event->command_id);
      break;
    case LRM_CLIENT_CLOSED:
      if (event->problem)
        transcript_note(&a->transcript, "the relay closed the session: %s %s",
                        lrm_code_name(event->problem->code), event->problem->reason);
      break;
    default:
      break;
  }
  attach_draw(a);
}

static void on_up(void *user, remote_session *s) {
  attaching *a = user;
  /* Somebody looks at the screen: silence is to be noticed soon. */
  lrm_link_watch(s->connection->link, true, connection_now_ns(s->connection));
  if (a->retry_ns) transcript_note(&a->transcript, "connected again");
  a->retry_ns = 0;
  attach_draw(a);
}

static void on_down(void *user, remote_session *s, const char *text, uint64_t retry_ns) {
  attaching *a = user;
  if (a->retry_ns == 0 && !s->connection->failed)
    transcript_note(&a->transcript, "connection lost (%s); it comes back by itself", text);
  a->retry_ns = retry_ns ? retry_ns : 1;
  attach_draw(a);
}

const remote_session_ops attach_session_ops = {.event = on_event, .up = on_up, .down = on_down};

/* ---- the prompt ---- */

static void prompt_text(attaching *a, char *out, size_t capacity) {
  uint64_t now_ns = connection_now_ns(&a->connection);
  if (a->retry_ns) {
    uint64_t seconds = a->retry_ns > now_ns ? (a->retry_ns - now_ns + 999999999) / 1000000000 : 0;
    snprintf(out, capacity, "reconnecting in %" PRIu64 " s> ", seconds);
  } else if (a->begun_ns) {
    snprintf(out, capacity, "reading, %" PRIu64 " events> ", a->read_events);
  } else {
    const Remote__V1__SessionState *state = remote_session_state(&a->session);
    snprintf(out, capacity, "%s%s> ", a->host_attached == 0 ? "host away, " : "",
             session_status_name((uint32_t)state->status));
  }
}

void attach_draw(attaching *a) {
  char prompt[128], line[4096];
  size_t column = 0;
  if (!a->screen.terminal) {
    fflush(a->screen.to);
    return;
  }
  if (a->input_over || a->quit) return;
  prompt_text(a, prompt, sizeof prompt);
  line_editor_render(&a->editor, prompt, a->screen.columns, line, sizeof line, &column);
  screen_prompt(&a->screen, line, column);
}
