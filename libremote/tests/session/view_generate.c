#define _POSIX_C_SOURCE 200809L /* strdup */

#include "session/view_generate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "remote/message.h"
#include "schema.h"

uint64_t random_next(random_source *random) {
  uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

uint64_t random_below(random_source *random, uint64_t limit) {
  return limit == 0 ? 0 : random_next(random) % limit;
}

static const char *const characters[] = {
    "a", "e", " ", "\n", "\"", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

/* At most `most` bytes of valid UTF-8. */
static char *random_text(random_source *random, size_t most) {
  char *text = malloc(most + 1);
  size_t bytes = 0;
  while (text != NULL) {
    const char *c = characters[random_below(random, 8)];
    if (bytes + strlen(c) > most) break;
    memcpy(text + bytes, c, strlen(c));
    bytes += strlen(c);
  }
  if (text == NULL) abort();
  text[bytes] = '\0';
  return text;
}

static size_t random_length(random_source *random) {
  switch (random_below(random, 16)) {
    case 0:
      return random_below(random, 60000);
    case 1:
    case 2:
      return random_below(random, 3000);
    case 3:
      return 0;
    default:
      return random_below(random, 40);
  }
}

/* ---- wild ---- */

static bool ends_with(const char *name, const char *end) {
  size_t n = strlen(name), e = strlen(end);
  return n >= e && strcmp(name + n - e, end) == 0;
}

static char *wild_string(random_source *random, const char *name) {
  static const char *const ids[] = {"", "a", "a", "b", "b", "\xc3\xa9"};
  static const char *const limited[] = {"title", "currency",   "activity", "mode",  "keep_alive",
                                        "name",  "media_type", "topic",    "group", "category",
                                        "value", "agent",      "host",     "os",    "branch"};
  if (ends_with(name, "_id") || strcmp(name, "subagents") == 0)
    return strdup(ids[random_below(random, 6)]);
  for (size_t i = 0; i < sizeof limited / sizeof *limited; i++)
    if (strstr(name, limited[i]) != NULL) return random_text(random, random_below(random, 23));
  if (strcmp(name, "text") == 0 || strcmp(name, "old_text") == 0 || strcmp(name, "new_text") == 0)
    return random_text(random, random_length(random) / (name[0] == 't' ? 2 : 3));
  return random_text(random, random_below(random, 60));
}

static void wild_bytes(random_source *random, const char *name, ProtobufCBinaryData *out) {
  bool id = ends_with(name, "_id") || ends_with(name, "_ids");
  out->len = id ? (random_below(random, 8) == 0 ? 0 : 16) : random_length(random);
  if (strstr(name, "path") != NULL || strcmp(name, "cwd") == 0) out->len %= 4000;
  if (strcmp(name, "output") == 0) out->len %= 16385;
  out->data = out->len == 0 ? NULL : malloc(out->len);
  uint8_t same = (uint8_t)(1 + random_below(random, 5));
  for (size_t i = 0; i < out->len; i++) out->data[i] = id ? same : (uint8_t)random_next(random);
}

static uint64_t wild_number(random_source *random) {
  switch (random_below(random, 8)) {
    case 0:
      return random_next(random) >> 11;
    case 1:
      return UINT64_MAX;
    case 2:
    case 3:
      return 0;
    default:
      return random_below(random, 100);
  }
}

static ProtobufCMessage *wild_message(random_source *random,
                                      const ProtobufCMessageDescriptor *type);

static size_t element_bytes(const ProtobufCFieldDescriptor *field) {
  if (field->type == PROTOBUF_C_TYPE_BYTES) return sizeof(ProtobufCBinaryData);
  if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE)
    return sizeof(void *);
  abort(); /* the schema has no lists of numbers */
}

static void wild_value(random_source *random, const ProtobufCFieldDescriptor *field, void *at) {
  switch (field->type) {
    case PROTOBUF_C_TYPE_STRING: {
      char *text = wild_string(random, field->name);
      memcpy(at, &text, sizeof text);
      break;
    }
    case PROTOBUF_C_TYPE_BYTES:
      wild_bytes(random, field->name, at);
      break;
    case PROTOBUF_C_TYPE_MESSAGE: {
      ProtobufCMessage *child = wild_message(random, field->descriptor);
      memcpy(at, &child, sizeof child);
      break;
    }
    case PROTOBUF_C_TYPE_BOOL: {
      protobuf_c_boolean value = (protobuf_c_boolean)random_below(random, 2);
      memcpy(at, &value, sizeof value);
      break;
    }
    case PROTOBUF_C_TYPE_UINT64: {
      uint64_t value = wild_number(random);
      memcpy(at, &value, sizeof value);
      break;
    }
    case PROTOBUF_C_TYPE_ENUM: {
      uint32_t value = (uint32_t)random_below(random, 8);
      memcpy(at, &value, sizeof value);
      break;
    }
    default: {
      uint32_t value = (uint32_t)wild_number(random) & 0x7fffffff;
      memcpy(at, &value, sizeof value);
    }
  }
}

static void wild_list(random_source *random, const ProtobufCFieldDescriptor *field, uint8_t *to) {
  size_t count = random_below(random, 10) == 0 ? random_below(random, 16) : random_below(random, 4);
  void *elements = count == 0 ? NULL : calloc(count, element_bytes(field));
  for (size_t i = 0; i < count; i++)
    wild_value(random, field, (uint8_t *)elements + i * element_bytes(field));
  memcpy(to + field->quantifier_offset, &count, sizeof count);
  memcpy(to + field->offset, &elements, sizeof elements);
}

/* A member of a oneof is set with the chance that leaves each the same. */
static void wild_oneof(random_source *random, const ProtobufCFieldDescriptor *field, uint8_t *to) {
  uint32_t chosen;
  memcpy(&chosen, to + field->quantifier_offset, sizeof chosen);
  if (chosen != 0 || random_below(random, 3) != 0) return;
  memcpy(to + field->quantifier_offset, &field->id, sizeof field->id);
  wild_value(random, field, to + field->offset);
}

static ProtobufCMessage *wild_message(random_source *random,
                                      const ProtobufCMessageDescriptor *type) {
  uint8_t *message = calloc(1, type->sizeof_message);
  if (message == NULL) abort();
  type->message_init((ProtobufCMessage *)(void *)message);
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
      wild_oneof(random, field, message);
    else if (field->label == PROTOBUF_C_LABEL_REPEATED)
      wild_list(random, field, message);
    else if (random_below(random, 3) != 0)
      wild_value(random, field, message + field->offset);
  }
  return (ProtobufCMessage *)(void *)message;
}

