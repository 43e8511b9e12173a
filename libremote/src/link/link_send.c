/* Frames out. Two sources: a small queue of frames that carry what the caller said (OPEN, INFO,
 * LOG_STATUS, RECEIPT, REQUEST, REPLY, CLOSE with a reason), and flags from which frames are made
 * when there is room (HELLO, OPENED, ACK with credit, SYNCED, CLOSE, PING, PONG, GOAWAY), so that
 * those can never be lost. Order: WELCOME, PONG, PING, OPENED, the queue, ACK, SYNCED, CLOSE,
 * GOAWAY; then data, channel by channel in turn. */
#include <string.h>

#include "base/wipe.h"
#include "link/link_internal.h"

/* ---- the queue ---- */

/* Before each frame in the queue. */
typedef struct record {
  uint32_t channel;
  uint16_t bytes; /* of the frame */
  uint16_t type;
} record;

static record read_record(const lrm_link *link, uint32_t at) {
  record r;
  memcpy(&r, link->queue + at, sizeof r);
  return r;
}

static uint32_t record_end(uint32_t at, record r) { return at + (uint32_t)sizeof r + r.bytes; }

/* Where the record of this type and channel is, or SIZE_MAX. */
static size_t queue_find(const lrm_link *link, uint32_t type, uint32_t channel) {
  for (uint32_t at = link->queue_head; at < link->queue_tail;) {
    record r = read_record(link, at);
    if (r.type == type && r.channel == channel) return at;
    at = record_end(at, r);
  }
  return SIZE_MAX;
}

static uint32_t queue_record_bytes(const lrm_link *link, size_t at) {
  if (at == SIZE_MAX) return 0;
  return (uint32_t)sizeof(record) + read_record(link, (uint32_t)at).bytes;
}

static void queue_drop(lrm_link *link, size_t at) {
  uint32_t bytes = queue_record_bytes(link, at);
  memmove(link->queue + at, link->queue + at + bytes, link->queue_tail - at - bytes);
  link->queue_tail -= bytes;
}

static void queue_compact(lrm_link *link) {
  memmove(link->queue, link->queue + link->queue_head, link->queue_tail - link->queue_head);
  link->queue_tail -= link->queue_head;
  link->queue_head = 0;
}

/* An accepting link has memory for what waits, doubled as it is needed. With nothing waiting and no
 * memory the carrier ends: a caller that is told "later" would wait for an end of the queue that
 * never comes. */
static bool queue_make_room(lrm_link *link, size_t wanted) {
  if (wanted <= link->queue_bytes) return true;
  size_t bytes = link->queue_bytes == 0 ? LRM__QUEUE_FIRST_BYTES : link->queue_bytes;
  while (bytes < wanted) bytes *= 2;
  if (bytes > link->control_bytes) bytes = link->control_bytes;
  uint8_t *queue = link->allocator.alloc(link->allocator.user, bytes);
  if (queue == NULL) {
    if (link->queue_head == link->queue_tail && link->state != LRM_LINK_CLOSING)
      (void)lrm__link_fail(link, LRM_CODE_INTERNAL, "out of memory");
    return false;
  }
  uint32_t kept = link->queue_tail - link->queue_head;
  if (kept > 0) memcpy(queue, link->queue + link->queue_head, kept);
  lrm__queue_release(link);
  link->queue = queue;
  link->queue_bytes = (uint32_t)bytes;
  link->queue_head = 0;
  link->queue_tail = kept;
  return true;
}

void lrm__queue_release(lrm_link *link) {
  if (link->side != LRM_SIDE_ACCEPTING || link->queue == NULL) return;
  lrm__wipe(link->queue, link->queue_bytes); /* a REPLY may have held a token */
  if (link->allocator.free != NULL) link->allocator.free(link->allocator.user, link->queue);
  link->queue = NULL;
  link->queue_bytes = 0;
}

