/* Records into frames, and what the protocol's clauses say of each. Only what both ends could know
 * from these bytes alone is judged. */
#include <stdlib.h>
#include <string.h>

#include "inspect.h"

#include "remote/v1/link.pb-c.h"
#include "remote/v1/relay.pb-c.h"

/* Of bytes that are no frame. */
#define LOST_BYTES_SHOWN 32u

struct inspect_channel {
  uint32_t number; /* 0: free */
  uint32_t log, direction;
  lrm_id session;
  bool opened, closed;
  uint64_t next; /* of the blocks that follow */
  uint64_t credit, moved_bytes;
};

typedef struct side {
  uint8_t *data; /* the beginning of a frame */
  size_t bytes, capacity;
  uint64_t skipped_bytes; /* behind a fault */
  bool lost;              /* not a frame any more: nothing behind it means anything */
  bool ended;             /* GOAWAY or REFUSE was said */
} side;

typedef struct carrier {
  uint32_t id;
  unsigned number; /* 0: free */
  bool hello, welcome;
  side sides[2]; /* accepting, connecting */
  inspect_channel *channels;
  size_t channels_count;
  uint32_t highest_channel;
  uint32_t calls[LRM_REQUESTS_OPEN_MAX]; /* ids that are open; 0: free */
} carrier;

struct inspect_flow {
  const inspect_ops *ops;
  void *user;
  inspect_decoder decoder;
  carrier carriers[INSPECT_CARRIERS_MAX];
  unsigned numbers; /* given so far */
};

inspect_decoder *inspect_flow_decoder(inspect_flow *flow) { return &flow->decoder; }

/* ---- life ---- */

inspect_flow *inspect_flow_create(const inspect_ops *ops, void *user) {
  inspect_flow *flow = calloc(1, sizeof *flow);
  if (flow == NULL) return NULL;
  flow->ops = ops;
  flow->user = user;
  if (inspect_decoder_open(&flow->decoder) == 0) return flow;
  inspect_flow_destroy(flow);
  return NULL;
}

static void forget(carrier *c) {
  for (int i = 0; i < 2; i++) free(c->sides[i].data);
  free(c->channels);
  memset(c, 0, sizeof *c);
}

void inspect_flow_destroy(inspect_flow *flow) {
  if (flow == NULL) return;
  for (size_t i = 0; i < INSPECT_CARRIERS_MAX; i++) forget(&flow->carriers[i]);
  inspect_decoder_close(&flow->decoder);
  free(flow);
}

static void say(inspect_flow *flow, const carrier *c, uint64_t at_us, const char *what,
                lrm_slice text, const inspect_problem *problem) {
  flow->ops->event(flow->user, at_us, c != NULL ? c->number : 0, what, text, problem);
}

static void append_hex(char *text, size_t capacity, const uint8_t *data, size_t bytes) {
  size_t at = strlen(text);
  for (size_t i = 0; i < bytes && at + 3 < capacity; i++, at += 2)
    snprintf(text + at, capacity - at, "%02x", data[i]);
}

/* What is left of a side when its carrier ends. */
static void end_side(inspect_flow *flow, carrier *c, bool connecting, uint64_t at_us) {
  side *s = &c->sides[connecting];
  char text[256];
  if (s->lost && s->skipped_bytes > 0)
    snprintf(text, sizeof text, "%llu bytes of the %s side from the fault on were not read: ",
             (unsigned long long)s->skipped_bytes, connecting ? "connecting" : "accepting");
  else if (!s->lost && s->bytes > 0)
    snprintf(text, sizeof text, "%zu bytes of a frame of the %s side that was not complete",
             s->bytes, connecting ? "connecting" : "accepting");
  else
    return;
  if (s->lost) append_hex(text, sizeof text, s->data, s->bytes);
  say(flow, c, at_us, "cut", (lrm_slice){(const uint8_t *)text, strlen(text)}, NULL);
}

