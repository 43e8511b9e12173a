/* The preflight against protobuf-c and nanopb. First byte: which message; rest: its bytes. The
 * properties are those of libremote/tests/schema/agreement.h. */
#include "schema/agreement.h"

#include "layout.h"
#include "target.h"

static const lrm_schema_message *message(const uint8_t *data, size_t size) {
  return lrm_schema_messages[size > 0 ? data[0] % LRM_SCHEMA_MESSAGES : 0];
}

const fuzz_layout fuzz_layout_here = {.head = 1, .message = message};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  subject s = subject_at(data[0] % LRM_SCHEMA_MESSAGES);
  agreement a;
  const char *fault = agreement_check(&s, data + 1, size - 1, &a);
  agreement_free(&a);
  if (fault) fprintf(stderr, "%s: %s\n", s.type->name, fault);
  FUZZ_CHECK(!fault);
  return 0;
}
