/* What a host publishes: blocks into the log and out to every reader as the same bytes, tails,
 * INFO. A block is delivered before it is committed and acknowledged after (spec 4.1). */
#include <string.h>

#include "core.h"
#include "remote/message.h"

#include "schema.h"

enum { BLOCK_BYTES_LEAST = 512, PAUSE_MS_LEAST = 10000 };

static bool append(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                   uint64_t wall_ms) {
  relay_session *s = ch->session;
  const lrm_frame *frame = &event->frame;
  lrm_block block = {.offset = frame->offset,
                     .count = frame->count,
                     .flags = frame->flags,
                     .inflated_bytes = frame->inflated_bytes,
                     .part = frame->part,
                     .parts = frame->parts,
                     .writer_generation = ch->writer_generation,
                     .payload = frame->payload};
  int result = lrm_log_append(s->events, &block);
  switch (result) {
    case 0:
      return true;
    case LRM_ERR_POSITION:
      relay_channel_close(ch, LRM_CODE_BAD_POSITION, "this block does not follow the log's end",
                          now_ns, wall_ms);
      return false;
    case LRM_ERR_USAGE:
    case LRM_ERR_TOO_LARGE:
      relay_channel_close(ch, LRM_CODE_PROTOCOL, "this block cannot be", now_ns, wall_ms);
      return false;
    case LRM_ERR_BUSY:
      relay_limit_reached(ch->connection->relay, LIMIT_STORE_BEHIND);
      relay_channel_close(ch, LRM_CODE_SLOW_DOWN, "the relay's store is behind", now_ns, wall_ms);
      return false;
    default:
      relay_log_session(ch->connection->relay, RELAY_ERROR, "log.append", s, ch->connection,
                        lrm_error_text(result));
      relay_channel_close(ch, LRM_CODE_INTERNAL, "the relay cannot store this", now_ns, wall_ms);
      return false;
  }
}

/* A block costs a row, however small it is. What is too much stays in the host's journal until it
 * opens again. */
static bool pass_rate(relay_channel *ch, size_t bytes, uint64_t now_ns, uint64_t wall_ms) {
  uint64_t cost = bytes > BLOCK_BYTES_LEAST ? bytes : BLOCK_BYTES_LEAST;
  uint64_t wait_ms = relay_rate_take(ch->connection, RATE_BYTES, cost, now_ns);
  if (wait_ms == 0) return true;
  /* Some seconds' worth at least, or it would come back for each block. */
  if (wait_ms < PAUSE_MS_LEAST) wait_ms = PAUSE_MS_LEAST;
  relay_channel_slow(ch, "this account has sent its share of bytes for now", wait_ms, now_ns,
                     wall_ms);
  return false;
}

void relay_on_events_block(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                           uint64_t wall_ms) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  if (event->skip_messages != 0 || ch->state != CHANNEL_OPEN) {
    relay_channel_close(ch, LRM_CODE_BAD_POSITION,
                        ch->state == CHANNEL_REJECTING ? "this epoch is over; begin a fresh one"
                                                       : "a block may not straddle the log's end",
                        now_ns, wall_ms);
    return;
  }
  const char *full = relay_retention_refuses(s, r);
  if (full != NULL) {
    relay_limit_reached(r, LIMIT_STORED_BYTES);
    relay_channel_close(ch, LRM_CODE_POLICY, full, now_ns, wall_ms);
    return;
  }
  if (!pass_rate(ch, event->frame.payload.bytes, now_ns, wall_ms)) return;
  if (!append(ch, event, now_ns, wall_ms)) return;
  const lrm_frame *frame = &event->frame;
  r->counted.blocks_in++;
  r->counted.messages_in += frame->count;
  r->counted.block_bytes_in += frame->payload.bytes;
  s->appended_bytes += frame->payload.bytes;
  relay_marks_add(&s->appended, r->batch_open, s->appended_bytes);
  if ((frame->flags & LRM_FLAG_CLEARS_TAIL) != 0 && s->tail_memory != NULL) {
    lrm_tail_clear(&s->tail, frame->offset + frame->count);
  }
  s->grew = true;
  relay_session_wait(s, r);
  relay_session_dirty(s, r);
  relay_session_touch(s, r, wall_ms);
}

/* ---- tails ---- */

