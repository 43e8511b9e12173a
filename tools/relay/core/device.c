/* Devices and their tokens: a token is random, only its SHA-256 is kept, and looking it up by that
 * hash tells an attacker nothing about another one's. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#include "core.h"

enum { RECORD_VERSION = 2, TOKEN_BYTES_MIN = 32 };

/* ---- records ---- */

bool relay_device_read(lrm_slice value, relay_device *out) {
  relay_reader reader = relay_read(value);
  uint64_t version = relay_read_number(&reader, 1);
  memset(out, 0, sizeof *out);
  out->account = relay_read_number(&reader, 8);
  out->created_ms = relay_read_number(&reader, 8);
  out->used_ms = relay_read_number(&reader, 8);
  out->revoked = relay_read_number(&reader, 1) != 0;
  relay_read_bytes(&reader, out->token_hash, sizeof out->token_hash);
  relay_read_text(&reader, out->name, sizeof out->name);
  if (version >= 2) {
    out->expires_ms = relay_read_number(&reader, 8);
    relay_read_text(&reader, out->address, sizeof out->address);
    relay_read_text(&reader, out->surface, sizeof out->surface);
  }
  return !reader.bad && version >= 1 && version <= RECORD_VERSION;
}

static lrm_slice id_key(const lrm_id *id) { return (lrm_slice){id->bytes, sizeof id->bytes}; }

static void hash_token(const char *token, uint8_t hash[32]) {
  unsigned bytes = 0;
  uint8_t digest[EVP_MAX_MD_SIZE];
  if (EVP_Digest(token, strlen(token), digest, &bytes, EVP_sha256(), NULL) != 1) bytes = 0;
  memset(hash, 0, 32);
  if (bytes == 32) memcpy(hash, digest, 32);
}

bool relay_device_get(relay *r, const lrm_id *device_id, relay_device *out) {
  lrm_slice value;
  return lrm_store_get(r->config.store, SPACE_DEVICE, id_key(device_id), &value) == 0 &&
         relay_device_read(value, out);
}

void relay_device_put(relay *r, const lrm_id *device_id, const relay_device *device) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, device->account, 8);
  relay_write_number(&w, device->created_ms, 8);
  relay_write_number(&w, device->used_ms, 8);
  relay_write_number(&w, device->revoked, 1);
  relay_write_bytes(&w, device->token_hash, sizeof device->token_hash);
  relay_write_text(&w, device->name);
  relay_write_number(&w, device->expires_ms, 8);
  relay_write_text(&w, device->address);
  relay_write_text(&w, device->surface);
  relay_put(r, SPACE_DEVICE, id_key(device_id), relay_written(&w));
}

