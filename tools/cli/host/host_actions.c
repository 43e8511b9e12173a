/* What the host library wants done, once all it rests on is in the journal. */
#include <stdio.h>

#include "host_app.h"
#include "memory.h"
#include "prompt_files.h"

/* The agent did not take a prompt: its turn ends as it began. */
static void not_taken(host_app *app, const lrm_host_action *action, const char *reason) {
  if (!lrm_id_none(&action->command_id)) {
    host_sink.finish(app, &action->command_id, LRM_CODE_AGENT_ERROR, reason);
    return;
  }
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  char turn[128], text[512];
  snprintf(turn, sizeof turn, "%s", action->turn_id);
  snprintf(text, sizeof text, "%s", reason);
  char stop[] = "error";
  ended.turn_id = turn;
  ended.stop_reason = stop;
  ended.error = text;
  host_sink.turn_ended(app, &ended);
}

static void give_prompt(host_app *app, const lrm_host_action *action) {
  char error[512];
  const lrm_id *command = lrm_id_none(&action->command_id) ? NULL : &action->command_id;
  if (app->acp == NULL || !acp_session_ready(app->acp)) {
    not_taken(app, action, "the agent is not there");
    return;
  }
  prompt_files files;
  if (!prompt_files_take(&files, app, action, error, sizeof error))
    not_taken(app, action, error);
  else if (!acp_session_prompt(app->acp, action->turn_id, action->text, files.attachments,
                               files.count, command, app_now(app)))
    not_taken(app, action, "the agent takes no prompt now");
  prompt_files_free(&files);
}

/* A slash command is a prompt of the local session: it waits in the same queue. */
static void run_slash(host_app *app, const lrm_host_action *action) {
  char text[17000];
  const char *arguments = action->value != NULL ? action->value : "";
  snprintf(text, sizeof text, "/%s%s%s", action->text, arguments[0] != '\0' ? " " : "", arguments);
  lrm_id command = action->command_id;
  int result = lrm_host_submit_local(app->host, text, false, lrm_uv_wall_ms(), app_now(app));
  host_sink.finish(app, &command, result == 0 ? 0 : LRM_CODE_COMMAND_BUSY, lrm_error_text(result));
}

/* ---- modes and options that were set while the agent starts ---- */

#define HELD_MAX 16u

struct host_held {
  host_held *next;
  lrm_host_action action; /* its pointers are into what follows */
  char *text, *value;
  Remote__V1__Actor *by;
};

static void held_free(host_held *held) {
  free(held->text);
  free(held->value);
  if (held->by != NULL) remote__v1__actor__free_unpacked(held->by, NULL);
  free(held);
}

static Remote__V1__Actor *actor_copy(const Remote__V1__Actor *by) {
  size_t bytes = remote__v1__actor__get_packed_size(by);
  uint8_t *packed = memory_zero(bytes + 1);
  remote__v1__actor__pack(by, packed);
  Remote__V1__Actor *copy = remote__v1__actor__unpack(NULL, bytes, packed);
  free(packed);
  return copy;
}

static void hold(host_app *app, const lrm_host_action *action) {
  host_held **at = &app->held;
  size_t count = 0;
  for (; *at != NULL; at = &(*at)->next) count++;
  if (count == HELD_MAX) {
    host_sink.finish(app, &action->command_id, LRM_CODE_COMMAND_BUSY,
                     "the agent is starting, and enough waits for it already");
    return;
  }
  host_held *held = memory_zero(sizeof *held);
  held->action = (lrm_host_action){.type = action->type, .command_id = action->command_id};
  held->action.text = held->text = memory_string(action->text);
  held->action.value = held->value = memory_string(action->value != NULL ? action->value : "");
  held->action.by = held->by = action->by != NULL ? actor_copy(action->by) : NULL;
  *at = held;
}

static void set_value(host_app *app, const lrm_host_action *action);

