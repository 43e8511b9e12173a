/* Connections: how many there may be, HELLO, who it is, and which attempt of a link is the newest
 * (spec section 3, fencing). */
#include <openssl/crypto.h>
#include <pb_encode.h>
#include <stdio.h>
#include <string.h>

#include "core.h"

enum { USED_SAVE_MS = 60000 };

/* ---- how many ---- */

static const uint64_t EVICTED_NS_MIN = UINT64_C(1000000000);
enum { RETRY_BUSY_MS = 5000 };

static void unsigned_add(relay *r, relay_connection *c) {
  c->unsigned_previous = r->unsigned_newest;
  if (r->unsigned_newest != NULL) {
    r->unsigned_newest->unsigned_next = c;
  } else {
    r->unsigned_oldest = c;
  }
  r->unsigned_newest = c;
  r->unsigned_count++;
  if (c->address != NULL) c->address->connections_unsigned++;
}

static void unsigned_remove(relay *r, relay_connection *c) {
  if (c->unsigned_next != NULL) {
    c->unsigned_next->unsigned_previous = c->unsigned_previous;
  } else {
    r->unsigned_newest = c->unsigned_previous;
  }
  if (c->unsigned_previous != NULL) {
    c->unsigned_previous->unsigned_next = c->unsigned_next;
  } else {
    r->unsigned_oldest = c->unsigned_next;
  }
  c->unsigned_next = c->unsigned_previous = NULL;
  r->unsigned_count--;
  if (c->address != NULL) c->address->connections_unsigned--;
}

static int refuse_carrier(relay *r, relay_limit limit, const char *peer) {
  relay_limit_reached(r, limit);
  relay_refused(r, LRM_CODE_SLOW_DOWN);
  relay_log(r, RELAY_WARNING, "connection.refused", "peer", peer, "code", "SLOW_DOWN", "limit",
            relay_limit_name(limit), "detail", "too many connections", NULL);
  return LRM_ERR_BUSY;
}

/* Who signs in does so within moments. When all places before signing in are taken, the one that
 * has said nothing for longest gives way, so that connections that are only held cannot keep others
 * out. */
static bool make_place(relay *r, uint64_t now_ns) {
  relay_connection *oldest = r->unsigned_oldest;
  if (r->unsigned_count < r->config.connections_unsigned_max) return true;
  if (oldest == NULL || now_ns < oldest->since_ns + EVICTED_NS_MIN) return false;
  relay_limit_reached(r, LIMIT_CONNECTIONS_UNSIGNED);
  relay_end_connection(oldest, LRM_CODE_SLOW_DOWN, "others wait to sign in", 0, now_ns,
                       r->config.wall_ms);
  return true;
}

/* Which limit keeps this carrier out; LIMITS: none. */
static relay_limit judge_carrier(relay *r, relay_address *address, uint64_t now_ns) {
  const relay_config *config = &r->config;
  if (address != NULL) {
    if (address->connections > config->address_connections_max) return LIMIT_ADDRESS_CONNECTIONS;
    if (address->connections_unsigned >= config->address_unsigned_max)
      return LIMIT_ADDRESS_UNSIGNED;
    if (relay_bucket_take(&address->buckets[RATE_CONNECTIONS], &r->limits.address[RATE_CONNECTIONS],
                          1, now_ns) != 0)
      return LIMIT_ADDRESS_RATE;
  }
  if (r->connections_count >= config->connections_max) return LIMIT_CONNECTIONS;
  return make_place(r, now_ns) ? LIMITS : LIMIT_CONNECTIONS_UNSIGNED;
}

size_t relay_busy_frames(uint8_t *out, size_t out_bytes) {
  uint8_t payload[LRM_CONTROL_BYTES_MAX];
  remote_v1_Problem problem =
      relay_problem(LRM_CODE_SLOW_DOWN, "this relay has too many connections; come back");
  problem.retry_after_ms = RETRY_BUSY_MS;
  problem.retry_helps = true;
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  if (!pb_encode(&stream, remote_v1_Problem_fields, &problem)) return 0;
  lrm_frame frame = {.type = LRM_FRAME_GOAWAY, .payload = {payload, stream.bytes_written}};
  size_t written = 0;
  return lrm_frame_encode(&frame, out, out_bytes, &written) == 0 ? written : 0;
}

