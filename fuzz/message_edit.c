#include "message_edit.h"

#include "schema/random_message.h"

enum { FIELDS_MAX = 256, NEW_BYTES = 200, DEPTH_MAX = 8 };

/* A field as it stands in the message. */
typedef struct part {
  const uint8_t *at; /* of its tag */
  size_t bytes;
  const lrm_schema_field *field; /* NULL: not in the schema */
  const uint8_t *inside;         /* length-delimited: what it holds */
  size_t inside_bytes;
} part;

typedef struct tree {
  part parts[FIELDS_MAX];
  size_t count;
  const uint8_t *rest; /* what is no field */
  size_t rest_bytes;
} tree;

static size_t read_varint(const uint8_t *data, size_t size, uint64_t *value) {
  *value = 0;
  for (size_t i = 0; i < size && i < 10; i++) {
    *value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
    if (data[i] < 0x80) return i + 1;
  }
  return 0;
}

static const lrm_schema_field *find_field(const lrm_schema_message *type, uint64_t number) {
  for (size_t i = 0; i < type->fields_count; i++)
    if (type->fields[i].number == number) return &type->fields[i];
  return NULL;
}

/* Bytes of the field that begins here; 0: none does. */
static size_t read_part(const lrm_schema_message *type, const uint8_t *data, size_t size,
                        part *out) {
  uint64_t tag, value;
  size_t head = read_varint(data, size, &tag), more = 0;
  if (head == 0) return 0;
  *out = (part){.at = data, .field = find_field(type, tag >> 3)};
  switch (tag & 7) {
    case 0:
      more = read_varint(data + head, size - head, &value);
      if (more == 0) return 0;
      break;
    case 1:
      more = 8;
      break;
    case 2:
      more = read_varint(data + head, size - head, &value);
      if (more == 0 || value > size - head - more) return 0;
      out->inside = data + head + more;
      out->inside_bytes = (size_t)value;
      more += (size_t)value;
      break;
    case 5:
      more = 4;
      break;
    default:
      return 0;
  }
  if (more > size - head) return 0;
  out->bytes = head + more;
  return out->bytes;
}

static void read_tree(const lrm_schema_message *type, const uint8_t *data, size_t size, tree *out) {
  size_t at = 0;
  out->count = 0;
  while (at < size && out->count < FIELDS_MAX) {
    size_t bytes = read_part(type, data + at, size - at, &out->parts[out->count]);
    if (bytes == 0) break;
    at += bytes;
    out->count++;
  }
  out->rest = data + at;
  out->rest_bytes = size - at;
}

static void put_part(const part *p, bytes *out) { bytes_put(out, p->at, p->bytes); }

/* A field of the type with a value that is mostly right. */
static void put_new(random_state *r, const lrm_schema_message *type, uint32_t number, bytes *out) {
  bytes whole = {0};
  tree *fields = malloc(sizeof *fields);
  if (fields == NULL) abort();
  for (int tries = 0; tries < 8; tries++) {
    whole.count = 0;
    random_message(r, type, NEW_BYTES, &whole);
    bytes_put(&whole, "", 0);
    read_tree(type, whole.data, whole.count, fields);
    for (size_t i = 0; i < fields->count; i++) {
      const part *p = &fields->parts[i];
      if (number != 0 && (p->field == NULL || p->field->number != number)) continue;
      if (number == 0 && random_below(r, fields->count) != 0 && i + 1 < fields->count) continue;
      put_part(p, out);
      tries = 8;
      break;
    }
  }
  free(fields);
  bytes_free(&whole);
}

static void edit(random_state *r, const lrm_schema_message *type, const uint8_t *data, size_t size,
                 unsigned depth, bytes *out);

/* A number near the old one, or far. */
static void put_number(random_state *r, const part *p, bytes *out) {
  static const uint64_t values[] = {0,     1,          2,          127,     128,
                                    65535, 0x7fffffff, 0xffffffff, 1 << 20, UINT64_MAX >> 11};
  uint64_t tag, value;
  size_t head = read_varint(p->at, p->bytes, &tag);
  bytes_put(out, p->at, head);
  if ((tag & 7) != 0) {
    for (size_t i = head; i < p->bytes; i++) bytes_byte(out, random_next(r) >> 40 & 0xff);
    return;
  }
  read_varint(p->at + head, p->bytes - head, &value);
  uint64_t what = random_below(r, 3);
  if (what == 0) value += random_below(r, 5) - 2;
  if (what == 1) value = values[random_below(r, sizeof values / sizeof *values)];
  if (what == 2) value = random_below(r, 40);
  bytes_varint(out, value);
}

