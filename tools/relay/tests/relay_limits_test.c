/* What the relay takes from one account, one address, one connection, and what it says when that is
 * too much: virtual time, the core alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pb_decode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slow.h"
#include "testbed.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);

/* ---- addresses ---- */

static void an_address_is_what_one_person_has(void **state) {
  (void)state;
  static const struct {
    const char *peer, *address;
  } rows[] = {{"192.0.2.1:4711", "192.0.2.1"},
              {"192.0.2.1", "192.0.2.1"},
              {"[2001:db8:0:1:aaaa::1]:99", "2001:db8:0:1::/64"},
              {"2001:db8:0:1:bbbb::2", "2001:db8:0:1::/64"},
              {"[fe80::1%eth0]:80", "fe80::/64"},
              {"[::ffff:192.0.2.7]:80", "192.0.2.7"},
              {"[::ffff:127.0.0.1]:80", "loopback"},
              {"127.3.2.1:80", "loopback"},
              {"[::1]:80", "loopback"},
              {"unix:pid=1,uid=0", "unix"},
              {"", ""},
              {"a pipe", "a pipe"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char address[RELAY_ADDRESS_BYTES];
    relay_address_of(rows[i].peer, address);
    assert_string_equal(address, rows[i].address);
  }
}

/* ---- guessing ---- */

static void failures_cost_ever_longer_waits_up_to_a_bound(void **state) {
  (void)state;
  relay_slow *slow = calloc(1, sizeof *slow);
  relay_slow_init(slow, 7);
  uint64_t now_ns = SECOND_NS, longest = 0;
  const char *from = "192.0.2.1:1";
  for (unsigned i = 0; i < 8; i++)
    assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
  for (unsigned i = 0; i < 12; i++) {
    uint64_t wait_ms = relay_slow_failed(slow, RELAY_SLOW_ADDRESS, "192.0.2.1:2", now_ns);
    uint64_t expected = 1000u << (i < 5 ? i : 5);
    assert_int_equal(wait_ms, expected > 30000 ? 30000 : expected);
    assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, from, now_ns), wait_ms);
    /* What is tried meanwhile does not lengthen it; other addresses wait for nothing. */
    assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns + 1), wait_ms);
    assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, "192.0.2.2:1", now_ns), 0);
    now_ns += wait_ms * 1000000;
    assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
    longest = wait_ms > longest ? wait_ms : longest;
  }
  assert_int_equal(longest, 30000);
  /* A quarter of an hour later it is nobody. */
  now_ns += 900 * SECOND_NS;
  assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
  free(slow);
}

static void a_code_waits_longer_and_can_be_forgotten(void **state) {
  (void)state;
  relay_slow *slow = calloc(1, sizeof *slow);
  relay_slow_init(slow, 7);
  uint64_t now_ns = SECOND_NS, wait_ms = 0;
  for (unsigned i = 0; i < 40; i++) {
    wait_ms = relay_slow_failed(slow, RELAY_SLOW_CODE, "ABCD-EFGH", now_ns);
    now_ns += wait_ms * 1000000;
  }
  assert_int_equal(wait_ms, 900000);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_CODE, "ABCD-EFGX", now_ns - 1), 0);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ACCOUNT, "ABCD-EFGH", now_ns - 1), 0);
  relay_slow_forget(slow, RELAY_SLOW_CODE, "ABCD-EFGH");
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_CODE, "ABCD-EFGH", now_ns - 1), 0);
  /* Tokens are told apart by their beginning. */
  for (unsigned i = 0; i < 4; i++)
    wait_ms = relay_slow_failed(slow, RELAY_SLOW_TOKEN, "rrt_00112233aaaa", now_ns);
  assert_int_equal(wait_ms, 1000);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_TOKEN, "rrt_00112233bbbb", now_ns), 1000);
  free(slow);
}

