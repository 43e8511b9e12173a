#include "surface.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ask_text.h"
#include "event_words.h"
#include "surface_internal.h"
#include "terminal_text.h"

#define TICK_MS 1000
#define ENTER_SCREEN "\x1b[?2004h" /* a paste is marked, so that its newlines do not send */
#define LEAVE_SCREEN "\x1b[0m\x1b[?2004l\x1b[?2026l\x1b[?25h"

uint64_t surface_now_ns(const surface *s) { return uv_now(s->loop) * UINT64_C(1000000); }

const Remote__V1__SessionState *surface_now(surface *s) { return s->owner.state(s->user); }

bool surface_in_turn(surface *s) {
  const Remote__V1__SessionState *state = surface_now(s);
  return state != NULL &&
         (state->turn_id[0] != '\0' || state->status == REMOTE__V1__STATUS__STATUS_WORKING ||
          state->status == REMOTE__V1__STATUS__STATUS_NEEDS_INPUT);
}

/* ---- output ---- */

/* Lines: straight on, while the other side keeps up. */
static void write_lines(surface *s, const char *text, size_t bytes) {
  char gap[128];
  if (s->prompt_shown) {
    terminal_write(s->terminal, s->config.screen_reader ? "\n" : "\r", 1);
    s->prompt_shown = false;
  }
  if (terminal_backlog(s->terminal) + bytes > SURFACE_BACKLOG_LINES_BYTES_MAX) {
    s->left_out += bytes; /* nobody reads: the session does not wait for whoever should */
    return;
  }
  if (s->left_out > 0) {
    int n = snprintf(gap, sizeof gap, "\n[%llu KiB of output were left out: nobody read them]\n",
                     (unsigned long long)(s->left_out + 1023) / 1024);
    s->left_out = 0;
    terminal_write(s->terminal, gap, (size_t)n);
  }
  terminal_write(s->terminal, text, bytes);
}

void surface_write(void *user, const char *text, size_t bytes) {
  surface *s = user;
  if (bytes == 0) return;
  if (s->way == WAY_SCREEN)
    screen_text(&s->screen, text, bytes);
  else
    write_lines(s, text, bytes);
}

static void write_screen(void *user, const char *bytes, size_t count) {
  surface *s = user;
  terminal_write(s->terminal, bytes, count);
}

/* Once in a turn of the loop: what has come since is drawn together. */
static void flush(surface *s) {
  if (s->way != WAY_SCREEN || s->destroyed || !terminal_in_front(s->terminal)) return;
  if (terminal_backlog(s->terminal) > SURFACE_BACKLOG_SCREEN_BYTES_MAX) return;
  if (s->dirty) surface_compose(s);
  s->dirty = false;
  screen_flush(&s->screen);
}

static void on_flush(uv_prepare_t *prepare) {
  surface *s = prepare->data;
  /* Lines that waited for the queue: taken here, because events are told from inside the host. */
  if (s->way == WAY_LINES && s->ready && !s->destroyed &&
      (s->pending_bytes > 0 || (s->input_ended && !s->ended_told)))
    surface_pump_lines(s);
  flush(s);
}

void surface_prompt(surface *s) {
  bool wanted = s->cooked && s->config.kind == SURFACE_TERMINAL && !s->prompt_shown;
  if (!wanted || s->destroyed || !terminal_output_is_tty(s->terminal)) return;
  transcript_break(&s->transcript);
  terminal_write(s->terminal, "> ", 2);
  s->prompt_shown = true;
}

void surface_say(surface *s, const char *format, ...) {
  char text[4096];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  transcript_note(&s->transcript, "%s", text);
}

static void ring(surface *s, surface_bell least) {
  if (s->config.bell >= least && terminal_output_is_tty(s->terminal) && s->ready)
    terminal_write(s->terminal, "\a", 1);
}

/* ---- time ---- */

static void on_tick(uv_timer_t *timer) {
  surface *s = timer->data;
  s->dirty = true;
}

static void set_tick(surface *s) {
  bool wanted = s->way == WAY_SCREEN && (s->ticking || s->working);
  if (!wanted)
    uv_timer_stop(&s->tick);
  else if (!uv_is_active((uv_handle_t *)&s->tick))
    uv_timer_start(&s->tick, on_tick, TICK_MS, TICK_MS);
}

