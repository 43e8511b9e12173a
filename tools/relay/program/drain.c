/* Signals, and leaving: what has come is committed and acknowledged, then everybody is told. */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "grpc_server.h"
#include "http_server.h"
#include "notify.h"
#include "server.h"

enum {
  DRAIN_TICK_MS = 10,
  DRAIN_COMMIT_MS = 900, /* at most, until everything is acknowledged */
  DRAIN_ACK_MS = 30,     /* so that delayed ACKs are out as well */
  DRAIN_CLOSE_MS = 700,  /* at most, until the carriers are gone */
  DRAIN_GRPC_MS = 1000   /* at most, until what gRPC still had is cancelled */
};

static uint64_t since_ms(uint64_t now_ns, uint64_t then_ns) { return (now_ns - then_ns) / 1000000; }

static void on_drain_tick(uv_timer_t *timer) {
  server *s = timer->data;
  uint64_t now_ns = server_now(s);
  uint64_t phase_ms = since_ms(now_ns, s->phase_ns);
  if (s->draining == DRAIN_COMMITTING) {
    if (!lrm_uv_committer_idle(s->committer) || server_sends_messages(s)) {
      s->quiet_ns = 0;
    } else if (s->quiet_ns == 0) {
      s->quiet_ns = now_ns;
    }
    bool quiet = s->quiet_ns != 0 && since_ms(now_ns, s->quiet_ns) >= DRAIN_ACK_MS;
    if (!quiet && phase_ms < DRAIN_COMMIT_MS) return;
    s->draining = DRAIN_CLOSING;
    s->phase_ns = now_ns;
    relay_drain(s->state.relay, now_ns);
    http_server_leave(s);
    grpc_server_leave(s);
    return;
  }
  bool gone = s->clients == 0 && !http_server_busy(s) && !grpc_server_busy(s);
  if (phase_ms >= DRAIN_CLOSE_MS) grpc_server_cancel(s); /* its threads do not end by themselves */
  bool late = phase_ms >= DRAIN_CLOSE_MS + (grpc_server_busy(s) ? DRAIN_GRPC_MS : 0);
  if (gone || late) uv_stop(&s->loop);
}

/* Was started from a terminal that is there no more: then SIGHUP is what it was made for. */
static bool terminal_gone(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    struct termios settings;
    if (tcgetattr(fd, &settings) != 0 && errno == EIO) return true;
  }
  return false;
}

static void signalled(server *s, uint32_t number) {
  if (number == SIGHUP && !terminal_gone()) {
    notify_reloading();
    server_reload(s);
    notify_say("READY=1");
    return;
  }
  if (s->draining != DRAIN_NONE) {
    log_line(RELAY_WARNING, "relay.stopping", "detail", "a second signal: at once");
    uv_stop(&s->loop);
    return;
  }
  log_line(RELAY_INFO, "relay.draining", "signal",
           number == SIGTERM  ? "TERM"
           : number == SIGINT ? "INT"
                              : "HUP");
  notify_say("STOPPING=1\nSTATUS=storing what has come");
  s->draining = DRAIN_COMMITTING;
  s->phase_ns = server_now(s);
  server_stop_listening(s);
  grpc_server_health(s);
  (void)uv_timer_start(&s->drain, on_drain_tick, DRAIN_TICK_MS, DRAIN_TICK_MS);
}

static void on_signals(uv_poll_t *handle, int status, int events) {
  server *s = handle->data;
  struct signalfd_siginfo said;
  (void)status;
  (void)events;
  while (read(s->signals, &said, sizeof said) == (ssize_t)sizeof said) signalled(s, said.ssi_signo);
}

/* Before there is any other thread, so that no thread ever takes them: they lie in the descriptor
 * until the loop reads it. A signal that comes while the relay starts is kept, not lost and not
 * deadly; there is no handler that could run at a bad time. */
bool server_take_signals(server *s) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGTERM);
  (void)sigaddset(&set, SIGINT);
  (void)sigaddset(&set, SIGHUP);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return false;
  s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return s->signals >= 0;
}

void server_start_signals(server *s) {
  (void)uv_timer_init(&s->loop, &s->drain);
  (void)uv_poll_init(&s->loop, &s->signalled, s->signals);
  s->drain.data = s->signalled.data = s;
  (void)uv_poll_start(&s->signalled, UV_READABLE, on_signals);
}
