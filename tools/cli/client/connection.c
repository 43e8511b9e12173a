#include "connection.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "remote/message.h"
#include "schema.h"

#include "terminal_text.h"

void connection_random(void *out, size_t bytes) {
  if (uv_random(NULL, NULL, out, bytes, 0, NULL)) {
    fputs("remote: the system has no entropy\n", stderr);
    abort();
  }
}

uint64_t connection_now_ns(const connection *c) { return lrm_uv_now_ns(&c->loop); }

uint64_t connection_relay_ms(const connection *c) {
  return (uint64_t)((int64_t)lrm_uv_wall_ms() + c->relay_ahead_ms);
}

/* In one turn libuv runs timers first and then waits: without this, what a timer brought about
 * would be looked at only after the next event. */
void connection_wake(connection *c) { uv_stop(&c->loop); }

/* ---- problems ---- */

const char *connection_layer_name(uint32_t layer) {
  static const char *const names[] = {
      NULL,          "enterprise policy",      "organization policy",
      "the account", "the session's own mode", "the device's rules"};
  return layer < sizeof names / sizeof *names ? names[layer] : NULL;
}

exit_code connection_problem_exit(uint32_t code) {
  switch (code) {
    case LRM_CODE_NOT_FOUND:
      return EXIT_CODE_NOT_FOUND;
    case LRM_CODE_UNAUTHENTICATED:
    case LRM_CODE_FORBIDDEN:
    case LRM_CODE_REVOKED:
    case LRM_CODE_POLICY:
      return EXIT_CODE_NOT_ALLOWED;
    default:
      return lrm_code_reconnects(code) ? EXIT_CODE_UNREACHABLE : EXIT_CODE_FAILURE;
  }
}

void connection_print_problem(const char *what, const remote_v1_Problem *problem) {
  fprintf(stderr, "remote: %s: %s (%u)", what, lrm_code_name(problem->code), problem->code);
  if (problem->reason[0]) {
    fputs(": ", stderr);
    terminal_text_puts(stderr, problem->reason, TERMINAL_TEXT_ONE_LINE);
  }
  const char *layer = connection_layer_name(problem->layer);
  if (layer)
    fprintf(stderr, "; decided by %s%s", layer,
            problem->retry_helps ? ", trying again later can help" : "");
  if (problem->retry_after_ms)
    fprintf(stderr, "; try again in %llu s",
            (unsigned long long)((problem->retry_after_ms + 999) / 1000));
  fputc('\n', stderr);
  if (problem->code == LRM_CODE_UNAUTHENTICATED || problem->code == LRM_CODE_REVOKED)
    fputs(
        "remote: sign in again with `remote login`, or name the file of another token with "
        "--token-file, REMOTE_TOKEN_FILE or the config key token_file\n",
        stderr);
}

/* ---- calls ---- */

static void send_call(connection *c) {
  connection_call_state *call = &c->call;
  if (!call->id || call->done || call->sent || !c->live) return;
  int result = lrm_link_send_request(c->link, call->request, call->request_bytes, call->id,
                                     connection_now_ns(c));
  if (result == LRM_ERR_BUSY) return; /* tried again with the next event */
  if (result) {
    call->done = true;
    call->problem.code = LRM_CODE_PROTOCOL;
    snprintf(call->problem.reason, sizeof call->problem.reason, "%s", lrm_error_text(result));
    return;
  }
  call->sent = true;
  lrm_uv_drive_kick(c->drive);
}

static void take_reply(connection *c, const lrm_frame *frame) {
  connection_call_state *call = &c->call;
  static remote_v1_Reply reply; /* some KiB; one at a time */
  if (lrm_message_decode_static(&lrm_schema_Reply, remote_v1_Reply_fields, frame->payload.data,
                                frame->payload.bytes, &reply)) {
    call->done = call->id != 0;
    call->problem.code = LRM_CODE_DECODE;
    snprintf(call->problem.reason, sizeof call->problem.reason, "the answer cannot be read");
    return;
  }
  if (!call->id || reply.id != call->id || call->done) return;
  if (reply.which_result == remote_v1_Reply_problem_tag)
    call->problem = reply.result.problem;
  else if (call->reply)
    call->reply(call->user, &reply);
  call->done = !reply.more;
}

static bool call_done(void *user) {
  const connection *c = user;
  return c->call.done;
}

