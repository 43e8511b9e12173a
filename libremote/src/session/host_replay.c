/* A journal with a past: read into view, arbiter and command table, then closed where a dead
 * process left it open. */
#include <string.h>

#include "remote/frame.h"
#include "session/host_internal.h"

/* ---- events ---- */

/* Corrupt is what cannot be decoded: these bytes were checked when they were written. */
static int replay_message(lrm_host *host, lrm_slice message, bool snapshot_begins) {
  lrm_arena_reset(&host->redacted);
  void *event;
  int result = lrm_message_decode(&lrm_schema_Event, message.data, message.bytes, &host->redacted,
                                  &event, NULL);
  if (result != 0) return result == LRM_ERR_NO_MEMORY ? result : LRM_ERR_CORRUPT;
  const Remote__V1__Event *said = event;
  if (said->at_ms != 0) host->last_event_ms = said->at_ms;
  return lrm_view_apply(host->view, said, snapshot_begins);
}

static int replay_block(lrm_host *host, const lrm_block *block) {
  int result = lrm_block_reader_begin(host->reader, block->flags, block->count,
                                      block->inflated_bytes, block->payload);
  if (result != 0) return result == LRM_ERR_NO_MEMORY ? result : LRM_ERR_CORRUPT;
  bool begins = (block->flags & LRM_FLAG_SNAPSHOT) != 0 && block->part == 1;
  lrm_slice message;
  while (lrm_block_reader_next(host->reader, &message)) {
    result = replay_message(host, message, begins);
    if (result != 0) return result;
    begins = false;
  }
  return 0;
}

/* From the newest complete set, else from the beginning. Sets further on say what the view holds
 * already; so does an unfinished one. */
static int replay_events(lrm_host *host) {
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  bool has_set = facts.snapshot != LRM_OFFSET_NONE;
  uint64_t at = has_set ? facts.snapshot : facts.first;
  while (at < facts.end) {
    lrm_block block;
    int result = lrm_log_read(host->events, at, &block);
    if (result != 0) return result;
    bool in_set = (block.flags & LRM_FLAG_SNAPSHOT) != 0;
    at = block.offset + block.count;
    uint64_t bytes = block.payload.bytes;
    if (in_set && !(has_set && at <= facts.snapshot_end)) continue;
    result = replay_block(host, &block);
    if (result != 0) return result;
    if (in_set) continue;
    host->events_since_snapshot += block.count;
    host->bytes_since_snapshot += bytes;
  }
  return 0;
}

/* ---- records ---- */

typedef struct loading {
  lrm_host *host;
  int result;
} loading;

static bool load_command(void *user, lrm_slice key, lrm_slice value) {
  loading *all = user;
  lrm_id id;
  if (key.bytes != sizeof id.bytes) {
    all->result = LRM_ERR_CORRUPT;
    return false;
  }
  memcpy(id.bytes, key.data, sizeof id.bytes);
  all->result = lrm__inbox_record_read(all->host->inbox, &id, value);
  return all->result == 0;
}

static int load_commands(lrm_host *host) {
  loading all = {.host = host};
  int result = lrm_store_each(host->store, LRM__SPACE_COMMANDS, load_command, &all);
  if (result == 0) result = all.result;
  lrm__inbox_loaded(host->inbox);
  for (lrm_inbox_item *item = lrm__inbox_from(host->inbox, 0); item != NULL; item = item->next)
    item->held = item->queued && !item->local;
  return result;
}

static int load_position(lrm_host *host) {
  static const uint8_t key[] = "commands";
  lrm_slice value;
  int result =
      lrm_store_get(host->store, LRM__SPACE_META, (lrm_slice){key, sizeof key - 1}, &value);
  if (result == LRM_ERR_NOT_FOUND) return 0;
  if (result != 0) return result;
  if (value.bytes != 24) return LRM_ERR_CORRUPT;
  memcpy(host->commands_at.epoch.bytes, value.data, 16);
  host->commands_at.offset = 0;
  for (unsigned i = 0; i < 8; i++)
    host->commands_at.offset |= (uint64_t)value.data[16 + i] << (8 * i);
  return 0;
}

