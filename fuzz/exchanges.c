/* What a relay may answer the POSTs of a long-poll client with: its adapter (carrier_poll) between
 * a link that keeps the rules and a relay that need not. First byte: bit 0, the link writes in two
 * pieces; bit 1, its first channel publishes commands instead of events. Then a script (script.h):
 * a piece is an answer to an exchange that is under way; actions are in act().
 *
 * Holds: what the link may read is whole frames, one WELCOME first, each channel's blocks without
 * a gap and none twice, acknowledgements that do not go back; what is kept to be
 * said again is small; a body is whole frames of at most
 * 1 MiB that begin with HELLO; at most two exchanges at a time, their numbers rise; a fault says
 * why; nothing comes after the end. */
#include <pb_encode.h>
#include <string.h>

#include "carrier_poll/exchanges_internal.h"
#include "layout.h"
#include "script.h"
#include "target.h"

#include "remote/v1/link.pb.h"

enum { ACTIONS = 17, PUBLISHES = 1, READS = 2, BLOCKS_MAX = 48 };
#define MILLISECOND UINT64_C(1000000)

const fuzz_layout fuzz_layout_here = {.head = 1, .is_script = true, .actions = ACTIONS};

/* What the link has read of a channel. */
typedef struct seen {
  bool opened, closed, acked;
  uint64_t next, ack;
} seen;

typedef struct run {
  lrm__exchanges *x;
  uint64_t now_ns, number;
  uint64_t waiting[LRM__EXCHANGES_MAX + 1];
  size_t waiting_count;
  bool pieces, commands, welcomed, left, ended;
  uint32_t blocks, calls, channels, tail;
  seen seen[LRM_CHANNELS_CLIENT_MAX * 4];
} run;

/* ---- the link ---- */

static void say(run *r, lrm_frame frame, const void *payload, size_t bytes) {
  uint8_t out[4096];
  size_t written = 0;
  frame.payload = (lrm_slice){payload, bytes};
  if (r->ended || r->left) return;
  FUZZ_CHECK(lrm_frame_encode(&frame, out, sizeof out, &written) == 0);
  size_t cut = r->pieces ? written / 2 : written;
  lrm_slice first = {out, cut}, second = {out + cut, written - cut};
  FUZZ_CHECK(lrm__exchanges_write(r->x, &first, 1) == 0);
  FUZZ_CHECK(lrm__exchanges_write(r->x, &second, 1) == 0);
}

static void say_message(run *r, lrm_frame frame, const pb_msgdesc_t *fields, const void *message) {
  uint8_t payload[2048];
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  FUZZ_CHECK(pb_encode(&stream, fields, message));
  say(r, frame, payload, stream.bytes_written);
}

static void say_hello(run *r) {
  remote_v1_Hello hello = remote_v1_Hello_init_zero;
  hello.version_min = hello.version_max = 1;
  hello.link_id.size = 16;
  memset(hello.link_id.bytes, 7, 16);
  hello.generation = 3;
  snprintf(hello.token, sizeof hello.token, "rmt_of_nobody");
  say_message(r, (lrm_frame){.type = LRM_FRAME_HELLO}, remote_v1_Hello_fields, &hello);
}

static void say_open(run *r, uint32_t number) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  bool publishes = number % 2 == PUBLISHES;
  bool commands = publishes ? r->commands : number % 4 == 0;
  open.session_id.size = 16;
  memset(open.session_id.bytes, 9, 16);
  open.log = commands ? remote_v1_Log_LOG_COMMANDS : remote_v1_Log_LOG_EVENTS;
  open.direction =
      publishes ? remote_v1_Direction_DIRECTION_PUBLISH : remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.writer_generation = 3;
  lrm_frame frame = {.type = LRM_FRAME_OPEN, .channel = number, .credit = 2048};
  say_message(r, frame, remote_v1_Open_fields, &open);
}

static void open_another(run *r) {
  uint32_t open = 0;
  for (uint32_t i = 0; i < r->x->channels_count; i++) open += r->x->channels[i].used;
  if (open < LRM_CHANNELS_CLIENT_MAX && r->channels + 1 < LRM_CHANNELS_CLIENT_MAX * 4)
    say_open(r, ++r->channels);
}

static void say_block(run *r, lrm__poll_channel *ch, uint8_t argument) {
  uint8_t payload[256] = {0};
  if (ch == NULL || !ch->opened || !ch->publishes || ++r->blocks > BLOCKS_MAX) return;
  if (ch->writer.sent + 256 > LRM_OFFSET_MAX) return;
  lrm_frame frame = {.type = LRM_FRAME_BLOCK,
                     .channel = ch->number,
                     .offset = ch->writer.sent,
                     .count = 1 + argument % 4,
                     .flags = argument & 16 ? LRM_FLAG_CLEARS_TAIL : 0};
  r->tail = 0;
  say(r, frame, payload, argument);
}

