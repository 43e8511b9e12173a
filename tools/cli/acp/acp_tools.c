/* Tool calls. An update may be the first sight of a call, and fields are repeated or left out. What
 * commands print is acp_output.c's. */
#include <stdio.h>

#include "acp_internal.h"

#define KIND(x) REMOTE__V1__TOOL_KIND__TOOL_KIND_##x
#define STATUS(x) REMOTE__V1__TOOL_STATUS__TOOL_STATUS_##x
#define CONTENT_MAX 16u
#define LOCATIONS_MAX 64u

Remote__V1__ToolKind acp_tool_kind(const char *word) {
  static const struct {
    const char *word;
    Remote__V1__ToolKind kind;
  } kinds[] = {{"read", KIND(READ)},   {"edit", KIND(EDIT)},     {"delete", KIND(DELETE)},
               {"move", KIND(MOVE)},   {"search", KIND(SEARCH)}, {"execute", KIND(EXECUTE)},
               {"think", KIND(THINK)}, {"fetch", KIND(FETCH)},   {"switch_mode", KIND(SWITCH_MODE)},
               {"other", KIND(OTHER)}};
  for (size_t i = 0; word != NULL && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].word, word) == 0) return kinds[i].kind;
  return word != NULL ? KIND(OTHER) : KIND(UNSPECIFIED);
}

static Remote__V1__ToolStatus tool_status(const char *word) {
  if (word == NULL) return STATUS(UNSPECIFIED);
  if (strcmp(word, "pending") == 0) return STATUS(PENDING);
  if (strcmp(word, "in_progress") == 0) return STATUS(RUNNING);
  if (strcmp(word, "completed") == 0) return STATUS(COMPLETED);
  if (strcmp(word, "failed") == 0) return STATUS(FAILED);
  if (strcmp(word, "cancelled") == 0) return STATUS(CANCELLED);
  return STATUS(RUNNING);
}

static bool is_final(Remote__V1__ToolStatus status) {
  return status == STATUS(COMPLETED) || status == STATUS(FAILED) || status == STATUS(CANCELLED);
}

/* ---- the table ---- */

acp_tool *acp_tool_find(acp_session *s, const char *id) {
  for (size_t i = s->tool_count; i-- > 0;)
    if (strcmp(s->tools[i].id, id) == 0) return &s->tools[i];
  return NULL;
}

static void let_go(acp_tool *tool) {
  json_decref(tool->kept_content);
  json_decref(tool->kept_input);
  json_decref(tool->kept_locations);
  tool->kept_content = tool->kept_input = tool->kept_locations = NULL;
  redact_stream_free(&tool->redact);
}

static acp_tool *tool_add(acp_session *s, const char *id) {
  if (s->tools == NULL) s->tools = memory_zero(ACP_TOOLS_MAX * sizeof *s->tools);
  if (s->tool_count == ACP_TOOLS_MAX) { /* the oldest that has ended goes, else the oldest */
    size_t old = 0;
    while (old < s->tool_count && !s->tools[old].ended) old++;
    if (old == s->tool_count) old = 0;
    let_go(&s->tools[old]);
    memmove(&s->tools[old], &s->tools[old + 1], (s->tool_count - old - 1) * sizeof *s->tools);
    s->tool_count--;
  }
  acp_tool *tool = &s->tools[s->tool_count++];
  memset(tool, 0, sizeof *tool);
  snprintf(tool->id, sizeof tool->id, "%s", id);
  if (s->turn.running) snprintf(tool->turn_id, sizeof tool->turn_id, "%s", s->turn.id);
  if (s->event_agent_id != NULL)
    snprintf(tool->agent_id, sizeof tool->agent_id, "%s", s->event_agent_id);
  tool->output_hash = ACP_HASH_BEGIN;
  tool->silent = s->loading && acp_history_knows_tool(s->history, id);
  acp_late_replay_goes_on(s);
  if (tool->silent) {
    s->replay_matched = true;
    acp_unmatched_drop(s);
  } else if (s->loading) {
    acp_unmatched_say(s);
  }
  return tool;
}

void acp_tools_free(acp_session *s) {
  for (size_t i = 0; i < s->tool_count; i++) let_go(&s->tools[i]);
  free(s->tools);
  s->tools = NULL;
  s->tool_count = 0;
}

/* ---- content ---- */

