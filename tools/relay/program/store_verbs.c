/* check, backup, restore and compact: the store's file, with or without a relay that runs on it. */
#include "store_verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/carrier_uv.h"
#include "remote/log_sqlite.h"

enum { ERROR_BYTES = 900, FILE_PATH_BYTES = PATH_TEXT_BYTES + 64 };

__attribute__((format(printf, 1, 2))) static int complain(const char *format, ...) {
  va_list list;
  va_start(list, format);
  fputs("remote-relay: ", stderr);
  vfprintf(stderr, format, list);
  fputc('\n', stderr);
  va_end(list);
  return PROGRAM_FAILED;
}

static bool store_path(const char *data, char *out, size_t out_bytes) {
  if ((size_t)snprintf(out, out_bytes, "%s/relay.db", data) >= out_bytes) return false;
  return access(out, F_OK) == 0;
}

static int no_store(const char *data) {
  return complain("there is no store in %s; name the relay's directory with --data", data);
}

/* ---- check ---- */

static void print_fault(void *user, const char *text) {
  unsigned *count = user;
  ++*count;
  printf("fault: %s\n", text);
}

static void print_unknown(void *user, uint32_t space) {
  int *count = user;
  ++*count;
  printf("fault: records of space %u, which this remote-relay does not know\n", (unsigned)space);
}

/* Records as the relay reads them: a store may be sound as a file and not make sense. Nothing is
 * committed. */
static int check_records(const char *path) {
  char error[300] = "";
  lrm_store *store = NULL;
  relay *checked = NULL;
  int unknown = 0;
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = path};
  int result = lrm_store_sqlite_open(&config, &store, error, sizeof error);
  if (result == 0) {
    relay_config reading = {.struct_bytes = sizeof reading,
                            .allocator = lrm_allocator_default(),
                            .store = store,
                            .wall_ms = lrm_uv_wall_ms()};
    result = relay_open(&reading, &checked);
  }
  if (result == 0) result = relay_each_unknown_space(checked, print_unknown, &unknown);
  if (checked != NULL) relay_close(checked);
  lrm_store_close(store);
  if (result == 0) return unknown;
  if (result == LRM_ERR_STATE) {
    printf("fault: the records are those of a newer remote-relay; upgrade this one\n");
    return 1;
  }
  printf("fault: accounts and sessions cannot be read: %s%s%s\n", lrm_error_text(result),
         error[0] != '\0' ? ": " : "", error);
  return 1;
}

static int check_file(const char *path) {
  char error[ERROR_BYTES];
  unsigned said = 0;
  int faults = lrm_store_sqlite_check_file(path, print_fault, &said, error, sizeof error);
  if (faults < 0) {
    complain("cannot check: %s: %s", lrm_error_text(faults), error);
    return -1;
  }
  return faults + check_records(path);
}

int store_check(const program_options *options) {
  char path[FILE_PATH_BYTES];
  if (options->name != NULL) {
    snprintf(path, sizeof path, "%s", options->name);
    if (access(path, F_OK) != 0) return complain("%s: %s", path, strerror(errno));
  } else if (!store_path(options->data, path, sizeof path)) {
    return no_store(options->data);
  }
  int faults = check_file(path);
  if (faults == 0) {
    printf("the store is sound\n");
    return PROGRAM_DONE;
  }
  if (faults > 0)
    printf(
        "%d fault%s. Stop the relay, keep a copy of its directory, and restore the newest "
        "backup:\n  remote-relay restore FILE --data %s\nHosts that are attached later publish "
        "what it lacks. Without a backup, `sqlite3 %s .recover` saves what can be read.\n",
        faults, faults == 1 ? "" : "s", options->data, path);
  return PROGRAM_FAILED;
}

/* ---- backup ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
  (void)number;
  interrupted = 1;
}

static void listen_for_interrupts(void) {
  struct sigaction action = {.sa_handler = on_interrupt};
  (void)sigaction(SIGINT, &action, NULL);
  (void)sigaction(SIGTERM, &action, NULL);
  (void)sigaction(SIGHUP, &action, NULL);
  (void)signal(SIGXFSZ, SIG_IGN);
}

static bool goes_on(void *user, uint64_t done, uint64_t pages) {
  uint64_t *all = user;
  (void)done;
  *all = pages;
  return !interrupted;
}

/* A copy says that it is one: whoever serves it begins new histories, whatever lies beside it. */
static int mark_copy(const char *path, char *error, size_t error_bytes) {
  lrm_store *store = NULL;
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = path};
  int result = lrm_store_sqlite_open(&config, &store, error, error_bytes);
  if (result == 0) result = witness_mark_copy(store, lrm_uv_wall_ms());
  if (result == 0) result = lrm_store_commit(store);
  if (result != 0 && store != NULL)
    snprintf(error, error_bytes, "%s", lrm_store_sqlite_error(store));
  lrm_store_close(store); /* the last connection puts the WAL into the file */
  return result;
}