int lrm__queue_push(lrm_link *link, const lrm_frame *frame, bool replaces) {
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = lrm_frame_encode_header(frame, header);
  size_t bytes = header_bytes + frame->payload.bytes;
  size_t need = sizeof(record) + bytes;
  size_t old = replaces ? queue_find(link, frame->type, frame->channel) : SIZE_MAX;
  uint32_t kept = link->queue_tail - link->queue_head - queue_record_bytes(link, old);
  if (bytes > UINT16_MAX || need > link->control_bytes - kept) return LRM_ERR_BUSY;
  if (!queue_make_room(link, kept + need)) return LRM_ERR_BUSY;
  if (replaces) old = queue_find(link, frame->type, frame->channel); /* it may have moved */
  if (old != SIZE_MAX) queue_drop(link, old);
  if (need > link->queue_bytes - link->queue_tail) queue_compact(link);
  record r = {frame->channel, (uint16_t)bytes, (uint16_t)frame->type};
  uint8_t *at = link->queue + link->queue_tail;
  memcpy(at, &r, sizeof r);
  memcpy(at + sizeof r, header, header_bytes);
  if (frame->payload.bytes > 0)
    memcpy(at + sizeof r + header_bytes, frame->payload.data, frame->payload.bytes);
  link->queue_tail += (uint32_t)need;
  return 0;
}

/* ---- writing ---- */

typedef struct writer {
  uint8_t *out;
  size_t capacity;
  size_t used;
  bool full;
} writer;

static bool write_frame(writer *w, const lrm_frame *frame) {
  size_t bytes = 0;
  if (w->full || lrm_frame_encode(frame, w->out + w->used, w->capacity - w->used, &bytes) != 0) {
    w->full = true;
    return false;
  }
  w->used += bytes;
  return true;
}

static bool write_message(writer *w, lrm_frame *frame, const void *message) {
  uint8_t payload[LRM__MESSAGE_BYTES_MAX];
  size_t bytes = 0;
  int result = lrm__message_write(frame->type, message, payload, sizeof payload, &bytes);
  LRM_ASSERT(result == 0);
  if (result != 0) return true;
  frame->payload = (lrm_slice){payload, bytes};
  return write_frame(w, frame);
}

/* A reserved feature name: peers must not mind what they do not know. */
static void add_grease_feature(lrm_link *link, char features[16][24], pb_size_t *count) {
  if (!link->grease || *count >= 16) return;
  static const char digits[] = "0123456789abcdef";
  char *name = features[(*count)++];
  memcpy(name, "grease.0000", 12);
  uint64_t random = lrm__link_random(link);
  for (int i = 0; i < 4; i++) name[7 + i] = digits[random >> (4 * i) & 15];
}

static void write_hello(lrm_link *link, writer *w) {
  remote_v1_Hello hello = remote_v1_Hello_init_zero;
  hello.version_min = hello.version_max = 1;
  hello.link_id.size = 16;
  memcpy(hello.link_id.bytes, link->hello->link_id.bytes, 16);
  hello.generation = link->generation;
  memcpy(hello.token, link->hello->token, sizeof hello.token);
  hello.role = (remote_v1_Role)link->hello->role;
  memcpy(hello.agent, link->agent, sizeof hello.agent);
  for (uint32_t i = 0; i < link->features_count; i++)
    memcpy(hello.features[hello.features_count++], link->features[i], 24);
  add_grease_feature(link, hello.features, &hello.features_count);
  hello.has_limits = true;
  hello.limits.frame_bytes = link->frame_bytes_max;
  hello.limits.channels = link->channels_max;
  lrm_frame frame = {.type = LRM_FRAME_HELLO};
  if (write_message(w, &frame, &hello)) link->hello_due = false;
  lrm__wipe(&hello, sizeof hello);
}

static void write_pongs(lrm_link *link, writer *w) {
  uint32_t written = 0;
  while (written < link->pongs_count) {
    lrm_frame frame = {.type = LRM_FRAME_PONG, .payload = {link->pongs[written], 8}};
    if (!write_frame(w, &frame)) break;
    written++;
  }
  link->pongs_count -= written;
  memmove(link->pongs[0], link->pongs[written], link->pongs_count * 8);
}

