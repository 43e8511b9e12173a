/* Bytes in: frames cut out, judged by the table, handed to their handlers. Handlers of the
 * frames of the link itself are here. */
#include <string.h>

#include "link/link_internal.h"

#define CONTROL_BURST_NS UINT64_C(4000000000)

lrm_link_event *lrm__link_event(lrm_link *link, lrm_link_event_type type, const lrm_frame *frame) {
  LRM_ASSERT(!link->has_event);
  lrm_link_event *event = &link->event;
  memset(event, 0, sizeof *event);
  event->type = type;
  event->channel = frame->channel;
  event->frame = *frame;
  link->has_event = true;
  return event;
}

/* ---- handlers ---- */

int lrm__receive_hello(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  const remote_v1_Hello *hello = &link->decoded.hello;
  bool understood = lrm__message_read(link, frame) == 0 && hello->link_id.size == 16 &&
                    hello->generation <= LRM_OFFSET_MAX && hello->exchange <= LRM_OFFSET_MAX;
  if (!understood) {
    remote_v1_Problem problem = remote_v1_Problem_init_zero;
    problem.code = LRM_CODE_PROTOCOL;
    link->error_detail = "HELLO cannot be understood";
    lrm__text_copy(problem.reason, sizeof problem.reason, link->error_detail);
    lrm__link_farewell(link, LRM_FRAME_REFUSE, &problem);
    return LRM_ERR_DECODE;
  }
  if (hello->has_limits && hello->limits.frame_bytes != 0 &&
      hello->limits.frame_bytes < LRM_FRAME_PAYLOAD_BYTES_MAX)
    link->peer_frame_bytes_max = hello->limits.frame_bytes;
  link->generation = hello->generation;
  lrm__link_enter(link, LRM_LINK_JUDGING);
  lrm__link_event(link, LRM_LINK_EVENT_HELLO, frame)->hello = hello;
  return 0;
}

int lrm__receive_welcome(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  const remote_v1_Welcome *welcome = &link->decoded.welcome;
  if (lrm__message_read(link, frame) != 0)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "WELCOME cannot be decoded");
  if (welcome->version != 1)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "WELCOME names a version we do not speak");
  if (link->hello_due) return lrm__link_fail(link, LRM_CODE_PROTOCOL, "WELCOME before HELLO");
  if (welcome->has_limits && welcome->limits.frame_bytes != 0 &&
      welcome->limits.frame_bytes < LRM_FRAME_PAYLOAD_BYTES_MAX)
    link->peer_frame_bytes_max = welcome->limits.frame_bytes;
  if (welcome->has_limits && welcome->limits.channels != 0)
    link->peer_channels_max = welcome->limits.channels;
  lrm__link_enter(link, LRM_LINK_LIVE);
  lrm__timers_live(link, welcome->heartbeat_ms, now_ns);
  link->grease_due = link->grease;
  lrm__link_event(link, LRM_LINK_EVENT_WELCOME, frame)->welcome = welcome;
  return 0;
}

/* The peer ends the carrier: nothing of ours goes out any more. */
static int peer_ends(lrm_link *link, const lrm_frame *frame, lrm_link_event_type type) {
  const remote_v1_Problem *problem = &link->decoded.problem;
  if (lrm__message_read(link, frame) != 0)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "a Problem cannot be decoded");
  if (!lrm_code_reconnects(problem->code)) link->final = true;
  /* Slow down means: not at once, also the first time. */
  if (problem->code == LRM_CODE_SLOW_DOWN) link->slow_down = true;
  uint64_t retry_ms = problem->retry_after_ms;
  if (retry_ms > UINT64_C(24) * 3600 * 1000) retry_ms = UINT64_C(24) * 3600 * 1000;
  link->retry_after_ns = retry_ms * 1000000;
  lrm__link_enter(link, LRM_LINK_CLOSING);
  lrm__link_event(link, type, frame)->problem = problem;
  return 0;
}

int lrm__receive_refuse(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  return peer_ends(link, frame, LRM_LINK_EVENT_REFUSED);
}

int lrm__receive_goaway(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  return peer_ends(link, frame, LRM_LINK_EVENT_GOAWAY);
}

int lrm__receive_ping(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  if (frame->payload.bytes != 8)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "PING without 8 bytes");
  if (link->pongs_count == LRM__PONGS_MAX) { /* the oldest makes room: any answer is life */
    memmove(link->pongs[0], link->pongs[1], sizeof link->pongs - sizeof link->pongs[0]);
    link->pongs_count--;
  }
  memcpy(link->pongs[link->pongs_count++], frame->payload.data, 8);
  return 0;
}

int lrm__receive_pong(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  if (frame->payload.bytes != 8)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "PONG without 8 bytes");
  return 0; /* any byte is life; an unasked one means nothing more */
}

