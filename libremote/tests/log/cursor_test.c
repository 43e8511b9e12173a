/* Where readers and writers go on: each row is a sentence of docs/spec.md section 3. */
#include <stdio.h>
#include <string.h>

#include "log/store_kit.h"
#include "remote/cursor.h"

#define NONE LRM_OFFSET_NONE
#define RESUME remote_v1_Start_START_RESUME
#define UNSPECIFIED remote_v1_Start_START_UNSPECIFIED
#define NEWEST remote_v1_Start_START_SNAPSHOT
#define BEGINNING remote_v1_Start_START_BEGINNING
#define LIVE remote_v1_Start_START_LIVE
#define CONTINUED remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED
#define SNAPSHOT remote_v1_OpenOutcome_OPEN_OUTCOME_SNAPSHOT
#define RESET remote_v1_OpenOutcome_OPEN_OUTCOME_RESET
#define EMPTY remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY

/* 0: none. */
static lrm_id epoch(unsigned number) {
  lrm_id none = {{0}};
  return number == 0 ? none : kit_id(number);
}

static void set_epoch(remote_v1_Open *open, unsigned number) {
  lrm_id id = epoch(number);
  open->epoch.size = number == 0 ? 0 : sizeof id.bytes;
  memcpy(open->epoch.bytes, id.bytes, sizeof id.bytes);
}

static void expect_epoch(const remote_v1_Opened *opened, unsigned number) {
  lrm_id id = epoch(number);
  assert_int_equal(opened->epoch.size, number == 0 ? 0 : sizeof id.bytes);
  assert_memory_equal(opened->epoch.bytes, id.bytes, opened->epoch.size);
}

typedef struct reader_case {
  const char *rule;
  unsigned log_epoch;
  uint64_t first, end, snapshot;
  unsigned epoch;
  uint64_t next, until;
  remote_v1_Start start;
  uint32_t code;
  uint64_t at;
  remote_v1_OpenOutcome outcome;
} reader_case;