static void say_tail(run *r, lrm__poll_channel *ch, uint8_t argument) {
  uint8_t payload[256] = {0};
  if (ch == NULL || !ch->opened || !ch->publishes || !ch->events || r->tail > 64) return;
  lrm_frame frame = {
      .type = LRM_FRAME_TAIL, .channel = ch->number, .offset = ch->writer.sent, .count = r->tail++};
  say(r, frame, payload, argument);
}

static void say_ack(run *r, lrm__poll_channel *ch, uint8_t argument) {
  if (ch == NULL || !ch->opened || ch->publishes) return;
  lrm_frame frame = {.type = LRM_FRAME_ACK,
                     .channel = ch->number,
                     .offset = ch->reader.next,
                     .credit = ch->reader.credit + argument * 16u};
  say(r, frame, NULL, 0);
}

static void say_request(run *r) {
  uint32_t used = 0;
  for (size_t i = 0; i < LRM__POLL_CALLS_MAX; i++) used += r->x->calls[i].used;
  uint8_t payload[2] = {0x08, (uint8_t)(1 + r->calls % 100)};
  if (used == LRM__POLL_CALLS_MAX) return;
  r->calls++;
  say(r, (lrm_frame){.type = LRM_FRAME_REQUEST}, payload, sizeof payload);
}

/* ---- what it reads ---- */

static void read_frame(run *r, const lrm_frame *f) {
  FUZZ_CHECK(r->welcomed || f->type == LRM_FRAME_WELCOME || f->type == LRM_FRAME_REFUSE ||
             f->type == LRM_FRAME_GOAWAY || f->type == LRM_FRAME_PONG ||
             f->type == LRM_FRAME_REPLY);
  FUZZ_CHECK(f->type != LRM_FRAME_WELCOME || !r->welcomed);
  r->welcomed = r->welcomed || f->type == LRM_FRAME_WELCOME;
  if (f->channel == 0 || f->channel > r->channels) return;
  seen *s = &r->seen[f->channel];
  FUZZ_CHECK(!s->closed);
  switch (f->type) {
    case LRM_FRAME_OPENED:
      FUZZ_CHECK(!s->opened);
      s->opened = true;
      s->next = LRM_OFFSET_NONE; /* known with the first block */
      break;
    case LRM_FRAME_BLOCK:
      FUZZ_CHECK(s->opened);
      if (s->next < LRM_OFFSET_MAX) {
        FUZZ_CHECK(f->offset + f->count > s->next);
        FUZZ_CHECK(f->offset <= s->next || (f->flags & LRM_FLAG_SNAPSHOT) != 0);
      }
      s->next = f->offset + f->count;
      break;
    case LRM_FRAME_ACK:
      FUZZ_CHECK(s->opened && (!s->acked || f->offset >= s->ack));
      s->acked = true;
      s->ack = f->offset;
      break;
    case LRM_FRAME_CLOSE:
      s->closed = true;
      break;
    default:
      break;
  }
}

static void read_all(run *r, size_t from) {
  lrm_slice all = lrm__exchanges_readable(r->x);
  while (from < all.bytes) {
    lrm_frame frame;
    size_t taken = 0, wanted = 0;
    FUZZ_CHECK(lrm_frame_decode(all.data + from, all.bytes - from, LRM_FRAME_PAYLOAD_BYTES_MAX,
                                &frame, &taken, &wanted) == 0);
    FUZZ_CHECK(taken > 0);
    read_frame(r, &frame);
    from += taken;
  }
}

/* ---- the exchanges ---- */

static void check_body(lrm_slice body) {
  FUZZ_CHECK(body.bytes > 0 && body.bytes <= LRM_BATCH_BYTES_MAX);
  for (size_t at = 0; at < body.bytes;) {
    lrm_frame frame;
    size_t taken = 0, wanted = 0;
    FUZZ_CHECK(lrm_frame_decode(body.data + at, body.bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX,
                                &frame, &taken, &wanted) == 0);
    FUZZ_CHECK(taken > 0 && (frame.type == LRM_FRAME_HELLO) == (at == 0));
    at += taken;
  }
}

static void begin(run *r) {
  uint64_t number;
  lrm_slice body;
  while (!r->ended && lrm__exchanges_next(r->x, r->now_ns, &number, &body)) {
    FUZZ_CHECK(number > r->number && r->waiting_count < LRM__EXCHANGES_MAX);
    FUZZ_CHECK(!lrm__exchanges_over(r->x));
    r->number = r->waiting[r->waiting_count++] = number;
    check_body(body);
  }
}

