#include "line_history.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "paths.h"

#define FILE_BYTES_MAX (1024 * 1024) /* over this the file is written anew */

/* ---- in memory ---- */

static void drop(line_history *h, size_t at) {
  free(h->entries[at]);
  memmove(h->entries + at, h->entries + at + 1, (--h->count - at) * sizeof *h->entries);
}

static bool keep(line_history *h, const char *text) {
  if (text[0] == '\0' || text[0] == ' ' || strlen(text) > LINE_HISTORY_ENTRY_BYTES_MAX)
    return false;
  for (size_t i = h->count; i-- > 0;)
    if (strcmp(h->entries[i], text) == 0) {
      drop(h, i);
      break;
    }
  if (h->count == LINE_HISTORY_ENTRIES_MAX) drop(h, 0);
  h->entries[h->count++] = memory_string(text);
  return true;
}

/* ---- the file: one text a line; a newline in it is \n, a backslash \\ ---- */

static char *escape(const char *text) {
  char *out = memory_zero(strlen(text) * 2 + 2), *at = out;
  for (; *text != '\0'; text++) {
    if (*text == '\n' || *text == '\\') *at++ = '\\';
    *at++ = *text == '\n' ? 'n' : *text;
  }
  *at++ = '\n';
  return out;
}

static void unescape(char *line) {
  char *to = line;
  for (const char *at = line; *at != '\0'; at++) {
    if (*at == '\\' && at[1] != '\0') {
      at++;
      *to++ = *at == 'n' ? '\n' : *at;
    } else {
      *to++ = *at;
    }
  }
  *to = '\0';
}

/* A history is read by whoever may read its file; that is its owner alone. */
static int open_file(const char *path, int flags) {
  struct stat status;
  int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return -1;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid()) {
    close(fd);
    return -1;
  }
  if ((status.st_mode & 077) != 0) (void)fchmod(fd, 0600);
  return fd;
}

static void read_file(line_history *h, int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || status.st_size <= 0) return;
  /* Of a file that is too large the end counts. */
  off_t from = status.st_size > FILE_BYTES_MAX ? status.st_size - FILE_BYTES_MAX : 0;
  size_t bytes = (size_t)(status.st_size - from), have = 0;
  char *text = memory_zero(bytes + 1);
  while (have < bytes) {
    ssize_t n = pread(fd, text + have, bytes - have, from + (off_t)have);
    if (n <= 0) break;
    have += (size_t)n;
  }
  char *rest = text, *line;
  if (from > 0) (void)strsep(&rest, "\n");
  while (rest != NULL && (line = strsep(&rest, "\n")) != NULL) {
    unescape(line);
    (void)keep(h, line);
  }
  free(text);
}

static bool write_all(int fd, const char *text, size_t bytes) {
  while (bytes > 0) {
    ssize_t n = write(fd, text, bytes);
    if (n <= 0) return false;
    text += n;
    bytes -= (size_t)n;
  }
  return true;
}

/* The file has grown over its limit: the newest half of it takes its place. */
static void rewrite(line_history *h) {
  char path[sizeof h->path + 16];
  size_t bytes = 0, first = h->count;
  while (first > 0 && bytes + strlen(h->entries[first - 1]) < FILE_BYTES_MAX / 2)
    bytes += strlen(h->entries[--first]);
  while (first-- > 0) drop(h, 0);
  snprintf(path, sizeof path, "%s.new", h->path);
  int fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (fd < 0) return;
  bool good = true;
  for (size_t i = 0; i < h->count && good; i++) {
    char *line = escape(h->entries[i]);
    good = write_all(fd, line, strlen(line));
    free(line);
  }
  close(fd);
  if (!good || rename(path, h->path) != 0) unlink(path);
}

static void append(line_history *h, const char *text) {
  struct stat status;
  char *line = escape(text);
  int fd = open_file(h->path, O_WRONLY | O_CREAT | O_APPEND);
  if (fd >= 0) {
    /* Whole lines of several programs; a file that somebody holds is not waited for. */
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) (void)!write_all(fd, line, strlen(line));
    bool large = fstat(fd, &status) == 0 && status.st_size > FILE_BYTES_MAX;
    close(fd);
    if (large) rewrite(h);
  }
  free(line);
}

void line_history_open(line_history *h, const char *path) {
  memset(h, 0, sizeof *h);
  if (path == NULL || strlen(path) >= sizeof h->path) return;
  snprintf(h->path, sizeof h->path, "%s", path);
  int fd = open_file(path, O_RDONLY);
  if (fd < 0) return;
  read_file(h, fd);
  close(fd);
}

void line_history_close(line_history *h) {
  for (size_t i = 0; i < h->count; i++) free(h->entries[i]);
  h->count = 0;
}

void line_history_add(line_history *h, const char *text) {
  bool again = h->count > 0 && strcmp(h->entries[h->count - 1], text) == 0;
  if (!keep(h, text) || again || h->path[0] == '\0') return;
  char folder[sizeof h->path];
  snprintf(folder, sizeof folder, "%s", h->path);
  char *end = strrchr(folder, '/');
  if (end == NULL) return;
  *end = '\0';
  if (path_create(folder) == 0) append(h, text);
}

/* ---- looking back ---- */

static bool begins(const char *text, const char *prefix, size_t bytes) {
  return strncmp(text, prefix, bytes) == 0;
}

size_t line_history_before(const line_history *h, size_t at, const char *prefix, size_t bytes) {
  for (size_t i = at < h->count ? at : h->count; i-- > 0;)
    if (begins(h->entries[i], prefix, bytes)) return i;
  return SIZE_MAX;
}

size_t line_history_after(const line_history *h, size_t at, const char *prefix, size_t bytes) {
  for (size_t i = at + 1; i < h->count; i++)
    if (begins(h->entries[i], prefix, bytes)) return i;
  return SIZE_MAX;
}

size_t line_history_find(const line_history *h, size_t at, const char *words) {
  for (size_t i = at < h->count ? at : h->count; i-- > 0;)
    if (strcasestr(h->entries[i], words) != NULL) return i;
  return SIZE_MAX;
}