static const reader_case readers[] = {
    {"3.15 goes on at next", 1, 0, 100, NONE, 1, 40, 0, RESUME, 0, 40, CONTINUED},
    {"unspecified is resume", 1, 0, 100, NONE, 1, 40, 0, UNSPECIFIED, 0, 40, CONTINUED},
    {"at the first retained offset", 1, 20, 100, 20, 1, 20, 0, RESUME, 0, 20, CONTINUED},
    {"a newer set does not move it", 1, 0, 100, 90, 1, 40, 0, RESUME, 0, 40, CONTINUED},
    {"at the end", 1, 0, 100, NONE, 1, 100, 0, RESUME, 0, 100, CONTINUED},
    {"3.16 ahead: never set back", 1, 0, 100, NONE, 1, 101, 0, RESUME, 0, 101, CONTINUED},
    {"3.16 far ahead, trimmed log", 1, 50, 100, 50, 1, 5000, 0, RESUME, 0, 5000, CONTINUED},
    {"3.16 ahead of an empty log", 1, 0, 0, NONE, 1, 7, 0, RESUME, 0, 7, CONTINUED},
    {"3.17 gone: newest complete set", 1, 20, 100, 60, 1, 19, 0, RESUME, 0, 60, SNAPSHOT},
    {"3.17 gone, no set (commands)", 1, 20, 100, NONE, 1, 3, 0, RESUME, 0, 20, SNAPSHOT},
    {"3.17 gone, skipped log", 1, 50, 50, NONE, 1, 3, 0, RESUME, 0, 50, SNAPSHOT},
    {"3.17 other epoch: newest set", 1, 0, 100, 60, 2, 80, 0, RESUME, 0, 60, RESET},
    {"3.17 other epoch: first", 1, 20, 100, NONE, 2, 80, 0, RESUME, 0, 20, RESET},
    {"3.17 other epoch, ahead", 1, 0, 100, NONE, 2, 500, 0, RESUME, 0, 0, RESET},
    {"3.17 other epoch, empty line", 1, 0, 0, NONE, 2, 80, 0, RESUME, 0, 0, RESET},
    {"3.17 other epoch, any start", 1, 0, 100, 60, 2, 80, 0, LIVE, 0, 60, RESET},
    {"a range of another line", 1, 0, 100, 60, 2, 10, 20, RESUME, LRM_CODE_EPOCH, 0, 0},
    {"nothing stored", 0, 0, 0, NONE, 0, 0, 0, RESUME, 0, 0, EMPTY},
    {"nothing stored, somebody returns", 0, 0, 0, NONE, 1, 50, 0, RESUME, 0, 0, EMPTY},
    {"nothing stored in this line", 1, 0, 0, NONE, 0, 0, 0, RESUME, 0, 0, EMPTY},
    {"all acknowledged commands", 1, 40, 40, NONE, 0, 0, 0, RESUME, 0, 40, EMPTY},
    {"first visit", 1, 0, 100, NONE, 0, 0, 0, RESUME, 0, 0, CONTINUED},
    {"first visit, trimmed", 1, 20, 100, 60, 0, 0, 0, RESUME, 0, 60, SNAPSHOT},
    {"an offset without epoch", 1, 0, 100, NONE, 0, 30, 0, RESUME, 0, 0, CONTINUED},
    {"start at the newest set", 1, 0, 100, 60, 0, 0, 0, NEWEST, 0, 60, SNAPSHOT},
    {"start at a set, there is none", 1, 0, 100, NONE, 0, 0, 0, NEWEST, 0, 0, CONTINUED},
    {"start at the newest set again", 1, 0, 100, 60, 1, 80, 0, NEWEST, 0, 60, SNAPSHOT},
    {"start at the beginning", 1, 20, 100, 60, 0, 0, 0, BEGINNING, 0, 20, CONTINUED},
    {"start live", 1, 20, 100, 60, 0, 0, 0, LIVE, 0, 100, CONTINUED},
    {"start live, ahead", 1, 0, 100, NONE, 1, 120, 0, LIVE, 0, 100, CONTINUED},
    {"a range", 1, 0, 100, 60, 1, 10, 20, RESUME, 0, 10, CONTINUED},
    {"a range that is half gone", 1, 15, 100, 60, 1, 10, 20, RESUME, 0, 15, SNAPSHOT},
    {"a range that is gone", 1, 20, 100, 60, 1, 10, 20, RESUME, LRM_CODE_TRIMMED, 0, 0},
    {"largest offset", 1, 0, 100, NONE, 1, LRM_OFFSET_MAX, 0, RESUME, 0, LRM_OFFSET_MAX, CONTINUED},
    {"offset over 2^53", 1, 0, 9, NONE, 1, LRM_OFFSET_MAX + 1, 0, RESUME, LRM_CODE_BAD_POSITION, 0,
     0},
    {"until over 2^53", 1, 0, 9, NONE, 1, 0, LRM_OFFSET_MAX + 1, RESUME, LRM_CODE_BAD_POSITION, 0,
     0},
};

static void judges_readers(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
    const reader_case *row = &readers[i];
    lrm_log_facts facts = {.epoch = epoch(row->log_epoch),
                           .first = row->first,
                           .end = row->end,
                           .snapshot = row->snapshot};
    remote_v1_Open open = {.next = row->next, .until = row->until, .start = row->start};
    remote_v1_Opened opened;
    memset(&opened, 0xee, sizeof opened);
    set_epoch(&open, row->epoch);
    uint32_t code = lrm_cursor_subscribe(&facts, &open, &opened);
    if (code != row->code ||
        (code == 0 && (opened.next != row->at || opened.outcome != row->outcome)))
      fail_msg("%s: code %u next %llu outcome %d", row->rule, code, (unsigned long long)opened.next,
               (int)opened.outcome);
    if (code != 0) continue;
    expect_epoch(&opened, row->log_epoch);
    assert_int_equal(opened.watermark, row->end);
    assert_int_equal(opened.last_writer_generation, 0);
  }
}

typedef struct writer_case {
  const char *rule;
  unsigned log_epoch;
  uint64_t first, end, writer;
  unsigned epoch;
  bool former;
  uint64_t next, first_retained;
  uint32_t code;
  lrm_cursor_action action;
  unsigned opened_epoch;
  uint64_t at;
  remote_v1_OpenOutcome outcome;
  uint64_t last_writer;
} writer_case;

