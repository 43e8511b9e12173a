/* SHA-256 over a session's events as they were stored: of each message, in order, its offset as 8
 * bytes, the lowest first, and its bytes. Two readers with the same digest hold the same log. */
#ifndef REMOTE_CLI_DIGEST_H
#define REMOTE_CLI_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "remote/types.h"

typedef struct digest digest;

digest *digest_create(void); /* NULL: out of memory */
void digest_destroy(digest *d);
/* Begins anew: another epoch, or a jump. */
void digest_restart(digest *d);
/* The message at `offset`. False: it is not the next one; the digest then begins anew with it. */
bool digest_add(digest *d, uint64_t offset, lrm_slice message);
/* first: offset of the first message; count: how many; hex: 64 digits and a terminator. */
void digest_read(const digest *d, uint64_t *first, uint64_t *count, char hex[65]);

#endif
