/* What the relay's own page asks: who it is, signing in and out (docs/http.md). The token goes from
 * the request into a cookie, and from there into the relay; scripts of the page never have it. */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "page_json.h"
#include "server.h"

enum {
  COOKIE_SECONDS_MAX = 400 * 86400, /* browsers keep none for longer */
  PAIRING_SECONDS = 660,            /* a little more than a code is good for */
  WAITS_MAX = 1024
};
/* How long a page waits for news before it asks again: proxies end what is silent for a minute. */
static const uint64_t PERSON_NS = UINT64_C(25) * 1000000000;

/* A request whose answer waits: for a commit, or for a person. */
struct page_wait {
  page_wait *next;
  server *server;
  http_exchange *exchange;
  uint64_t ticket; /* what is answered holds once this is durable; of a person: 0 */
  bool person;     /* it waits for one */
  uint8_t secret[RELAY_SECRET_BYTES]; /* of its pairing */
  uint64_t until_ns, news;
  http_cookies cookies;
  int status;
  char *body;   /* NULL: none */
  char *fields; /* NULL: none; may hold a cookie */
};

/* ---- answers ---- */

static int status_of(uint32_t code) {
  switch (code) {
    case LRM_CODE_UNAUTHENTICATED:
      return 401;
    case LRM_CODE_FORBIDDEN:
    case LRM_CODE_REVOKED:
    case LRM_CODE_POLICY:
      return 403;
    case LRM_CODE_NOT_FOUND:
      return 404;
    case LRM_CODE_SLOW_DOWN:
      return 429;
    case LRM_CODE_LIMIT:
      return 413;
    default:
      return code < 3000 ? 503 : 400;
  }
}

static void answer_json(http_exchange *exchange, int status, page_json *json) {
  page_json_end(json);
  http_answer(exchange, status, "application/json", json->text, json->bytes);
}

static void refuse(http_exchange *exchange, uint32_t code, const char *reason,
                   uint64_t retry_after_ms) {
  page_json json;
  page_json_begin(&json);
  page_json_number(&json, "code", code);
  page_json_text(&json, "reason", reason != NULL ? reason : "the relay failed; try again");
  if (retry_after_ms > 0) page_json_number(&json, "retry_after_ms", retry_after_ms);
  answer_json(exchange, status_of(code), &json);
}

/* ---- answers that wait ---- */

static void answer_wait(page_wait *wait);

static void forget(page_wait *wait) {
  server *s = wait->server;
  page_wait **at = &s->page_waits;
  while (*at != wait) at = &(*at)->next;
  *at = wait->next;
  s->page_waits_count--;
  if (wait->fields != NULL) explicit_bzero(wait->fields, strlen(wait->fields));
  free(wait->fields);
  free(wait->body);
  explicit_bzero(wait->secret, sizeof wait->secret);
  free(wait);
}

static void on_gone(void *user) { forget(user); }

/* NULL: there is no room; it was told so. */
static page_wait *wait_for(server *s, http_exchange *exchange) {
  page_wait *wait = s->page_waits_count < WAITS_MAX ? calloc(1, sizeof *wait) : NULL;
  if (wait == NULL) {
    refuse(exchange, LRM_CODE_SLOW_DOWN, "too many wait; try again", 5000);
    return NULL;
  }
  wait->server = s;
  wait->exchange = exchange;
  wait->next = s->page_waits;
  s->page_waits = wait;
  s->page_waits_count++;
  http_on_gone(exchange, on_gone, wait);
  return wait;
}

/* Answers once everything so far is durable. */
static void answer_durable(server *s, http_exchange *exchange, int status, page_json *json,
                           const char *fields) {
  page_wait *wait = wait_for(s, exchange);
  if (wait == NULL) return;
  if (json != NULL) page_json_end(json);
  wait->status = status;
  wait->ticket = relay_commit_ticket(s->state.relay);
  wait->body = json != NULL ? strdup(json->text) : NULL;
  wait->fields = strdup(fields);
}

