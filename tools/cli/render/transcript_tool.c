/* Tool calls: a head, output as it comes (its first and last lines; the rest is kept for /expand),
 * an end. Calls that run at the same time are told apart by their number. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "transcript_internal.h"
#include "unicode_text.h"

#define STATUS(x) ((unsigned)REMOTE__V1__TOOL_STATUS__TOOL_STATUS_##x)
#define KIND(x) ((unsigned)REMOTE__V1__TOOL_KIND__TOOL_KIND_##x)
#define REASON_BYTES_MAX 2000
#define KEPT TRANSCRIPT_KEPT_BYTES_MAX

/* ---- which ---- */

void transcript_tool_free(transcript_tool *tool) {
  free(tool->kept);
  free(tool->tail);
  free(tool->waiting);
  memset(tool, 0, sizeof *tool);
}

static transcript_tool *known_tool(transcript *t, const char *id) {
  for (size_t i = 0; i < TRANSCRIPT_TOOLS_MAX; i++)
    if (t->tools[i].number && !strncmp(t->tools[i].id, id, sizeof t->tools[i].id - 1))
      return &t->tools[i];
  return NULL;
}

transcript_tool *transcript_find_tool(transcript *t, const char *id) {
  transcript_tool *tool = known_tool(t, id), *oldest = &t->tools[0];
  for (size_t i = 0; !tool && i < TRANSCRIPT_TOOLS_MAX; i++)
    if (t->tools[i].used < oldest->used) oldest = &t->tools[i];
  if (!tool) {
    tool = oldest;
    if (t->tool == tool) transcript_break(t);
    transcript_tool_free(tool);
    snprintf(tool->id, sizeof tool->id, "%s", id);
    terminal_text_copy(tool->title, sizeof tool->title, id, strlen(id), TERMINAL_TEXT_ONE_LINE);
    tool->number = ++t->numbers;
    for (size_t i = 0; i < 3; i++)
      terminal_text_init(&tool->cleaners[i], TERMINAL_TEXT_STRIP | TERMINAL_TEXT_RETURNS);
  }
  tool->used = ++t->clock;
  return tool;
}

void transcript_agent_name(const transcript *t, const char *id, char *out, size_t capacity) {
  const char *name = id;
  for (size_t i = 0; i < TRANSCRIPT_AGENTS_MAX; i++)
    if (t->agents[i].id[0] && !strcmp(t->agents[i].id, id)) name = t->agents[i].name;
  for (size_t i = 0; name == id && id[0] && i < TRANSCRIPT_TOOLS_MAX; i++)
    if (t->tools[i].number && !strcmp(t->tools[i].id, id)) name = t->tools[i].title;
  out[0] = 0;
  terminal_text_copy(out, capacity < 40 ? capacity : 40, name, strlen(name),
                     TERMINAL_TEXT_ONE_LINE);
}

/* The agent of the event; else what the call says of its parent. */
static void set_agent(transcript *t, const transcript_tool *tool) {
  if (!t->agent || !t->agent[0]) t->agent = tool->agent;
}

/* ---- the head ---- */

static const char *kind_word(unsigned kind) {
  static const char *const words[] = {"",    "Read",  "Edit",  "Delete", "Move", "Search",
                                      "Run", "Think", "Fetch", "Mode",   ""};
  return kind < sizeof words / sizeof *words ? words[kind] : "";
}

/* "Run " for the title "uname -s"; a title that begins like a sentence says it itself. */
static const char *verb(const transcript_tool *tool) {
  const char *word = kind_word(tool->kind);
  bool sentence = tool->title[0] >= 'A' && tool->title[0] <= 'Z';
  return sentence || !strncasecmp(tool->title, word, strlen(word)) ? "" : word;
}

static void put_name(transcript *t, const transcript_tool *tool, unsigned style) {
  if (verb(tool)[0]) transcript_printf(t, style, "%s ", verb(tool));
  transcript_put(t, style, tool->title);
}

