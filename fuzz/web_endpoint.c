/* What a relay may send to the web client's module, and a page call, in any order
 * (tools/web/link/wasm). First byte: bit 0, GREASE; bit 1, the first session also sends commands.
 * Then a script (script.h): a piece is what comes on the carrier; actions are in act(), some of
 * them what a relay that keeps the rules would answer.
 *
 * Holds: what is lent can be read and is what its type says; events of a session rise until they
 * are reset; what is told belongs to what is open; what is written is whole frames, HELLO first;
 * everything comes to rest, and is freed. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes" /* JavaScript calls them */
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "../tools/web/link/wasm/endpoint.c"
#include "../tools/web/link/wasm/endpoint_parts.c"
#include "../tools/web/link/wasm/view.c"

#include <pb_decode.h>

#include "layout.h"
#include "remote/v1/command.pb-c.h"
#include "remote/v1/event.pb-c.h"
#include "script.h"
#include "target.h"

enum {
  ACTIONS = 24,
  OUT_BYTES = 512 * 1024,
  CHANNELS = 64,
  HANDLES_MAX = 256,
  EVENTS_MAX = 100000
};

const fuzz_layout fuzz_layout_here = {.head = 1, .is_script = true, .actions = ACTIONS};

typedef struct channel {
  bool open, opened, publishes, commands;
  uint64_t next, sent;
} channel;

typedef struct followed {
  part_kind kind; /* 0: not open */
  bool any;
  double last; /* offset of the newest event */
} followed;

typedef struct run {
  endpoint *e;
  double now_ms;
  bool attached, welcomed, said;
  channel channels[CHANNELS];
  followed handles[HANDLES_MAX];
  uint32_t newest[4]; /* handle of each kind */
  uint8_t command[16];
} run;

static uint8_t out[OUT_BYTES];
static const uint8_t epoch[16] = {5, 5, 5, 5}, session[16] = {9, 9, 9, 9};

/* ---- what is told ---- */

static void read_event(run *r, const endpoint_event *event) {
  const uint8_t *data = (const uint8_t *)event->data;
  volatile uint8_t sum = 0;
  for (uint32_t i = 0; i < event->bytes; i++) sum = (uint8_t)(sum + data[i]);
  if (event->source == 0) return;
  FUZZ_CHECK(event->source < HANDLES_MAX);
  followed *f = &r->handles[event->source];
  FUZZ_CHECK(f->kind == PART_CLIENT || f->kind == PART_HISTORY);
  if (f->kind == PART_HISTORY) return;
  if (event->flags & EVENT_RESET) f->any = false;
  if (event->type == LRM_CLIENT_COMMAND) memcpy(r->command, event->id, sizeof r->command);
  if (event->type != LRM_CLIENT_EVENT) return;
  lrm_preflight_limits limits = lrm_preflight_defaults(event->bytes);
  FUZZ_CHECK(lrm_preflight(&lrm_schema_Event, data, event->bytes, &limits, NULL) == 0);
  FUZZ_CHECK(!f->any || event->offset > f->last);
  f->any = true;
  f->last = event->offset;
}

/* ---- what it writes ---- */

static void heard_open(run *r, const lrm_frame *frame) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(frame->payload.data, frame->payload.bytes);
  FUZZ_CHECK(pb_decode(&stream, remote_v1_Open_fields, &open));
  if (frame->channel >= CHANNELS) return;
  bool known = open.epoch.size == 16 && memcmp(open.epoch.bytes, epoch, 16) == 0;
  r->channels[frame->channel] =
      (channel){.open = true,
                .publishes = open.direction == remote_v1_Direction_DIRECTION_PUBLISH,
                .commands = open.log == remote_v1_Log_LOG_COMMANDS,
                .next = known ? open.next : 0};
}

