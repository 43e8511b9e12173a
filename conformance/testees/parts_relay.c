/* Role RELAY: the relay's core on a store, driven as serve.c drives it. */
#include <string.h>

#include "parts.h"
#include "long_poll.h"
#include "parts_json.h"
#include "relay.h"

enum { DEVICES_MAX = 32, POLLS_MAX = 32 };
#define DRAIN_COMMIT_NS (900ull * 1000000ull) /* as in serve.c */

typedef struct relay_testee relay_testee;

typedef struct client {
  relay_testee *relay;
  relay_connection *connection;
  wire *wire;
  struct client *next;
} client;

/* A long-poll exchange. */
typedef struct exchange {
  uint32_t carrier;
  relay_poll *poll; /* NULL: a free slot */
} exchange;

/* A device of the configuration. Its id is made of its place there: the same in every process. */
typedef struct device {
  lrm_id id;
  const char *token;
} device;

struct relay_testee {
  parts *p;
  lrm_store *store;
  relay *relay;
  client *clients;
  exchange exchanges[POLLS_MAX];
  device devices[DEVICES_MAX];
  size_t devices_count;
  bool held;           /* nothing becomes durable */
  uint64_t goodbye_ns; /* draining: at the latest then; 0: it is not */
  bool ended;          /* another process has the store, or it is draining */
};

/* Revoked in this case: a relay keeps that outside its store too, so a copy does not undo it. */
static lrm_id revoked[DEVICES_MAX];
static size_t revoked_count;

static uint64_t wall(const relay_testee *r) { return parts_wall_ms(r->p); }

/* ---- accounts ---- */

static json_t *default_accounts(void) {
  static const struct {
    const char *name, *token;
  } all[] = {{"home", "conformance-token-1"},
             {"home", "conformance-token-2"},
             {"other", "conformance-token-3"}};
  json_t *list = json_array();
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    json_array_append_new(list, json_pack("{ssss}", "name", all[i].name, "token", all[i].token));
  return list;
}

static int ceiling_of(const char *text) {
  static const char *const names[] = {"DISABLED", "VIEW", "CONTROL"};
  for (int i = 0; i < 3; i++)
    if (strcmp(names[i], text) == 0) return i;
  return -1;
}

static bool ceiling(relay_testee *r, const char *account, const char *text) {
  int value = ceiling_of(text);
  if (value < 0) {
    parts_refuse(r->p, "no such ceiling: %s", text);
    return false;
  }
  PARTS_MUST(
      relay_account_set_ceiling(r->relay, account, (relay_ceiling)value, r->p->now_ns, wall(r)));
  return true;
}

typedef struct search {
  const lrm_id *id;
  bool found;
} search;

static void visit_device(void *user, const relay_device_facts *facts) {
  search *s = user;
  if (lrm_id_equal(&facts->id, s->id)) s->found = true;
}

/* One entry: an account and a device of it; several entries of one account are its devices. */
static void add_device(relay_testee *r, json_t *entry, size_t index) {
  const char *account = parts_text(entry, "name", "home");
  char name[64];
  snprintf(name, sizeof name, "%.40s-%zu", account, index + 1);
  device *d = &r->devices[r->devices_count++];
  memset(&d->id, 0, sizeof d->id);
  memcpy(d->id.bytes, "device", 6);
  d->id.bytes[15] = (uint8_t)(index + 1);
  d->token = parts_text(entry, "token", "");
  PARTS_MUST(relay_account_add(r->relay, account, wall(r)));
  search s = {&d->id, false};
  relay_each_device(r->relay, visit_device, &s);
  if (!s.found)
    PARTS_MUST(relay_device_add(r->relay, account, parts_text(entry, "device", name), &d->id,
                                d->token, wall(r)));
  const char *text = parts_text(entry, "ceiling", "");
  if (text[0] != '\0' && !ceiling(r, account, text)) parts_die("ceiling of %s", account);
}

