/* What a target tells the mutator about its input. */
#ifndef FUZZ_LAYOUT_H
#define FUZZ_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schema.h"

typedef struct fuzz_layout {
  size_t head;     /* bytes before the stream, the message or the script */
  bool is_script;  /* its pieces hold what is below; else the rest of the input does */
  bool no_pieces;  /* script: of actions alone */
  uint8_t actions; /* script: actions are 0 .. actions - 1 */
  /* The type of the message that stands there; NULL: a stream of frames. */
  const lrm_schema_message *(*message)(const uint8_t *data, size_t size);
} fuzz_layout;

/* Every target that is linked with the mutator defines it. */
extern const fuzz_layout fuzz_layout_here;

#endif
