/* Invitations: somebody who is signed in, or the operator, makes a link; whoever opens it first
 * within ten minutes becomes a device of that account. The link holds 128 random bits, of which the
 * relay keeps the SHA-256.
 *
 * A used one stays until its time is over: the browser that used it may not have heard the answer,
 * and gets the same token again. That is made of the link and of a secret in the browser's cookie,
 * so that nobody else who has the link gets it. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "core.h"
#include "remote/sha256.h"

enum { RECORD_VERSION = 1, INVITATIONS_MAX = 1024, INVITATIONS_PER_ACCOUNT_MAX = 16 };
static const uint64_t VALID_MS = UINT64_C(600) * 1000;
static const uint64_t CLOCK_STEP_MS = UINT64_C(60) * 1000;
static const char prefix[] = "rri_";

struct relay_invitation {
  relay_invitation *next;
  lrm_id id;
  uint8_t hash[LRM_SHA256_BYTES]; /* of the text in the link */
  uint64_t account;               /* row */
  lrm_id by;                      /* the device that made it; none: the operator */
  uint64_t made_ms, expires_ms;
  bool used;
  lrm_id device_id;                  /* which it became */
  uint8_t browser[LRM_SHA256_BYTES]; /* of the secret of who used it */
  char by_name[RELAY_NAME_BYTES_MAX + 1];
};

static void hash_of(const char *what, const void *data, size_t bytes,
                    uint8_t out[LRM_SHA256_BYTES]) {
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, (const uint8_t *)what, strlen(what));
  lrm_sha256_add(&sum, data, bytes);
  lrm_sha256_end(&sum, out);
  OPENSSL_cleanse(&sum, sizeof sum);
}

/* ---- the store ---- */

static lrm_slice key_of(const relay_invitation *i) {
  return (lrm_slice){i->id.bytes, sizeof i->id.bytes};
}

static void save(relay *r, const relay_invitation *i) {
  relay_writer w = {.used = 0};
  relay_write_number(&w, RECORD_VERSION, 1);
  relay_write_bytes(&w, i->hash, sizeof i->hash);
  relay_write_number(&w, i->account, 8);
  relay_write_id(&w, &i->by);
  relay_write_number(&w, i->made_ms, 8);
  relay_write_number(&w, i->expires_ms, 8);
  relay_write_number(&w, i->used, 1);
  relay_write_id(&w, &i->device_id);
  relay_write_bytes(&w, i->browser, sizeof i->browser);
  relay_write_text(&w, i->by_name);
  relay_put(r, SPACE_INVITATION, key_of(i), relay_written(&w));
}

static int take(relay *r, const uint8_t *key, uint64_t version, relay_reader *value) {
  relay_invitation *i = relay_alloc(r, sizeof *i);
  (void)version;
  if (i == NULL) return LRM_ERR_NO_MEMORY;
  memcpy(i->id.bytes, key, sizeof i->id.bytes);
  relay_read_bytes(value, i->hash, sizeof i->hash);
  i->account = relay_read_number(value, 8);
  i->by = relay_read_id(value);
  i->made_ms = relay_read_number(value, 8);
  i->expires_ms = relay_read_number(value, 8);
  i->used = relay_read_number(value, 1) != 0;
  i->device_id = relay_read_id(value);
  relay_read_bytes(value, i->browser, sizeof i->browser);
  relay_read_text(value, i->by_name, sizeof i->by_name);
  if (value->bad) {
    relay_free(r, i);
    return LRM_ERR_CORRUPT;
  }
  i->next = r->invitations;
  r->invitations = i;
  r->invitations_count++;
  return 0;
}

int relay_invitations_load(relay *r) {
  static const relay_record_kind kind = {SPACE_INVITATION, sizeof(lrm_id), RECORD_VERSION, take};
  return relay_records_load(r, &kind);
}

void relay_invitations_free(relay *r) {
  while (r->invitations != NULL) {
    relay_invitation *i = r->invitations;
    r->invitations = i->next;
    relay_free(r, i);
  }
}

/* ---- life ---- */

