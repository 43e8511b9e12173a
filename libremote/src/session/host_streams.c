/* Deltas: out as tails at once, durable at the next CLEARS_TAIL block, whole when complete. */
#include <string.h>

#include "base/assert.h"
#include "session/host_internal.h"

#define TAIL_MESSAGE_BYTES_MAX (48u * 1024u)
#define STREAM_BYTES_FIRST 1024u

static bool is_message(const lrm__stream *stream) {
  return stream->body != EVENT_BODY(TOOL_OUTPUT);
}

static size_t stream_pending(const lrm__stream *stream) {
  return (size_t)(stream->position - stream->durable);
}

/* ---- the table of streams ---- */

static void stream_free(lrm_host *host, lrm__stream *stream) {
  host->pending_bytes -= stream_pending(stream);
  lrm__release(&host->allocator, stream->text);
  memset(stream, 0, sizeof *stream);
}

void lrm__host_streams_free(lrm_host *host) {
  if (host->streams == NULL) return;
  for (size_t i = 0; i < LRM__STREAMS_MAX; i++) stream_free(host, &host->streams[i]);
  lrm__release(&host->allocator, host->streams);
  host->streams = NULL;
}

static lrm__stream *find(lrm_host *host, Remote__V1__Event__BodyCase body, const char *id,
                         uint32_t output_stream) {
  for (size_t i = 0; i < LRM__STREAMS_MAX; i++) {
    lrm__stream *stream = &host->streams[i];
    if (stream->body == body && stream->output_stream == output_stream &&
        strcmp(stream->id, id) == 0)
      return stream;
  }
  return NULL;
}

/* A free place, else the tool output not used for longest: an ended tool's position is only kept
 * because some go on writing. Messages are never given up. */
static lrm__stream *place(lrm_host *host) {
  lrm__stream *oldest = NULL;
  for (size_t i = 0; i < LRM__STREAMS_MAX; i++) {
    lrm__stream *stream = &host->streams[i];
    if (stream->body == 0) return stream;
    if (is_message(stream) || stream_pending(stream) != 0) continue;
    if (oldest == NULL || stream->used < oldest->used) oldest = stream;
  }
  if (oldest != NULL) stream_free(host, oldest);
  return oldest;
}

/* What a delta says, whatever its body. */
typedef struct delta {
  const char *id;
  uint32_t output_stream;
  const uint8_t *data;
  size_t bytes;
} delta;

static bool read_delta(const Remote__V1__Event *event, delta *out) {
  memset(out, 0, sizeof *out);
  const char *text = NULL;
  switch (event->body_case) {
    case EVENT_BODY(ASSISTANT_DELTA):
      out->id = event->assistant_delta->message_id;
      text = event->assistant_delta->text;
      break;
    case EVENT_BODY(THOUGHT_DELTA):
      out->id = event->thought_delta->message_id;
      text = event->thought_delta->text;
      break;
    case EVENT_BODY(TOOL_OUTPUT):
      out->id = event->tool_output->tool_call_id;
      out->output_stream = event->tool_output->stream;
      out->data = event->tool_output->data.data;
      out->bytes = event->tool_output->data.len;
      break;
    default:
      return false;
  }
  if (text != NULL) {
    out->data = (const uint8_t *)text;
    out->bytes = strlen(text);
  }
  return true;
}

static int stream_for(lrm_host *host, const Remote__V1__Event *event, const delta *said,
                      lrm__stream **out) {
  lrm__stream *stream = find(host, event->body_case, said->id, said->output_stream);
  if (stream == NULL) {
    stream = place(host);
    if (stream == NULL) return LRM_ERR_BUSY;
    stream->body = event->body_case;
    stream->output_stream = said->output_stream;
    lrm__text_cut(stream->id, sizeof stream->id, said->id);
    const char *turn = event->turn_id;
    if (lrm__text_empty(turn) && host->turn.begun) turn = host->turn.id;
    lrm__text_cut(stream->turn_id, sizeof stream->turn_id, turn);
    lrm__text_cut(stream->agent_id, sizeof stream->agent_id, event->agent_id);
  }
  stream->used = ++host->streams_used;
  *out = stream;
  return 0;
}

