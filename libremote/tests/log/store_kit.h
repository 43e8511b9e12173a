/* What the tests of the stores share: one way to open either implementation, and blocks whose
 * payload tells which messages they hold. */
#ifndef LRM_TESTS_LOG_STORE_KIT_H
#define LRM_TESTS_LOG_STORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "remote/frame.h"
#include "remote/log.h"
#include "remote/log_memory.h"
#include "remote/log_sqlite.h"

#define KIT_EVENTS 1u
#define KIT_COMMANDS 2u

typedef enum kit_kind { KIT_MEMORY = 0, KIT_SQLITE = 1 } kit_kind;

typedef struct store_kit {
  kit_kind kind;
  lrm_store *store;
  char folder[64];
  char path[96];
  int fail_error; /* SQLite: returned by the next fail_count visits of fail_point */
  unsigned fail_count;
  lrm_fault_point fail_point;
} store_kit;

void kit_open(store_kit *kit);
void kit_close(store_kit *kit);
/* Loses what is not committed: a crash in memory, closing and opening in SQLite. Handles of logs
 * are taken again by the caller. */
void kit_reopen(store_kit *kit);
void kit_remove(store_kit *kit);
/* Files, for tests that hurt them. */
void kit_copy_file(const char *from, const char *to);
/* A folder and all in it; nothing happens when it is not there. */
void kit_remove_tree(const char *folder);
/* The next `count` commits fail. */
void kit_fail(store_kit *kit, int error, unsigned count);

lrm_id kit_id(unsigned number);
lrm_log_key kit_key(unsigned session, uint32_t kind);
lrm_log *kit_log(store_kit *kit, unsigned session, uint32_t kind);
lrm_slice kit_text(const char *text);
/* A block of `bytes` bytes that follow from epoch-independent `offset` and `seed`. */
lrm_block kit_block(uint64_t offset, uint32_t count, size_t bytes);
int kit_append(lrm_log *log, uint64_t offset, uint32_t count, uint64_t writer);
int kit_append_part(lrm_log *log, uint64_t offset, uint32_t part, uint32_t parts);
/* Every message in [from, to) is read and is what kit_block made. */
void kit_expect_range(lrm_log *log, uint64_t from, uint64_t to);
void kit_expect_record(lrm_store *store, uint32_t space, const char *key, const char *value);
void kit_commit(store_kit *kit);

/* A small generator: tests print their seed. */
uint64_t kit_random(uint64_t *state);

#define assert_ok(expression) assert_int_equal((expression), 0)

#endif
