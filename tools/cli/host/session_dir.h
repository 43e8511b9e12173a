/* A session's folder: $XDG_STATE_HOME/remote/sessions/ID with journal.db, agent.log, session.json
 * and a lock that its one host holds. */
#ifndef REMOTE_CLI_SESSION_DIR_H
#define REMOTE_CLI_SESSION_DIR_H

#include <jansson.h>
#include <stdbool.h>

#include "paths.h"
#include "remote/types.h"

typedef struct session_dir {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  char path[PATH_BYTES_MAX];
  int lock;      /* file descriptor; -1: not held */
  json_t *facts; /* session.json: agent_session_id, cwd, remote, argv, updated_ms */
} session_dir;

/* Makes a new one and takes its lock. 0, or -1 with a text. */
int session_dir_create(session_dir *out, char *error, size_t error_bytes);
/* Opens an earlier one and takes its lock. `name`: its id or a unique beginning of it; NULL: the
 * newest (of `cwd`, when that is given). 0; -1: failed; -2: there is none, or more than one; -3:
 * another process has it. */
int session_dir_open(session_dir *out, const char *name, const char *cwd, char *error,
                     size_t error_bytes);
const char *session_dir_text(const session_dir *dir, const char *key);  /* NULL: not there */
void session_dir_set(session_dir *dir, const char *key, json_t *value); /* takes over value */
/* Writes session.json anew (a whole file or none). False: it could not be written. */
bool session_dir_save(session_dir *dir);
/* "PATH/name". */
int session_dir_file(const session_dir *dir, const char *name, char out[PATH_BYTES_MAX]);
/* Removes a folder in which nothing ever happened. */
void session_dir_remove(session_dir *dir);
void session_dir_close(session_dir *dir);

#endif
