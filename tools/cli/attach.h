/* `remote attach`: another machine's session on this terminal. attach.c: what comes, and what the
 * state is; attach_commands.c: what is sent and what became of it; attach_input.c: what the person
 * wants; command_attach.c: the command. */
#ifndef REMOTE_CLI_ATTACH_H
#define REMOTE_CLI_ATTACH_H

#include "act.h"
#include "surface/surface.h"
#include "terminal_text.h"

#define ATTACH_COMMANDS_MAX 64

/* A command of ours whose end is not known yet. */
typedef struct attach_command {
  lrm_id id;
  char hex[LRM_ID_HEX_BYTES];
  char what[48];
  char *prompt;                  /* the whole text of a prompt; else NULL */
  char target[LRM_ID_HEX_BYTES]; /* of a withdrawal: the prompt; else "" */
  uint64_t sent_ns;
  lrm_command_state seen;
} attach_command;

typedef struct attaching {
  connection_flags flags;
  const char *session_word;
  bool screen_reader;
  connection connection;
  remote_session session;
  surface *surface;
  attach_command commands[ATTACH_COMMANDS_MAX];
  size_t commands_count;
  bool greeted;         /* the session has been read and shown */
  uint64_t read_events; /* before it was */
  bool down;            /* the connection is lost */
  uint64_t retry_ns;    /* … and tried again then */
  char down_text[256];
  int host_attached; /* -1: not known yet */
  int may_steer;     /* -1: not known yet */
  bool input_over;   /* nothing more can be written here */
  bool quit;
} attaching;

/* ---- attach.c ---- */
extern const remote_session_ops attach_session_ops;
/* Presence: everything that is known. */
void attach_show_status(attaching *a);
void attach_status_text(attaching *a, char *out, size_t capacity);
/* The status changes every second, or no longer. */
void attach_touch(attaching *a);
/* Why nothing can be steered; NULL: it can. */
const char *attach_view_only(attaching *a);

/* ---- attach_commands.c ---- */
/* `prompt`: its text, for a prompt; `target`: what a withdrawal takes back; else NULL. False: it
 * was not taken (said). */
bool attach_submit(attaching *a, const Remote__V1__Command *command, const char *what,
                   const char *prompt, const char *target);
void attach_take_command(attaching *a, const lrm_id *id);
void attach_command_rows(attaching *a, void (*row)(void *to, const char *text), void *to);
/* Takes back a command of ours, or a prompt in the queue, by the beginning of its id in hex. False:
 * it could not be asked for; *problem says why. */
bool attach_withdraw(attaching *a, const char *hex, const char **problem);
void attach_free_commands(attaching *a);

/* ---- attach_input.c ---- */
extern const surface_owner attach_surface_owner;

#endif
