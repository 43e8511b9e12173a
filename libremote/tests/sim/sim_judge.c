/* Acknowledged is stored; presence is true; memory stays within its limits; and in the end
 * everybody sees the same, and every command has its outcome. */
#include <stdlib.h>
#include <string.h>

#include "session/host_internal.h"
#include "sim.h"

/* ---- acknowledged is stored ---- */

void sim_judge_acked_events(sim_host *h, const lrm_link_event *event) {
  sim_world *w = h->w;
  sim_session *s = &w->sessions[h->session];
  lrm_id id = lrm_host_position(h->host).epoch;
  const sim_epoch *epoch = sim_epoch_of(w, &id);
  uint64_t next = event->frame.offset;
  SIM_STEP(w, "acked log=events h=%u epoch=%x next=%u", sim_number(h->part.index), sim_id(&id),
           sim_number(next));
  SIM_CHECK(w, next == 0 || (epoch != NULL && epoch->relay_durable_ever >= next),
            "the relay acknowledges %llu events and has stored %llu", (unsigned long long)next,
            (unsigned long long)(epoch != NULL ? epoch->relay_durable_ever : 0));
  /* An acknowledgement of a store that is lost by now binds nobody. */
  if (epoch != NULL && epoch->relay_durable >= next) {
    bool same = lrm_id_equal(&s->acked_epoch, &id);
    if (!same || next > s->acked_next) s->acked_next = next;
    s->acked_epoch = id;
  }
  sim_reach_trap(w, SIM_ACK_OF_RELAY);
}

void sim_judge_acked_commands(sim_world *w, relay_connection *connection,
                              const lrm_link_event *event) {
  const relay_channel *ch = relay_channel_find(connection, event->channel);
  if (ch == NULL || ch->kind != CHANNEL_COMMANDS_READ) return;
  unsigned session = 0;
  while (session < w->sessions_count && !lrm_id_equal(&w->sessions[session].id, &ch->session->id))
    session++;
  if (session == w->sessions_count) return;
  const sim_carrier *carrier = connection->user;
  sim_judge_delivered(w, session, event->frame.offset,
                      carrier->end != NULL ? carrier->end->part->index : SIM_HOSTS_MAX);
}

void sim_judge_delivered(sim_world *w, unsigned session, uint64_t next, unsigned host) {
  for (size_t i = 0; i < w->commands_count; i++) {
    sim_command *command = &w->commands[i];
    if (command->session != session || !command->stored_here || command->acked ||
        command->stored_at >= next)
      continue;
    command->acked = true;
    command->acked_by = host; /* SIM_HOSTS_MAX: gone since */
    command->acked_losses = w->sessions[session].journal_losses;
    command->acked_crashes = w->sessions[session].relay_crashes;
  }
  SIM_STEP(w, "acked log=commands session=%u next=%u", sim_number(session), sim_number(next));
  sim_reach_trap(w, SIM_ACK_OF_HOST);
}

void sim_judge_journal(sim_host *h) {
  sim_world *w = h->w;
  const sim_session *s = &w->sessions[h->session];
  for (size_t i = 0; i < w->commands_count; i++) {
    const sim_command *command = &w->commands[i];
    lrm_slice value, key = {command->id.bytes, sizeof command->id.bytes};
    if (command->session != h->session || !command->acked || command->acked_by != h->part.index ||
        command->acked_losses != s->journal_losses)
      continue;
    SIM_CHECK(w, lrm_store_get(h->disk.store, LRM__SPACE_COMMANDS, key, &value) == 0,
              "h%u acknowledged a command that its journal does not hold", h->part.index);
  }
}

/* ---- presence (clause 14.2) ---- */

static void judge_presence(sim_world *w, unsigned index) {
  sim_session *s = &w->sessions[index];
  const relay_session *stored = sim_relay_session(w, index);
  const uint64_t slack_ns = 300 * SIM_MS;
  bool attached =
      stored != NULL && stored->publisher != NULL && stored->publisher->state == CHANNEL_OPEN;
  if (!attached || stored->readers == 0)
    s->watched_ns = 0;
  else if (s->watched_ns == 0)
    s->watched_ns = w->now_ns;
  if (!attached || w->now_ns < w->relay.awake_ns + 15 * SIM_SECOND) return;
  if (stored->publisher->connection->exchanging) return; /* 3.26: as long as an exchange may take */
  uint64_t now_ns = sim_now(w, &w->relay.part);
  uint64_t heard_ns = lrm_link_heard_ns(stored->publisher->connection->link);
  uint64_t silent_ns = now_ns > heard_ns ? now_ns - heard_ns : 0;
  uint64_t watched_ns = s->watched_ns != 0 ? w->now_ns - s->watched_ns : 0;
  SIM_CHECK(w, silent_ns <= LRM_DEAD_NS + slack_ns,
            "\"attached\" is said of a host that was not heard for %llu ms",
            (unsigned long long)(silent_ns / SIM_MS));
  SIM_CHECK(w, silent_ns <= LRM_DEAD_WATCHED_NS + slack_ns || watched_ns <= LRM_DEAD_WATCHED_NS,
            "\"attached\" is said to those who watch of a host not heard for %llu ms",
            (unsigned long long)(silent_ns / SIM_MS));
}