static void write_ping(lrm_link *link, writer *w) {
  uint64_t random = lrm__link_random(link);
  uint8_t payload[8];
  memcpy(payload, &random, sizeof payload);
  lrm_frame frame = {.type = LRM_FRAME_PING, .payload = {payload, 8}};
  if (!write_frame(w, &frame)) return;
  link->ping_due = false;
  if (link->grease && random % 4 == 0) link->grease_due = true;
}

static void write_grease(lrm_link *link, writer *w) {
  uint64_t random = lrm__link_random(link);
  uint8_t payload[8];
  memcpy(payload, &random, sizeof payload);
  lrm_frame frame = {.type = LRM_FRAME_TYPE_SKIPPED_MIN + (uint32_t)(random % 1000)};
  frame.payload = (lrm_slice){payload, (size_t)(random >> 32) % 9};
  if (write_frame(w, &frame)) link->grease_due = false;
}

static void write_opened(lrm_link *link, lrm__channel *ch, writer *w) {
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  opened.epoch.size = ch->epoch_bytes;
  memcpy(opened.epoch.bytes, ch->epoch, sizeof ch->epoch);
  opened.next = ch->next;
  opened.watermark = ch->watermark;
  opened.outcome = (remote_v1_OpenOutcome)ch->outcome;
  opened.last_writer_generation = ch->last_writer_generation;
  opened.ceiling = (remote_v1_Ceiling)ch->ceiling;
  opened.ceiling_layer = (remote_v1_Layer)ch->ceiling_layer;
  lrm_frame frame = {.type = LRM_FRAME_OPENED, .channel = ch->number};
  if (!ch->publishes) frame.credit = ch->credit;
  if (!write_message(w, &frame, &opened)) return;
  lrm__channel_settle(link, ch, LRM__OPENED_DUE);
  if (!ch->publishes) lrm__channel_judge_credit(link, ch);
}

static void write_ack(lrm_link *link, lrm__channel *ch, writer *w) {
  lrm_frame frame = {.type = LRM_FRAME_ACK, .channel = ch->number, .offset = ch->sub.own};
  uint64_t grant = lrm__channel_grant(link, ch);
  bool renew = ch->state == LRM__CHANNEL_OPEN && grant >= ch->credit + link->window_bytes / 2;
  if (renew) frame.credit = grant;
  if (!write_frame(w, &frame)) return;
  if (renew) ch->credit = grant;
  ch->sub.acked = ch->sub.own;
  ch->sub.ack_blocks = ch->sub.ack_bytes = 0;
  ch->sub.ack_since_ns = ch->sub.own < ch->next ? link->now_ns : 0;
  ch->flags |= LRM__ACKED;
  lrm__channel_settle(link, ch, LRM__ACK_DUE);
}

static void write_synced(lrm_link *link, lrm__channel *ch, writer *w) {
  uint64_t at = ch->until != 0 && ch->until < ch->watermark ? ch->until : ch->watermark;
  lrm_frame frame = {.type = LRM_FRAME_SYNCED, .channel = ch->number, .offset = at};
  if (!write_frame(w, &frame)) return;
  ch->flags |= LRM__SYNCED;
  lrm__channel_settle(link, ch, LRM__SYNCED_DUE);
  /* A bounded range ends here. */
  if (ch->until != 0 && ch->state == LRM__CHANNEL_OPEN)
    lrm__channel_close(link, ch, LRM_CODE_NORMAL);
}

static void write_close(lrm_link *link, lrm__channel *ch, writer *w) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = ch->close_code;
  lrm_frame frame = {.type = LRM_FRAME_CLOSE, .channel = ch->number, .offset = ch->open_next};
  if (!write_message(w, &frame, &problem)) return;
  lrm__channel_settle(link, ch, LRM__CLOSE_DUE);
  lrm__channel_retire(link, ch);
}

/* What a channel owes, up to and without its CLOSE. */
static void write_owed(lrm_link *link, lrm__channel *ch, writer *w) {
  if (ch->flags & LRM__ACK_DUE) write_ack(link, ch, w);
  if (ch->flags & LRM__SYNCED_DUE) write_synced(link, ch, w);
}

