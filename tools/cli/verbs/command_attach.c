/* `remote attach`: joins the terminal and the session. */
#include <string.h>

#include "attach.h"
#include "commands.h"
#include "paths.h"

/* Without a keyboard it ends when everything that was sent has its outcome. */
static bool is_over(void *user) {
  const attaching *a = user;
  if (a->quit || a->session.closed || surface_output_lost(a->surface)) return true;
  return a->input_over && a->greeted && a->files_prompt == NULL &&
         !remote_session_paging(&a->session) && lrm_client_pending(a->session.client) == 0;
}

static bool is_flushed(void *user) {
  const attaching *a = user;
  return surface_flushed(a->surface);
}

static bool open_surface(attaching *a) {
  const remote_config *configured = &a->connection.config;
  static char history[PATH_BYTES_MAX];
  surface_config config = {.kind = SURFACE_TERMINAL,
                           .remote = true,
                           .screen_reader = surface_wants_screen_reader(
                               a->screen_reader, config_get(configured, "screen_reader"))};
  if (!surface_bell_from(config_get(configured, "bell"), &config.bell)) {
    fputs("remote: config.ini: bell is off, asks or all\n", stderr);
    return false;
  }
  if (path_state(history, "history") == 0) config.history = history;
  a->surface = surface_create(&a->connection.loop, &config, &attach_surface_owner, a);
  return true;
}

static void say_pending(size_t pending) {
  if (pending == 0) return;
  fprintf(stderr, "remote: %zu command%s had no outcome yet; what is stored goes on without you\n",
          pending, pending == 1 ? "" : "s");
}

static exit_code attach(attaching *a) {
  remote_session_config config = {.ops = &attach_session_ops, .user = a};
  a->host_attached = a->may_steer = -1;
  exit_code result =
      remote_session_connect(&a->connection, &a->session, &a->flags, a->session_word, &config);
  if (result) return result;
  bool over = false;
  if (open_surface(a)) {
    attach_touch(a);
    over = connection_wait(&a->connection, is_over, a, CONNECTION_FOREVER);
    /* The last words, as far as somebody takes them. */
    if (!a->connection.interrupted) (void)connection_wait(&a->connection, is_flushed, a, 2000);
  } else {
    result = EXIT_CODE_USAGE;
  }
  size_t pending = lrm_client_pending(a->session.client);
  surface_destroy(a->surface);
  a->surface = NULL;
  if (result == EXIT_CODE_DONE && (a->session.closed || (!over && a->connection.failed)))
    result = remote_session_explain(&a->session);
  say_pending(pending);
  attach_leave(a);
  remote_session_close(&a->session);
  connection_close(&a->connection);
  attach_free_commands(a);
  attach_free_files(a);
  return result;
}

int command_attach(int argc, char **argv) {
  static attaching a;
  const option options[] = {
      {"session", OPTION_VALUE, &a.session_word, "SESSION", "which session", NULL},
      {"screen-reader", OPTION_FLAG, &a.screen_reader, NULL,
       "lines only, nothing is drawn again, everything is said in words", NULL},
      CONNECTION_OPTIONS(a.flags),
  };
  const option_usage usage = {"remote attach [SESSION]",
                              "Watches and steers a session in this terminal; /help there lists "
                              "what can be written.",
                              options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count > 1 || (words.count && a.session_word))
    return options_wrong(&usage, "too many words");
  if (words.count) a.session_word = words.words[0];
  return attach(&a);
}
