/* Messages that are to be sent: one for each target, kept in the store until it was taken or given
 * up. Of one notice at most one is on its way to a target at a time, and what withdraws it follows
 * it. */
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "remote/message.h"

#include "schema.h"

enum {
  RECORD_VERSION = 1,
  ATTEMPTS_MAX = 24,
  REFUSALS_MAX = 10, /* of a browser, one after the other: then it is told no more */
  BACKOFF_MS_LEAST = 1000,
  BACKOFF_MS_MAX = 300 * 1000
};
static const uint64_t GIVEN_UP_MS = UINT64_C(3600) * 1000;

struct relay_queued {
  relay_queued *next;
  uint64_t number; /* its key in the store, and its ticket */
  uint64_t batch;  /* it may go once this one is durable */
  uint64_t after;  /* number of the one that it follows; 0: none */
  uint64_t account;
  lrm_id session, ask;
  relay_notice_kind kind;
  bool withdraws;
  bool out;  /* being sent */
  bool gone; /* while it is being sent: nobody wants to know any more */
  uint32_t attempts;
  uint64_t created_ms;
  uint64_t due_ns;
  relay_target *target; /* NULL: gone, too */
};

/* ---- targets ---- */

static bool is_hook(const relay *r, const relay_target *target) {
  return target >= r->hooks && target < r->hooks + RELAY_HOOKS_MAX;
}

static relay_push *push_of(const relay *r, const relay_target *target) {
  relay_push *push = r->pushes;
  while (push != NULL && &push->target != target) push = push->next;
  return push;
}

static uint8_t wants_of(const relay *r, const relay_target *target) {
  if (is_hook(r, target)) return r->config.hooks[target - r->hooks].wants;
  const relay_push *push = push_of(r, target);
  return push != NULL ? push->wants : 0;
}

static relay_target *find_target(relay *r, const uint8_t key[RELAY_TARGET_BYTES]) {
  for (size_t i = 0; i < r->config.hooks_count; i++)
    if (memcmp(r->hooks[i].key, key, RELAY_TARGET_BYTES) == 0) return &r->hooks[i];
  for (relay_push *push = r->pushes; push != NULL; push = push->next)
    if (memcmp(push->target.key, key, RELAY_TARGET_BYTES) == 0) return &push->target;
  return NULL;
}

/* ---- records ---- */

static lrm_slice key_of(const relay_queued *m, uint8_t key[8]) {
  return relay_number_key(m->number, key);
}

static void save(relay *r, const relay_queued *m) {
  uint8_t key[8];
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, m->account, 8);
  relay_write_id(&w, &m->session);
  relay_write_id(&w, &m->ask);
  relay_write_number(&w, m->kind, 1);
  relay_write_number(&w, m->withdraws, 1);
  relay_write_bytes(&w, m->target->key, sizeof m->target->key);
  relay_write_number(&w, m->created_ms, 8);
  relay_put(r, SPACE_MESSAGE, key_of(m, key), relay_written(&w));
}

static relay_queued *append(relay *r, relay_account *account) {
  relay_queued *m = relay_alloc(r, sizeof *m);
  if (m == NULL) return NULL;
  *r->messages_end = m;
  r->messages_end = &m->next;
  r->messages_count++;
  r->messages_due_ns = 0;
  m->account = account->row;
  account->messages++;
  return m;
}

/* Takes it off the queue and out of the store. */
static void forget(relay *r, relay_queued *m) {
  uint8_t key[8];
  relay_queued **at = &r->messages;
  while (*at != m) at = &(*at)->next;
  *at = m->next;
  if (r->messages_end == &m->next) r->messages_end = at;
  relay_remove(r, SPACE_MESSAGE, key_of(m, key));
  relay_account *account = relay_account_of(r, m->account);
  if (account != NULL) account->messages--;
  r->messages_count--;
  for (relay_queued *other = r->messages; other != NULL; other = other->next)
    if (other->after == m->number) other->after = 0;
  r->messages_due_ns = 0;
  relay_free(r, m);
}