/* ---- memory ---- */

enum {
  KIB = 1024,
  RELAY_BYTES = 256 * KIB,           /* the relay itself */
  RELAY_BYTES_CONNECTION = 96 * KIB, /* a connection with its link */
  RELAY_BYTES_SESSION = 128 * KIB,   /* a session: tails 64 KiB, outboxes */
  HOST_BYTES = 12 * 1024 * KIB,
  CLIENT_BYTES = 12 * 1024 * KIB
};

static void judge_memory(sim_world *w) {
  const sim_relay *r = &w->relay;
  if (r->core != NULL) {
    uint64_t limit = RELAY_BYTES + RELAY_BYTES_CONNECTION * (uint64_t)r->core->connections_count +
                     RELAY_BYTES_SESSION * (uint64_t)r->core->sessions_count;
    SIM_CHECK(w, r->part.memory.bytes <= limit, "the relay holds %llu bytes for %u connections",
              (unsigned long long)r->part.memory.bytes, r->core->connections_count);
  }
  for (size_t i = 0; i < SIM_HOSTS_MAX; i++)
    SIM_CHECK(w, w->hosts[i].part.memory.bytes <= HOST_BYTES, "h%u holds %llu bytes", (unsigned)i,
              (unsigned long long)w->hosts[i].part.memory.bytes);
  for (size_t i = 0; i < SIM_CLIENTS_MAX; i++)
    SIM_CHECK(w, w->clients[i].part.memory.bytes <= CLIENT_BYTES, "c%u holds %llu bytes",
              (unsigned)i, (unsigned long long)w->clients[i].part.memory.bytes);
}

/* A publisher that has something to send and no credit for it. */
static void look_for_credit(sim_world *w) {
  for (size_t i = 0; i < SIM_CARRIERS_MAX; i++) {
    const sim_carrier *c = &w->carriers[i];
    if (!c->used || c->connection == NULL) continue;
    for (const relay_channel *ch = c->connection->channels; ch != NULL;
         ch = ch->next_of_connection) {
      lrm_link_channel facts;
      if (ch->kind != CHANNEL_EVENTS_READ || ch->state != CHANNEL_OPEN ||
          lrm_link_channel_facts(c->connection->link, ch->number, &facts) != 0)
        continue;
      if (facts.publishes && facts.next < facts.end && facts.moved_bytes >= facts.credit)
        sim_reach(w, SIM_CREDIT_EXHAUSTED);
    }
  }
}

void sim_judge_step(sim_world *w) {
  if (w->relay.core != NULL && sim_awake(w, &w->relay.part))
    for (unsigned i = 0; i < w->sessions_count; i++) judge_presence(w, i);
  judge_memory(w);
  if (w->steps_count % 16 == 0) look_for_credit(w);
}

/* ---- the end ---- */

static bool complain(const sim_world *w, bool say, const char *what, unsigned part) {
  if (say)
    fprintf(stderr, "  at %llu ms: %s (%u)\n", (unsigned long long)(w->now_ns / SIM_MS), what,
            part);
  return false;
}

static bool session_quiet(sim_world *w, unsigned session, bool say) {
  const sim_host *h = sim_host_of(w, session);
  if (h == NULL) return complain(w, say, "no process of the session runs", session);
  const Remote__V1__SessionState *state = lrm_host_state(h->host);
  if (h->remote_over) return complain(w, say, "the host's remote control is over", h->over_code);
  if (!h->agent.ready) return complain(w, say, "the agent is not ready", h->part.index);
  if (h->agent.turn) return complain(w, say, "a turn runs", h->part.index);
  if (state->n_queue != 0) return complain(w, say, "prompts are queued", h->part.index);
  if (state->n_asks != 0) return complain(w, say, "asks are open", h->part.index);
  if (h->end.carrier == NULL) return complain(w, say, "the host is not connected", h->part.index);
  if (!lrm_host_published(h->host)) return complain(w, say, "not published", h->part.index);
  const relay_session *s = sim_relay_session(w, session);
  if (s == NULL || !relay_host_attached(s))
    return complain(w, say, "the relay says: the host is away", session);
  return true;
}

