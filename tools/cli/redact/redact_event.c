#include "redact_event.h"

#include <stdlib.h>
#include <string.h>

#include "schema.h"

/* Fields that are given back, compared, or come from a list of words: "Message.field", or
 * ".field" of any message. */
static const char *const kept[] = {
    ".asset_id",
    ".message_id",
    ".prompt_id",
    ".tool_call_id",
    ".turn_id",
    ".agent_id",
    ".parent_id",
    ".terminal_id",
    ".option_id",
    ".mode_id",
    ".current_mode_id",
    ".more_option_ids",
    ".compaction_id",
    ".elicitation_id",
    ".agent_session_id",
    ".value",
    ".current_value",
    ".media_type",
    ".currency",
    ".cost_currency",
    ".stop_reason",
    ".namespace",
    ".topic",
    ".agent_protocol",
    ".category",
    "KeepAliveChanged.mode",
    "PermissionModeChanged.mode",
    "FormField.name",
    "SlashCommand.name",
    "PlanAsk.recommended",
    "CompactionEnded.status",
    "Origin.account",
    "Origin.device",
    "Origin.surface",
    "AttachedDevice.name",
};

#define ASSET_DATA_BYTES_MAX 131072u

/* Bytes that are text. */
static const char *const paths[] = {"path", "paths", "cwd"};

/* Texts that hold JSON. */
static const char *const jsons[] = {"json", "default_json"};

static bool named(const char *const *list, size_t count, const char *name) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(list[i], name) == 0) return true;
  return false;
}
#define NAMED(list, name) named(list, sizeof(list) / sizeof *(list), name)

static bool is_kept(const char *message, const char *field) {
  size_t bytes = strlen(message);
  for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
    const char *at = kept[i];
    if (strncmp(at, message, bytes) == 0 && at[bytes] == '.') at += bytes;
    if (at[0] == '.' && strcmp(at + 1, field) == 0) return true;
  }
  return false;
}

typedef struct walk {
  const redactor *redactor;
  lrm_arena *arena;
  bool changed;
} walk;

/* The letters of `text` that lie within `limit` bytes. */
static size_t fit(const char *text, size_t bytes, size_t limit) {
  if (bytes <= limit) return bytes;
  while (limit > 0 && ((unsigned char)text[limit] & 0xC0) == 0x80) limit--;
  return limit;
}

/* The redacted text in the arena; NULL: nothing to redact. A text that there is no memory for goes
 * whole: better nothing than a secret. */
static char *clean_text(walk *w, const char *text, size_t bytes, size_t limit, bool json,
                        size_t *clean_bytes) {
  bool cut = bytes + 4 > limit; /* as long as it can be: there was more */
  char *clean = json  ? redact_json_text(w->redactor, text, bytes, clean_bytes)
                : cut ? redact_cut_text(w->redactor, text, bytes, clean_bytes)
                      : redact_text(w->redactor, text, bytes, clean_bytes);
  if (clean == NULL) return NULL;
  static char nothing[1];
  *clean_bytes = fit(clean, *clean_bytes, limit);
  char *out = lrm_arena_copy(w->arena, clean, *clean_bytes);
  free(clean);
  w->changed = true;
  if (out == NULL) *clean_bytes = 0;
  return out != NULL ? out : nothing;
}

static void walk_string(walk *w, char **text, size_t limit, bool json) {
  size_t bytes;
  char *clean = clean_text(w, *text, strlen(*text), limit, json, &bytes);
  if (clean != NULL) *text = clean;
}

static void walk_bytes(walk *w, ProtobufCBinaryData *data, size_t limit) {
  size_t bytes;
  if (data->len == 0) return;
  char *clean = clean_text(w, (const char *)data->data, data->len, limit, false, &bytes);
  if (clean == NULL) return;
  data->data = (uint8_t *)clean;
  data->len = bytes;
}

/* JSON that was cut cannot be parsed, and what it is the beginning of was redacted whole. */
static void walk_json(walk *w, Remote__V1__Json *json, size_t limit) {
  if (json->asset_id[0] != '\0' || json->text[0] == '\0') return;
  size_t bytes;
  char *clean = clean_text(w, json->text, strlen(json->text), limit, true, &bytes);
  if (clean == NULL) return;
  json->text = clean;
  json->total_bytes = bytes;
}

static void walk_message(walk *w, const lrm_schema_message *schema, ProtobufCMessage *message);

static void walk_value(walk *w, const lrm_schema_message *schema, const lrm_schema_field *field,
                       void *value) {
  switch (field->kind) {
    case LRM_SCHEMA_STRING: {
      char **text = value;
      if (*text != NULL && **text != '\0' && !is_kept(schema->name, field->name))
        walk_string(w, text, field->bytes_max, NAMED(jsons, field->name));
      break;
    }
    case LRM_SCHEMA_BYTES:
      if (NAMED(paths, field->name)) walk_bytes(w, value, field->bytes_max);
      break;
    case LRM_SCHEMA_MESSAGE: {
      ProtobufCMessage *inner = *(ProtobufCMessage **)value;
      if (inner != NULL) walk_message(w, field->message, inner);
      break;
    }
    default:
      break;
  }
}

