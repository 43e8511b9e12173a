/* Reads requests from stdin, one JSON-RPC message a line, and serves them while turns go on. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define LINE_BYTES_MAX (32u * 1024u * 1024u)

demo_agent demo;
static volatile sig_atomic_t asked_to_stop;

uint64_t demo_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- methods ---- */

static demo_session *session_of(json_t *id, const json_t *params) {
  demo_session *session =
      demo_session_find(json_string_value(json_object_get(params, "sessionId")));
  if (session == NULL && id != NULL) demo_send_error(id, -32002, "no such session");
  return session;
}

static void on_initialize(json_t *id, const json_t *params) {
  const json_t *capabilities = json_object_get(params, "clientCapabilities");
  const json_t *elicitation = json_object_get(capabilities, "elicitation");
  demo.client_has_forms = json_is_object(json_object_get(elicitation, "form"));
  json_t *methods = json_array();
  if (demo.wants_sign_in)
    json_array_append_new(methods, json_pack("{s:s,s:s,s:s}", "id", "demo", "name", "Demo sign-in",
                                             "description", "needs nothing"));
  demo_send_result(
      id, json_pack("{s:i,s:{s:b,s:{s:b,s:b,s:b},s:{s:{},s:{}}},s:o,s:{s:s,s:s,s:s}}",
                    "protocolVersion", 1, "agentCapabilities", "loadSession", 1,
                    "promptCapabilities", "image", demo.takes_images, "audio", demo.takes_sounds,
                    "embeddedContext", demo.takes_texts, "sessionCapabilities", "resume", "close",
                    "authMethods", methods, "agentInfo", "name", "remote-demo-agent", "title",
                    "Demo agent", "version", "1.0.0"));
}

static void announce(demo_session *session) {
  demo_send_update(session, json_pack("{s:s,s:[{s:s,s:s},{s:s,s:s}]}", "sessionUpdate",
                                      "available_commands_update", "availableCommands", "name",
                                      "help", "description", "Says what a prompt can be", "name",
                                      "compact", "description", "Compacts the context"));
}

static json_t *session_facts(const demo_session *session) {
  return json_pack("{s:o,s:o}", "modes", demo_session_modes(session), "configOptions",
                   demo_session_options(session));
}

static void on_authenticate(json_t *id, const json_t *params) {
  const char *method = json_string_value(json_object_get(params, "methodId"));
  if (method == NULL || strcmp(method, "demo") != 0) {
    demo_send_error(id, -32602, "no such method");
    return;
  }
  demo.wants_sign_in = false;
  demo_send_result(id, json_object());
}

static void on_session_new(json_t *id, const json_t *params) {
  if (demo.wants_sign_in) {
    demo_send_error(id, -32000, "Authentication required");
    return;
  }
  const char *cwd = json_string_value(json_object_get(params, "cwd"));
  if (cwd == NULL || cwd[0] != '/') {
    demo_send_error(id, -32602, "cwd must be an absolute path");
    return;
  }
  demo_session *session = demo_session_new(cwd);
  if (session == NULL) {
    demo_send_error(id, -32603, "no room for another session");
    return;
  }
  json_t *result = session_facts(session);
  json_object_set_new(result, "sessionId", json_string(session->id));
  demo_send_result(id, result);
  announce(session);
}

static void session_open(json_t *id, const json_t *params, bool replay) {
  const char *name = json_string_value(json_object_get(params, "sessionId"));
  const char *cwd = json_string_value(json_object_get(params, "cwd"));
  demo_session *session =
      name != NULL ? demo_session_load(name, cwd != NULL ? cwd : "/", replay) : NULL;
  if (session == NULL) {
    demo_send_error(id, -32002, "no such session");
    return;
  }
  demo_send_result(id, session_facts(session));
  announce(session);
}

static void on_session_load(json_t *id, const json_t *params) { session_open(id, params, true); }
static void on_session_resume(json_t *id, const json_t *params) { session_open(id, params, false); }

static void on_prompt(json_t *id, const json_t *params) {
  demo_session *session = session_of(id, params);
  if (session == NULL) return;
  if (session->turn.running) {
    demo_send_error(id, -32600, "a turn is running");
    return;
  }
  char *script = strdup("");
  size_t i;
  json_t *block;
  json_array_foreach(json_object_get(params, "prompt"), i, block) {
    const char *text = json_string_value(json_object_get(block, "text"));
    char *joined;
    if (text == NULL) continue;
    if (asprintf(&joined, "%s%s%s", script, *script != '\0' ? "\n" : "", text) < 0) exit(1);
    free(script);
    script = joined;
  }
  demo_files_take(&session->turn, json_object_get(params, "prompt"));
  demo_turn_start(session, id, script);
  free(script);
}

