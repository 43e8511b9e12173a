/* The files that come with a prompt, on their way from the journal to the agent. Inline ones are
 * only read; the others become files in the session's folder, which only this user can read. They
 * stay as long as the session does, because the agent may look at them again in a later turn; of
 * more than 256 MiB the oldest go. */
#ifndef REMOTE_CLI_PROMPT_FILES_H
#define REMOTE_CLI_PROMPT_FILES_H

#include "acp_session.h"
#include "remote/host.h"

#define PROMPT_FILES_MAX 16

struct host_app;

typedef struct prompt_files {
  acp_attachment attachments[PROMPT_FILES_MAX];
  size_t count;
  char *kept[PROMPT_FILES_MAX * 4]; /* what the attachments borrow */
  size_t kept_count;
} prompt_files;

/* False: one of them cannot be had; `error` says which and why. Free in either case. */
bool prompt_files_take(prompt_files *files, struct host_app *app, const lrm_host_action *action,
                       char *error, size_t error_bytes);
void prompt_files_free(prompt_files *files);

/* Removes the oldest of the session's files until at most `bytes_max` are left. Returns the bytes
 * that are left. */
uint64_t prompt_files_trim(const char *folder, uint64_t bytes_max);

#endif
