/* A host-like and a client-like link against a minimal relay on logs in memory, on a virtual
 * clock, through carriers that cut, stall, lose and split. One seed, one run:
 *   two_links [--seed N] [--count N]
 * Oracles: every durable message reaches its reader once and in order; only what is stored is
 * acknowledged; every command is in the relay's log once and runs once; tails come gapless; the
 * links allocate nothing after their creation; once faults stop, all converge in 60 s. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim_pipe.h"
#include "remote/link.h"

#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

enum { CONNECTIONS_MAX = 24, BLOCKS_MAX = 4096, HELD_MAX = 512 };

/* ---- failing ---- */

static uint64_t seed_now;

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static void fail(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fprintf(stderr, "two_links: seed %llu: ", (unsigned long long)seed_now);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(1);
}

#define CHECK(condition, ...) ((condition) ? (void)0 : fail(__VA_ARGS__))
#define MUST(call) CHECK((call) == 0, "%s:%d: %s", __FILE__, __LINE__, #call)

/* ---- messages: their bytes follow from what they are, so a reader can check them ---- */

typedef enum message_kind { EVENT = 1, COMMAND = 2, TAIL = 3 } message_kind;

static size_t message_bytes(message_kind kind, uint64_t a, uint64_t b) {
  uint64_t r = sim_mix(seed_now * 31 + (uint64_t)kind * 7 + a * 1000003 + b);
  if (kind == EVENT && r % 97 == 0) return 30000 + r % 5000;
  return 4 + r % 200;
}

static void message_fill(message_kind kind, uint64_t a, uint64_t b, uint8_t *out, size_t bytes) {
  uint64_t r = sim_mix((uint64_t)kind * 11 + a * 7919 + b);
  for (size_t i = 0; i < bytes; i++) out[i] = (uint8_t)(r >> (8 * (i % 8))) ^ (uint8_t)i;
}

static bool message_is(message_kind kind, uint64_t a, uint64_t b, const uint8_t *data,
                       size_t bytes) {
  static uint8_t expected[40000];
  if (bytes != message_bytes(kind, a, b)) return false;
  message_fill(kind, a, b, expected, bytes);
  return memcmp(expected, data, bytes) == 0;
}

/* ---- a log: blocks of messages, `durable` behind `end` ---- */

typedef struct block {
  uint64_t offset;
  uint32_t count;
  uint32_t flags;
  uint8_t *payload;
  size_t bytes;
} block;

typedef struct sim_log {
  block blocks[BLOCKS_MAX];
  size_t count;
  uint64_t end;
  uint64_t durable;
} sim_log;

static void log_append(sim_log *log, uint64_t offset, uint32_t count, uint32_t flags,
                       const uint8_t *payload, size_t bytes) {
  CHECK(offset == log->end, "append at %llu, end %llu", (unsigned long long)offset,
        (unsigned long long)log->end);
  CHECK(log->count < BLOCKS_MAX, "the simulation's log is full");
  block *b = &log->blocks[log->count++];
  *b = (block){offset, count, flags, malloc(bytes), bytes};
  memcpy(b->payload, payload, bytes);
  log->end += count;
}

static const block *log_find(const sim_log *log, uint64_t offset) {
  for (size_t i = log->count; i > 0; i--) {
    const block *b = &log->blocks[i - 1];
    if (b->offset <= offset) return offset < b->offset + b->count ? b : NULL;
  }
  return NULL;
}

static void log_free(sim_log *log) {
  for (size_t i = 0; i < log->count; i++) free(log->blocks[i].payload);
}

/* Makes the next block of a log. */
static void log_make(sim_log *log, message_kind kind, uint32_t count, uint32_t flags) {
  static uint8_t payload[LRM_FRAME_PAYLOAD_BYTES_MAX];
  size_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    size_t bytes = message_bytes(kind, log->end + i, 0);
    for (size_t rest = bytes; rest > 0 || rest == bytes; rest >>= 7) {
      payload[at++] = (uint8_t)((rest & 0x7f) | (rest >= 0x80 ? 0x80 : 0));
      if (rest < 0x80) break;
    }
    message_fill(kind, log->end + i, 0, payload + at, bytes);
    at += bytes;
  }
  log_append(log, log->end, count, flags, payload, at);
}

/* Walks the messages of a received block and checks each. */
static void check_block(message_kind kind, const lrm_frame *frame) {
  const uint8_t *at = frame->payload.data;
  const uint8_t *end = at + frame->payload.bytes;
  for (uint32_t i = 0; i < frame->count; i++) {
    size_t bytes = 0;
    for (int shift = 0; at < end; shift += 7) {
      bytes |= (size_t)(*at & 0x7f) << shift;
      if (*at++ < 0x80) break;
    }
    CHECK(bytes <= (size_t)(end - at), "block %llu is cut", (unsigned long long)frame->offset);
    CHECK(message_is(kind, frame->offset + i, 0, at, bytes), "message %llu is not what was sent",
          (unsigned long long)(frame->offset + i));
    at += bytes;
  }
  CHECK(at == end, "block %llu has something behind it", (unsigned long long)frame->offset);
}

