/* Messages that are being written, and messages that must be seen whole before anything is said
 * about them (echoes of the prompt, history that is replayed on load). */
#include <stdio.h>

#include "acp_internal.h"

#define PIECE_BYTES 8192u /* a delta; at most three times as much after repair, limit 32 KiB */
#define UNMATCHED_BYTES_MAX (8u * 1024u * 1024u)
#define MESSAGE_BYTES 16384u /* a part of a collected message, likewise below 64 KiB */
#define ENDED_IDS_MAX 8192u

/* The letters of `text` that lie within `limit` bytes. */
static size_t whole_letters(const char *text, size_t bytes, size_t limit) {
  if (bytes <= limit) return bytes;
  while (limit > 0 && ((unsigned char)text[limit] & 0xC0) == 0x80) limit--;
  return limit;
}

/* ---- streams ---- */

static void send_piece(acp_session *s, const acp_stream *stream, const char *text, size_t bytes) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__AssistantDelta assistant = REMOTE__V1__ASSISTANT_DELTA__INIT;
  Remote__V1__ThoughtDelta thought = REMOTE__V1__THOUGHT_DELTA__INIT;
  char *id = acp_build_copy(&b, stream->id);
  char *piece = acp_build_text(&b, text, bytes, 32768);
  if (stream->role == ACP_ROLE_THOUGHT) {
    thought.message_id = id;
    thought.text = piece;
    event.body_case = REMOTE__V1__EVENT__BODY_THOUGHT_DELTA;
    event.thought_delta = &thought;
  } else {
    assistant.message_id = id;
    assistant.text = piece;
    event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA;
    event.assistant_delta = &assistant;
  }
  acp_delta(s, &event);
  acp_build_end(&b);
}

static void send_text(acp_session *s, const acp_stream *stream, const char *text, size_t bytes) {
  while (bytes > 0) {
    size_t n = whole_letters(text, bytes, PIECE_BYTES);
    send_piece(s, stream, text, n);
    text += n;
    bytes -= n;
  }
}

static void feed(acp_session *s, acp_stream *stream, const char *text, size_t bytes, bool end) {
  if (s->redact == NULL) {
    send_text(s, stream, text, bytes);
    return;
  }
  char *out;
  size_t out_bytes;
  redact_stream_feed(&stream->redact, s->redact, text, bytes, end, &out, &out_bytes);
  send_text(s, stream, out, out_bytes);
}

static void stream_end(acp_session *s, acp_stream *stream) {
  const char *agent = s->event_agent_id;
  s->event_agent_id = stream->agent_id;
  feed(s, stream, "", 0, true);
  s->sink->complete_stream(s->sink_user, stream->id);
  s->event_agent_id = agent;
  if (json_object_size(s->ended_ids) >= ENDED_IDS_MAX) json_object_clear(s->ended_ids);
  if (stream->agents_id[0] != '\0') {
    json_t *times = json_object_get(s->ended_ids, stream->agents_id);
    json_object_set_new(s->ended_ids, stream->agents_id,
                        json_integer(json_integer_value(times) + 1));
  }
  redact_stream_free(&stream->redact);
  stream->role = 0;
}

void acp_streams_end(acp_session *s, bool all) {
  const char *agent = s->event_agent_id != NULL ? s->event_agent_id : "";
  for (size_t i = 0; i < ACP_STREAMS_MAX; i++) {
    acp_stream *stream = &s->streams[i];
    if (stream->role != 0 && (all || strcmp(stream->agent_id, agent) == 0)) stream_end(s, stream);
  }
}

/* An id under which a message was completed is not used again: what follows is a new message. */
static void stream_name(acp_session *s, acp_stream *stream) {
  if (stream->agents_id[0] == '\0') {
    acp_make_id(s, "msg", stream->id);
    return;
  }
  json_int_t times = json_integer_value(json_object_get(s->ended_ids, stream->agents_id));
  if (times == 0)
    memcpy(stream->id, stream->agents_id, sizeof stream->id);
  else
    snprintf(stream->id, sizeof stream->id, "%.100s~%lld", stream->agents_id, times);
}

