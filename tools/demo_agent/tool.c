/* The two steps that touch the machine: RUN and EDIT. Both ask first. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demo.h"

/* allow_always comes first on purpose: a client that takes the first option for "yes" errs. */
static json_t *permission_options(const char *what) {
  char always[64];
  snprintf(always, sizeof always, "Always allow %s", what);
  return json_pack("[{s:s,s:s,s:s},{s:s,s:s,s:s},{s:s,s:s,s:s}]", "optionId", "always", "name",
                   always, "kind", "allow_always", "optionId", "once", "name", "Allow once", "kind",
                   "allow_once", "optionId", "reject", "name", "Reject", "kind", "reject_once");
}

static json_t *output_content(const demo_turn *turn) {
  return json_pack("[{s:s,s:o}]", "type", "content", "content",
                   demo_text_block(turn->output != NULL ? turn->output : "", turn->output_bytes));
}

static json_t *diff_content(const demo_turn *turn) {
  json_t *diff =
      json_pack("{s:s,s:s,s:s}", "type", "diff", "path", turn->command, "newText", turn->new_text);
  json_object_set_new(diff, "oldText", turn->new_file ? json_null() : json_string(turn->old_text));
  return json_pack("[o]", diff);
}

static bool is_edit(const demo_turn *turn) { return turn->new_text != NULL; }

static json_t *tool_fields(const demo_turn *turn, const char *status) {
  char title[200];
  snprintf(title, sizeof title, "%s%s", is_edit(turn) ? "Edit " : "", turn->command);
  json_t *shown = json_string(title);
  if (shown == NULL) shown = json_string(is_edit(turn) ? "Edit" : "Run"); /* cut inside a letter */
  json_t *fields = json_pack("{s:s,s:o,s:s,s:s}", "toolCallId", turn->tool_id, "title", shown,
                             "kind", is_edit(turn) ? "edit" : "execute", "status", status);
  if (is_edit(turn)) {
    json_object_set_new(fields, "content", diff_content(turn));
    json_object_set_new(fields, "locations", json_pack("[{s:s}]", "path", turn->command));
  } else {
    json_object_set_new(fields, "rawInput", json_pack("{s:s}", "command", turn->command));
  }
  return fields;
}

static void ask_permission(demo_session *session) {
  demo_turn *turn = &session->turn;
  json_t *params =
      json_pack("{s:s,s:o,s:o}", "sessionId", session->id, "toolCall", tool_fields(turn, "pending"),
                "options", permission_options(is_edit(turn) ? "edits" : "commands"));
  turn->request_id = demo_send_request("session/request_permission", params);
  turn->wait = DEMO_WAIT_ANSWER;
}

static void tool_begin(demo_session *session, bool allowed_always) {
  demo_turn *turn = &session->turn;
  snprintf(turn->tool_id, sizeof turn->tool_id, "call-%u", ++session->counter);
  json_t *update = tool_fields(turn, "pending");
  json_object_set_new(update, "sessionUpdate", json_string("tool_call"));
  demo_send_update(session, update);
  if (strcmp(session->mode, "plan") == 0)
    demo_tool_close(session, "failed", "Refused: plan mode.");
  else if (allowed_always || strcmp(session->mode, "bypassPermissions") == 0)
    demo_tool_decided(session, "once");
  else
    ask_permission(session);
}

void demo_run_begin(demo_session *session, const char *command) {
  session->turn.command = strdup(command);
  tool_begin(session, session->always_run);
}

static char *read_file(const char *path) {
  FILE *file = fopen(path, "re");
  if (file == NULL) return NULL;
  char *text = NULL;
  size_t bytes = 0;
  FILE *memory = open_memstream(&text, &bytes);
  char block[4096];
  size_t n;
  while ((n = fread(block, 1, sizeof block, file)) > 0) fwrite(block, 1, n, memory);
  fclose(memory);
  fclose(file);
  return text;
}

