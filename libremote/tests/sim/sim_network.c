/* Carriers between connecting links and the relay: what the driver of the real programs does
 * (libremote/src/carrier/drive_uv.c), over pipes with every fault a network knows. */
#include <string.h>

#include "sim.h"

enum { SOCKET_BYTES = 64 * 1024, TURN_BYTES_MAX = 512 * 1024 };

/* One side of a carrier. */
typedef struct side {
  sim_world *w;
  sim_carrier *carrier;
  bool relay;
  lrm_link *link;
  sim_part *part;
  sim_way *in, *out;
  uint64_t now_ns;
} side;

static side relay_side(sim_world *w, sim_carrier *c) {
  return (side){w,
                c,
                true,
                relay_connection_link(c->connection),
                &w->relay.part,
                &c->pipe.up,
                &c->pipe.down,
                sim_now(w, &w->relay.part)};
}

static side end_side(sim_world *w, sim_carrier *c) {
  return (side){w,
                c,
                false,
                c->end->link,
                c->end->part,
                &c->pipe.down,
                &c->pipe.up,
                sim_now(w, c->end->part)};
}

static bool present(const side *s) {
  return s->relay ? s->carrier->connection != NULL : s->carrier->end != NULL;
}

/* ---- leaving ---- */

static void free_when_left(sim_carrier *c) {
  if (c->end != NULL || c->connection != NULL) return;
  sim_pipe_free(&c->pipe);
  c->used = false;
}

static void way_left(sim_way *out, sim_way *in, bool heard) {
  out->sender_gone = true;
  in->receiver_gone = true;
  if (!heard) out->lost = true;
}

static void note_state(sim_world *w, sim_end *end) {
  lrm_link_state state = lrm_link_state_now(end->link);
  if (state == end->seen) return;
  end->seen = state;
  SIM_STEP(w, "link part=%s%u state=%s gen=%u", sim_text(end->part->kind == 'h' ? "h" : "c"),
           sim_number(end->part->index), sim_text(lrm_link_state_name(state)),
           sim_number(lrm_link_generation(end->link)));
}

void sim_carrier_leave_end(sim_world *w, sim_carrier *c, bool heard) {
  sim_end *end = c->end;
  if (end == NULL) return;
  if (c->poll != NULL) sim_poll_end(w, c, heard);
  c->end = NULL;
  end->carrier = NULL;
  way_left(&c->pipe.up, &c->pipe.down, heard);
  lrm_link_detach(end->link, sim_now(w, end->part));
  note_state(w, end);
  end->down(end->user);
  free_when_left(c);
}

void sim_carrier_leave_relay(sim_world *w, sim_carrier *c, bool heard) {
  relay_connection *connection = c->connection;
  if (c->poll != NULL) sim_poll_relay_left(w, c, heard);
  if (connection == NULL) return;
  c->connection = NULL;
  way_left(&c->pipe.down, &c->pipe.up, heard);
  relay_disconnect(connection, sim_now(w, &w->relay.part), sim_wall_ms(w, &w->relay.part));
  free_when_left(c);
}

static void leave(const side *s) {
  if (s->relay)
    sim_carrier_leave_relay(s->w, s->carrier, true);
  else
    sim_carrier_leave_end(s->w, s->carrier, true);
}

/* ---- events ---- */

/* What honest parts must never say to each other. */
static void check_problem(const side *s, const lrm_link_event *event) {
  if (event->problem == NULL) return;
  uint32_t code = event->problem->code;
  bool starved = s->w->relay.part.memory.failed || s->part->memory.failed;
  bool bug = code >= 4000 && code < 5000 && event->type != LRM_LINK_EVENT_CLOSED;
  SIM_CHECK(s->w, !bug || starved, "%c%u hears %u %s on its carrier: %s", s->part->kind,
            s->part->index, code, lrm_code_name(code), event->problem->reason);
}

static void relay_hears(const side *s, const lrm_link_event *event) {
  sim_world *w = s->w;
  relay_connection *connection = s->carrier->connection;
  if (event->type == LRM_LINK_EVENT_HELLO && s->carrier->end != NULL)
    SIM_STEP(w, "hello part=%s%u gen=%u", sim_text(s->carrier->end->part->kind == 'h' ? "h" : "c"),
             sim_number(s->carrier->end->part->index), sim_number(event->hello->generation));
  if (event->type == LRM_LINK_EVENT_ACKED) sim_judge_acked_commands(w, connection, event);
  relay_event(connection, event, s->now_ns, sim_wall_ms(w, s->part));
}