static void end_carrier(inspect_flow *flow, carrier *c, uint64_t at_us) {
  end_side(flow, c, true, at_us);
  end_side(flow, c, false, at_us);
  forget(c);
}

void inspect_flow_end(inspect_flow *flow) {
  for (size_t i = 0; i < INSPECT_CARRIERS_MAX; i++)
    if (flow->carriers[i].number != 0) end_carrier(flow, &flow->carriers[i], 0);
}

/* The carrier of this id; a new one takes the place of the oldest when there are too many. */
static carrier *find_carrier(inspect_flow *flow, uint32_t id, uint64_t at_us) {
  carrier *oldest = &flow->carriers[0];
  for (size_t i = 0; i < INSPECT_CARRIERS_MAX; i++) {
    carrier *c = &flow->carriers[i];
    if (c->number != 0 && c->id == id) return c;
    if (c->number < oldest->number) oldest = c;
  }
  if (oldest->number != 0) end_carrier(flow, oldest, at_us);
  oldest->id = id;
  oldest->number = ++flow->numbers;
  return oldest;
}

/* ---- channels ---- */

static inspect_channel *find_channel(carrier *c, uint32_t number) {
  for (size_t i = 0; i < c->channels_count; i++)
    if (c->channels[i].number == number) return &c->channels[i];
  return NULL;
}

/* NULL: too many at a time, or no memory. A closed one gives way. */
static inspect_channel *add_channel(carrier *c, uint32_t number) {
  inspect_channel *free_one = NULL;
  for (size_t i = 0; i < c->channels_count && c->channels_count == INSPECT_CHANNELS_MAX; i++)
    if (c->channels[i].closed && (free_one == NULL || c->channels[i].number < free_one->number))
      free_one = &c->channels[i];
  if (free_one == NULL) {
    if (c->channels_count == INSPECT_CHANNELS_MAX) return NULL;
    inspect_channel *grown = realloc(c->channels, (c->channels_count + 1) * sizeof *c->channels);
    if (grown == NULL) return NULL;
    c->channels = grown;
    free_one = &c->channels[c->channels_count++];
  }
  *free_one = (inspect_channel){.number = number};
  return free_one;
}

/* ---- judging: form and state, docs/spec.md 2.1 ---- */

enum { FROM_C = 1, FROM_A = 2, BOTH = 3 };

typedef struct rule {
  uint32_t type;
  int from;         /* who may send it */
  bool on_channel;  /* else channel 0 */
  int before_live;  /* who may send it before WELCOME */
  size_t bytes_max; /* of the payload, for writers; 0: no limit but the frame's */
} rule;

static const rule rules[] = {
    {LRM_FRAME_HELLO, FROM_C, false, FROM_C, 16384},
    {LRM_FRAME_WELCOME, FROM_A, false, FROM_A, 1024},
    {LRM_FRAME_REFUSE, FROM_A, false, FROM_A, 1024},
    {LRM_FRAME_GOAWAY, BOTH, false, BOTH, 1024},
    {LRM_FRAME_PING, BOTH, false, 0, 8},
    {LRM_FRAME_PONG, BOTH, false, 0, 8},
    {LRM_FRAME_OPEN, FROM_C, true, FROM_C, 4096},
    {LRM_FRAME_OPENED, FROM_A, true, 0, 1024},
    {LRM_FRAME_CLOSE, BOTH, true, 0, 1024},
    {LRM_FRAME_INFO, BOTH, true, 0, 1024},
    {LRM_FRAME_BLOCK, BOTH, true, 0, 0},
    {LRM_FRAME_TAIL, BOTH, true, 0, LRM_MESSAGE_BYTES_MAX},
    {LRM_FRAME_ACK, BOTH, true, 0, 0},
    {LRM_FRAME_SYNCED, FROM_A, true, 0, 0},
    {LRM_FRAME_LOG_STATUS, FROM_A, true, 0, 1024},
    {LRM_FRAME_RECEIPT, FROM_A, true, 0, 1024},
    {LRM_FRAME_REQUEST, FROM_C, false, FROM_C, LRM_REQUEST_BYTES_MAX},
    {LRM_FRAME_REPLY, FROM_A, false, 0, LRM_REPLY_BYTES_MAX},
};

