/* Sub-agents. They come in three ways: as sessions of their own (updates and asks that name
 * another session), as calls of a tool that starts one (its calls name their parent in _meta), and
 * as subagent_update of the ACP draft. Whichever way: one id on all that a sub-agent says and
 * asks, one SubagentStarted, one SubagentEnded. */
#include <stdio.h>

#include "acp_internal.h"

static acp_agent *agent_free_slot(acp_session *s) {
  acp_agent *slot = NULL;
  for (size_t i = 0; i < ACP_AGENTS_MAX; i++) {
    acp_agent *agent = &s->agents[i];
    if (!agent->used) return agent;
    if (agent->ended && (slot == NULL || agent->number < slot->number)) slot = agent;
  }
  return slot; /* one that has ended is forgotten for it; NULL: all are running */
}

static acp_agent *agent_add(acp_session *s, const char *id) {
  acp_agent *agent = agent_free_slot(s);
  if (agent == NULL) return NULL;
  memset(agent, 0, sizeof *agent);
  agent->used = true;
  agent->number = ++s->agents_made;
  acp_id_make(id, ACP_ID_BYTES - 1, agent->id);
  if (s->turn.running) snprintf(agent->turn_id, sizeof agent->turn_id, "%s", s->turn.id);
  return agent;
}

static acp_agent *agent_of_tool(acp_session *s, const char *tool_id) {
  for (size_t i = 0; i < ACP_AGENTS_MAX; i++)
    if (s->agents[i].used && s->agents[i].tool_id[0] != '\0' &&
        strcmp(s->agents[i].tool_id, tool_id) == 0)
      return &s->agents[i];
  return NULL;
}

static acp_agent *agent_of_session(acp_session *s, const char *session) {
  char id[ACP_ID_BYTES];
  acp_id_make(session, ACP_ID_BYTES - 1, id);
  for (size_t i = 0; i < ACP_AGENTS_MAX; i++)
    if (s->agents[i].used && strcmp(s->agents[i].session, id) == 0) return &s->agents[i];
  return NULL;
}

/* ---- events ---- */

static void tell_started(acp_session *s, acp_agent *agent, const json_t *name, const json_t *task) {
  const char *outer = s->event_agent_id;
  if (agent->told && !agent->ended) return;
  agent->told = true;
  agent->ended = false;
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__SubagentStarted started = REMOTE__V1__SUBAGENT_STARTED__INIT;
  size_t bytes = json_is_string(task) ? json_string_length(task) : 0;
  const char *clean = bytes > 0 ? acp_build_redact(&b, json_string_value(task), &bytes) : "";
  started.agent_id = agent->id;
  started.name = acp_build_string(&b, name, 255);
  started.task = acp_build_text(&b, clean, bytes, 16384); /* the call's input has all of it */
  started.tool_call_id = agent->tool_id;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_SUBAGENT_STARTED;
  event.subagent_started = &started;
  s->event_agent_id = NULL; /* it is its parent's word */
  acp_emit(s, &event);
  s->event_agent_id = outer;
  acp_build_end(&b);
}

static void tell_ended(acp_session *s, acp_agent *agent, bool failed, const char *text,
                       size_t bytes) {
  if (!agent->told || agent->ended) return;
  agent->ended = true;
  const char *outer = s->event_agent_id;
  s->event_agent_id = agent->id;
  acp_streams_end(s, false);
  s->event_agent_id = NULL;
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__SubagentEnded ended = REMOTE__V1__SUBAGENT_ENDED__INIT;
  const char *clean = acp_build_redact(&b, text, &bytes);
  ended.agent_id = agent->id;
  ended.failed = failed;
  ended.text = acp_build_text(&b, clean, bytes, 16384); /* the call's end has all of it */
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_SUBAGENT_ENDED;
  event.subagent_ended = &ended;
  acp_emit(s, &event);
  s->event_agent_id = outer;
  acp_build_end(&b);
}

/* ---- who speaks? ---- */

/* A session that nobody named before: it belongs to the call that started a sub-agent and has no
 * session yet, when there is just one. */
static acp_agent *agent_adopt(acp_session *s, const char *session) {
  acp_agent *only = NULL;
  for (size_t i = 0; i < ACP_AGENTS_MAX; i++) {
    acp_agent *agent = &s->agents[i];
    if (!agent->used || agent->ended || agent->tool_id[0] == '\0' || agent->session[0] != '\0' ||
        agent->by_parent)
      continue;
    if (only != NULL) return agent_add(s, session);
    only = agent;
  }
  return only != NULL ? only : agent_add(s, session);
}