static void end_hears(const side *s, const lrm_link_event *event) {
  sim_world *w = s->w;
  sim_end *end = s->carrier->end;
  if (event->type == LRM_LINK_EVENT_GOAWAY || event->type == LRM_LINK_EVENT_REFUSED) {
    end->goodbye_code = event->problem->code;
    if (event->problem->code == LRM_CODE_SUPERSEDED) {
      sim_reach(w, SIM_SUPERSEDED_LINK);
      SIM_STEP(w, "superseded part=%s%u stored=%u", sim_text(end->part->kind == 'h' ? "h" : "c"),
               sim_number(end->part->index), sim_number(event->problem->stored_generation));
    }
  }
  end->event(end->user, event);
}

static bool drain(const side *s) {
  lrm_link_event event;
  bool any = false;
  while (present(s) && lrm_link_next_event(s->link, &event)) {
    any = true;
    if (event.type == LRM_LINK_EVENT_SILENT) {
      sim_reach(s->w, SIM_SILENT_LINK);
      *(s->relay ? &s->carrier->relay_silent : &s->carrier->end_silent) = true;
    }
    check_problem(s, &event);
    if (s->relay)
      relay_hears(s, &event);
    else
      end_hears(s, &event);
  }
  return any;
}

/* ---- bytes ---- */

static bool receive(const side *s) {
  bool any = false;
  uint64_t reads_ns = s->relay ? s->carrier->relay_reads_ns : s->carrier->end_reads_ns;
  while (present(s) && s->in->arrived.bytes > 0 && s->w->now_ns >= reads_ns) {
    size_t consumed = 0, wanted = 0;
    int result = lrm_link_recv(s->link, s->in->arrived.data, s->in->arrived.bytes, &consumed,
                               &wanted, s->now_ns);
    any = drain(s) || any;
    SIM_CHECK(s->w, result == 0 || s->w->relay.part.memory.failed || s->part->memory.failed,
              "%c%u: the other side broke the protocol: %s", s->part->kind, s->part->index,
              lrm_link_error_detail(s->link));
    if (result != 0) consumed = s->in->arrived.bytes;
    sim_way_take(s->in, consumed);
    if (consumed == 0) break;
    any = true;
  }
  return any;
}

static void put(const side *s, const void *data, size_t bytes) {
  if (s->out->wire.bytes == 0) s->out->ready_ns = s->w->now_ns + s->carrier->latency_ns;
  sim_way_send(s->out, data, bytes);
}

static bool send_control(const side *s) {
  uint8_t control[16 * 1024];
  size_t written = 0;
  if (!lrm_link_has_outgoing(s->link)) return false;
  SIM_MUST(s->w, lrm_link_outgoing(s->link, control, sizeof control, &written, s->now_ns));
  put(s, control, written);
  if (s->relay && !lrm_link_has_outgoing(s->link))
    relay_drained(s->carrier->connection, s->now_ns, sim_wall_ms(s->w, s->part));
  return written > 0;
}

static bool send_data(const side *s, size_t *sent) {
  lrm_link_want want;
  lrm_frame frame;
  memset(&frame, 0, sizeof frame);
  if (!lrm_link_wanted(s->link, &want)) return false;
  int result = s->relay ? relay_fetch(s->carrier->connection, &want, &frame, s->now_ns)
                        : s->carrier->end->fetch(s->carrier->end->user, &want, &frame);
  if (result != 0) return false;
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t bytes = 0;
  SIM_MUST(s->w, lrm_link_block(s->link, want.channel, &frame, header, &bytes, s->now_ns));
  put(s, header, bytes);
  put(s, frame.payload.data, frame.payload.bytes);
  *sent += bytes + frame.payload.bytes;
  return true;
}