static void read_frames(run *r, size_t bytes) {
  for (size_t at = 0; at < bytes;) {
    lrm_frame frame;
    size_t taken = 0, wanted = 0;
    FUZZ_CHECK(lrm_frame_decode(out + at, bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame, &taken,
                                &wanted) == 0);
    FUZZ_CHECK(taken > 0 && r->attached);
    FUZZ_CHECK(r->said || frame.type == LRM_FRAME_HELLO ||
               frame.type >= LRM_FRAME_TYPE_SKIPPED_MIN);
    r->said = r->said || frame.type == LRM_FRAME_HELLO;
    if (frame.type == LRM_FRAME_OPEN) heard_open(r, &frame);
    if (frame.type == LRM_FRAME_CLOSE && frame.channel < CHANNELS)
      r->channels[frame.channel].open = false;
    if (frame.type == LRM_FRAME_BLOCK && frame.channel < CHANNELS)
      r->channels[frame.channel].sent = frame.offset + frame.count;
    at += taken;
  }
}

/* One turn, as a driver does it. */
static void turn(run *r) {
  endpoint_event event;
  unsigned events = 0;
  while (remote_next(r->e, &event) != 0) {
    read_event(r, &event);
    FUZZ_CHECK(++events < EVENTS_MAX);
  }
  uint32_t bytes;
  unsigned times = 0;
  while ((bytes = remote_outgoing(r->e, out, OUT_BYTES, r->now_ms)) != 0) {
    FUZZ_CHECK(bytes <= OUT_BYTES && ++times < 1000);
    read_frames(r, bytes);
  }
}

/* ---- the relay ---- */

static void come(run *r, const uint8_t *data, size_t bytes) {
  /* Exactly these bytes, so that reading beyond them is noticed. */
  uint8_t *copy = malloc(bytes != 0 ? bytes : 1);
  FUZZ_CHECK(copy != NULL);
  if (bytes != 0) memcpy(copy, data, bytes);
  int result = remote_feed(r->e, copy, (uint32_t)bytes, r->now_ms);
  FUZZ_CHECK(result == 0 || result == LRM_ERR_LIMIT);
  free(copy);
  turn(r);
}

static void come_frame(run *r, lrm_frame frame, const void *payload, size_t bytes) {
  static uint8_t data[LRM_FRAME_PAYLOAD_BYTES_MAX + 256];
  size_t written = 0;
  frame.payload = (lrm_slice){payload, bytes};
  FUZZ_CHECK(lrm_frame_encode(&frame, data, sizeof data, &written) == 0);
  come(r, data, written);
}

static void come_message(run *r, lrm_frame frame, const pb_msgdesc_t *fields, const void *message) {
  uint8_t payload[2048];
  pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
  FUZZ_CHECK(pb_encode(&stream, fields, message));
  come_frame(r, frame, payload, stream.bytes_written);
}

static void welcome(run *r) {
  remote_v1_Welcome message = remote_v1_Welcome_init_zero;
  if (!r->attached || r->welcomed) return;
  r->welcomed = true;
  message.version = 1;
  message.has_principal = true;
  memcpy(message.principal.account, "home", 5);
  message.principal.device_id.size = 16;
  come_message(r, (lrm_frame){.type = LRM_FRAME_WELCOME}, remote_v1_Welcome_fields, &message);
}

static void open_all(run *r, uint8_t argument) {
  for (uint32_t i = 1; i < CHANNELS; i++) {
    channel *ch = &r->channels[i];
    if (!r->attached || !ch->open || ch->opened) continue;
    remote_v1_Opened message = remote_v1_Opened_init_zero;
    ch->opened = true;
    message.epoch.size = 16;
    memcpy(message.epoch.bytes, epoch, 16);
    message.next = ch->next;
    message.watermark = ch->next + argument % 8;
    message.outcome = ch->next != 0 || ch->publishes ? remote_v1_OpenOutcome_OPEN_OUTCOME_CONTINUED
                                                     : remote_v1_OpenOutcome_OPEN_OUTCOME_RESET;
    lrm_frame frame = {.type = LRM_FRAME_OPENED, .channel = i, .credit = 4096u * argument};
    come_message(r, frame, remote_v1_Opened_fields, &message);
  }
}

