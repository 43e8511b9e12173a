/* One long-poll exchange (spec 3.26): frames of the body in, judged one by one; what the link says
 * out, looked at frame by frame, because an answer leaves when it brings something. */
#include "long_poll.h"

#include <openssl/crypto.h>
#include <pb_encode.h>
#include <string.h>

#include "core.h"
#include "remote/message.h"

#include "schema.h"

enum {
  ANSWER_BYTES_FIRST = 4 * 1024,
  ANSWER_RESERVE_BYTES = 32 * 1024, /* for control frames behind the last block */
  OUTGOING_BYTES_MIN = 5 * 1024,    /* what lrm_link_outgoing asks for */
  CHANNELS_MAX = LRM_CHANNELS_CLIENT_MAX
};
#define WAIT_NS (25ull * 1000000000ull)
#define GATHER_NS (5ull * 1000000ull)

/* LOG_STATUS or INFO of a channel. */
typedef struct poll_value {
  uint64_t known; /* hash of the one that the other side has, or has in this answer; 0: none */
} poll_value;

/* What an exchange knows of a channel that was opened in it. */
typedef struct poll_channel {
  uint32_t number;
  bool publishes; /* the other side sends the blocks */
  bool events;
  bool opened;  /* OPENED is in the answer */
  bool foreign; /* ... of another number line than was asked for */
  bool closed;
  poll_value status, info;
  lrm_id epoch;  /* OPEN */
  uint64_t next; /* OPEN */
  uint64_t blocks_from,
      blocks_end; /* of the blocks in the body that were taken; from > end: none */
  uint64_t acked;
  uint64_t tail_base;  /* the other side has the tails after this block ... */
  uint32_t tail_index; /* ... up to here */
} poll_channel;

struct relay_poll {
  relay *relay;
  relay_connection *connection;
  uint8_t *body;
  size_t body_bytes, fed;
  uint8_t *answer;
  size_t answer_bytes, capacity;
  poll_channel *channels; /* CHANNELS_MAX */
  uint32_t channels_count;
  uint64_t now_ns, wall_ms;
  uint64_t began_ns;
  uint64_t worth_ns; /* since when there is something to bring; 0: nothing yet */
  uint32_t refused;
  bool greeted; /* WELCOME is in the answer */
  bool hurries; /* PING: answered as soon as all of it is dealt with */
  bool complete;
  bool full;
  bool broken; /* no memory for the answer: what is there, and no more */
};

/* ---- life ---- */

int relay_poll_begin(relay *r, void *user, const char *peer, const uint8_t *body, size_t bytes,
                     uint64_t now_ns, relay_poll **out) {
  if (bytes > LRM_BATCH_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  relay_poll *p = relay_alloc(r, sizeof *p);
  if (p == NULL) return LRM_ERR_NO_MEMORY;
  p->relay = r;
  p->began_ns = p->now_ns = now_ns;
  p->body_bytes = bytes;
  p->body = relay_alloc(r, bytes + 1);
  p->capacity = ANSWER_BYTES_FIRST + ANSWER_RESERVE_BYTES;
  p->answer = relay_alloc(r, p->capacity);
  p->channels = relay_alloc(r, CHANNELS_MAX * sizeof *p->channels);
  int result = LRM_ERR_NO_MEMORY;
  if (p->body != NULL && p->answer != NULL && p->channels != NULL) {
    result = relay_connect_exchange(r, user, peer, now_ns, &p->connection);
  }
  if (result == 0) result = lrm_link_attach(relay_connection_link(p->connection), now_ns);
  if (result != 0) {
    relay_poll_end(p, false, now_ns, 0);
    return result;
  }
  if (bytes > 0) memcpy(p->body, body, bytes);
  *out = p;
  return 0;
}

void relay_poll_end(relay_poll *p, bool answered, uint64_t now_ns, uint64_t wall_ms) {
  relay *r = p->relay;
  if (p->connection != NULL) relay_exchange_over(p->connection, answered, now_ns, wall_ms);
  relay_free(r, p->channels);
  relay_free(r, p->answer);
  if (p->body != NULL) OPENSSL_cleanse(p->body, p->body_bytes); /* HELLO's token */
  relay_free(r, p->body);
  relay_free(r, p);
}

void relay_poll_carries(relay_poll *p, const char *token) {
  relay_connection_carries(p->connection, token);
}

static poll_channel *channel_of(relay_poll *p, uint32_t number) {
  for (uint32_t i = 0; i < p->channels_count; i++) {
    if (p->channels[i].number == number) return &p->channels[i];
  }
  return NULL;
}

static void worth(relay_poll *p) {
  if (p->worth_ns == 0) p->worth_ns = p->now_ns;
}

/* ---- what is said: which of it is worth an answer ---- */

static lrm_id id_of(const uint8_t *bytes, size_t size) {
  lrm_id id;
  if (lrm_id_from(bytes, size, &id) != 0) memset(&id, 0, sizeof id);
  return id;
}

static void said_opened(relay_poll *p, poll_channel *ch, const lrm_frame *frame) {
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  if (lrm_message_decode_static(&lrm_schema_Opened, remote_v1_Opened_fields, frame->payload.data,
                                frame->payload.bytes, &opened) != 0) {
    return;
  }
  lrm_id epoch = id_of(opened.epoch.bytes, opened.epoch.size);
  ch->opened = true;
  ch->foreign = !lrm_id_equal(&epoch, &ch->epoch) ||
                opened.outcome == remote_v1_OpenOutcome_OPEN_OUTCOME_RESET;
  bool moved = !lrm_id_none(&epoch) && (ch->foreign || opened.next != ch->next);
  /* A publisher's OPENED stands where its first block does, or it is told at once. What waits in
   * the body answers this: it is looked at when the body is complete. */
  if (moved && (!ch->publishes || ch->foreign)) worth(p);
  if (ch->publishes) ch->acked = 0;
  ch->blocks_end = ch->publishes ? opened.next : 0;
}

/* FNV-1a: the other side can only deceive itself. */
static uint64_t hash_of(lrm_slice bytes) {
  uint64_t hash = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < bytes.bytes; i++) {
    hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
  }
  return hash | 1;
}

