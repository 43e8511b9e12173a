#include "testbed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pb_encode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char token_alice[] = "alice-laptop-token-alice-laptop-token";
const char token_alice_phone[] = "alice-phone-token-alice-phone-token-";
const char token_bob[] = "bob-token-bob-token-bob-token-bob-tok";
const lrm_id device_alice = {"alice-laptop-id"}, device_alice_phone = {"alice-phone--id"},
             device_bob = {"bob-laptop---id"};

static void on_log(void *user, relay_level level, const char *event, const relay_field *fields,
                   size_t count) {
  testbed *bed = user;
  (void)level;
  bed->logged++;
  snprintf(bed->last_log, sizeof bed->last_log, "%s", event);
  for (size_t i = 0; i < count; i++) {
    assert_non_null(fields[i].value);
    assert_null(strstr(fields[i].value, "-token-")); /* part of every token here */
  }
}

lrm_id id_of(const char *text) {
  lrm_id id;
  memset(&id, 0, sizeof id);
  size_t bytes = strlen(text);
  memcpy(id.bytes, text, bytes < sizeof id.bytes ? bytes : sizeof id.bytes);
  return id;
}

/* Different each time, the same in each run. */
static bool entropy(void *user, void *out, size_t bytes) {
  testbed *bed = user;
  uint8_t *at = out;
  for (size_t i = 0; i < bytes; i++) {
    bed->entropy = bed->entropy * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    at[i] = (uint8_t)(bed->entropy >> 56);
  }
  return true;
}

static void open_relay(testbed *bed) {
  char epoch[17];
  snprintf(epoch, sizeof epoch, "commands-%u", ++bed->openings);
  bed->config.commands_epoch = id_of(epoch);
  bed->config.wall_ms = bed->wall_ms;
  assert_int_equal(relay_open(&bed->config, &bed->relay), 0);
}

testbed *testbed_open(void) { return testbed_open_on(lrm_allocator_default()); }

testbed *testbed_open_on(lrm_allocator allocator) {
  testbed *bed = calloc(1, sizeof *bed);
  assert_non_null(bed);
  bed->now_ns = 1000000000;
  bed->wall_ms = UINT64_C(1700000000000);
  bed->commits = true;
  lrm_store_memory_config memory = {.struct_bytes = sizeof memory, .allocator = allocator};
  assert_int_equal(lrm_store_memory_open(&memory, &bed->store), 0);
  bed->config = (relay_config){.struct_bytes = sizeof bed->config,
                               .allocator = allocator,
                               .store = bed->store,
                               .seed = 7,
                               .agent = "relay/test",
                               .log = on_log,
                               .entropy = entropy,
                               .user = bed};
  open_relay(bed);
  assert_int_equal(relay_account_add(bed->relay, "alice", bed->wall_ms), 0);
  assert_int_equal(relay_account_add(bed->relay, "bob", bed->wall_ms), 0);
  assert_int_equal(
      relay_device_add(bed->relay, "alice", "laptop", &device_alice, token_alice, bed->wall_ms), 0);
  assert_int_equal(relay_device_add(bed->relay, "alice", "phone", &device_alice_phone,
                                    token_alice_phone, bed->wall_ms),
                   0);
  assert_int_equal(
      relay_device_add(bed->relay, "bob", "laptop", &device_bob, token_bob, bed->wall_ms), 0);
  testbed_commit(bed);
  return bed;
}

static void free_blocks(peer *p) {
  for (size_t i = 0; i < p->blocks_count; i++) free(p->blocks[i].payload);
  p->blocks_count = 0;
}

static void free_seen(peer *p) {
  for (size_t i = 0; i < p->seen_count; i++) free(p->seen[i].payload);
  p->seen_count = 0;
}

