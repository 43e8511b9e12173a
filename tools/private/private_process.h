/* A program that holds tokens: no core dump of it is written, and other programs of the same user,
 * an agent above all, cannot read its memory or its environment (ptrace, /proc/PID/mem, environ).
 * It does not go over to the programs that it starts. Not in builds with sanitizers, whose leak
 * check looks at the process from outside. */
#ifndef TOOLS_PRIVATE_PROCESS_H
#define TOOLS_PRIVATE_PROCESS_H

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(leak_sanitizer)
#define PRIVATE_PROCESS_WATCHED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PRIVATE_PROCESS_WATCHED 1
#endif

static inline void private_process(void) {
#ifndef PRIVATE_PROCESS_WATCHED
  const char *debuggable = getenv("REMOTE_DEBUGGABLE");
  if (debuggable != NULL && strcmp(debuggable, "1") == 0) return;
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

#endif
