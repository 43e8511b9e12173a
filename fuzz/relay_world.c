#include "relay_world.h"

#include "target.h"

const char world_token_bob[] = "bob-token-bob-token-bob-token-bob-tok";
const char world_token_phone[] = "alice-phone-token-alice-phone-token-";
const char world_token_alice[] = "alice-laptop-token-alice-laptop-token";
static const lrm_id device_alice = {"alice-laptop-id"}, device_phone = {"alice-phone--id"},
                    device_bob = {"bob-laptop---id"};

/* ---- store ---- */

static void open_relay(relay_world *w) {
  char epoch[17];
  snprintf(epoch, sizeof epoch, "commands-%u", ++w->openings);
  relay_config config = {.struct_bytes = sizeof config,
                         .allocator = failing_allocator(&w->memory),
                         .store = w->store,
                         .commands_epoch = honest_id(epoch),
                         .seed = 7,
                         .wall_ms = w->wall_ms,
                         .agent = "relay/fuzz",
                         .sessions_per_account_max = 8};
  FUZZ_CHECK(relay_open(&config, &w->relay) == 0);
}

void world_freeze(relay_world *w) {
  if (relay_broken(w->relay)) {
    world_crash(w);
    return;
  }
  if (w->out != NULL || lrm_store_freeze(w->store, &w->out) != 0) return;
  relay_frozen(w->relay);
}

void world_settle(relay_world *w) {
  if (w->out == NULL) return;
  int result = lrm_batch_write(w->out);
  lrm_batch *batch = w->out;
  w->out = NULL;
  FUZZ_CHECK(lrm_store_settle(w->store, batch, result) == 0);
  relay_settled(w->relay, result, w->now_ns, w->wall_ms);
}

void world_commit(relay_world *w) {
  world_settle(w);
  world_freeze(w);
  world_settle(w);
}

/* ---- carriers ---- */

int world_connect(relay_world *w, int carrier) {
  world_carrier *c = &w->carriers[carrier];
  if (c->connection != NULL) return 0;
  c->to_relay.count = c->to_peer.count = 0;
  int result = relay_connect(w->relay, c, "fuzz", w->now_ns, &c->connection);
  if (result != 0) {
    c->connection = NULL;
    return result;
  }
  FUZZ_CHECK(lrm_link_attach(relay_connection_link(c->connection), w->now_ns) == 0);
  if (c->who != NULL) honest_attach(c->who, &c->to_peer, &c->to_relay, w->now_ns);
  return 0;
}

void world_cut(relay_world *w, int carrier, uint64_t more) {
  world_carrier *c = &w->carriers[carrier];
  if (c->connection == NULL) return;
  relay_disconnect(c->connection, w->now_ns, w->wall_ms);
  c->connection = NULL;
  if (c->who != NULL) honest_down(c->who, more, w->now_ns);
}

static bool drain_relay(relay_world *w, world_carrier *c) {
  lrm_link_event event;
  bool any = false;
  for (; lrm_link_next_event(relay_connection_link(c->connection), &event); any = true)
    relay_event(c->connection, &event, w->now_ns, w->wall_ms);
  return any;
}

static bool receive_relay(relay_world *w, world_carrier *c) {
  lrm_link *link = relay_connection_link(c->connection);
  bool any = drain_relay(w, c);
  size_t at = 0;
  while (at < c->to_relay.count) {
    size_t consumed = 0, wanted = 0, left = c->to_relay.count - at;
    uint8_t *copy = malloc(left); /* exactly what has arrived */
    memcpy(copy, c->to_relay.data + at, left);
    int result = lrm_link_recv(link, copy, left, &consumed, &wanted, w->now_ns);
    FUZZ_CHECK(result == 0 || result == LRM_ERR_NO_MEMORY || c->who == NULL);
    any = drain_relay(w, c) || consumed > 0 || any;
    free(copy);
    at = result == 0 ? at + consumed : c->to_relay.count;
    if (consumed == 0) break;
  }
  if (at > 0) memmove(c->to_relay.data, c->to_relay.data + at, c->to_relay.count - at);
  c->to_relay.count -= at;
  return any;
}

static bool send_block(relay_world *w, world_carrier *c) {
  lrm_link *link = relay_connection_link(c->connection);
  lrm_link_want want;
  lrm_frame frame;
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  memset(&frame, 0, sizeof frame);
  if (!lrm_link_wanted(link, &want)) return false;
  if (relay_fetch(c->connection, &want, &frame, w->now_ns) != 0) return false;
  if (lrm_link_block(link, want.channel, &frame, header, &header_bytes, w->now_ns) != 0)
    return false;
  bytes_put(&c->to_peer, header, header_bytes);
  bytes_put(&c->to_peer, frame.payload.data, frame.payload.bytes);
  return true;
}

static bool send_relay(relay_world *w, world_carrier *c) {
  lrm_link *link = relay_connection_link(c->connection);
  bool any = false;
  while (c->to_peer.count < LRM_CARRIER_BUFFER_BYTES_MAX) {
    uint8_t out[8192];
    size_t written = 0;
    FUZZ_CHECK(lrm_link_outgoing(link, out, sizeof out, &written, w->now_ns) == 0);
    bytes_put(&c->to_peer, out, written);
    if (written > 0 && !lrm_link_has_outgoing(link))
      relay_drained(c->connection, w->now_ns, w->wall_ms);
    if (written == 0 && !send_block(w, c)) return any;
    any = true;
  }
  return any;
}

/* What the stranger is sent holds nothing of the others'. */
static void overhear(relay_world *w, world_carrier *c) {
  for (size_t i = 0; i + 6 <= c->to_peer.count && !w->told_secret; i++)
    w->told_secret = memcmp(c->to_peer.data + i, "secret", 6) == 0;
  w->heard += c->to_peer.count;
  c->to_peer.count = 0;
}

