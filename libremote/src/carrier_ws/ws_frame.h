/* Heads of WebSocket frames (RFC 6455 5.2): read strictly, written shortest. No state. */
#ifndef LRM_WS_FRAME_H
#define LRM_WS_FRAME_H

#include "remote/types.h"

typedef enum ws_opcode {
  WS_CONTINUATION = 0,
  WS_TEXT = 1,
  WS_BINARY = 2,
  WS_CLOSE = 8,
  WS_PING = 9,
  WS_PONG = 10
} ws_opcode;

/* RFC 6455 7.4.1 */
typedef enum ws_code {
  WS_NORMAL = 1000,
  WS_GOING_AWAY = 1001,
  WS_PROTOCOL_ERROR = 1002,
  WS_UNSUPPORTED = 1003,
  WS_NO_STATUS = 1005, /* of a close frame without a code; never sent */
  WS_INVALID_TEXT = 1007,
  WS_TOO_BIG = 1009,
  WS_INTERNAL = 1011,
  WS_TRY_LATER = 1013
} ws_code;

enum { WS_HEAD_BYTES_MAX = 14, WS_CONTROL_BYTES_MAX = 125, WS_MASK_BYTES = 4 };

typedef struct ws_head {
  bool final;
  bool masked;
  uint8_t opcode;
  uint8_t mask[WS_MASK_BYTES];
  uint64_t payload_bytes;
} ws_head;

/* Reads a head; *consumed 0: more bytes are needed. `masked`: whether the other side has to mask.
 * LRM_ERR_PROTOCOL: reserved bits or opcodes, masked wrongly, a length that is not minimal, a
 * control frame that is cut or longer than 125 bytes. */
int ws_head_read(const uint8_t *data, size_t bytes, bool masked, ws_head *out, size_t *consumed);
/* Writes a final frame's head; `mask` NULL: not masked. Returns its bytes. */
size_t ws_head_write(ws_opcode opcode, uint64_t payload_bytes, const uint8_t *mask,
                     uint8_t out[WS_HEAD_BYTES_MAX]);
/* XORs bytes that begin at `position` of their frame's payload. */
void ws_mask(uint8_t *data, size_t bytes, const uint8_t mask[WS_MASK_BYTES], uint64_t position);

/* A close frame's payload: its code (WS_NO_STATUS when it is empty) and reason. False: one byte, a
 * code that may not be on the wire, or a reason that is not UTF-8. */
bool ws_close_read(const uint8_t *data, size_t bytes, unsigned *code, lrm_slice *reason);
/* For people: "going away". */
const char *ws_code_text(unsigned code);

#endif
