/* Modes, options, slash commands. Modes come as `modes`, as an option of category "mode", or as
 * both; their ids may be URLs; a change is announced by current_mode_update, config_option_update,
 * the answer to set_config_option, or not at all. */
#include <stdio.h>

#include "acp_internal.h"
#include "remote/types.h"

#define MODES_MAX 32u
#define OPTIONS_MAX 32u
#define VALUES_MAX 256u
#define SLASH_MAX 256u

static void actor(const Remote__V1__Actor *by, Remote__V1__Actor **out) {
  /* The event is only read. */
  if (by != NULL) memcpy(out, &by, sizeof by);
}

/* ---- modes ---- */

static void tell_permission_mode(acp_session *s, const Remote__V1__Actor *by);

static void emit_modes(acp_session *s, bool all, const Remote__V1__Actor *by) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__ModesChanged changed = REMOTE__V1__MODES_CHANGED__INIT;
  size_t count = all ? json_array_size(s->modes) : 0;
  if (count > MODES_MAX) count = MODES_MAX;
  changed.modes = acp_build_alloc(&b, count * sizeof *changed.modes + 1);
  changed.n_modes = count;
  for (size_t i = 0; i < count; i++) {
    const json_t *mode = json_array_get(s->modes, i);
    Remote__V1__Mode *m = changed.modes[i] = acp_build_alloc(&b, sizeof *m);
    remote__v1__mode__init(m);
    m->mode_id = acp_build_id(&b, json_object_get(mode, "id"), 255);
    m->name = acp_build_string(&b, json_object_get(mode, "name"), 255);
    m->description = acp_build_string(&b, json_object_get(mode, "description"), 1024);
    m->elevating = elevation_mode(&s->elevation, m->mode_id);
  }
  changed.current_mode_id = acp_build_copy(&b, s->current_mode);
  actor(by, &changed.by);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_MODES_CHANGED;
  event.modes_changed = &changed;
  acp_emit(s, &event);
  acp_build_end(&b);
  tell_permission_mode(s, by);
}

/* The value that makes the agent ask less than its default; NULL: none does. */
static const char *elevating_value(const acp_session *s) {
  if (s->current_mode[0] != '\0' && elevation_mode(&s->elevation, s->current_mode))
    return s->current_mode;
  for (size_t i = 0; i < json_array_size(s->options); i++) {
    const json_t *option = json_array_get(s->options, i);
    const json_t *current = json_object_get(option, "currentValue");
    const char *id = json_string_value(json_object_get(option, "id"));
    const char *value = json_is_boolean(current) ? (json_is_true(current) ? "true" : "false")
                                                 : json_string_value(current);
    if (id != NULL && value != NULL &&
        elevation_option(&s->elevation, id, json_string_value(json_object_get(option, "category")),
                         value))
      return json_is_boolean(current) ? id : value;
  }
  return NULL;
}

/* How much the agent asks: told when that changes, whether a mode or an option did it. */
static void tell_permission_mode(acp_session *s, const Remote__V1__Actor *by) {
  const char *value = elevating_value(s);
  if ((value != NULL) == s->elevated) return;
  s->elevated = value != NULL;
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__PermissionModeChanged changed = REMOTE__V1__PERMISSION_MODE_CHANGED__INIT;
  if (value == NULL) value = s->current_mode[0] != '\0' ? s->current_mode : "default";
  changed.mode = acp_build_text(&b, value, strlen(value), 127);
  changed.elevated = s->elevated;
  actor(by, &changed.by);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_PERMISSION_MODE_CHANGED;
  event.permission_mode_changed = &changed;
  acp_emit(s, &event);
  acp_build_end(&b);
}

static bool mode_known(const acp_session *s, const char *id) {
  for (size_t i = 0; i < json_array_size(s->modes); i++) {
    char known[ACP_NAME_BYTES];
    const char *name = json_string_value(json_object_get(json_array_get(s->modes, i), "id"));
    acp_id_make(name != NULL ? name : "", 255, known);
    if (strcmp(known, id) == 0) return true;
  }
  return false;
}

bool acp_session_knows_mode(const acp_session *s, const char *mode_id) {
  return mode_known(s, mode_id);
}

