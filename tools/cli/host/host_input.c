/* What the local person types. */
#include <ctype.h>
#include <stdio.h>

#include "host_app.h"

#define WAITING_MAX 64

static void say_result(host_app *app, int result, const char *what) {
  if (result != 0) surface_say(app->surface, "%s: %s", what, lrm_error_text(result));
}

/* ---- commands ---- */

static void command_help(host_app *app, const char *rest) {
  (void)rest;
  surface_say(app->surface,
              "a line is a prompt; while a turn runs it waits in the queue\n"
              "  1, 2, … y, n         answer what is asked; #3 1 when several asks are open\n"
              "  /asks                show what is asked\n"
              "  /cancel              stop the running turn\n"
              "  /mode [ID]           show or switch the agent's mode\n"
              "  /config [ID VALUE]   show or set the agent's options\n"
              "  /remote [on|view|off]  remote control\n"
              "  /quit                end the session\n"
              "  //COMMAND            a slash command of the agent");
}

static void command_remote(host_app *app, const char *rest) {
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
}

static void command_mode(host_app *app, const char *rest) {
  const Remote__V1__SessionState *state = lrm_host_state(app->host);
  if (*rest == '\0') {
    if (state->n_modes == 0) surface_say(app->surface, "this agent has no modes");
    for (size_t i = 0; i < state->n_modes; i++)
      surface_say(app->surface, "%s %s  %s%s",
                  strcmp(state->modes[i]->mode_id, state->current_mode_id) == 0 ? "*" : " ",
                  state->modes[i]->mode_id, state->modes[i]->name,
                  state->modes[i]->elevating ? " (asks less; only here)" : "");
    return;
  }
  for (size_t i = 0; i < state->n_modes; i++) {
    if (strcmp(state->modes[i]->mode_id, rest) != 0) continue;
    say_result(app, lrm_host_set_mode_local(app->host, rest, lrm_uv_wall_ms(), app_now(app)),
               "/mode");
    return;
  }
  surface_say(app->surface, "there is no mode %.100s; /mode lists them", rest);
}

static void command_config_line(host_app *app, const char *rest) {
  const Remote__V1__SessionState *state = lrm_host_state(app->host);
  char id[256];
  size_t n = strcspn(rest, " ");
  if (*rest == '\0' || rest[n] == '\0') {
    if (state->n_options == 0) surface_say(app->surface, "this agent has no options");
    for (size_t i = 0; i < state->n_options; i++) {
      const Remote__V1__ConfigOption *o = state->options[i];
      if (*rest != '\0' && strcmp(o->option_id, rest) != 0) continue;
      surface_say(app->surface, "%s = %s", o->option_id, o->current_value);
      for (size_t k = 0; *rest != '\0' && k < o->n_values; k++)
        surface_say(app->surface, "    %s  %s", o->values[k]->value, o->values[k]->name);
    }
    return;
  }
  if (n >= sizeof id) return;
  memcpy(id, rest, n);
  id[n] = '\0';
  while (rest[n] == ' ') n++;
  say_result(app,
             lrm_host_set_option_local(app->host, id, rest + n, lrm_uv_wall_ms(), app_now(app)),
             "/config");
}

static void command_cancel_line(host_app *app, const char *rest) {
  (void)rest;
  int result = lrm_host_cancel_local(app->host, lrm_uv_wall_ms(), app_now(app));
  if (result == LRM_ERR_STATE)
    surface_say(app->surface, "no turn is running");
  else
    say_result(app, result, "/cancel");
}

static void command_quit(host_app *app, const char *rest) {
  (void)rest;
  app_end(app, REMOTE__V1__END_REASON__END_REASON_QUIT, EXIT_CODE_DONE, "");
}

static void command_asks_line(host_app *app, const char *rest) {
  (void)rest;
  surface_show_asks(app->surface);
}

static const struct {
  const char *name;
  bool before_ready;
  void (*run)(host_app *app, const char *rest);
} commands[] = {
    {"/help", true, command_help},           {"/quit", true, command_quit},
    {"/exit", true, command_quit},           {"/remote", false, command_remote},
    {"/mode", false, command_mode},          {"/config", false, command_config_line},
    {"/cancel", false, command_cancel_line}, {"/asks", true, command_asks_line},
};

static const char *command_rest(const char *line, const char *name) {
  size_t n = strlen(name);
  if (strncmp(line, name, n) != 0 || (line[n] != '\0' && line[n] != ' ')) return NULL;
  line += n;
  while (*line == ' ') line++;
  return line;
}

