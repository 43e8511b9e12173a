/* What is to be said about a session, when: from what its host's INFO says now and said before. */
#include "notifications.h"

#include <string.h>

#include "core.h"
#include "remote/message.h"

#include "schema.h"

enum { RECORD_VERSION = 1, KEY_BYTES = 41 };
static const uint64_t MINUTE_NS = UINT64_C(60) * 1000000000;
static const lrm_id none;

/* ---- records: what was said and is not over ---- */

static lrm_slice key_of(uint64_t row, const lrm_id *session, relay_notice_kind kind,
                        const lrm_id *ask, uint8_t key[KEY_BYTES]) {
  (void)relay_number_key(row, key);
  memcpy(key + 8, session->bytes, 16);
  key[24] = (uint8_t)kind;
  memcpy(key + 25, ask->bytes, 16);
  return (lrm_slice){key, KEY_BYTES};
}

static void save(relay *r, const relay_session *s, const relay_notice *n) {
  uint8_t key[KEY_BYTES];
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, n->counted, 1);
  relay_write_number(&w, n->told_ms, 8);
  relay_put(r, SPACE_NOTICE, key_of(s->account->row, &s->id, n->kind, &n->ask, key),
            relay_written(&w));
}

static void save_many(relay *r, const relay_account *account, uint64_t wall_ms) {
  uint8_t key[KEY_BYTES];
  relay_writer w = {.used = 0};
  lrm_slice slice = key_of(account->row, &none, RELAY_NOTICE_MANY, &none, key);
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, 0, 1);
  relay_write_number(&w, wall_ms, 8);
  if (account->many_told)
    relay_put(r, SPACE_NOTICE, slice, relay_written(&w));
  else
    relay_remove(r, SPACE_NOTICE, slice);
}

static int take_notice(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  lrm_id session, ask;
  (void)version;
  bool counted = relay_read_number(value, 1) != 0;
  uint64_t told_ms = relay_read_number(value, 8);
  if (value->bad) return LRM_ERR_CORRUPT;
  memcpy(session.bytes, key + 8, 16);
  memcpy(ask.bytes, key + 25, 16);
  relay_account *account = relay_account_of(r, relay_number_of_key(key));
  if (account == NULL) return 0;
  if (key[24] == RELAY_NOTICE_MANY) {
    account->many_told = true;
    return 0;
  }
  relay_session *s = relay_session_find(r, account, &session);
  relay_notice *n = s != NULL && !s->deleted ? relay_alloc(r, sizeof *n) : NULL;
  if (n == NULL) return 0;
  *n = (relay_notice){.next = s->notices,
                      .kind = (relay_notice_kind)key[24],
                      .ask = ask,
                      .counted = counted,
                      .told_ms = told_ms};
  s->notices = n;
  account->counted += counted;
  return 0;
}

int relay_notices_load(relay *r) {
  static const relay_record_kind kind = {SPACE_NOTICE, KEY_BYTES, RECORD_VERSION, take_notice};
  return relay_records_load(r, &kind);
}

/* ---- notices ---- */

static relay_notice **find_at(relay_session *s, relay_notice_kind kind, const lrm_id *ask) {
  relay_notice **at = &s->notices;
  while (*at != NULL && ((*at)->kind != kind || !lrm_id_equal(&(*at)->ask, ask))) at = &(*at)->next;
  return at;
}

static void list(relay_session *s, relay *r) {
  r->notices_due_ns = 0;
  if (s->noticing) return;
  s->noticing = true;
  s->next_noticing = r->noticing;
  r->noticing = s;
}

static void add(relay_session *s, relay *r, relay_notice_kind kind, const lrm_id *ask) {
  if (*find_at(s, kind, ask) != NULL) return;
  relay_notice *n = relay_alloc(r, sizeof *n);
  if (n == NULL) return;
  *n = (relay_notice){.kind = kind, .ask = *ask, .waits = true};
  relay_notice **end = &s->notices; /* the oldest is told of first */
  while (*end != NULL) end = &(*end)->next;
  *end = n;
  list(s, r);
}

/* The last of those that were told together is over, so is what was said of them. */
static void count_down(relay *r, relay_account *account, uint64_t wall_ms) {
  if (--account->counted > 0) return;
  account->many_due = false;
  if (!account->many_told) return;
  account->many_told = false;
  save_many(r, account, wall_ms);
  relay_messages_withdraw(r, account, NULL, RELAY_NOTICE_MANY, &none, 0, wall_ms);
}

/* It is over: withdrawn when it was said. */
static void end(relay_session *s, relay *r, relay_notice **at, uint64_t wall_ms) {
  relay_notice *n = *at;
  uint8_t key[KEY_BYTES];
  *at = n->next;
  if (n->told_ms != 0)
    relay_remove(r, SPACE_NOTICE, key_of(s->account->row, &s->id, n->kind, &n->ask, key));
  if (n->waits) r->notices.held++;
  if (n->counted)
    count_down(r, s->account, wall_ms);
  else if (n->told_ms != 0)
    relay_messages_withdraw(r, s->account, s, n->kind, &n->ask, n->told_ms, wall_ms);
  relay_free(r, n);
}