static void set_current(acp_session *s, const char *id) { acp_id_make(id, 255, s->current_mode); }

void acp_modes_current(acp_session *s, const json_t *mode_id) {
  set_current(s, json_string_value(mode_id));
  emit_modes(s, false, NULL);
}

/* ---- options ---- */

static json_t *mode_option(const acp_session *s) {
  for (size_t i = 0; i < json_array_size(s->options); i++) {
    json_t *option = json_array_get(s->options, i);
    const char *category = json_string_value(json_object_get(option, "category"));
    if (category != NULL && strcmp(category, "mode") == 0) return option;
  }
  return NULL;
}

static json_t *find_option(const acp_session *s, const char *id) {
  for (size_t i = 0; i < json_array_size(s->options); i++) {
    json_t *option = json_array_get(s->options, i);
    const char *name = json_string_value(json_object_get(option, "id"));
    char known[ACP_NAME_BYTES];
    acp_id_make(name != NULL ? name : "", 255, known);
    if (strcmp(known, id) == 0) return option;
  }
  return NULL;
}

const char *acp_session_option_category(const acp_session *s, const char *option_id) {
  return json_string_value(json_object_get(find_option(s, option_id), "category"));
}

static bool is_boolean(const json_t *option) {
  const char *type = json_string_value(json_object_get(option, "type"));
  return type != NULL && strcmp(type, "boolean") == 0;
}

/* Calls visit for each value of a select, grouped or not. */
static void each_value(const json_t *option,
                       void (*visit)(void *user, const json_t *value, const json_t *group),
                       void *user) {
  const json_t *list = json_object_get(option, "options");
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *item = json_array_get(list, i), *inner = json_object_get(item, "options");
    if (!json_is_array(inner)) {
      visit(user, item, NULL);
      continue;
    }
    for (size_t k = 0; k < json_array_size(inner); k++)
      visit(user, json_array_get(inner, k), json_object_get(item, "name"));
  }
}

typedef struct value_list {
  acp_build *b;
  Remote__V1__ConfigOption *option;
  const char *category;
} value_list;

static Remote__V1__ConfigValue *add_value(value_list *list) {
  Remote__V1__ConfigOption *o = list->option;
  if (o->n_values == VALUES_MAX || list->b->room < 2048) { /* the rest follows whole */
    list->b->cut = true;
    return NULL;
  }
  Remote__V1__ConfigValue *v = acp_build_alloc(list->b, sizeof *v);
  remote__v1__config_value__init(v);
  o->values[o->n_values++] = v;
  return v;
}

static void take_value(void *user, const json_t *value, const json_t *group) {
  value_list *list = user;
  Remote__V1__ConfigValue *v = add_value(list);
  if (v == NULL) return;
  acp_build *b = list->b;
  v->value = acp_build_id(b, json_object_get(value, "value"), 255);
  b->room -= strlen(v->value);
  v->name = acp_build_string(b, json_object_get(value, "name"), 255);
  v->description = acp_build_string(b, json_object_get(value, "description"), 400);
  v->group = acp_build_string(b, group, 255);
  v->elevating =
      elevation_option(&b->session->elevation, list->option->option_id, list->category, v->value);
}

static void boolean_values(value_list *list) {
  static const char *const words[] = {"false", "true"};
  for (size_t i = 0; i < 2; i++) {
    Remote__V1__ConfigValue *v = add_value(list);
    if (v == NULL) return;
    v->value = acp_build_copy(list->b, words[i]);
    v->name = acp_build_copy(list->b, i == 0 ? "Off" : "On");
    v->elevating = elevation_option(&list->b->session->elevation, list->option->option_id,
                                    list->category, words[i]);
  }
}

