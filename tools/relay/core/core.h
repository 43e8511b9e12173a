/* What the files of the relay's core share: its objects and their verbs. Not for anybody else. */
#ifndef RELAY_CORE_H
#define RELAY_CORE_H

#include "notifications.h"
#include "policy.h"
#include "quota.h"
#include "relay.h"
#include "remote/cursor.h"
#include "remote/envelope.h"
#include "remote/limits.h"
#include "remote/tail.h"

#include "remote/v1/relay.pb.h"

enum {
  RELAY_MARKS = 4,
  RELAY_WATCHES_MAX = LRM_REQUESTS_OPEN_MAX,
  RELAY_FORMER_LINKS = 1024,
  RELAY_SURFACE_BYTES = 24
};

/* Record spaces of the store. Never renumbered; format.c lists them all. */
enum relay_space {
  SPACE_ACCOUNT = 1,
  SPACE_DEVICE = 2,
  SPACE_TOKEN = 3, /* SHA-256 of a token: device id */
  SPACE_SESSION = 4,
  SPACE_DESCRIPTION = 5,
  SPACE_INFO = 6,
  SPACE_OUTBOX = 7,
  SPACE_RECEIPT = 8,
  SPACE_COMMAND = 9,  /* command ids that are known */
  SPACE_MARKS = 10,   /* of a session: when its log had which end */
  SPACE_PAIRING = 11, /* hash of a device's secret: a pairing that waits */
  SPACE_INVITATION = 12,
  SPACE_ORGANIZATION = 20,
  SPACE_ENTERPRISE = 21, /* one record at most */
  SPACE_ADMINISTRATOR = 22,
  SPACE_COUNTER = 23, /* numbers that are never given twice */
  SPACE_FORMAT = 30,
  SPACE_NEEDS = 31,   /* of a session: features that its readers must have */
  SPACE_NOTICE = 36,  /* what was said about a session, and not withdrawn */
  SPACE_MESSAGE = 37, /* messages that are to be sent */
  SPACE_PUSH = 38,    /* browsers that want to be told */
  SPACE_PROGRAM = 100 /* from here on: the program's own */
};

/* What waits for a commit: `value` holds once batch `batch` is durable. Several batches are out at
 * a time only while commits fail; then the newest two are merged, which only waits longer. */
typedef struct relay_mark {
  uint64_t batch;
  uint64_t value;
} relay_mark;
typedef struct relay_marks {
  relay_mark at[RELAY_MARKS];
  unsigned count;
} relay_marks;

void relay_marks_add(relay_marks *marks, uint64_t batch, uint64_t value);
/* Takes the marks of durable batches away; true: *value is the newest of them. */
bool relay_marks_take(relay_marks *marks, uint64_t durable_batch, uint64_t *value);

typedef struct relay_organization {
  struct relay_organization *next;
  uint64_t row;
  char name[RELAY_NAME_BYTES_MAX + 1];
  policy_value value;
  uint64_t changed_ms;
  char changed_by[RELAY_NAME_BYTES_MAX + 1];
  uint32_t members;
} relay_organization;

typedef struct relay_enterprise {
  bool exists, enforces;
  char name[RELAY_NAME_BYTES_MAX + 1];
  policy_value value;
  uint64_t changed_ms;
  char changed_by[RELAY_NAME_BYTES_MAX + 1];
} relay_enterprise;

typedef struct relay_account {
  struct relay_account *next;
  uint64_t row;
  char name[RELAY_NAME_BYTES_MAX + 1];
  relay_ceiling ceiling;
  relay_organization *organization; /* that grants its seat; NULL: none */
  policy_decision policy;           /* what all layers of the relay come to */
  uint32_t connections;
  uint32_t sessions; /* not deleted */
  uint64_t bytes;    /* of their logs */
  bool full;         /* over its cap, and nothing is left to trim */
  relay_bucket buckets[RATES];
  uint64_t noticed_ns[RELAY_NOTICES_MINUTE]; /* when it was told of something last, in a ring */
  uint32_t noticed_at;
  uint32_t counted;             /* open asks that are told together */
  bool many_due;                /* that is to be said */
  bool many_told;               /* and was */
  uint64_t many_ns;             /* when; 0: never */
  uint32_t messages;            /* that wait */
  struct relay_session *newest; /* its sessions, the one that changed last first */
} relay_account;

/* A link is (account, device, link_id): another device may say the same link_id. */
typedef struct relay_outbox_id {
  lrm_id device_id;
  lrm_id link_id;
} relay_outbox_id;

/* An outbox that the relay remembers: its number line goes on here. */
typedef struct relay_outbox {
  relay_outbox_id id;
  uint64_t next;
  uint64_t kept;    /* lowest offset whose receipt is kept */
  uint64_t used_ms; /* Unix milliseconds */
  uint32_t channels;
} relay_outbox;

typedef struct relay_session relay_session;
typedef struct relay_channel relay_channel;
typedef struct relay_notice relay_notice; /* notifications.c */
typedef struct relay_queued relay_queued; /* messages.c */
typedef struct relay_push relay_push;     /* push.c */

/* Whom messages go to. A target that fails is left alone for a while. */
typedef struct relay_target {
  uint8_t key[RELAY_TARGET_BYTES];
  uint32_t failures; /* since it last took one */
  uint32_t out;      /* messages that are being sent */
  uint64_t until_ns; /* nothing goes there before */
} relay_target;

