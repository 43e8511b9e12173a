#include <stdarg.h>
#include <string.h>

#include "inspect.h"
#include "json_event.h"
#include "schema.h"

#include "remote/v1/link.pb-c.h"

typedef struct frame_type {
  uint32_t type;
  const char *name;
  const lrm_schema_message *payload; /* NULL: none, or messages */
} frame_type;

static const frame_type types[] = {
    {LRM_FRAME_HELLO, "HELLO", &lrm_schema_Hello},
    {LRM_FRAME_WELCOME, "WELCOME", &lrm_schema_Welcome},
    {LRM_FRAME_REFUSE, "REFUSE", &lrm_schema_Problem},
    {LRM_FRAME_GOAWAY, "GOAWAY", &lrm_schema_Problem},
    {LRM_FRAME_PING, "PING", NULL},
    {LRM_FRAME_PONG, "PONG", NULL},
    {LRM_FRAME_OPEN, "OPEN", &lrm_schema_Open},
    {LRM_FRAME_OPENED, "OPENED", &lrm_schema_Opened},
    {LRM_FRAME_CLOSE, "CLOSE", &lrm_schema_Problem},
    {LRM_FRAME_INFO, "INFO", &lrm_schema_SessionInfo},
    {LRM_FRAME_BLOCK, "BLOCK", NULL},
    {LRM_FRAME_TAIL, "TAIL", NULL},
    {LRM_FRAME_ACK, "ACK", NULL},
    {LRM_FRAME_SYNCED, "SYNCED", NULL},
    {LRM_FRAME_LOG_STATUS, "LOG_STATUS", &lrm_schema_LogStatus},
    {LRM_FRAME_RECEIPT, "RECEIPT", &lrm_schema_Receipt},
    {LRM_FRAME_REQUEST, "REQUEST", &lrm_schema_Request},
    {LRM_FRAME_REPLY, "REPLY", &lrm_schema_Reply},
};

static const frame_type *find_type(uint32_t type) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (types[i].type == type) return &types[i];
  return NULL;
}

const char *inspect_type_name(uint32_t type) {
  const frame_type *found = find_type(type);
  if (found != NULL) return found->name;
  return type >= LRM_FRAME_TYPE_SKIPPED_MIN ? "GREASE" : "UNKNOWN";
}

bool inspect_types_known(const char *list) {
  while (*list) {
    size_t bytes = strcspn(list, ",");
    bool known = (bytes == 6 && !strncmp(list, "GREASE", bytes)) ||
                 (bytes == 7 && !strncmp(list, "UNKNOWN", bytes));
    for (size_t i = 0; i < sizeof types / sizeof *types && !known; i++)
      known = strlen(types[i].name) == bytes && !strncmp(types[i].name, list, bytes);
    if (!known) return false;
    list += bytes + (list[bytes] == ',');
  }
  return true;
}

void inspect_blame(inspect_frame *f, const char *clause, uint32_t code, const char *format, ...) {
  if (f->problems_count == INSPECT_PROBLEMS_MAX) return;
  inspect_problem *problem = &f->problems[f->problems_count++];
  va_list arguments;
  problem->clause = clause;
  problem->code = code;
  va_start(arguments, format);
  vsnprintf(problem->text, sizeof problem->text, format, arguments);
  va_end(arguments);
}

