/* Pairings: devices without a token that wait for a person (RFC 8628, adapted; spec 9.6). The
 * device brings a secret of its own. Code and token are derived from it and a salt of the relay's,
 * so neither is stored: the same device that asks again after a cut or a restart gets the same
 * ones, and nobody else can. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "remote/sha256.h"

enum {
  RECORD_VERSION = 1,
  PAIRINGS_MAX = 1024,
  PAIRINGS_PER_ADDRESS_MAX = 16,
  DEVICES_PER_ACCOUNT_MAX = 256,
  CODE_LETTERS = 8,
  CODE_TRIES = 16,
  GUESSES_PER_MINUTE_MAX = 200
};
static const uint64_t VALID_MS = UINT64_C(600) * 1000;
static const uint64_t CLOCK_STEP_MS = UINT64_C(60) * 1000;
static const uint64_t MINUTE_NS = UINT64_C(60) * 1000000000;

/* No vowels, so that no words come about, and nothing that looks like something else. */
static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";

struct relay_pairing {
  relay_pairing *next;
  uint8_t secret_hash[LRM_SHA256_BYTES]; /* its key */
  uint8_t salt[32];
  uint8_t code_hash[LRM_SHA256_BYTES];
  lrm_id device_id; /* which it will be */
  uint64_t asked_ms, expires_ms;
  uint64_t account;   /* row of the one that confirmed it; 0: nobody yet */
  uint64_t confirmed; /* ticket of that; 0: durable since before this opening */
  bool added;         /* its device is there */
  unsigned tried;     /* codes that others had already */
  char device[RELAY_NAME_BYTES_MAX + 1];
  char peer[RELAY_ADDRESS_BYTES]; /* without the port */
  char surface[RELAY_SURFACE_BYTES];
};

/* ---- what is derived ---- */

static void hash_of(const void *salt, size_t salt_bytes, const void *data, size_t bytes,
                    uint8_t out[LRM_SHA256_BYTES]) {
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, salt, salt_bytes);
  lrm_sha256_add(&sum, data, bytes);
  lrm_sha256_end(&sum, out);
  OPENSSL_cleanse(&sum, sizeof sum);
}

static bool derive(const relay_pairing *p, const uint8_t secret[RELAY_SECRET_BYTES],
                   const char *what, uint8_t out[32]) {
  uint8_t text[64];
  unsigned bytes = 0;
  size_t used = (size_t)snprintf((char *)text, 32, "%s", what);
  memcpy(text + used, p->salt, sizeof p->salt);
  return HMAC(EVP_sha256(), secret, RELAY_SECRET_BYTES, text, used + sizeof p->salt, out, &bytes) !=
             NULL &&
         bytes == 32;
}

static bool derive_code(const relay_pairing *p, const uint8_t secret[RELAY_SECRET_BYTES],
                        char code[RELAY_CODE_BYTES]) {
  uint8_t digest[32];
  char what[16];
  snprintf(what, sizeof what, "code %u ", p->tried);
  if (!derive(p, secret, what, digest)) return false;
  uint64_t number = 0;
  memcpy(&number, digest, sizeof number);
  for (unsigned i = 0, at = 0; i < CODE_LETTERS; i++, number /= 20) {
    if (i == CODE_LETTERS / 2) code[at++] = '-';
    code[at++] = letters[number % 20];
    code[at] = '\0';
  }
  OPENSSL_cleanse(digest, sizeof digest);
  return true;
}

bool relay_pairing_token(const relay_pairing *p, const uint8_t secret[RELAY_SECRET_BYTES],
                         char token[RELAY_TOKEN_BYTES_MAX + 1]) {
  uint8_t digest[32];
  if (!derive(p, secret, "token ", digest)) return false;
  relay_token_text(digest, token);
  OPENSSL_cleanse(digest, sizeof digest);
  return true;
}

bool relay_pairing_code(const relay_pairing *p, const uint8_t secret[RELAY_SECRET_BYTES],
                        char code[RELAY_CODE_BYTES]) {
  return derive_code(p, secret, code);
}