static int make_connection(relay *r, bool exchanging, relay_connection **out) {
  relay_connection *c = relay_alloc(r, sizeof *c);
  if (c == NULL) return LRM_ERR_NO_MEMORY;
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_ACCEPTING,
                            .allocator = r->allocator,
                            .seed = r->config.seed + ++r->links_made * UINT64_C(0x9e3779b97f4a7c15),
                            .channels_max = exchanging ? LRM_CHANNELS_CLIENT_MAX : 0,
                            .grease = true,
                            .control_frames_rate = r->config.frames_rate};
  int result = lrm_link_create(&config, &c->link);
  if (result != 0) {
    relay_free(r, c);
    return result;
  }
  *out = c;
  return 0;
}

static int connect_as(relay *r, bool exchanging, void *connection_user, const char *peer,
                      uint64_t now_ns, relay_connection **out) {
  relay_address *address = relay_address_take(r, peer);
  relay_limit limit = judge_carrier(r, address, now_ns);
  relay_connection *c = NULL;
  int result =
      limit != LIMITS ? refuse_carrier(r, limit, peer) : make_connection(r, exchanging, &c);
  if (result != 0) {
    relay_address_leave(r, address);
    return result;
  }
  c->relay = r;
  c->user = connection_user;
  c->address = address;
  c->since_ns = now_ns;
  c->exchanging = exchanging;
  relay_text(c->peer, sizeof c->peer, peer);
  c->next = r->connections;
  if (c->next != NULL) c->next->previous = c;
  r->connections = c;
  r->connections_count++;
  unsigned_add(r, c);
  *out = c;
  return 0;
}

int relay_connect(relay *r, void *connection_user, const char *peer, uint64_t now_ns,
                  relay_connection **out) {
  return connect_as(r, false, connection_user, peer, now_ns, out);
}

int relay_connect_exchange(relay *r, void *connection_user, const char *peer, uint64_t now_ns,
                           relay_connection **out) {
  return connect_as(r, true, connection_user, peer, now_ns, out);
}

lrm_link *relay_connection_link(const relay_connection *c) { return c->link; }

static void remember_generation(relay *r, const relay_connection *c) {
  relay_former_link *slot = NULL;
  for (unsigned i = 0; i < RELAY_FORMER_LINKS && slot == NULL; i++) {
    relay_former_link *f = &r->former[i];
    if (f->account == c->account->row && lrm_id_equal(&f->device_id, &c->device_id) &&
        lrm_id_equal(&f->link_id, &c->link_id)) {
      slot = f;
    }
  }
  if (slot == NULL) slot = &r->former[r->former_next++ % RELAY_FORMER_LINKS];
  *slot =
      (relay_former_link){c->account->row, c->device_id, c->link_id, c->generation, c->exchange};
}

/* Everything it had is gone; what it was signed in as too. */
static void detach(relay_connection *c, uint64_t now_ns, uint64_t wall_ms) {
  relay *r = c->relay;
  while (c->channels != NULL) relay_channel_free(c->channels, now_ns, wall_ms);
  relay_calls_free(c);
  if (c->state == CONNECTION_GREETING || c->state == CONNECTION_UNSIGNED) unsigned_remove(r, c);
  if (c->state == CONNECTION_LIVE) {
    c->account->connections--;
    remember_generation(r, c);
  }
  c->state = CONNECTION_ENDED;
}

void relay_end_connection(relay_connection *c, uint32_t code, const char *reason,
                          uint64_t stored_generation, uint64_t now_ns, uint64_t wall_ms) {
  if (c->state == CONNECTION_ENDED) return;
  if (code != LRM_CODE_NORMAL) {
    remote_v1_Problem problem = relay_problem(code, reason);
    problem.stored_generation = stored_generation;
    if (code == LRM_CODE_SLOW_DOWN) problem.retry_after_ms = RETRY_BUSY_MS;
    relay_refused(c->relay, code);
    int result = lrm_link_goaway(c->link, &problem, now_ns);
    if (result != 0) result = lrm_link_refuse(c->link, &problem, now_ns);
    relay_log(c->relay, code < 3000 ? RELAY_INFO : RELAY_WARNING, "connection.ended", "peer",
              c->peer, "device", c->device, "code", lrm_code_name(code), "detail", reason, NULL);
    if (result == 0) relay_kick(c);
  }
  detach(c, now_ns, wall_ms);
  if (c->between) c->relay->between_due_ns = 0; /* nobody else will let it go */
}

