/* A block inhibitor of systemd-logind, org.freedesktop.login1.Manager.Inhibit: a file descriptor;
 * closing it gives the lock back. "sleep" keeps desktops from suspending an idle machine, "idle"
 * logind itself. Not "handle-lid-switch": who closes the lid wants it to sleep, in a bag above all.
 * Sessions that are not local (ssh) may take "idle" only; then that is what is taken. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#include "keep_alive_lock.h"
#include "memory.h"

#define LOGIN1 "org.freedesktop.login1"
#define CALL_USEC (10ull * 1000000ull)
#define RETRY_MS_FIRST 1000u
#define RETRY_MS_MAX 60000u

struct keep_alive_lock {
  uv_loop_t *loop;
  void (*changed)(void *user);
  void *user;
  bool wanted, idle_only, lost, destroyed;
  bool ever; /* held once by this process */
  keep_alive_lock_state state;
  char text[400];
  sd_bus *bus;
  int bus_fd;
  uv_poll_t *bus_poll;  /* of bus_fd */
  uv_poll_t *held_poll; /* of held: told when logind has closed its side */
  int held;
  uv_timer_t timer; /* the bus's own deadlines, or the next try */
  uint64_t retry_ms;
  int depth; /* inside sd_bus_process: nothing of the bus is freed there */
  bool close_bus, try_again;
};

static void become(keep_alive_lock *lock, keep_alive_lock_state state, const char *text) {
  char now[sizeof lock->text];
  snprintf(now, sizeof now, "%s", text);
  if (lock->state == state && strcmp(lock->text, now) == 0) return;
  lock->state = state;
  memcpy(lock->text, now, sizeof now);
  if (!lock->destroyed) lock->changed(lock->user);
}

/* ---- handles ---- */

static void on_poll_closed(uv_handle_t *handle) { free(handle); }

static void poll_free(uv_poll_t **poll) {
  if (*poll == NULL) return;
  uv_poll_stop(*poll);
  uv_close((uv_handle_t *)*poll, on_poll_closed);
  *poll = NULL;
}

static uv_poll_t *poll_new(keep_alive_lock *lock, int fd) {
  uv_poll_t *poll = memory_zero(sizeof *poll);
  if (uv_poll_init(lock->loop, poll, fd) != 0) {
    free(poll);
    return NULL;
  }
  poll->data = lock;
  return poll;
}

static void drop_held(keep_alive_lock *lock) {
  poll_free(&lock->held_poll);
  if (lock->held >= 0) close(lock->held);
  lock->held = -1;
}

static void drop_bus(keep_alive_lock *lock) {
  poll_free(&lock->bus_poll);
  lock->bus_fd = -1;
  if (lock->depth > 0) {
    lock->close_bus = true;
    return;
  }
  if (lock->bus != NULL) sd_bus_close_unref(lock->bus);
  lock->bus = NULL;
  lock->close_bus = false;
}

/* ---- failing ---- */

static void start(keep_alive_lock *lock);
static void on_timer(uv_timer_t *timer);

/* It may work later: the bus or logind went away, or does not answer. */
static void try_later(keep_alive_lock *lock, const char *why) {
  char text[sizeof lock->text];
  if (lock->state == KEEP_ALIVE_LOCK_HELD || lock->state == KEEP_ALIVE_LOCK_IDLE) lock->lost = true;
  drop_held(lock);
  drop_bus(lock);
  snprintf(text, sizeof text, "%s; trying again", why);
  if (lock->retry_ms == 0) lock->retry_ms = RETRY_MS_FIRST;
  uv_timer_start(&lock->timer, on_timer, lock->retry_ms, 0);
  lock->retry_ms = lock->retry_ms * 2 < RETRY_MS_MAX ? lock->retry_ms * 2 : RETRY_MS_MAX;
  become(lock, KEEP_ALIVE_LOCK_ASKED, text);
}

static void refuse(keep_alive_lock *lock, const char *text) {
  drop_held(lock);
  drop_bus(lock);
  uv_timer_stop(&lock->timer);
  become(lock, KEEP_ALIVE_LOCK_REFUSED, text);
}

/* Once it was held, whatever fails is taken for a restart of the service. */
static void fail(keep_alive_lock *lock, const char *text) {
  if (lock->ever)
    try_later(lock, text);
  else
    refuse(lock, text);
}

