/* Sessions and their files: $REMOTE_DEMO_AGENT_STATE, else $XDG_STATE_HOME/remote-demo-agent,
 * else ~/.local/state/remote-demo-agent. One file a session, one replayable update a line. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "demo.h"

static const struct {
  const char *id, *name, *description;
} modes[] = {
    {"default", "Default", "Asks before it runs commands or changes files"},
    {"plan", "Plan", "Plans only: commands and edits are refused"},
    {"bypassPermissions", "Bypass permissions", "Never asks"},
};
static const struct {
  const char *id, *name;
} models[] = {{"script-1", "Script 1"}, {"script-2", "Script 2"}};

static bool state_path(char *out, size_t bytes, const char *id) {
  const char *own = getenv("REMOTE_DEMO_AGENT_STATE");
  const char *xdg = getenv("XDG_STATE_HOME");
  const char *home = getenv("HOME");
  char folder[3000];
  if (own != NULL && *own != '\0')
    snprintf(folder, sizeof folder, "%s", own);
  else if (xdg != NULL && *xdg != '\0')
    snprintf(folder, sizeof folder, "%s/remote-demo-agent", xdg);
  else
    snprintf(folder, sizeof folder, "%s/.local/state/remote-demo-agent",
             home != NULL ? home : "/tmp");
  for (char *p = folder + 1; *p != '\0'; p++) {
    if (*p != '/') continue;
    *p = '\0';
    (void)mkdir(folder, 0700);
    *p = '/';
  }
  if (mkdir(folder, 0700) != 0 && errno != EEXIST) return false;
  return (size_t)snprintf(out, bytes, "%s/%s.ndjson", folder, id) < bytes;
}

static bool id_is_plain(const char *id) {
  size_t n = strlen(id);
  return n > 0 && n < 60 && strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789-_") == n;
}

demo_session *demo_session_find(const char *id) {
  for (size_t i = 0; id != NULL && i < DEMO_SESSIONS_MAX; i++)
    if (demo.sessions[i] != NULL && strcmp(demo.sessions[i]->id, id) == 0) return demo.sessions[i];
  return NULL;
}

static demo_session *session_add(const char *id, const char *cwd) {
  for (size_t i = 0; i < DEMO_SESSIONS_MAX; i++) {
    if (demo.sessions[i] != NULL) continue;
    demo_session *session = calloc(1, sizeof *session);
    if (session == NULL) return NULL;
    snprintf(session->id, sizeof session->id, "%s", id);
    session->cwd = strdup(cwd);
    snprintf(session->mode, sizeof session->mode, "default");
    snprintf(session->model, sizeof session->model, "script-1");
    session->turn.child_fd = -1;
    demo.sessions[i] = session;
    return session;
  }
  return NULL;
}

demo_session *demo_session_new(const char *cwd) {
  unsigned char random[8];
  char id[32], path[4096];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random) return NULL;
  size_t used = (size_t)snprintf(id, sizeof id, "demo-");
  for (size_t i = 0; i < sizeof random; i++)
    used += (size_t)snprintf(id + used, sizeof id - used, "%02x", random[i]);
  if (!state_path(path, sizeof path, id)) return NULL;
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* it can be loaded from now on */
  if (fd < 0) return NULL;
  close(fd);
  return session_add(id, cwd);
}

void demo_session_remember(demo_session *session, json_t *update) {
  char path[4096];
  char *line = json_dumps(update, JSON_COMPACT);
  if (line != NULL && state_path(path, sizeof path, session->id)) {
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
      FILE *file = fdopen(fd, "a");
      fprintf(file, "%s\n", line);
      fclose(file);
    }
  }
  free(line);
}

/* Ids made after a load must not meet those in the file. */
static void count_id(demo_session *session, const json_t *update) {
  const char *id = json_string_value(json_object_get(update, "messageId"));
  if (id == NULL) id = json_string_value(json_object_get(update, "toolCallId"));
  const char *dash = id != NULL ? strrchr(id, '-') : NULL;
  unsigned long n = dash != NULL ? strtoul(dash + 1, NULL, 10) : 0;
  if (n > session->counter && n < UINT32_MAX) session->counter = (uint32_t)n;
}

demo_session *demo_session_load(const char *id, const char *cwd, bool replay) {
  char path[4096];
  if (!id_is_plain(id) || !state_path(path, sizeof path, id)) return NULL;
  FILE *file = fopen(path, "re");
  if (file == NULL) return NULL;
  demo_session *session = demo_session_find(id);
  if (session == NULL) session = session_add(id, cwd);
  char *line = NULL;
  size_t room = 0;
  while (session != NULL && getline(&line, &room, file) > 0) {
    json_t *update = json_loads(line, 0, NULL);
    if (update == NULL) continue; /* a line cut by a crash */
    count_id(session, update);
    const char *title = json_string_value(json_object_get(update, "title"));
    const char *kind = json_string_value(json_object_get(update, "sessionUpdate"));
    if (kind != NULL && strcmp(kind, "session_info_update") == 0 && title != NULL) {
      free(session->title);
      session->title = strdup(title);
    }
    if (replay)
      demo_send_update(session, update);
    else
      json_decref(update);
  }
  free(line);
  fclose(file);
  return session;
}

json_t *demo_session_modes(const demo_session *session) {
  json_t *list = json_array();
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "id", modes[i].id, "name", modes[i].name,
                                          "description", modes[i].description));
  return json_pack("{s:s,s:o}", "currentModeId", session->mode, "availableModes", list);
}

json_t *demo_session_options(const demo_session *session) {
  json_t *model_values = json_array();
  json_t *mode_values = json_array();
  for (size_t i = 0; i < sizeof models / sizeof *models; i++)
    json_array_append_new(model_values,
                          json_pack("{s:s,s:s}", "value", models[i].id, "name", models[i].name));
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    json_array_append_new(mode_values,
                          json_pack("{s:s,s:s}", "value", modes[i].id, "name", modes[i].name));
  return json_pack("[{s:s,s:s,s:s,s:s,s:s,s:o},{s:s,s:s,s:s,s:s,s:s,s:o}]", "id", "model", "name",
                   "Model", "category", "model", "type", "select", "currentValue", session->model,
                   "options", model_values, "id", "mode", "name", "Mode", "category", "mode",
                   "type", "select", "currentValue", session->mode, "options", mode_values);
}

bool demo_session_set_mode(demo_session *session, const char *mode) {
  for (size_t i = 0; mode != NULL && i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(modes[i].id, mode) != 0) continue;
    snprintf(session->mode, sizeof session->mode, "%s", mode);
    return true;
  }
  return false;
}

bool demo_session_set_model(demo_session *session, const char *model) {
  for (size_t i = 0; model != NULL && i < sizeof models / sizeof *models; i++) {
    if (strcmp(models[i].id, model) != 0) continue;
    snprintf(session->model, sizeof session->model, "%s", model);
    return true;
  }
  return false;
}

void demo_session_free(demo_session *session) {
  for (size_t i = 0; i < DEMO_SESSIONS_MAX; i++)
    if (demo.sessions[i] == session) demo.sessions[i] = NULL;
  demo_child_kill(session);
  free(session->cwd);
  free(session->title);
  free(session);
}