static void on_cancel(json_t *id, const json_t *params) {
  demo_session *session = session_of(id, params);
  if (session != NULL) demo_turn_cancel(session);
}

static void on_set_mode(json_t *id, const json_t *params) {
  demo_session *session = session_of(id, params);
  if (session == NULL) return;
  if (demo_session_set_mode(session, json_string_value(json_object_get(params, "modeId"))))
    demo_send_result(id, json_object());
  else
    demo_send_error(id, -32602, "no such mode");
}

static void on_set_option(json_t *id, const json_t *params) {
  demo_session *session = session_of(id, params);
  const char *option = json_string_value(json_object_get(params, "configId"));
  const char *value = json_string_value(json_object_get(params, "value"));
  if (session == NULL) return;
  bool good =
      option != NULL && ((strcmp(option, "model") == 0 && demo_session_set_model(session, value)) ||
                         (strcmp(option, "mode") == 0 && demo_session_set_mode(session, value)));
  if (good)
    demo_send_result(id, json_pack("{s:o}", "configOptions", demo_session_options(session)));
  else
    demo_send_error(id, -32602, "no such option or value");
}

static void on_close(json_t *id, const json_t *params) {
  demo_session *session = session_of(id, params);
  if (session == NULL) return;
  demo_turn_cancel(session);
  demo_session_free(session);
  demo_send_result(id, json_object());
}

static const struct {
  const char *method;
  void (*serve)(json_t *id, const json_t *params);
  bool notification;
} methods[] = {
    {"initialize", on_initialize, false},
    {"authenticate", on_authenticate, false},
    {"session/new", on_session_new, false},
    {"session/load", on_session_load, false},
    {"session/resume", on_session_resume, false},
    {"session/prompt", on_prompt, false},
    {"session/cancel", on_cancel, true},
    {"session/set_mode", on_set_mode, false},
    {"session/set_config_option", on_set_option, false},
    {"session/close", on_close, false},
};

/* ---- messages ---- */

static void on_response(const json_t *message) {
  const json_t *id = json_object_get(message, "id");
  for (size_t i = 0; i < DEMO_SESSIONS_MAX; i++) {
    demo_session *session = demo.sessions[i];
    if (session == NULL || session->turn.wait != DEMO_WAIT_ANSWER) continue;
    if (!json_is_integer(id) || json_integer_value(id) != session->turn.request_id) continue;
    demo_turn_answer(session, json_object_get(message, "result"),
                     json_object_get(message, "error"));
    return;
  }
}

static void on_message(json_t *message) {
  json_t *id = json_object_get(message, "id");
  const char *method = json_string_value(json_object_get(message, "method"));
  const char *version = json_string_value(json_object_get(message, "jsonrpc"));
  if (!json_is_object(message) || version == NULL || strcmp(version, "2.0") != 0) {
    demo_send_error(json_is_object(message) ? id : NULL, -32600, "not a JSON-RPC 2.0 message");
    return;
  }
  if (method == NULL) {
    if (json_object_get(message, "result") != NULL || json_object_get(message, "error") != NULL)
      on_response(message);
    else
      demo_send_error(id, -32600, "neither a request nor a response");
    return;
  }
  for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
    if (strcmp(methods[i].method, method) != 0) continue;
    if (id != NULL || methods[i].notification)
      methods[i].serve(id, json_object_get(message, "params"));
    return;
  }
  if (id != NULL) demo_send_error(id, -32601, "method not found");
}

