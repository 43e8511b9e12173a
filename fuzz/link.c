/* One link, either side, driven by a script of bytes: what its peer sends, what its owner does and
 * how time passes. First byte: bit 0 the side (1 accepting), bit 1 a small credit window, bit 2
 * GREASE. Then a script (script.h): its pieces are bytes from the peer.
 *
 * Whatever comes: no crash, one allocation of a connecting link and none that stays, states that
 * exist, and these hold: blocks are told in order and once; nothing is acknowledged that the owner
 * did not say; credit never falls, and what is told is within it; nothing follows a goodbye; a
 * fault always ends in CLOSING. */
#include <string.h>

#include <pb_encode.h>

#include "layout.h"
#include "remote/link.h"
#include "script.h"
#include "target.h"

const fuzz_layout fuzz_layout_here = {.head = 1, .is_script = true, .actions = 20};

enum { INPUT_MAX = 65536, CHANNELS = 8, OUT_BYTES = 16384 };

/* What the model knows of a channel. */
typedef struct track {
  uint64_t next;  /* blocks told below */
  uint64_t own;   /* acknowledged by the owner */
  uint64_t acked; /* written */
  uint64_t credit;
  uint64_t held; /* payload told and not consumed */
  uint64_t sent; /* payload told */
  uint64_t tail_base;
  uint32_t tail_next;
  bool tails; /* tails after tail_base were told, or may be from index 0 on */
  uint32_t number;
  bool opened;
} track;

typedef struct run {
  lrm_link *link;
  uint64_t now_ns;
  int allocations, frees;
  bool said_goodbye;
  bool accepting;
  uint8_t in[INPUT_MAX];
  size_t in_bytes;
  track tracks[CHANNELS];
  uint32_t last_open;    /* channel of the newest OPEN */
  uint32_t peer_channel; /* of the peer's newest OPEN */
} run;

static void *count_alloc(void *user, size_t bytes) {
  ((run *)user)->allocations++;
  return malloc(bytes);
}

static void count_free(void *user, void *memory) {
  ((run *)user)->frees++;
  free(memory);
}

static track *track_of(run *r, uint32_t number) {
  for (int i = 0; i < CHANNELS; i++)
    if (r->tracks[i].number == number) return &r->tracks[i];
  return NULL;
}

static void track_new(run *r, uint32_t number) {
  track *t = track_of(r, 0);
  if (t == NULL) t = &r->tracks[number % CHANNELS];
  memset(t, 0, sizeof *t);
  t->number = number;
}

static void track_opened(run *r, uint32_t number, uint64_t next) {
  track *t = track_of(r, number);
  if (t == NULL) return;
  t->opened = true;
  t->next = t->own = next;
}

/* ---- events ---- */

/* What the peer sends is within what it was granted; the last frame may overshoot. Known once a
 * frame with credit was written. */
static void check_credit(track *t, size_t bytes) {
  FUZZ_CHECK(t->credit == 0 || t->sent < t->credit);
  t->sent += bytes;
}

static void see_block(run *r, const lrm_link_event *event) {
  const lrm_frame *f = &event->frame;
  track *t = track_of(r, event->channel);
  FUZZ_CHECK(f->count > event->skip_messages && f->payload.bytes > 0);
  if (t == NULL || !t->opened) return;
  bool jumps = f->flags & LRM_FLAG_SNAPSHOT && f->part == 1 && f->offset > t->next;
  FUZZ_CHECK(jumps || f->offset + event->skip_messages == t->next);
  t->next = f->offset + f->count;
  t->held += f->payload.bytes;
  check_credit(t, f->payload.bytes);
  if (jumps) t->tails = false;
  if (!(f->flags & LRM_FLAG_CLEARS_TAIL)) return;
  t->tails = true;
  t->tail_base = t->next;
  t->tail_next = 0;
}