/* A goodbye was said and is out: the carrier goes. */
static bool close_when_over(relay_world *w, int carrier) {
  world_carrier *c = &w->carriers[carrier];
  lrm_link *link = relay_connection_link(c->connection);
  if (lrm_link_state_now(link) != LRM_LINK_CLOSING || lrm_link_has_outgoing(link)) return false;
  world_cut(w, carrier, 0);
  return true;
}

static bool turn(relay_world *w, int carrier) {
  world_carrier *c = &w->carriers[carrier];
  if (c->connection == NULL) return false;
  lrm_link *link = relay_connection_link(c->connection);
  if (lrm_link_deadline(link) <= w->now_ns) lrm_link_expire(link, w->now_ns);
  bool any = receive_relay(w, c);
  any = send_relay(w, c) || any;
  if (c->who != NULL)
    any = honest_turn(c->who, w->now_ns) || any;
  else if (!w->deaf)
    overhear(w, c);
  return close_when_over(w, carrier) || any;
}

void world_run(relay_world *w) {
  bool moved = true;
  for (unsigned rounds = 0; moved; rounds++) {
    FUZZ_CHECK(rounds < 10000);
    moved = false;
    for (int i = 0; i < WORLD_CARRIERS; i++) moved = turn(w, i) || moved;
    moved = relay_turn(w->relay, w->now_ns, w->wall_ms) || moved;
  }
}

void world_pass(relay_world *w, uint64_t ms) {
  w->now_ns += ms * 1000000;
  w->wall_ms += ms;
  world_run(w);
}

void world_crash(relay_world *w) {
  failing_plan(&w->memory, 0, 0);
  for (int i = 0; i < WORLD_CARRIERS; i++) world_cut(w, i, 0);
  relay_close(w->relay);
  lrm_store_memory_crash(w->store);
  w->out = NULL;
  open_relay(w);
}

/* ---- life ---- */

static void add_devices(relay_world *w) {
  relay *r = w->relay;
  FUZZ_CHECK(relay_account_add(r, "alice", w->wall_ms) == 0);
  FUZZ_CHECK(relay_account_add(r, "bob", w->wall_ms) == 0);
  FUZZ_CHECK(relay_device_add(r, "alice", "laptop", &device_alice, world_token_alice, w->wall_ms) ==
             0);
  FUZZ_CHECK(relay_device_add(r, "alice", "phone", &device_phone, world_token_phone, w->wall_ms) ==
             0);
  FUZZ_CHECK(relay_device_add(r, "bob", "laptop", &device_bob, world_token_bob, w->wall_ms) == 0);
}

void world_begin(relay_world *w, uint32_t window_bytes) {
  memset(w, 0, sizeof *w);
  w->now_ns = 1000000000;
  w->wall_ms = UINT64_C(1700000000000);
  lrm_store_memory_config memory = {.struct_bytes = sizeof memory,
                                    .allocator = lrm_allocator_default()};
  FUZZ_CHECK(lrm_store_memory_open(&memory, &w->store) == 0);
  open_relay(w);
  add_devices(w);
  honest_config host = {.is_host = true,
                        .allocator = lrm_allocator_default(),
                        .token = world_token_alice,
                        .session = "session",
                        .link = "link of host",
                        .window_bytes = window_bytes};
  honest_config client = host;
  client.is_host = false;
  client.link = "link of client";
  FUZZ_CHECK(honest_begin(&w->host, &host) == 0 && honest_begin(&w->client, &client) == 0);
  w->carriers[WORLD_HOST].who = &w->host;
  w->carriers[WORLD_CLIENT].who = &w->client;
  world_commit(w);
  FUZZ_CHECK(world_connect(w, WORLD_HOST) == 0);
  world_run(w);
  world_commit(w);
  FUZZ_CHECK(world_connect(w, WORLD_CLIENT) == 0);
  world_run(w);
  world_commit(w);
  world_run(w);
}

void world_end(relay_world *w) {
  for (int i = 0; i < WORLD_CARRIERS; i++) {
    world_cut(w, i, 0);
    bytes_free(&w->carriers[i].to_relay);
    bytes_free(&w->carriers[i].to_peer);
  }
  world_settle(w);
  relay_close(w->relay);
  honest_end_of_life(&w->host);
  honest_end_of_life(&w->client);
  lrm_store_close(w->store);
  FUZZ_CHECK(w->memory.blocks == 0);
}

static bool all_arrived(const relay_world *w) {
  const honest *h = &w->host, *c = &w->client;
  return c->next == honest_end(h) && h->acked == honest_end(h) && h->commands == honest_end(c) &&
         c->acked == honest_end(c) && c->receipts == honest_end(c);
}

void world_converge(relay_world *w) {
  failing_plan(&w->memory, 0, 0);
  lrm_store_memory_fail(w->store, 0, 0);
  w->host.lazy = w->client.lazy = false;
  for (int seconds = 0; seconds < 60 && !all_arrived(w); seconds++) {
    for (int i = WORLD_HOST; i <= WORLD_CLIENT; i++) {
      if (w->carriers[i].who->code != 0) world_cut(w, i, 0); /* it was sent away */
      w->carriers[i].who->code = 0;
    }
    FUZZ_CHECK(world_connect(w, WORLD_HOST) == 0 && world_connect(w, WORLD_CLIENT) == 0);
    for (int i = 0; i < 3; i++) {
      world_run(w);
      honest_own(&w->host, w->now_ns);
      honest_own(&w->client, w->now_ns);
      world_commit(w);
    }
    world_pass(w, 1000);
  }
  FUZZ_CHECK(all_arrived(w));
}
