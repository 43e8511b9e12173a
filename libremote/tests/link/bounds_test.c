/* Bounds: memory, the control queue, channels; what may never be lost; and the table of states,
 * printed whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "link/link_internal.h"
#include "peer.h"

#define PUBLISH remote_v1_Direction_DIRECTION_PUBLISH
#define SUBSCRIBE remote_v1_Direction_DIRECTION_SUBSCRIBE
#define EVENTS remote_v1_Log_LOG_EVENTS
#define COMMANDS remote_v1_Log_LOG_COMMANDS

static peer p;

static void live(lrm_link_side side) {
  memset(&p, 0, sizeof p);
  peer_live(&p, side);
}

static void a_link_is_small(void **state) {
  (void)state;
  assert_true(sizeof(lrm__channel) <= 160);
  assert_true(sizeof(lrm_link) <= 4096);
}

static void *no_memory(void *user, size_t bytes) {
  (void)user;
  (void)bytes;
  return NULL;
}

static void a_wrong_configuration_is_refused(void **state) {
  (void)state;
  static const char *const long_feature[] = {"twenty-four-characters--"};
  char long_text[200];
  memset(long_text, 'x', sizeof long_text - 1);
  long_text[sizeof long_text - 1] = '\0';
  for (int i = 0; i < 9; i++) {
    lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
    int expected = LRM_ERR_TOO_LARGE;
    if (i == 0) config.struct_bytes = 1, expected = LRM_ERR_USAGE;
    if (i == 1) config.side = (lrm_link_side)9, expected = LRM_ERR_USAGE;
    if (i == 2) config.allocator.alloc = NULL, expected = LRM_ERR_USAGE;
    if (i == 3) config.allocator.alloc = no_memory, expected = LRM_ERR_NO_MEMORY;
    if (i == 4) config.token = long_text;
    if (i == 5) config.agent = long_text;
    if (i == 6) config.features = long_feature, config.features_count = 1;
    if (i == 7) config.frame_bytes_max = LRM_FRAME_PAYLOAD_BYTES_MAX + 1;
    if (i == 8) config.generation = LRM_OFFSET_MAX;
    lrm_link *link = NULL;
    assert_int_equal(lrm_link_create(&config, &link), expected);
    assert_null(link);
  }
  lrm_link_destroy(NULL);
}

/* An accepting link that is only there costs its own numbers; channels and what waits cost while
 * they are there. */
static void an_accepting_link_takes_room_when_it_needs_it(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  assert_true(p.held_bytes < 3 * 1024);
  size_t idle_bytes = p.held_bytes;
  remote_v1_Open open = an_open(PUBLISH, COMMANDS, 0);
  remote_v1_Opened opened = an_opened(0, 0);
  for (uint32_t i = 1; i <= 5; i++) {
    peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = i}, &open);
    assert_int_equal(lrm_link_opened(p.link, i, &opened, 0, p.now_ns), 0);
    assert_true(p.held_bytes <= idle_bytes + (i <= 4 ? 4 : 16) * 192);
  }
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = 16;
  size_t open_bytes = p.held_bytes;
  assert_int_equal(lrm_link_send_receipt(p.link, 3, 0, &receipt, p.now_ns), 0);
  assert_true(p.held_bytes > open_bytes);
  assert_non_null(strstr(peer_frames(&p), "RECEIPT"));
  assert_int_equal(p.held_bytes, open_bytes);
  peer_end(&p);
}

/* Without memory for it the carrier ends, to be tried again: nobody waits for an end of the queue.
 */
static void without_memory_the_carrier_ends(void **state) {
  (void)state;
  remote_v1_Open open = an_open(PUBLISH, COMMANDS, 0);
  live(LRM_SIDE_ACCEPTING);
  p.no_memory = true;
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = 1}, &open);
  assert_int_equal(p.result, LRM_ERR_NO_MEMORY);
  assert_non_null(strstr(peer_frames(&p), "GOAWAY code=1003"));
  peer_end(&p);

  live(LRM_SIDE_ACCEPTING);
  uint32_t channel = peer_open(&p, PUBLISH, COMMANDS, 0, 0, 0);
  (void)peer_frames(&p);
  p.no_memory = true;
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = 16;
  assert_int_equal(lrm_link_send_receipt(p.link, channel, 0, &receipt, p.now_ns), LRM_ERR_BUSY);
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_CLOSING);
  assert_non_null(strstr(peer_frames(&p), "GOAWAY code=1003"));
  peer_end(&p);

  peer_start(&p, LRM_SIDE_ACCEPTING);
  remote_v1_Hello hello = a_hello(1);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
  remote_v1_Principal principal = a_principal();
  p.no_memory = true;
  assert_int_equal(lrm_link_accept(p.link, &principal, 1, "test/1", p.now_ns), LRM_ERR_NO_MEMORY);
  assert_int_equal(lrm_link_state_now(p.link), LRM_LINK_CLOSING);
  peer_end(&p);
}

