/* A listener outlives what goes wrong while it accepts: no memory, no descriptors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "remote/carrier_uv.h"

enum { CLIENTS = 3, FDS_MAX = 4096 };

/* The linker puts these in between (--wrap). */
typedef struct uv_carrier uv_carrier;
uv_carrier *__real_lrm__uv_carrier_new(uv_loop_t *loop, bool pipe);
uv_carrier *__wrap_lrm__uv_carrier_new(uv_loop_t *loop, bool pipe);

static unsigned failures_left, accepted;

uv_carrier *__wrap_lrm__uv_carrier_new(uv_loop_t *loop, bool pipe) {
  if (failures_left > 0) {
    failures_left--;
    return NULL;
  }
  return __real_lrm__uv_carrier_new(loop, pipe);
}

static void on_accepted(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier; /* without an owner it is closed */
  accepted++;
}

static lrm_uv_listener *start(uv_loop_t *loop, struct sockaddr_in *address) {
  lrm_url url;
  char error[300];
  lrm_uv_listener *listener = NULL;
  accepted = 0;
  assert_int_equal(uv_loop_init(loop), 0);
  assert_int_equal(lrm_url_parse("tcp://127.0.0.1:0", &url, error, sizeof error), 0);
  assert_int_equal(
      lrm_uv_listen(loop, &url, NULL, on_accepted, NULL, &listener, error, sizeof error), 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(listener), &url, error, sizeof error), 0);
  *address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(url.port)};
  address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return listener;
}

static int connect_to(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
  return fd;
}

static void run_until_accepted(uv_loop_t *loop, unsigned wanted) {
  for (unsigned i = 0; i < 100000 && accepted < wanted; i++) uv_run(loop, UV_RUN_ONCE);
  assert_int_equal(accepted, wanted);
}

static void stop(uv_loop_t *loop, lrm_uv_listener *listener) {
  lrm_uv_listener_close(listener);
  uv_run(loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(loop), 0);
}

static void goes_on_after_a_want_of_memory(void **state) {
  (void)state;
  uv_loop_t loop;
  struct sockaddr_in address;
  int fds[CLIENTS];
  lrm_uv_listener *listener = start(&loop, &address);
  failures_left = 2;
  for (unsigned i = 0; i < CLIENTS; i++) fds[i] = connect_to(&address);
  run_until_accepted(&loop, CLIENTS);
  assert_int_equal(failures_left, 0);
  for (unsigned i = 0; i < CLIENTS; i++) close(fds[i]);
  stop(&loop, listener);
}

static void may_be_closed_while_it_waits_for_memory(void **state) {
  (void)state;
  uv_loop_t loop;
  struct sockaddr_in address;
  lrm_uv_listener *listener = start(&loop, &address);
  failures_left = 1;
  int fd = connect_to(&address);
  while (failures_left > 0) uv_run(&loop, UV_RUN_ONCE);
  close(fd);
  stop(&loop, listener);
  assert_int_equal(accepted, 0);
}

static void goes_on_after_a_want_of_descriptors(void **state) {
  (void)state;
  uv_loop_t loop;
  struct sockaddr_in address;
  struct rlimit before, limit;
  static int taken[FDS_MAX];
  size_t count = 0;
  lrm_uv_listener *listener = start(&loop, &address);
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
  limit = before;
  limit.rlim_cur = 64;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  int first = connect_to(&address), second = connect_to(&address);
  while (count < FDS_MAX && (taken[count] = dup(first)) >= 0) count++;
  assert_in_range(count, 1, FDS_MAX - 1);
  for (unsigned i = 0; i < 20; i++) uv_run(&loop, UV_RUN_NOWAIT);
  assert_int_equal(accepted, 0); /* they were closed at once */
  while (count > 0) close(taken[--count]);
  close(first);
  close(second);
  int third = connect_to(&address);
  run_until_accepted(&loop, 1);
  close(third);
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
  stop(&loop, listener);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(goes_on_after_a_want_of_memory),
      cmocka_unit_test(may_be_closed_while_it_waits_for_memory),
      cmocka_unit_test(goes_on_after_a_want_of_descriptors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
