/* Edits a protobuf message as the schema sees it and writes it anew, with all lengths right. */
#ifndef FUZZ_MESSAGE_EDIT_H
#define FUZZ_MESSAGE_EDIT_H

#include "schema.h"
#include "schema/bytes.h"

/* One edit, somewhere in the message or in a message inside it. `out` is filled; what it held is
 * kept in front. The same seed makes the same edit. */
void fuzz_message_edit(uint64_t seed, const lrm_schema_message *type, const uint8_t *data,
                       size_t size, bytes *out);

#endif
