/* Accounts, their devices, and tokens: a token is random, only its SHA-256 is kept, and looking it
 * up by that hash tells an attacker nothing about another one's. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "core.h"

enum { RECORD_VERSION = 1, TOKEN_BYTES_MIN = 32 };

/* Shown to people and written into logs: printable, no control characters. */
static bool good_name(const char *name) {
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

static lrm_slice id_key(const lrm_id *id) { return (lrm_slice){id->bytes, sizeof id->bytes}; }

static void hash_token(const char *token, uint8_t hash[32]) {
  unsigned bytes = 0;
  uint8_t digest[EVP_MAX_MD_SIZE];
  if (EVP_Digest(token, strlen(token), digest, &bytes, EVP_sha256(), NULL) != 1) bytes = 0;
  memset(hash, 0, 32);
  if (bytes == 32) memcpy(hash, digest, 32);
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
  if (!good_name(name)) return LRM_ERR_USAGE;
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

static bool decode_device(lrm_slice value, relay_device *out) {
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  memset(out, 0, sizeof *out);
  out->account = relay_read_number(&reader, 8);
  out->created_ms = relay_read_number(&reader, 8);
  out->used_ms = relay_read_number(&reader, 8);
  out->revoked = relay_read_number(&reader, 1) != 0;
  lrm_id half = relay_read_id(&reader);
  memcpy(out->token_hash, half.bytes, 16);
  half = relay_read_id(&reader);
  memcpy(out->token_hash + 16, half.bytes, 16);
  relay_read_text(&reader, out->name, sizeof out->name);
  return !reader.bad && version == RECORD_VERSION;
}

static bool count_of_account(void *user, lrm_slice key, lrm_slice value) {
  counting *counts = user;
  (void)key;
  relay_device device;
  if (decode_device(value, &device) && device.account == counts->row && !device.revoked) {
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

/* ---- devices ---- */

bool relay_device_get(relay *r, const lrm_id *device_id, relay_device *out) {
  lrm_slice value;
  return lrm_store_get(r->config.store, SPACE_DEVICE, id_key(device_id), &value) == 0 &&
         decode_device(value, out);
}

void relay_device_put(relay *r, const lrm_id *device_id, const relay_device *device) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, device->account, 8);
  relay_write_number(&w, device->created_ms, 8);
  relay_write_number(&w, device->used_ms, 8);
  relay_write_number(&w, device->revoked, 1);
  lrm_id half;
  memcpy(half.bytes, device->token_hash, 16);
  relay_write_id(&w, &half);
  memcpy(half.bytes, device->token_hash + 16, 16);
  relay_write_id(&w, &half);
  relay_write_text(&w, device->name);
  relay_put(r, SPACE_DEVICE, id_key(device_id), relay_written(&w));
}

int relay_device_add(relay *r, const char *account, const char *name, const lrm_id *device_id,
                     const char *token, uint64_t wall_ms) {
  relay_account *owner = relay_account_find(r, account);
  if (owner == NULL) return LRM_ERR_NOT_FOUND;
  size_t token_bytes = strnlen(token, RELAY_TOKEN_BYTES_MAX + 1);
  if (!good_name(name) || lrm_id_none(device_id) || token_bytes < TOKEN_BYTES_MIN ||
      token_bytes > RELAY_TOKEN_BYTES_MAX) {
    return LRM_ERR_USAGE;
  }
  relay_device device = {.account = owner->row, .created_ms = wall_ms};
  relay_text(device.name, sizeof device.name, name);
  hash_token(token, device.token_hash);
  relay_device_put(r, device_id, &device);
  relay_put(r, SPACE_TOKEN, (lrm_slice){device.token_hash, sizeof device.token_hash},
            id_key(device_id));
  r->devices_count++;
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(device_id, id);
  relay_log(r, RELAY_INFO, "device.added", "account", account, "device", name, "id", id, NULL);
  return 0;
}

void relay_on_revoked(relay *r, void (*revoked)(void *user, const lrm_id *device_id)) {
  r->revoked = revoked;
}

int relay_device_revoke(relay *r, const lrm_id *device_id, uint64_t now_ns, uint64_t wall_ms) {
  relay_device device;
  if (!relay_device_get(r, device_id, &device)) return LRM_ERR_NOT_FOUND;
  if (!device.revoked) {
    device.revoked = true;
    relay_device_put(r, device_id, &device);
    if (r->revoked != NULL) r->revoked(r->config.user, device_id);
    char id[LRM_ID_HEX_BYTES];
    lrm_id_hex(device_id, id);
    relay_log(r, RELAY_WARNING, "device.revoked", "device", device.name, "id", id, NULL);
  }
  for (relay_connection *c = r->connections, *next; c != NULL; c = next) {
    next = c->next;
    if (c->state == CONNECTION_LIVE && lrm_id_equal(&c->device_id, device_id)) {
      relay_end_connection(c, LRM_CODE_REVOKED, "this device was revoked; sign in again", 0, now_ns,
                           wall_ms);
    }
  }
  return 0;
}

typedef struct visiting {
  relay *r;
  void (*visit)(void *user, const char *account, const lrm_id *device_id, const char *name,
                bool revoked);
  void *user;
} visiting;

static bool visit_device(void *user, lrm_slice key, lrm_slice value) {
  visiting *v = user;
  relay_device device;
  lrm_id id;
  if (!decode_device(value, &device) || lrm_id_from(key.data, key.bytes, &id) != 0) return true;
  const relay_account *account = relay_account_of(v->r, device.account);
  v->visit(v->user, account != NULL ? account->name : "?", &id, device.name, device.revoked);
  return true;
}

void relay_each_device(relay *r,
                       void (*visit)(void *user, const char *account, const lrm_id *device_id,
                                     const char *name, bool revoked),
                       void *user) {
  visiting v = {r, visit, user};
  if (lrm_store_each(r->config.store, SPACE_DEVICE, visit_device, &v) != 0) return;
}

uint32_t relay_authenticate(relay *r, const char *token, lrm_id *device_id, relay_device *device) {
  uint8_t hash[32];
  hash_token(token, hash);
  lrm_slice value;
  if (lrm_store_get(r->config.store, SPACE_TOKEN, (lrm_slice){hash, sizeof hash}, &value) != 0 ||
      lrm_id_from(value.data, value.bytes, device_id) != 0 ||
      !relay_device_get(r, device_id, device) ||
      CRYPTO_memcmp(device->token_hash, hash, sizeof hash) != 0 ||
      relay_account_of(r, device->account) == NULL) {
    return LRM_CODE_UNAUTHENTICATED;
  }
  return device->revoked ? LRM_CODE_REVOKED : 0;
}