/* Only what a peer may say reaches a view. */
static bool within_limits(const Remote__V1__Event *event) {
  size_t bytes = remote__v1__event__get_packed_size(event);
  if (bytes > LRM_MESSAGE_BYTES_MAX) return false;
  uint8_t *packed = malloc(bytes + 1);
  if (packed == NULL) abort();
  remote__v1__event__pack(event, packed);
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  bool within = lrm_preflight(&lrm_schema_Event, packed, bytes, &limits, NULL) == 0;
  free(packed);
  return within;
}

/* Bodies that make up a view's life come more often than the others. */
static const uint32_t likely[] = {31, 31, 31, 32, 32, 33, 34, 30, 40, 40, 41, 42, 42,
                                  42, 43, 50, 51, 90, 17, 16, 36, 84, 60, 70, 37};

Remote__V1__Event *wild_event(random_source *random) {
  const ProtobufCMessageDescriptor *type = &remote__v1__event__descriptor;
  for (;;) {
    Remote__V1__Event *event = calloc(1, sizeof *event);
    if (event == NULL) abort();
    remote__v1__event__init(event);
    event->at_ms = random_below(random, 1000000);
    event->turn_id = strdup(random_below(random, 2) ? "t1" : "t2");
    event->agent_id = strdup("");
    const ProtobufCFieldDescriptor *field;
    do {
      unsigned id = (unsigned)(random_below(random, 3) == 0 ? 10 + random_below(random, 91)
                                                            : likely[random_below(random, 25)]);
      field = protobuf_c_message_descriptor_get_field(type, id);
    } while (field == NULL);
    memcpy((uint8_t *)event + field->quantifier_offset, &field->id, sizeof field->id);
    wild_value(random, field, (uint8_t *)event + field->offset);
    if (within_limits(event)) return event;
    remote__v1__event__free_unpacked(event, NULL);
  }
}

