/* Reading requests and writing responses: varint length, then the message. */
#include "parts_harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REQUEST_BYTES_MAX = 64 * 1024 * 1024 };

/* ---- reading ---- */

static bool read_length(size_t *length) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    int byte = getchar();
    if (byte == EOF) return false;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) {
      *length = (size_t)value;
      return value <= REQUEST_BYTES_MAX;
    }
  }
  return false;
}

static bool take_varint(lrm_slice *in, uint64_t *value) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && in->bytes > 0; shift += 7) {
    uint8_t byte = *in->data;
    in->data++;
    in->bytes--;
    *value |= (uint64_t)(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

/* One field; *text is set for length-delimited ones, else *number. */
static bool take_field(lrm_slice *in, uint64_t *field, uint64_t *number, lrm_slice *text) {
  uint64_t tag;
  *number = 0;
  *text = (lrm_slice){NULL, 0};
  if (!take_varint(in, &tag)) return false;
  *field = tag >> 3;
  if ((tag & 7) == 0) return take_varint(in, number);
  uint64_t bytes;
  if ((tag & 7) != 2 || !take_varint(in, &bytes) || bytes > in->bytes) return false;
  *text = (lrm_slice){in->data, (size_t)bytes};
  in->data += bytes;
  in->bytes -= (size_t)bytes;
  return true;
}

static bool parse(lrm_slice in, harness_request *request) {
  memset(request, 0, sizeof *request);
  uint64_t field, number;
  lrm_slice text;
  while (in.bytes > 0) {
    if (!take_field(&in, &field, &number, &text)) return false;
    if (field == 1) {
      request->id = number;
      continue;
    }
    request->ask = (harness_ask)field;
    while (text.bytes > 0) {
      lrm_slice inner;
      if (!take_field(&text, &field, &number, &inner)) return false;
      if (field > 3) continue;
      request->number[field] = number;
      request->text[field] = inner;
    }
  }
  return true;
}

bool harness_read(harness_request *request) {
  static uint8_t *buffer;
  static size_t capacity;
  size_t bytes;
  if (!read_length(&bytes)) return false;
  if (bytes > capacity || buffer == NULL) {
    capacity = 2 * bytes + 1;
    buffer = realloc(buffer, capacity);
    if (buffer == NULL) return false;
  }
  if (fread(buffer, 1, bytes, stdin) != bytes) return false;
  return parse((lrm_slice){buffer, bytes}, request);
}

/* ---- writing ---- */

static void reserve(harness_out *out, size_t more) {
  if (out->bytes + more <= out->capacity) return;
  out->capacity = 2 * (out->bytes + more);
  out->data = realloc(out->data, out->capacity);
  if (out->data == NULL) abort();
}

static void put_varint(harness_out *out, uint64_t value) {
  reserve(out, 10);
  for (; value > 0x7f; value >>= 7) out->data[out->bytes++] = (uint8_t)(value | 0x80);
  out->data[out->bytes++] = (uint8_t)value;
}

static void put_number(harness_out *out, uint32_t field, uint64_t value) {
  put_varint(out, (uint64_t)field << 3);
  put_varint(out, value);
}

static void put_text(harness_out *out, uint32_t field, const void *data, size_t bytes) {
  put_varint(out, (uint64_t)field << 3 | 2);
  put_varint(out, bytes);
  reserve(out, bytes);
  if (bytes > 0) memcpy(out->data + out->bytes, data, bytes);
  out->bytes += bytes;
}

/* Response.outputs */
static void put_output(harness_out *out, const harness_out *output) {
  put_text(out, 9, output->data, output->bytes);
}

void harness_dial(harness_out *out, uint32_t carrier) {
  harness_out one = {0};
  put_number(&one, 1, carrier);
  put_output(out, &one);
  free(one.data);
}

void harness_bytes(harness_out *out, uint32_t carrier, const uint8_t *data, size_t bytes) {
  harness_out inner = {0}, one = {0};
  put_number(&inner, 1, carrier);
  put_text(&inner, 2, data, bytes);
  put_text(&one, 2, inner.data, inner.bytes);
  put_output(out, &one);
  free(inner.data);
  free(one.data);
}

void harness_closed(harness_out *out, uint32_t carrier) {
  harness_out one = {0};
  put_number(&one, 3, carrier);
  put_output(out, &one);
  free(one.data);
}

void harness_told(harness_out *out, const char *json) {
  harness_out one = {0};
  put_text(&one, 4, json, strlen(json));
  put_output(out, &one);
  free(one.data);
}

/* Sends id, one member of `result`, and the outputs. */
static void reply(uint64_t id, uint32_t field, const void *data, size_t bytes, harness_out *out) {
  harness_out head = {0}, whole = {0};
  put_number(&head, 1, id);
  put_text(&head, field, data, bytes);
  size_t outputs = out == NULL ? 0 : out->bytes;
  put_varint(&whole, head.bytes + outputs);
  fwrite(whole.data, 1, whole.bytes, stdout);
  fwrite(head.data, 1, head.bytes, stdout);
  if (outputs > 0) fwrite(out->data, 1, outputs, stdout);
  fflush(stdout);
  if (out != NULL) out->bytes = 0;
  free(head.data);
  free(whole.data);
}

void harness_reply_description(uint64_t id, const harness_description *d) {
  harness_out inner = {0}, roles = {0};
  put_text(&inner, 1, d->name, strlen(d->name));
  put_text(&inner, 2, d->version, strlen(d->version));
  for (size_t i = 0; i < d->roles_count; i++) put_varint(&roles, d->roles[i]);
  put_text(&inner, 3, roles.data, roles.bytes);
  put_number(&inner, 4, d->virtual_clock ? 1 : 0);
  for (size_t i = 0; i < d->features_count; i++)
    put_text(&inner, 5, d->features[i], strlen(d->features[i]));
  reply(id, 2, inner.data, inner.bytes, NULL);
  free(inner.data);
  free(roles.data);
}

void harness_reply_done(uint64_t id, harness_out *out) { reply(id, 3, NULL, 0, out); }

void harness_reply_unsupported(uint64_t id, const char *why, harness_out *out) {
  reply(id, 4, why, strlen(why), out);
}

void harness_reply_broken(uint64_t id, const char *why, harness_out *out) {
  reply(id, 5, why, strlen(why), out);
}
