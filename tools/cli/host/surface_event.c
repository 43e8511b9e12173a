/* What each event looks like on the terminal. */
#include <stdio.h>

#include "surface_internal.h"

#define OUTPUT_LINES_MAX 400u

/* ---- messages ---- */

static bool was_streamed(const surface *s, const char *id) {
  for (size_t i = 0; i < SHOWN_STREAMS_MAX; i++)
    if (strcmp(s->streams[i], id) == 0) return true;
  return false;
}

static void put_clean(void *user, const char *text, size_t bytes) {
  surface_put(user, text, bytes);
}

static void stream(surface *s, char kind, const char *id, const char *text) {
  char name[160];
  snprintf(name, sizeof name, "%c%.127s", kind, id);
  if (kind == 't' && s->kind != SURFACE_TERMINAL) return;
  if (strcmp(s->stream_id, name) != 0) {
    surface_fresh_line(s);
    memcpy(s->stream_id, name, sizeof name);
    terminal_text_init(&s->clean, 0);
    if (kind == 't') surface_style_on(s, STYLE_DIM);
    if (!was_streamed(s, id))
      snprintf(s->streams[s->next_stream++ % SHOWN_STREAMS_MAX], 128, "%.127s", id);
  }
  terminal_text_feed(&s->clean, text, strlen(text), put_clean, s);
}

static void whole(surface *s, char kind, const char *id, const char *text, bool last) {
  if (was_streamed(s, id)) {
    if (s->stream_id[0] != '\0' && strcmp(s->stream_id + 1, id) == 0 && last) surface_fresh_line(s);
    return;
  }
  if (kind == 't' && s->kind != SURFACE_TERMINAL) return;
  surface_block(s, kind == 't' ? STYLE_DIM : STYLE_PLAIN, "", text, strlen(text), 10000);
}

static void user_message(surface *s, const Remote__V1__UserMessage *message) {
  char who[160], lead[200];
  bool local = message->by != NULL && message->by->local;
  if (s->kind == SURFACE_ONE_SHOT) return;
  bool queued = message->delivery == REMOTE__V1__MESSAGE_DELIVERY__MESSAGE_DELIVERY_QUEUED;
  if (local && s->input_tty && !queued) return; /* it stands above, as it was typed */
  surface_actor(message->by, who, sizeof who);
  snprintf(lead, sizeof lead, local ? "> " : "%.190s> ", who);
  surface_line(s, STYLE_BOLD, lead, message->text);
}

/* ---- tools ---- */

static shown_tool *tool_of(surface *s, const char *id) {
  for (size_t i = 0; i < SHOWN_TOOLS_MAX; i++)
    if (strcmp(s->tools[i].id, id) == 0) return &s->tools[i];
  shown_tool *tool = &s->tools[s->next_tool++ % SHOWN_TOOLS_MAX];
  memset(tool, 0, sizeof *tool);
  snprintf(tool->id, sizeof tool->id, "%.127s", id);
  return tool;
}

static void tool_state(surface *s, const Remote__V1__ToolState *state) {
  shown_tool *tool = tool_of(s, state->tool_call_id);
  if (state->title[0] != '\0' && strncmp(tool->title, state->title, sizeof tool->title - 1) != 0) {
    snprintf(tool->title, sizeof tool->title, "%.255s", state->title);
    surface_line(s, STYLE_DIM, "* ", state->title);
  }
  for (size_t i = 0; i < state->n_content; i++)
    if (state->content[i]->content_case == REMOTE__V1__TOOL_CONTENT__CONTENT_DIFF)
      tool->diffs = true;
}

static void tool_output(surface *s, const Remote__V1__ToolOutput *output) {
  tool_of(s, output->tool_call_id)->output = true;
  surface_block(s, STYLE_DIM, "  | ", (const char *)output->data.data, output->data.len,
                OUTPUT_LINES_MAX);
}

