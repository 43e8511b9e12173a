/* `remote-relay serve`: the relay's core on a libuv loop. Carriers feed links, links feed the
 * core; what a turn of the loop adds up to is done once, before and after polling. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "program.h"
#include "remote/carrier_uv.h"

enum {
  CONTROLS_MAX = 16,
  PRUNE_MS = 3600 * 1000,
  PRUNE_SOON_MS = 5000,
  TIDY_MS = 1000,
  TIDY_SOON_MS = 20, /* while there is something to remove: the disk is for others, too */
  DRAIN_TICK_MS = 10,
  DRAIN_COMMIT_MS = 900, /* at most, until everything is acknowledged */
  DRAIN_ACK_MS = 30,     /* so that delayed ACKs are out as well */
  DRAIN_CLOSE_MS = 700   /* at most, until the carriers are gone */
};

typedef struct server server;

/* One accepted carrier. */
typedef struct client {
  server *server;
  relay_connection *connection;
  lrm_uv_drive *drive;
} client;

/* One request over the control socket. */
typedef struct control {
  server *server;
  lrm_carrier *carrier; /* NULL: a free slot */
  char *reply;          /* waits for `ticket`; NULL: nothing asked yet */
  uint64_t ticket;
} control;

typedef enum drain_phase {
  DRAIN_NONE = 0,
  DRAIN_COMMITTING = 1, /* what has come is stored and acknowledged */
  DRAIN_CLOSING = 2     /* GOAWAY is said */
} drain_phase;

struct server {
  uv_loop_t loop;
  data_dir dir;
  program_state state;
  witness witness;
  lrm_uv_committer *committer;
  lrm_uv_listener *listeners[LISTENS_MAX];
  size_t listeners_count;
  lrm_uv_listener *control_listener;
  control controls[CONTROLS_MAX];
  uv_prepare_t prepare;
  uv_check_t check;
  int signals; /* descriptor of a signalfd */
  uv_poll_t signalled;
  uv_timer_t prune, drain, tidy;
  size_t clients;
  drain_phase draining;
  uint64_t phase_ns; /* when the phase of draining began */
  uint64_t quiet_ns; /* since when nothing waits for a commit; 0: something does */
};

static uint64_t now_of(server *s) { return lrm_uv_now_ns(&s->loop); }

/* ---- clients ---- */

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  client *c = user;
  (void)link;
  relay_event(c->connection, event, now_of(c->server), lrm_uv_wall_ms());
}

static int on_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  client *c = user;
  (void)link;
  return relay_fetch(c->connection, want, frame, now_of(c->server));
}

static void on_drained(void *user, lrm_link *link) {
  client *c = user;
  (void)link;
  relay_drained(c->connection, now_of(c->server), lrm_uv_wall_ms());
}

static void on_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  client *c = user;
  (void)link;
  (void)text;
  (void)retry_ns;
  relay_disconnect(c->connection, now_of(c->server), lrm_uv_wall_ms());
  lrm_uv_drive_destroy(c->drive);
  c->server->clients--;
  free(c);
}

static const lrm_uv_drive_ops drive_ops = {
    .event = on_event, .fetch = on_fetch, .down = on_down, .drained = on_drained};

static void on_kick(void *user, void *connection_user) {
  client *c = connection_user;
  (void)user;
  if (c->drive != NULL) lrm_uv_drive_kick(c->drive);
}

static void on_accepted(void *user, lrm_carrier *carrier) {
  server *s = user;
  client *c = calloc(1, sizeof *c);
  if (c == NULL || s->draining != DRAIN_NONE) {
    free(c);
    return; /* without an owner it is closed */
  }
  c->server = s;
  if (relay_connect(s->state.relay, c, carrier->peer, now_of(s), &c->connection) != 0) {
    free(c);
    return;
  }
  if (lrm_uv_drive_accept(&s->loop, carrier, relay_connection_link(c->connection), &drive_ops, c,
                          &c->drive) != 0) {
    relay_disconnect(c->connection, now_of(s), lrm_uv_wall_ms());
    free(c);
    return;
  }
  s->clients++;
}

