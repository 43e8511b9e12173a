/* Commands: taken at most once, one outcome, the same for everybody. Asks: the first answer wins
 * everywhere, and the agent hears it once. The exceptions that docs/spec.md states (clauses 12.6
 * and 12.8) are allowed only where their fault has happened. */
#include <string.h>

#include "sim.h"

#define OUTCOME_IS(name) REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_##name

sim_command *sim_command_of(sim_world *w, const lrm_id *id) {
  for (size_t i = w->commands_count; i > 0; i--)
    if (lrm_id_equal(&w->commands[i - 1].id, id)) return &w->commands[i - 1];
  return NULL;
}

sim_command *sim_command_add(sim_world *w, const lrm_id *id) {
  sim_command *command = &w->commands[w->commands_count++];
  memset(command, 0, sizeof *command);
  command->id = *id;
  return command;
}

sim_ask *sim_ask_of(sim_world *w, const lrm_id *id) {
  for (size_t i = w->asks_count; i > 0; i--)
    if (lrm_id_equal(&w->asks[i - 1].id, id)) return &w->asks[i - 1];
  return NULL;
}

sim_ask *sim_ask_add(sim_world *w, const lrm_id *id) {
  SIM_CHECK(w, w->asks_count < SIM_ASKS_MAX, "more asks than the simulation has room for");
  sim_ask *ask = &w->asks[w->asks_count++];
  memset(ask, 0, sizeof *ask);
  ask->id = *id;
  return ask;
}

static uint64_t hash_resolution(const Remote__V1__AskResolved *resolved) {
  static uint8_t bytes[128 * 1024];
  size_t packed = remote__v1__ask_resolved__get_packed_size(resolved);
  if (packed > sizeof bytes) return 1;
  remote__v1__ask_resolved__pack(resolved, bytes);
  uint64_t hash = 7;
  for (size_t i = 0; i < packed; i++) hash = sim_mix(hash + bytes[i]);
  return hash;
}

/* A journal was put back or copied, and the relay has lost what it had: nobody is left who knows.
 */
static bool may_differ(const sim_world *w, unsigned session) {
  const sim_session *s = &w->sessions[session];
  return s->journal_losses != 0 && (s->relay_losses != 0 || s->relay_crashes != 0);
}

/* ---- outcomes ---- */

static const sim_count outcome_counts[] = {
    SIM_OUTCOME_UNKNOWN, SIM_OUTCOME_APPLIED,   SIM_OUTCOME_REJECTED, SIM_OUTCOME_SUPERSEDED,
    SIM_OUTCOME_EXPIRED, SIM_OUTCOME_WITHDRAWN, SIM_OUTCOME_UNKNOWN};

static bool given_to_agent(uint32_t kind) {
  return kind == REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT ||
         kind == REMOTE__V1__COMMAND__BODY_SET_MODE ||
         kind == REMOTE__V1__COMMAND__BODY_SET_CONFIG_OPTION ||
         kind == REMOTE__V1__COMMAND__BODY_RUN_SLASH_COMMAND;
}

/* What the agent was given, and what is said about it, agree. */
static void check_effect(sim_world *w, const sim_command *command,
                         const Remote__V1__CommandOutcome *outcome) {
  if (w->sessions[command->session].journal_losses != 0) return;
  switch (outcome->outcome) {
    case OUTCOME_IS(APPLIED):
      SIM_CHECK(w, !given_to_agent(command->kind) || command->acted == 1,
                "a command is APPLIED, but the agent was given it %u times", command->acted);
      break;
    case OUTCOME_IS(WITHDRAWN):
    case OUTCOME_IS(EXPIRED):
      SIM_CHECK(w, command->acted == 0, "a command is %s, but the agent was given it",
                outcome->outcome == OUTCOME_IS(EXPIRED) ? "EXPIRED" : "WITHDRAWN");
      break;
    case OUTCOME_IS(REJECTED):
      SIM_CHECK(w, command->acted == 0 || (command->finished && !command->finished_good),
                "a command is REJECTED with %u, but the agent has done it", outcome->code);
      break;
    default:
      break;
  }
  SIM_CHECK(w,
            outcome->outcome != OUTCOME_IS(EXPIRED) || command->ttl_ms != 0 ||
                command->kind == REMOTE__V1__COMMAND__BODY_CANCEL_TURN ||
                command->kind == REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT,
            "a command without a limit is EXPIRED");
}

