/* An attachment on its way to the host: chunks through a client's outbox, so that each arrives
 * exactly once, over cuts and restarts of relay and host. Sans-I/O and without the file: it says
 * which bytes it wants next, the caller reads them. Memory is what is in flight, 2 MiB at most.
 *
 *   lrm_sha256 over the file, lrm_upload_create
 *   while lrm_upload_wants: read there, lrm_upload_give
 *   after each drain of the client's events: lrm_upload_update, and wants again
 *   SENT: SubmitPrompt that names `attachment_id` may be put behind it at once; the host judges in
 *   order, and refuses the prompt when a chunk was refused. DONE: the host has all of it.
 *
 * How much is under way follows what the network takes: a link's PINGs stand behind the chunks, and
 * more than it carries in two seconds would make it look dead. Source: docs/spec.md section 12.4.
 */
#ifndef REMOTE_UPLOAD_H
#define REMOTE_UPLOAD_H

#include "remote/client.h"
#include "remote/sha256.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_upload lrm_upload;

typedef struct lrm_upload_config {
  size_t struct_bytes;
  lrm_allocator allocator;
  lrm_client *client;               /* publishes; must outlive it */
  lrm_id attachment_id;             /* 16 random bytes, never used before */
  const char *name;                 /* copied; at most 255 bytes of UTF-8 */
  const char *media_type;           /* copied; at most 127 bytes; NULL: not known */
  uint64_t total;                   /* bytes: 1 to LRM_ATTACHMENT_BYTES_MAX */
  uint8_t sha256[LRM_SHA256_BYTES]; /* of all of them */
} lrm_upload_config;

/* LRM_ERR_USAGE: no allocator, client, id or name, no bytes, a text over its limit;
 * LRM_ERR_TOO_LARGE: over LRM_ATTACHMENT_BYTES_MAX; LRM_ERR_NO_MEMORY. */
int lrm_upload_create(const lrm_upload_config *config, lrm_upload **out) LRM_MUST_USE;
/* Chunks that are in the outbox go on. */
void lrm_upload_destroy(lrm_upload *upload);

typedef enum lrm_upload_state {
  LRM_UPLOAD_RUNNING = 1,
  LRM_UPLOAD_SENT = 2,    /* all of it is in the outbox, or further */
  LRM_UPLOAD_DONE = 3,    /* the host has all of it */
  LRM_UPLOAD_FAILED = 4,  /* `outcome`, `code`, `reason`; after UNKNOWN and 5007 it may be tried
                             again, under another id */
  LRM_UPLOAD_CHANGED = 5, /* what was given is not what `sha256` says: nothing is complete */
  LRM_UPLOAD_CANCELLED = 6
} lrm_upload_state;

/* The bytes to be given next. False: none now (enough is under way, or it is over). */
bool lrm_upload_wants(const lrm_upload *upload, uint64_t *position, size_t *bytes);
/* Gives exactly those; they are copied. LRM_ERR_STATE: none are wanted, or no epoch of the session
 * is known; LRM_ERR_BUSY: the outbox is full, later; LRM_ERR_USAGE: another number;
 * LRM_ERR_NO_MEMORY: later. Nothing has changed then. 0 too when the state became CHANGED. */
int lrm_upload_give(lrm_upload *upload, const uint8_t *data, size_t bytes,
                    uint64_t now_ns) LRM_MUST_USE;
/* Looks what became of the chunks. */
void lrm_upload_update(lrm_upload *upload, uint64_t now_ns);
/* No further chunk. What the host has it forgets within the hour. */
void lrm_upload_cancel(lrm_upload *upload);

typedef struct lrm_upload_progress {
  lrm_upload_state state;
  uint64_t total;
  uint64_t given;         /* bytes in the outbox or further */
  uint64_t stored;        /* with the relay */
  uint64_t done;          /* with the host */
  uint32_t outcome, code; /* FAILED: CommandOutcomeKind, code */
  const char *reason;     /* FAILED: borrowed until the next call; may be "" */
} lrm_upload_progress;
lrm_upload_progress lrm_upload_progress_now(const lrm_upload *upload);

#ifdef __cplusplus
}
#endif
#endif