static void drop_carried(relay_connection *c) {
  if (c->carried == NULL) return;
  OPENSSL_cleanse(c->carried, strlen(c->carried));
  relay_free(c->relay, c->carried);
  c->carried = NULL;
}

void relay_disconnect(relay_connection *c, uint64_t now_ns, uint64_t wall_ms) {
  relay *r = c->relay;
  relay_log(r, c->exchanging ? RELAY_DEBUG : RELAY_INFO, "connection.closed", "peer", c->peer,
            "device", c->device, NULL);
  if (c->state != CONNECTION_ENDED) detach(c, now_ns, wall_ms);
  if (c->between) r->between_count--;
  if (c->previous != NULL) {
    c->previous->next = c->next;
  } else {
    r->connections = c->next;
  }
  if (c->next != NULL) c->next->previous = c->previous;
  r->connections_count--;
  relay_address_leave(r, c->address);
  relay_free(r, c->features);
  drop_carried(c);
  lrm_link_destroy(c->link);
  relay_free(r, c);
}

/* ---- HELLO ---- */

static void refuse(relay_connection *c, uint32_t code, const char *reason, uint64_t retry_after_ms,
                   uint64_t now_ns, uint64_t wall_ms) {
  remote_v1_Problem problem = relay_problem(code, reason);
  problem.retry_after_ms = retry_after_ms;
  problem.retry_helps = retry_after_ms != 0;
  relay_refused(c->relay, code);
  relay_log(c->relay, RELAY_WARNING, "connection.refused", "peer", c->peer, "code",
            lrm_code_name(code), "detail", reason, NULL);
  if (lrm_link_refuse(c->link, &problem, now_ns) == 0) relay_kick(c);
  detach(c, now_ns, wall_ms);
}

/* The newest generation that was accepted for this link, and of its exchanges the newest; 0: none.
 */
static uint64_t newest_generation(relay *r, const relay_account *account, const lrm_id *device_id,
                                  const lrm_id *link_id, relay_connection **holder,
                                  uint64_t *exchange) {
  *holder = NULL;
  *exchange = 0;
  for (relay_connection *c = r->connections; c != NULL; c = c->next) {
    if (c->state == CONNECTION_LIVE && c->account == account &&
        lrm_id_equal(&c->link_id, link_id) && lrm_id_equal(&c->device_id, device_id)) {
      *holder = c;
      *exchange = c->exchange;
      return c->generation;
    }
  }
  for (unsigned i = 0; i < RELAY_FORMER_LINKS; i++) {
    const relay_former_link *f = &r->former[i];
    if (f->account == account->row && lrm_id_equal(&f->link_id, link_id) &&
        lrm_id_equal(&f->device_id, device_id)) {
      *exchange = f->exchange;
      return f->generation;
    }
  }
  return 0;
}

/* "remote/0.1.0" is the surface "remote". */
static void name_surface(relay_connection *c, const char *agent) {
  size_t bytes = 0;
  while (agent[bytes] != '\0' && agent[bytes] != '/' && bytes + 1 < sizeof c->surface) bytes++;
  while (bytes > 0 && ((unsigned char)agent[bytes] & 0xc0) == 0x80) bytes--; /* whole characters */
  memcpy(c->surface, agent, bytes);
  c->surface[bytes] = '\0';
}

void relay_shown_address(const char *peer, char out[RELAY_ADDRESS_BYTES]) {
  const char *colon = strrchr(peer, ':');
  size_t bytes = strlen(peer);
  if (strncmp(peer, "unix:", 5) == 0) { /* whose process it is changes with each */
    relay_text(out, RELAY_ADDRESS_BYTES, "unix");
    return;
  }
  if (colon != NULL && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
      (strchr(peer, ':') == colon || (colon > peer && colon[-1] == ']')))
    bytes = (size_t)(colon - peer);
  if (bytes >= RELAY_ADDRESS_BYTES) bytes = RELAY_ADDRESS_BYTES - 1;
  memcpy(out, peer, bytes);
  out[bytes] = '\0';
}

