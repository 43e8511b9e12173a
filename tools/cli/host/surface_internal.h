#ifndef REMOTE_CLI_SURFACE_INTERNAL_H
#define REMOTE_CLI_SURFACE_INTERNAL_H

#include "memory.h"
#include "surface.h"
#include "terminal_text.h"

#define SHOWN_ASKS_MAX 64
#define SHOWN_STREAMS_MAX 64
#define SHOWN_TOOLS_MAX 64
#define OUTPUT_QUEUE_BYTES_MAX (4u * 1024u * 1024u)

typedef enum surface_style {
  STYLE_PLAIN = 0,
  STYLE_DIM = 1,
  STYLE_BOLD = 2,
  STYLE_GREEN = 3,
  STYLE_RED = 4,
  STYLE_YELLOW = 5
} surface_style;

typedef struct shown_ask {
  unsigned number; /* 0: free */
  Remote__V1__Ask *ask;
} shown_ask;

typedef struct shown_tool {
  char id[128];
  char title[256];
  bool output; /* some of its output has been shown */
  bool diffs;
} shown_tool;

struct surface {
  uv_loop_t *loop;
  surface_kind kind;
  surface_owner owner;
  void *user;
  bool input_tty, output_tty, colour;
  /* output */
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tty_t tty;
    uv_pipe_t pipe;
  } out, in;
  bool out_async, in_open;
  char *pending; /* collected until the end of this turn of the loop */
  size_t pending_bytes, pending_room;
  size_t queued; /* given to the loop, not yet written */
  bool left_out;
  uv_prepare_t flush;
  int handles;
  bool destroyed;
  /* input */
  char *line;
  size_t line_bytes, line_room;
  bool line_too_long;
  char read_buffer[4096];
  uv_fs_t read_request; /* input that is a file */
  bool in_file;
  /* what is on the screen */
  bool at_line_start, prompt_shown;
  char stream_id[160]; /* the message that is being written; "": none */
  terminal_text clean;
  char streams[SHOWN_STREAMS_MAX][128]; /* messages that were shown as they came */
  size_t next_stream;
  shown_tool tools[SHOWN_TOOLS_MAX];
  size_t next_tool;
  shown_ask asks[SHOWN_ASKS_MAX];
  unsigned ask_count;
  uint64_t ask_closed_ns; /* when the last ask was dismissed */
  char ask_closed_by[160];
  char answer_text[16384];
  char plan[256], mode[256];
};

/* surface.c */
void surface_put(surface *s, const char *text, size_t bytes); /* clean text */
void surface_puts(surface *s, const char *text);
void surface_style_on(surface *s, surface_style style);
void surface_style_off(surface *s, surface_style style);
/* To the beginning of a line; a message that is being written is ended. */
void surface_fresh_line(surface *s);
/* One line in a style, cut to the terminal's width; foreign text. */
void surface_line(surface *s, surface_style style, const char *lead, const char *text);
/* Foreign text, several lines, each behind `lead`. */
void surface_block(surface *s, surface_style style, const char *lead, const char *text,
                   size_t bytes, size_t lines_max);
unsigned surface_width(const surface *s);

/* surface_ask.c */
void surface_ask_opened(surface *s, const Remote__V1__Ask *ask);
void surface_ask_resolved(surface *s, const Remote__V1__AskResolved *resolved);
void surface_asks_free(surface *s);
void surface_diff(surface *s, const Remote__V1__Diff *diff);
/* "you", or "owner on laptop-2". */
void surface_actor(const Remote__V1__Actor *by, char *out, size_t bytes);

#endif
