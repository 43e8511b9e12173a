/* Every event that is no stream, as lines of text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask_text.h"
#include "event_words.h"
#include "remote/types.h"
#include "transcript_internal.h"

static void put(transcript *t, const char *foreign) {
  transcript_foreign(t, foreign, strlen(foreign), TERMINAL_TEXT_ONE_LINE);
}

/* "- label", open for more. */
static void begin(transcript *t, const char *label) {
  transcript_break(t);
  transcript_style(t, STYLE_DIM);
  transcript_write(t, "- ");
  transcript_write(t, label);
}

static void end(transcript *t) {
  transcript_style(t, STYLE_OFF);
  transcript_break(t);
}

static void put_actor(transcript *t, const Remote__V1__Actor *by) {
  char who[192];
  actor_text(by, who, sizeof who);
  if (!who[0]) return;
  transcript_write(t, by->local ? ", " : ", by ");
  transcript_write(t, who);
}

static void line(transcript *t, const char *label, const char *text, const Remote__V1__Actor *by) {
  begin(t, label);
  if (text && text[0]) {
    transcript_write(t, ": ");
    put(t, text);
  }
  put_actor(t, by);
  end(t);
}

/* ---- messages ---- */

void transcript_user_message(transcript *t, const Remote__V1__UserMessage *message) {
  static const char *const deliveries[] = {"", "", " (steered into the turn)", " (was queued)"};
  size_t delivery = (size_t)message->delivery;
  transcript_break(t);
  transcript_style(t, STYLE_BOLD);
  transcript_write(t, "> ");
  transcript_foreign(t, message->text, strlen(message->text), 0);
  transcript_style(t, STYLE_OFF);
  transcript_style(t, STYLE_DIM);
  transcript_write(t, delivery < 4 ? deliveries[delivery] : "");
  if (message->by && message->by->origin) {
    char who[192];
    actor_text(message->by, who, sizeof who);
    transcript_write(t, "  - ");
    transcript_write(t, who);
  }
  transcript_style(t, STYLE_OFF);
  for (size_t i = 0; i < message->n_attachments; i++) {
    transcript_write(t, "\n  + ");
    put(t, message->attachments[i]->name);
  }
  transcript_break(t);
}

void transcript_notice(transcript *t, const Remote__V1__Notice *notice) {
  bool error = notice->level == REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_ERROR;
  transcript_break(t);
  transcript_style(t, error ? STYLE_ERROR : STYLE_WARN);
  transcript_write(t, error ? "error: " : "notice: ");
  transcript_foreign(t, notice->text, strlen(notice->text), 0);
  if (notice->url[0]) {
    transcript_write(t, "  ");
    put(t, notice->url);
  }
  transcript_style(t, STYLE_OFF);
  transcript_break(t);
}

/* ---- tools ---- */

static const char *tool_status_name(Remote__V1__ToolStatus status) {
  static const char *const names[] = {"", "pending", "running", "completed", "failed", "cancelled"};
  size_t at = (size_t)status;
  return at < sizeof names / sizeof *names ? names[at] : "";
}

void transcript_tool_line(transcript *t, const Remote__V1__ToolState *tool) {
  transcript_tool *known = transcript_find_tool(t, tool->tool_call_id);
  if (tool->title[0])
    terminal_text_copy(known->title, sizeof known->title, tool->title, strlen(tool->title),
                       TERMINAL_TEXT_ONE_LINE);
  transcript_break(t);
  transcript_write(t, "* ");
  put(t, known->title);
  if (tool->status) {
    transcript_write(t, ": ");
    transcript_write(t, tool_status_name(tool->status));
  }
  for (size_t i = 0; i < tool->n_locations && i < 4; i++) {
    transcript_write(t, "  ");
    transcript_foreign(t, tool->locations[i]->path.data, tool->locations[i]->path.len,
                       TERMINAL_TEXT_ONE_LINE);
  }
  transcript_break(t);
}