void surface_touch(surface *s, bool ticking) {
  bool working = surface_in_turn(s);
  if (working && !s->working) s->worked_ns = surface_now_ns(s);
  s->working = working;
  s->ticking = ticking;
  s->dirty = true;
  set_tick(s);
}

static void on_escape(uv_timer_t *timer) { surface_escape_alone(timer->data); }

/* ---- the terminal ---- */

static void on_input(void *user, const char *data, size_t bytes) {
  surface *s = user;
  if (s->owner.input != NULL) s->owner.input(s->user);
  if (s->way == WAY_SCREEN) {
    surface_take_keys(s, data, bytes);
    if (keys_waiting(&s->keys) && !s->destroyed)
      uv_timer_start(&s->escape, on_escape, 50, 0);
    else if (!s->destroyed)
      uv_timer_stop(&s->escape);
  } else {
    surface_take_bytes(s, data, bytes);
  }
}

static void on_ended(void *user) {
  surface *s = user;
  if (s->way == WAY_SCREEN)
    s->owner.ended(s->user);
  else
    surface_bytes_ended(s);
}

static void measure(surface *s) {
  size_t columns = 80, rows = 24;
  (void)terminal_size(s->terminal, &columns, &rows);
  if (s->way == WAY_SCREEN) {
    screen_resize(&s->screen, columns, rows);
    line_editor_width(&s->editor, columns > 4 ? columns - 3 : 1);
    s->dirty = true;
  }
  if (terminal_output_is_tty(s->terminal)) transcript_resize(&s->transcript, (unsigned)columns);
}

static void on_resized(void *user) { measure(user); }

static void on_resumed(void *user) {
  surface *s = user;
  if (s->way == WAY_SCREEN) {
    screen_redraw(&s->screen, false);
    measure(s);
  }
  if (s->owner.input != NULL) s->owner.input(s->user);
}

static void on_drained(void *user) {
  surface *s = user;
  flush(s);
}

static void on_lost(void *user) {
  surface *s = user;
  s->left_out = 0;
}

/* ---- opening and closing ---- */

static bool dumb(void) {
  const char *term = getenv("TERM");
  return term == NULL || term[0] == '\0' || strcmp(term, "dumb") == 0;
}

static bool coloured(const surface *s) {
  const char *no = getenv("NO_COLOR");
  return terminal_output_is_tty(s->terminal) && (no == NULL || no[0] == '\0') && !dumb() &&
         !s->config.screen_reader;
}

static surface_way way_for(const surface *s) {
  if (s->config.kind == SURFACE_LOG) return WAY_LOG;
  if (s->config.kind == SURFACE_ONE_SHOT) return WAY_LINES;
  bool both = terminal_input_is_tty(s->terminal) && terminal_output_is_tty(s->terminal);
  return both && !dumb() && !s->config.screen_reader ? WAY_SCREEN : WAY_LINES;
}

static void open_transcript(surface *s) {
  bool tty = terminal_output_is_tty(s->terminal);
  size_t columns = 80, rows = 24;
  if (tty) (void)terminal_size(s->terminal, &columns, &rows);
  transcript_options options =
      transcript_options_for(tty ? (unsigned)columns : 0, coloured(s), s->config.screen_reader);
  options.terse = true;
  options.answers = s->config.kind != SURFACE_LOG;
  options.local_is_you = !s->config.remote;
  options.typed_above = s->cooked && tty && !s->config.remote;
  transcript_init(&s->transcript, surface_write, s, &options);
}

static void init_handles(surface *s) {
  uv_prepare_init(s->loop, &s->flush);
  uv_timer_init(s->loop, &s->tick);
  uv_timer_init(s->loop, &s->escape);
  s->flush.data = s->tick.data = s->escape.data = s;
  s->handles = 3;
  uv_prepare_start(&s->flush, on_flush);
  uv_unref((uv_handle_t *)&s->flush);
  uv_unref((uv_handle_t *)&s->tick);
}