static bool is_denial(const char *name) {
  return strcmp(name, SD_BUS_ERROR_ACCESS_DENIED) == 0 ||
         strcmp(name, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) == 0 ||
         strcmp(name, "org.freedesktop.PolicyKit1.Error.NotAuthorized") == 0;
}

static bool is_passing(const char *name) {
  return strcmp(name, SD_BUS_ERROR_NO_REPLY) == 0 || strcmp(name, SD_BUS_ERROR_TIMEOUT) == 0 ||
         strcmp(name, SD_BUS_ERROR_DISCONNECTED) == 0 ||
         strcmp(name, "System.Error.ETIMEDOUT") == 0 ||
         strcmp(name, "System.Error.ECONNRESET") == 0;
}

/* ---- the call ---- */

static void inhibit(keep_alive_lock *lock);

static void denied(keep_alive_lock *lock, const sd_bus_error *error) {
  if (lock->idle_only) {
    char text[sizeof lock->text];
    snprintf(text, sizeof text,
             "systemd-logind does not allow it (%.120s). An administrator can, with a polkit rule "
             "for org.freedesktop.login1.inhibit-block-idle",
             error->message != NULL ? error->message : error->name);
    refuse(lock, text);
    return;
  }
  lock->idle_only = true;
  inhibit(lock);
}

static void on_held(uv_poll_t *poll, int status, int events) {
  keep_alive_lock *lock = poll->data;
  (void)status;
  (void)events;
  lock->retry_ms = 0;
  try_later(lock, "systemd-logind has let the lock go");
}