static int find_request(const lrm_link *link, uint32_t id) {
  for (int i = 0; i < (int)LRM_REQUESTS_OPEN_MAX; i++)
    if (link->requests_mask >> i & 1 && link->requests[i] == id) return i;
  return -1;
}

static bool take_request(lrm_link *link, uint32_t id) {
  for (uint32_t i = 0; i < LRM_REQUESTS_OPEN_MAX; i++) {
    if (link->requests_mask >> i & 1) continue;
    link->requests_mask |= 1u << i;
    link->requests[i] = id;
    return true;
  }
  return false;
}

int lrm__receive_request(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  uint32_t id = 0;
  bool more = false;
  if (lrm__message_peek_call(frame->payload, &id, &more) != 0)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "REQUEST cannot be decoded");
  if (find_request(link, id) >= 0)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "REQUEST with the id of an open one");
  if (!take_request(link, id))
    return lrm__link_fail(link, LRM_CODE_LIMIT, "more than 16 REQUESTs are open");
  (void)lrm__link_event(link, LRM_LINK_EVENT_REQUEST, frame);
  return 0;
}

int lrm__receive_reply(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  (void)now_ns;
  uint32_t id = 0;
  bool more = false;
  if (lrm__message_peek_call(frame->payload, &id, &more) != 0)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "REPLY cannot be decoded");
  int slot = find_request(link, id);
  if (slot < 0) return lrm__link_fail(link, LRM_CODE_PROTOCOL, "REPLY to no open REQUEST");
  if (!more) link->requests_mask &= ~(1u << slot);
  (void)lrm__link_event(link, LRM_LINK_EVENT_REPLY, frame);
  return 0;
}

/* ---- requests, from the caller's side ---- */

static int push_call(lrm_link *link, uint32_t type, const uint8_t *data, size_t bytes) {
  lrm_frame frame = {.type = type, .payload = {data, bytes}};
  return lrm__queue_push(link, &frame, false);
}

int lrm_link_send_request(lrm_link *link, const uint8_t *request, size_t bytes, uint32_t request_id,
                          uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->side != LRM_SIDE_CONNECTING ||
      (link->state != LRM_LINK_GREETING && link->state != LRM_LINK_LIVE))
    return LRM_ERR_STATE;
  if (bytes > LRM_REQUEST_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  if (find_request(link, request_id) >= 0) return LRM_ERR_USAGE;
  if (link->requests_mask == (1u << LRM_REQUESTS_OPEN_MAX) - 1) return LRM_ERR_BUSY;
  int result = push_call(link, LRM_FRAME_REQUEST, request, bytes);
  if (result == 0) (void)take_request(link, request_id);
  return result;
}

int lrm_link_send_reply(lrm_link *link, const uint8_t *reply, size_t bytes, uint32_t request_id,
                        bool more, uint64_t now_ns) {
  (void)lrm__link_tick(link, now_ns);
  if (link->side != LRM_SIDE_ACCEPTING || link->state != LRM_LINK_LIVE) return LRM_ERR_STATE;
  if (bytes > LRM_REPLY_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  int slot = find_request(link, request_id);
  if (slot < 0) return LRM_ERR_NOT_FOUND;
  int result = push_call(link, LRM_FRAME_REPLY, reply, bytes);
  if (result == 0 && !more) link->requests_mask &= ~(1u << slot);
  return result;
}

/* ---- bytes in ---- */

static int error_of_decoder(lrm_link *link, int error) {
  return error == LRM_ERR_LIMIT
             ? lrm__link_fail(link, LRM_CODE_LIMIT, "a frame is larger than the limits")
             : lrm__link_fail(link, LRM_CODE_PROTOCOL, "bytes that are not a frame");
}

/* Frames that no credit bounds cost time, and INFO, PING and ACK work for others too. A bucket as
 * one number: when it will be full again. */
static bool pass_rate(lrm_link *link, uint64_t now_ns) {
  if (link->control_frames_rate == 0) return true;
  uint64_t frame_ns = UINT64_C(1000000000) / link->control_frames_rate;
  uint64_t full_ns = link->control_full_ns > now_ns ? link->control_full_ns : now_ns;
  if (full_ns - now_ns > CONTROL_BURST_NS) return false;
  link->control_full_ns = full_ns + frame_ns;
  return true;
}

static int too_fast(lrm_link *link) {
  int result = lrm__link_fail(link, LRM_CODE_SLOW_DOWN, "too many frames");
  link->farewell.retry_after_ms = CONTROL_BURST_NS / 1000000;
  return result;
}

static int dispatch(lrm_link *link, const lrm_frame *frame, uint64_t now_ns) {
  if (frame->type != LRM_FRAME_BLOCK && !pass_rate(link, now_ns)) return too_fast(link);
  if (frame->type >= LRM_FRAME_TYPE_SKIPPED_MIN) return 0;
  bool on_channel = false;
  lrm__handler handler = lrm__link_handler(link, frame->type, &on_channel);
  if (handler == NULL)
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "a frame that may not come here");
  if (on_channel != (frame->channel != 0))
    return lrm__link_fail(link, LRM_CODE_PROTOCOL, "a frame on the wrong kind of channel");
  return handler(link, frame, now_ns);
}

