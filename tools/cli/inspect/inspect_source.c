/* Captures and raw streams into records. */
#include <stdlib.h>
#include <string.h>

#include "inspect.h"

typedef enum source_form { FORM_UNKNOWN = 0, FORM_CAPTURE, FORM_RAW, FORM_DAMAGED } source_form;

struct inspect_source {
  inspect_flow *flow;
  source_form form;
  uint8_t *data; /* not yet whole: at most a record */
  size_t bytes, capacity;
  bool raw_known, raw_connecting; /* which side a raw stream is of */
};

inspect_source *inspect_source_create(inspect_flow *flow) {
  inspect_source *source = calloc(1, sizeof *source);
  if (source != NULL) source->flow = flow;
  return source;
}

void inspect_source_destroy(inspect_source *source) {
  if (source == NULL) return;
  free(source->data);
  free(source);
}

/* A raw stream is of the connecting side when it begins with what only that side sends first. */
static void find_side(inspect_source *source) {
  lrm_frame frame;
  size_t consumed = 0, wanted = 0;
  int result = lrm_frame_decode(source->data, source->bytes, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame,
                                &consumed, &wanted);
  if (result == 0 && consumed == 0) return; /* later */
  bool accepting =
      result == 0 && (frame.type == LRM_FRAME_WELCOME || frame.type == LRM_FRAME_REFUSE);
  source->raw_known = true;
  source->raw_connecting = !accepting;
}

static void give_raw(inspect_source *source) {
  capture_record record = {.kind = source->raw_connecting ? CAPTURE_CONNECTING : CAPTURE_ACCEPTING,
                           .data = {source->data, source->bytes}};
  if (source->bytes > 0) inspect_flow_record(source->flow, &record);
  source->bytes = 0;
}

/* Takes whole records off the front. False: damaged. */
static bool give_records(inspect_source *source) {
  size_t at = 0;
  bool good = true;
  while (good && source->bytes - at >= CAPTURE_HEADER_BYTES) {
    capture_record record;
    good = capture_parse(source->data + at, &record);
    if (!good || source->bytes - at - CAPTURE_HEADER_BYTES < record.data.bytes) break;
    record.data.data = source->data + at + CAPTURE_HEADER_BYTES;
    inspect_flow_record(source->flow, &record);
    at += CAPTURE_HEADER_BYTES + record.data.bytes;
  }
  if (at > 0) memmove(source->data, source->data + at, source->bytes - at);
  source->bytes -= at;
  return good;
}

static bool work(inspect_source *source, bool ended) {
  if (source->form == FORM_UNKNOWN) {
    size_t known = source->bytes < CAPTURE_MAGIC_BYTES ? source->bytes : CAPTURE_MAGIC_BYTES;
    if (known == 0 || memcmp(source->data, CAPTURE_MAGIC, known) != 0) {
      if (known > 0) source->form = FORM_RAW;
    } else if (known == CAPTURE_MAGIC_BYTES) {
      source->form = FORM_CAPTURE;
      source->bytes -= known;
      memmove(source->data, source->data + known, source->bytes);
    }
  }
  if (source->form == FORM_CAPTURE && !give_records(source)) source->form = FORM_DAMAGED;
  if (source->form == FORM_RAW) {
    if (!source->raw_known) find_side(source);
    if (!source->raw_known && ended) source->raw_known = source->raw_connecting = true;
    if (source->raw_known) give_raw(source);
  }
  return source->form != FORM_DAMAGED;
}

bool inspect_source_feed(inspect_source *source, const uint8_t *data, size_t bytes) {
  /* In parts, so that what waits is never more than a record and a part. */
  enum { PART = 64 * 1024 };
  while (bytes > 0 && source->form != FORM_DAMAGED) {
    size_t part = bytes < PART ? bytes : PART;
    if (source->bytes + part > source->capacity) {
      size_t capacity = source->bytes + part + PART;
      uint8_t *grown = realloc(source->data, capacity);
      if (grown == NULL) return false;
      source->data = grown;
      source->capacity = capacity;
    }
    memcpy(source->data + source->bytes, data, part);
    source->bytes += part;
    data += part;
    bytes -= part;
    if (!work(source, false)) return false;
  }
  return source->form != FORM_DAMAGED;
}

bool inspect_source_end(inspect_source *source) {
  bool good = work(source, true);
  inspect_flow_end(source->flow);
  return good && (source->form != FORM_CAPTURE || source->bytes == 0) &&
         !(source->form == FORM_UNKNOWN && source->bytes > 0);
}
