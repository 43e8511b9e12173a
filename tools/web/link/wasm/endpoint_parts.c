/* What stands on the link: sessions that are followed, pages of history, uploads. */
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"
#include "remote/message.h"
#include "schema.h"

/* ---- handles ---- */

part *endpoint__part(const endpoint *e, uint32_t handle, part_kind kind) {
  for (part *p = e->parts; p != NULL; p = p->next)
    if (p->handle == handle && p->kind == kind) return p;
  return NULL;
}

static part *add(endpoint *e, part_kind kind) {
  unsigned count = 0;
  part **end = &e->parts;
  for (; *end != NULL; end = &(*end)->next) count += (*end)->kind == kind;
  if (count >= ENDPOINT_PARTS_MAX) return NULL;
  part *p = calloc(1, sizeof *p);
  if (p == NULL) return NULL;
  p->handle = ++e->handles;
  p->kind = kind;
  *end = p;
  return p;
}

static void drop(part *p) {
  lrm_upload_destroy(p->upload);
  lrm_history_destroy(p->history);
  lrm_client_destroy(p->client);
  free(p);
}

static void take_out(endpoint *e, part *p) {
  part **at = &e->parts;
  while (*at != p) at = &(*at)->next;
  *at = p->next;
}

void endpoint__parts_free(endpoint *e) {
  /* Uploads stand on clients and were made after them. */
  for (part_kind kind = PART_UPLOAD; kind >= PART_CLIENT; kind--) {
    for (part *p = e->parts, *next; p != NULL; p = next) {
      next = p->next;
      if (p->kind != kind) continue;
      take_out(e, p);
      drop(p);
    }
  }
}

static lrm_id id_at(const uint8_t *bytes) {
  lrm_id id = {{0}};
  if (bytes != NULL) memcpy(id.bytes, bytes, sizeof id.bytes);
  return id;
}

/* ---- sessions ---- */

/* Follows a session. `epoch` 0: from a snapshot; else from this position. `until` above 0: that far
 * only. Returns a handle; 0: too many, or no memory. */
EXPORT(client_open)
uint32_t remote_client_open(endpoint *e, const uint8_t *session_id, const uint8_t *epoch,
                            double offset, double until, uint32_t publish, double now_ms) {
  endpoint__now(e, now_ms);
  part *p = add(e, PART_CLIENT);
  if (p == NULL) return 0;
  lrm_client_config config = {.struct_bytes = sizeof config,
                              .allocator = lrm_allocator_default(),
                              .link = e->link,
                              .link_id = e->link_id,
                              .session_id = id_at(session_id),
                              .seed = {e->seed[0] + ++e->drawn, e->seed[1]},
                              .start = epoch != NULL ? (uint32_t)remote_v1_Start_START_RESUME : 0,
                              .from = {id_at(epoch), endpoint__number(offset)},
                              .until = endpoint__number(until),
                              .publish = publish != 0};
  if (lrm_client_create(&config, &p->client) == 0) return p->handle;
  take_out(e, p);
  drop(p);
  return 0;
}

/* Commands without an outcome go with it. Its uploads end. */
EXPORT(client_close) void remote_client_close(endpoint *e, uint32_t handle) {
  part *p = endpoint__part(e, handle, PART_CLIENT);
  if (p == NULL) return;
  for (part *q = e->parts, *next; q != NULL; q = next) {
    next = q->next;
    if (q->kind != PART_UPLOAD || q->of != handle) continue;
    take_out(e, q);
    drop(q);
  }
  lrm_client_detach(p->client);
  take_out(e, p);
  drop(p);
}

/* `command`: an encoded Command. ttl_ms 0: for ever, or what its kind has. Writes 16 bytes of
 * command id. LRM_ERR_BUSY, LRM_ERR_STATE, LRM_ERR_TOO_LARGE, LRM_ERR_USAGE as lrm_client_submit;
 * LRM_ERR_NOT_FOUND: no such handle; LRM_ERR_DECODE: not a Command. */