static bool same_notice(const relay_queued *m, const relay_target *target, uint64_t account,
                        const lrm_id *session, relay_notice_kind kind, const lrm_id *ask) {
  return m->target == target && m->account == account && m->kind == kind &&
         lrm_id_equal(&m->session, session) && lrm_id_equal(&m->ask, ask);
}

static int take(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  relay_queued read = {.number = relay_number_of_key(key)};
  uint8_t target[RELAY_TARGET_BYTES];
  (void)version;
  read.account = relay_read_number(value, 8);
  read.session = relay_read_id(value);
  read.ask = relay_read_id(value);
  read.kind = (relay_notice_kind)relay_read_number(value, 1);
  read.withdraws = relay_read_number(value, 1) != 0;
  relay_read_bytes(value, target, sizeof target);
  read.created_ms = relay_read_number(value, 8);
  if (value->bad) return LRM_ERR_CORRUPT;
  if (read.number > r->message_number) r->message_number = read.number;
  relay_account *account = relay_account_of(r, read.account);
  read.target = find_target(r, target);
  read.gone = read.target == NULL;
  read.attempts = 1; /* perhaps: the relay may have been cut when it was out */
  for (const relay_queued *m = r->messages; read.withdraws && m != NULL; m = m->next)
    if (same_notice(m, read.target, read.account, &read.session, read.kind, &read.ask))
      read.after = m->number;
  relay_queued *m = account != NULL ? append(r, account) : NULL;
  if (m != NULL) *m = read; /* the newest: nothing is behind it yet */
  return 0;
}

int relay_messages_load(relay *r) {
  static const relay_record_kind kind = {SPACE_MESSAGE, 8, RECORD_VERSION, take};
  r->messages_end = &r->messages;
  int result = relay_records_load(r, &kind);
  /* Those whose target is configured no more. */
  for (relay_queued *m = r->messages, *next; result == 0 && m != NULL; m = next) {
    next = m->next;
    if (m->gone) {
      r->notices.dropped++;
      forget(r, m);
    }
  }
  return result;
}

void relay_messages_free(relay *r) {
  while (r->messages != NULL) {
    relay_queued *m = r->messages;
    r->messages = m->next;
    relay_free(r, m);
  }
  r->messages_end = &r->messages;
}

/* ---- in ---- */

static void drop(relay *r, relay_queued *m, const char *why) {
  relay_account *account = relay_account_of(r, m->account);
  r->notices.dropped++;
  relay_log(r, RELAY_WARNING, "notify.dropped", "account", account != NULL ? account->name : "?",
            "detail", why, NULL);
  forget(r, m);
}

/* Room for one more; what has waited for longest gives way. */
static bool make_room(relay *r, const relay_account *account) {
  bool all = r->messages_count >= RELAY_MESSAGES_MAX;
  if (!all && account->messages < RELAY_MESSAGES_ACCOUNT_MAX) return true;
  for (relay_queued *m = r->messages; m != NULL; m = m->next) {
    if (m->out || (!all && m->account != account->row)) continue;
    drop(r, m, "too many messages wait");
    return true;
  }
  return false;
}

static relay_queued *queue_one(relay *r, relay_account *account, const relay_session *s,
                               relay_notice_kind kind, const lrm_id *ask, relay_target *target,
                               uint64_t wall_ms) {
  relay_queued *m = make_room(r, account) ? append(r, account) : NULL;
  if (m == NULL) {
    r->notices.dropped++;
    return NULL;
  }
  m->number = ++r->message_number;
  m->batch = r->batch_open;
  if (s != NULL) m->session = s->id;
  m->ask = *ask;
  m->kind = kind;
  m->target = target;
  m->created_ms = wall_ms;
  return m;
}

/* What of this notice is still queued for the target is over: what never left is forgotten, what is
 * on its way is followed. True: the target may have been told of it. */
static bool supersede(relay *r, relay_target *target, uint64_t account, const lrm_id *session,
                      relay_notice_kind kind, const lrm_id *ask, uint64_t *after) {
  bool told = true;
  *after = 0;
  for (relay_queued *m = r->messages, *next; m != NULL; m = next) {
    next = m->next;
    if (!same_notice(m, target, account, session, kind, ask)) continue;
    if (m->out) {
      m->gone = true; /* not again, if it fails */
      *after = m->number;
      continue;
    }
    if (!m->withdraws && m->attempts == 0) told = false;
    forget(r, m);
  }
  return told;
}

