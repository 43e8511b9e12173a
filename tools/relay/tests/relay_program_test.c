/* The program end to end: starting, stopping, being killed at every point of a commit, and what it
 * says when something is wrong. Real processes on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

typedef struct pair {
  actor host, client;
  uint64_t events, commands;
} pair;

static bool everything_arrived(void *user) {
  const pair *both = user;
  return both->host.events_acked == both->events && both->client.next == both->events &&
         both->client.outbox_acked == both->commands && both->host.done_count == both->commands;
}

static bool is_live(void *user) {
  const actor *a = user;
  return a->live && a->events != 0;
}

static bool has_session(void *user) {
  const pair *both = user;
  return both->host.live && both->host.commands_next == 0 &&
         !lrm_id_none(&both->host.commands_epoch);
}

static bool said_goodbye(void *user) {
  const actor *a = user;
  return a->goaway != 0 || a->refused != 0;
}

static bool never(void *user) {
  (void)user;
  return false;
}

static void token_of(program *p, char *out, size_t bytes) {
  snprintf(out, bytes, "%s", program_file(p, "token"));
  assert_true(strlen(out) >= 64);
}

static mode_t mode_of(const program *p, const char *name) {
  char path[300];
  struct stat facts;
  snprintf(path, sizeof path, "%s/%s", p->dir, name);
  assert_int_equal(stat(path, &facts), 0);
  return facts.st_mode & 0777;
}

/* Starts host and client and waits until both are attached. */
static void meet(pair *both, program *p, uv_loop_t *loop, const char *token) {
  memset(both, 0, sizeof *both);
  actor_start(&both->host, p, loop, token, true, "host link");
  assert_true(run_until(&both->host, 5000, has_session, both));
  actor_start(&both->client, p, loop, token, false, "client link");
  if (!run_until(&both->client, 5000, is_live, &both->client)) {
    print_error("client: live %d events %u refused %u goaway %u welcomes %u starts %u\n%s\n",
                both->client.live, both->client.events, both->client.refused, both->client.goaway,
                both->client.welcomes, p->starts, program_output(p));
    fail();
  }
}

static void part(pair *both, uv_loop_t *loop) {
  actor_stop(&both->client);
  actor_stop(&both->host);
  uv_run(loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(loop), 0);
}

static void check_contents(const pair *both) {
  for (uint64_t i = 0; i < both->events; i++) {
    char text[32];
    snprintf(text, sizeof text, "event %u", (unsigned)i);
    assert_string_equal(both->client.got[i], text);
  }
}

/* ---- life ---- */

static void starts_serves_and_survives_being_killed(void **state) {
  (void)state;
  program p;
  uv_loop_t loop;
  pair both;
  char token[140];
  program_make(&p);
  program_start(&p, NULL);
  token_of(&p, token, sizeof token);
  assert_int_equal(mode_of(&p, "data"), 0700);
  assert_int_equal(mode_of(&p, "data/token"), 0600);
  assert_int_equal(mode_of(&p, "data/relay.db"), 0600);
  assert_int_equal(mode_of(&p, "data/control"), 0600);
  assert_null(strstr(program_output(&p), token)); /* never printed */
  uv_loop_init(&loop);
  meet(&both, &p, &loop, token);
  for (both.events = 1; both.events < 40; both.events++) {
    actor_emit(&both.host);
    if (both.events % 8 == 0) {
      actor_send(&both.client);
      both.commands++;
    }
    if (both.events % 10 == 0) {
      assert_true(run_until(&both.host, 5000, is_live, &both.host));
      assert_true(WIFSIGNALED(program_stop(&p, SIGKILL, NULL)));
      program_start(&p, NULL);
    }
    (void)run_until(&both.host, 15, never, NULL);
  }
  both.events--;
  assert_true(run_until(&both.host, 20000, everything_arrived, &both));
  check_contents(&both);
  assert_true(both.host.welcomes >= 4);
  assert_null(strstr(program_output(&p), token));
  part(&both, &loop);
  assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
  assert_int_equal(program_run(&p, ARGS("check", "--data", "@DATA")), 0);
  program_remove(&p);
}

/* At each point of a commit, at each of the first commits: nothing acknowledged is lost, nothing is
 * delivered twice (the actors assert that), and everything arrives in the end. */