typedef enum relay_channel_kind {
  CHANNEL_EVENTS_PUBLISH = 0,
  CHANNEL_COMMANDS_READ = 1,
  CHANNEL_EVENTS_READ = 2,
  CHANNEL_COMMANDS_PUBLISH = 3
} relay_channel_kind;

typedef enum relay_channel_state {
  CHANNEL_OPENING = 1, /* judged; OPENED waits for a commit or for room in the link */
  CHANNEL_OPEN = 2,
  CHANNEL_REJECTING = 3, /* OPENED said RESET: its blocks belong to a former epoch */
  CHANNEL_ABSENT = 4     /* of a long-poll link between two exchanges: counts as attached */
} relay_channel_state;

struct relay_channel {
  relay_channel *next_of_connection;
  relay_channel *next_of_session;
  relay_connection *connection;
  relay_session *session;
  uint32_t number;
  relay_channel_kind kind;
  relay_channel_state state;
  bool status_due;
  bool info_due;
  bool resumes;   /* takes the place of an ABSENT one: nobody came or went */
  uint64_t stamp; /* OPENING: batch that must be durable; 0: none */
  uint64_t since_ms;
  uint64_t writer_generation; /* EVENTS_PUBLISH */
  remote_v1_Opened opened;    /* OPENING: the answer */
  /* COMMANDS_PUBLISH */
  relay_outbox_id outbox;
  uint64_t receipt_next; /* the next offset to be receipted */
  uint64_t receipt_end;  /* everything below may be: it is durable */
  bool unreceipted;      /* it still has numbers here that were filled without a receipt: by another
                            process of the same link_id. The ACK that passes them tells it */
  relay_marks marks;     /* outbox `next` per batch */
};

struct relay_session {
  relay_session *next_in_bucket;
  relay_session *older, *newer; /* by `changed`, in the account's list */
  relay_session *next_dirty;
  relay_session *next_waiting;
  relay_account *account;
  lrm_id id;
  lrm_id creator; /* device */
  uint64_t created_ms;
  uint64_t activity_ms;
  uint64_t activity_saved_ms;
  uint64_t changed; /* number of the newest change that lists show */
  bool deleted;
  bool dirty, waiting; /* in the relay's lists */
  bool grew, status_changed, list_changed;

  uint64_t writer_generation; /* of the newest writer; lower ones are fenced */
  lrm_id writer_link;
  lrm_id writer_device;
  uint64_t detached_ms; /* host: since when it is away */

  lrm_log *events;        /* NULL: nothing was published yet */
  lrm_log *commands;      /* NULL: not used since the store was opened */
  lrm_id lost_epoch;      /* of events in a store that was restored from a copy: may not go on */
  uint64_t epoch_stamp;   /* batch in which the epoch of events changed */
  uint64_t counted_bytes; /* of its logs, as counted in the account */
  uint64_t asked_bytes;   /* of EVENTS when its host was asked for a snapshot; 0: it was not */
  uint64_t acknowledged;  /* EVENTS: what the publisher was told is durable */
  uint64_t appended_bytes, released_bytes; /* of this publisher's blocks */
  relay_marks appended;
  uint64_t delivered; /* COMMANDS: what the host has acknowledged */
  uint64_t commands_durable;
  uint64_t commands_kept;        /* those that were stored before this process began */
  relay_outbox_id *waiting_from; /* of each command from `delivered` on */
  uint32_t waiting_count, waiting_capacity;

  relay_channel *channels;
  relay_channel *publisher;     /* EVENTS_PUBLISH */
  relay_channel *reader;        /* COMMANDS_READ */
  uint32_t readers;             /* EVENTS_READ that are open */
  relay_connection *watched_by; /* the host's, while somebody reads: its heartbeat is faster */

  relay_outbox *outboxes;
  uint32_t outboxes_count, outboxes_capacity;
  uint32_t known_commands; /* while pruning: ids in the store */

  lrm_tail tail;
  uint8_t *tail_memory; /* NULL: no tail was sent since the last host came */

  relay_notice *notices;
  relay_session *next_noticing;
  bool noticing;                          /* in the relay's list: something waits to be said */
  const relay_channel *info_from;         /* whose INFO came last; only compared */
  uint32_t info_status;                   /* in it; UNSPECIFIED: there was none yet */
  uint64_t info_since_ms;                 /* in it: since when */
  uint64_t local_input_ms;                /* in it, by the host's clock */
  uint64_t local_used_ns, client_used_ns; /* by the relay's clock; 0: never */
  lrm_id client_used_by;
};

typedef enum relay_call_kind {
  CALL_NONE = 0,
  CALL_LIST_SESSIONS = 1,
  CALL_WATCH_SESSIONS = 2,
  CALL_LIST_DEVICES = 3,
  CALL_COMMIT = 4, /* answered with Done once `stamp` is durable */
  CALL_POLICY = 5,
  CALL_ADMINISTERED = 6, /* rules that the caller may set */
  CALL_AUDIT = 7,
  CALL_PAIR = 8,
  CALL_OIDC = 9,
  CALL_INVITE = 10, /* answered with the invitation `ids` names, once `stamp` is durable */
  CALL_LIST_INVITATIONS = 11
} relay_call_kind;

typedef struct relay_login relay_login;           /* login.c */
typedef struct relay_pairing relay_pairing;       /* pairing.c */
typedef struct relay_invitation relay_invitation; /* invitation.c */

