/* The relay without I/O: accounts, sessions, who may attach to what, what is acknowledged when.
 * Link events and a store go in; the links it owns say what to send. No loop, no clock, no socket,
 * no entropy: a simulator drives the same object as the program does.
 *
 * A turn of its driver:
 *   - a carrier came              relay_connect, then feed relay_connection_link
 *   - an event of that link       relay_event
 *   - lrm_link_wanted             relay_fetch
 *   - the control queue is empty  relay_drained
 *   - the carrier went            relay_disconnect
 *   - the store was frozen        relay_frozen; written and settled: relay_settled
 *   - anything of the above       relay_turn, once at the end of the turn
 *   - every hour                  relay_prune
 *
 * Threads: one. Memory: from the allocator; per connection and per session, bounded by limits. */
#ifndef RELAY_H
#define RELAY_H

#include "remote/link.h"
#include "remote/log.h"

typedef struct relay relay;
typedef struct relay_connection relay_connection;

typedef enum relay_level {
  RELAY_DEBUG = 0,
  RELAY_INFO = 1,
  RELAY_WARNING = 2,
  RELAY_ERROR = 3
} relay_level;

/* A field of a log line. Values come from outside: the writer escapes them. */
typedef struct relay_field {
  const char *key;
  const char *value;
} relay_field;

typedef struct relay_config {
  size_t struct_bytes; /* sizeof(relay_config) */
  lrm_allocator allocator;
  lrm_store *store;      /* claimed by the caller */
  lrm_id commands_epoch; /* random, new for every opening of the store */
  uint64_t seed;         /* entropy for the links' jitter */
  uint64_t wall_ms;      /* now, Unix milliseconds */
  const char *agent;     /* said in WELCOME; borrowed for good */

  uint32_t connections_max;             /* 0: 10000 */
  uint32_t connections_unsigned_max;    /* not signed in yet; 0: 512 */
  uint32_t connections_per_account_max; /* 0: 64 */
  uint32_t sessions_per_account_max;    /* 0: 256 */
  uint32_t address_connections_max;     /* of one address (quota.h); 0: 512 */
  uint32_t address_unsigned_max;        /* of one address, not signed in yet; 0: 64 */
  uint32_t address_connections_rate;    /* new ones a second, ten times that at once; 0: 20 */
  uint32_t account_opens_rate;          /* a second, 20 times that at once; 0: 50 */
  uint32_t account_requests_rate;       /* a second, 10 times that at once; 0: 50 */
  uint32_t account_commands_rate;       /* a second, 20 times that at once; 0: 100 */
  uint32_t frames_rate;                 /* of a connection: frames but blocks, a second, four times
                                           that at once; 0: 5000 */
  uint64_t account_day_bytes;        /* taken from an account in 24 h; a block counts as 512 bytes
                                        at least. 0: 64 GiB; UINT64_MAX: no limit */
  uint64_t address_day_bytes;        /* the same of an address; 0: no limit */
  bool limit_loopback;               /* loopback is an address like others */
  uint32_t outboxes_per_session_max; /* 0: 256; the least recently used goes */
  uint32_t commands_waiting_max;     /* per session, not read by its host; 0: 1024 */
  uint64_t commands_bytes_max;       /* the same in bytes; 0: 16 MiB */
  uint64_t log_bytes_max;            /* of a session's events; 0: 1 GiB */
  uint64_t log_events_max;           /* the same in events; 0: no limit */
  uint64_t account_bytes_max;        /* of all logs of an account; 0: no limit */
  uint64_t store_bytes_max;          /* of all logs; 0: no limit */
  uint64_t retention_ms;             /* sessions without activity for longer are deleted, and
                                        events that are older go; 0: kept until deleted */
  uint64_t audit_bytes_max;          /* of the audit log; commands are refused when it is full,
                                        sign-ins an eighth above. 0: 1 GiB */
  uint64_t audit_retention_ms;       /* older records go; 0: none does */

  const struct relay_hook *hooks; /* who is told about every account; borrowed for
                                     good */
  size_t hooks_count;
  const uint8_t *push_key; /* 65 bytes: what browsers subscribe with; NULL: none are told; borrowed
                              for good */
  bool (*push_allowed)(void *user, const char *endpoint); /* NULL: every https address is */

  const char *pairing_url;    /* where people confirm a pairing; NULL: on any signed-in device */
  const char *oidc_issuer;    /* NULL: no identity tokens are taken; borrowed for good */
  const char *oidc_client_id; /* with oidc_issuer; borrowed for good */

  /* Random bytes, as good as the system has; NULL: nobody can sign in but with a token. */
  bool (*entropy)(void *user, void *out, size_t bytes);
  /* Verify this identity token (borrowed for the call): relay_identity_judged says how it is, also
   * from within. False: too many are being verified. NULL: no identity tokens are taken. */
  bool (*oidc_verify)(void *user, uint64_t ticket, lrm_slice id_token);
  /* This connection's link has something to send. `connection_user` from relay_connect. */
  void (*kick)(void *user, void *connection_user);
  /* One event worth a line. Never contents, never credentials. */
  void (*log)(void *user, relay_level level, const char *event, const relay_field *fields,
              size_t count);
  void *user;
} relay_config;

