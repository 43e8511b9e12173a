/* The driver: joins a carrier, a link and a timer on one loop.
 *
 * Receiving follows the data: every event is handed over while its payload is still in the read
 * buffer. Sending waits for the end of the turn (a timer of 0 ms), so that what one turn queues
 * leaves in one write. The one timer serves the link's deadlines, the next attempt and the kick. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier/carrier_uv_internal.h"

enum {
  SCRATCH_BYTES = 64 * 1024,
  OUTGOING_BYTES_MIN = 5 * 1024, /* what lrm_link_outgoing asks for */
  COPY_BYTES_MAX = 8 * 1024,     /* larger payloads are sent from where they lie */
  PUMP_BYTES_MAX = 512 * 1024    /* in one turn, so that one fast reader does not hold the loop */
};

struct lrm_uv_drive {
  uv_loop_t *loop;
  lrm_link *link;
  const lrm_uv_drive_ops *ops;
  void *user;
  lrm_carrier *carrier; /* NULL: none */
  uv_timer_t timer;
  lrm_url *url; /* connecting side */
  const lrm_uv_settings *settings;
  void (*done)(void *user);
  void *done_user;
  uint64_t due_ns;     /* what the timer waits for */
  uint64_t goodbye_ns; /* the link is CLOSING: the carrier ends at the latest then; 0: it is not */
  void (*tap)(void *user, lrm_uv_tap_kind kind, lrm_slice data);
  void *tap_user;
  size_t tapped; /* leading bytes of what is offered next that were told already */
  bool kicked;
  bool up;        /* the link is attached to the carrier */
  bool closing;   /* the carrier was told to close */
  bool silent;    /* the carrier was given up: nothing heard */
  bool stopping;  /* lrm_uv_drive_stop */
  bool destroyed; /* freed when the timer is closed */
};

/* Frames of one pump; used between two calls of libuv only. */
static _Thread_local uint8_t scratch[SCRATCH_BYTES];

static void on_timer(uv_timer_t *timer);
static void on_timer_closed(uv_handle_t *handle);

/* ---- the tap ---- */

void lrm_uv_drive_tap(lrm_uv_drive *drive,
                      void (*tap)(void *user, lrm_uv_tap_kind kind, lrm_slice data), void *user) {
  drive->tap = tap;
  drive->tap_user = user;
}

static void tell(lrm_uv_drive *drive, lrm_uv_tap_kind kind, const void *data, size_t bytes) {
  if (drive->tap != NULL) drive->tap(drive->tap_user, kind, (lrm_slice){data, bytes});
}

/* What is not consumed is offered again with more behind it. */
static void tell_received(lrm_uv_drive *drive, const uint8_t *data, size_t bytes) {
  size_t known = drive->tapped < bytes ? drive->tapped : bytes;
  if (bytes > known) tell(drive, LRM_UV_TAP_RECEIVED, data + known, bytes - known);
}

/* ---- the timer ---- */

static void arm(lrm_uv_drive *drive) {
  if (drive->destroyed || drive->kicked) return;
  uint64_t due_ns = UINT64_MAX;
  if (drive->up && !drive->closing) {
    due_ns = lrm_link_deadline(drive->link);
    if (drive->goodbye_ns != 0 && drive->goodbye_ns < due_ns) due_ns = drive->goodbye_ns;
  } else if (drive->carrier == NULL && drive->url != NULL && !drive->stopping) {
    due_ns = lrm_link_attempt_ns(drive->link);
  }
  if (due_ns == UINT64_MAX) {
    drive->due_ns = due_ns;
    (void)uv_timer_stop(&drive->timer);
    return;
  }
  if (due_ns == drive->due_ns && uv_is_active((uv_handle_t *)&drive->timer)) return;
  uint64_t now_ns = lrm_uv_now_ns(drive->loop);
  uint64_t delay_ms = due_ns > now_ns ? (due_ns - now_ns + 999999) / 1000000 : 0;
  drive->due_ns = due_ns;
  (void)uv_timer_start(&drive->timer, on_timer, delay_ms, 0);
}

