/* How large the relay may become: caps on a session's events, on an account and on the store, and
 * how long things are kept. Trimmed is from the oldest end, one snapshot set at a time, so that a
 * log keeps as much as its cap allows, no commit becomes long, and what is left always begins with
 * a complete set. The bounds of everything else are listed in docs/operations.md. */
#include <string.h>

#include "core.h"

enum {
  TRIMS_A_STEP = 4, /* sets in one batch: about 1 MiB each */
  MARKS_MAX = 16,   /* of a session: positions with the time at which they were the end */
  TOMBSTONES_PER_ACCOUNT_MAX = 4096,
  RECORD_VERSION = 1
};

static const uint64_t TOMBSTONE_MS = UINT64_C(366) * 24 * 3600 * 1000;
/* Growth after which a log that cannot be trimmed asks its host for a snapshot again. */
static const uint64_t ASK_BYTES_MIN = 64 * 1024;
/* A clock that was set is not believed at once: what is thrown away by age is gone. */
static const uint64_t STEADY_FIRST_NS = UINT64_C(3600) * 1000000000;
static const uint64_t STEADY_NS = UINT64_C(24) * 3600 * 1000000000;
static const uint64_t STEP_MS = UINT64_C(10) * 60 * 1000;

/* ---- counting ---- */

static uint64_t session_bytes(const relay_session *s) {
  uint64_t bytes = 0;
  if (s->events != NULL) bytes += lrm_log_facts_now(s->events).bytes;
  if (s->commands != NULL) bytes += lrm_log_facts_now(s->commands).bytes;
  return bytes;
}

static bool over_cap(const relay_session *s, const relay *r) {
  if (s->events == NULL) return false;
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  return facts.bytes > r->config.log_bytes_max ||
         (r->config.log_events_max != 0 && facts.end - facts.first > r->config.log_events_max);
}

static bool account_over(const relay *r, const relay_account *account) {
  return r->config.account_bytes_max != 0 && account->bytes > r->config.account_bytes_max;
}

static bool store_over(const relay *r) {
  return r->config.store_bytes_max != 0 && r->bytes > r->config.store_bytes_max;
}

void relay_retention_count(relay_session *s, relay *r) {
  uint64_t bytes = session_bytes(s);
  s->account->bytes += bytes - s->counted_bytes;
  r->bytes += bytes - s->counted_bytes;
  s->counted_bytes = bytes;
  if (over_cap(s, r) || account_over(r, s->account) || store_over(r)) r->trim_due = true;
}

/* ---- one set less ---- */

typedef enum trimmed { TRIM_NOTHING = 0, TRIM_DONE = 1, TRIM_FAILED = 2 } trimmed;

/* Drops what lies before the second complete set. Readers below are told when they next want
 * something (2002). */
static trimmed trim_oldest(relay_session *s, relay *r) {
  if (s->events == NULL) return TRIM_NOTHING;
  uint64_t before;
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  int result = lrm_log_next_set(s->events, facts.first + 1, &before);
  if (result == 0 && before == LRM_OFFSET_NONE) return TRIM_NOTHING;
  if (result == 0) result = lrm_log_trim(s->events, before);
  if (result != 0) {
    relay_log_session(r, RELAY_ERROR, "log.trim", s, NULL, lrm_error_text(result));
    return TRIM_FAILED;
  }
  relay_log_session(r, RELAY_DEBUG, "log.trimmed", s, NULL, "");
  s->status_changed = true;
  relay_session_dirty(s, r);
  relay_retention_count(s, r);
  return TRIM_DONE;
}

/* Nothing to trim to: half above the cap its host is asked for a snapshot, by a CLOSE that it comes
 * back from with one. A host that never writes any is stopped at twice the cap. */
static void ask_for_set(relay_session *s, relay *r, uint64_t now_ns) {
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  if (s->publisher == NULL || s->publisher->state != CHANNEL_OPEN) return;
  if (facts.bytes > 2 * r->config.log_bytes_max) {
    relay_channel_close(s->publisher, LRM_CODE_LIMIT,
                        "the log is full and has no snapshot to trim it to", now_ns,
                        s->activity_ms);
    return;
  }
  if (facts.bytes <= r->config.log_bytes_max + r->config.log_bytes_max / 2) return;
  uint64_t step = r->config.log_bytes_max / 8;
  if (step < ASK_BYTES_MIN) step = ASK_BYTES_MIN;
  if (s->asked_bytes != 0 && facts.bytes < s->asked_bytes + step) return;
  s->asked_bytes = facts.bytes;
  relay_channel_close(s->publisher, LRM_CODE_TRIMMED,
                      "the log is over its limit: go on with a snapshot", now_ns, s->activity_ms);
}

