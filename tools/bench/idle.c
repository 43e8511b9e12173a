#include "idle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A relay that slows down who connects too fast is not what is measured. */
enum { AT_ONCE = 16, PATIENCE_NS_EACH = 200 * 1000 * 1000 };
#define PATIENCE_NS (60ull * 1000000000ull)

typedef struct member {
  bench_crowd *crowd;
  lrm_link *link;
  lrm_uv_drive *drive;
  uint32_t channel;
  uint64_t read; /* messages */
  bool live, synced, stopped;
} member;

struct bench_crowd {
  bench_world *world;
  member *members;
  unsigned count, live, synced, stopped;
  bool broken;
};

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  member *m = user;
  bench_crowd *crowd = m->crowd;
  uint64_t now_ns = bench_world_now_ns(crowd->world);
  switch (event->type) {
    case LRM_LINK_EVENT_WELCOME:
      if (!m->live) crowd->live++;
      m->live = true;
      break;
    case LRM_LINK_EVENT_BLOCK:
      m->read += event->frame.count - event->skip_messages;
      (void)!lrm_link_ack(link, event->channel, event->frame.offset + event->frame.count, now_ns);
      (void)!lrm_link_consumed(link, event->channel, event->frame.payload.bytes, now_ns);
      break;
    case LRM_LINK_EVENT_TAIL:
      (void)!lrm_link_consumed(link, event->channel, event->frame.payload.bytes, now_ns);
      break;
    case LRM_LINK_EVENT_SYNCED:
      if (!m->synced) crowd->synced++;
      m->synced = true;
      break;
    case LRM_LINK_EVENT_REFUSED:
    case LRM_LINK_EVENT_GOAWAY:
    case LRM_LINK_EVENT_CLOSED:
      if (!crowd->broken && event->problem != NULL)
        fprintf(stderr, "bench: a link ended: %u %s\n", event->problem->code,
                event->problem->reason);
      crowd->broken = true;
      break;
    default:
      break;
  }
}

static void on_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  member *m = user;
  (void)link;
  (void)retry_ns;
  if (!m->crowd->broken) fprintf(stderr, "bench: a connection ended: %s\n", text);
  m->crowd->broken = true;
}

static const lrm_uv_drive_ops ops = {.event = on_event, .down = on_down};

static bool join(member *m, const lrm_url *url) {
  bench_world *world = m->crowd->world;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .channels_max = 4,
                            .control_bytes = 4096,
                            .role = 2,
                            .token = world->relay.token,
                            .agent = "remote-bench"};
  bench_random(&config.seed, sizeof config.seed);
  bench_random(config.link_id.bytes, sizeof config.link_id.bytes);
  return lrm_link_create(&config, &m->link) == 0 &&
         lrm_uv_drive_connect(&world->loop, url, &world->relay.settings, m->link, &ops, m,
                              &m->drive) == 0;
}

static bool run_until(bench_crowd *crowd, const unsigned *count, unsigned wanted) {
  uint64_t end_ns =
      bench_world_now_ns(crowd->world) + PATIENCE_NS + (uint64_t)PATIENCE_NS_EACH * crowd->count;
  while (*count < wanted && !crowd->broken && bench_world_now_ns(crowd->world) < end_ns) {
    bench_world_host_changed(crowd->world);
    uv_run(&crowd->world->loop, UV_RUN_ONCE);
  }
  return *count >= wanted && !crowd->broken;
}

bench_crowd *bench_crowd_open(bench_world *world, unsigned count) {
  lrm_url url;
  bench_crowd *crowd = calloc(1, sizeof *crowd);
  member *members = calloc(count, sizeof *members);
  if (crowd == NULL || members == NULL || lrm_url_parse(world->relay.url, &url, NULL, 0) != 0) {
    free(crowd);
    free(members);
    return NULL;
  }
  *crowd = (bench_crowd){.world = world, .members = members, .count = count};
  bool good = true;
  for (unsigned i = 0; i < count && good; i++) {
    members[i].crowd = crowd;
    good = join(&members[i], &url);
    if (good && i >= AT_ONCE) good = run_until(crowd, &crowd->live, i - AT_ONCE + 1);
  }
  if (good && run_until(crowd, &crowd->live, count)) return crowd;
  bench_crowd_close(crowd);
  return NULL;
}

bool bench_crowd_subscribe(bench_crowd *crowd, bool whole) {
  lrm_position end = lrm_host_position(crowd->world->host);
  for (unsigned i = 0; i < crowd->count; i++) {
    member *m = &crowd->members[i];
    remote_v1_Open open = remote_v1_Open_init_zero;
    open.session_id.size = open.epoch.size = 16;
    memcpy(open.session_id.bytes, crowd->world->session_id.bytes, 16);
    memcpy(open.epoch.bytes, end.epoch.bytes, 16);
    open.log = remote_v1_Log_LOG_EVENTS;
    open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
    open.next = whole ? 0 : end.offset;
    if (lrm_link_open(m->link, &open, 0, &m->channel, bench_world_now_ns(crowd->world)) != 0)
      return false;
    lrm_uv_drive_kick(m->drive);
  }
  return run_until(crowd, &crowd->synced, crowd->count);
}

uint64_t bench_crowd_read(const bench_crowd *crowd) { return crowd->members[0].read; }

static void on_stopped(void *user) {
  member *m = user;
  m->stopped = true;
  m->crowd->stopped++;
}

void bench_crowd_close(bench_crowd *crowd) {
  unsigned driven = 0;
  crowd->broken = true; /* nothing is said of what ends now */
  for (unsigned i = 0; i < crowd->count; i++) {
    member *m = &crowd->members[i];
    if (m->drive == NULL) continue;
    driven++;
    lrm_uv_drive_stop(m->drive, LRM_CODE_NORMAL, on_stopped, m);
  }
  while (crowd->stopped < driven) uv_run(&crowd->world->loop, UV_RUN_ONCE);
  for (unsigned i = 0; i < crowd->count; i++) {
    if (crowd->members[i].drive != NULL) lrm_uv_drive_destroy(crowd->members[i].drive);
  }
  for (unsigned i = 0; i < 64 && uv_run(&crowd->world->loop, UV_RUN_NOWAIT) != 0; i++) continue;
  for (unsigned i = 0; i < crowd->count; i++) lrm_link_destroy(crowd->members[i].link);
  free(crowd->members);
  free(crowd);
}

double bench_relay_kib(const bench_relay *relay) {
  char path[64], line[256];
  double kib = 0;
  snprintf(path, sizeof path, "/proc/%ld/smaps_rollup", (long)relay->pid);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "Private_Dirty:", 14) == 0) kib = strtod(line + 14, NULL);
  }
  fclose(file);
  return kib;
}
