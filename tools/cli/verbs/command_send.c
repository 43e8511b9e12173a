/* `remote send`: a prompt, with files if wanted, stored, and if wanted followed to its outcome or
 * to the turn's end. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "commands.h"
#include "file_upload.h"

#define PROMPT_BYTES_MAX 131072u

typedef struct sending {
  act act;
  bool steer;
  const char *wait; /* NULL, "outcome" or "idle" */
  char turn_id[128];
  bool turn_ended;
  option_list paths;
  file_upload files[OPTIONS_LIST_MAX];
  size_t files_count;
  uint64_t moved; /* bytes given and stored when the present wait began */
  bool shows_progress;
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

/* ---- files ---- */

static void show_progress(sending *w, const file_upload *u) {
  char text[512];
  if (!w->shows_progress) return;
  file_upload_text(u, text, sizeof text);
  fprintf(stderr, "\r\x1b[K%s", text);
}

static void end_progress(const sending *w) {
  if (w->shows_progress) fputs("\r\x1b[K", stderr);
}

/* It is over, or it has moved: a wait is as long as nothing does. */
static bool has_moved(void *user) {
  sending *w = user;
  file_upload *u = &w->files[w->files_count - 1];
  file_upload_work(u);
  lrm_upload_progress now = file_upload_progress(u);
  show_progress(w, u);
  return now.state != LRM_UPLOAD_RUNNING || now.given + now.stored != w->moved ||
         w->act.session.closed;
}

static exit_code explain_stuck(sending *w, const file_upload *u) {
  char text[512];
  const remote_v1_LogStatus *status = lrm_client_status(w->act.session.client);
  if (w->act.connection.interrupted) {
    fputs("remote: given up; what was sent of the file is forgotten within an hour\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  if (w->act.session.closed || w->act.connection.failed || !status || status->host_attached)
    return remote_session_explain(&w->act.session);
  file_upload_text(u, text, sizeof text);
  fprintf(stderr,
          "remote: %s; the host is not connected, and the relay keeps no more than about 1 MiB of "
          "a file for it. Try again when it is back\n",
          text);
  return EXIT_CODE_UNREACHABLE;
}

static void print_file(const sending *w, const file_upload *u) {
  char hex[LRM_ID_HEX_BYTES], digest[2 * LRM_SHA256_BYTES + 1];
  lrm_id_hex(&u->id, hex);
  for (size_t i = 0; i < LRM_SHA256_BYTES; i++)
    snprintf(digest + 2 * i, 3, "%02x", u->file.sha256[i]);
  json_print_line(
      stdout, json_pack("{s:s, s:{s:s, s:s, s:s, s:I, s:s}}", "session_id", w->act.session.hex,
                        "attachment", "attachment_id", hex, "name", u->file.name, "media_type",
                        u->file.media_type, "bytes", (json_int_t)u->file.bytes, "sha256", digest));
}

/* Until all of it is on its way: the prompt may stand behind it then. */
static exit_code send_file(sending *w, const char *path) {
  char error[600];
  file_upload *u = &w->files[w->files_count];
  if (!file_upload_begin(u, &w->act.session, path, error, sizeof error)) {
    fprintf(stderr, "remote: %s\n", error);
    return EXIT_CODE_FAILURE;
  }
  w->files_count++;
  for (;;) {
    file_upload_work(u);
    lrm_upload_progress now = file_upload_progress(u);
    if (now.state != LRM_UPLOAD_RUNNING || w->act.session.closed) break;
    w->moved = now.given + now.stored;
    if (connection_wait(&w->act.connection, has_moved, w, w->act.connection.timeout_ms)) continue;
    end_progress(w);
    return explain_stuck(w, u);
  }
  end_progress(w);
  if (w->act.session.closed) return remote_session_explain(&w->act.session);
  lrm_upload_progress now = file_upload_progress(u);
  if (now.state == LRM_UPLOAD_SENT || now.state == LRM_UPLOAD_DONE) {
    if (w->act.json) print_file(w, u);
    return EXIT_CODE_DONE;
  }
  file_upload_failure(u, error, sizeof error);
  fprintf(stderr, "remote: %s\n", error);
  return outcome_exit(now.outcome, now.code);
}

static exit_code send_files(sending *w) {
  w->shows_progress = isatty(STDERR_FILENO) && !w->act.json;
  for (size_t i = 0; i < w->paths.count; i++) {
    exit_code result = send_file(w, w->paths.items[i]);
    if (result) return result;
  }
  return EXIT_CODE_DONE;
}

/* A prompt is refused when one of its files was: the file's own answer says why. */
static void explain_files(sending *w) {
  char text[600];
  for (size_t i = 0; i < w->files_count; i++) {
    file_upload_work(&w->files[i]);
    if (file_upload_progress(&w->files[i]).state != LRM_UPLOAD_FAILED) continue;
    file_upload_failure(&w->files[i], text, sizeof text);
    fprintf(stderr, "remote: %s\n", text);
  }
}

static bool check_files(const sending *w) {
  char error[600];
  bool good = true;
  for (size_t i = 0; i < w->paths.count; i++) {
    if (local_file_check(w->paths.items[i], error, sizeof error)) continue;
    fprintf(stderr, "remote: %s\n", error);
    good = false;
  }
  return good;
}

/* ---- the prompt ---- */

static exit_code submit(sending *w, const Remote__V1__Command *command) {
  exit_code result = act_send(&w->act, command, 0);
  bool done = w->act.command.state == LRM_COMMAND_DONE;
  if (!result && !done) act_print_away(&w->act);
  if (!result && (w->wait || done)) result = act_finish(&w->act, true);
  if (result && w->act.command.state == LRM_COMMAND_DONE) explain_files(w);
  if (!result && w->wait && !strcmp(w->wait, "idle")) result = wait_idle(w);
  return result;
}

static exit_code send_prompt(sending *w, char *text) {
  ProtobufCBinaryData ids[OPTIONS_LIST_MAX];
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
  result = send_files(w);
  prompt.attachment_ids = ids;
  for (size_t i = 0; i < w->files_count; i++)
    ids[prompt.n_attachment_ids++] =
        (ProtobufCBinaryData){sizeof w->files[i].id.bytes, w->files[i].id.bytes};
  if (!result) result = submit(w, &command);
  for (size_t i = 0; i < w->files_count; i++) file_upload_end(&w->files[i]);
  act_close(&w->act);
  return result;
}

int command_send(int argc, char **argv) {
  static sending w;
  const option options[] = {
      {"attach", OPTION_LIST, &w.paths, "FILE",
       "send a file along, at most 10 MiB; up to 16 times. The agent gets it as an image, as text "
       "or as a link, as it can",
       NULL},
      {"steer", OPTION_FLAG, &w.steer, NULL, "put it into the running turn instead of the queue",
       NULL},
      {"wait", OPTION_OPTIONAL, &w.wait, "outcome|idle",
       "wait until it is applied (outcome, the default), or until its turn has ended (idle)",
       "outcome"},
      ACT_OPTIONS(w.act),
  };
  const option_usage usage = {
      "remote send [SESSION] [--attach FILE]... TEXT|-",
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
  else if (!check_files(&w))
    result = EXIT_CODE_FAILURE;
  else
    result = send_prompt(&w, text);
  free(text);
  return result;
}