static void build_option(acp_build *b, const json_t *option, Remote__V1__ConfigOption *o) {
  const json_t *current = json_object_get(option, "currentValue");
  remote__v1__config_option__init(o);
  o->option_id = acp_build_id(b, json_object_get(option, "id"), 255);
  o->name = acp_build_string(b, json_object_get(option, "name"), 255);
  o->description = acp_build_string(b, json_object_get(option, "description"), 1024);
  o->category = acp_build_string(b, json_object_get(option, "category"), 63);
  o->boolean = is_boolean(option);
  o->values = acp_build_alloc(b, VALUES_MAX * sizeof *o->values);
  value_list list = {b, o, json_string_value(json_object_get(option, "category"))};
  if (o->boolean) {
    o->current_value = acp_build_copy(b, json_is_true(current) ? "true" : "false");
    boolean_values(&list);
  } else {
    o->current_value = acp_build_id(b, current, 255);
    each_value(option, take_value, &list);
  }
}

static void emit_options(acp_session *s, const Remote__V1__Actor *by) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__ConfigOptionsChanged changed = REMOTE__V1__CONFIG_OPTIONS_CHANGED__INIT;
  size_t count = json_array_size(s->options);
  if (count > OPTIONS_MAX) {
    count = OPTIONS_MAX;
    b.cut = true;
  }
  changed.options = acp_build_alloc(&b, count * sizeof *changed.options + 1);
  for (size_t i = 0; i < count; i++) {
    changed.options[i] = acp_build_alloc(&b, sizeof **changed.options);
    build_option(&b, json_array_get(s->options, i), changed.options[i]);
  }
  changed.n_options = count;
  actor(by, &changed.by);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_CONFIG_OPTIONS_CHANGED;
  event.config_options_changed = &changed;
  acp_emit(s, &event);
  if (b.cut) acp_extension(s, "session/update:config_option_update", s->options, false);
  acp_build_end(&b);
  tell_permission_mode(s, by);
}

static void add_mode_of_value(void *user, const json_t *value, const json_t *group) {
  (void)group;
  json_t *id = json_object_get(value, "value");
  if (!json_is_string(id)) return;
  json_t *mode = json_pack("{s:O}", "id", id);
  json_object_set(mode, "name", json_object_get(value, "name"));
  json_object_set(mode, "description", json_object_get(value, "description"));
  json_array_append_new(user, mode);
}

/* The option of category "mode" tells the modes when nothing else does, and the current one. */
static void modes_of_option(acp_session *s, const Remote__V1__Actor *by) {
  json_t *option = mode_option(s);
  const char *current = json_string_value(json_object_get(option, "currentValue"));
  if (current == NULL) return;
  bool list = json_array_size(s->modes) == 0 || s->modes_are_option;
  if (list) {
    json_t *modes = json_array();
    each_value(option, add_mode_of_value, modes);
    list = !s->modes_are_option || !json_equal(modes, s->modes);
    json_decref(s->modes);
    s->modes = modes;
    s->modes_are_option = true;
  }
  char id[ACP_NAME_BYTES];
  acp_id_make(current, 255, id);
  if (!list && strcmp(id, s->current_mode) == 0) return;
  memcpy(s->current_mode, id, sizeof id);
  emit_modes(s, list, by);
}

void acp_options_update(acp_session *s, json_t *options, const Remote__V1__Actor *by) {
  if (options != s->options) {
    json_decref(s->options);
    s->options = json_deep_copy(options);
    s->models_are_legacy = false;
  }
  emit_options(s, by);
  modes_of_option(s, by);
}

/* Models as some agents tell them besides or instead of options. */
static json_t *option_of_models(const json_t *models) {
  const json_t *list = json_object_get(models, "availableModels");
  json_t *values = json_array();
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *model = json_array_get(list, i);
    json_t *value = json_object();
    json_object_set(value, "value", json_object_get(model, "modelId"));
    json_object_set(value, "name", json_object_get(model, "name"));
    json_object_set(value, "description", json_object_get(model, "description"));
    json_array_append_new(values, value);
  }
  json_t *current = json_object_get(models, "currentModelId");
  return json_pack("[{s:s,s:s,s:s,s:s,s:O,s:o}]", "id", "model", "name", "Model", "category",
                   "model", "type", "select", "currentValue",
                   current != NULL ? current : json_null(), "options", values);
}