/* As a person writes it: any case, with or without hyphens and spaces. False: it is none. */
static bool plain_code(const char *text, char out[CODE_LETTERS + 1]) {
  unsigned count = 0;
  for (; *text != '\0'; text++) {
    char c = *text;
    if (c == '-' || c == ' ') continue;
    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    if (count == CODE_LETTERS || strchr(letters, c) == NULL) return false;
    out[count++] = c;
  }
  out[count] = '\0';
  return count == CODE_LETTERS;
}

static void hash_code(const relay_pairing *p, const char *code, uint8_t out[LRM_SHA256_BYTES]) {
  hash_of(p->salt, sizeof p->salt, code, CODE_LETTERS, out);
}

/* ---- the store ---- */

static void save(relay *r, const relay_pairing *p) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_bytes(&w, p->salt, sizeof p->salt);
  relay_write_bytes(&w, p->code_hash, sizeof p->code_hash);
  relay_write_id(&w, &p->device_id);
  relay_write_number(&w, p->asked_ms, 8);
  relay_write_number(&w, p->expires_ms, 8);
  relay_write_number(&w, p->account, 8);
  relay_write_number(&w, p->tried, 1);
  relay_write_text(&w, p->device);
  relay_write_text(&w, p->peer);
  relay_write_text(&w, p->surface);
  relay_put(r, SPACE_PAIRING, (lrm_slice){p->secret_hash, sizeof p->secret_hash},
            relay_written(&w));
}

static int take(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  relay_pairing *p = relay_alloc(r, sizeof *p);
  (void)version;
  if (p == NULL) return LRM_ERR_NO_MEMORY;
  memcpy(p->secret_hash, key, sizeof p->secret_hash);
  relay_read_bytes(value, p->salt, sizeof p->salt);
  relay_read_bytes(value, p->code_hash, sizeof p->code_hash);
  p->device_id = relay_read_id(value);
  p->asked_ms = relay_read_number(value, 8);
  p->expires_ms = relay_read_number(value, 8);
  p->account = relay_read_number(value, 8);
  p->tried = (unsigned)relay_read_number(value, 1);
  relay_read_text(value, p->device, sizeof p->device);
  relay_read_text(value, p->peer, sizeof p->peer);
  relay_read_text(value, p->surface, sizeof p->surface);
  if (value->bad) {
    relay_free(r, p);
    return LRM_ERR_CORRUPT;
  }
  relay_device device;
  p->added = relay_device_get(r, &p->device_id, &device);
  p->next = r->pairings;
  r->pairings = p;
  r->pairings_count++;
  return 0;
}

int relay_pairings_load(relay *r) {
  static const relay_record_kind kind = {SPACE_PAIRING, LRM_SHA256_BYTES, RECORD_VERSION, take};
  return relay_records_load(r, &kind);
}

void relay_pairings_free(relay *r) {
  while (r->pairings != NULL) {
    relay_pairing *p = r->pairings;
    r->pairings = p->next;
    relay_free(r, p);
  }
}

/* ---- life ---- */

/* A clock that is set back does not make codes live longer. */
static bool over(const relay_pairing *p, uint64_t wall_ms) {
  return wall_ms >= p->expires_ms || wall_ms + CLOCK_STEP_MS < p->asked_ms;
}

uint64_t relay_pairing_left_ms(const relay_pairing *p, uint64_t wall_ms) {
  if (over(p, wall_ms)) return 0;
  uint64_t left = p->expires_ms - wall_ms;
  return left < VALID_MS ? left : VALID_MS;
}