static void begin_tool(transcript *t, transcript_tool *tool, const char *says) {
  set_agent(t, tool);
  transcript_block(t, BLOCK_TOOL, transcript_mark_text(t, MARK_TOOL),
                   tool->ended ? STYLE_DIM : STYLE_BLUE, "", STYLE_DIM);
  wrap_hang(&t->out, 2);
  if (t->options.screen_reader) transcript_printf(t, STYLE_PLAIN, "%u %s: ", tool->number, says);
}

static void put_locations(transcript *t, const transcript_tool *tool,
                          Remote__V1__Location **locations, size_t count) {
  size_t shown = 0;
  for (size_t i = 0; i < count && shown < 3; i++) {
    char path[256];
    terminal_text_copy(path, sizeof path, locations[i]->path.data, locations[i]->path.len,
                       TERMINAL_TEXT_ONE_LINE);
    const char *name = strrchr(path, '/');
    if (!path[0] || (name && name[1] && strstr(tool->title, name + 1)) || strstr(tool->title, path))
      continue; /* the title says it */
    transcript_printf(t, STYLE_DIM, "%s%s", shown++ ? ", " : "  ", path);
    if (locations[i]->line) transcript_printf(t, STYLE_DIM, ":%" PRIu32, locations[i]->line);
  }
  if (count > shown && shown == 3) transcript_printf(t, STYLE_DIM, ", %zu more", count - shown);
}

static void show_head(transcript *t, transcript_tool *tool, const char *says,
                      Remote__V1__Location **locations, size_t count) {
  begin_tool(t, tool, says);
  put_name(t, tool, STYLE_BOLD);
  put_locations(t, tool, locations, count);
  transcript_end_line(t);
  transcript_gutter(t, transcript_mark_text(t, MARK_OUTPUT), STYLE_DIM);
  tool->announced = true;
  t->tool = tool;
}

/* Something was shown since the tool's last line: what follows says whose it is. */
static void resume(transcript *t, transcript_tool *tool) {
  if (t->tool == tool) return;
  if (!tool->announced) {
    show_head(t, tool, "started", NULL, 0);
    return;
  }
  begin_tool(t, tool, "goes on");
  put_name(t, tool, STYLE_DIM);
  if (!t->options.screen_reader)
    transcript_printf(t, STYLE_DIM, " (%s%u)", t->options.symbols ? "" : "tool ", tool->number);
  transcript_end_line(t);
  transcript_gutter(t, transcript_mark_text(t, MARK_OUTPUT), STYLE_DIM);
  t->tool = tool;
}

/* True: there is news in it. */
static bool take_facts(transcript *t, transcript_tool *tool, const Remote__V1__ToolState *state) {
  char title[sizeof tool->title];
  const char *said = state->title[0] ? state->title : tool->announced ? "" : state->name;
  bool news = false;
  terminal_text_copy(title, sizeof title, said, strlen(said), TERMINAL_TEXT_ONE_LINE);
  if (title[0] && strcmp(title, tool->title)) {
    memcpy(tool->title, title, sizeof title);
    news = true;
  }
  if (state->kind) tool->kind = (unsigned)state->kind;
  if (state->parent_id[0]) snprintf(tool->agent, sizeof tool->agent, "%s", state->parent_id);
  (void)t;
  return news;
}

/* ---- output ---- */

static void keep(transcript_tool *tool, const char *text, size_t bytes) {
  if (!tool->kept) tool->kept = malloc(2 * (size_t)KEPT);
  for (size_t i = 0; tool->kept && i < bytes; i++) {
    uint64_t at = tool->kept_bytes++;
    tool->kept[at < KEPT ? at : KEPT + (at - KEPT) % KEPT] = text[i] == '\r' ? '\n' : text[i];
  }
}

/* A line as it is shown: on a terminal at most three rows of it. */
static void put_line(transcript *t, const char *text, size_t bytes, uint64_t cut) {
  size_t room = wrap_room(&t->out), shown = bytes, columns = 0;
  for (size_t at = 0; room != SIZE_MAX && at < bytes;) {
    uint32_t c;
    size_t n = unicode_next(text + at, bytes - at, &c);
    columns += c == '\t' ? 8 : unicode_columns(c);
    if (columns > 3 * room - 24 && room >= 16) {
      shown = at;
      break;
    }
    at += n;
  }
  t->out.hard = true;
  wrap_put(&t->out, STYLE_DIM, text, shown);
  cut += bytes - shown;
  if (cut)
    transcript_printf(t, STYLE_DIM, " %s%" PRIu64 " more bytes", transcript_mark_text(t, MARK_GAP),
                      cut);
  transcript_put(t, STYLE_DIM, "\n");
  t->out.hard = false;
}