static void the_table_of_guessers_is_bounded(void **state) {
  (void)state;
  relay_slow *slow = calloc(1, sizeof *slow);
  relay_slow_init(slow, 7);
  uint64_t now_ns = SECOND_NS;
  for (unsigned i = 0; i < 100000; i++) {
    char from[32];
    snprintf(from, sizeof from, "10.%u.%u.%u:1", i >> 16, (i >> 8) & 255, i & 255);
    now_ns += 1000;
    assert_int_equal(relay_slow_failed(slow, RELAY_SLOW_ADDRESS, from, now_ns), 0);
  }
  /* The newest is still known. */
  for (unsigned i = 0; i < 8; i++)
    (void)relay_slow_failed(slow, RELAY_SLOW_ADDRESS, "10.1.134.159:1", now_ns);
  assert_int_equal(relay_slow_wait_ms(slow, RELAY_SLOW_ADDRESS, "10.1.134.159:2", now_ns), 1000);
  free(slow);
}

/* ---- the relay ---- */

static testbed *limited(void (*set)(relay_config *config)) {
  testbed *bed = testbed_open();
  set(&bed->config);
  testbed_restart(bed, false);
  return bed;
}

typedef struct wanted_limit {
  const char *name;
  uint64_t count;
} wanted_limit;

static void find_limit(void *user, const char *name, uint64_t count) {
  wanted_limit *wanted = user;
  if (strcmp(wanted->name, name) == 0) wanted->count = count;
}

static uint64_t reached(const testbed *bed, const char *name) {
  wanted_limit wanted = {name, UINT64_MAX};
  relay_each_limit(bed->relay, find_limit, &wanted);
  assert_true(wanted.count != UINT64_MAX);
  return wanted.count;
}

typedef struct wanted_code {
  uint32_t code;
  uint64_t count;
} wanted_code;

static void find_code(void *user, uint32_t code, uint64_t count) {
  wanted_code *wanted = user;
  if (wanted->code == code) wanted->count = count;
}

static uint64_t refused(const testbed *bed, uint32_t code) {
  wanted_code wanted = {code, 0};
  relay_each_refusal(bed->relay, find_code, &wanted);
  return wanted.count;
}

static remote_v1_Reply last_reply(const peer *p) {
  const seen *s = peer_seen(p, LRM_LINK_EVENT_REPLY, 0, -1);
  assert_non_null(s);
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(s->payload, s->payload_bytes);
  assert_true(pb_decode(&stream, remote_v1_Reply_fields, &reply));
  return reply;
}

static void few_connections(relay_config *config) {
  config->address_connections_max = 6;
  config->address_unsigned_max = 3;
  config->address_connections_rate = 1;
  config->connections_unsigned_max = 5;
}

static relay_connection *carrier_from(testbed *bed, const char *from, int expected) {
  relay_connection *c = NULL;
  assert_int_equal(relay_connect(bed->relay, NULL, from, bed->now_ns, &c), expected);
  if (c != NULL) assert_int_equal(lrm_link_attach(relay_connection_link(c), bed->now_ns), 0);
  return c;
}

static void an_address_has_so_many_carriers(void **state) {
  (void)state;
  testbed *bed = limited(few_connections);
  relay_connection *held[3];
  for (int i = 0; i < 3; i++) held[i] = carrier_from(bed, "192.0.2.1:1", 0);
  (void)carrier_from(bed, "192.0.2.1:2", LRM_ERR_BUSY);
  assert_int_equal(reached(bed, "address_unsigned"), 1);
  /* Others come in, and who has signed in counts no more as one who has not. */
  for (int i = 0; i < 3; i++) relay_disconnect(held[i], bed->now_ns, bed->wall_ms);
  bed->from = "192.0.2.1:3";
  peer *signed_in[5];
  for (int i = 0; i < 5; i++) {
    char link[8];
    snprintf(link, sizeof link, "link%d", i);
    signed_in[i] = peer_connect(bed, token_alice, link, 1, false);
    assert_non_null(signed_in[i]->connection);
  }
  held[0] = carrier_from(bed, "192.0.2.1:1", 0);
  (void)carrier_from(bed, "192.0.2.1:1", LRM_ERR_BUSY);
  assert_int_equal(reached(bed, "address_connections"), 1);
  bed->from = "192.0.2.2:3";
  assert_non_null(peer_connect(bed, token_alice, "elsewhere", 1, false)->connection);
  /* Ten at once, then one a second. */
  relay_disconnect(held[0], bed->now_ns, bed->wall_ms);
  held[0] = carrier_from(bed, "192.0.2.1:1", 0);
  relay_disconnect(held[0], bed->now_ns, bed->wall_ms);
  (void)carrier_from(bed, "192.0.2.1:1", LRM_ERR_BUSY);
  assert_int_equal(reached(bed, "address_rate"), 1);
  testbed_pass(bed, 1000);
  held[0] = carrier_from(bed, "192.0.2.1:1", 0);
  relay_disconnect(held[0], bed->now_ns, bed->wall_ms);
  /* The machine itself is not limited: it may be a proxy for everybody. */
  for (int i = 0; i < 40; i++) {
    relay_disconnect(carrier_from(bed, "127.0.0.1:1", 0), bed->now_ns, bed->wall_ms);
    relay_disconnect(carrier_from(bed, "unix:pid=1,uid=0", 0), bed->now_ns, bed->wall_ms);
  }
  assert_int_equal(refused(bed, LRM_CODE_SLOW_DOWN), 3);
  testbed_free(bed);
}