/* ---- the control socket ---- */

static void send_reply(control *request) {
  lrm_slice slice = {(const uint8_t *)request->reply, strlen(request->reply)};
  (void)(lrm_carrier_write(request->carrier, &slice, 1) == 0);
  lrm_carrier_close(request->carrier, true);
  free(request->reply);
  request->reply = NULL;
}

static size_t on_control_received(void *user, lrm_carrier *carrier, const uint8_t *data,
                                  size_t bytes, size_t *wanted) {
  control *request = user;
  server *s = request->server;
  char line[600];
  const uint8_t *end = memchr(data, '\n', bytes);
  *wanted = bytes + 1;
  if (end == NULL && bytes < sizeof line) return 0;
  size_t line_bytes = end == NULL ? sizeof line : (size_t)(end - data);
  if (line_bytes >= sizeof line || request->reply != NULL) {
    lrm_carrier_close(carrier, false);
    return bytes;
  }
  memcpy(line, data, line_bytes);
  line[line_bytes] = '\0';
  request->reply = malloc(REPLY_BYTES);
  if (request->reply == NULL) {
    lrm_carrier_close(carrier, false);
    return bytes;
  }
  bool changed = admin_answer(&s->state, line, request->reply, REPLY_BYTES, now_of(s));
  request->ticket = changed ? relay_commit_ticket(s->state.relay) : 0;
  return bytes;
}

static void on_control_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  control *request = user;
  (void)carrier;
  (void)error;
  (void)text;
  request->carrier = NULL;
  free(request->reply);
  request->reply = NULL;
}