/* Of what it says, the clocks left out: they are no news. 0: not a LogStatus. */
static uint64_t status_hash(lrm_slice payload) {
  uint8_t plain[LRM_CONTROL_BYTES_MAX * 2];
  remote_v1_LogStatus status = remote_v1_LogStatus_init_zero;
  pb_ostream_t stream = pb_ostream_from_buffer(plain, sizeof plain);
  if (lrm_message_decode_static(&lrm_schema_LogStatus, remote_v1_LogStatus_fields, payload.data,
                                payload.bytes, &status) != 0) {
    return 0;
  }
  status.now_ms = status.host_heard_ms = 0;
  if (!pb_encode(&stream, remote_v1_LogStatus_fields, &status)) return 0;
  return hash_of((lrm_slice){plain, stream.bytes_written});
}

/* News is what differs from what the other side has, as far as it is known. */
static void said_value(relay_poll *p, poll_value *value, uint64_t hash) {
  if (value->known != 0 && value->known != hash) worth(p);
  value->known = hash;
}

/* A receipt or an ACK of what is not in this body was said before: it is repeated with every
 * OPENED, and nobody waits for it. */
static bool answers_block(const poll_channel *ch, uint64_t offset) {
  return ch->blocks_from < ch->blocks_end && offset >= ch->blocks_from;
}

static void said_problem(relay_poll *p, const lrm_frame *frame) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  worth(p);
  if (p->greeted ||
      lrm_message_decode_static(&lrm_schema_Problem, remote_v1_Problem_fields, frame->payload.data,
                                frame->payload.bytes, &problem) != 0) {
    return;
  }
  p->refused = problem.code;
}

/* Looks at one frame of the answer. False: it is left out. */
static bool look_at(relay_poll *p, const lrm_frame *frame) {
  poll_channel *ch = channel_of(p, frame->channel);
  switch (frame->type) {
    case LRM_FRAME_PING: /* nobody is there to answer; an exchange is no carrier */
      return false;
    case LRM_FRAME_WELCOME:
      p->greeted = true;
      return true;
    case LRM_FRAME_REFUSE:
    case LRM_FRAME_GOAWAY:
      said_problem(p, frame);
      return true;
    case LRM_FRAME_REPLY:
      worth(p);
      return true;
    default:
      break;
  }
  if (ch == NULL) return true;
  switch (frame->type) {
    case LRM_FRAME_OPENED:
      said_opened(p, ch, frame);
      return true;
    case LRM_FRAME_CLOSE:
      ch->closed = true;
      worth(p);
      return true;
    case LRM_FRAME_LOG_STATUS:
      said_value(p, &ch->status, status_hash(frame->payload));
      return true;
    case LRM_FRAME_INFO:
      said_value(p, &ch->info, hash_of(frame->payload));
      return true;
    case LRM_FRAME_ACK:
      if (frame->offset > ch->acked) ch->acked = frame->offset;
      if (frame->offset > 0 && answers_block(ch, frame->offset - 1)) worth(p);
      return true;
    case LRM_FRAME_RECEIPT:
      if (answers_block(ch, frame->offset)) worth(p);
      return true;
    case LRM_FRAME_TAIL:
      if (frame->offset == ch->tail_base && frame->count < ch->tail_index) return false;
      worth(p);
      return true;
    case LRM_FRAME_BLOCK:
      worth(p);
      return true;
    default:
      return true;
  }
}

