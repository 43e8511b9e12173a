/* A client's process: one link, one or two sessions read over it, and the person before it. */
#include <string.h>

#include "sim.h"

static uint64_t now_of(const sim_client *c) { return sim_now(c->w, &c->part); }

/* ---- what the client tells ---- */

static void on_closed(sim_client *c, sim_view *view, const remote_v1_Problem *problem) {
  sim_world *w = c->w;
  SIM_STEP(w, "closed c=%u code=%u", sim_number(c->part.index), sim_number(problem->code));
  if (problem->code == LRM_CODE_TRIMMED) sim_reach(w, SIM_READ_TRIMMED);
  if (lrm_code_reconnects(problem->code)) return;
  SIM_CHECK(w, problem->code < 4000 || c->part.memory.failed || w->relay.part.memory.failed,
            "c%u: closed with %u %s", c->part.index, problem->code, problem->reason);
  if (view->foreign) {
    SIM_CHECK(w, problem->code == LRM_CODE_NOT_FOUND, "another account's session is %u, not 3009",
              problem->code);
    sim_reach(w, SIM_READ_FOREIGN);
  }
  view->over = problem->code;
  view->over_ns = w->now_ns;
}

static void on_status(sim_client *c, sim_view *view, const remote_v1_LogStatus *status) {
  sim_world *w = c->w;
  lrm_id epoch;
  if (lrm_id_from(status->commands_epoch.bytes, status->commands_epoch.size, &epoch) != 0 ||
      lrm_id_none(&epoch))
    return;
  if (lrm_id_equal(&epoch, &view->commands_epoch))
    SIM_CHECK(w, status->commands_delivered >= view->delivered,
              "c%u: what was delivered goes back from %llu to %llu", c->part.index,
              (unsigned long long)view->delivered, (unsigned long long)status->commands_delivered);
  SIM_CHECK(w, status->commands_delivered <= status->commands_stored,
            "c%u: more is delivered than stored", c->part.index);
  view->commands_epoch = epoch;
  view->delivered = status->commands_delivered;
}

static void drain(sim_client *c, sim_view *view) {
  sim_world *w = c->w;
  lrm_client_event event;
  while (lrm_client_next_event(view->client, &event)) {
    switch (event.type) {
      case LRM_CLIENT_EVENT:
        SIM_CHECK(w, !view->foreign, "another account's events are read");
        sim_oracle_read(c, view, &event);
        break;
      case LRM_CLIENT_SNAPSHOT:
        sim_oracle_jump(c, view, &event);
        break;
      case LRM_CLIENT_TAIL:
        sim_reach(w, SIM_READ_TAIL);
        SIM_STEP(w, "tail c=%u off=%u", sim_number(c->part.index), sim_number(event.offset));
        break;
      case LRM_CLIENT_SYNCED:
        view->synced = true;
        break;
      case LRM_CLIENT_STATUS:
        on_status(c, view, event.status);
        break;
      case LRM_CLIENT_COMMAND:
        sim_commanded_changed(c, view, &event.command_id);
        break;
      case LRM_CLIENT_CLOSED:
        on_closed(c, view, event.problem);
        break;
      default:
        break;
    }
  }
}

/* ---- the link ---- */

/* It has read what the relay had not committed when it crashed (clause 3.16). */
static void look_for_ahead(sim_client *c, const sim_view *view, const remote_v1_Opened *opened) {
  lrm_position at = lrm_client_position(view->client);
  lrm_id epoch;
  if (lrm_id_from(opened->epoch.bytes, opened->epoch.size, &epoch) == 0 &&
      lrm_id_equal(&epoch, &at.epoch) && opened->watermark < at.offset)
    sim_reach(c->w, SIM_READ_AHEAD);
}

static void on_event(void *user, const lrm_link_event *event) {
  sim_client *c = user;
  if (event->type == LRM_LINK_EVENT_RECEIPT) sim_commanded_receipt(c, event->receipt);
  for (unsigned i = 0; i < c->views_count; i++) {
    sim_view *view = &c->views[i];
    if (view->client == NULL) continue;
    if (event->type == LRM_LINK_EVENT_OPENED) look_for_ahead(c, view, event->opened);
    bool taken = lrm_client_link_event(view->client, event, now_of(c));
    drain(c, view);
    if (taken) return;
  }
}