static void on_control_up(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

static const lrm_carrier_owner control_owner = {on_control_up, on_control_received, on_control_up,
                                                on_control_down};

static void on_control_accepted(void *user, lrm_carrier *carrier) {
  server *s = user;
  for (size_t i = 0; i < CONTROLS_MAX; i++) {
    if (s->controls[i].carrier != NULL) continue;
    s->controls[i] = (control){.server = s, .carrier = carrier};
    carrier->owner = control_owner;
    carrier->owner_user = &s->controls[i];
    return;
  }
}

/* What was asked is durable: now it may be said. */
static void answer_controls(server *s) {
  for (size_t i = 0; i < CONTROLS_MAX; i++) {
    control *request = &s->controls[i];
    if (request->carrier != NULL && request->reply != NULL &&
        relay_committed(s->state.relay, request->ticket)) {
      send_reply(request);
    }
  }
}

/* ---- the store ---- */

static void end_if_broken(server *s) {
  if (!relay_broken(s->state.relay)) return;
  log_line(RELAY_ERROR, "relay.broken", "detail",
           "ends without committing; nothing that was acknowledged is lost");
  _exit(PROGRAM_FAILED);
}

static void on_frozen(void *user) {
  server *s = user;
  end_if_broken(s);
  witness_frozen(&s->witness);
  relay_frozen(s->state.relay);
}

static void on_settled(void *user, int result) {
  server *s = user;
  if (result == 0) witness_settled(&s->witness);
  relay_settled(s->state.relay, result, now_of(s), lrm_uv_wall_ms());
  if (result == LRM_ERR_FENCED) {
    log_line(RELAY_ERROR, "store.fenced", "detail",
             "another relay has opened this store; this one ends");
    _exit(PROGRAM_FAILED);
  }
}

/* ---- a turn ---- */

static void turn(server *s) {
  end_if_broken(s);
  (void)relay_turn(s->state.relay, now_of(s), lrm_uv_wall_ms());
  if (lrm_store_dirty(s->state.store)) {
    witness_count(&s->witness, s->state.store);
    lrm_uv_committer_kick(s->committer);
  }
  answer_controls(s);
}

static void on_prepare(uv_prepare_t *handle) { turn(handle->data); }
static void on_check(uv_check_t *handle) { turn(handle->data); }

static void on_prune(uv_timer_t *timer) {
  server *s = timer->data;
  int result = relay_prune(s->state.relay, now_of(s), lrm_uv_wall_ms());
  if (result != 0) log_line(RELAY_ERROR, "store.prune", "error", lrm_error_text(result));
  uint64_t next_ms = relay_prune_due(s->state.relay) ? PRUNE_SOON_MS : PRUNE_MS;
  (void)uv_timer_start(timer, on_prune, next_ms, 0);
}

/* What was trimmed and deleted leaves the disk while the relay has little else to do. */
static void on_tidy(uv_timer_t *timer) {
  server *s = timer->data;
  bool more = false;
  int result = 0;
  if (relay_store_fault(s->state.relay) == 0) result = lrm_store_tidy(s->state.store, &more);
  if (result != 0) log_line(RELAY_ERROR, "store.tidy", "error", lrm_error_text(result));
  (void)uv_timer_start(timer, on_tidy, more ? TIDY_SOON_MS : TIDY_MS, 0);
}

/* ---- draining ---- */

static void stop_listening(server *s) {
  for (size_t i = 0; i < s->listeners_count; i++) lrm_uv_listener_close(s->listeners[i]);
  s->listeners_count = 0;
  if (s->control_listener != NULL) lrm_uv_listener_close(s->control_listener);
  s->control_listener = NULL;
}

static uint64_t since_ms(uint64_t now_ns, uint64_t then_ns) { return (now_ns - then_ns) / 1000000; }

static void on_drain_tick(uv_timer_t *timer) {
  server *s = timer->data;
  uint64_t now_ns = now_of(s);
  uint64_t phase_ms = since_ms(now_ns, s->phase_ns);
  if (s->draining == DRAIN_COMMITTING) {
    if (!lrm_uv_committer_idle(s->committer)) {
      s->quiet_ns = 0;
    } else if (s->quiet_ns == 0) {
      s->quiet_ns = now_ns;
    }
    bool quiet = s->quiet_ns != 0 && since_ms(now_ns, s->quiet_ns) >= DRAIN_ACK_MS;
    if (!quiet && phase_ms < DRAIN_COMMIT_MS) return;
    s->draining = DRAIN_CLOSING;
    s->phase_ns = now_ns;
    relay_drain(s->state.relay, now_ns);
    return;
  }
  if (s->clients == 0 || phase_ms >= DRAIN_CLOSE_MS) uv_stop(&s->loop);
}

static void signalled(server *s, uint32_t number) {
  if (s->draining != DRAIN_NONE) {
    log_line(RELAY_WARNING, "relay.stopping", "detail", "a second signal: at once");
    uv_stop(&s->loop);
    return;
  }
  log_line(RELAY_INFO, "relay.draining", "signal", number == SIGTERM ? "TERM" : "INT");
  s->draining = DRAIN_COMMITTING;
  s->phase_ns = now_of(s);
  stop_listening(s);
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
static bool take_signals(server *s) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGTERM);
  (void)sigaddset(&set, SIGINT);
  if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return false;
  s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  return s->signals >= 0;
}

/* ---- starting ---- */

static bool complain(const char *text) {
  fprintf(stderr, "remote-relay: %s\n", text);
  return false;
}

static bool parse_listen(const char *text, bool insecure, lrm_url *url) {
  char error[200], message[600];
  if (lrm_url_parse(text, url, error, sizeof error) != 0) {
    snprintf(message, sizeof message, "--listen %s: %s", text, error);
    return complain(message);
  }
  if (!lrm_url_local(url) && !insecure) {
    snprintf(message, sizeof message,
             "--listen %s: this address is not loopback and the connection is not encrypted; "
             "tokens and sessions could be read on the way. Listen on 127.0.0.1 or a unix socket "
             "and let others come through a tunnel (ssh -L, WireGuard), or say --insecure",
             text);
    return complain(message);
  }
  return true;
}

