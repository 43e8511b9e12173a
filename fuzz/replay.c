/* Runs a fuzz target over files, without libFuzzer: regressions in ctest, and any crash file by
 * hand. Arguments are files or folders; a folder without files is a mistake and fails. */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "target.h"

enum { PATH_BYTES = 4096 };

/* Each input lies in memory of exactly its size, so that sanitizers see an overrun. */
static int run_file(const char *path, size_t bytes) {
  FILE *file = fopen(path, "rb");
  uint8_t *data = malloc(bytes ? bytes : 1);
  int failed = !file || !data || fread(data, 1, bytes, file) != bytes;
  if (failed)
    fprintf(stderr, "%s: cannot be read\n", path);
  else
    LLVMFuzzerTestOneInput(data, bytes);
  free(data);
  if (file) fclose(file);
  return failed ? -1 : 1;
}

static int run_path(const char *path);

static int run_folder(const char *path) {
  DIR *folder = opendir(path);
  if (!folder) return -1;
  int count = 0;
  for (struct dirent *entry; count >= 0 && (entry = readdir(folder));) {
    if (entry->d_name[0] == '.') continue;
    char name[PATH_BYTES];
    int length = snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    int done = length > 0 && length < PATH_BYTES ? run_path(name) : -1;
    count = done < 0 ? -1 : count + done;
  }
  closedir(folder);
  return count;
}

/* Files run, or -1. */
static int run_path(const char *path) {
  struct stat about;
  if (stat(path, &about) != 0) {
    fprintf(stderr, "%s: not found\n", path);
    return -1;
  }
  return S_ISDIR(about.st_mode) ? run_folder(path) : run_file(path, (size_t)about.st_size);
}

int main(int argc, char **argv) {
  int count = 0;
  for (int i = 1; i < argc; i++) {
    int done = run_path(argv[i]);
    if (done <= 0) {
      fprintf(stderr, "%s: nothing run\n", argv[i]);
      return 1;
    }
    count += done;
  }
  printf("%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
