/* Accounts: who there is, and what each may do. Their devices: device.c. */
#include <string.h>

#include "core.h"

enum { RECORD_VERSION = 1 };

bool relay_good_name(const char *name) {
  size_t bytes = strnlen(name, RELAY_NAME_BYTES_MAX + 1);
  if (bytes == 0 || bytes > RELAY_NAME_BYTES_MAX) return false;
  for (size_t i = 0; i < bytes; i++) {
    unsigned char c = (unsigned char)name[i];
    if (c < ' ' || c == 0x7f) return false;
  }
  return true;
}

static lrm_slice row_key(uint64_t row, uint8_t key[8]) {
  for (unsigned i = 0; i < 8; i++) key[i] = (uint8_t)(row >> (56 - 8 * i));
  return (lrm_slice){key, 8};
}

/* ---- accounts ---- */

static void account_save(relay *r, const relay_account *account) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, (uint64_t)account->ceiling, 1);
  relay_write_text(&w, account->name);
  uint8_t key[8];
  relay_put(r, SPACE_ACCOUNT, row_key(account->row, key), relay_written(&w));
}

static relay_account *account_insert(relay *r, uint64_t row, const char *name,
                                     relay_ceiling ceiling) {
  relay_account *account = relay_alloc(r, sizeof *account);
  if (account == NULL) return NULL;
  account->row = row;
  account->ceiling = ceiling;
  relay_text(account->name, sizeof account->name, name);
  account->next = r->accounts;
  r->accounts = account;
  if (row >= r->account_row_next) r->account_row_next = row + 1;
  return account;
}

typedef struct loading {
  relay *r;
  int result;
} loading;

static bool load_account(void *user, lrm_slice key, lrm_slice value) {
  loading *l = user;
  uint64_t row = 0;
  for (size_t i = 0; i < key.bytes && i < 8; i++) row = row << 8 | key.data[i];
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  uint64_t ceiling = relay_read_number(&reader, 1);
  char name[RELAY_NAME_BYTES_MAX + 1];
  relay_read_text(&reader, name, sizeof name);
  if (key.bytes != 8 || reader.bad || version != RECORD_VERSION ||
      ceiling > RELAY_CEILING_CONTROL) {
    l->result = LRM_ERR_CORRUPT;
    return false;
  }
  if (account_insert(l->r, row, name, (relay_ceiling)ceiling) == NULL) {
    l->result = LRM_ERR_NO_MEMORY;
    return false;
  }
  return true;
}

static bool count_device(void *user, lrm_slice key, lrm_slice value) {
  loading *l = user;
  (void)key;
  (void)value;
  l->r->devices_count++;
  return true;
}

int relay_accounts_load(relay *r) {
  r->account_row_next = 1;
  loading l = {r, 0};
  int result = lrm_store_each(r->config.store, SPACE_ACCOUNT, load_account, &l);
  if (result == 0) result = l.result;
  if (result == 0) result = lrm_store_each(r->config.store, SPACE_DEVICE, count_device, &l);
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
  (void)wall_ms;
  if (!relay_good_name(name)) return LRM_ERR_USAGE;
  if (relay_account_find(r, name) != NULL) return 0;
  relay_account *account = account_insert(r, r->account_row_next, name, RELAY_CEILING_CONTROL);
  if (account == NULL) return LRM_ERR_NO_MEMORY;
  account_save(r, account);
  relay_log(r, RELAY_INFO, "account.added", "account", name, NULL);
  return 0;
}

int relay_account_set_ceiling(relay *r, const char *name, relay_ceiling ceiling, uint64_t now_ns,
                              uint64_t wall_ms) {
  relay_account *account = relay_account_find(r, name);
  if (account == NULL) return LRM_ERR_NOT_FOUND;
  if (account->ceiling == ceiling) return 0;
  account->ceiling = ceiling;
  account_save(r, account);
  static const char *const names[] = {"disabled", "view", "control"};
  relay_log(r, RELAY_WARNING, "account.ceiling", "account", name, "ceiling", names[ceiling], NULL);
  for (relay_connection *c = r->connections; c != NULL; c = c->next) {
    if (c->account != account) continue;
    for (relay_channel *ch = c->channels, *next; ch != NULL; ch = next) {
      next = ch->next_of_connection;
      if (ceiling == RELAY_CEILING_DISABLED) {
        relay_channel_close(ch, LRM_CODE_POLICY, "remote control is switched off for this account",
                            now_ns, wall_ms);
      } else {
        ch->session->status_changed = true;
        relay_session_dirty(ch->session, r);
      }
    }
  }
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
