/* From events to the journal: blocks, snapshots, number lines, trimming, and what happens when
 * the store takes no more. */
#include <string.h>

#include "base/assert.h"
#include "session/host_internal.h"

/* ---- positions ---- */

uint64_t lrm__host_end(const lrm_host *host) {
  return lrm_log_facts_now(host->events).end + lrm_block_builder_count(host->builder);
}

uint64_t lrm__host_durable(const lrm_host *host) { return lrm_log_facts_now(host->events).durable; }

/* ---- the store takes no more ---- */

/* From here on nothing is journalled, so nothing may be numbered: the local session goes on in
 * memory, and a new epoch begins when the store is back. */
static int store_refused(lrm_host *host, int error) {
  if (error == LRM_ERR_NO_MEMORY) return error;
  LRM_ASSERT(error != LRM_ERR_POSITION && error != LRM_ERR_USAGE);
  host->gap = true;
  if (host->store_error == 0) host->store_error = error;
  lrm_block_builder_reset(host->builder);
  return 0;
}

int lrm__host_put(lrm_host *host, uint32_t space, lrm_slice key, lrm_slice value) {
  if (host->gap) return 0;
  int result = lrm_store_put(host->store, space, key, value);
  if (result != 0) return store_refused(host, result);
  host->put_done = true;
  return 0;
}

int lrm__host_remove(lrm_host *host, uint32_t space, lrm_slice key) {
  if (host->gap) return 0;
  int result = lrm_store_remove(host->store, space, key);
  if (result == LRM_ERR_NOT_FOUND) return 0;
  if (result != 0) return store_refused(host, result);
  host->put_done = true;
  return 0;
}

/* ---- steps ---- */

uint64_t lrm__host_step(lrm_host *host) {
  host->step_wanted = true;
  return lrm_log_facts_now(host->steps).end + 1;
}

bool lrm__host_step_durable(const lrm_host *host, uint64_t step) {
  return lrm_log_facts_now(host->steps).durable >= step;
}

/* Steps are of no use once they are durable; they go in bunches. */
#define STEPS_KEPT 64u

int lrm__host_append_step(lrm_host *host) {
  static const uint8_t nothing[1] = {0}; /* one message of no bytes */
  if (host->gap) return 0;
  lrm_log_facts facts = lrm_log_facts_now(host->steps);
  lrm_block block = {.offset = facts.end, .count = 1, .payload = {nothing, sizeof nothing}};
  int result = lrm_log_append(host->steps, &block);
  if (result != 0) return store_refused(host, result);
  if (facts.durable - facts.first < STEPS_KEPT) return 0;
  result = lrm_log_trim(host->steps, facts.durable);
  return result != 0 ? store_refused(host, result) : 0;
}

/* ---- blocks ---- */

static int append(lrm_host *host, uint32_t flags, uint32_t part, uint32_t parts) {
  if (lrm_block_builder_count(host->builder) == 0) return 0;
  lrm_block block;
  int result = lrm_block_builder_finish(host->builder, true, &block);
  if (result != 0) return result;
  block.offset = lrm_log_facts_now(host->events).end;
  block.flags |= flags;
  block.part = part;
  block.parts = parts;
  block.writer_generation = host->config.writer_generation;
  /* An epoch that goes on from another one says first what was before. */
  LRM_ASSERT(!host->set_first || (flags & LRM_FLAG_SNAPSHOT) != 0);
  host->set_first = false;
  if (host->first_block) block.flags |= LRM_FLAG_CLEARS_TAIL;
  bool clears = (block.flags & LRM_FLAG_CLEARS_TAIL) != 0;
  if (!host->gap) result = lrm_log_append(host->events, &block);
  if (result == 0) host->bytes_since_snapshot += block.payload.bytes;
  lrm_block_builder_reset(host->builder);
  host->first_block = false;
  if (clears) lrm__host_tail_cleared(host, lrm_log_facts_now(host->events).end);
  return result != 0 ? store_refused(host, result) : 0;
}

int lrm__host_close_block(lrm_host *host, bool clears) {
  if (clears) host->clear_wanted = false;
  if (host->set_first && lrm_block_builder_count(host->builder) != 0) {
    /* The epoch's set could not be written for want of memory. What came meanwhile is in the view,
     * so the set will say it. */
    lrm_block_builder_reset(host->builder);
    host->snapshot_wanted = true;
    return 0;
  }
  return append(host, clears ? LRM_FLAG_CLEARS_TAIL : 0, 0, 0);
}

int lrm__host_add_event(lrm_host *host, lrm_slice packed) {
  if (host->gap) return 0;
  size_t bytes = lrm_block_builder_bytes(host->builder);
  bool full = lrm_block_builder_count(host->builder) >= LRM__BLOCK_EVENTS_MAX ||
              (bytes != 0 && bytes + packed.bytes > LRM__BLOCK_BYTES_MAX);
  int result = full ? lrm__host_close_block(host, false) : 0;
  if (result != 0 || host->gap) return result;
  result = lrm_block_builder_add(host->builder, packed.data, packed.bytes);
  if (result != LRM_ERR_BUSY) return result;
  result = lrm__host_close_block(host, false);
  if (result != 0 || host->gap) return result;
  return lrm_block_builder_add(host->builder, packed.data, packed.bytes);
}

/* ---- snapshots ---- */

/* A set says in each part how many there are, so it is gone through twice: once to count. */
typedef struct set_writer {
  lrm_host *host;
  bool counting;
  uint32_t messages, bytes; /* of the block in the making */
  uint32_t part, parts;
} set_writer;

static int end_part(set_writer *set) {
  if (set->messages == 0) return 0;
  set->messages = set->bytes = 0;
  if (set->counting) {
    set->parts++;
    return 0;
  }
  set->part++;
  return append(set->host, LRM_FLAG_SNAPSHOT | LRM_FLAG_CLEARS_TAIL, set->part, set->parts);
}

