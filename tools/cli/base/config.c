#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"
#include "terminal_text.h"

typedef struct known_key {
  const char *key;
  bool list;
} known_key;

#define KNOWN_KEY(key, list, help) {#key, list},
static const known_key known_keys[] = {CONFIG_KEYS(KNOWN_KEY)};
#undef KNOWN_KEY

static const known_key *find_key(const char *key) {
  for (size_t i = 0; i < sizeof known_keys / sizeof *known_keys; i++)
    if (!strcmp(known_keys[i].key, key)) return &known_keys[i];
  return NULL;
}

static char *trim(char *text) {
  while (*text && isspace((unsigned char)*text)) text++;
  size_t bytes = strlen(text);
  while (bytes && isspace((unsigned char)text[bytes - 1])) text[--bytes] = 0;
  return text;
}

static char *unquote(char *text) {
  size_t bytes = strlen(text);
  if (bytes >= 2 && text[0] == '"' && text[bytes - 1] == '"') {
    text[bytes - 1] = 0;
    return text + 1;
  }
  return text;
}

void config_warn_stderr(void *user, const char *line) {
  (void)user;
  fprintf(stderr, "remote: warning: %s\n", line);
}

static void warn_key(const char *key, const char *name, unsigned line,
                     void (*warn)(void *user, const char *line), void *user) {
  char shown[128], text[PATH_BYTES_MAX + 256];
  if (!warn) return;
  terminal_text_copy(shown, sizeof shown, key, strlen(key), TERMINAL_TEXT_ONE_LINE);
  snprintf(text, sizeof text, "%s line %u: unknown key \"%s\" is ignored", name, line, shown);
  warn(user, text);
}

/* One trimmed line that is neither empty nor a comment. */
static int take_line(remote_config *out, char *line, unsigned number, const char *name,
                     void (*warn)(void *user, const char *line), void *user, char *error,
                     size_t error_bytes) {
  if (line[0] == '[') {
    warn_key(line, name, number, warn, user);
    return 0;
  }
  char *equals = strchr(line, '=');
  if (!equals) {
    snprintf(error, error_bytes, "%s line %u: expected `key = value`", name, number);
    return -1;
  }
  *equals = 0;
  char *key = trim(line);
  const known_key *known = find_key(key);
  if (!known) {
    warn_key(key, name, number, warn, user);
    return 0;
  }
  if (out->count == CONFIG_ENTRIES_MAX) {
    snprintf(error, error_bytes, "%s: more than %d entries", name, CONFIG_ENTRIES_MAX);
    return -1;
  }
  out->entries[out->count++] =
      (config_entry){.key = known->key, .value = unquote(trim(equals + 1)), .line = number};
  return 0;
}

int config_parse(remote_config *out, const char *text, size_t bytes, const char *name,
                 void (*warn)(void *user, const char *line), void *user, char *error,
                 size_t error_bytes) {
  *out = (remote_config){0};
  if (bytes > CONFIG_FILE_BYTES_MAX || memchr(text, 0, bytes)) {
    snprintf(error, error_bytes, "%s: %s", name,
             bytes > CONFIG_FILE_BYTES_MAX ? "larger than 64 KiB" : "is not a text file");
    return -1;
  }
  out->text = malloc(bytes + 1);
  if (!out->text) {
    snprintf(error, error_bytes, "out of memory");
    return -1;
  }
  memcpy(out->text, text, bytes);
  out->text[bytes] = 0;
  unsigned number = 0;
  for (char *line = out->text; line;) {
    char *end = strchr(line, '\n');
    if (end) *end = 0;
    number++;
    char *content = trim(line);
    if (*content && *content != '#' && *content != ';' &&
        take_line(out, content, number, name, warn, user, error, error_bytes)) {
      config_free(out);
      return -1;
    }
    line = end ? end + 1 : NULL;
  }
  return 0;
}

int config_load(remote_config *out, const char *path, void (*warn)(void *user, const char *line),
                void *user, char *error, size_t error_bytes) {
  char standard[PATH_BYTES_MAX];
  *out = (remote_config){0};
  bool named = path != NULL;
  if (!path) {
    if (path_config_file(standard)) return 0;
    path = standard;
  }
  size_t capacity = CONFIG_FILE_BYTES_MAX + 1, bytes = 0;
  char *text = malloc(capacity);
  if (!text) {
    snprintf(error, error_bytes, "out of memory");
    return -1;
  }
  int result = path_read(path, text, capacity, &bytes);
  if (result && !named && (errno == ENOENT || errno == ENOTDIR))
    result = 0;
  else if (result)
    snprintf(error, error_bytes, "cannot read %s: %s", path,
             errno == EFBIG ? "it is larger than 64 KiB" : strerror(errno));
  else
    result = config_parse(out, text, bytes, path, warn, user, error, error_bytes);
  free(text);
  return result;
}

void config_free(remote_config *config) {
  free(config->text);
  *config = (remote_config){0};
}

const char *config_get(const remote_config *config, const char *key) {
  for (size_t i = config->count; i > 0; i--)
    if (!strcmp(config->entries[i - 1].key, key)) return config->entries[i - 1].value;
  return NULL;
}

const char *config_item(const remote_config *config, const char *key, size_t index) {
  for (size_t i = 0; i < config->count; i++)
    if (!strcmp(config->entries[i].key, key) && index-- == 0) return config->entries[i].value;
  return NULL;
}

bool config_has_word(const remote_config *config, const char *key, const char *word) {
  size_t bytes = strlen(word);
  const char *value;
  for (size_t i = 0; bytes && (value = config_item(config, key, i)); i++) {
    for (const char *at = value; *at;) {
      at += strspn(at, " \t,");
      size_t length = strcspn(at, " \t,");
      if (length == bytes && !memcmp(at, word, bytes)) return true;
      at += length;
    }
  }
  return false;
}