static Remote__V1__Diff *build_diff(acp_build *b, const json_t *item) {
  const json_t *path = json_object_get(item, "path"), *old = json_object_get(item, "oldText");
  const json_t *new = json_object_get(item, "newText");
  Remote__V1__Diff *diff = acp_build_alloc(b, sizeof *diff);
  remote__v1__diff__init(diff);
  char *name = acp_build_string(b, path, 4096);
  diff->path.data = (uint8_t *)name;
  diff->path.len = strlen(name);
  diff->new_file = !json_is_string(old);
  const char *text = json_is_string(old) ? json_string_value(old) : "";
  diff->old_text = acp_build_long(b, text, json_is_string(old) ? json_string_length(old) : 0, 32768,
                                  "text/plain", name, &diff->old_asset_id);
  text = json_is_string(new) ? json_string_value(new) : "";
  diff->new_text = acp_build_long(b, text, json_is_string(new) ? json_string_length(new) : 0, 32768,
                                  "text/plain", name, &diff->new_asset_id);
  return diff;
}

static bool is_type(const json_t *item, const char *type) {
  const char *word = json_string_value(json_object_get(item, "type"));
  return word != NULL && strcmp(word, type) == 0;
}

Remote__V1__Diff **acp_build_diffs(acp_build *b, const json_t *content, size_t max, size_t *count) {
  Remote__V1__Diff **list = acp_build_alloc(b, max * sizeof *list);
  *count = 0;
  for (size_t i = 0; i < json_array_size(content); i++) {
    if (!is_type(json_array_get(content, i), "diff")) continue;
    if (*count == max) {
      b->cut = true;
      break;
    }
    list[(*count)++] = build_diff(b, json_array_get(content, i));
  }
  return list;
}

static Remote__V1__AssetReference *reference(acp_build *b, char *asset_id, const json_t *media,
                                             const json_t *name) {
  Remote__V1__AssetReference *r = acp_build_alloc(b, sizeof *r);
  remote__v1__asset_reference__init(r);
  r->asset_id = asset_id;
  r->media_type = acp_build_string(b, media, 127);
  r->name = acp_build_string(b, name, 1024);
  return r;
}

/* A content block inside tool content. */
static bool build_block(acp_build *b, const json_t *block, Remote__V1__ToolContent *out) {
  const json_t *text = json_object_get(block, "text"), *media = json_object_get(block, "mimeType");
  size_t bytes;
  if (is_type(block, "text") && json_is_string(text)) {
    out->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_TEXT;
    out->text = acp_build_long(b, json_string_value(text), json_string_length(text), 65536,
                               "text/plain", "", &out->asset_id);
    return true;
  }
  if (is_type(block, "image") || is_type(block, "audio")) {
    char *id = acp_build_asset64(b, json_object_get(block, "data"), media,
                                 json_string_value(json_object_get(block, "type")), &bytes);
    if (id == NULL) return false;
    Remote__V1__AssetReference *r = reference(b, id, media, json_object_get(block, "uri"));
    bool image = is_type(block, "image");
    out->content_case = image ? REMOTE__V1__TOOL_CONTENT__CONTENT_IMAGE
                              : REMOTE__V1__TOOL_CONTENT__CONTENT_RESOURCE;
    if (image)
      out->image = r;
    else
      out->resource = r;
    return true;
  }
  if (is_type(block, "resource")) {
    const json_t *resource = json_object_get(block, "resource");
    char *id = acp_build_resource(b, resource, &bytes);
    if (id == NULL) return false;
    out->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_RESOURCE;
    out->resource =
        reference(b, id, json_object_get(resource, "mimeType"), json_object_get(resource, "uri"));
    return true;
  }
  if (is_type(block, "resource_link")) {
    out->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_RESOURCE;
    out->resource = reference(b, acp_build_copy(b, ""), media, json_object_get(block, "uri"));
    return true;
  }
  return false;
}

static void build_item(acp_build *b, const json_t *item, Remote__V1__ToolContent *out) {
  remote__v1__tool_content__init(out);
  if (is_type(item, "content") && build_block(b, json_object_get(item, "content"), out)) return;
  if (is_type(item, "diff")) {
    out->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_DIFF;
    out->diff = build_diff(b, item);
  } else if (is_type(item, "terminal")) {
    out->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_TERMINAL_ID;
    out->terminal_id = acp_build_id(b, json_object_get(item, "terminalId"), 127);
  } else {
    out->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_OTHER;
    out->other = acp_build_json(b, item);
  }
}

