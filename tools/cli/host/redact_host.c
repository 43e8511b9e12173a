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

/* ---- answers ---- */

/* The kind of secret that an ask asks for; NULL: none. A form that is answered in words has one
 * field; answers in JSON have their names with them. */
static const char *asked_kind(const host_app *app, const Remote__V1__Ask *ask) {
  const char *kind = NULL;
  if (ask->kind_case == REMOTE__V1__ASK__KIND_QUESTION)
    return redactor_asked(app->redact, ask->question->text);
  if (ask->kind_case != REMOTE__V1__ASK__KIND_FORM) return NULL;
  for (size_t i = 0; kind == NULL && i < ask->form->n_fields; i++) {
    const Remote__V1__FormField *field = ask->form->fields[i];
    kind = redactor_asked(app->redact, field->name);
    if (kind == NULL) kind = redactor_asked(app->redact, field->title);
  }
  return kind != NULL ? kind : redactor_asked(app->redact, ask->form->text);
}

/* Secret answers are told again to those who come too late, when their ask is gone: so they are
 * remembered. */
static const char *answer_kind(host_app *app, const ProtobufCBinaryData *ask_id) {
  lrm_id id;
  if (app->host == NULL || ask_id->len != sizeof id.bytes) return NULL;
  memcpy(id.bytes, ask_id->data, sizeof id.bytes);
  for (size_t i = 0; i < SECRET_ANSWERS_MAX; i++)
    if (app->secret_answers[i].kind != NULL && lrm_id_equal(&app->secret_answers[i].id, &id))
      return app->secret_answers[i].kind;
  const Remote__V1__SessionState *state = lrm_host_state(app->host);
  for (size_t i = 0; i < state->n_asks; i++) {
    const Remote__V1__Ask *ask = state->asks[i];
    if (ask->ask_id.len != sizeof id.bytes || memcmp(ask->ask_id.data, id.bytes, 16) != 0) continue;
    const char *kind = asked_kind(app, ask);
    if (kind == NULL) return NULL;
    size_t slot = app->next_secret_answer++ % SECRET_ANSWERS_MAX;
    app->secret_answers[slot].id = id;
    app->secret_answers[slot].kind = kind;
    return kind;
  }
  return NULL;
}

static void redact_answer(host_app *app, Remote__V1__AskResolved *resolved, lrm_arena *arena) {
  char mark[64];
  if (resolved == NULL || resolved->answer == NULL || resolved->answer->text[0] == '\0') return;
  const char *kind = answer_kind(app, &resolved->ask_id);
  if (kind == NULL) return;
  static char nothing[1];
  char *text = lrm_arena_copy(arena, mark, shape_mark(kind, mark));
  resolved->answer->text = text != NULL ? text : nothing;
}

void app_redact_event(void *user, Remote__V1__Event *event, lrm_arena *arena) {
  host_app *app = user;
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASK_RESOLVED)
    redact_answer(app, event->ask_resolved, arena);
  if (event->body_case == REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME)
    redact_answer(app, event->command_outcome->resolution, arena);
  (void)redact_event(app->redact, event, arena);
}

/* ---- saying so ---- */

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
