/* What a person writes in an attached terminal, and what it does. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask_text.h"
#include "attach.h"

#define INTERRUPT_TWICE_NS UINT64_C(2000000000)

/* ---- sending ---- */

static void submit(attaching *a, const Remote__V1__Command *command, const char *what) {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  int result =
      lrm_client_submit(a->session.client, command, 0, &id, connection_now_ns(&a->connection));
  if (result) {
    transcript_note(&a->transcript, "%s was not sent: %s", what,
                    result == LRM_ERR_BUSY    ? "64 commands have no outcome yet"
                    : result == LRM_ERR_STATE ? "the session has not been read yet"
                                              : lrm_error_text(result));
    return;
  }
  if (a->commands_count == ATTACH_COMMANDS_MAX)
    memmove(a->commands, a->commands + 1, sizeof *a->commands * --a->commands_count);
  attach_command *c = &a->commands[a->commands_count++];
  *c = (attach_command){.id = id, .seen = LRM_COMMAND_SENT};
  snprintf(c->what, sizeof c->what, "%s", what);
  lrm_id_hex(&id, hex);
  transcript_note(&a->transcript, "%s %.8s: %s", what, hex,
                  a->connection.live ? "sent" : "kept until the connection is back");
  /* A person acts: a dead connection is noticed within seconds, a lost one tried at once. */
  lrm_link_probe(a->connection.link, connection_now_ns(&a->connection));
  lrm_uv_drive_kick(a->connection.drive);
}

static void send_prompt(attaching *a, char *text, bool steer) {
  Remote__V1__SubmitPrompt body = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.text = text;
  body.delivery =
      steer ? REMOTE__V1__DELIVERY__DELIVERY_STEER : REMOTE__V1__DELIVERY__DELIVERY_START_OR_QUEUE;
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &body;
  submit(a, &command, steer ? "steering" : "prompt");
}

static void send_answer(attaching *a, const Remote__V1__Ask *ask,
                        Remote__V1__AnswerContent *content) {
  Remote__V1__AnswerAsk body = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.ask_id = ask->ask_id;
  body.answer = content;
  command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
  command.answer_ask = &body;
  submit(a, &command, "answer");
}

/* ---- answers ---- */

static void answer_once(attaching *a, const Remote__V1__Ask *ask, bool yes) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  const Remote__V1__AskOption *choice = ask_once_option(ask, yes);
  if (choice) {
    content.option_id = choice->option_id;
  } else if (ask->kind_case == REMOTE__V1__ASK__KIND_OPEN_URL || (!yes && ask->n_options == 0)) {
    content.declined = !yes;
  } else {
    transcript_note(&a->transcript, "there is no single option that says %s once; choose one",
                    yes ? "yes" : "no");
    return;
  }
  send_answer(a, ask, &content);
}

/* An option's number, id or label; a form's JSON object; else words. */
static void answer_with(attaching *a, const Remote__V1__Ask *ask, char *text) {
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  const Remote__V1__AskOption *choice = ask_find_option(ask, text, 1);
  bool words = (ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION && ask->question->free_text) ||
               (ask->kind_case == REMOTE__V1__ASK__KIND_LIMIT && ask->limit->free_text);
  if (choice) {
    content.option_id = choice->option_id;
  } else if (ask->kind_case == REMOTE__V1__ASK__KIND_FORM && text[0] == '{') {
    content.json = text;
  } else if (words) {
    content.text = text;
  } else {
    transcript_note(&a->transcript, "%s",
                    ask->kind_case == REMOTE__V1__ASK__KIND_FORM
                        ? "a form is answered with a JSON object: #1 {\"name\": \"value\"}"
                        : "that is not one of the options");
    return;
  }
  send_answer(a, ask, &content);
}

static void judge(attaching *a, const char *arguments, bool yes);

/* "y" and "n", as the host's own terminal takes them. */
static bool take_yes_or_no(attaching *a, const char *line) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  bool yes = !strcasecmp(line, "y") || !strcasecmp(line, "yes");
  bool no = !strcasecmp(line, "n") || !strcasecmp(line, "no");
  if ((!yes && !no) || (state->n_asks == 0 && lrm_id_none(&a->armed))) return false;
  judge(a, "", yes);
  return true;
}

/* "#2 text", "2", "y", or nothing of the kind. True: it was meant as an answer. */
static bool take_answer(attaching *a, char *line) {
  char *rest = line;
  unsigned long number = 0;
  if (line[0] == '#' && line[1] >= '0' && line[1] <= '9') {
    number = strtoul(line + 1, &rest, 10);
    while (*rest == ' ') rest++;
    const Remote__V1__Ask *ask = attach_ask_by_number(a, (unsigned)number);
    if (!ask)
      transcript_note(&a->transcript, "there is no open ask #%lu", number);
    else if (!*rest)
      transcript_note(&a->transcript, "write #%lu and an option", number);
    else if (!strcasecmp(rest, "no") && !ask_find_option(ask, rest, 0))
      answer_once(a, ask, false);
    else
      answer_with(a, ask, rest);
    return true;
  }
  if (take_yes_or_no(a, line)) return true;
  if (line[strspn(line, "0123456789")]) return false;
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  if (state->n_asks == 0 && lrm_id_none(&a->armed)) return false;
  const Remote__V1__Ask *only = attach_only_ask(a);
  lrm_id id = {{0}};
  if (only && lrm_id_from(only->ask_id.data, only->ask_id.len, &id)) only = NULL;
  if (!only && state->n_asks > 1)
    transcript_note(&a->transcript, "several asks are open: write #NUMBER and the option");
  else if (!only || !lrm_id_equal(&id, &a->armed))
    /* What the number was meant for is gone or is another one now. */
    transcript_note(&a->transcript, "the ask has changed while you wrote; look again");
  else
    answer_with(a, only, line);
  return true;
}