/* What a length-delimited field holds: a message is edited, text and bytes are cut, joined or
 * changed. */
static void put_inside(random_state *r, const part *p, unsigned depth, bytes *out) {
  uint64_t tag;
  bytes inside = {0};
  bytes_put(&inside, "", 0);
  read_varint(p->at, p->bytes, &tag);
  if (p->field != NULL && p->field->kind == LRM_SCHEMA_MESSAGE) {
    edit(r, p->field->message, p->inside, p->inside_bytes, depth + 1, &inside);
  } else {
    size_t keep = p->inside_bytes;
    uint64_t what = random_below(r, 4);
    if (what == 0) keep = (size_t)random_below(r, p->inside_bytes + 1);
    bytes_put(&inside, p->inside, keep);
    if (what == 1) bytes_put(&inside, p->inside, p->inside_bytes);
    if (what == 2) bytes_put(&inside, "x", 1);
    if (what == 3 && keep > 0) inside.data[random_below(r, keep)] ^= 1u << random_below(r, 7);
  }
  bytes_varint(out, tag);
  bytes_varint(out, inside.count);
  bytes_put(out, inside.data, inside.count);
  bytes_free(&inside);
}

static void put_changed(random_state *r, const lrm_schema_message *type, const part *p,
                        unsigned depth, bytes *out) {
  if (p->inside != NULL && depth < DEPTH_MAX && random_below(r, 8) != 0)
    put_inside(r, p, depth, out);
  else if (p->inside == NULL && random_below(r, 4) != 0)
    put_number(r, p, out);
  else
    put_new(r, type, p->field != NULL ? p->field->number : 0, out);
}

static void edit_tree(random_state *r, const lrm_schema_message *type, const tree *t,
                      unsigned depth, bytes *out) {
  enum { REMOVE, TWICE, ADD, SWAP, CHANGE, KINDS = 9 }; /* changing is most of it */
  uint64_t what = random_below(r, KINDS);
  size_t chosen = (size_t)random_below(r, t->count), other = (size_t)random_below(r, t->count);
  for (size_t i = 0; i < t->count; i++) {
    const part *p = &t->parts[i];
    if (what == SWAP && i == chosen) p = &t->parts[other];
    if (what == SWAP && i == other) p = &t->parts[chosen];
    if (i != chosen || what == SWAP) {
      put_part(p, out);
      continue;
    }
    if (what >= CHANGE) put_changed(r, type, p, depth, out);
    if (what == TWICE || what == ADD) put_part(p, out);
    if (what == TWICE) put_part(p, out);
    if (what == ADD) put_new(r, type, 0, out);
  }
  bytes_put(out, t->rest, t->rest_bytes);
}

static void edit(random_state *r, const lrm_schema_message *type, const uint8_t *data, size_t size,
                 unsigned depth, bytes *out) {
  if (random_below(r, 16) == 0 && type->fields_count > 0) { /* another one altogether */
    random_message(r, type, NEW_BYTES * (depth == 0 ? 4 : 1), out);
    bytes_put(out, "", 0);
    return;
  }
  tree *t = malloc(sizeof *t);
  if (t == NULL) abort();
  read_tree(type, data, size, t);
  if (t->count == 0) {
    random_message(r, type, NEW_BYTES, out);
  } else {
    edit_tree(r, type, t, depth, out);
  }
  free(t);
}

void fuzz_message_edit(uint64_t seed, const lrm_schema_message *type, const uint8_t *data,
                       size_t size, bytes *out) {
  random_state r = {seed * 2 + 1};
  if (size == 0) data = (const uint8_t *)"";
  bytes_put(out, "", 0);
  size_t start = out->count;
  edit(&r, type, data, size, 0, out);
  if (random_below(&r, 20) != 0) return;
  bytes damaged = {0}; /* now and then with a fault in it */
  bytes_put(&damaged, out->data + start, out->count - start);
  random_damage(&r, type, &damaged);
  out->count = start;
  bytes_put(out, damaged.data, damaged.count);
  bytes_free(&damaged);
}
