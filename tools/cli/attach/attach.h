/* `remote attach`: another machine's session on this terminal. attach.c: what comes, and what the
 * state is; attach_commands.c: what is sent and what became of it; attach_input.c: what the person
 * wants; attach_files.c: files for prompts; attach_past.c: paging back; command_attach.c: the
 * command. */
#ifndef REMOTE_CLI_ATTACH_H
#define REMOTE_CLI_ATTACH_H

#include "act.h"
#include "file_upload.h"
#include "surface.h"
#include "terminal_text.h"

#define ATTACH_COMMANDS_MAX 64
#define ATTACH_FILES_MAX 16
#define ATTACH_PAGE_OFFSETS 300 /* of events, that one step back reads */

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
  int host_attached;                   /* -1: not known yet */
  int may_steer;                       /* -1: not known yet */
  file_upload files[ATTACH_FILES_MAX]; /* for the next prompt */
  size_t files_count;
  char *files_prompt; /* a prompt that waits until its files are on their way; NULL: none */
  bool files_steer;
  lrm_position past; /* what lies before this has not been read back; no epoch: nothing does */
  uint64_t past_ms;  /* what happened from then on is shown already */
  bool past_shown;   /* something of the page that is being read */
  uint64_t use_ns;   /* when the relay was told last that somebody types here; 0: never */
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

/* ---- attach_files.c ---- */
void attach_file(void *user, const char *rest);
/* True: the prompt waits for its files, or names them. */
bool attach_submit_with_files(attaching *a, const char *text, bool steer);
void attach_work_on_files(attaching *a);
void attach_file_rows(attaching *a, void (*row)(void *to, const char *text), void *to);
void attach_free_files(attaching *a);

/* ---- attach_past.c ---- */
/* What is shown now is the session's state: what lies before it is paged back to from here. */
void attach_begin_past(attaching *a);
void attach_page_back(void *user);
void attach_take_page(attaching *a, const lrm_history_event *event);

/* ---- attach_input.c ---- */
/* `ids`: of files that go along. */
void attach_send_prompt(attaching *a, const char *text, bool steer, const lrm_id *ids,
                        size_t count);
/* Nobody types here any more: what others are to be told need not wait. */
void attach_leave(attaching *a);
extern const surface_owner attach_surface_owner;

#endif