/* Sends the call and waits for its end. True: call.problem says how it went. */
static bool run_call(connection *c, remote_v1_Request *request,
                     void (*reply)(void *user, const remote_v1_Reply *reply), void *user,
                     uint64_t timeout_ms) {
  connection_call_state *call = &c->call;
  *call = (connection_call_state){.id = ++c->next_call_id, .reply = reply, .user = user};
  request->id = call->id;
  pb_ostream_t stream = pb_ostream_from_buffer(call->request, sizeof call->request);
  if (!pb_encode(&stream, remote_v1_Request_fields, request)) {
    call->problem.code = LRM_CODE_LIMIT;
    snprintf(call->problem.reason, sizeof call->problem.reason, "the request is too large");
    return true;
  }
  call->request_bytes = stream.bytes_written;
  send_call(c);
  bool ready = connection_wait(c, call_done, c, timeout_ms);
  call->id = 0;
  explicit_bzero(call->request, sizeof call->request);
  return ready;
}

static exit_code judge_call(const connection *c) {
  const remote_v1_Problem *problem = &c->call.problem;
  if (!problem->code) return EXIT_CODE_DONE;
  connection_print_problem("the relay refused", problem);
  return connection_problem_exit(problem->code);
}

exit_code connection_call(connection *c, remote_v1_Request *request,
                          void (*reply)(void *user, const remote_v1_Reply *reply), void *user) {
  return run_call(c, request, reply, user, c->timeout_ms) ? judge_call(c) : connection_explain(c);
}

bool connection_ask(connection *c, remote_v1_Request *request,
                    void (*reply)(void *user, const remote_v1_Reply *reply), void *user,
                    uint64_t timeout_ms, remote_v1_Problem *problem) {
  bool answered = run_call(c, request, reply, user, timeout_ms);
  *problem = c->call.problem;
  return answered;
}

void connection_tell(connection *c, remote_v1_Request *request) {
  uint8_t bytes[256];
  if (!c->live) return;
  request->id = ++c->next_call_id;
  pb_ostream_t stream = pb_ostream_from_buffer(bytes, sizeof bytes);
  if (!pb_encode(&stream, remote_v1_Request_fields, request)) return;
  if (lrm_link_send_request(c->link, bytes, stream.bytes_written, request->id,
                            connection_now_ns(c)) == 0)
    lrm_uv_drive_kick(c->drive);
}

exit_code connection_call_until_revoked(connection *c, remote_v1_Request *request) {
  bool answered = run_call(c, request, NULL, NULL, c->timeout_ms);
  if (!answered && c->failed && c->problem.code == LRM_CODE_REVOKED) return EXIT_CODE_DONE;
  return answered ? judge_call(c) : connection_explain(c);
}

/* ---- what the link says ---- */

static void take_welcome(connection *c, const remote_v1_Welcome *welcome) {
  c->live = c->was_live = true;
  c->signed_in = welcome->has_principal;
  if (welcome->server_time_ms)
    c->relay_ahead_ms = (int64_t)welcome->server_time_ms - (int64_t)lrm_uv_wall_ms();
  terminal_text_copy(c->account, sizeof c->account, welcome->principal.account,
                     strlen(welcome->principal.account), TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(c->device, sizeof c->device, welcome->principal.device,
                     strlen(welcome->principal.device), TERMINAL_TEXT_ONE_LINE);
}

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  connection *c = user;
  (void)link;
  switch (event->type) {
    case LRM_LINK_EVENT_WELCOME:
      take_welcome(c, event->welcome);
      break;
    case LRM_LINK_EVENT_REFUSED:
    case LRM_LINK_EVENT_GOAWAY:
    case LRM_LINK_EVENT_GOAWAY_SENT:
      if (event->problem) {
        c->problem = *event->problem;
        snprintf(c->down_text, sizeof c->down_text, "%s%s%s", lrm_code_name(event->problem->code),
                 event->problem->reason[0] ? ": " : "", event->problem->reason);
      }
      break;
    case LRM_LINK_EVENT_REPLY:
      take_reply(c, &event->frame);
      break;
    default:
      break;
  }
  if (c->ops && c->ops->event) c->ops->event(c->ops_user, event);
  send_call(c);
  connection_wake(c);
}

static int on_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  connection *c = user;
  (void)link;
  return c->ops && c->ops->fetch ? c->ops->fetch(c->ops_user, want, frame) : LRM_ERR_NOT_FOUND;
}

static void on_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  connection *c = user;
  c->live = false;
  c->retry_ns = retry_ns;
  c->failed = retry_ns == UINT64_MAX || lrm_link_state_now(link) == LRM_LINK_DEAD ||
              (c->untrusted && !c->was_live);
  if (text && text[0] && !c->problem.code) snprintf(c->down_text, sizeof c->down_text, "%s", text);
  if (!c->failed) c->problem = (remote_v1_Problem)remote_v1_Problem_init_zero;
  if (c->call.id && c->call.sent && !c->call.done) {
    c->call.sent = false;
    if (c->call.reply) c->call.reply(c->call.user, NULL);
  }
  if (c->ops && c->ops->down) c->ops->down(c->ops_user, c->down_text, retry_ns);
  connection_wake(c);
}

