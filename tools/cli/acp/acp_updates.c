/* session/update, kind by kind. Every update becomes at least one event; a kind that is not known,
 * or one of which something had to be left out, goes out whole as an AgentExtension. */
#include <stdio.h>

#include "acp_internal.h"

static bool on_user(acp_session *s, json_t *update) {
  acp_collect(s, ACP_ROLE_USER, update);
  return true;
}

static bool on_message(acp_session *s, json_t *update) {
  if (s->loading)
    acp_collect(s, ACP_ROLE_ASSISTANT, update);
  else
    acp_stream_chunk(s, ACP_ROLE_ASSISTANT, update);
  return true;
}

static bool on_thought(acp_session *s, json_t *update) {
  if (s->loading)
    acp_collect(s, ACP_ROLE_THOUGHT, update);
  else
    acp_stream_chunk(s, ACP_ROLE_THOUGHT, update);
  return true;
}

static bool on_tool(acp_session *s, json_t *update) {
  if (!json_is_string(json_object_get(update, "toolCallId"))) return false;
  acp_tool_update(s, update);
  return true;
}

static Remote__V1__PlanStatus plan_status(const char *word) {
  if (word == NULL) return REMOTE__V1__PLAN_STATUS__PLAN_STATUS_UNSPECIFIED;
  if (strcmp(word, "in_progress") == 0) return REMOTE__V1__PLAN_STATUS__PLAN_STATUS_IN_PROGRESS;
  if (strcmp(word, "completed") == 0) return REMOTE__V1__PLAN_STATUS__PLAN_STATUS_COMPLETED;
  return REMOTE__V1__PLAN_STATUS__PLAN_STATUS_PENDING;
}

static Remote__V1__PlanPriority plan_priority(const char *word) {
  if (word == NULL) return REMOTE__V1__PLAN_PRIORITY__PLAN_PRIORITY_UNSPECIFIED;
  if (strcmp(word, "high") == 0) return REMOTE__V1__PLAN_PRIORITY__PLAN_PRIORITY_HIGH;
  if (strcmp(word, "low") == 0) return REMOTE__V1__PLAN_PRIORITY__PLAN_PRIORITY_LOW;
  return REMOTE__V1__PLAN_PRIORITY__PLAN_PRIORITY_MEDIUM;
}

#define PLAN_ENTRIES_MAX 128u

static bool on_plan(acp_session *s, json_t *update) {
  const json_t *entries = json_object_get(update, "entries");
  if (!json_is_array(entries)) return false;
  acp_build b;
  acp_build_begin(&b, s);
  size_t count = json_array_size(entries);
  if (count > PLAN_ENTRIES_MAX) {
    count = PLAN_ENTRIES_MAX;
    b.cut = true;
  }
  Remote__V1__PlanEntry **list = acp_build_alloc(&b, count * sizeof *list);
  for (size_t i = 0; i < count; i++) {
    const json_t *entry = json_array_get(entries, i);
    list[i] = acp_build_alloc(&b, sizeof *list[i]);
    remote__v1__plan_entry__init(list[i]);
    list[i]->text = acp_build_string(&b, json_object_get(entry, "content"), 900);
    list[i]->status = plan_status(json_string_value(json_object_get(entry, "status")));
    list[i]->priority = plan_priority(json_string_value(json_object_get(entry, "priority")));
  }
  Remote__V1__PlanUpdated plan = REMOTE__V1__PLAN_UPDATED__INIT;
  plan.n_entries = count;
  plan.entries = list;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_PLAN_UPDATED;
  event.plan_updated = &plan;
  acp_emit(s, &event);
  bool whole = !b.cut;
  acp_build_end(&b);
  return whole;
}

/* Of the draft: entries, or a document. A file is told by its name only, so it stays as it is. */
static bool on_plan_update(acp_session *s, json_t *update) {
  json_t *plan = json_object_get(update, "plan");
  const char *type = json_string_value(json_object_get(plan, "type"));
  const json_t *text = json_object_get(plan, "content");
  if (type == NULL) return false;
  if (strcmp(type, "items") == 0) return on_plan(s, plan);
  if (strcmp(type, "markdown") != 0 || !json_is_string(text)) return false;
  acp_plan_document(s, json_string_value(text), json_string_length(text));
  return true;
}

/* There is one plan of ours, so it is that one. */
static bool on_plan_removed(acp_session *s, json_t *update) {
  json_t *none = json_pack("{s:[]}", "entries");
  acp_plan_document(s, "", 0);
  bool whole = on_plan(s, none);
  json_decref(none);
  return whole && json_is_string(json_object_get(update, "planId"));
}

