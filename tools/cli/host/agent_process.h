/* The agent's process: its own process group, pipes on libuv. It ends by: its stdin is closed,
 * after a while TERM, then KILL, to the whole group, so that its children go too. When the host
 * itself is killed, its guard (agent_guard.h) does that. */
#ifndef REMOTE_CLI_AGENT_PROCESS_H
#define REMOTE_CLI_AGENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct agent_process agent_process;

typedef struct agent_process_owner {
  /* Bytes of its standard output. */
  void (*output)(void *user, const char *data, size_t bytes);
  /* It has ended and all its output has been given: the last call. `status`: exit code, or 128 +
   * signal. */
  void (*ended)(void *user, int status, int signal);
} agent_process_owner;

#define AGENT_STDIN_BYTES_MAX (64u * 1024u * 1024u)
#define AGENT_CLOSE_MS 2000u /* after stdin was closed, before TERM */
#define AGENT_TERM_MS 3000u  /* after TERM, before KILL */

#define AGENT_LOG_BYTES_MAX (4u * 1024u * 1024u)

/* Starts argv[0] with PATH. `log_path`: where its standard error goes (appended); over 4 MiB the
 * file becomes log_path.1, in place of the one before. 0, or a libuv error with a text that says
 * what to do. */
int agent_process_start(uv_loop_t *loop, char *const *argv, const char *cwd, const char *log_path,
                        const agent_process_owner *owner, void *user, agent_process **out,
                        char *error, size_t error_bytes);
/* Writes to its standard input (copied). It is not told when the agent is gone or does not read:
 * what is over the limit is dropped and counted as the agent's failure by `ended`. */
void agent_process_write(agent_process *process, const char *data, size_t bytes);
/* Stops or resumes reading its output: when the journal does not keep up. */
void agent_process_pause(agent_process *process, bool pause);
/* Begins the end; `ended` follows. `now`: without waiting for stdin to be noticed. */
void agent_process_stop(agent_process *process, bool now);
bool agent_process_stopping(const agent_process *process);
int agent_process_pid(const agent_process *process);
/* After `ended`; frees it once its handles are closed. */
void agent_process_destroy(agent_process *process);

#endif