/* Tails come from index 0 on, without a hole, after the newest block that clears them. */
static void see_tail(track *t, const lrm_frame *f) {
  t->held += f->payload.bytes;
  check_credit(t, f->payload.bytes);
  if (!t->tails) {
    FUZZ_CHECK(f->count == 0 && f->offset <= t->next);
    t->tails = true;
    t->tail_base = f->offset;
    t->tail_next = 0;
  }
  FUZZ_CHECK(f->offset == t->tail_base && f->count == t->tail_next);
  t->tail_next++;
}

static void see(run *r, const lrm_link_event *event) {
  track *t = track_of(r, event->channel);
  switch (event->type) {
    case LRM_LINK_EVENT_HELLO:
      FUZZ_CHECK(lrm_link_state_now(r->link) == LRM_LINK_JUDGING && event->hello != NULL);
      break;
    case LRM_LINK_EVENT_OPEN:
      FUZZ_CHECK(r->accepting && event->open != NULL);
      r->last_open = event->channel;
      track_new(r, event->channel);
      break;
    case LRM_LINK_EVENT_OPENED:
      track_opened(r, event->channel, event->opened->next);
      break;
    case LRM_LINK_EVENT_CLOSED:
      FUZZ_CHECK(event->problem != NULL);
      if (t != NULL) memset(t, 0, sizeof *t);
      break;
    case LRM_LINK_EVENT_BLOCK:
      see_block(r, event);
      break;
    case LRM_LINK_EVENT_TAIL:
      if (t != NULL && t->opened) see_tail(t, &event->frame);
      break;
    case LRM_LINK_EVENT_GOAWAY_SENT:
      FUZZ_CHECK(lrm_link_state_now(r->link) == LRM_LINK_CLOSING);
      break;
    default:
      FUZZ_CHECK(event->type >= LRM_LINK_EVENT_HELLO && event->type <= LRM_LINK_EVENT_SILENT);
  }
}

static void drain(run *r) {
  lrm_link_event event;
  for (int i = 0; lrm_link_next_event(r->link, &event); i++) {
    FUZZ_CHECK(i < 300); /* a report for each channel at most */
    see(r, &event);
  }
}

/* ---- bytes ---- */

static void offer(run *r) {
  size_t at = 0;
  for (;;) {
    size_t consumed = 0, wanted = 0, left = r->in_bytes - at;
    uint8_t *copy = malloc(left + 1); /* exactly what has arrived */
    memcpy(copy, r->in + at, left);
    int result = lrm_link_recv(r->link, copy, left, &consumed, &wanted, r->now_ns);
    FUZZ_CHECK(consumed <= left);
    if (result != 0 && result != LRM_ERR_STATE) {
      FUZZ_CHECK(lrm_error_class(result) == LRM_ERROR_PEER);
      FUZZ_CHECK(lrm_link_state_now(r->link) == LRM_LINK_CLOSING);
      FUZZ_CHECK(lrm_link_error_detail(r->link)[0] != '\0');
    }
    drain(r);
    free(copy);
    at += consumed;
    if (consumed == 0) break;
  }
  memmove(r->in, r->in + at, r->in_bytes - at);
  r->in_bytes -= at;
}

static void feed(run *r, const uint8_t *data, size_t bytes) {
  if (bytes > INPUT_MAX - r->in_bytes) bytes = INPUT_MAX - r->in_bytes;
  memcpy(r->in + r->in_bytes, data, bytes);
  r->in_bytes += bytes;
  offer(r);
}

static void check_ack(run *r, const lrm_frame *frame) {
  track *t = track_of(r, frame->channel);
  bool opens = frame->type == LRM_FRAME_OPEN || frame->type == LRM_FRAME_OPENED;
  if (t != NULL && opens) t->credit = frame->credit;
  if (opens) return;
  if (t == NULL || !t->opened) return;
  FUZZ_CHECK(frame->offset <= t->own);
  FUZZ_CHECK(frame->offset >= t->acked);
  FUZZ_CHECK(frame->credit == 0 || frame->credit > t->credit);
  t->acked = frame->offset;
  if (frame->credit != 0) t->credit = frame->credit;
}

