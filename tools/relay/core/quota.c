/* Rates and counts of accounts and addresses. */
#include "quota.h"

#include <string.h>

#include "core.h"

enum { RETRY_MS_MAX = 3600 * 1000, DAY_SECONDS = 24 * 3600, ADDRESS_FACTOR = 4 };

static const char *const names[LIMITS] = {[LIMIT_CONNECTIONS] = "connections",
                                          [LIMIT_CONNECTIONS_UNSIGNED] = "connections_unsigned",
                                          [LIMIT_ADDRESS_CONNECTIONS] = "address_connections",
                                          [LIMIT_ADDRESS_UNSIGNED] = "address_unsigned",
                                          [LIMIT_ADDRESS_RATE] = "address_rate",
                                          [LIMIT_ACCOUNT_CONNECTIONS] = "account_connections",
                                          [LIMIT_ACCOUNT_SESSIONS] = "account_sessions",
                                          [LIMIT_OPENS] = "opens",
                                          [LIMIT_REQUESTS] = "requests",
                                          [LIMIT_COMMANDS] = "commands",
                                          [LIMIT_DAY_BYTES] = "day_bytes",
                                          [LIMIT_COMMANDS_WAITING] = "commands_waiting",
                                          [LIMIT_STORED_BYTES] = "stored_bytes",
                                          [LIMIT_STORE_BEHIND] = "store_behind",
                                          [LIMIT_FRAMES] = "frames",
                                          [LIMIT_LOGINS] = "logins"};

static const relay_limit limit_of_rate[RATES] = {[RATE_CONNECTIONS] = LIMIT_ADDRESS_RATE,
                                                 [RATE_OPENS] = LIMIT_OPENS,
                                                 [RATE_REQUESTS] = LIMIT_REQUESTS,
                                                 [RATE_COMMANDS] = LIMIT_COMMANDS,
                                                 [RATE_BYTES] = LIMIT_DAY_BYTES};

const char *relay_limit_name(relay_limit limit) { return names[limit]; }

void relay_limit_reached(relay *r, relay_limit limit) { r->limits.reached[limit]++; }

/* ---- buckets ---- */

uint64_t relay_bucket_take(relay_bucket *bucket, const relay_pace *pace, uint64_t amount,
                           uint64_t now_ns) {
  if (pace->per_second <= 0) return 0;
  double ns = 1e9 / pace->per_second;
  uint64_t burst_ns = (uint64_t)(pace->burst * ns);
  uint64_t cost_ns = (uint64_t)((double)amount * ns);
  if (cost_ns > burst_ns) cost_ns = burst_ns;
  uint64_t full_ns = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;
  if (full_ns - now_ns + cost_ns <= burst_ns) {
    bucket->full_ns = full_ns + cost_ns;
    return 0;
  }
  uint64_t wait_ms = (full_ns - now_ns + cost_ns - burst_ns) / 1000000 + 1;
  return wait_ms < RETRY_MS_MAX ? wait_ms : RETRY_MS_MAX;
}

void relay_bucket_give(relay_bucket *bucket, const relay_pace *pace, uint64_t amount) {
  if (pace->per_second <= 0) return;
  uint64_t cost_ns = (uint64_t)((double)amount * (1e9 / pace->per_second));
  bucket->full_ns = bucket->full_ns > cost_ns ? bucket->full_ns - cost_ns : 0;
}

static relay_pace pace_of(double per_second, double seconds) {
  return (relay_pace){per_second, per_second * seconds};
}

static relay_pace day_of(uint64_t bytes) {
  relay_pace pace = {(double)bytes / DAY_SECONDS, (double)bytes};
  /* A pause after the day's worth should be worth its OPEN. */
  return bytes != 0 && bytes != UINT64_MAX ? pace : (relay_pace){0, 0};
}