typedef struct relay_call {
  struct relay_call *next;
  uint32_t id;
  relay_call_kind kind;
  lrm_id *ids; /* what is still to be listed */
  uint32_t count, at;
  bool listed;   /* WATCH: the first listing is complete */
  uint64_t seen; /* WATCH: changes up to here were sent; ADMINISTERED: rows; AUDIT: offsets */
  uint32_t left; /* AUDIT: how many more */
  uint64_t stamp;
  relay_login *login; /* PAIR, OIDC */
  char *secret;       /* INVITE: what its link holds */
} relay_call;

typedef enum relay_connection_state {
  CONNECTION_GREETING = 0,
  CONNECTION_UNSIGNED = 1, /* WELCOME without a principal: only calls to sign in */
  CONNECTION_LIVE = 2,
  CONNECTION_ENDED = 3 /* GOAWAY or REFUSE said: only the carrier is left */
} relay_connection_state;

struct relay_connection {
  relay *relay;
  relay_connection *next, *previous;
  lrm_link *link;
  void *user;
  relay_connection_state state;
  relay_account *account;
  char (*features)[24]; /* of HELLO; NULL: none */
  uint32_t features_count;
  relay_address *address;          /* NULL: not limited by address */
  relay_connection *unsigned_next; /* GREETING and UNSIGNED, the oldest first */
  relay_connection *unsigned_previous;
  uint64_t since_ns;
  lrm_id device_id;
  lrm_id link_id;
  uint64_t generation;
  uint64_t expires_ms; /* of the token that signed it in; 0: never */
  uint64_t exchange;   /* newest of a long-poll link; 0: another kind of carrier */
  bool exchanging;     /* one long-poll exchange, or what is left of it (between) */
  bool follows;        /* it took the place of the exchange before */
  bool between;        /* its exchange is over; only what is ABSENT is left, until until_ns */
  bool superseded;     /* a newer exchange of the link has come: the answer is empty */
  uint64_t until_ns, heard_ns;
  relay_channel *channels;
  relay_call *calls;
  bool refused_by_policy; /* something of it ended with 3007 */
  uint32_t watched;       /* sessions that it publishes and somebody reads */
  char device[RELAY_NAME_BYTES_MAX + 1];
  char surface[RELAY_SURFACE_BYTES];
  char peer[64];
  char *carried; /* token that came with the carrier, until HELLO; NULL: none */
};

/* The last generation of a link whose carrier is gone, so that a late attempt stays late. */
typedef struct relay_former_link {
  uint64_t account;
  lrm_id device_id;
  lrm_id link_id;
  uint64_t generation;
  uint64_t exchange;
} relay_former_link;

/* How often which code was said. */
enum { RELAY_REFUSAL_CODES = 48 };
typedef struct relay_refusals {
  struct {
    uint32_t code;
    uint64_t count;
  } at[RELAY_REFUSAL_CODES];
  unsigned count;
} relay_refusals;
/* A nonce that was used and would still be good. */
typedef struct relay_nonce {
  uint64_t until_ms;
  uint8_t random[16];
} relay_nonce;

/* A pairing that has ended: a page that asks for it late hears how. */
enum { RELAY_ENDED_PAIRINGS = 64 };
typedef struct relay_ended_pairing {
  uint8_t secret_hash[32];
  uint32_t code; /* 0: a free slot */
  const char *reason;
} relay_ended_pairing;

/* audit.c: refused sign-ins of one address, told once a minute. */
enum { RELAY_REFUSERS = 32 };
typedef struct relay_refuser {
  char peer[RELAY_ADDRESS_BYTES];
  uint32_t code;
  uint32_t more; /* since the one that was recorded */
  uint64_t since_ms;
} relay_refuser;

typedef struct relay_audit {
  lrm_log *log;
  uint64_t next; /* number of the next record */
  bool warned;   /* that it is nearly full */
  uint64_t lost; /* refusals that were not recorded because it was full */
  relay_refuser refusers[RELAY_REFUSERS + 1]; /* the last one: all other addresses */
} relay_audit;