static const writer_case writers[] = {
    {"3.8 the end of what is accepted", 1, 0, 100, 9, 1, false, 120, 0, 0, LRM_CURSOR_CONTINUE, 1,
     100, CONTINUED, 9},
    {"3.10 beyond the journal: the host judges", 1, 0, 100, 9, 1, false, 50, 0, 0,
     LRM_CURSOR_CONTINUE, 1, 100, CONTINUED, 9},
    {"3.9 first_retained at the end", 1, 0, 100, 9, 1, false, 120, 100, 0, LRM_CURSOR_CONTINUE, 1,
     100, CONTINUED, 9},
    {"3.9 the end is below first_retained", 1, 0, 100, 9, 1, false, 120, 101, 0, LRM_CURSOR_SKIP, 1,
     101, SNAPSHOT, 0},
    {"3.9 nothing stored in this line", 1, 0, 0, 0, 1, false, 120, 101, 0, LRM_CURSOR_SKIP, 1, 101,
     SNAPSHOT, 0},
    {"nothing stored in this line, all is sent", 1, 0, 0, 0, 1, false, 120, 0, 0,
     LRM_CURSOR_CONTINUE, 1, 0, EMPTY, 0},
    {"a new log", 0, 0, 0, 0, 1, false, 0, 0, 0, LRM_CURSOR_RESTART, 1, 0, EMPTY, 0},
    {"a new log, an old journal", 0, 0, 0, 0, 1, false, 120, 101, 0, LRM_CURSOR_RESTART, 1, 101,
     SNAPSHOT, 0},
    {"3.10 a new epoch", 1, 0, 100, 9, 2, false, 1, 0, 0, LRM_CURSOR_RESTART, 2, 0, EMPTY, 0},
    {"3.10 a new epoch, trimmed since", 1, 0, 100, 9, 2, false, 90, 80, 0, LRM_CURSOR_RESTART, 2,
     80, SNAPSHOT, 0},
    {"3.12 a former epoch", 1, 0, 100, 9, 2, true, 500, 0, 0, LRM_CURSOR_CONTINUE, 1, 100, RESET,
     9},
    {"an epoch is required", 1, 0, 100, 9, 0, false, 1, 0, LRM_CODE_PROTOCOL, LRM_CURSOR_CONTINUE,
     0, 0, 0, 0},
    {"first_retained above next", 1, 0, 100, 9, 1, false, 10, 11, LRM_CODE_BAD_POSITION,
     LRM_CURSOR_CONTINUE, 0, 0, 0, 0},
    {"offset over 2^53", 1, 0, 100, 9, 1, false, LRM_OFFSET_MAX + 1, 0, LRM_CODE_BAD_POSITION,
     LRM_CURSOR_CONTINUE, 0, 0, 0, 0},
};

static void judges_hosts(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
    const writer_case *row = &writers[i];
    lrm_log_facts facts = {.epoch = epoch(row->log_epoch),
                           .first = row->first,
                           .end = row->end,
                           .snapshot = NONE,
                           .last_writer_generation = row->writer};
    remote_v1_Open open = {.next = row->next, .first_retained = row->first_retained};
    remote_v1_Opened opened;
    lrm_cursor_action action;
    memset(&opened, 0xee, sizeof opened);
    set_epoch(&open, row->epoch);
    uint32_t code = lrm_cursor_publish_events(&facts, row->former, &open, &opened, &action);
    bool right = code == row->code && action == row->action;
    if (code == 0)
      right = right && opened.next == row->at && opened.outcome == row->outcome &&
              opened.last_writer_generation == row->last_writer;
    if (!right)
      fail_msg("%s: code %u action %d next %llu outcome %d writer %llu", row->rule, code,
               (int)action, (unsigned long long)opened.next, (int)opened.outcome,
               (unsigned long long)opened.last_writer_generation);
    if (code == 0) expect_epoch(&opened, row->opened_epoch);
  }
}

typedef struct outbox_case {
  const char *rule;
  bool known;
  uint64_t outbox_next, next, first_retained;
  uint32_t code;
  uint64_t at;
  remote_v1_OpenOutcome outcome;
} outbox_case;

static const outbox_case outboxes[] = {
    {"3.19 not known", false, 0, 0, 0, 0, 0, EMPTY},
    {"3.19 not known: adopts", false, 0, 9, 4, 0, 4, EMPTY},
    {"3.19 known", true, 7, 9, 4, 0, 7, CONTINUED},
    {"3.19 lower: adopts", true, 3, 9, 4, 0, 4, CONTINUED},
    {"3.19 at first_retained", true, 4, 9, 4, 0, 4, CONTINUED},
    {"3.20 below next is receipted again", true, 9, 9, 4, 0, 9, CONTINUED},
    {"first_retained above next", true, 9, 3, 4, LRM_CODE_BAD_POSITION, 0, 0},
    {"offset over 2^53", true, 9, LRM_OFFSET_MAX + 1, 4, LRM_CODE_BAD_POSITION, 0, 0},
};