static void each_due(lrm_link *link, writer *w, uint16_t due,
                     void (*write)(lrm_link *, lrm__channel *, writer *)) {
  for (uint32_t i = 0; i < link->channels_room && link->channels_due > 0 && !w->full; i++)
    if (link->channels[i].flags & due) write(link, &link->channels[i], w);
}

/* May the frame at the queue's head leave now? Before WELCOME only OPENs within 16 KiB. */
static bool head_may_leave(const lrm_link *link) {
  if (link->queue_head == link->queue_tail) return false;
  if (link->state != LRM_LINK_GREETING) return true;
  record r = read_record(link, link->queue_head);
  return !link->hello_due && r.type == LRM_FRAME_OPEN &&
         link->flight_bytes + r.bytes <= LRM_BEFORE_WELCOME_BYTES_MAX;
}

static bool write_head(lrm_link *link, writer *w) {
  record r = read_record(link, link->queue_head);
  lrm__channel *closing = NULL;
  if (r.type == LRM_FRAME_CLOSE) {
    closing = lrm__channel_find(link, r.channel);
    if (closing != NULL) write_owed(link, closing, w);
  }
  if (w->full || r.bytes > w->capacity - w->used) {
    w->full = true;
    return false;
  }
  memcpy(w->out + w->used, link->queue + link->queue_head + sizeof r, r.bytes);
  w->used += r.bytes;
  link->queue_head = record_end(link->queue_head, r);
  if (link->queue_head == link->queue_tail) link->queue_head = link->queue_tail = 0;
  if (link->state == LRM_LINK_GREETING) link->flight_bytes += r.bytes;
  if (closing != NULL) {
    closing->flags &= (uint16_t)~LRM__CLOSE_QUEUED;
    lrm__channel_retire(link, closing);
  }
  return true;
}

static void write_queue(lrm_link *link, writer *w) {
  while (!w->full && head_may_leave(link))
    if (!write_head(link, w)) return;
}

static void write_first_flight(lrm_link *link, writer *w) {
  if (link->hello_due) {
    write_hello(link, w);
    link->flight_bytes = (uint32_t)w->used;
  }
  write_queue(link, w);
}

static void write_live(lrm_link *link, writer *w) {
  if (link->queue_head < link->queue_tail &&
      read_record(link, link->queue_head).type == LRM_FRAME_WELCOME && !write_head(link, w))
    return;
  write_pongs(link, w);
  if (link->ping_due) write_ping(link, w);
  each_due(link, w, LRM__OPENED_DUE, write_opened);
  if (!w->full) write_queue(link, w);
  each_due(link, w, LRM__ACK_DUE | LRM__SYNCED_DUE, write_owed);
  each_due(link, w, LRM__CLOSE_DUE, write_close);
  if (link->grease_due && !w->full) write_grease(link, w);
}

static void write_farewell(lrm_link *link, writer *w) {
  lrm_frame frame = {.type = link->farewell_type};
  if (!w->full && write_message(w, &frame, &link->farewell)) link->farewell_type = 0;
}

bool lrm_link_has_outgoing(const lrm_link *link) {
  switch (link->state) {
    case LRM_LINK_GREETING:
      return link->side == LRM_SIDE_CONNECTING && (link->hello_due || head_may_leave(link));
    case LRM_LINK_LIVE:
      return link->queue_head < link->queue_tail || link->pongs_count > 0 || link->ping_due ||
             link->grease_due || link->channels_due > 0;
    case LRM_LINK_CLOSING:
      return link->farewell_type != 0;
    default:
      return false;
  }
}

int lrm_link_outgoing(lrm_link *link, uint8_t *out, size_t capacity, size_t *written,
                      uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  *written = 0;
  if (!lrm_link_has_outgoing(link)) return 0;
  writer w = {out, capacity, 0, false};
  if (link->state == LRM_LINK_GREETING) write_first_flight(link, &w);
  if (link->state == LRM_LINK_LIVE || (link->state == LRM_LINK_CLOSING && link->was_live))
    write_live(link, &w);
  if (link->state == LRM_LINK_CLOSING) write_farewell(link, &w);
  /* Where nothing is ever freed the memory is kept. */
  if (link->queue_head == link->queue_tail && link->allocator.free != NULL)
    lrm__queue_release(link);
  *written = w.used;
  if (w.used > 0) lrm__timers_sent(link, now_ns);
  return w.used == 0 && w.full ? LRM_ERR_TOO_LARGE : 0;
}