/* The first `from` in `text` becomes `to`; without one, `to` is appended. */
static char *replace_first(const char *text, const char *from, const char *to) {
  const char *at = *from != '\0' ? strstr(text, from) : NULL;
  char *out = NULL;
  if (at == NULL) return asprintf(&out, "%s%s", text, to) < 0 ? NULL : out;
  int head = (int)(at - text);
  return asprintf(&out, "%.*s%s%s", head, text, to, at + strlen(from)) < 0 ? NULL : out;
}

void demo_edit_begin(demo_session *session, const char *arguments) {
  demo_turn *turn = &session->turn;
  const char *space = strchr(arguments, ' ');
  const char *arrow = space != NULL ? strstr(space, "=>") : NULL;
  if (arrow == NULL) {
    demo_say(session, "EDIT needs: EDIT path old=>new", false);
    return;
  }
  char *path = strndup(arguments, (size_t)(space - arguments));
  char *from = strndup(space + 1, (size_t)(arrow - space - 1));
  if (path[0] == '/') {
    turn->command = path;
  } else {
    if (asprintf(&turn->command, "%s/%s", session->cwd, path) < 0) exit(1);
    free(path);
  }
  turn->old_text = read_file(turn->command);
  turn->new_file = turn->old_text == NULL;
  if (turn->new_file) turn->old_text = strdup("");
  turn->new_text = replace_first(turn->old_text, from, arrow + 2);
  free(from);
  tool_begin(session, session->always_edit);
}

static bool child_start(demo_session *session) {
  demo_turn *turn = &session->turn;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  pid_t pid = fork();
  if (pid < 0) {
    close(ends[0]);
    close(ends[1]);
    return false;
  }
  if (pid == 0) {
    setpgid(0, 0); /* so that a cancel reaches everything the command started */
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(ends[1], 1);
    dup2(ends[1], 2);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(session->cwd) != 0) _exit(126);
    execl("/bin/sh", "sh", "-c", turn->command, (char *)NULL);
    _exit(127);
  }
  setpgid(pid, pid);
  close(ends[1]);
  turn->child = pid;
  turn->child_fd = ends[0];
  turn->wait = DEMO_WAIT_CHILD;
  return true;
}

static bool write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (file == NULL) return false;
  bool good = fputs(text, file) >= 0;
  return fclose(file) == 0 && good;
}

void demo_tool_decided(demo_session *session, const char *option_id) {
  demo_turn *turn = &session->turn;
  turn->wait = DEMO_WAIT_NOTHING;
  if (option_id == NULL || strcmp(option_id, "reject") == 0) {
    demo_tool_close(session, "failed", "Rejected.");
    return;
  }
  if (strcmp(option_id, "always") == 0)
    *(is_edit(turn) ? &session->always_edit : &session->always_run) = true;
  if (is_edit(turn)) {
    bool good = write_file(turn->command, turn->new_text);
    demo_tool_close(session, good ? "completed" : "failed", good ? NULL : strerror(errno));
    return;
  }
  demo_send_update(session, json_pack("{s:s,s:s,s:s}", "sessionUpdate", "tool_call_update",
                                      "toolCallId", turn->tool_id, "status", "in_progress"));
  if (!child_start(session)) demo_tool_close(session, "failed", strerror(errno));
}

/* Bytes of the output that end with a whole UTF-8 letter. */
static size_t whole_letters(const char *text, size_t bytes) {
  size_t back = 0;
  while (back < 4 && back < bytes && ((unsigned char)text[bytes - 1 - back] & 0xC0) == 0x80) back++;
  if (back < bytes) {
    unsigned char lead = (unsigned char)text[bytes - 1 - back];
    size_t need = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (need > back) return bytes - 1 - back;
  }
  return bytes;
}