static acp_stream *stream_of(acp_session *s, acp_role role, const char *agents_id) {
  const char *agent = s->event_agent_id != NULL ? s->event_agent_id : "";
  acp_stream *slot = NULL;
  for (size_t i = 0; i < ACP_STREAMS_MAX; i++) {
    acp_stream *stream = &s->streams[i];
    if (stream->role != 0 && strcmp(stream->agent_id, agent) == 0) {
      if (stream->role == role && strcmp(stream->agents_id, agents_id) == 0) return stream;
      stream_end(s, stream);
    }
    if (stream->role == 0 && slot == NULL) slot = stream;
  }
  if (slot == NULL) {
    slot = &s->streams[s->counter % ACP_STREAMS_MAX];
    stream_end(s, slot);
  }
  slot->role = role;
  snprintf(slot->agent_id, sizeof slot->agent_id, "%s", agent);
  snprintf(slot->agents_id, sizeof slot->agents_id, "%s", agents_id);
  stream_name(s, slot);
  return slot;
}

static void message_id_of(const json_t *update, char out[ACP_ID_BYTES]) {
  const char *id = json_string_value(json_object_get(update, "messageId"));
  acp_id_make(id != NULL ? id : "", 100, out);
}

static const json_t *text_of(const json_t *update) {
  const json_t *block = json_object_get(update, "content");
  const char *type = json_string_value(json_object_get(block, "type"));
  const json_t *text = json_object_get(block, "text");
  return type != NULL && strcmp(type, "text") == 0 && json_is_string(text) ? text : NULL;
}

void acp_stream_chunk(acp_session *s, acp_role role, json_t *update) {
  const json_t *text = text_of(update);
  if (text == NULL) {
    acp_message_block(s, role, json_object_get(update, "content"));
    return;
  }
  char id[ACP_ID_BYTES];
  message_id_of(update, id);
  acp_stream *stream = stream_of(s, role, id);
  stream->last_ns = s->now_ns;
  feed(s, stream, json_string_value(text), json_string_length(text), false);
}

/* ---- blocks that are not text ---- */

static Remote__V1__Attachment *new_attachment(acp_build *b, char *asset_id, const json_t *name,
                                              const json_t *media_type, size_t size) {
  Remote__V1__Attachment *a = acp_build_alloc(b, sizeof *a);
  remote__v1__attachment__init(a);
  a->asset_id = asset_id;
  a->name = acp_build_string(b, name, 1024);
  a->media_type = acp_build_string(b, media_type, 127);
  a->size = size;
  return a;
}

/* NULL: a block of a kind that is not known. */
static Remote__V1__Attachment *attachment(acp_build *b, const json_t *block) {
  const char *type = json_string_value(json_object_get(block, "type"));
  const json_t *media = json_object_get(block, "mimeType");
  size_t size = 0;
  if (type == NULL) return NULL;
  if (strcmp(type, "image") == 0 || strcmp(type, "audio") == 0) {
    char *id = acp_build_asset64(b, json_object_get(block, "data"), media, type, &size);
    return id != NULL ? new_attachment(b, id, json_object_get(block, "uri"), media, size) : NULL;
  }
  if (strcmp(type, "resource_link") == 0) {
    json_int_t bytes = json_integer_value(json_object_get(block, "size"));
    return new_attachment(b, acp_build_copy(b, ""), json_object_get(block, "uri"), media,
                          bytes > 0 ? (size_t)bytes : 0);
  }
  if (strcmp(type, "resource") != 0) return NULL;
  const json_t *resource = json_object_get(block, "resource");
  char *id = acp_build_resource(b, resource, &size);
  return id != NULL ? new_attachment(b, id, json_object_get(resource, "uri"),
                                     json_object_get(resource, "mimeType"), size)
                    : NULL;
}

void acp_message_block(acp_session *s, acp_role role, const json_t *block) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Attachment *a = role == ACP_ROLE_ASSISTANT ? attachment(&b, block) : NULL;
  if (a == NULL) {
    acp_extension(s, "content", block != NULL ? block : json_null(), false);
  } else {
    acp_streams_end(s, false);
    char id[ACP_ID_BYTES];
    acp_make_id(s, "msg", id);
    Remote__V1__AssistantMessage message = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
    message.message_id = id;
    message.n_attachments = 1;
    message.attachments = &a;
    Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
    event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE;
    event.assistant_message = &message;
    acp_emit(s, &event);
  }
  acp_build_end(&b);
}

/* ---- collected messages ---- */

