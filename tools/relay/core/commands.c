/* Commands: a client's outbox in, the session's numbered log out. A command is judged by its
 * envelope alone, stored with who sent it, receipted after the commit, and known by its id for as
 * long as it could come again. */
#include <string.h>

#include "core.h"

enum {
  RECORD_VERSION = 1,
  RECEIPTS_KEPT_MAX = 256, /* per outbox */
  PRUNE_KEYS_MAX = 8192    /* in one go */
};

/* ---- keys ---- */

enum {
  SESSION_KEY_BYTES = 24,
  COMMAND_KEY_BYTES = SESSION_KEY_BYTES + 16,
  OUTBOX_KEY_BYTES = SESSION_KEY_BYTES + 32,
  KEY_BYTES_MAX = OUTBOX_KEY_BYTES + 8
};

static size_t command_key(const relay_session *s, const lrm_id *command_id,
                          uint8_t key[KEY_BYTES_MAX]) {
  size_t bytes = relay_session_key(s, key);
  memcpy(key + bytes, command_id->bytes, sizeof command_id->bytes);
  return COMMAND_KEY_BYTES;
}

static size_t outbox_key(const relay_session *s, const relay_outbox_id *id,
                         uint8_t key[KEY_BYTES_MAX]) {
  size_t bytes = relay_session_key(s, key);
  memcpy(key + bytes, id->device_id.bytes, 16);
  memcpy(key + bytes + 16, id->link_id.bytes, 16);
  return OUTBOX_KEY_BYTES;
}

static size_t receipt_key(const relay_session *s, const relay_outbox_id *id, uint64_t offset,
                          uint8_t key[KEY_BYTES_MAX]) {
  size_t bytes = outbox_key(s, id, key);
  (void)relay_number_key(offset, key + bytes);
  return bytes + 8;
}

/* ---- what is known of a command id ---- */

typedef struct known_command {
  uint64_t received_ms;
  uint32_t code; /* 0: stored */
  uint32_t layer;
  lrm_id epoch;
  uint64_t offset;
  uint32_t outcome; /* CommandOutcomeKind, as its host has told; 0: not yet */
} known_command;

static bool decode_known(lrm_slice value, known_command *out) {
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  out->received_ms = relay_read_number(&reader, 8);
  out->code = (uint32_t)relay_read_number(&reader, 4);
  out->layer = (uint32_t)relay_read_number(&reader, 1);
  out->epoch = relay_read_id(&reader);
  out->offset = relay_read_number(&reader, 8);
  bool good = !reader.bad && version == RECORD_VERSION;
  out->outcome = (uint32_t)relay_read_number(&reader, 1); /* older ones end before it */
  return good;
}

static bool known_get(const relay_session *s, relay *r, const lrm_id *command_id,
                      known_command *out) {
  uint8_t key[KEY_BYTES_MAX];
  size_t bytes = command_key(s, command_id, key);
  lrm_slice value;
  return lrm_store_get(r->config.store, SPACE_COMMAND, (lrm_slice){key, bytes}, &value) == 0 &&
         decode_known(value, out);
}

static void known_put(const relay_session *s, relay *r, const lrm_id *command_id,
                      const known_command *known) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, known->received_ms, 8);
  relay_write_number(&w, known->code, 4);
  relay_write_number(&w, known->layer, 1);
  relay_write_id(&w, &known->epoch);
  relay_write_number(&w, known->offset, 8);
  relay_write_number(&w, known->outcome, 1);
  uint8_t key[KEY_BYTES_MAX];
  size_t bytes = command_key(s, command_id, key);
  relay_put(r, SPACE_COMMAND, (lrm_slice){key, bytes}, relay_written(&w));
}

void relay_command_moved(relay_session *s, relay *r, const lrm_id *command_id, uint64_t offset) {
  known_command known = {.received_ms = r->config.wall_ms};
  (void)known_get(s, r, command_id, &known);
  known.epoch = r->config.commands_epoch;
  known.offset = offset;
  known_put(s, r, command_id, &known);
}

/* ---- outboxes ---- */

static bool same_outbox(const relay_outbox_id *a, const relay_outbox_id *b) {
  return lrm_id_equal(&a->link_id, &b->link_id) && lrm_id_equal(&a->device_id, &b->device_id);
}