/* Sends what it holds; it is gone then. */
static void answer_wait(page_wait *wait) {
  page_wait done = *wait;
  wait->fields = wait->body = NULL;
  forget(wait);
  http_answer_fields(done.exchange, done.fields != NULL ? done.fields : "");
  http_answer(done.exchange, done.status, "application/json", done.body,
              done.body != NULL ? strlen(done.body) : 0);
  if (done.fields != NULL) explicit_bzero(done.fields, strlen(done.fields));
  free(done.fields);
  free(done.body);
}

static void look_for_person(page_wait *wait);

void http_page_turn(server *s) {
  for (page_wait *wait = s->page_waits, *next; wait != NULL; wait = next) {
    next = wait->next;
    if (wait->person)
      look_for_person(wait);
    else if (relay_committed(s->state.relay, wait->ticket))
      answer_wait(wait);
  }
}

/* How long the cookie of this token is kept: as long as it signs in. */
static uint64_t cookie_seconds(uint64_t expires_ms) {
  uint64_t now_ms = lrm_uv_wall_ms();
  if (expires_ms == 0) return COOKIE_SECONDS_MAX;
  uint64_t seconds = expires_ms > now_ms ? (expires_ms - now_ms) / 1000 : 0;
  return seconds < COOKIE_SECONDS_MAX ? seconds : COOKIE_SECONDS_MAX;
}

/* The fields that put a token into its cookie, and take the pairing's away. */
static void sign_in_fields(const http_cookies *cookies, const char *token, uint64_t expires_ms,
                           char fields[HTTP_FIELDS_BYTES_MAX]) {
  http_cookie_write(cookies, HTTP_COOKIE_TOKEN, token, cookie_seconds(expires_ms), fields,
                    HTTP_FIELDS_BYTES_MAX);
  size_t used = strlen(fields);
  http_cookie_write(cookies, HTTP_COOKIE_PAIRING, "", 0, fields + used,
                    HTTP_FIELDS_BYTES_MAX - used);
}

static void secret_fields(const http_cookies *cookies, const uint8_t secret[RELAY_SECRET_BYTES],
                          char fields[HTTP_FIELDS_BYTES_MAX]) {
  char text[2 * RELAY_SECRET_BYTES + 1];
  for (unsigned i = 0; i < RELAY_SECRET_BYTES; i++) snprintf(text + 2 * i, 3, "%02x", secret[i]);
  http_cookie_write(cookies, HTTP_COOKIE_PAIRING, text, PAIRING_SECONDS, fields,
                    HTTP_FIELDS_BYTES_MAX);
  explicit_bzero(text, sizeof text);
}

/* False: it is no secret of ours. */
static bool read_secret(const char *text, uint8_t secret[RELAY_SECRET_BYTES]) {
  static const char digits[] = "0123456789abcdef";
  if (strlen(text) != 2 * RELAY_SECRET_BYTES) return false;
  for (unsigned i = 0; i < RELAY_SECRET_BYTES; i++) {
    const char *high = strchr(digits, text[2 * i]), *low = strchr(digits, text[2 * i + 1]);
    if (high == NULL || low == NULL) return false;
    secret[i] = (uint8_t)((high - digits) << 4 | (low - digits));
  }
  return true;
}

static void give_cookie(http_exchange *exchange, const http_page *page, const char *token,
                        uint64_t expires_ms) {
  char fields[HTTP_FIELDS_BYTES_MAX];
  http_cookie_write(&page->cookies, HTTP_COOKIE_TOKEN, token, cookie_seconds(expires_ms), fields,
                    sizeof fields);
  http_answer_fields(exchange, fields);
  explicit_bzero(fields, sizeof fields);
}

/* ---- who ---- */

static void say_visitor(page_json *json, const relay_visitor *visitor) {
  char id[LRM_ID_HEX_BYTES];
  lrm_id_hex(&visitor->device_id, id);
  page_json_truth(json, "signed_in", true);
  page_json_text(json, "account", visitor->account);
  page_json_text(json, "device", visitor->device);
  page_json_text(json, "device_id", id);
  if (visitor->expires_ms > 0) page_json_number(json, "expires_ms", visitor->expires_ms);
}

