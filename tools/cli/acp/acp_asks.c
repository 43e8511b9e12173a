/* What waits for a person: permission requests and elicitations. The agent's options are kept as
 * it said them and answered by their id; what an option does is told by its kind, never by its
 * place. Several may be open at once, inside and outside of a turn. */
#include <stdio.h>

#include "acp_internal.h"

#define OPTIONS_MAX 32u
#define PATHS_MAX 64u
#define DIFFS_MAX 16u
#define FIT_REASON_BYTES 512u
#define PERMISSION(x) REMOTE__V1__PERMISSION_KIND__PERMISSION_KIND_##x
#define OPTION(x) REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_##x

/* ---- answers to the agent ---- */

static json_t *cancelled(const acp_ask *ask) {
  if (ask->elicitation) return json_pack("{s:s}", "action", "cancel");
  return json_pack("{s:{s:s}}", "outcome", "outcome", "cancelled");
}

static void ask_free(acp_ask *ask) {
  json_decref(ask->request_id);
  json_decref(ask->options);
  json_decref(ask->questions);
  memset(ask, 0, sizeof *ask);
}

static void ask_close(acp_session *s, acp_ask *ask, json_t *reply) {
  if (reply != NULL) rpc_reply(s->rpc, ask->request_id, reply);
  ask_free(ask);
}

acp_ask *acp_ask_free_slot(acp_session *s) {
  for (size_t i = 0; i < ACP_ASKS_MAX; i++)
    if (!s->asks[i].used) return &s->asks[i];
  return NULL;
}

/* Opens it with the host; a slot that cannot be opened is answered with "cancelled". */
void acp_ask_open(acp_session *s, acp_ask *slot, Remote__V1__Ask *ask, json_t *request_id) {
  slot->used = true;
  slot->request_id = json_incref(request_id);
  if (s->turn.running) snprintf(slot->turn_id, sizeof slot->turn_id, "%s", s->turn.id);
  ask->turn_id = slot->turn_id;
  char agent[ACP_ID_BYTES];
  snprintf(agent, sizeof agent, "%s", s->event_agent_id != NULL ? s->event_agent_id : "");
  ask->agent_id = agent;
  if (!s->sink->ask(s->sink_user, ask, &slot->id)) {
    ask_close(s, slot, cancelled(slot));
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The agent asked something that could not be shown; it was told that nobody "
               "answered.");
  }
}

/* ---- permission: what is it about? ---- */

static bool contains(const char *text, const char *word) {
  return text != NULL && strcasestr(text, word) != NULL;
}

static const json_t *member(const json_t *object, const char *a, const char *b, const char *c) {
  const json_t *value = json_object_get(object, a);
  if (value == NULL && b != NULL) value = json_object_get(object, b);
  if (value == NULL && c != NULL) value = json_object_get(object, c);
  return value;
}

/* rawInput.command: a text, or a list of words. */
static char *command_of(acp_build *b, const json_t *input) {
  const json_t *command = member(input, "command", "cmd", NULL);
  char text[16384];
  size_t n = 0;
  text[0] = '\0';
  if (json_is_string(command)) {
    size_t bytes = json_string_length(command);
    const char *clean = acp_build_redact(b, json_string_value(command), &bytes);
    return acp_build_text(b, clean, bytes, 16384);
  }
  for (size_t i = 0; i < json_array_size(command) && n < sizeof text - 1; i++) {
    const char *word = json_string_value(json_array_get(command, i));
    if (word != NULL)
      n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? " " : "", word);
  }
  if (n >= sizeof text) b->cut = true;
  return acp_build_text(b, text, strlen(text), 16384);
}

typedef struct request {
  const json_t *call;                        /* toolCall of the request */
  const json_t *content, *input, *locations; /* of the request, else as told before */
  Remote__V1__ToolKind kind;
  const char *title, *name;
} request;

