/* Carriers on real sockets: echo, partial frames, a slow reader, addresses that do not work. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "remote/carrier_uv.h"
#include "remote/limits.h"

/* One end of a test: counts what happens to it. */
typedef struct endpoint {
  lrm_carrier *carrier;
  uint8_t *seen;
  size_t seen_bytes;
  size_t chunk; /* consumes multiples of this only; 0: everything */
  bool echo;
  bool is_up, is_down;
  unsigned writable;
  unsigned calls;
  int error;
  char text[200];
} endpoint;

static endpoint server, client;

static void on_up(void *user, lrm_carrier *carrier) {
  endpoint *e = user;
  assert_false(e->is_down);
  e->is_up = true;
  e->carrier = carrier;
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  endpoint *e = user;
  e->calls++;
  size_t take = e->chunk != 0 ? bytes - bytes % e->chunk : bytes;
  *wanted = e->chunk;
  e->seen = realloc(e->seen, e->seen_bytes + take + 1);
  assert_non_null(e->seen);
  memcpy(e->seen + e->seen_bytes, data, take);
  e->seen_bytes += take;
  lrm_slice slice = {data, take};
  if (e->echo && take > 0) assert_int_equal(lrm_carrier_write(carrier, &slice, 1), 0);
  return take;
}

static void on_writable(void *user, lrm_carrier *carrier) {
  endpoint *e = user;
  assert_true(lrm_carrier_room(carrier) > 0);
  e->writable++;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  endpoint *e = user;
  (void)carrier;
  assert_false(e->is_down);
  e->is_down = true;
  e->carrier = NULL;
  e->error = error;
  snprintf(e->text, sizeof e->text, "%s", text);
}

static const lrm_carrier_owner owner = {on_up, on_received, on_writable, on_down};

static void on_accepted(void *user, lrm_carrier *carrier) {
  endpoint *e = user;
  carrier->owner = owner;
  carrier->owner_user = e;
  e->carrier = carrier;
  e->is_up = true;
}

static void clear(void) {
  free(server.seen);
  free(client.seen);
  memset(&server, 0, sizeof server);
  memset(&client, 0, sizeof client);
}

static void run_until(uv_loop_t *loop, const bool *condition) {
  for (unsigned i = 0; i < 200000 && !*condition; i++) uv_run(loop, UV_RUN_ONCE);
  assert_true(*condition);
}

static lrm_uv_listener *listen_on(uv_loop_t *loop, const char *text, lrm_url *reach) {
  lrm_url url;
  char error[300];
  assert_int_equal(lrm_url_parse(text, &url, error, sizeof error), 0);
  lrm_uv_listener *listener = NULL;
  int result =
      lrm_uv_listen(loop, &url, NULL, on_accepted, &server, &listener, error, sizeof error);
  if (result != 0) print_error("%s\n", error);
  assert_int_equal(result, 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(listener), reach, error, sizeof error), 0);
  return listener;
}

static void close_all(uv_loop_t *loop, lrm_uv_listener *listener) {
  if (client.carrier != NULL) lrm_carrier_close(client.carrier, false);
  if (server.carrier != NULL) lrm_carrier_close(server.carrier, false);
  if (listener != NULL) lrm_uv_listener_close(listener);
  uv_run(loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(loop), 0);
  clear();
}

static void echo_over(const char *text, size_t server_chunk, size_t client_chunk) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  lrm_url reach;
  lrm_uv_listener *listener = listen_on(&loop, text, &reach);
  server.echo = true;
  server.chunk = server_chunk;
  client.chunk = client_chunk;
  assert_int_equal(lrm_uv_connect(&loop, &reach, NULL, &owner, &client, &client.carrier), 0);
  assert_false(client.is_up); /* never from inside the call */
  run_until(&loop, &client.is_up);
  assert_true(strlen(client.carrier->peer) > 0);

  /* 1200000 divides by both chunks, so nothing may be left over. */
  enum { TOTAL = 1200000 };
  uint8_t *data = malloc(TOTAL);
  assert_non_null(data);
  for (size_t i = 0; i < TOTAL; i++) data[i] = (uint8_t)(i * 7 + i / 251);
  size_t sent = 0;
  while (client.seen_bytes < TOTAL) {
    while (sent < TOTAL && lrm_carrier_room(client.carrier) > 0) {
      size_t step = 1 + (sent * 31) % 9000;
      if (step > TOTAL - sent) step = TOTAL - sent;
      lrm_slice parts[3] = {{data + sent, step / 2}, {NULL, 0}, {data + sent + step / 2, 0}};
      parts[2].bytes = step - step / 2;
      assert_int_equal(lrm_carrier_write(client.carrier, parts, 3), 0);
      sent += step;
    }
    uv_run(&loop, UV_RUN_ONCE);
    assert_false(client.is_down);
  }
  assert_memory_equal(client.seen, data, TOTAL);
  free(data);
  close_all(&loop, listener);
}