static void who_says_nothing_gives_way(void **state) {
  (void)state;
  testbed *bed = limited(few_connections);
  relay_connection *held[5];
  for (int i = 0; i < 5; i++) {
    char from[32];
    snprintf(from, sizeof from, "198.51.100.%d:1", i);
    held[i] = carrier_from(bed, from, 0);
    bed->now_ns += SECOND_NS / 10;
  }
  /* All places are taken; nobody had a second yet. */
  (void)carrier_from(bed, "203.0.113.1:1", LRM_ERR_BUSY);
  bed->now_ns += SECOND_NS;
  bed->from = "203.0.113.1:1";
  peer *honest = peer_connect(bed, token_alice, "honest", 1, false);
  assert_int_equal(lrm_link_state_now(honest->link), LRM_LINK_LIVE);
  assert_int_equal(lrm_link_state_now(relay_connection_link(held[0])), LRM_LINK_CLOSING);
  assert_int_equal(lrm_link_state_now(relay_connection_link(held[1])), LRM_LINK_GREETING);
  for (int i = 0; i < 5; i++) relay_disconnect(held[i], bed->now_ns, bed->wall_ms);
  testbed_free(bed);
}

static void a_thousand_addresses_are_forgotten_again(void **state) {
  (void)state;
  testbed *bed = limited(few_connections);
  uint64_t before = relay_stats_now(bed->relay).memory_bytes;
  for (unsigned i = 0; i < 20000; i++) {
    char from[32];
    snprintf(from, sizeof from, "10.%u.%u.%u:1", i >> 16, (i >> 8) & 255, i & 255);
    relay_disconnect(carrier_from(bed, from, 0), bed->now_ns, bed->wall_ms);
  }
  assert_true(relay_stats_now(bed->relay).memory_bytes - before < 1024 * 1024);
  testbed_free(bed);
}

static void wrong_tokens_wait_and_right_ones_do_not(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  bed->from = "192.0.2.9:1";
  char token[40], link[16];
  for (unsigned i = 0; i < 9; i++) {
    snprintf(token, sizeof token, "rrt_%07u_guess", i * 7919);
    snprintf(link, sizeof link, "guess-%u", i);
    peer *p = peer_connect(bed, token, link, 1, false);
    const seen *said = peer_seen(p, LRM_LINK_EVENT_REFUSED, 0, 0);
    /* Never a code after which a client tries again by itself. */
    assert_int_equal(said->code, LRM_CODE_UNAUTHENTICATED);
    assert_int_equal(said->retry_after_ms, i < 8 ? 0 : 1000);
  }
  assert_int_equal(reached(bed, "logins"), 1);
  assert_int_equal(relay_stats_now(bed->relay).login_failures, 18);
  peer *honest = peer_connect(bed, token_alice, "honest", 1, false);
  assert_int_equal(lrm_link_state_now(honest->link), LRM_LINK_LIVE);
  testbed_free(bed);
}

static void slow_account(relay_config *config) {
  config->account_opens_rate = 1;
  config->account_requests_rate = 1;
  config->account_commands_rate = 1;
  config->account_day_bytes = 24 * 3600 * 100; /* 100 bytes a second */
  config->frames_rate = 100;
}