/* The format of all its records: a relay refuses a newer one, and brings an older one up to date.
 */
enum { RELAY_FORMAT = 3 };

/* Reads accounts and sessions from the store, forgets what is too old. What it changes lies in the
 * store's open batch. LRM_ERR_CORRUPT: a record cannot be read; LRM_ERR_STATE: the records are of a
 * newer format than RELAY_FORMAT; other errors of the store. */
int relay_open(const relay_config *config, relay **out) LRM_MUST_USE;
/* The format that the store had: RELAY_FORMAT, or an older one, of which a copy can be kept as long
 * as nothing was committed. */
uint32_t relay_format_before(const relay *r);
/* Calls visit for each space below the program's own that holds records and that this relay does
 * not know. */
int relay_each_unknown_space(relay *r, void (*visit)(void *user, uint32_t space),
                             void *user) LRM_MUST_USE;
/* The store was restored from an older copy: numbers of its event epochs may have been used for
 * other events since. Every epoch in it becomes a former one (spec 3.11): hosts begin fresh ones,
 * what is stored stays readable until then. */
int relay_restored(relay *r) LRM_MUST_USE;
/* All connections must be gone. The store is not closed. */
void relay_close(relay *r);

/* ---- accounts and devices ---- */

typedef enum relay_ceiling {
  RELAY_CEILING_DISABLED = 0,
  RELAY_CEILING_VIEW = 1,
  RELAY_CEILING_CONTROL = 2
} relay_ceiling;

#define RELAY_NAME_BYTES_MAX 63
#define RELAY_TOKEN_BYTES_MAX 128
#define RELAY_SECRET_BYTES 32
#define RELAY_INVITATION_BYTES 40 /* "rri_" and 32 digits */

/* Makes an account, or finds it. LRM_ERR_USAGE: the name is empty, too long, or not printable. */
int relay_account_add(relay *r, const char *name, uint64_t wall_ms) LRM_MUST_USE;
/* What the account may do; live links feel it at once. LRM_ERR_NOT_FOUND. */
int relay_account_set_ceiling(relay *r, const char *name, relay_ceiling ceiling, uint64_t now_ns,
                              uint64_t wall_ms) LRM_MUST_USE;
/* Calls visit for each account. */
void relay_each_account(relay *r,
                        void (*visit)(void *user, const char *name, relay_ceiling ceiling,
                                      uint32_t devices, uint32_t sessions),
                        void *user);
/* Makes a device with this token (random, made by the caller; only its hash is kept).
 * LRM_ERR_NOT_FOUND: no such account; LRM_ERR_USAGE: a bad name or token. */
int relay_device_add(relay *r, const char *account, const char *device, const lrm_id *device_id,
                     const char *token, uint64_t wall_ms) LRM_MUST_USE;
/* The token signs in no more and live links close. LRM_ERR_NOT_FOUND. */
int relay_device_revoke(relay *r, const lrm_id *device_id, uint64_t now_ns,
                        uint64_t wall_ms) LRM_MUST_USE;
/* `revoked` (with the config's user) is called for each device that is revoked from now on, so that
 * it can be kept outside the store too: a store restored from a copy does not know. */
