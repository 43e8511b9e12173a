/* A link on a carrier whose other end the runner holds: what carrier_uv's driver does, on a virtual
 * clock. At most LRM_CARRIER_BUFFER_BYTES_MAX wait here when the reader is slow. */
#include <string.h>

#include "parts.h"

typedef struct bytes {
  uint8_t *data;
  size_t count, capacity;
} bytes;

struct wire {
  parts *p;
  lrm_link *link;
  const wire_ops *ops;
  void *user;
  bool connects;
  uint32_t carrier;  /* 0: none */
  uint32_t dialling; /* asked for, not there yet; 0: none */
  bytes in, out;
  uint64_t room; /* bytes the carrier still takes */
  bool half_open;
  bool silent;  /* nothing heard: the carrier is given up */
  bool stopped; /* no attempt by itself any more */
  uint64_t goodbye_ns;
};

static void push(bytes *to, const void *data, size_t count) {
  if (to->count + count > to->capacity) {
    to->capacity = 2 * (to->count + count);
    to->data = realloc(to->data, to->capacity);
    if (to->data == NULL) parts_die("no memory");
  }
  if (count > 0) memcpy(to->data + to->count, data, count);
  to->count += count;
}

static void drop(bytes *from, size_t count) {
  if (count == 0) return;
  memmove(from->data, from->data + count, from->count - count);
  from->count -= count;
}

/* ---- life ---- */

wire *wire_make(parts *p, lrm_link *link, bool connects, const wire_ops *ops, void *user) {
  if (p->wires_count == WIRES_MAX) parts_die("more than %d links", WIRES_MAX);
  wire *w = calloc(1, sizeof *w);
  if (w == NULL) parts_die("no memory");
  *w = (wire){.p = p, .link = link, .connects = connects, .ops = ops, .user = user};
  w->room = UINT64_MAX;
  p->wires[p->wires_count++] = w;
  return w;
}

void wire_destroy(wire *w) {
  if (w == NULL) return;
  parts *p = w->p;
  if (w->carrier != 0 && !w->half_open) harness_closed(&p->out, w->carrier);
  for (size_t i = 0; i < p->wires_count; i++) {
    if (p->wires[i] != w) continue;
    p->wires[i] = p->wires[--p->wires_count];
    break;
  }
  free(w->in.data);
  free(w->out.data);
  free(w);
}

void wire_attach(wire *w, uint32_t carrier) {
  w->carrier = carrier;
  w->dialling = 0;
  w->in.count = w->out.count = 0;
  w->room = UINT64_MAX;
  w->half_open = w->silent = false;
  w->goodbye_ns = 0;
  PARTS_MUST(lrm_link_attach(w->link, w->p->now_ns));
}

/* `w` may be gone afterwards. */
static void go_down(wire *w) {
  w->carrier = 0;
  w->in.count = w->out.count = 0;
  lrm_link_detach(w->link, w->p->now_ns);
  w->ops->down(w->user);
}

static void close_carrier(wire *w) {
  if (!w->half_open) harness_closed(&w->p->out, w->carrier);
  go_down(w);
}

void wire_stop(wire *w, uint32_t code) {
  w->stopped = true;
  if (w->carrier == 0) return;
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  if (lrm_link_goaway(w->link, &problem, w->p->now_ns) != 0 &&
      lrm_link_state_now(w->link) != LRM_LINK_CLOSING)
    w->silent = true;
}

bool wire_stopped(const wire *w) { return w->stopped && w->carrier == 0; }
bool wire_up(const wire *w) { return w->carrier != 0; }

/* ---- from the runner ---- */

wire *wire_of_carrier(parts *p, uint32_t carrier) {
  for (size_t i = 0; i < p->wires_count; i++)
    if (carrier != 0 && p->wires[i]->carrier == carrier) return p->wires[i];
  return NULL;
}

wire *wire_dialling(parts *p, uint32_t carrier) {
  for (size_t i = 0; i < p->wires_count; i++)
    if (carrier != 0 && p->wires[i]->dialling == carrier) return p->wires[i];
  return NULL;
}

void wire_connected(wire *w, bool refused) {
  uint32_t carrier = w->dialling;
  w->dialling = 0;
  if (refused) {
    lrm_link_detach(w->link, w->p->now_ns); /* an attempt failed */
    w->ops->down(w->user);
    return;
  }
  if (w->stopped || lrm_link_state_now(w->link) != LRM_LINK_DOWN) {
    harness_closed(&w->p->out, carrier); /* it is not wanted any more */
    return;
  }
  wire_attach(w, carrier);
}

void wire_bytes(wire *w, const uint8_t *data, size_t count) {
  if (!w->half_open) push(&w->in, data, count);
}