/* ---- the players ---- */

typedef struct sim sim;

/* One end of a carrier with its link. */
typedef struct end {
  lrm_link *link;
  sim_pipe *pipe;
  sim_way *in, *out;
  int allocations;
} end;

/* Payload that a slow reader has been given and has not yet made its own. */
typedef struct held {
  uint64_t next;
  uint64_t bytes;
  uint64_t due_ns;
} held;

typedef struct reader {
  uint32_t channel; /* 0: none */
  uint64_t next;    /* made its own below */
  held queue[HELD_MAX];
  size_t queued;
  uint64_t stale_bytes; /* held from earlier channels */
  uint64_t slow_ns;
  uint64_t tail_offset; /* of the tails last taken */
  uint32_t tail_next;
  bool synced;
} reader;

/* A host or a client: the connecting side. */
typedef struct endpoint {
  end end;
  bool is_host;
  uint32_t publishing; /* channel */
  uint64_t published_ack;
  bool published_open;
  reader reading;
  uint64_t receipts_next; /* client: every offset below has its receipt */
  sim_log log;            /* host: events; client: outbox */
  uint64_t tail_offset;   /* host: end of its newest clearing block */
  uint32_t tail_count;
  bool early_opens; /* OPENs in the first flight */
} endpoint;

/* The relay's end of one carrier. */
typedef struct connection {
  end end;
  bool used;
  bool is_host;
  bool judged;
  uint32_t events, commands; /* channels */
  uint64_t unconsumed;       /* payload received and not yet committed */
} connection;

struct sim {
  sim_random random;
  uint64_t now_ns;
  bool faults;
  endpoint host, client;
  sim_log events, commands; /* the relay's */
  uint64_t commit_ns;       /* when the open batch is durable; 0: none */
  uint64_t tail_offset;
  uint32_t tail_count;
  uint64_t outbox_next;
  uint64_t commands_acked;
  uint64_t generations[2]; /* last accepted, of host and client */
  connection connections[CONNECTIONS_MAX];
  sim_pipe pipes[CONNECTIONS_MAX];
};

static void *sim_alloc(void *user, size_t bytes) {
  ((end *)user)->allocations++;
  return malloc(bytes);
}

static void sim_free(void *user, void *memory) {
  (void)user;
  free(memory);
}

static void make_link(sim *s, end *e, lrm_link_side side, uint8_t id) {
  lrm_link_config config;
  memset(&config, 0, sizeof config);
  config.struct_bytes = sizeof config;
  config.side = side;
  config.allocator = (lrm_allocator){sim_alloc, sim_free, e};
  config.seed = sim_next(&s->random);
  config.grease = true;
  config.credit_window_bytes = sim_once_in(&s->random, 2) ? 4096 : 0;
  config.channels_max = 4;
  memset(config.link_id.bytes, id, 16);
  config.token = "t";
  config.agent = "sim";
  e->allocations = 0;
  MUST(lrm_link_create(&config, &e->link));
}

/* ---- relay ---- */

static void relay_extend(sim *s) {
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    connection *c = &s->connections[i];
    if (!c->used || !c->judged) continue;
    if (!c->is_host && c->events != 0)
      (void)!lrm_link_extend(c->end.link, c->events, s->events.end, s->tail_offset, s->tail_count,
                             s->now_ns);
    if (c->is_host && c->commands != 0) /* only what is committed */
      (void)!lrm_link_extend(c->end.link, c->commands, s->commands.durable, 0, 0, s->now_ns);
  }
}

static void relay_commit(sim *s) {
  s->events.durable = s->events.end;
  s->commands.durable = s->commands.end;
  s->commit_ns = 0;
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    connection *c = &s->connections[i];
    if (!c->used || !c->judged) continue;
    uint32_t channel = c->is_host ? c->events : c->commands;
    if (channel == 0) continue;
    uint64_t next = c->is_host ? s->events.durable : s->outbox_next;
    (void)!lrm_link_ack(c->end.link, channel, next, s->now_ns);
    if (lrm_link_consumed(c->end.link, channel, c->unconsumed, s->now_ns) == 0) c->unconsumed = 0;
  }
  relay_extend(s);
}

static void relay_commit_soon(sim *s) {
  if (s->commit_ns == 0) s->commit_ns = s->now_ns + sim_below(&s->random, 30 * MS) + 1;
}