void relay_pairing_end(relay *r, relay_pairing *p, uint32_t code, const char *reason,
                       uint64_t now_ns, uint64_t wall_ms) {
  relay_pairing **at = &r->pairings;
  while (*at != NULL && *at != p) at = &(*at)->next;
  if (*at != NULL) *at = p->next;
  r->pairings_count--;
  relay_remove(r, SPACE_PAIRING, (lrm_slice){p->secret_hash, sizeof p->secret_hash});
  relay_ended_pairing *ended = &r->pairings_ended[r->pairings_ended_next++ % RELAY_ENDED_PAIRINGS];
  *ended = (relay_ended_pairing){.code = code, .reason = reason};
  memcpy(ended->secret_hash, p->secret_hash, sizeof ended->secret_hash);
  r->pairings_changed++;
  relay_login_ended(r, p, code, reason, now_ns, wall_ms);
  relay_free(r, p);
}

void relay_pairings_expire(relay *r, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_pairing *p = r->pairings, *next; p != NULL; p = next) {
    next = p->next;
    if (!over(p, wall_ms)) continue;
    if (!p->added)
      relay_log(r, RELAY_INFO, "pairing.expired", "device", p->device, "address", p->peer, NULL);
    relay_pairing_end(r, p, LRM_CODE_UNAUTHENTICATED, "the code has expired; ask for a new one",
                      now_ns, wall_ms);
  }
}

void relay_pairings_of_device(relay *r, const lrm_id *device_id, uint64_t now_ns,
                              uint64_t wall_ms) {
  for (relay_pairing *p = r->pairings, *next; p != NULL; p = next) {
    next = p->next;
    if (lrm_id_equal(&p->device_id, device_id))
      relay_pairing_end(r, p, LRM_CODE_REVOKED, "this device was revoked; sign in again", now_ns,
                        wall_ms);
  }
}

void relay_pairings_of_account(relay *r, uint64_t row, uint64_t now_ns, uint64_t wall_ms) {
  for (relay_pairing *p = r->pairings, *next; p != NULL; p = next) {
    next = p->next;
    if (p->account == row)
      relay_pairing_end(r, p, LRM_CODE_REVOKED, "this device was signed out; sign in again", now_ns,
                        wall_ms);
  }
}

/* ---- asking ---- */

static bool code_taken(const relay *r, const char *code) {
  uint8_t hash[LRM_SHA256_BYTES];
  for (const relay_pairing *p = r->pairings; p != NULL; p = p->next) {
    hash_code(p, code, hash);
    if (CRYPTO_memcmp(hash, p->code_hash, sizeof hash) == 0) return true;
  }
  return false;
}

/* A code that no other pairing has. */
static bool choose_code(const relay *r, relay_pairing *p,
                        const uint8_t secret[RELAY_SECRET_BYTES]) {
  char code[RELAY_CODE_BYTES], plain[CODE_LETTERS + 1];
  for (p->tried = 0; p->tried < CODE_TRIES; p->tried++) {
    if (!derive_code(p, secret, code) || !plain_code(code, plain)) return false;
    if (code_taken(r, plain)) continue;
    hash_code(p, plain, p->code_hash);
    OPENSSL_cleanse(code, sizeof code);
    OPENSSL_cleanse(plain, sizeof plain);
    return true;
  }
  return false;
}

static uint32_t count_of_address(const relay *r, const char *address) {
  uint32_t count = 0;
  for (const relay_pairing *p = r->pairings; p != NULL; p = p->next)
    count += strcmp(p->peer, address) == 0 && p->account == 0;
  return count;
}

relay_pairing *relay_pairing_find(relay *r, const uint8_t secret[RELAY_SECRET_BYTES],
                                  uint64_t wall_ms) {
  uint8_t hash[LRM_SHA256_BYTES];
  hash_of("pairing ", 8, secret, RELAY_SECRET_BYTES, hash);
  for (relay_pairing *p = r->pairings; p != NULL; p = p->next) {
    if (CRYPTO_memcmp(hash, p->secret_hash, sizeof hash) == 0 && !over(p, wall_ms)) return p;
  }
  return NULL;
}

