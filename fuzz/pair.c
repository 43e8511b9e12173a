/* Two honest ends with an adversary between them: every byte, cut, delay and late carrier is the
 * input's choice. A host (honest.h) keeps its one link; the other end has a link for each carrier
 * that ever came, and a log that loses what it did not commit. First byte: bit 0, small credit
 * windows; bit 1, the host makes nothing its own by itself. Then a script (script.h) without
 * pieces; actions are in act().
 *
 * Holds: neither end finds fault with the other; every message arrives once and in order; nothing
 * is acknowledged that is not stored; once faults stop, all arrives. */
#include <string.h>

#include "honest.h"
#include "layout.h"
#include "script.h"
#include "target.h"

const fuzz_layout fuzz_layout_here = {
    .head = 1, .is_script = true, .no_pieces = true, .actions = 16};

enum { CARRIERS = 6 };

typedef struct carrier {
  lrm_link *link; /* accepting; NULL: free */
  bytes up, down; /* on their way */
  bytes up_here, down_here;
  bool judged, lost;
  uint32_t events, commands; /* channels */
  uint64_t held_bytes;
} carrier;

typedef struct run {
  honest host, client; /* the client only makes commands */
  carrier carriers[CARRIERS];
  int current; /* the host's; -1: none */
  uint64_t now_ns;
  uint64_t generation;
  uint64_t end, durable; /* of the events that are stored */
  uint64_t commands_acked;
  uint32_t window_bytes;
} run;

/* ---- the accepting end ---- */

static void goodbye(run *r, carrier *c) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = LRM_CODE_SUPERSEDED;
  problem.stored_generation = r->generation;
  (void)!lrm_link_goaway(c->link, &problem, r->now_ns);
  c->judged = false;
}

static void judge(run *r, carrier *c, const remote_v1_Hello *hello) {
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  if (hello->generation <= r->generation) {
    goodbye(r, c);
    return;
  }
  r->generation = hello->generation;
  for (int i = 0; i < CARRIERS; i++)
    if (r->carriers[i].link != NULL && r->carriers[i].judged) goodbye(r, &r->carriers[i]);
  FUZZ_CHECK(lrm_link_accept(c->link, &principal, 1, "pair", r->now_ns) == 0);
  c->judged = true;
}

/* Whole blocks become durable: those that end at `up_to` or below. */
static void commit(run *r, uint64_t up_to) {
  for (size_t i = 0; i <= r->host.blocks; i++)
    if (r->host.starts[i] <= up_to && r->host.starts[i] <= r->end && r->host.starts[i] > r->durable)
      r->durable = r->host.starts[i];
  for (int i = 0; i < CARRIERS; i++) {
    carrier *c = &r->carriers[i];
    if (c->link == NULL || !c->judged || c->events == 0) continue;
    (void)!lrm_link_ack(c->link, c->events, r->durable, r->now_ns);
    if (r->durable == r->end &&
        lrm_link_consumed(c->link, c->events, c->held_bytes, r->now_ns) == 0)
      c->held_bytes = 0;
  }
}

static void answer(run *r, carrier *c, const lrm_link_event *event) {
  const remote_v1_Open *open = event->open;
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  bool events = open->log == remote_v1_Log_LOG_EVENTS;
  opened.epoch.size = 16;
  memcpy(opened.epoch.bytes, events ? r->host.event_epoch.bytes : r->client.link_id.bytes, 16);
  opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  if (events) {
    commit(r, r->end); /* OPENED.next comes after all accepted blocks are committed */
    c->events = event->channel;
    c->held_bytes = 0;
    opened.next = opened.watermark = r->end;
  } else {
    c->commands = event->channel;
    opened.next = open->next;
    opened.watermark = honest_end(&r->client);
    FUZZ_CHECK(open->next <= opened.watermark);
  }
  FUZZ_CHECK(lrm_link_opened(c->link, event->channel, &opened, 0, r->now_ns) == 0);
  if (events) { /* OPENED is no acknowledgement */
    FUZZ_CHECK(lrm_link_ack(c->link, c->events, r->durable, r->now_ns) == 0);
  } else {
    FUZZ_CHECK(lrm_link_extend(c->link, c->commands, opened.watermark, 0, 0, r->now_ns) == 0);
  }
}

