/* A carrier of bytes without a socket: what is written lies in memory, what "arrives" is given by
 * hand, as libuv's carriers give it. Room is what the test says. */
#ifndef FAKE_CARRIER_H
#define FAKE_CARRIER_H

#include "remote/carrier.h"

typedef struct fake_carrier {
  lrm_carrier base;
  uint8_t *out; /* all that was written and not taken yet */
  size_t out_bytes;
  uint8_t *rest; /* what the owner did not consume */
  size_t rest_bytes;
  size_t room;
  bool closed, flushed, gone;
  size_t writes;
} fake_carrier;

/* Up, with room for 128 KiB. Freed by fake_free. */
fake_carrier *fake_new(const char *peer);
/* Bytes arrive. Nothing is given to a carrier that was closed. */
void fake_give(fake_carrier *fake, const void *data, size_t bytes);
/* The same in pieces of so many bytes. */
void fake_give_in(fake_carrier *fake, const void *data, size_t bytes, size_t piece);
/* There is so much room now; tells the owner. */
void fake_make_room(fake_carrier *fake, size_t room);
/* A turn of the loop: one that was closed is down now. */
void fake_turn(fake_carrier *fake);
/* The other side is gone. */
void fake_drop(fake_carrier *fake, const char *why);
/* What was written is taken. */
void fake_take(fake_carrier *fake);
void fake_free(fake_carrier *fake);

#endif
