/* Decode and Judge. */
#include <stdlib.h>
#include <string.h>

#include "link/link_text.h"
#include "link_testee.h"

/* ---- frames ---- */

static void add_line(Remote__Conformance__V1__Decoded *decoded, const char *line) {
  decoded->frames = realloc(decoded->frames, (decoded->n_frames + 1) * sizeof *decoded->frames);
  if (decoded->frames == NULL) abort();
  decoded->frames[decoded->n_frames++] =
      (char *)exact_copy((const uint8_t *)line, strlen(line) + 1);
}

void codec_decoded_free(Remote__Conformance__V1__Decoded *decoded) {
  for (size_t i = 0; i < decoded->n_frames; i++) free(decoded->frames[i]);
  free(decoded->frames);
}

/* What the binding reads must be what the library read, and what it writes as well. */
static void hold_binding(const lrm_frame *read, lrm_slice batch) {
  lrm_frame again = *read;
  char mine[LINK_TEXT_BYTES], its[LINK_TEXT_BYTES];
  if (!binding_read(batch, &again)) {
    say_broken("%s does not take a frame that the library takes", binding_name);
    return;
  }
  frame_text(read, mine);
  frame_text(&again, its);
  if (strcmp(mine, its) != 0) say_broken("%s reads %s, the library %s", binding_name, its, mine);
  size_t capacity = LRM_FRAME_HEADER_BYTES_MAX + read->payload.bytes;
  uint8_t *ours = must_alloc(capacity), *theirs = must_alloc(capacity);
  size_t ours_bytes = 0;
  size_t theirs_bytes = binding_write(&again, theirs, capacity);
  if (lrm_frame_encode(read, ours, capacity, &ours_bytes) != 0)
    say_broken("the library cannot write what it has read");
  else if (theirs_bytes > 0 &&
           (theirs_bytes != ours_bytes || memcmp(ours, theirs, ours_bytes) != 0))
    say_broken("%s writes %s in another way than the library", binding_name, mine);
  free(ours);
  free(theirs);
}

/* One frame off the front of what has arrived; 0: more is needed, or there is a fault. */
static size_t take_frame(const uint8_t *data, size_t bytes, size_t payload_max,
                         Remote__Conformance__V1__Decoded *decoded, size_t have) {
  uint8_t *copy = exact_copy(data, bytes);
  lrm_frame frame;
  size_t consumed = 0, wanted = 0;
  int error = lrm_frame_decode(copy, bytes, payload_max, &frame, &consumed, &wanted);
  if (error != 0) {
    decoded->code = error == LRM_ERR_LIMIT ? 4002 : 4001;
    decoded->at = have;
    consumed = 0;
  } else if (consumed > 0) {
    char line[LINK_TEXT_BYTES];
    hold_binding(&frame, (lrm_slice){copy, consumed});
    frame_text(&frame, line);
    add_line(decoded, line);
  }
  free(copy);
  return consumed;
}

void codec_decode(const Remote__Conformance__V1__Decode *ask, harness_response *response) {
  size_t payload_max = ask->payload_max > 0 ? ask->payload_max : LRM_FRAME_PAYLOAD_BYTES_MAX;
  size_t at = 0, have = 0;
  for (size_t i = 0; i <= ask->n_pieces && response->decoded->code == 0; i++) {
    size_t left = ask->stream.len - have;
    have += i < ask->n_pieces && ask->pieces[i] < left ? ask->pieces[i] : left;
    size_t consumed;
    do {
      consumed = take_frame(ask->stream.data + at, have - at, payload_max, response->decoded, have);
      at += consumed;
    } while (consumed > 0);
  }
}

/* ---- messages ---- */

void codec_judge(const Remote__Conformance__V1__Judge *ask, harness_response *response) {
  static const char plain[] = "plain:remote.v1.Batch";
  lrm_slice message = {exact_copy(ask->message.data, ask->message.len), ask->message.len};
  Remote__Conformance__V1__Judged *judged = response->judged;
  if (binding_plain && strcmp(ask->type, plain) == 0) {
    judged->code = binding_takes_plain(message) ? 0 : 4003;
  } else {
    int verdict = binding_judge(ask->type, message, &judged->encoded.data, &judged->encoded.len);
    if (verdict == -1) say_unsupported("%s is no message of %s", ask->type, binding_name);
    if (verdict == -2) say_broken("%s cannot decode or encode what passed", binding_name);
    judged->code = verdict == 1 ? 0 : 4003;
  }
  free((void *)(uintptr_t)message.data);
}
