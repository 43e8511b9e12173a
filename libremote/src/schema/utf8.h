/* UTF-8 as strings of the wire must be: well-formed and without NUL. */
#ifndef LRM_SCHEMA_UTF8_H
#define LRM_SCHEMA_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Index of the first byte of the first fault (a NUL, an overlong form, a surrogate, a code
 * above U+10FFFF, a stray or missing continuation); `bytes` when there is none. */
size_t lrm__utf8_fault(const uint8_t *text, size_t bytes);

#endif
