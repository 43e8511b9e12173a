/* Slowing down who guesses: after a few failures each further one makes its subject wait, twice as
 * long as the last time, up to a bound. A subject is a text of a kind: an address, the beginning of
 * a token, a pairing code. Of subjects only a seeded hash is kept, in a table of fixed size, in
 * which the one that was heard of longest ago gives way.
 *
 * Who judges a secret that can be guessed (a pairing code) does it like this:
 *
 *   uint64_t wait_ms = relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, c->peer, now_ns);
 *   if (wait_ms > 0) -> SLOW_DOWN, retry_after_ms = wait_ms; the secret is not looked at
 *   wrong secret     -> relay_slow_failed(slow, RELAY_SLOW_ADDRESS, c->peer, now_ns);
 *   right secret     -> nothing: a right one must not buy its address more guesses
 *
 * Inside the relay's core `slow` is `relay->slow`; the program reaches it by relay_slow_of.
 * Who judges a secret that cannot be guessed (a token of 256 bits) looks at it first, so that
 * nobody is locked out by others of the same address; the answer to a wrong one says how long it is
 * no use to try, and stays the answer to a wrong one.
 *
 * Bounds: an address waits 30 s at most, so that honest people behind it are never locked out for
 * long; the others 15 min. A subject that did nothing wrong for 15 min is forgotten. What is tried
 * while it has to wait does not lengthen the wait.
 *
 * Threads: one. Time: `now_ns` is monotonic, never 0. */
#ifndef RELAY_SLOW_H
#define RELAY_SLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum relay_slow_kind {
  RELAY_SLOW_ADDRESS = 1, /* a carrier's `peer`: its port is ignored, of IPv6 the first 64 bits
                             count. Loopback and unix sockets are one subject each: behind a proxy
                             on this machine that is everybody, hence the short bound */
  RELAY_SLOW_TOKEN = 2,   /* a token; its first 12 characters count */
  RELAY_SLOW_CODE = 3,    /* a pairing code, or another short secret; all of it counts */
  RELAY_SLOW_ACCOUNT = 4  /* the name of an account */
} relay_slow_kind;

enum { RELAY_SLOW_SETS = 256, RELAY_SLOW_WAYS = 4, RELAY_ADDRESS_BYTES = 64 };

typedef struct relay_slow_entry {
  uint64_t key; /* 0: free */
  uint64_t failed_ns;
  uint64_t until_ns; /* nothing is looked at before */
  uint32_t failures;
} relay_slow_entry;

typedef struct relay_slow {
  uint64_t seed;
  uint64_t failures; /* all that were counted */
  relay_slow_entry entries[RELAY_SLOW_SETS][RELAY_SLOW_WAYS];
} relay_slow;

void relay_slow_init(relay_slow *slow, uint64_t seed);
/* Milliseconds that the subject has still to wait; 0: it may try now. */
uint64_t relay_slow_wait_ms(const relay_slow *slow, relay_slow_kind kind, const char *subject,
                            uint64_t now_ns);
/* It tried and failed. Returns what it has to wait now, as above. */
uint64_t relay_slow_failed(relay_slow *slow, relay_slow_kind kind, const char *subject,
                           uint64_t now_ns);
/* Its failures are forgotten: an operator says so, or the secret is gone. */
void relay_slow_forget(relay_slow *slow, relay_slow_kind kind, const char *subject);

/* The number under which a subject is known; never 0. Seeded: nobody can choose it. */
uint64_t relay_slow_key(const relay_slow *slow, relay_slow_kind kind, const char *subject);

typedef enum relay_address_kind {
  RELAY_ADDRESS_REMOTE = 0,
  RELAY_ADDRESS_LOOPBACK = 1,
  RELAY_ADDRESS_UNIX = 2,
  RELAY_ADDRESS_OTHER = 3 /* not an address of IP */
} relay_address_kind;

/* What of a carrier's `peer` is the address: "192.0.2.1", the first 64 bits of an IPv6 address as
 * "2001:db8:0:1::/64", "loopback", "unix". Of what is none of these all is taken. */
relay_address_kind relay_address_of(const char *peer, char out[RELAY_ADDRESS_BYTES]);

#endif
