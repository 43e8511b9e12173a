/* `remote mode`, `config`, `slash`, `rename`, `cancel`, `probe`, `withdraw`. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "act.h"
#include "commands.h"
#include "json_event.h"
#include "terminal_text.h"

typedef struct steering {
  act act;
  option_words words;
  int taken; /* words that were SESSION */
} steering;

/* Parses, takes SESSION when there are more than `others` words, connects. -1: go on. */
static int begin(steering *w, int argc, char **argv, const char *synopsis, const char *text,
                 size_t least, size_t others) {
  const option options[] = {ACT_OPTIONS(w->act)};
  const option_usage usage = {synopsis, text, options, sizeof options / sizeof *options, false};
  option_result parsed = options_parse(&usage, argc, argv, &w->words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (w->words.count < least) return options_wrong(&usage, "something is missing");
  /* KEY and VALUE come together, so that one word can only be SESSION. */
  if (others == 2 && w->words.count == 1) others = 0;
  w->taken = act_take_session(&w->act, &usage, &w->words, others);
  if (w->taken < 0) return EXIT_CODE_USAGE;
  exit_code result = act_open(&w->act);
  return result ? (int)result : -1;
}

static const char *word(const steering *w, size_t index) {
  size_t at = index + (size_t)w->taken;
  return at < w->words.count ? w->words.words[at] : NULL;
}

static void print_text(const char *text) {
  terminal_text_puts(stdout, text, TERMINAL_TEXT_ONE_LINE);
}

static exit_code not_offered(const char *what, const char *name) {
  char shown[128];
  terminal_text_copy(shown, sizeof shown, name, strlen(name), TERMINAL_TEXT_ONE_LINE);
  fprintf(stderr, "remote: there is no single %s \"%s\" here\n", what, shown);
  return EXIT_CODE_NOT_FOUND;
}

/* ---- mode ---- */

static exit_code list_modes(const act *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < state->n_modes; i++) {
    const Remote__V1__Mode *mode = state->modes[i];
    bool current = !strcmp(mode->mode_id, state->current_mode_id);
    if (a->json) {
      json_print_line(stdout, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "session_id",
                                        a->session.hex, "mode_id", mode->mode_id, "name",
                                        mode->name, "description", mode->description, "elevating",
                                        (int)mode->elevating, "current", (int)current));
      continue;
    }
    fputs(current ? "* " : "  ", stdout);
    print_text(mode->mode_id);
    if (mode->name[0] && strcmp(mode->name, mode->mode_id)) {
      fputs("  ", stdout);
      print_text(mode->name);
    }
    fputs(mode->elevating ? "  (asks less: not from afar)\n" : "\n", stdout);
  }
  if (!state->n_modes && !a->json) fputs("the agent has no modes\n", stderr);
  return EXIT_CODE_DONE;
}

/* By id, else by the only name that begins so. */
static const char *find_mode(const Remote__V1__SessionState *state, const char *name) {
  const char *found = NULL;
  size_t matches = 0;
  for (size_t i = 0; i < state->n_modes; i++)
    if (!strcmp(state->modes[i]->mode_id, name)) return state->modes[i]->mode_id;
  for (size_t i = 0; i < state->n_modes; i++) {
    if (strncasecmp(state->modes[i]->name, name, strlen(name))) continue;
    found = state->modes[i]->mode_id;
    matches++;
  }
  return matches == 1 ? found : NULL;
}

static exit_code set_mode(act *a, const char *name) {
  char mode_id[256];
  const char *found = find_mode(remote_session_state(&a->session), name);
  if (!found) return not_offered("mode", name);
  snprintf(mode_id, sizeof mode_id, "%s", found);
  Remote__V1__SetMode body = REMOTE__V1__SET_MODE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.mode_id = mode_id;
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_MODE;
  command.set_mode = &body;
  return act_run(a, &command, "mode switched");
}

int command_mode(int argc, char **argv) {
  static steering w;
  int result = begin(&w, argc, argv, "remote mode [SESSION] [MODE]",
                     "Switches the agent's mode; without MODE lists them. A single word is MODE:\n"
                     "use --session to list the modes of one of several sessions.",
                     0, 1);
  if (result >= 0) return result;
  result = word(&w, 0) ? set_mode(&w.act, word(&w, 0)) : list_modes(&w.act);
  act_close(&w.act);
  return result;
}

/* ---- config ---- */

