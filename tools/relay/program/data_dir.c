/* The data directory: mode 0700, one relay at a time (a lock file), small files beside the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program.h"

static bool fail(char *error, size_t error_bytes, const char *what, const char *path) {
  snprintf(error, error_bytes, "%s %s: %s", what, path, strerror(errno));
  return false;
}

bool data_dir_path(const data_dir *dir, const char *name, char *out, size_t out_bytes) {
  int bytes = snprintf(out, out_bytes, "%s/%s", dir->path, name);
  return bytes > 0 && (size_t)bytes < out_bytes;
}

static bool make_directories(const char *path, char *error, size_t error_bytes) {
  char part[PATH_TEXT_BYTES];
  snprintf(part, sizeof part, "%s", path);
  for (char *at = part + 1;; at++) {
    if (*at != '/' && *at != '\0') continue;
    char kept = *at;
    *at = '\0';
    if (mkdir(part, 0700) != 0 && errno != EEXIST) {
      return fail(error, error_bytes, "cannot make the directory", part);
    }
    *at = kept;
    if (kept == '\0') return true;
  }
}

/* Others must not read the store: a directory that lets them is refused, not changed. */
static bool check_directory(const char *path, char *error, size_t error_bytes) {
  struct stat facts;
  if (stat(path, &facts) != 0) return fail(error, error_bytes, "cannot use", path);
  if (!S_ISDIR(facts.st_mode)) {
    snprintf(error, error_bytes, "%s is not a directory", path);
    return false;
  }
  if ((facts.st_mode & 077) != 0) {
    snprintf(error, error_bytes, "others can read %s; make it private: chmod 700 %s", path, path);
    return false;
  }
  return true;
}

data_dir_result data_dir_open(data_dir *dir, const char *path, bool create, char *error,
                              size_t error_bytes) {
  dir->lock = -1;
  snprintf(dir->path, sizeof dir->path, "%s", path);
  if (create && !make_directories(path, error, error_bytes)) return DATA_DIR_FAILED;
  if (!check_directory(path, error, error_bytes)) return DATA_DIR_FAILED;
  char lock[PATH_TEXT_BYTES + 16];
  if (!data_dir_path(dir, "lock", lock, sizeof lock)) {
    snprintf(error, error_bytes, "the path of the data directory is too long");
    return DATA_DIR_FAILED;
  }
  dir->lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (dir->lock < 0) {
    (void)fail(error, error_bytes, "cannot write the data directory; check its owner:", lock);
    return DATA_DIR_FAILED;
  }
  if (flock(dir->lock, LOCK_EX | LOCK_NB) != 0) {
    bool used = errno == EWOULDBLOCK;
    if (!used) (void)fail(error, error_bytes, "cannot lock", lock);
    close(dir->lock);
    dir->lock = -1;
    return used ? DATA_DIR_IN_USE : DATA_DIR_FAILED;
  }
  return DATA_DIR_LOCKED;
}

void data_dir_close(data_dir *dir) {
  if (dir->lock >= 0) close(dir->lock);
  dir->lock = -1;
}

static bool write_all(int fd, const char *text) {
  size_t bytes = strlen(text);
  while (bytes > 0) {
    ssize_t n = write(fd, text, bytes);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text += n;
    bytes -= (size_t)n;
  }
  return true;
}

static void sync_directory(const data_dir *dir) {
  int fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

bool data_dir_write(const data_dir *dir, const char *name, const char *text, char *error,
                    size_t error_bytes) {
  char path[PATH_TEXT_BYTES + 64], fresh[PATH_TEXT_BYTES + 80];
  if (!data_dir_path(dir, name, path, sizeof path)) return false;
  snprintf(fresh, sizeof fresh, "%s.new", path);
  (void)unlink(fresh);
  int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fail(error, error_bytes, "cannot write", fresh);
  bool done = write_all(fd, text) && fsync(fd) == 0;
  if (close(fd) != 0) done = false;
  if (!done || rename(fresh, path) != 0) {
    (void)fail(error, error_bytes, "cannot write", path);
    (void)unlink(fresh);
    return false;
  }
  sync_directory(dir);
  return true;
}

bool data_dir_append(const data_dir *dir, const char *name, const char *text, char *error,
                     size_t error_bytes) {
  char path[PATH_TEXT_BYTES + 64];
  if (!data_dir_path(dir, name, path, sizeof path)) return false;
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return fail(error, error_bytes, "cannot write", path);
  bool done = write_all(fd, text) && fsync(fd) == 0;
  if (!done) (void)fail(error, error_bytes, "cannot write", path);
  close(fd);
  sync_directory(dir);
  return done;
}

bool data_dir_has(const data_dir *dir, const char *name) {
  char path[PATH_TEXT_BYTES + 64];
  return data_dir_path(dir, name, path, sizeof path) && access(path, F_OK) == 0;
}

bool data_dir_lines(const data_dir *dir, const char *name,
                    void (*visit)(void *user, const char *line), void *user) {
  char path[PATH_TEXT_BYTES + 64], line[512];
  if (!data_dir_path(dir, name, path, sizeof path)) return false;
  FILE *file = fopen(path, "re");
  if (file == NULL) return errno == ENOENT;
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] != '\0') visit(user, line);
  }
  bool done = ferror(file) == 0;
  fclose(file);
  return done;
}
