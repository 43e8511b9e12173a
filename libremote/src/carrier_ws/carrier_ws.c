/* The carrier once the upgrade is done: messages in frames, pings answered, closing. It owns an
 * inner carrier of bytes and is its owner; both sides of a connection are this file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "carrier_ws/carrier_ws_internal.h"

enum {
  MESSAGE_BYTES_MIN = 512,
  /* More than this before the first answer no link takes; told to it at once. */
  FIRST_BYTES_MAX = LRM_BEFORE_WELCOME_BYTES_MAX + 1
};

static size_t ws_room(const lrm_carrier *base);
static int ws_write(lrm_carrier *base, const lrm_slice *parts, size_t count);
static void ws_close(lrm_carrier *base, bool flush);

static const lrm_carrier_ops ws_ops = {
    .scheme = "ws", .room = ws_room, .write = ws_write, .close = ws_close, .messages = true};
static const lrm_carrier_ops wss_ops = {
    .scheme = "wss", .room = ws_room, .write = ws_write, .close = ws_close, .messages = true};

ws_carrier *lrm__ws_new(bool client) {
  ws_carrier *ws = calloc(1, sizeof *ws);
  if (ws == NULL) return NULL;
  ws->base.ops = &ws_ops;
  ws->client = client;
  return ws;
}

void lrm__ws_begin(ws_carrier *ws, lrm_carrier *inner) {
  ws->inner = inner;
  inner->owner = lrm__ws_inner_owner;
  inner->owner_user = ws;
  memcpy(ws->base.peer, inner->peer, sizeof ws->base.peer);
  if (strcmp(inner->ops->scheme, "tls") == 0) ws->base.ops = &wss_ops;
  ws->up = true;
}

void lrm__ws_blame(ws_carrier *ws, const char *text) {
  if (ws->error != 0 || ws->ending) return;
  ws->error = LRM_ERR_CARRIER;
  snprintf(ws->error_text, sizeof ws->error_text, "%s", text);
}

void lrm__ws_finish(ws_carrier *ws) {
  if (ws->base.owner.down != NULL) {
    ws->base.owner.down(ws->base.owner_user, &ws->base, ws->error, ws->error_text);
  }
  free(ws->message);
  free(ws->control);
  free(ws->settings);
  free(ws);
}

/* ---- writing ---- */

static size_t ws_room(const lrm_carrier *base) {
  const ws_carrier *ws = (const ws_carrier *)base;
  return ws->up && !ws->ending ? lrm_carrier_room(ws->inner) : 0;
}

static bool make_mask(uint8_t mask[WS_MASK_BYTES]) {
  return getrandom(mask, WS_MASK_BYTES, 0) == WS_MASK_BYTES;
}

/* A client's frame is one piece: all of it is masked, so all of it is copied. */
static int write_masked(ws_carrier *ws, ws_opcode opcode, const lrm_slice *parts, size_t count,
                        size_t total) {
  uint8_t mask[WS_MASK_BYTES];
  uint8_t *frame = malloc(WS_HEAD_BYTES_MAX + total);
  if (frame == NULL || !make_mask(mask)) {
    free(frame);
    return LRM_ERR_NO_MEMORY;
  }
  size_t at = ws_head_write(opcode, total, mask, frame);
  uint8_t *payload = frame + at;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].bytes > 0) memcpy(frame + at, parts[i].data, parts[i].bytes);
    at += parts[i].bytes;
  }
  ws_mask(payload, total, mask, 0);
  lrm_slice whole = {frame, at};
  int result = lrm_carrier_write(ws->inner, &whole, 1);
  free(frame);
  return result;
}

static int write_frame(ws_carrier *ws, ws_opcode opcode, const lrm_slice *parts, size_t count) {
  enum { PARTS_MAX = 7 };
  size_t total = 0;
  if (count > PARTS_MAX) return LRM_ERR_USAGE;
  for (size_t i = 0; i < count; i++) total += parts[i].bytes;
  if (ws->client) return write_masked(ws, opcode, parts, count, total);
  uint8_t head[WS_HEAD_BYTES_MAX];
  lrm_slice all[PARTS_MAX + 1];
  all[0] = (lrm_slice){head, ws_head_write(opcode, total, NULL, head)};
  for (size_t i = 0; i < count; i++) all[i + 1] = parts[i];
  return lrm_carrier_write(ws->inner, all, count + 1);
}

static int ws_write(lrm_carrier *base, const lrm_slice *parts, size_t count) {
  ws_carrier *ws = (ws_carrier *)base;
  if (!ws->up || ws->ending) return LRM_ERR_CARRIER;
  ws->answered = true;
  return write_frame(ws, WS_BINARY, parts, count);
}

/* ---- ending ---- */

