#include "pair_relay.h"

#include <string.h>

enum { SPACE_META = 1, SPACE_IDS = 2, SPACE_OUTBOX = 3, SPACE_RECEIPT = 4 };

static lrm_id new_id(pair_relay *relay) {
  lrm_id id;
  for (size_t i = 0; i < 16; i++) id.bytes[i] = (uint8_t)pair_next(&relay->random);
  return id;
}

static void put(pair_relay *relay, uint32_t space, const void *key, size_t key_bytes,
                const void *value, size_t bytes) {
  MUST(lrm_store_put(relay->store, space, (lrm_slice){key, key_bytes}, (lrm_slice){value, bytes}));
}

static bool get(pair_relay *relay, uint32_t space, const void *key, size_t key_bytes, void *value,
                size_t bytes) {
  lrm_slice found;
  if (lrm_store_get(relay->store, space, (lrm_slice){key, key_bytes}, &found) != 0) return false;
  CHECK(found.bytes == bytes, "a record of the relay");
  memcpy(value, found.data, bytes);
  return true;
}

static void put_number(pair_relay *relay, const char *name, uint64_t value) {
  put(relay, SPACE_META, name, strlen(name), &value, sizeof value);
}

/* ---- life ---- */

static void open_logs(pair_relay *relay) {
  lrm_log_key key = {.account = 1, .session_id = relay->session_id, .kind = 1};
  MUST(lrm_store_log(relay->store, &key, true, &relay->events));
  key.kind = 2;
  MUST(lrm_store_log(relay->store, &key, true, &relay->commands));
}

/* What is not acknowledged is numbered from 0 in a new epoch. */
static void renumber(pair_relay *relay) {
  lrm_log_facts facts = lrm_log_facts_now(relay->commands);
  struct kept {
    uint8_t *data;
    size_t bytes;
  } kept[1024];
  size_t count = 0;
  uint64_t delivered = 0;
  (void)get(relay, SPACE_META, "delivered", 9, &delivered, sizeof delivered);
  for (uint64_t at = delivered > facts.first ? delivered : facts.first; at < facts.end; at++) {
    lrm_block block;
    MUST(lrm_log_read(relay->commands, at, &block));
    CHECK(count < 1024, "commands");
    kept[count].data = malloc(block.payload.bytes);
    memcpy(kept[count].data, block.payload.data, block.payload.bytes);
    kept[count++].bytes = block.payload.bytes;
  }
  lrm_id epoch = new_id(relay);
  MUST(lrm_log_restart(relay->commands, &epoch));
  for (size_t i = 0; i < count; i++) {
    lrm_block block = {.offset = i, .count = 1, .payload = {kept[i].data, kept[i].bytes}};
    MUST(lrm_log_append(relay->commands, &block));
    lrm_envelope envelope;
    size_t head = kept[i].data[0] < 0x80 ? 1 : kept[i].data[1] < 0x80 ? 2 : 3;
    MUST(lrm_envelope_decode(kept[i].data + head, kept[i].bytes - head, &envelope));
    uint8_t stored[24];
    memcpy(stored, epoch.bytes, 16);
    uint64_t offset = i;
    memcpy(stored + 16, &offset, 8);
    put(relay, SPACE_IDS, envelope.command_id.bytes, 16, stored, sizeof stored);
    free(kept[i].data);
  }
  put_number(relay, "delivered", 0);
  relay->delivered = 0;
  MUST(lrm_store_commit(relay->store));
}

static void open_store(pair_relay *relay) {
  lrm_store_memory_config config = {.struct_bytes = sizeof config,
                                    .allocator = lrm_allocator_default()};
  MUST(lrm_store_memory_open(&config, &relay->store));
}

static void begin(pair_relay *relay) {
  open_logs(relay);
  relay->writer_generation = 0;
  (void)get(relay, SPACE_META, "writer", 6, &relay->writer_generation, 8);
  lrm_tail_init(&relay->tail, relay->tail_memory, sizeof relay->tail_memory);
  relay->receipts_count = 0;
  relay->batch = NULL;
  renumber(relay);
}