void attach_arm(attaching *a) {
  const Remote__V1__Ask *only = a->begun_ns ? NULL : attach_only_ask(a);
  memset(&a->armed, 0, sizeof a->armed);
  if (only && lrm_id_from(only->ask_id.data, only->ask_id.len, &a->armed))
    memset(&a->armed, 0, sizeof a->armed);
  a->line_begun = true;
}

/* ---- commands that begin with a slash ---- */

static void do_help(attaching *a, char *arguments) {
  (void)arguments;
  static const char *const lines[] = {
      "TEXT                 a prompt; while a turn runs it waits in the queue",
      "NUMBER, y, n, #ASK OPTION   answers an ask (option's number, id or label; words; a JSON "
      "object)",
      "/approve, /deny [#ASK]   yes or no, once",
      "/steer TEXT          into the running turn     /say TEXT     a prompt that is only a number",
      "/cancel              cancels the turn          /withdraw [COMMAND]   the newest, or the "
      "named",
      "/mode [MODE]         lists or switches         /config [KEY VALUE]",
      "/run /CMD            a slash command of the agent that the host allows",
      "/rename TITLE   /asks   /status   /probe   /quit"};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    transcript_note(&a->transcript, "%s", lines[i]);
}

static void do_quit(attaching *a, char *arguments) {
  (void)arguments;
  a->quit = true;
}

static void do_steer(attaching *a, char *arguments) {
  if (*arguments) send_prompt(a, arguments, true);
}

static void do_say(attaching *a, char *arguments) {
  if (*arguments) send_prompt(a, arguments, false);
}

static void judge(attaching *a, const char *arguments, bool yes) {
  const Remote__V1__Ask *ask =
      *arguments
          ? attach_ask_by_number(a, (unsigned)strtoul(arguments + (*arguments == '#'), NULL, 10))
          : attach_only_ask(a);
  lrm_id id = {{0}};
  if (ask && lrm_id_from(ask->ask_id.data, ask->ask_id.len, &id)) ask = NULL;
  if (!ask)
    transcript_note(&a->transcript, "%s",
                    *arguments ? "there is no such open ask" : "no ask, or more than one, is open");
  else if (!*arguments && !lrm_id_equal(&id, &a->armed))
    transcript_note(&a->transcript, "the ask has changed while you wrote; look again");
  else
    answer_once(a, ask, yes);
}

static void do_approve(attaching *a, char *arguments) { judge(a, arguments, true); }
static void do_deny(attaching *a, char *arguments) { judge(a, arguments, false); }

static void do_cancel(attaching *a, char *arguments) {
  Remote__V1__CancelTurn body = REMOTE__V1__CANCEL_TURN__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char turn_id[128];
  (void)arguments;
  snprintf(turn_id, sizeof turn_id, "%s", remote_session_state(&a->session)->turn_id);
  body.turn_id = turn_id;
  command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  command.cancel_turn = &body;
  submit(a, &command, "cancel");
}

static void do_withdraw(attaching *a, char *arguments) {
  Remote__V1__WithdrawCommand body = REMOTE__V1__WITHDRAW_COMMAND__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  const attach_command *found = NULL;
  for (size_t i = 0; i < a->commands_count; i++) {
    const attach_command *c = &a->commands[i];
    bool fits = *arguments ? id_has_prefix(c->id.bytes, sizeof c->id.bytes, arguments)
                           : c->seen < LRM_COMMAND_DONE;
    if (fits) found = c;
  }
  if (!found) {
    transcript_note(&a->transcript, "there is no such command of yours");
    return;
  }
  lrm_id id = found->id;
  body.command_id.data = id.bytes;
  body.command_id.len = sizeof id.bytes;
  command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
  command.withdraw_command = &body;
  submit(a, &command, "withdraw");
}

static void do_mode(attaching *a, char *arguments) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  if (*arguments) {
    Remote__V1__SetMode body = REMOTE__V1__SET_MODE__INIT;
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    body.mode_id = arguments;
    command.body_case = REMOTE__V1__COMMAND__BODY_SET_MODE;
    command.set_mode = &body;
    submit(a, &command, "mode");
    return;
  }
  for (size_t i = 0; i < state->n_modes; i++)
    transcript_note(&a->transcript, "%s %s  %s%s",
                    strcmp(state->modes[i]->mode_id, state->current_mode_id) ? " " : "*",
                    state->modes[i]->mode_id, state->modes[i]->name,
                    state->modes[i]->elevating ? "  (asks less: not from afar)" : "");
  if (!state->n_modes) transcript_note(&a->transcript, "the agent has no modes");
}