/* A clock that is set back does not make links live longer. */
static bool over(const relay_invitation *i, uint64_t wall_ms) {
  return wall_ms >= i->expires_ms || wall_ms + CLOCK_STEP_MS < i->made_ms;
}

static uint64_t left_ms(const relay_invitation *i, uint64_t wall_ms) {
  if (over(i, wall_ms)) return 0;
  uint64_t left = i->expires_ms - wall_ms;
  return left < VALID_MS ? left : VALID_MS;
}

static void drop(relay *r, relay_invitation *i) {
  relay_invitation **at = &r->invitations;
  while (*at != i) at = &(*at)->next;
  *at = i->next;
  r->invitations_count--;
  relay_remove(r, SPACE_INVITATION, key_of(i));
  relay_free(r, i);
}

void relay_invitations_expire(relay *r, uint64_t wall_ms) {
  for (relay_invitation *i = r->invitations, *next; i != NULL; i = next) {
    next = i->next;
    if (over(i, wall_ms)) drop(r, i);
  }
}

void relay_invitations_of_device(relay *r, const lrm_id *device_id) {
  for (relay_invitation *i = r->invitations, *next; i != NULL; i = next) {
    next = i->next;
    if (lrm_id_equal(&i->by, device_id) || (i->used && lrm_id_equal(&i->device_id, device_id)))
      drop(r, i);
  }
}

void relay_invitations_of_account(relay *r, uint64_t row) {
  for (relay_invitation *i = r->invitations, *next; i != NULL; i = next) {
    next = i->next;
    if (i->account == row) drop(r, i);
  }
}

/* ---- making ---- */

int relay_invitation_make(relay *r, const relay_account *account, const relay_connection *by,
                          uint64_t wall_ms, char text[RELAY_INVITATION_BYTES], lrm_id *id) {
  uint8_t secret[16];
  uint32_t count = 0;
  for (const relay_invitation *i = r->invitations; i != NULL; i = i->next)
    count += i->account == account->row && !i->used;
  if (count >= INVITATIONS_PER_ACCOUNT_MAX || r->invitations_count >= INVITATIONS_MAX)
    return LRM_ERR_BUSY;
  if (relay_devices_full(r, account->row, wall_ms)) return LRM_ERR_TOO_LARGE;
  relay_invitation *i = relay_alloc(r, sizeof *i);
  if (i == NULL) return LRM_ERR_NO_MEMORY;
  if (!relay_entropy(r, secret, sizeof secret) || !relay_entropy(r, &i->id, sizeof i->id)) {
    relay_free(r, i);
    return LRM_ERR_STATE;
  }
  size_t at = (size_t)snprintf(text, RELAY_INVITATION_BYTES, "%s", prefix);
  for (unsigned n = 0; n < sizeof secret; n++, at += 2) snprintf(text + at, 3, "%02x", secret[n]);
  OPENSSL_cleanse(secret, sizeof secret);
  hash_of("invitation ", text, strlen(text), i->hash);
  i->account = account->row;
  i->made_ms = wall_ms;
  i->expires_ms = wall_ms + VALID_MS;
  if (by != NULL) {
    i->by = by->device_id;
    relay_text(i->by_name, sizeof i->by_name, by->device);
  }
  i->next = r->invitations;
  r->invitations = i;
  r->invitations_count++;
  save(r, i);
  relay_audit_note(r, &(relay_audit_entry){.what = "invitation.made", .account = account}, wall_ms);
  relay_log(r, RELAY_INFO, "invitation.made", "account", account->name, "by",
            by != NULL ? by->device : "operator", NULL);
  *id = i->id;
  return 0;
}

int relay_invite(relay *r, const char *account, uint64_t wall_ms,
                 char text[RELAY_INVITATION_BYTES]) {
  lrm_id id;
  const relay_account *owner = relay_account_find(r, account);
  return owner == NULL ? LRM_ERR_NOT_FOUND
                       : relay_invitation_make(r, owner, NULL, wall_ms, text, &id);
}

/* ---- looking ---- */

