/* The web client's files, read once and served from memory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remote/sha256.h"
#include "site.h"

enum { FILES_MAX = 2000, DEPTH_MAX = 8, PATH_BYTES_MAX = 512 };
#define BYTES_MAX ((size_t)64 * 1024 * 1024)

http_blob *http_blob_new(size_t bytes) {
  http_blob *blob = malloc(sizeof *blob + bytes);
  if (blob == NULL) return NULL;
  blob->references = 1;
  blob->bytes = bytes;
  return blob;
}

http_blob *http_blob_use(http_blob *blob) {
  blob->references++;
  return blob;
}

void http_blob_release(http_blob *blob) {
  if (blob != NULL && --blob->references == 0) free(blob);
}

/* ---- what a file is ---- */

static const char *type_of(const char *path) {
  static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                         {".js", "text/javascript; charset=utf-8"},
                                         {".mjs", "text/javascript; charset=utf-8"},
                                         {".css", "text/css; charset=utf-8"},
                                         {".json", "application/json"},
                                         {".map", "application/json"},
                                         {".wasm", "application/wasm"},
                                         {".webmanifest", "application/manifest+json"},
                                         {".svg", "image/svg+xml"},
                                         {".png", "image/png"},
                                         {".ico", "image/x-icon"},
                                         {".webp", "image/webp"},
                                         {".jpg", "image/jpeg"},
                                         {".woff2", "font/woff2"},
                                         {".txt", "text/plain; charset=utf-8"}};
  const char *dot = strrchr(path, '.');
  for (size_t i = 0; dot != NULL && i < sizeof types / sizeof types[0]; i++) {
    if (strcmp(dot, types[i][0]) == 0) return types[i][1];
  }
  return "application/octet-stream";
}

static void make_etag(const http_blob *body, char out[36]) {
  uint8_t digest[LRM_SHA256_BYTES];
  lrm_sha256 sha;
  lrm_sha256_begin(&sha);
  lrm_sha256_add(&sha, body->data, body->bytes);
  lrm_sha256_end(&sha, digest);
  size_t at = 0;
  out[at++] = '"';
  for (size_t i = 0; i < 16; i++, at += 2) snprintf(out + at, 3, "%02x", digest[i]);
  out[at++] = '"';
  out[at] = '\0';
}

/* ---- reading ---- */

typedef struct reading {
  http_files *files;
  char *error;
  size_t error_bytes;
} reading;

static bool fail(reading *r, const char *path, const char *why) {
  snprintf(r->error, r->error_bytes, "--web %s: %s", path, why);
  return false;
}

static bool read_all(int file, http_blob *body) {
  size_t at = 0;
  while (at < body->bytes) {
    ssize_t got = read(file, body->data + at, body->bytes - at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false; /* it became shorter */
    at += (size_t)got;
  }
  return true;
}

/* Names that need no escape in a path; others are not served. */
static bool plain_name(const char *name) {
  for (const char *c = name; *c != '\0'; c++) {
    bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                strchr("-._~", *c) != NULL;
    if (!good) return false;
  }
  return name[0] != '.';
}

static bool add_file(reading *r, int file, const struct stat *facts, const char *path) {
  http_files *files = r->files;
  size_t bytes = (size_t)facts->st_size;
  if (files->count == FILES_MAX) return fail(r, path, "more than 2,000 files");
  if (bytes > BYTES_MAX - files->bytes) return fail(r, path, "more than 64 MiB");
  http_file *entry = &files->files[files->count];
  entry->path = strdup(path);
  entry->body = http_blob_new(bytes);
  files->count++;
  files->bytes += bytes;
  if (entry->path == NULL || entry->body == NULL) return fail(r, path, "out of memory");
  if (!read_all(file, entry->body)) return fail(r, path, "cannot be read");
  entry->type = type_of(path);
  entry->forever = strncmp(path, "/assets/", 8) == 0;
  make_etag(entry->body, entry->etag);
  http_pack_gzip(entry);
  return true;
}

static bool read_folder(reading *r, int folder, const char *path, int depth);

static bool read_entry(reading *r, int folder, const char *path, const char *name, int depth) {
  char full[PATH_BYTES_MAX];
  struct stat facts;
  if (!plain_name(name)) return true;
  if ((size_t)snprintf(full, sizeof full, "%s/%s", path, name) >= sizeof full) return true;
  int file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return errno == ELOOP || fail(r, full, strerror(errno));
  bool good = true;
  if (fstat(file, &facts) != 0) {
    good = fail(r, full, strerror(errno));
  } else if (S_ISDIR(facts.st_mode)) {
    return read_folder(r, file, full, depth + 1); /* takes the descriptor */
  } else if (S_ISREG(facts.st_mode)) {
    good = add_file(r, file, &facts, full);
  }
  close(file);
  return good;
}

static bool read_folder(reading *r, int folder, const char *path, int depth) {
  if (depth > DEPTH_MAX) {
    close(folder);
    return fail(r, path, "folders lie too deep");
  }
  DIR *entries = fdopendir(folder);
  if (entries == NULL) {
    close(folder);
    return fail(r, path, strerror(errno));
  }
  bool good = true;
  for (struct dirent *e = readdir(entries); good && e != NULL; e = readdir(entries)) {
    good = read_entry(r, folder, path, e->d_name, depth);
  }
  closedir(entries);
  return good;
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const http_file *)a)->path, ((const http_file *)b)->path);
}

