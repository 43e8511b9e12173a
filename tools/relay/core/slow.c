/* Failures by subject, and the waits that follow from them. */
#include "slow.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "remote/sha256.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);
static const uint64_t FORGET_NS = UINT64_C(900) * 1000000000;
enum { TOKEN_PREFIX_BYTES = 12 };

/* Failures that cost nothing (typing errors, an old token on several devices), and the longest
 * wait. */
static const struct {
  uint32_t free;
  uint32_t seconds_max;
} rules[] = {[RELAY_SLOW_ADDRESS] = {8, 30},
             [RELAY_SLOW_TOKEN] = {3, 900},
             [RELAY_SLOW_CODE] = {3, 900},
             [RELAY_SLOW_ACCOUNT] = {8, 900}};

void relay_slow_init(relay_slow *slow, uint64_t seed) {
  memset(slow, 0, sizeof *slow);
  slow->seed = seed;
}

/* ---- subjects ---- */

static bool is_loopback(const struct in6_addr *a) {
  return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static relay_address_kind say_loopback(char out[RELAY_ADDRESS_BYTES]) {
  snprintf(out, RELAY_ADDRESS_BYTES, "loopback");
  return RELAY_ADDRESS_LOOPBACK;
}

static relay_address_kind address_of_six(const struct in6_addr *a, char out[RELAY_ADDRESS_BYTES]) {
  if (is_loopback(a)) return say_loopback(out);
  if (IN6_IS_ADDR_V4MAPPED(a)) {
    snprintf(out, RELAY_ADDRESS_BYTES, "%u.%u.%u.%u", a->s6_addr[12], a->s6_addr[13],
             a->s6_addr[14], a->s6_addr[15]);
  } else {
    struct in6_addr net = *a;
    char text[INET6_ADDRSTRLEN] = "";
    memset(net.s6_addr + 8, 0, 8);
    (void)inet_ntop(AF_INET6, &net, text, sizeof text);
    snprintf(out, RELAY_ADDRESS_BYTES, "%s/64", text);
  }
  return RELAY_ADDRESS_REMOTE;
}

relay_address_kind relay_address_of(const char *peer, char out[RELAY_ADDRESS_BYTES]) {
  char host[RELAY_ADDRESS_BYTES];
  struct in_addr four;
  struct in6_addr six;
  if (strncmp(peer, "unix", 4) == 0) {
    snprintf(out, RELAY_ADDRESS_BYTES, "unix");
    return RELAY_ADDRESS_UNIX;
  }
  if (peer[0] == '[') { /* [address]:port */
    snprintf(host, sizeof host, "%.*s", (int)strcspn(peer + 1, "]%"), peer + 1);
  } else {
    const char *colon = strchr(peer, ':');
    bool one = colon != NULL && strchr(colon + 1, ':') == NULL;
    int bytes = one ? (int)(colon - peer) : (int)strcspn(peer, "%");
    snprintf(host, sizeof host, "%.*s", bytes, peer);
  }
  bool is_four = inet_pton(AF_INET, host, &four) == 1;
  if (is_four && (ntohl(four.s_addr) >> 24) == 127) return say_loopback(out);
  if (!is_four && inet_pton(AF_INET6, host, &six) == 1) return address_of_six(&six, out);
  snprintf(out, RELAY_ADDRESS_BYTES, "%s", host);
  return is_four ? RELAY_ADDRESS_REMOTE : RELAY_ADDRESS_OTHER;
}

/* Seeded, so that nobody can choose whom to push out of the table. */
uint64_t relay_slow_key(const relay_slow *slow, relay_slow_kind kind, const char *subject) {
  char address[RELAY_ADDRESS_BYTES];
  uint8_t digest[LRM_SHA256_BYTES], salt[9];
  size_t bytes = strlen(subject);
  uint64_t key;
  if (kind == RELAY_SLOW_ADDRESS) {
    (void)relay_address_of(subject, address);
    subject = address;
    bytes = strlen(address);
  }
  if (kind == RELAY_SLOW_TOKEN && bytes > TOKEN_PREFIX_BYTES) bytes = TOKEN_PREFIX_BYTES;
  memcpy(salt, &slow->seed, 8);
  salt[8] = (uint8_t)kind;
  lrm_sha256 sum;
  lrm_sha256_begin(&sum);
  lrm_sha256_add(&sum, salt, sizeof salt);
  lrm_sha256_add(&sum, (const uint8_t *)subject, bytes);
  lrm_sha256_end(&sum, digest);
  memcpy(&key, digest, sizeof key);
  return key != 0 ? key : 1;
}

/* ---- the table ---- */

static bool forgotten(const relay_slow_entry *e, uint64_t now_ns) {
  return e->key == 0 || (now_ns > e->until_ns && now_ns - e->until_ns >= FORGET_NS &&
                         now_ns - e->failed_ns >= FORGET_NS);
}

static const relay_slow_entry *find(const relay_slow *slow, uint64_t key) {
  const relay_slow_entry *set = slow->entries[key % RELAY_SLOW_SETS];
  for (unsigned i = 0; i < RELAY_SLOW_WAYS; i++) {
    if (set[i].key == key) return &set[i];
  }
  return NULL;
}

/* Its entry, or the one that gives way to it. */
static relay_slow_entry *take(relay_slow *slow, uint64_t key, uint64_t now_ns) {
  relay_slow_entry *set = slow->entries[key % RELAY_SLOW_SETS], *oldest = set;
  for (unsigned i = 0; i < RELAY_SLOW_WAYS; i++) {
    if (set[i].key == key) {
      if (forgotten(&set[i], now_ns)) set[i] = (relay_slow_entry){.key = key};
      return &set[i];
    }
    if (set[i].key == 0 || (oldest->key != 0 && set[i].failed_ns < oldest->failed_ns))
      oldest = &set[i];
  }
  *oldest = (relay_slow_entry){.key = key};
  return oldest;
}

static uint64_t left_ms(const relay_slow_entry *e, uint64_t now_ns) {
  return e->until_ns > now_ns ? (e->until_ns - now_ns + 999999) / 1000000 : 0;
}

uint64_t relay_slow_wait_ms(const relay_slow *slow, relay_slow_kind kind, const char *subject,
                            uint64_t now_ns) {
  const relay_slow_entry *e = find(slow, relay_slow_key(slow, kind, subject));
  return e != NULL ? left_ms(e, now_ns) : 0;
}

uint64_t relay_slow_failed(relay_slow *slow, relay_slow_kind kind, const char *subject,
                           uint64_t now_ns) {
  relay_slow_entry *e = take(slow, relay_slow_key(slow, kind, subject), now_ns);
  slow->failures++;
  uint64_t left = left_ms(e, now_ns);
  if (left > 0) return left;
  e->failed_ns = now_ns;
  if (e->failures < UINT32_MAX) e->failures++;
  if (e->failures <= rules[kind].free) return 0;
  uint32_t doublings = e->failures - rules[kind].free - 1;
  uint64_t seconds = doublings < 20 ? UINT64_C(1) << doublings : rules[kind].seconds_max;
  if (seconds > rules[kind].seconds_max) seconds = rules[kind].seconds_max;
  e->until_ns = now_ns + seconds * SECOND_NS;
  return left_ms(e, now_ns);
}

void relay_slow_forget(relay_slow *slow, relay_slow_kind kind, const char *subject) {
  uint64_t key = relay_slow_key(slow, kind, subject);
  relay_slow_entry *set = slow->entries[key % RELAY_SLOW_SETS];
  for (unsigned i = 0; i < RELAY_SLOW_WAYS; i++) {
    if (set[i].key == key) set[i] = (relay_slow_entry){0};
  }
}