struct relay {
  relay_config config;
  void (*revoked)(void *user, const lrm_id *device_id); /* may be NULL */
  lrm_allocator allocator;                              /* counts, then asks the config's */
  uint64_t memory_bytes;
  relay_connection *connections;
  uint32_t connections_count;
  uint32_t unsigned_count;
  uint32_t between_count; /* connections that are between two exchanges */
  uint64_t between_due_ns;
  relay_account *accounts;
  uint64_t account_row_next;
  relay_organization *organizations;
  uint64_t organization_row_next;
  relay_enterprise enterprise;
  relay_audit audit;
  const relay_connection *acting; /* whose call is being done; NULL: the operator's, or nobody's */
  relay_session **buckets;
  size_t buckets_count;
  size_t sessions_count;
  relay_session *dirty;
  relay_session *waiting;
  uint64_t change_number;
  bool calls_dirty;       /* a watch has something to say, or a call waits for a commit */
  uint32_t format_before; /* of the records, when the store was opened; 0: it was new */
  relay_connection *unsigned_oldest, *unsigned_newest;
  relay_limits limits;
  relay_refusals refusals;
  uint32_t commit_calls; /* open calls that wait for a commit */
  relay_pairing *pairings;
  uint32_t pairings_count;
  uint64_t pairings_changed; /* counts what happened to them */
  relay_ended_pairing pairings_ended[RELAY_ENDED_PAIRINGS];
  unsigned pairings_ended_next;
  relay_invitation *invitations;
  uint32_t invitations_count;
  char page_url[256]; /* of the page that this relay serves; "": none */
  uint32_t guesses;   /* wrong pairing codes since guesses_ns */
  uint64_t guesses_ns;
  uint64_t login_tickets;
  uint8_t nonce_key[32];
  relay_nonce *nonces;
  uint32_t nonces_count, nonces_capacity;
  relay_slow slow;        /* who guesses */
  uint64_t batch_open;    /* number of the open batch, from 1 */
  uint64_t batch_out;     /* newest frozen one */
  uint64_t batch_durable; /* everything up to it is committed */
  int store_fault;
  bool broken; /* must not commit any more: the program ends */
  uint64_t links_made;
  relay_former_link former[RELAY_FORMER_LINKS];
  unsigned former_next;
  uint64_t devices_count;
  relay_session *noticing; /* sessions of which something waits to be said */
  uint64_t notices_due_ns;
  bool many_due; /* of some account */
  relay_queued *messages, **messages_end;
  uint64_t message_number;  /* of the newest one */
  uint64_t messages_due_ns; /* when the queue is to be looked at again */
  uint32_t messages_count, messages_out;
  relay_target hooks[RELAY_HOOKS_MAX];
  relay_push *pushes;
  relay_notice_counts notices;
  uint64_t bytes;                                 /* of all logs */
  bool full;                                      /* as in an account */
  bool trim_due;                                  /* something is over its cap */
  bool prune_due;                                 /* more is too old than was forgotten in one go */
  uint64_t steady_from_ns, seen_ns, seen_wall_ms; /* of the wall clock; 0: not looked at yet */
  relay_stats counted;
};

/* ---- relay.c ---- */
void *relay_alloc(relay *r, size_t bytes); /* zeroed */
void relay_free(relay *r, void *memory);
/* Makes room for one more element; false: out of memory. */
bool relay_grow(relay *r, void **array, uint32_t count, uint32_t *capacity, size_t bytes);
/* Key and value pairs, both strings, ended by NULL. */
void relay_log(relay *r, relay_level level, const char *event, ...);
void relay_log_session(relay *r, relay_level level, const char *event, const relay_session *session,
                       const relay_connection *c, const char *detail);
void relay_kick(relay_connection *c);
remote_v1_Problem relay_problem(uint32_t code, const char *reason);
/* Something was refused or ended with this code. */
void relay_refused(relay *r, uint32_t code);
void relay_text(char *out, size_t out_bytes, const char *text);

/* ---- record.c: values of records ---- */
typedef struct relay_writer {
  uint8_t data[2048];
  size_t used;
} relay_writer;
typedef struct relay_reader {
  const uint8_t *data;
  size_t bytes, at;
  bool bad;
} relay_reader;
void relay_write_number(relay_writer *w, uint64_t value, unsigned bytes);
void relay_write_id(relay_writer *w, const lrm_id *id);
void relay_write_bytes(relay_writer *w, const void *data, size_t bytes);
void relay_write_text(relay_writer *w, const char *text);
lrm_slice relay_written(const relay_writer *w);
relay_reader relay_read(lrm_slice value);
uint64_t relay_read_number(relay_reader *r, unsigned bytes);
lrm_id relay_read_id(relay_reader *r);
void relay_read_bytes(relay_reader *r, void *out, size_t bytes);
void relay_read_text(relay_reader *r, char *out, size_t out_bytes);
/* A number in a key: the highest byte first, so that keys are in the order of their numbers. */
lrm_slice relay_number_key(uint64_t number, uint8_t key[8]);
uint64_t relay_number_of_key(const uint8_t *key);
/* A space whose records are all held in memory. */
typedef struct relay_record_kind {
  enum relay_space space;
  size_t key_bytes; /* of each key */
  uint64_t version; /* the newest there is; the oldest is 1 */
  /* Takes one, whose value stands behind its version. Whether the value has gone bad is to be asked
   * before anything is kept. 0, LRM_ERR_CORRUPT, LRM_ERR_NO_MEMORY. */
  int (*take)(relay *r, const uint8_t *key, uint64_t version, relay_reader *value);
} relay_record_kind;
/* Gives it each record. LRM_ERR_*: of the store, or of the first record that was not taken. */
int relay_records_load(relay *r, const relay_record_kind *kind);
/* What had to be put could not be: this batch must not be committed. */
void relay_lose(relay *r, int result, const char *event);
/* Puts or removes; a fault is logged and shows as a failing store. */
void relay_put(relay *r, enum relay_space space, lrm_slice key, lrm_slice value);
void relay_remove(relay *r, enum relay_space space, lrm_slice key);

/* ---- needs.c ---- */
void relay_features_take(relay_connection *c, const remote_v1_Hello *hello);
void relay_needs_save(relay_session *s, relay *r, const remote_v1_Open *open);
/* The connection's program has the features that the session's host asks of readers. */
bool relay_needs_met(const relay_session *s, const relay_connection *c);

/* ---- format.c ---- */
/* LRM_ERR_STATE: a newer relay's. An older one becomes today's, in the open batch. */
int relay_format_load(relay *r);

/* ---- account.c ---- */
/* Shown to people and written into logs: 1 to 63 bytes, no control characters. */
bool relay_good_name(const char *name);
int relay_accounts_load(relay *r);
void relay_accounts_free(relay *r);
relay_account *relay_account_find(relay *r, const char *name);
relay_account *relay_account_of(relay *r, uint64_t row);

