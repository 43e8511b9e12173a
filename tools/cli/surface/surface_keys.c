/* The keyboard of a terminal whose keys come one by one. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "surface_internal.h"
#include "terminal_text.h"

/* ---- history ---- */

static void leave_history(surface *s) {
  free(s->history_draft);
  s->history_draft = NULL;
  s->history_at = SIZE_MAX;
}

static void older(surface *s) {
  if (s->history_at == SIZE_MAX) {
    leave_history(s);
    s->history_draft = memory_string(s->editor.text);
    s->history_bytes = s->editor.bytes;
  }
  size_t at = line_history_before(&s->history, s->history_at, s->history_draft, s->history_bytes);
  if (at == SIZE_MAX) {
    if (s->history_at == SIZE_MAX) leave_history(s);
    return;
  }
  s->history_at = at;
  line_editor_set(&s->editor, s->history.entries[at]);
}

static void newer(surface *s) {
  if (s->history_at == SIZE_MAX) return;
  size_t at = line_history_after(&s->history, s->history_at, s->history_draft, s->history_bytes);
  if (at == SIZE_MAX) {
    line_editor_set(&s->editor, s->history_draft);
    leave_history(s);
    return;
  }
  s->history_at = at;
  line_editor_set(&s->editor, s->history.entries[at]);
}

/* ---- search ---- */

static void search_from(surface *s, size_t at) {
  size_t found =
      s->search.bytes > 0 ? line_history_find(&s->history, at, s->search.words) : SIZE_MAX;
  if (found != SIZE_MAX || at == SIZE_MAX) s->search.at = found;
}

static void end_search(surface *s, bool take) {
  if (take && s->search.at != SIZE_MAX) {
    leave_history(s);
    line_editor_set(&s->editor, s->history.entries[s->search.at]);
  }
  memset(&s->search, 0, sizeof s->search);
}

/* False: the key ends the search and counts for itself. */
static bool search_key(surface *s, const key_press *key) {
  surface_search *search = &s->search;
  if (key->name == KEY_TEXT && search->bytes + key->bytes < sizeof search->words) {
    memcpy(search->words + search->bytes, key->text, key->bytes);
    search->bytes += key->bytes;
    search->words[search->bytes] = '\0';
    search_from(s, SIZE_MAX);
    return true;
  }
  if (key->name == KEY_BACKSPACE) {
    while (search->bytes > 0 && ((unsigned char)search->words[--search->bytes] & 0xC0) == 0x80) {
    }
    search->words[search->bytes] = '\0';
    search_from(s, SIZE_MAX);
    return true;
  }
  if (key->name == KEY_CONTROL && key->letter == 'r') {
    if (search->at != SIZE_MAX) search_from(s, search->at);
    return true;
  }
  bool given_up = key->name == KEY_ESCAPE ||
                  (key->name == KEY_CONTROL && (key->letter == 'c' || key->letter == 'g'));
  end_search(s, !given_up);
  return given_up || key->name == KEY_ENTER;
}

/* ---- ending things ---- */

static bool twice(surface *s, uint64_t *before) {
  uint64_t now = surface_now_ns(s);
  bool again = *before != 0 && now - *before < SURFACE_TWICE_NS;
  *before = now > 0 ? now : 1;
  return again;
}

static void cancel(surface *s) {
  if (s->owner.cancel != NULL) s->owner.cancel(s->user);
}

/* On an empty line: first what runs, then the program. */
void surface_interrupt(surface *s) {
  bool again = twice(s, &s->interrupt_ns);
  bool turn = surface_in_turn(s) && s->owner.cancel != NULL;
  if (again) {
    s->owner.quit(s->user);
  } else if (turn) {
    surface_say(s, "cancelling the turn; ^C again %s", s->config.remote ? "leaves" : "to quit");
    cancel(s);
  } else {
    surface_say(s, "^C again %s",
                s->config.remote ? "leaves; the agent goes on" : "ends the session");
  }
}

static void end_of_file(surface *s) {
  if (s->config.remote || !surface_in_turn(s) || twice(s, &s->end_ns))
    s->owner.quit(s->user);
  else
    surface_say(s, "a turn is running: ^D again cancels it and ends the session");
}

static void escape(surface *s) {
  if (ask_desk_give_up(&s->desk)) return;
  if (surface_in_turn(s)) {
    if (s->owner.cancel != NULL) surface_say(s, "cancelling the turn");
    cancel(s);
  }
}

static void suspend(surface *s) {
  screen_hide(&s->screen);
  terminal_suspend(s->terminal);
}

static void quit_with_core(surface *s) {
  screen_hide(&s->screen);
  kill(getpid(), SIGQUIT); /* the terminal is restored by the handler */
}

