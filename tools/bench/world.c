#include "world.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define WAIT_NS (10ull * 1000000000ull)

static bool failed(const char *what, int error) {
  fprintf(stderr, "bench: %s: %s\n", what, lrm_error_text(error));
  return false;
}

uint64_t bench_world_now_ns(const bench_world *world) { return lrm_uv_now_ns(&world->loop); }

/* ---- host ---- */

static char text_end_turn[] = "end_turn";

/* The agent takes a prompt and has nothing to say. */
static void take_prompt(bench_world *world, const lrm_host_action *action) {
  Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
  uint64_t now_ns = bench_world_now_ns(world), wall_ms = lrm_uv_wall_ms();
  lrm_id command_id = action->command_id;
  int error = lrm_host_finish(world->host, &command_id, 0, "", wall_ms, now_ns);
  ended.stop_reason = text_end_turn;
  if (error == 0) error = lrm_host_turn_ended(world->host, &ended, wall_ms, now_ns);
  if (error != 0) world->broken = !failed("prompt", error);
}

static void take_actions(bench_world *world) {
  lrm_host_action action;
  while (lrm_host_next_action(world->host, &action)) {
    if (action.type == LRM_ACTION_PROMPT) take_prompt(world, &action);
    if (action.type == LRM_ACTION_ANSWER) world->answered = true;
    if (action.type == LRM_ACTION_RESTART_LINK) {
      fprintf(stderr, "bench: the relay does not take the session: %u %s\n", action.code,
              action.reason);
      world->broken = true;
    }
  }
}

static void on_timer(uv_timer_t *timer) {
  bench_world *world = timer->data;
  if (world->host == NULL) return;
  int error = 0;
  if (lrm_host_deadline(world->host) <= bench_world_now_ns(world))
    error = lrm_host_expire(world->host, lrm_uv_wall_ms(), bench_world_now_ns(world));
  if (error != 0) world->broken = !failed("host's time", error);
  bench_world_host_changed(world);
}

static void set_timer(bench_world *world) {
  uint64_t due_ns = lrm_host_deadline(world->host), now_ns = bench_world_now_ns(world);
  uint64_t wait_ms = 1000;
  if (due_ns <= now_ns)
    wait_ms = 1;
  else if (due_ns - now_ns < wait_ms * 1000000)
    wait_ms = (due_ns - now_ns) / 1000000 + 1;
  uv_timer_start(&world->timer, on_timer, wait_ms, 0);
}

void bench_world_host_changed(bench_world *world) {
  take_actions(world);
  if (lrm_store_dirty(world->store)) lrm_uv_committer_kick(world->committer);
  if (world->host_end.drive != NULL) lrm_uv_drive_kick(world->host_end.drive);
  set_timer(world);
}

static void on_settled(void *user, int result) {
  bench_world *world = user;
  if (world->host == NULL) return;
  if (result != 0) {
    world->broken = !failed("journal", result);
    return;
  }
  int error = lrm_host_settled(world->host, lrm_uv_wall_ms(), bench_world_now_ns(world));
  if (error != 0) world->broken = !failed("settled", error);
  bench_world_host_changed(world);
}

static void host_event(void *user, lrm_link *link, const lrm_link_event *event) {
  bench_world *world = user;
  (void)link;
  if (world->host == NULL) return;
  int error = lrm_host_link_event(world->host, event, lrm_uv_wall_ms(), bench_world_now_ns(world));
  if (error != 0) world->broken = !failed("host", error);
  bench_world_host_changed(world);
}

static int host_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  bench_world *world = user;
  (void)link;
  return lrm_host_fetch(world->host, want, frame);
}

static void host_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  bench_world *world = user;
  (void)link;
  (void)retry_ns;
  if (!world->host_end.stopping && text != NULL) fprintf(stderr, "bench: host: %s\n", text);
  if (world->host != NULL) lrm_host_link_down(world->host);
}

static const lrm_uv_drive_ops host_ops = {
    .event = host_event, .fetch = host_fetch, .down = host_down};

/* ---- client ---- */

