/* $XDG_CONFIG_HOME/remote/config.ini: `key = value` lines; `#` and `;` begin a comment line. Keys
 * that may be given several times are lists. A key that is not known is named in a warning and
 * otherwise ignored, so an older program reads a newer file. */
#ifndef REMOTE_CLI_CONFIG_H
#define REMOTE_CLI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_FILE_BYTES_MAX (64 * 1024)
#define CONFIG_ENTRIES_MAX 256

/* X(key, list, help) — every key there is; `remote --help-config` prints this table. */
#define CONFIG_KEYS(X)                                                                         \
  X(relay, false, "address of the relay: tls://HOST:PORT, wss://HOST, unix:///PATH ...")       \
  X(token_file, false, "file that holds this device's token; mode 0600")                       \
  X(tls_ca, false, "file of CA certificates (PEM) to trust instead of the system's")           \
  X(tls_cert, false, "file with this device's certificate, for a relay that wants one")        \
  X(tls_key, false, "file with its private key; mode 0600")                                    \
  X(insecure, false, "on: connect unencrypted to another machine")                             \
  X(remote, false, "what `remote host` allows without --remote: off (default), view, control") \
  X(name, false, "title of new sessions")                                                      \
  X(keep_alive, false,                                                                         \
    "what `remote host` does without --keep-alive: off (default), on, busy, a "                \
    "duration such as 30m; a resumed session goes on with its own")                            \
  X(remote_safe_slash_commands, true,                                                          \
    "slash commands that remote people may run, names without "                                \
    "the slash, separated by spaces or commas")                                                \
  X(elevating_modes, true,                                                                     \
    "modes and option values that reduce asking and so cannot be chosen "                      \
    "from afar, besides the built-in list; separated by spaces or commas")                     \
  X(redact, true,                                                                              \
    "regular expression; what matches is removed from all that leaves this machine "           \
    "(docs/redaction.md)")                                                                     \
  X(redact_allow, true,                                                                        \
    "regular expression; a secret that it matches as a whole stays (false alarms)")            \
  X(redact_defaults, false, "off: do not remove the built-in shapes of secrets")               \
  X(screen_reader, false,                                                                      \
    "on: the terminal gets lines only, nothing is drawn again, and everything is said in "     \
    "words; else ACCESSIBLE in the environment decides")                                       \
  X(bell, false,                                                                               \
    "off (default), asks: ring when the agent asks something, all: and when a turn ends")      \
  X(timeout, false, "seconds that a command waits for the relay (default 10)")

typedef struct config_entry {
  const char *key; /* one of the table, static */
  char *value;     /* owned by the config; trimmed, quotes removed */
  unsigned line;
} config_entry;

typedef struct remote_config {
  config_entry entries[CONFIG_ENTRIES_MAX];
  size_t count;
  char *text; /* owns all values */
} remote_config;

/* Reads `path`; NULL: the default one, which may be missing (a named one may not). Warnings go to
 * `warn` one line each. 0, or -1 with a text that says what to do. */
int config_load(remote_config *out, const char *path, void (*warn)(void *user, const char *line),
                void *user, char *error, size_t error_bytes);
/* As config_load, from memory; `name` stands for the file in messages. */
int config_parse(remote_config *out, const char *text, size_t bytes, const char *name,
                 void (*warn)(void *user, const char *line), void *user, char *error,
                 size_t error_bytes);
void config_free(remote_config *config);

/* The value of a single key (the last one given); NULL: not given. */
const char *config_get(const remote_config *config, const char *key);
/* The index-th value of a list key, from 0; NULL: no more. */
const char *config_item(const remote_config *config, const char *key, size_t index);
/* `word` is in a list key whose values are words separated by spaces or commas. */
bool config_has_word(const remote_config *config, const char *key, const char *word);

/* Prints a warning to standard error; fits `warn`. */
void config_warn_stderr(void *user, const char *line);

#endif