static void channels_are_opened_at_a_rate(void **state) {
  (void)state;
  testbed *bed = limited(slow_account);
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  assert_open(host, open_publish(host, "s1", "e1", 0, 10));
  peer *p = peer_connect(bed, token_alice_phone, "phone", 1, false);
  for (int i = 0; i < 19; i++) {
    uint32_t channel = open_read(p, "s1");
    assert_open(p, channel);
    remote_v1_Problem normal = remote_v1_Problem_init_zero;
    assert_int_equal(lrm_link_close(p->link, channel, &normal, 0, bed->now_ns), 0);
    testbed_run(bed);
  }
  uint32_t channel = open_read(p, "s1");
  assert_closed(p, channel, LRM_CODE_SLOW_DOWN);
  uint64_t retry_ms = CLOSED(p, channel)->retry_after_ms;
  assert_in_range(retry_ms, 900, 1001);
  assert_int_equal(CLOSED(p, channel)->layer, remote_v1_Layer_LAYER_ACCOUNT);
  assert_int_equal(reached(bed, "opens"), 1);
  /* Another account does not feel it; and it works again when it was told that it would. */
  peer *other = peer_connect(bed, token_bob, "bob", 1, true);
  assert_open(other, open_publish(other, "s2", "e1", 0, 10));
  testbed_pass(bed, retry_ms);
  assert_open(p, open_read(p, "s1"));
  testbed_free(bed);
}

static void requests_are_answered_at_a_rate(void **state) {
  (void)state;
  testbed *bed = limited(slow_account);
  peer *p = peer_connect(bed, token_alice, "phone", 1, false);
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_list_devices_tag;
  for (uint32_t i = 0; i < 11; i++) {
    request.id = i + 1;
    peer_request(p, &request);
  }
  remote_v1_Reply last = last_reply(p);
  assert_int_equal(last.id, 11);
  assert_int_equal(last.which_result, remote_v1_Reply_problem_tag);
  assert_int_equal(last.result.problem.code, LRM_CODE_SLOW_DOWN);
  assert_in_range(last.result.problem.retry_after_ms, 900, 1001);
  testbed_pass(bed, 1001);
  request.id = 12;
  peer_request(p, &request);
  last = last_reply(p);
  assert_int_equal(last.which_result, remote_v1_Reply_done_tag);
  assert_int_equal(reached(bed, "requests"), 1);
  testbed_free(bed);
}

static void commands_come_at_a_rate_and_none_is_lost(void **state) {
  (void)state;
  testbed *bed = limited(slow_account);
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  open_publish(host, "s1", "e1", 0, 10);
  uint32_t commands = open_commands(host, "s1", NULL, 0, 10);
  peer *phone = peer_connect(bed, token_alice_phone, "phone", 1, false);
  uint32_t outbox = open_outbox(phone, "s1", "phone", 0, 0);
  char id[17];
  for (uint64_t i = 0; i < 21; i++) {
    snprintf(id, sizeof id, "command-%u", (unsigned)i);
    peer_command(phone, outbox, i, id, 2, "e1");
    testbed_run(bed);
  }
  assert_closed(phone, outbox, LRM_CODE_SLOW_DOWN);
  uint64_t retry_ms = CLOSED(phone, outbox)->retry_after_ms;
  assert_in_range(retry_ms, 900, 1001);
  testbed_pass(bed, retry_ms);
  outbox = open_outbox(phone, "s1", "phone", 0, 21);
  assert_open(phone, outbox);
  assert_int_equal(OPENED(phone, outbox)->opened.next, 20);
  peer_command(phone, outbox, 20, "command-20", 2, "e1");
  testbed_run(bed);
  assert_int_equal(peer_count(host, LRM_LINK_EVENT_BLOCK, commands), 21);
  assert_int_equal(reached(bed, "commands"), 1);
  testbed_free(bed);
}

