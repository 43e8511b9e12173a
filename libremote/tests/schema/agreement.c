#include "schema/agreement.h"

#include <pb_decode.h>
#include <pb_encode.h>
#include <stdlib.h>
#include <string.h>

#include "remote/v1/frame.pb.h"
#include "remote/v1/link.pb.h"
#include "remote/v1/policy.pb.h"
#include "remote/v1/relay.pb.h"
#include "schema/arena.h"

/* Messages with a static struct. CommandEnvelope has none: its body is too large. */
/* It does not come to rest under clang-format. */
/* clang-format off */
#define STATIC_MESSAGES(X)                                                                       \
  X(Batch)                                                                                       \
  X(Frame)                                                                                       \
  X(Limits)                                                                                      \
  X(Hello)                                                                                       \
  X(Principal) X(Welcome) X(Problem) X(SessionDescription) X(Open) X(Opened) X(AttachedDevice)   \
      X(LogStatus) X(Stored) X(Receipt) X(Origin) X(AskOptionInfo) X(OpenAskInfo) X(OutcomeInfo) \
          X(SessionInfo) X(PolicyRule) X(EffectivePolicy) X(ListSessions) X(WatchSessions)       \
              X(CancelRequest) X(DeleteSession) X(PairDevice) X(ConfirmPairing) X(LoginOidc)     \
                  X(Logout) X(ListDevices) X(RevokeDevice) X(GetPolicy) X(SetPolicy)             \
                      X(ExportAudit) X(Request) X(SessionEntry) X(DeviceEntry) X(PairingCode)    \
                          X(SignedIn) X(DescribePairing) X(BeginOidc) X(RenameDevice)            \
                              X(PairingEntry) X(OidcChallenge) X(AuditRecord) X(PolicyReply)     \
                                  X(PushWishes) X(GetPush) X(PushSubscribe)                      \
                                      X(PushUnsubscribe) X(TestPush) X(UseSession)               \
                                          X(PushFacts) X(Invite) X(ListInvitations)        \
                                              X(EndInvitation) X(Invitation) X(Done) X(Reply)
/* clang-format on */

#define STATIC_ROW(name) {&lrm_schema_##name, remote_v1_##name##_fields, sizeof(remote_v1_##name)},
static const struct {
  const lrm_schema_message *type;
  const pb_msgdesc_t *fields;
  size_t bytes;
} static_messages[] = {STATIC_MESSAGES(STATIC_ROW)};

subject subject_at(size_t index) {
  subject s = {.type = lrm_schema_messages[index], .descriptor = lrm_schema_descriptors[index]};
  for (size_t i = 0; i < sizeof static_messages / sizeof *static_messages; i++)
    if (static_messages[i].type == s.type) {
      s.fields = static_messages[i].fields;
      s.static_bytes = static_messages[i].bytes;
    }
  return s;
}

/* malloc for each request, so that sanitizers watch protobuf-c; nothing is given back to the
 * count, as in the arena. */
static void *counting_alloc(void *user, size_t bytes) {
  *(uint64_t *)user += lrm__arena_cost(bytes);
  return malloc(bytes ? bytes : 1);
}

static void counting_free(void *user, void *memory) {
  (void)user;
  free(memory);
}

static uint8_t *pack(const ProtobufCMessage *message, size_t *bytes) {
  *bytes = protobuf_c_message_get_packed_size(message);
  uint8_t *data = malloc(*bytes + 1);
  if (data && protobuf_c_message_pack(message, data) != *bytes) abort();
  return data;
}

static bool same(const uint8_t *a, size_t a_bytes, const uint8_t *b, size_t b_bytes) {
  return a_bytes == b_bytes && memcmp(a, b, a_bytes) == 0;
}

/* Forgets unknown fields, all the way down. The message lies in an arena. */
static void strip(ProtobufCMessage *message) {
  message->n_unknown_fields = 0;
  const ProtobufCMessageDescriptor *type = message->descriptor;
  for (unsigned i = 0; i < type->n_fields; i++) {
    const ProtobufCFieldDescriptor *field = &type->fields[i];
    if (field->type != PROTOBUF_C_TYPE_MESSAGE) continue;
    uint8_t *member = (uint8_t *)message + field->offset;
    uint8_t *quantifier = (uint8_t *)message + field->quantifier_offset;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
      size_t count;
      ProtobufCMessage **list;
      memcpy(&count, quantifier, sizeof count);
      memcpy(&list, member, sizeof list);
      for (size_t k = 0; k < count; k++) strip(list[k]);
      continue;
    }
    uint32_t chosen;
    memcpy(&chosen, quantifier, sizeof chosen);
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && chosen != field->id) continue;
    ProtobufCMessage *inner;
    memcpy(&inner, member, sizeof inner);
    if (inner) strip(inner);
  }
}

