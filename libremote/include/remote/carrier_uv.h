/* Carriers on libuv: tcp and unix, and a place for other kinds; and the driver that joins a
 * carrier, a link and a timer. An archive of its own (remote_carrier_uv); the other kinds (TLS,
 * WebSocket, long-poll, gRPC) are archives of theirs, so that nobody links what it does not use.
 * Threads: the loop's. */
#ifndef REMOTE_CARRIER_UV_H
#define REMOTE_CARRIER_UV_H

#include <uv.h>

#include "remote/carrier.h"
#include "remote/link.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lrm_uv_kind lrm_uv_kind;

/* Whom a side trusts, and how it proves itself: PEM files. NULL: none. Connecting sides read them
 * with each attempt, listeners when they start and at lrm_uv_listener_reload. */
typedef struct lrm_uv_trust {
  const char *ca_file;   /* connecting: who may sign relays; NULL: whom the system trusts.
                            Listening: who may sign clients; NULL: clients need no certificate */
  const char *cert_file; /* own certificate and what is between it and a root */
  const char *key_file;
} lrm_uv_trust;

/* What carriers have to say that nobody asked for. */
typedef enum lrm_uv_notice {
  LRM_UV_NOTICE_REFUSED = 1,   /* a connection was refused before it was accepted; `about`: whose */
  LRM_UV_NOTICE_WARNING = 2,   /* something will not work soon; `about`: the listener's URL */
  LRM_UV_NOTICE_UNTRUSTED = 3, /* connecting: a certificate was refused, by us or by the other side,
                                 or it does not speak TLS;
                                 trying again changes nothing. `about`: the other side's name */
  LRM_UV_NOTICE_NO_RELAY = 4   /* connecting: what answers there is no relay, or the way to it is
                                  closed; trying again changes nothing. `about`: the URL */
} lrm_uv_notice;

/* What carriers are made with. Borrowed by whom it is given to, for its life. NULL where one may be
 * given: tcp and unix only. */
typedef struct lrm_uv_settings {
  size_t struct_bytes; /* sizeof(lrm_uv_settings) */
  lrm_uv_trust trust;
  const lrm_uv_kind *const *kinds; /* beside tcp and unix; ended by NULL */
  const char *alpn; /* what TLS carriers agree on; NULL: "remote/1". "http/1.1" below WebSocket */
  /* For logs; `text` is for people and holds nothing secret. Borrowed. May be NULL. */
  void (*notice)(void *user, lrm_uv_notice kind, const char *about, const char *text);
  void *notice_user;
} lrm_uv_settings;

/* Carriers of this URL's kind can be made with these settings. */
bool lrm_uv_can_connect(const lrm_url *url, const lrm_uv_settings *settings);

/* Begins to connect; `up` or `down` follows, never from inside this call. LRM_ERR_USAGE: no kind in
 * the settings knows the scheme. */
int lrm_uv_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                   const lrm_carrier_owner *owner, void *owner_user,
                   lrm_carrier **out) LRM_MUST_USE;

typedef struct lrm_uv_listener lrm_uv_listener;
typedef struct lrm_uv_listener_ops {
  void (*close)(lrm_uv_listener *listener);
  /* Reads certificates anew. NULL: there is nothing to read. */
  int (*reload)(lrm_uv_listener *listener, char *error, size_t error_bytes);
} lrm_uv_listener_ops;
/* The base of every kind's listener. */
struct lrm_uv_listener {
  const lrm_uv_listener_ops *ops;
  char url[320];
};
/* Listens; `accepted` is called with each new carrier and sets its owner. `url->port` 0: any
 * free one, see lrm_uv_listener_url. LRM_ERR_CARRIER, LRM_ERR_USAGE: `error` says why. */
int lrm_uv_listen(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                  void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                  lrm_uv_listener **out, char *error, size_t error_bytes) LRM_MUST_USE;
/* "tcp://127.0.0.1:4711". Borrowed. */
const char *lrm_uv_listener_url(const lrm_uv_listener *listener);
/* Reads certificates anew; connections that are up keep what they have. On an error the old ones
 * stay in use and `error` says why. */
int lrm_uv_listener_reload(lrm_uv_listener *listener, char *error, size_t error_bytes) LRM_MUST_USE;
/* Nothing is accepted any more; accepted carriers live on. */
void lrm_uv_listener_close(lrm_uv_listener *listener);