static size_t value_bytes(const lrm_schema_field *field) {
  if (field->kind == LRM_SCHEMA_BYTES) return sizeof(ProtobufCBinaryData);
  return sizeof(void *);
}

/* The oneof's case says whether the member is there. */
static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
  if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0) return true;
  const char *at = (const char *)message + field->quantifier_offset;
  uint32_t now;
  memcpy(&now, at, sizeof now);
  return now == field->id;
}

static void walk_field(walk *w, const lrm_schema_message *schema, const lrm_schema_field *field,
                       ProtobufCMessage *message) {
  const ProtobufCFieldDescriptor *found =
      protobuf_c_message_descriptor_get_field(message->descriptor, field->number);
  if (found == NULL || !is_set(message, found)) return;
  char *at = (char *)message + found->offset;
  if (field->count_max == 0) {
    walk_value(w, schema, field, at);
    return;
  }
  size_t count;
  char *list;
  memcpy(&count, (const char *)message + found->quantifier_offset, sizeof count);
  memcpy(&list, at, sizeof list);
  for (size_t i = 0; i < count; i++) walk_value(w, schema, field, list + i * value_bytes(field));
}

static void walk_message(walk *w, const lrm_schema_message *schema, ProtobufCMessage *message) {
  if (schema == &lrm_schema_Json) {
    walk_json(w, (Remote__V1__Json *)message, schema->fields[0].bytes_max);
    return;
  }
  for (uint16_t i = 0; i < schema->fields_count; i++) {
    const lrm_schema_field *field = &schema->fields[i];
    bool text = field->kind == LRM_SCHEMA_STRING || field->kind == LRM_SCHEMA_BYTES ||
                field->kind == LRM_SCHEMA_MESSAGE;
    if (text) walk_field(w, schema, field, message);
  }
}

/* A file that is here whole, and whose digest is still to be made; others were redacted before
 * they were taken to pieces. */
static void walk_asset(walk *w, Remote__V1__Asset *asset) {
  size_t bytes;
  if (asset->sha256.len != 0 || asset->data.len == 0 || asset->data.len != asset->total) return;
  char *clean =
      redact_asset(w->redactor, asset->data.data, asset->data.len, asset->media_type, &bytes);
  if (clean == NULL) return;
  size_t most = 0;
  for (uint16_t i = 0; i < lrm_schema_Asset.fields_count; i++)
    if (strcmp(lrm_schema_Asset.fields[i].name, "data") == 0)
      most = lrm_schema_Asset.fields[i].bytes_max;
  bytes = fit(clean, bytes, most);
  char *kept_data = lrm_arena_copy(w->arena, clean, bytes);
  free(clean);
  w->changed = true;
  asset->data.data = (uint8_t *)kept_data;
  asset->data.len = asset->total = kept_data != NULL ? bytes : 0;
}

/* Streams, and what streams become: redacted as they came, so their positions stand. */
static bool is_stream(Remote__V1__Event__BodyCase body) {
  switch (body) {
    case REMOTE__V1__EVENT__BODY_ASSISTANT_DELTA:
    case REMOTE__V1__EVENT__BODY_THOUGHT_DELTA:
    case REMOTE__V1__EVENT__BODY_TOOL_OUTPUT:
    case REMOTE__V1__EVENT__BODY_THOUGHT:
      return true;
    default:
      return false;
  }
}

/* A prompt that a message cannot hold comes whole, in one chunk (remote/host.h); all other assets
 * were redacted where they were made. */
static void walk_prompt(walk *w, Remote__V1__Asset *asset) {
  if (strncmp(asset->asset_id, "prompt-", 7) == 0 && asset->position == 0)
    walk_bytes(w, &asset->data, ASSET_DATA_BYTES_MAX);
}

bool redact_event(const redactor *r, Remote__V1__Event *event, lrm_arena *arena) {
  walk w = {.redactor = r, .arena = arena};
  if (r == NULL || is_stream(event->body_case)) return false;
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASSET) walk_prompt(&w, event->asset);
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASSISTANT_MESSAGE) {
    Remote__V1__AssistantMessage *said = event->assistant_message;
    for (size_t i = 0; i < said->n_attachments; i++)
      walk_message(&w, &lrm_schema_Attachment, &said->attachments[i]->base);
    return w.changed;
  }
  if (event->body_case == REMOTE__V1__EVENT__BODY_ASSET) walk_asset(&w, event->asset);
  walk_message(&w, &lrm_schema_Event, &event->base);
  return w.changed;
}
