#include "honest.h"

#include "remote/envelope.h"
#include "target.h"

static uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

lrm_id honest_id(const char *text) {
  lrm_id id = {{0}};
  size_t count = strlen(text);
  memcpy(id.bytes, text, count < sizeof id.bytes ? count : sizeof id.bytes);
  return id;
}

/* ---- messages ---- */

static void put_event(uint64_t number, bytes *out) {
  uint64_t r = mix(number + 1);
  size_t count = 12 + (size_t)(r % 60);
  bytes_varint(out, count);
  bytes_put(out, "secret", 6);
  for (size_t i = 6; i < count; i++) bytes_byte(out, (unsigned)(r >> 8 * (i % 8)) & 0xff);
}

static void put_command(const honest *h, uint64_t number, bytes *out) {
  uint8_t data[256];
  size_t written = 0;
  lrm_envelope envelope = {
      .command_class = 1, .event_epoch = h->event_epoch, .command = {(const uint8_t *)"secret", 6}};
  memcpy(envelope.command_id.bytes, "command", 8);
  memcpy(envelope.command_id.bytes + 8, &number, sizeof number);
  FUZZ_CHECK(lrm_envelope_encode(&envelope, data, sizeof data, &written) == 0);
  bytes_varint(out, written);
  bytes_put(out, data, written);
}

uint64_t honest_command_number(lrm_slice message) {
  lrm_envelope envelope;
  uint64_t number;
  FUZZ_CHECK(lrm_envelope_decode(message.data, message.bytes, &envelope) == 0);
  FUZZ_CHECK(memcmp(envelope.command_id.bytes, "command", 8) == 0);
  FUZZ_CHECK(envelope.command.bytes == 6 && memcmp(envelope.command.data, "secret", 6) == 0);
  memcpy(&number, envelope.command_id.bytes + 8, sizeof number);
  return number;
}

void honest_block(bool of_host, const honest *h, size_t block, bytes *out) {
  for (uint64_t i = h->starts[block]; i < h->starts[block + 1]; i++) {
    if (of_host)
      put_event(i, out);
    else
      put_command(h, i, out);
  }
}

uint64_t honest_end(const honest *h) { return h->starts[h->blocks]; }

/* ---- life ---- */

int honest_begin(honest *h, const honest_config *config) {
  memset(h, 0, sizeof *h);
  h->is_host = config->is_host;
  h->session_id = honest_id(config->session);
  h->event_epoch = honest_id("event epoch");
  h->link_id = honest_id(config->link);
  h->writer_generation = 1000;
  lrm_link_config link = {
      .struct_bytes = sizeof link,
      .side = LRM_SIDE_CONNECTING,
      .allocator = config->allocator,
      .seed = 5,
      .channels_max = 4,
      .control_bytes = 4096,
      .credit_window_bytes = config->window_bytes,
      .link_id = h->link_id,
      .role = config->is_host ? remote_v1_Role_ROLE_HOST : remote_v1_Role_ROLE_CLIENT,
      .token = config->token,
      .agent = "honest"};
  return lrm_link_create(&link, &h->link);
}

void honest_end_of_life(honest *h) {
  lrm_link_destroy(h->link);
  h->link = NULL;
}

void honest_attach(honest *h, bytes *in, bytes *out, uint64_t now_ns) {
  h->in = in;
  h->out = out;
  FUZZ_CHECK(lrm_link_attach(h->link, now_ns) == 0);
}

void honest_down(honest *h, uint64_t more, uint64_t now_ns) {
  if (h->in == NULL) return;
  lrm_link_detach(h->link, now_ns);
  h->in = h->out = NULL;
  h->publishing = h->reading = 0;
  h->published = false;
  h->next += more < h->given - h->next ? more : h->given - h->next;
  h->given = h->next;
  h->held_bytes = 0;
}

/* ---- opening ---- */

static void set_id(uint8_t *to, pb_size_t *size, const lrm_id *id) {
  if (lrm_id_none(id)) return;
  memcpy(to, id->bytes, sizeof id->bytes);
  *size = sizeof id->bytes;
}