static int on_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  sim_client *c = user;
  int result = LRM_ERR_NOT_FOUND;
  for (unsigned i = 0; i < c->views_count && result == LRM_ERR_NOT_FOUND; i++) {
    if (c->views[i].client == NULL) continue;
    result = lrm_client_fetch(c->views[i].client, want, frame);
  }
  return result;
}

static void on_down(void *user) {
  sim_client *c = user;
  for (unsigned i = 0; i < c->views_count; i++) {
    if (c->views[i].client == NULL) continue;
    lrm_client_link_down(c->views[i].client);
    drain(c, &c->views[i]);
  }
}

/* ---- life ---- */

static bool open_view(sim_client *c, sim_view *view) {
  sim_world *w = c->w;
  static const uint32_t starts[] = {0, remote_v1_Start_START_BEGINNING, 0,
                                    remote_v1_Start_START_SNAPSHOT, remote_v1_Start_START_LIVE};
  unsigned session = view->session;
  bool foreign = view->foreign;
  memset(view, 0, sizeof *view);
  view->session = session;
  view->foreign = foreign;
  view->torn = w->sessions[session].torn;
  view->opened_ns = w->now_ns;
  lrm_client_config config = {.struct_bytes = sizeof config,
                              .allocator = sim_memory_allocator(&c->part.memory),
                              .link = c->end.link,
                              .link_id = c->link_id,
                              .session_id = w->sessions[session].id,
                              .seed = {sim_next(&w->random), ++w->processes},
                              .start = starts[sim_below(&w->random, 4)],
                              .publish = true};
  int result = lrm_client_create(&config, &view->client);
  SIM_CHECK(w, result == 0 || (result == LRM_ERR_NO_MEMORY && c->part.memory.failed),
            "c%u: create is %d", c->part.index, result);
  SIM_STEP(w, "open c=%u session=%u", sim_number(c->part.index), sim_number(session));
  sim_end_dirty(&c->end);
  return result == 0;
}

void sim_client_start(sim_client *c, const lrm_id *link_id, uint64_t generation) {
  sim_world *w = c->w;
  memset(&c->end, 0, sizeof c->end);
  c->link_id = link_id != NULL ? *link_id : sim_make_id(w);
  c->process = ++w->processes;
  c->part.memory.failed = false;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = sim_memory_allocator(&c->part.memory),
                            .seed = sim_next(&w->random),
                            .control_bytes = sim_once_in(&w->random, 3) ? 4096 : 0,
                            .credit_window_bytes = w->window_bytes,
                            .grease = true,
                            .link_id = c->link_id,
                            .generation = generation,
                            .role = remote_v1_Role_ROLE_CLIENT,
                            .token = sim_token(SIM_DEVICE_CLIENTS + c->device),
                            .agent = "client/sim"};
  SIM_MUST(w, lrm_link_create(&config, &c->end.link));
  c->end.part = &c->part;
  c->end.event = on_event;
  c->end.fetch = on_fetch;
  c->end.down = on_down;
  c->end.user = c;
  c->end.seen = LRM_LINK_DOWN;
  c->end.calls_at_creation = c->part.memory.calls;
  c->running = true;
  SIM_STEP(w, "restart part=c%u", sim_number(c->part.index));
  for (unsigned i = 0; i < c->views_count; i++) (void)open_view(c, &c->views[i]);
  if (c->part.fail_at_next != 0) {
    c->part.memory.fail_at = c->part.memory.calls + c->part.fail_at_next;
    c->part.fail_at_next = 0;
  }
}

/* Its outbox goes with it: whether those commands have an outcome, only the host's log tells. */
static void abandon(sim_client *c, const sim_view *view) {
  sim_world *w = c->w;
  for (size_t i = 0; i < w->commands_count; i++) {
    sim_command *command = &w->commands[i];
    if (command->client == c->part.index && command->process == c->process &&
        command->session == view->session)
      command->abandoned = true;
  }
}

