/* The audit log: who did what, when, and what came of it; never contents. A log of the store like
 * others, so a record is durable with what it tells of, or neither is. Numbers rise and are never
 * given twice; what goes, goes from the old end and as a whole. */
#include <stdio.h>
#include <string.h>

#include "core.h"

enum {
  RECORD_VERSION = 1,
  LOG_KIND = 3, /* beside EVENTS and COMMANDS */
  RECORD_BYTES_MAX = 2048,
  REFUSED_EVERY_MS = 60 * 1000,
  JUMP_PER_MS = 1024 /* more records a millisecond than any relay makes */
};
#define BYTES_MAX_DEFAULT (UINT64_C(1) << 30)

static const lrm_id log_id = {"relay-audit-log"};
static const lrm_id log_epoch = {"audit-epoch-one"};

/* ---- records ---- */

typedef struct record {
  uint64_t number, at_ms;
  uint64_t account, organization; /* rows; 0: none. Names can be given again, rows cannot */
  uint32_t code;
  lrm_id device_id, session_id, command_id;
  char what[64], by_account[RELAY_NAME_BYTES_MAX + 1], by_device[RELAY_NAME_BYTES_MAX + 1];
  char account_name[RELAY_NAME_BYTES_MAX + 1], organization_name[RELAY_NAME_BYTES_MAX + 1];
  char detail[256];
} record;

static void encode(relay_writer *w, const record *rec) {
  relay_write_number(w, RECORD_VERSION, 1);
  relay_write_number(w, rec->number, 8);
  relay_write_number(w, rec->at_ms, 8);
  relay_write_number(w, rec->account, 8);
  relay_write_number(w, rec->organization, 8);
  relay_write_number(w, rec->code, 4);
  relay_write_id(w, &rec->device_id);
  relay_write_id(w, &rec->session_id);
  relay_write_id(w, &rec->command_id);
  relay_write_text(w, rec->what);
  relay_write_text(w, rec->by_account);
  relay_write_text(w, rec->by_device);
  relay_write_text(w, rec->account_name);
  relay_write_text(w, rec->organization_name);
  relay_write_text(w, rec->detail);
}

static bool decode(lrm_slice payload, record *rec) {
  relay_reader reader = relay_read(payload);
  uint64_t version = relay_read_number(&reader, 1);
  memset(rec, 0, sizeof *rec);
  rec->number = relay_read_number(&reader, 8);
  rec->at_ms = relay_read_number(&reader, 8);
  rec->account = relay_read_number(&reader, 8);
  rec->organization = relay_read_number(&reader, 8);
  rec->code = (uint32_t)relay_read_number(&reader, 4);
  rec->device_id = relay_read_id(&reader);
  rec->session_id = relay_read_id(&reader);
  rec->command_id = relay_read_id(&reader);
  relay_read_text(&reader, rec->what, sizeof rec->what);
  relay_read_text(&reader, rec->by_account, sizeof rec->by_account);
  relay_read_text(&reader, rec->by_device, sizeof rec->by_device);
  relay_read_text(&reader, rec->account_name, sizeof rec->account_name);
  relay_read_text(&reader, rec->organization_name, sizeof rec->organization_name);
  relay_read_text(&reader, rec->detail, sizeof rec->detail);
  return !reader.bad && version == RECORD_VERSION;
}

static int read_at(relay *r, uint64_t offset, record *out) {
  lrm_block block;
  int result = lrm_log_read(r->audit.log, offset, &block);
  if (result != 0) return result;
  return decode(block.payload, out) ? 0 : LRM_ERR_CORRUPT;
}

/* The readable record nearest to `middle` in [low, high), below it rather than above. */
static bool nearest(relay *r, uint64_t low, uint64_t middle, uint64_t high, uint64_t *at,
                    record *out) {
  for (*at = middle;; (*at)--) {
    if (read_at(r, *at, out) == 0) return true;
    if (*at == low) break;
  }
  for (*at = middle + 1; *at < high; (*at)++) {
    if (read_at(r, *at, out) == 0) return true;
  }
  return false;
}

/* The first offset in [first, end) whose record is not before: by number, or by time. One that
 * cannot be read is where its neighbours are. */
