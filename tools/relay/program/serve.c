/* `remote-relay serve`: the relay's core on a libuv loop. Carriers feed links, links feed the
 * core; what a turn of the loop adds up to is done once, before and after polling. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "exchange.h"
#include "http_server.h"
#include "notify.h"
#include "server.h"

enum {
  PRUNE_MS = 3600 * 1000,
  PRUNE_SOON_MS = 5000,
  TIDY_MS = 1000,
  TIDY_SOON_MS = 20 /* while there is something to remove: the disk is for others, too */
};

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
  metrics_frozen(&s->metrics, server_now(s));
  relay_frozen(s->state.relay);
}

static void on_settled(void *user, int result) {
  server *s = user;
  if (result == 0) witness_settled(&s->witness);
  metrics_settled(&s->metrics, result, server_now(s));
  relay_settled(s->state.relay, result, server_now(s), lrm_uv_wall_ms());
  if (result == LRM_ERR_FENCED) {
    log_line(RELAY_ERROR, "store.fenced", "detail",
             "another relay has opened this store; this one ends");
    _exit(PROGRAM_FAILED);
  }
}

/* ---- a turn ---- */

static void turn(server *s) {
  end_if_broken(s);
  (void)relay_turn(s->state.relay, server_now(s), lrm_uv_wall_ms());
  if (lrm_store_dirty(s->state.store)) {
    witness_count(&s->witness, s->state.store);
    lrm_uv_committer_kick(s->committer);
  }
  server_answer_controls(s);
  http_page_turn(s);
  server_send_messages(s);
}

static void on_prepare(uv_prepare_t *handle) { turn(handle->data); }
static void on_check(uv_check_t *handle) { turn(handle->data); }

static void on_prune(uv_timer_t *timer) {
  server *s = timer->data;
  int result = relay_prune(s->state.relay, server_now(s), lrm_uv_wall_ms());
  if (result != 0) log_line(RELAY_ERROR, "store.prune", "error", lrm_error_text(result));
  uint64_t next_ms = relay_prune_due(s->state.relay) ? PRUNE_SOON_MS : PRUNE_MS;
  (void)uv_timer_start(timer, on_prune, next_ms, 0);
}

