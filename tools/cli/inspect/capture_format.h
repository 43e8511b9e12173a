/* The records of a capture; docs/inspect.md says the same in words. */
#ifndef REMOTE_CLI_CAPTURE_FORMAT_H
#define REMOTE_CLI_CAPTURE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "remote/types.h"

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

/* Writes a record's header. */
void capture_header(const capture_record *record, uint8_t out[CAPTURE_HEADER_BYTES]);
/* Reads one. False: it is none (a kind, size or padding that there is not). */
bool capture_parse(const uint8_t in[CAPTURE_HEADER_BYTES], capture_record *record);

#endif
