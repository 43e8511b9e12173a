/* What each kind of command does: one row a kind. */
#include <string.h>

#include "session/host_internal.h"

static int applied(lrm_host *host, const lrm__request *request) {
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED)};
  return lrm__host_give(host, request->item, &judgement);
}

static int refuse(lrm_host *host, const lrm__request *request, uint32_t code, const char *reason) {
  return lrm__host_reject(host, request->item, code, reason);
}

/* Recorded as started, then to the application. */
static int start(lrm_host *host, const lrm__request *request, lrm__action_spec *spec) {
  int result = lrm__host_start(host, request->item);
  if (result != 0) return result;
  spec->command_id = &request->item->id;
  spec->by = &request->by;
  return lrm__host_act(host, spec);
}

/* ---- modes and options ---- */

bool lrm__host_mode_elevates(const lrm_host *host, const char *id, bool *known) {
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  const Remote__V1__Mode *mode = NULL;
  for (size_t i = 0; i < state->n_modes && mode == NULL; i++)
    if (strcmp(state->modes[i]->mode_id, id) == 0) mode = state->modes[i];
  *known = mode != NULL;
  return mode != NULL && (mode->elevating || (host->config.elevates_mode != NULL &&
                                              host->config.elevates_mode(host->config.user, id)));
}

static int set_mode(lrm_host *host, lrm__request *request) {
  const char *id = request->command->set_mode->mode_id;
  bool known;
  bool elevates = lrm__host_mode_elevates(host, id, &known);
  if (!known) return refuse(host, request, LRM_CODE_INVALID, "there is no such mode");
  if (elevates)
    return refuse(host, request, LRM_CODE_ELEVATION,
                  "a mode that asks less can only be chosen at the host");
  lrm__action_spec spec = {.type = LRM_ACTION_SET_MODE, .text = id};
  return start(host, request, &spec);
}

static const Remote__V1__ConfigOption *find_option(const lrm_host *host, const char *id) {
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  for (size_t i = 0; i < state->n_options; i++)
    if (strcmp(state->options[i]->option_id, id) == 0) return state->options[i];
  return NULL;
}

static bool has_value(const Remote__V1__ConfigOption *option, const char *value, bool *elevating) {
  *elevating = false;
  for (size_t i = 0; i < option->n_values; i++) {
    if (strcmp(option->values[i]->value, value) != 0) continue;
    *elevating = option->values[i]->elevating;
    return true;
  }
  return option->boolean && (strcmp(value, "true") == 0 || strcmp(value, "false") == 0);
}

static int set_option(lrm_host *host, lrm__request *request) {
  const Remote__V1__SetConfigOption *set = request->command->set_config_option;
  const Remote__V1__ConfigOption *option = find_option(host, set->option_id);
  bool elevates;
  if (option == NULL || !has_value(option, set->value, &elevates))
    return refuse(host, request, LRM_CODE_INVALID, "there is no such option or value");
  if (host->config.elevates_option != NULL &&
      host->config.elevates_option(host->config.user, set->option_id, set->value))
    elevates = true;
  if (elevates)
    return refuse(host, request, LRM_CODE_ELEVATION,
                  "a setting that asks less can only be chosen at the host");
  lrm__action_spec spec = {
      .type = LRM_ACTION_SET_OPTION, .text = set->option_id, .value = set->value};
  return start(host, request, &spec);
}

static int mode_changed(lrm_host *host, lrm__request *request) {
  Remote__V1__ModesChanged changed = REMOTE__V1__MODES_CHANGED__INIT;
  changed.current_mode_id = request->command->set_mode->mode_id;
  changed.by = &request->by.actor;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(MODES_CHANGED);
  event.modes_changed = &changed;
  return lrm__host_emit(host, &event);
}

/* All options with the one value replaced: the event always tells all. */
static int option_changed(lrm_host *host, lrm__request *request) {
  const Remote__V1__SetConfigOption *set = request->command->set_config_option;
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  size_t count = state->n_options;
  if (find_option(host, set->option_id) == NULL || count > 32) return 0;
  Remote__V1__ConfigOption changed;
  Remote__V1__ConfigOption *options[32];
  for (size_t i = 0; i < count; i++) {
    options[i] = state->options[i];
    if (strcmp(options[i]->option_id, set->option_id) != 0) continue;
    changed = *options[i];
    changed.current_value = set->value;
    options[i] = &changed;
  }
  Remote__V1__ConfigOptionsChanged all = REMOTE__V1__CONFIG_OPTIONS_CHANGED__INIT;
  all.options = options;
  all.n_options = count;
  all.by = &request->by.actor;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(CONFIG_OPTIONS_CHANGED);
  event.config_options_changed = &all;
  /* The view that lends these options changes while it folds them: a copy must be folded. */
  Remote__V1__Event *copy =
      (Remote__V1__Event *)lrm__message_copy(&event.base, &host->allocator, &host->packed);
  if (copy == NULL) return LRM_ERR_NO_MEMORY;
  int result = lrm__host_emit(host, copy);
  ProtobufCAllocator memory = lrm__protobuf_allocator(&host->allocator);
  protobuf_c_message_free_unpacked(&copy->base, &memory);
  return result;
}

