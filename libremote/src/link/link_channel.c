/* Channels: one log attached to the link, and its cursor. Slots, closing, acknowledgement and
 * credit of one channel; what arrives on it is in link_channel_receive.c. */
#include <string.h>

#include "link/link_internal.h"

/* Numbers rise by one, so a channel is nearly always in the slot its number names. */
lrm__channel *lrm__channel_find(const lrm_link *link, uint32_t number) {
  if (number == 0 || link->channels_used == 0) return NULL;
  uint32_t slot = number % link->channels_room;
  for (uint32_t i = 0; i < link->channels_room; i++) {
    lrm__channel *ch = &link->channels[slot];
    if (ch->number == number && ch->state != LRM__CHANNEL_FREE) return ch;
    slot = slot + 1 == link->channels_room ? 0 : slot + 1;
  }
  return NULL;
}

/* The first free slot from the one that the number names. */
static lrm__channel *free_slot(lrm__channel *channels, uint32_t room, uint32_t number) {
  uint32_t slot = number % room;
  while (channels[slot].state != LRM__CHANNEL_FREE) slot = slot + 1 == room ? 0 : slot + 1;
  return &channels[slot];
}

/* Four times the slots, each channel in the one that its number names now. */
static bool make_room(lrm_link *link) {
  uint32_t room = link->channels_room == 0 ? LRM__CHANNELS_FIRST : link->channels_room * 4;
  if (room > link->channels_max) room = link->channels_max;
  lrm__channel *channels = link->allocator.alloc(link->allocator.user, room * sizeof *channels);
  if (channels == NULL) return false;
  memset(channels, 0, room * sizeof *channels);
  for (uint32_t i = 0; i < link->channels_room; i++) {
    const lrm__channel *ch = &link->channels[i];
    if (ch->state != LRM__CHANNEL_FREE) *free_slot(channels, room, ch->number) = *ch;
  }
  if (link->channels != NULL && link->allocator.free != NULL)
    link->allocator.free(link->allocator.user, link->channels);
  link->channels = channels;
  link->channels_room = room;
  link->turn = 0;
  return true;
}

lrm__channel *lrm__channel_take(lrm_link *link, uint32_t number) {
  if (link->channels_used == link->channels_max) return NULL;
  if (link->channels_used == link->channels_room && !make_room(link)) return NULL;
  lrm__channel *ch = free_slot(link->channels, link->channels_room, number);
  memset(ch, 0, sizeof *ch);
  ch->number = number;
  ch->state = LRM__CHANNEL_OPENING;
  link->channels_used++;
  link->channel_last = number;
  return ch;
}

void lrm__channel_free(lrm_link *link, lrm__channel *ch) {
  lrm__channel_settle(link, ch, LRM__DUE);
  if (ch->flags & LRM__REPORT) link->reports_owed--;
  memset(ch, 0, sizeof *ch);
  link->channels_used--;
}

void lrm__channel_owe(lrm_link *link, lrm__channel *ch, uint16_t due) {
  if ((ch->flags & LRM__DUE) == 0) link->channels_due++;
  ch->flags |= due;
}

void lrm__channel_settle(lrm_link *link, lrm__channel *ch, uint16_t due) {
  bool was = (ch->flags & LRM__DUE) != 0;
  ch->flags &= (uint16_t)~due;
  if (was && (ch->flags & LRM__DUE) == 0) link->channels_due--;
}

void lrm__channel_close(lrm_link *link, lrm__channel *ch, uint32_t code) {
  ch->state = LRM__CHANNEL_CLOSING;
  ch->close_code = code;
  ch->open_next = 0; /* CLOSE says an offset only for a block that the caller could not read */
  if (!(ch->flags & LRM__REPORT)) link->reports_owed++;
  ch->flags |= LRM__REPORT;
  lrm__channel_owe(link, ch, LRM__CLOSE_DUE);
}

