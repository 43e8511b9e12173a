/* What the surface's files share. surface.c: its life and what is shown; surface_view.c: the area
 * below the text; surface_keys.c: the keyboard; surface_lines.c: lines, wherever they come from;
 * surface_commands.c: what begins with a slash; surface_queue.c: queued prompts;
 * surface_complete.c: TAB. */
#ifndef REMOTE_CLI_SURFACE_INTERNAL_H
#define REMOTE_CLI_SURFACE_INTERNAL_H

#include "ask_desk.h"
#include "memory.h"
#include "line_editor.h"
#include "line_history.h"
#include "screen.h"
#include "surface.h"
#include "terminal.h"
#include "transcript.h"

#define SURFACE_HELD_LINES_MAX 64
#define SURFACE_SENT_MAX 64
#define SURFACE_BACKLOG_SCREEN_BYTES_MAX (64u * 1024u)
#define SURFACE_BACKLOG_LINES_BYTES_MAX (4u * 1024u * 1024u)
#define SURFACE_QUEUE_PAUSE 32 /* prompts that wait: a pipe is read on when they are fewer */
#define SURFACE_TWICE_NS (UINT64_C(3) * 1000000000)

typedef enum surface_way { WAY_SCREEN = 1, WAY_LINES = 2, WAY_LOG = 3 } surface_way;

/* Looking for something in the history (^R). */
typedef struct surface_search {
  bool on;
  char words[256];
  size_t bytes, at; /* at: the entry that is shown; SIZE_MAX: none */
} surface_search;

struct surface {
  uv_loop_t *loop;
  surface_config config;
  surface_owner owner;
  void *user;
  surface_way way;
  bool reads;  /* input is taken at all */
  bool cooked; /* lines from a terminal that edits and echoes them itself */
  terminal *terminal;
  transcript transcript;
  transcript *past; /* an earlier part that is being shown; NULL: none is */
  ask_desk desk;
  uv_prepare_t flush;
  uv_timer_t tick, escape;
  int handles;
  bool ready, destroyed, in_flush;
  bool dirty;                    /* the area is to be composed again */
  bool ticking;                  /* the owner's status changes with time */
  bool working;                  /* a turn runs, as far as is known … */
  uint64_t worked_ns;            /* … since */
  uint64_t interrupt_ns, end_ns; /* the last ^C and ^D that were only warned of */
  /* screen */
  screen screen;
  size_t owner_rows_end;
  keys keys;
  line_editor editor;
  line_history history;
  size_t history_at;    /* SIZE_MAX: the text that is being written */
  char *history_draft;  /* … which is this; its beginning is what is looked for */
  size_t history_bytes; /* how much of it */
  surface_search search;
  char hint[1024]; /* one row until the next key: candidates, warnings */
  bool full_said;
  /* lines */
  char *pending; /* bytes of input that have not been taken */
  size_t pending_bytes, pending_room;
  bool line_too_long, input_ended, ended_told;
  char *joined; /* a line that ended with a backslash, so far */
  bool prompt_shown, at_line_start;
  uint64_t left_out;
  char *held[SURFACE_HELD_LINES_MAX]; /* written before the session was there */
  size_t held_count;
  /* queue */
  char *sent[SURFACE_SENT_MAX]; /* prompts as they were written, the oldest first */
  size_t sent_count;
  char taking[128];  /* prompt_id of the one that is being taken back */
  char *taking_text; /* its text, when it is to be edited; NULL: dropped */
};

const Remote__V1__SessionState *surface_now(surface *s);
uint64_t surface_now_ns(const surface *s);
bool surface_in_turn(surface *s);
void surface_write(void *user, const char *text, size_t bytes);
/* The prompt of cooked lines, when nothing else is to come. */
void surface_prompt(surface *s);

/* surface_view.c */
void surface_compose(surface *s);

/* surface_keys.c */
void surface_take_keys(surface *s, const char *data, size_t bytes);
void surface_escape_alone(surface *s);
/* ^C and a lone escape. */
void surface_interrupt(surface *s);

/* surface_lines.c */
void surface_take_bytes(surface *s, const char *data, size_t bytes);
void surface_bytes_ended(surface *s);
/* Takes lines as far as may be now. */
void surface_pump_lines(surface *s);
/* A whole text that the person has finished. */
void surface_take_line(surface *s, const char *line);
void surface_release_held(surface *s);

/* surface_commands.c */
/* False: there is no such command. */
bool surface_run_command(surface *s, const char *line);
/* The index-th name, ours first, then the owner's; NULL: no more. */
const char *surface_command_name(const surface *s, size_t index);
void surface_give_answer(surface *s, const ask_answer *answer);

/* surface_queue.c */
void surface_remember_sent(surface *s, const char *text);
void surface_show_queue(surface *s);
/* Prompts that wait: the session's queue, and what is on its way there. */
size_t surface_waiting(surface *s);
/* One line; false: there is none at this index. */
bool surface_waiting_text(surface *s, size_t index, char *out, size_t capacity);
/* Takes the prompt with this number (from 1; 0: the newest of ours) back. False: there is none. */
bool surface_take_back_number(surface *s, size_t number, bool edit);

/* surface_complete.c */
void surface_complete(surface *s);

#endif