static void relay_judge(sim *s, connection *c, const remote_v1_Hello *hello) {
  c->is_host = hello->role == remote_v1_Role_ROLE_HOST;
  uint64_t *last = &s->generations[c->is_host];
  remote_v1_Problem superseded = remote_v1_Problem_init_zero;
  superseded.code = LRM_CODE_SUPERSEDED;
  superseded.stored_generation = *last;
  if (hello->generation <= *last) {
    MUST(lrm_link_goaway(c->end.link, &superseded, s->now_ns));
    return;
  }
  *last = superseded.stored_generation = hello->generation;
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    connection *old = &s->connections[i];
    if (old == c || !old->used || !old->judged || old->is_host != c->is_host) continue;
    (void)!lrm_link_goaway(old->end.link, &superseded, s->now_ns);
    old->judged = false;
  }
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  MUST(lrm_link_accept(c->end.link, &principal, 1, "sim", s->now_ns));
  c->judged = true;
}

static void relay_receipt(sim *s, connection *c, uint32_t channel, uint64_t offset) {
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = 16;
  memcpy(receipt.command_id.bytes, &offset, 8);
  receipt.which_result = remote_v1_Receipt_stored_tag;
  MUST(lrm_link_send_receipt(c->end.link, channel, offset, &receipt, s->now_ns));
}

static void relay_open(sim *s, connection *c, const lrm_link_event *event) {
  const remote_v1_Open *open = event->open;
  bool events = open->log == remote_v1_Log_LOG_EVENTS;
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  opened.epoch.size = 16;
  opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  *(events ? &c->events : &c->commands) = event->channel;
  if (open->direction == remote_v1_Direction_DIRECTION_PUBLISH) {
    relay_commit(s); /* OPENED comes after all accepted blocks are committed */
    opened.next = events ? s->events.end : s->outbox_next;
    c->unconsumed = 0;
    if (events) s->tail_count = 0; /* the host sends its kept tail again */
  } else {
    opened.next = open->next;
    opened.watermark = events ? s->events.end : s->commands.durable;
    CHECK(open->next <= opened.watermark, "a reader is ahead of the log");
  }
  MUST(lrm_link_opened(c->end.link, event->channel, &opened, 0, s->now_ns));
  if (open->direction == remote_v1_Direction_DIRECTION_PUBLISH && !events) /* said again */
    for (uint64_t i = open->first_retained; i < s->outbox_next; i++)
      relay_receipt(s, c, event->channel, i);
  /* OPENED is no acknowledgement; a lost ACK has to be said again. */
  if (open->direction == remote_v1_Direction_DIRECTION_PUBLISH)
    MUST(lrm_link_ack(c->end.link, event->channel, opened.next, s->now_ns));
  relay_extend(s);
}

static void relay_block(sim *s, connection *c, const lrm_link_event *event) {
  const lrm_frame *f = &event->frame;
  c->unconsumed += f->payload.bytes;
  relay_commit_soon(s);
  if (c->is_host) {
    log_append(&s->events, f->offset, f->count, f->flags, f->payload.data, f->payload.bytes);
    if (f->flags & LRM_FLAG_CLEARS_TAIL) {
      s->tail_offset = s->events.end;
      s->tail_count = 0;
    }
    relay_extend(s); /* what it did not number it may deliver before its commit */
    return;
  }
  CHECK(f->offset == s->outbox_next && f->count == 1, "outbox %llu, expected %llu",
        (unsigned long long)f->offset, (unsigned long long)s->outbox_next);
  log_append(&s->commands, s->commands.end, 1, 0, f->payload.data, f->payload.bytes);
  relay_receipt(s, c, event->channel, s->outbox_next++);
}

static void relay_event(sim *s, connection *c, const lrm_link_event *event) {
  switch (event->type) {
    case LRM_LINK_EVENT_HELLO:
      relay_judge(s, c, event->hello);
      break;
    case LRM_LINK_EVENT_OPEN:
      relay_open(s, c, event);
      break;
    case LRM_LINK_EVENT_BLOCK:
      relay_block(s, c, event);
      break;
    case LRM_LINK_EVENT_TAIL:
      c->unconsumed += event->frame.payload.bytes;
      relay_commit_soon(s);
      CHECK(event->frame.offset == s->tail_offset, "a tail of another block reached the relay");
      if (event->frame.count >= s->tail_count) s->tail_count = event->frame.count + 1;
      relay_extend(s);
      break;
    case LRM_LINK_EVENT_ACKED:
      if (c->is_host && event->channel == c->commands) s->commands_acked = event->frame.offset;
      break;
    case LRM_LINK_EVENT_GOAWAY_SENT:
      CHECK(event->problem->code < 4000, "the relay blames a peer: %s",
            lrm_link_error_detail(c->end.link));
      break;
    case LRM_LINK_EVENT_CLOSED:
      fail("a channel was closed: %u", event->problem->code);
    default:
      break;
  }
}