static void may_die_at_every_point_of_a_commit(void **state) {
  (void)state;
  static const char *const points[] = {"received", "before_commit", "after_commit",
                                       "before_settle"};
  for (size_t point = 0; point < 4; point++) {
    for (unsigned number = 1; number <= 7; number += 2) {
      program p;
      uv_loop_t loop;
      pair both;
      char token[140], fault[64];
      program_make(&p);
      program_start(&p, NULL);
      token_of(&p, token, sizeof token);
      assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
      snprintf(fault, sizeof fault, "%s:%u:kill", points[point], number);
      program_start(&p, fault);
      uv_loop_init(&loop);
      meet(&both, &p, &loop, token);
      for (both.events = 0; both.events < 8; both.events++) {
        actor_emit(&both.host);
        if (both.events % 2 == 0) {
          actor_send(&both.client);
          both.commands++;
        }
        (void)run_until(&both.host, 3, never, NULL);
      }
      if (!run_until(&both.host, 20000, everything_arrived, &both)) {
        print_error("%s: acked %u of %u, read %u, outbox %u of %u, done %u\n", fault,
                    (unsigned)both.host.events_acked, (unsigned)both.events,
                    (unsigned)both.client.next, (unsigned)both.client.outbox_acked,
                    (unsigned)both.commands, (unsigned)both.host.done_count);
        fail();
      }
      check_contents(&both);
      if (p.starts < 3) print_message("%s did not come to pass\n", fault);
      part(&both, &loop);
      program_remove(&p);
    }
  }
}

static void nothing_is_acknowledged_before_it_is_stored(void **state) {
  (void)state;
  static const char *const faults[] = {"received:1:hold=700", "before_commit:1:hold=700",
                                       "after_commit:1:hold=700", "before_settle:1:hold=700"};
  for (size_t i = 0; i < 4; i++) {
    program p;
    uv_loop_t loop;
    pair both;
    char token[140];
    program_make(&p);
    program_start(&p, NULL);
    token_of(&p, token, sizeof token);
    uv_loop_init(&loop);
    meet(&both, &p, &loop, token);
    /* The commit after the relay has settled down again. */
    assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
    program_start(&p, faults[i]);
    actor_emit(&both.host);
    actor_send(&both.client);
    both.events = both.commands = 1;
    uint64_t before_ns = uv_hrtime();
    assert_true(run_until(&both.host, 10000, everything_arrived, &both));
    assert_true((uv_hrtime() - before_ns) / 1000000 >= 600);
    part(&both, &loop);
    program_remove(&p);
  }
}

static void a_full_disk_keeps_connections_and_recovers(void **state) {
  (void)state;
  program p;
  uv_loop_t loop;
  pair both;
  char token[140];
  program_make(&p);
  program_start(&p, NULL);
  token_of(&p, token, sizeof token);
  assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
  program_start(&p, "before_commit:4:full=3");
  uv_loop_init(&loop);
  meet(&both, &p, &loop, token);
  for (int i = 0; i < 5; i++) {
    actor_emit(&both.host);
    (void)run_until(&both.host, 30, never, NULL);
  }
  both.events = 5;
  assert_true(run_until(&both.host, 10000, everything_arrived, &both));
  assert_int_equal(both.host.welcomes, 1);
  assert_non_null(strstr(program_output(&p), "store.failing"));
  assert_non_null(strstr(program_output(&p), "make room"));
  assert_non_null(strstr(program_output(&p), "store.recovered"));
  part(&both, &loop);
  program_remove(&p);
}

