/* The server around the relay's core: one object on one libuv loop, and what its files share.
 * clients.c accepted carriers, control_server.c requests of the operator, listen.c where it
 * listens, drain.c signals and leaving, serve.c the turn of the loop and the order of starting. */
#ifndef RELAY_SERVER_H
#define RELAY_SERVER_H

#include "metrics.h"
#include "program.h"
#ifdef REMOTE_WITH_OIDC
#include "oidc.h"
#endif
#include "remote/carrier_uv.h"

enum { CONTROLS_MAX = 16, TURNED_AWAY_MAX = 128 };

typedef struct server server;
typedef struct page_wait page_wait; /* page_http.c */

/* What the core may kick: the first member of whatever relay_connect was given as its user. */
typedef struct server_kicked {
  void (*kick)(struct server_kicked *kicked);
} server_kicked;

/* One request over the control socket. */
typedef struct control {
  server *server;
  lrm_carrier *carrier; /* NULL: a free slot */
  char *reply;          /* waits for `ticket`; NULL: nothing asked yet */
  uint64_t ticket;
} control;

typedef enum drain_phase {
  DRAIN_NONE = 0,
  DRAIN_COMMITTING = 1, /* what has come is stored and acknowledged */
  DRAIN_CLOSING = 2     /* GOAWAY is said */
} drain_phase;

struct server {
  const program_options *options;
  uv_loop_t loop;
  data_dir dir;
  program_state state;
  struct oidc *oidc;         /* NULL: no identity tokens */
  struct notifier *notifier; /* NULL: this build sends no messages */
  char page[300], contact[300];
  witness witness;
  lrm_uv_committer *committer;
  lrm_uv_settings settings; /* of what it listens on */
  struct http_server *http;
  page_wait *page_waits; /* what pages asked and is not answered yet */
  size_t page_waits_count;
  struct grpc_server *grpc; /* NULL: it listens on none */
  lrm_uv_listener *listeners[LISTENS_MAX];
  size_t listeners_count;
  lrm_uv_listener *control_listener;
  control controls[CONTROLS_MAX];
  uv_prepare_t prepare;
  uv_check_t check;
  int signals; /* descriptor of a signalfd */
  uv_poll_t signalled;
  uv_timer_t prune, drain, tidy, second;
  size_t clients;
  size_t turned_away; /* carriers that are only told why */
  metrics metrics;
  uv_timer_t watch;
  uint64_t status_ns; /* when the service manager was told last */
  char status[160];
  drain_phase draining;
  uint64_t phase_ns; /* when the phase of draining began */
  uint64_t quiet_ns; /* since when nothing waits for a commit; 0: something does */
};

static inline uint64_t server_now(server *s) { return lrm_uv_now_ns(&s->loop); }
/* Says why it cannot start; false. */
bool server_complain(const char *text);

/* ---- clients.c ---- */
/* Takes an accepted carrier of any kind; `user` is the server. Without an owner afterwards it was
 * not taken, and is to be closed. */
void server_accepted(void *user, lrm_carrier *carrier);
/* The same of one that came with a token, for a HELLO without one; "": none. */
void server_accepted_with(void *user, lrm_carrier *carrier, const char *token);
/* The core's callback: a connection has something to send. */
void server_kick(void *user, void *connection_user);

/* ---- control_server.c ---- */
void server_listen_control(server *s);
/* What was asked is durable: now it may be said. */
void server_answer_controls(server *s);

/* ---- listen.c ---- */
/* Judges the --listen flags before anything is opened. */
bool server_parse_listens(const program_options *options, lrm_url *urls, size_t *count);
bool server_listen(server *s, const lrm_url *urls, size_t count);
void server_stop_listening(server *s);
/* Certificates, keys and CAs are read anew. What cannot be read leaves the old ones in use. */
void server_reload(server *s);
/* What listeners have to say; `user` is nothing. */
void server_notice(void *user, lrm_uv_notice kind, const char *about, const char *text);

/* ---- drain.c ---- */
/* Before there is any other thread: they take signals otherwise. */
bool server_take_signals(server *s);
void server_start_signals(server *s);

/* ---- messages.c ---- */
/* Whom the relay tells, before the core is opened; it prints what is wrong. */
bool server_open_messages(server *s, relay_config *config);
void server_serve_messages(server *s);
void server_send_messages(server *s);
/* Something is being sent. */
bool server_sends_messages(const server *s);
void server_close_messages(server *s);

/* ---- watch.c ---- */
void server_start_watch(server *s);

#endif