static char *tail_slot(const transcript_tool *tool, uint64_t hidden) {
  return tool->tail + hidden % TRANSCRIPT_FOLD_MAX * TRANSCRIPT_TAIL_BYTES_MAX;
}

/* Behind the first lines: remembered as one of the last. */
static void hide_line(transcript_tool *tool) {
  if (!tool->tail) tool->tail = calloc(TRANSCRIPT_FOLD_MAX, TRANSCRIPT_TAIL_BYTES_MAX);
  tool->line[tool->line_bytes < sizeof tool->line ? tool->line_bytes : sizeof tool->line - 1] = 0;
  if (tool->tail)
    terminal_text_copy(tail_slot(tool, tool->lines_hidden), TRANSCRIPT_TAIL_BYTES_MAX, tool->line,
                       strlen(tool->line), 0);
  tool->lines_hidden++;
  tool->folded = true;
}

static void end_output_line(transcript *t, transcript_tool *tool) {
  if (t->options.fold && tool->lines >= t->options.fold) {
    hide_line(tool);
  } else {
    resume(t, tool);
    put_line(t, tool->line, tool->line_bytes, tool->line_cut);
  }
  tool->lines++;
  tool->line_bytes = 0;
  tool->line_cut = 0;
  tool->line_over = false;
}

typedef struct output {
  transcript *t;
  transcript_tool *tool;
} output;

/* Clean text, a character or more at a time. */
static void write_output(void *user, const char *text, size_t bytes) {
  const output *o = user;
  transcript_tool *tool = o->tool;
  keep(tool, text, bytes);
  for (size_t at = 0; at < bytes;) {
    uint32_t c;
    size_t n = unicode_next(text + at, bytes - at, &c);
    if (c == '\n') {
      end_output_line(o->t, tool);
    } else if (c == '\r') {
      tool->line_over = true;
    } else {
      if (tool->line_over) tool->line_bytes = 0, tool->line_cut = 0;
      tool->line_over = false;
      if (tool->line_cut || tool->line_bytes + n >= sizeof tool->line) {
        tool->line_cut += n;
      } else {
        memcpy(tool->line + tool->line_bytes, text + at, n);
        tool->line_bytes += n;
      }
    }
    at += n;
  }
}

static void feed(transcript *t, transcript_tool *tool, unsigned stream, const void *data,
                 size_t bytes) {
  output o = {t, tool};
  if (tool->stream != stream && tool->line_bytes) end_output_line(t, tool);
  tool->stream = stream;
  terminal_text_feed(&tool->cleaners[stream], data, bytes, write_output, &o);
}

static void take_output(transcript *t, const Remote__V1__ToolOutput *said) {
  transcript_tool *tool = transcript_find_tool(t, said->tool_call_id);
  unsigned stream = (unsigned)said->stream < 3 ? (unsigned)said->stream : 0;
  uint64_t end = said->position + said->data.len, *shown = &tool->shown[stream];
  if (tool->ended || said->data.len == 0 || end <= *shown) return;
  size_t known = *shown > said->position ? (size_t)(*shown - said->position) : 0;
  if (said->position > *shown) {
    static const char gap[] = "\n[some output was not received]\n";
    feed(t, tool, stream, gap + (tool->line_bytes == 0), sizeof gap - 1 - (tool->line_bytes == 0));
  }
  set_agent(t, tool);
  feed(t, tool, stream, said->data.data + known, said->data.len - known);
  *shown = end;
}

/* ---- the end ---- */

