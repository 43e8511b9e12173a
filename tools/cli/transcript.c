#include "transcript.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transcript_internal.h"

#define HASH_START UINT64_C(1469598103934665603)

/* ---- writing ---- */

static void write_through(void *user, const char *text, size_t bytes) {
  transcript *t = user;
  if (bytes == 0) return;
  t->write(t->user, text, bytes);
  t->last = text[bytes - 1];
}

void transcript_write(transcript *t, const char *text) { write_through(t, text, strlen(text)); }

void transcript_style(transcript *t, const char *style) {
  if (t->options.colour) t->write(t->user, style, strlen(style));
}

void transcript_break(transcript *t) {
  t->current = NULL;
  if (t->last != '\n') transcript_write(t, "\n");
}

void transcript_foreign(transcript *t, const void *text, size_t bytes, unsigned flags) {
  terminal_text cleaner;
  terminal_text_init(&cleaner, flags);
  terminal_text_feed(&cleaner, text, bytes, write_through, t);
  terminal_text_end(&cleaner, write_through, t);
}

void transcript_note(transcript *t, const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  transcript_break(t);
  transcript_style(t, STYLE_DIM);
  transcript_foreign(t, text, strlen(text), 0);
  transcript_style(t, STYLE_OFF);
  transcript_break(t);
}

/* ---- streams ---- */

static uint64_t hash_more(uint64_t hash, const char *text, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ (uint8_t)text[i]) * UINT64_C(1099511628211);
  return hash;
}

static transcript_stream *find_stream(transcript *t, char kind, const char *id) {
  char key[sizeof t->streams[0].id];
  transcript_stream *oldest = &t->streams[0];
  snprintf(key, sizeof key, "%c%s", kind, id);
  for (size_t i = 0; i < TRANSCRIPT_STREAMS_MAX; i++) {
    transcript_stream *s = &t->streams[i];
    if (!strcmp(s->id, key)) {
      s->used = ++t->clock;
      return s;
    }
    if (s->used < oldest->used) oldest = s;
  }
  *oldest = (transcript_stream){.hash = HASH_START, .used = ++t->clock};
  memcpy(oldest->id, key, sizeof key);
  /* Only a tool's output may hold escape sequences that mean nothing. */
  terminal_text_init(&oldest->cleaner,
                     kind == 'o' || kind == 'e' || kind == 'm' ? TERMINAL_TEXT_STRIP : 0);
  return oldest;
}

static void begin_stream(transcript *t, transcript_stream *s) {
  if (t->current == s) return;
  transcript_break(t);
  t->current = s;
  if (s->id[0] == 't') transcript_write(t, "~ ");
}

static void write_stream(transcript *t, transcript_stream *s, const char *text, size_t bytes) {
  if (bytes == 0) return;
  begin_stream(t, s);
  const char *style = s->id[0] == 'a' ? NULL : STYLE_DIM;
  if (style) transcript_style(t, style);
  terminal_text_feed(&s->cleaner, text, bytes, write_through, t);
  if (style) transcript_style(t, STYLE_OFF);
  s->hash = hash_more(s->hash, text, bytes);
  s->shown += bytes;
}

/* The durable message says something else than what was streamed: its tail was lost with the
 * process that wrote it. */
static bool was_replaced(const transcript_stream *s, uint64_t position, const char *text,
                         size_t bytes) {
  if (s->shown == s->first || position > s->first || position + bytes < s->shown) return false;
  return hash_more(HASH_START, text + (s->first - position), s->shown - s->first) != s->hash;
}

