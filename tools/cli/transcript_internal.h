/* What transcript.c and transcript_events.c share. */
#ifndef REMOTE_CLI_TRANSCRIPT_INTERNAL_H
#define REMOTE_CLI_TRANSCRIPT_INTERNAL_H

#include "transcript.h"

/* Lines of a tool's output that are shown first, and last. */
#define TRANSCRIPT_FOLD_LINES 4

/* Styles; written only when the transcript has colour. */
#define STYLE_DIM "\x1b[2m"
#define STYLE_BOLD "\x1b[1m"
#define STYLE_WARN "\x1b[33m"
#define STYLE_ERROR "\x1b[31m"
#define STYLE_OFF "\x1b[0m"

void transcript_write(transcript *t, const char *text);
void transcript_style(transcript *t, const char *style);
/* Foreign text, cleaned; `flags` of terminal_text. */
void transcript_foreign(transcript *t, const void *text, size_t bytes, unsigned flags);
/* `text` of the stream `kind` + `id` from `position` on; `whole`: the durable message, after which
 * the stream is over. */
void transcript_stream_text(transcript *t, char kind, const char *id, uint64_t position,
                            const char *text, size_t bytes, bool over);
/* Marks everything below `position` as shown. */
void transcript_stream_skip(transcript *t, char kind, const char *id, uint64_t position);
transcript_tool *transcript_find_tool(transcript *t, const char *id);

/* Every event that is no stream. */
void transcript_plain_event(transcript *t, const Remote__V1__Event *event);
/* Parts of it that snapshots need too. */
void transcript_user_message(transcript *t, const Remote__V1__UserMessage *message);
void transcript_notice(transcript *t, const Remote__V1__Notice *notice);
void transcript_tool_line(transcript *t, const Remote__V1__ToolState *tool);
void transcript_plan(transcript *t, Remote__V1__PlanEntry **entries, size_t count);
void transcript_tool_content(transcript *t, Remote__V1__ToolContent **content, size_t count);

#endif