/* ---- what the caller says ---- */

/* A frame for an open channel of the given kind. */
static int send_on_channel(lrm_link *link, uint32_t channel, lrm_frame *frame, bool publishes,
                           uint32_t log, bool replaces) {
  if (link->state != LRM_LINK_LIVE) return LRM_ERR_STATE;
  const lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL || ch->state == LRM__CHANNEL_CLOSING) return LRM_ERR_NOT_FOUND;
  if (ch->state != LRM__CHANNEL_OPEN || ch->publishes != publishes || ch->log != log)
    return LRM_ERR_STATE;
  frame->channel = channel;
  return lrm__queue_push(link, frame, replaces);
}

int lrm_link_send_info(lrm_link *link, uint32_t channel, const uint8_t *info, size_t bytes,
                       uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (bytes > LRM_INFO_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  lrm_frame frame = {.type = LRM_FRAME_INFO, .payload = {info, bytes}};
  return send_on_channel(link, channel, &frame, true, remote_v1_Log_LOG_EVENTS, true);
}

int lrm_link_send_log_status(lrm_link *link, uint32_t channel, const remote_v1_LogStatus *status,
                             uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->side != LRM_SIDE_ACCEPTING) return LRM_ERR_STATE;
  const lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL) return LRM_ERR_NOT_FOUND;
  uint8_t payload[LRM__MESSAGE_BYTES_MAX];
  lrm_frame frame = {.type = LRM_FRAME_LOG_STATUS, .payload = {payload, 0}};
  int result =
      lrm__message_write(frame.type, status, payload, LRM_CONTROL_BYTES_MAX, &frame.payload.bytes);
  if (result != 0) return result;
  return send_on_channel(link, channel, &frame, ch->publishes, remote_v1_Log_LOG_EVENTS, true);
}

int lrm_link_send_receipt(lrm_link *link, uint32_t channel, uint64_t outbox_offset,
                          const remote_v1_Receipt *receipt, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->side != LRM_SIDE_ACCEPTING) return LRM_ERR_STATE;
  if (outbox_offset > LRM_OFFSET_MAX) return LRM_ERR_USAGE;
  uint8_t payload[LRM__MESSAGE_BYTES_MAX];
  lrm_frame frame = {.type = LRM_FRAME_RECEIPT, .offset = outbox_offset, .payload = {payload, 0}};
  int result =
      lrm__message_write(frame.type, receipt, payload, LRM_CONTROL_BYTES_MAX, &frame.payload.bytes);
  if (result != 0) return result;
  return send_on_channel(link, channel, &frame, false, remote_v1_Log_LOG_COMMANDS, false);
}

/* Features that both sides speak. */
static void choose_features(const lrm_link *link, const remote_v1_Hello *hello,
                            remote_v1_Welcome *welcome) {
  for (uint32_t i = 0; i < link->features_count; i++)
    for (pb_size_t k = 0; k < hello->features_count; k++) {
      if (strcmp(link->features[i], hello->features[k]) != 0) continue;
      memcpy(welcome->features[welcome->features_count++], link->features[i], 24);
      break;
    }
}

static int refuse_version(lrm_link *link) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = LRM_CODE_UPGRADE_REQUIRED;
  lrm__text_copy(problem.reason, sizeof problem.reason,
                 "this relay speaks protocol version 1 only");
  link->error_detail = "no common protocol version";
  lrm__link_farewell(link, LRM_FRAME_REFUSE, &problem);
  return LRM_ERR_PROTOCOL;
}