void testbed_free(testbed *bed) {
  for (size_t i = 0; i < bed->peers_count; i++) {
    if (bed->peers[i]->exchanges != NULL) peer_poll_cut(bed->peers[i]);
  }
  relay_close(bed->relay);
  for (size_t i = 0; i < bed->peers_count; i++) {
    peer *p = bed->peers[i];
    lrm_link_destroy(p->link);
    lrm__exchanges_destroy(p->exchanges);
    free_seen(p);
    free_blocks(p);
    free(p->blocks);
    free(p);
  }
  lrm_store_close(bed->store);
  free(bed);
}

lrm_batch *testbed_freeze(testbed *bed) {
  lrm_batch *batch = NULL;
  int result = lrm_store_freeze(bed->store, &batch);
  if (result == LRM_ERR_NOT_FOUND) return NULL;
  if (result == LRM_ERR_NO_MEMORY) return NULL; /* the next turn tries again */
  assert_int_equal(result, 0);
  relay_frozen(bed->relay);
  return batch;
}

void testbed_settle(testbed *bed, lrm_batch *batch) {
  int result = lrm_batch_write(batch), settled;
  while ((settled = lrm_store_settle(bed->store, batch, result)) == LRM_ERR_NO_MEMORY) continue;
  assert_int_equal(settled, 0);
  relay_settled(bed->relay, result, bed->now_ns, bed->wall_ms);
}

void testbed_commit(testbed *bed) {
  lrm_batch *batch = testbed_freeze(bed);
  if (batch != NULL) testbed_settle(bed, batch);
}

/* ---- peers ---- */

static void remember(peer *p, const lrm_link_event *event) {
  assert_true(p->seen_count < SEEN_MAX);
  seen *s = &p->seen[p->seen_count++];
  memset(s, 0, sizeof *s);
  s->type = event->type;
  s->channel = event->channel;
  s->offset = event->frame.offset;
  s->count = event->frame.count;
  s->flags = event->frame.flags;
  if (event->problem != NULL) {
    s->code = event->problem->code;
    s->layer = (uint32_t)event->problem->layer;
    s->stored_generation = event->problem->stored_generation;
    s->retry_after_ms = event->problem->retry_after_ms;
  }
  if (event->opened != NULL) s->opened = *event->opened;
  if (event->log_status != NULL) s->status = *event->log_status;
  if (event->receipt != NULL) {
    s->receipt = *event->receipt;
    if (s->receipt.which_result == remote_v1_Receipt_problem_tag) {
      s->code = s->receipt.result.problem.code;
      s->layer = (uint32_t)s->receipt.result.problem.layer;
    }
  }
  if (event->frame.payload.bytes > 0) {
    s->payload = malloc(event->frame.payload.bytes + 1);
    assert_non_null(s->payload);
    memcpy(s->payload, event->frame.payload.data, event->frame.payload.bytes);
    s->payload[event->frame.payload.bytes] = '\0';
    s->payload_bytes = event->frame.payload.bytes;
  }
}

static bool drain_peer(peer *p) {
  lrm_link_event event;
  bool any = false;
  while (lrm_link_next_event(p->link, &event)) {
    any = true;
    remember(p, &event);
    if (event.type == LRM_LINK_EVENT_BLOCK) {
      uint64_t next = event.frame.offset + event.frame.count;
      if (p->self_acks)
        assert_int_equal(lrm_link_ack(p->link, event.channel, next, p->bed->now_ns), 0);
      assert_int_equal(
          lrm_link_consumed(p->link, event.channel, event.frame.payload.bytes, p->bed->now_ns), 0);
    }
    if (event.type == LRM_LINK_EVENT_TAIL) {
      assert_int_equal(
          lrm_link_consumed(p->link, event.channel, event.frame.payload.bytes, p->bed->now_ns), 0);
    }
  }
  return any;
}

static bool drain_relay(peer *p) {
  lrm_link_event event;
  bool any = false;
  while (lrm_link_next_event(relay_connection_link(p->connection), &event)) {
    any = true;
    relay_event(p->connection, &event, p->bed->now_ns, p->bed->wall_ms);
  }
  return any;
}

