/* WebSocket on a carrier of bytes, without sockets: messages however they are cut, what is refused
 * with which code, pings, closing, room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "carrier_ws/carrier_ws_internal.h"
#include "carrier_ws/fake_carrier.h"

typedef struct owner {
  lrm_carrier *carrier;
  uint8_t *got; /* all messages, one after the other */
  size_t got_bytes, messages, writable, down;
  size_t leave; /* bytes that are not consumed */
  int error;
  char text[160];
} owner;

static void on_up(void *user, lrm_carrier *carrier) {
  (void)user;
  (void)carrier;
}

static size_t on_received(void *user, lrm_carrier *carrier, const uint8_t *data, size_t bytes,
                          size_t *wanted) {
  owner *o = user;
  (void)carrier;
  *wanted = 0;
  assert_int_equal(o->down, 0);
  if (o->leave >= bytes) return 0;
  size_t taken = bytes - o->leave;
  o->got = realloc(o->got, o->got_bytes + taken + 1);
  assert_non_null(o->got);
  memcpy(o->got + o->got_bytes, data, taken);
  o->got_bytes += taken;
  o->messages++;
  return taken;
}

static void on_writable(void *user, lrm_carrier *carrier) {
  (void)carrier;
  ((owner *)user)->writable++;
}

static void on_down(void *user, lrm_carrier *carrier, int error, const char *text) {
  owner *o = user;
  (void)carrier;
  assert_int_equal(o->down++, 0);
  o->error = error;
  snprintf(o->text, sizeof o->text, "%s", text);
}

static const lrm_carrier_owner callbacks = {on_up, on_received, on_writable, on_down};

static bool leaving;

/* The accepting side. */
static fake_carrier *open_server(owner *o) {
  fake_carrier *inner = fake_new("192.0.2.1:5");
  memset(o, 0, sizeof *o);
  leaving = false;
  o->carrier = lrm_ws_accept(&inner->base, &leaving);
  assert_non_null(o->carrier);
  assert_string_equal(o->carrier->peer, "192.0.2.1:5");
  o->carrier->owner = callbacks;
  o->carrier->owner_user = o;
  return inner;
}

static void end(fake_carrier *inner, owner *o) {
  fake_free(inner);
  assert_int_equal(o->down, 1);
  free(o->got);
}

/* One frame as a client sends it: masked. Returns its bytes. */
static size_t frame(uint8_t *out, uint8_t first, const void *payload, size_t bytes) {
  static const uint8_t mask[4] = {0x11, 0x22, 0x33, 0x44};
  size_t at = ws_head_write((ws_opcode)(first & 15), bytes, mask, out);
  out[0] = first;
  if (bytes > 0) memcpy(out + at, payload, bytes);
  ws_mask(out + at, bytes, mask, 0);
  return at + bytes;
}

static void messages_however_they_are_cut(void **state) {
  (void)state;
  uint8_t text[4096], wire[8192];
  for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)(i * 7);
  for (size_t piece = 1; piece < 200; piece = piece * 2 + 1) {
    owner o;
    fake_carrier *inner = open_server(&o);
    size_t at = 0;
    at += frame(wire + at, 0x02, text, 10); /* in three frames, a ping and a pong inside */
    at += frame(wire + at, 0x89, "ping", 4);
    at += frame(wire + at, 0x00, text + 10, 0);
    at += frame(wire + at, 0x8a, "pong", 4);
    at += frame(wire + at, 0x80, text + 10, 300);
    at += frame(wire + at, 0x82, text + 310, sizeof text - 310); /* in one */
    at += frame(wire + at, 0x82, "", 0);
    fake_give_in(inner, wire, at, piece);
    assert_int_equal(o.messages, 2);
    assert_int_equal(o.got_bytes, sizeof text);
    assert_memory_equal(o.got, text, sizeof text);
    assert_int_equal(inner->out_bytes, 6); /* one pong */
    assert_memory_equal(inner->out, "\x8a\x04ping", 6);
    assert_false(inner->closed);
    end(inner, &o);
  }
}

