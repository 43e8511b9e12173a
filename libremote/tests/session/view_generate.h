/* Random events for the view: any fields of any body ("wild"), and a host that behaves
 * ("plausible"). The same seed gives the same events. */
#ifndef LRM_TESTS_VIEW_GENERATE_H
#define LRM_TESTS_VIEW_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#include "remote/v1/event.pb-c.h"

typedef struct random_source {
  uint64_t state;
} random_source;

uint64_t random_next(random_source *random);
uint64_t random_below(random_source *random, uint64_t limit);

typedef enum step_kind { STEP_DURABLE = 1, STEP_TAIL = 2, STEP_CLEAR = 3 } step_kind;

typedef struct step {
  step_kind kind;
  Remote__V1__Event *event; /* NULL for CLEAR; free with remote__v1__event__free_unpacked */
} step;

/* Any body with any fields: few ids, so that events meet; texts of all lengths. Within the
 * schema's limits. wild_begins: a SessionState among them begins a set. */
Remote__V1__Event *wild_event(random_source *random);
bool wild_begins(const Remote__V1__Event *event);

/* A host that streams, runs tools and asks, with tails and CLEARS_TAIL blocks. Texts of its
 * streams are kept, to be compared with what a view shows. */
#define PLAUSIBLE_STREAMS 3
typedef struct plausible_host {
  random_source random;
  uint64_t now_ms;
  unsigned counter;
  struct plausible_stream {
    bool open, thought;
    char id[32];
    char *text;
    size_t bytes, durable;
  } streams[PLAUSIBLE_STREAMS];
  struct plausible_tool {
    bool open;
    char id[32];
    Remote__V1__OutputStream stream;
    uint8_t *output;
    size_t bytes, durable;
  } tools[PLAUSIBLE_STREAMS];
  bool turn;
  bool clearing; /* durable deltas of a CLEARS_TAIL block are still to come */
} plausible_host;

void plausible_begin(plausible_host *host, uint64_t seed);
void plausible_end(plausible_host *host);
step plausible_next(plausible_host *host);

#endif
