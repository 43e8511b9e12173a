/* The link of an endpoint: bytes in and out, time, events in order. */
#include "endpoint.h"

#include <math.h>
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

#include "remote/frame.h"

#define INPUT_BYTES_MAX (4u * 1024u * 1024u) /* a WebSocket message has 1 MiB at most */

/* ---- memory that JavaScript writes to ---- */

EXPORT(alloc) void *remote_alloc(uint32_t bytes) { return malloc(bytes != 0 ? bytes : 1); }
EXPORT(free) void remote_free(void *memory) { free(memory); }

EXPORT(sha256_bytes) uint32_t remote_sha256_bytes(void) { return sizeof(lrm_sha256); }
EXPORT(sha256_begin) void remote_sha256_begin(lrm_sha256 *sum) { lrm_sha256_begin(sum); }
EXPORT(sha256_add) void remote_sha256_add(lrm_sha256 *sum, const uint8_t *data, uint32_t bytes) {
  lrm_sha256_add(sum, data, bytes);
}
EXPORT(sha256_end) void remote_sha256_end(lrm_sha256 *sum, uint8_t *out) {
  lrm_sha256_end(sum, out);
}

/* ---- life ---- */

uint64_t endpoint__now(endpoint *e, double now_ms) {
  /* Rounded: a deadline that comes back as `now` has come. */
  uint64_t now_ns = now_ms > 0 && now_ms < 9e12 ? (uint64_t)(now_ms * 1e6 + 0.5) : 0;
  if (now_ns > e->now_ns) e->now_ns = now_ns;
  if (e->now_ns == 0) e->now_ns = 1;
  return e->now_ns;
}

static double as_ms(uint64_t ns) { return ns == UINT64_MAX ? (double)INFINITY : (double)ns / 1e6; }

/* `random`: 32 random bytes; the first 16 seed, the others are the id of the link. token may be
 * empty. 0: a text is over its limit, or no memory. */
EXPORT(create)
endpoint *remote_create(const uint8_t *random, const char *token, const char *agent,
                        uint32_t grease) {
  endpoint *e = calloc(1, sizeof *e);
  if (e == NULL) return NULL;
  memcpy(e->seed, random, 16);
  memcpy(e->link_id.bytes, random + 16, 16);
  lrm_link_config config = {.struct_bytes = sizeof config,
                            .side = LRM_SIDE_CONNECTING,
                            .allocator = lrm_allocator_default(),
                            .seed = e->seed[0] ^ e->seed[1],
                            .grease = grease != 0,
                            .link_id = e->link_id,
                            .role = remote_v1_Role_ROLE_CLIENT,
                            .token = token,
                            .agent = agent};
  if (lrm_link_create(&config, &e->link) == 0) return e;
  free(e);
  return NULL;
}

EXPORT(destroy) void remote_destroy(endpoint *e) {
  endpoint__parts_free(e);
  lrm_link_destroy(e->link);
  free(e->input);
  free(e);
}

EXPORT(set_token) int remote_set_token(endpoint *e, const char *token, double now_ms) {
  return lrm_link_set_token(e->link, token, endpoint__now(e, now_ms));
}

/* ---- the carrier ---- */

EXPORT(state) uint32_t remote_state(const endpoint *e) { return lrm_link_state_now(e->link); }
EXPORT(generation) double remote_generation(const endpoint *e) {
  return (double)lrm_link_generation(e->link);
}
/* 0: never. */
EXPORT(heard) double remote_heard(const endpoint *e) {
  return (double)lrm_link_heard_ns(e->link) / 1e6;
}
/* When the next attempt is due, ms of `now`; infinite: not DOWN. */
EXPORT(attempt) double remote_attempt(const endpoint *e) {
  return as_ms(lrm_link_attempt_ns(e->link));
}

EXPORT(attach) int remote_attach(endpoint *e, double now_ms) {
  e->input_at = e->input_bytes = 0;
  e->hungry = false;
  return lrm_link_attach(e->link, endpoint__now(e, now_ms));
}