static const rule *find_rule(uint32_t type) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].type == type) return &rules[i];
  return NULL;
}

static void judge_order(const carrier *c, inspect_frame *f, const rule *r) {
  int who = f->connecting ? FROM_C : FROM_A;
  bool first = f->connecting && !c->hello;
  if (c->sides[f->connecting].ended)
    inspect_blame(f, "2.1.4", 0, "it follows a goodbye of the same side");
  if (r == NULL) return;
  if ((r->from & who) == 0)
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "the %s side does not send %s",
                  f->connecting ? "connecting" : "accepting", f->type);
  else if (first && f->frame->type != LRM_FRAME_HELLO && f->frame->type != LRM_FRAME_GOAWAY)
    inspect_blame(f, "3.1.1", LRM_CODE_PROTOCOL, "HELLO is the first frame of a carrier");
  else if (!f->connecting && !c->welcome && (r->before_live & who) == 0)
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "%s before WELCOME", f->type);
  if (f->frame->type == LRM_FRAME_HELLO && c->hello)
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "a second HELLO");
  if (f->frame->type == LRM_FRAME_WELCOME && c->welcome)
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "a second WELCOME");
}

static void judge_form(inspect_frame *f, const rule *r) {
  const lrm_frame *frame = f->frame;
  if (r == NULL) {
    if (frame->type < LRM_FRAME_TYPE_SKIPPED_MIN)
      inspect_blame(f, "2.2.2", LRM_CODE_PROTOCOL, "there is no frame type %u", frame->type);
    return;
  }
  if (r->on_channel != (frame->channel != 0))
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL,
                  r->on_channel ? "%s needs a channel" : "%s has no channel", f->type);
  bool ping = frame->type == LRM_FRAME_PING || frame->type == LRM_FRAME_PONG;
  if (ping && frame->payload.bytes != 8)
    inspect_blame(f, "2.6.2", LRM_CODE_PROTOCOL, "its payload is not 8 bytes");
  else if (frame->type == LRM_FRAME_INFO && frame->payload.bytes > LRM_INFO_BYTES_MAX)
    inspect_blame(f, "2.7.3", LRM_CODE_LIMIT, "it has more than 1 KiB");
  else if (r->bytes_max != 0 && frame->payload.bytes > r->bytes_max)
    inspect_blame(f, "2.1", 0, "its payload is larger than %zu bytes", r->bytes_max);
  bool set = (frame->flags & LRM_FLAG_SNAPSHOT) != 0;
  if (frame->type == LRM_FRAME_BLOCK &&
      (frame->count == 0 || frame->payload.bytes == 0 || frame->dictionary != 0 ||
       frame->offset > LRM_OFFSET_MAX - frame->count ||
       (set && (frame->part == 0 || frame->part > frame->parts))))
    inspect_blame(f, "2.1.3", LRM_CODE_PROTOCOL,
                  "a block has messages, a payload, no dictionary, an end below 2^53 and a part of "
                  "its parts");
  if (frame->type == LRM_FRAME_TAIL && (frame->flags & LRM_FLAG_COMPRESSED) != 0)
    inspect_blame(f, "2.1.3", LRM_CODE_PROTOCOL, "a tail is not compressed");
}

/* ---- judging: channels ---- */

static bool publishes(const inspect_channel *ch, bool connecting) {
  return (ch->direction == REMOTE__V1__DIRECTION__DIRECTION_PUBLISH) == connecting;
}

