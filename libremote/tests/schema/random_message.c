#include "schema/random_message.h"

#include <stdbool.h>

uint64_t random_next(random_state *r) {
  r->state ^= r->state >> 12;
  r->state ^= r->state << 25;
  r->state ^= r->state >> 27;
  return r->state * UINT64_C(0x2545F4914F6CDD1D);
}

uint64_t random_below(random_state *r, uint64_t bound) { return (random_next(r) >> 11) % bound; }

static bool chance(random_state *r, unsigned percent) { return random_below(r, 100) < percent; }

/* Small ones, large ones and the edges. */
static uint64_t random_number(random_state *r, uint64_t max) {
  switch (random_below(r, 4)) {
    case 0:
      return max - random_below(r, 2);
    case 1:
      return random_below(r, 300) % (max == UINT64_MAX ? max : max + 1);
    default:
      return (random_next(r) >> random_below(r, 64)) % (max == UINT64_MAX ? max : max + 1);
  }
}

static uint64_t random_varint(random_state *r, unsigned kind) {
  switch (kind) {
    case LRM_SCHEMA_BOOL:
      return random_below(r, 2);
    case LRM_SCHEMA_ENUM:
      return random_number(r, chance(r, 90) ? 12 : INT32_MAX);
    case LRM_SCHEMA_INT32:
      return (uint64_t)(int64_t)(int32_t)(uint32_t)random_number(r, UINT32_MAX);
    case LRM_SCHEMA_UINT32:
    case LRM_SCHEMA_SINT32:
      return random_number(r, UINT32_MAX);
    default:
      return random_number(r, UINT64_MAX);
  }
}

static const char *const characters[] = {"a",
                                         " ",
                                         "\n",
                                         "Z",
                                         "7",
                                         "\x7F",
                                         "\xC3\xA9",
                                         "\xDF\xBF",
                                         "\xE0\xA0\x80",
                                         "\xE2\x82\xAC",
                                         "\xED\x9F\xBF",
                                         "\xEF\xBF\xBF",
                                         "\xF0\x90\x80\x80",
                                         "\xF4\x8F\xBF\xBF"};

static void random_text(random_state *r, size_t count, bytes *out) {
  size_t end = out->count + count;
  while (out->count < end) {
    const char *c = characters[random_below(r, sizeof characters / sizeof *characters)];
    if (strlen(c) > end - out->count) c = "x";
    bytes_put(out, c, strlen(c));
  }
}

/* Mostly short; at times as long as allowed or one less, if the budget lets it. */
static size_t random_length(random_state *r, size_t max, size_t budget) {
  size_t most = max < budget ? max : budget;
  if (chance(r, 10)) return most - (most > 0 && chance(r, 50));
  return (size_t)random_below(r, (most < 24 ? most : 24) + 1);
}

static unsigned wire_of(unsigned kind) {
  switch (kind) {
    case LRM_SCHEMA_FIXED32:
    case LRM_SCHEMA_SFIXED32:
    case LRM_SCHEMA_FLOAT:
      return 5;
    case LRM_SCHEMA_FIXED64:
    case LRM_SCHEMA_SFIXED64:
    case LRM_SCHEMA_DOUBLE:
      return 1;
    case LRM_SCHEMA_STRING:
    case LRM_SCHEMA_BYTES:
    case LRM_SCHEMA_MESSAGE:
      return 2;
    default:
      return 0;
  }
}

/* The value of a number, without its tag. */
static void scalar_value(random_state *r, unsigned kind, bytes *out) {
  unsigned wire = wire_of(kind);
  if (wire == 0) {
    bytes_varint(out, random_varint(r, kind));
    return;
  }
  uint64_t bits = random_next(r) | 1; /* neither 0 nor -0.0 */
  if (kind == LRM_SCHEMA_FLOAT) bits = UINT64_C(0x3FC00000) + (bits & 0xFFFF); /* no NaN */
  if (kind == LRM_SCHEMA_DOUBLE) bits = UINT64_C(0x3FF8000000000000) + (bits & 0xFFFF);
  for (unsigned i = 0; i < (wire == 1 ? 8u : 4u); i++) bytes_byte(out, bits >> (8 * i) & 0xFF);
}

static void length_value(random_state *r, const lrm_schema_field *field, size_t budget,
                         bytes *out) {
  if (field->kind == LRM_SCHEMA_MESSAGE) {
    bytes inner = {0};
    random_message(r, field->message, budget, &inner);
    bytes_varint(out, inner.count);
    bytes_put(out, inner.data, inner.count);
    bytes_free(&inner);
    return;
  }
  size_t count = random_length(r, field->bytes_max, budget);
  bytes_varint(out, count);
  if (field->kind == LRM_SCHEMA_STRING)
    random_text(r, count, out);
  else
    for (size_t i = 0; i < count; i++) bytes_byte(out, random_next(r) >> 40 & 0xFF);
}