static exit_code list_options(const act *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < state->n_options; i++) {
    const Remote__V1__ConfigOption *o = state->options[i];
    if (a->json) {
      json_print_line(stdout, json_pack("{s:s, s:o}", "session_id", a->session.hex, "option",
                                        json_from_message(&o->base)));
      continue;
    }
    print_text(o->option_id);
    fputs(" = ", stdout);
    print_text(o->current_value);
    if (o->n_values) fputs("   of", stdout);
    for (size_t k = 0; k < o->n_values; k++) {
      putchar(' ');
      print_text(o->values[k]->value);
      if (o->values[k]->elevating) fputs(" (asks less: not from afar)", stdout);
    }
    putchar('\n');
  }
  if (!state->n_options && !a->json) fputs("the agent has no options\n", stderr);
  return EXIT_CODE_DONE;
}

static exit_code set_option(act *a, const char *key, const char *value) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  bool known = false;
  for (size_t i = 0; i < state->n_options; i++)
    known = known || !strcmp(state->options[i]->option_id, key);
  if (!known) return not_offered("option", key);
  Remote__V1__SetConfigOption body = REMOTE__V1__SET_CONFIG_OPTION__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char *kept[2] = {strdup(key), strdup(value)};
  body.option_id = kept[0];
  body.value = kept[1];
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION;
  command.set_config_option = &body;
  exit_code result = act_run(a, &command, "option set");
  free(kept[0]);
  free(kept[1]);
  return result;
}

int command_config(int argc, char **argv) {
  static steering w;
  int result = begin(&w, argc, argv, "remote config [SESSION] [KEY VALUE]",
                     "Sets one of the agent's options; without KEY and VALUE lists them. A single\n"
                     "word is SESSION.",
                     0, 2);
  if (result >= 0) return result;
  result = word(&w, 1) ? set_option(&w.act, word(&w, 0), word(&w, 1)) : list_options(&w.act);
  act_close(&w.act);
  return result;
}

/* ---- slash, rename ---- */

int command_slash(int argc, char **argv) {
  static steering w;
  int result = begin(&w, argc, argv, "remote slash [SESSION] /CMD",
                     "Runs a slash command that the host has marked safe for remote people;\n"
                     "arguments belong to the same word: remote slash '/review main.c'.",
                     1, 1);
  if (result >= 0) return result;
  char *line = strdup(word(&w, 0));
  char *name = line + (line[0] == '/');
  char *arguments = name + strcspn(name, " \t\n");
  if (*arguments) *arguments++ = 0;
  arguments += strspn(arguments, " \t\n");
  Remote__V1__RunSlashCommand body = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.name = name;
  body.arguments = arguments;
  command.body_case = REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND;
  command.run_slash_command = &body;
  result = (int)act_run(&w.act, &command, "slash command handed to the agent");
  free(line);
  act_close(&w.act);
  return result;
}

int command_rename(int argc, char **argv) {
  static steering w;
  int result =
      begin(&w, argc, argv, "remote rename [SESSION] TITLE", "Gives a session a title.", 1, 1);
  if (result >= 0) return result;
  char *title = strdup(word(&w, 0));
  Remote__V1__SetTitle body = REMOTE__V1__SET_TITLE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.title = title;
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_TITLE;
  command.set_title = &body;
  result = (int)act_run(&w.act, &command, "renamed");
  free(title);
  act_close(&w.act);
  return result;
}

/* ---- cancel, withdraw ---- */

int command_cancel(int argc, char **argv) {
  static steering w;
  int result = begin(&w, argc, argv, "remote cancel [SESSION]", "Cancels the running turn.", 0, 0);
  if (result >= 0) return result;
  Remote__V1__CancelTurn body = REMOTE__V1__CANCEL_TURN__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char turn_id[128];
  snprintf(turn_id, sizeof turn_id, "%s", remote_session_state(&w.act.session)->turn_id);
  body.turn_id = turn_id;
  command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  command.cancel_turn = &body;
  result = (int)act_run(&w.act, &command, "cancelled");
  act_close(&w.act);
  return result;
}

/* A whole id, or the beginning of the id of a prompt in the queue. */
static exit_code find_command(const act *a, const char *text, lrm_id *id) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  size_t matches = 0;
  if (strlen(text) == 32 && !lrm_id_parse(text, 32, id)) return EXIT_CODE_DONE;
  for (size_t i = 0; i < state->n_queue; i++) {
    const ProtobufCBinaryData *queued = &state->queue[i]->command_id;
    if (!id_has_prefix(queued->data, queued->len, text)) continue;
    if (!lrm_id_from(queued->data, queued->len, id)) matches++;
  }
  if (matches == 1) return EXIT_CODE_DONE;
  char shown[64];
  terminal_text_copy(shown, sizeof shown, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
  fprintf(stderr, "remote: %s: write the whole id that `remote send` printed\n",
          matches ? "that fits more than one command" : "no queued command has such an id");
  return matches ? EXIT_CODE_USAGE : EXIT_CODE_NOT_FOUND;
}