static const lrm_uv_drive_ops drive_ops = {on_event, on_fetch, on_down};

static void on_notice(void *user, lrm_uv_notice kind, const char *about, const char *text) {
  connection *c = user;
  (void)about;
  (void)text;
  if (kind == LRM_UV_NOTICE_UNTRUSTED || kind == LRM_UV_NOTICE_NO_RELAY) c->untrusted = true;
}

/* ---- waiting ---- */

static void on_timeout(uv_timer_t *timer) {
  connection *c = timer->data;
  c->timed_out = true;
  uv_stop(&c->loop);
}

static void on_signal(uv_signal_t *handle, int number) {
  connection *c = handle->data;
  c->interrupted = number;
  uv_stop(&c->loop);
}

bool connection_wait(connection *c, bool (*ready)(void *user), void *user, uint64_t timeout_ms) {
  c->timed_out = false;
  uv_update_time(&c->loop);
  if (timeout_ms != CONNECTION_FOREVER) uv_timer_start(&c->timer, on_timeout, timeout_ms, 0);
  bool done = ready(user);
  while (!done && !c->failed && !c->timed_out && !c->interrupted) {
    uv_run(&c->loop, UV_RUN_ONCE);
    done = ready(user);
  }
  uv_timer_stop(&c->timer);
  return done;
}

