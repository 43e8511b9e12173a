/* What the link says, and when an exchange begins. */
#include "carrier_poll/exchanges_internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/wipe.h"
#include "remote/message.h"

#include "schema.h"

/* ---- bytes ---- */

bool lrm__bytes_add(lrm__bytes *b, const void *data, size_t bytes) {
  if (b->bytes + bytes > b->capacity) {
    size_t capacity = (b->bytes + bytes) * 2;
    if (capacity < 256) capacity = 256;
    uint8_t *wider = realloc(b->data, capacity);
    if (wider == NULL) return false;
    b->data = wider;
    b->capacity = capacity;
  }
  if (bytes > 0) memcpy(b->data + b->bytes, data, bytes);
  b->bytes += bytes;
  return true;
}

void lrm__bytes_drop(lrm__bytes *b, size_t bytes) {
  if (bytes == 0) return;
  b->bytes -= bytes;
  memmove(b->data, b->data + bytes, b->bytes);
}

bool lrm__bytes_add_frame(lrm__bytes *b, const lrm_frame *frame) {
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t bytes = lrm_frame_encode_header(frame, header);
  return lrm__bytes_add(b, header, bytes) &&
         lrm__bytes_add(b, frame->payload.data, frame->payload.bytes);
}

static void bytes_free(lrm__bytes *b) {
  if (b->data != NULL) lrm__wipe(b->data, b->capacity); /* HELLO has been in some of them */
  free(b->data);
  *b = (lrm__bytes){0};
}

/* ---- life ---- */

int lrm__exchanges_create(lrm__exchanges **out) {
  *out = calloc(1, sizeof **out);
  if (*out == NULL) return LRM_ERR_NO_MEMORY;
  (*out)->error = "";
  return 0;
}

void lrm__poll_channel_free(lrm__poll_channel *ch) {
  bytes_free(&ch->writer.blocks);
  bytes_free(&ch->writer.tails);
  bytes_free(&ch->writer.info);
  bytes_free(&ch->status);
  bytes_free(&ch->info);
  memset(ch, 0, sizeof *ch);
}

void lrm__exchanges_destroy(lrm__exchanges *x) {
  if (x == NULL) return;
  for (uint32_t i = 0; i < x->channels_count; i++) lrm__poll_channel_free(&x->channels[i]);
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) bytes_free(&x->calls[i].frame);
  bytes_free(&x->pings);
  bytes_free(&x->farewell);
  bytes_free(&x->body);
  bytes_free(&x->readable);
  bytes_free(&x->partial);
  lrm__wipe(&x->hello, sizeof x->hello);
  free(x);
}

lrm__poll_channel *lrm__poll_channel_find(lrm__exchanges *x, uint32_t number) {
  for (uint32_t i = 0; i < x->channels_count; i++) {
    if (x->channels[i].used && x->channels[i].number == number) return &x->channels[i];
  }
  return NULL;
}

/* The slots stay in the order of their numbers. */
static lrm__poll_channel *channel_make(lrm__exchanges *x, uint32_t number) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < x->channels_count; i++) {
    if (!x->channels[i].used) continue;
    if (kept != i) x->channels[kept] = x->channels[i];
    kept++;
  }
  for (uint32_t i = kept; i < x->channels_count; i++) {
    memset(&x->channels[i], 0, sizeof x->channels[i]);
  }
  x->channels_count = kept;
  if (kept == LRM__POLL_CHANNELS_MAX) return NULL;
  lrm__poll_channel *ch = &x->channels[x->channels_count++];
  ch->used = true;
  ch->number = number;
  return ch;
}

/* ---- what the link says ---- */

static int hear_hello(lrm__exchanges *x, const lrm_frame *frame) {
  if (x->has_hello ||
      lrm_message_decode_static(&lrm_schema_Hello, remote_v1_Hello_fields, frame->payload.data,
                                frame->payload.bytes, &x->hello) != 0) {
    return LRM_ERR_PROTOCOL;
  }
  x->has_hello = x->urgent = true;
  return 0;
}

static int hear_open(lrm__exchanges *x, const lrm_frame *frame) {
  lrm__poll_channel *ch = channel_make(x, frame->channel);
  if (ch == NULL) return LRM_ERR_LIMIT;
  if (lrm_message_decode_static(&lrm_schema_Open, remote_v1_Open_fields, frame->payload.data,
                                frame->payload.bytes, &ch->open) != 0) {
    return LRM_ERR_PROTOCOL;
  }
  ch->publishes = ch->open.direction == remote_v1_Direction_DIRECTION_PUBLISH;
  ch->events = ch->open.log == remote_v1_Log_LOG_EVENTS;
  ch->reader.credit = frame->credit;
  ch->writer.sent = ch->open.next;
  ch->writer.receipted = ch->open.first_retained;
  x->urgent = true;
  return 0;
}

