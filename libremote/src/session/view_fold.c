/* Events to state: one handler a body, found by table. Bodies without an entry change nothing
 * that a SessionState tells. */
#include "session/view_internal.h"

#include <string.h>

#include "session/view_copy.h"

typedef const Remote__V1__Event *event_in;

static bool same_text(const char *a, const char *b) { return strcmp(a, b == NULL ? "" : b) == 0; }

static bool given(const char *text) { return text != NULL && text[0] != '\0'; }

static bool same_bytes(ProtobufCBinaryData a, ProtobufCBinaryData b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ---- life and status ---- */

static void set_status(lrm_view *view, Remote__V1__Status status, uint64_t at_ms) {
  if (view->state.status != status) view->state.status_since_ms = at_ms;
  view->state.status = status;
}

static int session_started(lrm_view *view, event_in event) {
  void *session;
  int result = lrm__view_bounded(view, &event->session_started->base, &session);
  if (result != 0 || session == NULL) return result;
  lrm__view_free(view, view->state.session);
  view->state.session = session;
  view->state.ended = false;
  set_status(view, REMOTE__V1__STATUS__STATUS_IDLE, event->at_ms);
  return lrm__view_text(view, &view->state.title, view->state.session->title, 127);
}

static int session_resumed(lrm_view *view, event_in event) {
  view->state.ended = false;
  lrm__history_close(view, NULL);
  set_status(view, REMOTE__V1__STATUS__STATUS_IDLE, event->at_ms);
  lrm__view_text_clear(view, &view->state.activity);
  lrm__view_text_clear(view, &view->state.turn_id);
  return 0;
}

static int session_ended(lrm_view *view, event_in event) {
  view->state.ended = true;
  lrm__history_close(view, NULL);
  set_status(view, REMOTE__V1__STATUS__STATUS_ENDED, event->at_ms);
  lrm__view_text_clear(view, &view->state.activity);
  lrm__view_text_clear(view, &view->state.turn_id);
  return 0;
}

static int remote_mode_changed(lrm_view *view, event_in event) {
  view->state.remote_mode = event->remote_mode_changed->mode;
  return 0;
}

static int title_changed(lrm_view *view, event_in event) {
  return lrm__view_text(view, &view->state.title, event->title_changed->title, 127);
}

static int status_changed(lrm_view *view, event_in event) {
  set_status(view, event->status_changed->status, event->at_ms);
  return lrm__view_text(view, &view->state.activity, event->status_changed->activity, 255);
}

static int context_cleared(lrm_view *view, event_in event) {
  (void)event;
  view->usage.context_tokens = 0;
  return 0;
}

static int history_rewound(lrm_view *view, event_in event) {
  const char *id = event->history_rewound->message_id;
  lrm__history_rewind(view, id == NULL ? "" : id);
  return 0;
}

static int keep_alive_changed(lrm_view *view, event_in event) {
  return lrm__view_text(view, &view->state.keep_alive, event->keep_alive_changed->mode, 63);
}

/* ---- conversation ---- */

static int assistant_delta(lrm_view *view, event_in event) {
  const Remote__V1__AssistantDelta *delta = event->assistant_delta;
  lrm__stream stream = {REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT, delta->message_id,
                        delta->position, delta->text};
  return lrm__stream_delta(view, event, &stream, false);
}

static int thought_delta(lrm_view *view, event_in event) {
  const Remote__V1__ThoughtDelta *delta = event->thought_delta;
  lrm__stream stream = {REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT, delta->message_id, delta->position,
                        delta->text};
  return lrm__stream_delta(view, event, &stream, false);
}

static int assistant_message(lrm_view *view, event_in event) {
  Remote__V1__HistoryItem item = REMOTE__V1__HISTORY_ITEM__INIT;
  item.at_ms = event->at_ms;
  item.turn_id = event->turn_id;
  item.agent_id = event->agent_id;
  item.item_case = REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT;
  item.assistant = event->assistant_message;
  return lrm__stream_whole(view, &item);
}

static int thought(lrm_view *view, event_in event) {
  Remote__V1__HistoryItem item = REMOTE__V1__HISTORY_ITEM__INIT;
  item.at_ms = event->at_ms;
  item.turn_id = event->turn_id;
  item.agent_id = event->agent_id;
  item.item_case = REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT;
  item.thought = event->thought;
  return lrm__stream_whole(view, &item);
}

static int turn_started(lrm_view *view, event_in event) {
  const char *id = event->turn_started->turn_id;
  return lrm__view_text(view, &view->state.turn_id, given(id) ? id : event->turn_id, 127);
}

static int turn_ended(lrm_view *view, event_in event) {
  const Remote__V1__TurnEnded *ended = event->turn_ended;
  const char *id = given(ended->turn_id) ? ended->turn_id : event->turn_id;
  if (given(id)) lrm__history_close(view, id);
  if (!given(id) || same_text(view->state.turn_id, id))
    lrm__view_text_clear(view, &view->state.turn_id);
  lrm__usage_merge(&view->usage, ended->usage);
  return 0;
}

static int queue_changed(lrm_view *view, event_in event) {
  return lrm__list_replace(view, &view->queue, event->queue_changed->n_prompts,
                           event->queue_changed->prompts);
}

/* ---- tools ---- */

static int tool_started(lrm_view *view, event_in event) {
  return lrm__tool_upsert(view, event, event->tool_started->tool, false);
}

/* An update may be the first sight of a call; one that comes after the end is too late. */
static int tool_updated(lrm_view *view, event_in event) {
  const Remote__V1__ToolState *tool = event->tool_updated->tool;
  if (tool == NULL || !given(tool->tool_call_id)) return 0;
  if (lrm__tool_find(view, tool->tool_call_id) == NULL &&
      lrm__history_has_tool(view, tool->tool_call_id))
    return 0;
  return lrm__tool_upsert(view, event, tool, false);
}

static int tool_output(lrm_view *view, event_in event) {
  return lrm__tool_output(view, event->tool_output, false);
}

static int tool_authorized(lrm_view *view, event_in event) {
  const char *id = event->tool_authorized->tool_call_id;
  lrm__tool *tool = given(id) ? lrm__tool_find(view, id) : NULL;
  if (tool != NULL && tool->message->status == REMOTE__V1__TOOL_STATUS__TOOL_STATUS_PENDING)
    tool->message->status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_RUNNING;
  return 0;
}

/* ---- asks and outcomes ---- */

static size_t ask_index(const lrm_view *view, ProtobufCBinaryData ask_id) {
  size_t i = 0;
  while (i < view->asks.count &&
         !same_bytes(((const Remote__V1__Ask *)view->asks.items[i])->ask_id, ask_id))
    i++;
  return i;
}

static int ask_opened(lrm_view *view, event_in event) {
  const Remote__V1__Ask *ask = event->ask_opened->ask;
  if (ask == NULL || ask->ask_id.len != sizeof(lrm_id)) return 0;
  return lrm__list_put(view, &view->asks, ask_index(view, ask->ask_id), ask);
}

static int ask_resolved(lrm_view *view, event_in event) {
  size_t index = ask_index(view, event->ask_resolved->ask_id);
  if (index < view->asks.count) lrm__list_remove(view, &view->asks, index);
  return 0;
}

int lrm__outcome_put(lrm_view *view, const Remote__V1__KnownOutcome *outcome) {
  if (outcome->command_id.len != sizeof(lrm_id)) return 0;
  size_t i = 0;
  while (i < view->outcomes.count &&
         !same_bytes(((const Remote__V1__KnownOutcome *)view->outcomes.items[i])->command_id,
                     outcome->command_id))
    i++;
  if (i == view->outcomes.max) {
    lrm__list_remove(view, &view->outcomes, 0);
    i--;
  }
  return lrm__list_put(view, &view->outcomes, i, outcome);
}

static int command_outcome(lrm_view *view, event_in event) {
  Remote__V1__KnownOutcome known = REMOTE__V1__KNOWN_OUTCOME__INIT;
  known.command_id = event->command_outcome->command_id;
  known.outcome = event->command_outcome->outcome;
  known.code = event->command_outcome->code;
  return lrm__outcome_put(view, &known);
}

/* ---- modes, options, plan, sub-agents, usage ---- */

static int modes_changed(lrm_view *view, event_in event) {
  const Remote__V1__ModesChanged *changed = event->modes_changed;
  if (changed->n_modes != 0) {
    int result = lrm__list_replace(view, &view->modes, changed->n_modes, changed->modes);
    if (result != 0) return result;
  }
  if (!given(changed->current_mode_id)) return 0;
  return lrm__view_text(view, &view->state.current_mode_id, changed->current_mode_id, 255);
}

static int permission_mode_changed(lrm_view *view, event_in event) {
  return lrm__view_text(view, &view->state.permission_mode, event->permission_mode_changed->mode,
                        127);
}

static int config_options_changed(lrm_view *view, event_in event) {
  return lrm__list_replace(view, &view->options, event->config_options_changed->n_options,
                           event->config_options_changed->options);
}

static int slash_commands_changed(lrm_view *view, event_in event) {
  return lrm__list_replace(view, &view->slash, event->slash_commands_changed->n_commands,
                           event->slash_commands_changed->commands);
}

static int plan_updated(lrm_view *view, event_in event) {
  return lrm__list_replace(view, &view->plan, event->plan_updated->n_entries,
                           event->plan_updated->entries);
}

static int plan_document_changed(lrm_view *view, event_in event) {
  return lrm__view_text(view, &view->state.plan_document, event->plan_document_changed->text,
                        65536);
}

static size_t subagent_index(const lrm_view *view, const char *agent_id) {
  size_t i = 0;
  while (i < view->subagents.count && !same_text(view->subagents.items[i], agent_id)) i++;
  return i;
}

static int subagent_started(lrm_view *view, event_in event) {
  const char *id = event->subagent_started->agent_id;
  if (!given(id) || view->subagents.count == view->subagents.max ||
      subagent_index(view, id) < view->subagents.count)
    return 0;
  static char empty[1];
  char *copy = empty;
  int result = lrm__view_text(view, &copy, id, 127);
  if (result == 0) view->subagents.items[view->subagents.count++] = copy;
  return result;
}

static int subagent_ended(lrm_view *view, event_in event) {
  size_t index = subagent_index(view, event->subagent_ended->agent_id);
  if (index < view->subagents.count) lrm__list_remove(view, &view->subagents, index);
  return 0;
}

/* Zero and empty mean "not told". */
void lrm__usage_merge(lrm__usage *usage, const Remote__V1__Usage *news) {
  if (news == NULL) return;
  if (news->context_tokens != 0) usage->context_tokens = news->context_tokens;
  if (news->context_size != 0) usage->context_size = news->context_size;
  if (news->cost_micros != 0) usage->cost_micros = news->cost_micros;
  if (!given(news->currency)) return;
  size_t bytes = strlen(news->currency);
  bytes = lrm__utf8_floor((const uint8_t *)news->currency, bytes, sizeof usage->currency - 1);
  memcpy(usage->currency, news->currency, bytes);
  usage->currency[bytes] = '\0';
}

static int usage_updated(lrm_view *view, event_in event) {
  lrm__usage_merge(&view->usage, event->usage_updated->usage);
  return 0;
}

/* ---- the table ---- */

static const struct fold {
  Remote__V1__Event__BodyCase body;
  int (*fold)(lrm_view *view, event_in event);
} folds[] = {
    {REMOTE__V1__EVENT__BODY_SESSION_STARTED, session_started},
    {REMOTE__V1__EVENT__BODY_SESSION_RESUMED, session_resumed},
    {REMOTE__V1__EVENT__BODY_SESSION_ENDED, session_ended},
    {REMOTE__V1__EVENT__BODY_REMOTE_MODE_CHANGED, remote_mode_changed},
    {REMOTE__V1__EVENT__BODY_TITLE_CHANGED, title_changed},
    {REMOTE__V1__EVENT__BODY_CONTEXT_CLEARED, context_cleared},
    {REMOTE__V1__EVENT__BODY_HISTORY_REWOUND, history_rewound},
    {REMOTE__V1__EVENT__BODY_NOTICE, lrm__history_notice},
    {REMOTE__V1__EVENT__BODY_STATUS_CHANGED, status_changed},
    {REMOTE__V1__EVENT__BODY_USER_MESSAGE, lrm__history_user},
    {REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA, assistant_delta},
    {REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE, assistant_message},
    {REMOTE__V1__EVENT__BODY_THOUGHT_DELTA, thought_delta},
    {REMOTE__V1__EVENT__BODY_THOUGHT, thought},
    {REMOTE__V1__EVENT__BODY_TURN_STARTED, turn_started},
    {REMOTE__V1__EVENT__BODY_TURN_ENDED, turn_ended},
    {REMOTE__V1__EVENT__BODY_QUEUE_CHANGED, queue_changed},
    {REMOTE__V1__EVENT__BODY_TOOL_STARTED, tool_started},
    {REMOTE__V1__EVENT__BODY_TOOL_UPDATED, tool_updated},
    {REMOTE__V1__EVENT__BODY_TOOL_OUTPUT, tool_output},
    {REMOTE__V1__EVENT__BODY_TOOL_ENDED, lrm__tool_ended},
    {REMOTE__V1__EVENT__BODY_ASK_OPENED, ask_opened},
    {REMOTE__V1__EVENT__BODY_ASK_RESOLVED, ask_resolved},
    {REMOTE__V1__EVENT__BODY_TOOL_AUTHORIZED, tool_authorized},
    {REMOTE__V1__EVENT__BODY_MODES_CHANGED, modes_changed},
    {REMOTE__V1__EVENT__BODY_PERMISSION_MODE_CHANGED, permission_mode_changed},
    {REMOTE__V1__EVENT__BODY_CONFIG_OPTIONS_CHANGED, config_options_changed},
    {REMOTE__V1__EVENT__BODY_SLASH_COMMANDS_CHANGED, slash_commands_changed},
    {REMOTE__V1__EVENT__BODY_PLAN_UPDATED, plan_updated},
    {REMOTE__V1__EVENT__BODY_PLAN_DOCUMENT_CHANGED, plan_document_changed},
    {REMOTE__V1__EVENT__BODY_SUBAGENT_STARTED, subagent_started},
    {REMOTE__V1__EVENT__BODY_SUBAGENT_ENDED, subagent_ended},
    {REMOTE__V1__EVENT__BODY_USAGE_UPDATED, usage_updated},
    {REMOTE__V1__EVENT__BODY_KEEP_ALIVE_CHANGED, keep_alive_changed},
    {REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME, command_outcome},
};

int lrm__view_fold(lrm_view *view, event_in event) {
  if (event->session_started == NULL) return 0; /* members of a oneof share their place */
  for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
    if (folds[i].body == event->body_case) return folds[i].fold(view, event);
  return 0;
}
