/* What the relay's own page asks: who it is, signing in and out (docs/http.md). The token goes from
 * the request into a cookie, and from there into the relay; scripts of the page never have it. */
#include <stdlib.h>
#include <string.h>

#include "exchange.h"
#include "page_json.h"
#include "server.h"

enum {
  COOKIE_SECONDS_MAX = 400 * 86400, /* browsers keep none for longer */
  WAITS_MAX = 1024
};

/* A request whose answer waits: for a commit, or for a person. */
struct page_wait {
  page_wait *next;
  server *server;
  http_exchange *exchange;
  uint64_t ticket; /* what is answered holds once this is durable */
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

static void forget(page_wait *wait) {
  server *s = wait->server;
  page_wait **at = &s->page_waits;
  while (*at != wait) at = &(*at)->next;
  *at = wait->next;
  s->page_waits_count--;
  if (wait->fields != NULL) explicit_bzero(wait->fields, strlen(wait->fields));
  free(wait->fields);
  free(wait->body);
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

void http_page_turn(server *s) {
  for (page_wait *wait = s->page_waits, *next; wait != NULL; wait = next) {
    next = wait->next;
    if (!relay_committed(s->state.relay, wait->ticket)) continue;
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
}

/* How long the cookie of this token is kept: as long as it signs in. */
static uint64_t cookie_seconds(uint64_t expires_ms) {
  uint64_t now_ms = lrm_uv_wall_ms();
  if (expires_ms == 0) return COOKIE_SECONDS_MAX;
  uint64_t seconds = expires_ms > now_ms ? (expires_ms - now_ms) / 1000 : 0;
  return seconds < COOKIE_SECONDS_MAX ? seconds : COOKIE_SECONDS_MAX;
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

static void sign_in(server *s, http_exchange *exchange, const http_page *page) {
  char token[RELAY_TOKEN_BYTES_MAX + 1] = "";
  const page_member members[] = {{"token", token, sizeof token, NULL}};
  relay_visitor visitor;
  const char *wrong = page_json_read(page->body, page->bytes, members, 1);
  if (wrong == NULL && !http_cookie_good(token)) wrong = "send a token: {\"token\":\"rrt_...\"}";
  if (wrong != NULL) {
    refuse(exchange, LRM_CODE_PROTOCOL, wrong, 0);
    return;
  }
  relay_page_look(s->state.relay, token, page->peer, true, server_now(s), lrm_uv_wall_ms(),
                  &visitor);
  if (visitor.code != 0) {
    refuse(exchange, visitor.code, visitor.reason, visitor.retry_after_ms);
  } else {
    give_cookie(exchange, page, token, visitor.expires_ms);
    http_answer(exchange, 204, NULL, NULL, 0);
  }
  explicit_bzero(token, sizeof token);
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
  } asks[] = {{"/v1/who", who}, {"/v1/sign-in", sign_in}, {"/v1/sign-out", sign_out}};
  for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
    if (strcmp(asks[i].path, page->path) == 0) asks[i].handle(s, exchange, page);
  }
}