/* ---- host and client ---- */

static uint32_t open_channel(sim *s, endpoint *e, bool events, bool publish, uint64_t next,
                             uint64_t held_bytes) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  open.session_id.size = open.epoch.size = 16;
  open.log = events ? remote_v1_Log_LOG_EVENTS : remote_v1_Log_LOG_COMMANDS;
  open.direction =
      publish ? remote_v1_Direction_DIRECTION_PUBLISH : remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.next = next;
  open.first_retained = publish ? next : 0;
  uint32_t channel = 0;
  MUST(lrm_link_open(e->end.link, &open, held_bytes, &channel, s->now_ns));
  return channel;
}

static void endpoint_extend(sim *s, endpoint *e) {
  if (e->publishing == 0) return;
  (void)!lrm_link_extend(e->end.link, e->publishing, e->log.end, e->tail_offset, e->tail_count,
                         s->now_ns);
}

static void endpoint_open(sim *s, endpoint *e) {
  e->publishing = open_channel(s, e, e->is_host, true, e->published_ack, 0);
  e->reading.channel =
      open_channel(s, e, !e->is_host, false, e->reading.next, e->reading.stale_bytes);
  endpoint_extend(s, e);
}

/* Sometimes half of a block has been made its own: the next one straddles. */
static void reader_down(sim *s, reader *r) {
  if (r->queued > 0 && r->queue[0].next > r->next + 1 && sim_once_in(&s->random, 2))
    r->next += 1 + sim_below(&s->random, r->queue[0].next - r->next - 1);
  for (size_t i = 0; i < r->queued; i++) r->stale_bytes += r->queue[i].bytes;
  r->queued = 0;
  r->channel = 0;
  r->tail_offset = UINT64_MAX;
  r->synced = false;
}

static void endpoint_down(sim *s, endpoint *e) {
  lrm_link_detach(e->end.link, s->now_ns);
  if (lrm_link_state_now(e->end.link) == LRM_LINK_DEAD) fail("a link died");
  if (e->end.pipe != NULL) {
    e->end.out->sender_gone = true;
    e->end.in->receiver_gone = true;
  }
  e->end.pipe = NULL;
  e->publishing = 0;
  e->published_open = false;
  reader_down(s, &e->reading);
}

static void reader_block(sim *s, endpoint *e, const lrm_link_event *event) {
  reader *r = &e->reading;
  const lrm_frame *f = &event->frame;
  uint64_t given = r->queued > 0 ? r->queue[r->queued - 1].next : r->next;
  CHECK(f->offset + event->skip_messages == given, "block %llu skip %u, wanted %llu",
        (unsigned long long)f->offset, event->skip_messages, (unsigned long long)given);
  check_block(e->is_host ? COMMAND : EVENT, f);
  CHECK(r->queued < HELD_MAX, "credit does not bound what is held");
  r->queue[r->queued++] =
      (held){f->offset + f->count, f->payload.bytes, s->now_ns + sim_below(&s->random, r->slow_ns)};
  if (f->flags & LRM_FLAG_CLEARS_TAIL) {
    r->tail_offset = f->offset + f->count;
    r->tail_next = 0;
  }
}

static void reader_tail(sim *s, reader *r, const lrm_frame *f) {
  if (f->offset != r->tail_offset) { /* adopted: from index 0 */
    r->tail_offset = f->offset;
    r->tail_next = 0;
  }
  CHECK(f->count == r->tail_next, "tail %u, wanted %u", f->count, r->tail_next);
  CHECK(message_is(TAIL, f->offset, f->count, f->payload.data, f->payload.bytes), "a wrong tail");
  r->tail_next++;
  (void)!lrm_link_consumed(s->client.end.link, r->channel, f->payload.bytes, s->now_ns);
}

/* A slow reader makes what is due its own, and frees what it still held from before. */
static void reader_work(sim *s, endpoint *e) {
  reader *r = &e->reading;
  if (r->channel == 0 || lrm_link_state_now(e->end.link) != LRM_LINK_LIVE) return;
  lrm_link_channel facts;
  if (lrm_link_channel_facts(e->end.link, r->channel, &facts) != 0 || !facts.open) return;
  if (r->stale_bytes > 0 && sim_once_in(&s->random, 3)) {
    uint64_t bytes = 1 + sim_below(&s->random, r->stale_bytes);
    MUST(lrm_link_consumed(e->end.link, r->channel, bytes, s->now_ns));
    r->stale_bytes -= bytes;
  }
  while (r->queued > 0 && r->queue[0].due_ns <= s->now_ns) {
    r->next = r->queue[0].next;
    MUST(lrm_link_consumed(e->end.link, r->channel, r->queue[0].bytes, s->now_ns));
    MUST(lrm_link_ack(e->end.link, r->channel, r->next, s->now_ns));
    memmove(&r->queue[0], &r->queue[1], (r->queued - 1) * sizeof r->queue[0]);
    r->queued--;
  }
}