relay_outbox *relay_outbox_find(relay_session *s, const relay_outbox_id *id) {
  for (uint32_t i = 0; i < s->outboxes_count; i++) {
    if (same_outbox(&s->outboxes[i].id, id)) return &s->outboxes[i];
  }
  return NULL;
}

void relay_outbox_trim(relay_session *s, relay *r, relay_outbox *outbox, uint64_t below) {
  if (below > outbox->next) below = outbox->next;
  for (; outbox->kept < below; outbox->kept++) {
    uint8_t key[KEY_BYTES_MAX];
    size_t bytes = receipt_key(s, &outbox->id, outbox->kept, key);
    relay_remove(r, SPACE_RECEIPT, (lrm_slice){key, bytes});
  }
}

void relay_outbox_forget(relay_session *s, relay *r, const relay_outbox *outbox) {
  uint8_t key[KEY_BYTES_MAX];
  size_t bytes = outbox_key(s, &outbox->id, key);
  relay_remove(r, SPACE_OUTBOX, (lrm_slice){key, bytes});
}

static void outbox_drop(relay_session *s, relay *r, uint32_t index) {
  relay_outbox_trim(s, r, &s->outboxes[index], s->outboxes[index].next);
  relay_outbox_forget(s, r, &s->outboxes[index]);
  s->outboxes[index] = s->outboxes[--s->outboxes_count];
}

/* Room for one more: the one that was used least recently and is not attached goes. It is not lost
 * by that: its owner starts again at first_retained, and known ids add nothing. */
static void make_room(relay_session *s, relay *r) {
  if (s->outboxes_count < r->config.outboxes_per_session_max) return;
  uint32_t oldest = UINT32_MAX;
  for (uint32_t i = 0; i < s->outboxes_count; i++) {
    if (s->outboxes[i].channels == 0 &&
        (oldest == UINT32_MAX || s->outboxes[i].used_ms < s->outboxes[oldest].used_ms)) {
      oldest = i;
    }
  }
  if (oldest != UINT32_MAX) outbox_drop(s, r, oldest);
}

relay_outbox *relay_outbox_make(relay_session *s, relay *r, const relay_outbox_id *id) {
  make_room(s, r);
  if (!relay_grow(r, (void **)&s->outboxes, s->outboxes_count, &s->outboxes_capacity,
                  sizeof *s->outboxes)) {
    return NULL;
  }
  relay_outbox *outbox = &s->outboxes[s->outboxes_count++];
  memset(outbox, 0, sizeof *outbox);
  outbox->id = *id;
  return outbox;
}

void relay_outbox_save(relay_session *s, relay *r, relay_outbox *outbox, uint64_t wall_ms) {
  outbox->used_ms = wall_ms;
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, outbox->next, 8);
  relay_write_number(&w, outbox->kept, 8);
  relay_write_number(&w, outbox->used_ms, 8);
  uint8_t key[KEY_BYTES_MAX];
  size_t bytes = outbox_key(s, &outbox->id, key);
  relay_put(r, SPACE_OUTBOX, (lrm_slice){key, bytes}, relay_written(&w));
}

typedef struct scanning {
  relay *r;
  uint64_t wall_ms;
  int result;
  uint8_t (*keys)[COMMAND_KEY_BYTES]; /* to be removed */
  uint32_t count;
} scanning;

static relay_session *session_of_key(relay *r, lrm_slice key) {
  if (key.bytes < COMMAND_KEY_BYTES) return NULL;
  lrm_id id;
  memcpy(id.bytes, key.data + 8, sizeof id.bytes);
  const relay_account *account = relay_account_of(r, relay_number_of_key(key.data));
  return account != NULL ? relay_session_find(r, account, &id) : NULL;
}

