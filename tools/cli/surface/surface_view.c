/* The area below the text: what goes on, what is asked, the state, and what is being written. */
#include <stdio.h>

#include "event_words.h"
#include "surface_internal.h"
#include "terminal_text.h"

#define DIM "\x1b[2m"
#define BOLD "\x1b[1m"
#define YELLOW "\x1b[33m"
#define OFF "\x1b[0m"
#define QUEUE_ROWS_MAX 3u
#define LIVE_ROWS_MAX 4u
#define EDITOR_ROWS_MAX 12u

static bool coloured(const surface *s) { return s->transcript.options.colour; }

/* One row in a style, cut to the columns. */
static void put_row(surface *s, const char *style, const char *text) {
  char cut[1024], styled[1100];
  terminal_text_copy(cut, sizeof cut, text, strlen(text), TERMINAL_TEXT_ONE_LINE);
  size_t columns = terminal_text_fit(cut, s->screen.columns > 1 ? s->screen.columns - 1 : 1);
  bool on = style[0] != '\0' && coloured(s);
  snprintf(styled, sizeof styled, "%s%s%s", on ? style : "", cut, on ? OFF : "");
  screen_area_row(&s->screen, styled, columns);
}

/* The owner's rows leave room for what is asked, the state and the prompt. */
static void owner_row(void *user, const char *text) {
  surface *s = user;
  if (s->screen.wanted.count < s->owner_rows_end) put_row(s, DIM, text);
}

/* ---- what goes on ---- */

static void put_live(surface *s, size_t room) {
  char text[4096];
  unsigned rows = (unsigned)(room < LIVE_ROWS_MAX ? room : LIVE_ROWS_MAX);
  if (rows == 0) return;
  unsigned columns = (unsigned)(s->screen.columns > 1 ? s->screen.columns - 1 : 1);
  if (transcript_live(&s->transcript, columns, rows, text, sizeof text) == 0) return;
  for (char *rest = text, *row; rest != NULL && (row = strsep(&rest, "\n")) != NULL;)
    screen_area_row(&s->screen, row, columns);
}

static void put_queue(surface *s, size_t room) {
  const Remote__V1__SessionState *state = surface_now(s);
  size_t rows = room < QUEUE_ROWS_MAX ? room : QUEUE_ROWS_MAX;
  size_t count = state != NULL ? state->n_queue : 0;
  char text[400], prompt[320];
  for (size_t i = 0; i < count && i < rows; i++) {
    bool rest = i + 1 == rows && count > rows;
    (void)surface_waiting_text(s, i, prompt, sizeof prompt);
    if (rest)
      snprintf(text, sizeof text, "queued: %zu more", count - i);
    else
      snprintf(text, sizeof text, "queued %zu: %s", i + 1, prompt);
    put_row(s, DIM, text);
  }
}

/* ---- asks ---- */

static void put_ask(surface *s) {
  const desk_ask *slot = ask_desk_focused(&s->desk);
  char text[900], label[120];
  size_t used, count;
  const char *form = ask_desk_form_text(&s->desk);
  if (form != NULL) {
    put_row(s, YELLOW, form);
    return;
  }
  if (slot == NULL) return;
  count = ask_option_count(slot->ask);
  used = (size_t)snprintf(text, sizeof text, "? #%u", slot->number);
  if (s->desk.count > 1)
    used +=
        (size_t)snprintf(text + used, sizeof text - used, " (%zu open, TAB: next)", s->desk.count);
  if (s->desk.choice > 0) {
    const char *option = ask_option_label(slot->ask, s->desk.choice - 1);
    terminal_text_copy(label, sizeof label, option, strlen(option), TERMINAL_TEXT_ONE_LINE);
    snprintf(text + used, sizeof text - used, " > %zu %s   Enter answers, Esc does not",
             s->desk.choice, label);
    put_row(s, BOLD, text);
    return;
  }
  for (size_t i = 0; i < count && used < sizeof text - 150; i++) {
    const char *option = ask_option_label(slot->ask, i);
    terminal_text_copy(label, sizeof label, option, strlen(option), TERMINAL_TEXT_ONE_LINE);
    used += (size_t)snprintf(text + used, sizeof text - used, "  %zu %s", i + 1, label);
  }
  if (count == 0 && slot->ask->kind_case == REMOTE__V1__ASK__KIND_FORM)
    snprintf(text + used, sizeof text - used, "  #%u alone fills it in field by field",
             slot->number);
  else if (count == 0)
    snprintf(text + used, sizeof text - used, "  answer with #%u and words", slot->number);
  put_row(s, YELLOW, text);
}

/* ---- status ---- */

static void add(char *out, size_t capacity, const char *separator, const char *text) {
  size_t used = strlen(out);
  if (text[0] == '\0' || used + 1 >= capacity) return;
  snprintf(out + used, capacity - used, "%s%s", used > 0 ? separator : "", text);
}

