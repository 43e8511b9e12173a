/* Sessions: what the relay keeps of one, its two logs, its record, its end. */
#include <pb_encode.h>
#include <string.h>

#include "core.h"

enum { RECORD_VERSION = 1, ACTIVITY_SAVE_MS = 5000 };

/* ---- the table ---- */

static size_t bucket_of(const relay *r, uint64_t account, const lrm_id *id) {
  /* Ids are random; the account keeps equal ones of two accounts apart. */
  uint64_t mix;
  memcpy(&mix, id->bytes, sizeof mix);
  return (size_t)((mix ^ account * UINT64_C(0x9e3779b97f4a7c15)) & (r->buckets_count - 1));
}

static bool widen(relay *r) {
  if (r->buckets_count > 0 && r->sessions_count < r->buckets_count) return true;
  size_t count = r->buckets_count == 0 ? 64 : r->buckets_count * 2;
  relay_session **wider = relay_alloc(r, count * sizeof(relay_session *));
  if (wider == NULL) return false;
  relay_session **narrower = r->buckets;
  size_t narrower_count = r->buckets_count;
  r->buckets = wider;
  r->buckets_count = count;
  for (size_t i = 0; i < narrower_count; i++) {
    while (narrower[i] != NULL) {
      relay_session *s = narrower[i];
      narrower[i] = s->next_in_bucket;
      size_t bucket = bucket_of(r, s->account->row, &s->id);
      s->next_in_bucket = wider[bucket];
      wider[bucket] = s;
    }
  }
  relay_free(r, narrower);
  return true;
}

relay_session *relay_session_find(relay *r, const relay_account *account, const lrm_id *id) {
  if (r->buckets_count == 0) return NULL;
  for (relay_session *s = r->buckets[bucket_of(r, account->row, id)]; s != NULL;
       s = s->next_in_bucket) {
    if (s->account == account && lrm_id_equal(&s->id, id)) return s;
  }
  return NULL;
}

relay_session *relay_session_make(relay *r, relay_account *account, const lrm_id *id) {
  if (!widen(r)) return NULL;
  relay_session *s = relay_alloc(r, sizeof *s);
  if (s == NULL) return NULL;
  s->account = account;
  s->id = *id;
  s->tail.offset = LRM_OFFSET_NONE;
  size_t bucket = bucket_of(r, account->row, id);
  s->next_in_bucket = r->buckets[bucket];
  r->buckets[bucket] = s;
  r->sessions_count++;
  account->sessions++;
  relay_session_changed(s, r);
  return s;
}

void relay_session_changed(relay_session *s, relay *r) {
  relay_account *account = s->account;
  s->changed = ++r->change_number;
  if (account->newest == s) return;
  if (s->newer != NULL) s->newer->older = s->older;
  if (s->older != NULL) s->older->newer = s->newer;
  s->newer = NULL;
  s->older = account->newest;
  if (s->older != NULL) s->older->newer = s;
  account->newest = s;
}

static void session_free(relay *r, relay_session *s) {
  relay_notices_free(s, r);
  relay_free(r, s->waiting_from);
  relay_free(r, s->outboxes);
  relay_free(r, s->tail_memory);
  relay_free(r, s);
}

static void unlist(relay_session *s, relay *r) {
  if (s->noticing) {
    relay_session **at = &r->noticing;
    while (*at != s) at = &(*at)->next_noticing;
    *at = s->next_noticing;
    s->noticing = false;
  }
  if (s->dirty) {
    relay_session **at = &r->dirty;
    while (*at != s) at = &(*at)->next_dirty;
    *at = s->next_dirty;
  }
  if (s->waiting) {
    relay_session **at = &r->waiting;
    while (*at != s) at = &(*at)->next_waiting;
    *at = s->next_waiting;
  }
}