void acp_collect(acp_session *s, acp_role role, json_t *update) {
  acp_late_replay_goes_on(s);
  char id[ACP_ID_BYTES];
  message_id_of(update, id);
  if (s->collected.role != role || strcmp(s->collected.agents_id, id) != 0) acp_collect_end(s);
  s->collected.role = role;
  memcpy(s->collected.agents_id, id, sizeof id);
  const json_t *text = text_of(update);
  if (text == NULL) {
    if (s->collected.blocks == NULL) s->collected.blocks = json_array();
    json_array_append(s->collected.blocks, json_object_get(update, "content"));
    return;
  }
  size_t bytes = json_string_length(text);
  if (s->collected.bytes + bytes + 1 > s->collected.room) {
    s->collected.room = (s->collected.bytes + bytes + 1) * 2;
    s->collected.text = memory_grow(s->collected.text, s->collected.room);
  }
  memcpy(s->collected.text + s->collected.bytes, json_string_value(text), bytes);
  s->collected.bytes += bytes;
  s->collected.text[s->collected.bytes] = '\0';
}

static void emit_user(acp_session *s, acp_build *b, char *id, const char *text, size_t bytes,
                      Remote__V1__Attachment **attachments, size_t count) {
  Remote__V1__UserMessage message = REMOTE__V1__USER_MESSAGE__INIT;
  message.message_id = id;
  message.text = acp_build_long(b, text, bytes, 65536, "text/plain", "prompt", &message.asset_id);
  message.attachments = attachments;
  message.n_attachments = count;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_USER_MESSAGE;
  event.user_message = &message;
  acp_emit(s, &event);
}

static void emit_part(acp_session *s, acp_role role, char *id, size_t position, const char *text,
                      size_t bytes, bool more) {
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  Remote__V1__AssistantMessage message = REMOTE__V1__ASSISTANT_MESSAGE__INIT;
  Remote__V1__Thought thought = REMOTE__V1__THOUGHT__INIT;
  char *part = acp_build_text(&b, text, bytes, 65536);
  if (role == ACP_ROLE_THOUGHT) {
    thought.message_id = id;
    thought.position = position;
    thought.text = part;
    thought.more = more;
    event.body_case = REMOTE__V1__EVENT__BODY_THOUGHT;
    event.thought = &thought;
  } else {
    message.message_id = id;
    message.position = position;
    message.text = part;
    message.more = more;
    event.body_case = REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE;
    event.assistant_message = &message;
  }
  acp_emit(s, &event);
  acp_build_end(&b);
}

static void emit_parts(acp_session *s, acp_role role, char *id, size_t position, const char *text,
                       size_t bytes) {
  do {
    size_t n = whole_letters(text, bytes, MESSAGE_BYTES);
    emit_part(s, role, id, position, text, n, n < bytes);
    position += n;
    text += n;
    bytes -= n;
  } while (bytes > 0);
}

static void emit_collected(acp_session *s, size_t from) {
  char id[ACP_ID_BYTES];
  acp_role role = s->collected.role;
  if (s->collected.agents_id[0] != '\0')
    memcpy(id, s->collected.agents_id, sizeof id);
  else
    acp_make_id(s, "msg", id);
  const char *text = s->collected.bytes > 0 ? s->collected.text + from : "";
  size_t bytes = s->collected.bytes > 0 ? s->collected.bytes - from : 0;
  if (role != ACP_ROLE_USER) {
    emit_parts(s, role, id, from, text, bytes);
    for (size_t i = 0; i < json_array_size(s->collected.blocks); i++)
      acp_message_block(s, role, json_array_get(s->collected.blocks, i));
    return;
  }
  acp_build b;
  acp_build_begin(&b, s);
  Remote__V1__Attachment *attachments[16];
  size_t count = 0;
  for (size_t i = 0; i < json_array_size(s->collected.blocks); i++) {
    const json_t *block = json_array_get(s->collected.blocks, i);
    Remote__V1__Attachment *a = count < 16 ? attachment(&b, block) : NULL;
    if (a != NULL)
      attachments[count++] = a;
    else
      acp_extension(s, "content", block, false);
  }
  emit_user(s, &b, id, text, bytes, attachments, count);
  acp_build_end(&b);
}

/* What the journal holds and what goes out is redacted; what the agent repeats is not. */
static void redact_collected(acp_session *s) {
  size_t bytes;
  char *clean = s->collected.bytes > 0
                    ? redact_text(s->redact, s->collected.text, s->collected.bytes, &bytes)
                    : NULL;
  if (clean == NULL) return;
  free(s->collected.text);
  s->collected.text = clean;
  s->collected.bytes = bytes;
  s->collected.room = bytes + 1;
}

