/* The other end of one link, as a relay without a store would be: takes what is published and
 * acknowledges it, and serves blocks that the target puts there. For targets that drive a host or a
 * client. */
#ifndef FUZZ_MOCK_RELAY_H
#define FUZZ_MOCK_RELAY_H

#include "remote/link.h"
#include "schema/bytes.h"

enum { MOCK_CHANNELS = 8, MOCK_BLOCKS_MAX = 256 };

typedef struct mock_channel {
  uint32_t number; /* 0: free */
  uint32_t log;
  bool publishes; /* the peer publishes */
} mock_channel;

typedef struct mock_relay {
  lrm_link *link; /* accepting */
  lrm_link *peer; /* borrowed */
  bytes up, down;
  bool attached;
  uint64_t now_ns;
  mock_channel channels[MOCK_CHANNELS];
  lrm_id published_epoch, served_epoch;
  uint64_t published, writer_generation;
  bytes served[MOCK_BLOCKS_MAX]; /* one message each, without its length */
  uint64_t served_end;
  uint64_t acked; /* of what was served */
} mock_relay;

typedef struct mock_user {
  void (*event)(void *user, const lrm_link_event *event);
  int (*fetch)(void *user, const lrm_link_want *want, lrm_frame *frame);
  void *user;
} mock_user;

void mock_begin(mock_relay *m, lrm_link *peer, uint64_t now_ns);
void mock_end(mock_relay *m);
/* Both ends get a new carrier; the old one is gone without a word. */
void mock_attach(mock_relay *m);
void mock_detach(mock_relay *m);
/* One more message for who reads. */
void mock_serve(mock_relay *m, const uint8_t *message, size_t size);
/* Moves bytes and events until nothing moves. */
void mock_run(mock_relay *m, const mock_user *user);

#endif
