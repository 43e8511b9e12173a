#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* In front of each block: its size. */
enum { SIZE_BYTES = 16 };

static void *counted_alloc(void *user, size_t bytes) {
  peer *p = user;
  uint8_t *memory = p->no_memory ? NULL : malloc(SIZE_BYTES + bytes);
  if (memory == NULL) return NULL;
  memcpy(memory, &bytes, sizeof bytes);
  p->allocations++;
  p->held_bytes += bytes;
  return memory + SIZE_BYTES;
}

static void counted_free(void *user, void *memory) {
  peer *p = user;
  uint8_t *block = (uint8_t *)memory - SIZE_BYTES;
  size_t bytes;
  memcpy(&bytes, block, sizeof bytes);
  p->held_bytes -= bytes;
  free(block);
}

lrm_link_config peer_config(peer *p, lrm_link_side side) {
  lrm_link_config config;
  memset(&config, 0, sizeof config);
  config.struct_bytes = sizeof config;
  config.side = side;
  config.allocator = (lrm_allocator){counted_alloc, counted_free, p};
  config.seed = 7;
  memset(config.link_id.bytes, 0x11, 16);
  config.role = remote_v1_Role_ROLE_CLIENT;
  config.token = "token";
  config.agent = "test/1";
  return config;
}

void peer_start_with(peer *p, const lrm_link_config *config) {
  lrm_link_config copy = *config;
  copy.allocator.user = p;
  memset(p, 0, sizeof *p);
  p->now_ns = START_NS;
  p->connecting = config->side == LRM_SIDE_CONNECTING;
  assert_int_equal(lrm_link_create(&copy, &p->link), 0);
  assert_int_equal(lrm_link_attach(p->link, p->now_ns), 0);
}

void peer_start(peer *p, lrm_link_side side) {
  lrm_link_config config = peer_config(p, side);
  peer_start_with(p, &config);
}

void peer_end(peer *p) {
  if (p->connecting) assert_int_equal(p->allocations, 1);
  lrm_link_destroy(p->link);
  assert_int_equal(p->held_bytes, 0);
}

static void add_line(char *lines, size_t capacity, const char *line) {
  size_t used = strlen(lines);
  (void)snprintf(lines + used, capacity - used, "%s%s", used > 0 ? "\n" : "", line);
}

static void note_events(peer *p) {
  lrm_link_event event;
  while (lrm_link_next_event(p->link, &event)) {
    char line[LINK_TEXT_BYTES];
    event_text(&event, line);
    add_line(p->events, sizeof p->events, line);
  }
}

void peer_feed(peer *p, const void *data, size_t bytes) {
  assert_true(p->in_bytes + bytes <= sizeof p->in);
  if (bytes > 0) memcpy(p->in + p->in_bytes, data, bytes);
  p->in_bytes += bytes;
  size_t at = 0;
  for (;;) {
    size_t consumed = 0, wanted = 0;
    /* An exact copy, so that a sanitizer sees a read beyond what was offered. */
    size_t offered = p->in_bytes - at;
    uint8_t *copy = malloc(offered + 1);
    memcpy(copy, p->in + at, offered);
    int result = lrm_link_recv(p->link, copy, offered, &consumed, &wanted, p->now_ns);
    if (result != 0) p->result = result;
    note_events(p);
    free(copy);
    at += consumed;
    if (consumed == 0) break;
  }
  memmove(p->in, p->in + at, p->in_bytes - at);
  p->in_bytes -= at;
}

void peer_feed_frame(peer *p, lrm_frame frame) {
  static uint8_t data[LRM_FRAME_PAYLOAD_BYTES_MAX + 4096];
  size_t bytes = put_frame(data, 0, sizeof data, &frame);
  peer_feed(p, data, bytes);
}

void peer_feed_message(peer *p, lrm_frame frame, const void *message) {
  uint8_t data[4096];
  size_t bytes = put_message(data, 0, sizeof data, frame, message);
  peer_feed(p, data, bytes);
}

const char *peer_events(peer *p) {
  static char out[8192];
  note_events(p);
  memcpy(out, p->events, sizeof out);
  p->events[0] = '\0';
  return out;
}

const char *peer_frames(peer *p) {
  static char out[8192];
  static uint8_t data[64 * 1024];
  size_t bytes = 0;
  while (lrm_link_has_outgoing(p->link)) {
    size_t written = 0;
    assert_int_equal(
        lrm_link_outgoing(p->link, data + bytes, sizeof data - bytes, &written, p->now_ns), 0);
    assert_true(written > 0);
    bytes += written;
  }
  frames_text(data, bytes, out, sizeof out);
  return out;
}