/* ---- device.c ---- */
typedef struct relay_device {
  uint64_t account;
  uint64_t created_ms, used_ms;
  uint64_t expires_ms; /* of its token, Unix milliseconds; 0: never */
  bool revoked;
  uint8_t token_hash[32];
  char name[RELAY_NAME_BYTES_MAX + 1];
  char address[RELAY_ADDRESS_BYTES]; /* where it last came from */
  char surface[RELAY_SURFACE_BYTES];
} relay_device;
#define RELAY_EXPIRED_TEXT "the token of this device has expired; sign in again"
/* A device's record, of any version. */
bool relay_device_read(lrm_slice value, relay_device *out);
bool relay_device_get(relay *r, const lrm_id *device_id, relay_device *out);
void relay_device_put(relay *r, const lrm_id *device_id, const relay_device *device);
/* 0: the device; else LRM_CODE_UNAUTHENTICATED or LRM_CODE_REVOKED, and why. */
uint32_t relay_authenticate(relay *r, const char *token, uint64_t wall_ms, lrm_id *device_id,
                            relay_device *device, const char **reason);
/* All devices of the account: nobody is signed in to it any more; `last` (NULL: none) after the
 * others. LRM_ERR_NO_MEMORY. */
int relay_devices_sign_out(relay *r, const relay_account *account, const lrm_id *last,
                           uint64_t now_ns, uint64_t wall_ms);
/* Ends connections whose token's time is over. */
void relay_devices_expire(relay *r, uint64_t now_ns, uint64_t wall_ms);

bool relay_good_name(const char *name);
void relay_account_save(relay *r, const relay_account *account);

/* ---- organization.c: organizations, the enterprise, and what policy comes to ---- */
int relay_organizations_load(relay *r); /* before accounts */
void relay_organizations_free(relay *r);
relay_organization *relay_organization_of(relay *r, uint64_t row);
relay_organization *relay_organization_find(relay *r, const char *name);
policy_facts relay_policy_facts(const relay *r, const relay_account *account);
/* What was set may have changed what policy comes to: live links feel it at once. */
void relay_policy_changed(relay *r, relay_account *account, uint64_t now_ns, uint64_t wall_ms);
/* `code` (3007, 5002) with the layer that decided, and why. */
remote_v1_Problem relay_policy_problem(const relay *r, const relay_account *account, uint32_t code);
/* Administers the organization, or, NULL, the enterprise. */
bool relay_administers(relay *r, const relay_account *account,
                       const relay_organization *organization);
void relay_administrator_forget(relay *r, const relay_account *account);
void relay_counter_save(relay *r, const char *name, uint64_t value);
uint64_t relay_counter_load(relay *r, const char *name);

/* ---- policy_calls.c ---- */
/* Judges and sets. 0: done, in the open batch; else *problem. */
uint32_t relay_set_policy(relay_connection *c, const remote_v1_PolicyRule *rule, uint64_t now_ns,
                          uint64_t wall_ms, remote_v1_Problem *problem);
/* The next rule of the call after what it has sent. False: there is none any more. */
bool relay_next_rule(relay_connection *c, relay_call *call, remote_v1_PolicyRule *rule);

/* ---- audit.c ---- */
typedef struct relay_audit_entry {
  const char *what;
  const relay_connection *by;             /* NULL: as r->acting says */
  const relay_account *account;           /* whom it is about; NULL: nobody */
  const relay_organization *organization; /* NULL: the account's */
  const lrm_id *session_id, *command_id;  /* NULL: none */
  uint32_t code;
  const char *detail; /* NULL: none; cut at 255 bytes */
} relay_audit_entry;

int relay_audit_load(relay *r);
/* Records, in the open batch. */
void relay_audit_note(relay *r, const relay_audit_entry *entry, uint64_t wall_ms);
/* There is room for a command and what follows from it / for what must not be refused lightly. */
bool relay_audit_has_room(const relay *r);
bool relay_audit_has_reserve(const relay *r);
/* A sign-in from there was refused: recorded once a minute for each address. */
void relay_audit_refused(relay *r, const char *peer, uint32_t code, uint64_t wall_ms);
void relay_audit_turn(relay *r, uint64_t wall_ms);
void relay_audit_prune(relay *r, uint64_t wall_ms);
/* The store is an older copy: numbers go on above all that may have been given since. */
void relay_audit_restored(relay *r, uint64_t wall_ms);
/* Where the record with number `from`, or the first one after it, lies. */
uint64_t relay_audit_find(relay *r, uint64_t from);
/* Reads the record at *offset or behind it that the account may see (NULL: every one), after at
 * most `steps` others. 1: here is one; 0: none so far, *offset is where to go on; negative: end. */
int relay_audit_read(relay *r, const relay_account *reader, uint64_t *offset, unsigned steps,
                     remote_v1_AuditRecord *out);

/* ---- connection.c ---- */
void relay_hello(relay_connection *c, const remote_v1_Hello *hello, uint64_t now_ns,
                 uint64_t wall_ms);
/* Where a carrier comes from, without the port. */
void relay_shown_address(const char *peer, char out[RELAY_ADDRESS_BYTES]);
/* A token that nobody was given came from there: counts it. Milliseconds for which it is no use to
 * try again. */
uint64_t relay_token_failed(relay *r, const char *token, const char *peer, bool limited,
                            uint64_t now_ns, uint64_t wall_ms);
