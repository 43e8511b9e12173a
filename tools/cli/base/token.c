#include "token.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "token_store.h"

/* A token is printable ASCII without spaces; white space around it (an editor's newline) is cut. */
static int take_text(device_token *out, char *text) {
  while (*text && isspace((unsigned char)*text)) text++;
  size_t bytes = strlen(text);
  while (bytes && isspace((unsigned char)text[bytes - 1])) bytes--;
  if (bytes == 0 || bytes > TOKEN_BYTES_MAX) return -1;
  for (size_t i = 0; i < bytes; i++)
    if (text[i] <= ' ' || text[i] > '~') return -1;
  memcpy(out->text, text, bytes);
  out->text[bytes] = 0;
  return 0;
}

/* Mode and owner are read from the open file, so it cannot be exchanged in between. */
static exit_code open_private(const char *path, int *fd, bool *missing, char *error,
                              size_t error_bytes) {
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (*fd < 0) {
    *missing = errno == ENOENT || errno == ENOTDIR;
    snprintf(error, error_bytes, "cannot read the token file %s: %s", path, strerror(errno));
    return EXIT_CODE_FAILURE;
  }
  struct stat facts;
  const char *fault = NULL;
  if (fstat(*fd, &facts))
    fault = strerror(errno);
  else if (!S_ISREG(facts.st_mode))
    fault = "it is not a regular file";
  else if (facts.st_mode & 077)
    fault =
        "others can read it; make it private with chmod 600, and sign in again if anybody may "
        "have read it";
  else if (facts.st_uid != geteuid() && geteuid() != 0)
    fault = "it belongs to another user";
  if (!fault) return EXIT_CODE_DONE;
  snprintf(error, error_bytes, "will not use the token file %s: %s", path, fault);
  close(*fd);
  return EXIT_CODE_FAILURE;
}

exit_code token_read(const char *path, device_token *out, bool *missing, char *error,
                     size_t error_bytes) {
  char text[TOKEN_BYTES_MAX + 64];
  bool gone = false;
  int fd = -1;
  *out = (device_token){0};
  exit_code result = open_private(path, &fd, &gone, error, error_bytes);
  if (missing) *missing = gone;
  if (result) return result;
  ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  text[n < 0 ? 0 : n] = 0;
  bool bad = n < 0 || take_text(out, text) != 0;
  explicit_bzero(text, sizeof text);
  if (bad) {
    snprintf(error, error_bytes, "the token file %s does not hold a token", path);
    return EXIT_CODE_FAILURE;
  }
  snprintf(out->source, sizeof out->source, "%s", path);
  return EXIT_CODE_DONE;
}

static exit_code from_environment(const char *text, device_token *out, char *error,
                                  size_t error_bytes) {
  char copy[TOKEN_BYTES_MAX + 64];
  *out = (device_token){0};
  int n = snprintf(copy, sizeof copy, "%s", text);
  bool bad = n >= (int)sizeof copy || take_text(out, copy) != 0;
  explicit_bzero(copy, sizeof copy);
  if (bad) {
    snprintf(error, error_bytes, "REMOTE_TOKEN does not hold a token");
    return EXIT_CODE_FAILURE;
  }
  snprintf(out->source, sizeof out->source, "REMOTE_TOKEN");
  return EXIT_CODE_DONE;
}

/* True: the standard file is there (or is there and unusable), and *result is final. */
static bool try_standard(const char *path, device_token *out, exit_code *result, char *error,
                         size_t error_bytes) {
  bool missing = false;
  *result = token_read(path, out, &missing, error, error_bytes);
  return !missing;
}

exit_code token_find(const char *file, const remote_config *config, const char *relay,
                     bool relay_local, device_token *out, char *error, size_t error_bytes) {
  char path[PATH_BYTES_MAX];
  exit_code result;
  if (file) return token_read(file, out, NULL, error, error_bytes);
  const char *named = getenv("REMOTE_TOKEN_FILE");
  if (named && *named) return token_read(named, out, NULL, error, error_bytes);
  const char *text = getenv("REMOTE_TOKEN");
  if (text && *text) return from_environment(text, out, error, error_bytes);
  named = config ? config_get(config, "token_file") : NULL;
  if (named && *named) return token_read(named, out, NULL, error, error_bytes);
  if (relay && !token_store_path(relay, path) &&
      try_standard(path, out, &result, error, error_bytes))
    return result;
  if (!path_state(path, "token") && try_standard(path, out, &result, error, error_bytes))
    return result;
  if (relay_local && !path_local_relay(path, "token") &&
      try_standard(path, out, &result, error, error_bytes))
    return result;
  *out = (device_token){0};
  snprintf(
      error, error_bytes,
      "this device is not signed in%s%s: there is no token. `remote login` gets one; or put one of "
      "`remote-relay token` into a file of mode 0600 and name it with --token-file, "
      "REMOTE_TOKEN_FILE or the config key token_file. Another relay is named with --relay",
      relay ? " to " : "", relay ? relay : "");
  return EXIT_CODE_NOT_ALLOWED;
}