static void check_written(run *r, const uint8_t *data, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    FUZZ_CHECK(lrm_frame_decode(data + at, bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame,
                                &consumed, &wanted) == 0);
    FUZZ_CHECK(consumed > 0);
    FUZZ_CHECK(!r->said_goodbye);
    if (frame.type == LRM_FRAME_GOAWAY || frame.type == LRM_FRAME_REFUSE) r->said_goodbye = true;
    if (frame.type == LRM_FRAME_ACK || frame.type == LRM_FRAME_OPEN ||
        frame.type == LRM_FRAME_OPENED)
      check_ack(r, &frame);
    at += consumed;
  }
}

static void write_out(run *r, size_t capacity) {
  static uint8_t out[OUT_BYTES];
  for (int i = 0; lrm_link_has_outgoing(r->link); i++) {
    FUZZ_CHECK(i < 1000);
    size_t written = 0;
    int result = lrm_link_outgoing(r->link, out, capacity, &written, r->now_ns);
    FUZZ_CHECK(result == 0 || result == LRM_ERR_TOO_LARGE);
    FUZZ_CHECK(written <= capacity);
    check_written(r, out, written);
    if (written == 0) break;
  }
  drain(r);
}

/* ---- actions ---- */

static void act_open(run *r, uint8_t argument) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  open.session_id.size = open.epoch.size = 16;
  open.direction = (remote_v1_Direction)(argument >> 4 & 3);
  open.log = (remote_v1_Log)(argument >> 6 & 3);
  open.next = argument & 15;
  uint32_t channel = 0;
  if (lrm_link_open(r->link, &open, (uint64_t)(argument & 3) * 50, &channel, r->now_ns) != 0)
    return;
  track_new(r, channel);
  r->last_open = channel;
}

static void act_opened(run *r, uint8_t argument) {
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  opened.epoch.size = 16;
  opened.next = argument & 15;
  opened.watermark = argument >> 4;
  if (lrm_link_opened(r->link, r->last_open, &opened, 0, r->now_ns) == 0)
    track_opened(r, r->last_open, opened.next);
}

static void act_ack(run *r, uint8_t argument) {
  track *t = &r->tracks[argument % CHANNELS];
  if (t->number == 0) return;
  uint64_t next = argument & 128 ? t->next : t->own + (argument >> 4);
  if (lrm_link_ack(r->link, t->number, next, r->now_ns) == 0 && next > t->own) t->own = next;
}

static void act_consumed(run *r, uint8_t argument) {
  track *t = &r->tracks[argument % CHANNELS];
  if (t->number == 0) return;
  uint64_t bytes = argument & 128 ? t->held : argument;
  if (lrm_link_consumed(r->link, t->number, bytes, r->now_ns) == 0 && bytes <= t->held)
    t->held -= bytes;
}

static void act_block(run *r, uint8_t argument) {
  static const uint8_t payload[4096];
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  lrm_link_want want;
  if (!lrm_link_wanted(r->link, &want)) return;
  FUZZ_CHECK(!r->said_goodbye);
  lrm_frame frame = {.offset = want.offset, .count = 1 + (argument & 7)};
  frame.payload = (lrm_slice){payload, (size_t)(argument >> 3) * 17 + 1};
  frame.type = want.kind == LRM_WANT_BLOCK ? LRM_FRAME_BLOCK : LRM_FRAME_TAIL;
  if (frame.type == LRM_FRAME_TAIL) frame.count = want.index;
  int result = lrm_link_block(r->link, want.channel, &frame, header, &header_bytes, r->now_ns);
  FUZZ_CHECK(result == 0 || result == LRM_ERR_TOO_LARGE);
}

static void act_say(run *r, uint8_t argument) {
  static const uint8_t bytes[LRM_REQUEST_BYTES_MAX] = {8, 1};
  size_t size = (size_t)argument * 4;
  remote_v1_LogStatus status = remote_v1_LogStatus_init_zero;
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = 16;
  (void)!lrm_link_send_info(r->link, r->last_open, bytes, size, r->now_ns);
  (void)!lrm_link_send_log_status(r->link, r->last_open, &status, r->now_ns);
  (void)!lrm_link_send_receipt(r->link, r->last_open, argument, &receipt, r->now_ns);
  (void)!lrm_link_send_request(r->link, bytes, size, argument % 20, r->now_ns);
  (void)!lrm_link_send_reply(r->link, bytes, 2, argument % 20, argument & 128, r->now_ns);
}