void pair_relay_start(pair_relay *relay, uint64_t seed) {
  memset(relay, 0, sizeof *relay);
  relay->random.state = seed * 77 + 5;
  relay->session_id.bytes[0] = 0x5e;
  relay->now_ns = 1;
  open_store(relay);
  begin(relay);
}

void pair_relay_crash(pair_relay *relay, bool lose) {
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) pair_relay_detach(relay, i);
  if (lose) {
    lrm_store_close(relay->store);
    open_store(relay);
  } else {
    lrm_store_memory_crash(relay->store);
  }
  begin(relay);
}

void pair_relay_end(pair_relay *relay) {
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) pair_relay_detach(relay, i);
  lrm_store_close(relay->store);
}

void pair_relay_attach(pair_relay *relay, size_t index) {
  pair_connection *connection = &relay->connections[index];
  memset(connection, 0, sizeof *connection);
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_ACCEPTING,
                            .allocator = lrm_allocator_default(),
                            .seed = pair_next(&relay->random)};
  MUST(lrm_link_create(&config, &connection->link));
  MUST(lrm_link_attach(connection->link, relay->now_ns));
}

void pair_relay_detach(pair_relay *relay, size_t index) {
  pair_connection *connection = &relay->connections[index];
  lrm_link_destroy(connection->link);
  memset(connection, 0, sizeof *connection);
}

/* ---- channels ---- */

static pair_channel *channel_of(pair_connection *connection, uint32_t number) {
  for (size_t i = 0; i < 16; i++)
    if (connection->channels[i].number == number) return &connection->channels[i];
  return NULL;
}

static void close_channel(pair_relay *relay, pair_connection *connection, pair_channel *channel,
                          uint32_t code) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  MUST(lrm_link_close(connection->link, channel->number, &problem, 0, relay->now_ns));
  channel->number = 0;
}

typedef bool channel_visit(pair_relay *relay, pair_connection *connection, pair_channel *channel);

static void each_channel(pair_relay *relay, channel_visit *visit) {
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) {
    pair_connection *connection = &relay->connections[i];
    if (connection->link == NULL) continue;
    for (size_t j = 0; j < 16; j++)
      if (connection->channels[j].number != 0) visit(relay, connection, &connection->channels[j]);
  }
}

static bool extend_one(pair_relay *relay, pair_connection *connection, pair_channel *channel) {
  if (channel->publish) return true;
  int result;
  if (channel->log == 2) {
    result = lrm_link_extend(connection->link, channel->number,
                             lrm_log_facts_now(relay->commands).durable, 0, 0, relay->now_ns);
  } else {
    uint64_t end = lrm_log_facts_now(relay->events).end;
    bool tail = relay->tail.offset != LRM_OFFSET_NONE;
    result = lrm_link_extend(connection->link, channel->number, end, tail ? relay->tail.offset : 0,
                             tail ? relay->tail.count : 0, relay->now_ns);
  }
  CHECK(result == 0 || result == LRM_ERR_NOT_FOUND, "extend %d", result);
  return true;
}

static bool ack_one(pair_relay *relay, pair_connection *connection, pair_channel *channel) {
  if (!channel->publish || channel->log != 1) return true;
  int result = lrm_link_ack(connection->link, channel->number,
                            lrm_log_facts_now(relay->events).durable, relay->now_ns);
  CHECK(result == 0 || result == LRM_ERR_NOT_FOUND || result == LRM_ERR_USAGE, "ack %d", result);
  return true;
}

static bool status_one(pair_relay *relay, pair_connection *connection, pair_channel *channel) {
  if (channel->log != 1) return true;
  remote_v1_LogStatus status = remote_v1_LogStatus_init_zero;
  lrm_log_facts events = lrm_log_facts_now(relay->events);
  lrm_log_facts commands = lrm_log_facts_now(relay->commands);
  status.host_attached = relay->connections[0].link != NULL;
  status.events_next = events.end;
  status.commands_epoch.size = 16;
  memcpy(status.commands_epoch.bytes, commands.epoch.bytes, 16);
  status.commands_stored = commands.durable;
  status.commands_delivered = relay->delivered;
  status.ceiling = remote_v1_Ceiling_CEILING_CONTROL;
  int result = lrm_link_send_log_status(connection->link, channel->number, &status, relay->now_ns);
  CHECK(result == 0 || result == LRM_ERR_BUSY || result == LRM_ERR_NOT_FOUND, "status %d", result);
  return true;
}