static void take_descriptor(keep_alive_lock *lock, sd_bus_message *reply) {
  int fd;
  int result = sd_bus_message_read(reply, "h", &fd);
  if (result < 0 || (fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0) {
    fail(lock, "systemd-logind gave no lock");
    return;
  }
  drop_held(lock);
  lock->held = fd;
  lock->ever = true;
  lock->held_poll = poll_new(lock, fd);
  if (lock->held_poll != NULL) uv_poll_start(lock->held_poll, UV_DISCONNECT, on_held);
  lock->retry_ms = 0;
  lock->lost = false;
  if (lock->idle_only)
    become(lock, KEEP_ALIVE_LOCK_IDLE,
           "only idling is blocked: this login may not block sleep (over ssh it never may), so a "
           "desktop on this machine can still put it to sleep");
  else
    become(lock, KEEP_ALIVE_LOCK_HELD, "");
}

static int on_inhibited(sd_bus_message *reply, void *user, sd_bus_error *unused) {
  keep_alive_lock *lock = user;
  (void)unused;
  if (!lock->wanted) return 0;
  const sd_bus_error *error = sd_bus_message_get_error(reply);
  if (error == NULL) {
    take_descriptor(lock, reply);
    return 0;
  }
  char text[sizeof lock->text];
  if (is_denial(error->name)) {
    denied(lock, error);
  } else if (is_passing(error->name)) {
    try_later(lock, "systemd-logind does not answer");
  } else {
    snprintf(text, sizeof text,
             "systemd-logind cannot be asked, perhaps it is not running (%.200s)",
             error->message != NULL ? error->message : error->name);
    fail(lock, text);
  }
  return 0;
}

static void inhibit(keep_alive_lock *lock) {
  sd_bus_message *call = NULL;
  int result = sd_bus_message_new_method_call(lock->bus, &call, LOGIN1, "/org/freedesktop/login1",
                                              LOGIN1 ".Manager", "Inhibit");
  if (result >= 0)
    result =
        sd_bus_message_append(call, "ssss", lock->idle_only ? "idle" : "sleep:idle", "remote",
                              "A coding-agent session is being kept awake (/keep-alive)", "block");
  if (result >= 0) result = sd_bus_call_async(lock->bus, NULL, call, on_inhibited, lock, CALL_USEC);
  sd_bus_message_unref(call);
  if (result < 0) try_later(lock, strerror(-result));
}

/* logind is another process now: it may know our lock or not. */
static int on_owner_changed(sd_bus_message *message, void *user, sd_bus_error *unused) {
  keep_alive_lock *lock = user;
  const char *name, *before, *after;
  (void)unused;
  if (sd_bus_message_read(message, "sss", &name, &before, &after) < 0) return 0;
  if (lock->wanted && after[0] != '\0' && lock->held >= 0) inhibit(lock);
  return 0;
}

/* ---- the bus in the loop ---- */

static void follow_bus(keep_alive_lock *lock);

static void process(keep_alive_lock *lock) {
  int result = 0;
  lock->depth++;
  while (lock->bus != NULL && !lock->close_bus && (result = sd_bus_process(lock->bus, NULL)) > 0) {
  }
  lock->depth--;
  if (lock->close_bus) drop_bus(lock);
  if (lock->bus != NULL && result < 0)
    try_later(lock, "the system bus has closed the connection");
  else
    follow_bus(lock);
}

static void on_bus(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  process(poll->data);
}

static uint64_t now_usec(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Waits for what the bus wants next. */
static void follow_bus(keep_alive_lock *lock) {
  uint64_t due;
  if (lock->bus == NULL) return;
  int fd = sd_bus_get_fd(lock->bus), wants = sd_bus_get_events(lock->bus);
  if (fd < 0 || wants < 0) {
    try_later(lock, "there is no connection to the system bus");
    return;
  }
  if (fd != lock->bus_fd) poll_free(&lock->bus_poll);
  if (lock->bus_poll == NULL) lock->bus_poll = poll_new(lock, fd);
  lock->bus_fd = fd;
  int events =
      ((wants & POLLIN) != 0 ? UV_READABLE : 0) | ((wants & POLLOUT) != 0 ? UV_WRITABLE : 0);
  if (lock->bus_poll != NULL) uv_poll_start(lock->bus_poll, events, on_bus);
  if (sd_bus_get_timeout(lock->bus, &due) < 0 || due == UINT64_MAX) {
    uv_timer_stop(&lock->timer);
    return;
  }
  uint64_t now = now_usec();
  uv_timer_start(&lock->timer, on_timer, due > now ? (due - now) / 1000 + 1 : 0, 0);
}

static void on_timer(uv_timer_t *timer) {
  keep_alive_lock *lock = timer->data;
  if (lock->bus != NULL)
    process(lock);
  else if (lock->wanted)
    start(lock);
}

static void start(keep_alive_lock *lock) {
  char text[sizeof lock->text];
  int result = sd_bus_open_system_with_description(&lock->bus, "remote keep-alive");
  if (result < 0) {
    lock->bus = NULL;
    snprintf(text, sizeof text,
             "there is no system bus here (%s), so nobody can be asked to keep it awake",
             strerror(-result));
    fail(lock, text);
    return;
  }
  lock->idle_only = false;
  (void)sd_bus_match_signal_async(lock->bus, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                  "org.freedesktop.DBus", "NameOwnerChanged", on_owner_changed,
                                  NULL, lock);
  inhibit(lock);
  follow_bus(lock);
}

/* ---- for the host ---- */

keep_alive_lock *keep_alive_lock_create(uv_loop_t *loop, void (*changed)(void *user), void *user) {
  keep_alive_lock *lock = memory_zero(sizeof *lock);
  lock->loop = loop;
  lock->changed = changed;
  lock->user = user;
  lock->held = lock->bus_fd = -1;
  uv_timer_init(loop, &lock->timer);
  lock->timer.data = lock;
  uv_unref((uv_handle_t *)&lock->timer);
  return lock;
}

void keep_alive_lock_take(keep_alive_lock *lock) {
  if (lock->wanted) return;
  lock->wanted = true;
  become(lock, KEEP_ALIVE_LOCK_ASKED, "");
  start(lock);
}

void keep_alive_lock_release(keep_alive_lock *lock) {
  if (!lock->wanted) return;
  lock->wanted = lock->lost = false;
  lock->retry_ms = 0;
  drop_held(lock);
  drop_bus(lock);
  uv_timer_stop(&lock->timer);
  become(lock, KEEP_ALIVE_LOCK_FREE, "");
}

keep_alive_lock_state keep_alive_lock_now(const keep_alive_lock *lock) { return lock->state; }
const char *keep_alive_lock_text(const keep_alive_lock *lock) { return lock->text; }
bool keep_alive_lock_lost(const keep_alive_lock *lock) { return lock->lost; }

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

void keep_alive_lock_destroy(keep_alive_lock *lock) {
  lock->destroyed = true;
  keep_alive_lock_release(lock);
  uv_close((uv_handle_t *)&lock->timer, on_timer_closed);
}