static void add_accounts(relay_testee *r) {
  json_t *accounts = json_object_get(r->p->config, "accounts");
  if (accounts == NULL) {
    accounts = default_accounts();
    json_object_set_new(r->p->config, "accounts", accounts);
  }
  for (size_t i = 0; i < json_array_size(accounts) && i < DEVICES_MAX; i++)
    add_device(r, json_array_get(accounts, i), i);
  for (size_t i = 0; i < revoked_count; i++) {
    int result = relay_device_revoke(r->relay, &revoked[i], r->p->now_ns, wall(r));
    if (result != 0 && result != LRM_ERR_NOT_FOUND) parts_die("a device cannot be revoked");
  }
}

/* ---- links ---- */

static void on_event(void *user, const lrm_link_event *event) {
  client *c = user;
  relay_event(c->connection, event, c->relay->p->now_ns, wall(c->relay));
}

static int on_fetch(void *user, const lrm_link_want *want, lrm_frame *frame) {
  client *c = user;
  return relay_fetch(c->connection, want, frame, c->relay->p->now_ns);
}

static void on_drained(void *user) {
  client *c = user;
  relay_drained(c->connection, c->relay->p->now_ns, wall(c->relay));
}

static void on_down(void *user) {
  client *c = user;
  relay_testee *r = c->relay;
  wire_destroy(c->wire);
  relay_disconnect(c->connection, r->p->now_ns, wall(r));
  for (client **at = &r->clients; *at != NULL; at = &(*at)->next) {
    if (*at != c) continue;
    *at = c->next;
    break;
  }
  free(c);
}

static const wire_ops ops = {on_event, on_fetch, on_drained, on_down};

static wire *accept_carrier(void *self, uint32_t carrier) {
  relay_testee *r = self;
  if (r->ended || r->goodbye_ns != 0) return NULL;
  client *c = calloc(1, sizeof *c);
  if (c == NULL) parts_die("no memory");
  c->relay = r;
  if (relay_connect(r->relay, c, "conformance", r->p->now_ns, &c->connection) != 0) {
    free(c);
    return NULL;
  }
  c->next = r->clients;
  r->clients = c;
  c->wire = wire_make(r->p, relay_connection_link(c->connection), false, &ops, c);
  wire_attach(c->wire, carrier);
  return c->wire;
}

/* ---- long-poll ---- */

static void take_poll(void *self, uint32_t carrier, const lrm_slice *body) {
  relay_testee *r = self;
  exchange *slot = NULL;
  for (size_t i = 0; i < POLLS_MAX; i++) {
    exchange *e = &r->exchanges[i];
    if (e->poll == NULL) slot = e;
    if (e->poll == NULL || e->carrier != carrier) continue;
    relay_poll_end(e->poll, false, r->p->now_ns, wall(r));
    e->poll = NULL;
    return;
  }
  if (body == NULL) return; /* it was answered */
  if (slot == NULL) parts_die("too many exchanges");
  slot->carrier = carrier;
  if (relay_poll_begin(r->relay, r, "conformance", body->data, body->bytes, r->p->now_ns,
                       &slot->poll) != 0) {
    slot->poll = NULL;
    harness_closed(&r->p->out, carrier);
  }
}

static bool turn_polls(relay_testee *r) {
  bool any = false;
  for (size_t i = 0; i < POLLS_MAX; i++) {
    exchange *e = &r->exchanges[i];
    if (e->poll == NULL) continue;
    size_t before = relay_poll_answer(e->poll).bytes;
    relay_poll_turn(e->poll, r->p->now_ns, wall(r));
    lrm_slice answer = relay_poll_answer(e->poll);
    any = any || answer.bytes != before;
    if (!relay_poll_done(e->poll, r->p->now_ns)) continue;
    if (answer.bytes > 0) harness_bytes(&r->p->out, e->carrier, answer.data, answer.bytes);
    harness_closed(&r->p->out, e->carrier);
    relay_poll_end(e->poll, true, r->p->now_ns, wall(r));
    e->poll = NULL;
    any = true;
  }
  return any;
}