void peer_advance(peer *p, uint64_t ns) {
  uint64_t until = p->now_ns + ns;
  for (;;) {
    uint64_t due = lrm_link_deadline(p->link);
    if (due > until) break;
    if (due > p->now_ns) p->now_ns = due;
    lrm_link_expire(p->link, p->now_ns);
    note_events(p);
    if (lrm_link_deadline(p->link) <= p->now_ns) break;
  }
  p->now_ns = until;
}

static void set_id(pb_size_t *size, uint8_t *bytes, uint8_t value) {
  *size = 16;
  memset(bytes, value, 16);
}

remote_v1_Hello a_hello(uint64_t generation) {
  remote_v1_Hello hello = remote_v1_Hello_init_zero;
  hello.version_min = hello.version_max = 1;
  set_id(&hello.link_id.size, hello.link_id.bytes, 0x22);
  hello.generation = generation;
  (void)snprintf(hello.token, sizeof hello.token, "%s", "token");
  hello.role = remote_v1_Role_ROLE_CLIENT;
  return hello;
}

remote_v1_Welcome a_welcome(void) {
  remote_v1_Welcome welcome = remote_v1_Welcome_init_zero;
  welcome.version = 1;
  welcome.heartbeat_ms = 10000;
  welcome.server_time_ms = 1718000000000;
  welcome.has_principal = true;
  welcome.principal = a_principal();
  return welcome;
}

remote_v1_Open an_open(remote_v1_Direction direction, remote_v1_Log log, uint64_t next) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  set_id(&open.session_id.size, open.session_id.bytes, 0x33);
  set_id(&open.epoch.size, open.epoch.bytes, 0x44);
  open.direction = direction;
  open.log = log;
  open.next = next;
  return open;
}

remote_v1_Opened an_opened(uint64_t next, uint64_t watermark) {
  remote_v1_Opened opened = remote_v1_Opened_init_zero;
  set_id(&opened.epoch.size, opened.epoch.bytes, 0x44);
  opened.next = next;
  opened.watermark = watermark;
  opened.outcome = remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED;
  return opened;
}

remote_v1_Problem a_problem(uint32_t code) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  return problem;
}

remote_v1_Principal a_principal(void) {
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  (void)snprintf(principal.account, sizeof principal.account, "%s", "ana");
  set_id(&principal.device_id.size, principal.device_id.bytes, 0x55);
  return principal;
}

void peer_live(peer *p, lrm_link_side side) {
  if (p->link == NULL) peer_start(p, side);
  if (side == LRM_SIDE_CONNECTING) {
    (void)peer_frames(p);
    remote_v1_Welcome welcome = a_welcome();
    peer_feed_message(p, (lrm_frame){.type = LRM_FRAME_WELCOME}, &welcome);
  } else {
    remote_v1_Hello hello = a_hello(1);
    remote_v1_Principal principal = a_principal();
    peer_feed_message(p, (lrm_frame){.type = LRM_FRAME_HELLO}, &hello);
    assert_int_equal(lrm_link_accept(p->link, &principal, 1718000000000, "relay/1", p->now_ns), 0);
    (void)peer_frames(p);
  }
  assert_int_equal(lrm_link_state_now(p->link), LRM_LINK_LIVE);
  (void)peer_events(p);
}

uint32_t peer_open(peer *p, remote_v1_Direction direction, remote_v1_Log log, uint64_t next,
                   uint64_t watermark, uint64_t credit) {
  static uint32_t last;
  remote_v1_Open open = an_open(direction, log, next);
  remote_v1_Opened opened = an_opened(next, watermark);
  bool connecting = p->link != NULL && lrm_link_open(p->link, &open, 0, &last, p->now_ns) == 0;
  if (connecting) {
    (void)peer_frames(p);
    lrm_frame frame = {.type = LRM_FRAME_OPENED, .channel = last, .credit = credit};
    peer_feed_message(p, frame, &opened);
  } else {
    last = 1;
    lrm_link_channel facts;
    while (lrm_link_channel_facts(p->link, last, &facts) == 0) last++;
    lrm_frame frame = {.type = LRM_FRAME_OPEN, .channel = last, .credit = credit};
    peer_feed_message(p, frame, &open);
    assert_int_equal(lrm_link_opened(p->link, last, &opened, 0, p->now_ns), 0);
    (void)peer_frames(p);
  }
  (void)peer_events(p);
  return last;
}

lrm_frame a_block(uint32_t channel, uint64_t offset, uint32_t count, size_t bytes) {
  static const uint8_t zeros[LRM_FRAME_PAYLOAD_BYTES_MAX];
  lrm_frame frame = {.type = LRM_FRAME_BLOCK, .channel = channel, .offset = offset, .count = count};
  frame.payload = (lrm_slice){zeros, bytes};
  return frame;
}
