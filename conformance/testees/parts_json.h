/* Messages of the protocol as JSON, as conformance/README.md has them: fields by their names,
 * defaults left out, bytes as hex, enums by name without prefix. */
#ifndef CONFORMANCE_PARTS_JSON_H
#define CONFORMANCE_PARTS_JSON_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "remote/types.h"

/* A new reference. */
json_t *json_of_message(const ProtobufCMessage *message);
/* A message made of JSON; free with protobuf_c_message_free_unpacked. NULL: `error` says why. */
ProtobufCMessage *json_to_message(const ProtobufCMessageDescriptor *type, json_t *json, char *error,
                                  size_t error_bytes);
/* Text in hex; NULL: it is not. Free it. */
uint8_t *json_hex(const char *text, size_t *bytes);
json_t *json_of_bytes(const uint8_t *data, size_t bytes);
/* The value of an enum by its name without prefix, or by number. -1: unknown. */
int json_enum(const ProtobufCEnumDescriptor *type, json_t *json);

#endif
