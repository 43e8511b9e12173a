/* A client's commands, numbered, kept until their outcome is known. A pure object: numbers and
 * states, no link, no time. Source: docs/spec.md section 3; model docs/model/outbox.pml. */
#ifndef LRM_SESSION_OUTBOX_H
#define LRM_SESSION_OUTBOX_H

#include "remote/client.h"
#include "remote/types.h"

#include "session/host_tools.h"

#define LRM__OUTBOX_PENDING_MAX 64u /* without outcome, the client's own questions not counted */
#define LRM__OUTBOX_KEPT_MAX 256u   /* not trimmed: a done one behind an open one is kept too */
#define LRM__OUTBOX_BYTES_MAX (16u * 1024u * 1024u)
#define LRM__OUTBOX_DONE_MAX 256u

typedef struct lrm_outbox_entry {
  uint64_t offset;
  lrm_id id;
  lrm_id epoch;     /* of the events that its sender saw */
  bool own;         /* a question of the client itself: not shown */
  bool changed;     /* to be told */
  uint8_t *payload; /* of its block: varint length, envelope; NULL once trimmed */
  size_t payload_bytes;
  lrm_command_state state;
  uint32_t outcome, code, layer;
  char reason[256];
  Remote__V1__CommandOutcome *full;
  bool stored; /* a RECEIPT said where */
  lrm_position stored_at;
  unsigned sends; /* how often its block has left */
  /* Refused by a RECEIPT after it had left more than once: a relay that lost its store may have
   * handed it to the host before. code, layer and reason are kept; the host is asked. */
  bool refused;
} lrm_outbox_entry;

typedef struct lrm_outbox {
  lrm_allocator allocator;
  lrm__buffer buffer;
  uint64_t first; /* first_retained */
  uint64_t next;
  lrm_outbox_entry *kept[LRM__OUTBOX_KEPT_MAX]; /* ring: offset modulo size */
  lrm_outbox_entry *done[LRM__OUTBOX_DONE_MAX]; /* ring of trimmed ones, the oldest first */
  size_t done_at, done_count;
  size_t pending; /* without outcome, own ones not counted */
  size_t bytes;
} lrm_outbox;

void lrm__outbox_init(lrm_outbox *outbox, const lrm_allocator *allocator);
void lrm__outbox_free(lrm_outbox *outbox);
/* LRM_ERR_BUSY: 64 have no outcome yet, or no room. */
int lrm__outbox_add(lrm_outbox *outbox, const lrm_id *id, const lrm_id *epoch, lrm_slice envelope,
                    bool own, lrm_outbox_entry **out) LRM_MUST_USE;
/* NULL: trimmed, or not there yet. */
lrm_outbox_entry *lrm__outbox_at(const lrm_outbox *outbox, uint64_t offset);
/* Trimmed ones too. */
lrm_outbox_entry *lrm__outbox_find(const lrm_outbox *outbox, const lrm_id *id);
void lrm__outbox_sent(lrm_outbox *outbox, uint64_t offset);
void lrm__outbox_stored(lrm_outbox *outbox, lrm_outbox_entry *entry, lrm_position at);
/* The host has acknowledged everything below `at` in COMMANDS. */
void lrm__outbox_delivered(lrm_outbox *outbox, lrm_position at);
/* The one outcome; a second one is ignored. Trims what is done at the beginning. `full` may be
 * NULL, `reason` too. */
void lrm__outbox_outcome(lrm_outbox *outbox, lrm_outbox_entry *entry, uint32_t outcome,
                         uint32_t code, uint32_t layer, const char *reason,
                         const Remote__V1__CommandOutcome *full);
/* The relay refuses it, which is kept. True: nobody can have it, so that is its outcome; false: a
 * relay that has lost its store may have handed it to the host, which must be asked first. */
bool lrm__outbox_refused(lrm_outbox_entry *entry, uint32_t code, uint32_t layer,
                         const char *reason);
/* The host does not have it: the refusal is its outcome. */
void lrm__outbox_refusal_stands(lrm_outbox *outbox, lrm_outbox_entry *entry);
/* Another envelope takes the entry's number. LRM_ERR_NO_MEMORY: nothing changed. */
int lrm__outbox_replace(lrm_outbox *outbox, lrm_outbox_entry *entry,
                        lrm_slice envelope) LRM_MUST_USE;
/* The relay's next is beyond ours: what is kept takes the numbers from `next` on. */
void lrm__outbox_renumber(lrm_outbox *outbox, uint64_t next);
/* One whose change has not been told; its flag is cleared. NULL: none. */
lrm_outbox_entry *lrm__outbox_changed(lrm_outbox *outbox);

#endif