static void list_field(random_state *r, const lrm_schema_field *field, size_t budget, bytes *out) {
  uint64_t most = field->count_max;
  uint64_t count = chance(r, 5) ? most : random_below(r, (most < 3 ? most : 3) + 1);
  if (count == 0) return;
  unsigned wire = wire_of(field->kind);
  if (wire == 2) {
    size_t start = out->count;
    for (; count > 0 && out->count - start < budget; count--) {
      bytes_tag(out, field->number, 2);
      length_value(r, field, budget / 3, out);
    }
    return;
  }
  bytes packed = {0};
  for (; count > 0; count--) scalar_value(r, field->kind, &packed);
  bytes_field(out, field->number, packed.data, packed.count);
  bytes_free(&packed);
}

/* Canonical form leaves out defaults, but for members of oneofs and messages. */
static void singular_field(random_state *r, const lrm_schema_field *field, size_t budget,
                           bytes *out) {
  unsigned wire = wire_of(field->kind);
  bytes value = {0};
  if (wire == 2)
    length_value(r, field, budget, &value);
  else
    scalar_value(r, field->kind, &value);
  bool is_default = value.count == 1 && value.data[0] == 0 && field->kind != LRM_SCHEMA_MESSAGE;
  if (!is_default || field->oneof) {
    bytes_tag(out, field->number, wire);
    bytes_put(out, value.data, value.count);
  }
  bytes_free(&value);
}

/* Which member each oneof has: a field number; 0: none. */
static void choose_members(random_state *r, const lrm_schema_message *type, uint32_t chosen[64]) {
  uint32_t seen[64] = {0};
  for (size_t i = 0; i < type->fields_count; i++) {
    const lrm_schema_field *field = &type->fields[i];
    if (!field->oneof) continue;
    if (random_below(r, ++seen[field->oneof]) == 0 && chance(r, 95))
      chosen[field->oneof] = field->number;
  }
}

void random_message(random_state *r, const lrm_schema_message *type, size_t budget, bytes *out) {
  uint32_t chosen[64] = {0};
  choose_members(r, type, chosen);
  size_t start = out->count;
  bool full = chance(r, 10);
  for (size_t i = 0; i < type->fields_count; i++) {
    const lrm_schema_field *field = &type->fields[i];
    size_t used = out->count - start;
    size_t left = used < budget ? budget - used : 0;
    if (left == 0) break;
    if (field->oneof) {
      if (chosen[field->oneof] == field->number) singular_field(r, field, left, out);
    } else if (full || chance(r, 50)) {
      if (field->count_max)
        list_field(r, field, left, out);
      else
        singular_field(r, field, left, out);
    }
  }
}

static void insert(bytes *message, size_t at, const uint8_t *data, size_t count) {
  bytes_put(message, data, count); /* makes room */
  memmove(message->data + at + count, message->data + at, message->count - count - at);
  memcpy(message->data + at, data, count);
}

static void erase(bytes *message, size_t at, size_t count) {
  memmove(message->data + at, message->data + at + count, message->count - at - count);
  message->count -= count;
}

/* A field of the type or a stranger, with any wire type, at any place. */
static void insert_field(random_state *r, const lrm_schema_message *type, bytes *message) {
  bytes field = {0};
  uint32_t number = (uint32_t)random_below(r, 40);
  if (type->fields_count && chance(r, 80)) {
    const lrm_schema_field *f = &type->fields[random_below(r, type->fields_count)];
    number = f->number;
    if (chance(r, 70)) {
      if (f->count_max)
        list_field(r, f, 64, &field);
      else
        singular_field(r, f, 64, &field);
    }
  }
  if (field.count == 0) {
    bytes_tag(&field, number, (unsigned)random_below(r, 8));
    for (uint64_t n = random_below(r, 10); n > 0; n--)
      bytes_byte(&field, random_below(r, chance(r, 50) ? 4 : 256) & 0xFF);
  }
  size_t at = chance(r, 60) ? message->count : (size_t)random_below(r, message->count + 1);
  insert(message, at, field.data, field.count);
  bytes_free(&field);
}

void random_damage(random_state *r, const lrm_schema_message *type, bytes *message) {
  for (uint64_t n = 1 + random_below(r, 4); n > 0; n--) {
    bytes_put(message, "", 0);
    size_t at = (size_t)random_below(r, message->count + 1);
    size_t left = message->count - at;
    size_t count = (size_t)random_below(r, (left < 8 ? left : 8) + 1);
    uint8_t copy[8], byte = (uint8_t)random_next(r);
    switch (random_below(r, 7)) {
      case 0:
        if (left) message->data[at] ^= (uint8_t)(1u << random_below(r, 8));
        break;
      case 1:
        if (left) message->data[at] = byte;
        break;
      case 2:
        insert(message, at, &byte, 1);
        break;
      case 3:
        erase(message, at, count);
        break;
      case 4:
        memcpy(copy, message->data + at, count);
        insert(message, at, copy, count);
        break;
      case 5:
        if (chance(r, 20)) message->count = at;
        break;
      default:
        insert_field(r, type, message);
    }
  }
}