/* ---- lines ---- */

static void entered(surface *s) {
  char *text = memory_text(s->editor.text, s->editor.bytes);
  ask_answer answer;
  /* What answers a question may be a secret: it is not kept. */
  bool is_answer = text[0] == '#' || ask_desk_form_text(&s->desk) != NULL ||
                   (s->desk.count > 0 && strlen(text) <= 3);
  line_editor_clear(&s->editor);
  leave_history(s);
  s->full_said = false;
  s->dirty = true;
  if (text[0] == '\0' && ask_desk_chosen(&s->desk, &answer)) {
    ask_desk_end(&s->desk);
    surface_give_answer(s, &answer);
  } else if (text[0] != '\0' || ask_desk_form_text(&s->desk) != NULL) {
    if (!is_answer) line_history_add(&s->history, text);
    s->desk.choice = 0;
    surface_take_line(s, text);
  }
  free(text);
}

static void full(surface *s) {
  if (!s->full_said) surface_say(s, "a prompt may have 128 KiB; the rest is not taken");
  s->full_said = true;
}

/* Up on an empty line: the options of what is asked, a prompt that waits, then the history. */
static void up(surface *s) {
  if (s->editor.bytes == 0 && s->history_at == SIZE_MAX) {
    if (ask_desk_step(&s->desk, -1)) return;
    if (surface_take_back_number(s, 0, true)) return;
  }
  if (line_editor_key(&s->editor, &(key_press){.name = KEY_UP}) == LINE_IGNORED) older(s);
}

static void down(surface *s) {
  if (s->editor.bytes == 0 && s->history_at == SIZE_MAX && ask_desk_step(&s->desk, 1)) return;
  if (line_editor_key(&s->editor, &(key_press){.name = KEY_DOWN}) == LINE_IGNORED) newer(s);
}

/* True: the key was one of the surface's own. */
static bool take_control(surface *s, char letter) {
  switch (letter) {
    case 'c':
      if (s->editor.bytes > 0) {
        line_editor_give_up(&s->editor);
        leave_history(s);
        ask_desk_end(&s->desk);
      } else if (!ask_desk_give_up(&s->desk)) {
        surface_interrupt(s);
      }
      return true;
    case 'd':
      if (s->editor.bytes > 0) return false;
      end_of_file(s);
      return true;
    case 'l':
      screen_redraw(&s->screen, true);
      return true;
    case 'n':
      newer(s);
      return true;
    case 'o':
      (void)transcript_expand(&s->transcript, 0);
      return true;
    case 'p':
      older(s);
      return true;
    case 'r':
      memset(&s->search, 0, sizeof s->search);
      s->search.on = true;
      s->search.at = SIZE_MAX;
      return true;
    case 'z':
      suspend(s);
      return true;
    case '\\':
      quit_with_core(s);
      return true;
    default:
      return false;
  }
}

static bool take_own(surface *s, const key_press *key) {
  switch (key->name) {
    case KEY_CONTROL:
      return take_control(s, key->letter);
    case KEY_ESCAPE:
      escape(s);
      return true;
    case KEY_TAB:
    case KEY_BACK_TAB:
      if (s->editor.bytes == 0)
        (void)ask_desk_next(&s->desk, key->name == KEY_TAB ? 1 : -1);
      else
        surface_complete(s);
      return true;
    case KEY_UP:
      up(s);
      return true;
    case KEY_DOWN:
      down(s);
      return true;
    case KEY_PAGE_UP:
      if (s->owner.page_back != NULL) s->owner.page_back(s->user);
      return true;
    default:
      return false;
  }
}

static void on_key(void *user, const key_press *key) {
  surface *s = user;
  if (s->destroyed) return;
  s->hint[0] = '\0';
  s->dirty = true;
  if (s->search.on && search_key(s, key)) return;
  if (take_own(s, key)) return;
  if (s->editor.bytes == 0 && !s->desk.begun) ask_desk_begin(&s->desk);
  switch (line_editor_key(&s->editor, key)) {
    case LINE_ENTERED:
      entered(s);
      break;
    case LINE_FULL:
      full(s);
      break;
    case LINE_DONE:
      if (s->history_at == SIZE_MAX) leave_history(s);
      break;
    default:
      break;
  }
  /* A line that is empty again is no line: what comes next is begun anew. */
  if (s->editor.bytes == 0) ask_desk_end(&s->desk);
}

void surface_take_keys(surface *s, const char *data, size_t bytes) {
  keys_feed(&s->keys, data, bytes, on_key, s);
}

void surface_escape_alone(surface *s) { keys_flush(&s->keys, on_key, s); }