static void queue_for(relay *r, relay_account *account, const relay_session *s,
                      relay_notice_kind kind, const lrm_id *ask, relay_target *target,
                      bool withdraws, uint64_t wall_ms) {
  static const lrm_id none;
  const lrm_id *session = s != NULL ? &s->id : &none;
  uint64_t after = 0;
  bool told = supersede(r, target, account->row, session, kind, ask, &after);
  if (withdraws && !told && after == 0) return;
  relay_queued *m = queue_one(r, account, s, kind, ask, target, wall_ms);
  if (m == NULL) return;
  m->withdraws = withdraws;
  m->after = after;
  save(r, m);
}

static uint8_t bit_of(relay_notice_kind kind) {
  if (kind == RELAY_NOTICE_DONE) return RELAY_WANTS_DONE;
  return kind == RELAY_NOTICE_ERROR ? RELAY_WANTS_ERRORS : RELAY_WANTS_ASKS;
}

bool relay_messages_wanted(const relay *r, const relay_account *account, relay_notice_kind kind) {
  uint8_t bit = bit_of(kind);
  for (size_t i = 0; i < r->config.hooks_count; i++)
    if ((r->config.hooks[i].wants & bit) != 0) return true;
  for (const relay_push *push = r->pushes; push != NULL; push = push->next)
    if (push->account == account->row && (push->wants & bit) != 0) return true;
  return false;
}

static void queue_all(relay *r, relay_account *account, const relay_session *s,
                      relay_notice_kind kind, const lrm_id *ask, bool withdraws, uint64_t told_ms,
                      uint64_t wall_ms) {
  uint8_t bit = bit_of(kind);
  for (size_t i = 0; i < r->config.hooks_count; i++)
    if ((r->config.hooks[i].wants & bit) != 0)
      queue_for(r, account, s, kind, ask, &r->hooks[i], withdraws, wall_ms);
  for (relay_push *push = r->pushes; push != NULL; push = push->next) {
    if (push->account != account->row || (push->wants & bit) == 0) continue;
    if (withdraws && told_ms != 0 && push->created_ms > told_ms) continue; /* it was never told */
    queue_for(r, account, s, kind, ask, &push->target, withdraws, wall_ms);
  }
}

void relay_messages_queue(relay *r, relay_account *account, const relay_session *s,
                          relay_notice_kind kind, const lrm_id *ask, uint64_t wall_ms) {
  queue_all(r, account, s, kind, ask, false, 0, wall_ms);
}

void relay_messages_withdraw(relay *r, relay_account *account, const relay_session *s,
                             relay_notice_kind kind, const lrm_id *ask, uint64_t told_ms,
                             uint64_t wall_ms) {
  queue_all(r, account, s, kind, ask, true, told_ms, wall_ms);
}

void relay_messages_test(relay *r, relay_account *account, relay_push *push, uint64_t wall_ms) {
  static const lrm_id none;
  push->target.until_ns = 0; /* a person waits for it */
  r->messages_due_ns = 0;
  for (relay_queued *m = r->messages; m != NULL; m = m->next) {
    if (m->target != &push->target || m->kind != RELAY_NOTICE_TEST) continue;
    m->due_ns = 0;
    return;
  }
  queue_for(r, account, NULL, RELAY_NOTICE_TEST, &none, &push->target, false, wall_ms);
}

void relay_messages_forget(relay *r, const relay_account *account, const relay_target *target) {
  for (relay_queued *m = r->messages, *next; m != NULL; m = next) {
    next = m->next;
    if (account != NULL ? m->account != account->row : m->target != target) continue;
    if (!m->out) {
      forget(r, m);
      continue;
    }
    m->gone = true;
    if (target != NULL) m->target = NULL;
  }
}

/* ---- out ---- */

/* Its device may have expired since it subscribed. */
static bool still_signed_in(relay *r, const relay_push *push, uint64_t wall_ms) {
  relay_device device;
  return relay_device_get(r, &push->device, &device) && !device.revoked &&
         (device.expires_ms == 0 || device.expires_ms > wall_ms);
}

