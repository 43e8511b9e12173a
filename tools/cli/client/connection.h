/* A command's connection to the relay: one loop, one link that comes back by itself, calls, and at
 * most one listener behind it (a session). The functions that wait run the loop, so they are called
 * from a command's own flow, never from inside a callback. */
#ifndef REMOTE_CLI_CONNECTION_H
#define REMOTE_CLI_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "remote/carrier_uv.h"
#include "remote/limits.h"
#include "remote/link.h"
#include "remote/v1/relay.pb.h"

#include "capture.h"
#include "config.h"
#include "exit_code.h"
#include "options.h"
#include "relay_address.h"
#include "relay_trust.h"
#include "token.h"

#define CONNECTION_TIMEOUT_MS 10000u
#define CONNECTION_FOREVER UINT64_MAX

/* The flags that every client command takes. */
typedef struct connection_flags {
  const char *relay;
  const char *token_file;
  const char *config;
  const char *timeout;
  const char *capture;
  trust_flags trust;
  bool anonymous;            /* without a token: to sign in */
  const device_token *token; /* this one, wherever others are; NULL: found as usual */
  /* Told of everything that passes, in whole frames without credentials; may be NULL. */
  void (*tap)(void *user, const capture_record *record);
  void *tap_user;
} connection_flags;

#define CONNECTION_OPTIONS(f)                                                                       \
  {"relay",                                                                                         \
   OPTION_VALUE,                                                                                    \
   &(f).relay,                                                                                      \
   "URL",                                                                                           \
   "address of the relay (default: REMOTE_RELAY, config.ini, the relay of this user on this "       \
   "machine, " RELAY_ADDRESS_DEFAULT ")",                                                           \
   NULL},                                                                                           \
      {"token-file", OPTION_VALUE, &(f).token_file, "FILE", "file with this device's token", NULL}, \
      {"config", OPTION_VALUE, &(f).config, "FILE", "another config.ini", NULL},                    \
      {"timeout",                                                                                   \
       OPTION_VALUE,                                                                                \
       &(f).timeout,                                                                                \
       "SECONDS",                                                                                   \
       "wait this long for the relay, and where an outcome is waited for, for it (default 10)",     \
       NULL},                                                                                       \
      TRUST_OPTIONS((f).trust), {                                                                   \
    "capture", OPTION_VALUE, &(f).capture, "FILE",                                                  \
        "add what passes over the wire to FILE, for `remote inspect`, without credentials "         \
        "(default: REMOTE_CAPTURE)",                                                                \
        NULL                                                                                        \
  }

typedef struct connection connection;

/* What lies behind the connection; all members may be NULL. */
typedef struct connection_ops {
  void (*event)(void *user, const lrm_link_event *event);
  int (*fetch)(void *user, const lrm_link_want *want, lrm_frame *frame);
  void (*down)(void *user, const char *text, uint64_t retry_ns);
} connection_ops;

typedef struct connection_call_state {
  uint32_t id; /* 0: none */
  bool sent;
  bool done;
  uint8_t request[LRM_REQUEST_BYTES_MAX];
  size_t request_bytes;
  remote_v1_Problem problem; /* code 0: it went well */
  void (*reply)(void *user, const remote_v1_Reply *reply);
  void *user;
} connection_call_state;

enum { CONNECTION_SIGNALS = 3 }; /* that end a command */

struct connection {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_signal_t signals[CONNECTION_SIGNALS];
  remote_config config;
  lrm_url url;
  lrm_uv_settings settings;
  char url_text[RELAY_ADDRESS_BYTES_MAX];
  uint64_t timeout_ms;
  bool timeout_given; /* by a flag: then it also bounds what has no bound by itself */
  lrm_id link_id;
  lrm_link *link;
  lrm_uv_drive *drive;
  bool live;       /* WELCOME received on the present carrier */
  bool was_live;   /* at least once */
  bool signed_in;  /* the relay knows who we are */
  bool untrusted;  /* who the relay is, or we are, was refused; nothing but a person changes that */
  bool failed;     /* the link will not come back by itself: `problem` */
  bool timed_out;  /* of the present wait */
  bool stopped;    /* the driver has ended */
  int interrupted; /* signal that asked us to end; 0: none */
  char account[64];
  char device[64];
  int64_t relay_ahead_ms; /* the relay's clock minus ours */
  remote_v1_Problem problem;
  char down_text[1024]; /* why the last attempt or carrier ended */
  uint64_t retry_ns;
  connection_call_state call;
  uint32_t next_call_id;
  const connection_ops *ops;
  void *ops_user;
  capture *captures[2]; /* a file, a tap; NULL: none */
};

/* Reads config and token, and connects; waits until the relay has welcomed us. What went wrong has
 * been printed to standard error. After EXIT_CODE_DONE: connection_close. */
exit_code connection_open(connection *c, const connection_flags *flags);
void connection_close(connection *c);

/* Sends a request (its id is filled in) and waits for its last reply. `reply` gets each one; NULL
 * means: the connection was lost, everything comes again from the beginning. A Problem has been
 * printed. */
exit_code connection_call(connection *c, remote_v1_Request *request,
                          void (*reply)(void *user, const remote_v1_Reply *reply), void *user);

/* The same without printing a Problem: *problem is what came, code 0 when it went well. False: no
 * answer, and connection_explain says why. */
bool connection_ask(connection *c, remote_v1_Request *request,
                    void (*reply)(void *user, const remote_v1_Reply *reply), void *user,
                    uint64_t timeout_ms, remote_v1_Problem *problem);

/* Sends a request whose answer does not matter; nothing when it cannot be sent now. */
void connection_tell(connection *c, remote_v1_Request *request);

/* As connection_call, for a call that ends this connection with REVOKED when it is done. */
exit_code connection_call_until_revoked(connection *c, remote_v1_Request *request);

/* Runs the loop until ready(user) (checked after each turn), the time is over, a signal came or the
 * link failed for good. True: it is ready. */
bool connection_wait(connection *c, bool (*ready)(void *user), void *user, uint64_t timeout_ms);

/* What a wait waits for may have changed: ready() is asked again at the end of this turn. Needed in
 * timers only. */
void connection_wake(connection *c);

/* Prints why the last wait was not successful, and returns the exit code for it. */
exit_code connection_explain(connection *c);

/* Monotonic nanoseconds; the relay's clock, Unix milliseconds, as well as we know it. */
uint64_t connection_now_ns(const connection *c);
uint64_t connection_relay_ms(const connection *c);

/* What exit code a problem of the link or of a channel means. */
exit_code connection_problem_exit(uint32_t code);
/* Prints a problem for people: "NOT_FOUND: reason (decided by …)". */
void connection_print_problem(const char *what, const remote_v1_Problem *problem);
/* "the enterprise policy" and so on; NULL: not a matter of policy. */
const char *connection_layer_name(uint32_t layer);

/* Fills from the system's entropy; ends the program when there is none. */
void connection_random(void *out, size_t bytes);

#endif