/* Room for `bytes` more of text. */
static int stream_reserve(lrm_host *host, lrm__stream *stream, size_t bytes) {
  size_t wanted = stream->bytes + bytes;
  if (wanted <= stream->capacity) return 0;
  size_t capacity = stream->capacity == 0 ? STREAM_BYTES_FIRST : stream->capacity;
  while (capacity < wanted) capacity *= 2;
  uint8_t *text = host->allocator.alloc(host->allocator.user, capacity);
  if (text == NULL) return LRM_ERR_NO_MEMORY;
  if (stream->bytes != 0) memcpy(text, stream->text, stream->bytes);
  lrm__release(&host->allocator, stream->text);
  stream->text = text;
  stream->capacity = capacity;
  return 0;
}

/* ---- making it durable ---- */

/* One delta event of a stream; text is passed as bytes that end at a character. `memory` holds
 * its body. */
typedef union delta_body {
  Remote__V1__AssistantDelta assistant;
  Remote__V1__ThoughtDelta thought;
  Remote__V1__ToolOutput output;
} delta_body;

static int write_delta(lrm_host *host, lrm__stream *stream, uint64_t position, const uint8_t *data,
                       size_t bytes, Remote__V1__Event *event, delta_body *body, char *text) {
  remote__v1__event__init(event);
  event->at_ms = host->wall_ms;
  event->turn_id = stream->turn_id;
  event->agent_id = stream->agent_id;
  event->body_case = stream->body;
  if (is_message(stream)) {
    memcpy(text, data, bytes);
    text[bytes] = '\0';
  }
  switch (stream->body) {
    case EVENT_BODY(ASSISTANT_DELTA):
      remote__v1__assistant_delta__init(&body->assistant);
      body->assistant.message_id = stream->id;
      body->assistant.position = position;
      body->assistant.text = text;
      event->assistant_delta = &body->assistant;
      return 0;
    case EVENT_BODY(THOUGHT_DELTA):
      remote__v1__thought_delta__init(&body->thought);
      body->thought.message_id = stream->id;
      body->thought.position = position;
      body->thought.text = text;
      event->thought_delta = &body->thought;
      return 0;
    default:
      remote__v1__tool_output__init(&body->output);
      body->output.tool_call_id = stream->id;
      body->output.position = position;
      body->output.stream = (Remote__V1__OutputStream)stream->output_stream;
      body->output.data = (ProtobufCBinaryData){bytes, lrm__bytes(data)};
      event->tool_output = &body->output;
      return 0;
  }
}

static size_t piece_bytes(const lrm__stream *stream, const uint8_t *data, size_t bytes) {
  if (!is_message(stream)) return bytes < LRM__STREAM_PIECE_BYTES ? bytes : LRM__STREAM_PIECE_BYTES;
  return lrm__text_fit((const char *)data, bytes, LRM__STREAM_PIECE_BYTES);
}

static void now_durable(lrm_host *host, lrm__stream *stream) {
  host->pending_bytes -= stream_pending(stream);
  stream->durable = stream->position;
  if (is_message(stream)) return;
  stream->base = stream->durable;
  stream->bytes = 0;
}

static int flush_stream(lrm_host *host, lrm__stream *stream) {
  char text[LRM__STREAM_PIECE_BYTES + 1];
  size_t at = (size_t)(stream->durable - stream->base);
  while (at < stream->bytes) {
    size_t bytes = piece_bytes(stream, stream->text + at, stream->bytes - at);
    if (bytes == 0) bytes = stream->bytes - at; /* cannot be: text is checked when it comes */
    Remote__V1__Event event;
    delta_body body;
    int result =
        write_delta(host, stream, stream->base + at, stream->text + at, bytes, &event, &body, text);
    if (result == 0) result = lrm__host_emit_quietly(host, &event);
    if (result != 0) return result;
    at += bytes;
  }
  now_durable(host, stream);
  return 0;
}

