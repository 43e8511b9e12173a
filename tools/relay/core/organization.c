/* Organizations, the one enterprise of a relay, who administers them, and what policy comes to for
 * each account. The decision is kept with the account and made anew at each change. */
#include <stdio.h>
#include <string.h>

#include "core.h"

enum { RECORD_VERSION = 1 };

/* ---- records ---- */

void relay_counter_save(relay *r, const char *name, uint64_t value) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, value, 8);
  relay_put(r, SPACE_COUNTER, (lrm_slice){(const uint8_t *)name, strlen(name)}, relay_written(&w));
}

uint64_t relay_counter_load(relay *r, const char *name) {
  lrm_slice value;
  lrm_slice key = {(const uint8_t *)name, strlen(name)};
  if (lrm_store_get(r->config.store, SPACE_COUNTER, key, &value) != 0) return 0;
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  uint64_t number = relay_read_number(&reader, 8);
  return reader.bad || version != RECORD_VERSION ? 0 : number;
}

static void organization_save(relay *r, const relay_organization *o) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, (uint64_t)o->value, 1);
  relay_write_number(&w, o->changed_ms, 8);
  relay_write_text(&w, o->changed_by);
  relay_write_text(&w, o->name);
  uint8_t key[8];
  relay_put(r, SPACE_ORGANIZATION, relay_number_key(o->row, key), relay_written(&w));
}

static lrm_slice enterprise_key(void) {
  static const uint8_t key[] = "enterprise";
  return (lrm_slice){key, sizeof key - 1};
}

static void enterprise_save(relay *r) {
  const relay_enterprise *e = &r->enterprise;
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, e->enforces, 1);
  relay_write_number(&w, (uint64_t)e->value, 1);
  relay_write_number(&w, e->changed_ms, 8);
  relay_write_text(&w, e->changed_by);
  relay_write_text(&w, e->name);
  relay_put(r, SPACE_ENTERPRISE, enterprise_key(), relay_written(&w));
}

static relay_organization *insert(relay *r, uint64_t row, const char *name) {
  relay_organization *o = relay_alloc(r, sizeof *o);
  if (o == NULL) return NULL;
  o->row = row;
  relay_text(o->name, sizeof o->name, name);
  o->next = r->organizations;
  r->organizations = o;
  if (row >= r->organization_row_next) r->organization_row_next = row + 1;
  return o;
}

static int take(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  uint64_t policy = relay_read_number(value, 1);
  uint64_t changed_ms = relay_read_number(value, 8);
  char by[RELAY_NAME_BYTES_MAX + 1], name[RELAY_NAME_BYTES_MAX + 1];
  (void)version;
  relay_read_text(value, by, sizeof by);
  relay_read_text(value, name, sizeof name);
  if (value->bad || policy > POLICY_CONTROL) return LRM_ERR_CORRUPT;
  relay_organization *o = insert(r, relay_number_of_key(key), name);
  if (o == NULL) return LRM_ERR_NO_MEMORY;
  o->value = (policy_value)policy;
  o->changed_ms = changed_ms;
  relay_text(o->changed_by, sizeof o->changed_by, by);
  return 0;
}

static int load_enterprise(relay *r) {
  lrm_slice value;
  int result = lrm_store_get(r->config.store, SPACE_ENTERPRISE, enterprise_key(), &value);
  if (result != 0) return result == LRM_ERR_NOT_FOUND ? 0 : result;
  relay_enterprise *e = &r->enterprise;
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  e->enforces = relay_read_number(&reader, 1) != 0;
  uint64_t policy = relay_read_number(&reader, 1);
  e->changed_ms = relay_read_number(&reader, 8);
  relay_read_text(&reader, e->changed_by, sizeof e->changed_by);
  relay_read_text(&reader, e->name, sizeof e->name);
  e->value = (policy_value)policy;
  e->exists = true;
  return reader.bad || version != RECORD_VERSION || policy > POLICY_CONTROL ? LRM_ERR_CORRUPT : 0;
}

int relay_organizations_load(relay *r) {
  static const relay_record_kind kind = {SPACE_ORGANIZATION, 8, RECORD_VERSION, take};
  uint64_t counted = relay_counter_load(r, "organization");
  r->organization_row_next = counted > 1 ? counted : 1;
  int result = relay_records_load(r, &kind);
  return result != 0 ? result : load_enterprise(r);
}

void relay_organizations_free(relay *r) {
  while (r->organizations != NULL) {
    relay_organization *o = r->organizations;
    r->organizations = o->next;
    relay_free(r, o);
  }
}

relay_organization *relay_organization_of(relay *r, uint64_t row) {
  for (relay_organization *o = r->organizations; o != NULL; o = o->next) {
    if (o->row == row) return o;
  }
  return NULL;
}

