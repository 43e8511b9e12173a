/* The driver on real sockets: two links meet, talk, part, and come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote/carrier_uv.h"
#include "remote/limits.h"

enum { BLOCK_BYTES = 30000, BLOCKS = 200 };

/* The accepting side says what a relay would; it serves one log of BLOCKS blocks. */
typedef struct side {
  uv_loop_t *loop;
  lrm_link *link;
  lrm_uv_drive *drive;
  lrm_uv_drive_ops ops;
  uint32_t channel;
  uint64_t next; /* blocks read */
  unsigned welcomes, downs, drained;
  uint32_t goaway;
  uint64_t retry_ns;
  bool stopped;
  bool accepting;
} side;

static side server, client;
static lrm_link_config server_config;

static void on_server_event(const lrm_link_event *event) {
  uint64_t now_ns = lrm_uv_now_ns(server.loop);
  if (event->type == LRM_LINK_EVENT_HELLO) {
    remote_v1_Principal principal = remote_v1_Principal_init_zero;
    memcpy(principal.account, "test", 5);
    assert_int_equal(lrm_link_accept(server.link, &principal, 1, "test/1", now_ns), 0);
  } else if (event->type == LRM_LINK_EVENT_OPEN) {
    remote_v1_Opened opened = remote_v1_Opened_init_zero;
    opened.next = event->open->next;
    opened.watermark = BLOCKS;
    assert_int_equal(lrm_link_opened(server.link, event->channel, &opened, 0, now_ns), 0);
    assert_int_equal(lrm_link_extend(server.link, event->channel, BLOCKS, 0, 0, now_ns), 0);
    lrm_uv_drive_kick(server.drive);
  }
}

static void on_client_event(const lrm_link_event *event) {
  uint64_t now_ns = lrm_uv_now_ns(client.loop);
  if (event->type == LRM_LINK_EVENT_WELCOME) {
    client.welcomes++;
    remote_v1_Open open = remote_v1_Open_init_zero;
    open.session_id.size = 16;
    open.log = remote_v1_Log_LOG_EVENTS;
    open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
    open.start = remote_v1_Start_START_RESUME;
    open.next = client.next;
    assert_int_equal(lrm_link_open(client.link, &open, 0, &client.channel, now_ns), 0);
  } else if (event->type == LRM_LINK_EVENT_BLOCK) {
    assert_int_equal(event->frame.offset, client.next);
    assert_int_equal(event->frame.payload.bytes, BLOCK_BYTES);
    for (size_t i = 0; i < BLOCK_BYTES; i += 997) {
      assert_int_equal(event->frame.payload.data[i], (uint8_t)(client.next + i));
    }
    client.next++;
    assert_int_equal(lrm_link_ack(client.link, event->channel, client.next, now_ns), 0);
    assert_int_equal(lrm_link_consumed(client.link, event->channel, BLOCK_BYTES, now_ns), 0);
  }
}

static void on_event(void *user, lrm_link *link, const lrm_link_event *event) {
  side *s = user;
  assert_ptr_equal(link, s->link);
  if (event->type == LRM_LINK_EVENT_GOAWAY) s->goaway = event->problem->code;
  if (s->accepting) {
    on_server_event(event);
  } else {
    on_client_event(event);
  }
}

static int fetch(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame) {
  static uint8_t data[BLOCK_BYTES];
  (void)user;
  (void)link;
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(want->offset + i);
  frame->offset = want->offset;
  frame->count = 1;
  frame->payload = (lrm_slice){data, sizeof data};
  return 0;
}

static void on_down(void *user, lrm_link *link, const char *text, uint64_t retry_ns) {
  side *s = user;
  assert_ptr_equal(link, s->link);
  assert_non_null(text);
  s->downs++;
  s->retry_ns = retry_ns;
  if (!s->accepting) return;
  assert_true(retry_ns == UINT64_MAX);
  lrm_uv_drive_destroy(s->drive);
  lrm_link_destroy(s->link);
  s->drive = NULL;
  s->link = NULL;
}

static void on_drained(void *user, lrm_link *link) {
  side *s = user;
  assert_false(lrm_link_has_outgoing(link));
  s->drained++;
}

static void on_accepted(void *user, lrm_carrier *carrier) {
  (void)user;
  if (server.drive != NULL) return; /* one at a time: closed again */
  assert_int_equal(lrm_link_create(&server_config, &server.link), 0);
  assert_int_equal(
      lrm_uv_drive_accept(server.loop, carrier, server.link, &server.ops, &server, &server.drive),
      0);
}