static void fill(relay *r, const relay_invitation *i, uint64_t wall_ms,
                 relay_invitation_facts *facts) {
  const relay_account *account = relay_account_of(r, i->account);
  *facts = (relay_invitation_facts){.id = i->id,
                                    .account = account != NULL ? account->name : "?",
                                    .by = i->by_name,
                                    .made_ms = i->made_ms,
                                    .left_ms = left_ms(i, wall_ms)};
}

void relay_each_invitation(relay *r, uint64_t wall_ms,
                           void (*visit)(void *user, const relay_invitation_facts *facts),
                           void *user) {
  for (const relay_invitation *i = r->invitations; i != NULL; i = i->next) {
    relay_invitation_facts facts;
    if (over(i, wall_ms) || i->used) continue;
    fill(r, i, wall_ms, &facts);
    visit(user, &facts);
  }
}

void relay_invitation_entry(relay *r, const relay_invitation *i, uint64_t wall_ms,
                            remote_v1_Invitation *out) {
  relay_invitation_facts facts;
  fill(r, i, wall_ms, &facts);
  out->invitation_id.size = sizeof i->id.bytes;
  memcpy(out->invitation_id.bytes, i->id.bytes, sizeof i->id.bytes);
  relay_text(out->device, sizeof out->device, i->by_name);
  out->made_ms = facts.made_ms;
  out->expires_in_ms = facts.left_ms;
}

relay_invitation *relay_invitation_of(relay *r, const lrm_id *id) {
  for (relay_invitation *i = r->invitations; i != NULL; i = i->next) {
    if (lrm_id_equal(&i->id, id)) return i;
  }
  return NULL;
}

void relay_invitation_ids(const relay *r, uint64_t row, lrm_id *ids, uint32_t *count) {
  *count = 0;
  for (const relay_invitation *i = r->invitations; i != NULL; i = i->next) {
    if (i->account == row) ids[(*count)++] = i->id;
  }
}

uint64_t relay_invitation_account(const relay_invitation *i) { return i->account; }
bool relay_invitation_open(const relay_invitation *i, uint64_t wall_ms) {
  return !i->used && !over(i, wall_ms);
}

int relay_invitation_end(relay *r, const lrm_id *id, uint64_t wall_ms) {
  relay_invitation *i = relay_invitation_of(r, id);
  if (i == NULL || !relay_invitation_open(i, wall_ms)) return LRM_ERR_NOT_FOUND;
  const relay_account *account = relay_account_of(r, i->account);
  relay_audit_note(r, &(relay_audit_entry){.what = "invitation.ended", .account = account},
                   wall_ms);
  relay_log(r, RELAY_INFO, "invitation.ended", "account", account != NULL ? account->name : "?",
            NULL);
  drop(r, i);
  return 0;
}

static relay_invitation *find(relay *r, const char *text, uint64_t wall_ms) {
  uint8_t hash[LRM_SHA256_BYTES];
  hash_of("invitation ", text, strlen(text), hash);
  for (relay_invitation *i = r->invitations; i != NULL; i = i->next) {
    if (CRYPTO_memcmp(hash, i->hash, sizeof hash) == 0) return over(i, wall_ms) ? NULL : i;
  }
  return NULL;
}

/* ---- using ---- */

static const char USED[] = "this invitation was used already; ask for another one";

static void refuse(relay *r, relay_visitor *out, uint32_t code, const char *reason) {
  memset(out, 0, sizeof *out);
  out->code = code;
  out->reason = reason;
  relay_refused(r, code);
}

/* One that is not there was perhaps guessed: counted like a wrong token. */
static relay_invitation *named(relay *r, const char *text, const char *peer, uint64_t now_ns,
                               uint64_t wall_ms, relay_visitor *out) {
  relay_invitation *i = find(r, text, wall_ms);
  if (i != NULL) return i;
  refuse(r, out, LRM_CODE_UNAUTHENTICATED,
         "this invitation is over, was used already, or was taken back; ask for another one");
  out->retry_after_ms =
      relay_token_failed(r, text, peer, relay_address_counts(r, peer), now_ns, wall_ms);
  return NULL;
}