void relay_session_forget(relay_session *s, relay *r) {
  unlist(s, r);
  relay_session **at = &r->buckets[bucket_of(r, s->account->row, &s->id)];
  while (*at != s) at = &(*at)->next_in_bucket;
  *at = s->next_in_bucket;
  r->sessions_count--;
  if (s->newer != NULL) s->newer->older = s->older;
  if (s->older != NULL) s->older->newer = s->newer;
  if (s->account->newest == s) s->account->newest = s->older;
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  relay_remove(r, SPACE_SESSION, (lrm_slice){key, key_bytes});
  session_free(r, s);
}

void relay_sessions_free(relay *r) {
  for (size_t i = 0; i < r->buckets_count; i++) {
    while (r->buckets[i] != NULL) {
      relay_session *s = r->buckets[i];
      r->buckets[i] = s->next_in_bucket;
      session_free(r, s);
    }
  }
  relay_free(r, r->buckets);
  r->buckets = NULL;
  r->buckets_count = 0;
}

void relay_session_dirty(relay_session *s, relay *r) {
  if (s->dirty) return;
  s->dirty = true;
  s->next_dirty = r->dirty;
  r->dirty = s;
}

void relay_session_wait(relay_session *s, relay *r) {
  if (s->waiting) return;
  s->waiting = true;
  s->next_waiting = r->waiting;
  r->waiting = s;
}

/* ---- records ---- */

size_t relay_session_key(const relay_session *s, uint8_t key[48]) {
  (void)relay_number_key(s->account->row, key);
  memcpy(key + 8, s->id.bytes, sizeof s->id.bytes);
  return 24;
}

void relay_session_save(relay_session *s, relay *r) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, s->deleted, 1);
  relay_write_id(&w, &s->creator);
  relay_write_number(&w, s->created_ms, 8);
  relay_write_number(&w, s->activity_ms, 8);
  relay_write_number(&w, s->writer_generation, 8);
  relay_write_id(&w, &s->writer_link);
  relay_write_id(&w, &s->writer_device);
  relay_write_number(&w, s->detached_ms, 8);
  relay_write_id(&w, &s->lost_epoch);
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  relay_put(r, SPACE_SESSION, (lrm_slice){key, key_bytes}, relay_written(&w));
  s->activity_saved_ms = s->activity_ms;
}

void relay_session_describe(relay_session *s, relay *r,
                            const remote_v1_SessionDescription *description) {
  uint8_t data[remote_v1_SessionDescription_size];
  pb_ostream_t stream = pb_ostream_from_buffer(data, sizeof data);
  if (!pb_encode(&stream, remote_v1_SessionDescription_fields, description)) return;
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  relay_put(r, SPACE_DESCRIPTION, (lrm_slice){key, key_bytes},
            (lrm_slice){data, stream.bytes_written});
}

lrm_slice relay_session_info(relay_session *s, relay *r) {
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  lrm_slice value = {NULL, 0};
  if (lrm_store_get(r->config.store, SPACE_INFO, (lrm_slice){key, key_bytes}, &value) != 0) {
    value = (lrm_slice){NULL, 0};
  }
  return value;
}

void relay_session_touch(relay_session *s, relay *r, uint64_t wall_ms) {
  if (wall_ms > s->activity_ms) s->activity_ms = wall_ms;
  if (s->activity_ms < s->activity_saved_ms + ACTIVITY_SAVE_MS) return;
  relay_session_save(s, r);
  s->list_changed = true; /* the order of lists */
  relay_session_dirty(s, r);
}

static lrm_log_key log_key(const relay_session *s, uint32_t kind) {
  return (lrm_log_key){.account = s->account->row, .session_id = s->id, .kind = kind};
}

/* Its size counts from the start, whether somebody comes or not. */
static int load_events(relay_session *s, relay *r) {
  lrm_log_key key = log_key(s, remote_v1_Log_LOG_EVENTS);
  int result = lrm_store_log(r->config.store, &key, false, &s->events);
  if (result == LRM_ERR_NOT_FOUND) return 0;
  if (result != 0) return result;
  s->acknowledged = lrm_log_facts_now(s->events).durable;
  relay_retention_count(s, r);
  return 0;
}

