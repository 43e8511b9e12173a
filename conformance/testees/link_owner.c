/* One link with its carrier and its clock. Time stands still but for owner_advance; each call ends
 * when nothing more can be done at that time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/link_text.h"
#include "link_testee.h"

#define MS UINT64_C(1000000)

enum { OUT_BYTES = 64 * 1024, TURNS_MAX = 100000 };

owner the_owner;

/* ---- life ---- */

static void drop_stocks(owner *o) {
  while (o->stocks != NULL) {
    stock *first = o->stocks;
    o->stocks = first->next;
    free(first->payload);
    free(first);
  }
}

void owner_stop(void) {
  owner *o = &the_owner;
  lrm_link_destroy(o->link);
  drop_stocks(o);
  free(o->in);
  free(o->out);
  memset(o, 0, sizeof *o);
}

void owner_start(lrm_link_side side, const char *config_json) {
  owner *o = &the_owner;
  json_error_t error;
  owner_stop();
  o->side = side;
  o->now_ns = UINT64_C(1000) * 1000 * MS;
  o->room = UINT64_MAX;
  json_t *config = json_loads(config_json[0] != '\0' ? config_json : "{}", 0, &error);
  if (!json_is_object(config)) {
    say_broken("config: %s", error.text);
  } else {
    owner_config(config);
    if (side == LRM_SIDE_CONNECTING && owner_make_link()) owner_turn();
  }
  json_decref(config);
}

void owner_connected(uint32_t carrier, bool refused) {
  owner *o = &the_owner;
  if (o->side == LRM_SIDE_ACCEPTING) {
    drop_stocks(o);
    if (!owner_make_link()) return;
  }
  if (o->link == NULL) {
    say_broken("no link was started");
    return;
  }
  o->dialling = false;
  o->half_open = false;
  o->room = UINT64_MAX;
  o->in_bytes = o->out_bytes = 0;
  if (refused) {
    lrm_link_detach(o->link, o->now_ns);
  } else {
    o->carrier = carrier;
    if (lrm_link_attach(o->link, o->now_ns) != 0) say_broken("the link takes no carrier");
  }
  owner_turn();
}

static void end_carrier(owner *o) {
  o->carrier = 0;
  o->in_bytes = o->out_bytes = 0;
  drop_stocks(o);
  lrm_link_detach(o->link, o->now_ns);
}

void owner_cut(uint32_t carrier, bool half_open) {
  owner *o = &the_owner;
  if (o->carrier == 0 || carrier != o->carrier) return;
  if (half_open)
    o->half_open = true;
  else
    end_carrier(o);
  owner_turn();
}

/* ---- what can be done now ---- */

static void append(uint8_t **data, size_t *bytes, size_t *capacity, const uint8_t *more,
                   size_t count) {
  if (*bytes + count > *capacity) {
    *capacity = 2 * (*bytes + count);
    *data = realloc(*data, *capacity);
    if (*data == NULL) abort();
  }
  if (count > 0) memcpy(*data + *bytes, more, count);
  *bytes += count;
}

static bool tell_events(owner *o) {
  lrm_link_event event;
  bool any = false;
  while (lrm_link_next_event(o->link, &event)) {
    char line[LINK_TEXT_BYTES];
    event_text(&event, line);
    tell_event(line);
    any = true;
  }
  return any;
}

/* Offers what has arrived; the link takes it frame by frame. */
static bool read_carrier(owner *o) {
  if (o->carrier == 0 || o->in_bytes == 0) return false;
  size_t consumed = 0, wanted = 0;
  uint8_t *copy = exact_copy(o->in, o->in_bytes);
  (void)!lrm_link_recv(o->link, copy, o->in_bytes, &consumed, &wanted, o->now_ns);
  bool told = tell_events(o); /* payloads are borrowed from `copy` */
  free(copy);
  memmove(o->in, o->in + consumed, o->in_bytes - consumed);
  o->in_bytes -= consumed;
  return consumed > 0 || told;
}

/* Control frames, as the binding writes them. */
static void put_control(owner *o, const uint8_t *data, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    static uint8_t written[OUT_BYTES];
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    if (lrm_frame_decode(data + at, bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &consumed,
                         &wanted) != 0 ||
        consumed == 0) {
      say_broken("the link writes what is no frame");
      return;
    }
    size_t length = binding_write(&frame, written, sizeof written);
    append(&o->out, &o->out_bytes, &o->out_capacity, length > 0 ? written : data + at,
           length > 0 ? length : consumed);
    at += consumed;
  }
}

static bool write_control(owner *o) {
  static uint8_t data[OUT_BYTES];
  if (o->carrier == 0 || o->out_bytes > 0 || !lrm_link_has_outgoing(o->link)) return false;
  size_t written = 0;
  int error = lrm_link_outgoing(o->link, data, sizeof data, &written, o->now_ns);
  if (error != 0 || written == 0) {
    say_broken("outgoing writes nothing (%d)", error);
    return false;
  }
  put_control(o, data, written);
  return true;
}

