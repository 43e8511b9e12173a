/* What the files of the transcript share. */
#ifndef REMOTE_CLI_TRANSCRIPT_INTERNAL_H
#define REMOTE_CLI_TRANSCRIPT_INTERNAL_H

#include <string.h>

#include "transcript.h"

static inline bool transcript_same(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b) {
  return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* Lines of a tool's output that are shown first, and last, on a terminal. */
#define TRANSCRIPT_FOLD_LINES 4

/* A block is what belongs together: on a terminal an empty line stands between different ones. */
enum {
  BLOCK_NONE = 0,
  BLOCK_NOTE = 1,
  BLOCK_TOOL = 2,
  BLOCK_MESSAGE = 3,
  BLOCK_THOUGHT = 4,
  BLOCK_USER = 5,
  BLOCK_ASK = 6
};

/* Marks in front of blocks, as the options want them. */
typedef enum transcript_mark {
  MARK_NOTE = 0,
  MARK_TOOL = 1,
  MARK_THOUGHT = 2,
  MARK_USER = 3,
  MARK_ASK = 4,
  MARK_ERROR = 5,
  MARK_WARNING = 6,
  MARK_OUTPUT = 7, /* in front of each line of output */
  MARK_CARD = 8,   /* in front of each line of a card */
  MARK_GOOD = 9,
  MARK_BAD = 10,
  MARK_GAP = 11,  /* where something is left out */
  MARK_DOT = 12,  /* between facts */
  MARK_QUOTE = 13 /* in front of each line of somebody else's text in a card */
} transcript_mark;
const char *transcript_mark_text(const transcript *t, transcript_mark mark);

/* ---- transcript.c: writing ---- */

/* Begins a block on a line of its own: `lead` in front of its first line, `gutter` in front of the
 * others. */
void transcript_block(transcript *t, unsigned kind, const char *lead, unsigned lead_style,
                      const char *gutter, unsigned gutter_style);
/* The gutter from the next line on. */
void transcript_gutter(transcript *t, const char *gutter, unsigned style);
/* Ends an open line within a block. */
void transcript_end_line(transcript *t);
/* Our own words, clean. */
void transcript_put(transcript *t, unsigned style, const char *text);
void transcript_printf(transcript *t, unsigned style, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Foreign text, cleaned; `flags` of terminal_text. */
void transcript_foreign(transcript *t, unsigned style, const void *text, size_t bytes,
                        unsigned flags);
/* One line of it. */
void transcript_words(transcript *t, unsigned style, const char *text);
/* Who: "you", "at the host's own terminal", "Pixel 8 (anna)"; with what stands in front of it. */
void transcript_put_actor(transcript *t, unsigned style, const Remote__V1__Actor *by);
/* Markdown that is whole, in the lines of a block. */
void transcript_markdown(transcript *t, unsigned style, const char *text);

/* `text` of the stream `kind` ('a' or 't') + `id` from `position` on; `over`: the durable message,
 * after which the stream ends. */
void transcript_stream_text(transcript *t, char kind, const char *id, uint64_t position,
                            const char *text, size_t bytes, bool over);

uint64_t transcript_hash(uint64_t hash, const void *data, size_t bytes);
#define TRANSCRIPT_HASH_START UINT64_C(1469598103934665603)

/* ---- transcript_events.c: every event that is no stream, tool or ask ---- */
void transcript_plain_event(transcript *t, const Remote__V1__Event *event);
void transcript_user_message(transcript *t, const Remote__V1__UserMessage *message);
/* ": remote asset ID"; nothing for an empty id. */
void transcript_fetch_words(transcript *t, const char *asset_id);
void transcript_attachments(transcript *t, Remote__V1__Attachment **attachments, size_t count);
void transcript_notice(transcript *t, const Remote__V1__Notice *notice);
void transcript_plan(transcript *t, Remote__V1__PlanEntry **entries, size_t count);
void transcript_queue(transcript *t, Remote__V1__QueuedPrompt **prompts, size_t count);
/* "1.2 s", "3 min 5 s"; "" for less than a tenth of a second. `out`: 32 bytes. */
void transcript_duration(uint64_t ms, char *out);

/* ---- transcript_tool.c ---- */
transcript_tool *transcript_find_tool(transcript *t, const char *id);
void transcript_tool_event(transcript *t, const Remote__V1__Event *event);
/* One that has ended, of a snapshot's history; one that runs. */
void transcript_tool_history(transcript *t, const Remote__V1__ToolState *tool,
                             const char *agent_id);
void transcript_tool_running(transcript *t, const Remote__V1__ToolState *tool);
void transcript_tool_free(transcript_tool *tool);
bool transcript_tool_expand(transcript *t, transcript_tool *tool);
/* A name for a sub-agent, or for the tool that called another; "" when it is not known. */
void transcript_agent_name(const transcript *t, const char *id, char *out, size_t capacity);

/* ---- transcript_diff.c ---- */

/* `number`: what /expand calls it when it is folded. `whole`: nothing is folded (an ask: all of it
 * is needed to decide; /expand). */
void transcript_diff(transcript *t, const Remote__V1__Diff *diff, unsigned first_line,
                     unsigned number, bool whole);
/* It was shown by an ask; once for each time that it was. */
bool transcript_diff_seen(transcript *t, const Remote__V1__Diff *diff);
/* A document in a block: folded when it is long. */
void transcript_document(transcript *t, const char *text);
/* The first lines of a text as they are; the rest is folded. */
void transcript_head_of(transcript *t, const char *text, size_t lines, unsigned style);
size_t transcript_lines(const char *text);
bool transcript_folds_expand(transcript *t, unsigned number);
void transcript_folds_free(transcript *t);

/* ---- transcript_ask.c ---- */
transcript_known_ask *transcript_find_ask(transcript *t, const uint8_t *id, size_t bytes);
void transcript_ask_event(transcript *t, const Remote__V1__Event *event);

#endif