static bool has_diff(const json_t *content) {
  for (size_t i = 0; i < json_array_size(content); i++) {
    const char *type = json_string_value(json_object_get(json_array_get(content, i), "type"));
    if (type != NULL && strcmp(type, "diff") == 0) return true;
  }
  return false;
}

static void request_read(request *r, const json_t *call, const acp_tool *tool) {
  r->call = call;
  r->content = json_object_get(call, "content");
  r->input = json_object_get(call, "rawInput");
  r->locations = json_object_get(call, "locations");
  r->title = json_string_value(json_object_get(call, "title"));
  r->name = json_string_value(json_object_get(call, "name"));
  if (r->name == NULL)
    r->name = json_string_value(
        json_object_get(json_object_get(json_object_get(call, "_meta"), "claudeCode"), "toolName"));
  r->kind = acp_tool_kind(json_string_value(json_object_get(call, "kind")));
  if (tool == NULL) return;
  if (!has_diff(r->content) && has_diff(tool->kept_content)) r->content = tool->kept_content;
  if (!json_is_object(r->input) || json_object_size(r->input) == 0) r->input = tool->kept_input;
  if (json_array_size(r->locations) == 0) r->locations = tool->kept_locations;
  if (r->kind == REMOTE__V1__TOOL_KIND__TOOL_KIND_UNSPECIFIED) r->kind = tool->kind;
}

static bool is_mcp(const request *r) {
  return (r->name != NULL && strncmp(r->name, "mcp__", 5) == 0) ||
         (r->title != NULL && strncmp(r->title, "mcp__", 5) == 0) ||
         json_is_string(json_object_get(r->input, "server"));
}

static Remote__V1__PermissionKind permission_kind(const request *r) {
  if (is_mcp(r)) return PERMISSION(MCP);
  if (member(r->input, "command", "cmd", NULL) != NULL) return PERMISSION(COMMAND);
  if (has_diff(r->content)) return PERMISSION(WRITE);
  switch ((int)r->kind) {
    case REMOTE__V1__TOOL_KIND__TOOL_KIND_EXECUTE:
      return PERMISSION(COMMAND);
    case REMOTE__V1__TOOL_KIND__TOOL_KIND_EDIT:
    case REMOTE__V1__TOOL_KIND__TOOL_KIND_DELETE:
    case REMOTE__V1__TOOL_KIND__TOOL_KIND_MOVE:
      return PERMISSION(WRITE);
    case REMOTE__V1__TOOL_KIND__TOOL_KIND_READ:
    case REMOTE__V1__TOOL_KIND__TOOL_KIND_SEARCH:
      return PERMISSION(READ);
    case REMOTE__V1__TOOL_KIND__TOOL_KIND_FETCH:
      return PERMISSION(URL);
    default:
      break;
  }
  if (json_is_string(json_object_get(r->input, "url"))) return PERMISSION(URL);
  if (contains(r->name, "memory") || contains(r->title, "memory")) return PERMISSION(MEMORY);
  if (contains(r->title, "external_directory") || contains(r->title, "outside"))
    return PERMISSION(PATH);
  return PERMISSION(OTHER);
}

/* ---- paths ---- */