void relay_on_revoked(relay *r, void (*revoked)(void *user, const lrm_id *device_id));
/* Its token signs in until then (Unix milliseconds; 0: for good). LRM_ERR_NOT_FOUND. */
int relay_device_set_expiry(relay *r, const lrm_id *device_id, uint64_t expires_ms) LRM_MUST_USE;
/* LRM_ERR_NOT_FOUND; LRM_ERR_USAGE: the name is empty, too long, or not printable. */
int relay_device_rename(relay *r, const lrm_id *device_id, const char *name) LRM_MUST_USE;
/* Calls visit for each device of every account; texts are borrowed for the call. */
typedef struct relay_device_facts {
  lrm_id id;
  const char *account, *name;
  const char *address, *surface;            /* of its last connection; empty: never connected */
  uint64_t created_ms, used_ms, expires_ms; /* Unix milliseconds; 0: never */
  bool revoked;
} relay_device_facts;
void relay_each_device(relay *r, void (*visit)(void *user, const relay_device_facts *facts),
                       void *user);

/* It and everything that it has: live links end with REVOKED, its sessions, devices and tokens are
 * gone; a token of it is unknown from now on. LRM_ERR_NOT_FOUND; errors of the store. */
int relay_account_delete(relay *r, const char *name, uint64_t now_ns,
                         uint64_t wall_ms) LRM_MUST_USE;

/* ---- organizations and policy (spec section 10); all of it acts on live links at once ---- */

/* As remote.v1.PolicyValue. */
typedef enum relay_policy {
  RELAY_POLICY_UNSET = 0, /* of an organization: counts as disabled */
  RELAY_POLICY_DISABLED = 1,
  RELAY_POLICY_VIEW = 2,
  RELAY_POLICY_CONTROL = 3
} relay_policy;

/* Makes an organization, or finds it. LRM_ERR_USAGE: as of accounts. */
int relay_organization_add(relay *r, const char *name, uint64_t wall_ms) LRM_MUST_USE;
/* LRM_ERR_NOT_FOUND; LRM_ERR_STATE: it has members, who would be without its policy. */
int relay_organization_delete(relay *r, const char *name, uint64_t wall_ms) LRM_MUST_USE;
/* LRM_ERR_NOT_FOUND. */
int relay_organization_set(relay *r, const char *name, relay_policy value, uint64_t now_ns,
                           uint64_t wall_ms) LRM_MUST_USE;
/* The enterprise of all organizations: makes it, names it (NULL: as it is), sets its rule.
 * LRM_ERR_USAGE: a bad name, there is none yet, or nothing to enforce. */
int relay_enterprise_set(relay *r, const char *name, bool enforces, relay_policy value,
                         uint64_t now_ns, uint64_t wall_ms) LRM_MUST_USE;
/* The organization that grants the account's seat; NULL: none. LRM_ERR_NOT_FOUND: either. */
int relay_account_join(relay *r, const char *account, const char *organization, uint64_t now_ns,
                       uint64_t wall_ms) LRM_MUST_USE;
/* Who may set the rule of an organization, or, NULL, of the enterprise, and read what the audit log
 * has of it. They get no access to sessions. LRM_ERR_NOT_FOUND: either. */
int relay_administrator_set(relay *r, const char *account, const char *organization, bool is,
                            uint64_t wall_ms) LRM_MUST_USE;

typedef struct relay_organization_facts {
  const char *name;
  relay_policy value;
  uint32_t members;
  uint64_t changed_ms;
  const char *changed_by;
} relay_organization_facts;
void relay_each_organization(relay *r,
                             void (*visit)(void *user, const relay_organization_facts *facts),
                             void *user);
/* `organization` NULL: of the enterprise. */
void relay_each_administrator(
    relay *r, void (*visit)(void *user, const char *organization, const char *account), void *user);
typedef struct relay_enterprise_facts {
  const char *name;
  bool enforces;
  relay_policy value;
  uint64_t changed_ms;
  const char *changed_by;
} relay_enterprise_facts;
/* False: there is none. */
bool relay_enterprise_now(const relay *r, relay_enterprise_facts *out);
/* What policy comes to for an account, and why. */
typedef struct relay_account_facts {
  const char *organization; /* NULL: none */
  const char *value, *layer;
  char explanation[256];
} relay_account_facts;
int relay_account_policy(relay *r, const char *account, relay_account_facts *out) LRM_MUST_USE;

