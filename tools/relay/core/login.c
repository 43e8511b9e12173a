/* Calls of who is not signed in (spec 9.6, 9.7): pairing, which waits for a person, and identity
 * tokens, which the program verifies. Both end with SignedIn, said once the device is durable; it
 * then connects again with its token, as any other. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

enum { NONCE_BYTES = 8 + 16 + 16, NONCES_USED_MAX = 4096 };
static const uint64_t NONCE_MS = UINT64_C(600) * 1000;

typedef enum login_step {
  LOGIN_CODE = 0,   /* PAIR: the pairing is being stored */
  LOGIN_PERSON = 1, /* PAIR: the code is shown */
  LOGIN_VERIFY = 2, /* OIDC: the program looks at the token */
  LOGIN_STORE = 3,  /* the device is being stored */
} login_step;

struct relay_login {
  login_step step;
  relay_pairing *pairing; /* PAIR; NULL: it has ended, `problem` says how */
  uint8_t secret[RELAY_SECRET_BYTES];
  uint64_t ticket; /* OIDC */
  char device[RELAY_NAME_BYTES_MAX + 1];
  char token[RELAY_TOKEN_BYTES_MAX + 1];
  remote_v1_Principal principal;
  remote_v1_Problem problem; /* code 0: none */
};

bool relay_entropy(relay *r, void *out, size_t bytes) {
  return r->config.entropy != NULL && r->config.entropy(r->config.user, out, bytes);
}

void relay_token_text(const uint8_t secret[32], char token[RELAY_TOKEN_BYTES_MAX + 1]) {
  size_t at = (size_t)snprintf(token, RELAY_TOKEN_BYTES_MAX + 1, "rrt_");
  for (unsigned i = 0; i < 32; i++)
    at += (size_t)snprintf(token + at, RELAY_TOKEN_BYTES_MAX + 1 - at, "%02x", secret[i]);
}

void relay_login_free(relay *r, relay_login *login) {
  if (login == NULL) return;
  OPENSSL_cleanse(login, sizeof *login);
  relay_free(r, login);
}

static relay_call *start(relay_connection *c, uint32_t id, relay_call_kind kind) {
  relay_call *call = relay_call_make(c, id, kind);
  if (call == NULL) return NULL;
  call->login = relay_alloc(c->relay, sizeof *call->login);
  return call->login != NULL ? call : NULL;
}

static void answer(relay_connection *c, uint32_t id, const remote_v1_Problem *problem,
                   uint64_t now_ns, uint64_t wall_ms) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = id;
  reply.which_result = remote_v1_Reply_problem_tag;
  reply.result.problem = *problem;
  if (relay_send_reply(c, &reply, now_ns) == LRM_ERR_BUSY)
    relay_end_connection(c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, now_ns, wall_ms);
}

static void refuse(relay_connection *c, uint32_t id, uint32_t code, const char *reason,
                   uint64_t now_ns, uint64_t wall_ms) {
  remote_v1_Problem problem = relay_problem(code, reason);
  answer(c, id, &problem, now_ns, wall_ms);
}

/* ---- pairing ---- */

/* The call that waits for this pairing; NULL: its device is not there. */
static relay_login *waiting_for(relay *r, const relay_pairing *p) {
  for (relay_connection *c = r->connections; c != NULL; c = c->next) {
    if (c->state != CONNECTION_UNSIGNED) continue;
    for (relay_call *call = c->calls; call != NULL; call = call->next) {
      if (call->login != NULL && call->login->pairing == p) return call->login;
    }
  }
  return NULL;
}

void relay_login_ended(relay *r, relay_pairing *p, uint32_t code, const char *reason,
                       uint64_t now_ns, uint64_t wall_ms) {
  (void)now_ns;
  (void)wall_ms;
  relay_login *login = waiting_for(r, p);
  if (login == NULL) return;
  login->pairing = NULL;
  login->problem = relay_problem(code, reason);
  r->calls_dirty = true;
}

void relay_login_forget(relay *r, relay_pairing *p) {
  relay_login_ended(r, p, LRM_CODE_SUPERSEDED, "this device has signed in meanwhile", 0, 0);
}