static uint32_t open_channel(honest *h, bool publish, uint64_t now_ns) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  bool events = publish == h->is_host;
  set_id(open.session_id.bytes, &open.session_id.size, &h->session_id);
  open.log = events ? remote_v1_Log_LOG_EVENTS : remote_v1_Log_LOG_COMMANDS;
  open.direction =
      publish ? remote_v1_Direction_DIRECTION_PUBLISH : remote_v1_Direction_DIRECTION_SUBSCRIBE;
  const lrm_id *epoch = publish && h->is_host ? &h->event_epoch
                        : publish             ? &h->link_id
                                              : &h->read_epoch;
  set_id(open.epoch.bytes, &open.epoch.size, epoch);
  open.next = publish ? honest_end(h) : h->next;
  open.first_retained = 0;
  open.writer_generation = h->is_host ? h->writer_generation : 0;
  open.start = publish ? 0 : remote_v1_Start_START_RESUME;
  uint32_t channel = 0;
  if (lrm_link_open(h->link, &open, 0, &channel, now_ns) != 0) return 0;
  return channel;
}

static void extend(honest *h, uint64_t now_ns) {
  if (h->publishing == 0) return;
  (void)!lrm_link_extend(h->link, h->publishing, honest_end(h), 0, 0, now_ns);
}

static void opened(honest *h, const lrm_link_event *event, uint64_t now_ns) {
  const remote_v1_Opened *o = event->opened;
  lrm_id epoch;
  FUZZ_CHECK(lrm_id_from(o->epoch.bytes, o->epoch.size, &epoch) == 0);
  if (event->channel == h->publishing) {
    h->published = true;
    /* What was acknowledged is stored; what is stored was published. */
    FUZZ_CHECK(o->outcome != remote_v1_OpenOutcome_OPEN_OUTCOME_RESET);
    FUZZ_CHECK(o->next >= h->acked && o->next <= honest_end(h));
    extend(h, now_ns);
    return;
  }
  bool other = !lrm_id_none(&h->read_epoch) && !lrm_id_equal(&h->read_epoch, &epoch);
  FUZZ_CHECK(!other || (h->is_host && o->outcome == remote_v1_OpenOutcome_OPEN_OUTCOME_RESET));
  if (other || lrm_id_none(&h->read_epoch)) h->next = h->given = o->next;
  FUZZ_CHECK(h->is_host || o->next == h->next);
  h->read_epoch = epoch;
  FUZZ_CHECK(lrm_link_ack(h->link, h->reading, h->next, now_ns) == 0);
}

/* ---- reading ---- */

static lrm_slice take_message(lrm_slice *rest) {
  uint64_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    FUZZ_CHECK(rest->bytes > 0 && shift < 28);
    uint8_t byte = rest->data[0];
    rest->data++;
    rest->bytes--;
    length |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  FUZZ_CHECK(length <= rest->bytes);
  lrm_slice message = {rest->data, (size_t)length};
  rest->data += length;
  rest->bytes -= (size_t)length;
  return message;
}

static void check_event(uint64_t number, lrm_slice message) {
  bytes expected = {0};
  put_event(number, &expected);
  FUZZ_CHECK(message.bytes + 1 == expected.count);
  FUZZ_CHECK(memcmp(message.data, expected.data + 1, message.bytes) == 0);
  bytes_free(&expected);
}

/* Commands come in order and once; a relay that was started again numbers them anew, and then what
 * is known already may come again. */
static void check_command(honest *h, lrm_slice message) {
  uint64_t number = honest_command_number(message);
  FUZZ_CHECK(number <= h->commands);
  if (number == h->commands) h->commands++;
}

static void read_block(honest *h, const lrm_link_event *event, uint64_t now_ns) {
  const lrm_frame *f = &event->frame;
  lrm_slice rest = f->payload;
  FUZZ_CHECK(event->channel == h->reading);
  FUZZ_CHECK(f->offset + event->skip_messages == h->given);
  for (uint32_t i = 0; i < f->count; i++) {
    lrm_slice message = take_message(&rest);
    if (i < event->skip_messages) continue;
    if (h->is_host)
      check_command(h, message);
    else
      check_event(f->offset + i, message);
  }
  FUZZ_CHECK(rest.bytes == 0);
  h->given = f->offset + f->count;
  h->held_bytes += f->payload.bytes;
  if (!h->lazy) honest_own(h, now_ns);
}

void honest_own(honest *h, uint64_t now_ns) {
  if (h->reading == 0 || h->given == h->next) return;
  h->next = h->given;
  if (lrm_link_consumed(h->link, h->reading, h->held_bytes, now_ns) == 0) h->held_bytes = 0;
  (void)!lrm_link_ack(h->link, h->reading, h->next, now_ns);
}