static bool view_quiet(sim_world *w, const sim_client *c, const sim_view *view, bool say) {
  if (view->foreign) return true;
  const sim_host *h = sim_host_of(w, view->session);
  lrm_position there = lrm_host_position(h->host), here = lrm_client_position(view->client);
  if (view->over != 0) return complain(w, say, "a client's session is closed", view->over);
  if (lrm_client_pending(view->client) != 0)
    return complain(w, say, "a client's commands have no outcome", c->part.index);
  if (here.offset != there.offset || !lrm_id_equal(&here.epoch, &there.epoch)) {
    if (say)
      fprintf(stderr, "  c%u at %llu, h%u at %llu, %s\n", c->part.index,
              (unsigned long long)here.offset, h->part.index, (unsigned long long)there.offset,
              lrm_id_equal(&here.epoch, &there.epoch) ? "same epoch" : "another epoch");
    return false;
  }
  const remote_v1_LogStatus *status = lrm_client_status(view->client);
  if (status == NULL || !status->host_attached)
    return complain(w, say, "a client is told that the host is away", c->part.index);
  return true;
}

bool sim_judge_quiet(sim_world *w, bool say) {
  if (w->relay.core == NULL) return complain(w, say, "the relay does not run", 0);
  for (unsigned i = 0; i < SIM_CARRIERS_MAX; i++) {
    const sim_carrier *c = &w->carriers[i];
    bool there = c->poll != NULL || c->connection != NULL;
    if (c->used && (c->dead || c->end == NULL || !there))
      return complain(w, say, "a carrier is dead, and that is not noticed", i);
  }
  for (unsigned i = 0; i < w->sessions_count; i++)
    if (!session_quiet(w, i, say)) return false;
  for (size_t i = 0; i < SIM_CLIENTS_MAX; i++) {
    const sim_client *c = &w->clients[i];
    if (!c->used) continue;
    if (!c->running) return complain(w, say, "a client does not run", c->part.index);
    for (unsigned k = 0; k < c->views_count; k++)
      if (!view_quiet(w, c, &c->views[k], say)) return false;
  }
  return true;
}

static size_t pack_state(const Remote__V1__SessionState *state, uint8_t **out) {
  size_t bytes = remote__v1__session_state__get_packed_size(state);
  *out = malloc(bytes + 1);
  if (*out == NULL) abort();
  remote__v1__session_state__pack(state, *out);
  return bytes;
}

/* For protoc --decode=remote.v1.SessionState. */
static void keep_state(const char *path, const uint8_t *data, size_t bytes) {
  FILE *out = fopen(path, "wb");
  if (out == NULL) return;
  (void)fwrite(data, 1, bytes, out);
  fclose(out);
}

static void compare_views(sim_world *w, const sim_client *c, const sim_view *view) {
  uint8_t *ours, *theirs;
  const sim_host *h = sim_host_of(w, view->session);
  size_t our_bytes = pack_state(lrm_host_state(h->host), &ours);
  size_t their_bytes = pack_state(lrm_view_state(lrm_client_view(view->client)), &theirs);
  bool same = our_bytes == their_bytes && memcmp(ours, theirs, our_bytes) == 0;
  if (!same && w->options->verbose) {
    keep_state("sim-host.state", ours, our_bytes);
    keep_state("sim-client.state", theirs, their_bytes);
  }
  SIM_CHECK(w, same, "c%u sees another state than h%u (%zu and %zu bytes)", c->part.index,
            h->part.index, their_bytes, our_bytes);
  free(ours);
  free(theirs);
}

/* A command of a sender that went away. */
static void judge_abandoned(sim_world *w, const sim_command *command) {
  const sim_session *s = &w->sessions[command->session];
  if (!command->receipted || command->journalled != 0 || s->journal_losses != 0) return;
  if (command->outcome != 0) return;
  const sim_host *h = sim_host_of(w, command->session);
  lrm_id epoch = lrm_host_position(h->host).epoch;
  if (s->relay_losses != 0) {
    sim_reach(w, SIM_EXCEPTION_12_6);
    return;
  }
  (void)epoch;
  sim_fail(w, "a command that was stored has no outcome (kind %u, of c%u, given %u times)",
           command->kind, command->client, command->acted);
}

void sim_judge_end(sim_world *w) {
  for (size_t i = 0; i < SIM_CLIENTS_MAX; i++) {
    const sim_client *c = &w->clients[i];
    if (!c->used) continue;
    for (unsigned k = 0; k < c->views_count; k++)
      if (!c->views[k].foreign) compare_views(w, c, &c->views[k]);
  }
  for (size_t i = 0; i < w->commands_count; i++) {
    const sim_command *command = &w->commands[i];
    SIM_CHECK(w,
              !command->refused_told || command->journalled == 0 ||
                  w->sessions[command->session].journal_losses != 0,
              "c%u was told that the relay refused what its host has taken", command->client);
    if (command->abandoned)
      judge_abandoned(w, command);
    else
      SIM_CHECK(w, command->state == LRM_COMMAND_DONE && command->outcome != 0,
                "a command of c%u has no outcome", command->client);
  }
}
