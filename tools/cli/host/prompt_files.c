#include "prompt_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host_app.h"
#include "media_type.h"

#define FILES_BYTES_MAX (256ull * 1024ull * 1024ull)
#define PREFIX "attachment-"

static char *keep(prompt_files *files, char *memory) {
  files->kept[files->kept_count++] = memory;
  return memory;
}

/* ---- out of the journal ---- */

static uint8_t *read_all(host_app *app, const lrm_id *id, size_t bytes) {
  uint8_t *data = memory_zero(bytes + 1);
  for (size_t at = 0; at < bytes;) {
    lrm_slice piece;
    if (lrm_host_attachment_read(app->host, id, at, &piece) != 0 || piece.bytes == 0 ||
        piece.bytes > bytes - at) {
      free(data);
      return NULL;
    }
    memcpy(data + at, piece.data, piece.bytes);
    at += piece.bytes;
  }
  return data;
}

/* ---- into the session's folder ---- */

/* The name a person gave it, so that the agent knows by its ending what it is: letters, digits and
 * a few marks of ASCII, everything else becomes `_`. The id in front keeps names apart. */
static void file_name(const lrm_id *id, const char *name, char out[128]) {
  static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+";
  char hex[LRM_ID_HEX_BYTES];
  lrm_id_hex(id, hex);
  size_t n = (size_t)snprintf(out, 128, PREFIX "%.16s-", hex), bytes = strlen(name);
  /* Of a long one the end, which says what it is. */
  if (bytes > 80) name += bytes - 80;
  for (; *name != '\0' && n < 127; name++) {
    if (((unsigned char)*name & 0xC0) == 0x80) continue;
    out[n++] = strchr(good, *name) != NULL ? *name : '_';
  }
  out[n] = '\0';
}

static char *file_uri(const char *path) {
  static const char plain[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-~+";
  static const char digits[] = "0123456789ABCDEF";
  char *uri = memory_zero(strlen(path) * 3 + 8), *to = uri + 7;
  memcpy(uri, "file://", 7);
  for (; *path != '\0'; path++) {
    unsigned char c = (unsigned char)*path;
    if (strchr(plain, *path) != NULL) {
      *to++ = *path;
      continue;
    }
    *to++ = '%';
    *to++ = digits[c >> 4];
    *to++ = digits[c & 15];
  }
  return uri;
}

static int write_file(const char *path, const uint8_t *data, size_t bytes) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return errno == EEXIST ? 0 : errno; /* the same id: given before, and the same */
  int error = 0;
  for (size_t at = 0; error == 0 && at < bytes;) {
    ssize_t n = write(fd, data + at, bytes - at);
    if (n > 0)
      at += (size_t)n;
    else if (n == 0 || errno != EINTR)
      error = n == 0 ? ENOSPC : errno;
  }
  if (close(fd) != 0 && error == 0) error = errno;
  if (error != 0) (void)unlink(path);
  return error;
}

typedef struct oldest {
  char path[PATH_BYTES_MAX];
  time_t at;
  uint64_t bytes;
} oldest;

/* All of them, and the oldest of them. */
static uint64_t look_through(const char *folder, oldest *found) {
  uint64_t bytes = 0;
  DIR *all = opendir(folder);
  struct dirent *entry;
  found->path[0] = '\0';
  while (all != NULL && (entry = readdir(all)) != NULL) {
    char path[PATH_BYTES_MAX];
    struct stat facts;
    if (strncmp(entry->d_name, PREFIX, sizeof PREFIX - 1) != 0 ||
        path_join(path, folder, entry->d_name) != 0 || lstat(path, &facts) != 0)
      continue;
    bytes += (uint64_t)facts.st_size;
    if (found->path[0] != '\0' && facts.st_mtime >= found->at) continue;
    memcpy(found->path, path, sizeof path);
    found->at = facts.st_mtime;
    found->bytes = (uint64_t)facts.st_size;
  }
  if (all != NULL) closedir(all);
  return bytes;
}

uint64_t prompt_files_trim(const char *folder, uint64_t bytes_max) {
  for (;;) {
    oldest first;
    uint64_t bytes = look_through(folder, &first);
    if (bytes <= bytes_max || first.path[0] == '\0' || unlink(first.path) != 0) return bytes;
  }
}

static char *save(host_app *app, const lrm_id *id, const acp_attachment *a, char *error,
                  size_t error_bytes) {
  char name[128], path[PATH_BYTES_MAX];
  file_name(id, a->name, name);
  if (session_dir_file(&app->dir, name, path) != 0) {
    snprintf(error, error_bytes, "%s cannot be saved: its path is too long", a->name);
    return NULL;
  }
  (void)prompt_files_trim(app->dir.path, FILES_BYTES_MAX - a->bytes);
  int failed = write_file(path, a->data, a->bytes);
  if (failed == 0) return file_uri(path);
  snprintf(error, error_bytes, "%s cannot be saved in %s: %s", a->name, app->dir.path,
           strerror(failed));
  return NULL;
}

/* ---- one prompt ---- */

static bool take_one(prompt_files *files, host_app *app, const lrm_id *id, size_t *inline_bytes,
                     char *error, size_t error_bytes) {
  lrm_host_attachment_info info;
  if (lrm_host_attachment(app->host, id, &info) != 0) {
    snprintf(error, error_bytes, "an attachment is no longer there");
    return false;
  }
  acp_attachment *a = &files->attachments[files->count];
  size_t bytes = (size_t)info.bytes;
  *a = (acp_attachment){.name = keep(files, memory_string(info.name)),
                        .media_type = keep(files, memory_string(info.media_type)),
                        .bytes = bytes,
                        .uri = ""};
  a->data = (const uint8_t *)keep(files, (char *)read_all(app, id, bytes));
  if (a->data == NULL) {
    snprintf(error, error_bytes, "%.200s cannot be read from the journal", a->name);
    return false;
  }
  /* A sender that does not say what it is, or that calls a text an image, is not taken at its
   * word: an agent's model refuses the whole prompt for an image that is none. */
  a->media_type = media_type_of(a->data, bytes, a->name, a->media_type);
  a->form = acp_attachment_form(app->acp, a, *inline_bytes);
  if (a->form != ACP_FORM_LINK) *inline_bytes += bytes;
  if (a->form == ACP_FORM_LINK || a->form == ACP_FORM_TEXT) {
    a->uri = keep(files, save(app, id, a, error, error_bytes));
    if (a->uri == NULL) return false;
  }
  files->count++;
  return true;
}

bool prompt_files_take(prompt_files *files, host_app *app, const lrm_host_action *action,
                       char *error, size_t error_bytes) {
  size_t inline_bytes = 0;
  memset(files, 0, sizeof *files);
  for (size_t i = 0; i < action->attachments_count && i < PROMPT_FILES_MAX; i++)
    if (!take_one(files, app, &action->attachment_ids[i], &inline_bytes, error, error_bytes))
      return false;
  return true;
}

void prompt_files_free(prompt_files *files) {
  for (size_t i = 0; i < files->kept_count; i++) free(files->kept[i]);
  files->kept_count = 0;
}
