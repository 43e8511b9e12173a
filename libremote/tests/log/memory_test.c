/* Every allocation fails once. A step that fails changes nothing and can be taken again. */
#include <stdio.h>
#include <stdlib.h>

#include "log/store_kit.h"

#define SPACE 6u

typedef struct failing {
  unsigned calls, fail_at; /* 0: never */
  long live;
} failing;

static void *failing_alloc(void *user, size_t bytes) {
  failing *self = user;
  if (++self->calls == self->fail_at) return NULL;
  self->live++;
  return malloc(bytes);
}

static void failing_free(void *user, void *memory) {
  failing *self = user;
  self->live--;
  free(memory);
}

static int open_store(store_kit *kit, failing *memory) {
  lrm_allocator allocator = {failing_alloc, failing_free, memory};
  if (kit->kind == KIT_MEMORY) {
    lrm_store_memory_config config = {.struct_bytes = sizeof config, .allocator = allocator};
    return lrm_store_memory_open(&config, &kit->store);
  }
  lrm_store_sqlite_config config = {
      .struct_bytes = sizeof config, .allocator = allocator, .path = kit->path};
  return lrm_store_sqlite_open(&config, &kit->store, NULL, 0);
}

static unsigned failures;

/* One failure at most, and then the same step goes through. */
#define AGAIN(step)                               \
  do {                                            \
    int again = (step);                           \
    if (again == LRM_ERR_NO_MEMORY) {             \
      failures++;                                 \
      again = (step);                             \
    }                                             \
    if (again != 0) fail_msg(#step " %d", again); \
  } while (0)

static bool nothing(void *user, lrm_slice key, lrm_slice value) {
  (void)key;
  (void)value;
  ++*(unsigned *)user;
  return true;
}

static bool no_log(void *user, const lrm_log_key *key) {
  (void)key;
  ++*(unsigned *)user;
  return true;
}

static void scenario(store_kit *kit, failing *memory) {
  lrm_log_key events_key = kit_key(1, KIT_EVENTS), commands_key = kit_key(1, KIT_COMMANDS);
  lrm_id first = kit_id(1), second = kit_id(2);
  lrm_log *events, *commands;
  uint64_t generation;
  AGAIN(open_store(kit, memory));
  AGAIN(lrm_store_claim(kit->store, 5, &generation));
  AGAIN(lrm_store_log(kit->store, &events_key, true, &events));
  AGAIN(lrm_store_log(kit->store, &commands_key, true, &commands));
  AGAIN(lrm_log_restart(events, &first));
  AGAIN(lrm_log_restart(commands, &first));
  for (uint64_t at = 0; at < 9; at++) {
    AGAIN(kit_append(events, at, 1, 10 + at));
    AGAIN(kit_append(commands, at, 1, 0));
    if (at % 4 == 3) AGAIN(lrm_store_commit(kit->store));
  }
  AGAIN(kit_append_part(events, 9, 1, 1));
  AGAIN(lrm_store_put(kit->store, SPACE, kit_text("a"), kit_text("1")));
  AGAIN(lrm_store_put(kit->store, SPACE, kit_text("a"), kit_text("2")));
  AGAIN(lrm_store_put(kit->store, SPACE, kit_text("b"), kit_text("3")));
  AGAIN(lrm_log_trim(events, 9));
  AGAIN(lrm_log_trim(commands, 5));
  AGAIN(lrm_log_skip(events, 20));
  AGAIN(kit_append_part(events, 20, 1, 1));
  AGAIN(lrm_store_commit(kit->store));
  AGAIN(lrm_log_restart(commands, &second));
  AGAIN(kit_append(commands, 0, 2, 0));
  AGAIN(lrm_store_remove(kit->store, SPACE, kit_text("b")));
  unsigned seen = 0;
  do seen = 0;
  while (lrm_store_each(kit->store, SPACE, nothing, &seen) != 0);
  assert_int_equal(seen, 1);
  do seen = 0;
  while (lrm_store_each_log(kit->store, no_log, &seen) != 0);
  assert_int_equal(seen, 2);
  AGAIN(lrm_store_commit(kit->store));
  AGAIN(lrm_store_claim(kit->store, 5, &generation)); /* reads both logs again */
  lrm_slice value;
  AGAIN(lrm_store_get(kit->store, SPACE, kit_text("a"), &value));
  kit_expect_record(kit->store, SPACE, "a", "2");
  kit_expect_record(kit->store, SPACE, "b", NULL);
  lrm_block block;
  AGAIN(lrm_log_read(events, 20, &block));
  AGAIN(lrm_log_read(commands, 1, &block));
  assert_int_equal(lrm_log_writer_of(events, 3), 13);
  assert_false(lrm_log_former(commands, &first)); /* kept of EVENTS only */
  lrm_log_facts facts = lrm_log_facts_now(events);
  assert_int_equal(facts.first, 20);
  assert_int_equal(facts.end, 21);
  kit_expect_range(events, 20, 21);
  kit_expect_range(commands, 0, 2);
  AGAIN(lrm_store_delete_log(kit->store, &events_key));
  AGAIN(lrm_store_commit(kit->store));
  int gone = lrm_store_log(kit->store, &events_key, false, &events);
  if (gone == LRM_ERR_NO_MEMORY) gone = lrm_store_log(kit->store, &events_key, false, &events);
  assert_int_equal(gone, LRM_ERR_NOT_FOUND);
}

static void fails_everywhere(kit_kind kind) {
  failures = 0;
  unsigned fail_at = 1;
  for (;; fail_at++) {
    store_kit kit = {.kind = KIT_SQLITE};
    kit_open(&kit);
    kit_close(&kit);
    kit.kind = kind;
    failing memory = {.fail_at = fail_at};
    scenario(&kit, &memory);
    if (kind == KIT_SQLITE) assert_int_equal(lrm_store_sqlite_check(kit.store, NULL, NULL), 0);
    kit_close(&kit);
    assert_int_equal(memory.live, 0);
    kit.kind = KIT_SQLITE;
    kit_remove(&kit);
    if (memory.calls < fail_at) break;
  }
  print_message("%u allocations failed, %u were felt\n", fail_at - 1, failures);
  assert_true(failures > 20);
}

static void memory_fails(void **state) {
  (void)state;
  fails_everywhere(KIT_MEMORY);
}

static void sqlite_fails(void **state) {
  (void)state;
  fails_everywhere(KIT_SQLITE);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(memory_fails),
                                     cmocka_unit_test(sqlite_fails)};
  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