/* Says goodbye and detaches everything; the carrier follows. */
void relay_end_connection(relay_connection *c, uint32_t code, const char *reason,
                          uint64_t stored_generation, uint64_t now_ns, uint64_t wall_ms);

/* ---- between.c ---- */
/* `newer` is a later exchange of the link of `older`: who was attached stays so. */
void relay_take_over(relay_connection *older, relay_connection *newer, uint64_t now_ns,
                     uint64_t wall_ms);
/* The absent channel whose place one of this kind takes; NULL: none. */
relay_channel *relay_absent_find(const relay_connection *c, const relay_session *s,
                                 relay_channel_kind kind);
void relay_between_expire(relay *r, uint64_t now_ns, uint64_t wall_ms);
/* ---- invitation.c ---- */
int relay_invitations_load(relay *r);
void relay_invitations_free(relay *r);
void relay_invitations_expire(relay *r, uint64_t wall_ms);
/* Those that it made, and the one that made it. */
void relay_invitations_of_device(relay *r, const lrm_id *device_id);
void relay_invitations_of_account(relay *r, uint64_t row);
/* `by` NULL: the operator. LRM_ERR_BUSY: too many; LRM_ERR_TOO_LARGE: too many devices. */
int relay_invitation_make(relay *r, const relay_account *account, const relay_connection *by,
                          uint64_t wall_ms, char text[RELAY_INVITATION_BYTES], lrm_id *id);
/* All of an account; `ids` has room for every invitation of the relay. */
void relay_invitation_ids(const relay *r, uint64_t row, lrm_id *ids, uint32_t *count);
/* NULL: none (any more). */
relay_invitation *relay_invitation_of(relay *r, const lrm_id *id);
uint64_t relay_invitation_account(const relay_invitation *i);
bool relay_invitation_open(const relay_invitation *i, uint64_t wall_ms);
void relay_invitation_entry(relay *r, const relay_invitation *i, uint64_t wall_ms,
                            remote_v1_Invitation *out);

/* ---- pairing.c ---- */
enum { RELAY_CODE_BYTES = 10 };
int relay_pairings_load(relay *r);
void relay_pairings_free(relay *r);
void relay_pairings_expire(relay *r, uint64_t now_ns, uint64_t wall_ms);
/* Those that made this device, or that this account confirmed, end with 3003. */
void relay_pairings_of_device(relay *r, const lrm_id *device_id, uint64_t now_ns, uint64_t wall_ms);
void relay_pairings_of_account(relay *r, uint64_t row, uint64_t now_ns, uint64_t wall_ms);
/* The pairing of this secret that is still good; NULL: none. */
relay_pairing *relay_pairing_find(relay *r, const uint8_t secret[RELAY_SECRET_BYTES],
                                  uint64_t wall_ms);
/* LRM_ERR_BUSY: too many wait. */
int relay_pairing_begin(relay *r, const char *peer, const char *surface, const char *device,
                        const uint8_t secret[RELAY_SECRET_BYTES], uint64_t wall_ms,
                        relay_pairing **out);
/* How the pairing of this secret ended; 0: nobody knows (any more). */
uint32_t relay_pairing_ended(const relay *r, const uint8_t secret[RELAY_SECRET_BYTES],
                             const char **reason);
/* Ends it: the call that waits for it gets this problem. Frees it. */
void relay_pairing_end(relay *r, relay_pairing *p, uint32_t code, const char *reason,
                       uint64_t now_ns, uint64_t wall_ms);
uint64_t relay_pairing_left_ms(const relay_pairing *p, uint64_t wall_ms);
bool relay_pairing_code(const relay_pairing *p, const uint8_t secret[RELAY_SECRET_BYTES],
                        char code[RELAY_CODE_BYTES]);
bool relay_pairing_token(const relay_pairing *p, const uint8_t secret[RELAY_SECRET_BYTES],
                         char token[RELAY_TOKEN_BYTES_MAX + 1]);
/* Somebody has confirmed it, durably once the ticket is. */
uint64_t relay_pairing_confirmed(const relay_pairing *p, bool *confirmed);
int relay_pairing_add_device(relay *r, relay_pairing *p, const char *token, uint64_t wall_ms,
                             remote_v1_Principal *principal);
/* Its device has signed in with its token: the pairing has done its work. */
void relay_pairing_used(relay *r, const lrm_id *device_id);
/* The pairing whose code a person names on this connection; NULL: `problem` says why. Counts who
 * guesses. */
relay_pairing *relay_pairing_named(relay_connection *c, const char *code, uint64_t now_ns,
                                   uint64_t wall_ms, remote_v1_Problem *problem);
void relay_pairing_entry(const relay_pairing *p, uint64_t wall_ms, remote_v1_PairingEntry *entry);
/* LRM_ERR_TOO_LARGE: too many devices; LRM_ERR_STATE: too late to refuse it. */
int relay_pairing_decide(relay_connection *c, relay_pairing *p, bool yes, uint64_t now_ns,
                         uint64_t wall_ms);
bool relay_devices_full(relay *r, uint64_t row, uint64_t wall_ms);

/* ---- login.c ---- */
bool relay_entropy(relay *r, void *out, size_t bytes);
void relay_token_text(const uint8_t secret[32], char token[RELAY_TOKEN_BYTES_MAX + 1]);
void relay_login_pair(relay_connection *c, const remote_v1_Request *request, uint64_t now_ns,
                      uint64_t wall_ms);