static void end_output(transcript *t, transcript_tool *tool) {
  output o = {t, tool};
  for (size_t i = 0; i < 3; i++) terminal_text_end(&tool->cleaners[i], write_output, &o);
  if (tool->line_bytes || tool->line_cut) end_output_line(t, tool);
  if (!tool->lines_hidden) return;
  uint64_t tail = tool->lines_hidden < t->options.fold ? tool->lines_hidden : t->options.fold;
  uint64_t left = tool->lines_hidden - tail;
  resume(t, tool);
  if (left == 1 && tail < TRANSCRIPT_FOLD_MAX) tail++, left = 0;
  if (left)
    transcript_printf(t, STYLE_DIM | STYLE_ITALIC, "%s%" PRIu64 " more lines (/expand %u)\n",
                      transcript_mark_text(t, MARK_GAP), left, tool->number);
  for (uint64_t i = tail; tool->tail && i; i--) {
    const char *line = tail_slot(tool, tool->lines_hidden - i);
    put_line(t, line, strlen(line), 0);
  }
}

static const char *status_word(unsigned status) {
  static const char *const names[] = {"ended",     "pending", "running",
                                      "completed", "failed",  "cancelled"};
  return status < sizeof names / sizeof *names ? names[status] : names[0];
}

/* "completed, exit 0, 1.2 s". */
static void put_end(transcript *t, const transcript_tool *tool, unsigned status, bool exit_known,
                    int exit_code, uint64_t took_ms) {
  char took[32];
  const char *dot = transcript_mark_text(t, MARK_DOT);
  bool good = status == STATUS(COMPLETED) && !(exit_known && exit_code);
  unsigned style = good ? STYLE_GREEN : status == STATUS(CANCELLED) ? STYLE_YELLOW : STYLE_RED;
  transcript_duration(took_ms, took);
  transcript_put(t, style, transcript_mark_text(t, good ? MARK_GOOD : MARK_BAD));
  transcript_put(t, style, status_word(status));
  if (exit_known) transcript_printf(t, style, "%sexit %d", dot, exit_code);
  if (took[0]) transcript_printf(t, STYLE_DIM, "%s%s", dot, took);
  (void)tool;
}

static void show_end(transcript *t, transcript_tool *tool, const Remote__V1__ToolEnded *ended,
                     uint64_t took_ms) {
  bool own_line = t->tool != tool || !t->options.width || t->options.screen_reader;
  if (own_line) {
    begin_tool(t, tool, "ended");
    put_name(t, tool, STYLE_PLAIN);
    transcript_put(t, STYLE_PLAIN, ": ");
  } else {
    transcript_gutter(t, "", STYLE_PLAIN);
    transcript_put(t, STYLE_PLAIN, "  ");
    wrap_hang(&t->out, 4);
  }
  put_end(t, tool, (unsigned)ended->status, ended->exit_known, (int)ended->exit_code, took_ms);
  if (ended->reason[0]) {
    transcript_put(t, STYLE_PLAIN, ": ");
    transcript_words(t, STYLE_PLAIN, ended->reason);
  }
  transcript_end_line(t);
}

static void put_reference(transcript *t, const char *what, const Remote__V1__AssetReference *r) {
  transcript_gutter(t, transcript_mark_text(t, MARK_OUTPUT), STYLE_DIM);
  transcript_printf(t, STYLE_DIM, "%s ", what);
  transcript_words(t, STYLE_PLAIN, r->name);
  if (r->media_type[0]) {
    transcript_put(t, STYLE_DIM, r->name[0] ? " (" : "(");
    transcript_words(t, STYLE_DIM, r->media_type);
    transcript_put(t, STYLE_DIM, ")");
  }
  transcript_fetch_words(t, r->asset_id);
  transcript_end_line(t);
}

/* A change that is announced may be asked about in a moment, and the card shows it then. */
static void wait_with(transcript_tool *tool, const Remote__V1__Diff *diff) {
  uint32_t bytes = (uint32_t)remote__v1__diff__get_packed_size(diff);
  if (tool->waiting_bytes + bytes + sizeof bytes > TRANSCRIPT_WAITING_BYTES_MAX) return;
  uint8_t *more = realloc(tool->waiting, tool->waiting_bytes + bytes + sizeof bytes);
  if (!more) return;
  tool->waiting = more;
  memcpy(more + tool->waiting_bytes, &bytes, sizeof bytes);
  remote__v1__diff__pack(diff, more + tool->waiting_bytes + sizeof bytes);
  tool->waiting_bytes += bytes + sizeof bytes;
}