static void judge_open(carrier *c, inspect_frame *f) {
  const Remote__V1__Open *open = (const Remote__V1__Open *)f->payload;
  if (f->frame->channel <= c->highest_channel) {
    inspect_blame(f, "2.4.2", LRM_CODE_PROTOCOL, "channel numbers rise; %u was used",
                  c->highest_channel);
    return;
  }
  c->highest_channel = f->frame->channel;
  inspect_channel *ch = add_channel(c, f->frame->channel);
  if (ch == NULL) {
    inspect_blame(f, "2.4.4", LRM_CODE_LIMIT, "more than %u channels at a time",
                  INSPECT_CHANNELS_MAX);
    return;
  }
  ch->credit = f->frame->credit;
  if (open == NULL) return;
  ch->log = (uint32_t)open->log;
  ch->direction = (uint32_t)open->direction;
  if (lrm_id_from(open->session_id.data, open->session_id.len, &ch->session) != 0)
    inspect_blame(f, "1.6", LRM_CODE_PROTOCOL, "the session's id is not 16 bytes");
  if (ch->log - 1 > 1 || ch->direction - 1 > 1)
    inspect_blame(f, "3.4.1", LRM_CODE_PROTOCOL, "no known log and direction");
  if (open->first_retained > open->next &&
      ch->direction == REMOTE__V1__DIRECTION__DIRECTION_PUBLISH)
    inspect_blame(f, "3.4.1", LRM_CODE_BAD_POSITION, "first_retained is above next");
}

static void judge_opened(inspect_channel *ch, inspect_frame *f) {
  const Remote__V1__Opened *opened = (const Remote__V1__Opened *)f->payload;
  if (ch->opened) inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "it was opened already");
  ch->opened = true;
  if (f->frame->credit > ch->credit) ch->credit = f->frame->credit;
  if (opened != NULL) ch->next = opened->next;
}

static void judge_data(inspect_channel *ch, inspect_frame *f) {
  const lrm_frame *frame = f->frame;
  if (!publishes(ch, f->connecting)) {
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "%s against the channel's direction", f->type);
    return;
  }
  if (ch->moved_bytes >= ch->credit)
    inspect_blame(f, "4.4.1", LRM_CODE_LIMIT, "%llu bytes were sent with a credit of %llu",
                  (unsigned long long)ch->moved_bytes, (unsigned long long)ch->credit);
  ch->moved_bytes += frame->payload.bytes;
  if (frame->type == LRM_FRAME_TAIL) return;
  bool commands = ch->log == REMOTE__V1__LOG__LOG_COMMANDS;
  if (commands && f->connecting && (frame->count != 1 || frame->flags != 0))
    inspect_blame(f, "3.19.3", LRM_CODE_DECODE, "a command is one message without flags");
  bool jump = (frame->flags & LRM_FLAG_SNAPSHOT) != 0 && frame->part == 1;
  if (frame->offset > ch->next && !jump)
    inspect_blame(f, "3.15.1", LRM_CODE_PROTOCOL, "it begins at %llu; %llu was expected",
                  (unsigned long long)frame->offset, (unsigned long long)ch->next);
  uint64_t end = frame->offset + frame->count;
  if (end > ch->next || jump) ch->next = end;
}

static void judge_ack(inspect_channel *ch, inspect_frame *f) {
  if (publishes(ch, f->connecting)) {
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "ACK from the side that publishes");
    return;
  }
  if (f->frame->credit > ch->credit) ch->credit = f->frame->credit;
}

static void judge_facts(const inspect_channel *ch, inspect_frame *f) {
  uint32_t type = f->frame->type;
  bool commands = ch->log == REMOTE__V1__LOG__LOG_COMMANDS;
  bool client_publishes = ch->direction == REMOTE__V1__DIRECTION__DIRECTION_PUBLISH;
  bool wrong = type == LRM_FRAME_RECEIPT      ? !commands || !client_publishes
               : type == LRM_FRAME_LOG_STATUS ? commands
               : type == LRM_FRAME_INFO       ? commands || !publishes(ch, f->connecting)
               : type == LRM_FRAME_SYNCED     ? client_publishes
                                              : false;
  if (wrong)
    inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "%s is not for a channel of this kind", f->type);
}