static void judges_outboxes(void **state) {
  (void)state;
  remote_v1_Opened opened;
  for (size_t i = 0; i < sizeof outboxes / sizeof *outboxes; i++) {
    const outbox_case *row = &outboxes[i];
    remote_v1_Open open = {.next = row->next, .first_retained = row->first_retained};
    set_epoch(&open, 3);
    uint32_t code = lrm_cursor_publish_commands(row->known, row->outbox_next, &open, &opened);
    if (code != row->code ||
        (code == 0 && (opened.next != row->at || opened.outcome != row->outcome)))
      fail_msg("%s: code %u next %llu outcome %d", row->rule, code, (unsigned long long)opened.next,
               (int)opened.outcome);
    if (code == 0) expect_epoch(&opened, 3);
  }
  remote_v1_Open nameless = {.next = 0};
  assert_int_equal(lrm_cursor_publish_commands(false, 0, &nameless, &opened), LRM_CODE_PROTOCOL);
}

/* An epoch is 16 bytes or absent. */
static void refuses_broken_epochs(void **state) {
  (void)state;
  lrm_log_facts facts = {.epoch = epoch(1), .end = 5, .snapshot = NONE};
  remote_v1_Open open = {.next = 0};
  remote_v1_Opened opened;
  lrm_cursor_action action;
  for (pb_size_t size = 1; size < 16; size++) {
    open.epoch.size = size;
    assert_int_equal(lrm_cursor_subscribe(&facts, &open, &opened), LRM_CODE_PROTOCOL);
    assert_int_equal(lrm_cursor_publish_events(&facts, false, &open, &opened, &action),
                     LRM_CODE_PROTOCOL);
    assert_int_equal(lrm_cursor_publish_commands(false, 0, &open, &opened), LRM_CODE_PROTOCOL);
  }
  open.epoch.size = 16; /* sixteen zero bytes are no epoch either */
  assert_int_equal(lrm_cursor_publish_events(&facts, false, &open, &opened, &action),
                   LRM_CODE_PROTOCOL);
}

/* What the cursor says, done to a real log, is what the cursor says next. */
static void agrees_with_the_log(void **state) {
  (void)state;
  store_kit kit = {.kind = KIT_MEMORY};
  kit_open(&kit);
  lrm_log *log = kit_log(&kit, 1, KIT_EVENTS);
  remote_v1_Open open = {.next = 10, .first_retained = 6, .writer_generation = 5};
  remote_v1_Opened opened;
  lrm_cursor_action action;
  set_epoch(&open, 1);
  lrm_id line = epoch(1);
  lrm_log_facts facts = lrm_log_facts_now(log);
  assert_ok(lrm_cursor_publish_events(&facts, lrm_log_former(log, &line), &open, &opened, &action));
  assert_int_equal(action, LRM_CURSOR_RESTART);
  assert_ok(lrm_log_restart(log, &line));
  assert_ok(kit_append_part(log, opened.next, 1, 1));
  assert_ok(kit_append(log, 7, 3, 5));
  open = (remote_v1_Open){.next = 30, .first_retained = 20};
  set_epoch(&open, 1);
  facts = lrm_log_facts_now(log);
  assert_ok(lrm_cursor_publish_events(&facts, false, &open, &opened, &action));
  assert_int_equal(action, LRM_CURSOR_SKIP);
  assert_ok(lrm_log_skip(log, opened.next));
  assert_ok(kit_append_part(log, opened.next, 1, 1));
  facts = lrm_log_facts_now(log);
  open.start = RESUME;
  open.next = 8;
  assert_ok(lrm_cursor_subscribe(&facts, &open, &opened));
  assert_int_equal(opened.outcome, SNAPSHOT);
  assert_int_equal(opened.next, 20);
  kit_remove(&kit);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(judges_readers), cmocka_unit_test(judges_hosts),
      cmocka_unit_test(judges_outboxes), cmocka_unit_test(refuses_broken_epochs),
      cmocka_unit_test(agrees_with_the_log)};
  return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
