/* remote-demo-agent: speaks ACP version 1 on stdio and needs no model: the prompt is the script.
 * One thread, one poll loop (main.c); each session runs at most one turn, a list of steps
 * (step.c, act.c, tool.c); sessions are kept as files and can be loaded again (session.c). */
#ifndef REMOTE_DEMO_H
#define REMOTE_DEMO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DEMO_SESSIONS_MAX 32
#define DEMO_STEPS_MAX 256
#define DEMO_OUTPUT_BYTES_MAX (256u * 1024u)

struct demo_session;

typedef enum demo_wait {
  DEMO_WAIT_NOTHING = 0,
  DEMO_WAIT_TIME = 1,   /* until due_ms */
  DEMO_WAIT_ANSWER = 2, /* a request of ours is open */
  DEMO_WAIT_CHILD = 3,  /* a command runs */
  DEMO_WAIT_EVER = 4    /* HANG */
} demo_wait;

typedef struct demo_turn {
  bool running;
  bool cancelled;
  json_t *prompt_id;
  char **steps;
  size_t count, next;
  demo_wait wait;
  uint64_t due_ms;
  /* SLOW, MIX and PLAN: how far, and what is done when due_ms is there. */
  uint32_t done, total, pause_ms;
  void (*tick)(struct demo_session *session);
  json_t *entries;
  /* The open tool call: RUN or EDIT. */
  char tool_id[32];
  char *command; /* RUN: command; EDIT: path */
  char *old_text, *new_text;
  bool new_file;
  json_int_t request_id; /* DEMO_WAIT_ANSWER */
  /* Who takes the answer; NULL: the open tool call, or ASK. One of result and error is NULL. */
  void (*answered)(struct demo_session *session, const json_t *result, const json_t *error);
  char task_id[32]; /* TASK: its tool call */
  pid_t child;
  int child_fd;
  char *output;
  size_t output_bytes;
  char *files; /* what came with the prompt, a line each; NULL: nothing */
} demo_turn;

typedef struct demo_session {
  char id[64];
  char *cwd;
  char *title;
  char mode[32];
  char model[32];
  uint32_t counter; /* makes ids of messages and tool calls */
  bool always_run, always_edit;
  demo_turn turn;
} demo_session;

typedef struct demo_agent {
  demo_session *sessions[DEMO_SESSIONS_MAX];
  json_int_t next_request_id;
  bool client_has_forms;
  bool wants_sign_in;                           /* --wants-sign-in: until authenticate */
  bool takes_images, takes_sounds, takes_texts; /* in prompts: --takes-images and so on */
} demo_agent;

extern demo_agent demo;

uint64_t demo_now_ms(void);

/* ---- wire.c: what goes out. Takes over the reference of result, params and update. ---- */
void demo_send_result(json_t *id, json_t *result);
void demo_send_error(json_t *id, int code, const char *message);
json_int_t demo_send_request(const char *method, json_t *params);
void demo_send_update(const demo_session *session, json_t *update);
void demo_send_raw(const char *line);
json_t *demo_text_block(const char *text, size_t bytes);

/* ---- session.c ---- */
demo_session *demo_session_find(const char *id);
/* NULL: too many, or the state folder cannot be written. */
demo_session *demo_session_new(const char *cwd);
/* Opens a stored session and, when `replay`, sends its history. NULL: not there. */
demo_session *demo_session_load(const char *id, const char *cwd, bool replay);
/* Appends one replayable update to the session's file. */
void demo_session_remember(demo_session *session, json_t *update);
json_t *demo_session_modes(const demo_session *session);
json_t *demo_session_options(const demo_session *session);
bool demo_session_set_mode(demo_session *session, const char *mode);
bool demo_session_set_model(demo_session *session, const char *model);
void demo_session_free(demo_session *session);

/* ---- step.c ---- */
void demo_turn_start(demo_session *session, json_t *prompt_id, const char *script);
/* Runs steps until one has to wait, or the turn ends. */
void demo_turn_run(demo_session *session);
void demo_turn_cancel(demo_session *session);
/* The answer to the request that the turn waits for: one of result and error. */
void demo_turn_answer(demo_session *session, const json_t *result, const json_t *error);
/* Ends the turn with that reason. */
void demo_turn_stop(demo_session *session, const char *stop_reason);
void demo_turn_fail(demo_session *session, const char *text);
/* Sends text as the agent's message, in a few chunks, and remembers it. */
void demo_say(demo_session *session, const char *text, bool thought);

/* ---- act.c: a step each ---- */
void demo_form(demo_session *session, const char *text);
void demo_task(demo_session *session, const char *text);
void demo_print(demo_session *session, const char *text);
void demo_call(demo_session *session, const char *text);
void demo_update(demo_session *session, const char *text);
void demo_raw(demo_session *session, const char *text);
void demo_line(demo_session *session, const char *text);
void demo_flood(demo_session *session, const char *text);

/* ---- pace.c ---- */
void demo_slow(demo_session *session, const char *text);
void demo_mix(demo_session *session, const char *text);

/* ---- media.c ---- */
/* Kind, media type, bytes, SHA-256 and name of each block that is not text; links are read. */
void demo_files_take(demo_turn *turn, const json_t *blocks);
void demo_files_say(demo_session *session, const char *unused);
void demo_show(demo_session *session, const char *text);

/* ---- tool.c ---- */
void demo_run_begin(demo_session *session, const char *command);
void demo_edit_begin(demo_session *session, const char *arguments);
/* RUN or EDIT was allowed or not. */
void demo_tool_decided(demo_session *session, const char *option_id);
/* Output of the command is there, or its end. */
void demo_child_readable(demo_session *session);
/* Closes the open tool call; status "failed" or "completed". */
void demo_tool_close(demo_session *session, const char *status, const char *text);
void demo_child_kill(demo_session *session);

#endif
