/* How much of the relay one account and one address may take: rates by token bucket, counts, bytes
 * of a day. What is over is refused with SLOW_DOWN and the time after which trying again helps.
 *
 * An address counts when it is a real one: loopback and unix sockets are exempt (a proxy on this
 * machine is everybody), unless the config says limit_loopback. Of IPv6 64 bits are an address.
 * Several accounts may come from one address (an office, a mobile network): it has four times what
 * an account has.
 *
 * The counts live in memory and begin anew with the relay. */
#ifndef RELAY_QUOTA_H
#define RELAY_QUOTA_H

#include "slow.h"

struct relay;
struct relay_connection;

/* What can be reached. Counted, and the name of a label in metrics. */
typedef enum relay_limit {
  LIMIT_CONNECTIONS = 0,
  LIMIT_CONNECTIONS_UNSIGNED,
  LIMIT_ADDRESS_CONNECTIONS,
  LIMIT_ADDRESS_UNSIGNED,
  LIMIT_ADDRESS_RATE,
  LIMIT_ACCOUNT_CONNECTIONS,
  LIMIT_ACCOUNT_SESSIONS,
  LIMIT_OPENS,
  LIMIT_REQUESTS,
  LIMIT_COMMANDS,
  LIMIT_DAY_BYTES,
  LIMIT_COMMANDS_WAITING,
  LIMIT_STORED_BYTES,
  LIMIT_STORE_BEHIND,
  LIMIT_FRAMES,
  LIMIT_LOGINS,
  LIMITS
} relay_limit;

/* What has a rate. */
typedef enum relay_rate {
  RATE_CONNECTIONS = 0, /* of addresses only */
  RATE_OPENS,
  RATE_REQUESTS,
  RATE_COMMANDS,
  RATE_BYTES, /* a day */
  RATES
} relay_rate;

/* A token bucket as one number: when it will be full again. */
typedef struct relay_bucket {
  uint64_t full_ns;
} relay_bucket;

typedef struct relay_pace {
  double per_second; /* 0: no limit */
  double burst;
} relay_pace;

/* Takes `amount`. 0: it was there; else nothing was taken, and the milliseconds after which it will
 * be. What is more than the burst is taken when the bucket is full. */
uint64_t relay_bucket_take(relay_bucket *bucket, const relay_pace *pace, uint64_t amount,
                           uint64_t now_ns);
/* What was taken should not have been. */
void relay_bucket_give(relay_bucket *bucket, const relay_pace *pace, uint64_t amount);

typedef struct relay_address {
  struct relay_address *next_in_chain;
  struct relay_address *newer, *older; /* idle ones, by when they became idle */
  uint64_t key;
  uint32_t connections, connections_unsigned;
  relay_bucket buckets[RATES];
} relay_address;

enum { RELAY_ADDRESS_CHAINS = 1024, RELAY_ADDRESSES_IDLE_MAX = 4096 };

typedef struct relay_limits {
  relay_pace account[RATES], address[RATES];
  relay_address *chains[RELAY_ADDRESS_CHAINS];
  relay_address *idle_newest, *idle_oldest;
  uint32_t idle_count;
  uint64_t reached[LIMITS];
} relay_limits;

/* From the relay's config. */
void relay_limits_init(struct relay *r);
void relay_limits_free(struct relay *r);
const char *relay_limit_name(relay_limit limit);
/* One more time. */
void relay_limit_reached(struct relay *r, relay_limit limit);

/* What comes from there is limited by address. */
bool relay_address_counts(const struct relay *r, const char *peer);
/* The address of a connection that comes; NULL: exempt, or no memory (the other limits hold). */
relay_address *relay_address_take(struct relay *r, const char *peer);
/* A connection of it is gone. NULL is taken. */
void relay_address_leave(struct relay *r, relay_address *address);

/* Takes from the buckets of the connection's account and address. 0, or the milliseconds after
 * which it may try again; counted then. */
uint64_t relay_rate_take(struct relay_connection *c, relay_rate rate, uint64_t amount,
                         uint64_t now_ns);

#endif