static uint64_t search(relay *r, uint64_t number, uint64_t at_ms) {
  lrm_log_facts facts = lrm_log_facts_now(r->audit.log);
  uint64_t low = facts.first, high = facts.end;
  while (low < high) {
    uint64_t at, middle = low + (high - low) / 2;
    record rec;
    if (!nearest(r, low, middle, high, &at, &rec)) break;
    bool before = rec.number < number || rec.at_ms < at_ms;
    if (before)
      low = (at <= middle ? middle : at) + 1;
    else
      high = at <= middle ? at : low; /* nothing below `at` can be read: it all stays */
  }
  return low;
}

uint64_t relay_audit_find(relay *r, uint64_t from) { return search(r, from, 0); }

/* ---- life ---- */

int relay_audit_load(relay *r) {
  lrm_log_key key = {.account = 0, .session_id = log_id, .kind = LOG_KIND};
  if (r->config.audit_bytes_max == 0) r->config.audit_bytes_max = BYTES_MAX_DEFAULT;
  int result = lrm_store_log(r->config.store, &key, true, &r->audit.log);
  if (result != 0) return result;
  lrm_log_facts facts = lrm_log_facts_now(r->audit.log);
  if (lrm_id_none(&facts.epoch)) {
    result = lrm_log_restart(r->audit.log, &log_epoch);
    if (result != 0) return result;
  }
  /* Above what was trimmed, too: the counter is kept when something goes. */
  r->audit.next = relay_counter_load(r, "audit");
  if (r->audit.next == 0) r->audit.next = 1;
  if (facts.end == facts.first) return 0;
  record newest;
  result = read_at(r, facts.end - 1, &newest);
  if (result == LRM_ERR_CORRUPT) {
    /* One damaged record does not keep a relay from starting. Every record since the counter was
     * kept took one number, so above these none was used. */
    r->audit.next += facts.end - facts.first;
    relay_log(r, RELAY_ERROR, "audit.damaged", "detail",
              "the newest record cannot be read; numbers go on above it", NULL);
    return 0;
  }
  if (result == 0 && newest.number >= r->audit.next) r->audit.next = newest.number + 1;
  return result;
}

void relay_audit_restored(relay *r, uint64_t wall_ms) {
  uint64_t jumped = wall_ms * JUMP_PER_MS;
  if (jumped > r->audit.next && jumped < LRM_OFFSET_MAX) r->audit.next = jumped;
  relay_counter_save(r, "audit", r->audit.next);
  relay_audit_note(r,
                   &(relay_audit_entry){.what = "store.restored",
                                        .detail = "from an older copy: what came after it is not "
                                                  "here; numbers go on above"},
                   wall_ms);
}

/* Room for a record of the largest size below a limit. */
static bool below(const relay *r, uint64_t limit) {
  lrm_log_facts facts = lrm_log_facts_now(r->audit.log);
  return facts.bytes + RECORD_BYTES_MAX <= limit;
}

bool relay_audit_has_room(const relay *r) { return below(r, r->config.audit_bytes_max); }

bool relay_audit_has_reserve(const relay *r) {
  return below(r, r->config.audit_bytes_max + r->config.audit_bytes_max / 8);
}

static void warn(relay *r) {
  bool near = !below(r, r->config.audit_bytes_max - r->config.audit_bytes_max / 8);
  if (near && !r->audit.warned)
    relay_log(r, RELAY_WARNING, "audit.nearly_full", "detail",
              "commands are refused when it is full: export it and lower --audit-retention, or "
              "raise --audit-bytes-max",
              NULL);
  r->audit.warned = near;
}

/* ---- in ---- */

static void text(char *out, size_t bytes, const char *from) {
  relay_text(out, bytes, from);
  size_t length = strlen(out);
  if (from[length] == '\0') return;
  while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80) out[--length] = '\0';
}

