/* Frames and events of the link as one line of text each, so that tests and conformance vectors
 * can say what they expect; and frames made from parts. */
#ifndef TESTS_LINK_TEXT_H
#define TESTS_LINK_TEXT_H

#include "remote/link.h"

#define LINK_TEXT_BYTES 512

/* "ACK ch=1 offset=3 credit=7", "GOAWAY code=4001", "PONG payload=0102030405060708". */
void frame_text(const lrm_frame *frame, char out[LINK_TEXT_BYTES]);
/* "BLOCK ch=1 offset=3 count=2 skip=1", "CLOSED ch=1 code=2003". */
void event_text(const lrm_link_event *event, char out[LINK_TEXT_BYTES]);
/* Every frame in `data`, one a line; GREASE is left out. Asserts that all is whole frames. */
void frames_text(const uint8_t *data, size_t bytes, char *out, size_t capacity);

/* Appends a frame whose payload is an encoded link message (NULL: none). Returns the new size. */
size_t put_frame(uint8_t *out, size_t at, size_t capacity, const lrm_frame *frame);
size_t put_message(uint8_t *out, size_t at, size_t capacity, lrm_frame frame, const void *message);

#endif
