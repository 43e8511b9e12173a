/* Once a second, or as often as the service manager wants to hear: what it is told, and what the
 * log left out. */
#include <string.h>

#include "notify.h"
#include "server.h"

enum { WATCH_MS = 1000, STATUS_MS = 2000 };

/* The loop turns, or this would not run. The disk is waited for on another thread: a commit that
 * does not come back for as long as the manager waits is a relay that acknowledges nothing. One
 * that fails is tried again, and no restart would help. */
static bool commits_come_back(const server *s, uint64_t now_ns) {
  uint64_t frozen_ns = s->metrics.frozen_ns;
  return frozen_ns == 0 || now_ns - frozen_ns < notify_watchdog_ns();
}

static void say_status(server *s) {
  char line[sizeof s->status];
  relay_stats n = relay_stats_now(s->state.relay);
  snprintf(line, sizeof line, "STATUS=%llu connections, %llu hosts, %llu sessions%s",
           (unsigned long long)n.connections, (unsigned long long)n.hosts_attached,
           (unsigned long long)n.sessions,
           n.store_failing ? "; the store is failing, nothing is acknowledged" : "");
  if (strcmp(line, s->status) == 0) return;
  memcpy(s->status, line, sizeof line);
  notify_say(line);
}

static void on_watch(uv_timer_t *timer) {
  server *s = timer->data;
  uint64_t now_ns = server_now(s);
  log_lines_tick();
  if (notify_watchdog_ns() != 0 && commits_come_back(s, now_ns)) notify_say("WATCHDOG=1");
  if (s->draining == DRAIN_NONE && now_ns - s->status_ns >= STATUS_MS * UINT64_C(1000000)) {
    s->status_ns = now_ns;
    say_status(s);
  }
}

void server_start_watch(server *s) {
  uint64_t every_ms = notify_watchdog_ns() / 1000000 / 3;
  if (every_ms == 0 || every_ms > WATCH_MS) every_ms = WATCH_MS;
  (void)uv_timer_init(&s->loop, &s->watch);
  s->watch.data = s;
  (void)uv_timer_start(&s->watch, on_watch, every_ms, every_ms);
}