static bool load_outbox(void *user, lrm_slice key, lrm_slice value) {
  scanning *scan = user;
  relay_session *s = session_of_key(scan->r, key);
  relay_reader reader = relay_read(value);
  relay_outbox loaded = {.next = 0};
  uint64_t version = relay_read_number(&reader, 1);
  loaded.next = relay_read_number(&reader, 8);
  loaded.kept = relay_read_number(&reader, 8);
  loaded.used_ms = relay_read_number(&reader, 8);
  /* Before devices were part of the key: its owner begins anew at first_retained. */
  if (key.bytes == COMMAND_KEY_BYTES) return true;
  if (reader.bad || version != RECORD_VERSION || key.bytes != OUTBOX_KEY_BYTES) {
    scan->result = LRM_ERR_CORRUPT;
    return false;
  }
  if (s == NULL) return true;
  memcpy(loaded.id.device_id.bytes, key.data + SESSION_KEY_BYTES, 16);
  memcpy(loaded.id.link_id.bytes, key.data + SESSION_KEY_BYTES + 16, 16);
  if (!relay_grow(scan->r, (void **)&s->outboxes, s->outboxes_count, &s->outboxes_capacity,
                  sizeof *s->outboxes)) {
    scan->result = LRM_ERR_NO_MEMORY;
    return false;
  }
  s->outboxes[s->outboxes_count++] = loaded;
  return true;
}

int relay_outboxes_load(relay *r) {
  scanning scan = {.r = r};
  int result = lrm_store_each(r->config.store, SPACE_OUTBOX, load_outbox, &scan);
  return result != 0 ? result : scan.result;
}

static bool count_known(void *user, lrm_slice key, lrm_slice value) {
  scanning *scan = user;
  (void)value;
  relay_session *s = session_of_key(scan->r, key);
  if (s != NULL) s->known_commands++;
  return true;
}

/* Ids are kept 24 h or 4096 a session, whichever is more (spec 12.6), and longer while the command
 * waits for its host. */
static bool collect_old(void *user, lrm_slice key, lrm_slice value) {
  scanning *scan = user;
  relay *r = scan->r;
  relay_session *s = session_of_key(r, key);
  known_command known;
  if (key.bytes != COMMAND_KEY_BYTES) return true;
  bool old =
      s == NULL || !decode_known(value, &known) || s->deleted ||
      (s->known_commands > LRM_COMMAND_IDS_KEPT_MIN &&
       known.received_ms + LRM_COMMAND_IDS_KEPT_MS < scan->wall_ms &&
       !(lrm_id_equal(&known.epoch, &r->config.commands_epoch) && known.offset >= s->delivered));
  if (!old) return true;
  memcpy(scan->keys[scan->count++], key.data, key.bytes);
  if (s != NULL) s->known_commands--;
  return scan->count < PRUNE_KEYS_MAX;
}

static void prune_outboxes(relay_session *s, relay *r, uint64_t wall_ms) {
  for (uint32_t i = s->outboxes_count; i-- > 0;) {
    const relay_outbox *outbox = &s->outboxes[i];
    if (outbox->channels == 0 && outbox->used_ms + LRM_COMMAND_IDS_KEPT_MS < wall_ms) {
      outbox_drop(s, r, i);
    }
  }
}

int relay_commands_prune(relay *r, uint64_t wall_ms) {
  for (size_t i = 0; i < r->buckets_count; i++) {
    for (relay_session *s = r->buckets[i]; s != NULL; s = s->next_in_bucket) {
      prune_outboxes(s, r, wall_ms);
      s->known_commands = 0;
    }
  }
  scanning scan = {.r = r, .wall_ms = wall_ms};
  int result = lrm_store_each(r->config.store, SPACE_COMMAND, count_known, &scan);
  if (result != 0) return result;
  scan.keys = relay_alloc(r, PRUNE_KEYS_MAX * sizeof scan.keys[0]);
  if (scan.keys == NULL) return LRM_ERR_NO_MEMORY;
  result = lrm_store_each(r->config.store, SPACE_COMMAND, collect_old, &scan);
  for (uint32_t i = 0; i < scan.count; i++) {
    relay_remove(r, SPACE_COMMAND, (lrm_slice){scan.keys[i], COMMAND_KEY_BYTES});
  }
  relay_free(r, scan.keys);
  r->prune_due = scan.count == PRUNE_KEYS_MAX;
  return result;
}

/* ---- in ---- */

