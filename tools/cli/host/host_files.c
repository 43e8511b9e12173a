/* Files that go with the next prompt of the local person. They lie in the journal at once, as those
 * from afar do. */
#include <stdio.h>

#include "host_app.h"
#include "local_file.h"

/* What the file is called is foreign text: the surface cleans what it says. */
static void keep(host_app *app, const local_file *file) {
  char size[32];
  host_file *kept = &app->files[app->files_count];
  lrm_host_local_attachment local = {file->name, file->media_type, {file->data, file->bytes}};
  int result = lrm_host_attach_local(app->host, &local, &kept->id, lrm_uv_wall_ms(), app_now(app));
  if (result == 0) {
    file_size_text(file->bytes, size, sizeof size);
    snprintf(kept->text, sizeof kept->text, "%.200s, %s", file->name, size);
    app->files_count++;
    if (!surface_draws(app->surface))
      surface_say(app->surface, "goes with the next prompt: %s", kept->text);
  } else if (result == LRM_ERR_BUSY) {
    surface_say(app->surface, "%s was not taken: 64 MiB or 32 files wait for their prompts already",
                file->name);
  } else {
    surface_say(app->surface, "%s was not taken: %s", file->name,
                result == LRM_ERR_STATE ? "the journal takes nothing now" : lrm_error_text(result));
  }
}

void app_attach_file(void *user, const char *rest) {
  host_app *app = user;
  char path[PATH_BYTES_MAX], error[700];
  local_file file;
  if (app->host == NULL) return;
  if (*rest == '\0') {
    surface_say(app->surface, app->files_count > 0 ? "no file goes with the next prompt"
                                                   : "/attach FILE: a file for the next prompt");
    app->files_count = 0; /* the journal lets go within the hour */
  } else if (app->files_count == HOST_FILES_MAX) {
    surface_say(app->surface, "a prompt takes at most %d files", HOST_FILES_MAX);
  } else {
    local_file_typed(rest, path, sizeof path);
    if (local_file_read(&file, path, error, sizeof error))
      keep(app, &file);
    else
      surface_say(app->surface, "%s", error);
    local_file_free(&file);
  }
  surface_touch(app->surface, false);
  app_pump(app);
}

void app_file_rows(host_app *app, void (*row)(void *to, const char *text), void *to) {
  for (size_t i = 0; i < app->files_count; i++) {
    char line[320], clean[320];
    snprintf(line, sizeof line, "goes with the next prompt: %s", app->files[i].text);
    terminal_text_copy(clean, sizeof clean, line, strlen(line), TERMINAL_TEXT_ONE_LINE);
    row(to, clean);
  }
}

int app_submit(host_app *app, const char *text, bool steer) {
  lrm_id ids[HOST_FILES_MAX];
  for (size_t i = 0; i < app->files_count; i++) ids[i] = app->files[i].id;
  lrm_host_local_prompt prompt = {text, steer, ids, app->files_count};
  int result = lrm_host_prompt_local(app->host, &prompt, lrm_uv_wall_ms(), app_now(app));
  if (result == LRM_ERR_NOT_FOUND)
    surface_say(app->surface,
                "a file that was attached is no longer kept (an hour at most); attach it again");
  if (result == 0 || result == LRM_ERR_NOT_FOUND) app->files_count = 0;
  return result;
}