/* What the other side sees when bytes are wrong: a close frame with this code. */
static void expect_close(const void *wire, size_t bytes, unsigned code) {
  for (size_t piece = 1; piece <= bytes; piece += bytes > 1 ? bytes - 1 : 1) {
    owner o;
    fake_carrier *inner = open_server(&o);
    fake_give_in(inner, wire, bytes, piece);
    if (!inner->closed) fail_msg("not closed: wanted %u", code);
    assert_true(inner->flushed);
    assert_true(inner->out_bytes >= 2);
    assert_int_equal(inner->out[0], 0x88);
    unsigned got = inner->out[1] >= 2 ? (unsigned)inner->out[2] << 8 | inner->out[3] : 1005;
    assert_int_equal(got, code);
    assert_int_equal(o.messages, 0);
    end(inner, &o);
    assert_int_equal(o.error, LRM_ERR_CARRIER);
    assert_true(o.text[0] != '\0');
  }
}

static void refuses_with_a_code(void **state) {
  (void)state;
  static const struct {
    const char *wire;
    size_t bytes;
    unsigned code;
  } cases[] = {{"\x81\x81\0\0\0\0a", 7, 1003}, /* text */
               {"\x01\x81\0\0\0\0a", 7, 1003}, /* text, first of several */
               {"\x82\x01"
                "a",
                3, 1002},                                          /* not masked */
               {"\xc2\x81\0\0\0\0a", 7, 1002},                     /* compressed: RSV1 */
               {"\xa2\x81\0\0\0\0a", 7, 1002},                     /* RSV2 */
               {"\x92\x81\0\0\0\0a", 7, 1002},                     /* RSV3 */
               {"\x83\x81\0\0\0\0a", 7, 1002},                     /* reserved opcode */
               {"\x8b\x80\0\0\0\0", 6, 1002},                      /* reserved control opcode */
               {"\x80\x81\0\0\0\0a", 7, 1002},                     /* goes on with nothing */
               {"\x00\x81\0\0\0\0a", 7, 1002},                     /* the same */
               {"\x02\x80\0\0\0\0\x82\x80\0\0\0\0", 12, 1002},     /* a message inside another */
               {"\x09\x80\0\0\0\0", 6, 1002},                      /* a ping in parts */
               {"\x89\xfe\0\x7e\0\0\0\0", 8, 1002},                /* a ping of 126 */
               {"\x82\xfe\0\x7d\0\0\0\0", 8, 1002},                /* 16 bits for 125 */
               {"\x82\xff\0\0\0\0\0\0\xff\xff\0\0\0\0", 14, 1002}, /* 64 bits for 65535 */
               {"\x82\xff\x80\0\0\0\0\1\0\0\0\0\0\0", 14, 1002},   /* 2^63 */
               {"\x82\xff\0\0\0\0\0\x10\0\1\0\0\0\0", 14, 1009},   /* 1 MiB + 1 */
               {"\x82\xff\0\0\0\xff\0\0\0\1\0\0\0\0", 14, 1009},   /* a terabyte */
               {"\x88\x81\0\0\0\0\x03", 7, 1002},                  /* close: half a code */
               {"\x88\x82\0\0\0\0\x03\xed", 8, 1002},              /* close: 1005 */
               {"\x88\x82\0\0\0\0\x03\xee", 8, 1002},              /* close: 1006 */
               {"\x88\x82\0\0\0\0\x03\xe7", 8, 1002},              /* close: 999 */
               {"\x88\x82\0\0\0\0\x13\x88", 8, 1002},              /* close: 5000 */
               {"\x88\x83\0\0\0\0\x03\xe8\xff", 9, 1002},          /* close: not UTF-8 */
               {"\x88\x84\0\0\0\0\x03\xe8\xc0\x80", 10, 1002},     /* close: overlong */
               {"\x88\x85\0\0\0\0\x03\xe8\xed\xa0\x80", 11, 1002}, /* close: surrogate */
               {"\x88\x84\0\0\0\0\x03\xe8\xe2\x82", 10, 1002},     /* close: cut character */
               {"\x88\x80\0\0\0\0", 6, 1005},                      /* closes in order: echoed */
               {"\x88\x82\0\0\0\0\x03\xe8", 8, 1000},
               {"\x88\x82\0\0\0\0\x0b\xb8", 8, 3000},
               {"\x88\x87\0\0\0\0\x03\xe9\xe2\x82\xac"
                "ab",
                13, 1001}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    expect_close(cases[i].wire, cases[i].bytes, cases[i].code);
  }
}