surface *surface_create(uv_loop_t *loop, const surface_config *config, const surface_owner *owner,
                        void *user) {
  static const terminal_ops ops = {on_input, on_ended, on_resized, on_resumed, on_drained, on_lost};
  surface *s = memory_zero(sizeof *s);
  s->loop = loop;
  s->config = *config;
  s->owner = *owner;
  s->user = user;
  s->history_at = SIZE_MAX;
  s->terminal = terminal_create(loop, &ops, s);
  s->way = way_for(s);
  init_handles(s);
  keys_init(&s->keys);
  ask_desk_init(&s->desk);
  s->desk.local = !config->remote;
  line_editor_init(&s->editor);
  line_history_open(&s->history, s->way == WAY_SCREEN ? config->history : NULL);
  screen_init(&s->screen, write_screen, s, 80, 24);
  if (s->way == WAY_SCREEN && !terminal_raw(s->terminal, ENTER_SCREEN, LEAVE_SCREEN))
    s->way = WAY_LINES;
  s->cooked = s->way == WAY_LINES && terminal_input_is_tty(s->terminal);
  open_transcript(s);
  measure(s);
  s->reads = s->config.kind == SURFACE_TERMINAL ||
             (s->config.kind == SURFACE_ONE_SHOT && terminal_input_is_tty(s->terminal));
  /* A pipe or a file can wait until the session is there. */
  if (s->reads && terminal_input_is_tty(s->terminal)) terminal_read(s->terminal);
  s->dirty = true;
  return s;
}

bool surface_input_is_terminal(const surface *s) { return terminal_input_is_tty(s->terminal); }
bool surface_output_is_terminal(const surface *s) { return terminal_output_is_tty(s->terminal); }
bool surface_draws(const surface *s) { return s->way == WAY_SCREEN; }
bool surface_output_lost(const surface *s) { return terminal_lost(s->terminal); }

bool surface_flushed(const surface *s) {
  if (terminal_lost(s->terminal) || !terminal_in_front(s->terminal)) return true;
  return terminal_backlog(s->terminal) == 0 &&
         (s->way != WAY_SCREEN || (s->screen.text_bytes == 0 && s->screen.left_out == 0));
}

static void on_closed(uv_handle_t *handle) {
  surface *s = handle->data;
  if (--s->handles > 0) return;
  transcript_free(&s->transcript);
  if (s->past != NULL) transcript_free(s->past);
  free(s->past);
  ask_desk_free(&s->desk);
  line_editor_free(&s->editor);
  line_history_close(&s->history);
  screen_free(&s->screen);
  for (size_t i = 0; i < s->held_count; i++) free(s->held[i]);
  for (size_t i = 0; i < s->sent_count; i++) free(s->sent[i]);
  free(s->history_draft);
  free(s->pending);
  free(s->joined);
  free(s->taking_text);
  free(s);
}

void surface_destroy(surface *s) {
  if (s == NULL) return;
  transcript_break(&s->transcript);
  if (s->way == WAY_SCREEN) {
    flush(s);
    screen_hide(&s->screen);
  }
  s->destroyed = true;
  terminal_destroy(s->terminal);
  uv_close((uv_handle_t *)&s->flush, on_closed);
  uv_close((uv_handle_t *)&s->tick, on_closed);
  uv_close((uv_handle_t *)&s->escape, on_closed);
}

/* ---- the session ---- */

void surface_ready(surface *s) {
  bool first = !s->ready;
  s->ready = true;
  s->dirty = true;
  if (first) surface_release_held(s);
  if (s->reads && !s->destroyed) terminal_read(s->terminal);
  if (s->reads && s->way == WAY_LINES) surface_pump_lines(s);
  surface_touch(s, s->ticking);
  if (!s->destroyed) surface_prompt(s);
}

/* --headless and --prompt show less: what a log reader or a script wants. */
static bool wanted(const surface *s, const Remote__V1__Event *event) {
  if (s->config.kind == SURFACE_TERMINAL) return true;
  bool once = s->config.kind == SURFACE_ONE_SHOT;
  switch ((int)event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA:
    case REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE:
    case REMOTE__V1__EVENT__BODY_NOTICE:
    case REMOTE__V1__EVENT__BODY_ASK_OPENED:
    case REMOTE__V1__EVENT__BODY_ASK_RESOLVED:
      return true;
    case REMOTE__V1__EVENT__BODY_TURN_ENDED:
      return !once || event->turn_ended->error[0] != '\0' ||
             strcmp(event->turn_ended->stop_reason, "end_turn") != 0;
    case REMOTE__V1__EVENT__BODY_SESSION_ENDED:
      return !once || event->session_ended->reason != REMOTE__V1__END_REASON__END_REASON_QUIT;
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA:
    case REMOTE__V1__EVENT__BODY_THOUGHT:
      return false;
    default:
      return !once;
  }
}

