#include "local_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/limits.h"

#include "media_type.h"
#include "terminal_text.h"

void file_size_text(uint64_t bytes, char *out, size_t capacity) {
  if (bytes < 1024)
    snprintf(out, capacity, "%u byte%s", (unsigned)bytes, bytes == 1 ? "" : "s");
  else if (bytes < 1024 * 1024)
    snprintf(out, capacity, "%u KiB", (unsigned)((bytes + 512) / 1024));
  else
    snprintf(out, capacity, "%.1f MiB", (double)bytes / (1024 * 1024));
}

static bool wrong(const char *path, char *error, size_t error_bytes, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static bool wrong(const char *path, char *error, size_t error_bytes, const char *format, ...) {
  char shown[256], why[256];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(why, sizeof why, format, arguments);
  va_end(arguments);
  terminal_text_copy(shown, sizeof shown, path, strlen(path), TERMINAL_TEXT_ONE_LINE);
  snprintf(error, error_bytes, "%s %s", shown, why);
  return false;
}

/* Never waits: a pipe without a writer would. */
static int open_file(const char *path, struct stat *facts, char *error, size_t error_bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0 || fstat(fd, facts) != 0) {
    int why = errno;
    if (fd >= 0) close(fd);
    (void)(why == ENOENT ? wrong(path, error, error_bytes, "is not there")
                         : wrong(path, error, error_bytes, "cannot be read: %s", strerror(why)));
    return -1;
  }
  char size[32];
  bool good = false;
  if (S_ISDIR(facts->st_mode)) {
    (void)wrong(path, error, error_bytes, "is a folder; name a file in it");
  } else if (!S_ISREG(facts->st_mode)) {
    (void)wrong(path, error, error_bytes, "is no file but a device, pipe or socket");
  } else if (facts->st_size == 0) {
    (void)wrong(path, error, error_bytes, "is empty");
  } else if ((uint64_t)facts->st_size > LRM_ATTACHMENT_BYTES_MAX) {
    file_size_text((uint64_t)facts->st_size, size, sizeof size);
    (void)wrong(path, error, error_bytes, "has %s (%llu bytes); at most 10 MiB can be attached",
                size, (unsigned long long)facts->st_size);
  } else {
    good = true;
  }
  if (good) return fd;
  close(fd);
  return -1;
}

bool local_file_check(const char *path, char *error, size_t error_bytes) {
  struct stat facts;
  int fd = open_file(path, &facts, error, error_bytes);
  if (fd < 0) return false;
  close(fd);
  return true;
}

void local_file_typed(const char *text, char *out, size_t capacity) {
  size_t bytes = strlen(text), n = 0;
  struct stat facts;
  while (bytes > 0 && text[bytes - 1] == ' ') bytes--;
  snprintf(out, capacity, "%.*s", (int)bytes, text);
  if (lstat(out, &facts) == 0) return;
  const char *home = getenv("HOME");
  char quote = bytes >= 2 && (text[0] == '\'' || text[0] == '"') && text[bytes - 1] == text[0]
                   ? text[0]
                   : '\0';
  if (quote != '\0') {
    text++;
    bytes -= 2;
  } else if (home != NULL && text[0] == '~' && (bytes == 1 || text[1] == '/')) {
    n = (size_t)snprintf(out, capacity, "%s", home);
    text++;
    bytes--;
  }
  for (size_t i = 0; i < bytes && n + 1 < capacity; i++) {
    if (text[i] == '\\' && quote != '\'' && i + 1 < bytes) i++;
    out[n++] = text[i];
  }
  out[n < capacity ? n : capacity - 1] = '\0';
}

/* ---- the name ---- */

static size_t letter_bytes(const unsigned char *c) {
  size_t n = c[0] < 0x80 ? 1 : c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : c[0] >= 0xc2 ? 2 : 0;
  for (size_t i = 1; i < n; i++)
    if ((c[i] & 0xc0) != 0x80) return 0;
  return n;
}

/* Bytes that are not UTF-8 become `?`; of a name that is too long the end stays, which says what
 * the file is. */
static void take_name(const char *path, char out[256]) {
  const char *last = strrchr(path, '/');
  const unsigned char *from = (const unsigned char *)(last != NULL ? last + 1 : path);
  size_t bytes = strlen((const char *)from), n = 0;
  if (bytes > 255) from += bytes - 255;
  while ((*from & 0xc0) == 0x80) from++; /* not in the middle of a letter */
  for (size_t step; *from != '\0'; from += step) {
    size_t letter = letter_bytes(from);
    step = letter > 0 ? letter : 1;
    if (letter > 0)
      memcpy(out + n, from, letter);
    else
      out[n] = '?';
    n += step;
  }
  out[n] = '\0';
}

/* ---- reading ---- */

static bool same_state(const struct stat *a, const struct stat *b) {
  return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* True: exactly as many bytes as it had, and no more. */
static bool read_whole(int fd, uint8_t *data, size_t bytes) {
  size_t at = 0;
  while (at <= bytes) {
    ssize_t n = read(fd, data + at, bytes + 1 - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) break;
    at += (size_t)n;
  }
  errno = 0;
  return at == bytes;
}

bool local_file_read(local_file *file, const char *path, char *error, size_t error_bytes) {
  struct stat before, after;
  memset(file, 0, sizeof *file);
  int fd = open_file(path, &before, error, error_bytes);
  if (fd < 0) return false;
  size_t bytes = (size_t)before.st_size;
  file->data = malloc(bytes + 1);
  bool good = file->data != NULL && read_whole(fd, file->data, bytes);
  int why = file->data == NULL ? ENOMEM : errno;
  bool same = good && fstat(fd, &after) == 0 && same_state(&before, &after);
  close(fd);
  if (!same) {
    local_file_free(file);
    return why != 0 ? wrong(path, error, error_bytes, "cannot be read: %s", strerror(why))
                    : wrong(path, error, error_bytes,
                            "changed while it was read; try again when it is complete");
  }
  file->bytes = bytes;
  take_name(path, file->name);
  file->media_type = media_type_of(file->data, bytes, file->name, NULL);
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, file->data, bytes);
  lrm_sha256_end(&sum, file->sha256);
  return true;
}

void local_file_free(local_file *file) {
  free(file->data);
  file->data = NULL;
}