static void duration(uint64_t ns, char *out, size_t capacity) {
  uint64_t seconds = ns / UINT64_C(1000000000);
  if (seconds < 60)
    snprintf(out, capacity, "%u s", (unsigned)seconds);
  else
    snprintf(out, capacity, "%u min %02u s", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
}

static void put_status(surface *s) {
  const Remote__V1__SessionState *state = surface_now(s);
  const char *separator = s->transcript.options.symbols ? " · " : " - ";
  char text[600] = "", part[200], time[32];
  bool turn = state != NULL && s->ready && s->working;
  if (state != NULL && s->ready) {
    const char *name = state->status == REMOTE__V1__STATUS__STATUS_NEEDS_INPUT
                           ? "needs an answer"
                           : session_status_name((uint32_t)state->status);
    if (state->ended) name = "ended";
    duration(surface_now_ns(s) - s->worked_ns, time, sizeof time);
    if (turn)
      snprintf(part, sizeof part, "%s %s", name, time);
    else
      snprintf(part, sizeof part, "%s", name);
    add(text, sizeof text, separator, part);
  }
  if (s->owner.status != NULL) {
    part[0] = '\0';
    s->owner.status(s->user, part, sizeof part);
    add(text, sizeof text, separator, part);
  }
  if (state != NULL && s->ready) {
    if (turn && state->activity[0] != '\0') {
      terminal_text_copy(part, 60, state->activity, strlen(state->activity),
                         TERMINAL_TEXT_ONE_LINE);
      add(text, sizeof text, separator, part);
    }
    snprintf(part, sizeof part, "%.60s", state->current_mode_id);
    add(text, sizeof text, separator, part);
    if (turn && s->owner.cancel != NULL) add(text, sizeof text, separator, "Esc cancels");
  }
  put_row(s, DIM, text);
}

/* ---- what is being written ---- */

static void put_search(surface *s) {
  char text[700], words[300];
  bool found = s->search.at != SIZE_MAX;
  terminal_text_copy(words, sizeof words, s->search.words, s->search.bytes, TERMINAL_TEXT_ONE_LINE);
  snprintf(text, sizeof text, "search \"%s\": %.300s", words,
           found                 ? s->history.entries[s->search.at]
           : s->search.bytes > 0 ? "nothing"
                                 : "");
  put_row(s, "", text);
  screen_area_cursor(&s->screen, s->screen.wanted.count - 1, 8 + terminal_text_columns(words));
}

static void put_editor(surface *s, size_t max) {
  line_row rows[EDITOR_ROWS_MAX];
  size_t cursor_row, cursor_column, above, below;
  char text[2048];
  bool colour = coloured(s), small = s->screen.columns < 8;
  size_t lead = small ? 0 : 2;
  line_editor_width(&s->editor, s->screen.columns > lead + 1 ? s->screen.columns - lead - 1 : 1);
  size_t count = line_editor_rows(&s->editor, rows, max < EDITOR_ROWS_MAX ? max : EDITOR_ROWS_MAX,
                                  &cursor_row, &cursor_column, &above, &below);
  size_t first = s->screen.wanted.count;
  for (size_t i = 0; i < count; i++) {
    char mark[32] = "";
    const char *sign = i == 0 && above > 0           ? "^ "
                       : i + 1 == count && below > 0 ? "v "
                       : i == 0                      ? "> "
                                                     : "  ";
    if (!small) snprintf(mark, sizeof mark, "%s%s%s", colour ? BOLD : "", sign, colour ? OFF : "");
    size_t bytes = strlen(mark);
    memcpy(text, mark, bytes);
    size_t columns =
        line_editor_show(&s->editor, rows[i].from, rows[i].to, text + bytes, sizeof text - bytes);
    screen_area_row(&s->screen, text, lead + columns);
  }
  screen_area_cursor(&s->screen, first + cursor_row, lead + cursor_column);
}

/* ---- all of it ---- */

void surface_compose(surface *s) {
  size_t rows = s->screen.rows;
  bool roomy = rows >= 8;
  /* Never more than half of the terminal, and one row of text stays above in any case. */
  size_t room = rows >= 12 ? rows / 2 : rows > 3 ? rows - 3 : 1;
  screen_area_begin(&s->screen);
  if (roomy) {
    put_live(s, room > 5 ? room - 5 : 0);
    put_queue(s, room > s->screen.wanted.count + 4 ? room - s->screen.wanted.count - 4 : 0);
    s->owner_rows_end = room > 4 ? room - 4 : 0;
    if (s->owner.rows != NULL) s->owner.rows(s->user, owner_row, s);
  }
  /* Two rows of text at least stay in sight, or drawing would lose its place. */
  if (rows > 5 && (s->desk.count > 0 || ask_desk_form_text(&s->desk) != NULL)) put_ask(s);
  if (rows > 5 && s->hint[0] != '\0') put_row(s, YELLOW, s->hint);
  if (rows > 2) put_status(s);
  size_t used = s->screen.wanted.count;
  size_t left = used < room ? room - used : 1;
  if (s->search.on)
    put_search(s);
  else
    put_editor(s, left);
}