/* A message of 1 MiB is taken, also in frames; one byte more is not, wherever it stands. */
static void up_to_1_mib(void **state) {
  (void)state;
  const size_t most = LRM_BATCH_BYTES_MAX;
  uint8_t *payload = calloc(1, most + 1), *wire = malloc(most + 100);
  assert_non_null(payload);
  assert_non_null(wire);
  for (int over = 0; over < 2; over++) {
    owner o;
    fake_carrier *inner = open_server(&o);
    lrm_slice hello = {(const uint8_t *)"x", 1};
    assert_int_equal(lrm_carrier_write(o.carrier, &hello, 1), 0); /* past the first answer */
    fake_take(inner);
    fake_give(inner, wire, frame(wire, 0x82, payload, most));
    assert_int_equal(o.got_bytes, most);
    fake_give_in(inner, wire, frame(wire, 0x02, payload, most - 5), 65536);
    fake_give(inner, wire, frame(wire, 0x80, payload, 5 + (size_t)over));
    assert_int_equal(o.got_bytes, over ? most : 2 * most);
    assert_int_equal(inner->closed, over);
    if (over) assert_memory_equal(inner->out, "\x88\x1c\x03\xf1", 4); /* 1009 and a reason */
    end(inner, &o);
  }
  free(payload);
  free(wire);
}

/* Before the first answer no more is kept than what a link takes before WELCOME. */
static void little_before_the_first_answer(void **state) {
  (void)state;
  uint8_t payload[20000] = {0}, wire[20100];
  owner o;
  fake_carrier *inner = open_server(&o);
  size_t bytes = frame(wire, 0x02, payload, sizeof payload);
  fake_give_in(inner, wire, bytes, 1000);
  assert_true(o.messages > 0); /* told before it is complete: its owner ends it */
  assert_in_range(o.got_bytes, 16 * 1024, 18 * 1024);
  end(inner, &o);
}

static void what_is_left_is_offered_again(void **state) {
  (void)state;
  uint8_t wire[100];
  owner o;
  fake_carrier *inner = open_server(&o);
  o.leave = 2;
  fake_give(inner, wire, frame(wire, 0x82, "abcd", 4));
  assert_int_equal(o.got_bytes, 2);
  o.leave = 0;
  fake_give(inner, wire, frame(wire, 0x82, "ef", 2));
  assert_int_equal(o.got_bytes, 6);
  assert_memory_equal(o.got, "abcdef", 6);
  end(inner, &o);
}

static void closes_and_says_why(void **state) {
  (void)state;
  for (int way = 0; way < 4; way++) {
    owner o;
    fake_carrier *inner = open_server(&o);
    leaving = way == 1;
    if (way < 2) lrm_carrier_close(o.carrier, true);
    if (way == 2) lrm_carrier_close(o.carrier, false);
    if (way == 3) lrm_ws_refuse(o.carrier);
    assert_true(inner->closed);
    assert_int_equal(inner->flushed, way != 2);
    static const char *const wanted[] = {"\x88\x02\x03\xe8", "\x88\x02\x03\xe9", "",
                                         "\x88\x1a\x03\xf5"};
    assert_memory_equal(inner->out, wanted[way], way == 2 ? 0 : 4);
    lrm_slice more = {(const uint8_t *)"x", 1};
    assert_int_equal(lrm_carrier_write(o.carrier, &more, 1), LRM_ERR_CARRIER);
    assert_int_equal(lrm_carrier_room(o.carrier), 0);
    lrm_carrier_close(o.carrier, true); /* again: nothing */
    fake_turn(inner);
    assert_int_equal(o.down, 1);
    assert_int_equal(o.error, 0);
    end(inner, &o);
  }
  owner o;
  fake_carrier *inner = open_server(&o);
  fake_drop(inner, "connection lost");
  assert_int_equal(o.error, LRM_ERR_CARRIER);
  assert_string_equal(o.text, "connection lost");
  end(inner, &o);
}

