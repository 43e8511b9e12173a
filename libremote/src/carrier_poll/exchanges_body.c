/* The body of a POST: HELLO and OPENs with their cursors, then what the relay does not have yet. */
#include <pb_encode.h>
#include <string.h>

#include "base/wipe.h"
#include "carrier_poll/exchanges_internal.h"

enum { BODY_RESERVE_BYTES = 64 * 1024 }; /* for what is not a block or a call */

static bool add_message(lrm__bytes *body, lrm_frame *frame, const pb_msgdesc_t *fields,
                        const void *message) {
  uint8_t payload[2048];
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  if (!pb_encode(&stream, fields, message)) return false;
  frame->payload = (lrm_slice){payload, stream.bytes_written};
  bool added = lrm__bytes_add_frame(body, frame);
  if (frame->type == LRM_FRAME_HELLO) lrm__wipe(payload, sizeof payload);
  return added;
}

static bool add_hello(lrm__exchanges *x, const lrm__exchange *e) {
  lrm_frame frame = {.type = LRM_FRAME_HELLO};
  x->hello.exchange = e->number;
  return add_message(&x->body, &frame, remote_v1_Hello_fields, &x->hello);
}

static void resume_reader(lrm__poll_channel *ch, remote_v1_Open *open, lrm_frame *frame) {
  lrm__poll_reader *r = &ch->reader;
  frame->credit = r->credit > r->passed ? r->credit - r->passed : 0;
  r->starved = frame->credit == 0;
  if (!ch->opened || lrm_id_none(&ch->epoch)) return;
  open->epoch.size = 16;
  memcpy(open->epoch.bytes, ch->epoch.bytes, 16);
  open->next = r->next;
  open->start = remote_v1_Start_START_RESUME;
}

static void resume_writer(const lrm__poll_channel *ch, remote_v1_Open *open) {
  const lrm__poll_writer *w = &ch->writer;
  if (!ch->opened) return;
  if (w->sent > open->next) open->next = w->sent;
  if (!ch->events && w->acked > open->first_retained) open->first_retained = w->acked;
}

static bool add_open(lrm__exchanges *x, lrm__exchange *e, lrm__poll_channel *ch) {
  remote_v1_Open open = ch->open;
  lrm_frame frame = {.type = LRM_FRAME_OPEN, .channel = ch->number};
  if (ch->publishes) {
    resume_writer(ch, &open);
  } else {
    resume_reader(ch, &open, &frame);
  }
  e->asked[e->asked_count++] = (lrm__poll_asked){ch->number, open.next, ch->writer.info_version};
  if (!ch->opened) e->busy = true;
  return add_message(&x->body, &frame, remote_v1_Open_fields, &open);
}

static bool add_value(lrm__exchanges *x, const lrm__poll_channel *ch, uint32_t type,
                      const lrm__bytes *payload) {
  if (payload->bytes == 0) return true;
  lrm_frame frame = {
      .type = type, .channel = ch->number, .payload = {payload->data, payload->bytes}};
  return lrm__bytes_add_frame(&x->body, &frame);
}

/* What it has been told, and how far it has acknowledged. */
static bool add_known(lrm__exchanges *x, const lrm__poll_channel *ch) {
  if (!ch->opened) return true;
  if (ch->events && !add_value(x, ch, LRM_FRAME_LOG_STATUS, &ch->status)) return false;
  if (ch->publishes) return true;
  const lrm__poll_reader *r = &ch->reader;
  if (!ch->events && r->ack_said) {
    lrm_frame ack = {.type = LRM_FRAME_ACK, .channel = ch->number, .offset = r->acked};
    return lrm__bytes_add_frame(&x->body, &ack);
  }
  if (!ch->events) return true;
  lrm_frame tail = {.type = LRM_FRAME_TAIL,
                    .channel = ch->number,
                    .offset = r->tail_base,
                    .count = r->tail_index};
  if (r->tail_known && r->tail_index > 0 && !lrm__bytes_add_frame(&x->body, &tail)) return false;
  return add_value(x, ch, LRM_FRAME_INFO, &ch->info);
}

/* As many whole blocks as fit, from the first that is not acknowledged. */
static bool add_blocks(lrm__exchanges *x, lrm__exchange *e, const lrm__poll_channel *ch) {
  const lrm__bytes *blocks = &ch->writer.blocks;
  size_t at = 0;
  while (at < blocks->bytes) {
    lrm_frame frame;
    size_t bytes = 0, wanted = 0;
    if (lrm_frame_decode(blocks->data + at, blocks->bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame,
                         &bytes, &wanted) != 0 ||
        bytes == 0) {
      return false;
    }
    if (x->body.bytes + bytes + BODY_RESERVE_BYTES > LRM_BATCH_BYTES_MAX) {
      x->urgent = true; /* the rest goes with the next one */
      return true;
    }
    if (!lrm__bytes_add(&x->body, blocks->data + at, bytes)) return false;
    e->busy = true;
    at += bytes;
  }
  return true;
}

static bool add_published(lrm__exchanges *x, lrm__exchange *e, lrm__poll_channel *ch) {
  lrm__poll_writer *w = &ch->writer;
  if (!ch->publishes || !ch->opened) return true;
  if (w->info_due && !lrm__bytes_add(&x->body, w->info.data, w->info.bytes)) return false;
  if (!add_blocks(x, e, ch)) return false;
  if (x->body.bytes + w->tails.bytes + BODY_RESERVE_BYTES > LRM_BATCH_BYTES_MAX) return true;
  return lrm__bytes_add(&x->body, w->tails.data, w->tails.bytes);
}

static bool add_calls(lrm__exchanges *x, lrm__exchange *e) {
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) {
    lrm__poll_call *call = &x->calls[i];
    if (!call->used || !call->due) continue;
    if (!lrm__bytes_add(&x->body, call->frame.data, call->frame.bytes)) return false;
    call->due = false;
    call->asked = e->number;
    e->busy = true;
  }
  return true;
}

/* Who is busy wants an answer as soon as the relay has dealt with it: that is what PING says. */
static bool add_pings(lrm__exchanges *x, lrm__exchange *e) {
  static const uint8_t nothing[8] = {0};
  lrm_frame ping = {.type = LRM_FRAME_PING, .payload = {nothing, sizeof nothing}};
  if (x->pings.bytes > 0) {
    e->busy = true;
    bool added = lrm__bytes_add(&x->body, x->pings.data, x->pings.bytes);
    x->pings.bytes = 0;
    return added;
  }
  return !e->busy || lrm__bytes_add_frame(&x->body, &ping);
}

bool lrm__poll_body(lrm__exchanges *x, lrm__exchange *e) {
  x->body.bytes = 0;
  e->busy = !x->welcomed;
  e->goodbye = x->goodbye;
  if (!add_hello(x, e)) return false;
  for (uint32_t i = 0; i < x->channels_count; i++) {
    if (x->channels[i].used && !add_open(x, e, &x->channels[i])) return false;
  }
  if (!add_calls(x, e)) return false;
  for (uint32_t i = 0; i < x->channels_count; i++) {
    if (x->channels[i].used && !add_known(x, &x->channels[i])) return false;
  }
  for (uint32_t i = 0; i < x->channels_count; i++) {
    if (x->channels[i].used && !add_published(x, e, &x->channels[i])) return false;
  }
  /* As on any carrier, what was said before the goodbye goes before it. */
  if (x->goodbye) return lrm__bytes_add(&x->body, x->farewell.data, x->farewell.bytes);
  return add_pings(x, e);
}