static void store(run *r, carrier *c, const lrm_link_event *event) {
  const lrm_frame *f = &event->frame;
  bytes expected = {0};
  size_t block = 0;
  FUZZ_CHECK(c->judged && event->channel == c->events);
  FUZZ_CHECK(f->offset + event->skip_messages == r->end);
  while (r->host.starts[block] < f->offset) block++;
  FUZZ_CHECK(r->host.starts[block] == f->offset && block < r->host.blocks);
  FUZZ_CHECK(r->host.starts[block + 1] == f->offset + f->count);
  honest_block(true, &r->host, block, &expected);
  FUZZ_CHECK(expected.count == f->payload.bytes);
  FUZZ_CHECK(memcmp(expected.data, f->payload.data, f->payload.bytes) == 0);
  bytes_free(&expected);
  r->end = f->offset + f->count;
  c->held_bytes += f->payload.bytes;
}

static void hear(run *r, carrier *c, const lrm_link_event *event) {
  switch (event->type) {
    case LRM_LINK_EVENT_HELLO:
      judge(r, c, event->hello);
      break;
    case LRM_LINK_EVENT_OPEN:
      answer(r, c, event);
      break;
    case LRM_LINK_EVENT_BLOCK:
      store(r, c, event);
      break;
    case LRM_LINK_EVENT_ACKED:
      FUZZ_CHECK(event->frame.offset <= r->host.next);
      if (event->frame.offset > r->commands_acked) r->commands_acked = event->frame.offset;
      break;
    case LRM_LINK_EVENT_GOAWAY_SENT:
      FUZZ_CHECK(event->problem->code < 4000);
      break;
    case LRM_LINK_EVENT_CLOSED:
      fprintf(stderr, "closed with %u: %s\n", (unsigned)event->problem->code,
              event->problem->reason);
      FUZZ_CHECK(!"the host closed a channel");
      break;
    default:
      break;
  }
}

static void carrier_free(run *r, carrier *c) {
  lrm_link_detach(c->link, r->now_ns);
  lrm_link_destroy(c->link);
  c->link = NULL;
  c->judged = false;
  c->events = c->commands = 0;
}

static void carrier_send(run *r, carrier *c) {
  while (c->down.count < LRM_CARRIER_BUFFER_BYTES_MAX) {
    uint8_t out[8192], header[LRM_FRAME_HEADER_BYTES_MAX];
    size_t written = 0, header_bytes = 0;
    lrm_link_want want;
    FUZZ_CHECK(lrm_link_outgoing(c->link, out, sizeof out, &written, r->now_ns) == 0);
    bytes_put(&c->down, out, written);
    if (written > 0) continue;
    if (!lrm_link_wanted(c->link, &want)) return;
    FUZZ_CHECK(want.offset < r->client.blocks);
    bytes payload = {0};
    honest_block(false, &r->client, want.offset, &payload); /* one command a block */
    lrm_frame frame = {.offset = want.offset, .count = 1};
    frame.payload = (lrm_slice){payload.data, payload.count};
    FUZZ_CHECK(lrm_link_block(c->link, want.channel, &frame, header, &header_bytes, r->now_ns) ==
               0);
    bytes_put(&c->down, header, header_bytes);
    bytes_put(&c->down, payload.data, payload.count);
    bytes_free(&payload);
  }
}

static bool drain(run *r, carrier *c) {
  lrm_link_event event;
  while (lrm_link_next_event(c->link, &event)) {
    if (event.type == LRM_LINK_EVENT_SILENT) return false;
    hear(r, c, &event);
  }
  return true;
}