void relay_login_challenge(relay_connection *c, const remote_v1_Request *request, uint64_t now_ns,
                           uint64_t wall_ms);
void relay_login_oidc(relay_connection *c, const remote_v1_Request *request, uint64_t now_ns,
                      uint64_t wall_ms);
/* True: the call is over. */
bool relay_login_pump(relay_connection *c, relay_call *call, uint64_t now_ns, uint64_t wall_ms);
void relay_login_free(relay *r, relay_login *login);
/* The call that waits for this pairing gets this problem. */
void relay_login_ended(relay *r, relay_pairing *p, uint32_t code, const char *reason,
                       uint64_t now_ns, uint64_t wall_ms);
void relay_login_forget(relay *r, relay_pairing *p);

/* ---- session.c ---- */
int relay_sessions_load(relay *r);
void relay_sessions_free(relay *r);
relay_session *relay_session_find(relay *r, const relay_account *account, const lrm_id *id);
relay_session *relay_session_make(relay *r, relay_account *account, const lrm_id *id);
void relay_session_save(relay_session *s, relay *r);
void relay_session_describe(relay_session *s, relay *r,
                            const remote_v1_SessionDescription *description);
/* Opens (makes) its logs. 0 or LRM_ERR_*. COMMANDS gets the epoch of this opening and its
 * unacknowledged commands are renumbered from 0 (spec 3.12). */
int relay_session_events(relay_session *s, relay *r);
int relay_session_commands(relay_session *s, relay *r);
/* Deletes its logs and leaves a tombstone. */
int relay_session_delete(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms);
void relay_session_touch(relay_session *s, relay *r, uint64_t wall_ms);
/* What lists show of it has changed: it becomes the account's newest. */
void relay_session_changed(relay_session *s, relay *r);
/* Forgets a tombstone, or, of an account that goes, whatever is left. */
void relay_session_forget(relay_session *s, relay *r);
/* Puts it on the relay's lists. */
void relay_session_dirty(relay_session *s, relay *r);
void relay_session_wait(relay_session *s, relay *r);
size_t relay_session_key(const relay_session *s, uint8_t key[48]);
lrm_slice relay_session_info(relay_session *s, relay *r);

/* ---- attach.c ---- */
void relay_on_open(relay_connection *c, const lrm_link_event *event, uint64_t now_ns,
                   uint64_t wall_ms);
/* Answers OPENED if it can be now. */
void relay_channel_answer(relay_channel *ch, uint64_t now_ns, uint64_t wall_ms);
/* Forgets a channel (the link knows already). */
void relay_channel_free(relay_channel *ch, uint64_t now_ns, uint64_t wall_ms);
/* CLOSE with a code, then forgets it. */
void relay_channel_close(relay_channel *ch, uint32_t code, const char *reason, uint64_t now_ns,
                         uint64_t wall_ms);
/* The same with SLOW_DOWN: it may come back after so long. */
void relay_channel_slow(relay_channel *ch, const char *reason, uint64_t retry_after_ms,
                        uint64_t now_ns, uint64_t wall_ms);
relay_channel *relay_channel_find(const relay_connection *c, uint32_t number);
/* Takes it off its lists. */
void relay_channel_unlink(relay_channel *ch);

/* ---- events.c: what a host publishes ---- */
void relay_on_events_block(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                           uint64_t wall_ms);
void relay_on_events_tail(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns);
void relay_on_info(relay_channel *ch, lrm_slice info, uint64_t now_ns, uint64_t wall_ms);
void relay_events_settled(relay_session *s, relay *r, uint64_t now_ns);
/* Extends every reader; trims a log that has grown too large. */
void relay_events_fan_out(relay_session *s, relay *r, uint64_t now_ns);
void relay_extend_reader(relay_channel *ch, uint64_t now_ns);

/* ---- retention.c ---- */
/* To be called after each change of its logs' size. */
void relay_retention_count(relay_session *s, relay *r);
/* Its events grew: counts, and trims them when they are over their cap. */
void relay_retention_grew(relay_session *s, relay *r, uint64_t now_ns);
/* A bounded part of what is over its cap; once a commit. */
void relay_retention_step(relay *r, uint64_t now_ns);
/* No more events may come: why. NULL: they may. */
const char *relay_retention_refuses(const relay_session *s, const relay *r);
int relay_retention_prune(relay *r, uint64_t now_ns, uint64_t wall_ms);

/* ---- commands.c ---- */
relay_outbox *relay_outbox_find(relay_session *s, const relay_outbox_id *id);
relay_outbox *relay_outbox_make(relay_session *s, relay *r, const relay_outbox_id *id);
void relay_outbox_save(relay_session *s, relay *r, relay_outbox *outbox, uint64_t wall_ms);
/* Drops receipts below. */
void relay_outbox_trim(relay_session *s, relay *r, relay_outbox *outbox, uint64_t below);
void relay_outbox_forget(relay_session *s, relay *r, const relay_outbox *outbox);
/* What the newest INFO says of commands: outcomes that were not known yet are recorded. */
void relay_outcomes_told(relay_session *s, const relay_connection *by,
                         const remote_v1_SessionInfo *info, uint64_t wall_ms);
int relay_outboxes_load(relay *r);
/* Forgets outboxes, receipts and command ids that are too old. */
int relay_commands_prune(relay *r, uint64_t wall_ms);
void relay_on_command_block(relay_channel *ch, const lrm_link_event *event, uint64_t now_ns,
                            uint64_t wall_ms);