/* ---- audit ---- */

/* One record of the audit log; texts are borrowed until the next call. */
typedef struct relay_audit_facts {
  uint64_t number, at_ms;
  const char *what, *detail;
  const char *by_account, *by_device;          /* "": the operator's own, or the relay's */
  lrm_id by_device_id, session_id, command_id; /* none */
  const char *account, *organization;          /* whom it is about; "": nobody */
  uint32_t code;
} relay_audit_facts;
/* Calls visit for each record from number `from` on until it returns false. */
int relay_each_audit(relay *r, uint64_t from,
                     bool (*visit)(void *user, const relay_audit_facts *facts),
                     void *user) LRM_MUST_USE;
/* ---- signing in ---- */

/* A device that waits for a person who knows its code. Texts are borrowed for the call. */
typedef struct relay_pairing_facts {
  const char *device, *address, *surface;
  uint64_t asked_ms; /* Unix milliseconds */
  uint64_t left_ms;
  bool confirmed; /* a person said yes, it has not picked up its token yet */
} relay_pairing_facts;
void relay_each_pairing(relay *r, uint64_t wall_ms,
                        void (*visit)(void *user, const relay_pairing_facts *facts), void *user);
/* What the operator does with a code; attempts are not counted. LRM_ERR_NOT_FOUND: nobody shows
 * this code (any more). _confirm: LRM_ERR_USAGE: no such account; LRM_ERR_TOO_LARGE: it has too
 * many devices. _deny: LRM_ERR_STATE: it has signed in already. */
int relay_pairing_look(relay *r, const char *code, uint64_t wall_ms,
                       relay_pairing_facts *facts) LRM_MUST_USE;
int relay_pairing_confirm(relay *r, const char *code, const char *account,
                          uint64_t wall_ms) LRM_MUST_USE;
int relay_pairing_deny(relay *r, const char *code, uint64_t now_ns, uint64_t wall_ms) LRM_MUST_USE;

/* A link that signs a browser in (docs/accounts.md). Texts are borrowed for the call. */
typedef struct relay_invitation_facts {
  lrm_id id;
  const char *account, *by; /* by: the device that made it; "": the operator */
  uint64_t made_ms, left_ms;
} relay_invitation_facts;
/* The operator makes one: `text` stands in the link. LRM_ERR_NOT_FOUND: no such account;
 * LRM_ERR_BUSY: too many are open; LRM_ERR_TOO_LARGE: it has too many devices. */
int relay_invite(relay *r, const char *account, uint64_t wall_ms,
                 char text[RELAY_INVITATION_BYTES]) LRM_MUST_USE;
/* Those that nobody has used. */
void relay_each_invitation(relay *r, uint64_t wall_ms,
                           void (*visit)(void *user, const relay_invitation_facts *facts),
                           void *user);
/* LRM_ERR_NOT_FOUND. */
int relay_invitation_end(relay *r, const lrm_id *id, uint64_t wall_ms) LRM_MUST_USE;
/* Where people find the page that this relay serves, e.g. "https://relay.example.org/". */
void relay_set_page_url(relay *r, const char *url);
const char *relay_page_url(const relay *r);

/* What an identity token turned out to be. */
typedef struct relay_identity {
  uint32_t code; /* 0: good; else why not (LRM_CODE_UNAUTHENTICATED, _FORBIDDEN, _INTERNAL) */
  const char *reason;
  const char *account; /* whose it is; a good name */
  const char *nonce;   /* its claim; judged by the relay */
  bool create;         /* make the account when there is none */
} relay_identity;
/* The answer to config.oidc_verify. */
void relay_identity_judged(relay *r, uint64_t ticket, const relay_identity *identity,
                           uint64_t now_ns, uint64_t wall_ms);

/* ---- signing in of pages, which keep their token in a cookie that they cannot read (page.c) ----
 */