relay_organization *relay_organization_find(relay *r, const char *name) {
  for (relay_organization *o = r->organizations; o != NULL; o = o->next) {
    if (strcmp(o->name, name) == 0) return o;
  }
  return NULL;
}

/* ---- what policy comes to ---- */

policy_facts relay_policy_facts(const relay *r, const relay_account *account) {
  static const policy_value of_ceiling[] = {POLICY_DISABLED, POLICY_VIEW, POLICY_CONTROL};
  const relay_organization *o = account->organization;
  return (policy_facts){.in_organization = o != NULL,
                        .enterprise_decides = r->enterprise.exists && r->enterprise.enforces,
                        .enterprise = r->enterprise.value,
                        .organization = o != NULL ? o->value : POLICY_UNSET,
                        .account = of_ceiling[account->ceiling],
                        .enterprise_name = r->enterprise.name,
                        .organization_name = o != NULL ? o->name : NULL};
}

remote_v1_Problem relay_policy_problem(const relay *r, const relay_account *account,
                                       uint32_t code) {
  policy_facts facts = relay_policy_facts(r, account);
  char text[POLICY_TEXT_BYTES];
  policy_explain(&facts, &account->policy, text);
  remote_v1_Problem problem = relay_problem(code, text);
  problem.layer = (remote_v1_Layer)account->policy.layer;
  return problem;
}

static void close_channels(relay *r, relay_account *account, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_connection *c = r->connections; c != NULL; c = c->next) {
    if (c->state != CONNECTION_LIVE || c->account != account) continue;
    if (c->channels != NULL) c->refused_by_policy = true;
    while (c->channels != NULL) {
      relay_channel_close(c->channels, LRM_CODE_POLICY, "", now_ns, wall_ms);
    }
  }
}

static void tell_ceiling(relay *r, const relay_account *account) {
  for (relay_session *s = account->newest; s != NULL; s = s->older) {
    if (s->deleted || s->channels == NULL) continue;
    s->status_changed = s->list_changed = true;
    relay_session_dirty(s, r);
  }
}

/* What 3007 has ended comes back with a new connection only: so it gets one. */
static void call_back(relay *r, const relay_account *account, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_connection *c = r->connections, *next; c != NULL; c = next) {
    next = c->next;
    if (c->state != CONNECTION_LIVE || c->account != account || !c->refused_by_policy) continue;
    remote_v1_Problem problem =
        relay_problem(LRM_CODE_NORMAL, "policy allows remote control again: connect anew");
    if (lrm_link_goaway(c->link, &problem, now_ns) == 0) relay_kick(c);
    relay_end_connection(c, LRM_CODE_NORMAL, "", 0, now_ns, wall_ms);
  }
}

void relay_policy_changed(relay *r, relay_account *account, uint64_t now_ns, uint64_t wall_ms) {
  policy_facts facts = relay_policy_facts(r, account);
  policy_decision before = account->policy;
  account->policy = policy_decide(&facts);
  if (before.value == account->policy.value && before.layer == account->policy.layer) return;
  relay_log(r, RELAY_WARNING, "policy.changed", "account", account->name, "value",
            policy_value_name(account->policy.value), "layer",
            policy_layer_name(account->policy.layer), NULL);
  if (account->policy.value == POLICY_DISABLED)
    close_channels(r, account, now_ns, wall_ms);
  else if (before.value == POLICY_DISABLED)
    call_back(r, account, now_ns, wall_ms);
  else
    tell_ceiling(r, account);
}

static void all_changed(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_account *a = r->accounts; a != NULL; a = a->next) {
    relay_policy_changed(r, a, now_ns, wall_ms);
  }
}

/* ---- what the operator and administrators set ---- */

/* "alice/laptop", cut; "operator". */
static void actor_text(const relay *r, char out[RELAY_NAME_BYTES_MAX + 1]) {
  if (r->acting == NULL) {
    relay_text(out, RELAY_NAME_BYTES_MAX + 1, "operator");
    return;
  }
  char text[2 * RELAY_NAME_BYTES_MAX + 2];
  snprintf(text, sizeof text, "%s/%s", r->acting->account->name, r->acting->device);
  relay_text(out, RELAY_NAME_BYTES_MAX + 1, text);
  size_t bytes = strlen(out);
  if (bytes < strlen(text)) { /* whole characters */
    while (bytes > 0 && ((unsigned char)text[bytes] & 0xc0) == 0x80) out[--bytes] = '\0';
  }
}