void relay_on_commands_acked(relay_channel *ch, uint64_t next, uint64_t now_ns);
/* Sends the receipts that may be, then the ACK behind them. */
void relay_send_receipts(relay_channel *ch, uint64_t now_ns);
void relay_commands_settled(relay_session *s, relay *r, uint64_t now_ns);
/* A command that was renumbered: where it is now. */
void relay_command_moved(relay_session *s, relay *r, const lrm_id *command_id, uint64_t offset);

/* ---- presence.c ---- */
bool relay_host_attached(const relay_session *s);
void relay_ceiling_fill(const relay_account *account, remote_v1_Ceiling *ceiling,
                        remote_v1_Layer *layer);
void relay_status_fill(const relay_session *s, const relay *r, bool with_devices, uint64_t now_ns,
                       uint64_t wall_ms, remote_v1_LogStatus *out);
void relay_status_send(relay_channel *ch, uint64_t now_ns, uint64_t wall_ms);
void relay_info_send(relay_channel *ch, uint64_t now_ns);
/* A reader or the host came or went: the host's heartbeat follows. */
void relay_readers_changed(relay_session *s, uint64_t now_ns);

/* ---- notifications.c ---- */
/* Why something of a session may be said; also what its record holds. */
struct relay_notice {
  relay_notice *next;
  relay_notice_kind kind;
  lrm_id ask; /* none: of the session */
  bool waits; /* nothing was said yet */
  bool counted;
  uint64_t told_ms; /* Unix; 0: not yet */
};
int relay_notices_load(relay *r);
/* A host has written an INFO. */
void relay_notices_info(relay_channel *ch, const remote_v1_SessionInfo *info, uint64_t now_ns,
                        uint64_t wall_ms);
/* What is due is said. */
void relay_notices_turn(relay *r, uint64_t now_ns, uint64_t wall_ms);
/* The session is gone: what was said about it is withdrawn. */
void relay_notices_drop(relay_session *s, relay *r, uint64_t now_ns, uint64_t wall_ms);
void relay_notices_free(relay_session *s, relay *r);
/* How many sessions of the account have asks that were told of together with others. */
uint32_t relay_notices_many(const relay_account *account);
/* A client says that a person uses this session, or not any more. */
void relay_session_used(relay_session *s, relay *r, const relay_connection *c, bool over,
                        uint64_t now_ns);

/* ---- messages.c ---- */
int relay_messages_load(relay *r);
void relay_messages_free(relay *r);
/* Somebody wants to hear of such things. */
bool relay_messages_wanted(const relay *r, const relay_account *account, relay_notice_kind kind);
/* One for each target of the account that wants to hear of it. `s` NULL: about none. */
void relay_messages_queue(relay *r, relay_account *account, const relay_session *s,
                          relay_notice_kind kind, const lrm_id *ask, uint64_t wall_ms);
/* What was said at `told_ms` is over. */
void relay_messages_withdraw(relay *r, relay_account *account, const relay_session *s,
                             relay_notice_kind kind, const lrm_id *ask, uint64_t told_ms,
                             uint64_t wall_ms);
/* One of its own; one that waits goes at once. */
void relay_messages_test(relay *r, relay_account *account, relay_push *push, uint64_t wall_ms);
/* The target is gone, or (NULL) the account. */
void relay_messages_forget(relay *r, const relay_account *account, const relay_target *target);

/* ---- push.c ---- */
struct relay_push {
  relay_push *next;
  relay_target target; /* its key: the device, then the first half of the endpoint's hash */
  uint64_t account;
  lrm_id device;
  uint8_t wants;
  uint8_t key[RELAY_PUSH_KEY_BYTES], auth[RELAY_PUSH_AUTH_BYTES];
  uint64_t created_ms, sent_ms;
  uint32_t refusals; /* one after the other */
  char endpoint[];
};
int relay_pushes_load(relay *r);
void relay_pushes_free(relay *r);
/* Its push service has taken a message. */
void relay_push_sent(relay *r, relay_push *push, uint64_t wall_ms);
void relay_push_remove(relay *r, relay_push *push);
/* Of a device that is revoked, or whose account goes. */
void relay_pushes_of_device(relay *r, const lrm_id *device_id);
/* The calls of 9.6. 0: done, in the open batch; else a code, and why. */
uint32_t relay_push_subscribe(relay_connection *c, const remote_v1_PushSubscribe *call,
                              uint64_t wall_ms, const char **reason);
uint32_t relay_push_unsubscribe(relay_connection *c, const char *endpoint, const char **reason);
uint32_t relay_push_test(relay_connection *c, const char *endpoint, uint64_t wall_ms,
                         const char **reason);
void relay_push_facts(const relay_connection *c, const char *endpoint, remote_v1_PushFacts *out);

/* ---- calls.c ---- */
/* LRM_ERR_BUSY: the link takes it once it has drained. */
int relay_send_reply(relay_connection *c, const remote_v1_Reply *reply, uint64_t now_ns);
relay_call *relay_call_make(relay_connection *c, uint32_t id, relay_call_kind kind);
void relay_on_request(relay_connection *c, lrm_slice payload, uint64_t now_ns, uint64_t wall_ms);
void relay_calls_pump(relay_connection *c, uint64_t now_ns, uint64_t wall_ms);
void relay_calls_free(relay_connection *c);

#endif
