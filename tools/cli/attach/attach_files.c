/* Files that go with the next prompt of an attached terminal. Each is sent as soon as it is named;
 * a prompt that is written before all of them are on their way waits for them. */
#include <stdlib.h>
#include <string.h>

#include "attach.h"

static void forget(attaching *a, size_t index) {
  file_upload_end(&a->files[index]);
  a->files_count--;
  memmove(&a->files[index], &a->files[index + 1], (a->files_count - index) * sizeof *a->files);
}

void attach_free_files(attaching *a) {
  while (a->files_count > 0) forget(a, a->files_count - 1);
  free(a->files_prompt);
  a->files_prompt = NULL;
}

/* ---- on their way ---- */

static bool is_given(const file_upload *u) {
  lrm_upload_state state = file_upload_progress(u).state;
  return state == LRM_UPLOAD_SENT || state == LRM_UPLOAD_DONE;
}

static bool all_given(const attaching *a) {
  for (size_t i = 0; i < a->files_count; i++)
    if (!is_given(&a->files[i])) return false;
  return true;
}

/* The prompt names them, and they are forgotten here: what is in the outbox goes on. */
static void go(attaching *a, const char *text, bool steer) {
  lrm_id ids[ATTACH_FILES_MAX];
  size_t count = a->files_count;
  for (size_t i = 0; i < count; i++) ids[i] = a->files[i].id;
  while (a->files_count > 0) forget(a, a->files_count - 1);
  attach_send_prompt(a, text, steer, ids, count);
}

/* One that failed takes the prompt with it: it was written for what is not there. */
static void drop_failed(attaching *a) {
  bool failed = false;
  for (size_t i = a->files_count; i-- > 0;) {
    char text[600];
    lrm_upload_state state = file_upload_progress(&a->files[i]).state;
    if (state == LRM_UPLOAD_RUNNING || is_given(&a->files[i])) continue;
    file_upload_failure(&a->files[i], text, sizeof text);
    surface_say(a->surface, "%s", text);
    forget(a, i);
    failed = true;
  }
  if (!failed || a->files_prompt == NULL) return;
  surface_say(a->surface, "the prompt was not sent: %.200s", a->files_prompt);
  free(a->files_prompt);
  a->files_prompt = NULL;
}

void attach_work_on_files(attaching *a) {
  for (size_t i = 0; i < a->files_count; i++) {
    file_upload_work(&a->files[i]);
    if (!is_given(&a->files[i])) break; /* one after the other */
  }
  drop_failed(a);
  if (a->files_prompt == NULL || !all_given(a)) return;
  char *text = a->files_prompt;
  a->files_prompt = NULL;
  go(a, text, a->files_steer);
  free(text);
}

bool attach_submit_with_files(attaching *a, const char *text, bool steer) {
  if (a->files_prompt != NULL) {
    surface_say(a->surface, "the prompt before waits for its files; that one was not taken");
    return true;
  }
  if (a->files_count == 0) return false;
  attach_work_on_files(a);
  if (all_given(a)) {
    go(a, text, steer);
    return true;
  }
  a->files_prompt = strdup(text);
  a->files_steer = steer;
  surface_say(a->surface, a->files_prompt == NULL
                              ? "there is no memory for that prompt"
                              : "the prompt goes when its files are on their way");
  return true;
}

/* ---- what a person sees and writes ---- */

void attach_file_rows(attaching *a, void (*row)(void *to, const char *text), void *to) {
  for (size_t i = 0; i < a->files_count; i++) {
    char text[600], line[640];
    file_upload_text(&a->files[i], text, sizeof text);
    snprintf(line, sizeof line, "goes with the %s prompt: %s",
             a->files_prompt != NULL ? "waiting" : "next", text);
    row(to, line);
  }
}

static void add(attaching *a, const char *typed) {
  char path[4096], text[700];
  if (a->files_count == ATTACH_FILES_MAX) {
    surface_say(a->surface, "a prompt takes at most %d files", ATTACH_FILES_MAX);
    return;
  }
  local_file_typed(typed, path, sizeof path);
  if (!file_upload_begin(&a->files[a->files_count], &a->session, path, text, sizeof text)) {
    surface_say(a->surface, "%s", text);
    return;
  }
  file_upload_text(&a->files[a->files_count++], text, sizeof text);
  if (!surface_draws(a->surface)) surface_say(a->surface, "goes with the next prompt: %s", text);
  attach_work_on_files(a);
}

void attach_file(void *user, const char *rest) {
  attaching *a = user;
  const char *why = attach_view_only(a);
  if (why != NULL) {
    surface_say(a->surface, "you can only watch: %s", why);
  } else if (*rest != '\0') {
    add(a, rest);
  } else {
    surface_say(a->surface, a->files_count > 0 ? "no file goes with the next prompt"
                                               : "/attach FILE: a file for the next prompt");
    attach_free_files(a);
  }
  attach_touch(a);
}
