/* Statuses, and the few bytes of protobuf that are read and written by hand: the health and
 * reflection services' own, and the outer fields of a Reply. */
#include <pb_decode.h>
#include <string.h>

#include "grpc_calls.h"
#include "remote/message.h"

#include "schema.h"

lrm_grpc_status grpc_status_of(uint32_t code) {
  static const struct {
    uint32_t code;
    lrm_grpc_status status;
  } statuses[] = {{LRM_CODE_NORMAL, LRM_GRPC_OK},
                  {LRM_CODE_INTERNAL, LRM_GRPC_INTERNAL},
                  {LRM_CODE_SLOW_DOWN, LRM_GRPC_RESOURCE_EXHAUSTED},
                  {LRM_CODE_UNAUTHENTICATED, LRM_GRPC_UNAUTHENTICATED},
                  {LRM_CODE_FORBIDDEN, LRM_GRPC_PERMISSION_DENIED},
                  {LRM_CODE_REVOKED, LRM_GRPC_UNAUTHENTICATED},
                  {LRM_CODE_SUPERSEDED, LRM_GRPC_ABORTED},
                  {LRM_CODE_FENCED, LRM_GRPC_ABORTED},
                  {LRM_CODE_POLICY, LRM_GRPC_PERMISSION_DENIED},
                  {LRM_CODE_NOT_FOUND, LRM_GRPC_NOT_FOUND}};
  static const lrm_grpc_status by_thousand[] = {LRM_GRPC_OK,
                                                LRM_GRPC_UNAVAILABLE,
                                                LRM_GRPC_ABORTED,
                                                LRM_GRPC_FAILED_PRECONDITION,
                                                LRM_GRPC_INVALID_ARGUMENT,
                                                LRM_GRPC_FAILED_PRECONDITION};
  for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
    if (statuses[i].code == code) return statuses[i].status;
  }
  return code < 6000 ? by_thousand[code / 1000] : LRM_GRPC_INTERNAL;
}

void grpc_finish(lrm_grpc_call *call, lrm_grpc_status status, const char *text) {
  lrm_grpc_call_finish(call, status, text, (lrm_slice){NULL, 0});
}

void grpc_finish_problem(lrm_grpc_call *call, lrm_slice problem) {
  remote_v1_Problem said = remote_v1_Problem_init_zero;
  if (lrm_message_decode_static(&lrm_schema_Problem, remote_v1_Problem_fields, problem.data,
                                problem.bytes, &said) != 0) {
    grpc_finish(call, LRM_GRPC_INTERNAL, "the relay gave no reason");
    return;
  }
  lrm_grpc_call_finish(call, grpc_status_of(said.code),
                       said.reason[0] != '\0' ? said.reason : lrm_code_name(said.code), problem);
}

static bool next_varint(lrm_slice *left, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && left->bytes > 0; shift += 7) {
    uint8_t byte = left->data[0];
    left->data++;
    left->bytes--;
    *value |= (uint64_t)(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

static bool take_bytes(lrm_slice *left, uint64_t bytes, lrm_slice *out) {
  if (bytes > left->bytes) return false;
  *out = (lrm_slice){left->data, (size_t)bytes};
  left->data += bytes;
  left->bytes -= (size_t)bytes;
  return true;
}

bool grpc_next_field(lrm_slice *left, grpc_field *field) {
  lrm_slice at = *left;
  uint64_t tag;
  *field = (grpc_field){0};
  if (at.bytes == 0 || !next_varint(&at, &tag) || tag > UINT32_MAX || tag < 8) return false;
  field->number = (uint32_t)tag >> 3;
  field->type = (uint32_t)tag & 7;
  bool good = false;
  if (field->type == 0) good = next_varint(&at, &field->value);
  if (field->type == 1) good = take_bytes(&at, 8, &field->bytes);
  if (field->type == 5) good = take_bytes(&at, 4, &field->bytes);
  if (field->type == 2) {
    good = next_varint(&at, &field->value) && take_bytes(&at, field->value, &field->bytes);
  }
  if (good) *left = at;
  return good;
}

static void put_varint(grpc_writer *w, uint64_t value) {
  do {
    if (w->bytes == w->capacity) {
      w->full = true;
      return;
    }
    w->data[w->bytes++] = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
    value >>= 7;
  } while (value > 0);
}

void grpc_put_number(grpc_writer *w, uint32_t field, uint64_t value) {
  put_varint(w, (uint64_t)field << 3);
  put_varint(w, value);
}

void grpc_put_bytes(grpc_writer *w, uint32_t field, const void *data, size_t bytes) {
  put_varint(w, (uint64_t)field << 3 | 2);
  put_varint(w, bytes);
  if (w->full || w->capacity - w->bytes < bytes) {
    w->full = true;
    return;
  }
  if (bytes > 0) memcpy(w->data + w->bytes, data, bytes);
  w->bytes += bytes;
}