static bool may_go(const relay *r, const relay_queued *m, uint64_t now_ns, uint64_t *due_ns) {
  const relay_target *t = m->target;
  if (m->out || m->after != 0 || m->batch > r->batch_durable) return false;
  /* While it fails, one at a time tries. */
  if (t->out >= (t->failures > 0 ? 1u : (uint32_t)RELAY_TARGET_OUT_MAX)) return false;
  uint64_t at_ns = m->due_ns > t->until_ns ? m->due_ns : t->until_ns;
  if (at_ns <= now_ns) return true;
  if (at_ns < *due_ns) *due_ns = at_ns;
  return false;
}

static void fill_texts(relay *r, relay_session *s, const relay_queued *m, relay_message *out) {
  remote_v1_SessionInfo info;
  lrm_slice stored = relay_session_info(s, r);
  if (stored.bytes == 0 ||
      lrm_message_decode_static(&lrm_schema_SessionInfo, remote_v1_SessionInfo_fields, stored.data,
                                stored.bytes, &info) != 0) {
    return;
  }
  relay_text(out->title, sizeof out->title, info.title);
  if (m->kind != RELAY_NOTICE_ASK) relay_text(out->text, sizeof out->text, info.activity);
  for (pb_size_t i = 0; i < info.asks_count; i++)
    if (memcmp(info.asks[i].ask_id.bytes, m->ask.bytes, sizeof m->ask.bytes) == 0)
      relay_text(out->text, sizeof out->text, info.asks[i].text);
}

static void fill_tag(const relay_queued *m, char tag[RELAY_TAG_BYTES]) {
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(m->kind == RELAY_NOTICE_ASK ? &m->ask : &m->session, id);
  switch (m->kind) {
    case RELAY_NOTICE_ASK:
      snprintf(tag, RELAY_TAG_BYTES, "ask-%s", id);
      break;
    case RELAY_NOTICE_DONE:
      snprintf(tag, RELAY_TAG_BYTES, "done-%s", id);
      break;
    case RELAY_NOTICE_ERROR:
      snprintf(tag, RELAY_TAG_BYTES, "error-%s", id);
      break;
    case RELAY_NOTICE_MANY:
      snprintf(tag, RELAY_TAG_BYTES, "many-%llu", (unsigned long long)m->account);
      break;
    case RELAY_NOTICE_TEST:
      snprintf(tag, RELAY_TAG_BYTES, "test");
      break;
  }
}

static void fill(relay *r, const relay_queued *m, const relay_account *account,
                 relay_message *out) {
  const relay_push *push = is_hook(r, m->target) ? NULL : push_of(r, m->target);
  *out = (relay_message){.ticket = m->number,
                         .kind = m->kind,
                         .withdrawn = m->withdraws,
                         .account = account->name,
                         .session = m->session,
                         .ask = m->ask,
                         .created_ms = m->created_ms,
                         .hook = push == NULL ? (int)(m->target - r->hooks) : -1};
  fill_tag(m, out->tag);
  if (m->kind == RELAY_NOTICE_MANY) out->count = relay_notices_many(account);
  out->with_text = (wants_of(r, m->target) & RELAY_WANTS_TEXT) != 0;
  relay_session *s = relay_session_find(r, account, &m->session);
  if (out->with_text && !m->withdraws && s != NULL) fill_texts(r, s, m, out);
  if (push == NULL) return;
  out->endpoint = push->endpoint;
  memcpy(out->key, push->key, sizeof out->key);
  memcpy(out->auth, push->auth, sizeof out->auth);
}