static void put_bounded(transcript *t, const char *text) {
  size_t bytes = strlen(text);
  transcript_break(t);
  transcript_foreign(t, text,
                     bytes < TRANSCRIPT_OUTPUT_BYTES_MAX ? bytes : TRANSCRIPT_OUTPUT_BYTES_MAX,
                     TERMINAL_TEXT_STRIP);
  transcript_break(t);
  if (bytes > TRANSCRIPT_OUTPUT_BYTES_MAX) transcript_note(t, "(cut here)");
}

static void put_diff_side(transcript *t, const char *style, const char *sign, const char *text) {
  size_t left = TRANSCRIPT_OUTPUT_BYTES_MAX;
  while (*text && left) {
    size_t bytes = strcspn(text, "\n");
    size_t shown = bytes < left ? bytes : left;
    transcript_style(t, style);
    transcript_write(t, sign);
    transcript_foreign(t, text, shown, 0);
    transcript_style(t, STYLE_OFF);
    transcript_break(t);
    left -= shown;
    text += bytes + (text[bytes] == '\n');
  }
  if (*text) transcript_note(t, "(cut here)");
}

static void put_diff(transcript *t, const Remote__V1__Diff *diff) {
  begin(t, diff->new_file ? "new file " : "change of ");
  transcript_foreign(t, diff->path.data, diff->path.len, TERMINAL_TEXT_ONE_LINE);
  end(t);
  put_diff_side(t, STYLE_ERROR, "  - ", diff->old_text);
  put_diff_side(t, "\x1b[32m", "  + ", diff->new_text);
}

void transcript_tool_content(transcript *t, Remote__V1__ToolContent **content, size_t count) {
  for (size_t i = 0; i < count; i++) {
    switch (content[i]->content_case) {
      case REMOTE__V1__TOOL_CONTENT__CONTENT_TEXT:
        transcript_style(t, STYLE_DIM);
        put_bounded(t, content[i]->text);
        transcript_style(t, STYLE_OFF);
        break;
      case REMOTE__V1__TOOL_CONTENT__CONTENT_DIFF:
        put_diff(t, content[i]->diff);
        break;
      case REMOTE__V1__TOOL_CONTENT__CONTENT_IMAGE:
        line(t, "image", content[i]->image->name, NULL);
        break;
      case REMOTE__V1__TOOL_CONTENT__CONTENT_RESOURCE:
        line(t, "resource", content[i]->resource->name, NULL);
        break;
      default:
        break;
    }
  }
}

static void take_tool_update(transcript *t, const Remote__V1__ToolState *tool) {
  transcript_tool *known = transcript_find_tool(t, tool->tool_call_id);
  char title[sizeof known->title];
  terminal_text_copy(title, sizeof title, tool->title, strlen(tool->title), TERMINAL_TEXT_ONE_LINE);
  /* Updates come for every piece of output: only a new title or status is news. */
  if ((title[0] && strcmp(title, known->title)) || tool->status) transcript_tool_line(t, tool);
}

static void take_tool_end(transcript *t, const Remote__V1__ToolEnded *ended) {
  transcript_tool *known = transcript_find_tool(t, ended->tool_call_id);
  bool output_shown = known->output_shown;
  transcript_break(t);
  transcript_write(t, "* ");
  put(t, known->title);
  transcript_write(t, ": ");
  transcript_write(t, tool_status_name(ended->status));
  if (ended->exit_known) {
    char code[32];
    snprintf(code, sizeof code, " (exit %d)", (int)ended->exit_code);
    transcript_write(t, code);
  }
  if (ended->reason[0]) {
    transcript_write(t, ": ");
    put(t, ended->reason);
  }
  transcript_break(t);
  /* Text that streamed by already is not shown again. */
  for (size_t i = 0; i < ended->n_content; i++)
    if (!output_shown || ended->content[i]->content_case != REMOTE__V1__TOOL_CONTENT__CONTENT_TEXT)
      transcript_tool_content(t, &ended->content[i], 1);
}

/* ---- asks and plans ---- */