/* ---- the answer ---- */

/* At least `bytes` free behind what is written; false: the answer is full. */
static bool make_room(relay_poll *p, size_t bytes) {
  if (p->answer_bytes + bytes <= p->capacity) return true;
  if (p->answer_bytes + bytes > LRM_BATCH_BYTES_MAX) {
    p->full = true;
    return false;
  }
  size_t capacity = p->capacity * 2;
  if (capacity < p->answer_bytes + bytes) capacity = p->answer_bytes + bytes;
  if (capacity > LRM_BATCH_BYTES_MAX) capacity = LRM_BATCH_BYTES_MAX;
  uint8_t *wider = relay_alloc(p->relay, capacity);
  if (wider == NULL) {
    p->full = p->broken = true;
    return false;
  }
  memcpy(wider, p->answer, p->answer_bytes);
  relay_free(p->relay, p->answer);
  p->answer = wider;
  p->capacity = capacity;
  return true;
}

/* What the link has just written, frame by frame. */
static void look_through(relay_poll *p, size_t from, size_t end) {
  size_t kept = from;
  while (from < end) {
    lrm_frame frame;
    size_t bytes = 0, wanted = 0;
    if (lrm_frame_decode(p->answer + from, end - from, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &bytes,
                         &wanted) != 0 ||
        bytes == 0) {
      break; /* never: it is ours */
    }
    if (look_at(p, &frame)) {
      memmove(p->answer + kept, p->answer + from, bytes);
      kept += bytes;
    }
    from += bytes;
  }
  p->answer_bytes = kept;
}

static bool say_control(relay_poll *p) {
  lrm_link *link = relay_connection_link(p->connection);
  if (!lrm_link_has_outgoing(link) || !make_room(p, ANSWER_RESERVE_BYTES / 2)) return false;
  size_t written = 0, from = p->answer_bytes;
  int result = lrm_link_outgoing(link, p->answer + from, p->capacity - from, &written, p->now_ns);
  if (result != 0 || written == 0) return false;
  look_through(p, from, from + written);
  if (!lrm_link_has_outgoing(link)) relay_drained(p->connection, p->now_ns, p->wall_ms);
  return true;
}

/* The next block or tail that can be had. */
static bool fetch(relay_poll *p, lrm_link_want *want, lrm_frame *frame) {
  lrm_link *link = relay_connection_link(p->connection);
  uint32_t first = 0;
  while (lrm_link_wanted(link, want)) {
    if (want->channel == first) return false;
    memset(frame, 0, sizeof *frame);
    if (relay_fetch(p->connection, want, frame, p->now_ns) >= 0) return true;
    if (first == 0) first = want->channel;
    lrm_link_pass(link, want->channel);
  }
  return false;
}

static bool say_data(relay_poll *p) {
  lrm_link_want want;
  lrm_frame frame;
  if (!fetch(p, &want, &frame)) return false;
  size_t most = LRM_FRAME_HEADER_BYTES_MAX + frame.payload.bytes;
  if (!make_room(p, most + ANSWER_RESERVE_BYTES)) return false;
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t bytes = 0;
  int result = lrm_link_block(relay_connection_link(p->connection), want.channel, &frame, header,
                              &bytes, p->now_ns);
  if (result == LRM_ERR_TOO_LARGE) return true; /* its channel is closed, or the tail dropped */
  if (result != 0) return false;
  if (!look_at(p, &frame)) return true;
  memcpy(p->answer + p->answer_bytes, header, bytes);
  p->answer_bytes += bytes;
  if (frame.payload.bytes > 0) {
    memcpy(p->answer + p->answer_bytes, frame.payload.data, frame.payload.bytes);
    p->answer_bytes += frame.payload.bytes;
  }
  return true;
}

static void say_all(relay_poll *p) {
  while (!p->full) {
    if (say_control(p)) continue;
    if (p->full || !say_data(p)) return;
  }
}

/* ---- the body ---- */