static void check_superseded(sim_world *w, const lrm_id *epoch,
                             const Remote__V1__CommandOutcome *outcome) {
  if (outcome->outcome != OUTCOME_IS(SUPERSEDED) || outcome->resolution == NULL) return;
  lrm_id id = lrm__id_of(&outcome->resolution->ask_id);
  const sim_ask *ask = sim_ask_of(w, &id);
  SIM_CHECK(w, ask != NULL, "a late answer is told of no ask");
  sim_reach(w, SIM_ASK_LATE);
  SIM_CHECK(w,
            ask->resolved == 0 || !lrm_id_equal(epoch, &ask->epoch) ||
                may_differ(w, ask->session) ||
                ask->resolved_hash == hash_resolution(outcome->resolution),
            "a late answer is told of another resolution (%u) than everybody was (%u)",
            (unsigned)outcome->resolution->outcome, ask->outcome);
}

/* A second outcome: only out of a journal that was put back (or copied) behind the first, only in
 * the epoch that such a journal has to begin, and only UNKNOWN; anything, where the relay had lost
 * the first as well. */
static bool may_be_second(const sim_world *w, const sim_command *command, const lrm_id *epoch,
                          const Remote__V1__CommandOutcome *outcome) {
  const sim_session *s = &w->sessions[command->session];
  if (s->journal_losses == 0) return false;
  if (s->relay_losses != 0 || s->relay_crashes != command->outcome_crashes) return true;
  return outcome->outcome == OUTCOME_IS(UNKNOWN) && !lrm_id_equal(epoch, &command->outcome_epoch);
}

static void outcome_published(sim_world *w, unsigned session, const lrm_id *epoch,
                              const Remote__V1__CommandOutcome *outcome) {
  lrm_id id = lrm__id_of(&outcome->command_id);
  sim_command *command = sim_command_of(w, &id);
  check_superseded(w, epoch, outcome);
  if (command == NULL) return; /* a client's own question, or a local command */
  SIM_STEP(w, "cmd_outcome id=%x outcome=%u code=%u", sim_id(&id),
           sim_number((uint64_t)outcome->outcome), sim_number(outcome->code));
  unsigned losses = w->sessions[session].journal_losses;
  SIM_CHECK(w, command->session == session, "an outcome in another session");
  SIM_CHECK(w, command->published == 0 || may_be_second(w, command, epoch, outcome),
            "a command has two outcomes: %u and %u", command->published_outcome,
            (unsigned)outcome->outcome);
  check_effect(w, command, outcome);
  if (command->published++ == 0) {
    command->outcome_epoch = *epoch;
    command->outcome_crashes = w->sessions[session].relay_crashes;
  }
  command->published_outcome = (uint32_t)outcome->outcome;
  command->published_code = outcome->code;
  command->outcome_losses = losses;
  sim_reach(w, outcome_counts[outcome->outcome <= 6 ? outcome->outcome : 0]);
}

/* ---- asks ---- */

static sim_count ask_count(const Remote__V1__AskResolved *resolved) {
  switch (resolved->outcome) {
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ANSWERED:
      return resolved->command_id.len != 0 ? SIM_ASK_ANSWERED : SIM_ASK_ANSWERED_HERE;
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_EXPIRED:
      return SIM_ASK_EXPIRED;
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_WITHDRAWN:
      return SIM_ASK_WITHDRAWN;
    case REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_CANCELLED:
      return SIM_ASK_CANCELLED;
    default:
      return SIM_ASK_ORPHANED;
  }
}

static void resolution_published(sim_world *w, unsigned session, const lrm_id *epoch,
                                 const Remote__V1__AskResolved *resolved) {
  lrm_id id = lrm__id_of(&resolved->ask_id);
  sim_ask *ask = sim_ask_of(w, &id);
  unsigned losses = w->sessions[session].journal_losses;
  uint64_t hash = hash_resolution(resolved);
  SIM_CHECK(w, ask != NULL && ask->session == session, "the end of no ask");
  /* Two histories of one ask: only in two epochs, out of a journal that was put back or copied. */
  bool second = losses != 0 && (!lrm_id_equal(epoch, &ask->epoch) ||
                                ask->crashes != w->sessions[session].relay_crashes);
  SIM_CHECK(w, ask->resolved == 0 || second, "an ask is resolved twice: %u, then %u (%s)",
            ask->outcome, (unsigned)resolved->outcome, resolved->reason);
  SIM_CHECK(w, ask->told == 0 || ask->told_hash == hash || losses != 0 || ask->told_unwritten,
            "the agent was told another answer than everybody");
  ask->resolved++;
  ask->epoch = *epoch;
  ask->crashes = w->sessions[session].relay_crashes;
  ask->resolved_hash = hash;
  ask->outcome = (uint32_t)resolved->outcome;
  sim_reach(w, ask_count(resolved));
  SIM_STEP(
      w, "%s id=%x outcome=%u",
      sim_text(resolved->outcome == REMOTE__V1__ASK_OUTCOME__ASK_OUTCOME_ORPHANED ? "ask_orphaned"
                                                                                  : "ask_resolved"),
      sim_id(&id), sim_number((uint64_t)resolved->outcome));
}