static bool on_commands(acp_session *s, json_t *update) {
  if (!json_is_array(json_object_get(update, "availableCommands"))) return false;
  acp_slash_update(s, json_object_get(update, "availableCommands"));
  return true;
}

static bool on_mode(acp_session *s, json_t *update) {
  json_t *id = json_object_get(update, "currentModeId");
  if (!json_is_string(id)) id = json_object_get(update, "modeId"); /* older agents */
  if (!json_is_string(id)) return false;
  acp_modes_current(s, id);
  return true;
}

static bool on_options(acp_session *s, json_t *update) {
  json_t *options = json_object_get(update, "configOptions");
  if (!json_is_array(options)) return false;
  acp_options_update(s, options, NULL);
  return true;
}

/* A title, or (from some agents, often) words of their own in _meta. */
static bool on_info(acp_session *s, json_t *update) {
  json_t *title = json_object_get(update, "title");
  if (title == NULL) {
    acp_extension(s, "session/update:session_info_update", update, true);
    return true;
  }
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__TitleChanged changed = REMOTE__V1__TITLE_CHANGED__INIT;
  changed.title = acp_build_string(&b, title, 127);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_TITLE_CHANGED;
  event.title_changed = &changed;
  acp_emit(s, &event);
  acp_build_end(&b); /* a title that is cut is no loss */
  if (json_is_object(json_object_get(update, "_meta")))
    acp_extension(s, "session/update:session_info_update", update, true);
  return true;
}

static uint64_t count_of(const json_t *value) {
  json_int_t n =
      json_is_real(value) ? (json_int_t)json_real_value(value) : json_integer_value(value);
  return n > 0 ? (uint64_t)n : 0;
}

static bool on_usage(acp_session *s, json_t *update) {
  const json_t *cost = json_object_get(update, "cost");
  const char *currency = json_string_value(json_object_get(cost, "currency"));
  s->usage.context_tokens = count_of(json_object_get(update, "used"));
  s->usage.context_size = count_of(json_object_get(update, "size"));
  double amount = json_number_value(json_object_get(cost, "amount"));
  if (amount > 0 && amount < 1e12) s->usage.cost_micros = (uint64_t)(amount * 1e6 + 0.5);
  if (currency != NULL) {
    acp_build b;
    acp_build_begin(&b, s);
    snprintf(s->currency, sizeof s->currency, "%s",
             acp_build_text(&b, currency, strlen(currency), 23));
    acp_build_end(&b);
    s->usage.currency = s->currency;
  }
  Remote__V1__UsageUpdated updated = REMOTE__V1__USAGE_UPDATED__INIT;
  updated.usage = &s->usage;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_USAGE_UPDATED;
  event.usage_updated = &updated;
  acp_tail(s, &event);
  return true;
}

static bool on_notice(acp_session *s, json_t *update) {
  const char *severity = json_string_value(json_object_get(update, "severity"));
  const json_t *title = json_object_get(update, "title");
  const json_t *description = json_object_get(update, "description");
  if (!json_is_string(title)) return false;
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  notice.level = REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_INFO;
  if (severity != NULL && strcmp(severity, "warning") == 0)
    notice.level = REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING;
  if (severity != NULL && strcmp(severity, "error") == 0)
    notice.level = REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_ERROR;
  char *head = acp_build_string(&b, title, 1000);
  char *rest = acp_build_string(&b, description, 3000);
  size_t room = strlen(head) + strlen(rest) + 2;
  char *text = acp_build_alloc(&b, room);
  snprintf(text, room, "%s%s%s", head, rest[0] != '\0' ? "\n" : "", rest);
  notice.text = text;
  notice.topic = acp_build_copy(&b, "agent");
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_NOTICE;
  event.notice = &notice;
  acp_emit(s, &event);
  bool whole = !b.cut;
  acp_build_end(&b);
  return whole;
}

/* ---- compaction ---- */

static void summary_add(acp_session *s, const char *id, const json_t *block, bool replace) {
  const char *more = json_string_value(json_object_get(block, "text"));
  const char *before = json_string_value(json_object_get(s->summaries, id));
  if (json_object_size(s->summaries) > 64) json_object_clear(s->summaries);
  if (more == NULL) return;
  if (before == NULL || replace) before = "";
  if (strlen(before) + strlen(more) > 1024 * 1024) return;
  size_t room = strlen(before) + strlen(more) + 1;
  char *joined = memory_zero(room);
  snprintf(joined, room, "%s%s", before, more);
  json_object_set_new(s->summaries, id, json_string(joined));
  free(joined);
}