int relay_device_add(relay *r, const char *account, const char *name, const lrm_id *device_id,
                     const char *token, uint64_t wall_ms) {
  relay_account *owner = relay_account_find(r, account);
  if (owner == NULL) return LRM_ERR_NOT_FOUND;
  size_t token_bytes = strnlen(token, RELAY_TOKEN_BYTES_MAX + 1);
  if (!relay_good_name(name) || lrm_id_none(device_id) || token_bytes < TOKEN_BYTES_MIN ||
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
  relay_audit_note(
      r, &(relay_audit_entry){.what = "device.added", .account = owner, .detail = name}, wall_ms);
  relay_log(r, RELAY_INFO, "device.added", "account", account, "device", name, "id", id, NULL);
  return 0;
}

int relay_device_set_expiry(relay *r, const lrm_id *device_id, uint64_t expires_ms) {
  relay_device device;
  if (!relay_device_get(r, device_id, &device)) return LRM_ERR_NOT_FOUND;
  device.expires_ms = expires_ms;
  relay_device_put(r, device_id, &device);
  for (relay_connection *c = r->connections; c != NULL; c = c->next) {
    if (c->state == CONNECTION_LIVE && lrm_id_equal(&c->device_id, device_id))
      c->expires_ms = expires_ms;
  }
  return 0;
}

int relay_device_rename(relay *r, const lrm_id *device_id, const char *name) {
  relay_device device;
  if (!relay_good_name(name)) return LRM_ERR_USAGE;
  if (!relay_device_get(r, device_id, &device) || device.revoked) return LRM_ERR_NOT_FOUND;
  if (strcmp(device.name, name) == 0) return 0;
  relay_log(r, RELAY_INFO, "device.renamed", "device", device.name, "name", name, NULL);
  relay_text(device.name, sizeof device.name, name);
  relay_device_put(r, device_id, &device);
  for (relay_connection *c = r->connections; c != NULL; c = c->next) {
    if (c->state != CONNECTION_LIVE || !lrm_id_equal(&c->device_id, device_id)) continue;
    relay_text(c->device, sizeof c->device, name);
    for (relay_channel *ch = c->channels; ch != NULL; ch = ch->next_of_connection) {
      ch->session->status_changed = true; /* LOG_STATUS names who is attached */
      relay_session_dirty(ch->session, r);
    }
  }
  return 0;
}

void relay_devices_expire(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_connection *c = r->connections, *next; c != NULL; c = next) {
    next = c->next;
    if (c->state != CONNECTION_LIVE || c->expires_ms == 0 || c->expires_ms > wall_ms) continue;
    relay_end_connection(c, LRM_CODE_UNAUTHENTICATED, RELAY_EXPIRED_TEXT, 0, now_ns, wall_ms);
  }
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
    relay_pairings_of_device(r, device_id, now_ns, wall_ms);
    relay_invitations_of_device(r, device_id);
    relay_pushes_of_device(r, device_id);
    if (r->revoked != NULL) r->revoked(r->config.user, device_id);
    relay_audit_note(r,
                     &(relay_audit_entry){.what = "device.revoked",
                                          .account = relay_account_of(r, device.account),
                                          .detail = device.name},
                     wall_ms);
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

typedef struct signing_out {
  relay *r;
  uint64_t row;
  lrm_id *ids;
  uint32_t count, capacity;
  bool failed;
} signing_out;

static bool collect_of_account(void *user, lrm_slice key, lrm_slice value) {
  signing_out *out = user;
  relay_device device;
  if (!relay_device_read(value, &device) || device.account != out->row || device.revoked)
    return true;
  out->failed =
      !relay_grow(out->r, (void **)&out->ids, out->count, &out->capacity, sizeof *out->ids);
  return !out->failed && lrm_id_from(key.data, key.bytes, &out->ids[out->count++]) == 0;
}

int relay_devices_sign_out(relay *r, const relay_account *account, const lrm_id *last,
                           uint64_t now_ns, uint64_t wall_ms) {
  signing_out out = {.r = r, .row = account->row};
  int result = lrm_store_each(r->config.store, SPACE_DEVICE, collect_of_account, &out);
  if (result == 0 && out.failed) result = LRM_ERR_NO_MEMORY;
  if (result == 0) {
    relay_pairings_of_account(r, account->row, now_ns, wall_ms);
    relay_invitations_of_account(r, account->row);
  }
  for (uint32_t i = 0; result == 0 && i < out.count; i++) {
    if (last != NULL && lrm_id_equal(&out.ids[i], last)) continue;
    (void)(relay_device_revoke(r, &out.ids[i], now_ns, wall_ms) == 0);
  }
  if (result == 0 && last != NULL) (void)(relay_device_revoke(r, last, now_ns, wall_ms) == 0);
  relay_free(r, out.ids);
  return result;
}

typedef struct visiting {
  relay *r;
  void (*visit)(void *user, const relay_device_facts *facts);
  void *user;
} visiting;

static bool visit_device(void *user, lrm_slice key, lrm_slice value) {
  visiting *v = user;
  relay_device device;
  relay_device_facts facts = {.account = "?"};
  if (!relay_device_read(value, &device) || lrm_id_from(key.data, key.bytes, &facts.id) != 0)
    return true;
  const relay_account *account = relay_account_of(v->r, device.account);
  if (account != NULL) facts.account = account->name;
  facts.name = device.name;
  facts.address = device.address;
  facts.surface = device.surface;
  facts.revoked = device.revoked;
  facts.created_ms = device.created_ms;
  facts.used_ms = device.used_ms;
  facts.expires_ms = device.expires_ms;
  v->visit(v->user, &facts);
  return true;
}

void relay_each_device(relay *r, void (*visit)(void *user, const relay_device_facts *facts),
                       void *user) {
  visiting v = {r, visit, user};
  if (lrm_store_each(r->config.store, SPACE_DEVICE, visit_device, &v) != 0) return;
}

uint32_t relay_authenticate(relay *r, const char *token, uint64_t wall_ms, lrm_id *device_id,
                            relay_device *device, const char **reason) {
  *reason = "the token is not known here; sign in again";
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
  if (device->revoked) {
    *reason = "this device was revoked; sign in again";
    return LRM_CODE_REVOKED;
  }
  if (device->expires_ms != 0 && device->expires_ms <= wall_ms) {
    *reason = RELAY_EXPIRED_TEXT;
    return LRM_CODE_UNAUTHENTICATED;
  }
  return 0;
}
