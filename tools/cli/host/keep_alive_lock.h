/* The lock that keeps the machine from sleeping. It ends with the process, however that ends.
 * keep_alive_logind.c: systemd-logind through the system bus; keep_alive_none.c: a build without
 * libsystemd. No call blocks. */
#ifndef REMOTE_CLI_KEEP_ALIVE_LOCK_H
#define REMOTE_CLI_KEEP_ALIVE_LOCK_H

#include <stdbool.h>
#include <uv.h>

typedef struct keep_alive_lock keep_alive_lock;

typedef enum keep_alive_lock_state {
  KEEP_ALIVE_LOCK_FREE = 0,
  KEEP_ALIVE_LOCK_ASKED = 1, /* no answer yet, or none any more: it is asked for again */
  KEEP_ALIVE_LOCK_HELD = 2,
  KEEP_ALIVE_LOCK_IDLE = 3,   /* held against idling only: more is not allowed here */
  KEEP_ALIVE_LOCK_REFUSED = 4 /* it cannot be had; nothing is tried any more until released */
} keep_alive_lock_state;

/* `changed`: state or text is another one; called from the loop, and from take and release. */
keep_alive_lock *keep_alive_lock_create(uv_loop_t *loop, void (*changed)(void *user), void *user);
void keep_alive_lock_take(keep_alive_lock *lock);
void keep_alive_lock_release(keep_alive_lock *lock);
keep_alive_lock_state keep_alive_lock_now(const keep_alive_lock *lock);
/* ASKED, IDLE, REFUSED: why, and what to do; "" while nothing is known. */
const char *keep_alive_lock_text(const keep_alive_lock *lock);
/* It was held and was lost: asked for again since. */
bool keep_alive_lock_lost(const keep_alive_lock *lock);
/* Releases; its memory goes once the loop has closed its handles. */
void keep_alive_lock_destroy(keep_alive_lock *lock);

#endif
