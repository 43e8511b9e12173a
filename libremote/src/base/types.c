#include "remote/types.h"

#include <string.h>

bool lrm_id_equal(const lrm_id *a, const lrm_id *b) {
  return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool lrm_id_none(const lrm_id *id) {
  uint8_t any = 0;
  for (size_t i = 0; i < sizeof id->bytes; i++) any |= id->bytes[i];
  return any == 0;
}

void lrm_id_hex(const lrm_id *id, char out[LRM_ID_HEX_BYTES]) {
  static const char digits[] = "0123456789abcdef";
  for (size_t i = 0; i < sizeof id->bytes; i++) {
    out[2 * i] = digits[id->bytes[i] >> 4];
    out[2 * i + 1] = digits[id->bytes[i] & 15];
  }
  out[32] = '\0';
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int lrm_id_parse(const char *text, size_t bytes, lrm_id *out) {
  if (bytes != 32) return LRM_ERR_USAGE;
  for (size_t i = 0; i < sizeof out->bytes; i++) {
    int high = hex_digit(text[2 * i]);
    int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return LRM_ERR_USAGE;
    out->bytes[i] = (uint8_t)(high << 4 | low);
  }
  return 0;
}

int lrm_id_from(const uint8_t *data, size_t bytes, lrm_id *out) {
  memset(out, 0, sizeof *out);
  if (bytes == 0) return 0;
  if (bytes != sizeof out->bytes) return LRM_ERR_DECODE;
  memcpy(out->bytes, data, bytes);
  return 0;
}

static const struct {
  uint32_t code;
  const char *name;
} code_names[] = {
    {LRM_CODE_NORMAL, "NORMAL"},
    {LRM_CODE_DRAIN, "DRAIN"},
    {LRM_CODE_HEARTBEAT, "HEARTBEAT"},
    {LRM_CODE_INTERNAL, "INTERNAL"},
    {LRM_CODE_SLOW_DOWN, "SLOW_DOWN"},
    {LRM_CODE_EPOCH, "EPOCH"},
    {LRM_CODE_TRIMMED, "TRIMMED"},
    {LRM_CODE_BAD_POSITION, "BAD_POSITION"},
    {LRM_CODE_UNAUTHENTICATED, "UNAUTHENTICATED"},
    {LRM_CODE_FORBIDDEN, "FORBIDDEN"},
    {LRM_CODE_REVOKED, "REVOKED"},
    {LRM_CODE_SUPERSEDED, "SUPERSEDED"},
    {LRM_CODE_FENCED, "FENCED"},
    {LRM_CODE_UPGRADE_REQUIRED, "UPGRADE_REQUIRED"},
    {LRM_CODE_POLICY, "POLICY"},
    {LRM_CODE_NOT_INTERACTIVE, "NOT_INTERACTIVE"},
    {LRM_CODE_NOT_FOUND, "NOT_FOUND"},
    {LRM_CODE_PROTOCOL, "PROTOCOL"},
    {LRM_CODE_LIMIT, "LIMIT"},
    {LRM_CODE_DECODE, "DECODE"},
    {LRM_CODE_INFLATE, "INFLATE"},
    {LRM_CODE_VIEW_ONLY, "VIEW_ONLY"},
    {LRM_CODE_COMMAND_POLICY, "POLICY"},
    {LRM_CODE_SLASH_NOT_ALLOWED, "SLASH_NOT_ALLOWED"},
    {LRM_CODE_INVALID, "INVALID"},
    {LRM_CODE_NO_SUCH_ASK, "NO_SUCH_ASK"},
    {LRM_CODE_OPTION_NOT_OFFERED, "OPTION_NOT_OFFERED"},
    {LRM_CODE_TOO_MANY, "TOO_MANY"},
    {LRM_CODE_COMMAND_BUSY, "BUSY"},
    {LRM_CODE_SESSION_ENDED, "SESSION_ENDED"},
    {LRM_CODE_AGENT_ERROR, "AGENT_ERROR"},
    {LRM_CODE_ELEVATION, "ELEVATION"},
    {LRM_CODE_TOO_LATE, "TOO_LATE"},
};

const char *lrm_code_name(uint32_t code) {
  for (size_t i = 0; i < sizeof code_names / sizeof *code_names; i++)
    if (code_names[i].code == code) return code_names[i].name;
  return "CODE";
}

bool lrm_code_reconnects(uint32_t code) { return code < 3000; }
