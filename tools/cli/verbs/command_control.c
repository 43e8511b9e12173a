/* `remote rename`, `cancel`, `withdraw`, `probe`. */
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "steering.h"
#include "terminal_text.h"

/* ---- rename ---- */

static bool good_title(const char *title) {
  bool visible = false;
  for (const char *c = title; *c; c++) {
    if ((unsigned char)*c < ' ' || *c == 0x7f) return false;
    visible = visible || *c != ' ';
  }
  return visible;
}

int command_rename(int argc, char **argv) {
  static steering w;
  static const steering_form form = {"remote rename [SESSION] TITLE",
                                     "Gives a session a title, at most 256 bytes on one line. A "
                                     "single word is TITLE.",
                                     1, 1};
  const option_usage usage = {form.synopsis, form.text, NULL, 0, false};
  int result = steering_parse(&w, argc, argv, &form);
  if (result >= 0) return result;
  if (w.words.count && !good_title(w.words.words[w.words.count - 1]))
    return options_wrong(&usage, "a title is one line with something to see");
  result = steering_begin(&w, argc, argv, &form);
  if (result >= 0) return result;
  char *title = strdup(steering_word(&w, 0));
  Remote__V1__SetTitle body = REMOTE__V1__SET_TITLE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.title = title;
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_TITLE;
  command.set_title = &body;
  result = (int)steering_run(&w, &command, "renamed");
  free(title);
  act_close(&w.act);
  return result;
}

/* ---- cancel, withdraw ---- */

int command_cancel(int argc, char **argv) {
  static steering w;
  static const steering_form form = {"remote cancel [SESSION]", "Cancels the running turn.", 0, 0};
  int result = steering_begin(&w, argc, argv, &form);
  if (result >= 0) return result;
  Remote__V1__CancelTurn body = REMOTE__V1__CANCEL_TURN__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char turn_id[128];
  snprintf(turn_id, sizeof turn_id, "%s", remote_session_state(&w.act.session)->turn_id);
  body.turn_id = turn_id;
  command.body_case = REMOTE__V1__COMMAND__BODY_CANCEL_TURN;
  command.cancel_turn = &body;
  result = (int)steering_run(&w, &command, "cancelled");
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
  if (!matches)
    fputs(
        "remote: no queued command has such an id: write the whole id that `remote send` printed\n",
        stderr);
  else
    fputs("remote: that fits more than one command; write more of it:\n", stderr);
  for (size_t i = 0; i < state->n_queue; i++) {
    const Remote__V1__QueuedPrompt *queued = state->queue[i];
    char hex[LRM_ID_HEX_BYTES];
    lrm_id found;
    if (lrm_id_from(queued->command_id.data, queued->command_id.len, &found)) continue;
    if (matches && !id_has_prefix(queued->command_id.data, queued->command_id.len, text)) continue;
    lrm_id_hex(&found, hex);
    fprintf(stderr, "  %s  ", hex);
    terminal_text_print(stderr, queued->text, strnlen(queued->text, 60), TERMINAL_TEXT_ONE_LINE);
    fputc('\n', stderr);
  }
  return matches ? EXIT_CODE_USAGE : EXIT_CODE_NOT_FOUND;
}

int command_withdraw(int argc, char **argv) {
  static steering w;
  static const steering_form form = {
      "remote withdraw [SESSION] COMMAND",
      "Takes back a command that the agent does not have yet. COMMAND is the id that `remote "
      "send`\n"
      "printed; the id of a prompt that waits in the queue may be cut.",
      1, 1};
  lrm_id id;
  int result = steering_begin(&w, argc, argv, &form);
  if (result >= 0) return result;
  result = (int)find_command(&w.act, steering_word(&w, 0), &id);
  if (!result) {
    Remote__V1__WithdrawCommand body = REMOTE__V1__WITHDRAW_COMMAND__INIT;
    Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
    body.command_id.data = id.bytes;
    body.command_id.len = sizeof id.bytes;
    command.body_case = REMOTE__V1__COMMAND__BODY_WITHDRAW_COMMAND;
    command.withdraw_command = &body;
    result = (int)steering_run(&w, &command, "withdrawn");
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
  static const steering_form form = {
      "remote probe [SESSION]",
      "Sends a sign of life through the queue that a prompt would take, and says how long the\n"
      "host's answer took.",
      0, 0};
  int result = steering_begin(&w, argc, argv, &form);
  if (result >= 0) return result;
  result = (int)probe(&w.act);
  act_close(&w.act);
  return result;
}