static void drains_within_two_seconds(void **state) {
  (void)state;
  static const int signals[] = {SIGTERM, SIGINT};
  for (size_t i = 0; i < 2; i++) {
    program p;
    uv_loop_t loop;
    pair both;
    char token[140];
    unsigned took_ms = 0;
    program_make(&p);
    program_start(&p, NULL);
    token_of(&p, token, sizeof token);
    uv_loop_init(&loop);
    meet(&both, &p, &loop, token);
    /* What is on its way when the signal comes is stored and acknowledged. */
    for (int k = 0; k < 5; k++) actor_emit(&both.host);
    both.events = 5;
    (void)run_until(&both.host, 5, never, NULL);
    (void)kill(p.pid, signals[i]);
    uint64_t before_ns = uv_hrtime();
    int status = -1;
    while (p.pid != 0 && uv_hrtime() < before_ns + 3000000000u) {
      uv_run(&loop, UV_RUN_NOWAIT);
      (void)program_exited(&p, &status);
    }
    took_ms = (unsigned)((uv_hrtime() - before_ns) / 1000000);
    for (int k = 0; k < 20; k++) uv_run(&loop, UV_RUN_NOWAIT);
    assert_int_equal(status, 0);
    assert_true(took_ms < 2000);
    assert_int_equal(both.host.goaway, LRM_CODE_DRAIN);
    assert_int_equal(both.client.goaway, LRM_CODE_DRAIN);
    assert_true(both.host.goaway_retry_ms > 0);
    assert_int_equal(both.host.events_acked, 5);
    /* And back they come. */
    program_start(&p, NULL);
    actor_emit(&both.host);
    both.events = 6;
    assert_true(run_until(&both.host, 10000, everything_arrived, &both));
    part(&both, &loop);
    program_remove(&p);
  }
}

/* ---- tokens ---- */

static void gives_and_takes_tokens_while_it_runs(void **state) {
  (void)state;
  program p;
  uv_loop_t loop;
  actor phone;
  char token[140], id[40];
  program_make(&p);
  program_start(&p, NULL);
  char serving[256], asking[256];
  snprintf(serving, sizeof serving, "%s/output", p.dir);
  snprintf(asking, sizeof asking, "%s/kept", p.dir);
  assert_int_equal(rename(serving, asking), 0);
  assert_int_equal(program_run(&p, ARGS("token", "--data", "@DATA", "--device", "phone")), 0);
  snprintf(token, sizeof token, "%s", program_output(&p));
  token[strcspn(token, "\n")] = '\0';
  uv_loop_init(&loop);
  actor_start(&phone, &p, &loop, token, true, "phone link");
  assert_true(run_until(&phone, 5000, is_live, &phone));
  assert_int_equal(program_run(&p, ARGS("account", "--data", "@DATA")), 0);
  const char *line = strstr(program_output(&p), "  phone");
  assert_non_null(line);
  while (strncmp(line, "device ", 7) != 0) line--;
  snprintf(id, sizeof id, "%.32s", line + 7);
  assert_int_equal(program_run(&p, ARGS("token", "--data", "@DATA", "--revoke", id)), 0);
  assert_true(run_until(&phone, 1000, said_goodbye, &phone));
  assert_int_equal(phone.goaway, LRM_CODE_REVOKED);
  actor_stop(&phone);
  assert_non_null(strstr(program_file(&p, "revoked"), id));
  assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
  /* Offline: the same, on the directory. */
  assert_int_equal(program_run(&p, ARGS("token", "--data", "@DATA", "--device", "other")), 0);
  assert_int_equal(program_run(&p, ARGS("account", "--data", "@DATA", "other account")), 0);
  assert_int_equal(
      program_run(&p, ARGS("token", "--data", "@DATA", "--device", "x", "--account", "nobody")), 1);
  assert_non_null(strstr(program_output(&p), "no such account"));
  program_start(&p, NULL);
  actor_start(&phone, &p, &loop, token, true, "phone link");
  assert_true(run_until(&phone, 5000, said_goodbye, &phone));
  assert_int_equal(phone.refused, LRM_CODE_REVOKED);
  actor_stop(&phone);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  program_remove(&p);
}

/* ---- what it says when something is wrong ---- */

