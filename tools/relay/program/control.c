/* The other end of the control socket: what `remote-relay token` and others say to the relay that
 * runs on the same data directory. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "program.h"

static int connect_to(const data_dir *dir) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char path[PATH_TEXT_BYTES + 64];
  if (!data_dir_path(dir, "control", path, sizeof path) ||
      strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(address.sun_path, path, strlen(path) + 1);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  struct timeval limit = {.tv_sec = 10};
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

char *control_ask(const data_dir *dir, const char *line) {
  int fd = connect_to(dir);
  if (fd < 0) {
    fprintf(stderr, "remote-relay: a relay uses %s, but its control socket does not answer: %s\n",
            dir->path, strerror(errno));
    return NULL;
  }
  size_t room = 64 * 1024;
  char *reply = malloc(room);
  char request[600];
  int bytes = snprintf(request, sizeof request, "%s\n", line);
  bool sent = reply != NULL && bytes > 0 && (size_t)bytes < sizeof request &&
              send(fd, request, (size_t)bytes, MSG_NOSIGNAL) == bytes;
  size_t used = 0;
  while (sent) {
    if (used + 1 == room) {
      char *larger = room < REPLY_BYTES ? realloc(reply, room * 2) : NULL;
      if (larger == NULL) break;
      reply = larger;
      room *= 2;
    }
    ssize_t n = recv(fd, reply + used, room - 1 - used, 0);
    if (n <= 0) break;
    used += (size_t)n;
  }
  close(fd);
  if (reply == NULL) return NULL;
  reply[used] = '\0';
  return reply;
}
