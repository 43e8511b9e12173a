#include "agent_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent_process.h"

#define STEP_MS 100

/* Waits until the group is gone, at most so long. */
static int gone_within(pid_t group, unsigned ms) {
  for (unsigned waited = 0; waited < ms; waited += STEP_MS) {
    if (kill(-group, 0) != 0) return 1;
    poll(NULL, 0, STEP_MS);
  }
  return 0;
}

/* The child: only what may be called between fork and exec, for the host has threads. It holds
 * nothing of the host, least of all the lock of the session. */
static void guard(int line, pid_t group) {
  sigset_t none;
  char byte;
  ssize_t n;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  setsid(); /* what is typed at the host's terminal is not for it */
  prctl(PR_SET_NAME, "remote-guard");
  if (dup2(line, 0) != 0) _exit(1);
  if (close_range(1, ~0u, 0) != 0)
    for (int fd = 1; fd < 4096; fd++) close(fd);
  do {
    n = read(0, &byte, 1);
  } while (n < 0 && errno == EINTR);
  if (n > 0) _exit(0); /* the agent has ended in order */
  /* The host is gone, and with it the agent's standard input. */
  if (gone_within(group, AGENT_CLOSE_MS)) _exit(0);
  kill(-group, SIGTERM);
  if (gone_within(group, AGENT_TERM_MS)) _exit(0);
  kill(-group, SIGKILL);
  _exit(0);
}

void agent_guard_start(agent_guard *g, pid_t group) {
  int ends[2];
  *g = (agent_guard){0, -1};
  if (pipe2(ends, O_CLOEXEC) != 0) return;
  g->pid = fork();
  if (g->pid == 0) guard(ends[0], group);
  close(ends[0]);
  g->line = ends[1];
  if (g->pid > 0) return;
  close(g->line);
  *g = (agent_guard){0, -1};
}

void agent_guard_stop(agent_guard *g) {
  if (g->pid <= 0) return;
  char byte = 0;
  if (write(g->line, &byte, 1) != 1) kill(g->pid, SIGKILL);
  close(g->line);
  while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR) continue;
  *g = (agent_guard){0, -1};
}
