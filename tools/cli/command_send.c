/* `remote send`: a prompt, stored, and if wanted followed to its outcome or to the turn's end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "commands.h"

#define PROMPT_BYTES_MAX 131072u

typedef struct sending {
  act act;
  bool steer;
  const char *wait; /* NULL, "outcome" or "idle" */
  char turn_id[128];
  bool turn_ended;
} sending;

/* Everything on standard input; its last newline is not part of the prompt. */
static char *read_input(void) {
  char *text = malloc(PROMPT_BYTES_MAX + 2);
  size_t used = 0;
  if (!text) return NULL;
  for (;;) {
    ssize_t n = read(STDIN_FILENO, text + used, PROMPT_BYTES_MAX + 1 - used);
    if (n <= 0) break;
    used += (size_t)n;
    if (used > PROMPT_BYTES_MAX) break;
  }
  if (used && used <= PROMPT_BYTES_MAX && text[used - 1] == '\n') used--;
  text[used] = 0;
  if (memchr(text, 0, used)) {
    free(text);
    fputs("remote: the prompt holds a NUL byte\n", stderr);
    return NULL;
  }
  return text;
}

/* Our prompt's turn, and its end. */
static void on_event(void *user, remote_session *s, const lrm_client_event *event) {
  sending *w = user;
  (void)s;
  if (event->type != LRM_CLIENT_EVENT) return;
  const Remote__V1__Event *e = event->event;
  if (e->body_case == REMOTE__V1__EVENT__BODY_USER_MESSAGE && !w->turn_id[0]) {
    const ProtobufCBinaryData *id = &e->user_message->command_id;
    if (id->len == 16 && !memcmp(id->data, w->act.command.command_id.bytes, 16))
      snprintf(w->turn_id, sizeof w->turn_id, "%s", e->turn_id);
  }
  if (e->body_case == REMOTE__V1__EVENT__BODY_TURN_ENDED && w->turn_id[0] &&
      !strcmp(e->turn_ended->turn_id, w->turn_id))
    w->turn_ended = true;
  if (e->body_case == REMOTE__V1__EVENT__BODY_SESSION_ENDED) w->turn_ended = true;
}

/* The turn has ended; or, when its beginning was not seen (a jump to a snapshot), nothing runs. */
static bool is_idle(void *user) {
  sending *w = user;
  const Remote__V1__SessionState *state = remote_session_state(&w->act.session);
  if (w->turn_ended || w->act.session.closed) return true;
  return !w->turn_id[0] && state->status == REMOTE__V1__STATUS__STATUS_IDLE && !state->n_queue &&
         !state->turn_id[0];
}

static exit_code wait_idle(sending *w) {
  act *a = &w->act;
  uint64_t timeout_ms = a->connection.timeout_given ? a->connection.timeout_ms : CONNECTION_FOREVER;
  if (!connection_wait(&a->connection, is_idle, w, timeout_ms))
    return a->connection.timed_out && !a->connection.failed
               ? (fputs("remote: the turn has not ended in time\n", stderr), EXIT_CODE_UNREACHABLE)
               : remote_session_explain(&a->session);
  if (a->session.closed) return remote_session_explain(&a->session);
  if (a->json)
    json_print_line(stdout, json_pack("{s:s, s:b, s:s}", "session_id", a->session.hex, "idle", 1,
                                      "turn_id", w->turn_id));
  else
    puts("idle");
  return EXIT_CODE_DONE;
}

static exit_code send_prompt(sending *w, char *text) {
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  static const remote_session_ops ops = {.event = on_event};
  prompt.text = text;
  prompt.delivery = w->steer ? REMOTE__V1__DELIVERY__DELIVERY_STEER
                             : REMOTE__V1__DELIVERY__DELIVERY_START_OR_QUEUE;
  command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
  command.submit_prompt = &prompt;
  exit_code result = act_open(&w->act);
  if (result) return result;
  w->act.session.ops = &ops;
  w->act.session.user = w;
  result = act_send(&w->act, &command, 0);
  bool done = w->act.command.state == LRM_COMMAND_DONE;
  if (!result && !done) act_print_away(&w->act);
  if (!result && (w->wait || done)) result = act_finish(&w->act, true);
  if (!result && w->wait && !strcmp(w->wait, "idle")) result = wait_idle(w);
  act_close(&w->act);
  return result;
}

int command_send(int argc, char **argv) {
  static sending w;
  const option options[] = {
      {"steer", OPTION_FLAG, &w.steer, NULL, "put it into the running turn instead of the queue",
       NULL},
      {"wait", OPTION_OPTIONAL, &w.wait, "outcome|idle",
       "wait until it is applied (outcome, the default), or until its turn has ended (idle)",
       "outcome"},
      ACT_OPTIONS(w.act),
  };
  const option_usage usage = {
      "remote send [SESSION] TEXT|-",
      "Sends a prompt; - reads it from standard input. Prints the command's id and returns when\n"
      "the relay has stored it. With two words the first one is SESSION.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (w.wait && strcmp(w.wait, "outcome") && strcmp(w.wait, "idle"))
    return options_wrong(&usage, "--wait takes outcome or idle");
  int taken = act_take_session(&w.act, &usage, &words, 1);
  if (taken < 0) return EXIT_CODE_USAGE;
  if (words.count == 0) return options_wrong(&usage, "there is no text to send");
  const char *word = words.words[taken];
  char *text = strcmp(word, "-") ? strdup(word) : read_input();
  if (!text) return EXIT_CODE_FAILURE;
  int result;
  if (!*text)
    result = options_wrong(&usage, "the text is empty");
  else if (strlen(text) > PROMPT_BYTES_MAX)
    result = options_wrong(&usage, "the text is over %u bytes", PROMPT_BYTES_MAX);
  else
    result = send_prompt(&w, text);
  free(text);
  return result;
}