static void act_advance(run *r, uint8_t argument) {
  uint64_t until = r->now_ns + (uint64_t)argument * 100000000;
  for (int i = 0; lrm_link_deadline(r->link) <= until; i++) {
    FUZZ_CHECK(i < 100); /* a timer that fires must move on */
    uint64_t due = lrm_link_deadline(r->link);
    if (due > r->now_ns) r->now_ns = due;
    lrm_link_expire(r->link, r->now_ns);
    drain(r);
    write_out(r, OUT_BYTES);
  }
  if (argument == 255) until += UINT64_C(3600000000000); /* slept */
  r->now_ns = until;
}

static void act_detach(run *r) {
  lrm_link_detach(r->link, r->now_ns);
  FUZZ_CHECK(!lrm_link_has_outgoing(r->link) && lrm_link_channels(r->link) == 0);
  memset(r->tracks, 0, sizeof r->tracks);
  r->in_bytes = 0;
  r->peer_channel = 0;
  r->said_goodbye = false;
  if (lrm_link_state_now(r->link) == LRM_LINK_DEAD)
    (void)!lrm_link_set_token(r->link, "again", r->now_ns);
  FUZZ_CHECK(lrm_link_attach(r->link, r->now_ns) == 0);
}

/* ---- a peer that behaves, mostly ---- */

static void peer_says(run *r, lrm_frame frame, const pb_msgdesc_t *fields, const void *message) {
  static uint8_t payload[2048], out[4096];
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  size_t written = 0;
  if (message != NULL) {
    FUZZ_CHECK(pb_encode(&stream, fields, message));
    frame.payload = (lrm_slice){payload, stream.bytes_written};
  }
  FUZZ_CHECK(lrm_frame_encode(&frame, out, sizeof out, &written) == 0);
  write_out(r, OUT_BYTES); /* it answers what it has heard */
  feed(r, out, written);
}

static void peer_greets(run *r) {
  remote_v1_Hello hello = remote_v1_Hello_init_zero;
  remote_v1_Welcome welcome = remote_v1_Welcome_init_zero;
  hello.version_min = hello.version_max = welcome.version = 1;
  hello.link_id.size = 16;
  hello.generation = 1;
  hello.role = remote_v1_Role_ROLE_HOST;
  welcome.has_principal = true;
  if (r->accepting)
    peer_says(r, (lrm_frame){.type = LRM_FRAME_HELLO}, remote_v1_Hello_fields, &hello);
  else
    peer_says(r, (lrm_frame){.type = LRM_FRAME_WELCOME}, remote_v1_Welcome_fields, &welcome);
}

/* The next OPEN, or OPENED of the newest channel. */
static void peer_opens(run *r, uint8_t argument) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  open.session_id.size = open.epoch.size = opened.epoch.size = 16;
  open.direction = (remote_v1_Direction)(1 + (argument & 1));
  open.log = (remote_v1_Log)(1 + (argument >> 1 & 1));
  open.next = opened.next = argument >> 2 & 15;
  opened.watermark = opened.next + (argument >> 6);
  lrm_frame frame = {.type = LRM_FRAME_OPEN, .channel = ++r->peer_channel, .credit = 1000};
  if (r->accepting) {
    peer_says(r, frame, remote_v1_Open_fields, &open);
    return;
  }
  frame.type = LRM_FRAME_OPENED;
  frame.channel = r->last_open;
  peer_says(r, frame, remote_v1_Opened_fields, &opened);
}

