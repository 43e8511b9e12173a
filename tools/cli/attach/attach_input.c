/* What a person wants of an attached session. */
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "memory.h"

#define USE_SAID_NS (20 * UINT64_C(1000000000))

static char *borrow(const char *text) {
  union {
    const char *in;
    char *out;
  } both = {.in = text};
  return both.out;
}

static Remote__V1__Command command_of(Remote__V1__Command__BodyCase body) {
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  command.body_case = body;
  return command;
}

/* True: steering is not allowed here, and that has been said. */
static bool refused(attaching *a) {
  const char *why = attach_view_only(a);
  if (why != NULL) surface_say(a->surface, "you can only watch: %s", why);
  return why != NULL;
}

/* ---- what the surface asks for ---- */

static const Remote__V1__SessionState *on_state(void *user) {
  attaching *a = user;
  return a->greeted ? remote_session_state(&a->session) : NULL;
}

static void on_ended(void *user) {
  attaching *a = user;
  if (surface_input_is_terminal(a->surface)) a->quit = true;
  a->input_over = true;
  connection_wake(&a->connection);
}

static void tell_use(attaching *a, bool over) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  remote_v1_UseSession *use = &request.call.use_session;
  request.which_call = remote_v1_Request_use_session_tag;
  use->session_id.size = sizeof a->session.id.bytes;
  memcpy(use->session_id.bytes, a->session.id.bytes, sizeof a->session.id.bytes);
  use->over = over;
  connection_tell(&a->connection, &request);
}

/* Somebody types: the relay tells nobody else of this session meanwhile. Its word holds for a
 * minute. */
static void on_input(void *user) {
  attaching *a = user;
  uint64_t now_ns = connection_now_ns(&a->connection);
  if (!surface_input_is_terminal(a->surface) || !a->connection.live) return;
  if (a->use_ns != 0 && now_ns - a->use_ns < USE_SAID_NS) return;
  a->use_ns = now_ns;
  tell_use(a, false);
}

void attach_leave(attaching *a) {
  if (a->use_ns != 0) tell_use(a, true);
  a->use_ns = 0;
}

static void on_quit(void *user) {
  attaching *a = user;
  a->quit = true;
  connection_wake(&a->connection);
}

void attach_send_prompt(attaching *a, const char *text, bool steer, const lrm_id *ids,
                        size_t count) {
  Remote__V1__SubmitPrompt body = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT);
  ProtobufCBinaryData named[ATTACH_FILES_MAX];
  lrm_id copies[ATTACH_FILES_MAX];
  for (size_t i = 0; i < count && i < ATTACH_FILES_MAX; i++) {
    copies[i] = ids[i];
    named[i] = (ProtobufCBinaryData){sizeof copies[i].bytes, copies[i].bytes};
  }
  body.text = borrow(text);
  body.attachment_ids = named;
  body.n_attachment_ids = count;
  body.delivery =
      steer ? REMOTE__V1__DELIVERY__DELIVERY_STEER : REMOTE__V1__DELIVERY__DELIVERY_START_OR_QUEUE;
  command.submit_prompt = &body;
  (void)attach_submit(a, &command, steer ? "steering" : "prompt", text, NULL);
}

static void on_submit(void *user, const char *text, bool steer) {
  attaching *a = user;
  if (!refused(a) && !attach_submit_with_files(a, text, steer))
    attach_send_prompt(a, text, steer, NULL, 0);
}

static void on_answer(void *user, const ask_answer *answer) {
  attaching *a = user;
  Remote__V1__AnswerAsk body = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_ANSWER_ASK);
  Remote__V1__AnswerContent content = answer->content;
  lrm_id id = answer->ask_id;
  if (refused(a)) return;
  body.ask_id.data = id.bytes;
  body.ask_id.len = sizeof id.bytes;
  body.answer = &content;
  command.answer_ask = &body;
  (void)attach_submit(a, &command, "answer", NULL, NULL);
}

static void on_cancel(void *user) {
  attaching *a = user;
  Remote__V1__CancelTurn body = REMOTE__V1__CANCEL_TURN__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_CANCEL_TURN);
  char turn_id[128];
  if (refused(a)) return;
  snprintf(turn_id, sizeof turn_id, "%s", remote_session_state(&a->session)->turn_id);
  body.turn_id = turn_id;
  command.cancel_turn = &body;
  (void)attach_submit(a, &command, "cancel", NULL, NULL);
}

static void on_set_mode(void *user, const char *mode_id) {
  attaching *a = user;
  Remote__V1__SetMode body = REMOTE__V1__SET_MODE__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_SET_MODE);
  if (refused(a)) return;
  body.mode_id = borrow(mode_id);
  command.set_mode = &body;
  (void)attach_submit(a, &command, "mode", NULL, NULL);
}

