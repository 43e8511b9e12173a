#include "link_text.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(uint32_t type) {
  static const char *const names[] = {
      [LRM_FRAME_HELLO] = "HELLO",
      [LRM_FRAME_WELCOME] = "WELCOME",
      [LRM_FRAME_REFUSE] = "REFUSE",
      [LRM_FRAME_GOAWAY] = "GOAWAY",
      [LRM_FRAME_PING] = "PING",
      [LRM_FRAME_PONG] = "PONG",
      [LRM_FRAME_OPEN] = "OPEN",
      [LRM_FRAME_OPENED] = "OPENED",
      [LRM_FRAME_CLOSE] = "CLOSE",
      [LRM_FRAME_INFO] = "INFO",
      [LRM_FRAME_BLOCK] = "BLOCK",
      [LRM_FRAME_TAIL] = "TAIL",
      [LRM_FRAME_ACK] = "ACK",
      [LRM_FRAME_SYNCED] = "SYNCED",
      [LRM_FRAME_LOG_STATUS] = "LOG_STATUS",
      [LRM_FRAME_RECEIPT] = "RECEIPT",
      [LRM_FRAME_REQUEST] = "REQUEST",
      [LRM_FRAME_REPLY] = "REPLY",
  };
  if (type < sizeof names / sizeof *names && names[type] != NULL) return names[type];
  return "UNKNOWN";
}

static const char *event_name(lrm_link_event_type type) {
  static const char *const names[] = {"?",           "HELLO",   "WELCOME", "REFUSED", "GOAWAY",
                                      "GOAWAY_SENT", "OPEN",    "OPENED",  "CLOSED",  "BLOCK",
                                      "TAIL",        "ACKED",   "SYNCED",  "INFO",    "LOG_STATUS",
                                      "RECEIPT",     "REQUEST", "REPLY",   "HEARD",   "SILENT"};
  return (size_t)type < sizeof names / sizeof *names ? names[type] : "?";
}

static void append(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char *out, const char *format, ...) {
  size_t used = strlen(out);
  va_list args;
  va_start(args, format);
  (void)vsnprintf(out + used, LINK_TEXT_BYTES - used, format, args);
  va_end(args);
}

static void append_number(char *out, const char *name, uint64_t value) {
  if (value != 0) append(out, " %s=%llu", name, (unsigned long long)value);
}

static void append_problem(char *out, const remote_v1_Problem *problem) {
  append(out, " code=%u", problem->code);
  append_number(out, "retry_after_ms", problem->retry_after_ms);
  append_number(out, "stored_generation", problem->stored_generation);
}

static void append_opened(char *out, const remote_v1_Opened *opened) {
  append(out, " next=%llu watermark=%llu outcome=%d", (unsigned long long)opened->next,
         (unsigned long long)opened->watermark, (int)opened->outcome);
}

static bool decode(const lrm_frame *frame, const pb_msgdesc_t *fields, void *out) {
  pb_istream_t stream = pb_istream_from_buffer(frame->payload.data, frame->payload.bytes);
  return pb_decode(&stream, fields, out);
}

static void append_payload(char *out, const lrm_frame *frame) {
  union {
    remote_v1_Problem problem;
    remote_v1_Opened opened;
    remote_v1_Hello hello;
    remote_v1_Welcome welcome;
    remote_v1_Open open;
  } m;
  switch (frame->type) {
    case LRM_FRAME_REFUSE:
    case LRM_FRAME_GOAWAY:
    case LRM_FRAME_CLOSE:
      if (decode(frame, remote_v1_Problem_fields, &m.problem)) append_problem(out, &m.problem);
      break;
    case LRM_FRAME_OPENED:
      if (decode(frame, remote_v1_Opened_fields, &m.opened)) append_opened(out, &m.opened);
      break;
    case LRM_FRAME_HELLO:
      if (decode(frame, remote_v1_Hello_fields, &m.hello))
        append(out, " generation=%llu", (unsigned long long)m.hello.generation);
      break;
    case LRM_FRAME_WELCOME:
      if (decode(frame, remote_v1_Welcome_fields, &m.welcome))
        append(out, " version=%u principal=%d", m.welcome.version, m.welcome.has_principal);
      break;
    case LRM_FRAME_OPEN:
      if (decode(frame, remote_v1_Open_fields, &m.open))
        append(out, " next=%llu", (unsigned long long)m.open.next);
      break;
    case LRM_FRAME_PING:
      break; /* random */
    case LRM_FRAME_PONG:
      append(out, " payload=");
      for (size_t i = 0; i < frame->payload.bytes; i++) append(out, "%02x", frame->payload.data[i]);
      break;
    default:
      append_number(out, "bytes", frame->payload.bytes);
  }
}