static void who(server *s, http_exchange *exchange, const http_page *page) {
  page_json json;
  relay_visitor visitor = {.code = 0};
  page_json_begin(&json);
  if (page->token[0] != '\0')
    relay_page_look(s->state.relay, page->token, page->peer, false, server_now(s), lrm_uv_wall_ms(),
                    &visitor);
  if (page->token[0] == '\0' || visitor.code != 0) {
    page_json_truth(&json, "signed_in", false);
    if (visitor.code != 0) {
      page_json_number(&json, "code", visitor.code);
      page_json_text(&json, "reason", visitor.reason);
    }
  } else {
    say_visitor(&json, &visitor);
    give_cookie(exchange, page, page->token,
                visitor.expires_ms); /* it lasts as long as it is used */
  }
  answer_json(exchange, 200, &json);
}

/* ---- in ---- */

static void sign_in_with_token(server *s, http_exchange *exchange, const http_page *page,
                               const char *token) {
  relay_visitor visitor;
  relay_page_look(s->state.relay, token, page->peer, true, server_now(s), lrm_uv_wall_ms(),
                  &visitor);
  if (visitor.code != 0) {
    refuse(exchange, visitor.code, visitor.reason, visitor.retry_after_ms);
  } else {
    give_cookie(exchange, page, token, visitor.expires_ms);
    http_answer(exchange, 204, NULL, NULL, 0);
  }
}

/* The secret of the pairing cookie, or a new one. */
static bool take_secret(const http_page *page, uint8_t secret[RELAY_SECRET_BYTES]) {
  return read_secret(page->pairing, secret) || RAND_bytes(secret, RELAY_SECRET_BYTES) == 1;
}

static void sign_in_by_invitation(server *s, http_exchange *exchange, const http_page *page,
                                  const char *invite, const char *device) {
  char token[RELAY_TOKEN_BYTES_MAX + 1] = "", fields[HTTP_FIELDS_BYTES_MAX];
  uint8_t secret[RELAY_SECRET_BYTES];
  relay_visitor visitor;
  page_json json;
  if (!take_secret(page, secret)) {
    refuse(exchange, LRM_CODE_INTERNAL, NULL, 0);
    return;
  }
  relay_page_accept(s->state.relay, invite, secret, device, page->peer, server_now(s),
                    lrm_uv_wall_ms(), &visitor, token);
  explicit_bzero(secret, sizeof secret);
  if (visitor.code != 0) {
    refuse(exchange, visitor.code, visitor.reason, visitor.retry_after_ms);
    return;
  }
  page_json_begin(&json);
  say_visitor(&json, &visitor);
  sign_in_fields(&page->cookies, token, 0, fields);
  answer_durable(s, exchange, 200, &json, fields);
  explicit_bzero(token, sizeof token);
  explicit_bzero(fields, sizeof fields);
}

static void sign_in(server *s, http_exchange *exchange, const http_page *page) {
  char token[RELAY_TOKEN_BYTES_MAX + 1] = "", invite[RELAY_INVITATION_BYTES] = "";
  char device[RELAY_NAME_BYTES_MAX + 1] = "";
  const page_member members[] = {{"token", token, sizeof token, NULL},
                                 {"invite", invite, sizeof invite, NULL},
                                 {"device", device, sizeof device, NULL}};
  const char *wrong = page_json_read(page->body, page->bytes, members, 3);
  if (wrong == NULL && token[0] == '\0' && invite[0] != '\0') {
    sign_in_by_invitation(s, exchange, page, invite, device);
    explicit_bzero(invite, sizeof invite);
    return;
  }
  if (wrong == NULL && !http_cookie_good(token)) wrong = "send a token: {\"token\":\"rrt_...\"}";
  if (wrong != NULL) {
    refuse(exchange, LRM_CODE_PROTOCOL, wrong, 0);
    return;
  }
  sign_in_with_token(s, exchange, page, token);
  explicit_bzero(token, sizeof token);
}

/* Looks at an invitation, so that a person sees whose it is; nothing is used up. The browser gets
 * the secret with which it may ask again when an answer was lost. */