void sim_commanded_told(sim_host *h, const lrm_host_action *action) {
  sim_world *w = h->w;
  sim_ask *ask = sim_ask_of(w, &action->ask_id);
  SIM_CHECK(w, ask != NULL && action->resolution != NULL, "the agent is told an answer to nothing");
  SIM_CHECK(w, ++ask->told == 1, "the agent was told an answer twice");
  ask->told_hash = hash_resolution(action->resolution);
  /* While its journal fails the local session goes on from memory (host.h): what the person there
   * says is told without being journalled, and a crash forgets it. From afar nothing is. */
  bool local = action->resolution->by != NULL && action->resolution->by->local;
  ask->told_unwritten = h->disk_failing && (local || action->resolution->by == NULL);
  SIM_CHECK(w,
            ask->resolved == 0 || ask->told_hash == ask->resolved_hash ||
                w->sessions[ask->session].journal_losses != 0,
            "the agent was told another answer than everybody");
  SIM_STEP(w, "ask_told_agent h=%u id=%x", sim_number(h->part.index), sim_id(&action->ask_id));
}

void sim_commanded_published(sim_world *w, unsigned session, const lrm_id *epoch, uint64_t offset,
                             const Remote__V1__Event *event) {
  (void)offset;
  if (event->body_case == REMOTE__V1__EVENT__BODY_COMMAND_OUTCOME)
    outcome_published(w, session, epoch, event->command_outcome);
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASK_RESOLVED)
    resolution_published(w, session, epoch, event->ask_resolved);
}

/* ---- the agent is given something ---- */

static bool from_afar(const lrm_host_action *action) {
  switch (action->type) {
    case LRM_ACTION_PROMPT:
    case LRM_ACTION_STEER:
    case LRM_ACTION_CANCEL:
    case LRM_ACTION_SET_MODE:
    case LRM_ACTION_SET_OPTION:
    case LRM_ACTION_SLASH:
      return !lrm_id_none(&action->command_id);
    default:
      return false;
  }
}

/* A journal was copied, and this is the older process, which was not told yet. */
static bool not_told_yet(const sim_host *h) {
  return !h->remote_over && h->w->sessions[h->session].generation_max > h->generation;
}

/* Clause 12.8: a journal was put back (or copied) behind the start, and no relay knew better. */
static void check_again(sim_host *h, const sim_command *command) {
  sim_world *w = h->w;
  const sim_session *s = &w->sessions[command->session];
  SIM_CHECK(w, s->journal_losses != 0, "a command was given to the agent twice");
  sim_reach(w, SIM_EXCEPTION_12_8);
  if (not_told_yet(h)) return;
  /* What came behind the start was published: the relay knew of it when it confirmed this process's
   * epoch, and history had forked. */
  bool known =
      sim_oracle_published_of(w, &command->started_at, command->acted_by, command->started_losses);
  SIM_CHECK(w, !known || s->relay_losses != 0 || s->relay_crashes != command->started_crashes,
            "a command was given to the agent again, although the relay had later events");
}

/* What the host has acknowledged is not sent again, while the relay remembers (clause 3.14). */
void sim_commanded_delivered(sim_host *h, const lrm_frame *frame) {
  sim_world *w = h->w;
  lrm_slice message;
  lrm_envelope envelope;
  SIM_MUST(w, lrm_block_reader_begin(w->reader, frame->flags, frame->count, frame->inflated_bytes,
                                     frame->payload));
  while (lrm_block_reader_next(w->reader, &message)) {
    SIM_MUST(w, lrm_envelope_decode(message.data, message.bytes, &envelope));
    const sim_command *command = sim_command_of(w, &envelope.command_id);
    if (command == NULL) continue;
    SIM_CHECK(w, command->stored, "h%u is sent a command that is not stored", h->part.index);
    bool remembers = command->acked_crashes == w->sessions[h->session].relay_crashes;
    SIM_CHECK(w, !command->acked || !remembers || not_told_yet(h),
              "h%u is sent what a host has acknowledged", h->part.index);
  }
}

