/* Takes credentials out of a frame, in place: its length stays. */
#ifndef REMOTE_CLI_CAPTURE_BLANK_H
#define REMOTE_CLI_CAPTURE_BLANK_H

#include <stddef.h>
#include <stdint.h>

/* `payload` is that of a frame of this type. Tokens and codes in HELLO, REQUEST and REPLY become
 * asterisks; a payload of these that cannot be read, all of it. */
void capture_blank_payload(uint32_t frame_type, uint8_t *payload, size_t bytes);
/* Anything that looks like a device token, wherever it stands. */
void capture_blank_tokens(uint8_t *data, size_t bytes);

#endif