/* Text over the limit continues in messages with the same id. */
static int write_whole(lrm_host *host, lrm__stream *stream, bool more) {
  char text[LRM__TEXT_PIECE_BYTES + 1];
  size_t at = 0;
  do {
    size_t rest = stream->bytes - at;
    size_t bytes =
        rest == 0 ? 0 : lrm__text_fit((const char *)stream->text + at, rest, LRM__TEXT_PIECE_BYTES);
    if (bytes != 0) memcpy(text, stream->text + at, bytes);
    text[bytes] = '\0';
    Remote__V1__AssistantMessage message = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
    Remote__V1__Thought thought = REMOTE__V1__THOUGHT__INIT;
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.turn_id = stream->turn_id;
    event.agent_id = stream->agent_id;
    bool last = at + bytes >= stream->bytes && !more;
    if (stream->body == EVENT_BODY(ASSISTANT_DELTA)) {
      message.message_id = stream->id;
      message.position = stream->base + at;
      message.text = text;
      message.more = !last;
      event.body_case = EVENT_BODY(ASSISTANT_MESSAGE);
      event.assistant_message = &message;
    } else {
      thought.message_id = stream->id;
      thought.position = stream->base + at;
      thought.text = text;
      thought.more = !last;
      event.body_case = EVENT_BODY(THOUGHT);
      event.thought = &thought;
    }
    int result = lrm__host_emit(host, &event);
    if (result != 0) return result;
    at += bytes;
  } while (at < stream->bytes);
  return 0;
}

static int flush_all(lrm_host *host, const lrm__stream *but) {
  for (size_t i = 0; i < LRM__STREAMS_MAX; i++) {
    lrm__stream *stream = &host->streams[i];
    if (stream == but || stream->body == 0 || stream_pending(stream) == 0) continue;
    int result = flush_stream(host, stream);
    if (result != 0) return result;
  }
  host->last_delta_ns = 0;
  return 0;
}

int lrm__host_clear(lrm_host *host) {
  if (host->pending_bytes == 0 && host->tail.used_bytes == 0 && !host->tail.overflowed) return 0;
  lrm_view_clear_tail(host->view);
  int result = flush_all(host, NULL);
  if (result != 0) return result;
  host->clear_wanted = true;
  if (lrm_block_builder_count(host->builder) != 0) return 0;
  /* Only tails that need not survive: the block still needs a message to carry its flag. */
  Remote__V1__StatusChanged changed = REMOTE__V1__STATUS_CHANGED__INIT;
  const Remote__V1__SessionState *state = lrm_view_state(host->view);
  changed.status = state->status;
  changed.activity = state->activity;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = EVENT_BODY(STATUS_CHANGED);
  event.status_changed = &changed;
  return lrm__host_emit_quietly(host, &event);
}

uint64_t lrm__host_clear_deadline(const lrm_host *host) {
  if (host->last_delta_ns == 0 || host->pending_bytes == 0) return UINT64_MAX;
  return host->last_delta_ns + LRM_TAIL_CLEAR_PAUSE_NS;
}

/* ---- tails ---- */

void lrm__host_tail_cleared(lrm_host *host, uint64_t end) {
  lrm_tail_clear(&host->tail, end);
  host->tail_gates_count = 0;
  host->tail_sendable = 0;
}

void lrm__host_tail_settled(lrm_host *host, uint64_t durable) {
  uint32_t done = 0;
  while (done < host->tail_gates_count && host->tail_gates[done].end <= durable)
    host->tail_sendable = host->tail_gates[done++].count;
  host->tail_gates_count -= done;
  memmove(host->tail_gates, host->tail_gates + done,
          host->tail_gates_count * sizeof *host->tail_gates);
}