static void fill(relay *r, const relay_audit_entry *entry, uint64_t wall_ms, record *rec) {
  const relay_connection *by = entry->by != NULL ? entry->by : r->acting;
  const relay_organization *o = entry->organization;
  *rec = (record){.number = r->audit.next, .at_ms = wall_ms, .code = entry->code};
  if (entry->account != NULL) {
    rec->account = entry->account->row;
    text(rec->account_name, sizeof rec->account_name, entry->account->name);
    if (o == NULL) o = entry->account->organization;
  }
  if (o != NULL) {
    rec->organization = o->row;
    text(rec->organization_name, sizeof rec->organization_name, o->name);
  }
  if (by != NULL && by->account != NULL) {
    rec->device_id = by->device_id;
    text(rec->by_account, sizeof rec->by_account, by->account->name);
    text(rec->by_device, sizeof rec->by_device, by->device);
  }
  if (entry->session_id != NULL) rec->session_id = *entry->session_id;
  if (entry->command_id != NULL) rec->command_id = *entry->command_id;
  text(rec->what, sizeof rec->what, entry->what);
  if (entry->detail != NULL) text(rec->detail, sizeof rec->detail, entry->detail);
}

void relay_audit_note(relay *r, const relay_audit_entry *entry, uint64_t wall_ms) {
  record rec;
  relay_writer w = {.used = 0};
  fill(r, entry, wall_ms, &rec);
  encode(&w, &rec);
  lrm_log_facts facts = lrm_log_facts_now(r->audit.log);
  lrm_block block = {.offset = facts.end, .count = 1, .payload = relay_written(&w)};
  int result = lrm_log_append(r->audit.log, &block);
  if (result == 0) {
    r->audit.next++;
    warn(r);
    return;
  }
  /* What it tells of must not become durable without it. */
  relay_lose(r, result, "audit.append");
}

/* ---- refused sign-ins ---- */

static void tell_more(relay *r, relay_refuser *of, uint64_t wall_ms) {
  if (of->more > 0) {
    char detail[160];
    snprintf(detail, sizeof detail, "%u more from %s", of->more, of->peer);
    if (relay_audit_has_reserve(r))
      relay_audit_note(
          r, &(relay_audit_entry){.what = "sign_in.refused", .code = of->code, .detail = detail},
          wall_ms);
    else
      r->audit.lost += of->more;
  }
  *of = (relay_refuser){.code = 0};
}

static bool is_over(const relay_refuser *of, uint64_t wall_ms) {
  return wall_ms < of->since_ms || wall_ms - of->since_ms >= REFUSED_EVERY_MS;
}

void relay_audit_refused(relay *r, const char *from, uint32_t code, uint64_t wall_ms) {
  char peer[RELAY_ADDRESS_BYTES];
  relay_refuser *of = NULL, *free_one = NULL;
  relay_shown_address(from, peer);
  for (unsigned i = 0; i < RELAY_REFUSERS && of == NULL; i++) {
    relay_refuser *at = &r->audit.refusers[i];
    if (at->code != 0 && strcmp(at->peer, peer) == 0) of = at;
    if (at->code == 0 && free_one == NULL) free_one = at;
  }
  if (of != NULL) {
    of->more++;
    return;
  }
  of = free_one != NULL ? free_one : &r->audit.refusers[RELAY_REFUSERS];
  if (of->code != 0) {
    of->more++;
    return;
  }
  *of = (relay_refuser){.code = code, .since_ms = wall_ms};
  relay_text(of->peer, sizeof of->peer, free_one != NULL ? peer : "other addresses");
  if (!relay_audit_has_reserve(r)) {
    r->audit.lost++;
    return;
  }
  char detail[96];
  snprintf(detail, sizeof detail, "from %s", peer);
  relay_audit_note(
      r, &(relay_audit_entry){.what = "sign_in.refused", .code = code, .detail = detail}, wall_ms);
}

void relay_audit_turn(relay *r, uint64_t wall_ms) {
  for (unsigned i = 0; i <= RELAY_REFUSERS; i++) {
    relay_refuser *of = &r->audit.refusers[i];
    if (of->code != 0 && is_over(of, wall_ms)) tell_more(r, of, wall_ms);
  }
}

/* ---- what is too old ---- */