int lrm_link_accept(lrm_link *link, const remote_v1_Principal *principal, uint64_t wall_ms,
                    const char *agent, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  if (link->state != LRM_LINK_JUDGING) return LRM_ERR_STATE;
  const remote_v1_Hello *hello = &link->decoded.hello; /* nothing was decoded since */
  if (hello->version_min > 1 || hello->version_max < 1) return refuse_version(link);
  remote_v1_Welcome welcome = remote_v1_Welcome_init_zero;
  welcome.version = 1;
  choose_features(link, hello, &welcome);
  add_grease_feature(link, welcome.features, &welcome.features_count);
  welcome.has_limits = true;
  welcome.limits.frame_bytes = link->frame_bytes_max;
  welcome.limits.channels = link->channels_max;
  welcome.heartbeat_ms = (uint32_t)(LRM_PING_IDLE_NS / 1000000);
  welcome.server_time_ms = wall_ms;
  welcome.has_principal = principal != NULL;
  if (principal != NULL) welcome.principal = *principal;
  if (agent != NULL) lrm__text_copy(welcome.agent, sizeof welcome.agent, agent);
  uint8_t payload[LRM__MESSAGE_BYTES_MAX];
  lrm_frame frame = {.type = LRM_FRAME_WELCOME, .payload = {payload, 0}};
  int result =
      lrm__message_write(frame.type, &welcome, payload, sizeof payload, &frame.payload.bytes);
  if (result != 0) return result;
  result = lrm__queue_push(link, &frame, false);
  /* The queue is empty, and larger than any WELCOME. */
  if (result != 0) return LRM_ERR_NO_MEMORY;
  lrm__link_enter(link, LRM_LINK_LIVE);
  lrm__timers_live(link, 0, now_ns);
  link->sign_in_deadline_ns = principal == NULL ? now_ns + LRM_SIGN_IN_NS : 0;
  link->grease_due = link->grease;
  lrm__wipe(link->decoded.hello.token, sizeof link->decoded.hello.token);
  return result;
}

void lrm_link_signing_in(lrm_link *link, uint64_t deadline_ns) {
  if (link->state == LRM_LINK_LIVE && link->sign_in_deadline_ns != 0)
    link->sign_in_deadline_ns = deadline_ns != 0 ? deadline_ns : 1;
}

static int farewell_by_caller(lrm_link *link, uint32_t type, const remote_v1_Problem *problem) {
  uint8_t payload[LRM__MESSAGE_BYTES_MAX];
  size_t bytes = 0;
  if (lrm__message_write(type, problem, payload, sizeof payload, &bytes) != 0)
    return LRM_ERR_TOO_LARGE;
  lrm__link_farewell(link, type, problem);
  return 0;
}

int lrm_link_refuse(lrm_link *link, const remote_v1_Problem *problem, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->state != LRM_LINK_JUDGING) return LRM_ERR_STATE;
  lrm__wipe(link->decoded.hello.token, sizeof link->decoded.hello.token);
  return farewell_by_caller(link, LRM_FRAME_REFUSE, problem);
}

int lrm_link_goaway(lrm_link *link, const remote_v1_Problem *problem, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->state != LRM_LINK_GREETING && link->state != LRM_LINK_JUDGING &&
      link->state != LRM_LINK_LIVE)
    return LRM_ERR_STATE;
  return farewell_by_caller(link, LRM_FRAME_GOAWAY, problem);
}

/* ---- data ---- */

static bool may_send(const lrm_link *link, const lrm__channel *ch) {
  (void)link;
  return ch->state == LRM__CHANNEL_OPEN && ch->publishes && !(ch->flags & LRM__OPENED_DUE) &&
         ch->moved_bytes < ch->credit;
}

static bool wants_block(const lrm__channel *ch) {
  return ch->next < ch->pub.end && (ch->until == 0 || ch->next < ch->until);
}

/* Tails follow the last block. A reader that is ahead of the log gets none: it has seen newer. */
static bool wants_tail(const lrm_link *link, const lrm__channel *ch) {
  if (link->side == LRM_SIDE_ACCEPTING && !(ch->flags & LRM__SYNCED)) return false;
  return ch->next == ch->pub.end && ch->pub.tail_offset <= ch->next && ch->until == 0 &&
         ch->pub.tail_index < ch->pub.tail_count;
}

