/* Accounts: who there is, and what each may do. Their devices: device.c. */
#include <string.h>

#include "core.h"

enum {
  RECORD_VERSION = 1,
  /* With its organization. Only accounts that are in one have it: a relay that knows nothing of
   * policy must not open them. */
  ACCOUNT_VERSION_MEMBER = 2
};

bool relay_good_name(const char *name) {
  size_t bytes = strnlen(name, RELAY_NAME_BYTES_MAX + 1);
  if (bytes == 0 || bytes > RELAY_NAME_BYTES_MAX) return false;
  for (size_t i = 0; i < bytes; i++) {
    unsigned char c = (unsigned char)name[i];
    if (c < ' ' || c == 0x7f) return false;
  }
  return true;
}

/* ---- accounts ---- */

void relay_account_save(relay *r, const relay_account *account) {
  relay_writer w = {.used = 0};
  bool member = account->organization != NULL;
  relay_write_number(&w, member ? ACCOUNT_VERSION_MEMBER : RECORD_VERSION, 1);
  relay_write_number(&w, (uint64_t)account->ceiling, 1);
  relay_write_text(&w, account->name);
  if (member) relay_write_number(&w, account->organization->row, 8);
  uint8_t key[8];
  relay_put(r, SPACE_ACCOUNT, relay_number_key(account->row, key), relay_written(&w));
}

static relay_account *account_insert(relay *r, uint64_t row, const char *name,
                                     relay_ceiling ceiling, relay_organization *organization) {
  relay_account *account = relay_alloc(r, sizeof *account);
  if (account == NULL) return NULL;
  account->row = row;
  account->ceiling = ceiling;
  account->organization = organization;
  if (organization != NULL) organization->members++;
  relay_text(account->name, sizeof account->name, name);
  policy_facts facts = relay_policy_facts(r, account);
  account->policy = policy_decide(&facts);
  account->next = r->accounts;
  r->accounts = account;
  if (row >= r->account_row_next) r->account_row_next = row + 1;
  return account;
}

static int take(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  uint64_t ceiling = relay_read_number(value, 1);
  char name[RELAY_NAME_BYTES_MAX + 1];
  relay_read_text(value, name, sizeof name);
  bool member = version == ACCOUNT_VERSION_MEMBER;
  relay_organization *organization =
      member ? relay_organization_of(r, relay_read_number(value, 8)) : NULL;
  if (value->bad || (member && organization == NULL) || ceiling > RELAY_CEILING_CONTROL)
    return LRM_ERR_CORRUPT;
  return account_insert(r, relay_number_of_key(key), name, (relay_ceiling)ceiling, organization) ==
                 NULL
             ? LRM_ERR_NO_MEMORY
             : 0;
}

static bool count_device(void *user, lrm_slice key, lrm_slice value) {
  relay *r = user;
  (void)key;
  (void)value;
  r->devices_count++;
  return true;
}

int relay_accounts_load(relay *r) {
  static const relay_record_kind kind = {SPACE_ACCOUNT, 8, ACCOUNT_VERSION_MEMBER, take};
  uint64_t counted = relay_counter_load(r, "account");
  r->account_row_next = counted > 1 ? counted : 1;
  int result = relay_records_load(r, &kind);
  if (result == 0) result = lrm_store_each(r->config.store, SPACE_DEVICE, count_device, r);
  return result;
}

void relay_accounts_free(relay *r) {
  while (r->accounts != NULL) {
    relay_account *account = r->accounts;
    r->accounts = account->next;
    relay_free(r, account);
  }
}

relay_account *relay_account_find(relay *r, const char *name) {
  for (relay_account *a = r->accounts; a != NULL; a = a->next) {
    if (strcmp(a->name, name) == 0) return a;
  }
  return NULL;
}

relay_account *relay_account_of(relay *r, uint64_t row) {
  for (relay_account *a = r->accounts; a != NULL; a = a->next) {
    if (a->row == row) return a;
  }
  return NULL;
}

int relay_account_add(relay *r, const char *name, uint64_t wall_ms) {
  if (!relay_good_name(name)) return LRM_ERR_USAGE;
  if (relay_account_find(r, name) != NULL) return 0;
  relay_account *account =
      account_insert(r, r->account_row_next, name, RELAY_CEILING_CONTROL, NULL);
  if (account == NULL) return LRM_ERR_NO_MEMORY;
  relay_account_save(r, account);
  relay_audit_note(r, &(relay_audit_entry){.what = "account.added", .account = account}, wall_ms);
  relay_log(r, RELAY_INFO, "account.added", "account", name, NULL);
  return 0;
}

