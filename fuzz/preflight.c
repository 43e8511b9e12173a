/* The preflight against protobuf-c and nanopb. First byte: which message; rest: its bytes. The
 * properties are those of libremote/tests/schema/agreement.h, and that the limit on depth is exact.
 */
#include "schema/agreement.h"

#include "layout.h"
#include "target.h"

static const lrm_schema_message *message(const uint8_t *data, size_t size) {
  return lrm_schema_messages[size > 0 ? data[0] % LRM_SCHEMA_MESSAGES : 0];
}

const fuzz_layout fuzz_layout_here = {.head = 1, .message = message};

/* How deep the messages of an accepted input are nested. */
static uint32_t depth_of(const ProtobufCMessage *m) {
  uint32_t deepest = 0;
  for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
    const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
    const uint8_t *base = (const uint8_t *)m;
    ProtobufCMessage *const *list = (ProtobufCMessage *const *)(base + f->offset);
    size_t count = 1;
    if (f->type != PROTOBUF_C_TYPE_MESSAGE) continue;
    if (f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
        *(const uint32_t *)(base + f->quantifier_offset) != f->id)
      continue;
    if (f->label == PROTOBUF_C_LABEL_REPEATED) {
      count = *(const size_t *)(base + f->quantifier_offset);
      list = *(ProtobufCMessage *const *const *)list;
    }
    for (size_t j = 0; j < count; j++) {
      uint32_t depth = list[j] != NULL ? depth_of(list[j]) : 0;
      if (depth > deepest) deepest = depth;
    }
  }
  return deepest + 1;
}

/* Exactly as deep as it is, is deep enough. */
static void check_depth(const subject *s, const uint8_t *data, size_t size) {
  lrm_preflight_limits limits = lrm_preflight_defaults(size);
  ProtobufCMessage *m = protobuf_c_message_unpack(s->descriptor, NULL, size, data);
  FUZZ_CHECK(m != NULL);
  limits.depth_max = depth_of(m);
  protobuf_c_message_free_unpacked(m, NULL);
  FUZZ_CHECK(lrm_preflight(s->type, data, size, &limits, NULL) == 0);
  limits.depth_max--;
  FUZZ_CHECK(lrm_preflight(s->type, data, size, &limits, NULL) == LRM_ERR_LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  subject s = subject_at(data[0] % LRM_SCHEMA_MESSAGES);
  agreement a;
  const char *fault = agreement_check(&s, data + 1, size - 1, &a);
  agreement_free(&a);
  if (fault) fprintf(stderr, "%s: %s\n", s.type->name, fault);
  FUZZ_CHECK(!fault);
  if (a.verdict == 0) check_depth(&s, data + 1, size - 1);
  return 0;
}