static bool inside(const acp_session *s, const char *path) {
  size_t n = strlen(s->cwd);
  while (n > 1 && s->cwd[n - 1] == '/') n--;
  if (strstr(path, "/../") != NULL || strncmp(path, "../", 3) == 0) return false;
  if (path[0] != '/') return true; /* relative to the workspace */
  return strncmp(path, s->cwd, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static void add_path(acp_build *b, Remote__V1__PermissionAsk *p, const char *path) {
  if (path == NULL || path[0] == '\0') return;
  if (p->n_paths == PATHS_MAX) {
    b->cut = true;
    return;
  }
  size_t bytes = strlen(path) < 4096 ? strlen(path) : 4096;
  for (size_t i = 0; i < p->n_paths; i++)
    if (p->paths[i].len == bytes && memcmp(p->paths[i].data, path, bytes) == 0) return;
  if (b->room < bytes) {
    b->cut = true;
    return;
  }
  b->room -= bytes;
  p->paths[p->n_paths].data = (uint8_t *)acp_build_copy(b, path);
  p->paths[p->n_paths++].len = bytes;
  if (!inside(b->session, path))
    p->place = REMOTE__V1__PLACE__PLACE_OUTSIDE_WORKSPACE;
  else if (p->place == REMOTE__V1__PLACE__PLACE_UNSPECIFIED)
    p->place = REMOTE__V1__PLACE__PLACE_INSIDE_WORKSPACE;
}

static void add_paths(acp_build *b, Remote__V1__PermissionAsk *p, const request *r) {
  static const char *const names[] = {"file_path", "filePath",      "filepath",
                                      "path",      "notebook_path", "abs_path"};
  p->paths = acp_build_alloc(b, PATHS_MAX * sizeof *p->paths);
  for (size_t i = 0; i < json_array_size(r->content); i++)
    add_path(b, p, json_string_value(json_object_get(json_array_get(r->content, i), "path")));
  if (p->kind == PERMISSION(COMMAND)) return; /* its locations are where it runs */
  for (size_t i = 0; i < json_array_size(r->locations); i++)
    add_path(b, p, json_string_value(json_object_get(json_array_get(r->locations, i), "path")));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    add_path(b, p, json_string_value(json_object_get(r->input, names[i])));
}

/* "mcp__server__tool" */
static void mcp_names(acp_build *b, const request *r, Remote__V1__PermissionAsk *p) {
  const char *name = r->name != NULL ? r->name : r->title;
  const json_t *server = json_object_get(r->input, "server");
  p->server = acp_build_string(b, server, 255);
  p->tool = acp_build_string(b, json_object_get(r->input, "tool"), 255);
  if (name == NULL || strncmp(name, "mcp__", 5) != 0) return;
  const char *end = strstr(name + 5, "__");
  if (end == NULL) return;
  p->server = acp_build_text(b, name + 5, (size_t)(end - name - 5), 255);
  p->tool = acp_build_text(b, end + 2, strlen(end + 2), 255);
}

static Remote__V1__PermissionAsk *build_permission(acp_build *b, const request *r) {
  Remote__V1__PermissionAsk *p = acp_build_alloc(b, sizeof *p);
  remote__v1__permission_ask__init(p);
  p->kind = permission_kind(r);
  const char *title = r->title != NULL ? r->title : "";
  size_t bytes = strlen(title);
  title = acp_build_redact(b, title, &bytes);
  bool cut = b->cut; /* a long title is no loss: the input holds it */
  p->title = acp_build_text(b, title, bytes, 1024);
  b->cut = cut;
  p->command = command_of(b, r->input);
  if (p->kind == PERMISSION(COMMAND) && p->command[0] == '\0')
    p->command = acp_build_text(b, title, bytes, 16384);
  p->url = acp_build_string(b, json_object_get(r->input, "url"), 2048);
  if (p->kind == PERMISSION(MCP)) mcp_names(b, r, p);
  if (p->tool[0] == '\0' && r->name != NULL)
    p->tool = acp_build_text(b, r->name, strlen(r->name), 255);
  add_paths(b, p, r);
  p->diffs = acp_build_diffs(b, r->content, DIFFS_MAX, &p->n_diffs);
  if (r->input != NULL && !json_is_null(r->input)) p->input = acp_build_json(b, r->input);
  return p;
}

/* ---- options ---- */

static Remote__V1__AskOptionKind option_kind(const json_t *option) {
  static const struct {
    const char *word;
    Remote__V1__AskOptionKind kind;
  } kinds[] = {{"allow_once", OPTION(ALLOW_ONCE)},
               {"allow_always", OPTION(ALLOW_ALWAYS)},
               {"allow_session", OPTION(ALLOW_SESSION)},
               {"reject_once", OPTION(REJECT_ONCE)},
               {"reject_always", OPTION(REJECT_ALWAYS)}};
  const char *word = json_string_value(json_object_get(option, "kind"));
  for (size_t i = 0; word != NULL && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i].word, word) == 0) return kinds[i].kind;
  return OPTION(OTHER);
}

