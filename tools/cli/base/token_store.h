/* Tokens that `remote login` got: one file a relay below $XDG_STATE_HOME/remote/tokens. */
#ifndef REMOTE_CLI_TOKEN_STORE_H
#define REMOTE_CLI_TOKEN_STORE_H

#include <stddef.h>

#include "paths.h"

/* The file of the relay at this address (as lrm_url_text gives it, or as a person wrote it). 0, or
 * -1: the path is too long, or there is no home. Creates nothing. */
int token_store_path(const char *relay, char out[PATH_BYTES_MAX]);

/* Writes the token into this file, mode 0600, in one piece and on the disk; makes the directory
 * (0700) when it is missing. 0, or -1 with a text. */
int token_store_write(const char *path, const char *token, char *error, size_t error_bytes);

/* Overwrites and removes the file. 0, or -1 with errno; one that is not there is an error. */
int token_store_forget(const char *path);

#endif