static void show_change(transcript *t, transcript_tool *tool, const Remote__V1__Diff *diff,
                        uint32_t line) {
  if (transcript_diff_seen(t, diff)) return;
  resume(t, tool);
  transcript_diff(t, diff, line, tool->number, false);
}

/* `told`: the end names its changes itself. */
static void show_waiting(transcript *t, transcript_tool *tool, bool told) {
  for (size_t at = 0; !told && at < tool->waiting_bytes;) {
    uint32_t bytes;
    memcpy(&bytes, tool->waiting + at, sizeof bytes);
    at += sizeof bytes;
    Remote__V1__Diff *diff = remote__v1__diff__unpack(NULL, bytes, tool->waiting + at);
    if (diff) show_change(t, tool, diff, tool->line_of_change);
    if (diff) remote__v1__diff__free_unpacked(diff, NULL);
    at += bytes;
  }
  free(tool->waiting);
  tool->waiting = NULL;
  tool->waiting_bytes = 0;
}

/* What is no text: changes, images, files. */
static void put_content(transcript *t, transcript_tool *tool, Remote__V1__ToolContent **content,
                        size_t count, bool over) {
  for (size_t i = 0; i < count; i++) {
    const Remote__V1__ToolContent *c = content[i];
    if (c->content_case == REMOTE__V1__TOOL_CONTENT__CONTENT_DIFF) {
      if (over)
        show_change(t, tool, c->diff, tool->line_of_change);
      else
        wait_with(tool, c->diff);
    } else if (c->content_case == REMOTE__V1__TOOL_CONTENT__CONTENT_IMAGE) {
      resume(t, tool);
      put_reference(t, "image", c->image);
    } else if (c->content_case == REMOTE__V1__TOOL_CONTENT__CONTENT_RESOURCE) {
      resume(t, tool);
      put_reference(t, "file", c->resource);
    } else if (c->asset_id[0]) {
      resume(t, tool);
      transcript_gutter(t, transcript_mark_text(t, MARK_OUTPUT), STYLE_DIM);
      transcript_put(t, STYLE_DIM, "the whole text");
      transcript_fetch_words(t, c->asset_id);
      transcript_end_line(t);
    }
  }
}

/* Text that streamed by already is not shown again. What was read is counted only: the reader is
 * the agent. */
static void take_text(transcript *t, transcript_tool *tool, Remote__V1__ToolContent **content,
                      size_t count, bool good) {
  if (tool->kept_bytes) return;
  bool read = good && t->options.fold && (tool->kind == KIND(READ) || tool->kind == KIND(FETCH));
  if (read) tool->lines = t->options.fold; /* straight to what is folded */
  uint64_t before = tool->lines;
  for (size_t i = 0; i < count; i++)
    if (content[i]->content_case == REMOTE__V1__TOOL_CONTENT__CONTENT_TEXT)
      feed(t, tool, 0, content[i]->text, strlen(content[i]->text));
  if (!read) return;
  output o = {t, tool};
  terminal_text_end(&tool->cleaners[0], write_output, &o);
  if (tool->line_bytes || tool->line_cut) end_output_line(t, tool);
  uint64_t lines = tool->lines - before;
  tool->lines_hidden = 0;
  if (!lines) return;
  resume(t, tool);
  transcript_printf(t, STYLE_DIM | STYLE_ITALIC, "%" PRIu64 " line%s (/expand %u)\n", lines,
                    lines == 1 ? "" : "s", tool->number);
}

/* A call that failed without a word: what the agent keeps of it may say why. */
static void take_reason(transcript *t, transcript_tool *tool, const Remote__V1__ToolEnded *ended) {
  if (tool->kept_bytes || ended->reason[0] || !ended->output ||
      (unsigned)ended->status != STATUS(FAILED))
    return;
  feed(t, tool, 0, ended->output->text, strnlen(ended->output->text, REASON_BYTES_MAX));
}