void relay_login_pair(relay_connection *c, const remote_v1_Request *request, uint64_t now_ns,
                      uint64_t wall_ms) {
  relay *r = c->relay;
  const remote_v1_PairDevice *asked = &request->call.pair_device;
  uint32_t id = request->id;
  if (r->config.entropy == NULL) {
    refuse(c, id, LRM_CODE_FORBIDDEN, "this relay pairs no devices", now_ns, wall_ms);
    return;
  }
  if (asked->secret.size != RELAY_SECRET_BYTES || !relay_good_name(asked->device)) {
    refuse(c, id, LRM_CODE_PROTOCOL, "a pairing needs a name and a secret of 32 bytes", now_ns,
           wall_ms);
    return;
  }
  relay_pairing *p = relay_pairing_find(r, asked->secret.bytes, wall_ms);
  if (p == NULL) {
    int result = relay_pairing_begin(r, c->peer, c->surface, asked->device, asked->secret.bytes,
                                     wall_ms, &p);
    if (result != 0) {
      remote_v1_Problem problem = relay_problem(
          result == LRM_ERR_BUSY ? LRM_CODE_SLOW_DOWN : LRM_CODE_INTERNAL,
          result == LRM_ERR_BUSY ? "too many devices wait to be paired" : "the relay failed");
      problem.retry_after_ms = 30000;
      answer(c, id, &problem, now_ns, wall_ms);
      return;
    }
  } else {
    relay_login_ended(r, p, LRM_CODE_SUPERSEDED, "this pairing goes on on another connection",
                      now_ns, wall_ms);
  }
  relay_call *call = start(c, id, CALL_PAIR);
  if (call == NULL) {
    relay_end_connection(c, LRM_CODE_INTERNAL, "the relay is out of memory", 0, now_ns, wall_ms);
    return;
  }
  call->login->pairing = p;
  memcpy(call->login->secret, asked->secret.bytes, RELAY_SECRET_BYTES);
  call->stamp = relay_commit_ticket(r);
  lrm_link_signing_in(c->link,
                      now_ns + relay_pairing_left_ms(p, wall_ms) * 1000000 + LRM_SIGN_IN_NS);
  relay_calls_pump(c, now_ns, wall_ms);
}

static int say_code(relay_connection *c, const relay_call *call, uint64_t now_ns,
                    uint64_t wall_ms) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = call->id;
  reply.more = true;
  reply.which_result = remote_v1_Reply_pairing_code_tag;
  remote_v1_PairingCode *said = &reply.result.pairing_code;
  said->expires_in_ms = relay_pairing_left_ms(call->login->pairing, wall_ms);
  if (!relay_pairing_code(call->login->pairing, call->login->secret, said->code))
    return LRM_ERR_STATE;
  const char *url = c->relay->config.pairing_url;
  relay_text(said->url, sizeof said->url, url != NULL ? url : c->relay->page_url);
  int result = relay_send_reply(c, &reply, now_ns);
  OPENSSL_cleanse(&reply, sizeof reply);
  return result;
}

static int say_signed_in(relay_connection *c, const relay_call *call, uint64_t now_ns) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = call->id;
  reply.which_result = remote_v1_Reply_signed_in_tag;
  relay_text(reply.result.signed_in.token, sizeof reply.result.signed_in.token, call->login->token);
  reply.result.signed_in.has_principal = true;
  reply.result.signed_in.principal = call->login->principal;
  int result = relay_send_reply(c, &reply, now_ns);
  OPENSSL_cleanse(&reply, sizeof reply);
  return result;
}

static bool durable(const relay *r, uint64_t ticket) { return ticket <= r->batch_durable; }