static void note_open(relay_poll *p, const lrm_link_event *event) {
  const remote_v1_Open *open = event->open;
  if (p->channels_count == CHANNELS_MAX) return; /* the link has not more, but closed ones count */
  poll_channel *ch = &p->channels[p->channels_count++];
  memset(ch, 0, sizeof *ch);
  ch->number = event->channel;
  ch->publishes = open->direction == remote_v1_Direction_DIRECTION_PUBLISH;
  ch->events = open->log == remote_v1_Log_LOG_EVENTS;
  ch->epoch = id_of(open->epoch.bytes, open->epoch.size);
  ch->next = open->next;
  ch->blocks_from = UINT64_MAX;
  ch->tail_base = UINT64_MAX;
}

static void drain_events(relay_poll *p) {
  lrm_link_event event;
  lrm_link *link = relay_connection_link(p->connection);
  while (lrm_link_next_event(link, &event)) {
    if (event.type == LRM_LINK_EVENT_OPEN) note_open(p, &event);
    relay_event(p->connection, &event, p->now_ns, p->wall_ms);
  }
}

/* What becomes of the next frame of the body. */
typedef enum verdict {
  TAKE = 1, /* the link's */
  PASS = 2, /* ours, or nobody's */
  WAIT = 3  /* not before something else has happened */
} verdict;

/* Of the other side's blocks only the one at the cursor is taken; the link itself drops and
 * acknowledges those below. */
static verdict judge_block(const relay_poll *p, poll_channel *ch, const lrm_frame *frame) {
  lrm_link_channel facts;
  if (lrm_link_channel_facts(relay_connection_link(p->connection), ch->number, &facts) != 0)
    return TAKE; /* closed meanwhile: ignored there */
  if (frame->offset > LRM_OFFSET_MAX - frame->count) return TAKE; /* a fault */
  uint64_t end = frame->offset + frame->count;
  if (frame->offset > facts.next || (frame->offset < facts.next && end > facts.next)) return PASS;
  if (facts.moved_bytes >= facts.credit) return WAIT;
  if (frame->offset < ch->blocks_from) ch->blocks_from = frame->offset;
  if (end > ch->blocks_end) ch->blocks_end = end;
  /* A command's receipt and ACK come again by themselves, when it is committed. */
  return !ch->events && end <= facts.next ? PASS : TAKE;
}

/* A reader says what it has: the first words of this exchange are no news then, or are. */
static verdict judge_known(poll_channel *ch, const lrm_frame *frame) {
  switch (frame->type) {
    case LRM_FRAME_LOG_STATUS:
      ch->status.known = status_hash(frame->payload);
      return PASS;
    case LRM_FRAME_INFO:
      ch->info.known = hash_of(frame->payload);
      return PASS;
    default: /* TAIL */
      ch->tail_base = frame->offset;
      ch->tail_index = frame->count;
      return PASS;
  }
}

static verdict judge(relay_poll *p, const lrm_frame *frame) {
  if (frame->type == LRM_FRAME_PING) p->hurries = true;
  if (frame->type < LRM_FRAME_CLOSE || frame->type > LRM_FRAME_RECEIPT) return TAKE;
  poll_channel *ch = channel_of(p, frame->channel);
  if (ch == NULL) return TAKE;
  if (ch->events && frame->type == LRM_FRAME_LOG_STATUS) return judge_known(ch, frame);
  if (ch->events && !ch->publishes &&
      (frame->type == LRM_FRAME_INFO || frame->type == LRM_FRAME_TAIL))
    return judge_known(ch, frame);
  if (frame->type == LRM_FRAME_CLOSE || ch->closed) return TAKE;
  if (!ch->opened) return WAIT;
  if (frame->type == LRM_FRAME_INFO) return TAKE;
  if (ch->foreign) return PASS; /* it speaks of another number line */
  if (frame->type == LRM_FRAME_BLOCK && ch->publishes) return judge_block(p, ch, frame);
  return TAKE;
}

static void fail(relay_poll *p, const char *reason) {
  p->fed = p->body_bytes;
  relay_end_connection(p->connection, LRM_CODE_PROTOCOL, reason, 0, p->now_ns, p->wall_ms);
}

static void give(relay_poll *p, size_t bytes) {
  size_t consumed = 0, wanted = 0;
  lrm_link *link = relay_connection_link(p->connection);
  int result = lrm_link_recv(link, p->body + p->fed, bytes, &consumed, &wanted, p->now_ns);
  drain_events(p);
  p->fed = result != 0 ? p->body_bytes : p->fed + bytes;
}

