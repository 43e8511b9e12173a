/* A host's process: lrm_host on a journal, a link to the relay, an agent beside it. */
#include <string.h>

#include "sim.h"

uint64_t sim_host_wall(const sim_host *h) { return sim_wall_ms(h->w, &h->part); }
uint64_t sim_host_now(const sim_host *h) { return sim_now(h->w, &h->part); }

bool sim_host_said(sim_host *h, int result, int allowed, int allowed_too, const char *what) {
  h->touched = true;
  if (result == 0) return true;
  if (result == LRM_ERR_NO_MEMORY && h->part.memory.failed) {
    h->no_memory = true;
    return false;
  }
  SIM_CHECK(h->w, result == allowed || result == allowed_too, "h%u: %s is %d", h->part.index, what,
            result);
  return false;
}

sim_host *sim_host_of(sim_world *w, unsigned session) {
  sim_host *best = NULL;
  for (size_t i = 0; i < SIM_HOSTS_MAX; i++) {
    sim_host *h = &w->hosts[i];
    if (!h->used || h->session != session || h->host == NULL) continue;
    if (best == NULL || (best->remote_over && !h->remote_over) ||
        (best->remote_over == h->remote_over && h->generation > best->generation))
      best = h;
  }
  return best;
}

/* ---- the link ---- */

static void on_event(void *user, const lrm_link_event *event) {
  sim_host *h = user;
  if (event->type == LRM_LINK_EVENT_ACKED) sim_judge_acked_events(h, event);
  if (event->type == LRM_LINK_EVENT_BLOCK) {
    SIM_STEP(h->w, "cmd_delivered h=%u off=%u n=%u", sim_number(h->part.index),
             sim_number(event->frame.offset), sim_number(event->frame.count));
    sim_commanded_delivered(h, &event->frame);
  }
  SIM_SAID(h, lrm_host_link_event(h->host, event, sim_host_wall(h), sim_host_now(h)), 0, 0);
}

static int on_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  sim_host *h = user;
  int result = lrm_host_fetch(h->host, want, frame);
  if (result == 0 && want->kind == LRM_WANT_BLOCK)
    SIM_STEP(h->w, "publish h=%u off=%u n=%u flags=%u", sim_number(h->part.index),
             sim_number(frame->offset), sim_number(frame->count), sim_number(frame->flags));
  if (result == LRM_ERR_NO_MEMORY) h->no_memory = true;
  return result;
}

static void on_down(void *user) {
  sim_host *h = user;
  lrm_host_link_down(h->host);
}

static bool make_link(sim_host *h) {
  sim_world *w = h->w;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = sim_memory_allocator(&h->part.memory),
                            .seed = sim_next(&w->random),
                            .control_bytes = sim_once_in(&w->random, 3) ? 4096 : 0,
                            .credit_window_bytes = w->window_bytes,
                            .grease = true,
                            .link_id = sim_make_id(w),
                            .role = remote_v1_Role_ROLE_HOST,
                            .token = sim_token(h->session),
                            .agent = "host/sim"};
  int result = lrm_link_create(&config, &h->end.link);
  if (result != 0) return sim_host_said(h, result, 0, 0, "lrm_link_create");
  h->end.part = &h->part;
  h->end.event = on_event;
  h->end.fetch = on_fetch;
  h->end.down = on_down;
  h->end.user = h;
  h->end.seen = LRM_LINK_DOWN;
  lrm_host_attach_link(h->host, h->end.link);
  return true;
}

/* ---- life ---- */

static bool elevates_mode(void *user, const char *mode_id) {
  (void)user;
  return strcmp(mode_id, "yolo") == 0;
}
static bool slash_known(void *user, const char *name) {
  (void)user;
  return strcmp(name, "init") == 0 || strcmp(name, "undo") == 0;
}
static bool slash_allowed(void *user, const char *name) {
  (void)user;
  return strcmp(name, "init") == 0;
}

static void end_process(sim_host *h) {
  lrm_host_destroy(h->host);
  lrm_link_destroy(h->end.link);
  h->host = NULL;
  h->end.link = NULL;
}

void sim_host_start(sim_host *h) {
  sim_world *w = h->w;
  Remote__V1__SessionStarted session = REMOTE__V1__SESSION_STARTED__INIT;
  session.interactive = session.can_steer = true;
  session.title = lrm__text("simulated");
  lrm_host_config config = {.struct_bytes = sizeof config,
                            .allocator = sim_memory_allocator(&h->part.memory),
                            .store = h->disk.store,
                            .session_id = w->sessions[h->session].id,
                            .seed = {sim_next(&w->random), ++w->processes},
                            .session = &session,
                            .remote_mode = REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL,
                            .resume = h->processes > 0,
                            .elevates_mode = elevates_mode,
                            .slash_known = slash_known,
                            .slash_allowed = slash_allowed,
                            .journal_bytes_max = h->journal_bytes_max};
  lrm_store_memory_fail(h->disk.store, 0, 0);
  SIM_MUST(w, lrm_store_claim(h->disk.store, sim_host_wall(h), &config.writer_generation));
  h->processes++;
  h->generation = config.writer_generation;
  if (h->generation > w->sessions[h->session].generation_max)
    w->sessions[h->session].generation_max = h->generation;
  h->remote_over = h->no_memory = h->disk_failing = false;
  h->part.memory.failed = false;
  memset(&h->end, 0, sizeof h->end);
  sim_oracle_journal(h, true);
  if (h->part.fail_at_next != 0) {
    h->part.memory.fail_at = h->part.memory.calls + h->part.fail_at_next;
    h->part.fail_at_next = 0;
  }
  SIM_STEP(w, "restart part=h%u wgen=%u session=%u", sim_number(h->part.index),
           sim_number(h->generation), sim_number(h->session));
  int result = lrm_host_create(&config, sim_host_wall(h), sim_host_now(h), &h->host);
  if (!sim_host_said(h, result, 0, 0, "lrm_host_create") || !make_link(h)) {
    sim_host_crash(h, true);
    return;
  }
  uint32_t mode = lrm_host_state(h->host)->remote_mode;
  if (mode != REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL) /* the person wants it on again */
    SIM_SAID(h,
             lrm_host_set_remote_mode(h->host, REMOTE__V1__REMOTE_MODE__REMOTE_MODE_CONTROL, "on",
                                      sim_host_wall(h), sim_host_now(h)),
             0, 0);
  sim_agent_start(h);
}