EXPORT(client_submit)
int remote_client_submit(endpoint *e, uint32_t handle, const uint8_t *command, uint32_t bytes,
                         double ttl_ms, uint8_t *id_out, double now_ms) {
  part *p = endpoint__part(e, handle, PART_CLIENT);
  if (p == NULL) return LRM_ERR_NOT_FOUND;
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  lrm_arena_init(&arena, &allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  void *decoded;
  lrm_id id;
  int result = lrm_message_decode(&lrm_schema_Command, command, bytes, &arena, &decoded, NULL);
  if (result == 0)
    result = lrm_client_submit(p->client, decoded, endpoint__number(ttl_ms), &id,
                               endpoint__now(e, now_ms));
  if (result == 0) memcpy(id_out, id.bytes, sizeof id.bytes);
  lrm_arena_free(&arena);
  return result;
}

/* out: state, outcome, code, layer, address of the reason (borrowed until the next call). */
EXPORT(client_command)
int remote_client_command(endpoint *e, uint32_t handle, const uint8_t *id, uintptr_t out[5]) {
  part *p = endpoint__part(e, handle, PART_CLIENT);
  if (p == NULL) return LRM_ERR_NOT_FOUND;
  lrm_id wanted = id_at(id);
  lrm_command command;
  int result = lrm_client_command(p->client, &wanted, &command);
  if (result != 0) return result;
  out[0] = command.state;
  out[1] = command.outcome;
  out[2] = command.code;
  out[3] = command.layer;
  out[4] = (uintptr_t)command.reason;
  return 0;
}

EXPORT(client_pending) uint32_t remote_client_pending(endpoint *e, uint32_t handle) {
  part *p = endpoint__part(e, handle, PART_CLIENT);
  return p != NULL ? (uint32_t)lrm_client_pending(p->client) : 0;
}

/* Writes 16 bytes of epoch (zeros: none yet); returns the offset. */
EXPORT(client_position)
double remote_client_position(endpoint *e, uint32_t handle, uint8_t *epoch_out) {
  part *p = endpoint__part(e, handle, PART_CLIENT);
  lrm_position at = p != NULL ? lrm_client_position(p->client) : (lrm_position){{{0}}, 0};
  memcpy(epoch_out, at.epoch.bytes, sizeof at.epoch.bytes);
  return (double)at.offset;
}

/* ---- history ---- */

EXPORT(history_open) uint32_t remote_history_open(endpoint *e, const uint8_t *session_id) {
  part *p = add(e, PART_HISTORY);
  if (p == NULL) return 0;
  lrm_history_config config = {.struct_bytes = sizeof config,
                               .allocator = lrm_allocator_default(),
                               .link = e->link,
                               .session_id = id_at(session_id)};
  if (lrm_history_create(&config, &p->history) == 0) return p->handle;
  take_out(e, p);
  drop(p);
  return 0;
}

EXPORT(history_close) void remote_history_close(endpoint *e, uint32_t handle) {
  part *p = endpoint__part(e, handle, PART_HISTORY);
  if (p == NULL) return;
  lrm_history_cancel(p->history);
  take_out(e, p);
  drop(p);
}

/* The page of `count` offsets before {epoch, before}; errors as lrm_history_read. */
EXPORT(history_read)
int remote_history_read(endpoint *e, uint32_t handle, const uint8_t *epoch, double before,
                        double count, double now_ms) {
  part *p = endpoint__part(e, handle, PART_HISTORY);
  if (p == NULL) return LRM_ERR_NOT_FOUND;
  return lrm_history_read(p->history, (lrm_position){id_at(epoch), endpoint__number(before)},
                          endpoint__number(count), endpoint__now(e, now_ms));
}

EXPORT(history_cancel) void remote_history_cancel(endpoint *e, uint32_t handle) {
  part *p = endpoint__part(e, handle, PART_HISTORY);
  if (p != NULL) lrm_history_cancel(p->history);
}

/* ---- uploads ---- */

/* `digest`: SHA-256 of the whole. 0: too many, a limit, or no such client. */
EXPORT(upload_open)
uint32_t remote_upload_open(endpoint *e, uint32_t client, const uint8_t *attachment_id,
                            const char *name, const char *media_type, double total,
                            const uint8_t *digest) {
  part *of = endpoint__part(e, client, PART_CLIENT);
  part *p = of != NULL ? add(e, PART_UPLOAD) : NULL;
  if (p == NULL) return 0;
  lrm_upload_config config = {.struct_bytes = sizeof config,
                              .allocator = lrm_allocator_default(),
                              .client = of->client,
                              .attachment_id = id_at(attachment_id),
                              .name = name,
                              .media_type = media_type,
                              .total = endpoint__number(total)};
  memcpy(config.sha256, digest, sizeof config.sha256);
  p->of = client;
  if (lrm_upload_create(&config, &p->upload) == 0) return p->handle;
  take_out(e, p);
  drop(p);
  return 0;
}

EXPORT(upload_close) void remote_upload_close(endpoint *e, uint32_t handle) {
  part *p = endpoint__part(e, handle, PART_UPLOAD);
  if (p == NULL) return;
  lrm_upload_cancel(p->upload);
  take_out(e, p);
  drop(p);
}

/* Bytes wanted next, their position in `*position`; 0: none now. */
EXPORT(upload_wants) uint32_t remote_upload_wants(endpoint *e, uint32_t handle, double *position) {
  part *p = endpoint__part(e, handle, PART_UPLOAD);
  uint64_t at = 0;
  size_t bytes = 0;
  if (p == NULL || !lrm_upload_wants(p->upload, &at, &bytes)) return 0;
  *position = (double)at;
  return (uint32_t)bytes;
}

EXPORT(upload_give)
int remote_upload_give(endpoint *e, uint32_t handle, const uint8_t *data, uint32_t bytes,
                       double now_ms) {
  part *p = endpoint__part(e, handle, PART_UPLOAD);
  if (p == NULL) return LRM_ERR_NOT_FOUND;
  return lrm_upload_give(p->upload, data, bytes, endpoint__now(e, now_ms));
}

/* out: state, given, stored, done, outcome, code, address of the reason; doubles. */
EXPORT(upload_progress)
int remote_upload_progress(endpoint *e, uint32_t handle, double out[7], double now_ms) {
  part *p = endpoint__part(e, handle, PART_UPLOAD);
  if (p == NULL) return LRM_ERR_NOT_FOUND;
  lrm_upload_update(p->upload, endpoint__now(e, now_ms));
  lrm_upload_progress now = lrm_upload_progress_now(p->upload);
  out[0] = now.state;
  out[1] = (double)now.given;
  out[2] = (double)now.stored;
  out[3] = (double)now.done;
  out[4] = now.outcome;
  out[5] = now.code;
  out[6] = (double)(uintptr_t)now.reason;
  return 0;
}

/* ---- events ---- */

bool endpoint__part_take(endpoint *e, const lrm_link_event *event) {
  for (part *p = e->parts; p != NULL; p = p->next) {
    if (p->kind == PART_CLIENT && lrm_client_link_event(p->client, event, e->now_ns)) return true;
    if (p->kind == PART_HISTORY && lrm_history_link_event(p->history, event, e->now_ns))
      return true;
  }
  return false;
}

static void lend_slice(endpoint_event *out, lrm_slice slice) {
  out->data = (uintptr_t)slice.data;
  out->bytes = (uint32_t)slice.bytes;
}

static void from_client(endpoint *e, part *p, const lrm_client_event *event, endpoint_event *out) {
  out->type = event->type;
  out->offset = (double)event->offset;
  if (event->reset) out->flags |= EVENT_RESET;
  memcpy(out->id, event->command_id.bytes, sizeof out->id);
  if (event->type == LRM_CLIENT_SNAPSHOT) {
    lrm_position at = lrm_client_position(p->client);
    memcpy(out->id, at.epoch.bytes, sizeof out->id);
  }
  if (event->type == LRM_CLIENT_EVENT || event->type == LRM_CLIENT_TAIL)
    lend_slice(out, event->raw);
  if (event->type == LRM_CLIENT_INFO) lend_slice(out, event->info);
  if (event->type == LRM_CLIENT_STATUS)
    (void)endpoint__lend(e, out, remote_v1_LogStatus_fields, event->status);
  if (event->type == LRM_CLIENT_CLOSED)
    (void)endpoint__lend(e, out, remote_v1_Problem_fields, event->problem);
}

static void from_history(endpoint *e, const lrm_history_event *event, endpoint_event *out) {
  out->type = event->type;
  out->offset = (double)event->offset;
  out->count = event->count;
  if (event->unreadable) out->flags |= EVENT_UNREADABLE;
  if (event->first) out->flags |= EVENT_FIRST;
  if (event->trimmed) out->flags |= EVENT_TRIMMED;
  if (event->type == LRM_HISTORY_EVENT) lend_slice(out, event->raw);
  if (event->type == LRM_HISTORY_FAILED)
    (void)endpoint__lend(e, out, remote_v1_Problem_fields, event->problem);
}

bool endpoint__part_next(endpoint *e, endpoint_event *out) {
  for (part *p = e->parts; p != NULL; p = p->next) {
    lrm_client_event from;
    lrm_history_event past;
    if (p->kind == PART_CLIENT && lrm_client_next_event(p->client, &from)) {
      from_client(e, p, &from, out);
    } else if (p->kind == PART_HISTORY && lrm_history_next_event(p->history, &past)) {
      from_history(e, &past, out);
    } else {
      continue;
    }
    out->source = p->handle;
    return true;
  }
  return false;
}