/* ---- small ones ---- */

static int set_title(lrm_host *host, lrm__request *request) {
  Remote__V1__TitleChanged changed = REMOTE__V1__TITLE_CHANGED__INIT;
  changed.title = request->command->set_title->title;
  changed.by = &request->by.actor;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(TITLE_CHANGED);
  event.title_changed = &changed;
  int result = lrm__host_emit(host, &event);
  /* For information only: it waits for room in the list, or is left out. */
  lrm__action_spec spec = {
      .type = LRM_ACTION_SET_TITLE, .text = request->command->set_title->title, .by = &request->by};
  if (result == 0) result = lrm__host_act(host, &spec);
  if (result == LRM_ERR_BUSY) result = 0;
  return result != 0 ? result : applied(host, request);
}

static int cancel_turn(lrm_host *host, lrm__request *request) {
  const char *turn_id = request->command->cancel_turn->turn_id;
  if (!host->turn.running) return refuse(host, request, LRM_CODE_TOO_LATE, "no turn runs");
  if (!lrm__text_empty(turn_id) && strcmp(turn_id, host->turn.id) != 0) {
    lrm__judgement judgement = {.outcome = OUTCOME(SUPERSEDED),
                                .reason = "another turn runs now",
                                .turn_id = host->turn.id};
    return lrm__host_give(host, request->item, &judgement);
  }
  lrm__action_spec spec = {.type = LRM_ACTION_CANCEL, .turn_id = host->turn.id};
  int result = start(host, request, &spec);
  return result != 0 ? result : lrm__host_cancel_turn(host, &request->by);
}

static int withdraw(lrm_host *host, lrm__request *request) {
  lrm_id id = lrm__id_of(&request->command->withdraw_command->command_id);
  lrm_inbox_item *target = lrm__inbox_find(host->inbox, &id);
  bool can = target != NULL && target != request->item && !target->local &&
             target->state == LRM_INBOX_RECEIVED;
  if (!can) {
    return refuse(host, request, LRM_CODE_TOO_LATE,
                  "the host does not have it, or has begun with it");
  }
  lrm__judgement judgement = {.outcome = OUTCOME(WITHDRAWN), .reason = "taken back"};
  int result = lrm__host_give(host, target, &judgement);
  return result != 0 ? result : applied(host, request);
}

static int query_outcome(lrm_host *host, lrm__request *request) {
  const Remote__V1__QueryOutcome *query = request->command->query_outcome;
  Remote__V1__KnownOutcome known[64];
  Remote__V1__KnownOutcome *list[64];
  size_t count = query->n_command_ids < 64 ? query->n_command_ids : 64;
  for (size_t i = 0; i < count; i++) {
    remote__v1__known_outcome__init(&known[i]);
    list[i] = &known[i];
    known[i].command_id = query->command_ids[i];
    lrm_id id = lrm__id_of(&query->command_ids[i]);
    const lrm_inbox_item *item = lrm__inbox_find(host->inbox, &id);
    if (item == NULL || item->local) continue;
    known[i].pending = item->state != LRM_INBOX_DONE;
    known[i].outcome = (Remote__V1__CommandOutcomeKind)item->outcome;
    known[i].code = item->code;
  }
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED), .known = list, .known_count = count};
  return lrm__host_give(host, request->item, &judgement);
}

static int run_slash(lrm_host *host, lrm__request *request) {
  const Remote__V1__RunSlashCommand *run = request->command->run_slash_command;
  bool allowed = !lrm__text_empty(run->name) && host->config.slash_allowed != NULL &&
                 host->config.slash_allowed(host->config.user, run->name);
  if (!allowed)
    return refuse(host, request, LRM_CODE_SLASH_NOT_ALLOWED,
                  "that command can only be run at the host");
  lrm__action_spec spec = {.type = LRM_ACTION_SLASH, .text = run->name, .value = run->arguments};
  return start(host, request, &spec);
}

