/* The machine of all patterns: redact_pattern_parse.c writes it, redact_pattern.c runs it. */
#ifndef REMOTE_CLI_REDACT_PATTERN_INTERNAL_H
#define REMOTE_CLI_REDACT_PATTERN_INTERNAL_H

#include "redact_pattern.h"

typedef struct byte_set {
  uint64_t bits[4];
} byte_set;

static inline bool set_has(const byte_set *set, unsigned char c) {
  return (set->bits[c / 64] >> (c % 64) & 1) != 0;
}

typedef enum pattern_op {
  PATTERN_SET = 1, /* takes a byte of the set, goes on with the next state */
  PATTERN_SPLIT = 2,
  PATTERN_JUMP = 3,
  PATTERN_LINE_BEGIN = 4,
  PATTERN_LINE_END = 5,
  PATTERN_WORD_EDGE = 6,
  PATTERN_NO_EDGE = 7,
  PATTERN_MATCH = 8
} pattern_op;

typedef struct pattern_state {
  pattern_op op;
  uint32_t a, b;
  byte_set set;
} pattern_state;

struct patterns {
  pattern_state states[PATTERN_STATES_MAX];
  uint32_t count;
  bool full;
  uint32_t starts[PATTERNS_MAX];
  uint32_t starts_count;
};

#endif