int relay_organization_add(relay *r, const char *name, uint64_t wall_ms) {
  if (!relay_good_name(name)) return LRM_ERR_USAGE;
  if (relay_organization_find(r, name) != NULL) return 0;
  relay_organization *o = insert(r, r->organization_row_next, name);
  if (o == NULL) return LRM_ERR_NO_MEMORY;
  o->changed_ms = wall_ms;
  actor_text(r, o->changed_by);
  organization_save(r, o);
  relay_audit_note(r, &(relay_audit_entry){.what = "organization.added", .organization = o},
                   wall_ms);
  relay_log(r, RELAY_INFO, "organization.added", "organization", name, NULL);
  return 0;
}

int relay_organization_set(relay *r, const char *name, relay_policy value, uint64_t now_ns,
                           uint64_t wall_ms) {
  relay_organization *o = relay_organization_find(r, name);
  if (o == NULL) return LRM_ERR_NOT_FOUND;
  char detail[96];
  snprintf(detail, sizeof detail, "%s, before: %s", policy_value_name((policy_value)value),
           policy_value_name(o->value));
  o->value = (policy_value)value;
  o->changed_ms = wall_ms;
  actor_text(r, o->changed_by);
  organization_save(r, o);
  relay_audit_note(
      r, &(relay_audit_entry){.what = "policy.organization", .organization = o, .detail = detail},
      wall_ms);
  all_changed(r, now_ns, wall_ms);
  return 0;
}

int relay_enterprise_set(relay *r, const char *name, bool enforces, relay_policy value,
                         uint64_t now_ns, uint64_t wall_ms) {
  relay_enterprise *e = &r->enterprise;
  if (name != NULL ? !relay_good_name(name) : !e->exists) return LRM_ERR_USAGE;
  if (enforces && value == RELAY_POLICY_UNSET) return LRM_ERR_USAGE;
  if (name != NULL) relay_text(e->name, sizeof e->name, name);
  e->exists = true;
  e->enforces = enforces;
  e->value = (policy_value)value;
  e->changed_ms = wall_ms;
  actor_text(r, e->changed_by);
  enterprise_save(r);
  char detail[160];
  snprintf(detail, sizeof detail, "%s: %s", e->name,
           enforces ? policy_value_name(e->value) : "organizations decide");
  relay_audit_note(r, &(relay_audit_entry){.what = "policy.enterprise", .detail = detail}, wall_ms);
  all_changed(r, now_ns, wall_ms);
  return 0;
}

int relay_account_join(relay *r, const char *name, const char *organization, uint64_t now_ns,
                       uint64_t wall_ms) {
  relay_account *account = relay_account_find(r, name);
  relay_organization *o = organization != NULL ? relay_organization_find(r, organization) : NULL;
  if (account == NULL || (organization != NULL && o == NULL)) return LRM_ERR_NOT_FOUND;
  relay_organization *before = account->organization;
  if (before == o) return 0;
  if (before != NULL) {
    before->members--;
    relay_audit_note(r,
                     &(relay_audit_entry){
                         .what = "organization.left", .account = account, .organization = before},
                     wall_ms);
  }
  account->organization = o;
  if (o != NULL) o->members++;
  relay_account_save(r, account);
  if (o != NULL)
    relay_audit_note(r, &(relay_audit_entry){.what = "organization.joined", .account = account},
                     wall_ms);
  relay_policy_changed(r, account, now_ns, wall_ms);
  return 0;
}

/* ---- administrators ---- */

static lrm_slice administrator_key(const relay_account *account, const relay_organization *o,
                                   uint8_t key[16]) {
  (void)relay_number_key(account->row, key);
  (void)relay_number_key(o != NULL ? o->row : 0, key + 8);
  return (lrm_slice){key, 16};
}

bool relay_administers(relay *r, const relay_account *account, const relay_organization *o) {
  uint8_t key[16];
  lrm_slice value;
  return lrm_store_get(r->config.store, SPACE_ADMINISTRATOR, administrator_key(account, o, key),
                       &value) == 0;
}

int relay_administrator_set(relay *r, const char *name, const char *organization, bool is,
                            uint64_t wall_ms) {
  relay_account *account = relay_account_find(r, name);
  relay_organization *o = organization != NULL ? relay_organization_find(r, organization) : NULL;
  if (account == NULL || (organization != NULL && o == NULL) ||
      (organization == NULL && !r->enterprise.exists))
    return LRM_ERR_NOT_FOUND;
  if (relay_administers(r, account, o) == is) return 0;
  uint8_t key[16];
  lrm_slice slice = administrator_key(account, o, key);
  static const uint8_t value[] = {RECORD_VERSION};
  if (is)
    relay_put(r, SPACE_ADMINISTRATOR, slice, (lrm_slice){value, sizeof value});
  else
    relay_remove(r, SPACE_ADMINISTRATOR, slice);
  relay_audit_note(
      r,
      &(relay_audit_entry){.what = is ? "administrator.added" : "administrator.removed",
                           .account = account,
                           .organization = o,
                           .detail = o != NULL ? "of the organization" : "of the enterprise"},
      wall_ms);
  return 0;
}