uint32_t relay_pairing_ended(const relay *r, const uint8_t secret[RELAY_SECRET_BYTES],
                             const char **reason) {
  uint8_t hash[LRM_SHA256_BYTES];
  hash_of("pairing ", 8, secret, RELAY_SECRET_BYTES, hash);
  for (unsigned i = 0; i < RELAY_ENDED_PAIRINGS; i++) {
    const relay_ended_pairing *ended = &r->pairings_ended[i];
    if (ended->code == 0 || CRYPTO_memcmp(hash, ended->secret_hash, sizeof hash) != 0) continue;
    *reason = ended->reason;
    return ended->code;
  }
  return 0;
}

int relay_pairing_begin(relay *r, const char *peer, const char *surface, const char *device,
                        const uint8_t secret[RELAY_SECRET_BYTES], uint64_t wall_ms,
                        relay_pairing **out) {
  char address[RELAY_ADDRESS_BYTES];
  relay_shown_address(peer, address);
  if (r->pairings_count >= PAIRINGS_MAX ||
      count_of_address(r, address) >= PAIRINGS_PER_ADDRESS_MAX) {
    relay_log(r, RELAY_WARNING, "pairing.refused", "peer", peer, "detail", "too many pairings wait",
              NULL);
    return LRM_ERR_BUSY;
  }
  relay_pairing *p = relay_alloc(r, sizeof *p);
  if (p == NULL) return LRM_ERR_NO_MEMORY;
  hash_of("pairing ", 8, secret, RELAY_SECRET_BYTES, p->secret_hash);
  if (!relay_entropy(r, p->salt, sizeof p->salt) ||
      !relay_entropy(r, &p->device_id, sizeof p->device_id) || !choose_code(r, p, secret)) {
    relay_free(r, p);
    return LRM_ERR_STATE;
  }
  relay_text(p->device, sizeof p->device, device);
  relay_text(p->peer, sizeof p->peer, address);
  relay_text(p->surface, sizeof p->surface, surface);
  p->asked_ms = wall_ms;
  p->expires_ms = wall_ms + VALID_MS;
  p->next = r->pairings;
  r->pairings = p;
  r->pairings_count++;
  save(r, p);
  relay_log(r, RELAY_INFO, "pairing.asked", "peer", peer, "device", p->device, NULL);
  *out = p;
  return 0;
}

/* ---- confirming ---- */

static relay_pairing *find_code(const relay *r, const char *text, uint64_t wall_ms) {
  char plain[CODE_LETTERS + 1];
  uint8_t hash[LRM_SHA256_BYTES];
  if (!plain_code(text, plain)) return NULL;
  for (relay_pairing *p = r->pairings; p != NULL; p = p->next) {
    hash_code(p, plain, hash);
    if (CRYPTO_memcmp(hash, p->code_hash, sizeof hash) == 0) return over(p, wall_ms) ? NULL : p;
  }
  return NULL;
}

static void fill_facts(const relay_pairing *p, uint64_t wall_ms, relay_pairing_facts *facts) {
  *facts = (relay_pairing_facts){.device = p->device,
                                 .address = p->peer,
                                 .surface = p->surface,
                                 .asked_ms = p->asked_ms,
                                 .left_ms = relay_pairing_left_ms(p, wall_ms),
                                 .confirmed = p->account != 0};
}

int relay_pairing_look(relay *r, const char *code, uint64_t wall_ms, relay_pairing_facts *facts) {
  const relay_pairing *p = find_code(r, code, wall_ms);
  if (p == NULL) return LRM_ERR_NOT_FOUND;
  fill_facts(p, wall_ms, facts);
  return 0;
}

void relay_each_pairing(relay *r, uint64_t wall_ms,
                        void (*visit)(void *user, const relay_pairing_facts *facts), void *user) {
  for (const relay_pairing *p = r->pairings; p != NULL; p = p->next) {
    relay_pairing_facts facts;
    if (over(p, wall_ms) || p->added) continue;
    fill_facts(p, wall_ms, &facts);
    visit(user, &facts);
  }
}

