/* Known traps of the decoders, one by one, each with the place where it must be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "schema/agreement.h"
#include "schema/bytes.h"
#include "schema/shapes_subjects.h"

enum { OK = 0, BAD = LRM_ERR_DECODE, MUCH = LRM_ERR_LIMIT };

typedef struct trap {
  const char *note;
  const lrm_schema_message *type;
  const char *hex;
  int verdict;
  size_t at; /* of the fault */
} trap;

#define PROBLEM &lrm_schema_Problem
#define SCALARS &shape_schema_Scalars
#define LISTS &shape_schema_Lists
#define CHOICE &shape_schema_Choice

static const trap traps[] = {
    {"nothing", PROBLEM, "", OK, 0},
    {"fields in any order", PROBLEM, "30 01 12 01 61 08 05", OK, 0},
    {"explicit defaults", PROBLEM, "08 00 12 00 30 00", OK, 0},

    {"tag cut short", PROBLEM, "08 01 92", BAD, 2},
    {"varint cut short", PROBLEM, "08 80", BAD, 1},
    {"varint missing", PROBLEM, "08", BAD, 1},
    {"length missing", PROBLEM, "12", BAD, 1},
    {"string cut short", PROBLEM, "12 02 61", BAD, 1},
    {"length beyond everything", PROBLEM, "12 ff ff ff ff 0f", BAD, 1},
    {"length of 2^32", PROBLEM, "12 80 80 80 80 10", BAD, 1},
    {"fixed64 cut short", PROBLEM, "79 00 00 00 00 00 00 00", BAD, 1},
    {"fixed32 cut short", PROBLEM, "7d 00 00 00", BAD, 1},
    {"inner message longer than the outer", &lrm_schema_Receipt, "12 03 0a 01", BAD, 1},
    {"inner field reaches beyond its message", &lrm_schema_Receipt, "12 02 0a 02 00 00", BAD, 3},
    {"inner varint reaches beyond its message", &lrm_schema_Receipt, "12 02 10 80 01", BAD, 3},

    {"field number 0", PROBLEM, "00 00", BAD, 0},
    {"field number 0, bytes", PROBLEM, "02 00", BAD, 0},
    {"tag of 2^32", PROBLEM, "80 80 80 80 10 00", BAD, 0},
    {"tag of six bytes", PROBLEM, "88 80 80 80 80 00 01", BAD, 0},
    {"tag in five bytes that needs one", PROBLEM, "88 80 80 80 00 01", OK, 0},
    {"largest field number", PROBLEM, "f8 ff ff ff 0f 01", OK, 0},
    {"length of six bytes", PROBLEM, "12 81 80 80 80 80 00 61", BAD, 1},
    {"length in five bytes that needs one", PROBLEM, "12 81 80 80 80 00 61", OK, 0},
    {"value in ten bytes that needs one", PROBLEM, "08 81 80 80 80 80 80 80 80 80 00", OK, 0},
    {"value of eleven bytes", PROBLEM, "08 81 80 80 80 80 80 80 80 80 80 00", BAD, 1},
    {"value of 65 bits", PROBLEM, "20 ff ff ff ff ff ff ff ff ff 02", BAD, 1},
    {"largest uint64", PROBLEM, "20 ff ff ff ff ff ff ff ff ff 01", OK, 0},
    {"unknown value of 65 bits", PROBLEM, "78 ff ff ff ff ff ff ff ff ff 7f", BAD, 1},
    {"unknown value of eleven bytes", PROBLEM, "78 80 80 80 80 80 80 80 80 80 80 00", BAD, 1},

    {"group", PROBLEM, "0b 0c", BAD, 0},
    {"unknown group", PROBLEM, "7b 7c", BAD, 0},
    {"end of a group", PROBLEM, "7c", BAD, 0},
    {"wire type 6", PROBLEM, "7e 00", BAD, 0},
    {"wire type 7", PROBLEM, "7f 00", BAD, 0},
    {"known field of wire type 6", PROBLEM, "0e 00", BAD, 0},

    {"uint32 of 2^32-1", PROBLEM, "08 ff ff ff ff 0f", OK, 0},
    {"uint32 of 2^32", PROBLEM, "08 80 80 80 80 10", BAD, 1},
    {"uint32 of 2^64-1", PROBLEM, "08 ff ff ff ff ff ff ff ff ff 01", BAD, 1},
    {"enum of 2^31-1", PROBLEM, "18 ff ff ff ff 07", OK, 0},
    {"enum of 2^31", PROBLEM, "18 80 80 80 80 08", BAD, 1},
    {"enum of -1", PROBLEM, "18 ff ff ff ff ff ff ff ff ff 01", BAD, 1},
    {"enum of no known value", PROBLEM, "18 63", OK, 0},
    {"bool of 1", PROBLEM, "30 01", OK, 0},
    {"bool of 2", PROBLEM, "30 02", BAD, 1},
    {"bool of 2^32", PROBLEM, "30 80 80 80 80 10", BAD, 1},
    {"int32 of -1", SCALARS, "18 ff ff ff ff ff ff ff ff ff 01", OK, 0},
    {"int32 of -2^31", SCALARS, "18 80 80 80 80 f8 ff ff ff ff 01", OK, 0},
    {"int32 of -2^31-1", SCALARS, "18 ff ff ff ff f7 ff ff ff ff 01", BAD, 1},
    {"int32 of 2^31-1", SCALARS, "18 ff ff ff ff 07", OK, 0},
    {"int32 of 2^31", SCALARS, "18 80 80 80 80 08", BAD, 1},
    {"int32 of -1 in 32 bits", SCALARS, "18 ff ff ff ff 0f", BAD, 1},
    {"int64 of -1", SCALARS, "20 ff ff ff ff ff ff ff ff ff 01", OK, 0},
    {"sint32 of -2^31", SCALARS, "28 ff ff ff ff 0f", OK, 0},
    {"sint32 beyond 32 bits", SCALARS, "28 80 80 80 80 10", BAD, 1},
    {"sint64 of the smallest", SCALARS, "30 ff ff ff ff ff ff ff ff ff 01", OK, 0},
    {"float of 1", SCALARS, "6d 00 00 80 3f", OK, 0},
    {"float of -0.0", SCALARS, "6d 00 00 00 80", BAD, 1},
    {"double of 1", SCALARS, "71 00 00 00 00 00 00 f0 3f", OK, 0},
    {"double of -0.0", SCALARS, "71 00 00 00 00 00 00 00 80", BAD, 1},
    {"fixed fields", SCALARS, "4d 01 00 00 00 51 01 00 00 00 00 00 00 00 5d ff ff ff ff", OK, 0},

    {"bool as bytes", PROBLEM, "32 01 01", BAD, 0},
    {"bool as fixed32", PROBLEM, "35 01 00 00 00", BAD, 0},
    {"string as varint", PROBLEM, "10 01", BAD, 0},
    {"uint32 as fixed32", PROBLEM, "0d 01 00 00 00", BAD, 0},
    {"singular number as packed", PROBLEM, "0a 01 01", BAD, 0},
    {"message as varint", &lrm_schema_Receipt, "10 01", BAD, 0},
    {"list of strings as varint", &lrm_schema_Hello, "48 01", BAD, 0},
    {"fixed64 as varint", SCALARS, "50 01", BAD, 0},

    {"number given twice", PROBLEM, "08 01 08 01", BAD, 2},
    {"string given twice", PROBLEM, "12 00 08 01 12 00", BAD, 4},
    {"message given twice", &lrm_schema_SignedIn, "12 00 12 00", BAD, 2},
    {"inner field given twice", &lrm_schema_Receipt, "12 04 10 01 10 01", BAD, 4},
    {"the same field in two messages", &lrm_schema_SessionInfo, "3a 02 10 01 3a 02 10 01", OK, 0},
    {"member of a oneof twice", &lrm_schema_Receipt, "12 00 12 00", BAD, 2},
    {"two members of a oneof", &lrm_schema_Receipt, "12 00 1a 00", BAD, 2},
    {"two members, the earlier number later", CHOICE, "2a 00 08 01 10 01", BAD, 4},
    {"members of two oneofs", CHOICE, "10 01 48 01", OK, 0},
    {"zero in a oneof", CHOICE, "10 00", OK, 0},
    {"empty string in a oneof", CHOICE, "1a 00", OK, 0},
    {"empty bytes in a oneof", CHOICE, "22 00", OK, 0},
    {"empty message in a oneof", CHOICE, "2a 00", OK, 0},
    {"false in a oneof", CHOICE, "38 00", OK, 0},

    {"NUL alone", PROBLEM, "12 01 00", BAD, 2},
    {"NUL inside", PROBLEM, "12 03 61 00 62", BAD, 3},
    {"NUL late in a long text", PROBLEM, "12 0a 61 61 61 61 61 61 61 61 61 00", BAD, 11},
    {"NUL in bytes", SCALARS, "82 01 01 00", OK, 0},
    {"stray continuation", PROBLEM, "12 01 80", BAD, 2},
    {"continuation missing", PROBLEM, "12 02 c3 41", BAD, 2},
    {"character cut short", PROBLEM, "12 02 e2 82", BAD, 2},
    {"character reaches beyond its text", PROBLEM, "12 01 c3 a9", BAD, 2},
    {"overlong of two", PROBLEM, "12 02 c0 80", BAD, 2},
    {"overlong of two, high", PROBLEM, "12 02 c1 bf", BAD, 2},
    {"overlong of three", PROBLEM, "12 03 e0 9f bf", BAD, 2},
    {"overlong of four", PROBLEM, "12 04 f0 8f bf bf", BAD, 2},
    {"surrogate, first", PROBLEM, "12 03 ed a0 80", BAD, 2},
    {"surrogate, last", PROBLEM, "12 03 ed bf bf", BAD, 2},
    {"before the surrogates", PROBLEM, "12 03 ed 9f bf", OK, 0},
    {"after the surrogates", PROBLEM, "12 03 ee 80 80", OK, 0},
    {"U+10FFFF", PROBLEM, "12 04 f4 8f bf bf", OK, 0},
    {"U+110000", PROBLEM, "12 04 f4 90 80 80", BAD, 2},
    {"five bytes", PROBLEM, "12 05 f8 88 80 80 80", BAD, 2},
    {"FE and FF", PROBLEM, "12 02 fe ff", BAD, 2},
    {"third byte bad", PROBLEM, "12 04 f1 80 41 80", BAD, 2},
    {"smallest of each length", PROBLEM, "12 0a 01 c2 80 e0 a0 80 f0 90 80 80", OK, 0},

    {"packed list", LISTS, "0a 03 01 02 03", OK, 0},
    {"unpacked list", LISTS, "08 01 08 02 08 03", OK, 0},
    {"both forms mixed", LISTS, "08 01 0a 02 02 03 08 04", OK, 0},
    {"empty packed list", LISTS, "0a 00", OK, 0},
    {"packed element cut short", LISTS, "0a 02 01 80", BAD, 3},
    {"packed element reaches beyond", LISTS, "0a 02 01 80 01", BAD, 3},
    {"packed uint32 of 2^32", LISTS, "0a 05 80 80 80 80 10", BAD, 2},
    {"packed bool of 2", LISTS, "22 01 02", BAD, 2},
    {"packed enum of -1", LISTS, "2a 0a ff ff ff ff ff ff ff ff ff 01", BAD, 2},
    {"packed fixed32", LISTS, "32 08 01 00 00 00 02 00 00 00", OK, 0},
    {"packed fixed32, not a multiple", LISTS, "32 06 01 00 00 00 02 00", BAD, 6},
    {"unpacked fixed32", LISTS, "35 01 00 00 00 35 02 00 00 00", OK, 0},
    {"packed double of -0.0", LISTS, "3a 08 00 00 00 00 00 00 00 80", BAD, 2},
    {"list of numbers as another wire type", LISTS, "09 00 00 00 00 00 00 00 00", BAD, 0},
    {"empty strings", LISTS, "42 00 42 00", OK, 0},
    {"empty bytes", LISTS, "4a 00 4a 00", OK, 0},
    {"empty messages", LISTS, "52 00 52 00", OK, 0},
    {"field with a large number", LISTS, "80 a6 1d 01", OK, 0},
    {"field before that was given", LISTS, "80 a6 1d 01 0a 01 01", OK, 0},
};

