/* gRPC carriers on loopback: messages of every size, back-pressure, many at a time, every way to
 * end, TLS, and what is not gRPC on the port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../carrier_tls/tls_certs.h"
#include "remote/carrier_grpc.h"

/* One end of a carrier: counts what happens to it. */
typedef struct end {
  lrm_carrier *carrier;
  uint8_t *seen;
  size_t seen_bytes, messages, largest;
  size_t holds;    /* consumes nothing so many times */
  bool echo, deaf; /* deaf: consumes nothing */
  bool is_up, is_down;
  unsigned writable;
  int error;
  char text[300];
} end;

enum { ENDS = 64 };
static end servers[ENDS], clients[ENDS];
static size_t accepted, refuse_all;
static uv_loop_t loop;
static lrm_uv_settings server_settings, client_settings;
static bool listener_gone;

static const lrm_uv_kind *const kinds[] = {&lrm_grpc_kind, NULL};

static void on_up(void *user, lrm_carrier *carrier) {
  end *e = user;
  assert_false(e->is_up || e->is_down);
  assert_ptr_equal(e->carrier, carrier);
  e->is_up = true;
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  end *e = user;
  assert_true(bytes > 0);
  if (e->deaf) return 0;
  if (e->holds > 0) {
    e->holds--;
    *wanted = 0;
    return 0;
  }
  e->messages++;
  if (bytes > e->largest) e->largest = bytes;
  if (e->echo) {
    lrm_slice slice = {data, bytes};
    assert_int_equal(lrm_carrier_write(carrier, &slice, 1), 0);
  } else {
    e->seen = realloc(e->seen, e->seen_bytes + bytes);
    assert_non_null(e->seen);
    memcpy(e->seen + e->seen_bytes, data, bytes);
  }
  e->seen_bytes += bytes;
  return bytes;
}

static void on_writable(void *user, lrm_carrier *carrier) {
  end *e = user;
  assert_true(lrm_carrier_room(carrier) > 0);
  e->writable++;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  end *e = user;
  (void)carrier;
  assert_false(e->is_down);
  e->is_down = true;
  e->carrier = NULL;
  e->error = error;
  snprintf(e->text, sizeof e->text, "%s", text);
}

static const lrm_carrier_owner owner = {on_up, on_received, on_writable, on_down};

static void on_accepted(void *user, lrm_carrier *carrier) {
  (void)user;
  if (refuse_all || accepted == ENDS) return;
  end *e = &servers[accepted++];
  e->carrier = carrier;
  e->is_up = true;
  carrier->owner = owner;
  carrier->owner_user = e;
}

static void on_closed(void *user) {
  (void)user;
  listener_gone = true;
}

#define UNTIL(condition)                               \
  do {                                                 \
    uint64_t give_up_ns = uv_hrtime() + 90000000000u;  \
    while (!(condition) && uv_hrtime() < give_up_ns) { \
      uv_run(&loop, UV_RUN_NOWAIT);                    \
      usleep(200);                                     \
    }                                                  \
    assert_true(condition);                            \
  } while (0)

static void clear_ends(void) {
  for (size_t i = 0; i < ENDS; i++) {
    free(servers[i].seen);
    free(clients[i].seen);
  }
  memset(servers, 0, sizeof servers);
  memset(clients, 0, sizeof clients);
  accepted = refuse_all = 0;
}

static lrm_uv_listener *begin(const char *text, lrm_url *reach) {
  static const lrm_grpc_listener_ops ops = {.accepted = on_accepted, .closed = on_closed};
  char error[400];
  lrm_url url;
  uv_loop_init(&loop);
  listener_gone = false;
  server_settings.struct_bytes = client_settings.struct_bytes = sizeof server_settings;
  server_settings.kinds = client_settings.kinds = kinds;
  assert_int_equal(lrm_url_parse(text, &url, error, sizeof error), 0);
  lrm_uv_listener *listener = NULL;
  int result =
      lrm_grpc_listen(&loop, &url, &server_settings, &ops, NULL, &listener, error, sizeof error);
  if (result != 0) print_error("%s\n", error);
  assert_int_equal(result, 0);
  assert_int_equal(lrm_url_parse(lrm_uv_listener_url(listener), reach, error, sizeof error), 0);
  return listener;
}

static void dial(const lrm_url *reach, end *e) {
  assert_int_equal(lrm_uv_connect(&loop, reach, &client_settings, &owner, e, &e->carrier), 0);
  assert_false(e->is_up || e->is_down); /* never from inside the call */
}