static unsigned trim_session(relay_session *s, relay *r, uint64_t now_ns, unsigned trims) {
  while (trims > 0 && over_cap(s, r)) {
    if (trim_oldest(s, r) != TRIM_DONE) {
      ask_for_set(s, r, now_ns);
      return trims;
    }
    s->asked_bytes = 0;
    trims--;
  }
  return trims;
}

void relay_retention_grew(relay_session *s, relay *r, uint64_t now_ns) {
  relay_retention_count(s, r);
  if (over_cap(s, r)) (void)trim_session(s, r, now_ns, TRIMS_A_STEP);
}

/* ---- accounts and the store ---- */

static bool trimmable(const relay_session *s) {
  if (s->deleted || s->events == NULL) return false;
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  return facts.snapshot != LRM_OFFSET_NONE && facts.snapshot > facts.first;
}

static relay_session *least_recent(const relay_account *account, relay_session *best) {
  for (relay_session *s = account->newest; s != NULL; s = s->older)
    if (trimmable(s) && (best == NULL || s->activity_ms < best->activity_ms)) best = s;
  return best;
}

static unsigned trim_account(relay_account *account, relay *r, unsigned trims) {
  account->full = false;
  while (trims > 0 && account_over(r, account)) {
    relay_session *s = least_recent(account, NULL);
    if (s == NULL || trim_oldest(s, r) != TRIM_DONE) {
      account->full = true;
      return trims;
    }
    trims--;
  }
  return trims;
}

static unsigned trim_store(relay *r, unsigned trims) {
  r->full = false;
  while (trims > 0 && store_over(r)) {
    relay_session *s = NULL;
    for (relay_account *a = r->accounts; a != NULL; a = a->next) s = least_recent(a, s);
    if (s == NULL || trim_oldest(s, r) != TRIM_DONE) {
      r->full = true;
      return trims;
    }
    trims--;
  }
  return trims;
}

void relay_retention_step(relay *r, uint64_t now_ns) {
  if (!r->trim_due) return;
  unsigned trims = TRIMS_A_STEP;
  r->trim_due = false;
  for (relay_account *a = r->accounts; a != NULL && trims > 0; a = a->next) {
    for (relay_session *s = a->newest; s != NULL && trims > 0; s = s->older)
      if (over_cap(s, r)) trims = trim_session(s, r, now_ns, trims);
    trims = trim_account(a, r, trims);
  }
  if (trims > 0) trims = trim_store(r, trims);
  if (trims == 0) r->trim_due = true;
}

/* An eighth above its cap, and nothing left to trim. */
const char *relay_retention_refuses(const relay_session *s, const relay *r) {
  const relay_account *account = s->account;
  if (account->full && account_over(r, account) &&
      account->bytes - r->config.account_bytes_max > r->config.account_bytes_max / 8)
    return "this account's storage at the relay is full; delete old sessions";
  if (r->full && store_over(r) &&
      r->bytes - r->config.store_bytes_max > r->config.store_bytes_max / 8)
    return "the relay's storage is full; tell whoever runs it";
  return NULL;
}

/* ---- age ---- */

/* A position and when it was the end: everything below is older. */
typedef struct mark {
  uint64_t offset, ms;
} mark;

typedef struct marks {
  mark at[MARKS_MAX];
  unsigned count;
} marks;

static void read_marks(relay_session *s, relay *r, marks *out) {
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  lrm_slice value;
  memset(out, 0, sizeof *out);
  if (lrm_store_get(r->config.store, SPACE_MARKS, (lrm_slice){key, key_bytes}, &value) != 0) return;
  relay_reader reader = relay_read(value);
  if (relay_read_number(&reader, 1) != RECORD_VERSION) return;
  lrm_id epoch = relay_read_id(&reader);
  unsigned count = (unsigned)relay_read_number(&reader, 1);
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  if (reader.bad || count > MARKS_MAX || !lrm_id_equal(&epoch, &facts.epoch)) return;
  for (unsigned i = 0; i < count; i++) {
    out->at[i].offset = relay_read_number(&reader, 8);
    out->at[i].ms = relay_read_number(&reader, 8);
  }
  if (!reader.bad) out->count = count;
}