/* False: it is over. */
static bool carrier_read(run *r, carrier *c) {
  size_t at = 0;
  while (at < c->up_here.count) {
    size_t consumed = 0, wanted = 0;
    int result = lrm_link_recv(c->link, c->up_here.data + at, c->up_here.count - at, &consumed,
                               &wanted, r->now_ns);
    FUZZ_CHECK(result == 0);
    at += consumed;
    if (!drain(r, c)) return false;
    if (consumed == 0) break;
  }
  if (at > 0) memmove(c->up_here.data, c->up_here.data + at, c->up_here.count - at);
  c->up_here.count -= at;
  return true;
}

static void carrier_turn(run *r, carrier *c) {
  if (c->link == NULL) return;
  bool alive = carrier_read(r, c);
  if (alive && lrm_link_deadline(c->link) <= r->now_ns) lrm_link_expire(c->link, r->now_ns);
  alive = alive && drain(r, c);
  if (alive) carrier_send(r, c);
  bool over = lrm_link_state_now(c->link) == LRM_LINK_CLOSING && !lrm_link_has_outgoing(c->link);
  if (!alive || over) carrier_free(r, c);
}

/* ---- the host ---- */

static void host_down(run *r, uint64_t more) {
  honest_down(&r->host, more, r->now_ns);
  FUZZ_CHECK(lrm_link_state_now(r->host.link) != LRM_LINK_DEAD);
  r->current = -1;
}

static void host_up(run *r) {
  int i = 0;
  if (r->current >= 0) return;
  while (i < CARRIERS && r->carriers[i].link != NULL) i++;
  if (i == CARRIERS) return;
  carrier *c = &r->carriers[i];
  c->up.count = c->down.count = c->up_here.count = c->down_here.count = 0;
  c->lost = false;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_ACCEPTING,
                            .allocator = lrm_allocator_default(),
                            .seed = 3,
                            .channels_max = 4,
                            .control_bytes = 4096,
                            .credit_window_bytes = r->window_bytes,
                            .grease = true};
  FUZZ_CHECK(lrm_link_create(&config, &c->link) == 0);
  FUZZ_CHECK(lrm_link_attach(c->link, r->now_ns) == 0);
  honest_attach(&r->host, &c->down_here, &c->up, r->now_ns);
  r->current = i;
}

static void turn(run *r) {
  for (int i = 0; i < CARRIERS; i++) carrier_turn(r, &r->carriers[i]);
  honest_turn(&r->host, r->now_ns);
  if (r->current >= 0 && lrm_link_state_now(r->host.link) == LRM_LINK_CLOSING) host_down(r, 0);
}

/* ---- the adversary ---- */

static void move(const carrier *c, bytes *from, bytes *to, size_t count) {
  if (count > from->count) count = from->count;
  if (count == 0) return;
  if (!c->lost) bytes_put(to, from->data, count);
  memmove(from->data, from->data + count, from->count - count);
  from->count -= count;
}

static void crash(run *r) {
  if (r->current >= 0) host_down(r, 0);
  for (int i = 0; i < CARRIERS; i++)
    if (r->carriers[i].link != NULL) carrier_free(r, &r->carriers[i]);
  r->end = r->durable;
}

static void say_command(run *r) {
  if (honest_end(&r->client) - r->commands_acked >= HONEST_UNACKNOWLEDGED_MAX) return;
  r->client.acked = r->commands_acked;
  honest_say(&r->client, 1, r->now_ns);
  for (int i = 0; i < CARRIERS; i++) {
    carrier *c = &r->carriers[i];
    if (c->link == NULL || !c->judged || c->commands == 0) continue;
    (void)!lrm_link_extend(c->link, c->commands, honest_end(&r->client), 0, 0, r->now_ns);
  }
}