static bool offered_before(Remote__V1__AskOption **list, size_t count, const char *id) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(list[i]->option_id, id) == 0) return true;
  return false;
}

/* What an option is called here: an answer without an id would be one without an option. */
static void option_id_make(const json_t *option, char out[ACP_ID_BYTES]) {
  const char *id = json_string_value(json_object_get(option, "optionId"));
  acp_id_make(id != NULL && id[0] != '\0' ? id : "(empty)", ACP_ID_BYTES - 1, out);
}

static Remote__V1__AskOption **build_options(acp_build *b, const json_t *options, size_t *count) {
  Remote__V1__AskOption **list = acp_build_alloc(b, OPTIONS_MAX * sizeof *list);
  *count = 0;
  for (size_t i = 0; i < json_array_size(options); i++) {
    const json_t *option = json_array_get(options, i);
    if (!json_is_string(json_object_get(option, "optionId"))) continue;
    char *id = acp_build_alloc(b, ACP_ID_BYTES);
    option_id_make(option, id);
    if (*count == OPTIONS_MAX || offered_before(list, *count, id)) {
      b->cut = true;
      continue;
    }
    Remote__V1__AskOption *o = list[(*count)++] = acp_build_alloc(b, sizeof *o);
    remote__v1__ask_option__init(o);
    o->option_id = id;
    o->label = acp_build_string(b, json_object_get(option, "name"), 255);
    o->description = acp_build_string(b, json_object_get(option, "description"), 1024);
    o->kind = option_kind(option);
  }
  return list;
}

/* Every option says the same and none says no: it is a question with choices. */
static bool is_question(const request *r, const json_t *options) {
  if (json_array_size(options) < 2 || r->input != NULL || has_diff(r->content)) return false;
  for (size_t i = 0; i < json_array_size(options); i++)
    if (option_kind(json_array_get(options, i)) != OPTION(ALLOW_ONCE)) return false;
  return true;
}

/* All texts of the content, joined by blank lines. NULL: there is none. */
static char *content_text(acp_build *b, const json_t *content, size_t *bytes) {
  char *out = NULL;
  size_t room = 1;
  for (size_t i = 0; i < json_array_size(content); i++)
    room += 2 + json_string_length(json_object_get(
                    json_object_get(json_array_get(content, i), "content"), "text"));
  *bytes = 0;
  for (size_t i = 0; i < json_array_size(content); i++) {
    const json_t *text =
        json_object_get(json_object_get(json_array_get(content, i), "content"), "text");
    if (!json_is_string(text)) continue;
    if (out == NULL) out = acp_build_alloc(b, room);
    if (*bytes > 0) {
      memcpy(out + *bytes, "\n\n", 2);
      *bytes += 2;
    }
    memcpy(out + *bytes, json_string_value(text), json_string_length(text));
    *bytes += json_string_length(text);
  }
  return out;
}

/* The plan as it is reviewed stays readable when the review is over. */
void acp_plan_document(acp_session *s, const char *text, size_t bytes) {
  uint64_t hash = acp_hash(ACP_HASH_BEGIN, text, bytes);
  if (hash == s->plan_document) return;
  s->plan_document = hash;
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__PlanDocumentChanged changed = REMOTE__V1__PLAN_DOCUMENT_CHANGED__INIT;
  changed.text = acp_build_long(&b, text, bytes, 65536, "text/markdown", "plan", &changed.asset_id);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_PLAN_DOCUMENT_CHANGED;
  event.plan_document_changed = &changed;
  acp_emit(s, &event);
  acp_build_end(&b);
}

