/* Blocks, marks and streams: what every other file of the transcript writes through. */
#include "transcript.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_words.h"
#include "transcript_internal.h"

/* ---- life ---- */

transcript_options transcript_options_for(unsigned columns, bool colour, bool screen_reader) {
  return (transcript_options){.width = columns,
                              .colour = colour && !screen_reader,
                              .markdown = columns != 0,
                              .symbols = columns && !screen_reader,
                              .screen_reader = screen_reader,
                              .fold = columns ? TRANSCRIPT_FOLD_LINES : 0};
}

static void write_out(void *user, const char *text, size_t bytes) {
  transcript *t = user;
  t->write(t->user, text, bytes);
}

/* The last column stays free: terminals differ in what a character there does to the cursor. */
static unsigned usable(unsigned columns) { return columns > 4 ? columns - 1 : columns; }

void transcript_init(transcript *t, transcript_write_fn write, void *user,
                     const transcript_options *options) {
  *t = (transcript){.write = write, .user = user, .options = *options};
  if (t->options.fold > TRANSCRIPT_FOLD_MAX) t->options.fold = TRANSCRIPT_FOLD_MAX;
  wrap_init(&t->out, write_out, t, usable(options->width), options->colour);
}

static void forget(transcript *t) {
  for (size_t i = 0; i < TRANSCRIPT_TOOLS_MAX; i++) transcript_tool_free(&t->tools[i]);
  memset(t->streams, 0, sizeof t->streams);
  t->plan_texts = 0;
  t->current = NULL;
  t->tool = NULL;
}

void transcript_free(transcript *t) {
  forget(t);
  transcript_folds_free(t);
}

void transcript_resize(transcript *t, unsigned columns) {
  if (!t->options.width || !columns) return;
  t->options.width = columns;
  t->out.width = usable(columns);
}

/* ---- marks ---- */

const char *transcript_mark_text(const transcript *t, transcript_mark mark) {
  static const char *const marks[][3] = {
      /* symbols, ASCII, in words */
      [MARK_NOTE] = {"· ", "- ", ""},
      [MARK_TOOL] = {"● ", "* ", "Tool "},
      [MARK_THOUGHT] = {"~ ", "~ ", "Thought: "},
      [MARK_USER] = {"› ", "> ", "Prompt: "},
      [MARK_ASK] = {"◆ ", "? ", "Question "},
      [MARK_ERROR] = {"✗ ", "! ", "Error: "},
      [MARK_WARNING] = {"! ", "! ", "Warning: "},
      [MARK_OUTPUT] = {"  │ ", "  | ", ""},
      [MARK_CARD] = {"│ ", "  ", ""},
      [MARK_GOOD] = {"✓ ", "", ""},
      [MARK_BAD] = {"✗ ", "", ""},
      [MARK_GAP] = {"… ", "... ", ""},
      [MARK_DOT] = {" · ", ", ", ", "},
      [MARK_QUOTE] = {"│ ┊ ", "  | ", ""},
  };
  return marks[mark][t->options.screen_reader ? 2 : t->options.symbols ? 0 : 1];
}

/* ---- writing ---- */

void transcript_put(transcript *t, unsigned style, const char *text) {
  wrap_put(&t->out, style, text, strlen(text));
}

void transcript_printf(transcript *t, unsigned style, const char *format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  transcript_put(t, style, text);
}

typedef struct styled {
  transcript *t;
  unsigned style;
} styled;

static void write_styled(void *user, const char *text, size_t bytes) {
  const styled *s = user;
  wrap_put(&s->t->out, s->style, text, bytes);
}

void transcript_foreign(transcript *t, unsigned style, const void *text, size_t bytes,
                        unsigned flags) {
  terminal_text cleaner;
  styled s = {t, style};
  terminal_text_init(&cleaner, flags);
  terminal_text_feed(&cleaner, text, bytes, write_styled, &s);
  terminal_text_end(&cleaner, write_styled, &s);
}

