/* `remote mode`, `remote config`, `remote slash`: what the agent offers to be set or run. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "commands.h"
#include "json_event.h"
#include "pick.h"
#include "steering.h"
#include "terminal_text.h"

#define NOT_FROM_AFAR "  (asks less: not from afar)"

static void print_text(const char *text) {
  terminal_text_puts(stdout, text, TERMINAL_TEXT_ONE_LINE);
}

/* ": text" when there is one that says more than `id` does. */
static void print_more(const char *before, const char *text, const char *id) {
  if (!text[0] || !strcmp(text, id)) return;
  fputs(before, stdout);
  print_text(text);
}

/* ---- mode ---- */

static exit_code list_modes(const act *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < state->n_modes; i++) {
    const Remote__V1__Mode *mode = state->modes[i];
    bool current = !strcmp(mode->mode_id, state->current_mode_id);
    if (a->json) {
      json_print_line(stdout, json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "session_id",
                                        a->session.hex, "mode_id", mode->mode_id, "name",
                                        mode->name, "description", mode->description, "elevating",
                                        (int)mode->elevating, "current", (int)current));
      continue;
    }
    fputs(current ? "* " : "  ", stdout);
    print_text(mode->mode_id);
    print_more("  ", mode->name, mode->mode_id);
    print_more(": ", mode->description, mode->name);
    fputs(mode->elevating ? NOT_FROM_AFAR "\n" : "\n", stdout);
  }
  if (!state->n_modes && !a->json) fputs("the agent has no modes\n", stderr);
  return EXIT_CODE_DONE;
}

static const char *mode_id(const void *items, size_t index) {
  return ((const Remote__V1__SessionState *)items)->modes[index]->mode_id;
}

static const char *mode_label(const void *items, size_t index) {
  return ((const Remote__V1__SessionState *)items)->modes[index]->name;
}

static exit_code set_mode(steering *w, const char *name) {
  const Remote__V1__SessionState *state = remote_session_state(&w->act.session);
  const pick_list modes = {"mode", state->n_modes, state, mode_id, mode_label};
  char chosen[256];
  size_t index = 0;
  exit_code result = pick_choose(&modes, name, &index);
  if (result) return result;
  snprintf(chosen, sizeof chosen, "%s", state->modes[index]->mode_id);
  Remote__V1__SetMode body = REMOTE__V1__SET_MODE__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.mode_id = chosen;
  command.body_case = REMOTE__V1__COMMAND__BODY_SET_MODE;
  command.set_mode = &body;
  return steering_run(w, &command, "mode switched");
}

int command_mode(int argc, char **argv) {
  static steering w;
  static const steering_form form = {
      "remote mode [SESSION] [MODE]",
      "Switches the agent's mode; without MODE lists them. MODE is an id or name, or the "
      "beginning\n"
      "of only one. A single word is MODE: use --session to list the modes of one of several\n"
      "sessions. A mode that asks less than the present one can only be chosen at the host.",
      0, 1};
  int result = steering_begin(&w, argc, argv, &form);
  if (result >= 0) return result;
  const char *word = steering_word(&w, 0);
  result = word ? (int)set_mode(&w, word) : (int)list_modes(&w.act);
  act_close(&w.act);
  return result;
}

/* ---- config ---- */

static void print_value(const Remote__V1__ConfigOption *o, const Remote__V1__ConfigValue *v) {
  fputs(strcmp(v->value, o->current_value) ? "    " : "  * ", stdout);
  print_text(v->value);
  print_more("  ", v->name, v->value);
  print_more(": ", v->description, v->name);
  if (v->group[0]) {
    fputs("  [", stdout);
    print_text(v->group);
    putchar(']');
  }
  puts(v->elevating ? NOT_FROM_AFAR : "");
}

static void print_setting(const act *a, const Remote__V1__ConfigOption *o) {
  if (a->json) {
    json_print_line(stdout, json_pack("{s:s, s:o}", "session_id", a->session.hex, "option",
                                      json_from_message(&o->base)));
    return;
  }
  print_text(o->option_id);
  fputs(" = ", stdout);
  print_text(o->current_value);
  print_more("  ", o->name, o->option_id);
  print_more(": ", o->description, o->name);
  putchar('\n');
  for (size_t k = 0; k < o->n_values; k++) print_value(o, o->values[k]);
  if (o->boolean && !o->n_values) puts("    true or false");
}

