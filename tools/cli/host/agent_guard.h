/* A process that outlives a host which is killed outright, and ends the agent's process group then.
 * An agent that hangs does not notice that its host is gone; nobody else would ever end it. */
#ifndef REMOTE_CLI_AGENT_GUARD_H
#define REMOTE_CLI_AGENT_GUARD_H

#include <sys/types.h>

typedef struct agent_guard {
  pid_t pid; /* 0: none */
  int line;  /* while it is open, the host lives */
} agent_guard;

/* Watches `group` from now on. A guard that cannot be made is none: the agent runs without. */
void agent_guard_start(agent_guard *guard, pid_t group);
/* The agent is gone: the guard has nothing to do any more. */
void agent_guard_stop(agent_guard *guard);

#endif
