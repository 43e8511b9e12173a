#include "file_upload.h"

#include <stdio.h>
#include <string.h>

#include "outcome.h"
#include "terminal_text.h"

#define TRIES_MAX 3u

static int start(file_upload *u) {
  connection_random(&u->id, sizeof u->id);
  lrm_upload_config config = {.struct_bytes = sizeof config,
                              .allocator = lrm_allocator_default(),
                              .client = u->session->client,
                              .attachment_id = u->id,
                              .name = u->file.name,
                              .media_type = u->file.media_type,
                              .total = u->file.bytes};
  memcpy(config.sha256, u->file.sha256, sizeof config.sha256);
  lrm_upload_destroy(u->upload);
  u->upload = NULL;
  u->tries++;
  return lrm_upload_create(&config, &u->upload);
}

bool file_upload_begin(file_upload *u, remote_session *session, const char *path, char *error,
                       size_t error_bytes) {
  memset(u, 0, sizeof *u);
  u->session = session;
  if (!local_file_read(&u->file, path, error, error_bytes)) return false;
  int result = start(u);
  if (result == 0) return true;
  snprintf(error, error_bytes, "%s: %s", u->file.name, lrm_error_text(result));
  file_upload_end(u);
  return false;
}

static bool may_try_again(const file_upload *u) {
  lrm_upload_progress now = lrm_upload_progress_now(u->upload);
  return now.state == LRM_UPLOAD_FAILED && u->tries < TRIES_MAX &&
         now.outcome == REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_UNKNOWN;
}

void file_upload_work(file_upload *u) {
  if (u->upload == NULL) return;
  uint64_t position, now_ns = connection_now_ns(u->session->connection);
  size_t bytes;
  bool gave = false;
  lrm_upload_update(u->upload, now_ns);
  if (may_try_again(u) && start(u) != 0) return;
  while (lrm_upload_wants(u->upload, &position, &bytes) &&
         lrm_upload_give(u->upload, u->file.data + position, bytes, now_ns) == 0)
    gave = true;
  if (gave) lrm_uv_drive_kick(u->session->connection->drive);
}

lrm_upload_progress file_upload_progress(const file_upload *u) {
  if (u->upload != NULL) return lrm_upload_progress_now(u->upload);
  return (lrm_upload_progress){.state = LRM_UPLOAD_FAILED, .reason = "there is no memory for it"};
}

static void shown_name(const file_upload *u, char *out, size_t capacity) {
  terminal_text_copy(out, capacity, u->file.name, strlen(u->file.name), TERMINAL_TEXT_ONE_LINE);
}

void file_upload_text(const file_upload *u, char *out, size_t capacity) {
  char name[256], size[32];
  lrm_upload_progress now = file_upload_progress(u);
  shown_name(u, name, sizeof name);
  file_size_text(u->file.bytes, size, sizeof size);
  if (now.state == LRM_UPLOAD_RUNNING || now.stored < now.total)
    snprintf(out, capacity, "%s: %u %% of %s", name,
             now.total == 0 ? 0 : (unsigned)(now.stored * 100 / now.total), size);
  else
    snprintf(out, capacity, "%s, %s", name, size);
}

void file_upload_failure(const file_upload *u, char *out, size_t capacity) {
  char name[256], reason[300];
  lrm_upload_progress now = file_upload_progress(u);
  const char *why = now.reason != NULL ? now.reason : "";
  shown_name(u, name, sizeof name);
  terminal_text_copy(reason, sizeof reason, why, strlen(why), TERMINAL_TEXT_ONE_LINE);
  if (now.code != 0)
    snprintf(out, capacity, "%s was not taken: %s (%u)%s%s", name, lrm_code_name(now.code),
             (unsigned)now.code, reason[0] ? ": " : "", reason);
  else
    snprintf(out, capacity, "%s was not taken: %s%s%s", name, outcome_name(now.outcome),
             reason[0] ? ": " : "", reason);
}

void file_upload_end(file_upload *u) {
  lrm_upload_destroy(u->upload);
  u->upload = NULL;
  local_file_free(&u->file);
}