static bool put(uint8_t *buffer, size_t *used, size_t capacity, const uint8_t *data, size_t bytes) {
  if (*used + bytes > capacity) return false;
  if (bytes > 0) memcpy(buffer + *used, data, bytes);
  *used += bytes;
  return true;
}

static int fetch_of_peer(peer *p, const lrm_link_want *want, lrm_frame *frame) {
  for (size_t i = 0; i < p->blocks_count; i++) {
    const peer_block *b = &p->blocks[i];
    if (b->channel != want->channel || want->offset < b->offset ||
        want->offset >= b->offset + b->count) {
      continue;
    }
    frame->offset = b->offset;
    frame->count = b->count;
    frame->flags = b->flags;
    frame->part = b->part;
    frame->parts = b->parts;
    frame->payload = (lrm_slice){b->payload, b->bytes};
    return 0;
  }
  return LRM_ERR_NOT_FOUND;
}

/* One step of sending of either side into a buffer. */
static bool send_side(peer *p, bool relay_side) {
  lrm_link *link = relay_side ? relay_connection_link(p->connection) : p->link;
  uint8_t *buffer = relay_side ? p->to_peer : p->to_relay;
  size_t *used = relay_side ? &p->to_peer_bytes : &p->to_relay_bytes;
  size_t capacity = relay_side ? sizeof p->to_peer : sizeof p->to_relay;
  if (p->deaf && relay_side) capacity = 200000; /* a carrier and its socket take no more */
  bool any = false;
  while (*used + 300000 < sizeof p->to_peer && *used < capacity) {
    if (lrm_link_has_outgoing(link)) {
      uint8_t out[8192];
      size_t written = 0;
      assert_int_equal(lrm_link_outgoing(link, out, sizeof out, &written, p->bed->now_ns), 0);
      assert_true(put(buffer, used, sizeof p->to_peer, out, written));
      if (relay_side && !lrm_link_has_outgoing(link)) {
        relay_drained(p->connection, p->bed->now_ns, p->bed->wall_ms);
      }
      if (written > 0) {
        any = true;
        continue;
      }
    }
    lrm_link_want want;
    lrm_frame frame;
    memset(&frame, 0, sizeof frame);
    if (!lrm_link_wanted(link, &want)) break;
    int result = relay_side ? relay_fetch(p->connection, &want, &frame, p->bed->now_ns)
                            : fetch_of_peer(p, &want, &frame);
    if (result != 0) break;
    uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
    size_t header_bytes = 0;
    assert_int_equal(
        lrm_link_block(link, want.channel, &frame, header, &header_bytes, p->bed->now_ns), 0);
    assert_true(put(buffer, used, sizeof p->to_peer, header, header_bytes));
    assert_true(put(buffer, used, sizeof p->to_peer, frame.payload.data, frame.payload.bytes));
    any = true;
  }
  return any;
}

static bool receive_side(peer *p, bool relay_side) {
  uint8_t *buffer = relay_side ? p->to_relay : p->to_peer;
  size_t *used = relay_side ? &p->to_relay_bytes : &p->to_peer_bytes;
  lrm_link *link = relay_side ? relay_connection_link(p->connection) : p->link;
  size_t at = 0;
  bool any = false;
  while (at < *used) {
    size_t consumed = 0, wanted = 0;
    int result = lrm_link_recv(link, buffer + at, *used - at, &consumed, &wanted, p->bed->now_ns);
    at += consumed;
    any = any || consumed > 0;
    if (relay_side) {
      any = drain_relay(p) || any;
    } else {
      any = drain_peer(p) || any;
    }
    if (result != 0) at = *used;
    if (consumed == 0) break;
  }
  memmove(buffer, buffer + at, *used - at);
  *used -= at;
  return any;
}

/* A goodbye was said and is out: the carrier goes. */
static bool close_when_over(peer *p) {
  lrm_link *link = relay_connection_link(p->connection);
  bool relay_over = lrm_link_state_now(link) == LRM_LINK_CLOSING && !lrm_link_has_outgoing(link);
  bool peer_over =
      lrm_link_state_now(p->link) == LRM_LINK_CLOSING && !lrm_link_has_outgoing(p->link);
  if (!relay_over && !peer_over) return false;
  if (p->to_peer_bytes > 0 && !p->deaf) return false;
  peer_cut(p);
  return true;
}