static uint64_t polls_due_ns(const relay_testee *r) {
  uint64_t due_ns = relay_due_ns(r->relay);
  for (size_t i = 0; i < POLLS_MAX; i++) {
    const exchange *e = &r->exchanges[i];
    if (e->poll != NULL && relay_poll_due_ns(e->poll) < due_ns) due_ns = relay_poll_due_ns(e->poll);
  }
  return due_ns;
}

static void end_polls(relay_testee *r) {
  for (size_t i = 0; i < POLLS_MAX; i++) {
    if (r->exchanges[i].poll == NULL) continue;
    relay_poll_end(r->exchanges[i].poll, false, r->p->now_ns, wall(r));
    harness_closed(&r->p->out, r->exchanges[i].carrier);
    r->exchanges[i].poll = NULL;
  }
}

/* ---- life ---- */

static void *begin(parts *p) {
  if (json_object_get(p->config, "channels_max") != NULL) {
    parts_refuse(p, "the relay's channels_max cannot be configured");
    return NULL;
  }
  relay_testee *r = calloc(1, sizeof *r);
  if (r == NULL) parts_die("no memory");
  r->p = p;
  r->store = parts_disk_open(&p->disk);
  uint64_t generation;
  PARTS_MUST(lrm_store_claim(r->store, wall(r), &generation));
  relay_config config = {.struct_bytes = sizeof config,
                         .allocator = lrm_allocator_default(),
                         .store = r->store,
                         .seed = parts_random(p),
                         .wall_ms = wall(r),
                         .agent = "testee-parts",
                         .log_bytes_max = parts_number(p->config, "log_bytes_max", 0)};
  parts_random_id(p, config.commands_epoch.bytes);
  PARTS_MUST(relay_open(&config, &r->relay));
  if (p->begun == 0) revoked_count = 0;
  add_accounts(r);
  if (p->restored) PARTS_MUST(relay_restored(r->relay));
  PARTS_MUST(lrm_store_commit(r->store));
  return r;
}

static void die(void *self) {
  relay_testee *r = self;
  while (r->clients != NULL) on_down(r->clients);
  end_polls(r);
  relay_close(r->relay);
  lrm_store_close(r->store);
  free(r);
}

/* ---- policy ---- */

static bool policy_value(relay_testee *r, const char *text, relay_policy *out) {
  static const char *const names[] = {"UNCONFIGURED", "DISABLED", "VIEW", "CONTROL"};
  for (int i = 0; i < 4; i++) {
    if (strcmp(names[i], text) != 0) continue;
    *out = (relay_policy)i;
    return true;
  }
  parts_refuse(r->p, "no such policy: %s", text);
  return false;
}

static bool policy(relay_testee *r, json_t *act) {
  const char *organization = parts_text(act, "organization", "");
  const char *value = parts_text(act, "value", ""), *member = parts_text(act, "member", "");
  const char *enterprise = parts_text(act, "enterprise", "");
  const char *administrator = parts_text(act, "administrator", "");
  uint64_t now_ns = r->p->now_ns;
  relay_policy set = RELAY_POLICY_UNSET;
  if (organization[0] != '\0') PARTS_MUST(relay_organization_add(r->relay, organization, wall(r)));
  if (value[0] != '\0') {
    if (!policy_value(r, value, &set)) return false;
    PARTS_MUST(relay_organization_set(r->relay, organization, set, now_ns, wall(r)));
  }
  if (enterprise[0] != '\0') {
    bool enforces = strcmp(enterprise, "DELEGATE") != 0;
    if (enforces && !policy_value(r, enterprise, &set)) return false;
    PARTS_MUST(relay_enterprise_set(r->relay, "enterprise", enforces, set, now_ns, wall(r)));
  }
  if (member[0] != '\0')
    PARTS_MUST(relay_account_join(r->relay, member, organization, now_ns, wall(r)));
  if (administrator[0] != '\0')
    PARTS_MUST(relay_administrator_set(
        r->relay, administrator, organization[0] != '\0' ? organization : NULL, true, wall(r)));
  return true;
}

