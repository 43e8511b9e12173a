/* What arrives on a channel: opening and closing, blocks against the cursor, tails, ACKs with
 * credit. docs/spec.md 3.4 to 3.23 and 4. */
#include <string.h>

#include "link/link_internal.h"

/* The open channel of a frame. NULL with *result 0: a late frame on a closed channel, ignored;
 * else the channel was never opened. */
static lrm__channel *channel_of(lrm_link *link, const lrm_frame *frame, int *result) {
  *result = 0;
  lrm__channel *ch = lrm__channel_find(link, frame->channel);
  if (ch == NULL && frame->channel > link->channel_last)
    *result = lrm__link_fail(link, LRM_CODE_PROTOCOL, "a frame on a channel never opened");
  return ch == NULL || ch->state == LRM__CHANNEL_CLOSING ? NULL : ch;
}

/* True: OPENED has been said (or heard), so data may flow. */
static bool is_open(const lrm__channel *ch) {
  return ch->state == LRM__CHANNEL_OPEN && !(ch->flags & LRM__OPENED_DUE);
}

/* A channel on which this side may get the frame: open, in that direction, of that log (0: any).
 * NULL with *result 0: ignored. */
static lrm__channel *expect(lrm_link *link, const lrm_frame *frame, bool publishes, uint32_t log,
                            int *result) {
  lrm__channel *ch = channel_of(link, frame, result);
  if (ch == NULL) return NULL;
  if (!is_open(ch))
    *result = lrm__link_fail(link, LRM_CODE_PROTOCOL, "a frame on a channel before OPENED");
  else if (ch->publishes != publishes)
    *result = lrm__link_fail(link, LRM_CODE_PROTOCOL, "a frame against the channel's direction");
  else if (log != 0 && ch->log != log)
    *result = lrm__link_fail(link, LRM_CODE_PROTOCOL, "a frame of another log");
  return *result == 0 ? ch : NULL;
}

/* ---- opening and closing ---- */

static bool open_is_legal(const remote_v1_Open *open) {
  return (open->direction == remote_v1_Direction_DIRECTION_PUBLISH ||
          open->direction == remote_v1_Direction_DIRECTION_SUBSCRIBE) &&
         (open->log == remote_v1_Log_LOG_EVENTS || open->log == remote_v1_Log_LOG_COMMANDS) &&
         open->session_id.size == 16 && (open->epoch.size == 0 || open->epoch.size == 16) &&
         open->next <= LRM_OFFSET_MAX && open->until <= LRM_OFFSET_MAX &&
         open->first_retained <= LRM_OFFSET_MAX && open->writer_generation <= LRM_OFFSET_MAX;
}

int lrm__receive_open(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  const remote_v1_Open *open = &link->decoded.open;
  if (frame->channel <= link->channel_last)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "OPEN of a channel number used before");
  if (lrm__message_read(link, frame) != 0 || !open_is_legal(open))
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "OPEN cannot be understood");
  lrm__channel *ch = lrm__channel_take(link, frame->channel);
  if (ch == NULL && link->channels_used < link->channels_max)
    return lrm__link_fail(link, LRM_CODE_INTERNAL, "out of memory");
  if (ch == NULL) return lrm__link_fail(link, LRM_CODE_LIMIT, "too many channels");
  if (link->sign_in_deadline_ns != 0) { /* not signed in: only REQUESTs are taken */
    ch->state = LRM__CHANNEL_CLOSING;
    ch->close_code = LRM_CODE_UNAUTHENTICATED;
    lrm__channel_owe(link, ch, LRM__CLOSE_DUE);
    return 0;
  }
  ch->publishes = open->direction == remote_v1_Direction_DIRECTION_SUBSCRIBE;
  ch->log = (uint8_t)open->log;
  ch->open_next = ch->next = open->next;
  ch->until = open->until;
  if (ch->publishes) ch->credit = frame->credit;
  lrm__link_event(link, LRM_LINK_EVENT_OPEN, frame)->open = open;
  return 0;
}

