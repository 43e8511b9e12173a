/* One link under test, with a raw peer on the other side: the test feeds frames and reads what
 * comes out as text. Counts what it allocates; the clock is a number. */
#ifndef TESTS_LINK_PEER_H
#define TESTS_LINK_PEER_H

#include "link_text.h"

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define START_NS (1000 * SECOND)

typedef struct peer {
  lrm_link *link;
  uint64_t now_ns;
  bool connecting;
  int allocations;
  size_t held_bytes;      /* allocated and not freed */
  bool no_memory;         /* the next allocation fails, and all after it */
  uint8_t in[600 * 1024]; /* not yet consumed by the link */
  size_t in_bytes;
  char events[8192]; /* since the last take */
  char frames[8192];
  int result; /* of the last recv that failed */
} peer;

lrm_link_config peer_config(peer *p, lrm_link_side side);
/* Creates with peer_config and attaches at START_NS. */
void peer_start(peer *p, lrm_link_side side);
void peer_start_with(peer *p, const lrm_link_config *config);
void peer_end(peer *p);

/* Gives bytes to the link (nothing: again what it did not take), notes its events. */
void peer_feed(peer *p, const void *data, size_t bytes);
void peer_feed_frame(peer *p, lrm_frame frame);
void peer_feed_message(peer *p, lrm_frame frame, const void *message);
/* Lines since the last call, and forgets them. */
const char *peer_events(peer *p);
/* Lets the link write all control frames; lines of them. */
const char *peer_frames(peer *p);
/* Moves the clock, calling expire at every deadline on the way. */
void peer_advance(peer *p, uint64_t ns);

remote_v1_Hello a_hello(uint64_t generation);
remote_v1_Welcome a_welcome(void);
remote_v1_Open an_open(remote_v1_Direction direction, remote_v1_Log log, uint64_t next);
remote_v1_Opened an_opened(uint64_t next, uint64_t watermark);
remote_v1_Problem a_problem(uint32_t code);
remote_v1_Principal a_principal(void);

/* Accepting link that has said WELCOME; connecting link that has heard it. */
void peer_live(peer *p, lrm_link_side side);
/* On a live link: opens the next channel and returns its number; `next` is where it begins,
 * `watermark` the log's end. Direction as seen from the connecting side. The peer's credit is
 * `credit` where it grants it. */
uint32_t peer_open(peer *p, remote_v1_Direction direction, remote_v1_Log log, uint64_t next,
                   uint64_t watermark, uint64_t credit);
/* A BLOCK frame of `bytes` payload bytes from the peer. */
lrm_frame a_block(uint32_t channel, uint64_t offset, uint32_t count, size_t bytes);

#endif