static const char *setting_id(const void *items, size_t index) {
  return ((const Remote__V1__SessionState *)items)->options[index]->option_id;
}

static const char *setting_label(const void *items, size_t index) {
  return ((const Remote__V1__SessionState *)items)->options[index]->name;
}

static const char *value_id(const void *items, size_t index) {
  return ((const Remote__V1__ConfigOption *)items)->values[index]->value;
}

static const char *value_label(const void *items, size_t index) {
  return ((const Remote__V1__ConfigOption *)items)->values[index]->name;
}

static exit_code choose_setting(const act *a, const char *key,
                                const Remote__V1__ConfigOption **out) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  const pick_list settings = {"option", state->n_options, state, setting_id, setting_label};
  size_t index = 0;
  exit_code result = pick_choose(&settings, key, &index);
  if (!result) *out = state->options[index];
  return result;
}

/* What people write for a switch. NULL: none of them. */
static const char *switch_value(const char *word) {
  static const char *const yes[] = {"true", "on", "yes", "1"};
  static const char *const no[] = {"false", "off", "no", "0"};
  for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
    if (!strcasecmp(word, yes[i])) return "true";
    if (!strcasecmp(word, no[i])) return "false";
  }
  return NULL;
}

/* An option without a list of values takes any; the agent judges. */
static exit_code choose_value(const Remote__V1__ConfigOption *o, const char *word,
                              const char **out) {
  const pick_list values = {"value of this option", o->n_values, o, value_id, value_label};
  size_t index = 0;
  *out = o->boolean ? switch_value(word) : word;
  if (*out && (o->boolean || !o->n_values)) return EXIT_CODE_DONE;
  if (o->boolean) {
    fputs("remote: this option is a switch: write true or false (on, off, yes, no)\n", stderr);
    return EXIT_CODE_NOT_FOUND;
  }
  exit_code result = pick_choose(&values, word, &index);
  if (!result) *out = o->values[index]->value;
  return result;
}

static exit_code set_option(steering *w, const char *key, const char *word) {
  const Remote__V1__ConfigOption *setting = NULL;
  const char *value = NULL;
  exit_code result = choose_setting(&w->act, key, &setting);
  if (!result) result = choose_value(setting, word, &value);
  if (result) return result;
  Remote__V1__SetConfigOption body = REMOTE__V1__SET_CONFIG_OPTION__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char *kept[2] = {strdup(setting->option_id), strdup(value)};
  if (!kept[0] || !kept[1]) {
    fputs("remote: out of memory\n", stderr);
    result = EXIT_CODE_FAILURE;
  } else {
    body.option_id = kept[0];
    body.value = kept[1];
    command.body_case = REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION;
    command.set_config_option = &body;
    result = steering_run(w, &command, "option set");
  }
  free(kept[0]);
  free(kept[1]);
  return result;
}

static exit_code list_options(const act *a, const char *key) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  const Remote__V1__ConfigOption *only = NULL;
  exit_code result = key ? choose_setting(a, key, &only) : EXIT_CODE_DONE;
  for (size_t i = 0; !result && i < state->n_options; i++)
    if (!only || only == state->options[i]) print_setting(a, state->options[i]);
  if (!key && !state->n_options && !a->json) fputs("the agent has no options\n", stderr);
  return result;
}

int command_config(int argc, char **argv) {
  static steering w;
  static const steering_form form = {
      "remote config [SESSION] [KEY [VALUE]]",
      "Sets one of the agent's options; without VALUE lists one of them or all, with what can be\n"
      "chosen. KEY and VALUE are ids or names, or the beginning of only one; switches take true,\n"
      "false, on, off, yes and no. A single word is SESSION if it names one, else KEY; two are\n"
      "KEY VALUE. What asks less than the present value can only be chosen at the host.",
      0, 2};
  int result = steering_parse(&w, argc, argv, &form);
  if (result >= 0) return result;
  /* Two words are KEY VALUE whatever sessions there are: a session that comes must not turn a
   * setting into a list. */
  if (w.words.count == 2 || (w.act.session_word && w.words.count < 2))
    result = steering_begin(&w, argc, argv, &form);
  else
    result = steering_open_either(&w, &form, w.words.count == 1 ? 1 : 2);
  if (result >= 0) return result;
  const char *key = steering_word(&w, 0), *value = steering_word(&w, 1);
  result = value ? (int)set_option(&w, key, value) : (int)list_options(&w.act, key);
  act_close(&w.act);
  return result;
}