void lrm_uv_drive_kick(lrm_uv_drive *drive) {
  if (drive->kicked || drive->destroyed) return;
  /* Where nothing can be sent a turn is for nothing, and whoever kicks in every turn of the loop
   * would keep it turning: `writable`, `up` or the time of the next attempt comes by itself. */
  bool full = drive->up && drive->carrier != NULL && !drive->closing &&
              lrm_link_state_now(drive->link) == LRM_LINK_LIVE &&
              lrm_carrier_room(drive->carrier) == 0;
  bool down = !drive->up && !drive->stopping;
  if (full || down) {
    arm(drive);
    return;
  }
  drive->kicked = true;
  drive->due_ns = 0;
  (void)uv_timer_start(&drive->timer, on_timer, 0, 0);
}

/* ---- events ---- */

static void close_carrier(lrm_uv_drive *drive, bool flush) {
  if (drive->carrier == NULL || drive->closing) return;
  drive->closing = true;
  lrm_carrier_close(drive->carrier, flush);
}

static void drain_events(lrm_uv_drive *drive) {
  lrm_link_event event;
  while (!drive->destroyed && lrm_link_next_event(drive->link, &event)) {
    if (event.type == LRM_LINK_EVENT_SILENT) drive->silent = true;
    drive->ops->event(drive->user, drive->link, &event);
  }
}

/* ---- sending ---- */

typedef struct pump {
  size_t used;  /* bytes in scratch */
  size_t total; /* bytes sent in this turn */
} pump;

static bool flush(lrm_uv_drive *drive, pump *p, lrm_slice payload) {
  lrm_slice parts[2] = {{scratch, p->used}, payload};
  p->total += p->used + payload.bytes;
  tell(drive, LRM_UV_TAP_SENT, scratch, p->used);
  if (payload.bytes > 0) tell(drive, LRM_UV_TAP_SENT, payload.data, payload.bytes);
  p->used = 0;
  return lrm_carrier_write(drive->carrier, parts, payload.bytes > 0 ? 2 : 1) == 0;
}

/* Room for one more frame, counting what already waits in scratch. */
static bool has_room(const lrm_uv_drive *drive, const pump *p) {
  return lrm_carrier_room(drive->carrier) > p->used && p->total + p->used < PUMP_BYTES_MAX;
}

static bool pump_control(lrm_uv_drive *drive, pump *p) {
  while (lrm_link_has_outgoing(drive->link) && has_room(drive, p)) {
    if (SCRATCH_BYTES - p->used < OUTGOING_BYTES_MIN && !flush(drive, p, (lrm_slice){0})) {
      return false;
    }
    size_t written = 0;
    int result = lrm_link_outgoing(drive->link, scratch + p->used, SCRATCH_BYTES - p->used,
                                   &written, lrm_uv_now_ns(drive->loop));
    if (result != 0 || written == 0) break;
    p->used += written;
    if (drive->ops->drained != NULL && !lrm_link_has_outgoing(drive->link)) {
      drive->ops->drained(drive->user, drive->link);
    }
  }
  return true;
}

/* The next want that can be served. One that cannot is asked again after its next extend, which
 * kicks; meanwhile it does not stand in the way of the other channels. */
static bool fetch_next(lrm_uv_drive *drive, lrm_link_want *want, lrm_frame *frame) {
  uint32_t first = 0;
  while (drive->ops->fetch != NULL && lrm_link_wanted(drive->link, want)) {
    if (want->channel == first) return false;
    memset(frame, 0, sizeof *frame);
    if (drive->ops->fetch(drive->user, drive->link, want, frame) >= 0) return true;
    if (first == 0) first = want->channel;
    lrm_link_pass(drive->link, want->channel);
  }
  return false;
}