/* A tail may overtake nothing: it is sent when what was emitted before it is durable. */
static void gate_tail(lrm_host *host) {
  uint64_t end = lrm__host_end(host);
  if (end <= lrm__host_durable(host)) {
    host->tail_sendable = host->tail.count;
    host->tail_gates_count = 0;
    return;
  }
  uint32_t last = host->tail_gates_count;
  if (last != 0 && (host->tail_gates[last - 1].end == end || last == LRM__TAIL_GATES_MAX)) last--;
  host->tail_gates[last].end = end;
  host->tail_gates[last].count = host->tail.count;
  host->tail_gates_count = last + 1;
}

/* Shows an ephemeral event and keeps it for late readers. `*full`: it must become durable by a
 * clear instead. */
static int push_tail(lrm_host *host, Remote__V1__Event *event, bool *full) {
  lrm_slice packed;
  int result = lrm__buffer_pack(&host->packed, &host->allocator, &event->base, &packed);
  if (result == 0) result = lrm__host_check_event(packed);
  if (result != 0) return result;
  *full =
      host->tail.offset == LRM_OFFSET_NONE ||
      (host->tail.used_bytes != 0 && host->tail.used_bytes + packed.bytes > LRM_TAIL_CLEAR_BYTES);
  if (!*full) {
    if (lrm_tail_push(&host->tail, packed.data, packed.bytes) == 0)
      gate_tail(host);
    else
      *full = true;
  }
  if (!*full) result = lrm_view_apply_tail(host->view, event);
  if (host->seen != NULL) host->seen(host->seen_user, event, true);
  return result;
}

/* ---- deltas ---- */

/* Frees the beginning of a very long message by writing it whole; the rest follows. */
static int shorten(lrm_host *host, lrm__stream *stream) {
  lrm_view_clear_tail(host->view);
  int result = flush_all(host, stream);
  if (result == 0) result = write_whole(host, stream, true);
  if (result != 0) return result;
  now_durable(host, stream);
  stream->base = stream->position;
  stream->bytes = 0;
  host->clear_wanted = true;
  /* Deltas that follow in this call count from the end of this block. */
  return lrm__host_close_block(host, true);
}

static int stream_piece(lrm_host *host, lrm__stream *stream, const uint8_t *data, size_t bytes) {
  char text[LRM__STREAM_PIECE_BYTES + 1];
  int result = stream_reserve(host, stream, bytes);
  if (result != 0) return result;
  Remote__V1__Event event;
  delta_body body;
  uint64_t position = stream->position;
  memcpy(stream->text + stream->bytes, data, bytes);
  result = write_delta(host, stream, position, data, bytes, &event, &body, text);
  if (result != 0) return result;
  bool full;
  result = push_tail(host, &event, &full);
  if (result != 0) return result;
  stream->bytes += bytes;
  stream->position += bytes;
  host->pending_bytes += bytes;
  host->last_delta_ns = host->now_ns;
  if (is_message(stream) && stream->bytes >= LRM__STREAM_BYTES_MAX) return shorten(host, stream);
  if (!full) return 0;
  result = lrm__host_clear(host);
  return result != 0 ? result : lrm__host_close_block(host, true);
}

/* What is said, redacted and checked, in memory that emitting does not touch. */
static int prepare_delta(lrm_host *host, const Remote__V1__Event *event, delta *said) {
  Remote__V1__Event copy = *event;
  Remote__V1__Event *out;
  int result = lrm__host_redact(host, &copy, &out);
  if (result != 0) return result;
  lrm_slice packed;
  result = lrm__buffer_pack(&host->packed, &host->allocator, &out->base, &packed);
  if (result == 0) result = lrm__host_check_event(packed);
  if (result != 0) return result;
  if (!read_delta(out, said)) return LRM_ERR_USAGE;
  if (out == &copy || said->bytes == 0) return 0;
  result = lrm__buffer_reserve(&host->packed_more, &host->allocator, said->bytes);
  if (result != 0) return result;
  memcpy(host->packed_more.data, said->data, said->bytes);
  said->data = host->packed_more.data;
  return 0;
}