typedef struct counting {
  uint64_t row, wall_ms;
  uint32_t devices;
} counting;

static bool count_device(void *user, lrm_slice key, lrm_slice value) {
  counting *counts = user;
  relay_device device;
  (void)key;
  if (relay_device_read(value, &device) && device.account == counts->row && !device.revoked &&
      (device.expires_ms == 0 || device.expires_ms > counts->wall_ms))
    counts->devices++;
  return true;
}

bool relay_devices_full(relay *r, uint64_t row, uint64_t wall_ms) {
  counting counts = {row, wall_ms, 0};
  return lrm_store_each(r->config.store, SPACE_DEVICE, count_device, &counts) != 0 ||
         counts.devices >= DEVICES_PER_ACCOUNT_MAX;
}

static int confirm(relay *r, relay_pairing *p, const relay_account *account, const char *by,
                   uint64_t wall_ms) {
  if (p->account == account->row) return 0;
  if (p->account != 0) return LRM_ERR_NOT_FOUND;
  if (relay_devices_full(r, account->row, wall_ms)) return LRM_ERR_TOO_LARGE;
  p->account = account->row;
  save(r, p);
  p->confirmed = relay_commit_ticket(r);
  r->calls_dirty = true;
  r->pairings_changed++;
  relay_audit_note(
      r, &(relay_audit_entry){.what = "pairing.confirmed", .account = account, .detail = p->device},
      wall_ms);
  relay_log(r, RELAY_INFO, "pairing.confirmed", "account", account->name, "device", p->device,
            "address", p->peer, "by", by, NULL);
  return 0;
}

int relay_pairing_confirm(relay *r, const char *code, const char *account, uint64_t wall_ms) {
  const relay_account *owner = relay_account_find(r, account);
  relay_pairing *p = find_code(r, code, wall_ms);
  if (owner == NULL) return LRM_ERR_USAGE;
  return p != NULL ? confirm(r, p, owner, "operator", wall_ms) : LRM_ERR_NOT_FOUND;
}

static int deny(relay *r, relay_pairing *p, const char *by, uint64_t now_ns, uint64_t wall_ms) {
  if (p->added) return LRM_ERR_STATE;
  const relay_account *account = r->acting != NULL ? r->acting->account : NULL;
  relay_audit_note(
      r, &(relay_audit_entry){.what = "pairing.denied", .account = account, .detail = p->device},
      wall_ms);
  relay_log(r, RELAY_WARNING, "pairing.denied", "device", p->device, "address", p->peer, "by", by,
            NULL);
  relay_pairing_end(r, p, LRM_CODE_FORBIDDEN, "a person refused this device", now_ns, wall_ms);
  return 0;
}

int relay_pairing_deny(relay *r, const char *code, uint64_t now_ns, uint64_t wall_ms) {
  relay_pairing *p = find_code(r, code, wall_ms);
  return p != NULL ? deny(r, p, "operator", now_ns, wall_ms) : LRM_ERR_NOT_FOUND;
}

/* ---- who guesses ---- */

/* Milliseconds until this connection may name a code again. Besides address and account all of
 * them together are bounded, so that many accounts do not help much. */
static uint64_t guess_wait_ms(const relay_connection *c, uint64_t now_ns) {
  const relay *r = c->relay;
  uint64_t longest = relay_slow_wait_ms(&r->slow, RELAY_SLOW_ADDRESS, c->peer, now_ns);
  uint64_t wait = relay_slow_wait_ms(&r->slow, RELAY_SLOW_CODE, c->account->name, now_ns);
  if (wait > longest) longest = wait;
  if (r->guesses >= GUESSES_PER_MINUTE_MAX && now_ns - r->guesses_ns < MINUTE_NS) {
    wait = (MINUTE_NS - (now_ns - r->guesses_ns) + 999999) / 1000000;
    if (wait > longest) longest = wait;
  }
  return longest;
}

