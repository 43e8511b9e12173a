/* A session as text that scrolls by: events in, clean text out. The one renderer of `host`,
 * `attach` and `watch`. It does no I/O, has no clock and never moves the cursor: what is written is
 * printable text, newlines and (with colour) SGR sequences of its own, and every style is off again
 * at the end of a line. So a surface may redraw what lies below at any moment.
 *
 * Streams (the agent's words, its thoughts, tool output) are written as they come, and only what
 * has not been written yet when their durable message follows.
 *
 * Numbers. An ask is "#3" and a tool "/expand 7": both are counted here, from 1, and never used
 * again in this process. */
#ifndef REMOTE_CLI_TRANSCRIPT_H
#define REMOTE_CLI_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/v1/event.pb-c.h"

#include "markdown_text.h"
#include "terminal_text.h"
#include "wrap_text.h"

/* What is kept is bounded; beyond it the oldest is forgotten. All of it is below 12 MiB. */
#define TRANSCRIPT_STREAMS_MAX 32
#define TRANSCRIPT_TOOLS_MAX 64
#define TRANSCRIPT_ASKS_MAX 64
#define TRANSCRIPT_AGENTS_MAX 16
#define TRANSCRIPT_OPTIONS_MAX 12 /* of an ask, whose labels are remembered */
#define TRANSCRIPT_FOLDS_MAX 32   /* changes and documents that were folded */
#define TRANSCRIPT_KEPT_BYTES_MAX                                 \
  (32u * 1024u) /* of a tool's output: its beginning, and its end \
                 */
#define TRANSCRIPT_WAITING_BYTES_MAX \
  (80u * 1024u)                        /* of changes that a running tool has announced */
#define TRANSCRIPT_LINE_BYTES_MAX 1024 /* of a line of output; the rest is counted */
#define TRANSCRIPT_TAIL_BYTES_MAX 256  /* of a line of the folded end */
#define TRANSCRIPT_FOLD_MAX 16         /* most lines that are shown first, and last */

typedef void (*transcript_write_fn)(void *user, const char *text, size_t bytes);

typedef struct transcript_options {
  unsigned width;     /* columns to wrap at; 0: lines are as long as they are (not a terminal) */
  bool colour;        /* SGR styles; off for NO_COLOR, TERM=dumb and what is no terminal */
  bool markdown;      /* headings, lists, code and the like are set; off: the text as it was said */
  bool symbols;       /* characters beyond ASCII of our own; off: plain ASCII marks */
  bool screen_reader; /* each thing is announced in words: no marks, no frames */
  bool terse;         /* leave out what the surface shows itself: status, queue, outcomes */
  bool answers;       /* this surface takes answers: cards say how to give one */
  bool local_is_you;  /* the host's own terminal: who answers here is "you" */
  bool typed_above;   /* prompts typed here stand above already: they are not shown again */
  unsigned fold;      /* lines of a tool's output that are shown first, and last; 0: all of them */
} transcript_options;

/* What fits a terminal of `columns` (0: not a terminal, a log of plain lines). */
transcript_options transcript_options_for(unsigned columns, bool colour, bool screen_reader);

/* ---- what is inside; for no one else ---- */

typedef struct transcript_stream {
  char id[136];   /* kind and id; empty: free */
  uint64_t shown; /* bytes of it that were written or passed over */
  uint64_t first; /* where writing began */
  uint64_t hash;  /* of what was written since `first` */
  uint64_t used;  /* for replacing the one not used for longest */
  bool begun;     /* something of it was written */
  terminal_text cleaner;
  markdown_text markdown;
} transcript_stream;

typedef struct transcript_tool {
  char id[128];
  char title[200];
  char agent[128]; /* the sub-agent, or the tool, that called it */
  unsigned number; /* 0: free */
  unsigned kind;
  bool announced; /* its head was written */
  bool ended;
  uint64_t started_ms;
  uint32_t line_of_change; /* in the file; 0: not known */
  uint64_t used;
  uint64_t shown[3]; /* bytes of each output stream that were taken or passed over */
  terminal_text cleaners[3];
  unsigned stream;       /* that wrote last */
  uint64_t lines;        /* of output, whole ones */
  uint64_t lines_hidden; /* of them */
  bool folded;           /* some of it is not shown: /expand */
  size_t line_bytes;     /* of the line that is not whole yet */
  uint64_t line_cut;     /* bytes of it that are left out */
  bool line_over;        /* a carriage return: the next character begins it anew */
  uint64_t kept_bytes;   /* of clean output, in all */
  char *kept;            /* its beginning and, behind that, the ring of its end */
  size_t waiting_bytes;  /* of changes that are shown when it ends, if no ask shows them before */
  uint8_t *waiting;      /* them, each a length of 4 bytes and a Diff */
  char *tail;            /* the last lines, for the end of the fold */
  char line[TRANSCRIPT_LINE_BYTES_MAX];
} transcript_tool;