static void say_close(ws_carrier *ws, unsigned code, const char *reason) {
  uint8_t payload[WS_CONTROL_BYTES_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
  size_t reason_bytes = strnlen(reason, sizeof payload - 2);
  memcpy(payload + 2, reason, reason_bytes);
  lrm_slice part = {payload, code == WS_NO_STATUS ? 0 : 2 + reason_bytes};
  (void)(write_frame(ws, WS_CLOSE, &part, 1) == 0); /* at the worst the carrier ends without */
}

/* Nothing is given to the owner any more; what is on its way goes out, then `down`. */
static void end(ws_carrier *ws, bool flush) {
  ws->ending = true;
  free(ws->message);
  ws->message = NULL;
  ws->message_bytes = ws->message_capacity = ws->left_bytes = 0;
  lrm_carrier_close(ws->inner, flush);
}

static void fail(ws_carrier *ws, unsigned code, const char *reason, const char *text) {
  if (ws->ending) return;
  lrm__ws_blame(ws, text);
  say_close(ws, code, reason);
  end(ws, true);
}

static void ws_close(lrm_carrier *base, bool flush) {
  ws_carrier *ws = (ws_carrier *)base;
  if (ws->dial != NULL) {
    lrm__ws_dial_cancel(ws);
    return;
  }
  if (ws->ending) return;
  if (flush) {
    bool leaving = ws->leaving != NULL && *ws->leaving;
    say_close(ws, leaving ? WS_GOING_AWAY : WS_NORMAL, "");
  }
  end(ws, flush);
}

void lrm_ws_refuse(lrm_carrier *carrier) {
  ws_carrier *ws = (ws_carrier *)carrier;
  if (ws->ending) return;
  say_close(ws, WS_TRY_LATER, "no room; try again later");
  end(ws, true);
}

/* ---- messages in ---- */

/* Room for what has arrived; never for what a head claims. */
static bool reserve(ws_carrier *ws, size_t more) {
  size_t needed = ws->message_bytes + more;
  if (needed <= ws->message_capacity) return true;
  size_t capacity = ws->message_capacity * 2;
  if (capacity < needed) capacity = needed;
  if (capacity < MESSAGE_BYTES_MIN) capacity = MESSAGE_BYTES_MIN;
  uint8_t *message = realloc(ws->message, capacity);
  if (message == NULL) return false;
  ws->message = message;
  ws->message_capacity = capacity;
  return true;
}

/* Gives what is there to the owner and keeps what it leaves. */
static void deliver(ws_carrier *ws) {
  uint8_t *message = ws->message;
  size_t bytes = ws->message_bytes, capacity = ws->message_capacity, wanted = 0;
  ws->message = NULL; /* not to be freed by a close in there */
  ws->message_bytes = ws->message_capacity = ws->left_bytes = 0;
  size_t taken =
      bytes > 0 ? ws->base.owner.received(ws->base.owner_user, &ws->base, message, bytes, &wanted)
                : 0;
  if (ws->ending || taken >= bytes) {
    free(message);
    return;
  }
  memmove(message, message + taken, bytes - taken);
  ws->message = message;
  ws->message_capacity = capacity;
  ws->message_bytes = ws->left_bytes = bytes - taken;
}

/* Takes bytes of a data frame's payload. */
static void take_data(ws_carrier *ws, const uint8_t *data, size_t bytes) {
  if (!reserve(ws, bytes)) {
    fail(ws, WS_INTERNAL, "out of memory", "out of memory");
    return;
  }
  if (bytes > 0) {
    uint8_t *place = ws->message + ws->message_bytes;
    memcpy(place, data, bytes);
    if (ws->head.masked) ws_mask(place, bytes, ws->head.mask, ws->position);
    ws->message_bytes += bytes;
  }
  bool complete = ws->position + bytes == ws->head.payload_bytes && ws->head.final;
  bool early = !ws->client && !ws->answered && ws->message_bytes >= FIRST_BYTES_MAX;
  if (complete || early) deliver(ws);
}

/* ---- control frames in ---- */

static void send_pong(ws_carrier *ws, const uint8_t *data, size_t bytes) {
  lrm_slice part = {data, bytes};
  (void)(write_frame(ws, WS_PONG, &part, 1) == 0);
}

/* A pong that finds no room waits; a newer ping takes its place (RFC 6455 5.5.3). */
static void on_ping(ws_carrier *ws, const uint8_t *data, size_t bytes) {
  if (lrm_carrier_room(ws->inner) > 0) {
    send_pong(ws, data, bytes);
    return;
  }
  if (ws->control == NULL) ws->control = malloc(WS_CONTROL_BYTES_MAX);
  if (ws->control == NULL) return;
  memmove(ws->control, data, bytes);
  ws->pong_bytes = (uint8_t)(bytes + 1);
}

static void on_close(ws_carrier *ws, const uint8_t *data, size_t bytes) {
  unsigned code;
  lrm_slice reason;
  if (!ws_close_read(data, bytes, &code, &reason)) {
    fail(ws, WS_PROTOCOL_ERROR, "a close frame that cannot be",
         "the other side sent a close frame that cannot be");
    return;
  }
  char text[100];
  snprintf(text, sizeof text, "the other side closed the connection (%u: %s)", code,
           ws_code_text(code));
  lrm__ws_blame(ws, text);
  say_close(ws, code, "");
  end(ws, true);
}

static void take_control(ws_carrier *ws, const uint8_t *payload, size_t bytes) {
  switch (ws->head.opcode) {
    case WS_PING:
      on_ping(ws, payload, bytes);
      break;
    case WS_CLOSE:
      on_close(ws, payload, bytes);
      break;
    default: /* a pong: it has shown life by coming */
      break;
  }
}

/* ---- frames in ---- */

/* Whether the frame may come now. */
static bool judge_head(ws_carrier *ws) {
  uint64_t known = ws->message_bytes - ws->left_bytes;
  if (ws->head.opcode >= WS_CLOSE) return true;
  if ((ws->head.opcode == WS_CONTINUATION) != ws->in_message) {
    fail(ws, WS_PROTOCOL_ERROR, "a frame that does not belong here",
         "the other side spoke WebSocket wrongly: a frame that does not belong here");
    return false;
  }
  if (ws->head.opcode == WS_TEXT) {
    fail(ws, WS_UNSUPPORTED, "binary messages only",
         "the other side sent text; messages are binary");
    return false;
  }
  if (ws->head.payload_bytes > LRM_BATCH_BYTES_MAX - known) {
    fail(ws, WS_TOO_BIG, "a message is at most 1 MiB", "the other side sent more than 1 MiB");
    return false;
  }
  return true;
}

static bool begin_frame(ws_carrier *ws, const uint8_t *data, size_t bytes, size_t *consumed) {
  if (ws_head_read(data, bytes, !ws->client, &ws->head, consumed) != 0) {
    fail(ws, WS_PROTOCOL_ERROR, "not a frame of WebSocket",
         "the other side spoke WebSocket wrongly: not a frame");
    return false;
  }
  if (*consumed == 0 || !judge_head(ws)) return false;
  ws->in_frame = true;
  ws->position = 0;
  return true;
}

static void end_frame(ws_carrier *ws) {
  ws->in_frame = false;
  if (ws->head.opcode < WS_CLOSE) ws->in_message = !ws->head.final;
}

/* Control frames are taken whole, data as it comes. Returns the bytes taken; 0: more are needed. */
static size_t take_payload(ws_carrier *ws, const uint8_t *data, size_t bytes) {
  uint64_t left = ws->head.payload_bytes - ws->position;
  size_t taken = left < bytes ? (size_t)left : bytes;
  if (ws->head.opcode >= WS_CLOSE) {
    uint8_t payload[WS_CONTROL_BYTES_MAX];
    if (taken < left) return 0;
    if (taken > 0) memcpy(payload, data, taken);
    if (ws->head.masked) ws_mask(payload, taken, ws->head.mask, 0);
    take_control(ws, payload, taken);
  } else {
    take_data(ws, data, taken);
  }
  ws->position += taken;
  if (ws->position == ws->head.payload_bytes) end_frame(ws);
  return taken;
}

static size_t on_inner_received(void *user, lrm_carrier *inner, const uint8_t *data, size_t bytes,
                                size_t *wanted) {
  ws_carrier *ws = user;
  (void)inner;
  size_t at = 0;
  *wanted = 0;
  while (!ws->ending) {
    size_t taken = 0;
    if (!ws->in_frame) {
      if (!begin_frame(ws, data + at, bytes - at, &taken)) break;
      at += taken;
    }
    if (ws->head.payload_bytes > 0 && at == bytes) break;
    taken = take_payload(ws, data + at, bytes - at);
    at += taken;
    if (ws->in_frame) break;
  }
  return ws->ending ? bytes : at;
}

/* ---- the rest of the inner carrier's words ---- */

static void on_inner_up(void *user, lrm_carrier *inner) {
  (void)user;
  (void)inner;
}

static void on_inner_writable(void *user, lrm_carrier *inner) {
  ws_carrier *ws = user;
  if (ws->ending) return;
  if (ws->pong_bytes > 0) {
    size_t bytes = (size_t)ws->pong_bytes - 1;
    ws->pong_bytes = 0;
    send_pong(ws, ws->control, bytes);
    free(ws->control);
    ws->control = NULL;
  }
  if (lrm_carrier_room(inner) > 0) ws->base.owner.writable(ws->base.owner_user, &ws->base);
}

static void on_inner_down(void *user, lrm_carrier *inner, int error, const char *text) {
  ws_carrier *ws = user;
  (void)inner;
  if (error != 0 && !ws->ending) lrm__ws_blame(ws, text);
  lrm__ws_finish(ws);
}

const lrm_carrier_owner lrm__ws_inner_owner = {.up = on_inner_up,
                                               .received = on_inner_received,
                                               .writable = on_inner_writable,
                                               .down = on_inner_down};

lrm_carrier *lrm_ws_accept(lrm_carrier *inner, const bool *leaving) {
  ws_carrier *ws = lrm__ws_new(false);
  if (ws == NULL) return NULL;
  ws->leaving = leaving;
  lrm__ws_begin(ws, inner);
  return &ws->base;
}
