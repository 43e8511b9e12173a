/* protobuf-c against nanopb, through the two decoders of remote/message.h. First byte: which of the
 * messages that both have; rest: its bytes. Both give the same verdict; what both take they write
 * again to the same bytes, and each reads what the other wrote. */
#include <pb_decode.h>
#include <pb_encode.h>
#include <string.h>

#include "layout.h"
#include "schema/agreement.h"
#include "target.h"

static subject chosen(const uint8_t *data, size_t size) {
  static size_t with_both[LRM_SCHEMA_MESSAGES], count;
  for (size_t i = 0; count == 0 || (i < LRM_SCHEMA_MESSAGES && with_both[count - 1] < i); i++)
    if (subject_at(i).fields != NULL) with_both[count++] = i;
  return subject_at(with_both[size > 0 ? data[0] % count : 0]);
}

static const lrm_schema_message *message(const uint8_t *data, size_t size) {
  return chosen(data, size).type;
}

const fuzz_layout fuzz_layout_here = {.head = 1, .message = message};

/* What is not in the schema: protobuf-c keeps it, nanopb does not. */
static void strip(ProtobufCMessage *m) {
  for (unsigned i = 0; i < m->n_unknown_fields; i++) free(m->unknown_fields[i].data);
  free(m->unknown_fields);
  m->n_unknown_fields = 0;
  m->unknown_fields = NULL;
  for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
    ProtobufCMessage **list = (ProtobufCMessage **)((uint8_t *)m + f->offset);
    size_t count = 1;
    if (f->type != PROTOBUF_C_TYPE_MESSAGE) continue;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
        memcmp((uint8_t *)m + f->quantifier_offset, &f->id, sizeof f->id) != 0)
      continue;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
      memcpy(&count, (uint8_t *)m + f->quantifier_offset, sizeof count);
      list = *(ProtobufCMessage ***)list;
    }
    for (size_t j = 0; j < count; j++)
      if (list[j] != NULL) strip(list[j]);
  }
}

static uint8_t *write_protobuf_c(const subject *s, const uint8_t *data, size_t size,
                                 size_t *bytes) {
  ProtobufCMessage *m = protobuf_c_message_unpack(s->descriptor, NULL, size, data);
  FUZZ_CHECK(m != NULL);
  strip(m);
  uint8_t *out = malloc(protobuf_c_message_get_packed_size(m) + 1);
  *bytes = protobuf_c_message_pack(m, out);
  protobuf_c_message_free_unpacked(m, NULL);
  return out;
}

static uint8_t *write_nanopb(const subject *s, const uint8_t *data, size_t size, size_t *bytes) {
  void *decoded = calloc(1, s->static_bytes);
  FUZZ_CHECK(lrm_message_decode_static(s->type, s->fields, data, size, decoded) == 0);
  FUZZ_CHECK(pb_get_encoded_size(bytes, s->fields, decoded));
  uint8_t *out = malloc(*bytes + 1);
  pb_ostream_t stream = pb_ostream_from_buffer(out, *bytes);
  FUZZ_CHECK(pb_encode(&stream, s->fields, decoded) && stream.bytes_written == *bytes);
  free(decoded);
  return out;
}

static int judge_protobuf_c(const subject *s, const uint8_t *data, size_t size) {
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  void *out;
  lrm_arena_init(&arena, &allocator, 0);
  int result = lrm_message_decode(s->type, data, size, &arena, &out, NULL);
  lrm_arena_free(&arena);
  return result;
}

static int judge_nanopb(const subject *s, const uint8_t *data, size_t size) {
  void *decoded = calloc(1, s->static_bytes);
  int result = lrm_message_decode_static(s->type, s->fields, data, size, decoded);
  free(decoded);
  return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  subject s = chosen(data, size);
  data++;
  size--;
  int verdict = judge_protobuf_c(&s, data, size);
  FUZZ_CHECK(verdict == judge_nanopb(&s, data, size));
  FUZZ_CHECK(verdict == 0 || verdict == LRM_ERR_DECODE || verdict == LRM_ERR_LIMIT);
  if (verdict != 0) return 0;
  size_t bytes = 0, others = 0, back = 0;
  uint8_t *one = write_protobuf_c(&s, data, size, &bytes);
  uint8_t *other = write_nanopb(&s, data, size, &others);
  FUZZ_CHECK(bytes == others && memcmp(one, other, bytes) == 0);
  uint8_t *again = write_nanopb(&s, one, bytes, &back);
  FUZZ_CHECK(back == bytes && memcmp(again, one, bytes) == 0);
  free(again);
  again = write_protobuf_c(&s, other, others, &back);
  FUZZ_CHECK(back == bytes && memcmp(again, one, bytes) == 0);
  free(again);
  free(one);
  free(other);
  return 0;
}
