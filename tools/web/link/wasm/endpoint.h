/* A client's endpoint for a page: one link, and on it any number of sessions that are followed,
 * pages of their history, and uploads. What JavaScript calls; every name here is an export of the
 * module, as `remote_…`.
 *
 * Numbers below 2^53 travel as doubles, because JavaScript has no other cheap ones. `now_ms` is
 * monotonic, with fractions, any origin above 0. Results below 0 are LRM_ERR_… of remote/error.h.
 * Bytes are handed over in memory of remote_alloc; what an event lends is good until the next call.
 *
 * One turn of a driver:
 *   bytes have come         remote_feed, then remote_next until it says 0
 *   something changed       remote_outgoing until it says 0; each piece is whole frames: one Batch
 *   remote_deadline         remote_expire, then as above
 *   the carrier is gone     remote_detach; remote_attempt says when to try again */
#ifndef REMOTE_WEB_ENDPOINT_H
#define REMOTE_WEB_ENDPOINT_H

#include "remote/client.h"
#include "remote/history.h"
#include "remote/upload.h"

#ifdef __wasm__
#define EXPORT(name) __attribute__((export_name("remote_" #name), used))
#else /* fuzz/web_endpoint.c, where an address is wider */
#define EXPORT(name)
#endif

#define ENDPOINT_PARTS_MAX 32u /* sessions, histories and uploads at a time, each */

typedef struct endpoint endpoint;

/* What remote_next fills in; link/src/endpoint.ts reads it by these places. */
typedef struct endpoint_event {
  uint32_t source; /*  0: 0 the link, else the handle of the client or history it belongs to */
  uint32_t type;   /*  4: lrm_link_event_type, lrm_client_event_type or lrm_history_event_type */
  double offset;   /*  8 */
  uint32_t count;  /* 16: PASSED: offsets */
  uint32_t flags;  /* 20: EVENT_RESET … */
  uintptr_t data; /* 24: address of the message it brings, encoded: Event, LogStatus, Problem, … */
  uint32_t bytes; /* 28: of it */
  uint8_t id[16]; /* 32: command, or epoch */
} endpoint_event;

enum { EVENT_RESET = 1, EVENT_UNREADABLE = 2, EVENT_FIRST = 4, EVENT_TRIMMED = 8 };

typedef struct part part;

struct endpoint {
  lrm_link *link;
  lrm_id link_id;
  uint64_t seed[2], drawn;
  uint64_t now_ns;
  part *parts; /* sessions and histories */
  uint32_t handles;
  uint8_t *input; /* bytes not consumed yet */
  size_t input_bytes, input_room, input_at;
  bool hungry;           /* the link has not seen all that lies in `input` */
  uint8_t scratch[8192]; /* messages that are encoded for an event */
};

typedef enum part_kind { PART_CLIENT = 1, PART_HISTORY = 2, PART_UPLOAD = 3 } part_kind;
struct part {
  part *next;
  uint32_t handle;
  part_kind kind;
  lrm_client *client;
  lrm_history *history;
  lrm_upload *upload;
  uint32_t of; /* UPLOAD: the client's handle */
};

/* ---- endpoint_parts.c ---- */
part *endpoint__part(const endpoint *e, uint32_t handle, part_kind kind);
/* The next event of a client or history; false: none waits. */
bool endpoint__part_next(endpoint *e, endpoint_event *out);
/* Every event of the link passes here; true: a client or a history has taken it. */
bool endpoint__part_take(endpoint *e, const lrm_link_event *event);
void endpoint__parts_free(endpoint *e);
/* ---- endpoint.c ---- */
bool endpoint__lend(endpoint *e, endpoint_event *out, const pb_msgdesc_t *fields,
                    const void *message);
/* Takes what lies in the input as far as it makes an event. False: nothing more can be made. */
bool endpoint__eat(endpoint *e);
/* A number of JavaScript: nothing below 0, and what is no offset any more is none. */
static inline uint64_t endpoint__number(double n) {
  return n >= 9007199254740992.0 ? UINT64_MAX : n >= 1 ? (uint64_t)n : 0;
}
uint64_t endpoint__now(endpoint *e, double now_ms);

#endif