/* `count` notices at where the channel stands. */
static void come_events(run *r, uint32_t number, uint32_t count, bool clears) {
  channel *ch = &r->channels[number];
  if (!r->attached || !ch->opened || !ch->open || ch->publishes) return;
  uint8_t block[2048];
  size_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    char text[] = "a notice of a relay";
    notice.text = text;
    event.body_case = REMOTE__V1__EVENT__BODY_NOTICE;
    event.notice = &notice;
    size_t bytes = remote__v1__event__get_packed_size(&event);
    block[at++] = (uint8_t)bytes; /* below 128 */
    at += remote__v1__event__pack(&event, block + at);
  }
  lrm_frame frame = {.type = LRM_FRAME_BLOCK,
                     .channel = number,
                     .offset = ch->next,
                     .count = count,
                     .flags = clears ? LRM_FLAG_CLEARS_TAIL : 0};
  ch->next += count;
  come_frame(r, frame, block, at);
}

static void come_word(run *r, uint32_t type, uint32_t number) {
  channel *ch = &r->channels[number];
  if (!r->attached || !ch->opened || !ch->open) return;
  uint64_t offset = ch->publishes ? ch->sent : ch->next;
  come_frame(r, (lrm_frame){.type = type, .channel = number, .offset = offset}, NULL, 0);
}

/* ---- the page ---- */

static void keep(run *r, part_kind kind, uint32_t handle) {
  if (handle == 0) return;
  FUZZ_CHECK(handle < HANDLES_MAX ? r->handles[handle].kind == 0 : true);
  if (handle >= HANDLES_MAX) abort(); /* a script is not that long */
  r->handles[handle] = (followed){.kind = kind};
  r->newest[kind] = handle;
}

static void forget(run *r, uint32_t handle) {
  if (handle < HANDLES_MAX) r->handles[handle].kind = 0;
}

static void submit(run *r, uint8_t argument) {
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  char text[] = "do it";
  uint8_t data[64], id[16];
  prompt.text = text;
  if (argument & 1) {
    command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
    command.submit_prompt = &prompt;
  }
  size_t bytes = remote__v1__command__pack(&command, data);
  if (argument & 2) bytes = bytes / 2;
  if (remote_client_submit(r->e, r->newest[PART_CLIENT], data, (uint32_t)bytes, argument * 100.0,
                           id, r->now_ms) == 0)
    memcpy(r->command, id, sizeof id);
}

static void look(run *r) {
  static uint8_t state[LRM_MESSAGE_BYTES_MAX * 4];
  uintptr_t facts[5];
  uint8_t at[16];
  uint32_t handle = r->newest[PART_CLIENT];
  if (remote_client_command(r->e, handle, r->command, facts) == 0 && facts[4] != 0)
    (void)strlen((const char *)facts[4]);
  FUZZ_CHECK(remote_client_position(r->e, handle, at) >= 0);
  FUZZ_CHECK(remote_client_pending(r->e, handle) <= 64);
  const lrm_view *view = remote_client_view(r->e, handle);
  if (view != NULL) (void)remote_view_state(view, state, sizeof state);
  FUZZ_CHECK(remote_heard(r->e) <= r->now_ms + 1);
  (void)strlen(remote_error_detail(r->e));
}

static void upload(run *r, uint8_t argument) {
  static const uint8_t file[64 * 1024];
  uint32_t handle = r->newest[PART_UPLOAD];
  double position = 0, progress[7];
  uint32_t bytes = remote_upload_wants(r->e, handle, &position);
  if (bytes > sizeof file) bytes = sizeof file;
  if (argument & 1) bytes /= 2;
  if (bytes != 0) (void)!remote_upload_give(r->e, handle, file, bytes, r->now_ms);
  if (remote_upload_progress(r->e, handle, progress, r->now_ms) == 0 && progress[6] != 0)
    (void)strlen((const char *)(uintptr_t)progress[6]);
}

static void detach(run *r) {
  remote_detach(r->e, r->now_ms);
  r->attached = false;
  memset(r->channels, 0, sizeof r->channels);
}