static int hear_ack(lrm__exchanges *x, lrm__poll_channel *ch, const lrm_frame *frame) {
  lrm__poll_reader *r = &ch->reader;
  if (frame->offset > r->acked || !r->ack_said) {
    r->acked = frame->offset;
    r->ack_said = true;
    if (!ch->events) x->urgent = true; /* commands are delivered; nobody asks how far events are */
  }
  if (frame->credit > r->credit) {
    r->credit = frame->credit;
    if (r->starved) x->urgent = true;
  }
  return 0;
}

static int hear_block(lrm__exchanges *x, lrm__poll_channel *ch, const lrm_frame *frame) {
  lrm__poll_writer *w = &ch->writer;
  if (!lrm__bytes_add_frame(&w->blocks, frame)) return LRM_ERR_NO_MEMORY;
  w->sent = frame->offset + frame->count;
  if ((frame->flags & LRM_FLAG_CLEARS_TAIL) != 0) {
    w->tails.bytes = 0;
    w->tails_lost = false;
  }
  x->urgent = true;
  return 0;
}

/* Nobody acknowledges tails: they count as consumed as soon as they are here. */
static int hear_tail(lrm__exchanges *x, lrm__poll_channel *ch, const lrm_frame *frame) {
  lrm__poll_writer *w = &ch->writer;
  w->consumed += frame->payload.bytes;
  if (frame->count == 0) {
    w->tails.bytes = 0;
    w->tails_lost = false;
  }
  w->tails_lost = w->tails_lost || w->tails.bytes + frame->payload.bytes > LRM_TAIL_BYTES_MAX;
  if (w->tails_lost) return 0;
  if (!lrm__bytes_add_frame(&w->tails, frame)) return LRM_ERR_NO_MEMORY;
  x->urgent = true;
  return 0;
}

static int hear_info(lrm__exchanges *x, lrm__poll_channel *ch, const lrm_frame *frame) {
  lrm__poll_writer *w = &ch->writer;
  w->info.bytes = 0;
  if (!lrm__bytes_add_frame(&w->info, frame)) return LRM_ERR_NO_MEMORY;
  w->info_due = x->urgent = true;
  w->info_version++;
  return 0;
}

bool lrm__poll_peek_call(lrm_slice payload, uint32_t *id, bool *more) {
  *id = 0;
  *more = false;
  size_t at = 0;
  while (at < payload.bytes && (payload.data[at] == 0x08 || payload.data[at] == 0x10)) {
    uint8_t key = payload.data[at++];
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (at == payload.bytes || shift > 63) return false;
      uint8_t byte = payload.data[at++];
      value |= (uint64_t)(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
    }
    if (key == 0x08) *id = (uint32_t)value;
    if (key == 0x10) *more = value != 0;
  }
  return true;
}

static int hear_request(lrm__exchanges *x, const lrm_frame *frame) {
  uint32_t id;
  bool more;
  if (!lrm__poll_peek_call(frame->payload, &id, &more)) return LRM_ERR_PROTOCOL;
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) {
    lrm__poll_call *call = &x->calls[i];
    if (call->used) continue;
    call->frame.bytes = 0;
    if (!lrm__bytes_add_frame(&call->frame, frame)) return LRM_ERR_NO_MEMORY;
    call->used = call->due = x->urgent = true;
    call->id = id;
    call->repeat_ns = call->asked = 0;
    return 0;
  }
  return LRM_ERR_LIMIT;
}

static int hear_ping(lrm__exchanges *x, const lrm_frame *frame) {
  x->urgent = true;
  if (x->pings.bytes >= LRM__POLL_PINGS_MAX * 16u) return 0; /* any answer is life */
  return lrm__bytes_add_frame(&x->pings, frame) ? 0 : LRM_ERR_NO_MEMORY;
}

static int hear_goaway(lrm__exchanges *x, const lrm_frame *frame) {
  x->goodbye = x->urgent = true;
  return lrm__bytes_add_frame(&x->farewell, frame) ? 0 : LRM_ERR_NO_MEMORY;
}

static int hear_on_channel(lrm__exchanges *x, const lrm_frame *frame) {
  lrm__poll_channel *ch = lrm__poll_channel_find(x, frame->channel);
  if (ch == NULL) return 0; /* late, on a channel that the relay has closed */
  switch (frame->type) {
    case LRM_FRAME_CLOSE:
      lrm__poll_channel_free(ch);
      x->urgent = true; /* who reads is known to others */
      return 0;
    case LRM_FRAME_ACK:
      return hear_ack(x, ch, frame);
    case LRM_FRAME_BLOCK:
      return hear_block(x, ch, frame);
    case LRM_FRAME_TAIL:
      return hear_tail(x, ch, frame);
    case LRM_FRAME_INFO:
      return hear_info(x, ch, frame);
    default:
      return LRM_ERR_PROTOCOL;
  }
}

