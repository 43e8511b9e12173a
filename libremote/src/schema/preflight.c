/* The preflight: one pass over a message's bytes, led by the schema tables. No recursion, no
 * allocation; the stack is as deep as gen/generate lets a schema nest.
 *
 * Decoders disagree about malformed input and none bounds what a message costs; so this scanner
 * decides first, and what it lets pass means the same to all of them. It also adds up, with the
 * numbers of protobuf-c 1.4 and of our arena, what decoding will ask for. */
#include <string.h>

#include "base/assert.h"
#include "schema.h"
#include "schema/arena.h"
#include "schema/utf8.h"

/* Wire types. 3 and 4 are groups, 6 and 7 do not exist. */
typedef enum wire_type {
  WIRE_VARINT = 0,
  WIRE_FIXED64 = 1,
  WIRE_LENGTH = 2,
  WIRE_FIXED32 = 5
} wire_type;

/* protobuf-c keeps a record of every field it meets, in slabs that double; the first, of 16
 * records, is on its stack. What the structs look like inside: its protobuf-c.c. */
struct scanned_member {
  uint32_t tag;
  uint8_t wire_type;
  uint8_t length_prefix_length;
  const void *field;
  size_t length;
  const uint8_t *data;
};
struct unknown_field {
  uint32_t tag;
  int wire_type;
  size_t length;
  uint8_t *data;
};
struct binary_data {
  size_t length;
  uint8_t *data;
};
enum { FIRST_SLAB_MEMBERS = 16 };

/* Per kind: how it is written, and the size of an element in protobuf-c's array. */
static const struct kind {
  uint8_t wire;
  uint8_t element_bytes;
} kinds[] = {
    [LRM_SCHEMA_UINT32] = {WIRE_VARINT, 4},
    [LRM_SCHEMA_UINT64] = {WIRE_VARINT, 8},
    [LRM_SCHEMA_INT32] = {WIRE_VARINT, 4},
    [LRM_SCHEMA_INT64] = {WIRE_VARINT, 8},
    [LRM_SCHEMA_SINT32] = {WIRE_VARINT, 4},
    [LRM_SCHEMA_SINT64] = {WIRE_VARINT, 8},
    [LRM_SCHEMA_BOOL] = {WIRE_VARINT, sizeof(int)},
    [LRM_SCHEMA_ENUM] = {WIRE_VARINT, sizeof(int)},
    [LRM_SCHEMA_FIXED32] = {WIRE_FIXED32, 4},
    [LRM_SCHEMA_FIXED64] = {WIRE_FIXED64, 8},
    [LRM_SCHEMA_SFIXED32] = {WIRE_FIXED32, 4},
    [LRM_SCHEMA_SFIXED64] = {WIRE_FIXED64, 8},
    [LRM_SCHEMA_FLOAT] = {WIRE_FIXED32, 4},
    [LRM_SCHEMA_DOUBLE] = {WIRE_FIXED64, 8},
    [LRM_SCHEMA_STRING] = {WIRE_LENGTH, sizeof(char *)},
    [LRM_SCHEMA_BYTES] = {WIRE_LENGTH, sizeof(struct binary_data)},
    [LRM_SCHEMA_MESSAGE] = {WIRE_LENGTH, sizeof(void *)},
};

/* Tags and lengths longer than 5 bytes are refused: decoders disagree on them. */
enum { TAG_BYTES_MAX = 5, VARINT_BYTES_MAX = 10 };

/* One message that is being scanned. */
typedef struct level {
  const lrm_schema_message *type;
  size_t end;
  uint64_t seen;      /* slots of singular fields and oneofs that were given */
  uint32_t next;      /* index of the field that canonical order would bring */
  uint32_t slab;      /* members in protobuf-c's present slab */
  uint32_t slab_room; /* of them not used */
  uint32_t unknown;   /* unknown fields */
  uint32_t counts[LRM_SCHEMA_LISTS_MAX];
} level;