static void bytes_of_a_day_are_counted(void **state) {
  (void)state;
  testbed *bed = limited(slow_account);
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  uint32_t events = open_publish(host, "s1", "e1", 0, 10);
  uint64_t offset = 0;
  /* 8,640,000 bytes: 43 of 200,000, and one that is too much. */
  for (; offset < 44; offset++) {
    peer_publish_bytes(host, events, offset, 0, 200000);
    testbed_run(bed);
  }
  assert_closed(host, events, LRM_CODE_SLOW_DOWN);
  uint64_t retry_ms = CLOSED(host, events)->retry_after_ms;
  assert_in_range(retry_ms, 1500000, 1700000); /* 160,000 at 100 a second */
  /* Stored is what was acknowledged, and it goes on there. */
  assert_int_equal(ACKED(host, events)->offset, 43);
  bed->now_ns += retry_ms * 1000000;
  peer_cut(host);
  peer_reconnect(host);
  events = open_publish(host, "s1", "e1", 44, 11);
  assert_open(host, events);
  assert_int_equal(OPENED(host, events)->opened.next, 43);
  peer_publish_bytes(host, events, 43, 0, 200000);
  testbed_run(bed);
  assert_int_equal(ACKED(host, events)->offset, 44);
  /* A small block is a row all the same. */
  bed->now_ns += 10000 * SECOND_NS; /* a million bytes */
  testbed_run(bed);
  if (host->connection != NULL) peer_cut(host);
  peer_reconnect(host);
  events = open_publish(host, "s1", "e1", 44, 12);
  for (offset = 44; offset < 44 + 1900; offset++) {
    peer_publish_bytes(host, events, offset, 0, 1);
    if (offset % 50 == 0) testbed_run(bed);
    assert_null(CLOSED(host, events));
  }
  for (; offset < 44 + 2000; offset++) peer_publish_bytes(host, events, offset, 0, 1);
  testbed_run(bed);
  assert_closed(host, events, LRM_CODE_SLOW_DOWN);
  assert_int_equal(reached(bed, "day_bytes"), 2);
  testbed_free(bed);
}

/* Hostile frames do not come from our link: written by hand. */
static void flood(peer *p, const lrm_frame *frame, unsigned count) {
  for (unsigned i = 0; i < count && p->connection != NULL; i++) {
    size_t written = 0, consumed = 0, wanted = 0;
    uint8_t data[256];
    assert_int_equal(lrm_frame_encode(frame, data, sizeof data, &written), 0);
    lrm_link *link = relay_connection_link(p->connection);
    int result = lrm_link_recv(link, data, written, &consumed, &wanted, p->bed->now_ns);
    (void)result;
    lrm_link_event event;
    while (lrm_link_next_event(link, &event))
      relay_event(p->connection, &event, p->bed->now_ns, p->bed->wall_ms);
  }
  testbed_run(p->bed);
}

static void floods_of_frames_end_their_connection(void **state) {
  (void)state;
  static const uint8_t ping[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const struct {
    const char *name;
    lrm_frame frame;
  } rows[] = {{"PING", {.type = LRM_FRAME_PING, .payload = {ping, 8}}},
              {"PONG", {.type = LRM_FRAME_PONG, .payload = {ping, 8}}},
              {"ACK", {.type = LRM_FRAME_ACK, .channel = 2}},
              {"unknown", {.type = LRM_FRAME_TYPE_SKIPPED_MIN + 9}},
              {"tail", {.type = LRM_FRAME_TAIL, .channel = 1, .payload = {ping, 1}}},
              {"INFO", {.type = LRM_FRAME_INFO, .channel = 1}},
              {"late CLOSE", {.type = LRM_FRAME_CLOSE, .channel = 1}}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    testbed *bed = limited(slow_account);
    peer *honest = peer_connect(bed, token_alice_phone, "honest", 1, false);
    peer *p = peer_connect(bed, token_alice, "flood", 1, true);
    assert_int_equal(open_publish(p, "s1", "e1", 0, 10), 1);
    assert_int_equal(open_read(p, "s1"), 2);
    flood(p, &rows[i].frame, 390);
    if (p->connection == NULL) fail_msg("%s: ended too early", rows[i].name);
    flood(p, &rows[i].frame, 20);
    if (p->connection != NULL) fail_msg("%s: not ended", rows[i].name);
    const seen *said = peer_seen(p, LRM_LINK_EVENT_GOAWAY, 0, -1);
    assert_non_null(said);
    assert_int_equal(said->code, LRM_CODE_SLOW_DOWN);
    assert_int_equal(said->retry_after_ms, 4000);
    assert_int_equal(reached(bed, "frames"), 1);
    assert_int_equal(lrm_link_state_now(honest->link), LRM_LINK_LIVE);
    testbed_free(bed);
  }
}

/* ---- what readers must have ---- */

static peer *reader_with(testbed *bed, const char *link, const char *feature) {
  peer *p = calloc(1, sizeof *p);
  bed->peers[bed->peers_count++] = p;
  p->bed = bed;
  p->blocks = calloc(BLOCKS_MAX, sizeof *p->blocks);
  const char *features[] = {"other", feature};
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = 9,
                            .link_id = id_of(link),
                            .role = remote_v1_Role_ROLE_CLIENT,
                            .token = token_alice_phone,
                            .agent = "test/1",
                            .features = features,
                            .features_count = 2};
  assert_int_equal(lrm_link_create(&config, &p->link), 0);
  peer_reconnect(p);
  return p;
}