static bool listen_all(server *s, const lrm_url *urls, size_t count) {
  char addresses[LISTENS_MAX * 330] = "", error[600];
  size_t used = 0;
  for (size_t i = 0; i < count; i++) {
    if (lrm_uv_listen(&s->loop, &urls[i], on_accepted, s, &s->listeners[s->listeners_count], error,
                      sizeof error) != 0) {
      return complain(error);
    }
    const char *where = lrm_uv_listener_url(s->listeners[s->listeners_count++]);
    used += (size_t)snprintf(addresses + used, sizeof addresses - used, "%s\n", where);
  }
  if (!data_dir_write(&s->dir, "address", addresses, error, sizeof error)) return complain(error);
  return true;
}

static void listen_control(server *s) {
  char path[PATH_TEXT_BYTES + 64], text[PATH_TEXT_BYTES + 80], error[600];
  lrm_url url;
  if (!data_dir_path(&s->dir, "control", path, sizeof path)) return;
  snprintf(text, sizeof text, "unix://%s", path);
  if (lrm_url_parse(text, &url, error, sizeof error) != 0 ||
      lrm_uv_listen(&s->loop, &url, on_control_accepted, s, &s->control_listener, error,
                    sizeof error) != 0) {
    s->control_listener = NULL;
    log_line(RELAY_WARNING, "control.unavailable", "error", error);
  }
}

/* The first start: an account and a device for whoever owns this directory. */
static bool first_start(server *s) {
  char token[RELAY_TOKEN_BYTES_MAX + 2], error[600], name[RELAY_NAME_BYTES_MAX + 1] = "";
  if (relay_stats_now(s->state.relay).devices > 0) return true;
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
    snprintf(name, sizeof name, "owner");
  if (relay_account_add(s->state.relay, "owner", lrm_uv_wall_ms()) != 0) {
    return complain("cannot make the account");
  }
  if (!state_add_device(&s->state, "owner", name, token, error, sizeof error)) {
    return complain(error);
  }
  size_t bytes = strlen(token);
  token[bytes] = '\n';
  token[bytes + 1] = '\0';
  if (!data_dir_write(&s->dir, "token", token, error, sizeof error)) return complain(error);
  return true;
}

static void greet(const server *s) {
  char token[PATH_TEXT_BYTES + 64];
  printf("remote-relay %s\n", REMOTE_VERSION);
  for (size_t i = 0; i < s->listeners_count; i++) {
    printf("  listening on  %s\n", lrm_uv_listener_url(s->listeners[i]));
  }
  printf("  data in       %s\n", s->dir.path);
  if (data_dir_has(&s->dir, "token") && data_dir_path(&s->dir, "token", token, sizeof token)) {
    printf("  first token   %s\n", token);
    printf("Sign in with it:  remote --relay %s --token-file %s ls\n",
           lrm_uv_listener_url(s->listeners[0]), token);
  }
  printf("Another device:   remote-relay token --data %s --device NAME\n", s->dir.path);
  fflush(stdout);
}

static void start_handles(server *s) {
  (void)uv_prepare_init(&s->loop, &s->prepare);
  (void)uv_check_init(&s->loop, &s->check);
  (void)uv_timer_init(&s->loop, &s->prune);
  (void)uv_timer_init(&s->loop, &s->drain);
  (void)uv_timer_init(&s->loop, &s->tidy);
  (void)uv_poll_init(&s->loop, &s->signalled, s->signals);
  s->prepare.data = s->check.data = s->prune.data = s->drain.data = s;
  s->signalled.data = s->tidy.data = s;
  (void)uv_prepare_start(&s->prepare, on_prepare);
  (void)uv_check_start(&s->check, on_check);
  (void)uv_timer_start(&s->prune, on_prune, PRUNE_SOON_MS, 0);
  (void)uv_timer_start(&s->tidy, on_tidy, TIDY_MS, 0);
  (void)uv_poll_start(&s->signalled, UV_READABLE, on_signals);
}