/* ---- long-poll ---- */

void peer_poll_cut(peer *p) {
  for (size_t i = 0; i < 2; i++) {
    if (p->posts[i].number != 0 && p->posts[i].poll != NULL)
      relay_poll_end(p->posts[i].poll, false, p->bed->now_ns, p->bed->wall_ms);
    p->posts[i] = (peer_post){0};
  }
  lrm__exchanges_destroy(p->exchanges);
  p->exchanges = NULL;
  drain_peer(p);
  lrm_link_detach(p->link, p->bed->now_ns);
}

static bool poll_says(peer *p) {
  bool any = false;
  size_t before = p->to_relay_bytes;
  p->to_relay_bytes = 0;
  (void)before;
  if (send_side(p, false)) {
    lrm_slice part = {p->to_relay, p->to_relay_bytes};
    assert_int_equal(lrm__exchanges_write(p->exchanges, &part, 1), 0);
    any = true;
  }
  p->to_relay_bytes = 0;
  return any;
}

static bool poll_posts(peer *p) {
  uint64_t number;
  lrm_slice body;
  if (p->holds || !lrm__exchanges_next(p->exchanges, p->bed->now_ns, &number, &body)) return false;
  peer_post *post = p->posts[0].number == 0 ? &p->posts[0] : &p->posts[1];
  assert_int_equal(post->number, 0);
  post->number = number;
  p->posted++;
  assert_int_equal(relay_poll_begin(p->bed->relay, p, "test", body.data, body.bytes, p->bed->now_ns,
                                    &post->poll),
                   0);
  return true;
}

static bool poll_hears(peer *p) {
  bool any = false;
  lrm_slice bytes = lrm__exchanges_readable(p->exchanges);
  while (bytes.bytes > 0) {
    size_t consumed = 0, wanted = 0;
    assert_int_equal(
        lrm_link_recv(p->link, bytes.data, bytes.bytes, &consumed, &wanted, p->bed->now_ns), 0);
    any = drain_peer(p) || any;
    if (consumed == 0) break;
    lrm__exchanges_consumed(p->exchanges, consumed);
    bytes = lrm__exchanges_readable(p->exchanges);
  }
  return any;
}

static bool poll_answers(peer *p) {
  bool any = false;
  for (size_t i = 0; i < 2; i++) {
    peer_post *post = &p->posts[i];
    if (post->number == 0) continue;
    relay_poll_turn(post->poll, p->bed->now_ns, p->bed->wall_ms);
    if (!relay_poll_done(post->poll, p->bed->now_ns)) continue;
    lrm_slice answer = relay_poll_answer(post->poll);
    p->answered++;
    if (answer.bytes == 0) p->answered_empty++;
    int result = lrm__exchanges_answer(p->exchanges, post->number, answer.data, answer.bytes,
                                       p->bed->now_ns);
    relay_poll_end(post->poll, true, p->bed->now_ns, p->bed->wall_ms);
    *post = (peer_post){0};
    any = true;
    if (result == 0) continue;
    peer_poll_cut(p);
    return true;
  }
  return any;
}

static bool poll_step(peer *p) {
  bool any = poll_says(p);
  any = poll_posts(p) || any;
  any = poll_answers(p) || any;
  if (p->exchanges == NULL) return true;
  any = poll_hears(p) || any;
  bool over = lrm_link_state_now(p->link) == LRM_LINK_CLOSING && !lrm_link_has_outgoing(p->link);
  if (over && (lrm__exchanges_over(p->exchanges) || p->posts[0].number + p->posts[1].number == 0))
    peer_poll_cut(p);
  return any;
}