/* The one message of a command block. */
static bool only_message(lrm_slice payload, lrm_slice *out) {
  uint64_t bytes = 0;
  size_t at = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    if (at >= payload.bytes) return false;
    uint8_t byte = payload.data[at++];
    bytes |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      *out = (lrm_slice){payload.data + at, payload.bytes - at};
      return bytes == payload.bytes - at;
    }
  }
  return false;
}

static uint32_t waiting_from_outbox(const relay_session *s, const relay_outbox_id *id) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < s->waiting_count; i++) {
    if (same_outbox(&s->waiting_from[i], id)) count++;
  }
  return count;
}

/* 0: store it; else the code of its receipt. */
static uint32_t judge(const relay_channel *ch, const lrm_envelope *envelope, uint32_t *layer) {
  const relay_session *s = ch->session;
  const relay *r = ch->connection->relay;
  *layer = remote_v1_Layer_LAYER_UNSPECIFIED;
  if (s->account->policy.value != POLICY_CONTROL &&
      envelope->command_class != remote_v1_CommandClass_COMMAND_CLASS_VIEW) {
    *layer = (remote_v1_Layer)s->account->policy.layer;
    return LRM_CODE_COMMAND_POLICY;
  }
  if (!relay_audit_has_room(r)) return LRM_CODE_COMMAND_BUSY;
  if (lrm_id_none(&envelope->event_epoch) || envelope->command.bytes > LRM_MESSAGE_BYTES_MAX) {
    return LRM_CODE_INVALID;
  }
  lrm_log_facts facts = lrm_log_facts_now(s->commands);
  if (waiting_from_outbox(s, &ch->outbox) >= LRM_COMMANDS_UNACKNOWLEDGED_MAX ||
      s->waiting_count >= r->config.commands_waiting_max ||
      facts.bytes + envelope->command.bytes > r->config.commands_bytes_max) {
    return LRM_CODE_TOO_MANY;
  }
  return 0;
}

static void stamp(const relay_channel *ch, lrm_envelope *envelope, uint64_t wall_ms) {
  const relay_connection *c = ch->connection;
  memset(&envelope->origin, 0, sizeof envelope->origin);
  envelope->has_origin = true;
  relay_text(envelope->origin.account, sizeof envelope->origin.account, c->account->name);
  envelope->origin.device_id = c->device_id;
  relay_text(envelope->origin.device, sizeof envelope->origin.device, c->device);
  relay_text(envelope->origin.surface, sizeof envelope->origin.surface, c->surface);
  envelope->received_ms = wall_ms;
}