static void wait_line(host_app *app, const char *line) {
  if (app->waiting_count == WAITING_MAX) {
    surface_say(app->surface, "the agent is still starting; that line was not taken");
    return;
  }
  app->waiting = memory_grow(app->waiting, (app->waiting_count + 1) * sizeof *app->waiting);
  app->waiting[app->waiting_count++] = memory_string(line);
}

/* ---- lines ---- */

static void answer(host_app *app, const surface_answer *given) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  char reason[512];
  content.option_id = app_borrow(given->option_id);
  content.text = app_borrow(given->text);
  content.json = app_borrow(given->json);
  content.declined = given->declined;
  int result =
      lrm_host_answer_local(app->host, &given->ask_id, &content, lrm_uv_wall_ms(), app_now(app));
  if (result == LRM_ERR_NOT_FOUND)
    surface_say(app->surface, "somebody else has already answered that");
  else if (result == LRM_ERR_USAGE && app->acp != NULL &&
           !acp_session_answer_fits(app->acp, &given->ask_id, &content, reason, sizeof reason))
    surface_say(app->surface, "that is not taken. %s", reason);
  else
    say_result(app, result, "answer");
}

static void submit(host_app *app, const char *line) {
  int result = lrm_host_submit_local(app->host, line, false, lrm_uv_wall_ms(), app_now(app));
  if (result == LRM_ERR_BUSY)
    surface_say(app->surface, "the queue is full; that prompt was not taken");
  else
    say_result(app, result, "prompt");
}

static bool known_to_agent(const host_app *app, const char *line) {
  char name[128];
  size_t n = strcspn(line + 1, " ");
  if (n == 0 || n >= sizeof name || app->acp == NULL) return false;
  memcpy(name, line + 1, n);
  name[n] = '\0';
  return acp_session_knows_slash(app->acp, name);
}

static void take_slash(host_app *app, const char *line) {
  if (line[1] == '/') {
    submit(app, line + 1);
    return;
  }
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    const char *rest = command_rest(line, commands[i].name);
    if (rest == NULL) continue;
    if (app->host == NULL && !commands[i].before_ready)
      wait_line(app, line);
    else
      commands[i].run(app, rest);
    return;
  }
  if (known_to_agent(app, line))
    submit(app, line);
  else
    surface_say(app->surface, "there is no command %.60s; /help lists them", line);
}

void app_line(void *user, const char *line) {
  host_app *app = user;
  surface_answer given;
  if (app->state >= APP_ENDING) return;
  if (app->host != NULL) lrm_host_local_input(app->host, lrm_uv_wall_ms());
  while (isspace((unsigned char)*line)) line++;
  if (*line == '\0') {
    surface_prompt(app->surface);
    return;
  }
  surface_reading reading =
      app->host != NULL ? surface_read_answer(app->surface, line, &given) : SURFACE_NOT_ASK;
  if (reading == SURFACE_ANSWER)
    answer(app, &given);
  else if (reading == SURFACE_NOT_ASK && line[0] == '/' && (app->agent_ready || line[1] != '/'))
    take_slash(app, line);
  else if (reading == SURFACE_NOT_ASK && !app->agent_ready)
    wait_line(app, line);
  else if (reading == SURFACE_NOT_ASK && app->options->prompt == NULL)
    submit(app, line);
  app_pump(app);
}

/* ---- pipes and one-shots ---- */

void app_reject_asks(host_app *app) {
  lrm_id id;
  char option[128];
  size_t count = surface_open_asks(app->surface);
  while (count-- > 0 && surface_ask_rejection(app->surface, 0, &id, option)) {
    Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
    content.option_id = option;
    content.declined = option[0] == '\0';
    surface_say(app->surface, "nobody can answer here: %s",
                option[0] != '\0' ? "rejected" : "declined");
    int result = lrm_host_answer_local(app->host, &id, &content, lrm_uv_wall_ms(), app_now(app));
    if (result != 0) {
      say_result(app, result, "answer");
      command_cancel_line(app, "");
      return;
    }
  }
}

static bool nothing_waits(const host_app *app) {
  const Remote__V1__SessionState *state = lrm_host_state(app->host);
  return state->n_queue == 0 && state->turn_id[0] == '\0' && app->waiting_count == 0 &&
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

void app_input_ended(void *user) {
  host_app *app = user;
  app->input_ended = true;
  if (app->options->prompt != NULL) return;
  if (surface_input_is_terminal(app->surface))
    app_end(app, REMOTE__V1__END_REASON__END_REASON_QUIT, EXIT_CODE_DONE, "");
  else
    app_idle(app);
  app_pump(app);
}