void testbed_run(testbed *bed) {
  bool moved = true;
  for (unsigned rounds = 0; moved; rounds++) {
    assert_true(rounds < 100000);
    moved = false;
    for (size_t i = 0; i < bed->peers_count; i++) {
      peer *p = bed->peers[i];
      if (p->exchanges != NULL) moved = poll_step(p) || moved;
      if (p->connection == NULL) continue;
      moved = drain_relay(p) || moved;
      moved = send_side(p, false) || moved;
      moved = receive_side(p, true) || moved;
      moved = send_side(p, true) || moved;
      if (!p->deaf) moved = receive_side(p, false) || moved;
      if (p->connection != NULL) moved = close_when_over(p) || moved;
    }
    moved = relay_turn(bed->relay, bed->now_ns, bed->wall_ms) || moved;
    if (bed->commits && !relay_broken(bed->relay) && lrm_store_dirty(bed->store)) {
      int before = relay_store_fault(bed->relay);
      testbed_commit(bed);
      moved = moved || relay_store_fault(bed->relay) == 0 || before == 0;
    }
  }
}

void testbed_pass(testbed *bed, uint64_t ms) {
  bed->now_ns += ms * 1000000;
  bed->wall_ms += ms;
  for (size_t i = 0; i < bed->peers_count; i++) {
    peer *p = bed->peers[i];
    if (p->exchanges != NULL) lrm_link_expire(p->link, bed->now_ns);
    if (p->connection == NULL) continue;
    lrm_link_expire(p->link, bed->now_ns);
    lrm_link_expire(relay_connection_link(p->connection), bed->now_ns);
  }
  relay_second(bed->relay, bed->now_ns, bed->wall_ms);
  testbed_run(bed);
}

void testbed_restart(testbed *bed, bool crash) {
  for (size_t i = 0; i < bed->peers_count; i++) {
    if (bed->peers[i]->connection != NULL) peer_cut(bed->peers[i]);
    if (bed->peers[i]->exchanges != NULL) peer_poll_cut(bed->peers[i]);
  }
  relay_close(bed->relay);
  if (crash) {
    lrm_store_memory_crash(bed->store);
  } else {
    assert_int_equal(lrm_store_commit(bed->store), 0);
  }
  open_relay(bed);
}

static void attach(peer *p) {
  testbed *bed = p->bed;
  p->to_relay_bytes = p->to_peer_bytes = 0;
  if (p->polls) {
    assert_int_equal(lrm__exchanges_create(&p->exchanges), 0);
    assert_int_equal(lrm_link_attach(p->link, bed->now_ns), 0);
    return;
  }
  int result = relay_connect(bed->relay, p, bed->from != NULL ? bed->from : "test", bed->now_ns,
                             &p->connection);
  if (result == LRM_ERR_NO_MEMORY || (result == LRM_ERR_BUSY && bed->from != NULL)) {
    p->connection = NULL;
    return;
  }
  assert_int_equal(result, 0);
  assert_int_equal(lrm_link_attach(relay_connection_link(p->connection), bed->now_ns), 0);
  assert_int_equal(lrm_link_attach(p->link, bed->now_ns), 0);
}

static peer *connect_over(testbed *bed, bool polls, const char *token, const char *link,
                          uint64_t generation, bool host) {
  assert_true(bed->peers_count < PEERS_MAX);
  peer *p = calloc(1, sizeof *p);
  assert_non_null(p);
  bed->peers[bed->peers_count++] = p;
  p->bed = bed;
  p->polls = polls;
  p->blocks = calloc(BLOCKS_MAX, sizeof *p->blocks);
  assert_non_null(p->blocks);
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = 3 + bed->peers_count,
                            .grease = true,
                            .link_id = id_of(link),
                            .role = host ? remote_v1_Role_ROLE_HOST : remote_v1_Role_ROLE_CLIENT,
                            .token = token,
                            .agent = "test/1",
                            .generation = generation - 1};
  assert_int_equal(lrm_link_create(&config, &p->link), 0);
  attach(p);
  testbed_run(bed);
  return p;
}