static void build_plan(acp_build *b, const request *r, Remote__V1__Ask *ask) {
  Remote__V1__PlanAsk *plan = acp_build_alloc(b, sizeof *plan);
  remote__v1__plan_ask__init(plan);
  plan->summary = acp_build_text(b, r->title != NULL ? r->title : "",
                                 r->title != NULL ? strlen(r->title) : 0, 4096);
  const json_t *given = json_object_get(r->input, "plan");
  size_t bytes = json_is_string(given) ? json_string_length(given) : 0;
  const char *text =
      json_is_string(given) ? json_string_value(given) : content_text(b, r->content, &bytes);
  if (text == NULL) text = "";
  if (bytes > 0) acp_plan_document(b->session, text, bytes);
  const char *clean = acp_build_redact(b, text, &bytes);
  plan->text = acp_build_text(b, clean, bytes, 65536);
  ask->kind_case = REMOTE__V1__ASK__KIND_PLAN;
  ask->plan = plan;
}

static void build_kind(acp_build *b, const request *r, const json_t *options,
                       Remote__V1__Ask *ask) {
  if (r->kind == REMOTE__V1__TOOL_KIND__TOOL_KIND_SWITCH_MODE) {
    build_plan(b, r, ask);
  } else if (is_question(r, options)) {
    Remote__V1__QuestionAsk *question = acp_build_alloc(b, sizeof *question);
    remote__v1__question_ask__init(question);
    question->text = acp_build_text(b, r->title != NULL ? r->title : "",
                                    r->title != NULL ? strlen(r->title) : 0, 16384);
    ask->kind_case = REMOTE__V1__ASK__KIND_QUESTION;
    ask->question = question;
  } else {
    ask->kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
    ask->permission = build_permission(b, r);
  }
}

static void ask_permission(acp_session *s, json_t *id, json_t *params) {
  json_t *call = json_object_get(params, "toolCall");
  json_t *options = json_object_get(params, "options");
  acp_ask *slot = acp_ask_free_slot(s);
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  ask.options = build_options(&b, options, &ask.n_options);
  if (slot == NULL || ask.n_options == 0) {
    rpc_refuse(s->rpc, id, slot == NULL ? RPC_INTERNAL_ERROR : RPC_INVALID_PARAMS,
               slot == NULL ? "too many open requests" : "no options");
    acp_extension(s, "session/request_permission", params != NULL ? params : json_null(), false);
    acp_build_end(&b);
    return;
  }
  acp_tool *tool = acp_tool_seen(s, call);
  request r;
  request_read(&r, call, tool);
  if (tool != NULL) {
    ask.tool_call_id = tool->id;
    snprintf(slot->tool_id, sizeof slot->tool_id, "%s", tool->id);
    if (tool->agent_id[0] != '\0') s->event_agent_id = tool->agent_id;
  }
  slot->options = json_incref(options);
  slot->questions = acp_questions_schema(call);
  if (slot->questions != NULL) {
    ask.n_options = 0; /* to submit it is to answer, to cancel it is to decline */
    acp_form_build(&b, acp_questions_message(call), slot->questions, &ask);
  } else {
    build_kind(&b, &r, options, &ask);
  }
  if (b.cut) acp_extension(s, "session/request_permission", params, false);
  acp_ask_open(s, slot, &ask, id);
  acp_build_end(&b);
}

/* Whoever asks: a sub-agent's question is shown as its own. */
static void asked_by(acp_session *s, const json_t *params, const json_t *message) {
  s->event_turn_id = s->turn.running ? s->turn.id : NULL;
  acp_collect_end(s);
  s->event_agent_id = acp_agent_speaking(s, json_object_get(params, "sessionId"), message);
}

/* While its turn is being cancelled, whatever it asks is answered with that. */
static bool cancelled_already(acp_session *s, json_t *id, const char *method, json_t *params,
                              bool elicitation) {
  if (!s->turn.running || !s->turn.cancelled) return false;
  acp_ask as = {.elicitation = elicitation};
  rpc_reply(s->rpc, id, cancelled(&as));
  acp_extension(s, method, params != NULL ? params : json_null(), true);
  return true;
}