int inspect_decoder_open(inspect_decoder *d) {
  lrm_allocator allocator = lrm_allocator_default();
  memset(d, 0, sizeof *d);
  lrm_arena_init(&d->arena, &allocator, LRM_DECODE_BYTES_MAX(LRM_FRAME_PAYLOAD_BYTES_MAX));
  lrm_arena_init(&d->message, &allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  lrm_arena_init(&d->body, &allocator, LRM_DECODE_BYTES_MAX(LRM_MESSAGE_BYTES_MAX));
  return lrm_block_reader_create(&allocator, LRM_BLOCK_INFLATED_BYTES_MAX, &d->blocks);
}

void inspect_decoder_close(inspect_decoder *d) {
  lrm_arena_free(&d->arena);
  lrm_arena_free(&d->message);
  lrm_arena_free(&d->body);
  lrm_block_reader_destroy(d->blocks);
}

/* ---- reading ---- */

static const char *or_empty(const char *text) { return text != NULL ? text : ""; }

/* NULL: it cannot be read; *report says why. */
static const ProtobufCMessage *read_message(const lrm_schema_message *type, lrm_slice data,
                                            lrm_arena *arena, lrm_preflight_report *report) {
  void *out = NULL;
  memset(report, 0, sizeof *report);
  lrm_arena_reset(arena);
  if (lrm_message_decode(type, data.data, data.bytes, arena, &out, report) != 0) return NULL;
  return out;
}

static void blame_payload(inspect_frame *f, const char *clause, uint32_t code,
                          const lrm_preflight_report *report) {
  inspect_blame(f, clause, code, "the payload cannot be read: %s%s%s at byte %zu",
                report->error_text != NULL ? report->error_text : "over a limit",
                report->error_field != NULL ? ", field " : "", or_empty(report->error_field),
                report->error_at);
}

void inspect_read_payload(inspect_decoder *d, inspect_frame *f) {
  const frame_type *type = find_type(f->frame->type);
  lrm_preflight_report report;
  if (type == NULL || type->payload == NULL) return;
  f->payload = read_message(type->payload, f->frame->payload, &d->arena, &report);
  if (f->payload != NULL) return;
  if (f->frame->type == LRM_FRAME_HELLO)
    blame_payload(f, "3.1.4", LRM_CODE_PROTOCOL, &report);
  else if (f->frame->type == LRM_FRAME_INFO)
    blame_payload(f, "2.7.3", LRM_CODE_DECODE, &report);
  else
    blame_payload(f, "2.1.2", LRM_CODE_PROTOCOL, &report);
}

/* What an envelope carries is for the host only, but a person wants to see it. */
static void add_command(inspect_decoder *d, inspect_frame *f, json_t *object,
                        const ProtobufCMessage *message) {
  const Remote__V1__CommandEnvelope *envelope = (const Remote__V1__CommandEnvelope *)message;
  lrm_preflight_report report;
  lrm_slice data = {envelope->command.data, envelope->command.len};
  const ProtobufCMessage *command = read_message(&lrm_schema_Command, data, &d->body, &report);
  if (command == NULL) {
    inspect_blame(f, "1.8", LRM_CODE_INVALID, "the command cannot be read: %s%s%s",
                  or_empty(report.error_text), report.error_field != NULL ? ", field " : "",
                  or_empty(report.error_field));
    return;
  }
  if (object != NULL) json_object_set_new(object, "command", json_from_message(command));
}

/* One message, at `offset`. */
static void read_one(inspect_decoder *d, inspect_frame *f, uint64_t offset, lrm_slice data,
                     void (*each)(void *user, json_t *object), void *user) {
  bool commands = f->log == REMOTE__V1__LOG__LOG_COMMANDS;
  lrm_preflight_report report;
  const ProtobufCMessage *message = read_message(
      commands ? &lrm_schema_CommandEnvelope : &lrm_schema_Event, data, &d->message, &report);
  json_t *object = each != NULL ? json_object() : NULL;
  if (object != NULL) json_object_set_new(object, "offset", json_integer((json_int_t)offset));
  if (message == NULL) {
    bool tail = f->frame->type == LRM_FRAME_TAIL;
    inspect_blame(f,
                  tail       ? "3.23.1"
                  : commands ? "3.19.3"
                             : "6.2.2",
                  tail ? 0 : LRM_CODE_DECODE, "message %llu cannot be read: %s%s%s at byte %zu",
                  (unsigned long long)offset, or_empty(report.error_text),
                  report.error_field != NULL ? ", field " : "", or_empty(report.error_field),
                  report.error_at);
  } else {
    if (object != NULL) {
      json_t *shown = json_from_message(message);
      if (commands && shown != NULL) json_object_del(shown, "command"); /* below, readable */
      json_object_set_new(object, "message", shown);
    }
    if (commands) add_command(d, f, object, message);
  }
  if (each != NULL) each(user, object);
}

void inspect_read_messages(inspect_decoder *d, inspect_frame *f,
                           void (*each)(void *user, json_t *object), void *user) {
  const lrm_frame *frame = f->frame;
  lrm_slice message;
  if (frame->type == LRM_FRAME_TAIL && !f->late) {
    read_one(d, f, frame->offset, frame->payload, each, user);
    return;
  }
  if (frame->type != LRM_FRAME_BLOCK || f->late) return;
  int result = lrm_block_reader_begin(d->blocks, frame->flags, frame->count, frame->inflated_bytes,
                                      frame->payload);
  if (result == LRM_ERR_INFLATE) {
    inspect_blame(f, "6.2.1", LRM_CODE_INFLATE, "it does not inflate to exactly %u bytes",
                  frame->inflated_bytes);
  } else if (result == LRM_ERR_LIMIT || result == LRM_ERR_USAGE) {
    inspect_blame(f, "6.2.1", LRM_CODE_INFLATE, "it says that it inflates to %u bytes",
                  frame->inflated_bytes);
  } else if ((frame->flags & LRM_FLAG_SEALED) != 0) {
    inspect_blame(f, "6.2.2", LRM_CODE_DECODE, "it is sealed");
  } else if (result != 0) {
    inspect_blame(f, "6.2.2", LRM_CODE_DECODE, "its bytes are not %u messages", frame->count);
  }
  if (result != 0) return;
  for (uint64_t offset = frame->offset; lrm_block_reader_next(d->blocks, &message); offset++)
    read_one(d, f, offset, message, each, user);
}
