/* What comes back: checked against what is known already, and handed to the link as if it came from
 * one carrier. */
#include <pb_encode.h>
#include <string.h>

#include "carrier_poll/exchanges_internal.h"
#include "remote/message.h"

#include "schema.h"

/* An answer on its way through. */
typedef struct answer {
  lrm__exchanges *x;
  lrm__exchange e; /* what was asked */
  uint64_t now_ns;
  bool news;    /* the link gets something */
  bool refused; /* it was not the newest */
} answer;

static int fail(lrm__exchanges *x, int result, const char *text) {
  x->error = text;
  return result;
}

static int no_memory(lrm__exchanges *x) { return fail(x, LRM_ERR_NO_MEMORY, "out of memory"); }

static int pass(answer *a, const lrm_frame *frame) {
  a->news = true;
  return lrm__bytes_add_frame(&a->x->readable, frame) ? 0 : no_memory(a->x);
}

static bool decode(const lrm_frame *frame, const lrm_schema_message *type,
                   const pb_msgdesc_t *fields, void *out) {
  return lrm_message_decode_static(type, fields, frame->payload.data, frame->payload.bytes, out) ==
         0;
}

static int bad(answer *a) {
  return fail(a->x, LRM_ERR_PROTOCOL,
              "the relay's answer is not what a long-poll is answered with");
}

static const lrm__poll_asked *asked_of(const answer *a, uint32_t number) {
  for (uint32_t i = 0; i < a->e.asked_count; i++) {
    if (a->e.asked[i].number == number) return &a->e.asked[i];
  }
  return NULL;
}

/* ---- the link itself ---- */

static int take_welcome(answer *a, const lrm_frame *frame) {
  if (a->x->welcomed) return 0;
  a->x->welcomed = true;
  return pass(a, frame);
}

/* To a link that is live REFUSE is a goodbye. An exchange that was not the newest says nothing of
 * the link: another one is under way, or goes on. */
static int take_goodbye(answer *a, const lrm_frame *frame) {
  lrm__exchanges *x = a->x;
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  if (!decode(frame, &lrm_schema_Problem, remote_v1_Problem_fields, &problem)) return bad(a);
  if (problem.code == LRM_CODE_SUPERSEDED && problem.stored_generation <= x->hello.generation) {
    a->refused = true;
    if (a->e.number < x->number || ++x->refused < LRM__POLL_REFUSED_MAX) return 0;
    return fail(x, LRM_ERR_CARRIER, "another process uses this link");
  }
  lrm_frame goodbye = *frame;
  if (x->welcomed) goodbye.type = LRM_FRAME_GOAWAY;
  x->over = true;
  return pass(a, &goodbye);
}

static int take_reply(answer *a, const lrm_frame *frame) {
  uint32_t id;
  bool more;
  if (!lrm__poll_peek_call(frame->payload, &id, &more)) return bad(a);
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) {
    lrm__poll_call *call = &a->x->calls[i];
    if (!call->used || call->id != id) continue;
    if (!more) {
      call->used = false;
      call->frame.bytes = 0;
    }
    return pass(a, frame);
  }
  return 0; /* answered before */
}

/* ---- OPENED ---- */

static int close_channel(answer *a, lrm__poll_channel *ch, uint32_t code, const char *reason) {
  uint8_t payload[512];
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  memcpy(problem.reason, reason, strlen(reason) + 1);
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  if (!pb_encode(&stream, remote_v1_Problem_fields, &problem)) return no_memory(a->x);
  lrm_frame frame = {
      .type = LRM_FRAME_CLOSE, .channel = ch->number, .payload = {payload, stream.bytes_written}};
  lrm__poll_channel_free(ch);
  return pass(a, &frame);
}

static int first_opened(answer *a, lrm__poll_channel *ch, const remote_v1_Opened *opened,
                        const lrm_frame *frame) {
  ch->opened = true;
  if (opened->epoch.size == 16) memcpy(ch->epoch.bytes, opened->epoch.bytes, 16);
  ch->reader.next = opened->next;
  ch->writer.sent = opened->next;
  ch->writer.window = ch->writer.credit = frame->credit;
  return pass(a, frame);
}

