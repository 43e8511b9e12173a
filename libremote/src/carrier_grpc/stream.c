/* A stream of messages both ways: a carrier, or a call that is served. It has at most one operation
 * of each kind in flight, and is freed when `ended`, which gRPC always completes, and all others
 * have come back. */
#include "carrier_grpc/grpc_internal.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/support/alloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  FLUSH_MS = 1000,
  OFFER_AGAIN_MS = 5,         /* what the owner did not consume */
  JOIN_BYTES_MAX = 256 * 1024 /* writes that wait are joined into one message up to this */
};

static size_t carrier_room(const lrm_carrier *base);
static int carrier_write(lrm_carrier *base, const lrm_slice *parts, size_t count);
static void carrier_close(lrm_carrier *base, bool flush);

static const lrm_carrier_ops carrier_ops = {"grpc", carrier_room, carrier_write, carrier_close,
                                            true};

static void send_next(grpc_stream *s);

bool lrm__grpc_start(grpc_stream *s, grpc_tag *tag, const grpc_op *operation) {
  if (tag->pending || s->over) return false;
  tag->pending = true;
  if (grpc_call_start_batch(s->call, operation, 1, tag, NULL) == GRPC_CALL_OK) return true;
  tag->pending = false;
  (void)grpc_call_cancel(s->call, NULL);
  return false;
}

static bool idle(const grpc_stream *s) {
  return !s->opened.pending && !s->headers.pending && !s->reading.pending && !s->writing.pending &&
         !s->finished.pending && !s->ended.pending;
}

static void drop_rest(grpc_stream *s) {
  if (s->has_rest) grpc_slice_unref(s->rest);
  s->has_rest = false;
}

static void free_stream(grpc_stream *s) {
  drop_rest(s);
  while (s->first != NULL) {
    grpc_message *m = s->first;
    s->first = m->next;
    free(m);
  }
  if (s->incoming != NULL) grpc_byte_buffer_destroy(s->incoming);
  grpc_slice_unref(s->details);
  grpc_metadata_array_destroy(&s->head);
  grpc_metadata_array_destroy(&s->trail);
  if (s->call != NULL) grpc_call_unref(s->call);
  if (s->channel != NULL) grpc_channel_destroy(s->channel);
  grpc_runtime *rt = s->rt;
  grpc_listener *from = s->from;
  explicit_bzero(s->token, sizeof s->token);
  free(s);
  if (from != NULL) lrm__grpc_listener_unref(from);
  lrm__grpc_runtime_release(rt);
}

/* Once nothing can call back any more. */
void lrm__grpc_settle(grpc_stream *s) {
  if (!s->over || !s->timer_closed || !idle(s)) return;
  if (s->attach && s->base.owner.down != NULL) {
    s->base.owner.down(s->base.owner_user, &s->base, s->error, s->error_text);
  } else if (!s->attach) {
    if (s->call_owner != NULL) s->call_owner->gone(s->call_user, s);
    lrm__grpc_call_ended(s->from);
  }
  free_stream(s);
}

static void on_timer_closed(uv_handle_t *handle) {
  grpc_stream *s = handle->data;
  s->timer_closed = true;
  lrm__grpc_settle(s);
}

void lrm__grpc_over(grpc_stream *s) {
  s->over = true;
  drop_rest(s);
  if (!uv_is_closing((uv_handle_t *)&s->timer)) {
    uv_close((uv_handle_t *)&s->timer, on_timer_closed);
  }
  lrm__grpc_settle(s);
}

void lrm__grpc_fault(grpc_stream *s, const char *text) {
  if (s->error != 0 || s->draining) return;
  s->error = LRM_ERR_CARRIER;
  snprintf(s->error_text, sizeof s->error_text, "%s", text);
}

/* Ends it at once; `ended` follows. */
void lrm__grpc_cancel(grpc_stream *s) {
  if (s->call != NULL) (void)grpc_call_cancel(s->call, NULL);
}

static void on_cancel_timer(uv_timer_t *timer) { lrm__grpc_cancel(timer->data); }

