/* testee-parts: relay, host and client of this library as testees of the conformance suite, on a
 * virtual clock and a virtual network. See conformance/README.md and harness.proto.
 *
 *   parts_main.c     requests in, responses out; time; which processes live
 *   parts_harness.c  harness.proto, written and read by hand
 *   parts_json.c     messages of the protocol as JSON, and back
 *   parts_disk.c     what survives a process: a store in a folder of its own
 *   parts_wire.c     a link on carriers that the runner holds the other end of
 *   parts_relay.c, parts_host.c (+ parts_host_acts.c), parts_client.c   the roles
 */
#ifndef CONFORMANCE_PARTS_H
#define CONFORMANCE_PARTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "parts_harness.h"
#include "remote/link.h"
#include "remote/log.h"

/* What cannot go wrong unless the testee or the library is broken: the process ends, loudly, and
 * the runner calls the case failed. */
#define PARTS_MUST(call) parts_must((call), #call, __FILE__, __LINE__)
void parts_must(int result, const char *what, const char *file, int line);
_Noreturn void parts_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

typedef struct parts parts;
typedef struct wire wire;

/* What an act came to. */
typedef enum parts_acted {
  PARTS_DONE = 0,
  PARTS_UNSUPPORTED = 1, /* parts_refuse has said why */
} parts_acted;

typedef struct parts_role {
  uint32_t number; /* Role of harness.proto */
  bool connects;
  /* A process begins on what the disk holds. NULL: unsupported, parts_refuse has said why. */
  void *(*begin)(parts *p);
  /* It dies: nothing is said to anybody, what is not committed is lost. */
  void (*die)(void *self);
  /* Does what can be done now; true: something moved. */
  bool (*turn)(void *self);
  uint64_t (*deadline)(void *self); /* monotonic ns */
  void (*expire)(void *self);
  parts_acted (*act)(void *self, const char *name, json_t *value);
  /* Accepting roles: a carrier has come. NULL: it is refused. */
  wire *(*accept)(void *self, uint32_t carrier);
  /* A relay: a long-poll exchange; its body; NULL: the other side has gone. May be NULL. */
  void (*poll)(void *self, uint32_t carrier, const lrm_slice *body);
} parts_role;

extern const parts_role parts_relay, parts_host, parts_client;

typedef struct parts_disk {
  char folder[256]; /* empty: none yet */
} parts_disk;

enum { PROCESSES_MAX = 8, WIRES_MAX = 512 };

struct parts {
  const parts_role *role; /* NULL: no case yet */
  json_t *config;
  uint64_t now_ns;
  int64_t wall_step_ms; /* how far StepClock has moved the wall clock */
  uint64_t random;
  uint32_t dials; /* carriers asked for so far */
  bool restored;  /* the process begins on an older copy of its disk */
  unsigned begun; /* processes so far */
  parts_disk disk;
  void *processes[PROCESSES_MAX]; /* the last one is the one that is talked to */
  size_t processes_count;
  wire *wires[WIRES_MAX]; /* those alive */
  size_t wires_count;
  harness_out out;
  char refusal[256]; /* why something is unsupported */
};

uint64_t parts_wall_ms(const parts *p);
uint64_t parts_random(parts *p);
void parts_random_id(parts *p, uint8_t id[16]);
/* {name: value} goes to the runner; takes the reference of value. */
void parts_tell(parts *p, const char *name, json_t *value);
void parts_refuse(parts *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- configuration and members of acts ---- */

const char *parts_text(json_t *object, const char *name, const char *otherwise);
uint64_t parts_number(json_t *object, const char *name, uint64_t otherwise);
bool parts_flag(json_t *object, const char *name, bool otherwise);
/* Hex of 16 bytes; none when it is absent. */
lrm_id parts_id(json_t *object, const char *name);
json_t *parts_id_json(const lrm_id *id);

/* ---- disk ---- */

void parts_disk_begin(parts_disk *disk);                        /* a new and empty one */
void parts_disk_end(parts_disk *disk);                          /* removed */
lrm_store *parts_disk_open(const parts_disk *disk);             /* opens the store on it */
void parts_disk_copy(const parts_disk *disk, const char *name); /* all of it, under a name */
bool parts_disk_back(const parts_disk *disk, const char *name); /* puts a copy back */
void parts_disk_lose(const parts_disk *disk);                   /* the store is gone */

/* ---- wire ---- */

typedef struct wire_ops {
  void (*event)(void *user, const lrm_link_event *event);
  int (*fetch)(void *user, const lrm_link_want *want, lrm_frame *frame);
  void (*drained)(void *user); /* the control queue is empty; may be NULL */
  void (*down)(void *user);    /* the carrier is gone, the link detached; may destroy the wire */
} wire_ops;

/* Joins a link and carriers; the link must outlive it. */
wire *wire_make(parts *p, lrm_link *link, bool connects, const wire_ops *ops, void *user);
/* Its carrier, when there is one, ends: the runner sees it closed. */
void wire_destroy(wire *w);
void wire_attach(wire *w, uint32_t carrier);
/* No attempt by itself from now on. A live link says goodbye first. */
void wire_stop(wire *w, uint32_t code);
bool wire_stopped(const wire *w); /* and no carrier is left */
bool wire_up(const wire *w);
bool wire_turn(wire *w);
uint64_t wire_deadline(const wire *w);
void wire_expire(wire *w);

/* From the runner. NULL: no such carrier (any more). */
wire *wire_of_carrier(parts *p, uint32_t carrier);
wire *wire_dialling(parts *p, uint32_t carrier);
void wire_connected(wire *w, bool refused);
void wire_bytes(wire *w, const uint8_t *data, size_t bytes);
void wire_cut(wire *w, bool half_open);
void wire_room(wire *w, uint64_t bytes);

#endif