static void look_at_invitation(server *s, http_exchange *exchange, const http_page *page) {
  char invite[RELAY_INVITATION_BYTES] = "", fields[HTTP_FIELDS_BYTES_MAX];
  const page_member members[] = {{"invite", invite, sizeof invite, NULL}};
  uint8_t secret[RELAY_SECRET_BYTES];
  uint64_t valid_ms = 0;
  relay_visitor visitor;
  page_json json;
  const char *wrong = page_json_read(page->body, page->bytes, members, 1);
  if (wrong != NULL) {
    refuse(exchange, LRM_CODE_PROTOCOL, wrong, 0);
    return;
  }
  bool known = read_secret(page->pairing, secret);
  relay_page_invited(s->state.relay, invite, known ? secret : NULL, page->peer, server_now(s),
                     lrm_uv_wall_ms(), &visitor, &valid_ms);
  explicit_bzero(invite, sizeof invite);
  if (visitor.code != 0 || !take_secret(page, secret)) {
    refuse(exchange, visitor.code != 0 ? visitor.code : LRM_CODE_INTERNAL, visitor.reason,
           visitor.retry_after_ms);
    return;
  }
  page_json_begin(&json);
  page_json_text(&json, "account", visitor.account);
  page_json_text(&json, "by", visitor.device);
  page_json_number(&json, "expires_in_ms", valid_ms);
  secret_fields(&page->cookies, secret, fields);
  http_answer_fields(exchange, fields);
  explicit_bzero(secret, sizeof secret);
  explicit_bzero(fields, sizeof fields);
  answer_json(exchange, 200, &json);
}

/* ---- pairing ---- */

static void say_code(page_json *json, const relay_page_pairing *pairing) {
  page_json_begin(json);
  page_json_truth(json, "waiting", true);
  page_json_text(json, "pairing_code", pairing->shown);
  page_json_number(json, "expires_in_ms", pairing->left_ms);
}

/* Signed in: the token's cookie, once the device is durable. The pairing's goes. */
static void say_paired(page_wait *wait, const relay_page_pairing *pairing) {
  page_json json;
  char fields[HTTP_FIELDS_BYTES_MAX];
  page_json_begin(&json);
  say_visitor(&json, &pairing->visitor);
  page_json_end(&json);
  sign_in_fields(&wait->cookies, pairing->token, 0, fields);
  wait->person = false;
  wait->status = 200;
  wait->ticket = relay_commit_ticket(wait->server->state.relay);
  wait->body = strdup(json.text);
  wait->fields = strdup(fields);
  explicit_bzero(fields, sizeof fields);
}

static void end_wait(page_wait *wait, uint32_t code, const char *reason, uint64_t retry_after_ms) {
  http_exchange *exchange = wait->exchange;
  forget(wait);
  refuse(exchange, code, reason, retry_after_ms);
}

static void look_for_person(page_wait *wait) {
  server *s = wait->server;
  relay_page_pairing pairing;
  bool late = server_now(s) >= wait->until_ns;
  if (s->draining != DRAIN_NONE) {
    end_wait(wait, LRM_CODE_DRAIN, "the relay is stopping", 1000);
    return;
  }
  if (!late && wait->news == relay_page_news(s->state.relay)) return;
  wait->news = relay_page_news(s->state.relay);
  relay_page_pair(s->state.relay, wait->secret, NULL, "", lrm_uv_wall_ms(), &pairing);
  if (pairing.visitor.code != 0) {
    end_wait(wait, pairing.visitor.code, pairing.visitor.reason, 0);
  } else if (!pairing.waits) {
    say_paired(wait, &pairing);
  } else if (late) {
    page_json json;
    http_exchange *exchange = wait->exchange;
    say_code(&json, &pairing);
    forget(wait);
    answer_json(exchange, 200, &json);
  }
  explicit_bzero(&pairing, sizeof pairing);
}