/* A terminal alone is nothing to see: the agent's own, whose output comes as ToolOutput. */
static Remote__V1__ToolContent **build_content(acp_build *b, const json_t *content, size_t *count) {
  size_t n = acp_output_is_terminal(content) ? 0 : json_array_size(content);
  if (n > CONTENT_MAX) {
    n = CONTENT_MAX;
    b->cut = true;
  }
  Remote__V1__ToolContent **list = acp_build_alloc(b, n * sizeof *list + 1);
  for (size_t i = 0; i < n; i++) {
    list[i] = acp_build_alloc(b, sizeof *list[i]);
    build_item(b, json_array_get(content, i), list[i]);
  }
  *count = n;
  return list;
}

/* No content at all, told by an empty text: an empty list would say "as before". */
static Remote__V1__ToolContent **build_cleared(acp_build *b, size_t *count) {
  Remote__V1__ToolContent **list = acp_build_alloc(b, sizeof *list);
  list[0] = acp_build_alloc(b, sizeof *list[0]);
  remote__v1__tool_content__init(list[0]);
  list[0]->content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_TEXT;
  list[0]->text = acp_build_copy(b, "");
  *count = 1;
  return list;
}

static Remote__V1__Location **build_locations(acp_build *b, const json_t *locations,
                                              size_t *count) {
  size_t n = json_array_size(locations);
  if (n > LOCATIONS_MAX) {
    n = LOCATIONS_MAX;
    b->cut = true;
  }
  Remote__V1__Location **list = acp_build_alloc(b, n * sizeof *list + 1);
  for (size_t i = 0; i < n; i++) {
    const json_t *item = json_array_get(locations, i);
    list[i] = acp_build_alloc(b, sizeof *list[i]);
    remote__v1__location__init(list[i]);
    char *path = acp_build_string(b, json_object_get(item, "path"), 1024);
    list[i]->path.data = (uint8_t *)path;
    list[i]->path.len = strlen(path);
    json_int_t line = json_integer_value(json_object_get(item, "line"));
    if (line > 0 && line < INT32_MAX) list[i]->line = (uint32_t)line;
  }
  *count = n;
  return list;
}

/* ---- events ---- */

static uint64_t hash_json(uint64_t hash, const json_t *value) {
  if (value == NULL) return hash;
  char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
  if (text != NULL) hash = acp_hash(hash, text, strlen(text) + 1);
  free(text);
  return hash;
}

static uint64_t fields_hash(const json_t *update) {
  static const char *const names[] = {"title", "kind", "status", "name", "rawInput", "locations"};
  uint64_t hash = ACP_HASH_BEGIN;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    hash = hash_json(hash, json_object_get(update, names[i]));
  return hash;
}

static bool has_input(const json_t *update) {
  const json_t *input = json_object_get(update, "rawInput");
  return input != NULL && !json_is_null(input) &&
         !(json_is_object(input) && json_object_size(input) == 0);
}

static void build_state(acp_build *b, const acp_tool *tool, const json_t *update,
                        Remote__V1__ToolState *state) {
  const json_t *meta = json_object_get(update, "_meta");
  const json_t *claude = json_object_get(meta, "claudeCode");
  const json_t *name = json_object_get(update, "name");
  const json_t *parent = json_object_get(claude, "parentToolUseId");
  remote__v1__tool_state__init(state);
  state->tool_call_id = acp_build_copy(b, tool->id);
  state->title = acp_build_string(b, json_object_get(update, "title"), 1024);
  state->kind = acp_tool_kind(json_string_value(json_object_get(update, "kind")));
  state->status = tool_status(json_string_value(json_object_get(update, "status")));
  if (!json_is_string(name)) name = json_object_get(claude, "toolName");
  state->name = acp_build_string(b, name, 255);
  state->parent_id = json_is_string(parent) ? acp_build_id(b, parent, 127) : state->parent_id;
  state->locations = build_locations(b, json_object_get(update, "locations"), &state->n_locations);
  if (has_input(update)) state->input = acp_build_json(b, json_object_get(update, "rawInput"));
}

static void emit_state(acp_session *s, Remote__V1__ToolState *state, bool started) {
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__ToolStarted begun = REMOTE__V1__TOOL_STARTED__INIT;
  Remote__V1__ToolUpdated updated = REMOTE__V1__TOOL_UPDATED__INIT;
  if (started) {
    begun.tool = state;
    event.body_case = REMOTE__V1__EVENT__BODY_TOOL_STARTED;
    event.tool_started = &begun;
  } else {
    updated.tool = state;
    event.body_case = REMOTE__V1__EVENT__BODY_TOOL_UPDATED;
    event.tool_updated = &updated;
  }
  acp_emit(s, &event);
}