static void says_what_is_wrong(void **state) {
  (void)state;
  static const struct {
    const char *args[8];
    int code;
    const char *says;
  } cases[] = {
      {{NULL}, 2, "Usage"},
      {{"--help", NULL}, 0, "Usage"},
      {{"--version", NULL}, 0, "remote-relay 0"},
      {{"sreve", NULL}, 2, "unknown command"},
      {{"polices", NULL}, 2, "unknown command"},
      {{"serve", "--nonsense", NULL}, 2, "--nonsense"},
      {{"serve", "--data", NULL}, 2, "value is missing"},
      {{"serve", "extra", NULL}, 2, "extra"},
      {{"serve", "--log-level", "loud", NULL}, 2, "loud"},
      {{"serve", "--data", "@DATA", "--listen", "nonsense", NULL}, 2, "not a URL"},
      {{"serve", "--data", "@DATA", "--listen", "tcp://0.0.0.0:0", NULL}, 2, "--insecure"},
      {{"serve", "--data", "/proc/nothing", NULL}, 1, "/proc/nothing"},
      {{"serve", "--data", "/dev/null", NULL}, 1, "/dev/null"},
      {{"token", "--data", "@DATA", NULL}, 2, "--device"},
      {{"token", "--data", "/no/such", "--device", "x", NULL}, 1, "/no/such"},
      {{"check", "--data", "/no/such", NULL}, 1, "/no/such"},
      {{"account", "--data", "@DATA", "a", "--ceiling", "high", NULL}, 1, "ceiling"},
      {{"account", "--delete", NULL}, 2, "NAME"},
      {{"account", "--data", "@DATA", "a", "--delete", NULL}, 1, "no such account"},
      {{"org", "--data", "@DATA", "x", "--add", "nobody", NULL}, 1, "no such account"},
      {{"org", "--add", "x", NULL}, 2, "NAME"},
      {{"org", "x", "--add", "a", "--delete", NULL}, 2, "one change"},
      {{"policy", "--org", "x", NULL}, 2, "--value"},
      {{"policy", "--data", "@DATA", "--org", "x", "--value", "all", NULL}, 1, "a value is"},
      {{"policy", "--enterprise", "x", NULL}, 2, "--delegate"},
      {{"audit", "--from", "yesterday", NULL}, 2, "--from"},
      {{"audit", "--until", "2026-13-01", NULL}, 2, "--until"},
  };
  program p;
  program_make(&p);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    int code = program_run(&p, cases[i].args);
    if (code != cases[i].code || strstr(program_output(&p), cases[i].says) == NULL) {
      print_error("case %zu: exit %d, \"%s\"\n", i, code, program_output(&p));
      fail();
    }
  }
  assert_int_equal(program_run(&p, ARGS("account", "--data", "@DATA")), 0);
  assert_null(strstr(program_output(&p), "account a ")); /* what is refused leaves nothing behind */
  program_remove(&p);
}

static void one_relay_a_directory_and_an_address(void **state) {
  (void)state;
  program p, other;
  program_make(&p);
  program_make(&other);
  program_start(&p, NULL);
  assert_int_equal(
      program_run(&p, ARGS("serve", "--data", "@DATA", "--listen", "tcp://127.0.0.1:0")), 1);
  assert_non_null(strstr(program_output(&p), "another relay uses"));
  assert_int_equal(program_run(&other, ARGS("serve", "--data", "@DATA", "--listen", p.url)), 1);
  assert_non_null(strstr(program_output(&other), "in use"));
  assert_int_equal(program_run(&p, ARGS("stats", "--data", "@DATA")), 0);
  assert_non_null(strstr(program_output(&p), "devices 1"));
  program_remove(&p);
  program_remove(&other);
}

/* Strangers: noise, claims of large frames, half a HELLO, nothing at all. */
static void strangers_do_no_harm(void **state) {
  (void)state;
  static const uint8_t claims[] = {0x0a, 0xff, 0xff, 0xff, 0x7f, 0x08, 0x01}; /* 256 MiB */
  static const uint8_t half[] = {0x0a, 0x40, 0x08, 0x01, 0x7a, 0x3c, 0x08, 0x01};
  static const uint8_t ping[] = {0x0a, 0x0c, 0x08, 0x05, 0x7a, 0x08, 1, 2, 3, 4, 5, 6, 7, 8};
  uint8_t noise[4096];
  program p;
  uv_loop_t loop;
  actor host;
  int fds[120];
  unsigned seed = 12345;
  print_message("seed %u\n", seed);
  program_make(&p);
  program_start(&p, NULL);
  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", (int)strtoul(strrchr(p.url, ':') + 1, NULL, 10), &address);
  for (int i = 0; i < 120; i++) {
    fds[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof address), 0);
    const void *data = noise;
    size_t bytes = 1 + (size_t)i * 30;
    for (size_t k = 0; k < bytes; k++) noise[k] = (uint8_t)(seed = seed * 1103515245 + 12345) ^ 7;
    if (i % 5 == 1) data = claims, bytes = sizeof claims;
    if (i % 5 == 2) data = half, bytes = sizeof half;
    if (i % 5 == 3) data = ping, bytes = sizeof ping;
    if (i % 5 != 4) (void)(send(fds[i], data, bytes, MSG_NOSIGNAL) == (ssize_t)bytes);
  }
  char token[140], kept[256], output[256];
  token_of(&p, token, sizeof token);
  uv_loop_init(&loop);
  actor_start(&host, &p, &loop, token, true, "host link");
  assert_true(run_until(&host, 5000, is_live, &host));
  snprintf(output, sizeof output, "%s/output", p.dir);
  snprintf(kept, sizeof kept, "%s/kept", p.dir);
  assert_int_equal(rename(output, kept), 0);
  assert_int_equal(program_run(&p, ARGS("stats", "--data", "@DATA")), 0);
  const char *memory = strstr(program_output(&p), "memory_bytes ");
  assert_non_null(memory);
  print_message("%s", memory);
  assert_true(strtoull(memory + 13, NULL, 10) < 121u * 100 * 1024);
  for (int i = 0; i < 120; i++) close(fds[i]);
  actor_stop(&host);
  uv_run(&loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&loop), 0);
  assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
  program_remove(&p);
}

