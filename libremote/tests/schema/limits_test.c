/* Every limit of every field at n-1, n and n+1; and the limits that the protocol has frozen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "schema/agreement.h"
#include "schema/bytes.h"
#include "schema/shapes_subjects.h"

/* Only the schema's limits count here. */
static const lrm_preflight_limits no_limits = {
    .depth_max = 16, .unknown_bytes_max = 0, .decode_bytes_max = UINT64_MAX};

static void expect(const subject *s, const lrm_schema_field *field, const bytes *input, bool fits) {
  lrm_preflight_report report;
  int verdict = lrm_preflight(s->type, input->data, input->count, &no_limits, &report);
  if (verdict != (fits ? 0 : LRM_ERR_LIMIT))
    fail_msg("%s.%s: %d at %zu of %zu", s->type->name, field->name, verdict, report.error_at,
             input->count);
  if (!fits) assert_string_equal(report.error_field, field->name);
  /* nanopb's static structs have the same limits. */
  if (s->fields && agreement_static_decodes(s, input->data, input->count) != fits)
    fail_msg("%s.%s: nanopb %s", s->type->name, field->name, fits ? "refuses" : "accepts");
}

static void length_limit(const subject *s, const lrm_schema_field *field) {
  for (size_t length = field->bytes_max - 1; length <= field->bytes_max + 1u; length++) {
    bytes input = {0};
    bytes_field(&input, field->number, NULL, length);
    expect(s, field, &input, length <= field->bytes_max);
    bytes_free(&input);
  }
}

static void put_element(bytes *out, const lrm_schema_field *field) {
  static const uint8_t one[8] = {1};
  switch (field->kind) {
    case LRM_SCHEMA_STRING:
    case LRM_SCHEMA_BYTES:
    case LRM_SCHEMA_MESSAGE:
      bytes_field(out, field->number, one, 0);
      break;
    case LRM_SCHEMA_FIXED32:
      bytes_tag(out, field->number, 5);
      bytes_put(out, one, 4);
      break;
    case LRM_SCHEMA_DOUBLE:
      bytes_tag(out, field->number, 1);
      bytes_put(out, one, 8);
      break;
    default:
      bytes_tag(out, field->number, 0);
      bytes_byte(out, 1);
  }
}

static void count_limit(const subject *s, const lrm_schema_field *field) {
  for (size_t count = field->count_max - 1; count <= field->count_max + 1u; count++) {
    bytes input = {0};
    for (size_t i = 0; i < count; i++) put_element(&input, field);
    bytes_put(&input, "", 0);
    expect(s, field, &input, count <= field->count_max);
    bytes_free(&input);
  }
}

static int limits_of(const subject *s) {
  int count = 0;
  for (size_t i = 0; i < s->type->fields_count; i++) {
    const lrm_schema_field *field = &s->type->fields[i];
    if (field->bytes_max) length_limit(s, field);
    if (field->count_max) count_limit(s, field);
    count += (field->bytes_max != 0) + (field->count_max != 0);
  }
  return count;
}

static void every_limit(void **state) {
  (void)state;
  int count = 0;
  for (size_t i = 0; i < LRM_SCHEMA_MESSAGES; i++) {
    subject s = subject_at(i);
    count += limits_of(&s);
  }
  for (size_t i = 0; i < SHAPE_SCHEMA_MESSAGES; i++) {
    subject s = shape_at(i);
    count += limits_of(&s);
  }
  print_message("%d limits\n", count);
  assert_true(count > 150);
}

static const lrm_schema_field *field_of(const lrm_schema_message *type, const char *name) {
  for (size_t i = 0; i < type->fields_count; i++)
    if (strcmp(type->fields[i].name, name) == 0) return &type->fields[i];
  fail_msg("%s has no %s", type->name, name);
  return NULL;
}

/* Limits of link messages are part of the protocol: a small client's buffers depend on them. */
static void frozen_limits(void **state) {
  (void)state;
  static const struct {
    const lrm_schema_message *type;
    const char *field;
    uint32_t bytes_max, count_max;
  } frozen[] = {
      {&lrm_schema_Hello, "link_id", 16, 0},
      {&lrm_schema_Hello, "token", 128, 0},
      {&lrm_schema_Hello, "agent", 63, 0},
      {&lrm_schema_Hello, "features", 23, 16},
      {&lrm_schema_Welcome, "features", 23, 16},
      {&lrm_schema_Open, "session_id", 16, 0},
      {&lrm_schema_Open, "epoch", 16, 0},
      {&lrm_schema_Open, "needs", 23, 16},
      {&lrm_schema_Principal, "account", 63, 0},
      {&lrm_schema_Principal, "device", 63, 0},
      {&lrm_schema_Problem, "reason", 255, 0},
      {&lrm_schema_SessionDescription, "title", 127, 0},
      {&lrm_schema_SessionDescription, "repository", 127, 0},
      {&lrm_schema_SessionDescription, "branch", 127, 0},
      {&lrm_schema_SessionDescription, "cwd", 256, 0},
      {&lrm_schema_SessionDescription, "host", 63, 0},
      {&lrm_schema_SessionInfo, "activity", 120, 0},
      {&lrm_schema_SessionInfo, "asks", 0, 3},
      {&lrm_schema_SessionInfo, "outcomes", 0, 8},
      {&lrm_schema_OpenAskInfo, "text", 120, 0},
      {&lrm_schema_OpenAskInfo, "options", 0, 6},
      {&lrm_schema_AskOptionInfo, "option_id", 63, 0},
      {&lrm_schema_AskOptionInfo, "label", 63, 0},
      {&lrm_schema_LogStatus, "attached", 0, 8},
      {&lrm_schema_PairingCode, "url", 255, 0},
  };
  for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) {
    const lrm_schema_field *field = field_of(frozen[i].type, frozen[i].field);
    assert_int_equal(field->bytes_max, frozen[i].bytes_max);
    assert_int_equal(field->count_max, frozen[i].count_max);
  }
}

/* The tables name the same fields as protobuf-c's descriptors. */
static void tables_match_descriptors(void **state) {
  (void)state;
  for (size_t i = 0; i < LRM_SCHEMA_MESSAGES; i++) {
    subject s = subject_at(i);
    assert_string_equal(s.type->name, s.descriptor->short_name);
    assert_int_equal(s.type->index, i);
    assert_int_equal(s.type->struct_bytes, s.descriptor->sizeof_message);
    assert_int_equal(s.type->fields_count, s.descriptor->n_fields);
    for (size_t k = 0; k < s.type->fields_count; k++) {
      const lrm_schema_field *ours = &s.type->fields[k];
      const ProtobufCFieldDescriptor *theirs = &s.descriptor->fields[k];
      assert_string_equal(ours->name, theirs->name);
      assert_int_equal(ours->number, theirs->id);
      assert_int_equal(ours->count_max > 0, theirs->label == PROTOBUF_C_LABEL_REPEATED);
      assert_int_equal(ours->oneof > 0, (theirs->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0);
      if (ours->message)
        assert_ptr_equal(lrm_schema_descriptors[ours->message->index], theirs->descriptor);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_limit),
      cmocka_unit_test(frozen_limits),
      cmocka_unit_test(tables_match_descriptors),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