static void echoes_over_tcp(void **state) {
  (void)state;
  echo_over("tcp://127.0.0.1:0", 0, 0);
  echo_over("tcp://localhost:0", 1000, 400);
}

static void echoes_over_unix(void **state) {
  (void)state;
  char text[100];
  snprintf(text, sizeof text, "unix:///tmp/lrm-carrier-%ld.sock", (long)getpid());
  echo_over(text, 0, 0);
  echo_over(text, 100000, 300);
}

static void a_slow_reader_bounds_the_queue(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  lrm_url reach;
  lrm_uv_listener *listener = listen_on(&loop, "tcp://127.0.0.1:0", &reach);
  /* A plain socket that reads nothing. */
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", reach.port, &address);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  run_until(&loop, &server.is_up);

  static uint8_t frame[10000];
  size_t written = 0;
  while (lrm_carrier_room(server.carrier) > 0) {
    lrm_slice slice = {frame, sizeof frame};
    assert_int_equal(lrm_carrier_write(server.carrier, &slice, 1), 0);
    written += sizeof frame;
    assert_true(lrm_carrier_room(server.carrier) <= LRM_CARRIER_BUFFER_BYTES_MAX);
    assert_true(written < 64u * 1024 * 1024);
  }
  uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(server.writable, 0);
  assert_int_equal(lrm_carrier_room(server.carrier), 0);

  static uint8_t sink[1 << 16];
  size_t got = 0;
  while (got < written) {
    ssize_t n = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
    if (n > 0) got += (size_t)n;
    uv_run(&loop, UV_RUN_NOWAIT);
  }
  assert_int_equal(got, written);
  assert_true(server.writable >= 1);
  assert_int_equal(lrm_carrier_room(server.carrier), LRM_CARRIER_BUFFER_BYTES_MAX);
  close(fd);
  run_until(&loop, &server.is_down);
  assert_int_equal(server.error, LRM_ERR_CARRIER);
  close_all(&loop, listener);
}

static void a_flushed_close_delivers_everything(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  lrm_url reach;
  lrm_uv_listener *listener = listen_on(&loop, "tcp://127.0.0.1:0", &reach);
  assert_int_equal(lrm_uv_connect(&loop, &reach, NULL, &owner, &client, &client.carrier), 0);
  run_until(&loop, &client.is_up);
  run_until(&loop, &server.is_up);
  static uint8_t frame[30000];
  size_t written = 0;
  while (lrm_carrier_room(server.carrier) > 0) {
    lrm_slice slice = {frame, sizeof frame};
    assert_int_equal(lrm_carrier_write(server.carrier, &slice, 1), 0);
    written += sizeof frame;
  }
  lrm_carrier_close(server.carrier, true);
  lrm_slice late = {frame, 1};
  assert_int_equal(lrm_carrier_write(server.carrier, &late, 1), LRM_ERR_CARRIER);
  assert_false(server.is_down);
  run_until(&loop, &client.is_down);
  run_until(&loop, &server.is_down);
  assert_int_equal(client.seen_bytes, written);
  assert_int_equal(server.error, 0);
  close_all(&loop, listener);
}

static void a_flush_that_nobody_reads_ends_within_a_second(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  lrm_url reach;
  lrm_uv_listener *listener = listen_on(&loop, "tcp://127.0.0.1:0", &reach);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", reach.port, &address);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  run_until(&loop, &server.is_up);
  static uint8_t frame[100000];
  lrm_slice slice = {frame, sizeof frame};
  while (lrm_carrier_room(server.carrier) > 0) {
    assert_int_equal(lrm_carrier_write(server.carrier, &slice, 1), 0);
  }
  uint64_t before_ns = lrm_uv_now_ns(&loop);
  lrm_carrier_close(server.carrier, true);
  run_until(&loop, &server.is_down);
  uint64_t took_ns = lrm_uv_now_ns(&loop) - before_ns;
  assert_in_range(took_ns / 1000000, 900, 1800);
  close(fd);
  close_all(&loop, listener);
}

