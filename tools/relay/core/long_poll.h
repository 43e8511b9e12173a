/* One long-poll exchange, without I/O: the Batch of a POST in, later the Batch of its answer out.
 * It is a short connection (spec 3.26): its frames go to an accepting link of the core as they
 * would from a carrier, but for what 3.26 says of blocks, and what the link says is the answer.
 *
 * A turn of its driver, after relay_poll_begin, whenever the core kicks `user`, and at
 * relay_poll_due_ns:
 *   relay_poll_turn, and when relay_poll_done: send relay_poll_answer, then relay_poll_end
 *   the other side has gone: relay_poll_end, with answered false
 *
 * Threads: the core's. Memory: from the core's allocator, at most the body, 1 MiB for the answer,
 * and a link. */
#ifndef RELAY_POLL_H
#define RELAY_POLL_H

#include "relay.h"

typedef struct relay_poll relay_poll;

/* Takes the body (copied). LRM_ERR_BUSY: too many connections; LRM_ERR_TOO_LARGE: over 1 MiB;
 * LRM_ERR_NO_MEMORY. `user` is what relay_config.kick is called with. */
int relay_poll_begin(relay *r, void *user, const char *peer, const uint8_t *body, size_t bytes,
                     uint64_t now_ns, relay_poll **out) LRM_MUST_USE;
/* It came with a token, as in relay_connection_carries; before the first turn. */
void relay_poll_carries(relay_poll *p, const char *token);
void relay_poll_turn(relay_poll *p, uint64_t now_ns, uint64_t wall_ms);
uint64_t relay_poll_due_ns(const relay_poll *p);
bool relay_poll_done(const relay_poll *p, uint64_t now_ns);
/* Borrowed until the next call. */
lrm_slice relay_poll_answer(const relay_poll *p);
/* The code of a REFUSE, or of a GOAWAY in place of WELCOME; 0: it was welcome. */
uint32_t relay_poll_refused(const relay_poll *p);
void relay_poll_end(relay_poll *p, bool answered, uint64_t now_ns, uint64_t wall_ms);

#endif
