/* Where a reader or a writer goes on (docs/spec.md section 3). */
#include "remote/cursor.h"

#include <string.h>

static lrm_id epoch_of(const remote_v1_Open *open) {
  lrm_id epoch = {{0}};
  if (open->epoch.size == sizeof epoch.bytes)
    memcpy(epoch.bytes, open->epoch.bytes, sizeof epoch.bytes);
  return epoch;
}

static bool sound(const remote_v1_Open *open) {
  return open->epoch.size == 0 || open->epoch.size == sizeof(lrm_id);
}

static void set_epoch(remote_v1_Opened *opened, const lrm_id *epoch) {
  opened->epoch.size = lrm_id_none(epoch) ? 0 : sizeof epoch->bytes;
  memcpy(opened->epoch.bytes, epoch->bytes, sizeof epoch->bytes);
}

/* ---- readers ---- */

/* Where somebody begins who holds nothing of this log. */
static uint64_t newest_set(const lrm_log_facts *facts) {
  return facts->snapshot != LRM_OFFSET_NONE ? facts->snapshot : facts->first;
}

static uint32_t reader_at(remote_v1_Opened *opened, uint64_t next, remote_v1_OpenOutcome outcome) {
  opened->next = next;
  opened->outcome = outcome;
  return LRM_CODE_NORMAL;
}

/* The position asked for is on this number line. One that is ahead of a relay that crashed before
 * committing is never set back: the blocks come when the host has sent them again. */
static uint32_t resume(const lrm_log_facts *facts, uint64_t next, uint64_t until,
                       remote_v1_Opened *opened) {
  if (next >= facts->first)
    return reader_at(opened, next, remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED);
  /* Paging back: what is left of the range, or nothing of it. */
  if (until != 0 && until <= facts->first) return LRM_CODE_TRIMMED;
  uint64_t at = until != 0 ? facts->first : newest_set(facts);
  return reader_at(opened, at, remote_v1_OpenOutcome_OPEN_OUTCOME_SNAPSHOT);
}

static uint32_t start(const lrm_log_facts *facts, const remote_v1_Open *open, bool fresh,
                      remote_v1_Opened *opened) {
  switch (open->start) {
    case remote_v1_Start_START_SNAPSHOT:
      return reader_at(opened, newest_set(facts),
                       facts->snapshot != LRM_OFFSET_NONE
                           ? remote_v1_OpenOutcome_OPEN_OUTCOME_SNAPSHOT
                           : remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED);
    case remote_v1_Start_START_BEGINNING:
      return reader_at(opened, facts->first, remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED);
    case remote_v1_Start_START_LIVE:
      return reader_at(opened, facts->end, remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED);
    case remote_v1_Start_START_UNSPECIFIED:
    case remote_v1_Start_START_RESUME:
      break;
  }
  /* An offset without an epoch is no position: such a reader begins at 0. */
  return resume(facts, fresh ? 0 : open->next, open->until, opened);
}

uint32_t lrm_cursor_subscribe(const lrm_log_facts *facts, const remote_v1_Open *open,
                              remote_v1_Opened *opened) {
  if (!sound(open)) return LRM_CODE_PROTOCOL;
  if (open->next > LRM_OFFSET_MAX || open->until > LRM_OFFSET_MAX) return LRM_CODE_BAD_POSITION;
  lrm_id asked = epoch_of(open);
  bool fresh = lrm_id_none(&asked);
  *opened = (remote_v1_Opened){.watermark = facts->end};
  set_epoch(opened, &facts->epoch);
  if (lrm_id_none(&facts->epoch) || (fresh && facts->first == facts->end))
    return reader_at(opened, facts->end, remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY);
  if (!fresh && !lrm_id_equal(&asked, &facts->epoch)) {
    /* A range of another number line is nowhere in this one. */
    if (open->until != 0) return LRM_CODE_EPOCH;
    return reader_at(opened, newest_set(facts), remote_v1_OpenOutcome_OPEN_OUTCOME_RESET);
  }
  return start(facts, open, fresh, opened);
}

/* ---- writers ---- */

static void writer_at(remote_v1_Opened *opened, uint64_t next, remote_v1_OpenOutcome outcome) {
  opened->next = opened->watermark = next;
  opened->outcome = outcome;
}

uint32_t lrm_cursor_publish_events(const lrm_log_facts *facts, bool former,
                                   const remote_v1_Open *open, remote_v1_Opened *opened,
                                   lrm_cursor_action *action) {
  *action = LRM_CURSOR_CONTINUE;
  if (open->epoch.size != sizeof(lrm_id)) return LRM_CODE_PROTOCOL;
  if (open->next > LRM_OFFSET_MAX || open->first_retained > open->next)
    return LRM_CODE_BAD_POSITION;
  lrm_id asked = epoch_of(open);
  if (lrm_id_none(&asked)) return LRM_CODE_PROTOCOL;
  *opened = (remote_v1_Opened){0};
  bool same = lrm_id_equal(&asked, &facts->epoch);
  if (former && !same) {
    set_epoch(opened, &facts->epoch);
    writer_at(opened, facts->end, remote_v1_OpenOutcome_OPEN_OUTCOME_RESET);
    opened->last_writer_generation = facts->last_writer_generation;
    return LRM_CODE_NORMAL;
  }
  set_epoch(opened, &asked);
  if (same && facts->end >= open->first_retained) {
    writer_at(opened, facts->end,
              facts->end == 0 ? remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY
                              : remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED);
    opened->last_writer_generation = facts->last_writer_generation;
    return LRM_CODE_NORMAL;
  }
  /* Nobody here knows who published the message before first_retained: generation 0. */
  *action = same ? LRM_CURSOR_SKIP : LRM_CURSOR_RESTART;
  writer_at(opened, open->first_retained,
            open->first_retained == 0 ? remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY
                                      : remote_v1_OpenOutcome_OPEN_OUTCOME_SNAPSHOT);
  return LRM_CODE_NORMAL;
}

uint32_t lrm_cursor_publish_commands(bool outbox_known, uint64_t outbox_next,
                                     const remote_v1_Open *open, remote_v1_Opened *opened) {
  if (open->epoch.size != sizeof(lrm_id)) return LRM_CODE_PROTOCOL;
  if (open->next > LRM_OFFSET_MAX || open->first_retained > open->next)
    return LRM_CODE_BAD_POSITION;
  lrm_id asked = epoch_of(open);
  if (lrm_id_none(&asked)) return LRM_CODE_PROTOCOL;
  *opened = (remote_v1_Opened){0};
  set_epoch(opened, &asked);
  bool adopt = !outbox_known || outbox_next < open->first_retained;
  writer_at(opened, adopt ? open->first_retained : outbox_next,
            outbox_known ? remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED
                         : remote_v1_OpenOutcome_OPEN_OUTCOME_EMPTY);
  return LRM_CODE_NORMAL;
}