typedef struct scan {
  const uint8_t *data;
  size_t at;
  const lrm_preflight_limits *limits;
  lrm_preflight_report report;
  uint32_t depth; /* levels in use */
  uint32_t depth_max;
  level levels[LRM_SCHEMA_DEPTH_MAX];
} scan;

lrm_preflight_limits lrm_preflight_defaults(size_t bytes) {
  return (lrm_preflight_limits){.depth_max = LRM_DEPTH_MAX,
                                .unknown_bytes_max = LRM_UNKNOWN_BYTES_MAX,
                                .decode_bytes_max = LRM_DECODE_BYTES_MAX((uint64_t)bytes)};
}

static int fault(scan *s, int error, size_t at, const char *text, const lrm_schema_field *field) {
  s->report.error_at = at;
  s->report.error_text = text;
  s->report.error_field = field ? field->name : NULL;
  return error;
}

/* Adds an allocation of `bytes` to the estimate, in place of an earlier one of `before`. */
static void grow(scan *s, uint64_t before, uint64_t bytes) {
  s->report.decode_bytes += lrm__arena_cost(bytes) - (before ? lrm__arena_cost(before) : 0);
}

static int check_memory(scan *s, size_t at, const lrm_schema_field *field) {
  if (s->report.decode_bytes <= s->limits->decode_bytes_max) return 0;
  return fault(s, LRM_ERR_LIMIT, at, "decoding would take too much memory", field);
}

/* Reads a varint of at most `bytes_max` bytes that ends before `end`. */
static int read_varint(scan *s, size_t end, unsigned bytes_max, uint64_t *value,
                       const lrm_schema_field *field) {
  size_t start = s->at;
  uint64_t v = 0;
  for (unsigned i = 0; i < bytes_max; i++) {
    if (s->at == end) return fault(s, LRM_ERR_DECODE, start, "truncated varint", field);
    uint8_t byte = s->data[s->at++];
    if (i == VARINT_BYTES_MAX - 1 && byte > 1) break;
    v |= (uint64_t)(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      *value = v;
      return 0;
    }
  }
  return fault(s, LRM_ERR_DECODE, start, "over-long varint", field);
}

static int read_length(scan *s, size_t end, size_t *bytes, const lrm_schema_field *field) {
  size_t start = s->at;
  uint64_t length;
  int error = read_varint(s, end, TAG_BYTES_MAX, &length, field);
  if (error) return error;
  if (length > end - s->at) return fault(s, LRM_ERR_DECODE, start, "truncated", field);
  *bytes = (size_t)length;
  return 0;
}

static int skip(scan *s, size_t end, size_t bytes, const lrm_schema_field *field) {
  if (bytes > end - s->at) return fault(s, LRM_ERR_DECODE, s->at, "truncated", field);
  s->at += bytes;
  return 0;
}

static const char *varint_fault(uint8_t kind, uint64_t value) {
  switch (kind) {
    case LRM_SCHEMA_UINT32:
    case LRM_SCHEMA_SINT32: /* zigzag */
      return value > UINT32_MAX ? "above 2^32-1" : NULL;
    case LRM_SCHEMA_INT32:
      return value > INT32_MAX && value < (uint64_t)INT32_MIN ? "not an int32" : NULL;
    case LRM_SCHEMA_ENUM: /* nanopb refuses negative ones */
      return value > INT32_MAX ? "not an enum" : NULL;
    case LRM_SCHEMA_BOOL:
      return value > 1 ? "not a bool" : NULL;
    default:
      return NULL;
  }
}

/* Encoders disagree on -0.0: equal to the default, yet other bits. */
static bool negative_zero(const uint8_t *data, size_t bytes) {
  uint8_t any = 0;
  for (size_t i = 0; i + 1 < bytes; i++) any |= data[i];
  return any == 0 && data[bytes - 1] == 0x80;
}