/* A block or a tail of the newest channel that is open, near where it stands. */
static void peer_publishes(run *r, uint8_t argument) {
  static const uint8_t payload[300];
  const track *t = track_of(r, r->last_open);
  if (t == NULL) return;
  bool tail = argument & 128;
  uint64_t back = argument & 3;
  lrm_frame frame = {.type = tail ? LRM_FRAME_TAIL : LRM_FRAME_BLOCK, .channel = r->last_open};
  frame.payload = (lrm_slice){payload, 1 + (argument >> 5 & 3) * 90u};
  frame.offset = tail ? t->tails ? t->tail_base : t->next : t->next - (back < t->next ? back : 0);
  frame.count = tail ? t->tail_next + (argument & 1u) : 1u + (argument >> 2 & 3u);
  if (!tail && argument & 16) frame.flags = LRM_FLAG_CLEARS_TAIL;
  peer_says(r, frame, NULL, NULL);
}

static void act(run *r, uint8_t action, uint8_t argument) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  problem.code = (uint32_t)argument * 20;
  switch (action % 20) {
    case 1:
      (void)!lrm_link_accept(r->link, argument == 255 ? NULL : &principal, 1, "fuzz", r->now_ns);
      offer(r);
      break;
    case 2:
      act_opened(r, argument);
      break;
    case 3:
      act_open(r, argument);
      break;
    case 4:
      act_ack(r, argument);
      break;
    case 5:
      act_consumed(r, argument);
      break;
    case 6:
      (void)!lrm_link_extend(r->link, r->last_open, argument, argument / 2, argument % 4,
                             r->now_ns);
      break;
    case 7:
      act_block(r, argument);
      break;
    case 8:
      if (lrm_link_close(r->link, r->last_open, &problem, argument, r->now_ns) == 0) {
        track *t = track_of(r, r->last_open);
        if (t != NULL) memset(t, 0, sizeof *t);
      }
      break;
    case 9:
      (void)!lrm_link_goaway(r->link, &problem, r->now_ns);
      break;
    case 10:
      act_detach(r);
      break;
    case 11:
      act_advance(r, argument);
      break;
    case 12:
      write_out(r, 100 + (size_t)argument * 40);
      break;
    case 13:
      lrm_link_probe(r->link, r->now_ns);
      break;
    case 14:
      lrm_link_watch(r->link, argument & 1, r->now_ns);
      break;
    case 15:
      act_say(r, argument);
      break;
    case 16:
      (void)!lrm_link_refuse(r->link, &problem, r->now_ns);
      break;
    case 17:
      peer_greets(r);
      break;
    case 18:
      peer_opens(r, argument);
      break;
    case 19:
      peer_publishes(r, argument);
      break;
    default:
      write_out(r, OUT_BYTES);
  }
  drain(r);
}

static void start(run *r, uint8_t flags) {
  lrm_link_config config;
  memset(&config, 0, sizeof config);
  memset(r, 0, sizeof *r);
  r->accepting = flags & 1;
  r->now_ns = 1000;
  config.struct_bytes = sizeof config;
  config.side = r->accepting ? LRM_SIDE_ACCEPTING : LRM_SIDE_CONNECTING;
  config.allocator = (lrm_allocator){count_alloc, count_free, r};
  config.seed = flags;
  config.channels_max = CHANNELS;
  config.control_bytes = 4096;
  config.credit_window_bytes = flags & 2 ? 200 : 0;
  config.grease = flags & 4;
  config.token = "token";
  config.agent = "fuzz";
  FUZZ_CHECK(lrm_link_create(&config, &r->link) == 0);
  FUZZ_CHECK(lrm_link_attach(r->link, r->now_ns) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static run r;
  if (size < 1) return 0;
  start(&r, data[0]);
  fuzz_script script = {data, size, 1};
  for (fuzz_step step; fuzz_script_next(&script, &step);) {
    if (step.is_piece)
      feed(&r, step.piece, step.piece_bytes);
    else
      act(&r, step.action, step.argument);
    FUZZ_CHECK((unsigned)lrm_link_state_now(r.link) <= LRM_LINK_DEAD);
    FUZZ_CHECK(lrm_link_channels(r.link) <= CHANNELS);
  }
  write_out(&r, OUT_BYTES);
  FUZZ_CHECK(r.accepting || r.allocations == 1);
  lrm_link_destroy(r.link);
  FUZZ_CHECK(r.allocations == r.frees);
  return 0;
}