void transcript_stream_text(transcript *t, char kind, const char *id, uint64_t position,
                            const char *text, size_t bytes, bool over) {
  transcript_stream *s = find_stream(t, kind, id);
  if (s->shown == 0 && position > 0) s->shown = s->first = position; /* we came in the middle */
  if (over && was_replaced(s, position, text, bytes)) {
    transcript_note(t, "(the text above was replaced by this:)");
    s->shown = s->first = position;
    s->hash = HASH_START;
  }
  /* A hole: the durable message will have all of it. */
  if (position > s->shown && !over) return;
  if (position > s->shown) s->shown = position;
  if (position + bytes > s->shown) {
    size_t known = (size_t)(s->shown - position);
    write_stream(t, s, text + known, bytes - known);
  }
  if (!over) return;
  terminal_text_end(&s->cleaner, write_through, t);
  if (t->current == s) transcript_break(t);
}

void transcript_stream_skip(transcript *t, char kind, const char *id, uint64_t position) {
  transcript_stream *s = find_stream(t, kind, id);
  s->shown = s->first = position;
  s->hash = HASH_START;
}

/* ---- tools ---- */

transcript_tool *transcript_find_tool(transcript *t, const char *id) {
  transcript_tool *oldest = &t->tools[0];
  for (size_t i = 0; i < TRANSCRIPT_TOOLS_MAX; i++) {
    transcript_tool *tool = &t->tools[i];
    if (!strcmp(tool->id, id)) {
      tool->used = ++t->clock;
      return tool;
    }
    if (tool->used < oldest->used) oldest = tool;
  }
  *oldest = (transcript_tool){.used = ++t->clock};
  snprintf(oldest->id, sizeof oldest->id, "%s", id);
  snprintf(oldest->title, sizeof oldest->title, "%s", id);
  return oldest;
}

/* ---- events ---- */

transcript_options transcript_options_for(unsigned columns, bool colour, bool screen_reader) {
  return (transcript_options){.width = columns,
                              .colour = colour && !screen_reader,
                              .markdown = columns && !screen_reader,
                              .symbols = columns && !screen_reader,
                              .screen_reader = screen_reader,
                              .fold = columns ? TRANSCRIPT_FOLD_LINES : 0};
}

void transcript_init(transcript *t, transcript_write_fn write, void *user,
                     const transcript_options *options) {
  *t = (transcript){.write = write, .user = user, .options = *options, .last = '\n'};
}

void transcript_free(transcript *t) { (void)t; }

void transcript_resize(transcript *t, unsigned columns) {
  if (t->options.width) t->options.width = columns;
}

bool transcript_expand(transcript *t, unsigned number) {
  if (number)
    transcript_note(t, "nothing is folded as %u", number);
  else
    transcript_note(t, "nothing is folded");
  return false;
}

unsigned transcript_live(const transcript *t, unsigned columns, unsigned rows, char *out,
                         size_t capacity) {
  (void)t, (void)columns, (void)rows;
  if (capacity) out[0] = 0;
  return 0;
}

unsigned transcript_ask_number(transcript *t, const Remote__V1__Ask *ask) {
  transcript_known_ask *oldest = &t->asks[0];
  if (ask->ask_id.len != sizeof oldest->id) return 0;
  for (size_t i = 0; i < TRANSCRIPT_ASKS_MAX; i++) {
    transcript_known_ask *known = &t->asks[i];
    if (known->number && !memcmp(known->id, ask->ask_id.data, sizeof known->id))
      return known->number;
    if (known->number < oldest->number) oldest = known;
  }
  memcpy(oldest->id, ask->ask_id.data, sizeof oldest->id);
  return oldest->number = ++t->ask_count;
}

static void take_tool_output(transcript *t, const Remote__V1__ToolOutput *output) {
  static const char kinds[] = {'m', 'o', 'e'}; /* mixed, standard output, standard error */
  size_t stream = (size_t)output->stream;
  transcript_find_tool(t, output->tool_call_id)->output_shown = true;
  transcript_stream_text(t, kinds[stream < 3 ? stream : 0], output->tool_call_id, output->position,
                         (const char *)output->data.data, output->data.len, false);
}