typedef struct collecting {
  uint64_t row;
  bool of_account; /* else of the organization */
  uint8_t keys[64][16];
  unsigned count;
} collecting;

static bool collect_administrator(void *user, lrm_slice key, lrm_slice value) {
  collecting *c = user;
  (void)value;
  if (key.bytes != 16 || relay_number_of_key(key.data + (c->of_account ? 0 : 8)) != c->row)
    return true;
  memcpy(c->keys[c->count++], key.data, 16);
  return c->count < sizeof c->keys / sizeof c->keys[0];
}

static void forget_administrators(relay *r, uint64_t row, bool of_account) {
  collecting c;
  do {
    c = (collecting){.row = row, .of_account = of_account};
    if (lrm_store_each(r->config.store, SPACE_ADMINISTRATOR, collect_administrator, &c) != 0)
      return;
    for (unsigned i = 0; i < c.count; i++) {
      relay_remove(r, SPACE_ADMINISTRATOR, (lrm_slice){c.keys[i], 16});
    }
  } while (c.count == sizeof c.keys / sizeof c.keys[0]);
}

void relay_administrator_forget(relay *r, const relay_account *account) {
  forget_administrators(r, account->row, true);
}

/* Without its members nobody's policy is changed by it. */
int relay_organization_delete(relay *r, const char *name, uint64_t wall_ms) {
  relay_organization *o = relay_organization_find(r, name);
  if (o == NULL) return LRM_ERR_NOT_FOUND;
  if (o->members > 0) return LRM_ERR_STATE;
  relay_audit_note(r, &(relay_audit_entry){.what = "organization.deleted", .organization = o},
                   wall_ms);
  forget_administrators(r, o->row, false);
  uint8_t key[8];
  relay_remove(r, SPACE_ORGANIZATION, relay_number_key(o->row, key));
  relay_counter_save(r, "organization", r->organization_row_next);
  relay_organization **at = &r->organizations;
  while (*at != o) at = &(*at)->next;
  *at = o->next;
  relay_free(r, o);
  return 0;
}

/* ---- lists ---- */

typedef struct visiting {
  relay *r;
  const relay_organization *organization;
  void (*visit)(void *user, const char *organization, const char *account);
  void *user;
} visiting;

static bool visit_administrator(void *user, lrm_slice key, lrm_slice value) {
  visiting *v = user;
  (void)value;
  if (key.bytes != 16) return true;
  const relay_account *account = relay_account_of(v->r, relay_number_of_key(key.data));
  uint64_t row = relay_number_of_key(key.data + 8);
  const relay_organization *o = row != 0 ? relay_organization_of(v->r, row) : NULL;
  if (account == NULL || (row != 0 && o == NULL)) return true;
  v->visit(v->user, o != NULL ? o->name : NULL, account->name);
  return true;
}

void relay_each_administrator(relay *r,
                              void (*visit)(void *user, const char *organization,
                                            const char *account),
                              void *user) {
  visiting v = {.r = r, .visit = visit, .user = user};
  if (lrm_store_each(r->config.store, SPACE_ADMINISTRATOR, visit_administrator, &v) != 0) return;
}

void relay_each_organization(relay *r,
                             void (*visit)(void *user, const relay_organization_facts *facts),
                             void *user) {
  for (const relay_organization *o = r->organizations; o != NULL; o = o->next) {
    relay_organization_facts facts = {o->name, (relay_policy)o->value, o->members, o->changed_ms,
                                      o->changed_by};
    visit(user, &facts);
  }
}

bool relay_enterprise_now(const relay *r, relay_enterprise_facts *out) {
  const relay_enterprise *e = &r->enterprise;
  *out = (relay_enterprise_facts){e->name, e->enforces, (relay_policy)e->value, e->changed_ms,
                                  e->changed_by};
  return e->exists;
}

int relay_account_policy(relay *r, const char *name, relay_account_facts *out) {
  const relay_account *account = relay_account_find(r, name);
  if (account == NULL) return LRM_ERR_NOT_FOUND;
  policy_facts facts = relay_policy_facts(r, account);
  *out = (relay_account_facts){
      .organization = account->organization != NULL ? account->organization->name : NULL,
      .value = policy_value_name(account->policy.value),
      .layer = policy_layer_name(account->policy.layer)};
  policy_explain(&facts, &account->policy, out->explanation);
  return 0;
}