/* Writes the envelope anew, with its origin, behind its length, and appends it. */
static int store_command(relay_channel *ch, const lrm_envelope *envelope, uint64_t *offset) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  if (!relay_grow(r, (void **)&s->waiting_from, s->waiting_count, &s->waiting_capacity,
                  sizeof *s->waiting_from)) {
    return LRM_ERR_NO_MEMORY;
  }
  size_t bytes = lrm_envelope_bytes(envelope);
  /* With its origin it may have outgrown what a host reads; then it would never have an outcome. */
  if (bytes > LRM_MESSAGE_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  uint8_t *data = relay_alloc(r, bytes + 10);
  if (data == NULL) return LRM_ERR_NO_MEMORY;
  size_t at = 0;
  for (size_t left = bytes; at == 0 || left > 0; left >>= 7) {
    data[at++] = (uint8_t)((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    if (left <= 0x7f) break;
  }
  size_t written = 0;
  int result = lrm_envelope_encode(envelope, data + at, bytes, &written);
  lrm_log_facts facts = lrm_log_facts_now(s->commands);
  lrm_block block = {.offset = facts.end, .count = 1, .payload = {data, at + written}};
  if (result == 0) result = lrm_log_append(s->commands, &block);
  relay_free(r, data);
  if (result != 0) return result;
  *offset = facts.end;
  s->waiting_from[s->waiting_count++] = ch->outbox;
  return 0;
}

static void put_receipt(relay_channel *ch, relay_outbox *outbox, const lrm_id *command_id,
                        uint32_t code, uint32_t layer) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_id(&w, command_id);
  relay_write_number(&w, code, 4);
  relay_write_number(&w, layer, 1);
  uint8_t key[KEY_BYTES_MAX];
  size_t bytes = receipt_key(s, &outbox->id, outbox->next, key);
  relay_put(r, SPACE_RECEIPT, (lrm_slice){key, bytes}, relay_written(&w));
  outbox->next++;
  if (outbox->next - outbox->kept > RECEIPTS_KEPT_MAX) {
    relay_outbox_trim(s, r, outbox, outbox->next - RECEIPTS_KEPT_MAX);
  }
}

static void close_undecodable(relay_channel *ch, const char *reason, uint64_t now_ns,
                              uint64_t wall_ms) {
  relay_channel_close(ch, LRM_CODE_DECODE, reason, now_ns, wall_ms);
}

static const char *class_text(const lrm_envelope *envelope) {
  return envelope->command_class == remote_v1_CommandClass_COMMAND_CLASS_VIEW ? "class view"
                                                                              : "class control";
}

/* When the log is full only refusals come here, and say so: those are counted. */
static void note_command(const relay_channel *ch, const lrm_envelope *envelope, uint32_t code,
                         uint64_t wall_ms) {
  const relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  if (!relay_audit_has_room(r)) {
    r->audit.lost++;
    return;
  }
  relay_audit_note(r,
                   &(relay_audit_entry){.what = code == 0 ? "command.stored" : "command.refused",
                                        .by = ch->connection,
                                        .account = s->account,
                                        .session_id = &s->id,
                                        .command_id = &envelope->command_id,
                                        .code = code,
                                        .detail = class_text(envelope)},
                   wall_ms);
}

/* Judges, stores, remembers. False: the channel is closed. */
static bool take_command(relay_channel *ch, lrm_envelope *envelope, uint32_t *code, uint32_t *layer,
                         uint64_t now_ns, uint64_t wall_ms) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  known_command known;
  if (known_get(s, r, &envelope->command_id, &known)) { /* it adds nothing (spec 12.3) */
    *code = known.code;
    *layer = known.layer;
    return true;
  }
  known = (known_command){.received_ms = wall_ms, .epoch = r->config.commands_epoch};
  *code = judge(ch, envelope, layer);
  if (*code == 0) {
    stamp(ch, envelope, wall_ms);
    int result = store_command(ch, envelope, &known.offset);
    if (result == LRM_ERR_TOO_LARGE) {
      *code = LRM_CODE_INVALID;
    } else if (result != 0) {
      relay_channel_close(ch, result == LRM_ERR_BUSY ? LRM_CODE_SLOW_DOWN : LRM_CODE_INTERNAL,
                          "the relay cannot store this now; try again", now_ns, wall_ms);
      return false;
    }
  }
  known.code = *code;
  known.layer = *layer;
  known_put(s, r, &envelope->command_id, &known);
  note_command(ch, envelope, *code, wall_ms);
  return true;
}

/* What is too fast stays in the client's outbox until it opens again. */
static bool pass_rate(relay_channel *ch, size_t bytes, uint64_t now_ns, uint64_t wall_ms) {
  uint64_t wait_ms = relay_rate_take(ch->connection, RATE_COMMANDS, 1, now_ns);
  const char *reason = "this account sends commands too fast";
  if (wait_ms == 0) {
    wait_ms = relay_rate_take(ch->connection, RATE_BYTES, bytes, now_ns);
    reason = "this account has sent its share of bytes for now";
  }
  if (wait_ms == 0) return true;
  relay_channel_slow(ch, reason, wait_ms, now_ns, wall_ms);
  return false;
}

