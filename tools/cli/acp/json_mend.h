/* JSON that other parsers take and ours refuses: whole numbers beyond 64 bits, numbers beyond a
 * double, halves of surrogate pairs, control characters and bytes that are not UTF-8 inside
 * strings. An agent whose answer holds one must not wait for ever because of it. */
#ifndef REMOTE_CLI_JSON_MEND_H
#define REMOTE_CLI_JSON_MEND_H

#include <stddef.h>

/* A copy with those mended: whole numbers become floating-point ones, what is beyond them the
 * largest, broken characters U+FFFD. What is wrong otherwise stays so. To be freed; *out_bytes its
 * length. Linear in `bytes`. */
char *json_mend(const char *text, size_t bytes, size_t *out_bytes);

#endif