static void finish(lrm_uv_listener *listener) {
  for (size_t i = 0; i < ENDS; i++) {
    if (clients[i].carrier != NULL) lrm_carrier_close(clients[i].carrier, false);
    if (servers[i].carrier != NULL) lrm_carrier_close(servers[i].carrier, false);
  }
  if (listener != NULL) lrm_uv_listener_close(listener);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_true(listener == NULL || listener_gone);
  assert_int_equal(uv_loop_close(&loop), 0);
  clear_ends();
  memset(&server_settings, 0, sizeof server_settings);
  memset(&client_settings, 0, sizeof client_settings);
}

static void pair(const lrm_url *reach) {
  dial(reach, &clients[0]);
  UNTIL(clients[0].is_up && accepted == 1);
}

static void carries_messages_of_every_size(void **state) {
  (void)state;
  static const size_t sizes[] = {
      0, 1, 2, 16383, 16384, 65536, LRM_BATCH_BYTES_MAX - 1, LRM_BATCH_BYTES_MAX};
  static uint8_t data[LRM_BATCH_BYTES_MAX + 4096];
  lrm_url reach;
  lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
  pair(&reach);
  assert_string_equal(servers[0].carrier->ops->scheme, "grpc");
  assert_true(strncmp(servers[0].carrier->peer, "127.0.0.1:", 10) == 0);
  assert_true(strncmp(clients[0].carrier->peer, "127.0.0.1:", 10) == 0);
  servers[0].echo = true;
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 7 + i / 251);
  size_t total = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    lrm_slice parts[3] = {{data, sizes[i] / 3}, {NULL, 0}, {NULL, 0}};
    parts[2] = (lrm_slice){data + parts[0].bytes, sizes[i] - parts[0].bytes};
    assert_int_equal(lrm_carrier_write(clients[0].carrier, parts, 3), 0);
    total += sizes[i];
    UNTIL(clients[0].seen_bytes == total && lrm_carrier_room(clients[0].carrier) > 0);
    assert_memory_equal(clients[0].seen + total - sizes[i], data, sizes[i]);
  }
  assert_int_equal(servers[0].largest, LRM_BATCH_BYTES_MAX);
  /* One byte too many reaches the owner, who says why it ends; far too many does not. */
  lrm_slice over = {data, LRM_BATCH_BYTES_MAX + 1};
  assert_int_equal(lrm_carrier_write(clients[0].carrier, &over, 1), 0);
  UNTIL(servers[0].largest == LRM_BATCH_BYTES_MAX + 1);
  over.bytes = LRM_BATCH_BYTES_MAX + 1025;
  assert_int_equal(lrm_carrier_write(clients[0].carrier, &over, 1), 0);
  UNTIL(clients[0].is_down && servers[0].is_down);
  assert_int_equal(clients[0].error, LRM_ERR_CARRIER);
  finish(listener);
}

/* Writes that wait are joined: fewer messages, the same bytes. */
static void joins_what_waits(void **state) {
  (void)state;
  lrm_url reach;
  lrm_uv_listener *listener = begin("grpc://localhost:0", &reach);
  pair(&reach);
  servers[0].holds = 3; /* offered again, as it is */
  size_t total = 0, writes = 0;
  while (total < 100000) {
    uint8_t data[700];
    size_t bytes = 1 + (total * 31) % sizeof data;
    for (size_t i = 0; i < bytes; i++) data[i] = (uint8_t)(total + i);
    lrm_slice slice = {data, bytes};
    assert_int_equal(lrm_carrier_write(clients[0].carrier, &slice, 1), 0);
    total += bytes;
    writes++;
  }
  UNTIL(servers[0].seen_bytes == total);
  for (size_t i = 0; i < total; i++) assert_int_equal(servers[0].seen[i], (uint8_t)i);
  assert_true(servers[0].messages < writes / 4);
  assert_int_equal(servers[0].holds, 0);
  finish(listener);
}

static void a_slow_reader_bounds_the_queue(void **state) {
  (void)state;
  static uint8_t block[10000];
  lrm_url reach;
  lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
  pair(&reach);
  clients[0].deaf = true;
  size_t written = 0, still = 0;
  while (still < 300) { /* until nothing moves any more */
    still++;
    while (lrm_carrier_room(servers[0].carrier) > 0) {
      lrm_slice slice = {block, sizeof block};
      assert_int_equal(lrm_carrier_write(servers[0].carrier, &slice, 1), 0);
      written += sizeof block;
      still = 0;
      assert_true(written < 16u * 1024 * 1024);
    }
    uv_run(&loop, UV_RUN_NOWAIT);
    usleep(500);
  }
  while (lrm_carrier_room(servers[0].carrier) > 0) { /* so that it is told when there is room */
    lrm_slice slice = {block, sizeof block};
    assert_int_equal(lrm_carrier_write(servers[0].carrier, &slice, 1), 0);
    written += sizeof block;
  }
  unsigned before = servers[0].writable;
  clients[0].deaf = false;
  UNTIL(clients[0].seen_bytes == written);
  UNTIL(servers[0].writable > before);
  finish(listener);
}