static void endpoint_opened(sim *s, endpoint *e, const lrm_link_event *event) {
  if (event->channel == e->reading.channel) {
    CHECK(event->opened->next == e->reading.next, "OPENED moved a reader");
    MUST(lrm_link_ack(e->end.link, event->channel, e->reading.next, s->now_ns));
    return;
  }
  e->published_open = true;
  uint64_t stored = e->is_host ? s->events.durable : s->outbox_next;
  CHECK(event->opened->next <= stored, "OPENED is beyond what is stored");
  endpoint_extend(s, e);
}

static void endpoint_acked(sim *s, endpoint *e, uint64_t next) {
  uint64_t stored = e->is_host ? s->events.durable : s->commands.durable;
  CHECK(next <= stored, "acknowledged %llu, stored %llu", (unsigned long long)next,
        (unsigned long long)stored);
  CHECK(e->is_host || next <= e->receipts_next, "an ACK passed a receipt that has not come");
  if (next > e->published_ack) e->published_ack = next;
}

static void endpoint_event(sim *s, endpoint *e, const lrm_link_event *event) {
  switch (event->type) {
    case LRM_LINK_EVENT_WELCOME:
      if (e->publishing == 0) endpoint_open(s, e);
      break;
    case LRM_LINK_EVENT_OPENED:
      endpoint_opened(s, e, event);
      break;
    case LRM_LINK_EVENT_BLOCK:
      reader_block(s, e, event);
      break;
    case LRM_LINK_EVENT_TAIL:
      reader_tail(s, &e->reading, &event->frame);
      break;
    case LRM_LINK_EVENT_ACKED:
      endpoint_acked(s, e, event->frame.offset);
      break;
    case LRM_LINK_EVENT_SYNCED:
      CHECK(!e->reading.synced, "SYNCED twice");
      e->reading.synced = true;
      break;
    case LRM_LINK_EVENT_RECEIPT:
      if (event->frame.offset == e->receipts_next) e->receipts_next++;
      break;
    case LRM_LINK_EVENT_GOAWAY_SENT:
      fail("an endpoint blames the relay: %s", lrm_link_error_detail(e->end.link));
    case LRM_LINK_EVENT_GOAWAY:
    case LRM_LINK_EVENT_CLOSED:
      fail("the relay ended something: %u", event->problem->code);
    default:
      break;
  }
}

/* ---- driving ---- */

static void fetch(sim *s, bool at_relay, const lrm_link_want *want, const endpoint *e, bool is_host,
                  lrm_frame *frame, uint8_t *tail) {
  memset(frame, 0, sizeof *frame);
  if (want->kind == LRM_WANT_TAIL) {
    frame->offset = want->offset;
    frame->count = want->index;
    size_t bytes = message_bytes(TAIL, want->offset, want->index);
    message_fill(TAIL, want->offset, want->index, tail, bytes);
    frame->payload = (lrm_slice){tail, bytes};
    return;
  }
  const sim_log *log = !at_relay ? &e->log : is_host ? &s->commands : &s->events;
  const block *b = log_find(log, want->offset);
  CHECK(b != NULL, "a block is wanted that is not there");
  frame->type = LRM_FRAME_BLOCK;
  frame->offset = b->offset;
  frame->count = b->count;
  frame->flags = b->flags;
  frame->payload = (lrm_slice){b->payload, b->bytes};
}

static void send_all(sim *s, end *e, const endpoint *owner, bool is_host) {
  static uint8_t out[8192], tail[512];
  for (int turns = 0; turns < 64 && sim_way_room(e->out) > 0; turns++) {
    size_t written = 0;
    MUST(lrm_link_outgoing(e->link, out, sizeof out, &written, s->now_ns));
    sim_way_send(e->out, out, written);
    if (written > 0) continue;
    lrm_link_want want;
    if (!lrm_link_wanted(e->link, &want)) break;
    lrm_frame frame;
    fetch(s, owner == NULL, &want, owner, is_host, &frame, tail);
    uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
    size_t header_bytes = 0;
    MUST(lrm_link_block(e->link, want.channel, &frame, header, &header_bytes, s->now_ns));
    sim_way_send(e->out, header, header_bytes);
    sim_way_send(e->out, frame.payload.data, frame.payload.bytes);
  }
}