peer *peer_connect(testbed *bed, const char *token, const char *link, uint64_t generation,
                   bool host) {
  return connect_over(bed, false, token, link, generation, host);
}

peer *peer_poll(testbed *bed, const char *token, const char *link, uint64_t generation, bool host) {
  return connect_over(bed, true, token, link, generation, host);
}

void peer_reconnect(peer *p) {
  peer_forget(p);
  free_blocks(p);
  attach(p);
  testbed_run(p->bed);
}

void peer_cut(peer *p) {
  relay_disconnect(p->connection, p->bed->now_ns, p->bed->wall_ms);
  p->connection = NULL;
  drain_peer(p);
  lrm_link_detach(p->link, p->bed->now_ns);
}

uint32_t peer_open(peer *p, const remote_v1_Open *open) {
  uint32_t channel = 0;
  assert_int_equal(lrm_link_open(p->link, open, 0, &channel, p->bed->now_ns), 0);
  testbed_run(p->bed);
  return channel;
}

static remote_v1_Open open_of(const char *session, remote_v1_Log log,
                              remote_v1_Direction direction) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  lrm_id id = id_of(session);
  open.session_id.size = 16;
  memcpy(open.session_id.bytes, id.bytes, 16);
  open.log = log;
  open.direction = direction;
  return open;
}

static void set_epoch(remote_v1_Open *open, const char *epoch) {
  if (epoch == NULL) return;
  lrm_id id = id_of(epoch);
  open->epoch.size = 16;
  memcpy(open->epoch.bytes, id.bytes, 16);
}

uint32_t open_publish(peer *p, const char *session, const char *epoch, uint64_t next,
                      uint64_t writer_generation) {
  remote_v1_Open open =
      open_of(session, remote_v1_Log_LOG_EVENTS, remote_v1_Direction_DIRECTION_PUBLISH);
  set_epoch(&open, epoch);
  open.next = next;
  open.writer_generation = writer_generation;
  open.has_description = true;
  snprintf(open.description.title, sizeof open.description.title, "title of %s", session);
  return peer_open(p, &open);
}

uint32_t open_commands(peer *p, const char *session, const char *epoch, uint64_t next,
                       uint64_t writer_generation) {
  remote_v1_Open open =
      open_of(session, remote_v1_Log_LOG_COMMANDS, remote_v1_Direction_DIRECTION_SUBSCRIBE);
  set_epoch(&open, epoch);
  open.next = next;
  open.writer_generation = writer_generation;
  return peer_open(p, &open);
}

uint32_t open_read(peer *p, const char *session) {
  remote_v1_Open open =
      open_of(session, remote_v1_Log_LOG_EVENTS, remote_v1_Direction_DIRECTION_SUBSCRIBE);
  open.start = remote_v1_Start_START_BEGINNING;
  return peer_open(p, &open);
}

uint32_t open_read_at(peer *p, const char *session, const char *epoch, uint64_t next) {
  remote_v1_Open open =
      open_of(session, remote_v1_Log_LOG_EVENTS, remote_v1_Direction_DIRECTION_SUBSCRIBE);
  open.start = remote_v1_Start_START_RESUME;
  set_epoch(&open, epoch);
  open.next = next;
  return peer_open(p, &open);
}

uint32_t open_outbox(peer *p, const char *session, const char *link, uint64_t first_retained,
                     uint64_t next) {
  remote_v1_Open open =
      open_of(session, remote_v1_Log_LOG_COMMANDS, remote_v1_Direction_DIRECTION_PUBLISH);
  set_epoch(&open, link);
  open.first_retained = first_retained;
  open.next = next;
  return peer_open(p, &open);
}

static void add_block(peer *p, peer_block block, const void *data) {
  assert_true(p->blocks_count < BLOCKS_MAX);
  block.payload = malloc(block.bytes);
  assert_non_null(block.payload);
  if (data != NULL) {
    memcpy(block.payload, data, block.bytes);
  } else {
    memset(block.payload, 'x', block.bytes);
  }
  p->blocks[p->blocks_count++] = block;
  if (lrm_link_extend(p->link, block.channel, block.offset + block.count, 0, 0, p->bed->now_ns) !=
      0) {
    return; /* the channel is closed: the test sees that */
  }
}