void acp_modes_facts(acp_session *s, json_t *result) {
  json_t *modes = json_object_get(result, "modes");
  json_t *options = json_object_get(result, "configOptions");
  json_t *models = json_object_get(result, "models");
  const char *current = json_string_value(json_object_get(modes, "currentModeId"));
  if (json_array_size(json_object_get(modes, "availableModes")) > 0) {
    json_decref(s->modes);
    s->modes = json_deep_copy(json_object_get(modes, "availableModes"));
    if (current != NULL) set_current(s, current);
    emit_modes(s, true, NULL);
  }
  if (json_array_size(options) > 0) {
    acp_options_update(s, options, NULL);
  } else if (json_array_size(json_object_get(models, "availableModels")) > 0) {
    options = option_of_models(models);
    acp_options_update(s, options, NULL);
    s->models_are_legacy = true;
    json_decref(options);
  }
}

void acp_modes_free(acp_session *s) {
  json_decref(s->modes);
  json_decref(s->options);
  json_decref(s->slash);
  for (size_t i = 0; i < ACP_CHANGES_MAX; i++)
    if (s->changes[i].by != NULL) remote__v1__origin__free_unpacked(s->changes[i].by, NULL);
}

/* ---- slash commands ---- */

void acp_slash_update(acp_session *s, json_t *commands) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__SlashCommandsChanged changed = REMOTE__V1__SLASH_COMMANDS_CHANGED__INIT;
  size_t count = json_array_size(commands);
  if (count > SLASH_MAX) {
    count = SLASH_MAX;
    b.cut = true;
  }
  json_decref(s->slash);
  s->slash = json_array();
  size_t description_max = count > 60 ? 60000 / count : 1000;
  changed.commands = acp_build_alloc(&b, count * sizeof *changed.commands + 1);
  for (size_t i = 0; i < count; i++) {
    const json_t *command = json_array_get(commands, i);
    const char *name = json_string_value(json_object_get(command, "name"));
    if (name == NULL) continue;
    if (name[0] == '/') name++;
    Remote__V1__SlashCommand *c = acp_build_alloc(&b, sizeof *c);
    remote__v1__slash_command__init(c);
    c->name = acp_build_text(&b, name, strlen(name), 127);
    c->description = acp_build_string(&b, json_object_get(command, "description"), description_max);
    c->input_hint =
        acp_build_string(&b, json_object_get(json_object_get(command, "input"), "hint"), 255);
    c->remote_allowed = s->slash_allowed != NULL && s->slash_allowed(s->policy_user, c->name);
    json_array_append_new(s->slash, json_string(c->name));
    changed.commands[changed.n_commands++] = c;
  }
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_SLASH_COMMANDS_CHANGED;
  event.slash_commands_changed = &changed;
  acp_emit(s, &event);
  if (b.cut) acp_extension(s, "session/update:available_commands_update", commands, false);
  acp_build_end(&b);
}

bool acp_session_knows_slash(const acp_session *s, const char *name) {
  for (size_t i = 0; i < json_array_size(s->slash); i++)
    if (strcmp(json_string_value(json_array_get(s->slash, i)), name) == 0) return true;
  return false;
}

/* ---- changes that people ask for ---- */

static acp_change *change_begin(acp_session *s, bool mode, const char *id, const char *value,
                                const lrm_id *command_id, const Remote__V1__Actor *by) {
  for (size_t i = 0; i < ACP_CHANGES_MAX; i++) {
    acp_change *change = &s->changes[i];
    if (change->used) continue;
    memset(change, 0, sizeof *change);
    change->used = true;
    change->serial = (uint32_t)++s->counter;
    change->deadline_ns = s->now_ns + ACP_CHANGE_NS;
    change->mode = mode;
    if (command_id != NULL) change->command_id = *command_id;
    snprintf(change->id, sizeof change->id, "%s", id);
    snprintf(change->value, sizeof change->value, "%s", value);
    change->local = by == NULL || by->local;
    if (by != NULL && by->origin != NULL) {
      uint8_t packed[512];
      if (remote__v1__origin__get_packed_size(by->origin) <= sizeof packed)
        change->by =
            remote__v1__origin__unpack(NULL, remote__v1__origin__pack(by->origin, packed), packed);
    }
    return change;
  }
  return NULL;
}

