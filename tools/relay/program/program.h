/* The program around the relay's core: what its files share. */
#ifndef RELAY_PROGRAM_H
#define RELAY_PROGRAM_H

#include <stdio.h>

#include "notifications.h"
#include "relay.h"
#include "remote/carrier_uv.h"

enum { PROGRAM_DONE = 0, PROGRAM_FAILED = 1, PROGRAM_USAGE = 2 };
enum { LOG_RATE_DEFAULT = 20 };
enum { LISTENS_MAX = 8, ORIGINS_MAX = 16, PROXIES_MAX = 16, PATH_TEXT_BYTES = 1024 };
/* Below these a log would be trimmed before it has a second snapshot. */
enum { LOG_BYTES_LEAST = 4 * 1024 * 1024, LOG_EVENTS_LEAST = 5000 };
#define ACCOUNT_BYTES_MAX_DEFAULT (UINT64_C(16) * 1024 * 1024 * 1024)

/* How much may be taken (options_limits.c); 0: the core's default. */
typedef struct program_limits {
  uint32_t connections_max, unsigned_max;
  uint32_t account_connections_max, account_sessions_max;
  uint32_t account_opens_rate, account_requests_rate, account_commands_rate;
  uint32_t address_connections_max, address_unsigned_max, address_connections_rate;
  uint32_t frames_rate;
  uint64_t account_day_bytes, address_day_bytes;
  bool loopback;
} program_limits;

/* What the command line said. */
typedef struct program_options {
  char data[PATH_TEXT_BYTES]; /* data directory; never empty after parsing */
  const char *listen[LISTENS_MAX];
  size_t listen_count;
  bool insecure;
  lrm_uv_trust trust; /* --tls-cert, --tls-key, --tls-client-ca; NULL: not given */
  bool restored;      /* the operator says so */
  bool json;
  const char *oidc_issuer, *oidc_client_id, *oidc_jwks, *oidc_claim, *oidc_ca;
  const char *oidc_allow[16];
  size_t oidc_allow_count;
  bool oidc_create;
  bool yes;                               /* do not ask */
  bool deny;                              /* refuse instead */
  bool remove;                            /* --delete */
  uint64_t log_bytes_max, log_events_max; /* of a session; 0: not given, the core's default */
  uint64_t account_bytes_max, store_bytes_max, retention_ms; /* 0: no limit */
  uint64_t audit_bytes_max, audit_retention_ms;              /* 0: the core's default; no limit */
  uint64_t lifetime_ms;                                      /* of a new token; 0: for good */
  program_limits limits;
  const char *web; /* folder of the web client; NULL: none */
  const char *origins[ORIGINS_MAX];
  size_t origins_count;
  const char *proxies[PROXIES_MAX]; /* trusted */
  size_t proxies_count;
  bool public_metrics;
  const char *notify_urls[RELAY_HOOKS_MAX];
  size_t notify_urls_count;
  const char *notify_url_file, *notify_secret_file, *notify_token_file, *notify_ca;
  const char *notify_events; /* NULL: not given */
  const char *notify_format; /* the same */
  const char *public_url;    /* where people open the page; NULL: the first of origins */
  const char *push_contact;  /* NULL: not given */
  bool notify_text, push_here;
  relay_level log_level;
  bool log_json;
  uint32_t log_rate; /* lines of an event a second; 0: no limit */
  bool prometheus;
  const char *account; /* NULL: not given */
  const char *device;
  const char *ceiling;
  const char *revoke;
  const char *name; /* the one positional argument; NULL: none */
} program_options;

/* Parses what follows the sub-command. False: it has printed why. */
bool options_parse(program_options *out, int argc, char **argv, const char *allowed);

/* A size with a unit, at least `least`; "none" is 0. */
bool options_parse_bytes(const char *text, uint64_t least, uint64_t *out);
/* A flag of options_limits.c. 1: taken; 0: it has printed why not; -1: another flag. */
int options_limit(program_limits *out, const char *name, size_t name_bytes, const char *value);
void options_limits_apply(const program_limits *limits, relay_config *config);

/* ---- data_dir.c ---- */
typedef struct data_dir {
  char path[PATH_TEXT_BYTES];
  int lock; /* file descriptor; -1: not locked */
} data_dir;

typedef enum data_dir_result {
  DATA_DIR_LOCKED = 0,  /* ours now */
  DATA_DIR_IN_USE = 1,  /* another relay has it */
  DATA_DIR_FAILED = -1, /* `error` says why */
} data_dir_result;