void lrm__channel_retire(lrm_link *link, lrm__channel *ch) {
  if (ch->state != LRM__CHANNEL_CLOSING) return;
  if (ch->flags & (LRM__DUE | LRM__CLOSE_QUEUED | LRM__REPORT)) return;
  lrm__channel_free(link, ch);
}

/* ---- subscriber: acknowledgement and credit ---- */

void lrm__channel_judge_ack(lrm_link *link, lrm__channel *ch, uint64_t now_ns) {
  lrm__subscriber *sub = &ch->sub;
  if (ch->state != LRM__CHANNEL_OPEN || sub->own <= sub->acked) return;
  uint64_t delayed_ns = sub->ack_since_ns + LRM_ACK_DELAY_NS;
  if (sub->own >= ch->next || sub->ack_since_ns == 0 || now_ns >= delayed_ns ||
      sub->ack_blocks >= LRM_ACK_BLOCKS || sub->ack_bytes >= LRM_ACK_BYTES) {
    lrm__channel_owe(link, ch, LRM__ACK_DUE);
  } else if (link->ack_deadline_ns == 0 || delayed_ns < link->ack_deadline_ns) {
    link->ack_deadline_ns = delayed_ns;
  }
}

/* The limit that could be granted: a window beyond what is no longer held. */
uint64_t lrm__channel_grant(const lrm_link *link, const lrm__channel *ch) {
  uint64_t room = ch->sub.consumed_bytes + link->window_bytes;
  return room > ch->sub.held_bytes ? room - ch->sub.held_bytes : 0;
}

void lrm__channel_judge_credit(lrm_link *link, lrm__channel *ch) {
  if (ch->state != LRM__CHANNEL_OPEN || ch->flags & LRM__OPENED_DUE) return;
  if (lrm__channel_grant(link, ch) >= ch->credit + link->window_bytes / 2)
    lrm__channel_owe(link, ch, LRM__ACK_DUE);
}

int lrm_link_ack(lrm_link *link, uint32_t channel, uint64_t next, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL || ch->state != LRM__CHANNEL_OPEN) return LRM_ERR_NOT_FOUND;
  if (ch->publishes) return LRM_ERR_STATE;
  if (next > ch->next) return LRM_ERR_USAGE;
  if (next > ch->sub.own) ch->sub.own = next;
  /* Repeating the position of OPENED makes it an acknowledgement. */
  bool repeats = !(ch->flags & LRM__ACKED) && next == ch->sub.acked;
  if (repeats) lrm__channel_owe(link, ch, LRM__ACK_DUE);
  lrm__channel_judge_ack(link, ch, now_ns);
  return 0;
}

int lrm_link_consumed(lrm_link *link, uint32_t channel, uint64_t bytes, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL || ch->state == LRM__CHANNEL_CLOSING) return LRM_ERR_NOT_FOUND;
  if (ch->publishes) return LRM_ERR_STATE;
  uint64_t held = ch->sub.held_bytes + ch->moved_bytes - ch->sub.consumed_bytes;
  if (bytes > held) return LRM_ERR_USAGE;
  ch->sub.consumed_bytes += bytes;
  lrm__channel_judge_credit(link, ch);
  return 0;
}

/* ---- publisher ---- */

/* Where a reader's SYNCED stands: the watermark, or `until` when that is smaller. */
static uint64_t synced_at(const lrm__channel *ch) {
  return ch->until != 0 && ch->until < ch->watermark ? ch->until : ch->watermark;
}

void lrm__channel_judge_synced(lrm_link *link, lrm__channel *ch) {
  if (link->side != LRM_SIDE_ACCEPTING || !ch->publishes || ch->state != LRM__CHANNEL_OPEN) return;
  if (ch->flags & (LRM__SYNCED | LRM__SYNCED_DUE)) return;
  if (ch->next >= synced_at(ch)) lrm__channel_owe(link, ch, LRM__SYNCED_DUE);
}