void transcript_words(transcript *t, unsigned style, const char *text) {
  transcript_foreign(t, style, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
}

void transcript_put_actor(transcript *t, unsigned style, const Remote__V1__Actor *by) {
  char who[192];
  if (by && by->local && t->options.local_is_you) {
    transcript_put(t, style, " by you");
    return;
  }
  actor_text(by, who, sizeof who);
  if (who[0]) transcript_printf(t, style, "%s%s", by->local ? ", " : " by ", who);
}

/* ---- blocks ---- */

static void flush_stream(transcript *t) {
  if (t->current && t->options.markdown) markdown_flush(&t->current->markdown, &t->out);
  t->current = NULL;
  t->tool = NULL;
}

void transcript_end_line(transcript *t) {
  wrap_break(&t->out);
  t->out.hard = t->out.free_run = false;
}

void transcript_break(transcript *t) {
  flush_stream(t);
  transcript_end_line(t);
}

static void agent_gutter(const transcript *t, char *out, size_t capacity) {
  char name[64];
  out[0] = 0;
  if (!t->agent_shown[0] || t->options.screen_reader) return;
  transcript_agent_name(t, t->agent_shown, name, sizeof name);
  if (t->options.symbols)
    snprintf(out, capacity, "┆ ");
  else
    snprintf(out, capacity, "[%s] ", name);
}

static void show_agent(transcript *t) {
  char name[64];
  const char *agent = t->agent ? t->agent : "";
  if (!strcmp(agent, t->agent_shown)) return;
  bool was_sub = t->agent_shown[0] != 0;
  snprintf(t->agent_shown, sizeof t->agent_shown, "%s", agent);
  transcript_agent_name(t, agent, name, sizeof name);
  if (agent[0] && t->options.symbols) {
    wrap_lead(&t->out, "┆ ", STYLE_MAGENTA);
    transcript_put(t, STYLE_MAGENTA | STYLE_BOLD, name);
  } else if (t->options.screen_reader && agent[0]) {
    transcript_printf(t, STYLE_PLAIN, "Sub-agent %s:", name);
  } else if (t->options.screen_reader && was_sub) {
    transcript_put(t, STYLE_PLAIN, "Main agent:");
  }
  transcript_end_line(t);
}

void transcript_gutter(transcript *t, const char *gutter, unsigned style) {
  char text[WRAP_GUTTER_BYTES_MAX];
  agent_gutter(t, text, sizeof text);
  size_t used = strlen(text);
  snprintf(text + used, sizeof text - used, "%s", gutter);
  wrap_gutter(&t->out, text, used && !gutter[0] ? STYLE_MAGENTA : style);
}

/* Notes and tools stand close together; all else has air around it. */
static bool wants_gap(const transcript *t, unsigned kind) {
  if (!t->anything || !t->options.width || t->options.screen_reader) return false;
  return kind != t->block || (kind != BLOCK_NOTE && kind != BLOCK_TOOL);
}

void transcript_block(transcript *t, unsigned kind, const char *lead, unsigned lead_style,
                      const char *gutter, unsigned gutter_style) {
  char text[WRAP_GUTTER_BYTES_MAX];
  transcript_break(t);
  wrap_gutter(&t->out, "", STYLE_PLAIN);
  if (wants_gap(t, kind)) transcript_put(t, STYLE_PLAIN, "\n");
  t->block = (uint8_t)kind;
  t->anything = true;
  show_agent(t);
  agent_gutter(t, text, sizeof text);
  size_t used = strlen(text);
  snprintf(text + used, sizeof text - used, "%s", lead);
  transcript_gutter(t, gutter, gutter_style);
  wrap_lead(&t->out, text, used && !lead[0] ? STYLE_MAGENTA : lead_style);
}

void transcript_note(transcript *t, const char *format, ...) {
  char text[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  t->agent = NULL;
  transcript_block(t, BLOCK_NOTE, "", STYLE_PLAIN, "", STYLE_PLAIN);
  transcript_foreign(t, STYLE_DIM, text, strlen(text), 0);
  transcript_break(t);
}

/* ---- Markdown ---- */

typedef struct setter {
  markdown_text *markdown;
  wrap_text *out;
} setter;

static void write_set(void *user, const char *text, size_t bytes) {
  const setter *s = user;
  markdown_put(s->markdown, s->out, text, bytes);
}

static void begin_markdown(const transcript *t, markdown_text *m, unsigned style) {
  /* Without styles the marks say what they would. */
  markdown_init(m, style, !t->options.colour && !t->options.screen_reader,
                t->options.screen_reader);
}

void transcript_markdown(transcript *t, unsigned style, const char *text) {
  terminal_text cleaner;
  markdown_text m;
  setter s = {&m, &t->out};
  if (!t->options.markdown) {
    transcript_foreign(t, style, text, strlen(text), 0);
    transcript_end_line(t);
    return;
  }
  begin_markdown(t, &m, style);
  terminal_text_init(&cleaner, 0);
  terminal_text_feed(&cleaner, text, strlen(text), write_set, &s);
  terminal_text_end(&cleaner, write_set, &s);
  markdown_flush(&m, &t->out);
  transcript_end_line(t);
}

/* ---- streams ---- */

uint64_t transcript_hash(uint64_t hash, const void *data, size_t bytes) {
  const uint8_t *at = data;
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ at[i]) * UINT64_C(1099511628211);
  return hash;
}

static unsigned stream_style(const transcript_stream *s) {
  return s->id[0] == 't' ? STYLE_DIM | STYLE_ITALIC : STYLE_PLAIN;
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
  if (t->current == oldest) transcript_break(t);
  *oldest = (transcript_stream){.hash = TRANSCRIPT_HASH_START, .used = ++t->clock};
  memcpy(oldest->id, key, sizeof key);
  terminal_text_init(&oldest->cleaner, 0);
  begin_markdown(t, &oldest->markdown, stream_style(oldest));
  return oldest;
}

static void begin_stream(transcript *t, transcript_stream *s) {
  if (t->current == s) return;
  bool thought = s->id[0] == 't';
  const char *lead = thought ? transcript_mark_text(t, MARK_THOUGHT) : "";
  transcript_block(t, thought ? BLOCK_THOUGHT : BLOCK_MESSAGE, s->begun ? "" : lead, STYLE_DIM,
                   thought && t->options.width && !t->options.screen_reader ? "  " : "", STYLE_DIM);
  t->current = s;
  s->begun = true;
}

static void write_stream(transcript *t, transcript_stream *s, const char *text, size_t bytes) {
  if (bytes == 0) return;
  begin_stream(t, s);
  setter set = {&s->markdown, &t->out};
  styled plain = {t, stream_style(s)};
  if (t->options.markdown)
    terminal_text_feed(&s->cleaner, text, bytes, write_set, &set);
  else
    terminal_text_feed(&s->cleaner, text, bytes, write_styled, &plain);
  /* A log has each piece as it comes. */
  if (!t->options.width) wrap_flush(&t->out);
  s->hash = transcript_hash(s->hash, text, bytes);
  s->shown += bytes;
}

/* The durable message says something else than what was streamed: its tail was lost with the
 * process that wrote it. */
static bool was_replaced(const transcript_stream *s, uint64_t position, const char *text,
                         size_t bytes) {
  if (s->shown == s->first || position > s->first || position + bytes < s->shown) return false;
  return transcript_hash(TRANSCRIPT_HASH_START, text + (s->first - position),
                         s->shown - s->first) != s->hash;
}

static void end_stream(transcript *t, transcript_stream *s) {
  setter set = {&s->markdown, &t->out};
  styled plain = {t, stream_style(s)};
  if (t->current != s) return;
  if (t->options.markdown)
    terminal_text_end(&s->cleaner, write_set, &set);
  else
    terminal_text_end(&s->cleaner, write_styled, &plain);
  transcript_break(t);
}

void transcript_stream_text(transcript *t, char kind, const char *id, uint64_t position,
                            const char *text, size_t bytes, bool over) {
  transcript_stream *s = find_stream(t, kind, id);
  if (s->shown == 0 && position > 0) s->shown = s->first = position; /* we came in the middle */
  if (over && was_replaced(s, position, text, bytes)) {
    const char *agent = t->agent;
    transcript_note(t, "(the text above was replaced by this:)");
    t->agent = agent;
    s->shown = s->first = position;
    s->hash = TRANSCRIPT_HASH_START;
    terminal_text_init(&s->cleaner, 0);
    begin_markdown(t, &s->markdown, stream_style(s));
  }
  /* A hole: the durable message will have all of it. */
  if (position > s->shown && !over) return;
  if (position > s->shown) s->shown = position;
  if (position + bytes > s->shown) {
    size_t known = (size_t)(s->shown - position);
    write_stream(t, s, text + known, bytes - known);
  }
  if (over) end_stream(t, s);
}

/* ---- events ---- */

static void take_assistant(transcript *t, const Remote__V1__AssistantMessage *m, bool over) {
  transcript_stream_text(t, 'a', m->message_id, m->position, m->text, strlen(m->text), over);
  if (m->n_attachments) transcript_attachments(t, m->attachments, m->n_attachments);
}

static void take_thought(transcript *t, const Remote__V1__Thought *m, bool over) {
  transcript_stream_text(t, 't', m->message_id, m->position, m->text, strlen(m->text), over);
}

void transcript_event(transcript *t, const Remote__V1__Event *event) {
  t->agent = event->agent_id;
  switch (event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA: {
      const Remote__V1__AssistantDelta *delta = event->assistant_delta;
      transcript_stream_text(t, 'a', delta->message_id, delta->position, delta->text,
                             strlen(delta->text), false);
      break;
    }
    case REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE:
      take_assistant(t, event->assistant_message, !event->assistant_message->more);
      break;
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA: {
      const Remote__V1__ThoughtDelta *delta = event->thought_delta;
      transcript_stream_text(t, 't', delta->message_id, delta->position, delta->text,
                             strlen(delta->text), false);
      break;
    }
    case REMOTE__V1__EVENT__BODY_THOUGHT:
      take_thought(t, event->thought, !event->thought->more);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_STARTED:
    case REMOTE__V1__EVENT__BODY_TOOL_UPDATED:
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
    case REMOTE__V1__EVENT__BODY_TOOL_ENDED:
      transcript_tool_event(t, event);
      break;
    case REMOTE__V1__EVENT__BODY_ASK_OPENED:
    case REMOTE__V1__EVENT__BODY_ASK_RESOLVED:
      transcript_ask_event(t, event);
      break;
    default:
      transcript_plain_event(t, event);
      break;
  }
  t->agent = NULL;
}

/* ---- a jump ---- */

static void take_history(transcript *t, const Remote__V1__HistoryItem *item) {
  t->agent = item->agent_id;
  switch (item->item_case) {
    case REMOTE__V1__HISTORY_ITEM__ITEM_USER:
      transcript_user_message(t, item->user);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_ASSISTANT:
      take_assistant(t, item->assistant, !item->open);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_THOUGHT:
      take_thought(t, item->thought, !item->open);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_TOOL:
      transcript_tool_history(t, item->tool, item->agent_id);
      break;
    case REMOTE__V1__HISTORY_ITEM__ITEM_NOTICE:
      transcript_notice(t, item->notice);
      break;
    default:
      break;
  }
  t->agent = NULL;
}

void transcript_state(transcript *t, const Remote__V1__SessionState *state) {
  transcript_break(t);
  forget(t);
  if (state->history_cut) transcript_note(t, "(earlier messages are left out)");
  bool typed_above = t->options.typed_above;
  t->options.typed_above = false; /* not those of the past */
  for (size_t i = 0; i < state->n_history; i++) take_history(t, state->history[i]);
  t->options.typed_above = typed_above;
  for (size_t i = 0; i < state->n_tools; i++) transcript_tool_running(t, state->tools[i]);
  transcript_plan(t, state->plan, state->n_plan);
  transcript_queue(t, state->queue, state->n_queue);
  for (size_t i = 0; i < state->n_asks; i++) transcript_ask(t, state->asks[i]);
  transcript_break(t);
}

/* ---- /expand ---- */

bool transcript_expand(transcript *t, unsigned number) {
  bool found = false;
  unsigned newest = 0;
  for (size_t i = 0; i < TRANSCRIPT_TOOLS_MAX; i++)
    if (t->tools[i].folded && t->tools[i].number > newest) newest = t->tools[i].number;
  for (size_t i = 0; i < TRANSCRIPT_FOLDS_MAX; i++)
    if (t->folds[i].number > newest) newest = t->folds[i].number;
  if (!number) number = newest;
  t->agent = NULL;
  for (size_t i = 0; number && i < TRANSCRIPT_TOOLS_MAX; i++)
    if (t->tools[i].number == number) found = transcript_tool_expand(t, &t->tools[i]) || found;
  if (number) found = transcript_folds_expand(t, number) || found;
  if (!found && number)
    transcript_note(t, "nothing is folded as %u (any more)", number);
  else if (!found)
    transcript_note(t, "nothing is folded");
  return found;
}