/* One block or tail. False: nothing can be sent now, or the carrier is gone. */
static bool pump_data(lrm_uv_drive *drive, pump *p) {
  lrm_link_want want;
  lrm_frame frame;
  if (!fetch_next(drive, &want, &frame)) return false;
  if (SCRATCH_BYTES - p->used < LRM_FRAME_HEADER_BYTES_MAX + COPY_BYTES_MAX &&
      !flush(drive, p, (lrm_slice){0})) {
    return false;
  }
  size_t header_bytes = 0;
  int result = lrm_link_block(drive->link, want.channel, &frame, scratch + p->used, &header_bytes,
                              lrm_uv_now_ns(drive->loop));
  /* Too large for this peer: its channel is closed, or the tail dropped. The others go on. */
  if (result == LRM_ERR_TOO_LARGE) return true;
  if (result != 0) return false;
  p->used += header_bytes;
  if (frame.payload.bytes > COPY_BYTES_MAX) return flush(drive, p, frame.payload);
  if (frame.payload.bytes > 0) memcpy(scratch + p->used, frame.payload.data, frame.payload.bytes);
  p->used += frame.payload.bytes;
  return true;
}

static void pump_all(lrm_uv_drive *drive) {
  pump p = {0, 0};
  bool alive = pump_control(drive, &p);
  while (alive && has_room(drive, &p) && pump_data(drive, &p)) alive = pump_control(drive, &p);
  if (alive) alive = pump_control(drive, &p); /* what fetching led to */
  if (alive && p.used > 0) alive = flush(drive, &p, (lrm_slice){0});
  if (alive && p.total >= PUMP_BYTES_MAX) lrm_uv_drive_kick(drive); /* the others first */
}

/* The link has said or heard goodbye: out with it, and close; at the latest after 1 s, when the
 * other side does not even read the GOAWAY. */
static void close_when_said(lrm_uv_drive *drive) {
  if (lrm_link_state_now(drive->link) != LRM_LINK_CLOSING) return;
  uint64_t now_ns = lrm_uv_now_ns(drive->loop);
  if (drive->goodbye_ns == 0) drive->goodbye_ns = now_ns + LRM_GOAWAY_CLOSE_NS;
  if (!lrm_link_has_outgoing(drive->link)) {
    close_carrier(drive, true);
  } else if (now_ns >= drive->goodbye_ns) {
    close_carrier(drive, false);
  }
}

/* After anything happened: hands events over, sends, closes what has ended, sets the timer. */
static void turn(lrm_uv_drive *drive) {
  drain_events(drive);
  if (drive->destroyed) return;
  if (drive->up && drive->carrier != NULL && !drive->closing) {
    if (drive->silent) {
      close_carrier(drive, false);
    } else {
      pump_all(drive);
      drain_events(drive);
      if (drive->destroyed) return;
      close_when_said(drive);
    }
  }
  arm(drive);
}

/* ---- the carrier's owner ---- */

static void on_up(void *user, lrm_carrier *carrier) {
  lrm_uv_drive *drive = user;
  if (drive->destroyed || drive->stopping ||
      lrm_link_attach(drive->link, lrm_uv_now_ns(drive->loop)) != 0) {
    drive->closing = true;
    lrm_carrier_close(carrier, false);
    return;
  }
  drive->up = true;
  drive->tapped = 0;
  tell(drive, LRM_UV_TAP_UP, carrier->peer, strnlen(carrier->peer, sizeof carrier->peer));
  turn(drive);
}

/* On a carrier of messages nothing follows that could complete a frame. */
static bool broken_message(const lrm_carrier *carrier, size_t bytes, size_t consumed,
                           size_t wanted) {
  return carrier->ops->messages &&
         (bytes > LRM_BATCH_BYTES_MAX || (consumed < bytes && wanted > bytes - consumed));
}