bool wild_begins(const Remote__V1__Event *event) { return event->at_ms % 2 == 0; }

/* ---- plausible ---- */

void plausible_begin(plausible_host *host, uint64_t seed) {
  memset(host, 0, sizeof *host);
  host->random.state = seed;
  host->now_ms = 1700000000000u;
}

void plausible_end(plausible_host *host) {
  for (size_t i = 0; i < PLAUSIBLE_STREAMS; i++) {
    free(host->streams[i].text);
    free(host->tools[i].output);
  }
}

static Remote__V1__Event *new_event(plausible_host *host, Remote__V1__Event__BodyCase body) {
  Remote__V1__Event *event = calloc(1, sizeof *event);
  if (event == NULL) abort();
  remote__v1__event__init(event);
  event->at_ms = host->now_ms += random_below(&host->random, 50);
  event->turn_id = strdup("turn");
  event->body_case = body;
  return event;
}

#define NEW(type, init)                       \
  type *message = calloc(1, sizeof *message); \
  if (message == NULL) abort();               \
  init(message)

static Remote__V1__Event *delta_event(plausible_host *host, const struct plausible_stream *stream,
                                      size_t from) {
  NEW(Remote__V1__AssistantDelta, remote__v1__assistant_delta__init);
  message->message_id = strdup(stream->id);
  message->position = from;
  message->text = strdup(stream->text + from);
  Remote__V1__Event *event = new_event(host, REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA);
  event->assistant_delta = message;
  if (!stream->thought) return event;
  event->body_case = REMOTE__V1__EVENT__BODY_THOUGHT_DELTA; /* the same fields */
  event->thought_delta = calloc(1, sizeof *event->thought_delta);
  if (event->thought_delta == NULL) abort();
  remote__v1__thought_delta__init(event->thought_delta);
  event->thought_delta->message_id = message->message_id;
  event->thought_delta->position = message->position;
  event->thought_delta->text = message->text;
  free(message);
  return event;
}

static Remote__V1__Event *output_event(plausible_host *host, const struct plausible_tool *tool,
                                       size_t from) {
  NEW(Remote__V1__ToolOutput, remote__v1__tool_output__init);
  message->stream = tool->stream;
  message->tool_call_id = strdup(tool->id);
  message->position = from;
  message->data.len = tool->bytes - from;
  message->data.data = malloc(message->data.len + 1);
  memcpy(message->data.data, tool->output + from, message->data.len);
  Remote__V1__Event *event = new_event(host, REMOTE__V1__EVENT__BODY_TOOL_OUTPUT);
  event->tool_output = message;
  return event;
}

static step stream_more(plausible_host *host, struct plausible_stream *stream) {
  if (!stream->open) {
    stream->open = true;
    stream->thought = random_below(&host->random, 3) == 0;
    stream->bytes = stream->durable = 0;
    snprintf(stream->id, sizeof stream->id, "m%u", host->counter++);
  }
  size_t from = stream->bytes;
  if (from > 0 && random_below(&host->random, 10) == 0) /* said again, as after a reconnect */
    return (step){STEP_TAIL, delta_event(host, stream, stream->durable)};
  size_t most = random_below(&host->random, 20) == 0 ? 20000 : 60;
  char *text = random_text(&host->random, 1 + random_below(&host->random, most) + 3);
  stream->text = realloc(stream->text, from + strlen(text) + 1);
  if (stream->text == NULL) abort();
  memcpy(stream->text + from, text, strlen(text) + 1);
  stream->bytes = from + strlen(text);
  free(text);
  return (step){STEP_TAIL, delta_event(host, stream, from)};
}

static step stream_complete(plausible_host *host, struct plausible_stream *stream) {
  Remote__V1__Event *event = new_event(host, REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE);
  stream->open = false;
  if (stream->thought) {
    NEW(Remote__V1__Thought, remote__v1__thought__init);
    message->message_id = strdup(stream->id);
    message->text = strdup(stream->text);
    event->body_case = REMOTE__V1__EVENT__BODY_THOUGHT;
    event->thought = message;
  } else {
    NEW(Remote__V1__AssistantMessage, remote__v1__assistant_message__init);
    message->message_id = strdup(stream->id);
    message->text = strdup(stream->text);
    event->assistant_message = message;
  }
  return (step){STEP_DURABLE, event};
}

