/* Where `remote` keeps its files: $XDG_CONFIG_HOME/remote and $XDG_STATE_HOME/remote, with the
 * defaults of the XDG base directory specification. */
#ifndef REMOTE_CLI_PATHS_H
#define REMOTE_CLI_PATHS_H

#include <stddef.h>

#define PATH_BYTES_MAX 1024 /* with the terminator */

/* $XDG_CONFIG_HOME/remote/config.ini. 0, or -1: neither it nor a home directory is known, or the
 * path is too long. Creates nothing. */
int path_config_file(char out[PATH_BYTES_MAX]);

/* $XDG_STATE_HOME/remote[/name] (name NULL: the directory). As above. Creates nothing. */
int path_state(char out[PATH_BYTES_MAX], const char *name);

/* $XDG_STATE_HOME/remote-relay/name: what a relay of the same person leaves there. */
int path_local_relay(char out[PATH_BYTES_MAX], const char *name);

/* Creates a directory and its parents, all of them 0700. 0, or -1 with errno. */
int path_create(const char *directory);

/* Joins directory and name. 0, or -1: too long. */
int path_join(char out[PATH_BYTES_MAX], const char *directory, const char *name);

/* Reads a whole small file; terminated. 0, or -1 with errno (EFBIG: `capacity` - 1 bytes do not
 * hold it). *bytes may be NULL. */
int path_read(const char *path, char *out, size_t capacity, size_t *bytes);

#endif