static bool token_of(const char *text, const uint8_t secret[RELAY_SECRET_BYTES],
                     char token[RELAY_TOKEN_BYTES_MAX + 1]) {
  uint8_t digest[32];
  unsigned bytes = 0;
  if (HMAC(EVP_sha256(), secret, RELAY_SECRET_BYTES, (const uint8_t *)text, strlen(text), digest,
           &bytes) == NULL ||
      bytes != sizeof digest)
    return false;
  relay_token_text(digest, token);
  OPENSSL_cleanse(digest, sizeof digest);
  return true;
}

static void fill_visitor(relay *r, const relay_invitation *i, const char *device,
                         relay_visitor *out) {
  const relay_account *account = relay_account_of(r, i->account);
  memset(out, 0, sizeof *out);
  out->device_id = i->device_id;
  relay_text(out->account, sizeof out->account, account->name);
  relay_text(out->device, sizeof out->device, device);
}

/* Used, and not by the browser with that secret. */
static bool used_elsewhere(const relay_invitation *i, const uint8_t *secret) {
  uint8_t browser[LRM_SHA256_BYTES];
  if (!i->used) return false;
  if (secret == NULL) return true;
  hash_of("browser ", secret, RELAY_SECRET_BYTES, browser);
  return CRYPTO_memcmp(browser, i->browser, sizeof browser) != 0;
}

void relay_page_invited(relay *r, const char *text, const uint8_t *secret, const char *peer,
                        uint64_t now_ns, uint64_t wall_ms, relay_visitor *out, uint64_t *valid_ms) {
  const relay_invitation *i = named(r, text, peer, now_ns, wall_ms, out);
  if (i == NULL) return;
  if (used_elsewhere(i, secret)) {
    refuse(r, out, LRM_CODE_UNAUTHENTICATED, USED);
    return;
  }
  fill_visitor(r, i, i->by_name, out);
  *valid_ms = left_ms(i, wall_ms);
}

void relay_page_accept(relay *r, const char *text, const uint8_t secret[RELAY_SECRET_BYTES],
                       const char *device, const char *peer, uint64_t now_ns, uint64_t wall_ms,
                       relay_visitor *out, char token[RELAY_TOKEN_BYTES_MAX + 1]) {
  uint8_t browser[LRM_SHA256_BYTES];
  relay_device known;
  relay_invitation *i = named(r, text, peer, now_ns, wall_ms, out);
  if (i == NULL) return;
  hash_of("browser ", secret, RELAY_SECRET_BYTES, browser);
  const relay_account *account = relay_account_of(r, i->account);
  if (account == NULL || !token_of(text, secret, token)) {
    refuse(r, out, LRM_CODE_INTERNAL, "the relay failed; try again");
  } else if (i->used && !used_elsewhere(i, secret) && relay_device_get(r, &i->device_id, &known) &&
             !known.revoked) {
    fill_visitor(r, i, known.name, out);
  } else if (i->used) {
    refuse(r, out, LRM_CODE_UNAUTHENTICATED, USED);
  } else if (!relay_good_name(device)) {
    refuse(r, out, LRM_CODE_PROTOCOL, "a name is 1 to 63 bytes without control characters");
  } else if (relay_devices_full(r, account->row, wall_ms)) {
    refuse(r, out, LRM_CODE_FORBIDDEN, "this account has too many devices; revoke some");
  } else if (!relay_entropy(r, &i->device_id, sizeof i->device_id) ||
             relay_device_add(r, account->name, device, &i->device_id, token, wall_ms) != 0) {
    refuse(r, out, LRM_CODE_INTERNAL, "the relay failed; try again");
  } else {
    i->used = true;
    memcpy(i->browser, browser, sizeof i->browser);
    save(r, i);
    relay_audit_note(
        r, &(relay_audit_entry){.what = "invitation.used", .account = account, .detail = device},
        wall_ms);
    relay_log(r, RELAY_INFO, "invitation.used", "account", account->name, "device", device, "peer",
              peer, NULL);
    fill_visitor(r, i, device, out);
  }
}