void peer_publish(peer *p, uint32_t channel, uint64_t offset, uint32_t count, uint32_t flags,
                  const char *text) {
  peer_block block = {
      .channel = channel, .offset = offset, .count = count, .flags = flags, .bytes = strlen(text)};
  if ((flags & LRM_FLAG_SNAPSHOT) != 0) block.part = block.parts = 1;
  add_block(p, block, text);
}

void peer_publish_bytes(peer *p, uint32_t channel, uint64_t offset, uint32_t flags, size_t bytes) {
  peer_block block = {
      .channel = channel, .offset = offset, .count = 1, .flags = flags, .bytes = bytes};
  if ((flags & LRM_FLAG_SNAPSHOT) != 0) block.part = block.parts = 1;
  add_block(p, block, NULL);
}

void peer_publish_data(peer *p, uint32_t channel, uint64_t offset, lrm_slice payload) {
  peer_block block = {.channel = channel, .offset = offset, .count = 1, .bytes = payload.bytes};
  add_block(p, block, payload.data);
}

void peer_command(peer *p, uint32_t channel, uint64_t offset, const char *command_id,
                  uint32_t command_class, const char *event_epoch) {
  lrm_envelope envelope = {.command_id = id_of(command_id),
                           .command_class = command_class,
                           .command = {(const uint8_t *)command_id, strlen(command_id)},
                           .has_origin = true,
                           .received_ms = 12345};
  if (event_epoch != NULL) envelope.event_epoch = id_of(event_epoch);
  snprintf(envelope.origin.account, sizeof envelope.origin.account, "forged");
  uint8_t data[600];
  size_t written = 0;
  assert_int_equal(lrm_envelope_encode(&envelope, data + 2, sizeof data - 2, &written), 0);
  size_t header = written > 127 ? 2 : 1;
  uint8_t *at = data + 2 - header;
  if (header == 2) {
    at[0] = (uint8_t)(written | 0x80);
    at[1] = (uint8_t)(written >> 7);
  } else {
    at[0] = (uint8_t)written;
  }
  peer_block block = {.channel = channel, .offset = offset, .count = 1, .bytes = written + header};
  add_block(p, block, at);
}

void peer_request(peer *p, const remote_v1_Request *request) {
  uint8_t data[1024];
  pb_ostream_t stream = pb_ostream_from_buffer(data, sizeof data);
  assert_true(pb_encode(&stream, remote_v1_Request_fields, request));
  assert_int_equal(
      lrm_link_send_request(p->link, data, stream.bytes_written, request->id, p->bed->now_ns), 0);
  testbed_run(p->bed);
}

size_t peer_count(const peer *p, lrm_link_event_type type, uint32_t channel) {
  size_t count = 0;
  for (size_t i = 0; i < p->seen_count; i++) {
    if (p->seen[i].type == type && (channel == 0 || p->seen[i].channel == channel)) count++;
  }
  return count;
}

const seen *peer_seen(const peer *p, lrm_link_event_type type, uint32_t channel, int n) {
  const seen *found = NULL;
  for (size_t i = 0; i < p->seen_count; i++) {
    if (p->seen[i].type != type || (channel != 0 && p->seen[i].channel != channel)) continue;
    found = &p->seen[i];
    if (n >= 0 && n-- == 0) return found;
  }
  return n < 0 ? found : NULL;
}

void peer_forget(peer *p) { free_seen(p); }

void assert_closed(const peer *p, uint32_t channel, uint32_t code) {
  const seen *closed = CLOSED(p, channel);
  assert_non_null(closed);
  assert_int_equal(closed->code, code);
}

void assert_open(const peer *p, uint32_t channel) {
  assert_null(CLOSED(p, channel));
  assert_non_null(OPENED(p, channel));
}
