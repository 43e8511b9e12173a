#include "notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_un manager;
static socklen_t manager_bytes; /* 0: there is none */
static uint64_t watchdog_ns;

static void take_watchdog(void) {
  const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
  if (text == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid())) return;
  char *end = NULL;
  errno = 0;
  unsigned long long microseconds = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || microseconds > UINT64_MAX / 1000) return;
  watchdog_ns = microseconds * 1000;
}

static void take_socket(void) {
  const char *path = getenv("NOTIFY_SOCKET");
  size_t bytes = path != NULL ? strlen(path) : 0;
  if (bytes < 2 || bytes >= sizeof manager.sun_path || (path[0] != '/' && path[0] != '@')) return;
  manager.sun_family = AF_UNIX;
  memcpy(manager.sun_path, path, bytes);
  if (path[0] == '@') manager.sun_path[0] = '\0'; /* an abstract address */
  manager_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
}

void notify_init(void) {
  take_socket();
  take_watchdog();
  (void)unsetenv("NOTIFY_SOCKET");
  (void)unsetenv("WATCHDOG_USEC");
  (void)unsetenv("WATCHDOG_PID");
}

void notify_say(const char *lines) {
  if (manager_bytes == 0) return;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return;
  (void)(sendto(fd, lines, strlen(lines), MSG_NOSIGNAL, (const struct sockaddr *)&manager,
                manager_bytes) < 0);
  (void)close(fd);
}

void notify_reloading(void) {
  struct timespec now;
  char lines[100];
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return;
  snprintf(lines, sizeof lines, "RELOADING=1\nMONOTONIC_USEC=%lld",
           (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
  notify_say(lines);
}

uint64_t notify_watchdog_ns(void) { return manager_bytes != 0 ? watchdog_ns : 0; }
