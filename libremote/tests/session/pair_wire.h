/* A carrier of the pair test: bytes on their way, and one turn of a link's driver. */
#ifndef TESTS_PAIR_WIRE_H
#define TESTS_PAIR_WIRE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "remote/link.h"

#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

typedef struct pair_random {
  uint64_t state;
} pair_random;

static inline uint64_t pair_next(pair_random *r) {
  uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}
static inline uint64_t pair_below(pair_random *r, uint64_t n) { return pair_next(r) % n; }
static inline bool pair_once_in(pair_random *r, uint64_t n) { return pair_below(r, n) == 0; }

extern uint64_t pair_seed;
void pair_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
#define CHECK(condition, ...) ((condition) ? (void)0 : pair_fail(__VA_ARGS__))
#define MUST(call)                                                          \
  do {                                                                      \
    int must_ = (call);                                                     \
    CHECK(must_ == 0, "%s:%d: %s is %d", __FILE__, __LINE__, #call, must_); \
  } while (0)

typedef struct pair_bytes {
  uint8_t *data;
  size_t bytes, capacity;
} pair_bytes;

typedef struct pair_wire {
  pair_bytes up, down;           /* on their way: connecting to accepting, and back */
  pair_bytes up_here, down_here; /* arrived */
  bool cut;
} pair_wire;

void pair_wire_clear(pair_wire *wire);
void pair_wire_free(pair_wire *wire);
/* Moves some bytes along. */
void pair_wire_move(pair_wire *wire, pair_random *random);

typedef struct pair_driver {
  void (*event)(void *user, lrm_link *link, const lrm_link_event *event);
  int (*fetch)(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame);
  void *user;
} pair_driver;

/* Receives, then sends while there is room. */
void pair_drive(lrm_link *link, pair_bytes *in, pair_bytes *out, const pair_driver *driver,
                uint64_t now_ns);

#endif