/* Makes the tail of `offset` the one that is kept, if it may be. */
static bool adopt_tail(relay_session *s, relay *r, const lrm_frame *frame) {
  if (s->tail_memory == NULL) {
    s->tail_memory = relay_alloc(r, LRM_TAIL_BYTES_MAX);
    if (s->tail_memory == NULL) return false;
    lrm_tail_init(&s->tail, s->tail_memory, LRM_TAIL_BYTES_MAX);
  }
  if (s->tail.offset == frame->offset) return true;
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  if (frame->count != 0 || frame->offset != facts.clears_tail) return false;
  lrm_tail_clear(&s->tail, frame->offset);
  return true;
}

void relay_on_events_tail(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  const lrm_frame *frame = &event->frame;
  r->counted.tails_in++;
  if (ch->state == CHANNEL_OPEN && adopt_tail(s, r, frame) && frame->count == s->tail.count &&
      !s->tail.overflowed &&
      lrm_tail_push(&s->tail, frame->payload.data, frame->payload.bytes) == 0) {
    s->grew = true;
    relay_session_dirty(s, r);
  }
  /* What does not fit is dropped, and all that follows until the next CLEARS_TAIL (spec 3.23). */
  if (lrm_link_consumed(ch->connection->link, ch->number, frame->payload.bytes, now_ns) == 0) {
    relay_kick(ch->connection);
  }
}

/* ---- INFO ---- */

void relay_on_info(relay_channel *ch, lrm_slice info, uint64_t now_ns, uint64_t wall_ms) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  remote_v1_SessionInfo decoded;
  if (info.bytes > LRM_INFO_BYTES_MAX ||
      lrm_message_decode_static(&lrm_schema_SessionInfo, remote_v1_SessionInfo_fields, info.data,
                                info.bytes, &decoded) != 0) {
    relay_channel_close(ch, LRM_CODE_DECODE, "this INFO cannot be decoded", now_ns, wall_ms);
    return;
  }
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  relay_notices_info(ch, &decoded, now_ns, wall_ms); /* looks at the one before, too */
  relay_put(r, SPACE_INFO, (lrm_slice){key, key_bytes}, info);
  relay_outcomes_told(s, ch->connection, &decoded, wall_ms);
  if (wall_ms > s->activity_ms) s->activity_ms = wall_ms;
  s->list_changed = true;
  relay_session_dirty(s, r);
  for (relay_channel *reader = s->channels; reader != NULL; reader = reader->next_of_session) {
    if (reader->kind == CHANNEL_EVENTS_READ && reader->state == CHANNEL_OPEN) {
      relay_info_send(reader, now_ns);
    }
  }
}

/* ---- out ---- */

void relay_extend_reader(relay_channel *ch, uint64_t now_ns) {
  relay_session *s = ch->session;
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  uint64_t tail_offset = 0;
  uint32_t tail_count = 0;
  if (s->tail_memory != NULL && s->tail.offset != LRM_OFFSET_NONE) {
    tail_offset = s->tail.offset;
    tail_count = s->tail.count;
  }
  if (lrm_link_extend(ch->connection->link, ch->number, facts.end, tail_offset, tail_count,
                      now_ns) == 0) {
    relay_kick(ch->connection);
  }
}

void relay_events_fan_out(relay_session *s, relay *r, uint64_t now_ns) {
  if (s->events == NULL) return;
  relay_retention_grew(s, r, now_ns);
  for (relay_channel *ch = s->channels; ch != NULL; ch = ch->next_of_session) {
    if (ch->kind == CHANNEL_EVENTS_READ && ch->state == CHANNEL_OPEN) {
      relay_extend_reader(ch, now_ns);
    }
  }
}

void relay_events_settled(relay_session *s, relay *r, uint64_t now_ns) {
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  uint64_t released = s->released_bytes;
  bool took = relay_marks_take(&s->appended, r->batch_durable, &released);
  relay_channel *publisher = s->publisher;
  if (publisher != NULL && publisher->state == CHANNEL_OPEN) {
    lrm_link *link = publisher->connection->link;
    if (took &&
        lrm_link_consumed(link, publisher->number, released - s->released_bytes, now_ns) == 0) {
      relay_kick(publisher->connection);
    }
    if (facts.durable > s->acknowledged &&
        lrm_link_ack(link, publisher->number, facts.durable, now_ns) == 0) {
      s->acknowledged = facts.durable;
      relay_kick(publisher->connection);
    }
  }
  s->released_bytes = released;
  if (s->appended.count > 0 || facts.durable < facts.end) relay_session_wait(s, r);
}
