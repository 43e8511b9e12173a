#include "paths.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *home_directory(void) {
  const char *home = getenv("HOME");
  if (home && home[0] == '/') return home;
  const struct passwd *entry = getpwuid(getuid());
  return entry && entry->pw_dir && entry->pw_dir[0] == '/' ? entry->pw_dir : NULL;
}

int path_join(char out[PATH_BYTES_MAX], const char *directory, const char *name) {
  int n = snprintf(out, PATH_BYTES_MAX, "%s/%s", directory, name);
  return n > 0 && n < PATH_BYTES_MAX ? 0 : -1;
}

/* The XDG specification says that a relative value is to be ignored. */
static int base_directory(char out[PATH_BYTES_MAX], const char *variable, const char *fallback) {
  const char *value = getenv(variable);
  if (value && value[0] == '/') {
    int n = snprintf(out, PATH_BYTES_MAX, "%s", value);
    return n < PATH_BYTES_MAX ? 0 : -1;
  }
  const char *home = home_directory();
  return home ? path_join(out, home, fallback) : -1;
}

static int below(char out[PATH_BYTES_MAX], const char *variable, const char *fallback,
                 const char *name) {
  char base[PATH_BYTES_MAX];
  if (base_directory(base, variable, fallback)) return -1;
  return path_join(out, base, name);
}

int path_config_file(char out[PATH_BYTES_MAX]) {
  return below(out, "XDG_CONFIG_HOME", ".config", "remote/config.ini");
}

int path_state(char out[PATH_BYTES_MAX], const char *name) {
  char directory[PATH_BYTES_MAX];
  if (!name) return below(out, "XDG_STATE_HOME", ".local/state", "remote");
  if (below(directory, "XDG_STATE_HOME", ".local/state", "remote")) return -1;
  return path_join(out, directory, name);
}

int path_local_relay(char out[PATH_BYTES_MAX], const char *name) {
  char directory[PATH_BYTES_MAX];
  if (below(directory, "XDG_STATE_HOME", ".local/state", "remote-relay")) return -1;
  return path_join(out, directory, name);
}

int path_create(const char *directory) {
  char path[PATH_BYTES_MAX];
  size_t bytes = strlen(directory);
  if (bytes == 0 || bytes >= sizeof path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  memcpy(path, directory, bytes + 1);
  for (char *at = path + 1;; at++) {
    if (*at != '/' && *at) continue;
    char kept = *at;
    *at = 0;
    if (mkdir(path, 0700) && errno != EEXIST) return -1;
    *at = kept;
    if (!kept) break;
  }
  struct stat facts;
  if (stat(directory, &facts)) return -1;
  if (!S_ISDIR(facts.st_mode)) {
    errno = ENOTDIR;
    return -1;
  }
  return 0;
}

int path_read(const char *path, char *out, size_t capacity, size_t *bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t used = 0;
  int result = 0;
  for (;;) {
    ssize_t n = read(fd, out + used, capacity - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) result = -1;
    if (n <= 0) break;
    used += (size_t)n;
    if (used == capacity) {
      errno = EFBIG;
      result = -1;
      break;
    }
  }
  int kept = errno;
  close(fd);
  errno = kept;
  if (result) return -1;
  out[used] = 0;
  if (bytes) *bytes = used;
  return 0;
}