/* Begins to pair, or goes on: the same code as long as the cookie and the time of the code last. */
static void pair(server *s, http_exchange *exchange, const http_page *page) {
  char device[RELAY_NAME_BYTES_MAX + 1] = "", fields[HTTP_FIELDS_BYTES_MAX];
  const page_member members[] = {{"device", device, sizeof device, NULL}};
  uint8_t secret[RELAY_SECRET_BYTES];
  relay_page_pairing pairing = {.waits = false};
  page_json json;
  const char *wrong = page_json_read(page->body, page->bytes, members, 1);
  if (wrong != NULL) {
    refuse(exchange, LRM_CODE_PROTOCOL, wrong, 0);
    return;
  }
  bool goes_on = read_secret(page->pairing, secret);
  if (goes_on) relay_page_pair(s->state.relay, secret, NULL, "", lrm_uv_wall_ms(), &pairing);
  if (!goes_on || pairing.visitor.code != 0) {
    if (RAND_bytes(secret, sizeof secret) != 1) {
      refuse(exchange, LRM_CODE_INTERNAL, NULL, 0);
      return;
    }
    relay_page_pair(s->state.relay, secret, device, page->peer, lrm_uv_wall_ms(), &pairing);
  }
  if (pairing.visitor.code != 0) {
    refuse(exchange, pairing.visitor.code, pairing.visitor.reason, pairing.visitor.retry_after_ms);
    return;
  }
  say_code(&json, &pairing);
  secret_fields(&page->cookies, secret, fields);
  answer_durable(s, exchange, 200, &json, fields);
  explicit_bzero(secret, sizeof secret);
  explicit_bzero(fields, sizeof fields);
  explicit_bzero(&pairing, sizeof pairing);
}

static void pair_wait(server *s, http_exchange *exchange, const http_page *page) {
  uint8_t secret[RELAY_SECRET_BYTES];
  if (!read_secret(page->pairing, secret)) {
    refuse(exchange, LRM_CODE_UNAUTHENTICATED, "the code has expired; ask for a new one", 0);
    return;
  }
  page_wait *wait = wait_for(s, exchange);
  if (wait == NULL) return;
  wait->person = true;
  memcpy(wait->secret, secret, sizeof wait->secret);
  explicit_bzero(secret, sizeof secret);
  wait->cookies = page->cookies;
  wait->until_ns = server_now(s) + PERSON_NS;
  wait->news = relay_page_news(s->state.relay) - 1; /* looked at in this turn */
}

static void pair_end(server *s, http_exchange *exchange, const http_page *page) {
  uint8_t secret[RELAY_SECRET_BYTES];
  char fields[HTTP_FIELDS_BYTES_MAX];
  if (read_secret(page->pairing, secret))
    relay_page_unpair(s->state.relay, secret, server_now(s), lrm_uv_wall_ms());
  http_cookie_write(&page->cookies, HTTP_COOKIE_PAIRING, "", 0, fields, sizeof fields);
  answer_durable(s, exchange, 204, NULL, fields);
}

/* ---- out ---- */

static void sign_out(server *s, http_exchange *exchange, const http_page *page) {
  bool keep = false, everywhere = false;
  const page_member members[] = {{.name = "keep", .truth = &keep},
                                 {.name = "everywhere", .truth = &everywhere}};
  const char *wrong = page->bytes == 0 ? NULL : page_json_read(page->body, page->bytes, members, 2);
  if (wrong != NULL) {
    refuse(exchange, LRM_CODE_PROTOCOL, wrong, 0);
    return;
  }
  uint32_t code = 0;
  if (page->token[0] != '\0' && !keep)
    code = relay_page_sign_out(s->state.relay, page->token, everywhere, server_now(s),
                               lrm_uv_wall_ms());
  if (code == LRM_CODE_INTERNAL) {
    refuse(exchange, code, NULL, 0);
    return;
  }
  char fields[HTTP_FIELDS_BYTES_MAX];
  http_cookie_write(&page->cookies, HTTP_COOKIE_TOKEN, "", 0, fields, sizeof fields);
  answer_durable(s, exchange, 204, NULL, fields);
}

void http_page_ask(server *s, http_exchange *exchange, const http_page *page) {
  static const struct {
    const char *path;
    void (*handle)(server *s, http_exchange *exchange, const http_page *page);
  } asks[] = {{"/v1/who", who},           {"/v1/sign-in", sign_in},
              {"/v1/sign-out", sign_out}, {"/v1/invitation", look_at_invitation},
              {"/v1/pair", pair},         {"/v1/pair/wait", pair_wait},
              {"/v1/pair/end", pair_end}};
  for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
    if (strcmp(asks[i].path, page->path) == 0) asks[i].handle(s, exchange, page);
  }
}