void relay_notices_drop(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms) {
  (void)now_ns;
  while (s->notices != NULL) end(s, r, &s->notices, wall_ms);
}

void relay_notices_free(relay_session *s, relay *r) {
  while (s->notices != NULL) {
    relay_notice *n = s->notices;
    s->notices = n->next;
    relay_free(r, n);
  }
}

/* ---- INFO ---- */

static bool lists(const remote_v1_SessionInfo *info, const lrm_id *ask) {
  for (pb_size_t i = 0; i < info->asks_count; i++)
    if (info->asks[i].ask_id.size == 16 && memcmp(info->asks[i].ask_id.bytes, ask->bytes, 16) == 0)
      return true;
  return false;
}

/* Asks stand oldest first: one that was listed is only missing because it is over, unless the list
 * was cut for its size. */
static bool is_over(const relay_notice *n, const remote_v1_SessionInfo *info, bool shared) {
  switch (n->kind) {
    case RELAY_NOTICE_ASK:
      if (lists(info, &n->ask)) return !shared;
      return !shared || info->asks_count == 3 || info->asks_count >= info->asks_total;
    case RELAY_NOTICE_DONE:
      return !shared || info->status == remote_v1_Status_STATUS_WORKING ||
             info->status == remote_v1_Status_STATUS_NEEDS_INPUT;
    case RELAY_NOTICE_ERROR:
      return !shared || info->status != remote_v1_Status_STATUS_ERROR;
    default:
      return true;
  }
}

/* Between two INFOs of a channel a whole turn may have passed. */
static bool turned(const relay_session *s, const remote_v1_SessionInfo *info) {
  return s->info_status == remote_v1_Status_STATUS_IDLE &&
         info->status == remote_v1_Status_STATUS_IDLE && info->status_since_ms > s->info_since_ms;
}

static bool busy(uint32_t status) {
  return status == remote_v1_Status_STATUS_WORKING || status == remote_v1_Status_STATUS_NEEDS_INPUT;
}

/* The newest INFO before this one, once after a start. */
static void remember(relay_session *s, relay *r) {
  remote_v1_SessionInfo before;
  lrm_slice stored = relay_session_info(s, r);
  if (stored.bytes == 0 ||
      lrm_message_decode_static(&lrm_schema_SessionInfo, remote_v1_SessionInfo_fields, stored.data,
                                stored.bytes, &before) != 0) {
    return;
  }
  s->info_status = before.status;
  s->info_since_ms = before.status_since_ms;
  s->local_input_ms = before.local_input_ms;
}

/* By the relay's clock: the host's may be wrong. While INFOs come one after the other the terminal
 * was used just now; of the first one of a channel only its own word is known. */
static void take_local_use(relay_session *s, const relay_channel *ch,
                           const remote_v1_SessionInfo *info, uint64_t now_ns, uint64_t wall_ms) {
  bool first = s->info_from != ch;
  s->info_from = ch;
  if (info->local_input_ms <= s->local_input_ms && !first) return;
  uint64_t ago_ms = 0;
  if (first && wall_ms > info->local_input_ms) ago_ms = wall_ms - info->local_input_ms;
  s->local_input_ms = info->local_input_ms;
  if (info->local_input_ms == 0 || ago_ms >= MINUTE_NS / 1000000) return;
  uint64_t ago_ns = ago_ms * 1000000;
  uint64_t used_ns = now_ns > ago_ns ? now_ns - ago_ns : 1;
  if (used_ns > s->local_used_ns) s->local_used_ns = used_ns;
}

void relay_notices_info(relay_channel *ch, const remote_v1_SessionInfo *info, uint64_t now_ns,
                        uint64_t wall_ms) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  if (s->info_from == NULL) remember(s, r);
  bool worked = s->info_from == ch && turned(s, info);
  take_local_use(s, ch, info, now_ns, wall_ms);
  uint32_t before = s->info_status;
  bool shared = info->remote_mode != 1; /* not OFF: others may still look at it */
  s->info_status = info->status;
  s->info_since_ms = info->status_since_ms;
  for (relay_notice **at = &s->notices; *at != NULL;) {
    if (is_over(*at, info, shared))
      end(s, r, at, wall_ms);
    else
      at = &(*at)->next;
  }
  if (!shared) return;
  for (pb_size_t i = 0; i < info->asks_count; i++) {
    lrm_id ask;
    if (lrm_id_from(info->asks[i].ask_id.bytes, info->asks[i].ask_id.size, &ask) == 0)
      add(s, r, RELAY_NOTICE_ASK, &ask);
  }
  worked = worked || (busy(before) && (info->status == remote_v1_Status_STATUS_IDLE ||
                                       info->status == remote_v1_Status_STATUS_ENDED));
  if (worked) {
    relay_notice **old = find_at(s, RELAY_NOTICE_DONE, &none);
    if (*old != NULL) end(s, r, old, wall_ms); /* of the turn before */
    add(s, r, RELAY_NOTICE_DONE, &none);
  }
  if (before != remote_v1_Status_STATUS_UNSPECIFIED && before != remote_v1_Status_STATUS_ERROR &&
      info->status == remote_v1_Status_STATUS_ERROR) {
    add(s, r, RELAY_NOTICE_ERROR, &none);
  }
}

