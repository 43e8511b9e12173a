/* `remote attach`: the parts share this. attach.c shows what comes, attach_input.c does what the
 * person writes, command_attach.c joins them to the terminal. */
#ifndef REMOTE_CLI_ATTACH_H
#define REMOTE_CLI_ATTACH_H

#include "act.h"
#include "line_editor.h"
#include "screen.h"
#include "transcript.h"

#define ATTACH_COMMANDS_MAX 64

/* A command of ours, for saying what became of it. */
typedef struct attach_command {
  lrm_id id;
  char what[48];
  lrm_command_state seen;
} attach_command;

typedef struct attaching {
  connection_flags flags;
  const char *session_word;
  connection connection;
  remote_session session;
  transcript transcript;
  screen screen;
  line_editor editor;
  attach_command commands[ATTACH_COMMANDS_MAX];
  size_t commands_count;
  lrm_id armed; /* the only open ask when the line was begun; none: no or several */
  bool line_begun;
  uint64_t begun_ns;     /* when the session was opened */
  uint64_t read_events;  /* before it was synced */
  uint64_t retry_ns;     /* connection lost: when it is tried again; 0: it is there */
  uint64_t interrupt_ns; /* the last ^C on an empty line */
  int host_attached;     /* -1: not known yet */
  bool input_over;       /* nothing more can be written here */
  bool quit;
  exit_code result;
} attaching;

/* ---- attach.c ---- */
extern const remote_session_ops attach_session_ops;
void attach_write(void *user, const char *text, size_t bytes);
/* Draws the prompt line with the newest facts. */
void attach_draw(attaching *a);
/* Presence, commands, asks: everything known, as text. */
void attach_show_status(attaching *a);
void attach_show_asks(attaching *a);
/* The only open ask; NULL: none, or several. */
const Remote__V1__Ask *attach_only_ask(attaching *a);
/* The open ask with this number; NULL: none. */
const Remote__V1__Ask *attach_ask_by_number(attaching *a, unsigned number);

/* ---- attach_input.c ---- */
void attach_line(attaching *a, const char *line);
void attach_key(void *user, line_key key, const char *line);
/* Remembers what the line that is being begun is about. */
void attach_arm(attaching *a);

#endif