static int other_relay(answer *a) {
  return fail(a->x, LRM_ERR_CARRIER, "the relay was started anew");
}

/* A reader goes on exactly where it stood; else its channel ends as it would on a carrier that
 * lives: the session began a new history, or what it wanted is gone. */
static int reader_opened(answer *a, lrm__poll_channel *ch, const remote_v1_Opened *opened,
                         const lrm__poll_asked *asked) {
  lrm_id epoch = {{0}};
  if (opened->epoch.size == 16) memcpy(epoch.bytes, opened->epoch.bytes, 16);
  bool same = lrm_id_equal(&epoch, &ch->epoch);
  if (same && (lrm_id_none(&epoch) || opened->next == asked->next)) return 0;
  if (!ch->events) return other_relay(a);
  if (!same) return close_channel(a, ch, LRM_CODE_EPOCH, "the session began a new history");
  return close_channel(a, ch, LRM_CODE_TRIMMED, "this part of the log is no longer stored");
}

static uint64_t lowest_kept(const lrm__poll_writer *w) {
  lrm_frame frame;
  size_t bytes = 0, wanted = 0;
  if (w->blocks.bytes == 0 ||
      lrm_frame_decode(w->blocks.data, w->blocks.bytes, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &bytes,
                       &wanted) != 0) {
    return w->sent;
  }
  return frame.offset;
}

static int writer_opened(answer *a, lrm__poll_channel *ch, const remote_v1_Opened *opened) {
  const lrm__poll_writer *w = &ch->writer;
  bool same = opened->epoch.size == 16 && memcmp(opened->epoch.bytes, ch->epoch.bytes, 16) == 0 &&
              (opened->outcome == remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED ||
               (opened->outcome == remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY && w->acked == 0));
  if (same && opened->next >= lowest_kept(w) && opened->next <= w->sent) return 0;
  return other_relay(a);
}

static int take_opened(answer *a, lrm__poll_channel *ch, const lrm_frame *frame) {
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  const lrm__poll_asked *asked = asked_of(a, ch->number);
  if (asked == NULL || !decode(frame, &lrm_schema_Opened, remote_v1_Opened_fields, &opened))
    return bad(a);
  lrm__poll_writer *w = &ch->writer;
  if (w->info_due && w->info_version == asked->info_version && ch->opened) w->info_due = false;
  if (!ch->opened) return first_opened(a, ch, &opened, frame);
  return ch->publishes ? writer_opened(a, ch, &opened) : reader_opened(a, ch, &opened, asked);
}

/* ---- what is read ---- */

static int take_block(answer *a, lrm__poll_channel *ch, const lrm_frame *frame) {
  lrm__poll_reader *r = &ch->reader;
  uint64_t end = frame->offset + frame->count;
  if (ch->publishes || !ch->opened) return bad(a);
  if (r->skips || end <= r->next) return 0; /* another exchange has brought it */
  bool jumps = (frame->flags & LRM_FLAG_SNAPSHOT) != 0 && frame->part == 1;
  if (frame->offset > r->next && !jumps) return bad(a);
  if (r->passed >= r->credit) {
    r->skips = r->starved = true;
    return 0;
  }
  if (frame->offset > r->next) r->tail_known = false;
  r->passed += frame->payload.bytes;
  r->next = end;
  if ((frame->flags & LRM_FLAG_CLEARS_TAIL) != 0) {
    r->tail_known = true;
    r->tail_base = end;
    r->tail_index = 0;
  }
  return pass(a, frame);
}

static int take_tail(answer *a, lrm__poll_channel *ch, const lrm_frame *frame) {
  lrm__poll_reader *r = &ch->reader;
  if (ch->publishes || !ch->opened) return bad(a);
  if (!r->tail_known && frame->count == 0 && frame->offset <= r->next) {
    r->tail_known = true;
    r->tail_base = frame->offset;
    r->tail_index = 0;
  }
  bool wanted = r->tail_known && frame->offset == r->tail_base && frame->count == r->tail_index;
  if (!wanted || r->skips || r->passed >= r->credit) return 0;
  r->tail_index++;
  r->passed += frame->payload.bytes;
  return pass(a, frame);
}