static bool transmit(const side *s) {
  bool *dirty = s->relay ? &s->carrier->relay_dirty : &s->carrier->end_dirty;
  bool any = false;
  size_t sent = 0;
  if (!*dirty) return false;
  while (sim_way_room(s->out) > 0) {
    if (send_control(s)) {
      any = true;
      continue;
    }
    if (sent > TURN_BYTES_MAX || !send_data(s, &sent)) {
      /* Fetching may have closed a channel: its CLOSE leaves as well. */
      *dirty = sent > TURN_BYTES_MAX || lrm_link_has_outgoing(s->link);
      if (!*dirty || sent > TURN_BYTES_MAX) break;
      continue;
    }
    any = true;
  }
  return any;
}

/* ---- a turn of one side ---- */

static bool end_when_over(const side *s) {
  sim_carrier *c = s->carrier;
  uint64_t *goodbye_ns = s->relay ? &c->relay_goodbye_ns : &c->end_goodbye_ns;
  if (s->relay ? c->relay_silent : c->end_silent) {
    leave(s);
    return true;
  }
  if (sim_way_ended(&c->pipe, s->in) && (c->pipe.cut || s->in->arrived.bytes == 0)) {
    leave(s);
    return true;
  }
  if (lrm_link_state_now(s->link) != LRM_LINK_CLOSING) return false;
  if (*goodbye_ns == 0) *goodbye_ns = s->now_ns + LRM_GOAWAY_CLOSE_NS;
  if (lrm_link_has_outgoing(s->link) && s->now_ns < *goodbye_ns) return false;
  leave(s);
  return true;
}

static bool drive(const side *s) {
  if (!sim_awake(s->w, s->part)) return false;
  bool any = receive(s);
  if (!present(s)) return true;
  if (lrm_link_deadline(s->link) <= s->now_ns) {
    lrm_link_expire(s->link, s->now_ns);
    any = true;
    drain(s);
  }
  if (!present(s)) return true;
  if (any) *(s->relay ? &s->carrier->relay_dirty : &s->carrier->end_dirty) = true;
  any = transmit(s) || any;
  any = drain(s) || any;
  if (!present(s)) return true;
  if (!s->relay) note_state(s->w, s->carrier->end);
  return end_when_over(s) || any;
}

/* ---- ways ---- */

static bool move(sim_world *w, sim_carrier *c, sim_way *way) {
  if (way->arrived.bytes > SOCKET_BYTES && !c->pipe.cut) return false;
  bool was_empty = way->arrived.bytes == 0;
  if (!sim_way_move(&c->pipe, way, &w->random, w->now_ns)) return false;
  w->hash = sim_mix(w->hash + way->wire.bytes * 131 + way->arrived.bytes);
  if (way->wire.bytes > 0) way->ready_ns = w->now_ns + (way->chunk_max < 16 ? 20000 : 150000);
  if (way == &c->pipe.up && was_empty) c->heard_ns = w->now_ns;
  return true;
}

static uint64_t way_due(const sim_carrier *c, const sim_way *way) {
  if (c->pipe.cut || way->wire.bytes == 0 || way->arrived.bytes > SOCKET_BYTES) return SIM_NEVER;
  return way->stalled_ns > way->ready_ns ? way->stalled_ns : way->ready_ns;
}

/* ---- all of them ---- */

bool sim_network_step(sim_world *w) {
  bool any = sim_poll_orphans_step(w);
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++) {
    sim_carrier *c = &w->carriers[i];
    if (!c->used) continue;
    if (c->poll != NULL) {
      any = (c->end != NULL && sim_poll_step(w, c)) || any;
    } else {
      any = move(w, c, &c->pipe.up) || any;
      any = move(w, c, &c->pipe.down) || any;
    }
    if (c->end != NULL) {
      side s = end_side(w, c);
      any = drive(&s) || any;
    }
    if (c->used && c->connection != NULL) {
      side s = relay_side(w, c);
      any = drive(&s) || any;
    }
  }
  return any;
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* Something to take or to send, which only time holds up. */
static uint64_t side_due(const side *s) {
  uint64_t due = sim_world_time(s->part, lrm_link_deadline(s->link));
  uint64_t reads_ns = s->relay ? s->carrier->relay_reads_ns : s->carrier->end_reads_ns;
  uint64_t goodbye_ns = s->relay ? s->carrier->relay_goodbye_ns : s->carrier->end_goodbye_ns;
  if (goodbye_ns != 0) due = earlier(due, sim_world_time(s->part, goodbye_ns));
  if (s->in->arrived.bytes > 0 && reads_ns > s->w->now_ns)
    due = earlier(due, reads_ns > s->part->asleep_until_ns ? reads_ns : s->part->asleep_until_ns);
  return due;
}