static void do_config(attaching *a, char *arguments) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  char *value = arguments + strcspn(arguments, " ");
  if (*value) {
    *value++ = 0;
    Remote__V1__SetConfigOption body = REMOTE__V1__SET_CONFIG_OPTION__INIT;
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    body.option_id = arguments;
    body.value = value + strspn(value, " ");
    command.body_case = REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION;
    command.set_config_option = &body;
    submit(a, &command, "config");
    return;
  }
  for (size_t i = 0; i < state->n_options; i++)
    transcript_note(&a->transcript, "%s = %s", state->options[i]->option_id,
                    state->options[i]->current_value);
  if (!state->n_options) transcript_note(&a->transcript, "the agent has no options");
}

static void do_run(attaching *a, char *arguments) {
  Remote__V1__RunSlashCommand body = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char *name = arguments + (*arguments == '/');
  char *rest = name + strcspn(name, " ");
  if (!*name) return;
  if (*rest) *rest++ = 0;
  body.name = name;
  body.arguments = rest;
  command.body_case = REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND;
  command.run_slash_command = &body;
  submit(a, &command, "slash command");
}

static void do_rename(attaching *a, char *arguments) {
  Remote__V1__SetTitle body = REMOTE__V1__SET_TITLE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  if (!*arguments) return;
  body.title = arguments;
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_TITLE;
  command.set_title = &body;
  submit(a, &command, "rename");
}

static void do_probe(attaching *a, char *arguments) {
  Remote__V1__Probe body = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  (void)arguments;
  connection_random(&body.nonce, sizeof body.nonce);
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &body;
  submit(a, &command, "probe");
}

static void do_asks(attaching *a, char *arguments) {
  (void)arguments;
  attach_show_asks(a);
  if (!remote_session_state(&a->session)->n_asks)
    transcript_note(&a->transcript, "nothing waits for an answer");
}

static void do_status(attaching *a, char *arguments) {
  (void)arguments;
  attach_show_status(a);
}

typedef struct slash {
  const char *name;
  void (*run)(attaching *a, char *arguments);
} slash;

static const slash slashes[] = {
    {"help", do_help},         {"quit", do_quit},   {"exit", do_quit},     {"approve", do_approve},
    {"deny", do_deny},         {"steer", do_steer}, {"say", do_say},       {"cancel", do_cancel},
    {"withdraw", do_withdraw}, {"mode", do_mode},   {"config", do_config}, {"run", do_run},
    {"rename", do_rename},     {"probe", do_probe}, {"asks", do_asks},     {"status", do_status},
};

static void take_slash(attaching *a, char *line) {
  char *arguments = line + strcspn(line, " ");
  if (*arguments) *arguments++ = 0;
  arguments += strspn(arguments, " ");
  const char *names[sizeof slashes / sizeof *slashes];
  for (size_t i = 0; i < sizeof slashes / sizeof *slashes; i++) {
    names[i] = slashes[i].name;
    if (strcmp(line, slashes[i].name)) continue;
    slashes[i].run(a, arguments);
    return;
  }
  const char *near = options_nearest(line, names, sizeof slashes / sizeof *slashes);
  transcript_note(&a->transcript,
                  "/%s is not known here%s%s; the agent's own are run with /run /%s", line,
                  near ? "; did you mean /" : "", near ? near : "", line);
}

/* ---- lines and keys ---- */

void attach_line(attaching *a, const char *line) {
  char *copy = strdup(line);
  if (!copy) return;
  char *text = copy + strspn(copy, " ");
  size_t bytes = strlen(text);
  while (bytes && (text[bytes - 1] == ' ' || text[bytes - 1] == '\r')) text[--bytes] = 0;
  if (!a->line_begun) attach_arm(a);
  if (!*text) {
    /* nothing was written */
  } else if (a->begun_ns && strcmp(text, "/quit")) {
    transcript_note(&a->transcript, "the session is still being read; write it again in a moment");
  } else if (text[0] == '/') {
    take_slash(a, text + 1);
  } else if (!take_answer(a, text)) {
    send_prompt(a, text, false);
  }
  a->line_begun = false;
  free(copy);
}

void attach_key(void *user, line_key key, const char *line) {
  attaching *a = user;
  uint64_t now_ns = connection_now_ns(&a->connection);
  switch (key) {
    case LINE_ENTERED:
      screen_hide(&a->screen);
      attach_line(a, line);
      break;
    case LINE_END:
      a->quit = true;
      break;
    case LINE_INTERRUPT:
      a->line_begun = false;
      if (*line) break;
      if (a->interrupt_ns && now_ns - a->interrupt_ns < INTERRUPT_TWICE_NS) a->quit = true;
      a->interrupt_ns = now_ns;
      if (!a->quit)
        transcript_note(&a->transcript,
                        "^C again leaves; the agent goes on. /cancel stops its turn");
      break;
    default:
      break;
  }
}
