/* TAB: slash commands, then what they take: modes, options and their values, files. */
#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#include "surface_internal.h"
#include "terminal_text.h"

#define CANDIDATES_MAX 256
#define CANDIDATE_BYTES_MAX 512

typedef struct candidates {
  char *texts[CANDIDATES_MAX];
  size_t count;
  const char *word; /* what is written so far */
  size_t bytes;
} candidates;

static void offer(candidates *c, const char *text) {
  char cleaned[CANDIDATE_BYTES_MAX];
  if (strncmp(text, c->word, c->bytes) != 0 || c->count == CANDIDATES_MAX) return;
  /* What cannot be written as it is is no help. */
  terminal_text_copy(cleaned, sizeof cleaned, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
  if (strcmp(cleaned, text) != 0) return;
  for (size_t i = 0; i < c->count; i++)
    if (strcmp(c->texts[i], text) == 0) return;
  c->texts[c->count++] = memory_string(text);
}

static void offer_commands(surface *s, candidates *c) {
  const Remote__V1__SessionState *state = surface_now(s);
  char text[CANDIDATE_BYTES_MAX];
  const char *name;
  for (size_t i = 0; (name = surface_command_name(s, i)) != NULL; i++) {
    snprintf(text, sizeof text, "/%s", name);
    offer(c, text);
  }
  for (size_t i = 0; state != NULL && i < state->n_slash_commands; i++) {
    if (s->config.remote && !state->slash_commands[i]->remote_allowed) continue;
    snprintf(text, sizeof text, "/%s", state->slash_commands[i]->name);
    offer(c, text);
  }
}

static void offer_options(surface *s, candidates *c, const char *option) {
  const Remote__V1__SessionState *state = surface_now(s);
  for (size_t i = 0; state != NULL && i < state->n_options; i++) {
    const Remote__V1__ConfigOption *o = state->options[i];
    if (option == NULL) offer(c, o->option_id);
    if (option == NULL || strcmp(option, o->option_id) != 0) continue;
    for (size_t k = 0; k < o->n_values; k++) offer(c, o->values[k]->value);
    if (o->boolean) {
      offer(c, "true");
      offer(c, "false");
    }
  }
}

static void offer_files(candidates *c) {
  char folder[1024], path[2048], text[2048];
  const char *slash = strrchr(c->word, '/');
  size_t bytes = slash != NULL ? (size_t)(slash - c->word) + 1 : 0;
  const char *home = c->word[0] == '~' && c->word[1] == '/' ? getenv("HOME") : NULL;
  if (bytes >= sizeof folder - 1) return;
  if (home != NULL)
    snprintf(folder, sizeof folder, "%s%.*s", home, (int)bytes - 1, c->word + 1);
  else
    snprintf(folder, sizeof folder, "%.*s", (int)bytes, c->word);
  DIR *dir = opendir(folder[0] != '\0' ? folder : ".");
  struct dirent *entry;
  while (dir != NULL && (entry = readdir(dir)) != NULL && c->count < CANDIDATES_MAX) {
    struct stat status;
    bool hidden = entry->d_name[0] == '.';
    if (hidden && c->word[bytes] != '.') continue;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(path, sizeof path, "%s%s", folder, entry->d_name);
    bool directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
    snprintf(text, sizeof text, "%.*s%s%s", (int)bytes, c->word, entry->d_name,
             directory ? "/" : "");
    if (strlen(text) < CANDIDATE_BYTES_MAX) offer(c, text);
  }
  if (dir != NULL) closedir(dir);
}

/* ---- what the cursor stands in ---- */

static void collect(surface *s, char *line, candidates *c) {
  const Remote__V1__SessionState *state = surface_now(s);
  char *space = strchr(line, ' ');
  if (space == NULL) {
    offer_commands(s, c);
    return;
  }
  *space = '\0';
  if (strcmp(line, "/mode") == 0) {
    for (size_t i = 0; state != NULL && i < state->n_modes; i++)
      if (!s->config.remote || !state->modes[i]->elevating) offer(c, state->modes[i]->mode_id);
  } else if (strcmp(line, "/config") == 0) {
    char *option = space + 1, *end = strchr(option, ' ');
    if (end != NULL) *end = '\0';
    offer_options(s, c, end != NULL ? option : NULL);
  } else if (strcmp(line, "/attach") == 0) {
    offer_files(c);
  } else if (strcmp(line, "/remote") == 0) {
    offer(c, "on");
    offer(c, "view");
    offer(c, "off");
  } else if (strcmp(line, "/keep-alive") == 0) {
    offer(c, "on");
    offer(c, "off");
    offer(c, "busy");
  }
}

static size_t common_bytes(const candidates *c) {
  size_t bytes = strlen(c->texts[0]);
  for (size_t i = 1; i < c->count; i++) {
    size_t n = 0;
    while (n < bytes && c->texts[i][n] == c->texts[0][n]) n++;
    bytes = n;
  }
  while (bytes > 0 && ((unsigned char)c->texts[0][bytes] & 0xC0) == 0x80) bytes--;
  return bytes;
}

static void apply(surface *s, const candidates *c, size_t from) {
  char text[CANDIDATE_BYTES_MAX + 2];
  size_t common = common_bytes(c), used = 0;
  if (c->count == 1) {
    bool folder = common > 0 && c->texts[0][common - 1] == '/' && from > 0;
    snprintf(text, sizeof text, "%s%s", c->texts[0], folder ? "" : " ");
    line_editor_replace(&s->editor, from, text);
    return;
  }
  if (common > c->bytes) {
    snprintf(text, sizeof text, "%.*s", (int)common, c->texts[0]);
    line_editor_replace(&s->editor, from, text);
  }
  for (size_t i = 0; i < c->count && used < sizeof s->hint - 2; i++)
    used += (size_t)snprintf(s->hint + used, sizeof s->hint - used, "%s%s", i > 0 ? "  " : "",
                             c->texts[i]);
}

void surface_complete(surface *s) {
  const line_editor *e = &s->editor;
  if (e->text[0] != '/' || memchr(e->text, '\n', e->cursor) != NULL) return;
  char *line = memory_text(e->text, e->cursor);
  size_t from = 0;
  const char *space = strchr(line, ' ');
  /* The last word; a file's name may have spaces. */
  if (space != NULL && strncmp(line, "/attach ", 8) == 0)
    from = 8;
  else if (space != NULL)
    from = (size_t)(strrchr(line, ' ') - line) + 1;
  candidates c = {.bytes = e->cursor - from};
  char *word = memory_text(line + from, e->cursor - from);
  c.word = word;
  collect(s, line, &c);
  if (c.count > 0)
    apply(s, &c, from);
  else
    snprintf(s->hint, sizeof s->hint, "nothing begins with that");
  for (size_t i = 0; i < c.count; i++) free(c.texts[i]);
  free(word);
  free(line);
}
