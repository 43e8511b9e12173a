/* Lines that a person or a script has finished: held until the session is there, then an answer, a
 * command or a prompt. */
#include <ctype.h>
#include <stdio.h>

#include "options.h"
#include "surface_internal.h"

/* ---- a whole text ---- */

static bool known_to_agent(surface *s, const char *line) {
  const Remote__V1__SessionState *state = surface_now(s);
  size_t n = strcspn(line + 1, " \n");
  for (size_t i = 0; state != NULL && i < state->n_slash_commands; i++) {
    const char *name = state->slash_commands[i]->name;
    if (strlen(name) == n && strncmp(name, line + 1, n) == 0) return true;
  }
  return false;
}

static void unknown_command(surface *s, const char *line) {
  const char *names[128], *name;
  char word[64];
  size_t count = 0;
  const Remote__V1__SessionState *state = surface_now(s);
  snprintf(word, sizeof word, "%.*s", (int)strcspn(line + 1, " \n") % 60, line + 1);
  for (size_t i = 0; count < 64 && (name = surface_command_name(s, i)) != NULL; i++)
    names[count++] = name;
  for (size_t i = 0; state != NULL && i < state->n_slash_commands && count < 128; i++)
    names[count++] = state->slash_commands[i]->name;
  const char *near = options_nearest(word, names, count);
  surface_say(s, "there is no command /%s%s%s; /help lists them", word,
              near != NULL ? ", but there is /" : "", near != NULL ? near : "");
}

static void take_slash(surface *s, const char *line) {
  if (line[1] == '/' && s->owner.agent_slash != NULL)
    s->owner.agent_slash(s->user, line + 1);
  else if (surface_run_command(s, line))
    return;
  else if (known_to_agent(s, line) && s->owner.agent_slash != NULL)
    s->owner.agent_slash(s->user, line);
  else
    unknown_command(s, line);
}

/* What runs before the session is there; everything else waits for it. */
static bool runs_early(const surface *s, const char *line) {
  static const char *const ours[] = {"/help", "/quit", "/exit"};
  size_t n = strcspn(line, " ");
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (strlen(ours[i]) == n && strncmp(line, ours[i], n) == 0) return true;
  for (size_t i = 0; line[0] == '/' && i < s->owner.commands_count; i++) {
    const char *name = s->owner.commands[i].name;
    if (s->owner.commands[i].early && strlen(name) == n - 1 && strncmp(line + 1, name, n - 1) == 0)
      return true;
  }
  return false;
}

static void hold(surface *s, const char *line) {
  if (s->held_count == SURFACE_HELD_LINES_MAX)
    surface_say(s, "the session is not there yet; that line was not taken");
  else
    s->held[s->held_count++] = memory_string(line);
}

void surface_take_line(surface *s, const char *line) {
  ask_answer answer;
  size_t bytes = strlen(line);
  while (isspace((unsigned char)*line)) line++, bytes--;
  while (bytes > 0 && isspace((unsigned char)line[bytes - 1])) bytes--;
  char *text = memory_text(line, bytes);
  desk_reading reading =
      s->ready ? ask_desk_read(&s->desk, text, surface_now_ns(s), &answer) : DESK_NOT_ASK;
  ask_desk_end(&s->desk);
  if (reading == DESK_ANSWER) {
    surface_give_answer(s, &answer);
  } else if (reading == DESK_SAID) {
    surface_say(s, "%s", s->desk.said);
  } else if (text[0] == '\0') {
    /* nothing was written */
  } else if (!s->ready && !runs_early(s, text)) {
    hold(s, text);
  } else if (text[0] == '/') {
    take_slash(s, text);
  } else if (s->owner.submit != NULL) {
    surface_remember_sent(s, text);
    s->owner.submit(s->user, text, false);
  }
  free(text);
  s->dirty = true;
}

void surface_line(surface *s, const char *line) { surface_take_line(s, line); }

void surface_release_held(surface *s) {
  size_t count = s->held_count;
  char *held[SURFACE_HELD_LINES_MAX];
  memcpy(held, s->held, sizeof held);
  s->held_count = 0;
  for (size_t i = 0; i < count; i++) {
    if (!s->destroyed) surface_take_line(s, held[i]);
    free(held[i]);
  }
}