static void tool_ended(surface *s, const Remote__V1__ToolEnded *ended) {
  shown_tool *tool = tool_of(s, ended->tool_call_id);
  char text[300];
  for (size_t i = 0; !tool->output && i < ended->n_content; i++)
    if (ended->content[i]->content_case == REMOTE__V1__TOOL_CONTENT__CONTENT_TEXT)
      surface_block(s, STYLE_DIM, "  | ", ended->content[i]->text, strlen(ended->content[i]->text),
                    OUTPUT_LINES_MAX);
  const char *how = ended->status == REMOTE__V1__TOOL_STATUS__TOOL_STATUS_COMPLETED ? "done"
                    : ended->status == REMOTE__V1__TOOL_STATUS__TOOL_STATUS_FAILED  ? "failed"
                                                                                    : "closed";
  snprintf(text, sizeof text, "%s: %.200s", how, tool->title);
  if (ended->exit_known && ended->exit_code != 0)
    snprintf(text, sizeof text, "%s (exit code %d): %.200s", how, ended->exit_code, tool->title);
  surface_line(s, STYLE_DIM, "* ", text);
}

/* ---- the rest ---- */

static void turn_ended(surface *s, const Remote__V1__TurnEnded *ended) {
  char text[300], who[160];
  surface_fresh_line(s);
  if (ended->error[0] != '\0')
    surface_line(s, STYLE_RED, "! the agent failed: ", ended->error);
  else if (strcmp(ended->stop_reason, "end_turn") != 0) {
    surface_actor(ended->cancelled_by, who, sizeof who);
    snprintf(text, sizeof text, "turn ended: %.63s%s%s", ended->stop_reason,
             ended->cancelled_by != NULL ? " by " : "", ended->cancelled_by != NULL ? who : "");
    surface_line(s, STYLE_DIM, "· ", text);
  }
  surface_prompt(s);
}

static void plan(surface *s, const Remote__V1__PlanUpdated *updated) {
  char text[256];
  size_t done = 0;
  const char *now = "";
  for (size_t i = 0; i < updated->n_entries; i++) {
    done += updated->entries[i]->status == REMOTE__V1__PLAN_STATUS__PLAN_STATUS_COMPLETED;
    if (updated->entries[i]->status == REMOTE__V1__PLAN_STATUS__PLAN_STATUS_IN_PROGRESS)
      now = updated->entries[i]->text;
  }
  snprintf(text, sizeof text, "plan: %zu of %zu done%s%.180s", done, updated->n_entries,
           now[0] != '\0' ? ", now: " : "", now);
  if (strcmp(text, s->plan) == 0) return;
  memcpy(s->plan, text, sizeof text);
  surface_line(s, STYLE_DIM, "· ", text);
}

static void modes(surface *s, const Remote__V1__ModesChanged *changed) {
  if (changed->current_mode_id[0] == '\0' || strcmp(changed->current_mode_id, s->mode) == 0) return;
  snprintf(s->mode, sizeof s->mode, "%.255s", changed->current_mode_id);
  surface_line(s, STYLE_DIM, "· mode: ", changed->current_mode_id);
}

static void notice(surface *s, const Remote__V1__Notice *n) {
  bool error = n->level == REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_ERROR;
  bool warning = n->level == REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING;
  surface_block(s,
                error     ? STYLE_RED
                : warning ? STYLE_YELLOW
                          : STYLE_DIM,
                error ? "! " : "· ", n->text, strlen(n->text), 20);
  if (n->url[0] != '\0') surface_line(s, STYLE_DIM, "  ", n->url);
}

static void remote_mode(surface *s, const Remote__V1__RemoteModeChanged *changed) {
  static const char *const names[] = {"off", "off", "view", "control"};
  char text[400], who[160];
  unsigned mode = changed->mode < 4 ? (unsigned)changed->mode : 1;
  surface_actor(changed->by, who, sizeof who);
  bool foreign = changed->by != NULL && !changed->by->local;
  snprintf(text, sizeof text, "remote control: %s%s%s%s%.200s", names[mode], foreign ? " by " : "",
           foreign ? who : "", changed->reason[0] != '\0' ? ": " : "", changed->reason);
  surface_line(s, STYLE_DIM, "· ", text);
}

static void device(surface *s, const Remote__V1__AttachedDevice *d, const char *how) {
  char text[200];
  snprintf(text, sizeof text, "%.63s %s", d != NULL && d->name[0] != '\0' ? d->name : "a device",
           how);
  surface_line(s, STYLE_DIM, "· ", text);
}

static void outcome(surface *s, const Remote__V1__CommandOutcome *o) {
  char text[400], who[160];
  if (o->outcome != REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_REJECTED) return;
  surface_actor(o->by, who, sizeof who);
  snprintf(text, sizeof text, "refused to %s: %.220s", who, o->reason);
  surface_line(s, STYLE_DIM, "· ", text);
}

