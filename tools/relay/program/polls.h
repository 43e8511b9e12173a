/* Long-poll exchanges on the server's loop: what HTTP's /v1/poll and gRPC's Poll are made of. */
#ifndef RELAY_PROGRAM_POLL_H
#define RELAY_PROGRAM_POLL_H

#include "long_poll.h"
#include "server.h"

typedef struct server_poll server_poll;

/* An exchange is over: `answer` is the Batch, borrowed. `refused`: the code of a REFUSE, or of a
 * GOAWAY in place of WELCOME, for those who have a status of their own; 0: none. Called once, never
 * from inside server_poll_begin; the pointer is not to be used again. */
typedef void (*server_poll_answered)(void *user, lrm_slice answer, uint32_t refused);

/* Takes the Batch of a POST (copied). NULL: there is no place for one more (answer "try again"), or
 * it is over 1 MiB. */
server_poll *server_poll_begin(server *s, const char *peer, const uint8_t *body, size_t bytes,
                               server_poll_answered answered, void *user);
/* It came with this token, for a HELLO without one; at once after it began. */
void server_poll_carries(server_poll *poll, const char *token);
/* The other side has gone: nothing is answered any more. */
void server_poll_gone(server_poll *poll);

#endif