static int take_state(void *user, const uint8_t *event, size_t bytes) {
  set_writer *set = user;
  if (set->messages >= LRM__BLOCK_EVENTS_MAX || set->bytes + bytes > LRM__SNAPSHOT_BLOCK_BYTES) {
    int result = end_part(set);
    if (result != 0) return result;
  }
  set->messages++;
  set->bytes += (uint32_t)bytes;
  return set->counting ? 0 : lrm_block_builder_add(set->host->builder, event, bytes);
}

static int write_set(lrm_host *host, uint64_t at_ms, set_writer *set) {
  int result = lrm_view_snapshot(host->view, at_ms, take_state, set);
  return result != 0 ? result : end_part(set);
}

int lrm__host_write_snapshot(lrm_host *host) {
  host->snapshot_wanted = false;
  /* What was streamed goes before the set: so the set needs no tails. */
  int result = lrm__host_clear(host);
  if (result == 0) result = lrm__host_close_block(host, host->clear_wanted);
  if (result != 0 || host->gap) return result;
  set_writer count = {.host = host, .counting = true};
  result = write_set(host, host->wall_ms, &count);
  set_writer set = {.host = host, .parts = count.parts};
  if (result == 0) result = write_set(host, host->wall_ms, &set);
  host->snapshot_wanted = result != 0;
  if (result != 0) { /* half a part may not go out as events */
    lrm_block_builder_reset(host->builder);
    return result;
  }
  host->events_since_snapshot = 0;
  host->bytes_since_snapshot = 0;
  return result;
}

/* ---- number lines ---- */

static int give_up_pending(lrm_host *host, const char *why) {
  for (;;) {
    lrm_inbox_item *item = lrm__inbox_from(host->inbox, 0);
    while (item != NULL && item->local) item = item->next;
    if (item == NULL) return 0;
    lrm__judgement judgement = {.outcome = OUTCOME(UNKNOWN), .reason = why};
    int result = lrm__host_give(host, item, &judgement);
    if (result != 0) return result;
  }
}

int lrm__host_give_up(lrm_host *host, const char *why) {
  int result = lrm__host_turn_unclaimed(host);
  lrm__host_actions_drop_remote(host);
  return result != 0 ? result : give_up_pending(host, why);
}

int lrm__host_new_epoch(lrm_host *host, const char *why) {
  /* What is streamed goes into the view, and so into the snapshot; the rest of what is open
   * belongs to the old line, which nobody will read on. */
  int result = lrm__host_clear(host);
  if (result != 0 || host->gap) return result;
  lrm_block_builder_reset(host->builder);
  lrm__host_tail_cleared(host, 0);
  host->clear_wanted = false;
  lrm_id epoch = lrm__random_id(&host->random);
  result = lrm_log_restart(host->events, &epoch);
  if (result != 0) return store_refused(host, result);
  host->epoch = epoch;
  host->epoch_step = lrm__host_step(host);
  host->acknowledged = 0;
  host->first_block = host->set_first = true;
  host->told = false;
  lrm__host_close_channel(host, &host->publish, LRM_CODE_EPOCH, "a new history begins");
  host->confirmed = false;
  result = lrm__host_write_snapshot(host);
  if (result == 0) result = lrm__host_give_up(host, "the session's history began anew");
  if (result == 0)
    result = lrm__host_notice(host, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "history", why);
  return result != 0 ? result : lrm__host_pump(host);
}

int lrm_host_restart_history(lrm_host *host, const char *why, uint64_t wall_ms, uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, host->gap ? 0 : lrm__host_new_epoch(host, why));
}

/* ---- trimming ---- */

static int trim_to_snapshot(lrm_host *host) {
  uint64_t before = lrm_log_facts_now(host->events).snapshot;
  int result = lrm_log_trim(host->events, before);
  return result != 0 ? store_refused(host, result) : 0;
}

/* A set that all before may go for. Not each time: a state as large as the cap would then fill the
 * journal with itself. */
static int write_set_to_trim_to(lrm_host *host) {
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  if (facts.snapshot != LRM_OFFSET_NONE && facts.snapshot > facts.first) return 0;
  if (host->bytes_since_snapshot < host->config.journal_bytes_max / 4) return 0;
  return lrm__host_write_snapshot(host);
}

/* Over the cap, what the relay has and the newest complete set does not need goes. When that is
 * not enough, because the relay does not have it, all before a set goes all the same: stated by a
 * Notice and, to readers, by the jump to that set. */
int lrm__host_trim(lrm_host *host) {
  lrm_log_facts facts = lrm_log_facts_now(host->events);
  uint64_t cap = host->config.journal_bytes_max;
  if (host->gap || facts.bytes <= cap) return 0;
  bool has_all = host->acknowledged >= facts.end;
  bool urgent = facts.bytes > cap + cap / 8;
  if (!has_all && !urgent &&
      (facts.snapshot == LRM_OFFSET_NONE || host->acknowledged < facts.snapshot))
    return 0;
  int result = write_set_to_trim_to(host);
  facts = lrm_log_facts_now(host->events);
  if (result != 0 || host->gap || facts.snapshot == LRM_OFFSET_NONE ||
      facts.snapshot <= facts.first)
    return result;
  if (host->acknowledged < facts.snapshot && !has_all) {
    if (!urgent) return 0;
    result = lrm__host_notice(host, REMOTE__V1__NOTICE_LEVEL__NOTICE_LEVEL_WARNING, "journal",
                              "the journal is full: its oldest events are dropped before the "
                              "relay has them");
  }
  return result != 0 ? result : trim_to_snapshot(host);
}