static int to_path(const void *key, const void *file) {
  return strcmp(key, ((const http_file *)file)->path);
}

static void free_file(http_file *file) {
  free(file->path);
  http_blob_release(file->body);
  for (size_t i = 0; i < HTTP_CODINGS; i++) http_blob_release(file->packed[i].body);
}

/* FILE.br beside FILE is no file of its own. One that is of another FILE would be two versions. */
static bool take_brotli(reading *r) {
  http_files *files = r->files;
  size_t kept = 0;
  bool good = true;
  for (size_t i = 0; i < files->count; i++) {
    http_file *file = &files->files[i];
    size_t bytes = strlen(file->path);
    http_file *plain = NULL;
    if (bytes > 3 && strcmp(file->path + bytes - 3, ".br") == 0) {
      file->path[bytes - 3] = '\0';
      /* A name sorts before itself with an end: FILE has kept its place or moved to the front. */
      plain = bsearch(file->path, files->files, kept, sizeof *files->files, to_path);
      file->path[bytes - 3] = '.';
    }
    if (plain == NULL) {
      if (kept != i) {
        files->files[kept] = *file;
        memset(file, 0, sizeof *file);
      }
      kept++;
      continue;
    }
    if (good && !http_pack_brotli(plain, file->body))
      good = fail(r, file->path, "is not the file beside it in Brotli: build them again");
    free_file(file);
    memset(file, 0, sizeof *file);
  }
  files->count = kept;
  return good;
}

http_files *http_files_read(const char *folder, char *error, size_t error_bytes) {
  reading r = {calloc(1, sizeof(http_files)), error, error_bytes};
  if (r.files != NULL) r.files->files = calloc(FILES_MAX, sizeof(http_file));
  int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool good = false;
  if (r.files == NULL || r.files->files == NULL) {
    good = fail(&r, folder, "out of memory");
    if (root >= 0) close(root);
  } else if (root < 0) {
    good = fail(&r, folder, strerror(errno));
  } else {
    good = read_folder(&r, root, "", 0);
  }
  if (good && r.files->count > 0) {
    qsort(r.files->files, r.files->count, sizeof *r.files->files, by_path);
    good = take_brotli(&r);
  }
  if (good && http_files_find(r.files, "/") == NULL) {
    good = fail(&r, folder, "there is no index.html in it");
  }
  if (good) return r.files;
  http_files_free(r.files);
  return NULL;
}

void http_files_free(http_files *files) {
  if (files == NULL) return;
  for (size_t i = 0; files->files != NULL && i < files->count; i++) {
    free_file(&files->files[i]);
  }
  free(files->files);
  free(files);
}

const http_file *http_files_find(const http_files *files, const char *path) {
  char index[PATH_BYTES_MAX];
  size_t bytes = strlen(path);
  if (files == NULL || files->count == 0 || bytes == 0 || bytes + 11 >= sizeof index) return NULL;
  if (path[bytes - 1] == '/') {
    snprintf(index, sizeof index, "%sindex.html", path);
    path = index;
  }
  return bsearch(path, files->files, files->count, sizeof *files->files, to_path);
}