/* ---- slash ---- */

static void print_slash(const act *a, const Remote__V1__SlashCommand *c) {
  if (a->json) {
    json_print_line(stdout, json_pack("{s:s, s:s, s:s, s:s, s:b}", "session_id", a->session.hex,
                                      "name", c->name, "description", c->description, "input_hint",
                                      c->input_hint, "remote_allowed", (int)c->remote_allowed));
    return;
  }
  fputs("  /", stdout);
  print_text(c->name);
  if (c->input_hint[0]) {
    fputs(" <", stdout);
    print_text(c->input_hint);
    putchar('>');
  }
  print_more("  ", c->description, c->name);
  puts(c->remote_allowed ? "" : "  (not from afar)");
}

static exit_code list_slash(const act *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  for (size_t i = 0; i < state->n_slash_commands; i++) print_slash(a, state->slash_commands[i]);
  if (!state->n_slash_commands && !a->json) fputs("the agent has no slash commands\n", stderr);
  return EXIT_CODE_DONE;
}

/* What may be run, after one was refused. */
static void print_allowed(const act *a) {
  const Remote__V1__SessionState *state = remote_session_state(&a->session);
  size_t allowed = 0;
  for (size_t i = 0; i < state->n_slash_commands; i++) {
    if (!state->slash_commands[i]->remote_allowed) continue;
    fputs(allowed++ ? ", /" : "remote: from afar there are: /", stderr);
    terminal_text_puts(stderr, state->slash_commands[i]->name, TERMINAL_TEXT_ONE_LINE);
  }
  fputs(allowed ? "\n"
                : "remote: none is allowed from afar; whoever runs the host can name some with the "
                  "config key remote_safe_slash_commands\n",
        stderr);
}

/* The words from `first` on, joined by spaces. */
static char *join(const option_words *words, size_t first) {
  size_t bytes = 1;
  for (size_t i = first; i < words->count; i++) bytes += strlen(words->words[i]) + 1;
  char *line = calloc(1, bytes), *at = line;
  for (size_t i = first; line && i < words->count; i++) {
    size_t length = strlen(words->words[i]);
    if (i > first) *at++ = ' ';
    memcpy(at, words->words[i], length);
    at += length;
  }
  return line;
}

static exit_code run_slash(steering *w, size_t first) {
  char *line = join(&w->words, first);
  if (!line) {
    fputs("remote: out of memory\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  char *name = line + 1; /* behind the slash */
  char *arguments = name + strcspn(name, " \t\n");
  if (*arguments) *arguments++ = 0;
  arguments += strspn(arguments, " \t\n");
  Remote__V1__RunSlashCommand body = REMOTE__V1__RUN_SLASH_COMMAND__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  body.name = name;
  body.arguments = arguments;
  command.body_case = REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND;
  command.run_slash_command = &body;
  exit_code result = steering_run(w, &command, "slash command handed to the agent");
  free(line);
  if (w->act.command.code == LRM_CODE_SLASH_NOT_ALLOWED) print_allowed(&w->act);
  return result;
}

int command_slash(int argc, char **argv) {
  static steering w;
  static const steering_form form = {
      "remote slash [SESSION] [/CMD [ARGUMENTS]]",
      "Runs a slash command of the agent, if the host lets people run it from afar; without /CMD\n"
      "lists them. What follows /CMD are its arguments (use -- before one that begins with a\n"
      "dash).",
      0, OPTIONS_WORDS_MAX};
  const option_usage usage = {form.synopsis, form.text, NULL, 0, false};
  int result = steering_parse(&w, argc, argv, &form);
  if (result >= 0) return result;
  size_t first = 0;
  while (first < w.words.count && w.words.words[first][0] != '/') first++;
  if (first > 1 || (first == 1 && w.act.session_word))
    return options_wrong(&usage, "the command begins with a slash, and before it stands SESSION");
  if (first < w.words.count && !w.words.words[first][1])
    return options_wrong(&usage, "the slash command has no name");
  if (first == 1) w.act.session_word = w.words.words[0];
  exit_code opened = act_open(&w.act);
  if (opened) return opened;
  result = first < w.words.count ? (int)run_slash(&w, first) : (int)list_slash(&w.act);
  act_close(&w.act);
  return result;
}