static int sync_path(const char *path, int flags) {
  int fd = open(path, flags | O_CLOEXEC);
  int result = fd < 0 ? -1 : fsync(fd);
  if (fd >= 0) close(fd);
  return result;
}

static int sync_parent(const char *path) {
  char parent[FILE_PATH_BYTES];
  const char *slash = strrchr(path, '/');
  snprintf(parent, sizeof parent, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1),
           slash == NULL ? "." : path);
  return sync_path(parent, O_RDONLY | O_DIRECTORY);
}

static void remove_partial(const char *path) {
  static const char *const endings[] = {"", "-journal", "-wal", "-shm"};
  char name[FILE_PATH_BYTES + 16];
  for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
    snprintf(name, sizeof name, "%s%s", path, endings[i]);
    (void)unlink(name);
  }
}

/* The file under its passing name, ours alone. -1: said why. */
static int make_partial(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) {
    complain("cannot write %s: %s", path, strerror(errno));
    return -1;
  }
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    complain("another backup writes %s just now", path);
    close(fd);
    return -1;
  }
  /* What a backup left that was killed. */
  if (fchmod(fd, 0600) != 0 || ftruncate(fd, 0) != 0) {
    complain("cannot write %s: %s", path, strerror(errno));
    close(fd);
    return -1;
  }
  return fd;
}

static int copy_store(const char *from, const char *partial, uint64_t *pages) {
  char error[ERROR_BYTES] = "";
  int result = lrm_store_sqlite_copy(from, partial, goes_on, pages, error, sizeof error);
  if (result == 0) result = mark_copy(partial, error, sizeof error);
  if (result == 0 && interrupted) result = LRM_ERR_STATE;
  if (result != 0 && interrupted) return complain("stopped; no backup was made");
  if (result != 0)
    return complain("no backup was made: %s: %s%s", lrm_error_text(result), error,
                    result == LRM_ERR_DISK_FULL ? "; make room where it is to lie" : "");
  int faults = check_file(partial);
  if (faults != 0) return complain("no backup was made: the copy is not sound; check the store");
  if (sync_path(partial, O_RDWR) != 0)
    return complain("cannot sync %s: %s", partial, strerror(errno));
  return PROGRAM_DONE;
}

int store_backup(const program_options *options) {
  char from[FILE_PATH_BYTES], partial[FILE_PATH_BYTES];
  const char *to = options->name;
  if (to == NULL) {
    fputs("remote-relay: backup needs the FILE to write; see remote-relay --help\n", stderr);
    return PROGRAM_USAGE;
  }
  if (!store_path(options->data, from, sizeof from)) return no_store(options->data);
  if ((size_t)snprintf(partial, sizeof partial, "%s.partial", to) >= sizeof partial)
    return complain("the path is too long");
  struct stat status;
  if (lstat(to, &status) == 0)
    return complain("%s is there already; name another file, or remove it", to);
  listen_for_interrupts();
  int fd = make_partial(partial);
  if (fd < 0) return PROGRAM_FAILED;
  uint64_t pages = 0;
  int result = copy_store(from, partial, &pages);
  /* A link, not a rename: what came there meanwhile is not overwritten. */
  if (result == PROGRAM_DONE && link(partial, to) != 0)
    result = complain("cannot make %s: %s", to, strerror(errno));
  if (result == PROGRAM_DONE && sync_parent(to) != 0)
    result = complain("cannot sync the directory of %s: %s", to, strerror(errno));
  remove_partial(partial);
  close(fd); /* last: closing it drops the locks that SQLite holds on the same file */
  if (result == PROGRAM_DONE && stat(to, &status) == 0)
    printf("%s: %lld bytes, checked\n", to, (long long)status.st_size);
  return result;
}

/* ---- restore ---- */

static int copy_bytes(const char *from, const char *to) {
  static char buffer[256 * 1024];
  int in = open(from, O_RDONLY | O_CLOEXEC);
  int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  ssize_t got = 0;
  bool good = in >= 0 && out >= 0;
  while (good && (got = read(in, buffer, sizeof buffer)) > 0)
    for (ssize_t at = 0; good && at < got;) {
      ssize_t put = write(out, buffer + at, (size_t)(got - at));
      good = put > 0;
      at += put;
    }
  good = good && got == 0 && fsync(out) == 0;
  int fault = errno;
  if (in >= 0) close(in);
  if (out >= 0 && close(out) != 0) good = false;
  errno = fault;
  return good ? 0 : -1;
}

/* relay.db and what belongs to it become relay.db.replaced, the last ones of that name go. */
static int set_aside(const char *path) {
  static const char *const endings[] = {"-shm", "-wal", ""};
  char from[FILE_PATH_BYTES + 16], to[FILE_PATH_BYTES + 32];
  snprintf(to, sizeof to, "%s.replaced", path);
  remove_partial(to);
  for (size_t i = 0; i < 3; i++) {
    snprintf(from, sizeof from, "%s%s", path, endings[i]);
    snprintf(to, sizeof to, "%s.replaced%s", path, endings[i]);
    if (rename(from, to) != 0 && errno != ENOENT)
      return complain("cannot rename %s: %s", from, strerror(errno));
  }
  return PROGRAM_DONE;
}

