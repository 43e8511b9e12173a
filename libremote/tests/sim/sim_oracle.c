/* What was journalled, published and read: one thing under one number, everywhere. The truth is
 * what lies in the journals of the hosts, looked at whenever a commit has succeeded; what was
 * published is what a relay has committed or a reader has been given. */
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "sim.h"

static uint64_t hash_bytes(const uint8_t *data, size_t bytes) {
  uint64_t hash = UINT64_C(1469598103934665603) ^ bytes;
  for (; bytes >= 8; data += 8, bytes -= 8) {
    uint64_t word;
    memcpy(&word, data, 8);
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    hash ^= hash >> 29;
  }
  for (size_t i = 0; i < bytes; i++) hash = (hash ^ data[i]) * UINT64_C(1099511628211);
  return hash == 0 ? 1 : hash;
}

void sim_oracle_begin(sim_world *w) {
  lrm_allocator allocator = sim_memory_allocator(&w->memory);
  SIM_MUST(w, lrm_block_reader_create(&allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &w->reader));
  lrm_arena_init(&w->arena, &allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
}

void sim_oracle_end(sim_world *w) {
  lrm_block_reader_destroy(w->reader);
  lrm_arena_free(&w->arena);
  for (size_t i = 0; i < w->epochs_count; i++) free(w->epochs[i].slots);
}

/* ---- the table ---- */

sim_epoch *sim_epoch_of(sim_world *w, const lrm_id *id) {
  for (size_t i = w->epochs_count; i > 0; i--)
    if (lrm_id_equal(&w->epochs[i - 1].id, id)) return &w->epochs[i - 1];
  return NULL;
}

static sim_epoch *epoch_known(sim_world *w, const lrm_id *id, unsigned session) {
  sim_epoch *epoch = sim_epoch_of(w, id);
  if (epoch != NULL) return epoch;
  SIM_CHECK(w, w->epochs_count < SIM_EPOCHS_MAX, "more epochs than the simulation has room for");
  epoch = &w->epochs[w->epochs_count++];
  epoch->id = *id;
  epoch->session = session;
  return epoch;
}

static sim_slot *slot_at(sim_epoch *epoch, uint64_t offset) {
  if (offset >= epoch->capacity) {
    uint64_t capacity = (offset + 64) * 2;
    epoch->slots = realloc(epoch->slots, capacity * sizeof *epoch->slots);
    if (epoch->slots == NULL) abort();
    memset(epoch->slots + epoch->capacity, 0, (capacity - epoch->capacity) * sizeof *epoch->slots);
    epoch->capacity = capacity;
  }
  if (offset >= epoch->count) epoch->count = offset + 1;
  return &epoch->slots[offset];
}

static uint8_t flags_of(const lrm_block *block, uint32_t index) {
  uint8_t flags = 0;
  if ((block->flags & LRM_FLAG_SNAPSHOT) == 0) return 0;
  flags |= SIM_SLOT_SNAPSHOT;
  if (block->part == 1 && index == 0) flags |= SIM_SLOT_SET_BEGINS;
  if (block->part == block->parts && index + 1 == block->count) flags |= SIM_SLOT_SET_ENDS;
  return flags;
}

static const Remote__V1__Event *decode(sim_world *w, lrm_slice message) {
  void *event = NULL;
  lrm_arena_reset(&w->arena);
  SIM_MUST(w, lrm_message_decode(&lrm_schema_Event, message.data, message.bytes, &w->arena, &event,
                                 NULL));
  return event;
}

/* ---- journals ---- */

static void know_outcome(sim_world *w, const ProtobufCBinaryData *data, uint32_t outcome) {
  lrm_id id = lrm__id_of(data);
  sim_command *command = sim_command_of(w, &id);
  if (command != NULL && outcome != 0) command->journalled |= 1u << outcome;
}

static void learn(sim_world *w, lrm_slice message) {
  const Remote__V1__Event *event = decode(w, message);
  if (event->body_case == REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME)
    know_outcome(w, &event->command_outcome->command_id, (uint32_t)event->command_outcome->outcome);
  if (event->body_case != REMOTE__V1__EVENT__BODY_SESSION_STATE) return;
  const Remote__V1__SessionState *state = event->session_state;
  for (size_t i = 0; i < state->n_outcomes; i++)
    if (!state->outcomes[i]->pending)
      know_outcome(w, &state->outcomes[i]->command_id, (uint32_t)state->outcomes[i]->outcome);
}

static void journalled(sim_host *h, sim_epoch *epoch, uint64_t offset, lrm_slice message,
                       uint8_t flags) {
  sim_world *w = h->w;
  sim_slot *slot = slot_at(epoch, offset);
  uint64_t hash = hash_bytes(message.data, message.bytes);
  for (unsigned i = 0; i < slot->versions; i++) {
    if (slot->hash[i] != hash) continue;
    slot->holders[i] |= (uint8_t)(1u << h->part.index);
    return;
  }
  if (slot->versions != 0) {
    sim_reach(w, SIM_FORK);
    SIM_CHECK(w, w->sessions[h->session].journal_losses != 0,
              "h%u: two things are journalled as %llu", h->part.index, (unsigned long long)offset);
  }
  SIM_CHECK(w, slot->versions < SIM_SLOT_VERSIONS, "a journal forked too often");
  slot->flags[slot->versions] = flags;
  slot->holders[slot->versions] = (uint8_t)(1u << h->part.index);
  slot->losses[slot->versions] = w->sessions[h->session].journal_losses;
  slot->hash[slot->versions++] = hash;
  learn(w, message);
}

static void look_at_block(sim_host *h, sim_epoch *epoch, const lrm_block *block) {
  sim_world *w = h->w;
  lrm_slice message;
  uint32_t index = 0;
  SIM_STEP(w, "journal h=%u epoch=%x off=%u n=%u wgen=%u flags=%u", sim_number(h->part.index),
           sim_id(&epoch->id), sim_number(block->offset), sim_number(block->count),
           sim_number(block->writer_generation), sim_number(block->flags));
  if ((block->flags & LRM_FLAG_CLEARS_TAIL) != 0) {
    sim_reach(w, SIM_CLEARS_TAIL);
    SIM_STEP(w, "clears h=%u epoch=%x off=%u", sim_number(h->part.index), sim_id(&epoch->id),
             sim_number(block->offset + block->count));
  }
  if (block->parts > 1 && block->part == 1) sim_reach(w, SIM_SET_OF_PARTS);
  SIM_MUST(w, lrm_block_reader_begin(w->reader, block->flags, block->count, block->inflated_bytes,
                                     block->payload));
  while (lrm_block_reader_next(w->reader, &message)) {
    journalled(h, epoch, block->offset + index, message, flags_of(block, index));
    index++;
  }
}

void sim_oracle_journal(sim_host *h, bool whole) {
  sim_world *w = h->w;
  lrm_log_key key = {.session_id = w->sessions[h->session].id, .kind = 1};
  lrm_log *log;
  if (lrm_store_log(h->disk.store, &key, false, &log) != 0) return;
  lrm_log_facts facts = lrm_log_facts_now(log);
  if (lrm_id_none(&facts.epoch)) return;
  bool same = lrm_id_equal(&facts.epoch, &h->journal_epoch);
  if (!same && !lrm_id_none(&h->journal_epoch)) sim_reach(w, SIM_EPOCH);
  if (same && facts.first > h->journal_first) sim_reach(w, SIM_JOURNAL_TRIMMED);
  uint64_t at = same && !whole ? h->journal_read : facts.first;
  if (at < facts.first) at = facts.first;
  sim_epoch *epoch = epoch_known(w, &facts.epoch, h->session);
  while (at < facts.durable) {
    lrm_block block;
    SIM_MUST(w, lrm_log_read(log, at, &block));
    at = block.offset + block.count;
    if (at > facts.durable) break;
    look_at_block(h, epoch, &block);
  }
  h->journal_epoch = facts.epoch;
  h->journal_first = facts.first;
  h->journal_read = facts.durable;
}

/* ---- what is published ---- */

bool sim_oracle_published_of(sim_world *w, const lrm_position *at, unsigned host, unsigned losses) {
  sim_epoch *epoch = sim_epoch_of(w, &at->epoch);
  if (epoch == NULL || at->offset >= epoch->count) return false;
  const sim_slot *slot = &epoch->slots[at->offset];
  if (slot->published == 0) return false;
  unsigned version = slot->published - 1u;
  return (slot->holders[version] & 1u << host) != 0 && slot->losses[version] <= losses;
}

/* May one number have been published as two things? Only when a journal was put back behind what
 * a reader had been given, and the relay had lost that as well: then no process knows of it. The
 * session's readers are torn from it until they begin anew. */
static bool may_differ(const sim_session *s) {
  return s->journal_losses != 0 && (s->relay_crashes != 0 || s->relay_losses != 0);
}

static void published(sim_world *w, sim_epoch *epoch, uint64_t offset, lrm_slice message,
                      const char *who) {
  sim_slot *slot = slot_at(epoch, offset);
  uint64_t hash = hash_bytes(message.data, message.bytes);
  unsigned version = 0;
  while (version < slot->versions && slot->hash[version] != hash) version++;
  SIM_CHECK(w, version < slot->versions, "%s has %llu of an epoch, which no journal holds", who,
            (unsigned long long)offset);
  if (slot->published == version + 1) return;
  if (slot->published != 0) {
    SIM_CHECK(w, may_differ(&w->sessions[epoch->session]), "%s has another event as number %llu",
              who, (unsigned long long)offset);
    if (!w->sessions[epoch->session].torn) sim_reach(w, SIM_EXCEPTION_TORN);
    w->sessions[epoch->session].torn = true;
    return;
  }
  slot->published = (uint8_t)(version + 1);
  if (offset >= epoch->published_end) epoch->published_end = offset + 1;
  if (slot->flags[version] != 0) return;
  sim_commanded_published(w, epoch->session, &epoch->id, offset, decode(w, message));
}

static void read_events_of_relay(sim_world *w, unsigned index, lrm_log *log) {
  sim_session *s = &w->sessions[index];
  lrm_log_facts facts = lrm_log_facts_now(log);
  if (lrm_id_none(&facts.epoch)) return;
  sim_epoch *epoch = sim_epoch_of(w, &facts.epoch);
  if (epoch == NULL) {
    SIM_CHECK(w, facts.end == facts.first, "the relay has an epoch that no journal holds");
    return;
  }
  if (!lrm_id_equal(&facts.epoch, &s->relay_epoch)) s->relay_read = 0;
  s->relay_epoch = facts.epoch;
  uint64_t at = s->relay_read > facts.first ? s->relay_read : facts.first;
  while (at < facts.durable) {
    lrm_block block;
    lrm_slice message;
    SIM_MUST(w, lrm_log_read(log, at, &block));
    at = block.offset + block.count;
    if (at > facts.durable) break;
    SIM_STEP(w, "stored log=events epoch=%x off=%u n=%u", sim_id(&epoch->id),
             sim_number(block.offset), sim_number(block.count));
    SIM_MUST(w, lrm_block_reader_begin(w->reader, block.flags, block.count, block.inflated_bytes,
                                       block.payload));
    for (uint64_t offset = block.offset; lrm_block_reader_next(w->reader, &message); offset++)
      published(w, epoch, offset, message, "the relay");
  }
  if (facts.first > 0 && s->relay_read < facts.first) sim_reach(w, SIM_RELAY_TRIMMED);
  s->relay_read = facts.durable;
  epoch->relay_durable = facts.durable;
  if (facts.durable > epoch->relay_durable_ever) epoch->relay_durable_ever = facts.durable;
}

/* The one envelope of a block of COMMANDS. */
static sim_command *command_in(sim_world *w, const lrm_block *block) {
  lrm_slice message;
  lrm_envelope envelope;
  SIM_MUST(w, lrm_block_reader_begin(w->reader, block->flags, block->count, block->inflated_bytes,
                                     block->payload));
  SIM_CHECK(w, lrm_block_reader_next(w->reader, &message), "a block of COMMANDS is empty");
  SIM_MUST(w, lrm_envelope_decode(message.data, message.bytes, &envelope));
  SIM_CHECK(w, envelope.has_origin && envelope.received_ms != 0, "a command without an origin");
  return sim_command_of(w, &envelope.command_id);
}

static void read_commands_of_relay(sim_world *w, sim_session *s, lrm_log *log) {
  lrm_log_facts facts = lrm_log_facts_now(log);
  if (!lrm_id_equal(&facts.epoch, &w->relay.config.commands_epoch)) return;
  uint64_t at = s->commands_read > facts.first ? s->commands_read : facts.first;
  while (at < facts.durable) {
    lrm_block block;
    SIM_MUST(w, lrm_log_read(log, at, &block));
    sim_command *command = command_in(w, &block);
    if (command != NULL) {
      SIM_CHECK(w, !command->stored_here || command->acked, "a command is stored twice");
      if (!command->stored) command->stored_ns = w->now_ns;
      command->stored = command->stored_here = true;
      command->acked = false;
      command->stored_at = block.offset;
      SIM_STEP(w, "cmd_stored id=%x epoch=%x off=%u", sim_id(&command->id), sim_id(&facts.epoch),
               sim_number(block.offset));
    }
    at = block.offset + block.count;
  }
  s->commands_read = facts.durable;
}

void sim_oracle_relay(sim_world *w) {
  for (unsigned i = 0; i < w->sessions_count; i++) {
    relay_session *s = sim_relay_session(w, i);
    if (s == NULL || s->deleted) continue;
    if (s->events != NULL) read_events_of_relay(w, i, s->events);
    if (s->commands != NULL) read_commands_of_relay(w, &w->sessions[i], s->commands);
  }
}

/* ---- the relay has started: what it acknowledged must be there ---- */

static void check_events_kept(sim_world *w, const sim_session *s, lrm_log *log) {
  lrm_log_facts facts = lrm_log_facts_now(log);
  if (lrm_id_none(&s->acked_epoch)) return;
  if (lrm_id_equal(&facts.epoch, &s->acked_epoch))
    SIM_CHECK(w, facts.end >= s->acked_next, "the relay acknowledged %llu events, and has %llu",
              (unsigned long long)s->acked_next, (unsigned long long)facts.end);
  else
    SIM_CHECK(w, lrm_log_former(log, &s->acked_epoch),
              "the relay has forgotten an epoch of which it acknowledged %llu events",
              (unsigned long long)s->acked_next);
}

static void check_commands_kept(sim_world *w, unsigned session, lrm_log *log) {
  lrm_log_facts facts = {.first = 0};
  if (log != NULL) facts = lrm_log_facts_now(log);
  for (uint64_t at = facts.first; at < facts.end;) {
    lrm_block block;
    SIM_MUST(w, lrm_log_read(log, at, &block));
    sim_command *command = command_in(w, &block);
    if (command != NULL) {
      command->stored_at = LRM_OFFSET_MAX; /* seen */
      command->stored = true;              /* committed, though nobody was told before the crash */
    }
    at = block.offset + block.count;
  }
  for (size_t i = 0; i < w->commands_count; i++) {
    sim_command *command = &w->commands[i];
    if (command->session != session) continue;
    SIM_CHECK(w,
              !command->receipted || !command->stored_here || command->acked ||
                  command->stored_at == LRM_OFFSET_MAX,
              "a command that was receipted is not in the relay's store");
    command->stored_here = false; /* it is numbered anew */
  }
}

void sim_oracle_relay_opened(sim_world *w) {
  for (unsigned i = 0; i < w->sessions_count; i++) {
    sim_session *s = &w->sessions[i];
    relay_session *stored = sim_relay_session(w, i);
    lrm_log *events = NULL, *commands = NULL;
    s->commands_read = 0;
    lrm_log_key key = {.account = s->account + 1u, .session_id = s->id, .kind = 1};
    if (stored != NULL) key.account = stored->account->row;
    bool kept = lrm_store_log(w->relay.disk.store, &key, false, &events) == 0;
    SIM_CHECK(w, kept || lrm_id_none(&s->acked_epoch), "the relay has lost a session's events");
    if (kept) {
      check_events_kept(w, s, events);
      read_events_of_relay(w, i, events); /* what was committed, and nobody was told */
    }
    key.kind = 2;
    if (lrm_store_log(w->relay.disk.store, &key, false, &commands) != 0) commands = NULL;
    check_commands_kept(w, i, commands);
  }
}

/* ---- readers ---- */

/* Numbers that a reader was not told of: only snapshots may be passed over. */
static void check_passed(sim_client *c, sim_view *view, sim_epoch *epoch, uint64_t to) {
  sim_world *w = c->w;
  for (uint64_t at = view->next.offset; at < to; at++) {
    const sim_slot *slot = slot_at(epoch, at);
    bool snapshot = false;
    for (unsigned i = 0; i < slot->versions; i++)
      snapshot = snapshot || (slot->flags[i] & SIM_SLOT_SNAPSHOT) != 0;
    SIM_CHECK(w, snapshot, "c%u: a silent gap: %llu after %llu, and %llu is no snapshot",
              c->part.index, (unsigned long long)to, (unsigned long long)view->next.offset,
              (unsigned long long)at);
  }
  if (to > view->next.offset) sim_reach(w, SIM_READ_PASSED);
}

void sim_oracle_read(sim_client *c, sim_view *view, const lrm_client_event *event) {
  sim_world *w = c->w;
  lrm_position at = lrm_client_position(view->client);
  sim_epoch *epoch = sim_epoch_of(w, &at.epoch);
  sim_reach(w, SIM_READ_EVENT);
  SIM_CHECK(w, epoch != NULL, "c%u reads an epoch that no journal holds", c->part.index);
  SIM_STEP(w, "deliver c=%u epoch=%x off=%u n=%u kind=block", sim_number(c->part.index),
           sim_id(&at.epoch), sim_number(event->offset), sim_number(1));
  published(w, epoch, event->offset, event->raw, "a client");
  if (view->positioned) {
    SIM_CHECK(w, lrm_id_equal(&view->next.epoch, &at.epoch), "c%u: another epoch, unstated",
              c->part.index);
    SIM_CHECK(w, event->offset >= view->next.offset, "c%u: %llu again, after %llu", c->part.index,
              (unsigned long long)event->offset, (unsigned long long)view->next.offset);
    check_passed(c, view, epoch, event->offset);
  }
  view->positioned = true;
  view->next = (lrm_position){at.epoch, event->offset + 1};
}

static void new_epoch(sim_client *c, sim_view *view, const lrm_position *to) {
  sim_world *w = c->w;
  const sim_session *s = &w->sessions[view->session];
  for (unsigned i = 0; i < view->past_count; i++)
    SIM_CHECK(w, !lrm_id_equal(&view->past[i], &to->epoch) || s->relay_losses != 0,
              "c%u goes back to an older epoch", c->part.index);
  if (view->positioned && view->past_count < sizeof view->past / sizeof *view->past)
    view->past[view->past_count++] = view->next.epoch;
}

void sim_oracle_jump(sim_client *c, sim_view *view, const lrm_client_event *event) {
  sim_world *w = c->w;
  lrm_position at = lrm_client_position(view->client);
  sim_epoch *epoch = sim_epoch_of(w, &at.epoch);
  if (event->reset) {
    sim_reach(w, SIM_READ_RESET);
    SIM_STEP(w, "reset c=%u epoch=%x off=%u", sim_number(c->part.index), sim_id(&at.epoch),
             sim_number(event->offset));
    new_epoch(c, view, &at);
    view->positioned = true;
    view->next = (lrm_position){at.epoch, event->offset};
    return;
  }
  sim_reach(w, SIM_READ_SNAPSHOT);
  SIM_STEP(w, "deliver c=%u epoch=%x off=%u n=0 kind=snapshot", sim_number(c->part.index),
           sim_id(&at.epoch), sim_number(event->offset));
  SIM_CHECK(w, epoch != NULL, "c%u: a snapshot of an epoch that no journal holds", c->part.index);
  const sim_slot *slot = slot_at(epoch, event->offset);
  bool begins = false;
  for (unsigned i = 0; i < slot->versions; i++)
    begins = begins || (slot->flags[i] & SIM_SLOT_SET_BEGINS) != 0;
  SIM_CHECK(w, begins, "c%u: no snapshot begins at %llu", c->part.index,
            (unsigned long long)event->offset);
  if (view->positioned && lrm_id_equal(&view->next.epoch, &at.epoch))
    SIM_CHECK(w, event->offset >= view->next.offset, "c%u is set back from %llu to %llu",
              c->part.index, (unsigned long long)view->next.offset,
              (unsigned long long)event->offset);
  view->positioned = true;
  view->next = (lrm_position){at.epoch, event->offset};
}
