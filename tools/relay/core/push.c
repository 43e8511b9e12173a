/* Browsers that want to be told (Web Push): what they said when they subscribed, kept as long as
 * their device is signed in and their push service knows them. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <string.h>

#include "core.h"

enum { RECORD_VERSION = 1, SENT_SAVE_MS = 3600 * 1000 };

static lrm_slice key_of(const relay_push *push) {
  return (lrm_slice){push->target.key, sizeof push->target.key};
}

/* ---- records ---- */

static void save(relay *r, const relay_push *push) {
  relay_writer w = {.used = 0};
  size_t bytes = strlen(push->endpoint);
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_number(&w, push->account, 8);
  relay_write_number(&w, push->wants, 1);
  relay_write_number(&w, push->created_ms, 8);
  relay_write_number(&w, push->sent_ms, 8);
  relay_write_bytes(&w, push->key, sizeof push->key);
  relay_write_bytes(&w, push->auth, sizeof push->auth);
  relay_write_number(&w, bytes, 2);
  relay_write_bytes(&w, push->endpoint, bytes);
  relay_put(r, SPACE_PUSH, key_of(push), relay_written(&w));
}

static relay_push *make(relay *r, const char *endpoint, size_t bytes) {
  relay_push *push = relay_alloc(r, sizeof *push + bytes + 1);
  if (push == NULL) return NULL;
  memcpy(push->endpoint, endpoint, bytes);
  push->next = r->pushes;
  r->pushes = push;
  return push;
}

static int take(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  relay_push read = {.wants = 0};
  (void)version;
  memcpy(read.target.key, key, sizeof read.target.key);
  memcpy(read.device.bytes, key, sizeof read.device.bytes);
  read.account = relay_read_number(value, 8);
  read.wants = (uint8_t)relay_read_number(value, 1);
  read.created_ms = relay_read_number(value, 8);
  read.sent_ms = relay_read_number(value, 8);
  relay_read_bytes(value, read.key, sizeof read.key);
  relay_read_bytes(value, read.auth, sizeof read.auth);
  size_t bytes = (size_t)relay_read_number(value, 2);
  if (value->bad || bytes > RELAY_ENDPOINT_BYTES_MAX || value->bytes - value->at < bytes)
    return LRM_ERR_CORRUPT;
  relay_push *push = make(r, (const char *)value->data + value->at, bytes);
  if (push == NULL) return LRM_ERR_NO_MEMORY;
  read.next = push->next;
  memcpy(push, &read, offsetof(relay_push, endpoint)); /* an assignment may run into the endpoint */
  return 0;
}

int relay_pushes_load(relay *r) {
  static const relay_record_kind kind = {SPACE_PUSH, RELAY_TARGET_BYTES, RECORD_VERSION, take};
  return relay_records_load(r, &kind);
}

void relay_pushes_free(relay *r) {
  while (r->pushes != NULL) {
    relay_push *push = r->pushes;
    r->pushes = push->next;
    relay_free(r, push);
  }
}

void relay_push_remove(relay *r, relay_push *push) {
  relay_push **at = &r->pushes;
  while (*at != push) at = &(*at)->next;
  *at = push->next;
  relay_remove(r, SPACE_PUSH, key_of(push));
  relay_messages_forget(r, NULL, &push->target);
  relay_free(r, push);
}

void relay_pushes_of_device(relay *r, const lrm_id *device_id) {
  for (relay_push *push = r->pushes, *next; push != NULL; push = next) {
    next = push->next;
    if (lrm_id_equal(&push->device, device_id)) relay_push_remove(r, push);
  }
}

void relay_push_sent(relay *r, relay_push *push, uint64_t wall_ms) {
  bool save_it = wall_ms > push->sent_ms + SENT_SAVE_MS;
  push->refusals = 0;
  push->sent_ms = wall_ms;
  if (save_it) save(r, push);
}

/* ---- calls ---- */

static bool target_key(const lrm_id *device, const char *endpoint,
                       uint8_t key[RELAY_TARGET_BYTES]) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned bytes = 0;
  if (EVP_Digest(endpoint, strlen(endpoint), digest, &bytes, EVP_sha256(), NULL) != 1 ||
      bytes != 32) {
    return false;
  }
  memcpy(key, device->bytes, 16);
  memcpy(key + 16, digest, 16);
  return true;
}

static relay_push *find(const relay_connection *c, const char *endpoint) {
  uint8_t key[RELAY_TARGET_BYTES];
  if (!target_key(&c->device_id, endpoint, key)) return NULL;
  for (relay_push *push = c->relay->pushes; push != NULL; push = push->next)
    if (memcmp(push->target.key, key, sizeof key) == 0) return push;
  return NULL;
}

/* Printable, without spaces: it goes into a request. What may be reached is the program's to say.
 */
static bool good_endpoint(const relay *r, const char *endpoint) {
  for (const char *at = endpoint; *at != '\0'; at++)
    if (*at <= ' ' || *at > '~' || *at == '"' || *at == '\\') return false;
  if (r->config.push_allowed != NULL) return r->config.push_allowed(r->config.user, endpoint);
  return strncmp(endpoint, "https://", 8) == 0 && endpoint[8] != '\0';
}