/* Every OPEN of a full link is answered, with nothing written in between. */
static void openeds_are_never_lost(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 5);
  remote_v1_Opened opened = an_opened(5, 5);
  for (uint32_t i = 1; i <= LRM_CHANNELS_RELAY_MAX; i++) {
    peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = i}, &open);
    assert_int_equal(lrm_link_opened(p.link, i, &opened, 0, p.now_ns), 0);
  }
  int openeds = 0, synceds = 0;
  static uint8_t data[5 * 1024];
  while (lrm_link_has_outgoing(p.link)) {
    size_t written = 0;
    assert_int_equal(lrm_link_outgoing(p.link, data, sizeof data, &written, p.now_ns), 0);
    for (size_t at = 0; at < written;) {
      lrm_frame frame;
      size_t consumed = 0, wanted = 0;
      assert_int_equal(lrm_frame_decode(data + at, written - at, 1024, &frame, &consumed, &wanted),
                       0);
      at += consumed;
      openeds += frame.type == LRM_FRAME_OPENED;
      synceds += frame.type == LRM_FRAME_SYNCED;
    }
  }
  assert_int_equal(openeds, LRM_CHANNELS_RELAY_MAX);
  assert_int_equal(synceds, LRM_CHANNELS_RELAY_MAX);
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_OPEN, .channel = LRM_CHANNELS_RELAY_MAX + 1},
                    &open);
  assert_int_equal(p.result, LRM_ERR_LIMIT);
  peer_end(&p);
}

static void a_full_queue_says_busy_and_loses_nothing(void **state) {
  (void)state;
  live(LRM_SIDE_ACCEPTING);
  uint32_t channel = peer_open(&p, PUBLISH, COMMANDS, 0, 0, 0);
  remote_v1_Receipt receipt = remote_v1_Receipt_init_zero;
  receipt.command_id.size = 16;
  int pushed = 0;
  while (lrm_link_send_receipt(p.link, channel, (uint64_t)pushed, &receipt, p.now_ns) == 0)
    pushed++;
  assert_in_range(pushed, 100, 400);
  /* What is derived from flags still gets out, and a CLOSE with a reason goes without it. */
  peer_feed_frame(&p, a_block(channel, 0, 1, 10));
  assert_int_equal(lrm_link_ack(p.link, channel, 1, p.now_ns), 0);
  remote_v1_Problem problem = a_problem(2001);
  (void)snprintf(problem.reason, sizeof problem.reason, "%s",
                 "a reason that does not fit any more");
  memset(problem.reason + 35, '.', 200);
  assert_int_equal(lrm_link_close(p.link, channel, &problem, 0, p.now_ns), 0);
  static uint8_t data[16 * 1024];
  static char text[64 * 1024];
  size_t bytes = 0;
  while (lrm_link_has_outgoing(p.link)) {
    size_t written = 0;
    assert_int_equal(
        lrm_link_outgoing(p.link, data + bytes, sizeof data - bytes, &written, p.now_ns), 0);
    bytes += written;
  }
  frames_text(data, bytes, text, sizeof text);
  int receipts = 0;
  for (const char *at = text; (at = strstr(at, "RECEIPT")) != NULL; at++) receipts++;
  assert_int_equal(receipts, pushed);
  const char *end = "ACK ch=1 offset=1\nCLOSE ch=1 code=2001";
  assert_string_equal(text + strlen(text) - strlen(end), end);
  peer_end(&p);
}