void sim_commanded_acted(sim_host *h, const lrm_host_action *action) {
  sim_world *w = h->w;
  if (!from_afar(action)) return;
  sim_command *command = sim_command_of(w, &action->command_id);
  SIM_STEP(w, "cmd_acted h=%u id=%x", sim_number(h->part.index), sim_id(&action->command_id));
  const sim_session *s = &w->sessions[h->session];
  SIM_CHECK(w, command != NULL, "the agent is given what nobody sent");
  SIM_CHECK(w, command->session == h->session, "the agent is given another session's command");
  SIM_CHECK(w, command->stored, "the agent is given a command that no relay had stored");
  bool cancel = action->type == LRM_ACTION_CANCEL; /* see below */
  bool forgotten = s->journal_losses != 0 &&
                   (s->relay_losses != 0 || s->relay_crashes != command->outcome_crashes);
  SIM_CHECK(w,
            command->published == 0 || s->journal_losses > command->outcome_losses ||
                not_told_yet(h) || forgotten || cancel,
            "the agent is given a command that has its outcome");
  lrm_position at = lrm_host_position(h->host);
  /* A cancel has been acted on when it is journalled: its asks are cancelled, and the agent must
   * hear of it in whatever epoch. */
  SIM_CHECK(w, lrm_id_equal(&at.epoch, &command->epoch) || action->type == LRM_ACTION_CANCEL,
            "the agent is given a command of another epoch");
  /* Where no clock was touched, nor counts anew at a new relay, what is old is not begun
   * (clause 12.5). */
  bool clocks = s->relay_losses == 0 && h->part.lag_ns == 0 && w->relay.part.wall_offset_ms == 0 &&
                command->stored_ns != 0;
  SIM_CHECK(w,
            !clocks || command->ttl_ms == 0 ||
                w->now_ns < command->stored_ns + command->ttl_ms * SIM_MS + 3 * SIM_SECOND,
            "the agent is given a command that has expired");
  if (++command->acted > 1) check_again(h, command);
  command->acted_by = h->part.index;
  command->started_losses = s->journal_losses;
  command->started_crashes = s->relay_crashes;
  command->started_at = at;
}

/* ---- what the sender knows ---- */

void sim_commanded_receipt(sim_client *c, const remote_v1_Receipt *receipt) {
  sim_world *w = c->w;
  lrm_id id;
  if (lrm_id_from(receipt->command_id.bytes, receipt->command_id.size, &id) != 0) return;
  sim_command *command = sim_command_of(w, &id);
  if (receipt->which_result == remote_v1_Receipt_stored_tag) {
    if (command != NULL) {
      SIM_CHECK(w, command->stored, "c%u: a receipt for what is not stored", c->part.index);
      if (command->receipted) sim_reach(w, SIM_OUTCOME_RESENT);
      command->receipted = true;
      SIM_STEP(w, "receipt c=%u id=%x", sim_number(c->part.index), sim_id(&id));
    }
    sim_reach_trap(w, SIM_RECEIPT_STORED);
  } else {
    if (command != NULL) command->refused = true;
    sim_reach_trap(w, SIM_RECEIPT_REFUSED);
  }
}

/* An outcome that its sender tells must be one that somebody gave. */
static void check_told(sim_client *c, sim_view *view, sim_command *command,
                       const lrm_command *told) {
  sim_world *w = c->w;
  const sim_session *s = &w->sessions[command->session];
  bool lost = s->journal_losses != 0 || s->relay_losses != 0;
  bool journalled = (command->journalled & 1u << told->outcome) != 0;
  SIM_CHECK(w, told->outcome != 0 && told->outcome <= 6, "c%u: done without an outcome",
            c->part.index);
  if (journalled) return;
  if (told->outcome == OUTCOME_IS(UNKNOWN)) {
    lrm_id epoch = lrm_client_position(view->client).epoch;
    SIM_CHECK(w, !lrm_id_equal(&epoch, &command->epoch) || lost,
              "c%u: UNKNOWN by itself, while the command's epoch goes on", c->part.index);
    sim_reach(w, SIM_OUTCOME_UNKNOWN);
    return;
  }
  SIM_CHECK(w, told->outcome == OUTCOME_IS(REJECTED) && command->refused,
            "c%u: outcome %u, which nobody gave", c->part.index, told->outcome);
  command->refused_told = true; /* the end looks whether that was so: sim_judge_end */
  SIM_CHECK(w, command->acted == 0 || lost, "c%u: refused by the relay, but the agent has it",
            c->part.index);
  sim_reach(w, SIM_OUTCOME_REFUSED);
}

void sim_commanded_changed(sim_client *c, sim_view *view, const lrm_id *id) {
  sim_world *w = c->w;
  lrm_command told;
  sim_command *command = sim_command_of(w, id);
  if (command == NULL || lrm_client_command(view->client, id, &told) != 0) return;
  SIM_CHECK(w, command->state != LRM_COMMAND_DONE || told.outcome == command->outcome,
            "c%u: an outcome changes from %u to %u", c->part.index, command->outcome, told.outcome);
  if (told.state == LRM_COMMAND_DONE && command->state != LRM_COMMAND_DONE)
    check_told(c, view, command, &told);
  SIM_CHECK(w, told.state != LRM_COMMAND_STORED || command->stored,
            "c%u: stored, says the client, but it is not", c->part.index);
  command->state = told.state;
  command->outcome = told.outcome;
  command->code = told.code;
  command->layer = told.layer;
}