void transcript_ask(transcript *t, const Remote__V1__Ask *ask) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *memory = open_memstream(&text, &bytes);
  transcript_break(t);
  if (!memory) return;
  ask_print(memory, ask, transcript_ask_number(t, ask));
  fclose(memory);
  transcript_style(t, STYLE_BOLD);
  transcript_write(t, "? ");
  transcript_write(t, text);
  transcript_style(t, STYLE_OFF);
  transcript_break(t);
  free(text);
}

static void take_resolution(transcript *t, const Remote__V1__AskResolved *resolved) {
  char *text = NULL;
  size_t bytes = 0;
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  FILE *memory = open_memstream(&text, &bytes);
  if (!memory) return;
  if (lrm_id_from(resolved->ask_id.data, resolved->ask_id.len, &id)) memset(&id, 0, sizeof id);
  lrm_id_hex(&id, hex);
  fprintf(memory, "ask %.8s ", hex);
  resolution_print(memory, resolved);
  fclose(memory);
  begin(t, text);
  end(t);
  free(text);
}

void transcript_plan(transcript *t, Remote__V1__PlanEntry **entries, size_t count) {
  static const char *const marks[] = {"[ ] ", "[ ] ", "[>] ", "[x] "};
  if (count == 0) return;
  begin(t, "plan");
  end(t);
  for (size_t i = 0; i < count; i++) {
    size_t status = (size_t)entries[i]->status;
    transcript_write(t, "  ");
    transcript_write(t, marks[status < 4 ? status : 0]);
    put(t, entries[i]->text);
    transcript_break(t);
  }
}

/* ---- life ---- */

static void take_start(transcript *t, const Remote__V1__SessionStarted *s) {
  begin(t, "session started: ");
  put(t, s->agent);
  transcript_write(t, " ");
  put(t, s->agent_version);
  transcript_write(t, " on ");
  put(t, s->host);
  transcript_write(t, " in ");
  transcript_foreign(t, s->cwd.data, s->cwd.len, TERMINAL_TEXT_ONE_LINE);
  end(t);
}

static void take_turn_end(transcript *t, const Remote__V1__TurnEnded *ended) {
  begin(t, "turn ended: ");
  put(t, ended->stop_reason);
  if (ended->error[0]) {
    transcript_write(t, ": ");
    put(t, ended->error);
  }
  put_actor(t, ended->cancelled_by);
  end(t);
}

static void take_queue(transcript *t, const Remote__V1__QueueChanged *queue) {
  char text[64];
  snprintf(text, sizeof text, "queue: %zu prompt%s", queue->n_prompts,
           queue->n_prompts == 1 ? " waits" : "s wait");
  line(t, text, NULL, NULL);
}

static void take_outcome(transcript *t, const Remote__V1__CommandOutcome *outcome) {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES], text[96];
  if (t->options.terse ||
      outcome->outcome == REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED)
    return;
  if (lrm_id_from(outcome->command_id.data, outcome->command_id.len, &id)) return;
  lrm_id_hex(&id, hex);
  snprintf(text, sizeof text, "command %.8s %s", hex, outcome_name(outcome->outcome));
  line(t, text, outcome->reason, outcome->by);
}

