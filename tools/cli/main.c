/* `remote`: one command for people. Finds the sub-command and hands over. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "config.h"
#include "exit_code.h"
#include "options.h"
#include "private_process.h"
#include "terminal_text.h"
#include "command_host.h"

typedef struct command {
  const char *name;
  int (*run)(int argc, char **argv);
  const char *synopsis;
  const char *summary;
} command;

static const command commands[] = {
    {"host", command_host, "[FLAGS] -- AGENT [ARGS]", "run an agent here and let others watch it"},
    {"ls", command_ls, "[--json]", "list sessions, newest activity first"},
    {"attach", command_attach, "[SESSION]", "watch and steer in this terminal"},
    {"watch", command_watch, "[SESSION] [--json]", "print events as they come, for scripts"},
    {"send", command_send, "[SESSION] TEXT|-", "send a prompt, with files if wanted"},
    {"asks", command_asks, "[SESSION]", "list what waits for a person"},
    {"approve", command_approve, "[SESSION] [ASK]", "say yes, once"},
    {"deny", command_deny, "[SESSION] [ASK]", "say no, once"},
    {"answer", command_answer, "[SESSION] ASK OPTION", "answer a question, plan or form"},
    {"mode", command_mode, "[SESSION] [MODE]", "list modes or switch"},
    {"config", command_config, "[SESSION] [KEY [VALUE]]", "list the agent's options or set one"},
    {"slash", command_slash, "[SESSION] [/CMD [ARGS]]", "list slash commands or run one"},
    {"rename", command_rename, "[SESSION] TITLE", "give a session a title"},
    {"cancel", command_cancel, "[SESSION]", "cancel the running turn"},
    {"probe", command_probe, "[SESSION]", "test whether commands get through right now"},
    {"withdraw", command_withdraw, "[SESSION] COMMAND", "take back a command not yet begun"},
    {"asset", command_asset, "[SESSION] ID [-o FILE]", "fetch an image, file or long text"},
    {"inspect", command_inspect, "[FILE|-]", "print captured frames and messages readably"},
    {"login", command_login, "[URL]", "sign this device in to a relay"},
    {"logout", command_logout, "[--everywhere]", "sign this device out"},
    {"devices", command_devices, "[confirm CODE]", "list devices; confirm, revoke or rename one"},
    {"policy", command_policy, "[get|explain|set …]", "what policy allows, and who decided"},
    {"audit", command_audit, "[--json] [--follow]", "who did what with the account's sessions"},
    {"rm", command_rm, "SESSION...", "delete sessions from the relay"},
    {"completion", command_completion, "bash|zsh|fish", "print a shell's completion script"},
    {NULL, NULL, NULL, NULL}};
/* More than there will ever be. */
enum { COMMANDS_MAX = 64 };

int (*command_find(const char *name))(int argc, char **argv) {
  for (size_t i = 0; commands[i].name; i++)
    if (!strcmp(name, commands[i].name)) return commands[i].run;
  return NULL;
}

void commands_each(void (*take)(void *user, const char *name, const char *summary), void *user) {
  for (size_t i = 0; commands[i].name; i++) take(user, commands[i].name, commands[i].summary);
}

static void print_help(FILE *to) {
  fputs("usage: remote COMMAND [FLAGS] [WORDS]\n\n", to);
  for (size_t i = 0; commands[i].name; i++)
    fprintf(to, "  %-11s%-26s%s\n", commands[i].name, commands[i].synopsis, commands[i].summary);
  fputs(
      "\n`remote COMMAND --help` shows its flags. SESSION and ASK may be cut to any unique\n"
      "prefix; without SESSION the only live one is meant. --relay, --token-file, --config,\n"
      "--timeout, --capture, --tls-ca, --tls-cert, --tls-key and --insecure are understood by "
      "every\n"
      "command, also in front of it. `remote --help-config` lists the keys of config.ini.\n\n"
      "Exit codes: 0 done, 1 failure, 2 usage, 3 unreachable, 4 not allowed, 5 not found,\n"
      "6 rejected or superseded, 7 expired or withdrawn, 8 unknown.\n",
      to);
}

static void print_config_keys(FILE *to) {
#define PRINT_KEY(key, list, help) \
  fprintf(to, "%s%s\n    %s\n", #key, list ? " (may be repeated)" : "", help);
  CONFIG_KEYS(PRINT_KEY)
#undef PRINT_KEY
}

static int unknown_command(const char *word) {
  const char *names[COMMANDS_MAX];
  size_t count = 0;
  char shown[64];
  for (; count < COMMANDS_MAX && commands[count].name; count++) names[count] = commands[count].name;
  const char *near = options_nearest(word, names, count);
  terminal_text_copy(shown, sizeof shown, word, strlen(word), TERMINAL_TEXT_ONE_LINE);
  fprintf(stderr, "remote: there is no command `%s`", shown);
  if (near) fprintf(stderr, "; did you mean `%s`?", near);
  fputs("\nTry `remote --help`.\n", stderr);
  return EXIT_CODE_USAGE;
}

/* Flags that every command takes may stand in front of it: they are moved behind its name. Returns
 * how many words they are. */
static int leading_flags(int argc, char **argv) {
  static const char *const names[] = {"--relay",    "--token-file", "--config",
                                      "--timeout",  "--capture",    "--tls-ca",
                                      "--tls-cert", "--tls-key",    "--insecure"};
  size_t bare = sizeof names / sizeof *names - 1; /* takes no value */
  int count = 0;
  for (bool found = true; found && 1 + count < argc;) {
    const char *word = argv[1 + count];
    size_t bytes = strcspn(word, "=");
    found = false;
    for (size_t i = 0; i < sizeof names / sizeof *names && !found; i++) {
      found = strlen(names[i]) == bytes && !strncmp(word, names[i], bytes);
      if (found) count += word[bytes] || i == bare ? 1 : 2;
    }
  }
  return 1 + count < argc ? count : 0;
}

int main(int argc, char **argv) {
  private_process();
  signal(SIGPIPE, SIG_IGN);
  if (argc < 2) {
    print_help(stderr);
    return EXIT_CODE_USAGE;
  }
  if (!strcmp(argv[1], "__complete")) return command_complete(argc - 1, argv + 1);
  int leading = leading_flags(argc, argv);
  char *name = argv[1 + leading];
  memmove(argv + 2, argv + 1, (size_t)leading * sizeof *argv);
  argv[1] = name;
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
    print_help(stdout);
    return EXIT_CODE_DONE;
  }
  if (!strcmp(argv[1], "--help-config")) {
    print_config_keys(stdout);
    return EXIT_CODE_DONE;
  }
  if (!strcmp(argv[1], "--version")) {
    puts("remote " REMOTE_VERSION);
    return EXIT_CODE_DONE;
  }
  int (*run)(int, char **) = command_find(argv[1]);
  return run ? run(argc - 1, argv + 1) : unknown_command(argv[1]);
}