static void drain_client(bench_world *world) {
  lrm_client_event event;
  while (lrm_client_next_event(world->client, &event)) {
    if (event.type == LRM_CLIENT_SYNCED) world->synced = true;
    if (event.type == LRM_CLIENT_CLOSED && !lrm_code_reconnects(event.problem->code)) {
      fprintf(stderr, "bench: client: %u %s\n", event.problem->code, event.problem->reason);
      world->broken = true;
    }
    if (event.type != LRM_CLIENT_EVENT) continue;
    if (event.event->body_case == REMOTE__V1__EVENT__BODY_ASK_OPENED) {
      const ProtobufCBinaryData *id = &event.event->ask_opened->ask->ask_id;
      if (lrm_id_from(id->data, id->len, &world->open_ask) != 0) world->broken = true;
    }
    if (event.event->body_case == REMOTE__V1__EVENT__BODY_ASK_RESOLVED)
      memset(&world->open_ask, 0, sizeof world->open_ask);
  }
}

static void client_event(void *user, lrm_link *link, const lrm_link_event *event) {
  bench_world *world = user;
  (void)link;
  if (world->client == NULL) return;
  (void)lrm_client_link_event(world->client, event, bench_world_now_ns(world));
  drain_client(world);
}

static int client_fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  bench_world *world = user;
  (void)link;
  return lrm_client_fetch(world->client, want, frame);
}

static void client_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  bench_world *world = user;
  (void)link;
  (void)retry_ns;
  if (!world->client_end.stopping && text != NULL) fprintf(stderr, "bench: client: %s\n", text);
  if (world->client != NULL) lrm_client_link_down(world->client);
}

static const lrm_uv_drive_ops client_ops = {
    .event = client_event, .fetch = client_fetch, .down = client_down};

/* ---- opening ---- */

void bench_random(void *out, size_t bytes) {
  if (getrandom(out, bytes, 0) != (ssize_t)bytes) memset(out, 0x5a, bytes);
}

static bool make_link(bench_world *world, bench_end *end, uint32_t role) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .role = role,
                            .token = world->relay.token,
                            .agent = "remote-bench"};
  bench_random(&config.seed, sizeof config.seed);
  bench_random(config.link_id.bytes, sizeof config.link_id.bytes);
  end->link_id = config.link_id;
  int error = lrm_link_create(&config, &end->link);
  return error == 0 || failed("link", error);
}

static bool connect_end(bench_world *world, bench_end *end, const lrm_uv_drive_ops *ops) {
  lrm_url url;
  char text[200];
  if (lrm_url_parse(world->relay.url, &url, text, sizeof text) != 0) {
    fprintf(stderr, "bench: %s: %s\n", world->relay.url, text);
    return false;
  }
  int error = lrm_uv_drive_connect(&world->loop, &url, &world->relay.settings, end->link, ops,
                                   world, &end->drive);
  return error == 0 || failed("connect", error);
}

static bool open_journal(bench_world *world, const bench_options *options, uint64_t *generation) {
  char path[1100], text[300];
  snprintf(path, sizeof path, "%s/journal", options->folder);
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = path};
  int error = lrm_store_sqlite_open(&config, &world->store, text, sizeof text);
  if (error != 0) {
    fprintf(stderr, "bench: %s\n", text);
    return false;
  }
  error = lrm_store_claim(world->store, lrm_uv_wall_ms(), generation);
  if (error == 0)
    error =
        lrm_uv_committer_create(&world->loop, world->store, on_settled, world, &world->committer);
  return error == 0 || failed("journal", error);
}

static bool open_host(bench_world *world, const bench_options *options) {
  static char agent[] = "bench", version[] = "1";
  Remote__V1__SessionStarted session = REMOTE__V1__SESSION_STARTED__INIT;
  uint64_t generation;
  if (!open_journal(world, options, &generation)) return false;
  session.interactive = true;
  session.agent = agent;
  session.agent_version = version;
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = lrm_allocator_default(),
                            .store = world->store,
                            .writer_generation = generation,
                            .session = &session,
                            .created_ms = lrm_uv_wall_ms(),
                            .remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL};
  bench_random(config.seed, sizeof config.seed);
  bench_random(config.session_id.bytes, sizeof config.session_id.bytes);
  world->session_id = config.session_id;
  uint64_t now_ns = bench_world_now_ns(world);
  int error = lrm_host_create(&config, lrm_uv_wall_ms(), now_ns, &world->host);
  if (error == 0) error = lrm_host_set_agent_ready(world->host, true, lrm_uv_wall_ms(), now_ns);
  if (error != 0) return failed("host", error);
  return true;
}