static void act(run *r, uint8_t action, uint8_t argument) {
  uint32_t number = 1 + argument % 8;
  uint8_t byte[4] = {0x08, argument, 0, 0};
  switch (action) {
    case 0:
      if (remote_attach(r->e, r->now_ms) != 0) break;
      FUZZ_CHECK(!r->attached);
      r->attached = true;
      r->welcomed = r->said = false;
      break;
    case 1:
      detach(r);
      break;
    case 2:
      r->now_ms += argument;
      remote_expire(r->e, r->now_ms);
      break;
    case 3:
      r->now_ms += argument * 250.0;
      break;
    case 4: { /* what was due has come */
      double due = remote_deadline(r->e);
      if (due > 8e12) break;
      if (due > r->now_ms) r->now_ms = due;
      remote_expire(r->e, r->now_ms);
      break;
    }
    case 5:
      welcome(r);
      break;
    case 6:
      open_all(r, argument);
      break;
    case 7:
      come_events(r, number, 1 + argument / 8 % 32, argument & 8);
      break;
    case 8:
      come_word(r, LRM_FRAME_SYNCED, number);
      break;
    case 9:
      come_word(r, LRM_FRAME_ACK, number);
      break;
    case 10:
      come_frame(r, (lrm_frame){.type = LRM_FRAME_CLOSE, .channel = number}, byte,
                 argument & 16 ? 2 : 0);
      break;
    case 11:
      keep(r, PART_CLIENT,
           remote_client_open(r->e, session, argument & 1 ? epoch : NULL, argument / 4, 0,
                              argument & 2, r->now_ms));
      break;
    case 12:
      for (uint32_t i = 0; i < HANDLES_MAX; i++) /* its uploads end with it */
        if (r->handles[i].kind == PART_UPLOAD) remote_upload_close(r->e, i), forget(r, i);
      remote_client_close(r->e, r->newest[PART_CLIENT]);
      forget(r, r->newest[PART_CLIENT]);
      break;
    case 13:
      submit(r, argument);
      break;
    case 14:
      look(r);
      break;
    case 15:
      keep(r, PART_HISTORY, remote_history_open(r->e, session));
      break;
    case 16:
      (void)!remote_history_read(r->e, r->newest[PART_HISTORY], epoch, argument, 1 + argument % 50,
                                 r->now_ms);
      break;
    case 17:
      if (argument & 1) {
        remote_history_cancel(r->e, r->newest[PART_HISTORY]);
      } else {
        remote_history_close(r->e, r->newest[PART_HISTORY]);
        forget(r, r->newest[PART_HISTORY]);
      }
      break;
    case 18:
      keep(r, PART_UPLOAD,
           remote_upload_open(r->e, r->newest[PART_CLIENT], epoch, "a file", "text/plain",
                              argument * 1000.0,
                              (const uint8_t *)"0123456789abcdef0123456789abcdef"));
      break;
    case 19:
      upload(r, argument);
      break;
    case 20:
      if (argument & 1)
        remote_probe(r->e, r->now_ms);
      else
        remote_watch(r->e, argument & 2, r->now_ms);
      break;
    case 21:
      if (argument & 1)
        (void)!remote_request(r->e, byte, 2, argument, r->now_ms);
      else
        (void)!remote_set_token(r->e, argument & 2 ? "rmt_another" : "", r->now_ms);
      break;
    case 22:
      (void)!remote_goaway(r->e, argument * 20u, r->now_ms);
      break;
    case 23:
      remote_upload_close(r->e, r->newest[PART_UPLOAD]);
      forget(r, r->newest[PART_UPLOAD]);
      break;
  }
  turn(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static run r;
  uint8_t random[32] = {1, 2, 3};
  if (size == 0) return 0;
  r = (run){.now_ms = 1000};
  r.e = remote_create(random, "rmt_of_nobody", "web/fuzz", data[0] & 1);
  FUZZ_CHECK(r.e != NULL);
  keep(&r, PART_CLIENT, remote_client_open(r.e, session, NULL, 0, 0, (data[0] & 2) != 0, r.now_ms));
  act(&r, 0, 0);
  fuzz_script script = {data + 1, size - 1, 0};
  fuzz_step step;
  /* Carriers that ended are let go, as a driver does. */
  for (unsigned steps = 0; steps < 200 && fuzz_script_next(&script, &step); steps++) {
    if (step.is_piece)
      come(&r, step.piece, step.piece_bytes);
    else
      act(&r, step.action % ACTIONS, step.argument);
    if (r.attached && remote_state(r.e) == LRM_LINK_CLOSING) detach(&r);
  }
  remote_destroy(r.e);
  return 0;
}