static void act(run *r, uint8_t action, uint8_t argument) {
  carrier *c = &r->carriers[argument % CARRIERS];
  carrier *current = r->current >= 0 ? &r->carriers[r->current] : c;
  size_t count = argument < 128 ? argument : (size_t)(argument - 127) * 64;
  switch (action % 16) {
    case 0:
      move(current, &current->up, &current->up_here, count);
      break;
    case 1:
      move(current, &current->down, &current->down_here, count);
      break;
    case 2:
      move(c, &c->up, &c->up_here, SIZE_MAX);
      move(c, &c->down, &c->down_here, SIZE_MAX);
      break;
    case 3: /* gives up and tries again; what was sent still arrives */
      host_down(r, argument & 7);
      host_up(r);
      break;
    case 4:
      host_down(r, argument & 7);
      break;
    case 5:
      if (c->link != NULL) carrier_free(r, c);
      if (c == &r->carriers[r->current >= 0 ? r->current : 0] && r->current >= 0) host_down(r, 0);
      break;
    case 6: /* half open from now on */
      current->lost = true;
      break;
    case 7:
      r->now_ns += (uint64_t)argument * 100000000;
      break;
    case 8:
      honest_say(&r->host, 1 + argument % 3, r->now_ns);
      break;
    case 9:
      say_command(r);
      break;
    case 10:
      commit(r, argument < 200 ? r->end : r->durable + argument % 8);
      break;
    case 11:
      r->host.lazy = argument & 1;
      break;
    case 12:
      honest_own(&r->host, r->now_ns);
      break;
    case 13:
      crash(r);
      break;
    case 14: /* a carrier that was given up is late */
      move(c, &c->up, &c->up_here, count);
      break;
    default:
      host_up(r);
  }
}

static bool all_arrived(const run *r) {
  return r->durable == honest_end(&r->host) && r->host.acked == honest_end(&r->host) &&
         r->host.commands == honest_end(&r->client) && r->host.next == honest_end(&r->client) &&
         r->commands_acked == honest_end(&r->client);
}

static void converge(run *r) {
  r->host.lazy = false;
  for (int i = 0; i < 600 && !all_arrived(r); i++) {
    host_up(r);
    for (int j = 0; j < CARRIERS; j++) {
      carrier *c = &r->carriers[j];
      move(c, &c->up, &c->up_here, SIZE_MAX);
      move(c, &c->down, &c->down_here, SIZE_MAX);
    }
    turn(r);
    honest_own(&r->host, r->now_ns);
    commit(r, r->end);
    r->now_ns += 100000000;
  }
  FUZZ_CHECK(all_arrived(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static run r;
  if (size < 1) return 0;
  memset(&r, 0, sizeof r);
  r.now_ns = 1000000000;
  r.current = -1;
  r.window_bytes = data[0] & 1 ? 200 : 0;
  honest_config config = {.is_host = true,
                          .allocator = lrm_allocator_default(),
                          .token = "token",
                          .session = "session",
                          .link = "link of host",
                          .window_bytes = r.window_bytes};
  FUZZ_CHECK(honest_begin(&r.host, &config) == 0);
  r.host.lazy = data[0] & 2;
  r.client.event_epoch = r.host.event_epoch; /* never attached: it only numbers commands */
  r.client.link_id = honest_id("commands epoch");
  host_up(&r);
  turn(&r);
  fuzz_script script = {data, size, 1};
  for (fuzz_step step; fuzz_script_next(&script, &step);) {
    if (!step.is_piece) act(&r, step.action, step.argument);
    turn(&r);
  }
  converge(&r);
  crash(&r);
  for (int i = 0; i < CARRIERS; i++) {
    bytes_free(&r.carriers[i].up);
    bytes_free(&r.carriers[i].down);
    bytes_free(&r.carriers[i].up_here);
    bytes_free(&r.carriers[i].down_here);
  }
  honest_end_of_life(&r.host);
  return 0;
}
