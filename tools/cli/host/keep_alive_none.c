/* A build without libsystemd. */
#include "keep_alive_lock.h"
#include "memory.h"

struct keep_alive_lock {
  void (*changed)(void *user);
  void *user;
  bool wanted;
};

keep_alive_lock *keep_alive_lock_create(uv_loop_t *loop, void (*changed)(void *user), void *user) {
  keep_alive_lock *lock = memory_zero(sizeof *lock);
  (void)loop;
  lock->changed = changed;
  lock->user = user;
  return lock;
}

void keep_alive_lock_take(keep_alive_lock *lock) {
  if (lock->wanted) return;
  lock->wanted = true;
  lock->changed(lock->user);
}

void keep_alive_lock_release(keep_alive_lock *lock) {
  if (!lock->wanted) return;
  lock->wanted = false;
  lock->changed(lock->user);
}

keep_alive_lock_state keep_alive_lock_now(const keep_alive_lock *lock) {
  return lock->wanted ? KEEP_ALIVE_LOCK_REFUSED : KEEP_ALIVE_LOCK_FREE;
}

const char *keep_alive_lock_text(const keep_alive_lock *lock) {
  (void)lock;
#ifdef __APPLE__
  return "this program is built without a way to do it; start it with: caffeinate -i remote host …";
#else
  return "this program is built without libsystemd; start it with: systemd-inhibit "
         "--what=sleep:idle remote host …";
#endif
}

bool keep_alive_lock_lost(const keep_alive_lock *lock) {
  (void)lock;
  return false;
}

void keep_alive_lock_destroy(keep_alive_lock *lock) { free(lock); }