static void take_life(transcript *t, const Remote__V1__Event *e) {
  static const char *const modes[] = {"off", "off", "view", "control"};
  switch (e->body_case) {
    case REMOTE__V1__EVENT__BODY_SESSION_STARTED:
      take_start(t, e->session_started);
      break;
    case REMOTE__V1__EVENT__BODY_SESSION_RESUMED:
      line(t, "session resumed by a new host process", e->session_resumed->unknown_since, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_SESSION_ENDED:
      line(t, "session ended", e->session_ended->text, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_REMOTE_MODE_CHANGED: {
      size_t mode = (size_t)e->remote_mode_changed->mode;
      line(t, "remote control", modes[mode < 4 ? mode : 0], e->remote_mode_changed->by);
      break;
    }
    case REMOTE__V1__EVENT__BODY_TITLE_CHANGED:
      line(t, "title", e->title_changed->title, e->title_changed->by);
      break;
    case REMOTE__V1__EVENT__BODY_CONTEXT_CLEARED:
      line(t, "the agent's context was cleared", e->context_cleared->reason, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_HISTORY_REWOUND:
      line(t, "the conversation was rewound", e->history_rewound->reason, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_KEEP_ALIVE_CHANGED:
      line(t, "keep-alive", e->keep_alive_changed->mode, e->keep_alive_changed->by);
      break;
    case REMOTE__V1__EVENT__BODY_DEVICE_ATTACHED:
      line(t, "attached", e->device_attached->device ? e->device_attached->device->name : "", NULL);
      break;
    case REMOTE__V1__EVENT__BODY_DEVICE_DETACHED:
      line(t, "detached", e->device_detached->device ? e->device_detached->device->name : "", NULL);
      break;
    default:
      break;
  }
}

static void take_agent_life(transcript *t, const Remote__V1__Event *e) {
  switch (e->body_case) {
    case REMOTE__V1__EVENT__BODY_MODES_CHANGED:
      line(t, "mode", e->modes_changed->current_mode_id, e->modes_changed->by);
      break;
    case REMOTE__V1__EVENT__BODY_PERMISSION_MODE_CHANGED:
      line(t, "permission mode", e->permission_mode_changed->mode, e->permission_mode_changed->by);
      break;
    case REMOTE__V1__EVENT__BODY_CONFIG_OPTIONS_CHANGED:
      if (e->config_options_changed->by)
        line(t, "options changed", NULL, e->config_options_changed->by);
      break;
    case REMOTE__V1__EVENT__BODY_PLAN_DOCUMENT_CHANGED:
      line(t, "plan document", NULL, NULL);
      put_bounded(t, e->plan_document_changed->text);
      break;
    case REMOTE__V1__EVENT__BODY_SUBAGENT_STARTED:
      line(t, "sub-agent began", e->subagent_started->name, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_SUBAGENT_ENDED:
      line(t, e->subagent_ended->failed ? "sub-agent failed" : "sub-agent ended",
           e->subagent_ended->text, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_COMPACTION_STARTED:
      line(t, "the agent compacts its context", NULL, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_COMPACTION_ENDED:
      line(t, "compaction ended", e->compaction_ended->status, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_AGENT_EXTENSION:
      line(t, "the agent says", e->agent_extension->name, NULL);
      break;
    default:
      break;
  }
}

void transcript_plain_event(transcript *t, const Remote__V1__Event *e) {
  switch (e->body_case) {
    case REMOTE__V1__EVENT__BODY_USER_MESSAGE:
      transcript_user_message(t, e->user_message);
      break;
    case REMOTE__V1__EVENT__BODY_NOTICE:
      transcript_notice(t, e->notice);
      break;
    case REMOTE__V1__EVENT__BODY_STATUS_CHANGED:
      if (!t->options.terse)
        line(t, session_status_name((uint32_t)e->status_changed->status),
             e->status_changed->activity, NULL);
      break;
    case REMOTE__V1__EVENT__BODY_TURN_ENDED:
      take_turn_end(t, e->turn_ended);
      break;
    case REMOTE__V1__EVENT__BODY_QUEUE_CHANGED:
      if (!t->options.terse) take_queue(t, e->queue_changed);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_STARTED:
      if (e->tool_started->tool) transcript_tool_line(t, e->tool_started->tool);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_UPDATED:
      if (e->tool_updated->tool) take_tool_update(t, e->tool_updated->tool);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_ENDED:
      take_tool_end(t, e->tool_ended);
      break;
    case REMOTE__V1__EVENT__BODY_ASK_OPENED:
      if (e->ask_opened->ask) transcript_ask(t, e->ask_opened->ask);
      break;
    case REMOTE__V1__EVENT__BODY_ASK_RESOLVED:
      take_resolution(t, e->ask_resolved);
      break;
    case REMOTE__V1__EVENT__BODY_PLAN_UPDATED:
      transcript_plan(t, e->plan_updated->entries, e->plan_updated->n_entries);
      break;
    case REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME:
      take_outcome(t, e->command_outcome);
      break;
    default:
      take_life(t, e);
      take_agent_life(t, e);
      break;
  }
}