static bool greeting(const lrm_link *link) {
  return link->state == LRM_LINK_GREETING || link->state == LRM_LINK_JUDGING;
}

static bool has_any_event(const lrm_link *link) {
  return link->has_event || link->farewell_owed || link->reports_owed > 0;
}

/* One frame. *consumed 0 without an error: more bytes are needed. */
static int receive_frame(lrm_link *link, const uint8_t *data, size_t bytes, size_t *consumed,
                         size_t *wanted, uint64_t now_ns) {
  lrm_frame frame;
  size_t payload_max = link->frame_bytes_max;
  if (greeting(link) && payload_max > LRM_BEFORE_WELCOME_BYTES_MAX)
    payload_max = LRM_BEFORE_WELCOME_BYTES_MAX;
  int result = lrm_frame_decode(data, bytes, payload_max, &frame, consumed, wanted);
  if (result != 0) return error_of_decoder(link, result);
  if (*consumed == 0) return 0;
  if (greeting(link)) link->early_bytes += (uint32_t)*consumed;
  return dispatch(link, &frame, now_ns);
}

static int receive_frames(lrm_link *link, const uint8_t *data, size_t bytes, size_t *consumed,
                          size_t *wanted, uint64_t now_ns) {
  while (*consumed < bytes && !has_any_event(link)) {
    /* In JUDGING the caller decides first. In GREETING the limit holds for what has come. */
    if (greeting(link) && link->early_bytes + (bytes - *consumed) > LRM_BEFORE_WELCOME_BYTES_MAX &&
        link->side == LRM_SIDE_ACCEPTING)
      return lrm__link_fail(link, LRM_CODE_LIMIT, "more than 16 KiB before WELCOME");
    if (greeting(link) && link->early_bytes > LRM_BEFORE_WELCOME_BYTES_MAX)
      return lrm__link_fail(link, LRM_CODE_LIMIT, "more than 16 KiB before WELCOME");
    if (link->state == LRM_LINK_JUDGING) break;
    size_t frame_bytes = 0;
    int result =
        receive_frame(link, data + *consumed, bytes - *consumed, &frame_bytes, wanted, now_ns);
    if (result != 0) return result;
    if (frame_bytes == 0) return 0;
    *consumed += frame_bytes;
  }
  return 0;
}

int lrm_link_recv(lrm_link *link, const uint8_t *data, size_t bytes, size_t *consumed,
                  size_t *wanted, uint64_t now_ns) {
  now_ns = lrm__link_tick(link, now_ns);
  *consumed = *wanted = 0;
  if (link->state == LRM_LINK_DOWN || link->state == LRM_LINK_DEAD) return LRM_ERR_STATE;
  if (has_any_event(link)) return 0;
  if (link->state == LRM_LINK_CLOSING) {
    *consumed = bytes;
    return 0;
  }
  if (bytes > link->unconsumed_bytes) lrm__timers_heard(link, now_ns);
  int result = receive_frames(link, data, bytes, consumed, wanted, now_ns);
  if (link->state == LRM_LINK_CLOSING) *consumed = bytes;
  link->unconsumed_bytes = (uint32_t)(bytes - *consumed);
  return result;
}

/* ---- events out ---- */

static bool take_report(lrm_link *link, lrm_link_event *event) {
  for (uint32_t i = 0; i < link->channels_room; i++) {
    lrm__channel *ch = &link->channels[i];
    if (!(ch->flags & LRM__REPORT)) continue;
    memset(&link->report, 0, sizeof link->report);
    link->report.code = ch->close_code;
    event->type = LRM_LINK_EVENT_CLOSED;
    event->channel = event->frame.channel = ch->number;
    event->problem = &link->report;
    ch->flags &= (uint16_t)~LRM__REPORT;
    link->reports_owed--;
    lrm__channel_retire(link, ch);
    return true;
  }
  return false;
}

static bool take_flag(bool *owed, lrm_link_event *event, lrm_link_event_type type) {
  if (!*owed) return false;
  *owed = false;
  event->type = type;
  return true;
}

bool lrm_link_next_event(lrm_link *link, lrm_link_event *event) {
  memset(event, 0, sizeof *event);
  if (take_flag(&link->heard_owed, event, LRM_LINK_EVENT_HEARD)) return true;
  if (link->has_event) {
    link->has_event = false;
    *event = link->event;
    return true;
  }
  if (link->reports_owed > 0 && take_report(link, event)) return true;
  if (take_flag(&link->farewell_owed, event, LRM_LINK_EVENT_GOAWAY_SENT)) {
    event->problem = &link->farewell;
    return true;
  }
  return take_flag(&link->silent_owed, event, LRM_LINK_EVENT_SILENT);
}