/* The agent repeats the prompt it was just given: everybody has seen it already. */
static bool is_echo(acp_session *s) {
  if (s->collected.role != ACP_ROLE_USER || !s->turn.running || s->turn.prompt == NULL)
    return false;
  size_t left = strlen(s->turn.prompt + s->turn.echoed);
  if (s->collected.bytes == 0 || s->collected.bytes > left) return false;
  if (memcmp(s->turn.prompt + s->turn.echoed, s->collected.text, s->collected.bytes) != 0)
    return false;
  s->turn.echoed += s->collected.bytes;
  return true;
}

static void collected_clear(acp_session *s) {
  s->collected.role = 0;
  s->collected.bytes = 0;
  json_decref(s->collected.blocks);
  s->collected.blocks = NULL;
}

/* ---- messages of a replay that the journal does not know ----
 * Agents tell the same conversation in other words when they replay it: without a hint that they
 * gave, with an image as text, with a word of theirs for a prompt that was cancelled. So a message
 * that is not known is held: if something known follows, it lies in the past that everybody has
 * seen; what nothing known follows was said elsewhere since, and is new. */

void acp_unmatched_drop(acp_session *s) {
  json_decref(s->unmatched);
  s->unmatched = NULL;
  s->unmatched_bytes = 0;
}

void acp_unmatched_say(acp_session *s) {
  json_t *held = s->unmatched, *message;
  size_t i;
  s->unmatched = NULL;
  s->unmatched_bytes = 0;
  json_array_foreach(held, i, message) {
    json_t *text = json_object_get(message, "text"), *blocks = json_object_get(message, "blocks");
    s->collected.role = (acp_role)json_integer_value(json_object_get(message, "role"));
    snprintf(s->collected.agents_id, sizeof s->collected.agents_id, "%s",
             json_string_value(json_object_get(message, "id")));
    free(s->collected.text);
    s->collected.text = memory_text(json_string_value(text), json_string_length(text));
    s->collected.bytes = json_string_length(text);
    s->collected.room = s->collected.bytes + 1;
    s->collected.blocks = json_incref(blocks);
    emit_collected(s, 0);
    collected_clear(s);
  }
  json_decref(held);
}

static void hold_collected(acp_session *s) {
  json_t *blocks = s->collected.blocks;
  if (s->collected.bytes == 0 && json_array_size(blocks) == 0) return; /* some say nothing, often */
  json_t *message =
      json_pack("{s:i,s:s,s:s%,s:o}", "role", (int)s->collected.role, "id", s->collected.agents_id,
                "text", s->collected.bytes > 0 ? s->collected.text : "", s->collected.bytes,
                "blocks", blocks != NULL ? json_incref(blocks) : json_array());
  if (message == NULL) { /* no UTF-8 */
    acp_unmatched_say(s);
    emit_collected(s, 0);
    return;
  }
  if (s->unmatched == NULL) s->unmatched = json_array();
  json_array_append_new(s->unmatched, message);
  s->unmatched_bytes += s->collected.bytes + 64;
  if (s->unmatched_bytes > UNMATCHED_BYTES_MAX) acp_unmatched_say(s);
}

static void replayed(acp_session *s) {
  size_t known;
  const char *text = s->collected.text != NULL ? s->collected.text : "";
  if (!acp_history_match(s->history, s->collected.role, s->collected.agents_id, text,
                         s->collected.bytes, &known)) {
    hold_collected(s);
    return;
  }
  s->replay_matched = true;
  acp_unmatched_drop(s);
  if (known < s->collected.bytes && s->collected.role != ACP_ROLE_USER) emit_collected(s, known);
}

void acp_collect_end(acp_session *s) {
  if (s->collected.role == 0) return;
  bool echo = !s->loading && is_echo(s);
  if (!echo) redact_collected(s);
  if (s->loading) {
    replayed(s);
  } else if (echo) {
    json_t *said = json_pack("{s:s,s:I}", "messageId", s->collected.agents_id, "bytes",
                             (json_int_t)s->collected.bytes);
    acp_extension(s, "session/update:user_message_chunk:echo", said, true);
    json_decref(said);
  } else {
    emit_collected(s, 0);
  }
  collected_clear(s);
}