/* One more kind of carrier: an archive offers one of these. The functions are those above. */
struct lrm_uv_kind {
  const char *const *schemes; /* ended by NULL */
  int (*connect)(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                 const lrm_carrier_owner *owner, void *owner_user, lrm_carrier **out);
  int (*listen)(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                void (*accepted)(void *user, lrm_carrier *carrier), void *user,
                lrm_uv_listener **out, char *error, size_t error_bytes); /* NULL: it cannot */
};
/* All kinds that this build has; ended by NULL. In the archive remote_carriers. */
extern const lrm_uv_kind *const lrm_uv_kinds[];

/* Drives one link over carriers: feeds it, sends what it has, keeps its timer, connects again
 * (connecting side). */
typedef struct lrm_uv_drive lrm_uv_drive;

typedef struct lrm_uv_drive_ops {
  /* Every event of the link. May call anything but destroy. */
  void (*event)(void *user, lrm_link *link, const lrm_link_event *event);
  /* The wanted block or tail; negative: nothing (the link asks again after the next extend). */
  int (*fetch)(void *user, lrm_link *link, const lrm_link_want *want, lrm_frame *frame);
  /* The carrier is gone and lrm_link_detach was called. Connecting: it will be tried again
   * when `retry_ns` comes (UINT64_MAX: never). `text`: why, for people. */
  void (*down)(void *user, lrm_link *link, const char *text, uint64_t retry_ns);
  /* Every control frame has been handed to the carrier: what was BUSY can be queued now. May be
   * NULL. */
  void (*drained)(void *user, lrm_link *link);
} lrm_uv_drive_ops;

/* Connecting side: connects at once and again whenever the link says so. */
int lrm_uv_drive_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                         lrm_link *link, const lrm_uv_drive_ops *ops, void *user,
                         lrm_uv_drive **out) LRM_MUST_USE;
/* Accepting side: takes over an accepted carrier; after `down` the driver is to be destroyed. */
int lrm_uv_drive_accept(uv_loop_t *loop, lrm_carrier *carrier, lrm_link *link,
                        const lrm_uv_drive_ops *ops, void *user, lrm_uv_drive **out) LRM_MUST_USE;
/* Something was queued in the link, or a log was extended: send at the end of this turn. */
void lrm_uv_drive_kick(lrm_uv_drive *drive);
/* Stops for good; the link is not destroyed. Says GOAWAY(code) first when a carrier is up. `done`
 * is called when the carrier is gone. */
void lrm_uv_drive_stop(lrm_uv_drive *drive, uint32_t code, void (*done)(void *user), void *user);
void lrm_uv_drive_destroy(lrm_uv_drive *drive);

/* Everything that passes over the drive's carriers, as it is: credentials too. For captures. */
typedef enum lrm_uv_tap_kind {
  LRM_UV_TAP_UP = 1,   /* a carrier is up; `data` is the address of the other side */
  LRM_UV_TAP_DOWN = 2, /* it is gone; `data` says why, for people */
  LRM_UV_TAP_SENT = 3,
  LRM_UV_TAP_RECEIVED = 4
} lrm_uv_tap_kind;
/* `tap` may not call anything of the drive or its link; data is borrowed. NULL: no more. */
void lrm_uv_drive_tap(lrm_uv_drive *drive,
                      void (*tap)(void *user, lrm_uv_tap_kind kind, lrm_slice data), void *user);

/* Monotonic nanoseconds of the loop, never 0, and Unix milliseconds. */
uint64_t lrm_uv_now_ns(const uv_loop_t *loop);
uint64_t lrm_uv_wall_ms(void);

/* A store's group commits in libuv's thread pool: commit at the end of the turn in which there is
 * something, the next one when the last is done. After a failed commit it tries again by itself;
 * `settled` gets every result. Not after LRM_ERR_FENCED. */
typedef struct lrm_uv_committer lrm_uv_committer;
struct lrm_store;
int lrm_uv_committer_create(uv_loop_t *loop, struct lrm_store *store,
                            void (*settled)(void *user, int result), void *user,
                            lrm_uv_committer **out) LRM_MUST_USE;
void lrm_uv_committer_kick(lrm_uv_committer *committer);
/* `frozen` is called each time a batch was taken: what is appended from then on belongs to the next
 * one. With the same `user` as settled. */
void lrm_uv_committer_on_frozen(lrm_uv_committer *committer, void (*frozen)(void *user));
/* Nothing waits for a commit. */
bool lrm_uv_committer_idle(const lrm_uv_committer *committer);
/* Commits what is left, on this thread, and frees it. */
void lrm_uv_committer_destroy(lrm_uv_committer *committer);

#ifdef __cplusplus
}
#endif
#endif