static lrm_uv_listener *begin(uv_loop_t *loop, const char *text, lrm_url *reach) {
  char error[300];
  lrm_url url;
  memset(&server, 0, sizeof server);
  memset(&client, 0, sizeof client);
  uv_loop_init(loop);
  server.loop = client.loop = loop;
  server.accepting = true;
  server.ops = client.ops = (lrm_uv_drive_ops){on_event, fetch, on_down, on_drained};
  server_config = (lrm_link_config){.struct_bytes = sizeof server_config,
                                    .side = LRM_SIDE_ACCEPTING,
                                    .allocator = lrm_allocator_default(),
                                    .seed = 1};
  assert_int_equal(lrm_url_parse(text, &url, error, sizeof error), 0);
  lrm_uv_listener *listener = NULL;
  assert_int_equal(
      lrm_uv_listen(loop, &url, NULL, on_accepted, NULL, &listener, error, sizeof error), 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(listener), reach, error, sizeof error), 0);
  return listener;
}

static void connect_client(const lrm_url *reach) {
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = 2,
                            .link_id = {{1}},
                            .role = remote_v1_Role_ROLE_CLIENT,
                            .token = "token"};
  assert_int_equal(lrm_link_create(&config, &client.link), 0);
  assert_int_equal(lrm_uv_drive_connect(client.loop, reach, NULL, client.link, &client.ops, &client,
                                        &client.drive),
                   0);
}

static void on_stopped(void *user) {
  side *s = user;
  s->stopped = true;
}

#define RUN_UNTIL(condition)                                                       \
  do {                                                                             \
    uint64_t end_ns = uv_hrtime() + UINT64_C(10000000000);                         \
    while (!(condition) && uv_hrtime() < end_ns) uv_run(client.loop, UV_RUN_ONCE); \
    assert_true(condition);                                                        \
  } while (0)

static void finish(lrm_uv_listener *listener) {
  lrm_uv_drive_stop(client.drive, LRM_CODE_NORMAL, on_stopped, &client);
  RUN_UNTIL(client.stopped);
  lrm_uv_drive_destroy(client.drive);
  if (listener != NULL) lrm_uv_listener_close(listener);
  uv_run(client.loop, UV_RUN_DEFAULT);
  assert_null(server.drive);
  lrm_link_destroy(client.link);
  assert_int_equal(uv_loop_close(client.loop), 0);
}

static void carries_a_log(const char *text) {
  uv_loop_t loop;
  lrm_url reach;
  lrm_uv_listener *listener = begin(&loop, text, &reach);
  connect_client(&reach);
  RUN_UNTIL(client.next == BLOCKS);
  assert_int_equal(client.downs, 0);
  assert_true(server.drained > 0);
  finish(listener);
  assert_int_equal(server.goaway, LRM_CODE_NORMAL);
}

static void carries_a_log_over_tcp_and_unix(void **state) {
  (void)state;
  char text[100];
  carries_a_log("tcp://127.0.0.1:0");
  snprintf(text, sizeof text, "unix:///tmp/lrm-drive-%ld.sock", (long)getpid());
  carries_a_log(text);
}

static void comes_back_after_cuts(void **state) {
  (void)state;
  uv_loop_t loop;
  lrm_url reach;
  lrm_uv_listener *listener = begin(&loop, "tcp://127.0.0.1:0", &reach);
  connect_client(&reach);
  for (unsigned cut = 1; cut <= 3; cut++) {
    RUN_UNTIL(server.drive != NULL && client.welcomes >= cut && client.next > cut * 10);
    /* The server's side vanishes in the middle of a block. */
    lrm_uv_drive *gone = server.drive;
    lrm_link *link = server.link;
    server.drive = NULL;
    server.link = NULL;
    lrm_uv_drive_destroy(gone);
    RUN_UNTIL(client.downs == cut);
    assert_true(client.retry_ns != UINT64_MAX);
    lrm_link_destroy(link);
  }
  RUN_UNTIL(client.next == BLOCKS);
  assert_int_equal(client.welcomes, 4);
  finish(listener);
}