static void many_at_a_time(void **state) {
  (void)state;
  enum { MANY = 50, EACH = 40 };
  static const uint8_t ping[100] = {1, 2, 3};
  const lrm_slice slice = {ping, sizeof ping};
  lrm_url reach;
  lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
  for (size_t i = 0; i < MANY; i++) dial(&reach, &clients[i]);
  size_t done = 0;
  for (size_t i = 0; i < MANY; i++) UNTIL(clients[i].is_up);
  UNTIL(accepted == MANY);
  for (size_t i = 0; i < MANY; i++) servers[i].echo = true;
  for (size_t round = 0; round < EACH; round++) {
    for (size_t i = 0; i < MANY; i++) {
      assert_int_equal(lrm_carrier_write(clients[i].carrier, &slice, 1), 0);
    }
    uv_run(&loop, UV_RUN_NOWAIT);
  }
  for (size_t i = 0; i < MANY; i++) {
    UNTIL(clients[i].seen_bytes == EACH * sizeof ping);
    done++;
  }
  assert_int_equal(done, MANY);
  finish(listener);
}

/* Closed by either side, with and without a flush, before and after anything was said. */
static void ends_at_every_stage(void **state) {
  (void)state;
  static uint8_t data[200000];
  const lrm_slice slice = {data, sizeof data};
  for (unsigned stage = 0; stage < 6; stage++) {
    for (unsigned how = 0; how < 4; how++) {
      bool flush = how & 1, by_client = (how & 2) != 0;
      lrm_url reach;
      lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
      end *closer = by_client ? &clients[0] : &servers[0],
          *other = by_client ? &servers[0] : &clients[0];
      dial(&reach, &clients[0]);
      if (stage == 1) uv_run(&loop, UV_RUN_NOWAIT);
      if (stage >= 2 || !by_client) UNTIL(clients[0].is_up && accepted == 1);
      if (stage >= 3) assert_int_equal(lrm_carrier_write(closer->carrier, &slice, 1), 0);
      if (stage == 4) UNTIL(other->seen_bytes > 0);
      if (stage == 5) other->deaf = true;
      uint64_t began_ns = uv_hrtime();
      lrm_carrier_close(closer->carrier, flush);
      UNTIL(closer->is_down);
      assert_int_equal(closer->error, 0);
      if (accepted > 0) UNTIL(other->is_down);
      if (accepted > 0) assert_int_equal(other->error, LRM_ERR_CARRIER);
      /* What was written before an orderly end arrives, within the second that it has. */
      bool in_time = uv_hrtime() - began_ns < 900000000u;
      if (flush && in_time && (stage == 3 || stage == 4))
        assert_int_equal(other->seen_bytes, sizeof data);
      finish(listener);
    }
  }
}

static void says_why_it_cannot_connect(void **state) {
  (void)state;
  lrm_url reach, again;
  char error[400];
  lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
  /* The same port twice. */
  lrm_uv_listener *second = NULL;
  again = reach;
  assert_int_equal(lrm_uv_listen(&loop, &again, &server_settings, on_accepted, NULL, &second, error,
                                 sizeof error),
                   LRM_ERR_CARRIER);
  assert_non_null(strstr(error, "in use"));
  refuse_all = 1;
  dial(&reach, &clients[0]);
  UNTIL(clients[0].is_down);
  assert_non_null(strstr(clients[0].text, "come back later"));
  lrm_uv_listener_close(listener);
  UNTIL(listener_gone);
  dial(&reach, &clients[1]);
  UNTIL(clients[1].is_down);
  assert_false(clients[1].is_up);
  assert_non_null(strstr(clients[1].text, "cannot connect to grpc://127.0.0.1:"));
  assert_non_null(strstr(clients[1].text, "refused"));
  assert_int_equal(lrm_url_parse("grpc://no.such.host.invalid:7443", &again, error, sizeof error),
                   0);
  dial(&again, &clients[2]);
  UNTIL(clients[2].is_down);
  assert_false(clients[2].is_up);
  finish(NULL);
}

