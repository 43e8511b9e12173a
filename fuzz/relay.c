/* The relay's core with a stranger beside an honest host and client. First byte: bit 0, the
 * stranger has a device of the same account (then the honest ones are away, and only the relay is
 * watched); bit 1, small credit windows; bit 2, it reads nothing. Then a script (script.h): its
 * pieces are bytes from the stranger; actions are in act().
 *
 * Holds beside a stranger of another account: the honest ones are told every message once and in
 * order, nobody is told of a protocol error, nothing of theirs is sent to it, and once faults stop,
 * all arrives and is acknowledged. Always: no crash, no leak, and memory within a bound. Where the
 * relay's nth allocation fails, the honest ones may be sent away, but only so that they come back.
 */
#include <pb_encode.h>
#include <string.h>

#include "failing.h"
#include "layout.h"
#include "relay_world.h"
#include "remote/v1/relay.pb.h"
#include "script.h"
#include "target.h"

const fuzz_layout fuzz_layout_here = {.head = 1, .is_script = true, .actions = 20};

enum { MEMORY_MAX = 4 << 20 };

typedef struct run {
  relay_world world;
  uint64_t generation; /* of the stranger's next HELLO */
  uint32_t channel;    /* of its next OPEN */
  bool same_account;
} run;

/* ---- what the stranger says ---- */

static void say(run *r, lrm_frame *frame, const pb_msgdesc_t *fields, const void *message) {
  uint8_t payload[2048], header[LRM_FRAME_HEADER_BYTES_MAX];
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  world_carrier *c = &r->world.carriers[WORLD_STRANGER];
  if (c->connection == NULL) return;
  if (message != NULL) {
    FUZZ_CHECK(pb_encode(&stream, fields, message));
    frame->payload = (lrm_slice){payload, stream.bytes_written};
  }
  bytes_put(&c->to_relay, header, lrm_frame_encode_header(frame, header));
  bytes_put(&c->to_relay, frame->payload.data, frame->payload.bytes);
}

/* A carrier of the honest host that comes late: its attempt is not above the last one. */
static bool be_late(const run *r, remote_v1_Hello *hello, uint8_t argument) {
  const honest *h = &r->world.host;
  uint64_t last = lrm_link_generation(h->link);
  if (r->same_account || r->world.carriers[WORLD_HOST].connection == NULL || last == 0)
    return false;
  memcpy(hello->link_id.bytes, h->link_id.bytes, 16);
  hello->generation = last - argument / 64 % last;
  snprintf(hello->token, sizeof hello->token, "%s", world_token_alice);
  return true;
}

static void say_hello(run *r, uint8_t argument) {
  remote_v1_Hello hello = remote_v1_Hello_init_zero;
  lrm_frame frame = {.type = LRM_FRAME_HELLO};
  const char *token = r->same_account ? world_token_phone : world_token_bob;
  if ((argument & 7) == 7) token = "";
  if ((argument & 7) == 6) token = "a wrong one";
  hello.version_min = hello.version_max = 1;
  hello.link_id.size = 16;
  hello.link_id.bytes[0] = 1 + (argument >> 6);
  hello.generation = argument & 8 ? r->generation : ++r->generation;
  hello.role = argument & 16 ? remote_v1_Role_ROLE_HOST : remote_v1_Role_ROLE_CLIENT;
  snprintf(hello.token, sizeof hello.token, "%s", token);
  snprintf(hello.agent, sizeof hello.agent, "stranger");
  if ((argument & 7) == 5 && be_late(r, &hello, argument)) world_cut(&r->world, WORLD_STRANGER, 0);
  (void)world_connect(&r->world, WORLD_STRANGER);
  r->channel = 1;
  say(r, &frame, remote_v1_Hello_fields, &hello);
}

/* The session of the honest ones, or one of its own. */
static void say_open(run *r, uint8_t argument) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  lrm_frame frame = {.type = LRM_FRAME_OPEN, .channel = r->channel++};
  lrm_id session = honest_id(argument & 64 ? "session" : "another"), epoch = honest_id("its own");
  open.session_id.size = 16;
  memcpy(open.session_id.bytes, session.bytes, 16);
  open.direction = argument & 1 ? remote_v1_Direction_DIRECTION_PUBLISH
                                : remote_v1_Direction_DIRECTION_SUBSCRIBE;
  open.log = argument & 2 ? remote_v1_Log_LOG_COMMANDS : remote_v1_Log_LOG_EVENTS;
  open.epoch.size = argument & 4 ? 16 : 0;
  memcpy(open.epoch.bytes, epoch.bytes, 16);
  if (argument & 1 && argument & 2) open.epoch.bytes[0] = 0; /* an outbox is named by its link */
  open.next = argument >> 3 & 3;
  open.writer_generation = 1 + (argument >> 5 & 1) * 2000u;
  open.start = argument & 128 ? remote_v1_Start_START_BEGINNING : 0;
  say(r, &frame, remote_v1_Open_fields, &open);
}

static void say_block(run *r, uint8_t argument) {
  lrm_frame frame = {.type = argument & 128 ? LRM_FRAME_TAIL : LRM_FRAME_BLOCK,
                     .channel = 1 + (argument & 3),
                     .offset = argument >> 2 & 7,
                     .count = argument & 128 ? argument >> 5 & 3 : 1,
                     .flags = argument & 64 ? LRM_FLAG_CLEARS_TAIL : 0};
  static const uint8_t event[] = {2, 8, 1};
  frame.payload = (lrm_slice){event, sizeof event};
  say(r, &frame, NULL, NULL);
}