static int take_scalar(scan *s, size_t end, const lrm_schema_field *field) {
  size_t start = s->at;
  if (kinds[field->kind].wire == WIRE_VARINT) {
    uint64_t value;
    int error = read_varint(s, end, VARINT_BYTES_MAX, &value, field);
    if (error) return error;
    const char *text = varint_fault(field->kind, value);
    return text ? fault(s, LRM_ERR_DECODE, start, text, field) : 0;
  }
  size_t bytes = kinds[field->kind].wire == WIRE_FIXED64 ? 8 : 4;
  int error = skip(s, end, bytes, field);
  if (error) return error;
  if ((field->kind == LRM_SCHEMA_FLOAT || field->kind == LRM_SCHEMA_DOUBLE) &&
      negative_zero(s->data + start, bytes))
    return fault(s, LRM_ERR_DECODE, start, "-0.0", field);
  return 0;
}

/* One more element of a list. */
static int count_element(scan *s, level *top, size_t at, const lrm_schema_field *field) {
  uint32_t count = ++top->counts[field->slot];
  if (count > field->count_max) return fault(s, LRM_ERR_LIMIT, at, "too many in the list", field);
  uint64_t element = kinds[field->kind].element_bytes;
  grow(s, element * (count - 1), element * count);
  return check_memory(s, at, field);
}

static int take_packed(scan *s, level *top, const lrm_schema_field *field) {
  size_t bytes;
  int error = read_length(s, top->end, &bytes, field);
  size_t end = s->at + (error ? 0 : bytes);
  while (!error && s->at < end) {
    error = count_element(s, top, s->at, field);
    if (!error) error = take_scalar(s, end, field);
  }
  return error;
}

static int take_text(scan *s, level *top, const lrm_schema_field *field) {
  size_t start = s->at, bytes;
  int error = read_length(s, top->end, &bytes, field);
  if (error) return error;
  if (bytes > field->bytes_max) return fault(s, LRM_ERR_LIMIT, start, "too long", field);
  if (field->kind == LRM_SCHEMA_STRING) {
    size_t bad = lrm__utf8_fault(s->data + s->at, bytes);
    if (bad < bytes) return fault(s, LRM_ERR_DECODE, s->at + bad, "not UTF-8, or a NUL", field);
    grow(s, 0, (uint64_t)bytes + 1);
  } else if (bytes > 0) {
    grow(s, 0, bytes);
  }
  s->at += bytes;
  return check_memory(s, start, field);
}

static int enter(scan *s, const lrm_schema_message *type, size_t end, size_t at,
                 const lrm_schema_field *field) {
  if (s->depth >= s->depth_max) return fault(s, LRM_ERR_LIMIT, at, "nested too deep", field);
  level *inner = &s->levels[s->depth++];
  memset(inner, 0, sizeof *inner);
  inner->type = type;
  inner->end = end;
  inner->slab = inner->slab_room = FIRST_SLAB_MEMBERS;
  grow(s, 0, type->struct_bytes);
  return check_memory(s, at, field);
}

static int take_message(scan *s, level *top, const lrm_schema_field *field) {
  size_t start = s->at, bytes;
  int error = read_length(s, top->end, &bytes, field);
  return error ? error : enter(s, field->message, s->at + bytes, start, field);
}

static int take_unknown(scan *s, level *top, size_t start, unsigned wire) {
  size_t value_at = s->at, bytes;
  uint64_t value;
  int error;
  switch (wire) {
    case WIRE_VARINT:
      error = read_varint(s, top->end, VARINT_BYTES_MAX, &value, NULL);
      break;
    case WIRE_FIXED64:
      error = skip(s, top->end, 8, NULL);
      break;
    case WIRE_LENGTH:
      error = read_length(s, top->end, &bytes, NULL);
      if (!error) s->at += bytes;
      break;
    case WIRE_FIXED32:
      error = skip(s, top->end, 4, NULL);
      break;
    default:
      return fault(s, LRM_ERR_DECODE, start, "group or unknown wire type", NULL);
  }
  if (error) return error;
  if (s->at - start > s->limits->unknown_bytes_max - s->report.unknown_bytes)
    return fault(s, LRM_ERR_LIMIT, start, "too many bytes of unknown fields", NULL);
  s->report.unknown_bytes += (uint32_t)(s->at - start);
  uint64_t each = sizeof(struct unknown_field);
  grow(s, each * top->unknown, each * (top->unknown + 1));
  top->unknown++;
  grow(s, 0, s->at - value_at); /* its copy, length prefix included */
  return check_memory(s, start, NULL);
}