static int take(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  relay_account *account = relay_account_of(r, relay_number_of_key(key));
  lrm_id id;
  (void)version;
  if (account == NULL) return LRM_ERR_CORRUPT;
  memcpy(id.bytes, key + 8, sizeof id.bytes);
  relay_session *s = relay_session_make(r, account, &id);
  if (s == NULL) return LRM_ERR_NO_MEMORY;
  s->deleted = relay_read_number(value, 1) != 0;
  if (s->deleted) account->sessions--;
  s->creator = relay_read_id(value);
  s->created_ms = relay_read_number(value, 8);
  s->activity_ms = relay_read_number(value, 8);
  s->activity_saved_ms = s->activity_ms;
  s->writer_generation = relay_read_number(value, 8);
  s->writer_link = relay_read_id(value);
  s->writer_device = relay_read_id(value);
  s->detached_ms = relay_read_number(value, 8);
  s->lost_epoch = relay_read_id(value);
  if (value->bad) return LRM_ERR_CORRUPT;
  return s->deleted ? 0 : load_events(s, r);
}

int relay_sessions_load(relay *r) {
  static const relay_record_kind kind = {SPACE_SESSION, 24, RECORD_VERSION, take};
  return relay_records_load(r, &kind);
}

/* ---- logs ---- */

int relay_session_events(relay_session *s, relay *r) {
  if (s->events != NULL) return 0;
  lrm_log_key key = log_key(s, remote_v1_Log_LOG_EVENTS);
  int result = lrm_store_log(r->config.store, &key, true, &s->events);
  if (result != 0) {
    s->events = NULL;
    return result;
  }
  s->acknowledged = lrm_log_facts_now(s->events).durable;
  return 0;
}

int relay_restored(relay *r) {
  relay_audit_restored(r, r->config.wall_ms);
  for (size_t i = 0; i < r->buckets_count; i++) {
    for (relay_session *s = r->buckets[i]; s != NULL; s = s->next_in_bucket) {
      if (s->deleted) continue;
      int result = relay_session_events(s, r);
      if (result != 0) return result;
      s->lost_epoch = lrm_log_facts_now(s->events).epoch;
      relay_session_save(s, r);
    }
  }
  return 0;
}

/* A copy of the blocks that the host has not acknowledged, one after the other. */
typedef struct unread {
  uint8_t *data;
  size_t *bytes;
  uint32_t count;
} unread;

static int collect_unread(relay *r, lrm_log *log, const lrm_log_facts *facts, unread *out) {
  memset(out, 0, sizeof *out);
  if (facts->end == facts->first) return 0;
  out->data = relay_alloc(r, (size_t)facts->bytes);
  out->bytes = relay_alloc(r, (size_t)(facts->end - facts->first) * sizeof(size_t));
  if (out->data == NULL || out->bytes == NULL) return LRM_ERR_NO_MEMORY;
  size_t used = 0;
  for (uint64_t offset = facts->first; offset < facts->end; offset++) {
    lrm_block block;
    int result = lrm_log_read(log, offset, &block);
    if (result != 0) return result;
    if (block.count != 1 || used + block.payload.bytes > facts->bytes) return LRM_ERR_CORRUPT;
    memcpy(out->data + used, block.payload.data, block.payload.bytes);
    used += block.payload.bytes;
    out->bytes[out->count++] = block.payload.bytes;
  }
  return 0;
}

static bool command_id_of(lrm_slice block, lrm_id *out) {
  /* varint length, envelope */
  size_t at = 0;
  while (at < block.bytes && (block.data[at] & 0x80) != 0) at++;
  lrm_envelope envelope;
  if (at >= block.bytes ||
      lrm_envelope_decode(block.data + at + 1, block.bytes - at - 1, &envelope) != 0) {
    return false;
  }
  *out = envelope.command_id;
  return true;
}