typedef struct relay_visitor {
  uint32_t code;           /* 0: signed in; else why not */
  const char *reason;      /* a literal, or NULL */
  uint64_t retry_after_ms; /* no use to try before; 0: nothing to wait for */
  lrm_id device_id;        /* with code 0 */
  char account[RELAY_NAME_BYTES_MAX + 1], device[RELAY_NAME_BYTES_MAX + 1];
  uint64_t expires_ms; /* of the token, Unix milliseconds; 0: never */
} relay_visitor;
/* Whose token it is. `guessed`: from a person at `peer`: a wrong one is counted and recorded. */
void relay_page_look(relay *r, const char *token, const char *peer, bool guessed, uint64_t now_ns,
                     uint64_t wall_ms, relay_visitor *out);
/* A page asks to be paired, or goes on with it: the secret is that of its cookie, new when it
 * begins. `device` NULL: it does not begin. */
typedef struct relay_page_pairing {
  relay_visitor visitor; /* code 0: as follows; else how it ended, or why it cannot begin */
  bool waits;            /* for a person; else signed in, once what is put so far is durable */
  char shown[RELAY_INVITATION_BYTES]; /* the code */
  uint64_t left_ms;
  char token[RELAY_TOKEN_BYTES_MAX + 1]; /* when it does not wait */
} relay_page_pairing;
void relay_page_pair(relay *r, const uint8_t secret[RELAY_SECRET_BYTES], const char *device,
                     const char *peer, uint64_t wall_ms, relay_page_pairing *out);
/* Changes when something has happened to a pairing. */
uint64_t relay_page_news(const relay *r);
/* The page does not want it any more. */
void relay_page_unpair(relay *r, const uint8_t secret[RELAY_SECRET_BYTES], uint64_t now_ns,
                       uint64_t wall_ms);
/* Whose invitation it is, without using it: the account, and as device who made it. One that was
 * used is told of to the browser that did only: `secret` is its own, NULL: it has none. */
void relay_page_invited(relay *r, const char *text, const uint8_t *secret, const char *peer,
                        uint64_t now_ns, uint64_t wall_ms, relay_visitor *out, uint64_t *valid_ms);
/* Uses it: a device of its account, signed in by `token` once what is put so far is durable. The
 * same browser (secret) gets the same again. */
void relay_page_accept(relay *r, const char *text, const uint8_t secret[RELAY_SECRET_BYTES],
                       const char *device, const char *peer, uint64_t now_ns, uint64_t wall_ms,
                       relay_visitor *out, char token[RELAY_TOKEN_BYTES_MAX + 1]);
/* Revokes the token's device, or all of its account. 0, or LRM_CODE_*, e.g. when it signs in no
 * more. */
uint32_t relay_page_sign_out(relay *r, const char *token, bool everywhere, uint64_t now_ns,
                             uint64_t wall_ms);

/* ---- connections ---- */

/* A carrier was accepted. Makes its link (accepting side, attached by the driver). LRM_ERR_BUSY:
 * too many connections, of all or of this address: say relay_busy_frames, close the carrier. */
int relay_connect(relay *r, void *connection_user, const char *peer, uint64_t now_ns,
                  relay_connection **out) LRM_MUST_USE;
/* What is said to a carrier for which there is no connection: GOAWAY SLOW_DOWN, come back then. It
 * costs no link. Returns its bytes. */
size_t relay_busy_frames(uint8_t *out, size_t out_bytes);
lrm_link *relay_connection_link(const relay_connection *c);
/* The carrier came with a token (a page's cookie): it signs in whoever says HELLO without one.
 * Before HELLO. */
void relay_connection_carries(relay_connection *c, const char *token);
/* An event of the connection's link. */
void relay_event(relay_connection *c, const lrm_link_event *event, uint64_t now_ns,
                 uint64_t wall_ms);
/* Serves lrm_link_wanted. Negative: nothing to send there. The payload is borrowed until the next
 * call on the relay. */
int relay_fetch(relay_connection *c, const lrm_link_want *want, lrm_frame *frame, uint64_t now_ns);
/* The link's control queue has room again. */
void relay_drained(relay_connection *c, uint64_t now_ns, uint64_t wall_ms);
/* The same for one long-poll exchange (long_poll.h, which is what drives it): HELLO says which, and
 * a later one of the same link takes its place. */