typedef struct transcript_known_ask {
  uint8_t id[16];
  unsigned number; /* 0: free */
  size_t options;
  struct {
    uint64_t id_hash;
    char label[64];
  } option[TRANSCRIPT_OPTIONS_MAX];
} transcript_known_ask;

typedef struct transcript_agent {
  char id[128];
  char name[64];
} transcript_agent;

/* A change, or a document when it has no path. */
typedef struct transcript_fold {
  unsigned number; /* 0: free */
  bool as_it_is;   /* a document that is no Markdown */
  char *path;      /* clean */
  char *old_text, *new_text;
} transcript_fold;

typedef struct transcript {
  transcript_write_fn write;
  void *user;
  transcript_options options;
  wrap_text out;
  uint64_t clock;
  unsigned ask_count, numbers;
  uint8_t block;     /* kind of the last block */
  bool anything;     /* was written */
  const char *agent; /* of the event that is being shown */
  char agent_shown[128];
  char mode[256];
  uint64_t plan_texts, plan_states; /* hashes */
  uint64_t turn_began_ms;
  uint64_t seen_diffs[16];
  size_t seen_diffs_next;
  transcript_stream *current; /* the stream that was written last, and nothing since */
  transcript_tool *tool;      /* the tool that was written last, and nothing since */
  transcript_known_ask asks[TRANSCRIPT_ASKS_MAX];
  transcript_agent agents[TRANSCRIPT_AGENTS_MAX];
  size_t agents_next;
  transcript_fold folds[TRANSCRIPT_FOLDS_MAX];
  size_t folds_next;
  transcript_stream streams[TRANSCRIPT_STREAMS_MAX];
  transcript_tool tools[TRANSCRIPT_TOOLS_MAX];
} transcript;

/* ---- what it does ---- */

void transcript_init(transcript *t, transcript_write_fn write, void *user,
                     const transcript_options *options);
/* Gives back what is kept for /expand. The object may be initialised again. */
void transcript_free(transcript *t);
/* The terminal's width changed: lines from now on. */
void transcript_resize(transcript *t, unsigned columns);

/* A durable or ephemeral event; every kind, SessionState excepted (it is left out here). */
void transcript_event(transcript *t, const Remote__V1__Event *event);
/* The reader jumped: what was streamed before is void, this is how things are now: history, running
 * tools, plan, queue, and a card for each open ask. */
void transcript_state(transcript *t, const Remote__V1__SessionState *state);
/* A line of the surface's own, on a line of its own. */
void transcript_note(transcript *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends a line that is still open: the surface has something to show that is not text of ours. */
void transcript_break(transcript *t);

/* The number an ask is called by; a new one at its first sight. 0: the id is malformed. */
unsigned transcript_ask_number(transcript *t, const Remote__V1__Ask *ask);
/* The ask's card, with its number (again). */
void transcript_ask(transcript *t, const Remote__V1__Ask *ask);
/* The card with another number; 0: none. */
void transcript_ask_as(transcript *t, const Remote__V1__Ask *ask, unsigned number);

/* Writes all that is kept of what was folded as "/expand NUMBER"; 0: the newest. False: there is
 * nothing with that number (any more), and a line says so. */
bool transcript_expand(transcript *t, unsigned number);

/* What is not written yet because it is going on: one line for each running tool with its last line
 * of output, and the word that is being streamed. For a status area that is redrawn: clean text, at
 * most `rows` lines of `columns`, joined by newlines, with SGR styles when the transcript has
 * colour. Returns the lines; 0 when nothing runs, in screen-reader mode, and without a terminal. */
unsigned transcript_live(const transcript *t, unsigned columns, unsigned rows, char *out,
                         size_t capacity);

#endif
