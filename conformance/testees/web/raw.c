/* What the suite does with a link alone and with a codec, as further exports beside those of
 * endpoint.c: the module of the testees has them, the one of pages has not. */
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "remote/frame.h"
#include "remote/message.h"
#include "schema.h"

/* ---- codec ---- */

/* raw.ts reads these by their places. */
typedef struct raw_frame {
  uint32_t type, channel;                   /*  0 */
  double offset, credit;                    /*  8 */
  uint32_t count, flags, payload, bytes;    /* 24 */
  uint32_t inflated_bytes, dictionary;      /* 40 */
  uint32_t part, parts, at, error_is_limit; /* 48 */
} raw_frame;

/* The bytes of the frame that `data` begins with; 0: more are needed; below 0: LRM_ERR_…. */
EXPORT(raw_frame)
int remote_raw_frame(const uint8_t *data, uint32_t bytes, uint32_t payload_max, raw_frame *out) {
  lrm_frame frame;
  size_t consumed = 0, wanted = 0;
  int error =
      lrm_frame_decode(data, bytes, payload_max != 0 ? payload_max : LRM_FRAME_PAYLOAD_BYTES_MAX,
                       &frame, &consumed, &wanted);
  memset(out, 0, sizeof *out);
  if (error != 0) {
    out->error_is_limit = error == LRM_ERR_LIMIT;
    return error;
  }
  if (consumed == 0) return 0;
  *out = (raw_frame){.type = frame.type,
                     .channel = frame.channel,
                     .offset = (double)frame.offset,
                     .credit = (double)frame.credit,
                     .count = frame.count,
                     .flags = frame.flags,
                     .payload = (uint32_t)(uintptr_t)frame.payload.data,
                     .bytes = (uint32_t)frame.payload.bytes,
                     .inflated_bytes = frame.inflated_bytes,
                     .dictionary = frame.dictionary,
                     .part = frame.part,
                     .parts = frame.parts};
  return (int)consumed;
}

/* 1: the preflight and the decoder take the message, 0: they do not, -1: there is no such type. */
EXPORT(raw_judge)
int remote_raw_judge(const char *type, const uint8_t *message, uint32_t bytes) {
  const lrm_schema_message *schema = NULL;
  for (size_t i = 0; i < LRM_SCHEMA_MESSAGES; i++)
    if (strcmp(lrm_schema_descriptors[i]->name, type) == 0) schema = lrm_schema_messages[i];
  if (schema == NULL) return -1;
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  void *decoded;
  lrm_arena_init(&arena, &allocator, 0);
  int result = lrm_message_decode(schema, message, bytes, &arena, &decoded, NULL);
  lrm_arena_free(&arena);
  return result == 0;
}

/* ---- a link ---- */

/* numbers: role, generation, channels_max, credit_window_bytes, grease, seed. */
EXPORT(raw_create)
endpoint *remote_raw_create(const uint8_t *link_id, const char *token, const double numbers[6]) {
  endpoint *e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  memcpy(e->link_id.bytes, link_id, sizeof e->link_id.bytes);
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = (uint64_t)numbers[5],
                            .grease = numbers[4] != 0,
                            .link_id = e->link_id,
                            .role = (uint32_t)numbers[0],
                            .token = token,
                            .agent = "conformance",
                            .generation = (uint64_t)numbers[1],
                            .channels_max = (uint32_t)numbers[2],
                            .credit_window_bytes = (uint32_t)numbers[3]};
  if (lrm_link_create(&config, &e->link) == 0) return e;
  free(e);
  return NULL;
}

/* What follows happens at this time. */
EXPORT(raw_now) void remote_raw_now(endpoint *e, double now_ms) { endpoint__now(e, now_ms); }

typedef struct raw_event {
  uint32_t type, channel;              /*  0 */
  double offset;                       /*  8 */
  uint32_t count, skip, problem, code; /* 16 */
  double retry_after_ms, generation;   /* 32 */
  double next, watermark;              /* 48 */
  uint32_t outcome, unused;            /* 64 */
} raw_event;

/* As remote_next, but everything that the link tells. */
EXPORT(raw_next) int remote_raw_next(endpoint *e, raw_event *out) {
  lrm_link_event event;
  while (!lrm_link_next_event(e->link, &event))
    if (!endpoint__eat(e)) return 0;
  *out = (raw_event){.type = event.type,
                     .channel = event.channel,
                     .offset = (double)event.frame.offset,
                     .count = event.frame.count,
                     .skip = event.skip_messages};
  if (event.problem != NULL) {
    out->problem = 1;
    out->code = event.problem->code;
    out->retry_after_ms = (double)event.problem->retry_after_ms;
    out->generation = (double)event.problem->stored_generation;
  }
  if (event.opened != NULL) {
    out->next = (double)event.opened->next;
    out->watermark = (double)event.opened->watermark;
    out->outcome = event.opened->outcome;
  }
  return 1;
}

