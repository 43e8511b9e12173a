/* What the local person wants. */
#include <ctype.h>
#include <stdio.h>

#include "host_app.h"

static void say_result(host_app *app, int result, const char *what) {
  if (result != 0) surface_say(app->surface, "%s: %s", what, lrm_error_text(result));
}

/* ---- commands of the host ---- */

static void command_remote(void *user, const char *rest) {
  host_app *app = user;
  uint32_t mode;
  if (*rest == '\0') {
    app_remote_status(app);
  } else if (app->options->prompt != NULL) {
    surface_say(app->surface, "a one-shot prompt is never remote");
  } else if (!host_remote_mode(rest, &mode)) {
    surface_say(app->surface, "/remote on, /remote view or /remote off");
  } else {
    app_remote_set(app, mode, "");
  }
  app_pump(app);
}

static const surface_command commands[] = {
    {"remote", "[on|view|off]", "remote control", false, command_remote},
    {"attach", "FILE", "a file for the next prompt; alone: none after all", false, app_attach_file},
    {"keep-alive", "[on|off|busy|30m|8h|1d]", "keep this machine awake; alone: is it?", true,
     app_keep_alive_line},
    {"sign-in", "[WAY]", "sign in to the agent", true, app_sign_in_line},
};

/* ---- what the surface asks for ---- */

static const Remote__V1__SessionState *on_state(void *user) {
  host_app *app = user;
  return app->host != NULL ? lrm_host_state(app->host) : NULL;
}

static void on_input(void *user) {
  host_app *app = user;
  if (app->host != NULL) lrm_host_local_input(app->host, lrm_uv_wall_ms());
}

static void on_submit(void *user, const char *text, bool steer) {
  host_app *app = user;
  if (app->state >= APP_ENDING || app->host == NULL || app->options->prompt != NULL) return;
  int result = app_submit(app, text, steer);
  if (result == LRM_ERR_BUSY)
    surface_say(app->surface, "the queue is full; that prompt was not taken");
  else if (result == LRM_ERR_NOT_FOUND)
    surface_put_back(app->surface, text);
  else
    say_result(app, result, "prompt");
  app_pump(app);
}

static void on_agent_slash(void *user, const char *line) { on_submit(user, line, false); }

static void on_answer(void *user, const ask_answer *answer) {
  host_app *app = user;
  char reason[512];
  if (app->host == NULL) return;
  int result = lrm_host_answer_local(app->host, &answer->ask_id, &answer->content, lrm_uv_wall_ms(),
                                     app_now(app));
  if (result == LRM_ERR_NOT_FOUND)
    surface_say(app->surface, "somebody else has already answered that");
  else if (result == LRM_ERR_USAGE && app->acp != NULL &&
           !acp_session_answer_fits(app->acp, &answer->ask_id, &answer->content, reason,
                                    sizeof reason))
    surface_say(app->surface, "that is not taken. %s", reason);
  else
    say_result(app, result, "answer");
  app_pump(app);
}

static void on_cancel(void *user) {
  host_app *app = user;
  if (app->host == NULL || app->options->prompt != NULL) return;
  int result = lrm_host_cancel_local(app->host, lrm_uv_wall_ms(), app_now(app));
  if (result == LRM_ERR_STATE)
    surface_say(app->surface, "no turn is running");
  else
    say_result(app, result, "/cancel");
  app_pump(app);
}

static void on_set_mode(void *user, const char *mode_id) {
  host_app *app = user;
  if (app->host == NULL) return;
  say_result(app, lrm_host_set_mode_local(app->host, mode_id, lrm_uv_wall_ms(), app_now(app)),
             "/mode");
  app_pump(app);
}

static void on_set_option(void *user, const char *option_id, const char *value) {
  host_app *app = user;
  if (app->host == NULL) return;
  say_result(app,
             lrm_host_set_option_local(app->host, option_id, value, lrm_uv_wall_ms(), app_now(app)),
             "/config");
  app_pump(app);
}

static void on_rename(void *user, const char *title) {
  host_app *app = user;
  char text[128];
  Remote__V1__Actor by = REMOTE__V1__ACTOR__INIT;
  Remote__V1__TitleChanged changed = REMOTE__V1__TITLE_CHANGED__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  by.local = true;
  terminal_text_copy(text, sizeof text, title, strlen(title), TERMINAL_TEXT_ONE_LINE);
  changed.title = text;
  changed.by = &by;
  event.body_case = REMOTE__V1__EVENT__BODY_TITLE_CHANGED;
  event.title_changed = &changed;
  app_emit(app, &event);
  app_pump(app);
}

