/* What the adapter says goes to the host library. */
#include <stdio.h>

#include "host_app.h"

static uint64_t wall(void) { return lrm_uv_wall_ms(); }

/* A refusal of the journal is said once; the person at the terminal still sees the event. */
static void check(host_app *app, int result, const Remote__V1__Event *event) {
  if (result == 0) return;
  if (event != NULL && app->surface != NULL) surface_event(app->surface, event);
  if (lrm_error_class(result) == LRM_ERROR_USAGE) {
    surface_say(app->surface, "an event could not be recorded: %s", lrm_error_text(result));
  } else if (!app->store_trouble) {
    app->store_trouble = true;
    surface_say(app->surface, "the session is not recorded at the moment: %s",
                lrm_error_text(result));
  }
}

void app_emit(host_app *app, const Remote__V1__Event *event) {
  if (app->host == NULL) return;
  check(app, lrm_host_emit(app->host, event, wall(), app_now(app)), event);
}

static void on_emit(void *user, const Remote__V1__Event *event) { app_emit(user, event); }

static lrm_id on_epoch(void *user) {
  const host_app *app = user;
  lrm_id none = {{0}};
  return app->host != NULL ? lrm_host_position(app->host).epoch : none;
}

static void on_delta(void *user, const Remote__V1__Event *event) {
  host_app *app = user;
  if (app->host == NULL) return;
  check(app, lrm_host_delta(app->host, event, wall(), app_now(app)), event);
}

static void on_tail(void *user, const Remote__V1__Event *event) {
  host_app *app = user;
  if (app->host == NULL) return;
  check(app, lrm_host_tail(app->host, event, wall(), app_now(app)), NULL);
}

static void on_complete(void *user, const char *message_id) {
  host_app *app = user;
  if (app->host == NULL) return;
  int result = lrm_host_complete_stream(app->host, message_id, wall(), app_now(app));
  if (result != LRM_ERR_NOT_FOUND) check(app, result, NULL);
}

static bool on_ask(void *user, const Remote__V1__Ask *ask, lrm_id *ask_id) {
  host_app *app = user;
  if (app->host == NULL) return false;
  int result = lrm_host_ask(app->host, ask, ask_id, wall(), app_now(app));
  if (result != 0) surface_say(app->surface, "a question of the agent: %s", lrm_error_text(result));
  return result == 0;
}

static void on_end_ask(void *user, const lrm_id *ask_id, Remote__V1__AskOutcome outcome,
                       const char *reason) {
  host_app *app = user;
  if (app->host == NULL) return;
  int result = lrm_host_end_ask(app->host, ask_id, outcome, reason, wall(), app_now(app));
  if (result != LRM_ERR_NOT_FOUND) check(app, result, NULL);
}

static const char *message_id_of(const Remote__V1__HistoryItem *item) {
  switch (item->item_case) {
    case REMOTE__V1__HISTORY_ITEM__ITEM_USER:
      return item->user->message_id;
    case REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT:
      return item->assistant->message_id;
    case REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT:
      return item->thought->message_id;
    default:
      return "";
  }
}

/* An agent that refuses drops the prompt and all that followed: so says ACP. What still counts is
 * the last message before that turn. */
static void tell_rewound(host_app *app, const char *turn) {
  const Remote__V1__SessionState *state = lrm_host_state(app->host);
  const char *last = "";
  for (size_t i = 0; i < state->n_history; i++) {
    const Remote__V1__HistoryItem *item = state->history[i];
    if (strcmp(item->turn_id, turn) == 0) break;
    if (message_id_of(item)[0] != '\0') last = message_id_of(item);
  }
  char id[128], reason[] = "the agent refused, and dropped the prompt";
  snprintf(id, sizeof id, "%s", last);
  Remote__V1__HistoryRewound rewound = REMOTE__V1__HISTORY_REWOUND__INIT;
  rewound.message_id = id;
  rewound.reason = reason;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_HISTORY_REWOUND;
  event.history_rewound = &rewound;
  app_emit(app, &event);
}

static void on_turn_ended(void *user, const Remote__V1__TurnEnded *ended) {
  host_app *app = user;
  bool failed = ended->error[0] != '\0';
  if (failed) app->one_shot_failed = true;
  if (app->host == NULL) return;
  char turn[128];
  snprintf(turn, sizeof turn, "%s", ended->turn_id);
  bool refused = strcmp(ended->stop_reason, "refusal") == 0;
  int result = lrm_host_turn_ended(app->host, ended, wall(), app_now(app));
  if (result != LRM_ERR_STATE) check(app, result, NULL);
  if (refused && result == 0) tell_rewound(app, turn);
  app_idle(app);
}

