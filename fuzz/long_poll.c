/* Bodies of long-poll POSTs at the relay's core. First byte: bit 0, a stranger of another account
 * sends them (then honest people are beside it), else a device of the same account does; bit 1,
 * HELLO is not ours but theirs; bit 2, nothing can be committed for a while; bit 3, the other side
 * goes away before the answer; bit 4, the answer has to be fetched by a second exchange while the
 * first still waits. The rest is the body.
 *
 * Holds: an answer comes within 25 s, at once where there is a fault; it is whole frames, at most
 * 1 MiB, begins with WELCOME, REFUSE or GOAWAY, or is empty where a later exchange came; no PING;
 * nothing of the honest ones; memory is bounded and comes back; what was let in between two
 * exchanges is gone after 25 s. */
#include <pb_encode.h>
#include <string.h>

#include "layout.h"
#include "long_poll.h"
#include "relay_world.h"
#include "remote/v1/relay.pb.h"
#include "target.h"

const fuzz_layout fuzz_layout_here = {.head = 1};

enum { MEMORY_MAX = 8 << 20, BODY_MAX = 64 * 1024 };
#define SECOND UINT64_C(1000000000)

enum { STRANGER = 1, OWN_HELLO = 2, HELD = 4, GOES = 8, TWICE = 16 };

static size_t put_hello(uint8_t *out, size_t room, bool stranger, uint64_t exchange) {
  remote_v1_Hello hello = remote_v1_Hello_init_zero;
  uint8_t payload[512];
  size_t written = 0;
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  hello.version_min = hello.version_max = 1;
  hello.link_id.size = 16;
  memset(hello.link_id.bytes, 7, 16);
  hello.generation = 1;
  hello.exchange = exchange;
  snprintf(hello.token, sizeof hello.token, "%s", stranger ? world_token_bob : world_token_phone);
  snprintf(hello.agent, sizeof hello.agent, "poller");
  FUZZ_CHECK(pb_encode(&stream, remote_v1_Hello_fields, &hello));
  lrm_frame frame = {.type = LRM_FRAME_HELLO, .payload = {payload, stream.bytes_written}};
  FUZZ_CHECK(lrm_frame_encode(&frame, out, room, &written) == 0);
  return written;
}

static void check_answer(lrm_slice answer, bool may_be_empty) {
  FUZZ_CHECK(answer.bytes <= LRM_BATCH_BYTES_MAX);
  FUZZ_CHECK(answer.bytes > 0 || may_be_empty);
  for (size_t at = 0; at < answer.bytes;) {
    lrm_frame frame;
    size_t taken = 0, wanted = 0;
    FUZZ_CHECK(lrm_frame_decode(answer.data + at, answer.bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX,
                                &frame, &taken, &wanted) == 0);
    FUZZ_CHECK(taken > 0 && frame.type != LRM_FRAME_PING);
    bool greets = frame.type == LRM_FRAME_WELCOME || frame.type == LRM_FRAME_REFUSE ||
                  frame.type == LRM_FRAME_GOAWAY;
    FUZZ_CHECK(at > 0 || greets);
    at += taken;
  }
}

static relay_poll *begin(relay_world *w, const uint8_t *data, size_t size, uint64_t exchange) {
  static uint8_t body[BODY_MAX + 1024];
  size_t used = 0;
  relay_poll *poll = NULL;
  if (size - 1 > BODY_MAX) size = BODY_MAX + 1;
  if ((data[0] & OWN_HELLO) == 0) used = put_hello(body, sizeof body, data[0] & STRANGER, exchange);
  memcpy(body + used, data + 1, size - 1);
  FUZZ_CHECK(relay_poll_begin(w->relay, NULL, "fuzz", body, used + size - 1, w->now_ns, &poll) ==
             0);
  return poll;
}

/* A turn of its driver. True: it is done. */
static bool turn(relay_world *w, relay_poll *poll, bool held) {
  for (int i = 0; i < 4; i++) {
    relay_poll_turn(poll, w->now_ns, w->wall_ms);
    world_run(w);
    if (!held) world_commit(w);
  }
  FUZZ_CHECK(relay_stats_now(w->relay).memory_bytes <= MEMORY_MAX);
  return relay_poll_done(poll, w->now_ns);
}

static void serve(relay_world *w, relay_poll *poll, bool held, bool may_be_empty) {
  uint64_t began_ns = w->now_ns;
  while (!turn(w, poll, held && w->now_ns < began_ns + 5 * SECOND)) {
    uint64_t due_ns = relay_poll_due_ns(poll);
    FUZZ_CHECK(due_ns <= began_ns + 25 * SECOND);
    uint64_t ms = due_ns > w->now_ns ? (due_ns - w->now_ns) / 1000000 + 1 : 1;
    world_pass(w, ms < 1000 ? ms : 1000);
    FUZZ_CHECK(w->now_ns <= began_ns + 27 * SECOND);
  }
  check_answer(relay_poll_answer(poll), may_be_empty);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static relay_world w;
  if (size < 1) return 0;
  bool stranger = data[0] & STRANGER;
  memset(&w, 0, sizeof w);
  world_begin(&w, 0);
  relay_poll *first = begin(&w, data, size, 1);
  if (data[0] & TWICE) {
    (void)turn(&w, first, data[0] & HELD);
    relay_poll *second = begin(&w, data, size, 2);
    serve(&w, second, data[0] & HELD, true);
    relay_poll_end(second, true, w.now_ns, w.wall_ms);
    serve(&w, first, false, true);
  } else if ((data[0] & GOES) == 0) {
    serve(&w, first, data[0] & HELD, data[0] & OWN_HELLO); /* GOAWAY alone */
  }
  relay_poll_end(first, (data[0] & GOES) == 0, w.now_ns, w.wall_ms);
  FUZZ_CHECK(!stranger || !w.told_secret);
  for (int i = 0; i < 30; i++) world_pass(&w, 1000);
  FUZZ_CHECK(relay_due_ns(w.relay) == UINT64_MAX); /* nobody is between two exchanges */
  if (stranger) world_converge(&w);
  FUZZ_CHECK(!relay_broken(w.relay));
  world_end(&w);
  return 0;
}
