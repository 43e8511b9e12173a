/* CommandEnvelope in place: what a relay reads of a command, and writes anew with its own
 * origin. docs/spec.md 12.1. */
#include <string.h>

#include "frame/wire.h"
#include "remote/envelope.h"
#include "remote/limits.h"

/* One field as it stands in the message. */
typedef struct field {
  uint32_t number;
  uint32_t wire_type;
  uint64_t value; /* varint */
  lrm_slice bytes;
} field;

typedef struct reader {
  const uint8_t *at;
  const uint8_t *end;
  uint32_t seen;
  uint32_t known_max; /* fields above are unknown */
  size_t unknown_bytes;
} reader;

static bool take(reader *r, uint64_t bytes, lrm_slice *out) {
  if (bytes > (uint64_t)(r->end - r->at)) return false;
  out->data = r->at;
  out->bytes = (size_t)bytes;
  r->at += bytes;
  return true;
}

static bool take_varint(reader *r, size_t bytes_max, uint64_t *value) {
  int read = lrm__varint_read(r->at, (size_t)(r->end - r->at), bytes_max, value);
  if (read <= 0) return false;
  r->at += read;
  return true;
}

static bool take_value(reader *r, field *out) {
  uint64_t bytes = out->wire_type == LRM__WIRE_FIXED64 ? 8 : 4;
  if (out->wire_type == LRM__WIRE_VARINT) return take_varint(r, LRM__VARINT_BYTES_MAX, &out->value);
  if (out->wire_type == LRM__WIRE_BYTES && !take_varint(r, LRM__TAG_BYTES_MAX, &bytes))
    return false;
  return take(r, bytes, &out->bytes);
}

/* The next known field; unknown ones are skipped within their limit. False: malformed. At the
 * end number is 0. */
static bool next_field(reader *r, field *out) {
  for (;;) {
    memset(out, 0, sizeof *out);
    if (r->at == r->end) return true;
    const uint8_t *from = r->at;
    int read = lrm__tag_read(r->at, (size_t)(r->end - r->at), &out->number, &out->wire_type);
    if (read <= 0) return false;
    r->at += read;
    if (!take_value(r, out)) return false;
    if (out->number <= r->known_max) break;
    r->unknown_bytes += (size_t)(r->at - from);
    if (r->unknown_bytes > LRM_UNKNOWN_BYTES_MAX) return false;
  }
  if (r->seen >> out->number & 1) return false;
  r->seen |= 1u << out->number;
  return true;
}

/* Bytes of the UTF-8 character at `at`; 0: it is none. Refuses surrogates, over-long forms,
 * what is above U+10FFFF, and NUL. */
static size_t character_bytes(const uint8_t *at, size_t bytes) {
  uint8_t first = at[0];
  if (first == 0) return 0;
  if (first < 0x80) return 1;
  size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                  : first >= 0xe0 && first <= 0xef ? 3
                  : first >= 0xf0 && first <= 0xf4 ? 4
                                                   : 0;
  if (length == 0 || length > bytes) return 0;
  uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < length; i++)
    if (at[i] < 0x80 || at[i] > 0xbf) return 0;
  return length;
}

static bool read_text(const field *f, char *out, size_t capacity) {
  if (f->wire_type != LRM__WIRE_BYTES || f->bytes.bytes >= capacity) return false;
  for (size_t at = 0; at < f->bytes.bytes;) {
    size_t bytes = character_bytes(f->bytes.data + at, f->bytes.bytes - at);
    if (bytes == 0) return false;
    at += bytes;
  }
  memcpy(out, f->bytes.data, f->bytes.bytes);
  out[f->bytes.bytes] = '\0';
  return true;
}

static bool read_id(const field *f, lrm_id *out) {
  return f->wire_type == LRM__WIRE_BYTES && lrm_id_from(f->bytes.data, f->bytes.bytes, out) == 0;
}

static bool read_origin_field(const field *f, lrm_origin *out) {
  switch (f->number) {
    case 1:
      return read_text(f, out->account, sizeof out->account);
    case 2:
      return read_id(f, &out->device_id);
    case 3:
      return read_text(f, out->device, sizeof out->device);
    default:
      return read_text(f, out->surface, sizeof out->surface);
  }
}

/* Unknown bytes have one limit for the whole envelope. */
static bool read_origin(const field *whole, size_t *unknown_bytes, lrm_envelope *out) {
  if (whole->wire_type != LRM__WIRE_BYTES) return false;
  reader r = {whole->bytes.data, whole->bytes.data + whole->bytes.bytes, 0, 4, *unknown_bytes};
  field f;
  for (;;) {
    if (!next_field(&r, &f)) return false;
    if (f.number == 0) break;
    if (!read_origin_field(&f, &out->origin)) return false;
  }
  *unknown_bytes = r.unknown_bytes;
  out->has_origin = true;
  return true;
}

static bool read_class(const field *f, lrm_envelope *out) {
  /* An enum is an int32: beyond, and negative (ten bytes), decoders disagree. */
  if (f->wire_type != LRM__WIRE_VARINT || f->value > INT32_MAX) return false;
  out->command_class = (uint32_t)f->value;
  return true;
}