static void refuse_message(lrm_uv_drive *drive, const char *reason) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = LRM_CODE_PROTOCOL;
  snprintf(problem.reason, sizeof problem.reason, "%s", reason);
  /* In CLOSING something else was said already. */
  (void)!lrm_link_goaway(drive->link, &problem, lrm_uv_now_ns(drive->loop));
  drain_events(drive);
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  lrm_uv_drive *drive = user;
  size_t total = 0;
  tell_received(drive, data, bytes);
  drive->tapped = bytes;
  while (total < bytes && drive->up && !drive->closing && !drive->destroyed) {
    size_t consumed = 0;
    int result = lrm_link_recv(drive->link, data + total, bytes - total, &consumed, wanted,
                               lrm_uv_now_ns(drive->loop));
    total += consumed;
    drain_events(drive);
    if (result != 0) {
      total = bytes; /* nothing that follows a broken frame means anything */
      break;
    }
    if (consumed == 0) break;
  }
  drive->tapped = 0;
  if (drive->up && !drive->closing && !drive->destroyed &&
      broken_message(carrier, bytes, total, *wanted)) {
    refuse_message(drive, bytes > LRM_BATCH_BYTES_MAX ? "a message is larger than 1 MiB"
                                                      : "a message ends inside a frame");
    total = bytes;
  }
  if (drive->destroyed || drive->closing) return bytes;
  if (!drive->up || lrm_link_state_now(drive->link) == LRM_LINK_CLOSING) total = bytes;
  drive->tapped = bytes - total;
  lrm_uv_drive_kick(drive);
  return total;
}

static void on_writable(void *user, lrm_carrier *carrier) {
  (void)carrier;
  lrm_uv_drive *drive = user;
  if (!drive->destroyed) turn(drive);
}

/* A port for TLS takes our HELLO for garbage and hangs up. */
static bool maybe_plain_to_tls(const lrm_uv_drive *drive, const char *text) {
  return drive->up && drive->url != NULL && !lrm_url_encrypted(drive->url) &&
         lrm_link_state_now(drive->link) == LRM_LINK_GREETING && text != NULL &&
         strcmp(text, lrm__uv_text_closed) == 0 && strcmp(drive->url->scheme, "unix") != 0;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  lrm_uv_drive *drive = user;
  (void)carrier;
  (void)error;
  bool silent = drive->silent, plain_to_tls = maybe_plain_to_tls(drive, text);
  if (drive->up && text != NULL) tell(drive, LRM_UV_TAP_DOWN, text, strlen(text));
  if (drive->up && text == NULL) tell(drive, LRM_UV_TAP_DOWN, "", 0);
  drive->carrier = NULL;
  drive->up = drive->closing = drive->silent = false;
  drive->goodbye_ns = 0;
  if (drive->destroyed) {
    uv_close((uv_handle_t *)&drive->timer, on_timer_closed);
    return;
  }
  lrm_link_detach(drive->link, lrm_uv_now_ns(drive->loop));
  if (silent) text = "nothing heard from the other side for too long";
  if (plain_to_tls) {
    text =
        "the other side closed the connection before it said anything: is this a port for TLS "
        "(tls://, wss://, grpcs://)?";
  }
  uint64_t retry_ns = UINT64_MAX;
  if (drive->url != NULL && !drive->stopping) retry_ns = lrm_link_attempt_ns(drive->link);
  if (drive->ops->down != NULL) drive->ops->down(drive->user, drive->link, text, retry_ns);
  if (drive->destroyed) return;
  if (drive->stopping) {
    void (*done)(void *) = drive->done;
    drive->done = NULL;
    if (done != NULL) done(drive->done_user);
    return;
  }
  arm(drive);
}

static const lrm_carrier_owner owner = {on_up, on_received, on_writable, on_down};

/* ---- life ---- */

static void connect_when_due(lrm_uv_drive *drive) {
  if (lrm_link_attempt_ns(drive->link) > lrm_uv_now_ns(drive->loop)) return;
  if (lrm_uv_connect(drive->loop, drive->url, drive->settings, &owner, drive, &drive->carrier) !=
      0) {
    drive->carrier = NULL;
    lrm_link_detach(drive->link, lrm_uv_now_ns(drive->loop)); /* an attempt failed */
  }
}