static void answer(run *r, bool newest, const uint8_t *data, size_t bytes) {
  if (r->waiting_count == 0 || r->ended) return;
  size_t which = newest ? r->waiting_count - 1 : 0;
  uint64_t number = r->waiting[which];
  r->waiting[which] = r->waiting[--r->waiting_count];
  size_t before = lrm__exchanges_readable(r->x).bytes;
  int result = lrm__exchanges_answer(r->x, number, data, bytes, r->now_ns);
  FUZZ_CHECK(result == 0 || result == LRM_ERR_PROTOCOL || result == LRM_ERR_CARRIER);
  if (result != 0) {
    FUZZ_CHECK(lrm__exchanges_error(r->x)[0] != '\0');
    r->ended = true;
  }
  read_all(r, before);
  for (uint32_t i = 0; i < r->x->channels_count; i++) {
    FUZZ_CHECK(r->x->channels[i].status.bytes <= LRM_CONTROL_BYTES_MAX);
    FUZZ_CHECK(r->x->channels[i].info.bytes <= LRM_INFO_BYTES_MAX);
  }
  if (lrm__exchanges_over(r->x)) r->ended = true;
}

/* As a relay that keeps the rules: WELCOME, each channel OPENED where it stood. */
static void answer_well(run *r, uint8_t argument) {
  lrm__bytes out = {0};
  uint8_t payload[512];
  lrm_frame welcome = {.type = LRM_FRAME_WELCOME};
  FUZZ_CHECK(lrm__bytes_add_frame(&out, &welcome));
  for (uint32_t i = 0; i < r->x->channels_count; i++) {
    const lrm__poll_channel *ch = &r->x->channels[i];
    if (!ch->used) continue;
    remote_v1_Opened opened = remote_v1_Opened_init_zero;
    opened.epoch.size = 16;
    memset(opened.epoch.bytes, 5, 16);
    opened.next = ch->publishes ? ch->writer.sent : ch->reader.next;
    opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
    pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
    FUZZ_CHECK(pb_encode(&stream, remote_v1_Opened_fields, &opened));
    lrm_frame frame = {.type = LRM_FRAME_OPENED,
                       .channel = ch->number,
                       .credit = 64u * argument,
                       .payload = {payload, stream.bytes_written}};
    FUZZ_CHECK(lrm__bytes_add_frame(&out, &frame));
  }
  answer(r, true, out.data, out.bytes);
  free(out.data);
}

static void act(run *r, uint8_t action, uint8_t argument) {
  lrm__poll_channel *ch = lrm__poll_channel_find(r->x, 1 + argument % 4);
  uint8_t byte = argument;
  switch (action) {
    case 0:
      begin(r);
      break;
    case 1:
      r->now_ns += argument * 100 * MILLISECOND;
      break;
    case 2:
      answer(r, argument & 1, NULL, 0);
      break;
    case 3:
      answer_well(r, argument);
      break;
    case 4:
      say_block(r, lrm__poll_channel_find(r->x, PUBLISHES), argument);
      break;
    case 5:
      say_tail(r, lrm__poll_channel_find(r->x, PUBLISHES), argument);
      break;
    case 6:
      if (ch != NULL && ch->publishes && ch->events && ch->opened)
        say(r, (lrm_frame){.type = LRM_FRAME_INFO, .channel = ch->number}, &byte, 1);
      break;
    case 7:
      say_request(r);
      break;
    case 8:
      say(r, (lrm_frame){.type = LRM_FRAME_PING}, "12345678", 8);
      break;
    case 9:
      say_ack(r, ch, argument);
      break;
    case 10:
      if (ch == NULL || r->left) break;
      r->seen[ch->number].closed = true;
      say(r, (lrm_frame){.type = LRM_FRAME_CLOSE, .channel = ch->number}, NULL, 0);
      break;
    case 11:
      open_another(r);
      break;
    case 12:
      say(r, (lrm_frame){.type = LRM_FRAME_GOAWAY}, NULL, 0);
      r->left = true;
      break;
    case 13: {
      size_t bytes = lrm__exchanges_readable(r->x).bytes;
      lrm__exchanges_consumed(r->x, bytes < argument ? bytes : argument);
      break;
    }
    case 14:
      lrm__exchanges_consumed(r->x, lrm__exchanges_readable(r->x).bytes);
      break;
    case 15:
      r->now_ns += argument * MILLISECOND;
      (void)lrm__exchanges_due_ns(r->x);
      break;
    case 16: { /* when it is due, it begins */
      uint64_t due_ns = lrm__exchanges_due_ns(r->x);
      if (due_ns == UINT64_MAX || r->ended) break;
      if (due_ns > r->now_ns) r->now_ns = due_ns;
      begin(r);
      break;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static run r;
  if (size == 0) return 0;
  r = (run){.now_ns = 1000 * MILLISECOND, .pieces = data[0] & 1, .commands = data[0] & 2};
  FUZZ_CHECK(lrm__exchanges_create(&r.x) == 0);
  say_hello(&r);
  open_another(&r);
  open_another(&r);
  fuzz_script script = {data + 1, size - 1, 0};
  fuzz_step step;
  begin(&r);
  while (!r.ended && fuzz_script_next(&script, &step)) {
    if (step.is_piece) {
      answer(&r, true, step.piece, step.piece_bytes);
      begin(&r);
    } else {
      act(&r, step.action % ACTIONS, step.argument);
    }
  }
  lrm__exchanges_destroy(r.x);
  return 0;
}