static void a_busy_replacement_keeps_the_old_one(void **state) {
  (void)state;
  lrm_link_config config = peer_config(&p, LRM_SIDE_ACCEPTING);
  config.control_bytes = 4096;
  peer_start_with(&p, &config);
  peer_live(&p, LRM_SIDE_ACCEPTING);
  uint32_t a = peer_open(&p, SUBSCRIBE, EVENTS, 0, 0, 0);
  uint32_t b = peer_open(&p, SUBSCRIBE, EVENTS, 0, 0, 0);
  uint32_t c = peer_open(&p, SUBSCRIBE, EVENTS, 0, 0, 0);
  uint32_t d = peer_open(&p, SUBSCRIBE, EVENTS, 0, 0, 0);
  uint8_t info[1024] = {0};
  assert_int_equal(lrm_link_send_info(p.link, a, info, 900, p.now_ns), 0);
  assert_int_equal(lrm_link_send_info(p.link, b, info, 1024, p.now_ns), 0);
  assert_int_equal(lrm_link_send_info(p.link, c, info, 1024, p.now_ns), 0);
  assert_int_equal(lrm_link_send_info(p.link, d, info, 1024, p.now_ns), 0);
  assert_int_equal(lrm_link_send_info(p.link, a, info, 1024, p.now_ns), LRM_ERR_BUSY);
  assert_int_equal(lrm_link_send_info(p.link, a, info, 901, p.now_ns), 0);
  assert_string_equal(peer_frames(&p),
                      "INFO ch=2 bytes=1024\nINFO ch=3 bytes=1024\n"
                      "INFO ch=4 bytes=1024\nINFO ch=1 bytes=901");
  peer_end(&p);
}

static void slots_are_used_again_and_again(void **state) {
  (void)state;
  lrm_link_config config = peer_config(&p, LRM_SIDE_CONNECTING);
  config.channels_max = 3;
  peer_start_with(&p, &config);
  peer_live(&p, LRM_SIDE_CONNECTING);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 0);
  remote_v1_Problem problem = a_problem(0);
  uint32_t held = 0, channel = 0;
  assert_int_equal(lrm_link_open(p.link, &open, 0, &held, p.now_ns), 0);
  for (int i = 0; i < 100; i++) {
    uint32_t pair[2];
    for (int k = 0; k < 2; k++)
      assert_int_equal(lrm_link_open(p.link, &open, 0, &pair[k], p.now_ns), 0);
    assert_int_equal(lrm_link_open(p.link, &open, 0, &channel, p.now_ns), LRM_ERR_BUSY);
    (void)peer_frames(&p);
    for (int k = 0; k < 2; k++)
      assert_int_equal(lrm_link_close(p.link, pair[k ^ (i & 1)], &problem, 0, p.now_ns), 0);
    (void)peer_frames(&p);
  }
  lrm_link_channel facts;
  assert_int_equal(lrm_link_channel_facts(p.link, held, &facts), 0);
  assert_int_equal(lrm_link_channels(p.link), 1);
  peer_end(&p);
}

static void the_relay_may_allow_fewer_channels(void **state) {
  (void)state;
  peer_start(&p, LRM_SIDE_CONNECTING);
  (void)peer_frames(&p);
  remote_v1_Welcome welcome = a_welcome();
  welcome.has_limits = true;
  welcome.limits.channels = 2;
  peer_feed_message(&p, (lrm_frame){.type = LRM_FRAME_WELCOME}, &welcome);
  remote_v1_Open open = an_open(SUBSCRIBE, EVENTS, 0);
  uint32_t channel = 0;
  for (int i = 0; i < 3; i++)
    assert_int_equal(lrm_link_open(p.link, &open, 0, &channel, p.now_ns),
                     i == 2 ? LRM_ERR_BUSY : 0);
  peer_end(&p);
}

static void outgoing_writes_whole_frames_or_says_why_not(void **state) {
  (void)state;
  live(LRM_SIDE_CONNECTING);
  static uint8_t request[LRM_REQUEST_BYTES_MAX + 1] = {8, 1};
  for (size_t at = 2; at + 4 <= LRM_REQUEST_BYTES_MAX; at += 2) memcpy(request + at, "\x18\x01", 2);
  int result = lrm_link_send_request(p.link, request, sizeof request, 1, p.now_ns);
  assert_int_equal(result, LRM_ERR_TOO_LARGE);
  assert_int_equal(lrm_link_send_request(p.link, request, LRM_REQUEST_BYTES_MAX, 1, p.now_ns), 0);
  uint8_t out[LRM_REQUEST_BYTES_MAX + LRM_FRAME_HEADER_BYTES_MAX];
  size_t written = 0;
  assert_int_equal(lrm_link_outgoing(p.link, out, 5 * 1024, &written, p.now_ns), LRM_ERR_TOO_LARGE);
  assert_int_equal(written, 0);
  assert_int_equal(lrm_link_outgoing(p.link, out, sizeof out, &written, p.now_ns), 0);
  assert_true(written > LRM_REQUEST_BYTES_MAX);
  peer_end(&p);
}