/* ---- OPEN ---- */

static void settle_now(pair_relay *relay);

static bool close_reader(pair_relay *relay, pair_connection *connection, pair_channel *channel) {
  if (!channel->publish && channel->log == 1)
    close_channel(relay, connection, channel, LRM_CODE_EPOCH);
  return true;
}

static bool close_writer(pair_relay *relay, pair_connection *connection, pair_channel *channel) {
  if ((channel->publish && channel->log == 1) || (!channel->publish && channel->log == 2))
    close_channel(relay, connection, channel, LRM_CODE_FENCED);
  return true;
}

static uint32_t open_events_publish(pair_relay *relay, const remote_v1_Open *open,
                                    remote_v1_Opened *opened) {
  lrm_id epoch;
  memcpy(epoch.bytes, open->epoch.bytes, 16);
  lrm_log_facts facts = lrm_log_facts_now(relay->events);
  lrm_cursor_action action;
  uint32_t code = lrm_cursor_publish_events(&facts, lrm_log_former(relay->events, &epoch), open,
                                            opened, &action);
  if (code != 0) return code;
  if (action == LRM_CURSOR_RESTART) {
    relay->restarts_of_events++;
    each_channel(relay, close_reader);
    MUST(lrm_log_restart(relay->events, &epoch));
    lrm_tail_init(&relay->tail, relay->tail_memory, sizeof relay->tail_memory);
    settle_now(relay);
  } else if (action == LRM_CURSOR_SKIP) {
    MUST(lrm_log_skip(relay->events, open->first_retained));
    lrm_tail_init(&relay->tail, relay->tail_memory, sizeof relay->tail_memory);
    settle_now(relay);
  } else {
    /* The position given out is committed. */
    settle_now(relay);
  }
  return 0;
}

static uint32_t judge_open(pair_relay *relay, pair_connection *connection,
                           const remote_v1_Open *open, remote_v1_Opened *opened) {
  bool publish = open->direction == remote_v1_Direction_DIRECTION_PUBLISH;
  bool host = (publish && open->log == remote_v1_Log_LOG_EVENTS) ||
              (!publish && open->log == remote_v1_Log_LOG_COMMANDS);
  if (host) {
    if (open->writer_generation < relay->writer_generation) return LRM_CODE_FENCED;
    if (open->writer_generation > relay->writer_generation) {
      each_channel(relay, close_writer);
      relay->writer_generation = open->writer_generation;
      put_number(relay, "writer", open->writer_generation);
    }
  }
  lrm_log_facts facts =
      lrm_log_facts_now(open->log == remote_v1_Log_LOG_EVENTS ? relay->events : relay->commands);
  if (open->log == remote_v1_Log_LOG_EVENTS)
    return publish ? open_events_publish(relay, open, opened)
                   : lrm_cursor_subscribe(&facts, open, opened);
  if (!publish) {
    facts.end = facts.durable;
    return lrm_cursor_subscribe(&facts, open, opened);
  }
  uint64_t next = 0;
  bool known = get(relay, SPACE_OUTBOX, connection->link_id.bytes, 16, &next, 8);
  uint32_t code = lrm_cursor_publish_commands(known, next, open, opened);
  if (code == 0 && opened->next != next)
    put(relay, SPACE_OUTBOX, connection->link_id.bytes, 16, &opened->next, 8);
  return code;
}

static void owe_receipt(pair_relay *relay, size_t connection, uint32_t channel, uint64_t offset) {
  if (relay->receipts_count == 512) return; /* repeated at the next OPEN */
  relay->receipts[relay->receipts_count++] =
      (pair_receipt){connection, channel, offset, relay->connections[connection].link, false};
}