/* A person has said yes: the device comes into the store. */
static void take_in(relay_connection *c, relay_call *call, uint64_t wall_ms) {
  relay_login *login = call->login;
  int result = LRM_ERR_STATE;
  if (relay_pairing_token(login->pairing, login->secret, login->token))
    result = relay_pairing_add_device(c->relay, login->pairing, login->token, wall_ms,
                                      &login->principal);
  if (result != 0) {
    login->problem = relay_problem(
        result == LRM_ERR_NOT_FOUND ? LRM_CODE_UNAUTHENTICATED : LRM_CODE_INTERNAL,
        result == LRM_ERR_NOT_FOUND ? "the account that confirmed it is gone" : "the relay failed");
    return;
  }
  call->stamp = relay_commit_ticket(c->relay);
  login->step = LOGIN_STORE;
}

/* ---- identity tokens ---- */

static bool seal_nonce(const relay *r, const uint8_t open[24], uint8_t seal[16]) {
  uint8_t digest[32];
  unsigned bytes = 0;
  if (HMAC(EVP_sha256(), r->nonce_key, sizeof r->nonce_key, open, 24, digest, &bytes) == NULL)
    return false;
  memcpy(seal, digest, 16);
  return true;
}

/* Nonces are not kept: each says until when it is good, under a seal. Only those that were used
 * are remembered, until they would be over anyway. */