static void hear(honest *h, const lrm_link_event *event, uint64_t now_ns) {
  switch (event->type) {
    case LRM_LINK_EVENT_WELCOME:
      h->publishing = open_channel(h, true, now_ns);
      h->reading = open_channel(h, false, now_ns);
      extend(h, now_ns);
      break;
    case LRM_LINK_EVENT_OPENED:
      opened(h, event, now_ns);
      break;
    case LRM_LINK_EVENT_BLOCK:
      read_block(h, event, now_ns);
      break;
    case LRM_LINK_EVENT_ACKED:
      FUZZ_CHECK(event->channel == h->publishing && event->frame.offset <= honest_end(h));
      FUZZ_CHECK(h->is_host || event->frame.offset <= h->receipts);
      if (event->frame.offset > h->acked) h->acked = event->frame.offset;
      break;
    case LRM_LINK_EVENT_RECEIPT:
      FUZZ_CHECK(event->receipt->which_result == remote_v1_Receipt_stored_tag);
      if (event->frame.offset == h->receipts) h->receipts++;
      break;
    case LRM_LINK_EVENT_CLOSED:
      h->code = event->problem->code;
      if (event->channel == h->publishing) h->publishing = 0;
      if (event->channel == h->reading) h->reading = 0;
      break;
    case LRM_LINK_EVENT_REFUSED:
    case LRM_LINK_EVENT_GOAWAY:
      h->code = event->problem->code;
      break;
    case LRM_LINK_EVENT_GOAWAY_SENT:
      FUZZ_CHECK(!"an honest end blames the other");
      break;
    default:
      break;
  }
}

static bool drain(honest *h, uint64_t now_ns) {
  lrm_link_event event;
  bool any = false;
  for (; lrm_link_next_event(h->link, &event); any = true) hear(h, &event, now_ns);
  return any;
}

static bool receive(honest *h, uint64_t now_ns) {
  bool any = false;
  size_t at = 0;
  while (at < h->in->count) {
    size_t consumed = 0, wanted = 0;
    int result =
        lrm_link_recv(h->link, h->in->data + at, h->in->count - at, &consumed, &wanted, now_ns);
    FUZZ_CHECK(result == 0);
    at += consumed;
    any = drain(h, now_ns) || consumed > 0 || any;
    if (consumed == 0) break;
  }
  if (at > 0) memmove(h->in->data, h->in->data + at, h->in->count - at);
  h->in->count -= at;
  return any;
}

/* ---- writing ---- */

void honest_say(honest *h, uint32_t count, uint64_t now_ns) {
  uint64_t end = honest_end(h);
  if (h->blocks == HONEST_BLOCKS_MAX) return;
  if (!h->is_host && end - h->acked >= HONEST_UNACKNOWLEDGED_MAX) return;
  h->starts[++h->blocks] = end + (h->is_host ? count : 1);
  extend(h, now_ns);
}

static bool send_block(honest *h, uint64_t now_ns) {
  lrm_link_want want;
  if (!lrm_link_wanted(h->link, &want)) return false;
  size_t i = 0;
  FUZZ_CHECK(want.channel == h->publishing && want.offset < honest_end(h));
  while (h->starts[i + 1] <= want.offset) i++;
  bytes payload = {0};
  honest_block(h->is_host, h, i, &payload);
  lrm_frame frame = {.offset = h->starts[i],
                     .count = (uint32_t)(h->starts[i + 1] - h->starts[i]),
                     .payload = {payload.data, payload.count}};
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  FUZZ_CHECK(lrm_link_block(h->link, want.channel, &frame, header, &header_bytes, now_ns) == 0);
  bytes_put(h->out, header, header_bytes);
  bytes_put(h->out, payload.data, payload.count);
  bytes_free(&payload);
  return true;
}

static bool send(honest *h, uint64_t now_ns) {
  bool any = false;
  while (h->out->count < LRM_CARRIER_BUFFER_BYTES_MAX) {
    uint8_t out[8192];
    size_t written = 0;
    FUZZ_CHECK(lrm_link_outgoing(h->link, out, sizeof out, &written, now_ns) == 0);
    bytes_put(h->out, out, written);
    if (written == 0 && !send_block(h, now_ns)) return any;
    any = true;
  }
  return any;
}

bool honest_turn(honest *h, uint64_t now_ns) {
  if (h->in == NULL) return false;
  bool any = receive(h, now_ns);
  if (lrm_link_deadline(h->link) <= now_ns) lrm_link_expire(h->link, now_ns);
  any = drain(h, now_ns) || any;
  return send(h, now_ns) || any;
}