static void judge_channel(carrier *c, inspect_frame *f) {
  uint32_t type = f->frame->type;
  inspect_channel *ch = find_channel(c, f->frame->channel);
  if (type == LRM_FRAME_OPEN) {
    judge_open(c, f);
    ch = find_channel(c, f->frame->channel);
  } else if (ch == NULL) {
    if (f->frame->channel > c->highest_channel)
      inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "channel %u was never opened",
                    f->frame->channel);
  } else if (!ch->closed) {
    bool waits =
        !ch->opened && type != LRM_FRAME_OPENED && type != LRM_FRAME_CLOSE && type != LRM_FRAME_ACK;
    if (waits) inspect_blame(f, "2.1.1", LRM_CODE_PROTOCOL, "%s before OPENED", f->type);
    if (type == LRM_FRAME_OPENED) judge_opened(ch, f);
    if (type == LRM_FRAME_BLOCK || type == LRM_FRAME_TAIL) judge_data(ch, f);
    if (type == LRM_FRAME_ACK) judge_ack(ch, f);
    judge_facts(ch, f);
    if (type == LRM_FRAME_CLOSE) ch->closed = true;
  }
  if (ch == NULL) return;
  f->late = ch->closed && type != LRM_FRAME_CLOSE;
  f->log = ch->log;
  f->session = ch->session;
}

/* ---- judging: calls ---- */

static void judge_call(carrier *c, inspect_frame *f) {
  uint32_t *slot = NULL, *empty = NULL;
  bool request = f->frame->type == LRM_FRAME_REQUEST;
  uint32_t id = request ? ((const Remote__V1__Request *)f->payload)->id
                        : ((const Remote__V1__Reply *)f->payload)->id;
  for (size_t i = 0; i < LRM_REQUESTS_OPEN_MAX; i++) {
    if (c->calls[i] == id && id != 0) slot = &c->calls[i];
    if (c->calls[i] == 0) empty = &c->calls[i];
  }
  if (request && slot != NULL)
    inspect_blame(f, "2.8.1", LRM_CODE_PROTOCOL, "call %u is open already", id);
  else if (request && empty == NULL)
    inspect_blame(f, "2.8.1", LRM_CODE_LIMIT, "more than %u calls at a time",
                  LRM_REQUESTS_OPEN_MAX);
  else if (request)
    *empty = id;
  else if (slot == NULL && id != 0)
    inspect_blame(f, "2.8.2", LRM_CODE_PROTOCOL, "there is no open call %u", id);
  else if (slot != NULL && !((const Remote__V1__Reply *)f->payload)->more)
    *slot = 0;
}

/* ---- frames ---- */

static void note_progress(carrier *c, const inspect_frame *f) {
  uint32_t type = f->frame->type;
  if (f->connecting && type == LRM_FRAME_HELLO) c->hello = true;
  if (!f->connecting && type == LRM_FRAME_WELCOME) c->welcome = true;
  if (type == LRM_FRAME_GOAWAY || type == LRM_FRAME_REFUSE) c->sides[f->connecting].ended = true;
}

static void take_frame(inspect_flow *flow, carrier *c, bool connecting, uint64_t at_us,
                       const lrm_frame *frame, size_t wire_bytes) {
  inspect_frame f = {.at_us = at_us,
                     .carrier = c->number,
                     .connecting = connecting,
                     .type = inspect_type_name(frame->type),
                     .frame = frame,
                     .wire_bytes = wire_bytes};
  const rule *r = find_rule(frame->type);
  inspect_read_payload(&flow->decoder, &f);
  judge_order(c, &f, r);
  judge_form(&f, r);
  bool may = r != NULL && (r->from & (connecting ? FROM_C : FROM_A)) != 0;
  if (may && r->on_channel && frame->channel != 0) judge_channel(c, &f);
  bool call = frame->type == LRM_FRAME_REQUEST || frame->type == LRM_FRAME_REPLY;
  if (call && f.payload != NULL) judge_call(c, &f);
  note_progress(c, &f);
  flow->ops->frame(flow->user, &f);
}

