/* Captures: what passed over a program's carriers, kept for `remote inspect`. Credentials are
 * blanked before anything is kept. The format is docs/inspect.md. */
#ifndef REMOTE_CLI_CAPTURE_H
#define REMOTE_CLI_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/carrier_uv.h"

#define CAPTURE_MAGIC "RMTCAP1\n"
#define CAPTURE_MAGIC_BYTES 8u
#define CAPTURE_HEADER_BYTES 24u
#define CAPTURE_RECORD_BYTES_MAX (1024u * 1024u)
/* A program stops capturing there: a host may live for weeks. */
#define CAPTURE_FILE_BYTES_MAX (256ull * 1024u * 1024u)

typedef enum capture_kind {
  CAPTURE_NOTE = 1,       /* text: which program this is */
  CAPTURE_UP = 2,         /* a carrier is up; text: the other side's address */
  CAPTURE_DOWN = 3,       /* it is gone; text: why */
  CAPTURE_CONNECTING = 4, /* bytes that the connecting side sent */
  CAPTURE_ACCEPTING = 5   /* bytes that the accepting side sent */
} capture_kind;

typedef struct capture_record {
  capture_kind kind;
  uint32_t carrier; /* random; the same for all records of one carrier */
  uint64_t at_us;   /* Unix microseconds */
  lrm_slice data;
} capture_record;

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

/* Writes a record's header. */
void capture_header(const capture_record *record, uint8_t out[CAPTURE_HEADER_BYTES]);
/* Reads one. False: it is none (a kind, size or padding that there is not). */
bool capture_parse(const uint8_t in[CAPTURE_HEADER_BYTES], capture_record *record);

#endif