static void drain(sim *s, endpoint *e, connection *c) {
  lrm_link_event event;
  lrm_link *link = e != NULL ? e->end.link : c->end.link;
  while (lrm_link_next_event(link, &event)) {
    if (event.type == LRM_LINK_EVENT_SILENT && e != NULL) {
      endpoint_down(s, e);
      return;
    }
    if (e != NULL)
      endpoint_event(s, e, &event);
    else
      relay_event(s, c, &event);
  }
}

static void receive(sim *s, endpoint *e, connection *c) {
  end *here = e != NULL ? &e->end : &c->end;
  while (here->pipe != NULL && here->in->arrived.bytes > 0) {
    size_t consumed = 0, wanted = 0;
    int result = lrm_link_recv(here->link, here->in->arrived.data, here->in->arrived.bytes,
                               &consumed, &wanted, s->now_ns);
    CHECK(result == 0, "recv: %s", lrm_link_error_detail(here->link));
    drain(s, e, c);
    if (here->pipe == NULL) return;
    sim_way_take(here->in, consumed);
    if (consumed == 0) return;
  }
}

static void connection_down(sim *s, connection *c) {
  lrm_link_detach(c->end.link, s->now_ns);
  lrm_link_destroy(c->end.link);
  c->end.in->receiver_gone = true;
  c->end.out->sender_gone = true;
  memset(c, 0, sizeof *c);
}

static void connection_turn(sim *s, connection *c) {
  if (!c->used) return;
  receive(s, NULL, c);
  if (lrm_link_deadline(c->end.link) <= s->now_ns) lrm_link_expire(c->end.link, s->now_ns);
  drain(s, NULL, c);
  send_all(s, &c->end, NULL, c->is_host);
  drain(s, NULL, c);
  bool closing = lrm_link_state_now(c->end.link) == LRM_LINK_CLOSING;
  if ((closing && !lrm_link_has_outgoing(c->end.link)) ||
      (sim_way_ended(c->end.pipe, c->end.in) && c->end.in->arrived.bytes == 0) || c->end.pipe->cut)
    connection_down(s, c);
}

static bool pipe_free(const sim *s, int i) {
  const sim_pipe *p = &s->pipes[i];
  return !s->connections[i].used && s->host.end.pipe != p && s->client.end.pipe != p;
}

static void connect_endpoint(sim *s, endpoint *e) {
  if (s->faults && sim_once_in(&s->random, 5)) {
    lrm_link_detach(e->end.link, s->now_ns); /* the attempt failed */
    return;
  }
  int i = 0;
  while (i < CONNECTIONS_MAX && !pipe_free(s, i)) i++;
  if (i == CONNECTIONS_MAX) return;
  sim_pipe *pipe = &s->pipes[i];
  sim_pipe_free(pipe);
  sim_pipe_init(pipe);
  if (s->faults) {
    static const size_t chunks[] = {1, 5, 60, 2000, 65536};
    pipe->up.chunk_max = chunks[sim_below(&s->random, 5)];
    pipe->down.chunk_max = chunks[sim_below(&s->random, 5)];
    if (sim_once_in(&s->random, 3)) pipe->up.cut_after = sim_below(&s->random, 4000);
    if (sim_once_in(&s->random, 3)) pipe->down.cut_after = sim_below(&s->random, 4000);
    if (sim_once_in(&s->random, 6))
      pipe->up.stalled_ns = s->now_ns + sim_below(&s->random, 8 * SECOND);
  }
  e->end.pipe = pipe;
  e->end.out = &pipe->up;
  e->end.in = &pipe->down;
  MUST(lrm_link_attach(e->end.link, s->now_ns));
  connection *c = &s->connections[i];
  c->used = true;
  c->end.pipe = pipe;
  c->end.out = &pipe->down;
  c->end.in = &pipe->up;
  make_link(s, &c->end, LRM_SIDE_ACCEPTING, 0);
  MUST(lrm_link_attach(c->end.link, s->now_ns));
  if (e->early_opens) endpoint_open(s, e);
}

static void endpoint_turn(sim *s, endpoint *e) {
  if (e->end.pipe == NULL) {
    if (lrm_link_attempt_ns(e->end.link) <= s->now_ns) connect_endpoint(s, e);
    if (e->end.pipe == NULL) return;
  }
  receive(s, e, NULL);
  if (e->end.pipe == NULL) return;
  if (lrm_link_deadline(e->end.link) <= s->now_ns) lrm_link_expire(e->end.link, s->now_ns);
  drain(s, e, NULL);
  if (e->end.pipe == NULL) return;
  reader_work(s, e);
  send_all(s, &e->end, e, e->is_host);
  if (sim_way_ended(e->end.pipe, e->end.in)) endpoint_down(s, e);
}

/* ---- what happens ---- */

