/* A batch is written on another thread while the owner appends, reads and puts. Run it under
 * ThreadSanitizer, too. */
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/store_kit.h"

#define SPACE 5u
#define BATCHES 400u

typedef struct committer {
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  lrm_batch *batch; /* to be written */
  int result;
  bool done, stop;
} committer;

static void *write_batches(void *user) {
  committer *self = user;
  pthread_mutex_lock(&self->lock);
  while (!self->stop) {
    if (self->batch == NULL) {
      pthread_cond_wait(&self->changed, &self->lock);
      continue;
    }
    lrm_batch *batch = self->batch;
    self->batch = NULL;
    pthread_mutex_unlock(&self->lock);
    int result = lrm_batch_write(batch);
    pthread_mutex_lock(&self->lock);
    self->result = result;
    self->done = true;
    pthread_cond_signal(&self->changed);
  }
  pthread_mutex_unlock(&self->lock);
  return NULL;
}

static void hand_over(committer *self, lrm_batch *batch) {
  pthread_mutex_lock(&self->lock);
  self->batch = batch;
  self->done = false;
  pthread_cond_signal(&self->changed);
  pthread_mutex_unlock(&self->lock);
}

static bool finished(committer *self, int *result) {
  pthread_mutex_lock(&self->lock);
  bool done = self->done;
  *result = self->result;
  if (done) self->done = false;
  pthread_mutex_unlock(&self->lock);
  return done;
}

static void finish(committer *self) {
  pthread_mutex_lock(&self->lock);
  self->stop = true;
  pthread_cond_signal(&self->changed);
  pthread_mutex_unlock(&self->lock);
  pthread_join(self->thread, NULL);
}

static void work(store_kit *kit, lrm_log *log, uint64_t *random, unsigned *records) {
  lrm_log_facts facts = lrm_log_facts_now(log);
  int error = kit_append(log, facts.end, 1 + (uint32_t)(kit_random(random) % 3), 0);
  if (error != LRM_ERR_BUSY) assert_ok(error);
  facts = lrm_log_facts_now(log);
  uint64_t at = facts.first + kit_random(random) % (facts.end - facts.first);
  kit_expect_range(log, at, at + 1);
  char key[16];
  snprintf(key, sizeof key, "%u", *records % 50);
  error = lrm_store_put(kit->store, SPACE, kit_text(key), kit_text(key));
  if (error != LRM_ERR_BUSY) assert_ok(error);
  if (error == 0) kit_expect_record(kit->store, SPACE, key, key);
  ++*records;
  if (kit_random(random) % 64 == 0)
    assert_ok(lrm_log_trim(log, facts.first + (facts.end - facts.first) / 2));
}

static void races(store_kit *kit) {
  uint64_t random = 99;
  unsigned records = 0, settled = 0;
  committer self = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  lrm_batch *batch = NULL;
  lrm_log *log = kit_log(kit, 1, KIT_COMMANDS);
  lrm_id epoch = kit_id(1);
  assert_ok(lrm_log_restart(log, &epoch));
  assert_int_equal(pthread_create(&self.thread, NULL, write_batches, &self), 0);
  while (settled < BATCHES) {
    work(kit, log, &random, &records);
    int result;
    if (batch == NULL && lrm_store_freeze(kit->store, &batch) == 0) {
      hand_over(&self, batch);
    } else if (batch != NULL && finished(&self, &result)) {
      assert_ok(lrm_store_settle(kit->store, batch, result));
      batch = NULL;
      settled++;
    }
  }
  finish(&self);
  if (batch != NULL) assert_ok(lrm_store_settle(kit->store, batch, lrm_batch_write(batch)));
  kit_commit(kit);
  lrm_log_facts before = lrm_log_facts_now(log);
  kit_reopen(kit);
  log = kit_log(kit, 1, KIT_COMMANDS);
  lrm_log_facts after = lrm_log_facts_now(log);
  assert_int_equal(before.first, after.first);
  assert_int_equal(before.end, after.end);
  kit_expect_range(log, after.first, after.end);
}

static void races_in_memory(void **state) {
  (void)state;
  store_kit kit = {.kind = KIT_MEMORY};
  kit_open(&kit);
  races(&kit);
  kit_remove(&kit);
}

static void races_in_sqlite(void **state) {
  (void)state;
  store_kit kit = {.kind = KIT_SQLITE};
  kit_open(&kit);
  races(&kit);
  assert_int_equal(lrm_store_sqlite_check(kit.store, NULL, NULL), 0);
  kit_remove(&kit);
}

/* A writer and a reader that fail at the same time each say why. */
static void both_fail(void **state) {
  (void)state;
  store_kit kit = {.kind = KIT_SQLITE};
  committer self = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
  kit_open(&kit);
  assert_ok(lrm_store_put(kit.store, SPACE, kit_text("key"), kit_text("value")));
  kit_commit(&kit);
  sqlite3 *other = NULL;
  assert_ok(sqlite3_open(kit.path, &other));
  assert_ok(sqlite3_exec(other, "ALTER TABLE record RENAME TO hidden", NULL, NULL, NULL));
  assert_int_equal(pthread_create(&self.thread, NULL, write_batches, &self), 0);
  assert_ok(lrm_store_put(kit.store, SPACE, kit_text("more"), kit_text("value")));
  for (unsigned round = 0; round < 100; round++) {
    lrm_batch *batch;
    lrm_slice value;
    int result;
    assert_ok(lrm_store_freeze(kit.store, &batch));
    hand_over(&self, batch);
    do {
      assert_int_equal(lrm_store_get(kit.store, SPACE, kit_text("key"), &value), LRM_ERR_STORE);
    } while (!finished(&self, &result));
    assert_int_equal(result, LRM_ERR_STORE);
    assert_ok(lrm_store_settle(kit.store, batch, result));
    assert_non_null(strstr(lrm_store_sqlite_error(kit.store), "writing a record"));
    assert_int_equal(lrm_store_get(kit.store, SPACE, kit_text("key"), &value), LRM_ERR_STORE);
    assert_non_null(strstr(lrm_store_sqlite_error(kit.store), "reading a record"));
  }
  finish(&self);
  assert_ok(sqlite3_exec(other, "ALTER TABLE hidden RENAME TO record", NULL, NULL, NULL));
  assert_ok(sqlite3_close(other));
  kit_commit(&kit);
  kit_expect_record(kit.store, SPACE, "key", "value");
  kit_expect_record(kit.store, SPACE, "more", "value");
  kit_remove(&kit);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(races_in_memory),
                                     cmocka_unit_test(races_in_sqlite),
                                     cmocka_unit_test(both_fail)};
  return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