static void on_set_option(void *user, const char *option_id, const char *value) {
  attaching *a = user;
  Remote__V1__SetConfigOption body = REMOTE__V1__SET_CONFIG_OPTION__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION);
  if (refused(a)) return;
  body.option_id = borrow(option_id);
  body.value = borrow(value);
  command.set_config_option = &body;
  (void)attach_submit(a, &command, "config", NULL, NULL);
}

static void on_rename(void *user, const char *title) {
  attaching *a = user;
  Remote__V1__SetTitle body = REMOTE__V1__SET_TITLE__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_SET_TITLE);
  if (refused(a)) return;
  body.title = borrow(title);
  command.set_title = &body;
  (void)attach_submit(a, &command, "rename", NULL, NULL);
}

static void run_slash(attaching *a, const char *line) {
  Remote__V1__RunSlashCommand body = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND);
  char *name = memory_string(line + (*line == '/'));
  char *rest = name + strcspn(name, " \n");
  if (*rest != '\0') *rest++ = '\0';
  body.name = name;
  body.arguments = rest + strspn(rest, " \n");
  command.run_slash_command = &body;
  if (name[0] != '\0' && !refused(a)) (void)attach_submit(a, &command, "slash command", NULL, NULL);
  free(name);
}

static void on_agent_slash(void *user, const char *line) { run_slash(user, line); }

static void on_take_back(void *user, const char *prompt_id) {
  attaching *a = user;
  const char *problem = NULL;
  if (refused(a))
    surface_taken_back(a->surface, prompt_id, "you can only watch");
  else if (!attach_withdraw(a, prompt_id, &problem))
    surface_taken_back(a->surface, prompt_id, problem);
}

/* Prompts that the host has not queued: sent, stored, or kept. */
static bool on_the_way(void *user, size_t index, const char **prompt_id, const char **text) {
  attaching *a = user;
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < a->commands_count; i++) {
    const attach_command *c = &a->commands[i];
    bool queued = false;
    for (size_t k = 0; k < state->n_queue && !queued; k++)
      queued = strcmp(state->queue[k]->prompt_id, c->hex) == 0;
    if (c->prompt == NULL || queued || index-- > 0) continue;
    *prompt_id = c->hex;
    *text = c->prompt;
    return true;
  }
  return false;
}

static void on_status(void *user, char *out, size_t capacity) {
  attach_status_text(user, out, capacity);
}

static void on_rows(void *user, void (*row)(void *to, const char *text), void *to) {
  attaching *a = user;
  if (!a->greeted) return;
  attach_file_rows(a, row, to);
  attach_command_rows(a, row, to);
}

/* ---- commands ---- */

static void run_status(void *user, const char *rest) {
  (void)rest;
  attach_show_status(user);
}

static void run_probe(void *user, const char *rest) {
  attaching *a = user;
  Remote__V1__Probe body = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = command_of(REMOTE__V1__COMMAND__BODY_PROBE);
  (void)rest;
  connection_random(&body.nonce, sizeof body.nonce);
  command.probe = &body;
  (void)attach_submit(a, &command, "probe", NULL, NULL);
}

static void run_retry(void *user, const char *rest) {
  attaching *a = user;
  (void)rest;
  if (!a->down)
    surface_say(a->surface, "the connection is there; asking the relay for a sign of life");
  lrm_link_probe(a->connection.link, connection_now_ns(&a->connection));
  lrm_uv_drive_kick(a->connection.drive);
}

static void run_withdraw(void *user, const char *rest) {
  attaching *a = user;
  const char *problem = NULL;
  if (!refused(a) && !attach_withdraw(a, rest, &problem)) surface_say(a->surface, "%s", problem);
}

static void run_run(void *user, const char *rest) {
  attaching *a = user;
  if (*rest == '\0')
    surface_say(a->surface, "/run and a slash command of the agent");
  else
    run_slash(a, rest);
}

static void run_more(void *user, const char *rest) {
  (void)rest;
  attach_page_back(user);
}

static const surface_command commands[] = {
    {"attach", "FILE", "a file for the next prompt; alone: none after all", false, attach_file},
    {"more", "", "an earlier part of the session (PageUp)", false, run_more},
    {"status", "", "connection, host, who is attached, what the agent does", true, run_status},
    {"probe", "", "does a command get through to the host right now?", false, run_probe},
    {"retry", "", "connect again now", true, run_retry},
    {"withdraw", "[COMMAND]", "take back what waits: the newest, or the named", false,
     run_withdraw},
    {"run", "/CMD", "a slash command of the agent that the host allows", false, run_run},
};

const surface_owner attach_surface_owner = {.state = on_state,
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
                                            .on_the_way = on_the_way,
                                            .page_back = attach_page_back,
                                            .status = on_status,
                                            .rows = on_rows,
                                            .commands = commands,
                                            .commands_count = sizeof commands / sizeof *commands};
