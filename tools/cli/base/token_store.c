#include "token_store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/sha256.h"

/* Readable, and still another one for each address: what a file name cannot hold becomes `_`. */
int token_store_path(const char *relay, char out[PATH_BYTES_MAX]) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
  char name[160], directory[PATH_BYTES_MAX];
  uint8_t digest[LRM_SHA256_BYTES];
  size_t used = 0, bytes = strlen(relay);
  while (bytes > 0 && relay[bytes - 1] == '/') bytes--; /* "wss://host" and "wss://host/" */
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, (const uint8_t *)relay, bytes);
  lrm_sha256_end(&sum, digest);
  for (size_t i = 0; i < bytes && used < 120; i++) {
    char c = strchr(plain, relay[i]) ? relay[i] : '_';
    if (c == '_' && used && name[used - 1] == '_') continue;
    name[used++] = c;
  }
  snprintf(name + used, sizeof name - used, "-%02x%02x%02x%02x", digest[0], digest[1], digest[2],
           digest[3]);
  if (path_state(directory, "tokens")) return -1;
  return path_join(out, directory, name);
}

static int write_file(const char *path, const char *token) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  char text[256];
  int bytes = snprintf(text, sizeof text, "%s\n", token);
  int result = write(fd, text, (size_t)bytes) == bytes && fsync(fd) == 0 ? 0 : -1;
  int kept = errno;
  explicit_bzero(text, sizeof text);
  close(fd);
  if (result) unlink(path);
  errno = kept;
  return result;
}

static void sync_directory(const char *path) {
  int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  (void)fsync(fd);
  close(fd);
}

int token_store_write(const char *path, const char *token, char *error, size_t error_bytes) {
  char directory[PATH_BYTES_MAX], fresh[PATH_BYTES_MAX + 32];
  snprintf(directory, sizeof directory, "%s", path);
  char *slash = strrchr(directory, '/');
  if (slash == directory)
    slash[1] = 0;
  else if (slash)
    *slash = 0;
  else
    snprintf(directory, sizeof directory, ".");
  snprintf(fresh, sizeof fresh, "%s.%ld.new", path, (long)getpid());
  if (path_create(directory) || write_file(fresh, token) || rename(fresh, path)) {
    snprintf(error, error_bytes, "cannot write the token to %s: %s", path, strerror(errno));
    unlink(fresh);
    return -1;
  }
  sync_directory(directory);
  return 0;
}

int token_store_forget(const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  static const char blank[128];
  struct stat facts;
  if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode) && facts.st_size > 0) {
    size_t bytes = facts.st_size < (off_t)sizeof blank ? (size_t)facts.st_size : sizeof blank;
    if (write(fd, blank, bytes) > 0) (void)fsync(fd);
  }
  close(fd);
  return unlink(path);
}