uint64_t sim_network_due(sim_world *w) {
  uint64_t due = sim_poll_orphans_due(w);
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++) {
    sim_carrier *c = &w->carriers[i];
    if (!c->used) continue;
    if (c->poll == NULL)
      due = earlier(due, earlier(way_due(c, &c->pipe.up), way_due(c, &c->pipe.down)));
    else if (c->end != NULL)
      due = earlier(due, sim_poll_due(w, c));
    if (c->end != NULL) {
      side s = end_side(w, c);
      due = earlier(due, side_due(&s));
    }
    if (c->connection != NULL) {
      side s = relay_side(w, c);
      due = earlier(due, side_due(&s));
    }
  }
  return due;
}

void sim_end_dirty(sim_end *end) {
  if (end->carrier != NULL) end->carrier->end_dirty = true;
}

void sim_network_kick(void *user, void *connection_user) {
  sim_world *w = user;
  if (connection_user == w->orphans) return; /* looked at in every step */
  sim_carrier *c = connection_user;
  c->relay_dirty = true;
}

/* ---- connecting ---- */

static sim_carrier *free_carrier(sim_world *w) {
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++)
    if (!w->carriers[i].used) return &w->carriers[i];
  return NULL;
}

/* An attempt that is due: true. */
bool sim_end_connect(sim_world *w, sim_end *end) {
  if (end->carrier != NULL || !sim_awake(w, end->part)) return false;
  uint64_t now_ns = sim_now(w, end->part);
  if (lrm_link_attempt_ns(end->link) > now_ns) return false;
  sim_carrier *c = free_carrier(w);
  relay_connection *connection = NULL;
  bool polls = w->options->polls && sim_once_in(&w->random, 2);
  bool reached = w->now_ns >= end->blocked_ns && w->relay.core != NULL &&
                 sim_awake(w, &w->relay.part) && c != NULL &&
                 (polls || relay_connect(w->relay.core, c, "sim", sim_now(w, &w->relay.part),
                                         &connection) == 0);
  if (!reached) {
    lrm_link_detach(end->link, now_ns); /* an attempt failed */
    return true;
  }
  memset(c, 0, sizeof *c);
  sim_pipe_init(&c->pipe);
  c->used = true;
  c->end = end;
  c->poll = polls ? sim_poll_begin() : NULL;
  c->connection = connection;
  c->end_dirty = c->relay_dirty = true;
  c->latency_ns = 20000 + sim_below(&w->random, sim_once_in(&w->random, 4) ? 120 * SIM_MS : SIM_MS);
  c->heard_ns = w->now_ns;
  end->carrier = c;
  SIM_MUST(w, lrm_link_attach(end->link, now_ns));
  if (connection != NULL)
    SIM_MUST(w, lrm_link_attach(relay_connection_link(connection), sim_now(w, &w->relay.part)));
  note_state(w, end);
  return true;
}

uint64_t sim_end_due(const sim_end *end) {
  if (end->carrier != NULL) return SIM_NEVER;
  return sim_world_time(end->part, lrm_link_attempt_ns(end->link));
}

/* ---- the calm ---- */

static void heal_way(sim_way *way) {
  if (way->stalled_ns != SIM_NEVER) way->stalled_ns = 0;
  way->chunk_max = 65536;
  way->cut_after = UINT64_MAX;
}

void sim_network_heal(sim_world *w) {
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++) {
    sim_carrier *c = &w->carriers[i];
    if (!c->used) continue;
    heal_way(&c->pipe.up);
    heal_way(&c->pipe.down);
    c->end_reads_ns = c->relay_reads_ns = 0;
    c->end_dirty = c->relay_dirty = true;
  }
}

void sim_network_free(sim_world *w) {
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++)
    if (w->carriers[i].used) {
      if (w->carriers[i].poll != NULL) sim_poll_end(w, &w->carriers[i], false);
      sim_pipe_free(&w->carriers[i].pipe);
    }
}