void relay_audit_prune(relay *r, uint64_t wall_ms) {
  uint64_t age_ms = r->config.audit_retention_ms;
  if (age_ms == 0 || wall_ms <= age_ms) return;
  uint64_t before = search(r, 0, wall_ms - age_ms);
  lrm_log_facts facts = lrm_log_facts_now(r->audit.log);
  if (before <= facts.first) return;
  /* First, so that numbers go on when nothing is left; and it stands behind what goes. */
  char detail[96];
  snprintf(detail, sizeof detail, "%llu records older than the retention",
           (unsigned long long)(before - facts.first));
  relay_counter_save(r, "audit", r->audit.next + 1);
  relay_audit_note(r, &(relay_audit_entry){.what = "audit.trimmed", .detail = detail}, wall_ms);
  int result = lrm_log_trim(r->audit.log, before);
  if (result != 0) relay_log(r, RELAY_ERROR, "audit.trim", "error", lrm_error_text(result), NULL);
}

/* ---- out ---- */

static bool may_see(relay *r, const relay_account *reader, const record *rec) {
  if (rec->account == reader->row) return true;
  if (relay_administers(r, reader, NULL) &&
      (rec->organization != 0 || strcmp(rec->what, "policy.enterprise") == 0))
    return true;
  if (rec->organization == 0) return false;
  const relay_organization *o = relay_organization_of(r, rec->organization);
  return o != NULL && relay_administers(r, reader, o);
}

static void put_id(pb_size_t *size, uint8_t *bytes, const lrm_id *id) {
  if (lrm_id_none(id)) return;
  *size = sizeof id->bytes;
  memcpy(bytes, id->bytes, sizeof id->bytes);
}

static void to_message(const record *rec, remote_v1_AuditRecord *out) {
  *out = (remote_v1_AuditRecord)remote_v1_AuditRecord_init_zero;
  out->number = rec->number;
  out->at_ms = rec->at_ms;
  out->code = rec->code;
  out->has_principal = rec->by_account[0] != '\0';
  relay_text(out->principal.account, sizeof out->principal.account, rec->by_account);
  relay_text(out->principal.device, sizeof out->principal.device, rec->by_device);
  put_id(&out->principal.device_id.size, out->principal.device_id.bytes, &rec->device_id);
  put_id(&out->session_id.size, out->session_id.bytes, &rec->session_id);
  put_id(&out->command_id.size, out->command_id.bytes, &rec->command_id);
  relay_text(out->what, sizeof out->what, rec->what);
  relay_text(out->detail, sizeof out->detail, rec->detail);
  relay_text(out->account, sizeof out->account, rec->account_name);
  relay_text(out->organization, sizeof out->organization, rec->organization_name);
}

int relay_audit_read(relay *r, const relay_account *reader, uint64_t *offset, unsigned steps,
                     remote_v1_AuditRecord *out) {
  lrm_log_facts facts = lrm_log_facts_now(r->audit.log);
  if (*offset < facts.first) *offset = facts.first;
  /* What is not durable is not told. */
  for (unsigned i = 0; i < steps && *offset < facts.durable; i++, (*offset)++) {
    record rec;
    if (read_at(r, *offset, &rec) != 0 || !may_see(r, reader, &rec)) continue;
    to_message(&rec, out);
    return 1;
  }
  return *offset < facts.durable ? 0 : -1;
}

int relay_each_audit(relay *r, uint64_t from,
                     bool (*visit)(void *user, const relay_audit_facts *facts), void *user) {
  lrm_log_facts facts = lrm_log_facts_now(r->audit.log);
  for (uint64_t offset = search(r, from, 0); offset < facts.end; offset++) {
    record rec = {0};
    int result = read_at(r, offset, &rec);
    if (result == LRM_ERR_CORRUPT) {
      /* Told in its place: an export that left it out would look complete. */
      rec = (record){.what = "audit.damaged", .detail = "this record cannot be read"};
      result = 0;
    }
    if (result != 0) return result;
    relay_audit_facts out = {.number = rec.number,
                             .at_ms = rec.at_ms,
                             .what = rec.what,
                             .detail = rec.detail,
                             .by_account = rec.by_account,
                             .by_device = rec.by_device,
                             .by_device_id = rec.device_id,
                             .session_id = rec.session_id,
                             .command_id = rec.command_id,
                             .account = rec.account_name,
                             .organization = rec.organization_name,
                             .code = rec.code};
    if (!visit(user, &out)) break;
  }
  return 0;
}