/* What the ask was about has really begun. */
static void tell_authorized(acp_session *s, acp_tool *tool) {
  if (lrm_id_none(&tool->authorized_by)) return;
  Remote__V1__ToolAuthorized authorized = REMOTE__V1__TOOL_AUTHORIZED__INIT;
  authorized.ask_id.data = tool->authorized_by.bytes;
  authorized.ask_id.len = sizeof tool->authorized_by.bytes;
  authorized.tool_call_id = tool->id;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_TOOL_AUTHORIZED;
  event.tool_authorized = &authorized;
  acp_emit(s, &event);
  tool->authorized_by = (lrm_id){{0}};
}

static void emit_ended(acp_session *s, acp_tool *tool, const json_t *update,
                       Remote__V1__ToolStatus status) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
  const json_t *raw = json_object_get(update, "rawOutput");
  const json_t *content = json_object_get(update, "content");
  ended.tool_call_id = acp_build_copy(&b, tool->id);
  ended.status = status;
  ended.exit_known = tool->exit_known;
  ended.exit_code = tool->exit_code;
  char reason[64];
  snprintf(reason, sizeof reason, "ended by %s", tool->signal);
  if (tool->signal[0] != '\0') ended.reason = acp_build_text(&b, reason, strlen(reason), 1024);
  /* What only repeats the output would stand in the place of the output itself. */
  if (raw != NULL && !json_is_null(raw) && !tool->raw_said) ended.output = acp_build_json(&b, raw);
  ended.content = build_content(&b, content, &ended.n_content);
  if (json_is_array(content) && json_array_size(content) == 0 && tool->has_content)
    ended.content = build_cleared(&b, &ended.n_content);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_TOOL_ENDED;
  event.tool_ended = &ended;
  acp_emit(s, &event);
  if (b.cut) acp_extension(s, "session/update:tool_call_update", update, false);
  acp_build_end(&b);
}

static void keep(json_t **slot, const json_t *update, const char *name) {
  json_t *value = json_object_get(update, name);
  if (value == NULL || json_is_null(value)) return;
  json_decref(*slot);
  *slot = json_incref(value);
}

/* ToolStarted or ToolUpdated, when there is something to say in it. */
static bool say_state(acp_session *s, acp_tool *tool, json_t *update, bool first, bool final) {
  json_t *content = json_object_get(update, "content");
  uint64_t content_hash = hash_json(ACP_HASH_BEGIN, content);
  uint64_t fields = fields_hash(update);
  bool grew = json_array_size(content) > 0 && acp_output_content(s, tool, content);
  bool new_content = json_array_size(content) > 0 && !grew && content_hash != tool->content;
  bool new_fields = fields != tool->fields;
  bool said = grew && !new_fields;
  const json_t *raw = json_object_get(update, "rawOutput");
  bool partial = !final && raw != NULL && !json_is_null(raw) && json_array_size(content) == 0;
  if (partial && acp_output_raw(s, tool, raw, false)) {
    partial = false;
    said = said || !new_fields;
  }
  bool cleared = json_is_array(content) && json_array_size(content) == 0 && tool->has_content;
  if (first || new_fields || partial || ((new_content || cleared) && !final)) {
    acp_build b;
    acp_build_begin(&b, s);
    Remote__V1__ToolState state;
    Remote__V1__ToolContent other, *others = &other;
    build_state(&b, tool, update, &state);
    if (is_final(state.status)) state.status = first ? STATUS(RUNNING) : STATUS(UNSPECIFIED);
    if (new_content && !final) state.content = build_content(&b, content, &state.n_content);
    if (cleared && !final) state.content = build_cleared(&b, &state.n_content);
    if (!final && (cleared || state.n_content > 0)) tool->has_content = !cleared;
    if (partial) {
      remote__v1__tool_content__init(&other);
      other.content_case = REMOTE__V1__TOOL_CONTENT__CONTENT_OTHER;
      other.other = acp_build_json(&b, raw);
      state.content = &others;
      state.n_content = 1;
    }
    emit_state(s, &state, first);
    if (b.cut) acp_extension(s, "session/update:tool_call", update, false);
    acp_build_end(&b);
    said = true;
  }
  tool->fields = fields;
  if (json_array_size(content) > 0) tool->content = content_hash;
  return said;
}

