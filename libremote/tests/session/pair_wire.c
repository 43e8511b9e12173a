#include "pair_wire.h"

#include <string.h>

static void push(pair_bytes *to, const void *data, size_t bytes) {
  if (to->bytes + bytes > to->capacity) {
    to->capacity = 2 * (to->bytes + bytes);
    to->data = realloc(to->data, to->capacity);
    CHECK(to->data != NULL, "memory");
  }
  if (bytes != 0) memcpy(to->data + to->bytes, data, bytes);
  to->bytes += bytes;
}

static void drop(pair_bytes *from, size_t bytes) {
  memmove(from->data, from->data + bytes, from->bytes - bytes);
  from->bytes -= bytes;
}

void pair_wire_clear(pair_wire *wire) {
  wire->up.bytes = wire->down.bytes = wire->up_here.bytes = wire->down_here.bytes = 0;
  wire->cut = false;
}

void pair_wire_free(pair_wire *wire) {
  free(wire->up.data);
  free(wire->down.data);
  free(wire->up_here.data);
  free(wire->down_here.data);
}

static void move(pair_bytes *from, pair_bytes *to, pair_random *random) {
  if (from->bytes == 0) return;
  size_t bytes =
      pair_once_in(random, 3) ? 1 + (size_t)pair_below(random, from->bytes) : from->bytes;
  push(to, from->data, bytes);
  drop(from, bytes);
}

void pair_wire_move(pair_wire *wire, pair_random *random) {
  move(&wire->up, &wire->up_here, random);
  move(&wire->down, &wire->down_here, random);
}

static void receive(lrm_link *link, pair_bytes *in, const pair_driver *driver, uint64_t now_ns) {
  for (;;) {
    size_t consumed = 0, wanted = 0;
    if (in->bytes != 0) {
      int result = lrm_link_recv(link, in->data, in->bytes, &consumed, &wanted, now_ns);
      CHECK(result == 0 || lrm_link_state_now(link) == LRM_LINK_CLOSING, "recv: %d %s", result,
            lrm_link_error_detail(link));
      CHECK(result == 0, "protocol: %s", lrm_link_error_detail(link));
    }
    lrm_link_event event;
    bool heard = false;
    while (lrm_link_next_event(link, &event)) {
      heard = true;
      driver->event(driver->user, link, &event);
    }
    if (consumed != 0) drop(in, consumed);
    if (consumed == 0 && !heard) return;
  }
}

static bool send_wanted(lrm_link *link, pair_bytes *out, const pair_driver *driver,
                        uint64_t now_ns) {
  lrm_link_want want;
  if (!lrm_link_wanted(link, &want)) return false;
  lrm_frame frame;
  if (driver->fetch(driver->user, link, &want, &frame) != 0) return false;
  uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
  size_t bytes;
  MUST(lrm_link_block(link, want.channel, &frame, header, &bytes, now_ns));
  push(out, header, bytes);
  push(out, frame.payload.data, frame.payload.bytes);
  return true;
}

void pair_drive(lrm_link *link, pair_bytes *in, pair_bytes *out, const pair_driver *driver,
                uint64_t now_ns) {
  receive(link, in, driver, now_ns);
  if (now_ns >= lrm_link_deadline(link)) {
    lrm_link_expire(link, now_ns);
    receive(link, in, driver, now_ns);
  }
  while (out->bytes < LRM_CARRIER_BUFFER_BYTES_MAX) {
    uint8_t control[8192];
    size_t written;
    MUST(lrm_link_outgoing(link, control, sizeof control, &written, now_ns));
    push(out, control, written);
    if (written == 0 && !send_wanted(link, out, driver, now_ns)) return;
  }
}