static void welcome_unsigned(relay_connection *c, const char *agent, uint64_t now_ns,
                             uint64_t wall_ms) {
  name_surface(c, agent);
  if (lrm_link_accept(c->link, NULL, wall_ms, c->relay->config.agent, now_ns) != 0) {
    detach(c, now_ns, wall_ms);
    return;
  }
  c->state = CONNECTION_UNSIGNED; /* the link ends it when nobody has signed in after 60 s */
  relay_kick(c);
}

static void sign_in(relay_connection *c, const remote_v1_Hello *hello, const lrm_id *link_id,
                    const lrm_id *device_id, relay_device *device, uint64_t now_ns,
                    uint64_t wall_ms) {
  relay *r = c->relay;
  remote_v1_Principal principal = remote_v1_Principal_init_zero;
  c->account = relay_account_of(r, device->account);
  c->device_id = *device_id;
  c->link_id = *link_id;
  c->generation = hello->generation;
  c->exchange = c->exchanging ? hello->exchange : 0;
  relay_text(c->device, sizeof c->device, device->name);
  name_surface(c, hello->agent);
  relay_features_take(c, hello);
  relay_text(principal.account, sizeof principal.account, c->account->name);
  relay_text(principal.device, sizeof principal.device, device->name);
  principal.device_id.size = sizeof device_id->bytes;
  memcpy(principal.device_id.bytes, device_id->bytes, sizeof device_id->bytes);
  if (lrm_link_accept(c->link, &principal, wall_ms, r->config.agent, now_ns) != 0) {
    relay_kick(c); /* REFUSE UPGRADE_REQUIRED is queued */
    detach(c, now_ns, wall_ms);
    return;
  }
  unsigned_remove(r, c);
  c->state = CONNECTION_LIVE;
  c->account->connections++;
  c->expires_ms = device->expires_ms;
  /* An exchange is not a visit: one that follows another is not worth a write, nor a line. */
  bool visits = !c->exchanging || device->used_ms + USED_SAVE_MS < wall_ms;
  if (visits) {
    device->used_ms = wall_ms;
    relay_shown_address(c->peer, device->address);
    memcpy(device->surface, c->surface, sizeof device->surface);
    relay_device_put(r, device_id, device);
  }
  relay_pairing_used(r, device_id);
  relay_log(r, visits ? RELAY_INFO : RELAY_DEBUG, "connection.live", "peer", c->peer, "account",
            c->account->name, "device", c->device, "agent", hello->agent, NULL);
  relay_kick(c);
}

/* A token that nobody was given. It is judged before anybody has to wait, so that a right one
 * always gets in (256 bits are not guessed); who is wrong again and again is told for how long it
 * is no use to try. Never by a code that makes a client try again by itself: only a person can
 * mend a wrong token. */
uint64_t relay_token_failed(relay *r, const char *token, const char *peer, bool limited,
                            uint64_t now_ns, uint64_t wall_ms) {
  relay_audit_refused(r, peer, LRM_CODE_UNAUTHENTICATED, wall_ms);
  uint64_t wait_ms = relay_slow_failed(&r->slow, RELAY_SLOW_TOKEN, token, now_ns);
  if (limited) {
    uint64_t other_ms = relay_slow_failed(&r->slow, RELAY_SLOW_ADDRESS, peer, now_ns);
    if (other_ms > wait_ms) wait_ms = other_ms;
  }
  if (wait_ms > 0) relay_limit_reached(r, LIMIT_LOGINS);
  return wait_ms;
}

static void refuse_token(relay_connection *c, const char *token, uint64_t now_ns,
                         uint64_t wall_ms) {
  uint64_t wait_ms =
      relay_token_failed(c->relay, token, c->peer, c->address != NULL, now_ns, wall_ms);
  refuse(c, LRM_CODE_UNAUTHENTICATED, "the token is not known here; sign in again", wait_ms, now_ns,
         wall_ms);
}

static void note_sign_in(const relay_connection *c, const remote_v1_Hello *hello,
                         uint64_t wall_ms) {
  char detail[160];
  snprintf(detail, sizeof detail, "%s from %s", hello->agent, c->peer);
  relay_audit_note(
      c->relay,
      &(relay_audit_entry){
          .what = "device.signed_in", .by = c, .account = c->account, .detail = detail},
      wall_ms);
}