static void tries_again_where_nobody_listens(void **state) {
  (void)state;
  uv_loop_t loop;
  lrm_url reach;
  lrm_uv_listener *listener = begin(&loop, "tcp://127.0.0.1:0", &reach);
  lrm_uv_listener_close(listener);
  uv_run(&loop, UV_RUN_DEFAULT);
  connect_client(&reach);
  RUN_UNTIL(client.downs >= 3);
  assert_true(client.retry_ns != UINT64_MAX);
  char error[300];
  assert_int_equal(
      lrm_uv_listen(&loop, &reach, NULL, on_accepted, NULL, &listener, error, sizeof error), 0);
  RUN_UNTIL(client.next == BLOCKS);
  finish(listener);
}

static void stops_while_it_waits_and_while_it_connects(void **state) {
  (void)state;
  /* Nothing listens there; and a listener that has not answered yet. No name is looked up: how long
   * that takes is the resolver's business. */
  for (size_t i = 0; i < 2; i++) {
    uv_loop_t loop;
    lrm_url reach, other;
    lrm_uv_listener *listener = begin(&loop, "tcp://127.0.0.1:0", &reach);
    assert_int_equal(lrm_url_parse("tcp://127.0.0.1:1", &other, NULL, 0), 0);
    connect_client(i == 0 ? &other : &reach);
    if (i == 0) RUN_UNTIL(client.downs >= 1);
    if (i == 1) uv_run(&loop, UV_RUN_NOWAIT);
    finish(listener);
  }
}

/* A peer that says HELLO and OPEN and then reads nothing: the goodbye does not wait for it. */
static void gives_up_a_peer_that_does_not_read(void **state) {
  (void)state;
  uv_loop_t loop;
  lrm_url reach;
  lrm_uv_listener *listener = begin(&loop, "tcp://127.0.0.1:0", &reach);
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .link_id = {{1}},
                            .credit_window_bytes = 64u * 1024 * 1024,
                            .role = remote_v1_Role_ROLE_CLIENT,
                            .token = "token"};
  assert_int_equal(lrm_link_create(&config, &client.link), 0);
  assert_int_equal(lrm_link_attach(client.link, 1), 0);
  remote_v1_Open open = remote_v1_Open_init_zero;
  open.session_id.size = 16;
  open.log = remote_v1_Log_LOG_EVENTS;
  open.direction = remote_v1_Direction_DIRECTION_SUBSCRIBE;
  assert_int_equal(lrm_link_open(client.link, &open, 0, &client.channel, 1), 0);
  uint8_t flight[8192];
  size_t bytes = 0;
  assert_int_equal(lrm_link_outgoing(client.link, flight, sizeof flight, &bytes, 1), 0);
  int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", reach.port, &address);
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(send(fd, flight, bytes, 0), (ssize_t)bytes);
  for (int i = 0; i < 400; i++) {
    uv_run(&loop, UV_RUN_NOWAIT);
    usleep(500);
  }
  assert_non_null(server.drive);
  uint64_t before_ns = uv_hrtime();
  lrm_link *link = server.link;
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = LRM_CODE_DRAIN;
  assert_int_equal(lrm_link_goaway(link, &problem, lrm_uv_now_ns(&loop)), 0);
  lrm_uv_drive_kick(server.drive);
  RUN_UNTIL(server.drive == NULL);
  assert_in_range((uv_hrtime() - before_ns) / 1000000, 900, 2300);
  close(fd);
  lrm_uv_listener_close(listener);
  uv_run(&loop, UV_RUN_DEFAULT);
  lrm_link_destroy(client.link);
  assert_int_equal(uv_loop_close(&loop), 0);
}

/* A carrier of messages, in memory: keeps what is written. */
typedef struct mail {
  lrm_carrier base;
  uint8_t sent[4096];
  size_t bytes;
  bool closed;
} mail;

static size_t mail_room(const lrm_carrier *carrier) {
  (void)carrier;
  return LRM_CARRIER_BUFFER_BYTES_MAX;
}

static int mail_write(lrm_carrier *carrier, const lrm_slice *parts, size_t count) {
  mail *m = (mail *)carrier;
  for (size_t i = 0; i < count; i++) {
    assert_true(m->bytes + parts[i].bytes <= sizeof m->sent);
    memcpy(m->sent + m->bytes, parts[i].data, parts[i].bytes);
    m->bytes += parts[i].bytes;
  }
  return 0;
}

static void mail_close(lrm_carrier *carrier, bool flush) {
  (void)flush;
  ((mail *)carrier)->closed = true;
}

static const lrm_carrier_ops mail_ops = {"mail", mail_room, mail_write, mail_close, true};