static void change_finish(acp_session *s, acp_change *change, uint32_t code, const char *reason) {
  lrm_id command = change->command_id;
  if (code != 0 && lrm_id_none(&command))
    acp_notice(s, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "agent",
               "The agent did not take the change to %s: %s", change->value, reason);
  if (change->by != NULL) remote__v1__origin__free_unpacked(change->by, NULL);
  memset(change, 0, sizeof *change);
  if (!lrm_id_none(&command)) s->sink->finish(s->sink_user, &command, code, reason);
}

/* The id as the agent said it: ours may be a hash of it. */
static const char *agents_mode(const acp_session *s, const char *id) {
  for (size_t i = 0; i < json_array_size(s->modes); i++) {
    const char *name = json_string_value(json_object_get(json_array_get(s->modes, i), "id"));
    char known[ACP_NAME_BYTES];
    acp_id_make(name != NULL ? name : "", 255, known);
    if (strcmp(known, id) == 0) return name;
  }
  return id;
}

typedef struct value_search {
  const char *id, *found;
} value_search;

static void match_value(void *user, const json_t *value, const json_t *group) {
  value_search *search = user;
  const char *name = json_string_value(json_object_get(value, "value"));
  char known[ACP_NAME_BYTES];
  (void)group;
  acp_id_make(name != NULL ? name : "", 255, known);
  if (strcmp(known, search->id) == 0) search->found = name;
}

static void mode_is_set(acp_session *s, const acp_change *change, const Remote__V1__Actor *by) {
  json_t *option = mode_option(s);
  memcpy(s->current_mode, change->value, sizeof s->current_mode - 1);
  s->current_mode[sizeof s->current_mode - 1] = '\0';
  emit_modes(s, false, by);
  /* Agents that have both keep them in step, but not all say so. */
  value_search search = {change->value, NULL};
  each_value(option, match_value, &search);
  if (search.found == NULL) return;
  json_object_set_new(option, "currentValue", json_string(search.found));
  emit_options(s, by);
}

static void option_is_set(acp_session *s, const acp_change *change, json_t *result,
                          const Remote__V1__Actor *by) {
  json_t *options = json_object_get(result, "configOptions");
  if (json_array_size(options) > 0) {
    acp_options_update(s, options, by);
    return;
  }
  json_t *option = find_option(s, change->id);
  value_search search = {change->value, NULL};
  each_value(option, match_value, &search);
  if (is_boolean(option))
    json_object_set_new(option, "currentValue", json_boolean(strcmp(change->value, "true") == 0));
  else if (search.found != NULL)
    json_object_set_new(option, "currentValue", json_string(search.found));
  acp_options_update(s, s->options, by);
}

static bool change_send(acp_session *s, acp_change *change);

/* What the agent is asked under: the place, and which change has it now. */
static uint64_t change_context(const acp_session *s, const acp_change *change) {
  return (uint64_t)change->serial << 8 | (uint64_t)(change - s->changes);
}

static void on_changed(void *user, uint64_t context, json_t *result, json_t *error) {
  acp_session *s = user;
  acp_change *change = &s->changes[context & 0xff];
  if (!change->used || change->serial != (uint32_t)(context >> 8)) return; /* it was given up */
  Remote__V1__Actor by = REMOTE__V1__ACTOR__INIT;
  by.local = change->local;
  by.origin = change->by;
  if (error != NULL) {
    const char *text = json_string_value(json_object_get(error, "message"));
    bool unknown = json_integer_value(json_object_get(error, "code")) == RPC_METHOD_NOT_FOUND;
    if (unknown && change->mode && !change->retried) { /* it has the other way only */
      change->retried = true;
      change->by_option = !change->by_option;
      if (change_send(s, change)) return;
    }
    change_finish(s, change, LRM_CODE_AGENT_ERROR, text != NULL ? text : "the agent refused");
    return;
  }
  if (change->mode && !change->by_option)
    mode_is_set(s, change, &by);
  else
    option_is_set(s, change, result, &by);
  if (change->mode && change->by_option && strcmp(s->current_mode, change->value) != 0)
    mode_is_set(s, change, &by);
  change_finish(s, change, 0, "");
}