grpc_stream *lrm__grpc_stream_new(grpc_runtime *rt) {
  grpc_stream *s = calloc(1, sizeof *s);
  if (s == NULL) return NULL;
  if (uv_timer_init(rt->loop, &s->timer) != 0) {
    free(s);
    return NULL;
  }
  s->base.ops = &carrier_ops;
  s->rt = rt;
  rt->references++;
  s->timer.data = s;
  s->details = grpc_empty_slice();
  grpc_metadata_array_init(&s->head);
  grpc_metadata_array_init(&s->trail);
  return s;
}

/* ---- in ---- */

/* True: all of it was consumed, or nothing is wanted any more. */
static bool offer(grpc_stream *s) {
  size_t bytes = GRPC_SLICE_LENGTH(s->rest) - s->rest_at, wanted = 0;
  if (bytes > 0) {
    grpc_slice held = grpc_slice_ref(s->rest); /* the owner may close it in there */
    const uint8_t *data = GRPC_SLICE_START_PTR(held) + s->rest_at;
    size_t consumed = s->base.owner.received(s->base.owner_user, &s->base, data, bytes, &wanted);
    grpc_slice_unref(held);
    if (!s->has_rest || s->draining) return true; /* closed in there */
    s->rest_at += consumed < bytes ? consumed : bytes;
  }
  if (s->rest_at < GRPC_SLICE_LENGTH(s->rest)) return false;
  drop_rest(s);
  return true;
}

static void on_offer_again(uv_timer_t *timer) {
  grpc_stream *s = timer->data;
  if (!s->has_rest) return;
  if (offer(s)) {
    (void)uv_timer_stop(timer);
    if (!s->over) lrm__grpc_read(s);
  }
}

static void deliver(grpc_stream *s) {
  if (!s->attach) {
    s->wants = false;
    grpc_slice taken = s->rest;
    s->has_rest = false;
    if (s->call_owner != NULL) {
      s->call_owner->message(s->call_user, s, GRPC_SLICE_START_PTR(taken),
                             GRPC_SLICE_LENGTH(taken));
    }
    grpc_slice_unref(taken);
    return;
  }
  if (offer(s)) {
    lrm__grpc_read(s);
  } else if (!s->draining) {
    (void)uv_timer_start(&s->timer, on_offer_again, OFFER_AGAIN_MS, OFFER_AGAIN_MS);
  }
}

/* The other side sends no more. */
static void heard_all(grpc_stream *s) {
  if (s->from == NULL) return; /* its status follows */
  if (!s->attach) {
    s->wants = false;
    if (s->call_owner != NULL && !s->draining) {
      s->call_owner->message(s->call_user, s, NULL, 0);
    }
    return;
  }
  lrm__grpc_fault(s, "the other side closed the connection");
  carrier_close(&s->base, true);
}

static void on_read(grpc_tag *tag, bool ok) {
  grpc_stream *s = tag->owner;
  grpc_byte_buffer *buffer = s->incoming;
  s->incoming = NULL;
  if (s->over) {
    if (buffer != NULL) grpc_byte_buffer_destroy(buffer);
    lrm__grpc_settle(s);
    return;
  }
  if (!ok || buffer == NULL) {
    if (buffer != NULL) grpc_byte_buffer_destroy(buffer);
    heard_all(s);
    return;
  }
  grpc_byte_buffer_reader reader;
  /* A compressed message was not announced as possible: nobody may send one. */
  bool plain = buffer->type == GRPC_BB_RAW && buffer->data.raw.compression == GRPC_COMPRESS_NONE &&
               grpc_byte_buffer_reader_init(&reader, buffer) != 0;
  if (plain) {
    s->rest = grpc_byte_buffer_reader_readall(&reader);
    s->rest_at = 0;
    s->has_rest = true;
    grpc_byte_buffer_reader_destroy(&reader);
  }
  grpc_byte_buffer_destroy(buffer);
  if (!plain) {
    lrm__grpc_fault(s, "the other side sent a compressed message");
    lrm__grpc_cancel(s);
  } else if (s->draining) { /* read on all the same, or its status does not come through */
    drop_rest(s);
    lrm__grpc_read(s);
  } else {
    deliver(s);
  }
}

void lrm__grpc_read(grpc_stream *s) {
  grpc_op operation = {.op = GRPC_OP_RECV_MESSAGE};
  operation.data.recv_message.recv_message = &s->incoming;
  (void)lrm__grpc_start(s, &s->reading, &operation);
}

