/* Captures and `remote inspect`, on wild bytes. First byte: the low two bits, how the rest is
 * taken; the others, in what pieces. The rest is a stream of frames, which is taken 0  as a raw
 * stream of one side 1  as a capture: records, after the magic 2  as frames of the side that sends
 * their type, on one carrier 3  the same on two carriers in turn, behind a HELLO and a WELCOME
 * Holds: what is printed does not depend on the pieces, for people and as JSON; nothing but
 * printable lines comes out; a capture keeps every length and no token. */
#include <string.h>

#include "capture_blank.h"
#include "inspect.h"
#include "layout.h"
#include "target.h"

const fuzz_layout fuzz_layout_here = {.head = 1};

/* Blocks inflate to a thousand times their size: inputs are small. */
enum { INPUT_MAX = 16 * 1024 };

typedef struct output {
  char *text;
  size_t bytes;
} output;

static uint8_t *copy(const uint8_t *data, size_t bytes) {
  uint8_t *out = malloc(bytes + 1);
  if (out == NULL) abort();
  if (bytes > 0) memcpy(out, data, bytes);
  return out;
}

/* ---- the ways in ---- */

static void as_source(inspect_flow *flow, const uint8_t *data, size_t bytes, size_t piece,
                      bool capture) {
  inspect_source *source = inspect_source_create(flow);
  FUZZ_CHECK(source != NULL);
  bool good =
      !capture || inspect_source_feed(source, (const uint8_t *)CAPTURE_MAGIC, CAPTURE_MAGIC_BYTES);
  for (size_t at = 0; good && at < bytes; at += piece)
    good = inspect_source_feed(source, data + at, bytes - at < piece ? bytes - at : piece);
  (void)inspect_source_end(source);
  inspect_source_destroy(source);
}

static void give(inspect_flow *flow, bool connecting, uint32_t carrier, const uint8_t *data,
                 size_t bytes, size_t piece) {
  for (size_t at = 0; at < bytes; at += piece) {
    capture_record record = {.kind = connecting ? CAPTURE_CONNECTING : CAPTURE_ACCEPTING,
                             .carrier = carrier,
                             .at_us = 1,
                             .data = {data + at, bytes - at < piece ? bytes - at : piece}};
    inspect_flow_record(flow, &record);
  }
}

static bool of_the_accepting_side(uint32_t type) {
  return type == LRM_FRAME_WELCOME || type == LRM_FRAME_OPENED || type == LRM_FRAME_SYNCED ||
         type == LRM_FRAME_LOG_STATUS || type == LRM_FRAME_RECEIPT || type == LRM_FRAME_REPLY ||
         type == LRM_FRAME_BLOCK || type == LRM_FRAME_TAIL || type == LRM_FRAME_INFO;
}

static void as_frames(inspect_flow *flow, const uint8_t *data, size_t bytes, size_t piece,
                      uint32_t carriers) {
  uint32_t turn = 0;
  for (size_t at = 0; at < bytes; turn++) {
    lrm_frame frame;
    size_t consumed = 0, wanted = 0;
    int result = lrm_frame_decode(data + at, bytes - at, LRM_FRAME_PAYLOAD_BYTES_MAX, &frame,
                                  &consumed, &wanted);
    if (result != 0 || consumed == 0) {
      give(flow, true, turn % carriers, data + at, bytes - at, piece);
      break;
    }
    give(flow, !of_the_accepting_side(frame.type), turn % carriers, data + at, consumed, piece);
    at += consumed;
  }
  inspect_flow_end(flow);
}

static void greet(inspect_flow *flow, uint32_t carriers) {
  static const uint8_t hello[] =
      "\x0a\x1c\x08\x01\x7a\x18\x08\x01\x10\x01\x1a\x10llllllllllllllll\x20\x01";
  static const uint8_t welcome[] = "\x0a\x06\x08\x02\x7a\x02\x08\x01";
  for (uint32_t i = 0; i < carriers; i++) {
    give(flow, true, i, hello, sizeof hello - 1, sizeof hello);
    give(flow, false, i, welcome, sizeof welcome - 1, sizeof welcome);
  }
}

/* ---- what holds ---- */

static output print(const uint8_t *data, size_t bytes, unsigned way, size_t piece, bool json) {
  output out = {NULL, 0};
  inspect_printer printer = {.json = json};
  printer.to = open_memstream(&out.text, &out.bytes);
  FUZZ_CHECK(printer.to != NULL);
  printer.flow = inspect_flow_create(&inspect_printer_ops, &printer);
  FUZZ_CHECK(printer.flow != NULL);
  if (way < 2) {
    as_source(printer.flow, data, bytes, piece, way == 1);
  } else {
    if (way == 3) greet(printer.flow, 2);
    as_frames(printer.flow, data, bytes, piece, way - 1);
  }
  inspect_flow_destroy(printer.flow);
  fclose(printer.to);
  return out;
}

static void check_printable(const output *out, bool json) {
  for (size_t i = 0; i < out->bytes; i++) {
    uint8_t c = (uint8_t)out->text[i];
    FUZZ_CHECK(c == '\n' || (c >= ' ' && (json || c != 0x7f)));
  }
}

static void check_pieces(const uint8_t *data, size_t bytes, unsigned way, size_t piece, bool json) {
  output whole = print(data, bytes, way, bytes + 1, json);
  output parts = print(data, bytes, way, piece, json);
  FUZZ_CHECK(whole.bytes == parts.bytes);
  FUZZ_CHECK(memcmp(whole.text, parts.text, whole.bytes) == 0);
  check_printable(&whole, json);
  free(whole.text);
  free(parts.text);
}

/* No token and no code is left, and blanking again changes nothing. */
static void check_blanked(const uint8_t *data, size_t bytes, uint32_t type) {
  uint8_t *once = copy(data, bytes), *twice;
  capture_blank_payload(type, once, bytes);
  capture_blank_tokens(once, bytes);
  twice = copy(once, bytes);
  capture_blank_payload(type, twice, bytes);
  capture_blank_tokens(twice, bytes);
  FUZZ_CHECK(memcmp(once, twice, bytes) == 0);
  free(once);
  free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint32_t types[] = {LRM_FRAME_HELLO, LRM_FRAME_REQUEST, LRM_FRAME_REPLY};
  if (size < 1 || size > INPUT_MAX) return 0;
  unsigned way = data[0] & 3;
  size_t piece = 1 + (size_t)(data[0] >> 2);
  uint8_t *rest = copy(data + 1, size - 1);
  check_pieces(rest, size - 1, way, piece, false);
  check_pieces(rest, size - 1, way, piece, true);
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) check_blanked(rest, size - 1, types[i]);
  free(rest);
  return 0;
}
