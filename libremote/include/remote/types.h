/* Types shared by every layer: ids, slices, positions, allocators, protocol codes. */
#ifndef REMOTE_TYPES_H
#define REMOTE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 16 random bytes: ids of links, sessions, commands, asks, attachments and all epochs. All
 * zero means "none". Shown as 32 lower-case hex digits. */
typedef struct lrm_id {
  uint8_t bytes[16];
} lrm_id;

#define LRM_ID_HEX_BYTES 33 /* 32 digits and the terminator */

bool lrm_id_equal(const lrm_id *a, const lrm_id *b);
bool lrm_id_none(const lrm_id *id);
/* Writes 32 digits and a terminator. */
void lrm_id_hex(const lrm_id *id, char out[LRM_ID_HEX_BYTES]);
/* Reads exactly 32 hex digits of either case. LRM_ERR_USAGE: it is not that. */
int lrm_id_parse(const char *text, size_t bytes, lrm_id *out) LRM_MUST_USE;
/* From wire bytes: 16 bytes, or 0 bytes for none. LRM_ERR_DECODE otherwise. */
int lrm_id_from(const uint8_t *data, size_t bytes, lrm_id *out) LRM_MUST_USE;

/* Borrowed bytes. Who lends them says until when. */
typedef struct lrm_slice {
  const uint8_t *data;
  size_t bytes;
} lrm_slice;

/* A place on a number line. Epochs are compared for equality only. */
typedef struct lrm_position {
  lrm_id epoch;
  uint64_t offset;
} lrm_position;

/* Offsets and generations stay below this (JavaScript numbers). */
#define LRM_OFFSET_MAX ((UINT64_C(1) << 53) - 1)
#define LRM_OFFSET_NONE UINT64_MAX

/* Where an object takes its memory from. alloc returns NULL when it cannot; a NULL `alloc`
 * in a config means malloc and free of the C library (set by lrm_allocator_default, which is
 * outside the sans-I/O core). Called on the thread that calls the object. */
typedef struct lrm_allocator {
  void *(*alloc)(void *user, size_t bytes);
  void (*free)(void *user, void *memory);
  void *user;
} lrm_allocator;

/* malloc and free. */
lrm_allocator lrm_allocator_default(void);

/* Codes of Problem.code. The thousand is the policy: 0 normal, 1xxx reconnect and go on, 2xxx
 * reconnect with the position lost, 3xxx a person must act, 4xxx a bug, 5xxx one command. */
typedef enum lrm_code {
  LRM_CODE_NORMAL = 0,
  LRM_CODE_DRAIN = 1001,
  LRM_CODE_HEARTBEAT = 1002,
  LRM_CODE_INTERNAL = 1003,
  LRM_CODE_SLOW_DOWN = 1004,
  LRM_CODE_EPOCH = 2001,
  LRM_CODE_TRIMMED = 2002,
  LRM_CODE_BAD_POSITION = 2003,
  LRM_CODE_UNAUTHENTICATED = 3001,
  LRM_CODE_FORBIDDEN = 3002,
  LRM_CODE_REVOKED = 3003,
  LRM_CODE_SUPERSEDED = 3004,
  LRM_CODE_FENCED = 3005,
  LRM_CODE_UPGRADE_REQUIRED = 3006,
  LRM_CODE_POLICY = 3007,
  LRM_CODE_NOT_INTERACTIVE = 3008,
  LRM_CODE_NOT_FOUND = 3009,
  LRM_CODE_PROTOCOL = 4001,
  LRM_CODE_LIMIT = 4002,
  LRM_CODE_DECODE = 4003,
  LRM_CODE_INFLATE = 4004,
  LRM_CODE_VIEW_ONLY = 5001,
  LRM_CODE_COMMAND_POLICY = 5002,
  LRM_CODE_SLASH_NOT_ALLOWED = 5003,
  LRM_CODE_INVALID = 5004,
  LRM_CODE_NO_SUCH_ASK = 5005,
  LRM_CODE_OPTION_NOT_OFFERED = 5006,
  LRM_CODE_TOO_MANY = 5007,
  LRM_CODE_COMMAND_BUSY = 5008,
  LRM_CODE_SESSION_ENDED = 5009,
  LRM_CODE_AGENT_ERROR = 5010,
  LRM_CODE_ELEVATION = 5011,
  LRM_CODE_TOO_LATE = 5012
} lrm_code;

/* Short upper-case name of a code, e.g. "SUPERSEDED"; "CODE" for an unknown one. Static. */
const char *lrm_code_name(uint32_t code);
/* May the link come back by itself after this code? Decided by the thousand: 0, 1xxx, 2xxx. */
bool lrm_code_reconnects(uint32_t code);

#ifdef __cplusplus
}
#endif
#endif