void sim_host_crash(sim_host *h, bool heard) {
  sim_world *w = h->w;
  SIM_STEP(w, "crash part=h%u", sim_number(h->part.index));
  sim_reach(w, SIM_CRASH_HOST);
  h->part.memory.fail_at = 0;
  if (h->host != NULL) {
    const Remote__V1__SessionState *state = lrm_host_state(h->host);
    if (h->agent.turn) sim_reach(w, SIM_CRASH_IN_TURN);
    if (state->n_asks != 0) sim_reach(w, SIM_CRASH_ASK_OPEN);
    for (size_t i = 0; i < 8; i++)
      if (h->agent.finishes[i].used) sim_reach(w, SIM_CRASH_STARTED);
    if (!heard) sim_reach(w, SIM_CRASH_SILENT);
    if (h->end.carrier != NULL) sim_carrier_leave_end(w, h->end.carrier, heard);
  }
  end_process(h);
  SIM_CHECK(w, h->part.memory.bytes == 0, "h%u leaks %llu bytes", h->part.index,
            (unsigned long long)h->part.memory.bytes);
  sim_disk_crash(w, &h->disk);
  sim_judge_journal(h);
  memset(&h->agent, 0, sizeof h->agent);
  h->starts_ns = w->now_ns + sim_below(&w->random, w->calm ? SIM_SECOND : 8 * SIM_SECOND);
}

/* ---- a turn ---- */

static void settled(sim_host *h) {
  h->touched = true;
  h->disk_failing = h->disk.result != 0;
  if (h->disk.result == 0) {
    sim_oracle_journal(h, false);
    SIM_SAID(h, lrm_host_settled(h->host, sim_host_wall(h), sim_host_now(h)), 0, 0);
  } else {
    lrm_host_store_failed(h->host, h->disk.result);
  }
}

static bool step_process(sim_host *h) {
  bool any = false;
  if (lrm_host_deadline(h->host) <= sim_host_now(h)) {
    SIM_SAID(h, lrm_host_expire(h->host, sim_host_wall(h), sim_host_now(h)), 0, 0);
    any = true;
  }
  any = sim_agent_step(h) || any;
  any = sim_agent_act(h) || any;
  sim_disk_news news = sim_disk_step(h->w, &h->disk);
  if (news == SIM_DISK_SETTLED) settled(h);
  any = any || news != SIM_DISK_NOTHING;
  any = sim_agent_act(h) || any;
  if (!h->remote_over) any = sim_end_connect(h->w, &h->end) || any;
  if (h->touched) sim_end_dirty(&h->end);
  h->touched = false;
  return any;
}

/* What a person does in the end about a host that lost its remote control. */
static void look_after(sim_host *h) {
  sim_world *w = h->w;
  if (!h->remote_over || !w->calm || w->now_ns < h->over_ns + SIM_SECOND) return;
  sim_host *winner = sim_host_of(w, h->session);
  if (winner != h && winner != NULL && !winner->remote_over) return; /* it has been replaced */
  if (winner != h) return;
  sim_reach(w, SIM_REOPENED);
  sim_host_crash(h, true);
}

bool sim_host_step(sim_host *h) {
  sim_world *w = h->w;
  if (!sim_awake(w, &h->part)) return false;
  if (h->host == NULL) {
    if (w->now_ns < h->starts_ns) return false;
    sim_host_start(h);
    return true;
  }
  bool any = step_process(h);
  if (h->no_memory) {
    sim_reach(w, SIM_NO_MEMORY_HOST);
    sim_host_crash(h, true);
    return true;
  }
  look_after(h);
  return any;
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

uint64_t sim_host_due(const sim_host *h) {
  uint64_t asleep_ns = h->part.asleep_until_ns;
  if (h->host == NULL) return h->starts_ns > asleep_ns ? h->starts_ns : asleep_ns;
  uint64_t due = sim_world_time(&h->part, lrm_host_deadline(h->host));
  due = earlier(due, sim_agent_due(h));
  due = earlier(due, sim_disk_due(h->w, &h->disk));
  if (!h->remote_over) due = earlier(due, sim_end_due(&h->end));
  if (h->remote_over && h->w->calm && sim_host_of(h->w, h->session) == h)
    due = earlier(due, h->over_ns + SIM_SECOND);
  return due == SIM_NEVER || due > asleep_ns ? due : asleep_ns;
}
