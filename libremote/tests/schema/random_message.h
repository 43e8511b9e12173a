/* Random messages of a type, led by its table, and random damage. */
#ifndef TEST_SCHEMA_RANDOM_MESSAGE_H
#define TEST_SCHEMA_RANDOM_MESSAGE_H

#include "schema/bytes.h"
#include "schema_table.h"

/* xorshift64*; never 0. */
typedef struct random_state {
  uint64_t state;
} random_state;
uint64_t random_next(random_state *r);
uint64_t random_below(random_state *r, uint64_t bound);

/* Appends a valid message in canonical form; grows to about `budget` bytes. */
void random_message(random_state *r, const lrm_schema_message *type, size_t budget, bytes *out);

/* Damages a message in one to four places. May leave it valid. */
void random_damage(random_state *r, const lrm_schema_message *type, bytes *message);

#endif