static void host_says_something(sim *s) {
  endpoint *h = &s->host;
  uint64_t r = sim_below(&s->random, 10);
  if (h->log.count >= BLOCKS_MAX - 8) return;
  if (r < 3 && h->log.end > 0) {
    h->tail_count++;
  } else {
    bool clears = h->log.end == 0 || r < 6;
    log_make(&h->log, EVENT, 1 + (uint32_t)sim_below(&s->random, 5),
             clears ? LRM_FLAG_CLEARS_TAIL : 0);
    if (clears) {
      h->tail_offset = h->log.end;
      h->tail_count = 0;
    }
  }
  endpoint_extend(s, h);
}

static void client_commands(sim *s) {
  if (s->client.log.end - s->client.published_ack >= LRM_COMMANDS_UNACKNOWLEDGED_MAX) return;
  if (s->client.log.count >= BLOCKS_MAX - 8) return;
  log_make(&s->client.log, COMMAND, 1, 0);
  endpoint_extend(s, &s->client);
}

static void fault(sim *s) {
  endpoint *e = sim_once_in(&s->random, 2) ? &s->host : &s->client;
  sim_pipe *pipe = e->end.pipe;
  if (pipe == NULL) return;
  sim_way *way = sim_once_in(&s->random, 2) ? &pipe->up : &pipe->down;
  switch (sim_below(&s->random, 7)) {
    case 0:
      pipe->cut = true;
      break;
    case 1:
      way->cut_after = sim_below(&s->random, 3000);
      break;
    case 2:
      way->stalled_ns = s->now_ns + sim_below(&s->random, 12 * SECOND);
      break;
    case 3:
      way->lost = true; /* half open */
      way->wire.bytes = 0;
      if (sim_once_in(&s->random, 2)) pipe->up.lost = pipe->down.lost = true;
      break;
    case 4:
      endpoint_down(s, e); /* gives up; what it sent still arrives, late */
      pipe->up.stalled_ns = s->now_ns + sim_below(&s->random, 3 * SECOND);
      break;
    case 5:
      way->chunk_max = 1 + (size_t)sim_below(&s->random, 3);
      break;
    default:
      e->reading.slow_ns = 1 + sim_below(&s->random, 2 * SECOND);
      if (sim_once_in(&s->random, 2)) lrm_link_probe(e->end.link, s->now_ns);
  }
}

static uint64_t earliest(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* When nothing moves: on to the next moment at which anything can. */
static uint64_t next_moment(const sim *s) {
  uint64_t at = s->commit_ns != 0 ? s->commit_ns : UINT64_MAX;
  const endpoint *both[2] = {&s->host, &s->client};
  for (int i = 0; i < 2; i++) {
    const endpoint *e = both[i];
    at = earliest(at, e->end.pipe == NULL ? lrm_link_attempt_ns(e->end.link)
                                          : lrm_link_deadline(e->end.link));
    if (e->reading.queued > 0) at = earliest(at, e->reading.queue[0].due_ns);
    if (e->reading.stale_bytes > 0) at = earliest(at, s->now_ns + 10 * MS);
  }
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    if (s->connections[i].used) at = earliest(at, lrm_link_deadline(s->connections[i].end.link));
    const sim_pipe *p = &s->pipes[i];
    if (p->up.wire.bytes > 0) at = earliest(at, p->up.stalled_ns);
    if (p->down.wire.bytes > 0) at = earliest(at, p->down.stalled_ns);
  }
  return at;
}

static void turn(sim *s) {
  bool moved = false;
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    sim_pipe *p = &s->pipes[i];
    if (sim_way_move(p, &p->up, &s->random, s->now_ns)) moved = true;
    if (sim_way_move(p, &p->down, &s->random, s->now_ns)) moved = true;
  }
  if (s->commit_ns != 0 && s->commit_ns <= s->now_ns) relay_commit(s);
  for (int i = 0; i < CONNECTIONS_MAX; i++) connection_turn(s, &s->connections[i]);
  endpoint_turn(s, &s->host);
  endpoint_turn(s, &s->client);
  uint64_t step = sim_below(&s->random, MS);
  uint64_t moment = next_moment(s);
  if (!moved && moment > s->now_ns + step && moment != UINT64_MAX && sim_once_in(&s->random, 2))
    step = earliest(moment - s->now_ns, s->faults ? 3 * SECOND : SECOND);
  s->now_ns += step;
}

static bool converged(const sim *s) {
  return s->host.published_ack == s->host.log.end && s->events.end == s->host.log.end &&
         s->client.reading.next == s->events.end && s->client.published_ack == s->client.log.end &&
         s->commands.end == s->client.log.end && s->host.reading.next == s->commands.end &&
         s->commands_acked == s->commands.end && s->client.reading.synced &&
         (s->host.tail_count == 0 || (s->client.reading.tail_offset == s->host.tail_offset &&
                                      s->client.reading.tail_next == s->host.tail_count));
}

