#include "capture_blank.h"

#include <stdbool.h>
#include <string.h>

#include "remote/frame.h"

/* Where credentials stand: field numbers from the payload inwards (proto/remote/v1). */
typedef struct secret {
  uint32_t frame_type;
  uint32_t path[2]; /* the second is 0 when the first is the secret */
} secret;

static const secret secrets[] = {
    {LRM_FRAME_HELLO, {6, 0}},    /* Hello.token */
    {LRM_FRAME_REQUEST, {6, 2}},  /* PairDevice.secret */
    {LRM_FRAME_REQUEST, {7, 1}},  /* ConfirmPairing.code */
    {LRM_FRAME_REQUEST, {8, 1}},  /* LoginOidc.id_token */
    {LRM_FRAME_REQUEST, {15, 1}}, /* DescribePairing.code */
    {LRM_FRAME_REPLY, {6, 1}},    /* PairingCode.code */
    {LRM_FRAME_REPLY, {7, 1}},    /* SignedIn.token */
};

/* One varint; 0: it is none. Returns the bytes it takes. */
static size_t varint(const uint8_t *data, size_t bytes, uint64_t *value) {
  *value = 0;
  for (size_t i = 0; i < bytes && i < 10; i++) {
    *value |= (uint64_t)(data[i] & 0x7f) << (7 * i);
    if (data[i] < 0x80) return i + 1;
  }
  return 0;
}

typedef struct field {
  uint64_t number;
  uint8_t *data; /* of a value with a length; else NULL */
  size_t bytes;
  size_t whole; /* bytes of the field with its key; 0: it cannot be read */
} field;

static field next_field(uint8_t *data, size_t bytes) {
  field none = {0}, f = {0};
  uint64_t key, value;
  size_t at = varint(data, bytes, &key);
  if (at == 0) return none;
  f.number = key >> 3;
  switch (key & 7) {
    case 0: {
      size_t taken = varint(data + at, bytes - at, &value);
      if (taken == 0) return none;
      at += taken;
      break;
    }
    case 1:
      at += 8;
      break;
    case 2: {
      size_t taken = varint(data + at, bytes - at, &value);
      if (taken == 0 || value > bytes - at - taken) return none;
      f.data = data + at + taken;
      f.bytes = (size_t)value;
      at += taken + (size_t)value;
      break;
    }
    case 5:
      at += 4;
      break;
    default:
      return none;
  }
  if (at > bytes) return none;
  f.whole = at;
  return f;
}

/* False: it cannot be read to its end. */
static bool blank_path(uint8_t *data, size_t bytes, const uint32_t *path, bool last) {
  for (size_t at = 0; at < bytes;) {
    field f = next_field(data + at, bytes - at);
    if (f.whole == 0) return false;
    at += f.whole;
    if (f.number != path[0]) continue;
    if (f.data == NULL) return false;
    if (last || path[1] == 0)
      memset(f.data, '*', f.bytes);
    else if (!blank_path(f.data, f.bytes, path + 1, true))
      return false;
  }
  return true;
}

void capture_blank_payload(uint32_t frame_type, uint8_t *payload, size_t bytes) {
  bool readable = true;
  for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
    if (secrets[i].frame_type == frame_type)
      readable = blank_path(payload, bytes, secrets[i].path, false) && readable;
  if (!readable) memset(payload, '*', bytes);
}

static bool token_character(uint8_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void capture_blank_tokens(uint8_t *data, size_t bytes) {
  static const char mark[4] = {'r', 'r', 't', '_'};
  enum { LEAST = 16 };
  for (size_t i = 0; i + sizeof mark + LEAST <= bytes; i++) {
    if (memcmp(data + i, mark, sizeof mark) != 0) continue;
    size_t end = i + sizeof mark;
    while (end < bytes && token_character(data[end])) end++;
    if (end - i < sizeof mark + LEAST) continue;
    memset(data + i + sizeof mark, '*', end - i - sizeof mark);
    i = end - 1;
  }
}