static void count_guess(relay_connection *c, uint64_t now_ns) {
  relay *r = c->relay;
  (void)relay_slow_failed(&r->slow, RELAY_SLOW_ADDRESS, c->peer, now_ns);
  uint64_t wait_ms = relay_slow_failed(&r->slow, RELAY_SLOW_CODE, c->account->name, now_ns);
  if (now_ns - r->guesses_ns >= MINUTE_NS || r->guesses_ns == 0) {
    r->guesses_ns = now_ns;
    r->guesses = 0;
  }
  r->guesses++;
  if (wait_ms > 0)
    relay_log(r, RELAY_WARNING, "pairing.guessed", "peer", c->peer, "account", c->account->name,
              "device", c->device, NULL);
}

relay_pairing *relay_pairing_named(relay_connection *c, const char *code, uint64_t now_ns,
                                   uint64_t wall_ms, remote_v1_Problem *problem) {
  uint64_t wait_ms = guess_wait_ms(c, now_ns);
  if (wait_ms > 0) {
    *problem = relay_problem(LRM_CODE_SLOW_DOWN, "too many wrong codes; wait a little");
    problem->retry_after_ms = wait_ms;
    return NULL;
  }
  relay_pairing *p = find_code(c->relay, code, wall_ms);
  if (p != NULL && (p->account == 0 || p->account == c->account->row)) return p;
  count_guess(c, now_ns);
  *problem = relay_problem(LRM_CODE_NOT_FOUND, "no device shows this code, or not any more");
  return NULL;
}

void relay_pairing_entry(const relay_pairing *p, uint64_t wall_ms, remote_v1_PairingEntry *entry) {
  relay_text(entry->device, sizeof entry->device, p->device);
  relay_text(entry->address, sizeof entry->address, p->peer);
  relay_text(entry->surface, sizeof entry->surface, p->surface);
  entry->asked_ms = p->asked_ms;
  entry->expires_in_ms = relay_pairing_left_ms(p, wall_ms);
  entry->confirmed = p->account != 0;
}

int relay_pairing_decide(relay_connection *c, relay_pairing *p, bool yes, uint64_t now_ns,
                         uint64_t wall_ms) {
  return yes ? confirm(c->relay, p, c->account, c->device, wall_ms)
             : deny(c->relay, p, c->device, now_ns, wall_ms);
}

/* ---- the device ---- */

uint64_t relay_pairing_confirmed(const relay_pairing *p, bool *confirmed) {
  *confirmed = p->account != 0;
  return p->confirmed;
}

/* Another run of this may have made it already: the token is the same. */
int relay_pairing_add_device(relay *r, relay_pairing *p, const char *token, uint64_t wall_ms,
                             remote_v1_Principal *principal) {
  const relay_account *account = relay_account_of(r, p->account);
  relay_device device;
  if (account == NULL) return LRM_ERR_NOT_FOUND;
  if (!relay_device_get(r, &p->device_id, &device)) {
    int result = relay_device_add(r, account->name, p->device, &p->device_id, token, wall_ms);
    if (result != 0) return result;
  }
  p->added = true;
  relay_text(principal->account, sizeof principal->account, account->name);
  relay_text(principal->device, sizeof principal->device, p->device);
  principal->device_id.size = sizeof p->device_id.bytes;
  memcpy(principal->device_id.bytes, p->device_id.bytes, sizeof p->device_id.bytes);
  return 0;
}

void relay_pairing_used(relay *r, const lrm_id *device_id) {
  for (relay_pairing *p = r->pairings; p != NULL; p = p->next) {
    if (!lrm_id_equal(&p->device_id, device_id)) continue;
    relay_pairing **at = &r->pairings;
    while (*at != p) at = &(*at)->next;
    *at = p->next;
    r->pairings_count--;
    r->pairings_changed++;
    relay_remove(r, SPACE_PAIRING, (lrm_slice){p->secret_hash, sizeof p->secret_hash});
    relay_login_forget(r, p);
    relay_free(r, p);
    return;
  }
}