static int hear(lrm__exchanges *x, const lrm_frame *frame) {
  if (frame->type >= LRM_FRAME_TYPE_SKIPPED_MIN) return 0;
  if (!x->has_hello && frame->type != LRM_FRAME_HELLO) return LRM_ERR_PROTOCOL;
  switch (frame->type) {
    case LRM_FRAME_HELLO:
      return hear_hello(x, frame);
    case LRM_FRAME_OPEN:
      return hear_open(x, frame);
    case LRM_FRAME_REQUEST:
      return hear_request(x, frame);
    case LRM_FRAME_PING:
      return hear_ping(x, frame);
    case LRM_FRAME_PONG:
      return 0;
    case LRM_FRAME_GOAWAY:
      return hear_goaway(x, frame);
    default:
      return hear_on_channel(x, frame);
  }
}

int lrm__exchanges_write(lrm__exchanges *x, const lrm_slice *parts, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!lrm__bytes_add(&x->partial, parts[i].data, parts[i].bytes)) return LRM_ERR_NO_MEMORY;
  }
  size_t at = 0;
  int result = 0;
  while (result == 0 && at < x->partial.bytes) {
    lrm_frame frame;
    size_t bytes = 0, wanted = 0;
    result = lrm_frame_decode(x->partial.data + at, x->partial.bytes - at,
                              LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &bytes, &wanted);
    if (result != 0 || bytes == 0) break;
    result = hear(x, &frame);
    at += bytes;
  }
  lrm__bytes_drop(&x->partial, at);
  if (result != 0) x->error = "the link said what cannot be said in a long-poll";
  return result;
}

/* ---- when ---- */

static lrm__exchange *free_slot(lrm__exchanges *x) {
  for (size_t i = 0; i < LRM__EXCHANGES_MAX; i++) {
    if (x->under_way[i].number == 0) return &x->under_way[i];
  }
  return NULL;
}

static bool any_under_way(const lrm__exchanges *x) {
  for (size_t i = 0; i < LRM__EXCHANGES_MAX; i++) {
    if (x->under_way[i].number != 0) return true;
  }
  return false;
}

/* Until when the exchanges under way hold up the next one; 0: they do not. */
static uint64_t held_until_ns(const lrm__exchanges *x) {
  uint64_t until_ns = 0;
  for (size_t i = 0; i < LRM__EXCHANGES_MAX; i++) {
    const lrm__exchange *e = &x->under_way[i];
    if (e->number != 0 && e->busy && e->began_ns + LRM__POLL_BUSY_NS > until_ns)
      until_ns = e->began_ns + LRM__POLL_BUSY_NS;
  }
  return until_ns;
}

static uint64_t call_due_ns(const lrm__exchanges *x) {
  uint64_t due_ns = UINT64_MAX;
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) {
    const lrm__poll_call *call = &x->calls[i];
    if (call->used && call->repeat_ns != 0 && call->repeat_ns < due_ns) due_ns = call->repeat_ns;
  }
  return due_ns;
}

static bool may_begin(lrm__exchanges *x, uint64_t now_ns) {
  if (!x->has_hello || x->over || free_slot(x) == NULL) return false;
  if (call_due_ns(x) <= now_ns) x->urgent = true;
  if (!any_under_way(x)) return x->urgent || now_ns >= x->not_before_ns;
  return x->urgent && now_ns >= held_until_ns(x);
}

bool lrm__exchanges_next(lrm__exchanges *x, uint64_t now_ns, uint64_t *number, lrm_slice *body) {
  if (!may_begin(x, now_ns)) return false;
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) {
    lrm__poll_call *call = &x->calls[i];
    if (!call->used || call->repeat_ns == 0 || call->repeat_ns > now_ns) continue;
    call->due = true;
    call->repeat_ns = 0;
  }
  lrm__exchange *e = free_slot(x);
  memset(e, 0, sizeof *e);
  e->number = ++x->number;
  e->began_ns = now_ns;
  x->urgent = false; /* the body says again when it cannot hold all */
  if (!lrm__poll_body(x, e)) {
    e->number = 0;
    return false;
  }
  *number = e->number;
  *body = (lrm_slice){x->body.data, x->body.bytes};
  return true;
}

uint64_t lrm__exchanges_due_ns(const lrm__exchanges *x) {
  if (!x->has_hello || x->over) return UINT64_MAX;
  uint64_t due_ns = call_due_ns(x);
  if (!any_under_way(x)) return x->not_before_ns < due_ns ? x->not_before_ns : due_ns;
  if (x->under_way[0].number != 0 && x->under_way[1].number != 0) return UINT64_MAX;
  uint64_t held_ns = held_until_ns(x);
  if (x->urgent) return held_ns;
  return due_ns > held_ns ? due_ns : held_ns;
}

lrm_slice lrm__exchanges_readable(const lrm__exchanges *x) {
  return (lrm_slice){x->readable.data, x->readable.bytes};
}

void lrm__exchanges_consumed(lrm__exchanges *x, size_t bytes) {
  lrm__bytes_drop(&x->readable, bytes);
}

bool lrm__exchanges_over(const lrm__exchanges *x) { return x->over; }
const char *lrm__exchanges_error(const lrm__exchanges *x) { return x->error; }