void sim_client_stop(sim_client *c, bool heard) {
  sim_world *w = c->w;
  if (!c->running) return;
  SIM_STEP(w, "crash part=c%u", sim_number(c->part.index));
  sim_reach(w, SIM_CRASH_CLIENT);
  if (!heard) sim_reach(w, SIM_CRASH_SILENT);
  c->part.memory.fail_at = 0;
  if (c->end.carrier != NULL) sim_carrier_leave_end(w, c->end.carrier, heard);
  for (unsigned i = 0; i < c->views_count; i++) {
    abandon(c, &c->views[i]);
    lrm_client_destroy(c->views[i].client);
    c->views[i].client = NULL;
  }
  lrm_link_destroy(c->end.link);
  c->end.link = NULL;
  c->running = false;
  SIM_CHECK(w, c->part.memory.bytes == 0, "c%u leaks %llu bytes", c->part.index,
            (unsigned long long)c->part.memory.bytes);
  c->starts_ns = w->now_ns + sim_below(&w->random, w->calm ? SIM_SECOND : 8 * SIM_SECOND);
}

void sim_client_reopen(sim_client *c, sim_view *view) {
  sim_reach(c->w, SIM_REOPENED);
  abandon(c, view);
  lrm_client_detach(view->client);
  lrm_client_destroy(view->client);
  view->client = NULL;
  (void)open_view(c, view);
}

/* ---- a turn ---- */

static bool hopeless(const sim_client *c) {
  return lrm_link_state_now(c->end.link) == LRM_LINK_DEAD;
}

/* Journal and relay's store have both been put back or lost: what this reader holds may be of a
 * history that nobody has any more, and only beginning anew helps. */
static bool lost_its_way(const sim_client *c, const sim_view *view) {
  sim_world *w = c->w;
  const sim_session *s = &w->sessions[view->session];
  if (view->client == NULL || view->foreign) return false;
  if (view->torn != s->torn) return true;
  if (s->journal_losses == 0 || s->relay_losses == 0) return false;
  const sim_host *h = sim_host_of(w, view->session);
  if (h == NULL || w->now_ns < view->opened_ns + 20 * SIM_SECOND) return false;
  lrm_id here = lrm_client_position(view->client).epoch, there = lrm_host_position(h->host).epoch;
  return !lrm_id_equal(&here, &there);
}

/* What a person does: opens again what was closed for good, once things may have changed. */
static void look_after(sim_client *c) {
  sim_world *w = c->w;
  uint64_t patience_ns = w->calm ? SIM_SECOND : 6 * SIM_SECOND;
  if (c->part.memory.failed) {
    sim_reach(w, SIM_NO_MEMORY_CLIENT);
    sim_client_stop(c, true);
    return;
  }
  if (hopeless(c)) {
    if (!w->calm && !sim_once_in(&w->random, 50)) return;
    sim_reach(w, SIM_REOPENED);
    sim_client_stop(c, true);
    return;
  }
  for (unsigned i = 0; w->calm && i < c->views_count; i++) {
    if (!lost_its_way(c, &c->views[i])) continue;
    sim_client_stop(c, true);
    return;
  }
  for (unsigned i = 0; i < c->views_count; i++) {
    sim_view *view = &c->views[i];
    bool due = view->client != NULL && view->over != 0 && !view->foreign &&
               w->now_ns >= view->over_ns + patience_ns;
    if (due && lrm_link_state_now(c->end.link) == LRM_LINK_LIVE) sim_client_reopen(c, view);
  }
}

bool sim_client_step(sim_client *c) {
  sim_world *w = c->w;
  if (!sim_awake(w, &c->part)) return false;
  if (!c->running) {
    if (w->now_ns < c->starts_ns) return false;
    sim_client_start(c, NULL, 0);
    return true;
  }
  bool any = sim_end_connect(w, &c->end);
  for (unsigned i = 0; i < c->views_count; i++) {
    sim_view *view = &c->views[i];
    if (view->client == NULL) continue;
    if (lrm_client_deadline(view->client) <= now_of(c)) {
      lrm_client_expire(view->client, now_of(c));
      sim_end_dirty(&c->end);
      drain(c, view);
      any = true;
    }
  }
  look_after(c);
  return any;
}

uint64_t sim_client_due(const sim_client *c) {
  uint64_t asleep_ns = c->part.asleep_until_ns;
  if (!c->running) return c->starts_ns > asleep_ns ? c->starts_ns : asleep_ns;
  uint64_t due = sim_end_due(&c->end);
  for (unsigned i = 0; i < c->views_count; i++) {
    const sim_view *view = &c->views[i];
    if (view->client == NULL) continue;
    uint64_t at_ns = sim_world_time(&c->part, lrm_client_deadline(view->client));
    if (at_ns < due) due = at_ns;
  }
  if (due == SIM_NEVER) return due;
  return due > asleep_ns ? due : asleep_ns;
}