static void on_second(uv_timer_t *timer) {
  server *s = timer->data;
  relay_second(s->state.relay, server_now(s), lrm_uv_wall_ms());
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

/* ---- starting ---- */

bool server_complain(const char *text) {
  fprintf(stderr, "remote-relay: %s\n", text);
  return false;
}

/* The first start: an account and a device for whoever owns this directory. */
static bool first_start(server *s) {
  char token[RELAY_TOKEN_BYTES_MAX + 2], error[600], name[RELAY_NAME_BYTES_MAX + 1] = "";
  if (relay_stats_now(s->state.relay).devices > 0) return true;
  if (gethostname(name, sizeof name - 1) != 0 || name[0] == '\0')
    snprintf(name, sizeof name, "owner");
  if (relay_account_add(s->state.relay, "owner", lrm_uv_wall_ms()) != 0) {
    return server_complain("cannot make the account");
  }
  if (!state_add_device(&s->state, "owner", name, 0, token, error, sizeof error)) {
    return server_complain(error);
  }
  size_t bytes = strlen(token);
  token[bytes] = '\n';
  token[bytes + 1] = '\0';
  bool written = data_dir_write(&s->dir, "token", token, error, sizeof error);
  explicit_bzero(token, sizeof token);
  return written || server_complain(error);
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
  (void)uv_timer_init(&s->loop, &s->tidy);
  (void)uv_timer_init(&s->loop, &s->second);
  s->prepare.data = s->check.data = s->prune.data = s->tidy.data = s->second.data = s;
  (void)uv_prepare_start(&s->prepare, on_prepare);
  (void)uv_check_start(&s->check, on_check);
  (void)uv_timer_start(&s->prune, on_prune, PRUNE_SOON_MS, 0);
  (void)uv_timer_start(&s->tidy, on_tidy, TIDY_MS, 0);
  (void)uv_timer_start(&s->second, on_second, 500, 500);
  server_start_signals(s);
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

#ifdef REMOTE_WITH_OIDC
static bool on_verify(void *user, uint64_t ticket, lrm_slice id_token) {
  server *s = user;
  return oidc_verify(s->oidc, ticket, id_token);
}
#endif

/* Judged before anything is opened. */
static bool open_oidc(server *s, const program_options *options, relay_config *config) {
  if (options->oidc_issuer == NULL)
    return (options->oidc_client_id == NULL && options->oidc_jwks == NULL &&
            options->oidc_claim == NULL && options->oidc_ca == NULL &&
            options->oidc_allow_count == 0 && !options->oidc_create) ||
           server_complain("the flags that begin with --oidc need --oidc-issuer");
#ifdef REMOTE_WITH_OIDC
  char error[400] = "out of memory";
  oidc_settings settings = {.rules = {.issuer = options->oidc_issuer,
                                      .client_id = options->oidc_client_id,
                                      .claim = options->oidc_claim,
                                      .allow_count = options->oidc_allow_count,
                                      .create = options->oidc_create},
                            .jwks_file = options->oidc_jwks,
                            .ca_file = options->oidc_ca};
  for (size_t i = 0; i < options->oidc_allow_count; i++)
    settings.rules.allow[i] = options->oidc_allow[i];
  if (!oidc_open(&s->oidc, &s->loop, &settings, error, sizeof error)) return server_complain(error);
  config->oidc_issuer = options->oidc_issuer;
  config->oidc_client_id = options->oidc_client_id;
  config->oidc_verify = on_verify;
  return true;
#else
  (void)s;
  (void)config;
  return server_complain("this build takes no identity tokens (it was made without cjose)");
#endif
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
      return server_complain(error);
    case DATA_DIR_FAILED:
      return server_complain(error);
  }
  relay_config config = {.agent = "remote-relay/" REMOTE_VERSION,
                         .kick = server_kick,
                         .user = s,
                         .log_bytes_max = options->log_bytes_max,
                         .log_events_max = options->log_events_max,
                         .account_bytes_max = options->account_bytes_max,
                         .store_bytes_max = options->store_bytes_max,
                         .retention_ms = options->retention_ms,
                         .audit_bytes_max = options->audit_bytes_max,
                         .audit_retention_ms = options->audit_retention_ms};
  options_limits_apply(&options->limits, &config);
  if (!open_oidc(s, options, &config) || !server_open_messages(s, &config)) return false;
  if (!state_open(&s->state, &s->dir, &config, error, sizeof error)) return server_complain(error);
  relay_on_revoked(s->state.relay, on_revoked);
  server_serve_messages(s);
#ifdef REMOTE_WITH_OIDC
  if (s->oidc != NULL) oidc_serve(s->oidc, s->state.relay);
#endif
  if (!first_start(s)) return false;
  if (!witness_open(&s->witness, &s->state, options->restored, error, sizeof error))
    return server_complain(error);
  if (!server_listen(s, urls, count)) return false;
  char page[LRM_URL_TEXT_BYTES_MAX + 1];
  if (http_server_page(s, page, sizeof page)) relay_set_page_url(s->state.relay, page);
  server_listen_control(s);
  return lrm_uv_committer_create(&s->loop, s->state.store, on_settled, s, &s->committer) == 0;
}

/* Everything that is still open, in the order in which it depends on each other. */
static void close_all(server *s) {
  server_stop_listening(s);
  http_server_close(s);
  server_close_messages(s);
  if (s->committer != NULL) lrm_uv_committer_destroy(s->committer);
  for (size_t i = 0; i < CONTROLS_MAX; i++) {
    if (s->controls[i].carrier != NULL) lrm_carrier_close(s->controls[i].carrier, false);
  }
}

int serve_run(const program_options *options) {
  static server s;
  lrm_url urls[LISTENS_MAX];
  size_t count;
  if (!server_parse_listens(options, urls, &count)) return PROGRAM_USAGE;
  memset(&s, 0, sizeof s);
  s.options = options;
  s.settings = (lrm_uv_settings){.struct_bytes = sizeof s.settings,
                                 .trust = options->trust,
                                 .kinds = lrm_uv_kinds,
                                 .notice = server_notice};
  s.dir.lock = s.witness.file = -1;
  log_lines_level(options->log_level);
  log_lines_json(options->log_json);
  log_lines_rate(options->log_rate);
  notify_init();
  s.metrics.started_ms = lrm_uv_wall_ms();
  (void)signal(SIGPIPE, SIG_IGN);
  (void)signal(SIGXFSZ, SIG_IGN); /* a limit on file sizes is a full disk, not the end */
  if (!server_take_signals(&s))
    return server_complain("cannot take signals") ? PROGRAM_DONE : PROGRAM_FAILED;
  raise_limits();
  if (uv_loop_init(&s.loop) != 0) return PROGRAM_FAILED;
  int result = PROGRAM_FAILED;
  if (open_all(&s, options, urls, count)) {
    lrm_uv_committer_on_frozen(s.committer, on_frozen);
    start_handles(&s);
    state_serving();
    greet(&s);
    server_start_watch(&s);
    notify_say("READY=1\nSTATUS=serving");
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
