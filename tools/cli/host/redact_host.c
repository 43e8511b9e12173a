/* Redaction in `remote host`: what is configured, the filter that every event passes, and saying
 * so once. */
#include <stdio.h>

#include "host_app.h"
#include "redact_event.h"

static size_t items(const remote_config *config, const char *key, const char **out, size_t max) {
  size_t count = 0;
  const char *item;
  while (count < max && (item = config_item(config, key, count)) != NULL) out[count++] = item;
  return count;
}

bool app_redact_open(host_app *app) {
  const remote_config *config = &app->options->config;
  const char *removed[PATTERNS_MAX + 1], *allowed[PATTERNS_MAX + 1];
  const char *defaults = config_get(config, "redact_defaults");
  char error[512];
  if (defaults != NULL && strcmp(defaults, "on") != 0 && strcmp(defaults, "off") != 0) {
    fprintf(stderr, "remote: config.ini: redact_defaults is on or off, not \"%.60s\"\n", defaults);
    return false;
  }
  /* One too many is refused with the others, not left out. */
  redact_config wanted = {
      .defaults = defaults == NULL || strcmp(defaults, "off") != 0,
      .patterns = removed,
      .patterns_count = items(config, "redact", removed, PATTERNS_MAX + 1),
      .allowed = allowed,
      .allowed_count = items(config, "redact_allow", allowed, PATTERNS_MAX + 1)};
  app->redact = redactor_create(&wanted, error, sizeof error);
  if (app->redact == NULL) fprintf(stderr, "remote: config.ini: %s\n", error);
  return app->redact != NULL;
}

void app_redact_event(void *user, Remote__V1__Event *event, lrm_arena *arena) {
  const host_app *app = user;
  (void)redact_event(app->redact, event, arena);
}

/* "2 GitHub token, 1 password" */
static void list_kinds(const redactor *redact, char *out, size_t bytes) {
  size_t n = 0, count;
  const char *kind;
  out[0] = '\0';
  for (size_t i = 0; n < bytes && (kind = redactor_kind(redact, i, &count)) != NULL; i++)
    n += (size_t)snprintf(out + n, bytes - n, "%s%zu %s", i > 0 ? ", " : "", count, kind);
}

void app_redact_status(host_app *app, char *out, size_t bytes) {
  char kinds[512];
  size_t count = redactor_count(app->redact);
  list_kinds(app->redact, kinds, sizeof kinds);
  if (count == 0)
    out[0] = '\0';
  else
    snprintf(out, bytes, "removed from what leaves this machine so far: %s", kinds);
}

void app_redact_work(host_app *app) {
  if (app->said_redacted || app->host == NULL || redactor_count(app->redact) == 0) return;
  size_t count;
  app->said_redacted = true;
  app_notice(app, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_INFO, "redaction",
             "Something that looks like a secret (%s) was removed from what leaves this machine, "
             "here and wherever it says [redacted: ...]. The agent still has it.",
             redactor_kind(app->redact, 0, &count));
}