static void say_request(run *r, uint8_t argument) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  lrm_frame frame = {.type = LRM_FRAME_REQUEST};
  lrm_id session = honest_id(argument & 128 ? "session" : "another"),
         device = honest_id(argument & 64 ? "alice-laptop-id" : "bob-laptop---id");
  request.id = 1 + (argument >> 4 & 3);
  switch (argument % 6) {
    case 0:
      request.which_call = remote_v1_Request_list_sessions_tag;
      break;
    case 1:
      request.which_call = remote_v1_Request_watch_sessions_tag;
      break;
    case 2:
      request.which_call = remote_v1_Request_delete_session_tag;
      request.call.delete_session.session_id.size = 16;
      memcpy(request.call.delete_session.session_id.bytes, session.bytes, 16);
      break;
    case 3:
      request.which_call = remote_v1_Request_list_devices_tag;
      break;
    case 4:
      request.which_call = remote_v1_Request_revoke_device_tag;
      request.call.revoke_device.device_id.size = 16;
      memcpy(request.call.revoke_device.device_id.bytes, device.bytes, 16);
      break;
    default:
      request.which_call = remote_v1_Request_cancel_tag;
      request.call.cancel.request_id = 1 + (argument >> 6);
  }
  say(r, &frame, remote_v1_Request_fields, &request);
}

static void say_ack(run *r, uint8_t argument) {
  lrm_frame frame = {.type = LRM_FRAME_ACK,
                     .channel = 1 + (argument & 3),
                     .offset = argument >> 2 & 15,
                     .credit = argument & 64 ? 100000 : 0};
  say(r, &frame, NULL, NULL);
}

/* ---- actions ---- */

static void act(run *r, uint8_t action, uint8_t argument) {
  relay_world *w = &r->world;
  int one = argument & 128 ? WORLD_HOST : WORLD_CLIENT;
  switch (action % 20) {
    case 0:
      world_commit(w);
      break;
    case 1:
      honest_say(&w->host, 1 + argument % 3, w->now_ns);
      break;
    case 2:
      honest_say(&w->client, 1, w->now_ns);
      break;
    case 3:
      world_pass(w, (uint64_t)argument * 50);
      break;
    case 4:
      world_cut(w, one, argument & 3);
      break;
    case 5:
      if (!r->same_account) (void)world_connect(w, one);
      break;
    case 6:
      world_crash(w);
      break;
    case 7:
      say_hello(r, argument);
      break;
    case 8:
      world_cut(w, WORLD_STRANGER, 0);
      break;
    case 9:
      say_open(r, argument);
      break;
    case 10:
      say_block(r, argument);
      break;
    case 11:
      world_freeze(w);
      break;
    case 12:
      world_settle(w);
      break;
    case 13:
      w->client.lazy = argument & 1;
      w->host.lazy = argument & 2;
      break;
    case 14:
      honest_own(&w->client, w->now_ns);
      honest_own(&w->host, w->now_ns);
      break;
    case 15:
      FUZZ_CHECK(relay_prune(w->relay, w->now_ns, w->wall_ms) == 0 || r->world.memory.failed > 0);
      break;
    case 16:
      say_request(r, argument);
      break;
    case 17:
      lrm_store_memory_fail(w->store, LRM_ERR_DISK_FULL, argument & 3);
      break;
    case 18:
      say_ack(r, argument);
      break;
    default:
      failing_plan(&r->world.memory, argument & 63, 1 + (argument >> 6));
  }
}

/* Nothing ends for the honest ones but for want of memory, and then they may come back. */
static void check_honest(const run *r, const honest *h) {
  FUZZ_CHECK(h->code == 0 || (r->world.memory.failed > 0 && lrm_code_reconnects(h->code)));
}

static void speak(run *r, const uint8_t *data, size_t size) {
  world_carrier *c = &r->world.carriers[WORLD_STRANGER];
  if (c->connection == NULL) (void)world_connect(&r->world, WORLD_STRANGER);
  if (c->connection != NULL) bytes_put(&c->to_relay, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static run r;
  if (size < 1) return 0;
  memset(&r, 0, sizeof r);
  relay_world *w = &r.world;
  r.same_account = data[0] & 1;
  world_begin(w, data[0] & 2 ? 300 : 0);
  w->deaf = data[0] & 4;
  for (int i = 0; r.same_account && i < WORLD_STRANGER; i++) world_cut(w, i, 0);
  fuzz_script script = {data, size, 1};
  for (fuzz_step step; fuzz_script_next(&script, &step);) {
    if (step.is_piece)
      speak(&r, step.piece, step.piece_bytes);
    else
      act(&r, step.action, step.argument);
    world_run(w);
    FUZZ_CHECK(relay_stats_now(w->relay).memory_bytes <= MEMORY_MAX);
    FUZZ_CHECK(r.same_account || !w->told_secret);
    check_honest(&r, &w->host);
    check_honest(&r, &w->client);
  }
  if (!r.same_account) world_converge(w);
  FUZZ_CHECK(!relay_broken(w->relay) || w->memory.failed > 0);
  world_end(w);
  return 0;
}
