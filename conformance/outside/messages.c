/* Runs conformance/vectors/message.json against the library: the preflight's verdict and code,
 * protobuf-c's and nanopb's encodings behind it, the reader of envelopes; and against protobuf-c
 * and nanopb alone, whose opinion of what is refused the vectors state. conformance_messages FILE
 * Prints what is wrong; exits 1 when anything is. The format is in ../README.md. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "remote/envelope.h"
#include "schema/agreement.h"
#include "schema/bytes.h"
#include "schema/shapes_subjects.h"

/* What a vector says, and where it is run. */
typedef struct expectation {
  const json_t *vector;
  bool taken;
  int error;              /* of the library: 0, LRM_ERR_DECODE or LRM_ERR_LIMIT */
  const bytes *canonical; /* NULL: not said */
  size_t cut;             /* bytes of the input that are given; SIZE_MAX: all */
} expectation;

static int faults;

static const char *text_of(const json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

static void fault(const expectation *e, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void fault(const expectation *e, const char *format, ...) {
  printf("%s", text_of(e->vector, "id"));
  if (e->cut != SIZE_MAX) printf("@%zu", e->cut);
  printf(": ");
  va_list args;
  va_start(args, format);
  (void)vprintf(format, args);
  va_end(args);
  putchar('\n');
  faults++;
}

/* ---- hex, with (6162*3) for 616261626162 ---- */

static unsigned digit_of(char c) {
  static const char digits[] = "0123456789abcdef";
  const char *at = c == '\0' ? NULL : strchr(digits, c);
  if (at == NULL) {
    fprintf(stderr, "bad hex: %c\n", c);
    exit(2);
  }
  return (unsigned)(at - digits);
}

static const char *put_hex(bytes *out, const char *at, const char *ends) {
  for (; strchr(ends, *at) == NULL; at += 2)
    bytes_byte(out, digit_of(at[0]) << 4 | digit_of(at[1]));
  return at;
}

static bytes expand(const char *text) {
  bytes out = {0};
  bytes_put(&out, "", 0);
  while (*(text = put_hex(&out, text, "(")) != '\0') {
    bytes piece = {0};
    const char *star = put_hex(&piece, text + 1, "*");
    char *end;
    for (unsigned long times = strtoul(star + 1, &end, 10); times > 0; times--)
      bytes_put(&out, piece.data, piece.count);
    bytes_free(&piece);
    text = end + 1;
  }
  return out;
}

/* ---- the library ---- */

static bool find_subject(const char *name, subject *out) {
  for (size_t i = 0; i < LRM_SCHEMA_MESSAGES + SHAPE_SCHEMA_MESSAGES; i++) {
    *out = i < LRM_SCHEMA_MESSAGES ? subject_at(i) : shape_at(i - LRM_SCHEMA_MESSAGES);
    if (strcmp(out->descriptor->name, name) == 0) return true;
  }
  return false;
}

static bool same(const bytes *a, const uint8_t *data, size_t count) {
  return a->count == count && memcmp(a->data, data, count) == 0;
}

/* Preflight, then all that the preflight promises of both decoders behind it. */
static void ask_library(const expectation *e, const subject *s, const bytes *input) {
  agreement a;
  const char *wrong = agreement_check(s, input->data, input->count, &a);
  if (wrong != NULL) fault(e, "%s", wrong);
  const json_t *depth = json_object_get(e->vector, "depth_max");
  if (depth != NULL) {
    lrm_preflight_limits limits = lrm_preflight_defaults(input->count);
    limits.depth_max = (uint32_t)json_integer_value(depth);
    a.verdict = lrm_preflight(s->type, input->data, input->count, &limits, &a.report);
  }
  if (a.verdict != e->error)
    fault(e, "error %d (%s), expected %d", a.verdict,
          a.report.error_text != NULL ? a.report.error_text : "taken", e->error);
  if (e->error == 0 && e->canonical != NULL && a.canonical != NULL &&
      !same(e->canonical, a.canonical, a.canonical_bytes))
    fault(e, "written again it is not `reencoded`");
  agreement_free(&a);
}

/* ---- who may differ ---- */

/* `takes`: what a reader makes of it; `expected`: what the vector says of readers like it. A
 * difference needs an explanation, an explanation a difference. */
static void hold(const expectation *e, const char *reader, bool takes, bool expected) {
  const json_t *differs = json_object_get(e->vector, "differs");
  const char *why = text_of(differs, reader);
  if (why[0] == '\0' && takes != expected)
    fault(e, "%s %s it, and nothing explains why", reader, takes ? "takes" : "refuses");
  if (why[0] != '\0' && takes == expected && e->cut == SIZE_MAX &&
      json_object_get(e->vector, "cuts") == NULL)
    fault(e, "%s %s it, as others do; the vector explains otherwise", reader,
          takes ? "takes" : "refuses");
}

static bool protobuf_c_takes(const subject *s, const bytes *input) {
  ProtobufCMessage *message =
      protobuf_c_message_unpack(s->descriptor, NULL, input->count, input->data);
  if (message != NULL) protobuf_c_message_free_unpacked(message, NULL);
  return message != NULL;
}

/* The reader of envelopes. */
static void ask_envelope(const expectation *e, const bytes *input) {
  lrm_envelope envelope;
  bool takes = lrm_envelope_decode(input->data, input->count, &envelope) == 0;
  hold(e, "envelope", takes, e->taken);
  if (!takes || !e->taken || e->canonical == NULL) return;
  size_t room = lrm_envelope_bytes(&envelope), written = 0;
  uint8_t *out = malloc(room + 1);
  if (out == NULL) abort();
  int error = lrm_envelope_encode(&envelope, out, room, &written);
  if (error != 0 || !same(e->canonical, out, written))
    fault(e, "the envelope written again is not `reencoded`");
  free(out);
}

/* `given` is copied to where nothing lies behind it. */
static void ask_all(const expectation *e, const subject *s, const bytes *given) {
  const char *opinion = text_of(e->vector, "protobuf");
  bool plain = e->taken || strcmp(opinion, "laxer") == 0 || strcmp(opinion, "limit") == 0;
  uint8_t *copy = malloc(given->count > 0 ? given->count : 1);
  if (copy == NULL) abort();
  memcpy(copy, given->data, given->count);
  const bytes exact = {copy, given->count, given->count};
  const bytes *input = &exact;
  ask_library(e, s, input);
  hold(e, "protobuf-c", protobuf_c_takes(s, input), plain);
  if (s->fields != NULL)
    hold(e, "nanopb", agreement_static_decodes(s, input->data, input->count), plain);
  if (s->type == &lrm_schema_CommandEnvelope) ask_envelope(e, input);
  free(copy);
}

/* ---- vectors ---- */

static bool is_cut(const json_t *cuts, size_t at) {
  size_t i;
  json_t *cut;
  json_array_foreach(cuts, i, cut) if ((size_t)json_integer_value(cut) == at) return true;
  return false;
}

/* Every beginning of the input: a message where `cuts` says so, refused elsewhere. */
static void run_cuts(const json_t *vector, const subject *s, const bytes *whole) {
  const json_t *cuts = json_object_get(vector, "cuts");
  for (size_t at = 0; cuts != NULL && at < whole->count; at++) {
    bool taken = is_cut(cuts, at);
    bytes begin = {0};
    bytes_put(&begin, whole->data, at);
    expectation e = {vector, taken, taken ? 0 : LRM_ERR_DECODE, &begin, at};
    ask_all(&e, s, &begin);
    bytes_free(&begin);
  }
}

static void run(const json_t *vector) {
  bool taken = strcmp(text_of(vector, "verdict"), "take") == 0;
  bool limit = strcmp(text_of(vector, "code"), "LIMIT") == 0;
  bytes canonical = expand(text_of(vector, "reencoded"));
  bytes input = expand(text_of(vector, "in"));
  expectation e = {vector, taken,
                   taken   ? 0
                   : limit ? LRM_ERR_LIMIT
                           : LRM_ERR_DECODE,
                   taken ? &canonical : NULL, SIZE_MAX};
  subject s;
  if (find_subject(text_of(vector, "type"), &s)) {
    ask_all(&e, &s, &input);
    run_cuts(vector, &s, &input);
  } else {
    fault(&e, "no message %s", text_of(vector, "type"));
  }
  bytes_free(&input);
  bytes_free(&canonical);
}

int main(int argc, char **argv) {
  json_error_t error;
  json_t *vectors = argc == 2 ? json_load_file(argv[1], 0, &error) : NULL;
  if (vectors == NULL) {
    fprintf(stderr, "usage: conformance_messages FILE\n");
    return 2;
  }
  size_t i;
  json_t *vector;
  json_array_foreach(vectors, i, vector) run(vector);
  printf("%zu vectors, %d faults\n", json_array_size(vectors), faults);
  bool none = json_array_size(vectors) == 0;
  json_decref(vectors);
  return faults > 0 || none;
}