void wire_cut(wire *w, bool half_open) {
  if (half_open) {
    w->half_open = true;
  } else {
    go_down(w);
  }
}

void wire_room(wire *w, uint64_t count) { w->room = count; }

/* ---- a turn ---- */

static bool drain(wire *w) {
  lrm_link_event event;
  bool any = false;
  while (lrm_link_next_event(w->link, &event)) {
    any = true;
    if (event.type == LRM_LINK_EVENT_SILENT) w->silent = true;
    w->ops->event(w->user, &event);
  }
  return any;
}

static bool receive(wire *w) {
  bool any = drain(w);
  while (w->in.count > 0) {
    size_t consumed = 0, wanted = 0;
    int result = lrm_link_recv(w->link, w->in.data, w->in.count, &consumed, &wanted, w->p->now_ns);
    bool heard = drain(w);
    any = any || heard || consumed > 0;
    drop(&w->in, result != 0 ? w->in.count : consumed);
    if (consumed == 0 && !heard) break;
  }
  return any;
}

static bool send_one(wire *w) {
  lrm_link_want want;
  lrm_frame frame;
  memset(&frame, 0, sizeof frame);
  if (!lrm_link_wanted(w->link, &want) || w->ops->fetch(w->user, &want, &frame) < 0) return false;
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t header_bytes = 0;
  if (lrm_link_block(w->link, want.channel, &frame, header, &header_bytes, w->p->now_ns) != 0)
    return false;
  push(&w->out, header, header_bytes);
  push(&w->out, frame.payload.data, frame.payload.bytes);
  return true;
}

static bool send_control(wire *w) {
  uint8_t control[LRM_REQUEST_BYTES_MAX + 96];
  size_t written = 0;
  if (!lrm_link_has_outgoing(w->link)) return false;
  PARTS_MUST(lrm_link_outgoing(w->link, control, sizeof control, &written, w->p->now_ns));
  push(&w->out, control, written);
  if (w->ops->drained != NULL && !lrm_link_has_outgoing(w->link)) w->ops->drained(w->user);
  return written > 0;
}

/* What the carrier takes goes to the runner. */
static bool flush(wire *w) {
  size_t count = w->out.count < w->room ? w->out.count : (size_t)w->room;
  if (count == 0) return false;
  if (!w->half_open) harness_bytes(&w->p->out, w->carrier, w->out.data, count);
  drop(&w->out, count);
  if (w->room != UINT64_MAX) w->room -= count;
  return true;
}

static bool pump(wire *w) {
  bool any = false;
  for (;;) {
    bool more = false;
    while (w->out.count < LRM_CARRIER_BUFFER_BYTES_MAX && (send_control(w) || send_one(w)))
      more = true;
    if (!flush(w) && !more) return any;
    any = true;
  }
}

/* Goodbye was said or heard: what is due leaves, then the carrier ends, at the latest after 1 s. */
static bool close_when_said(wire *w) {
  if (lrm_link_state_now(w->link) != LRM_LINK_CLOSING) return false;
  if (w->goodbye_ns == 0) w->goodbye_ns = w->p->now_ns + LRM_GOAWAY_CLOSE_NS;
  bool said = !lrm_link_has_outgoing(w->link) && w->out.count == 0;
  if (!said && w->p->now_ns < w->goodbye_ns) return false;
  close_carrier(w);
  return true;
}

bool wire_turn(wire *w) {
  if (w->carrier == 0) {
    bool due = w->connects && !w->stopped && w->dialling == 0 &&
               lrm_link_attempt_ns(w->link) <= w->p->now_ns;
    if (!due) return false;
    w->dialling = ++w->p->dials;
    harness_dial(&w->p->out, w->dialling);
    return true;
  }
  bool any = receive(w);
  if (!w->silent) any = pump(w) || any;
  any = drain(w) || any;
  if (w->silent) {
    close_carrier(w);
    return true;
  }
  return close_when_said(w) || any;
}

uint64_t wire_deadline(const wire *w) {
  if (w->carrier == 0) {
    bool waits = w->connects && !w->stopped && w->dialling == 0;
    return waits ? lrm_link_attempt_ns(w->link) : UINT64_MAX;
  }
  uint64_t due_ns = lrm_link_deadline(w->link);
  if (w->goodbye_ns != 0 && w->goodbye_ns < due_ns) due_ns = w->goodbye_ns;
  return due_ns;
}

void wire_expire(wire *w) {
  if (w->carrier != 0 && lrm_link_deadline(w->link) <= w->p->now_ns)
    lrm_link_expire(w->link, w->p->now_ns);
}