/* One frame. False: it has to wait. */
static bool feed_one(relay_poll *p) {
  lrm_frame frame;
  size_t bytes = 0, wanted = 0;
  size_t left = p->body_bytes - p->fed;
  if (lrm_frame_decode(p->body + p->fed, left, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &bytes,
                       &wanted) != 0) {
    give(p, left); /* the link says what is wrong with it */
    return true;
  }
  if (bytes == 0) {
    fail(p, "a frame is cut at the end of the message");
    return true;
  }
  switch (judge(p, &frame)) {
    case TAKE:
      give(p, bytes);
      if (!p->greeted) (void)say_control(p); /* also before a goodbye */
      return true;
    case PASS:
      p->fed += bytes;
      return true;
    case WAIT:
      return false;
  }
  return false;
}

static bool ended(const relay_poll *p) {
  lrm_link_state state = lrm_link_state_now(relay_connection_link(p->connection));
  return state == LRM_LINK_CLOSING || state == LRM_LINK_DOWN ||
         relay_exchange_superseded(p->connection);
}

/* Where the other side sent nothing, an OPENED that stands elsewhere than it thought is news. */
static void look_at_positions(relay_poll *p) {
  for (uint32_t i = 0; i < p->channels_count; i++) {
    const poll_channel *ch = &p->channels[i];
    if (!ch->publishes || !ch->opened || ch->closed) continue;
    if (ch->blocks_from > ch->blocks_end && ch->blocks_end != ch->next) worth(p);
  }
}

static void feed(relay_poll *p) {
  while (p->fed < p->body_bytes && !ended(p)) {
    if (!feed_one(p)) {
      size_t before = p->answer_bytes;
      say_all(p); /* an OPENED, or credit */
      if (p->answer_bytes == before) return;
    }
  }
  if (p->complete || ended(p)) return;
  if (lrm_link_state_now(relay_connection_link(p->connection)) == LRM_LINK_GREETING) {
    fail(p, "a long-poll begins with HELLO");
    return;
  }
  p->complete = true;
  relay_exchange_complete(p->connection, p->now_ns, p->wall_ms);
}

/* ---- time ---- */

/* Every OPEN is answered, and every block of the body is the relay's own. */
static bool settled(const relay_poll *p) {
  if (!p->complete) return false;
  for (uint32_t i = 0; i < p->channels_count; i++) {
    const poll_channel *ch = &p->channels[i];
    if (ch->closed) continue;
    if (!ch->opened) return false;
    if (ch->publishes && ch->blocks_from < ch->blocks_end && ch->acked < ch->blocks_end)
      return false;
  }
  return true;
}

void relay_poll_turn(relay_poll *p, uint64_t now_ns, uint64_t wall_ms) {
  if (now_ns > p->now_ns) p->now_ns = now_ns;
  p->wall_ms = wall_ms;
  if (relay_exchange_superseded(p->connection)) return;
  lrm_link *link = relay_connection_link(p->connection);
  if (lrm_link_deadline(link) <= p->now_ns) lrm_link_expire(link, p->now_ns);
  drain_events(p);
  bool was_complete = p->complete;
  feed(p);
  say_all(p);
  if (p->complete && !was_complete) say_all(p);
  if (settled(p)) look_at_positions(p);
}

bool relay_poll_done(const relay_poll *p, uint64_t now_ns) {
  if (p->full || p->broken || relay_exchange_superseded(p->connection)) return true;
  if (ended(p)) return !lrm_link_has_outgoing(relay_connection_link(p->connection));
  if (now_ns >= p->began_ns + WAIT_NS) return true;
  if (p->hurries && settled(p)) return true;
  return p->complete && p->worth_ns != 0 && now_ns >= p->worth_ns + GATHER_NS;
}

uint64_t relay_poll_due_ns(const relay_poll *p) {
  uint64_t due_ns = p->began_ns + WAIT_NS;
  uint64_t link_ns = lrm_link_deadline(relay_connection_link(p->connection));
  if (link_ns < due_ns) due_ns = link_ns;
  if (p->complete && p->worth_ns != 0 && p->worth_ns + GATHER_NS < due_ns)
    due_ns = p->worth_ns + GATHER_NS;
  return due_ns;
}

lrm_slice relay_poll_answer(const relay_poll *p) {
  if (relay_exchange_superseded(p->connection)) return (lrm_slice){p->answer, 0};
  return (lrm_slice){p->answer, p->answer_bytes};
}

uint32_t relay_poll_refused(const relay_poll *p) { return p->refused; }