/* The id under which the relay knows the session, when it is not the first one any more. */
static int load_session_id(lrm_host *host) {
  static const uint8_t key[] = "session";
  lrm_slice value;
  int result =
      lrm_store_get(host->store, LRM__SPACE_META, (lrm_slice){key, sizeof key - 1}, &value);
  if (result == LRM_ERR_NOT_FOUND) return 0;
  if (result != 0) return result;
  lrm_id id;
  if (lrm_id_from(value.data, value.bytes, &id) != 0 || lrm_id_none(&id)) return LRM_ERR_CORRUPT;
  host->config.session_id = id;
  return 0;
}

int lrm__host_replay(lrm_host *host) {
  int result = replay_events(host);
  if (result == 0) result = load_session_id(host);
  if (result == 0) result = load_position(host);
  if (result == 0) result = load_commands(host);
  if (result == 0) result = lrm__host_restore_asks(host);
  if (result == 0) result = lrm__host_restore_attachments(host);
  if (result != 0) return result;
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  host->mode = state->remote_mode;
  host->ended = state->ended;
  host->status = state->status;
  return 0;
}

/* ---- what was left open ---- */

/* Begun ones are UNKNOWN: whether the agent had them, nobody knows. Journalled answers wait, as all
 * the others do, until the relay has confirmed the epoch: their ask is over by now, but a journal
 * that was put back does not know what they did before. */
static int settle_commands(lrm_host *host) {
  uint64_t order = 0;
  for (;;) {
    lrm_inbox_item *item = lrm__inbox_from(host->inbox, order);
    if (item == NULL) return 0;
    order = item->order + 1;
    if (item->state != LRM_INBOX_STARTED) continue;
    lrm__judgement judgement = {.outcome = OUTCOME(UNKNOWN),
                                .reason = "the host stopped while doing it"};
    int result = lrm__host_give(host, item, &judgement);
    if (result != 0) return result;
  }
}

static int close_turn(lrm_host *host) {
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  lrm__host_turn_clear(host);
  lrm__text_cut(host->turn.id, sizeof host->turn.id, state->turn_id);
  int result = lrm__host_close_tools(host, "the host was restarted");
  if (result == 0) result = lrm__host_close_subagents(host, "the host was restarted");
  if (result == 0 && host->turn.id[0] != '\0') {
    Remote__V1__TurnEnded ended = REMOTE__V1__TURN_ENDED__INIT;
    ended.turn_id = host->turn.id;
    ended.stop_reason = lrm__text("host_restarted");
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.turn_id = host->turn.id;
    event.body_case = EVENT_BODY(TURN_ENDED);
    event.turn_ended = &ended;
    result = lrm__host_emit(host, &event);
  }
  lrm__host_turn_clear(host);
  return result;
}

static int resumed(lrm_host *host, uint64_t since_ms) {
  Remote__V1__SessionResumed session = REMOTE__V1__SESSION_RESUMED__INIT;
  session.writer_generation = host->config.writer_generation;
  session.since_ms = since_ms;
  session.unknown_since =
      lrm__text("what the agent did after the last event of the former process is not known");
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(SESSION_RESUMED);
  event.session_resumed = &session;
  int result = lrm__host_emit(host, &event);
  host->ended = false;
  /* Readers fold the resumption as idle. */
  host->status = STATUS(IDLE);
  return result;
}

/* The queue as this process has it: what the former one had journalled may be one prompt ahead of
 * its last QueueChanged, or behind it. */
static void compare_queue(lrm_host *host) {
  size_t count = 0;
  for (lrm_inbox_item *item = lrm__inbox_from(host->inbox, 0); item != NULL; item = item->next)
    count += item->queued;
  if (count != lrm_view_state(host->view)->n_queue) host->queue_changed = true;
}

int lrm__host_recover(lrm_host *host) {
  uint64_t since_ms = host->last_event_ms;
  int result = lrm__host_repeat_resolved(host);
  if (result == 0)
    result = lrm__host_end_asks(host, NULL, ASK_OUTCOME(ORPHANED),
                                "the host was restarted and the agent no longer waits", NULL);
  if (result == 0) result = settle_commands(host);
  if (result == 0) result = close_turn(host);
  if (result == 0) result = resumed(host, since_ms);
  if (result == 0) result = lrm__host_forget(host);
  compare_queue(host);
  return result;
}