static void take_end(transcript *t, const Remote__V1__Event *event) {
  const Remote__V1__ToolEnded *ended = event->tool_ended;
  transcript_tool *tool = transcript_find_tool(t, ended->tool_call_id);
  set_agent(t, tool);
  if (!tool->announced) show_head(t, tool, "started", NULL, 0);
  take_text(t, tool, ended->content, ended->n_content,
            (unsigned)ended->status == STATUS(COMPLETED));
  take_reason(t, tool, ended);
  end_output(t, tool);
  put_content(t, tool, ended->content, ended->n_content, true);
  bool told = false;
  for (size_t i = 0; i < ended->n_content; i++)
    told = told || ended->content[i]->content_case == REMOTE__V1__TOOL_CONTENT__CONTENT_DIFF;
  show_waiting(t, tool, told);
  bool timed = tool->started_ms && event->at_ms > tool->started_ms;
  show_end(t, tool, ended, timed ? event->at_ms - tool->started_ms : 0);
  tool->ended = true;
}

/* ---- events ---- */

static void find_line(transcript_tool *tool, const Remote__V1__ToolState *state) {
  if (state->n_locations && state->locations[0]->line)
    tool->line_of_change = state->locations[0]->line;
}

static void take_state(transcript *t, const Remote__V1__ToolState *state, uint64_t at_ms) {
  transcript_tool *tool = transcript_find_tool(t, state->tool_call_id);
  bool news = take_facts(t, tool, state);
  set_agent(t, tool);
  if (!tool->started_ms) tool->started_ms = at_ms;
  /* Updates come for every piece of output: only a new title is news. */
  if (news || !tool->announced) show_head(t, tool, "started", state->locations, state->n_locations);
  find_line(tool, state);
  put_content(t, tool, state->content, state->n_content, false);
}

void transcript_tool_event(transcript *t, const Remote__V1__Event *event) {
  switch (event->body_case) {
    case REMOTE__V1__EVENT__BODY_TOOL_STARTED:
      if (event->tool_started->tool) take_state(t, event->tool_started->tool, event->at_ms);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_UPDATED:
      if (event->tool_updated->tool) take_state(t, event->tool_updated->tool, event->at_ms);
      break;
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
      take_output(t, event->tool_output);
      break;
    default:
      take_end(t, event);
      break;
  }
}

/* ---- a snapshot ---- */

static void take_kept_output(transcript *t, transcript_tool *tool,
                             const Remote__V1__ToolState *state) {
  uint64_t all = state->output_position + state->output.len;
  uint64_t apart = state->stdout_bytes + state->stderr_bytes;
  if (state->output.len && state->output_position) {
    resume(t, tool);
    transcript_printf(t, STYLE_DIM | STYLE_ITALIC, "%s%" PRIu64 " earlier bytes of output\n",
                      transcript_mark_text(t, MARK_GAP), state->output_position);
  }
  if (state->output.len) feed(t, tool, 0, state->output.data, state->output.len);
  tool->shown[0] = all > apart ? all - apart : 0;
  tool->shown[1] = state->stdout_bytes;
  tool->shown[2] = state->stderr_bytes;
}

void transcript_tool_running(transcript *t, const Remote__V1__ToolState *state) {
  transcript_tool *tool = transcript_find_tool(t, state->tool_call_id);
  take_facts(t, tool, state);
  set_agent(t, tool);
  show_head(t, tool, "runs", state->locations, state->n_locations);
  find_line(tool, state);
  put_content(t, tool, state->content, state->n_content, false);
  take_kept_output(t, tool, state);
  t->agent = NULL;
}

void transcript_tool_history(transcript *t, const Remote__V1__ToolState *state,
                             const char *agent_id) {
  transcript_tool *tool = transcript_find_tool(t, state->tool_call_id);
  Remote__V1__ToolEnded ended = REMOTE__V1__TOOL_ENDED__INIT;
  t->agent = agent_id;
  take_facts(t, tool, state);
  set_agent(t, tool);
  show_head(t, tool, "started", state->locations, state->n_locations);
  if (state->output.len) take_kept_output(t, tool, state);
  take_text(t, tool, state->content, state->n_content,
            (unsigned)state->status == STATUS(COMPLETED));
  end_output(t, tool);
  find_line(tool, state);
  put_content(t, tool, state->content, state->n_content, true);
  ended.status = state->status;
  show_end(t, tool, &ended, 0);
  tool->ended = true;
}

