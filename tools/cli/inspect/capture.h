/* Captures: what passed over a program's carriers, kept for `remote inspect`. Credentials are
 * blanked before anything is kept. The format is docs/inspect.md. */
#ifndef REMOTE_CLI_CAPTURE_H
#define REMOTE_CLI_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "remote/carrier_uv.h"

#include "capture_format.h"

typedef struct capture capture;

/* Hands records to `sink`: whole frames, or what could not be read as one. NULL: no memory. */
capture *capture_create(void (*sink)(void *user, const capture_record *record), void *user);
/* Writes to a file, made with mode 0600; one that is there must be a capture of this user that
 * nobody else can read, and goes on. NULL: `error` says why. */
capture *capture_open(const char *path, const char *program, char *error, size_t error_bytes);
/* The file of `flag` (may be NULL) or of REMOTE_CAPTURE; *out stays NULL when there is neither.
 * False: it cannot be (printed). */
bool capture_begin(const char *flag, const char *program, capture **out);
void capture_close(capture *capture);

/* From now on everything that passes over this drive, which connects. */
void capture_attach(capture *capture, lrm_uv_drive *drive);

/* For the tests: what the tap tells. */
void capture_tap(void *user, lrm_uv_tap_kind kind, lrm_slice data);

#endif
