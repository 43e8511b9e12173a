#include "elevation.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* Lower case, letters and digits only. A mode whose last part is, begins or ends with one of these
 * asks less than its agent's default. */
static const char *const elevating_words[] = {
    "bypasspermissions",
    "bypass",
    "yolo",
    "fullaccess",
    "dangerfullaccess",
    "allowall",
    "allowalltools",
    "dontask",
    "autopilot",
    "acceptedits",
    "autoedit",
    "autoapprove",
    "autoaccept",
    "fullauto",
    "auto",
    "never",
    "unrestricted",
    "skippermissions",
    "alwaysallow",
    "alwaysapprove",
    "trustall",
    "noask",
    "noapproval",
    "approveall",
    "unsafe",
    "yes",
    "turbo",
    "godmode",
};

/* Agents whose modes we know: every other mode of theirs counts as elevating. */
static const struct {
  const char *agent; /* contained in the agent's name */
  const char *safe[8];
} agents[] = {
    {"claude", {"default", "plan", "ask"}},
    {"codex", {"readonly", "workspacewrite", "default", "plan"}},
    {"opencode", {"build", "plan"}},
    {"gemini", {"default", "plan"}},
    {"copilot", {"agent", "plan", "ask"}},
    {"goose", {"approve", "smartapprove", "chat"}},
    {"remotedemoagent", {"default", "plan"}},
};

/* Options by which agents are told how much to ask. */
static const char *const asking_options[] = {"approval", "permission", "sandbox", "trust",
                                             "confirm",  "allowall",   "yolo",    "autoapprove"};
static const char *const asking_safe[] = {
    "default", "ask",       "onrequest", "untrusted",      "readonly",
    "always",  "alwaysask", "prompt",    "workspacewrite", "strict",
    "on",      "false",     "off",       "disabled",       "manual"};

/* The last part of an id that may be a URL, plain. */
static void plain(const char *id, char out[64]) {
  const char *part = strrchr(id, '#');
  if (part == NULL && strstr(id, "://") != NULL) part = strrchr(id, '/');
  id = part != NULL ? part + 1 : id;
  size_t n = 0;
  for (; *id != '\0' && n < 63; id++)
    if (isalnum((unsigned char)*id)) out[n++] = (char)tolower((unsigned char)*id);
  out[n] = '\0';
}

static bool in(const char *word, const char *const *list, size_t count) {
  for (size_t i = 0; i < count && list[i] != NULL; i++)
    if (strcmp(list[i], word) == 0) return true;
  return false;
}

static bool word_elevates(const char *word) {
  for (size_t i = 0; i < sizeof elevating_words / sizeof *elevating_words; i++) {
    const char *bad = elevating_words[i];
    size_t n = strlen(bad);
    if (strcmp(word, bad) == 0) return true;
    if (n >= 6 && strstr(word, bad) != NULL) return true;
  }
  return false;
}

static bool extra(const elevation *e, const char *id) {
  return e->extra != NULL && e->extra(e->user, id);
}

bool elevation_mode(const elevation *e, const char *mode_id) {
  char mode[64], agent[64];
  plain(mode_id, mode);
  if (extra(e, mode_id) || extra(e, mode) || word_elevates(mode)) return true;
  if (e->agent == NULL) return false;
  plain(e->agent, agent);
  /* The last part of "@scope/name" is not enough for names: test the whole of it too. */
  char whole[64];
  size_t n = 0;
  for (const char *p = e->agent; *p != '\0' && n < 63; p++)
    if (isalnum((unsigned char)*p)) whole[n++] = (char)tolower((unsigned char)*p);
  whole[n] = '\0';
  for (size_t i = 0; i < sizeof agents / sizeof *agents; i++)
    if (strstr(whole, agents[i].agent) != NULL || strstr(agent, agents[i].agent) != NULL)
      return !in(mode, agents[i].safe, sizeof agents[i].safe / sizeof *agents[i].safe);
  return false;
}

/* "auto" is a model or an effort elsewhere; "yolo" is the same everywhere. */
static bool plainly_elevates(const char *word) {
  static const char *const doubtful[] = {"auto", "never", "yes", "turbo"};
  return !in(word, doubtful, sizeof doubtful / sizeof *doubtful) && word_elevates(word);
}

bool elevation_word(const elevation *e, const char *id) {
  char word[64];
  plain(id, word);
  return extra(e, id) || extra(e, word) || plainly_elevates(word);
}

bool elevation_option(const elevation *e, const char *option_id, const char *category,
                      const char *value) {
  char option[64], word[64];
  plain(option_id, option);
  plain(value, word);
  if (category != NULL && strcmp(category, "mode") == 0) return elevation_mode(e, value);
  if (extra(e, value) || extra(e, option_id)) return true;
  bool about_asking = word_elevates(option);
  for (size_t i = 0; i < sizeof asking_options / sizeof *asking_options; i++)
    if (strstr(option, asking_options[i]) != NULL) about_asking = true;
  if (!about_asking) return plainly_elevates(word);
  /* A switch such as yolo=true, or a policy such as approval=never. */
  if (word_elevates(option) && (strcmp(word, "on") == 0 || strcmp(word, "always") == 0))
    return true;
  return word_elevates(word) || !in(word, asking_safe, sizeof asking_safe / sizeof *asking_safe);
}