static void on_finish(void *user, const lrm_id *command_id, uint32_t code, const char *reason) {
  host_app *app = user;
  if (app->host == NULL) return;
  if (lrm_id_none(command_id)) { /* the local person's has no outcome: it is said, or nothing */
    if (code != 0) surface_say(app->surface, "not done: %s", reason);
    return;
  }
  int result = lrm_host_finish(app->host, command_id, code, reason, wall(), app_now(app));
  if (result != LRM_ERR_NOT_FOUND) check(app, result, NULL);
}

static void on_initialized(void *user, const acp_agent_facts *facts) {
  host_app *app = user;
  const char *name = facts->name[0] != '\0' ? facts->name : app->argv[0];
  if (facts->agent_session_id != NULL)
    session_dir_set(&app->dir, "agent_session_id", json_string(facts->agent_session_id));
  if (!app_open_host(app, name, facts->version))
    app_end(app, REMOTE__V1__END_REASON__END_REASON_HOST_FAILED, EXIT_CODE_FAILURE,
            "the session could not be opened");
}

/* The prompt of --prompt. */
static void give_one_prompt(host_app *app) {
  if (app->options->prompt != NULL && !app->one_shot_sent) {
    app->one_shot_sent = true;
    check(app, lrm_host_submit_local(app->host, app->options->prompt, false, wall(), app_now(app)),
          NULL);
  }
}

static const Remote__V1__Mode *mode_named(const Remote__V1__SessionState *state, const char *id) {
  for (size_t i = 0; i < state->n_modes; i++)
    if (strcmp(state->modes[i]->mode_id, id) == 0) return state->modes[i];
  return NULL;
}

/* Some agents forget the mode of a session that is loaded again. Nobody has chosen to be asked
 * less. */
static void keep_mode(host_app *app) {
  const Remote__V1__SessionState *state = lrm_host_state(app->host);
  const Remote__V1__Mode *before = mode_named(state, app->mode_before);
  const Remote__V1__Mode *now = mode_named(state, state->current_mode_id);
  if (before == NULL || now == NULL || before == now || before->elevating || !now->elevating)
    return;
  app_notice(app, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_INFO, "mode",
             "The agent came back in mode %s, which asks less; it is set to %s again, as it was.",
             now->mode_id, app->mode_before);
  check(app, lrm_host_set_mode_local(app->host, app->mode_before, wall(), app_now(app)), NULL);
}

static void on_ready(void *user, const char *agent_session_id, bool loaded) {
  host_app *app = user;
  (void)loaded;
  if (app->host == NULL) return;
  session_dir_set(&app->dir, "agent_session_id", json_string(agent_session_id));
  if (!session_dir_save(&app->dir))
    surface_say(app->surface, "session.json cannot be written: this session cannot be resumed");
  app->agent_ready = app->was_ready = true;
  keep_mode(app); /* before any prompt that waits */
  check(app, lrm_host_set_agent_ready(app->host, true, wall(), app_now(app)), NULL);
  app_held_end(app, true);
  if (app->options->headless)
    surface_say(app->surface, "session %s is ready", app->dir.hex);
  else if (app->options->prompt == NULL)
    surface_say(app->surface, "session %.8s is ready; /help says what can be typed", app->dir.hex);
  give_one_prompt(app);
  surface_ready(app->surface);
  if (app->input_ended) app_idle(app);
}

static void on_failed(void *user, acp_failure failure, const char *text) {
  host_app *app = user;
  exit_code code = failure == ACP_FAILURE_SIGN_IN ? EXIT_CODE_NOT_ALLOWED : EXIT_CODE_FAILURE;
  app->failure = failure;
  snprintf(app->failure_text, sizeof app->failure_text, "%s", text);
  /* Of a new session in which nothing happened, nothing is kept. */
  if (app->host == NULL && app->resumed) (void)app_open_host(app, app->argv[0], "");
  app_held_end(app, false);
  app_end(app, REMOTE__V1__END_REASON__END_REASON_AGENT_FAILED, code, text);
}

const acp_sink host_sink = {
    .epoch = on_epoch,
    .emit = on_emit,
    .delta = on_delta,
    .tail = on_tail,
    .complete_stream = on_complete,
    .ask = on_ask,
    .end_ask = on_end_ask,
    .turn_ended = on_turn_ended,
    .finish = on_finish,
    .sign_in = app_sign_in,
    .initialized = on_initialized,
    .ready = on_ready,
    .failed = on_failed,
};