/* Makes the directory (0700) if `create`, and takes its lock. */
data_dir_result data_dir_open(data_dir *dir, const char *path, bool create, char *error,
                              size_t error_bytes);
void data_dir_close(data_dir *dir);
/* "DIR/name". False: too long. */
bool data_dir_path(const data_dir *dir, const char *name, char *out, size_t out_bytes);
/* Writes a file of mode 0600 anew, atomically and synced. */
bool data_dir_write(const data_dir *dir, const char *name, const char *text, char *error,
                    size_t error_bytes);
bool data_dir_append(const data_dir *dir, const char *name, const char *text, char *error,
                     size_t error_bytes);
bool data_dir_has(const data_dir *dir, const char *name);
/* Calls visit for each line of a file; a missing file has none. */
bool data_dir_lines(const data_dir *dir, const char *name,
                    void (*visit)(void *user, const char *line), void *user);

/* ---- state.c: the store and the relay in a locked directory ---- */
typedef struct program_state {
  data_dir *dir;
  lrm_store *store;
  relay *relay;
  bool former_kept; /* of a store that had an older format: it is there as it was */
} program_state;

/* Opens both; revocations kept outside the store are applied. `config` holds the callbacks. */
bool state_open(program_state *state, data_dir *dir, relay_config *config, char *error,
                size_t error_bytes);
void state_close(program_state *state);
/* Starting is over: faults for tests may happen from now on. */
void state_serving(void);
/* Makes a random token (text) and a device for it; commits nothing. `lifetime_ms` 0: for good. */
bool state_add_device(program_state *state, const char *account, const char *device,
                      uint64_t lifetime_ms, char token[RELAY_TOKEN_BYTES_MAX + 1], char *error,
                      size_t error_bytes);
/* For relay_on_revoked; `state` is a program_state. */
void state_revoked(void *state, const lrm_id *device_id);

/* ---- witness.c: tells a store that was put back to an older copy ---- */
typedef struct witness {
  int file;
  uint64_t count;  /* of the commit that is being made */
  uint64_t frozen; /* of the commit that is being written */
  bool failed;     /* the file could not be written; said once */
} witness;

/* A store that has counted less than the file beside it, or of which the operator says so
 * (`restored`), is an older copy: its event epochs are given up. Commits. The relay must not have
 * been served from yet. */
bool witness_open(witness *w, program_state *state, bool restored, char *error, size_t error_bytes);
/* A backup says in itself that it is one. In the open batch. */
int witness_mark_copy(lrm_store *store, uint64_t wall_ms) LRM_MUST_USE;
/* A commit is going to be made: counts it in the store. */
void witness_count(witness *w, lrm_store *store);
void witness_frozen(witness *w);  /* what was counted is being written */
void witness_settled(witness *w); /* it is durable */
void witness_close(witness *w);

/* ---- admin.c: what account, token and stats do, offline or asked over the control socket ---- */
/* Room for an answer: that of `stats` has a line for each session. Untouched memory costs nothing.
 */
#define REPLY_BYTES ((size_t)16 * 1024 * 1024)
/* One request line (fields separated by tabs) into a reply: "ok\n..." or "error\ttext\n". The
 * caller sends it once what it changed is durable; false: it changed nothing, and may be sent at
 * once, also while the disk is full. */
bool admin_answer(program_state *state, const char *line, char *out, size_t out_bytes,
                  uint64_t now_ns);

/* ---- log_lines.c ---- */
void log_lines_level(relay_level level);
void log_lines_json(bool json);
/* Lines of one event a second, a hundred times that at once; 0: no limit. */
void log_lines_rate(uint32_t lines_per_second);
/* Lines that were over their rate, since the start. */
uint64_t log_lines_left_out(void);
/* To be called now and then: says what was left out. */
void log_lines_tick(void);
/* `event` is a literal. */
void log_lines_write(void *user, relay_level level, const char *event, const relay_field *fields,
                     size_t count);
void log_line(relay_level level, const char *event, const char *key, const char *value);

/* ---- serve.c, control.c ---- */
int serve_run(const program_options *options);
/* Sends one request to the relay that runs on this directory. Its answer, to be freed; NULL: it has
 * printed why there is none. */
char *control_ask(const data_dir *dir, const char *line);

/* ---- ask.c ---- */
/* The answer of the running relay, or of the directory itself: "ok\n...", to be freed. NULL: what
 * was wrong has been printed. */
char *program_ask(const program_options *options, bool create, const char *line);

#endif