void relay_connection_carries(relay_connection *c, const char *token) {
  size_t bytes = strnlen(token, RELAY_TOKEN_BYTES_MAX + 1);
  if (bytes == 0 || bytes > RELAY_TOKEN_BYTES_MAX || c->carried != NULL) return;
  c->carried = relay_alloc(c->relay, bytes + 1);
  if (c->carried != NULL) memcpy(c->carried, token, bytes + 1);
}

static void greet(relay_connection *c, const remote_v1_Hello *hello, const char *token,
                  uint64_t now_ns, uint64_t wall_ms) {
  relay *r = c->relay;
  if (token[0] == '\0') {
    welcome_unsigned(c, hello->agent, now_ns, wall_ms);
    return;
  }
  lrm_id device_id = {{0}}, link_id;
  relay_device device;
  const char *reason;
  uint32_t code = relay_authenticate(r, token, wall_ms, &device_id, &device, &reason);
  if (code == LRM_CODE_UNAUTHENTICATED && lrm_id_none(&device_id)) {
    refuse_token(c, token, now_ns, wall_ms);
    return;
  }
  if (code != 0) {
    relay_audit_refused(r, c->peer, code, wall_ms);
    refuse(c, code, reason, 0, now_ns, wall_ms);
    return;
  }
  if (lrm_id_from(hello->link_id.bytes, hello->link_id.size, &link_id) != 0 ||
      lrm_id_none(&link_id) || hello->generation == 0 || hello->generation > LRM_OFFSET_MAX) {
    refuse(c, LRM_CODE_PROTOCOL, "HELLO needs a link_id and a generation", 0, now_ns, wall_ms);
    return;
  }
  if (c->exchanging && hello->exchange == 0) {
    refuse(c, LRM_CODE_PROTOCOL, "HELLO of a long-poll needs an exchange", 0, now_ns, wall_ms);
    return;
  }
  relay_account *account = relay_account_of(r, device.account);
  relay_connection *older;
  uint64_t exchange;
  uint64_t newest = newest_generation(r, account, &device_id, &link_id, &older, &exchange);
  /* Of a long-poll link the same generation goes on with a later exchange (spec 3.26). */
  bool later =
      c->exchanging && hello->generation == newest && exchange != 0 && hello->exchange > exchange;
  if (hello->generation <= newest && !later) {
    /* A late attempt must not displace the live one. */
    relay_text(c->device, sizeof c->device, device.name);
    relay_end_connection(c, LRM_CODE_SUPERSEDED, "a newer connection of this link is known", newest,
                         now_ns, wall_ms);
    return;
  }
  if (later && c->address != NULL) { /* one that follows another is no new connection */
    relay_bucket_give(&c->address->buckets[RATE_CONNECTIONS], &r->limits.address[RATE_CONNECTIONS],
                      1);
  }
  if (older != NULL && later) {
    sign_in(c, hello, &link_id, &device_id, &device, now_ns, wall_ms);
    if (c->state == CONNECTION_LIVE) relay_take_over(older, c, now_ns, wall_ms);
    return;
  }
  if (older != NULL) {
    relay_end_connection(older, LRM_CODE_SUPERSEDED, "replaced by a newer connection of this link",
                         hello->generation, now_ns, wall_ms);
  } else if (account->connections >= r->config.connections_per_account_max) {
    relay_limit_reached(r, LIMIT_ACCOUNT_CONNECTIONS);
    refuse(c, LRM_CODE_SLOW_DOWN, "this account has too many connections", 10000, now_ns, wall_ms);
    return;
  }
  if (!relay_audit_has_reserve(r)) {
    refuse(c, LRM_CODE_SLOW_DOWN, "the relay's audit log is full; its operator must make room",
           60000, now_ns, wall_ms);
    return;
  }
  sign_in(c, hello, &link_id, &device_id, &device, now_ns, wall_ms);
  /* A process that comes back has signed in already. */
  if (newest == 0 && c->state == CONNECTION_LIVE) note_sign_in(c, hello, wall_ms);
}

/* By the token of HELLO, or of whoever brought the carrier: a page cannot read its own. */
void relay_hello(relay_connection *c, const remote_v1_Hello *hello, uint64_t now_ns,
                 uint64_t wall_ms) {
  if (c->state != CONNECTION_GREETING) return;
  const char *token = hello->token;
  if (token[0] == '\0' && c->carried != NULL) token = c->carried;
  greet(c, hello, token, now_ns, wall_ms);
  drop_carried(c);
}