static int take_synced(answer *a, lrm__poll_channel *ch, const lrm_frame *frame) {
  if (ch->publishes || !ch->opened) return bad(a);
  if (ch->reader.synced || ch->reader.skips) return 0;
  ch->reader.synced = true;
  return pass(a, frame);
}

/* Kept, to be said with the next exchange: so the relay knows what is news. */
static int take_value(answer *a, const lrm_frame *frame, lrm__bytes *kept) {
  kept->bytes = 0;
  if (!lrm__bytes_add(kept, frame->payload.data, frame->payload.bytes)) return no_memory(a->x);
  return pass(a, frame);
}

static int take_info(answer *a, lrm__poll_channel *ch, const lrm_frame *frame) {
  if (!ch->opened || frame->payload.bytes > LRM_INFO_BYTES_MAX) return bad(a);
  if (frame->payload.bytes == ch->info.bytes && ch->info.bytes > 0 &&
      memcmp(frame->payload.data, ch->info.data, ch->info.bytes) == 0) {
    return 0;
  }
  return take_value(a, frame, &ch->info);
}

/* ---- what the relay says of what was written ---- */

static void drop_blocks(lrm__poll_writer *w) {
  size_t at = 0;
  while (at < w->blocks.bytes) {
    lrm_frame frame;
    size_t bytes = 0, wanted = 0;
    if (lrm_frame_decode(w->blocks.data + at, w->blocks.bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX,
                         &frame, &bytes, &wanted) != 0 ||
        bytes == 0 || frame.offset + frame.count > w->acked) {
      break;
    }
    w->consumed += frame.payload.bytes;
    at += bytes;
  }
  lrm__bytes_drop(&w->blocks, at);
}

/* Credit is this side's to give: the relay's is counted anew with each exchange. */
static int take_ack(answer *a, lrm__poll_channel *ch, const lrm_frame *frame) {
  lrm__poll_writer *w = &ch->writer;
  if (!ch->publishes || !ch->opened) return bad(a);
  if (frame->offset > w->sent && frame->offset > ch->open.next) return bad(a);
  bool news = frame->offset > w->acked || !w->ack_said;
  if (frame->offset > w->acked) w->acked = frame->offset;
  drop_blocks(w);
  lrm_frame ack = {.type = LRM_FRAME_ACK, .channel = ch->number, .offset = w->acked};
  if (w->consumed + w->window >= w->credit + w->window / 2 && w->window > 0) {
    w->credit = ack.credit = w->consumed + w->window;
    news = true;
  }
  w->ack_said = true;
  return news ? pass(a, &ack) : 0;
}

static int take_receipt(answer *a, lrm__poll_channel *ch, const lrm_frame *frame) {
  if (!ch->publishes || !ch->opened) return bad(a);
  if (frame->offset < ch->writer.receipted) return 0;
  ch->writer.receipted = frame->offset + 1;
  return pass(a, frame);
}

/* ---- all of it ---- */

static int take_on_channel(answer *a, const lrm_frame *frame) {
  lrm__poll_channel *ch = lrm__poll_channel_find(a->x, frame->channel);
  if (ch == NULL) return 0; /* closed by this side meanwhile */
  switch (frame->type) {
    case LRM_FRAME_OPENED:
      return take_opened(a, ch, frame);
    case LRM_FRAME_CLOSE:
      lrm__poll_channel_free(ch);
      return pass(a, frame);
    case LRM_FRAME_BLOCK:
      return take_block(a, ch, frame);
    case LRM_FRAME_TAIL:
      return take_tail(a, ch, frame);
    case LRM_FRAME_SYNCED:
      return take_synced(a, ch, frame);
    case LRM_FRAME_LOG_STATUS:
      return ch->opened && frame->payload.bytes <= LRM_CONTROL_BYTES_MAX
                 ? take_value(a, frame, &ch->status)
                 : bad(a);
    case LRM_FRAME_INFO:
      return take_info(a, ch, frame);
    case LRM_FRAME_ACK:
      return take_ack(a, ch, frame);
    case LRM_FRAME_RECEIPT:
      return take_receipt(a, ch, frame);
    default:
      return bad(a);
  }
}