void relay_on_command_block(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                            uint64_t wall_ms) {
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  lrm_slice message;
  lrm_envelope envelope;
  if (event->frame.count != 1 || event->frame.flags != 0 ||
      !only_message(event->frame.payload, &message)) {
    close_undecodable(ch, "a command block holds one plain envelope", now_ns, wall_ms);
    return;
  }
  if (lrm_envelope_decode(message.data, message.bytes, &envelope) != 0) {
    close_undecodable(ch, "this envelope cannot be decoded", now_ns, wall_ms);
    return;
  }
  if (!pass_rate(ch, event->frame.payload.bytes, now_ns, wall_ms)) return;
  relay_outbox *outbox = relay_outbox_find(s, &ch->outbox);
  if (outbox == NULL || outbox->next != event->frame.offset) {
    relay_channel_close(ch, LRM_CODE_BAD_POSITION, "this command does not follow the outbox's end",
                        now_ns, wall_ms);
    return;
  }
  uint32_t code = 0, layer = 0;
  if (!take_command(ch, &envelope, &code, &layer, now_ns, wall_ms)) return;
  put_receipt(ch, outbox, &envelope.command_id, code, layer);
  relay_outbox_save(s, r, outbox, wall_ms);
  relay_marks_add(&ch->marks, r->batch_open, outbox->next);
  relay_session_wait(s, r);
  if (code == 0) {
    r->counted.commands_stored++;
  } else {
    r->counted.commands_refused++;
    relay_refused(r, code);
    if (code == LRM_CODE_TOO_MANY) relay_limit_reached(r, LIMIT_COMMANDS_WAITING);
  }
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&envelope.command_id, id);
  relay_log_session(r, RELAY_INFO, code == 0 ? "command.taken" : "command.refused", s,
                    ch->connection, id);
  if (lrm_link_consumed(ch->connection->link, ch->number, event->frame.payload.bytes, now_ns) ==
      0) {
    relay_kick(ch->connection);
  }
}

/* ---- outcomes, as far as the relay hears of them ---- */

static const char *outcome_text(uint32_t outcome) {
  static const char *const names[] = {"",        "applied",   "rejected", "superseded",
                                      "expired", "withdrawn", "unknown"};
  return outcome < sizeof names / sizeof *names ? names[outcome] : "";
}

void relay_outcomes_told(relay_session *s, const relay_connection *by,
                         const remote_v1_SessionInfo *info, uint64_t wall_ms) {
  relay *r = by->relay;
  for (pb_size_t i = info->outcomes_count; i-- > 0;) { /* the newest stands first */
    const remote_v1_OutcomeInfo *told = &info->outcomes[i];
    lrm_id id;
    known_command known;
    if (lrm_id_from(told->command_id.bytes, told->command_id.size, &id) != 0 ||
        told->outcome == 0 || told->outcome > 255 || !known_get(s, r, &id, &known) ||
        known.code != 0 || known.outcome != 0 || !relay_audit_has_reserve(r))
      continue;
    known.outcome = told->outcome;
    known_put(s, r, &id, &known);
    relay_audit_note(r,
                     &(relay_audit_entry){.what = "command.outcome",
                                          .by = by,
                                          .account = s->account,
                                          .session_id = &s->id,
                                          .command_id = &id,
                                          .code = told->code,
                                          .detail = outcome_text(told->outcome)},
                     wall_ms);
  }
}

/* ---- receipts ---- */

static const char *policy_text(uint32_t layer) {
  switch (layer) {
    case remote_v1_Layer_LAYER_ENTERPRISE:
      return "the enterprise's policy allows watching only; its administrators can change that";
    case remote_v1_Layer_LAYER_ORGANIZATION:
      return "the organization's policy allows watching only; its administrators can change that";
    default:
      return "this account may only watch";
  }
}

static const char *refusal_text(uint32_t code, uint32_t layer) {
  switch (code) {
    case LRM_CODE_COMMAND_POLICY:
      return policy_text(layer);
    case LRM_CODE_COMMAND_BUSY:
      return "the relay's audit log is full, so it takes no commands; its operator must make room";
    case LRM_CODE_TOO_MANY:
      return "too many commands wait for the host; try again when it has read some";
    case LRM_CODE_INVALID:
      return "this command cannot be";
    default:
      return "";
  }
}