int relay_account_set_ceiling(relay *r, const char *name, relay_ceiling ceiling, uint64_t now_ns,
                              uint64_t wall_ms) {
  relay_account *account = relay_account_find(r, name);
  if (account == NULL) return LRM_ERR_NOT_FOUND;
  if (account->ceiling == ceiling) return 0;
  account->ceiling = ceiling;
  relay_account_save(r, account);
  static const char *const names[] = {"disabled", "view", "control"};
  relay_log(r, RELAY_WARNING, "account.ceiling", "account", name, "ceiling", names[ceiling], NULL);
  relay_audit_note(r,
                   &(relay_audit_entry){.what = "policy.account",
                                        .account = account,
                                        .detail = policy_value_name((policy_value)(ceiling + 1))},
                   wall_ms);
  relay_policy_changed(r, account, now_ns, wall_ms);
  return 0;
}

typedef struct counting {
  relay *r;
  uint64_t row;
  uint32_t devices;
} counting;

static bool count_of_account(void *user, lrm_slice key, lrm_slice value) {
  counting *counts = user;
  (void)key;
  relay_device device;
  if (relay_device_read(value, &device) && device.account == counts->row && !device.revoked) {
    counts->devices++;
  }
  return true;
}

void relay_each_account(relay *r,
                        void (*visit)(void *user, const char *name, relay_ceiling ceiling,
                                      uint32_t devices, uint32_t sessions),
                        void *user) {
  for (relay_account *a = r->accounts; a != NULL; a = a->next) {
    counting counts = {r, a->row, 0};
    if (lrm_store_each(r->config.store, SPACE_DEVICE, count_of_account, &counts) != 0) return;
    visit(user, a->name, a->ceiling, counts.devices, a->sessions);
  }
}

/* ---- the end of an account ---- */

typedef struct devices {
  uint64_t account;
  lrm_id ids[64];
  uint8_t tokens[64][32];
  unsigned count;
} devices;

static bool collect_device(void *user, lrm_slice key, lrm_slice value) {
  devices *found = user;
  relay_device device;
  if (!relay_device_read(value, &device) || device.account != found->account ||
      lrm_id_from(key.data, key.bytes, &found->ids[found->count]) != 0)
    return true;
  memcpy(found->tokens[found->count++], device.token_hash, 32);
  return found->count < sizeof found->ids / sizeof found->ids[0];
}

/* A store that is put back to an older copy has them again: revoked is what is kept outside. */
static int delete_devices(relay *r, const relay_account *account) {
  devices found;
  do {
    found = (devices){.account = account->row};
    int result = lrm_store_each(r->config.store, SPACE_DEVICE, collect_device, &found);
    if (result != 0) return result;
    for (unsigned i = 0; i < found.count; i++) {
      if (r->revoked != NULL) r->revoked(r->config.user, &found.ids[i]);
      relay_pushes_of_device(r, &found.ids[i]);
      relay_remove(r, SPACE_TOKEN, (lrm_slice){found.tokens[i], 32});
      relay_remove(r, SPACE_DEVICE, (lrm_slice){found.ids[i].bytes, sizeof found.ids[i].bytes});
      r->devices_count--;
    }
  } while (found.count == sizeof found.ids / sizeof found.ids[0]);
  return 0;
}

static int delete_sessions(relay *r, relay_account *account, uint64_t now_ns, uint64_t wall_ms) {
  while (account->newest != NULL) {
    relay_session *s = account->newest;
    int result = s->deleted ? 0 : relay_session_delete(s, r, now_ns, wall_ms);
    if (result != 0) return result;
    relay_session_forget(s, r);
  }
  return 0;
}

int relay_account_delete(relay *r, const char *name, uint64_t now_ns, uint64_t wall_ms) {
  relay_account *account = relay_account_find(r, name);
  if (account == NULL) return LRM_ERR_NOT_FOUND;
  for (relay_connection *c = r->connections, *next; c != NULL; c = next) {
    next = c->next;
    if (c->state != CONNECTION_LIVE || c->account != account) continue;
    relay_end_connection(c, LRM_CODE_REVOKED, "this account was deleted", 0, now_ns, wall_ms);
    c->account = NULL;
  }
  relay_pairings_of_account(r, account->row, now_ns, wall_ms);
  relay_invitations_of_account(r, account->row);
  int result = delete_sessions(r, account, now_ns, wall_ms);
  if (result == 0) result = delete_devices(r, account);
  if (result != 0) return result;
  relay_messages_forget(r, account, NULL);
  relay_administrator_forget(r, account);
  relay_audit_note(r, &(relay_audit_entry){.what = "account.deleted", .account = account}, wall_ms);
  relay_log(r, RELAY_WARNING, "account.deleted", "account", name, NULL);
  uint8_t key[8];
  relay_remove(r, SPACE_ACCOUNT, relay_number_key(account->row, key));
  relay_counter_save(r, "account", r->account_row_next);
  if (account->organization != NULL) account->organization->members--;
  relay_account **at = &r->accounts;
  while (*at != account) at = &(*at)->next;
  *at = account->next;
  relay_free(r, account);
  return 0;
}