static void notices_that_its_store_is_an_older_copy(void **state) {
  (void)state;
  program p;
  char path[300];
  program_make(&p);
  program_start(&p, NULL);
  assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
  snprintf(path, sizeof path, "%s/data/relay.db", p.dir);
  static uint8_t data[1 << 20];
  int fd = open(path, O_RDONLY);
  ssize_t bytes = read(fd, data, sizeof data);
  assert_true(bytes > 0 && bytes < (ssize_t)sizeof data);
  close(fd);
  for (int i = 0; i < 2; i++) {
    program_start(&p, NULL);
    assert_null(strstr(program_output(&p), "store.restored"));
    assert_int_equal(program_stop(&p, i == 0 ? SIGKILL : SIGTERM, NULL), i == 0 ? SIGKILL : 0);
  }
  fd = open(path, O_WRONLY | O_TRUNC);
  assert_int_equal(write(fd, data, (size_t)bytes), bytes);
  close(fd);
  program_start(&p, NULL);
  assert_non_null(strstr(program_output(&p), "store.restored"));
  assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
  program_start(&p, NULL);
  assert_null(strstr(program_output(&p), "store.restored"));
  program_remove(&p);
}

static void a_damaged_store_is_not_served(void **state) {
  (void)state;
  program p;
  char path[300];
  program_make(&p);
  program_start(&p, NULL);
  assert_int_equal(program_stop(&p, SIGTERM, NULL), 0);
  snprintf(path, sizeof path, "%s/data/relay.db", p.dir);
  int fd = open(path, O_WRONLY | O_TRUNC);
  assert_true(fd >= 0);
  static const char nonsense[4096] = "this is not a database";
  assert_int_equal(write(fd, nonsense, sizeof nonsense), sizeof nonsense);
  close(fd);
  snprintf(path, sizeof path, "%s/data/relay.db-wal", p.dir);
  (void)unlink(path);
  assert_int_equal(
      program_run(&p, ARGS("serve", "--data", "@DATA", "--listen", "tcp://127.0.0.1:0")), 1);
  assert_non_null(strstr(program_output(&p), "damaged"));
  assert_non_null(strstr(program_output(&p), "restore"));
  assert_int_equal(program_run(&p, ARGS("check", "--data", "@DATA")), 1);
  program_remove(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(says_what_is_wrong),
      cmocka_unit_test(one_relay_a_directory_and_an_address),
      cmocka_unit_test(a_damaged_store_is_not_served),
      cmocka_unit_test(notices_that_its_store_is_an_older_copy),
      cmocka_unit_test(strangers_do_no_harm),
      cmocka_unit_test(starts_serves_and_survives_being_killed),
      cmocka_unit_test(nothing_is_acknowledged_before_it_is_stored),
      cmocka_unit_test(may_die_at_every_point_of_a_commit),
      cmocka_unit_test(a_full_disk_keeps_connections_and_recovers),
      cmocka_unit_test(drains_within_two_seconds),
      cmocka_unit_test(gives_and_takes_tokens_while_it_runs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