static remote_v1_Open publishing(const char *session, const char *need, uint64_t generation) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  lrm_id id = id_of(session), epoch = id_of("e1");
  open.session_id.size = open.epoch.size = 16;
  memcpy(open.session_id.bytes, id.bytes, 16);
  memcpy(open.epoch.bytes, epoch.bytes, 16);
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_PUBLISH;
  open.writer_generation = generation;
  open.needs_count = need != NULL;
  if (need != NULL) snprintf(open.needs[0], sizeof open.needs[0], "%s", need);
  return open;
}

static void readers_have_what_a_session_needs(void **state) {
  (void)state;
  testbed *bed = testbed_open();
  peer *host = peer_connect(bed, token_alice, "host", 1, true);
  remote_v1_Open open = publishing("s1", "colours", 10);
  assert_open(host, peer_open(host, &open));
  peer *old = peer_connect(bed, token_alice_phone, "old", 1, false);
  assert_closed(old, open_read(old, "s1"), LRM_CODE_UPGRADE_REQUIRED);
  assert_open(old, open_outbox(old, "s1", "old", 0, 0)); /* who cannot read may still command */
  peer *new = reader_with(bed, "new", "colours");
  assert_open(new, open_read(new, "s1"));
  /* It is known after a restart, and over when its host says so. */
  testbed_restart(bed, false);
  peer_reconnect(old);
  assert_closed(old, open_read(old, "s1"), LRM_CODE_UPGRADE_REQUIRED);
  peer_reconnect(host);
  open = publishing("s1", NULL, 11);
  assert_open(host, peer_open(host, &open));
  assert_open(old, open_read(old, "s1"));
  testbed_free(bed);
}

static void a_full_relay_says_so_without_a_link(void **state) {
  (void)state;
  uint8_t data[512];
  size_t bytes = relay_busy_frames(data, sizeof data), consumed = 0, wanted = 0;
  lrm_frame frame;
  assert_int_equal(lrm_frame_decode(data, bytes, 1024, &frame, &consumed, &wanted), 0);
  assert_int_equal(consumed, bytes);
  assert_int_equal(frame.type, LRM_FRAME_GOAWAY);
  assert_int_equal(relay_busy_frames(data, 8), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(an_address_is_what_one_person_has),
      cmocka_unit_test(failures_cost_ever_longer_waits_up_to_a_bound),
      cmocka_unit_test(a_code_waits_longer_and_can_be_forgotten),
      cmocka_unit_test(the_table_of_guessers_is_bounded),
      cmocka_unit_test(an_address_has_so_many_carriers),
      cmocka_unit_test(who_says_nothing_gives_way),
      cmocka_unit_test(a_thousand_addresses_are_forgotten_again),
      cmocka_unit_test(wrong_tokens_wait_and_right_ones_do_not),
      cmocka_unit_test(channels_are_opened_at_a_rate),
      cmocka_unit_test(requests_are_answered_at_a_rate),
      cmocka_unit_test(commands_come_at_a_rate_and_none_is_lost),
      cmocka_unit_test(bytes_of_a_day_are_counted),
      cmocka_unit_test(floods_of_frames_end_their_connection),
      cmocka_unit_test(readers_have_what_a_session_needs),
      cmocka_unit_test(a_full_relay_says_so_without_a_link),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