static void on_line(const char *line, size_t bytes) {
  while (bytes > 0 && (line[bytes - 1] == '\r' || line[bytes - 1] == ' ')) bytes--;
  if (bytes == 0) return;
  json_t *message = json_loadb(line, bytes, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
  if (message == NULL) {
    demo_send_error(NULL, -32700, "not JSON");
    return;
  }
  on_message(message);
  json_decref(message);
}

static struct {
  char *data;
  size_t bytes, room;
  bool skipping;
} input;

/* False: end of input. */
static bool read_input(void) {
  if (input.room - input.bytes < 65536) {
    input.room = input.room * 2 + 131072;
    input.data = realloc(input.data, input.room);
    if (input.data == NULL) exit(1);
  }
  ssize_t n = read(0, input.data + input.bytes, 65536);
  if (n < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (n <= 0) {
    if (input.bytes > 0 && !input.skipping) on_line(input.data, input.bytes);
    return false;
  }
  input.bytes += (size_t)n;
  size_t start = 0;
  char *end;
  while ((end = memchr(input.data + start, '\n', input.bytes - start)) != NULL) {
    size_t stop = (size_t)(end - input.data);
    if (!input.skipping) on_line(input.data + start, stop - start);
    input.skipping = false;
    start = stop + 1;
  }
  memmove(input.data, input.data + start, input.bytes - start);
  input.bytes -= start;
  if (input.bytes > LINE_BYTES_MAX) {
    if (!input.skipping) demo_send_error(NULL, -32600, "message too large");
    input.skipping = true;
    input.bytes = 0;
  }
  return true;
}

static int wait_ms(void) {
  uint64_t now = demo_now_ms(), least = UINT64_MAX;
  for (size_t i = 0; i < DEMO_SESSIONS_MAX; i++) {
    const demo_session *session = demo.sessions[i];
    if (session == NULL || session->turn.wait != DEMO_WAIT_TIME) continue;
    uint64_t left = session->turn.due_ms > now ? session->turn.due_ms - now : 0;
    if (left < least) least = left;
  }
  return least == UINT64_MAX ? -1 : least > 60000 ? 60000 : (int)least;
}

static void stop(int number) {
  (void)number;
  asked_to_stop = 1;
}

static void serve(void) {
  for (;;) {
    struct pollfd fds[DEMO_SESSIONS_MAX + 1];
    fds[0] = (struct pollfd){.fd = 0, .events = POLLIN};
    for (size_t i = 0; i < DEMO_SESSIONS_MAX; i++) {
      const demo_session *session = demo.sessions[i];
      fds[i + 1] =
          (struct pollfd){.fd = session != NULL ? session->turn.child_fd : -1, .events = POLLIN};
    }
    int ready = poll(fds, DEMO_SESSIONS_MAX + 1, wait_ms());
    if (asked_to_stop) return;
    if (ready < 0 && errno != EINTR) return;
    for (size_t i = 0; i < DEMO_SESSIONS_MAX; i++) {
      demo_session *session = demo.sessions[i];
      if (session == NULL || !session->turn.running) continue;
      if (ready > 0 && fds[i + 1].revents != 0 && session->turn.child_fd == fds[i + 1].fd)
        demo_child_readable(session);
      demo_turn_run(session);
    }
    if (ready > 0 && fds[0].revents != 0 && !read_input()) return;
  }
}

static const char usage[] =
    "usage: remote-demo-agent [FLAGS]\n"
    "\n"
    "An agent without a model: it speaks ACP on standard input and output, and its prompts are\n"
    "scripts. Write /help as a prompt for the steps.\n"
    "\n"
    "  --takes-images            images come with prompts as they are, not as links\n"
    "  --takes-sounds            so do sounds\n"
    "  --takes-texts             so do texts\n"
    "  --wants-sign-in           no session before `authenticate`\n"
    "  --version                 its version\n";

/* False: there is no such flag. */
static bool take_flag(const char *flag) {
  const struct {
    const char *flag;
    bool *on;
  } flags[] = {{"--takes-images", &demo.takes_images},
               {"--takes-sounds", &demo.takes_sounds},
               {"--takes-texts", &demo.takes_texts},
               {"--wants-sign-in", &demo.wants_sign_in}};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
    if (strcmp(flags[i].flag, flag) != 0) continue;
    *flags[i].on = true;
    return true;
  }
  return false;
}

int main(int argc, char **argv) {
  if (argc > 1 && strcmp(argv[1], "--version") == 0) return puts("remote-demo-agent 1.0.0") < 0;
  if (argc > 1 && strcmp(argv[1], "--help") == 0) return fputs(usage, stdout) < 0;
  for (int i = 1; i < argc; i++) {
    if (take_flag(argv[i])) continue;
    fprintf(stderr, "remote-demo-agent: unknown flag %s; --help lists them\n", argv[i]);
    return 2;
  }
  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  serve();
  for (size_t i = 0; i < DEMO_SESSIONS_MAX; i++)
    if (demo.sessions[i] != NULL) demo_session_free(demo.sessions[i]);
  free(input.data);
  return 0;
}