static void on_timer(uv_timer_t *timer) {
  lrm_uv_drive *drive = timer->data;
  drive->kicked = false;
  drive->due_ns = 0;
  if (drive->destroyed) return;
  if (drive->up) {
    uint64_t now_ns = lrm_uv_now_ns(drive->loop);
    if (lrm_link_deadline(drive->link) <= now_ns) lrm_link_expire(drive->link, now_ns);
  } else if (drive->carrier == NULL) {
    if (drive->stopping) {
      void (*done)(void *) = drive->done;
      drive->done = NULL;
      if (done != NULL) done(drive->done_user);
      return;
    }
    if (drive->url != NULL) connect_when_due(drive);
  }
  turn(drive);
}

static lrm_uv_drive *make(uv_loop_t *loop, lrm_link *link, const lrm_uv_drive_ops *ops,
                          void *user) {
  lrm_uv_drive *drive = calloc(1, sizeof *drive);
  if (drive == NULL) return NULL;
  drive->loop = loop;
  drive->link = link;
  drive->ops = ops;
  drive->user = user;
  (void)uv_timer_init(loop, &drive->timer);
  drive->timer.data = drive;
  return drive;
}

int lrm_uv_drive_connect(uv_loop_t *loop, const lrm_url *url, const lrm_uv_settings *settings,
                         lrm_link *link, const lrm_uv_drive_ops *ops, void *user,
                         lrm_uv_drive **out) {
  lrm_url *copy = malloc(sizeof *copy);
  if (copy == NULL) return LRM_ERR_NO_MEMORY;
  *copy = *url;
  lrm_uv_drive *drive = make(loop, link, ops, user);
  if (drive == NULL) {
    free(copy);
    return LRM_ERR_NO_MEMORY;
  }
  drive->url = copy;
  drive->settings = settings;
  *out = drive;
  lrm_uv_drive_kick(drive);
  return 0;
}

int lrm_uv_drive_accept(uv_loop_t *loop, lrm_carrier *carrier, lrm_link *link,
                        const lrm_uv_drive_ops *ops, void *user, lrm_uv_drive **out) {
  lrm_uv_drive *drive = make(loop, link, ops, user);
  if (drive == NULL) return LRM_ERR_NO_MEMORY;
  drive->carrier = carrier;
  carrier->owner = owner;
  carrier->owner_user = drive;
  *out = drive;
  if (lrm_link_attach(link, lrm_uv_now_ns(loop)) == 0) drive->up = true;
  if (!drive->up) close_carrier(drive, false);
  lrm_uv_drive_kick(drive);
  return 0;
}

void lrm_uv_drive_stop(lrm_uv_drive *drive, uint32_t code, void (*done)(void *user), void *user) {
  drive->stopping = true;
  drive->done = done;
  drive->done_user = user;
  if (drive->up && !drive->closing) {
    remote_v1_Problem problem = remote_v1_Problem_init_zero;
    problem.code = code;
    if (lrm_link_goaway(drive->link, &problem, lrm_uv_now_ns(drive->loop)) != 0 &&
        lrm_link_state_now(drive->link) != LRM_LINK_CLOSING) {
      close_carrier(drive, false);
    }
  } else if (drive->carrier != NULL) {
    close_carrier(drive, false); /* still connecting */
  }
  lrm_uv_drive_kick(drive);
}

static void on_timer_closed(uv_handle_t *handle) {
  lrm_uv_drive *drive = handle->data;
  free(drive->url);
  free(drive);
}

void lrm_uv_drive_destroy(lrm_uv_drive *drive) {
  if (drive == NULL || drive->destroyed) return;
  drive->destroyed = true;
  if (drive->carrier != NULL) {
    /* The carrier still points here: the memory goes when it is down. */
    close_carrier(drive, false);
    return;
  }
  uv_close((uv_handle_t *)&drive->timer, on_timer_closed);
}