static acp_agent *agent_for_session(acp_session *s, const json_t *session_id) {
  const char *session = json_string_value(session_id);
  if (session == NULL || s->session_id == NULL || json_equal(session_id, s->session_id))
    return NULL;
  acp_agent *agent = agent_of_session(s, session);
  if (agent == NULL) agent = agent_adopt(s, session);
  if (agent != NULL) acp_id_make(session, ACP_ID_BYTES - 1, agent->session);
  return agent;
}

static acp_agent *agent_for_parent(acp_session *s, const json_t *message) {
  const json_t *meta = json_object_get(message, "_meta");
  const json_t *parent = json_object_get(json_object_get(meta, "claudeCode"), "parentToolUseId");
  char id[ACP_ID_BYTES];
  if (!json_is_string(parent)) return NULL;
  acp_id_make(json_string_value(parent), ACP_ID_BYTES - 1, id);
  acp_agent *agent = agent_of_tool(s, id);
  if (agent == NULL && (agent = agent_add(s, id)) != NULL)
    memcpy(agent->tool_id, id, sizeof agent->tool_id);
  if (agent != NULL) agent->by_parent = true;
  return agent;
}

const char *acp_agent_speaking(acp_session *s, const json_t *session_id, const json_t *message) {
  acp_agent *agent = agent_for_session(s, session_id);
  if (agent == NULL) agent = agent_for_parent(s, message);
  if (agent == NULL) return NULL;
  if (!s->loading) tell_started(s, agent, NULL, NULL); /* replayed words begin nothing */
  return agent->id;
}

/* ---- calls that start one ---- */

static bool starts_agent(const json_t *update, const json_t *input) {
  const json_t *claude = json_object_get(json_object_get(update, "_meta"), "claudeCode");
  const char *name = json_string_value(json_object_get(claude, "toolName"));
  if (json_is_string(json_object_get(input, "subagent_type"))) return true;
  return name != NULL && (strcmp(name, "Task") == 0 || strcmp(name, "Agent") == 0) &&
         json_is_string(json_object_get(input, "prompt"));
}

void acp_agent_tool(acp_session *s, const acp_tool *tool, const json_t *update) {
  const json_t *input = json_object_get(update, "rawInput");
  if (!starts_agent(update, input)) return;
  acp_agent *agent = agent_of_tool(s, tool->id);
  if (agent == NULL && (agent = agent_add(s, tool->id)) == NULL) return;
  memcpy(agent->tool_id, tool->id, sizeof agent->tool_id);
  const json_t *name = json_object_get(input, "subagent_type");
  const json_t *task = json_object_get(input, "prompt");
  tell_started(s, agent, name != NULL ? name : json_object_get(input, "description"),
               task != NULL ? task : json_object_get(input, "description"));
}

/* What it came back with: the text of the call's content. */
void acp_agent_tool_ended(acp_session *s, const acp_tool *tool, const json_t *update, bool failed) {
  acp_agent *agent = agent_of_tool(s, tool->id);
  if (agent == NULL) return;
  const json_t *item = json_array_get(json_object_get(update, "content"), 0);
  const json_t *text = json_object_get(json_object_get(item, "content"), "text");
  tell_ended(s, agent, failed, json_is_string(text) ? json_string_value(text) : "",
             json_is_string(text) ? json_string_length(text) : 0);
}

/* ---- subagent_update of the draft ---- */

bool acp_agent_update(acp_session *s, json_t *update) {
  const json_t *child = json_object_get(update, "sessionId");
  const json_t *state = json_object_get(update, "state");
  const char *word = json_string_value(json_object_get(state, "state"));
  acp_agent *agent = agent_for_session(s, child);
  if (agent == NULL) return false;
  bool idle = word != NULL && strcmp(word, "idle") == 0;
  if (!agent->told || !idle)
    tell_started(s, agent, json_object_get(update, "title"),
                 json_object_get(update, "description"));
  if (!idle) return true;
  const char *reason = json_string_value(json_object_get(state, "stopReason"));
  const char *error =
      json_string_value(json_object_get(json_object_get(state, "error"), "message"));
  bool failed = reason != NULL && strcmp(reason, "error") == 0;
  const char *text = error != NULL ? error : reason != NULL ? reason : "";
  tell_ended(s, agent, failed, text, strlen(text));
  return true;
}

void acp_agents_end(acp_session *s, const char *why) {
  for (size_t i = 0; i < ACP_AGENTS_MAX; i++)
    if (s->agents[i].used && !s->agents[i].ended)
      tell_ended(s, &s->agents[i], true, why, strlen(why));
}

void acp_agents_end_turn(acp_session *s) {
  static const char text[] = "the turn ended";
  for (size_t i = 0; i < ACP_AGENTS_MAX; i++) {
    acp_agent *agent = &s->agents[i];
    if (agent->used && !agent->ended && strcmp(agent->turn_id, s->turn.id) == 0)
      tell_ended(s, agent, false, text, sizeof text - 1);
  }
}