static const char *check_allocation(const subject *s, const uint8_t *data, size_t bytes,
                                    agreement *out) {
  ProtobufCAllocator counting = {counting_alloc, counting_free, &out->asked_bytes};
  ProtobufCMessage *message = protobuf_c_message_unpack(s->descriptor, &counting, bytes, data);
  if (!message) return "protobuf-c refuses what the preflight accepts";
  size_t packed_bytes;
  uint8_t *packed = pack(message, &packed_bytes);
  protobuf_c_message_free_unpacked(message, &counting);
  free(packed);
  return out->asked_bytes > out->report.decode_bytes ? "the estimate is too low" : NULL;
}

/* What was encoded must pass and come out unchanged. The limits are those of the input: an
 * encoding may be shorter and would be allowed less memory. */
static const char *check_again(const subject *s, size_t bytes, const agreement *out) {
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  if (lrm_preflight(s->type, out->canonical, out->canonical_bytes, &limits, NULL) != 0)
    return "the preflight refuses our own encoding";
  ProtobufCMessage *message =
      protobuf_c_message_unpack(s->descriptor, NULL, out->canonical_bytes, out->canonical);
  if (!message) return "protobuf-c refuses its own encoding";
  size_t again_bytes;
  uint8_t *again = pack(message, &again_bytes);
  protobuf_c_message_free_unpacked(message, NULL);
  bool stable = same(again, again_bytes, out->canonical, out->canonical_bytes);
  free(again);
  return stable ? NULL : "encoding again gives other bytes";
}

static void *arena_alloc(void *user, size_t bytes) { return lrm_arena_alloc(user, bytes); }

static void arena_free(void *user, void *memory) {
  (void)user;
  (void)memory;
}

static bool of_protocol(const subject *s) {
  return s->type->index < LRM_SCHEMA_MESSAGES && lrm_schema_messages[s->type->index] == s->type;
}

/* lrm_message_decode raises the quota of an arena that has none by itself. */
static const char *check_decode(const subject *s, const uint8_t *data, size_t bytes) {
  if (!of_protocol(s)) return NULL;
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  lrm_arena_init(&arena, &allocator, 0);
  void *message;
  int error = lrm_message_decode(s->type, data, bytes, &arena, &message, NULL);
  lrm_arena_free(&arena);
  return error ? "lrm_message_decode refuses what the preflight accepts" : NULL;
}

/* An arena with the estimate as its quota is enough. */
static const char *check_arena(const subject *s, const uint8_t *data, size_t bytes,
                               agreement *out) {
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  lrm_arena_init(&arena, &allocator, (size_t)out->report.decode_bytes);
  ProtobufCAllocator in_arena = {arena_alloc, arena_free, &arena};
  ProtobufCMessage *message = protobuf_c_message_unpack(s->descriptor, &in_arena, bytes, data);
  if (message) {
    strip(message);
    out->canonical = pack(message, &out->canonical_bytes);
  }
  lrm_arena_free(&arena);
  return message ? NULL : "an arena of the estimated size is too small";
}

bool agreement_static_decodes(const subject *s, const uint8_t *data, size_t bytes) {
  void *decoded = calloc(1, s->static_bytes);
  pb_istream_t in = pb_istream_from_buffer(data, bytes);
  bool good = pb_decode(&in, s->fields, decoded);
  free(decoded);
  return good;
}

static const char *check_static(const subject *s, const uint8_t *data, size_t bytes,
                                const agreement *out) {
  if (!s->fields) return NULL;
  void *decoded = calloc(1, s->static_bytes);
  uint8_t *encoded = malloc(out->canonical_bytes + 1);
  pb_ostream_t stream = pb_ostream_from_buffer(encoded, out->canonical_bytes);
  const char *fault = NULL;
  if (lrm_message_decode_static(s->type, s->fields, data, bytes, decoded) != 0)
    fault = "nanopb refuses what the preflight accepts";
  else if (!pb_encode(&stream, s->fields, decoded) ||
           !same(encoded, stream.bytes_written, out->canonical, out->canonical_bytes))
    fault = "nanopb encodes to other bytes than protobuf-c";
  free(encoded);
  free(decoded);
  return fault;
}

const char *agreement_check(const subject *s, const uint8_t *data, size_t bytes, agreement *out) {
  *out = (agreement){0};
  lrm_preflight_limits limits = lrm_preflight_defaults(bytes);
  out->verdict = lrm_preflight(s->type, data, bytes, &limits, &out->report);
  if (out->verdict) {
    if (out->verdict != LRM_ERR_DECODE && out->verdict != LRM_ERR_LIMIT) return "another error";
    if (!out->report.error_text) return "refused without a text";
    return out->report.error_at > bytes ? "refused at a place behind the input" : NULL;
  }
  if (out->report.error_text) return "accepted with an error's text";
  const char *fault = check_allocation(s, data, bytes, out);
  if (!fault) fault = check_arena(s, data, bytes, out);
  if (!fault) fault = check_decode(s, data, bytes);
  if (!fault) fault = check_again(s, bytes, out);
  if (!fault) fault = check_static(s, data, bytes, out);
  return fault;
}

void agreement_free(agreement *a) {
  free(a->canonical);
  a->canonical = NULL;
}
