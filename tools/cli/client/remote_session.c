#include "remote_session.h"

#include <stdio.h>
#include <string.h>

#include "terminal_text.h"

static void drain(remote_session *s) {
  lrm_client_event event;
  while (s->client && lrm_client_next_event(s->client, &event)) {
    if (event.type == LRM_CLIENT_SYNCED) s->synced = true;
    if (event.type == LRM_CLIENT_CLOSED && event.problem &&
        !lrm_code_reconnects(event.problem->code)) {
      s->closed = true;
      s->problem = *event.problem;
    }
    if (s->ops && s->ops->event) s->ops->event(s->user, s, &event);
  }
}

static void drain_page(remote_session *s) {
  lrm_history_event event;
  while (s->history && lrm_history_next_event(s->history, &event))
    if (s->ops && s->ops->page) s->ops->page(s->user, s, &event);
}

static void on_timer(uv_timer_t *timer);

static void arm(remote_session *s) {
  uint64_t due_ns = lrm_client_deadline(s->client);
  uint64_t page_ns = s->history ? lrm_history_deadline(s->history) : UINT64_MAX;
  if (page_ns < due_ns) due_ns = page_ns;
  uint64_t now_ns = connection_now_ns(s->connection);
  if (due_ns == UINT64_MAX)
    uv_timer_stop(&s->timer);
  else
    uv_timer_start(&s->timer, on_timer, due_ns > now_ns ? (due_ns - now_ns) / 1000000 + 1 : 0, 0);
}

static void on_timer(uv_timer_t *timer) {
  remote_session *s = timer->data;
  lrm_client_expire(s->client, connection_now_ns(s->connection));
  if (s->history) lrm_history_expire(s->history, connection_now_ns(s->connection));
  lrm_uv_drive_kick(s->connection->drive);
  drain(s);
  drain_page(s);
  arm(s);
  connection_wake(s->connection);
}

static void on_event(void *user, const lrm_link_event *event) {
  remote_session *s = user;
  if (s->history && lrm_history_link_event(s->history, event, connection_now_ns(s->connection))) {
    drain_page(s);
    arm(s);
    return;
  }
  if (event->type == LRM_LINK_EVENT_BLOCK && s->ops && s->ops->block)
    s->ops->block(s->user, s, event);
  lrm_client_link_event(s->client, event, connection_now_ns(s->connection));
  if (event->type == LRM_LINK_EVENT_WELCOME && s->ops && s->ops->up) s->ops->up(s->user, s);
  drain(s);
  arm(s);
}

static int on_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  remote_session *s = user;
  return lrm_client_fetch(s->client, want, frame);
}

static void on_down(void *user, const char *text, uint64_t retry_ns) {
  remote_session *s = user;
  lrm_client_link_down(s->client);
  if (s->history) lrm_history_link_down(s->history);
  drain(s);
  uv_timer_stop(&s->timer);
  if (s->ops && s->ops->down) s->ops->down(s->user, s, text, retry_ns);
}

static const connection_ops link_ops = {on_event, on_fetch, on_down};

exit_code remote_session_open(remote_session *s, connection *c, const remote_v1_SessionEntry *entry,
                              const remote_session_config *config) {
  memset(s, 0, sizeof *s);
  s->connection = c;
  s->entry = *entry;
  s->id = session_entry_id(entry);
  lrm_id_hex(&s->id, s->hex);
  session_entry_title(entry, s->title, sizeof s->title);
  s->ops = config->ops;
  s->user = config->user;
  lrm_client_config client = {.struct_bytes = sizeof client,
                              .allocator = lrm_allocator_default(),
                              .link = c->link,
                              .link_id = c->link_id,
                              .session_id = s->id,
                              .start = config->start,
                              .from = config->from,
                              .publish = !config->watch_only};
  connection_random(client.seed, sizeof client.seed);
  int result = lrm_client_create(&client, &s->client);
  if (result) {
    fprintf(stderr, "remote: %s\n", lrm_error_text(result));
    return EXIT_CODE_FAILURE;
  }
  uv_timer_init(&c->loop, &s->timer);
  s->timer.data = s;
  c->ops = &link_ops;
  c->ops_user = s;
  lrm_uv_drive_kick(c->drive);
  return EXIT_CODE_DONE;
}

