/* Prompts that wait in the queue: shown, taken back into the editor, dropped. */
#include <stdio.h>

#include "surface_internal.h"
#include "terminal_text.h"

/* The queue of a session holds the beginning of each prompt; what was written here is known whole.
 */
#define QUEUED_TEXT_BYTES 1000u

void surface_remember_sent(surface *s, const char *text) {
  if (s->sent_count == SURFACE_SENT_MAX) {
    free(s->sent[0]);
    memmove(s->sent, s->sent + 1, --s->sent_count * sizeof *s->sent);
  }
  s->sent[s->sent_count++] = memory_string(text);
}

/* Whole text of a queued prompt; NULL: only its beginning is known here. */
static const char *whole_text(const surface *s, const char *beginning) {
  size_t bytes = strlen(beginning);
  if (bytes < QUEUED_TEXT_BYTES) return beginning;
  /* It may end with a mark that something was cut off. */
  for (size_t i = s->sent_count; i-- > 0;)
    if (strncmp(s->sent[i], beginning, bytes - 4) == 0) return s->sent[i];
  return NULL;
}

typedef struct waiting {
  const char *prompt_id, *text;
  bool ours, whole;
} waiting;

/* The index-th prompt that waits: the session's queue, then what is still on its way there. */
static bool waiting_at(surface *s, size_t index, waiting *out) {
  const Remote__V1__SessionState *state = surface_now(s);
  size_t queued = state != NULL ? state->n_queue : 0;
  if (index >= queued) {
    *out = (waiting){.ours = true, .whole = true};
    return s->owner.on_the_way != NULL &&
           s->owner.on_the_way(s->user, index - queued, &out->prompt_id, &out->text);
  }
  const Remote__V1__QueuedPrompt *prompt = state->queue[index];
  const char *whole = whole_text(s, prompt->text);
  bool sent = false;
  for (size_t i = s->sent_count; i-- > 0 && !sent;)
    sent = whole != NULL && strcmp(s->sent[i], whole) == 0;
  *out = (waiting){.prompt_id = prompt->prompt_id,
                   .text = whole != NULL ? whole : prompt->text,
                   .ours = s->config.remote ? sent : prompt->by == NULL || prompt->by->local,
                   .whole = whole != NULL};
  return true;
}

size_t surface_waiting(surface *s) {
  waiting w;
  size_t count = 0;
  while (waiting_at(s, count, &w)) count++;
  return count;
}

bool surface_waiting_text(surface *s, size_t index, char *out, size_t capacity) {
  waiting w;
  if (!waiting_at(s, index, &w)) return false;
  terminal_text_copy(out, capacity, w.text, strlen(w.text), TERMINAL_TEXT_ONE_LINE);
  return true;
}

void surface_show_queue(surface *s) {
  char text[200];
  size_t count = 0;
  for (; surface_waiting_text(s, count, text, sizeof text); count++)
    surface_say(s, "%zu  %s", count + 1, text);
  if (count == 0)
    surface_say(s, "no prompt is queued");
  else
    surface_say(s, "/edit N takes one back to change it, /drop N takes it out");
}

bool surface_take_back_number(surface *s, size_t number, bool edit) {
  waiting w, found = {0};
  if (s->owner.take_back == NULL) return false;
  for (size_t i = 0; waiting_at(s, i, &w); i++)
    if (number == 0 ? w.ours : number == i + 1) found = w;
  if (found.prompt_id == NULL) return false;
  if (s->taking[0] != '\0') {
    surface_say(s, "another prompt is being taken back; a moment");
    return true;
  }
  if (edit && !found.whole) {
    surface_say(s,
                "only the beginning of that prompt is known here, so it cannot be edited; "
                "/drop takes it out");
    return true;
  }
  snprintf(s->taking, sizeof s->taking, "%s", found.prompt_id);
  s->taking_text = edit ? memory_string(found.text) : NULL;
  char id[sizeof s->taking]; /* the queue changes with the call */
  memcpy(id, s->taking, sizeof id);
  s->owner.take_back(s->user, id);
  return true;
}

void surface_put_back(surface *s, const char *text) {
  s->dirty = true;
  if (s->way != WAY_SCREEN) {
    surface_say(s, "it was: %s", text);
  } else if (s->editor.bytes == 0) {
    line_editor_set(&s->editor, text);
  } else {
    /* Something is being written meanwhile: both are kept. */
    s->editor.cursor = 0;
    (void)line_editor_insert(&s->editor, "\n", 1);
    s->editor.cursor = 0;
    (void)line_editor_insert(&s->editor, text, strlen(text));
    surface_say(s, "the prompt that came back stands before what you write");
  }
}

void surface_taken_back(surface *s, const char *prompt_id, const char *problem) {
  if (strcmp(s->taking, prompt_id) != 0) return;
  char *text = s->taking_text;
  s->taking[0] = '\0';
  s->taking_text = NULL;
  s->dirty = true;
  if (problem != NULL) {
    surface_say(s, "the prompt stays as it is: %s", problem);
  } else {
    if (text == NULL || s->way != WAY_SCREEN) surface_say(s, "taken out of the queue");
    if (text != NULL) surface_put_back(s, text);
  }
  free(text);
}
