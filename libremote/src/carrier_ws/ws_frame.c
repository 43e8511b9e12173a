#include "carrier_ws/ws_frame.h"

#include <string.h>

/* 7, 16 or 64 bits of length (RFC 6455 5.2). */
enum { LENGTH_16 = 126, LENGTH_64 = 127 };

static bool known_opcode(uint8_t opcode) {
  return opcode <= WS_BINARY || (opcode >= WS_CLOSE && opcode <= WS_PONG);
}

/* Reads the bytes of a long length. False: it could have been shorter, or is above 2^63-1. */
static bool read_length(const uint8_t *data, size_t bytes, uint64_t *out) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes; i++) value = value << 8 | data[i];
  *out = value;
  return bytes == 2 ? value >= LENGTH_16 : value > UINT16_MAX && value >> 63 == 0;
}

int ws_head_read(const uint8_t *data, size_t bytes, bool masked, ws_head *out, size_t *consumed) {
  *consumed = 0;
  if (bytes < 1) return 0;
  memset(out, 0, sizeof *out);
  out->final = (data[0] & 0x80) != 0;
  out->opcode = data[0] & 0x0f;
  bool control = out->opcode >= WS_CLOSE;
  if ((data[0] & 0x70) != 0 || !known_opcode(out->opcode) || (control && !out->final)) {
    return LRM_ERR_PROTOCOL;
  }
  if (bytes < 2) return 0;
  out->masked = (data[1] & 0x80) != 0;
  uint8_t length = data[1] & 0x7f;
  if (out->masked != masked || (control && length > WS_CONTROL_BYTES_MAX)) return LRM_ERR_PROTOCOL;
  size_t length_bytes = length == LENGTH_16 ? 2 : length == LENGTH_64 ? 8 : 0;
  size_t head_bytes = 2 + length_bytes + (masked ? WS_MASK_BYTES : 0);
  if (bytes < 2 + length_bytes) return 0;
  out->payload_bytes = length;
  if (length_bytes > 0 && !read_length(data + 2, length_bytes, &out->payload_bytes)) {
    return LRM_ERR_PROTOCOL;
  }
  if (bytes < head_bytes) return 0;
  if (masked) memcpy(out->mask, data + 2 + length_bytes, WS_MASK_BYTES);
  *consumed = head_bytes;
  return 0;
}

size_t ws_head_write(ws_opcode opcode, uint64_t payload_bytes, const uint8_t *mask,
                     uint8_t out[WS_HEAD_BYTES_MAX]) {
  size_t at = 2;
  size_t length_bytes = payload_bytes < LENGTH_16 ? 0 : payload_bytes <= UINT16_MAX ? 2 : 8;
  out[0] = (uint8_t)(0x80 | opcode);
  out[1] = (uint8_t)(length_bytes == 0 ? payload_bytes : length_bytes == 2 ? LENGTH_16 : LENGTH_64);
  for (size_t i = length_bytes; i > 0; i--) out[at++] = (uint8_t)(payload_bytes >> (8 * (i - 1)));
  if (mask != NULL) {
    out[1] |= 0x80;
    memcpy(out + at, mask, WS_MASK_BYTES);
    at += WS_MASK_BYTES;
  }
  return at;
}

void ws_mask(uint8_t *data, size_t bytes, const uint8_t mask[WS_MASK_BYTES], uint64_t position) {
  uint8_t turned[8];
  for (size_t i = 0; i < sizeof turned; i++) turned[i] = mask[(position + i) & 3];
  uint64_t word;
  memcpy(&word, turned, sizeof word);
  size_t at = 0;
  for (; at + sizeof word <= bytes; at += sizeof word) {
    uint64_t value;
    memcpy(&value, data + at, sizeof value);
    value ^= word;
    memcpy(data + at, &value, sizeof value);
  }
  for (; at < bytes; at++) data[at] ^= turned[at & 7];
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(lrm_slice text) {
  if (text.bytes == 0) return true;
  const uint8_t *c = text.data;
  const uint8_t *end = text.data + text.bytes;
  while (c < end) {
    unsigned more = *c < 0x80 ? 0 : *c >= 0xf0 ? 3 : *c >= 0xe0 ? 2 : 1;
    if (*c >= 0x80 && (*c < 0xc2 || *c > 0xf4)) return false;
    if ((size_t)(end - c) <= more) return false;
    if ((*c == 0xe0 && c[1] < 0xa0) || (*c == 0xed && c[1] > 0x9f) || (*c == 0xf0 && c[1] < 0x90) ||
        (*c == 0xf4 && c[1] > 0x8f)) {
      return false;
    }
    for (unsigned i = 1; i <= more; i++) {
      if ((c[i] & 0xc0) != 0x80) return false;
    }
    c += more + 1;
  }
  return true;
}

static bool on_the_wire(unsigned code) {
  if (code >= 3000 && code <= 4999) return true;
  return code >= WS_NORMAL && code <= 1014 && code != 1004 && code != WS_NO_STATUS && code != 1006;
}

bool ws_close_read(const uint8_t *data, size_t bytes, unsigned *code, lrm_slice *reason) {
  *code = WS_NO_STATUS;
  *reason = (lrm_slice){NULL, 0};
  if (bytes == 0) return true;
  if (bytes == 1) return false;
  *code = (unsigned)data[0] << 8 | data[1];
  if (bytes > 2) *reason = (lrm_slice){data + 2, bytes - 2};
  return on_the_wire(*code) && is_utf8(*reason);
}

const char *ws_code_text(unsigned code) {
  switch (code) {
    case WS_NORMAL:
    case WS_NO_STATUS:
      return "in order";
    case WS_GOING_AWAY:
      return "it is going away";
    case WS_PROTOCOL_ERROR:
      return "it says that WebSocket was spoken wrongly";
    case WS_UNSUPPORTED:
      return "it does not take this kind of message";
    case 1008:
      return "it refuses by its policy";
    case WS_TOO_BIG:
      return "it says that a message was too big";
    case WS_INTERNAL:
      return "it failed";
    case 1012:
      return "it is being restarted";
    case WS_TRY_LATER:
      return "it is busy; try again later";
    default:
      return "for a reason of its own";
  }
}