int relay_connect_exchange(relay *r, void *connection_user, const char *peer, uint64_t now_ns,
                           relay_connection **out) LRM_MUST_USE;
/* Every OPEN of it has been heard: what it has not opened again is not attached any more. */
void relay_exchange_complete(relay_connection *c, uint64_t now_ns, uint64_t wall_ms);
/* A later exchange has taken its place; it says nothing any more. */
bool relay_exchange_superseded(const relay_connection *c);
/* It is over; `answered`: the other side was told so, and comes back soon. Until then it counts as
 * attached: 25 s, or 10 s when the connection broke. The pointer is not to be used again. */
void relay_exchange_over(relay_connection *c, bool answered, uint64_t now_ns, uint64_t wall_ms);
/* When relay_turn is to be called for the sake of time alone; UINT64_MAX: never. */
uint64_t relay_due_ns(const relay *r);
/* The carrier is gone: frees the connection and its link. */
void relay_disconnect(relay_connection *c, uint64_t now_ns, uint64_t wall_ms);

/* Who has to wait because of what it guessed (slow.h). Borrowed. */
struct relay_slow *relay_slow_of(relay *r);

/* ---- store ---- */

/* lrm_store_freeze took the open batch. */
void relay_frozen(relay *r);
/* lrm_store_settle is done; `result` as it came from lrm_batch_write. */
void relay_settled(relay *r, int result, uint64_t now_ns, uint64_t wall_ms);

/* What has been put so far is durable once relay_committed says so of this ticket. */
uint64_t relay_commit_ticket(const relay *r);
bool relay_committed(const relay *r, uint64_t ticket);

/* ---- time ---- */

/* Fan-out, statuses, watches: what the events of this turn add up to. True: it did something. */
bool relay_turn(relay *r, uint64_t now_ns, uint64_t wall_ms);
/* What ends by the clock: tokens and pairings that expire; to be called about once a second. */
void relay_second(relay *r, uint64_t now_ns, uint64_t wall_ms);
/* Forgets what is too old; to be called every hour or so. */
int relay_prune(relay *r, uint64_t now_ns, uint64_t wall_ms) LRM_MUST_USE;
/* That was not all: call it again soon. */
bool relay_prune_due(const relay *r);
/* Says GOAWAY DRAIN to every connection, each with a retry time of its own. */
void relay_drain(relay *r, uint64_t now_ns);

/* Calls visit for each session that is not deleted. */
typedef struct relay_session_facts {
  const char *account;
  lrm_id id;
  uint64_t first, end, bytes; /* of its events */
  uint64_t snapshot;          /* start of the newest complete set; LRM_OFFSET_NONE */
  uint64_t commands_waiting;
  uint64_t created_ms, activity_ms;
  uint32_t readers;
  bool host_attached;
} relay_session_facts;
void relay_each_session(const relay *r, void (*visit)(void *user, const relay_session_facts *facts),
                        void *user);

typedef struct relay_stats {
  uint64_t connections, connections_unsigned, accounts, devices, sessions, hosts_attached, readers;
  uint64_t blocks_in, block_bytes_in, messages_in, blocks_out, block_bytes_out;
  uint64_t tails_in, commands_stored, commands_refused, commands_delivered, commits, commit_errors;
  uint64_t login_failures;
  uint64_t log_bytes; /* of all logs, as stored */
  uint64_t tombstones;
  uint64_t memory_bytes; /* allocated by the relay and its links now */
  bool store_failing;
} relay_stats;

relay_stats relay_stats_now(const relay *r);
/* Calls visit for each code with which something was refused or ended by the relay. */
void relay_each_refusal(const relay *r, void (*visit)(void *user, uint32_t code, uint64_t count),
                        void *user);
/* Calls visit for each limit there is: how often it was reached. */
void relay_each_limit(const relay *r, void (*visit)(void *user, const char *name, uint64_t count),
                      void *user);
/* The open batch must not be committed: end the program, nothing that was acknowledged is lost. */
bool relay_broken(const relay *r);
/* The last commit failed; nothing is acknowledged until one succeeds. */
int relay_store_fault(const relay *r);

#endif
