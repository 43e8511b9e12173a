/* What anybody may send to the relay's HTTP port: requests and, behind an upgrade, WebSocket
 * frames; and (bit 4 of the first byte) what a relay may send to a client whose WebSocket is up.
 * The input is cut into pieces, and between them time passes, answers are given, room
 * comes, the other side goes.
 *
 * The input is a script: an opcode byte, then
 *   0-199  a piece of that many bytes + 1, which follow
 *   200    room for one more KiB; 201 room for all
 *   202    ten seconds pass
 *   203    the exchange that waits is answered
 *   204    the other side is gone
 *   205    the site leaves
 *   206    an upgrade request arrives, as a browser sends it
 *   207    a masked frame follows: a byte of opcode, one of length, the payload
 *   208    the WebSocket's owner sends; 209 it closes
 *   210    no room from now on
 * Held: no callback after `down`, at most so much memory as arrived, every message within 1 MiB,
 * an answer begins with "HTTP/1.1 ", and everything is freed. */
#include <string.h>

#include "carrier_ws/carrier_ws_internal.h"
#include "carrier_ws/fake_carrier.h"
#include "site.h"
#include "target.h"

typedef struct world {
  http_site site;
  http_place place;
  fake_carrier *inner;
  lrm_carrier *socket;
  http_exchange *waiting;
  uint64_t now_ns;
  bool socket_down;
  bool client;
  size_t given, received;
} world;

static uint64_t now_ns(void *user) { return ((world *)user)->now_ns; }

static const char *unready(void *user) {
  return ((world *)user)->given % 2 == 0 ? NULL : "not now";
}

static size_t metrics(void *user, char *out, size_t out_bytes) {
  (void)user;
  return (size_t)snprintf(out, out_bytes, "up 1\n");
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  world *w = user;
  FUZZ_CHECK(!w->socket_down && carrier == w->socket);
  FUZZ_CHECK(bytes <= LRM_BATCH_BYTES_MAX && bytes <= w->given);
  *wanted = 0;
  size_t taken = bytes > 0 && data[0] == 'l' ? bytes / 2 : bytes; /* leaves some */
  w->received += taken;
  FUZZ_CHECK(w->received <= w->given);
  return taken;
}

static void on_moved(void *user, lrm_carrier *carrier) {
  FUZZ_CHECK(!((world *)user)->socket_down);
  (void)carrier;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  world *w = user;
  FUZZ_CHECK(!w->socket_down && carrier == w->socket && text != NULL);
  FUZZ_CHECK(error == 0 || text[0] != '\0');
  w->socket_down = true;
}

static const lrm_carrier_owner owner = {on_moved, on_received, on_moved, on_down};

static void on_accepted(void *user, lrm_carrier *carrier, const char *token) {
  (void)token;
  world *w = user;
  FUZZ_CHECK(w->socket == NULL);
  w->socket = carrier;
  if (w->now_ns % 2 == 1) { /* else nobody takes it */
    carrier->owner = owner;
    carrier->owner_user = w;
  } else {
    w->socket_down = true;
  }
}

static void on_gone(void *user) {
  world *w = user;
  FUZZ_CHECK(w->waiting != NULL);
  w->waiting = NULL;
}

static void on_poll(server *s, http_exchange *exchange, const http_post *post) {
  world *w = (world *)(void *)s;
  FUZZ_CHECK(w->waiting == NULL && post->bytes <= HTTP_BODY_BYTES_MAX && post->bytes <= w->given);
  FUZZ_CHECK(strlen(post->content_type) < 80 && post->peer[0] != '\0');
  if (post->bytes % 3 == 1) {
    http_answer(exchange, 200, "application/x-protobuf", post->body, post->bytes);
    return;
  }
  w->waiting = exchange;
  http_on_gone(exchange, on_gone, w);
}

/* What a page asks: its cookies are as it may set them, and it is answered at once. */
static void on_page(server *s, http_exchange *exchange, const http_page *page) {
  char fields[HTTP_FIELDS_BYTES_MAX];
  (void)s;
  FUZZ_CHECK(page->bytes <= HTTP_PAGE_BODY_BYTES_MAX);
  FUZZ_CHECK(page->token[0] == '\0' || http_cookie_good(page->token));
  FUZZ_CHECK(page->pairing[0] == '\0' || http_cookie_good(page->pairing));
  http_cookie_write(&page->cookies, HTTP_COOKIE_TOKEN, page->token, 60, fields, sizeof fields);
  FUZZ_CHECK(strlen(fields) < sizeof fields - 1);
  http_answer_fields(exchange, fields);
  http_answer(exchange, 200, "application/json", "{}", 2);
}