static bool on_compaction(acp_session *s, json_t *update) {
  const json_t *id = json_object_get(update, "compactionId");
  const char *status = json_string_value(json_object_get(update, "status"));
  const json_t *summary = json_object_get(update, "summary");
  if (!json_is_string(id) || status == NULL) return false;
  for (size_t i = 0; i < json_array_size(summary); i++)
    summary_add(s, json_string_value(id), json_array_get(summary, i), i == 0);
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__CompactionStarted started = REMOTE__V1__COMPACTION_STARTED__INIT;
  Remote__V1__CompactionEnded ended = REMOTE__V1__COMPACTION_ENDED__INIT;
  if (strcmp(status, "in_progress") == 0) {
    started.compaction_id = acp_build_id(&b, id, 127);
    event.body_case = REMOTE__V1__EVENT__BODY_COMPACTION_STARTED;
    event.compaction_started = &started;
  } else {
    const char *text = json_string_value(json_object_get(s->summaries, json_string_value(id)));
    if (text == NULL) text = json_string_value(json_object_get(update, "error"));
    ended.compaction_id = acp_build_id(&b, id, 127);
    ended.status = acp_build_text(&b, status, strlen(status), 63);
    ended.summary =
        acp_build_text(&b, text != NULL ? text : "", text != NULL ? strlen(text) : 0, 65536);
    event.body_case = REMOTE__V1__EVENT__BODY_COMPACTION_ENDED;
    event.compaction_ended = &ended;
    json_object_del(s->summaries, json_string_value(id));
  }
  acp_emit(s, &event);
  bool whole = !b.cut;
  acp_build_end(&b);
  return whole;
}

static bool on_summary(acp_session *s, json_t *update) {
  const char *id = json_string_value(json_object_get(update, "compactionId"));
  if (id != NULL) summary_add(s, id, json_object_get(update, "content"), false);
  acp_extension(s, "session/update:compaction_summary_chunk", update, true);
  return true;
}

/* ---- all kinds ---- */

/* True: nothing of the update was left out. */
static const struct {
  const char *kind;
  bool (*take)(acp_session *session, json_t *update);
} kinds[] = {
    {"user_message_chunk", on_user},
    {"agent_message_chunk", on_message},
    {"agent_thought_chunk", on_thought},
    {"tool_call", on_tool},
    {"tool_call_update", on_tool},
    {"plan", on_plan},
    {"available_commands_update", on_commands},
    {"current_mode_update", on_mode},
    {"config_option_update", on_options},
    {"session_info_update", on_info},
    {"usage_update", on_usage},
    {"notice", on_notice},
    {"compaction_update", on_compaction},
    {"compaction_summary_chunk", on_summary},
    {"subagent_update", acp_agent_update}, /* these three are of the draft */
    {"plan_update", on_plan_update},
    {"plan_removed", on_plan_removed},
};

static bool collects(const acp_session *s, const char *kind) {
  return kind != NULL && (strcmp(kind, "user_message_chunk") == 0 ||
                          (s->loading && (strcmp(kind, "agent_message_chunk") == 0 ||
                                          strcmp(kind, "agent_thought_chunk") == 0)));
}

static void take(acp_session *s, json_t *update) {
  const char *kind = json_string_value(json_object_get(update, "sessionUpdate"));
  if (!collects(s, kind)) acp_collect_end(s);
  for (size_t i = 0; kind != NULL && i < sizeof kinds / sizeof *kinds; i++) {
    if (strcmp(kinds[i].kind, kind) != 0) continue;
    if (kinds[i].take(s, update)) return;
    break;
  }
  char name[160];
  snprintf(name, sizeof name, "session/update:%.100s", kind != NULL ? kind : "");
  acp_extension(s, name, update, false);
}

void acp_update(acp_session *s, json_t *params) {
  json_t *update = json_object_get(params, "update");
  if (!json_is_object(update)) {
    acp_extension(s, "session/update", params != NULL ? params : json_null(), false);
    return;
  }
  s->event_turn_id = s->turn.running ? s->turn.id : NULL;
  s->event_agent_id = acp_agent_speaking(s, json_object_get(params, "sessionId"), update);
  take(s, update);
  s->event_agent_id = NULL;
}
