#include <stdio.h>

#include "host_app.h"
#include "options.h"

bool host_remote_mode(const char *word, uint32_t *mode) {
  if (strcmp(word, "off") == 0)
    *mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_OFF;
  else if (strcmp(word, "view") == 0)
    *mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_VIEW;
  else if (strcmp(word, "control") == 0 || strcmp(word, "on") == 0)
    *mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL;
  else
    return false;
  return true;
}

const char *host_remote_word(uint32_t mode) {
  if (mode == REMOTE__V1__REMOTE_MODE__REMOTE_MODE_VIEW) return "view";
  return mode == REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL ? "control" : "off";
}

/* What is wrong with the combination; NULL: nothing. */
static const char *contradiction(const host_options *o, bool continuing) {
  if (o->prompt != NULL && o->headless) return "--prompt and --headless exclude each other";
  if (continuing && o->resume != NULL) return "--resume and --continue exclude each other";
  if (o->agent == NULL && !o->resuming)
    return "which agent? Put it behind --, for example: remote host -- remote-demo-agent";
  return NULL;
}

exit_code host_options_parse(int argc, char **argv, host_options *out, bool *help) {
  const char *keep_alive = NULL, *remote = NULL, *config_path = NULL;
  char error[1024];
  bool continuing = false;
  option_list directories = {.count = 0};
  memset(out, 0, sizeof *out);
  *help = false;
  const option flags[] = {
      {"relay", OPTION_VALUE, &out->relay, "URL",
       "the relay (default: REMOTE_RELAY, config.ini, the one of this user here)"},
      {"name", OPTION_VALUE, &out->name, "TITLE", "title of the session in lists"},
      {"remote", OPTION_OPTIONAL, &remote, "off|view|control",
       "what remote people may do; alone: control", "control"},
      {"headless", OPTION_FLAG, &out->headless, NULL,
       "no local surface: log lines on standard output, asks are answered remotely"},
      {"resume", OPTION_MAYBE, &out->resume, "ID",
       "go on with an earlier session; alone: the newest", ""},
      {"continue", OPTION_FLAG, &continuing, NULL, "go on with the newest session of this folder"},
      {"keep-alive", OPTION_VALUE, &keep_alive, "off|on|busy|30m|8h|1d",
       "keep this machine awake: always, while a turn runs, or so long (a bare number: minutes)"},
      {"prompt", OPTION_VALUE, &out->prompt, "TEXT", "one prompt, then end; never remote"},
      {"mcp-config", OPTION_VALUE, &out->mcp_config, "FILE",
       "tool servers (MCP) for the agent: JSON with \"mcpServers\""},
      {"add-dir", OPTION_LIST, &directories, "DIR",
       "a further folder for the agent to work in; may be repeated"},
      {"sign-in", OPTION_VALUE, &out->sign_in, "WAY",
       "sign in to the agent this way, if it asks: a number, id or name of its list"},
      {"token-file", OPTION_VALUE, &out->token_file, "FILE", "this device's token"},
      TRUST_OPTIONS(out->trust),
      {"screen-reader", OPTION_FLAG, &out->screen_reader, NULL,
       "lines only, nothing is drawn again, everything is said in words"},
      {"config", OPTION_VALUE, &config_path, "FILE", "configuration instead of the usual one"},
      {"capture", OPTION_VALUE, &out->capture, "FILE",
       "add what passes over the wire to FILE, for `remote inspect`, without credentials "
       "(default: REMOTE_CAPTURE)"},
  };
  const option_usage usage = {
      "remote host [FLAGS] -- AGENT [ARGS]",
      "Runs an ACP agent here, with this terminal as one of its surfaces. With --remote it can\n"
      "be watched and steered from other devices of the same account.",
      flags, sizeof flags / sizeof *flags, true};
  option_words words;
  option_result result = options_parse(&usage, argc, argv, &words);
  *help = result == OPTION_HELP;
  if (result == OPTION_HELP) return EXIT_CODE_DONE;
  if (result != OPTION_OK) return EXIT_CODE_USAGE;
  if (words.count > 0)
    return (exit_code)options_wrong(&usage, "what is \"%s\"? The agent goes behind --",
                                    words.words[0]);
  out->agent = words.rest_count > 0 ? words.rest : NULL;
  out->directory_count = directories.count;
  memcpy(out->directories, directories.items, sizeof directories.items);
  out->resuming = continuing || out->resume != NULL;
  const char *wrong = contradiction(out, continuing);
  if (wrong != NULL) return (exit_code)options_wrong(&usage, "%s", wrong);
  out->remote_given = remote != NULL;
  if (config_load(&out->config, config_path, config_warn_stderr, NULL, error, sizeof error) != 0) {
    fprintf(stderr, "remote: %s\n", error);
    return EXIT_CODE_FAILURE;
  }
  if (remote == NULL) remote = config_get(&out->config, "remote");
  if (remote == NULL) remote = "off";
  if (!host_remote_mode(remote, &out->remote_mode))
    return (exit_code)options_wrong(&usage, "--remote is off, view or control, not \"%s\"", remote);
  out->keep_alive_given = keep_alive != NULL;
  if (keep_alive == NULL) keep_alive = config_get(&out->config, "keep_alive");
  if (!keep_alive_parse(keep_alive != NULL ? keep_alive : "off", &out->keep_alive))
    return (exit_code)options_wrong(&usage, "--keep-alive is " KEEP_ALIVE_VALUES ", not \"%s\"",
                                    keep_alive);
  if (out->name == NULL) out->name = config_get(&out->config, "name");
  return EXIT_CODE_DONE;
}