/* ---- a turn ---- */

static bool commit(relay_testee *r) {
  lrm_batch *batch;
  if (r->held || r->ended || !lrm_store_dirty(r->store)) return false;
  PARTS_MUST(lrm_store_freeze(r->store, &batch));
  relay_frozen(r->relay);
  int result = lrm_batch_write(batch);
  PARTS_MUST(lrm_store_settle(r->store, batch, result));
  relay_settled(r->relay, result, r->p->now_ns, wall(r));
  if (result == LRM_ERR_FENCED) {
    r->ended = true; /* as the program does: another relay has this store */
    while (r->clients != NULL) on_down(r->clients);
  } else {
    PARTS_MUST(result);
  }
  return true;
}

/* Everything is stored and acknowledged, or it has waited long enough. */
static bool drain_when_stored(relay_testee *r) {
  bool waits = lrm_store_dirty(r->store) && r->p->now_ns < r->goodbye_ns;
  if (r->goodbye_ns == 0 || r->ended || waits) return false;
  r->ended = true;
  relay_drain(r->relay, r->p->now_ns);
  return true;
}

static bool turn(void *self) {
  relay_testee *r = self;
  bool any = false;
  for (client *c = r->clients, *next; c != NULL; c = next) {
    next = c->next;
    any = wire_turn(c->wire) || any;
  }
  any = turn_polls(r) || any;
  any = relay_turn(r->relay, r->p->now_ns, wall(r)) || any;
  any = commit(r) || any;
  return any || drain_when_stored(r);
}

static uint64_t deadline(void *self) {
  relay_testee *r = self;
  uint64_t due_ns = r->goodbye_ns != 0 && !r->ended ? r->goodbye_ns : UINT64_MAX;
  for (client *c = r->clients; c != NULL; c = c->next)
    if (wire_deadline(c->wire) < due_ns) due_ns = wire_deadline(c->wire);
  if (polls_due_ns(r) < due_ns) due_ns = polls_due_ns(r);
  return due_ns;
}

static void expire(void *self) {
  relay_testee *r = self;
  for (client *c = r->clients; c != NULL; c = c->next) wire_expire(c->wire);
}

/* ---- acts ---- */

static void revoke(relay_testee *r, const char *token) {
  for (size_t i = 0; i < r->devices_count; i++) {
    if (strcmp(r->devices[i].token, token) != 0) continue;
    PARTS_MUST(relay_device_revoke(r->relay, &r->devices[i].id, r->p->now_ns, wall(r)));
    if (revoked_count < DEVICES_MAX) revoked[revoked_count++] = r->devices[i].id;
    return;
  }
  parts_die("no device has the token %s", token);
}

static parts_acted act(void *self, const char *name, json_t *value) {
  relay_testee *r = self;
  if (strcmp(name, "ceiling") == 0) {
    bool good = ceiling(r, parts_text(value, "account", "home"), parts_text(value, "value", ""));
    return good ? PARTS_DONE : PARTS_UNSUPPORTED;
  }
  if (strcmp(name, "policy") == 0) return policy(r, value) ? PARTS_DONE : PARTS_UNSUPPORTED;
  if (strcmp(name, "revoke") == 0) {
    revoke(r, parts_text(value, "token", ""));
  } else if (strcmp(name, "drain") == 0) {
    r->goodbye_ns = r->p->now_ns + DRAIN_COMMIT_NS;
  } else if (strcmp(name, "hold_commits") == 0) {
    r->held = parts_flag(value, "on", true);
  } else {
    parts_refuse(r->p, "a relay has no act %s", name);
    return PARTS_UNSUPPORTED;
  }
  return PARTS_DONE;
}

const parts_role parts_relay = {.number = 4,
                                .begin = begin,
                                .die = die,
                                .turn = turn,
                                .deadline = deadline,
                                .expire = expire,
                                .act = act,
                                .accept = accept_carrier,
                                .poll = take_poll};