/* False: the agent has no such thing, or too many calls are open. */
static bool change_send(acp_session *s, acp_change *change) {
  uint64_t index = change_context(s, change);
  json_t *option = change->mode ? mode_option(s) : find_option(s, change->id);
  if (change->mode && !change->by_option)
    return rpc_call(
        s->rpc, "session/set_mode",
        json_pack("{s:O,s:s}", "sessionId", s->session_id, "modeId", agents_mode(s, change->value)),
        on_changed, index);
  if (option == NULL) return false;
  value_search search = {change->value, NULL};
  each_value(option, match_value, &search);
  if (s->models_are_legacy)
    return rpc_call(s->rpc, "session/set_model",
                    json_pack("{s:O,s:s}", "sessionId", s->session_id, "modelId",
                              search.found != NULL ? search.found : change->value),
                    on_changed, index);
  json_t *params =
      json_pack("{s:O,s:O}", "sessionId", s->session_id, "configId", json_object_get(option, "id"));
  if (is_boolean(option)) {
    json_object_set_new(params, "type", json_string("boolean"));
    json_object_set_new(params, "value", json_boolean(strcmp(change->value, "true") == 0));
  } else {
    json_object_set_new(params, "value",
                        json_string(search.found != NULL ? search.found : change->value));
  }
  return rpc_call(s->rpc, "session/set_config_option", params, on_changed, index);
}

uint64_t acp_changes_deadline(const acp_session *s) {
  uint64_t least = UINT64_MAX;
  for (size_t i = 0; i < ACP_CHANGES_MAX; i++)
    if (s->changes[i].used && s->changes[i].deadline_ns < least) least = s->changes[i].deadline_ns;
  return least;
}

/* An agent that never answers leaves no command without an outcome. */
void acp_changes_expire(acp_session *s) {
  for (size_t i = 0; i < ACP_CHANGES_MAX; i++) {
    acp_change *change = &s->changes[i];
    if (!change->used || s->now_ns < change->deadline_ns) continue;
    rpc_give_up(s->rpc, on_changed, change_context(s, change));
    change_finish(s, change, LRM_CODE_AGENT_ERROR, "the agent did not answer within 30 s");
  }
}

void acp_session_set_mode(acp_session *s, const char *mode_id, const lrm_id *command_id,
                          const Remote__V1__Actor *by, uint64_t now_ns) {
  static const lrm_id none;
  const lrm_id *command = command_id != NULL ? command_id : &none;
  s->now_ns = now_ns;
  if (s->state != ACP_READY || !mode_known(s, mode_id)) {
    s->sink->finish(s->sink_user, command, LRM_CODE_INVALID, "the agent has no such mode");
    return;
  }
  acp_change *change = change_begin(s, true, "", mode_id, command, by);
  if (change == NULL) {
    s->sink->finish(s->sink_user, command, LRM_CODE_COMMAND_BUSY, "too many changes at once");
    return;
  }
  change->by_option = s->modes_are_option;
  if (!change_send(s, change))
    change_finish(s, change, LRM_CODE_COMMAND_BUSY, "too many changes at once");
}

void acp_session_set_option(acp_session *s, const char *option_id, const char *value,
                            const lrm_id *command_id, const Remote__V1__Actor *by,
                            uint64_t now_ns) {
  static const lrm_id none;
  const lrm_id *command = command_id != NULL ? command_id : &none;
  s->now_ns = now_ns;
  json_t *option = find_option(s, option_id);
  value_search search = {value, NULL};
  each_value(option, match_value, &search);
  bool fits = is_boolean(option) ? strcmp(value, "true") == 0 || strcmp(value, "false") == 0
                                 : search.found != NULL;
  if (s->state != ACP_READY || option == NULL || !fits) {
    s->sink->finish(s->sink_user, command, LRM_CODE_INVALID,
                    "the agent has no such option or value");
    return;
  }
  acp_change *change = change_begin(s, false, option_id, value, command, by);
  if (change == NULL || !change_send(s, change)) {
    if (change != NULL)
      change_finish(s, change, LRM_CODE_COMMAND_BUSY, "too many changes at once");
    else
      s->sink->finish(s->sink_user, command, LRM_CODE_COMMAND_BUSY, "too many changes at once");
  }
}