/* ---- out ---- */

static size_t room(const grpc_stream *s) {
  size_t unsent = s->waiting_bytes + s->moving_bytes;
  if (!s->up || s->draining || s->over || unsent >= LRM_CARRIER_BUFFER_BYTES_MAX) return 0;
  return LRM_CARRIER_BUFFER_BYTES_MAX - unsent;
}

size_t lrm__grpc_room(grpc_stream *s) {
  size_t bytes = room(s);
  if (bytes == 0) s->starved = true;
  return bytes;
}

static size_t carrier_room(const lrm_carrier *base) {
  return lrm__grpc_room((grpc_stream *)(uintptr_t)base);
}

/* A message with room for `bytes` more: the last one, when it may grow, or a new one. */
static grpc_message *room_for(grpc_stream *s, size_t bytes) {
  grpc_message *last = s->last;
  if (s->attach && last != NULL && last->bytes + bytes <= JOIN_BYTES_MAX) {
    if (last->bytes + bytes <= last->capacity) return last;
    size_t capacity = (last->bytes + bytes) * 2;
    grpc_message *grown = realloc(last, sizeof *grown + capacity);
    if (grown == NULL) return NULL;
    grown->capacity = capacity;
    if (s->first == last) s->first = grown;
    for (grpc_message *m = s->first; m != grown; m = m->next) {
      if (m->next == last) m->next = grown;
    }
    return s->last = grown;
  }
  grpc_message *m = malloc(sizeof *m + bytes);
  if (m == NULL) return NULL;
  *m = (grpc_message){.capacity = bytes};
  if (s->last != NULL) s->last->next = m;
  if (s->first == NULL) s->first = m;
  return s->last = m;
}

int lrm__grpc_queue(grpc_stream *s, const lrm_slice *parts, size_t count) {
  size_t bytes = 0;
  for (size_t i = 0; i < count; i++) bytes += parts[i].bytes;
  grpc_message *m = room_for(s, bytes);
  if (m == NULL) return LRM_ERR_NO_MEMORY;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].bytes > 0) memcpy(m->data + m->bytes, parts[i].data, parts[i].bytes);
    m->bytes += parts[i].bytes;
  }
  s->waiting_bytes += bytes;
  send_next(s);
  return 0;
}

static int carrier_write(lrm_carrier *base, const lrm_slice *parts, size_t count) {
  grpc_stream *s = (grpc_stream *)base;
  if (!s->up || s->draining || s->over) return LRM_ERR_STATE;
  int result = lrm__grpc_queue(s, parts, count);
  if (result != 0) {
    lrm__grpc_fault(s, "out of memory");
    lrm__grpc_cancel(s);
  }
  return result;
}

static void on_finished(grpc_tag *tag, bool ok) {
  grpc_stream *s = tag->owner;
  (void)ok;
  lrm__grpc_settle(s); /* `ended` says how it went */
}

/* All that waited is out: says the end. */
static void finish_now(grpc_stream *s) {
  if (s->finishing || s->over) return;
  s->finishing = true;
  grpc_op operation = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
  grpc_slice text = grpc_slice_from_copied_string(s->say_text);
  grpc_metadata problem = {.key = grpc_slice_from_static_string("remote-problem-bin")};
  problem.value = grpc_slice_from_copied_buffer((const char *)s->say_problem, s->say_problem_bytes);
  if (s->from != NULL) {
    operation.op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    operation.data.send_status_from_server.status = (grpc_status_code)s->say_status;
    operation.data.send_status_from_server.status_details = &text;
    operation.data.send_status_from_server.trailing_metadata = &problem;
    operation.data.send_status_from_server.trailing_metadata_count = s->say_problem_bytes > 0;
  }
  (void)lrm__grpc_start(s, &s->finished, &operation);
  grpc_slice_unref(text);
  grpc_slice_unref(problem.value);
}

void lrm__grpc_say(grpc_stream *s, lrm_grpc_status status, const char *text) {
  s->say_status = status;
  snprintf(s->say_text, sizeof s->say_text, "%s", text);
}