int lrm__receive_opened(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  lrm__channel *ch = channel_of(link, frame, &result);
  if (ch == NULL) return result;
  const remote_v1_Opened *opened = &link->decoded.opened;
  if (ch->state != LRM__CHANNEL_OPENING)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "OPENED twice");
  if (lrm__message_read(link, frame) != 0 ||
      (opened->epoch.size != 0 && opened->epoch.size != 16) || opened->next > LRM_OFFSET_MAX ||
      opened->watermark > LRM_OFFSET_MAX)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "OPENED cannot be understood");
  ch->state = LRM__CHANNEL_OPEN;
  ch->next = opened->next;
  ch->watermark = opened->watermark;
  if (ch->publishes) {
    ch->credit = frame->credit;
  } else {
    ch->sub.own = ch->sub.acked = opened->next;
    lrm__channel_judge_credit(link, ch);
  }
  lrm__link_event(link, LRM_LINK_EVENT_OPENED, frame)->opened = opened;
  return 0;
}

int lrm__receive_close(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  lrm__channel *ch = channel_of(link, frame, &result);
  if (ch == NULL) return result;
  if (lrm__message_read(link, frame) != 0)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "CLOSE cannot be decoded");
  lrm__channel_free(link, ch);
  lrm__link_event(link, LRM_LINK_EVENT_CLOSED, frame)->problem = &link->decoded.problem;
  return 0;
}

/* ---- blocks and tails ---- */

static const char *block_fault(const lrm_frame *frame) {
  if (frame->count == 0) return "BLOCK without messages";
  if (frame->offset + frame->count > LRM_OFFSET_MAX) return "BLOCK beyond the largest offset";
  if (frame->payload.bytes == 0) return "BLOCK without a payload";
  if (frame->dictionary != 0) return "BLOCK with a dictionary";
  if (frame->flags & LRM_FLAG_SNAPSHOT && (frame->part == 0 || frame->part > frame->parts))
    return "SNAPSHOT part out of range";
  return NULL;
}

/* Counts a payload against the limit that was granted: one frame may overshoot it. */
static int count_credit(lrm_link *link, lrm__channel *ch, const lrm_frame *frame) {
  if (ch->moved_bytes >= ch->credit)
    return lrm__link_fail(link, LRM_CODE_LIMIT, "more than the credit allows");
  ch->moved_bytes += frame->payload.bytes;
  return 0;
}

/* What is dropped inside the link is consumed at once. */
static void drop(lrm_link *link, lrm__channel *ch, const lrm_frame *frame) {
  ch->sub.consumed_bytes += frame->payload.bytes;
  lrm__channel_judge_credit(link, ch);
}

/* A block that lies below the cursor. Dropping it silently would leave its sender waiting. */
static void drop_duplicate(lrm_link *link, lrm__channel *ch, const lrm_frame *frame) {
  drop(link, ch, frame);
  lrm__channel_owe(link, ch, LRM__ACK_DUE);
}

static void advance(lrm__channel *ch, const lrm_frame *frame, uint64_t now_ns) {
  lrm__subscriber *sub = &ch->sub;
  if (frame->offset > ch->next) ch->flags &= (uint16_t)~LRM__TAIL_KNOWN; /* a jump */
  ch->next = frame->offset + frame->count;
  if (sub->ack_since_ns == 0) sub->ack_since_ns = now_ns;
  sub->ack_blocks++;
  sub->ack_bytes += (uint32_t)frame->payload.bytes;
  if (!(frame->flags & LRM_FLAG_CLEARS_TAIL)) return;
  ch->flags |= LRM__TAIL_KNOWN;
  ch->flags &= (uint16_t)~LRM__TAIL_LOST;
  sub->tail_base = ch->next;
  sub->tail_index = 0;
}

int lrm__receive_block(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  int result = 0;
  lrm__channel *ch = expect(link, frame, false, 0, &result);
  if (ch == NULL) return result;
  const char *fault = block_fault(frame);
  if (fault != NULL) return lrm__link_fail(link, LRM_CODE_PROTOCOL, fault);
  result = count_credit(link, ch, frame);
  if (result != 0) return result;
  if (frame->offset + frame->count <= ch->next) {
    drop_duplicate(link, ch, frame);
    return 0;
  }
  bool jumps = frame->flags & LRM_FLAG_SNAPSHOT && frame->part == 1;
  if (frame->offset > ch->next && !jumps)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "a gap between blocks");
  if (frame->offset < ch->next && link->side == LRM_SIDE_ACCEPTING) {
    /* A publisher cuts at OPENED.next; splicing its history is not for the relay. */
    lrm__channel_close(link, ch, LRM_CODE_BAD_POSITION);
    return 0;
  }
  uint32_t known = frame->offset < ch->next ? (uint32_t)(ch->next - frame->offset) : 0;
  advance(ch, frame, now_ns);
  lrm__link_event(link, LRM_LINK_EVENT_BLOCK, frame)->skip_messages = known;
  return 0;
}