EXPORT(detach) void remote_detach(endpoint *e, double now_ms) {
  lrm_link_detach(e->link, endpoint__now(e, now_ms));
  for (part *p = e->parts; p != NULL; p = p->next) {
    if (p->kind == PART_CLIENT) lrm_client_link_down(p->client);
    if (p->kind == PART_HISTORY) lrm_history_link_down(p->history);
  }
  e->input_at = e->input_bytes = 0;
  e->hungry = false;
}

EXPORT(probe) void remote_probe(endpoint *e, double now_ms) {
  lrm_link_probe(e->link, endpoint__now(e, now_ms));
}
/* Somebody looks: a dead network is noticed within 10 s instead of 25. Off with each carrier. */
EXPORT(watch) void remote_watch(endpoint *e, uint32_t on, double now_ms) {
  lrm_link_watch(e->link, on != 0, endpoint__now(e, now_ms));
}
EXPORT(goaway) int remote_goaway(endpoint *e, uint32_t code, double now_ms) {
  remote_v1_Problem problem = remote_v1_Problem_init_zero;
  problem.code = code;
  return lrm_link_goaway(e->link, &problem, endpoint__now(e, now_ms));
}
EXPORT(request)
int remote_request(endpoint *e, const uint8_t *request, uint32_t bytes, uint32_t id,
                   double now_ms) {
  return lrm_link_send_request(e->link, request, bytes, id, endpoint__now(e, now_ms));
}

/* ---- bytes in ---- */

static int room(endpoint *e, size_t bytes) {
  if (e->input_at != 0) {
    memmove(e->input, e->input + e->input_at, e->input_bytes - e->input_at);
    e->input_bytes -= e->input_at;
    e->input_at = 0;
  }
  if (bytes > INPUT_BYTES_MAX - e->input_bytes) return LRM_ERR_LIMIT;
  if (e->input_bytes + bytes <= e->input_room) return 0;
  size_t wanted = e->input_bytes + bytes + 4096;
  uint8_t *larger = realloc(e->input, wanted);
  if (larger == NULL) return LRM_ERR_NO_MEMORY;
  e->input = larger;
  e->input_room = wanted;
  return 0;
}

/* Takes bytes of the carrier; then remote_next until it says 0. LRM_ERR_LIMIT: that was not done.
 */
EXPORT(feed)
int remote_feed(endpoint *e, const uint8_t *data, uint32_t bytes, double now_ms) {
  endpoint__now(e, now_ms);
  if (bytes == 0) return 0;
  int result = room(e, bytes);
  if (result != 0) return result;
  memcpy(e->input + e->input_bytes, data, bytes);
  e->input_bytes += bytes;
  e->hungry = true; /* the link is shown each byte: any byte is life */
  return 0;
}

/* ---- events out ---- */

bool endpoint__lend(endpoint *e, endpoint_event *out, const pb_msgdesc_t *fields,
                    const void *message) {
  if (message == NULL) return true;
  pb_ostream_t stream = pb_ostream_from_buffer(e->scratch, sizeof e->scratch);
  if (!pb_encode(&stream, fields, message)) return false;
  out->data = (uintptr_t)e->scratch;
  out->bytes = (uint32_t)stream.bytes_written;
  return true;
}

/* What is the link's own to tell. */
static bool tell(endpoint *e, const lrm_link_event *event, endpoint_event *out) {
  out->type = event->type;
  switch (event->type) {
    case LRM_LINK_EVENT_WELCOME:
      return endpoint__lend(e, out, remote_v1_Welcome_fields, event->welcome);
    case LRM_LINK_EVENT_REFUSED:
    case LRM_LINK_EVENT_GOAWAY:
    case LRM_LINK_EVENT_GOAWAY_SENT:
      return endpoint__lend(e, out, remote_v1_Problem_fields, event->problem);
    case LRM_LINK_EVENT_REPLY:
      out->data = (uintptr_t)event->frame.payload.data;
      out->bytes = (uint32_t)event->frame.payload.bytes;
      return true;
    case LRM_LINK_EVENT_HEARD:
    case LRM_LINK_EVENT_SILENT:
      return true;
    default:
      return false; /* of a channel that was closed meanwhile */
  }
}