static bool publish_host(bench_world *world) {
  if (!make_link(world, &world->host_end, 1)) return false;
  lrm_host_attach_link(world->host, world->host_end.link);
  return connect_end(world, &world->host_end, &host_ops);
}

static bool open_client(bench_world *world) {
  if (!make_link(world, &world->client_end, 2)) return false;
  lrm_client_config config = {.struct_bytes = sizeof config,
                              .allocator = lrm_allocator_default(),
                              .link = world->client_end.link,
                              .link_id = world->client_end.link_id,
                              .session_id = world->session_id,
                              .publish = true};
  bench_random(config.seed, sizeof config.seed);
  int error = lrm_client_create(&config, &world->client);
  if (error != 0) return failed("client", error);
  return connect_end(world, &world->client_end, &client_ops);
}

static bool is_journalled(void *user) {
  const bench_world *world = user;
  return lrm_uv_committer_idle(world->committer);
}

static bool is_published(void *user) {
  const bench_world *world = user;
  return lrm_host_published(world->host);
}

static bool is_synced(void *user) {
  const bench_world *world = user;
  return world->synced;
}

bool bench_world_open(bench_world *world, const bench_options *options) {
  memset(world, 0, sizeof *world);
  if (uv_loop_init(&world->loop) != 0) return false;
  uv_timer_init(&world->loop, &world->timer);
  world->timer.data = world;
  if (!bench_relay_start(&world->relay, options)) return false;
  if (!open_host(world, options)) return false;
  bench_world_host_changed(world);
  if (!bench_world_wait(world, is_journalled, world)) return failed("journal", LRM_ERR_STATE);
  if (!publish_host(world)) return false;
  /* The session exists at the relay once the host has published it. */
  if (!bench_world_wait(world, is_published, world)) return failed("publishing", LRM_ERR_STATE);
  if (!open_client(world)) return false;
  return bench_world_wait(world, is_synced, world) || failed("reading", LRM_ERR_STATE);
}

bool bench_world_wait(bench_world *world, bool (*done)(void *user), void *user) {
  uint64_t end_ns = bench_world_now_ns(world) + WAIT_NS;
  uv_update_time(&world->loop);
  while (!done(user)) {
    if (world->broken || bench_world_now_ns(world) > end_ns) return false;
    set_timer(world); /* so that the loop comes back even when nothing happens */
    uv_run(&world->loop, UV_RUN_ONCE);
  }
  return true;
}

/* ---- closing ---- */

static void on_stopped(void *user) {
  bool *stopped = user;
  *stopped = true;
}

static void stop_end(bench_world *world, bench_end *end) {
  if (end->drive != NULL) {
    end->stopping = true;
    lrm_uv_drive_stop(end->drive, LRM_CODE_NORMAL, on_stopped, &end->stopped);
    while (!end->stopped) uv_run(&world->loop, UV_RUN_ONCE);
    lrm_uv_drive_destroy(end->drive);
  }
  end->drive = NULL;
}

void bench_world_close(bench_world *world) {
  uv_timer_stop(&world->timer);
  if (world->host != NULL) lrm_host_attach_link(world->host, NULL);
  stop_end(world, &world->client_end);
  stop_end(world, &world->host_end);
  lrm_client_destroy(world->client);
  world->client = NULL;
  if (world->committer != NULL) lrm_uv_committer_destroy(world->committer);
  lrm_host_destroy(world->host);
  world->host = NULL;
  if (world->host_end.link != NULL) lrm_link_destroy(world->host_end.link);
  if (world->client_end.link != NULL) lrm_link_destroy(world->client_end.link);
  uv_close((uv_handle_t *)&world->timer, NULL);
  uv_run(&world->loop, UV_RUN_DEFAULT);
  lrm_store_close(world->store);
  uv_loop_close(&world->loop);
  bench_relay_stop(&world->relay);
}