bool lrm_link_wanted(lrm_link *link, lrm_link_want *want) {
  memset(want, 0, sizeof *want);
  if (link->state != LRM_LINK_LIVE || link->channels_used == 0 || lrm_link_has_outgoing(link))
    return false;
  for (uint32_t i = 0; i < link->channels_room; i++) {
    const lrm__channel *ch = &link->channels[(link->turn + i) % link->channels_room];
    if (!may_send(link, ch)) continue;
    if (!wants_block(ch) && !wants_tail(link, ch)) continue;
    want->channel = ch->number;
    want->kind = wants_block(ch) ? LRM_WANT_BLOCK : LRM_WANT_TAIL;
    want->offset = wants_block(ch) ? ch->next : ch->pub.tail_offset;
    want->index = wants_block(ch) ? 0 : ch->pub.tail_index;
    return true;
  }
  return false;
}

static int send_block(lrm__channel *ch, const lrm_frame *frame) {
  if (!wants_block(ch)) return LRM_ERR_STATE;
  if (frame->count == 0 || frame->payload.bytes == 0) return LRM_ERR_USAGE;
  bool jumps = frame->offset > ch->next && frame->offset < ch->pub.end &&
               frame->flags & LRM_FLAG_SNAPSHOT && frame->part == 1;
  bool holds = frame->offset <= ch->next && frame->offset + frame->count > ch->next;
  if (!holds && !jumps) return LRM_ERR_POSITION;
  ch->next = frame->offset + frame->count;
  return 0;
}

/* The peer takes no frame of this size, now or later. A log that it can never read on is closed; of
 * tails, which come again in a block, this one and all after it are dropped (spec 3.1.10, 3.23). */
static int refuse_large(lrm_link *link, lrm__channel *ch, const lrm_frame *frame) {
  if (!wants_block(ch)) {
    ch->pub.tail_index = UINT32_MAX;
    return LRM_ERR_TOO_LARGE;
  }
  lrm__channel_close(link, ch, LRM_CODE_LIMIT);
  ch->open_next = frame->offset;
  return LRM_ERR_TOO_LARGE;
}

void lrm_link_pass(lrm_link *link, uint32_t channel) {
  const lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch != NULL) link->turn = (uint32_t)(ch - link->channels) + 1;
}

static int send_tail(const lrm_link *link, lrm__channel *ch, const lrm_frame *frame) {
  if (wants_block(ch) || !wants_tail(link, ch)) return LRM_ERR_STATE;
  if (frame->offset != ch->pub.tail_offset || frame->count != ch->pub.tail_index)
    return LRM_ERR_POSITION;
  ch->pub.tail_index++;
  return 0;
}

int lrm_link_block(lrm_link *link, uint32_t channel, lrm_frame *frame,
                   uint8_t header[LRM_FRAME_HEADER_BYTES_MAX], size_t *header_bytes,
                   uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  *header_bytes = 0;
  lrm__channel *ch = lrm__channel_find(link, channel);
  if (ch == NULL) return LRM_ERR_NOT_FOUND;
  if (link->state != LRM_LINK_LIVE || !may_send(link, ch)) return LRM_ERR_STATE;
  if (frame->payload.bytes > link->peer_frame_bytes_max) return refuse_large(link, ch, frame);
  if (frame->type == 0) frame->type = wants_block(ch) ? LRM_FRAME_BLOCK : LRM_FRAME_TAIL;
  int result = LRM_ERR_USAGE;
  if (frame->type == LRM_FRAME_BLOCK) result = send_block(ch, frame);
  if (frame->type == LRM_FRAME_TAIL) result = send_tail(link, ch, frame);
  if (result != 0) return result;
  frame->channel = channel;
  frame->credit = 0;
  *header_bytes = lrm_frame_encode_header(frame, header);
  ch->moved_bytes += frame->payload.bytes;
  link->turn = (uint32_t)(ch - link->channels) + 1;
  lrm__channel_judge_synced(link, ch);
  lrm__timers_sent(link, now_ns);
  return 0;
}