static const http_site_ops ops = {.page = on_page,
                                  .accepted = on_accepted,
                                  .unready = unready,
                                  .metrics = metrics,
                                  .poll = on_poll};

static void give(world *w, const void *data, size_t bytes) {
  w->given += bytes;
  fake_give(w->inner, data, bytes);
}

static void give_frame(world *w, uint8_t opcode, const uint8_t *payload, size_t bytes) {
  uint8_t frame[6 + 125] = {opcode, (uint8_t)(0x80 | bytes), 1, 2, 3, 4};
  for (size_t i = 0; i < bytes; i++) frame[6 + i] = payload[i] ^ frame[2 + i % 4];
  if (w->client) { /* a relay does not mask */
    frame[1] = (uint8_t)bytes;
    memcpy(frame + 2, payload, bytes);
  }
  give(w, frame, (w->client ? 2 : 6) + bytes);
}

static void give_upgrade(world *w) {
  static const char text[] =
      "GET /v1/link HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Protocol: remote.v1\r\n\r\n";
  give(w, text, sizeof text - 1);
}

static bool socket_up(const world *w) { return w->socket != NULL && !w->socket_down; }

/* One step; returns the bytes of the script that it took. */
static size_t step(world *w, uint8_t opcode, const uint8_t *data, size_t bytes) {
  lrm_slice part = {data, bytes < 100 ? bytes : 100};
  size_t taken = 0;
  switch (opcode) {
    case 200:
      fake_make_room(w->inner, w->inner->room + 1024);
      break;
    case 201:
      fake_make_room(w->inner, 128 * 1024);
      break;
    case 202:
      w->now_ns += UINT64_C(10000000000);
      http_site_tick(&w->site);
      break;
    case 203:
      if (w->waiting != NULL) {
        http_exchange *exchange = w->waiting;
        w->waiting = NULL;
        http_answer(exchange, 200, "text/plain", part.data, part.bytes);
      }
      break;
    case 204:
      fake_drop(w->inner, "gone");
      break;
    case 205:
      http_site_leave(&w->site);
      break;
    case 206:
      give_upgrade(w);
      break;
    case 207:
      if (bytes >= 2) {
        size_t length = data[1] % 126;
        taken = 2 + (length < bytes - 2 ? length : bytes - 2);
        give_frame(w, data[0], data + 2, taken - 2);
      }
      break;
    case 208:
      if (socket_up(w)) (void)(lrm_carrier_write(w->socket, &part, 1) == 0);
      break;
    case 209:
      if (socket_up(w)) lrm_carrier_close(w->socket, bytes % 2 == 0);
      break;
    case 210:
      w->inner->room = 0;
      break;
    default:
      taken = (size_t)opcode + 1 < bytes ? (size_t)opcode + 1 : bytes;
      give(w, data, taken);
      break;
  }
  return taken;
}

/* The connecting side: its WebSocket is up. */
static void begin_client(world *w) {
  ws_carrier *ws = lrm__ws_new(true);
  FUZZ_CHECK(ws != NULL);
  w->client = true;
  w->socket = &ws->base;
  ws->base.owner = owner;
  ws->base.owner_user = w;
  lrm__ws_begin(ws, &w->inner->base);
}

/* A turn of the loop: what was closed is down. */
static void turn(world *w) {
  fake_turn(w->inner);
  if (w->inner->out_bytes >= 9 && !w->client)
    FUZZ_CHECK(memcmp(w->inner->out, "HTTP/1.1 ", 9) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static char error[200];
  world w = {.now_ns = 1000, .place = {.local = true}};
  w.site.ops = &ops;
  w.site.user = &w;
  w.site.now_ns = now_ns;
  if (size == 0) return 0;
  w.now_ns += data[0] % 2;
  if (data[0] & 2) snprintf(w.place.prefix, sizeof w.place.prefix, "/relay");
  if (data[0] & 4) FUZZ_CHECK(http_config_proxy(&w.site.config, "127.0.0.1", error, sizeof error));
  if (data[0] & 8) FUZZ_CHECK(http_config_origin(&w.site.config, "https://a", error, sizeof error));
  w.inner = fake_new("127.0.0.1:1");
  if (data[0] & 16) {
    begin_client(&w);
  } else {
    http_connection_begin(&w.site, &w.place, &w.inner->base);
  }
  size_t at = 1;
  while (at < size && !w.inner->gone) {
    uint8_t opcode = data[at++];
    at += step(&w, opcode, data + at, size - at);
    turn(&w);
  }
  fake_free(w.inner);
  FUZZ_CHECK(w.site.count == 0 && w.waiting == NULL);
  FUZZ_CHECK(w.socket == NULL || w.socket_down);
  return 0;
}