/* ---- bytes of a pipe, a file, or a terminal that edits by itself ---- */

/* A pipe that is full of prompts is not read faster than they are worked off. */
static bool may_take(surface *s) {
  const Remote__V1__SessionState *state = surface_now(s);
  if (s->cooked) return true;
  return s->ready && (state == NULL || state->n_queue < SURFACE_QUEUE_PAUSE);
}

/* A backslash at the end: the next line belongs to it. */
static void take_piece(surface *s, char *line, size_t bytes, bool last) {
  size_t slashes = 0;
  while (slashes < bytes && line[bytes - 1 - slashes] == '\\') slashes++;
  bool more = s->cooked && !last && slashes % 2 == 1;
  if (more) line[bytes - 1] = '\0';
  size_t before = s->joined != NULL ? strlen(s->joined) : 0;
  if (before + strlen(line) + 2 > LINE_BYTES_MAX) {
    free(s->joined);
    s->joined = NULL;
    surface_say(s, "that text is over 128 KiB and was not taken");
    return;
  }
  s->joined = memory_grow(s->joined, before + strlen(line) + 2);
  snprintf(s->joined + before, strlen(line) + 2, "%s%s", line, more ? "\n" : "");
  if (more) return;
  char *whole = s->joined;
  s->joined = NULL;
  s->prompt_shown = false; /* the terminal has echoed the newline */
  surface_take_line(s, whole);
  free(whole);
  if (!s->destroyed && !surface_in_turn(s)) surface_prompt(s);
}

static void take_one(surface *s, size_t bytes, bool last) {
  char *line = memory_text(s->pending, bytes);
  size_t used = bytes < s->pending_bytes ? bytes + 1 : bytes;
  memmove(s->pending, s->pending + used, s->pending_bytes - used);
  s->pending_bytes -= used;
  while (bytes > 0 && line[bytes - 1] == '\r') line[--bytes] = '\0';
  if (s->line_too_long || strlen(line) != bytes || bytes > LINE_BYTES_MAX)
    surface_say(s, "that line is over 128 KiB, or has zero bytes, and was not taken");
  else
    take_piece(s, line, bytes, last);
  s->line_too_long = false;
  free(line);
}

void surface_pump_lines(surface *s) {
  while (!s->destroyed && may_take(s)) {
    char *newline = s->pending_bytes > 0 ? memchr(s->pending, '\n', s->pending_bytes) : NULL;
    if (newline != NULL) {
      take_one(s, (size_t)(newline - s->pending), false);
    } else if (s->input_ended && s->pending_bytes > 0) {
      take_one(s, s->pending_bytes, true);
    } else {
      break;
    }
  }
  if (s->destroyed) return;
  bool newline_left = s->pending_bytes > 0 && memchr(s->pending, '\n', s->pending_bytes) != NULL;
  if (s->input_ended && s->pending_bytes == 0 && !s->ended_told) {
    s->ended_told = true;
    s->owner.ended(s->user);
  } else if (newline_left && !may_take(s)) {
    terminal_pause(s->terminal);
  } else if (s->ready || s->cooked) {
    terminal_read(s->terminal);
  }
}

void surface_take_bytes(surface *s, const char *data, size_t bytes) {
  if (s->pending_bytes + bytes > s->pending_room) {
    s->pending_room = (s->pending_bytes + bytes) * 2;
    s->pending = memory_grow(s->pending, s->pending_room);
  }
  memcpy(s->pending + s->pending_bytes, data, bytes);
  s->pending_bytes += bytes;
  /* Of a line that has no end only that much is kept. */
  bool endless = memchr(s->pending, '\n', s->pending_bytes) == NULL;
  if (endless && s->pending_bytes > LINE_BYTES_MAX) {
    s->line_too_long = true;
    s->pending_bytes = LINE_BYTES_MAX;
  }
  surface_pump_lines(s);
}

void surface_bytes_ended(surface *s) {
  s->input_ended = true;
  surface_pump_lines(s);
}
