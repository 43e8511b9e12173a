/* Where a person meets a session: one surface for `remote host` and `remote attach`. It shows
 * events (transcript), keeps the open asks and what is being written, and tells its owner what the
 * person wants. Three ways of working, chosen by what standard input and output are: screen   a
 * terminal: text scrolls above, an area below holds the state and the prompt lines    pipes, files,
 * TERM=dumb, a screen reader: lines in, lines out, nothing is drawn again log      no input
 * (--headless) Output never blocks the loop: what a terminal or pipe does not take waits up to a
 * limit, then it is left out and said so. Nothing that an agent or another person wrote reaches it
 * unclean. */
#ifndef REMOTE_CLI_SURFACE_SURFACE_H
#define REMOTE_CLI_SURFACE_SURFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "ask_desk.h"
#include "remote/v1/session.pb-c.h"

typedef struct surface surface;

typedef enum surface_kind {
  SURFACE_TERMINAL = 1, /* a person's terminal, or pipes in its place */
  SURFACE_LOG = 2,      /* --headless: one line for what matters, no input */
  SURFACE_ONE_SHOT = 3  /* --prompt: what the agent says, and asks when a person can answer */
} surface_kind;

typedef enum surface_bell {
  SURFACE_BELL_OFF = 0,
  SURFACE_BELL_ASKS = 1,
  SURFACE_BELL_ALL = 2
} surface_bell;

/* A command that begins with a slash. */
typedef struct surface_command {
  const char *name;      /* without the slash */
  const char *arguments; /* for /help: "[ID]" */
  const char *help;      /* NULL: an old name, not listed */
  bool early;            /* also before the session is there */
  void (*run)(void *user, const char *rest);
} surface_command;

/* What the person wants. Every member but those marked may be NULL: the surface then says that it
 * is not possible here. Called from inside the loop. Texts are borrowed. */
typedef struct surface_owner {
  const Remote__V1__SessionState *(*state)(void *user); /* never NULL; NULL result: none yet */
  void (*ended)(void *user);                            /* never NULL; no more input will come */
  void (*quit)(void *user);                             /* never NULL; /quit, ^D, ^C twice */
  void (*input)(void *user);                            /* somebody is at the keyboard */
  void (*submit)(void *user, const char *text, bool steer);
  void (*answer)(void *user, const ask_answer *answer);
  void (*cancel)(void *user); /* the running turn */
  void (*set_mode)(void *user, const char *mode_id);
  void (*set_option)(void *user, const char *option_id, const char *value);
  void (*rename)(void *user, const char *title);
  /* A slash command of the agent: `line` is all of it, from the slash. */
  void (*agent_slash)(void *user, const char *line);
  /* Takes a queued prompt back; surface_taken_back tells what became of it. */
  void (*take_back)(void *user, const char *prompt_id);
  /* The index-th prompt that is on its way and not in the session's queue yet. False: no more. */
  bool (*on_the_way)(void *user, size_t index, const char **prompt_id, const char **text);
  void (*page_back)(void *user);
  /* What only the owner knows of the state, for the status row: "" or "host away 12 s". */
  void (*status)(void *user, char *out, size_t capacity);
  /* Rows of its own above the status row; `row` takes one clean text. */
  void (*rows)(void *user, void (*row)(void *to, const char *text), void *to);
  const surface_command *commands;
  size_t commands_count;
} surface_owner;

typedef struct surface_config {
  surface_kind kind;
  bool remote;        /* another machine's session: leaving does not end it */
  bool screen_reader; /* lines in any case, everything announced in words */
  surface_bell bell;
  const char *history; /* file of what was written before; NULL: none */
} surface_config;

surface *surface_create(uv_loop_t *loop, const surface_config *config, const surface_owner *owner,
                        void *user);
/* Writes what it can, restores the terminal and closes; freed once the loop has run. */
void surface_destroy(surface *surface);

bool surface_input_is_terminal(const surface *surface);
bool surface_output_is_terminal(const surface *surface);
/* Output can no longer be written: whoever read it is gone. */
bool surface_output_lost(const surface *surface);
/* It is drawn: states can change in place. Else each change is a line. */
bool surface_draws(const surface *surface);
/* Everything is written, or cannot be. */
bool surface_flushed(const surface *surface);

/* The session is there: what was written before is taken now. May be called again. */
void surface_ready(surface *surface);
/* An event of the session, after the state has taken it. */
void surface_event(surface *surface, const Remote__V1__Event *event);
/* The reader jumped: this is how things are now. */
void surface_state(surface *surface, const Remote__V1__SessionState *state);
/* Something that the status shows has changed; `ticking`: it changes every second. */
void surface_touch(surface *surface, bool ticking);
/* A line of our own words; foreign text in it is cleaned. */
void surface_say(surface *surface, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What became of a take_back: `problem` NULL: the prompt is no longer in the queue. */
void surface_taken_back(surface *surface, const char *prompt_id, const char *problem);
/* A text that could not be sent stands in the editor again (as a line, where there is none). */
void surface_put_back(surface *surface, const char *text);
/* An earlier part of the session, shown now: begin, its events, end. What happens meanwhile is
 * shown too, on lines of its own. */
void surface_past_begin(surface *surface, const char *title);
void surface_past_event(surface *surface, const Remote__V1__Event *event);
void surface_past_end(surface *surface, const char *text);
/* As if it had been written and entered here. */
void surface_line(surface *surface, const char *line);

size_t surface_open_asks(const surface *surface);
/* The index-th open ask; NULL: no more. */
const desk_ask *surface_ask(const surface *surface, size_t index);

/* What a person wants to be asked of the terminal: a flag (may be false), the configuration's
 * `screen_reader` (may be NULL), and the environment's ACCESSIBLE. */
bool surface_wants_screen_reader(bool flag, const char *configured);
/* off, asks, all; NULL: off. False: none of them. */
bool surface_bell_from(const char *word, surface_bell *out);

#endif
