/* What survives a process: a store of SQLite in a temporary folder. In memory would be faster, but
 * copies, and a second process on the same store, are exactly what a real store is needed for. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"
#include "remote/log_sqlite.h"

enum { PATH_BYTES = 512 };
static const char *const suffixes[] = {"", "-wal"}; /* -shm is made anew */

static void path_of(const parts_disk *disk, const char *name, const char *suffix,
                    char out[PATH_BYTES]) {
  snprintf(out, PATH_BYTES, "%s/%s%s", disk->folder, name, suffix);
}

static void copy_file(const char *from, const char *to) {
  static char buffer[256 * 1024];
  FILE *in = fopen(from, "rb");
  if (in == NULL) {
    if (unlink(to) != 0 && errno != ENOENT) parts_die("%s: %s", to, strerror(errno));
    return;
  }
  FILE *out = fopen(to, "wb");
  if (out == NULL) parts_die("%s: %s", to, strerror(errno));
  size_t bytes;
  while ((bytes = fread(buffer, 1, sizeof buffer, in)) > 0)
    if (fwrite(buffer, 1, bytes, out) != bytes) parts_die("%s: %s", to, strerror(errno));
  fclose(in);
  if (fclose(out) != 0) parts_die("%s: %s", to, strerror(errno));
}

void parts_disk_begin(parts_disk *disk) {
  const char *base = getenv("TMPDIR");
  /* Nothing here outlives the run, so memory is disk enough; syncs cost nothing there. */
  if (base == NULL) base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  snprintf(disk->folder, sizeof disk->folder, "%.200s/remote-testee-XXXXXX", base);
  if (mkdtemp(disk->folder) == NULL) parts_die("%s: %s", disk->folder, strerror(errno));
}

void parts_disk_end(parts_disk *disk) {
  if (disk->folder[0] == '\0') return;
  DIR *folder = opendir(disk->folder);
  struct dirent *entry;
  while (folder != NULL && (entry = readdir(folder)) != NULL) {
    char path[PATH_BYTES];
    if (entry->d_name[0] == '.') continue;
    path_of(disk, entry->d_name, "", path);
    (void)unlink(path);
  }
  if (folder != NULL) closedir(folder);
  (void)rmdir(disk->folder);
  disk->folder[0] = '\0';
}

lrm_store *parts_disk_open(const parts_disk *disk) {
  char path[PATH_BYTES], error[256] = "";
  path_of(disk, "store", "", path);
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = path};
  lrm_store *store;
  if (lrm_store_sqlite_open(&config, &store, error, sizeof error) != 0)
    parts_die("the store %s: %s", path, error);
  return store;
}

void parts_disk_copy(const parts_disk *disk, const char *name) {
  for (size_t i = 0; i < 2; i++) {
    char from[PATH_BYTES], to[PATH_BYTES], copy[PATH_BYTES];
    snprintf(copy, sizeof copy, "copy-%.100s", name);
    path_of(disk, "store", suffixes[i], from);
    path_of(disk, copy, suffixes[i], to);
    copy_file(from, to);
  }
}

bool parts_disk_back(const parts_disk *disk, const char *name) {
  char copy[PATH_BYTES], from[PATH_BYTES], to[PATH_BYTES];
  snprintf(copy, sizeof copy, "copy-%.100s", name);
  path_of(disk, copy, "", from);
  if (access(from, R_OK) != 0) return false;
  parts_disk_lose(disk);
  for (size_t i = 0; i < 2; i++) {
    path_of(disk, copy, suffixes[i], from);
    path_of(disk, "store", suffixes[i], to);
    copy_file(from, to);
  }
  return true;
}

void parts_disk_lose(const parts_disk *disk) {
  static const char *const all[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < 3; i++) {
    char path[PATH_BYTES];
    path_of(disk, "store", all[i], path);
    if (unlink(path) != 0 && errno != ENOENT) parts_die("%s: %s", path, strerror(errno));
  }
}
