/* What begins with a slash and belongs to the surface: the same words in `host` and `attach`. */
#include <ctype.h>
#include <stdio.h>

#include "surface_internal.h"
#include "terminal_text.h"

static void not_here(surface *s) { surface_say(s, "that is not possible here"); }

void surface_give_answer(surface *s, const ask_answer *answer) {
  if (s->owner.answer != NULL)
    s->owner.answer(s->user, answer);
  else
    not_here(s);
}

static void clean(const char *text, char *out, size_t capacity) {
  terminal_text_copy(out, capacity, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
}

/* ---- asks ---- */

static void run_asks(surface *s, const char *rest) {
  (void)rest;
  if (s->desk.count == 0) surface_say(s, "nothing is asked");
  for (size_t i = 0; i < s->desk.count; i++) transcript_ask(&s->transcript, s->desk.asks[i].ask);
}

static void judge(surface *s, const char *rest, bool yes) {
  ask_answer answer;
  if (*rest == '#') rest++;
  unsigned long number = isdigit((unsigned char)*rest) ? strtoul(rest, NULL, 10) : 0;
  if (*rest != '\0' && (number == 0 || number > 1000000000)) {
    surface_say(s, "/approve or /deny, and the question's number: /approve #1");
    return;
  }
  if (ask_desk_judge(&s->desk, (unsigned)number, yes, &answer) == DESK_ANSWER)
    surface_give_answer(s, &answer);
  else
    surface_say(s, "%s", s->desk.said);
}

static void run_approve(surface *s, const char *rest) { judge(s, rest, true); }
static void run_deny(surface *s, const char *rest) { judge(s, rest, false); }

/* ---- prompts ---- */

static void submit(surface *s, const char *rest, bool steer) {
  if (*rest == '\0') {
    surface_say(s, "and what is to be said?");
  } else if (s->owner.submit == NULL) {
    not_here(s);
  } else {
    surface_remember_sent(s, rest);
    s->owner.submit(s->user, rest, steer);
  }
}

static void run_say(surface *s, const char *rest) { submit(s, rest, false); }
static void run_steer(surface *s, const char *rest) { submit(s, rest, true); }

static void run_cancel(surface *s, const char *rest) {
  (void)rest;
  if (s->owner.cancel != NULL)
    s->owner.cancel(s->user);
  else
    not_here(s);
}

static void run_queue(surface *s, const char *rest) {
  (void)rest;
  surface_show_queue(s);
}

static void take_back(surface *s, const char *rest, bool edit) {
  size_t count = surface_waiting(s);
  unsigned long number = strspn(rest, "0123456789") == strlen(rest) ? strtoul(rest, NULL, 10) : 0;
  if (s->owner.take_back == NULL)
    not_here(s);
  else if (count == 0)
    surface_say(s, "no prompt is queued");
  else if (*rest == '\0' && count == 1)
    (void)surface_take_back_number(s, 1, edit);
  else if (number == 0 || !surface_take_back_number(s, number, edit))
    surface_say(s, "%s and a number from 1 to %zu; /queue lists them", edit ? "/edit" : "/drop",
                count);
}

static void run_edit(surface *s, const char *rest) { take_back(s, rest, true); }
static void run_drop(surface *s, const char *rest) { take_back(s, rest, false); }

/* ---- modes and options ---- */

static void run_mode(surface *s, const char *rest) {
  const Remote__V1__SessionState *state = surface_now(s);
  char id[160], name[160];
  if (state == NULL || state->n_modes == 0) {
    surface_say(s, "this agent has no modes");
    return;
  }
  for (size_t i = 0; i < state->n_modes; i++) {
    const Remote__V1__Mode *mode = state->modes[i];
    if (*rest != '\0' && strcmp(mode->mode_id, rest) == 0) {
      if (s->owner.set_mode != NULL)
        s->owner.set_mode(s->user, mode->mode_id);
      else
        not_here(s);
      return;
    }
    if (*rest != '\0') continue;
    clean(mode->mode_id, id, sizeof id);
    clean(mode->name, name, sizeof name);
    surface_say(s, "%s %s  %s%s", strcmp(mode->mode_id, state->current_mode_id) == 0 ? "*" : " ",
                id, name,
                !mode->elevating   ? ""
                : s->config.remote ? "  (asks less: not from afar)"
                                   : " (asks less; only here)");
  }
  if (*rest != '\0') surface_say(s, "there is no mode %.100s; /mode lists them", rest);
}

static void show_option(surface *s, const Remote__V1__ConfigOption *o, bool whole) {
  char id[160], value[160], name[160];
  clean(o->option_id, id, sizeof id);
  clean(o->current_value, value, sizeof value);
  clean(o->name, name, sizeof name);
  surface_say(s, "%s = %s%s%s", id, value, name[0] != '\0' && strcmp(name, id) != 0 ? "  " : "",
              strcmp(name, id) != 0 ? name : "");
  for (size_t i = 0; whole && i < o->n_values; i++) {
    clean(o->values[i]->value, value, sizeof value);
    clean(o->values[i]->name, name, sizeof name);
    surface_say(s, "    %s  %s%s", value, name,
                o->values[i]->elevating && s->config.remote ? "  (asks less: not from afar)" : "");
  }
  if (whole && o->boolean) surface_say(s, "    true, false");
}

static void run_config(surface *s, const char *rest) {
  const Remote__V1__SessionState *state = surface_now(s);
  size_t n = strcspn(rest, " ");
  const char *value = rest + n + strspn(rest + n, " ");
  if (state == NULL || state->n_options == 0) {
    surface_say(s, "this agent has no options");
    return;
  }
  bool found = false;
  for (size_t i = 0; i < state->n_options; i++) {
    const Remote__V1__ConfigOption *o = state->options[i];
    bool named = n > 0 && strlen(o->option_id) == n && strncmp(o->option_id, rest, n) == 0;
    if (n > 0 && !named) continue;
    found = true;
    if (*value == '\0') {
      show_option(s, o, named);
    } else if (s->owner.set_option != NULL) {
      s->owner.set_option(s->user, o->option_id, value);
      return;
    } else {
      not_here(s);
    }
  }
  if (!found) surface_say(s, "there is no option %.*s; /config lists them", (int)n, rest);
}

/* ---- the rest ---- */

static void run_rename(surface *s, const char *rest) {
  if (*rest == '\0')
    surface_say(s, "/rename and the new title");
  else if (s->owner.rename != NULL)
    s->owner.rename(s->user, rest);
  else
    not_here(s);
}

static void run_expand(surface *s, const char *rest) {
  unsigned long number = strtoul(rest, NULL, 10);
  (void)transcript_expand(&s->transcript, number < 1000000000 ? (unsigned)number : 0);
}

static void run_clear(surface *s, const char *rest) {
  (void)rest;
  if (s->way == WAY_SCREEN) screen_redraw(&s->screen, true);
}

static void run_quit(surface *s, const char *rest) {
  (void)rest;
  s->owner.quit(s->user);
}

static void run_help(surface *s, const char *rest);

static const struct {
  const char *name, *arguments, *help;
  void (*run)(surface *s, const char *rest);
} commands[] = {
    {"help", "", "this", run_help},
    {"asks", "", "what is asked, again", run_asks},
    {"approve", "[#N]", "yes, once", run_approve},
    {"deny", "[#N]", "no, once", run_deny},
    {"say", "TEXT", "a prompt that would mean something else, such as a number", run_say},
    {"steer", "TEXT", "into the running turn, where the agent can; else queued", run_steer},
    {"queue", "", "prompts that wait", run_queue},
    {"edit", "N", "take a queued prompt back to change it", run_edit},
    {"drop", "N", "take a queued prompt out", run_drop},
    {"cancel", "", "stop the running turn", run_cancel},
    {"mode", "[ID]", "show or switch the agent's mode", run_mode},
    {"config", "[ID [VALUE]]", "show or set the agent's options", run_config},
    {"rename", "TITLE", "the session's title", run_rename},
    {"expand", "[N]", "all of what was folded", run_expand},
    {"clear", "", "clear the screen", run_clear},
    {"quit", "", NULL, run_quit},
    {"exit", "", NULL, run_quit},
};
#define COMMANDS_COUNT (sizeof commands / sizeof *commands)

const char *surface_command_name(const surface *s, size_t index) {
  if (index < COMMANDS_COUNT) return commands[index].name;
  index -= COMMANDS_COUNT;
  return index < s->owner.commands_count ? s->owner.commands[index].name : NULL;
}

static void help_line(surface *s, const char *name, const char *arguments, const char *help) {
  char left[64];
  snprintf(left, sizeof left, "/%s%s%s", name, arguments[0] != '\0' ? " " : "", arguments);
  surface_say(s, "  %-20s %s", left, help);
}

static void run_help(surface *s, const char *rest) {
  (void)rest;
  surface_say(s, "a text is a prompt; while a turn runs it waits in the queue");
  surface_say(s,
              "  1, 2, … y, n         answer what is asked; #3 1 when several are open; "
              "#3 1 WORDS adds a comment; #3 alone fills in a form");
  for (size_t i = 0; i < COMMANDS_COUNT; i++)
    if (commands[i].help != NULL)
      help_line(s, commands[i].name, commands[i].arguments, commands[i].help);
  for (size_t i = 0; i < s->owner.commands_count; i++)
    if (s->owner.commands[i].help != NULL)
      help_line(s, s->owner.commands[i].name, s->owner.commands[i].arguments,
                s->owner.commands[i].help);
  help_line(s, "quit", "", s->config.remote ? "leave; the session goes on" : "end the session");
  surface_say(s, "  //COMMAND            a slash command of the agent");
  if (s->way != WAY_SCREEN) return;
  surface_say(s,
              "keys: Alt-Enter, ^J or \\ at the end: a new line · ↑ ↓: history, a queued prompt, "
              "options · ^R: search · TAB: complete · Esc, ^C: cancel the turn · ^C twice, ^D: "
              "%s · ^O: expand · ^Z: stop · ^L: draw again",
              s->config.remote ? "leave" : "quit");
}

static const char *rest_of(const char *line, const char *name) {
  size_t n = strlen(name);
  if (strncmp(line + 1, name, n) != 0) return NULL;
  line += 1 + n;
  if (*line != '\0' && *line != ' ' && *line != '\n') return NULL;
  while (*line == ' ' || *line == '\n') line++;
  return line;
}

bool surface_run_command(surface *s, const char *line) {
  for (size_t i = 0; i < s->owner.commands_count; i++) {
    const char *rest = rest_of(line, s->owner.commands[i].name);
    if (rest == NULL) continue;
    s->owner.commands[i].run(s->user, rest);
    return true;
  }
  for (size_t i = 0; i < COMMANDS_COUNT; i++) {
    const char *rest = rest_of(line, commands[i].name);
    if (rest == NULL) continue;
    commands[i].run(s, rest);
    return true;
  }
  return false;
}