int lrm_link_extend(lrm_link *link, uint32_t channel, uint64_t end, uint64_t tail_offset,
                    uint32_t tail_count, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL || ch->state == LRM__CHANNEL_CLOSING) return LRM_ERR_NOT_FOUND;
  if (!ch->publishes) return LRM_ERR_STATE;
  if (end > ch->pub.end) ch->pub.end = end;
  if (tail_offset != ch->pub.tail_offset) {
    ch->pub.tail_offset = tail_offset;
    ch->pub.tail_index = 0;
  }
  ch->pub.tail_count = tail_count;
  return 0;
}

/* ---- opening and closing by the caller ---- */

static int push_open(lrm_link *link, const remote_v1_Open *open, uint32_t number,
                     uint64_t held_bytes) {
  uint8_t payload[LRM__MESSAGE_BYTES_MAX];
  size_t bytes = 0;
  int result = lrm__message_write(LRM_FRAME_OPEN, open, payload, sizeof payload, &bytes);
  if (result != 0) return result;
  lrm_frame frame = {.type = LRM_FRAME_OPEN, .channel = number, .payload = {payload, bytes}};
  if (open->direction == remote_v1_Direction_DIRECTION_SUBSCRIBE && held_bytes < link->window_bytes)
    frame.credit = link->window_bytes - held_bytes;
  return lrm__queue_push(link, &frame, false);
}

static bool open_is_usable(const remote_v1_Open *open) {
  return (open->direction == remote_v1_Direction_DIRECTION_PUBLISH ||
          open->direction == remote_v1_Direction_DIRECTION_SUBSCRIBE) &&
         (open->log == remote_v1_Log_LOG_EVENTS || open->log == remote_v1_Log_LOG_COMMANDS) &&
         open->session_id.size == 16 && (open->epoch.size == 0 || open->epoch.size == 16) &&
         open->next <= LRM_OFFSET_MAX && open->until <= LRM_OFFSET_MAX &&
         open->first_retained <= LRM_OFFSET_MAX && open->writer_generation <= LRM_OFFSET_MAX;
}

int lrm_link_open(lrm_link *link, const remote_v1_Open *open, uint64_t held_bytes,
                  uint32_t *channel, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  *channel = 0;
  if (link->side != LRM_SIDE_CONNECTING ||
      (link->state != LRM_LINK_GREETING && link->state != LRM_LINK_LIVE))
    return LRM_ERR_STATE;
  if (!open_is_usable(open)) return LRM_ERR_USAGE;
  if (link->channels_used >= link->channels_max || link->channels_used >= link->peer_channels_max ||
      link->channel_last == UINT32_MAX)
    return LRM_ERR_BUSY;
  uint32_t number = link->channel_last + 1;
  int result = push_open(link, open, number, held_bytes);
  if (result != 0) return result;
  lrm__channel *ch = lrm__channel_take(link, number);
  ch->publishes = open->direction == remote_v1_Direction_DIRECTION_PUBLISH;
  ch->log = (uint8_t)open->log;
  ch->open_next = ch->next = open->next;
  ch->until = open->until;
  if (!ch->publishes) {
    ch->sub.held_bytes = held_bytes;
    ch->credit = held_bytes < link->window_bytes ? link->window_bytes - held_bytes : 0;
  }
  *channel = number;
  return 0;
}

static void begin(lrm_link *link, lrm__channel *ch, const remote_v1_Opened *opened,
                  uint64_t held_bytes) {
  ch->state = LRM__CHANNEL_OPEN;
  ch->next = opened->next;
  ch->watermark = opened->watermark;
  ch->last_writer_generation = opened->last_writer_generation;
  ch->outcome = (uint8_t)opened->outcome;
  ch->ceiling = (uint8_t)opened->ceiling;
  ch->ceiling_layer = (uint8_t)opened->ceiling_layer;
  ch->epoch_bytes = (uint8_t)opened->epoch.size;
  memcpy(ch->epoch, opened->epoch.bytes, opened->epoch.size);
  if (!ch->publishes) {
    ch->sub.own = ch->sub.acked = opened->next;
    ch->sub.held_bytes = held_bytes;
    ch->credit = lrm__channel_grant(link, ch);
  }
  lrm__channel_owe(link, ch, LRM__OPENED_DUE);
  lrm__channel_judge_synced(link, ch);
}