/* ---- /expand ---- */

bool transcript_tool_expand(transcript *t, transcript_tool *tool) {
  if (!tool->kept || !tool->kept_bytes) return false;
  begin_tool(t, tool, "output");
  put_name(t, tool, STYLE_BOLD);
  transcript_end_line(t);
  transcript_gutter(t, transcript_mark_text(t, MARK_OUTPUT), STYLE_DIM);
  uint64_t all = tool->kept_bytes, behind = all > KEPT ? all - KEPT : 0;
  size_t first = behind > KEPT ? (size_t)(behind % KEPT) : 0;
  t->out.hard = true;
  transcript_foreign(t, STYLE_PLAIN, tool->kept, (size_t)(all - behind), 0);
  if (behind > KEPT) {
    transcript_end_line(t);
    transcript_printf(t, STYLE_DIM | STYLE_ITALIC, "%s%" PRIu64 " bytes are not kept\n",
                      transcript_mark_text(t, MARK_GAP), behind - KEPT);
    t->out.hard = true;
    transcript_foreign(t, STYLE_PLAIN, tool->kept + KEPT + first, KEPT - first, 0);
  }
  transcript_foreign(t, STYLE_PLAIN, tool->kept + KEPT, behind > KEPT ? first : (size_t)behind, 0);
  transcript_break(t);
  return true;
}

/* ---- what is going on ---- */

static bool append(char *out, size_t capacity, size_t *used, const char *text) {
  size_t bytes = strlen(text);
  if (*used + bytes + 1 > capacity) return false;
  memcpy(out + *used, text, bytes + 1);
  *used += bytes;
  return true;
}

static void live_line(const transcript *t, const transcript_tool *tool, unsigned columns,
                      char *line, size_t capacity) {
  const char *last = tool->line, *word = verb(tool);
  const char *dot = transcript_mark_text(t, MARK_DOT);
  char text[TRANSCRIPT_LINE_BYTES_MAX];
  size_t bytes = tool->line_bytes < sizeof tool->line ? tool->line_bytes : sizeof tool->line - 1;
  if (!bytes && tool->tail && tool->lines_hidden) {
    last = tail_slot(tool, tool->lines_hidden - 1);
    bytes = strlen(last);
  }
  snprintf(text, sizeof text, "%.*s", (int)bytes, last);
  for (char *tab = text; (tab = strchr(tab, '\t'));) *tab = ' ';
  char lines[48] = "";
  if (tool->lines)
    snprintf(lines, sizeof lines, "%s%" PRIu64 " line%s", dot, tool->lines,
             tool->lines == 1 ? "" : "s");
  snprintf(line, capacity, "%s%s%s%s%s%s%s", t->options.symbols ? "◌ " : "* ", word,
           word[0] ? " " : "", tool->title, lines, text[0] ? dot : "", text);
  terminal_text_fit(line, columns);
}

unsigned transcript_live(const transcript *t, unsigned columns, unsigned rows, char *out,
                         size_t capacity) {
  unsigned count = 0, after = 0;
  size_t used = 0;
  char line[2 * TRANSCRIPT_LINE_BYTES_MAX], style[24];
  if (capacity) out[0] = 0;
  if (!t->options.width || t->options.screen_reader || !capacity) return 0;
  wrap_style_text(t->options.colour ? STYLE_DIM : STYLE_PLAIN, style);
  while (count < rows) {
    const transcript_tool *next = NULL;
    for (size_t i = 0; i < TRANSCRIPT_TOOLS_MAX; i++) {
      const transcript_tool *tool = &t->tools[i];
      if (tool->number > after && !tool->ended && (!next || tool->number < next->number))
        next = tool;
    }
    if (!next) break;
    after = next->number;
    live_line(t, next, columns, line, sizeof line);
    if (used + strlen(line) + 40 > capacity) break;
    if (count) append(out, capacity, &used, "\n");
    append(out, capacity, &used, style);
    append(out, capacity, &used, line);
    if (style[0]) append(out, capacity, &used, "\x1b[0m");
    count++;
  }
  return count;
}
