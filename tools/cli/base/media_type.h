/* What a file is, told by what is in it. */
#ifndef REMOTE_CLI_MEDIA_TYPE_H
#define REMOTE_CLI_MEDIA_TYPE_H

#include <stddef.h>
#include <stdint.h>

/* Images, sounds and PDF by their first bytes; text (UTF-8 without NUL) by the ending of `name`;
 * else `claimed` when it says none of these, else "application/octet-stream". Static, or `claimed`.
 */
const char *media_type_of(const uint8_t *data, size_t bytes, const char *name, const char *claimed);
/* The usual ending of a file's name for a media type, with its dot; "" when there is none. */
const char *media_type_ending(const char *media_type);

#endif
