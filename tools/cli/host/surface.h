/* The local terminal: shows events as they happen, takes lines. Output never blocks the loop: it
 * waits in a bounded queue, and what does not fit is left out and said so. Nothing that an agent
 * or another person wrote reaches the terminal unclean. */
#ifndef REMOTE_CLI_SURFACE_H
#define REMOTE_CLI_SURFACE_H

#include <stdbool.h>
#include <uv.h>

#include "remote/types.h"
#include "remote/v1/event.pb-c.h"

typedef struct surface surface;

typedef enum surface_kind {
  SURFACE_TERMINAL = 1, /* a person's terminal, or pipes in its place */
  SURFACE_LOG = 2,      /* --headless: one line for what matters, no input */
  SURFACE_ONE_SHOT = 3  /* --prompt: what the agent says, and asks when a person can answer */
} surface_kind;

typedef struct surface_owner {
  void (*line)(void *user, const char *line); /* a line was typed, without its newline */
  void (*ended)(void *user);                  /* no more lines will come */
} surface_owner;

surface *surface_create(uv_loop_t *loop, surface_kind kind, const surface_owner *owner, void *user);
/* Input and output are a terminal each. */
bool surface_input_is_terminal(const surface *surface);
bool surface_output_is_terminal(const surface *surface);

/* An event of the session. */
void surface_event(surface *surface, const Remote__V1__Event *event, bool tail);
/* A line of our own words; foreign text in it is cleaned. */
void surface_say(surface *surface, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The session is ready for a line. */
void surface_prompt(surface *surface);
/* Everything is written, or cannot be. */
bool surface_flushed(const surface *surface);
/* Stops reading and closes; frees it once the loop has run. */
void surface_destroy(surface *surface);

/* ---- asks as the terminal numbers them (surface_ask.c) ---- */

typedef struct surface_answer {
  lrm_id ask_id;
  const char *option_id; /* or "" */
  const char *text, *json;
  bool declined;
} surface_answer;

typedef enum surface_reading {
  SURFACE_NOT_ASK = 0, /* the line is no answer */
  SURFACE_ANSWER = 1,
  SURFACE_SAID = 2 /* it was meant as one; what is wrong has been said */
} surface_reading;

/* Reads a line as an answer: "2", "y", "n", "#3 2", "#3 words". Texts are borrowed from the
 * surface until its next call. */
surface_reading surface_read_answer(surface *surface, const char *line, surface_answer *out);
size_t surface_open_asks(const surface *surface);
/* Shows the open asks again. */
void surface_show_asks(surface *surface);
/* The index-th open ask's id and its option that says no once (empty: none); false: no more. */
bool surface_ask_rejection(const surface *surface, size_t index, lrm_id *ask_id, char option[128]);

#endif