static bool make_nonce(relay *r, uint64_t wall_ms, char text[2 * NONCE_BYTES + 1]) {
  uint8_t nonce[NONCE_BYTES];
  uint64_t until_ms = wall_ms + NONCE_MS;
  for (unsigned i = 0; i < 8; i++) nonce[i] = (uint8_t)(until_ms >> (8 * i));
  if (!relay_entropy(r, nonce + 8, 16) || !seal_nonce(r, nonce, nonce + 24)) return false;
  for (unsigned i = 0; i < NONCE_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", nonce[i]);
  return true;
}

static bool read_nonce(const char *text, uint8_t nonce[NONCE_BYTES]) {
  static const char digits[] = "0123456789abcdef";
  if (strlen(text) != 2 * NONCE_BYTES) return false;
  for (unsigned i = 0; i < NONCE_BYTES; i++) {
    const char *high = strchr(digits, text[2 * i]), *low = strchr(digits, text[2 * i + 1]);
    if (high == NULL || low == NULL) return false;
    nonce[i] = (uint8_t)((high - digits) << 4 | (low - digits));
  }
  return true;
}

/* NULL: it is good, and used up. */
static const char *use_nonce(relay *r, const char *text, uint64_t wall_ms) {
  uint8_t nonce[NONCE_BYTES], seal[16];
  uint64_t until_ms = 0;
  if (!read_nonce(text, nonce) || !seal_nonce(r, nonce, seal) ||
      CRYPTO_memcmp(seal, nonce + 24, sizeof seal) != 0)
    return "its nonce is not one of this relay's; begin again";
  for (unsigned i = 0; i < 8; i++) until_ms |= (uint64_t)nonce[i] << (8 * i);
  if (wall_ms >= until_ms || until_ms - wall_ms > NONCE_MS) return "its nonce is over; begin again";
  relay_nonce *free_slot = NULL;
  for (uint32_t i = 0; i < r->nonces_count; i++) {
    relay_nonce *used = &r->nonces[i];
    if (used->until_ms <= wall_ms) {
      free_slot = used;
    } else if (memcmp(used->random, nonce + 8, sizeof used->random) == 0) {
      return "it was used already; begin again";
    }
  }
  if (free_slot == NULL) {
    if (r->nonces_count >= NONCES_USED_MAX || !relay_grow(r, (void **)&r->nonces, r->nonces_count,
                                                          &r->nonces_capacity, sizeof *r->nonces))
      return "too many sign in at a time; try again later";
    free_slot = &r->nonces[r->nonces_count++];
  }
  free_slot->until_ms = until_ms;
  memcpy(free_slot->random, nonce + 8, sizeof free_slot->random);
  return NULL;
}

static bool offers_oidc(const relay *r) {
  return r->config.oidc_verify != NULL && r->config.oidc_issuer != NULL &&
         r->config.oidc_client_id != NULL && r->config.entropy != NULL;
}

void relay_login_challenge(relay_connection *c, const remote_v1_Request *request, uint64_t now_ns,
                           uint64_t wall_ms) {
  relay *r = c->relay;
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  remote_v1_OidcChallenge *challenge = &reply.result.oidc_challenge;
  char nonce[2 * NONCE_BYTES + 1];
  if (!offers_oidc(r)) {
    refuse(c, request->id, LRM_CODE_FORBIDDEN, "this relay takes no identity tokens", now_ns,
           wall_ms);
    return;
  }
  if (!make_nonce(r, wall_ms, nonce)) {
    refuse(c, request->id, LRM_CODE_INTERNAL, "the relay failed", now_ns, wall_ms);
    return;
  }
  reply.id = request->id;
  reply.which_result = remote_v1_Reply_oidc_challenge_tag;
  relay_text(challenge->issuer, sizeof challenge->issuer, r->config.oidc_issuer);
  relay_text(challenge->client_id, sizeof challenge->client_id, r->config.oidc_client_id);
  relay_text(challenge->nonce, sizeof challenge->nonce, nonce);
  challenge->expires_in_ms = NONCE_MS;
  if (relay_send_reply(c, &reply, now_ns) == LRM_ERR_BUSY)
    relay_end_connection(c, LRM_CODE_SLOW_DOWN, "this side reads too slowly", 0, now_ns, wall_ms);
}

void relay_login_oidc(relay_connection *c, const remote_v1_Request *request, uint64_t now_ns,
                      uint64_t wall_ms) {
  relay *r = c->relay;
  const remote_v1_LoginOidc *asked = &request->call.login_oidc;
  if (!offers_oidc(r)) {
    refuse(c, request->id, LRM_CODE_FORBIDDEN, "this relay takes no identity tokens", now_ns,
           wall_ms);
    return;
  }
  if (asked->id_token.size == 0 || !relay_good_name(asked->device)) {
    refuse(c, request->id, LRM_CODE_PROTOCOL, "an identity token and a name are needed", now_ns,
           wall_ms);
    return;
  }
  remote_v1_Problem problem = relay_problem(LRM_CODE_SLOW_DOWN, "too many attempts; wait a little");
  problem.retry_after_ms = relay_slow_wait_ms(&r->slow, RELAY_SLOW_ADDRESS, c->peer, now_ns);
  if (problem.retry_after_ms > 0) {
    answer(c, request->id, &problem, now_ns, wall_ms);
    return;
  }
  relay_call *call = start(c, request->id, CALL_OIDC);
  if (call == NULL) {
    relay_end_connection(c, LRM_CODE_INTERNAL, "the relay is out of memory", 0, now_ns, wall_ms);
    return;
  }
  relay_login *login = call->login;
  login->step = LOGIN_VERIFY;
  login->ticket = ++r->login_tickets;
  relay_text(login->device, sizeof login->device, asked->device);
  if (!r->config.oidc_verify(r->config.user, login->ticket,
                             (lrm_slice){asked->id_token.bytes, asked->id_token.size})) {
    login->problem = problem;
    login->problem.retry_after_ms = 5000;
  }
  relay_calls_pump(c, now_ns, wall_ms);
}

static relay_login *login_of(relay *r, uint64_t ticket, relay_connection **c, relay_call **call) {
  for (*c = r->connections; *c != NULL; *c = (*c)->next) {
    for (*call = (*c)->calls; *call != NULL; *call = (*call)->next) {
      relay_login *login = (*call)->login;
      if (login != NULL && (*call)->kind == CALL_OIDC && login->ticket == ticket) return login;
    }
  }
  return NULL;
}

/* Who the token is for may sign in here: its device comes into the store. 0, or a code. */
static uint32_t admit(relay *r, relay_login *login, const relay_identity *identity,
                      uint64_t wall_ms, const char **reason) {
  uint8_t secret[32];
  lrm_id device_id;
  *reason = use_nonce(r, identity->nonce, wall_ms);
  if (*reason != NULL) return LRM_CODE_UNAUTHENTICATED;
  const relay_account *account = relay_account_find(r, identity->account);
  if (account == NULL && !identity->create) {
    *reason = "there is no account for you here; ask the relay's operator";
    return LRM_CODE_FORBIDDEN;
  }
  *reason = "the relay failed";
  if (account == NULL && relay_account_add(r, identity->account, wall_ms) != 0)
    return LRM_CODE_INTERNAL;
  account = relay_account_find(r, identity->account);
  if (relay_devices_full(r, account->row, wall_ms)) {
    *reason = "this account has too many devices; revoke some";
    return LRM_CODE_FORBIDDEN;
  }
  if (!relay_entropy(r, secret, sizeof secret) || !relay_entropy(r, &device_id, sizeof device_id))
    return LRM_CODE_INTERNAL;
  relay_token_text(secret, login->token);
  OPENSSL_cleanse(secret, sizeof secret);
  if (relay_device_add(r, account->name, login->device, &device_id, login->token, wall_ms) != 0)
    return LRM_CODE_INTERNAL;
  remote_v1_Principal *principal = &login->principal;
  relay_text(principal->account, sizeof principal->account, account->name);
  relay_text(principal->device, sizeof principal->device, login->device);
  principal->device_id.size = sizeof device_id.bytes;
  memcpy(principal->device_id.bytes, device_id.bytes, sizeof device_id.bytes);
  return 0;
}

void relay_identity_judged(relay *r, uint64_t ticket, const relay_identity *identity,
                           uint64_t now_ns, uint64_t wall_ms) {
  relay_connection *c;
  relay_call *call;
  relay_login *login = login_of(r, ticket, &c, &call);
  if (login == NULL || login->step != LOGIN_VERIFY) return; /* its carrier is gone */
  uint32_t code = identity->code;
  const char *reason = identity->reason;
  if (code == 0) code = admit(r, login, identity, wall_ms, &reason);
  if (code != 0) {
    login->problem = relay_problem(code, reason);
    relay_log(r, RELAY_WARNING, "login.refused", "peer", c->peer, "device", login->device, "code",
              lrm_code_name(code), "detail", reason, NULL);
    if (code == LRM_CODE_UNAUTHENTICATED)
      (void)relay_slow_failed(&r->slow, RELAY_SLOW_ADDRESS, c->peer, now_ns);
  } else {
    login->step = LOGIN_STORE;
    call->stamp = relay_commit_ticket(r);
  }
  relay_calls_pump(c, now_ns, wall_ms);
}

/* ---- pump ---- */

static bool say_problem(relay_connection *c, const relay_call *call, uint64_t now_ns) {
  remote_v1_Reply reply = remote_v1_Reply_init_zero;
  reply.id = call->id;
  reply.which_result = remote_v1_Reply_problem_tag;
  reply.result.problem = call->login->problem;
  return relay_send_reply(c, &reply, now_ns) != LRM_ERR_BUSY;
}

static bool is_confirmed(const relay *r, const relay_login *login) {
  bool confirmed;
  uint64_t ticket = relay_pairing_confirmed(login->pairing, &confirmed);
  return confirmed && durable(r, ticket);
}

/* True: the call is over. */
static bool pump(relay_connection *c, relay_call *call, uint64_t now_ns, uint64_t wall_ms) {
  relay *r = c->relay;
  relay_login *login = call->login;
  if (login->problem.code == 0 && login->step == LOGIN_CODE && durable(r, call->stamp)) {
    int result = say_code(c, call, now_ns, wall_ms);
    if (result == LRM_ERR_BUSY) return false;
    if (result != 0) login->problem = relay_problem(LRM_CODE_INTERNAL, "the relay failed");
    login->step = LOGIN_PERSON;
  }
  if (login->problem.code == 0 && login->step == LOGIN_PERSON && is_confirmed(r, login))
    take_in(c, call, wall_ms);
  if (login->problem.code != 0) return say_problem(c, call, now_ns);
  return login->step == LOGIN_STORE && durable(r, call->stamp) &&
         say_signed_in(c, call, now_ns) != LRM_ERR_BUSY;
}

bool relay_login_pump(relay_connection *c, relay_call *call, uint64_t now_ns, uint64_t wall_ms) {
  if (!pump(c, call, now_ns, wall_ms)) return false;
  lrm_link_signing_in(c->link, now_ns + LRM_SIGN_IN_NS); /* for another attempt */
  return true;
}