/* A closed listener takes nothing new, and what is there lives on until it is cancelled. */
static void lets_carriers_live_on_after_closing(void **state) {
  (void)state;
  static const lrm_slice slice = {(const uint8_t *)"hello", 5};
  lrm_url reach;
  lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
  pair(&reach);
  servers[0].echo = true;
  lrm_uv_listener_close(listener);
  assert_int_equal(lrm_carrier_write(clients[0].carrier, &slice, 1), 0);
  UNTIL(clients[0].seen_bytes == 5);
  dial(&reach, &clients[1]);
  UNTIL(clients[1].is_down);
  assert_false(listener_gone || clients[0].is_down);
  lrm_grpc_listener_cancel(listener);
  UNTIL(clients[0].is_down && servers[0].is_down && listener_gone);
  finish(NULL);
}

static size_t open_files(void) {
  size_t count = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir) != NULL) count++;
  closedir(dir);
  return count;
}

static size_t threads(void) {
  size_t count = 0;
  DIR *dir = opendir("/proc/self/task");
  while (readdir(dir) != NULL) count++;
  closedir(dir);
  return count - 2;
}

static void comes_back_without_growing(void **state) {
  (void)state;
  lrm_url reach;
  lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
  size_t files = 0;
  for (unsigned i = 0; i < 300; i++) {
    pair(&reach);
    bool by_client = i % 2 == 0;
    lrm_carrier_close(by_client ? clients[0].carrier : servers[0].carrier, i % 3 == 0);
    UNTIL(clients[0].is_down && servers[0].is_down);
    clear_ends();
    if (i == 50) files = open_files();
    assert_true(threads() < 40);
  }
  UNTIL(open_files() <= files + 4);
  finish(listener);
}

/* Bytes that are not HTTP/2, and connections that say nothing: the others do not notice. */
static void garbage_on_the_port(void **state) {
  (void)state;
  static const lrm_slice slice = {(const uint8_t *)"hello", 5};
  static const char http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  lrm_url reach;
  lrm_uv_listener *listener = begin("grpc://127.0.0.1:0", &reach);
  int fds[30];
  for (size_t i = 0; i < 30; i++) {
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", reach.port, &address);
    fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);
    uint8_t noise[500];
    for (size_t k = 0; k < sizeof noise; k++) noise[k] = (uint8_t)(k * k * 31 + i * 7 + 3);
    if (i % 3 == 0) assert_true(send(fds[i], noise, sizeof noise, MSG_NOSIGNAL) > 0);
    if (i % 3 == 1) assert_true(send(fds[i], http, sizeof http - 1, MSG_NOSIGNAL) > 0);
  }
  pair(&reach);
  servers[0].echo = true;
  assert_int_equal(lrm_carrier_write(clients[0].carrier, &slice, 1), 0);
  UNTIL(clients[0].seen_bytes == 5);
  for (size_t i = 0; i < 30; i++) close(fds[i]);
  assert_int_equal(accepted, 1);
  finish(listener);
}

/* ---- TLS ---- */

static void make_certificates(void) {
  static bool made;
  if (made) return;
  made = true;
  cert_make("ca", &(cert_wish){.issuer = "ca", .authority = true, .names = ""});
  cert_make("other_ca", &(cert_wish){.issuer = "other_ca", .authority = true, .names = ""});
  cert_make("server", &(cert_wish){0});
  cert_make("elsewhere", &(cert_wish){.names = "DNS:elsewhere.example"});
  cert_make("client", &(cert_wish){.names = "DNS:phone", .client = true});
}

static char *keep(const char *name) { return strdup(cert_path(name)); }

static void tls_settings(const char *server_name) {
  char name[100];
  make_certificates();
  snprintf(name, sizeof name, "%s.pem", server_name);
  server_settings.trust.cert_file = keep(name);
  snprintf(name, sizeof name, "%s.key", server_name);
  server_settings.trust.key_file = keep(name);
  client_settings.trust.ca_file = keep("ca.pem");
}

static void free_settings(void) {
  free((char *)(uintptr_t)server_settings.trust.ca_file);
  free((char *)(uintptr_t)server_settings.trust.cert_file);
  free((char *)(uintptr_t)server_settings.trust.key_file);
  free((char *)(uintptr_t)client_settings.trust.ca_file);
  free((char *)(uintptr_t)client_settings.trust.cert_file);
  free((char *)(uintptr_t)client_settings.trust.key_file);
  memset(&server_settings.trust, 0, sizeof server_settings.trust);
  memset(&client_settings.trust, 0, sizeof client_settings.trust);
}

static void expect_refusal(const lrm_url *reach, end *e, const char *words) {
  dial(reach, e);
  UNTIL(e->is_down);
  assert_false(e->is_up);
  if (strstr(e->text, words) == NULL) print_error("%s\n", e->text);
  assert_non_null(strstr(e->text, words));
}