static void on_open(pair_relay *relay, size_t index, const lrm_link_event *event) {
  pair_connection *connection = &relay->connections[index];
  const remote_v1_Open *open = event->open;
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  uint32_t code = judge_open(relay, connection, open, &opened);
  if (code != 0) {
    pair_channel gone = {event->channel, false, 0};
    close_channel(relay, connection, &gone, code);
    return;
  }
  pair_channel *channel = channel_of(connection, 0);
  CHECK(channel != NULL, "channels of the relay");
  channel->number = event->channel;
  channel->publish = open->direction == remote_v1_Direction_DIRECTION_PUBLISH;
  channel->log = (uint32_t)open->log;
  opened.ceiling = remote_v1_Ceiling_CEILING_CONTROL;
  MUST(lrm_link_opened(connection->link, event->channel, &opened, 0, relay->now_ns));
  if (channel->publish && channel->log == 2)
    for (uint64_t i = open->first_retained; i < opened.next; i++)
      owe_receipt(relay, index, channel->number, i);
  extend_one(relay, connection, channel);
  status_one(relay, connection, channel);
}

/* ---- blocks ---- */

static void on_event_block(pair_relay *relay, pair_connection *connection,
                           const lrm_link_event *event) {
  const lrm_frame *frame = &event->frame;
  lrm_block block = {.offset = frame->offset,
                     .count = frame->count,
                     .flags = frame->flags,
                     .inflated_bytes = frame->inflated_bytes,
                     .part = frame->part,
                     .parts = frame->parts,
                     .writer_generation = relay->writer_generation,
                     .payload = frame->payload};
  MUST(lrm_log_append(relay->events, &block));
  MUST(lrm_link_consumed(connection->link, event->channel, frame->payload.bytes, relay->now_ns));
  if ((frame->flags & LRM_FLAG_CLEARS_TAIL) != 0)
    lrm_tail_clear(&relay->tail, frame->offset + frame->count);
  each_channel(relay, extend_one);
}

static void on_tail(pair_relay *relay, pair_connection *connection, const lrm_link_event *event) {
  const lrm_frame *frame = &event->frame;
  if (relay->tail.offset == LRM_OFFSET_NONE && frame->count == 0)
    lrm_tail_clear(&relay->tail, frame->offset);
  if (frame->offset == relay->tail.offset && frame->count == relay->tail.count) {
    int result = lrm_tail_push(&relay->tail, frame->payload.data, frame->payload.bytes);
    CHECK(result == 0 || result == LRM_ERR_BUSY, "tail");
    each_channel(relay, extend_one);
  }
  MUST(lrm_link_consumed(connection->link, event->channel, frame->payload.bytes, relay->now_ns));
}

static void store_command(pair_relay *relay, lrm_envelope *envelope) {
  lrm_log_facts facts = lrm_log_facts_now(relay->commands);
  static uint8_t payload[256 * 1024];
  uint8_t stored[24];
  envelope->has_origin = true;
  memcpy(envelope->origin.account, "ada", sizeof "ada");
  memcpy(envelope->origin.device, "phone", sizeof "phone");
  envelope->received_ms = relay->wall_ms;
  size_t bytes = lrm_envelope_bytes(envelope), head = 0, left = bytes;
  do {
    payload[head++] = (uint8_t)(left >= 0x80 ? left | 0x80 : left);
    left >>= 7;
  } while (left != 0);
  MUST(lrm_envelope_encode(envelope, payload + head, sizeof payload - head, &bytes));
  lrm_block block = {.offset = facts.end, .count = 1, .payload = {payload, head + bytes}};
  MUST(lrm_log_append(relay->commands, &block));
  memcpy(stored, facts.epoch.bytes, 16);
  memcpy(stored + 16, &facts.end, 8);
  put(relay, SPACE_IDS, envelope->command_id.bytes, 16, stored, sizeof stored);
}

static void on_command_block(pair_relay *relay, size_t index, const lrm_link_event *event) {
  pair_connection *connection = &relay->connections[index];
  const lrm_frame *frame = &event->frame;
  const uint8_t *data = frame->payload.data;
  size_t head = data[0] < 0x80 ? 1 : data[1] < 0x80 ? 2 : 3;
  lrm_envelope envelope;
  MUST(lrm_envelope_decode(data + head, frame->payload.bytes - head, &envelope));
  uint8_t known[24], record[17], key[24];
  bool seen = get(relay, SPACE_IDS, envelope.command_id.bytes, 16, known, sizeof known);
  record[16] = !seen && relay->refuse_some && pair_once_in(&relay->random, 20);
  memcpy(record, envelope.command_id.bytes, 16);
  if (!seen && record[16] == 0) store_command(relay, &envelope);
  memcpy(key, connection->link_id.bytes, 16);
  memcpy(key + 16, &frame->offset, 8);
  put(relay, SPACE_RECEIPT, key, sizeof key, record, sizeof record);
  uint64_t next = frame->offset + 1;
  put(relay, SPACE_OUTBOX, connection->link_id.bytes, 16, &next, 8);
  owe_receipt(relay, index, event->channel, frame->offset);
  MUST(lrm_link_consumed(connection->link, event->channel, frame->payload.bytes, relay->now_ns));
}