static uint8_t wants_of(const remote_v1_PushWishes *wishes) {
  return (uint8_t)((wishes->asks ? RELAY_WANTS_ASKS : 0) | (wishes->done ? RELAY_WANTS_DONE : 0) |
                   (wishes->errors ? RELAY_WANTS_ERRORS : 0) |
                   (wishes->text ? RELAY_WANTS_TEXT : 0));
}

/* A browser has a new subscription now and then: the oldest of the device makes room for it. */
static bool make_room(relay_connection *c) {
  relay_push *oldest = NULL;
  unsigned of_device = 0, of_account = 0;
  for (relay_push *push = c->relay->pushes; push != NULL; push = push->next) {
    of_account += push->account == c->account->row;
    if (!lrm_id_equal(&push->device, &c->device_id)) continue;
    of_device++;
    if (oldest == NULL || push->created_ms < oldest->created_ms) oldest = push;
  }
  if (of_device >= RELAY_PUSH_DEVICE_MAX ||
      (of_account >= RELAY_PUSH_ACCOUNT_MAX && oldest != NULL)) {
    relay_push_remove(c->relay, oldest);
    of_account--;
  }
  return of_account < RELAY_PUSH_ACCOUNT_MAX;
}

uint32_t relay_push_subscribe(relay_connection *c, const remote_v1_PushSubscribe *call,
                              uint64_t wall_ms, const char **reason) {
  relay *r = c->relay;
  *reason = "this relay cannot push";
  if (r->config.push_key == NULL) return LRM_CODE_FORBIDDEN;
  *reason =
      "a subscription has an endpoint that this relay may reach, the 65 bytes of a public key "
      "and a secret of 16 bytes";
  if (call->p256dh.size != RELAY_PUSH_KEY_BYTES || call->p256dh.bytes[0] != 4 ||
      call->auth.size != RELAY_PUSH_AUTH_BYTES || !good_endpoint(r, call->endpoint)) {
    return LRM_CODE_PROTOCOL;
  }
  relay_push *push = find(c, call->endpoint);
  if (push == NULL) {
    *reason = "too many browsers of this account are told already; sign out on some";
    if (!make_room(c)) return LRM_CODE_FORBIDDEN;
    *reason = "the relay is out of memory";
    push = make(r, call->endpoint, strlen(call->endpoint));
    if (push == NULL) return LRM_CODE_INTERNAL;
    push->account = c->account->row;
    push->device = c->device_id;
    push->created_ms = wall_ms;
    if (!target_key(&c->device_id, call->endpoint, push->target.key)) {
      r->pushes = push->next;
      relay_free(r, push);
      return LRM_CODE_INTERNAL;
    }
    relay_log(r, RELAY_INFO, "push.subscribed", "account", c->account->name, "device", c->device,
              NULL);
  }
  memcpy(push->key, call->p256dh.bytes, sizeof push->key);
  memcpy(push->auth, call->auth.bytes, sizeof push->auth);
  push->wants = wants_of(&call->wishes);
  push->refusals = 0;
  push->target.failures = 0;
  push->target.until_ns = 0;
  save(r, push);
  return 0;
}

uint32_t relay_push_unsubscribe(relay_connection *c, const char *endpoint, const char **reason) {
  relay *r = c->relay;
  relay_push *push = endpoint[0] != '\0' ? find(c, endpoint) : NULL;
  *reason = "this device has no such subscription";
  if (endpoint[0] != '\0' && push == NULL) return LRM_CODE_NOT_FOUND;
  if (push != NULL)
    relay_push_remove(r, push);
  else
    relay_pushes_of_device(r, &c->device_id);
  relay_log(r, RELAY_INFO, "push.unsubscribed", "account", c->account->name, "device", c->device,
            NULL);
  return 0;
}

uint32_t relay_push_test(relay_connection *c, const char *endpoint, uint64_t wall_ms,
                         const char **reason) {
  relay_push *push = find(c, endpoint);
  *reason = "this device has no such subscription";
  if (push == NULL) return LRM_CODE_NOT_FOUND;
  relay_messages_test(c->relay, c->account, push, wall_ms);
  return 0;
}

void relay_push_facts(const relay_connection *c, const char *endpoint, remote_v1_PushFacts *out) {
  const relay *r = c->relay;
  const relay_push *push = endpoint[0] != '\0' ? find(c, endpoint) : NULL;
  if (r->config.push_key != NULL) {
    out->key.size = RELAY_PUSH_KEY_BYTES;
    memcpy(out->key.bytes, r->config.push_key, RELAY_PUSH_KEY_BYTES);
  }
  if (push == NULL) return;
  out->subscribed = true;
  out->sent_ms = push->sent_ms;
  out->has_wishes = true;
  out->wishes.asks = (push->wants & RELAY_WANTS_ASKS) != 0;
  out->wishes.done = (push->wants & RELAY_WANTS_DONE) != 0;
  out->wishes.errors = (push->wants & RELAY_WANTS_ERRORS) != 0;
  out->wishes.text = (push->wants & RELAY_WANTS_TEXT) != 0;
}