bool relay_message_take(relay *r, uint64_t now_ns, uint64_t wall_ms, relay_message *out) {
  if (r->messages_out >= RELAY_MESSAGES_OUT_MAX || now_ns < r->messages_due_ns) return false;
  uint64_t due_ns = UINT64_MAX;
  for (relay_queued *m = r->messages, *next; m != NULL; m = next) {
    next = m->next;
    if (!may_go(r, m, now_ns, &due_ns)) continue;
    if (wall_ms > m->created_ms + GIVEN_UP_MS) {
      drop(r, m, "it could not be sent in time");
      continue;
    }
    relay_push *push = is_hook(r, m->target) ? NULL : push_of(r, m->target);
    const relay_account *account = relay_account_of(r, m->account);
    if (account == NULL || (push != NULL && !still_signed_in(r, push, wall_ms))) {
      forget(r, m);
      continue;
    }
    m->out = true;
    m->target->out++;
    r->messages_out++;
    fill(r, m, account, out);
    return true;
  }
  r->messages_due_ns = due_ns;
  return false;
}

/* ---- how it went ---- */

/* Twice as long each time, and not all at once. */
static uint64_t backoff_ms(const relay *r, const relay_queued *m) {
  uint64_t ms = BACKOFF_MS_LEAST;
  for (uint32_t i = 1; i < m->attempts && ms < BACKOFF_MS_MAX; i++) ms *= 2;
  if (ms > BACKOFF_MS_MAX) ms = BACKOFF_MS_MAX;
  uint64_t mix = (r->config.seed ^ m->number) * UINT64_C(6364136223846793005) + m->attempts;
  return ms + (mix >> 33) % (ms / 4 + 1);
}

static void later(relay *r, relay_queued *m, uint64_t retry_after_ms, uint64_t now_ns,
                  uint64_t wall_ms) {
  relay_target *t = m->target;
  uint64_t wait_ms = backoff_ms(r, m);
  if (retry_after_ms > GIVEN_UP_MS) retry_after_ms = GIVEN_UP_MS;
  if (retry_after_ms > wait_ms) wait_ms = retry_after_ms;
  t->failures++;
  if (now_ns + wait_ms * 1000000 > t->until_ns) t->until_ns = now_ns + wait_ms * 1000000;
  m->due_ns = now_ns + wait_ms * 1000000;
  if (m->attempts >= ATTEMPTS_MAX || wall_ms + wait_ms > m->created_ms + GIVEN_UP_MS)
    drop(r, m, "it could not be sent in time");
  r->messages_due_ns = 0;
}

static void refused(relay *r, relay_queued *m, relay_push *push) {
  bool enough = push != NULL && ++push->refusals >= REFUSALS_MAX;
  drop(r, m, "it was refused");
  if (!enough) return;
  relay_log(r, RELAY_WARNING, "push.gone", "detail", "its push service refuses every message",
            NULL);
  relay_push_remove(r, push);
}

void relay_message_done(relay *r, uint64_t ticket, relay_message_end end, uint64_t retry_after_ms,
                        uint64_t now_ns, uint64_t wall_ms) {
  relay_queued *m = r->messages;
  while (m != NULL && (m->number != ticket || !m->out)) m = m->next;
  if (m == NULL) return;
  relay_push *push = m->target == NULL || is_hook(r, m->target) ? NULL : push_of(r, m->target);
  m->out = false;
  m->attempts++;
  r->messages_out--;
  r->messages_due_ns = 0;
  if (m->target != NULL) m->target->out--;
  if (end != RELAY_MESSAGE_SENT) r->notices.failed++;
  if (m->target == NULL) {
    forget(r, m);
    return;
  }
  if (end == RELAY_MESSAGE_SENT || end == RELAY_MESSAGE_REFUSED) m->target->failures = 0;
  switch (end) {
    case RELAY_MESSAGE_SENT:
      (*(push != NULL ? &r->notices.sent_push : &r->notices.sent_hook))++;
      if (push != NULL) relay_push_sent(r, push, wall_ms);
      forget(r, m);
      break;
    case RELAY_MESSAGE_LATER:
      if (m->gone)
        forget(r, m); /* what follows it says more */
      else
        later(r, m, retry_after_ms, now_ns, wall_ms);
      break;
    case RELAY_MESSAGE_REFUSED:
      refused(r, m, push);
      break;
    case RELAY_MESSAGE_GONE:
      if (push == NULL) {
        refused(r, m, NULL);
      } else {
        relay_log(r, RELAY_INFO, "push.gone", "detail",
                  "its push service does not know it any more", NULL);
        relay_push_remove(r, push);
      }
      break;
  }
}