static void on_take_back(void *user, const char *prompt_id) {
  host_app *app = user;
  if (app->host == NULL) return;
  int result = lrm_host_withdraw_local(app->host, prompt_id, lrm_uv_wall_ms(), app_now(app));
  surface_taken_back(app->surface, prompt_id,
                     result == 0                   ? NULL
                     : result == LRM_ERR_NOT_FOUND ? "the agent has it already"
                                                   : lrm_error_text(result));
  app_pump(app);
}

static void on_quit(void *user) {
  host_app *app = user;
  bool once = app->options->prompt != NULL;
  app_end(app, REMOTE__V1__END_REASON__END_REASON_QUIT, once ? EXIT_CODE_FAILURE : EXIT_CODE_DONE,
          "");
  app_pump(app);
}

/* ---- pipes and one-shots ---- */

void app_reject_asks(host_app *app) {
  const desk_ask *open;
  size_t count = surface_open_asks(app->surface);
  while (count-- > 0 && (open = surface_ask(app->surface, 0)) != NULL) {
    Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
    lrm_id id = open->id;
    content.option_id = app_borrow(ask_rejection(open->ask));
    content.declined = content.option_id[0] == '\0';
    surface_say(app->surface, "nobody can answer here: %s",
                content.declined ? "declined" : "rejected");
    int result = lrm_host_answer_local(app->host, &id, &content, lrm_uv_wall_ms(), app_now(app));
    if (result != 0) {
      say_result(app, result, "answer");
      if (lrm_host_cancel_local(app->host, lrm_uv_wall_ms(), app_now(app)) != 0)
        surface_say(app->surface, "no turn is running");
      return;
    }
  }
}

static bool nothing_waits(const host_app *app) {
  const Remote__V1__SessionState *state = lrm_host_state(app->host);
  return state->n_queue == 0 && state->turn_id[0] == '\0' &&
         (app->acp == NULL || !acp_session_in_turn(app->acp));
}

void app_idle(host_app *app) {
  if (app->state != APP_RUNNING || app->host == NULL || !app->agent_ready) return;
  bool once = app->options->prompt != NULL && app->one_shot_sent;
  if (!once && !app->input_ended) return;
  if (nothing_waits(app))
    app_end(app, REMOTE__V1__END_REASON__END_REASON_QUIT,
            app->one_shot_failed && once ? EXIT_CODE_FAILURE : EXIT_CODE_DONE, "");
}

static void on_ended(void *user) {
  host_app *app = user;
  app->input_ended = true;
  if (app->options->prompt != NULL) return;
  if (surface_input_is_terminal(app->surface))
    app_end(app, REMOTE__V1__END_REASON__END_REASON_QUIT, EXIT_CODE_DONE, "");
  else
    app_idle(app);
  app_pump(app);
}

/* ---- the state, beyond the session's own ---- */

static void on_status(void *user, char *out, size_t capacity) {
  host_app *app = user;
  if (app->state == APP_STARTING || !app->agent_ready) {
    snprintf(out, capacity, "%s", app->state >= APP_ENDING ? "ending" : "the agent is starting");
  } else if (app->drive != NULL) {
    bool shared = app->remote_mode > REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
    size_t watching = shared && app->link_live ? app->watching : 0; /* else nobody knows */
    size_t n = (size_t)snprintf(out, capacity, "remote %s%s", host_remote_word(app->remote_mode),
                                shared && !app->link_live ? ", not connected" : "");
    if (watching > 0 && n < capacity) snprintf(out + n, capacity - n, ", %zu watching", watching);
  }
}

static void on_rows(void *user, void (*row)(void *to, const char *text), void *to) {
  app_file_rows(user, row, to);
}

const surface_owner host_surface_owner = {.state = on_state,
                                          .ended = on_ended,
                                          .quit = on_quit,
                                          .input = on_input,
                                          .submit = on_submit,
                                          .answer = on_answer,
                                          .cancel = on_cancel,
                                          .set_mode = on_set_mode,
                                          .set_option = on_set_option,
                                          .rename = on_rename,
                                          .agent_slash = on_agent_slash,
                                          .take_back = on_take_back,
                                          .status = on_status,
                                          .rows = on_rows,
                                          .commands = commands,
                                          .commands_count = sizeof commands / sizeof *commands};