void transcript_event(transcript *t, const Remote__V1__Event *event) {
  switch (event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA: {
      const Remote__V1__AssistantDelta *delta = event->assistant_delta;
      transcript_stream_text(t, 'a', delta->message_id, delta->position, delta->text,
                             strlen(delta->text), false);
      break;
    }
    case REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE: {
      const Remote__V1__AssistantMessage *m = event->assistant_message;
      transcript_stream_text(t, 'a', m->message_id, m->position, m->text, strlen(m->text),
                             !m->more);
      break;
    }
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA: {
      const Remote__V1__ThoughtDelta *delta = event->thought_delta;
      transcript_stream_text(t, 't', delta->message_id, delta->position, delta->text,
                             strlen(delta->text), false);
      break;
    }
    case REMOTE__V1__EVENT__BODY_THOUGHT: {
      const Remote__V1__Thought *m = event->thought;
      transcript_stream_text(t, 't', m->message_id, m->position, m->text, strlen(m->text),
                             !m->more);
      break;
    }
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
      take_tool_output(t, event->tool_output);
      break;
    default:
      transcript_plain_event(t, event);
      break;
  }
}

/* ---- a jump ---- */

static void take_history(transcript *t, const Remote__V1__HistoryItem *item) {
  switch (item->item_case) {
    case REMOTE__V1__HISTORY_ITEM__ITEM_USER:
      transcript_user_message(t, item->user);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT:
      transcript_stream_text(t, 'a', item->assistant->message_id, item->assistant->position,
                             item->assistant->text, strlen(item->assistant->text), !item->open);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT:
      transcript_stream_text(t, 't', item->thought->message_id, item->thought->position,
                             item->thought->text, strlen(item->thought->text), !item->open);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_TOOL:
      transcript_tool_line(t, item->tool);
      transcript_tool_content(t, item->tool->content, item->tool->n_content);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_NOTICE:
      transcript_notice(t, item->notice);
      break;
    default:
      break;
  }
}

static void take_running_tool(transcript *t, const Remote__V1__ToolState *tool) {
  uint64_t all = tool->output_position + tool->output.len;
  uint64_t apart = tool->stdout_bytes + tool->stderr_bytes;
  transcript_tool_line(t, tool);
  transcript_stream_skip(t, 'o', tool->tool_call_id, tool->stdout_bytes);
  transcript_stream_skip(t, 'e', tool->tool_call_id, tool->stderr_bytes);
  transcript_stream_skip(t, 'm', tool->tool_call_id, all > apart ? all - apart : 0);
  if (tool->output.len == 0) return;
  transcript_find_tool(t, tool->tool_call_id)->output_shown = true;
  if (tool->output_position) transcript_note(t, "(earlier output is left out)");
  transcript_style(t, STYLE_DIM);
  transcript_foreign(t, tool->output.data, tool->output.len, TERMINAL_TEXT_STRIP);
  transcript_style(t, STYLE_OFF);
  transcript_break(t);
}

void transcript_state(transcript *t, const Remote__V1__SessionState *state) {
  memset(t->streams, 0, sizeof t->streams);
  memset(t->tools, 0, sizeof t->tools);
  transcript_break(t);
  if (state->history_cut)
    transcript_note(t, "(earlier messages are left out; `remote watch --from start` has them)");
  for (size_t i = 0; i < state->n_history; i++) take_history(t, state->history[i]);
  for (size_t i = 0; i < state->n_tools; i++) take_running_tool(t, state->tools[i]);
  transcript_plan(t, state->plan, state->n_plan);
  for (size_t i = 0; i < state->n_queue; i++) {
    transcript_break(t);
    transcript_write(t, "queued: ");
    transcript_foreign(t, state->queue[i]->text, strlen(state->queue[i]->text),
                       TERMINAL_TEXT_ONE_LINE);
    transcript_break(t);
  }
  for (size_t i = 0; i < state->n_asks; i++) transcript_ask(t, state->asks[i]);
}