static int take(answer *a, const lrm_frame *frame) {
  if (frame->type >= LRM_FRAME_TYPE_SKIPPED_MIN) return 0;
  switch (frame->type) {
    case LRM_FRAME_WELCOME:
      return take_welcome(a, frame);
    case LRM_FRAME_REFUSE:
    case LRM_FRAME_GOAWAY:
      return take_goodbye(a, frame);
    case LRM_FRAME_PING:
      return 0;
    case LRM_FRAME_PONG:
      return pass(a, frame);
    case LRM_FRAME_REPLY:
      return take_reply(a, frame);
    default:
      return a->x->welcomed ? take_on_channel(a, frame) : bad(a);
  }
}

static int take_all(answer *a, const uint8_t *data, size_t bytes) {
  size_t at = 0;
  int result = 0;
  while (at < bytes && result == 0 && !a->x->over) {
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    if (lrm_frame_decode(data + at, bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &consumed,
                         &wanted) != 0 ||
        consumed == 0) {
      return bad(a);
    }
    result = take(a, &frame);
    at += consumed;
  }
  return result;
}

/* A call that was in an exchange without its last answer: again, at once when the exchange was lost
 * to a later one, else after a while, for its answers go on. */
static void settle_calls(answer *a, bool lost) {
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) {
    lrm__poll_call *call = &a->x->calls[i];
    if (!call->used || call->asked != a->e.number) continue;
    call->asked = 0;
    call->due = lost;
    call->repeat_ns = lost ? 0 : a->now_ns + LRM__POLL_CALL_NS;
    if (lost) a->x->urgent = true;
  }
}

/* An exchange that could have waited and brought nothing: were that to go on, both sides would be
 * busy with nothing. */
static void settle_pace(answer *a) {
  lrm__exchanges *x = a->x;
  bool quick = a->now_ns < a->e.began_ns + LRM__POLL_BUSY_NS;
  if (a->news || a->e.busy || !quick) {
    x->idle = 0;
    x->not_before_ns = 0;
    return;
  }
  uint64_t wait_ns = LRM__POLL_IDLE_NS_MIN << (x->idle < 8 ? x->idle : 8);
  if (wait_ns > LRM__POLL_IDLE_NS_MAX) wait_ns = LRM__POLL_IDLE_NS_MAX;
  x->idle++;
  x->not_before_ns = a->now_ns + wait_ns;
}

int lrm__exchanges_answer(lrm__exchanges *x, uint64_t number, const uint8_t *data, size_t bytes,
                          uint64_t now_ns) {
  answer a = {.x = x, .now_ns = now_ns};
  for (size_t i = 0; i < LRM__EXCHANGES_MAX; i++) {
    if (x->under_way[i].number != number) continue;
    a.e = x->under_way[i];
    x->under_way[i].number = 0;
  }
  if (a.e.number == 0) return fail(x, LRM_ERR_USAGE, "an answer to nothing");
  /* What an older one brings is old, or comes again. */
  bool late = number < x->answered;
  if (bytes == 0 && number == x->number && !a.e.goodbye)
    return fail(x, LRM_ERR_CARRIER, "the relay ended the exchange without a word");
  if (!late && bytes > 0) {
    for (uint32_t i = 0; i < x->channels_count; i++) x->channels[i].reader.skips = false;
    int result = take_all(&a, data, bytes);
    if (result != 0) return result;
    if (!a.refused) {
      x->answered = number;
      x->refused = 0;
    }
  }
  bool lost = late || bytes == 0 || a.refused;
  settle_calls(&a, lost);
  if (!lost || number == x->number) settle_pace(&a);
  if (a.e.goodbye) x->over = true;
  return 0;
}