static void write_marks(relay_session *s, relay *r, const marks *all) {
  lrm_id epoch = lrm_log_facts_now(s->events).epoch;
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_id(&w, &epoch);
  relay_write_number(&w, all->count, 1);
  for (unsigned i = 0; i < all->count; i++) {
    relay_write_number(&w, all->at[i].offset, 8);
    relay_write_number(&w, all->at[i].ms, 8);
  }
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  relay_put(r, SPACE_MARKS, (lrm_slice){key, key_bytes}, relay_written(&w));
}

static void drop_first_marks(marks *all, unsigned count) {
  all->count -= count;
  memmove(all->at, all->at + count, all->count * sizeof all->at[0]);
}

/* The newest mark that is old enough is where the log may be cut; the next one is made when an
 * eighth of the time has passed. */
static void age_log(relay_session *s, relay *r, uint64_t wall_ms) {
  marks all;
  read_marks(s, r, &all);
  lrm_log_facts facts = lrm_log_facts_now(s->events);
  bool changed = false;
  unsigned old = 0;
  while (old < all.count && all.at[old].ms + r->config.retention_ms < wall_ms) old++;
  if (old > 0) {
    uint64_t limit = all.at[old - 1].offset;
    uint64_t set = LRM_OFFSET_NONE, next;
    /* The last set that begins at or below the mark; a step of sets at a time. */
    uint64_t from = facts.first + 1;
    for (unsigned i = 0; i < 64; i++) {
      if (lrm_log_next_set(s->events, from, &next) != 0 || next == LRM_OFFSET_NONE || next > limit)
        break;
      set = next;
      from = next + 1;
    }
    if (set != LRM_OFFSET_NONE && lrm_log_trim(s->events, set) == 0) {
      s->status_changed = true;
      relay_session_dirty(s, r);
      relay_retention_count(s, r);
    } else {
      drop_first_marks(&all, old);
      changed = true;
    }
  }
  bool due = all.count == 0 || wall_ms >= all.at[all.count - 1].ms + r->config.retention_ms / 8;
  bool grew = all.count == 0 || facts.end > all.at[all.count - 1].offset;
  if (due && grew && all.count < MARKS_MAX) {
    all.at[all.count++] = (mark){facts.end, wall_ms};
    changed = true;
  }
  if (changed) write_marks(s, r, &all);
}

/* True: the clock has gone on like the one that is never set, for long enough. */
static bool clock_is_steady(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  if (r->steady_from_ns == 0) {
    r->steady_from_ns = now_ns + STEADY_FIRST_NS;
  } else {
    uint64_t expected = r->seen_wall_ms + (now_ns - r->seen_ns) / 1000000;
    uint64_t apart = wall_ms > expected ? wall_ms - expected : expected - wall_ms;
    if (apart > STEP_MS) {
      relay_log(r, RELAY_WARNING, "clock.stepped", "detail",
                "nothing is deleted by age for the next 24 h", NULL);
      r->steady_from_ns = now_ns + STEADY_NS;
    }
  }
  r->seen_ns = now_ns;
  r->seen_wall_ms = wall_ms;
  return now_ns >= r->steady_from_ns;
}

static int age_session(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms) {
  if (s->activity_ms + r->config.retention_ms < wall_ms && s->publisher == NULL && s->readers == 0)
    return relay_session_delete(s, r, now_ns, wall_ms);
  if (s->events != NULL) age_log(s, r, wall_ms);
  return 0;
}

/* ---- tombstones ---- */

static int prune_tombstones(relay_account *account, relay *r, uint64_t wall_ms, bool by_age) {
  uint32_t kept = 0;
  for (relay_session *s = account->newest, *older; s != NULL; s = older) {
    older = s->older;
    if (!s->deleted || s->channels != NULL || s->dirty || s->waiting) continue;
    bool old = by_age && s->activity_ms + TOMBSTONE_MS < wall_ms;
    if (kept < TOMBSTONES_PER_ACCOUNT_MAX && !old) {
      kept++;
      continue;
    }
    relay_session_forget(s, r);
  }
  return 0;
}

int relay_retention_prune(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  bool steady = clock_is_steady(r, now_ns, wall_ms);
  if (steady) relay_audit_prune(r, wall_ms);
  for (relay_account *a = r->accounts; a != NULL; a = a->next) {
    int result = 0;
    for (relay_session *s = a->newest, *older; s != NULL && result == 0; s = older) {
      older = s->older;
      if (!s->deleted && steady && r->config.retention_ms != 0)
        result = age_session(s, r, now_ns, wall_ms);
    }
    if (result == 0) result = prune_tombstones(a, r, wall_ms, steady);
    if (result != 0) return result;
  }
  return 0;
}
