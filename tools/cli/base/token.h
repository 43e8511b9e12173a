/* Where this device's token comes from. A token is never shown, and a file that others can read is
 * refused: it is not a secret any more. */
#ifndef REMOTE_CLI_TOKEN_H
#define REMOTE_CLI_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "config.h"
#include "exit_code.h"
#include "paths.h"

#define TOKEN_BYTES_MAX 128

typedef struct device_token {
  char text[TOKEN_BYTES_MAX + 1];
  char source[PATH_BYTES_MAX + 32]; /* for messages: where it was found; never the token */
} device_token;

/* Looks in this order: `file` (--token-file), REMOTE_TOKEN_FILE, REMOTE_TOKEN, the config's
 * token_file, the one that `remote login` got for the address `relay` (token_store.h; NULL: none),
 * $XDG_STATE_HOME/remote/token and, when `relay_local`, the token that a relay of the
 * same person left in $XDG_STATE_HOME/remote-relay (it is worth nothing elsewhere, and is not to
 * be given to another machine). The first source that is there decides.
 * EXIT_CODE_DONE; EXIT_CODE_NOT_ALLOWED: there is none; EXIT_CODE_FAILURE: it cannot be read or
 * must not be used. `error` says what to do. */
exit_code token_find(const char *file, const remote_config *config, const char *relay,
                     bool relay_local, device_token *out, char *error, size_t error_bytes);

/* Reads one file. As above; *missing (may be NULL) tells "there is no such file". */
exit_code token_read(const char *path, device_token *out, bool *missing, char *error,
                     size_t error_bytes);

#endif