/* ---- when ---- */

void relay_session_used(relay_session *s, relay *r, const relay_connection *c, bool over,
                        uint64_t now_ns) {
  if (!over) {
    s->client_used_ns = now_ns;
    s->client_used_by = c->device_id;
  } else if (lrm_id_equal(&s->client_used_by, &c->device_id)) {
    s->client_used_ns = 0;
    r->notices_due_ns = 0;
  }
}

/* Nothing is said before. */
static uint64_t used_until(const relay_session *s) {
  uint64_t used_ns = s->local_used_ns > s->client_used_ns ? s->local_used_ns : s->client_used_ns;
  return used_ns == 0 ? 0 : used_ns + MINUTE_NS;
}

/* An account is told of so many in a minute, one by one. */
static bool take_one(relay_account *account, uint64_t now_ns) {
  uint64_t *oldest = &account->noticed_ns[account->noticed_at % RELAY_NOTICES_MINUTE];
  if (*oldest != 0 && now_ns < *oldest + MINUTE_NS) return false;
  *oldest = now_ns;
  account->noticed_at++;
  return true;
}

static void tell(relay_session *s, relay *r, relay_notice *n, uint64_t now_ns, uint64_t wall_ms) {
  relay_account *account = s->account;
  n->waits = false;
  n->told_ms = wall_ms;
  /* What nobody hears takes no room from what somebody does. */
  if (!relay_messages_wanted(r, account, n->kind) || take_one(account, now_ns)) {
    relay_messages_queue(r, account, s, n->kind, &n->ask, wall_ms);
  } else if (n->kind == RELAY_NOTICE_ASK) {
    n->counted = true;
    account->counted++;
    account->many_due = true;
    r->many_due = true;
    r->notices.counted++;
  } else {
    n->told_ms = 0; /* that a turn has ended is not worth more than that */
    r->notices.dropped++;
    return;
  }
  save(r, s, n);
}

uint32_t relay_notices_many(const relay_account *account) {
  uint32_t count = 0;
  for (const relay_session *s = account->newest; s != NULL; s = s->older) {
    const relay_notice *n = s->notices;
    while (n != NULL && n->kind != RELAY_NOTICE_ASK) n = n->next;
    count += n != NULL;
  }
  return count;
}

/* At once when it begins, then once a minute. */
static void tell_many(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  uint64_t due_ns = UINT64_MAX;
  r->many_due = false;
  for (relay_account *a = r->accounts; a != NULL; a = a->next) {
    if (!a->many_due) continue;
    uint64_t at_ns = a->many_ns == 0 ? 0 : a->many_ns + MINUTE_NS;
    if (now_ns < at_ns) {
      r->many_due = true;
      if (at_ns < due_ns) due_ns = at_ns;
      continue;
    }
    a->many_due = false;
    a->many_told = true;
    a->many_ns = now_ns;
    save_many(r, a, wall_ms);
    relay_messages_queue(r, a, NULL, RELAY_NOTICE_MANY, &none, wall_ms);
  }
  if (due_ns < r->notices_due_ns) r->notices_due_ns = due_ns;
}

static bool tell_session(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms) {
  bool waits = false;
  for (const relay_notice *n = s->notices; n != NULL; n = n->next) waits = waits || n->waits;
  uint64_t until_ns = used_until(s);
  if (waits && now_ns < until_ns) {
    if (until_ns < r->notices_due_ns) r->notices_due_ns = until_ns;
    return false;
  }
  for (relay_notice *n = s->notices; n != NULL; n = n->next)
    if (n->waits) tell(s, r, n, now_ns, wall_ms);
  return true;
}

void relay_notices_turn(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  if ((r->noticing == NULL && !r->many_due) || now_ns < r->notices_due_ns) return;
  r->notices_due_ns = UINT64_MAX;
  for (relay_session **at = &r->noticing; *at != NULL;) {
    relay_session *s = *at;
    if (!tell_session(s, r, now_ns, wall_ms)) {
      at = &s->next_noticing;
      continue;
    }
    *at = s->next_noticing;
    s->noticing = false;
  }
  if (r->many_due) tell_many(r, now_ns, wall_ms);
}

relay_notice_counts relay_notices_now(const relay *r) {
  relay_notice_counts counts = r->notices;
  counts.waiting = r->messages_count;
  for (const relay_push *push = r->pushes; push != NULL; push = push->next) counts.subscriptions++;
  return counts;
}
