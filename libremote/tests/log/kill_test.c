/* A process is killed while it writes. What it reported after settling is there afterwards, and
 * nothing is there by halves. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log/store_kit.h"

#define SPACE 4u

typedef struct dying {
  lrm_fault_point point; /* 0: never by itself */
  unsigned visits_left;
} dying;

static int die(void *user, lrm_fault_point point) {
  dying *fate = user;
  if (point == fate->point && fate->visits_left-- == 0) _exit(42);
  return 0;
}

static void must(int error, const char *what) {
  if (error == 0) return;
  fprintf(stderr, "child: %s: %d\n", what, error);
  _exit(1);
}

/* One transaction: two logs and two records that must agree. */
static void write_once(lrm_store *store, lrm_log *events, lrm_log *commands, uint64_t *random) {
  uint64_t end = lrm_log_facts_now(events).end;
  unsigned blocks = 1 + (unsigned)(kit_random(random) % 4);
  for (unsigned i = 0; i < blocks; i++, end++) {
    bool snapshot = kit_random(random) % 8 == 0;
    must(snapshot ? kit_append_part(events, end, 1, 1) : kit_append(events, end, 1, 7), "events");
    must(kit_append(commands, end, 1, 0), "commands");
  }
  char value[32];
  snprintf(value, sizeof value, "%llu", (unsigned long long)end);
  must(lrm_store_put(store, SPACE, kit_text("end"), kit_text(value)), "record");
  must(lrm_store_put(store, SPACE, kit_text(value), kit_text("")), "record of its own");
  lrm_log_facts facts = lrm_log_facts_now(events);
  if (kit_random(random) % 6 == 0 && facts.snapshot != LRM_OFFSET_NONE)
    must(lrm_log_trim(events, facts.snapshot), "trim");
}

static void child(const char *path, uint64_t seed, dying fate, int reports) {
  lrm_store_sqlite_config config = {.struct_bytes = sizeof config,
                                    .allocator = lrm_allocator_default(),
                                    .path = path,
                                    .fault = die,
                                    .fault_user = &fate};
  lrm_store *store;
  lrm_log *events, *commands;
  lrm_log_key key = kit_key(1, KIT_EVENTS), other = kit_key(1, KIT_COMMANDS);
  uint64_t random = seed, generation;
  char text[200];
  must(lrm_store_sqlite_open(&config, &store, text, sizeof text), "open");
  must(lrm_store_claim(store, 0, &generation), "claim");
  must(lrm_store_log(store, &key, true, &events), "log");
  must(lrm_store_log(store, &other, true, &commands), "log");
  lrm_id none = {{0}}, epoch = kit_id(1), now = lrm_log_facts_now(events).epoch;
  if (lrm_id_equal(&now, &none)) {
    must(lrm_log_restart(events, &epoch), "restart");
    must(lrm_log_restart(commands, &epoch), "restart");
  }
  for (;;) {
    write_once(store, events, commands, &random);
    lrm_batch *batch;
    must(lrm_store_freeze(store, &batch), "freeze");
    write_once(store, events, commands, &random); /* lies in the next batch */
    must(lrm_store_settle(store, batch, lrm_batch_write(batch)), "settle");
    uint64_t durable = lrm_log_facts_now(events).durable;
    if (write(reports, &durable, sizeof durable) != sizeof durable) _exit(2);
  }
}

static void report(void *user, const char *text) {
  (void)user;
  print_message("check: %s\n", text);
}

static void check_after(const char *path, uint64_t reported, uint64_t seed) {
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = path};
  lrm_store *store;
  lrm_log *events, *commands;
  lrm_log_key key = kit_key(1, KIT_EVENTS), other = kit_key(1, KIT_COMMANDS);
  char text[200], value[32];
  assert_ok(lrm_store_sqlite_open(&config, &store, text, sizeof text));
  int error = lrm_store_log(store, &key, false, &events);
  if (error == LRM_ERR_NOT_FOUND && reported == 0) {
    lrm_store_close(store);
    return;
  }
  assert_ok(error);
  assert_ok(lrm_store_log(store, &other, false, &commands));
  lrm_log_facts facts = lrm_log_facts_now(events);
  if (facts.end < reported)
    fail_msg("seed %llu: %llu reported, %llu kept", (unsigned long long)seed,
             (unsigned long long)reported, (unsigned long long)facts.end);
  assert_int_equal(lrm_log_facts_now(commands).end, facts.end);
  snprintf(value, sizeof value, "%llu", (unsigned long long)facts.end);
  kit_expect_record(store, SPACE, "end", facts.end == 0 ? NULL : value);
  if (facts.end > 0) kit_expect_record(store, SPACE, value, "");
  kit_expect_range(events, facts.first, facts.end);
  kit_expect_range(commands, 0, facts.end);
  assert_int_equal(lrm_store_sqlite_check(store, report, NULL), 0);
  lrm_store_close(store);
}