int command_withdraw(int argc, char **argv) {
  static steering w;
  lrm_id id;
  int result = begin(&w, argc, argv, "remote withdraw [SESSION] COMMAND",
                     "Takes back a command that the agent does not have yet. COMMAND is the id\n"
                     "that `remote send` printed; a queued one may be cut.",
                     1, 1);
  if (result >= 0) return result;
  result = (int)find_command(&w.act, word(&w, 0), &id);
  if (!result) {
    Remote__V1__WithdrawCommand body = REMOTE__V1__WITHDRAW_COMMAND__INIT;
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    body.command_id.data = id.bytes;
    body.command_id.len = sizeof id.bytes;
    command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
    command.withdraw_command = &body;
    result = (int)act_run(&w.act, &command, "withdrawn");
  }
  act_close(&w.act);
  return result;
}

/* ---- probe ---- */

typedef struct probing {
  const connection *connection;
  uint64_t begun_ns;
  double at_ms[LRM_COMMAND_DONE + 1]; /* when each state was seen; 0: not */
} probing;

static void note_state(void *user, const lrm_command *command) {
  probing *p = user;
  p->at_ms[command->state] = (double)(connection_now_ns(p->connection) - p->begun_ns) / 1000000.0;
}

static void print_probe(const act *a, const probing *p) {
  if (a->json) {
    json_t *object = command_json(a->session.hex, &a->command);
    json_object_set_new(object, "stored_ms", json_real(p->at_ms[LRM_COMMAND_STORED]));
    json_object_set_new(object, "delivered_ms", json_real(p->at_ms[LRM_COMMAND_DELIVERED]));
    json_object_set_new(object, "round_trip_ms", json_real(p->at_ms[LRM_COMMAND_DONE]));
    json_print_line(stdout, object);
    return;
  }
  printf("%s: round trip %.1f ms", a->session.title, p->at_ms[LRM_COMMAND_DONE]);
  if (p->at_ms[LRM_COMMAND_STORED] > 0)
    printf(" (stored after %.1f ms)", p->at_ms[LRM_COMMAND_STORED]);
  putchar('\n');
}

static exit_code probe(act *a) {
  Remote__V1__Probe body = REMOTE__V1__PROBE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  probing p = {.connection = &a->connection};
  connection_random(&body.nonce, sizeof body.nonce);
  command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
  command.probe = &body;
  uv_update_time(&a->connection.loop);
  p.begun_ns = connection_now_ns(&a->connection);
  lrm_id id;
  exit_code result = remote_session_submit(&a->session, &command, a->connection.timeout_ms, &id);
  if (result) return result;
  a->command = (lrm_command){.command_id = id, .reason = ""};
  result = remote_session_follow(&a->session, LRM_COMMAND_DONE, a->connection.timeout_ms,
                                 note_state, &p, &a->command);
  if (result == EXIT_CODE_UNREACHABLE) {
    fprintf(stderr, "remote: no answer in %llu ms; the probe is %s\n",
            (unsigned long long)a->connection.timeout_ms, command_state_name(a->command.state));
    const remote_v1_LogStatus *status = lrm_client_status(a->session.client);
    char since[32];
    if (status && !status->host_attached) {
      ago_text(&a->connection, status->host_since_ms, since, sizeof since);
      fprintf(stderr, "remote: the host is not connected (since %s)\n", since);
    }
    if (a->json) json_print_line(stdout, command_json(a->session.hex, &a->command));
    return result;
  }
  if (result) return result;
  result = outcome_exit(a->command.outcome, a->command.code);
  if (!result || a->json) {
    print_probe(a, &p);
  } else {
    fputs("remote: ", stderr);
    outcome_print(stderr, &a->command);
    fputc('\n', stderr);
  }
  return result;
}

int command_probe(int argc, char **argv) {
  static steering w;
  int result = begin(&w, argc, argv, "remote probe [SESSION]",
                     "Sends a sign of life through the queue that a prompt would take, and says\n"
                     "how long the host's answer took.",
                     0, 0);
  if (result >= 0) return result;
  result = (int)probe(&w.act);
  act_close(&w.act);
  return result;
}