/* Connections are file descriptors: as many as the system lets this process have. */
static void raise_limits(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static void on_revoked(void *user, const lrm_id *device_id) {
  server *s = user;
  state_revoked(&s->state, device_id);
}

static bool open_all(server *s, const program_options *options, const lrm_url *urls, size_t count) {
  char error[700];
  switch (data_dir_open(&s->dir, options->data, true, error, sizeof error)) {
    case DATA_DIR_LOCKED:
      break;
    case DATA_DIR_IN_USE:
      snprintf(error, sizeof error,
               "another relay uses %.500s; stop it, or choose another directory with --data",
               options->data);
      return complain(error);
    case DATA_DIR_FAILED:
      return complain(error);
  }
  relay_config config = {.agent = "remote-relay/" REMOTE_VERSION,
                         .kick = on_kick,
                         .user = s,
                         .log_bytes_max = options->log_bytes_max,
                         .log_events_max = options->log_events_max,
                         .account_bytes_max = options->account_bytes_max,
                         .store_bytes_max = options->store_bytes_max,
                         .retention_ms = options->retention_ms};
  if (!state_open(&s->state, &s->dir, &config, error, sizeof error)) return complain(error);
  relay_on_revoked(s->state.relay, on_revoked);
  if (!first_start(s)) return false;
  if (!witness_open(&s->witness, &s->state, options->restored, error, sizeof error))
    return complain(error);
  if (!listen_all(s, urls, count)) return false;
  listen_control(s);
  return lrm_uv_committer_create(&s->loop, s->state.store, on_settled, s, &s->committer) == 0;
}

/* Everything that is still open, in the order in which it depends on each other. */
static void close_all(server *s) {
  stop_listening(s);
  if (s->committer != NULL) lrm_uv_committer_destroy(s->committer);
  for (size_t i = 0; i < CONTROLS_MAX; i++) {
    if (s->controls[i].carrier != NULL) lrm_carrier_close(s->controls[i].carrier, false);
  }
}

int serve_run(const program_options *options) {
  static const char standard[] = "tcp://127.0.0.1:7443";
  static server s;
  lrm_url urls[LISTENS_MAX];
  size_t count = options->listen_count > 0 ? options->listen_count : 1;
  for (size_t i = 0; i < count; i++) {
    const char *text = options->listen_count > 0 ? options->listen[i] : standard;
    if (!parse_listen(text, options->insecure, &urls[i])) return PROGRAM_USAGE;
  }
  memset(&s, 0, sizeof s);
  s.dir.lock = s.witness.file = -1;
  log_lines_level(options->log_level);
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, not the end */
  if (!take_signals(&s)) return complain("cannot take signals") ? PROGRAM_DONE : PROGRAM_FAILED;
  raise_limits();
  if (uv_loop_init(&s.loop) != 0) return PROGRAM_FAILED;
  int result = PROGRAM_FAILED;
  if (open_all(&s, options, urls, count)) {
    lrm_uv_committer_on_frozen(s.committer, on_frozen);
    start_handles(&s);
    state_serving();
    greet(&s);
    log_line(RELAY_INFO, "relay.started", "data", s.dir.path);
    (void)uv_run(&s.loop, UV_RUN_DEFAULT);
    log_line(RELAY_INFO, "relay.stopped", NULL, NULL);
    result = PROGRAM_DONE;
  }
  close_all(&s);
  witness_close(&s.witness);
  state_close(&s.state);
  data_dir_close(&s.dir);
  /* The loop and what is left on it go with the process. */
  return result;
}