static void on_written(grpc_tag *tag, bool ok) {
  grpc_stream *s = tag->owner;
  s->moving_bytes = 0;
  if (s->over || !ok) {
    lrm__grpc_settle(s);
    return; /* why it failed comes with `ended` */
  }
  send_next(s);
  if (!s->starved || room(s) == 0) return;
  s->starved = false;
  if (s->attach) {
    s->base.owner.writable(s->base.owner_user, &s->base);
  } else if (s->call_owner != NULL && s->call_owner->writable != NULL) {
    s->call_owner->writable(s->call_user, s);
  }
}

static void free_message(void *m) { free(m); }

static void send_next(grpc_stream *s) {
  if (s->writing.pending || s->over || s->finishing) return;
  if (s->first == NULL) {
    if (s->draining) finish_now(s);
    return;
  }
  grpc_message *m = s->first;
  s->first = m->next;
  if (s->first == NULL) s->last = NULL;
  s->waiting_bytes -= m->bytes;
  s->moving_bytes = m->bytes;
  grpc_slice slice = grpc_slice_new_with_user_data(m->data, m->bytes, free_message, m);
  grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
  grpc_slice_unref(slice);
  grpc_op operation = {.op = GRPC_OP_SEND_MESSAGE};
  operation.data.send_message.send_message = buffer;
  (void)lrm__grpc_start(s, &s->writing, &operation);
  grpc_byte_buffer_destroy(buffer);
}

/* ---- the end ---- */

void lrm__grpc_drain(grpc_stream *s, uint64_t at_most_ms) {
  s->draining = true;
  drop_rest(s);
  if (uv_timer_start(&s->timer, on_cancel_timer, at_most_ms, 0) != 0) lrm__grpc_cancel(s);
  send_next(s);
  if (!s->reading.pending) lrm__grpc_read(s);
}

static void carrier_close(lrm_carrier *base, bool flush) {
  grpc_stream *s = (grpc_stream *)base;
  if (s->over || s->draining) return;
  if (s->from != NULL && lrm__grpc_closing(s->from)) {
    lrm__grpc_say(s, LRM_GRPC_UNAVAILABLE, "the relay is going away");
  }
  if (!flush || !s->up) {
    s->draining = true;
    drop_rest(s);
    lrm__grpc_cancel(s);
    return;
  }
  lrm__grpc_drain(s, FLUSH_MS);
}

static void on_ended(grpc_tag *tag, bool ok) {
  grpc_stream *s = tag->owner;
  (void)ok;
  if (s->from == NULL) {
    lrm__grpc_describe(s);
  } else {
    lrm__grpc_fault(s, s->cancelled ? "connection lost" : "the other side closed the connection");
  }
  lrm__grpc_over(s);
}

static void begin_op(grpc_tag *tag, grpc_stream *s, void (*done)(grpc_tag *tag, bool ok)) {
  tag->owner = s;
  tag->done = done;
}

void lrm__grpc_stream_tags(grpc_stream *s, void (*opened)(grpc_tag *tag, bool ok)) {
  begin_op(&s->opened, s, opened);
  begin_op(&s->headers, s, on_finished);
  begin_op(&s->reading, s, on_read);
  begin_op(&s->writing, s, on_written);
  begin_op(&s->finished, s, on_finished);
  begin_op(&s->ended, s, on_ended);
}

/* "ipv6:%5B::1%5D:4711" is how gRPC says "[::1]:4711". */
void lrm__grpc_name_peer(grpc_stream *s) {
  char *uri = grpc_call_get_peer(s->call);
  const char *at = uri;
  if (strncmp(at, "ipv4:", 5) == 0 || strncmp(at, "ipv6:", 5) == 0) at += 5;
  size_t used = 0;
  while (*at != '\0' && used + 1 < sizeof s->base.peer) {
    unsigned code;
    char digits[3] = {at[0], at[0] == '%' ? at[1] : '\0', '\0'};
    if (at[0] == '%' && at[1] != '\0' && at[2] != '\0') {
      digits[0] = at[1];
      digits[1] = at[2];
      code = (unsigned)strtoul(digits, NULL, 16);
      at += 3;
    } else {
      code = (unsigned char)*at++;
    }
    s->base.peer[used++] = code >= 0x20 && code < 0x7f ? (char)code : '?';
  }
  s->base.peer[used] = '\0';
  gpr_free(uri);
}
