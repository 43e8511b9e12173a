/* Frames and messages with protobuf-c, behind the preflight. */
#include <stdlib.h>
#include <string.h>

#include "link_testee.h"
#include "remote/message.h"
#include "remote/v1/frame.pb-c.h"
#include "schema.h"

const char *const binding_name = "protobuf-c";
const bool binding_plain = true;
const bool binding_view = true;

bool binding_read(lrm_slice batch, lrm_frame *frame) {
  Remote__V1__Batch *read = remote__v1__batch__unpack(NULL, batch.bytes, batch.data);
  if (read == NULL) return false;
  bool whole = read->n_frame == 1;
  if (whole) {
    const Remote__V1__Frame *f = read->frame[0];
    whole =
        f->payload.len == frame->payload.bytes &&
        (f->payload.len == 0 || memcmp(f->payload.data, frame->payload.data, f->payload.len) == 0);
    *frame = (lrm_frame){.type = (uint32_t)f->type,
                         .channel = f->channel,
                         .offset = f->offset,
                         .count = f->count,
                         .flags = f->flags,
                         .inflated_bytes = f->inflated_bytes,
                         .dictionary = f->dictionary,
                         .credit = f->credit,
                         .part = f->part,
                         .parts = f->parts,
                         .payload = frame->payload};
  }
  remote__v1__batch__free_unpacked(read, NULL);
  return whole;
}

size_t binding_write(const lrm_frame *frame, uint8_t *out, size_t capacity) {
  Remote__V1__Frame f = REMOTE__V1__FRAME__INIT;
  Remote__V1__Frame *frames[] = {&f};
  Remote__V1__Batch batch = REMOTE__V1__BATCH__INIT;
  f.type = (Remote__V1__FrameType)frame->type;
  f.channel = frame->channel;
  f.offset = frame->offset;
  f.count = frame->count;
  f.flags = frame->flags;
  f.inflated_bytes = frame->inflated_bytes;
  f.dictionary = frame->dictionary;
  f.credit = frame->credit;
  f.part = frame->part;
  f.parts = frame->parts;
  f.payload.data = (uint8_t *)(uintptr_t)frame->payload.data;
  f.payload.len = frame->payload.bytes;
  batch.frame = frames;
  batch.n_frame = 1;
  if (remote__v1__batch__get_packed_size(&batch) > capacity) return 0;
  return remote__v1__batch__pack(&batch, out);
}

static const lrm_schema_message *type_of(const char *name) {
  for (size_t i = 0; i < LRM_SCHEMA_MESSAGES; i++)
    if (strcmp(lrm_schema_descriptors[i]->name, name) == 0) return lrm_schema_messages[i];
  return NULL;
}

int binding_judge(const char *type, lrm_slice message, uint8_t **encoded, size_t *encoded_bytes) {
  const lrm_schema_message *schema = type_of(type);
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  void *decoded;
  if (schema == NULL) return -1;
  lrm_arena_init(&arena, &allocator, 0);
  int error = lrm_message_decode(schema, message.data, message.bytes, &arena, &decoded, NULL);
  if (error == 0) {
    *encoded_bytes = protobuf_c_message_get_packed_size(decoded);
    *encoded = must_alloc(*encoded_bytes);
    protobuf_c_message_pack(decoded, *encoded);
  }
  lrm_arena_free(&arena);
  return error == 0 ? 1 : error == LRM_ERR_NO_MEMORY ? -2 : 0;
}

bool binding_takes_plain(lrm_slice batch) {
  Remote__V1__Batch *read = remote__v1__batch__unpack(NULL, batch.bytes, batch.data);
  if (read == NULL) return false;
  remote__v1__batch__free_unpacked(read, NULL);
  return true;
}