static bool serves(const stock *s, const lrm_link_want *want) {
  if (s->channel != want->channel || s->tail != (want->kind == LRM_WANT_TAIL)) return false;
  if (s->tail) return s->frame.offset == want->offset && s->frame.count == want->index;
  return s->frame.offset + s->frame.count > want->offset &&
         (s->frame.offset <= want->offset || s->frame.part == 1);
}

/* What serves the link's want; NULL: the owner has it not yet. A set further on is the last
 * resort. */
static stock *stock_for(const owner *o, const lrm_link_want *want) {
  stock *found = NULL;
  for (stock *s = o->stocks; s != NULL; s = s->next)
    if (serves(s, want) && (found == NULL || s->frame.offset < found->frame.offset)) found = s;
  return found;
}

static bool write_stock(owner *o) {
  lrm_link_want want;
  if (o->carrier == 0 || o->out_bytes > 0) return false;
  for (size_t tries = lrm_link_channels(o->link); tries > 0; tries--) {
    if (!lrm_link_wanted(o->link, &want)) return false;
    stock *s = stock_for(o, &want);
    if (s == NULL) continue;
    uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
    size_t header_bytes = 0;
    lrm_frame frame = s->frame;
    int error = lrm_link_block(o->link, want.channel, &frame, header, &header_bytes, o->now_ns);
    if (error == LRM_ERR_TOO_LARGE) return true; /* the link has closed the channel */
    if (error != 0) {
      say_broken("a block that is wanted is not taken (%d)", error);
      return false;
    }
    append(&o->out, &o->out_bytes, &o->out_capacity, header, header_bytes);
    append(&o->out, &o->out_bytes, &o->out_capacity, frame.payload.data, frame.payload.bytes);
    return true;
  }
  return false;
}

/* Gives the carrier what it has room for. */
static bool flush(owner *o) {
  if (o->carrier == 0 || o->out_bytes == 0 || o->room == 0) return false;
  size_t bytes = o->out_bytes < o->room ? o->out_bytes : (size_t)o->room;
  if (!o->half_open) tell_bytes(o->carrier, o->out, bytes);
  memmove(o->out, o->out + bytes, o->out_bytes - bytes);
  o->out_bytes -= bytes;
  if (o->room != UINT64_MAX) o->room -= bytes;
  return true;
}

/* After a goodbye, said or heard, the carrier is closed as soon as all is written. */
static bool close_when_done(owner *o) {
  if (o->carrier == 0 || lrm_link_state_now(o->link) != LRM_LINK_CLOSING || o->out_bytes > 0 ||
      lrm_link_has_outgoing(o->link))
    return false;
  tell_closed(o->carrier);
  end_carrier(o);
  return true;
}

static bool dial(owner *o) {
  if (o->side != LRM_SIDE_CONNECTING || o->carrier != 0 || o->dialling ||
      lrm_link_attempt_ns(o->link) > o->now_ns)
    return false;
  o->dialling = true;
  tell_dial(++o->dials);
  return true;
}

void owner_turn(void) {
  owner *o = &the_owner;
  if (o->link == NULL) return;
  for (int turns = 0; turns < TURNS_MAX; turns++) {
    bool moved = tell_events(o);
    moved |= read_carrier(o);
    moved |= write_control(o);
    moved |= write_stock(o);
    moved |= flush(o);
    moved |= close_when_done(o);
    moved |= dial(o);
    if (!moved) return;
  }
  say_broken("the link does not come to rest");
}

/* ---- bytes and time ---- */

void owner_bytes(uint32_t carrier, const uint8_t *data, size_t bytes) {
  owner *o = &the_owner;
  if (o->carrier == 0 || carrier != o->carrier || o->half_open) return;
  append(&o->in, &o->in_bytes, &o->in_capacity, data, bytes);
  owner_turn();
}

void owner_room(uint32_t carrier, uint64_t bytes) {
  owner *o = &the_owner;
  if (o->carrier == 0 || carrier != o->carrier) return;
  o->room = bytes;
  owner_turn();
}

/* When something happens by itself. */
static uint64_t due(const owner *o) {
  uint64_t at = lrm_link_deadline(o->link);
  if (o->side == LRM_SIDE_CONNECTING && o->carrier == 0 && !o->dialling &&
      lrm_link_attempt_ns(o->link) < at)
    at = lrm_link_attempt_ns(o->link);
  return at;
}

void owner_advance(uint64_t ms) {
  owner *o = &the_owner;
  uint64_t until = o->now_ns + ms * MS;
  while (o->link != NULL && due(o) <= until && !has_said()) {
    uint64_t before = due(o);
    if (before > o->now_ns) o->now_ns = before;
    lrm_link_expire(o->link, o->now_ns);
    owner_turn();
    if (due(o) <= o->now_ns) say_broken("a timer that fired does not move on");
  }
  o->now_ns = until;
}

void owner_act(const char *json) {
  json_error_t error;
  json_t *act = json_loads(json, 0, &error);
  const char *name = json_object_iter_key(json_object_iter(act));
  if (name == NULL)
    say_broken("act: %s", error.text);
  else if (the_owner.link == NULL)
    say_broken("an act without a link");
  else
    act_do(name, json_object_get(act, name));
  json_decref(act);
  owner_turn();
}