static subject find_subject(const lrm_schema_message *type) {
  for (size_t i = 0; i < LRM_SCHEMA_MESSAGES; i++)
    if (lrm_schema_messages[i] == type) return subject_at(i);
  return shape_at(type->index);
}

static void each_trap(void **state) {
  (void)state;
  int failed = 0;
  for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
    const trap *t = &traps[i];
    subject s = find_subject(t->type);
    bytes input = bytes_hex(t->hex);
    agreement a;
    const char *fault = agreement_check(&s, input.data, input.count, &a);
    if (!fault && a.verdict != t->verdict) fault = "another verdict";
    if (!fault && a.verdict && a.report.error_at != t->at) fault = "found at another place";
    if (fault) {
      fprintf(stderr, "%s: %s (%d at %zu, %s)\n", t->note, fault, a.verdict, a.report.error_at,
              a.report.error_text ? a.report.error_text : "-");
      failed++;
    }
    agreement_free(&a);
    bytes_free(&input);
  }
  assert_int_equal(failed, 0);
}

static int verdict_of(const lrm_schema_message *type, const bytes *input) {
  lrm_preflight_limits limits = lrm_preflight_defaults(input->count);
  return lrm_preflight(type, input->data, input->count, &limits, NULL);
}

/* 34 KB of nested messages overflow protobuf-c's stack where the schema recurses; ours cannot,
 * and as an unknown field it is not entered. */