void acp_ask_permission(acp_session *s, json_t *id, json_t *params) {
  asked_by(s, params, json_object_get(params, "toolCall"));
  if (!cancelled_already(s, id, "session/request_permission", params, false))
    ask_permission(s, id, params);
  s->event_agent_id = NULL;
}

void acp_ask_elicitation(acp_session *s, json_t *id, json_t *params) {
  asked_by(s, params, params);
  if (!cancelled_already(s, id, "elicitation/create", params, true)) acp_form_ask(s, id, params);
  s->event_agent_id = NULL;
}

/* ---- answers of people ---- */

static acp_ask *ask_find(acp_session *s, const lrm_id *id) {
  for (size_t i = 0; i < ACP_ASKS_MAX; i++)
    if (s->asks[i].used && lrm_id_equal(&s->asks[i].id, id)) return &s->asks[i];
  return NULL;
}

static const json_t *option_named(const acp_ask *ask, const char *id) {
  for (size_t i = 0; i < json_array_size(ask->options); i++) {
    const json_t *option = json_array_get(ask->options, i);
    char known[ACP_ID_BYTES];
    option_id_make(option, known);
    if (json_is_string(json_object_get(option, "optionId")) && strcmp(known, id) == 0)
      return option;
  }
  return NULL;
}

static const json_t *option_of_kind(const acp_ask *ask, Remote__V1__AskOptionKind kind) {
  for (size_t i = 0; i < json_array_size(ask->options); i++)
    if (option_kind(json_array_get(ask->options, i)) == kind)
      return json_array_get(ask->options, i);
  return NULL;
}

static json_t *selected(const json_t *option, const char *comment) {
  json_t *outcome = json_pack("{s:s,s:O}", "outcome", "selected", "optionId",
                              json_object_get(option, "optionId"));
  if (comment != NULL && comment[0] != '\0')
    json_object_set_new(outcome, "_meta", json_pack("{s:s}", "comment", comment));
  return json_pack("{s:o}", "outcome", outcome);
}

static json_t *questions_reply(const acp_ask *ask, const Remote__V1__AskResolved *resolution) {
  const Remote__V1__AnswerContent *answer = resolution->answer;
  char reason[FIT_REASON_BYTES];
  if (resolution->outcome != REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED || answer == NULL)
    return cancelled(ask);
  const json_t *no = option_of_kind(ask, OPTION(REJECT_ONCE));
  if (answer->declined) return no != NULL ? selected(no, answer->comment) : cancelled(ask);
  const json_t *yes = option_of_kind(ask, OPTION(ALLOW_ONCE));
  json_t *content =
      yes != NULL ? acp_form_content(ask->questions, answer, reason, sizeof reason) : NULL;
  if (content == NULL) return cancelled(ask);
  json_t *reply = selected(yes, answer->comment);
  json_object_set_new(reply, "answers", acp_questions_answers(content));
  json_decref(content);
  return reply;
}

static json_t *permission_reply(acp_session *s, acp_ask *ask,
                                const Remote__V1__AskResolved *resolution) {
  const Remote__V1__AnswerContent *answer = resolution->answer;
  const json_t *option = NULL;
  if (ask->questions != NULL) return questions_reply(ask, resolution);
  if (resolution->outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED && answer != NULL) {
    option = option_named(ask, answer->option_id);
    if (option == NULL && answer->declined) option = option_of_kind(ask, OPTION(REJECT_ONCE));
  }
  if (option == NULL) return cancelled(ask);
  Remote__V1__AskOptionKind kind = option_kind(option);
  acp_tool *tool = acp_tool_find(s, ask->tool_id);
  bool yes =
      kind == OPTION(ALLOW_ONCE) || kind == OPTION(ALLOW_ALWAYS) || kind == OPTION(ALLOW_SESSION);
  if (yes && tool != NULL) tool->authorized_by = ask->id;
  return selected(option, answer->comment);
}

