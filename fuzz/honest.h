/* An honest host or client on a raw link: publishes numbered messages whose bytes follow from their
 * number, reads the other's, and checks what it is told. Links are exactly once, in order, or it
 * aborts. For targets that set it beside a hostile peer, a bad network or missing memory. */
#ifndef FUZZ_HONEST_H
#define FUZZ_HONEST_H

#include "remote/link.h"
#include "schema/bytes.h"

enum { HONEST_BLOCKS_MAX = 256, HONEST_UNACKNOWLEDGED_MAX = 40 };

typedef struct honest {
  lrm_link *link;
  bool is_host;
  bytes *in, *out; /* its carrier; NULL: none */
  lrm_id session_id, event_epoch, link_id;
  uint64_t writer_generation;

  /* what it publishes: block i is the messages from starts[i] to starts[i + 1] */
  uint64_t starts[HONEST_BLOCKS_MAX + 1];
  size_t blocks;
  uint32_t publishing; /* channel */
  bool published;      /* OPENED was heard */
  uint64_t acked;
  uint64_t receipts; /* client: all below were receipted */

  /* what it reads */
  uint32_t reading;
  lrm_id read_epoch;
  uint64_t given, next; /* told below; made its own below */
  uint64_t held_bytes;  /* told and not yet made its own */
  uint64_t commands;    /* host: commands that it knows, the first so many */
  bool lazy;            /* makes nothing its own until honest_own */

  uint32_t code; /* of the last CLOSE, REFUSE or GOAWAY that it heard; 0: none */
} honest;

typedef struct honest_config {
  bool is_host;
  lrm_allocator allocator;
  const char *token;
  const char *session, *link; /* ids are made of them */
  uint32_t window_bytes;      /* 0: the usual one */
} honest_config;

lrm_id honest_id(const char *text);
uint64_t honest_end(const honest *h); /* messages that it has published */
/* LRM_ERR_NO_MEMORY is the only failure. */
int honest_begin(honest *h, const honest_config *config);
void honest_end_of_life(honest *h);

/* A carrier is up: what it writes goes behind `out`, what it reads comes from `in`. */
void honest_attach(honest *h, bytes *in, bytes *out, uint64_t now_ns);
/* The carrier is gone. Of what was told and not made its own, `more` messages are; the rest comes
 * again. */
void honest_down(honest *h, uint64_t more, uint64_t now_ns);
/* One more block of `count` messages, or one more command. */
void honest_say(honest *h, uint32_t count, uint64_t now_ns);
/* Makes its own all it was told. */
void honest_own(honest *h, uint64_t now_ns);
/* Timers, then reads and writes what there is. True: something moved. */
bool honest_turn(honest *h, uint64_t now_ns);

/* A block of messages as it stands in a log. */
void honest_block(bool of_host, const honest *h, size_t block, bytes *out);
/* The number of the command that an envelope holds; aborts when it is none of honest's. */
uint64_t honest_command_number(lrm_slice message);

#endif