void app_held_end(host_app *app, bool give) {
  while (app->held != NULL) {
    host_held *held = app->held;
    app->held = held->next;
    if (give)
      set_value(app, &held->action);
    else
      host_sink.finish(app, &held->action.command_id, LRM_CODE_AGENT_ERROR,
                       "the agent did not start");
    held_free(held);
  }
}

static void set_value(host_app *app, const lrm_host_action *action) {
  const lrm_id *command = &action->command_id;
  if (app->acp == NULL || app->agent_gone)
    host_sink.finish(app, command, LRM_CODE_AGENT_ERROR, "the agent is not there");
  else if (!acp_session_ready(app->acp))
    hold(app, action);
  else if (action->type == LRM_ACTION_SET_MODE)
    acp_session_set_mode(app->acp, action->text, command, action->by, app_now(app));
  else
    acp_session_set_option(app->acp, action->text, action->value, command, action->by,
                           app_now(app));
}

static void restart_link(host_app *app, const lrm_host_action *action) {
  const char *reason = action->reason != NULL ? action->reason : "";
  switch (action->code) {
    case LRM_CODE_NOT_FOUND:
      surface_say(app->surface,
                  "this session was deleted at the relay; it goes on here, without remote control. "
                  "/remote on%s makes it a new one there",
                  app->options->headless ? ", in a terminal with `remote host --resume`," : "");
      break;
    case LRM_CODE_FORBIDDEN:
      app->device_is_new = true;
      if (app_return_as_new(app)) break; /* said when it is one */
      surface_say(
          app->surface,
          "at the relay this session is that of another device, or of this one before it was "
          "signed in anew; it goes on here, without remote control. /remote on%s makes it a "
          "new one there",
          app->options->headless ? ", in a terminal with `remote host --resume`," : "");
      break;
    case LRM_CODE_FENCED:
    case LRM_CODE_NORMAL:
      surface_say(app->surface,
                  "another process has taken over this session; remote control ends here: %s",
                  reason);
      break;
    case LRM_CODE_POLICY:
      surface_say(app->surface,
                  "remote control is not allowed by policy: %s. The local session goes on", reason);
      return; /* the host tries again when the policy may have changed */
    default:
      surface_say(app->surface, "the relay does not take this session (%u %s): %s", action->code,
                  lrm_code_name(action->code), reason);
      break;
  }
  app_link_close(app, false, LRM_CODE_NORMAL);
}

static void take(host_app *app, const lrm_host_action *action) {
  switch (action->type) {
    case LRM_ACTION_PROMPT:
      give_prompt(app, action);
      break;
    case LRM_ACTION_STEER: /* never offered: ACP has no such request */
      host_sink.finish(app, &action->command_id, LRM_CODE_INVALID, "this agent cannot be steered");
      break;
    case LRM_ACTION_ANSWER:
      if (app->acp != NULL)
        acp_session_answer(app->acp, &action->ask_id, action->resolution, app_now(app));
      break;
    case LRM_ACTION_CANCEL:
      if (app->acp != NULL)
        acp_session_cancel(app->acp, lrm_id_none(&action->command_id) ? NULL : &action->command_id,
                           app_now(app));
      break;
    case LRM_ACTION_SET_MODE:
    case LRM_ACTION_SET_OPTION:
      set_value(app, action);
      break;
    case LRM_ACTION_SLASH:
      run_slash(app, action);
      break;
    case LRM_ACTION_END_REMOTE:
      app->remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
      session_dir_set(&app->dir, "remote", json_string("off"));
      (void)session_dir_save(&app->dir);
      app_link_close(app, true, LRM_CODE_NORMAL);
      break;
    case LRM_ACTION_RESTART_LINK:
      restart_link(app, action);
      break;
    case LRM_ACTION_SET_TITLE:
      break;
  }
}

void app_take_actions(host_app *app) {
  lrm_host_action action;
  while (app->host != NULL && lrm_host_next_action(app->host, &action)) take(app, &action);
}