void remote_session_close(remote_session *s) {
  if (!s->client) return;
  s->connection->ops = NULL;
  uv_close((uv_handle_t *)&s->timer, NULL);
  lrm_history_destroy(s->history);
  s->history = NULL;
  lrm_client_destroy(s->client);
  s->client = NULL;
}

exit_code remote_session_page(remote_session *s, lrm_position before, uint64_t count) {
  lrm_history_config config = {.struct_bytes = sizeof config,
                               .allocator = lrm_allocator_default(),
                               .link = s->connection->link,
                               .session_id = s->id};
  int result = s->history ? 0 : lrm_history_create(&config, &s->history);
  if (!result)
    result = lrm_history_read(s->history, before, count, connection_now_ns(s->connection));
  if (result) {
    fprintf(stderr, "remote: the history cannot be read: %s\n", lrm_error_text(result));
    return result == LRM_ERR_USAGE || result == LRM_ERR_STATE ? EXIT_CODE_USAGE : EXIT_CODE_FAILURE;
  }
  lrm_uv_drive_kick(s->connection->drive);
  uv_timer_start(&s->timer, on_timer, 0, 0); /* for a page that is over before it began */
  return EXIT_CODE_DONE;
}

bool remote_session_paging(const remote_session *s) {
  return s->history && lrm_history_reading(s->history);
}

static bool is_synced(void *user) {
  const remote_session *s = user;
  return s->synced || s->closed;
}

exit_code remote_session_explain(remote_session *s) {
  if (!s->closed) return connection_explain(s->connection);
  connection_print_problem("the session cannot be opened", &s->problem);
  return connection_problem_exit(s->problem.code);
}

exit_code remote_session_wait_synced(remote_session *s) {
  bool ready = connection_wait(s->connection, is_synced, s, s->connection->timeout_ms);
  return ready && !s->closed ? EXIT_CODE_DONE : remote_session_explain(s);
}

exit_code remote_session_submit(remote_session *s, const Remote__V1__Command *command,
                                uint64_t ttl_ms, lrm_id *id) {
  int result = lrm_client_submit(s->client, command, ttl_ms, id, connection_now_ns(s->connection));
  if (result) {
    fprintf(stderr, "remote: the command cannot be sent: %s\n", lrm_error_text(result));
    return result == LRM_ERR_TOO_LARGE ? EXIT_CODE_USAGE : EXIT_CODE_FAILURE;
  }
  lrm_uv_drive_kick(s->connection->drive);
  return EXIT_CODE_DONE;
}

typedef struct following {
  remote_session *session;
  lrm_id id;
  lrm_command_state until;
  lrm_command_state seen;
  lrm_command *command;
  void (*changed)(void *user, const lrm_command *command);
  void *user;
} following;

static bool has_reached(void *user) {
  following *f = user;
  if (lrm_client_command(f->session->client, &f->id, f->command)) return true;
  if (f->command->state > f->seen) {
    f->seen = f->command->state;
    if (f->changed) f->changed(f->user, f->command);
  }
  return f->command->state >= f->until || f->session->closed;
}

exit_code remote_session_follow(remote_session *s, lrm_command_state state, uint64_t timeout_ms,
                                void (*changed)(void *user, const lrm_command *command), void *user,
                                lrm_command *command) {
  following f = {s, command->command_id, state, command->state, command, changed, user};
  if (!connection_wait(s->connection, has_reached, &f, timeout_ms))
    return s->connection->failed ? remote_session_explain(s) : EXIT_CODE_UNREACHABLE;
  if (s->closed && command->state < state) return remote_session_explain(s);
  return EXIT_CODE_DONE;
}

const Remote__V1__SessionState *remote_session_state(const remote_session *s) {
  return lrm_view_state(lrm_client_view(s->client));
}

exit_code remote_session_connect(connection *c, remote_session *s, const connection_flags *flags,
                                 const char *word, const remote_session_config *config) {
  session_list list;
  size_t index = 0;
  exit_code result = connection_open(c, flags);
  if (result) return result;
  result = session_list_fetch(c, &list);
  if (!result) result = session_list_choose(&list, word, &index);
  if (!result) result = remote_session_open(s, c, &list.entries[index], config);
  session_list_free(&list);
  if (result) connection_close(c);
  return result;
}