/* False: nothing is known of that offset any more. */
static bool build_receipt(const relay_channel *ch, uint64_t offset, remote_v1_Receipt *receipt) {
  const relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  uint8_t key[KEY_BYTES_MAX];
  size_t bytes = receipt_key(s, &ch->outbox, offset, key);
  lrm_slice value;
  if (lrm_store_get(r->config.store, SPACE_RECEIPT, (lrm_slice){key, bytes}, &value) != 0) {
    return false;
  }
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  lrm_id command_id = relay_read_id(&reader);
  uint32_t code = (uint32_t)relay_read_number(&reader, 4);
  uint32_t layer = (uint32_t)relay_read_number(&reader, 1);
  if (reader.bad || version != RECORD_VERSION) return false;
  memset(receipt, 0, sizeof *receipt);
  receipt->command_id.size = sizeof command_id.bytes;
  memcpy(receipt->command_id.bytes, command_id.bytes, sizeof command_id.bytes);
  if (code != 0) {
    receipt->which_result = remote_v1_Receipt_problem_tag;
    receipt->result.problem = relay_problem(code, refusal_text(code, layer));
    receipt->result.problem.layer = (remote_v1_Layer)layer;
    receipt->result.problem.retry_helps =
        code == LRM_CODE_TOO_MANY || code == LRM_CODE_COMMAND_BUSY;
    return true;
  }
  known_command known;
  if (!known_get(s, r, &command_id, &known)) return false;
  receipt->which_result = remote_v1_Receipt_stored_tag;
  receipt->result.stored.epoch.size = sizeof known.epoch.bytes;
  memcpy(receipt->result.stored.epoch.bytes, known.epoch.bytes, sizeof known.epoch.bytes);
  receipt->result.stored.offset = known.offset;
  return true;
}

void relay_send_receipts(relay_channel *ch, uint64_t now_ns) {
  relay_connection *c = ch->connection;
  if (ch->state != CHANNEL_OPEN) return;
  uint64_t before = ch->receipt_next;
  while (ch->receipt_next < ch->receipt_end) {
    remote_v1_Receipt receipt;
    if (build_receipt(ch, ch->receipt_next, &receipt)) {
      int result = lrm_link_send_receipt(c->link, ch->number, ch->receipt_next, &receipt, now_ns);
      if (result != 0) break; /* BUSY: goes on when the link has drained */
    }
    ch->receipt_next++;
  }
  bool all = ch->receipt_next == ch->receipt_end && ch->marks.count == 0;
  if (ch->receipt_next == before && !(all && ch->unreceipted)) return;
  ch->unreceipted = ch->unreceipted && !all;
  /* A receipt stands before the ACK that passes it (spec 3.20). */
  if (lrm_link_ack(c->link, ch->number, ch->receipt_next, now_ns) == 0) relay_kick(c);
}

/* ---- out ---- */

void relay_on_commands_acked(relay_channel *ch, uint64_t next, uint64_t now_ns) {
  (void)now_ns;
  relay_session *s = ch->session;
  relay *r = ch->connection->relay;
  lrm_log_facts facts = lrm_log_facts_now(s->commands);
  if (next > facts.end) next = facts.end;
  if (next <= s->delivered) return;
  uint32_t count = (uint32_t)(next - s->delivered);
  if (count > s->waiting_count) count = s->waiting_count;
  s->waiting_count -= count;
  memmove(s->waiting_from, s->waiting_from + count, s->waiting_count * sizeof s->waiting_from[0]);
  r->counted.commands_delivered += next - s->delivered;
  s->delivered = next;
  int result = lrm_log_trim(s->commands, next);
  if (result != 0) {
    relay_log_session(r, RELAY_ERROR, "commands.trim", s, ch->connection, lrm_error_text(result));
  }
  s->status_changed = true;
  relay_session_dirty(s, r);
}

void relay_commands_settled(relay_session *s, relay *r, uint64_t now_ns) {
  lrm_log_facts facts = lrm_log_facts_now(s->commands);
  if (facts.durable != s->commands_durable) {
    s->commands_durable = facts.durable;
    s->status_changed = true;
    relay_session_dirty(s, r);
    if (s->reader != NULL && s->reader->state == CHANNEL_OPEN &&
        lrm_link_extend(s->reader->connection->link, s->reader->number, facts.durable, 0, 0,
                        now_ns) == 0) {
      relay_kick(s->reader->connection);
    }
  }
  bool waits = facts.durable < facts.end;
  for (relay_channel *ch = s->channels; ch != NULL; ch = ch->next_of_session) {
    if (ch->kind != CHANNEL_COMMANDS_PUBLISH) continue;
    if (relay_marks_take(&ch->marks, r->batch_durable, &ch->receipt_end)) {
      relay_send_receipts(ch, now_ns);
    }
    waits = waits || ch->marks.count > 0;
  }
  if (waits) relay_session_wait(s, r);
}