/* numbers: direction, log, start, next, until, first_retained, writer_generation, held. */
EXPORT(raw_open)
int remote_raw_open(endpoint *e, const uint8_t *session_id, const uint8_t *epoch,
                    const double numbers[8]) {
  remote_v1_Open open = remote_v1_Open_init_zero;
  uint32_t channel;
  if (session_id != NULL) {
    open.session_id.size = 16;
    memcpy(open.session_id.bytes, session_id, 16);
  }
  if (epoch != NULL) {
    open.epoch.size = 16;
    memcpy(open.epoch.bytes, epoch, 16);
  }
  open.direction = (remote_v1_Direction)numbers[0];
  open.log = (remote_v1_Log)numbers[1];
  open.start = (remote_v1_Start)numbers[2];
  open.next = (uint64_t)numbers[3];
  open.until = (uint64_t)numbers[4];
  open.first_retained = (uint64_t)numbers[5];
  open.writer_generation = (uint64_t)numbers[6];
  return lrm_link_open(e->link, &open, (uint64_t)numbers[7], &channel, e->now_ns);
}

EXPORT(raw_ack) int remote_raw_ack(endpoint *e, uint32_t channel, double next) {
  return lrm_link_ack(e->link, channel, (uint64_t)next, e->now_ns);
}

EXPORT(raw_consumed) int remote_raw_consumed(endpoint *e, uint32_t channel, double bytes) {
  return lrm_link_consumed(e->link, channel, (uint64_t)bytes, e->now_ns);
}

/* end 0: as far as it reaches already. */
EXPORT(raw_extend)
int remote_raw_extend(endpoint *e, uint32_t channel, double end, double tail_offset,
                      uint32_t tail_count) {
  lrm_link_channel facts;
  uint64_t to = (uint64_t)end;
  if (lrm_link_channel_facts(e->link, channel, &facts) == 0 && facts.end > to) to = facts.end;
  return lrm_link_extend(e->link, channel, to, (uint64_t)tail_offset, tail_count, e->now_ns);
}

static remote_v1_Problem problem_of(uint32_t code, double retry_after_ms, double generation) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  problem.retry_after_ms = (uint64_t)retry_after_ms;
  problem.stored_generation = (uint64_t)generation;
  return problem;
}

EXPORT(raw_close)
int remote_raw_close(endpoint *e, uint32_t channel, uint32_t code, double retry_after_ms,
                     double offset) {
  remote_v1_Problem problem = problem_of(code, retry_after_ms, 0);
  return lrm_link_close(e->link, channel, &problem, (uint64_t)offset, e->now_ns);
}

EXPORT(raw_goaway)
int remote_raw_goaway(endpoint *e, uint32_t code, double retry_after_ms, double generation) {
  remote_v1_Problem problem = problem_of(code, retry_after_ms, generation);
  return lrm_link_goaway(e->link, &problem, e->now_ns);
}

EXPORT(raw_info)
int remote_raw_info(endpoint *e, uint32_t channel, const uint8_t *info, uint32_t bytes) {
  return lrm_link_send_info(e->link, channel, info, bytes, e->now_ns);
}

/* Control frames that are due; 0: none. */
EXPORT(raw_control) int remote_raw_control(endpoint *e, uint8_t *out, uint32_t capacity) {
  size_t written = 0;
  int result = lrm_link_outgoing(e->link, out, capacity, &written, e->now_ns);
  return result != 0 ? result : (int)written;
}

EXPORT(raw_channels) uint32_t remote_raw_channels(const endpoint *e) {
  return (uint32_t)lrm_link_channels(e->link);
}

/* out: kind, channel, offset, index. */
EXPORT(raw_wanted) int remote_raw_wanted(endpoint *e, double out[4]) {
  lrm_link_want want;
  if (!lrm_link_wanted(e->link, &want)) return 0;
  out[0] = want.kind;
  out[1] = want.channel;
  out[2] = (double)want.offset;
  out[3] = want.index;
  return 1;
}

/* numbers: type, offset, count, flags, part, parts, bytes. The header's bytes, or an error. */
EXPORT(raw_block)
int remote_raw_block(endpoint *e, uint32_t channel, const double numbers[7], const uint8_t *payload,
                     uint8_t *header) {
  lrm_frame frame = {.type = (uint32_t)numbers[0],
                     .offset = (uint64_t)numbers[1],
                     .count = (uint32_t)numbers[2],
                     .flags = (uint32_t)numbers[3],
                     .part = (uint32_t)numbers[4],
                     .parts = (uint32_t)numbers[5],
                     .payload = {payload, (size_t)numbers[6]}};
  size_t bytes = 0;
  int result = lrm_link_block(e->link, channel, &frame, header, &bytes, e->now_ns);
  return result != 0 ? result : (int)bytes;
}
