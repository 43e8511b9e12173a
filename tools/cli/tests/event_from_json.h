/* Events as `remote watch --json` prints them (docs/cli-json.md), back into messages: scenes of
 * tests are written, or recorded, in that form. */
#ifndef TEST_CLI_EVENT_FROM_JSON_H
#define TEST_CLI_EVENT_FROM_JSON_H

#include <jansson.h>

#include "remote/v1/event.pb-c.h"

/* NULL: `object` is no such message; why is printed. Free it with protobuf_c_message_free_unpacked.
 */
ProtobufCMessage *message_from_json(const ProtobufCMessageDescriptor *type, const json_t *object);

#endif