static int renumber(relay_session *s, relay *r, lrm_log *log, const unread *unread_blocks) {
  int result = lrm_log_restart(log, &r->config.commands_epoch);
  size_t at = 0;
  for (uint32_t i = 0; i < unread_blocks->count && result == 0; i++) {
    lrm_block block = {
        .offset = i, .count = 1, .payload = {unread_blocks->data + at, unread_blocks->bytes[i]}};
    result = lrm_log_append(log, &block);
    at += unread_blocks->bytes[i];
    if (result != 0) break;
    lrm_id command_id;
    if (command_id_of(block.payload, &command_id)) relay_command_moved(s, r, &command_id, i);
    if (!relay_grow(r, (void **)&s->waiting_from, s->waiting_count, &s->waiting_capacity,
                    sizeof *s->waiting_from)) {
      result = LRM_ERR_NO_MEMORY;
    } else {
      memset(&s->waiting_from[s->waiting_count++], 0,
             sizeof(relay_outbox_id)); /* of nobody who is here */
    }
  }
  return result;
}

int relay_session_commands(relay_session *s, relay *r) {
  if (s->commands != NULL) return 0;
  lrm_log_key key = log_key(s, remote_v1_Log_LOG_COMMANDS);
  lrm_log *log = NULL;
  int result = lrm_store_log(r->config.store, &key, true, &log);
  if (result != 0) return result;
  lrm_log_facts facts = lrm_log_facts_now(log);
  unread unread_blocks;
  result = collect_unread(r, log, &facts, &unread_blocks);
  if (result == 0) {
    result = renumber(s, r, log, &unread_blocks);
    if (result != 0) {
      /* Half renumbered is commands lost. The batch must not be committed: the program ends on
       * this, and the store is as it was when it is opened again. */
      r->broken = true;
      relay_log_session(r, RELAY_ERROR, "commands.renumber", s, NULL, lrm_error_text(result));
    }
  }
  relay_free(r, unread_blocks.data);
  relay_free(r, unread_blocks.bytes);
  if (result != 0) return result;
  s->commands = log;
  s->delivered = 0;
  s->commands_durable = 0;
  s->commands_kept = lrm_log_facts_now(log).end;
  relay_session_wait(s, r);
  return 0;
}

/* ---- end ---- */

int relay_session_delete(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms) {
  while (s->channels != NULL) {
    relay_channel_close(s->channels, LRM_CODE_NOT_FOUND, "this session was deleted", now_ns,
                        wall_ms);
  }
  static const uint32_t kinds[] = {remote_v1_Log_LOG_EVENTS, remote_v1_Log_LOG_COMMANDS};
  for (size_t i = 0; i < 2; i++) {
    lrm_log_key key = log_key(s, kinds[i]);
    int result = lrm_store_delete_log(r->config.store, &key);
    if (result != 0 && result != LRM_ERR_NOT_FOUND) return result;
  }
  s->events = s->commands = NULL;
  relay_retention_count(s, r);
  relay_notices_drop(s, r, now_ns, wall_ms);
  uint8_t key[48];
  size_t key_bytes = relay_session_key(s, key);
  relay_remove(r, SPACE_INFO, (lrm_slice){key, key_bytes});
  relay_remove(r, SPACE_DESCRIPTION, (lrm_slice){key, key_bytes});
  relay_remove(r, SPACE_NEEDS, (lrm_slice){key, key_bytes});
  relay_remove(r, SPACE_MARKS, (lrm_slice){key, key_bytes});
  for (uint32_t i = 0; i < s->outboxes_count; i++) {
    relay_outbox_trim(s, r, &s->outboxes[i], s->outboxes[i].next);
    relay_outbox_forget(s, r, &s->outboxes[i]);
  }
  s->outboxes_count = 0;
  s->waiting_count = 0;
  relay_free(r, s->tail_memory);
  s->tail_memory = NULL;
  s->deleted = true;
  s->activity_ms = wall_ms; /* the tombstone's age counts from here */
  s->account->sessions--;
  relay_session_save(s, r);
  s->list_changed = true;
  relay_session_dirty(s, r);
  relay_audit_note(
      r,
      &(relay_audit_entry){.what = "session.deleted", .account = s->account, .session_id = &s->id},
      wall_ms);
  relay_log_session(r, RELAY_WARNING, "session.deleted", s, NULL, "");
  return 0;
}