static const lrm_schema_field *find_field(level *top, uint32_t number) {
  const lrm_schema_field *fields = top->type->fields;
  uint32_t count = top->type->fields_count;
  if (top->next < count && fields[top->next].number == number) return &fields[top->next++];
  uint32_t low = 0, high = count;
  while (low < high) {
    uint32_t middle = low + (high - low) / 2;
    if (fields[middle].number < number)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == count || fields[low].number != number) return NULL;
  top->next = low + 1;
  return &fields[low];
}

/* Notes that a field is there: protobuf-c's record of it, and that singular ones come once. */
static int note_field(scan *s, level *top, size_t start, const lrm_schema_field *field) {
  if (top->slab_room == 0) {
    top->slab *= 2;
    top->slab_room = top->slab;
    grow(s, 0, (uint64_t)top->slab * sizeof(struct scanned_member));
  }
  top->slab_room--;
  if (field && field->count_max == 0) {
    uint64_t bit = UINT64_C(1) << field->slot;
    if (top->seen & bit) return fault(s, LRM_ERR_DECODE, start, "given twice", field);
    top->seen |= bit;
  }
  return 0;
}

static int take_value(scan *s, level *top, size_t start, unsigned wire,
                      const lrm_schema_field *field) {
  unsigned wanted = kinds[field->kind].wire;
  bool list = field->count_max > 0;
  if (list && wanted != WIRE_LENGTH && wire == WIRE_LENGTH) return take_packed(s, top, field);
  if (wire != wanted) return fault(s, LRM_ERR_DECODE, start, "wrong wire type", field);
  int error = list ? count_element(s, top, start, field) : 0;
  if (error) return error;
  if (field->kind == LRM_SCHEMA_MESSAGE) return take_message(s, top, field);
  return wanted == WIRE_LENGTH ? take_text(s, top, field) : take_scalar(s, top->end, field);
}

static int take_field(scan *s, level *top) {
  size_t start = s->at;
  uint64_t tag;
  int error = read_varint(s, top->end, TAG_BYTES_MAX, &tag, NULL);
  if (error) return error;
  if (tag > UINT32_MAX || tag >> 3 == 0)
    return fault(s, LRM_ERR_DECODE, start, "field number 0 or above 2^29-1", NULL);
  const lrm_schema_field *field = find_field(top, (uint32_t)(tag >> 3));
  error = note_field(s, top, start, field);
  if (error) return error;
  return field ? take_value(s, top, start, tag & 7, field) : take_unknown(s, top, start, tag & 7);
}

static int scan_message(scan *s, const lrm_schema_message *type, size_t bytes) {
  int error = enter(s, type, bytes, 0, NULL);
  while (!error && s->depth > 0) {
    level *top = &s->levels[s->depth - 1];
    if (s->at == top->end)
      s->depth--;
    else
      error = take_field(s, top);
  }
  return error;
}

int lrm_preflight(const lrm_schema_message *type, const uint8_t *data, size_t bytes,
                  const lrm_preflight_limits *limits, lrm_preflight_report *report) {
  scan s; /* levels are cleared when they are entered */
  s.data = data;
  s.at = 0;
  s.limits = limits;
  s.report = (lrm_preflight_report){0};
  s.depth = 0;
  s.depth_max = limits->depth_max < LRM_SCHEMA_DEPTH_MAX ? limits->depth_max : LRM_SCHEMA_DEPTH_MAX;
  int error = scan_message(&s, type, bytes);
  LRM_ASSERT(error || s.at == bytes);
  if (report) *report = s.report;
  return error;
}
