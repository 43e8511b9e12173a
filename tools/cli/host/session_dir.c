#include "session_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

static int sessions_path(char out[PATH_BYTES_MAX], char *error, size_t error_bytes) {
  if (path_state(out, "sessions") == 0 && path_create(out) == 0) return 0;
  snprintf(error, error_bytes, "the state folder %s cannot be made: %s", out, strerror(errno));
  return -1;
}

int session_dir_file(const session_dir *dir, const char *name, char out[PATH_BYTES_MAX]) {
  return path_join(out, dir->path, name);
}

/* The lock dies with its process, so nothing is left behind by a crash. */
static int take_lock(session_dir *dir, char *error, size_t error_bytes) {
  char path[PATH_BYTES_MAX], holder[32] = "";
  if (session_dir_file(dir, "lock", path) != 0) return -1;
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    snprintf(error, error_bytes, "%s cannot be opened: %s", path, strerror(errno));
    return -1;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ssize_t n = read(fd, holder, sizeof holder - 1);
    holder[n > 0 ? n : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    snprintf(error, error_bytes,
             "session %.8s is already running (process %s); end that one first, or watch it "
             "with `remote attach %.8s`",
             dir->hex, holder[0] != '\0' ? holder : "?", dir->hex);
    close(fd);
    return -3;
  }
  int bytes = snprintf(holder, sizeof holder, "%ld\n", (long)getpid());
  if (ftruncate(fd, 0) != 0 || pwrite(fd, holder, (size_t)bytes, 0) < 0)
    holder[0] = '\0'; /* the lock counts, not what is in it */
  dir->lock = fd;
  return 0;
}

static void read_facts(session_dir *dir) {
  char path[PATH_BYTES_MAX];
  if (session_dir_file(dir, "session.json", path) == 0) dir->facts = json_load_file(path, 0, NULL);
  if (!json_is_object(dir->facts)) {
    json_decref(dir->facts);
    dir->facts = json_object();
  }
}

int session_dir_create(session_dir *out, char *error, size_t error_bytes) {
  char root[PATH_BYTES_MAX];
  memset(out, 0, sizeof *out);
  out->lock = -1;
  if (sessions_path(root, error, error_bytes) != 0) return -1;
  if (getrandom(out->id.bytes, sizeof out->id.bytes, 0) != (ssize_t)sizeof out->id.bytes) {
    snprintf(error, error_bytes, "no random numbers: %s", strerror(errno));
    return -1;
  }
  lrm_id_hex(&out->id, out->hex);
  if (path_join(out->path, root, out->hex) != 0 || mkdir(out->path, 0700) != 0) {
    snprintf(error, error_bytes, "%s cannot be made: %s", out->path, strerror(errno));
    return -1;
  }
  out->facts = json_object();
  return take_lock(out, error, error_bytes);
}

/* ---- finding an earlier one ---- */

typedef struct candidate {
  char hex[LRM_ID_HEX_BYTES];
  json_int_t updated_ms;
  size_t count;
} candidate;

static bool is_id(const char *name) {
  return strlen(name) == 32 && strspn(name, "0123456789abcdef") == 32;
}

static json_t *facts_of(const char *root, const char *hex) {
  char folder[PATH_BYTES_MAX], path[PATH_BYTES_MAX];
  if (path_join(folder, root, hex) != 0 || path_join(path, folder, "session.json") != 0)
    return NULL;
  return json_load_file(path, 0, NULL);
}

static void consider(candidate *best, const char *root, const char *hex, const char *name,
                     const char *cwd) {
  json_t *facts = facts_of(root, hex);
  /* The relay may know it by another id, since it was deleted there. */
  const char *other = json_string_value(json_object_get(facts, "relay_session_id"));
  if (name != NULL && strncmp(hex, name, strlen(name)) != 0 &&
      (other == NULL || strncmp(other, name, strlen(name)) != 0)) {
    json_decref(facts);
    return;
  }
  const char *where = json_string_value(json_object_get(facts, "cwd"));
  json_int_t updated = json_integer_value(json_object_get(facts, "updated_ms"));
  bool fits = json_is_object(facts) && (cwd == NULL || (where != NULL && strcmp(where, cwd) == 0));
  if (fits) best->count++;
  if (fits && (best->count == 1 || updated > best->updated_ms)) {
    memcpy(best->hex, hex, sizeof best->hex);
    best->updated_ms = updated;
  }
  json_decref(facts);
}

static candidate find(const char *root, const char *name, const char *cwd) {
  candidate best = {{0}, 0, 0};
  DIR *folder = opendir(root);
  struct dirent *entry;
  while (folder != NULL && (entry = readdir(folder)) != NULL)
    if (is_id(entry->d_name)) consider(&best, root, entry->d_name, name, cwd);
  if (folder != NULL) closedir(folder);
  return best;
}

int session_dir_open(session_dir *out, const char *name, const char *cwd, char *error,
                     size_t error_bytes) {
  char root[PATH_BYTES_MAX];
  memset(out, 0, sizeof *out);
  out->lock = -1;
  if (sessions_path(root, error, error_bytes) != 0) return -1;
  candidate best = find(root, name, cwd);
  if (best.count == 0) {
    snprintf(error, error_bytes,
             name != NULL ? "there is no session %.40s on this machine"
                          : "there is no earlier session to continue%.0s",
             name != NULL ? name : "");
    return -2;
  }
  if (name != NULL && best.count > 1) {
    snprintf(error, error_bytes, "%zu sessions begin with %.40s; give more of the id", best.count,
             name);
    return -2;
  }
  memcpy(out->hex, best.hex, sizeof out->hex);
  if (lrm_id_parse(out->hex, 32, &out->id) != 0 || path_join(out->path, root, out->hex) != 0)
    return -1;
  int result = take_lock(out, error, error_bytes);
  if (result == 0) read_facts(out);
  return result;
}

/* ---- facts ---- */

const char *session_dir_text(const session_dir *dir, const char *key) {
  return json_string_value(json_object_get(dir->facts, key));
}

void session_dir_set(session_dir *dir, const char *key, json_t *value) {
  json_object_set_new(dir->facts, key, value);
}

bool session_dir_save(session_dir *dir) {
  char path[PATH_BYTES_MAX], fresh[PATH_BYTES_MAX];
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  session_dir_set(dir, "updated_ms",
                  json_integer((json_int_t)now.tv_sec * 1000 + now.tv_nsec / 1000000));
  if (session_dir_file(dir, "session.json", path) != 0 ||
      session_dir_file(dir, "session.json.new", fresh) != 0)
    return false;
  int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return false;
  bool good = json_dumpfd(dir->facts, fd, JSON_INDENT(2)) == 0 && fsync(fd) == 0;
  close(fd);
  return good && rename(fresh, path) == 0;
}

void session_dir_remove(session_dir *dir) {
  char path[PATH_BYTES_MAX];
  DIR *folder = opendir(dir->path);
  struct dirent *entry;
  while (folder != NULL && (entry = readdir(folder)) != NULL)
    if (entry->d_name[0] != '.' && session_dir_file(dir, entry->d_name, path) == 0)
      (void)unlink(path);
  if (folder != NULL) closedir(folder);
  (void)rmdir(dir->path);
}

void session_dir_close(session_dir *dir) {
  if (dir->lock >= 0) close(dir->lock);
  dir->lock = -1;
  json_decref(dir->facts);
  dir->facts = NULL;
}