int lrm_link_opened(lrm_link *link, uint32_t channel, const remote_v1_Opened *opened,
                    uint64_t held_bytes, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->side != LRM_SIDE_ACCEPTING || link->state != LRM_LINK_LIVE) return LRM_ERR_STATE;
  lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL || ch->state == LRM__CHANNEL_CLOSING) return LRM_ERR_NOT_FOUND;
  if (ch->state != LRM__CHANNEL_OPENING) return LRM_ERR_STATE;
  if ((opened->epoch.size != 0 && opened->epoch.size != 16) || opened->next > LRM_OFFSET_MAX ||
      opened->watermark > LRM_OFFSET_MAX || opened->last_writer_generation > LRM_OFFSET_MAX)
    return LRM_ERR_USAGE;
  begin(link, ch, opened, held_bytes);
  return 0;
}

/* The reason travels in the queue; without room there only the code does, derived from the
 * channel, which is never lost. */
static void owe_close(lrm_link *link, lrm__channel *ch, const remote_v1_Problem *problem,
                      uint64_t offset) {
  uint8_t payload[LRM__MESSAGE_BYTES_MAX];
  size_t bytes = 0;
  ch->close_code = problem->code;
  ch->open_next = offset;
  lrm_frame frame = {.type = LRM_FRAME_CLOSE, .channel = ch->number, .offset = offset};
  if (lrm__message_write(LRM_FRAME_CLOSE, problem, payload, sizeof payload, &bytes) == 0) {
    frame.payload = (lrm_slice){payload, bytes};
    if (lrm__queue_push(link, &frame, false) == 0) {
      ch->flags |= LRM__CLOSE_QUEUED;
      return;
    }
  }
  lrm__channel_owe(link, ch, LRM__CLOSE_DUE);
}

int lrm_link_close(lrm_link *link, uint32_t channel, const remote_v1_Problem *problem,
                   uint64_t offset, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->state != LRM_LINK_LIVE && link->state != LRM_LINK_GREETING) return LRM_ERR_STATE;
  lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL || ch->state == LRM__CHANNEL_CLOSING) return LRM_ERR_NOT_FOUND;
  if (offset > LRM_OFFSET_MAX) return LRM_ERR_USAGE;
  if (!ch->publishes && ch->state == LRM__CHANNEL_OPEN && ch->sub.own > ch->sub.acked)
    lrm__channel_owe(link, ch, LRM__ACK_DUE);
  ch->state = LRM__CHANNEL_CLOSING;
  owe_close(link, ch, problem, offset);
  return 0;
}

/* ---- for tests and tools ---- */

int lrm_link_channel_facts(const lrm_link *link, uint32_t channel, lrm_link_channel *out) {
  const lrm__channel *ch = lrm__channel_find(link, channel);
  memset(out, 0, sizeof *out);
  if (ch == NULL || ch->state == LRM__CHANNEL_CLOSING) return LRM_ERR_NOT_FOUND;
  out->open = ch->state == LRM__CHANNEL_OPEN;
  out->publishes = ch->publishes;
  out->log = ch->log;
  out->next = ch->next;
  out->watermark = ch->watermark;
  out->synced = (ch->flags & LRM__SYNCED) != 0;
  out->credit = ch->credit;
  out->moved_bytes = ch->moved_bytes;
  out->acked = ch->publishes ? ch->pub.acked : ch->sub.acked;
  out->end = ch->publishes ? ch->pub.end : ch->sub.own;
  return 0;
}

size_t lrm_link_channels(const lrm_link *link) { return link->channels_used; }