static json_t *elicitation_reply(const acp_ask *ask, const Remote__V1__AskResolved *resolution) {
  const Remote__V1__AnswerContent *answer = resolution->answer;
  if (resolution->outcome != REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED || answer == NULL)
    return cancelled(ask);
  bool decline = answer->declined || strcmp(answer->option_id, "decline") == 0;
  if (decline) return json_pack("{s:s}", "action", "decline");
  if (ask->options == NULL) return json_pack("{s:s}", "action", "accept"); /* a URL */
  char reason[FIT_REASON_BYTES];
  json_t *content = acp_form_content(ask->options, answer, reason, sizeof reason);
  if (content == NULL) return cancelled(ask); /* of an older journal: today it would not have won */
  return json_pack("{s:s,s:o}", "action", "accept", "content", content);
}

bool acp_session_answer_fits(acp_session *s, const lrm_id *ask_id,
                             const Remote__V1__AnswerContent *answer, char *reason,
                             size_t reason_bytes) {
  const acp_ask *ask = ask_find(s, ask_id);
  reason[0] = '\0';
  const json_t *schema = ask == NULL ? NULL : ask->elicitation ? ask->options : ask->questions;
  if (schema == NULL || answer->declined) return true;
  json_t *content = acp_form_content(schema, answer, reason, reason_bytes);
  json_decref(content);
  return content != NULL;
}

void acp_session_answer(acp_session *s, const lrm_id *ask_id,
                        const Remote__V1__AskResolved *resolution, uint64_t now_ns) {
  s->now_ns = now_ns;
  acp_ask *ask = ask_find(s, ask_id);
  if (ask == NULL) return; /* the agent took it back in the meantime */
  ask_close(
      s, ask,
      ask->elicitation ? elicitation_reply(ask, resolution) : permission_reply(s, ask, resolution));
}

/* ---- asks that end without an answer ---- */

/* The slot is freed before the sink hears of it: the sink may come back in. */
static void ask_end(acp_session *s, acp_ask *ask, Remote__V1__AskOutcome outcome,
                    const char *reason, bool tell) {
  lrm_id id = ask->id;
  ask_close(s, ask, tell ? cancelled(ask) : NULL);
  s->sink->end_ask(s->sink_user, &id, outcome, reason);
}

void acp_ask_withdrawn(acp_session *s, const json_t *request_id) {
  for (size_t i = 0; i < ACP_ASKS_MAX; i++) {
    acp_ask *ask = &s->asks[i];
    if (!ask->used || !json_equal(ask->request_id, request_id)) continue;
    ask_end(s, ask, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN, "the agent took it back", true);
  }
}

void acp_ask_completed(acp_session *s, const json_t *elicitation_id) {
  char id[ACP_ID_BYTES];
  if (!json_is_string(elicitation_id)) return;
  acp_id_make(json_string_value(elicitation_id), ACP_ID_BYTES - 1, id);
  for (size_t i = 0; i < ACP_ASKS_MAX; i++) {
    acp_ask *ask = &s->asks[i];
    if (!ask->used || strcmp(ask->elicitation_id, id) != 0 || id[0] == '\0') continue;
    lrm_id ask_id = ask->id;
    ask_close(s, ask, json_pack("{s:s}", "action", "accept"));
    s->sink->end_ask(s->sink_user, &ask_id, REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN,
                     "done elsewhere");
  }
}

void acp_asks_end(acp_session *s, Remote__V1__AskOutcome outcome, const char *reason, bool every,
                  bool tell) {
  for (size_t i = 0; i < ACP_ASKS_MAX; i++) {
    acp_ask *ask = &s->asks[i];
    if (!ask->used) continue;
    if (!every && strcmp(ask->turn_id, s->turn.id) != 0) continue;
    ask_end(s, ask, outcome, reason, tell);
  }
}
