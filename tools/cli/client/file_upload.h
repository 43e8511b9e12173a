/* One file on its way to a session's host. Without a loop of its own: `file_upload_work` after each
 * event of the session. */
#ifndef REMOTE_CLI_FILE_UPLOAD_H
#define REMOTE_CLI_FILE_UPLOAD_H

#include "remote/upload.h"

#include "local_file.h"
#include "remote_session.h"

typedef struct file_upload {
  remote_session *session;
  local_file file;
  lrm_id id;
  lrm_upload *upload;
  unsigned tries;
} file_upload;

/* Reads the file and begins. False: `error` says why not. The session must be synced. */
bool file_upload_begin(file_upload *u, remote_session *session, const char *path, char *error,
                       size_t error_bytes);
/* Goes on as far as it can now. One that ended UNKNOWN (another history began at the host) is begun
 * again, at most three times. */
void file_upload_work(file_upload *u);
lrm_upload_progress file_upload_progress(const file_upload *u);
/* "photo.png: 42 % of 10.0 MiB", "photo.png, 34 KiB" when it is over; cleaned for a terminal. */
void file_upload_text(const file_upload *u, char *out, size_t capacity);
/* Why it failed, for people: "photo.png was not taken: TOO_MANY (5007): …". */
void file_upload_failure(const file_upload *u, char *out, size_t capacity);
/* What has been sent goes on; the file is let go. */
void file_upload_end(file_upload *u);

#endif