static void on_delivered(pair_relay *relay, uint64_t next) {
  if (next <= relay->delivered) return;
  relay->delivered = next;
  put_number(relay, "delivered", next);
  MUST(lrm_log_trim(relay->commands, next));
  each_channel(relay, status_one);
}

/* ---- events of a link ---- */

typedef struct handling {
  pair_relay *relay;
  size_t index;
} handling;

static void on_hello(pair_relay *relay, pair_connection *connection, const remote_v1_Hello *hello) {
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  memcpy(principal.account, "ada", sizeof "ada");
  memcpy(connection->link_id.bytes, hello->link_id.bytes, 16);
  MUST(lrm_link_accept(connection->link, &principal, relay->wall_ms, "pair", relay->now_ns));
}

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  handling *at = user;
  pair_relay *relay = at->relay;
  pair_connection *connection = &relay->connections[at->index];
  (void)link;
  pair_channel *channel = event->channel == 0 ? NULL : channel_of(connection, event->channel);
  switch (event->type) {
    case LRM_LINK_EVENT_HELLO:
      on_hello(relay, connection, event->hello);
      break;
    case LRM_LINK_EVENT_OPEN:
      on_open(relay, at->index, event);
      break;
    case LRM_LINK_EVENT_CLOSED:
      if (channel != NULL) channel->number = 0;
      break;
    case LRM_LINK_EVENT_BLOCK:
      if (channel == NULL) break;
      if (channel->log == 1)
        on_event_block(relay, connection, event);
      else
        on_command_block(relay, at->index, event);
      break;
    case LRM_LINK_EVENT_TAIL:
      if (channel != NULL) on_tail(relay, connection, event);
      break;
    case LRM_LINK_EVENT_ACKED:
      if (channel != NULL && channel->log == 2) on_delivered(relay, event->frame.offset);
      break;
    default:
      break;
  }
}

static int fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  handling *at = user;
  pair_relay *relay = at->relay;
  (void)link;
  pair_connection *connection = &relay->connections[at->index];
  pair_channel *channel = channel_of(connection, want->channel);
  if (channel == NULL) return LRM_ERR_NOT_FOUND;
  memset(frame, 0, sizeof *frame);
  if (want->kind == LRM_WANT_TAIL) {
    if (want->offset != relay->tail.offset) return LRM_ERR_NOT_FOUND;
    frame->type = LRM_FRAME_TAIL;
    frame->offset = want->offset;
    frame->count = want->index;
    return lrm_tail_get(&relay->tail, want->index, &frame->payload);
  }
  lrm_block block;
  int result =
      lrm_log_read(channel->log == 1 ? relay->events : relay->commands, want->offset, &block);
  if (result == LRM_ERR_TRIMMED) close_channel(relay, connection, channel, LRM_CODE_TRIMMED);
  if (result != 0) return result;
  *frame = (lrm_frame){.type = LRM_FRAME_BLOCK,
                       .offset = block.offset,
                       .count = block.count,
                       .flags = block.flags,
                       .inflated_bytes = block.inflated_bytes,
                       .part = block.part,
                       .parts = block.parts,
                       .payload = block.payload};
  return 0;
}

/* ---- commits ---- */