static void heal(sim *s) {
  s->faults = false;
  s->host.reading.slow_ns = s->client.reading.slow_ns = 5 * MS;
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    sim_way *ways[2] = {&s->pipes[i].up, &s->pipes[i].down};
    for (int k = 0; k < 2; k++) {
      ways[k]->chunk_max = 65536;
      ways[k]->cut_after = UINT64_MAX;
    }
  }
}

static void start(sim *s, uint64_t seed) {
  memset(s, 0, sizeof *s);
  s->random.state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
  s->now_ns = SECOND + sim_below(&s->random, 1000 * SECOND);
  s->faults = true;
  endpoint *both[2] = {&s->host, &s->client};
  for (int i = 0; i < 2; i++) {
    endpoint *e = both[i];
    e->is_host = i == 0;
    e->early_opens = sim_once_in(&s->random, 2);
    e->reading.slow_ns = 1 + sim_below(&s->random, 50 * MS);
    e->reading.tail_offset = UINT64_MAX;
  }
}

static void make_endpoint_link(sim *s, endpoint *e, uint8_t id, uint32_t role) {
  lrm_link_config config;
  memset(&config, 0, sizeof config);
  config.struct_bytes = sizeof config;
  config.side = LRM_SIDE_CONNECTING;
  config.allocator = (lrm_allocator){sim_alloc, sim_free, &e->end};
  config.seed = sim_next(&s->random);
  config.grease = true;
  config.credit_window_bytes = sim_once_in(&s->random, 2) ? 3000 : 0;
  memset(config.link_id.bytes, id, 16);
  config.role = role;
  config.token = "t";
  config.agent = "sim";
  MUST(lrm_link_create(&config, &e->end.link));
}

static void finish(sim *s) {
  for (int i = 0; i < CONNECTIONS_MAX; i++) {
    if (s->connections[i].used) connection_down(s, &s->connections[i]);
    sim_pipe_free(&s->pipes[i]);
  }
  CHECK(s->host.end.allocations == 1 && s->client.end.allocations == 1,
        "a link allocated after its creation");
  lrm_link_destroy(s->host.end.link);
  lrm_link_destroy(s->client.end.link);
  log_free(&s->host.log);
  log_free(&s->client.log);
  log_free(&s->events);
  log_free(&s->commands);
}

static void not_converged(const sim *s) {
  const endpoint *h = &s->host, *c = &s->client;
  fail(
      "no convergence: events %d of %d acknowledged, %d read, synced %d; "
      "commands %d of %d acknowledged, %d read, %d delivered; tail %d.%u of %d.%u",
      (int)h->published_ack, (int)h->log.end, (int)c->reading.next, c->reading.synced,
      (int)c->published_ack, (int)c->log.end, (int)h->reading.next, (int)s->commands_acked,
      (int)c->reading.tail_offset, c->reading.tail_next, (int)h->tail_offset, h->tail_count);
}

static void run(sim *s, uint64_t seed, uint64_t *messages) {
  seed_now = seed;
  start(s, seed);
  make_endpoint_link(s, &s->host, 1, remote_v1_Role_ROLE_HOST);
  make_endpoint_link(s, &s->client, 2, remote_v1_Role_ROLE_CLIENT);
  uint64_t fault_every = 20 + sim_below(&s->random, 200);
  for (int i = 0; i < 1500; i++) {
    if (sim_once_in(&s->random, 4)) host_says_something(s);
    if (sim_once_in(&s->random, 8)) client_commands(s);
    if (sim_once_in(&s->random, fault_every)) fault(s);
    turn(s);
  }
  heal(s);
  uint64_t healed_ns = s->now_ns;
  while (!converged(s)) {
    turn(s);
    if (s->now_ns >= healed_ns + 60 * SECOND) not_converged(s);
  }
  *messages += s->events.end + s->commands.end;
  finish(s);
}

int main(int argc, char **argv) {
  uint64_t first = 1, count = 300;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--seed") == 0) first = strtoull(argv[i + 1], NULL, 10), count = 1;
    if (strcmp(argv[i], "--count") == 0) count = strtoull(argv[i + 1], NULL, 10);
  }
  sim *s = malloc(sizeof *s);
  if (s == NULL) return 1;
  uint64_t messages = 0;
  for (uint64_t seed = first; seed < first + count; seed++) run(s, seed, &messages);
  free(s);
  printf("two_links: seeds %llu to %llu: %llu messages, all once and in order\n",
         (unsigned long long)first, (unsigned long long)(first + count - 1),
         (unsigned long long)messages);
  return 0;
}
