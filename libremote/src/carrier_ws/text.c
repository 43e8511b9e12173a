/* Base64, and the answer to a WebSocket key. */
#include <openssl/evp.h>
#include <string.h>

#include "carrier_ws/carrier_ws_internal.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void lrm__ws_base64(const uint8_t *data, size_t bytes, char *out) {
  for (size_t i = 0; i < bytes; i += 3) {
    uint32_t group = (uint32_t)data[i] << 16;
    if (i + 1 < bytes) group |= (uint32_t)data[i + 1] << 8;
    if (i + 2 < bytes) group |= data[i + 2];
    *out++ = digits[group >> 18];
    *out++ = digits[group >> 12 & 63];
    *out++ = i + 1 < bytes ? digits[group >> 6 & 63] : '=';
    *out++ = i + 2 < bytes ? digits[group & 63] : '=';
  }
  *out = '\0';
}

/* 16 bytes are 22 digits, of which the last has two bits, and "==". */
static bool is_key(lrm_slice key) {
  if (key.bytes != 24 || memcmp(key.data + 22, "==", 2) != 0) return false;
  for (size_t i = 0; i < 22; i++) {
    if (key.data[i] == '\0' || strchr(digits, key.data[i]) == NULL) return false;
  }
  return true;
}

bool lrm_ws_accept_key(lrm_slice key, char out[LRM_WS_ACCEPT_BYTES]) {
  static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 1.3 */
  enum { KEY_BYTES = 24, GUID_BYTES = sizeof guid - 1, SHA1_BYTES = 20 };
  uint8_t text[KEY_BYTES + GUID_BYTES], digest[SHA1_BYTES];
  if (!is_key(key)) return false;
  memcpy(text, key.data, KEY_BYTES);
  memcpy(text + KEY_BYTES, guid, GUID_BYTES);
  if (EVP_Digest(text, sizeof text, digest, NULL, EVP_sha1(), NULL) != 1) return false;
  lrm__ws_base64(digest, sizeof digest, out);
  return true;
}