static int delta_public(lrm_host *host, const Remote__V1__Event *event) {
  delta said;
  if (!read_delta(event, &said) || lrm__text_empty(said.id)) return LRM_ERR_USAGE;
  int result = prepare_delta(host, event, &said);
  if (result != 0 || said.bytes == 0) return result;
  said.id = NULL; /* may lie in what redaction freed; the caller's own is good */
  delta asked;
  (void)read_delta(event, &asked);
  lrm__stream *stream;
  result = stream_for(host, event, &asked, &stream);
  while (result == 0 && said.bytes != 0) {
    size_t bytes = piece_bytes(stream, said.data, said.bytes);
    result = stream_piece(host, stream, said.data, bytes);
    said.data += bytes;
    said.bytes -= bytes;
  }
  return result;
}

int lrm_host_delta(lrm_host *host, const Remote__V1__Event *event, uint64_t wall_ms,
                   uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, delta_public(host, event));
}

static int tail_public(lrm_host *host, const Remote__V1__Event *event) {
  if (event->body_case != EVENT_BODY(USAGE_UPDATED) &&
      event->body_case != EVENT_BODY(AGENT_EXTENSION))
    return LRM_ERR_USAGE;
  Remote__V1__Event copy = *event;
  if (copy.at_ms == 0) copy.at_ms = host->wall_ms;
  size_t bytes = protobuf_c_message_get_packed_size(&copy.base);
  if (bytes > TAIL_MESSAGE_BYTES_MAX) return LRM_ERR_TOO_LARGE;
  int result = 0;
  if (host->tail.used_bytes > 0 && host->tail.used_bytes + bytes > LRM_TAIL_CLEAR_BYTES) {
    result = lrm__host_clear(host);
    if (result == 0) result = lrm__host_close_block(host, true);
    if (result != 0) return result;
  }
  Remote__V1__Event *out;
  result = lrm__host_redact(host, &copy, &out);
  /* One that does not fit all the same is only shown here: it need not survive. */
  bool full;
  return result != 0 ? result : push_tail(host, out, &full);
}

int lrm_host_tail(lrm_host *host, const Remote__V1__Event *event, uint64_t wall_ms,
                  uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, tail_public(host, event));
}

/* ---- complete ---- */

static int complete(lrm_host *host, lrm__stream *stream) {
  lrm_view_clear_tail(host->view);
  int result = flush_all(host, stream);
  if (result == 0) result = write_whole(host, stream, false);
  if (result != 0) return result;
  stream_free(host, stream);
  host->clear_wanted = true;
  return 0;
}

int lrm__host_complete_all(lrm_host *host) {
  int result = 0;
  for (size_t i = 0; i < LRM__STREAMS_MAX && result == 0; i++) {
    lrm__stream *stream = &host->streams[i];
    if (stream->body != 0 && is_message(stream)) result = complete(host, stream);
  }
  return result;
}

static int complete_public(lrm_host *host, const char *message_id) {
  bool found = false;
  for (size_t i = 0; i < LRM__STREAMS_MAX; i++) {
    lrm__stream *stream = &host->streams[i];
    if (stream->body == 0 || !is_message(stream) || strcmp(stream->id, message_id) != 0) continue;
    found = true;
    int result = complete(host, stream);
    if (result != 0) return result;
  }
  return found ? 0 : LRM_ERR_NOT_FOUND;
}

int lrm_host_complete_stream(lrm_host *host, const char *message_id, uint64_t wall_ms,
                             uint64_t now_ns) {
  lrm__host_enter(host, wall_ms, now_ns);
  return lrm__host_leave(host, complete_public(host, message_id));
}
