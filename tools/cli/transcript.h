/* A session as text that scrolls by: events in, clean text out. Streams (the agent's words, its
 * thoughts, tool output) are written as they come, and only what has not been written yet when
 * their durable message follows. */
#ifndef REMOTE_CLI_TRANSCRIPT_H
#define REMOTE_CLI_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/v1/event.pb-c.h"

#include "terminal_text.h"

#define TRANSCRIPT_STREAMS_MAX 32
#define TRANSCRIPT_TOOLS_MAX 64
#define TRANSCRIPT_OUTPUT_BYTES_MAX 8192 /* of one tool's content, when it ends */

typedef struct transcript_stream {
  char id[136];   /* kind and id; empty: free */
  uint64_t shown; /* bytes of it that were written or passed over */
  uint64_t first; /* where writing began */
  uint64_t hash;  /* of what was written since `first` */
  uint64_t used;  /* for replacing the one not used for longest */
  terminal_text cleaner;
} transcript_stream;

typedef struct transcript_tool {
  char id[128];
  char title[160];
  bool output_shown; /* some of its output was written */
  uint64_t used;
} transcript_tool;

typedef struct transcript {
  void (*write)(void *user, const char *text, size_t bytes);
  void *user;
  bool colour;
  bool terse; /* leave out what the surface shows itself: status, outcomes, asks */
  char last;  /* last character written */
  uint64_t clock;
  transcript_stream *current; /* the stream that was written last, and nothing since */
  transcript_stream streams[TRANSCRIPT_STREAMS_MAX];
  transcript_tool tools[TRANSCRIPT_TOOLS_MAX];
} transcript;

void transcript_init(transcript *t, void (*write)(void *user, const char *text, size_t bytes),
                     void *user, bool colour);
/* A durable or ephemeral event. */
void transcript_event(transcript *t, const Remote__V1__Event *event);
/* The reader jumped: what was streamed before is void, this is how things are now. */
void transcript_state(transcript *t, const Remote__V1__SessionState *state);
/* A line of the surface's own, on a line of its own. */
void transcript_note(transcript *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