/* Words in _meta that nobody above understood: kept, but not for ever. */
static void other_meta(acp_session *s, const json_t *update) {
  static const char *const known[] = {"terminal_info", "terminal_output", "terminal_output_delta",
                                      "terminal_exit", "claudeCode"};
  json_t *meta = json_object_get(update, "_meta");
  if (!json_is_object(meta)) return;
  json_t *rest = json_copy(meta);
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) json_object_del(rest, known[i]);
  if (json_object_size(rest) > 0) {
    json_t *said =
        json_pack("{s:O,s:o}", "toolCallId", json_object_get(update, "toolCallId"), "_meta", rest);
    acp_extension(s, "session/update:tool_call:_meta", said, true);
    json_decref(said);
  } else {
    json_decref(rest);
  }
}

static acp_tool *tool_of(acp_session *s, const json_t *update, bool *first) {
  char id[ACP_ID_BYTES];
  acp_id_make(json_string_value(json_object_get(update, "toolCallId")), ACP_ID_BYTES - 1, id);
  acp_tool *tool = acp_tool_find(s, id);
  *first = tool == NULL;
  if (tool != NULL) return tool;
  acp_streams_end(s, false); /* what the agent says after it is another message */
  return tool_add(s, id);
}

/* Its end: what only came in rawOutput first. */
static void end_tool(acp_session *s, acp_tool *tool, json_t *update,
                     Remote__V1__ToolStatus status) {
  const json_t *raw = json_object_get(update, "rawOutput");
  const json_t *content = json_object_get(update, "content");
  bool told = json_array_size(content) > 0 && !acp_output_is_terminal(content);
  bool alone = tool->output_bytes == 0 && !told;
  if (raw != NULL && (alone || tool->output_bytes > 0))
    tool->raw_said = acp_output_raw(s, tool, raw, true) && !told;
  acp_output_end(s, tool);
  emit_ended(s, tool, update, status);
  acp_agent_tool_ended(s, tool, update, status != STATUS(COMPLETED));
  tool->ended = true;
  let_go(tool);
}

/* It only repeats what is known: that it was said is an event too. */
static void emit_repeated(acp_session *s, acp_tool *tool, Remote__V1__ToolStatus status) {
  Remote__V1__ToolState state = REMOTE__V1__TOOL_STATE__INIT;
  state.tool_call_id = tool->id;
  state.status = status;
  emit_state(s, &state, false);
}

void acp_tool_update(acp_session *s, json_t *update) {
  bool first;
  acp_tool *tool = tool_of(s, update, &first);
  if (tool->silent && s->loading) return;
  tool->silent = false;
  const char *kind = json_string_value(json_object_get(update, "kind"));
  if (kind != NULL) tool->kind = acp_tool_kind(kind);
  Remote__V1__ToolStatus status = tool_status(json_string_value(json_object_get(update, "status")));
  bool final = is_final(status);
  const char *turn = s->event_turn_id, *agent = s->event_agent_id;
  if (tool->turn_id[0] != '\0') s->event_turn_id = tool->turn_id;
  if (tool->agent_id[0] != '\0') s->event_agent_id = tool->agent_id;
  acp_output_exit(tool, update);
  /* Pieces in _meta come before content that repeats them, but behind the call's begin. */
  if (!first) acp_output_meta(s, tool, json_object_get(update, "_meta"));
  bool said = say_state(s, tool, update, first, final);
  if (first) acp_output_meta(s, tool, json_object_get(update, "_meta"));
  acp_agent_tool(s, tool, update);
  if (status == STATUS(RUNNING) || status == STATUS(COMPLETED)) tell_authorized(s, tool);
  other_meta(s, update);
  if (final) {
    end_tool(s, tool, update, status);
  } else {
    keep(&tool->kept_content, update, "content");
    keep(&tool->kept_input, update, "rawInput");
    keep(&tool->kept_locations, update, "locations");
    if (!said) emit_repeated(s, tool, status);
  }
  s->event_turn_id = turn;
  s->event_agent_id = agent;
}

acp_tool *acp_tool_seen(acp_session *s, json_t *tool_call) {
  if (!json_is_string(json_object_get(tool_call, "toolCallId"))) return NULL;
  char id[ACP_ID_BYTES];
  acp_id_make(json_string_value(json_object_get(tool_call, "toolCallId")), ACP_ID_BYTES - 1, id);
  acp_tool *tool = acp_tool_find(s, id);
  if (tool != NULL) return tool;
  acp_tool_update(s, tool_call);
  return acp_tool_find(s, id);
}

void acp_tools_end_turn(acp_session *s) {
  for (size_t i = 0; i < s->tool_count; i++) {
    acp_tool *tool = &s->tools[i];
    if (tool->ended || strcmp(tool->turn_id, s->turn.id) != 0) continue;
    acp_output_end(s, tool);
    tool->ended = true; /* the host closes it; a late end is still told */
    let_go(tool);
  }
}