static void tells_why_it_cannot_connect(void **state) {
  (void)state;
  static const char *const urls[] = {"tcp://127.0.0.1:1", "tcp://localhost:1",
                                     "unix:///tmp/lrm-no-such.sock"};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    lrm_url url;
    assert_int_equal(lrm_url_parse(urls[i], &url, NULL, 0), 0);
    assert_int_equal(lrm_uv_connect(&loop, &url, NULL, &owner, &client, &client.carrier), 0);
    assert_false(client.is_down);
    run_until(&loop, &client.is_down);
    assert_false(client.is_up);
    assert_int_equal(client.error, LRM_ERR_CARRIER);
    assert_non_null(strstr(client.text, urls[i]));
    close_all(&loop, NULL);
  }
}

static void may_be_closed_while_connecting(void **state) {
  (void)state;
  static const char *const urls[] = {"tcp://127.0.0.1:1", "tcp://localhost:1"};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    lrm_url url;
    assert_int_equal(lrm_url_parse(urls[i], &url, NULL, 0), 0);
    assert_int_equal(lrm_uv_connect(&loop, &url, NULL, &owner, &client, &client.carrier), 0);
    lrm_carrier_close(client.carrier, true);
    run_until(&loop, &client.is_down);
    assert_int_equal(client.error, 0);
    close_all(&loop, NULL);
  }
}

static void tells_why_it_cannot_listen(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  lrm_url reach;
  char error[300];
  lrm_uv_listener *listener = listen_on(&loop, "tcp://127.0.0.1:0", &reach), *second = NULL;
  assert_int_equal(
      lrm_uv_listen(&loop, &reach, NULL, on_accepted, &server, &second, error, sizeof error),
      LRM_ERR_CARRIER);
  assert_non_null(strstr(error, "in use"));
  assert_non_null(strstr(error, lrm_uv_listener_url(listener)));
  lrm_url far;
  assert_int_equal(lrm_url_parse("tcp://192.0.2.1:0", &far, NULL, 0), 0);
  assert_int_equal(
      lrm_uv_listen(&loop, &far, NULL, on_accepted, &server, &second, error, sizeof error),
      LRM_ERR_CARRIER);
  assert_non_null(strstr(error, "does not have"));
  assert_int_equal(lrm_url_parse("unix:///no/such/dir/x", &far, NULL, 0), 0);
  assert_int_equal(
      lrm_uv_listen(&loop, &far, NULL, on_accepted, &server, &second, error, sizeof error),
      LRM_ERR_CARRIER);
  close_all(&loop, listener);
}

static void unix_sockets_are_private_and_stale_ones_go(void **state) {
  (void)state;
  uv_loop_t loop;
  uv_loop_init(&loop);
  char path[64], text[80], error[300];
  snprintf(path, sizeof path, "/tmp/lrm-stale-%ld.sock", (long)getpid());
  snprintf(text, sizeof text, "unix://%s", path);
  /* A socket file that a dead process left. */
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  close(fd);
  lrm_url reach;
  lrm_uv_listener *listener = listen_on(&loop, text, &reach), *second = NULL;
  struct stat status;
  assert_int_equal(stat(path, &status), 0);
  assert_int_equal(status.st_mode & 0777, 0600);
  /* A living one stays. */
  assert_int_equal(
      lrm_uv_listen(&loop, &reach, NULL, on_accepted, &server, &second, error, sizeof error),
      LRM_ERR_CARRIER);
  assert_non_null(strstr(error, "in use"));
  lrm_uv_listener_close(listener);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(stat(path, &status), -1);
  /* A file that is no socket stays. */
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fclose(file);
  assert_int_equal(
      lrm_uv_listen(&loop, &reach, NULL, on_accepted, &server, &second, error, sizeof error),
      LRM_ERR_CARRIER);
  assert_int_equal(stat(path, &status), 0);
  unlink(path);
  close_all(&loop, NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(echoes_over_tcp),
      cmocka_unit_test(echoes_over_unix),
      cmocka_unit_test(a_slow_reader_bounds_the_queue),
      cmocka_unit_test(a_flushed_close_delivers_everything),
      cmocka_unit_test(a_flush_that_nobody_reads_ends_within_a_second),
      cmocka_unit_test(tells_why_it_cannot_connect),
      cmocka_unit_test(may_be_closed_while_connecting),
      cmocka_unit_test(tells_why_it_cannot_listen),
      cmocka_unit_test(unix_sockets_are_private_and_stale_ones_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