static void output_add(demo_turn *turn, const char *data, size_t bytes) {
  if (turn->output_bytes + bytes > DEMO_OUTPUT_BYTES_MAX) {
    size_t drop = turn->output_bytes + bytes - DEMO_OUTPUT_BYTES_MAX / 2;
    if (drop > turn->output_bytes) drop = turn->output_bytes;
    memmove(turn->output, turn->output + drop, turn->output_bytes - drop);
    turn->output_bytes -= drop;
  }
  turn->output = realloc(turn->output, turn->output_bytes + bytes + 1);
  if (turn->output == NULL) exit(1);
  memcpy(turn->output + turn->output_bytes, data, bytes);
  turn->output_bytes += bytes;
  turn->output[turn->output_bytes] = '\0';
}

static void child_ended(demo_session *session) {
  demo_turn *turn = &session->turn;
  int status = 0;
  close(turn->child_fd);
  turn->child_fd = -1;
  while (waitpid(turn->child, &status, 0) < 0 && errno == EINTR) continue;
  turn->child = 0;
  turn->wait = DEMO_WAIT_NOTHING;
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  json_t *output = json_stringn(turn->output != NULL ? turn->output : "", turn->output_bytes);
  json_t *update =
      json_pack("{s:s,s:s,s:s,s:o,s:{s:o,s:i}}", "sessionUpdate", "tool_call_update", "toolCallId",
                turn->tool_id, "status", code == 0 ? "completed" : "failed", "content",
                output_content(turn), "rawOutput", "output",
                output != NULL ? output : json_string("(not text)"), "exit_code", code);
  json_t *whole = tool_fields(turn, code == 0 ? "completed" : "failed");
  json_object_update(whole, update);
  json_object_set_new(whole, "sessionUpdate", json_string("tool_call"));
  demo_session_remember(session, whole);
  json_decref(whole);
  demo_send_update(session, update);
  demo_tool_close(session, NULL, NULL);
}

void demo_child_readable(demo_session *session) {
  demo_turn *turn = &session->turn;
  char block[16384];
  ssize_t n = read(turn->child_fd, block, sizeof block);
  if (n < 0 && errno == EINTR) return;
  if (n <= 0) {
    child_ended(session);
    return;
  }
  output_add(turn, block, (size_t)n);
  size_t all = turn->output_bytes;
  turn->output_bytes = whole_letters(turn->output, all);
  demo_send_update(
      session, json_pack("{s:s,s:s,s:s,s:o}", "sessionUpdate", "tool_call_update", "toolCallId",
                         turn->tool_id, "status", "in_progress", "content", output_content(turn)));
  turn->output_bytes = all;
}

void demo_tool_close(demo_session *session, const char *status, const char *text) {
  demo_turn *turn = &session->turn;
  if (turn->tool_id[0] == '\0') return;
  if (status != NULL) {
    json_t *update = json_pack("{s:s,s:s,s:s}", "sessionUpdate", "tool_call_update", "toolCallId",
                               turn->tool_id, "status", status);
    if (text != NULL)
      json_object_set_new(update, "content",
                          json_pack("[{s:s,s:o}]", "type", "content", "content",
                                    demo_text_block(text, strlen(text))));
    json_t *whole = tool_fields(turn, status);
    json_object_update(whole, update);
    json_object_set_new(whole, "sessionUpdate", json_string("tool_call"));
    demo_session_remember(session, whole);
    json_decref(whole);
    demo_send_update(session, update);
  }
  turn->tool_id[0] = '\0';
  free(turn->command);
  free(turn->old_text);
  free(turn->new_text);
  free(turn->output);
  turn->command = turn->old_text = turn->new_text = turn->output = NULL;
  turn->output_bytes = 0;
  turn->wait = DEMO_WAIT_NOTHING;
}

void demo_child_kill(demo_session *session) {
  demo_turn *turn = &session->turn;
  if (turn->child <= 0) return;
  kill(-turn->child, SIGKILL);
  while (waitpid(turn->child, NULL, 0) < 0 && errno == EINTR) continue;
  close(turn->child_fd);
  turn->child = 0;
  turn->child_fd = -1;
}