static void ask_opened(surface *s, const Remote__V1__Ask *ask) {
  ask_desk_opened(&s->desk, ask, transcript_ask_number(&s->transcript, ask));
  ring(s, SURFACE_BELL_ASKS);
}

void surface_event(surface *s, const Remote__V1__Event *event) {
  if (s->past != NULL) transcript_break(s->past);
  if (wanted(s, event)) transcript_event(&s->transcript, event);
  switch ((int)event->body_case) {
    case REMOTE__V1__EVENT__BODY_ASK_OPENED:
      if (event->ask_opened->ask != NULL) ask_opened(s, event->ask_opened->ask);
      surface_prompt(s);
      break;
    case REMOTE__V1__EVENT__BODY_ASK_RESOLVED:
      ask_desk_resolved(&s->desk, event->ask_resolved, surface_now_ns(s));
      break;
    case REMOTE__V1__EVENT__BODY_TURN_ENDED:
      ring(s, SURFACE_BELL_ALL);
      surface_prompt(s);
      break;
    default:
      break;
  }
  surface_touch(s, s->ticking);
}

/* ---- an earlier part ---- */

static void write_past(void *user, const char *text, size_t bytes) {
  surface *s = user;
  transcript_break(&s->transcript);
  surface_write(s, text, bytes);
}

void surface_past_begin(surface *s, const char *title) {
  if (s->past != NULL) return;
  transcript_options options = s->transcript.options;
  surface_say(s, "%s", title);
  s->past = memory_zero(sizeof *s->past);
  options.terse = true;
  options.answers = options.typed_above = false;
  options.fold = 0; /* /expand knows only what is going on */
  transcript_init(s->past, write_past, s, &options);
}

/* Questions of the past have no number: they cannot be answered. */
static void past_ask(surface *s, const Remote__V1__Event *event) {
  char *text = NULL;
  size_t bytes = 0;
  FILE *memory = open_memstream(&text, &bytes);
  char title[400];
  if (memory == NULL) return;
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASK_RESOLVED) {
    fputs("it was ", memory);
    resolution_print(memory, event->ask_resolved);
  } else if (event->ask_opened->ask != NULL) {
    ask_title(event->ask_opened->ask, title, sizeof title);
    fprintf(memory, "asked: %s", title);
  }
  fclose(memory);
  transcript_note(s->past, "%s", text);
  free(text);
}

void surface_past_event(surface *s, const Remote__V1__Event *event) {
  if (s->past == NULL) return;
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASK_OPENED ||
      event->body_case == REMOTE__V1__EVENT__BODY_ASK_RESOLVED)
    past_ask(s, event);
  else
    transcript_event(s->past, event);
  s->dirty = true;
}

void surface_past_end(surface *s, const char *text) {
  if (s->past == NULL) return;
  transcript_break(s->past);
  transcript_free(s->past);
  free(s->past);
  s->past = NULL;
  surface_say(s, "%s", text);
  s->dirty = true;
}

static unsigned number_of(void *user, const Remote__V1__Ask *ask) {
  return transcript_ask_number(user, ask);
}

void surface_state(surface *s, const Remote__V1__SessionState *state) {
  transcript_state(&s->transcript, state);
  ask_desk_sync(&s->desk, state->asks, state->n_asks, number_of, &s->transcript);
  surface_touch(s, s->ticking);
}

size_t surface_open_asks(const surface *s) { return s->desk.count; }

const desk_ask *surface_ask(const surface *s, size_t index) {
  return index < s->desk.count ? &s->desk.asks[index] : NULL;
}

/* ---- what is wanted of it ---- */

bool surface_wants_screen_reader(bool flag, const char *configured) {
  const char *accessible = getenv("ACCESSIBLE");
  if (flag) return true;
  if (configured != NULL) return strcasecmp(configured, "on") == 0;
  return accessible != NULL && accessible[0] != '\0' && strcmp(accessible, "0") != 0;
}

bool surface_bell_from(const char *word, surface_bell *out) {
  static const char *const words[] = {"off", "asks", "all"};
  *out = SURFACE_BELL_OFF;
  if (word == NULL) return true;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(word, words[i]) == 0) {
      *out = (surface_bell)i;
      return true;
    }
  return false;
}