static void session_ended(surface *s, const Remote__V1__SessionEnded *ended) {
  bool quit = ended->reason == REMOTE__V1__END_REASON__END_REASON_QUIT;
  if (quit && s->kind == SURFACE_ONE_SHOT) return;
  surface_line(s, quit ? STYLE_DIM : STYLE_RED,
               "· session ended: ", ended->text[0] != '\0' ? ended->text : "quit");
}

static void queue(surface *s, const Remote__V1__QueueChanged *changed) {
  char text[64];
  if (changed->n_prompts == 0 || s->kind == SURFACE_ONE_SHOT) return;
  snprintf(text, sizeof text, "%zu prompt%s in the queue", changed->n_prompts,
           changed->n_prompts > 1 ? "s" : "");
  surface_line(s, STYLE_DIM, "· ", text);
}

/* --headless and --prompt show less: what a log reader or a script wants. */
static bool wanted(const surface *s, const Remote__V1__Event *event) {
  if (s->kind == SURFACE_TERMINAL) return true;
  switch ((int)event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA:
    case REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE:
    case REMOTE__V1__EVENT__BODY_NOTICE:
    case REMOTE__V1__EVENT__BODY_SESSION_ENDED:
      return true;
    case REMOTE__V1__EVENT__BODY_ASK_OPENED:
    case REMOTE__V1__EVENT__BODY_ASK_RESOLVED:
    case REMOTE__V1__EVENT__BODY_TURN_ENDED:
      return true;
    default:
      return s->kind == SURFACE_LOG && event->body_case != REMOTE__V1__EVENT__BODY_TOOL_OUTPUT;
  }
}

void surface_event(surface *s, const Remote__V1__Event *event, bool tail) {
  (void)tail;
  if (!wanted(s, event)) return;
  switch ((int)event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA:
      stream(s, 'a', event->assistant_delta->message_id, event->assistant_delta->text);
      break;
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA:
      stream(s, 't', event->thought_delta->message_id, event->thought_delta->text);
      break;
    case REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE:
      whole(s, 'a', event->assistant_message->message_id, event->assistant_message->text,
            !event->assistant_message->more);
      break;
    case REMOTE__V1__EVENT__BODY_THOUGHT:
      whole(s, 't', event->thought->message_id, event->thought->text, !event->thought->more);
      break;
    case REMOTE__V1__EVENT__BODY_USER_MESSAGE:
      user_message(s, event->user_message);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_STARTED:
      tool_state(s, event->tool_started->tool);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_UPDATED:
      tool_state(s, event->tool_updated->tool);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
      tool_output(s, event->tool_output);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_ENDED:
      tool_ended(s, event->tool_ended);
      break;
    case REMOTE__V1__EVENT__BODY_ASK_OPENED:
      surface_ask_opened(s, event->ask_opened->ask);
      break;
    case REMOTE__V1__EVENT__BODY_ASK_RESOLVED:
      surface_ask_resolved(s, event->ask_resolved);
      break;
    case REMOTE__V1__EVENT__BODY_TURN_ENDED:
      turn_ended(s, event->turn_ended);
      break;
    case REMOTE__V1__EVENT__BODY_PLAN_UPDATED:
      plan(s, event->plan_updated);
      break;
    case REMOTE__V1__EVENT__BODY_MODES_CHANGED:
      modes(s, event->modes_changed);
      break;
    case REMOTE__V1__EVENT__BODY_TITLE_CHANGED:
      surface_line(s, STYLE_DIM, "· title: ", event->title_changed->title);
      break;
    case REMOTE__V1__EVENT__BODY_NOTICE:
      notice(s, event->notice);
      break;
    case REMOTE__V1__EVENT__BODY_REMOTE_MODE_CHANGED:
      remote_mode(s, event->remote_mode_changed);
      break;
    case REMOTE__V1__EVENT__BODY_DEVICE_ATTACHED:
      device(s, event->device_attached->device, "watches now");
      break;
    case REMOTE__V1__EVENT__BODY_DEVICE_DETACHED:
      device(s, event->device_detached->device, "has left");
      break;
    case REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME:
      outcome(s, event->command_outcome);
      break;
    case REMOTE__V1__EVENT__BODY_QUEUE_CHANGED:
      queue(s, event->queue_changed);
      break;
    case REMOTE__V1__EVENT__BODY_SESSION_ENDED:
      session_ended(s, event->session_ended);
      break;
    default:
      break;
  }
}