static int put_in_place(const char *file, const char *path) {
  char fresh[FILE_PATH_BYTES + 16], error[ERROR_BYTES] = "";
  snprintf(fresh, sizeof fresh, "%s.new", path);
  remove_partial(fresh);
  int result = PROGRAM_DONE;
  if (copy_bytes(file, fresh) != 0)
    result = complain("cannot write %s: %s", fresh, strerror(errno));
  /* Also when it is a copy that somebody made by other means. */
  if (result == PROGRAM_DONE && mark_copy(fresh, error, sizeof error) != 0)
    result = complain("cannot open the copy: %s", error);
  if (result == PROGRAM_DONE && check_file(fresh) != 0)
    result = complain("%s is not sound; nothing was changed", file);
  if (result == PROGRAM_DONE) result = set_aside(path);
  if (result == PROGRAM_DONE && (rename(fresh, path) != 0 || sync_parent(path) != 0))
    result = complain("cannot put %s in place: %s", path, strerror(errno));
  if (result != PROGRAM_DONE) remove_partial(fresh);
  return result;
}

static int lock_directory(const program_options *options, bool create, data_dir *dir) {
  char error[700];
  switch (data_dir_open(dir, options->data, create, error, sizeof error)) {
    case DATA_DIR_LOCKED:
      return PROGRAM_DONE;
    case DATA_DIR_IN_USE:
      return complain("a relay runs on %s; stop it first", options->data);
    case DATA_DIR_FAILED:
      break;
  }
  return complain("%s", error);
}

int store_restore(const program_options *options) {
  data_dir dir;
  char path[FILE_PATH_BYTES];
  if (options->name == NULL) {
    fputs("remote-relay: restore needs the FILE of a backup; see remote-relay --help\n", stderr);
    return PROGRAM_USAGE;
  }
  if (access(options->name, R_OK) != 0) return complain("%s: %s", options->name, strerror(errno));
  int result = lock_directory(options, true, &dir);
  if (result != PROGRAM_DONE) {
    data_dir_close(&dir);
    return result;
  }
  if (!data_dir_path(&dir, "relay.db", path, sizeof path))
    result = complain("the path is too long");
  if (result == PROGRAM_DONE) result = put_in_place(options->name, path);
  data_dir_close(&dir);
  if (result == PROGRAM_DONE)
    printf(
        "restored. The former store, if there was one, is %s.replaced. At the next `serve` hosts "
        "begin new histories with all they have.\n",
        path);
  return result;
}

/* ---- compact ---- */

static unsigned long long file_bytes(const char *path) {
  struct stat status;
  return stat(path, &status) == 0 ? (unsigned long long)status.st_size : 0;
}

int store_compact(const program_options *options) {
  data_dir dir;
  char path[FILE_PATH_BYTES], error[ERROR_BYTES];
  if (!store_path(options->data, path, sizeof path)) return no_store(options->data);
  int result = lock_directory(options, false, &dir);
  if (result == PROGRAM_DONE) {
    unsigned long long before = file_bytes(path);
    int fault = lrm_store_sqlite_compact(path, error, sizeof error);
    if (fault != 0)
      result = complain("not compacted: %s: %s%s", lrm_error_text(fault), error,
                        fault == LRM_ERR_DISK_FULL ? "; it needs room for a second copy" : "");
    else
      printf("%s: %llu bytes, then %llu\n", path, before, file_bytes(path));
  }
  data_dir_close(&dir);
  return result;
}

/* ---- stats ---- */

int store_facts(const char *data, bool json, char *out, size_t out_bytes) {
  char path[FILE_PATH_BYTES], error[ERROR_BYTES];
  lrm_store_sqlite_facts facts;
  if (!store_path(data, path, sizeof path)) return no_store(data);
  int result = lrm_store_sqlite_measure(path, &facts, error, sizeof error);
  if (result != 0) return complain("cannot read the store: %s: %s", lrm_error_text(result), error);
  const struct {
    const char *name;
    uint64_t value;
  } rows[] = {{"file_bytes", facts.file_bytes},
              {"wal_bytes", facts.wal_bytes},
              {"free_bytes", facts.pages_free * facts.page_bytes},
              {"pages", facts.pages},
              {"pages_free", facts.pages_free},
              {"format", facts.format},
              {"logs", facts.logs},
              {"records", facts.records},
              {"places_to_sweep", facts.places_to_sweep}};
  size_t used = (size_t)snprintf(out, out_bytes, "%s", json ? "{\"store\":{" : "");
  for (size_t i = 0; i < sizeof rows / sizeof *rows && used < out_bytes; i++)
    used +=
        (size_t)snprintf(out + used, out_bytes - used, json ? "%s\"%s\":%llu" : "%sstore_%s %llu\n",
                         json && i > 0 ? "," : "", rows[i].name, (unsigned long long)rows[i].value);
  if (json && used < out_bytes) snprintf(out + used, out_bytes - used, "},");
  return PROGRAM_DONE;
}