/* The index rules of docs/spec.md 3.23. */
static bool takes_tail(lrm__channel *ch, const lrm_frame *frame) {
  lrm__subscriber *sub = &ch->sub;
  if (!(ch->flags & LRM__TAIL_KNOWN)) {
    if (frame->count != 0 || frame->offset > ch->next) return false;
    ch->flags |= LRM__TAIL_KNOWN;
    ch->flags &= (uint16_t)~LRM__TAIL_LOST;
    sub->tail_base = frame->offset;
    sub->tail_index = 0;
  }
  if (frame->offset != sub->tail_base || ch->flags & LRM__TAIL_LOST) return false;
  if (frame->count > sub->tail_index) ch->flags |= LRM__TAIL_LOST;
  if (frame->count != sub->tail_index) return false;
  sub->tail_index++;
  return true;
}

int lrm__receive_tail(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  lrm__channel *ch = expect(link, frame, false, remote_v1_Log_LOG_EVENTS, &result);
  if (ch == NULL) return result;
  if (frame->flags & LRM_FLAG_COMPRESSED)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "TAIL is never compressed");
  result = count_credit(link, ch, frame);
  if (result != 0) return result;
  if (takes_tail(ch, frame))
    (void)lrm__link_event(link, LRM_LINK_EVENT_TAIL, frame);
  else
    drop(link, ch, frame);
  return 0;
}

/* ---- what comes back to a publisher ---- */

static uint64_t largest_of(uint64_t a, uint64_t b) { return a > b ? a : b; }

int lrm__receive_ack(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  lrm__channel *ch = channel_of(link, frame, &result);
  if (ch == NULL || !is_open(ch)) return result; /* between OPEN and OPENED it is ignored */
  if (!ch->publishes)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "ACK against the channel's direction");
  uint64_t most = largest_of(largest_of(ch->pub.end, ch->open_next), ch->next);
  if (frame->offset > most) {
    lrm__channel_close(link, ch, LRM_CODE_BAD_POSITION);
    return 0;
  }
  ch->credit = largest_of(ch->credit, frame->credit);
  bool first = !(ch->flags & LRM__ACKED);
  if (frame->offset < ch->pub.acked || (!first && frame->offset == ch->pub.acked)) return 0;
  ch->flags |= LRM__ACKED;
  ch->pub.acked = frame->offset;
  (void)lrm__link_event(link, LRM_LINK_EVENT_ACKED, frame);
  return 0;
}

int lrm__receive_receipt(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  lrm__channel *ch = expect(link, frame, true, remote_v1_Log_LOG_COMMANDS, &result);
  if (ch == NULL) return result;
  if (lrm__message_read(link, frame) != 0 || link->decoded.receipt.command_id.size != 16)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "RECEIPT cannot be understood");
  lrm__link_event(link, LRM_LINK_EVENT_RECEIPT, frame)->receipt = &link->decoded.receipt;
  return 0;
}

/* ---- what comes with a log ---- */

int lrm__receive_synced(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  lrm__channel *ch = expect(link, frame, false, 0, &result);
  if (ch == NULL) return result;
  ch->flags |= LRM__SYNCED;
  (void)lrm__link_event(link, LRM_LINK_EVENT_SYNCED, frame);
  return 0;
}

int lrm__receive_info(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  /* From the host to the relay, and on to watchers: always along with the events. */
  lrm__channel *ch = expect(link, frame, false, remote_v1_Log_LOG_EVENTS, &result);
  if (ch == NULL) return result;
  if (frame->payload.bytes > LRM_INFO_BYTES_MAX)
    return lrm__link_fail(link, LRM_CODE_LIMIT, "INFO is larger than 1 KiB");
  (void)lrm__link_event(link, LRM_LINK_EVENT_INFO, frame);
  return 0;
}

int lrm__receive_log_status(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  int result = 0;
  lrm__channel *ch = channel_of(link, frame, &result);
  if (ch == NULL) return result;
  if (!is_open(ch) || ch->log != remote_v1_Log_LOG_EVENTS)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "LOG_STATUS where it may not come");
  if (lrm__message_read(link, frame) != 0)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "LOG_STATUS cannot be decoded");
  lrm__link_event(link, LRM_LINK_EVENT_LOG_STATUS, frame)->log_status = &link->decoded.log_status;
  return 0;
}