/* GOAWAY 4001 is among what was sent. */
static bool says_protocol(const mail *m) {
  lrm_frame frame;
  size_t consumed = 0, wanted;
  for (size_t at = 0; at < m->bytes; at += consumed) {
    assert_int_equal(
        lrm_frame_decode(m->sent + at, m->bytes - at, sizeof m->sent, &frame, &consumed, &wanted),
        0);
    assert_true(consumed > 0);
    const uint8_t *problem = frame.payload.data;
    if (frame.type == LRM_FRAME_GOAWAY && frame.payload.bytes > 3 && problem[0] == 0x08) {
      return (problem[1] & 0x7f) + problem[2] * 128 == LRM_CODE_PROTOCOL;
    }
  }
  return false;
}

/* Gives a message, after `first` when there is one, to a fresh accepting side; true: it said GOAWAY
 * 4001 and closed. */
static bool refuses_message(lrm_slice first, const uint8_t *data, size_t bytes, size_t *taken) {
  uv_loop_t loop;
  mail m = {.base = {.ops = &mail_ops}};
  memset(&server, 0, sizeof server);
  uv_loop_init(&loop);
  server.loop = client.loop = &loop;
  server.accepting = true;
  server.ops = (lrm_uv_drive_ops){on_event, fetch, on_down, on_drained};
  server_config = (lrm_link_config){.struct_bytes = sizeof server_config,
                                    .side = LRM_SIDE_ACCEPTING,
                                    .allocator = lrm_allocator_default(),
                                    .seed = 1};
  on_accepted(NULL, &m.base);
  size_t wanted = 0;
  if (first.bytes > 0) {
    size_t hello =
        m.base.owner.received(m.base.owner_user, &m.base, first.data, first.bytes, &wanted);
    assert_int_equal(hello, first.bytes);
  }
  *taken = m.base.owner.received(m.base.owner_user, &m.base, data, bytes, &wanted);
  while (m.bytes == 0) uv_run(&loop, UV_RUN_NOWAIT);
  bool refused = says_protocol(&m);
  while (refused && !m.closed) uv_run(&loop, UV_RUN_NOWAIT);
  assert_true(m.closed == refused);
  m.base.owner.down(m.base.owner_user, &m.base, 0, "");
  assert_null(server.drive);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  return refused;
}

/* What is half a frame at the end of a message can never become a whole one. */
static void refuses_a_message_that_ends_inside_a_frame(void **state) {
  (void)state;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = 2,
                            .link_id = {{1}},
                            .role = remote_v1_Role_ROLE_CLIENT,
                            .token = "token"};
  assert_int_equal(lrm_link_create(&config, &client.link), 0);
  assert_int_equal(lrm_link_attach(client.link, 1), 0);
  uint8_t flight[8192];
  size_t bytes = 0, taken;
  assert_int_equal(lrm_link_outgoing(client.link, flight, sizeof flight, &bytes, 1), 0);
  lrm_link_destroy(client.link);
  const lrm_slice none = {NULL, 0};
  assert_false(refuses_message(none, flight, bytes, &taken));
  assert_int_equal(taken, bytes);
  for (size_t cut = 1; cut < bytes; cut++) {
    assert_true(refuses_message(none, flight, cut, &taken));
    assert_int_equal(taken, cut);
  }
  /* Whole frames, but too many for one message: unknown types are skipped. */
  static const uint8_t filler[4000];
  static uint8_t large[LRM_BATCH_BYTES_MAX + 8192];
  lrm_frame frame = {.type = LRM_FRAME_TYPE_SKIPPED_MIN, .payload = {filler, sizeof filler}};
  size_t total = 0, frame_bytes;
  while (total <= LRM_BATCH_BYTES_MAX) {
    assert_int_equal(lrm_frame_encode(&frame, large + total, sizeof large - total, &frame_bytes),
                     0);
    total += frame_bytes;
  }
  lrm_slice hello = {flight, bytes};
  assert_false(refuses_message(hello, large, total - frame_bytes, &taken));
  assert_int_equal(taken, total - frame_bytes);
  assert_true(refuses_message(hello, large, total, &taken));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(carries_a_log_over_tcp_and_unix),
      cmocka_unit_test(comes_back_after_cuts),
      cmocka_unit_test(tries_again_where_nobody_listens),
      cmocka_unit_test(stops_while_it_waits_and_while_it_connects),
      cmocka_unit_test(gives_up_a_peer_that_does_not_read),
      cmocka_unit_test(refuses_a_message_that_ends_inside_a_frame),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
