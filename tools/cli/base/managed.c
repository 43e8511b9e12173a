#include "managed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 1024, LINES_MAX = 1000 };

static void broken(managed_rules *out, unsigned line, const char *what) {
  if (out->broken) return;
  out->broken = true;
  snprintf(out->error, sizeof out->error, "line %u: %s", line, what);
}

static char *trimmed(char *text) {
  text += strspn(text, " \t");
  size_t bytes = strlen(text);
  while (bytes > 0 && strchr(" \t\r\n", text[bytes - 1]) != NULL) text[--bytes] = '\0';
  return text;
}

static void take_accounts(managed_rules *out, unsigned line, char *value) {
  char *rest = NULL;
  bool any = false;
  for (char *word = strtok_r(value, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
    const char *name = trimmed(word);
    if (*name == '\0') continue;
    if (strlen(name) > MANAGED_NAME_BYTES_MAX || out->accounts_count == MANAGED_ACCOUNTS_MAX) {
      broken(out, line, "a name of an account is at most 63 bytes, and there are at most 64");
      return;
    }
    snprintf(out->accounts[out->accounts_count++], sizeof out->accounts[0], "%s", name);
    any = true;
  }
  if (!any) broken(out, line, "accounts = needs the name of an account");
}

static void take_hosting(managed_rules *out, unsigned line, const char *value) {
  static const char *const names[] = {"allowed", "view", "forbidden"};
  for (unsigned i = 0; i < 3; i++) {
    if (strcmp(value, names[i]) != 0) continue;
    /* Said twice, the stricter one holds. */
    if ((managed_hosting)i > out->hosting) out->hosting = (managed_hosting)i;
    return;
  }
  broken(out, line, "hosting is allowed, view or forbidden");
}

static void take_line(managed_rules *out, unsigned number, char *line) {
  char *text = trimmed(line);
  if (*text == '\0' || *text == '#' || *text == ';') return;
  char *equals = strchr(text, '=');
  if (equals == NULL) {
    broken(out, number, "a line is KEY = VALUE");
    return;
  }
  *equals = '\0';
  const char *key = trimmed(text);
  char *value = trimmed(equals + 1);
  if (strcmp(key, "hosting") == 0)
    take_hosting(out, number, value);
  else if (strcmp(key, "accounts") == 0)
    take_accounts(out, number, value);
  else
    broken(out, number, "the keys are hosting and accounts");
}

/* True: there is no such file. */
static bool load(managed_rules *out, const char *path) {
  char line[LINE_BYTES];
  memset(out, 0, sizeof *out);
  snprintf(out->path, sizeof out->path, "%s", path);
  FILE *file = fopen(path, "re");
  if (file == NULL && (errno == ENOENT || errno == ENOTDIR)) return true;
  out->there = true;
  if (file == NULL) {
    broken(out, 0, strerror(errno));
    return false;
  }
  for (unsigned number = 1; fgets(line, sizeof line, file) != NULL; number++) {
    if (number > LINES_MAX || (strchr(line, '\n') == NULL && !feof(file))) {
      broken(out, number, "the file or a line of it is too long");
      break;
    }
    take_line(out, number, line);
  }
  if (ferror(file)) broken(out, 0, "it cannot be read");
  fclose(file);
  return false;
}

void managed_load_from(managed_rules *out, const char *path) { (void)load(out, path); }

void managed_load(managed_rules *out) {
  const char *other = getenv(MANAGED_FILE_VARIABLE);
  if (load(out, MANAGED_FILE) && other != NULL && other[0] != '\0') (void)load(out, other);
}

const char *managed_refuses(const managed_rules *rules, const char *account, char *text,
                            size_t bytes) {
  if (rules->broken) {
    snprintf(text, bytes, "the rules of this machine cannot be read, so nothing is allowed: %s, %s",
             rules->path, rules->error);
    return text;
  }
  if (rules->hosting == MANAGED_FORBIDDEN) {
    snprintf(text, bytes, "this machine may not host sessions (%s)", rules->path);
    return text;
  }
  if (account == NULL || rules->accounts_count == 0) return NULL;
  for (size_t i = 0; i < rules->accounts_count; i++) {
    if (strcmp(rules->accounts[i], account) == 0) return NULL;
  }
  snprintf(text, bytes, "this machine hosts no sessions of the account %.63s (%s)", account,
           rules->path);
  return text;
}