exit_code connection_explain(connection *c) {
  char down[1024];
  if (c->interrupted) {
    fputs("remote: interrupted\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  if (c->failed && c->problem.code) {
    connection_print_problem("the relay ended the connection", &c->problem);
    return connection_problem_exit(c->problem.code);
  }
  if (c->live) {
    fprintf(stderr, "remote: no answer from the relay at %s within %llu ms\n", c->url_text,
            (unsigned long long)c->timeout_ms);
    return EXIT_CODE_UNREACHABLE;
  }
  terminal_text_copy(down, sizeof down, c->down_text, strlen(c->down_text), TERMINAL_TEXT_ONE_LINE);
  fprintf(stderr, "remote: cannot reach the relay at %s: %s\n", c->url_text,
          down[0] ? down : "no answer in time");
  if (c->untrusted) return EXIT_CODE_UNREACHABLE; /* what to do has been said */
  fprintf(stderr,
          "remote: start one with `remote-relay serve`, or name another with --relay, "
          "REMOTE_RELAY or the config key relay\n");
  return EXIT_CODE_UNREACHABLE;
}

/* ---- opening ---- */

static exit_code read_settings(connection *c, const connection_flags *flags, device_token *token) {
  char error[1024], shown[sizeof error];
  unsigned long long timeout_ms = CONNECTION_TIMEOUT_MS;
  if (config_load(&c->config, flags->config, config_warn_stderr, NULL, error, sizeof error)) {
    fprintf(stderr, "remote: %s\n", error);
    return EXIT_CODE_FAILURE;
  }
  const char *timeout = flags->timeout ? flags->timeout : config_get(&c->config, "timeout");
  if (timeout && options_seconds(timeout, &timeout_ms)) {
    fputs("remote: the timeout must be a number of seconds, for example 10 or 0.5\n", stderr);
    return EXIT_CODE_USAGE;
  }
  c->timeout_ms = timeout_ms;
  c->timeout_given = flags->timeout != NULL;
  relay_address_find(flags->relay, &c->config, c->url_text);
  if (lrm_url_parse(c->url_text, &c->url, error, sizeof error)) {
    terminal_text_copy(shown, sizeof shown, error, strlen(error), TERMINAL_TEXT_ONE_LINE);
    fprintf(stderr, "remote: the relay's address is wrong: %s\n", shown);
    return EXIT_CODE_USAGE;
  }
  if (!relay_trust_find(&flags->trust, &c->config, &c->url, &c->settings, error, sizeof error)) {
    terminal_text_copy(shown, sizeof shown, error, strlen(error), TERMINAL_TEXT_ONE_LINE);
    fprintf(stderr, "remote: %s\n", shown);
    return EXIT_CODE_USAGE;
  }
  c->settings.notice = on_notice;
  c->settings.notice_user = c;
  exit_code result = flags->anonymous ? EXIT_CODE_DONE
                     : flags->token
                         ? (*token = *flags->token, EXIT_CODE_DONE)
                         : token_find(flags->token_file, &c->config, c->url_text,
                                      lrm_url_local(&c->url), token, error, sizeof error);
  if (result) fprintf(stderr, "remote: %s\n", error);
  return result;
}

/* A drive has one tap: a file's capture and the caller's, in turn. */
static void on_tap(void *user, lrm_uv_tap_kind kind, lrm_slice data) {
  connection *c = user;
  for (int i = 0; i < 2; i++)
    if (c->captures[i]) capture_tap(c->captures[i], kind, data);
}

static bool open_captures(connection *c, const connection_flags *flags) {
  if (!capture_begin(flags->capture, "remote/" REMOTE_VERSION, &c->captures[0])) return false;
  if (flags->tap && !(c->captures[1] = capture_create(flags->tap, flags->tap_user))) {
    fputs("remote: out of memory\n", stderr);
    return false;
  }
  if (c->captures[0] || c->captures[1]) lrm_uv_drive_tap(c->drive, on_tap, c);
  return true;
}

static exit_code create_link(connection *c, const connection_flags *flags,
                             const device_token *token) {
  lrm_link_config link = {.struct_bytes = sizeof link,
                          .side = LRM_SIDE_CONNECTING,
                          .allocator = lrm_allocator_default(),
                          .grease = true,
                          .role = remote_v1_Role_ROLE_CLIENT,
                          .token = token->text,
                          .agent = "remote/" REMOTE_VERSION};
  connection_random(&link.seed, sizeof link.seed);
  connection_random(&c->link_id, sizeof c->link_id);
  link.link_id = c->link_id;
  int result = lrm_link_create(&link, &c->link);
  if (!result)
    result =
        lrm_uv_drive_connect(&c->loop, &c->url, &c->settings, c->link, &drive_ops, c, &c->drive);
  if (!result) return open_captures(c, flags) ? EXIT_CODE_DONE : EXIT_CODE_FAILURE;
  fprintf(stderr, "remote: %s\n", lrm_error_text(result));
  return EXIT_CODE_FAILURE;
}

static bool is_live(void *user) {
  const connection *c = user;
  return c->live;
}

/* Whoever started this wants it to go on without a terminal (nohup). */
static bool hang_up_ignored(void) {
  struct sigaction now;
  return sigaction(SIGHUP, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

exit_code connection_open(connection *c, const connection_flags *flags) {
  static const int numbers[CONNECTION_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
  device_token token = {0};
  memset(c, 0, sizeof *c);
  exit_code result = read_settings(c, flags, &token);
  if (result) {
    config_free(&c->config);
    return result;
  }
  uv_loop_init(&c->loop);
  uv_timer_init(&c->loop, &c->timer);
  c->timer.data = c;
  for (int i = 0; i < CONNECTION_SIGNALS; i++) {
    uv_signal_init(&c->loop, &c->signals[i]);
    c->signals[i].data = c;
    if (numbers[i] == SIGHUP && hang_up_ignored()) continue;
    uv_signal_start(&c->signals[i], on_signal, numbers[i]);
  }
  result = create_link(c, flags, &token);
  explicit_bzero(&token, sizeof token);
  if (!result && !connection_wait(c, is_live, c, c->timeout_ms)) result = connection_explain(c);
  if (!result && !c->signed_in && !flags->anonymous) {
    fprintf(
        stderr,
        "remote: the relay at %s does not know this device: sign in first, with `remote login`\n",
        c->url_text);
    result = EXIT_CODE_NOT_ALLOWED;
  }
  if (result) connection_close(c);
  return result;
}

/* ---- closing ---- */

static void on_stopped(void *user) {
  connection *c = user;
  c->stopped = true;
  connection_wake(c);
}

static void close_handle(uv_handle_t *handle, void *user) {
  (void)user;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

void connection_close(connection *c) {
  c->ops = NULL;
  if (c->drive) {
    c->timed_out = false;
    lrm_uv_drive_stop(c->drive, LRM_CODE_NORMAL, on_stopped, c);
    uv_update_time(&c->loop);
    uv_timer_start(&c->timer, on_timeout, 1500, 0);
    while (!c->stopped && !c->timed_out) uv_run(&c->loop, UV_RUN_ONCE);
    lrm_uv_drive_destroy(c->drive);
    c->drive = NULL;
  }
  uv_close((uv_handle_t *)&c->timer, NULL);
  for (int i = 0; i < CONNECTION_SIGNALS; i++) uv_close((uv_handle_t *)&c->signals[i], NULL);
  for (int i = 0; i < 64 && uv_run(&c->loop, UV_RUN_NOWAIT); i++)
    ;
  if (uv_loop_close(&c->loop)) {
    uv_walk(&c->loop, close_handle, NULL);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
  }
  lrm_link_destroy(c->link);
  c->link = NULL;
  for (int i = 0; i < 2; i++) capture_close(c->captures[i]);
  config_free(&c->config);
}