static bool read_command(const field *f, lrm_envelope *out) {
  out->command = f->bytes;
  return f->wire_type == LRM__WIRE_BYTES && f->bytes.bytes <= LRM_MESSAGE_BYTES_MAX;
}

static bool read_number(const field *f, uint64_t *out) {
  *out = f->value;
  return f->wire_type == LRM__WIRE_VARINT;
}

static bool read_field(const field *f, size_t *unknown_bytes, lrm_envelope *out) {
  switch (f->number) {
    case 1:
      return read_id(f, &out->command_id);
    case 2:
      return read_class(f, out);
    case 3:
      return read_number(f, &out->ttl_ms);
    case 4:
      return read_id(f, &out->event_epoch);
    case 5:
      return read_command(f, out);
    case 6:
      return read_origin(f, unknown_bytes, out);
    default:
      return read_number(f, &out->received_ms);
  }
}

int lrm_envelope_decode(const uint8_t *data, size_t bytes, lrm_envelope *out) {
  memset(out, 0, sizeof *out);
  if (bytes == 0) return LRM_ERR_DECODE;
  reader r = {data, data + bytes, 0, 7, 0};
  field f;
  for (;;) {
    if (!next_field(&r, &f)) return LRM_ERR_DECODE;
    if (f.number == 0) break;
    if (!read_field(&f, &r.unknown_bytes, out)) return LRM_ERR_DECODE;
  }
  return lrm_id_none(&out->command_id) ? LRM_ERR_DECODE : 0;
}

static size_t text_bytes(const char *text, size_t capacity) {
  const char *end = memchr(text, 0, capacity);
  return end == NULL ? capacity - 1 : (size_t)(end - text);
}

static size_t bytes_field_bytes(size_t bytes) {
  return bytes == 0 ? 0 : 1 + lrm__varint_bytes(bytes) + bytes;
}

static size_t number_field_bytes(uint64_t value) {
  return value == 0 ? 0 : 1 + lrm__varint_bytes(value);
}

static size_t id_field_bytes(const lrm_id *id) {
  return bytes_field_bytes(lrm_id_none(id) ? 0 : sizeof id->bytes);
}

static size_t origin_bytes(const lrm_origin *o) {
  return bytes_field_bytes(text_bytes(o->account, sizeof o->account)) +
         id_field_bytes(&o->device_id) +
         bytes_field_bytes(text_bytes(o->device, sizeof o->device)) +
         bytes_field_bytes(text_bytes(o->surface, sizeof o->surface));
}

size_t lrm_envelope_bytes(const lrm_envelope *e) {
  size_t bytes = id_field_bytes(&e->command_id) + number_field_bytes(e->command_class) +
                 number_field_bytes(e->ttl_ms) + id_field_bytes(&e->event_epoch) +
                 bytes_field_bytes(e->command.bytes) + number_field_bytes(e->received_ms);
  if (!e->has_origin) return bytes;
  size_t origin = origin_bytes(&e->origin);
  return bytes + 1 + lrm__varint_bytes(origin) + origin;
}

static uint8_t *put_bytes(uint8_t *out, uint32_t number, const void *data, size_t bytes) {
  if (bytes == 0) return out;
  *out++ = (uint8_t)(number << 3 | LRM__WIRE_BYTES);
  out = lrm__varint_write(out, bytes);
  memcpy(out, data, bytes);
  return out + bytes;
}

static uint8_t *put_id(uint8_t *out, uint32_t number, const lrm_id *id) {
  return put_bytes(out, number, id->bytes, lrm_id_none(id) ? 0 : sizeof id->bytes);
}

static uint8_t *put_number(uint8_t *out, uint32_t number, uint64_t value) {
  if (value == 0) return out;
  *out++ = (uint8_t)(number << 3 | LRM__WIRE_VARINT);
  return lrm__varint_write(out, value);
}

static uint8_t *put_origin(uint8_t *out, uint32_t number, const lrm_origin *o) {
  *out++ = (uint8_t)(number << 3 | LRM__WIRE_BYTES);
  out = lrm__varint_write(out, origin_bytes(o));
  out = put_bytes(out, 1, o->account, text_bytes(o->account, sizeof o->account));
  out = put_id(out, 2, &o->device_id);
  out = put_bytes(out, 3, o->device, text_bytes(o->device, sizeof o->device));
  return put_bytes(out, 4, o->surface, text_bytes(o->surface, sizeof o->surface));
}

int lrm_envelope_encode(const lrm_envelope *e, uint8_t *out, size_t capacity, size_t *written) {
  *written = 0;
  size_t bytes = lrm_envelope_bytes(e);
  if (bytes > capacity) return LRM_ERR_TOO_LARGE;
  uint8_t *at = put_id(out, 1, &e->command_id);
  at = put_number(at, 2, e->command_class);
  at = put_number(at, 3, e->ttl_ms);
  at = put_id(at, 4, &e->event_epoch);
  at = put_bytes(at, 5, e->command.data, e->command.bytes);
  if (e->has_origin) at = put_origin(at, 6, &e->origin);
  put_number(at, 7, e->received_ms);
  *written = bytes;
  return 0;
}
