#include "mock_relay.h"

#include "remote/envelope.h"
#include "target.h"

static const lrm_id epoch = {"epoch of relay"};

void mock_begin(mock_relay *m, lrm_link *peer, uint64_t now_ns) {
  memset(m, 0, sizeof *m);
  m->peer = peer;
  m->now_ns = now_ns;
  m->served_epoch = epoch;
}

void mock_detach(mock_relay *m) {
  if (!m->attached) return;
  lrm_link_destroy(m->link);
  lrm_link_detach(m->peer, m->now_ns);
  m->link = NULL;
  m->attached = false;
}

void mock_end(mock_relay *m) {
  mock_detach(m);
  bytes_free(&m->up);
  bytes_free(&m->down);
  for (uint64_t i = 0; i < m->served_end; i++) bytes_free(&m->served[i]);
}

void mock_attach(mock_relay *m) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_ACCEPTING,
                            .allocator = lrm_allocator_default(),
                            .channels_max = MOCK_CHANNELS,
                            .control_bytes = 4096};
  mock_detach(m);
  if (lrm_link_state_now(m->peer) == LRM_LINK_DEAD) return;
  m->up.count = m->down.count = 0;
  memset(m->channels, 0, sizeof m->channels);
  FUZZ_CHECK(lrm_link_create(&config, &m->link) == 0);
  FUZZ_CHECK(lrm_link_attach(m->link, m->now_ns) == 0);
  FUZZ_CHECK(lrm_link_attach(m->peer, m->now_ns) == 0);
  m->attached = true;
}

/* ---- events of the accepting link ---- */

static mock_channel *find(mock_relay *m, uint32_t number) {
  for (int i = 0; i < MOCK_CHANNELS; i++)
    if (m->channels[i].number == number) return &m->channels[i];
  return NULL;
}

static void extend(mock_relay *m) {
  for (int i = 0; i < MOCK_CHANNELS; i++) {
    const mock_channel *c = &m->channels[i];
    if (c->number == 0 || c->publishes || m->link == NULL) continue;
    (void)!lrm_link_extend(m->link, c->number, m->served_end, 0, 0, m->now_ns);
  }
}

static void on_open(mock_relay *m, const lrm_link_event *event) {
  const remote_v1_Open *open = event->open;
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  mock_channel *c = find(m, 0);
  FUZZ_CHECK(c != NULL);
  *c = (mock_channel){event->channel, open->log,
                      open->direction == remote_v1_Direction_DIRECTION_PUBLISH};
  opened.epoch.size = 16;
  opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  if (c->publishes) {
    if (memcmp(m->published_epoch.bytes, open->epoch.bytes, 16) != 0) {
      memcpy(m->published_epoch.bytes, open->epoch.bytes, 16);
      m->published = open->first_retained;
    }
    memcpy(opened.epoch.bytes, open->epoch.bytes, 16);
    opened.next = opened.watermark = m->published;
    if (m->published == 0) opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY;
    opened.last_writer_generation = m->writer_generation;
    m->writer_generation = open->writer_generation;
  } else {
    memcpy(opened.epoch.bytes, m->served_epoch.bytes, 16);
    bool same = memcmp(m->served_epoch.bytes, open->epoch.bytes, 16) == 0;
    opened.next = same ? open->next : 0;
    opened.watermark = m->served_end;
    if (m->served_end == 0) opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY;
  }
  FUZZ_CHECK(lrm_link_opened(m->link, event->channel, &opened, 0, m->now_ns) == 0);
  if (c->publishes) (void)!lrm_link_ack(m->link, c->number, m->published, m->now_ns);
  extend(m);
}

/* Of the one command of a block, behind its length. */
static lrm_id command_id_of(lrm_slice payload) {
  lrm_envelope envelope;
  size_t head = 1;
  while (payload.data[head - 1] >= 0x80) head++;
  FUZZ_CHECK(lrm_envelope_decode(payload.data + head, payload.bytes - head, &envelope) == 0);
  return envelope.command_id;
}

static void on_block(mock_relay *m, const lrm_link_event *event) {
  const lrm_frame *f = &event->frame;
  const mock_channel *c = find(m, event->channel);
  if (event->type == LRM_LINK_EVENT_BLOCK) {
    m->published = f->offset + f->count;
    if (c != NULL && c->log == remote_v1_Log_LOG_COMMANDS) {
      remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
      lrm_id id = command_id_of(f->payload);
      receipt.command_id.size = 16;
      memcpy(receipt.command_id.bytes, id.bytes, 16);
      receipt.which_result = remote_v1_Receipt_stored_tag;
      (void)!lrm_link_send_receipt(m->link, event->channel, f->offset, &receipt, m->now_ns);
    }
    (void)!lrm_link_ack(m->link, event->channel, m->published, m->now_ns);
  }
  (void)!lrm_link_consumed(m->link, event->channel, f->payload.bytes, m->now_ns);
}