static void deep_nesting(void **state) {
  (void)state;
  bytes inner = {0};
  for (int i = 0; i < 17000 && inner.count < 34 * 1024; i++) {
    bytes outer = {0};
    bytes_field(&outer, 15, inner.data ? inner.data : (const uint8_t *)"", inner.count);
    bytes_free(&inner);
    inner = outer;
  }
  assert_true(inner.count > 33 * 1024);
  assert_int_equal(verdict_of(PROBLEM, &inner), MUCH);
  bytes_free(&inner);
}

static void depth_at_the_limit(void **state) {
  (void)state;
  bytes chain = {0}; /* Deep1 within ... within Deep16 */
  for (int i = 0; i < 15; i++) {
    bytes outer = {0};
    bytes_field(&outer, 1, chain.data ? chain.data : (const uint8_t *)"", chain.count);
    bytes_free(&chain);
    chain = outer;
  }
  lrm_preflight_limits limits = lrm_preflight_defaults(chain.count);
  lrm_preflight_report report;
  static const struct {
    uint32_t depth_max;
    int verdict;
    size_t at;
  } cases[] = {{UINT32_MAX, OK, 0}, {17, OK, 0},   {16, OK, 0},
               {15, MUCH, 29},      {8, MUCH, 15}, {0, MUCH, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    limits.depth_max = cases[i].depth_max;
    assert_int_equal(lrm_preflight(&shape_schema_Deep1, chain.data, chain.count, &limits, &report),
                     cases[i].verdict);
    assert_int_equal(report.error_at, cases[i].at);
  }
  bytes_free(&chain);
}

/* Tables like those of the schema but without limits on lists: only memory stops them. */
static const lrm_schema_field endless_fields[] = {
    {.name = "messages",
     .number = 1,
     .kind = LRM_SCHEMA_MESSAGE,
     .message = &shape_schema_Empty,
     .count_max = UINT32_MAX,
     .slot = 0},
    {.name = "strings",
     .number = 2,
     .kind = LRM_SCHEMA_STRING,
     .bytes_max = UINT32_MAX,
     .count_max = UINT32_MAX,
     .slot = 1},
};
static const lrm_schema_message endless = {
    .name = "Endless", .fields = endless_fields, .fields_count = 2, .struct_bytes = 64};

static bytes repeated_pair(unsigned a, unsigned b, size_t total) {
  bytes out = {0};
  while (out.count < total) {
    bytes_byte(&out, a);
    bytes_byte(&out, b);
  }
  return out;
}

/* One MiB each; protobuf-c would take 117, 47 and 55 MB. */
static void small_input_large_memory(void **state) {
  (void)state;
  static const struct {
    unsigned tag, value;
    uint32_t unknown_max;
    const char *text;
  } cases[] = {{0x0A, 0x00, 0, "decoding would take too much memory"},
               {0x12, 0x00, 0, "decoding would take too much memory"},
               {0x18, 0x01, UINT32_MAX, "decoding would take too much memory"},
               {0x18, 0x01, LRM_UNKNOWN_BYTES_MAX, "too many bytes of unknown fields"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bytes input = repeated_pair(cases[i].tag, cases[i].value, 1u << 20);
    lrm_preflight_limits limits = lrm_preflight_defaults(input.count);
    limits.unknown_bytes_max = cases[i].unknown_max;
    lrm_preflight_report report;
    assert_int_equal(lrm_preflight(&endless, input.data, input.count, &limits, &report), MUCH);
    assert_string_equal(report.error_text, cases[i].text);
    assert_true(report.error_at > 0 && report.error_at < input.count);
    bytes_free(&input);
  }
}

/* The same within the protocol's own messages: the lists' limits stop them long before. */
static void lists_of_the_protocol_are_bounded(void **state) {
  (void)state;
  bytes tools = repeated_pair(0x7A, 0x00, 1u << 20);
  assert_int_equal(verdict_of(&lrm_schema_SessionState, &tools), MUCH);
  bytes features = repeated_pair(0x4A, 0x00, 1u << 20);
  assert_int_equal(verdict_of(&lrm_schema_Hello, &features), MUCH);
  bytes_free(&tools);
  bytes_free(&features);
}

/* Exactly at the limits of memory and unknown bytes, and one over. */
static void limits_are_inclusive(void **state) {
  (void)state;
  bytes input = bytes_hex("08 05 12 03 61 62 63 7a 02 00 00 78 01");
  lrm_preflight_limits limits = lrm_preflight_defaults(input.count);
  lrm_preflight_report report;
  assert_int_equal(lrm_preflight(PROBLEM, input.data, input.count, &limits, &report), OK);
  assert_int_equal(report.unknown_bytes, 6);
  limits = (lrm_preflight_limits){1, 6, report.decode_bytes};
  assert_int_equal(lrm_preflight(PROBLEM, input.data, input.count, &limits, NULL), OK);
  limits.unknown_bytes_max = 5;
  assert_int_equal(lrm_preflight(PROBLEM, input.data, input.count, &limits, &report), MUCH);
  assert_int_equal(report.error_at, 11);
  limits.unknown_bytes_max = 6;
  limits.decode_bytes_max--;
  assert_int_equal(lrm_preflight(PROBLEM, input.data, input.count, &limits, NULL), MUCH);
  limits.decode_bytes_max = 0;
  assert_int_equal(lrm_preflight(PROBLEM, NULL, 0, &limits, NULL), MUCH);
  bytes_free(&input);
}

static void faults_name_their_field(void **state) {
  (void)state;
  bytes input = bytes_hex("1a 04 12 02 c3 28");
  lrm_preflight_limits limits = lrm_preflight_defaults(input.count);
  lrm_preflight_report report;
  assert_int_equal(lrm_preflight(&lrm_schema_Receipt, input.data, input.count, &limits, &report),
                   BAD);
  assert_string_equal(report.error_field, "reason");
  assert_int_equal(report.error_at, 4);
  bytes_free(&input);
}

static void decoding_reports_and_gives(void **state) {
  (void)state;
  lrm_allocator allocator = lrm_allocator_default();
  lrm_arena arena;
  lrm_arena_init(&arena, &allocator, 0);
  void *out = &arena;
  bytes bad = bytes_hex("08 80");
  lrm_preflight_report report;
  assert_int_equal(lrm_message_decode(PROBLEM, bad.data, bad.count, &arena, &out, &report), BAD);
  assert_null(out);
  assert_int_equal(report.error_at, 1);
  bytes good = bytes_hex("08 b9 17 12 02 6e 6f");
  assert_int_equal(lrm_message_decode(PROBLEM, good.data, good.count, &arena, &out, NULL), OK);
  const ProtobufCMessage *message = out;
  assert_ptr_equal(message->descriptor, find_subject(PROBLEM).descriptor);
  assert_true(arena.used_bytes <= arena.quota_bytes && arena.used_bytes > 0);
  lrm_arena_free(&arena);
  bytes_free(&bad);
  bytes_free(&good);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_trap),
      cmocka_unit_test(deep_nesting),
      cmocka_unit_test(depth_at_the_limit),
      cmocka_unit_test(small_input_large_memory),
      cmocka_unit_test(lists_of_the_protocol_are_bounded),
      cmocka_unit_test(limits_are_inclusive),
      cmocka_unit_test(faults_name_their_field),
      cmocka_unit_test(decoding_reports_and_gives),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
