/* Takes secrets out of memory. A memset before memory is given back may be left out by a compiler,
 * for nobody reads it again; writes through a volatile pointer may not. */
#ifndef REMOTE_BASE_WIPE_H
#define REMOTE_BASE_WIPE_H

#include <stddef.h>

static inline void lrm__wipe(void *memory, size_t bytes) {
  volatile unsigned char *at = memory;
  while (bytes-- > 0) *at++ = 0;
}

#endif