/* Several requests in one call are served by one snapshot, at its end. */
static int request_snapshot(lrm_host *host, lrm__request *request) {
  host->snapshot_wanted = true;
  return applied(host, request);
}

static int probe(lrm_host *host, lrm__request *request) {
  lrm__judgement judgement = {.outcome = OUTCOME(APPLIED), .nonce = request->command->probe->nonce};
  return lrm__host_give(host, request->item, &judgement);
}

static int end_remote(lrm_host *host, lrm__request *request) {
  int result = applied(host, request);
  if (result == 0) result = lrm__host_change_mode(host, MODE(OFF), &request->by, "ended from afar");
  host->ending_remote = true;
  return result;
}

/* ---- the table ---- */

enum { VIEW = 1, CONTROL = 2 };

static const struct {
  uint32_t command_class;
  int (*perform)(lrm_host *host, lrm__request *request);
  /* The events that go with APPLIED, for kinds that the application carries out. */
  int (*performed)(lrm_host *host, lrm__request *request);
} kinds[] = {
    [KIND(SUBMIT_PROMPT)] = {CONTROL, lrm__host_submit, lrm__host_prompt_given},
    [KIND(ATTACHMENT_CHUNK)] = {CONTROL, lrm__host_attach_chunk, NULL},
    [KIND(ANSWER_ASK)] = {CONTROL, lrm__host_answer, NULL},
    [KIND(SET_MODE)] = {CONTROL, set_mode, mode_changed},
    [KIND(SET_CONFIG_OPTION)] = {CONTROL, set_option, option_changed},
    [KIND(SET_TITLE)] = {CONTROL, set_title, NULL},
    [KIND(CANCEL_TURN)] = {CONTROL, cancel_turn, NULL},
    [KIND(WITHDRAW_COMMAND)] = {CONTROL, withdraw, NULL},
    [KIND(QUERY_OUTCOME)] = {VIEW, query_outcome, NULL},
    [KIND(RUN_SLASH_COMMAND)] = {CONTROL, run_slash, NULL},
    [KIND(REQUEST_SNAPSHOT)] = {VIEW, request_snapshot, NULL},
    [KIND(PROBE)] = {VIEW, probe, NULL},
    [KIND(END_REMOTE)] = {CONTROL, end_remote, NULL},
};

#define KINDS_COUNT (sizeof kinds / sizeof *kinds)

uint32_t lrm__command_class(uint32_t kind) {
  return kind < KINDS_COUNT && kinds[kind].command_class != 0 ? kinds[kind].command_class : CONTROL;
}

int lrm__host_perform(lrm_host *host, lrm__request *request) {
  uint32_t kind = request->item->kind;
  if (kind >= KINDS_COUNT || kinds[kind].perform == NULL)
    return refuse(host, request, LRM_CODE_INVALID, "the host does not know this kind of command");
  return kinds[kind].perform(host, request);
}

int lrm__host_performed(lrm_host *host, lrm__request *request) {
  uint32_t kind = request->item->kind;
  if (kind >= KINDS_COUNT || kinds[kind].performed == NULL) return 0;
  return kinds[kind].performed(host, request);
}

/* ---- the local person's ---- */

static int act_locally(lrm_host *host, lrm__action_spec *spec) {
  lrm__actor by;
  spec->by = lrm__actor_local(&by);
  return lrm__host_act(host, spec);
}

int lrm_host_set_mode_local(lrm_host *host, const char *mode_id, uint64_t wall_ms,
                            uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  lrm__action_spec spec = {.type = LRM_ACTION_SET_MODE, .text = mode_id};
  return lrm__host_leave(host, act_locally(host, &spec));
}

int lrm_host_set_option_local(lrm_host *host, const char *option_id, const char *value,
                              uint64_t wall_ms, uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  lrm__action_spec spec = {.type = LRM_ACTION_SET_OPTION, .text = option_id, .value = value};
  return lrm__host_leave(host, act_locally(host, &spec));
}

int lrm_host_cancel_local(lrm_host *host, uint64_t wall_ms, uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  if (!host->turn.running) return lrm__host_leave(host, LRM_ERR_STATE);
  lrm__actor by;
  lrm__action_spec spec = {.type = LRM_ACTION_CANCEL, .turn_id = host->turn.id};
  int result = act_locally(host, &spec);
  if (result == 0) result = lrm__host_cancel_turn(host, lrm__actor_local(&by));
  return lrm__host_leave(host, result);
}