/* What begins at `data` is no frame. */
static void lose(inspect_flow *flow, carrier *c, side *s, uint64_t at_us, int error, size_t bytes) {
  bool limit = error == LRM_ERR_LIMIT;
  inspect_problem problem = {.clause = limit ? "4.5.1" : "1.4",
                             .code = limit ? LRM_CODE_LIMIT : LRM_CODE_PROTOCOL};
  snprintf(problem.text, sizeof problem.text, "%s",
           limit ? "a frame larger than the limits" : "this is no frame");
  s->lost = true;
  s->skipped_bytes = bytes;
  s->bytes = bytes < LOST_BYTES_SHOWN ? bytes : LOST_BYTES_SHOWN;
  say(flow, c, at_us, "broken", (lrm_slice){NULL, 0}, &problem);
}

/* Of what is not read any more the beginning is kept, to be shown. */
static void keep_lost(side *s, lrm_slice data) {
  s->skipped_bytes += data.bytes;
  size_t room = s->capacity < LOST_BYTES_SHOWN ? s->capacity : LOST_BYTES_SHOWN;
  size_t kept = room > s->bytes ? room - s->bytes : 0;
  if (kept > data.bytes) kept = data.bytes;
  if (kept > 0) memcpy(s->data + s->bytes, data.data, kept);
  s->bytes += kept;
}

static void take_bytes(inspect_flow *flow, carrier *c, bool connecting, uint64_t at_us,
                       lrm_slice data) {
  side *s = &c->sides[connecting];
  if (s->lost) {
    keep_lost(s, data);
    return;
  }
  if (s->bytes + data.bytes > s->capacity) {
    size_t capacity = s->bytes + data.bytes + LOST_BYTES_SHOWN;
    uint8_t *grown = realloc(s->data, capacity);
    if (grown == NULL) {
      s->lost = true;
      return;
    }
    s->data = grown;
    s->capacity = capacity;
  }
  if (data.bytes > 0) memcpy(s->data + s->bytes, data.data, data.bytes);
  s->bytes += data.bytes;
  size_t at = 0;
  while (at < s->bytes) {
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    int result = lrm_frame_decode(s->data + at, s->bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame,
                                  &consumed, &wanted);
    if (result != 0) {
      memmove(s->data, s->data + at, s->bytes - at);
      s->bytes -= at;
      lose(flow, c, s, at_us, result, s->bytes);
      return;
    }
    if (consumed == 0) break;
    take_frame(flow, c, connecting, at_us, &frame, consumed);
    at += consumed;
  }
  if (at > 0) memmove(s->data, s->data + at, s->bytes - at);
  s->bytes -= at;
}

void inspect_flow_record(inspect_flow *flow, const capture_record *record) {
  if (record->kind == CAPTURE_NOTE) {
    say(flow, NULL, record->at_us, "program", record->data, NULL);
    return;
  }
  carrier *c = find_carrier(flow, record->carrier, record->at_us);
  switch (record->kind) {
    case CAPTURE_UP:
      say(flow, c, record->at_us, "up", record->data, NULL);
      break;
    case CAPTURE_DOWN:
      say(flow, c, record->at_us, "down", record->data, NULL);
      end_carrier(flow, c, record->at_us);
      break;
    default:
      take_bytes(flow, c, record->kind == CAPTURE_CONNECTING, record->at_us, record->data);
      break;
  }
}