static void send_receipt(pair_relay *relay, const pair_receipt *owed) {
  pair_connection *connection = &relay->connections[owed->connection];
  pair_channel *channel = channel_of(connection, owed->channel);
  if (connection->link == NULL || connection->link != owed->link || channel == NULL) return;
  uint8_t key[24], record[17], stored[24];
  memcpy(key, connection->link_id.bytes, 16);
  memcpy(key + 16, &owed->offset, 8);
  if (!get(relay, SPACE_RECEIPT, key, sizeof key, record, sizeof record)) return;
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = 16;
  memcpy(receipt.command_id.bytes, record, 16);
  if (record[16] != 0) {
    receipt.which_result = remote_v1_Receipt_problem_tag;
    receipt.result.problem.code = LRM_CODE_COMMAND_POLICY;
    receipt.result.problem.layer = remote_v1_Layer_LAYER_ORGANIZATION;
  } else {
    CHECK(get(relay, SPACE_IDS, record, 16, stored, sizeof stored), "a receipt without a command");
    receipt.which_result = remote_v1_Receipt_stored_tag;
    receipt.result.stored.epoch.size = 16;
    memcpy(receipt.result.stored.epoch.bytes, stored, 16);
    memcpy(&receipt.result.stored.offset, stored + 16, 8);
  }
  int result =
      lrm_link_send_receipt(connection->link, owed->channel, owed->offset, &receipt, relay->now_ns);
  /* BUSY: the carrier is stuck; a real relay waits, here the next OPEN repeats it. */
  CHECK(result == 0 || result == LRM_ERR_BUSY, "receipt %d", result);
  result = lrm_link_ack(connection->link, owed->channel, owed->offset + 1, relay->now_ns);
  CHECK(result == 0 || result == LRM_ERR_USAGE, "ack %d", result);
}

static void after_commit(pair_relay *relay) {
  size_t kept = 0;
  for (size_t i = 0; i < relay->receipts_count; i++) {
    if (relay->receipts[i].frozen)
      send_receipt(relay, &relay->receipts[i]);
    else
      relay->receipts[kept++] = relay->receipts[i];
  }
  relay->receipts_count = kept;
  each_channel(relay, ack_one);
  each_channel(relay, extend_one);
  each_channel(relay, status_one);
}

static void freeze(pair_relay *relay) {
  if (lrm_store_freeze(relay->store, &relay->batch) != 0) relay->batch = NULL;
  for (size_t i = 0; i < relay->receipts_count; i++) relay->receipts[i].frozen = true;
}

static void finish_batch(pair_relay *relay) {
  if (relay->batch != NULL) {
    int result = lrm_batch_write(relay->batch);
    MUST(lrm_store_settle(relay->store, relay->batch, result));
    relay->batch = NULL;
  }
  after_commit(relay);
}

static void settle_now(pair_relay *relay) {
  if (relay->batch != NULL) finish_batch(relay);
  freeze(relay);
  finish_batch(relay);
}

static void commit(pair_relay *relay) {
  if (relay->batch == NULL) {
    if (!lrm_store_dirty(relay->store)) {
      if (relay->receipts_count != 0) settle_now(relay);
      return;
    }
    freeze(relay);
    relay->batch_due_ns = relay->now_ns + pair_below(&relay->random, 8 * MS);
  } else if (relay->now_ns >= relay->batch_due_ns) {
    finish_batch(relay);
  }
}

static void trim(pair_relay *relay) {
  lrm_log_facts facts = lrm_log_facts_now(relay->events);
  if (relay->batch != NULL || facts.snapshot == LRM_OFFSET_NONE || facts.snapshot <= facts.first)
    return;
  MUST(lrm_log_trim(relay->events, facts.snapshot));
}

void pair_relay_turn(pair_relay *relay, pair_wire wires[PAIR_CONNECTIONS], uint64_t wall_ms,
                     uint64_t now_ns) {
  relay->wall_ms = wall_ms;
  relay->now_ns = now_ns;
  commit(relay);
  if (relay->trims && pair_once_in(&relay->random, 200)) trim(relay);
  for (size_t i = 0; i < PAIR_CONNECTIONS; i++) {
    pair_connection *connection = &relay->connections[i];
    if (connection->link == NULL) continue;
    handling at = {relay, i};
    pair_driver driver = {on_event, fetch, &at};
    pair_drive(connection->link, &wires[i].up_here, &wires[i].down, &driver, now_ns);
    lrm_link_state state = lrm_link_state_now(connection->link);
    if (state == LRM_LINK_CLOSING || state == LRM_LINK_DEAD) wires[i].cut = true;
  }
}