bool endpoint__eat(endpoint *e) {
  if (!e->hungry) return false;
  size_t consumed = 0, wanted = 0;
  int result = lrm_link_recv(e->link, e->input + e->input_at, e->input_bytes - e->input_at,
                             &consumed, &wanted, e->now_ns);
  e->input_at += consumed;
  if (result != 0) { /* GOAWAY_SENT says why */
    e->hungry = false;
    return true;
  }
  if (consumed == 0 || e->input_at == e->input_bytes) e->hungry = false;
  return consumed != 0;
}

/* 1: `out` holds the next event. 0: there is none; what was lent is void. */
EXPORT(next) int remote_next(endpoint *e, endpoint_event *out) {
  for (;;) {
    memset(out, 0, sizeof *out);
    if (endpoint__part_next(e, out)) return 1;
    lrm_link_event event;
    if (lrm_link_next_event(e->link, &event)) {
      if (endpoint__part_take(e, &event)) continue;
      if (tell(e, &event, out)) return 1;
      continue;
    }
    if (!endpoint__eat(e)) return 0;
  }
}

/* ---- bytes out ---- */

/* One wanted block; its bytes, 0: it could not be served. */
static size_t serve(endpoint *e, const lrm_link_want *want, uint8_t *out, size_t capacity) {
  for (part *p = e->parts; p != NULL; p = p->next) {
    lrm_frame frame;
    if (p->kind != PART_CLIENT || lrm_client_fetch(p->client, want, &frame) != 0) continue;
    uint8_t header[LRM_FRAME_HEADER_BYTES_MAX];
    size_t header_bytes;
    if (frame.payload.bytes + sizeof header > capacity) return 0;
    if (lrm_link_block(e->link, want->channel, &frame, header, &header_bytes, e->now_ns) != 0)
      return 0;
    memcpy(out, header, header_bytes);
    memcpy(out + header_bytes, frame.payload.data, frame.payload.bytes);
    return header_bytes + frame.payload.bytes;
  }
  lrm_link_pass(e->link, want->channel);
  return 0;
}

/* Writes what is to be sent now, whole frames; call until it says 0. `capacity`: 64 KiB more than
 * the largest payload. */
EXPORT(outgoing)
uint32_t remote_outgoing(endpoint *e, uint8_t *out, uint32_t capacity, double now_ms) {
  endpoint__now(e, now_ms);
  size_t written = 0;
  for (unsigned turns = 0; turns < 256; turns++) {
    size_t bytes = 0;
    if (capacity - written < 64u * 1024u) break;
    if (lrm_link_outgoing(e->link, out + written, capacity - written, &bytes, e->now_ns) != 0)
      break;
    written += bytes;
    lrm_link_want want;
    if (capacity - written < LRM_FRAME_PAYLOAD_BYTES_MAX + 1024u && written != 0) break;
    if (!lrm_link_wanted(e->link, &want)) {
      if (bytes == 0) break;
      continue;
    }
    written += serve(e, &want, out + written, capacity - written);
  }
  return (uint32_t)written;
}

/* ---- time ---- */

EXPORT(deadline) double remote_deadline(const endpoint *e) {
  uint64_t due = lrm_link_deadline(e->link);
  for (const part *p = e->parts; p != NULL; p = p->next) {
    uint64_t at = p->kind == PART_CLIENT    ? lrm_client_deadline(p->client)
                  : p->kind == PART_HISTORY ? lrm_history_deadline(p->history)
                                            : UINT64_MAX;
    if (at < due) due = at;
  }
  return as_ms(due);
}

EXPORT(expire) void remote_expire(endpoint *e, double now_ms) {
  uint64_t now_ns = endpoint__now(e, now_ms);
  lrm_link_expire(e->link, now_ns);
  for (part *p = e->parts; p != NULL; p = p->next) {
    if (p->kind == PART_CLIENT) lrm_client_expire(p->client, now_ns);
    if (p->kind == PART_HISTORY) lrm_history_expire(p->history, now_ns);
  }
}

/* Borrowed, terminated; "" when there was no error on this carrier. */
EXPORT(error_detail) const char *remote_error_detail(const endpoint *e) {
  return lrm_link_error_detail(e->link);
}
/* Static. */
EXPORT(code_name) const char *remote_code_name(uint32_t code) { return lrm_code_name(code); }
EXPORT(code_reconnects) uint32_t remote_code_reconnects(uint32_t code) {
  return lrm_code_reconnects(code);
}