static void on_event(mock_relay *m, const lrm_link_event *event) {
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  mock_channel *c = find(m, event->channel);
  switch (event->type) {
    case LRM_LINK_EVENT_HELLO:
      FUZZ_CHECK(lrm_link_accept(m->link, &principal, 1, "mock", m->now_ns) == 0);
      break;
    case LRM_LINK_EVENT_OPEN:
      on_open(m, event);
      break;
    case LRM_LINK_EVENT_BLOCK:
    case LRM_LINK_EVENT_TAIL:
      on_block(m, event);
      break;
    case LRM_LINK_EVENT_ACKED:
      m->acked = event->frame.offset;
      break;
    case LRM_LINK_EVENT_CLOSED:
      if (c != NULL) memset(c, 0, sizeof *c);
      break;
    default:
      break;
  }
}

void mock_serve(mock_relay *m, const uint8_t *message, size_t size) {
  if (m->served_end == MOCK_BLOCKS_MAX) return;
  bytes *b = &m->served[m->served_end++];
  bytes_varint(b, size);
  bytes_put(b, message, size);
  extend(m);
}

/* ---- moving ---- */

static int fetch(mock_relay *m, const lrm_link_want *want, lrm_frame *frame) {
  if (want->kind != LRM_WANT_BLOCK || want->offset >= m->served_end) return LRM_ERR_NOT_FOUND;
  const bytes *b = &m->served[want->offset];
  *frame = (lrm_frame){.offset = want->offset, .count = 1, .payload = {b->data, b->count}};
  return 0;
}

static bool send(mock_relay *m, lrm_link *link, const mock_user *user, bytes *out) {
  bool any = false;
  while (out->count < LRM_CARRIER_BUFFER_BYTES_MAX) {
    uint8_t room[16384], header[LRM_FRAME_HEADER_BYTES_MAX];
    size_t written = 0;
    lrm_link_want want;
    lrm_frame frame;
    memset(&frame, 0, sizeof frame);
    FUZZ_CHECK(lrm_link_outgoing(link, room, sizeof room, &written, m->now_ns) == 0);
    bytes_put(out, room, written);
    any = any || written > 0;
    if (written > 0) continue;
    if (!lrm_link_wanted(link, &want)) break;
    int result = user == NULL ? fetch(m, &want, &frame) : user->fetch(user->user, &want, &frame);
    if (result != 0) break;
    if (lrm_link_block(link, want.channel, &frame, header, &written, m->now_ns) != 0) break;
    bytes_put(out, header, written);
    bytes_put(out, frame.payload.data, frame.payload.bytes);
    any = true;
  }
  return any;
}

static bool drain(mock_relay *m, lrm_link *link, const mock_user *user) {
  lrm_link_event event;
  bool any = false;
  for (; lrm_link_next_event(link, &event); any = true) {
    if (user == NULL)
      on_event(m, &event);
    else
      user->event(user->user, &event);
  }
  return any;
}

static bool receive(mock_relay *m, lrm_link *link, const mock_user *user, bytes *in) {
  bool any = drain(m, link, user);
  size_t at = 0;
  while (at < in->count) {
    size_t consumed = 0, wanted = 0;
    int result = lrm_link_recv(link, in->data + at, in->count - at, &consumed, &wanted, m->now_ns);
    FUZZ_CHECK(result == 0);
    at += consumed;
    any = drain(m, link, user) || consumed > 0 || any;
    if (consumed == 0) break;
  }
  if (at > 0) memmove(in->data, in->data + at, in->count - at);
  in->count -= at;
  return any;
}

void mock_run(mock_relay *m, const mock_user *user) {
  bool moved = m->attached;
  for (int rounds = 0; moved; rounds++) {
    FUZZ_CHECK(rounds < 10000);
    if (lrm_link_deadline(m->peer) <= m->now_ns) lrm_link_expire(m->peer, m->now_ns);
    if (lrm_link_deadline(m->link) <= m->now_ns) lrm_link_expire(m->link, m->now_ns);
    moved = receive(m, m->peer, user, &m->down);
    moved = send(m, m->peer, user, &m->up) || moved;
    moved = receive(m, m->link, NULL, &m->up) || moved;
    moved = send(m, m->link, NULL, &m->down) || moved;
  }
  drain(m, m->peer, user);
}