/* Runs a child until it dies; returns the last `durable` it reported. */
static uint64_t run_child(const char *path, uint64_t seed, dying fate, long kill_after_us,
                          uint64_t reported) {
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(ends[0]);
    child(path, seed, fate, ends[1]);
  }
  close(ends[1]);
  if (kill_after_us >= 0) {
    uint64_t durable;
    if (read(ends[0], &durable, sizeof durable) == sizeof durable) reported = durable;
    struct timespec pause = {.tv_sec = 0, .tv_nsec = kill_after_us * 1000};
    nanosleep(&pause, NULL);
    kill(pid, SIGKILL);
  }
  uint64_t durable;
  while (read(ends[0], &durable, sizeof durable) == sizeof durable) reported = durable;
  close(ends[0]);
  int status = 0;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  if (kill_after_us >= 0)
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  else
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 42);
  return reported;
}

static void loses_nothing_when_killed(void **state) {
  store_kit *kit = *state;
  const char *given = getenv("LRM_SEED");
  uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 77, random = seed;
  print_message("seed %llu\n", (unsigned long long)seed);
  kit_close(kit);
  uint64_t reported = 0;
  for (int i = 0; i < 25; i++) {
    long after_us = (long)(kit_random(&random) % 20000);
    reported = run_child(kit->path, kit_random(&random), (dying){0}, after_us, reported);
    check_after(kit->path, reported, seed);
  }
  print_message("killed 25 times, %llu messages kept\n", (unsigned long long)reported);
  assert_true(reported > 25);
}

static void loses_nothing_at_each_point(void **state) {
  store_kit *kit = *state;
  kit_close(kit);
  uint64_t reported = 0, random = 5;
  for (int point = LRM_FAULT_RECEIVED; point <= LRM_FAULT_BEFORE_SETTLE; point++) {
    for (unsigned visits = 0; visits < 4; visits++) {
      dying fate = {.point = (lrm_fault_point)point, .visits_left = visits * visits};
      reported = run_child(kit->path, kit_random(&random), fate, -1, reported);
      check_after(kit->path, reported, visits);
    }
  }
  assert_true(reported > 16);
}

/* The file is made by whoever comes first, the others wait. */
static void makes_one_store_of_many_starts(void **state) {
  store_kit *kit = *state;
  enum { STARTS = 8 };
  pid_t pids[STARTS];
  kit_close(kit);
  for (int round = 0; round < 5; round++) {
    assert_int_equal(unlink(kit->path), 0);
    for (int i = 0; i < STARTS; i++) {
      pids[i] = fork();
      assert_true(pids[i] >= 0);
      if (pids[i] != 0) continue;
      lrm_store_sqlite_config config = {
          .struct_bytes = sizeof config, .allocator = lrm_allocator_default(), .path = kit->path};
      lrm_store *store;
      uint64_t generation;
      char text[200];
      int error = lrm_store_sqlite_open(&config, &store, text, sizeof text);
      if (error != 0) fprintf(stderr, "child: %s\n", text);
      must(error, "open");
      must(lrm_store_claim(store, 0, &generation), "claim");
      lrm_store_close(store);
      _exit((int)generation);
    }
    int taken[STARTS + 1] = {0};
    for (int i = 0; i < STARTS; i++) {
      int status = 0;
      assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
      assert_true(WIFEXITED(status));
      int generation = WEXITSTATUS(status);
      assert_true(generation >= 1 && generation <= STARTS && taken[generation]++ == 0);
    }
  }
}

static int set_up(void **state) {
  store_kit *self = calloc(1, sizeof *self);
  self->kind = KIT_SQLITE;
  kit_open(self);
  *state = self;
  return 0;
}

static int tear_down(void **state) {
  store_kit *self = *state;
  kit_remove(self);
  free(self);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(makes_one_store_of_many_starts, set_up, tear_down),
      cmocka_unit_test_setup_teardown(loses_nothing_when_killed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(loses_nothing_at_each_point, set_up, tear_down)};
  return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