/* Rows: connecting GREETING, connecting LIVE, accepting GREETING, accepting LIVE. */
static const char expected_table[] =
    "HELLO      | - | - | x | - |\n"
    "WELCOME    | x | - | - | - |\n"
    "REFUSE     | x | - | - | - |\n"
    "GOAWAY     | x | x | x | x |\n"
    "PING       | - | x | - | x |\n"
    "PONG       | - | x | - | x |\n"
    "OPEN       | - | - | - | x |\n"
    "OPENED     | - | x | - | - |\n"
    "CLOSE      | - | x | - | x |\n"
    "INFO       | - | x | - | x |\n"
    "BLOCK      | - | x | - | x |\n"
    "TAIL       | - | x | - | x |\n"
    "ACK        | - | x | - | x |\n"
    "SYNCED     | - | x | - | - |\n"
    "LOG_STATUS | - | x | - | - |\n"
    "RECEIPT    | - | x | - | - |\n"
    "REQUEST    | - | - | - | x |\n"
    "REPLY      | - | x | - | - |\n";

static void append(char *out, size_t capacity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void append(char *out, size_t capacity, const char *format, ...) {
  size_t used = strlen(out);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(out + used, capacity - used, format, args);
  va_end(args);
}

static void the_table_of_states_is_the_one_in_the_documentation(void **state) {
  (void)state;
  static const struct {
    uint32_t type;
    const char *name;
  } types[] = {{1, "HELLO"},    {2, "WELCOME"},  {3, "REFUSE"}, {4, "GOAWAY"},  {5, "PING"},
               {6, "PONG"},     {8, "OPEN"},     {9, "OPENED"}, {10, "CLOSE"},  {11, "INFO"},
               {12, "BLOCK"},   {13, "TAIL"},    {14, "ACK"},   {15, "SYNCED"}, {16, "LOG_STATUS"},
               {17, "RECEIPT"}, {20, "REQUEST"}, {21, "REPLY"}};
  char table[2048] = "";
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    append(table, sizeof table, "%-10s |", types[i].name);
    for (int side = LRM_SIDE_CONNECTING; side <= LRM_SIDE_ACCEPTING; side++)
      for (int s = LRM_LINK_GREETING; s <= LRM_LINK_LIVE; s += 2) {
        const char *cell = lrm__link_cell((lrm_link_side)side, (lrm_link_state)s, types[i].type);
        append(table, sizeof table, " %s |", cell[0] == '\0' ? "-" : "x");
      }
    append(table, sizeof table, "\n");
  }
  print_message("            c.greet c.live a.greet a.live\n%s", table);
  assert_string_equal(table, expected_table);
  for (uint32_t type = 0; type < 300; type++) {
    assert_string_equal(lrm__link_cell(LRM_SIDE_ACCEPTING, LRM_LINK_JUDGING, type), "");
    if (type > 21) assert_string_equal(lrm__link_cell(LRM_SIDE_ACCEPTING, LRM_LINK_LIVE, type), "");
  }
  assert_string_equal(lrm_link_state_name(LRM_LINK_JUDGING), "JUDGING");
  assert_string_equal(lrm_link_state_name((lrm_link_state)99), "?");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_link_is_small),
      cmocka_unit_test(a_wrong_configuration_is_refused),
      cmocka_unit_test(an_accepting_link_takes_room_when_it_needs_it),
      cmocka_unit_test(without_memory_the_carrier_ends),
      cmocka_unit_test(openeds_are_never_lost),
      cmocka_unit_test(a_full_queue_says_busy_and_loses_nothing),
      cmocka_unit_test(a_busy_replacement_keeps_the_old_one),
      cmocka_unit_test(slots_are_used_again_and_again),
      cmocka_unit_test(the_relay_may_allow_fewer_channels),
      cmocka_unit_test(outgoing_writes_whole_frames_or_says_why_not),
      cmocka_unit_test(the_table_of_states_is_the_one_in_the_documentation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