static step tool_more(plausible_host *host, struct plausible_tool *tool) {
  if (!tool->open) {
    tool->open = true;
    tool->bytes = tool->durable = 0;
    tool->stream = (Remote__V1__OutputStream)random_below(&host->random, 3);
    snprintf(tool->id, sizeof tool->id, "tool%u", host->counter++);
    NEW(Remote__V1__ToolStarted, remote__v1__tool_started__init);
    message->tool = calloc(1, sizeof *message->tool);
    if (message->tool == NULL) abort();
    remote__v1__tool_state__init(message->tool);
    message->tool->tool_call_id = strdup(tool->id);
    message->tool->title = random_text(&host->random, 30);
    Remote__V1__Event *event = new_event(host, REMOTE__V1__EVENT__BODY_TOOL_STARTED);
    event->tool_started = message;
    return (step){STEP_DURABLE, event};
  }
  size_t from = tool->bytes;
  if (from > 0 && random_below(&host->random, 10) == 0)
    return (step){STEP_TAIL, output_event(host, tool, tool->durable)};
  char *text = random_text(&host->random, 4 + random_below(&host->random, 4000));
  tool->output = realloc(tool->output, from + strlen(text) + 1);
  if (tool->output == NULL) abort();
  memcpy(tool->output + from, text, strlen(text));
  tool->bytes = from + strlen(text);
  free(text);
  return (step){STEP_TAIL, output_event(host, tool, from)};
}

static step tool_complete(plausible_host *host, struct plausible_tool *tool) {
  tool->open = false;
  NEW(Remote__V1__ToolEnded, remote__v1__tool_ended__init);
  message->tool_call_id = strdup(tool->id);
  message->status = REMOTE__V1__TOOL_STATUS__TOOL_STATUS_COMPLETED;
  Remote__V1__Event *event = new_event(host, REMOTE__V1__EVENT__BODY_TOOL_ENDED);
  event->tool_ended = message;
  return (step){STEP_DURABLE, event};
}

static step user_said(plausible_host *host) {
  char id[32];
  snprintf(id, sizeof id, "u%u", host->counter++);
  NEW(Remote__V1__UserMessage, remote__v1__user_message__init);
  message->message_id = strdup(id);
  message->text = random_text(&host->random, random_length(&host->random));
  Remote__V1__Event *event = new_event(host, REMOTE__V1__EVENT__BODY_USER_MESSAGE);
  event->user_message = message;
  return (step){STEP_DURABLE, event};
}

/* The rest of a CLEARS_TAIL block: what is not durable yet, of one stream at a time. */
static bool clear_next(plausible_host *host, step *out) {
  for (size_t i = 0; i < PLAUSIBLE_STREAMS; i++) {
    struct plausible_stream *stream = &host->streams[i];
    struct plausible_tool *tool = &host->tools[i];
    if (stream->open && stream->durable < stream->bytes) {
      *out = (step){STEP_DURABLE, delta_event(host, stream, stream->durable)};
      stream->durable = stream->bytes;
      return true;
    }
    if (tool->open && tool->durable < tool->bytes) {
      *out = (step){STEP_DURABLE, output_event(host, tool, tool->durable)};
      tool->durable = tool->bytes;
      return true;
    }
  }
  return false;
}

step plausible_next(plausible_host *host) {
  step out;
  if (host->clearing && clear_next(host, &out)) return out;
  host->clearing = false;
  struct plausible_stream *stream = &host->streams[random_below(&host->random, PLAUSIBLE_STREAMS)];
  struct plausible_tool *tool = &host->tools[random_below(&host->random, PLAUSIBLE_STREAMS)];
  uint64_t choice = random_below(&host->random, 100);
  if (choice < 50) return stream_more(host, stream);
  if (choice < 75) return tool_more(host, tool);
  if (choice < 87) {
    host->clearing = true;
    return (step){STEP_CLEAR, NULL};
  }
  if (choice < 92 && stream->open) return stream_complete(host, stream);
  if (choice < 96 && tool->open) return tool_complete(host, tool);
  return user_said(host);
}