void relay_limits_init(relay *r) {
  const relay_config *config = &r->config;
  relay_limits *l = &r->limits;
  l->account[RATE_OPENS] = pace_of(config->account_opens_rate, 20);
  l->account[RATE_REQUESTS] = pace_of(config->account_requests_rate, 10);
  l->account[RATE_COMMANDS] = pace_of(config->account_commands_rate, 20);
  for (int i = 0; i < RATES; i++) {
    l->address[i] = (relay_pace){l->account[i].per_second * ADDRESS_FACTOR,
                                 l->account[i].burst * ADDRESS_FACTOR};
  }
  l->account[RATE_BYTES] = day_of(config->account_day_bytes);
  l->address[RATE_BYTES] = day_of(config->address_day_bytes);
  l->address[RATE_CONNECTIONS] = pace_of(config->address_connections_rate, 10);
}

/* ---- addresses ---- */

static relay_address **chain_of(relay_limits *l, uint64_t key) {
  return &l->chains[key % RELAY_ADDRESS_CHAINS];
}

static void idle_remove(relay_limits *l, relay_address *a) {
  if (a->newer != NULL) {
    a->newer->older = a->older;
  } else {
    l->idle_newest = a->older;
  }
  if (a->older != NULL) {
    a->older->newer = a->newer;
  } else {
    l->idle_oldest = a->newer;
  }
  a->newer = a->older = NULL;
  l->idle_count--;
}

static void idle_add(relay_limits *l, relay_address *a) {
  a->newer = NULL;
  a->older = l->idle_newest;
  if (a->older != NULL) {
    a->older->newer = a;
  } else {
    l->idle_oldest = a;
  }
  l->idle_newest = a;
  l->idle_count++;
}

static void drop_oldest(relay *r) {
  relay_limits *l = &r->limits;
  relay_address *a = l->idle_oldest;
  idle_remove(l, a);
  relay_address **at = chain_of(l, a->key);
  while (*at != a) at = &(*at)->next_in_chain;
  *at = a->next_in_chain;
  relay_free(r, a);
}

void relay_limits_free(relay *r) {
  while (r->limits.idle_oldest != NULL) drop_oldest(r);
}

static bool exempt(const relay *r, const char *peer) {
  char address[RELAY_ADDRESS_BYTES];
  switch (relay_address_of(peer, address)) {
    case RELAY_ADDRESS_REMOTE:
      return false;
    case RELAY_ADDRESS_LOOPBACK:
      return !r->config.limit_loopback;
    default:
      return true;
  }
}

bool relay_address_counts(const relay *r, const char *peer) { return !exempt(r, peer); }

relay_address *relay_address_take(relay *r, const char *peer) {
  relay_limits *l = &r->limits;
  if (exempt(r, peer)) return NULL;
  uint64_t key = relay_slow_key(&r->slow, RELAY_SLOW_ADDRESS, peer);
  relay_address **chain = chain_of(l, key), *a = *chain;
  while (a != NULL && a->key != key) a = a->next_in_chain;
  if (a == NULL) {
    a = relay_alloc(r, sizeof *a);
    if (a == NULL) return NULL;
    a->key = key;
    a->next_in_chain = *chain;
    *chain = a;
  } else if (a->connections == 0) {
    idle_remove(l, a);
  }
  a->connections++;
  return a;
}

void relay_address_leave(relay *r, relay_address *address) {
  if (address == NULL || --address->connections > 0) return;
  idle_add(&r->limits, address);
  if (r->limits.idle_count > RELAY_ADDRESSES_IDLE_MAX) drop_oldest(r);
}

/* ---- taking ---- */

uint64_t relay_rate_take(relay_connection *c, relay_rate rate, uint64_t amount, uint64_t now_ns) {
  relay_limits *l = &c->relay->limits;
  uint64_t wait_ms = 0;
  if (c->account != NULL)
    wait_ms = relay_bucket_take(&c->account->buckets[rate], &l->account[rate], amount, now_ns);
  if (wait_ms == 0 && c->address != NULL)
    wait_ms = relay_bucket_take(&c->address->buckets[rate], &l->address[rate], amount, now_ns);
  if (wait_ms > 0) relay_limit_reached(c->relay, limit_of_rate[rate]);
  return wait_ms;
}