void frame_text(const lrm_frame *frame, char out[LINK_TEXT_BYTES]) {
  out[0] = '\0';
  append(out, "%s", type_name(frame->type));
  append_number(out, "ch", frame->channel);
  if (frame->type == LRM_FRAME_BLOCK || frame->type == LRM_FRAME_ACK ||
      frame->type == LRM_FRAME_TAIL || frame->type == LRM_FRAME_SYNCED ||
      frame->type == LRM_FRAME_RECEIPT)
    append(out, " offset=%llu", (unsigned long long)frame->offset);
  else
    append_number(out, "offset", frame->offset);
  if (frame->type == LRM_FRAME_TAIL)
    append(out, " index=%u", frame->count);
  else
    append_number(out, "count", frame->count);
  append_number(out, "credit", frame->credit);
  append_payload(out, frame);
}

void event_text(const lrm_link_event *event, char out[LINK_TEXT_BYTES]) {
  out[0] = '\0';
  append(out, "%s", event_name(event->type));
  append_number(out, "ch", event->channel);
  switch (event->type) {
    case LRM_LINK_EVENT_BLOCK:
      append(out, " offset=%llu count=%u", (unsigned long long)event->frame.offset,
             event->frame.count);
      append_number(out, "skip", event->skip_messages);
      break;
    case LRM_LINK_EVENT_TAIL:
      append(out, " offset=%llu index=%u", (unsigned long long)event->frame.offset,
             event->frame.count);
      break;
    case LRM_LINK_EVENT_ACKED:
    case LRM_LINK_EVENT_SYNCED:
    case LRM_LINK_EVENT_RECEIPT:
      append(out, " offset=%llu", (unsigned long long)event->frame.offset);
      break;
    case LRM_LINK_EVENT_OPENED:
      append_opened(out, event->opened);
      break;
    default:
      break;
  }
  if (event->problem != NULL) append_problem(out, event->problem);
}

void frames_text(const uint8_t *data, size_t bytes, char *out, size_t capacity) {
  out[0] = '\0';
  for (size_t at = 0; at < bytes;) {
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    int result = lrm_frame_decode(data + at, bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame,
                                  &consumed, &wanted);
    if (result != 0 || consumed == 0) abort();
    at += consumed;
    if (frame.type >= LRM_FRAME_TYPE_SKIPPED_MIN) continue;
    char line[LINK_TEXT_BYTES];
    frame_text(&frame, line);
    size_t used = strlen(out);
    (void)snprintf(out + used, capacity - used, "%s%s", used > 0 ? "\n" : "", line);
  }
}

size_t put_frame(uint8_t *out, size_t at, size_t capacity, const lrm_frame *frame) {
  size_t written = 0;
  if (lrm_frame_encode(frame, out + at, capacity - at, &written) != 0) abort();
  return at + written;
}

static const pb_msgdesc_t *fields_of(uint32_t type) {
  switch (type) {
    case LRM_FRAME_HELLO:
      return remote_v1_Hello_fields;
    case LRM_FRAME_WELCOME:
      return remote_v1_Welcome_fields;
    case LRM_FRAME_OPEN:
      return remote_v1_Open_fields;
    case LRM_FRAME_OPENED:
      return remote_v1_Opened_fields;
    case LRM_FRAME_LOG_STATUS:
      return remote_v1_LogStatus_fields;
    case LRM_FRAME_RECEIPT:
      return remote_v1_Receipt_fields;
    default:
      return remote_v1_Problem_fields;
  }
}

size_t put_message(uint8_t *out, size_t at, size_t capacity, lrm_frame frame, const void *message) {
  uint8_t payload[2048];
  if (message != NULL) {
    pb_ostream_t stream = pb_ostream_from_buffer(payload, sizeof payload);
    if (!pb_encode(&stream, fields_of(frame.type), message)) abort();
    frame.payload = (lrm_slice){payload, stream.bytes_written};
  }
  return put_frame(out, at, capacity, &frame);
}
