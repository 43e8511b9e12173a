/* The input of a target that is a script: one byte of settings, then steps. A step is two bytes: a
 * first byte below 0xF0 is an action and its argument; 0xF0..0xFF and the second are a length of 12
 * bits, and that many bytes follow, a piece. */
#ifndef FUZZ_SCRIPT_H
#define FUZZ_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FUZZ_PIECE_MIN = 0xf0, FUZZ_PIECE_MAX = 4095 };

typedef struct fuzz_script {
  const uint8_t *data;
  size_t bytes, at;
} fuzz_script;

typedef struct fuzz_step {
  size_t at; /* of its first byte */
  bool is_piece;
  uint8_t action, argument;
  const uint8_t *piece;
  size_t piece_bytes;
} fuzz_step;

static inline bool fuzz_script_next(fuzz_script *script, fuzz_step *step) {
  if (script->bytes - script->at < 2) return false;
  const uint8_t *from = script->data + script->at;
  *step = (fuzz_step){.at = script->at, .action = from[0], .argument = from[1]};
  script->at += 2;
  if (from[0] < FUZZ_PIECE_MIN) return true;
  size_t left = script->bytes - script->at;
  step->is_piece = true;
  step->piece = from + 2;
  step->piece_bytes = (size_t)(from[0] & 15) << 8 | from[1];
  if (step->piece_bytes > left) step->piece_bytes = left;
  script->at += step->piece_bytes;
  return true;
}

#endif