/* A reader that stands still costs what the inner carrier holds; pings do not add to it. */
static void room_and_pongs(void **state) {
  (void)state;
  uint8_t wire[200];
  owner o;
  fake_carrier *inner = open_server(&o);
  inner->room = 100;
  assert_int_equal(lrm_carrier_room(o.carrier), 100);
  lrm_slice part = {(const uint8_t *)"01234567890123456789012345678901234567890123456789", 50};
  lrm_slice parts[2] = {part, part};
  assert_int_equal(lrm_carrier_write(o.carrier, parts, 2), 0);
  assert_int_equal(lrm_carrier_room(o.carrier), 0);
  size_t before = inner->out_bytes;
  for (int i = 0; i < 1000; i++) {
    char text[8];
    snprintf(text, sizeof text, "%04d", i);
    fake_give(inner, wire, frame(wire, 0x89, text, 4));
  }
  assert_int_equal(inner->out_bytes, before);
  fake_take(inner);
  fake_make_room(inner, 1000);
  assert_int_equal(inner->out_bytes, 6); /* the last ping is answered */
  assert_memory_equal(inner->out,
                      "\x8a\x04"
                      "0999",
                      6);
  assert_int_equal(o.writable, 1);
  end(inner, &o);
}

/* A client masks what it sends, each message otherwise, and takes only what is not masked. */
static void client_masks(void **state) {
  (void)state;
  owner o = {0};
  fake_carrier *inner = fake_new("192.0.2.1:5");
  ws_carrier *ws = lrm__ws_new(true);
  assert_non_null(ws);
  lrm__ws_begin(ws, &inner->base);
  o.carrier = &ws->base;
  ws->base.owner = callbacks;
  ws->base.owner_user = &o;
  uint8_t first[6 + 12];
  for (int i = 0; i < 2; i++) {
    lrm_slice parts[2] = {{(const uint8_t *)"hello ", 6}, {(const uint8_t *)"world!", 6}};
    assert_int_equal(lrm_carrier_write(o.carrier, parts, 2), 0);
    assert_int_equal(inner->out_bytes, sizeof first);
    assert_memory_equal(inner->out, "\x82\x8c", 2);
    if (i == 1) assert_memory_not_equal(inner->out + 2, first + 2, 4);
    memcpy(first, inner->out, sizeof first);
    ws_mask(inner->out + 6, 12, inner->out + 2, 0);
    assert_memory_equal(inner->out + 6, "hello world!", 12);
    fake_take(inner);
  }
  fake_give(inner,
            "\x82\x03"
            "abc",
            5);
  assert_int_equal(o.got_bytes, 3);
  fake_give(inner, "\x82\x81\0\0\0\0a", 7); /* masked */
  assert_true(inner->closed);
  end(inner, &o);
  assert_non_null(strstr(o.text, "WebSocket wrongly"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(messages_however_they_are_cut),
                                     cmocka_unit_test(refuses_with_a_code),
                                     cmocka_unit_test(up_to_1_mib),
                                     cmocka_unit_test(little_before_the_first_answer),
                                     cmocka_unit_test(what_is_left_is_offered_again),
                                     cmocka_unit_test(closes_and_says_why),
                                     cmocka_unit_test(room_and_pongs),
                                     cmocka_unit_test(client_masks)};
  return cmocka_run_group_tests_name("ws_frames", tests, NULL, NULL);
}