static void tls_trusts_whom_it_should(void **state) {
  (void)state;
  static const lrm_slice slice = {(const uint8_t *)"hello", 5};
  lrm_url reach, plain;
  tls_settings("server");
  lrm_uv_listener *listener = begin("grpcs://localhost:0", &reach);
  assert_string_equal(reach.scheme, "grpcs");
  pair(&reach);
  servers[0].echo = true;
  assert_int_equal(lrm_carrier_write(clients[0].carrier, &slice, 1), 0);
  UNTIL(clients[0].seen_bytes == 5);
  /* Another authority, and none but the system's. */
  lrm_uv_trust good = client_settings.trust;
  client_settings.trust.ca_file = keep("other_ca.pem");
  expect_refusal(&reach, &clients[1], "not signed by anybody");
  free((char *)(uintptr_t)client_settings.trust.ca_file);
  client_settings.trust.ca_file = NULL;
  expect_refusal(&reach, &clients[2], "not signed by anybody");
  client_settings.trust.ca_file = "/no/such/file";
  expect_refusal(&reach, &clients[3], "/no/such/file");
  client_settings.trust = good;
  /* Without TLS where there is TLS. */
  plain = reach;
  memcpy(plain.scheme, "grpc", 5);
  dial(&plain, &clients[4]);
  UNTIL(clients[4].is_down);
  assert_false(clients[4].is_up);
  /* A certificate that is read anew holds for the next connection; a broken one changes nothing. */
  char error[400];
  lrm_uv_trust before = server_settings.trust;
  server_settings.trust.cert_file = keep("elsewhere.pem");
  server_settings.trust.key_file = keep("elsewhere.key");
  assert_int_equal(lrm_uv_listener_reload(listener, error, sizeof error), 0);
  expect_refusal(&reach, &clients[5], "another name");
  free((char *)(uintptr_t)server_settings.trust.cert_file);
  free((char *)(uintptr_t)server_settings.trust.key_file);
  server_settings.trust = before;
  assert_int_equal(lrm_uv_listener_reload(listener, error, sizeof error), 0);
  server_settings.trust.key_file = "/no/such/key";
  assert_true(lrm_uv_listener_reload(listener, error, sizeof error) != 0);
  assert_non_null(strstr(error, "/no/such/key"));
  server_settings.trust = before;
  dial(&reach, &clients[6]);
  UNTIL(clients[6].is_up);
  assert_false(clients[0].is_down);
  free_settings();
  finish(listener);
}

static void tls_asks_clients_for_certificates(void **state) {
  (void)state;
  lrm_url reach;
  tls_settings("server");
  server_settings.trust.ca_file = keep("ca.pem");
  lrm_uv_listener *listener = begin("grpcs://127.0.0.1:0", &reach);
  dial(&reach, &clients[0]);
  UNTIL(clients[0].is_down);
  assert_int_equal(accepted, 0);
  client_settings.trust.cert_file = keep("client.pem");
  client_settings.trust.key_file = keep("client.key");
  dial(&reach, &clients[1]);
  UNTIL(clients[1].is_up && accepted == 1);
  free_settings();
  finish(listener);
}

static void tls_needs_a_certificate_to_listen(void **state) {
  (void)state;
  char error[400];
  lrm_url url;
  uv_loop_init(&loop);
  server_settings.struct_bytes = sizeof server_settings;
  server_settings.kinds = kinds;
  assert_int_equal(lrm_url_parse("grpcs://127.0.0.1:0", &url, error, sizeof error), 0);
  lrm_uv_listener *listener = NULL;
  assert_true(lrm_uv_listen(&loop, &url, &server_settings, on_accepted, NULL, &listener, error,
                            sizeof error) != 0);
  assert_non_null(strstr(error, "certificate"));
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(carries_messages_of_every_size),
      cmocka_unit_test(joins_what_waits),
      cmocka_unit_test(a_slow_reader_bounds_the_queue),
      cmocka_unit_test(many_at_a_time),
      cmocka_unit_test(ends_at_every_stage),
      cmocka_unit_test(says_why_it_cannot_connect),
      cmocka_unit_test(lets_carriers_live_on_after_closing),
      cmocka_unit_test(comes_back_without_growing),
      cmocka_unit_test(garbage_on_the_port),
      cmocka_unit_test(tls_trusts_whom_it_should),
      cmocka_unit_test(tls_asks_clients_for_certificates),
      cmocka_unit_test(tls_needs_a_certificate_to_listen),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
