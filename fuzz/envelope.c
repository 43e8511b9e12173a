/* CommandEnvelope: what is read in place against the preflight and protobuf-c. What one takes the
 * other takes, with the same values, but for what the reader asks for more: a command id, ids of 16
 * bytes. What was read and written again is canonical and reads the same. */
#include <string.h>

#include "layout.h"
#include "remote/envelope.h"
#include "remote/message.h"
#include "remote/v1/link.pb-c.h"
#include "target.h"

static const lrm_schema_message *message(const uint8_t *data, size_t size) {
  (void)data;
  (void)size;
  return &lrm_schema_CommandEnvelope;
}

const fuzz_layout fuzz_layout_here = {.message = message};

static bool same_id(const lrm_id *id, const ProtobufCBinaryData *data) {
  return data->len == 0 ? lrm_id_none(id)
                        : data->len == 16 && memcmp(id->bytes, data->data, 16) == 0;
}

static bool is_id(const ProtobufCBinaryData *data) { return data->len == 0 || data->len == 16; }

static void check_same(const lrm_envelope *e, const Remote__V1__CommandEnvelope *p) {
  FUZZ_CHECK(same_id(&e->command_id, &p->command_id));
  FUZZ_CHECK(e->command_class == (uint32_t)p->class_ && e->ttl_ms == p->ttl_ms);
  FUZZ_CHECK(same_id(&e->event_epoch, &p->event_epoch));
  FUZZ_CHECK(e->command.bytes == p->command.len);
  FUZZ_CHECK(p->command.len == 0 || memcmp(e->command.data, p->command.data, p->command.len) == 0);
  FUZZ_CHECK(e->received_ms == p->received_ms && e->has_origin == (p->origin != NULL));
  if (p->origin == NULL) return;
  FUZZ_CHECK(strcmp(e->origin.account, p->origin->account) == 0);
  FUZZ_CHECK(strcmp(e->origin.device, p->origin->device) == 0);
  FUZZ_CHECK(strcmp(e->origin.surface, p->origin->surface) == 0);
  FUZZ_CHECK(same_id(&e->origin.device_id, &p->origin->device_id));
}

/* What the reader asks for beyond the schema. */
static bool has_ids(const Remote__V1__CommandEnvelope *p) {
  static const uint8_t none[16];
  return p->command_id.len == 16 && memcmp(p->command_id.data, none, 16) != 0 &&
         is_id(&p->event_epoch) && (p->origin == NULL || is_id(&p->origin->device_id));
}

static void check_again(const lrm_envelope *e) {
  size_t bytes = lrm_envelope_bytes(e), written = 0, again = 0;
  uint8_t *first = malloc(bytes + 1), *second = malloc(bytes + 1);
  lrm_envelope back;
  FUZZ_CHECK(lrm_envelope_encode(e, first, bytes, &written) == 0 && written == bytes);
  FUZZ_CHECK(lrm_envelope_encode(e, second, bytes - 1, &again) == LRM_ERR_TOO_LARGE);
  FUZZ_CHECK(lrm_envelope_decode(first, bytes, &back) == 0);
  Remote__V1__CommandEnvelope *p = remote__v1__command_envelope__unpack(NULL, bytes, first);
  FUZZ_CHECK(p != NULL);
  check_same(e, p);
  check_same(&back, p);
  FUZZ_CHECK(remote__v1__command_envelope__pack(p, second) == bytes);
  FUZZ_CHECK(memcmp(first, second, bytes) == 0);
  remote__v1__command_envelope__free_unpacked(p, NULL);
  free(first);
  free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lrm_envelope e;
  lrm_preflight_limits limits = lrm_preflight_defaults(size);
  int read = lrm_envelope_decode(data, size, &e);
  int flight = lrm_preflight(&lrm_schema_CommandEnvelope, data, size, &limits, NULL);
  FUZZ_CHECK(read == 0 || read == LRM_ERR_DECODE);
  if (flight != 0) {
    FUZZ_CHECK(read != 0);
    return 0;
  }
  Remote__V1__CommandEnvelope *p = remote__v1__command_envelope__unpack(NULL, size, data);
  FUZZ_CHECK(p != NULL);
  FUZZ_CHECK((read == 0) == has_ids(p));
  if (read == 0) {
    check_same(&e, p);
    check_again(&e);
  }
  remote__v1__command_envelope__free_unpacked(p, NULL);
  return 0;
}
